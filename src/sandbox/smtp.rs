//! A mail server that keeps what it is given: plain RFC 5321, no TLS, no sign-in.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::sandbox::bell::Bell;
use crate::sandbox::control::wire::Mail;

/// The longest line that is read, and the largest message.
const LONGEST_LINE: u64 = 64 * 1024;
const LARGEST: usize = 25 * 1024 * 1024;

/// The received mail.
pub struct Post {
    mails: Mutex<Vec<Mail>>,
    open: AtomicBool,
    dir: Option<PathBuf>,
    /// Rung after each mail that was taken.
    pub bell: Bell,
}

impl Post {
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { mails: Mutex::default(), open: AtomicBool::new(true), dir, bell: Bell::default() }
    }

    pub fn accept(&self, accept: bool) {
        self.open.store(accept, Ordering::Relaxed);
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn count(&self) -> usize {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn keep(&self, mail: Mail) -> io::Result<()> {
        let (number, bytes) = {
            let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = mail.data.clone();
            mails.push(mail);
            (mails.len(), bytes)
        };
        self.bell.ring();
        match &self.dir {
            Some(dir) => tokio::fs::write(dir.join(format!("{number:04}.eml")), bytes).await,
            None => Ok(()),
        }
    }
}

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, post: Arc<Post>, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (post, stop) = (Arc::clone(&post), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = converse(stream, &post) => {}
            }
        });
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

async fn converse(stream: TcpStream, post: &Post) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut envelope = Envelope::default();
    writer.write_all(b"220 sandbox.example ESMTP\r\n").await?;
    while let Some(line) = line(&mut reader).await? {
        let text = String::from_utf8_lossy(&line).trim().to_string();
        let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => {
                envelope = Envelope::default();
                "250-sandbox.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 26214400".into()
            }
            "HELO" => {
                envelope = Envelope::default();
                "250 sandbox.example".into()
            }
            "MAIL" if envelope.from.is_some() => "503 5.5.1 One sender is enough".into(),
            "MAIL" => match path(&text, "FROM:") {
                Some(from) => {
                    envelope.from = Some(from);
                    "250 2.1.0 OK".into()
                }
                None => "501 5.5.4 Write MAIL FROM:<address>".into(),
            },
            "RCPT" => recipient(&mut envelope, &text, post),
            "DATA" if envelope.to.is_empty() => "503 5.5.1 Name a recipient first".into(),
            "DATA" => {
                writer.write_all(b"354 End with a dot on a line of its own\r\n").await?;
                let Some(data) = data(&mut reader).await? else {
                    return Ok(());
                };
                let Envelope { from, to } = std::mem::take(&mut envelope);
                if data.len() > LARGEST {
                    "552 5.3.4 Too large".into()
                } else {
                    let data = String::from_utf8_lossy(&data).into_owned();
                    match post.keep(Mail { from: from.unwrap_or_default(), to, data }).await {
                        Ok(()) => "250 2.0.0 Taken".into(),
                        Err(error) => format!("451 4.3.0 The mail cannot be written: {error}"),
                    }
                }
            }
            "RSET" => {
                envelope = Envelope::default();
                "250 2.0.0 OK".into()
            }
            "NOOP" => "250 2.0.0 OK".into(),
            "QUIT" => {
                writer.write_all(b"221 2.0.0 Bye\r\n").await?;
                return Ok(());
            }
            _ => "500 5.5.2 Unknown command".into(),
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn recipient(envelope: &mut Envelope, text: &str, post: &Post) -> String {
    if envelope.from.is_none() {
        return "503 5.5.1 Name a sender first".into();
    }
    if !post.open.load(Ordering::Relaxed) {
        return "451 4.3.0 Not now, try again later".into();
    }
    match path(text, "TO:").filter(|to| !to.is_empty()) {
        Some(to) => {
            envelope.to.push(to);
            "250 2.1.5 OK".into()
        }
        None => "501 5.5.4 Write RCPT TO:<address>".into(),
    }
}

/// The address between the angle brackets.
fn path(text: &str, keyword: &str) -> Option<String> {
    let rest = text.split_once(char::is_whitespace)?.1.trim_start();
    let head = rest.get(..keyword.len())?;
    let (from, to) = (rest.find('<')?, rest.find('>')?);
    (head.eq_ignore_ascii_case(keyword) && from < to).then(|| rest[from + 1..to].to_string())
}

async fn line(reader: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    Ok((read > 0).then_some(line))
}

/// The message up to the lonely dot; leading dots lose the one that was put before them.
async fn data(reader: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    loop {
        let Some(line) = line(reader).await? else {
            return Ok(None);
        };
        if line == b".\r\n" || line == b".\n" {
            return Ok(Some(message));
        }
        if message.len() <= LARGEST {
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}
