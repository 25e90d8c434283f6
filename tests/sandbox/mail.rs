//! The mail server.

use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::*;

#[tokio::test]
async fn mail_is_taken_and_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options { mail_dir: Some(dir.path().into()), ..Options::at(at("2026-10-01T08:00:00Z")) };
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    let mailer =
        AsyncSmtpTransport::<Tokio1Executor>::from_url(&sandbox.smtp_url()).expect("an address").build();
    let mail = || {
        Message::builder()
            .from("Mentoring <mentoring@acme.example>".parse().expect("an address"))
            .to(BEN.parse().expect("an address"))
            .subject("Tomorrow")
            .body("One\r\n.two\r\n..three".to_string())
            .expect("a mail")
    };
    mailer.send(mail()).await.expect("taken");
    let mails = sandbox.control().mails().await.expect("mails");
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.clone()),
        ("mentoring@acme.example", vec![BEN.to_string()])
    );
    assert!(mails[0].data.ends_with("One\r\n.two\r\n..three\r\n"), "{}", mails[0].data);
    assert_eq!(std::fs::read_to_string(dir.path().join("0001.eml")).expect("a file"), mails[0].data);
    sandbox.control().smtp(false).await.expect("closed");
    let error = mailer.send(mail()).await.expect_err("put off");
    assert!(error.is_transient(), "{error}");
    sandbox.control().smtp(true).await.expect("open");
    mailer.send(mail()).await.expect("taken");
    assert_eq!(sandbox.control().mails().await.expect("mails").len(), 2);
}
