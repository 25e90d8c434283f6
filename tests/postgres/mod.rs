//! A private PostgreSQL server, from the binaries that are installed: it listens on a socket in a
//! folder of its own and is gone with the last test that uses it.
#![allow(dead_code, reason = "every binary with tests on PostgreSQL has this module, and uses its part")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// A server. Dropping it stops it and deletes its data.
pub struct Server {
    folder: TempDir,
    binaries: PathBuf,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// The server of this test binary, started if nobody has it yet.
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server of one's own, to be stopped and started.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mentord-pg-").tempdir_in("/tmp").unwrap();
        if is_root() {
            let id = |option: &str| {
                let id = output(Command::new("id").args([option, "postgres"]));
                id.trim().parse().expect("the number of the user postgres, whom the server runs as")
            };
            chown(folder.path(), Some(id("-u")), Some(id("-g"))).unwrap();
        }
        // The tests connect to the socket in it.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let server = Self { binaries: binaries(), folder };
        let data = server.data();
        // In a language whose order is not that of the bytes, so that nothing rests on it.
        let language = ["--locale-provider=icu", "--icu-locale=en-US"];
        let initdb = |more: &[&str]| {
            let mut command = server.command("initdb");
            command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]);
            command.args(more).arg("-D").arg(&data).output().expect("initdb runs")
        };
        if !initdb(&language).status.success() {
            let plain = initdb(&[]);
            assert!(plain.status.success(), "initdb: {}", String::from_utf8_lossy(&plain.stderr));
        }
        server.go_on();
        server
    }

    /// Starts it, or starts it again.
    pub fn go_on(&self) {
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c fsync=off -c full_page_writes=off \
             -c max_connections=200 -c shared_buffers=64MB",
            self.folder.path().display()
        );
        let log = self.folder.path().join("log");
        output(self.control("start").args(["-o", &options]).arg("-l").arg(log));
    }

    /// Stops it without a word to anybody who is connected.
    pub fn go_away(&self) {
        output(self.control("stop").args(["-m", "immediate"]));
    }

    fn control(&self, action: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command.args([action, "-w", "-s", "-D"]).arg(self.data());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// PostgreSQL does not run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.binaries.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir(self.folder.path());
        command
    }

    /// What it has written into its log: who waited for whom in a deadlock, say.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The process that all others of the server come from.
    pub fn pid(&self) -> u32 {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().trim().parse().unwrap()
    }

    /// The URL of a database on it.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{folder}/{database}")
    }

    /// Makes an empty database and returns its URL.
    pub async fn database(&self) -> String {
        self.another("template1").await
    }

    /// Makes a database that is like the one at `url`, to which nobody may be connected.
    pub async fn copy_of(&self, url: &str) -> String {
        self.another(url.rsplit('/').next().expect("a database's name")).await
    }

    async fn another(&self, template: &str) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        self.url(&name)
    }

    /// Does something to a database behind mentord's back.
    pub async fn run(&self, database: &str, sql: &str) {
        run(&self.url(database), sql).await;
    }
}

/// Does something to the database behind mentord's back.
pub async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped; what matters is that it does not stay.
        let _ = self.control("stop").args(["-m", "immediate"]).output();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Where the server's programs are; Debian keeps them off the path.
fn binaries() -> PathBuf {
    let on_path = Command::new("pg_config").arg("--bindir").output();
    let on_path = on_path.ok().filter(|found| found.status.success());
    let on_path = on_path.map(|found| PathBuf::from(String::from_utf8_lossy(&found.stdout).trim()));
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    let complete = |folder: &Path| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    let found = on_path.into_iter().chain(found.into_iter().rev()).find(|folder| complete(folder));
    found.expect("a PostgreSQL server is installed (tests/run installs one)")
}

fn output(command: &mut Command) -> String {
    // Not piped: a server that is started keeps what it is given.
    let file = tempfile::NamedTempFile::new().unwrap();
    let status = command.stdout(file.reopen().unwrap()).stderr(file.reopen().unwrap()).status().unwrap();
    let said = std::fs::read_to_string(file.path()).unwrap();
    assert!(status.success(), "{command:?}: {said}");
    said
}
