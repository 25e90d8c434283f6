//! The sessions that mentord knows against the meetings that there are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Europe::Berlin;
use chrono_tz::Tz;
use mentord::domain::detect::Decision;
use mentord::domain::pairing::Pairing;
use mentord::domain::session::Session;
use mentord::sandbox::{Occurrence, TrueMeeting};
use mentord::store::{SessionFilter, Store};

use crate::books::Books;
use crate::facts::{hold, id};
use crate::history::History;
use crate::stage::{FRED, Pair};
use crate::weigh::weigh;

/// A session as the world has it.
#[derive(Clone, Copy)]
pub struct True<'a> {
    pub meeting: &'a TrueMeeting,
    pub one: &'a Occurrence,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    /// What it must be taken for, if that is certain.
    certain: Option<Decision>,
}

/// What there is to compare.
pub struct World<'a> {
    pub truth: &'a [TrueMeeting],
    pub history: &'a History,
    /// The meetings that were private from the beginning.
    pub veiled: &'a BTreeSet<String>,
    pub now: DateTime<Utc>,
    /// Everything that stands in here is compared.
    pub window: (DateTime<Utc>, DateTime<Utc>),
    /// Nothing may stand from the window's end until here that there is not.
    pub beyond: DateTime<Utc>,
}

impl<'a> World<'a> {
    /// The first of the line of meetings that a session belongs to.
    pub fn root(&self, session: &Session) -> Option<&'a str> {
        let uid = session.uid.as_deref()?;
        let meeting = self.truth.iter().find(|meeting| meeting.uid == uid)?;
        Some(self.history.root(&meeting.id))
    }

    fn is_inside(&self, start: DateTime<Utc>) -> bool {
        (self.window.0..self.window.1).contains(&start)
    }

    /// Whether a session can be held against the world.
    pub fn is_open(&self, session: &Session) -> bool {
        self.root(session).is_none_or(|root| self.history.is_open(root, session.start))
    }
}

/// Compares what stands inside the window.
pub async fn compare(
    books: &mut Books,
    pairs: &[Pair],
    store: &Store,
    world: &World<'_>,
) -> Result<(), String> {
    let pairings = store.pairings(None).await.map_err(|error| error.to_string())?;
    let sessions = store.sessions(&SessionFilter::default()).await.map_err(|error| error.to_string())?;
    for pair in pairs {
        let is_theirs = |pairing: &&Pairing| pair.iter().all(|who| id(pairing, who).is_some());
        let pairing = pairings.iter().find(is_theirs).ok_or("a pairing is missing")?;
        let own: Vec<&Session> = sessions.iter().filter(|session| session.pairing == pairing.id).collect();
        compare_pair(books, *pair, pairing, &own, world).map_err(|told| format!("{pair:?}: {told}"))?;
    }
    books.compared(world);
    Ok(())
}

fn compare_pair(
    books: &mut Books,
    pair: Pair,
    pairing: &Pairing,
    sessions: &[&Session],
    world: &World<'_>,
) -> Result<(), String> {
    let (mut expected, unsure) = theirs(pair, world);
    expected.retain(|one| world.history.is_open(world.history.root(&one.meeting.id), one.start));
    expected.sort_by_key(|one| (one.start, one.end, world.history.root(&one.meeting.id)));
    let on = |session: &&&Session| session.stands && session.decision != Decision::Left;
    let open = |session: &&&Session| !unsure.contains(&session.start) && world.is_open(session);
    let standing: Vec<&Session> = sessions.iter().filter(on).filter(open).copied().collect();
    let mut known: Vec<&Session> =
        standing.iter().filter(|session| world.is_inside(session.start)).copied().collect();
    known.sort_by_key(|session| (session.start, session.end, world.root(session)));
    let expected_times: Vec<_> = expected.iter().map(|one| (one.start, one.end)).collect();
    let known_times: Vec<_> = known.iter().map(|one| (one.start, one.end)).collect();
    if expected_times != known_times {
        return Err(difference(&expected, &known, sessions));
    }
    invented(&standing, world)?;
    doubled(sessions, world)?;
    called_off_by_nobody(sessions, world)?;
    for (one, session) in expected.iter().zip(&known) {
        let told = hold(session, (one.meeting, one.one), one.certain, pair, pairing, world.now);
        told.map_err(|why| told_of(one, session, &why))?;
    }
    books.hold(pair, &expected, &known, sessions, world)
}

