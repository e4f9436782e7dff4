//! A store in memory, for one-shot questions without a data directory and for tests. It keeps
//! what the store on disk keeps, bytes and hashes included, and nothing outlives it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::access::{Operator, OperatorId};
use crate::attendance::{Identifier, Person, PersonId, Stranger, StrangerId};
use crate::face::{EncodedCrop, Template, TemplateId};
use crate::ledger::{
    ChainHead, Entry, ErasurePart, EvidencePart, Head, PartKind, Parts, Sealed, Sequence, Sha256Digest,
    StoredPart, TerminalId, seal, verify_chain,
};

use super::changes::{Object, Staged, Stored, stage};
use super::records::with_corrections;
use super::retention::{Dated, Due, RetentionPlace, STEP, crop_time_us};
use super::{
    Change, ChangePoint, Changes, Committed, Erased, Erasure, KeptRecords, Retained, RetentionStep, Store,
    StoreError, Transaction, range_us,
};

/// See the module.
#[derive(Debug)]
pub struct MemoryStore {
    terminal: TerminalId,
    people: BTreeMap<PersonId, Person>,
    identifiers: BTreeMap<Identifier, PersonId>,
    templates: BTreeMap<TemplateId, Template>,
    crops: BTreeMap<TemplateId, EncodedCrop>,
    strangers: BTreeMap<StrangerId, Stranger>,
    operators: BTreeMap<OperatorId, Operator>,
    cursors: BTreeMap<String, Sequence>,
    point: u64,
    feed: BTreeMap<u64, Object>,
    points: BTreeMap<Object, u64>,
    end: ChainHead,
    pub(super) heads: BTreeMap<u64, (Vec<u8>, Sha256Digest)>,
    /// By sequence and the number of the kind of part.
    pub(super) parts: BTreeMap<(u64, u8), StoredPart>,
    by_person: BTreeSet<(PersonId, u64)>,
    by_time_us: BTreeSet<(i64, u64)>,
    /// By the time that a record speaks of, where that is another than its entry's.
    by_held_time_us: BTreeSet<(i64, u64)>,
    /// What is corrected, and by what.
    corrections: BTreeSet<(u64, u64)>,
}

impl MemoryStore {
    /// An empty store that appends to the chain of `terminal`.
    pub fn new(terminal: TerminalId) -> Self {
        Self {
            terminal,
            people: BTreeMap::new(),
            identifiers: BTreeMap::new(),
            templates: BTreeMap::new(),
            crops: BTreeMap::new(),
            strangers: BTreeMap::new(),
            operators: BTreeMap::new(),
            cursors: BTreeMap::new(),
            point: 0,
            feed: BTreeMap::new(),
            points: BTreeMap::new(),
            end: ChainHead::empty(terminal),
            heads: BTreeMap::new(),
            parts: BTreeMap::new(),
            by_person: BTreeSet::new(),
            by_time_us: BTreeSet::new(),
            by_held_time_us: BTreeSet::new(),
            corrections: BTreeSet::new(),
        }
    }

    fn apply(&mut self, staged: Staged) {
        for identifier in &staged.released {
            self.identifiers.remove(identifier);
        }
        self.identifiers.extend(staged.claimed);
        for (id, now) in staged.people {
            match now {
                Some(person) => drop(self.people.insert(id, person)),
                None => drop(self.people.remove(&id)),
            }
        }
        for (id, change) in staged.templates {
            match change.now {
                Some(template) => drop(self.templates.insert(id, template)),
                None => {
                    self.templates.remove(&id);
                    self.crops.remove(&id);
                }
            }
        }
        let crops = staged.crops.len() as u64;
        for (id, now) in staged.crops {
            match now {
                Some(crop) => drop(self.crops.insert(id, crop)),
                None => drop(self.crops.remove(&id)),
            }
        }
        for (id, now) in staged.strangers {
            match now {
                Some(stranger) => drop(self.strangers.insert(id, stranger)),
                None => drop(self.strangers.remove(&id)),
            }
        }
        for (id, now) in staged.operators {
            match now {
                Some(operator) => drop(self.operators.insert(id, operator)),
                None => drop(self.operators.remove(&id)),
            }
        }
        let cursors = staged.cursors.len() as u64;
        self.cursors.extend(staged.cursors);
        for object in staged.order {
            self.point += 1;
            if let Some(older) = self.points.insert(object, self.point) {
                self.feed.remove(&older);
            }
            self.feed.insert(self.point, object);
        }
        self.point += crops + cursors;
    }

