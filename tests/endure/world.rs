//! A world in motion, and what must be known of it in the end.
//!
//! What happens to a meeting is chosen so that there is one right answer: no two sessions of a pair
//! start at the same time, a meeting is moved or called off only after the service has seen where
//! it was, and nothing ends while the test runs.

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use mentord::sandbox::{Conference, Control, Fault, NewMeeting, Occurrence, Quirks, Response, TrueMeeting};

use crate::chance::Chance;
use crate::stage::{Pair, Stage, now};

/// A session as it is named here: the mentor and the start, in seconds since 1970.
pub type Name = (String, i64);

/// What must be known of a session in the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    pub mentor: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub status: String,
    pub grade: String,
    pub moves: u64,
}

pub struct World<'a> {
    stage: &'a Stage,
    pub chance: Chance,
    used: HashSet<Name>,
    /// The names under which a session was moved, one for each move.
    moved: Vec<(Name, Name)>,
    /// What is called off or was taken off a calendar; nothing happens to it any more.
    closed: HashSet<Name>,
    /// What was declined at any time. Called off as well it would have two reasons, and a cancelled
    /// event does not tell who has changed their mind before.
    declined: HashSet<Name>,
    /// What the service had seen when it last ended, less what has changed since.
    seen: HashSet<Name>,
    faults: bool,
}

fn wall(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M").to_string()
}

/// Calls off later than a day before the start are late; nothing is called off around that.
fn is_early(start: DateTime<Utc>) -> bool {
    start > now() + TimeDelta::hours(36)
}

fn is_late(start: DateTime<Utc>) -> bool {
    start < now() + TimeDelta::minutes(23 * 60 + 55)
}

/// One occurrence of one meeting.
struct Place {
    pair: Pair,
    meeting: TrueMeeting,
    occurrence: Occurrence,
}

impl Place {
    fn name(&self) -> Name {
        (self.pair.mentor.clone(), self.occurrence.start.timestamp())
    }

    fn guest(&self) -> &str {
        &self.meeting.attendees[0]
    }

    fn declined(&self) -> bool {
        self.occurrence.responses.get(self.guest()) == Some(&Response::Declined)
    }

    fn original(&self) -> Option<DateTime<Utc>> {
        Some(self.occurrence.original_start)
    }
}

impl<'a> World<'a> {
    /// A pair that is idle met fifteen days ago: a day longer ago than it means to.
    pub async fn begin(stage: &'a Stage, chance: Chance) -> Self {
        let [used, closed, declined, seen] = std::array::from_fn(|_| HashSet::new());
        let mut world = Self { stage, chance, used, moved: Vec::new(), closed, declined, seen, faults: true };
        for pair in stage.pairs.iter().filter(|pair| pair.idle) {
            let days = -15 * 24 * 60;
            let start = world.free(pair, days..days + 1).unwrap();
            world.met(pair, start, &[&pair.mentor, &pair.mentee]).await;
        }
        world
    }

    /// A meeting with a call, called by the mentor, that is over, with those who came.
    pub async fn met(&mut self, pair: &Pair, start: DateTime<Utc>, who: &[&str]) {
        let meeting = Self::meeting(&pair.mentor, &pair.mentee, start, 45, "Interview");
        let id = self.control().plan(&meeting).await.unwrap().id;
        for who in who {
            self.stay(&id, who, start, 2).await;
        }
        self.control().retitle(&id, "Mentoring", None).await.unwrap();
    }

    /// A meeting with a call, called by the mentor, that is to come so many minutes from now.
    pub async fn ahead(&mut self, pair: &Pair, minutes: i64, length: i64) -> String {
        let start = self.free(pair, minutes..minutes + 1).expect("a free start");
        let meeting = Self::meeting(&pair.mentor, &pair.mentee, start, length, "Mentoring");
        self.control().plan(&meeting).await.unwrap().id
    }

    /// Some pair is going to meet so soon that a reminder is due.
    pub async fn soon(&mut self) {
        let pair = self.pair();
        let start = self.free(&pair, 45..58).expect("a free start");
        let meeting = Self::meeting(&pair.mentor, &pair.mentee, start, 100, "Mentoring");
        self.control().plan(&meeting).await.unwrap();
    }

