//! A process that is killed while it writes. The test starts itself again as a child that commits
//! and prints what was acknowledged; the child is killed (SIGKILL) at a random moment, and the
//! store opened again: every acknowledged entry is there, and the chain verifies.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::*;
use crate::store::contract::beside::{crop, crop_put, stranger};

/// Set for the child: the data directory to write to.
const CHILD: &str = "MUSTER_TEST_KILL_DIRECTORY";
/// The child: this test, by its name, in a process of its own.
const CHILD_TEST: &str = "store::redb::tests::kill::a_killed_process_loses_nothing_acknowledged";
/// Begins a line of the child that says which sequence is on disk.
const ACKNOWLEDGED: &str = "acknowledged ";

fn write_until_killed(directory: &str) -> ! {
    let mut store = open_at(Path::new(directory), TERMINAL).unwrap();
    loop {
        let next = store.chain_head().unwrap().sequence.0 + 1;
        let drafts = (next..next + 3).map(|n| draft(n, at_us(n as i64), Some(7))).collect();
        let id = u128::from(next);
        let changes = vec![
            Change::PersonPut(person(id, None)),
            Change::TemplatePut(template(id, id)),
            crop_put(id, next as u8),
            Change::StrangerPut(stranger(1, next as u8)),
        ];
        let transaction = Transaction { changes, entries: drafts };
        let last = store.commit(transaction).unwrap().entries.pop().unwrap();
        println!("{ACKNOWLEDGED}{}", last.head.sequence);
    }
}

/// Kills a child after `lines` acknowledgements and about `delay` spins more; the last sequence
/// it had acknowledged.
fn kill_one(directory: &Path, lines: u64, delay: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD_TEST, "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    let mut seen = 0;
    while seen < lines {
        let from = text.len();
        assert_ne!(output.read_line(&mut text).unwrap(), 0, "the child ended by itself: {text}");
        seen += u64::from(text[from..].contains(ACKNOWLEDGED));
    }
    (0..delay).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had printed before it was killed counts too; a line cut short does not.
    output.read_to_string(&mut text).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let of_line = |line: &str| line.split_once(ACKNOWLEDGED)?.1.parse().ok();
    whole.lines().filter_map(of_line).max().unwrap_or(0)
}

fn kill(rounds: u64) {
    let seed = seed();
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    for round in 0..rounds {
        let acknowledged = kill_one(directory.path(), 1 + random.below(20), random.below(2_000_000));
        let context = format!("MUSTER_TEST_SEED={seed}, round {round}");
        let store = open_at(directory.path(), TERMINAL);
        let store = store.unwrap_or_else(|error| panic!("{context}: {error}"));
        let end = store.verify().unwrap_or_else(|error| panic!("{context}: {error}")).sequence.0;
        assert!(end >= acknowledged, "{context}: {acknowledged} was acknowledged, the end is {end}");
        assert_eq!(end % 3, 0, "{context}: half of a transaction is there");
        let of = store.sequences_of(PersonId(ulid::Ulid(7))).unwrap();
        assert_eq!(of.len() as u64, end, "{context}");
        for first in (1..end).step_by(3) {
            let kept = store.crop(TemplateId(ulid::Ulid(u128::from(first)))).unwrap();
            assert_eq!(kept, Some(crop(first as u8)), "{context}");
        }
        let held = store.changes_since(ChangePoint(0)).unwrap().changes.pop();
        assert_eq!(held, Some(Change::StrangerPut(stranger(1, (end - 2) as u8))), "{context}");
    }
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    match std::env::var(CHILD) {
        Ok(directory) => write_until_killed(&directory),
        Err(_) => kill(4),
    }
}

#[test]
#[ignore = "minutes; run by make soak"]
fn soak_a_killed_process_loses_nothing_acknowledged() {
    kill(300);
}
