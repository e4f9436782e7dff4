//! Starting and stopping an engine: the threads and the channels between them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::Pace;
use crate::capture::picture_watch::PictureWatch;
use crate::ledger::{Actor, Sequence};
use crate::store::{Store, StoreError};

use super::access::Access;
use super::command::Command;
use super::core::beginning::{Ledger, Stored};
use super::core::noting::Noted;
use super::core::{Beginning, Channels, Core, Past, SourceEnds, SourceLine};
use super::environment::{Calendar, Clock, Entropy};
use super::handle::{Board, Call, EngineHandle, HandleMaker};
use super::hosting::EngineHost;
use super::latest::latest;
use super::settings::EngineSettings;
use super::state::{InferenceStatus, SourceIndex};
use super::worker::capture::{CaptureWorker, FrameMessage, SourceParts, SourceReport};
use super::worker::inference::{Feed, InferenceWorker, LoadAnalyser};
use super::worker::look::LiveLook;
use super::worker::pins::PinWorker;
use super::worker::store::StoreWorker;
use crate::face::PicturePolicy;
use crate::track::Follower;

/// Opens the store, on the thread that starts the engine.
pub type OpenStore = Box<dyn FnOnce() -> Result<Box<dyn Store>, StoreError> + Send>;

/// A store that is open already.
pub fn opened(store: impl Store + 'static) -> OpenStore {
    Box::new(|| Ok(Box::new(store)))
}

