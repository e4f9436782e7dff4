//! What last went wrong with a hook, in a small file, so that it can be read while muster runs and after. It says
//! nothing of anybody.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ledger::Sequence;

/// The last try of a hook, where it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The entry that waits.
    pub sequence: Sequence,
    /// How often it was tried.
    pub attempts: u32,
    /// When last.
    pub at: DateTime<Utc>,
    /// What was said.
    pub reason: String,
}

fn path(folder: &Path, hook: &str) -> PathBuf {
    folder.join(format!("hook-{hook}.json"))
}

/// Writes `trouble` of `hook` in `folder`, in the place of what was there.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, hook: &str, trouble: &Trouble) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = path(folder, hook);
    let beside = path.with_extension("new");
    let text = serde_json::to_string(trouble).map_err(io::Error::other)?;
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&beside, &path)
}

/// Takes away what was written of `hook`.
pub fn clear(folder: &Path, hook: &str) {
    let _ = fs::remove_file(path(folder, hook));
}

/// What last went wrong with `hook`; none where nothing did, or it cannot be read.
pub fn read(folder: &Path, hook: &str) -> Option<Trouble> {
    serde_json::from_str(&fs::read_to_string(path(folder, hook)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("not yet");
        let trouble = Trouble {
            sequence: Sequence(7),
            attempts: 3,
            at: DateTime::UNIX_EPOCH,
            reason: "the server answered 503".to_owned(),
        };
        assert_eq!(read(&place, "payroll"), None);
        write(&place, "payroll", &trouble).unwrap();
        assert_eq!(read(&place, "payroll"), Some(trouble));
        fs::write(place.join("hook-payroll.json"), "{").unwrap();
        assert_eq!(read(&place, "payroll"), None);
        clear(&place, "payroll");
        clear(&place, "payroll");
        assert!(!place.join("hook-payroll.json").exists());
    }
}
