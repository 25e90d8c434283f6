//! A letter as a mail: headers, plain text and HTML.
//!
//! The same letter under the same key is the same message, byte for byte: nothing in it comes from
//! the clock or from chance. No `.ics` is attached: whoever gets one of these mails has the event in
//! their calendar already, under a UID that is not ours to publish, and a second entry would be worse
//! than none.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::letter::Letter;
use super::render::render;
use super::words::one_line;
use crate::config;
use crate::domain::people::{Address, Participant};

/// The last second that a `Date` header can hold: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Who gets a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The full name, where it is known.
    pub name: Option<String>,
    pub address: Address,
}

impl From<&Participant> for Recipient {
    fn from(person: &Participant) -> Self {
        Self { name: Some(person.name.clone()), address: person.main().clone() }
    }
}

impl From<&Address> for Recipient {
    fn from(address: &Address) -> Self {
        Self { name: None, address: address.clone() }
    }
}

/// Why a mail could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("the recipient's address cannot be used in a mail")]
    Address(#[source] lettre::address::AddressError),
    #[error("the template failed")]
    Template(#[from] minijinja::Error),
    #[error("the message cannot be built")]
    Message(#[from] lettre::error::Error),
}

/// Writes the mail that says `letter`, from the configured sender.
///
/// `key` is the alert's; it alone makes the Message-ID, so that a repetition is recognised as one.
pub fn compose(
    mail: &config::Mail,
    to: &Recipient,
    key: &str,
    date: DateTime<Utc>,
    letter: &Letter,
) -> Result<Message, ComposeError> {
    let rendered = render(letter)?;
    let name = to.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let (local, domain) = to.address.as_str().split_once('@').unwrap_or_default();
    let address = lettre::Address::new(local, ascii(domain)).map_err(ComposeError::Address)?;
    let seconds = u64::try_from(date.timestamp().clamp(0, LAST_SECOND)).unwrap_or(0);
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("mentord-{}", fingerprint(key)))
        .singlepart(SinglePart::plain(rendered.text))
        .singlepart(SinglePart::html(rendered.html));
    let message = Message::builder()
        .message_id(Some(message_id(mail, key)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .from(mail.from.clone())
        .to(Mailbox::new(name, address))
        .subject(rendered.subject)
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("List-Unsubscribe", unsubscribe(&mail.from)))
        .multipart(parts)?;
    Ok(message)
}

/// The Message-ID of the alert with this key, in its angle brackets.
pub fn message_id(mail: &config::Mail, key: &str) -> String {
    format!("<{}@{}>", fingerprint(key), ascii(mail.from.email.domain()))
}

/// The first 160 bits of the key's SHA-256, in hexadecimal: the key names people, a header must not.
fn fingerprint(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// The domain as DNS and old mail servers know it: `bücher.example` is `xn--bcher-kva.example`.
fn ascii(domain: &str) -> String {
    url::Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string())
}

/// A way to say "no more" by mail (RFC 2369); it reaches a person, who sees who wrote.
fn unsubscribe(from: &Mailbox) -> String {
    let local: String = form_urlencoded::byte_serialize(from.email.user().as_bytes()).collect();
    // In forms a space is a plus; a literal plus has become %2B by now.
    let local = local.replace('+', "%20");
    format!("<mailto:{local}@{}?subject=unsubscribe>", ascii(from.email.domain()))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}
