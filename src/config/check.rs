//! From the raw structs to the checked ones, with every problem at once.

use chrono::TimeDelta;

use super::problem::{Problem, Problems};
use super::source::Source;
use super::{
    Config, Sync, Web, accounts, connections, database, defaults, fights, mail, programs, raw, values,
};

/// Collects what is wrong while the parts are checked.
pub struct Checker<'a> {
    pub source: &'a Source,
    /// With the line that each is about.
    problems: Vec<(usize, Problem)>,
    pub warnings: Vec<String>,
    /// Keys that were probably meant by unknown ones: they are not missed as well.
    pub meant: Vec<String>,
}

impl<'a> Checker<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self { source, problems: Vec::new(), warnings: Vec::new(), meant: Vec::new() }
    }
}

impl Checker<'_> {
    pub fn problem(&mut self, at: &str, found: &str, remedy: &str) {
        let problem =
            Problem { place: self.source.place(at), found: found.to_owned(), remedy: remedy.to_owned() };
        self.problems.push((self.source.line(at), problem));
    }

    /// How many problems there are so far.
    pub fn told(&self) -> usize {
        self.problems.len()
    }

    /// All problems in the order of the file; those from the environment come first.
    pub fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|(line, _)| *line);
        Problems(self.problems.into_iter().map(|(_, problem)| problem).collect())
    }

    /// Notes a problem; the `None` is for the caller to pass on.
    pub fn refuse<T>(&mut self, at: &str, found: &str, remedy: &str) -> Option<T> {
        self.problem(at, found, remedy);
        None
    }

    pub fn warn(&mut self, at: &str, text: &str) {
        self.warnings.push(format!("{}: {text}", self.source.place(at)));
    }

    /// Parses a value that may be seen.
    pub fn parse<T>(
        &mut self,
        at: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(remedy) => self.refuse(at, &format!("{text:?}"), &remedy),
        }
    }

    pub fn or<T>(
        &mut self,
        at: &str,
        text: Option<&str>,
        default: impl FnOnce() -> T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match text {
            Some(text) => self.parse(at, text, parse),
            None => Some(default()),
        }
    }

    /// A key that must be there; `example` is the line to write.
    pub fn need<T>(
        &mut self,
        at: &str,
        text: Option<&str>,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match text {
            Some(text) => self.parse(at, text, parse),
            None => self.missing(at, example),
        }
    }

    /// Notes that a key is missing, unless it is there and was told to be wrong.
    pub fn missing<T>(&mut self, at: &str, example: &str) -> Option<T> {
        let place = self.source.place(at);
        let told = self.problems.iter().any(|(_, problem)| problem.place == place);
        if told || self.meant.iter().any(|meant| meant == at) {
            return None;
        }
        self.refuse(at, "nothing", &format!("write {example}"))
    }

    /// Every item of a list that parses.
    pub fn all<T>(
        &mut self,
        at: &str,
        texts: &[Option<String>],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let items = texts.iter().enumerate();
        items
            .filter_map(|(index, text)| self.parse(&format!("{at}[{index}]"), text.as_deref()?, &parse))
            .collect()
    }

    pub fn span(
        &mut self,
        at: &str,
        text: Option<&str>,
        default: fn() -> TimeDelta,
        (least, most): (TimeDelta, TimeDelta),
    ) -> Option<TimeDelta> {
        self.or(at, text, default, |text| values::span(text, least, most))
    }

    /// A number from 1 to `most`.
    pub fn count(&mut self, at: &str, number: Option<i64>, default: fn() -> u32, most: u32) -> Option<u32> {
        let Some(number) = number else { return Some(default()) };
        match u32::try_from(number) {
            Ok(count) if (1..=most).contains(&count) => Some(count),
            _ => self.refuse(at, &number.to_string(), &format!("write a number from 1 to {most}")),
        }
    }
}

/// All settings; `None` when there were problems.
pub fn check(raw: raw::Raw, checker: &mut Checker<'_>) -> Option<Config> {
    let database = database::check(raw.database.unwrap_or_default(), checker);
    let web = raw.web.map(|raw| web(raw, checker));
    let mail = raw.mail.map(|raw| mail::check(raw, checker));
    let accounts = raw.accounts.map(|raw| accounts::check(raw, checker));
    let sync = sync(raw.sync.unwrap_or_default(), checker);
    let connections = connections::check(raw.connections.unwrap_or_default(), checker);
    let programs = programs::check(raw.programs.unwrap_or_default(), checker);
    let web = web.map_or(Some(None), |web| web.map(Some));
    let accounts = accounts.map_or(Some(None), |accounts| accounts.map(Some));
    accounts::check_needs(&connections, web.as_ref(), accounts.as_ref(), checker);
    let mut config = Config {
        database: database?,
        web: web?,
        mail: mail.map_or(Some(None), |mail| mail.map(Some))?,
        accounts: accounts?,
        sync: sync?,
        connections,
        programs,
        warnings: Vec::new(),
    };
    fights::warn(&config, checker);
    config.warnings = std::mem::take(&mut checker.warnings);
    checker.problems.is_empty().then_some(config)
}

fn web(raw: raw::Web, checker: &mut Checker<'_>) -> Option<Web> {
    let listen = raw.listen.as_deref();
    let listen = checker.or("web.listen", listen, defaults::listen, |text| {
        let wrong = "write an IP address and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"";
        text.parse().map_err(|_| wrong.to_owned())
    });
    let at = "web.public_url";
    let public_url = raw.public_url.map(|text| {
        let url = checker.parse(at, &text, |text| {
            let mut url = values::http_url(text)?;
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
            Ok(url)
        })?;
        if url.scheme() == "http" && !values::is_loopback(&url) {
            checker.warn(at, "links in mails will be plain http; write https://");
        }
        Some(url)
    });
    Some(Web { listen: listen?, public_url: public_url.map_or(Some(None), |url| url.map(Some))? })
}

fn sync(raw: raw::Sync, checker: &mut Checker<'_>) -> Option<Sync> {
    let (second, hour, day) = (TimeDelta::seconds(1), TimeDelta::hours(1), TimeDelta::days(1));
    // Graph lists five years at the most.
    let years = TimeDelta::days(2 * 365);
    let interval = raw.interval.as_deref();
    let interval = checker.span("sync.interval", interval, defaults::sync_interval, (second, day));
    let past = raw.past.as_deref();
    let past = checker.span("sync.past", past, defaults::sync_past, (hour, years));
    let future = raw.future.as_deref();
    let future = checker.span("sync.future", future, defaults::sync_future, (hour, years));
    let concurrency = checker.count("sync.concurrency", raw.concurrency, defaults::sync_concurrency, 256);
    let concurrency = concurrency.and_then(|count| usize::try_from(count).ok());
    Some(Sync { interval: interval?, past: past?, future: future?, concurrency: concurrency? })
}
