//! Roles, consent, retention, what a person is given and what diagnostics say, as a user meets them. Nothing
//! here needs a net.

use std::fs;
use std::path::{Path, PathBuf};

use muster::access::{Operator, OperatorId, Role};
use muster::attendance::{Particulars, Person, PersonId, PinHash};
use muster::config::kiosk::KioskPin;
use muster::engine::command::{PictureBytes, Shot, ShotId};
use muster::engine::export::{PersonExport, TemplateExport};
use muster::engine::state::Preview;
use muster::face::{Embedding, EmbeddingSpace, EncodedCrop, Rect, Similarity, Template, TemplateId};
use muster::identify::{Candidates, Threshold};
use muster::ledger::Sequence;
use ulid::Ulid;

use crate::support::{Finished, Home, root};

const NAME: &str = "Ana Quiroga";

fn run(home: &Home, arguments: &[&str]) -> Finished {
    let output = home.muster_on(&root().join("models"), arguments).output();
    Finished::of(output.expect("muster starts"))
}

/// A home with Ana and Bo on the roster, and `text` as its configuration.
fn configured(text: &str) -> Home {
    let home = Home::new();
    let folder = home.path().join("config/muster");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("muster.toml"), text).unwrap();
    fs::write(folder.join("consent.md"), "May we keep your face?\n").unwrap();
    let roster = home.path().join("roster.csv");
    fs::write(&roster, format!("name,identifier\n{NAME},A-7\nBo,B-1\n")).unwrap();
    run(&home, &["roster", "import", roster.to_str().unwrap()]).expect(0);
    home
}

#[test]
fn a_role_is_kept_to_by_the_engine_whatever_is_typed() {
    let home = configured("");
    let added = run(&home, &["--json", "operators", "add", "Otto", "--role", "observer", "--uid", "4007"]);
    assert_eq!(added.expect(0).json_lines()[0]["role"], "observer");
    run(&home, &["operators", "add", "Olga", "--role", "operator"]).expect(0);
    let as_otto = |arguments: &[&str]| run(&home, &[&["--as", "Otto"], arguments].concat());
    let listed = as_otto(&["roster", "list"]).expect(0);
    assert!(listed.stdout.contains(NAME), "{}", listed.stdout);
    as_otto(&["report"]).expect(0);
    as_otto(&["log", "tail"]).expect(0);
    for refused in [
        &["why", "1"][..],
        &["threshold"],
        &["log", "export"],
        &["log", "verify"],
        &["roster", "rename", "B-1", "Bob"],
        &["roster", "export"],
        &["roster", "erase", "B-1", "--yes"],
        &["operators", "list"],
        &["retention"],
        &["export-person", "B-1", "-o", "x"],
    ] {
        let finished = as_otto(refused);
        if refused[0] != "threshold" || finished.code == 1 {
            // The threshold needs the nets' card first, which need not be there.
            let finished = finished.expect(1);
            assert!(finished.stderr.contains("needs the role"), "{refused:?}: {}", finished.stderr);
        }
    }
    // What works on files is for their owner: a role would be neither asked nor kept to.
    for refused in
        [&["config", "show"][..], &["doctor"], &["compare", "a.jpg", "b.jpg"], &["store", "restore", "x"]]
    {
        let finished = as_otto(refused).expect(2);
        assert!(
            finished.stderr.contains("--as is for what the engine does"),
            "{refused:?}: {}",
            finished.stderr
        );
    }
    for refused in [&["inbox", "list"][..], &["inbox", "show", "ABCD"]] {
        assert!(as_otto(refused).expect(1).stderr.contains("needs the role operator"), "{refused:?}");
    }
    run(&home, &["--as", "Olga", "roster", "rename", "B-1", "Bob"]).expect(0);
    run(&home, &["--as", "Olga", "roster", "remove", "B-1", "--yes"]).expect(1);
    run(&home, &["operators", "role", "Otto", "operator"]).expect(0);
    as_otto(&["log", "verify"]).expect(0);
    run(&home, &["operators", "remove", "Otto"]).expect(0);
    assert!(as_otto(&["roster", "list"]).expect(1).stderr.contains("no operator"));
    let log = run(&home, &["log", "export"]).expect(0);
    assert!(log.stdout.contains("operator_changed") && !log.stdout.contains("Otto"), "{}", log.stdout);
}

