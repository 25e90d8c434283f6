//! Settings that are right by themselves and odd together: warnings, no problems.

use super::check::Checker;
use super::values::human;
use super::{Config, Sync};
use crate::domain::program::Program;

pub fn warn(config: &Config, checker: &mut Checker<'_>) {
    if config.programs.is_empty() {
        checker.warn("programs", "there is no [[programs]] section: nothing to do");
    }
    for (index, source) in config.programs.iter().enumerate() {
        let at = format!("programs[{index}]");
        if config.mail.is_none() && !source.program.digests.is_empty() {
            let text = "there is no [mail] section: the digest will never be sent";
            checker.warn(&format!("{at}.digests"), text);
        }
        program(&at, &source.program, &config.sync, checker);
    }
}

fn program(at: &str, program: &Program, sync: &Sync, checker: &mut Checker<'_>) {
    if program.cadence > sync.future {
        let text = format!(
            "pairs meet every {}, but calendars are read only {} ahead (sync.future): whoever \
             booked beyond that is nudged all the same",
            human(program.cadence),
            human(sync.future)
        );
        checker.warn(&format!("{at}.cadence"), &text);
    }
    if program.judge.grace >= sync.past {
        let text = format!(
            "sessions are judged {} after their end, but calendars are read only {} back \
             (sync.past)",
            human(program.judge.grace),
            human(sync.past)
        );
        checker.warn(&format!("{at}.judge.grace"), &text);
    }
    let reminders = &program.alerts.remind_before;
    let remind_at = format!("{at}.alerts.remind_before");
    if let Some(&first) = reminders.iter().max().filter(|&&first| first > sync.future) {
        let text = format!(
            "{} is further ahead than calendars are read (sync.future): such a reminder comes late",
            human(first)
        );
        checker.warn(&remind_at, &text);
    }
    if let Some(&last) = reminders.iter().min().filter(|&&last| last < sync.interval) {
        let text = format!(
            "{} is shorter than sync.interval: a session that was moved may be reminded of at the \
             old time",
            human(last)
        );
        checker.warn(&remind_at, &text);
    }
    let against = &program.detect.words_against;
    for word in &program.detect.words {
        if against.iter().any(|other| other.to_lowercase() == word.to_lowercase()) {
            let text = format!("{word:?} is also in words_against");
            checker.warn(&format!("{at}.detect.words"), &text);
        }
    }
}
