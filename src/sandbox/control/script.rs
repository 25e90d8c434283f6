//! The language in which faults are asked for, one to a line:
//!
//! ```text
//! # the fourth and the fifth request to Google's calendars are refused
//! after 3 requests to "/calendar/" answer 429 retry-after 2 twice
//! to "/v1.0/" answer 410 code "resyncRequired"
//! to "/events" answer garbage
//! to "pageToken" answer reset 3 times
//! after 1 request to "ben@acme.example" revoke token of ben@acme.example
//! to "/login/" revoke consent of dara@contoso.example
//! lose cursor of dara@contoso.example
//! ```
//!
//! A line begins with when it is due: `after N requests` lets so many pass, `to "PART"` counts only
//! those whose path and query contain the text. Then comes what happens: an action, or `answer` with
//! one of
//!
//! | answer | what the client sees |
//! |---|---|
//! | `STATUS` | the vendor's usual error; `code "…"`, `retry-after …`, `location "…"` and `body {…}` (last) change it |
//! | `garbage` | a success that is no JSON |
//! | `odd json` | a success of another shape |
//! | `truncate` | the connection breaks in the middle of the answer |
//! | `reset` | the connection breaks before anything is answered |
//! | `slow 50ms` | the answer, but later (`ms` or `s`) |
//! | `duplicate page` | the next page of a listing is this one again |
//! | `page without token` | the last page of a listing, with no way to go on |
//! | `torn listing` | the same of any page: whatever is on the next ones is lost |
//!
//! and how often: `once` (the default), `twice`, `5 times`, `always`. Actions are `revoke token of
//! ADDRESS` (the access tokens alone), `revoke consent of ADDRESS` (the refresh tokens as well), `lose
//! cursor of ADDRESS`, or for everybody `revoke tokens`, `revoke consents`, `lose cursors`;
//! and in the world `call off MEETING`, or `call off MEETING at START` one occurrence by its original start.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How many requests pass before.
    pub after: u32,
    /// What their path and query contain.
    pub path: String,
    /// How often; `None` without end.
    pub times: Option<u32>,
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Status {
        status: u16,
        code: Option<String>,
        retry_after: Option<String>,
        location: Option<String>,
        body: Option<Value>,
    },
    Garbage,
    OddJson,
    Truncate,
    Reset,
    Slow(Duration),
    DuplicatePage,
    PageWithoutToken,
    TornListing,
    /// Of this address, or everybody's.
    RevokeTokens(Option<String>),
    RevokeConsents(Option<String>),
    LoseCursors(Option<String>),
    /// A meeting, or the occurrence of it with this original start.
    CallOff(String, Option<DateTime<Utc>>),
}

/// Reads a script.
///
/// # Errors
/// All that is wrong with it, a line each.
pub fn parse(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match line(text) {
            Ok(line) => lines.push(line),
            Err(told) => wrong.push(format!("line {}: {told}", number + 1)),
        }
    }
    if wrong.is_empty() { Ok(lines) } else { Err(wrong.join("\n")) }
}

fn line(text: &str) -> Result<Line, String> {
    let mut words = Words(text);
    let mut line = Line { after: 0, path: String::new(), times: Some(1), what: What::Reset };
    if words.take("after") {
        line.after = words.number("a number of requests")?;
        if !words.take("requests") && !words.take("request") {
            return Err(words.unexpected("requests"));
        }
    }
    if words.take("to") {
        line.path = words.quoted("a part of a path such as \"/calendar/\"")?;
    }
    if words.take("answer") {
        line.what = answer(&mut words)?;
        line.times = times(&mut words)?;
        if let What::Status { body, .. } = &mut line.what
            && words.take("body")
        {
            let text = words.rest();
            *body = Some(
                serde_json::from_str(text).map_err(|error| format!("body: {text} is no JSON: {error}"))?,
            );
        }
    } else if words.take("revoke") {
        let consents = words.peek().is_some_and(|word| word.starts_with("consent"));
        line.what = match consents {
            true => What::RevokeConsents(owner(&mut words, "consent", "consents")?),
            false => What::RevokeTokens(owner(&mut words, "token", "tokens")?),
        };
    } else if words.take("lose") {
        line.what = What::LoseCursors(owner(&mut words, "cursor", "cursors")?);
    } else if words.take("call") {
        line.what = call_off(&mut words)?;
    } else {
        let told = "answer, revoke token of ADDRESS, lose cursor of ADDRESS, or call off MEETING";
        return Err(words.unexpected(told));
    }
    if words.peek().is_some() {
        return Err(words.unexpected("nothing more"));
    }
    Ok(line)
}