    fn append(&mut self, sealed: Sealed) -> Entry {
        let sequence = sealed.end.sequence.0;
        self.heads.insert(sequence, (sealed.head_bytes, sealed.end.hash));
        for part in sealed.parts {
            self.parts.insert((sequence, part.kind as u8), part);
        }
        if let Some(record) = &sealed.entry.parts.record {
            self.by_person.insert((record.person, sequence));
            if let Some(at) = record.details.holds_at {
                self.by_held_time_us.insert((at.timestamp_micros(), sequence));
            }
            if let Some(corrected) = record.details.corrects {
                self.corrections.insert((corrected.0, sequence));
            }
        }
        self.by_time_us.insert((sealed.entry.head.at.timestamp_micros(), sequence));
        self.end = sealed.end;
        sealed.entry
    }

    fn corrections_of(&self, sequence: u64) -> Vec<u64> {
        let range = self.corrections.range((sequence, 0)..=(sequence, u64::MAX));
        range.map(|(_, correction)| *correction).collect()
    }

    fn entry(&self, sequence: u64) -> Result<Entry, StoreError> {
        let damaged = |detail: String| StoreError::Damaged { path: "the store in memory".into(), detail };
        let (bytes, _) =
            self.heads.get(&sequence).ok_or_else(|| damaged(format!("entry {sequence} is missing")))?;
        let head = Head::from_canonical_bytes(bytes)
            .map_err(|fault| damaged(format!("the head of entry {sequence} cannot be read: {fault}")))?;
        let mut parts = Parts::default();
        for (_, part) in self.parts.range((sequence, 0)..=(sequence, u8::MAX)) {
            parts.put(part).map_err(|fault| damaged(format!("entry {sequence}: {fault}")))?;
        }
        Ok(Entry { head, parts })
    }

    /// The parts that an erasure of `person` takes away.
    fn parts_about(
        &self,
        person: PersonId,
        keeps: KeptRecords,
    ) -> Result<Vec<(Sequence, PartKind)>, StoreError> {
        let mut gone = Vec::new();
        for (sequence, number) in self.parts.keys() {
            let Some(kind) = PartKind::from_number(*number) else { continue };
            let is_theirs = self.by_person.contains(&(person, *sequence));
            let parts = self.entry(*sequence)?.parts;
            let names = |part: &EvidencePart| part.candidates.iter().any(|one| one.person == person);
            let goes = match kind {
                PartKind::Record => is_theirs && keeps == KeptRecords::None,
                PartKind::Evidence => parts.evidence.is_some_and(|part| is_theirs || names(&part)),
                PartKind::Note => is_theirs,
            };
            if goes {
                gone.push((Sequence(*sequence), kind));
            }
        }
        Ok(gone)
    }

    fn old_parts(&self, step: &RetentionStep, from: (i64, u64)) -> Result<(Retained, Due), StoreError> {
        let (mut retained, mut due) = (Retained::default(), Due::default());
        let until = step.until_us().map_or(Bound::Unbounded, |us| Bound::Excluded((us, 0)));
        if matches!(until, Bound::Excluded(until) if until <= from) {
            retained.next = Some(RetentionPlace::Crops(TemplateId(ulid::Ulid(0))));
            return Ok((retained, due));
        }
        let mut rows = self.by_time_us.range((Bound::Included(from), until));
        for _ in 0..STEP {
            let Some((at_us, sequence)) = rows.next().copied() else {
                retained.next = Some(RetentionPlace::Crops(TemplateId(ulid::Ulid(0))));
                return Ok((retained, due));
            };
            retained.next = Some(RetentionPlace::Entries(at_us, sequence + 1));
            let entry = self.entry(sequence)?.head.kind;
            for (_, part) in self.parts.range((sequence, 0)..=(sequence, u8::MAX)) {
                let Some(dated) = Dated::of_part(entry, part.kind, part.holds_evidence()) else { continue };
                let is_due = step.is_due(dated, at_us);
                retained.counts[dated.index()].add(at_us, is_due);
                if is_due {
                    due.parts.push((Sequence(sequence), part.kind));
                }
            }
        }
        Ok((retained, due))
    }

    fn old_crops(&self, step: &RetentionStep, from: TemplateId) -> (Retained, Due) {
        let (mut retained, mut due) = (Retained::default(), Due::default());
        for id in self.crops.range(from..).map(|(id, _)| *id) {
            let at_us = crop_time_us(id);
            let is_due = step.is_due(Dated::Crop, at_us);
            if step.until_us().is_none_or(|until| at_us < until) {
                retained.counts[Dated::Crop.index()].add(at_us, is_due);
            }
            if is_due {
                due.crops.push(id);
            }
        }
        (retained, due)
    }

