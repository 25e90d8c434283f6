//! All that the sandbox has and knows.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::Request;
use crate::sandbox::GoogleClient;
use crate::sandbox::MicrosoftApp;
use crate::sandbox::Options;
use crate::sandbox::auth::{Accounts, ServiceAccountKey};
use crate::sandbox::bell::Bell;
use crate::sandbox::consents::Consents;
use crate::sandbox::control::faults::{Dealt, Faults};
use crate::sandbox::control::wire::{Mailbox, Provider};
use crate::sandbox::cursors::{Chains, Cursors, GoogleScope, GraphScope};
use crate::sandbox::google::watch::Channels;
use crate::sandbox::graph::certificate::Certificate;
use crate::sandbox::graph::subscriptions::Subscriptions;
use crate::sandbox::notices::Outbox;
use crate::sandbox::smtp::Post;
use crate::sandbox::world::World;
use crate::sandbox::world::ids::{hash, lower_hex};

/// What every handler can reach.
pub struct State {
    pub base: String,
    pub page_size: usize,
    pub key: &'static ServiceAccountKey,
    pub microsoft: MicrosoftApp,
    pub google_client: GoogleClient,
    pub post: Arc<Post>,
    pub outbox: Arc<Outbox>,
    /// Rung after each request that was written down.
    pub bell: Bell,
    /// Whether notices may go to `http` on loopback.
    pub plain_callbacks: bool,
    /// How many requests each mailbox has in hand, where they take time.
    pub(super) mailboxes: Mutex<HashMap<String, usize>>,
    all: Mutex<All>,
}

/// What changes, behind one lock that is never held across an await.
pub struct All {
    pub world: World,
    pub accounts: Accounts,
    /// What people have consented to.
    pub consents: Consents,
    /// What was uploaded for the Microsoft application, and which statements it has signed.
    pub certificates: Vec<Certificate>,
    pub statements: HashSet<String>,
    /// The vendors that give the service's own credentials no tokens any more.
    pub barred: BTreeSet<Provider>,
    /// Mailboxes that Graph does not simply open, by their owners' addresses.
    pub mailboxes: HashMap<String, Mailbox>,
    pub google: Cursors<GoogleScope>,
    pub graph: Cursors<GraphScope>,
    pub chains: Chains,
    pub faults: Faults,
    /// The page that is told now is told again afterwards.
    pub again: bool,
    pub channels: Channels,
    pub subscriptions: Subscriptions,
    pub requests: Vec<String>,
    /// Where clients are to look for more, when something stands between them and this listener.
    pub known_as: Option<String>,
}

impl All {
    fn new(world: World) -> Self {
        Self {
            world,
            accounts: Accounts::default(),
            consents: Consents::default(),
            certificates: Vec::new(),
            statements: HashSet::new(),
            barred: BTreeSet::new(),
            mailboxes: HashMap::new(),
            google: Cursors::default(),
            graph: Cursors::default(),
            chains: Chains::default(),
            faults: Faults::default(),
            again: false,
            channels: Channels::default(),
            subscriptions: Subscriptions::default(),
            requests: Vec::new(),
            known_as: None,
        }
    }

    /// Writes a request down, and does what is due before it is answered.
    pub(super) fn deal(&mut self, request: &Request) -> Dealt {
        self.requests.push(format!("{} {}", request.method, request.path));
        self.suffer(&request.path)
    }

    /// Does what is due before a request is answered.
    pub fn suffer(&mut self, path: &str) -> Dealt {
        let dealt = self.faults.deal(path);
        for whose in &dealt.tokens {
            match whose {
                Some(address) => self.accounts.revoke_readers_of(address, self.world.provider(address)),
                None => self.accounts.revoke(),
            }
        }
        for whose in &dealt.consents {
            match whose {
                Some(address) => self.revoke_consent(address),
                None => {
                    let everybody: Vec<String> = self.world.people.keys().cloned().collect();
                    everybody.iter().for_each(|address| self.revoke_consent(address));
                }
            }
        }
        for whose in &dealt.cursors {
            self.lose_cursors(whose.as_deref());
        }
        for (meeting, at) in &dealt.called_off {
            if let Err(told) = self.world.cancel(meeting, *at) {
                tracing::warn!(told, "nothing is called off");
            }
        }
        dealt
    }

    /// Somebody takes back whatever they consented to.
    pub fn revoke_consent(&mut self, address: &str) {
        self.consents.revoke(address);
        self.accounts.revoke_of(address);
    }

    /// Kills the cursors of one calendar, or all of them.
    pub fn lose_cursors(&mut self, address: Option<&str>) {
        let meant = |owner: &str| address.is_none_or(|address| address == owner);
        self.google.expire(|scope| meant(&scope.owner));
        self.graph.expire(|scope| meant(&scope.owner));
    }
}

impl State {
    pub fn new(
        options: &Options,
        key: &'static ServiceAccountKey,
        address: SocketAddr,
        outbox: Arc<Outbox>,
    ) -> Self {
        let mut world = World::new(options.now, options.seed);
        let microsoft = MicrosoftApp {
            tenant_id: world.tenant.clone(),
            client_id: world.mint.guid(),
            client_secret: format!("sandbox~{}", world.mint.token()),
        };
        // Not from the mint: whatever else it makes is to stay as it was.
        let word = |part: &str| lower_hex(&hash(&[&options.seed.to_le_bytes(), part.as_bytes()])[..14]);
        let google_client = GoogleClient {
            client_id: format!("104211111111-{}.apps.googleusercontent.com", word("id")),
            client_secret: format!("GOCSPX-{}", word("secret")),
        };
        Self {
            google_client,
            base: format!("http://{address}"),
            page_size: options.page_size.max(1),
            key,
            microsoft,
            post: Arc::new(Post::new(options.mail_dir.clone())),
            outbox,
            bell: Bell::default(),
            plain_callbacks: options.plain_callbacks,
            mailboxes: Mutex::default(),
            all: Mutex::new(All::new(world)),
        }
    }

    /// An empty world; who was let in stays in.
    pub fn begin(&self, now: DateTime<Utc>, seed: u64) {
        let mut all = self.lock();
        let accounts = std::mem::take(&mut all.accounts);
        let mut world = World::new(now, seed);
        world.tenant.clone_from(&self.microsoft.tenant_id);
        *all = All::new(world);
        all.accounts = accounts;
    }

    pub fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts on their way the notices about whatever changed since this was last called.
    pub fn tell(&self, all: &mut All) {
        let due = all.channels.due(&all.world).into_iter().chain(all.subscriptions.due(&all.world));
        due.for_each(|notice| self.outbox.send(notice));
    }
}
