//! What mentord must take a meeting for, where that is certain.

use mentord::domain::detect::Decision;
use mentord::sandbox::{Conference, Occurrence, TrueMeeting};

use crate::stage::Pair;

const TAKE_FROM: i32 = 50;
const LEAVE_UNDER: i32 = 25;

/// What it may be for a pair, from the least to the most that can be said for it. The two differ where
/// it depends on what was known of its series before.
pub fn weigh(pair: Pair, meeting: &TrueMeeting, one: &Occurrence) -> [Decision; 2] {
    let guests = one.responses.keys().map(String::as_str);
    let everybody = guests.chain([meeting.organizer.as_str()]);
    let others = everybody.filter(|who| !pair.contains(who) && !is_a_calendar(who)).count();
    let alone = match others {
        0 => 40,
        1 | 2 => -10,
        _ => -50,
    };
    let title = one.title.to_lowercase();
    let word = if title.contains("mentoring") { 40 } else { 0 };
    let against = if title.contains("interview") { -70 } else { 0 };
    let length = match (one.end - one.start).num_minutes() {
        _ if meeting.all_day => -60,
        15..=120 => 10,
        ..15 => -10,
        _ => -20,
    };
    let free = if meeting.free { -30 } else { 0 };
    let called = meeting.conference != Conference::None;
    // The call of somebody else may be seen or not.
    let [least_place, most_place] = match pair.contains(&&*meeting.organizer) {
        _ if !meeting.rooms.is_empty() => [10, 10],
        true if called => [10, 10],
        false if called => [0, 10],
        _ => [0, 0],
    };
    let memory = if meeting.series { 40 } else { 0 };
    let score = word + against + length + free;
    let least = score + alone + least_place;
    [decide(least), decide(score + alone + most_place + memory)]
}

/// Whether an address is a calendar's, and nobody's.
pub fn is_a_calendar(address: &str) -> bool {
    address.ends_with("@group.calendar.google.com")
}

fn decide(score: i32) -> Decision {
    match score {
        TAKE_FROM.. => Decision::Taken,
        LEAVE_UNDER.. => Decision::Proposed,
        _ => Decision::Left,
    }
}
