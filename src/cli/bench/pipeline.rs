//! `muster bench pipeline`: a source through the whole engine, with a store of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::attendance::PersonId;
use crate::capture::{CaptureSource, Pace, SourceSpec};
use crate::config::Effective;
use crate::engine::command::{EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, PictureBytes};
use crate::engine::state::{SourceState, SourceStatus};
use crate::engine::{Command, EngineEvent, EngineHandle, EngineSettings, LoadAnalyser, Reply, SourceParts};
use crate::inference::{FaceAnalyser, Pipeline};
use crate::ledger::EntryKind;

use super::super::demo::StoreFolder;
use super::super::exit::{CliError, Exit};
use super::super::nets;
use super::super::output::Output;
use super::super::source::SourceParser;
use super::super::wire;
use super::clients::Clients;
use super::figures::{ms, process_cpu};
use super::noted::{GivenFrame, NotedNets, NotedSource, Notes, Shared, lock};
use super::object::{Lookers, NetsAlone, PipelineObject, Run};

pub(super) const AFTER_HELP: &str = "\
Everything is done in a store of its own, which is removed: nobody's records are touched. Every frame of
a recording is looked at, as fast as it goes; with --real-time at the recording's own pace, and what cannot
be done in time is dropped and counted.

Examples:
  muster bench pipeline --source video:monday.mp4 --people portraits
  muster bench pipeline --source replay:portraits --every-net --seconds 20
  muster bench pipeline --source video:empty-room.mp4 --real-time     what it costs while nobody is there";

/// Events that may wait: more than a run of minutes brings.
const EVENT_ROOM: usize = 1 << 16;
/// How long no event is waited for before the source is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often each net is run by itself.
const REPETITIONS: u32 = 60;

/// `bench pipeline`
#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    /// What is looked at: video:FILE, replay:DIR, images:GLOB or a camera
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser)]
    pub source: SourceSpec,
    /// Enrol everybody of this folder first, from one photograph each: DIR/NAME.jpg
    #[arg(long, value_name = "DIR")]
    pub people: Option<PathBuf>,
    /// Run every net on every face of every frame, decided or not
    #[arg(long)]
    pub every_net: bool,
    /// Stop after so many seconds; the end of a recording ends it too
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: Option<u32>,
    /// Show a recording at its own pace, and drop what comes too fast
    #[arg(long)]
    pub real_time: bool,
    /// Attach so many terminals, which look on
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=60))]
    pub clients: u16,
}

/// What the engine said meanwhile.
#[derive(Default)]
pub(super) struct Said {
    pub(super) people: BTreeSet<PersonId>,
    pub(super) unidentified: usize,
    pub(super) decision_ms: Vec<f64>,
    pub(super) record_ms: Vec<f64>,
    pub(super) decision_frames: Vec<f64>,
}

