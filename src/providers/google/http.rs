//! The HTTP clients, made once for a connection and shared by everything that it asks for.

use std::sync::Arc;
use std::time::Duration;

use google_calendar3::common;
use google_calendar3::hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use google_calendar3::hyper_util::client::legacy::Client;
use google_calendar3::hyper_util::client::legacy::connect::HttpConnector;
use google_calendar3::hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::SetupError;

pub(super) const USER_AGENT: &str = concat!("mentord/", env!("CARGO_PKG_VERSION"));

pub(super) type Connector = HttpsConnector<HttpConnector>;

pub(super) struct Clients {
    /// For the calendar crate.
    pub calendar: common::Client<Connector>,
    /// For the token crate, which wants another body type.
    pub token: Client<Connector, String>,
    /// For Meet and the directory, which have no crate.
    pub json: reqwest::Client,
}

impl Clients {
    pub fn new(timeout: Duration) -> Result<Self, SetupError> {
        let tls = tls()?;
        // Plain HTTP is for stand-ins on loopback; whoever may write the configuration decides.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        #[expect(clippy::disallowed_methods, reason = "made once for the connection, with its time-out")]
        let json = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .user_agent(USER_AGENT)
            .timeout(timeout)
            // The clients of the two crates know no proxy either: one behaviour for all.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SetupError::Http(error.to_string()))?;
        Ok(Self {
            calendar: Client::builder(TokioExecutor::new()).build(connector.clone()),
            token: Client::builder(TokioExecutor::new()).build(connector),
            json,
        })
    }
}

/// rustls with ring, named here so that no process-wide default is needed. The machine's own root
/// certificates are believed, or the built-in ones where it has none.
fn tls() -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Http(error.to_string()))?;
    let builder = match builder.clone().with_native_roots() {
        Ok(native) => native,
        Err(_) => builder.with_webpki_roots(),
    };
    Ok(builder.with_no_client_auth())
}
