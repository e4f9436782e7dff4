//! Raising a file of an older schema: everything is written into a new file, as this program keeps it; the new
//! file is verified and takes the old one's name, and what the old one held is overwritten.

use std::fs::{File, OpenOptions};

use redb::{Database, Key, ReadableDatabase, ReadableTable, TableDefinition, Value};
use ulid::Ulid;

use crate::attendance::{PersonId, StrangerId};
use crate::face::{EncodedCrop, TemplateId};
use crate::ledger::{PartKind, Parts, Salt, Sequence, StoredPart, TerminalId, verify_chain};
use crate::store::crypt::ring::Ring;
use crate::store::crypt::vault::wipe;
use crate::store::rows;

use super::copy::each;
use super::open::{DataFile, check, half_made, initialise, new_database};
use super::tables::{
    BY_PERSON, BY_TIME, CHAIN_END, CHANGE_POINT, CROPS, EPOCH, FEED, HEADS, IDENTIFIERS, KEYS, META, PARTS,
    PEOPLE, POINTS, STRANGERS, TEMPLATES, TEMPLATES_OF, Tables, VAULT, head_row, kept_end,
};
use super::{Fault, Medium, sealed, write_transaction};

/// Raises `file`, of an older schema, to this program's. After an error or a crash the old file is there as
/// it was.
pub(super) fn raise(file: &DataFile, ring: &Ring) -> Result<(), Fault> {
    let old = file.open()?;
    let path = file.path();
    let directory = path.parent().unwrap_or(path);
    let (terminal, found) = check(&old, path)?;
    let half_made = half_made(directory)?;
    let raised = write(&old, found, &half_made, terminal, ring).and_then(|()| {
        let io = |error| Fault::io("raise", error);
        let bytes = OpenOptions::new().write(true).open(path).map_err(io)?;
        std::fs::rename(&half_made, path).map_err(io)?;
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)?;
        // Closed first: redb would write its own state into it once more.
        old.close()?;
        wipe(&bytes).map_err(io)
    });
    if raised.is_err() {
        let _ = std::fs::remove_file(&half_made);
    }
    raised
}

fn write(
    old: &Database,
    found: u32,
    path: &std::path::Path,
    terminal: TerminalId,
    ring: &Ring,
) -> Result<(), Fault> {
    let new = new_database(path)?;
    initialise(&new, terminal, ring)?;
    let transaction = write_transaction(&new)?;
    let from = old.begin_read()?;
    if found < SEALED_SINCE {
        seal_all(&from, &transaction, ring)?;
    } else {
        // Rows are the same since then, and sealed under the same keys.
        copy(&from, &transaction, KEYS)?;
        copy(&from, &transaction, PEOPLE)?;
        copy(&from, &transaction, IDENTIFIERS)?;
        copy(&from, &transaction, TEMPLATES)?;
        copy(&from, &transaction, CROPS)?;
        copy(&from, &transaction, STRANGERS)?;
        copy(&from, &transaction, PARTS)?;
    }
    let mut tables = Tables::open(&transaction, ring)?;
    let values = from.open_table(META)?;
    let names: &[&str] = if found < SEALED_SINCE {
        &[CHAIN_END, CHANGE_POINT]
    } else {
        &[CHAIN_END, CHANGE_POINT, VAULT, EPOCH]
    };
    for name in names {
        let value = values.get(*name)?;
        let missing = || Fault::Damaged(format!("the value {name} is missing"));
        tables.meta.insert(*name, value.ok_or_else(missing)?.value())?;
    }
    drop(tables);
    copy(&from, &transaction, TEMPLATES_OF)?;
    copy(&from, &transaction, FEED)?;
    copy(&from, &transaction, POINTS)?;
    copy(&from, &transaction, HEADS)?;
    copy(&from, &transaction, BY_PERSON)?;
    copy(&from, &transaction, BY_TIME)?;
    transaction.commit()?;
    verify(&new, terminal, ring)?;
    Ok(new.close()?)
}

/// The first schema whose rows are sealed.
pub(super) const SEALED_SINCE: u32 = 3;

/// Writes what schemas 1 and 2 kept in the clear as sealed rows.
fn seal_all(
    from: &redb::ReadTransaction,
    transaction: &redb::WriteTransaction,
    ring: &Ring,
) -> Result<(), Fault> {
    let mut tables = Tables::open(transaction, ring)?;
    each(from, PEOPLE, |id, row| tables.raise_person(PersonId(Ulid(id)), row))?;
    each(from, TEMPLATES, |id, row| tables.raise_template(TemplateId(Ulid(id)), row))?;
    each(from, CROPS, |id, row| tables.raise_crop(TemplateId(Ulid(id)), row))?;
    each(from, STRANGERS, |id, row| tables.raise_stranger(StrangerId(Ulid(id)), row))?;
    each(from, PARTS, |key, row| tables.raise_part(from, key, row))
}

