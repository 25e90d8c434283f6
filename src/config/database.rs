//! `[database]`: a SQLite file, or a PostgreSQL server.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::check::Checker;
use super::secret::{Given, secret};
use super::{Database, Postgres, defaults, raw, values};

const EXAMPLE: &str = "write \"sqlite:mentord.db\", with the path of the file, or \
                       \"postgres://user@host/database\"";

/// Options of `sqlx`'s PostgreSQL URLs that say how a connection is made, not what is done with it.
const PARAMETERS: [&str; 6] = ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"];

pub fn check(raw: raw::Database, checker: &mut Checker<'_>) -> Option<Database> {
    let at = "database.url";
    let given = raw.password.is_some() || raw.password_file.is_some();
    let password =
        secret("database", Given { key: "password", direct: raw.password, file: raw.password_file }, checker);
    let url = raw.url.as_deref().unwrap_or(defaults::database_url());
    if is_postgres(url) {
        let server = match postgres(url) {
            Ok(server) => server,
            Err(remedy) => return checker.refuse(at, "a PostgreSQL URL (not shown)", &remedy),
        };
        if !server.encrypted && !server.near {
            let text = "personal data may go over the network unencrypted; add ?sslmode=verify-full";
            checker.warn(at, text);
        }
        if !given {
            return Some(Database::Postgres(server));
        }
        if server.has_password {
            return checker.refuse(at, "a password here and one in its own key", "leave the one in url out");
        }
        return Some(Database::Postgres(Postgres { password: Some(password?), ..server }));
    }
    if given {
        let found = "a password, though SQLite has none";
        return checker.refuse(
            "database",
            found,
            "leave it out, or write a url that begins with postgres://",
        );
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        // Another database's URL may hold a password.
        let found = match url.contains("://") {
            true => "a URL that begins neither with sqlite: nor with postgres://".to_owned(),
            false => format!("{url:?}"),
        };
        return checker.refuse(at, &found, EXAMPLE);
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    match path {
        "" => checker.refuse(at, &format!("{url:?}"), EXAMPLE),
        ":memory:" => {
            let found = "a database in memory, which would forget everything";
            checker.refuse(at, found, EXAMPLE)
        }
        path if path.contains('?') => {
            let remedy = "leave out what begins with ?; mentord sets these options itself";
            checker.refuse(at, &format!("{url:?}"), remedy)
        }
        path => Some(Database::Sqlite(checker.source.folder.join(path))),
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Reads the URL of a PostgreSQL database; an error is what to write instead.
pub fn postgres(text: &str) -> Result<Postgres, String> {
    let example = || "write a URL like \"postgres://user@host/database\"".to_owned();
    let url = Url::parse(text).map_err(|_| example())?;
    let name = url.path().trim_matches('/');
    if !is_postgres(text) || !text.contains("://") || name.is_empty() || name.contains('/') {
        return Err(example());
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !PARAMETERS.contains(&key.as_str())) {
        return Err(format!("leave out {key}=…; after the ? there may be {}", PARAMETERS.join(", ")));
    }
    let parameter = |wanted: &str| pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| &**value);
    let host = parameter("host").or(url.host_str()).unwrap_or_default();
    // The folder of a socket may stand in the host's place.
    let host = host.replace("%2F", "/").replace("%2f", "/");
    let near = host.is_empty() || host.starts_with('/') || host == "localhost" || values::is_loopback(&url);
    let mode = parameter("sslmode");
    let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
    if let Some(mode) = mode.filter(|mode| !modes.contains(mode)) {
        return Err(format!("write one of {} instead of sslmode={mode}", modes.join(", ")));
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Postgres {
        place: format!("postgres://{host}{port}/{name}"),
        encrypted: matches!(mode, Some("require" | "verify-ca" | "verify-full")),
        near,
        has_password: url.password().is_some(),
        url: SecretString::from(text.to_owned()),
        password: None,
    })
}

impl Postgres {
    /// Where the data live, without user and password.
    pub fn place(&self) -> String {
        self.place.clone()
    }

    /// The URL without its password, which comes apart.
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }
}
