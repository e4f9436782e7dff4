//! Taking a person out of everything, and destroying the key of what old pages still hold.
//!
//! 1. A key of a next epoch is made and kept beside the present one.
//! 2. One transaction takes out the rows, appends the entry, and wraps every key that is left under the next
//!    epoch's, which holds from then on.
//! 3. The present epoch's key is overwritten.
//!
//! A crash before the end of 2 leaves nothing erased, and the next opening destroys the key that was made in
//! 1; a crash after it leaves everything erased, and the next opening does 3.

use std::collections::BTreeSet;

use redb::{ReadableTable, WriteTransaction};

use crate::attendance::{PersonId, StrangerId};
use crate::face::TemplateId;
use crate::ledger::{ErasurePart, PartKind, Parts, Sequence, seal};
use crate::store::changes::{Staged, Stored, stage};
use crate::store::crypt::ring::{Next, Subject};
use crate::store::{
    BackupOnRecord, Change, ChangePoint, Committed, Erased, ErasedId, Erasure, KeptRecords, StoreError,
};

use super::tables::{EPOCH, Tables};
use super::{Fault, Planned, RedbStore, guarded, keys_error, sealed, write_transaction};

/// What an erasure comes to, before it is known whether it is on disk.
struct Plan {
    planned: Planned,
    templates: Vec<TemplateId>,
    crops: u32,
    strangers: Vec<StrangerId>,
    parts: u64,
    backups: Vec<BackupOnRecord>,
}

pub(super) fn erase(store: &mut RedbStore, erasure: &Erasure) -> Result<Erased, StoreError> {
    store.settle_doubt()?;
    let path = store.medium.path().to_owned();
    let Some(database) = &store.database else {
        let detail = "it is closed".to_owned();
        return Err(StoreError::Failed { step: "erase", detail });
    };
    let next = store.ring.prepare().map_err(|error| keys_error(error, &path))?;
    let prepared = guarded(|| {
        let transaction = write_transaction(database)?;
        let plan = fill(&transaction, store, erasure, &next)?;
        Ok((transaction, plan))
    });
    let (transaction, plan) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            // The new key is of no use; where it cannot be taken away now, the next opening does.
            let _ = store.ring.settle(store.ring.epoch());
            return Err(store.gave_up("erase", fault));
        }
    };
    let committed = match guarded(|| Ok(transaction.commit()?)) {
        Ok(()) => plan.planned.committed.clone(),
        Err(fault) => store.recover("erase", fault, None, plan.planned)?,
    };
    let settled = store.ring.settle(next.epoch());
    Ok(Erased {
        committed,
        templates: plan.templates,
        crops: plan.crops,
        strangers: plan.strangers,
        parts: plan.parts,
        backups: plan.backups,
        old_key_stays: settled.err().map(|error| error.to_string()),
    })
}

fn fill(
    transaction: &WriteTransaction,
    store: &RedbStore,
    erasure: &Erasure,
    next: &Next,
) -> Result<Plan, Fault> {
    let mut tables = Tables::open(transaction, &store.ring)?;
    let person = erasure.person;
    if tables.person(person)?.is_none() {
        return Err(StoreError::Refused(format!("person {person} is not there")).into());
    }
    let templates = tables.templates_of(person)?;
    let mut changes: Vec<Change> = templates.iter().map(|id| Change::TemplateRemoved(*id)).collect();
    changes.extend(erasure.strangers.iter().map(|id| Change::StrangerRemoved(*id)));
    changes.push(Change::PersonErased(person));
    let staged = stage(&changes, &tables)?;
    let mut crops = 0;
    for template in &templates {
        crops += u32::from(tables.has_crop(*template)?);
    }
    let point = ChangePoint(tables.apply(&staged)?);
    let backups = tables.backups_of(person)?;
    let strangers = gone(&staged);
    tables.put_erased(&ErasedId::Person { id: person, keeps: erasure.keeps })?;
    strangers.iter().try_for_each(|id| tables.put_erased(&ErasedId::Stranger(*id)))?;
    let parts = ErasurePart::of(tables.take_parts(person, erasure.keeps)?);
    let count = parts.count();
    let mut draft = erasure.entry.clone();
    draft.parts.erasure = Some(parts);
    let sealed = seal(&draft, store.terminal, &tables.kept_end()?).map_err(StoreError::from)?;
    tables.append(std::slice::from_ref(&sealed))?;
    tables.rewrap(next)?;
    let committed = Committed { point, entries: vec![sealed.entry] };
    let planned = Planned { committed, end: sealed.end };
    Ok(Plan { planned, templates, crops, strangers, parts: count, backups })
}

fn gone(staged: &Staged) -> Vec<StrangerId> {
    staged.strangers.keys().copied().collect()
}

