//! Where frames come from: the port, and what can stand behind it.

pub mod camera;
pub mod encode;
pub mod frame;
pub mod guard;
pub mod images;
pub mod listing;
mod newest;
pub mod picture;
pub mod picture_watch;
pub mod pool;
pub mod replay;
pub mod source;
pub mod stream;
pub mod video;
pub mod view;

pub use camera::{CameraAddress, CameraMemory, CameraOptions, ControlSettings, ControlValue, Wanted};
pub use frame::{Frame, FrameSequence, RgbPicture};
pub use source::{Clock, OpenOptions, SourceSpec, open};

use std::path::PathBuf;

use crossbeam_channel::Receiver;

/// Whether frames come at their own pace and may be missed, or wait to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Newest wins; what is not taken in time is dropped and counted.
    RealTime,
    /// Every frame is taken, on the frames' own clock.
    Lossless,
}

/// Why a source gives no frame. Each is a state on the screen, with a retry where one can help.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// There is nothing by that name, or nothing in it.
    #[error("{what} was not found: {hint}")]
    NotFound {
        /// The device, file or folder.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] picture::PictureError),
    /// A program that is needed is not installed.
    #[error("{program} was not found on PATH: {hint}")]
    ProgramMissing {
        /// Its name.
        program: &'static str,
        /// What to do.
        hint: String,
    },
    /// The device or stream failed while doing `step`.
    #[error("{what} could not {step}: {detail}")]
    Failed {
        /// The device, file or stream.
        what: String,
        /// What it was doing, as a verb with its object.
        step: &'static str,
        /// What was said.
        detail: String,
    },
    /// A file or folder cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A picture file that a source left out because it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedPicture {
    /// The file.
    pub path: PathBuf,
    /// Why, with what was expected; names the file.
    pub reason: String,
}

impl SkippedPicture {
    /// Notes it in the log, without the path above the level of debugging: files of portraits carry
    /// people's names.
    fn noted(path: PathBuf, error: &picture::PictureError, before: usize) -> Self {
        tracing::warn!(skipped = before + 1, "a picture could not be read and is left out");
        tracing::debug!(%error, "left out");
        Self { path, reason: error.to_string() }
    }
}

/// A source that is open. Owned by the capture thread; dropping it releases the device.
pub trait CaptureSource: Send {
    /// The next frame, or `None` when a recording has ended. A live source waits for it; a
    /// recording gives it at once, and whoever asks keeps the pace.
    ///
    /// # Errors
    /// [`CaptureError`] where the source failed; it is then dropped and opened again later.
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError>;

    /// Whether the frames are live; a recording's frames carry times of their own.
    fn is_live(&self) -> bool;

    /// Frames a second that the source means to give, for showing a recording at its own speed.
    fn nominal_fps(&self) -> f32;

    /// Hands over what ends a wait for a frame: it closes when nobody wants one any more. A source that
    /// waits for a device has a limit of its own and may pass this over.
    fn interrupt_with(&mut self, interrupt: Receiver<()>) {
        drop(interrupt);
    }

    /// The picture files that were left out so far, each once.
    fn skipped(&self) -> &[SkippedPicture] {
        &[]
    }
}
