//! `enroll`, `roster`, `config` and the whole of a run, on a fake engine.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::Value;

use super::args::{Cli, Command as Subcommand};
use super::fake::{Fake, Ran, Script, id, person, ran, row};
use super::*;
use crate::engine::command::{EnrolmentNotes, EnrolmentSource, EnrolmentTarget, FaceChoice};
use crate::engine::{Command as Asked, CommandError, Reply};
use crate::ledger::Sequence;

mod particulars;

fn engine() -> Fake {
    let respond = |command: &Asked| match command {
        Asked::Enrol { target: EnrolmentTarget::New { name, .. }, .. } if name.as_str() == "Ana" => {
            Err(CommandError::NameTaken { name: name.clone(), people: vec![id(1), id(2)] })
        }
        Asked::Enrol { .. } => Ok(Reply::Enrolled {
            person: person(9, "Cy", Some("9")),
            templates_added: 1,
            notes: EnrolmentNotes::default(),
        }),
        Asked::Register(command) => Ok(Reply::Register(particulars::answer(command))),
        Asked::Export => {
            let people = vec![person(1, "Ana", Some("7")), person(3, "=Bo", None)];
            Ok(Reply::Roster { people, sequence: Sequence(4) })
        }
        _ => Ok(Reply::Done),
    };
    let roster = vec![row(1, "Ana", Some("7")), row(2, "Ana", Some("8")), row(3, "Bo", None)];
    Fake::start(Script { roster, respond: Box::new(respond), ..Script::default() })
}

/// Runs a line on the fake engine; `answer` is what is said when it asks.
fn on(fake: &Fake, words: &[&str], answer: Option<bool>) -> Ran {
    let cli = Cli::try_parse_from(words).unwrap();
    ran(cli.global.json, |out| match &cli.command {
        Some(Subcommand::Enroll(args)) => {
            enroll::run(&fake.handle, args, &crossbeam_channel::never(), &mut |_| answer, out)
        }
        Some(Subcommand::Operators(args)) => operators::run(&fake.handle, args, out),
        Some(Subcommand::Consent(args)) => consent::run(&fake.handle, args, &mut |_| answer, out),
        Some(Subcommand::Retention(args)) => retention::run(&fake.handle, args, &chrono::Utc, out),
        Some(Subcommand::Roster(command)) => roster::run(&fake.handle, command, &mut |_| answer, out),
        other => panic!("{other:?} does not run here"),
    })
}

fn picture(folder: &Path) -> String {
    let path = folder.join("a.jpg");
    std::fs::write(&path, "picture").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn enroll_asks_the_engine_for_a_new_person() {
    let folder = tempfile::tempdir().unwrap();
    let image = picture(folder.path());
    let fake = engine();
    let ran = on(&fake, &["muster", "enroll", "Cy", &image, "--id", "9", "--face", "2", "--json"], None);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let object: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&object["person"], &object["identifier"]), (&"Cy".into(), &"9".into()));
    assert_eq!((&object["templates_added"], &object["provider"]), (&1.into(), &"cpu".into()));
    let commands = fake.commands();
    let [Asked::Enrol { target, source: EnrolmentSource::Pictures(wanted), anyway: false }] = &commands[..]
    else {
        panic!("{commands:?}");
    };
    let identifier = Some("9".parse().unwrap());
    assert_eq!(*target, EnrolmentTarget::New { name: "Cy".parse().unwrap(), identifier });
    assert_eq!(
        (wanted.pictures[0].bytes.as_slice(), wanted.face),
        (b"picture".as_slice(), FaceChoice::Nth(2))
    );
}

