//! The inference thread: owns the nets. The live frame comes first, then one picture of an
//! enrolment, then the next frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select};

use crate::capture::{Frame, RgbPicture, picture};
use crate::inference::{AnalyserFacts, FaceAnalyser, FrameAnalysis, InferenceError};

use super::super::handle::Board;
use super::super::state::Preview;
use super::capture::FrameMessage;
use super::look::{LiveLook, LookError, LookedAt};

/// Loads the nets; runs on the inference thread, which then owns them.
pub type LoadAnalyser = Box<dyn FnOnce() -> Result<Box<dyn FaceAnalyser>, InferenceError> + Send>;

/// Names a picture that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct JobId(pub(crate) u64);

/// A picture to be looked at, every face of it with all nets.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// The path as the user wrote it, for messages.
    pub(crate) label: String,
    pub(crate) picture: JobPicture,
}

/// What a [`Job`] looks at.
#[derive(Debug)]
pub(crate) enum JobPicture {
    /// A picture file, not read yet.
    Encoded(Vec<u8>),
    /// A frame.
    Pixels(RgbPicture),
}

/// What came of a [`Job`].
#[derive(Debug)]
pub(crate) struct JobOutcome {
    pub(crate) id: JobId,
    pub(crate) label: String,
    pub(crate) result: Result<(RgbPicture, FrameAnalysis), JobFailure>,
}

/// Why nothing came of a [`Job`].
#[derive(Debug)]
pub(crate) enum JobFailure {
    /// The picture cannot be read.
    Picture(String),
    /// The nets are not there or failed.
    Inference(String),
}

/// What the inference thread tells the engine.
#[derive(Debug)]
pub(crate) enum InferenceReport {
    /// The nets are loaded.
    Ready(AnalyserFacts),
    /// They are not, and why.
    Unavailable(String),
    /// A frame was looked at, or could not be where the nets are missing. Who was looked at is
    /// answered with [`Attention`].
    Observed { frame: Frame, looked: Option<LookedAt> },
    /// A picture was looked at.
    Job(JobOutcome),
    /// The recording is over; everything before was reported.
    SourceEnded,
}

/// Everything the inference thread owns.
pub(crate) struct InferenceWorker {
    pub(crate) load: Option<LoadAnalyser>,
    /// Closed means that the engine stops; where there is no source, a channel that stays silent.
    pub(crate) frames: Option<Receiver<FrameMessage>>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) reports: Sender<InferenceReport>,
    pub(crate) board: Arc<Board>,
    pub(crate) look: LiveLook,
}

impl InferenceWorker {
    /// Runs until the engine lets go of the job channel.
    pub(crate) fn run(mut self) {
        let loaded = self.load.take().map(|load| load());
        let (mut analyser, first) = match loaded {
            None => (Err("no nets were asked for".to_owned()), None),
            Some(Ok(analyser)) => {
                let ready = InferenceReport::Ready(analyser.facts().clone());
                (Ok(analyser), Some(ready))
            }
            Some(Err(error)) => {
                let reason = error.to_string();
                (Err(reason.clone()), Some(InferenceReport::Unavailable(reason)))
            }
        };
        if first.is_some_and(|report| self.reports.send(report).is_err()) {
            return;
        }
        let mut previews = PreviewMaker::default();
        let mut frames = self.frames.take().unwrap_or_else(never);
        loop {
            // A frame that waits goes first; a picture is taken only between frames.
            let message = match frames.try_recv() {
                Ok(message) => Some(message),
                Err(crossbeam_channel::TryRecvError::Disconnected) => {
                    frames = never();
                    None
                }
                Err(crossbeam_channel::TryRecvError::Empty) => None,
            };
            if let Some(message) = message {
                if self.take_frame(message, &mut analyser, &mut previews).is_err() {
                    return;
                }
                if let Ok(job) = self.jobs.try_recv()
                    && self.do_job(job, &mut analyser).is_err()
                {
                    return;
                }
                continue;
            }
            let outcome = select! {
                recv(frames) -> message => match message {
                    Ok(message) => self.take_frame(message, &mut analyser, &mut previews),
                    Err(_) => { frames = never(); Ok(()) }
                },
                recv(self.jobs) -> job => match job {
                    Ok(job) => self.do_job(job, &mut analyser),
                    Err(_) => Err(()),
                },
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn take_frame(
        &mut self,
        message: FrameMessage,
        analyser: &mut Result<Box<dyn FaceAnalyser>, String>,
        previews: &mut PreviewMaker,
    ) -> Result<(), ()> {
        let FrameMessage::Frame(frame) = message else {
            return self.reports.send(InferenceReport::SourceEnded).map_err(|_| ());
        };
        let looked = match analyser {
            Ok(analyser) => match self.look.look(analyser.as_mut(), &frame) {
                Ok(looked) => Some(looked),
                Err(LookError::Gone) => return Err(()),
                Err(LookError::Inference(error)) => {
                    tracing::error!(%error, "a frame could not be looked at");
                    None
                }
            },
            Err(_) => None,
        };
        previews.offer(&frame, &self.board);
        self.reports.send(InferenceReport::Observed { frame, looked }).map_err(|_| ())
    }

    fn do_job(&self, job: Job, analyser: &mut Result<Box<dyn FaceAnalyser>, String>) -> Result<(), ()> {
        let Job { id, label, picture } = job;
        let pixels = match picture {
            JobPicture::Pixels(pixels) => Ok(pixels),
            JobPicture::Encoded(bytes) => {
                picture::decode(&bytes, &label).map_err(|error| JobFailure::Picture(error.to_string()))
            }
        };
        let result = match analyser {
            Err(reason) => Err(JobFailure::Inference(reason.clone())),
            Ok(analyser) => pixels.and_then(|pixels| match analyser.analyse(&pixels) {
                Ok(analysis) => Ok((pixels, analysis)),
                Err(error) => Err(JobFailure::Inference(error.to_string())),
            }),
        };
        let outcome = JobOutcome { id, label, result };
        self.reports.send(InferenceReport::Job(outcome)).map_err(|_| ())
    }
}

/// Makes small pictures at the rate a screen asked for.
#[derive(Default)]
struct PreviewMaker {
    last: Option<Instant>,
}

impl PreviewMaker {
    fn offer(&mut self, frame: &Frame, board: &Board) {
        let request = board.preview_request.get();
        let Some(request) = *request else { return };
        if request.max_width == 0 || request.max_height == 0 {
            return;
        }
        // A little early is on time: a rate just under the source's must not halve it.
        let interval = Duration::from_secs_f32(0.9 / request.max_fps.clamp(0.1, 120.0));
        if self.last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        self.last = Some(Instant::now());
        let small = frame.picture.resized_to_fit(request.max_width, request.max_height);
        board.preview.set(Some(Preview {
            width: small.width(),
            height: small.height(),
            rgb: small.data().to_vec(),
            frame: frame.sequence.0,
        }));
    }
}
