//! Providers tell of changes: what they say is heard, what they do not say is found all the same.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use mentord::clock::Clock as _;
use mentord::domain::calendar::Calendar;
use mentord::sandbox::{Fault, Lifecycle, NoticeRules, Notified, Provider, Removal, Watch};
use rstest::rstest;

use crate::programme::*;

pub const EVERYBODY: [&str; 4] = [ADA, BEN, CHEN, DARA];

impl Programme {
    /// Waits until the sandbox has sent this many notices, and lets the service see what they said.
    pub async fn notices(&self, count: usize) -> Vec<Notified> {
        let notices = self.world.wait_for_notices(count).await.expect("notices");
        assert!(notices.len() >= count, "{count} notices do not come: {notices:#?}");
        self.service().workers.board().call_all();
        notices
    }

    /// Lets so little time pass that nothing is read but what was told of.
    pub async fn moment(&self) {
        self.pass(self.clock.now() + TimeDelta::seconds(30)).await;
    }

    /// The channels and subscriptions that are open now.
    pub async fn open(&self) -> Vec<Watch> {
        let mut open = self.world.watches().await.expect("watches");
        open.retain(|watch| watch.expires_at > self.clock.now());
        open
    }

    pub async fn requests_since(&self, mut known: Vec<String>) -> Vec<String> {
        let mut all = self.world.requests().await.expect("requests");
        all.drain(..known.len());
        known.clear();
        // What cursors say is the provider's business.
        let bare = |line: String| line.split('?').next().unwrap_or_default().to_owned();
        all.into_iter().map(bare).collect()
    }
}

