//! What each journey asks of the vendors, request by request, through the whole service.

use mentord::domain::calendar::CalendarState;
use mentord::sandbox::{Fault, Provider as At};
use rstest::rstest;

use crate::programme::*;

const GOOGLE: &str = "/calendar/v3/calendars/ada@acme.example/events";
const GRAPH: &str = "/v1.0/users/chen@contoso.example/calendarView/delta";
/// The same whoever's calendar it is.
const EVENTS: &str = "/events";
const DELTA: &str = "/calendarView/delta";

impl Programme {
    /// Everything that was asked of Google and of Microsoft since the last look, in order.
    pub async fn asked_of_vendors(&self) -> (Vec<String>, Vec<String>) {
        let requests = self.world.requests().await.expect("requests");
        self.world.clear_requests().await.expect("requests");
        let microsofts = |line: &String| line.contains(" /v1.0/") || line.contains(" /login/");
        let (microsoft, google): (Vec<String>, Vec<String>) = requests.into_iter().partition(microsofts);
        (google.iter().map(|line| told(line)).collect(), microsoft.iter().map(|line| told(line)).collect())
    }

    /// What was asked about Ada's and Chen's calendars since the last look, in order: a full listing,
    /// a page of one, an increment, a look at one event, or something else.
    pub async fn asked(&self) -> Vec<String> {
        let requests = self.world.requests().await.expect("requests");
        self.world.clear_requests().await.expect("requests");
        let own = |line: &String| line.contains("ada@") || line.contains("chen@");
        requests.iter().filter(|line| own(line)).map(|line| told(line)).collect()
    }
}

fn told(line: &str) -> String {
    if line.ends_with("/token") {
        return "token".to_owned();
    }
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let has = |name: &str| query.to_lowercase().contains(name);
    let whose = path.rsplit('/').find_map(|part| Some(part.split_once('@')?.0)).unwrap_or("nobody");
    let kind = match path.strip_prefix("GET ").unwrap_or(path) {
        google if google.ends_with(EVENTS) && has("pagetoken=") => "page",
        google if google.ends_with(EVENTS) && has("synctoken=") => "since",
        google if google.ends_with(EVENTS) && has("timemin=") && has("timemax=") => "all",
        graph if graph.ends_with(DELTA) && has("skiptoken=") => "page",
        graph if graph.ends_with(DELTA) && has("deltatoken=") => "since",
        graph if graph.ends_with(DELTA) && has("startdatetime=") && has("enddatetime=") => "all",
        event if event.contains("/events/") && event.ends_with("/instances") => "instances",
        event if event.contains("/events/") => "look",
        view if view.ends_with("/calendarView") => "view",
        other => other,
    };
    format!("{whose}: {kind}")
}

/// The requests about one of the two, in order.
pub fn about<'a>(asked: &'a [String], who: &str) -> Vec<&'a str> {
    asked.iter().filter_map(|line| line.strip_prefix(who)?.strip_prefix(": ")).collect()
}

/// Everything that a first sync asks for, whoever is asked: nothing is asked twice, and nothing that is
/// not needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_asks_for_a_token_and_for_every_page_once() {
    let mut programme = Programme::asleep().await;
    programme.meeting(ADA, BEN, "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=7")).await;
    programme.meeting(CHEN, DARA, "2026-10-14T10:00", Some("FREQ=WEEKLY;COUNT=4")).await;
    programme.meeting(CHEN, DARA, "2026-10-15T10:00", None).await;
    programme.start().await;
    programme.until("2026-10-05T06:10").await;
    // One token for all of Microsoft, and one for each person at Google.
    let all = programme.world.requests().await.expect("requests");
    let tokens: Vec<&str> = all.iter().map(String::as_str).filter(|line| line.contains("/token")).collect();
    let google = tokens.iter().filter(|line| **line == "POST /google/token").count();
    assert_eq!((tokens.len(), google), (3, 2), "{tokens:?}");
    // Seven occurrences in pages of three; of Microsoft's a series of four, which is not split, and one.
    for (who, pages) in [("ada", 3), ("ben", 3), ("chen", 2), ("dara", 2)] {
        let own = all.iter().filter(|line| line.contains(&format!("{who}@"))).map(|line| told(line));
        let mut expected = vec![format!("{who}: all")];
        expected.resize(pages, format!("{who}: page"));
        assert_eq!(own.collect::<Vec<_>>(), expected);
    }
    assert_eq!(all.len(), 3 + 3 + 3 + 2 + 2, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_journey_asks_for_what_it_needs_and_no_more() {
    let programme = Programme::new().await;
    // Three items make a page.
    let ada = programme.meeting(ADA, BEN, "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=5")).await;
    let chen = programme.meeting(CHEN, DARA, "2026-10-14T10:00", Some("FREQ=WEEKLY;COUNT=5")).await;
    programme.until("2026-10-05T06:30").await;
    programme.asked().await;
    programme.world.expire_cursors(None).await.expect("cursors");

    // A cursor that the vendor forgot: one refusal, then everything, page by page. Microsoft splits no
    // series.
    programme.until("2026-10-05T07:30").await;
    let asked = programme.asked().await;
    assert_eq!(about(&asked, "ada"), ["since", "all", "page"]);
    assert_eq!(about(&asked, "chen"), ["since", "all"]);

    // Nothing happened.
    programme.until("2026-10-05T08:30").await;
    let asked = programme.asked().await;
    assert_eq!((about(&asked, "ada"), about(&asked, "chen")), (vec!["since"], vec!["since"]));

    // One occurrence was moved. Microsoft tells the whole series again.
    for (meeting, day) in [(&ada, "2026-10-20"), (&chen, "2026-10-21")] {
        let original = berlin(&format!("{day}T10:00"));
        let to = format!("{day}T15:00");
        programme.world.reschedule(meeting, Some(original), &to, None).await.expect("to move");
    }
    programme.until("2026-10-05T09:30").await;
    let asked = programme.asked().await;
    assert_eq!(about(&asked, "ada"), ["since"]);
    assert_eq!(about(&asked, "chen"), ["since"]);
    let starts: Vec<_> = programme.sessions().await.iter().map(|session| session.start).collect();
    assert!(starts.contains(&berlin("2026-10-20T15:00")) && starts.contains(&berlin("2026-10-21T15:00")));

    // Too fast: left alone for as long as was asked for, then once.
    for path in [GOOGLE, GRAPH] {
        let fault = Fault {
            path_contains: path.to_owned(),
            status: 429,
            times: 1,
            retry_after: Some("7000".to_owned()),
            ..Fault::default()
        };
        programme.world.fault(&fault).await.expect("a fault");
    }
    programme.until("2026-10-05T11:50").await;
    let asked = programme.asked().await;
    assert_eq!((about(&asked, "ada"), about(&asked, "chen")), (vec!["since"], vec!["since"]));
    programme.until("2026-10-05T12:40").await;
    let asked = programme.asked().await;
    assert_eq!((about(&asked, "ada"), about(&asked, "chen")), (vec!["since"], vec!["since"]));

    // Tokens that are not accepted any more: once more with new ones. Microsoft's is one for all: whoever
    // reads first finds out.
    programme.world.expire_tokens().await.expect("tokens");
    programme.world.clear_requests().await.expect("requests");
    programme.until("2026-10-05T13:45").await;
    let (google, microsoft) = programme.asked_of_vendors().await;
    for who in ["ada", "ben"] {
        assert_eq!(about(&google, who), ["since", "since"]);
    }
    assert_eq!(google.iter().filter(|line| *line == "token").count(), 2, "{google:?}");
    let [first, token, again, other] = &microsoft[..] else { panic!("{microsoft:?}") };
    assert_eq!((first, &**token), (again, "token"));
    let mut both = [&**first, other];
    both.sort_unstable();
    assert_eq!(both, ["chen: since", "dara: since"]);
}