pub fn told_of(one: &True<'_>, session: &Session, why: &str) -> String {
    let Session { organizer, responses, conference, .. } = session;
    let more = format!("{organizer:?} {responses:?} {conference:?}");
    format!("{} of {}: {why}:\n  {} {more}", one.meeting.id, one.one.original_start, short(session))
}

/// Behind the compared window mentord need not know everything, and may know nothing that is not.
fn invented(standing: &[&Session], world: &World<'_>) -> Result<(), String> {
    let times = |meeting: &'_ TrueMeeting| {
        let live = meeting.occurrences.iter().filter(|one| !one.cancelled);
        live.map(|one| times(meeting, one).0).collect::<Vec<_>>()
    };
    let there: BTreeSet<_> = world.truth.iter().flat_map(times).collect();
    let far = |session: &&&Session| {
        // What was moved there by itself is not looked after while no window reaches it.
        (world.window.1..world.beyond).contains(&session.start) && session.moves == 0
    };
    match standing.iter().filter(far).find(|session| !there.contains(&session.start)) {
        Some(session) => Err(format!("there is no such meeting: {}", short(session))),
        None => Ok(()),
    }
}

/// One occurrence is one session: what lives on, under whatever name, was not called off.
fn doubled(sessions: &[&Session], world: &World<'_>) -> Result<(), String> {
    let mut identities = BTreeSet::new();
    let mut starts: BTreeMap<(&str, DateTime<Utc>), &Session> = BTreeMap::new();
    for session in sessions.iter().filter(|session| session.decision != Decision::Left) {
        if session.uid.is_some() && !identities.insert((&session.uid, session.original_start)) {
            return Err(format!("there is another one of this occurrence: {}", short(session)));
        }
        let Some(root) = world.root(session) else { continue };
        let certain = !world.history.is_called_off(root, session.start);
        if !certain || !world.is_open(session) || !world.is_inside(session.start) {
            continue;
        }
        if let Some(other) = starts.insert((root, session.start), session) {
            return Err(format!("one meeting is two sessions:\n  {}\n  {}", short(other), short(session)));
        }
    }
    Ok(())
}

/// Not yet: where one calendar cannot be read while a series is planned and moved, an old occurrence stays
/// as one that was called off.
const HELD_BETWEEN_COMPARISONS: bool = false;

/// Of what was only moved as a whole, or from some occurrence on, every session stands.
fn called_off_by_nobody(sessions: &[&Session], world: &World<'_>) -> Result<(), String> {
    if !HELD_BETWEEN_COMPARISONS {
        return Ok(());
    }
    let far = FAR * 2;
    let amid = |session: &Session| {
        (world.now + far..world.window.1 - far).contains(&session.start) && !session.stands
    };
    let moved = |session: &Session| {
        let root = world.root(session)?;
        let mut line = world.truth.iter().filter(|meeting| world.history.root(&meeting.id) == root);
        (world.history.is_only_moved(root) && line.all(is_wide)).then_some(())
    };
    let taken = sessions.iter().filter(|session| session.decision != Decision::Left && amid(session));
    match taken.into_iter().find(|session| moved(session).is_some()) {
        Some(session) => Err(format!("nobody called it off: {}", short(session))),
        None => Ok(()),
    }
}

/// Whether it can be told which occurrence became which when all of them are moved: of a daily series
/// that is hard to say.
pub fn is_wide(meeting: &TrueMeeting) -> bool {
    let mut originals: Vec<_> = meeting.occurrences.iter().map(|one| one.original_start).collect();
    originals.sort_unstable();
    originals.windows(2).all(|pair| pair[1] - pair[0] > FAR + TimeDelta::hours(3))
}

