//! What a list of people would change on a roster, row by row, before anything is changed.
//!
//! A row is about somebody who is on the roster, found by their id, else by the identifier, else (without
//! either) by the exact name; or about somebody new. A column that the list does not have changes nothing; an
//! empty cell takes groups and e-mail away, and leaves the identifier as it is. All rows or none are taken.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::roster::{Email, FaceUse, GroupName, Identifier, Person, PersonId, PersonName, Roster};
use crate::ledger::ChangedValue;

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted<T> {
    /// It stays.
    #[default]
    Keep,
    /// There is none any more.
    Clear,
    /// It is this.
    Put(T),
}

/// What is to be different about a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PersonChange {
    /// What they are called.
    pub name: Option<PersonName>,
    /// What the site calls them by.
    pub identifier: Option<Identifier>,
    /// All their groups.
    pub groups: Option<BTreeSet<GroupName>>,
    /// Groups that they come into besides.
    pub into: BTreeSet<GroupName>,
    /// Groups that they leave.
    pub out_of: BTreeSet<GroupName>,
    /// Where mail reaches them.
    pub email: Wanted<Email>,
    /// Whether their face may be used.
    pub face: Option<FaceUse>,
}

/// What a face is used for, in a word.
pub fn face_word(face: FaceUse) -> &'static str {
    match face {
        FaceUse::On => "on",
        FaceUse::Off => "off",
    }
}

fn groups_text(groups: &BTreeSet<GroupName>) -> Option<String> {
    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    (!names.is_empty()).then(|| names.join("; "))
}

impl PersonChange {
    /// `person` as they are afterwards.
    pub fn applied(&self, person: &Person) -> Person {
        let mut after = person.clone();
        if let Some(name) = &self.name {
            after.name = name.clone();
        }
        if let Some(identifier) = &self.identifier {
            after.identifier = Some(identifier.clone());
        }
        let particulars = &mut after.particulars;
        if let Some(groups) = &self.groups {
            particulars.groups = groups.clone();
        }
        particulars.groups.extend(self.into.iter().cloned());
        particulars.groups.retain(|group| !self.out_of.contains(group));
        match &self.email {
            Wanted::Keep => {}
            Wanted::Clear => particulars.email = None,
            Wanted::Put(email) => particulars.email = Some(email.clone()),
        }
        if let Some(face) = self.face {
            particulars.face = face;
        }
        after
    }
}

/// What is different between two states of a person, value by value.
pub fn differences(before: &Person, after: &Person) -> Vec<ChangedValue> {
    let text = |value: &dyn std::fmt::Display| Some(value.to_string());
    let values = |person: &Person| {
        let Person { name, identifier, particulars, .. } = person;
        [
            ("name", text(name)),
            ("identifier", identifier.as_ref().and_then(|i| text(i))),
            ("groups", groups_text(&particulars.groups)),
            ("email", particulars.email.as_ref().and_then(|e| text(e))),
            ("face", text(&face_word(particulars.face))),
        ]
    };
    let pairs = values(before).into_iter().zip(values(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed.map(|((key, before), (_, after))| ChangedValue { key: key.to_owned(), before, after }).collect()
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    /// Where it begins in the file, from 1; 0 where there is no file.
    pub line: u64,
    /// Whom an earlier export was about.
    pub id: Option<PersonId>,
    /// What they are called.
    pub name: PersonName,
    /// What the site calls them by.
    pub identifier: Option<Identifier>,
    /// All their groups, where the list says.
    pub groups: Option<BTreeSet<GroupName>>,
    /// Where mail reaches them, where the list says.
    pub email: Wanted<Email>,
    /// Whether their face may be used, where the list says.
    pub face: Option<FaceUse>,
}

impl ImportRow {
    /// A row that says no more than this.
    pub fn new(name: PersonName, identifier: Option<Identifier>) -> Self {
        Self { line: 0, id: None, name, identifier, groups: None, email: Wanted::Keep, face: None }
    }

    fn change(&self) -> PersonChange {
        PersonChange {
            name: Some(self.name.clone()),
            identifier: self.identifier.clone(),
            groups: self.groups.clone(),
            email: self.email.clone(),
            face: self.face,
            ..PersonChange::default()
        }
    }
}

/// What comes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// Somebody new.
    Added,
    /// Somebody who is there, with what is different.
    Changed(Vec<ChangedValue>),
    /// Somebody who is there, as they are.
    Unchanged,
    /// It cannot be taken, and so none can.
    Refused(String),
}

/// A row, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// Where it begins in the file.
    pub line: u64,
    /// Whom it is about; none where that cannot be said.
    pub person: Option<PersonId>,
    /// What they are called in it.
    pub name: PersonName,
    /// What comes of it.
    pub outcome: RowOutcome,
}

/// A person who is put on the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutPerson {
    /// As they are now; none for somebody new.
    pub before: Option<Person>,
    /// As they are afterwards.
    pub after: Person,
}

/// What a list would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportPlan {
    /// Each row, in the order of the list.
    pub rows: Vec<PlannedRow>,
    /// Everybody who is new or different, in that order. To be used only where no row is refused.
    pub people: Vec<PutPerson>,
}

