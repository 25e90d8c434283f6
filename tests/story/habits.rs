//! Habits of the vendors that are not always seen: what mentord knows right afterwards is the same, and
//! it asks for no more than it needs.

use chrono::TimeDelta;
use mentord::clock::Clock as _;
use mentord::domain::calendar::CalendarState;
use mentord::domain::judge::{Grade, Status};
use mentord::sandbox::{Mailbox, NoticeRules, Notified, Quirks, Removal};
use rstest::rstest;

use crate::journeys::about;
use crate::programme::*;

impl Programme {
    async fn habits(&self, quirks: Quirks) {
        self.world.quirks(quirks).await.expect("habits");
    }

    /// Everything that is known of sessions, in order, in a few words.
    async fn known(&self) -> Vec<String> {
        let verdicts = self.verdicts("2027-01-01T00:00").await;
        verdicts.iter().map(|(start, status, _)| format!("{start} {status:?}")).collect()
    }
}

/// One pair's autumn: a series of which an occurrence moves and another is called off, and a meeting
/// that moves out of sight.
async fn autumn(programme: &Programme, [organizer, guest]: [&str; 2]) {
    let weekly = programme.meeting(organizer, guest, "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    let single = programme.meeting(organizer, guest, "2026-10-09T14:00", None).await;
    programme.until("2026-10-05T07:30").await;
    let world = &programme.world;
    world
        .reschedule(&weekly, Some(berlin("2026-10-20T10:00")), "2026-10-21T15:00", None)
        .await
        .expect("to move");
    world.cancel(&weekly, Some(berlin("2026-10-27T10:00"))).await.expect("to call off");
    world.reschedule(&single, None, "2026-12-20T10:00", None).await.expect("to move");
    world.clear_requests().await.expect("requests");
    programme.until("2026-10-05T09:00").await;
}

fn none() -> Quirks {
    Quirks::default()
}

#[rstest]
#[case::plain([ADA, BEN], none(), &["since since"])]
#[case::empty_pages([ADA, BEN], Quirks { google_empty_page: true, ..none() }, &["since page since page"])]
#[case::decades_ahead([ADA, BEN], Quirks { google_unbounded: true, ..none() }, &["since since"])]
#[case::unknown([ADA, BEN], Quirks { unknown_properties: true, ..none() }, &["since since"])]
#[case::read_only([ADA, BEN], Quirks { google_reader: true, ..none() }, &["since since"])]
#[case::plain([CHEN, DARA], none(), &["since page look view since"])]
#[case::empty_pages([CHEN, DARA], Quirks { graph_empty_page: true, ..none() }, &["since page page look view since page"])]
#[case::changed_between([CHEN, DARA], Quirks { graph_repeat: true, ..none() }, &["since page instances look view since", "since page instances instances look view since"])]
#[case::apart([CHEN, DARA], Quirks { graph_master_apart: true, ..none() }, &["since page page look view since"])]
#[case::missing([CHEN, DARA], Quirks { graph_master_missing: true, ..none() }, &["since page look instances look view since", "since page look instances instances look view since"])]
#[case::no_zones([CHEN, DARA], Quirks { graph_custom_zones: true, ..none() }, &["since page look view since"])]
#[case::changed([CHEN, DARA], Quirks { graph_removed_changed: true, ..none() }, &["since page look view since"])]
#[case::capitals([CHEN, DARA], Quirks { graph_capitals: true, ..none() }, &["since page look view since"])]
#[case::unknown([CHEN, DARA], Quirks { unknown_properties: true, ..none() }, &["since page look view since"])]
#[case::four_at_once([CHEN, DARA], Quirks { graph_takes_ms: 20, ..none() }, &["since page look view since"])]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_vendor_s_habits_the_same_is_known(
    #[case] pair: [&str; 2],
    #[case] quirks: Quirks,
    #[case] asks: &[&str],
) {
    let programme = Programme::new().await;
    programme.habits(quirks).await;
    autumn(&programme, pair).await;
    let known = programme.known().await;
    assert_eq!(
        known,
        [
            "13.10. 10:00 Scheduled",
            "21.10. 15:00 Scheduled",
            "27.10. 10:00 Cancelled",
            "03.11. 10:00 Scheduled",
            "20.12. 10:00 Scheduled",
        ]
    );
    let (google, microsoft) = programme.asked_of_vendors().await;
    let asked = [google, microsoft].concat();
    // The guest's mailbox keeps what was called off, which may take a page more.
    for (who, asks) in pair.iter().zip(asks.iter().cycle()) {
        let who = who.split('@').next().unwrap_or(who);
        assert_eq!(about(&asked, who).join(" "), *asks, "{who}");
    }
}

/// Everything in a mailbox is put elsewhere, where it has other ids for whoever did not ask for lasting
/// ones.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_another_folder_is_the_same() {
    let programme = Programme::new().await;
    programme.meeting(CHEN, DARA, "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    programme.meeting(CHEN, DARA, "2026-10-09T14:00", None).await;
    programme.until("2026-10-05T07:30").await;
    let before = programme.sessions().await;
    programme.asked_of_vendors().await;
    for who in [CHEN, DARA] {
        programme.world.refile(who).await.expect("refiled");
    }
    programme.until("2026-10-05T08:30").await;
    assert_eq!(programme.sessions().await, before);
    let (_, asked) = programme.asked_of_vendors().await;
    for who in ["chen", "dara"] {
        assert_eq!(about(&asked, who), ["since", "page"]);
    }
    programme.assert_single().await;
}