impl Tables<'_> {
    /// Takes the parts out that are about `person`; which they were.
    fn take_parts(
        &mut self,
        person: PersonId,
        keeps: KeptRecords,
    ) -> Result<Vec<(Sequence, PartKind)>, Fault> {
        let mut taken = BTreeSet::new();
        let of_person = self.by_person.range((person.0.0, 0)..=(person.0.0, u64::MAX))?;
        let about: Vec<u64> = of_person.map(|row| Ok(row?.0.value().1)).collect::<Result<_, Fault>>()?;
        for sequence in about {
            taken.insert((sequence, PartKind::Note));
            taken.insert((sequence, PartKind::Evidence));
            if keeps == KeptRecords::None {
                taken.insert((sequence, PartKind::Record));
                self.by_person.remove((person.0.0, sequence))?;
                self.take_indexes(sequence)?;
            }
        }
        // Who else was taken for them, or they for someone else: no index leads there.
        for row in self.parts.iter()? {
            let (key, row) = row?;
            if key.value().1 != PartKind::Evidence as u8 {
                continue;
            }
            let part = sealed::part(&self.keys, self.ring, key.value(), row.value())?;
            let mut parts = Parts::default();
            let read = parts.put(&part);
            read.map_err(|fault| Fault::Damaged(format!("entry {}: {fault}", key.value().0)))?;
            let named = |evidence: &crate::ledger::EvidencePart| {
                evidence.candidates.iter().any(|candidate| candidate.person == person)
            };
            if parts.evidence.as_ref().is_some_and(named) {
                taken.insert((key.value().0, PartKind::Evidence));
            }
        }
        let mut found = Vec::with_capacity(taken.len());
        for (sequence, kind) in taken {
            // What was erased before is not there, and an erasure's own list stays.
            if self.is_erasable(sequence, kind)? {
                self.parts.remove((sequence, kind as u8))?;
                found.push((Sequence(sequence), kind));
            }
        }
        Ok(found)
    }

    /// Takes out what the record of an entry is found by besides its person; whom it is about.
    pub(super) fn take_indexes(&mut self, sequence: u64) -> Result<Option<PersonId>, Fault> {
        let key = (sequence, PartKind::Record as u8);
        let Some(row) = self.parts.get(key)?.map(|row| row.value().to_vec()) else { return Ok(None) };
        let part = sealed::part(&self.keys, self.ring, key, &row)?;
        let mut parts = Parts::default();
        parts.put(&part).map_err(|fault| Fault::Damaged(format!("entry {sequence}: {fault}")))?;
        let Some(record) = parts.record else { return Ok(None) };
        let details = record.details;
        if let Some(at) = details.holds_at {
            self.by_held_time.remove((at.timestamp_micros(), sequence))?;
        }
        if let Some(corrected) = details.corrects {
            self.corrections.remove((corrected.0, sequence))?;
        }
        Ok(Some(record.person))
    }

    fn is_erasable(&self, sequence: u64, kind: PartKind) -> Result<bool, Fault> {
        let Some(row) = self.parts.get((sequence, kind as u8))? else { return Ok(false) };
        if kind != PartKind::Evidence {
            return Ok(true);
        }
        let part = sealed::part(&self.keys, self.ring, (sequence, kind as u8), row.value())?;
        let mut parts = Parts::default();
        parts.put(&part).map_err(|fault| Fault::Damaged(format!("entry {sequence}: {fault}")))?;
        Ok(parts.erasure.is_none())
    }

    /// Wraps every key under the next epoch's, and looks identifiers up by it.
    pub(super) fn rewrap(&mut self, next: &Next) -> Result<(), Fault> {
        let mut rows = Vec::new();
        for row in self.keys.iter()? {
            rows.push(row?.0.value());
        }
        for numbers in rows {
            let unknown = || Fault::Damaged(format!("a key is of kind {}", numbers.0));
            let subject = Subject::from_numbers(numbers).ok_or_else(unknown)?;
            let key = sealed::known_key(&self.keys, self.ring, subject)?;
            self.keys.insert(numbers, next.wrap(subject, &key)?.as_slice())?;
        }
        let mut holders = Vec::new();
        for row in self.people.iter()? {
            let id = PersonId(ulid::Ulid(row?.0.value()));
            holders.push(id);
        }
        self.identifiers.retain(|_, _| false)?;
        for id in holders {
            let row = self.people.get(id.0.0)?;
            let Some(row) = row else { continue };
            let wrapped = self.keys.get(sealed::of_person(id).numbers())?.map(|row| row.value().to_vec());
            let missing = || Fault::Damaged(format!("the key of {id} is missing"));
            let key = next.unwrap(sealed::of_person(id), &wrapped.ok_or_else(missing)?);
            let key = key.map_err(|_| Fault::Damaged(format!("the key of {id} does not open")))?;
            let person = sealed::person(&key, id, row.value())?;
            if let (true, Some(identifier)) = (person.is_active(), &person.identifier) {
                self.identifiers.insert(&next.blind_identifier(identifier.as_str())[..], id.0.0)?;
            }
        }
        self.meta.insert(EPOCH, &next.epoch().0.to_be_bytes()[..])?;
        Ok(())
    }
}
