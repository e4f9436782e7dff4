//! Which camera: a number or a path, and how it is found again after it was plugged in anew.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::identity::{CameraMemory, Remembered};
use super::system::{System, number_of};
use crate::capture::CaptureError;

/// What follows `camera:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraAddress {
    /// The device `/dev/videoN`.
    Index(u32),
    /// A path to a device, from the root; a link such as those of `/dev/v4l/by-id` is followed at each
    /// opening.
    Path(PathBuf),
}

impl FromStr for CameraAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with('/') {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        text.parse().map(Self::Index).map_err(|_| ())
    }
}

impl fmt::Display for CameraAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The number of the device that `address` means now.
///
/// A link is followed, and is all there is to know. A number, and the device's own path, mean the device
/// that they meant when it was first opened: where another has that number now, or none, the device
/// is looked for under every number.
///
/// # Errors
/// [`CaptureError::NotFound`] with what is there, [`CaptureError::Failed`] for a path to something else.
pub(super) fn resolve(
    system: &System,
    address: &CameraAddress,
    memory: &CameraMemory,
) -> Result<u32, CaptureError> {
    let direct = directly(system, address);
    if let (CameraAddress::Path(path), Ok(index)) = (address, &direct)
        && path.is_symlink()
    {
        return Ok(*index);
    }
    match memory.remembered() {
        None => direct,
        Some(before) => again(system, address, direct, &before),
    }
}

/// The device that was `before`, wherever it is now; `direct` is what the address says.
fn again(
    system: &System,
    address: &CameraAddress,
    direct: Result<u32, CaptureError>,
    before: &Remembered,
) -> Result<u32, CaptureError> {
    match (direct, before.find(system)) {
        // What is not known to be another is taken for the same: some containers have no /sys.
        (Ok(index), _) if !before.is_another(system, index) => Ok(index),
        (_, Some(index)) => {
            tracing::info!(camera = %address, index, "the camera has another number now");
            Ok(index)
        }
        (Ok(index), None) => {
            let now = System::text(&system.class(index).join("name")).unwrap_or_default();
            Err(CaptureError::NotFound {
                what: format!("{} (camera:{address})", before.name()),
                hint: format!(
                    "/dev/video{index} is another camera now, {now}; plug the first one in again, or restart muster to use this one"
                ),
            })
        }
        (Err(error), None) => Err(error),
    }
}

fn directly(system: &System, address: &CameraAddress) -> Result<u32, CaptureError> {
    let missing = |what: String| CaptureError::NotFound { what, hint: what_is_there(system, None) };
    match address {
        CameraAddress::Index(index) if system.node(*index).exists() => Ok(*index),
        CameraAddress::Index(index) => Err(missing(format!("/dev/video{index}"))),
        CameraAddress::Path(path) => match std::fs::canonicalize(path) {
            Ok(target) => number_at(system, &target).ok_or_else(|| CaptureError::Failed {
                what: path.display().to_string(),
                step: "be opened",
                detail: format!(
                    "it is no camera: expected a video4linux device; {}",
                    what_is_there(system, None)
                ),
            }),
            Err(_) => Err(missing(path.display().to_string())),
        },
    }
}

/// The number of the device file `target`, which has no links in it: by its own name under `/dev`, else by
/// the kernel's name for the device that it stands for.
fn number_at(system: &System, target: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let dev = std::fs::canonicalize(system.path("dev")).ok()?;
    if target.parent() == Some(&dev) {
        return number_of(target);
    }
    let device = std::fs::metadata(target).ok()?.rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let class = std::fs::canonicalize(system.path(format!("sys/dev/char/{major}:{minor}"))).ok()?;
    class.parent()?.ends_with("video4linux").then(|| number_of(&class))?
}

