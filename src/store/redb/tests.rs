//! What is particular to the store on disk: the file, damage, and failures of the medium.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use redb::ReadableTable;

use super::tables::{PARTS, PEOPLE, SCHEMA, SCHEMA_VERSION};
use super::*;
use crate::ledger::{PartKind, Parts};
use crate::store::contract::beside::{crop, crop_put, stranger};
use crate::store::contract::{TERMINAL, Tamper, at_us, draft, entries, person, template};
use crate::store::crypt::ring::testing::{MemoryVault, store_key};

mod crash;
mod erasure;
mod kill;
mod restore;
mod walk;
mod whole;

/// With the key that every store of the tests has.
fn open_at(directory: &Path, terminal: TerminalId) -> Result<RedbStore, StoreError> {
    RedbStore::open(directory, terminal, &store_key())
}

impl RedbStore {
    fn edit(&mut self, edit: impl FnOnce(&WriteTransaction)) {
        let transaction = write_transaction(self.database.as_ref().unwrap()).unwrap();
        edit(&transaction);
        transaction.commit().unwrap();
    }
}

impl Tamper for RedbStore {
    fn change_head(&mut self, sequence: u64, change: impl FnOnce(&mut Vec<u8>)) {
        self.edit(|transaction| {
            let mut table = transaction.open_table(HEADS).unwrap();
            let mut row = table.get(sequence).unwrap().unwrap().value().to_vec();
            let mut bytes = row.split_off(32);
            change(&mut bytes);
            row.extend(bytes);
            table.insert(sequence, row.as_slice()).unwrap();
        });
    }

    fn drop_head(&mut self, sequence: u64) {
        self.edit(|transaction| {
            transaction.open_table(HEADS).unwrap().remove(sequence).unwrap().unwrap();
        });
    }

    fn change_part(&mut self, sequence: u64, kind: PartKind, change: impl FnOnce(&mut Vec<u8>)) {
        self.edit(|transaction| {
            let mut table = transaction.open_table(PARTS).unwrap();
            let key = (sequence, kind as u8);
            let mut row = table.get(key).unwrap().unwrap().value().to_vec();
            let mut bytes = row.split_off(16);
            change(&mut bytes);
            row.extend(bytes);
            table.insert(key, row.as_slice()).unwrap();
        });
    }

    fn drop_part(&mut self, sequence: u64, kind: PartKind) {
        self.edit(|transaction| {
            transaction.open_table(PARTS).unwrap().remove((sequence, kind as u8)).unwrap().unwrap();
        });
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A directory with a store of `count` entries, closed.
fn closed_store(count: u64) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    let ana = person(1, Some("A"));
    let changes = vec![Change::PersonPut(ana), Change::TemplatePut(template(10, 1))];
    let drafts = (1..=count).map(|n| draft(n, at_us(5), Some(1))).collect();
    store.commit(Transaction { changes, entries: drafts }).unwrap();
    let path = directory.path().join(FILE_NAME);
    (directory, path)
}

#[test]
fn everything_is_there_after_opening_again() {
    let (directory, _) = closed_store(3);
    let other = TerminalId(ulid::Ulid(99));
    let mut store = open_at(directory.path(), other).unwrap();
    assert_eq!(store.terminal(), TERMINAL, "a store keeps its terminal");
    assert_eq!(store.verify().unwrap().sequence, Sequence(3));
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 2);
    store.commit(entries(vec![draft(4, at_us(1), None)])).unwrap();
    assert_eq!(store.verify().unwrap().sequence, Sequence(4));
}

#[test]
fn the_file_and_a_new_directory_are_closed_to_others() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    drop(open_at(&directory, TERMINAL).unwrap());
    let path = directory.join(FILE_NAME);
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
    assert_eq!(directory.read_dir().unwrap().count(), 2, "nothing half-made is left beside the keys");
    // The file is closed again; the directory, which holds something, is left as it is.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
    drop(open_at(&directory, TERMINAL).unwrap());
    assert_eq!((mode(&directory), mode(&path)), (0o755, 0o600));
}

