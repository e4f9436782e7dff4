//! Digests, the staging folder, and moving files into place.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{SetupError, Step, Wanted, go_on};
use crate::ledger::Sha256Digest;

/// What every staging folder's name begins with; git ignores it.
const STAGING: &str = ".staging-";
/// The file whose lock says that a set-up is at work in its folder. It stays, empty.
const LOCK: &str = ".staging.lock";
/// How often another set-up's lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(200);
/// How much is read or written between two looks at whether to stop.
const CHUNK_BYTES: usize = 1 << 20;

/// A private folder beside the destinations, on the same file system, removed when dropped. While
/// it exists, the set-up holds the lock of the folder it lies in.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    /// Takes the lock of `root`, waiting for another set-up to end, and removes what a killed one
    /// left behind.
    pub(super) fn begin(
        root: &Path,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(Step<'_>),
    ) -> Result<Self, SetupError> {
        std::fs::create_dir_all(root).map_err(SetupError::io("create the folder", root))?;
        let lock = lock(root, stop, watch)?;
        remove_stale(root)?;
        // Clients run in a folder of their own, where a relative path would mean something else.
        let root = std::fs::canonicalize(root).map_err(SetupError::io("look at", root))?;
        let folder = root.join(format!("{STAGING}{}", std::process::id()));
        create_private(&folder)?;
        let staging = Self { folder, _lock: lock };
        create_private(&staging.folder.join("files"))?;
        Ok(staging)
    }

    /// Where the `index`th file that is missing is staged.
    pub(super) fn file(&self, index: usize) -> PathBuf {
        self.folder.join("files").join(index.to_string())
    }

    /// A folder of its own for fetching a package.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, SetupError> {
        let folder = self.folder.join(format!("package-{name}"));
        create_private(&folder)?;
        Ok(folder)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next set-up, which says why if it cannot.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes what a run left that was killed after its last rename, if nobody is at work in `root`
/// and it can be removed: nothing depends on it.
pub(super) fn tidy(root: &Path) {
    let is_left = |entry: std::io::Result<std::fs::DirEntry>| entry.is_ok_and(|entry| is_staging(&entry));
    if std::fs::read_dir(root).is_ok_and(|mut entries| entries.any(is_left))
        && let Ok(lock) = OpenOptions::new().write(true).open(root.join(LOCK))
        && lock.try_lock().is_ok()
    {
        let _ = remove_stale(root);
    }
}

fn is_staging(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(STAGING)
}

fn lock(root: &Path, stop: &AtomicBool, watch: &mut dyn FnMut(Step<'_>)) -> Result<File, SetupError> {
    let path = root.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(SetupError::io("create", &path))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !said {
                    watch(Step::Waiting { folder: root });
                    said = true;
                }
                go_on(stop)?;
                std::thread::sleep(LOCK_RETRY);
            }
            Err(TryLockError::Error(source)) => return Err(SetupError::io("lock", &path)(source)),
        }
    }
}

fn remove_stale(root: &Path) -> Result<(), SetupError> {
    let entries = std::fs::read_dir(root).map_err(SetupError::io("list", root))?;
    for entry in entries {
        let entry = entry.map_err(SetupError::io("list", root))?;
        if is_staging(&entry) {
            let path = entry.path();
            std::fs::remove_dir_all(&path)
                .map_err(SetupError::io("remove what a killed set-up left at", &path))?;
        }
    }
    Ok(())
}

fn create_private(folder: &Path) -> Result<(), SetupError> {
    DirBuilder::new().mode(0o700).create(folder).map_err(SetupError::io("create the folder", folder))
}

/// Whether `wanted` is in place, with its size and its digest.
pub(super) fn is_in_place(wanted: &Wanted, stop: &AtomicBool) -> Result<bool, SetupError> {
    is_file_with(&wanted.destination, wanted.size_bytes, wanted.sha256, stop)
}

/// Whether `path` is a file of this size and digest. What is not there is not an error.
pub(super) fn is_file_with(
    path: &Path,
    size_bytes: u64,
    sha256: Sha256Digest,
    stop: &AtomicBool,
) -> Result<bool, SetupError> {
    match std::fs::metadata(path) {
        // The size is looked at first: it costs nothing, and most wrong files differ in it.
        Ok(metadata) if metadata.is_file() && metadata.len() == size_bytes => {
            Ok(digest(path, stop)? == sha256)
        }
        Ok(_) => Ok(false),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(SetupError::io("look at", path)(error)),
    }
}

/// Refuses `path` unless it has this size and digest.
pub(super) fn verify(
    path: &Path,
    size_bytes: u64,
    sha256: Sha256Digest,
    stop: &AtomicBool,
) -> Result<(), SetupError> {
    let mismatch = |expected: String, found: String| SetupError::Mismatch {
        path: path.to_owned(),
        expected,
        found,
        hint:
            "it was not used; it may be incomplete or have been replaced: fetch it again, or give the folder \
               of a good copy with --from"
                .into(),
    };
    let found = std::fs::metadata(path).map_err(SetupError::io("look at", path))?.len();
    if found != size_bytes {
        return Err(mismatch(format!("{size_bytes} bytes"), format!("{found} bytes")));
    }
    let found = digest(path, stop)?;
    if found != sha256 {
        return Err(mismatch(format!("SHA-256 {sha256}"), format!("{found}")));
    }
    Ok(())
}

pub(super) fn digest(path: &Path, stop: &AtomicBool) -> Result<Sha256Digest, SetupError> {
    let mut file = File::open(path).map_err(SetupError::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        go_on(stop)?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Sha256Digest(hasher.finalize().into())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(SetupError::io("read", path)(error)),
        }
    }
}

/// Writes a new file through to the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), SetupError> {
    let mut file = create(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(SetupError::io("write", path))
}

/// Copies at most `size_bytes` and one byte more of a file to a new one, through to the disk.
pub(super) fn copy(from: &Path, to: &Path, size_bytes: u64) -> Result<(), SetupError> {
    let mut source = File::open(from).map_err(SetupError::io("open", from))?;
    save(&mut source, from, to, size_bytes)
}

/// Saves at most `size_bytes` and one byte more of `source` to a new file, through to the disk. The
/// byte more makes what is too long fail the check of its size, whatever it claims to be.
pub(super) fn save(source: &mut dyn Read, name: &Path, to: &Path, size_bytes: u64) -> Result<(), SetupError> {
    let mut file = create(to)?;
    let mut bounded = source.take(size_bytes.saturating_add(1));
    std::io::copy(&mut bounded, &mut file).map_err(SetupError::io("unpack", name))?;
    file.sync_all().map_err(SetupError::io("write", to))
}

fn create(path: &Path) -> Result<File, SetupError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .map_err(SetupError::io("create", path))
}

/// Renames a staged file to its destination, over what is there, and makes the name durable.
pub(super) fn move_into_place(staged: &Path, destination: &Path) -> Result<(), SetupError> {
    let parent = destination.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(SetupError::io("create the folder", parent))?;
    std::fs::rename(staged, destination).map_err(SetupError::io("move a file to", destination))?;
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(SetupError::io("write", parent))
}
