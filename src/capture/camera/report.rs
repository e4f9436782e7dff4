//! What cameras there are, and what each offers, without taking a picture.

use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use serde::Serialize;

use super::CameraOptions;
use super::address::{CameraAddress, resolve};
use super::controls::{CameraControl, ControlPort, ControlProblem, foreseen};
use super::format::{CameraFormat, modes};
use super::holders::{Holder, holders, in_use};
use super::identity::CameraMemory;
use super::mode::{CameraMode, choose};
use super::node::Node;
use super::permission::{Asker, denied};
use super::system::System;
use super::thread::within;
use crate::capture::CaptureError;

/// How long one device may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a camera could be used now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "detail", rename_all = "lowercase")]
pub enum CameraState {
    /// It could.
    Free,
    /// Somebody else uses it: by whom, and what to do.
    Busy(String),
    /// This user may not open it: what to do.
    Denied(String),
    /// It does not answer as a camera does: what it said.
    Failed(String),
}

/// A camera, as it describes itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraReport {
    /// As `--source` takes it: `camera:0`.
    pub source: String,
    /// The path that stays the same: by its serial number, else by its socket.
    pub stable_path: Option<String>,
    /// What it is called.
    pub name: String,
    /// The kernel's driver; empty where the device could not be opened.
    pub driver: String,
    /// Where it is connected.
    pub bus: String,
    /// Whether it could be used now.
    #[serde(flatten)]
    pub state: CameraState,
    /// Who has it open, besides this process.
    pub holders: Vec<Holder>,
    /// What it offers.
    pub formats: Vec<CameraFormat>,
    /// What muster would choose of it.
    pub mode: Option<CameraMode>,
    /// Its own settings.
    pub controls: Vec<CameraControl>,
    /// What it would not take of the configuration's settings.
    pub problems: Vec<ControlProblem>,
}

/// Every camera that there is, in the order of the numbers. Device files that carry no pictures are left out,
/// where they can be opened to ask.
pub fn survey(system: &System, options: &CameraOptions) -> Vec<CameraReport> {
    system.indices().into_iter().filter_map(|index| report(system, index, options)).collect()
}

/// A device file of a camera, as it is seen without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraDoor {
    /// The number in `/dev/videoN`.
    pub index: u32,
    /// What it is called.
    pub name: String,
    /// Whether it is a device and no other file.
    pub is_device: bool,
    /// What to do, where this user may not open it.
    pub denied: Option<String>,
}

impl CameraDoor {
    /// As `--source` takes it.
    pub fn source(&self) -> String {
        format!("camera:{}", self.index)
    }
}

/// Every device file of cameras, in the order of the numbers.
pub fn doors(system: &System) -> Vec<CameraDoor> {
    let asker = Asker::of_process();
    let door = |index: u32| {
        let node = system.node(index);
        let may_open = access(&node, Access::READ_OK | Access::WRITE_OK);
        CameraDoor {
            index,
            name: clean(&System::text(&system.class(index).join("name")).unwrap_or_default()),
            is_device: std::fs::metadata(&node).is_ok_and(|facts| facts.file_type().is_char_device()),
            denied: may_open.is_err().then(|| denied(system, index, &asker)),
        }
    };
    system.indices().into_iter().map(door).collect()
}

/// The camera that `address` means.
///
/// # Errors
/// [`CaptureError`] where there is none, or what is there carries no pictures.
pub fn examine(
    system: &System,
    address: &CameraAddress,
    options: &CameraOptions,
) -> Result<CameraReport, CaptureError> {
    let index = resolve(system, address, &CameraMemory::default())?;
    report(system, index, options).ok_or_else(|| CaptureError::Failed {
        what: format!("/dev/video{index}"),
        step: "be a camera",
        detail: "this file of the device carries no pictures; `muster cameras` lists those that do"
            .to_owned(),
    })
}

/// None for a device that carries no pictures.
fn report(system: &System, index: u32, options: &CameraOptions) -> Option<CameraReport> {
    let holders: Vec<Holder> =
        holders(system, index).into_iter().filter(|holder| holder.pid != std::process::id()).collect();
    let mut report = CameraReport {
        source: format!("camera:{index}"),
        stable_path: system.stable_path(index).map(|path| path.display().to_string()),
        name: clean(&System::text(&system.class(index).join("name")).unwrap_or_default()),
        driver: String::new(),
        bus: String::new(),
        state: CameraState::Free,
        holders,
        formats: vec![],
        mode: None,
        controls: vec![],
        problems: vec![],
    };
    let asked = (system.clone(), index);
    match within(PATIENCE, move || look(&asked.0, asked.1)) {
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(seen))) => fill(&mut report, seen, index, options),
        Ok(Err(error)) => {
            report.state = match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::ACCESS | Errno::PERM) => {
                    CameraState::Denied(denied(system, index, &Asker::of_process()))
                }
                Some(Errno::BUSY) => CameraState::Busy(in_use(&report.holders, index, std::process::id())),
                _ => CameraState::Failed(clean(&error.to_string())),
            }
        }
        Err(late) => {
            report.state = CameraState::Failed(format!("{late}; unplug it and plug it in again"));
        }
    }
    Some(report)
}

