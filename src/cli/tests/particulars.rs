//! `roster set`, `show`, `pin` and `import`, on a fake engine.

use serde_json::Value;

use super::{engine, on};
use crate::attendance::import::{Wanted, differences, plan};
use crate::attendance::{FaceUse, Person, Roster};
use crate::cli::fake::{id, person};
use crate::engine::Command as Asked;
use crate::engine::command::register::{PersonCard, RegisterCommand, RegisterReply};

fn people() -> Vec<Person> {
    let mut people = vec![person(1, "Ana", Some("7")), person(2, "Ana", Some("8")), person(3, "Bo", None)];
    people[0].particulars.groups = ["4b".parse().unwrap()].into();
    people
}

/// As an engine with these people would.
pub(super) fn answer(command: &RegisterCommand) -> RegisterReply {
    let mut roster = Roster::default();
    people().into_iter().for_each(|person| roster.put(person));
    match command {
        RegisterCommand::Card(id) => {
            let person = roster.get(*id).unwrap().clone();
            RegisterReply::Card(Box::new(PersonCard { person, has_pin: true, templates: 2 }))
        }
        RegisterCommand::SetPin { .. } => RegisterReply::PinSet { was_set: false },
        RegisterCommand::Change { person, change } => {
            let before = roster.get(*person).unwrap();
            let after = change.applied(before);
            let removed = if after.particulars.face == FaceUse::Off { 2 } else { 0 };
            RegisterReply::Changed {
                changes: differences(before, &after),
                person: Box::new(after),
                templates_removed: removed,
            }
        }
        RegisterCommand::Import { rows, .. } => {
            RegisterReply::Imported(plan(&roster, rows, chrono::DateTime::UNIX_EPOCH, || id(99)).rows)
        }
    }
}

#[test]
fn set_sends_what_was_said_and_says_what_is_different() {
    let fake = engine();
    let words = [
        "muster",
        "roster",
        "set",
        "7",
        "--group",
        "choir",
        "--no-group",
        "4b",
        "--no-email",
        "--face",
        "off",
    ];
    let ran = on(&fake, &words, None);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("groups: 4b -> choir") && ran.out.contains("face: on -> off"), "{}", ran.out);
    assert!(ran.out.contains("templates deleted: 2"), "{}", ran.out);
    match fake.commands().last().unwrap() {
        Asked::Register(RegisterCommand::Change { person, change }) => {
            assert_eq!((person, &change.email), (&id(1), &Wanted::Clear));
        }
        other => panic!("{other:?}"),
    }
    let ran = on(&fake, &["muster", "roster", "set", "7", "--group", "4b"], None);
    assert!(ran.out.contains("it was so already"), "{}", ran.out);
    assert_eq!(on(&fake, &["muster", "roster", "set", "Ana", "--group", "4b"], None).code, 1);
}

#[test]
fn show_says_what_is_kept_and_nothing_of_the_pin() {
    let fake = engine();
    let ran = on(&fake, &["muster", "roster", "show", "7"], None);
    assert!(ran.out.contains("groups      4b") && ran.out.contains("PIN         set"), "{}", ran.out);
    let ran = on(&fake, &["muster", "roster", "show", "7", "--json"], None);
    let object: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&object["has_pin"], &object["groups"][0]), (&true.into(), &"4b".into()));
    assert!(object.get("pin").is_none());
}

#[test]
fn list_shows_one_group_where_one_is_named() {
    let fake = engine();
    let ran = on(&fake, &["muster", "roster", "list", "--group", "4b"], None);
    assert!(ran.code == 0 && ran.out.contains("nobody is in the group 4b"), "{}", ran.out);
}

#[test]
fn a_dry_run_names_every_row_and_what_would_be_different() {
    let fake = engine();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.csv");
    std::fs::write(&file, "name;identifier;group;face\r\nAnna;7;4b|choir;on\r\nAna;8;;\r\nCy;9;;\r\n")
        .unwrap();
    let ran = on(&fake, &["muster", "roster", "import", file.to_str().unwrap(), "--dry-run"], None);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "line 2: Anna: changed: name: Ana -> Anna, groups: 4b -> 4b; choir");
    assert_eq!((lines[1], lines[2]), ("line 3: Ana: unchanged", "line 4: Cy: added"));
    assert!(
        lines[3].ends_with("nothing was imported; it would be added: 1, changed: 1, unchanged: 1"),
        "{}",
        lines[3]
    );
    match fake.commands().last().unwrap() {
        Asked::Register(RegisterCommand::Import { dry_run: true, rows }) => assert_eq!(rows.len(), 3),
        other => panic!("{other:?}"),
    }
    std::fs::write(&file, "name\nAna\n").unwrap();
    let ran = on(&fake, &["muster", "roster", "import", file.to_str().unwrap(), "--json"], None);
    let row: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!((ran.code, &row["outcome"], &row["line"]), (1, &"refused".into(), &2.into()));
    assert!(row["reason"].as_str().unwrap().contains("2 people are called Ana"));
}