/// An administrator withdraws what the service itself may do.
#[rstest]
#[case::delegation(At::Google, [ADA, BEN], "Domain-wide delegation")]
#[case::secret(At::Microsoft, [CHEN, DARA], "client_secret_file")]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_no_more_asks_ever_more_rarely_and_misses_nothing(
    #[case] vendor: At,
    #[case] pair: [&str; 2],
    #[case] remedy: &str,
) {
    let programme = Programme::new().await;
    let weekly = programme.meeting(pair[0], pair[1], "2026-10-13T10:00", Some("FREQ=WEEKLY;COUNT=5")).await;
    programme.until("2026-10-05T07:30").await;
    programme.world.admit(vendor, false).await.expect("shut out");
    programme.world.expire_tokens().await.expect("tokens");
    let names = pair.map(|who| who.split('@').next().unwrap_or(who));
    let asked = async || {
        let (google, microsoft) = programme.asked_of_vendors().await;
        if vendor == At::Google { google } else { microsoft }
    };
    asked().await;

    // For each calendar every quarter of an hour at first, and every six hours in the end. Google is asked
    // with the token there is, then for another one; Microsoft's one token is given up for good, and
    // readings at the same moment share a refusal.
    for (day, to, attempts) in
        [(1, "2026-10-06T08:00", 13), (2, "2026-10-07T08:00", 4), (3, "2026-10-08T08:00", 4)]
    {
        programme.until(to).await;
        let asked = asked().await;
        let tokens = asked.iter().filter(|line| *line == "token").count();
        let reads = names.map(|name| about(&asked, name));
        // In full, once that is due.
        assert!(reads.iter().flatten().all(|kind| ["since", "all"].contains(kind)), "{asked:?}");
        let reads = reads.map(|reads| reads.len());
        match vendor {
            At::Google => {
                assert_eq!(reads.iter().sum::<usize>(), tokens, "on day {day}");
                assert!(
                    reads.iter().all(|reads| (attempts - 1..=attempts).contains(reads)),
                    "on day {day}: {asked:?}"
                );
            }
            _ => {
                assert!((attempts..=attempts * 2).contains(&tokens), "on day {day}: {asked:?}");
                let most = usize::from(day == 1) * 2;
                assert!((most / 2..=most).contains(&reads.iter().sum()), "on day {day}: {asked:?}");
            }
        }
    }
    let calendars = programme.service().context.store.calendars().await.expect("calendars");
    for calendar in calendars.iter().filter(|one| pair.contains(&one.address.as_str())) {
        let error = calendar.error.as_deref().unwrap_or_default();
        assert!(calendar.state == CalendarState::Unreachable && error.contains(remedy), "{calendar:#?}");
    }

    // What happened meanwhile is known once it is let in again, with one full listing.
    programme
        .world
        .reschedule(&weekly, Some(berlin("2026-10-20T10:00")), "2026-10-21T15:00", None)
        .await
        .expect("to move");
    programme.world.admit(vendor, true).await.expect("let in");
    programme.until("2026-10-08T15:00").await;
    let asked = asked().await;
    for name in names {
        let about = about(&asked, name);
        let mut after = about.iter().skip_while(|kind| ["all", "page"].contains(*kind));
        assert!(about.first() == Some(&"all") && after.all(|kind| *kind == "since"), "{asked:?}");
    }
    let starts: Vec<_> = programme.sessions().await.iter().map(|session| session.start).collect();
    assert!(starts.len() == 5 && starts.contains(&berlin("2026-10-21T15:00")), "{starts:?}");
}
