//! The epoch keys, wrapped by the store key, in a small file of their own.
//!
//! Not in the database, because that writes a new page and leaves the old one; this file is written whole,
//! and what was there before is overwritten in place. Outside of an erasure it holds one key. During one it
//! holds two, the old and the new; which of them holds is what the database says, so that a crash at any
//! moment leaves the erasure done or not begun.
//!
//! While the store key is changed it holds two as well, each under a store key of its own; which of the two is
//! needed follows from what the database says, so that a crash leaves the change done or not begun too.
//!
//! Layout: `muster keys 2\n`, the vault's id (16 random bytes), the number of keys (1 byte), and for each the epoch
//! (8 bytes, big-endian), the salt of the store key (16), the costs of Argon2id (12: memory in KiB, passes,
//! lanes; zeros where the store key is not made of a passphrase) and the wrapped key (72).
//!
//! A file of layout 1 is read too: it has one salt for all, after the id, and no costs.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::passphrase::{COSTS_BYTES, Costs, Derivation, PassphraseSalt};
use super::{KEY_BYTES, Key, NoRandom, NotOpened, OVERHEAD, random};

/// The file's name in the data directory.
pub const FILE_NAME: &str = "store.keys";

const MAGIC_1: &[u8] = b"muster keys 1\n";
const MAGIC: &[u8] = b"muster keys 2\n";
const WRAPPED_BYTES: usize = KEY_BYTES + OVERHEAD;
const ENTRY_BYTES: usize = 8 + 16 + COSTS_BYTES + WRAPPED_BYTES;
/// More than two there never are.
pub(in crate::store) const LONGEST: u64 = (MAGIC.len() + 17 + 8 * ENTRY_BYTES) as u64;

/// A number of an epoch key, counted up by every erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The vault's name, which the database holds too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultId(pub [u8; 16]);

/// What the file holds, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The vault's name.
    pub id: VaultId,
    wrapped: BTreeMap<Epoch, Wrapped>,
}

/// An epoch key as it lies there, and where the store key that wraps it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrapped {
    derivation: Derivation,
    key: Vec<u8>,
}

/// Why the epoch keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store key opens none of it.
    #[error("the store key does not open it")]
    WrongKey,
    /// A passphrase was given, and the store is under a key that is none.
    #[error("the store is not under a passphrase: name the place of its key under [store] key")]
    NoPassphrase,
    /// A key was given, and the store is under a passphrase.
    #[error("the store is under a passphrase: say so with [store] key = \"passphrase\"")]
    Passphrase,
    /// There is none, and there must be.
    #[error("it is not there, and without it nothing of the store can be read: put it back beside the store")]
    Missing,
    /// It is no vault.
    #[error("it does not have the layout of a file of keys")]
    Malformed,
    /// The file system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No key can be made.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

impl From<NotOpened> for VaultError {
    fn from(_: NotOpened) -> Self {
        Self::WrongKey
    }
}

/// Where the bytes of a vault lie.
pub trait VaultMedium: Send + Sync {
    /// The bytes; none where there is no vault yet.
    ///
    /// # Errors
    /// What the system says.
    fn load(&self) -> io::Result<Option<Vec<u8>>>;

