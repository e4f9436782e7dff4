//! What a transaction's changes come to, and whether the store takes them: one rule for every
//! store. Judged is what would hold after the whole transaction, so that changes may come in any
//! order, as they do in a compacted feed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::access::{Operator, OperatorId};
use crate::attendance::{Consent, Identifier, Person, PersonId, Stranger, StrangerId};
use crate::face::{EncodedCrop, Template, TemplateId};
use crate::ledger::{Sequence, to_microsecond};

use super::{Change, MAX_CROP_BYTES, StoreError};

/// Names a thing that changes: what a feed of changes keeps one point for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Object {
    Person(PersonId),
    Template(TemplateId),
    Stranger(StrangerId),
    Operator(OperatorId),
}

/// What is stored now, as far as the rule needs to know.
pub(super) trait Stored {
    /// How reading can fail.
    type Error: From<StoreError>;
    fn person(&self, id: PersonId) -> Result<Option<Person>, Self::Error>;
    /// The active person with `identifier`.
    fn holder(&self, identifier: &Identifier) -> Result<Option<PersonId>, Self::Error>;
    fn owner(&self, template: TemplateId) -> Result<Option<PersonId>, Self::Error>;
    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, Self::Error>;
    fn has_crop(&self, template: TemplateId) -> Result<bool, Self::Error>;
    fn has_stranger(&self, id: StrangerId) -> Result<bool, Self::Error>;
    fn has_operator(&self, id: OperatorId) -> Result<bool, Self::Error>;
}

/// A template that is put or goes.
#[derive(Debug)]
pub(super) struct TemplateChange {
    /// Whose it was before.
    pub(super) owner_before: Option<PersonId>,
    /// What it is now; none where it goes.
    pub(super) now: Option<Template>,
}

/// What a store writes for a transaction's changes.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// Everything in the feed that is different afterwards, each once, in the order of the last
    /// change to it. Each takes the next point.
    pub(super) order: Vec<Object>,
    /// None where one who was there is erased.
    pub(super) people: BTreeMap<PersonId, Option<Person>>,
    pub(super) templates: BTreeMap<TemplateId, TemplateChange>,
    /// What is beside a template afterwards; none where a crop that was there goes. Each takes a
    /// point after those of `order`, and no place in the feed. To be applied after `templates`: the
    /// crop of a template that goes is not named here.
    pub(super) crops: BTreeMap<TemplateId, Option<EncodedCrop>>,
    /// None where one that was there goes.
    pub(super) strangers: BTreeMap<StrangerId, Option<Stranger>>,
    /// None where one who was there goes.
    pub(super) operators: BTreeMap<OperatorId, Option<Operator>>,
    /// Each takes a point after those of `crops`, and no place in the feed.
    pub(super) cursors: BTreeMap<String, Sequence>,
    /// Identifiers that active people gave up; to be taken out before `claimed` is put in.
    pub(super) released: Vec<Identifier>,
    /// Identifiers that active people have now.
    pub(super) claimed: BTreeMap<Identifier, PersonId>,
}

