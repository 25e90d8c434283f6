//! What holds for any evidence.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::*;

#[derive(Clone, Debug)]
enum Piece {
    Call(u8, Vec<(Option<u8>, i64, i64)>),
    Answer(u8, bool),
    Decline(u8, i64),
    Off(i64),
    Settled(bool),
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let stay = (prop::option::weighted(0.8, 1..=2u8), -20..60i64, 1..40i64);
    let stay = stay.prop_map(|(person, from, long)| (person, from, from + long));
    prop_oneof![
        4 => (0..2u8, prop::collection::vec(stay, 0..4)).prop_map(|(name, stays)| Piece::Call(name, stays)),
        2 => (1..=2u8, any::<bool>()).prop_map(|(person, met)| Piece::Answer(person, met)),
        2 => (1..=2u8, -60..60i64).prop_map(|(person, hours)| Piece::Decline(person, hours)),
        1 => (-60..60i64).prop_map(Piece::Off),
        1 => any::<bool>().prop_map(Piece::Settled),
    ]
}

/// At most one piece of each kind about each thing, so that none replaces another.
fn any_pieces() -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec(any_piece(), 0..6).prop_map(|mut pieces| {
        let mut seen = std::collections::BTreeSet::new();
        pieces.retain(|piece| {
            seen.insert(match piece {
                Piece::Call(name, _) => ("call", *name),
                Piece::Answer(person, _) => ("answer", *person),
                Piece::Decline(person, _) => ("decline", *person),
                Piece::Off(_) => ("off", 0),
                Piece::Settled(_) => ("settled", 0),
            })
        });
        pieces
    })
}

fn with_pieces(mut trial: Trial, pieces: &[Piece]) -> Trial {
    let person = |id: u8| ParticipantId(i64::from(id));
    let moment = |hours: i64| (at(START) + TimeDelta::hours(hours)).format("%Y-%m-%d %H:%M").to_string();
    for piece in pieces {
        trial = match piece {
            Piece::Call(name, stays) => {
                let stays: Vec<_> =
                    stays.iter().map(|(who, from, to)| (who.map(person), *from, *to)).collect();
                trial.named_call(&name.to_string(), &stays)
            }
            Piece::Answer(who, met) => trial.answers(person(*who), *met),
            Piece::Decline(who, hours) => trial.declines(person(*who), &moment(*hours)),
            Piece::Off(hours) => trial.called_off(&moment(*hours)),
            Piece::Settled(held) => trial.settled(if *held { Outcome::Held } else { Outcome::Missed }),
        };
    }
    trial
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_independent_statements_does_not_matter(
        (pieces, shuffled) in any_pieces()
            .prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
    ) {
        prop_assert_eq!(with_pieces(trial(), &pieces).judge(), with_pieces(trial(), &shuffled).judge());
    }

    #[test]
    fn time_alone_takes_no_verdict_back(
        pieces in any_pieces(),
        (presume, read) in any::<(bool, Option<i8>)>(),
        steps in prop::collection::vec(1..40i64, 1..6),
    ) {
        let mut case = with_pieces(trial(), &pieces);
        case.rules.presume_held = presume;
        case.read_at = read.map(|after| case.session.end + hours(i64::from(after)));
        case.now = case.session.start - hours(24);
        let mut judged = None;
        for step in steps {
            case.now += hours(step);
            let (status, grade) = case.is();
            prop_assert_eq!(case.is(), (status, grade));
            if let Some(before) = judged {
                prop_assert_eq!(before, (status, grade));
            }
            if matches!(status, Status::Held | Status::Missed) {
                judged = Some((status, grade));
            }
        }
    }

    #[test]
    fn a_verdict_is_there_for_everybody(pieces in any_pieces()) {
        let verdict = with_pieces(trial().of(group()), &pieces).judge().verdict;
        let people: BTreeMap<_, _> = verdict.people.iter().map(|own| (own.person, own.verdict)).collect();
        prop_assert_eq!(people.len(), 3);
        prop_assert!(!verdict.reason.is_empty());
    }
}