/// Walks the raised ledger: with every note opened, its chain is the old one's.
fn verify(new: &Database, terminal: TerminalId, ring: &Ring) -> Result<(), Fault> {
    let transaction = new.begin_read()?;
    let kept = kept_end(&transaction.open_table(META)?)?;
    let (heads, parts) = (transaction.open_table(HEADS)?, transaction.open_table(PARTS)?);
    let keys = transaction.open_table(KEYS)?;
    let heads = heads.iter()?.map(|row| {
        let (sequence, row) = row?;
        let (hash, bytes) = head_row(sequence.value(), row.value())?;
        Ok((Sequence(sequence.value()), bytes.to_vec(), hash))
    });
    let parts = parts.iter()?.map(|row| {
        let (key, row) = row?;
        Ok((Sequence(key.value().0), sealed::part(&keys, ring, key.value(), row.value())?))
    });
    verify_chain(terminal, &kept, heads, parts).map(drop)
}

fn copy<K: Key + 'static, V: Value + 'static>(
    from: &redb::ReadTransaction,
    to: &redb::WriteTransaction,
    table: TableDefinition<K, V>,
) -> Result<(), Fault> {
    let mut written = to.open_table(table)?;
    each(from, table, |key, value| {
        written.insert(key, value)?;
        Ok(())
    })
}

/// Rows as schemas 1 and 2 kept them: the bytes of [`rows`], in the clear.
impl Tables<'_> {
    fn raise_person(&mut self, id: PersonId, row: &[u8]) -> Result<(), Fault> {
        let person = rows::person(id, row).map_err(Fault::Damaged)?;
        let key = self.key(sealed::of_person(id))?;
        self.people.insert(id.0.0, sealed::person_row(&key, &person)?.as_slice())?;
        if let (Some(identifier), true) = (&person.identifier, person.is_active()) {
            let blinded = self.ring.blind_identifier(identifier.as_str());
            self.identifiers.insert(&blinded[..], id.0.0)?;
        }
        Ok(())
    }

    fn raise_template(&mut self, id: TemplateId, row: &[u8]) -> Result<(), Fault> {
        let template = rows::template(id, row).map_err(Fault::Damaged)?;
        let key = self.key(sealed::of_person(template.person))?;
        self.templates.insert(id.0.0, sealed::template_row(&key, &template)?.as_slice())?;
        Ok(())
    }

    fn raise_crop(&mut self, id: TemplateId, row: &[u8]) -> Result<(), Fault> {
        use crate::store::changes::Stored;
        let missing = || Fault::Damaged(format!("template {} has a crop and no row", id.0));
        let owner = self.owner(id)?.ok_or_else(missing)?;
        let key = self.key(sealed::of_person(owner))?;
        let crop = EncodedCrop::from(row.to_vec());
        self.crops.insert(id.0.0, sealed::crop_row(&key, id, &crop)?.as_slice())?;
        Ok(())
    }

    fn raise_stranger(&mut self, id: StrangerId, row: &[u8]) -> Result<(), Fault> {
        let stranger = rows::stranger(id, row).map_err(Fault::Damaged)?;
        let key = self.key(sealed::of_stranger(id))?;
        self.strangers.insert(id.0.0, sealed::stranger_row(&key, &stranger)?.as_slice())?;
        Ok(())
    }

    fn raise_part(
        &mut self,
        from: &redb::ReadTransaction,
        (sequence, kind): (u64, u8),
        row: &[u8],
    ) -> Result<(), Fault> {
        if PartKind::from_number(kind) != Some(PartKind::Note) {
            self.parts.insert((sequence, kind), row)?;
            return Ok(());
        }
        let (salt, bytes) = salted(sequence, row)?;
        let part = StoredPart { kind: PartKind::Note, salt, bytes };
        let record = from.open_table(PARTS)?.get((sequence, PartKind::Record as u8))?;
        let person = match record {
            None => None,
            Some(row) => {
                let (salt, bytes) = salted(sequence, row.value())?;
                let mut parts = Parts::default();
                let read = parts.put(&StoredPart { kind: PartKind::Record, salt, bytes });
                read.map_err(|fault| Fault::Damaged(format!("entry {sequence}: {fault}")))?;
                parts.record.map(|record| record.person)
            }
        };
        let subject = sealed::note_subject(person);
        let row = sealed::note_row(&self.key(subject)?, subject, sequence, &part)?;
        self.parts.insert((sequence, kind), row.as_slice())?;
        Ok(())
    }
}

fn salted(sequence: u64, row: &[u8]) -> Result<(Salt, Vec<u8>), Fault> {
    let too_short = || Fault::Damaged(format!("a part of entry {sequence} is too short"));
    let (salt, bytes) = row.split_first_chunk().ok_or_else(too_short)?;
    Ok((*salt, bytes.to_vec()))
}
