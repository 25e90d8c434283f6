//! Both providers against the sandbox: what happens to people's meetings is what mentord comes to
//! know of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Berlin;
use chrono_tz::{America, Asia, Pacific, Tz};
use mentord::config;
use mentord::domain::event::{
    Conference as Link, ConferenceService, Event, EventKind, EventState, Moment, Response as Answer, Window,
};
use mentord::domain::evidence::Call;
use mentord::domain::people::Address;
use mentord::providers::google::Google;
use mentord::providers::microsoft::Microsoft;
use mentord::providers::{Budget, Change, Listing, Provider, ProviderError, Turn};
use mentord::sandbox::{
    Conference, Control, Fault, NewMeeting, NewPerson, Options, Planned, Provider as At, Quirks, Response,
    Sandbox,
};

const ANNA: &str = "anna@acme.example";
const BEN: &str = "ben@acme.example";
const CLARA: &str = "clara@contoso.example";
const DAN: &str = "dan@contoso.example";
const EVE: &str = "eve@elsewhere.example";

/// Each vendor's organiser, with a guest at the same vendor and one at the other.
const SIDES: [[&str; 3]; 2] = [[ANNA, BEN, CLARA], [CLARA, DAN, ANNA]];

struct NoLimit;

#[async_trait::async_trait]
impl Budget for NoLimit {
    async fn request(&self, _mailbox: &Address) -> Turn {
        Turn::free()
    }
}

struct Stage {
    sandbox: Sandbox,
    control: Control,
    google: Google,
    microsoft: Microsoft,
}

impl Stage {
    async fn new(page_size: usize, quirks: Quirks) -> Self {
        let options = Options { page_size, ..Options::at(at("2026-10-01T08:00:00Z")) };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let control = sandbox.control();
        let person = |address: &str, name: &str, provider| NewPerson {
            address: address.into(),
            name: name.into(),
            provider,
            ..NewPerson::default()
        };
        let people = [
            person(ANNA, "Anna Arndt", At::Google),
            person(BEN, "Ben Brandt", At::Google),
            person(CLARA, "Clara Conti", At::Microsoft),
            person(DAN, "Dan Duarte", At::Microsoft),
            person(EVE, "Eve Elsner", At::None),
        ];
        control.people(&people).await.expect("people");
        control.quirks(quirks).await.expect("quirks");
        let google = Google::new("acme", &google(&sandbox), Duration::from_secs(10), Arc::new(NoLimit));
        let microsoft =
            Microsoft::new("contoso", &microsoft(&sandbox), Duration::from_secs(10), Arc::new(NoLimit));
        Self {
            google: google.expect("a provider"),
            microsoft: microsoft.expect("a provider"),
            control,
            sandbox,
        }
    }

    async fn plain() -> Self {
        Self::new(50, Quirks::default()).await
    }

    /// The provider that reads the calendar of `who`.
    fn of(&self, who: &str) -> &dyn Provider {
        if who.ends_with("@contoso.example") { &self.microsoft } else { &self.google }
    }

    async fn list(&self, who: &str, cursor: Option<&str>) -> Result<Listing, ProviderError> {
        self.of(who).list(&address(who), october(), cursor).await
    }

    /// What a full listing brings, by key.
    async fn all(&self, who: &str) -> BTreeMap<String, Event> {
        let mut calendar = Calendar::new(who);
        calendar.poll(self).await;
        calendar.held
    }

    /// The one event on a calendar.
    async fn only(&self, who: &str) -> Event {
        let mut all = self.all(who).await;
        let (_, event) = all.pop_first().expect("an event");
        assert!(all.is_empty(), "{all:#?}");
        event
    }

    async fn look(&self, who: &str, key: &str) -> Option<Event> {
        self.of(who).look(&address(who), key).await.expect("an answer")
    }

    async fn calls(&self, who: &str, link: &Link, from: &str, to: &str) -> Vec<Call> {
        let window = Window { from: at(from), to: at(to) };
        self.of(who).calls(&address(who), link, window).await.expect("an answer")
    }

    async fn plan(&self, meeting: NewMeeting) -> Planned {
        self.control.plan(&meeting).await.expect("a meeting")
    }

    async fn fault(&self, path: &str, status: u16, retry_after: Option<&str>) {
        let fault = Fault {
            path_contains: path.into(),
            status,
            times: 1,
            retry_after: retry_after.map(str::to_owned),
            body: None,
        };
        self.control.fault(&fault).await.expect("a fault");
    }
}

fn google(sandbox: &Sandbox) -> config::Google {
    let url = |text: String| text.parse().expect("a URL");
    config::Google {
        auth: config::GoogleAuth::ServiceAccount(sandbox.google_key_json().into()),
        api_url: url(sandbox.google_api_url()),
        meet_url: url(sandbox.meet_url()),
        directory_url: url(sandbox.directory_url()),
    }
}

