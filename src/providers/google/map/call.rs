//! The call that belongs to an event.

use google_calendar3::api;

use crate::domain::event::{Conference, ConferenceService};

/// The call that belongs to an event: Meet wherever it shows, else any other way in by video, else a
/// link that was put where the place belongs.
pub fn conference(
    data: Option<&api::ConferenceData>,
    hangout_link: Option<&str>,
    location: Option<&str>,
) -> Option<Conference> {
    let solution = data.and_then(|data| data.conference_solution.as_ref()?.key.as_ref()?.type_.as_deref());
    let by_id = data
        .filter(|_| solution == Some("hangoutsMeet"))
        .and_then(|data| data.conference_id.as_deref())
        .map(str::trim)
        .filter(|id| !id.is_empty());
    let video = || {
        data.and_then(|data| data.entry_points.as_deref())
            .unwrap_or_default()
            .iter()
            .filter(|entry| entry.entry_point_type.as_deref() == Some("video"))
            .filter_map(|entry| link(entry.uri.as_deref()?))
    };
    let code = by_id.or_else(|| hangout_link.into_iter().chain(video()).chain(location).find_map(meet_code));
    let (service, key) = match code {
        Some(code) => (ConferenceService::GoogleMeet, code.to_ascii_lowercase()),
        None => (ConferenceService::Other, video().next().or(location)?.to_owned()),
    };
    Some(Conference { service, key })
}

pub fn link(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.starts_with("https://") || text.starts_with("http://")).then_some(text)
}

/// `abc-defg-hij` from `https://meet.google.com/abc-defg-hij?authuser=0`.
fn meet_code(link: &str) -> Option<&str> {
    let rest = link.trim().strip_prefix("https://meet.google.com/")?;
    let code = rest.split(['?', '#', '/']).next()?;
    let plain = code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && code.contains('-')).then_some(code)
}
