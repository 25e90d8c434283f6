//! The endpoints for what the vendors do: they forget cursors and tokens, fail, and have their habits.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response as Answer;
use axum::routing::post;
use serde::Deserialize;

use super::{Here, Refusal, Shared, Told, done, faults, read, script};
use crate::sandbox::control::wire::{ApplicationOrder, Fault, Mailbox, MailboxOrder, Provider, Quirks, Will};
use crate::sandbox::graph::certificate::Certificate;
use crate::sandbox::http::State;

pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/cursors/expire", post(expire))
        .route("/tokens/expire", post(revoke))
        .route("/applications", post(application))
        .route("/mailboxes/{address}", post(mailbox))
        .route("/mailboxes/{address}/refile", post(refile))
        .route("/certificates", post(certificate))
        .route("/consents", post(will))
        .route("/consents/revoke", post(revoke_consent))
        .route("/faults", post(fault).delete(mend))
        .route("/faults/script", post(follow))
        .route("/quirks", post(quirks))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expire {
    #[serde(default)]
    pub address: Option<String>,
}

async fn expire(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let address = read::<Expire>(&body)?.address.map(|address| address.to_lowercase());
    state.lock().lose_cursors(address.as_deref());
    Ok(done())
}

async fn application(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let ApplicationOrder { provider, admitted } = read(&body)?;
    let barred = &mut state.lock().barred;
    if admitted {
        barred.remove(&provider)
    } else {
        barred.insert(provider)
    };
    Ok(done())
}

async fn mailbox(Shared(state): Here, Path(address): Path<String>, body: Bytes) -> Told<Answer> {
    let MailboxOrder { is } = read(&body)?;
    let mut all = state.lock();
    let address = address.to_lowercase();
    if all.world.provider(&address) != Provider::Microsoft {
        return Err(Refusal(format!("address: {address} has no mailbox with microsoft")));
    }
    match is {
        Mailbox::Open => all.mailboxes.remove(&address),
        other => all.mailboxes.insert(address, other),
    };
    Ok(done())
}

async fn refile(Shared(state): Here, Path(address): Path<String>) -> Told<Answer> {
    state.lock().world.refile(&address)?;
    Ok(done())
}

async fn revoke(Shared(state): Here) -> Answer {
    state.lock().accounts.revoke();
    done()
}

async fn will(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.lock().consents.will = read::<Will>(&body)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeConsent {
    address: String,
}

async fn revoke_consent(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let address = read::<RevokeConsent>(&body)?.address.to_lowercase();
    state.lock().revoke_consent(&address);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    pem: String,
}

async fn certificate(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let certificate = Certificate::read(&read::<Upload>(&body)?.pem)?;
    state.lock().certificates.push(certificate);
    Ok(done())
}

async fn fault(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let fault: Fault = read(&body)?;
    if !(400..600).contains(&fault.status) {
        return Err(Refusal(format!("status: {} is no failure; write 400 to 599", fault.status)));
    }
    state.lock().faults.add(fault);
    Ok(done())
}

async fn follow(Shared(state): Here, script: String) -> Told<Answer> {
    let lines = script::parse(&script)?;
    state.lock().faults.follow(lines);
    Ok(done())
}

async fn mend(Shared(state): Here) -> Answer {
    state.lock().faults = faults::Faults::default();
    done()
}

async fn quirks(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let quirks: Quirks = read(&body)?;
    let mut all = state.lock();
    // After a change of who may see what, Google wants everything to be listed anew.
    if all.world.quirks.google_reader != quirks.google_reader {
        all.google.expire(|_| true);
    }
    all.world.quirks = quirks;
    Ok(done())
}
