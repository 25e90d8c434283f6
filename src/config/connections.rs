//! `[[connections]]`: how each organisation's calendars are reached.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::check::Checker;
use super::programs::unique_name;
use super::read::read;
use super::secret::{Given, google_key, secret};
use super::values::{self, End};
use super::{
    Certificate, Connection, Credential, Google, GoogleAuth, GoogleClient, Microsoft, MicrosoftAuth, Vendor,
    defaults, raw,
};

/// Every connection that can be used.
pub fn check(raw: Vec<Option<Value>>, checker: &mut Checker<'_>) -> Vec<Connection> {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut domains: HashMap<String, String> = HashMap::new();
    let mut connections = Vec::new();
    for (index, tree) in raw.into_iter().enumerate() {
        let at = format!("connections[{index}]");
        let Some(tree) = tree else { continue };
        let tag = |key: &str| tree.get(key).and_then(Value::as_str);
        let (name, own, vendor);
        match (tag("provider"), tag("auth")) {
            (Some("google"), Some("service_account")) => {
                let mut raw: raw::Google = read(tree, &at, checker);
                (name, own) = (raw.name.take(), raw.domains.take());
                vendor = google(&at, raw, checker);
            }
            (Some("google"), Some("user_consent")) => {
                let mut raw: raw::GoogleConsent = read(tree, &at, checker);
                (name, own) = (raw.name.take(), raw.domains.take());
                vendor = google_consent(&at, raw, checker);
            }
            (Some("microsoft"), Some(auth @ ("client_credentials" | "user_consent"))) => {
                let auth = match auth {
                    "user_consent" => MicrosoftAuth::UserConsent,
                    _ => MicrosoftAuth::ClientCredentials,
                };
                let mut raw: raw::Microsoft = read(tree, &at, checker);
                (name, own) = (raw.name.take(), raw.domains.take());
                vendor = microsoft(&at, raw, auth, checker);
            }
            _ => {
                let raw: raw::Kind = read(tree, &at, checker);
                wrong_kind(&at, raw.provider.as_deref(), raw.auth.as_deref(), checker);
                (name, own, vendor) = (raw.name, raw.domains, None);
            }
        }
        let name = unique_name(&at, name.as_deref(), &mut names, checker);
        let own = own_domains(&at, own.as_deref(), &mut domains, checker);
        if let (Some(name), Some(domains), Some((vendor, pace))) = (name, own, vendor) {
            let Pace { timeout, requests_per_minute } = pace;
            connections.push(Connection { name, domains, vendor, timeout, requests_per_minute });
        }
    }
    connections
}

fn wrong_kind(at: &str, provider: Option<&str>, auth: Option<&str>, checker: &mut Checker<'_>) {
    let provider_at = format!("{at}.provider");
    let providers = "provider = \"google\" or provider = \"microsoft\"";
    let usual = match provider {
        Some("google") => "auth = \"service_account\" or auth = \"user_consent\"",
        Some("microsoft") => "auth = \"client_credentials\" or auth = \"user_consent\"",
        Some(other) => {
            let remedy = format!("write {providers}");
            return checker.problem(&provider_at, &format!("{other:?}"), &remedy);
        }
        None => {
            checker.missing::<()>(&provider_at, providers);
            return;
        }
    };
    let auth_at = format!("{at}.auth");
    let remedy = format!("write {usual}");
    match auth {
        Some(other) => checker.problem(&auth_at, &format!("{other:?}"), &remedy),
        None => {
            checker.missing::<()>(&auth_at, usual);
        }
    }
}

fn own_domains(
    at: &str,
    raw: Option<&[Option<String>]>,
    taken: &mut HashMap<String, String>,
    checker: &mut Checker<'_>,
) -> Option<Vec<String>> {
    let at = format!("{at}.domains");
    let example = "domains = [\"example.org\"], the mail domains of the people behind it";
    let raw = match raw {
        None => return checker.missing(&at, example),
        Some([]) => return checker.refuse(&at, "no domain", &format!("write {example}")),
        Some(raw) => raw,
    };
    let mut own: Vec<String> = Vec::new();
    for domain in checker.all(&at, raw, values::domain) {
        if own.contains(&domain) {
            checker.warn(&at, &format!("{domain} is named twice"));
        } else if let Some(other) = taken.get(&domain) {
            let remedy = format!("leave it out here or in {other}: a domain has one connection");
            checker.problem(&at, &format!("{domain:?} again"), &remedy);
        } else {
            taken.insert(domain.clone(), at.clone());
            own.push(domain);
        }
    }
    (!own.is_empty()).then_some(own)
}

