//! A meeting as Google Calendar tells it.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::sandbox::control::wire::{Provider, Response};
use crate::sandbox::world::ids::{base32hex, hash, lower_hex};
use crate::sandbox::world::rule::{Rule, Slot};
use crate::sandbox::world::view::{Seen, Standing};
use crate::sandbox::world::{Call, Meeting, World};

/// One calendar, looked at through Google.
#[derive(Clone, Copy)]
pub struct GoogleView<'a> {
    pub world: &'a World,
    pub owner: &'a str,
    /// The zone to tell times in, when one was asked for.
    pub zone: Option<Tz>,
    /// The most guests to tell of; with more, only the calendar's owner is.
    pub most_guests: Option<usize>,
}

/// The event id of a meeting: its own with Google, the encoded UID when it came by invitation.
pub fn event_id(meeting: &Meeting) -> String {
    match meeting.uid.strip_suffix("@google.com") {
        Some(id) => id.to_string(),
        None => format!("_{}", base32hex(meeting.uid.as_bytes())),
    }
}

/// What the ids of its occurrences begin with.
pub fn stem(meeting: &Meeting) -> String {
    meeting.stem.clone().unwrap_or_else(|| event_id(meeting))
}

/// The id of one occurrence.
pub fn instance_id(meeting: &Meeting, rule: &Rule, original: &Slot) -> String {
    let id = stem(meeting);
    if rule.all_day {
        format!("{id}_{}", original.wall.format("%Y%m%d"))
    } else {
        format!("{id}_{}", original.start.format("%Y%m%dT%H%M%SZ"))
    }
}