/// Measures and prints.
///
/// # Errors
/// [`CliError`]: the source gives nothing, the nets are missing, a photograph cannot be enrolled.
pub fn run(effective: &Effective, args: &PipelineArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let pace = if args.real_time || !args.source.is_recording() { Pace::RealTime } else { Pace::Lossless };
    let store = StoreFolder::fresh(effective.data_dir.value.join("bench"), false)?;
    let names = match &args.people {
        Some(folder) => enrol(effective, store.path(), folder)?,
        None => BTreeMap::new(),
    };
    let (notes, nets) = (Notes::default(), Shared::default());
    let settings = EngineSettings { looks_closely: args.every_net, ..EngineSettings::default() };
    let (start, start_cpu) = (Instant::now(), process_cpu());
    let load = noted_nets(effective, !args.every_net, &notes, &nets);
    let sources = wire::sources(effective, pace).into_iter().map(|source| noted_source(source, &notes));
    let hosted = wire::host_bench(effective, store.path(), settings, load, sources.collect())?;
    let events = hosted.handle().subscribe(EVENT_ROOM);
    let hosted = if args.clients > 0 { hosted.with_link(effective)? } else { hosted };
    let clients = Clients::attach(&hosted, args.clients)?;
    let running = nets::wait(hosted.handle())?;
    let end = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let said = follow(hosted.handle(), &events, &notes, pace, end)?;
    let (wall, cpu) = (start.elapsed(), process_cpu().saturating_sub(start_cpu));
    let live = hosted.handle().snapshot().live;
    let sum = |count: fn(&SourceStatus) -> u64| live.sources.iter().map(count).sum();
    let (processed, dropped) = (sum(|source| source.frames), sum(|source| source.dropped));
    let lookers = Lookers { clients: clients.count(), told: clients.told() };
    drop(clients);
    drop(hosted);
    let noted = lock(&notes);
    if noted.looks.is_empty() {
        return Err(CliError::usage(format_args!("{} gave no frame", effective.source().name())));
    }
    let mut pipeline = nets.lock().unwrap_or_else(PoisonError::into_inner);
    let alone = match pipeline.as_mut() {
        Some(pipeline) if args.every_net => Some(nets_alone(pipeline)?),
        _ => None,
    };
    let threads = pipeline.as_ref().map_or(1, Pipeline::threads);
    let run = Run {
        threads,
        source: effective.source().spec.value.to_string(),
        pace,
        start,
        wall,
        cpu,
        processed,
        dropped,
        lookers,
    };
    let object = PipelineObject::new(&run, args.every_net, &running, &noted, &said, &names, alone);
    if out.json {
        out.object(&object)?
    } else {
        out.line(object.text())?
    }
    Ok(Exit::Done)
}

/// The nets, noted; one after the other where each is to be compared with what it takes alone.
fn noted_nets(effective: &Effective, beside: bool, notes: &Notes, back: &Shared) -> LoadAnalyser {
    let (notes, back) = (Arc::clone(notes), Arc::clone(back));
    let load = wire::load_pipeline(effective, beside);
    Box::new(move || {
        let nets = NotedNets::new(load()?, back, notes);
        Ok(Box::new(nets) as Box<dyn FaceAnalyser>)
    })
}

/// `parts`, noted.
fn noted_source(mut parts: SourceParts, notes: &Notes) -> SourceParts {
    let notes = Arc::clone(notes);
    let mut open = parts.open;
    parts.open = Box::new(move || {
        let source = NotedSource { source: open()?, notes: Arc::clone(&notes) };
        Ok(Box::new(source) as Box<dyn CaptureSource>)
    });
    parts
}

/// Enrols everybody of `folder`, from one photograph each; their names.
fn enrol(effective: &Effective, store: &Path, folder: &Path) -> Result<BTreeMap<PersonId, String>, CliError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        CliError::usage(format_args!("{}: {error}", path.display()))
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|error| {
            failed(folder, &format_args!("{error}; expected a folder of photographs, DIR/NAME.jpg"))
        })?;
    paths.retain(|path| path.is_file());
    paths.sort();
    let load = wire::load_pipeline(effective, true);
    let load: LoadAnalyser = Box::new(move || Ok(Box::new(load()?) as Box<dyn FaceAnalyser>));
    let hosted = wire::host_bench(effective, store, EngineSettings::default(), load, Vec::new())?;
    nets::wait(hosted.handle())?;
    let mut names = BTreeMap::new();
    for path in paths {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
        let pictures = vec![PictureBytes { label: path.display().to_string(), bytes }];
        let pictures = EnrolmentPictures { pictures, face: FaceChoice::Largest, leave_out: false };
        let name = stem.parse().map_err(|error| failed(&path, &error))?;
        let target = EnrolmentTarget::New { name, identifier: None };
        let source = EnrolmentSource::Pictures(pictures);
        if let Reply::Enrolled { person, .. } =
            hosted.handle().call(Command::Enrol { target, source, anyway: true })?
        {
            names.insert(person.id, stem);
        }
    }
    if names.is_empty() {
        return Err(failed(folder, &"holds no photograph: expected DIR/NAME.jpg"));
    }
    Ok(names)
}

