//! A wire between the service and the sandbox's mail server that tells when a message passes, can be
//! cut, and can hold the server's answers to messages back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    /// The Message-IDs of what was passed on whole; the server may not have answered yet.
    passed: watch::Sender<Vec<String>>,
    open: watch::Sender<usize>,
    cut: watch::Sender<bool>,
    held: watch::Sender<Held>,
}

/// Which of the server's answers are kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Nothing,
    /// What it says to a message that it has got whole.
    Receipts,
    Everything,
}

impl Relay {
    /// Begins to pass on to the mail server at `smtp_url`.
    pub async fn start(smtp_url: &str) -> Self {
        let server: SocketAddr = smtp_url.strip_prefix("smtp://").unwrap().parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let relay = Self {
            address: listener.local_addr().unwrap(),
            passed: watch::Sender::new(Vec::new()),
            open: watch::Sender::new(0),
            cut: watch::Sender::new(false),
            held: watch::Sender::new(Held::Nothing),
        };
        let own = relay.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*own.cut.borrow() {
                    own.open.send_modify(|open| *open += 1);
                    let own = own.clone();
                    tokio::spawn(async move {
                        own.pass(client, server).await;
                        own.open.send_modify(|open| *open -= 1);
                    });
                }
            }
        });
        relay
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    async fn pass(&self, client: TcpStream, server: SocketAddr) {
        let Ok(server) = TcpStream::connect(server).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let whole = AtomicBool::new(false);
        // Each way ends by itself: what a client that died had said is heard to the end.
        tokio::join!(self.there(from_client, to_server, &whole), self.back(from_server, to_client, &whole));
    }

    async fn there(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, whole: &AtomicBool) {
        let mut buffer = [0; 4096];
        let mut heard = Vec::new();
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..length]);
            // Known before the server can answer.
            let ends = heard.ends_with(b"\r\n.\r\n");
            whole.fetch_or(ends, Ordering::SeqCst);
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
            if ends {
                let id = message_id(&String::from_utf8_lossy(&heard));
                self.passed.send_modify(|passed| passed.push(id));
                heard.clear();
            }
        }
        let _ = to.shutdown().await;
    }

    async fn back(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, whole: &AtomicBool) {
        let mut buffer = [0; 4096];
        let mut held = self.held.subscribe();
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let free = |held: &Held| match held {
                Held::Nothing => true,
                Held::Receipts => !whole.load(Ordering::SeqCst),
                Held::Everything => false,
            };
            let _ = held.wait_for(free).await;
            // The server is read to its end though nobody may listen any more.
            let _ = to.write_all(&buffer[..length]).await;
        }
    }

    /// The Message-IDs of what was passed on so far.
    pub fn passed(&self) -> Vec<String> {
        self.passed.borrow().clone()
    }

    /// Whether somebody is talking to the server, or waits for its greeting.
    pub fn is_open(&self) -> bool {
        *self.open.borrow() > 0
    }

    /// Waits for the next message to pass, for so long at the most; whether one did.
    pub async fn passes(&self, at_most: Duration) -> bool {
        let mut passed = self.passed.subscribe();
        let before = passed.borrow().len();
        tokio::time::timeout(at_most, passed.wait_for(|passed| passed.len() > before)).await.is_ok()
    }

    /// Waits until the server has heard everything that was said by clients that are gone.
    pub async fn drained(&self) {
        let mut open = self.open.subscribe();
        let drained = open.wait_for(|open| *open == 0);
        tokio::time::timeout(Duration::from_secs(20), drained).await.expect("an end of all mail").unwrap();
    }

    /// Turns everybody away who comes from now on, or lets them in again.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    /// Keeps some of the server's answers back, or lets them go.
    pub fn hold(&self, held: Held) {
        self.held.send_replace(held);
    }
}

/// The Message-ID in a message, with its angle brackets.
pub fn message_id(message: &str) -> String {
    let unfolded = message.replace("\r\n ", " ");
    let found = unfolded.lines().find_map(|line| line.strip_prefix("Message-ID: "));
    found.unwrap_or_else(|| panic!("no Message-ID in\n{message}")).trim().to_owned()
}
