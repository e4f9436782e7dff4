//! What a transaction's changes come to, and whether the store takes them: one rule for every
//! store. Judged is what would hold after the whole transaction, so that changes may come in any
//! order, as they do in a compacted feed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::attendance::{Identifier, Person, PersonId};
use crate::face::{Template, TemplateId};
use crate::ledger::to_microsecond;

use super::{Change, StoreError};

/// Names a thing that changes: what a feed of changes keeps one point for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Object {
    Person(PersonId),
    Template(TemplateId),
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
    /// Everything that is different afterwards, each once, in the order of the last change to it.
    /// Each takes the next point.
    pub(super) order: Vec<Object>,
    pub(super) people: BTreeMap<PersonId, Person>,
    pub(super) templates: BTreeMap<TemplateId, TemplateChange>,
    /// Identifiers that active people gave up; to be taken out before `claimed` is put in.
    pub(super) released: Vec<Identifier>,
    /// Identifiers that active people have now.
    pub(super) claimed: BTreeMap<Identifier, PersonId>,
}

/// Stages `changes`. Times of people are cut to the microsecond.
///
/// Refused are exactly: a template whose person is not there or whose person's enrolment has ended
/// when the transaction is done; an identifier that two active people would then have; a person
/// whose enrolment would then have ended and who would still have templates; and a time outside of
/// the calendar. Removing a template that is not there changes nothing.
pub(super) fn stage<S: Stored>(changes: &[Change], stored: &S) -> Result<Staged, S::Error> {
    let mut staged = Staged::default();
    for change in changes {
        match change {
            Change::PersonPut(person) => {
                staged.people.insert(person.id, cut(person)?);
            }
            Change::TemplatePut(template) => put(&mut staged, stored, template.id, Some(template))?,
            Change::TemplateRemoved(id) => put(&mut staged, stored, *id, None)?,
        }
    }
    // What was put and removed within the transaction never was.
    staged.templates.retain(|_, change| change.now.is_some() || change.owner_before.is_some());
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
    Ok(Person { created_at, removed_at, ..person.clone() })
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
        Change::PersonPut(person) => Some(Object::Person(person.id)),
        Change::TemplatePut(Template { id, .. }) | Change::TemplateRemoved(id) => {
            staged.templates.contains_key(id).then_some(Object::Template(*id))
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
            Some(person) => Some(person.is_active()),
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
    for person in staged.people.values().filter(|person| !person.is_active()) {
        for id in stored.templates_of(person.id)? {
            if !staged.templates.contains_key(&id) {
                return refused(format!(
                    "the enrolment of person {} ends, but template {} of theirs is not removed",
                    person.id, id.0
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
    for person in staged.people.values().filter(|person| person.is_active()) {
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
