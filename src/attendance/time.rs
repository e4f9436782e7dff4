//! What is known of the time: a clock that is set, one that cannot be right, and what a record's time was
//! in truth.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::roster::PersonId;
use crate::ledger::{BootId, ClockState, Entry, EntryKind, Sequence};

/// No clock that is right shows a time before this: it is the year in which this program was written. A box
/// without a battery clock boots in 1970.
pub const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(1_767_225_600, 0) {
    Some(at) => at,
    None => panic!("the first of January 2026 is a time"),
};

/// A difference this large is a clock that was set: one that is disciplined moves by less than a
/// thousandth of the time that passes.
const LEAST_STEP: TimeDelta = TimeDelta::seconds(2);

/// What is known of the clock at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What the clock shows.
    pub at: DateTime<Utc>,
    /// Which start of the machine it is, and microseconds since.
    pub since_boot: Option<(BootId, u64)>,
}

/// The clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// What it would have shown.
    pub expected: DateTime<Utc>,
    /// What it showed.
    pub found: DateTime<Utc>,
}

/// Looks at the clock again and again.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    last: Option<Look>,
    /// The latest time of an entry that was sure.
    known: Option<DateTime<Utc>>,
}

impl ClockWatch {
    /// Takes in the last entry of the ledger before anything is written.
    pub fn begin(&mut self, last: Option<&Entry>) {
        let Some(head) = last.map(|entry| &entry.head) else { return };
        if matches!(head.clock, ClockState::Synchronised | ClockState::Unsynchronised) {
            self.known = Some(head.at);
        }
        if head.clock != ClockState::Recording {
            let since_boot = head.moment.map(|moment| (moment.boot, moment.since_boot_us));
            self.last = Some(Look { at: head.at, since_boot });
        }
    }

    /// A further look; the step, where the clock was set since the last one. Within one start of the machine
    /// that is told by what goes on counting; across a start, only time that runs backwards is.
    pub fn look(&mut self, look: Look) -> Option<ClockStep> {
        let last = self.last.replace(look)?;
        let expected = match (last.since_boot, look.since_boot) {
            (Some((then, before)), Some((now, after))) if then == now => {
                let passed = TimeDelta::microseconds(i64::try_from(after.saturating_sub(before)).ok()?);
                last.at.checked_add_signed(passed)?
            }
            _ if look.at < last.at => last.at,
            _ => return None,
        };
        let step = (look.at - expected).abs();
        (step >= LEAST_STEP).then_some(ClockStep { expected, found: look.at })
    }

    /// Notes that an entry was written at `at` by a clock in this state.
    pub fn wrote(&mut self, at: DateTime<Utc>, clock: ClockState) {
        if matches!(clock, ClockState::Synchronised | ClockState::Unsynchronised) {
            self.known = Some(self.known.map_or(at, |known| known.max(at)));
        }
    }

    /// What is known of a clock that shows `at` and says `said` of itself. Unsure where nothing vouches for
    /// it and it stands before [`EARLIEST`] or before what the ledger knows.
    pub fn state(&self, at: DateTime<Utc>, said: ClockState) -> ClockState {
        let is_behind = at < EARLIEST || self.known.is_some_and(|known| at + LEAST_STEP < known);
        if said == ClockState::Unsynchronised && is_behind { ClockState::Unsure } else { said }
    }
}

/// A record whose time was unsure, and what it was in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeProposal {
    /// The entry.
    pub sequence: Sequence,
    /// About whom.
    pub person: PersonId,
    /// What the clock showed.
    pub written: DateTime<Utc>,
    /// What it was, as far as is known now.
    pub proposed: DateTime<Utc>,
}