/// What the device itself says.
struct Seen {
    card: String,
    driver: String,
    bus: String,
    formats: Vec<CameraFormat>,
    controls: Vec<CameraControl>,
    is_free: bool,
}

fn look(system: &System, index: u32) -> std::io::Result<Option<Seen>> {
    let mut node = Node::open(system, index)?;
    let abilities = node.abilities()?;
    if !abilities.captures {
        return Ok(None);
    }
    let is_busy = |error: std::io::Error| error.raw_os_error() == Some(Errno::BUSY.raw_os_error());
    Ok(Some(Seen {
        card: abilities.card,
        driver: abilities.driver,
        bus: abilities.bus,
        formats: node.formats()?,
        // A camera may have none.
        controls: node.controls().unwrap_or_default(),
        is_free: !node.check_free().is_err_and(is_busy),
    }))
}

fn fill(report: &mut CameraReport, seen: Seen, index: u32, options: &CameraOptions) {
    if !seen.is_free {
        report.state = CameraState::Busy(in_use(&report.holders, index, std::process::id()));
    }
    if report.name.is_empty() {
        report.name = clean(&seen.card);
    }
    report.driver = clean(&seen.driver);
    report.bus = clean(&seen.bus);
    report.mode = choose(&modes(&seen.formats), &options.wanted);
    report.problems = foreseen(&options.controls, &seen.controls);
    report.formats = seen.formats;
    report.controls = seen.controls;
}

/// What a device says of itself, which may be anything.
fn clean(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::controls::ControlKind;
    use super::super::controls::tests::control;
    use super::super::format::{Interval, format_of};
    use super::super::system::fake::Fake;
    use super::*;

    fn seen(is_free: bool) -> Seen {
        let interval = |denominator| Interval { numerator: 1, denominator };
        Seen {
            card: "Door\x1b".to_owned(),
            driver: "uvcvideo".to_owned(),
            bus: "usb-0000:00:14.0-1".to_owned(),
            formats: vec![
                format_of("MJPG", (1280, 720), &[interval(30)]),
                format_of("YUYV", (640, 480), &[interval(30)]),
            ],
            controls: vec![control("gain", ControlKind::Number)],
            is_free,
        }
    }

    fn empty(system: &System) -> CameraReport {
        // A file that is no device does not answer as one.
        let report = report(system, 0, &CameraOptions::default()).unwrap();
        assert!(
            matches!(&report.state, CameraState::Failed(said) if said.contains("os error 25")),
            "{report:?}"
        );
        CameraReport { state: CameraState::Free, ..report }
    }

    #[test]
    fn a_camera_is_described_with_what_would_be_chosen() {
        let fake = Fake::new();
        fake.plug(0, "1-1", "", "A\n");
        let link = fake.link("by-id/usb-door", 0);
        let mut report = empty(&fake.system);
        assert_eq!(report.stable_path, Some(link.display().to_string()));
        let controls = toml::from_str("gian = 3\ngain = 3").unwrap();
        let options = CameraOptions { controls, ..CameraOptions::default() };
        fill(&mut report, seen(true), 0, &options);
        assert_eq!((report.name.as_str(), &report.state), ("Door\u{FFFD}", &CameraState::Free));
        assert_eq!(report.mode.unwrap().width, 1280);
        assert_eq!(report.problems.len(), 1);
        fill(&mut report, seen(false), 0, &options);
        assert!(matches!(&report.state, CameraState::Busy(by) if by.contains("fuser")));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            (json["state"].as_str(), json["mode"]["encoding"].as_str()),
            (Some("busy"), Some("mjpeg"))
        );
    }

    #[test]
    fn what_is_not_there_is_no_camera() {
        let fake = Fake::new();
        assert_eq!(survey(&fake.system, &CameraOptions::default()), []);
        let error = examine(&fake.system, &CameraAddress::Index(0), &CameraOptions::default()).unwrap_err();
        assert!(matches!(error, CaptureError::NotFound { .. }), "{error}");
    }
}
