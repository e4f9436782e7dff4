//! The inference thread: owns the nets. The live frame comes first, then one picture of an
//! enrolment, then the next frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, never};

use crate::capture::{Frame, RgbPicture, picture};
use crate::inference::{AnalyserFacts, FaceAnalyser, FrameAnalysis, InferenceError};

use super::super::handle::Board;
use super::super::state::{Preview, SourceIndex};
use super::capture::FrameMessage;
use super::look::{self, LiveLook, LookError, LookedAt, Planned};

/// Loads the nets; runs on the inference thread, which then owns them.
pub type LoadAnalyser = Box<dyn FnOnce() -> Result<Box<dyn FaceAnalyser>, InferenceError> + Send>;

/// The nets, or why there are none.
type Analyser = Result<Box<dyn FaceAnalyser>, String>;

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
    Observed { source: SourceIndex, frame: Frame, looked: Option<LookedAt> },
    /// A picture was looked at.
    Job(JobOutcome),
    /// The recording is over; everything before was reported.
    SourceEnded(SourceIndex),
}

/// What comes from one source, and who is followed in it.
pub(crate) struct Feed {
    pub(crate) source: SourceIndex,
    /// Closed means that no frame comes any more.
    pub(crate) frames: Receiver<FrameMessage>,
    pub(crate) look: LiveLook,
}

/// Everything the inference thread owns.
pub(crate) struct InferenceWorker {
    pub(crate) load: Option<LoadAnalyser>,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) reports: Sender<InferenceReport>,
    pub(crate) board: Arc<Board>,
}

/// What the thread does next.
enum Work {
    /// A frame of the feed at this place.
    Frame(usize, FrameMessage),
    Job(Job),
    /// A source gives no frames any more.
    FeedClosed,
    /// The engine has let go.
    Stop,
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
        // Whose frame is taken first: each source has its turn, however fast another is.
        let mut first = 0;
        loop {
            // A frame that waits goes first; a picture is taken only between frames.
            let waiting = self.waiting_frames(first, &analyser);
            let outcome = match waiting.last() {
                Some((feed, _)) => {
                    first = feed + 1;
                    self.take_frames(waiting, &mut analyser, &mut previews).and_then(|()| {
                        self.jobs.try_recv().map_or(Ok(()), |job| self.do_job(job, &mut analyser))
                    })
                }
                None => match self.next_work() {
                    Work::Frame(feed, message) => {
                        first = feed + 1;
                        self.take_frames(vec![(feed, message)], &mut analyser, &mut previews)
                    }
                    Work::Job(job) => self.do_job(job, &mut analyser),
                    Work::FeedClosed => Ok(()),
                    Work::Stop => Err(()),
                },
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    /// The frames that are there already, of the feed `first` and those after it, each with its feed: one, or one
    /// of each feed where nets gain by looking at several.
    fn waiting_frames(&self, first: usize, analyser: &Analyser) -> Vec<(usize, FrameMessage)> {
        let count = self.feeds.len();
        let at_once = if analyser.as_ref().is_ok_and(|nets| nets.takes_several()) { count } else { 1 };
        (first..first + count)
            .map(|turn| turn % count)
            .filter_map(|feed| Some((feed, self.feeds[feed].frames.try_recv().ok()?)))
            .take(at_once)
            .collect()
    }

    /// Waits for a frame or a picture.
    fn next_work(&mut self) -> Work {
        let mut select = Select::new();
        let jobs = select.recv(&self.jobs);
        for feed in &self.feeds {
            select.recv(&feed.frames);
        }
        let operation = select.select();
        let ready = operation.index();
        if ready == jobs {
            return operation.recv(&self.jobs).map_or(Work::Stop, Work::Job);
        }
        let feed = ready - jobs - 1;
        match operation.recv(&self.feeds[feed].frames) {
            Ok(message) => Work::Frame(feed, message),
            Err(_) => {
                self.feeds[feed].frames = never();
                Work::FeedClosed
            }
        }
    }

    /// Looks at frames, at most one of each feed, and says what came of each.
    fn take_frames(
        &mut self,
        messages: Vec<(usize, FrameMessage)>,
        analyser: &mut Analyser,
        previews: &mut PreviewMaker,
    ) -> Result<(), ()> {
        let mut frames = Vec::with_capacity(messages.len());
        for (feed, message) in messages {
            match message {
                FrameMessage::Frame(frame) => {
                    let planned = match analyser {
                        Ok(analyser) => self.plan(feed, &frame, analyser.as_mut())?,
                        Err(_) => None,
                    };
                    frames.push((feed, frame, planned));
                }
                FrameMessage::Ended => {
                    let source = self.feeds[feed].source;
                    self.reports.send(InferenceReport::SourceEnded(source)).map_err(|_| ())?;
                }
            }
        }
        let mut wanted: Vec<_> =
            frames.iter_mut().filter_map(|(_, frame, planned)| Some((&*frame, planned.as_mut()?))).collect();
        let probes = match analyser {
            Ok(analyser) => look::probe(analyser.as_mut(), &mut wanted),
            Err(_) => Ok(Vec::new()),
        };
        let mut probes = probes
            .inspect_err(|error| tracing::error!(%error, "the faces of a frame could not be looked at"))
            .unwrap_or_default()
            .into_iter();
        for (feed, frame, planned) in frames {
            let Feed { source, look, .. } = &mut self.feeds[feed];
            let source = *source;
            // Where the nets failed there are none for any of the frames.
            let looked = planned.and_then(|planned| Some(look.conclude(&frame, planned, probes.next()?)));
            if self.board.focus.get().as_ref() == &source {
                previews.offer(&frame, &self.board);
            }
            self.reports.send(InferenceReport::Observed { source, frame, looked }).map_err(|_| ())?;
        }
        Ok(())
    }

    /// What of a frame all nets are to look at; none where its faces cannot be found.
    fn plan(
        &mut self,
        feed: usize,
        frame: &Frame,
        analyser: &mut dyn FaceAnalyser,
    ) -> Result<Option<Planned>, ()> {
        match self.feeds[feed].look.plan(analyser, frame) {
            Ok(planned) => Ok(Some(planned)),
            Err(LookError::Gone) => Err(()),
            Err(LookError::Inference(error)) => {
                tracing::error!(%error, "a frame could not be looked at");
                Ok(None)
            }
        }
    }

    fn do_job(&self, job: Job, analyser: &mut Analyser) -> Result<(), ()> {
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