impl GoogleView<'_> {
    /// A single meeting or one occurrence.
    pub fn occurrence(&self, meeting: &Meeting, seen: &Seen) -> Value {
        if seen.standing != Standing::Live {
            return self.tombstone(meeting, meeting.rule(), &seen.original, seen.stamp);
        }
        let rule = meeting.rule();
        if !rule.is_series() {
            return Value::Object(self.full(meeting, &seen.title, &seen.slot, None));
        }
        let mut event = self.full(meeting, &seen.title, &seen.slot, Some(seen));
        event.insert("id".into(), json!(instance_id(meeting, rule, &seen.original)));
        event.insert("recurringEventId".into(), json!(event_id(meeting)));
        event.insert("originalStartTime".into(), self.time(rule, seen.original.wall, seen.original.start));
        Value::Object(event)
    }

    /// A series' master.
    pub fn master(&self, meeting: &Meeting) -> Value {
        let rule = meeting.rule();
        let mut event = self.full(meeting, &meeting.title, &rule.first(), None);
        if let Some(rrule) = &rule.rrule {
            event.insert("recurrence".into(), json!([format!("RRULE:{rrule}")]));
        }
        Value::Object(event)
    }

    /// What is left of a cancelled occurrence, or of a single meeting.
    pub fn tombstone(&self, meeting: &Meeting, rule: &Rule, original: &Slot, stamp: u64) -> Value {
        if !rule.is_series() {
            return self.gone(meeting);
        }
        json!({
            "kind": "calendar#event",
            "etag": etag(meeting, stamp),
            "id": instance_id(meeting, rule, original),
            "status": "cancelled",
            "recurringEventId": event_id(meeting),
            "originalStartTime": self.time(rule, original.wall, original.start),
        })
    }

    /// What is left of a deleted event.
    pub fn gone(&self, meeting: &Meeting) -> Value {
        json!({
            "kind": "calendar#event",
            "etag": etag(meeting, meeting.stamp),
            "id": event_id(meeting),
            "status": "cancelled",
        })
    }

    fn full(&self, meeting: &Meeting, title: &str, slot: &Slot, seen: Option<&Seen>) -> Map<String, Value> {
        let rule = meeting.rule();
        let id = event_id(meeting);
        if self.world.quirks.google_reader && ["private", "confidential"].contains(&&*meeting.visibility) {
            return self.veiled(meeting, rule, slot);
        }
        let stamp = seen.map_or(meeting.stamp, |seen| seen.stamp);
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| drop(event.insert(name.to_string(), value));
        set("kind", json!("calendar#event"));
        set("etag", etag(meeting, stamp));
        set("id", json!(id));
        set("status", json!("confirmed"));
        set("htmlLink", json!(format!("https://www.google.com/calendar/event?eid={id}")));
        set("created", instant(meeting.created));
        set("updated", instant(meeting.updated));
        if !title.is_empty() {
            set("summary", json!(title));
        }
        let description = self.description(meeting);
        if !description.is_empty() {
            set("description", json!(description));
        }
        if let Some(location) = self.location(meeting) {
            set("location", json!(location));
        }
        set("creator", self.person(meeting.creator.as_ref().unwrap_or(&meeting.organizer)));
        set("organizer", self.person(&meeting.organizer));
        set("start", self.time(rule, slot.wall, slot.start));
        set("end", self.time(rule, slot.end_wall, slot.end));
        if meeting.transparency != "opaque" {
            set("transparency", json!(meeting.transparency));
        }
        if meeting.visibility != "default" {
            set("visibility", json!(meeting.visibility));
        }
        set("iCalUID", json!(meeting.uid));
        set("sequence", json!(meeting.revision));
        let attendees =
            self.attendees(meeting, seen.filter(|_| rule.is_series()).map(|seen| seen.original.start));
        let cut = self.cut(meeting, &attendees);
        if cut {
            set("attendeesOmitted", json!(true));
        }
        let shown: Vec<Value> = attendees.into_iter().filter(|guest| !cut || guest["self"] == true).collect();
        if !shown.is_empty() {
            set("attendees", Value::Array(shown));
        }
        if meeting.written.hide_attendees {
            set("guestsCanSeeOtherGuests", json!(false));
        }
        if let Call::Meet { code } = &meeting.call {
            let request = meeting.written.request.as_deref();
            if meeting.written.pending {
                set("conferenceData", json!({"createRequest": create_request(request, "pending")}));
            } else {
                set("hangoutLink", json!(format!("https://meet.google.com/{code}")));
                let mut data = conference(code);
                if request.is_some() {
                    data["createRequest"] = create_request(request, "success");
                }
                set("conferenceData", data);
            }
        }
        let mut extended = Map::new();
        let own = if meeting.organizer == self.owner { Some(&meeting.written.private) } else { None };
        for (kind, properties) in [("private", own), ("shared", Some(&meeting.written.shared))] {
            if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
                extended.insert(kind.into(), json!(properties));
            }
        }
        if !extended.is_empty() {
            set("extendedProperties", Value::Object(extended));
        }
        set("reminders", json!({"useDefault": true}));
        if self.world.quirks.unknown_properties {
            set("futureProperty", json!({"kind": "calendar#future"}));
        }
        set("eventType", json!(meeting.event_type));
        match meeting.event_type.as_str() {
            "outOfOffice" => set("outOfOfficeProperties", json!({"autoDeclineMode": "declineNone"})),
            "focusTime" => set("focusTimeProperties", json!({"autoDeclineMode": "declineNone"})),
            "workingLocation" => {
                set("workingLocationProperties", json!({"type": "homeOffice", "homeOffice": {}}))
            }
            _ => {}
        }
        event
    }

    /// Whether the list of guests is told in part only.
    fn cut(&self, meeting: &Meeting, attendees: &[Value]) -> bool {
        let hidden = meeting.written.hide_attendees && meeting.organizer != self.owner;
        !attendees.is_empty() && (hidden || self.most_guests.is_some_and(|most| attendees.len() > most))
    }

    /// What somebody who may only read sees of a private event: that there is one.
    fn veiled(&self, meeting: &Meeting, rule: &Rule, slot: &Slot) -> Map<String, Value> {
        let event = json!({
            "kind": "calendar#event",
            "etag": etag(meeting, meeting.stamp),
            "id": event_id(meeting),
            "status": "confirmed",
            "start": self.time(rule, slot.wall, slot.start),
            "end": self.time(rule, slot.end_wall, slot.end),
            "visibility": "private",
            "iCalUID": meeting.uid,
        });
        match event {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    fn time(&self, rule: &Rule, wall: NaiveDateTime, start: DateTime<Utc>) -> Value {
        if rule.all_day {
            return json!({"date": wall.format("%Y-%m-%d").to_string()});
        }
        let local = start.with_timezone(&self.zone.unwrap_or(rule.zone));
        let mut time = json!({
            "dateTime": local.to_rfc3339_opts(SecondsFormat::Secs, true),
            "timeZone": rule.zone.name(),
        });
        if self.world.quirks.unknown_properties {
            // Clients that name the properties they want get this one all the same.
            time["futureProperty"] = json!("UTC");
        }
        time
    }

    fn person(&self, address: &str) -> Value {
        let mut person = json!({"email": address});
        if let Some(known) = self.world.person(address) {
            person["displayName"] = json!(known.name);
        }
        if address == self.owner {
            person["self"] = json!(true);
        }
        person
    }

    fn attendees(&self, meeting: &Meeting, original: Option<DateTime<Utc>>) -> Vec<Value> {
        let guests = meeting.guests(original);
        if guests.is_empty() && meeting.rooms.is_empty() {
            return Vec::new();
        }
        let mut list = Vec::new();
        // Google counts its organizers among the guests, if they are people; Exchange does not.
        let organizer = self.world.person(&meeting.organizer);
        if organizer.is_some_and(|person| person.provider == Provider::Google) {
            let mut person = self.person(&meeting.organizer);
            person["organizer"] = json!(true);
            person["responseStatus"] = json!("accepted");
            list.push(person);
        }
        for guest in &guests {
            let mut person = self.person(guest);
            person["responseStatus"] =
                json!(word(self.world.answer_seen(meeting, self.owner, guest, original)));
            list.push(person);
        }
        for room in &meeting.rooms {
            list.push(
                json!({"email": room, "displayName": room, "resource": true, "responseStatus": "accepted"}),
            );
        }
        list
    }

    fn description(&self, meeting: &Meeting) -> String {
        match &meeting.call {
            Call::Teams { join_url, .. } => {
                let text = format!("Microsoft Teams meeting\nJoin: <{join_url}>");
                if meeting.description.is_empty() { text } else { format!("{}\n{text}", meeting.description) }
            }
            _ => meeting.description.clone(),
        }
    }

    fn location(&self, meeting: &Meeting) -> Option<String> {
        let teams = matches!(meeting.call, Call::Teams { .. }).then(|| "Microsoft Teams Meeting".to_string());
        meeting
            .location
            .clone()
            .or_else(|| (!meeting.rooms.is_empty()).then(|| meeting.rooms.join(", ")))
            .or(teams)
    }
}

fn create_request(id: Option<&str>, status: &str) -> Value {
    json!({
        "requestId": id,
        "conferenceSolutionKey": {"type": "hangoutsMeet"},
        "status": {"statusCode": status},
    })
}

fn conference(code: &str) -> Value {
    json!({
        "entryPoints": [{
            "entryPointType": "video",
            "uri": format!("https://meet.google.com/{code}"),
            "label": format!("meet.google.com/{code}"),
        }],
        "conferenceSolution": {
            "key": {"type": "hangoutsMeet"},
            "name": "Google Meet",
            "iconUri": "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/web-512dp/logo_meet_2020q4_color_2x_web_512dp.png",
        },
        "conferenceId": code,
    })
}

fn word(response: Response) -> &'static str {
    match response {
        Response::NeedsAction => "needsAction",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::Tentative => "tentative",
    }
}

fn instant(time: DateTime<Utc>) -> Value {
    json!(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn etag(meeting: &Meeting, stamp: u64) -> Value {
    let digest = lower_hex(&hash(&[meeting.uid.as_bytes(), &stamp.to_le_bytes()])[..7]);
    json!(format!("\"{}\"", u64::from_str_radix(&digest, 16).unwrap_or(stamp)))
}
