//! Errors of a device as words that say what to do.

use rustix::io::Errno;

use super::address::what_is_there;
use super::holders::{holders, in_use};
use super::permission::{Asker, denied};
use super::system::System;
use crate::capture::CaptureError;

/// What the binding says where a camera has no mode that was wished for.
pub(super) const NO_MODE: &str = "Failed to Fufill";

/// The error for what the system or the binding said of the device `index`. The binding gives texts, which
/// carry the system's error number as `os error N`, as the system's own errors do.
pub(super) fn explained(system: &System, index: u32, step: &'static str, said: &str) -> CaptureError {
    let name = format!("/dev/video{index}");
    let number = said.rsplit_once("os error ").and_then(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i32>().ok()
    });
    let failed = |detail: String| CaptureError::Failed { what: name.clone(), step, detail };
    match number.map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
            CaptureError::NotFound { what: name, hint: what_is_there(system, Some(index)) }
        }
        Some(Errno::ACCESS | Errno::PERM) => failed(denied(system, index, &Asker::of_process())),
        Some(Errno::BUSY) => failed(in_use(&holders(system, index), index, std::process::id())),
        Some(Errno::NOTTY) => failed(no_picture(system, index)),
        _ if said.contains(NO_MODE) => failed(no_picture(system, index)),
        _ => failed(said.chars().filter(|c| !c.is_control()).take(200).collect()),
    }
}

fn no_picture(system: &System, index: u32) -> String {
    format!(
        "it offers no picture in YUYV or MJPEG at a whole number of frames a second (some /dev/video files carry no \
         picture, and rates such as 29.97 are not read); {}",
        what_is_there(system, Some(index))
    )
}

#[cfg(test)]
mod tests {
    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn each_failure_says_what_to_do() {
        let fake = Fake::new();
        fake.write("dev/video9", "");
        let explain = |said: &str| explained(&fake.system, 9, "be opened", said);
        let text = |said: &str| explain(said).to_string();
        let not_found = explain("V4L2 Error: No such file or directory (os error 2)");
        assert!(matches!(not_found, CaptureError::NotFound { .. }), "{not_found}");
        assert!(matches!(explain("gone (os error 19)"), CaptureError::NotFound { .. }));
        assert!(
            text("Could not open device 9: Permission denied (os error 13)").contains("permission denied")
        );
        assert!(text("Device or resource busy (os error 16)").contains("sudo fuser -v /dev/video9"));
        for said in ["Could not get device property CameraFormat: Failed to Fufill", "x (os error 25)"] {
            assert!(text(said).contains("YUYV or MJPEG"), "{said}");
        }
        assert_eq!(text("other\n"), "/dev/video9 could not be opened: other");
    }
}