/// What to do where the camera asked for, `besides` which there may be others, is not the right one.
pub(super) fn what_is_there(system: &System, besides: Option<u32>) -> String {
    let others = system.indices().into_iter().filter(|number| Some(*number) != besides);
    let there: Vec<String> = others.map(|number| format!("camera:{number}")).collect();
    match there.as_slice() {
        [] => "no camera is there; plug one in".to_owned(),
        some => format!("plug it in, or choose what is there: {} (`muster cameras`)", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn an_address_is_a_number_or_a_path_from_the_root() {
        for text in ["0", "12", "/dev/video2", "/dev/v4l/by-id/usb-a:b c-video-index0"] {
            assert_eq!(text.parse::<CameraAddress>().unwrap().to_string(), text);
        }
        for text in ["", "front", "-1", "dev/video0", "4294967296"] {
            assert!(text.parse::<CameraAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_is_followed_at_every_opening() {
        let fake = Fake::new();
        fake.plug(0, "1-1", "Door", "A\n");
        fake.plug(3, "1-2", "Desk", "B\n");
        let link = fake.link("by-id/usb-door", 0);
        let memory = CameraMemory::default();
        let find = |path: &Path| resolve(&fake.system, &CameraAddress::Path(path.to_owned()), &memory);
        assert_eq!(find(&link).unwrap(), 0);
        memory.remember(&fake.system, 0);
        // Even where the memory knows better: who made the link has said which is meant.
        fake.link("by-id/usb-door", 3);
        assert_eq!(find(&link).unwrap(), 3);
        assert_eq!(find(&fake.system.node(0)).unwrap(), 0);
    }

    #[test]
    fn a_device_file_elsewhere_is_known_by_its_device() {
        let fake = Fake::new();
        fake.node(7, "sys/devices/platform/cam.0", "Cam");
        // /dev/null is device 1:3 everywhere.
        std::fs::create_dir_all(fake.system.path("sys/dev/char")).unwrap();
        let class = fake.system.class(7);
        symlink(std::fs::canonicalize(class).unwrap(), fake.system.path("sys/dev/char/1:3")).unwrap();
        let memory = CameraMemory::default();
        let find = |path: &str| resolve(&fake.system, &CameraAddress::Path(path.into()), &memory);
        assert_eq!(find("/dev/null").unwrap(), 7);
        let wrong = find("/dev/zero").unwrap_err().to_string();
        assert!(wrong.starts_with("/dev/zero could not be opened: it is no camera"), "{wrong}");
        let gone = find("/dev/v4l/by-id/none").unwrap_err();
        assert!(matches!(gone, CaptureError::NotFound { .. }));
        assert_eq!(
            gone.to_string(),
            "/dev/v4l/by-id/none was not found: plug it in, or choose what is there: camera:7 (`muster cameras`)"
        );
    }

    #[test]
    fn a_number_means_the_device_that_had_it_first() {
        let fake = Fake::new();
        let memory = CameraMemory::default();
        let find = || resolve(&fake.system, &CameraAddress::Index(0), &memory);
        assert!(find().unwrap_err().to_string().contains("no camera is there; plug one in"));
        fake.plug(0, "1-1", "Door", "A\n");
        assert_eq!(find().unwrap(), 0);
        memory.remember(&fake.system, 0);
        fake.unplug(0);
        assert!(matches!(find(), Err(CaptureError::NotFound { .. })));
        // Under another number, at another socket.
        fake.plug(2, "1-4", "Door", "A\n");
        assert_eq!(find().unwrap(), 2);
        // Another has its number meanwhile.
        fake.plug(0, "1-1", "Desk", "B\n");
        assert_eq!(find().unwrap(), 2);
        fake.unplug(2);
        let other = find().unwrap_err().to_string();
        assert!(
            other.starts_with("Door (camera:0) was not found: /dev/video0 is another camera now, Desk"),
            "{other}"
        );
        // What was not opened is not remembered.
        assert_eq!(resolve(&fake.system, &CameraAddress::Index(0), &CameraMemory::default()).unwrap(), 0);
    }
}
