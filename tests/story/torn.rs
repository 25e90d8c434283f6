//! Listings whose pages come twice, or that break off: what could not be read was not deleted.

use chrono::TimeDelta;
use mentord::clock::Clock as _;
use mentord::domain::calendar::{Calendar, CalendarState};
use mentord::domain::session::CopyState;
use rstest::rstest;

use crate::programme::*;

/// The meetings of one vendor's pair: more than two pages, of three items each.
const DAYS: std::ops::RangeInclusive<u32> = 12..=18;

impl Programme {
    pub async fn calendar(&self, who: &str) -> Calendar {
        let calendars = self.service().context.store.calendars().await.expect("calendars");
        calendars.into_iter().find(|calendar| calendar.address.as_str() == who).expect("a calendar")
    }

    /// How many events of a pairing stand on somebody's calendar, as far as is known.
    async fn standing(&self, who: &str) -> usize {
        let calendar = self.calendar(who).await;
        let copies = self.service().context.store.copies_on(calendar.id).await.expect("copies");
        copies.iter().filter(|copy| copy.facts.state == CopyState::Stands).count()
    }

    /// A meeting on each of the days, known from one reading of the calendars.
    async fn week([who, guest]: [&str; 2]) -> (Self, Vec<String>) {
        let programme = Self::new().await;
        let mut meetings = Vec::new();
        for day in DAYS {
            let start = format!("2026-10-{day}T10:00");
            meetings.push(programme.meeting(who, guest, &start, None).await);
        }
        // The first reading began before all of them were there.
        programme.until("2026-10-05T07:10").await;
        assert_eq!(programme.standing(who).await, 7);
        programme.world.clear_requests().await.expect("requests");
        (programme, meetings)
    }

    /// Lets time pass until somebody's calendar could not be read.
    async fn pass_until_failed(&self, who: &str) {
        for _ in 0..100 {
            if self.calendar(who).await.failures > 0 {
                return;
            }
            let next = self.service().workers.at_rest().await.expect("something is due");
            self.pass(next).await;
        }
        panic!("the calendar of {who} is read without trouble");
    }

    /// Lets the calendar lose its cursor, and answers its full listings like this.
    async fn listings(&self, who: &str, answer: &str) {
        self.world.expire_cursors(Some(who)).await.expect("cursors");
        let lists = match who.ends_with("acme.example") {
            true => format!("/calendars/{who}/events?"),
            false => format!("/users/{who}/calendarView/delta?"),
        };
        // The first request finds out that the cursor is lost.
        let script = format!("after 1 request to \"{lists}\" answer {answer}");
        self.world.script(&script).await.expect("a right script");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_listing_that_broke_off_did_not_get_to_is_not_gone(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
) {
    let [who, _] = pair;
    let (programme, meetings) = Programme::week(pair).await;
    programme.world.cancel(&meetings[6], None).await.expect("to call off");
    programme.listings(who, "torn listing").await;
    let read_at = programme.calendar(who).await.last_synced_at;
    // Until the first attempt, and then some more, but not the next.
    programme.pass_until_failed(who).await;

    // Nothing is concluded from it: neither that anything is gone, nor that the calendar was read.
    assert_eq!(programme.standing(who).await, 7);
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.state, calendar.last_synced_at), (CalendarState::BackingOff, read_at));
    let why = calendar.trouble().unwrap_or_default();
    assert!(why.contains("broke off"), "{why}");

