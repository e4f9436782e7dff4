//! The tables, and what a transaction writes to them.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use ulid::Ulid;

use crate::access::OperatorId;
use crate::attendance::{Identifier, Person, PersonId, StrangerId};
use crate::face::TemplateId;
use crate::ledger::{ChainHead, PartKind, Sealed, Sequence, Sha256Digest, TerminalId};
use crate::store::changes::{Object, Staged, Stored};
use crate::store::crypt::Key;
use crate::store::crypt::ring::{Ring, SITE, Subject};
use crate::store::crypt::vault::{Epoch, VaultId};

use super::{Fault, sealed};

/// What is in this file's tables. A program reads up to its own number; it is raised with every
/// new table, layout, kind of entry, or number with a meaning.
///
/// 1: people, templates, the feed and the ledger. 2: crops and items of the inbox, the kinds of
/// entry from 14 on, and evidence with its details. 3: keys, and everything of people sealed; files of
/// the two before are raised into a new file ([`raise`](super::raise)). 4: the kinds of entry from 20 on, heads
/// with a moment, records with details, facts, particulars of people, operators, cursors, and the indexes of
/// corrections.
pub(super) const SCHEMA_VERSION: u32 = 4;

type Bytes = &'static [u8];
/// Single values by name.
pub(super) const META: TableDefinition<&str, Bytes> = TableDefinition::new("meta");
/// The schema version: 4 bytes, big-endian, as all numbers in META.
pub(super) const SCHEMA: &str = "schema";
/// The terminal's id: 16 bytes.
pub(super) const TERMINAL: &str = "terminal";
/// The end of the chain: the sequence in 8 bytes, the hash in 32.
pub(super) const CHAIN_END: &str = "chain_end";
/// The last point of the feed of changes: 8 bytes.
pub(super) const CHANGE_POINT: &str = "change_point";
/// The name of the file of keys that belongs to it: 16 bytes.
pub(super) const VAULT: &str = "vault";
/// The epoch whose key wraps every key of KEYS: 8 bytes.
pub(super) const EPOCH: &str = "epoch";

/// The subject (number of its kind, id) to its wrapped key.
pub(super) const KEYS: TableDefinition<(u8, u128), Bytes> = TableDefinition::new("keys");

/// People by id.
pub(super) const PEOPLE: TableDefinition<u128, Bytes> = TableDefinition::new("people");
/// The blinded identifier to the active person who has it.
pub(super) const IDENTIFIERS: TableDefinition<Bytes, u128> = TableDefinition::new("identifiers");
/// Templates by id.
pub(super) const TEMPLATES: TableDefinition<u128, Bytes> = TableDefinition::new("templates");
/// Person and template.
pub(super) const TEMPLATES_OF: TableDefinition<(u128, u128), ()> = TableDefinition::new("templates_of");
/// Template to the crop beside it.
pub(super) const CROPS: TableDefinition<u128, Bytes> = TableDefinition::new("crops");
/// Items of the inbox by id.
pub(super) const STRANGERS: TableDefinition<u128, Bytes> = TableDefinition::new("strangers");
/// Point of the feed to object.
pub(super) const FEED: TableDefinition<u64, (u8, u128)> = TableDefinition::new("feed");
/// Object to its one point of the feed.
pub(super) const POINTS: TableDefinition<(u8, u128), u64> = TableDefinition::new("points");
/// Sequence to the hash (32 bytes) and the canonical bytes of the head.
pub(super) const HEADS: TableDefinition<u64, Bytes> = TableDefinition::new("heads");
/// Sequence and number of the kind of part to the salt (16 bytes) and the part's bytes.
pub(super) const PARTS: TableDefinition<(u64, u8), Bytes> = TableDefinition::new("parts");
/// Person and sequence of the entries about them. Erasable: nothing in the chain rests on it.
pub(super) const BY_PERSON: TableDefinition<(u128, u64), ()> = TableDefinition::new("entries_by_person");
/// What was erased (the subject's numbers) to what stayed: 0 for nothing, 1 for records without a name.
pub(super) const ERASED: TableDefinition<(u8, u128), u8> = TableDefinition::new("erased");
/// Microseconds since 1970 and the end of the ledger of each backup on record, to the digest of its file (32
/// bytes), its size (8) and the end's hash (32).
pub(super) const BACKUPS: TableDefinition<(i64, u64), Bytes> = TableDefinition::new("backups");
/// Microseconds since 1970 and sequence.
pub(super) const BY_TIME: TableDefinition<(i64, u64), ()> = TableDefinition::new("entries_by_time");

