//! Backups, compaction, another store key.

use super::crash::{new_disk, numbers, on_image, ring, transaction};
use super::erasure::{NAME, erasure, store_of_ana};
use super::*;
use crate::ledger::{EntryDraft, EntryKind};
use crate::store::administration::with_facts;
use crate::store::crypt::Key;
use crate::store::{BackupError, DiskState, ErasedId, KeptRecords};

pub(super) fn order(to: &Path) -> BackupOrder {
    BackupOrder { to: to.to_owned(), replaces: false, at: at_us(77) }
}

/// A backup, noted as the engine notes it.
pub(super) fn backed_up(store: &mut RedbStore, to: &Path, number: u64) -> BackupOnRecord {
    let backup = store.back_up(&order(to)).unwrap();
    let entry = EntryDraft { kind: EntryKind::BackedUp, ..draft(number, at_us(78), None) };
    store.commit(entries(vec![with_facts(entry, backup.facts(), None)])).unwrap();
    backup
}

#[test]
fn a_backup_is_its_owners_alone_says_what_it_is_and_holds_nothing_in_the_clear() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = store_of_ana(directory.path());
    let file = elsewhere.path().join("a.backup");
    let backup = backed_up(&mut store, &file, 60);
    assert_eq!((backup.end.sequence, backup.at), (Sequence(5), at_us(77)));
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!((bytes.len() as u64, mode(&file)), (backup.bytes, 0o600));
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 1, "nothing half-made is left");
    let embedding: Vec<u8> = [1.0f32, 10.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(b"muster backup 1\n") && !holds(NAME.as_bytes()) && !holds(&embedding));
    assert_eq!(store.figures().unwrap().last_backup.unwrap().digest, backup.digest);
    store.verify().unwrap();
}

#[test]
fn a_file_that_is_there_is_replaced_on_request_alone_and_none_lies_beside_the_store() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store_of_ana(directory.path());
    let file = elsewhere.path().join("a.backup");
    std::fs::write(&file, "mine").unwrap();
    let refused = store.back_up(&order(&file));
    assert!(matches!(refused, Err(StoreError::Backup(BackupError::Exists { .. }))), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    store.back_up(&BackupOrder { replaces: true, ..order(&file) }).unwrap();
    assert!(std::fs::read(&file).unwrap().starts_with(b"muster backup 1\n"));
    std::fs::create_dir(directory.path().join("deep")).unwrap();
    for beside in ["b.backup", "deep/b.backup"] {
        let refused = store.back_up(&order(&directory.path().join(beside)));
        assert!(matches!(refused, Err(StoreError::Backup(BackupError::Beside { .. }))), "{refused:?}");
    }
    let nowhere = store.back_up(&order(&elsewhere.path().join("no/such/folder/b")));
    assert!(matches!(nowhere, Err(StoreError::Backup(BackupError::Io { .. }))), "{nowhere:?}");
}

/// A file on a disk that is full after so many bytes.
struct FullAfter(usize);

impl std::io::Write for FullAfter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::Error::from_raw_os_error(28))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_backup_that_cannot_be_written_is_said_of_its_own_file_and_not_of_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_ana(directory.path());
    let order = order(Path::new("/mnt/stick/a.backup"));
    // In the header, and in the rows.
    for room in [0, 600] {
        let failed = super::super::whole::write_backup(&store, &order, FullAfter(room)).unwrap_err();
        let is_of_it =
            matches!(&failed, StoreError::Backup(BackupError::Io { path, .. }) if *path == order.to);
        assert!(is_of_it && failed.to_string().contains("/mnt/stick/a.backup"), "{room}: {failed}");
    }
}

#[test]
fn a_table_that_no_backup_would_hold_is_refused_rather_than_left_out() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = store_of_ana(directory.path());
    let new: redb::TableDefinition<u64, u64> = redb::TableDefinition::new("of a later version");
    store.edit(|transaction| drop(transaction.open_table(new).unwrap()));
    let refused = store.back_up(&order(&elsewhere.path().join("a.backup")));
    assert!(matches!(&refused, Err(StoreError::Refused(why)) if why.contains("of a later version")));
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);
}

