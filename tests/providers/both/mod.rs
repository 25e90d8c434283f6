//! Both providers against the sandbox: what happens to people's meetings is what mentord comes to
//! know of them.

mod access;
mod calendar;
mod calls;
mod copies;
mod life;
mod listing;
mod looking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Berlin;
use mentord::config;
use mentord::domain::event::{Conference as Link, Event, Moment, Response as Answer, Window};
use mentord::domain::evidence::Call;
use mentord::domain::people::Address;
use mentord::providers::google::Google;
use mentord::providers::microsoft::Microsoft;
use mentord::providers::{Listing, Provider, ProviderError, Throttler};
use mentord::sandbox::{
    Control, Fault, NewMeeting, NewPerson, Options, Planned, Provider as At, Quirks, Sandbox,
};

use crate::passed::Passed;
use calendar::{Calendar, inside, polled, short, starts};

const ANNA: &str = "anna@acme.example";
const BEN: &str = "ben@acme.example";
const CLARA: &str = "clara@contoso.example";
const DAN: &str = "dan@contoso.example";
const EVE: &str = "eve@elsewhere.example";

/// Each vendor's organiser, with a guest at the same vendor and one at the other.
const SIDES: [[&str; 3]; 2] = [[ANNA, BEN, CLARA], [CLARA, DAN, ANNA]];

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
        let google =
            Google::new("acme", &google(&sandbox), Duration::from_secs(10), Arc::new(Passed::default()));
        let microsoft = Microsoft::new(
            "contoso",
            &microsoft(&sandbox),
            Duration::from_secs(10),
            Arc::new(Passed::default()),
        );
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

fn answer(event: &Event, who: &str) -> Answer {
    let guest = event.guests.iter().find(|guest| guest.address.as_str() == who);
    guest.unwrap_or_else(|| panic!("{who} is not on {event:#?}")).response
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
