//! `[mail]`: the server that takes the mails, and who they come from.

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::check::Checker;
use super::secret::{Given, secret};
use super::{Mail, defaults, raw, values};

pub fn check(raw: raw::Mail, checker: &mut Checker<'_>) -> Option<Mail> {
    let given = raw.password.is_some() || raw.password_file.is_some();
    let password =
        secret("mail", Given { key: "password", direct: raw.password, file: raw.password_file }, checker);
    let at = "mail.smtp_url";
    let example = "smtp_url = \"smtps://user@mail.example.org\"";
    let smtp_url = match raw.smtp_url {
        None => checker.missing(at, example),
        Some(text) => match smtp_url(&text) {
            Err(remedy) => checker.refuse(at, &shown(&text), &remedy),
            Ok(url) if given && url.password().is_some() => {
                let remedy = "leave the one in smtp_url out";
                checker.refuse(at, "a password here and one in its own key", remedy)
            }
            Ok(url) if given && url.username().is_empty() => {
                checker.refuse(at, "no user, though there is a password", &format!("write {example}"))
            }
            Ok(url) => Some(url),
        },
    };
    let from = checker.need(
        "mail.from",
        raw.from.as_deref(),
        "from = \"Mentoring <mentoring@example.org>\"",
        |text| {
            text.parse::<Mailbox>()
                .map_err(|_| "write an address like \"Mentoring <mentoring@example.org>\"".to_owned())
        },
    );
    let most = 100_000;
    let max_per_minute =
        checker.count("mail.max_per_minute", raw.max_per_minute, defaults::max_per_minute, most);
    let mut smtp_url: Url = smtp_url?;
    if let Some(password) = password {
        // Url percent-encodes what may not stand there as it is; `%` it takes as encoded already.
        let encoded = password.expose_secret().replace('%', "%25");
        smtp_url.set_password(Some(&encoded)).ok()?;
    } else if given {
        return None;
    } else if !smtp_url.username().is_empty() && smtp_url.password().is_none() {
        checker.warn(at, "there is a user but no password: mentord will not log in");
    }
    let open = smtp_url.scheme() == "smtp" && smtp_tls(&smtp_url).as_deref() != Some("required");
    if open && !values::is_loopback(&smtp_url) {
        let text = "mails may go over the network unencrypted; write smtps://, or add ?tls=required";
        checker.warn(at, text);
    }
    Some(Mail {
        smtp_url: SecretString::from(String::from(smtp_url)),
        from: from?,
        max_per_minute: max_per_minute?,
    })
}

fn smtp_url(text: &str) -> Result<Url, String> {
    let example = "write a URL like \"smtps://user@mail.example.org\", or for a relay on this \
                   machine \"smtp://127.0.0.1:25\"";
    let url = Url::parse(text).map_err(|_| example.to_owned())?;
    if !matches!(url.scheme(), "smtp" | "smtps") || url.host_str().is_none_or(str::is_empty) {
        return Err(example.to_owned());
    }
    let tls = smtp_tls(&url);
    if url.query_pairs().any(|(key, _)| key != "tls")
        || !matches!(tls.as_deref(), None | Some("required" | "opportunistic"))
    {
        return Err("write ?tls=required or ?tls=opportunistic, or leave it out".to_owned());
    }
    Ok(url)
}

fn smtp_tls(url: &Url) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs.find_map(|(key, value)| (key == "tls").then(|| value.into_owned()))
}

/// An SMTP URL for people, unless it may hold a password.
fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.password().is_some() => {
            format!("a URL ({}) with a password in it (not shown)", url.scheme())
        }
        Ok(_) => format!("{text:?}"),
        Err(_) if text.contains('@') => "a text that is no URL (not shown)".to_owned(),
        Err(_) => format!("{text:?}"),
    }
}
