//! Asks an engine how it is.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Utc;

use crate::engine::command::{StoreCommand, StoreReply};
use crate::engine::environment::{Clock, SystemClock};
use crate::engine::health::{DiskRoom, ENTRIES, Health, HealthFacts};
use crate::engine::{Command, CommandError, EngineHandle, Reply};
use crate::ledger::Sequence;

/// How long a reply is waited for: a store that is being compacted answers nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether one has come.
const POLL: Duration = Duration::from_millis(10);

/// What the engine of `handle` says, whose store lies in `data_dir`; `is_watching` where it is one that watches
/// something, and not one that was started for this question.
pub fn health(handle: &EngineHandle, data_dir: &Path, is_watching: bool) -> Health {
    let store = match within(PATIENCE, handle, Command::Store(StoreCommand::Status)) {
        Ok(Reply::Store(reply)) => match *reply {
            StoreReply::Status(figures) => Ok(figures),
            _ => Err("the engine gave a wrong answer".to_owned()),
        },
        Ok(_) => Err("the engine gave a wrong answer".to_owned()),
        Err(reason) => Err(reason),
    };
    // A store that has just said nothing is not waited for twice more.
    let answers = store.is_ok();
    let ledger = match answers.then(|| within(PATIENCE, handle, Command::LedgerHead)) {
        Some(Ok(Reply::Ledger(end))) => Some(end),
        _ => None,
    };
    let page = answers.then(|| handle.entries_before(Sequence(u64::MAX), ENTRIES));
    let entries = page.and_then(Result::ok).unwrap_or_default();
    let live = handle.snapshot().live;
    Health::of(&HealthFacts {
        live: is_watching.then_some(&*live),
        store,
        ledger,
        entries: &entries,
        disk: disk(data_dir),
        clock: SystemClock.state(),
        now: Utc::now(),
    })
}

/// The reply to `command`, or why there is none.
fn within(limit: Duration, handle: &EngineHandle, command: Command) -> Result<Reply, String> {
    let until = Instant::now() + limit;
    let pending = handle.send(command);
    loop {
        match pending.try_take() {
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(CommandError::Stopped)) => return Err("the engine has stopped".to_owned()),
            Some(Err(error)) => return Err(error.to_string()),
            None if Instant::now() >= until => {
                return Err(format!("no answer within {} seconds", limit.as_secs()));
            }
            None => std::thread::sleep(POLL),
        }
    }
}

/// The room on the disk of `path`; none where the system does not say.
fn disk(path: &Path) -> Option<DiskRoom> {
    let room = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    Some(DiskRoom { free_bytes: bytes(room.f_bavail), total_bytes: bytes(room.f_blocks) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, Script, entry};
    use crate::ledger::{ChainHead, EntryKind, Sha256Digest};

    #[test]
    fn a_store_that_says_nothing_is_named_and_asked_no_more() {
        let script = Script {
            respond: Box::new(|_| Err(CommandError::Store { reason: "broken".to_owned() })),
            entries: vec![entry(1, 10, EntryKind::Passage, None)],
            ..Script::default()
        };
        let fake = Fake::start(script);
        let health = health(&fake.handle, Path::new("/"), true);
        assert!(health.attention.iter().any(|said| said.contains("broken")), "{:?}", health.attention);
        assert_eq!((health.ledger, health.last_decision, fake.commands().len()), (None, None, 1));
        assert!(health.disk.is_some_and(|disk| disk.total_bytes > 0));
    }

    #[test]
    fn an_engine_that_is_gone_is_said() {
        let (calls, requests) = crossbeam_channel::bounded(1);
        drop(requests);
        let handle = EngineHandle::new(calls, Default::default(), crate::ledger::Actor::System);
        let gone = within(Duration::from_secs(3600), &handle, Command::LedgerHead);
        assert_eq!(gone.unwrap_err(), "the engine has stopped");
    }

    #[test]
    fn a_reply_that_does_not_come_is_not_waited_for_longer_than_the_limit() {
        let (calls, _requests) = crossbeam_channel::bounded(1);
        let handle = EngineHandle::new(calls, Default::default(), crate::ledger::Actor::System);
        let late = within(Duration::ZERO, &handle, Command::LedgerHead);
        assert_eq!(late.unwrap_err(), "no answer within 0 seconds");
    }

    #[test]
    fn what_the_engine_says_is_put_together() {
        let end = ChainHead { sequence: Sequence(1), hash: Sha256Digest([1; 32]) };
        let script = Script {
            respond: Box::new(move |command| match command {
                Command::LedgerHead => Ok(Reply::Ledger(end)),
                _ => Ok(Reply::Store(Box::new(StoreReply::Status(super::super::tests::figures(end))))),
            }),
            entries: vec![entry(1, 10, EntryKind::Passage, None)],
            ..Script::default()
        };
        let fake = Fake::start(script);
        let health = health(&fake.handle, Path::new("/"), true);
        assert_eq!((health.ledger, health.store.map(|store| store.people)), (Some(end), Some(12)));
        assert_eq!(health.last_decision.map(|last| last.sequence), Some(Sequence(1)));
    }
}
