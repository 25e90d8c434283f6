//! What every copy of a meeting says alike: days, hours, privacy, identity.

use std::collections::BTreeSet;

use chrono_tz::{America, Asia, Pacific, Tz};
use mentord::sandbox::Conference;

use super::*;

#[tokio::test]
async fn whole_days_are_dates_on_every_calendar() {
    for zone in [Berlin, America::Los_Angeles, Asia::Kolkata, Pacific::Auckland] {
        whole_days(zone).await;
    }
}

async fn whole_days(zone: Tz) {
    for shift in [false, true] {
        for people in SIDES {
            let stage = Stage::new(50, Quirks { graph_shift_all_day: shift, ..Quirks::default() }).await;
            let days = |start: &str, rrule: Option<&str>| NewMeeting {
                all_day: true,
                timezone: zone.name().into(),
                minutes: 2 * 24 * 60,
                rrule: rrule.map(str::to_owned),
                ..single(people, start)
            };
            // Over the end of summer time, too.
            stage.plan(days("2026-10-24", None)).await;
            let series = stage.plan(days("2026-10-05", Some("FREQ=WEEKLY;COUNT=3"))).await.id;
            let mut calendars = people.map(Calendar::new);
            let expected = ["05.10.", "12.10.", "19.10.", "24.10."].map(|day| format!("+ Mentoring {day}"));
            for lines in polled(&stage, &mut calendars).await {
                assert_eq!(lines, expected);
            }
            let twelfth = day("2026-10-12").instant(zone);
            stage.control.reschedule(&series, Some(twelfth), "2026-10-14", None).await.expect("moved");
            for lines in polled(&stage, &mut calendars).await {
                assert_eq!(lines, ["Mentoring 12.10. > Mentoring 14.10."]);
            }
            for calendar in &calendars {
                let ends = |start| {
                    let event = calendar.held.values().find(|event| event.start == start);
                    event.map(|event| (event.end, event.original_start))
                };
                assert_eq!(ends(day("2026-10-24")), Some((day("2026-10-26"), None)));
                let moved = Some((day("2026-10-16"), Some(day("2026-10-12"))));
                assert_eq!(ends(day("2026-10-14")), moved, "{}", calendar.who);
                let plain = Some((day("2026-10-21"), Some(day("2026-10-19"))));
                assert_eq!(ends(day("2026-10-19")), plain, "{}", calendar.who);
            }
        }
    }
}

#[tokio::test]
async fn a_private_meeting_carries_no_people_and_no_title() {
    for people in SIDES {
        for visibility in ["private", "confidential"] {
            let stage = Stage::plain().await;
            let conference = if people[0] == ANNA { Conference::Meet } else { Conference::Teams };
            let meeting = NewMeeting {
                visibility: Some(visibility.into()),
                location: Some("Room 5".into()),
                conference,
                ..weekly(people, "2026-10-05T10:00")
            };
            stage.plan(meeting).await;
            for who in people {
                let all = stage.all(who).await;
                assert_eq!(all.len(), 4);
                for event in all.values() {
                    assert!(event.private && event.guests.is_empty() && !event.has_place, "{event:#?}");
                    assert_eq!((&event.title, &event.organizer, &event.conference), (&None, &None, &None));
                    assert!(event.uid.is_some());
                }
            }
        }
    }
}

#[tokio::test]
async fn ten_stays_ten_when_the_clocks_go_back() {
    for people in SIDES {
        let stage = Stage::plain().await;
        stage.plan(weekly(people, "2026-10-19T10:00")).await;
        // The hour that there is twice, and one that lasts over the change.
        stage.plan(single(people, "2026-10-25T02:30")).await;
        stage.plan(NewMeeting { minutes: 120, ..single(people, "2026-10-25T01:30") }).await;
        for who in people {
            let all = stage.all(who).await;
            let mut times: Vec<_> = all.values().map(|event| (event.start, event.end)).collect();
            times.sort();
            let expected = [
                ("2026-10-19T08:00:00Z", "2026-10-19T08:45:00Z"),
                ("2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z"),
                ("2026-10-25T00:30:00Z", "2026-10-25T01:15:00Z"),
                ("2026-10-26T09:00:00Z", "2026-10-26T09:45:00Z"),
            ];
            assert_eq!(times, expected.map(|(from, to)| (Moment::At(at(from)), Moment::At(at(to)))), "{who}");
            for event in all.values().filter(|event| event.series.is_some()) {
                assert_eq!(event.original_start, Some(event.start));
            }
        }
    }
}

/// What copies of one meeting are known by.
fn identity(events: &BTreeMap<String, Event>) -> BTreeSet<(Option<&str>, Option<Moment>, Moment)> {
    events.values().map(|event| (event.uid.as_deref(), event.original_start, event.start)).collect()
}

#[tokio::test]
async fn copies_of_a_meeting_meet_across_google_and_microsoft() {
    for people in [[ANNA, BEN, CLARA], [CLARA, DAN, ANNA], [EVE, BEN, CLARA]] {
        let stage = Stage::plain().await;
        let one = stage.plan(single(people, "2026-10-06T10:00")).await;
        let series = stage.plan(weekly(people, "2026-10-05T10:00")).await;
        let days = NewMeeting { all_day: true, ..weekly(people, "2026-10-07") };
        let days = stage.plan(days).await;
        let control = &stage.control;
        let nineteenth = Some(at("2026-10-19T08:00:00Z"));
        control.reschedule(&series.id, nineteenth, "2026-10-20T14:00", None).await.expect("moved");
        let fourteenth = Some(at("2026-10-13T22:00:00Z"));
        control.reschedule(&days.id, fourteenth, "2026-10-15", None).await.expect("moved");
        let calendars = people.iter().filter(|who| **who != EVE);
        let mut all = Vec::new();
        for who in calendars {
            all.push(stage.all(who).await);
        }
        for calendar in &all {
            assert_eq!(identity(calendar), identity(&all[0]));
            let uids: BTreeSet<_> = calendar.values().filter_map(|event| event.uid.clone()).collect();
            assert_eq!(uids, [&one, &series, &days].map(|planned| planned.uid.clone()).into());
        }
        let moved = (Some(series.uid.as_str()), nineteenth.map(Moment::At), at("2026-10-20T12:00:00Z"));
        assert!(identity(&all[0]).contains(&(moved.0, moved.1, Moment::At(moved.2))));
        let day_moved = (Some(days.uid.as_str()), Some(day("2026-10-14")), day("2026-10-15"));
        assert!(identity(&all[0]).contains(&day_moved));
    }
}
