//! What `doctor` finds of a camera that is the configured source.

use crate::capture::CaptureError;
use crate::capture::camera::{CameraReport, CameraState, LEAST_FPS};

use super::Check;
use super::source::Look;

/// What to do where it is not known what to do.
const ELSE: &str = "put [source] default right, or use --source; `muster cameras` lists what is there";

/// The checks of the camera called `name`: whether it is there, free, and gives pictures as it should, and
/// which of the configured controls it does not take. Frames are taken, with `look`, where it is free. One that
/// nobody chose, and is not there, is none of this check's business.
pub(super) fn checks(
    name: &str,
    is_chosen: bool,
    examined: Result<CameraReport, CaptureError>,
    look: impl FnOnce() -> Result<Look, CaptureError>,
    view: &str,
) -> Vec<Check> {
    let report = match examined {
        Err(CaptureError::NotFound { .. }) if !is_chosen => return Vec::new(),
        Err(error) => return vec![Check::fail("source", error.to_string(), ELSE)],
        Ok(report) => report,
    };
    let label = format!("{name} ({})", report.name);
    let first = match &report.state {
        CameraState::Busy(by) if is_own(&report) => Check::ok("source", format!("{label}: {}", brief(by))),
        CameraState::Busy(by) => Check::fail("source", format!("{label}: {}", brief(by)), rest(by)),
        CameraState::Denied(how) => Check::fail("source", format!("{label}: {}", brief(how)), rest(how)),
        CameraState::Failed(said) => Check::fail("source", format!("{label}: {said}"), ELSE),
        CameraState::Free => seen(&label, &report, look, view),
    };
    let mut checks = vec![first];
    checks.extend(report.mode.filter(|mode| mode.fps < LEAST_FPS).map(|mode| {
        let detail = format!("{label} offers no more than {mode}: people who walk may be lost");
        Check::warn("source", detail, "use a camera that gives 15 frames a second, on a socket of its own")
    }));
    checks.extend(report.problems.iter().map(|problem| {
        Check::warn("source", format!("[source.controls]: {}", problem.detail), problem.hint.as_str())
    }));
    checks
}

/// Whether a muster that runs has it, and nobody else.
fn is_own(report: &CameraReport) -> bool {
    !report.holders.is_empty() && report.holders.iter().all(|holder| holder.program == "muster")
}

/// What stands before the first `;`, and what after it is to be done.
fn brief(text: &str) -> &str {
    text.split(';').next().unwrap_or(text).trim()
}

fn rest(text: &str) -> &str {
    text.split_once(';').map_or(ELSE, |(_, rest)| rest.trim())
}

fn seen(
    label: &str,
    report: &CameraReport,
    look: impl FnOnce() -> Result<Look, CaptureError>,
    view: &str,
) -> Check {
    let Some(mode) = report.mode else {
        let detail = format!("{label} offers no picture in YUYV or MJPG at a whole rate");
        return Check::fail("source", detail, ELSE);
    };
    match look() {
        Err(error) => Check::fail("source", error.to_string(), ELSE),
        Ok(found) => match found.fps {
            Some(fps) if fps < LEAST_FPS as f32 && mode.fps >= LEAST_FPS => Check::warn(
                "source",
                format!("{label}: {mode} was asked for, and {found} came: people who walk may be lost"),
                "give it more light, or a shorter exposure under [source.controls]; or a socket of its own",
            ),
            _ => Check::ok("source", format!("{label}: {mode}; {found}{view}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::camera::{CameraMode, ControlProblem, Encoding, Holder};
    use crate::cli::doctor::Status;

    fn report() -> CameraReport {
        CameraReport {
            source: "camera:0".to_owned(),
            stable_path: None,
            name: "Door".to_owned(),
            driver: "uvcvideo".to_owned(),
            bus: String::new(),
            state: CameraState::Free,
            holders: vec![],
            formats: vec![],
            mode: Some(CameraMode { width: 1280, height: 720, fps: 30, encoding: Encoding::Mjpeg }),
            controls: vec![],
            problems: vec![],
        }
    }

    fn found(report: CameraReport, fps: f32) -> Vec<Check> {
        let look = || Ok(Look { picture: "1280x720, the first after 0.4 s".to_owned(), fps: Some(fps) });
        checks("camera:0", true, Ok(report), look, " (mirrored)")
    }

    #[test]
    fn a_camera_that_works_is_said_with_what_came_of_it() {
        let good = found(report(), 29.9);
        assert_eq!((good.len(), good[0].status), (1, Status::Ok));
        assert_eq!(
            good[0].detail,
            "camera:0 (Door): 1280x720 MJPG at 30 frames a second; 1280x720, the first after 0.4 s, 30 frames a second \
             (mirrored)"
        );
        let dark = found(report(), 7.5);
        assert_eq!(dark[0].status, Status::Warn);
        assert!(dark[0].hint.as_deref().unwrap().contains("more light"));
        let mode = CameraMode { width: 640, height: 480, fps: 10, encoding: Encoding::Yuyv };
        let slow = found(CameraReport { mode: Some(mode), ..report() }, 10.0);
        assert_eq!([slow[0].status, slow[1].status], [Status::Ok, Status::Warn]);
        assert!(slow[1].detail.contains("no more than 640x480 YUYV at 10 frames"));
    }

    #[test]
    fn what_keeps_it_from_working_is_said_with_what_to_do() {
        let state = |state| found(CameraReport { state, ..report() }, 30.0).remove(0);
        let busy = "in use by ffmpeg (pid 9); end that program, or name another camera".to_owned();
        let denied = "permission denied; join its group `cam`".to_owned();
        for (check, detail, hint) in [
            (state(CameraState::Busy(busy)), "in use by ffmpeg (pid 9)", "end that program"),
            (state(CameraState::Denied(denied)), "permission denied", "join its group"),
            (state(CameraState::Failed("it did not answer".into())), "it did not answer", "muster cameras"),
            (found(CameraReport { mode: None, ..report() }, 30.0).remove(0), "YUYV or MJPG", "--source"),
        ] {
            assert_eq!(check.status, Status::Fail);
            assert!(check.detail.contains(detail) && check.hint.unwrap().contains(hint), "{detail}");
        }
        let failed = checks(
            "camera:0",
            true,
            Ok(report()),
            || {
                Err(CaptureError::Failed {
                    what: "v".into(),
                    step: "give a frame",
                    detail: "none came".into(),
                })
            },
            "",
        );
        assert_eq!(
            (failed[0].status, failed[0].detail.as_str()),
            (Status::Fail, "v could not give a frame: none came")
        );
    }

    #[test]
    fn a_muster_that_runs_may_have_it() {
        let by = |program: &str| {
            let holders = vec![Holder { program: program.to_owned(), pid: 9 }];
            let state = CameraState::Busy(format!("in use by {program} (pid 9); end that program"));
            found(CameraReport { state, holders, ..report() }, 30.0)[0].status
        };
        assert_eq!((by("muster"), by("mustard")), (Status::Ok, Status::Fail));
    }

    #[test]
    fn controls_that_it_does_not_take_are_warnings() {
        let problem =
            ControlProblem { detail: "no control gian".into(), hint: "did you mean `gain`?".into() };
        let checks = found(CameraReport { problems: vec![problem], ..report() }, 30.0);
        assert_eq!([checks[0].status, checks[1].status], [Status::Ok, Status::Warn]);
        assert!(checks[1].detail.contains("[source.controls]: no control gian"));
    }
}
