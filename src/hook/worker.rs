//! Follows the ledger for one hook: one entry at a time, in order, and none after one that was not taken.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::backoff::wait_after;
use super::trouble::{self, Trouble};
use super::{DeliveryError, Hook, Target, http, payload, program};
use crate::engine::command::hooks::{HookCommand, HookReply};
use crate::engine::{Command, CommandError, EngineHandle, NamedEntry, Reply};
use crate::ledger::{ClockState, Sequence};

/// How often the end of the ledger is looked at while nothing waits.
const LOOK: Duration = Duration::from_millis(500);
/// Entries that are read at once.
const PAGE: usize = 64;
/// So many entries that nobody wants are passed over before the cursor is moved after them.
const PASSED_OVER: u32 = 256;
/// How long a hook that ends goes on with what waits: a service must be gone within five seconds, with all else
/// that it closes.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// Gives a try to the other side: the entry's id, the object, whether muster ends.
pub type Deliver = dyn Fn(&str, &str, &dyn Fn() -> bool) -> Result<(), DeliveryError> + Send;

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Nothing waits any more.
    Empty,
    /// Something waits; why.
    Waits(DeliveryError),
    /// It was told to end.
    Stopped,
    /// The engine has ended, or the store does not take the cursor.
    Engine(CommandError),
}

/// The worker of one hook.
pub struct Follower {
    hook: Hook,
    handle: EngineHandle,
    deliver: Box<Deliver>,
    /// Where what goes wrong is written.
    state_dir: PathBuf,
    now: fn() -> DateTime<Utc>,
    position: Sequence,
    /// The entry that is tried, and how often it was.
    tried: Option<(Sequence, u32)>,
    /// Whether the next entry may have been taken before muster was started.
    may_repeat: bool,
    passed_over: u32,
    had_trouble: bool,
}

/// Sends to where `hook` says.
pub fn deliver_to(hook: &Hook) -> Box<Deliver> {
    let (target, timeout) = (hook.target.clone(), hook.timeout);
    Box::new(move |id, text, is_over| match &target {
        Target::Program { program, arguments } => {
            program::deliver(program, arguments, text, timeout, is_over)
        }
        Target::Http { url, secret } => {
            http::deliver(url, secret.as_ref().map(|secret| secret.as_slice()), id, text, timeout)
        }
    })
}

fn ask(handle: &EngineHandle, command: HookCommand) -> Result<HookReply, CommandError> {
    match handle.call(Command::Hooks(command))? {
        Reply::Hooks(reply) => Ok(reply),
        _ => Err(CommandError::Store { reason: "the engine gave a wrong answer".to_owned() }),
    }
}

/// The last entry that `hook` is done with; none where it has not begun.
///
/// # Errors
/// What the engine says.
pub fn cursor(handle: &EngineHandle, hook: &str) -> Result<Option<Sequence>, CommandError> {
    match ask(handle, HookCommand::Cursor { hook: hook.to_owned() })? {
        HookReply::Cursor(cursor) => Ok(cursor),
        HookReply::Moved => Ok(None),
    }
}

/// Where a hook begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    position: Sequence,
    may_repeat: bool,
}

/// Where `hook` has come to; one that is new begins with the entry after the ledger's last, which is looked up
/// once and kept in `end`: what is written while its place cannot be kept yet is not passed over.
fn begins_at(handle: &EngineHandle, hook: &str, end: &mut Option<Sequence>) -> Result<Place, CommandError> {
    if let Some(position) = cursor(handle, hook)? {
        // Where the end was looked up, nothing was given to anybody yet.
        return Ok(Place { position, may_repeat: end.is_none() });
    }
    let position = match *end {
        Some(end) => end,
        None => {
            let Reply::Ledger(found) = handle.call(Command::LedgerHead)? else {
                return Err(CommandError::Store { reason: "the engine gave a wrong answer".to_owned() });
            };
            found.sequence
        }
    };
    *end = Some(position);
    ask(handle, HookCommand::Advance { hook: hook.to_owned(), sequence: position })?;
    Ok(Place { position, may_repeat: false })
}

/// As [`begins_at`], tried until the store gives and keeps a place; none where muster or the engine ends first.
fn find_place(handle: &EngineHandle, hook: &str, line: &Line) -> Option<Place> {
    let (mut end, mut tries) = (None, 0);
    loop {
        match begins_at(handle, hook, &mut end) {
            Ok(place) => return Some(place),
            Err(CommandError::Stopped) => return None,
            Err(error) => {
                tries += 1;
                tracing::warn!(%hook, %error, tries, "the hook cannot begin yet");
                if line.waits(wait_after(tries)) {
                    return None;
                }
            }
        }
    }
}