#[test]
fn what_a_creation_cut_short_has_left_goes() {
    let (directory, _) = closed_store(0);
    let left = directory.path().join(format!("{FILE_NAME}.01ABC.new"));
    std::fs::write(&left, b"half").unwrap();
    drop(open_at(directory.path(), TERMINAL).unwrap());
    assert!(!left.exists());
}

#[test]
fn a_second_opener_is_told_that_it_is_busy() {
    let directory = tempfile::tempdir().unwrap();
    let first = open_at(directory.path(), TERMINAL).unwrap();
    let second = open_at(directory.path(), TERMINAL);
    assert!(matches!(&second, Err(StoreError::Busy { path }) if path.ends_with(FILE_NAME)), "{second:?}");
    drop(first);
    open_at(directory.path(), TERMINAL).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (directory, _) = closed_store(1);
    let set = |store: &mut RedbStore, version: u32| {
        store.edit(|transaction| {
            let mut table = transaction.open_table(META).unwrap();
            table.insert(SCHEMA, &version.to_be_bytes()[..]).unwrap();
        });
    };
    set(&mut open_at(directory.path(), TERMINAL).unwrap(), SCHEMA_VERSION + 1);
    let newer = open_at(directory.path(), TERMINAL);
    assert!(
        matches!(newer, Err(StoreError::Newer { found, supported, .. }) if found == supported + 1),
        "{newer:?}"
    );
}

/// A file as the program wrote it when its schema had version 1, gzipped: a person, a template and
/// three entries.
const VERSION_1: &[u8] = include_bytes!("tests/version1.redb.gz");

fn version_1() -> Vec<u8> {
    use std::io::Read;
    let mut file = Vec::new();
    flate2::read::GzDecoder::new(VERSION_1).read_to_end(&mut file).unwrap();
    file
}

#[test]
fn a_file_of_version_1_is_upgraded_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE_NAME), version_1()).unwrap();
    let schema = |store: &RedbStore| {
        let found = store.read("look", |transaction| meta(&transaction.open_table(META)?, SCHEMA));
        u32::from_be_bytes(found.unwrap())
    };
    let mut store = open_at(directory.path(), TerminalId(ulid::Ulid(99))).unwrap();
    assert_eq!((store.terminal(), schema(&store)), (TERMINAL, SCHEMA_VERSION));
    assert_eq!(store.verify().unwrap().sequence, Sequence(3));
    let held = [Change::PersonPut(person(1, Some("A"))), Change::TemplatePut(template(10, 1))];
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes, held);
    assert_eq!(store.crop(TemplateId(ulid::Ulid(10))).unwrap(), None);
    let new = vec![crop_put(10, 1), Change::StrangerPut(stranger(5, 1))];
    store.commit(Transaction { changes: new, entries: vec![draft(4, at_us(5), Some(1))] }).unwrap();
    drop(store);
    let store = open_at(directory.path(), TERMINAL).unwrap();
    assert_eq!((schema(&store), store.verify().unwrap().sequence), (SCHEMA_VERSION, Sequence(4)));
    assert_eq!(store.crop(TemplateId(ulid::Ulid(10))).unwrap(), Some(crop(1)));
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 3);
}

/// A file and its keys as the program wrote them when the schema had version 3: two people and four entries.
const VERSION_3: &[u8] = include_bytes!("tests/version3.redb.gz");
const VERSION_3_KEYS: &[u8] = include_bytes!("tests/version3.keys");
const VERSION_3_STORE_KEY: &str = "323bef0c38d319e5f1288576c50b53ac362a4f610f428f4c900fbbf21998e02d\n";