    /// Somebody is in a call from so many minutes after its start until shortly before its end.
    async fn stay(&self, meeting: &str, who: &str, start: DateTime<Utc>, from: i64) {
        let at = |minutes| start + TimeDelta::minutes(minutes);
        self.control().join(meeting, Some(who), at(from), Some(start)).await.unwrap();
        self.control().leave(meeting, Some(who), at(40), Some(start)).await.unwrap();
    }

    fn meeting(organizer: &str, guest: &str, start: DateTime<Utc>, minutes: i64, title: &str) -> NewMeeting {
        let conference = match organizer.ends_with("acme.example") {
            true => Conference::Meet,
            false => Conference::Teams,
        };
        NewMeeting {
            organizer: organizer.to_owned(),
            attendees: vec![guest.to_owned()],
            title: title.to_owned(),
            start: wall(start),
            timezone: "UTC".to_owned(),
            minutes,
            conference,
            ..NewMeeting::default()
        }
    }

    fn control(&self) -> &Control {
        &self.stage.control
    }

    /// From now on every provider does what it is asked.
    pub async fn calm_down(&mut self) {
        self.faults = false;
        self.control().clear_faults().await.unwrap();
    }

    /// The sessions that are in the database, with where they are there.
    pub fn saw(&mut self, names: HashSet<Name>) {
        self.seen = names;
    }

    /// The query for [`World::saw`].
    pub fn sight(stage: &Stage) -> String {
        format!(
            "SELECT address.address, CAST({start} AS TEXT) FROM session
             JOIN pairing_member ON pairing_member.pairing = session.pairing AND role = 'mentor'
             JOIN address ON address.participant = pairing_member.participant
             WHERE decision = 'taken'",
            start = stage.database.seconds("session.starts_at")
        )
    }

    /// Something happens.
    pub async fn turn(&mut self) {
        match self.chance.within(0..100) {
            0..22 => self.past(1).await,
            22..27 => self.past_and_book_ahead().await,
            27..50 => self.book_ahead().await,
            50..64 => self.somebody_moves().await,
            64..73 => self.somebody_calls_off().await,
            73..87 => self.somebody_answers().await,
            87..90 => self.somebody_takes_it_off().await,
            90..93 => self.control().expire_cursors(None).await.unwrap(),
            93..95 => self.control().expire_tokens().await.unwrap(),
            95..97 => self.habits().await,
            _ if self.faults => self.fault().await,
            _ => {}
        }
    }

    fn pair(&mut self) -> Pair {
        let pairs: Vec<Pair> = self.stage.pairs.iter().filter(|pair| !pair.idle).cloned().collect();
        self.chance.one_of(&pairs).unwrap().clone()
    }

    /// A start that the pair has not had yet, so many minutes from now.
    fn free(&mut self, pair: &Pair, minutes: std::ops::Range<i64>) -> Option<DateTime<Utc>> {
        let now = now().trunc_subsecs(0);
        let now = now - TimeDelta::seconds(now.timestamp() % 60);
        (0..100).find_map(|_| {
            let start = now + TimeDelta::minutes(self.chance.within(minutes.clone()));
            self.used.insert((pair.mentor.clone(), start.timestamp())).then_some(start)
        })
    }

    /// Where a session to come may be: within the hour and a day before its reminders are sent, or
    /// so that their time comes while the test runs, or far ahead.
    fn free_ahead(&mut self, pair: &Pair) -> Option<DateTime<Utc>> {
        let minutes = match self.chance.within(0..10) {
            0..3 => 45..58,
            3..4 => 61..63,
            4..6 => 21 * 60..23 * 60 + 50,
            6..7 => 24 * 60 + 1..24 * 60 + 3,
            _ => 2 * 24 * 60..20 * 24 * 60,
        };
        self.free(pair, minutes)
    }

    async fn book(
        &mut self,
        pair: &Pair,
        start: DateTime<Utc>,
        minutes: i64,
        title: &str,
        rrule: Option<&str>,
    ) -> String {
        let mut people = [pair.mentor.clone(), pair.mentee.clone()];
        if !pair.mentee.ends_with("freelance.example") && self.chance.in_hundred(30) {
            people.reverse();
        }
        let mut meeting = Self::meeting(&people[0], &people[1], start, minutes, title);
        meeting.rrule = rrule.map(str::to_owned);
        if self.chance.in_hundred(10) {
            meeting.conference = Conference::None;
        }
        self.control().plan(&meeting).await.unwrap().id
    }

