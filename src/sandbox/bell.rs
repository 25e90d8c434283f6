//! A bell for those who wait until enough was written down, so that nobody has to look again and again.

use std::time::Duration;

use tokio::sync::watch;

/// Rung after something was written down. A clone is the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(watch::Sender<()>);

impl Bell {
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// Waits until it is enough, for so long at the most.
    pub async fn until(&self, at_most: Duration, enough: impl Fn() -> bool) {
        // From here on no ring is missed.
        let mut rung = self.0.subscribe();
        let waiting = async { while !enough() && rung.changed().await.is_ok() {} };
        // When the time is over, whoever waited looks at what there is.
        drop(tokio::time::timeout(at_most, waiting).await);
    }
}
