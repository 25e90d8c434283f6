//! The habits of the vendors, for both sides of the control endpoints.

use serde::{Deserialize, Serialize};

/// Habits of the vendors that are not always seen, all off at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// Google: every listing begins with a page without items.
    pub google_empty_page: bool,
    /// Google: increments of a series reach decades ahead instead of stopping at the window.
    pub google_unbounded: bool,
    /// Graph: every delta round begins with a page without items.
    pub graph_empty_page: bool,
    /// Graph: the first item of a round comes again at its end, having changed meanwhile.
    pub graph_repeat: bool,
    /// Graph: series masters come on the last page, apart from their occurrences.
    pub graph_master_apart: bool,
    /// Graph: series masters are left out of delta rounds.
    pub graph_master_missing: bool,
    /// Graph: nobody is told by name in which zones events were planned.
    pub graph_custom_zones: bool,
    /// Graph: whole days are told as their instants in UTC instead of midnight.
    pub graph_shift_all_day: bool,
    /// Graph: a 410 names a fresh address in its `Location` header.
    pub graph_gone_location: bool,
    /// Google: a channel's first message comes before the answer that opens it.
    pub google_sync_first: bool,
    /// Google: channels last an hour, whatever is asked for.
    pub google_short_channels: bool,
    /// Google: a call that is asked for is made only after the event was told once, which is a change.
    pub google_conference_pending: bool,
    /// Both: events have properties that no definition names; Graph's `occurrenceId` is one.
    pub unknown_properties: bool,
    /// Google: the calendars are shared for reading only; what is private on them has no details. To
    /// switch this kills Google's cursors.
    pub google_reader: bool,
    /// Google: what was cancelled is not told any more.
    pub google_tombstones_dropped: bool,
    /// Google: "this and following" makes a series with another id and UID altogether.
    pub google_split_anew: bool,
    /// Google: occurrences of what "this and following" made keep the ids that the series before would
    /// have given them at their times.
    pub google_split_stem: bool,
    /// Google: of a series that became a single event no occurrence is told to be gone, nor of a single
    /// event that became a series and was called off then that it is.
    pub google_single_silent: bool,
    /// Both: what changed while a listing is read shows on its later pages.
    pub pages_move_on: bool,
    /// Graph: one in three changes is never told.
    pub graph_forgets: bool,
    /// Graph: what is not in a window any more is told to have changed, not to have been deleted.
    pub graph_removed_changed: bool,
    /// Graph: words of enumerations begin with a capital.
    pub graph_capitals: bool,
    /// Graph: how long each request takes, in milliseconds. Over four at once for a mailbox are refused.
    pub graph_takes_ms: u64,
}
