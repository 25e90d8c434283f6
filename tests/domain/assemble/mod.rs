//! Sessions, put together from what several calendars say.

mod changes;
mod identity;
mod properties;
mod series;
mod whole;

use mentord::domain::event::Response;
use mentord::domain::evidence::Statement;
use mentord::domain::session::{Assembly, Copy, CopyId, CopyState, Session, SessionId, assemble};
use proptest::prelude::*;

use crate::build::*;

/// What is stored: copies and the sessions made of them.
#[derive(Clone, Default)]
struct Stored {
    copies: Vec<Copy>,
    sessions: Vec<Session>,
    stated: Vec<(SessionId, Statement)>,
}

impl Stored {
    fn of(copies: impl IntoIterator<Item = Copy>) -> Self {
        let mut stored = Self { copies: copies.into_iter().collect(), ..Self::default() };
        stored.assemble();
        stored
    }

    /// Assembles and stores what came of it.
    fn assemble(&mut self) -> Assembly {
        let now =
            self.copies.iter().map(|copy| copy.changed_at).max().unwrap_or_else(|| at("2026-10-01 08:00"));
        let assembly = assemble(&pair(), &self.copies, &self.sessions, now);
        for session in &assembly.sessions {
            self.sessions.retain(|known| known.id != session.id);
            self.sessions.push(session.clone());
        }
        for (id, session) in &assembly.links {
            let copy = self.copies.iter_mut().find(|copy| copy.id == *id).expect("a copy");
            copy.session = session.clone();
        }
        self.stated.extend(assembly.evidence.iter().map(|(id, news)| (id.clone(), news.statement.clone())));
        assembly
    }

    /// A calendar is read and shows a copy to be different.
    fn change(&mut self, id: i64, when: &str, change: impl FnOnce(&mut Copy)) -> Assembly {
        let copy = self.copies.iter_mut().find(|copy| copy.id == CopyId(id)).expect("a copy");
        change(copy);
        copy.changed_at = at(when);
        self.assemble()
    }

    fn moved(&mut self, id: i64, when: &str, to: &str) {
        self.change(id, when, |copy| {
            copy.facts.start = at(to);
            copy.facts.end = at(to) + minutes(45);
        });
    }

    fn found(&mut self, copy: Copy) -> Assembly {
        self.copies.push(copy);
        self.assemble()
    }

    fn only(&self) -> &Session {
        assert_eq!(self.sessions.len(), 1, "{:#?}", self.sessions);
        &self.sessions[0]
    }

    fn says(&self, wanted: &Statement) -> usize {
        self.stated.iter().filter(|(_, statement)| statement == wanted).count()
    }
}

fn gone(copy: &mut Copy) {
    copy.facts.state = CopyState::Gone;
}

fn off(copy: &mut Copy) {
    copy.facts.state = CopyState::Cancelled;
}

fn occurrence_of(copy: Copy, original: &str) -> Copy {
    let mut copy = copy;
    copy.facts.series = Some("series".into());
    copy.facts.original_start = Some(at(original));
    copy
}

/// On both calendars, under one UID.
fn both() -> Stored {
    Stored::of([copy(1, ADAS, "u"), copy(2, GRACES, "u")])
}

/// On Ada's calendar alone, and Grace called it: nobody can read the organiser's calendar.
fn guests_only() -> Stored {
    let mut copies = [copy(1, ADAS, "u"), copy(2, GRACES, "u")];
    for copy in &mut copies {
        copy.facts.organizer = None;
        copy.facts.responses = [(ADA, Response::Accepted), (GRACE, Response::Accepted)].into();
    }
    Stored::of(copies)
}
