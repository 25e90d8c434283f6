//! Prism, a proxy that holds every request and every answer against `contract.json`.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mentord::sandbox::Sandbox;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::node::Node;

pub struct Prism {
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
    _child: Child,
}

impl Drop for Prism {
    /// Says what it found when a test fails.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = self.log.lock()
        {
            eprintln!("Prism found:\n{}", wrong(&log).join("\n"));
        }
    }
}

fn wrong(log: &[String]) -> Vec<&str> {
    log.iter().map(String::as_str).filter(|line| line.contains("terminated with error")).collect()
}

impl Prism {
    /// Starts one before the sandbox, and lets the sandbox's links lead to it.
    pub async fn before(node: &Node, sandbox: &Sandbox) -> Self {
        let prism = Self::facing(node, &sandbox.url()).await;
        sandbox.control().known_as(Some(&prism.url)).await.expect("set");
        prism
    }

    /// Starts one before any server, on a port of the system's choice.
    pub async fn facing(node: &Node, server: &str) -> Self {
        let mut run = node.run("node_modules/@stoplight/prism-cli/dist/index.js");
        run.args(["proxy", "contract.json", server]);
        run.args(["--errors", "--host", "127.0.0.1", "--port", "0"]);
        let mut child = run.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("Prism starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("its output") {
                if let Some((_, url)) = line.split_once("Prism is listening on ") {
                    return url.trim().to_string();
                }
            }
            panic!("Prism ended");
        };
        let url = tokio::time::timeout(Duration::from_secs(60), listening).await.expect("Prism listens");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().expect("no panic").push(line);
            }
        });
        Self { url, log, _child: child }
    }

    /// Whether it keeps a request from the sandbox that has nothing in it.
    pub async fn refuses_an_empty(&self, path: &str) -> bool {
        #[expect(clippy::disallowed_methods, reason = "a client of its own, not the service's")]
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let empty =
            http.post(format!("{}{path}", self.url)).header("content-type", "application/json").body("{}");
        let answer = empty.send().await.expect("an answer");
        let of_prism =
            answer.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
        of_prism && answer.status() == 422
    }

    /// No request and no answer so far broke a definition, and there were some.
    #[track_caller]
    pub fn found_nothing_wrong(&self) {
        let log = self.log.lock().expect("no panic");
        assert!(log.iter().any(|line| line.contains("Request received")), "Prism saw nothing: {log:#?}");
        assert_eq!(wrong(&log), [""; 0]);
    }
}
