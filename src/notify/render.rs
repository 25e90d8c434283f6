//! A letter put into words: subject, plain text and HTML from the templates.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};
use url::Url;

use super::letter::{Audience, Digest, Letter, Matter, Reminder};
use super::words;
use crate::domain::event::{Conference, ConferenceService};
use crate::domain::pairing::Role;

/// A letter in words, not yet a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates, each by the name of its file.
const TEMPLATES: [(&str, &str); 15] = [
    ("frame.txt", include_str!("templates/frame.txt")),
    ("frame.html", include_str!("templates/frame.html")),
    ("box.html", include_str!("templates/box.html")),
    ("reminder.txt", include_str!("templates/reminder.txt")),
    ("reminder.html", include_str!("templates/reminder.html")),
    ("missed.txt", include_str!("templates/missed.txt")),
    ("missed.html", include_str!("templates/missed.html")),
    ("nudge.txt", include_str!("templates/nudge.txt")),
    ("nudge.html", include_str!("templates/nudge.html")),
    ("first.txt", include_str!("templates/first.txt")),
    ("first.html", include_str!("templates/first.html")),
    ("digest.txt", include_str!("templates/digest.txt")),
    ("digest.html", include_str!("templates/digest.html")),
    ("consent.txt", include_str!("templates/consent.txt")),
    ("consent.html", include_str!("templates/consent.html")),
];

/// The templates are part of the program: that they parse is shown by the first test, not at run time.
static ENVIRONMENT: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment().expect("the embedded templates are tested"));

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Puts a letter into words.
pub fn render(letter: &Letter) -> Result<Rendered, Error> {
    let (kind, matter) = matter(letter);
    let name = letter.greeting.as_deref().map(words::one_line);
    let own = context! {
        program => words::one_line(&letter.program),
        greeting => name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},")),
        ..matter
    };
    let mut text = ENVIRONMENT.get_template(&format!("{kind}.txt"))?.render_captured(own.clone())?;
    let subject = text.with_state_mut(|state| state.render_block("subject"))?;
    // The HTML has the subject as its title.
    let own = context! { subject => words::one_line(&subject), ..own };
    Ok(Rendered {
        subject: words::one_line(&subject),
        text: text.into_output(),
        html: ENVIRONMENT.get_template(&format!("{kind}.html"))?.render(own)?,
    })
}

/// The name of the template and what it needs.
fn matter(letter: &Letter) -> (&'static str, Value) {
    let zone = letter.zone;
    match &letter.matter {
        Matter::Reminder(it) => {
            let local = it.start.with_timezone(&zone);
            let lead = (it.lead.num_seconds() > 0).then(|| words::span(it.lead));
            let own = context! {
                others => words::list(&it.others),
                when => words::stretch(it.start, it.end, zone),
                short => local.format("%A %-d %B, %H:%M").to_string(),
                lead, place => place(it), link => it.conference.as_ref().and_then(link),
                mentor => it.role == Role::Mentor, manager => false,
            };
            ("reminder", own)
        }
        Matter::Missed(it) => {
            let day = it.start.with_timezone(&zone);
            let own = context! {
                others => words::list(&it.others),
                when => words::stretch(it.start, it.end, zone),
                short => day.format("%-d %B").to_string(),
                seen_alone => it.seen_alone,
                next => it.next.map(|next| words::moment(next, zone)),
                manager => false,
            };
            ("missed", own)
        }
        Matter::Nudge(it) => {
            let last = it.last_held.map(|at| words::day(at.with_timezone(&zone).date_naive()));
            let own = context! {
                others => words::list(&it.others), last, every => words::every(it.cadence),
                mentee => it.audience == Audience::Mentee,
                manager => it.audience == Audience::Manager,
            };
            ("nudge", own)
        }
        Matter::FirstMeeting(it) => {
            let own = context! {
                others => words::list(&it.others), since => words::day(it.since),
                within => words::span(it.within),
                mentor => it.role == Role::Mentor, manager => false,
            };
            ("first", own)
        }
        Matter::Digest(it) => ("digest", digest(letter, it)),
        Matter::Consent(it) => {
            let own = context! {
                address => it.address.as_str(), vendor => words::one_line(&it.vendor),
                link => it.link.as_str(), until => words::moment(it.until, zone),
                withdraw => it.withdraw, manager => false,
            };
            ("consent", own)
        }
    }
}

fn digest(letter: &Letter, it: &Digest) -> Value {
    let (sessions, coverage) = (it.sessions, it.coverage);
    let attendance = it.attendance.map(|share| {
        context! {
            rate => words::percent(share.rate),
            low => words::percent(share.low),
            high => words::percent(share.high),
        }
    });
    let pairs: Vec<Value> = it
        .to_look_after
        .iter()
        .map(|one| context! { pair => words::one_line(&one.pair), why => words::one_line(&one.why) })
        .collect();
    context! {
        from => words::day(it.from), to => words::day(it.to),
        as_of => words::moment(it.as_of, letter.zone),
        rows => [
            ("Due to take place", sessions.scheduled), ("Held", sessions.held),
            ("Missed", sessions.missed), ("Not known", sessions.unknown),
            ("Cancelled", sessions.cancelled),
        ],
        held => sessions.held, scheduled => sessions.scheduled, unknown => sessions.unknown,
        attendance,
        count => words::counted(i64::try_from(pairs.len()).unwrap_or(i64::MAX), "pair"),
        pairs,
        connected => coverage.connected, total => coverage.total, stale => coverage.stale,
        manager => true,
    }
}

/// Where the call of the session is.
fn place(it: &Reminder) -> Option<&'static str> {
    Some(match it.conference.as_ref()?.service {
        ConferenceService::GoogleMeet => "Google Meet",
        ConferenceService::MicrosoftTeams => "Microsoft Teams",
        ConferenceService::Other => "Video call",
    })
}

/// A link to join, only where it surely leads to the vendor: what stands on a calendar may be
/// anybody's.
fn link(conference: &Conference) -> Option<String> {
    let key = conference.key.as_str();
    match conference.service {
        ConferenceService::GoogleMeet => (!key.is_empty()
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        .then(|| format!("https://meet.google.com/{key}")),
        ConferenceService::MicrosoftTeams => Url::parse(key)
            .ok()
            .filter(|url| url.scheme() == "https" && url.username().is_empty())
            .filter(|url| {
                matches!(
                    url.host_str(),
                    Some("teams.microsoft.com" | "teams.cloud.microsoft" | "teams.live.com")
                )
            })
            .map(String::from),
        ConferenceService::Other => None,
    }
}