fn microsoft(sandbox: &Sandbox) -> config::Microsoft {
    let app = sandbox.microsoft_app();
    config::Microsoft {
        tenant_id: app.tenant_id,
        client_id: app.client_id,
        credential: config::Credential::Secret(app.client_secret.into()),
        auth: config::MicrosoftAuth::ClientCredentials,
        graph_url: sandbox.graph_url().parse().expect("a URL"),
        login_url: sandbox.login_url().parse().expect("a URL"),
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn day(text: &str) -> Moment {
    Moment::Day(text.parse().expect("a day"))
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn october() -> Window {
    Window { from: at("2026-10-01T00:00:00Z"), to: at("2026-11-01T00:00:00Z") }
}

/// Three quarters of an hour in Berlin.
fn single([organizer, guests @ ..]: [&str; 3], start: &str) -> NewMeeting {
    NewMeeting {
        organizer: organizer.into(),
        attendees: guests.iter().map(ToString::to_string).collect(),
        title: "Mentoring".into(),
        start: start.into(),
        timezone: "Europe/Berlin".into(),
        minutes: 45,
        ..NewMeeting::default()
    }
}

fn weekly(people: [&str; 3], start: &str) -> NewMeeting {
    NewMeeting { rrule: Some("FREQ=WEEKLY".into()), ..single(people, start) }
}

/// What is known of one calendar, kept up to date as the pipeline does it.
struct Calendar {
    who: String,
    cursor: Option<String>,
    held: BTreeMap<String, Event>,
}

impl Calendar {
    fn new(who: &str) -> Self {
        Self { who: who.into(), cursor: None, held: BTreeMap::new() }
    }

    /// Reads what changed and tells it, in the order of the old or new starts.
    async fn poll(&mut self, stage: &Stage) -> Vec<String> {
        let full = self.cursor.is_none();
        let listing = stage.list(&self.who, self.cursor.as_deref()).await.expect("a listing");
        assert!(listing.cursor.is_some());
        self.cursor = listing.cursor;
        let mut seen: BTreeMap<String, Event> = BTreeMap::new();
        let mut series: Vec<(String, BTreeSet<String>)> = Vec::new();
        let mut deleted = BTreeSet::new();
        for change in listing.changes {
            match change {
                Change::Event(event) => drop(seen.insert(event.key.clone(), *event)),
                Change::Series { series: key, occurrences } => {
                    series.push((key, occurrences.iter().map(|event| event.key.clone()).collect()));
                    seen.extend(occurrences.into_iter().map(|event| (event.key.clone(), event)));
                }
                Change::Deleted { key } => drop(deleted.insert(key)),
                Change::Unread { key } => panic!("{key} cannot be read"),
                Change::Withheld { series } => panic!("{series} is withheld"),
                Change::Unlisted { key } => {
                    let concerned = |event: &Event| event.key == key || event.series.as_ref() == Some(&key);
                    if !self.held.values().any(concerned) {
                        continue;
                    }
                    match stage.look(&self.who, &key).await {
                        Some(event) if event.series.as_ref() != Some(&key) => drop(seen.insert(key, event)),
                        Some(_) => {}
                        None => drop(deleted.insert(key)),
                    }
                }
            }
        }
        let mut held = self.held.clone();
        held.retain(|key, event| {
            let inside = inside(event);
            let replaced = |(series, keys): &(String, BTreeSet<String>)| {
                event.series.as_ref() == Some(series) && inside && !keys.contains(key)
            };
            seen.contains_key(key)
                || !(deleted.contains(key)
                    || event.series.as_ref().is_some_and(|series| deleted.contains(series))
                    || series.iter().any(replaced)
                    || full && inside)
        });
        held.extend(seen);
        let before = std::mem::replace(&mut self.held, held);
        difference(&before, &self.held)
    }

    /// Whether what the increments left is what a full listing brings.
    async fn check(&self, stage: &Stage) {
        let fresh = stage.all(&self.who).await;
        let held: BTreeMap<_, _> = self.held.clone().into_iter().filter(|(_, event)| inside(event)).collect();
        assert_eq!(held, fresh, "{}", self.who);
    }
}

fn inside(event: &Event) -> bool {
    october().touches(event.start.instant(Berlin), event.end.instant(Berlin))
}

fn difference(before: &BTreeMap<String, Event>, after: &BTreeMap<String, Event>) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines: Vec<(Moment, String)> = Vec::new();
    for key in keys {
        let line = match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) if old != new => (old.start, format!("{} > {}", short(old), short(new))),
            (None, Some(new)) => (new.start, format!("+ {}", short(new))),
            (Some(old), None) => (old.start, format!("- {}", short(old))),
            _ => continue,
        };
        lines.push(line);
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// An event by its title and its start on the clocks of Berlin.
fn short(event: &Event) -> String {
    let start = match event.start {
        Moment::At(instant) => instant.with_timezone(&Berlin).format("%d.%m. %H:%M").to_string(),
        Moment::Day(day) => day.format("%d.%m.").to_string(),
    };
    let title = event.title.as_deref().unwrap_or("?");
    let cancelled = if event.state == EventState::Cancelled { " x" } else { "" };
    format!("{title} {start}{cancelled}")
}

fn answer(event: &Event, who: &str) -> Answer {
    let guest = event.guests.iter().find(|guest| guest.address.as_str() == who);
    guest.unwrap_or_else(|| panic!("{who} is not on {event:#?}")).response
}

/// The times of a listing's events, by start.
fn starts(events: &BTreeMap<String, Event>) -> Vec<String> {
    let mut events: Vec<_> = events.values().collect();
    events.sort_by_key(|event| event.start);
    events.into_iter().map(short).collect()
}

fn quirks() -> Vec<Quirks> {
    let none = Quirks::default();
    vec![
        none,
        Quirks { google_empty_page: true, graph_empty_page: true, ..none },
        Quirks { google_unbounded: true, graph_repeat: true, ..none },
        Quirks { graph_master_apart: true, graph_repeat: true, ..none },
        Quirks { graph_master_missing: true, graph_shift_all_day: true, ..none },
        Quirks { graph_capitals: true, unknown_properties: true, ..none },
    ]
}

#[tokio::test]
async fn a_first_listing_brings_all_pages_and_a_quiet_poll_nothing() {
    let quirks = Quirks { google_empty_page: true, graph_empty_page: true, ..Quirks::default() };
    let stage = Stage::new(2, quirks).await;
    for people in SIDES {
        stage.plan(weekly(people, "2026-10-05T10:00")).await;
        for start in ["2026-10-06T10:00", "2026-10-07T10:00", "2026-09-29T10:00", "2026-11-03T10:00"] {
            stage.plan(single(people, start)).await;
        }
    }
    for people in SIDES {
        for who in people {
            let mut calendar = Calendar::new(who);
            stage.control.clear_requests().await.expect("cleared");
            let lines = calendar.poll(&stage).await;
            let expected = [
                "+ Mentoring 05.10. 10:00",
                "+ Mentoring 06.10. 10:00",
                "+ Mentoring 07.10. 10:00",
                "+ Mentoring 12.10. 10:00",
                "+ Mentoring 19.10. 10:00",
                "+ Mentoring 26.10. 10:00",
            ];
            // Anna and Clara are on both sides.
            let both = [ANNA, CLARA].contains(&who);
            let times = if both { 2 } else { 1 };
            let expected: Vec<_> = expected.iter().flat_map(|line| vec![*line; times]).collect();
            assert_eq!(lines, expected, "{who}");
            let requests = stage.control.requests().await.expect("requests");
            let pages = requests.iter().filter(|line| line.contains("oken=")).count();
            assert!(pages >= 2, "{requests:#?}");
            let cursor = calendar.cursor.clone();
            let listing = stage.list(who, cursor.as_deref()).await.expect("a listing");
            assert_eq!(listing.changes, [], "{who}");
        }
    }
}

#[tokio::test]
async fn an_event_is_told_whole() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let [organizer, guest, other] = people;
        let meeting = NewMeeting {
            location: Some("Room 5".into()),
            rooms: vec!["room-5@acme.example".into()],
            ..single(people, "2026-10-06T10:00")
        };
        stage.plan(meeting).await;
        for who in people {
            let event = stage.only(who).await;
            assert_eq!(event.title.as_deref(), Some("Mentoring"));
            assert_eq!(event.start, Moment::At(at("2026-10-06T08:00:00Z")));
            assert_eq!(event.end, Moment::At(at("2026-10-06T08:45:00Z")));
            assert_eq!(event.zone.as_deref(), Some("Europe/Berlin"));
            assert_eq!((event.series, event.original_start), (None, None));
            assert_eq!((event.state, event.kind), (EventState::Confirmed, EventKind::Meeting));
            assert_eq!(event.organizer, Some(address(organizer)));
            assert!(event.has_place && !event.private && !event.free && !event.guests_hidden);
            assert_eq!(event.conference, None);
            let guests = event.guests.iter().filter(|one| one.address != address(organizer));
            let mut guests: Vec<_> = guests.map(|one| (one.address.as_str(), one.resource)).collect();
            guests.sort();
            let mut expected = [(guest, false), (other, false), ("room-5@acme.example", true)];
            expected.sort();
            assert_eq!(guests, expected);
        }
        stage.control.cancel("m1", None).await.expect("cancelled");
        let kinds = NewMeeting {
            attendees: Vec::new(),
            event_type: Some("outOfOffice".into()),
            transparency: Some("transparent".into()),
            ..single(people, "2026-10-07T10:00")
        };
        let away = NewMeeting { transparency: None, ..kinds.clone() };
        let free = NewMeeting { event_type: None, ..kinds };
        let (away, free) = (stage.plan(away).await, stage.plan(free).await);
        let all = stage.all(organizer).await;
        let find = |planned: &Planned| all.values().find(|event| event.uid.as_ref() == Some(&planned.uid));
        let (away, free) = (find(&away).expect("an event"), find(&free).expect("an event"));
        assert_eq!((away.kind, away.free), (EventKind::OutOfOffice, false));
        assert_eq!((free.kind, free.free), (EventKind::Meeting, true));
    }
}

