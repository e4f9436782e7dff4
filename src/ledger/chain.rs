//! The chain: sealing drafts onto its end, and walking it to see whether it fits.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::digest::sha256;
use super::{
    Actor, Entry, EntryDraft, Head, HeadError, PartError, PartKind, Sequence, Sha256Digest, StoredPart,
    TerminalId, to_microsecond,
};

/// What the first entry of `terminal` follows.
pub fn genesis(terminal: TerminalId) -> Sha256Digest {
    let digest = Sha256::new().chain_update(b"muster ledger 1").chain_update(terminal.0.0.to_be_bytes());
    Sha256Digest(digest.finalize().into())
}

/// The end of a chain: the last entry and its hash, or no entry and the genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// The last entry's sequence; 0 where there is none.
    pub sequence: Sequence,
    /// The last entry's hash.
    pub hash: Sha256Digest,
}

impl ChainHead {
    /// The end of an empty chain.
    pub fn empty(terminal: TerminalId) -> Self {
        Self { sequence: Sequence(0), hash: genesis(terminal) }
    }
}

/// A draft with its place in the chain, and everything that a store writes for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    /// The entry as it will be read back.
    pub entry: Entry,
    /// The canonical bytes of its head.
    pub head_bytes: Vec<u8>,
    /// Its parts.
    pub parts: Vec<StoredPart>,
    /// The end of the chain with this entry.
    pub end: ChainHead,
}

/// Why a draft cannot be an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Its time cannot be told in microseconds.
    #[error("the time of the entry is outside of the calendar")]
    Time,
    /// A part cannot be stored.
    #[error(transparent)]
    Part(#[from] PartError),
}

/// Puts `draft` after `end` in the chain of `terminal`. Every store appends through this, so that
/// the same drafts give the same bytes and hashes everywhere. The entry's time is cut to the
/// microsecond here (see [`to_microsecond`]): what is hashed is what is read back.
///
/// # Errors
/// [`SealError`] where the draft has no stored form.
pub fn seal(draft: &EntryDraft, terminal: TerminalId, end: &ChainHead) -> Result<Sealed, SealError> {
    let parts = draft.parts.store(&draft.salts)?;
    let mut digests = [None; 3];
    for part in &parts {
        digests[part.kind.index()] = Some(part.digest());
    }
    let head = Head {
        terminal,
        sequence: end.sequence.next(),
        id: draft.id,
        at: to_microsecond(draft.at).ok_or(SealError::Time)?,
        clock: draft.clock,
        moment: draft.moment,
        kind: draft.kind,
        actor: draft.actor.clone(),
        operator_key: draft.operator_key.filter(|_| matches!(draft.actor, Actor::Operator(_))),
        parts: digests,
    };
    let head_bytes = head.canonical_bytes();
    let end = ChainHead { sequence: head.sequence, hash: chain_hash(&end.hash, &head_bytes) };
    Ok(Sealed { entry: Entry { head, parts: draft.parts.clone() }, head_bytes, parts, end })
}

/// The hash of a head with these canonical bytes after the entry with the hash `previous`.
pub(super) fn chain_hash(previous: &Sha256Digest, head_bytes: &[u8]) -> Sha256Digest {
    sha256(&previous.0, head_bytes)
}

