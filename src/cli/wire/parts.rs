//! The parts of an engine, from what is configured.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::attendance::SourceRole;
use crate::capture::replay::{ReplayOptions, ReplaySource};
use crate::capture::source::{OpenOptions, open};
use crate::capture::{CameraMemory, CaptureError, CaptureSource, Pace, SourceSpec};
use crate::config::Effective;
use crate::config::effective::{RetentionSettings, Setting, WatchedSource};
use crate::engine::approvals::ApprovalPolicy;
use crate::engine::consent::{ConsentPolicy, ConsentText};
use crate::engine::environment::{Entropy, SiteCalendar, SystemClock, SystemEntropy};
use crate::engine::retention::RetentionPolicy;
use crate::engine::settings::LivenessSettings;
use crate::engine::{DataDirLock, EngineParts, EngineSettings, SourceParts};
use crate::face::LivenessMode;
use crate::inference::pipeline::PipelineOptions;
use crate::ledger::{Sha256Digest, TerminalId};
use crate::store::redb::RedbStore;
use crate::store::{Store, StoreError};
use crate::track::TrackSettings;

use super::super::exit::CliError;
use super::store_error;
use super::store_keys::key_source;

/// The store under `lock`, and nothing else: enough to read and to write records. A passphrase is asked for here,
/// before anything begins.
pub(super) fn store_only(effective: &Effective, lock: &DataDirLock) -> Result<EngineParts, CliError> {
    let (data_dir, key) = (lock.data_dir().to_owned(), key_source(effective)?);
    let open = move || -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(RedbStore::open(&data_dir, new_terminal(), &key)?))
    };
    Ok(EngineParts {
        store: Box::new(open),
        load_analyser: None,
        sources: Vec::new(),
        settings: settings(effective),
        clock: Arc::new(SystemClock),
        calendar: Arc::new(site_calendar(effective)),
        entropy: Box::new(SystemEntropy),
    })
}

/// The site's days.
pub(super) fn site_calendar(effective: &Effective) -> SiteCalendar {
    SiteCalendar {
        zone: effective.attendance.zone.value,
        rollover: effective.attendance.day_rollover.value.0,
    }
}

/// The store under `lock`, with its keys.
///
/// # Errors
/// [`CliError`] where the store or its key cannot be had.
pub(super) fn open_store(effective: &Effective, lock: &DataDirLock) -> Result<RedbStore, CliError> {
    RedbStore::open(lock.data_dir(), new_terminal(), &key_source(effective)?).map_err(store_error)
}

/// The id of a store that is made now; one that is there keeps its own.
pub(super) fn new_terminal() -> TerminalId {
    TerminalId(SystemEntropy.ulid(Utc::now()))
}

/// What the pipeline is loaded from.
pub(super) fn pipeline_options(effective: &Effective) -> PipelineOptions {
    PipelineOptions {
        models_dir: effective.models_dir.value.clone(),
        pack: effective.pack.value.to_string(),
        library: effective.onnxruntime.clone(),
        device: effective.device.value,
        liveness: effective.liveness_mode.value != LivenessMode::Off,
        batches: false,
        slim: true,
        beside: true,
        graphs: Some(effective.state_dir.join("graphs")),
    }
}

/// The settings for what is watched: each still of `images:` is all that will be seen of it.
fn settings(effective: &Effective) -> EngineSettings {
    let are_stills = matches!(
        effective.sources.as_slice(),
        [WatchedSource { spec: Setting { value: SourceSpec::Images(_), .. }, .. }]
    );
    let min_frames = if are_stills { 1 } else { effective.recognition.votes.value.get() };
    EngineSettings {
        debounce: effective.recognition.debounce(),
        keep_crops: effective.keep_crops.value,
        threshold: effective.recognition.threshold_policy(),
        inbox_keep: TimeDelta::hours(i64::from(effective.inbox_hours.value.get())),
        tracks: TrackSettings {
            min_frames,
            margin: effective.recognition.margin.value,
            undecided_limit: effective.recognition.undecided_limit(),
            ..TrackSettings::default()
        },
        liveness: LivenessSettings {
            mode: liveness_mode(effective.liveness_mode.value, are_stills),
            threshold: effective.liveness_threshold.value,
        },
        quality: effective.quality.limits(),
        shots: effective.shots.value.get(),
        pictures: effective.screen.picture.value,
        looks_closely: false,
        takes_attendance: true,
        queue_entries: effective.ledger.queue_entries.value.get() as usize,
        rules: Arc::new(effective.attendance.rules.clone()),
        owner_uid: rustix::process::getuid().as_raw(),
        approvals: ApprovalPolicy {
            deeds: effective.access.two_person.value.clone(),
            ..ApprovalPolicy::default()
        },
        consent: consent(effective),
        retention: retention(&effective.retention),
        configuration: effective.values(),
    }
}

