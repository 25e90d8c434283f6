//! Which events are sessions, and why.
//!
//! An event is a candidate for a pairing when the mentor and at least one mentee are on it. What
//! speaks for and against is scored, and every reason is kept (design section 5.2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind, Moment};
use super::pairing::{Pairing, PairingId};
use super::people::{Address, ParticipantId};
use super::program::{DetectRules, Program};

/// At or over this score an event is a session.
const TAKE_FROM: i32 = 50;
/// Under this score it is none; between the two, somebody has to say.
const LEAVE_UNDER: i32 = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A session.
    Taken,
    /// Perhaps one: somebody has to say.
    Proposed,
    /// Not one.
    Left,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Proposed => "proposed",
            Self::Left => "left",
        }
    }
}

/// One thing that spoke for or against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// How much it counted; below zero, against.
    pub weight: i32,
    /// In plain words, without anything of the event's own text.
    pub text: String,
}

/// An event seen as a possible session of one pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting<'a> {
    pub event: &'a Event,
    pub pairing: PairingId,
    pub decision: Decision,
    pub score: i32,
    pub reasons: Vec<Reason>,
}

/// What was decided before about a series (by its UID) for a pairing.
pub type SeriesMemory = BTreeMap<(PairingId, String), Decision>;

/// Everything that is a candidate among `events`, in their order.
///
/// Occurrences of one series are decided alike: what is taken for one speaks for the others,
/// whichever came first.
pub fn detect<'a>(
    events: &[&'a Event],
    programs: &[(&Program, &[Pairing])],
    memory: &SeriesMemory,
) -> Vec<Sighting<'a>> {
    let first: Vec<_> = events.iter().flat_map(|event| sight(event, programs, memory)).collect();
    let mut known = memory.clone();
    for sighting in &first {
        if let (Decision::Taken, Some(uid), Some(_)) =
            (sighting.decision, &sighting.event.uid, &sighting.event.original_start)
        {
            let decision = known.entry((sighting.pairing, uid.clone())).or_insert(Decision::Taken);
            // What somebody settled stays settled; a proposal is no decision.
            if *decision == Decision::Proposed {
                *decision = Decision::Taken;
            }
        }
    }
    if known == *memory {
        return first;
    }
    events.iter().flat_map(|event| sight(event, programs, &known)).collect()
}

/// Whether any pairing could meet in the event: cheap, and asked before anything is kept.
pub fn sight<'a>(
    event: &'a Event,
    programs: &[(&Program, &[Pairing])],
    memory: &SeriesMemory,
) -> Vec<Sighting<'a>> {
    let mut candidates = Vec::new();
    for (program, pairings) in programs {
        for pairing in *pairings {
            let Some(present) = present(event, pairing) else { continue };
            if !pairing.runs_on(program.day(event.start.instant(program.timezone))) {
                continue;
            }
            let reasons = weigh(event, program, pairing, &present, memory);
            let score = reasons.iter().map(|reason| reason.weight).sum();
            let worded = has_word(event, &program.detect.words).is_some();
            let sighting = Sighting { event, pairing: pairing.id, decision: decide(score), score, reasons };
            candidates.push(Candidate { sighting, pairing, present, worded });
        }
    }
    one_program_each(candidates)
}

/// A sighting, and what decides when another program has the same people.
struct Candidate<'a, 'p> {
    sighting: Sighting<'a>,
    pairing: &'p Pairing,
    /// The members who are on the event.
    present: BTreeSet<ParticipantId>,
    /// One of the program's words stands there.
    worded: bool,
}

fn decide(score: i32) -> Decision {
    if score >= TAKE_FROM {
        Decision::Taken
    } else if score >= LEAVE_UNDER {
        Decision::Proposed
    } else {
        Decision::Left
    }
}

/// The members of the pairing on the event, when there are enough of them for a session: the mentor
/// and a mentee, or two of a circle without a mentor.
fn present(event: &Event, pairing: &Pairing) -> Option<BTreeSet<ParticipantId>> {
    let mut addresses = people_on(event);
    addresses.extend(&event.written_by);
    let on = |id: ParticipantId| {
        pairing.participant(id).is_some_and(|person| addresses.iter().any(|address| person.is(address)))
    };
    let mentees: BTreeSet<_> = pairing.mentees.iter().map(|person| person.id).filter(|id| on(*id)).collect();
    match &pairing.mentor {
        Some(mentor) if on(mentor.id) && !mentees.is_empty() => Some(&mentees | &BTreeSet::from([mentor.id])),
        Some(_) => None,
        None if mentees.len() >= 2 => Some(mentees),
        None => None,
    }
}

/// The addresses of everybody on the event, rooms and shared calendars left out.
fn people_on(event: &Event) -> Vec<&Address> {
    let guests = event.guests.iter().filter(|guest| !guest.resource).map(|guest| &guest.address);
    event.organizer.iter().chain(guests).filter(|address| !address.is_nobody()).collect()
}