/// The sessions of a pair as the world has them, and the times of those that may be sessions or not.
fn theirs<'a>(pair: Pair, world: &World<'a>) -> (Vec<True<'a>>, BTreeSet<DateTime<Utc>>) {
    let (mut all, mut unsure) = (Vec::new(), BTreeSet::new());
    let shown = |meeting: &&TrueMeeting| !world.veiled.contains(&meeting.id) && !meeting.cancelled;
    for meeting in world.truth.iter().filter(shown) {
        for one in meeting.occurrences.iter().filter(|one| !one.cancelled) {
            let sees = |who: &&str| *who != FRED && is_seen_by(who, meeting, one);
            // Google names to its other guests who planned what is kept on a calendar of its own.
            let planned = |who: &str| {
                let told = |other: &&str| *other != who && other.ends_with("acme.example") && sees(other);
                meeting.creator.as_deref() == Some(who) && pair.iter().any(told)
            };
            let on = |who: &str| meeting.organizer == who || one.responses.contains_key(who) || planned(who);
            let can_be_seen = pair.iter().any(sees);
            if !pair.iter().all(|who| on(who)) || !can_be_seen {
                continue;
            }
            let (start, end) = times(meeting, one);
            match weigh(pair, meeting, one) {
                [_, Decision::Left] => {}
                [Decision::Left, _] => drop(unsure.insert(start)),
                // At the window's edge a whole day may be told as the next.
                _ if meeting.all_day && start > world.window.1 - TimeDelta::hours(26) => {
                    unsure.insert(start);
                }
                [least, most] if world.is_inside(start) => {
                    let certain = Some(least).filter(|_| least == most);
                    all.push(True { meeting, one, start, end, certain });
                }
                _ => {}
            }
        }
    }
    (all, unsure)
}

/// When it is; whole days are those of the program's zone.
fn times(meeting: &TrueMeeting, one: &Occurrence) -> (DateTime<Utc>, DateTime<Utc>) {
    let zone: Tz = meeting.timezone.parse().unwrap_or_default();
    let own = |at: DateTime<Utc>| {
        let midnight = at.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN);
        Berlin.from_local_datetime(&midnight).earliest().map_or(at, |midnight| midnight.to_utc())
    };
    if meeting.all_day { (own(one.start), own(one.end)) } else { (one.start, one.end) }
}

/// Whether the meeting is on somebody's calendar.
fn is_seen_by(who: &str, meeting: &TrueMeeting, one: &Occurrence) -> bool {
    let on = meeting.organizer == who || one.responses.contains_key(who);
    on && !one.taken_off_by.iter().any(|other| other == who)
}

fn difference(expected: &[True<'_>], known: &[&Session], all: &[&Session]) -> String {
    let mut lines = vec!["the sessions differ:".to_owned()];
    for True { meeting, one, start, end, .. } in expected {
        if !known.iter().any(|session| (session.start, session.end) == (*start, *end)) {
            let name = (&meeting.id, one.original_start);
            lines.push(format!("  not known: {start} to {end} ({} of {})", name.0, name.1));
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
    lines.push("what does not stand, or is none:".to_owned());
    let others = all.iter().filter(|session| !session.stands || session.decision == Decision::Left);
    lines.extend(others.map(|session| format!("  {}", short(session))));
    lines.join("\n")
}

pub fn short(session: &Session) -> String {
    let Session { id, start, end, stands, decision, moves, uid, original_start, .. } = session;
    let uid = uid.as_deref().unwrap_or("-");
    let tail = &uid[uid.len().saturating_sub(44)..];
    format!("{id} {start} to {end} stands={stands} {decision:?} moves={moves} …{tail} {original_start:?}")
}

/// How far two moves of a day, and the clocks, can take a session.
pub const FAR: TimeDelta = TimeDelta::hours(50);
