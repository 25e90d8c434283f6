//! The end of a sign-in: what came back from the vendor's page, and what came of it.

use chrono::{DateTime, Utc};
use url::Url;

use super::Accounts;
use super::consent::invite;
use crate::domain::people::Address;
use crate::pipeline::Context;
use crate::pipeline::secrets::digest;
use crate::providers::ProviderError;
use crate::providers::consent::{Granted, Unsaid};
use crate::store::{Consent, ConsentKind, StoreError};

/// What came back from the vendor's page.
pub enum CameBack {
    Code(String),
    /// The vendor's word for why there is no code, and what it says besides.
    Error {
        error: String,
        description: String,
    },
}

/// What came of a sign-in.
#[derive(Debug)]
pub enum Outcome {
    Connected {
        address: Address,
        vendor: &'static str,
        withdraw: Url,
    },
    /// It was not begun here, has been used, or took too long.
    Stale,
    /// Somebody else began it, or the same person in another browser.
    OtherBrowser,
    /// The person said no.
    Denied,
    /// Their organisation wants an administrator to approve it first.
    NeedsAdministrator,
    /// What was granted is not enough to read a calendar.
    TooLittle,
    /// Somebody else has signed in than the link was for.
    SomebodyElse {
        expected: Address,
        signed_in: Vec<Address>,
        /// It is another address of the same person, by the roster.
        alias: bool,
    },
    /// It did not work; the text is for the operator.
    Trouble(String),
}

/// Ends a sign-in with what came back to the browser that keeps `browser`.
pub async fn finish(
    context: &Context,
    state: &str,
    browser: Option<&str>,
    came_back: CameBack,
) -> Result<Outcome, StoreError> {
    let (now, state) = (context.clock.now(), digest(state));
    let Some(browser) = browser else { return Ok(Outcome::OtherBrowser) };
    let Some(consent) = context.store.use_state(&state, &digest(browser), now).await? else {
        let known = context.store.consent(&state).await?;
        let waits = known
            .is_some_and(|it| it.kind == ConsentKind::State && it.used_at.is_none() && it.expires_at > now);
        return Ok(if waits { Outcome::OtherBrowser } else { Outcome::Stale });
    };
    // Two sign-ins may have begun with one link; the first that ends uses it up. A link that another one
    // has taken the place of has expired.
    let link = match &consent.link {
        Some(link) => context.store.consent(link).await?,
        None => None,
    };
    if link.is_none_or(|link| link.used_at.is_some() || link.expires_at <= now) {
        return Ok(Outcome::Stale);
    }
    let Some(accounts) = context.accounts.get(&consent.connection) else { return Ok(Outcome::Stale) };
    let outcome = match came_back {
        CameBack::Code(code) => redeemed(context, accounts, &consent, browser, &code).await?,
        CameBack::Error { error, description } => unsaid(accounts.sign_in().unsaid(&error, &description)),
    };
    if let Some(reason) = not_given(&outcome, now) {
        context.store.consent_not_given(&consent.connection, &consent.address, &reason, now).await?;
    }
    Ok(outcome)
}

async fn redeemed(
    context: &Context,
    accounts: &Accounts,
    consent: &Consent,
    browser: &str,
    code: &str,
) -> Result<Outcome, StoreError> {
    let Some(pages) = &context.pages else { return Ok(Outcome::Stale) };
    let granted = match accounts.sign_in().redeem(code, browser, &pages.callback()).await {
        Ok(granted) => granted,
        Err(error) => return Ok(trouble(&consent.connection, &error.into())),
    };
    let outcome = if !granted.who.iter().any(|who| who.is_same_mailbox(&consent.address)) {
        somebody_else(context, consent, &granted).await?
    } else if !accounts.suffices(&granted) {
        Outcome::TooLittle
    } else {
        return connected(context, accounts, consent, &granted).await;
    };
    accounts.give_back(&granted).await?;
    Ok(outcome)
}

async fn connected(
    context: &Context,
    accounts: &Accounts,
    consent: &Consent,
    granted: &Granted,
) -> Result<Outcome, StoreError> {
    if let Err(error) = accounts.keep(&consent.address, granted, consent.link.as_deref()).await {
        return Ok(trouble(&consent.connection, &error));
    }
    tracing::info!(connection = consent.connection, "{} has consented", consent.address.masked());
    let withdraw = invite(context, &consent.connection, &consent.address, ConsentKind::Withdraw).await?;
    let vendor = accounts.sign_in().vendor();
    Ok(match withdraw {
        Some((withdraw, _)) => Outcome::Connected { address: consent.address.clone(), vendor, withdraw },
        None => Outcome::Stale,
    })
}

/// The calendar is asked for by its address. By which other names of the same person a vendor would
/// open it is not written down anywhere, so it is the address that has to be put right.
async fn somebody_else(
    context: &Context,
    consent: &Consent,
    granted: &Granted,
) -> Result<Outcome, StoreError> {
    let participants = context.store.participants().await?;
    let person = participants.iter().find(|person| person.is(&consent.address));
    let alias = person.is_some_and(|person| granted.who.iter().any(|who| person.is(who)));
    if alias {
        tracing::warn!(
            connection = consent.connection,
            "{} signed in with another of their addresses: put the one that they sign in with first in the \
             roster",
            consent.address.masked()
        );
    }
    Ok(Outcome::SomebodyElse { expected: consent.address.clone(), signed_in: granted.who.clone(), alias })
}

/// Why there is no code.
fn unsaid(why: Unsaid) -> Outcome {
    match why {
        Unsaid::Declined => Outcome::Denied,
        Unsaid::Administrator(said) => {
            tracing::warn!("a sign-in ended without a code: an administrator has to act first ({said})");
            Outcome::NeedsAdministrator
        }
        Unsaid::Other(said) => {
            tracing::warn!("a sign-in ended without a code: {said}");
            Outcome::Trouble(format!("the sign-in ended with {said}"))
        }
    }
}

/// What is to be known of a sign-in that came to nothing, if it says something about the consent.
fn not_given(outcome: &Outcome, now: DateTime<Utc>) -> Option<String> {
    let day = now.format("%Y-%m-%d");
    Some(match outcome {
        Outcome::Denied => format!("the consent was declined on {day}"),
        Outcome::NeedsAdministrator => format!(
            "the organisation wants an administrator to approve the application first (found on {day})"
        ),
        Outcome::TooLittle => format!("the consent given on {day} left the calendar out"),
        Outcome::SomebodyElse { alias: true, .. } => format!(
            "on {day} the person signed in with another of their addresses; put that one first in the roster"
        ),
        Outcome::SomebodyElse { alias: false, .. } => {
            format!("on {day} somebody with another address signed in")
        }
        Outcome::Connected { .. } | Outcome::Stale | Outcome::OtherBrowser | Outcome::Trouble(_) => {
            return None;
        }
    })
}

fn trouble(connection: &str, error: &ProviderError) -> Outcome {
    tracing::warn!(connection, "a sign-in did not work: {error}");
    Outcome::Trouble(error.to_string())
}
