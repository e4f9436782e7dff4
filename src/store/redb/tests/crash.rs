//! A disk that fails and a machine that loses power.
//!
//! The store runs on a fake disk that keeps what was synced apart from what was only written. In
//! the first test the disk stops at a random operation and the machine goes down with it: what is
//! found afterwards is what was synced and, of what was written since, a random selection of
//! 512-byte sectors, in any order. In the second the disk refuses to write for a while, as a full
//! one does. In both: every acknowledged commit is there, and of any other all or nothing.

use crate::store::DiskState;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use super::super::open::{builder, initialise};
use super::*;
use crate::store::contract::beside::{crop, crop_put, stranger};
use crate::store::crypt::source::Making;

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// What a read sees.
    live: Vec<u8>,
    /// What survives a loss of power for certain.
    durable: Vec<u8>,
    /// Sectors written since the last sync, by their place, with what they hold.
    unsynced: Vec<(usize, Vec<u8>)>,
    pub(super) operations: u64,
    /// Operations from this one on, and before the second number, fail.
    pub(super) fails: Option<(u64, u64)>,
    /// Whether reading fails with the rest.
    pub(super) dead: bool,
}

impl Disk {
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.fails {
            Some((from, until)) if (from..until).contains(&self.operations) => {
                // ENOSPC
                Err(io::Error::from_raw_os_error(28))
            }
            _ => Ok(()),
        }
    }

    /// What is found after the power was lost.
    pub(super) fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let mut image = self.durable.clone();
        let mut sectors = self.unsynced.clone();
        for i in (1..sectors.len()).rev() {
            sectors.swap(i, random.below(i as u64 + 1) as usize);
        }
        let kept = random.below(sectors.len() as u64 + 1) as usize;
        for (at, bytes) in &sectors[..kept] {
            let end = at + bytes.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[*at..end].copy_from_slice(bytes);
        }
        image
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct FakeDisk(Arc<Mutex<Disk>>);

impl FakeDisk {
    pub(super) fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }
}

impl StorageBackend for FakeDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.lock();
        if disk.dead && disk.fails.is_some_and(|(from, _)| disk.operations >= from) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let offset = offset as usize;
        let found = disk.live.get(offset..offset + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.live.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.durable = disk.live.clone();
        disk.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        let offset = offset as usize;
        disk.live[offset..offset + data.len()].copy_from_slice(data);
        for (number, sector) in data.chunks(SECTOR).enumerate() {
            disk.unsynced.push((offset + number * SECTOR, sector.to_vec()));
        }
        Ok(())
    }
}

impl Medium for FakeDisk {
    fn path(&self) -> &Path {
        Path::new("the fake disk")
    }

    fn open(&self) -> Result<Database, Fault> {
        Ok(builder().create_with_backend(self.clone())?)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.lock().live.len() as u64)
    }
}

/// A disk with a new store on it.
pub(super) fn new_disk() -> (FakeDisk, MemoryVault) {
    let (disk, vault) = (FakeDisk::default(), MemoryVault::default());
    let database = disk.open().unwrap();
    initialise(&database, TERMINAL, &ring(&vault)).unwrap();
    (disk, vault)
}

pub(super) fn ring(vault: &MemoryVault) -> Ring {
    Ring::open(Box::new(vault.clone()), &store_key(), Making::Allowed).unwrap()
}

/// A disk that holds `image`.
pub(super) fn disk_of(image: Vec<u8>) -> FakeDisk {
    let disk = Disk { live: image.clone(), durable: image, ..Disk::default() };
    FakeDisk(Arc::new(Mutex::new(disk)))
}

pub(super) fn on_image(image: Vec<u8>, vault: &MemoryVault) -> Result<RedbStore, StoreError> {
    RedbStore::on(Box::new(disk_of(image)), ring(vault))
}

/// A transaction of one to four entries, the first numbered `first`, and for each a person, a
/// template with a crop, and an item of the inbox.
pub(super) fn transaction(random: &mut Random, first: u64) -> Transaction {
    let numbers = first..=first + random.below(4);
    let put = |n: u64| {
        let id = u128::from(n);
        [
            Change::PersonPut(person(id, None)),
            Change::TemplatePut(template(id, id)),
            crop_put(id, n as u8),
            Change::StrangerPut(stranger(id, n as u8)),
        ]
    };
    Transaction {
        changes: numbers.clone().flat_map(put).collect(),
        entries: numbers.map(|n| draft(n, at_us(n as i64), Some(u128::from(n)))).collect(),
    }
}

