//! Parsers of single values. An error is the remedy: a sentence that says what to write.

use std::net::IpAddr;

use chrono::{DateTime, NaiveTime, TimeDelta};
use chrono_tz::{TZ_VARIANTS, Tz};
use url::{Host, Url};

use crate::domain::people::Address;
use crate::domain::program::QuietHours;
use crate::domain::roster::{nearest, parse_span};

pub fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|_| "write an address like \"name@example.org\"".to_owned())
}

/// What is used as an identifier: in the roster, on the command line, in the database.
pub fn name(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_control() || matches!(c, ',' | ';' | '"');
    if text.is_empty() || text.trim() != text || text.chars().any(odd) || text.len() > 64 {
        return Err("write a short name, like \"engineering\"".to_owned());
    }
    Ok(text.to_owned())
}

pub fn filled(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("write the value, or leave the key out".to_owned()),
        filled => Ok(filled.to_owned()),
    }
}

/// A duration between two limits, such as `5m` or `2 weeks`.
pub fn span(text: &str, least: TimeDelta, most: TimeDelta) -> Result<TimeDelta, String> {
    let example = "write a duration like \"5m\", \"24h\" or \"2 weeks\"";
    let span = parse_span(text).ok_or_else(|| example.to_owned())?;
    if span < least || span > most {
        return Err(format!("write a duration from \"{}\" to \"{}\"", human(least), human(most)));
    }
    Ok(span)
}

/// A duration in the largest unit that fits.
pub fn human(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    let units = [(86_400, "days"), (3_600, "h"), (60, "m")];
    match units.iter().find(|(size, _)| seconds % size == 0) {
        _ if seconds == 0 => "0s".to_owned(),
        Some((size, "days")) if seconds == *size => "1 day".to_owned(),
        Some((size, "days")) => format!("{} days", seconds / size),
        Some((size, unit)) => format!("{}{unit}", seconds / size),
        None => format!("{seconds}s"),
    }
}

pub fn timezone(text: &str) -> Result<Tz, String> {
    if let Ok(zone) = text.parse() {
        return Ok(zone);
    }
    let iana = "the IANA name, like \"Europe/Berlin\"";
    let lower = text.to_lowercase();
    if lower.ends_with("standard time") || lower.ends_with("daylight time") {
        return Err(format!("write {iana}; this is the zone's name in Windows"));
    }
    if text.starts_with(['+', '-']) || lower.starts_with("utc") || lower.starts_with("gmt") {
        return Err(format!("write {iana}; an offset knows no summer time"));
    }
    let all: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
    let same_city = all.iter().find(|zone| city(zone) == lower.replace(' ', "_"));
    match same_city.copied().or_else(|| nearest(text, &all)) {
        Some(near) => Err(format!("write \"{near}\", or another IANA name")),
        None => Err(format!("write {iana}")),
    }
}

pub fn quiet_hours(text: &str) -> Result<QuietHours, String> {
    let wrong = || "write two different times of day, like \"20:00-08:00\"".to_owned();
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| wrong());
    let (from, to) = text.split_once(['-', '–']).ok_or_else(wrong)?;
    let (from, to) = (time(from)?, time(to)?);
    if from == to {
        return Err(wrong());
    }
    Ok(QuietHours { from, to })
}

pub fn cron(text: &str) -> Result<cron::Schedule, String> {
    let fields = text.split_whitespace().count();
    if fields == 5 {
        return Err(format!(
            "write the seconds first, as in \"0 {text}\", and the day of week by name, like Mon"
        ));
    }
    let schedule: cron::Schedule = text.parse().map_err(|_| {
        "write \"second minute hour day month weekday\", like \"0 0 9 * * Mon\" for Mondays at nine"
            .to_owned()
    })?;
    // Any date serves: it tells the 30th of February from days that come.
    match schedule.after(&DateTime::UNIX_EPOCH).next() {
        Some(_) => Ok(schedule),
        None => Err("write days that exist: this slot never comes".to_owned()),
    }
}

/// Whether a cron expression counts its weekdays instead of naming them.
pub fn counts_weekdays(cron: &str) -> bool {
    let weekday = cron.split_whitespace().nth(5);
    weekday.is_some_and(|field| {
        let days = field.split('/').next().unwrap_or(field);
        days.chars().any(|c| c.is_ascii_digit())
    })
}

pub fn domain(text: &str) -> Result<String, String> {
    let example = "write a mail domain, like \"example.org\"";
    let plain = text.trim().to_lowercase();
    if plain.starts_with('*') {
        return Err(format!("{example}; each subdomain is named by itself"));
    }
    let odd = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if plain.is_empty() || plain.starts_with('.') || plain.ends_with('.') || plain.contains(odd) {
        return Err(format!("{example}, without @ and without https://"));
    }
    Ok(plain)
}

/// How a URL of a provider ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Slash,
    Bare,
}

/// A provider's address: https, or anything on loopback.
pub fn provider_url(text: &str, end: End) -> Result<Url, String> {
    let mut url = http_url(text)?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err("write https://; plain http is for loopback only".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&match end {
        End::Slash => path + "/",
        End::Bare => path,
    });
    Ok(url)
}

/// A URL with host and path and nothing else.
pub fn http_url(text: &str) -> Result<Url, String> {
    let example = "write a URL like \"https://host.example.org/\"";
    let url = Url::parse(text).map_err(|_| example.to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(example.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{example}, without user and password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{example}, without what begins with ? or #"));
    }
    Ok(url)
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let literal = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            literal || name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