    // It is tried again soon, and what is gone is gone.
    programme.pass(calendar.next_sync_at).await;
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.state, calendar.trouble()), (CalendarState::Active, None));
    assert_eq!(programme.standing(who).await, 6);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_whose_listings_never_end_as_they_should_is_read_all_the_same(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
    #[values("page without token", "torn listing")] answer: &str,
) {
    let [who, guest] = pair;
    let (programme, meetings) = Programme::week(pair).await;
    programme.listings(who, &format!("{answer} always")).await;
    // One that is on the first page, and one that no torn listing gets to.
    for meeting in [&meetings[0], &meetings[6]] {
        programme.world.cancel(meeting, None).await.expect("to call off");
    }
    programme.pass_until_failed(who).await;
    let began = programme.clock.now();
    programme.pass(began + TimeDelta::minutes(10)).await;

    // After a few attempts it is believed that this is how it is; what is missing was looked at.
    let calendar = programme.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::Active);
    assert!(calendar.last_synced_at.is_some_and(|at| at > began));
    let why = calendar.trouble().unwrap_or_default();
    assert!(why.contains("in full every time"), "{why}");
    assert_eq!(programme.standing(who).await, 5);

    // It goes on so, without failing first, and without asking for more than it has to.
    programme.world.clear_requests().await.expect("requests");
    let third = programme.meeting(who, guest, "2026-10-11T10:00", None).await;
    programme.world.cancel(&meetings[1], None).await.expect("to call off");
    programme.pass(programme.clock.now() + TimeDelta::hours(2)).await;
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.state, calendar.failures), (CalendarState::Active, 0));
    let whole = answer == "page without token";
    assert_eq!(programme.standing(who).await, 4 + usize::from(whole), "{third}");
    let requests = programme.world.requests().await.expect("requests");
    let own = requests.iter().filter(|line| line.contains(who) && !line.contains("conferenceRecords"));
    assert!(own.count() <= 20, "{requests:#?}");

    // And when the provider thinks better of it, so does the service.
    programme.world.clear_faults().await.expect("no faults");
    programme.pass(programme.clock.now() + TimeDelta::hours(2)).await;
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.state, calendar.trouble()), (CalendarState::Active, None));
    assert_eq!(programme.standing(who).await, 5);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_increment_that_breaks_off_is_followed_by_a_full_listing_at_once(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
) {
    let [who, guest] = pair;
    let (programme, _) = Programme::week(pair).await;
    for day in 19..=22 {
        programme.meeting(who, guest, &format!("2026-10-{day}T10:00"), None).await;
    }
    let since = if who == ADA { "ada@acme.example/events?" } else { "chen@contoso.example/calendarView" };
    programme.world.script(&format!("to \"{since}\" answer torn listing")).await.expect("a script");
    programme.until("2026-10-05T08:00").await;
    assert_eq!(programme.standing(who).await, 11);
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.failures, calendar.trouble()), (0, None));
    assert!(calendar.cursor.is_some());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_twice_doubles_nothing(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
    #[values("once", "5 times")] often: &str,
) {
    let [who, _] = pair;
    let (programme, _) = Programme::week(pair).await;
    let sessions = programme.sessions().await;
    programme.listings(who, &format!("duplicate page {often}")).await;
    programme.until("2026-10-05T08:00").await;
    let calendar = programme.calendar(who).await;
    assert_eq!((calendar.state, calendar.trouble()), (CalendarState::Active, None));
    assert_eq!(programme.standing(who).await, 7);
    assert_eq!(programme.sessions().await, sessions);
    let copies = programme.service().context.store.copies_on(calendar.id).await.expect("copies");
    assert_eq!(copies.len(), 7);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_never_ends_is_given_up_and_named_and_holds_up_nobody(
    #[values([ADA, BEN], [CHEN, DARA])] pair: [&str; 2],
) {
    let [who, guest] = pair;
    let (programme, _) = Programme::week(pair).await;
    programme.listings(who, "duplicate page always").await;
    programme.meeting(who, guest, "2026-10-11T10:00", None).await;
    programme.pass_until_failed(who).await;
    let calendar = programme.calendar(who).await;
    assert_eq!(calendar.state, CalendarState::BackingOff);
    let why = calendar.trouble().unwrap_or_default();
    assert!(why.contains("end"), "{why}");
    assert_eq!(programme.standing(who).await, 7);
    // The other side of the pairing is read meanwhile.
    programme.until("2026-10-05T08:00").await;
    assert_eq!(programme.standing(guest).await, 8);
    programme.world.clear_faults().await.expect("no faults");
    programme.until("2026-10-05T12:00").await;
    assert_eq!(programme.standing(who).await, 8);
    assert_eq!(programme.calendar(who).await.trouble(), None);
}
