//! Who has a device open, as far as `/proc` tells this user.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::system::System;

/// A process that has the device open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// What the program is called, up to 15 letters.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.program, self.pid)
    }
}

/// Who has the device `index` open, in the order of their numbers; other users' processes are seen by root
/// alone. This process is among them.
pub(super) fn holders(system: &System, index: u32) -> Vec<Holder> {
    let node = system.node(index);
    let entries = std::fs::read_dir(system.path("proc")).into_iter().flatten().flatten();
    let mut found: Vec<Holder> = entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let program = || {
                let name = System::text(&entry.path().join("comm")).unwrap_or_default();
                name.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
            };
            has_open(&entry.path(), &node).then(|| Holder { program: program(), pid })
        })
        .collect();
    found.sort_by_key(|holder| holder.pid);
    found
}

fn has_open(process: &Path, node: &Path) -> bool {
    let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|target| target == node)
}

/// That the device is in use, by whom where it is known, and what to do. `own` is this process, which has it
/// open while it asks.
pub(super) fn in_use(holders: &[Holder], index: u32, own: u32) -> String {
    let others: Vec<String> =
        holders.iter().filter(|holder| holder.pid != own).map(Holder::to_string).collect();
    if !others.is_empty() {
        let ends = if others.len() == 1 { "end that program" } else { "end those programs" };
        return format!("in use by {}; {ends}, or name another camera", others.join(", "));
    }
    format!("another program is using it; `sudo fuser -v /dev/video{index}` says which")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::system::fake::Fake;
    use super::*;

    fn process(fake: &Fake, pid: u32, name: &str, open: &[&str]) {
        fake.write(&format!("proc/{pid}/comm"), &format!("{name}\n"));
        for (number, target) in open.iter().enumerate() {
            let fd = fake.system.path(format!("proc/{pid}/fd/{number}"));
            std::fs::create_dir_all(fd.parent().unwrap()).unwrap();
            symlink(fake.system.path(target), fd).unwrap();
        }
    }

    #[test]
    fn whoever_has_it_open_is_named() {
        let fake = Fake::new();
        process(&fake, 900, "ffmpeg", &["dev/null", "dev/video1"]);
        process(&fake, 80, "guvc\x1bview", &["dev/video1", "dev/video1"]);
        process(&fake, 7, "other", &["dev/video10"]);
        process(&fake, 8, "of another user", &[]);
        fake.write("proc/self/comm", "x");
        let found = holders(&fake.system, 1);
        assert_eq!(
            in_use(&found, 1, 1),
            "in use by guvc\u{FFFD}view (pid 80), ffmpeg (pid 900); end those programs, or name another camera"
        );
        assert_eq!(
            in_use(&found[1..], 1, 1),
            "in use by ffmpeg (pid 900); end that program, or name another camera"
        );
        assert!(in_use(&found[1..], 1, 900).starts_with("another program"));
        let nobody = holders(&fake.system, 2);
        assert_eq!(
            in_use(&nobody, 2, 1),
            "another program is using it; `sudo fuser -v /dev/video2` says which"
        );
    }

    #[test]
    fn this_process_is_seen_in_the_real_proc() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video0");
        let _file = std::fs::File::create(&path).unwrap();
        assert!(has_open(Path::new("/proc/self"), &path));
        assert!(!has_open(Path::new("/proc/self"), &folder.path().join("video1")));
    }
}