    /// Makes `bytes` durable in place of what was there, and overwrites that. After an error either is there.
    ///
    /// # Errors
    /// What the system says.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Sealed {
    /// A vault without a key, under a name of its own.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn create() -> Result<Self, NoRandom> {
        let mut id = [0; 16];
        random(&mut id)?;
        Ok(Self { id: VaultId(id), wrapped: BTreeMap::new() })
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`VaultError::Malformed`]
    pub fn read(bytes: &[u8]) -> Result<Self, VaultError> {
        let read = || match bytes.strip_prefix(MAGIC_1) {
            Some(rest) => Self::read_1(rest),
            None => Self::read_2(bytes.strip_prefix(MAGIC)?),
        };
        read().filter(|vault| !vault.wrapped.is_empty()).ok_or(VaultError::Malformed)
    }

    fn read_1(rest: &[u8]) -> Option<Self> {
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (salt, rest) = rest.split_first_chunk::<16>()?;
        let (count, mut rest) = rest.split_first()?;
        let mut wrapped = BTreeMap::new();
        for _ in 0..*count {
            let (epoch, more) = rest.split_first_chunk::<8>()?;
            let (key, more) = more.split_at_checked(WRAPPED_BYTES)?;
            let derivation = Derivation { salt: *salt, costs: None };
            wrapped.insert(Epoch(u64::from_be_bytes(*epoch)), Wrapped { derivation, key: key.to_vec() });
            rest = more;
        }
        rest.is_empty().then_some(Self { id: VaultId(*id), wrapped })
    }

    fn read_2(rest: &[u8]) -> Option<Self> {
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (count, mut rest) = rest.split_first()?;
        let mut wrapped = BTreeMap::new();
        for _ in 0..*count {
            let (epoch, more) = rest.split_first_chunk::<8>()?;
            let (salt, more): (&PassphraseSalt, _) = more.split_first_chunk()?;
            let (costs, more) = more.split_first_chunk::<COSTS_BYTES>()?;
            let (key, more) = more.split_at_checked(WRAPPED_BYTES)?;
            let costs = if *costs == [0; COSTS_BYTES] { None } else { Some(Costs::from_bytes(*costs)?) };
            let derivation = Derivation { salt: *salt, costs };
            wrapped.insert(Epoch(u64::from_be_bytes(*epoch)), Wrapped { derivation, key: key.to_vec() });
            rest = more;
        }
        rest.is_empty().then_some(Self { id: VaultId(*id), wrapped })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.wrapped.len()).unwrap_or(u8::MAX);
        let mut bytes = [MAGIC, &self.id.0, &[count]].concat();
        for (epoch, Wrapped { derivation, key }) in &self.wrapped {
            bytes.extend(epoch.0.to_be_bytes());
            bytes.extend(derivation.salt);
            bytes.extend(derivation.costs.map_or([0; COSTS_BYTES], Costs::bytes));
            bytes.extend(key);
        }
        bytes
    }

    /// Puts `key` in as that of `epoch`, under a store key that came about as `derivation` says.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn put(
        &mut self,
        store_key: &Key,
        derivation: Derivation,
        epoch: Epoch,
        key: &Key,
    ) -> Result<(), NoRandom> {
        let key = store_key.wrap(&self.place(derivation, epoch), key)?;
        self.wrapped.insert(epoch, Wrapped { derivation, key });
        Ok(())
    }

    /// The epochs, the newest first, each with how the store key that wraps its key came about.
    pub fn epochs(&self) -> impl Iterator<Item = (Epoch, Derivation)> {
        self.wrapped.iter().rev().map(|(epoch, wrapped)| (*epoch, wrapped.derivation))
    }

    /// Leaves the key of `epoch` alone; whether there were others.
    pub fn keep_only(&mut self, epoch: Epoch) -> bool {
        let before = self.wrapped.len();
        self.wrapped.retain(|other, _| *other == epoch);
        self.wrapped.len() != before
    }

    /// The key of `epoch`; none where it is not here.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`]
    pub fn key(&self, store_key: &Key, epoch: Epoch) -> Result<Option<Key>, VaultError> {
        let Some(Wrapped { derivation, key }) = self.wrapped.get(&epoch) else { return Ok(None) };
        Ok(Some(store_key.unwrap(&self.place(*derivation, epoch), key)?))
    }

    /// `wrapped`, found anywhere, as the key of `epoch`.
    ///
    /// # Errors
    /// [`NotOpened`]
    #[cfg(test)]
    pub(in crate::store) fn try_key(
        &self,
        store_key: &Key,
        epoch: Epoch,
        wrapped: &[u8],
    ) -> Result<Key, NotOpened> {
        let opened = self
            .epochs()
            .find_map(|(_, derivation)| store_key.unwrap(&self.place(derivation, epoch), wrapped).ok());
        opened.ok_or(NotOpened)
    }

    /// Without costs as in layout 1, so that what was wrapped then opens.
    fn place(&self, Derivation { salt, costs }: Derivation, epoch: Epoch) -> Vec<u8> {
        let mut place = [b"muster epoch key".as_slice(), &self.id.0, &salt, &epoch.0.to_be_bytes()].concat();
        place.extend(costs.map(Costs::bytes).into_iter().flatten());
        place
    }
}

/// The file in a data directory.
#[derive(Debug, Clone)]
pub struct VaultFile {
    path: PathBuf,
}

