//! Where the store key comes from: a file of its own, a credential of the service manager, or a passphrase.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use super::{KEY_BYTES, Key, NoRandom};

/// Where the store key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In this file: 64 hexadecimal digits and a line break. It is made where a new store is.
    File(PathBuf),
    /// In this file, which somebody else provides, as systemd does for `LoadCredential=`; never made.
    Credential(PathBuf),
    /// It is this one; for tests.
    Given(Key),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Credential(path) => write!(f, "Credential({})", path.display()),
            Self::Given(_) => f.write_str("Given"),
        }
    }
}

/// Why the store key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not where it should be.
    #[error(
        "the store's key is not at {path}, and without it nobody's name, template or note can be read: put it back there, or name its \
         place under [store] key"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is no key.
    #[error("{path} holds no key: expected 64 hexadecimal digits")]
    Malformed {
        /// Where.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("others than its owner may read the store's key in {path} (mode {mode:03o}): chmod 600 it")]
    Open {
        /// Where.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
    },
    /// The file system said no.
    #[error("the store's key in {path} cannot be {step}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No key can be made.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

/// Whether a key may be made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// It is for a new store.
    Allowed,
    /// There is a store that only its own key opens.
    Refused,
}

impl KeySource {
    /// The store key.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn key(&self, making: Making) -> Result<Key, KeyError> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::Credential(path) => read(path),
            Self::File(path) => match read(path) {
                Err(KeyError::Missing { .. }) if making == Making::Allowed => make(path),
                found => found,
            },
        }
    }
}

fn read(path: &Path) -> Result<Key, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), step: "read", source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KeyError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(io(error)),
    };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    // systemd hands credentials over with 0400 or 0440 in a directory that is closed to others.
    if mode & 0o037 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(4 * KEY_BYTES));
    let length = (&mut file).take(3 * KEY_BYTES as u64).read_to_end(&mut text).map_err(io)?;
    let text = text.get(..length).unwrap_or_default().trim_ascii();
    digits(text).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
}

fn digits(text: &[u8]) -> Option<Key> {
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let mut bytes = [0; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    let key = Key::from_bytes(bytes);
    bytes.zeroize();
    Some(key)
}

/// Makes a key, whole and on disk before it has its name. Where another process was faster, its key holds.
fn make(path: &Path) -> Result<Key, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), step: "made", source };
    let key = Key::generate()?;
    let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
    for byte in key.0.iter() {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    text.push('\n');
    let directory = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io)?;
    let half_made = path.with_extension(format!("new-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&half_made)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::hard_link(&half_made, path))
        .and_then(|()| File::open(directory)?.sync_all());
    let _ = std::fs::remove_file(&half_made);
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("muster/store.key");
        let source = KeySource::File(path.clone());
        let missing = source.key(Making::Refused).unwrap_err().to_string();
        assert!(missing.contains("put it back"), "{missing}");
        let key = source.key(Making::Allowed).unwrap();
        assert_eq!(source.key(Making::Refused).unwrap(), key);
        assert_eq!(source.key(Making::Allowed).unwrap(), key);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(directory.path().join("muster").read_dir().unwrap().count(), 1);
        assert!(matches!(
            KeySource::Credential(directory.path().join("x")).key(Making::Allowed),
            Err(KeyError::Missing { .. })
        ));
        assert!(!format!("{source:?} {:?}", KeySource::Given(key)).contains("0x"));
    }

    #[test]
    fn what_is_no_key_or_is_open_to_others_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.key");
        let source = KeySource::File(path.clone());
        let long = "0".repeat(66);
        for text in ["", "abc", &long, &"g".repeat(64)] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(source.key(Making::Allowed), Err(KeyError::Malformed { .. })), "{text}");
        }
        std::fs::write(&path, format!("{}\n", "0F".repeat(32))).unwrap();
        assert_eq!(source.key(Making::Refused).unwrap(), Key::from_bytes([15; 32]));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(source.key(Making::Refused), Err(KeyError::Open { mode: 0o644, .. })));
    }
}
