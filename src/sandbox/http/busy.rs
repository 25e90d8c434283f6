//! How many requests of a mailbox Graph answers at once.

use std::sync::{Arc, PoisonError};

use super::{Reply, Request, State};
use crate::sandbox::graph;

/// The most requests that Graph answers at once for one application and mailbox.
const MOST_AT_ONCE: usize = 4;

/// A request that is being answered, of those that count for one mailbox.
pub struct Place {
    state: Arc<State>,
    mailbox: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut mailboxes = self.state.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = mailboxes.get_mut(&self.mailbox) {
            *held -= 1;
        }
    }
}

/// Where Graph's requests take their time: waits for that long, or refuses when the mailbox has four in
/// hand already.
pub async fn busy(state: &Arc<State>, request: &Request) -> Result<Option<Place>, Reply> {
    let (takes, mailbox) = match request.parts().as_slice() {
        ["v1.0", "users", key, ..] => (state.lock().world.quirks.graph_takes_ms, key.to_lowercase()),
        _ => return Ok(None),
    };
    if takes == 0 {
        return Ok(None);
    }
    {
        let mut mailboxes = state.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        let held = mailboxes.entry(mailbox.clone()).or_default();
        if *held >= MOST_AT_ONCE {
            state.lock().requests.push(format!("{} {}", request.method, request.path));
            state.bell.ring();
            return Err(graph::usual_error(429));
        }
        *held += 1;
    }
    let place = Place { state: Arc::clone(state), mailbox };
    tokio::time::sleep(std::time::Duration::from_millis(takes)).await;
    Ok(Some(place))
}