impl ImportPlan {
    /// Whether a row cannot be taken.
    pub fn is_refused(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.outcome, RowOutcome::Refused(_)))
    }
}

/// Who is on the roster, by everything that a row may name them by.
struct Known<'a> {
    ids: HashMap<PersonId, &'a Person>,
    identifiers: HashMap<&'a Identifier, &'a Person>,
    names: HashMap<&'a str, Vec<&'a Person>>,
}

impl<'a> Known<'a> {
    fn of(roster: &'a Roster) -> Self {
        let mut known = Self { ids: HashMap::new(), identifiers: HashMap::new(), names: HashMap::new() };
        for person in roster.active() {
            known.ids.insert(person.id, person);
            known.names.entry(person.name.as_str()).or_default().push(person);
            if let Some(identifier) = &person.identifier {
                known.identifiers.insert(identifier, person);
            }
        }
        known
    }

    /// Whom `row` is about; none for somebody new.
    fn find(&self, row: &ImportRow) -> Result<Option<&'a Person>, String> {
        if let Some(person) = row.id.and_then(|id| self.ids.get(&id)) {
            return Ok(Some(person));
        }
        if let Some(identifier) = &row.identifier {
            return Ok(self.identifiers.get(identifier).copied());
        }
        match self.names.get(row.name.as_str()).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([one]) => Ok(Some(one)),
            Some(several) => {
                Err(format!("{} people are called {}: say which with an identifier", several.len(), row.name))
            }
        }
    }
}

/// What `rows` would change on `roster` at `now`; ids of new people come from `new_id`.
pub fn plan(
    roster: &Roster,
    rows: &[ImportRow],
    now: DateTime<Utc>,
    mut new_id: impl FnMut() -> PersonId,
) -> ImportPlan {
    let known = Known::of(roster);
    let mut plan = ImportPlan::default();
    let mut lines: HashMap<PersonId, u64> = HashMap::new();
    // Who is new and has no identifier, so that a row that comes twice makes one person.
    let mut nameless: HashMap<&PersonName, (u64, &ImportRow)> = HashMap::new();
    for row in rows {
        let mut planned = PlannedRow {
            line: row.line,
            person: None,
            name: row.name.clone(),
            outcome: RowOutcome::Unchanged,
        };
        match known.find(row) {
            Err(reason) => planned.outcome = RowOutcome::Refused(reason),
            Ok(Some(person)) => {
                planned.person = Some(person.id);
                planned.outcome = change_of(person, row, &mut lines, &mut plan.people);
            }
            Ok(None) => {
                let same_name = row.identifier.is_none().then(|| nameless.get(&row.name)).flatten();
                match same_name {
                    Some((_, earlier)) if same(earlier, row) => {}
                    Some((line, _)) => {
                        planned.outcome = RowOutcome::Refused(format!(
                            "{} is on line {line} already, with other values: give each an identifier",
                            row.name
                        ));
                    }
                    None => {
                        let person = Person::new(new_id(), row.name.clone(), row.identifier.clone(), now);
                        planned.person = Some(person.id);
                        planned.outcome = RowOutcome::Added;
                        lines.insert(person.id, row.line);
                        let after = row.change().applied(&person);
                        plan.people.push(PutPerson { before: None, after });
                        if row.identifier.is_none() {
                            nameless.insert(&row.name, (row.line, row));
                        }
                    }
                }
            }
        }
        plan.rows.push(planned);
    }
    refuse_shared_identifiers(&known, &mut plan);
    plan
}

fn same(one: &ImportRow, other: &ImportRow) -> bool {
    one.change() == other.change()
}

fn change_of(
    person: &Person,
    row: &ImportRow,
    lines: &mut HashMap<PersonId, u64>,
    people: &mut Vec<PutPerson>,
) -> RowOutcome {
    if let Some(line) = lines.insert(person.id, row.line) {
        return RowOutcome::Refused(format!("the person is on line {line} already"));
    }
    let after = row.change().applied(person);
    let changes = differences(person, &after);
    if changes.is_empty() {
        return RowOutcome::Unchanged;
    }
    people.push(PutPerson { before: Some(person.clone()), after });
    RowOutcome::Changed(changes)
}

