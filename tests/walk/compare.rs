//! The sessions that mentord knows against the meetings that there are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mentord::domain::detect::Decision;
use mentord::domain::session::Session;
use mentord::sandbox::{Occurrence, TrueMeeting};
use mentord::store::{SessionFilter, Store};

use crate::stage::{FRED, Pair};

/// With so many others on it a meeting of a pair is a session, or proposed to be one.
const MOST_OTHERS: usize = 2;

type Window = (DateTime<Utc>, DateTime<Utc>);
/// The meeting and the original start.
type Name = (String, DateTime<Utc>);

/// A session as the world has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct True {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    name: Name,
}

/// What has happened since the books were compared last.
pub struct Since {
    /// The meetings of which something was moved.
    pub moved: BTreeSet<String>,
    /// The meetings of which nothing can be seen: what was known of them before stays.
    pub hidden: BTreeSet<String>,
    /// The meetings that were moved as a whole, ever.
    pub ever_as_a_whole: BTreeSet<String>,
    /// Those of them, since then, to which nothing else was done than to move them as a whole.
    pub as_a_whole: BTreeSet<String>,
    pub now: DateTime<Utc>,
}

/// What was known when the walk had settled before.
struct Before {
    id: String,
    start: DateTime<Utc>,
    moves: u32,
}

pub struct Books {
    pairs: &'static [Pair],
    before: BTreeMap<(Pair, Name), Before>,
    /// Until when there was something to know then.
    until: Option<DateTime<Utc>>,
}

impl Books {
    pub fn new(pairs: &'static [Pair]) -> Self {
        Self { pairs, before: BTreeMap::new(), until: None }
    }

    /// Compares what stands inside the window.
    pub async fn compare(
        &mut self,
        store: &Store,
        truth: &[TrueMeeting],
        noise: &BTreeSet<String>,
        since: &Since,
        window: Window,
    ) -> Result<(), String> {
        let pairings = store.pairings(None).await.map_err(|error| error.to_string())?;
        let sessions = store.sessions(&SessionFilter::default()).await.map_err(|error| error.to_string())?;
        let before = std::mem::take(&mut self.before);
        let until = self.until.replace(window.1);
        for pair in self.pairs {
            let is_theirs = |pairing: &&mentord::domain::pairing::Pairing| {
                let has = |who: &str| pairing.members().any(|(_, one)| one.addresses[0].as_str() == who);
                pair.iter().all(|who| has(who))
            };
            let pairing = pairings.iter().find(is_theirs).ok_or("a pairing is missing")?;
            let on = |session: &&Session| {
                session.pairing == pairing.id
                    && session.stands
                    && session.decision != Decision::Left
                    && (window.0..window.1).contains(&session.start)
            };
            let (mut expected, crowded) = theirs(*pair, truth, noise, window);
            // What was over when its series was moved stays where it was.
            let open_to = |id: &String, start: DateTime<Utc>| {
                !since.hidden.contains(id) && (start > since.now || !since.ever_as_a_whole.contains(id))
            };
            expected.retain(|one| open_to(&one.name.0, one.start));
            expected.sort();
            let ids: BTreeMap<&str, &String> = truth.iter().map(|one| (one.uid.as_str(), &one.id)).collect();
            let id = |session: &Session| session.uid.as_deref().and_then(|uid| ids.get(uid).copied());
            let said = |session: &&Session| id(session).is_none_or(|id| open_to(id, session.start));
            let open = |session: &&Session| !crowded.contains(&session.start);
            let known: Vec<&Session> = sessions.iter().filter(on).filter(open).filter(said).collect();
            let expected_times: Vec<_> = expected.iter().map(|one| (one.start, one.end)).collect();
            let known_times: Vec<_> = known.iter().map(|one| (one.start, one.end)).collect();
            if expected_times != known_times {
                let all = sessions.iter().filter(|session| session.pairing == pairing.id);
                return Err(difference(*pair, &expected, &known, all));
            }
            for (one, session) in expected.into_iter().zip(known) {
                let meeting = one.name.0.clone();
                let name = (*pair, one.name);
                if let Some(before) = before.get(&name) {
                    same(before, session, since.moved.contains(&meeting))
                        .map_err(|why| format!("{pair:?} {name:?}: {why}: {session:#?}"))?;
                }
                if until.is_some_and(|until| since.is_moved_within(&meeting, truth, session, until)) {
                    goes_on(&before, *pair, &meeting, session)?;
                }
                let now = Before { id: session.id.to_string(), start: session.start, moves: session.moves };
                self.before.insert(name, now);
            }
        }
        Ok(())
    }
}

