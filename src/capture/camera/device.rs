//! The device itself: the only file that names nokhwa.

use std::borrow::Cow;
use std::path::Path;

use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Camera, NokhwaError};

use super::RawFrames;
use super::mode::{CameraMode, Encoding, choose};
use crate::capture::{CaptureError, listing};

/// The path of a camera.
pub(super) fn path_of(index: u32) -> String {
    format!("/dev/video{index}")
}

/// An open camera.
pub(super) struct Device {
    name: String,
    camera: Camera,
    mode: CameraMode,
}

impl Device {
    /// Opens the camera, puts it into the most suitable of its modes and starts the stream.
    pub(super) fn open(index: u32) -> Result<Self, CaptureError> {
        let name = path_of(index);
        let says = |step: &'static str| {
            let name = name.clone();
            move |error: NokhwaError| explained(&name, step, &error.to_string())
        };
        // No wish for a size: what is wished for and not offered is refused, so the choice is made from
        // the camera's own list.
        let any = RequestedFormat::with_formats(
            RequestedFormatType::None,
            &[FrameFormat::YUYV, FrameFormat::MJPEG],
        );
        let mut camera = Camera::new(CameraIndex::Index(index), any).map_err(says("be opened"))?;
        let offered: Vec<CameraMode> = camera
            .compatible_camera_formats()
            .map_err(says("say which pictures it offers"))?
            .into_iter()
            .filter_map(mode_of)
            .collect();
        // What opening has set is offered too, even where the list leaves it out.
        let current = mode_of(camera.camera_format());
        let Some(wanted) = choose(&offered).or(current) else {
            return Err(explained(&name, "be opened", "Failed to Fufill"));
        };
        if current != Some(wanted) {
            set_mode(&mut camera, wanted).map_err(says("take its picture size and rate"))?;
        }
        // The driver has the last word on the size, which the buffers follow. Where it cannot be asked (a
        // rate of 30000/1001 is an error there), it has accepted what was set.
        let mode = camera.refresh_camera_format().ok().and_then(mode_of).unwrap_or(wanted);
        camera.open_stream().map_err(says("start its stream"))?;
        tracing::info!(?mode, camera = %name, "camera opened");
        Ok(Self { name, camera, mode })
    }

    pub(super) fn mode(&self) -> CameraMode {
        self.mode
    }
}

impl RawFrames for Device {
    fn next_raw(&mut self) -> Result<Cow<'_, [u8]>, CaptureError> {
        let name = &self.name;
        self.camera.frame_raw().map_err(|error| explained(name, "give a frame", &error.to_string()))
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

#[allow(deprecated, reason = "the successor takes a wish and not a mode out of the camera's own list")]
fn set_mode(camera: &mut Camera, mode: CameraMode) -> Result<(), NokhwaError> {
    let format = match mode.encoding {
        Encoding::Yuyv => FrameFormat::YUYV,
        Encoding::Mjpeg => FrameFormat::MJPEG,
    };
    camera.set_camera_format(CameraFormat::new(Resolution::new(mode.width, mode.height), format, mode.fps))
}

/// Whether there is such a device that this user may open; asked without opening it.
pub(super) fn check_present(index: u32) -> Result<(), CaptureError> {
    use rustix::fs::{Access, access};
    let name = path_of(index);
    match access(Path::new(&name), Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Ok(()),
        Err(error) => Err(explained(&name, "be opened", &std::io::Error::from(error).to_string())),
    }
}

/// The error for what the system or the binding said. The binding gives texts, which carry the
/// system's error number as `os error N`.
fn explained(name: &str, step: &'static str, said: &str) -> CaptureError {
    let number = said.rsplit_once("os error ").and_then(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i32>().ok()
    });
    let failed = |detail: String| CaptureError::Failed { what: name.to_owned(), step, detail };
    match number.map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::NOENT | rustix::io::Errno::NODEV | rustix::io::Errno::NXIO) => {
            CaptureError::NotFound { what: name.to_owned(), hint: what_is_there(Path::new("/dev")) }
        }
        Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => failed(
            "permission denied; join the group `video` with `sudo usermod -aG video $USER` and log in again"
                .into(),
        ),
        Some(rustix::io::Errno::BUSY) => failed("another program is using it; end that program".into()),
        _ if said.contains("Failed to Fufill") => failed(format!(
            "it offers no picture in YUYV or MJPEG (some /dev/video files carry no picture); {}",
            what_is_there(Path::new("/dev"))
        )),
        _ => failed(said.chars().filter(|c| !c.is_control()).take(200).collect()),
    }
}

/// What to do where the camera asked for is not the right one.
fn what_is_there(dev: &Path) -> String {
    let entries = std::fs::read_dir(dev).into_iter().flatten().flatten();
    let mut numbers: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse::<u32>().ok())
        .map(|number| format!("camera:{number}"))
        .collect();
    numbers.sort_by(|a, b| listing::natural_order(Path::new(a), Path::new(b)));
    match numbers.as_slice() {
        [] => "no camera is there; plug one in".to_owned(),
        some => format!("plug it in, or choose what is there: {}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_says_what_to_do() {
        let text = |said: &str| explained("/dev/video9", "be opened", said).to_string();
        let not_found =
            explained("/dev/video9", "be opened", "V4L2 Error: No such file or directory (os error 2)");
        assert!(matches!(not_found, CaptureError::NotFound { .. }), "{not_found}");
        assert!(matches!(explained("v", "s", "gone (os error 19)"), CaptureError::NotFound { .. }));
        assert!(
            text("Could not open device 9: Permission denied (os error 13)").contains("usermod -aG video")
        );
        assert!(text("Device or resource busy (os error 16)").contains("another program is using it"));
        assert!(
            text("Could not get device property CameraFormat: Failed to Fufill").contains("YUYV or MJPEG")
        );
        assert_eq!(text("other\n"), "/dev/video9 could not be opened: other");
    }

    #[test]
    fn the_cameras_that_are_there_are_named() {
        let dev = tempfile::tempdir().unwrap();
        assert_eq!(what_is_there(dev.path()), "no camera is there; plug one in");
        for name in ["video10", "video2", "videodrome", "tty0"] {
            std::fs::write(dev.path().join(name), "").unwrap();
        }
        assert_eq!(what_is_there(dev.path()), "plug it in, or choose what is there: camera:2, camera:10");
    }
}