#[test]
fn enroll_add_names_one_person_or_lists_who_it_could_be() {
    let folder = tempfile::tempdir().unwrap();
    let image = picture(folder.path());
    let target = |words: &[&str]| {
        let fake = engine();
        let ran = on(&fake, &[&["muster", "enroll"], words, &[&image, "--add"]].concat(), None);
        let target = fake.commands().into_iter().find_map(|command| match command {
            Asked::Enrol { target, .. } => Some(target),
            _ => None,
        });
        (ran.code, target, ran.err)
    };
    assert_eq!(target(&["Bo"]).1, Some(EnrolmentTarget::Existing(id(3))));
    assert_eq!(target(&["8"]).1, Some(EnrolmentTarget::Existing(id(2))));
    assert_eq!(target(&["Ana", "--id", "8"]).1, Some(EnrolmentTarget::Existing(id(2))));
    let (code, none, message) = target(&["Ana"]);
    assert_eq!((code, none), (1, None));
    assert!(message.contains("identifier 7") && message.contains("identifier 8"), "{message}");
    for wrong in [&["Bob"][..], &["Bo", "--id", "8"], &["Ana", "--id", "99"]] {
        let (code, none, message) = target(wrong);
        assert_eq!((code, none), (1, None), "{message}");
    }
    assert!(target(&["Boo"]).2.contains("did you mean Bo "));
}

#[test]
fn what_the_engine_refuses_ends_with_1_and_a_missing_picture_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let image = picture(folder.path());
    let fake = engine();
    let taken = on(&fake, &["muster", "enroll", "Ana", &image], None);
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("--add") && taken.err.contains("--id"), "{}", taken.err);
    let fake = engine();
    let missing = on(&fake, &["muster", "enroll", "Cy", &image, "/nowhere.jpg"], None);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("/nowhere.jpg") && missing.err.contains("nobody was enrolled"));
    assert_eq!(fake.commands(), []);
}

#[test]
fn remove_asks_and_does_nothing_without_a_yes() {
    for (words, answer, code, removed) in [
        (&["Bo"][..], Some(true), 0, true),
        (&["Bo"], Some(false), 1, false),
        (&["Bo"], None, 2, false),
        (&["Bo", "--yes"], None, 0, true),
        (&["Ana", "--yes"], None, 1, false),
        (&["Zoe", "--yes"], None, 1, false),
    ] {
        let fake = engine();
        let ran = on(&fake, &[&["muster", "roster", "remove"], words].concat(), answer);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.err);
        assert_eq!(fake.commands() == [Asked::Remove(id(3))], removed, "{words:?}");
    }
}

#[test]
fn the_question_names_what_is_lost() {
    let fake = engine();
    let command = RosterCommand::Remove { who: "Bo".into(), yes: false };
    let mut asked = String::new();
    ran(false, |out| {
        roster::run(
            &fake.handle,
            &command,
            &mut |question| {
                asked = question.to_owned();
                Some(false)
            },
            out,
        )
    });
    assert!(
        asked.contains("Bo") && asked.contains("2 templates") && asked.contains("records stay"),
        "{asked}"
    );
}

#[test]
fn rename_and_list() {
    let fake = engine();
    assert_eq!(on(&fake, &["muster", "roster", "rename", "8", "Anna"], None).code, 0);
    assert_eq!(fake.commands(), [Asked::Rename { person: id(2), name: "Anna".parse().unwrap() }]);
    let table = on(&fake, &["muster", "roster", "list"], None).out;
    assert!(
        table.starts_with("name  identifier  groups  templates  today  id\nAna   7                   2"),
        "{table}"
    );
    let json = on(&fake, &["muster", "roster", "list", "--json"], None).out;
    assert_eq!(json.lines().count(), 3);
    assert_eq!(serde_json::from_str::<Value>(json.lines().next().unwrap()).unwrap()["templates"], 2);
}

#[test]
fn import_reads_all_of_a_file_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "name,identifier\nDi,4\n").unwrap();
    let path = file.to_str().unwrap();
    let fake = engine();
    let good = on(&fake, &["muster", "roster", "import", path, "--json"], None);
    let said: Vec<Value> = good.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = said.last().unwrap();
    assert_eq!(
        (&summary["kind"], &summary["added"], &summary["dry_run"]),
        (&"imported".into(), &1.into(), &false.into())
    );
    std::fs::write(&file, "name,identifier\nDi,4\nEd,4\n").unwrap();
    let fake = engine();
    let wrong = on(&fake, &["muster", "roster", "import", path], None);
    assert_eq!((wrong.code, fake.commands()), (2, vec![]));
    assert!(wrong.err.contains(&format!("{path}: line 3: the identifier 4 is on line 2")), "{}", wrong.err);
    assert_eq!(on(&fake, &["muster", "roster", "import", "/nowhere.csv"], None).code, 2);
}

