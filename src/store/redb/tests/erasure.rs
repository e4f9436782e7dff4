//! What is left of somebody who was erased: with every key that can still be had, no stretch of any file
//! opens anything that was kept about them.

use std::collections::BTreeSet;

use super::*;
use crate::attendance::{Consent, Particulars, PinHash, PresenceState};
use crate::ledger::{ChainFault, EntryKind, EvidencePart, NotePart, RecordPart};
use crate::store::contract::beside::{crop_put, stranger};
use crate::store::crypt::ring::Subject;
use crate::store::crypt::source::Making;
use crate::store::crypt::vault::{self, Epoch, Sealed};
use crate::store::crypt::{Key, OVERHEAD};
use crate::store::{Erasure, KeptRecords};

pub(super) const NAME: &str = "Ana Quiroga Szczęsny";
const NOTE: &str = "came by the yard";

const GROUP: &str = "choir of the north wing";
const EMAIL: &str = "ana.quiroga@example.org";
const PIN: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
const CONSENT: &str = "consent.md, version 2026-01";

fn ana() -> crate::attendance::Person {
    let particulars = Particulars {
        groups: [GROUP.parse().unwrap()].into(),
        email: Some(EMAIL.parse().unwrap()),
        pin: Some(PinHash(PIN.to_owned())),
        consent: Some(Consent {
            text: CONSENT.to_owned(),
            digest: crate::ledger::Sha256Digest([0x5c; 32]),
            given_at: at_us(1),
            asked_by: crate::ledger::Actor::System,
        }),
        ..Particulars::default()
    };
    crate::attendance::Person { name: NAME.parse().unwrap(), particulars, ..person(1, Some("A-7")) }
}

/// A store with Ana, Ben, and a few commits over each other, so that there are old pages.
pub(super) fn store_of_ana(directory: &Path) -> RedbStore {
    let mut store = open_at(directory, TERMINAL).unwrap();
    let changes = vec![
        Change::PersonPut(ana()),
        Change::PersonPut(person(2, Some("B"))),
        Change::TemplatePut(template(10, 1)),
        Change::TemplatePut(template(20, 2)),
        crop_put(10, 7),
        Change::StrangerPut(stranger(5, 3)),
    ];
    let mut noted = draft(1, at_us(5), Some(1));
    noted.parts.note = Some(NotePart { text: NOTE.to_owned() });
    store.commit(Transaction { changes, entries: vec![noted] }).unwrap();
    for n in 2..6 {
        let changes = vec![Change::PersonPut(ana()), Change::TemplatePut(template(10, 1))];
        store.commit(Transaction { changes, entries: vec![draft(n, at_us(5), Some(2))] }).unwrap();
    }
    store
}

pub(super) fn erasure(keeps: KeptRecords) -> Erasure {
    let entry = crate::ledger::EntryDraft { kind: EntryKind::Erased, ..draft(90, at_us(9), None) };
    let entry = crate::ledger::EntryDraft { parts: Parts::default(), ..entry };
    let strangers = vec![crate::attendance::StrangerId(ulid::Ulid(5))];
    Erasure { person: PersonId(ulid::Ulid(1)), keeps, strangers, entry }
}