/// The first thing that does not fit when a chain is walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A head does not have the hash that was kept for it.
    #[error("entry {sequence} does not have the hash that was kept for it")]
    Hash {
        /// Where.
        sequence: Sequence,
    },
    /// A head has its hash and yet cannot be read.
    #[error("the head of entry {sequence} cannot be read: {fault}")]
    Head {
        /// Where.
        sequence: Sequence,
        /// What does not fit.
        fault: HeadError,
    },
    /// The numbers do not go up by one.
    #[error("entry {expected} is missing; the next one found is {found}")]
    Gap {
        /// What should come.
        expected: Sequence,
        /// What came.
        found: Sequence,
    },
    /// An entry says that another machine wrote it.
    #[error("entry {sequence} was written by another terminal")]
    Terminal {
        /// Where.
        sequence: Sequence,
    },
    /// A part's stored bytes do not have the digest its head holds.
    #[error("the {part:?} part of entry {sequence} does not have the digest that its head holds")]
    Part {
        /// Where.
        sequence: Sequence,
        /// Which part.
        part: PartKind,
    },
    /// A part has its digest and yet cannot be read.
    #[error("entry {sequence}: {fault}")]
    PartContent {
        /// Where.
        sequence: Sequence,
        /// What does not fit.
        fault: PartError,
    },
    /// A head holds the digest of a part that is not there, and no later entry says that it was
    /// erased.
    #[error("the {part:?} part of entry {sequence} is missing, and no entry says that it was erased")]
    MissingPart {
        /// Where.
        sequence: Sequence,
        /// Which part.
        part: PartKind,
    },
    /// A part is stored for an entry that was written without one, or for no entry.
    #[error("there is a {part:?} part for entry {sequence}, which was written without one")]
    StrayPart {
        /// Where.
        sequence: Sequence,
        /// Which part.
        part: PartKind,
    },
    /// The chain does not end where it was kept to end.
    #[error("the ledger ends at entry {found}, but entry {kept} was kept as its end")]
    End {
        /// The kept end.
        kept: Sequence,
        /// The last entry found.
        found: Sequence,
    },
    /// The last entry does not have the hash that was kept as the end's.
    #[error("entry {sequence}, the last one, does not have the hash that was kept for the ledger's end")]
    EndHash {
        /// The last entry.
        sequence: Sequence,
    },
}

/// Walks a chain: hand it every head in order, with the hash kept for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainWalk {
    terminal: TerminalId,
    end: ChainHead,
}

impl ChainWalk {
    /// A walk from the genesis of `terminal`.
    pub fn new(terminal: TerminalId) -> Self {
        Self::after(terminal, ChainHead::empty(terminal))
    }

    /// A walk of what follows `end`, which was kept.
    pub fn after(terminal: TerminalId, end: ChainHead) -> Self {
        Self { terminal, end }
    }

    /// The next head as it is stored: the number it is kept under, its bytes, and the hash that
    /// was kept for it.
    ///
    /// # Errors
    /// The fault, where it does not fit what came before.
    pub fn step(
        &mut self,
        sequence: Sequence,
        head_bytes: &[u8],
        kept: &Sha256Digest,
    ) -> Result<Head, ChainFault> {
        let expected = self.end.sequence.next();
        if sequence != expected {
            return Err(ChainFault::Gap { expected, found: sequence });
        }
        let hash = chain_hash(&self.end.hash, head_bytes);
        if hash != *kept {
            return Err(ChainFault::Hash { sequence });
        }
        let head =
            Head::from_canonical_bytes(head_bytes).map_err(|fault| ChainFault::Head { sequence, fault })?;
        if head.sequence != sequence {
            return Err(ChainFault::Gap { expected, found: head.sequence });
        }
        if head.terminal != self.terminal {
            return Err(ChainFault::Terminal { sequence });
        }
        self.end = ChainHead { sequence, hash };
        Ok(head)
    }

    /// Where the walk has come to.
    pub fn end(&self) -> ChainHead {
        self.end
    }

