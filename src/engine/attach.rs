//! One engine a data directory: who holds it, and what a second process is told.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why this process cannot be the engine of a data directory.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Another process is.
    #[error("{data_dir} is in use by {holder}: close it, or use another directory with --data-dir")]
    Held {
        /// The data directory.
        data_dir: PathBuf,
        /// What that process wrote of itself.
        holder: String,
    },
    /// The directory or its lock file cannot be used.
    #[error("the data directory {data_dir} cannot be used: {source}; choose another with --data-dir")]
    Io {
        /// The data directory.
        data_dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The right to be the engine of a data directory; given up when dropped, or when the process ends
/// in whatever way.
#[derive(Debug)]
pub struct DataDirLock {
    file: File,
    data_dir: PathBuf,
}

/// How this process may use a data directory.
#[derive(Debug)]
pub enum Attachment {
    /// No other engine runs here: be it.
    Host(DataDirLock),
    /// Another process is the engine, and answers at this socket.
    Attach {
        /// Where it listens.
        socket: PathBuf,
        /// What that process wrote of itself.
        holder: String,
    },
}

const LOCK_FILE: &str = "muster.lock";
const POLL: Duration = Duration::from_millis(50);
/// Bytes of the lock file that are read at most.
const LONGEST: u64 = 1_024;

/// What a process wrote of itself into the lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    words: String,
    /// Where it answers, where it does.
    socket: Option<PathBuf>,
}

/// Decides under the lock file of `data_dir` whether this process is its engine, or attaches to the one that
/// answers. Makes the directory (0700) where it is missing. Waits up to `patience` for a process that does
/// not answer, such as another subcommand, to finish.
///
/// # Errors
/// [`AttachError`]: a process that stays and does not answer is named.
pub fn attach_or_host(data_dir: &Path, patience: Duration) -> Result<Attachment, AttachError> {
    decide(data_dir, patience, |holder| match holder.socket {
        Some(socket) => Some(Attachment::Attach { socket, holder: holder.words }),
        None => None,
    })
}

fn decide(
    data_dir: &Path,
    patience: Duration,
    attach: impl Fn(Holder) -> Option<Attachment>,
) -> Result<Attachment, AttachError> {
    let io = |source| AttachError::Io { data_dir: data_dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(io)?;
    let path = data_dir.join(LOCK_FILE);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(io)?;
    let until = Instant::now().checked_add(patience);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) => {}
        }
        let holder = read_holder(&mut file);
        if let Some(attachment) = attach(holder.clone()) {
            return Ok(attachment);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(AttachError::Held { data_dir: data_dir.to_owned(), holder: holder.words });
        }
        std::thread::sleep(POLL);
    }
    let mut lock = DataDirLock { file, data_dir: data_dir.to_owned() };
    lock.write(None).map_err(io)?;
    Ok(Attachment::Host(lock))
}

impl DataDirLock {
    /// The lock of `data_dir`, for what no engine can do for this process.
    ///
    /// # Errors
    /// [`AttachError`], also where the other process is an engine that answers.
    pub fn take(data_dir: &Path, patience: Duration) -> Result<Self, AttachError> {
        match decide(data_dir, patience, |_| None)? {
            Attachment::Host(lock) => Ok(lock),
            Attachment::Attach { holder, .. } => {
                Err(AttachError::Held { data_dir: data_dir.to_owned(), holder })
            }
        }
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Writes into the lock file that this process answers at `socket`.
    ///
    /// # Errors
    /// [`AttachError::Io`]
    pub fn answers_at(&mut self, socket: &Path) -> Result<(), AttachError> {
        let data_dir = self.data_dir.clone();
        self.write(Some(socket)).map_err(|source| AttachError::Io { data_dir, source })
    }

    fn write(&mut self, socket: Option<&Path>) -> std::io::Result<()> {
        let mut text = own_words().into_bytes();
        text.push(b'\n');
        if let Some(socket) = socket {
            text.extend_from_slice(socket.as_os_str().as_bytes());
            text.push(b'\n');
        }
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        // In one piece, so that nobody reads a part of a path.
        self.file.write_all(&text)
    }
}

/// Which program this is.
fn own_words() -> String {
    let words: Vec<String> = std::env::args().take(2).collect();
    let program = words.first().map_or("muster", |path| path.rsplit('/').next().unwrap_or(path));
    let subcommand = words.get(1).filter(|word| !word.starts_with('-')).map(|word| format!(" {word}"));
    let uid = rustix::process::getuid().as_raw();
    format!("{program}{} (process {}, user id {uid})", subcommand.unwrap_or_default(), std::process::id())
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(LONGEST).read_to_end(&mut text));
    let mut lines = text.split(|byte| *byte == b'\n');
    let words = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let words: String = words.trim().chars().filter(|c| !c.is_control()).collect();
    let words = if read.is_err() || words.is_empty() { "another process".to_owned() } else { words };
    // Whole only with the end of its line.
    let is_whole = text.ends_with(b"\n");
    let socket = lines.next().filter(|path| is_whole && path.starts_with(b"/"));
    Holder { words, socket: socket.map(|path| PathBuf::from(OsStr::from_bytes(path))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_second_is_told_who_holds_it_and_the_third_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        let Attachment::Host(first) = attach_or_host(&data, Duration::ZERO).unwrap() else { panic!() };
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(LOCK_FILE))), (0o700, 0o600));
        let refused = attach_or_host(&data, Duration::ZERO).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(refused.contains("--data-dir"), "{refused}");
        drop(first);
        attach_or_host(&data, Duration::ZERO).unwrap();
    }

    #[test]
    fn one_that_answers_is_attached_to_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = DataDirLock::take(dir.path(), Duration::ZERO).unwrap();
        first.answers_at(Path::new("/run/muster/a b.sock")).unwrap();
        let Attachment::Attach { socket, holder } = attach_or_host(dir.path(), Duration::MAX / 4).unwrap()
        else {
            panic!("two engines");
        };
        assert_eq!(socket, Path::new("/run/muster/a b.sock"));
        assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
        // What needs the directory for itself is refused all the same.
        let refused = DataDirLock::take(dir.path(), Duration::ZERO).unwrap_err();
        assert!(matches!(refused, AttachError::Held { .. }), "{refused}");
        drop(first);
        // The path of the one before is not the next one's.
        let _second = DataDirLock::take(dir.path(), Duration::ZERO).unwrap();
        assert!(matches!(attach_or_host(dir.path(), Duration::ZERO), Err(AttachError::Held { .. })));
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::write(&data, "").unwrap();
        let refused = attach_or_host(&data, Duration::ZERO).unwrap_err().to_string();
        assert!(refused.contains("data"), "{refused}");
    }
}