    fn change(&self, object: &Object) -> Option<Change> {
        Some(match object {
            Object::Person(id) => match self.people.get(id) {
                Some(person) => Change::PersonPut(person.clone()),
                None => Change::PersonErased(*id),
            },
            Object::Template(id) => match self.templates.get(id) {
                Some(template) => Change::TemplatePut(template.clone()),
                None => Change::TemplateRemoved(*id),
            },
            Object::Stranger(id) => match self.strangers.get(id) {
                Some(stranger) => Change::StrangerPut(stranger.clone()),
                None => Change::StrangerRemoved(*id),
            },
            Object::Operator(id) => match self.operators.get(id) {
                Some(operator) => Change::OperatorPut(operator.clone()),
                None => Change::OperatorRemoved(*id),
            },
        })
    }
}

impl Stored for MemoryStore {
    type Error = StoreError;

    fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        Ok(self.people.get(&id).cloned())
    }

    fn holder(&self, identifier: &Identifier) -> Result<Option<PersonId>, StoreError> {
        Ok(self.identifiers.get(identifier).copied())
    }

    fn owner(&self, template: TemplateId) -> Result<Option<PersonId>, StoreError> {
        Ok(self.templates.get(&template).map(|template| template.person))
    }

    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, StoreError> {
        let of_person = self.templates.values().filter(|template| template.person == person);
        Ok(of_person.map(|template| template.id).collect())
    }

    fn has_crop(&self, template: TemplateId) -> Result<bool, StoreError> {
        Ok(self.crops.contains_key(&template))
    }

    fn has_stranger(&self, id: StrangerId) -> Result<bool, StoreError> {
        Ok(self.strangers.contains_key(&id))
    }

    fn has_operator(&self, id: OperatorId) -> Result<bool, StoreError> {
        Ok(self.operators.contains_key(&id))
    }
}

impl Store for MemoryStore {
    fn terminal(&self) -> TerminalId {
        self.terminal
    }

    fn commit(&mut self, transaction: Transaction) -> Result<Committed, StoreError> {
        super::refuse_erasure(&transaction)?;
        let staged = stage(&transaction.changes, self)?;
        let mut end = self.end;
        let mut sealed = Vec::with_capacity(transaction.entries.len());
        for draft in &transaction.entries {
            let next = seal(draft, self.terminal, &end)?;
            end = next.end;
            sealed.push(next);
        }
        // Nothing fails from here on.
        self.apply(staged);
        let entries = sealed.into_iter().map(|sealed| self.append(sealed)).collect();
        Ok(Committed { point: ChangePoint(self.point), entries })
    }

    fn erase(&mut self, erasure: Erasure) -> Result<Erased, StoreError> {
        let Erasure { person, keeps, strangers, entry: mut draft } = erasure;
        if !self.people.contains_key(&person) {
            return Err(StoreError::Refused(format!("person {person} is not there")));
        }
        let templates = Stored::templates_of(self, person)?;
        let crops = templates.iter().filter(|id| self.crops.contains_key(id)).count() as u32;
        let mut changes: Vec<Change> = templates.iter().map(|id| Change::TemplateRemoved(*id)).collect();
        changes.extend(strangers.iter().map(|id| Change::StrangerRemoved(*id)));
        changes.push(Change::PersonErased(person));
        let staged = stage(&changes, self)?;
        let strangers = staged.strangers.keys().copied().collect();
        let gone = self.parts_about(person, keeps)?;
        let parts = ErasurePart::of(gone.iter().copied());
        let count = parts.count();
        draft.parts.erasure = Some(parts);
        let sealed = seal(&draft, self.terminal, &self.end)?;
        // Nothing fails from here on.
        self.apply(staged);
        for (sequence, kind) in gone {
            self.parts.remove(&(sequence.0, kind as u8));
            if kind == PartKind::Record {
                self.by_person.remove(&(person, sequence.0));
                self.by_held_time_us.retain(|(_, held)| *held != sequence.0);
                self.corrections.retain(|(_, correction)| *correction != sequence.0);
            }
        }
        let entries = vec![self.append(sealed)];
        let committed = Committed { point: ChangePoint(self.point), entries };
        Ok(Erased {
            committed,
            templates,
            crops,
            strangers,
            parts: count,
            backups: vec![],
            old_key_stays: None,
        })
    }

