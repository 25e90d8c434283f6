//! What people read, held fast: every kind of mail as text, the HTML's safety, and a whole message.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use insta::assert_snapshot;
use lettre::message::Mailbox;

use super::letter::{
    Attendance, Audience, Consent, Counts, Coverage, Digest, FirstMeeting, LookAfter, Missed, Nudge, Reminder,
};
use super::*;
use crate::domain::event::{Conference, ConferenceService};
use crate::domain::pairing::Role;
use crate::domain::people::Address;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn letter(matter: Matter) -> Letter {
    Letter {
        program: "Engineering mentoring".to_owned(),
        zone: Tz::Europe__Berlin,
        greeting: Some("Anna".to_owned()),
        matter,
    }
}

fn reminder() -> Reminder {
    Reminder {
        role: Role::Mentee,
        others: names(&["Ben Ode"]),
        start: at("2026-10-06T12:00:00Z"),
        end: at("2026-10-06T12:45:00Z"),
        lead: TimeDelta::hours(24),
        conference: Some(Conference {
            service: ConferenceService::GoogleMeet,
            key: "abc-defg-hij".to_owned(),
        }),
    }
}

fn missed() -> Missed {
    Missed {
        others: names(&["Ben Ode"]),
        start: at("2026-10-27T13:00:00Z"),
        end: at("2026-10-27T13:45:00Z"),
        seen_alone: false,
        next: None,
    }
}

fn nudge(audience: Audience) -> Nudge {
    Nudge {
        audience,
        others: names(&["Ben Ode"]),
        last_held: Some(at("2026-09-07T22:30:00Z")),
        cadence: TimeDelta::weeks(2),
    }
}

fn first(role: Role) -> FirstMeeting {
    FirstMeeting {
        role,
        others: names(&["Ben Ode"]),
        since: NaiveDate::from_ymd_opt(2026, 9, 1).unwrap(),
        within: TimeDelta::weeks(2),
    }
}

fn digest() -> Digest {
    Digest {
        from: NaiveDate::from_ymd_opt(2026, 9, 28).unwrap(),
        to: NaiveDate::from_ymd_opt(2026, 10, 4).unwrap(),
        as_of: at("2026-10-05T07:00:00Z"),
        sessions: Counts { scheduled: 12, held: 8, missed: 2, cancelled: 1, unknown: 2 },
        attendance: Some(Attendance { rate: 0.8, low: 8.0 / 12.0, high: 10.0 / 12.0 }),
        to_look_after: vec![
            LookAfter {
                pair: "Anna Ober and Ben Ode".to_owned(),
                why: "no session held since 3 August".to_owned(),
            },
            LookAfter {
                pair: "Cem Yıl and Dora <Quick> Lund".to_owned(),
                why: "missed twice in a row".to_owned(),
            },
        ],
        coverage: Coverage { connected: 38, total: 40, stale: 1 },
    }
}

/// One letter of every kind, and of every branch that changes what is read.
fn letters() -> Vec<(&'static str, Letter)> {
    let other_side = Letter {
        zone: Tz::America__New_York,
        ..letter(Matter::Reminder(Reminder {
            role: Role::Mentor,
            others: names(&["Anna Ober", "Cem Yıl", "Dora Lund"]),
            lead: TimeDelta::minutes(58),
            conference: Some(Conference {
                service: ConferenceService::Other,
                key: "https://call.example/1".to_owned(),
            }),
            ..reminder()
        }))
    };
    let group = names(&["Anna Ober", "Ben Ode"]);
    let to_manager = Nudge { others: group, last_held: None, ..nudge(Audience::Manager) };
    let waited = Missed { seen_alone: true, next: Some(at("2026-11-03T13:00:00Z")), ..missed() };
    let quiet = Digest {
        sessions: Counts::default(),
        attendance: None,
        to_look_after: Vec::new(),
        coverage: Coverage::default(),
        ..digest()
    };
    vec![
        ("reminder", letter(Matter::Reminder(reminder()))),
        ("reminder_mentor_new_york", other_side),
        ("missed", letter(Matter::Missed(missed()))),
        ("missed_waited_with_next", letter(Matter::Missed(waited))),
        ("nudge_mentee", letter(Matter::Nudge(nudge(Audience::Mentee)))),
        ("nudge_both", letter(Matter::Nudge(nudge(Audience::Both)))),
        ("nudge_manager", letter(Matter::Nudge(to_manager))),
        ("first_mentee", letter(Matter::FirstMeeting(first(Role::Mentee)))),
        ("first_mentor", letter(Matter::FirstMeeting(first(Role::Mentor)))),
        ("digest", Letter { greeting: None, ..letter(Matter::Digest(digest())) }),
        ("digest_quiet", letter(Matter::Digest(quiet))),
        ("consent", letter(Matter::Consent(consent(false)))),
        ("consent_withdraw", letter(Matter::Consent(consent(true)))),
    ]
}

fn mail() -> config::Mail {
    let from = lettre::Address::new("mentoring+hr", "acme.example").unwrap();
    config::Mail {
        smtp_url: "smtp://127.0.0.1:1".into(),
        from: Mailbox::new(Some("Mentoring, Acme".to_owned()), from),
        max_per_minute: 30,
    }
}