/// Two people may not end up with one identifier. Judged by what would hold after all rows, so that two people
/// may change places.
fn refuse_shared_identifiers(known: &Known<'_>, plan: &mut ImportPlan) {
    let changed: HashMap<PersonId, &Person> =
        plan.people.iter().map(|put| (put.after.id, &put.after)).collect();
    let unchanged = known.ids.values().filter(|person| !changed.contains_key(&person.id)).copied();
    let mut holders: HashMap<&Identifier, Vec<&Person>> = HashMap::new();
    for person in unchanged.chain(plan.people.iter().map(|put| &put.after)) {
        if let Some(identifier) = &person.identifier {
            holders.entry(identifier).or_default().push(person);
        }
    }
    let mut refused: HashMap<PersonId, String> = HashMap::new();
    for (identifier, people) in holders.iter().filter(|(_, people)| people.len() > 1) {
        for person in people.iter().filter(|person| changed.contains_key(&person.id)) {
            let other = people.iter().find(|other| other.id != person.id);
            let whose = other.map_or_else(String::new, |other| other.name.to_string());
            refused.insert(person.id, format!("the identifier {identifier} belongs to {whose}"));
        }
    }
    for row in &mut plan.rows {
        if let Some(reason) = row.person.and_then(|person| refused.get(&person)) {
            row.outcome = RowOutcome::Refused(reason.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    fn groups(names: &[&str]) -> BTreeSet<GroupName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn person(n: u128, name: &str, identifier: Option<&str>) -> Person {
        let identifier = identifier.map(|i| i.parse().unwrap());
        Person::new(PersonId(Ulid(n)), name.parse().unwrap(), identifier, DateTime::UNIX_EPOCH)
    }

    fn roster() -> Roster {
        let mut roster = Roster::default();
        let mut ana = person(1, "Ana", Some("7"));
        ana.particulars.groups = groups(&["4b", "choir"]);
        ana.particulars.email = Some("ana@example.org".parse().unwrap());
        roster.put(ana);
        roster.put(person(2, "Bo", None));
        roster.put(person(3, "Cy", Some("8")));
        roster.put(person(4, "Di", Some("9")));
        roster.put(person(5, "Di", Some("10")));
        roster
    }

    fn row(line: u64, name: &str, identifier: Option<&str>) -> ImportRow {
        let row = ImportRow::new(name.parse().unwrap(), identifier.map(|i| i.parse().unwrap()));
        ImportRow { line, ..row }
    }

    fn planned(rows: &[ImportRow]) -> ImportPlan {
        let mut next = 100;
        plan(&roster(), rows, DateTime::UNIX_EPOCH, || {
            next += 1;
            PersonId(Ulid(next))
        })
    }

    #[test]
    fn a_row_changes_what_it_says_and_nothing_else() {
        let renamed = row(2, "Anna", Some("7"));
        let regrouped = ImportRow {
            groups: Some(groups(&["4c"])),
            email: Wanted::Clear,
            face: Some(FaceUse::Off),
            ..row(2, "Ana", Some("7"))
        };
        let change = |key: &str, before: Option<&str>, after: Option<&str>| ChangedValue {
            key: key.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let outcome = |row: ImportRow| planned(&[row]).rows[0].outcome.clone();
        assert_eq!(outcome(row(2, "Ana", Some("7"))), RowOutcome::Unchanged);
        assert_eq!(outcome(renamed), RowOutcome::Changed(vec![change("name", Some("Ana"), Some("Anna"))]));
        let expected = vec![
            change("groups", Some("4b; choir"), Some("4c")),
            change("email", Some("ana@example.org"), None),
            change("face", Some("on"), Some("off")),
        ];
        assert_eq!(outcome(regrouped), RowOutcome::Changed(expected));
        // A row without an identifier is about the one person of that name, whose identifier stays.
        assert_eq!(outcome(row(2, "Cy", None)), RowOutcome::Unchanged);
        assert_eq!(outcome(row(2, "Eve", Some("11"))), RowOutcome::Added);
    }

    #[test]
    fn who_is_meant_must_be_clear() {
        let plan = planned(&[
            row(2, "Di", None),
            row(3, "Ana", Some("7")),
            ImportRow { id: Some(PersonId(Ulid(1))), ..row(4, "Ana", None) },
            row(5, "Eve", None),
            row(6, "Eve", None),
            ImportRow { groups: Some(groups(&["4b"])), ..row(7, "Eve", None) },
        ]);
        let reasons: Vec<String> = plan.rows.iter().map(|row| format!("{:?}", row.outcome)).collect();
        assert!(reasons[0].contains("2 people are called Di"), "{reasons:?}");
        assert_eq!(plan.rows[1].outcome, RowOutcome::Unchanged);
        assert!(reasons[2].contains("on line 3 already"), "{reasons:?}");
        assert_eq!(
            (&plan.rows[3].outcome, &plan.rows[4].outcome),
            (&RowOutcome::Added, &RowOutcome::Unchanged)
        );
        assert!(reasons[5].contains("line 5 already"), "{reasons:?}");
        assert!(plan.is_refused() && plan.people.len() == 1);
    }

    #[test]
    fn an_identifier_is_one_persons_after_all_rows() {
        let by_id = |n: u128, row: ImportRow| ImportRow { id: Some(PersonId(Ulid(n))), ..row };
        let swapped = planned(&[by_id(3, row(2, "Cy", Some("9"))), by_id(4, row(3, "Di", Some("8")))]);
        assert!(!swapped.is_refused() && swapped.people.len() == 2, "{swapped:?}");
        let taken = planned(&[by_id(3, row(2, "Cy", Some("9"))), row(3, "Ana", Some("7"))]);
        assert!(
            matches!(&taken.rows[0].outcome, RowOutcome::Refused(reason) if reason.contains("belongs to Di"))
        );
        assert_eq!(taken.rows[1].outcome, RowOutcome::Unchanged);
    }
}