/// Google forgets in the end what was called off: after a long silence its increments say nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_in_a_long_silence_is_known_although_nobody_tells() {
    let mut programme = Programme::new().await;
    let gone = programme.meeting(ADA, BEN, "2026-11-10T10:00", None).await;
    programme.meeting(ADA, BEN, "2026-11-12T10:00", None).await;
    programme.until("2026-10-05T07:30").await;
    programme.stop().await;
    programme.world.cancel(&gone, None).await.expect("to call off");
    programme.habits(Quirks { google_tombstones_dropped: true, ..none() }).await;
    programme.skip("2026-10-30T06:00").await;
    programme.start().await;
    programme.until("2026-10-30T06:30").await;
    assert_eq!(programme.known().await, ["10.11. 10:00 Cancelled", "12.11. 10:00 Scheduled"]);
}

/// What its readers may see is changed, and Google's cursors end with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rights_has_everything_listed_anew_and_nothing_lost() {
    let programme = Programme::new().await;
    programme.meeting(ADA, BEN, "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    let shown = programme.meeting(ADA, BEN, "2026-10-09T14:00", None).await;
    programme.until("2026-10-05T07:30").await;
    programme.world.disclose(&shown, "private").await.expect("hidden");
    programme.until("2026-10-05T08:30").await;
    let before = programme.sessions().await;
    assert_eq!(before.len(), 5);
    for google_reader in [true, false] {
        programme.asked_of_vendors().await;
        programme.habits(Quirks { google_reader, ..none() }).await;
        programme.pass(programme.clock.now() + TimeDelta::hours(1)).await;
        let (asked, _) = programme.asked_of_vendors().await;
        for who in ["ada", "ben"] {
            assert_eq!(about(&asked, who), ["since", "all", "page"], "{asked:?}");
        }
        assert_eq!(programme.sessions().await, before);
    }
}

/// Exchange says 404 of somebody who is new, until the mailbox is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_appears_later_is_read_then() {
    let mut programme = Programme::asleep().await;
    for who in [CHEN, DARA] {
        programme.world.mailbox(who, Mailbox::New).await.expect("new");
    }
    let weekly = programme.meeting(CHEN, DARA, "2026-10-06T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    programme.start().await;
    programme.until("2026-10-05T06:40").await;
    let calendar = programme.calendar(CHEN).await;
    assert_eq!(calendar.state, CalendarState::Unreachable, "{calendar:#?}");
    assert_eq!(programme.known().await, [""; 0]);
    for who in [CHEN, DARA] {
        programme.world.mailbox(who, Mailbox::Open).await.expect("there");
    }
    programme.until("2026-10-05T07:10").await;
    assert_eq!(programme.calendar(CHEN).await.trouble(), None);
    assert_eq!(programme.sessions().await.len(), 4);
    let (_, asked) = programme.asked_of_vendors().await;
    // A quarter of an hour between the attempts, or somewhat more, and the first that succeeded but for it.
    for who in ["chen", "dara"] {
        let about = about(&asked, who);
        let attempts = about.iter().take_while(|kind| **kind == "all").count();
        assert!(
            (3..=5).contains(&attempts) && about[attempts..].iter().all(|kind| *kind == "since"),
            "{asked:?}"
        );
    }
    programme.both(&weekly, [CHEN, DARA], "2026-10-06T10:00").await;
    programme.until("2026-10-06T13:00").await;
    assert_eq!(programme.known().await[0], "06.10. 10:00 Held");
}

/// An access policy shuts the application out of two mailboxes, and is mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_shuts_a_mailbox_is_named_and_nothing_is_concluded_from_it() {
    let programme = Programme::new().await;
    let weekly = programme.meeting(CHEN, DARA, "2026-10-06T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    programme.until("2026-10-05T07:30").await;
    let before = programme.sessions().await;
    for who in [CHEN, DARA] {
        programme.world.mailbox(who, Mailbox::Shut).await.expect("shut");
    }
    programme.world.cancel(&weekly, Some(berlin("2026-10-13T10:00"))).await.expect("to call off");
    programme.asked_of_vendors().await;
    programme.until("2026-10-05T12:00").await;
    let calendar = programme.calendar(CHEN).await;
    let error = calendar.error.unwrap_or_default();
    assert!(calendar.state == CalendarState::Unreachable && error.contains("ErrorAccessDenied"), "{error}");
    assert_eq!(programme.sessions().await, before);
    let (_, asked) = programme.asked_of_vendors().await;
    assert!(asked.len() <= 20 && asked.iter().all(|line| line.ends_with(": since")), "{asked:#?}");
    for who in [CHEN, DARA] {
        programme.world.mailbox(who, Mailbox::Open).await.expect("open");
    }
    programme.until("2026-10-05T18:00").await;
    assert_eq!(programme.known().await[1], "13.10. 10:00 Cancelled");
    assert_eq!(programme.calendar(CHEN).await.trouble(), None);
}

