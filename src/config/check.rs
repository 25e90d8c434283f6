//! From the raw structs to the checked ones, with every problem at once.

use chrono::TimeDelta;
use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::problem::{Problem, Problems};
use super::secret::{Given, secret};
use super::source::Source;
use super::{
    Config, Database, Mail, Sync, Web, connections, defaults, fights, programs, raw, values,
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
        Self {
            source,
            problems: Vec::new(),
            warnings: Vec::new(),
            meant: Vec::new(),
        }
    }
}

impl Checker<'_> {
    pub fn problem(&mut self, at: &str, found: &str, remedy: &str) {
        let problem = Problem {
            place: self.source.place(at),
            found: found.to_owned(),
            remedy: remedy.to_owned(),
        };
        self.problems.push((self.source.line(at), problem));
    }

    /// How many problems there are so far.
    pub fn told(&self) -> usize {
        self.problems.len()
    }

    /// All problems in the order of the file; those from the environment come first.
    pub fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|(line, _)| *line);
        Problems(
            self.problems
                .into_iter()
                .map(|(_, problem)| problem)
                .collect(),
        )
    }

    /// Notes a problem; the `None` is for the caller to pass on.
    pub fn refuse<T>(&mut self, at: &str, found: &str, remedy: &str) -> Option<T> {
        self.problem(at, found, remedy);
        None
    }

    pub fn warn(&mut self, at: &str, text: &str) {
        self.warnings
            .push(format!("{}: {text}", self.source.place(at)));
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
        let told = self
            .problems
            .iter()
            .any(|(_, problem)| problem.place == place);
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
            .filter_map(|(index, text)| {
                self.parse(&format!("{at}[{index}]"), text.as_deref()?, &parse)
            })
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
}

/// All settings; `None` when there were problems.
pub fn check(raw: raw::Raw, checker: &mut Checker<'_>) -> Option<Config> {
    let database = database(raw.database.unwrap_or_default(), checker);
    let web = raw.web.map(|raw| web(raw, checker));
    let mail = raw.mail.map(|raw| mail(raw, checker));
    let sync = sync(raw.sync.unwrap_or_default(), checker);
    let connections = connections::check(raw.connections.unwrap_or_default(), checker);
    let programs = programs::check(raw.programs.unwrap_or_default(), checker);
    let mut config = Config {
        database: database?,
        web: web.map_or(Some(None), |web| web.map(Some))?,
        mail: mail.map_or(Some(None), |mail| mail.map(Some))?,
        sync: sync?,
        connections,
        programs,
        warnings: Vec::new(),
    };
    fights::warn(&config, checker);
    config.warnings = std::mem::take(&mut checker.warnings);
    checker.problems.is_empty().then_some(config)
}

fn database(raw: raw::Database, checker: &mut Checker<'_>) -> Option<Database> {
    let at = "database.url";
    let url = raw.url.as_deref().unwrap_or(defaults::database_url());
    let example = "write \"sqlite:mentord.db\", with the path of the file";
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let found = "a PostgreSQL database, which is not available in this version yet";
        return checker.refuse(at, found, example);
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        // Another database's URL may hold a password.
        let found = match url.contains("://") {
            true => "a URL that does not begin with sqlite:".to_owned(),
            false => format!("{url:?}"),
        };
        return checker.refuse(at, &found, example);
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    match path {
        "" => checker.refuse(at, &format!("{url:?}"), example),
        ":memory:" => {
            let found = "a database in memory, which would forget everything";
            checker.refuse(at, found, example)
        }
        path if path.contains('?') => {
            let remedy = "leave out what begins with ?; mentord sets these options itself";
            checker.refuse(at, &format!("{url:?}"), remedy)
        }
        path => Some(Database::Sqlite(checker.source.folder.join(path))),
    }
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
    Some(Web {
        listen: listen?,
        public_url: public_url.map_or(Some(None), |url| url.map(Some))?,
    })
}

