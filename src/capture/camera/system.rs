//! Where the system says what cameras there are: files under a root, so that a test can lay its own.

use std::path::{Path, PathBuf};

/// The root of `/dev`, `/sys`, `/proc` and `/etc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System(PathBuf);

impl Default for System {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl System {
    /// With another root than `/`.
    pub fn under(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// `path`, which begins at the root, such as `proc/1/comm`.
    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// The device file of a camera.
    pub(super) fn node(&self, index: u32) -> PathBuf {
        self.path(format!("dev/video{index}"))
    }

    /// What the kernel says of it.
    pub(super) fn class(&self, index: u32) -> PathBuf {
        self.path(format!("sys/class/video4linux/video{index}"))
    }

    /// The text of one of the kernel's files.
    pub(super) fn text(path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }

    /// The numbers of the devices that there are, in order.
    pub(super) fn indices(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(self.path("dev")).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> =
            entries.filter_map(|entry| number_of(Path::new(&entry.file_name()))).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The link to a device that stays the same wherever it is plugged in, else the one that stays the
    /// same at its socket. Several links of a kind: the first by name.
    pub(super) fn stable_path(&self, index: u32) -> Option<PathBuf> {
        let node = std::fs::canonicalize(self.node(index)).ok()?;
        ["dev/v4l/by-id", "dev/v4l/by-path"].iter().find_map(|folder| {
            let entries = std::fs::read_dir(self.path(folder)).ok()?.flatten();
            let links = entries.map(|entry| entry.path());
            links.filter(|link| std::fs::canonicalize(link).is_ok_and(|target| target == node)).min()
        })
    }
}

/// The number in `videoN`, the last part of `path`.
pub(super) fn number_of(path: &Path) -> Option<u32> {
    let digits = path.file_name()?.to_str()?.strip_prefix("video")?;
    // `parse` would take a sign too.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A system laid under a temporary folder.
#[cfg(test)]
pub(super) mod fake {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    pub(in crate::capture::camera) struct Fake {
        pub(in crate::capture::camera) root: tempfile::TempDir,
        pub(in crate::capture::camera) system: System,
    }

    impl Fake {
        pub(in crate::capture::camera) fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            for folder in ["dev/v4l/by-id", "dev/v4l/by-path", "sys/class/video4linux", "proc", "etc"] {
                fs::create_dir_all(root.path().join(folder)).unwrap();
            }
            let system = System::under(root.path());
            Self { root, system }
        }

        pub(in crate::capture::camera) fn write(&self, path: &str, text: &str) {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// Plugs a USB camera into `port` as `videoN`; `serial` may be empty.
        pub(in crate::capture::camera) fn plug(&self, number: u32, port: &str, name: &str, serial: &str) {
            let device = format!("sys/devices/pci0/usb1/{port}");
            for (file, text) in [("idVendor", "046d\n"), ("idProduct", "0825\n"), ("serial", serial)] {
                if !text.is_empty() {
                    self.write(&format!("{device}/{file}"), text);
                }
            }
            let interface = format!("{device}/{port}:1.0");
            self.write(&format!("{interface}/bInterfaceNumber"), "00\n");
            self.node(number, &interface, name);
        }

        /// A node of the device whose folder is `device`.
        pub(in crate::capture::camera) fn node(&self, number: u32, device: &str, name: &str) {
            let folder = format!("{device}/video4linux/video{number}");
            self.write(&format!("{folder}/name"), &format!("{name}\n"));
            self.write(&format!("{folder}/index"), "0\n");
            let _ = symlink(self.root.path().join(device), self.root.path().join(&folder).join("device"));
            symlink(self.root.path().join(&folder), self.system.class(number)).unwrap();
            fs::write(self.system.node(number), "").unwrap();
        }

        pub(in crate::capture::camera) fn unplug(&self, number: u32) {
            let folder = fs::canonicalize(self.system.class(number)).unwrap();
            fs::remove_dir_all(folder).unwrap();
            fs::remove_file(self.system.class(number)).unwrap();
            fs::remove_file(self.system.node(number)).unwrap();
        }

        /// A link of `dev/v4l` to a node.
        pub(in crate::capture::camera) fn link(&self, link: &str, number: u32) -> PathBuf {
            let link = self.root.path().join("dev/v4l").join(link);
            let _ = fs::remove_file(&link);
            symlink(format!("../../video{number}"), &link).unwrap();
            link
        }
    }

    #[test]
    fn devices_are_found_in_the_order_of_their_numbers() {
        let fake = Fake::new();
        for name in ["video10", "video2", "videodrome", "video", "video+3", "tty0"] {
            fake.write(&format!("dev/{name}"), "");
        }
        assert_eq!(fake.system.indices(), [2, 10]);
        let by_path = fake.link("by-path/pci-1", 2);
        assert_eq!(fake.system.stable_path(2), Some(by_path));
        let by_id = fake.link("by-id/usb-b", 2);
        fake.link("by-id/usb-a", 10);
        assert_eq!(fake.system.stable_path(2), Some(by_id));
        assert_eq!(fake.system.stable_path(3), None);
    }
}
