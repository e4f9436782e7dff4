//! Where the socket of a data directory lies.
//!
//! | who runs the engine | socket |
//! | --- | --- |
//! | systemd, which sets `RUNTIME_DIRECTORY` | that directory |
//! | somebody who is logged in, with `XDG_RUNTIME_DIR` | `muster` in it |
//! | anybody else | the data directory itself |
//!
//! Its name is a hash of the data directory's canonical path, so that a demo, a test and the service never
//! meet. The lock file of the data directory says which it is; whoever may not read that file, such as the
//! account for SSH, finds the service's under [`SERVICE`].

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The runtime directory of the service.
pub const SERVICE: &str = "/run/muster";
/// A Unix socket's path has room for so many bytes, with a zero at the end.
const LONGEST: usize = 107;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The path is too long for a Unix socket.
    #[error(
        "{path} is too long for a socket ({bytes} bytes, and {LONGEST} is the most): set XDG_RUNTIME_DIR to a \
         directory with a shorter name"
    )]
    TooLong {
        /// Which.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// It cannot be made.
    #[error("the socket {path} cannot be made: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What the environment says of where sockets lie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeDirs {
    /// `RUNTIME_DIRECTORY`, which systemd sets.
    pub service: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    pub user: Option<PathBuf>,
}

/// The name of the socket that belongs to `data_dir`.
fn name(data_dir: &Path) -> String {
    let canonical = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let digest = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.sock")
}

/// Where the service's socket for `data_dir` would be.
pub fn of_service(data_dir: &Path) -> PathBuf {
    Path::new(SERVICE).join(name(data_dir))
}

/// A socket that listens; the file goes when it is dropped.
#[derive(Debug)]
pub struct BoundSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl BoundSocket {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Binds the socket of `data_dir`, whose lock the caller holds: what lies there is left over.
    ///
    /// # Errors
    /// [`PlaceError`]
    pub fn bind(data_dir: &Path, dirs: &RuntimeDirs) -> Result<Self, PlaceError> {
        let (dir, mode) = match (&dirs.service, &dirs.user) {
            // Who may come in is decided by the account at the other end, not by the file.
            (Some(service), _) => (service.clone(), 0o666),
            (None, Some(user)) => (user.join("muster"), 0o600),
            (None, None) => (data_dir.to_owned(), 0o600),
        };
        let path = dir.join(name(data_dir));
        let bytes = path.as_os_str().len();
        if bytes > LONGEST {
            return Err(PlaceError::TooLong { path, bytes });
        }
        let io = |source| PlaceError::Io { path: path.clone(), source };
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
        }
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let listener = UnixListener::bind(&path).map_err(io)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(io)?;
        Ok(Self { listener, path })
    }
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        // Left over, it says only that nobody listens.
        let _ = fs::remove_file(&self.path);
    }
}

/// The account that made the directory of a socket: an engine at it must be that account's, or root's.
///
/// # Errors
/// What the system says of the directory.
pub fn owner(socket: &Path) -> io::Result<u32> {
    let dir = socket.parent().unwrap_or(Path::new("/"));
    Ok(fs::metadata(dir)?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_directories_have_two_sockets_and_one_has_one_however_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let (one, two) = (home.path().join("one"), home.path().join("two"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        std::os::unix::fs::symlink(&one, home.path().join("link")).unwrap();
        assert_ne!(name(&one), name(&two));
        assert_eq!(name(&one), name(&home.path().join("link")));
        assert_eq!(name(&one), name(&home.path().join("two/../one")));
    }

    #[test]
    fn it_lies_where_the_environment_says_and_goes_with_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        fs::create_dir(&data).unwrap();
        let run = home.path().join("run");
        let dirs = |service: Option<&Path>, user: Option<&Path>| RuntimeDirs {
            service: service.map(Path::to_owned),
            user: user.map(Path::to_owned),
        };
        let table = [
            (dirs(Some(&run), Some(home.path())), run.clone(), 0o666),
            (dirs(None, Some(&run)), run.join("muster"), 0o600),
            (dirs(None, None), data.clone(), 0o600),
        ];
        for (dirs, dir, mode) in table {
            let bound = BoundSocket::bind(&data, &dirs).unwrap();
            let path = bound.path().to_owned();
            assert_eq!(path.parent(), Some(dir.as_path()));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert_eq!(owner(&path).unwrap(), rustix::process::getuid().as_raw());
            drop(bound);
            assert!(!path.exists());
            // What a process that was killed left behind is no hindrance.
            fs::write(&path, "").unwrap();
            drop(BoundSocket::bind(&data, &dirs).unwrap());
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_said() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let refused = BoundSocket::bind(&deep, &RuntimeDirs::default()).unwrap_err().to_string();
        assert!(refused.contains("XDG_RUNTIME_DIR") && refused.contains("107"), "{refused}");
    }
}