#[test]
fn an_erasure_names_the_backups_that_may_hold_the_person() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    store.commit(entries(vec![draft(1, at_us(1), Some(2))])).unwrap();
    backed_up(&mut store, &elsewhere.path().join("before"), 60);
    let ana = vec![Change::PersonPut(person(1, Some("A")))];
    store.commit(Transaction { changes: ana, entries: vec![draft(2, at_us(2), Some(1))] }).unwrap();
    let holds = backed_up(&mut store, &elsewhere.path().join("after"), 61);
    let erased = store.erase(Erasure { strangers: vec![], ..erasure(KeptRecords::None) }).unwrap();
    let named: Vec<Sha256Digest> = erased.backups.iter().map(|backup| backup.digest).collect();
    assert_eq!(named, [holds.digest]);
    let ana = ErasedId::Person { id: PersonId(ulid::Ulid(1)), keeps: KeptRecords::None };
    assert_eq!(store.erasures().unwrap(), [ana]);
    assert_eq!(store.figures().unwrap().erased_people, 1);
}

#[test]
fn compaction_gives_room_back_and_leaves_every_row() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_of_ana(directory.path());
    for n in 100..160u128 {
        let put = vec![Change::TemplatePut(template(n, 1)), crop_put(n, n as u8)];
        store.commit(Transaction { changes: put, entries: vec![] }).unwrap();
    }
    let gone = (100..160u128).map(|n| Change::TemplateRemoved(TemplateId(ulid::Ulid(n)))).collect();
    store.commit(Transaction { changes: gone, entries: vec![] }).unwrap();
    let before = (store.chain_head().unwrap(), store.changes_since(ChangePoint(0)).unwrap());
    let Compacted { before_bytes, after_bytes } = store.compact().unwrap();
    let size = directory.path().join(FILE_NAME).metadata().unwrap().len();
    assert!(after_bytes < before_bytes && size == after_bytes, "{before_bytes} {after_bytes} {size}");
    assert_eq!((store.chain_head().unwrap(), store.changes_since(ChangePoint(0)).unwrap()), before);
    store.verify().unwrap();
    store.commit(entries(vec![draft(61, at_us(3), None)])).unwrap();
    drop(store);
    open_at(directory.path(), TERMINAL).unwrap().verify().unwrap();
}

/// The power is lost at a random moment of a compaction: all that was acknowledged is there.
fn power_is_lost_in_a_compaction(rounds: u64) {
    let seed = seed();
    let mut random = Random(seed);
    let (mut whole, mut cut) = (0, 0);
    for round in 0..rounds {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let (disk, vault) = new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
        let mut acknowledged = Vec::new();
        for _ in 0..6 {
            let next = transaction(&mut random, acknowledged.len() as u64 + 1);
            acknowledged.extend(next.entries.iter().map(|entry| entry.id.0.0 as u64));
            store.commit(next).unwrap();
        }
        {
            let mut disk = disk.lock();
            disk.dead = true;
            disk.fails = Some((disk.operations + 1 + random.below(80), u64::MAX));
        }
        if store.compact().is_ok() {
            whole += 1
        } else {
            cut += 1
        }
        drop(store);
        let image = disk.lock().after_power_loss(&mut random);
        let found = on_image(image, &vault).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(numbers(&found, &context), acknowledged, "{context}");
    }
    println!("{whole} compactions were done, {cut} cut short");
    assert!(cut > 0, "MUSTER_TEST_SEED={seed}: the power was never lost in one");
}