/// Stages `changes`. Times are cut to the microsecond.
///
/// Refused are exactly: a template whose person is not there or whose person's enrolment has ended
/// when the transaction is done; an identifier that two active people would then have; a person
/// whose enrolment would then have ended and who would still have templates; a crop beside a
/// template that would then not be there; a crop that is empty or too large; an item of the inbox
/// past its limits; and a time outside of the calendar. Removing what is not there changes nothing.
pub(super) fn stage<S: Stored>(changes: &[Change], stored: &S) -> Result<Staged, S::Error> {
    let mut staged = Staged::default();
    for change in changes {
        match change {
            Change::PersonPut(person) => {
                staged.people.insert(person.id, Some(cut(person)?));
            }
            Change::PersonErased(id) => drop(staged.people.insert(*id, None)),
            Change::TemplatePut(template) => put(&mut staged, stored, template.id, Some(template))?,
            Change::TemplateRemoved(id) => put(&mut staged, stored, *id, None)?,
            Change::CropPut { template, bytes } => {
                check_size(*template, bytes)?;
                staged.crops.insert(*template, Some(bytes.clone()));
            }
            Change::CropRemoved(template) => drop(staged.crops.insert(*template, None)),
            Change::StrangerPut(stranger) => {
                drop(staged.strangers.insert(stranger.id, Some(checked(stranger)?)));
            }
            Change::StrangerRemoved(id) => drop(staged.strangers.insert(*id, None)),
            Change::OperatorPut(operator) => {
                let added_at = to_microsecond(operator.added_at).ok_or_else(|| {
                    StoreError::Refused(format!(
                        "the time of operator {} is outside of the calendar",
                        operator.id
                    ))
                })?;
                staged.operators.insert(operator.id, Some(Operator { added_at, ..operator.clone() }));
            }
            Change::OperatorRemoved(id) => drop(staged.operators.insert(*id, None)),
            Change::CursorPut { name, sequence } => {
                staged.cursors.insert(name.clone(), *sequence);
            }
        }
    }
    let people = std::mem::take(&mut staged.people);
    for (id, now) in people {
        if now.is_some() || stored.person(id)?.is_some() {
            staged.people.insert(id, now);
        }
    }
    // What was put and removed within the transaction never was.
    staged.templates.retain(|_, change| change.now.is_some() || change.owner_before.is_some());
    check_crops(&mut staged, stored)?;
    let (mut kept, strangers) = (BTreeMap::new(), std::mem::take(&mut staged.strangers));
    for (id, now) in strangers {
        if now.is_some() || stored.has_stranger(id)? {
            kept.insert(id, now);
        }
    }
    staged.strangers = kept;
    let operators = std::mem::take(&mut staged.operators);
    for (id, now) in operators {
        if now.is_some() || stored.has_operator(id)? {
            staged.operators.insert(id, now);
        }
    }
    staged.order = order(changes, &staged);
    check_templates(&staged, stored)?;
    check_ended(&staged, stored)?;
    claim_identifiers(&mut staged, stored)?;
    Ok(staged)
}

fn refused<T, E: From<StoreError>>(why: String) -> Result<T, E> {
    Err(StoreError::Refused(why).into())
}

fn cut(person: &Person) -> Result<Person, StoreError> {
    let calendar =
        || StoreError::Refused(format!("a time of person {} is outside of the calendar", person.id));
    let created_at = to_microsecond(person.created_at).ok_or_else(calendar)?;
    let removed_at = match person.removed_at {
        None => None,
        Some(at) => Some(to_microsecond(at).ok_or_else(calendar)?),
    };
    let mut cut = Person { created_at, removed_at, ..person.clone() };
    if let Some(Consent { given_at, .. }) = &mut cut.particulars.consent {
        *given_at = to_microsecond(*given_at).ok_or_else(calendar)?;
    }
    Ok(cut)
}

fn check_size(template: TemplateId, bytes: &EncodedCrop) -> Result<(), StoreError> {
    let (id, length) = (template.0, bytes.len());
    match length {
        0 => refused(format!("the crop of template {id} is empty")),
        1..=MAX_CROP_BYTES => Ok(()),
        _ => refused(format!(
            "the crop of template {id} has {length} bytes; at most {MAX_CROP_BYTES} are kept"
        )),
    }
}

fn checked(stranger: &Stranger) -> Result<Stranger, StoreError> {
    let id = stranger.id;
    stranger.check().map_err(|why| StoreError::Refused(format!("the inbox item {id} {why}")))?;
    let time = |at| {
        let calendar =
            || StoreError::Refused(format!("a time of the inbox item {id} is outside of the calendar"));
        to_microsecond(at).ok_or_else(calendar)
    };
    let mut cut = stranger.clone();
    (cut.first_seen, cut.last_seen) = (time(cut.first_seen)?, time(cut.last_seen)?);
    for track in &mut cut.tracks {
        track.at = time(track.at)?;
    }
    Ok(cut)
}

