//! What a session that stands must say of its people, its call, and whether it is one.

use chrono::{DateTime, Utc};
use mentord::domain::detect::Decision;
use mentord::domain::event::{ConferenceService, Response as Known};
use mentord::domain::pairing::Pairing;
use mentord::domain::people::ParticipantId;
use mentord::domain::session::Session;
use mentord::sandbox::{Conference, Occurrence, Response, TrueMeeting};

use crate::stage::{FRED, Pair};

/// Holds a session against its meeting; `certain` is what it must be taken for.
pub fn hold(
    session: &Session,
    (meeting, one): (&TrueMeeting, &Occurrence),
    certain: Option<Decision>,
    pair: Pair,
    pairing: &Pairing,
    now: DateTime<Utc>,
) -> Result<(), String> {
    if let Some(decision) = certain.filter(|decision| *decision != session.decision) {
        return Err(format!("it must be {decision:?}"));
    }
    organizer(session, meeting, pair, pairing)?;
    for who in pair {
        response(session, meeting, one, who, id(pairing, who), now)?;
    }
    call(session, meeting, one, pair, now)
}

pub fn id(pairing: &Pairing, who: &str) -> Option<ParticipantId> {
    pairing.members().find(|(_, one)| one.addresses[0].as_str() == who).map(|(_, one)| one.id)
}

fn organizer(session: &Session, meeting: &TrueMeeting, pair: Pair, pairing: &Pairing) -> Result<(), String> {
    let own = id(pairing, &meeting.organizer).filter(|_| pair.contains(&&*meeting.organizer));
    // Whose meeting it is that is kept on a calendar of its own, the calendar may say or not.
    let creator = meeting.creator.as_deref().and_then(|who| id(pairing, who));
    if session.organizer == own || creator.is_some() && session.organizer == creator {
        return Ok(());
    }
    Err(format!("its organizer is {:?}, and must be {own:?}", session.organizer))
}

fn response(
    session: &Session,
    meeting: &TrueMeeting,
    one: &Occurrence,
    who: &str,
    id: Option<ParticipantId>,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let known = id.and_then(|id| session.responses.get(&id).copied());
    let true_one = one.responses.get(who).copied();
    let taken_off = one.taken_off_by.iter().any(|other| other == who);
    let fits = match known {
        _ if meeting.organizer == who => {
            matches!(known, Some(Known::Organizer | Known::Accepted))
        }
        // Whoever made it for a calendar of its own may be told as its organizer.
        Some(Known::Organizer) => meeting.creator.as_deref() == Some(who),
        // They planned it, and are not among its guests any more.
        Some(Known::Declined) if true_one.is_none() => meeting.creator.as_deref() == Some(who),
        // Of a meeting that is over nobody can say why it is not on a calendar any more.
        _ if taken_off && one.end <= now => true,
        Some(Known::Declined) if taken_off => true,
        // Who took it off before anybody looked told only the calendar that it is kept on.
        None if taken_off && meeting.creator.is_some() => true,
        None | Some(Known::Unknown | Known::NeedsAction) => true_one == Some(Response::NeedsAction),
        Some(Known::Accepted) => true_one == Some(Response::Accepted),
        Some(Known::Tentative) => true_one == Some(Response::Tentative),
        Some(Known::Declined) => true_one == Some(Response::Declined),
    };
    match fits {
        true => Ok(()),
        false => Err(format!("{who} answered {true_one:?}, taken off: {taken_off}, known: {known:?}")),
    }
}

/// The call, where the calendar of whoever holds the meeting can be read.
fn call(
    session: &Session,
    meeting: &TrueMeeting,
    one: &Occurrence,
    pair: Pair,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let service = match meeting.conference {
        // A call that is taken off is not going to be; what is over has had it.
        Conference::None if session.conference.is_none() || one.end <= now => return Ok(()),
        Conference::None => return Err(format!("it has a call: {:?}", session.conference)),
        _ if meeting.organizer == FRED || !pair.contains(&&*meeting.organizer) => return Ok(()),
        Conference::Meet => ConferenceService::GoogleMeet,
        Conference::Teams => ConferenceService::MicrosoftTeams,
    };
    let known = session.conference.as_ref().map(|call| (call.service, call.key.as_str()));
    if known == meeting.conference_key.as_deref().map(|key| (service, key)) {
        return Ok(());
    }
    Err(format!("its call is {known:?}, and must be {:?}", meeting.conference_key))
}
