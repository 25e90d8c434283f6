//! When a verdict is given.

use mentord::domain::judge::Attendance::Absent;

use super::*;

#[test]
fn nothing_is_said_before_the_end_and_the_grace_are_over() {
    let over = trial().call(BOTH);
    let before = trial().call(BOTH).at("2026-10-05 10:14");
    assert_eq!(before.is(), PLANNED);
    assert_eq!(before.people(), [UNKNOWN, UNKNOWN]);
    assert_eq!(before.judge().again_at, Some(at("2026-10-05 10:15")));
    assert_eq!(over.at("2026-10-05 10:15").is(), HELD);
    assert_eq!(trial().at("2026-10-01 09:00").is(), PLANNED);
}

#[test]
fn what_is_called_off_is_looked_at_again_when_it_would_be_over() {
    let early = trial().called_off("2026-10-03 09:00").at("2026-10-03 09:00");
    assert_eq!(early.is(), OFF);
    assert_eq!(early.judge().again_at, Some(at("2026-10-05 10:15")));
    // The record of the call came before the grace was over: they had met after all.
    let soon = trial().called_off("2026-10-03 09:00").call(BOTH).at("2026-10-05 09:55");
    assert_eq!((soon.is(), soon.judge().again_at), (OFF, Some(at("2026-10-05 10:15"))));
    assert_eq!(trial().called_off("2026-10-03 09:00").at("2026-10-07 09:00").judge().again_at, None);
}

#[test]
fn missed_waits_until_every_calendar_was_read_after_the_end() {
    for missed in [trial().call(ADA_ALONE), trial().answers(ADA, false)] {
        let expected = missed.is().0;
        assert_eq!(expected, Status::Missed);
        for read_at in [None, Some(at("2026-10-05 09:44"))] {
            let trial = Trial { read_at, evidence: missed.evidence.clone(), ..trial() };
            assert_eq!(trial.is(), PLANNED);
            let again = trial.judge().again_at.expect("to look again");
            assert!(again > trial.now && again <= trial.now + hours(1));
            // Nor is anybody said to have been absent.
            assert!(trial.people().iter().all(|(verdict, _)| *verdict != Absent));
            let late = trial.at("2026-10-06 09:45");
            assert_eq!(late.is(), OPEN);
            assert!(late.judge().again_at.is_some_and(|again| again > late.now));
            assert!(late.people().iter().all(|(verdict, _)| *verdict != Absent));
        }
        let fresh = Trial { read_at: Some(at("2026-10-05 09:45")), evidence: missed.evidence, ..trial() };
        assert_eq!(fresh.is().0, Status::Missed);
    }
}

#[test]
fn held_needs_no_other_calendar_to_be_read() {
    assert_eq!(Trial { read_at: None, ..trial().call(BOTH) }.is(), HELD);
}
