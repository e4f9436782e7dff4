//! A process that is killed while it enrols, marks, corrects and compacts. The test starts itself again as a
//! child that does these in a random order and says when each begins and when it is on disk; the child is
//! killed (SIGKILL) at a random moment, and the store opened again: every acknowledged entry is there, the
//! chain verifies, and nobody is half there.
//!
//! A killed process loses nothing that it handed to the system, so this shows that a commit is whole or not
//! there; what a loss of power takes is the matter of [`crash`](super::crash).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ulid::Ulid;

use super::*;
use crate::ledger::{Actor, EntryDraft, EntryKind};
use crate::store::contract::beside::{crop, crop_put};

/// Set for the child: the data directory to write to.
const CHILD: &str = "MUSTER_TEST_KILL_DIRECTORY";
/// Set for the child: the seed of what it does.
const CHILD_SEED: &str = "MUSTER_TEST_KILL_SEED";
/// The child: this test, by its name, in a process of its own.
const CHILD_TEST: &str = "store::redb::tests::kill::a_killed_process_loses_nothing_acknowledged";
/// Begins a line of the child that says what it does now.
const BEGINS: &str = "begins ";
/// Begins a line of the child that says which sequence is on disk (or that the compaction is done), and
/// what was done.
const ACKNOWLEDGED: &str = "acknowledged ";
/// Rounds before the store is begun anew, so that opening it stays quick.
const ROUNDS_OF_A_STORE: u64 = 50;

/// What the child does; the note of each entry says which.
const DEEDS: [&str; 5] = ["enrolment", "template", "mark", "correction", "compaction"];

fn entry(number: u64, about: u128, kind: EntryKind, deed: &str) -> EntryDraft {
    let mut draft = draft(number, at_us(number as i64), Some(about));
    draft.kind = kind;
    draft.actor = Actor::Local { uid: 1000 };
    draft.parts.note = Some(crate::ledger::NotePart { text: deed.to_owned() });
    draft
}

/// The transaction of `deed` where the next entry is `number`, with somebody who is enrolled.
fn transaction(deed: &str, number: u64, known: Option<u128>) -> Transaction {
    let id = u128::from(number);
    let templates = |owner| vec![Change::TemplatePut(template(id, owner)), crop_put(id, number as u8)];
    let about = known.unwrap_or(id);
    match deed {
        "template" if known.is_some() => Transaction {
            changes: templates(about),
            entries: vec![entry(number, about, EntryKind::TemplateAdded, deed)],
        },
        "mark" if known.is_some() => entries(vec![entry(number, about, EntryKind::Mark, deed)]),
        "correction" if known.is_some() => {
            let mut draft = entry(number, about, EntryKind::Corrected, deed);
            if let Some(record) = &mut draft.parts.record {
                record.details.corrects = Some(Sequence(number - 1));
            }
            entries(vec![draft])
        }
        _ => {
            let mut changes = templates(id);
            changes.push(Change::PersonPut(person(id, Some(&format!("N{id}")))));
            let entries = vec![entry(number, id, EntryKind::Enrolled, "enrolment")];
            Transaction { changes, entries }
        }
    }
}

fn write_until_killed(directory: &str) -> ! {
    let seed = std::env::var(CHILD_SEED).unwrap().parse().unwrap();
    let mut random = Random(seed);
    let mut store = open_at(Path::new(directory), TERMINAL).unwrap();
    let people = store.changes_since(ChangePoint(0)).unwrap().changes.into_iter();
    let mut known =
        people.rev().find_map(|c| if let Change::PersonPut(p) = c { Some(p.id.0.0) } else { None });
    loop {
        let deed = DEEDS[random.below(DEEDS.len() as u64) as usize];
        println!("{BEGINS}{deed}");
        if deed == "compaction" {
            store.compact().unwrap();
            println!("{ACKNOWLEDGED}0 {deed}");
            continue;
        }
        let next = store.chain_head().unwrap().sequence.0 + 1;
        let last = store.commit(transaction(deed, next, known)).unwrap().entries.pop().unwrap();
        let note = last.parts.note.unwrap().text;
        println!("{ACKNOWLEDGED}{} {note}", last.head.sequence);
        if note == "enrolment" {
            known = Some(u128::from(next));
        }
    }
}

/// What a child said before it was killed.
#[derive(Default)]
struct Said {
    acknowledged: BTreeMap<u64, String>,
    /// What it had begun and not said to be done.
    interrupted: Option<String>,
}

