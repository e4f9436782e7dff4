//! Deleting what was kept longer than it may be, step by step, so that nothing else waits for long.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::face::TemplateId;
use crate::ledger::{ChangedValue, EntryDraft, EntryKind, ErasurePart, Facts, PartKind, Sequence};

use super::Committed;

/// Entries, or crops, that one step looks at at most.
pub const STEP: usize = 2_048;

/// Where a step begins: first the entries by their times, then the crops by their templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionPlace {
    /// The first entry of this time, in microseconds since 1970, and sequence, or after it.
    Entries(i64, u64),
    /// The first crop beside this template, or after it.
    Crops(TemplateId),
}

impl RetentionPlace {
    /// Before everything.
    pub const START: Self = Self::Entries(i64::MIN, 0);
}

/// What is kept for a time in the store itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dated {
    /// The record of an entry about attendance.
    Record,
    /// The evidence of an entry; facts and erasures are none.
    Evidence,
    /// The note of an entry.
    Note,
    /// The crop beside a template.
    Crop,
}

impl Dated {
    /// All of them, in the order in which numbers about them stand.
    pub const ALL: [Self; 4] = [Self::Record, Self::Evidence, Self::Note, Self::Crop];

    /// Its place in [`Dated::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// What the part `kind` of an entry of the kind `entry` counts as; none for one that is never deleted
    /// because it is old. `is_evidence` says what lies in the place of the evidence.
    pub(super) fn of_part(entry: EntryKind, kind: PartKind, is_evidence: bool) -> Option<Self> {
        match kind {
            PartKind::Record => is_attendance(entry).then_some(Self::Record),
            PartKind::Evidence => is_evidence.then_some(Self::Evidence),
            PartKind::Note => Some(Self::Note),
        }
    }
}

/// Whether the record of such an entry is one of attendance, or of a try at it. Others say who was enrolled,
/// agreed or was changed: they go with the person.
fn is_attendance(kind: EntryKind) -> bool {
    kind.is_attendance() || kind == EntryKind::IdentifierRefused
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetentionStep {
    /// Where it begins.
    pub from: RetentionPlace,
    /// What is older than this may go, by [`Dated::index`]; none where the kind is kept for ever.
    pub before: [Option<DateTime<Utc>>; 4],
    /// The entry that says what went, of the kind [`RetentionApplied`](EntryKind::RetentionApplied); the
    /// store puts into it which parts. None where nothing is to be deleted: everything is counted then, and
    /// else only what is old enough.
    pub entry: Option<EntryDraft>,
}

impl RetentionStep {
    /// The time after which nothing is due; none where all is to be looked at.
    pub(super) fn until_us(&self) -> Option<i64> {
        self.entry.as_ref()?;
        Some(self.before.iter().flatten().map(|at| at.timestamp_micros()).max().unwrap_or(i64::MIN))
    }

    /// Whether something of that kind and time is due.
    pub(super) fn is_due(&self, kind: Dated, at_us: i64) -> bool {
        self.before[kind.index()].is_some_and(|before| at_us < before.timestamp_micros())
    }
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DatedCount {
    /// How many.
    pub held: u64,
    /// How many of them are due.
    pub due: u64,
    /// The time of the oldest.
    pub oldest: Option<DateTime<Utc>>,
}

impl DatedCount {
    /// Takes one more in.
    pub(super) fn add(&mut self, at_us: i64, is_due: bool) {
        self.held += 1;
        self.due += u64::from(is_due);
        let at = DateTime::from_timestamp_micros(at_us);
        self.oldest = [self.oldest, at].into_iter().flatten().min();
    }

    /// Both together.
    pub fn joined(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            due: self.due + other.due,
            oldest: [self.oldest, other.oldest].into_iter().flatten().min(),
        }
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retained {
    /// What was found, by [`Dated::index`]. What was due was deleted, where anything was to be.
    pub counts: [DatedCount; 4],
    /// The entry and the point of the feed afterwards; none where nothing was written.
    pub committed: Option<Committed>,
    /// Where the next step begins; none where everything was looked at.
    pub next: Option<RetentionPlace>,
}

/// What a step is to delete.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) parts: Vec<(Sequence, PartKind)>,
    pub(super) crops: Vec<TemplateId>,
}

impl Due {
    pub(super) fn is_nothing(&self) -> bool {
        self.parts.is_empty() && self.crops.is_empty()
    }

    /// The entry that says what goes.
    pub(super) fn entry(&self, mut draft: EntryDraft) -> EntryDraft {
        if self.crops.is_empty() {
            draft.parts.erasure = Some(ErasurePart::of(self.parts.iter().copied()));
        } else {
            let value = ChangedValue {
                key: "enrolment pictures".to_owned(),
                before: Some(self.crops.len().to_string()),
                after: None,
            };
            draft.parts.facts = Some(Facts::Changes(vec![value]));
        }
        draft
    }
}

/// The time in a template's name, in microseconds since 1970.
pub(super) fn crop_time_us(template: TemplateId) -> i64 {
    i64::try_from(template.0.timestamp_ms()).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000)
}
