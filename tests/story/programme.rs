//! A programme on a stage: five people, two vendors, one clock.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Europe::Berlin;
use mentord::clock::{Clock as _, ManualClock};
use mentord::config::{self, Config};
use mentord::daemon::service::{Companion, Service, prepare};
use mentord::domain::alert::{AlertState, Kind};
use mentord::domain::judge::{Grade, Status};
use mentord::domain::session::Session;
use mentord::sandbox::{Conference, Control, NewMeeting, Options, Provider, Response, Sandbox};
use mentord::store::{SessionFilter, StoredAlert};
use mentord::web::{self, Watched};

use crate::postgres::Server;

pub const ADA: &str = "ada@acme.example";
pub const BEN: &str = "ben@acme.example";
pub const CHEN: &str = "chen@contoso.example";
pub const DARA: &str = "dara@contoso.example";
pub const MANAGER: &str = "people@acme.example";

/// Monday 5 October 2026, 06:00 in Berlin.
pub fn begin() -> DateTime<Utc> {
    berlin("2026-10-05T06:00")
}

/// A time on the wall clock in Berlin.
pub fn berlin(wall: &str) -> DateTime<Utc> {
    let local = chrono::NaiveDateTime::parse_from_str(wall, "%Y-%m-%dT%H:%M").expect("a wall clock time");
    Berlin.from_local_datetime(&local).single().expect("a time that exists once").to_utc()
}

/// Which database the programme is on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Sqlite,
    Postgres,
}

pub struct Programme {
    sandbox: Sandbox,
    pub world: Control,
    pub clock: ManualClock,
    config: Config,
    service: Option<Service>,
    /// Where providers reach it, if they do.
    door: Option<std::net::TcpListener>,
    _dir: tempfile::TempDir,
    _server: Option<Arc<Server>>,
}

impl Programme {
    /// Ada mentors Ben on Google and Dara on Microsoft 365, Chen mentors Dara; nothing is planned yet.
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// The same with more settings for the program.
    pub async fn with(settings: &str) -> Self {
        Self::set(On::Sqlite, settings, false).await
    }

    /// The same, and providers can reach it: they are asked to tell of changes.
    pub async fn reachable(on: On) -> Self {
        Self::set(on, "", true).await
    }

    /// The same on either database.
    pub async fn on(on: On) -> Self {
        Self::set(on, "", false).await
    }

    /// The same before the service is started for the first time.
    pub async fn asleep() -> Self {
        Self::made(On::Sqlite, "", false).await
    }

    /// The same where providers will be able to reach it.
    pub async fn asleep_within_reach() -> Self {
        Self::made(On::Sqlite, "", true).await
    }

    async fn set(on: On, settings: &str, reachable: bool) -> Self {
        let mut programme = Self::made(on, settings, reachable).await;
        programme.start().await;
        programme
    }