impl Follower {
    /// Begins where the hook has come to; one that is new begins with the entry after the ledger's last.
    ///
    /// # Errors
    /// What the engine says.
    pub fn begin(
        hook: Hook,
        handle: EngineHandle,
        deliver: Box<Deliver>,
        state_dir: PathBuf,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Self, CommandError> {
        let place = begins_at(&handle, &hook.name, &mut None)?;
        Ok(Self::at(place, hook, handle, deliver, state_dir, now))
    }

    fn at(
        place: Place,
        hook: Hook,
        handle: EngineHandle,
        deliver: Box<Deliver>,
        state_dir: PathBuf,
        now: fn() -> DateTime<Utc>,
    ) -> Self {
        let had_trouble = trouble::read(&state_dir, &hook.name).is_some();
        Self {
            hook,
            handle,
            deliver,
            state_dir,
            now,
            position: place.position,
            tried: None,
            may_repeat: place.may_repeat,
            passed_over: 0,
            had_trouble,
        }
    }

    /// Delivers until nothing waits, one try fails, or `is_over`.
    pub fn deliver_waiting(&mut self, is_over: &dyn Fn() -> bool) -> Ended {
        loop {
            let page = match self.handle.whole_entries_since(self.position, PAGE) {
                Ok(page) => page,
                Err(error) => return Ended::Engine(error),
            };
            if page.is_empty() {
                // So that what nobody wanted is not read again after the next start.
                return match self.keep_place() {
                    Ok(()) => Ended::Empty,
                    Err(error) => Ended::Engine(error),
                };
            }
            for entry in page {
                if is_over() {
                    return Ended::Stopped;
                }
                if let Err(ended) = self.entry(&entry, is_over) {
                    return ended;
                }
            }
        }
    }

    fn entry(&mut self, entry: &NamedEntry, is_over: &dyn Fn() -> bool) -> Result<(), Ended> {
        let sequence = entry.entry.head.sequence;
        if !self.hook.wanted.takes(&entry.entry) {
            self.position = sequence;
            self.passed_over += 1;
            return if self.passed_over >= PASSED_OVER {
                self.keep_place().map_err(Ended::Engine)
            } else {
                Ok(())
            };
        }
        let attempt = self.next_attempt(sequence);
        let identifier = self.identifier(entry);
        let text = payload::payload(&self.hook, entry, identifier.as_ref(), attempt);
        match (self.deliver)(&entry.entry.head.id.0.to_string(), &text, is_over) {
            Ok(()) => self.is_done_with(sequence, None).map_err(Ended::Engine),
            Err(DeliveryError::Stopped) => Err(Ended::Stopped),
            Err(error) if self.is_given_up(entry) => {
                let reason = format!("{error}, after {attempt} tries");
                self.is_done_with(sequence, Some(reason)).map_err(Ended::Engine)
            }
            Err(error) => {
                self.note_trouble(sequence, attempt, &error);
                Err(Ended::Waits(error))
            }
        }
    }

    fn next_attempt(&mut self, sequence: Sequence) -> u32 {
        let before = match self.tried {
            Some((tried, attempts)) if tried == sequence => attempts,
            // What was tried before muster ended is not known: it may have been taken.
            _ => u32::from(std::mem::take(&mut self.may_repeat)),
        };
        let attempt = before.saturating_add(1);
        self.tried = Some((sequence, attempt));
        attempt
    }

    /// How often the entry that waits was tried.
    pub fn attempts(&self) -> u32 {
        self.tried.map_or(0, |(_, attempts)| attempts)
    }

    fn identifier(&self, entry: &NamedEntry) -> Option<crate::attendance::Identifier> {
        let person = entry.entry.parts.record.as_ref()?.person;
        let roster = self.handle.snapshot().roster;
        roster.rows.iter().find(|row| row.person == person)?.identifier.clone()
    }

    /// Whether an entry that was not taken is too old to be tried again. One whose time is not sure is tried for
    /// ever.
    fn is_given_up(&self, entry: &NamedEntry) -> bool {
        let head = &entry.entry.head;
        let age = (self.now)() - head.at;
        head.clock != ClockState::Unsure && self.hook.give_up_after.is_some_and(|most| age >= most)
    }

    /// Moves the cursor after an entry that was taken or given up.
    fn is_done_with(&mut self, sequence: Sequence, given_up: Option<String>) -> Result<(), CommandError> {
        let hook = self.hook.name.clone();
        let command = match given_up {
            None => HookCommand::Advance { hook, sequence },
            Some(reason) => HookCommand::GiveUp { hook, sequence, reason },
        };
        ask(&self.handle, command)?;
        self.position = sequence;
        self.passed_over = 0;
        self.tried = None;
        if std::mem::take(&mut self.had_trouble) {
            trouble::clear(&self.state_dir, &self.hook.name);
        }
        Ok(())
    }

    fn keep_place(&mut self) -> Result<(), CommandError> {
        if self.passed_over > 0 {
            let hook = self.hook.name.clone();
            ask(&self.handle, HookCommand::Advance { hook, sequence: self.position })?;
            self.passed_over = 0;
        }
        Ok(())
    }

    fn note_trouble(&mut self, sequence: Sequence, attempts: u32, error: &DeliveryError) {
        self.had_trouble = true;
        tracing::warn!(hook = %self.hook.name, entry = %sequence, attempts, %error, "a record was not delivered");
        let trouble = Trouble { sequence, attempts, at: (self.now)(), reason: error.to_string() };
        if let Err(error) = trouble::write(&self.state_dir, &self.hook.name, &trouble) {
            tracing::warn!(hook = %self.hook.name, %error, "the state of the hook cannot be written");
        }
    }

    /// Follows the ledger until `line` says to end, and then delivers what waits for [`FAREWELL`].
    fn follow(mut self, line: &Line) {
        let never_over = || line.is_late();
        loop {
            let wait = match self.deliver_waiting(&never_over) {
                Ended::Empty => LOOK,
                Ended::Waits(_) => wait_after(self.attempts()),
                Ended::Stopped => return,
                Ended::Engine(CommandError::Stopped) => return,
                Ended::Engine(error) => {
                    tracing::warn!(hook = %self.hook.name, %error, "the hook's place cannot be kept");
                    wait_after(8)
                }
            };
            if line.waits(wait) {
                self.deliver_waiting(&never_over);
                return;
            }
            // A call to an engine that has ended says so.
            if self.handle.call(Command::LedgerHead) == Err(CommandError::Stopped) {
                return;
            }
        }
    }
}

/// How a worker hears that muster ends.
struct Line {
    ends: Receiver<()>,
    is_ending: Arc<AtomicBool>,
    late: std::sync::OnceLock<Instant>,
}

impl Line {
    /// Waits; whether muster ends.
    fn waits(&self, wait: Duration) -> bool {
        let ends = !matches!(self.ends.recv_timeout(wait), Err(crossbeam_channel::RecvTimeoutError::Timeout));
        ends || self.is_ending.load(Ordering::SeqCst)
    }

