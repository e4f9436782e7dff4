//! Everything that is held about a person, as it is given to them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::session::Session;
use crate::attendance::{Person, Stranger};
use crate::face::{EncodedCrop, Similarity, Template};
use crate::identify::Threshold;
use crate::ledger::{Entry, EntryKind, Sequence};

/// A template with the picture beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateExport {
    /// The template.
    pub template: Template,
    /// The picture that it was made from, where it is kept.
    pub crop: Option<EncodedCrop>,
}

/// A decision about somebody else, or about nobody, for which the person was among the most alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidacyExport {
    /// The entry.
    pub sequence: Sequence,
    /// When.
    pub at: DateTime<Utc>,
    /// What it says.
    pub kind: EntryKind,
    /// The person's place among the most alike, from 1.
    pub place: u32,
    /// How alike they were.
    pub similarity: Similarity,
    /// The threshold that held.
    pub threshold: Threshold,
}

/// Everything that is held about a person. Other people are not in it: of a decision there is the person's
/// own likeness and not who else was considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonExport {
    /// The person, without the hash of their PIN.
    pub person: Person,
    /// Whether a PIN is set.
    pub has_pin: bool,
    /// Their templates, oldest first.
    pub templates: Vec<TemplateExport>,
    /// Items of the inbox that are theirs, or whose face is theirs as far as the threshold tells.
    pub strangers: Vec<Stranger>,
    /// The entries about them, with the parts that are still there.
    pub entries: Vec<Entry>,
    /// Entries about others for which they were considered.
    pub candidacies: Vec<CandidacyExport>,
    /// The sessions that the entries speak of, by their ids.
    pub sessions: BTreeMap<String, Session>,
    /// The entry that notes this.
    pub noted: Sequence,
    /// When it was made.
    pub at: DateTime<Utc>,
}