#[test]
fn consent_is_recorded_shown_and_withdrawn() {
    let home = configured("[consent]\nrequired = true\ntext = \"consent.md\"\nversion = \"2026-01\"\n");
    assert!(run(&home, &["consent", "show", "--text"]).expect(0).stdout.contains("keep your face"));
    run(&home, &["consent", "show", "A-7"]).expect(1);
    // There is no terminal to ask on.
    run(&home, &["consent", "record", "A-7"]).expect(2);
    run(&home, &["consent", "record", "A-7", "--yes"]).expect(0);
    let shown = run(&home, &["--json", "consent", "show", "A-7"]).expect(0).json_lines().remove(0);
    assert_eq!((&shown["text"], &shown["kind"]), (&"consent.md, version 2026-01".into(), &"consent".into()));
    assert_eq!(shown["sha256"].as_str().map(str::len), Some(64));
    let certificate = run(&home, &["--json", "consent", "withdraw", "A-7", "--yes"]).expect(0);
    assert_eq!(certificate.json_lines()[0]["kind"], "erased");
    run(&home, &["consent", "show", "A-7"]).expect(1);
    run(&home, &["log", "verify"]).expect(0);
    fs::remove_file(home.path().join("config/muster/consent.md")).unwrap();
    let missing = run(&home, &["roster", "list"]).expect(2);
    assert!(missing.stderr.contains("consent.text"), "{}", missing.stderr);
}

#[test]
fn retention_says_what_is_held_and_what_is_due() {
    let home = configured("[retention]\nnotes_days = 30\n");
    let rows = run(&home, &["--json", "retention"]).expect(0).json_lines();
    let notes = rows.iter().find(|row| row["kind"] == "notes").unwrap();
    assert_eq!((notes["days"].as_u64(), notes["due"].as_u64(), rows.len()), (Some(30), Some(0), 5));
    let applied = run(&home, &["retention", "apply"]).expect(0);
    assert!(applied.stdout.contains("for ever") && applied.stdout.contains("30 days"), "{}", applied.stdout);
    let wrong = configured("");
    fs::write(wrong.path().join("config/muster/muster.toml"), "[retention]\nnotes_days = 40000\n").unwrap();
    let refused = run(&wrong, &["roster", "list"]).expect(2);
    assert!(refused.stderr.contains("line 2") && refused.stderr.contains("retention.notes_days"));
}

#[test]
fn a_person_is_given_what_is_held_about_them_and_the_ledger_says_so() {
    let home = configured("");
    let place = home.path().join("ana");
    let to = place.to_str().unwrap();
    run(&home, &["export-person", "A-7", "-o", to]).expect(0);
    let person = fs::read_to_string(place.join("person.json")).unwrap();
    assert!(person.contains(NAME) && person.contains("\"pin_is_set\": false"), "{person}");
    let entries = fs::read_to_string(place.join("entries.jsonl")).unwrap();
    assert!(entries.contains("imported") && !entries.contains("Bo"), "{entries}");
    run(&home, &["export-person", "A-7", "-o", to]).expect(2);
    let log = run(&home, &["log", "tail"]).expect(0);
    assert!(log.stdout.contains("given out"), "{}", log.stdout);
}

/// Every file under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found
}

