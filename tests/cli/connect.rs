//! `mentord connect`, and what other commands say about people who did not consent.

use serde_json::json;

use crate::stage::{ADA, CHEN, HANA, Stage};

const PAGES: &str = "[web]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://mentoring.example.org\"\n";
const KEYS: &str = "[accounts]\nkey_file = \"accounts-key\"\n";

/// Those with Google have to consent.
async fn set(sections: &str) -> Stage {
    let stage = Stage::set().await;
    let client = stage.sandbox.google_client();
    let url = stage.sandbox.url();
    stage.write("accounts-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    stage.configure(
        "auth = \"service_account\"\nkey_file = \"google-key.json\"\n",
        &format!(
            "auth = \"user_consent\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n\
             auth_url = \"{url}/google/auth\"\ntoken_url = \"{url}/google/token\"\n\
             revoke_url = \"{url}/google/revoke\"\n",
            client.client_id, client.client_secret
        ),
    );
    stage.configure("[sync]\n", &format!("{sections}[sync]\n"));
    stage
}

#[tokio::test]
async fn connect_prints_a_link_and_sends_it() {
    let stage = set(&format!("{PAGES}{KEYS}")).await;
    let run = stage.run(&["connect", "Ada@acme.example"]).await.went_well();
    let link = run.out.trim();
    assert!(link.starts_with("https://mentoring.example.org/consent/link/"), "{link}");
    assert_eq!(link.rsplit('/').next().unwrap().len(), 43);
    run.complains_of(&[ADA, "good until", "earlier links are not"]);
    assert!(stage.control.mails().await.unwrap().is_empty());

    let run = stage.run(&["connect", ADA, "--mail"]).await.went_well().complains_of(&["sent to", ADA]);
    let mails = stage.control.mails().await.unwrap();
    assert_eq!((mails.len(), mails[0].to.as_slice()), (1, &[ADA.to_owned()][..]));
    let secret = run.out.trim().rsplit('/').next().unwrap().to_owned();
    assert!(mails[0].data.replace("=\r\n", "").contains(&secret), "{}", mails[0].data);

    let run = stage.run(&["connect", ADA, "--withdraw"]).await.went_well();
    assert!(run.out.starts_with("https://mentoring.example.org/consent/withdraw/"), "{}", run.out);
    assert!(run.err.contains("good until") && !run.err.contains("earlier links"), "{}", run.err);
}

#[tokio::test]
async fn connect_says_why_there_is_nothing_to_connect() {
    let stage = set(&format!("{PAGES}{KEYS}")).await;
    stage.run(&["connect", "nobody at acme"]).await.ends_with(2).complains_of(&["name@example.org"]);
    stage.run(&["connect", "zoe@acme.example"]).await.ends_with(1).complains_of(&["nobody in the roster"]);
    stage.run(&["connect", CHEN]).await.ends_with(1).complains_of(&["no consent is needed", "contoso"]);
    stage.run(&["connect", HANA]).await.ends_with(1).complains_of(&["no calendar here", "freelance.example"]);
}

#[tokio::test]
async fn consent_needs_pages_and_a_key_and_the_check_says_so() {
    let stage = set("").await;
    stage.run(&["check"]).await.ends_with(78).complains_of(&[
        "2 problems",
        "web.public_url",
        "accounts.key_file",
        "openssl rand -base64 32",
        "user_consent",
    ]);
    let stage = set(&format!("{}{KEYS}", PAGES.replace("https:", "http:"))).await;
    stage.run(&["check"]).await.ends_with(78).complains_of(&["web.public_url", "plain http"]);
    let stage = set(&format!("{PAGES}{KEYS}")).await;
    for (key, found) in [
        ("not a key!", "line 1 that is not base64"),
        ("# old\n\nc2hvcnQ=\n", "5 bytes in line 3"),
        ("# none\n", "no key"),
    ] {
        stage.write("accounts-key", key);
        let run = stage.run(&["check"]).await.ends_with(78).complains_of(&[
            "accounts.key_file",
            found,
            "openssl rand -base64 32",
        ]);
        assert!(!run.err.contains("c2hvcnQ"), "{}", run.err);
    }
}

#[tokio::test]
async fn who_did_not_consent_is_shown_with_the_remedy() {
    let stage = set(&format!("{PAGES}{KEYS}")).await;
    stage
        .run(&["check", "--online"])
        .await
        .ends_with(1)
        .says(&["FAILED  connection acme: the database is not up to date", "mentord migrate"]);
    stage.run(&["sync"]).await;
    let calendars = stage.list("calendars").await;
    let ada = calendars.iter().find(|calendar| calendar["address"] == json!(ADA)).unwrap();
    assert_eq!(ada["state"], json!("needs_consent"));
    let error = ada["error"].as_str().unwrap();
    assert!(error.contains("nobody has consented yet") && error.contains("mentord connect"), "{error}");
    stage.run(&["check", "--online"]).await.ends_with(1).says(&[
        "FAILED  connection acme",
        "mentord connect ADDRESS",
        "ok      connection contoso",
    ]);
}
