//! Handing a message to a mail server.
//!
//! This drives lettre's connection itself rather than its pooled transport, for three reasons: the
//! pool's connections have no time-out on reading; a hand-off that is given up half-way would go back
//! into the pool with an answer still due, which the next message would take for its own; and only who
//! speaks the steps knows which of them was refused. One connection carries one message.

use std::fmt;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::failure::{SendError, Stage, scrub};

/// The longest that a hand-off may take from connecting to the last answer.
const TIME_OUT: Duration = Duration::from_secs(60);
/// The longest that is waited for the answer to `QUIT`, when all has been said.
const PARTING: Duration = Duration::from_secs(2);

/// Why `mail.smtp_url` cannot be used. The URL may hold a password and is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    #[error("mail.smtp_url is not a URL with a host; write it like `smtps://user@mail.example.org`")]
    NotAUrl,
    #[error(
        "mail.smtp_url must be `smtps://…`, `smtp://…?tls=required` for STARTTLS, or `smtp://…` for no TLS"
    )]
    Scheme,
    #[error("mail.smtp_url names a host for which TLS cannot be set up")]
    Tls,
}

/// One mail server and how to get in.
pub struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    hello: ClientId,
    credentials: Option<Credentials>,
    time_out: Duration,
}

impl Smtp {
    /// Reads lettre's URL form: `smtps://user:password@host:port/ehlo-name`, or
    /// `smtp://…?tls=required` for STARTTLS, `smtp://…` for no TLS at all.
    pub fn new(url: &SecretString) -> Result<Self, SmtpUrlError> {
        let url = Url::parse(url.expose_secret()).map_err(|_| SmtpUrlError::NotAUrl)?;
        let host = match url.host().ok_or(SmtpUrlError::NotAUrl)? {
            url::Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        let parameters = || TlsParameters::new(host.clone()).map_err(|_| SmtpUrlError::Tls);
        let security = url.query_pairs().find(|(key, _)| key == "tls");
        let security = security.as_ref().map(|(_, value)| value.as_ref());
        let (tls, port) = match (url.scheme(), security) {
            ("smtps", None) => (Tls::Wrapper(parameters()?), SUBMISSIONS_PORT),
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp", Some("required")) => (Tls::Required(parameters()?), SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic(parameters()?), SUBMISSION_PORT),
            _ => return Err(SmtpUrlError::Scheme),
        };
        let credentials = url
            .password()
            .map(|password| Credentials::new(percent_decoded(url.username()), percent_decoded(password)));
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        Ok(Self { port: url.port().unwrap_or(port), host, tls, hello, credentials, time_out: TIME_OUT })
    }

    /// The same server with another limit on the time that a hand-off may take.
    #[must_use]
    pub fn with_time_out(self, time_out: Duration) -> Self {
        Self { time_out, ..self }
    }

    /// Hands one message over and returns what the server said to it. `still` is asked when everything
    /// is ready but the message itself has not left; when it says no, nothing does: `None`.
    ///
    /// An `Err` after the last line may still have been a success whose answer got lost: the message
    /// can come twice, with the same Message-ID.
    pub async fn send(
        &self,
        message: &Message,
        still: impl AsyncFnOnce() -> bool,
    ) -> Result<Option<String>, SendError> {
        let mut connection = None;
        let conversation = self.converse(message, still, &mut connection);
        let outcome = match timeout(self.time_out, conversation).await {
            Ok(outcome) => outcome,
            // Dropped as it is: nobody knows what the server would take a QUIT for.
            Err(_) => return Err(self.too_slow()),
        };
        part(connection).await;
        outcome
    }

    /// Whether the server lets us in, without sending anything.
    pub async fn probe(&self) -> Result<(), SendError> {
        let entry = async {
            let mut connection = self.enter().await?;
            let answer = connection.command(Noop).await;
            answer.map_err(|error| SendError::read(Stage::Entry, &error, &[]))?;
            Ok(connection)
        };
        let connection = timeout(self.time_out, entry).await.map_err(|_| self.too_slow())??;
        part(Some(connection)).await;
        Ok(())
    }

    /// Connects, secures and logs in.
    async fn enter(&self) -> Result<AsyncSmtpConnection, SendError> {
        let refused = |error| SendError::read(Stage::Entry, &error, &[]);
        let wrapper = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let server = (self.host.as_str(), self.port);
        let limit = Some(self.time_out);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, limit, &self.hello, wrapper, None)
            .await
            .map_err(refused)?;
        let upgrade = match &self.tls {
            Tls::Required(parameters) => Some(parameters),
            Tls::Opportunistic(parameters) if connection.can_starttls() => Some(parameters),
            _ => None,
        };
        if let Some(parameters) = upgrade {
            connection.starttls(parameters.clone(), &self.hello).await.map_err(refused)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(refused)?;
        }
        Ok(connection)
    }

    /// The whole exchange but the farewell; the connection is left in `kept` for that.
    async fn converse(
        &self,
        message: &Message,
        still: impl AsyncFnOnce() -> bool,
        kept: &mut Option<AsyncSmtpConnection>,
    ) -> Result<Option<String>, SendError> {
        let connection = kept.insert(self.enter().await?);
        let envelope = message.envelope();
        let everybody = || envelope.from().into_iter().chain(envelope.to());
        let private: Vec<&str> = everybody().map(AsRef::as_ref).collect();
        let content = message.formatted();

        let mut parameters = Vec::new();
        let needs = [
            (
                everybody().any(|address| !AsRef::<str>::as_ref(address).is_ascii()),
                Extension::SmtpUtfEight,
                MailParameter::SmtpUtfEight,
            ),
            (
                !content.is_ascii(),
                Extension::EightBitMime,
                MailParameter::Body(MailBodyParameter::EightBitMime),
            ),
        ];
        for (needed, extension, parameter) in needs {
            if !needed {
                continue;
            }
            if !connection.server_info().supports_feature(extension) {
                let text = format!("the address is not ASCII, and the server lacks {extension}");
                return Err(SendError::Permanent(text));
            }
            parameters.push(parameter);
        }

        let sender = Mail::new(envelope.from().cloned(), parameters);
        let step = connection.command(sender).await;
        step.map_err(|error| SendError::read(Stage::Sender, &error, &private))?;
        let refused = |error| SendError::read(Stage::Message, &error, &private);
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), vec![]);
            connection.command(recipient).await.map_err(refused)?;
        }
        if !still().await {
            return Ok(None);
        }
        connection.command(Data).await.map_err(refused)?;
        let answer = connection.message(&content).await.map_err(refused)?;
        Ok(Some(scrub(&spoken(&answer), &private)))
    }

    fn too_slow(&self) -> SendError {
        let seconds = self.time_out.as_secs_f32();
        SendError::Temporary(format!("the mail server took longer than {seconds} s"))
    }
}

/// Neither the password nor the user.
impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Says goodbye, where that is still possible. The message's fate is known by now and stays as it is.
async fn part(connection: Option<AsyncSmtpConnection>) {
    if let Some(mut connection) = connection {
        let _ = timeout(PARTING, connection.abort()).await;
    }
}

fn spoken(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), lines.join(" "))
}

fn percent_decoded(text: &str) -> String {
    // Read as the value of a form field, in which a plus would be a space and an ampersand the end.
    let text = text.replace('+', "%2B").replace('&', "%26");
    let field = format!("={text}");
    let value = form_urlencoded::parse(field.as_bytes()).next();
    value.map_or_else(String::new, |(_, value)| value.into_owned())
}