    /// Everything but the service.
    pub async fn made(on: On, settings: &str, reachable: bool) -> Self {
        let server = match on {
            On::Sqlite => None,
            On::Postgres => Some(Server::shared()),
        };
        let url = match &server {
            None => "sqlite:mentord.db".to_owned(),
            Some(server) => server.database().await,
        };
        let dir = tempfile::tempdir().expect("a folder");
        let sandbox = Sandbox::start(Options { page_size: 3, plain_callbacks: true, ..Options::at(begin()) })
            .await
            .expect("a sandbox");
        let world = sandbox.control();
        for (address, name, provider) in [
            (ADA, "Ada Berg", Provider::Google),
            (BEN, "Ben Ode", Provider::Google),
            (CHEN, "Chen Li", Provider::Microsoft),
            (DARA, "Dara Noor", Provider::Microsoft),
        ] {
            world.person(address, name, provider).await.expect("a person");
        }
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
        write(
            "roster.csv",
            &format!(
                "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence\n\
                 guild,Ada Berg,{ADA},Ben Ode,{BEN};b.ode@acme.example,2026-10-05,,1 week\n\
                 guild,Chen Li,{CHEN},Dara Noor,{DARA};noor@contoso.example,2026-10-05,,\n\
                 guild,Ada Berg,{ADA},Dara Noor,{DARA},2026-10-05,,4 weeks\n"
            ),
        );
        let access = sandbox.grant_access(dir.path()).expect("access");
        let door = reachable.then(door);
        let web = door.as_ref().map_or(String::new(), |door| {
            format!("[web]\npublic_url = \"http://{}/\"\n", door.local_addr().expect("an address"))
        });
        let file = format!(
            r#"
[database]
url = "{url}"
[sync]
interval = "1h"
{web}{access}
[[programs]]
name = "guild"
title = "Guild"
timezone = "Europe/Berlin"
managers = ["{MANAGER}"]
roster = "roster.csv"
first_within = "3 weeks"
{settings}
"#
        );
        write("mentord.toml", &file);
        let config = config::load_with(&dir.path().join("mentord.toml"), []).expect("a right configuration");
        let clock = ManualClock::new(begin());
        Self { sandbox, world, clock, config, service: None, door, _dir: dir, _server: server }
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// From the next start on it is reached at another address, or nowhere.
    pub fn move_house(&mut self, reachable: bool) {
        self.door = reachable.then(door);
        let address = self.door.as_ref().map(|door| door.local_addr().expect("an address"));
        let url = address.map(|address| format!("http://{address}/").parse().expect("a url"));
        let web = self.config.web.as_mut().expect("it had an address");
        web.public_url = url;
    }

    /// From the next start on these are the pairings, in the roster's own form.
    pub fn enrol(&self, lines: &[&str]) {
        let head = "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence";
        let text = std::iter::once(&head).chain(lines).fold(String::new(), |text, line| text + line + "\n");
        std::fs::write(self._dir.path().join("roster.csv"), text).expect("a file");
    }

    pub async fn start(&mut self) {
        let context = prepare(&self.config, Arc::new(self.clock.clone())).await.expect("everything is there");
        let companions = self.door.iter().map(|door| {
            let door = door.try_clone().and_then(tokio::net::TcpListener::from_std).expect("a listener");
            let watched = Watched::new(&context);
            Companion::start(|stop| web::serve(door, watched, stop))
        });
        let companions = companions.collect();
        let service = Service::start(context, companions, TimeDelta::days(1));
        self.service = Some(service);
    }

    /// Changes the database behind the service's back.
    pub async fn spoil(&self, sql: &'static str) {
        use sqlx::Connection as _;
        let url = format!("sqlite:{}", self._dir.path().join("mentord.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.expect("the database");
        sqlx::query(sql).execute(&mut database).await.expect("a right statement");
        database.close().await.expect("the end");
    }

    pub async fn stop(&mut self) {
        self.service.take().expect("a running service").stop().await;
    }

    pub fn service(&self) -> &Service {
        self.service.as_ref().expect("a running service")
    }

    /// Lets time pass until all work that is due by `to` is done.
    pub async fn until(&self, to: &str) {
        self.pass(berlin(to)).await;
    }

    pub async fn pass(&self, to: DateTime<Utc>) {
        loop {
            let wake = self.service().workers.at_rest().await;
            if self.clock.now() >= to {
                return;
            }
            let next = wake.map_or(to, |wake| wake.min(to));
            self.world.clock(next).await.expect("the world's clock");
            self.clock.set(next);
        }
    }

    /// Lets time pass while the service is down.
    pub async fn skip(&self, to: &str) {
        assert!(self.service.is_none(), "the service runs");
        self.world.clock(berlin(to)).await.expect("the world's clock");
        self.clock.set(berlin(to));
    }

    /// Plans a meeting with a call, to which everybody agrees; returns its id.
    pub async fn meeting(&self, organizer: &str, guest: &str, start: &str, rrule: Option<&str>) -> String {
        let conference = match organizer.ends_with("acme.example") {
            true => Conference::Meet,
            false => Conference::Teams,
        };
        let meeting = NewMeeting {
            organizer: organizer.to_owned(),
            attendees: vec![guest.to_owned()],
            title: "Mentoring".to_owned(),
            start: start.to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            minutes: 60,
            rrule: rrule.map(str::to_owned),
            conference,
            ..NewMeeting::default()
        };
        let id = self.world.plan(&meeting).await.expect("a meeting").id;
        self.world.respond(&id, guest, Response::Accepted, None).await.expect("an answer");
        id
    }

    /// Puts somebody into the call of a meeting for some minutes, counted from a time.
    pub async fn stay(
        &self,
        meeting: &str,
        who: &str,
        start: &str,
        minutes: std::ops::Range<i64>,
        original: &str,
    ) {
        let at = |minute| berlin(start) + TimeDelta::minutes(minute);
        let occurrence = Some(berlin(original));
        self.world.join(meeting, Some(who), at(minutes.start), occurrence).await.expect("to join");
        self.world.leave(meeting, Some(who), at(minutes.end), occurrence).await.expect("to leave");
    }

    /// Both are in the call for the whole hour.
    pub async fn both(&self, meeting: &str, people: [&str; 2], start: &str) {
        for who in people {
            self.stay(meeting, who, start, 0..60, start).await;
        }
    }

    pub async fn sessions(&self) -> Vec<Session> {
        self.service().context.store.sessions(&SessionFilter::default()).await.expect("sessions")
    }

    /// Status and grade of the sessions that start before a time, in order.
    pub async fn verdicts(&self, before: &str) -> Vec<(String, Status, Grade)> {
        let filter = SessionFilter { to: Some(berlin(before)), ..SessionFilter::default() };
        let sessions = self.service().context.store.sessions(&filter).await.expect("sessions");
        let day = |session: &Session| session.start.with_timezone(&Berlin).format("%d.%m. %H:%M").to_string();
        sessions.iter().map(|s| (day(s), s.verdict.status, s.verdict.grade)).collect()
    }

    pub async fn alerts(&self, kind: Kind) -> Vec<StoredAlert> {
        let mut alerts = self.service().context.store.alerts(None).await.expect("alerts");
        alerts.retain(|stored| stored.alert.kind == kind);
        alerts
    }

    /// The alerts of a kind in one state, as `recipient at due time`.
    pub async fn listed(&self, kind: Kind, state: AlertState) -> Vec<String> {
        let shown = |stored: &StoredAlert| {
            let due = stored.alert.due_at.with_timezone(&Berlin).format("%d.%m. %H:%M");
            format!("{} at {due}", stored.alert.recipient)
        };
        let alerts = self.alerts(kind).await;
        alerts.iter().filter(|stored| stored.state == state).map(shown).collect()
    }

    /// Everything that the mail server took: recipient and message.
    pub async fn mails(&self) -> Vec<(String, String)> {
        let mails = self.world.mails().await.expect("mails");
        mails.into_iter().map(|mail| (mail.to.join(","), mail.data)).collect()
    }

    /// The subjects that one person received, in order.
    pub async fn subjects(&self, who: &str) -> Vec<String> {
        let mails = self.mails().await;
        let own = mails.iter().filter(|(to, _)| to == who);
        own.map(|(_, data)| header(data, "Subject")).collect()
    }

    /// No message is there twice.
    pub async fn assert_single(&self) {
        let mut ids: Vec<String> =
            self.mails().await.iter().map(|(_, data)| header(data, "Message-ID")).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "a message was sent twice");
    }
}

fn door() -> std::net::TcpListener {
    let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    door.set_nonblocking(true).expect("a listener");
    door
}

/// A header of a mail, unfolded.
pub fn header(data: &str, name: &str) -> String {
    let head = data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    found.unwrap_or_else(|| panic!("no {name} in\n{head}")).trim().to_owned()
}
