//! Puts the copies of an event together to sessions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::heirs::heirs;
use super::{Copy, CopyFacts, CopyId, CopyState, Session, SessionId};
use crate::domain::detect::Decision;
use crate::domain::event::{Conference, ConferenceService, Response};
use crate::domain::evidence::{Evidence, Statement};
use crate::domain::judge::Verdict;
use crate::domain::pairing::Pairing;
use crate::domain::people::ParticipantId;

/// What putting a pairing's copies together came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembly {
    /// Sessions that are new or have changed.
    pub sessions: Vec<Session>,
    /// Every copy that was looked at, and the session it belongs to.
    pub links: Vec<(CopyId, Option<SessionId>)>,
    /// What the calendars now say that they did not say before.
    pub evidence: Vec<(SessionId, Evidence)>,
}

/// What makes copies one session: the UID and, within a series, the original start (design
/// section 5.1). A copy without a UID stands for itself.
pub(super) type Identity = (String, Option<DateTime<Utc>>);

pub(super) fn identity(copy: &Copy) -> Identity {
    match &copy.facts.uid {
        Some(uid) => (uid.clone(), copy.facts.original_start),
        None => (format!("{}:{}", copy.calendar, copy.facts.event), None),
    }
}

/// Puts all copies of one pairing together with the sessions known so far.
///
/// The order of the copies does not matter, and doing it again changes nothing.
pub fn assemble(pairing: &Pairing, copies: &[Copy], sessions: &[Session], now: DateTime<Utc>) -> Assembly {
    let mut assembly = Assembly::default();
    for (id, group) in group(pairing, copies, sessions, now) {
        let known = sessions.iter().find(|session| session.id == id);
        let session = merge(pairing, &id, &group, known, now);
        let link = session.as_ref().map(|session| session.id.clone());
        assembly.links.extend(group.iter().map(|copy| (copy.id, link.clone())));
        if let Some(session) = session {
            assembly.evidence.extend(news(known, &session, &group, now).into_iter().map(|e| (id.clone(), e)));
            if known != Some(&session) {
                assembly.sessions.push(session);
            }
        }
    }
    assembly.links.sort();
    assembly
}

/// Sorts the copies into sessions: those of the same identity together, then those of different
/// identity that start at the same time, for two providers may name one meeting differently.
fn group<'a>(
    pairing: &Pairing,
    copies: &'a [Copy],
    sessions: &[Session],
    now: DateTime<Utc>,
) -> Vec<(SessionId, Vec<&'a Copy>)> {
    let heirs = heirs(copies, sessions, now);
    let mut by_identity: BTreeMap<Identity, Vec<&Copy>> = BTreeMap::new();
    for copy in copies {
        by_identity.entry(identity(copy)).or_default().push(copy);
    }
    let mut by_identity: Vec<_> = by_identity.into_iter().collect();
    // Who has the name of a session comes before those who took its place.
    by_identity.sort_by_key(|(identity, _)| named(sessions, identity).is_none());
    let mut groups: Vec<(SessionId, Vec<&Copy>)> = Vec::new();
    let mut new = Vec::new();
    for (identity, mut members) in by_identity {
        members.sort_by_key(|copy| copy.id);
        let linked = members.iter().filter_map(|copy| copy.session.as_ref());
        let named = named(sessions, &identity).map(|session| &session.id);
        let mut known = linked.chain(named).chain(heirs.get(&identity)).cloned();
        // What had been gone may be there again, beside what took its place.
        let taken = |id: &SessionId| {
            groups.iter().any(|(other, others)| other == id && are_side_by_side(&members, others))
        };
        match known.find(|id| !taken(id)) {
            Some(id) => add(&mut groups, id, members),
            None => new.push((identity, members)),
        }
    }
    // Known sessions come first, so that a second name for one of them finds it, and new ones before what
    // is none by itself.
    new.sort_by_key(|(_, members)| !is_worth_making(members));
    for (identity, members) in new {
        let kin = groups
            .iter()
            .find(|(_, others)| are_kin(&members, others) && !are_side_by_side(&members, others));
        let twin = || groups.iter().find(|(_, others)| are_twins(&members, others));
        // A session keeps its name when it goes on under another identity, which is a name less for others.
        let free = |id: &SessionId| {
            !groups.iter().any(|(other, _)| other == id) && !sessions.iter().any(|other| other.id == *id)
        };
        let name = || (0..).map(|again| name(pairing, &identity, again)).find(free).expect("a free name");
        let id = kin.or_else(twin).map_or_else(name, |(id, _)| id.clone());
        add(&mut groups, id, members);
    }
    groups
}

/// The session that goes by an identity.
pub(super) fn named<'s>(sessions: &'s [Session], (uid, original): &Identity) -> Option<&'s Session> {
    sessions.iter().find(|session| session.uid.as_ref() == Some(uid) && session.original_start == *original)
}

