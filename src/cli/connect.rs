//! `mentord connect`

use clap::Args;

use super::failure::{Failure, complain};
use super::{WithConfig, common, output};
use crate::config;
use crate::daemon::service;
use crate::domain::calendar::Calendar;
use crate::domain::people::{Address, Participant};
use crate::notify::letter::{Consent, Letter, Matter};
use crate::notify::{Notifier, Recipient};
use crate::pipeline::Context;
use crate::pipeline::accounts::consent::{invite, vendor};
use crate::store::ConsentKind;

#[derive(Debug, Args)]
pub struct Options {
    /// An address of the participant
    address: String,
    #[command(flatten)]
    file: WithConfig,
    /// Also send the link to the participant by mail
    #[arg(long)]
    mail: bool,
    /// A link for withdrawing the consent, instead of giving it
    #[arg(long)]
    withdraw: bool,
}

/// Prints the link, and nothing else, to standard output.
pub async fn run(options: &Options) -> Result<(), Failure> {
    let address =
        Address::parse(&options.address).map_err(|error| Failure::usage(format!("mentord: {error}")))?;
    let config = config::load(&options.file.config)?;
    if options.mail && config.mail.is_none() {
        let file = options.file.config.display();
        return Err(Failure::new(format!(
            "mentord: {file} has no [mail] section, so nothing can be sent: add one, or leave out --mail"
        )));
    }
    // The roster may name people whom nobody has heard of so far.
    let context = service::prepare(&config, common::clock()).await?;
    common::closing(context, async |context| connect(context, options, &address).await).await
}

async fn connect(context: &Context, options: &Options, address: &Address) -> Result<(), Failure> {
    let participants = context.store.participants().await?;
    let person = participants.iter().find(|person| person.is(address)).ok_or_else(|| {
        Failure::new(format!("mentord: nobody in the roster has the address {address}; is it spelled right?"))
    })?;
    let calendars = context.store.calendars().await?;
    let own: Vec<&Calendar> = calendars.iter().filter(|calendar| calendar.owner == person.id).collect();
    let on_consent: Vec<&Calendar> =
        own.iter().filter(|calendar| context.accounts.contains_key(&calendar.connection)).copied().collect();
    if on_consent.is_empty() {
        return Err(Failure::new(match own.first() {
            Some(calendar) => format!(
                "mentord: no consent is needed for {address}: connection “{}” reads the calendar without; \
                 it would be asked for with auth = \"user_consent\"",
                calendar.connection
            ),
            None => format!(
                "mentord: {address} has no calendar here: no connection has the domain {} among its `domains`",
                address.domain()
            ),
        }));
    }
    let kind = if options.withdraw { ConsentKind::Withdraw } else { ConsentKind::Connect };
    for calendar in on_consent {
        let (connection, address) = (&calendar.connection, &calendar.address);
        let Some((link, until)) = invite(context, connection, address, kind).await? else {
            return Err(Failure::new(
                "mentord: the configuration has no [web] public_url, so there is no page to send anybody to: \
                 write where browsers reach mentord, like public_url = \"https://mentoring.example.org\"",
            ));
        };
        output::print(link.as_str())?;
        let until_text = until.format("%Y-%m-%d %H:%M");
        // Links to withdraw that people were given go on working.
        let earlier = if options.withdraw { "" } else { "; earlier links are not any more" };
        complain(&format!("for {address} alone, good until {until_text} UTC{earlier}"));
        if let (true, Some(notifier)) = (options.mail, &context.notifier) {
            let vendor = vendor(context, connection).to_owned();
            let matter =
                Consent { address: address.clone(), vendor, link, until, withdraw: options.withdraw };
            send(context, notifier, person, matter).await?;
        }
    }
    Ok(())
}

async fn send(
    context: &Context,
    notifier: &Notifier,
    person: &Participant,
    matter: Consent,
) -> Result<(), Failure> {
    let pairings = context.store.pairings(None).await?;
    let program = pairings
        .iter()
        .find(|pairing| pairing.members().any(|(_, member)| member.id == person.id))
        .and_then(|pairing| context.program(&pairing.program))
        .ok_or_else(|| {
            Failure::new("mentord: the person is in no pairing of a program, so no mail is written")
        })?;
    // A link is a message of its own.
    let key = format!("consent:{}", matter.link);
    let letter = Letter {
        program: program.title.clone(),
        zone: program.timezone,
        greeting: Some(person.first_name().to_owned()),
        matter: Matter::Consent(matter),
    };
    let recipient = Recipient::from(person);
    let sent = notifier.deliver(&recipient, &key, context.clock.now(), &letter, async || true).await;
    match sent {
        Ok(_) => {
            complain(&format!("sent to {}", recipient.address));
            Ok(())
        }
        Err(error) => Err(Failure::new(format!("mentord: the mail was not sent: {error}"))),
    }
}