    /// Somebody comes into the call of a meeting that is over, or both, or nobody.
    async fn attend(&mut self, pair: &Pair, meeting: &str, start: DateTime<Utc>) {
        let who: &[&str] = match self.chance.within(0..10) {
            0..6 => &[&pair.mentor, &pair.mentee],
            6..8 => &[&pair.mentor],
            8 => &[&pair.mentee],
            _ => &[],
        };
        // A meeting without a call has none to come into.
        let call = self.meetings().await.into_iter().find(|one| one.id == *meeting).unwrap().conference;
        for who in who.iter().filter(|_| call != Conference::None) {
            let from = self.chance.within(0..9);
            self.stay(meeting, who, start, from).await;
        }
    }

    /// Meetings that are over already. Until everybody was there their title hides them: the service
    /// may look at any moment.
    async fn past(&mut self, how_many: usize) {
        for _ in 0..how_many {
            let pair = self.pair();
            // What was missed longer ago than three days is not written about.
            let minutes = match self.chance.in_hundred(70) {
                true => -45 * 60..-120,
                false => -20 * 24 * 60..-5 * 24 * 60,
            };
            let Some(start) = self.free(&pair, minutes) else { return };
            let meeting = self.book(&pair, start, 45, "Interview", None).await;
            self.attend(&pair, &meeting, start).await;
            self.control().retitle(&meeting, "Mentoring", None).await.unwrap();
        }
    }

    /// A series of which half is over.
    async fn past_and_book_ahead(&mut self) {
        let pair = self.pair();
        let day = TimeDelta::days(1);
        let Some(first) = self.free(&pair, -(48 + 10) * 60..-(48 + 2) * 60) else { return };
        let all: Vec<_> = (0..6).map(|number| first + day * number).collect();
        if all[1..].iter().any(|at| self.used.contains(&(pair.mentor.clone(), at.timestamp()))) {
            return;
        }
        self.used.extend(all.iter().map(|at| (pair.mentor.clone(), at.timestamp())));
        let meeting = self.book(&pair, first, 45, "Interview", Some("FREQ=DAILY;COUNT=6")).await;
        for start in &all[..3] {
            self.attend(&pair, &meeting, *start).await;
        }
        self.control().retitle(&meeting, "Mentoring", None).await.unwrap();
    }

    async fn book_ahead(&mut self) {
        let pair = self.pair();
        let Some(start) = self.free_ahead(&pair) else { return };
        self.book(&pair, start, 100, "Mentoring", None).await;
    }

    async fn meetings(&self) -> Vec<TrueMeeting> {
        self.control().meetings(now() - TimeDelta::days(29), now() + TimeDelta::days(50)).await.unwrap()
    }

    fn pair_of(&self, meeting: &TrueMeeting) -> Pair {
        let on = |who: &String| *who == meeting.organizer || meeting.attendees.contains(who);
        self.stage.pairs.iter().find(|pair| on(&pair.mentor) && on(&pair.mentee)).unwrap().clone()
    }

    /// One that is to come, at random, to which something may still happen.
    async fn choose(&mut self, fits: impl Fn(&Self, &Place) -> bool) -> Option<Place> {
        let mut places = Vec::new();
        for meeting in self.meetings().await {
            let pair = self.pair_of(&meeting);
            for occurrence in meeting.occurrences.clone() {
                let place = Place { pair: pair.clone(), meeting: meeting.clone(), occurrence };
                let to_come = place.occurrence.start > now() + TimeDelta::minutes(20);
                let open = !place.occurrence.cancelled && !self.closed.contains(&place.name());
                if to_come && open && fits(self, &place) {
                    places.push(place);
                }
            }
        }
        if places.is_empty() {
            return None;
        }
        let at = self.chance.within(0..places.len());
        Some(places.swap_remove(at))
    }

    async fn somebody_moves(&mut self) {
        let seen = |world: &Self, place: &Place| world.seen.contains(&place.name());
        let Some(place) = self.choose(seen).await else { return };
        let Some(to) = self.free_ahead(&place.pair) else { return };
        self.control().reschedule(&place.meeting.id, place.original(), &wall(to), None).await.unwrap();
        self.seen.remove(&place.name());
        let name = (place.pair.mentor.clone(), to.timestamp());
        if self.declined.contains(&place.name()) {
            self.declined.insert(name.clone());
        }
        self.moved.push((place.name(), name));
    }

