//! Whether there are records of an unsure time that can be put right by now.

use crate::attendance::time::{Look, proposals};
use crate::ledger::{ClockState, Entry, EntryKind};

use super::super::worker::store::StoreRequest;
use super::Core;
use super::attending::SEARCHED;
use super::commits::Pending;

/// How many records of an unsure time can be put right, and whether that is to be counted again.
#[derive(Debug, Default)]
pub(super) struct UnsureTimes {
    pub(super) found: u32,
    is_due: bool,
}

impl UnsureTimes {
    /// Nothing is known yet; counted once where `is_due`.
    pub(super) fn new(is_due: bool) -> Self {
        Self { found: 0, is_due }
    }

    /// Takes in an entry that was written.
    pub(super) fn note(&mut self, entry: &Entry) {
        let is_unsure = entry.head.clock == ClockState::Unsure && entry.parts.record.is_some();
        let is_corrected = entry.head.kind == EntryKind::Corrected && self.found > 0;
        self.is_due |= is_unsure || is_corrected;
    }
}

impl Core {
    /// Has the last entries searched, where that is due and the time is known.
    pub(super) fn look_for_unsure_times(&mut self) {
        let is_known = self.clock_state(self.clock.now()) != ClockState::Unsure;
        if self.unsure.is_due && self.is_watching && is_known && self.shutdown.is_none() {
            self.unsure.is_due = false;
            let last = crate::ledger::Sequence(u64::MAX);
            self.ask(StoreRequest::EntriesBefore(last, SEARCHED), Pending::UnsureTimes);
        }
    }

    /// The last entries have come, the newest first.
    pub(super) fn take_unsure_times(&mut self, mut entries: Vec<Entry>) {
        entries.reverse();
        let now = Look { at: self.clock.now(), since_boot: self.clock.since_boot() };
        let found = u32::try_from(proposals(&entries, Some(now)).len()).unwrap_or(u32::MAX);
        if found != self.unsure.found {
            self.unsure.found = found;
            self.publish_roster();
        }
    }
}
