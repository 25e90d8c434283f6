//! Messages to systemd (sd_notify(3)); without systemd they go nowhere.

use sd_notify::NotifyState;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd could not be told: {error}");
    }
}

pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now().ok());
    tell(&states);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often systemd wants to hear that the service is alive, if at all.
pub fn watchdog() -> Option<std::time::Duration> {
    sd_notify::watchdog_enabled()
}
