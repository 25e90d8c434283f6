//! Control over notices: who is told, what was told, and everything that goes wrong with it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response as Answer;
use axum::routing::{get, post};

use crate::sandbox::control::vendors::Expire;
use crate::sandbox::control::wire::{LifecycleOrder, NoticeRules, Notified, Removal, RemovalOrder, Watch};
use crate::sandbox::control::{Here, Told, Wish, done, read, wait};
use crate::sandbox::http::State;

pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/watches", get(watches))
        .route("/watches/expire", post(expire))
        .route("/subscriptions/{id}/remove", post(remove))
        .route("/subscriptions/{id}/lifecycle", post(lifecycle))
        .route("/notices", get(notices).delete(forget).post(rules))
        .route("/notices/wait", get(wait_for_notices))
}

async fn watches(Shared(state): Here) -> axum::Json<Vec<Watch>> {
    let mut all = state.lock();
    // The clock may have been set since somebody last looked.
    state.tell(&mut all);
    axum::Json(all.channels.list().chain(all.subscriptions.list()).collect())
}

async fn expire(Shared(state): Here, body: Bytes) -> Told<Answer> {
    let address = read::<Expire>(&body)?.address.map(|address| address.to_lowercase());
    let mut all = state.lock();
    all.channels.expire(address.as_deref());
    all.subscriptions.expire(address.as_deref());
    Ok(done())
}

async fn remove(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: RemovalOrder = read(&body)?;
    let mut all = state.lock();
    let tenant = all.world.tenant.clone();
    let notice = all.subscriptions.remove(&tenant, &id, order.when)?;
    if let Some(notice) = notice {
        state.outbox.send(notice);
    } else if order.when == Removal::Told {
        return Err(format!("{id}: it is removed, but was made without a lifecycleNotificationUrl").into());
    }
    Ok(done())
}

async fn lifecycle(Shared(state): Here, Path(id): Path<String>, body: Bytes) -> Told<Answer> {
    let order: LifecycleOrder = read(&body)?;
    let all = state.lock();
    state.outbox.send(all.subscriptions.lifecycle(&all.world.tenant, &id, order.event)?);
    Ok(done())
}

async fn notices(Shared(state): Here) -> axum::Json<Vec<Notified>> {
    axum::Json(state.outbox.done())
}

async fn wait_for_notices(Shared(state): Here, wish: Wish) -> Told<axum::Json<Vec<Notified>>> {
    wait(wish, &state.outbox.bell, || state.outbox.count()).await?;
    Ok(notices(Shared(state)).await)
}

async fn forget(Shared(state): Here) -> Answer {
    state.outbox.forget();
    done()
}

async fn rules(Shared(state): Here, body: Bytes) -> Told<Answer> {
    state.outbox.rule(read::<NoticeRules>(&body)?);
    Ok(done())
}