/// Everybody's calendar, polled; the lines of the three in order.
async fn polled(stage: &Stage, calendars: &mut [Calendar]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for calendar in calendars {
        all.push(calendar.poll(stage).await);
        calendar.check(stage).await;
    }
    all
}

/// The life of a single meeting and of a series, as three calendars tell it.
async fn life(quirks: Quirks, people: [&str; 3]) {
    // Decades of occurrences are many pages.
    let page_size = if quirks.google_unbounded { 500 } else { 2 };
    let stage = Stage::new(page_size, quirks).await;
    let control = &stage.control;
    let [organizer, guest, other] = people;
    let mut calendars = people.map(Calendar::new);
    polled(&stage, &mut calendars).await;
    let everyone = |lines: &[&str]| vec![lines.iter().map(ToString::to_string).collect::<Vec<_>>(); 3];
    // What an organiser calls off is gone from their own calendar and from all of Google's; with
    // Microsoft, guests keep it, crossed out.
    let called_off = |starts: &[&str]| -> Vec<Vec<String>> {
        let keeps = |who: &str| who != organizer && who.ends_with("@contoso.example");
        let line = |who: &str, what: &str| match keeps(who) {
            true => format!("{what} > Canceled: {what} x"),
            false => format!("- {what}"),
        };
        people.iter().map(|who| starts.iter().map(|start| line(who, start)).collect()).collect()
    };

    let one = stage.plan(single(people, "2026-10-06T10:00")).await.id;
    assert_eq!(polled(&stage, &mut calendars).await, everyone(&["+ Mentoring 06.10. 10:00"]));
    let series = stage.plan(weekly(people, "2026-10-05T09:00")).await.id;
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&[
            "+ Mentoring 05.10. 09:00",
            "+ Mentoring 12.10. 09:00",
            "+ Mentoring 19.10. 09:00",
            "+ Mentoring 26.10. 09:00",
        ])
    );
    let (twelfth, nineteenth) = (Some(at("2026-10-12T07:00:00Z")), Some(at("2026-10-19T07:00:00Z")));

    control.reschedule(&series, nineteenth, "2026-10-20T14:00", None).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 19.10. 09:00 > Mentoring 20.10. 14:00"])
    );
    for calendar in &calendars {
        let moved = |event: &&Event| event.start == Moment::At(at("2026-10-20T12:00:00Z"));
        let moved = calendar.held.values().find(moved).expect("the moved one");
        assert_eq!(moved.original_start, nineteenth.map(Moment::At));
        assert!(moved.series.is_some());
    }

    control.cancel(&series, twelfth).await.expect("cancelled");
    assert_eq!(polled(&stage, &mut calendars).await, called_off(&["Mentoring 12.10. 09:00"]));

    control.reschedule(&one, None, "2026-10-08T16:30", Some(30)).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 06.10. 10:00 > Mentoring 08.10. 16:30"])
    );
    control.retitle(&one, "Lunch", None).await.expect("retitled");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 08.10. 16:30 > Lunch 08.10. 16:30"])
    );

    control.respond(&one, guest, Response::Declined, None).await.expect("declined");
    polled(&stage, &mut calendars).await;
    for calendar in &calendars[..2] {
        let lunch = calendar.held.values().find(|event| event.title.as_deref() == Some("Lunch"));
        assert_eq!(answer(lunch.expect("lunch"), guest), Answer::Declined, "{}", calendar.who);
    }
    control.respond(&one, other, Response::Accepted, None).await.expect("accepted");
    polled(&stage, &mut calendars).await;
    let lunch = calendars[0].held.values().find(|event| event.title.as_deref() == Some("Lunch"));
    assert_eq!(answer(lunch.expect("lunch"), other), Answer::Accepted);

    control.remove(&one, other, None).await.expect("removed");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[2], ["- Lunch 08.10. 16:30"]);
    let lunch = calendars[0].held.values().find(|event| event.title.as_deref() == Some("Lunch"));
    assert_eq!(answer(lunch.expect("lunch"), other), Answer::Declined);
    control.remove(&series, guest, nineteenth).await.expect("removed");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[1], ["- Mentoring 20.10. 14:00"]);

    // Out of the window and in again: known all along.
    control.reschedule(&one, None, "2026-12-01T10:00", None).await.expect("moved");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[..2], everyone(&["Lunch 08.10. 16:30 > Lunch 01.12. 10:00"])[..2]);
    control.reschedule(&one, None, "2026-10-09T10:00", None).await.expect("moved");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[..2], everyone(&["Lunch 01.12. 10:00 > Lunch 09.10. 10:00"])[..2]);
    let twentysixth = Some(at("2026-10-26T08:00:00Z"));
    control.reschedule(&series, twentysixth, "2026-11-20T09:00", None).await.expect("moved");
    assert_eq!(
        polled(&stage, &mut calendars).await,
        everyone(&["Mentoring 26.10. 09:00 > Mentoring 20.11. 09:00"])
    );

    control.retitle(&series, "Coaching", None).await.expect("retitled");
    polled(&stage, &mut calendars).await;
    assert!(calendars[0].held.values().any(|event| short(event) == "Coaching 05.10. 09:00"));
    control.cancel(&series, None).await.expect("cancelled");
    polled(&stage, &mut calendars).await;
    for calendar in &calendars {
        let stands = |event: &&Event| event.title.as_deref() == Some("Coaching") && inside(event);
        assert_eq!(calendar.held.values().find(stands), None, "{}", calendar.who);
    }
    control.cancel(&one, None).await.expect("cancelled");
    let lines = polled(&stage, &mut calendars).await;
    assert_eq!(lines[0], ["- Lunch 09.10. 10:00"]);
}