fn weigh(
    event: &Event,
    program: &Program,
    pairing: &Pairing,
    present: &BTreeSet<ParticipantId>,
    memory: &SeriesMemory,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut say = |weight: i32, text: String| reasons.push(Reason { weight, text });

    if event.marker.is_some() {
        say(100, "mentord made the event itself".into());
    }
    let others: BTreeSet<_> = people_on(event)
        .into_iter()
        .filter(|address| pairing.member(address).is_none())
        .map(Address::mailbox)
        .collect();
    match others.len() {
        0 if event.guests_hidden => say(10, "the pairing is on it; other guests may be hidden".into()),
        0 => say(40, "only the pairing is on it".into()),
        1 | 2 => say(
            -10,
            format!("{} besides the pairing on it", count(others.len(), "other person", "other people")),
        ),
        more => say(-50, format!("{more} other people on it")),
    }
    weigh_words(event, &program.detect, &mut say);
    if let (Some(uid), Some(_)) = (&event.uid, &event.original_start) {
        match memory.get(&(pairing.id, uid.clone())) {
            Some(Decision::Taken) => {
                say(40, "it belongs to a series whose sessions were taken before".into())
            }
            Some(Decision::Left) => {
                say(-100, "somebody settled that the series is none of the program's".into())
            }
            Some(Decision::Proposed) | None => {}
        }
    }
    weigh_shape(event, &mut say);
    if present.len() < pairing.members().count() {
        say(0, format!("{} of {} members are on it", present.len(), pairing.members().count()));
    }
    reasons
}

fn weigh_words(event: &Event, rules: &DetectRules, say: &mut impl FnMut(i32, String)) {
    if let Some(word) = has_word(event, &rules.words) {
        say(40, format!("title or category has the program's word “{word}”"));
    }
    if let Some(word) = has_word(event, &rules.words_against) {
        say(-70, format!("title or category has “{word}”, which names another purpose"));
    }
}

fn weigh_shape(event: &Event, say: &mut impl FnMut(i32, String)) {
    match (event.start, event.end) {
        (Moment::At(start), Moment::At(end)) => match (end - start).num_minutes() {
            minutes @ 15..=120 => say(10, format!("of a usual length ({minutes} min)")),
            minutes @ ..15 => say(-10, format!("short for a session ({minutes} min)")),
            minutes => say(-20, format!("long for a session ({minutes} min)")),
        },
        (Moment::Day(_), _) | (_, Moment::Day(_)) => say(-60, "it lasts all day".into()),
    }
    match event.kind {
        EventKind::Meeting => {}
        EventKind::OutOfOffice => say(-100, "it is an out-of-office entry".into()),
        EventKind::FocusTime => say(-100, "it is focus time".into()),
        EventKind::Other => say(-100, "it is an entry of the calendar's own, no meeting".into()),
    }
    if event.free {
        say(-30, "it is shown as free".into());
    }
    if event.conference.is_some() || event.has_place || event.guests.iter().any(|guest| guest.resource) {
        say(10, "it has a room or a call".into());
    }
}

/// The first of `words` that stands in the title or a category as a whole word.
fn has_word<'w>(event: &Event, words: &'w [String]) -> Option<&'w str> {
    let texts: Vec<String> =
        event.title.iter().chain(&event.categories).map(|text| text.to_lowercase()).collect();
    words
        .iter()
        .map(String::as_str)
        .find(|word| texts.iter().any(|text| contains_word(text, &word.to_lowercase())))
}

/// Whether `word` stands in `text` with no letter or digit right before or behind it.
fn contains_word(text: &str, word: &str) -> bool {
    !word.is_empty()
        && text.match_indices(word).any(|(at, found)| {
            let before = text[..at].chars().next_back();
            let behind = text[at + found.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
        })
}

/// When the same two people meet in more than one program, whoever mentors whom, the words decide,
/// else the older pairing; for the others the event is left, and says so.
fn one_program_each<'a>(mut candidates: Vec<Candidate<'a, '_>>) -> Vec<Sighting<'a>> {
    let mut best_first: Vec<usize> = (0..candidates.len()).collect();
    best_first.sort_by_key(|&at| {
        let Candidate { sighting, pairing, worded, .. } = &candidates[at];
        (sighting.decision, !worded, pairing.seniority())
    });
    let mut winners: Vec<usize> = Vec::new();
    for at in best_first {
        match winners.iter().find(|&&winner| rivals(&candidates[winner], &candidates[at])) {
            Some(&winner) => {
                let text = beaten(&candidates[at], &candidates[winner]);
                let loser = &mut candidates[at].sighting;
                loser.reasons.push(Reason { weight: -100, text });
                loser.score -= 100;
                loser.decision = Decision::Left;
            }
            // What is left belongs to nobody.
            None if candidates[at].sighting.decision == Decision::Left => {}
            None => winners.push(at),
        }
    }
    candidates.into_iter().map(|candidate| candidate.sighting).collect()
}

fn rivals(one: &Candidate<'_, '_>, other: &Candidate<'_, '_>) -> bool {
    one.pairing.program != other.pairing.program && one.present.intersection(&other.present).count() >= 2
}

/// Why another program has the event.
fn beaten(loser: &Candidate<'_, '_>, winner: &Candidate<'_, '_>) -> String {
    let why = if winner.sighting.decision != loser.sighting.decision {
        "it suits that one better"
    } else if winner.worded != loser.worded {
        "its words stand there"
    } else {
        "that pairing is the older one"
    };
    format!("the same people are paired in “{}” too, which has it: {why}", winner.pairing.program)
}

fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("{n} {one}") } else { format!("{n} {many}") }
}
