//! The store is backed up and compacted while the engine runs.

use std::sync::atomic::Ordering;

use super::stand_ins::*;
use super::{Actor, Command, CommandError, EntryKind, Reply, enrol};
use crate::engine::command::{StoreCommand, StoreReply};
use crate::engine::{EngineHandle, EngineParts, opened, start};
use crate::ledger::{Facts, Sequence, TerminalId};
use crate::store::crypt::Key;
use crate::store::crypt::source::KeySource;
use crate::store::redb::RedbStore;
use crate::store::{BackupOnRecord, Store};

fn ask(handle: &EngineHandle, command: StoreCommand) -> Result<StoreReply, CommandError> {
    match handle.call(Command::Store(command))? {
        Reply::Store(reply) => Ok(*reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backup_is_written_between_two_records_and_is_an_entry() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let open = || {
        let key = KeySource::Given(Key::from_bytes([9; 32]));
        RedbStore::open(data.path(), TerminalId(ulid::Ulid(1)), &key).unwrap()
    };
    let parts = EngineParts { store: opened(open()), ..parts(&SharedStore::new()) };
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    enrol(&handle, "Ana", &[1]).unwrap();
    let to = elsewhere.path().join("a.backup");
    let back_up = || ask(&handle, StoreCommand::BackUp { to: to.clone(), replaces: false });
    let StoreReply::BackedUp { backup, sequence } = back_up().unwrap() else { panic!() };
    assert_eq!((backup.end.sequence, sequence), (Sequence(1), Sequence(2)));
    assert_eq!(to.metadata().unwrap().len(), backup.bytes);
    let refused = back_up().unwrap_err();
    assert!(matches!(&refused, CommandError::Backup { reason } if reason.contains("--force")), "{refused}");
    enrol(&handle, "Ben", &[2]).unwrap();
    let StoreReply::Compacted { compacted, sequence } = ask(&handle, StoreCommand::Compact).unwrap() else {
        panic!()
    };
    assert!(compacted.after_bytes <= compacted.before_bytes && sequence == Sequence(4));
    let StoreReply::Status(figures) = ask(&handle, StoreCommand::Status).unwrap() else { panic!() };
    assert_eq!((figures.people, figures.templates, figures.end.sequence), (2, 2, Sequence(4)));
    assert_eq!(figures.last_backup.map(|last| last.digest), Some(backup.digest));
    let StoreReply::Erasures { erased, .. } = ask(&handle, StoreCommand::Erasures).unwrap() else { panic!() };
    assert_eq!(erased, []);
    engine.stop();
    let entries = open().entries_since(Sequence(0), 9).unwrap();
    let kinds: Vec<EntryKind> = entries.iter().map(|entry| entry.head.kind).collect();
    assert_eq!(kinds, [EntryKind::Enrolled, EntryKind::BackedUp, EntryKind::Enrolled, EntryKind::Compacted]);
    assert_eq!(
        (&entries[1].head.actor, &entries[1].parts.facts),
        (&Actor::Local { uid: 7 }, &Some(backup.facts()))
    );
    assert!(
        matches!(&entries[3].parts.facts, Some(Facts::Changes(changes)) if changes[0].key == "store.bytes")
    );
}

#[test]
fn a_backup_that_cannot_be_noted_says_that_it_is_there_all_the_same() {
    let store = SharedStore::new();
    let backup = BackupOnRecord {
        at: chrono::DateTime::UNIX_EPOCH,
        digest: crate::ledger::Sha256Digest([1; 32]),
        bytes: 5,
        end: store.chain_head().unwrap(),
    };
    *store.backup.lock().unwrap() = Some(backup);
    let (engine, handle) = super::engine(&store);
    store.fails.store(true, Ordering::SeqCst);
    let said =
        ask(&handle, StoreCommand::BackUp { to: "/x".into(), replaces: false }).unwrap_err().to_string();
    assert!(said.contains("whole and on disk") && said.contains("the disk is full"), "{said}");
    store.fails.store(false, Ordering::SeqCst);
    ask(&handle, StoreCommand::BackUp { to: "/x".into(), replaces: false }).unwrap();
    let refused = ask(&handle, StoreCommand::Compact).unwrap_err().to_string();
    assert!(refused.contains("no file of its own"), "{refused}");
    enrol(&handle, "Ana", &[1]).unwrap();
    engine.stop();
    assert_eq!(store.kinds(), [EntryKind::BackedUp, EntryKind::Enrolled]);
}

#[test]
fn a_log_that_cannot_be_read_is_never_an_empty_one() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let (from, until) = (chrono::DateTime::UNIX_EPOCH, chrono::DateTime::<chrono::Utc>::MAX_UTC);
    assert_eq!(handle.records_between(from, until), Ok(Vec::new()));
    store.is_unreadable.store(true, std::sync::atomic::Ordering::SeqCst);
    let is_said = |said: Result<usize, CommandError>| {
        let said = said.unwrap_err();
        assert!(
            matches!(&said, CommandError::Store { reason } if reason.contains("the disk is gone")),
            "{said}"
        );
    };
    let count = |page: Vec<crate::engine::event::LogEntry>| page.len();
    is_said(handle.records_between(from, until).map(count));
    is_said(handle.held_between(from, until).map(count));
    is_said(handle.entries_between(from, until).map(count));
    is_said(handle.entries_before(Sequence(u64::MAX), 1).map(count));
    is_said(handle.entries_since(Sequence(0), 1).map(count));
    is_said(handle.whole_entries_since(Sequence(0), 1).map(|page| page.len()));
    engine.stop();
    assert_eq!(handle.records_between(from, until), Err(CommandError::Stopped));
    assert_eq!(handle.whole_entries_since(Sequence(0), 1), Err(CommandError::Stopped));
}