/// Microseconds since 1970 that a record speaks of, where that is another time than its entry's, and sequence.
/// Erasable.
pub(super) const BY_HELD_TIME: TableDefinition<(i64, u64), ()> = TableDefinition::new("entries_by_held_time");
/// Sequence of an entry and of one that corrects it. Erasable.
pub(super) const CORRECTIONS: TableDefinition<(u64, u64), ()> = TableDefinition::new("corrections");
/// Operators by id.
pub(super) const OPERATORS: TableDefinition<u128, Bytes> = TableDefinition::new("operators");
/// What follows the ledger, by name, to the last sequence that it is done with.
pub(super) const CURSORS: TableDefinition<&str, u64> = TableDefinition::new("cursors");

/// An object of the feed as a key: 1 for a person, 2 for a template, 3 for an item of the inbox, 4 for an
/// operator, and the id.
fn object_key(object: &Object) -> (u8, u128) {
    match object {
        Object::Person(id) => (1, id.0.0),
        Object::Template(id) => (2, id.0.0),
        Object::Stranger(id) => (3, id.0.0),
        Object::Operator(id) => (4, id.0.0),
    }
}

/// The object with a key.
pub(super) fn object(key: (u8, u128)) -> Result<Object, Fault> {
    match key {
        (1, id) => Ok(Object::Person(PersonId(Ulid(id)))),
        (2, id) => Ok(Object::Template(TemplateId(Ulid(id)))),
        (3, id) => Ok(Object::Stranger(StrangerId(Ulid(id)))),
        (4, id) => Ok(Object::Operator(OperatorId(Ulid(id)))),
        (kind, _) => Err(Fault::Damaged(format!("the feed of changes names a thing of kind {kind}"))),
    }
}

/// A value of META that has exactly N bytes.
pub(super) fn meta<const N: usize>(
    table: &impl ReadableTable<&'static str, Bytes>,
    name: &str,
) -> Result<[u8; N], Fault> {
    let value = table.get(name)?.and_then(|value| <[u8; N]>::try_from(value.value()).ok());
    value.ok_or_else(|| Fault::Damaged(format!("the value {name} is missing or has another size")))
}