#[test]
fn a_file_of_version_3_is_upgraded_with_its_own_keys() {
    let directory = tempfile::tempdir().unwrap();
    let keys = version_3(directory.path());
    for _ in 0..2 {
        let mut store = RedbStore::open(directory.path(), TERMINAL, &keys).unwrap();
        let schema = store.read("look", |transaction| meta(&transaction.open_table(META)?, SCHEMA));
        assert_eq!(u32::from_be_bytes(schema.unwrap()), SCHEMA_VERSION);
        store.verify().unwrap();
        let changes = store.changes_since(ChangePoint(0)).unwrap().changes;
        let names: Vec<String> = changes
            .iter()
            .map(|change| match change {
                Change::PersonPut(person) => person.name.to_string(),
                other => panic!("only people were there: {other:?}"),
            })
            .collect();
        assert_eq!(names, ["Ana Müller", "Bo Li"]);
        let entries = store.entries_since(Sequence(0), 9).unwrap();
        assert_eq!(entries[3].parts.note.as_ref().unwrap().text, "the log");
        assert_eq!(entries[0].head.moment, None);
        store.commit(entries_of_a_new_kind()).unwrap();
    }
}

fn entries_of_a_new_kind() -> Transaction {
    let entry = crate::ledger::EntryDraft {
        kind: crate::ledger::EntryKind::Corrected,
        ..draft(9, at_us(5), Some(1))
    };
    entries(vec![entry])
}

fn version_3(directory: &Path) -> KeySource {
    use std::io::Read;
    let mut file = Vec::new();
    flate2::read::GzDecoder::new(VERSION_3).read_to_end(&mut file).unwrap();
    std::fs::write(directory.join(FILE_NAME), file).unwrap();
    std::fs::write(directory.join("store.keys"), VERSION_3_KEYS).unwrap();
    let key = directory.join("key");
    std::fs::write(&key, VERSION_3_STORE_KEY).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    KeySource::File(key)
}

/// An erasure was cut short before the program that reads the file was exchanged: the keys of two epochs lie
/// there, and the file names the older one.
#[test]
fn a_file_of_version_3_is_upgraded_in_the_middle_of_an_erasure() {
    use crate::store::crypt::source::Making;
    let directory = tempfile::tempdir().unwrap();
    let keys = version_3(directory.path());
    let vault = Box::new(VaultFile::of(directory.path()));
    drop(Ring::open(vault, &keys, Making::Refused).unwrap().prepare().unwrap());
    let store = RedbStore::open(directory.path(), TERMINAL, &keys).unwrap();
    store.verify().unwrap();
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 2);
}

#[test]
fn a_file_of_version_3_that_has_lost_its_keys_is_given_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let keys = version_3(directory.path());
    std::fs::remove_file(directory.path().join("store.keys")).unwrap();
    let opened = RedbStore::open(directory.path(), TERMINAL, &keys);
    assert!(matches!(&opened, Err(StoreError::Keys { .. })), "{opened:?}");
    assert!(!directory.path().join("store.keys").exists());
}

#[test]
fn an_end_that_is_not_the_last_entry_is_damage() {
    let (directory, _) = closed_store(3);
    open_at(directory.path(), TERMINAL).unwrap().drop_head(3);
    let opened = open_at(directory.path(), TERMINAL);
    assert!(
        matches!(&opened, Err(StoreError::Damaged { detail, .. }) if detail.contains("last entry is 2")),
        "{opened:?}"
    );
}

