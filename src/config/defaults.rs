//! What holds where the configuration is silent.

use std::net::{Ipv4Addr, SocketAddr};

use chrono::TimeDelta;

pub fn database_url() -> &'static str {
    "sqlite:mentord.db"
}

/// Loopback only: a reverse proxy with TLS stands in front.
pub fn listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))
}

pub fn sync_interval() -> TimeDelta {
    TimeDelta::minutes(5)
}

pub fn sync_past() -> TimeDelta {
    TimeDelta::days(30)
}

pub fn sync_future() -> TimeDelta {
    TimeDelta::days(60)
}

pub fn sync_concurrency() -> u32 {
    16
}

pub fn timeout() -> TimeDelta {
    TimeDelta::seconds(30)
}

/// Google gives a project 10,000 in a minute, which others may use as well, and Meet 6,000 of
/// reading. Microsoft gives an application far more.
pub fn requests_per_minute() -> u32 {
    6_000
}

/// What Exchange Online takes from one mailbox.
pub fn max_per_minute() -> u32 {
    30
}

pub fn google_api_url() -> &'static str {
    "https://www.googleapis.com/calendar/v3/"
}

pub fn google_meet_url() -> &'static str {
    "https://meet.googleapis.com/"
}

pub fn google_directory_url() -> &'static str {
    "https://admin.googleapis.com/admin/directory/v1/"
}

pub fn google_auth_url() -> &'static str {
    "https://accounts.google.com/o/oauth2/v2/auth"
}

pub fn google_token_url() -> &'static str {
    "https://oauth2.googleapis.com/token"
}

pub fn google_revoke_url() -> &'static str {
    "https://oauth2.googleapis.com/revoke"
}

pub fn graph_url() -> &'static str {
    "https://graph.microsoft.com/v1.0"
}

pub fn login_url() -> &'static str {
    "https://login.microsoftonline.com"
}

pub fn cadence() -> TimeDelta {
    TimeDelta::weeks(2)
}

pub fn first_within() -> TimeDelta {
    TimeDelta::weeks(2)
}

pub fn words() -> Vec<String> {
    own(&["mentor", "mentoring", "mentorship", "mentee", "1:1", "1-1", "1on1", "one-on-one"])
}

pub fn words_against() -> Vec<String> {
    own(&[
        "stand-up",
        "standup",
        "interview",
        "all hands",
        "all-hands",
        "retro",
        "retrospective",
        "sprint",
        "town hall",
    ])
}

pub fn grace() -> TimeDelta {
    TimeDelta::minutes(30)
}

pub fn overlap() -> TimeDelta {
    TimeDelta::minutes(10)
}

pub fn late_after() -> TimeDelta {
    TimeDelta::minutes(5)
}

pub fn remind_before() -> Vec<TimeDelta> {
    vec![TimeDelta::hours(24), TimeDelta::hours(1)]
}

fn own(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
