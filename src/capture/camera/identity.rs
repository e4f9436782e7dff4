//! Which device a camera is, whatever its number, and that from one opening to the next.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::system::System;
use super::thread::DeviceThread;

/// What stays the same of a device while it is plugged out and in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    device: DeviceKey,
    /// Which of the interfaces of a USB device, and which of the nodes of that.
    interface: Option<String>,
    index: Option<String>,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DeviceKey {
    /// Vendor, product and serial number, where it has one.
    Usb { vendor: String, product: String, serial: Option<String> },
    /// What is built in: where it is.
    Place(PathBuf),
}

/// A node's identity and where its device is now, in the kernel's tree of devices.
fn identity_of(system: &System, index: u32) -> Option<(Identity, PathBuf)> {
    let class = system.class(index);
    let place = std::fs::canonicalize(class.join("device")).ok()?;
    let device = usb_key(&place).unwrap_or_else(|| DeviceKey::Place(place.clone()));
    let identity = Identity {
        device,
        interface: System::text(&place.join("bInterfaceNumber")),
        index: System::text(&class.join("index")),
        name: System::text(&class.join("name")).unwrap_or_default(),
    };
    Some((identity, place))
}

/// What the nearest USB device around `place` says of itself.
fn usb_key(place: &Path) -> Option<DeviceKey> {
    place.ancestors().find_map(|folder| {
        let vendor = System::text(&folder.join("idVendor"))?;
        let product = System::text(&folder.join("idProduct"))?;
        let serial = System::text(&folder.join("serial")).filter(|serial| !serial.is_empty());
        Some(DeviceKey::Usb { vendor, product, serial })
    })
}

/// A device that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    identity: Identity,
    place: PathBuf,
    /// Where others of the same identity were: cheap cameras have no serial number, or all the same.
    twins: Vec<PathBuf>,
}

impl Remembered {
    fn new(system: &System, index: u32) -> Option<Self> {
        let (identity, place) = identity_of(system, index)?;
        let others = system.indices().into_iter().filter_map(|other| identity_of(system, other));
        let twins = others.filter(|(other, at)| *other == identity && *at != place).map(|(_, at)| at);
        Some(Self { twins: twins.collect(), identity, place })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.identity.name
    }

    /// Whether the device `index` is certainly not this one.
    pub(super) fn is_another(&self, system: &System, index: u32) -> bool {
        identity_of(system, index)
            .is_some_and(|(found, place)| found != self.identity || self.twins.contains(&place))
    }

    /// Where it is now: at its old place, else at the only place where one like it is that was not there
    /// while this one was. None where it is not there, or cannot be told from another.
    pub(super) fn find(&self, system: &System) -> Option<u32> {
        let nodes = system.indices().into_iter();
        let alike: Vec<(u32, PathBuf)> = nodes
            .filter_map(|index| {
                let (identity, place) = identity_of(system, index)?;
                (identity == self.identity && !self.twins.contains(&place)).then_some((index, place))
            })
            .collect();
        let at_home = alike.iter().find(|(_, place)| *place == self.place);
        match (at_home, alike.as_slice()) {
            (Some((index, _)), _) | (None, [(index, _)]) => Some(*index),
            _ => None,
        }
    }
}

/// What outlives an open camera: which device it was, and threads that its driver would not let go.
/// Clones share it; hand the same one to every opening of a source.
#[derive(Debug, Clone, Default)]
pub struct CameraMemory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    remembered: Option<Remembered>,
    /// Each with the path of its device.
    left_over: Vec<(String, DeviceThread)>,
}

impl CameraMemory {
    pub(super) fn remembered(&self) -> Option<Remembered> {
        self.with(|kept| kept.remembered.clone())
    }

    /// That the device `index` was opened.
    pub(super) fn remember(&self, system: &System, index: u32) {
        let now = Remembered::new(system, index);
        self.with(|kept| kept.remembered = now.or(kept.remembered.take()));
    }

