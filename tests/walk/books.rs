//! What was known each time the walk had settled: a session is the same one for ever, wherever it goes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mentord::domain::session::{Session, SessionId};
use mentord::sandbox::TrueMeeting;

use crate::compare::{FAR, True, World, is_wide, short, told_of};
use crate::stage::Pair;

/// A meeting and, in a series, the original start.
type Name = (String, Option<DateTime<Utc>>);

#[derive(Clone)]
struct Known {
    id: SessionId,
    start: DateTime<Utc>,
    moves: u32,
    /// How many edits might have moved it by then.
    edits: u32,
    /// The last comparison in which it stood.
    stood: u32,
}

#[derive(Default)]
pub struct Books {
    names: BTreeMap<(Pair, Name), Known>,
    /// By the first meeting of their line and when they begin: no two edits ever lead to one time.
    times: BTreeMap<(Pair, String, DateTime<Utc>), (SessionId, u32)>,
    /// How often something was compared.
    number: u32,
    /// Until when there was something to know then.
    until: Option<DateTime<Utc>>,
}

impl Books {
    /// Holds sessions that stand against what was known before, and writes them down.
    pub fn hold(
        &mut self,
        pair: Pair,
        expected: &[True<'_>],
        known: &[&Session],
        all: &[&Session],
        world: &World<'_>,
    ) -> Result<(), String> {
        self.kept(pair, all, world)?;
        let before = self.names.clone();
        for (one, session) in expected.iter().zip(known) {
            let told = |why: String| told_of(one, session, &why);
            let root = world.history.root(&one.meeting.id);
            let edits = edits(root, session, world);
            let original = one.meeting.series.then_some(one.one.original_start);
            let name = (pair, (one.meeting.id.clone(), original));
            match before.get(&name) {
                Some(before) => before.is(session, edits).map_err(told)?,
                None => {
                    self.is_new_or_goes_on(pair, one, session, &before, world).map_err(told)?;
                }
            }
            let time = (pair, root.to_owned(), session.start);
            if let Some((id, stood)) = self.times.get(&time)
                && (*stood == self.number || !world.history.is_called_off(root, session.start))
                && *id != session.id
            {
                return Err(told(format!("at its time it was session {id}")));
            }
            self.times.insert(time, (session.id.clone(), self.number + 1));
            let (start, stood) = (session.start, self.number + 1);
            self.names
                .insert(name, Known { id: session.id.clone(), start, moves: session.moves, edits, stood });
        }
        Ok(())
    }

    pub fn compared(&mut self, world: &World<'_>) {
        self.number += 1;
        self.until = Some(world.window.1);
    }

    /// One that has no known name.
    fn is_new_or_goes_on(
        &self,
        pair: Pair,
        one: &True<'_>,
        session: &Session,
        before: &BTreeMap<(Pair, Name), Known>,
        world: &World<'_>,
    ) -> Result<(), String> {
        let root = world.history.root(&one.meeting.id);
        let edits = edits(root, session, world);
        let of_line = |((theirs, (id, _)), _): &(&(Pair, Name), &Known)| {
            *theirs == pair && world.history.root(id) == root
        };
        let mut own = before.iter().filter(of_line).map(|(_, known)| known).peekable();
        // It was planned since, or the two are together on it since.
        let is_new = own.peek().is_none();
        match own.find(|known| known.id == session.id) {
            Some(known) => known.is(session, edits),
            None if !is_new
                && is_only_moved(one.meeting, world)
                && self.is_amid(session.start, FAR, world) =>
            {
                Err("its meeting was moved as a whole, and this is a new session".to_owned())
            }
            None if self.seems_to_follow(session, root, before, world) => Ok(()),
            None if session.moves > edits.max(u32::from(one.one.start != one.one.original_start)) => {
                Err(format!("it was moved {edits} times at the most"))
            }
            None => Ok(()),
        }
    }

    /// Whether another meeting ended where this one begins: then nobody can say that it does not go on
    /// with it.
    fn seems_to_follow(
        &self,
        session: &Session,
        root: &str,
        before: &BTreeMap<(Pair, Name), Known>,
        world: &World<'_>,
    ) -> bool {
        let organizer = |id: &str| world.truth.iter().find(|one| one.id == id).map(|one| &*one.organizer);
        before.iter().any(|((_, (id, _)), known)| {
            let near = (known.start - session.start).abs() <= TimeDelta::hours(14);
            known.id == session.id && near && organizer(id) == organizer(root)
        })
    }

    /// Whether something was to come before and after, however far it went: of such a one nobody may say
    /// that it is new, or not there any more.
    fn is_amid(&self, start: DateTime<Utc>, far: TimeDelta, world: &World<'_>) -> bool {
        start > world.now + far && self.until.is_some_and(|until| start < until - far)
    }

    /// What was known once is known for ever; and what only went elsewhere with all of its series was
    /// not called off.
    fn kept(&self, pair: Pair, all: &[&Session], world: &World<'_>) -> Result<(), String> {
        let moved: BTreeSet<&str> = world
            .truth
            .iter()
            .filter(|meeting| is_only_moved(meeting, world))
            .map(|meeting| &*meeting.id)
            .collect();
        for ((_, (meeting, original)), known) in self.names.iter().filter(|((theirs, _), _)| *theirs == pair)
        {
            let Some(session) = all.iter().find(|session| session.id == known.id) else {
                return Err(format!("session {} of {meeting}, {original:?}, is lost", known.id));
            };
            let stood = known.stood == self.number && self.is_amid(known.start, FAR * 2, world);
            if stood && moved.contains(&**meeting) && !session.stands {
                return Err(format!("{meeting} was only moved, and this does not stand: {}", short(session)));
            }
        }
        Ok(())
    }
}

/// How many edits may have moved a session of the line of `root`: one that it took over from another
/// meeting may have been moved with that, too.
fn edits(root: &str, session: &Session, world: &World<'_>) -> u32 {
    let before_it = world.root(session).filter(|other| *other != root);
    world.history.moves(root) + before_it.map_or(0, |other| world.history.moves(other) + 1)
}

/// Whether a meeting, or the line it belongs to, was moved as a whole since the books were compared, and
/// nothing else was ever done to it.
fn is_only_moved(meeting: &TrueMeeting, world: &World<'_>) -> bool {
    is_wide(meeting) && world.history.is_moved_as_a_whole(&meeting.id)
}

impl Known {
    /// Whether it is the session that it was, moved as often as may be.
    fn is(&self, session: &Session, edits: u32) -> Result<(), String> {
        let most = self.moves + edits.saturating_sub(self.edits);
        if session.id != self.id {
            Err(format!("it was session {}", self.id))
        } else if session.start != self.start && session.moves <= self.moves {
            Err(format!("its move from {} is not counted", self.start))
        } else if !(self.moves..=most).contains(&session.moves) {
            Err(format!("it was moved {} times, and {most} at the most since", self.moves))
        } else {
            Ok(())
        }
    }
}