impl Said {
    /// Of the child's whole lines; one that was cut short counts for nothing.
    fn of(text: &str) -> Self {
        let mut said = Self::default();
        for line in text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines() {
            // The harness may have printed something before it on the line.
            if let Some((_, deed)) = line.split_once(BEGINS) {
                said.interrupted = Some(deed.to_owned());
            } else if let Some((_, done)) = line.split_once(ACKNOWLEDGED) {
                let (sequence, deed) = done.split_once(' ').unwrap();
                said.interrupted = None;
                said.acknowledged.insert(sequence.parse().unwrap(), deed.to_owned());
            }
        }
        said.acknowledged.remove(&0);
        said
    }
}

/// Kills a child after `lines` lines of it and about `delay` more.
fn kill_one(directory: &Path, seed: u64, lines: u64, delay: Duration) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD_TEST, "--nocapture"])
        .env(CHILD, directory)
        .env(CHILD_SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    let mut seen = 0;
    while seen < lines {
        let from = text.len();
        assert_ne!(output.read_line(&mut text).unwrap(), 0, "the child ended by itself: {text}");
        seen += u64::from(text[from..].contains(ACKNOWLEDGED) || text[from..].contains(BEGINS));
    }
    // Asleep it would wake when the system likes, and that is when the child sleeps too.
    let until = Instant::now() + delay;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    output.read_to_string(&mut text).unwrap();
    Said::of(&text)
}

/// What is in the store must be what its entries say, all of it, and hold what was `said`. The last sequence.
fn check(store: &RedbStore, before: u64, said: &Said, context: &str) -> u64 {
    let end = store.verify().unwrap_or_else(|error| panic!("{context}: {error}")).sequence.0;
    let last = said.acknowledged.keys().next_back().copied().unwrap_or(before);
    assert!((last..=last + 1).contains(&end), "{context}: {last} was acknowledged, the end is {end}");
    let entries = store.entries_since(Sequence(0), usize::MAX).unwrap();
    // By way of the indexes too, those of times and of corrections.
    assert_eq!(store.records_between(at_us(0), at_us(i64::MAX / 2)).unwrap(), entries, "{context}");
    let (mut people, mut templates) = (BTreeSet::new(), BTreeMap::new());
    for entry in &entries {
        let (number, about) = (entry.head.id.0.0, entry.parts.record.as_ref().unwrap().person);
        let deed = &entry.parts.note.as_ref().unwrap().text;
        let sequence = entry.head.sequence.0;
        assert_eq!(number, u128::from(sequence), "{context}");
        assert!(said.acknowledged.get(&sequence).is_none_or(|said| said == deed), "{context}: {sequence}");
        if entry.head.kind == EntryKind::Enrolled {
            people.insert(about);
        }
        if matches!(entry.head.kind, EntryKind::Enrolled | EntryKind::TemplateAdded) {
            templates.insert(TemplateId(Ulid(number)), about);
            let kept = store.crop(TemplateId(Ulid(number))).unwrap();
            assert_eq!(kept, Some(crop(number as u8)), "{context}: the crop of {number}");
        }
    }
    let (mut kept_people, mut kept_templates) = (BTreeSet::new(), BTreeMap::new());
    for change in store.changes_since(ChangePoint(0)).unwrap().changes {
        match change {
            Change::PersonPut(person) => drop(kept_people.insert(person.id)),
            Change::TemplatePut(template) => drop(kept_templates.insert(template.id, template.person)),
            other => panic!("{context}: {other:?}"),
        }
    }
    assert_eq!((kept_people, kept_templates), (people, templates), "{context}: somebody is half there");
    end
}

fn kill(rounds: u64) -> BTreeMap<String, u32> {
    let seed = seed();
    let mut random = Random(seed);
    let mut directory = tempfile::tempdir().unwrap();
    let (mut end, mut acknowledged, mut interrupted) = (0, 0, BTreeMap::new());
    for round in 0..rounds {
        if round % ROUNDS_OF_A_STORE == 0 {
            (directory, end) = (tempfile::tempdir().unwrap(), 0);
        }
        let (lines, delay) = (1 + random.below(16), Duration::from_micros(random.below(6_000)));
        let said = kill_one(directory.path(), random.next(), lines, delay);
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let store = open_at(directory.path(), TERMINAL);
        let store = store.unwrap_or_else(|error| panic!("{context}: {error}"));
        end = check(&store, end, &said, &context);
        acknowledged += said.acknowledged.len();
        *interrupted.entry(said.interrupted.unwrap_or_else(|| "nothing".to_owned())).or_insert(0) += 1;
    }
    println!("{rounds} kills, {acknowledged} acknowledged entries; in the middle of: {interrupted:?}");
    interrupted
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    match std::env::var(CHILD) {
        Ok(directory) => write_until_killed(&directory),
        Err(_) => drop(kill(25)),
    }
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_a_killed_process_loses_nothing_acknowledged() {
    let interrupted = kill(500);
    for deed in DEEDS {
        assert!(interrupted.contains_key(deed), "no {deed} was ever interrupted: {interrupted:?}");
    }
}
