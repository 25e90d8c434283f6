//! A meeting as Microsoft Graph tells it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::sandbox::control::wire::{Provider, Response};
use crate::sandbox::graph::recurrence::{recurrence, windows_zone};
use crate::sandbox::world::ids::{exchange_uid, hash};
use crate::sandbox::world::rule::{Rule, Slot};
use crate::sandbox::world::view::{Seen, Standing};
use crate::sandbox::world::{Call, Meeting, World};

const NEVER: &str = "0001-01-01T00:00:00Z";

/// One mailbox, looked at through Graph.
#[derive(Clone, Copy)]
pub struct GraphView<'a> {
    pub world: &'a World,
    pub owner: &'a str,
    /// The client asked for immutable ids; without that they are other ids.
    pub immutable: bool,
    pub zone: Tz,
    pub text: bool,
}

/// What an event id points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub meeting: usize,
    pub original: Option<DateTime<Utc>>,
}

impl GraphView<'_> {
    /// The view of a client that asks for nothing special.
    pub fn plain<'a>(world: &'a World, owner: &'a str) -> GraphView<'a> {
        GraphView { world, owner, immutable: false, zone: Tz::UTC, text: false }
    }

    /// The id of a meeting, or of one of its occurrences, in this mailbox.
    pub fn id(&self, meeting: &Meeting, original: Option<DateTime<Utc>>) -> String {
        event_id(self.world, self.owner, self.immutable, meeting.index, original)
    }

    pub fn id_of(&self, meeting: &Meeting, seen: &Seen) -> String {
        self.id(meeting, meeting.rule().is_series().then_some(seen.original.start))
    }

    /// Whether the mailbox holds the occurrence: a meeting that its organizer called off stays with
    /// the guests until they clear it away.
    pub fn holds(&self, meeting: &Meeting, standing: Standing) -> bool {
        match standing {
            Standing::Live => true,
            Standing::Cancelled => meeting.organizer != self.owner,
            Standing::Removed => false,
        }
    }

    /// What a delta tells of a plain occurrence.
    pub fn stub(&self, meeting: &Meeting, seen: &Seen) -> Value {
        let rule = meeting.rule();
        json!({
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": etag(meeting, seen.stamp),
            "id": self.id_of(meeting, seen),
            "seriesMasterId": self.id(meeting, None),
            "type": "occurrence",
            "start": self.time(rule, seen.slot.wall, seen.slot.start),
            "end": self.time(rule, seen.slot.end_wall, seen.slot.end),
        })
    }

    /// A single meeting, an exception, or an occurrence with everything.
    pub fn occurrence(&self, meeting: &Meeting, seen: &Seen) -> Value {
        let rule = meeting.rule();
        let series = rule.is_series();
        let original = series.then_some(seen.original.start);
        let mut event = self.full(meeting, &seen.title, &seen.slot, original, seen.standing, seen.stamp);
        // Who is invited to one occurrence only has a meeting without a series.
        let visits = series && meeting.is_visited_by(self.owner);
        let kind = match (series, seen.exception) {
            (false, _) => "singleInstance",
            (true, _) if visits => "singleInstance",
            (true, true) => "exception",
            (true, false) => "occurrence",
        };
        event.insert("type".into(), json!(kind));
        if visits {
            let day = seen.original.wall.date();
            event.insert("iCalUId".into(), json!(exchange_uid(&meeting.uid, Some(day))));
        } else if series {
            event.insert("seriesMasterId".into(), json!(self.id(meeting, None)));
            event.insert("originalStart".into(), instant(seen.original.start));
            let day = seen.original.wall.date();
            if self.world.quirks.unknown_properties {
                let id = format!("OID.{}.{day}", self.id(meeting, None));
                event.insert("occurrenceId".into(), json!(id));
            }
            event.insert("iCalUId".into(), json!(exchange_uid(&meeting.uid, Some(day))));
        }
        Value::Object(event)
    }

    /// A series master, at its first occurrence.
    pub fn master(&self, meeting: &Meeting) -> Value {
        let standing = meeting.standing(self.owner);
        let first = meeting.rule().first();
        let mut event = self.full(meeting, &meeting.title, &first, None, standing, meeting.stamp);
        event.insert("type".into(), json!("seriesMaster"));
        event.insert("recurrence".into(), recurrence(meeting.rule()));
        Value::Object(event)
    }

    /// What a delta says when something is not in the window any more.
    pub fn removed(&self, id: String) -> Value {
        let reason = if self.world.quirks.graph_removed_changed { "changed" } else { "deleted" };
        json!({"@odata.type": "#microsoft.graph.event", "id": id, "@removed": {"reason": reason}})
    }

    fn full(
        &self,
        meeting: &Meeting,
        title: &str,
        slot: &Slot,
        original: Option<DateTime<Utc>>,
        standing: Standing,
        stamp: u64,
    ) -> Map<String, Value> {
        let rule = meeting.rule();
        let organizes = meeting.organizer == self.owner;
        let cancelled = standing == Standing::Cancelled;
        let title = if cancelled { format!("Canceled: {title}") } else { title.to_string() };
        let text = self.body(meeting);
        let join_url = match &meeting.call {
            Call::Teams { join_url, .. } => Some(join_url.as_str()),
            _ => None,
        };
        let zone = match self.world.quirks.graph_custom_zones {
            true => "tzone://Microsoft/Custom",
            false => windows_zone(rule.zone.name()),
        };
        let own = self.world.answer_seen(meeting, self.owner, self.owner, original);
        let response = if organizes { "organizer" } else { own_word(own) };
        let place = meeting
            .location
            .clone()
            .or_else(|| (!meeting.rooms.is_empty()).then(|| meeting.rooms.join("; ")));
        let place = place.or_else(|| join_url.map(|_| "Microsoft Teams Meeting".into())).unwrap_or_default();
        let mut event = fields(json!({
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": etag(meeting, stamp),
            "id": self.id(meeting, original),
            "createdDateTime": instant(meeting.created),
            "lastModifiedDateTime": instant(meeting.updated),
            "changeKey": change_key(meeting, stamp),
            "categories": [],
            "transactionId": if meeting.organizer == self.owner { json!(meeting.written.transaction) } else { Value::Null },
            "originalStartTimeZone": zone,
            "originalEndTimeZone": zone,
            "iCalUId": exchange_uid(&meeting.uid, None),
            "reminderMinutesBeforeStart": 15,
            "isReminderOn": true,
            "hasAttachments": false,
            "hideAttendees": meeting.written.hide_attendees,
            "subject": title,
            "bodyPreview": text.chars().take(255).collect::<String>(),
            "importance": "normal",
            "sensitivity": match meeting.visibility.as_str() {
                "private" => "private",
                "confidential" => "confidential",
                _ => "normal",
            },
        }));
        event.extend(fields(json!({
            "isAllDay": rule.all_day,
            "isCancelled": cancelled,
            "isDraft": false,
            "isOrganizer": organizes,
            "responseRequested": true,
            "seriesMasterId": null,
            "showAs": self.show_as(meeting, own, organizes, cancelled),
            "type": "singleInstance",
            "webLink": format!("https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item", self.id(meeting, original)),
            "onlineMeetingUrl": null,
            "isOnlineMeeting": join_url.is_some(),
            "onlineMeetingProvider": if join_url.is_some() { "teamsForBusiness" } else { "unknown" },
            "allowNewTimeProposals": true,
            "recurrence": null,
        })));
        event.extend(fields(json!({
            "responseStatus": {"response": response, "time": self.answer_time(meeting, own, organizes)},
            "body": if self.text {
                json!({"contentType": "text", "content": text})
            } else {
                json!({"contentType": "html", "content": html(&text)})
            },
            "start": self.time(rule, slot.wall, slot.start),
            "end": self.time(rule, slot.end_wall, slot.end),
            "location": {"displayName": place, "locationType": "default", "uniqueId": place, "uniqueIdType": "private"},
            "locations": if place.is_empty() { json!([]) } else {
                json!([{"displayName": place, "locationType": "default", "uniqueId": place, "uniqueIdType": "private"}])
            },
            "attendees": self.attendees(meeting, original),
            "organizer": {"emailAddress": self.mail(&meeting.organizer)},
            "onlineMeeting": join_url.map(|url| json!({"joinUrl": url})),
        })));
        if self.world.quirks.graph_capitals {
            ["importance", "sensitivity", "showAs", "onlineMeetingProvider"].iter().for_each(|name| {
                capital(&mut event[*name]);
            });
            capital(&mut event["responseStatus"]["response"]);
            for guest in event["attendees"].as_array_mut().into_iter().flatten() {
                capital(&mut guest["type"]);
                capital(&mut guest["status"]["response"]);
            }
        }
        if self.world.quirks.unknown_properties {
            event.insert("futureProperty".into(), json!({"@odata.type": "#microsoft.graph.future"}));
        }
        event
    }

    /// Times as Graph writes them: seven decimals, no offset, the zone beside it.
    fn time(&self, rule: &Rule, wall: NaiveDateTime, start: DateTime<Utc>) -> Value {
        let local = if rule.all_day && !self.world.quirks.graph_shift_all_day {
            wall
        } else {
            start.with_timezone(&self.zone).naive_local()
        };
        json!({
            "dateTime": format!("{}.0000000", local.format("%Y-%m-%dT%H:%M:%S")),
            "timeZone": if self.zone == Tz::UTC { "UTC" } else { self.zone.name() },
        })
    }

    fn mail(&self, address: &str) -> Value {
        json!({"name": self.world.name(address), "address": address})
    }

    fn attendees(&self, meeting: &Meeting, original: Option<DateTime<Utc>>) -> Vec<Value> {
        let mut list = Vec::new();
        let hidden = meeting.written.hide_attendees && meeting.organizer != self.owner;
        let mut add = |kind: &str, address: &str, response: &str, time: String| {
            list.push(json!({
                "type": kind,
                "status": {"response": response, "time": time},
                "emailAddress": self.mail(address),
            }));
        };
        // Google lists its organizers as guests in what it sends out.
        let organizer = self.world.person(&meeting.organizer);
        let by_google = organizer.is_some_and(|person| person.provider == Provider::Google);
        let guests = meeting.guests(original);
        if by_google && !guests.is_empty() && !hidden {
            add("required", &meeting.organizer, "none", NEVER.into());
        }
        for guest in guests.iter().filter(|guest| !hidden || guest.as_str() == self.owner) {
            let answer = self.world.answer_seen(meeting, self.owner, guest, original);
            let time = self.answer_time(meeting, answer, false);
            add("required", guest, guest_word(answer), time);
        }
        for room in meeting.rooms.iter().filter(|_| !hidden) {
            add("resource", room, "accepted", seconds(meeting.created));
        }
        list
    }

    fn answer_time(&self, meeting: &Meeting, answer: Response, organizes: bool) -> String {
        if organizes || answer == Response::NeedsAction { NEVER.into() } else { seconds(meeting.updated) }
    }

    fn show_as(&self, meeting: &Meeting, own: Response, organizes: bool, cancelled: bool) -> &'static str {
        if cancelled || meeting.transparency == "transparent" {
            "free"
        } else if meeting.event_type == "outOfOffice" {
            "oof"
        } else if organizes || own == Response::Accepted {
            "busy"
        } else if own == Response::Declined {
            "free"
        } else {
            "tentative"
        }
    }

    fn body(&self, meeting: &Meeting) -> String {
        let link = match &meeting.call {
            Call::None => String::new(),
            Call::Meet { code } => format!("Join with Google Meet: https://meet.google.com/{code}"),
            Call::Teams { join_url, .. } => format!("Microsoft Teams meeting\r\nJoin: {join_url}"),
        };
        [meeting.description.as_str(), &link]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("\r\n")
    }
}

