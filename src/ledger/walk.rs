//! Walking a whole ledger with its parts, from its beginning or in stretches side by side.
//!
//! A stretch begins at a hash that was kept and not yet checked. Where every stretch fits, and each ends with
//! the number and the hash at which the next begins, the chain fits from its genesis on: by the first of
//! them the second begins at a hash that was checked, and so on. Where one does not, what is wrong first is
//! found by a walk from the beginning; so both ways say the same of every ledger.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::iter::Peekable;

use super::{
    ChainFault, ChainHead, ChainWalk, EntryKind, ErasurePart, Head, PartKind, Parts, Salt, Sequence,
    Sha256Digest, StoredPart, TerminalId, part_digest,
};

/// A head as a store keeps it: its number, its canonical bytes, its hash.
pub type StoredHead = (Sequence, Vec<u8>, Sha256Digest);

/// A row of a store that holds a head.
pub trait HeadRow<E> {
    /// The number it is kept under.
    fn sequence(&self) -> Sequence;

    /// The hash that was kept for it, and its canonical bytes.
    ///
    /// # Errors
    /// What the store says of a row that is none.
    fn read(&self) -> Result<(Sha256Digest, &[u8]), E>;
}

/// A row of a store that holds a part.
pub trait PartRow<E> {
    /// The entry it is kept for.
    fn sequence(&self) -> Sequence;

    /// What it holds.
    ///
    /// # Errors
    /// What the store says of a row that is none.
    fn read(&self) -> Result<PartView<'_>, E>;
}

/// A stored part, seen where it lies.
pub struct PartView<'a> {
    /// Which of the entry's parts.
    pub kind: PartKind,
    /// What was hashed before the bytes.
    pub salt: &'a Salt,
    /// A version byte and the content.
    pub bytes: Cow<'a, [u8]>,
}

impl PartView<'_> {
    /// The part, apart from where it lies.
    pub fn into_part(self) -> StoredPart {
        StoredPart { kind: self.kind, salt: *self.salt, bytes: self.bytes.into_owned() }
    }

    fn content(self) -> Result<Parts, super::PartError> {
        let mut content = Parts::default();
        content.put(&self.into_part()).map(|()| content)
    }
}

impl<E> HeadRow<E> for StoredHead {
    fn sequence(&self) -> Sequence {
        self.0
    }

    fn read(&self) -> Result<(Sha256Digest, &[u8]), E> {
        Ok((self.2, &self.1))
    }
}

impl<E> PartRow<E> for (Sequence, StoredPart) {
    fn sequence(&self) -> Sequence {
        self.0
    }

    fn read(&self) -> Result<PartView<'_>, E> {
        let (_, part) = self;
        Ok(PartView { kind: part.kind, salt: &part.salt, bytes: Cow::Borrowed(&part.bytes) })
    }
}

/// What a walk met that is judged at its end, in the order in which it met it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Absence {
    /// A head holds the digest of a part that is not there.
    Missing(Sequence, PartKind),
    /// An erasure names what it took away.
    Named(ErasurePart),
}

/// The first part that is missing and not named by a later erasure.
fn unexplained<'a>(absences: impl Iterator<Item = &'a Absence>) -> Option<(Sequence, PartKind)> {
    let mut missing = BTreeSet::new();
    for absence in absences {
        match absence {
            Absence::Missing(sequence, kind) => drop(missing.insert((*sequence, *kind))),
            Absence::Named(erasure) => {
                for run in &erasure.runs {
                    let from = (run.first, PartKind::Record);
                    let until = (Sequence(run.first.0.saturating_add(run.count)), PartKind::Record);
                    let within = missing.range(from..until).copied();
                    let named: Vec<_> = within.filter(|(at, kind)| erasure.names(*at, *kind)).collect();
                    for part in &named {
                        missing.remove(part);
                    }
                }
            }
        }
    }
    missing.pop_first()
}

/// A part of a chain that was walked by itself, and fits in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    begin: ChainHead,
    walk: ChainWalk,
    absences: Vec<Absence>,
}

