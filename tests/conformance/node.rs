//! Node, the packages of `package.json`, and the clients' scripts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mentord::sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Node with the packages installed.
#[derive(Clone)]
pub struct Node {
    folder: PathBuf,
}

impl Node {
    /// Installs the packages where they are not there yet. `None` without Node, which CI must have.
    pub async fn ready() -> Option<Self> {
        static READY: OnceCell<Option<Node>> = OnceCell::const_new();
        READY.get_or_init(Self::install).await.clone()
    }

    async fn install() -> Option<Self> {
        for program in ["node", "npm"] {
            let found = Command::new(program).arg("--version").output().await;
            if !found.is_ok_and(|output| output.status.success()) {
                #[expect(clippy::disallowed_methods, reason = "CI says so in the environment alone")]
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!ci, "there is no {program}, and CI must not skip these tests; install Node 20");
                // Not `eprintln`: of a test that passes that would be kept back.
                let told =
                    format!("skipped: no {program} here; install Node 20 to run the vendors' clients\n");
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