fn google(at: &str, raw: raw::Google, checker: &mut Checker<'_>) -> Option<(Vendor, Pace)> {
    no_invitations(at, raw.invitations, checker);
    let pace = pace(at, raw.timeout.as_deref(), raw.requests_per_minute, checker);
    let given_at = match raw.key_file {
        Some(_) => format!("{at}.key_file"),
        None => format!("{at}.key"),
    };
    let key = Given { key: "key", direct: raw.key, file: raw.key_file };
    let key = needed(at, key, "key_file = \"google-key.json\"", checker);
    let key = key.and_then(|key| match google_key(&key) {
        Ok(()) => Some(key),
        Err((found, remedy)) => checker.refuse(&given_at, &found, &remedy),
    });
    let auth = key.map(GoogleAuth::ServiceAccount);
    let urls = [raw.api_url, raw.meet_url, raw.directory_url];
    Some((Vendor::Google(google_urls(at, auth, urls, checker)?), pace?))
}

/// Google with the addresses that every kind of sign-in has.
fn google_urls(
    at: &str,
    auth: Option<GoogleAuth>,
    [api_url, meet_url, directory_url]: [Option<String>; 3],
    checker: &mut Checker<'_>,
) -> Option<Google> {
    let mut url = |key: &str, text: Option<String>, default: &str| {
        let text = text.unwrap_or_else(|| default.to_owned());
        url(&format!("{at}.{key}"), &text, End::Slash, checker)
    };
    let api_url = url("api_url", api_url, defaults::google_api_url());
    let meet_url = url("meet_url", meet_url, defaults::google_meet_url());
    let directory_url = url("directory_url", directory_url, defaults::google_directory_url());
    Some(Google { auth: auth?, api_url: api_url?, meet_url: meet_url?, directory_url: directory_url? })
}

fn google_consent(at: &str, raw: raw::GoogleConsent, checker: &mut Checker<'_>) -> Option<(Vendor, Pace)> {
    no_invitations(at, raw.invitations, checker);
    let pace = pace(at, raw.timeout.as_deref(), raw.requests_per_minute, checker);
    let example = "client_id = \"….apps.googleusercontent.com\", as Google's console shows it";
    let client_id =
        checker.need(&format!("{at}.client_id"), raw.client_id.as_deref(), example, values::filled);
    let client_secret =
        Given { key: "client_secret", direct: raw.client_secret, file: raw.client_secret_file };
    let client_secret = needed(at, client_secret, "client_secret_file = \"google-secret\"", checker);
    let mut url = |key: &str, text: Option<String>, default: &str| {
        let text = text.unwrap_or_else(|| default.to_owned());
        url(&format!("{at}.{key}"), &text, End::Bare, checker)
    };
    let auth_url = url("auth_url", raw.auth_url, defaults::google_auth_url());
    let token_url = url("token_url", raw.token_url, defaults::google_token_url());
    let revoke_url = url("revoke_url", raw.revoke_url, defaults::google_revoke_url());
    let client = || {
        Some(GoogleClient {
            client_id: client_id?,
            client_secret: client_secret?,
            auth_url: auth_url?,
            token_url: token_url?,
            revoke_url: revoke_url?,
        })
    };
    let auth = client().map(Box::new).map(GoogleAuth::UserConsent);
    let urls = [raw.api_url, raw.meet_url, raw.directory_url];
    Some((Vendor::Google(google_urls(at, auth, urls, checker)?), pace?))
}

/// A secret that has to be there; `example` is the line to write.
fn needed(at: &str, given: Given, example: &str, checker: &mut Checker<'_>) -> Option<SecretString> {
    if given.direct.is_none() && given.file.is_none() {
        return checker.missing(&format!("{at}.{}_file", given.key), example);
    }
    secret(at, given, checker)
}

