//! Entries whole, for the tests of subcommands that explain or judge them.

use ulid::Ulid;

use super::fake::{at, id};
use crate::attendance::{PersonId, PresenceState};
use crate::engine::NamedEntry;
use crate::face::{EmbeddingSpace, Liveness, Similarity};
use crate::identify::{Candidate, Threshold};
use crate::ledger::{
    Actor, ClockState, Entry, EntryId, EntryKind, EvidencePart, Head, PartKind, Parts, RecordPart, Sequence,
    Sha256Digest, TerminalId,
};

/// The head of an entry that many seconds after eight in the morning.
pub fn head(sequence: u64, kind: EntryKind) -> Head {
    Head {
        terminal: TerminalId(Ulid(1)),
        sequence: Sequence(sequence),
        id: EntryId(Ulid(sequence.into())),
        at: at(8 * 3600 + sequence as i64),
        clock: ClockState::Synchronised,
        moment: None,
        kind,
        actor: Actor::Door,
        operator_key: None,
        parts: [None; 3],
    }
}

/// An entry about Ana and Bo.
pub fn named(head: Head, parts: Parts) -> NamedEntry {
    let name = |person: PersonId| match person {
        ana if ana == id(1) => Some("Ana".parse().unwrap()),
        _ => Some("Bo".parse().unwrap()),
    };
    NamedEntry::new(Entry { head, parts }, name)
}

/// A decision with these candidates, Ana first, at the threshold 0.45.
pub fn decided(sequence: u64, kind: EntryKind, similarities: &[f32]) -> NamedEntry {
    let mut head = head(sequence, kind);
    head.parts[PartKind::Evidence as usize - 1] = Some(Sha256Digest([1; 32]));
    let candidates = similarities
        .iter()
        .zip(1u128..)
        .map(|(similarity, n)| Candidate { person: id(n), similarity: Similarity(*similarity) });
    let evidence = EvidencePart {
        candidates: candidates.collect(),
        threshold: Threshold(Similarity(0.45)),
        frames: 5,
        detection_score: 0.9,
        liveness: Liveness::NotRun,
        space: EmbeddingSpace([1; 32]),
        pack: "default".to_owned(),
        details: None,
    };
    let record = (kind == EntryKind::Passage).then_some(RecordPart::new(id(1), Some(PresenceState::Present)));
    named(head, Parts { record, evidence: Some(evidence), ..Parts::default() })
}
