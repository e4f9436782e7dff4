//! The capture thread: opens the source, keeps the pace, and opens it again when it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use crate::attendance::SourceRole;
use crate::capture::picture_watch::{PictureTrouble, PictureWatch};
use crate::capture::{CaptureError, CaptureSource, Frame, Pace};

use super::super::environment::Clock;
use super::super::latest::LatestSender;
use super::super::state::SourceIndex;

/// Opens the source; called again after each failure.
pub type OpenSource = Box<dyn FnMut() -> Result<Box<dyn CaptureSource>, CaptureError> + Send>;

/// A source an engine is to watch.
pub struct SourceParts {
    /// As `--source` says it.
    pub name: String,
    /// Which way people pass it.
    pub role: SourceRole,
    /// Whether frames may be missed.
    pub pace: Pace,
    /// Opens it.
    pub open: OpenSource,
}

/// What the engine tells the capture thread. The channel's end means stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceControl {
    /// Take no frames until told to go on.
    Pause,
    /// Go on.
    Resume,
}

/// What goes from capture to inference.
#[derive(Debug)]
pub enum FrameMessage {
    /// A frame.
    Frame(Frame),
    /// The recording is over; every frame of it was delivered.
    Ended,
}

/// What the capture thread tells the engine.
#[derive(Debug)]
pub enum SourceReport {
    /// It is being opened.
    Opening,
    /// Frames come.
    Streaming,
    /// It stopped at the operator's word.
    Paused,
    /// It has left out so many pictures that could not be read since it was opened.
    Skipped(u64),
    /// Its pictures are of little use, and why; none where they are good again.
    Trouble(Option<String>),
    /// It failed. Where a recording must be whole, it is not tried again.
    Failed {
        /// What happened and what to do.
        reason: String,
        /// After how long it is tried again; none where it is not.
        retry_after: Option<TimeDelta>,
    },
}

const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Short enough that a source is back within a few seconds of its cause being gone; an attempt every four
/// seconds is no burden to a device or a server.
const LONGEST_RETRY: Duration = Duration::from_secs(4);

/// Everything the capture thread owns.
pub(crate) struct CaptureWorker {
    pub(crate) parts: SourceParts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) frames: LatestSender<FrameMessage>,
    pub(crate) reports: Sender<(SourceIndex, SourceReport)>,
    /// What the engine calls it by.
    pub(crate) index: SourceIndex,
    /// Whether its pictures are of use.
    pub(crate) watch: PictureWatch,
    /// What was last said of them.
    pub(crate) trouble: Option<PictureTrouble>,
    pub(crate) control: Receiver<SourceControl>,
    /// Closed when the engine stops; nothing is ever sent. Interrupts a delivery without taking a
    /// control out of its channel.
    pub(crate) stop: Receiver<()>,
    /// Closed when somebody follows the events; nothing is ever sent. Where a recording must be
    /// whole, nothing is taken before that, so that nobody misses its beginning.
    pub(crate) gate: Receiver<()>,
}

/// Why a stretch of streaming is over.
enum Over {
    /// The picture stands still, which opening again can help.
    Frozen,
    Stopped,
    Ended,
    Failed(CaptureError),
}