/// Teams shows nobody's calls to the application until a policy says that it may.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_may_not_be_read_are_read_once_they_may() {
    let programme = Programme::new().await;
    let meeting = programme.meeting(CHEN, DARA, "2026-10-06T10:00", None).await;
    programme.both(&meeting, [CHEN, DARA], "2026-10-06T10:00").await;
    programme.world.mailbox(CHEN, Mailbox::NoCalls).await.expect("no calls");
    programme.world.mailbox(DARA, Mailbox::NoCalls).await.expect("no calls");
    programme.until("2026-10-06T14:00").await;
    let unknown = ("06.10. 10:00".to_owned(), Status::Unknown, Grade::None);
    assert_eq!(programme.verdicts("2026-10-07T00:00").await, [unknown]);
    let (_, asked) = programme.asked_of_vendors().await;
    let tries = asked.iter().filter(|line| line.ends_with("/onlineMeetings")).count();
    assert_eq!(tries, 6, "three of each: {asked:#?}");
    programme.world.mailbox(CHEN, Mailbox::Open).await.expect("open");
    programme.until("2026-10-07T14:00").await;
    let expected = ("06.10. 10:00".to_owned(), Status::Held, Grade::Observed);
    assert_eq!(programme.verdicts("2026-10-07T00:00").await, [expected]);
}

/// Google's first word on a channel comes before the answer that opens it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_comes_too_early_does_no_harm() {
    let mut programme = Programme::made(On::Sqlite, "", true).await;
    programme.habits(Quirks { google_sync_first: true, ..none() }).await;
    programme.start().await;
    programme.until("2026-10-05T06:10").await;
    assert_eq!(programme.open().await.len(), 4);
    let hello = programme.notices(2).await.len();
    programme.until("2026-10-05T06:20").await;
    let before = programme.world.requests().await.expect("requests");
    programme.meeting(ADA, BEN, "2026-10-05T14:00", None).await;
    // Both are told of the meeting, and of the answer.
    programme.notices(hello + 4).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 1);
    let mut requests = programme.requests_since(before).await;
    requests.sort();
    let events = |who: &str| format!("GET /calendar/v3/calendars/{who}/events");
    assert_eq!(requests, [events(ADA), events(BEN)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_twice_is_read_once() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let hello = programme.notices(2).await.len();
    programme.until("2026-10-05T06:20").await;
    let rules = NoticeRules { duplicate: true, ..NoticeRules::default() };
    programme.world.notice_rules(rules).await.expect("rules");
    programme.asked_of_vendors().await;
    programme.meeting(ADA, BEN, "2026-10-05T14:00", None).await;
    programme.meeting(CHEN, DARA, "2026-10-05T15:00", None).await;
    programme.notices(hello + 12).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 2);
    let (google, microsoft) = programme.asked_of_vendors().await;
    let mut asked = [google, microsoft].concat();
    asked.sort();
    assert_eq!(asked, ["ada: since", "ben: since", "chen: since", "dara: since"]);
}

/// Microsoft removed a subscription, says so when it is to be renewed, and once more after that: only one
/// other comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_turns_out_to_be_gone_has_one_heir_in_the_end() {
    let programme = Programme::reachable(On::Sqlite).await;
    programme.until("2026-10-05T06:10").await;
    let of_chen = async || {
        let open = programme.open().await;
        open.into_iter().filter(|watch| watch.address == CHEN).map(|watch| watch.id).collect::<Vec<_>>()
    };
    let first = of_chen().await;
    let [removed] = &first[..] else { panic!("{first:?}") };
    programme.world.remove_subscription(removed, Removal::AtRenewal).await.expect("removed");
    assert_eq!(of_chen().await, [""; 0]);
    let so_far = programme.world.notices().await.expect("notices").len();
    programme.until("2026-10-09T06:00").await;
    let told = programme.notices(so_far + 1).await;
    let event =
        |notice: &Notified| notice.body.as_ref()?["value"][0]["lifecycleEvent"].as_str().map(str::to_owned);
    assert_eq!(told.iter().filter_map(event).collect::<Vec<_>>(), ["subscriptionRemoved"], "{told:#?}");
    programme.moment().await;
    let heirs = of_chen().await;
    assert!(heirs.len() == 1 && !heirs.contains(removed), "{heirs:?}");

    // It tells, and what it tells is read once.
    programme.until("2026-10-09T06:20").await;
    let so_far = programme.world.notices().await.expect("notices").len();
    programme.asked_of_vendors().await;
    programme.meeting(CHEN, DARA, "2026-10-12T15:00", None).await;
    // What is for one address goes in one notice.
    programme.notices(so_far + 2).await;
    programme.moment().await;
    assert_eq!(programme.sessions().await.len(), 1);
    let (_, mut asked) = programme.asked_of_vendors().await;
    asked.sort();
    assert_eq!(asked, ["chen: since", "dara: since"]);
    programme.until("2026-10-17T06:00").await;
    assert_eq!(of_chen().await.len(), 1);
}