/// Every file of the data directory.
pub(super) fn files(directory: &Path) -> Vec<Vec<u8>> {
    directory.read_dir().unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// How many different stretches of the files open as a key or a row of Ana's, with the store key in hand and
/// every key found on the way.
pub(super) fn opened(directory: &Path) -> usize {
    let files = files(directory);
    let wrapped = 32 + OVERHEAD;
    let windows = |length: usize| files.iter().flat_map(move |file| file.windows(length));
    let store_key = store_key().new_key(Making::Refused).unwrap().0;
    let bytes = std::fs::read(directory.join(vault::FILE_NAME)).unwrap();
    let kept = Sealed::read(&bytes).unwrap();
    let mut epoch_keys: Vec<(Epoch, Key)> = Vec::new();
    for epoch in (1..5).map(Epoch) {
        let found = windows(wrapped).find_map(|window| kept.try_key(&store_key, epoch, window).ok());
        epoch_keys.extend(found.map(|key| (epoch, key)));
    }
    assert!(!epoch_keys.is_empty(), "the present key at least is found");
    let subject = Subject::person(1);
    let mut keys = Vec::new();
    for (epoch, key) in &epoch_keys {
        let found = windows(wrapped)
            .filter_map(|window| crate::store::crypt::ring::try_key(key, *epoch, subject, window));
        keys.extend(found);
    }
    keys.dedup();
    let mut rows = BTreeSet::new();
    for key in &keys {
        let row = sealed::person_row(key, &ana()).unwrap();
        for window in windows(row.len()) {
            // All of her comes with it: groups, e-mail, PIN and consent.
            if sealed::person(key, ana().id, window).is_ok_and(|person| person == ana()) {
                rows.insert(window.to_vec());
            }
        }
    }
    assert_eq!(keys.is_empty(), rows.is_empty(), "a key that opens nothing, or a row without a key");
    rows.len()
}

fn holds(directory: &Path, what: &[u8]) -> bool {
    files(directory).iter().any(|file| file.windows(what.len()).any(|window| window == what))
}

#[test]
fn nothing_of_an_erased_person_opens_and_without_the_erasure_it_would() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_ana(directory.path());
    let before = store.terminal();
    drop(store);
    assert!(opened(directory.path()) > 0, "the search finds what is there");
    // Taken out as an ordinary row is, old pages still open.
    let mut store = open_at(directory.path(), TERMINAL).unwrap();
    store.edit(|transaction| {
        transaction.open_table(PEOPLE).unwrap().remove(1).unwrap().unwrap();
        transaction.open_table(KEYS).unwrap().remove((1, 1)).unwrap().unwrap();
    });
    drop(store);
    assert!(opened(directory.path()) > 0, "the search finds what was left");

    let directory = tempfile::tempdir().unwrap();
    let mut store = store_of_ana(directory.path());
    let erased = store.erase(erasure(KeptRecords::None)).unwrap();
    assert_eq!((erased.templates.len(), erased.crops, erased.strangers.len()), (1, 1, 1));
    assert_eq!((erased.parts, erased.old_key_stays), (2, None), "the record and the note of entry 1");
    assert_eq!(store.terminal(), before);
    drop(store);
    assert_eq!(opened(directory.path()), 0);
    let store = open_at(directory.path(), TERMINAL).unwrap();
    assert_eq!(store.verify().unwrap().sequence, Sequence(6));
    let changes = store.changes_since(ChangePoint(0)).unwrap().changes;
    assert_eq!(changes, [Change::PersonPut(person(2, Some("B"))), Change::TemplatePut(template(20, 2))]);
}

#[test]
fn no_name_template_or_note_lies_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    drop(store_of_ana(directory.path()));
    let embedding: Vec<u8> =
        template(10, 1).embedding.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
    let particulars = [GROUP, EMAIL, PIN, CONSENT].map(str::as_bytes);
    let crop = crop(7);
    let others = [NAME.as_bytes(), NOTE.as_bytes(), b"A-7", &embedding, crop.as_bytes()];
    for what in others.into_iter().chain(particulars) {
        assert!(!holds(directory.path(), what), "{:?}", String::from_utf8_lossy(what));
    }
    assert!(holds(directory.path(), b"people"), "the search finds what is there");
}