fn recipient(name: &str, address: &str) -> Recipient {
    Recipient { name: Some(name.to_owned()), address: Address::parse(address).unwrap() }
}

#[test]
fn every_kind_reads_well() {
    for (name, letter) in letters() {
        let mail = render(&letter).unwrap();
        assert_snapshot!(name, format!("Subject: {}\n\n{}", mail.subject, mail.text));
        assert!(!mail.text.contains("\n\n\n"), "{name} has a hole:\n{}", mail.text);
        assert!(mail.html.contains("</html>"), "{name} is cut short");
        assert!(!mail.html.contains("src="), "{name} loads something from afar");
    }
}

#[test]
fn nobody_is_blamed() {
    for (name, letter) in letters() {
        let text = render(&letter).unwrap().text.to_lowercase();
        for blame in ["absent", "no-show", "fail", "did not show", "forgot"] {
            assert!(!text.contains(blame), "{name} says `{blame}`");
        }
    }
}

#[test]
fn names_cannot_become_html_or_headers() {
    let letter = Letter {
        program: "R&D <b>mentoring</b>".to_owned(),
        greeting: Some("<script>alert(1)</script>".to_owned()),
        ..letter(Matter::Reminder(Reminder {
            others: names(&["Eve <img src=x>\r\nBcc: all@acme.example"]),
            ..reminder()
        }))
    };
    let rendered = render(&letter).unwrap();
    assert!(!rendered.html.contains("<script>") && !rendered.html.contains("<img"));
    assert!(!rendered.html.contains("<b>"));
    assert!(rendered.html.contains("R&amp;D &lt;b&gt;mentoring"));
    // Plain text and subject show what was written, on one line.
    assert!(rendered.text.contains("with Eve <img src=x> Bcc: all@acme.example"));
    assert!(!rendered.subject.contains('\n'));

    let message = compose(
        &mail(),
        &recipient("Zoë \"Z\" Q, Jr.\r\nBcc: x@acme.example", "zoe@acme.example"),
        "key",
        at("2026-10-05T12:00:00Z"),
        &letter,
    )
    .unwrap();
    let raw = String::from_utf8(message.formatted()).unwrap();
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert_eq!(message.envelope().to().len(), 1);
}

fn consent(withdraw: bool) -> Consent {
    Consent {
        address: Address::parse("anna@acme.example").unwrap(),
        vendor: "Google".to_owned(),
        link: "https://mentoring.example.org/consent/link/s3cret".parse().unwrap(),
        until: at("2026-10-27T14:30:00Z"),
        withdraw,
    }
}

#[test]
fn join_links_lead_to_the_vendor_or_nowhere() {
    let link = |service, key: &str| {
        let conference = Some(Conference { service, key: key.to_owned() });
        let letter = letter(Matter::Reminder(Reminder { conference, ..reminder() }));
        render(&letter).unwrap().html.contains("Join the call")
    };
    use ConferenceService::{GoogleMeet, MicrosoftTeams, Other};
    assert!(link(GoogleMeet, "abc-defg-hij"));
    assert!(!link(GoogleMeet, "../evil"));
    assert!(link(MicrosoftTeams, "https://teams.microsoft.com/l/meetup-join/19%3ameeting"));
    assert!(!link(MicrosoftTeams, "https://teams.microsoft.com.evil.example/l"));
    assert!(!link(MicrosoftTeams, "https://teams.microsoft.com@evil.example/l"));
    assert!(!link(MicrosoftTeams, "javascript:alert(1)"));
    assert!(!link(Other, "https://zoom.example/j/1"));
}

#[test]
fn a_whole_message_is_the_same_every_time() {
    let letter = letter(Matter::Missed(missed()));
    let to = recipient("Jürgen \"Jogi\" Groß, Dr.", "juergen@bücher.example");
    let date = at("2026-10-27T14:30:00Z");
    let compose = |key: &str| compose(&mail(), &to, key, date, &letter).unwrap().formatted();
    let raw = compose("missed:7:p12:2026-10-27T13:00:00Z");
    assert_eq!(raw, compose("missed:7:p12:2026-10-27T13:00:00Z"));
    assert_ne!(raw, compose("missed:8:p12:2026-10-27T13:00:00Z"));
    assert!(raw.is_ascii());
    assert_snapshot!("message", String::from_utf8(raw).unwrap().replace("\r\n", "\n"));
}

#[test]
fn what_cannot_be_addressed_is_an_error_and_odd_dates_are_none() {
    let letter = letter(Matter::Missed(missed()));
    let odd = recipient("Odd", "a..b()@x y".replace(' ', "").as_str());
    let composed = compose(&mail(), &odd, "key", at("2026-10-27T14:30:00Z"), &letter);
    assert!(matches!(composed, Err(ComposeError::Address(_))));
    let to = recipient("Anna", "anna@acme.example");
    for date in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        compose(&mail(), &to, "key", date, &letter).unwrap();
    }
}
