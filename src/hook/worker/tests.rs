//! A hook over an engine with a store in memory, and another side that says yes and no as the test wants.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::Value;
use ulid::Ulid;

use super::*;
use crate::attendance::import::ImportRow;
use crate::attendance::{PersonId, PresenceState};
use crate::engine::command::register::RegisterCommand;
use crate::engine::environment::{SiteCalendar, SystemClock, SystemEntropy};
use crate::engine::handle::Call;
use crate::engine::{EngineParts, EngineSettings, RunningEngine, opened, start};
use crate::hook::Wanted;
use crate::hook::testing::hook;
use crate::ledger::{Actor, ChainHead, EntryKind, Sha256Digest, TerminalId};
use crate::store::MemoryStore;

struct Site {
    engine: RunningEngine,
    handle: EngineHandle,
    ana: PersonId,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let engine = start(EngineParts {
            store: opened(MemoryStore::new(TerminalId(Ulid(1)))),
            load_analyser: None,
            sources: Vec::new(),
            settings: EngineSettings { owner_uid: 7, ..EngineSettings::default() },
            clock: Arc::new(SystemClock),
            calendar: Arc::new(SiteCalendar {
                zone: crate::attendance::zone::SiteZone::UTC,
                rollover: chrono::NaiveTime::MIN,
            }),
            entropy: Box::new(SystemEntropy),
        })
        .unwrap();
        let handle = engine.handle(Actor::Local { uid: 7 });
        let rows = vec![ImportRow::new("Ana".parse().unwrap(), Some("7".parse().unwrap()))];
        handle.call(Command::Register(RegisterCommand::Import { rows, dry_run: false })).unwrap();
        let ana = handle.snapshot().roster.rows[0].person;
        Self { engine, handle, ana, folder: tempfile::tempdir().unwrap() }
    }

    fn mark(&self) {
        let (person, state) = (self.ana, PresenceState::Present);
        self.handle.call(Command::Mark { person, state, note: None }).unwrap();
    }

    fn follower(&self, other: &Other, change: impl FnOnce(&mut Hook)) -> Follower {
        let mut hook = hook();
        change(&mut hook);
        let deliver = other.deliver();
        let folder = self.folder.path().to_owned();
        Follower::begin(hook, self.handle.clone(), deliver, folder, Utc::now).unwrap()
    }
}

/// The other side: it takes what it is told to take, and keeps everything that it was sent.
#[derive(Clone, Default)]
struct Other {
    sent: Arc<Mutex<Vec<Value>>>,
    /// Whether it says no to what it got.
    refuses: Arc<AtomicBool>,
}

impl Other {
    fn deliver(&self) -> Box<Deliver> {
        let other = self.clone();
        Box::new(move |id, text, _| {
            let object: Value = serde_json::from_str(text).unwrap();
            assert_eq!(object["id"], id);
            other.sent.lock().unwrap().push(object);
            let refuses = other.refuses.load(Ordering::SeqCst);
            if refuses { Err(DeliveryError::Refused { status: 503 }) } else { Ok(()) }
        })
    }

    /// Sequence and attempt of everything that was sent.
    fn sent(&self) -> Vec<(u64, u64)> {
        let number = |object: &Value, key: &str| object[key].as_u64().unwrap();
        self.sent.lock().unwrap().iter().map(|o| (number(o, "sequence"), number(o, "attempt"))).collect()
    }
}

fn go_on() -> bool {
    false
}

#[test]
fn a_new_hook_begins_with_the_next_entry_and_goes_in_order() {
    let site = Site::new();
    site.mark();
    let other = Other::default();
    let mut follower = site.follower(&other, |_| {});
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Empty);
    (0..3).for_each(|_| site.mark());
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Empty);
    assert_eq!(other.sent(), [(3, 1), (4, 1), (5, 1)]);
    assert_eq!(cursor(&site.handle, "payroll"), Ok(Some(Sequence(5))));
    assert_eq!(other.sent.lock().unwrap()[0]["identifier"], "7");
    site.engine.stop();
}

#[test]
fn nothing_goes_past_one_that_was_not_taken_and_a_restart_says_that_it_may_repeat() {
    let site = Site::new();
    let other = Other::default();
    let mut follower = site.follower(&other, |_| {});
    site.mark();
    site.mark();
    other.refuses.store(true, Ordering::SeqCst);
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Waits(DeliveryError::Refused { status: 503 }));
    follower.deliver_waiting(&go_on);
    assert_eq!((other.sent(), follower.attempts()), (vec![(2, 1), (2, 2)], 2));
    let trouble = trouble::read(site.folder.path(), "payroll").unwrap();
    assert_eq!((trouble.sequence, trouble.attempts), (Sequence(2), 2));
    assert!(trouble.reason.contains("503"), "{}", trouble.reason);
    // It took it and muster was killed before it knew: the same id comes again, and says so.
    let mut follower = site.follower(&other, |_| {});
    other.refuses.store(false, Ordering::SeqCst);
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Empty);
    assert_eq!(other.sent()[2..], [(2, 2), (3, 1)]);
    let ids: Vec<Value> = other.sent.lock().unwrap().iter().map(|object| object["id"].clone()).collect();
    assert!(ids[..3].iter().all(|id| *id == ids[0]) && ids[3] != ids[0]);
    assert_eq!(trouble::read(site.folder.path(), "payroll"), None);
    site.engine.stop();
}

