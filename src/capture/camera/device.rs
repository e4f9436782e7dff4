//! A camera's stream, through nokhwa.

use std::borrow::Cow;

use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Camera, NokhwaError};

use super::controls::apply;
use super::format::modes;
use super::mode::{CameraMode, Encoding, choose};
use super::node::Node;
use super::system::System;
use super::trouble::{NO_MODE, explained};
use super::{CameraOptions, RawFrames};
use crate::capture::CaptureError;

/// An open camera.
pub(super) struct Device {
    system: System,
    index: u32,
    camera: Camera,
    mode: CameraMode,
}

impl Device {
    /// Opens the camera `/dev/videoN`, puts it into the most suitable of its modes, sets its controls and starts
    /// the stream.
    pub(super) fn open(system: &System, index: u32, options: &CameraOptions) -> Result<Self, CaptureError> {
        let says =
            |step: &'static str| move |error: NokhwaError| explained(system, index, step, &error.to_string());
        let wanted = prepare(system, index, options)?;
        // The mode is set already: nokhwa, which takes over what it finds, refuses a camera that another
        // program left in an encoding or at a rate that it does not know.
        let format = CameraFormat::new(
            Resolution::new(wanted.width, wanted.height),
            frame_format(wanted.encoding),
            wanted.fps,
        );
        let request = RequestedFormat::with_formats(
            RequestedFormatType::Exact(format),
            &[FrameFormat::YUYV, FrameFormat::MJPEG],
        );
        let mut camera = Camera::new(CameraIndex::Index(index), request).map_err(says("be opened"))?;
        // The driver has the last word on the size, which the buffers follow.
        let mode = mode_of(camera.camera_format()).unwrap_or(wanted);
        camera.open_stream().map_err(says("start its stream"))?;
        tracing::info!(%mode, index, "camera opened");
        Ok(Self { system: system.clone(), index, camera, mode })
    }

    pub(super) fn mode(&self) -> CameraMode {
        self.mode
    }
}

/// Puts the camera into the mode that suits, and sets its controls. What the driver makes of the mode is asked
/// anew, as it may take another size; the device is closed then, because who sets a mode keeps others
/// from streaming.
fn prepare(system: &System, index: u32, options: &CameraOptions) -> Result<CameraMode, CaptureError> {
    let says =
        |step: &'static str| move |error: std::io::Error| explained(system, index, step, &error.to_string());
    let mut node = Node::open(system, index).map_err(says("be opened"))?;
    let offered = node.formats().map_err(says("say which pictures it offers"))?;
    let wanted = choose(&modes(&offered), &options.wanted)
        .ok_or_else(|| explained(system, index, "be opened", NO_MODE))?;
    let set = node.set_mode(wanted).map_err(says("take its picture size and rate"))?;
    for problem in apply(&mut node, &options.controls) {
        tracing::warn!(index, detail = %problem.detail, hint = %problem.hint, "a control was not set");
    }
    Ok(set)
}

impl RawFrames for Device {
    fn next_raw(&mut self) -> Result<Cow<'_, [u8]>, CaptureError> {
        let (system, index) = (&self.system, self.index);
        let failed = |error: NokhwaError| explained(system, index, "give a frame", &error.to_string());
        self.camera.frame_raw().map_err(failed)
    }
}

fn frame_format(encoding: Encoding) -> FrameFormat {
    match encoding {
        Encoding::Yuyv => FrameFormat::YUYV,
        Encoding::Mjpeg => FrameFormat::MJPEG,
    }
}

fn mode_of(format: CameraFormat) -> Option<CameraMode> {
    let encoding = match format.format() {
        FrameFormat::YUYV => Encoding::Yuyv,
        FrameFormat::MJPEG => Encoding::Mjpeg,
        _ => return None,
    };
    Some(CameraMode { width: format.width(), height: format.height(), fps: format.frame_rate(), encoding })
}
