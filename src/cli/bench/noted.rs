//! What is noted while a pipeline runs: a source and nets that pass everything on, and say when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crossbeam_channel::Receiver;

use crate::capture::{CaptureError, CaptureSource, Frame, RgbPicture, SkippedPicture};
use crate::face::{Detection, Probe, Rect};
use crate::identify::Rejection;
use crate::inference::net::meter::{Inside, thread_cpu};
use crate::inference::{
    AnalyserFacts, FaceAnalyser, InferenceError, Pipeline, Probes, StageTimes, WantedFaces,
};

/// A frame as the source gave it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenFrame {
    /// Its time, by its own clock.
    pub(super) at: DateTime<Utc>,
    /// When it was there.
    pub(super) given: Instant,
    /// How long the source took.
    pub(super) read: Duration,
    pub(super) size: (u32, u32),
}

/// What the nets did with one frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameLook {
    pub(super) faces: usize,
    /// Faces that all nets looked at.
    pub(super) probed: usize,
    pub(super) times: StageTimes,
}

/// Everything that was noted.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) given: Vec<GivenFrame>,
    pub(super) looks: Vec<FrameLook>,
    /// From the first call of the nets to the last, on their thread.
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
    /// When the first frame was done with.
    pub(super) first_done: Option<Instant>,
    first_cpu: Option<Duration>,
    last_cpu: Duration,
    inside_before: Inside,
    inside: Inside,
}

impl Noted {
    /// Processor time of the nets' threads, inside the runtime and in all.
    pub(super) fn thread_cpu(&self) -> (Duration, Duration) {
        let own = self.last_cpu.saturating_sub(self.first_cpu.unwrap_or(self.last_cpu));
        let beside = self.inside.beside.saturating_sub(self.inside_before.beside);
        (self.inside.cpu.saturating_sub(self.inside_before.cpu), own + beside)
    }

    /// Time inside the runtime.
    pub(super) fn inside_wall(&self) -> Duration {
        self.inside.wall.saturating_sub(self.inside_before.wall)
    }
}

/// Shared by the threads that note.
pub(super) type Notes = Arc<Mutex<Noted>>;

/// The notes; nobody panics while holding them.
pub(super) fn lock(notes: &Notes) -> MutexGuard<'_, Noted> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source that notes its frames.
pub(super) struct NotedSource {
    pub(super) source: Box<dyn CaptureSource>,
    pub(super) notes: Notes,
}

impl CaptureSource for NotedSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let start = Instant::now();
        let next = self.source.next_frame()?;
        if let Some(frame) = &next {
            let given = Instant::now();
            let size = (frame.picture.width(), frame.picture.height());
            let note = GivenFrame { at: frame.at, given, read: given - start, size };
            lock(&self.notes).given.push(note);
        }
        Ok(next)
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn nominal_fps(&self) -> f32 {
        self.source.nominal_fps()
    }

    fn interrupt_with(&mut self, interrupt: Receiver<()>) {
        self.source.interrupt_with(interrupt);
    }

    fn skipped(&self) -> &[SkippedPicture] {
        self.source.skipped()
    }
}

/// The nets, to be had again when the engine has let go of them.
pub(super) type Shared = Arc<Mutex<Option<Pipeline>>>;

/// Nets that note what they do.
pub(super) struct NotedNets {
    facts: AnalyserFacts,
    /// Given back when this is dropped.
    pipeline: Option<Pipeline>,
    back: Shared,
    notes: Notes,
}

impl NotedNets {
    pub(super) fn new(pipeline: Pipeline, back: Shared, notes: Notes) -> Self {
        Self { facts: pipeline.facts().clone(), pipeline: Some(pipeline), back, notes }
    }

    fn noted<R>(
        &mut self,
        times: &mut StageTimes,
        is_new_frame: bool,
        work: impl FnOnce(&mut Pipeline, &mut StageTimes) -> Result<R, InferenceError>,
        faces: impl FnOnce(&R) -> (usize, usize),
    ) -> Result<R, InferenceError> {
        // There until this is dropped.
        let Some(pipeline) = &mut self.pipeline else {
            return Err(InferenceError::Runtime { step: "run".to_owned(), detail: "it is gone".to_owned() });
        };
        let (start, start_cpu, inside_before) = (Instant::now(), thread_cpu(), pipeline.inside());
        let mut spent = StageTimes::default();
        let result = work(pipeline, &mut spent)?;
        times.add(&spent);
        let mut noted = lock(&self.notes);
        if noted.first.is_none() {
            noted.first = Some(start);
            noted.first_cpu = Some(start_cpu);
            noted.inside_before = inside_before;
        }
        if is_new_frame {
            if noted.looks.len() == 1 {
                noted.first_done = noted.last;
            }
            noted.looks.push(FrameLook::default());
        }
        let (found, probed) = faces(&result);
        if let Some(look) = noted.looks.last_mut() {
            look.faces += found;
            look.probed += probed;
            look.times.add(&spent);
        }
        noted.inside = pipeline.inside();
        noted.last = Some(Instant::now());
        noted.last_cpu = thread_cpu();
        Ok(result)
    }
}

impl Drop for NotedNets {
    fn drop(&mut self) {
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = self.pipeline.take();
    }
}

impl FaceAnalyser for NotedNets {
    fn facts(&self) -> &AnalyserFacts {
        &self.facts
    }

    fn detect(
        &mut self,
        picture: &RgbPicture,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        self.noted(times, true, |nets, times| nets.detect(picture, times), |found| (found.len(), 0))
    }

    fn look_again(
        &mut self,
        picture: &RgbPicture,
        region: &Rect,
        times: &mut StageTimes,
    ) -> Result<Vec<Detection>, InferenceError> {
        // What it finds may be known already: only the follower can say.
        self.noted(times, false, |nets, times| nets.look_again(picture, region, times), |_| (0, 0))
    }

    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        times: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        self.noted(times, false, |nets, times| nets.probe(picture, detection, times), |_| (0, 1))
    }

    fn probe_all(
        &mut self,
        wanted: &[WantedFaces<'_>],
        times: &mut StageTimes,
    ) -> Result<Vec<Probes>, InferenceError> {
        let work = |nets: &mut Pipeline, times: &mut StageTimes| nets.probe_all(wanted, times);
        self.noted(times, false, work, |probes| (0, probes.iter().map(Vec::len).sum()))
    }
}
