use super::*;
use crate::cli::fake::{Fake, Script, ran};
use crate::config::{Environment, Flags};
use crate::engine::CommandError;
use crate::ledger::{ChainHead, Sequence, Sha256Digest, TerminalId};
use crate::store::ErasedId;
use ulid::Ulid;

fn effective(home: &Path) -> Effective {
    let environment = Environment {
        variables: [("HOME".into(), home.into())].into(),
        system_root: home.to_owned(),
        ..Environment::default()
    };
    Effective::resolve(&Flags::default(), &environment).unwrap()
}

fn at(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().unwrap()
}

fn backup_on_record() -> BackupOnRecord {
    let end = ChainHead { sequence: Sequence(41), hash: Sha256Digest([2; 32]) };
    BackupOnRecord { at: at("2026-03-02T08:00:00Z"), digest: Sha256Digest([0xab; 32]), bytes: 3_000_000, end }
}

fn figures(last_backup: Option<BackupOnRecord>) -> StoreFigures {
    StoreFigures {
        file_bytes: 5_000_000,
        schema: 4,
        epoch: 3,
        is_under_passphrase: true,
        end: backup_on_record().end,
        people: 7,
        templates: 9,
        crops: 0,
        strangers: 1,
        erased_people: 2,
        last_backup,
    }
}

fn reply(command: &Command) -> Result<Reply, CommandError> {
    let sequence = Sequence(42);
    let reply = match command {
        Command::Store(StoreCommand::BackUp { .. }) => {
            StoreReply::BackedUp { backup: backup_on_record(), sequence }
        }
        Command::Store(StoreCommand::Compact) => {
            StoreReply::Compacted { compacted: Compacted { before_bytes: 2048, after_bytes: 1000 }, sequence }
        }
        Command::Store(StoreCommand::Status) => StoreReply::Status(figures(Some(backup_on_record()))),
        Command::Store(StoreCommand::Erasures) => StoreReply::Erasures {
            terminal: TerminalId(Ulid(9)),
            erased: vec![ErasedId::Stranger(crate::attendance::StrangerId(Ulid(3)))],
        },
        _ => return Ok(Reply::Done),
    };
    Ok(Reply::Store(Box::new(reply)))
}

fn run_args(args: &StoreArgs, json: bool) -> (crate::cli::fake::Ran, Vec<Command>) {
    let home = tempfile::tempdir().unwrap();
    let fake = Fake::start(Script { respond: Box::new(reply), ..Script::default() });
    let effective = effective(home.path());
    let now = at("2026-03-05T08:00:01Z");
    let ran = ran(json, |out| run(&fake.handle, args, &effective, now, out));
    (ran, fake.commands())
}

#[test]
fn a_backup_is_asked_for_by_an_absolute_path_and_said_with_its_digest() {
    let args = StoreArgs::Backup(BackupArgs { file: "monday.backup".into(), force: true });
    let (ran, commands) = run_args(&args, false);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let Some(Command::Store(StoreCommand::BackUp { to, replaces: true })) = commands.last() else {
        panic!("{commands:?}");
    };
    assert!(to.is_absolute() && to.ends_with("monday.backup"), "{}", to.display());
    assert!(ran.out.contains("up to entry 41: 2.9 MiB, SHA-256 abab"), "{}", ran.out);
    let (ran, _) = run_args(&args, true);
    let object: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(
        (&object["kind"], &object["bytes"], &object["sequence"]),
        (&"backed_up".into(), &3_000_000.into(), &42.into())
    );
}

#[test]
fn the_status_says_where_the_key_is_and_how_old_the_last_backup() {
    let (ran, _) = run_args(&StoreArgs::Status, false);
    for expected in ["size         4.8 MiB", "store.key, made of a passphrase", "41 entries", "3 days ago"] {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    let (ran, _) = run_args(&StoreArgs::Status, true);
    let object: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(object["last_backup"]["age_seconds"], 259_201);
    assert_eq!((&object["people"], &object["erased_people"]), (&7.into(), &2.into()));
    let none = status_text(&figures(None), Path::new("f"), "k", at("2026-03-05T08:00:01Z"));
    assert!(none.contains("none on record: muster store backup FILE"), "{none}");
}

#[test]
fn the_list_of_erasures_is_written_for_its_owner_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    let args = StoreArgs::Erasures(ErasuresArgs { output: Some(path.clone()) });
    let (ran, commands) = run_args(&args, false);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(matches!(commands.last(), Some(Command::NoteExport { .. })), "{commands:?}");
    assert_eq!(erasures::read(&path).unwrap().len(), 1);
    let (ran, _) = run_args(&StoreArgs::Erasures(ErasuresArgs { output: None }), false);
    assert_eq!(erasures::parse(&ran.out).unwrap().len(), 1, "{}", ran.out);
}

#[test]
fn compaction_says_before_and_after() {
    let (ran, _) = run_args(&StoreArgs::Compact, false);
    assert_eq!(ran.out, "2.0 KiB before, 1000 bytes now; noted as entry 42\n");
}

#[test]
fn what_needs_the_store_for_itself_is_sent_to_a_shell() {
    let args = StoreArgs::ChangeKey(ChangeKeyArgs { to: KeyPlace::Passphrase });
    let (ran, commands) = run_args(&args, false);
    assert_eq!((ran.code, commands.len()), (2, 0));
    assert!(ran.err.contains("run it in a shell"), "{}", ran.err);
}

#[test]
fn sizes_and_ages_are_in_words() {
    assert_eq!([size(0), size(1024), size(3 << 30)].join(", "), "0 bytes, 1.0 KiB, 3.00 GiB");
    let ages = [-5, 1, 119, 120, 7_200, 172_800].map(age);
    assert_eq!(ages.join(", "), "0 seconds, 1 second, 119 seconds, 2 minutes, 2 hours, 2 days");
}
