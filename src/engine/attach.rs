//! One engine a data directory: who holds it, and what a second process is told.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
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
    _file: File,
    data_dir: PathBuf,
}

impl DataDirLock {
    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

/// How this process may use a data directory.
#[derive(Debug)]
pub enum Attachment {
    /// No other engine runs here: be it.
    Host(DataDirLock),
}

const LOCK_FILE: &str = "muster.lock";
const POLL: Duration = Duration::from_millis(50);

/// Decides under the lock file of `data_dir` whether this process is its engine. Makes the
/// directory (0700) where it is missing. Waits up to `patience` for another process to finish.
///
/// Another process that stays is an error which says who it is; attaching to it over its socket
/// will be a second variant of [`Attachment`].
///
/// # Errors
/// [`AttachError`].
pub fn attach_or_host(data_dir: &Path, patience: Duration) -> Result<Attachment, AttachError> {
    let io = |source| AttachError::Io { data_dir: data_dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(io)?;
    let path = data_dir.join(LOCK_FILE);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(io)?;
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&mut file);
                return Err(AttachError::Held { data_dir: data_dir.to_owned(), holder });
            }
        }
    }
    write_holder(&mut file).map_err(io)?;
    Ok(Attachment::Host(DataDirLock { _file: file, data_dir: data_dir.to_owned() }))
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().take(2).collect();
    let program = words.first().map_or("muster", |path| path.rsplit('/').next().unwrap_or(path));
    let subcommand = words.get(1).filter(|word| !word.starts_with('-')).map(|word| format!(" {word}"));
    let uid = rustix::process::getuid().as_raw();
    let text = format!(
        "{program}{} (process {}, user id {uid})\n",
        subcommand.unwrap_or_default(),
        std::process::id()
    );
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(256).read_to_string(&mut text));
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if read.is_err() || text.is_empty() { "another process".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_second_is_told_who_holds_it_and_the_third_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        let Attachment::Host(first) = attach_or_host(&data, Duration::ZERO).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(LOCK_FILE))), (0o700, 0o600));
        let refused = attach_or_host(&data, Duration::ZERO).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(refused.contains("--data-dir"), "{refused}");
        drop(first);
        attach_or_host(&data, Duration::ZERO).unwrap();
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