pub fn addresses(watches: &[Watch]) -> Vec<&str> {
    let mut all: Vec<&str> = watches.iter().map(|watch| watch.address.as_str()).collect();
    all.sort_unstable();
    all
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_providers_tell_of_is_read_at_once(#[values(On::Sqlite, On::Postgres)] on: On) {
    let programme = Programme::reachable(on).await;
    programme.until("2026-10-05T06:10").await;
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
    // Google says hello on each channel.
    let hello = programme.notices(2).await.len();
    programme.until("2026-10-05T06:20").await;
    let before = programme.world.requests().await.expect("requests");

    programme.meeting(ADA, BEN, "2026-10-05T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-10-05T15:00", None).await;
    // Each of the four learns of the meeting, and the organisers of the answers.
    let told = programme.notices(hello + 6).await;
    assert!(told.iter().all(|notice| notice.status.is_some_and(|status| status < 300)), "{told:#?}");
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 2, "an hour before any calendar is due by itself");
    // However many notices there were, each calendar was read once.
    let mut requests = programme.requests_since(before).await;
    requests.retain(|line| !line.contains("token"));
    requests.sort();
    assert_eq!(
        requests,
        [
            "GET /calendar/v3/calendars/ada@acme.example/events",
            "GET /calendar/v3/calendars/ben@acme.example/events",
            "GET /v1.0/users/chen@contoso.example/calendarView/delta",
            "GET /v1.0/users/dara@contoso.example/calendarView/delta",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_to_tell_where_nobody_can_reach_the_service() {
    let programme = Programme::new().await;
    programme.until("2026-10-06T06:00").await;
    let requests = programme.world.requests().await.expect("requests");
    assert!(requests.iter().all(|line| !line.contains("watch") && !line.contains("subscriptions")));
    assert_eq!(programme.open().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn being_told_does_not_end() {
    let mut programme = Programme::reachable(On::Sqlite).await;
    let mut seen = BTreeSet::new();
    for day in 5..=26 {
        programme.until(&format!("2026-10-{day:02}T12:00")).await;
        let open = programme.open().await;
        let told: BTreeSet<&str> = open.iter().map(|watch| watch.address.as_str()).collect();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), EVERYBODY, "on day {day}");
        assert!(open.len() <= EVERYBODY.len(), "old channels are stopped: {open:#?}");
        seen.extend(open.iter().map(|watch| (watch.provider == Provider::Google, watch.id.clone())));
        if day == 15 {
            programme.stop().await;
            programme.start().await;
        }
    }
    // Google's are replaced about twice a week, Microsoft's are renewed.
    let google = seen.iter().filter(|(google, _)| *google).count();
    assert!((10..=16).contains(&google), "{seen:?}");
    assert_eq!(seen.len() - google, 2, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_gone_is_made_anew() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let of = async |who: &str| {
        let open = programme.open().await;
        open.into_iter().find(|watch| watch.address == who).map(|watch| watch.id)
    };
    // Microsoft tells that it removed one: another is there at once.
    let removed = of(CHEN).await.expect("a subscription");
    let so_far = programme.world.notices().await.expect("notices").len();
    programme.world.remove_subscription(&removed, Removal::Told).await.expect("removed");
    programme.notices(so_far + 1).await;
    programme.moment().await;
    let second = of(CHEN).await.expect("another subscription");
    assert_ne!(second, removed);

    // It does not tell: renewing finds out, days before the subscription would have ended.
    programme.world.remove_subscription(&second, Removal::Silent).await.expect("removed");
    assert_eq!(of(CHEN).await, None);
    programme.until("2026-10-09T06:00").await;
    assert!(of(CHEN).await.is_some_and(|id| id != second));

    // It asks for a renewal: the same one lasts longer.
    let dara = of(DARA).await.expect("a subscription");
    let so_far = programme.world.notices().await.expect("notices").len();
    let before = programme.world.requests().await.expect("requests");
    programme.world.lifecycle(&dara, Lifecycle::ReauthorizationRequired).await.expect("told");
    programme.notices(so_far + 1).await;
    programme.moment().await;
    let requests = programme.requests_since(before).await;
    assert!(requests.contains(&format!("PATCH /v1.0/subscriptions/{dara}")), "{requests:?}");
    assert_eq!(of(DARA).await, Some(dara));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_tells_of_is_found_all_the_same() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.world.notice_rules(NoticeRules { lose: true, ..NoticeRules::default() }).await.expect("rules");
    programme.meeting(ADA, BEN, "2026-10-06T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-10-06T15:00", None).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 0);
    // A quiet calendar whose provider tells of changes is read every two hours.
    programme.until("2026-10-05T08:30").await;
    assert_eq!(programme.sessions().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_notice_is_made_up_for() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.world.notice_rules(NoticeRules { lose: true, ..NoticeRules::default() }).await.expect("rules");
    programme.meeting(CHEN, DARA, "2026-10-06T15:00", None).await;
    programme.world.notice_rules(NoticeRules::default()).await.expect("rules");
    let chen = programme.open().await.into_iter().find(|watch| watch.address == CHEN).expect("open");
    let so_far = programme.world.notices().await.expect("notices").len();
    programme.world.lifecycle(&chen.id, Lifecycle::Missed).await.expect("told");
    programme.notices(so_far + 1).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_nobody_sent_makes_nobody_read() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.notices(2).await;
    programme.until("2026-10-05T06:20").await;
    let before = programme.world.requests().await.expect("requests");
    let open = programme.open().await;
    let google = open.iter().find(|watch| watch.provider == Provider::Google).expect("a channel");
    let graph = open.iter().find(|watch| watch.provider == Provider::Microsoft).expect("a subscription");
    #[expect(clippy::disallowed_methods, reason = "somebody else's client")]
    let client = reqwest::Client::new();
    let forged = |token: &'static str, id: &str| {
        client.post(&google.url).header("X-Goog-Channel-ID", id).header("X-Goog-Channel-Token", token).send()
    };
    for (token, id) in [("", google.id.as_str()), ("guessed", &google.id), ("guessed", "no-channel")] {
        assert_eq!(forged(token, id).await.expect("an answer").status(), 404);
    }
    let notice =
        |state: serde_json::Value| serde_json::json!({"subscriptionId": graph.id, "clientState": state});
    let body = serde_json::json!({"value": [notice("guessed".into()), notice(serde_json::Value::Null), 7]});
    let told = client.post(&graph.url).json(&body).send().await.expect("an answer");
    assert_eq!((told.status().as_u16(), told.text().await.expect("a body")), (202, String::new()));
    let junk = client.post(&graph.url).body("<html>").send().await.expect("an answer");
    assert_eq!(junk.status(), 400);
    // A word is given back as it is, and as text.
    let word = client.post(&graph.url).query(&[("validationToken", "<b>&ä</b>")]).send().await.expect("one");
    assert_eq!(word.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(word.text().await.expect("a body"), "<b>&ä</b>");

    programme.service().workers.board().call_all();
    programme.moment().await;
    assert_eq!(programme.requests_since(before).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_will_not_tell_is_named_and_asked_again_later() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let so_far = programme.notices(2).await.len();
    let fault =
        Fault { path_contains: "/subscriptions".to_owned(), status: 403, times: 2, ..Fault::default() };
    programme.world.fault(&fault).await.expect("a fault");
    for watch in programme.open().await.iter().filter(|watch| watch.provider == Provider::Microsoft) {
        programme.world.remove_subscription(&watch.id, Removal::Told).await.expect("removed");
    }
    programme.notices(so_far + 2).await;
    programme.moment().await;
    let troubles = async || {
        let calendars = programme.service().context.store.calendars().await.expect("calendars");
        calendars.iter().filter_map(Calendar::trouble).collect::<Vec<_>>()
    };
    let told = troubles().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|text| text.contains("changes are not told of")), "{told:?}");
    // It was a fault that passed.
    programme.until("2026-10-06T12:00").await;
    assert_eq!(troubles().await, Vec::<String>::new());
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_and_what_cannot_be_noted_is_asked_for_again() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.notices(2).await;
    let open = programme.open().await;
    let google = open.iter().find(|watch| watch.provider == Provider::Google).expect("a channel");
    let graph = open.iter().find(|watch| watch.provider == Provider::Microsoft).expect("a subscription");
    #[expect(clippy::disallowed_methods, reason = "somebody else's client")]
    let client = reqwest::Client::new();
    let post =
        async |body: String| client.post(&graph.url).body(body).send().await.expect("an answer").status();
    let notice = |id: &str| {
        serde_json::json!({"subscriptionId": id, "clientState": graph.secret, "tenantId": "t"}).to_string()
    };
    let bundle = |ids: &[String]| {
        let all: Vec<String> = ids.iter().map(|id| notice(id)).collect();
        format!("{{\"value\": [{}]}}", all.join(", "))
    };
    // A name that nobody gave, and more names than there are channels anywhere, are passed over.
    let strange: Vec<String> = (0..2_000).map(|n| format!("strange-{n}")).collect();
    assert_eq!(post(bundle(&strange)).await, 202);
    let long = "x".repeat(10_000);
    assert_eq!(post(bundle(&[long.clone(), graph.id.clone()])).await, 202);
    let named = client.post(&google.url).header("X-Goog-Channel-ID", long).send().await.expect("an answer");
    assert_eq!(named.status(), 404);
    assert_eq!(post(bundle(&vec![graph.id.clone(); 10_000])).await, 413);

    programme.service().context.store.close().await;
    assert_eq!(post(bundle(std::slice::from_ref(&graph.id))).await, 503);
    let of_google = client
        .post(&google.url)
        .header("X-Goog-Channel-ID", &google.id)
        .header("X-Goog-Channel-Token", google.secret.as_deref().unwrap_or_default());
    assert_eq!(of_google.send().await.expect("an answer").status(), 503);
}