    fn retain(&mut self, step: RetentionStep) -> Result<Retained, StoreError> {
        let (mut retained, due) = match step.from {
            RetentionPlace::Entries(us, sequence) => self.old_parts(&step, (us, sequence))?,
            RetentionPlace::Crops(template) => self.old_crops(&step, template),
        };
        let Some(draft) = step.entry.filter(|_| !due.is_nothing()) else { return Ok(retained) };
        let sealed = seal(&due.entry(draft), self.terminal, &self.end)?;
        let changes: Vec<Change> = due.crops.iter().map(|id| Change::CropRemoved(*id)).collect();
        let staged = stage(&changes, self)?;
        // Nothing fails from here on.
        self.apply(staged);
        for (Sequence(sequence), kind) in due.parts {
            self.parts.remove(&(sequence, kind as u8));
            if kind == PartKind::Record {
                self.by_person.retain(|(_, held)| *held != sequence);
                self.by_held_time_us.retain(|(_, held)| *held != sequence);
                self.corrections.retain(|(_, correction)| *correction != sequence);
            }
        }
        let entries = vec![self.append(sealed)];
        retained.committed = Some(Committed { point: ChangePoint(self.point), entries });
        Ok(retained)
    }

    fn templates_held(&self, person: PersonId) -> Result<Vec<Template>, StoreError> {
        Ok(self.templates.values().filter(|template| template.person == person).cloned().collect())
    }

    fn changes_since(&self, point: ChangePoint) -> Result<Changes, StoreError> {
        let later = (Bound::Excluded(point.0), Bound::Unbounded);
        let change = |(_, object): (&u64, &Object)| self.change(object);
        let from_nothing = point == ChangePoint::default();
        let gone = |change: &Change| {
            use Change::{OperatorRemoved, PersonErased, StrangerRemoved, TemplateRemoved};
            matches!(change, PersonErased(_) | TemplateRemoved(_) | StrangerRemoved(_) | OperatorRemoved(_))
        };
        let wanted = |change: &Change| !(from_nothing && gone(change));
        let changes = self.feed.range(later).filter_map(change).filter(wanted).collect();
        Ok(Changes { point: ChangePoint(self.point), changes })
    }

    fn crop(&self, template: TemplateId) -> Result<Option<EncodedCrop>, StoreError> {
        Ok(self.crops.get(&template).cloned())
    }

    fn entries_since(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let later = self.heads.range((Bound::Excluded(sequence.0), Bound::Unbounded));
        later.take(limit).map(|(sequence, _)| self.entry(*sequence)).collect()
    }

    fn entries_before(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let earlier = self.heads.range(..sequence.0).rev();
        earlier.take(limit).map(|(sequence, _)| self.entry(*sequence)).collect()
    }

    fn entries_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        let between = self.by_time_us.range((from, 0)..(until, 0));
        between.map(|(_, sequence)| self.entry(*sequence)).collect()
    }

    fn records_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        let span = (from, 0)..(until, 0);
        let written = self.by_time_us.range(span.clone()).map(|(_, sequence)| *sequence);
        let held = self.by_held_time_us.range(span).map(|(_, sequence)| *sequence);
        with_corrections(
            written.chain(held),
            |sequence| self.entry(sequence),
            |at| Ok(self.corrections_of(at)),
        )
    }

    fn held_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        let Some((from, until)) = range_us(from, until) else { return Ok(Vec::new()) };
        let held = self.by_held_time_us.range((from, 0)..(until, 0)).map(|(_, sequence)| *sequence);
        with_corrections(held, |sequence| self.entry(sequence), |at| Ok(self.corrections_of(at)))
    }

    fn cursor(&self, name: &str) -> Result<Option<Sequence>, StoreError> {
        Ok(self.cursors.get(name).copied())
    }

    fn sequences_of(&self, person: PersonId) -> Result<Vec<Sequence>, StoreError> {
        let of_person = self.by_person.range((person, 0)..=(person, u64::MAX));
        Ok(of_person.map(|(_, sequence)| Sequence(*sequence)).collect())
    }

    fn chain_head(&self) -> Result<ChainHead, StoreError> {
        Ok(self.end)
    }

    fn hash_of(&self, sequence: Sequence) -> Result<Option<Sha256Digest>, StoreError> {
        Ok(self.heads.get(&sequence.0).map(|(_, hash)| *hash))
    }

    fn verify(&self) -> Result<ChainHead, StoreError> {
        let heads = self
            .heads
            .iter()
            .map(|(sequence, (bytes, hash))| Ok((Sequence(*sequence), bytes.clone(), *hash)));
        let parts = self.parts.iter().map(|((sequence, _), part)| Ok((Sequence(*sequence), part.clone())));
        verify_chain(self.terminal, &self.end, heads, parts)
    }
}
