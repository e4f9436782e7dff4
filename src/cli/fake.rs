//! An engine that says what a test tells it to.

use std::sync::{Arc, Mutex};
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Sender, bounded};
use ulid::Ulid;

use crate::attendance::{FaceUse, Person, PersonId, PresenceState};
use crate::engine::access::Access;
use crate::engine::handle::{Board, Call};
use crate::engine::state::{InferenceStatus, RosterRow, ThresholdState};
use crate::engine::{
    Command, CommandError, EngineEvent, EngineHandle, LogEntry, NamedEntry, Reply, RosterState,
};
use crate::face::Similarity;
use crate::inference::{MatchingFacts, Provider};
use crate::ledger::{Actor, ClockState, EntryKind, RecordDetails, Sequence};

use super::exit::{CliError, Exit};
use super::output::Output;

type ThresholdOf = Box<dyn Fn(&MatchingFacts) -> ThresholdState + Send>;
type Respond = Box<dyn FnMut(&Command) -> Result<Reply, CommandError> + Send>;

/// What the engine says.
pub struct Script {
    pub roster: Vec<RosterRow>,
    pub entries: Vec<LogEntry>,
    /// The same or others, whole.
    pub whole: Vec<NamedEntry>,
    pub threshold: Option<ThresholdOf>,
    /// Sent to the first subscriber but those of `nets::wait`, which ask for little room.
    pub events: Vec<EngineEvent>,
    pub respond: Respond,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            roster: vec![],
            entries: vec![],
            events: vec![],
            respond: Box::new(|_| Ok(Reply::Done)),
            whole: vec![],
            threshold: None,
        }
    }
}

pub struct Fake {
    pub handle: EngineHandle,
    pub board: Arc<Board>,
    pub commands: Arc<Mutex<Vec<Command>>>,
}

impl Fake {
    /// Ends with the last handle.
    pub fn start(mut script: Script) -> Self {
        let (calls, requests) = bounded(16);
        let board = Arc::new(Board::new(Access::new(1000)));
        board.roster.set(RosterState { rows: std::mem::take(&mut script.roster), ..RosterState::default() });
        let mut live = (*board.live.get()).clone();
        live.inference = InferenceStatus::Ready { provider: Provider::Cpu, pack: "default".into() };
        board.live.set(live);
        let commands = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&commands);
        thread::spawn(move || {
            let mut subscribers: Vec<Sender<EngineEvent>> = Vec::new();
            for (_, call) in requests {
                match call {
                    Call::Command(request, reply) => {
                        let _ = reply.send((script.respond)(&request.command));
                        seen.lock().unwrap().push(request.command);
                    }
                    Call::Subscribe(events) => {
                        if events.capacity().is_some_and(|room| room > 16) {
                            script.events.drain(..).for_each(|event| events.send(event).unwrap());
                        }
                        subscribers.push(events);
                    }
                    Call::EntriesSince(after, limit, reply) => {
                        let found = script.entries.iter().filter(|e| e.sequence > after).take(limit);
                        let _ = reply.send(Ok(found.cloned().collect()));
                    }
                    Call::EntriesBefore(before, limit, reply) => {
                        let found = script.entries.iter().rev().filter(|e| e.sequence < before).take(limit);
                        let _ = reply.send(Ok(found.cloned().collect()));
                    }
                    Call::WholeEntriesSince(after, limit, reply) => {
                        let found = script.whole.iter().filter(|e| e.entry.head.sequence > after);
                        let _ = reply.send(Ok(found.take(limit).cloned().collect()));
                    }
                    Call::Threshold(facts, reply) => {
                        if let Some(state) = &script.threshold {
                            let _ = reply.send(Ok(state(&facts)));
                        }
                    }
                    Call::EntriesBetween(from, until, reply) => {
                        let found = script.entries.iter().filter(|e| e.at >= from && e.at < until);
                        let _ = reply.send(Ok(found.cloned().collect()));
                    }
                    // A script's corrections are few: all of them come along.
                    Call::RecordsBetween(from, until, reply) => {
                        let is_in = |at: DateTime<Utc>| at >= from && at < until;
                        let is_wanted = |e: &&LogEntry| {
                            let details = &e.details;
                            is_in(e.at) || details.holds_at.is_some_and(is_in) || details.corrects.is_some()
                        };
                        let found = script.entries.iter().filter(is_wanted);
                        let _ = reply.send(Ok(found.cloned().collect()));
                    }
                    Call::HeldBetween(from, until, reply) => {
                        let is_in = |at: &DateTime<Utc>| *at >= from && *at < until;
                        let found = script.entries.iter();
                        let found = found.filter(|e| e.details.holds_at.as_ref().is_some_and(is_in));
                        let _ = reply.send(Ok(found.cloned().collect()));
                    }
                    Call::Host(_) => {}
                }
            }
        });
        let handle = EngineHandle::new(calls, Arc::clone(&board), Actor::Local { uid: 1000 });
        Self { handle, board, commands }
    }

    /// The commands that were given so far.
    pub fn commands(&self) -> Vec<Command> {
        self.commands.lock().unwrap().clone()
    }
}

/// What a subcommand did: its status, standard output, and the error or notes.
pub struct Ran {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs a subcommand with buffers in place of the terminal.
pub fn ran(json: bool, command: impl FnOnce(&mut Output<'_>) -> Result<Exit, CliError>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output { out: &mut out, err: &mut err, json, progress: None };
    let code = match command(&mut output) {
        Ok(exit) => exit.code(),
        Err(error) => {
            output.note(&error);
            error.exit().code()
        }
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code, out: text(out), err: text(err) }
}

pub fn id(n: u128) -> PersonId {
    // The first characters of an id are its time; this puts `n` there, so that prefixes differ.
    PersonId(Ulid(n << 100))
}

pub fn row(n: u128, name: &str, identifier: Option<&str>) -> RosterRow {
    RosterRow {
        person: id(n),
        name: name.parse().unwrap(),
        identifier: identifier.map(|i| i.parse().unwrap()),
        groups: Vec::new(),
        face: FaceUse::On,
        templates: 2,
        presence: None,
    }
}

pub fn person(n: u128, name: &str, identifier: Option<&str>) -> Person {
    let row = row(n, name, identifier);
    Person::new(row.person, row.name, row.identifier, DateTime::UNIX_EPOCH)
}

/// `seconds` after midnight of 2026-03-02, UTC: a Monday.
pub fn at(seconds: i64) -> DateTime<Utc> {
    "2026-03-02T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

pub fn entry(sequence: u64, seconds: i64, kind: EntryKind, who: Option<(u128, &str)>) -> LogEntry {
    LogEntry {
        sequence: Sequence(sequence),
        at: at(seconds),
        kind,
        actor: Actor::System,
        operator_key: None,
        person: who.map(|(n, _)| id(n)),
        name: who.map(|(_, name)| name.parse().unwrap()),
        state: (kind == EntryKind::Passage).then_some(PresenceState::Present),
        similarity: Some(Similarity(0.75)),
        best: None,
        note: None,
        clock: ClockState::Synchronised,
        details: RecordDetails::default(),
        facts: None,
    }
}
