//! How soon a calendar is read again.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use mentord::domain::calendar::CalendarId;
use mentord::domain::calendar::pace::{Moment, Situation, horizon, longest, next_reading, serves};
use mentord::domain::event::Window;
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    "2026-10-05T08:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

fn session(from: i64, to: i64) -> Moment {
    Moment::Session(Window { from: now() + minutes(from), to: now() + minutes(to) })
}

/// Minutes until the next reading, with a patience of five.
fn wait(changed: bool, watched: bool, moments: &[Moment]) -> i64 {
    let situation = Situation { patience: minutes(5), changed, watched, moments: moments.to_vec() };
    (next_reading(&situation, now(), CalendarId(0)) - now()).num_minutes()
}

#[test]
fn what_something_rests_on_is_read_often_and_the_rest_rarely() {
    assert_eq!(wait(false, false, &[]), 30, "quiet");
    assert_eq!(wait(false, true, &[]), 120, "quiet, and its provider tells of changes");
    assert_eq!(wait(true, true, &[]), 5, "something just changed");
    for watched in [false, true] {
        assert_eq!(wait(false, watched, &[session(60, 120)]), 5, "it begins within three hours");
        assert_eq!(wait(false, watched, &[session(-30, 30)]), 5, "it takes place");
        assert_eq!(wait(false, watched, &[session(-180, -120)]), 5, "it is about to be judged");
        assert_eq!(wait(false, watched, &[session(200, 260)]), 20, "it comes near");
        assert_eq!(wait(false, watched, &[Moment::Alert(now() + minutes(25))]), 15, "it is mailed about");
        assert_eq!(wait(false, watched, &[Moment::Alert(now() + minutes(3))]), 5);
    }
    assert_eq!(wait(false, false, &[session(-500, -440)]), 30, "it is long over");
    assert_eq!(wait(false, true, &[session(2000, 2060)]), 120, "it is far away");
    assert_eq!(wait(false, true, &[session(2000, 2060), session(210, 270)]), 30, "the nearest counts");
}

#[test]
fn a_patience_of_hours_is_never_shortened() {
    let situation = Situation { patience: minutes(240), changed: false, watched: false, moments: vec![] };
    assert_eq!(next_reading(&situation, now(), CalendarId(7)) - now(), minutes(240));
    assert_eq!(longest(minutes(240)), minutes(240));
}

/// Five hundred calendars were first read in the same minute, looking sixty days ahead.
#[test]
fn calendars_that_were_listed_together_are_not_listed_anew_in_a_herd() {
    let future = TimeDelta::days(60);
    for first in [1, 1_000, 123_456] {
        let mut quarters = BTreeMap::<i64, u32>::new();
        for id in (first..first + 500).map(CalendarId) {
            let anew = (0..=24 * 4).find(|quarter| !serves(now(), future, id, now() + minutes(quarter * 15)));
            *quarters.entry(anew.expect("within a day")).or_default() += 1;
        }
        // Within half a day of each other, and evenly: ten or so in a quarter of an hour.
        assert!(quarters.keys().all(|quarter| (12 * 4..=24 * 4).contains(quarter)), "{quarters:?}");
        assert_eq!(quarters.len(), 48, "{quarters:?}");
        assert!(quarters.values().all(|count| *count <= 13), "{quarters:?}");
    }
    // The clock was set back, or `future` was longer: it is not known when it was listed.
    assert!(!serves(now() + minutes(1), future, CalendarId(1), now()));
}

/// Who looks a day ahead has to look again sooner.
#[test]
fn a_short_future_is_not_used_up() {
    let future = TimeDelta::days(1);
    for id in (1..50).map(CalendarId) {
        assert!(serves(now(), future, id, now() + minutes(3 * 60)));
        assert!(!serves(now(), future, id, now() + minutes(8 * 60)));
    }
}

#[test]
fn calendars_that_were_read_together_drift_apart() {
    let situation = Situation { patience: minutes(5), changed: false, watched: false, moments: vec![] };
    let mut at: Vec<_> = (0..16).map(|id| next_reading(&situation, now(), CalendarId(id))).collect();
    at.sort();
    at.dedup();
    assert_eq!(at.len(), 16);
    assert!(at[0] - now() >= minutes(26), "{:?}", at[0]);
}

proptest! {
    #[test]
    fn nothing_is_read_sooner_than_patience_or_later_than_the_longest(
        patience in 1i64..2000, from in -3000i64..3000, long in 1i64..600, watched: bool, id in 0i64..99,
    ) {
        let patience = minutes(patience);
        let moments = vec![session(from, from + long), Moment::Alert(now() + minutes(from))];
        let situation = Situation { patience, changed: false, watched, moments };
        let wait = next_reading(&situation, now(), CalendarId(id)) - now();
        prop_assert!(wait >= patience && wait <= longest(patience), "{wait}");
        prop_assert!(horizon(patience) > longest(patience));
    }

    /// However the readings fall, one of them lies within a patience before each alert and within
    /// one after each session's end.
    #[test]
    fn no_alert_goes_out_on_old_facts(due in 1i64..600, watched: bool, id in 0i64..99) {
        let (patience, due) = (minutes(5), now() + minutes(due));
        let mut at = now();
        loop {
            let situation = Situation { patience, changed: false, watched, moments: vec![Moment::Alert(due)] };
            let next = next_reading(&situation, at, CalendarId(id));
            if next > due {
                break;
            }
            at = next;
        }
        prop_assert!(due - at <= patience || at == now(), "read at {at}, due at {due}");
    }
}