#[tokio::test]
async fn google_meetings_are_followed_through_their_life() {
    for quirks in quirks() {
        life(quirks, SIDES[0]).await;
    }
}

#[tokio::test]
async fn microsoft_meetings_are_followed_through_their_life() {
    for quirks in quirks() {
        life(quirks, SIDES[1]).await;
    }
}

#[tokio::test]
async fn a_cancelled_occurrence_of_microsoft_is_missing_from_its_series() {
    let stage = Stage::plain().await;
    let id = stage.plan(weekly(SIDES[1], "2026-10-05T10:00")).await.id;
    let listing = stage.list(CLARA, None).await.expect("a listing");
    let twelfth = at("2026-10-12T08:00:00Z");
    stage.control.cancel(&id, Some(twelfth)).await.expect("cancelled");
    let listing = stage.list(CLARA, listing.cursor.as_deref()).await.expect("a listing");
    let [Change::Series { occurrences, .. }] = &listing.changes[..] else {
        panic!("{:#?}", listing.changes);
    };
    let starts: Vec<_> = occurrences.iter().map(short).collect();
    assert_eq!(starts, ["Mentoring 05.10. 10:00", "Mentoring 19.10. 10:00", "Mentoring 26.10. 10:00"]);
}

#[tokio::test]
async fn increments_that_reach_decades_ahead_are_clipped() {
    let stage = Stage::new(50, Quirks { google_unbounded: true, ..Quirks::default() }).await;
    let id = stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await.id;
    let listing = stage.list(ANNA, None).await.expect("a listing");
    stage.control.retitle(&id, "Coaching", None).await.expect("retitled");
    let listing = stage.list(ANNA, listing.cursor.as_deref()).await.expect("a listing");
    let listed = |change: &&Change| matches!(change, Change::Event(_));
    let unlisted = |change: &&Change| matches!(change, Change::Unlisted { .. });
    assert_eq!(listing.changes.iter().filter(listed).count(), 4);
    let beyond = listing.changes.iter().filter(unlisted).count();
    assert!(beyond > 500 && beyond + 4 == listing.changes.len(), "{beyond}");
}

#[tokio::test]
async fn an_increment_without_end_gives_way_to_a_full_listing() {
    let stage = Stage::new(10, Quirks { google_unbounded: true, ..Quirks::default() }).await;
    let id = stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await.id;
    let listing = stage.list(ANNA, None).await.expect("a listing");
    stage.control.retitle(&id, "Coaching", None).await.expect("retitled");
    let cursor = listing.cursor.as_deref();
    assert_eq!(stage.list(ANNA, cursor).await, Err(ProviderError::CursorRejected), "73 pages");
    assert_eq!(stage.all(ANNA).await.len(), 4);
}

#[tokio::test]
async fn occurrences_to_which_somebody_is_invited_alone_are_told_apart() {
    let stage = Stage::plain().await;
    let id = stage.plan(weekly([EVE, ANNA, BEN], "2026-10-05T10:00")).await.id;
    let [second, third] = ["2026-10-12T08:00:00Z", "2026-10-19T08:00:00Z"].map(at);
    for original in [second, third] {
        stage.control.invite(&id, CLARA, Some(original)).await.expect("invited");
    }
    stage.control.reschedule(&id, Some(third), "2026-10-21T11:00", None).await.expect("moved");
    let anna = stage.all(ANNA).await;
    let clara: Vec<Event> = stage.all(CLARA).await.into_values().collect();
    let originals: BTreeSet<Option<Moment>> = clara.iter().map(|event| event.original_start).collect();
    assert_eq!(originals.len(), 2, "{clara:#?}");
    assert!(originals.contains(&Some(Moment::At(second))));
    let uid = anna.values().next().expect("an occurrence").uid.clone();
    assert!(uid.is_some() && clara.iter().all(|event| event.uid == uid && event.series.is_none()));
}

#[tokio::test]
async fn a_series_of_thousands_is_left_out_by_itself() {
    for people in SIDES {
        let stage = Stage::new(1000, Quirks::default()).await;
        let absurd = Some("FREQ=MINUTELY;INTERVAL=40".to_owned());
        stage.plan(NewMeeting { rrule: absurd, minutes: 5, ..single(people, "2026-10-02T10:00") }).await;
        stage.plan(weekly(people, "2026-10-05T10:00")).await;
        for who in &people[..2] {
            let listing = stage.list(who, None).await.expect("a listing");
            let withheld = |change: &&Change| matches!(change, Change::Withheld { .. });
            assert_eq!(listing.changes.iter().filter(withheld).count(), 1, "{who}");
            let told = listing.changes.iter().map(|change| match change {
                Change::Event(_) => 1,
                Change::Series { occurrences, .. } => occurrences.len(),
                _ => 0,
            });
            assert_eq!(told.sum::<usize>(), 4, "{who}");
            assert!(listing.cursor.is_some());
        }
    }
}

#[tokio::test]
async fn a_moved_series_leaves_its_old_times() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let id = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let mut calendars = people.map(Calendar::new);
        polled(&stage, &mut calendars).await;
        stage.control.reschedule(&id, None, "2026-10-06T11:00", Some(30)).await.expect("moved");
        polled(&stage, &mut calendars).await;
        for calendar in &calendars {
            let expected = ["06.10. 11:00", "13.10. 11:00", "20.10. 11:00", "27.10. 11:00"];
            let expected = expected.map(|start| format!("Mentoring {start}"));
            assert_eq!(starts(&calendar.held), expected, "{}", calendar.who);
        }
    }
}