#[test]
fn export_replaces_a_file_whole_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    std::fs::write(&file, "old").unwrap();
    let fake = engine();
    let ran = on(&fake, &["muster", "roster", "export", "--output", file.to_str().unwrap()], None);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("name,identifier,groups,email,face,id,enrolled_at\nAna,7,,,on,"), "{text}");
    assert!(text.contains("\n'=Bo,,"), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(on(&fake, &["muster", "roster", "export"], None).out, text);
    assert_eq!(on(&fake, &["muster", "roster", "export", "--output", "/nowhere/x.csv"], None).code, 2);
}

/// A run from the line on, where no engine is needed.
fn whole(words: &[&str], config: Option<&str>) -> Ran {
    let root = tempfile::tempdir().unwrap();
    let mut environment = Environment {
        current_dir: root.path().into(),
        system_root: root.path().into(),
        ..Environment::default()
    };
    environment.variables.insert("HOME".into(), root.path().into());
    if let Some(text) = config {
        let file: PathBuf = root.path().join("etc/muster/muster.toml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let cli = Cli::try_parse_from(words).unwrap();
    ran(cli.global.json, |out| run(&cli, &environment, out))
}

#[test]
fn config_check_says_what_is_wrong_and_where() {
    assert_eq!(whole(&["muster", "config", "check"], None).code, 0);
    let good = whole(&["muster", "config", "check"], Some("[log]\nlevel = \"warn\"\n"));
    assert!(good.out.contains("muster.toml is good"), "{}", good.out);
    let wrong = whole(&["muster", "config", "check"], Some("[log]\nlevle = \"warn\"\n"));
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("line 2: unknown key `log.levle`; did you mean `level`?"), "{}", wrong.err);
    // And every other subcommand refuses it too; the doctor says so as its first check.
    assert_eq!(whole(&["muster", "report"], Some("x = 1\n")).code, 2);
    let doctor = whole(&["muster", "doctor"], Some("x = 1\n"));
    assert_eq!(doctor.code, 2);
    assert!(doctor.out.starts_with("FAIL  configuration"), "{}", doctor.out);
    assert_eq!(whole(&["muster", "completions", "bash"], Some("x = 1\n")).code, 0);
}

#[test]
fn config_show_gives_what_was_typed_or_what_is_used() {
    let text = "[log]\nlevel = \"warn\" # quiet\n";
    let typed = whole(&["muster", "config", "show"], Some(text)).out;
    assert!(typed.ends_with(text) && typed.starts_with("# "), "{typed}");
    let used = whole(&["muster", "config", "show", "--effective", "--device", "cpu"], Some(text)).out;
    assert!(used.contains("level = \"warn\"  # file"), "{used}");
    assert!(used.contains("device = \"cpu\"  # flag --device"), "{used}");
    let json = whole(&["muster", "config", "show", "--effective", "--json"], Some(text)).out;
    let object: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(object["values"]["log"]["level"], "warn");
    assert_eq!(object["values"]["recognition"]["votes"], 3);
}

#[test]
fn flags_of_the_screen_do_not_vanish_before_a_subcommand() {
    let ran = whole(&["muster", "--source", "camera:0", "roster", "list"], None);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("write --source after `take`"), "{}", ran.err);
}

#[test]
fn a_dry_run_needs_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.csv");
    std::fs::write(&file, "name\nAna\n").unwrap();
    let ran = whole(&["muster", "roster", "import", file.to_str().unwrap(), "--dry-run"], None);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.ends_with("it would be added: 1, changed: 0, unchanged: 0\n"), "{}", ran.out);
}