fn answer(words: &mut Words<'_>) -> Result<What, String> {
    const KINDS: &str = "a status from 400 to 599, garbage, odd json, truncate, reset, slow 50ms, \
                         duplicate page, page without token, or torn listing";
    let word = words.peek().unwrap_or_default();
    if let Ok(status) = word.parse::<u16>() {
        if !(400..600).contains(&status) {
            return Err(format!("{status} is no failure; write a status from 400 to 599"));
        }
        words.next();
        let (mut code, mut retry_after, mut location) = (None, None, None);
        loop {
            if words.take("code") {
                code = Some(words.quoted("the vendor's word for it, such as \"resyncRequired\"")?);
            } else if words.take("retry-after") {
                retry_after = Some(words.next().ok_or_else(|| words.unexpected("seconds"))?.to_owned());
            } else if words.take("location") {
                location = Some(words.quoted("an address")?);
            } else {
                return Ok(What::Status { status, code, retry_after, location, body: None });
            }
        }
    }
    let phrases: [(&[&str], What); 7] = [
        (&["garbage"], What::Garbage),
        (&["odd", "json"], What::OddJson),
        (&["truncate"], What::Truncate),
        (&["reset"], What::Reset),
        (&["duplicate", "page"], What::DuplicatePage),
        (&["page", "without", "token"], What::PageWithoutToken),
        (&["torn", "listing"], What::TornListing),
    ];
    for (phrase, what) in phrases {
        if words.take(phrase[0]) {
            return match phrase[1..].iter().all(|word| words.take(word)) {
                true => Ok(what),
                false => Err(words.unexpected(&phrase.join(" "))),
            };
        }
    }
    if words.take("slow") {
        let text = words.next().unwrap_or_default();
        let number = |unit: &str| text.strip_suffix(unit)?.parse::<u64>().ok();
        return number("ms")
            .map(Duration::from_millis)
            .or_else(|| number("s").map(Duration::from_secs))
            .map(What::Slow)
            .ok_or_else(|| format!("slow: {text:?} is no time; write 50ms or 2s"));
    }
    Err(words.unexpected(KINDS))
}

fn times(words: &mut Words<'_>) -> Result<Option<u32>, String> {
    if words.take("once") {
        Ok(Some(1))
    } else if words.take("twice") {
        Ok(Some(2))
    } else if words.take("always") {
        Ok(None)
    } else if words.peek().is_some_and(|word| word.parse::<u32>().is_ok()) {
        let times = words.number("a number")?;
        match words.take("times") {
            true => Ok(Some(times)),
            false => Err(words.unexpected("times")),
        }
    } else {
        Ok(Some(1))
    }
}

fn owner(words: &mut Words<'_>, one: &str, all: &str) -> Result<Option<String>, String> {
    if words.take(all) {
        return Ok(None);
    }
    if !words.take(one) || !words.take("of") {
        return Err(words.unexpected(&format!("{one} of ADDRESS, or {all}")));
    }
    let address = words.next().filter(|word| word.contains('@'));
    address
        .map(|address| Some(address.to_lowercase()))
        .ok_or_else(|| format!("{one}: write the address of its owner"))
}

fn call_off(words: &mut Words<'_>) -> Result<What, String> {
    if !words.take("off") {
        return Err(words.unexpected("off"));
    }
    let told = words.unexpected("the name of a meeting, such as m3");
    let meeting = words.next().ok_or(told)?.to_owned();
    let at = words.take("at").then(|| words.next().unwrap_or_default());
    let time =
        |text: &str| text.parse().map_err(|_| format!("at: {text:?} is no time; write 2026-10-05T08:00:00Z"));
    Ok(What::CallOff(meeting, at.map(time).transpose()?))
}

