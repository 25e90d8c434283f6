//! People and the addresses by which calendars know them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mail address, in lower case, with exactly one `@` and something on both sides of it.
///
/// Two addresses are the same mailbox when their [`Address::mailbox`] is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mail address; write it like `name@example.org`")]
pub struct AddressError(pub String);

impl Address {
    /// Reads an address as people write it: surrounding white space and letter case do not matter.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.trim().to_owned());
        let address = text.trim().to_lowercase();
        let (local, domain) = address.split_once('@').ok_or_else(wrong)?;
        let forbidden =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | ',' | ';' | '<' | '>' | '"');
        if local.is_empty()
            || domain.is_empty()
            || address.chars().filter(|&c| c == '@').count() != 1
            || address.chars().any(|c| c != '@' && forbidden(c))
            || domain.starts_with('.')
            || domain.ends_with('.')
        {
            return Err(wrong());
        }
        Ok(Self(address))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The form under which two spellings of one mailbox meet.
    ///
    /// Only consumer Gmail is known to ignore dots and what follows a `+`
    /// (<https://support.google.com/mail/answer/7436150>); elsewhere they may name another person.
    pub fn mailbox(&self) -> String {
        match self.0.split_once('@') {
            Some((local, "gmail.com" | "googlemail.com")) => {
                let plain = local.split('+').next().unwrap_or(local).replace('.', "");
                format!("{plain}@gmail.com")
            }
            _ => self.0.clone(),
        }
    }

    /// Whether it is a calendar that several share or a room, by the addresses that Google gives them, which
    /// other vendors pass on.
    pub fn is_nobody(&self) -> bool {
        matches!(self.domain(), "group.calendar.google.com" | "resource.calendar.google.com")
    }

    /// Whether both spell the same mailbox.
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        let is_gmail = |address: &Self| matches!(address.domain(), "gmail.com" | "googlemail.com");
        self == other || (is_gmail(self) && is_gmail(other) && self.mailbox() == other.mailbox())
    }

    /// The address as it may stand in a log: enough to recognise, too little to write to.
    pub fn masked(&self) -> String {
        let first = self.0.chars().next().unwrap_or('?');
        format!("{first}***@{}", self.domain())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// The store's key of a [`Participant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantId(pub i64);

/// A person in the roster: a name and one or more addresses, the first being the main one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub id: ParticipantId,
    pub name: String,
    /// Never empty; the main address stands first.
    pub addresses: Vec<Address>,
}

impl Participant {
    /// The address that reports show and mails go to.
    pub fn main(&self) -> &Address {
        &self.addresses[0]
    }

    /// Whether a calendar that says `address` means this person, by whichever alias.
    pub fn is(&self, address: &Address) -> bool {
        self.addresses.iter().any(|own| own.is_same_mailbox(address))
    }

    /// What to call the person in a greeting.
    pub fn first_name(&self) -> &str {
        let first = self.name.split_whitespace().next().unwrap_or(&self.name);
        first.trim_end_matches(',')
    }
}
