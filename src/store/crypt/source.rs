//! Where the store key comes from: a file of its own, a credential of the service manager, or a passphrase.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use super::passphrase::{Costs, Derivation, NotDerived, Passphrase, PassphraseError};
use super::{KEY_BYTES, Key, NoRandom};

/// Where the store key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In this file: 64 hexadecimal digits and a line break. It is made where a new store is.
    File(PathBuf),
    /// In this file, which somebody else provides, as systemd does for `LoadCredential=`; never made.
    Credential(PathBuf),
    /// It is made of this passphrase.
    Passphrase(Passphrase),
    /// It is this one.
    Given(Key),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Credential(path) => write!(f, "Credential({})", path.display()),
            Self::Passphrase(_) => f.write_str("Passphrase"),
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
    /// The passphrase is not where it should be.
    #[error(
        "the passphrase of the store is not at {path}: hand it over there, or name its place under [store] key"
    )]
    NoPassphrase {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No key can be made of the passphrase.
    #[error(transparent)]
    NotDerived(#[from] NotDerived),
    /// The passphrase cannot be taken.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
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
    /// The store key, which came about as `derivation` says; none where a key of this source never does: a
    /// passphrase makes none without costs, and nothing else makes one with them.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn key_for(&self, derivation: &Derivation) -> Result<Option<Key>, KeyError> {
        match (self, derivation.costs) {
            (Self::Passphrase(passphrase), Some(costs)) => Ok(Some(passphrase.key(&derivation.salt, costs)?)),
            (Self::Passphrase(_), None) => Ok(None),
            (_, Some(_)) => Ok(None),
            (_, None) => self.lying(Making::Refused).map(Some),
        }
    }

    /// A store key to put a store under, and how it came about. Where it lies in a file, it is the one that is
    /// there.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn new_key(&self, making: Making) -> Result<(Key, Derivation), KeyError> {
        if let Self::Passphrase(passphrase) = self {
            passphrase.check_new()?;
            let derivation = Derivation::new(Some(Costs::USUAL))?;
            return Ok((passphrase.key(&derivation.salt, Costs::USUAL)?, derivation));
        }
        Ok((self.lying(making)?, Derivation::new(None)?))
    }

    /// The key that lies somewhere.
    fn lying(&self, making: Making) -> Result<Key, KeyError> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::Credential(path) => read(path),
            Self::File(path) => match read(path) {
                Err(KeyError::Missing { .. }) if making == Making::Allowed => make(path),
                found => found,
            },
            // Its two callers have seen to it.
            Self::Passphrase(_) => Err(PassphraseError::Empty.into()),
        }
    }

    /// Whether it is a passphrase.
    pub fn is_passphrase(&self) -> bool {
        matches!(self, Self::Passphrase(_))
    }
}

/// The passphrase in the first line of a file that is its owner's alone, or of a pipe.
///
/// # Errors
/// [`KeyError`]
pub fn passphrase_in(path: &Path) -> Result<Passphrase, KeyError> {
    let bytes = read_bytes(path, LONGEST_LINE).map_err(|error| match error {
        KeyError::Missing { path } => KeyError::NoPassphrase { path },
        error => error,
    })?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| KeyError::Malformed { path: path.to_owned() })?;
    // Of its full length at once, so that no copy of a part is left behind.
    let mut owned = Zeroizing::new(String::with_capacity(text.len()));
    owned.push_str(text);
    Ok(Passphrase::new(owned)?)
}

/// Bytes of a passphrase at most.
const LONGEST_LINE: usize = 4096;

/// What a file holds that others cannot read, up to `most` bytes.
fn read_bytes(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), step: "read", source };
    let file = match File::open(path) {
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
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    file.take(most as u64).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn read(path: &Path) -> Result<Key, KeyError> {
    let text = read_bytes(path, 3 * KEY_BYTES)?;
    digits(text.trim_ascii()).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
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
        let missing = source.lying(Making::Refused).unwrap_err().to_string();
        assert!(missing.contains("put it back"), "{missing}");
        let key = source.lying(Making::Allowed).unwrap();
        assert_eq!(source.lying(Making::Refused).unwrap(), key);
        assert_eq!(source.lying(Making::Allowed).unwrap(), key);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(directory.path().join("muster").read_dir().unwrap().count(), 1);
        assert!(matches!(
            KeySource::Credential(directory.path().join("x")).lying(Making::Allowed),
            Err(KeyError::Missing { .. })
        ));
        assert!(!format!("{source:?} {:?}", KeySource::Given(key)).contains("0x"));
    }

    #[test]
    fn a_passphrase_is_the_first_line_of_a_file_that_others_cannot_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("words");
        std::fs::write(&path, "correct horse battery\r\nand more\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let wanted = Passphrase::new(Zeroizing::new("correct horse battery".to_owned())).unwrap();
        assert_eq!(passphrase_in(&path).unwrap(), wanted);
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(passphrase_in(&path), Err(KeyError::Passphrase(PassphraseError::Empty))));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(passphrase_in(&path), Err(KeyError::Open { .. })));
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
            assert!(matches!(source.lying(Making::Allowed), Err(KeyError::Malformed { .. })), "{text}");
        }
        std::fs::write(&path, format!("{}\n", "0F".repeat(32))).unwrap();
        assert_eq!(source.lying(Making::Refused).unwrap(), Key::from_bytes([15; 32]));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(source.lying(Making::Refused), Err(KeyError::Open { mode: 0o644, .. })));
    }
}