#[test]
fn a_file_that_is_no_store_is_damage_and_stays_as_it_is() {
    for content in [&b""[..], b"redb", b"not a store at all", &[0; 8192]] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        std::fs::write(&path, content).unwrap();
        let opened = open_at(directory.path(), TERMINAL);
        assert!(matches!(&opened, Err(StoreError::Damaged { .. })), "{content:?}: {opened:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    // redb's format with none of the tables.
    let directory = tempfile::tempdir().unwrap();
    drop(redb::Database::create(directory.path().join(FILE_NAME)).unwrap());
    let opened = open_at(directory.path(), TERMINAL);
    assert!(matches!(&opened, Err(StoreError::Damaged { .. })), "{opened:?}");
}

#[test]
fn a_truncated_file_is_damage() {
    let (directory, path) = closed_store(200);
    let whole = std::fs::read(&path).unwrap();
    for length in [1, 300, 4096, 4097, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let opened = open_at(directory.path(), TERMINAL);
        assert!(matches!(&opened, Err(StoreError::Damaged { .. })), "{length}: {opened:?}");
    }
}

/// A bit anywhere in the file, closed in good order or left by a process that was killed: opening
/// either says damage, or what was written is all there and verifies (the bit lay in a page that
/// nothing uses). Never a panic, never an older state.
fn damage_is_found(flips: u64) {
    let seed = seed();
    let mut random = Random(seed);
    let (directory, path) = closed_store(199);
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    store.commit(entries(vec![draft(200, at_us(5), Some(1))])).unwrap();
    let left = std::fs::read(&path).unwrap();
    drop(store);
    let closed = std::fs::read(&path).unwrap();
    let mut found = 0;
    for flip in 0..flips {
        let mut bytes = if flip % 2 == 0 { left.clone() } else { closed.clone() };
        let at = random.below(bytes.len() as u64) as usize;
        let bit = 1u8 << random.below(8);
        bytes[at] ^= bit;
        std::fs::write(&path, &bytes).unwrap();
        match open_at(directory.path(), TERMINAL) {
            Ok(store) => {
                let end = store.verify();
                assert!(
                    matches!(end, Ok(end) if end.sequence == Sequence(200)),
                    "seed {seed}, flip {flip} of bit {bit} at {at}: {end:?}"
                );
                assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 2);
            }
            Err(StoreError::Damaged { .. }) => found += 1,
            Err(other) => panic!("seed {seed}, flip {flip} of bit {bit} at {at}: {other}"),
        }
    }
    println!("seed {seed}: {found} of {flips} flips were found to be damage");
    assert!(found > 0, "seed {seed}: no flip was found at all");
}

#[test]
fn a_flipped_bit_is_found() {
    damage_is_found(200);
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_a_flipped_bit_is_found() {
    damage_is_found(5_000);
}

/// From MUSTER_TEST_SEED, or the clock; printed so that a failure can be run again.
fn seed() -> u64 {
    let chosen = std::env::var("MUSTER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = chosen.unwrap_or_else(|| Utc::now().timestamp_micros() as u64);
    println!("MUSTER_TEST_SEED={seed}");
    seed
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[test]
fn a_feed_that_several_threads_read_is_the_same_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    let mut changes: Vec<Change> = Vec::new();
    for number in 1..=40u128 {
        changes.push(Change::PersonPut(person(number, None)));
    }
    // A template comes long after its person, and some people have two.
    for number in 1..=60u128 {
        changes.push(Change::TemplatePut(template(1_000 - number, number % 40 + 1)));
    }
    changes.push(Change::StrangerPut(stranger(5, 1)));
    store.commit(Transaction { changes: changes.clone(), entries: vec![] }).unwrap();
    store
        .commit(Transaction {
            changes: vec![Change::TemplateRemoved(TemplateId(Ulid(999)))],
            entries: vec![],
        })
        .unwrap();
    let read = |threads| {
        store
            .read("read the changes", |transaction| {
                feed::changes_with(transaction, &store.ring, ChangePoint(0), 7, threads)
            })
            .unwrap()
            .changes
    };
    let alone = read(1);
    changes.retain(|change| !matches!(change, Change::TemplatePut(put) if put.id.0.0 == 999));
    assert_eq!(alone, changes);
    for threads in [2, 3, 7] {
        assert_eq!(read(threads), alone, "{threads} threads");
    }
    let mut everything = Vec::new();
    store.everything(&mut |part| everything.extend(part)).unwrap();
    assert_eq!(everything, alone);
}