/// The kept end of the chain.
pub(super) fn kept_end(table: &impl ReadableTable<&'static str, Bytes>) -> Result<ChainHead, Fault> {
    let value: [u8; 40] = meta(table, CHAIN_END)?;
    let (sequence, hash) = value.split_at(8);
    let mut end = ChainHead { sequence: Sequence(0), hash: Sha256Digest::default() };
    end.sequence = Sequence(sequence.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    end.hash.0.copy_from_slice(hash);
    Ok(end)
}

fn end_bytes(end: &ChainHead) -> Vec<u8> {
    [&end.sequence.0.to_be_bytes()[..], &end.hash.0].concat()
}

/// The hash and the canonical bytes of a row of HEADS.
pub(super) fn head_row(sequence: u64, row: &[u8]) -> Result<(Sha256Digest, &[u8]), Fault> {
    let (hash, bytes) = row
        .split_first_chunk()
        .ok_or_else(|| Fault::Damaged(format!("the row of entry {sequence} is too short")))?;
    Ok((Sha256Digest(*hash), bytes))
}

/// The vault and the epoch that the database names.
pub(super) fn vault_and_epoch(
    table: &impl ReadableTable<&'static str, Bytes>,
) -> Result<(VaultId, Epoch), Fault> {
    Ok((VaultId(meta(table, VAULT)?), Epoch(u64::from_be_bytes(meta(table, EPOCH)?))))
}

/// Every table, open for writing.
pub(super) struct Tables<'txn> {
    pub(super) ring: &'txn Ring,
    pub(super) meta: Table<'txn, &'static str, Bytes>,
    pub(super) keys: Table<'txn, (u8, u128), Bytes>,
    pub(super) people: Table<'txn, u128, Bytes>,
    pub(super) identifiers: Table<'txn, Bytes, u128>,
    pub(super) templates: Table<'txn, u128, Bytes>,
    templates_of: Table<'txn, (u128, u128), ()>,
    pub(super) crops: Table<'txn, u128, Bytes>,
    pub(super) strangers: Table<'txn, u128, Bytes>,
    feed: Table<'txn, u64, (u8, u128)>,
    points: Table<'txn, (u8, u128), u64>,
    heads: Table<'txn, u64, Bytes>,
    pub(super) parts: Table<'txn, (u64, u8), Bytes>,
    pub(super) by_person: Table<'txn, (u128, u64), ()>,
    by_time: Table<'txn, (i64, u64), ()>,
    pub(super) erased: Table<'txn, (u8, u128), u8>,
    pub(super) backups: Table<'txn, (i64, u64), Bytes>,
    pub(super) by_held_time: Table<'txn, (i64, u64), ()>,
    pub(super) corrections: Table<'txn, (u64, u64), ()>,
    pub(super) operators: Table<'txn, u128, Bytes>,
    cursors: Table<'txn, &'static str, u64>,
}

impl<'txn> Tables<'txn> {
    /// Opens them, making those that are not there.
    pub(super) fn open(transaction: &'txn WriteTransaction, ring: &'txn Ring) -> Result<Self, Fault> {
        Ok(Self {
            ring,
            keys: transaction.open_table(KEYS)?,
            meta: transaction.open_table(META)?,
            people: transaction.open_table(PEOPLE)?,
            identifiers: transaction.open_table(IDENTIFIERS)?,
            templates: transaction.open_table(TEMPLATES)?,
            templates_of: transaction.open_table(TEMPLATES_OF)?,
            crops: transaction.open_table(CROPS)?,
            strangers: transaction.open_table(STRANGERS)?,
            feed: transaction.open_table(FEED)?,
            points: transaction.open_table(POINTS)?,
            heads: transaction.open_table(HEADS)?,
            parts: transaction.open_table(PARTS)?,
            by_person: transaction.open_table(BY_PERSON)?,
            by_time: transaction.open_table(BY_TIME)?,
            erased: transaction.open_table(ERASED)?,
            backups: transaction.open_table(BACKUPS)?,
            by_held_time: transaction.open_table(BY_HELD_TIME)?,
            corrections: transaction.open_table(CORRECTIONS)?,
            operators: transaction.open_table(OPERATORS)?,
            cursors: transaction.open_table(CURSORS)?,
        })
    }

    /// What a new store holds.
    pub(super) fn initialise(&mut self, terminal: TerminalId) -> Result<(), Fault> {
        self.meta.insert(SCHEMA, &SCHEMA_VERSION.to_be_bytes()[..])?;
        self.meta.insert(TERMINAL, &terminal.0.to_bytes()[..])?;
        self.meta.insert(CHAIN_END, end_bytes(&ChainHead::empty(terminal)).as_slice())?;
        self.meta.insert(CHANGE_POINT, &0u64.to_be_bytes()[..])?;
        self.meta.insert(VAULT, &self.ring.id().0[..])?;
        self.meta.insert(EPOCH, &self.ring.epoch().0.to_be_bytes()[..])?;
        self.key(SITE).map(drop)
    }