#[test]
fn diagnostics_at_their_loudest_hold_no_key_and_name_nobody_above_debug() {
    let home = configured(
        "[log]\nlevel = \"trace\"\n[consent]\ntext = \"consent.md\"\nversion = \"1\"\n[kiosk]\npin = \"$argon2id$v=19$m=19456,t=2,p=1$6HJ2cMll4eFRF/2sygfZSg$2FOjil8s57v71uc4E+n8HY7xpQy2KwOw7O1KUMrGtlg\"\n",
    );
    let loud = |arguments: &[&str]| run(&home, &[&["-vvv"], arguments].concat()).stderr;
    let mut said = String::new();
    for arguments in [
        &["consent", "record", "A-7", "--yes"][..],
        &["roster", "rename", "B-1", NAME],
        &["roster", "rename", "nobody", NAME],
        &["roster", "erase", "A-7", "--yes"],
        &["roster", "erase", "B-1", "--yes"],
    ] {
        said += &loud(arguments);
    }
    let log = files(&home.path().join("state")).into_iter().map(|file| fs::read_to_string(file).unwrap());
    said += &log.collect::<String>();
    assert!(said.contains("INFO") && said.contains("started"), "there is nothing to look at: {said}");
    let loud_enough = |line: &&str| [" INFO ", " WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let naming: Vec<&str> =
        said.lines().filter(loud_enough).filter(|line| line.contains("Quiroga")).collect();
    assert!(naming.is_empty(), "{naming:?}");
    let key = files(home.path()).into_iter().find(|path| path.ends_with("store.key")).unwrap();
    let key = fs::read_to_string(key).unwrap();
    for secret in [key.trim(), &key[..16], "2FOjil8s57v71uc4E"] {
        assert!(!said.contains(secret), "{secret}");
    }
    let show = run(&home, &["config", "show", "--effective"]).expect(0);
    assert!(!show.stdout.contains("2FOjil8s57v71uc4E"));
}

#[test]
fn nothing_that_is_printed_to_look_at_it_shows_a_face_or_a_secret() {
    const SECRET: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$6HJ2cMll4eFRF/2sygfZSg$2FOjil8s57v71uc4E+n8HY7xpQy2KwOw7O1KUMrGtlg";
    let id = PersonId(Ulid(1));
    let mut person = Person::new(id, "Ana".parse().unwrap(), None, chrono::DateTime::UNIX_EPOCH);
    person.particulars = Particulars { pin: Some(PinHash(SECRET.to_owned())), ..Particulars::default() };
    // 0.6 and 0.8 would be printed as they are; 211 is in every picture.
    let embedding = Embedding::normalised(vec![0.6, 0.8]).unwrap();
    let template =
        Template { id: TemplateId(Ulid(2)), person: id, space: EmbeddingSpace([9; 32]), embedding };
    let pixels = vec![211u8; 12];
    let crop = EncodedCrop::from(pixels.clone());
    let shot = Shot {
        id: ShotId(1),
        bounds: Rect::new(0.0, 0.0, 1.0, 1.0),
        crop: pixels.clone(),
        crop_side: 2,
        alike: Candidates::default(),
        threshold: Threshold(Similarity(0.5)),
        findings: Vec::new(),
    };
    let operator = Operator {
        id: OperatorId(Ulid(3)),
        name: "Olga".parse().unwrap(),
        role: Role::Operator,
        uid: None,
        key: None,
        added_at: chrono::DateTime::UNIX_EPOCH,
    };
    let export = PersonExport {
        person: person.clone(),
        has_pin: true,
        templates: vec![TemplateExport { template: template.clone(), crop: Some(crop.clone()) }],
        strangers: vec![],
        entries: vec![],
        candidacies: vec![],
        sessions: Default::default(),
        noted: Sequence(1),
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let pin: KioskPin = toml::Value::String(SECRET.to_owned()).try_into().unwrap();
    let all = [
        format!("{person:?}"),
        format!("{template:?}"),
        format!("{crop:?}"),
        format!("{shot:?}"),
        format!("{operator:?}"),
        format!("{export:?}"),
        format!("{pin:?}"),
        format!("{:?}", PictureBytes { label: "a".to_owned(), bytes: pixels.clone() }),
        format!("{:?}", Preview { width: 2, height: 2, rgb: pixels, frame: 1 }),
    ];
    for shown in &all {
        for secret in ["argon2", "0.6", "0.8", "211"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(!serde_json::to_string(&person).unwrap().contains("argon2"));
}