/// Event ids are sealed: they name meeting and occurrence, and belong to one mailbox.
pub fn event_id(
    world: &World,
    owner: &str,
    immutable: bool,
    meeting: usize,
    original: Option<DateTime<Utc>>,
) -> String {
    let mut bytes = vec![u8::from(immutable)];
    bytes.extend_from_slice(&(meeting as u32).to_be_bytes());
    bytes.extend_from_slice(&original.map_or(i64::MIN, |at| at.timestamp()).to_be_bytes());
    // An item that goes to another folder has another id, save for those who asked for lasting ones.
    let moves = if immutable { 0 } else { world.refiled.get(owner).copied().unwrap_or_default() };
    let seal = hash(&[owner.as_bytes(), &bytes, &moves.to_le_bytes()]);
    bytes.extend_from_slice(&seal[..16]);
    bytes.push(0);
    let prefix = if immutable {
        "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
    } else {
        "AAMkADAwMDAwAC0wMDAwAC0wMDAwAEYAAAAA"
    };
    format!("{prefix}{}", URL_SAFE.encode(bytes))
}

/// Reads an event id of either kind.
pub fn read_event_id(world: &World, owner: &str, id: &str) -> Option<Target> {
    let bytes = URL_SAFE.decode(id.get(36..)?).ok()?;
    let immutable = *bytes.first()? == 1;
    let meeting = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
    let seconds = i64::from_be_bytes(bytes.get(5..13)?.try_into().ok()?);
    let original = if seconds == i64::MIN { None } else { Some(DateTime::from_timestamp(seconds, 0)?) };
    (event_id(world, owner, immutable, meeting, original) == id).then_some(Target { meeting, original })
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Writes a word as some of Microsoft's own samples have it.
fn capital(word: &mut Value) {
    if let Some(text) = word.as_str()
        && let Some(first) = text.chars().next()
    {
        *word = json!(format!("{}{}", first.to_ascii_uppercase(), &text[first.len_utf8()..]));
    }
}

fn own_word(response: Response) -> &'static str {
    if response == Response::NeedsAction { "notResponded" } else { guest_word(response) }
}

fn guest_word(response: Response) -> &'static str {
    match response {
        Response::NeedsAction => "none",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::Tentative => "tentativelyAccepted",
    }
}

fn html(text: &str) -> String {
    let escaped =
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace("\r\n", "<br>\r\n");
    format!(
        "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n{escaped}\r\n</body>\r\n</html>\r\n"
    )
}

fn instant(time: DateTime<Utc>) -> Value {
    json!(format!("{}.0000000Z", time.format("%Y-%m-%dT%H:%M:%S")))
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn change_key(meeting: &Meeting, stamp: u64) -> String {
    STANDARD.encode(&hash(&[meeting.uid.as_bytes(), &stamp.to_le_bytes()])[..22])
}

pub fn etag(meeting: &Meeting, stamp: u64) -> String {
    format!("W/\"{}\"", change_key(meeting, stamp))
}