/// Everything an engine is made of.
pub struct EngineParts {
    /// Where people, templates and the ledger are kept. Of a large store every page is checked when it is opened:
    /// the nets are loaded and the sources are opened meanwhile.
    pub store: OpenStore,
    /// Loads the nets, on the inference thread; none where nothing is to be recognised.
    pub load_analyser: Option<LoadAnalyser>,
    /// What is watched, at one pace; nothing for a one-shot subcommand. Where every frame counts it is one
    /// source, whose clock the records follow.
    pub sources: Vec<SourceParts>,
    /// What is done differently.
    pub settings: EngineSettings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where a day begins.
    pub calendar: Arc<dyn Calendar>,
    /// Random numbers.
    pub entropy: Box<dyn Entropy>,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("the {name} thread cannot be started: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// An engine with its threads. Dropping it stops it.
pub struct RunningEngine {
    calls: Option<Sender<(Actor, Call)>>,
    board: Arc<Board>,
    pictures: PicturePolicy,
    threads: Vec<(&'static str, JoinHandle<()>)>,
}

/// How long threads that are stuck, in a driver or in a net, are waited for: with what hooks may take before, a
/// service is gone within five seconds.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Parts of what is stored that wait for the engine thread.
const PARTS: usize = 4;
/// Room in the channels between threads.
const ROOM: usize = 64;

/// Days before today that are looked at when an engine starts: for check-outs that were forgotten while
/// none ran, and for sessions that are open still.
const DAYS_BACK: usize = 7;

pub(crate) fn past(
    store: &dyn Store,
    calendar: &dyn Calendar,
    now: DateTime<Utc>,
    today: DateTime<Utc>,
) -> Result<Past, StoreError> {
    let mut days = Vec::new();
    let mut next = calendar.day_of(now);
    while let Some(day) = next.filter(|_| days.len() < DAYS_BACK) {
        next = calendar.day_of(day.from - TimeDelta::microseconds(1));
        days.extend(next);
    }
    let first = days.last().map_or(today, |day| day.from);
    Ok(Past {
        earlier: store.records_between(first, today)?,
        today: store.records_between(today, DateTime::<Utc>::MAX_UTC)?,
        last: store.entries_before(Sequence(u64::MAX), 1)?.into_iter().next(),
        days,
    })
}

/// Reads what the store holds, gives it to the engine thread and waits until it is taken in.
fn tell_stored(
    store: &dyn Store,
    clock: &dyn Clock,
    calendar: &dyn Calendar,
    told: &Sender<Stored>,
) -> Result<(), StoreError> {
    let begun = Instant::now();
    // An engine thread that has ended takes nothing any more, which whoever asks it will hear.
    store.everything(&mut |part| drop(told.send(Stored::Part(part))))?;
    let now = clock.now();
    let today = calendar.day_of(now).map_or(now, |day| day.from);
    let past = past(store, calendar, now, today)?;
    let noted = Noted::read(store)?;
    let (taken, is_taken) = bounded(0);
    let _ = told.send(Stored::All(Box::new(Ledger { past, noted }), taken));
    // Whoever starts an engine finds in force what it read: who may do what, above all.
    let _ = is_taken.recv();
    tracing::debug!(took = ?begun.elapsed(), "the store was read and taken in");
    Ok(())
}

/// Starts the threads of an engine.
///
/// # Errors
/// [`StartError`] where the store cannot be opened or read; what was started by then is stopped.
pub fn start(parts: EngineParts) -> Result<RunningEngine, StartError> {
    let EngineParts { store, load_analyser, sources, settings, clock, calendar, entropy } = parts;
    let board = Arc::new(Board::new(Access::new(settings.owner_uid)));
    let pace = sources.first().map_or(Pace::RealTime, |source| source.pace);
    let inference = match load_analyser {
        Some(_) => InferenceStatus::Loading,
        None => InferenceStatus::Unavailable { reason: "no nets were asked for".to_owned() },
    };
    let mut engine = RunningEngine {
        calls: None,
        board: Arc::clone(&board),
        pictures: settings.pictures,
        threads: Vec::new(),
    };
    let (calls_sender, calls) = bounded(ROOM);
    let (store_requests, requests) = bounded(ROOM);
    let (answers, store_answers) = bounded(ROOM);
    let (jobs, job_receiver) = bounded(ROOM);
    let (inference_reports, inference_receiver) = bounded(ROOM);
    let (pin_jobs, pin_job_receiver) = bounded(ROOM);
    let (pin_answers, pin_answer_receiver) = bounded(ROOM);
    let (source_sender, source_reports) = bounded(ROOM);
    let (mut ends, mut feeds) = (Vec::new(), Vec::new());
    let count = sources.len();
    for (position, source) in sources.into_iter().enumerate() {
        let (index, name, role) = (SourceIndex::at(position), source.name.clone(), source.role);
        let (line, frames) = engine.spawn_capture(index, source, &clock, source_sender.clone())?;
        // One answer a frame, and the next frame waits for it: there is always room.
        let (attention, answers) = bounded(2);
        let follower = Follower::numbered(settings.tracks, position, count);
        feeds.push(Feed { source: index, frames, look: LiveLook::new(follower, answers) });
        ends.push(SourceEnds { name, role, line, attention });
    }
    drop(source_sender);
    let worker = InferenceWorker {
        load: load_analyser,
        feeds,
        jobs: job_receiver,
        reports: inference_reports,
        board: Arc::clone(&board),
    };
    engine.spawn("muster-infer", worker, InferenceWorker::run)?;
    let worker = PinWorker { jobs: pin_job_receiver, answers: pin_answers };
    engine.spawn("muster-pins", worker, PinWorker::run)?;
    let beginning = Beginning {
        settings,
        clock: Arc::clone(&clock),
        calendar: Arc::clone(&calendar),
        entropy,
        board,
        sources: ends,
        pace,
        inference,
    };
    let channels = Channels {
        calls,
        inference: inference_receiver,
        source: source_reports,
        store: store_answers,
        jobs,
        store_requests,
        pin_jobs,
        pins: pin_answer_receiver,
    };
    let core = Core::new(beginning, channels);
    let (told, stored) = bounded(PARTS);
    engine.spawn("muster-engine", (core, stored), |(core, stored)| core.run(&stored))?;
    let store = store()?;
    tell_stored(&*store, &*clock, &*calendar, &told)?;
    engine.spawn("muster-store", StoreWorker { store, requests, answers }, StoreWorker::run)?;
    engine.calls = Some(calls_sender);
    Ok(engine)
}

impl RunningEngine {
    /// A handle whose commands are `actor`'s.
    pub fn handle(&self, actor: Actor) -> EngineHandle {
        self.handles().handle(actor)
    }

    /// What every client may read.
    #[cfg(test)]
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// Makes handles for clients that come later.
    pub fn handles(&self) -> HandleMaker {
        let calls = self.calls.clone().unwrap_or_else(|| bounded(0).0);
        HandleMaker::new(calls, Arc::clone(&self.board), self.pictures)
    }

    /// The way to it that only its host has.
    pub fn host(&self) -> EngineHost {
        EngineHost::new(self.calls.clone().unwrap_or_else(|| bounded(0).0))
    }

    /// Stops in good order: what was acknowledged or seen is on disk when this returns.
    pub fn stop(mut self) {
        self.stop_threads();
    }

    fn stop_threads(&mut self) {
        if let Some(calls) = self.calls.take() {
            let handle = EngineHandle::new(calls, Arc::clone(&self.board), Actor::System);
            // An engine that has ended already answers `Stopped`, which is as good.
            let _ = handle.call(Command::Shutdown);
        }
        // A driver may hold the capture thread for ever; the process must end all the same.
        let until = Instant::now() + PATIENCE;
        for (name, thread) in self.threads.drain(..).rev() {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !thread.is_finished() {
                tracing::warn!(name, "a thread did not end; it is left behind");
            } else if thread.join().is_err() {
                tracing::error!(name, "a thread ended by a panic");
            }
        }
    }

    fn spawn<T: Send + 'static>(
        &mut self,
        name: &'static str,
        worker: T,
        run: fn(T),
    ) -> Result<(), StartError> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        let thread =
            builder.spawn(move || run(worker)).map_err(|source| StartError::Thread { name, source })?;
        self.threads.push((name, thread));
        Ok(())
    }

    fn spawn_capture(
        &mut self,
        index: SourceIndex,
        parts: SourceParts,
        clock: &Arc<dyn Clock>,
        reports: Sender<(SourceIndex, SourceReport)>,
    ) -> Result<(SourceLine, Receiver<FrameMessage>), StartError> {
        let (frames, frame_receiver, dropped): (_, _, Arc<AtomicU64>) = latest();
        let (control, control_receiver) = bounded(8);
        let (stop, stop_receiver) = bounded(0);
        let (gate, gate_receiver) = bounded(0);
        let gate = (parts.pace == Pace::Lossless).then_some(gate);
        let worker = CaptureWorker {
            parts,
            clock: Arc::clone(clock),
            frames,
            reports,
            control: control_receiver,
            stop: stop_receiver,
            gate: gate_receiver,
            index,
            watch: PictureWatch::default(),
            trouble: None,
        };
        self.spawn("muster-capture", worker, CaptureWorker::run)?;
        Ok((SourceLine { control, _stop: stop, gate, dropped }, frame_receiver))
    }
}

impl Drop for RunningEngine {
    fn drop(&mut self) {
        self.stop_threads();
    }
}