    /// Keeps a thread that does not end, to try again at the next opening.
    pub(super) fn leave_over(&self, device: &str, thread: DeviceThread) {
        tracing::warn!(device, "the camera's driver does not answer; its thread is left waiting");
        self.with(|kept| kept.left_over.push((device.to_owned(), thread)));
    }

    /// Tries to end what was left over, for at most `patience` each.
    pub(super) fn end_left_over(&self, patience: Duration) {
        let mut left = self.with(|kept| std::mem::take(&mut kept.left_over));
        left.retain_mut(|(_, thread)| !thread.end(Duration::ZERO, patience));
        self.with(|kept| kept.left_over.extend(left));
    }

    /// Whether a thread of an earlier opening still has the device. The kernel gives its number to no other
    /// while that is so.
    pub(super) fn is_left_over(&self, device: &str) -> bool {
        self.with(|kept| kept.left_over.iter().any(|(left, _)| left == device))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn a_device_is_known_by_its_serial_number_wherever_it_is() {
        let fake = Fake::new();
        fake.plug(0, "1-1", "Door", "A\n");
        fake.plug(1, "1-2", "Door", "B\n");
        let door = Remembered::new(&fake.system, 0).unwrap();
        assert_eq!((door.find(&fake.system), door.name()), (Some(0), "Door"));
        fake.unplug(0);
        assert_eq!(door.find(&fake.system), None);
        fake.plug(4, "1-3", "Door", "A\n");
        assert_eq!(door.find(&fake.system), Some(4));
        assert!(door.is_another(&fake.system, 1) && !door.is_another(&fake.system, 4));
        // Of what the kernel says nothing, nothing is known.
        assert!(!door.is_another(&fake.system, 9));
    }

    #[test]
    fn twins_without_a_serial_number_are_not_taken_for_each_other() {
        for serial in ["", "SN0001\n"] {
            let fake = Fake::new();
            fake.plug(0, "1-1", "Cheap", serial);
            fake.plug(1, "1-2", "Cheap", serial);
            let first = Remembered::new(&fake.system, 0).unwrap();
            fake.unplug(0);
            assert_eq!(first.find(&fake.system), None, "the twin was there all along");
            fake.plug(2, "1-1", "Cheap", serial);
            assert_eq!(first.find(&fake.system), Some(2), "its own socket");
            fake.unplug(2);
            fake.plug(3, "1-3", "Cheap", serial);
            assert_eq!(first.find(&fake.system), Some(3), "new at another socket");
            fake.plug(4, "1-4", "Cheap", serial);
            assert_eq!(first.find(&fake.system), None, "either of two");
        }
    }

    #[test]
    fn the_nodes_of_one_device_are_told_apart() {
        let fake = Fake::new();
        fake.plug(0, "1-1", "Door", "A\n");
        fake.node(1, "sys/devices/pci0/usb1/1-1/1-1:1.0", "Door");
        fake.write("sys/devices/pci0/usb1/1-1/1-1:1.0/video4linux/video1/index", "1\n");
        let door = Remembered::new(&fake.system, 0).unwrap();
        assert_eq!(door.find(&fake.system), Some(0));
        assert!(door.is_another(&fake.system, 1));
        fake.unplug(0);
        assert_eq!(door.find(&fake.system), None);
    }

    #[test]
    fn what_is_built_in_is_known_by_its_place() {
        let fake = Fake::new();
        fake.node(0, "sys/devices/platform/vivid.0", "vivid");
        fake.node(1, "sys/devices/platform/vivid.1", "vivid");
        let first = Remembered::new(&fake.system, 0).unwrap();
        fake.unplug(0);
        assert_eq!(first.find(&fake.system), None);
        fake.node(5, "sys/devices/platform/vivid.0", "vivid");
        assert_eq!(first.find(&fake.system), Some(5));
    }

    #[test]
    fn a_memory_is_shared_by_its_clones_and_not_lost_where_nothing_is_said() {
        let fake = Fake::new();
        fake.plug(0, "1-1", "Door", "A\n");
        let memory = CameraMemory::default();
        memory.clone().remember(&fake.system, 0);
        memory.remember(&fake.system, 9);
        assert_eq!(memory.remembered().unwrap().name(), "Door");
    }
}
