//! Microsoft's client credentials with a certificate.

use std::sync::Arc;
use std::time::Duration;

use mentord::config::{self, Certificate, Credential, MicrosoftAuth};
use mentord::domain::people::Address;
use mentord::providers::microsoft::Microsoft;
use mentord::providers::{Provider, ProviderError};
use mentord::sandbox::{self, Fault, Options, Sandbox};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rstest::rstest;
use serde_json::json;

use crate::passed::Passed;

/// A certificate that its own key has signed, and that key, both in PEM.
pub fn self_signed() -> (String, String) {
    #[expect(clippy::disallowed_methods, reason = "any key will do: nothing depends on which")]
    let key = rsa::PrivateKey::new(&mut rand::rng(), 2048).expect("a key");
    let key = key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string();
    let pair = rcgen::KeyPair::from_pem(&key).expect("a key pair");
    let parameters = rcgen::CertificateParams::new(vec!["mentord.example.org".to_owned()]).expect("a name");
    (parameters.self_signed(&pair).expect("a certificate").pem(), key)
}

fn with(sandbox: &Sandbox, pem: String) -> config::Microsoft {
    let app = sandbox.microsoft_app();
    let certificate = Certificate::read(&pem.into()).expect("a certificate and its key");
    config::Microsoft {
        tenant_id: app.tenant_id,
        client_id: app.client_id,
        credential: Credential::Certificate(certificate),
        auth: MicrosoftAuth::ClientCredentials,
        graph_url: sandbox.graph_url().parse().expect("a URL"),
        login_url: sandbox.login_url().parse().expect("a URL"),
    }
}

async fn probe(config: &config::Microsoft) -> Result<(), ProviderError> {
    let budget = Arc::new(Passed::default());
    let passed = budget.clone();
    let provider = Microsoft::new("contoso", config, Duration::from_secs(10), budget).expect("a provider");
    let answer = provider.probe(&Address::parse("clara@contoso.example").expect("an address")).await;
    assert_eq!(passed.count(), 1);
    answer
}

#[tokio::test]
async fn an_application_signs_in_with_its_certificate() {
    let sandbox = Sandbox::start(Options::at("2026-10-05T06:00:00Z".parse().expect("a time"))).await;
    let sandbox = sandbox.expect("a sandbox");
    let world = sandbox.control();
    world.person("clara@contoso.example", "Clara", sandbox::Provider::Microsoft).await.expect("a person");
    let (certificate, key) = self_signed();
    let ours = with(&sandbox, format!("{key}\n{certificate}"));

    let Err(ProviderError::Refused(told)) = probe(&ours).await else { panic!("nobody uploaded it") };
    assert!(told.contains("AADSTS700027") && told.contains("certificate_file"), "{told}");
    world.certificate(&certificate).await.expect("to upload it");
    assert_eq!(probe(&ours).await, Ok(()));

    let (other, other_key) = self_signed();
    let other = with(&sandbox, format!("{other}{other_key}"));
    assert!(matches!(probe(&other).await, Err(ProviderError::Refused(_))), "another certificate");
    let stranger = config::Microsoft { client_id: "11111111-1111-4111-8111-111111111111".into(), ..ours };
    assert!(matches!(probe(&stranger).await, Err(ProviderError::Refused(_))), "another application");
}

/// The numbers are Microsoft's ("Microsoft Entra authentication and authorization error codes").
#[rstest]
#[case(700_021, &["client_id"], "clock")]
#[case(700_023, &["tenant_id", "login_url"], "certificate_file")]
#[case(700_024, &["clock"], "certificate_file")]
#[case(700_027, &["certificate_file"], "clock")]
#[case(1_000_502, &["certificate_file", "expired"], "clock")]
#[case(7_000_214, &["certificate_file"], "clock")]
#[case(7_000_274, &["certificate_file"], "clock")]
#[case(7_000_277, &["certificate_file"], "clock")]
#[case(7_000_215, &["certificate_file"], "clock")]
#[tokio::test]
async fn a_refused_certificate_is_told_with_its_own_remedy(
    #[case] number: u64,
    #[case] parts: &[&str],
    #[case] not: &str,
) {
    let sandbox = Sandbox::start(Options::at("2026-10-05T06:00:00Z".parse().expect("a time"))).await;
    let sandbox = sandbox.expect("a sandbox");
    let (certificate, key) = self_signed();
    let ours = with(&sandbox, format!("{key}{certificate}"));
    let body = Some(json!({"error": "invalid_client", "error_codes": [number]}));
    let fault = Fault { path_contains: "/token".into(), status: 401, times: 1, body, ..Fault::default() };
    sandbox.control().fault(&fault).await.expect("a fault");
    let Err(ProviderError::Refused(told)) = probe(&ours).await else { panic!("not refused") };
    assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    assert!(!told.contains("client_secret_file") && !told.contains(not), "{told}");
}

#[test]
fn what_is_no_certificate_with_its_key_is_told_and_not_quoted() {
    let (certificate, key) = self_signed();
    let (_, other) = self_signed();
    for (pem, found) in [
        (key.clone(), "no certificate"),
        (certificate.clone(), "no private key"),
        (format!("{certificate}{other}"), "do not belong together"),
        ("s3cret".to_owned(), "no certificate"),
        (
            format!(
                "{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\ns3cret\n-----END ENCRYPTED PRIVATE KEY-----"
            ),
            "passphrase",
        ),
    ] {
        let (told, remedy) = Certificate::read(&pem.into()).expect_err("a mistake");
        assert!(told.contains(found), "{told}");
        assert!(!remedy.contains("s3cret") && !told.contains("s3cret"));
    }
    let right = Certificate::read(&format!("{certificate}{key}").into()).expect("both");
    assert!(!format!("{right:?}").contains("Rsa"), "{right:?}");
}
