//! A backup in the place of a store.

use super::erasure::{erasure, files, opened, store_of_ana};
use super::whole::{backed_up, order};
use super::*;
use crate::ledger::{EntryDraft, EntryKind};
use crate::store::crypt::Key;
use crate::store::redb::restore::{PreparedRestore, RestoreOrder, prepare};
use crate::store::{BackupError, ErasedId, ErasuresFrom, KeptRecords, Restored};

/// Drafts as the command line makes them, numbered from 900.
fn drafts() -> impl FnMut(EntryKind) -> EntryDraft {
    let mut number = 900;
    move |kind| {
        number += 1;
        EntryDraft { kind, parts: Parts::default(), ..draft(number, at_us(100), None) }
    }
}

fn prepared(
    directory: &Path,
    backup: &Path,
    key: &KeySource,
    erasures: ErasuresFrom,
) -> Result<PreparedRestore, StoreError> {
    let mut draft = drafts();
    prepare(directory, &store_key(), RestoreOrder { backup, backup_key: key, erasures, draft: &mut draft })
}

fn restored(directory: &Path, backup: &Path, erasures: ErasuresFrom) -> Restored {
    prepared(directory, backup, &store_key(), erasures).unwrap().swap().unwrap()
}

fn names(store: &RedbStore) -> Vec<String> {
    let changes = store.changes_since(ChangePoint(0)).unwrap().changes;
    let names = changes.iter().filter_map(|change| match change {
        Change::PersonPut(person) => Some(person.name.to_string()),
        _ => None,
    });
    names.collect()
}

struct Site {
    data: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
    backup: PathBuf,
}

/// A store with Ana and Ben that was backed up, and closed.
fn site() -> Site {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = elsewhere.path().join("a.backup");
    backed_up(&mut store_of_ana(data.path()), &backup, 60);
    Site { data, elsewhere, backup }
}

#[test]
fn everything_comes_back_and_the_ledger_says_from_where() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    let mut store = open_at(data.path(), TERMINAL).unwrap();
    let before = store.changes_since(ChangePoint(0)).unwrap();
    let crop_before = store.crop(TemplateId(ulid::Ulid(10))).unwrap();
    let new = vec![Change::PersonPut(person(3, None))];
    store.commit(Transaction { changes: new, entries: vec![draft(7, at_us(6), Some(3))] }).unwrap();
    drop(store);
    let done = restored(data.path(), &backup, ErasuresFrom::Present);
    assert_eq!((done.erased_again, done.replaced.map(|end| end.sequence)), (0, Some(Sequence(7))));
    assert_eq!(done.old_key_stays, None);
    let store = open_at(data.path(), TERMINAL).unwrap();
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes, before.changes);
    assert_eq!(store.crop(TemplateId(ulid::Ulid(10))).unwrap(), crop_before);
    assert_eq!(store.verify().unwrap(), done.end);
    assert_eq!(store.sequences_of(PersonId(ulid::Ulid(2))).unwrap().len(), 4);
    let last = store.entries_before(Sequence(u64::MAX), 1).unwrap().remove(0);
    assert_eq!((last.head.kind, last.head.sequence), (EntryKind::Restored, Sequence(6)));
    assert_eq!(last.parts.facts, Some(done.backup.facts()));
    assert!(last.parts.note.unwrap().text.contains("ended at entry 7"));
    let known: Vec<_> = store.read("look", records::backups).unwrap();
    assert!(known.iter().any(|known| known.digest == done.backup.digest), "{known:?}");
    drop(store);
    let left: Vec<_> = data.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn whoever_was_erased_since_the_backup_is_erased_again_and_nothing_of_them_opens() {
    for keeps in [KeptRecords::None, KeptRecords::Pseudonymous] {
        let Site { data, backup, elsewhere: _elsewhere } = site();
        let mut store = open_at(data.path(), TERMINAL).unwrap();
        let erased = store.erase(Erasure { strangers: vec![], ..erasure(keeps) }).unwrap();
        assert_eq!(erased.backups.len(), 1);
        drop(store);
        let done = restored(data.path(), &backup, ErasuresFrom::Present);
        assert_eq!((done.erased_again, done.strangers_left_out), (1, 1));
        // The search takes seconds, and what is kept besides makes no difference to it.
        if keeps == KeptRecords::None {
            assert_eq!(opened(data.path()), 0);
        }
        let store = open_at(data.path(), TERMINAL).unwrap();
        assert_eq!(names(&store), ["Person 2"]);
        store.verify().unwrap();
        let of_ana = store.sequences_of(PersonId(ulid::Ulid(1))).unwrap().len();
        assert_eq!(of_ana, usize::from(keeps == KeptRecords::Pseudonymous));
        let kinds: Vec<EntryKind> =
            store.entries_since(Sequence(5), 9).unwrap().iter().map(|entry| entry.head.kind).collect();
        assert_eq!(kinds, [EntryKind::Erased, EntryKind::Restored]);
        let ana = ErasedId::Person { id: PersonId(ulid::Ulid(1)), keeps };
        assert!(store.erasures().unwrap().contains(&ana), "a second restore must know it too");
    }
}