impl VaultFile {
    /// The file of the data directory `directory`.
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join(FILE_NAME) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl VaultMedium for VaultFile {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let old = match OpenOptions::new().write(true).open(&self.path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let half_made = self.path.with_extension("keys.new");
        // One that a crash left holds keys too.
        if let Ok(left) = OpenOptions::new().write(true).open(&half_made) {
            wipe(&left)?;
        }
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&half_made)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()?;
        std::fs::rename(&half_made, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        // Not before the new one is there for certain.
        old.map_or(Ok(()), |old| wipe(&old))
    }
}

/// Overwrites a file in place. What a copy-on-write file system or the wear levelling of a drive keeps of
/// it is out of reach here.
pub(in crate::store) fn wipe(file: &File) -> io::Result<()> {
    static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];
    let length = file.metadata()?.len();
    let mut at = 0;
    while at < length {
        let count = (length - at).min(PIECE.len() as u64);
        file.write_all_at(&PIECE[..count as usize], at)?;
        at += count;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (Key, Sealed) {
        let store_key = Key::generate().unwrap();
        let mut vault = Sealed::create().unwrap();
        let random = Derivation::new(None).unwrap();
        let made = Derivation::new(Some(Costs::USUAL)).unwrap();
        vault.put(&store_key, random, Epoch(1), &Key::from_bytes([1; KEY_BYTES])).unwrap();
        vault.put(&store_key, made, Epoch(2), &Key::from_bytes([2; KEY_BYTES])).unwrap();
        (store_key, vault)
    }

    #[test]
    fn what_is_written_is_read_and_anything_else_is_refused() {
        let (store_key, vault) = vault();
        let bytes = vault.bytes();
        assert_eq!(Sealed::read(&bytes).unwrap(), vault);
        for cut in 0..bytes.len() {
            assert!(Sealed::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Sealed::read(&[&bytes[..], &[0]].concat()).is_err());
        assert_eq!(vault.epochs().next().unwrap().0, Epoch(2));
        assert_eq!(vault.key(&store_key, Epoch(2)).unwrap(), Some(Key::from_bytes([2; KEY_BYTES])));
        assert_eq!(vault.key(&store_key, Epoch(3)).unwrap(), None);
        let other = Key::generate().unwrap();
        assert!(matches!(vault.key(&other, Epoch(1)), Err(VaultError::WrongKey)));
    }

    /// Frozen: a file that was written in layout 1 opens, and is written in layout 2 the next time.
    #[test]
    fn a_file_of_layout_1_is_read() {
        let store_key = Key::from_bytes([9; KEY_BYTES]);
        let place = [b"muster epoch key".as_slice(), &[5; 16], &[6; 16], &7u64.to_be_bytes()].concat();
        let wrapped = store_key.wrap(&place, &Key::from_bytes([1; KEY_BYTES])).unwrap();
        let bytes =
            [b"muster keys 1\n", &[5; 16][..], &[6; 16], &[1], &7u64.to_be_bytes(), &wrapped].concat();
        let vault = Sealed::read(&bytes).unwrap();
        assert_eq!(vault.key(&store_key, Epoch(7)).unwrap(), Some(Key::from_bytes([1; KEY_BYTES])));
        let again = vault.bytes();
        assert!(again.starts_with(b"muster keys 2\n"));
        assert_eq!(Sealed::read(&again).unwrap(), vault);
        for cut in 0..bytes.len() {
            assert!(Sealed::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn costs_and_salt_are_authenticated() {
        let (store_key, mut vault) = vault();
        let Some(wrapped) = vault.wrapped.get_mut(&Epoch(2)) else { panic!("it was put in") };
        wrapped.derivation.costs = Some(Costs { passes: 1, ..Costs::USUAL });
        assert!(matches!(vault.key(&store_key, Epoch(2)), Err(VaultError::WrongKey)));
    }

    #[test]
    fn a_key_is_that_of_its_epoch_and_its_vault() {
        let (store_key, mut vault) = vault();
        let (one, two) = (vault.wrapped[&Epoch(1)].clone(), vault.wrapped[&Epoch(2)].clone());
        vault.wrapped.insert(Epoch(1), two);
        assert!(matches!(vault.key(&store_key, Epoch(1)), Err(VaultError::WrongKey)));
        vault.wrapped.insert(Epoch(1), one);
        vault.id.0[0] ^= 1;
        assert!(matches!(vault.key(&store_key, Epoch(1)), Err(VaultError::WrongKey)));
    }

    #[test]
    fn what_was_replaced_is_overwritten_where_it_lay() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = VaultFile::of(directory.path());
        assert_eq!(file.load().unwrap(), None);
        file.replace(b"the first, which is longer").unwrap();
        // A second name shows what becomes of the blocks.
        let seen = directory.path().join("seen");
        std::fs::hard_link(file.path(), &seen).unwrap();
        file.replace(b"the second").unwrap();
        assert_eq!(file.load().unwrap().as_deref(), Some(&b"the second"[..]));
        assert_eq!(std::fs::read(seen).unwrap(), [0; 26]);
        assert_eq!(directory.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_half_made_file_of_a_crash_is_no_trouble() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = VaultFile::of(directory.path());
        std::fs::write(directory.path().join("store.keys.new"), [7; 500]).unwrap();
        file.replace(b"whole").unwrap();
        assert_eq!(file.load().unwrap().as_deref(), Some(&b"whole"[..]));
    }
}