impl CaptureWorker {
    /// Runs until the source has ended or the engine lets go of the control channel.
    pub(crate) fn run(mut self) {
        if self.parts.pace == Pace::Lossless {
            let _ = self.gate.recv();
        }
        let (mut retry, mut said) = (FIRST_RETRY, String::new());
        loop {
            if self.report(SourceReport::Opening).is_err() {
                return;
            }
            let over = match (self.parts.open)() {
                Ok(source) => self.stream(source, &mut retry),
                Err(error) => Over::Failed(error),
            };
            match over {
                Over::Stopped => return,
                Over::Frozen => {
                    tracing::warn!(source = %self.parts.name, "the picture stands still; opened again")
                }
                Over::Ended => {
                    let _ = self.frames.deliver(FrameMessage::Ended, &self.stop);
                    return;
                }
                Over::Failed(error) => {
                    let again = (self.parts.pace == Pace::RealTime).then_some(retry);
                    let retry_after = again.and_then(|wait| TimeDelta::from_std(wait).ok());
                    let reason = error.to_string();
                    // Once, and not with every try for days; the first wait means that pictures came before.
                    if retry == FIRST_RETRY || said != reason {
                        tracing::warn!(source = %self.parts.name, %reason, "the source failed");
                        said.clone_from(&reason);
                    }
                    let report = SourceReport::Failed { reason, retry_after };
                    if self.report(report).is_err() || again.is_none() || self.stopped_within(retry) {
                        return;
                    }
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    fn report(&self, report: SourceReport) -> Result<(), ()> {
        self.reports.send((self.index, report)).map_err(|_| ())
    }

    /// Waits for `wait`; whether the engine let go meanwhile.
    fn stopped_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            match self.control.recv_deadline(until) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    fn stream(&mut self, mut source: Box<dyn CaptureSource>, retry: &mut Duration) -> Over {
        source.interrupt_with(self.stop.clone());
        self.watch.begin_again();
        let is_live = source.is_live();
        let interval = Duration::from_secs_f32(1.0 / source.nominal_fps().clamp(0.1, 240.0));
        let mut due = Instant::now();
        let mut is_first = true;
        let mut skipped = 0;
        loop {
            if self.parts.pace == Pace::RealTime && !is_live {
                due = (due + interval).max(Instant::now() - interval);
                if self.wait_until(due).is_err() {
                    return Over::Stopped;
                }
            } else if self.obey().is_err() {
                return Over::Stopped;
            }
            let next = source.next_frame();
            let skipped_now = source.skipped().len() as u64;
            if std::mem::replace(&mut skipped, skipped_now) != skipped_now
                && self.report(SourceReport::Skipped(skipped_now)).is_err()
            {
                return Over::Stopped;
            }
            let mut frame = match next {
                Ok(Some(frame)) => frame,
                Ok(None) => return Over::Ended,
                Err(_) if self.stop.try_recv() == Err(TryRecvError::Disconnected) => return Over::Stopped,
                Err(error) => return Over::Failed(error),
            };
            if std::mem::take(&mut is_first) {
                *retry = FIRST_RETRY;
                if self.report(SourceReport::Streaming).is_err() {
                    return Over::Stopped;
                }
            }
            if is_live {
                match self.watch_picture(&frame, source.nominal_fps()) {
                    Err(()) => return Over::Stopped,
                    Ok(true) => return Over::Frozen,
                    Ok(false) => {}
                }
            }
            match self.parts.pace {
                Pace::RealTime => {
                    // A recording shown as a camera is seen now, whenever it was made.
                    frame.at = self.clock.now();
                    self.frames.replace(FrameMessage::Frame(frame));
                }
                // A pause asked for while the slot is full is obeyed at the next frame.
                Pace::Lossless => {
                    if self.frames.deliver(FrameMessage::Frame(frame), &self.stop).is_err() {
                        return Over::Stopped;
                    }
                }
            }
        }
    }

    /// Says what is wrong with the pictures where that has changed; whether they have just been found to
    /// stand still.
    fn watch_picture(&mut self, frame: &Frame, nominal_fps: f32) -> Result<bool, ()> {
        let trouble = self.watch.look(Instant::now(), &frame.picture, nominal_fps);
        let kind = |trouble: Option<PictureTrouble>| trouble.map(|trouble| std::mem::discriminant(&trouble));
        if kind(trouble) == kind(self.trouble) {
            return Ok(false);
        }
        self.trouble = trouble;
        self.report(SourceReport::Trouble(trouble.map(|trouble| trouble.to_string())))?;
        Ok(trouble == Some(PictureTrouble::Frozen))
    }

    /// Waits until `due`, obeying controls meanwhile; an error where the engine let go.
    fn wait_until(&self, due: Instant) -> Result<(), ()> {
        loop {
            match self.control.recv_deadline(due) {
                Ok(SourceControl::Pause) => return self.paused(),
                Ok(SourceControl::Resume) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(()),
            }
        }
    }

    fn obey(&self) -> Result<(), ()> {
        match self.control.try_recv() {
            Ok(SourceControl::Pause) => self.paused(),
            Ok(SourceControl::Resume) | Err(TryRecvError::Empty) => Ok(()),
            Err(TryRecvError::Disconnected) => Err(()),
        }
    }

    fn paused(&self) -> Result<(), ()> {
        self.report(SourceReport::Paused)?;
        loop {
            match self.control.recv() {
                Ok(SourceControl::Resume) => {
                    return self.report(SourceReport::Streaming);
                }
                Ok(SourceControl::Pause) => {}
                Err(_) => return Err(()),
            }
        }
    }
}