impl Since {
    /// Whether the session is one of a meeting that was moved as a whole, and was to come before and
    /// after: of such a one nobody may say that it is new.
    fn is_moved_within(
        &self,
        id: &str,
        truth: &[TrueMeeting],
        session: &Session,
        until: DateTime<Utc>,
    ) -> bool {
        // Two moves of a day, at the most.
        let far = TimeDelta::hours(50);
        let Some(meeting) = truth.iter().find(|meeting| meeting.id == id) else { return false };
        let originals = meeting.occurrences.iter().map(|one| one.original_start);
        // Of a daily series it is hard to say which occurrence became which.
        let apart = originals
            .clone()
            .zip(originals.skip(1))
            .all(|(one, next)| next - one > far + TimeDelta::hours(3));
        apart && self.as_a_whole.contains(id) && session.start > self.now + far && session.start < until - far
    }
}

/// Whether a session of a meeting that was moved as a whole was one of its sessions before.
fn goes_on(
    before: &BTreeMap<(Pair, Name), Before>,
    pair: Pair,
    meeting: &str,
    session: &Session,
) -> Result<(), String> {
    let mut own = before.iter().filter(|((theirs, (id, _)), _)| *theirs == pair && id == meeting).peekable();
    if own.peek().is_none() {
        // It was planned since, or the two are together on it since.
        return Ok(());
    }
    match own.find(|(_, known)| known.id == session.id.to_string()) {
        Some((_, known)) if known.start == session.start || known.moves < session.moves => Ok(()),
        Some((_, known)) => Err(format!("its move from {} is not counted: {session:#?}", known.start)),
        None => Err(format!("{meeting} was moved as a whole, and this is a new session: {session:#?}")),
    }
}

/// Whether it is the session that it was.
fn same(before: &Before, session: &Session, touched: bool) -> Result<(), String> {
    if session.id.to_string() != before.id {
        return Err(format!("it was session {}", before.id));
    }
    match session.start != before.start {
        true if session.moves <= before.moves => {
            Err(format!("its move from {} is not counted", before.start))
        }
        false if !touched && session.moves != before.moves => {
            Err(format!("it was moved {} times, and not since", before.moves))
        }
        _ => Ok(()),
    }
}

/// The sessions of a pair as the world has them, and when the pair is among so many others that it
/// depends on what was known of the series before.
fn theirs(
    pair: Pair,
    truth: &[TrueMeeting],
    noise: &BTreeSet<String>,
    window: Window,
) -> (Vec<True>, BTreeSet<DateTime<Utc>>) {
    let (mut all, mut crowded) = (Vec::new(), BTreeSet::new());
    for meeting in truth.iter().filter(|meeting| !noise.contains(&meeting.id) && !meeting.cancelled) {
        for one in &meeting.occurrences {
            let on = |who: &str| meeting.organizer == who || one.responses.contains_key(who);
            let can_be_seen = pair.iter().any(|who| *who != FRED && is_seen_by(who, meeting, one));
            let inside = (window.0..window.1).contains(&one.start);
            let others = (one.responses.len() + 1).saturating_sub(pair.len());
            if !one.cancelled && inside && pair.iter().all(|who| on(who)) && can_be_seen {
                if others > MOST_OTHERS {
                    crowded.insert(one.start);
                    continue;
                }
                let name = (meeting.id.clone(), one.original_start);
                all.push(True { start: one.start, end: one.end, name });
            }
        }
    }
    (all, crowded)
}

/// Whether the meeting is on somebody's calendar.
fn is_seen_by(who: &str, meeting: &TrueMeeting, one: &Occurrence) -> bool {
    meeting.organizer == who || !one.taken_off_by.iter().any(|other| other == who)
}

fn difference<'a>(
    pair: Pair,
    expected: &[True],
    known: &[&Session],
    all: impl Iterator<Item = &'a Session>,
) -> String {
    let mut lines = vec![format!("{pair:?}:")];
    for one in expected {
        if !known.iter().any(|session| (session.start, session.end) == (one.start, one.end)) {
            lines.push(format!(
                "  not known: {} to {} ({} of {})",
                one.start, one.end, one.name.0, one.name.1
            ));
        }
    }
    for session in known {
        let there =
            expected.iter().filter(|one| (one.start, one.end) == (session.start, session.end)).count();
        let times = known.iter().filter(|one| (one.start, one.end) == (session.start, session.end)).count();
        if there != times {
            lines.push(format!("  known {times} times, and there {there} times: {}", short(session)));
        }
    }
    lines.extend(known.iter().map(|session| format!("  known: {}", short(session))));
    lines.push("what does not stand:".to_owned());
    lines.extend(all.filter(|session| !session.stands).map(|session| format!("  {}", short(session))));
    lines.join("\n")
}

fn short(session: &Session) -> String {
    let Session { id, start, end, stands, decision, moves, uid, original_start, .. } = session;
    let uid = uid.as_deref().unwrap_or("-");
    let tail = &uid[uid.len().saturating_sub(24)..];
    format!("{id} {start} to {end} stands={stands} {decision:?} moves={moves} …{tail} {original_start:?}")
}
