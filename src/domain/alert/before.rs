//! What may have gone out already, though nobody wrote it down.

use chrono::{DateTime, Utc};

use super::plan::MISSED_PATIENCE;
use super::{Alert, Kind};

impl Alert {
    /// Whether a service that ran until `moment`, and of whose doings nothing is known, may have sent
    /// this.
    pub fn may_have_been_sent_by(&self, moment: DateTime<Utc>) -> bool {
        match self.kind {
            Kind::Reminder | Kind::Nudge | Kind::FirstMeeting | Kind::Digest => self.due_at <= moment,
            // It is due when the session was judged, and one that is judged anew is due anew. None is
            // called missed before its end.
            Kind::Missed => self.due_at <= moment || self.expires_at - MISSED_PATIENCE <= moment,
        }
    }
}
