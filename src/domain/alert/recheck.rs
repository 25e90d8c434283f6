//! The last look before something is sent.

use chrono::{DateTime, Utc};

use super::{Alert, Kind};
use crate::domain::cadence::{Pace, Standing};
use crate::domain::detect::Decision;
use crate::domain::judge::Status;
use crate::domain::pairing::Pairing;
use crate::domain::program::Program;
use crate::domain::session::Session;

/// What to do with an alert that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    Send,
    /// Not any more, and why.
    Withdraw(&'static str),
}

/// How things stand at the moment of sending.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `None` once the program is no longer configured.
    pub program: Option<&'a Program>,
    pub pairing: Option<(&'a Pairing, &'a Standing)>,
    pub session: Option<&'a Session>,
    pub now: DateTime<Utc>,
}

/// Whether an alert that is due is still called for (design section 5.4).
pub fn recheck(alert: &Alert, facts: Facts<'_>) -> Check {
    let Some(program) = facts.program else {
        return Check::Withdraw("the program is no longer configured");
    };
    if facts.now > alert.expires_at {
        return Check::Withdraw("its moment has passed");
    }
    if alert.kind == Kind::Digest {
        return Check::Send;
    }
    let Some((pairing, standing)) = facts.pairing else {
        return Check::Withdraw("the pairing is no longer in the roster");
    };
    match standing.pace {
        Pace::Paused => return Check::Withdraw("the pairing is paused"),
        Pace::Ended => return Check::Withdraw("the pairing has ended"),
        Pace::OnTrack | Pace::Due | Pace::Overdue | Pace::NotStarted => {}
    }
    if alert.person.is_some_and(|person| pairing.participant(person).is_none()) {
        return Check::Withdraw("the recipient has left the pairing");
    }
    if alert.person.is_none() && !program.managers.contains(&alert.recipient) {
        return Check::Withdraw("the recipient manages the program no longer");
    }
    match alert.kind {
        Kind::Reminder => recheck_reminder(alert, facts),
        Kind::Missed => recheck_missed(alert, facts),
        Kind::Nudge | Kind::FirstMeeting => recheck_cadence(alert, standing),
        Kind::Digest => Check::Send,
    }
}

fn recheck_reminder(alert: &Alert, facts: Facts<'_>) -> Check {
    let Some(session) = facts.session else { return Check::Withdraw("the session is gone") };
    if session.decision != Decision::Taken {
        Check::Withdraw("it turned out to be no session")
    } else if !session.stands {
        Check::Withdraw("the session was cancelled")
    } else if session.start != alert.about {
        Check::Withdraw("the session was moved")
    } else if alert.person.is_some_and(|person| session.declined(person)) {
        Check::Withdraw("the recipient has declined")
    } else if session.verdict.status != Status::Scheduled {
        Check::Withdraw("the session is not going to take place")
    } else if facts.now >= session.start {
        Check::Withdraw("the session has begun")
    } else {
        Check::Send
    }
}

fn recheck_missed(alert: &Alert, facts: Facts<'_>) -> Check {
    let Some(session) = facts.session else { return Check::Withdraw("the session is gone") };
    if session.decision != Decision::Taken {
        Check::Withdraw("it turned out to be no session")
    } else if session.start != alert.about {
        Check::Withdraw("the session was moved")
    } else if session.verdict.status != Status::Missed {
        Check::Withdraw("the session does not count as missed any more")
    } else {
        Check::Send
    }
}

fn recheck_cadence(alert: &Alert, standing: &Standing) -> Check {
    if standing.next_session.is_some() {
        Check::Withdraw("a session is planned meanwhile")
    } else if standing.nudge_from != alert.about {
        Check::Withdraw("a session was held meanwhile, or may have been")
    } else {
        Check::Send
    }
}