fn walk<E: From<ChainFault>, H: HeadRow<E>, P: PartRow<E>>(
    terminal: TerminalId,
    begin: ChainHead,
    heads: impl Iterator<Item = Result<H, E>>,
    parts: &mut Peekable<impl Iterator<Item = Result<P, E>>>,
) -> Result<Stretch, E> {
    let mut walk = ChainWalk::after(terminal, begin);
    let mut absences = Vec::new();
    for row in heads {
        let row = row?;
        let sequence = row.sequence();
        let (kept, bytes) = row.read()?;
        let head = walk.step(sequence, bytes, &kept)?;
        let mut found = [false; 3];
        let is_due = |next: &Result<P, E>| next.as_ref().map_or(true, |row| row.sequence() <= sequence);
        while let Some(row) = parts.next_if(is_due) {
            let row = row?;
            let part = row.read()?;
            found[part.kind.index()] = true;
            absences.extend(check_part(&head, row.sequence(), part)?.map(Absence::Named));
        }
        for part in PartKind::ALL {
            if head.part(part).is_some() && !found[part.index()] {
                absences.push(Absence::Missing(sequence, part));
            }
        }
    }
    Ok(Stretch { begin, walk, absences })
}

/// Checks a part stored under `sequence` while the walk is at `head`; what it erased, where it is an erasure.
fn check_part(
    head: &Head,
    sequence: Sequence,
    part: PartView<'_>,
) -> Result<Option<ErasurePart>, ChainFault> {
    let kind = part.kind;
    let digest = if sequence == head.sequence { head.part(kind) } else { None };
    let Some(digest) = digest else {
        return Err(ChainFault::StrayPart { sequence, part: kind });
    };
    if digest != part_digest(part.salt, &part.bytes) {
        return Err(ChainFault::Part { sequence, part: kind });
    }
    let takes_away = matches!(head.kind, EntryKind::Erased | EntryKind::RetentionApplied);
    if !takes_away && Parts::can_be_put(kind, &part.bytes) {
        return Ok(None);
    }
    let content = part.content().map_err(|fault| ChainFault::PartContent { sequence, fault })?;
    Ok(content.erasure.filter(|_| takes_away))
}

/// Walks a whole ledger from genesis to the kept end, with every part: each is there exactly if
/// its head holds a digest and no later erasure or retention names it, has that digest, and can be read. `heads` come by
/// sequence, `parts` by sequence and kind.
///
/// # Errors
/// The first [`ChainFault`], or the first error of the two iterators.
pub fn verify_chain<E: From<ChainFault>, H: HeadRow<E>, P: PartRow<E>>(
    terminal: TerminalId,
    kept: &ChainHead,
    heads: impl Iterator<Item = Result<H, E>>,
    parts: impl Iterator<Item = Result<P, E>>,
) -> Result<ChainHead, E> {
    let mut parts = parts.peekable();
    let whole = walk(terminal, ChainHead::empty(terminal), heads, &mut parts)?;
    let end = whole.walk.finish(kept)?;
    if let Some((sequence, part)) = unexplained(whole.absences.iter()) {
        return Err(ChainFault::MissingPart { sequence, part }.into());
    }
    match parts.next() {
        None => Ok(end),
        Some(stray) => {
            let stray = stray?;
            let (sequence, part) = (stray.sequence(), stray.read()?.kind);
            Err(ChainFault::StrayPart { sequence, part }.into())
        }
    }
}

/// Walks what lies after `begin`, with every part of it; none where something does not fit or cannot be read.
pub fn walk_stretch<E: From<ChainFault>, H: HeadRow<E>, P: PartRow<E>>(
    terminal: TerminalId,
    begin: ChainHead,
    heads: impl Iterator<Item = Result<H, E>>,
    parts: impl Iterator<Item = Result<P, E>>,
) -> Option<Stretch> {
    let mut parts = parts.peekable();
    let stretch = walk(terminal, begin, heads, &mut parts).ok()?;
    parts.next().is_none().then_some(stretch)
}

/// The end of a chain that was walked in `stretches`, which come in order, the first from genesis; none where
/// something does not fit.
pub fn join_stretches(terminal: TerminalId, kept: &ChainHead, stretches: &[Stretch]) -> Option<ChainHead> {
    let mut end = ChainHead::empty(terminal);
    for stretch in stretches {
        if stretch.begin != end {
            return None;
        }
        end = stretch.walk.end();
    }
    let is_whole = end == *kept && unexplained(stretches.iter().flat_map(|s| &s.absences)).is_none();
    is_whole.then_some(end)
}
