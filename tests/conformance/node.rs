//! Node, the packages of `package.json`, and the clients' scripts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mentord::sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// The oldest Node that the packages run on.
const OLDEST: u32 = 20;

/// What keeps a program of Node's from being used, if anything does. npm comes in versions of its own.
fn trouble(program: &str, version: Option<&str>) -> Option<String> {
    let Some(version) = version else { return Some(format!("there is no {program}")) };
    let number = version.trim().trim_start_matches('v').split('.').next();
    match number.and_then(|number| number.parse::<u32>().ok()) {
        Some(number) if program != "node" || number >= OLDEST => None,
        _ => Some(format!("{program} {} is too old", version.trim())),
    }
}

#[test]
fn a_node_that_is_too_old_is_told_from_none() {
    for (program, version, expected) in [
        ("node", None, Some("there is no node")),
        ("node", Some("v18.19.1\n"), Some("node v18.19.1 is too old")),
        ("node", Some("v20.0.0\n"), None),
        ("node", Some("v100.1.0"), None),
        ("node", Some("nodule"), Some("node nodule is too old")),
        ("npm", Some("9.2.0\n"), None),
        ("npm", None, Some("there is no npm")),
    ] {
        assert_eq!(trouble(program, version).as_deref(), expected);
    }
}

/// Node with the packages installed.
#[derive(Clone)]
pub struct Node {
    folder: PathBuf,
}

impl Node {
    /// Installs the packages where they are not there yet. `None` without a Node that will do, which CI must have.
    pub async fn ready() -> Option<Self> {
        static READY: OnceCell<Option<Node>> = OnceCell::const_new();
        READY.get_or_init(Self::install).await.clone()
    }

    async fn install() -> Option<Self> {
        for program in ["node", "npm"] {
            let output = Command::new(program).arg("--version").output().await;
            let output = output.ok().filter(|output| output.status.success());
            let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            if let Some(trouble) = trouble(program, version.as_deref()) {
                #[expect(clippy::disallowed_methods, reason = "CI says so in the environment alone")]
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!ci, "{trouble}, and CI must not skip these tests; install Node {OLDEST} or later");
                // Not `eprintln`: of a test that passes that would be kept back.
                let told = format!("skipped: {trouble}; install Node {OLDEST} to run the vendors' clients\n");
                std::io::stderr().write_all(told.as_bytes()).expect("standard error");
                return None;
            }
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
        let lock = std::fs::read(folder.join("package-lock.json")).expect("a lock file");
        // What was installed from which lock file; written last.
        let stamp = folder.join("node_modules/.installed");
        if std::fs::read(&stamp).ok().as_ref() != Some(&lock) {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
            let output = npm.output().await.expect("npm runs");
            assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
            std::fs::write(&stamp, lock).expect("the stamp is written");
        }
        Some(Self { folder })
    }

    /// A Node process that ends with its handle.
    pub fn run(&self, script: &str) -> Command {
        let mut node = Command::new("node");
        // Nothing may come between on loopback, whatever the machine has set.
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NODE_OPTIONS"] {
            node.env_remove(proxy);
        }
        node.arg(script).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        node
    }
}

/// Runs a client's script against `url`, and fails with what it said.
pub async fn script(node: &Node, name: &str, sandbox: &Sandbox, url: &str) {
    let app = sandbox.microsoft_app();
    let key: Value = serde_json::from_str(&sandbox.google_key_json()).expect("a key file");
    let stage = json!({
        "url": url,
        "sandbox": sandbox.url(),
        "google": key,
        "microsoft": {
            "tenant_id": app.tenant_id, "client_id": app.client_id, "client_secret": app.client_secret,
        },
    });
    let mut run = node.run(&format!("clients/{name}"));
    let output = run.env("STAGE", stage.to_string()).output().await.expect("Node runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} against {url}:\n{told}");
}
