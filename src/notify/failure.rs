//! What a mail server's refusals mean: the one place that tells "later" from "never".

use std::error::Error as _;

use lettre::transport::smtp;

/// Why a mail was not handed over, told apart by what can be done about it. No text in here holds an
/// address or a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Network, time-out, 4xx: the same message may pass later.
    #[error("the mail could not be handed over for now: {0}")]
    Temporary(String),
    /// This message will not reach this recipient, however often it is tried.
    #[error("the mail cannot be delivered: {0}")]
    Permanent(String),
    /// No message will pass before the operator mends something: login, sender, TLS.
    #[error("the mail server does not let mentord send: {0}")]
    Configuration(String),
}

/// How far the conversation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, greeting, TLS, login.
    Entry,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`, and what comes after it.
    Message,
}

impl SendError {
    /// Reads lettre's error; `private` are the addresses that servers like to repeat.
    pub(super) fn read(stage: Stage, error: &smtp::Error, private: &[&str]) -> Self {
        let code = error.status().map(u16::from);
        // A response's text is the source; lettre's own words say less.
        let text = match (code, error.source()) {
            (Some(code), Some(reply)) => format!("{code} {reply}"),
            _ => error.to_string(),
        };
        let detail = scrub(&text, private);
        if error.is_permanent() {
            // X.4.5 is congestion by definition (RFC 3463); Gmail says so when a quota is used up.
            if text.split_whitespace().any(|word| word == "5.4.5") {
                return Self::Temporary(detail);
            }
            return match (stage, code) {
                // 530 asks for a login or for TLS, 535 refuses the one given (RFC 4954).
                (Stage::Entry | Stage::Sender, _) | (_, Some(530 | 535)) => Self::Configuration(detail),
                (Stage::Message, _) => Self::Permanent(detail),
            };
        }
        // What lettre itself finds impossible: no STARTTLS or no known way to log in.
        if error.is_tls() || refuses_tls(error) || (error.is_client() && stage == Stage::Entry) {
            return Self::Configuration(detail);
        }
        if error.is_client() {
            return Self::Permanent(detail);
        }
        Self::Temporary(detail)
    }
}

/// Whether the other side's certificate or TLS version is the trouble. lettre reports that like a
/// lost connection.
fn refuses_tls(error: &smtp::Error) -> bool {
    let mut cause = error.source();
    while let Some(this) = cause {
        let inner = this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return matches!(
                tls,
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::InvalidMessage(_)
                    | rustls::Error::PeerIncompatible(_)
                    | rustls::Error::NoCertificatesPresented
            );
        }
        cause = this.source();
    }
    false
}

/// A server's words without the people in them: no word with an `@`, and no local part of `private`.
pub(super) fn scrub(text: &str, private: &[&str]) -> String {
    let locals: Vec<&str> = private.iter().filter_map(|one| one.split('@').next()).collect();
    let hidden = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.contains('@') || locals.iter().any(|local| bare.eq_ignore_ascii_case(local))
    };
    let words = text.split_whitespace().map(|word| if hidden(word) { "***" } else { word });
    let plain = words.collect::<Vec<_>>().join(" ");
    plain.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::scrub;

    #[test]
    fn replies_lose_the_people_in_them() {
        let private = ["ben.ode@acme.example"];
        assert_eq!(
            scrub("550 5.1.1 <Ben.Ode@acme.example>:\n user 'ben.ode' unknown", &private),
            "550 5.1.1 *** user *** unknown"
        );
        assert_eq!(scrub("bounce of ben=x@relay.example", &[]), "bounce of ***");
    }
}
