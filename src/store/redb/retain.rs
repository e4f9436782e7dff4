//! A step of retention: what is old is looked for in a snapshot, and what is due of it is deleted in one
//! transaction with the entry that says so. This store has one owner, so nothing changes in between.

use std::ops::Bound;

use redb::ReadTransaction;
use ulid::Ulid;

use crate::face::TemplateId;
use crate::ledger::{Head, PartKind, Salt, Sequence, StoredPart, seal};
use crate::store::changes::stage;
use crate::store::retention::{Dated, Due, Retained, RetentionPlace, RetentionStep, STEP, crop_time_us};
use crate::store::{Change, ChangePoint, Committed, StoreError};

use super::tables::{BY_TIME, CROPS, HEADS, PARTS, Tables, head_row};
use super::{Fault, Planned, RedbStore, guarded, write_transaction};

/// What a step was doing that failed.
const DELETING: &str = "delete what is old";

pub(super) fn retain(store: &mut RedbStore, step: &RetentionStep) -> Result<Retained, StoreError> {
    store.settle_doubt()?;
    let (mut retained, due) = store.read("look for what is old", |transaction| match step.from {
        RetentionPlace::Entries(us, sequence) => entries(transaction, step, (us, sequence)),
        RetentionPlace::Crops(template) => crops(transaction, step, template),
    })?;
    if let (Some(draft), false) = (&step.entry, due.is_nothing()) {
        retained.committed = Some(delete(store, &due, draft)?);
    }
    Ok(retained)
}

type Found = Result<(Retained, Due), Fault>;

fn entries(transaction: &ReadTransaction, step: &RetentionStep, from: (i64, u64)) -> Found {
    let (by_time, heads) = (transaction.open_table(BY_TIME)?, transaction.open_table(HEADS)?);
    let parts = transaction.open_table(PARTS)?;
    let (mut retained, mut due) = (Retained::default(), Due::default());
    if step.until_us().is_some_and(|us| (us, 0) <= from) {
        retained.next = Some(RetentionPlace::Crops(TemplateId(Ulid(0))));
        return Ok((retained, due));
    }
    let until = step.until_us().map_or(Bound::Unbounded, |us| Bound::Excluded((us, 0)));
    let mut rows = by_time.range((Bound::Included(from), until))?;
    for _ in 0..STEP {
        let Some(row) = rows.next() else {
            retained.next = Some(RetentionPlace::Crops(TemplateId(Ulid(0))));
            return Ok((retained, due));
        };
        let (at_us, sequence) = row?.0.value();
        retained.next = Some(RetentionPlace::Entries(at_us, sequence + 1));
        let missing = || Fault::Damaged(format!("entry {sequence} is missing"));
        let head = heads.get(sequence)?.ok_or_else(missing)?;
        let (_, bytes) = head_row(sequence, head.value())?;
        let unreadable = |fault| Fault::Damaged(format!("the head of entry {sequence}: {fault}"));
        let entry = Head::from_canonical_bytes(bytes).map_err(unreadable)?.kind;
        for kind in PartKind::ALL {
            let Some(row) = parts.get((sequence, kind as u8))? else { continue };
            let is_evidence = kind == PartKind::Evidence && lies_evidence(sequence, row.value())?;
            let Some(dated) = Dated::of_part(entry, kind, is_evidence) else { continue };
            let is_due = step.is_due(dated, at_us);
            retained.counts[dated.index()].add(at_us, is_due);
            if is_due {
                due.parts.push((Sequence(sequence), kind));
            }
        }
    }
    Ok((retained, due))
}

/// Whether the row of a part in the place of the evidence holds evidence.
fn lies_evidence(sequence: u64, row: &[u8]) -> Result<bool, Fault> {
    let short = || Fault::Damaged(format!("a part of entry {sequence} is too short"));
    let (salt, bytes): (&Salt, _) = row.split_first_chunk().ok_or_else(short)?;
    let part = StoredPart { kind: PartKind::Evidence, salt: *salt, bytes: bytes.to_vec() };
    Ok(part.holds_evidence())
}

fn crops(transaction: &ReadTransaction, step: &RetentionStep, from: TemplateId) -> Found {
    let table = transaction.open_table(CROPS)?;
    let (mut retained, mut due) = (Retained::default(), Due::default());
    let mut rows = table.range(from.0.0..)?;
    for _ in 0..STEP {
        let Some(row) = rows.next() else { return Ok((retained, due)) };
        let template = TemplateId(Ulid(row?.0.value()));
        let at_us = crop_time_us(template);
        if step.until_us().is_some_and(|until| at_us >= until) {
            return Ok((Retained { next: None, ..retained }, due));
        }
        let is_due = step.is_due(Dated::Crop, at_us);
        retained.counts[Dated::Crop.index()].add(at_us, is_due);
        if is_due {
            due.crops.push(template);
        }
        retained.next = template.0.0.checked_add(1).map(|next| RetentionPlace::Crops(TemplateId(Ulid(next))));
    }
    Ok((retained, due))
}

fn delete(
    store: &mut RedbStore,
    due: &Due,
    draft: &crate::ledger::EntryDraft,
) -> Result<Committed, StoreError> {
    let Some(database) = &store.database else {
        let detail = "it is closed".to_owned();
        return Err(StoreError::Failed { step: DELETING, detail });
    };
    let prepared = guarded(|| {
        let transaction = write_transaction(database)?;
        let planned = {
            let mut tables = Tables::open(&transaction, &store.ring)?;
            let changes: Vec<Change> = due.crops.iter().map(|id| Change::CropRemoved(*id)).collect();
            let staged = stage(&changes, &tables)?;
            let point = ChangePoint(tables.apply(&staged)?);
            tables.delete_parts(&due.parts)?;
            let sealed = seal(&due.entry(draft.clone()), store.terminal, &tables.kept_end()?);
            let sealed = sealed.map_err(StoreError::from)?;
            tables.append(std::slice::from_ref(&sealed))?;
            Planned { committed: Committed { point, entries: vec![sealed.entry] }, end: sealed.end }
        };
        Ok((transaction, planned))
    });
    let (transaction, planned) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return Err(store.gave_up(DELETING, fault)),
    };
    match guarded(|| Ok(transaction.commit()?)) {
        Ok(()) => Ok(planned.committed),
        Err(fault) => store.recover(DELETING, fault, None, planned),
    }
}

impl Tables<'_> {
    /// Takes parts out, and what their records are found by.
    fn delete_parts(&mut self, due: &[(Sequence, PartKind)]) -> Result<(), Fault> {
        for (Sequence(sequence), kind) in due.iter().copied() {
            if kind == PartKind::Record {
                let person = self.take_indexes(sequence)?;
                if let Some(person) = person {
                    self.by_person.remove((person.0.0, sequence))?;
                }
            }
            self.parts.remove((sequence, kind as u8))?;
        }
        Ok(())
    }
}
