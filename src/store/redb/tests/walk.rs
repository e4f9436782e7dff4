//! A ledger walked in stretches, and from its beginning: both say the same of it, whatever is damaged.

use proptest::prelude::*;
use ulid::Ulid;

use super::super::walk::Rows;
use super::*;
use crate::ledger::EntryKind;
use crate::store::KeptRecords;

const ENTRIES: u64 = 23;

/// Entries about two people, of whom one is erased at the end: most parts of hers are gone, in every stretch.
fn ledger() -> (tempfile::TempDir, RedbStore) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    let people = vec![Change::PersonPut(person(1, None)), Change::PersonPut(person(2, None))];
    let drafts = (1..=ENTRIES).map(|n| draft(n, at_us(5), Some(1 + u128::from(n % 2)))).collect();
    store.commit(Transaction { changes: people, entries: drafts }).unwrap();
    let mut entry = draft(ENTRIES + 1, at_us(9), None);
    (entry.kind, entry.parts) = (EntryKind::Erased, Parts::default());
    let person = PersonId(Ulid(1));
    store.erase(Erasure { person, keeps: KeptRecords::None, strangers: vec![], entry }).unwrap();
    store.commit(entries(vec![draft(ENTRIES + 2, at_us(9), Some(2))])).unwrap();
    (directory, store)
}

/// What a walk says, and whether it fit in stretches.
fn walked(store: &RedbStore, stretch: u64, threads: usize) -> (Result<ChainHead, String>, bool) {
    let said = store.read("walk", |transaction| {
        let rows = Rows::open(transaction, &store.ring, TERMINAL)?;
        Ok((rows.verify(stretch, threads), rows.side_by_side(stretch, threads).is_some()))
    });
    let (verdict, fits) = said.unwrap();
    let text = |fault: Fault| fault.into_store_error("walk", Path::new("it")).to_string();
    (verdict.map_err(text), fits)
}

#[test]
fn a_whole_ledger_fits_in_stretches_of_any_length() {
    let (_directory, store) = ledger();
    let end = store.chain_head().unwrap();
    for stretch in 1..=ENTRIES + 3 {
        for threads in [1, 2, 5] {
            assert_eq!(walked(&store, stretch, threads), (Ok(end), true), "{stretch} on {threads}");
        }
    }
}

#[derive(Debug, Clone)]
enum Damage {
    HeadByte(u64, usize),
    /// With the hash that goes with it, so that the next head alone tells.
    HeadAnew(u64),
    NoHead(u64),
    PartByte(u64, usize),
    NoPart(u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    let entry = 1..=ENTRIES + 2;
    prop_oneof![
        (entry.clone(), 0usize..150).prop_map(|(n, at)| Damage::HeadByte(n, at)),
        entry.clone().prop_map(Damage::HeadAnew),
        entry.clone().prop_map(Damage::NoHead),
        (entry.clone(), 0usize..100).prop_map(|(n, at)| Damage::PartByte(n, at)),
        entry.prop_map(Damage::NoPart),
    ]
}

/// Does it, where there is what it damages.
fn inflict(store: &mut RedbStore, damage: &Damage) {
    store.edit(|transaction| {
        let mut heads = transaction.open_table(HEADS).unwrap();
        let mut parts = transaction.open_table(PARTS).unwrap();
        let row =
            |n: u64, heads: &redb::Table<'_, u64, &[u8]>| heads.get(n).unwrap().map(|r| r.value().to_vec());
        let kind_of = |n: u64, parts: &redb::Table<'_, (u64, u8), &[u8]>| {
            (1..=3).find(|kind| parts.get((n, *kind)).unwrap().is_some())
        };
        match *damage {
            Damage::HeadByte(n, at) => {
                if let Some(mut row) = row(n, &heads) {
                    let at = at % row.len();
                    row[at] ^= 1;
                    heads.insert(n, row.as_slice()).unwrap();
                }
            }
            Damage::HeadAnew(n) => {
                let before = if n == 1 { None } else { row(n - 1, &heads) };
                if let (Some(mut this), Some(before)) = (row(n, &heads), before) {
                    // The time, which any value fits.
                    this[32 + 48] ^= 1;
                    let head = crate::ledger::Head::from_canonical_bytes(&this[32..]).unwrap();
                    let previous = Sha256Digest(before[..32].try_into().unwrap());
                    this[..32].copy_from_slice(&head.hash(&previous).0);
                    heads.insert(n, this.as_slice()).unwrap();
                }
            }
            Damage::NoHead(n) => drop(heads.remove(n).unwrap()),
            Damage::PartByte(n, at) => {
                if let Some(kind) = kind_of(n, &parts) {
                    let mut row = parts.get((n, kind)).unwrap().unwrap().value().to_vec();
                    let at = at % row.len();
                    row[at] ^= 1;
                    parts.insert((n, kind), row.as_slice()).unwrap();
                }
            }
            Damage::NoPart(n) => {
                if let Some(kind) = kind_of(n, &parts) {
                    parts.remove((n, kind)).unwrap();
                }
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn stretches_say_what_a_walk_from_the_beginning_says(
        damages in prop::collection::vec(damage(), 1..4), stretch in 1u64..9, threads in 2usize..4,
    ) {
        let (_directory, mut store) = ledger();
        damages.iter().for_each(|damage| inflict(&mut store, damage));
        let (verdict, fits) = walked(&store, stretch, threads);
        prop_assert_eq!(&verdict, &walked(&store, ENTRIES * 2, 1).0);
        prop_assert_eq!(verdict.is_ok(), fits, "{:?}", verdict);
    }
}
