//! What `--source` says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::camera::{CameraAddress, CameraOptions, CameraSource};
use super::images::ImagesSource;
use super::replay::{ReplayOptions, ReplaySource};
use super::stream::address::{AddressError, Scheme, StreamAddress};
use super::stream::{StreamOptions, StreamSource};
use super::video::{VideoOptions, VideoSource};
use super::view::{View, ViewedSource};
use super::{CaptureError, CaptureSource, images};

/// A source as it is written: `images:GLOB`, `replay:DIR`, `video:FILE`, `camera:N`, `camera:/dev/...`, or the
/// address of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// Stills, one frame each, in the order of their names.
    Images(String),
    /// Stills shown as a camera would: pan, zoom, brightness, noise; seeded.
    Replay(PathBuf),
    /// A recording, through the ffmpeg program.
    Video(PathBuf),
    /// A camera of this machine, by its number or by a path to its device.
    Camera(CameraAddress),
    /// A live stream of the network, through the ffmpeg program.
    Stream(StreamAddress),
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceSpecError {
    /// No kind of source begins so.
    #[error(
        "`{text}` names no source: expected camera:N, camera:/dev/..., video:FILE, replay:DIR, images:GLOB, rtsp://... or http://..."
    )]
    Unknown {
        /// What was written; only the kind where the rest may hold a password.
        text: String,
    },
    /// The address of a stream is none.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl FromStr for SourceSpec {
    type Err = SourceSpecError;

    fn from_str(text: &str) -> Result<Self, SourceSpecError> {
        // What looks like an address may hold a password, and is not repeated.
        let told = if text.contains('@') { text.split(':').next().unwrap_or_default() } else { text };
        let error = || SourceSpecError::Unknown { text: told.to_owned() };
        let (kind, rest) = text.split_once(':').ok_or_else(error)?;
        let is_scheme = |kind: &str| Scheme::ALL.iter().any(|known| known.name().eq_ignore_ascii_case(kind));
        if is_scheme(kind) {
            return Ok(Self::Stream(text.parse()?));
        }
        if rest.is_empty() {
            return Err(error());
        }
        match kind {
            "images" => Ok(Self::Images(rest.to_owned())),
            "replay" => Ok(Self::Replay(PathBuf::from(rest))),
            "video" if rest.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) => {
                Ok(Self::Stream(rest.parse()?))
            }
            "video" => Ok(Self::Video(PathBuf::from(rest))),
            "camera" => rest.parse().map(Self::Camera).map_err(|_| error()),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(pattern) => write!(f, "images:{pattern}"),
            Self::Replay(dir) => write!(f, "replay:{}", dir.display()),
            Self::Video(file) => write!(f, "video:{}", file.display()),
            Self::Camera(address) => write!(f, "camera:{address}"),
            Self::Stream(address) => write!(f, "{address}"),
        }
    }
}

impl SourceSpec {
    /// Whether the source ends by itself and its frames carry their own times.
    pub fn is_recording(&self) -> bool {
        !matches!(self, Self::Camera(_) | Self::Stream(_))
    }
}

/// Tells the time. Passed in, so that what is live can be tested without waiting.
pub type Clock = fn() -> DateTime<Utc>;

/// How a source is opened. What does not concern its kind is not looked at.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// When a recording is taken to have begun; frame n of it is n / fps later.
    pub start: DateTime<Utc>,
    /// Times the frames of a live source.
    pub clock: Clock,
    /// Whether a replay or a video begins again at its end, for ever: for showing one as a camera.
    /// Stills are shown once in any case.
    pub looping: bool,
    /// Frames a second of `images:`.
    pub images_fps: f32,
    /// How a replay looks; its `looping` is not looked at, the one here is.
    pub replay: ReplayOptions,
    /// How a video is scaled and at which rate it is read; its `looping` likewise.
    pub video: VideoOptions,
    /// How a stream is read.
    pub stream: StreamOptions,
    /// How a camera is opened.
    pub camera: CameraOptions,
    /// How the pictures are seen.
    pub view: View,
}

impl OpenOptions {
    /// The common sizes and rates, from `clock`'s time on.
    pub fn new(clock: Clock, looping: bool) -> Self {
        Self {
            start: clock(),
            clock,
            looping,
            images_fps: images::DEFAULT_FPS,
            replay: ReplayOptions::default(),
            video: VideoOptions::default(),
            stream: StreamOptions::default(),
            camera: CameraOptions::default(),
            view: View::default(),
        }
    }
}

/// Opens what `spec` says. Blocks while a device or a program answers: call it from the capture thread.
///
/// # Errors
/// [`CaptureError`] with what is missing and what to do; worth a retry for a camera and a stream.
pub fn open(spec: &SourceSpec, options: &OpenOptions) -> Result<Box<dyn CaptureSource>, CaptureError> {
    let looping = options.looping;
    let source: Box<dyn CaptureSource> = match spec {
        SourceSpec::Images(pattern) => {
            Box::new(ImagesSource::open(pattern, options.start, options.images_fps)?)
        }
        SourceSpec::Replay(dir) => Box::new(ReplaySource::open(
            dir,
            options.start,
            ReplayOptions { looping, ..options.replay.clone() },
        )?),
        SourceSpec::Video(file) => Box::new(VideoSource::open(
            file,
            options.start,
            VideoOptions { looping, ..options.video.clone() },
        )?),
        SourceSpec::Camera(address) => Box::new(CameraSource::open(address, options.clock, &options.camera)?),
        SourceSpec::Stream(address) => {
            Box::new(StreamSource::open(address.clone(), options.clock, options.stream.clone())?)
        }
    };
    Ok(ViewedSource::around(source, options.view))
}

/// `fps` where it is a rate that a recording can have, `otherwise` where it is not.
pub(super) fn sane_fps(fps: f32, otherwise: f32) -> f32 {
    if fps.is_finite() && (0.001..=1000.0).contains(&fps) { fps } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_shown() {
        for text in [
            "images:/a/*.jpg",
            "replay:data/demo",
            "video:x:y.mp4",
            "camera:3",
            "camera:/dev/v4l/by-id/usb-x-video-index0",
            "rtsp://cam:554/1",
        ] {
            assert_eq!(text.parse::<SourceSpec>().unwrap().to_string(), text);
        }
        for text in ["", "camera", "camera:", "camera:front", "camera:dev/video0", "screen:0", ":x"] {
            assert!(text.parse::<SourceSpec>().unwrap_err().to_string().contains("expected camera:N"));
        }
        let stream: SourceSpec = "video:http://u:secret@cam/x".parse().unwrap();
        assert_eq!((stream.to_string().as_str(), stream.is_recording()), ("http://***@cam/x", false));
        for text in ["rtsp://u:secret@/x", "rstp://u:secret@cam/x", "video:rtsp://u:secret@:1"] {
            let message = text.parse::<SourceSpec>().unwrap_err().to_string();
            assert!(message.contains("expected") && !message.contains("secret"), "{message}");
        }
    }
}
