//! Two organisations whose people consent one by one, and the real pages for it.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mentord::clock::{Clock as _, ManualClock};
use mentord::config::{self, Config};
use mentord::daemon::service::prepare;
use mentord::domain::calendar::Calendar;
use mentord::domain::people::Address;
use mentord::domain::session::Session;
use mentord::pipeline::accounts::consent::invite;
use mentord::pipeline::{Context, conference, detect, judge, sync};
use mentord::sandbox::{Conference, Control, NewMeeting, Options, Provider, Sandbox};
use mentord::store::{Account, ConsentKind, SessionFilter};
use mentord::web;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use On::{Postgres, Sqlite};

use crate::postgres::Server;

pub const ADA: &str = "ada@acme.example";
pub const BEN: &str = "ben@acme.example";
pub const CHEN: &str = "chen@contoso.example";
pub const DARA: &str = "dara@contoso.example";

/// Two keys, as `openssl rand -base64 32` makes them.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
pub const NEXT_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Which database the stage is on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Sqlite,
    Postgres,
}

pub struct Stage {
    pub sandbox: Sandbox,
    pub world: Control,
    pub clock: ManualClock,
    pub context: Context,
    pub dir: tempfile::TempDir,
    /// The meetings of Ada and Ben and of Chen and Dara, by the world's names.
    pub meetings: Vec<String>,
    _web: DropGuard,
    _server: Option<Arc<Server>>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(Sqlite).await
    }

    pub async fn on(on: On) -> Self {
        Self::behind(on, async |_| None).await
    }

    /// The same, its requests to the APIs going through a proxy, of which this is the URL.
    pub async fn behind(on: On, proxy: impl AsyncFnOnce(&Sandbox) -> Option<String>) -> Self {
        let through = async |sandbox: &Sandbox, _: &Path, mut file: String| {
            let Some(proxy) = proxy(sandbox).await else { return file };
            let apis =
                [sandbox.google_api_url(), sandbox.meet_url(), sandbox.directory_url(), sandbox.graph_url()];
            for url in apis {
                file = file.replace(&url, &url.replace(&sandbox.url(), &proxy));
            }
            file
        };
        Self::configured(on, through).await
    }

    /// The same, with a configuration that was changed; the folder is where it will be.
    pub async fn configured(on: On, change: impl AsyncFnOnce(&Sandbox, &Path, String) -> String) -> Self {
        let server = match on {
            Sqlite => None,
            Postgres => Some(Server::shared()),
        };
        let url = match &server {
            None => "sqlite:mentord.db".to_owned(),
            Some(server) => server.database().await,
        };
        let now: DateTime<Utc> = "2026-10-05T06:00:00Z".parse().expect("a time");
        let sandbox = Sandbox::start(Options::at(now)).await.expect("a sandbox");
        let world = sandbox.control();
        for (address, name, provider) in [
            (ADA, "Ada Berg", Provider::Google),
            (BEN, "Ben Ode", Provider::Google),
            (CHEN, "Chen Li", Provider::Microsoft),
            (DARA, "Dara Noor", Provider::Microsoft),
        ] {
            world.person(address, name, provider).await.expect("a person");
        }
        let mut meetings = Vec::new();
        for (organizer, guest, conference) in [(ADA, BEN, Conference::Meet), (CHEN, DARA, Conference::Teams)]
        {
            let meeting = NewMeeting {
                organizer: organizer.to_owned(),
                attendees: vec![guest.to_owned()],
                title: "Mentoring".to_owned(),
                start: "2026-10-08T10:00".to_owned(),
                timezone: "Europe/Berlin".to_owned(),
                minutes: 60,
                conference,
                ..NewMeeting::default()
            };
            meetings.push(world.plan(&meeting).await.expect("a meeting").id);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let dir = tempfile::tempdir().expect("a folder");
        let (google, microsoft) = (sandbox.google_client(), sandbox.microsoft_app());
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
        write("accounts-key", KEY);
        write("google-secret", &google.client_secret);
        write("graph-secret", &microsoft.client_secret);
        write(
            "roster.csv",
            &format!(
                "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence\n\
                 guild,Ada Berg,{ADA},Ben Ode,{BEN},2026-10-05,,\n\
                 guild,Chen Li,{CHEN},Dara Noor,{DARA},2026-10-05,,\n"
            ),
        );
        let file = format!(
            r#"
[database]
url = "{url}"
[web]
listen = "127.0.0.1:0"
public_url = "http://{web}"
[mail]
smtp_url = "{smtp}"
from = "Mentoring <mentoring@acme.example>"
[accounts]
key_file = "accounts-key"

[[connections]]
name = "acme"
provider = "google"
auth = "user_consent"
client_id = "{google_id}"
client_secret_file = "google-secret"
domains = ["acme.example"]
auth_url = "{sandbox_url}/google/auth"
token_url = "{sandbox_url}/google/token"
revoke_url = "{sandbox_url}/google/revoke"
api_url = "{api_url}"
meet_url = "{meet_url}"
directory_url = "{directory_url}"

[[connections]]
name = "contoso"
provider = "microsoft"
auth = "user_consent"
tenant_id = "{tenant}"
client_id = "{microsoft_id}"
client_secret_file = "graph-secret"
domains = ["contoso.example"]
graph_url = "{graph_url}"
login_url = "{login_url}"

[[programs]]
name = "guild"
title = "Guild"
timezone = "Europe/Berlin"
managers = ["people@acme.example"]
roster = "roster.csv"
"#,
            web = listener.local_addr().expect("an address"),
            smtp = sandbox.smtp_url(),
            google_id = google.client_id,
            sandbox_url = sandbox.url(),
            api_url = sandbox.google_api_url(),
            meet_url = sandbox.meet_url(),
            directory_url = sandbox.directory_url(),
            tenant = microsoft.tenant_id,
            microsoft_id = microsoft.client_id,
            graph_url = sandbox.graph_url(),
            login_url = sandbox.login_url(),
        );
        let file = change(&sandbox, dir.path(), file).await;
        write("mentord.toml", &file);
        let clock = ManualClock::new(now);
        let config = config::load_with(&dir.path().join("mentord.toml"), []).expect("a right configuration");
        let context = prepare(&config, Arc::new(clock.clone())).await.expect("everything is there");
        let stop = CancellationToken::new();
        let watched = web::Watched::new(&context);
        tokio::spawn(web::serve(listener, watched, stop.clone()));
        Self { sandbox, world, clock, context, dir, meetings, _web: stop.drop_guard(), _server: server }
    }

    pub fn config(&self) -> Config {
        config::load_with(&self.dir.path().join("mentord.toml"), []).expect("a right configuration")
    }

    /// Another instance on the same database.
    pub async fn another(&self) -> Context {
        prepare(&self.config(), Arc::new(self.clock.clone())).await.expect("everything is there")
    }

    /// The service, started once more with what the configuration and the roster say now.
    pub async fn restart(&self) -> Context {
        let context = self.another().await;
        context.seal_anew().await.expect("the database");
        context
    }

    /// The same, with another context from now on.
    pub fn with(self, context: Context) -> Self {
        Self { context, ..self }
    }

    /// Serves the pages of another context; returns where they are, for as long as the guard lives.
    pub async fn serve(&self, context: &Context) -> (String, DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        tokio::spawn(web::serve(listener, web::Watched::new(context), stop.clone()));
        (format!("http://{address}"), stop.drop_guard())
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn pass(&self, time: TimeDelta) {
        self.clock.set(self.clock.now() + time);
    }

    /// A link as `mentord connect` prints it.
    pub async fn link(&self, who: &str, kind: ConsentKind) -> String {
        let made = invite(&self.context, connection(who), &address(who), kind).await.expect("the database");
        made.expect("a public address").0.into()
    }

    /// Reads every calendar that is due.
    pub async fn sync(&self) {
        self.world.clock(self.clock.now()).await.expect("the world's clock");
        sync::step(&self.context).await.expect("a step");
    }

    /// Both are in the call of a meeting for most of its hour; what mentord makes of it later that day.
    pub async fn judged(&self, meeting: usize, people: [&str; 2]) -> Session {
        self.sync().await;
        detect::step(&self.context).await.expect("a step");
        let begin = "2026-10-08T08:00:00Z".parse().expect("a time");
        let meeting = &self.meetings[meeting];
        for who in people {
            self.world.join(meeting, Some(who), begin, None).await.expect("to join");
            let end = begin + TimeDelta::minutes(50);
            self.world.leave(meeting, Some(who), end, None).await.expect("to leave");
        }
        self.pass(TimeDelta::days(3) + TimeDelta::hours(6));
        self.sync().await;
        conference::step(&self.context).await.expect("a step");
        judge::step(&self.context).await.expect("a step");
        let sessions = self.context.store.sessions(&SessionFilter::default()).await.expect("sessions");
        let [session] = &sessions[..] else { panic!("{sessions:#?}") };
        session.clone()
    }

    pub async fn calendar(&self, who: &str) -> Calendar {
        let calendars = self.context.store.calendars().await.expect("calendars");
        calendars.into_iter().find(|calendar| calendar.address == address(who)).expect("a calendar")
    }

    pub async fn account(&self, who: &str) -> Option<Account> {
        self.context.store.account(connection(who), &address(who)).await.expect("the database")
    }

    /// How many requests there were with this in them, and begins to count anew.
    pub async fn requests(&self, part: &str) -> usize {
        let all = self.world.requests().await.expect("requests");
        self.world.clear_requests().await.expect("requests");
        all.iter().filter(|request| request.contains(part)).count()
    }
}

pub fn connection(who: &str) -> &'static str {
    if who.ends_with("acme.example") { "acme" } else { "contoso" }
}

pub fn address(who: &str) -> Address {
    Address::parse(who).expect("an address")
}
