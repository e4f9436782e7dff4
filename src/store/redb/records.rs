//! What a store knows of its own backups and erasures.

use chrono::DateTime;
use redb::{ReadTransaction, ReadableTable};
use ulid::Ulid;

use crate::attendance::{PersonId, StrangerId};
use crate::face::TemplateId;
use crate::ledger::{ChainHead, Entry, EntryKind, Facts, Sequence, Sha256Digest};
use crate::store::crypt::ring::{Subject, SubjectKind};
use crate::store::{BackupOnRecord, ErasedId, KeptRecords};

use super::copy::each;
use super::tables::{BACKUPS, ERASED, Tables, head_row};
use super::{Fault, sealed};

/// The digest, the size, the hash.
const BACKUP_ROW: usize = 32 + 8 + 32;

fn backup((at_us, sequence): (i64, u64), row: &[u8]) -> Result<BackupOnRecord, Fault> {
    let read = || {
        let row: &[u8; BACKUP_ROW] = row.try_into().ok()?;
        let (digest, rest) = row.split_first_chunk::<32>()?;
        let (bytes, hash) = rest.split_first_chunk::<8>()?;
        let hash = Sha256Digest(hash.try_into().ok()?);
        Some(BackupOnRecord {
            at: DateTime::from_timestamp_micros(at_us)?,
            digest: Sha256Digest(*digest),
            bytes: u64::from_be_bytes(*bytes),
            end: ChainHead { sequence: Sequence(sequence), hash },
        })
    };
    read().ok_or_else(|| Fault::Damaged(format!("the row of the backup at entry {sequence} cannot be read")))
}

fn erased((kind, id): (u8, u128), keeps: u8) -> Result<ErasedId, Fault> {
    let fault = || Fault::Damaged(format!("what is kept of the erasure of {} cannot be read", Ulid(id)));
    let keeps = match keeps {
        0 => KeptRecords::None,
        1 => KeptRecords::Pseudonymous,
        _ => return Err(fault()),
    };
    match Subject::from_numbers((kind, id)).ok_or_else(fault)?.kind {
        SubjectKind::Person => Ok(ErasedId::Person { id: PersonId(Ulid(id)), keeps }),
        SubjectKind::Stranger => Ok(ErasedId::Stranger(StrangerId(Ulid(id)))),
        SubjectKind::Site => Err(fault()),
    }
}

/// Whether `row` is one of a backup.
pub(super) fn is_backup(row: &[u8]) -> bool {
    backup((0, 1), row).is_ok()
}

/// Whether bytes are the kind, the id and what stayed of something that was erased.
pub(super) fn is_erased(row: &[u8]) -> bool {
    let (Some(kind), Some(keeps)) = (row.first(), row.last()) else { return false };
    let id = row[1..row.len() - 1].iter().fold(0, |id, byte| id << 8 | u128::from(*byte));
    erased((*kind, id), *keeps).is_ok()
}

/// The backups on record, oldest first.
pub(super) fn backups(from: &ReadTransaction) -> Result<Vec<BackupOnRecord>, Fault> {
    let mut found = Vec::new();
    each(from, BACKUPS, |key, row| {
        found.push(backup(key, row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Everything that was erased, by id.
pub(super) fn erasures(from: &ReadTransaction) -> Result<Vec<ErasedId>, Fault> {
    let mut found = Vec::new();
    each(from, ERASED, |key, keeps| {
        found.push(erased(key, keeps)?);
        Ok(())
    })?;
    Ok(found)
}

impl Tables<'_> {
    /// Puts a backup on record.
    pub(super) fn put_backup(&mut self, backup: &BackupOnRecord) -> Result<(), Fault> {
        let row = [&backup.digest.0[..], &backup.bytes.to_be_bytes(), &backup.end.hash.0].concat();
        let key = (backup.at.timestamp_micros(), backup.end.sequence.0);
        self.backups.insert(key, row.as_slice())?;
        Ok(())
    }

    /// Puts the backup on record that an entry says was made, where it says so.
    pub(super) fn note_backup_of(&mut self, entry: &Entry) -> Result<(), Fault> {
        match (entry.head.kind, &entry.parts.facts) {
            (EntryKind::BackedUp, Some(Facts::Backup { digest, bytes, end })) => {
                let (at, digest, bytes, end) = (entry.head.at, *digest, *bytes, *end);
                self.put_backup(&BackupOnRecord { at, digest, bytes, end })
            }
            _ => Ok(()),
        }
    }

    /// Keeps that something was erased.
    pub(super) fn put_erased(&mut self, erased: &ErasedId) -> Result<(), Fault> {
        let (subject, keeps) = match erased {
            ErasedId::Person { id, keeps } => {
                (Subject::person(id.0.0), u8::from(*keeps == KeptRecords::Pseudonymous))
            }
            ErasedId::Stranger(id) => (Subject::stranger(id.0.0), 0),
        };
        self.erased.insert(subject.numbers(), keeps)?;
        Ok(())
    }

    /// The backups on record that may hold `person`: those whose ledger goes as far as their first entry. For
    /// somebody without an entry, all of them.
    pub(super) fn backups_of(&self, person: PersonId) -> Result<Vec<BackupOnRecord>, Fault> {
        let mut about = self.by_person.range((person.0.0, 0)..=(person.0.0, u64::MAX))?;
        let first = about.next().transpose()?.map_or(0, |row| row.0.value().1);
        let mut found = Vec::new();
        for row in self.backups.iter()? {
            let (key, row) = row?;
            let backup = backup(key.value(), row.value())?;
            if backup.end.sequence.0 >= first {
                found.push(backup);
            }
        }
        Ok(found)
    }
}

/// Reads bytes as what stands around the layouts of rows, whichever the first of them names; whether they were.
pub(in crate::store) fn read_frame(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = bytes.split_first() else { return false };
    let key = crate::store::crypt::Key::from_bytes([4; 32]);
    let id = Ulid(5);
    match kind {
        0 => sealed::template_owner(TemplateId(id), bytes).is_ok(),
        1 => sealed::person(&key, PersonId(id), bytes).is_ok(),
        2 => sealed::template(&key, TemplateId(id), bytes).is_ok(),
        3 => head_row(5, bytes).is_ok(),
        4 => is_backup(bytes),
        5 => bytes.len() == 18 && is_erased(bytes),
        _ => false,
    }
}