#[test]
fn an_entry_that_is_too_old_is_given_up_which_is_an_entry_that_no_hook_gets() {
    let site = Site::new();
    let other = Other::default();
    let gives_up = |hook: &mut Hook| {
        hook.give_up_after = Some(TimeDelta::zero());
        hook.wanted = Wanted { all: true, kinds: Vec::new() };
    };
    let mut follower = site.follower(&other, gives_up);
    site.mark();
    other.refuses.store(true, Ordering::SeqCst);
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Empty);
    let log = site.handle.entries_since(Sequence(2), 10).unwrap();
    assert_eq!(log.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [EntryKind::DeliveryFailed]);
    let note = log[0].note.as_deref().unwrap();
    assert!(note.contains("payroll gave up entry 2") && note.contains("503"), "{note}");
    assert_eq!(other.sent().len(), 1);
    assert_eq!(cursor(&site.handle, "payroll"), Ok(Some(Sequence(3))));
    site.engine.stop();
}

#[test]
fn what_nobody_wants_is_passed_over_and_of_the_erased_nothing_is_told() {
    let site = Site::new();
    let other = Other::default();
    let mut follower = site.follower(&other, |_| {});
    site.mark();
    let name = "Anna".parse().unwrap();
    site.handle.call(Command::Rename { person: site.ana, name }).unwrap();
    let keeps = crate::store::KeptRecords::None;
    site.handle.call(Command::Erase { person: site.ana, keeps }).unwrap();
    assert_eq!(follower.deliver_waiting(&go_on), Ended::Empty);
    assert_eq!(other.sent(), []);
    assert_eq!(cursor(&site.handle, "payroll"), Ok(Some(Sequence(4))));
    site.engine.stop();
}

#[test]
fn workers_deliver_beside_the_engine_and_end_with_what_waited() {
    let site = Site::new();
    let file = site.folder.path().join("out");
    let script = format!("cat >> {}", file.display());
    let mut hook = hook();
    hook.target = Target::Program { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), script] };
    // So that the hook knows its place before the first mark.
    Follower::begin(
        hook.clone(),
        site.handle.clone(),
        deliver_to(&hook),
        site.folder.path().into(),
        Utc::now,
    )
    .unwrap();
    let deliveries = Deliveries::start(vec![hook], &site.handle, site.folder.path()).unwrap();
    (0..3).for_each(|_| site.mark());
    drop(deliveries);
    let text = std::fs::read_to_string(&file).unwrap();
    let sequences: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].clone()).collect();
    assert_eq!(sequences, [2, 3, 4]);
    site.engine.stop();
}

/// A store that fails at first: the hook begins when it works again, after the entry that was the last when it
/// was first looked at.
#[test]
fn a_hook_that_cannot_begin_tries_again_and_passes_nothing_over() {
    let failed = || Err(CommandError::Store { reason: "the disk is full".to_owned() });
    let end = ChainHead { sequence: Sequence(5), hash: Sha256Digest([0; 32]) };
    let answers = vec![
        failed(),
        Ok(Reply::Hooks(HookReply::Cursor(None))),
        Ok(Reply::Ledger(end)),
        failed(),
        Ok(Reply::Hooks(HookReply::Cursor(None))),
        Ok(Reply::Hooks(HookReply::Moved)),
    ];
    let (calls, asked) = crossbeam_channel::unbounded();
    let engine = std::thread::spawn(move || {
        let mut advances = Vec::new();
        for answer in answers {
            let Ok((_, Call::Command(request, reply))) = asked.recv() else { panic!() };
            if let Command::Hooks(HookCommand::Advance { sequence, .. }) = request.command {
                advances.push(sequence);
            }
            reply.send(answer).unwrap();
        }
        advances
    });
    let handle = EngineHandle::new(calls, Arc::default(), Actor::System);
    let (_sender, ends) = bounded(1);
    let line = Line { ends, is_ending: Arc::default(), late: std::sync::OnceLock::new() };
    let place = find_place(&handle, "payroll", &line);
    assert_eq!(place, Some(Place { position: Sequence(5), may_repeat: false }));
    assert_eq!(engine.join().unwrap(), [Sequence(5), Sequence(5)]);
    assert_eq!(find_place(&handle, "payroll", &line), None, "the engine has ended");
}
