//! What the screen remembers from one run to the next: how the panes lie, and what was written in the palette.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dialog::palette::{HISTORY, Subcommand};
use super::layout::Arrangement;

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// How the panes lie.
    pub arrangement: Arrangement,
    /// Those of the palette's lines that name nobody, the oldest first: what is written here is not sealed, and no
    /// erasure reaches it.
    pub history: Vec<String>,
}

/// More than this was not written here.
const LARGEST: u64 = 256 * 1024;

impl Kept {
    /// What is in the file at `path`; nothing where there is none.
    ///
    /// # Errors
    /// What the system says, or that the file is none of these.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text)?;
        let mut kept: Self = toml::from_str(&text).map_err(io::Error::other)?;
        kept.arrangement = kept.arrangement.sane();
        Ok(kept)
    }

    /// Replaces the file at `path`, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&beside, path));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }
}

/// Adds a line of the palette; one that was there comes last now.
pub fn remember(history: &mut Vec<String>, line: &str) {
    history.retain(|held| held != line);
    history.push(line.to_owned());
    let excess = history.len().saturating_sub(HISTORY);
    history.drain(..excess);
}

/// Whether nothing in `line` can be somebody's name, identifier or a reason: after one of `subcommands` there are
/// flags and dates alone.
pub fn names_nobody(line: &str, subcommands: &[Subcommand]) -> bool {
    let after = |name: &str| line.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let rest =
        subcommands.iter().filter_map(|subcommand| after(&subcommand.name)).min_by_key(|rest| rest.len());
    let is_flag = |word: &str| word.starts_with('-') && !word.contains('=');
    let is_date = |word: &str| word.len() == 10 && word.parse::<chrono::NaiveDate>().is_ok();
    rest.is_some_and(|rest| rest.split_whitespace().all(|word| is_flag(word) || is_date(word)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_none_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/screen.toml");
        assert_eq!(Kept::read(&path).unwrap(), Kept::default());
        let mut kept = Kept::default();
        for line in ["report", "roster list", "report"] {
            remember(&mut kept.history, line);
        }
        assert_eq!(kept.history, ["roster list", "report"]);
        (0..300).for_each(|n| remember(&mut kept.history, &n.to_string()));
        assert_eq!(kept.history.len(), HISTORY);
        kept.arrangement.columns = 70;
        kept.write(&path).unwrap();
        assert_eq!(Kept::read(&path).unwrap(), kept);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "x").unwrap();
        assert!(Kept::read(&path).is_err());
        std::fs::write(&path, "[arrangement]\ncolumns = 250\n").unwrap();
        assert!(Kept::read(&path).unwrap().arrangement.columns <= 80);
    }

    #[test]
    fn a_line_that_may_name_somebody_is_known() {
        let subcommand =
            |name: &str| Subcommand { name: name.to_owned(), about: String::new(), takes_words: false };
        let known = ["report", "roster", "roster list", "roster rename", "why"].map(subcommand);
        for line in ["report", "roster list --json", "report --since 2026-03-01 --until 2026-03-31"] {
            assert!(names_nobody(line, &known), "{line}");
        }
        for line in
            ["roster rename Bo Ana", "roster bo", "report --person=ana", "why 118", "report --person ana"]
        {
            assert!(!names_nobody(line, &known), "{line}");
        }
        assert!(!names_nobody("reported", &known) && !names_nobody("ana", &known));
    }
}
