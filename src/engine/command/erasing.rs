//! What is said of an erasure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::Person;
use crate::ledger::{Actor, Sequence};
use crate::store::{BackupOnRecord, KeptRecords};

/// Says what was erased, where that is on record, and what may still hold the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErasureCertificate {
    /// Who it was. This certificate is the last that names them.
    pub person: Person,
    /// The entry of the ledger that says so.
    pub sequence: Sequence,
    /// When.
    pub at: DateTime<Utc>,
    /// Who ordered it.
    pub actor: Actor,
    /// What stays of their attendance.
    pub keeps: KeptRecords,
    /// Templates that went.
    pub templates: u32,
    /// Crops beside them that went.
    pub crops: u32,
    /// Items of the inbox that went.
    pub strangers: u32,
    /// Parts of entries that went.
    pub parts: u64,
    /// The backups on record that may still hold them, oldest first.
    pub backups: Vec<BackupOnRecord>,
    /// Whether a search of the gallery with their own templates still gives them. It never should.
    pub found_again: bool,
    /// Why the key of what old pages of the store hold could not be destroyed yet; none where it is gone.
    pub old_key_stays: Option<String>,
}