/// The control: without the erasure the search finds what was restored.
#[test]
fn without_the_erasure_the_search_finds_the_person() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    restored(data.path(), &backup, ErasuresFrom::Present);
    assert!(opened(data.path()) > 0);
}

#[test]
fn what_the_replaced_store_held_opens_with_no_key_that_there_is() {
    let Site { data, backup, elsewhere } = site();
    // Somebody keeps a second name of the old file: what was there is overwritten.
    let second = elsewhere.path().join("second");
    std::fs::hard_link(data.path().join(FILE_NAME), &second).unwrap();
    restored(data.path(), &backup, ErasuresFrom::Present);
    assert!(std::fs::read(&second).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn on_an_empty_machine_somebody_must_say_who_was_erased() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    let erased = {
        let mut store = open_at(data.path(), TERMINAL).unwrap();
        store.erase(Erasure { strangers: vec![], ..erasure(KeptRecords::None) }).unwrap();
        store.erasures().unwrap()
    };
    let new = tempfile::tempdir().unwrap();
    let refused = prepared(new.path(), &backup, &store_key(), ErasuresFrom::Present);
    assert!(matches!(refused, Err(StoreError::Backup(BackupError::NoErasures { .. }))));
    drop(prepared(new.path(), &backup, &store_key(), ErasuresFrom::PresentOrNone).unwrap());
    assert_eq!(files(new.path()).len(), 0, "one that was not wanted leaves nothing");
    let done = restored(new.path(), &backup, ErasuresFrom::List(erased));
    assert_eq!((done.erased_again, done.replaced), (1, None));
    let store = open_at(new.path(), TERMINAL).unwrap();
    assert_eq!((names(&store), store.terminal()), (vec!["Person 2".to_owned()], TERMINAL));
    let new = tempfile::tempdir().unwrap();
    let done = restored(new.path(), &backup, ErasuresFrom::PresentOrNone);
    assert_eq!(done.erased_again, 0);
    assert_eq!(names(&open_at(new.path(), TERMINAL).unwrap()).len(), 2);
}

#[test]
fn a_store_that_is_damaged_is_replaced_where_the_erasures_are_known() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    let file = data.path().join(FILE_NAME);
    let length = file.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    let refused = prepared(data.path(), &backup, &store_key(), ErasuresFrom::Present);
    assert!(matches!(refused, Err(StoreError::Backup(BackupError::NoErasures { .. }))));
    restored(data.path(), &backup, ErasuresFrom::List(vec![]));
    assert_eq!(names(&open_at(data.path(), TERMINAL).unwrap()).len(), 2);
}