fn mail(raw: raw::Mail, checker: &mut Checker<'_>) -> Option<Mail> {
    let given = raw.password.is_some() || raw.password_file.is_some();
    let password = secret(
        "mail",
        Given {
            key: "password",
            direct: raw.password,
            file: raw.password_file,
        },
        checker,
    );
    let at = "mail.smtp_url";
    let example = "smtp_url = \"smtps://user@mail.example.org\"";
    let smtp_url = match raw.smtp_url {
        None => checker.missing(at, example),
        Some(text) => match smtp_url(&text) {
            Err(remedy) => checker.refuse(at, &shown(&text), &remedy),
            Ok(url) if given && url.password().is_some() => {
                let remedy = "leave the one in smtp_url out";
                checker.refuse(at, "a password here and one in its own key", remedy)
            }
            Ok(url) if given && url.username().is_empty() => checker.refuse(
                at,
                "no user, though there is a password",
                &format!("write {example}"),
            ),
            Ok(url) => Some(url),
        },
    };
    let from = checker.need(
        "mail.from",
        raw.from.as_deref(),
        "from = \"Mentoring <mentoring@example.org>\"",
        |text| {
            text.parse::<Mailbox>().map_err(|_| {
                "write an address like \"Mentoring <mentoring@example.org>\"".to_owned()
            })
        },
    );
    let mut smtp_url: Url = smtp_url?;
    if let Some(password) = password {
        // Url percent-encodes what may not stand there as it is; `%` it takes as encoded already.
        let encoded = password.expose_secret().replace('%', "%25");
        smtp_url.set_password(Some(&encoded)).ok()?;
    } else if given {
        return None;
    } else if !smtp_url.username().is_empty() && smtp_url.password().is_none() {
        checker.warn(
            at,
            "there is a user but no password: mentord will not log in",
        );
    }
    let open = smtp_url.scheme() == "smtp" && smtp_tls(&smtp_url).as_deref() != Some("required");
    if open && !values::is_loopback(&smtp_url) {
        let text =
            "mails may go over the network unencrypted; write smtps://, or add ?tls=required";
        checker.warn(at, text);
    }
    Some(Mail {
        smtp_url: SecretString::from(String::from(smtp_url)),
        from: from?,
    })
}

fn smtp_url(text: &str) -> Result<Url, String> {
    let example = "write a URL like \"smtps://user@mail.example.org\", or for a relay on this \
                   machine \"smtp://127.0.0.1:25\"";
    let url = Url::parse(text).map_err(|_| example.to_owned())?;
    if !matches!(url.scheme(), "smtp" | "smtps") || url.host_str().is_none_or(str::is_empty) {
        return Err(example.to_owned());
    }
    let tls = smtp_tls(&url);
    if url.query_pairs().any(|(key, _)| key != "tls")
        || !matches!(tls.as_deref(), None | Some("required" | "opportunistic"))
    {
        return Err("write ?tls=required or ?tls=opportunistic, or leave it out".to_owned());
    }
    Ok(url)
}

fn smtp_tls(url: &Url) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs.find_map(|(key, value)| (key == "tls").then(|| value.into_owned()))
}

/// An SMTP URL for people, unless it may hold a password.
fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.password().is_some() => {
            format!("a URL ({}) with a password in it (not shown)", url.scheme())
        }
        Ok(_) => format!("{text:?}"),
        Err(_) if text.contains('@') => "a text that is no URL (not shown)".to_owned(),
        Err(_) => format!("{text:?}"),
    }
}

fn sync(raw: raw::Sync, checker: &mut Checker<'_>) -> Option<Sync> {
    let (second, hour, day) = (
        TimeDelta::seconds(1),
        TimeDelta::hours(1),
        TimeDelta::days(1),
    );
    let years = TimeDelta::days(3 * 365);
    let interval = raw.interval.as_deref();
    let interval = checker.span(
        "sync.interval",
        interval,
        defaults::sync_interval,
        (second, day),
    );
    let past = raw.past.as_deref();
    let past = checker.span("sync.past", past, defaults::sync_past, (hour, years));
    let future = raw.future.as_deref();
    let future = checker.span("sync.future", future, defaults::sync_future, (hour, years));
    let concurrency = match raw.concurrency {
        None => Some(defaults::sync_concurrency()),
        Some(count @ 1..=256) => usize::try_from(count).ok(),
        Some(count) => {
            let found = Value::from(count).to_string();
            checker.refuse("sync.concurrency", &found, "write a number from 1 to 256")
        }
    };
    Some(Sync {
        interval: interval?,
        past: past?,
        future: future?,
        concurrency: concurrency?,
    })
}
