//! The life of a channel: it moves with the service, ends with what it was for, and counts for nothing
//! before it was heard of.

use std::collections::BTreeSet;
use std::sync::Arc;

use mentord::clock::Clock as _;
use mentord::daemon::service::prepare;
use mentord::pipeline::watch;
use mentord::sandbox::{NoticeRules, Provider, Quirks, Removal};

use crate::programme::*;
use crate::told::{EVERYBODY, addresses};

const ADA_AND_BEN: &str = "guild,Ada Berg,ada@acme.example,Ben Ode,ben@acme.example,2026-10-05,,1 week";
const CHEN_AND_DARA: &str = "guild,Chen Li,chen@contoso.example,Dara Noor,dara@contoso.example,2026-10-05,,";

#[tokio::test(flavor = "multi_thread")]
async fn channels_follow_the_service_to_another_address() {
    let mut programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let (before, hellos) = (programme.open().await, programme.notices(2).await.len());
    programme.stop().await;
    programme.move_house(true);
    programme.start().await;
    programme.moment().await;
    let so_far = programme.notices(hellos + 2).await.len();
    let after = programme.open().await;
    assert_eq!(addresses(&after), EVERYBODY, "the old ones are ended: {after:#?}");
    assert!(after.iter().all(|watch| before.iter().all(|old| old.url != watch.url)), "{after:#?}");
    programme.meeting(CHEN, DARA, "2026-10-06T15:00", None).await;
    programme.notices(so_far + 2).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_be_reached_any_more_is_told_nothing_any_more() {
    let mut programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
    programme.stop().await;
    programme.move_house(false);
    programme.start().await;
    programme.moment().await;
    assert_eq!(programme.open().await, []);
    let now = programme.clock.now();
    assert_eq!(programme.service().context.store.watched(now).await.expect("a number"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendars_of_those_who_left_are_left_alone_after_a_month() {
    let mut programme = Programme::asleep_within_reach().await;
    let leaving = "guild,Chen Li,chen@contoso.example,Dara Noor,dara@contoso.example,2026-09-01,2026-09-09,";
    programme.enrol(&[ADA_AND_BEN, leaving]);
    programme.meeting(CHEN, DARA, "2026-09-08T15:00", None).await;
    programme.start().await;
    programme.until("2026-10-09T12:00").await;
    assert_eq!(addresses(&programme.open().await), EVERYBODY, "what became of their sessions may still show");
    programme.until("2026-10-10T12:00").await;
    assert_eq!(addresses(&programme.open().await), [ADA, BEN]);
    let before = programme.world.requests().await.expect("requests");
    programme.until("2026-10-12T12:00").await;
    let requests = programme.requests_since(before).await;
    assert!(requests.iter().any(|line| line.contains("ada")), "{requests:?}");
    assert!(requests.iter().all(|line| !line.contains("chen") && !line.contains("dara")), "{requests:?}");
    // What was is not forgotten.
    assert_eq!(programme.sessions().await.len(), 1);

    // They go on after all.
    programme.stop().await;
    programme.enrol(&[ADA_AND_BEN, CHEN_AND_DARA]);
    programme.start().await;
    programme.meeting(CHEN, DARA, "2026-10-20T15:00", None).await;
    programme.until("2026-10-12T15:00").await;
    assert_eq!(programme.sessions().await.len(), 2);
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
}

/// The proxy before the service lets nothing through, as far as Google is concerned.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_never_heard_of_makes_nobody_wait() {
    let mut programme = Programme::asleep_within_reach().await;
    programme.world.notice_rules(NoticeRules { lose: true, ..NoticeRules::default() }).await.expect("rules");
    programme.start().await;
    programme.until("2026-10-05T08:15").await;
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
    programme.meeting(ADA, BEN, "2026-10-20T14:00", None).await;
    programme.until("2026-10-05T09:25").await;
    assert_eq!(programme.sessions().await.len(), 1, "as if nobody had promised to tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_kept_something_to_himself_is_trusted_again_when_he_speaks() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.notices(2).await;
    programme.moment().await;
    programme.world.notice_rules(NoticeRules { lose: true, ..NoticeRules::default() }).await.expect("rules");
    // Far enough ahead to be nobody's business yet.
    programme.meeting(ADA, BEN, "2026-11-20T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-11-20T15:00", None).await;
    programme.until("2026-10-05T09:00").await;
    assert_eq!(programme.sessions().await.len(), 2);
    let readings = async |from: &str, to: &str| {
        programme.until(from).await;
        let before = programme.world.requests().await.expect("requests");
        programme.until(to).await;
        let requests = programme.requests_since(before).await;
        let of = |who: &str| requests.iter().filter(|line| line.contains(who)).count();
        [of("ada"), of("chen")]
    };
    // Nothing changes any more, and still they are read every hour: who says that they would tell?
    assert!(readings("2026-10-05T12:00", "2026-10-05T20:00").await.into_iter().all(|count| count >= 8));
    programme.world.notice_rules(NoticeRules::default()).await.expect("rules");
    let so_far = programme.world.notices().await.expect("notices").len();
    programme.meeting(ADA, BEN, "2026-11-21T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-11-21T15:00", None).await;
    programme.notices(so_far + 6).await;
    programme.moment().await;
    let counts = readings("2026-10-05T22:00", "2026-10-06T06:00").await;
    assert!(counts.into_iter().all(|count| (3..=5).contains(&count)), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_ends_early_without_a_word_costs_hours_and_no_more() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.notices(2).await;
    programme.world.expire_watches(None).await.expect("expired");
    assert_eq!(programme.open().await, []);
    programme.meeting(ADA, BEN, "2026-10-20T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-10-20T15:00", None).await;
    programme.until("2026-10-05T09:00").await;
    assert_eq!(programme.sessions().await.len(), 2);
    // In time there are others.
    programme.until("2026-10-09T06:00").await;
    assert_eq!(addresses(&programme.open().await), EVERYBODY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_turns_out_to_be_gone_is_replaced_at_once() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let ours = programme.open().await.into_iter().filter(|watch| watch.provider == Provider::Microsoft);
    let old: Vec<String> = ours.map(|watch| watch.id).collect();
    for id in &old {
        programme.world.remove_subscription(id, Removal::AtRenewal).await.expect("removed");
    }
    programme.until("2026-10-09T06:00").await;
    let open = programme.open().await;
    assert_eq!(addresses(&open), EVERYBODY);
    assert!(open.iter().all(|watch| !old.contains(&watch.id)), "{open:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_last_for_an_hour_are_replaced_in_time() {
    let mut programme = Programme::asleep_within_reach().await;
    let short = Quirks { google_short_channels: true, ..Quirks::default() };
    programme.world.quirks(short).await.expect("quirks");
    programme.start().await;
    let mut seen = BTreeSet::new();
    for quarter in 1..=24 {
        programme.pass(begin() + chrono::TimeDelta::minutes(15 * quarter)).await;
        let open = programme.open().await;
        assert_eq!(addresses(&open), EVERYBODY, "after {quarter} quarters of an hour");
        seen.extend(
            open.into_iter().filter(|watch| watch.provider == Provider::Google).map(|watch| watch.id),
        );
    }
    assert!((20..=36).contains(&seen.len()), "{} channels in six hours", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_twice_is_read_once() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let hello = programme.notices(2).await.len();
    programme.until("2026-10-05T06:20").await;
    let before = programme.world.requests().await.expect("requests");
    let twice = NoticeRules { duplicate: true, ..NoticeRules::default() };
    programme.world.notice_rules(twice).await.expect("rules");
    programme.meeting(ADA, BEN, "2026-10-05T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-10-05T15:00", None).await;
    programme.notices(hello + 12).await;
    programme.moment().await;
    let requests = programme.requests_since(before).await;
    for who in EVERYBODY {
        assert_eq!(requests.iter().filter(|line| line.contains(who)).count(), 1, "{requests:?}");
    }
}

/// Two instances share the work, and nothing is opened twice or left behind.
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_open_no_more_than_one() {
    let programme = Programme::reachable(On::Postgres).await;
    let second = prepare(programme.config(), Arc::new(programme.clock.clone())).await.expect("another");
    for hours in [1, 72, 84, 90, 100, 160] {
        let to = begin() + chrono::TimeDelta::hours(hours);
        let along = async {
            for _ in 0..20 {
                watch::step(&second).await.expect("a step");
                programme.service().workers.board().call_all();
            }
        };
        tokio::join!(programme.pass(to), along);
        assert_eq!(addresses(&programme.open().await), EVERYBODY, "after {hours} hours");
    }
    second.store.close().await;
}

/// What people consented to and then took back includes that they are watched.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_consent_back_is_watched_no_more() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    programme.notices(2).await;
    let store = &programme.service().context.store;
    assert_eq!(store.watched(programme.clock.now()).await.expect("a number"), 4);
    programme.world.script("to \"/google/token\" answer 400 always").await.expect("a script");
    programme.world.expire_tokens().await.expect("expired");
    // Once the calendars were found closed, nobody counts on being told of them; the day after, what
    // was told through is forgotten.
    programme.until("2026-10-05T12:00").await;
    assert_eq!(store.watched(programme.clock.now()).await.expect("a number"), 2);
    programme.until("2026-10-06T06:00").await;
    for calendar in store.calendars().await.expect("calendars") {
        let expected = usize::from(calendar.connection != "acme");
        let channels = store.channels_of(calendar.id).await.expect("channels");
        assert_eq!(channels.len(), expected, "{calendar:?}");
    }
    // They consent again.
    programme.world.clear_faults().await.expect("no fault");
    programme.until("2026-10-06T18:00").await;
    assert_eq!(store.watched(programme.clock.now()).await.expect("a number"), 4);
}
