//! `[[programs]]`: the programmes and their rules.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::check::Checker;
use super::{ProgramSource, defaults, raw, values};
use crate::domain::people::Address;
use crate::domain::program::{AlertRules, DetectRules, Digest, JudgeRules, Program};

/// Every program that is right.
pub fn check(raw: Vec<Option<raw::Program>>, checker: &mut Checker<'_>) -> Vec<ProgramSource> {
    let mut names = HashMap::new();
    let programs = raw.into_iter().enumerate();
    programs.filter_map(|(index, raw)| program(index, raw?, &mut names, checker)).collect()
}

/// A name that nothing else of its kind has.
pub fn unique_name(
    at: &str,
    name: Option<&str>,
    taken: &mut HashMap<String, String>,
    checker: &mut Checker<'_>,
) -> Option<String> {
    let at_name = format!("{at}.name");
    let name = checker.need(&at_name, name, "name = \"…\", short and unique", values::name)?;
    if let Some(other) = taken.insert(name.to_lowercase(), at.to_owned()) {
        let remedy = format!("write another name: {other} has this one");
        return checker.refuse(&at_name, &format!("{name:?} again"), &remedy);
    }
    Some(name)
}

fn program(
    index: usize,
    raw: raw::Program,
    names: &mut HashMap<String, String>,
    checker: &mut Checker<'_>,
) -> Option<ProgramSource> {
    let at = format!("programs[{index}]");
    let key = |key: &str| format!("{at}.{key}");
    let name = unique_name(&at, raw.name.as_deref(), names, checker);
    let title = raw.title.as_deref();
    let title = match title {
        Some(title) => checker.parse(&key("title"), title, values::filled),
        None => name.clone(),
    };
    let timezone = checker.need(
        &key("timezone"),
        raw.timezone.as_deref(),
        "timezone = \"Europe/Berlin\", with the program's own zone",
        values::timezone,
    );
    let managers = raw.managers.unwrap_or_default();
    let managers = checker.all(&key("managers"), &managers, values::address);
    let limits = (TimeDelta::hours(1), TimeDelta::days(366));
    let cadence = raw.cadence.as_deref();
    let cadence = checker.span(&key("cadence"), cadence, defaults::cadence, limits);
    let first = raw.first_within.as_deref();
    let first = checker.span(&key("first_within"), first, defaults::first_within, limits);
    let roster = raw.roster.as_deref();
    let roster = match roster {
        Some(path) => checker.parse(&key("roster"), path, values::filled).map(Some),
        None => Some(None),
    };
    let detect = detect(&key("detect"), raw.detect.unwrap_or_default(), checker);
    let judge = judge(&key("judge"), raw.judge.unwrap_or_default(), checker);
    let alerts = alerts(&key("alerts"), raw.alerts.unwrap_or_default(), checker);
    let digests = raw.digests.unwrap_or_default().into_iter().enumerate();
    let digests = digests
        .filter_map(|(index, raw)| digest(&format!("{at}.digests[{index}]"), raw?, &managers, checker))
        .collect();
    Some(ProgramSource {
        roster: roster?.map(|path| checker.source.folder.join(path)),
        program: Program {
            name: name?,
            title: title?,
            timezone: timezone?,
            managers,
            cadence: cadence?,
            first_within: first?,
            detect,
            judge: judge?,
            alerts: alerts?,
            digests,
        },
    })
}

fn detect(at: &str, raw: raw::Detect, checker: &mut Checker<'_>) -> DetectRules {
    let mut words = |key: &str, raw: raw::List<String>, default: fn() -> Vec<String>| match raw {
        Some(words) => checker.all(&format!("{at}.{key}"), &words, |word| {
            let spaced: Vec<&str> = word.split_whitespace().collect();
            match spaced.is_empty() {
                true => Err("write a word, or leave it out".to_owned()),
                false => Ok(spaced.join(" ")),
            }
        }),
        None => default(),
    };
    DetectRules {
        words: words("words", raw.words, defaults::words),
        words_against: words("words_against", raw.words_against, defaults::words_against),
    }
}

fn judge(at: &str, raw: raw::Judge, checker: &mut Checker<'_>) -> Option<JudgeRules> {
    let (none, second) = (TimeDelta::zero(), TimeDelta::seconds(1));
    let mut span = |key: &str, text: Option<String>, default, limits| {
        checker.span(&format!("{at}.{key}"), text.as_deref(), default, limits)
    };
    let week = TimeDelta::days(7);
    let grace = span("grace", raw.grace, defaults::grace, (none, week));
    let long = TimeDelta::hours(8);
    let overlap = span("overlap", raw.overlap, defaults::overlap, (second, long));
    let late = span("late_after", raw.late_after, defaults::late_after, (none, long));
    Some(JudgeRules {
        grace: grace?,
        presume_held: raw.presume_held.unwrap_or(false),
        overlap: overlap?,
        late_after: late?,
    })
}

fn alerts(at: &str, raw: raw::Alerts, checker: &mut Checker<'_>) -> Option<AlertRules> {
    let (least, most) = (TimeDelta::minutes(1), TimeDelta::days(30));
    let remind_at = format!("{at}.remind_before");
    let remind_before = match raw.remind_before {
        None => defaults::remind_before(),
        Some(texts) => {
            let mut spans = checker.all(&remind_at, &texts, |text| values::span(text, least, most));
            let given = spans.len();
            spans.sort_unstable_by(|a, b| b.cmp(a));
            spans.dedup();
            if spans.len() < given {
                checker.warn(&remind_at, "a time is named twice; one reminder is sent for it");
            }
            spans
        }
    };
    let quiet = raw.quiet_hours.as_deref();
    let quiet_hours = match quiet {
        Some(text) => {
            let at = format!("{at}.quiet_hours");
            checker.parse(&at, text, values::quiet_hours).map(Some)
        }
        None => Some(None),
    };
    Some(AlertRules { remind_before, quiet_hours: quiet_hours? })
}

fn digest(at: &str, raw: raw::Digest, managers: &[Address], checker: &mut Checker<'_>) -> Option<Digest> {
    let cron_at = format!("{at}.cron");
    let example = "cron = \"0 0 9 * * Mon\", for Mondays at nine";
    let cron = checker.need(&cron_at, raw.cron.as_deref(), example, values::cron);
    if cron.is_some() && raw.cron.as_deref().is_some_and(values::counts_weekdays) {
        let text = "weekdays are counted from 1 = Sunday here; their names (Mon) leave no doubt";
        checker.warn(&cron_at, text);
    }
    let to_at = format!("{at}.to");
    let to = match raw.to {
        Some(to) => {
            let told = checker.told();
            let to = checker.all(&to_at, &to, values::address);
            if to.is_empty() && checker.told() == told {
                let remedy = "write to = [\"people@example.org\"], or leave it out for the managers";
                return checker.refuse(&to_at, "no address", remedy);
            }
            to
        }
        None if managers.is_empty() => {
            return checker.missing(&to_at, "to = [\"people@example.org\"]");
        }
        None => managers.to_vec(),
    };
    Some(Digest { cron: cron?, to })
}
