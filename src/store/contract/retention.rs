//! What was kept longer than it may be.

use chrono::TimeDelta;
use ulid::Ulid;

use super::super::retention::{Dated, DatedCount, Retained, RetentionPlace, STEP};
use super::super::{Change, ChangePoint, RetentionStep, Store, Transaction};
use super::beside::crop;
use super::{at_us, draft, entries, person, template};
use crate::attendance::PersonId;
use crate::face::{EmbeddingSpace, Liveness, Similarity, Template, TemplateId};
use crate::identify::{Candidate, Threshold};
use crate::ledger::{ChangedValue, EntryDraft, EntryKind, EvidencePart, Facts, Parts, Sequence};

fn applied(number: u64) -> EntryDraft {
    EntryDraft {
        kind: EntryKind::RetentionApplied,
        parts: Parts::default(),
        ..draft(number, at_us(1_000_000), None)
    }
}

/// Steps until all was looked at.
fn all(store: &mut impl Store, before: [Option<i64>; 4], deletes: bool) -> (Vec<Retained>, [DatedCount; 4]) {
    let (mut steps, mut counts) = (Vec::new(), [DatedCount::default(); 4]);
    let mut from = Some(RetentionPlace::START);
    while let Some(at) = from {
        let entry = deletes.then(|| applied(900 + steps.len() as u64));
        let step = RetentionStep { from: at, before: before.map(|us| us.map(at_us)), entry };
        let retained = store.retain(step).unwrap();
        for (sum, count) in counts.iter_mut().zip(retained.counts) {
            *sum = sum.joined(count);
        }
        from = retained.next;
        steps.push(retained);
    }
    (steps, counts)
}

fn evidence() -> EvidencePart {
    EvidencePart {
        candidates: vec![Candidate { person: PersonId(Ulid(1)), similarity: Similarity(0.5) }],
        threshold: Threshold(Similarity(0.4)),
        frames: 1,
        detection_score: 1.0,
        liveness: Liveness::NotRun,
        space: EmbeddingSpace([1; 32]),
        pack: "p".to_owned(),
        details: None,
    }
}

fn held(store: &impl Store, sequence: u64) -> [bool; 3] {
    let entry = store.entries_since(Sequence(sequence - 1), 1).unwrap().remove(0);
    let Parts { record, evidence, note, facts, .. } = entry.parts;
    [record.is_some(), evidence.is_some() || facts.is_some(), note.is_some()]
}

pub(super) fn what_is_old_goes_with_an_entry_that_names_it(store: &mut impl Store) {
    let with_evidence = |number, us| {
        let mut draft = draft(number, at_us(us), Some(1));
        draft.parts.evidence = Some(evidence());
        draft
    };
    let enrolled = EntryDraft { kind: EntryKind::Enrolled, ..draft(3, at_us(30), Some(1)) };
    let mut configured = EntryDraft { kind: EntryKind::ConfigurationChanged, ..draft(4, at_us(40), None) };
    let value = ChangedValue { key: "k".to_owned(), before: None, after: Some("v".to_owned()) };
    configured.parts.facts = Some(Facts::Changes(vec![value]));
    let drafts = vec![with_evidence(1, 10), with_evidence(2, 20), enrolled, configured, with_evidence(5, 50)];
    let people = vec![Change::PersonPut(person(1, None))];
    store.commit(Transaction { changes: people, entries: drafts }).unwrap();
    let before = [Some(35), Some(15), Some(45), None];

    let (steps, counts) = all(store, before, false);
    assert!(steps.iter().all(|step| step.committed.is_none()), "looking changes nothing");
    let count = |kind: Dated| (counts[kind.index()].held, counts[kind.index()].due);
    // Who was enrolled is no attendance, and facts are no evidence.
    assert_eq!((count(Dated::Record), count(Dated::Evidence)), ((3, 2), (3, 1)));
    assert_eq!((count(Dated::Note), counts[Dated::Note.index()].oldest), ((5, 4), Some(at_us(10))));
    assert_eq!(store.chain_head().unwrap().sequence, Sequence(5));

    let (steps, counts) = all(store, before, true);
    assert_eq!(counts.map(|count| count.due), [2, 1, 4, 0]);
    let written: Vec<_> = steps.into_iter().filter_map(|step| step.committed).collect();
    let said = written[0].entries[0].parts.erasure.clone().unwrap();
    assert_eq!((written.len(), said.count()), (1, 7));
    let now: Vec<[bool; 3]> = (1..=5).map(|sequence| held(store, sequence)).collect();
    let expected = [[false, false, false], [false, true, false], [true, false, false]];
    assert_eq!((&now[..3], now[3], now[4]), (&expected[..], [false, true, false], [true; 3]));
    assert_eq!(store.sequences_of(PersonId(Ulid(1))).unwrap(), [3, 5].map(Sequence));
    store.verify().unwrap();

    let (steps, _) = all(store, before, true);
    assert!(steps.iter().all(|step| step.committed.is_none()), "what is gone is not deleted again");
    assert_eq!(store.chain_head().unwrap().sequence, Sequence(6));
    // With no limit nothing is looked at.
    assert_eq!(all(store, [None; 4], true).1, [DatedCount::default(); 4]);
}

pub(super) fn a_step_looks_at_a_few_and_the_next_goes_on(store: &mut impl Store) {
    let many = STEP as u64 + 10;
    store.commit(entries((1..=many).map(|n| draft(n, at_us(n as i64), None)).collect())).unwrap();
    let (steps, counts) = all(store, [None, None, Some(many as i64), None], true);
    let written = steps.iter().filter(|step| step.committed.is_some()).count();
    assert_eq!((written, counts[Dated::Note.index()].due), (2, many - 1));
    let left = store.entries_since(Sequence(many - 2), 2).unwrap();
    assert!(left[0].parts.note.is_none() && left[1].parts.note.is_some(), "the limit itself is kept");
    store.verify().unwrap();
}

pub(super) fn old_crops_go_and_their_templates_stay(store: &mut impl Store) {
    let at = |milliseconds| TemplateId(Ulid::from_parts(milliseconds, 1));
    let held = |milliseconds| Template { id: at(milliseconds), ..template(1, 1) };
    let put = |milliseconds| Change::CropPut { template: at(milliseconds), bytes: crop(3) };
    let changes = vec![
        Change::PersonPut(person(1, None)),
        Change::TemplatePut(held(10)),
        Change::TemplatePut(held(30)),
        put(10),
        put(30),
    ];
    let point = store.commit(Transaction { changes, entries: vec![] }).unwrap().point;
    let limit = TimeDelta::milliseconds(20).num_microseconds();
    let (steps, counts) = all(store, [None, None, None, limit], true);
    assert_eq!(counts[Dated::Crop.index()].due, 1);
    let committed = steps.into_iter().find_map(|step| step.committed).unwrap();
    let Some(Facts::Changes(said)) = committed.entries[0].parts.facts.clone() else { panic!() };
    assert_eq!((said[0].before.as_deref(), committed.point > point), (Some("1"), true));
    assert_eq!((store.crop(at(10)).unwrap(), store.crop(at(30)).unwrap()), (None, Some(crop(3))));
    let templates = store.templates_held(PersonId(Ulid(1))).unwrap();
    assert_eq!(templates.iter().map(|template| template.id).collect::<Vec<_>>(), [at(10), at(30)]);
    assert_eq!(store.templates_held(PersonId(Ulid(2))).unwrap(), []);
    assert_eq!(store.changes_since(ChangePoint(0)).unwrap().changes.len(), 3);
    store.verify().unwrap();
}