/// A single event may become the first occurrence of a series, and a series a single event: the UID
/// stays, and so does the time.
fn are_kin(members: &[&Copy], others: &[&Copy]) -> bool {
    let became = |single: &Copy, one: &Copy| {
        let (single, one) = (&single.facts, &one.facts);
        single.uid.is_some()
            && single.uid == one.uid
            && single.original_start.is_none()
            && one.original_start.is_some_and(|original| [original, one.start].contains(&single.start))
    };
    members.iter().any(|copy| others.iter().any(|other| became(copy, other) || became(other, copy)))
}

fn add<'a>(groups: &mut Vec<(SessionId, Vec<&'a Copy>)>, id: SessionId, members: Vec<&'a Copy>) {
    match groups.iter_mut().find(|(other, _)| *other == id) {
        Some((_, others)) => others.extend(members),
        None => groups.push((id, members)),
    }
}

/// One calendar may hold two meetings at one time; two calendars that do speak of the same one, and so
/// does one on which the second took the place of the first: it was planned anew, or a series was
/// changed from there on.
fn are_twins(members: &[&Copy], others: &[&Copy]) -> bool {
    let shown = |copy: &Copy| copy.facts.state == CopyState::Stands;
    let stands = |copy: &Copy| shown(copy) && copy.facts.decision != Decision::Left;
    let leading = leading(members);
    let called_off = !others.iter().any(|other| shown(other));
    stands(leading)
        && decision(members) != Decision::Left
        && decision(others) != Decision::Left
        && others
            .iter()
            .any(|other| (stands(other) || called_off) && other.facts.start == leading.facts.start)
        && !are_side_by_side(members, others)
}

/// Whether one calendar shows both.
fn are_side_by_side(members: &[&Copy], others: &[&Copy]) -> bool {
    let shown = |copy: &&&Copy| copy.facts.state == CopyState::Stands;
    let others: Vec<_> = others.iter().filter(shown).map(|copy| copy.calendar).collect();
    members.iter().filter(shown).any(|copy| others.contains(&copy.calendar))
}

/// A short name that the same meeting always gets; another one for each `again`.
fn name(pairing: &Pairing, identity: &Identity, again: u32) -> SessionId {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let original = identity.1.map(|start| start.to_rfc3339()).unwrap_or_default();
    let again = (0..again).map(|_| '\n').collect::<String>();
    let digest = Sha256::digest(format!("{}\n{}\n{original}{again}", pairing.id, identity.0));
    let text = digest.iter().take(10).map(|byte| ALPHABET[usize::from(byte % 32)] as char);
    SessionId(std::iter::once('s').chain(text).collect())
}

/// Without what a calendar shows no more since something else took its place there: a series in the
/// place of a single event, an occurrence of a series that was moved as a whole or goes on as another.
fn current<'a>(copies: &[&'a Copy]) -> Vec<&'a Copy> {
    let rank = |copy: &Copy| (copy.facts.state == CopyState::Stands, copy.changed_at, copy.id);
    let outdone = |copy: &Copy, other: &Copy| {
        other.calendar == copy.calendar && copy.facts.state != CopyState::Stands && rank(other) > rank(copy)
    };
    copies.iter().filter(|copy| !copies.iter().any(|other| outdone(copy, other))).copied().collect()
}

/// The copies that speak for the meeting: while it stands, those that stand.
fn speaking<'a>(copies: &[&'a Copy]) -> Vec<&'a Copy> {
    let all = !stands(copies);
    copies.iter().filter(|copy| all || copy.facts.state == CopyState::Stands).copied().collect()
}

/// Whether it is a session: one calendar on which it is one is enough, of those that show who is on it.
fn decision(copies: &[&Copy]) -> Decision {
    let speaking = speaking(copies);
    let hidden = speaking.iter().all(|copy| copy.facts.guests_hidden);
    let heard = speaking.iter().filter(|copy| hidden || !copy.facts.guests_hidden);
    heard.map(|copy| copy.facts.decision).min().unwrap_or(Decision::Left)
}

/// Whether they make a session that nobody knew: what was called off before mentord ever saw it is none of
/// anybody's memory.
fn is_worth_making(copies: &[&Copy]) -> bool {
    decision(copies) != Decision::Left && copies.iter().any(|copy| copy.facts.state == CopyState::Stands)
}

/// The copy to be believed about the time: the organiser's own, else one that stands, else whatever
/// there is; among equals the one that changed last.
fn leading<'a>(copies: &[&'a Copy]) -> &'a Copy {
    let rank = |copy: &&Copy| {
        let taken = copy.facts.decision != Decision::Left;
        let own = copy.facts.organizer == Some(copy.owner);
        let stands = copy.facts.state == CopyState::Stands;
        (taken, own, stands, copy.changed_at, std::cmp::Reverse(copy.id))
    };
    speaking(copies).into_iter().max_by_key(rank).expect("a group has at least one copy")
}

/// The call: one whose records can be read before one whose cannot.
fn conference(copies: &[&Copy]) -> Option<Conference> {
    let rank = |copy: &&&Copy| {
        let other =
            copy.facts.conference.as_ref().is_none_or(|call| call.service == ConferenceService::Other);
        (other, copy.facts.organizer != Some(copy.owner), copy.id)
    };
    let speaking = speaking(copies);
    let with_call = speaking.iter().filter(|copy| copy.facts.conference.is_some());
    with_call.min_by_key(rank).and_then(|copy| copy.facts.conference.clone())
}