/// The engine's settings of `effective`, of which the ledger notes `configuration`.
pub fn settings_with(effective: &Effective, configuration: Vec<(String, String)>) -> EngineSettings {
    EngineSettings { configuration, ..settings(effective) }
}

/// What people are asked before they are enrolled.
fn consent(effective: &Effective) -> ConsentPolicy {
    let settings = &effective.consent;
    let text = settings.body.as_ref().zip(settings.name()).map(|(body, name)| ConsentText {
        name,
        digest: Sha256Digest(Sha256::digest(body.as_bytes()).into()),
        body: body.clone(),
    });
    ConsentPolicy { required: settings.required.value, text }
}

fn retention(settings: &RetentionSettings) -> RetentionPolicy {
    RetentionPolicy {
        records_days: settings.records.value.get(),
        evidence_days: settings.evidence.value.get(),
        notes_days: settings.notes.value.get(),
        crops_days: settings.crops.value.get(),
        left_people_days: settings.left_people.value.get(),
    }
}

/// A still picture is shown with its score and never rejected by it.
fn liveness_mode(configured: LivenessMode, are_stills: bool) -> LivenessMode {
    match configured {
        LivenessMode::Require if are_stills => LivenessMode::Warn,
        mode => mode,
    }
}

/// Each of `sources` once, every frame of a recording where it is the only one.
pub(super) fn once(sources: &[WatchedSource]) -> Vec<SourceParts> {
    let pace = match sources {
        [source] if source.spec.value.is_recording() => Pace::Lossless,
        _ => Pace::RealTime,
    };
    sources.iter().map(|watched| source(watched, pace, false)).collect()
}

/// The sources of the configuration, each once, at `pace`.
pub fn sources(effective: &Effective, pace: Pace) -> Vec<SourceParts> {
    effective.sources.iter().map(|watched| source(watched, pace, false)).collect()
}

/// Each of `sources` as a camera: a recording begins again at its end.
pub(super) fn as_cameras(sources: &[WatchedSource]) -> Vec<SourceParts> {
    sources.iter().map(|watched| source(watched, Pace::RealTime, true)).collect()
}

fn source(watched: &WatchedSource, pace: Pace, looping: bool) -> SourceParts {
    let WatchedSource { spec, settings, .. } = watched.clone();
    let (name, role) = (watched.name(), settings.role.value);
    let memory = CameraMemory::default();
    let open = move || -> Result<Box<dyn CaptureSource>, _> {
        let mut options = OpenOptions::new(Utc::now, looping);
        options.camera.memory = memory.clone();
        settings.set(&mut options);
        open(&spec.value, &options)
    };
    SourceParts { name, role, pace, open: Box::new(open) }
}

/// A source of the configuration, opened for whoever takes its frames without an engine; a recording ends.
///
/// # Errors
/// [`CaptureError`] with what is missing and what to do.
pub fn open_source(watched: &WatchedSource) -> Result<Box<dyn CaptureSource>, CaptureError> {
    let mut options = OpenOptions::new(Utc::now, false);
    watched.settings.set(&mut options);
    open(&watched.spec.value, &options)
}

/// When the demo's recording is taken to have begun: a Monday morning, the same in every run.
const DEMO_START: &str = "2026-03-02T07:00:00Z";

/// Stills as a camera shows them, in their order: once where every frame counts, else for ever.
pub(super) fn stills(paths: Vec<PathBuf>, pace: Pace) -> SourceParts {
    let options = match pace {
        // Long enough for an eye, a key, and three votes at one frame a second.
        Pace::RealTime => ReplayOptions { looping: true, frames_per_still: 60, ..ReplayOptions::default() },
        Pace::Lossless => ReplayOptions::default(),
    };
    let open = move || -> Result<Box<dyn CaptureSource>, _> {
        let start = DEMO_START.parse().unwrap_or_default();
        let source = ReplaySource::from_paths("the demo".to_owned(), paths.clone(), start, options.clone());
        Ok(Box::new(source))
    };
    SourceParts { name: "replay:demo".to_owned(), role: SourceRole::default(), pace, open: Box::new(open) }
}