/// Notes what the engine says until the source or the time is over.
fn follow(
    handle: &EngineHandle,
    events: &Receiver<EngineEvent>,
    notes: &Notes,
    pace: Pace,
    end: Option<Instant>,
) -> Result<Said, CliError> {
    let mut said = Said::default();
    loop {
        let until = Instant::now() + LOOK_AGAIN;
        let event = events.recv_deadline(end.map_or(until, |end| end.min(until)));
        match event {
            Ok(EngineEvent::Decided { at, seen_since, person, .. }) => {
                said.decided(notes, pace, at, seen_since, person);
            }
            Ok(EngineEvent::Entry(entry)) if entry.kind == EntryKind::Passage => {
                said.record_ms.extend(since(notes, pace, entry.at));
            }
            Ok(EngineEvent::SourceEnded) => return Ok(said),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(reason) = never_came(handle, notes) {
                    return Err(CliError::missing(reason));
                }
                if end.is_some_and(|end| Instant::now() >= end) {
                    return Ok(said);
                }
            }
            Ok(EngineEvent::SourceFailed(reason)) => return Err(CliError::usage(reason)),
            Ok(EngineEvent::Lagged(missed)) => {
                return Err(CliError::missing(format_args!("{missed} events were missed; run it again")));
            }
            Ok(EngineEvent::Stopped) | Err(RecvTimeoutError::Disconnected) => {
                return Err(CliError::missing("the engine stopped before the end"));
            }
            Ok(_) => {}
        }
    }
}

/// Why a source that has given nothing yet gives nothing.
fn never_came(handle: &EngineHandle, notes: &Notes) -> Option<String> {
    if !lock(notes).given.is_empty() {
        return None;
    }
    let live = handle.snapshot().live;
    live.sources.iter().find_map(|source| match &source.state {
        SourceState::Lost { reason, .. } => Some(reason.clone()),
        _ => None,
    })
}

/// Milliseconds since the frame of that time was there.
fn since(notes: &Notes, pace: Pace, at: DateTime<Utc>) -> Option<f64> {
    match pace {
        // The frame has this machine's time.
        Pace::RealTime => (Utc::now() - at).to_std().ok().map(ms),
        Pace::Lossless => {
            let noted = lock(notes);
            // An entry's time is kept in milliseconds.
            let is_it = |frame: &&GivenFrame| (frame.at - at).abs() < TimeDelta::milliseconds(1);
            let frame = noted.given.iter().rev().find(is_it)?;
            Some(ms(frame.given.elapsed()))
        }
    }
}

impl Said {
    fn decided(
        &mut self,
        notes: &Notes,
        pace: Pace,
        at: DateTime<Utc>,
        seen_since: DateTime<Utc>,
        person: Option<PersonId>,
    ) {
        let Some(person) = person else {
            self.unidentified += 1;
            return;
        };
        self.people.insert(person);
        self.decision_ms.extend(since(notes, pace, at));
        if pace == Pace::Lossless {
            // Every frame that was given was looked at.
            let noted = lock(notes);
            let within = |frame: &&GivenFrame| frame.at >= seen_since && frame.at <= at;
            self.decision_frames.push(noted.given.iter().filter(within).count() as f64);
        }
    }
}

/// What the runs of the nets take with nothing around them.
fn nets_alone(pipeline: &mut Pipeline) -> Result<NetsAlone, CliError> {
    let mut alone = NetsAlone::default();
    for net in pipeline.nets() {
        let runs = net.runs();
        if runs == 0 {
            continue;
        }
        let took = net.repeat(REPETITIONS).map_err(CliError::missing)?;
        let mean = took.iter().sum::<Duration>() / REPETITIONS;
        alone.net(net.name(), runs, mean);
    }
    Ok(alone)
}