    /// The key of `subject`, made where there is none.
    pub(super) fn key(&mut self, subject: Subject) -> Result<Key, Fault> {
        if let Some(key) = sealed::key_of(&self.keys, self.ring, subject)? {
            return Ok(key);
        }
        let key = Key::generate()?;
        self.keys.insert(subject.numbers(), self.ring.wrap(subject, &key)?.as_slice())?;
        Ok(key)
    }

    pub(super) fn kept_end(&self) -> Result<ChainHead, Fault> {
        kept_end(&self.meta)
    }

    pub(super) fn point(&self) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(meta(&self.meta, CHANGE_POINT)?))
    }

    /// Writes staged changes; the last point afterwards.
    pub(super) fn apply(&mut self, staged: &Staged) -> Result<u64, Fault> {
        for identifier in &staged.released {
            self.identifiers.remove(&self.ring.blind_identifier(identifier.as_str())[..])?;
        }
        for (identifier, person) in &staged.claimed {
            self.identifiers.insert(&self.ring.blind_identifier(identifier.as_str())[..], person.0.0)?;
        }
        for (id, person) in &staged.people {
            let subject = sealed::of_person(*id);
            match person {
                Some(person) => {
                    let row = sealed::person_row(&self.key(subject)?, person)?;
                    self.people.insert(id.0.0, row.as_slice())?;
                }
                None => {
                    self.people.remove(id.0.0)?;
                    self.keys.remove(subject.numbers())?;
                }
            }
        }
        self.apply_templates(staged)?;
        for (id, now) in &staged.strangers {
            let subject = sealed::of_stranger(*id);
            match now {
                Some(stranger) => {
                    let row = sealed::stranger_row(&self.key(subject)?, stranger)?;
                    self.strangers.insert(id.0.0, row.as_slice())?;
                }
                None => {
                    self.strangers.remove(id.0.0)?;
                    self.keys.remove(subject.numbers())?;
                }
            }
        }
        for (id, now) in &staged.operators {
            match now {
                Some(operator) => {
                    let row = sealed::operator_row(&self.key(SITE)?, operator)?;
                    self.operators.insert(id.0.0, row.as_slice())?;
                }
                None => drop(self.operators.remove(id.0.0)?),
            }
        }
        for (name, sequence) in &staged.cursors {
            self.cursors.insert(name.as_str(), sequence.0)?;
        }
        let mut point = self.point()?;
        for key in staged.order.iter().map(object_key) {
            point += 1;
            let older = self.points.insert(key, point)?.map(|older| older.value());
            if let Some(older) = older {
                self.feed.remove(older)?;
            }
            self.feed.insert(point, key)?;
        }
        // Without a place in the feed: that the point moved tells that they were written.
        point += (staged.crops.len() + staged.cursors.len()) as u64;
        self.meta.insert(CHANGE_POINT, &point.to_be_bytes()[..])?;
        Ok(point)
    }

    fn apply_templates(&mut self, staged: &Staged) -> Result<(), Fault> {
        for (id, change) in &staged.templates {
            if let Some(owner) = change.owner_before {
                self.templates_of.remove((owner.0.0, id.0.0))?;
            }
            match &change.now {
                Some(template) => {
                    let key = self.key(sealed::of_person(template.person))?;
                    self.rekey_crop(*id, change.owner_before, &key)?;
                    self.templates.insert(id.0.0, sealed::template_row(&key, template)?.as_slice())?;
                    self.templates_of.insert((template.person.0.0, id.0.0), ())?;
                }
                None => {
                    self.templates.remove(id.0.0)?;
                    self.crops.remove(id.0.0)?;
                }
            }
        }
        for (id, now) in &staged.crops {
            match now {
                Some(crop) => {
                    let missing = || Fault::Damaged(format!("template {} has a crop and no row", id.0));
                    let owner = self.owner(*id)?.ok_or_else(missing)?;
                    let row = sealed::crop_row(&self.key(sealed::of_person(owner))?, *id, crop)?;
                    self.crops.insert(id.0.0, row.as_slice())?;
                }
                None => drop(self.crops.remove(id.0.0)?),
            }
        }
        Ok(())
    }

    /// A crop stays where its template is put anew; where that is another person's now, under their key.
    fn rekey_crop(&mut self, id: TemplateId, before: Option<PersonId>, key: &Key) -> Result<(), Fault> {
        let Some(owner) = before else { return Ok(()) };
        let row = self.crops.get(id.0.0)?.map(|row| row.value().to_vec());
        let Some(row) = row else { return Ok(()) };
        let old = sealed::known_key(&self.keys, self.ring, sealed::of_person(owner))?;
        let crop = sealed::crop(&old, id, &row)?;
        self.crops.insert(id.0.0, sealed::crop_row(key, id, &crop)?.as_slice())?;
        Ok(())
    }

    /// Writes sealed entries, of which the last is the new end.
    pub(super) fn append(&mut self, sealed: &[Sealed]) -> Result<(), Fault> {
        for entry in sealed {
            let sequence = entry.end.sequence.0;
            let row = [&entry.end.hash.0[..], &entry.head_bytes].concat();
            self.heads.insert(sequence, row.as_slice())?;
            for part in &entry.parts {
                // A person without a row, as on a replica that lags, has no key yet: it is made.
                let subject = sealed::note_subject(entry.entry.parts.record.as_ref().map(|r| r.person));
                let row = match part.kind {
                    PartKind::Note => sealed::note_row(&self.key(subject)?, subject, sequence, part)?,
                    PartKind::Record | PartKind::Evidence => sealed::plain_part_row(part),
                };
                self.parts.insert((sequence, part.kind as u8), row.as_slice())?;
            }
            if let Some(record) = &entry.entry.parts.record {
                self.by_person.insert((record.person.0.0, sequence), ())?;
                if let Some(at) = record.details.holds_at {
                    self.by_held_time.insert((at.timestamp_micros(), sequence), ())?;
                }
                if let Some(corrected) = record.details.corrects {
                    self.corrections.insert((corrected.0, sequence), ())?;
                }
            }
            self.by_time.insert((entry.entry.head.at.timestamp_micros(), sequence), ())?;
            self.note_backup_of(&entry.entry)?;
        }
        if let Some(last) = sealed.last() {
            self.meta.insert(CHAIN_END, end_bytes(&last.end).as_slice())?;
        }
        Ok(())
    }
}

