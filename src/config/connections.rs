//! `[[connections]]`: how each organisation's calendars are reached.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use url::Url;

use super::check::Checker;
use super::programs::unique_name;
use super::read::read;
use super::secret::{Given, google_key, secret};
use super::values::{self, End};
use super::{Connection, Google, Microsoft, Vendor, defaults, raw};

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
            (Some("microsoft"), Some("client_credentials")) => {
                let mut raw: raw::Microsoft = read(tree, &at, checker);
                (name, own) = (raw.name.take(), raw.domains.take());
                vendor = microsoft(&at, raw, checker);
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
        Some("google") => "auth = \"service_account\"",
        Some("microsoft") => "auth = \"client_credentials\"",
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
        Some("user_consent") => {
            let found = "\"user_consent\", which is not available in this version yet";
            checker.problem(&auth_at, found, &remedy);
        }
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
    let given = raw.key.is_some() || raw.key_file.is_some();
    let given_at = match raw.key_file {
        Some(_) => format!("{at}.key_file"),
        None => format!("{at}.key"),
    };
    let key = Given { key: "key", direct: raw.key, file: raw.key_file };
    let key = match given {
        true => secret(at, key, checker),
        false => checker.missing(&format!("{at}.key_file"), "key_file = \"google-key.json\""),
    };
    let key = key.and_then(|key| match google_key(&key) {
        Ok(()) => Some(key),
        Err((found, remedy)) => checker.refuse(&given_at, &found, &remedy),
    });
    let mut url = |key: &str, text: Option<String>, default: &str| {
        let text = text.unwrap_or_else(|| default.to_owned());
        url(&format!("{at}.{key}"), &text, End::Slash, checker)
    };
    let api_url = url("api_url", raw.api_url, defaults::google_api_url());
    let meet_url = url("meet_url", raw.meet_url, defaults::google_meet_url());
    let directory = defaults::google_directory_url();
    let directory_url = url("directory_url", raw.directory_url, directory);
    let google = Google { key: key?, api_url: api_url?, meet_url: meet_url?, directory_url: directory_url? };
    Some((Vendor::Google(google), pace?))
}

fn microsoft(at: &str, raw: raw::Microsoft, checker: &mut Checker<'_>) -> Option<(Vendor, Pace)> {
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
    let given = raw.client_secret.is_some() || raw.client_secret_file.is_some();
    let client_secret =
        Given { key: "client_secret", direct: raw.client_secret, file: raw.client_secret_file };
    let client_secret = match given {
        true => secret(at, client_secret, checker),
        false => {
            let example = "client_secret_file = \"graph-secret\"";
            checker.missing(&format!("{at}.client_secret_file"), example)
        }
    };
    let mut url = |key: &str, text: Option<String>, default: &str| {
        let text = text.unwrap_or_else(|| default.to_owned());
        url(&format!("{at}.{key}"), &text, End::Bare, checker)
    };
    let graph_url = url("graph_url", raw.graph_url, defaults::graph_url());
    let login_url = url("login_url", raw.login_url, defaults::login_url());
    let microsoft = Microsoft {
        tenant_id: tenant_id?,
        client_id: client_id?,
        client_secret: client_secret?,
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