/// What the times of unsure records of `entries` were, by the counter of the machine's start and a moment of
/// that same start at which the time was sure: `now`, or an entry that was written then. Records that a
/// correction names already are left out. By sequence.
pub fn proposals(entries: &[Entry], now: Option<Look>) -> Vec<TimeProposal> {
    let mut sure: BTreeMap<[u8; 16], (u64, DateTime<Utc>)> = BTreeMap::new();
    let known =
        |entry: &&Entry| matches!(entry.head.clock, ClockState::Synchronised | ClockState::Unsynchronised);
    for entry in entries.iter().filter(known) {
        // Its own time may be another than the moment at which it was written.
        if let Some(moment) = entry.head.moment.filter(|_| is_written_at_once(entry.head.kind)) {
            sure.insert(moment.boot.0, (moment.since_boot_us, entry.head.at));
        }
    }
    if let Some(Look { at, since_boot: Some((boot, us)) }) = now {
        sure.insert(boot.0, (us, at));
    }
    let corrections = entries.iter().filter_map(|entry| entry.parts.record.as_ref()?.details.corrects);
    let corrected: BTreeSet<Sequence> = corrections.collect();
    let propose = |entry: &Entry| {
        let head = &entry.head;
        let record = entry.parts.record.as_ref().filter(|record| record.state.is_some())?;
        if head.clock != ClockState::Unsure || corrected.contains(&head.sequence) {
            return None;
        }
        let moment = head.moment?;
        let (us, at) = sure.get(&moment.boot.0)?;
        let apart = i64::try_from(*us).ok()?.checked_sub(i64::try_from(moment.since_boot_us).ok()?)?;
        Some(TimeProposal {
            sequence: head.sequence,
            person: record.person,
            written: head.at,
            proposed: at.checked_sub_signed(TimeDelta::microseconds(apart))?,
        })
    };
    entries.iter().filter_map(propose).collect()
}

/// Whether entries of this kind carry the time at which they were written, and not that of a frame or of
/// what they speak of.
fn is_written_at_once(kind: EntryKind) -> bool {
    !matches!(
        kind,
        EntryKind::Passage | EntryKind::Unidentified | EntryKind::Rejected | EntryKind::BackFilled
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: BootId = BootId([1; 16]);

    fn at(seconds: i64) -> DateTime<Utc> {
        EARLIEST + TimeDelta::seconds(seconds)
    }

    fn look(seconds: i64, boot: BootId, since_s: u64) -> Look {
        Look { at: at(seconds), since_boot: Some((boot, since_s * 1_000_000)) }
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_goes() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(look(0, BOOT, 10)), None);
        assert_eq!(watch.look(look(60, BOOT, 70)), None);
        // An hour forward, then back; a second is what a disciplined clock may do.
        let forward = ClockStep { expected: at(61), found: at(3661) };
        assert_eq!(watch.look(look(3661, BOOT, 71)), Some(forward));
        assert_eq!(watch.look(look(3663, BOOT, 72)), None);
        let back = ClockStep { expected: at(3664), found: at(64) };
        assert_eq!(watch.look(look(64, BOOT, 73)), Some(back));
        // Another start: forward tells nothing, back does.
        let other = BootId([2; 16]);
        assert_eq!(watch.look(look(100, other, 1)), None);
        let third = BootId([3; 16]);
        let step = ClockStep { expected: at(100), found: at(20) };
        assert_eq!(watch.look(look(20, third, 1)), Some(step));
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_unsure_unless_something_vouches_for_it() {
        let mut watch = ClockWatch::default();
        let early = DateTime::UNIX_EPOCH;
        assert_eq!(watch.state(early, ClockState::Unsynchronised), ClockState::Unsure);
        assert_eq!(watch.state(early, ClockState::Synchronised), ClockState::Synchronised);
        assert_eq!(watch.state(at(5), ClockState::Unsynchronised), ClockState::Unsynchronised);
        watch.wrote(at(100), ClockState::Synchronised);
        assert_eq!(watch.state(at(50), ClockState::Unsynchronised), ClockState::Unsure);
        assert_eq!(watch.state(at(99), ClockState::Unsynchronised), ClockState::Unsynchronised);
        // An unsure time raises nothing.
        watch.wrote(at(9_999), ClockState::Unsure);
        assert_eq!(watch.state(at(101), ClockState::Unsynchronised), ClockState::Unsynchronised);
    }
}
