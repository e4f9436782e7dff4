//! What happens, as a bounded stream to every client.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::Fingerprint;
use crate::attendance::statement::Statement;
use crate::attendance::{PersonId, PersonName, PresenceState};
use crate::face::Similarity;
use crate::face::challenge::ChallengeOutcome;
use crate::ledger::{Actor, ClockState, Entry, EntryKind, Facts, RecordDetails, Sequence};

use super::state::TrackId;

/// An entry of the ledger as a screen shows it: names put in from the roster as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its place in the ledger.
    pub sequence: Sequence,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EntryKind,
    /// Who caused it.
    pub actor: Actor,
    /// The key that they came with, where they are an operator with a key.
    pub operator_key: Option<Fingerprint>,
    /// Whom it is about, where that part is still there.
    pub person: Option<PersonId>,
    /// What that person is called now.
    pub name: Option<PersonName>,
    /// Whether they are here, where the entry says.
    pub state: Option<PresenceState>,
    /// How alike the best candidate was, where the entry rests on one.
    pub similarity: Option<Similarity>,
    /// Who the best candidate of an unidentified passage was.
    pub best: Option<PersonName>,
    /// What somebody wrote.
    pub note: Option<String>,
    /// What is known of the clock.
    pub clock: ClockState,
    /// What else the record says.
    pub details: RecordDetails,
    /// What else is to be known.
    pub facts: Option<Facts>,
}

impl LogEntry {
    /// `entry` with names from `name_of`.
    pub fn new(entry: &Entry, name_of: impl Fn(PersonId) -> Option<PersonName>) -> Self {
        let record = entry.parts.record.as_ref();
        let best = entry.parts.evidence.as_ref().and_then(|evidence| evidence.candidates.first());
        Self {
            sequence: entry.head.sequence,
            at: entry.head.at,
            kind: entry.head.kind,
            actor: entry.head.actor.clone(),
            operator_key: entry.head.operator_key.map(|key| Fingerprint(key.0)),
            person: record.map(|record| record.person),
            name: record.and_then(|record| name_of(record.person)),
            state: record.and_then(|record| record.state),
            similarity: best.map(|candidate| candidate.similarity),
            best: best.and_then(|candidate| name_of(candidate.person)),
            note: entry.parts.note.as_ref().map(|note| note.text.clone()),
            clock: entry.head.clock,
            details: record.map(|record| record.details.clone()).unwrap_or_default(),
            facts: entry.parts.facts.clone(),
        }
    }

    /// What it says of somebody's attendance, where it is about anybody.
    pub fn statement(&self) -> Option<Statement> {
        Some(Statement {
            sequence: self.sequence,
            at: self.at,
            clock: self.clock,
            kind: self.kind,
            person: self.person?,
            state: self.state,
            details: self.details.clone(),
        })
    }
}

/// An entry whole, with what the people in it are called now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedEntry {
    /// Its head and the parts that are still there.
    pub entry: Entry,
    /// Names of the people in those parts; who was erased has none.
    pub names: BTreeMap<PersonId, PersonName>,
}

impl NamedEntry {
    /// `entry` with names from `name_of`.
    pub fn new(entry: Entry, name_of: impl Fn(PersonId) -> Option<PersonName>) -> Self {
        let record = entry.parts.record.iter().map(|record| record.person);
        let evidence = entry.parts.evidence.iter().flat_map(|evidence| &evidence.candidates);
        let people = record.chain(evidence.map(|candidate| candidate.person));
        let names = people.filter_map(|person| Some((person, name_of(person)?))).collect();
        Self { entry, names }
    }

    /// What `person` is called now, else their id.
    pub fn name(&self, person: PersonId) -> String {
        self.names.get(&person).map_or_else(|| person.to_string(), ToString::to_string)
    }
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "nearly every event that holds anything is an entry")]
pub enum EngineEvent {
    /// An entry is on disk.
    Entry(LogEntry),
    /// A track was decided, on record or not: a second track of one passage has no entry.
    Decided {
        /// Which.
        track: TrackId,
        /// When, on the frames' clock.
        at: DateTime<Utc>,
        /// Since when the track was in view, on the same clock.
        seen_since: DateTime<Utc>,
        /// Who, where somebody was identified.
        person: Option<PersonId>,
        /// How alike the best candidate was.
        similarity: Option<Similarity>,
        /// The file the deciding frame came from.
        label: Option<String>,
    },
    /// A challenge ended. Nothing is written, however it did.
    ChallengeEnded {
        /// How.
        outcome: ChallengeOutcome,
        /// Whose face the gallery says it was, where one settled and is known.
        person: Option<PersonId>,
    },
    /// What waits until another admin confirms it is different: for admins, who ask for it.
    ApprovalsChanged,
    /// The snapshot is different: who is here, what the source does, what is seen.
    StateChanged,
    /// What this client may do is different, or may be; also told to who may do nothing any more.
    RoleChanged,
    /// A source that must be whole failed; it is not tried again.
    SourceFailed(String),
    /// The source has ended; every frame of it was looked at and every record is on disk.
    SourceEnded,
    /// This client took events too slowly and missed this many; ask `entries_since`.
    Lagged(u64),
    /// The engine has stopped; nothing more comes.
    Stopped,
}