impl Stored for Tables<'_> {
    type Error = Fault;

    fn person(&self, id: PersonId) -> Result<Option<Person>, Fault> {
        let Some(row) = self.people.get(id.0.0)? else { return Ok(None) };
        let key = sealed::known_key(&self.keys, self.ring, sealed::of_person(id))?;
        sealed::person(&key, id, row.value()).map(Some)
    }

    fn holder(&self, identifier: &Identifier) -> Result<Option<PersonId>, Fault> {
        let blinded = self.ring.blind_identifier(identifier.as_str());
        Ok(self.identifiers.get(&blinded[..])?.map(|id| PersonId(Ulid(id.value()))))
    }

    fn owner(&self, template: TemplateId) -> Result<Option<PersonId>, Fault> {
        let row = self.templates.get(template.0.0)?;
        row.map(|row| sealed::template_owner(template, row.value())).transpose()
    }

    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, Fault> {
        let of_person = self.templates_of.range((person.0.0, 0)..=(person.0.0, u128::MAX))?;
        of_person.map(|row| Ok(TemplateId(Ulid(row?.0.value().1)))).collect()
    }

    fn has_crop(&self, template: TemplateId) -> Result<bool, Fault> {
        Ok(self.crops.get(template.0.0)?.is_some())
    }

    fn has_stranger(&self, id: StrangerId) -> Result<bool, Fault> {
        Ok(self.strangers.get(id.0.0)?.is_some())
    }

    fn has_operator(&self, id: OperatorId) -> Result<bool, Fault> {
        Ok(self.operators.get(id.0.0)?.is_some())
    }
}