#[tokio::test]
async fn a_declined_occurrence_leaves_the_others_open() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let [organizer, guest, _] = people;
        let id = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let mut calendars = [Calendar::new(organizer), Calendar::new(guest)];
        polled(&stage, &mut calendars).await;
        let twelfth = at("2026-10-12T08:00:00Z");
        stage.control.respond(&id, guest, Response::Declined, Some(twelfth)).await.expect("declined");
        polled(&stage, &mut calendars).await;
        for calendar in &calendars {
            assert_eq!(calendar.held.len(), 4);
            for event in calendar.held.values() {
                let declined = answer(event, guest) == Answer::Declined;
                assert_eq!(declined, event.start == Moment::At(twelfth), "{}", calendar.who);
            }
        }
    }
}

#[tokio::test]
async fn whole_days_are_dates_on_every_calendar() {
    for zone in [Berlin, America::Los_Angeles, Asia::Kolkata, Pacific::Auckland] {
        whole_days(zone).await;
    }
}

async fn whole_days(zone: Tz) {
    for shift in [false, true] {
        for people in SIDES {
            let stage = Stage::new(50, Quirks { graph_shift_all_day: shift, ..Quirks::default() }).await;
            let days = |start: &str, rrule: Option<&str>| NewMeeting {
                all_day: true,
                timezone: zone.name().into(),
                minutes: 2 * 24 * 60,
                rrule: rrule.map(str::to_owned),
                ..single(people, start)
            };
            // Over the end of summer time, too.
            stage.plan(days("2026-10-24", None)).await;
            let series = stage.plan(days("2026-10-05", Some("FREQ=WEEKLY;COUNT=3"))).await.id;
            let mut calendars = people.map(Calendar::new);
            let expected = ["05.10.", "12.10.", "19.10.", "24.10."].map(|day| format!("+ Mentoring {day}"));
            for lines in polled(&stage, &mut calendars).await {
                assert_eq!(lines, expected);
            }
            let twelfth = day("2026-10-12").instant(zone);
            stage.control.reschedule(&series, Some(twelfth), "2026-10-14", None).await.expect("moved");
            for lines in polled(&stage, &mut calendars).await {
                assert_eq!(lines, ["Mentoring 12.10. > Mentoring 14.10."]);
            }
            for calendar in &calendars {
                let ends = |start| {
                    let event = calendar.held.values().find(|event| event.start == start);
                    event.map(|event| (event.end, event.original_start))
                };
                assert_eq!(ends(day("2026-10-24")), Some((day("2026-10-26"), None)));
                let moved = Some((day("2026-10-16"), Some(day("2026-10-12"))));
                assert_eq!(ends(day("2026-10-14")), moved, "{}", calendar.who);
                let plain = Some((day("2026-10-21"), Some(day("2026-10-19"))));
                assert_eq!(ends(day("2026-10-19")), plain, "{}", calendar.who);
            }
        }
    }
}

#[tokio::test]
async fn a_private_meeting_carries_no_people_and_no_title() {
    for people in SIDES {
        for visibility in ["private", "confidential"] {
            let stage = Stage::plain().await;
            let conference = if people[0] == ANNA { Conference::Meet } else { Conference::Teams };
            let meeting = NewMeeting {
                visibility: Some(visibility.into()),
                location: Some("Room 5".into()),
                conference,
                ..weekly(people, "2026-10-05T10:00")
            };
            stage.plan(meeting).await;
            for who in people {
                let all = stage.all(who).await;
                assert_eq!(all.len(), 4);
                for event in all.values() {
                    assert!(event.private && event.guests.is_empty() && !event.has_place, "{event:#?}");
                    assert_eq!((&event.title, &event.organizer, &event.conference), (&None, &None, &None));
                    assert!(event.uid.is_some());
                }
            }
        }
    }
}

#[tokio::test]
async fn ten_stays_ten_when_the_clocks_go_back() {
    for people in SIDES {
        let stage = Stage::plain().await;
        stage.plan(weekly(people, "2026-10-19T10:00")).await;
        // The hour that there is twice, and one that lasts over the change.
        stage.plan(single(people, "2026-10-25T02:30")).await;
        stage.plan(NewMeeting { minutes: 120, ..single(people, "2026-10-25T01:30") }).await;
        for who in people {
            let all = stage.all(who).await;
            let mut times: Vec<_> = all.values().map(|event| (event.start, event.end)).collect();
            times.sort();
            let expected = [
                ("2026-10-19T08:00:00Z", "2026-10-19T08:45:00Z"),
                ("2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z"),
                ("2026-10-25T00:30:00Z", "2026-10-25T01:15:00Z"),
                ("2026-10-26T09:00:00Z", "2026-10-26T09:45:00Z"),
            ];
            assert_eq!(times, expected.map(|(from, to)| (Moment::At(at(from)), Moment::At(at(to)))), "{who}");
            for event in all.values().filter(|event| event.series.is_some()) {
                assert_eq!(event.original_start, Some(event.start));
            }
        }
    }
}

/// What copies of one meeting are known by.
fn identity(events: &BTreeMap<String, Event>) -> BTreeSet<(Option<&str>, Option<Moment>, Moment)> {
    events.values().map(|event| (event.uid.as_deref(), event.original_start, event.start)).collect()
}

#[tokio::test]
async fn copies_of_a_meeting_meet_across_google_and_microsoft() {
    for people in [[ANNA, BEN, CLARA], [CLARA, DAN, ANNA], [EVE, BEN, CLARA]] {
        let stage = Stage::plain().await;
        let one = stage.plan(single(people, "2026-10-06T10:00")).await;
        let series = stage.plan(weekly(people, "2026-10-05T10:00")).await;
        let days = NewMeeting { all_day: true, ..weekly(people, "2026-10-07") };
        let days = stage.plan(days).await;
        let control = &stage.control;
        let nineteenth = Some(at("2026-10-19T08:00:00Z"));
        control.reschedule(&series.id, nineteenth, "2026-10-20T14:00", None).await.expect("moved");
        let fourteenth = Some(at("2026-10-13T22:00:00Z"));
        control.reschedule(&days.id, fourteenth, "2026-10-15", None).await.expect("moved");
        let calendars = people.iter().filter(|who| **who != EVE);
        let mut all = Vec::new();
        for who in calendars {
            all.push(stage.all(who).await);
        }
        for calendar in &all {
            assert_eq!(identity(calendar), identity(&all[0]));
            let uids: BTreeSet<_> = calendar.values().filter_map(|event| event.uid.clone()).collect();
            assert_eq!(uids, [&one, &series, &days].map(|planned| planned.uid.clone()).into());
        }
        let moved = (Some(series.uid.as_str()), nineteenth.map(Moment::At), at("2026-10-20T12:00:00Z"));
        assert!(identity(&all[0]).contains(&(moved.0, moved.1, Moment::At(moved.2))));
        let day_moved = (Some(days.uid.as_str()), Some(day("2026-10-14")), day("2026-10-15"));
        assert!(identity(&all[0]).contains(&day_moved));
    }
}

