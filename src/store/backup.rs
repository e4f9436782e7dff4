//! The file of a backup: a header, and the rows of every table, sealed in pieces.
//!
//! The pieces are sealed under a key that is drawn for this file alone and lies in the header, wrapped by the
//! store key; the rest of the header is authenticated with it. Each piece is authenticated with its number and
//! whether it is the last, so that one that is missing, cut, repeated or in another's place is noticed. The
//! rows are those of the store, so that what is sealed in it is sealed once more here; and what lies there in
//! the clear (who was recorded when, by an id) does not lie here so. The header says in the clear whose the
//! backup is, where its ledger ends, when it was made, and the file of wrapped keys.
//!
//! Layout: the [`header`], then for each piece whether it is the last (1 byte), the length of its sealed bytes
//! (4 bytes, big-endian) and those. What the pieces hold, put together, is for each row the number of its table
//! (1 byte), the lengths of key and value (4 bytes each), the key and the value.

pub mod header;
pub mod pieces;

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::ledger::TerminalId;

use self::header::HeaderFault;
use self::pieces::PieceFault;

/// Why a backup cannot be written or read. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{path} is there already: name another file, or replace it with --force")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It would lie in the directory that it is a backup of.
    #[error(
        "{path} lies in the data directory: a backup beside what it is of is lost with it, and an erasure would not reach it; \
         name another place"
    )]
    Beside {
        /// The file.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("the backup {path} cannot be {step}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It does not begin as one.
    #[error("{path} is no backup that can be read: {fault}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        fault: HeaderFault,
    },
    /// A piece of it does not open.
    #[error("the backup {path} is damaged, cut short or tampered with: {fault}; use another")]
    Piece {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        fault: PieceFault,
    },
    /// The key that is at hand does not open it.
    #[error(
        "the backup {path} does not open with this key ({detail}): it was made under another, which `--key PLACE` names"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// It is another terminal's.
    #[error(
        "the backup {path} is of terminal {found}, and the store here is of terminal {expected}: restore it into a data \
         directory of its own with --data-dir, or move the store here away first"
    )]
    Terminal {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose store is here.
        expected: String,
    },
    /// Its rows are laid out in a way that this program does not write.
    #[error(
        "the backup {path} has schema version {found}, and this muster restores version {supported}: {advice}"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What this program restores.
        supported: u32,
        /// What to do.
        advice: &'static str,
    },
    /// What it holds is no store.
    #[error("the backup {path} opens and holds no sound store: {detail}; use another")]
    Content {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// Nobody can say who was erased since it was made.
    #[error(
        "{why}, so that nobody can say who was erased since the backup was made: name a list with --erasures FILE, or say \
         --without-erasures where there was nobody"
    )]
    NoErasures {
        /// Why the present store does not say.
        why: String,
    },
    /// The list of erasures cannot be read.
    #[error("the list of erasures, {path}, cannot be read: {detail}")]
    List {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
}

impl BackupError {
    pub(super) fn terminal(path: &Path, found: TerminalId, expected: TerminalId) -> Self {
        let (found, expected) = (found.0.to_string(), expected.0.to_string());
        Self::Terminal { path: path.to_owned(), found, expected }
    }

    pub(super) fn io(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), step, source }
    }
}

/// A file that is written under another name, and gets its own when it is whole and on disk. Dropped before,
/// it goes.
pub(super) struct StagedFile {
    beside: PathBuf,
    path: PathBuf,
    replaces: bool,
    pub(super) file: BufWriter<File>,
}

impl StagedFile {
    /// Begins a file for its owner alone. Refuses one that is there, unless it is to be replaced.
    pub(super) fn create(path: &Path, replaces: bool) -> Result<Self, BackupError> {
        let io = |source| BackupError::Io { path: path.to_owned(), step: "written", source };
        if !replaces && path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists { path: path.to_owned() });
        }
        let Some(name) = path.file_name() else {
            return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it names no file")));
        };
        let mut beside = name.to_owned();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(beside);
        // One that a crash has left is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(io)?;
        let staged = Self { beside, path: path.to_owned(), replaces, file: BufWriter::new(file) };
        // The mode above passed through the umask.
        staged.file.get_ref().set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
        Ok(staged)
    }

    /// Makes it durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        let path = self.path.clone();
        let io = |source| BackupError::Io { path: path.clone(), step: "written", source };
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(io)?;
        if self.replaces {
            std::fs::rename(&self.beside, &self.path).map_err(io)?;
        } else {
            self.rename_into_nothing()?;
        }
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(io)
    }

    fn rename_into_nothing(&self) -> Result<(), BackupError> {
        use rustix::io::Errno;
        let here = rustix::fs::CWD;
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(here, &self.beside, here, &self.path, flags) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(BackupError::Exists { path: self.path.clone() }),
            // A file system without this flag.
            Err(Errno::INVAL | Errno::NOSYS) => {
                std::fs::rename(&self.beside, &self.path).map_err(BackupError::io(&self.path, "written"))
            }
            Err(error) => Err(BackupError::io(&self.path, "written")(error.into())),
        }
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After `finish` it is not there any more.
        let _ = std::fs::remove_file(&self.beside);
    }
}
