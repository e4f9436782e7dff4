//! What `muster bench pipeline` prints.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::attendance::PersonId;
use crate::capture::Pace;
use crate::inference::StageTimes;

use super::super::nets::Running;
use super::super::output::columns;
use super::figures::{Percentiles, ms, peak_memory_mb};
use super::noted::Noted;
use super::pipeline::Said;

/// How many frames there were.
#[derive(Debug, Serialize)]
struct Frames {
    offered: u64,
    processed: u64,
    /// Of those, the ones that the detector looked at; the others were like one with nobody in it.
    looked_at: usize,
    dropped: u64,
}

/// The time of the nets' thread.
#[derive(Debug, Serialize)]
struct InRuntime {
    /// Processor time inside ONNX Runtime.
    inside_s: f64,
    /// Processor time outside, from the first frame to the last.
    outside_s: f64,
    /// The second by the first.
    outside_share: f64,
    /// By the clock on the wall.
    inside_wall_s: f64,
}

/// The same runs of the same nets, with nothing around them.
#[derive(Debug, Default, Serialize)]
pub(super) struct NetsAlone {
    fps: f64,
    /// The pipeline's frames a second by that.
    share: f64,
    /// Milliseconds a run, by the file.
    run_ms: BTreeMap<String, f64>,
    runs: BTreeMap<String, u64>,
    #[serde(skip)]
    all: Duration,
}

impl NetsAlone {
    /// A net that ran `runs` times, and takes `mean` by itself.
    pub(super) fn net(&mut self, name: &str, runs: u64, mean: Duration) {
        self.run_ms.insert(name.to_owned(), ms(mean));
        self.runs.insert(name.to_owned(), runs);
        self.all += Duration::from_secs_f64(mean.as_secs_f64() * runs as f64);
    }

    /// Beside a pipeline that took in `processed` frames at `fps`.
    fn beside(mut self, processed: u64, fps: f64) -> Self {
        self.fps = processed as f64 / self.all.as_secs_f64();
        self.share = fps / self.fps;
        self
    }
}

/// Terminals that looked on.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Lookers {
    /// How many.
    pub(super) clients: usize,
    /// Events that they were told, all together.
    pub(super) told: u64,
}

/// What is known of a run besides what was noted.
pub(super) struct Run {
    pub(super) source: String,
    pub(super) pace: Pace,
    pub(super) start: Instant,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) processed: u64,
    pub(super) dropped: u64,
    pub(super) lookers: Lookers,
    pub(super) threads: usize,
}

/// Everything, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct PipelineObject {
    kind: &'static str,
    source: String,
    every_net: bool,
    real_time: bool,
    provider: String,
    pack: String,
    /// Threads that the nets run on, each net on one.
    threads: usize,
    cores: usize,
    width: u32,
    height: u32,
    seconds: f64,
    frames: Frames,
    fps: f64,
    /// Terminals that looked on.
    lookers: Lookers,
    faces: usize,
    faces_per_frame: f64,
    /// Faces that all nets looked at.
    probed: usize,
    people: Vec<String>,
    unidentified: usize,
    stages_ms: BTreeMap<&'static str, Percentiles>,
    /// Frames from the first in which a person was seen to the one that decided.
    decision_frames: Option<Percentiles>,
    /// From the frame that decided to the decision.
    decision_ms: Option<Percentiles>,
    /// From the frame that decided to the record on disk.
    record_ms: Option<Percentiles>,
    runtime: InRuntime,
    nets_alone: Option<NetsAlone>,
    cpu_s: f64,
    /// Of one core, while it ran.
    cpu_share: f64,
    peak_memory_mb: Option<f64>,
    start_to_first_frame_ms: f64,
}

