//! How long a provider asks to wait (RFC 9110, section 10.2.3).

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// How long to wait: seconds, with decimals at times, or a date. A date is taken against the answer's
/// own, so that a wrong clock here does no harm.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(after).ok()?;
    let now = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
    Some((until - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_read_in_all_its_forms() {
        let wait = |after: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().expect("a header"));
            if let Some(date) = date {
                headers.insert(DATE, date.parse().expect("a header"));
            }
            retry_after(&headers)
        };
        let at = "Mon, 02 Mar 2026 09:00:30 GMT";
        let now = "Mon, 02 Mar 2026 09:00:00 GMT";
        assert_eq!(wait("17", None), Some(Duration::from_secs(17)));
        assert_eq!(wait("1.5", None), Some(Duration::from_millis(1500)));
        assert_eq!(wait(at, Some(now)), Some(Duration::from_secs(30)));
        assert_eq!(wait(now, Some(at)), Some(Duration::ZERO));
        assert_eq!(wait(at, None), None);
        assert_eq!(wait("-5", None), None);
        assert_eq!(wait("soon", None), None);
    }
}
