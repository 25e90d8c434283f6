//! The configuration: what is accepted, and how mistakes are told.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use mentord::config::{self, Config, Database, Problems, Vendor};
use secrecy::ExposeSecret;
use tempfile::TempDir;

const KEY: &str = r#"{"type": "service_account", "client_email": "mentord@acme.iam.example",
    "private_key": "s3cret", "token_uri": "https://oauth2.googleapis.com/token"}"#;

fn load(file: &Path, environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let environment = environment.iter();
    config::load_with(file, environment.map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

/// A folder with a configuration in it.
struct Folder(TempDir);

impl Folder {
    fn new(configuration: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("mentord.toml", configuration);
        folder
    }

    /// A file that only its owner can read.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Config, Problems> {
        load(&self.0.path().join("mentord.toml"), environment)
    }

    fn loaded(&self) -> Config {
        self.load(&[]).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What is wrong, with the folder's name left out.
    fn problems(&self, environment: &[(&str, &str)]) -> String {
        let problems = self.load(environment).unwrap_err();
        self.plain(&problems.to_string())
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

const PROGRAM: &str = "
    [[programs]]
    name = 'engineering'
    timezone = 'Europe/Berlin'
";

/// The example of the design, as far as this version has it.
const FULL: &str = r#"
    [database]
    url = "sqlite:data/mentord.db"

    [web]
    listen = "127.0.0.1:8080"
    public_url = "https://mentoring.example.org"

    [mail]
    smtp_url = "smtps://user@mail.example.org"
    password_file = "smtp-password"
    from = "Mentoring <mentoring@example.org>"
    max_per_minute = 300

    [sync]
    interval = "5m"
    past = "30d"
    future = "60d"
    concurrency = 8

    [[connections]]
    name = "acme"
    provider = "google"
    auth = "service_account"
    key_file = "google-key.json"
    domains = ["ACME.example"]
    invitations = false
    api_url = "http://127.0.0.1:4010/calendar/v3"
    requests_per_minute = 600

    [[connections]]
    name = "contoso"
    provider = "microsoft"
    auth = "client_credentials"
    tenant_id = "tenant"
    client_id = "client"
    client_secret_file = "graph-secret"
    domains = ["contoso.example"]
    graph_url = "https://graph.microsoft.com/v1.0/"

    [[programs]]
    name = "engineering"
    title = "Engineering mentoring"
    timezone = "Europe/Berlin"
    managers = ["People@acme.example"]
    roster = "roster.csv"
    cadence = "10 days"
    first_within = "3 weeks"

    [programs.detect]
    words = ["mentor", "1:1"]
    words_against = ["stand-up"]

    [programs.judge]
    grace = "1h"
    presume_held = true
    overlap = "5m"
    late_after = "3m"

    [programs.alerts]
    remind_before = ["1h", "24h"]
    quiet_hours = "20:00-08:00"

    [[programs.digests]]
    cron = "0 0 9 * * Mon"
"#;

fn full() -> Folder {
    let folder = Folder::new(FULL);
    folder.write("smtp-password", "p@ss%20/word\n");
    folder.write("google-key.json", KEY);
    folder.write("graph-secret", "s3cret\r\n");
    folder
}

#[test]
fn a_postgresql_database_is_told_without_its_secrets() {
    let file = "[database]\nurl = \"postgres://mentord@db.example:5433/mentoring?sslmode=verify-full\"\n\
                password_file = \"db-password\"\n";
    let folder = Folder::new(file);
    folder.write("db-password", "s3cret\n");
    let config = folder.loaded();
    let of_it = |config: &Config| config.warnings.iter().any(|warning| warning.contains("database"));
    assert!(!of_it(&config), "{:?}", config.warnings);
    let Database::Postgres(server) = &config.database else { panic!("{:?}", config.database) };
    assert_eq!(server.place(), "postgres://db.example:5433/mentoring");
    assert!(!format!("{config:?}").contains("s3cret"));

    for (url, place, warned) in [
        ("postgres://me:s3cret@127.0.0.1/m", "postgres://127.0.0.1/m", false),
        ("postgresql://me@%2Frun%2Fpostgresql/m", "postgres:///run/postgresql/m", false),
        ("postgres:///m?host=/run/postgresql", "postgres:///run/postgresql/m", false),
        ("postgres://me:s3cret@db.example/m", "postgres://db.example/m", true),
        ("postgres://db.example/m?sslmode=prefer", "postgres://db.example/m", true),
        ("postgres://db.example/m?sslmode=require", "postgres://db.example/m", false),
    ] {
        let config = Folder::new(&format!("[database]\nurl = \"{url}\"")).loaded();
        let Database::Postgres(server) = &config.database else { panic!("{url}") };
        assert_eq!(server.place(), place);
        assert_eq!(of_it(&config), warned, "{url}: {:?}", config.warnings);
    }
}

#[test]
fn postgresql_urls_that_cannot_be_used_are_told() {
    for (settings, remedy) in [
        ("url = \"postgres:/m\"", "postgres://user@host/database"),
        ("url = \"postgres://db.example\"", "postgres://user@host/database"),
        ("url = \"postgres://db.example/m?sslmode=yes\"", "instead of sslmode=yes"),
        ("url = \"postgres://db.example/m?pool=3\"", "leave out pool="),
        ("url = \"postgres://me:s3cret@db.example/m\"\npassword = \"s3cret\"", "leave the one in url out"),
        ("url = \"sqlite:m.db\"\npassword = \"s3cret\"", "begins with postgres://"),
    ] {
        let problems = Folder::new(&format!("[database]\n{settings}")).problems(&[]);
        assert!(problems.contains(remedy) && !problems.contains("s3cret"), "{settings}: {problems}");
    }
}

#[test]
fn a_full_configuration_comes_out_parsed() {
    let folder = full();
    let config = folder.loaded();
    assert_eq!(config.warnings, [""; 0]);
    let database = folder.0.path().join("data/mentord.db");
    assert!(matches!(&config.database, Database::Sqlite(path) if *path == database));
    let web = config.web.unwrap();
    assert_eq!(web.public_url.unwrap().as_str(), "https://mentoring.example.org/");
    assert_eq!(config.sync.concurrency, 8);
    assert_eq!(config.mail.unwrap().max_per_minute, 300);

    let [acme, contoso] = &config.connections[..] else {
        panic!("two connections");
    };
    assert_eq!(acme.domains, ["acme.example"]);
    assert_eq!((acme.requests_per_minute, contoso.requests_per_minute), (600, 6_000));
    let Vendor::Google(google) = &acme.vendor else {
        panic!("Google");
    };
    assert_eq!(google.api_url.as_str(), "http://127.0.0.1:4010/calendar/v3/");
    assert_eq!(google.meet_url.as_str(), "https://meet.googleapis.com/");
    let Vendor::Microsoft(microsoft) = &contoso.vendor else {
        panic!("Microsoft");
    };
    assert_eq!(microsoft.graph_url.as_str(), "https://graph.microsoft.com/v1.0");
    let config::Credential::Secret(secret) = &microsoft.credential else { panic!("a secret") };
    assert_eq!(secret.expose_secret(), "s3cret");

    let [source] = &config.programs[..] else {
        panic!("one program");
    };
    assert_eq!(source.roster, Some(folder.0.path().join("roster.csv")));
    let program = &source.program;
    assert_eq!(program.cadence, TimeDelta::days(10));
    assert_eq!(program.judge.overlap, TimeDelta::minutes(5));
    let reminders = [TimeDelta::hours(24), TimeDelta::hours(1)];
    assert_eq!(program.alerts.remind_before, reminders, "the earliest first");
    assert_eq!(program.digests[0].to, program.managers, "unless others are named");
}

#[test]
fn the_password_is_merged_into_the_url_as_lettre_reads_it() {
    let url = full().loaded().mail.unwrap().smtp_url;
    let url = url.expose_secret();
    assert_eq!(url, "smtps://user:p%40ss%2520%2Fword@mail.example.org");
    lettre::SmtpTransport::from_url(url).unwrap();
}

#[test]
fn little_needs_to_be_said() {
    let config = Folder::new(PROGRAM).loaded();
    assert_eq!(config.sync.interval, TimeDelta::minutes(5));
    assert!(config.web.is_none() && config.mail.is_none());
    let program = &config.programs[0].program;
    assert_eq!(program.title, "engineering");
    assert_eq!(program.cadence, TimeDelta::weeks(2));
    assert!(program.detect.words.contains(&"1:1".to_owned()));
    assert_eq!(config.warnings, [""; 0]);
}

/// Every file in the folder is refused, and how is under snapshot.
#[test]
fn mistakes_are_told_all_at_once() {
    let folder = Path::new("tests/config-mistakes");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|f| f.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    assert!(files.len() >= 5);
    for file in files {
        let problems = load(&file, &[]).expect_err("a mistake").to_string();
        assert!(!problems.contains("s3cret"), "{problems}");
        let name = file.file_stem().unwrap().to_string_lossy();
        insta::assert_snapshot!(name.as_ref(), problems);
    }
}

#[test]
fn a_missing_file_is_told() {
    let problems = load(Path::new("no/such/mentord.toml"), &[]).unwrap_err();
    insta::assert_snapshot!(problems);
}

#[test]
fn the_environment_overrides_the_file() {
    let environment = [
        ("MENTORD__SYNC__INTERVAL", "10m"),
        ("MENTORD__SYNC__CONCURRENCY", "4"),
        ("MENTORD__MAIL__PASSWORD", "12345"),
        ("MENTORD__MAIL__SMTP_URL", "smtp://user@127.0.0.1"),
        ("MENTORD__MAIL__FROM", "mentoring@example.org"),
        ("MENTORD__MAIL__MAX_PER_MINUTE", "60"),
        ("MENTORD__PROGRAMS__0__CADENCE", "3 weeks"),
        ("MENTORD__PROGRAMS__0__MANAGERS", "['a@acme.example']"),
        ("MENTORD__PROGRAMS__0__JUDGE__PRESUME_HELD", "true"),
        ("MENTORD__PROGRAMS__1__NAME", "sales"),
        ("MENTORD__PROGRAMS__1__TIMEZONE", "Europe/Paris"),
        ("HOME", "/root"),
    ];
    let config = Folder::new(PROGRAM).load(&environment).unwrap();
    assert_eq!(config.sync.interval, TimeDelta::minutes(10));
    assert_eq!(config.sync.concurrency, 4);
    assert_eq!(config.mail.as_ref().unwrap().max_per_minute, 60);
    let url = config.mail.unwrap().smtp_url;
    assert_eq!(url.expose_secret(), "smtp://user:12345@127.0.0.1");
    let program = &config.programs[0].program;
    assert_eq!(program.name, "engineering");
    assert_eq!(program.cadence, TimeDelta::weeks(3));
    assert_eq!(program.managers.len(), 1);
    assert!(program.judge.presume_held);
    assert_eq!(config.programs[1].program.name, "sales");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let problems = Folder::new(PROGRAM).problems(&[
        ("MENTORD__SYNC__CONCURRENCY", "many"),
        ("MENTORD__SYNC__INTERVALL", "10m"),
        ("MENTORD__PROGRAMS__0__CADENCE", "often"),
        ("MENTORD__DATABASE", "mentord.db"),
        ("MENTORD__WEB__LISTEN", "8080"),
    ]);
    insta::assert_snapshot!(problems);
    let problems = Folder::new(PROGRAM).problems(&[
        ("MENTORD__PROGRAMS__2__NAME", "sales"),
        ("MENTORD__PROGRAMS__9999999__NAME", "sales"),
        ("MENTORD__SYNC____INTERVAL", "10m"),
    ]);
    insta::assert_snapshot!(problems);
}

#[test]
fn credentials_of_systemd_come_before_files_beside_the_configuration() {
    let folder = full();
    let credentials = Folder::new("");
    credentials.write("graph-secret", "from systemd");
    let directory = credentials.0.path().to_str().unwrap();
    let config = folder.load(&[("CREDENTIALS_DIRECTORY", directory)]).unwrap();
    let Vendor::Microsoft(microsoft) = &config.connections[1].vendor else {
        panic!("Microsoft");
    };
    let config::Credential::Secret(secret) = &microsoft.credential else { panic!("a secret") };
    assert_eq!(secret.expose_secret(), "from systemd");
    let mail = config.mail.unwrap();
    assert!(mail.smtp_url.expose_secret().contains("word"), "not there: beside");

    fs::remove_file(folder.0.path().join("smtp-password")).unwrap();
    let problems = folder.problems(&[("CREDENTIALS_DIRECTORY", directory)]);
    let problems = problems.replace(directory, "/run/credentials/mentord");
    insta::assert_snapshot!(problems);
}

#[test]
fn secrets_that_cannot_be_used_are_told() {
    let folder = full();
    folder.write("smtp-password", "\n");
    folder.write("graph-secret", [0xff, 0xfe]);
    folder.write("google-key.json", "-----BEGIN PRIVATE KEY-----");
    insta::assert_snapshot!(folder.problems(&[]));
}

#[test]
fn debug_shows_no_secret() {
    let debug = format!("{:?}", full().loaded());
    for secret in ["p@ss", "p%40ss", "s3cret"] {
        assert!(!debug.contains(secret), "{debug}");
    }
    assert!(debug.contains("REDACTED"));
}

/// Every value of the full configuration in turn replaced by one of each type: always an answer,
/// never a secret in it, and where it is refused the line is named.
#[test]
fn any_value_may_be_of_any_type() {
    let folder = full();
    let lines: Vec<&str> = FULL.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        for value in
            ["7", "-1.5", "true", "\"\"", "\"s3cret\"", "[]", "[1, \"a\"]", "{ a = 1 }", "2026-01-01"]
        {
            let mut lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            lines[index] = format!("{key} = {value}");
            folder.write("mentord.toml", lines.join("\n"));
            if let Err(problems) = folder.load(&[]) {
                let text = problems.to_string();
                let place = format!("mentord.toml:{}: ", index + 1);
                // Without managers it is the digest that lacks something.
                let named = text.contains(&place) || key.trim() == "managers";
                assert!(named, "{key} = {value}: {text}");
                assert!(!text.contains("p@ss"), "{text}");
            }
        }
    }
}

#[test]
fn odd_settings_are_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(
        r#"
        [web]
        public_url = "http://mentoring.example.org"
        [mail]
        smtp_url = "smtp://relay@mail.example.org"
        from = "mentoring@example.org"
        [sync]
        interval = "2h"
        past = "1d"
        future = "2d"
        [[connections]]
        name = "acme"
        provider = "google"
        auth = "service_account"
        key_file = "google-key.json"
        domains = ["acme.example", "Acme.example"]
        [[programs]]
        name = "engineering"
        timezone = "Europe/Berlin"
        managers = ["people@acme.example"]
        [programs.detect]
        words = ["Interview"]
        [programs.judge]
        grace = "2 days"
        [programs.alerts]
        remind_before = ["1h", "60m", "3 days"]
        [[programs.digests]]
        cron = "0 0 9 * * 1"
        "#,
    );
    let key = folder.write("google-key.json", KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(folder.plain(&folder.loaded().warnings.join("\n")));

    let folder = Folder::new(
        "[[programs]]\nname = 'a'\ntimezone = 'UTC'\n[[programs.digests]]\ncron = '@daily'\nto = ['a@b.example']\n",
    );
    insta::assert_snapshot!(folder.plain(&folder.loaded().warnings.join("\n")));
}

mod roster {
    use super::*;
    use mentord::domain::roster::Entry;

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<Entry>, String> {
        let folder = Folder::new(
            "[[programs]]\nname = 'engineering'\ntimezone = 'UTC'\nroster = 'roster.csv'\n\
             [[programs]]\nname = 'sales'\ntimezone = 'UTC'\nroster = 'roster.csv'\n",
        );
        folder.write("roster.csv", text);
        config::read_rosters(&folder.loaded()).map_err(|p| folder.plain(&p.to_string()))
    }

    #[test]
    fn rows_of_a_group_are_one_pairing() {
        let entries = read(
            "\u{feff}Mentee_Name,mentee_email,program,mentor_name,mentor_email,group,starts_on,cadence\r\n\
             Bo,bo@acme.example,engineering,Ana,ana@acme.example,circle,2026-01-01,\r\n\
             Cy,cy@acme.example,engineering,ana,Ana@acme.example;ana@home.example,circle,,3 weeks\r\n\
             ,,,,,,,\r\n\
             Di,di@acme.example,engineering,Ana,ana@home.example,,,\r\n\
             Bo,bo@acme.example,sales,\"Ana\",ana@acme.example,circle,,\r\n",
        )
        .unwrap();
        let entries: Vec<String> = entries.iter().map(summary).collect();
        insta::assert_snapshot!(entries.join("\n"));
    }

    fn summary(entry: &Entry) -> String {
        let mentees: Vec<&str> = entry.mentees.iter().map(|p| p.name.as_str()).collect();
        let own: Vec<&str> = entry.mentor.addresses.iter().map(|a| a.as_str()).collect();
        let (program, mentor, group) = (&entry.program, &entry.mentor.name, &entry.group);
        let (starts, cadence) = (entry.starts_on, entry.cadence.map(|c| c.num_days()));
        format!("{program}: {mentor} {own:?} with {mentees:?}, {group:?} {starts:?} {cadence:?}")
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let problems = read(
            "program,mentor_name,mentor_email,mentee_name,mentee_email,starts_on,ends_on,cadence,group\n\
             enginering,Ana,ana@acme.example,Bo,bo@acme.example,,,,\n\
             engineering,Ana,ana at acme,,bo@acme.example,01.02.2026,26-03-01,often,\n\
             engineering,Ana,ana@acme.example,Bo,bo@acme.example,2026-03-01,2026-02-01,,\n\
             engineering,Ana,ana@acme.example,Anna,ana@acme.example,,,,\n\
             engineering,Ana,ana@acme.example,Ana,ana@acme.example,,,,\n\
             engineering,Ana,ana@acme.example,Bo,bo@acme.example,,,,\n\
             engineering,Ana,ana@acme.example,Bo\n\
             \n\
             engineering,Ana,ana@acme.example,Cy,cy@acme.example,2026-01-01,,,g\n\
             engineering,Ana,ana@acme.example,Di,di@acme.example,2026-01-02,,,g\n\
             accounting,Ana,ana@acme.example,Di,,,,,\n",
        );
        insta::assert_snapshot!(problems.unwrap_err());
    }

    #[test]
    fn headers_that_do_not_fit_are_told() {
        let texts = [
            "",
            "program;mentor_name;mentor_email;mentee_name;mentee_email\nengineering;Ana;a@b.example;Bo;b@b.example\n",
            "program,mentor_name,mentor_mail,mentee_name,mentee_email,mentee_email,salary\n",
            "program,mentor_name,mentor_email,mentee_name,mentee_email\nengineering,\"Ana,a@b.example,Bo,b@b.example\nengineering,Cy,c@b.example,Di,d@b.example\n",
        ];
        let problems = texts.map(|text| read(text).unwrap_err());
        insta::assert_snapshot!(problems.join("----\n"));
        insta::assert_snapshot!(read([b'a', 0xff]).unwrap_err());
    }

    #[test]
    fn a_missing_file_is_told() {
        let folder = Folder::new(&format!("{PROGRAM}roster = 'people.csv'\n"));
        let problems = config::read_rosters(&folder.loaded()).unwrap_err();
        insta::assert_snapshot!(folder.plain(&problems.to_string()));
    }
}