/// What is in `store`: the numbers of its entries. People, entries and chain must agree.
pub(super) fn numbers(store: &RedbStore, context: &str) -> Vec<u64> {
    let end = store.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
    let entries = store.entries_since(Sequence(0), usize::MAX).unwrap();
    assert_eq!(end.sequence.0, entries.len() as u64, "{context}");
    let changes = store.changes_since(ChangePoint(0)).unwrap().changes.len();
    assert_eq!(changes, 3 * entries.len(), "{context}: half of a transaction");
    for n in entries.iter().map(|entry| entry.head.id.0) {
        let kept = store.crop(TemplateId(n)).unwrap();
        assert_eq!(kept, Some(crop(n.0 as u8)), "{context}: half of a transaction");
    }
    entries.iter().map(|entry| entry.head.id.0.0 as u64).collect()
}

/// One life of a store whose power is lost at a random moment; what of the acknowledged was not there
/// afterwards, where that is so.
fn lose_power(random: &mut Random, durability: Durability, context: &str) -> Result<(), String> {
    let (disk, vault) = new_disk();
    let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
    store.durability = durability;
    {
        let mut disk = disk.lock();
        disk.dead = true;
        disk.fails = Some((disk.operations + 1 + random.below(150), u64::MAX));
    }
    let mut acknowledged = Vec::new();
    let in_flight = loop {
        // A store that syncs nothing may live on in memory for ever: the power is lost all the same.
        if acknowledged.len() >= 400 {
            break Vec::new();
        }
        let next = transaction(random, acknowledged.len() as u64 + 1);
        let own: Vec<u64> = next.entries.iter().map(|entry| entry.id.0.0 as u64).collect();
        match store.commit(next) {
            Ok(_) => acknowledged.extend(own),
            Err(StoreError::Disk { .. } | StoreError::Failed { .. }) => break own,
            Err(other) => panic!("{context}: {other}"),
        }
    };
    let image = disk.lock().after_power_loss(random);
    let found = on_image(image, &vault).map_err(|error| error.to_string())?;
    let found = numbers(&found, context);
    let whole = [acknowledged.as_slice(), &in_flight].concat();
    let is_whole = found == acknowledged || found == whole;
    is_whole.then_some(()).ok_or_else(|| format!("{found:?} of {whole:?}"))
}

fn power_is_lost(rounds: u64) {
    let seed = seed();
    let mut random = Random(seed);
    for round in 0..rounds {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let outcome = lose_power(&mut random, Durability::Immediate, &context);
        outcome.unwrap_or_else(|lost| panic!("{context}: {lost}"));
    }
}

/// What the tests above rest on: a store that does not sync before it acknowledges fails them.
#[test]
fn a_commit_that_is_not_synced_is_found_to_be_lost() {
    let seed = seed();
    let mut random = Random(seed);
    let rounds = 20;
    let lost = (0..rounds).filter(|round| {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        lose_power(&mut random, Durability::None, &context).is_err()
    });
    let lost = lost.count();
    println!("without durability, {lost} of {rounds} losses of power lost what was acknowledged");
    // Power may be lost while nothing that was acknowledged is at stake, in one round or another.
    assert!(lost * 2 > rounds, "MUSTER_TEST_SEED={seed}");
}