#[test]
fn what_others_keep_is_all_there_and_an_identifier_is_free_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_of_ana(directory.path());
    store.erase(erasure(KeptRecords::Pseudonymous)).unwrap();
    let entries = store.entries_since(Sequence(0), 10).unwrap();
    let (first, last) = (&entries[0].parts, &entries[5].parts);
    assert_eq!(first.record, Some(RecordPart::new(PersonId(ulid::Ulid(1)), Some(PresenceState::Present))));
    assert_eq!((&first.note, entries[0].head.part(PartKind::Note).is_some()), (&None, true));
    assert_eq!(last.erasure.as_ref().unwrap().count(), 1);
    store.verify().unwrap();
    let again = crate::attendance::Person { identifier: Some("A-7".parse().unwrap()), ..person(3, None) };
    let taken = crate::attendance::Person { identifier: Some("B".parse().unwrap()), ..person(4, None) };
    store.commit(Transaction { changes: vec![Change::PersonPut(again)], entries: vec![] }).unwrap();
    let refused = store.commit(Transaction { changes: vec![Change::PersonPut(taken)], entries: vec![] });
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    let twice = store.erase(erasure(KeptRecords::None));
    assert!(matches!(twice, Err(StoreError::Refused(_))), "{twice:?}");
    let bare = Transaction { changes: vec![Change::PersonErased(PersonId(ulid::Ulid(2)))], entries: vec![] };
    assert!(matches!(store.commit(bare), Err(StoreError::Refused(_))));
}

#[test]
fn evidence_that_names_the_person_goes_and_a_missing_part_that_nothing_names_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store_of_ana(directory.path());
    let evidence = EvidencePart {
        candidates: vec![crate::identify::Candidate {
            person: PersonId(ulid::Ulid(1)),
            similarity: crate::face::Similarity(0.5),
        }],
        threshold: crate::identify::Threshold(crate::face::Similarity(0.4)),
        frames: 1,
        detection_score: 1.0,
        liveness: crate::face::Liveness::NotRun,
        space: crate::face::EmbeddingSpace([1; 32]),
        pack: "p".to_owned(),
        details: None,
    };
    let mut mistaken = draft(50, at_us(6), Some(2));
    mistaken.parts.evidence = Some(evidence);
    store.commit(entries(vec![mistaken])).unwrap();
    let erased = store.erase(erasure(KeptRecords::None)).unwrap();
    assert_eq!(erased.parts, 3);
    let entry = &store.entries_since(Sequence(5), 1).unwrap()[0];
    assert!(entry.parts.record.is_some() && entry.parts.evidence.is_none());
    store.verify().unwrap();
    store.drop_part(6, PartKind::Record);
    let fault = ChainFault::MissingPart { sequence: Sequence(6), part: PartKind::Record };
    assert!(matches!(store.verify(), Err(StoreError::Chain(found)) if found == fault));
}

/// The keys' file cannot be written, at each of the moments at which it is: nobody is half erased, and the
/// next opening ends what was begun.
#[test]
fn a_file_of_keys_that_cannot_be_written_half_erases_nobody() {
    for writes in 0..2 {
        let (disk, vault) = super::crash::new_disk();
        let mut store = RedbStore::on(Box::new(disk.clone()), super::crash::ring(&vault)).unwrap();
        let changes = vec![Change::PersonPut(ana()), Change::StrangerPut(stranger(5, 3))];
        store.commit(Transaction { changes, entries: vec![] }).unwrap();
        *vault.fails_after.lock().unwrap() = Some(writes);
        let erased = store.erase(erasure(KeptRecords::None));
        drop(store);
        *vault.fails_after.lock().unwrap() = None;
        let store = RedbStore::on(Box::new(disk), super::crash::ring(&vault)).unwrap();
        let left = store.changes_since(ChangePoint(0)).unwrap().changes.len();
        match writes {
            0 => assert!(erased.is_err() && left == 2, "{erased:?}, {left}"),
            _ => assert!(erased.unwrap().old_key_stays.is_some() && left == 0),
        }
        let bytes = vault.bytes.lock().unwrap().clone().unwrap();
        let mut kept = Sealed::read(&bytes).unwrap();
        let (newest, _) = kept.epochs().next().unwrap();
        assert_eq!(newest, Epoch(writes as u64 + 1));
        assert!(!kept.keep_only(newest), "the other key is gone");
    }
}