/// By what the application shows itself: one of the two.
fn credential(
    at: &str,
    [client_secret, certificate]: [Given; 2],
    checker: &mut Checker<'_>,
) -> Option<Credential> {
    let is_given = |given: &Given| given.direct.is_some() || given.file.is_some();
    if !is_given(&certificate) {
        let example =
            "client_secret_file = \"graph-secret\" (or certificate_file = \"graph-certificate.pem\")";
        return needed(at, client_secret, example, checker).map(Credential::Secret);
    }
    let certificate_at = match certificate.file {
        Some(_) => format!("{at}.certificate_file"),
        None => format!("{at}.certificate"),
    };
    if is_given(&client_secret) {
        let remedy = "leave one of them out; the certificate is the safer one";
        return checker.refuse(&certificate_at, "both a client secret and a certificate", remedy);
    }
    match Certificate::read(&secret(at, certificate, checker)?) {
        Ok(certificate) => Some(Credential::Certificate(certificate)),
        Err((found, remedy)) => checker.refuse(&certificate_at, &found, &remedy),
    }
}

fn microsoft(
    at: &str,
    raw: raw::Microsoft,
    auth: MicrosoftAuth,
    checker: &mut Checker<'_>,
) -> Option<(Vendor, Pace)> {
    no_invitations(at, raw.invitations, checker);
    let pace = pace(at, raw.timeout.as_deref(), raw.requests_per_minute, checker);
    let mut id = |key: &str, text: Option<String>| {
        let example = format!("{key} = \"…\", as the app's page in Entra shows it");
        checker.need(&format!("{at}.{key}"), text.as_deref(), &example, values::filled)
    };
    let tenant_id = id("tenant_id", raw.tenant_id);
    let client_id = id("client_id", raw.client_id);
    let tenant_id = tenant_id.and_then(|tenant| match tenant.as_str() {
        "common" | "organizations" | "consumers" => checker.refuse(
            &format!("{at}.tenant_id"),
            &format!("{tenant:?}"),
            "write the organisation's own tenant id: an application signs in to one tenant",
        ),
        _ => Some(tenant),
    });
    let credentials = [
        Given { key: "client_secret", direct: raw.client_secret, file: raw.client_secret_file },
        Given { key: "certificate", direct: raw.certificate, file: raw.certificate_file },
    ];
    let credential = credential(at, credentials, checker);
    let mut url = |key: &str, text: Option<String>, default: &str| {
        let text = text.unwrap_or_else(|| default.to_owned());
        url(&format!("{at}.{key}"), &text, End::Bare, checker)
    };
    let graph_url = url("graph_url", raw.graph_url, defaults::graph_url());
    let login_url = url("login_url", raw.login_url, defaults::login_url());
    let microsoft = Microsoft {
        tenant_id: tenant_id?,
        client_id: client_id?,
        credential: credential?,
        auth,
        graph_url: graph_url?,
        login_url: login_url?,
    };
    Some((Vendor::Microsoft(microsoft), pace?))
}

fn no_invitations(at: &str, wanted: Option<bool>, checker: &mut Checker<'_>) {
    if wanted == Some(true) {
        checker.problem(
            &format!("{at}.invitations"),
            "true, which is not available in this version yet",
            "write invitations = false, or leave it out",
        );
    }
}

/// How a connection's requests are made, whoever gets them.
struct Pace {
    timeout: Duration,
    requests_per_minute: u32,
}

fn pace(at: &str, timeout: Option<&str>, per_minute: Option<i64>, checker: &mut Checker<'_>) -> Option<Pace> {
    let limits = (TimeDelta::seconds(1), TimeDelta::minutes(10));
    let timeout = checker.span(&format!("{at}.timeout"), timeout, defaults::timeout, limits);
    let at = format!("{at}.requests_per_minute");
    let per_minute = checker.count(&at, per_minute, defaults::requests_per_minute, 1_000_000);
    Some(Pace { timeout: timeout?.to_std().ok()?, requests_per_minute: per_minute? })
}

/// A provider's URL; one with a password in it is not shown.
fn url(at: &str, text: &str, end: End, checker: &mut Checker<'_>) -> Option<Url> {
    match values::provider_url(text, end) {
        Ok(url) => Some(url),
        Err(remedy) if text.contains('@') => {
            checker.refuse(at, "a URL with a user in it (not shown)", &remedy)
        }
        Err(remedy) => checker.refuse(at, &format!("{text:?}"), &remedy),
    }
}