/// Whether the meeting is still on. The organiser's calendar decides where it can be read; elsewhere
/// one that still has the meeting is enough, unless one says outright that it was called off.
fn stands(copies: &[&Copy]) -> bool {
    let own: Vec<_> = copies
        .iter()
        .filter(|copy| copy.facts.organizer == Some(copy.owner))
        .map(|c| c.facts.state)
        .collect();
    if !own.is_empty() {
        return own.contains(&CopyState::Stands);
    }
    let any = |state| copies.iter().any(|copy| copy.facts.state == state);
    any(CopyState::Stands) && !any(CopyState::Cancelled)
}

/// Everybody's answer: what a person's own calendar says counts first, then the organiser's, then
/// anybody's that knows. Taking a meeting off one's own calendar is declining it, unless it is over, wherever
/// it is now.
fn responses(
    pairing: &Pairing,
    copies: &[&Copy],
    stands: bool,
    end: DateTime<Utc>,
) -> BTreeMap<ParticipantId, Response> {
    let known = |copy: &Copy, person| {
        copy.facts.responses.get(&person).copied().filter(|response| *response != Response::Unknown)
    };
    let answer = |person: ParticipantId| {
        let mut ranked: Vec<_> = copies
            .iter()
            .filter_map(|copy| {
                let own = copy.owner == person;
                let gone = copy.facts.state == CopyState::Gone;
                let organizes = copy.facts.organizer == Some(person);
                let in_time = copy.changed_at < end;
                let response = if own && gone && in_time && stands && !organizes {
                    Response::Declined
                } else {
                    known(copy, person)?
                };
                let organizers = copy.facts.organizer == Some(copy.owner);
                let rank = (own, !gone, organizers, copy.changed_at, std::cmp::Reverse(copy.id));
                Some((rank, response))
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.last().map(|(_, response)| *response)
    };
    pairing
        .members()
        .map(|(_, person)| person.id)
        .filter_map(|person| {
            let organizes = copies.iter().any(|copy| copy.facts.organizer == Some(person));
            let response = answer(person).or(organizes.then_some(Response::Organizer));
            Some((person, response?))
        })
        .collect()
}

/// The session that the copies amount to; `None` while they are none and never were.
fn merge(
    pairing: &Pairing,
    id: &SessionId,
    copies: &[&Copy],
    known: Option<&Session>,
    now: DateTime<Utc>,
) -> Option<Session> {
    let copies = &current(copies)[..];
    let facts: &CopyFacts = &leading(copies).facts;
    let decision = decision(copies);
    let stands = stands(copies);
    if known.is_none() && !is_worth_making(copies) {
        return None;
    }
    // A series that is moved as a whole takes along on the calendar what is over; nobody met later for it.
    let over = known.filter(|session| {
        session.original_start != facts.original_start && session.end <= now && facts.end <= now
    });
    let (start, end) = over.map_or((facts.start, facts.end), |session| (session.start, session.end));
    let moved = known.is_some_and(|session| session.start != start);
    Some(Session {
        id: id.clone(),
        pairing: pairing.id,
        uid: known.map_or_else(|| facts.uid.clone(), |session| session.uid.clone()),
        original_start: known.map_or(facts.original_start, |session| session.original_start),
        start,
        end,
        // An occurrence that was moved before mentord saw it first was moved all the same.
        moves: known.map_or_else(
            || u32::from(facts.original_start.is_some_and(|original| original != facts.start)),
            |session| session.moves + u32::from(moved),
        ),
        stands,
        decision,
        organizer: facts.organizer.or_else(|| known.and_then(|session| session.organizer)),
        responses: responses(pairing, copies, stands, end),
        conference: conference(copies).or_else(|| {
            // A call that is taken off a meeting to come is not going to be; later it has been.
            let before = known.filter(|_| !stands || facts.end <= now);
            before.and_then(|session| session.conference.clone())
        }),
        verdict: known.map_or_else(|| Verdict::open(decision, now), |session| session.verdict.clone()),
    })
}

/// What the calendars now say that they did not say before.
fn news(known: Option<&Session>, session: &Session, copies: &[&Copy], now: DateTime<Utc>) -> Vec<Evidence> {
    let changed_at = copies.iter().map(|copy| copy.changed_at).max().unwrap_or(now);
    let mut news = Vec::new();
    let mut state = |statement| news.push(Evidence { statement, at: changed_at });
    for (&person, &response) in &session.responses {
        if known.and_then(|before| before.responses.get(&person)) != Some(&response) {
            state(Statement::Invitation { person, response });
        }
    }
    match (known.is_none_or(|before| before.stands), session.stands) {
        (true, false) => state(Statement::Cancelled),
        (false, true) => state(Statement::Stands),
        (true, true) | (false, false) => {}
    }
    if let Some(before) = known.filter(|before| before.start != session.start) {
        state(Statement::Moved { from: before.start, to: session.start });
    }
    news
}