impl PipelineObject {
    pub(super) fn new(
        run: &Run,
        every_net: bool,
        running: &Running,
        noted: &Noted,
        said: &Said,
        names: &BTreeMap<PersonId, String>,
        alone: Option<NetsAlone>,
    ) -> Self {
        let first = noted.first.unwrap_or(run.start);
        let given = noted.given.last().map(|frame| frame.given);
        let last = noted.last.max(given).unwrap_or(first);
        let seconds = (last - first).as_secs_f64();
        let processed = run.processed;
        let fps = processed as f64 / seconds;
        let faces: usize = noted.looks.iter().map(|look| look.faces).sum();
        let mut people: Vec<String> =
            said.people.iter().map(|id| names.get(id).cloned().unwrap_or_else(|| id.to_string())).collect();
        people.sort();
        let (width, height) = noted.given.last().map_or((0, 0), |frame| frame.size);
        Self {
            kind: "pipeline",
            source: run.source.clone(),
            every_net,
            real_time: run.pace == Pace::RealTime,
            provider: running.provider_name(),
            pack: running.pack.clone(),
            threads: run.threads,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            width,
            height,
            seconds,
            frames: Frames {
                offered: noted.given.len() as u64,
                processed,
                looked_at: noted.looks.len(),
                dropped: run.dropped,
            },
            fps,
            lookers: run.lookers,
            faces,
            faces_per_frame: faces as f64 / processed as f64,
            probed: noted.looks.iter().map(|look| look.probed).sum(),
            people,
            unidentified: said.unidentified,
            stages_ms: stages(noted),
            decision_frames: Percentiles::of(said.decision_frames.clone()),
            decision_ms: Percentiles::of(said.decision_ms.clone()),
            record_ms: Percentiles::of(said.record_ms.clone()),
            runtime: InRuntime::of(noted),
            nets_alone: alone.map(|alone| alone.beside(processed, fps)),
            cpu_s: run.cpu.as_secs_f64(),
            cpu_share: run.cpu.as_secs_f64() / run.wall.as_secs_f64(),
            peak_memory_mb: peak_memory_mb(),
            start_to_first_frame_ms: noted.first_done.map_or(0.0, |done| ms(done - run.start)),
        }
    }

    /// The same for a reader.
    pub(super) fn text(&self) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let stages = self.stages_ms.iter().map(|(name, found)| (*name, Some(found)));
        let others = [("frame to decision", &self.decision_ms), ("frame to record", &self.record_ms)];
        for (name, found) in stages.chain(others.map(|(name, found)| (name, found.as_ref()))) {
            if let Some(found) = found {
                let cells = [found.p50, found.p95, found.p99].map(|value| format!("{value:.2}"));
                rows.push([vec![name.to_owned(), found.count.to_string()], cells.to_vec()].concat());
            }
        }
        let mut lines = vec![
            format!(
                "{}x{}, {} frames, {} dropped, {:.1} frames a second, {:.2} faces a frame, on {}",
                self.width,
                self.height,
                self.frames.processed,
                self.frames.dropped,
                self.fps,
                self.faces_per_frame,
                self.provider.to_uppercase()
            ),
            columns(&["ms", "times", "p50", "p95", "p99"], &rows),
            format!(
                "outside ONNX Runtime: {:.1} % of the time inside; processor: {:.0} % of a core; memory: {} MB at most",
                100.0 * self.runtime.outside_share,
                100.0 * self.cpu_share,
                self.peak_memory_mb.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.0}"))
            ),
        ];
        if let Some(alone) = &self.nets_alone {
            let share = 100.0 * alone.share;
            lines.push(format!(
                "the nets alone: {:.1} frames a second, of which this is {share:.0} %",
                alone.fps
            ));
        }
        if let Some(frames) = &self.decision_frames {
            lines.push(format!("a decision took {} frames, {} at most of 95 %", frames.p50, frames.p95));
        }
        lines.push(format!("decided: {}; unidentified: {}", self.people.join(", "), self.unidentified));
        lines.join("\n")
    }
}

impl InRuntime {
    fn of(noted: &Noted) -> Self {
        let (inside, all) = noted.thread_cpu();
        let outside = all.saturating_sub(inside);
        Self {
            inside_s: inside.as_secs_f64(),
            outside_s: outside.as_secs_f64(),
            outside_share: outside.as_secs_f64() / inside.as_secs_f64(),
            inside_wall_s: noted.inside_wall().as_secs_f64(),
        }
    }
}

/// A stage's name, and its part of a frame's times.
type Stage = (&'static str, fn(&StageTimes) -> Duration);

/// What each stage took, over the frames in which it was run.
fn stages(noted: &Noted) -> BTreeMap<&'static str, Percentiles> {
    let stages: [Stage; 5] = [
        ("detect", |times| times.detect),
        ("landmarks", |times| times.landmarks),
        ("align", |times| times.align),
        ("liveness", |times| times.liveness),
        ("embed", |times| times.embed),
    ];
    let read = Percentiles::of(noted.given.iter().map(|frame| ms(frame.read)).collect());
    let named = stages.into_iter().filter_map(|(name, time)| {
        let times = noted.looks.iter().map(|look| time(&look.times)).filter(|time| !time.is_zero());
        Some((name, Percentiles::of(times.map(ms).collect())?))
    });
    named.chain(read.map(|read| ("read", read))).collect()
}