#[tokio::test]
async fn an_expired_cursor_is_rejected_and_a_full_listing_goes_on() {
    for location in [false, true] {
        let stage = Stage::new(2, Quirks { graph_gone_location: location, ..Quirks::default() }).await;
        stage.plan(weekly(SIDES[0], "2026-10-05T10:00")).await;
        for who in [ANNA, CLARA] {
            let cursor = stage.list(who, None).await.expect("a listing").cursor;
            stage.control.expire_cursors(Some(who)).await.expect("expired");
            let answer = stage.list(who, cursor.as_deref()).await;
            assert_eq!(answer, Err(ProviderError::CursorRejected), "{who}");
            assert_eq!(stage.all(who).await.len(), 4);
        }
    }
}

#[tokio::test]
async fn a_cursor_of_microsoft_that_newer_ones_outran_is_rejected() {
    let stage = Stage::plain().await;
    let first = stage.list(CLARA, None).await.expect("a listing").cursor;
    let mut cursor = first.clone();
    for _ in 0..4 {
        cursor = stage.list(CLARA, cursor.as_deref()).await.expect("a listing").cursor;
    }
    assert_eq!(stage.list(CLARA, first.as_deref()).await, Err(ProviderError::CursorRejected));
    assert!(stage.list(CLARA, cursor.as_deref()).await.is_ok());
}

#[tokio::test]
async fn an_expired_token_is_renewed_on_the_way() {
    let stage = Stage::new(2, Quirks::default()).await;
    for start in ["2026-10-05T10:00", "2026-10-06T10:00", "2026-10-07T10:00", "2026-10-08T10:00"] {
        stage.plan(single(SIDES[0], start)).await;
    }
    for (who, second_page) in [(ANNA, "pageToken="), (CLARA, "skiptoken=")] {
        let mut calendar = Calendar::new(who);
        calendar.poll(&stage).await;
        stage.control.expire_tokens().await.expect("expired");
        assert_eq!(calendar.poll(&stage).await, [""; 0]);
        stage.fault(second_page, 401, None).await;
        assert_eq!(stage.all(who).await.len(), 4);
    }
}