    /// Checks that the walk has come to the kept end.
    ///
    /// # Errors
    /// [`ChainFault::End`] or [`ChainFault::EndHash`] where it has not.
    pub fn finish(&self, kept: &ChainHead) -> Result<ChainHead, ChainFault> {
        if self.end.sequence != kept.sequence {
            return Err(ChainFault::End { kept: kept.sequence, found: self.end.sequence });
        }
        if self.end.hash != kept.hash {
            return Err(ChainFault::EndHash { sequence: kept.sequence });
        }
        Ok(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{ClockState, EntryId, EntryKind, NotePart, Parts, StoredHead, verify_chain};
    use chrono::DateTime;
    use ulid::Ulid;

    const TERMINAL: TerminalId = TerminalId(Ulid(7));

    fn draft(number: u128, note: Option<&str>) -> EntryDraft {
        EntryDraft {
            id: EntryId(Ulid(number)),
            at: DateTime::from_timestamp_nanos(1_234_567_890),
            clock: ClockState::Synchronised,
            moment: None,
            kind: EntryKind::Mark,
            actor: Actor::System,
            operator_key: None,
            parts: Parts { note: note.map(|text| NotePart { text: text.to_owned() }), ..Parts::default() },
            salts: [[1; 16], [2; 16], [number as u8; 16]],
        }
    }

    type Ledger = (Vec<StoredHead>, Vec<(Sequence, StoredPart)>, ChainHead);

    fn ledger() -> Ledger {
        let (mut heads, mut parts, mut end) = (vec![], vec![], ChainHead::empty(TERMINAL));
        for (number, note) in [(1, Some("a")), (2, None), (3, Some("b"))] {
            let sealed = seal(&draft(number, note), TERMINAL, &end).unwrap();
            end = sealed.end;
            heads.push((end.sequence, sealed.head_bytes, end.hash));
            parts.extend(sealed.parts.into_iter().map(|part| (end.sequence, part)));
        }
        (heads, parts, end)
    }

    fn verify((heads, parts, kept): Ledger) -> Result<ChainHead, ChainFault> {
        verify_chain(TERMINAL, &kept, heads.into_iter().map(Ok), parts.into_iter().map(Ok))
    }

    #[test]
    fn what_is_sealed_is_cut_to_the_microsecond_and_verifies() {
        let sealed = seal(&draft(1, None), TERMINAL, &ChainHead::empty(TERMINAL)).unwrap();
        assert_eq!(sealed.entry.head.at, DateTime::from_timestamp_nanos(1_234_567_000));
        assert_eq!(Head::from_canonical_bytes(&sealed.head_bytes), Ok(sealed.entry.head.clone()));
        assert_eq!(sealed.end.hash, sealed.entry.head.hash(&genesis(TERMINAL)));
        let kept = ledger().2;
        assert_eq!(verify(ledger()), Ok(kept));
    }

    #[test]
    fn a_part_for_no_digest_or_no_entry_is_a_fault() {
        let (heads, mut parts, end) = ledger();
        parts.insert(1, (Sequence(2), parts[0].1.clone()));
        let fault = ChainFault::StrayPart { sequence: Sequence(2), part: PartKind::Note };
        assert_eq!(verify((heads, parts, end)), Err(fault));
        let (heads, mut parts, end) = ledger();
        parts.push((Sequence(9), parts[0].1.clone()));
        let fault = ChainFault::StrayPart { sequence: Sequence(9), part: PartKind::Note };
        assert_eq!(verify((heads, parts, end)), Err(fault));
        let (heads, mut parts, end) = ledger();
        parts.insert(0, (Sequence(0), parts[0].1.clone()));
        let fault = ChainFault::StrayPart { sequence: Sequence(0), part: PartKind::Note };
        assert_eq!(verify((heads, parts, end)), Err(fault));
    }

    #[test]
    fn a_chain_of_another_terminal_does_not_fit() {
        let (mut heads, _, _) = ledger();
        let mut head = Head::from_canonical_bytes(&heads[0].1).unwrap();
        head.terminal = TerminalId(Ulid(8));
        heads[0].1 = head.canonical_bytes();
        heads[0].2 = head.hash(&genesis(TERMINAL));
        let mut walk = ChainWalk::new(TERMINAL);
        let fault = walk.step(Sequence(1), &heads[0].1, &heads[0].2);
        assert_eq!(fault, Err(ChainFault::Terminal { sequence: Sequence(1) }));
    }

    #[test]
    fn a_kept_end_with_another_hash_is_a_fault() {
        let (heads, parts, mut end) = ledger();
        end.hash.0[0] ^= 1;
        assert_eq!(verify((heads, parts, end)), Err(ChainFault::EndHash { sequence: Sequence(3) }));
    }

    #[test]
    fn an_error_of_the_medium_comes_through() {
        let (heads, _, end) = ledger();
        #[derive(Debug, PartialEq)]
        enum Medium {
            Broken,
            Fault(ChainFault),
        }
        impl From<ChainFault> for Medium {
            fn from(fault: ChainFault) -> Self {
                Self::Fault(fault)
            }
        }
        let heads = heads.into_iter().map(Ok);
        let parts = [Err::<(Sequence, StoredPart), _>(Medium::Broken)].into_iter();
        assert_eq!(verify_chain(TERMINAL, &end, heads, parts), Err(Medium::Broken));
    }
}