/// Leaves of the staged crops those that change something.
fn check_crops<S: Stored>(staged: &mut Staged, stored: &S) -> Result<(), S::Error> {
    for (id, now) in std::mem::take(&mut staged.crops) {
        let change = staged.templates.get(&id);
        let is_there = match change {
            Some(change) => change.now.is_some(),
            None => stored.owner(id)?.is_some(),
        };
        match (now, is_there) {
            (Some(_), false) => {
                return refused(format!("the crop of template {} has no template to lie beside", id.0));
            }
            (Some(bytes), true) => drop(staged.crops.insert(id, Some(bytes))),
            (None, true) if stored.has_crop(id)? => drop(staged.crops.insert(id, None)),
            (None, _) => {}
        }
    }
    Ok(())
}

fn put<S: Stored>(
    staged: &mut Staged,
    stored: &S,
    id: TemplateId,
    now: Option<&Template>,
) -> Result<(), S::Error> {
    let owner_before = match staged.templates.get(&id) {
        Some(change) => change.owner_before,
        None => stored.owner(id)?,
    };
    staged.templates.insert(id, TemplateChange { owner_before, now: now.cloned() });
    Ok(())
}

/// The staged objects by their last change.
fn order(changes: &[Change], staged: &Staged) -> Vec<Object> {
    let mut seen = HashSet::new();
    let object = |change: &Change| match change {
        Change::PersonPut(Person { id, .. }) | Change::PersonErased(id) => {
            staged.people.contains_key(id).then_some(Object::Person(*id))
        }
        Change::TemplatePut(Template { id, .. }) | Change::TemplateRemoved(id) => {
            staged.templates.contains_key(id).then_some(Object::Template(*id))
        }
        Change::CropPut { .. } | Change::CropRemoved(_) | Change::CursorPut { .. } => None,
        Change::OperatorPut(Operator { id, .. }) | Change::OperatorRemoved(id) => {
            staged.operators.contains_key(id).then_some(Object::Operator(*id))
        }
        Change::StrangerPut(Stranger { id, .. }) | Change::StrangerRemoved(id) => {
            staged.strangers.contains_key(id).then_some(Object::Stranger(*id))
        }
    };
    let mut order: Vec<Object> =
        changes.iter().rev().filter_map(object).filter(|object| seen.insert(*object)).collect();
    order.reverse();
    order
}

fn check_templates<S: Stored>(staged: &Staged, stored: &S) -> Result<(), S::Error> {
    for template in staged.templates.values().filter_map(|change| change.now.as_ref()) {
        let (id, owner) = (template.id.0, template.person);
        let active = match staged.people.get(&owner) {
            Some(person) => person.as_ref().map(Person::is_active),
            None => stored.person(owner)?.map(|person| person.is_active()),
        };
        match active {
            Some(true) => {}
            Some(false) => {
                return refused(format!("template {id} is of person {owner}, whose enrolment has ended"));
            }
            None => return refused(format!("template {id} is of person {owner}, who is not there")),
        }
    }
    Ok(())
}

fn check_ended<S: Stored>(staged: &Staged, stored: &S) -> Result<(), S::Error> {
    let ended = |person: &Option<Person>| person.as_ref().is_none_or(|person| !person.is_active());
    for (person, _) in staged.people.iter().filter(|(_, now)| ended(now)) {
        for id in stored.templates_of(*person)? {
            if !staged.templates.contains_key(&id) {
                return refused(format!(
                    "the enrolment of person {person} ends, but template {} of theirs is not removed",
                    id.0
                ));
            }
        }
    }
    Ok(())
}

fn claim_identifiers<S: Stored>(staged: &mut Staged, stored: &S) -> Result<(), S::Error> {
    for id in staged.people.keys() {
        if let Some(Person { identifier: Some(held), removed_at: None, .. }) = stored.person(*id)? {
            staged.released.push(held);
        }
    }
    let released: BTreeSet<&Identifier> = staged.released.iter().collect();
    for person in staged.people.values().flatten().filter(|person| person.is_active()) {
        let Some(identifier) = &person.identifier else { continue };
        let holder = if released.contains(identifier) { None } else { stored.holder(identifier)? };
        let other = holder.or_else(|| staged.claimed.get(identifier).copied());
        if let Some(other) = other {
            // By their ids: a message may reach a log, where no name belongs.
            return refused(format!("person {} would have the identifier of person {other}", person.id));
        }
        staged.claimed.insert(identifier.clone(), person.id);
    }
    Ok(())
}
