//! Handing alerts to people: channels and templates.
//!
//! ```text
//! Letter --render--> subject, text, HTML --compose--> message --Smtp--> the mail server
//! (what to say)        (in words)                   (as a mail)
//! ```
//!
//! Nothing here decides whether to write, or when: that is planned elsewhere, and checked again by
//! whoever calls [`Notifier::deliver`].

mod failure;
pub mod letter;
mod mail;
mod render;
mod smtp;
#[cfg(test)]
mod tests;
mod words;

use chrono::{DateTime, Utc};

pub use failure::SendError;
pub use letter::{Letter, Matter};
pub use mail::{ComposeError, Recipient, compose, message_id};
pub use render::{Rendered, render};
pub use smtp::{Smtp, SmtpUrlError};

use crate::config;

/// Writes letters as mails and hands them to the configured mail server.
#[derive(Debug)]
pub struct Notifier {
    mail: config::Mail,
    smtp: Smtp,
}

/// A mail that the server has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// With its angle brackets.
    pub message_id: String,
    /// The server's last word, without addresses: it often names the queue's entry.
    pub response: String,
}

impl Notifier {
    /// Reads the server's URL; nothing is connected yet.
    pub fn new(mail: &config::Mail) -> Result<Self, SmtpUrlError> {
        Ok(Self { smtp: Smtp::new(&mail.smtp_url)?, mail: mail.clone() })
    }

    /// Writes one letter to one person and hands it over.
    ///
    /// `key` is the alert's: the same key gives the same Message-ID, in every process. `still` is asked
    /// at the last moment whether the letter is to go out; `None`: it was not, and nothing did.
    pub async fn deliver(
        &self,
        to: &Recipient,
        key: &str,
        date: DateTime<Utc>,
        letter: &Letter,
        still: impl AsyncFnOnce() -> bool,
    ) -> Result<Option<Sent>, SendError> {
        let message = compose(&self.mail, to, key, date, letter)
            .map_err(|error| SendError::Permanent(error.to_string()))?;
        let response = self.smtp.send(&message, still).await?;
        Ok(response.map(|response| Sent { message_id: message_id(&self.mail, key), response }))
    }

    /// Whether the mail server lets us in, without sending anything.
    pub async fn probe(&self) -> Result<(), SendError> {
        self.smtp.probe().await
    }
}