    async fn somebody_calls_off(&mut self) {
        let fits = |world: &Self, place: &Place| {
            let start = place.occurrence.start;
            world.seen.contains(&place.name())
                && !world.declined.contains(&place.name())
                && (is_early(start) || is_late(start))
        };
        let Some(place) = self.choose(fits).await else { return };
        self.control().cancel(&place.meeting.id, place.original()).await.unwrap();
        self.closed.insert(place.name());
    }

    async fn somebody_answers(&mut self) {
        let fits =
            |_: &Self, place: &Place| is_early(place.occurrence.start) || is_late(place.occurrence.start);
        let Some(place) = self.choose(fits).await else { return };
        let answers = [Response::Accepted, Response::Accepted, Response::Tentative, Response::Declined];
        let answer = *self.chance.one_of(&answers).unwrap();
        if answer == Response::Declined {
            self.declined.insert(place.name());
        }
        self.control().respond(&place.meeting.id, place.guest(), answer, place.original()).await.unwrap();
    }

    /// A guest deletes it from their own calendar, which says no.
    async fn somebody_takes_it_off(&mut self) {
        let fits = |world: &Self, place: &Place| {
            let start = place.occurrence.start;
            world.seen.contains(&place.name()) && (is_early(start) || is_late(start))
        };
        let Some(place) = self.choose(fits).await else { return };
        self.control().remove(&place.meeting.id, place.guest(), place.original()).await.unwrap();
        self.closed.insert(place.name());
    }

    async fn habits(&mut self) {
        let quirks = Quirks {
            google_empty_page: self.chance.in_hundred(50),
            graph_empty_page: self.chance.in_hundred(50),
            graph_repeat: self.chance.in_hundred(50),
            graph_master_apart: self.chance.in_hundred(50),
            ..Quirks::default()
        };
        self.control().quirks(quirks).await.unwrap();
    }

    /// A provider does not do what it is asked, for one request. (Calls are looked up again only after
    /// minutes, which is too long for a test.)
    async fn fault(&mut self) {
        let path = *self.chance.one_of(&["/events", "calendarView/delta"]).unwrap();
        let status = *self.chance.one_of(&[410, 429, 500, 503]).unwrap();
        let fault = Fault { path_contains: path.to_owned(), status, times: 1, ..Fault::default() };
        self.control().fault(&fault).await.unwrap();
    }

    /// What must be known of every session, in order.
    pub async fn truth(&self) -> Vec<Known> {
        let mut all = Vec::new();
        for meeting in self.meetings().await {
            let pair = self.pair_of(&meeting);
            for occurrence in &meeting.occurrences {
                let place =
                    Place { pair: pair.clone(), meeting: meeting.clone(), occurrence: occurrence.clone() };
                let (status, grade) = verdict(&place);
                all.push(Known {
                    mentor: pair.mentor.clone(),
                    start: occurrence.start,
                    end: occurrence.end,
                    status: status.to_owned(),
                    grade: grade.to_owned(),
                    moves: self.moves(place.name()),
                });
            }
        }
        all.sort();
        all
    }

    fn moves(&self, mut name: Name) -> u64 {
        let mut moves = 0;
        while let Some((from, _)) = self.moved.iter().find(|(_, to)| *to == name) {
            name = from.clone();
            moves += 1;
        }
        moves
    }
}

/// The rules of the README, in the few cases that happen here.
fn verdict(place: &Place) -> (&'static str, &'static str) {
    let Place { pair, meeting, occurrence } = place;
    if occurrence.start > now() {
        let off = if is_early(occurrence.start) { "cancelled" } else { "late_cancelled" };
        return match (occurrence.cancelled, place.declined()) {
            (true, _) => (off, "confirmed"),
            (false, true) => (off, "reported"),
            (false, false) => ("scheduled", "none"),
        };
    }
    // Meet tells who somebody is only of people with Google.
    let named = |who: &str| meeting.conference == Conference::Teams || who.ends_with("acme.example");
    let stay = |who: &str| {
        let stay = occurrence.attendance.iter().find(|stay| stay.who.as_deref() == Some(who))?;
        Some((stay.joined_at, stay.left_at?))
    };
    let there: Vec<&str> =
        [&*pair.mentor, &*pair.mentee].into_iter().filter(|who| stay(who).is_some()).collect();
    match there[..] {
        [] => ("unknown", "none"),
        _ if there.iter().any(|who| !named(who)) => ("unknown", "none"),
        [_] => ("missed", "observed"),
        _ => ("held", "observed"),
    }
}
