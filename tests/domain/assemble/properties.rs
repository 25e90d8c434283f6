//! What holds for any copies.

use chrono::{DateTime, Utc};
use mentord::domain::calendar::CalendarId;
use mentord::domain::detect::Decision;
use mentord::domain::people::ParticipantId;

use super::*;

fn any_copy() -> impl Strategy<Value = Copy> {
    let uids = prop::sample::select(vec![Some("u"), Some("v"), None]);
    let states = prop::sample::select(vec![
        CopyState::Stands,
        CopyState::Stands,
        CopyState::Stands,
        CopyState::Cancelled,
        CopyState::Gone,
    ]);
    let decisions =
        prop::sample::select(vec![Decision::Taken, Decision::Taken, Decision::Proposed, Decision::Left]);
    let answers = prop::sample::select(vec![Response::Accepted, Response::Declined, Response::Unknown]);
    let organizers = prop::sample::select(vec![Some(ADA), Some(GRACE), None]);
    (
        (1..=2i64, uids, states),
        (decisions, answers, organizers),
        (0..3i64, 0..3i64, 0..4i64),
        any::<(bool, bool)>(),
    )
        .prop_map(
            |((calendar, uid, state), (decision, answer, organizer), (start, hour, key), (series, call))| {
                let mut copy = copy(0, CalendarId(calendar), uid.unwrap_or("none"));
                let facts = &mut copy.facts;
                facts.event = format!("{key}-{uid:?}-{series}");
                facts.uid = uid.map(str::to_owned);
                facts.start = at("2026-10-05 09:00") + hours(start);
                facts.end = facts.start + minutes(45);
                facts.original_start = series.then(|| at("2026-10-05 09:00") + hours(key % 2));
                facts.state = state;
                facts.decision = decision;
                facts.organizer = organizer;
                facts.responses.insert(ParticipantId(calendar), answer);
                facts.conference = call.then(meet);
                copy.changed_at = at("2026-10-01 08:00") + hours(hour);
                copy
            },
        )
}

/// Copies as a store holds them: one for each key of a calendar.
fn any_copies() -> impl Strategy<Value = Vec<Copy>> {
    prop::collection::vec(any_copy(), 1..7).prop_map(|mut copies| {
        let mut seen = std::collections::BTreeSet::new();
        copies.retain(|copy| seen.insert((copy.calendar, copy.facts.event.clone())));
        (1..).zip(&mut copies).for_each(|(id, copy)| copy.id = CopyId(id));
        copies
    })
}

fn later() -> DateTime<Utc> {
    at("2026-10-20 08:00")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn assembling_again_changes_nothing(first in any_copies(), more in any_copies()) {
        let mut stored = Stored::of(first);
        for copy in more {
            let key = |other: &Copy| (other.calendar, other.facts.event.clone());
            match stored.copies.iter_mut().find(|known| key(known) == key(&copy)) {
                Some(known) => {
                    (known.facts, known.changed_at) = (copy.facts, copy.changed_at + hours(3));
                }
                None => {
                    let id = CopyId(i64::try_from(stored.copies.len()).expect("few") + 1);
                    stored.copies.push(Copy { id, changed_at: copy.changed_at + hours(3), ..copy });
                }
            }
        }
        stored.assemble();
        let again = assemble(&pair(), &stored.copies, &stored.sessions, later());
        prop_assert_eq!(&again.sessions, &[]);
        prop_assert_eq!(&again.evidence, &[]);
        for (id, session) in &again.links {
            let copy = stored.copies.iter().find(|copy| copy.id == *id).expect("a copy");
            prop_assert_eq!(&copy.session, session);
        }
    }

    #[test]
    fn the_order_of_the_copies_does_not_matter(
        (copies, shuffled) in any_copies()
            .prop_flat_map(|copies| (Just(copies.clone()), Just(copies).prop_shuffle())),
    ) {
        prop_assert_eq!(
            assemble(&pair(), &copies, &[], later()),
            assemble(&pair(), &shuffled, &[], later())
        );
        let mut stored = Stored::of(copies);
        for copy in &mut stored.copies {
            copy.facts.start += hours(24);
            copy.facts.end += hours(24);
        }
        let mut other = stored.clone();
        other.copies.sort_by_key(|copy| shuffled.iter().position(|known| known.id == copy.id));
        prop_assert_eq!(
            assemble(&pair(), &stored.copies, &stored.sessions, later()),
            assemble(&pair(), &other.copies, &other.sessions, later())
        );
    }
}