#[test]
fn after_a_loss_of_power_in_a_compaction_everything_is_there() {
    power_is_lost_in_a_compaction(25);
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_after_a_loss_of_power_in_a_compaction_everything_is_there() {
    power_is_lost_in_a_compaction(1_000);
}

#[test]
fn a_compaction_that_fails_leaves_a_store_that_goes_on() {
    let (disk, vault) = new_disk();
    let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
    store.commit(transaction(&mut Random(1), 1)).unwrap();
    let from = disk.lock().operations + 3;
    disk.lock().fails = Some((from, from + 1));
    let failed = store.compact();
    assert!(matches!(failed, Err(StoreError::Disk { state: DiskState::Full, .. })), "{failed:?}");
    store.commit(entries(vec![draft(90, at_us(5), None)])).unwrap();
    store.verify().unwrap();
    store.compact().unwrap();
}

fn other_key() -> KeySource {
    KeySource::Given(Key::from_bytes([8; 32]))
}

fn key_changed(number: u64) -> EntryDraft {
    let entry = EntryDraft { kind: EntryKind::KeyChanged, ..draft(number, at_us(9), None) };
    EntryDraft { parts: Parts::default(), ..entry }
}

#[test]
fn another_store_key_opens_everything_and_the_old_one_nothing_not_even_with_its_old_file_of_keys() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_of_ana(directory.path());
    let keys = directory.path().join("store.keys");
    let old_keys = std::fs::read(&keys).unwrap();
    let before = store.changes_since(ChangePoint(0)).unwrap();
    let changed = store.change_store_key(&other_key(), &key_changed(70)).unwrap();
    assert_eq!(changed.entries[0].head.kind, EntryKind::KeyChanged);
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap(), before);
    drop(store);
    let refused = open_at(directory.path(), TERMINAL);
    assert!(matches!(refused, Err(StoreError::Keys { .. })), "{refused:?}");
    let store = RedbStore::open(directory.path(), TERMINAL, &other_key()).unwrap();
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap(), before);
    assert_eq!(store.verify().unwrap().sequence, Sequence(6));
    drop(store);
    std::fs::write(&keys, old_keys).unwrap();
    let refused = open_at(directory.path(), TERMINAL);
    assert!(matches!(refused, Err(StoreError::Keys { .. })), "{refused:?}");
}

/// The power is lost at a random moment of a change of the store key: the entry is there and the new key opens
/// the store, or neither.
#[test]
fn after_a_loss_of_power_the_store_key_is_changed_or_not() {
    let seed = seed();
    let mut random = Random(seed);
    let (mut done, mut not) = (0, 0);
    for round in 0..40 {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let (disk, vault) = new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
        store.commit(transaction(&mut random, 1)).unwrap();
        if random.below(4) == 0 {
            *vault.fails_after.lock().unwrap() = Some(random.below(2) as u32);
        } else {
            let mut disk = disk.lock();
            disk.dead = true;
            disk.fails = Some((disk.operations + 1 + random.below(40), u64::MAX));
        }
        let answer = store.change_store_key(&other_key(), &key_changed(70));
        drop(store);
        *vault.fails_after.lock().unwrap() = None;
        let image = disk.lock().after_power_loss(&mut random);
        let with = |source: &KeySource| {
            let medium = Box::new(vault.clone());
            let ring = Ring::open(medium, source, crate::store::crypt::source::Making::Refused);
            let disk = super::crash::disk_of(image.clone());
            ring.map_err(|error| error.to_string())
                .and_then(|ring| RedbStore::on(Box::new(disk), ring).map_err(|error| error.to_string()))
        };
        let old = with(&store_key());
        let (store, is_new) = match old {
            Ok(store) => (store, false),
            Err(_) => (with(&other_key()).unwrap_or_else(|error| panic!("{context}: {error}")), true),
        };
        store.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
        let last = store.entries_before(Sequence(u64::MAX), 1).unwrap()[0].head.kind;
        assert_eq!(last == EntryKind::KeyChanged, is_new, "{context}");
        assert!(answer.is_err() || is_new, "{context}: acknowledged and lost");
        drop(store);
        let other = if is_new { store_key() } else { other_key() };
        assert!(with(&other).is_err(), "{context}: both keys open it");
        if is_new { done += 1 } else { not += 1 }
    }
    println!("{done} were changed, {not} not");
    assert!(done > 0 && not > 0, "MUSTER_TEST_SEED={seed}");
}