#[test]
fn after_a_loss_of_power_every_acknowledged_commit_is_there() {
    power_is_lost(40);
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_after_a_loss_of_power_every_acknowledged_commit_is_there() {
    power_is_lost(5_000);
}

fn the_disk_is_full(rounds: u64) {
    let seed = seed();
    let mut random = Random(seed);
    let mut failures = 0;
    for round in 0..rounds {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let (disk, vault) = new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
        {
            let mut disk = disk.lock();
            let from = disk.operations + 1 + random.below(60);
            // From a single refusal to one that lasts over several tries to open again.
            disk.fails = Some((from, from + 1 + random.below(20)));
        }
        let mut acknowledged = Vec::new();
        let mut next = transaction(&mut random, 1);
        while acknowledged.len() < 40 {
            let own: Vec<u64> = next.entries.iter().map(|entry| entry.id.0.0 as u64).collect();
            // The same is tried until it is taken: it must be there once.
            match store.commit(next.clone()) {
                Ok(committed) => {
                    assert_eq!(committed.entries.len(), own.len(), "{context}");
                    acknowledged.extend(own);
                    next = transaction(&mut random, acknowledged.len() as u64 + 1);
                    assert_eq!(numbers(&store, &context), acknowledged, "{context}");
                }
                Err(StoreError::Disk { state: DiskState::Full, .. }) => {
                    failures += 1;
                    if store.database.is_some() {
                        assert_eq!(numbers(&store, &context), acknowledged, "{context}: not nothing");
                    } else {
                        let read = store.chain_head();
                        assert!(matches!(read, Err(StoreError::Failed { .. })), "{context}: {read:?}");
                    }
                }
                Err(other) => panic!("{context}: {other}"),
            }
        }
        drop(store);
        let again =
            RedbStore::on(Box::new(disk), ring(&vault)).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(numbers(&again, &context), acknowledged, "{context}");
    }
    println!("{failures} commits failed in {rounds} rounds");
    assert!(failures > 0, "MUSTER_TEST_SEED={seed}: the disk was never full");
}

#[test]
fn a_full_disk_fails_a_commit_whole_and_the_store_goes_on() {
    the_disk_is_full(30);
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_a_full_disk_fails_a_commit_whole_and_the_store_goes_on() {
    the_disk_is_full(3_000);
}

/// The disk is gone in the midst of a commit, and is there again for the next one: what becomes of the
/// first is known only then, and its caller tries it again after the other.
#[test]
fn what_was_written_after_all_is_not_written_twice_whatever_goes_before_it() {
    let mut random = Random(7);
    let (first, between) = (transaction(&mut random, 1), transaction(&mut random, 20));
    let ids = |of: &Transaction| of.entries.iter().map(|entry| entry.id.0.0 as u64).collect::<Vec<_>>();
    let mut written_after_all = 0;
    for operation in 1.. {
        let context = format!("operation {operation}");
        let (disk, vault) = new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
        let from = disk.lock().operations + operation;
        (disk.lock().dead, disk.lock().fails) = (true, Some((from, u64::MAX)));
        if store.commit(first.clone()).is_ok() {
            break;
        }
        disk.lock().fails = None;
        store.commit(between.clone()).unwrap();
        written_after_all += u32::from(!store.written_after_all.is_empty());
        store.commit(first.clone()).unwrap();
        assert!(store.written_after_all.is_empty(), "{context}");
        let mut found = numbers(&store, &context);
        found.sort_unstable();
        assert_eq!(found, [ids(&first), ids(&between)].concat(), "{context}");
    }
    assert!(written_after_all > 0, "the case is never met");
}

/// Without entries there is nothing that tells a transaction from another like it.
#[test]
fn an_equal_transaction_without_entries_is_another_one_once_something_was_written() {
    let (disk, vault) = new_disk();
    let mut store = RedbStore::on(Box::new(disk), ring(&vault)).unwrap();
    let put =
        |identifier| Transaction { changes: vec![Change::PersonPut(person(1, identifier))], entries: vec![] };
    let written = store.commit(put(Some("A"))).unwrap();
    store.written_after_all.push_back((put(Some("A")), written));
    store.commit(put(Some("B"))).unwrap();
    store.commit(put(Some("A"))).unwrap();
    let changes = store.changes_since(ChangePoint(0)).unwrap().changes;
    assert_eq!(changes, [Change::PersonPut(person(1, Some("A")))]);
}

/// What the disk refuses while a step that is no plain commit is prepared is over with the disk's refusal: the
/// step is done when it is tried again, without another commit before it.
#[test]
fn a_disk_that_refuses_while_a_step_is_prepared_is_opened_again() {
    type Step = fn(&mut RedbStore) -> Result<(), StoreError>;
    let erase: Step = |store| {
        let entry = crate::ledger::EntryDraft { parts: Parts::default(), ..draft(99, at_us(9), None) };
        let entry = crate::ledger::EntryDraft { kind: crate::ledger::EntryKind::Erased, ..entry };
        let (person, keeps) = (PersonId(ulid::Ulid(1)), crate::store::KeptRecords::None);
        store.erase(Erasure { person, keeps, strangers: vec![], entry }).map(drop)
    };
    let change_key: Step = |store| {
        let entry = crate::ledger::EntryDraft { parts: Parts::default(), ..draft(99, at_us(9), None) };
        let entry = crate::ledger::EntryDraft { kind: crate::ledger::EntryKind::KeyChanged, ..entry };
        let to = KeySource::Given(crate::store::crypt::Key::from_bytes([8; 32]));
        store.change_store_key(&to, &entry).map(drop)
    };
    let retain: Step = |store| {
        let entry = crate::ledger::EntryDraft { parts: Parts::default(), ..draft(99, at_us(9), None) };
        let entry = crate::ledger::EntryDraft { kind: crate::ledger::EntryKind::RetentionApplied, ..entry };
        let from = crate::store::retention::RetentionPlace::Crops(TemplateId(ulid::Ulid(0)));
        let before = [Some(at_us(i64::MAX / 4)); 4];
        let retained = store.retain(RetentionStep { from, before, entry: Some(entry) })?;
        assert!(retained.committed.is_some());
        Ok(())
    };
    for step in [erase, change_key, retain] {
        for operation in 1.. {
            let (disk, vault) = new_disk();
            let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
            let mut random = Random(3);
            store.commit(transaction(&mut random, 1)).unwrap();
            let from = disk.lock().operations + operation;
            disk.lock().fails = Some((from, from + 1));
            let first = step(&mut store);
            if disk.lock().operations < from {
                break;
            }
            disk.lock().fails = None;
            match first {
                // It was refused when all was on disk.
                Ok(()) => {}
                Err(StoreError::Disk { .. }) => step(&mut store).unwrap(),
                Err(other) => panic!("operation {operation}: {other}"),
            }
            store.verify().unwrap();
        }
    }
}

/// The power is lost at a random moment of an erasure: it is done, or not begun, and whatever the disk kept,
/// the next opening leaves one key.
fn power_is_lost_in_an_erasure(rounds: u64) {
    let seed = seed();
    let mut random = Random(seed);
    let (mut done, mut begun) = (0, 0);
    for round in 0..rounds {
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let (disk, vault) = new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), ring(&vault)).unwrap();
        for first in [1, 5, 9] {
            store.commit(transaction(&mut random, first)).unwrap();
        }
        {
            let mut disk = disk.lock();
            disk.dead = true;
            disk.fails = Some((disk.operations + 1 + random.below(60), u64::MAX));
        }
        let entry = crate::ledger::EntryDraft { parts: Parts::default(), ..draft(99, at_us(9), None) };
        let entry = crate::ledger::EntryDraft { kind: crate::ledger::EntryKind::Erased, ..entry };
        let erasure = Erasure {
            person: PersonId(ulid::Ulid(1)),
            keeps: crate::store::KeptRecords::None,
            strangers: vec![],
            entry,
        };
        let answer = store.erase(erasure);
        drop(store);
        let image = disk.lock().after_power_loss(&mut random);
        let found = on_image(image, &vault).unwrap_or_else(|error| panic!("{context}: {error}"));
        found.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
        let changes = found.changes_since(ChangePoint(0)).unwrap().changes;
        let is_there = changes.iter().any(|c| matches!(c, Change::PersonPut(p) if p.id.0.0 == 1));
        let has_template = changes.iter().any(|c| matches!(c, Change::TemplatePut(t) if t.person.0.0 == 1));
        let last = found.entries_before(Sequence(u64::MAX), 1).unwrap()[0].head.kind;
        let is_entered = last == crate::ledger::EntryKind::Erased;
        assert_eq!((is_there, has_template), (!is_entered, !is_entered), "{context}: half erased");
        assert!(answer.is_err() || is_entered, "{context}: acknowledged and lost");
        let bytes = vault.bytes.lock().unwrap().clone().unwrap();
        let mut kept = crate::store::crypt::vault::Sealed::read(&bytes).unwrap();
        let (newest, _) = kept.epochs().next().unwrap();
        assert!(!kept.keep_only(newest), "{context}: two keys");
        if is_entered { done += 1 } else { begun += 1 }
    }
    println!("{done} erasures were done, {begun} not begun");
}

#[test]
fn after_a_loss_of_power_an_erasure_is_done_or_not_begun() {
    power_is_lost_in_an_erasure(40);
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_after_a_loss_of_power_an_erasure_is_done_or_not_begun() {
    power_is_lost_in_an_erasure(3_000);
}
