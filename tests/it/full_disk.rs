//! Disks that take no writes: a file system that is really full, and one that is really read-only.

use std::path::Path;
use std::process::Command;

use crate::support::{Finished, Home};

/// A file system of its own at the data directory of a home; unmounted at the end.
struct Mounted(std::path::PathBuf);

impl Mounted {
    /// None, and a line that says so, where this user may not mount anything.
    fn on(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=6m", "muster-test"], path);
        if !mounted {
            println!("SKIPPED: a file system cannot be mounted here; as root it can");
        }
        mounted.then(|| Self(path.to_owned()))
    }

    fn remount(&self, how: &str) {
        assert!(mount(&["-o", &format!("remount,{how}")], &self.0), "{how}");
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount").args(arguments).arg(path).status().is_ok_and(|status| status.success())
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Runs muster to its end, without nets: the roster and the ledger need none.
fn run<const N: usize>(home: &Home, arguments: [&str; N]) -> Finished {
    Finished::of(home.muster_on(home.path(), arguments).output().unwrap())
}

/// A roster of so many people, as CSV.
fn roster(home: &Home, name: &str, people: u32) -> String {
    let rows: String = (0..people).map(|n| format!("{name} {n},{name}-{n}\n")).collect();
    let path = home.path().join(format!("{name}.csv"));
    std::fs::write(&path, format!("name,identifier\n{rows}")).unwrap();
    path.display().to_string()
}

#[test]
fn a_full_disk_is_named_nothing_half_is_written_and_it_goes_on_when_there_is_room() {
    let home = Home::new();
    let Some(disk) = Mounted::on(&home.data_dir()) else { return };
    let (few, many) = (roster(&home, "few", 3), roster(&home, "many", 5_000));
    run(&home, ["roster", "import", &few]).expect(0);
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 8 << 20]).unwrap_err();
    let refused = run(&home, ["roster", "import", &many]);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    assert!(refused.stderr.contains("the disk is full: make room on it"), "{}", refused.stderr);
    std::fs::remove_file(&filler).unwrap();
    let verified = run(&home, ["log", "verify"]).expect(0);
    assert!(verified.stdout.contains("3 entries"), "{}", verified.stdout);
    run(&home, ["roster", "import", &few]).expect(0);
}

#[test]
fn a_read_only_disk_is_named_and_it_goes_on_when_it_can_be_written_again() {
    let home = Home::new();
    let Some(disk) = Mounted::on(&home.data_dir()) else { return };
    let few = roster(&home, "few", 3);
    run(&home, ["roster", "import", &few]).expect(0);
    disk.remount("ro");
    let refused = run(&home, ["roster", "import", &few]).expect(3);
    assert!(refused.stderr.to_lowercase().contains("read-only"), "{}", refused.stderr);
    disk.remount("rw");
    let verified = run(&home, ["log", "verify"]).expect(0);
    assert!(verified.stdout.contains("3 entries"), "{}", verified.stdout);
}