    /// Whether muster has been ending for so long that a try is broken off.
    fn is_late(&self) -> bool {
        if !self.is_ending.load(Ordering::SeqCst) {
            return false;
        }
        Instant::now() >= *self.late.get_or_init(|| Instant::now() + FAREWELL)
    }
}

/// The workers of all hooks. Dropping them ends them, after [`FAREWELL`] at the latest; what waits then is
/// delivered after the next start.
pub struct Deliveries {
    is_ending: Arc<AtomicBool>,
    lines: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Deliveries {
    /// Starts a worker for each hook.
    ///
    /// # Errors
    /// What the system says of a thread.
    pub fn start(
        hooks: Vec<Hook>,
        handle: &EngineHandle,
        state_dir: &std::path::Path,
    ) -> std::io::Result<Self> {
        let is_ending = Arc::new(AtomicBool::new(false));
        let mut all = Self { is_ending: Arc::clone(&is_ending), lines: Vec::new(), threads: Vec::new() };
        for hook in hooks {
            let (sender, ends) = bounded(1);
            let line = Line { ends, is_ending: Arc::clone(&is_ending), late: std::sync::OnceLock::new() };
            let (handle, state_dir) = (handle.clone(), state_dir.to_owned());
            let thread = std::thread::Builder::new().name("muster-hook".to_owned()).spawn(move || {
                if let Some(place) = find_place(&handle, &hook.name, &line) {
                    let deliver = deliver_to(&hook);
                    Follower::at(place, hook, handle, deliver, state_dir, Utc::now).follow(&line);
                }
            })?;
            all.lines.push(sender);
            all.threads.push(thread);
        }
        Ok(all)
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::SeqCst);
        self.lines.clear();
        // An HTTP try ends by its own time-out; it is not waited for longer than the others.
        let until = Instant::now() + FAREWELL + Duration::from_millis(300);
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() && thread.join().is_err() {
                tracing::error!("a hook ended by a panic");
            }
        }
    }
}

#[cfg(test)]
mod tests;
