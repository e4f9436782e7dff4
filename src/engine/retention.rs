//! Retention: how long each kind of thing is kept, and what is asked of the engine about it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Days that each kind is kept; 0 for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionPolicy {
    /// Who was recorded when: the record parts of attendance.
    pub records_days: u32,
    /// What decisions rested on.
    pub evidence_days: u32,
    /// What somebody wrote.
    pub notes_days: u32,
    /// Pictures beside templates.
    pub crops_days: u32,
    /// People whose enrolment ended, with their name.
    pub left_people_days: u32,
}

/// A kind of thing that is kept for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionKind {
    /// Who was recorded when.
    Records,
    /// What decisions rested on.
    Evidence,
    /// What somebody wrote.
    Notes,
    /// Pictures beside templates.
    Crops,
    /// People whose enrolment ended.
    LeftPeople,
}

impl RetentionKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Records, Self::Evidence, Self::Notes, Self::Crops, Self::LeftPeople];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Records => "attendance records",
            Self::Evidence => "evidence of decisions",
            Self::Notes => "notes",
            Self::Crops => "enrolment pictures",
            Self::LeftPeople => "people who left",
        }
    }
}

impl RetentionPolicy {
    /// Days that `kind` is kept; 0 for ever.
    pub fn days(&self, kind: RetentionKind) -> u32 {
        match kind {
            RetentionKind::Records => self.records_days,
            RetentionKind::Evidence => self.evidence_days,
            RetentionKind::Notes => self.notes_days,
            RetentionKind::Crops => self.crops_days,
            RetentionKind::LeftPeople => self.left_people_days,
        }
    }

    /// Whether anything is not kept for ever.
    pub fn limits_anything(&self) -> bool {
        RetentionKind::ALL.into_iter().any(|kind| self.days(kind) > 0)
    }
}

/// What can be done about retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionCommand {
    /// What is held and what is due; changes nothing.
    Show,
    /// Deletes what is due now, and says what that was.
    Apply,
}

/// How one kind stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRow {
    /// Which.
    pub kind: RetentionKind,
    /// Days that it is kept; 0 for ever.
    pub days: u32,
    /// How many there are.
    pub held: u64,
    /// Since when the oldest of them is.
    pub oldest: Option<DateTime<Utc>>,
    /// How many are older than they may be.
    pub due: u64,
    /// When the next one is due; none where none ever is.
    pub next_due: Option<DateTime<Utc>>,
    /// How many were deleted by this command.
    pub deleted: u64,
}