#[tokio::test]
async fn trouble_is_told_apart_by_what_can_be_done_about_it() {
    let stage = Stage::plain().await;
    stage.plan(single(SIDES[0], "2026-10-06T10:00")).await;
    for (who, path) in [(ANNA, "/calendar/"), (CLARA, "/v1.0/")] {
        let cursor = stage.list(who, None).await.expect("a listing").cursor;
        for cursor in [None, cursor.as_deref()] {
            for (wait, seconds) in [(Some("17"), Some(17)), (None, None)] {
                stage.fault(path, 429, wait).await;
                let retry_after = seconds.map(Duration::from_secs);
                let throttled = Err(ProviderError::Throttled { retry_after });
                assert_eq!(stage.list(who, cursor).await, throttled, "{who}");
            }
            for status in [500, 502, 503, 504] {
                stage.fault(path, status, None).await;
                let answer = stage.list(who, cursor).await;
                assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{who} {status} {answer:?}");
            }
            // Google's word for the former is the sandbox's for being too fast.
            for status in if who == ANNA { vec![404] } else { vec![403, 404] } {
                stage.fault(path, status, None).await;
                let answer = stage.list(who, cursor).await;
                assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{who} {status} {answer:?}");
            }
        }
        // None of it was tried again, and it left nothing behind.
        assert!(stage.list(who, cursor.as_deref()).await.is_ok());
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_on_the_way_brings_nothing() {
    let stage = Stage::new(2, Quirks { graph_master_missing: true, ..Quirks::default() }).await;
    for start in ["2026-10-05T10:00", "2026-10-06T10:00"] {
        stage.plan(weekly(SIDES[0], start)).await;
    }
    for (who, path) in [(ANNA, "pageToken="), (CLARA, "skiptoken="), (CLARA, "/events/")] {
        stage.fault(path, 503, None).await;
        let answer = stage.list(who, None).await;
        assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{path} {answer:?}");
    }
}

#[tokio::test]
async fn a_sign_in_service_in_trouble_is_trouble_that_passes() {
    let stage = Stage::plain().await;
    for (who, path) in [(ANNA, "/google/token"), (CLARA, "/login/")] {
        for status in [500, 503] {
            stage.fault(path, status, None).await;
            let answer = stage.list(who, None).await;
            assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{who} {status} {answer:?}");
        }
        assert!(stage.list(who, None).await.is_ok());
    }
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_unreachable() {
    let stage = Stage::plain().await;
    for who in ["nobody@acme.example", "nobody@contoso.example"] {
        let nobody = address(who);
        let provider = stage.of(who);
        let listed = provider.list(&nobody, october(), None).await.map(drop);
        let looked = provider.look(&nobody, "abc").await.map(drop);
        for answer in [listed, looked] {
            let Err(ProviderError::Unreachable(told)) = answer else { panic!("{who} {answer:?}") };
            assert!(!told.contains("nobody"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_of_microsoft_is_refused() {
    let stage = Stage::plain().await;
    let right = microsoft(&stage.sandbox);
    for wrong in [
        config::Microsoft { credential: config::Credential::Secret("s3cret".into()), ..right.clone() },
        config::Microsoft { client_id: "11111111-1111-4111-8111-111111111111".into(), ..right.clone() },
        config::Microsoft { tenant_id: "11111111-1111-4111-8111-111111111111".into(), ..right.clone() },
    ] {
        let provider = Microsoft::new("contoso", &wrong, Duration::from_secs(10), Arc::new(NoLimit))
            .expect("a provider");
        let answer = provider.list(&address(CLARA), october(), None).await;
        let Err(ProviderError::Refused(told)) = answer else { panic!("{answer:?}") };
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_key_of_google_that_is_not_the_right_one_is_refused() {
    let stage = Stage::plain().await;
    let config = google(&stage.sandbox);
    let key = stage.sandbox.google_key_json();
    let wrong = key
        .replace("client_email\":\"", "client_email\":\"not-")
        .replace("client_email\": \"", "client_email\": \"not-");
    assert_ne!(wrong, key);
    let wrong = config::Google { auth: config::GoogleAuth::ServiceAccount(wrong.into()), ..config };
    let provider =
        Google::new("acme", &wrong, Duration::from_secs(10), Arc::new(NoLimit)).expect("a provider");
    let answer = provider.list(&address(ANNA), october(), None).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
}

/// Who was in a call, in the order of coming: `anna 08:00-08:20`.
fn presence(call: &Call) -> Vec<String> {
    let mut stays: Vec<_> = call.attendances.iter().collect();
    stays.sort_by_key(|stay| (stay.joined, stay.left));
    let line = |stay: &&mentord::domain::evidence::Attendance| {
        let who = stay.address.as_ref().map_or("somebody", |who| who.as_str());
        let left = stay.left.map_or("…".to_owned(), |left| left.format("%H:%M").to_string());
        format!("{} {}-{left}", who.split('@').next().unwrap_or_default(), stay.joined.format("%H:%M"))
    };
    stays.iter().map(line).collect()
}

async fn stay(control: &Control, id: &str, who: Option<&str>, day: &str, from: &str, to: &str) {
    let time = |time: &str| at(&format!("2026-10-{day}T{time}:00Z"));
    control.join(id, who, time(from), None).await.expect("joined");
    control.leave(id, who, time(to), None).await.expect("left");
}

/// A series with a call, held on the 5th with a rejoin, a stranger and somebody of the other vendor,
/// and on the 12th by the organiser alone.
async fn held(stage: &Stage, people: [&str; 3], conference: Conference) -> Link {
    let [organizer, guest, other] = people;
    let meeting = NewMeeting { conference, ..weekly(people, "2026-10-05T10:00") };
    let planned = stage.plan(meeting).await;
    let id = &planned.id;
    let control = &stage.control;
    stay(control, id, Some(organizer), "05", "08:00", "08:20").await;
    stay(control, id, Some(organizer), "05", "08:25", "08:44").await;
    stay(control, id, Some(guest), "05", "08:05", "08:45").await;
    stay(control, id, None, "05", "08:10", "08:12").await;
    stay(control, id, Some(other), "05", "08:15", "08:40").await;
    stay(control, id, Some(organizer), "12", "08:00", "08:10").await;
    let all = stage.all(organizer).await;
    let own = all.values().filter(|event| event.uid.as_ref() == Some(&planned.uid));
    let links: BTreeSet<_> = own.map(|event| event.conference.clone()).map(key).collect();
    let link = Link {
        service: match conference {
            Conference::Teams => ConferenceService::MicrosoftTeams,
            _ => ConferenceService::GoogleMeet,
        },
        key: planned.conference_key.expect("a call"),
    };
    assert_eq!(links, [key(Some(link.clone()))].into());
    link
}

fn key(link: Option<Link>) -> Option<(&'static str, String)> {
    link.map(|link| (link.service.as_str(), link.key))
}

const FIRST: (&str, &str) = ("2026-10-05T07:45:00Z", "2026-10-05T09:00:00Z");
const SECOND: (&str, &str) = ("2026-10-12T07:45:00Z", "2026-10-12T09:00:00Z");

#[tokio::test]
async fn a_meet_call_tells_who_was_there_and_when() {
    let stage = Stage::new(2, Quirks::default()).await;
    let link = held(&stage, SIDES[0], Conference::Meet).await;
    let clock = async |now: &str| stage.control.clock(at(now)).await.expect("a clock");

    clock("2026-10-05T07:59:00Z").await;
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, FIRST.1).await, []);
    clock("2026-10-05T08:30:00Z").await;
    let calls = stage.calls(ANNA, &link, FIRST.0, FIRST.1).await;
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].started, calls[0].ended), (at("2026-10-05T08:00:00Z"), None));
    let running =
        ["anna 08:00-08:20", "ben 08:05-…", "somebody 08:10-08:12", "somebody 08:15-…", "anna 08:25-…"];
    assert_eq!(presence(&calls[0]), running);

    clock("2026-10-13T08:00:00Z").await;
    let over = [
        "anna 08:00-08:20",
        "ben 08:05-08:45",
        "somebody 08:10-08:12",
        "somebody 08:15-08:40",
        "anna 08:25-08:44",
    ];
    // Everybody who was there may see it, and nobody else.
    for who in [ANNA, BEN] {
        let calls = stage.calls(who, &link, FIRST.0, FIRST.1).await;
        assert_eq!(calls.len(), 1, "{who}");
        assert_eq!(calls[0].service, ConferenceService::GoogleMeet);
        assert_eq!(calls[0].ended, Some(at("2026-10-05T08:45:00Z")));
        assert_eq!(presence(&calls[0]), over);
    }
    let calls = stage.calls(ANNA, &link, SECOND.0, SECOND.1).await;
    assert_eq!(calls.iter().map(presence).collect::<Vec<_>>(), [["anna 08:00-08:10"]]);
    assert_eq!(stage.calls(BEN, &link, SECOND.0, SECOND.1).await, []);
    assert_eq!(stage.calls(ANNA, &link, "2026-10-19T00:00:00Z", "2026-10-20T00:00:00Z").await, []);
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, SECOND.1).await.len(), 2);
    let unknown = Link { key: "xxx-xxxx-xxx".into(), ..link.clone() };
    assert_eq!(stage.calls(ANNA, &unknown, FIRST.0, FIRST.1).await, []);
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, FIRST.1).await, []);

    // Google forgets after thirty days.
    clock("2026-11-05T09:00:00Z").await;
    assert_eq!(stage.calls(ANNA, &link, FIRST.0, FIRST.1).await, []);
}

#[tokio::test]
async fn a_teams_call_tells_its_organiser_who_was_there_once_it_is_over() {
    let stage = Stage::new(2, Quirks::default()).await;
    let link = held(&stage, SIDES[1], Conference::Teams).await;
    let clock = async |now: &str| stage.control.clock(at(now)).await.expect("a clock");

    clock("2026-10-05T08:30:00Z").await;
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, FIRST.1).await, []);

    clock("2026-10-13T08:00:00Z").await;
    let calls = stage.calls(CLARA, &link, FIRST.0, FIRST.1).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].service, ConferenceService::MicrosoftTeams);
    assert_eq!(calls[0].started, at("2026-10-05T08:00:00Z"));
    assert_eq!(calls[0].ended, Some(at("2026-10-05T08:45:00Z")));
    let over = [
        "clara 08:00-08:20",
        "dan 08:05-08:45",
        "somebody 08:10-08:12",
        "somebody 08:15-08:40",
        "clara 08:25-08:44",
    ];
    assert_eq!(presence(&calls[0]), over);
    let calls = stage.calls(CLARA, &link, SECOND.0, SECOND.1).await;
    assert_eq!(calls.iter().map(presence).collect::<Vec<_>>(), [["clara 08:00-08:10"]]);
    assert_eq!(stage.calls(CLARA, &link, FIRST.0, SECOND.1).await.len(), 2);
    for (who, to) in [(DAN, FIRST.1), (ANNA, FIRST.1), (CLARA, "2026-10-05T07:50:00Z")] {
        assert_eq!(stage.calls(who, &link, FIRST.0, to).await, [], "{who}");
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_read_now_is_no_empty_call() {
    let stage = Stage::plain().await;
    let meet = held(&stage, SIDES[0], Conference::Meet).await;
    let teams = held(&stage, SIDES[1], Conference::Teams).await;
    stage.control.clock(at("2026-10-05T10:00:00Z")).await.expect("a clock");
    let window = Window { from: at(FIRST.0), to: at(FIRST.1) };
    let cases = [
        (ANNA, &meet, ["v2/conferenceRecords?", "/participants?", "/participantSessions?", "/admin/"]),
        (CLARA, &teams, ["?%24select=id", "onlineMeetings?", "/attendanceReports", "/attendanceRecords"]),
    ];
    for (who, link, paths) in cases {
        for path in paths {
            stage.fault(path, 503, None).await;
            let answer = stage.of(who).calls(&address(who), link, window).await;
            assert!(matches!(answer, Err(ProviderError::Temporary(_))), "{path} {answer:?}");
        }
        assert_eq!(stage.calls(who, link, FIRST.0, FIRST.1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_directory_that_may_not_be_read_leaves_people_without_a_name() {
    let stage = Stage::plain().await;
    let link = held(&stage, SIDES[0], Conference::Meet).await;
    stage.control.clock(at("2026-10-05T10:00:00Z")).await.expect("a clock");
    let denied = Fault {
        path_contains: "/admin/".into(),
        status: 403,
        times: 1,
        body: Some(serde_json::json!({"error": {"code": 403, "message": "Not Authorized",
            "errors": [{"domain": "global", "reason": "forbidden"}]}})),
        ..Fault::default()
    };
    stage.control.fault(&denied).await.expect("a fault");
    let named = |calls: &[Call]| calls[0].attendances.iter().filter(|stay| stay.address.is_some()).count();
    let calls = stage.calls(ANNA, &link, FIRST.0, FIRST.1).await;
    assert_eq!((calls[0].attendances.len(), named(&calls)), (5, 0));
    // Once it may be read, the names are there.
    assert_eq!(named(&stage.calls(ANNA, &link, FIRST.0, FIRST.1).await), 3);
}

#[tokio::test]
async fn looking_at_an_event_tells_what_became_of_it() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let control = &stage.control;
        let one = stage.plan(single(people, "2026-10-06T10:00")).await.id;
        let [organizer, guest, _] = people;
        for who in [organizer, guest] {
            let listed = stage.only(who).await;
            assert_eq!(stage.look(who, &listed.key).await, Some(listed), "{who}");
        }
        let keys = [stage.only(organizer).await.key, stage.only(guest).await.key];
        control.reschedule(&one, None, "2026-12-01T10:00", None).await.expect("moved");
        for (who, key) in [organizer, guest].iter().zip(&keys) {
            let moved = stage.look(who, key).await.expect("an event");
            assert_eq!((&moved.key, short(&moved)), (key, "Mentoring 01.12. 10:00".to_owned()));
        }
        control.remove(&one, guest, None).await.expect("removed");
        assert_eq!(stage.look(guest, &keys[1]).await, None);
        assert!(stage.look(organizer, &keys[0]).await.is_some());
        control.cancel(&one, None).await.expect("cancelled");
        assert_eq!(stage.look(organizer, &keys[0]).await, None);
        assert_eq!(stage.look(organizer, "neverheardof").await, None);
    }
}

#[tokio::test]
async fn looking_at_a_series_and_its_occurrences() {
    for people in SIDES {
        let stage = Stage::plain().await;
        let control = &stage.control;
        let series = stage.plan(weekly(people, "2026-10-05T10:00")).await.id;
        let organizer = people[0];
        let all = stage.all(organizer).await;
        for (key, event) in &all {
            assert_eq!(stage.look(organizer, key).await.as_ref(), Some(event));
        }
        let on = |day: &str| {
            let start = Moment::At(at(&format!("2026-10-{day}T08:00:00Z")));
            all.values().find(|event| event.start == start).expect("an occurrence")
        };
        let guests = stage.all(people[1]).await.pop_first().expect("an occurrence").1;
        let key = on("05").series.clone().expect("a series");
        let found = stage.look(organizer, &key).await.expect("the series");
        // Whatever it looks like, it cannot be taken for an occurrence.
        assert!(!all.contains_key(&found.key));
        assert_eq!(found.series.as_ref(), Some(&key), "{organizer}");

        let original = |day: &str| Some(at(&format!("2026-10-{day}T08:00:00Z")));
        control.reschedule(&series, original("19"), "2026-12-01T10:00", None).await.expect("moved");
        control.cancel(&series, original("12")).await.expect("cancelled");
        let moved = stage.look(organizer, &on("19").key).await.expect("an occurrence");
        assert_eq!(short(&moved), "Mentoring 01.12. 10:00");
        assert_eq!(moved.original_start, original("19").map(Moment::At));
        assert_eq!(stage.look(organizer, &on("12").key).await, None);
        control.cancel(&series, None).await.expect("cancelled");
        assert_eq!(stage.look(organizer, &key).await, None);
        assert_eq!(stage.look(organizer, &on("05").key).await, None);
        // Microsoft's guests keep what was called off, crossed out.
        let left = stage.look(people[1], &guests.key).await.map(|event| event.state);
        let expected = (people[1] == DAN).then_some(EventState::Cancelled);
        assert_eq!(left, expected);
    }
}

#[tokio::test]
async fn a_probe_tells_whether_a_calendar_can_be_read() {
    let stage = Stage::plain().await;
    assert_eq!(stage.google.probe(&address(ANNA)).await, Ok(()));
    for who in ["nobody@acme.example", "nobody@contoso.example"] {
        let answer = stage.of(who).probe(&address(who)).await;
        assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{who} {answer:?}");
    }
}