#[test]
fn what_cannot_be_restored_is_said_and_changes_nothing() {
    let Site { data, backup, elsewhere } = site();
    let whole = std::fs::read(&backup).unwrap();
    let with = |name: &str, bytes: &[u8]| {
        let path = elsewhere.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let other = tempfile::tempdir().unwrap();
    let other_store = open_at(other.path(), TerminalId(ulid::Ulid(99))).unwrap();
    let of_other = elsewhere.path().join("other");
    other_store.back_up(&order(&of_other)).unwrap();
    let mut newer = whole.clone();
    newer[16..20].copy_from_slice(&(SCHEMA_VERSION + 1).to_be_bytes());
    let wrong_key = KeySource::Given(Key::from_bytes([7; 32]));
    let held = |data: &Path| {
        let store = open_at(data, TERMINAL).unwrap();
        (store.chain_head().unwrap(), store.changes_since(ChangePoint(0)).unwrap(), files(data).len())
    };
    let before = held(data.path());
    for (what, path, key, expected) in [
        ("missing", elsewhere.path().join("none"), store_key(), "cannot be read"),
        ("no backup", with("csv", b"name,identifier\nAna,7\n"), store_key(), "no backup"),
        ("empty", with("empty", b""), store_key(), "no backup"),
        ("wrong key", backup.clone(), wrong_key, "--key PLACE"),
        ("cut", with("cut", &whole[..whole.len() - 1]), store_key(), "cut short"),
        ("cut in its header", with("head", &whole[..100]), store_key(), "first bytes"),
        ("longer", with("long", &[&whole[..], &[0]].concat()), store_key(), "tampered"),
        ("changed", with("changed", &changed(whole.len() - 10)), store_key(), "tampered"),
        ("another end in its header", with("end", &changed(40)), store_key(), "header was changed"),
        ("another vault", with("vault", &changed(150)), store_key(), "does not open"),
        ("another terminal", of_other, store_key(), "--data-dir"),
        ("newer", with("newer", &newer), store_key(), "newer muster"),
    ] {
        let refused = match prepared(data.path(), &path, &key, ErasuresFrom::Present) {
            Err(StoreError::Backup(error)) => error.to_string(),
            Err(other) => panic!("{what}: {other}"),
            Ok(_) => panic!("{what}: not refused"),
        };
        assert!(refused.contains(expected), "{what}: {refused}");
        assert_eq!(held(data.path()), before, "{what}");
    }
    // One that is ready and not wanted leaves nothing either.
    drop(prepared(data.path(), &backup, &store_key(), ErasuresFrom::Present).unwrap());
    assert_eq!(held(data.path()), before);
}

/// A process that ends between the moments of a restore: the old store, or the new one.
#[test]
fn a_restore_that_is_cut_short_leaves_one_store_or_the_other() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    let prepared = prepared(data.path(), &backup, &store_key(), ErasuresFrom::Present).unwrap();
    // The half-made file stays, as after a crash.
    std::mem::forget(prepared);
    let store = open_at(data.path(), TERMINAL).unwrap();
    assert_eq!(store.chain_head().unwrap().sequence, Sequence(6));
    assert_eq!(files(data.path()).len(), 2, "it goes with the next opening");
}

#[test]
fn a_backup_made_under_an_older_key_is_restored_under_the_present_one() {
    let Site { data, backup, elsewhere: _elsewhere } = site();
    let new = KeySource::Given(Key::from_bytes([8; 32]));
    let entry = EntryDraft { parts: Parts::default(), ..draft(70, at_us(9), None) };
    open_at(data.path(), TERMINAL).unwrap().change_store_key(&new, &entry).unwrap();
    let mut draft = drafts();
    let old = store_key();
    let order = RestoreOrder {
        backup: &backup,
        backup_key: &old,
        erasures: ErasuresFrom::Present,
        draft: &mut draft,
    };
    prepare(data.path(), &new, order).unwrap().swap().unwrap();
    assert!(matches!(open_at(data.path(), TERMINAL), Err(StoreError::Keys { .. })));
    assert_eq!(names(&RedbStore::open(data.path(), TERMINAL, &new).unwrap()).len(), 2);
}