/// What is left of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.0.split_whitespace().next()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.0 = self.0.trim_start()[word.len()..].trim_start();
        Some(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(word);
        if there {
            self.next();
        }
        there
    }

    fn number(&mut self, what: &str) -> Result<u32, String> {
        let told = self.unexpected(what);
        self.next().and_then(|word| word.parse().ok()).ok_or(told)
    }

    fn quoted(&mut self, what: &str) -> Result<String, String> {
        let told = self.unexpected(what);
        let (text, rest) = self.0.strip_prefix('"').and_then(|rest| rest.split_once('"')).ok_or(told)?;
        self.0 = rest.trim_start();
        Ok(text.to_owned())
    }

    fn rest(&mut self) -> &'a str {
        std::mem::take(&mut self.0)
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.peek() {
            Some(word) => format!("{word:?} is not understood here; write {wanted}"),
            None => format!("the line ends too early; write {wanted}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Line {
        let mut lines = parse(text).unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(lines.len(), 1);
        lines.remove(0)
    }

    #[test]
    fn every_form_is_read() {
        let status = |status, code: Option<&str>, retry_after: Option<&str>| What::Status {
            status,
            code: code.map(str::to_owned),
            retry_after: retry_after.map(str::to_owned),
            location: None,
            body: None,
        };
        let with_location = only("answer 410 location \"http://a.example/delta\" twice");
        let elsewhere = Some("http://a.example/delta".to_owned());
        assert!(matches!(with_location.what, What::Status { location, .. } if location == elsewhere));
        for (text, after, path, times, what) in [
            (
                "after 3 requests to \"/calendar/\" answer 429 retry-after 2 twice",
                3,
                "/calendar/",
                Some(2),
                status(429, None, Some("2")),
            ),
            ("answer 410 code \"resyncRequired\"", 0, "", Some(1), status(410, Some("resyncRequired"), None)),
            ("to \"a b\" answer garbage once", 0, "a b", Some(1), What::Garbage),
            ("answer odd json 5 times", 0, "", Some(5), What::OddJson),
            ("answer truncate", 0, "", Some(1), What::Truncate),
            ("answer reset always", 0, "", None, What::Reset),
            ("answer slow 50ms", 0, "", Some(1), What::Slow(Duration::from_millis(50))),
            ("answer slow 2s twice", 0, "", Some(2), What::Slow(Duration::from_secs(2))),
            ("after 1 request answer duplicate page", 1, "", Some(1), What::DuplicatePage),
            ("answer page without token", 0, "", Some(1), What::PageWithoutToken),
            ("answer torn listing twice", 0, "", Some(2), What::TornListing),
            ("revoke tokens", 0, "", Some(1), What::RevokeTokens(None)),
            (
                "revoke token of Ben@acme.example",
                0,
                "",
                Some(1),
                What::RevokeTokens(Some("ben@acme.example".into())),
            ),
            ("revoke consents", 0, "", Some(1), What::RevokeConsents(None)),
            ("revoke consent of a@b.c", 0, "", Some(1), What::RevokeConsents(Some("a@b.c".into()))),
            ("lose cursor of a@b.c", 0, "", Some(1), What::LoseCursors(Some("a@b.c".into()))),
            ("to \"x\" lose cursors", 0, "x", Some(1), What::LoseCursors(None)),
            ("after 2 requests call off m3", 2, "", Some(1), What::CallOff("m3".into(), None)),
            (
                "call off m3 at 2026-10-05T08:00:00Z",
                0,
                "",
                Some(1),
                What::CallOff("m3".into(), "2026-10-05T08:00:00Z".parse().ok()),
            ),
        ] {
            assert_eq!(only(text), Line { after, path: path.into(), times, what }, "{text}");
        }
        let with_body = only("to \"x\" answer 403 twice body {\"error\": 1}");
        assert!(matches!(with_body.what, What::Status { body: Some(_), .. }) && with_body.times == Some(2));
        assert_eq!(parse("# nothing\n\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_told_line_by_line() {
        let told = parse(
            "answer 200\nanswr 500\n\nto calendar answer reset\nanswer slow soon\nafter two requests answer reset\n\
             revoke token\nlose cursor of ben\nanswer 500 3\nanswer duplicate\nanswer 500 body {\nanswer reset now",
        )
        .expect_err("nothing of it is right");
        let lines: Vec<&str> = told.lines().collect();
        for (line, (number, part)) in lines.iter().zip([
            (1, "200 is no failure"),
            (2, "\"answr\" is not understood here; write answer, revoke"),
            (4, "\"calendar\" is not understood here; write a part of a path"),
            (5, "write 50ms or 2s"),
            (6, "\"two\" is not understood here; write a number of requests"),
            (7, "the line ends too early; write token of ADDRESS, or tokens"),
            (8, "write the address of its owner"),
            (9, "the line ends too early; write times"),
            (10, "write duplicate page"),
            (11, "is no JSON"),
            (12, "\"now\" is not understood here; write nothing more"),
        ]) {
            assert!(line.starts_with(&format!("line {number}: ")) && line.contains(part), "{line}");
        }
        assert_eq!(lines.len(), 11);
    }
}
