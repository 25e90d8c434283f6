//! The pages as browsers get them.

use chrono::TimeDelta;
use mentord::domain::calendar::CalendarState;
use mentord::sandbox::Fault;
use mentord::store::ConsentKind;

use crate::browser::{Browser, connect};
use crate::certificate::self_signed;
use crate::stage::*;

/// What a page tells the browser, whatever it is about.
const GUARDS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-robots-tag", "noindex"),
    ("content-security-policy", "default-src 'none'"),
];

fn change(stage: &Stage, from: &str, to: &str) {
    let file = stage.dir.path().join("mentord.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    assert!(text.contains(from), "{from}");
    std::fs::write(&file, text.replace(from, to)).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_cookie_is_for_tls_alone_and_every_page_is_guarded() {
    let stage = Stage::new().await;
    let public = stage.link(ADA, ConsentKind::Connect).await;
    change(&stage, public.split("/consent/").next().expect("a root"), "https://mentoring.example.org/pairs");
    let stage_context = stage.restart().await;
    let (root, _pages) = stage.serve(&stage_context).await;
    let stage = stage.with(stage_context);
    let here = |link: &str| format!("{root}{}", &link[link.find("/consent/").expect("a path")..]);
    let (link, withdraw) =
        (stage.link(ADA, ConsentKind::Connect).await, stage.link(ADA, ConsentKind::Withdraw).await);
    assert!(link.starts_with("https://mentoring.example.org/pairs/consent/link/"), "{link}");
    let mut browser = Browser::new();
    let start = browser.step(&format!("{}/start", here(&link))).await;
    let cookie = start.headers["set-cookie"].to_str().expect("text");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/pairs/consent/", "; Max-Age=1200"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let pages = [
        start,
        browser.step(&here(&link)).await,
        browser.step(&here(&withdraw)).await,
        browser.step(&format!("{root}/consent/link/nothing")).await,
        browser.step(&format!("{root}/consent/callback?state=x&code=y")).await,
    ];
    for page in pages {
        for (name, value) in GUARDS {
            let header = page.headers.get(name).unwrap_or_else(|| panic!("{name} of {}", page.url));
            assert!(header.to_str().expect("text").starts_with(value), "{name} of {}: {header:?}", page.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_google_is_not_told_of_deletes_the_tokens_all_the_same() {
    let stage = Stage::new().await;
    connect(&stage, ADA).await;
    let fault = Fault { path_contains: "/google/revoke".into(), status: 503, times: 1, ..Fault::default() };
    stage.world.fault(&fault).await.expect("a fault");
    let mut browser = Browser::new();
    let page = browser.open(&stage.link(ADA, ConsentKind::Withdraw).await).await;
    let withdrawn = browser.submit(&page).await;
    for text in
        ["Your consent is withdrawn", "Google still lists mentord", "myaccount.google.com/connections"]
    {
        assert!(withdrawn.html.replace("&#x2f;", "/").contains(text), "{}", withdrawn.html);
    }
    assert_eq!(stage.account(ADA).await.expect("an account").tokens, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_consent_to_an_application_that_has_a_certificate() {
    let (certificate, key) = self_signed();
    let stage = Stage::configured(Sqlite, async |sandbox, folder, file| {
        std::fs::write(folder.join("graph.pem"), format!("{key}{certificate}")).expect("a file");
        sandbox.control().certificate(&certificate).await.expect("to upload it");
        file.replace("client_secret_file = \"graph-secret\"", "certificate_file = \"graph.pem\"")
    })
    .await;
    assert!(format!("{:?}", stage.config().connections[1]).contains("Certificate"));
    connect(&stage, CHEN).await;
    stage.sync().await;
    stage.world.expire_tokens().await.expect("to expire");
    stage.pass(TimeDelta::hours(1));
    stage.sync().await;
    let calendar = stage.calendar(CHEN).await;
    assert_eq!((calendar.state, calendar.error), (CalendarState::Active, None));
}
