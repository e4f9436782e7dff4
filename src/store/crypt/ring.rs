//! The keys of an open store: from the store key to the key of one person.

use super::source::{KeySource, Making};
use super::vault::{Epoch, Sealed, VaultError, VaultId, VaultMedium};
use super::{Key, NoRandom, NotOpened};

/// Names what a subject key belongs to: a person, an item of the inbox, or [`SITE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Which.
    pub id: u128,
}

/// What a subject can be, by the number that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SubjectKind {
    /// See [`SITE`].
    Site = 0,
    /// A person.
    Person = 1,
    /// An item of the inbox.
    Stranger = 2,
}

/// What is nobody's: notes of entries that are about no person.
pub const SITE: Subject = Subject { kind: SubjectKind::Site, id: 0 };

/// Bytes of [`Subject::bytes`].
pub const SUBJECT_BYTES: usize = 17;

impl Subject {
    /// A person.
    pub fn person(id: u128) -> Self {
        Self { kind: SubjectKind::Person, id }
    }

    /// An item of the inbox.
    pub fn stranger(id: u128) -> Self {
        Self { kind: SubjectKind::Stranger, id }
    }

    /// The number of its kind, and its id.
    pub fn numbers(self) -> (u8, u128) {
        (self.kind as u8, self.id)
    }

    /// What [`Subject::numbers`] gave; none for a kind that there is not.
    pub fn from_numbers((kind, id): (u8, u128)) -> Option<Self> {
        let kinds = [SubjectKind::Site, SubjectKind::Person, SubjectKind::Stranger];
        Some(Self { kind: kinds.into_iter().find(|known| *known as u8 == kind)?, id })
    }

    /// The number of its kind and its id, big-endian.
    pub fn bytes(self) -> [u8; SUBJECT_BYTES] {
        let mut bytes = [self.kind as u8; SUBJECT_BYTES];
        bytes[1..].copy_from_slice(&self.id.to_be_bytes());
        bytes
    }

    /// What [`Subject::bytes`] gave.
    pub fn from_bytes(bytes: [u8; SUBJECT_BYTES]) -> Option<Self> {
        let id = bytes[1..].iter().fold(0, |id, byte| id << 8 | u128::from(*byte));
        Self::from_numbers((bytes[0], id))
    }
}

/// The keys of an open store.
pub struct Ring {
    store_key: Key,
    medium: Box<dyn VaultMedium>,
    vault: Sealed,
    epoch: Epoch,
    key: Key,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ring(epoch {})", self.epoch.0)
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The store key cannot be had.
    #[error(transparent)]
    Key(#[from] super::source::KeyError),
    /// The epoch keys cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault does not hold the key that the database names.
    #[error("it does not hold the key of epoch {}", .0.0)]
    NoEpoch(Epoch),
}

impl Ring {
    /// The keys in `medium`, which is filled where it is empty and `making` allows it. The newest epoch holds
    /// until [`Ring::settle`] says otherwise.
    ///
    /// # Errors
    /// [`RingError`]; [`VaultError::Missing`] for an empty medium that must not be filled.
    pub fn open(
        mut medium: Box<dyn VaultMedium>,
        source: &KeySource,
        making: Making,
    ) -> Result<Self, RingError> {
        let found = medium.load().map_err(VaultError::Io)?;
        let vault = match found {
            Some(bytes) => Sealed::read(&bytes)?,
            None if making == Making::Refused => return Err(VaultError::Missing.into()),
            None => {
                let store_key = source.key(making)?;
                let mut vault = Sealed::create().map_err(VaultError::NoRandom)?;
                let key = Key::generate().map_err(VaultError::NoRandom)?;
                vault.put(&store_key, Epoch(1), &key).map_err(VaultError::NoRandom)?;
                medium.replace(&vault.bytes()).map_err(VaultError::Io)?;
                vault
            }
        };
        // A vault that is there opens with its own key alone, and one made now would be of no use.
        let store_key = source.key(Making::Refused)?;
        let epoch = vault.newest().ok_or(VaultError::Malformed)?;
        let key = vault.key(&store_key, epoch)?.ok_or(RingError::NoEpoch(epoch))?;
        Ok(Self { store_key, medium, vault, epoch, key })
    }

    /// Its name, which the database holds too.
    pub fn id(&self) -> VaultId {
        self.vault.id
    }

    /// The epoch that holds.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Takes `epoch`, which the database names, for the one that holds, and destroys the keys of all others:
    /// it ends an erasure, whichever way it went.
    ///
    /// # Errors
    /// [`RingError::NoEpoch`], or what the medium says; then the other keys may still be there.
    pub fn settle(&mut self, epoch: Epoch) -> Result<(), RingError> {
        if epoch != self.epoch {
            self.key = self.vault.key(&self.store_key, epoch)?.ok_or(RingError::NoEpoch(epoch))?;
            self.epoch = epoch;
        }
        let mut kept = self.vault.clone();
        if kept.keep_only(epoch) {
            self.medium.replace(&kept.bytes()).map_err(VaultError::Io)?;
            self.vault = kept;
        }
        Ok(())
    }

    /// Makes the key of a next epoch and keeps it beside the one that holds, which goes on holding.
    ///
    /// # Errors
    /// What the medium says.
    pub fn prepare(&mut self) -> Result<Next, RingError> {
        let epoch = Epoch(self.epoch.0 + 1);
        let key = Key::generate().map_err(VaultError::NoRandom)?;
        let mut with_both = self.vault.clone();
        with_both.put(&self.store_key, epoch, &key).map_err(VaultError::NoRandom)?;
        self.medium.replace(&with_both.bytes()).map_err(VaultError::Io)?;
        self.vault = with_both;
        Ok(Next { epoch, key })
    }

    /// Puts the vault under another store key; the epoch key stays, and with it all of the database.
    ///
    /// # Errors
    /// What the medium says; then either store key opens it, as the file lies there.
    pub fn change_store_key(&mut self, store_key: Key) -> Result<(), RingError> {
        let mut vault = self.vault.clone();
        vault.put(&store_key, self.epoch, &self.key).map_err(VaultError::NoRandom)?;
        vault.keep_only(self.epoch);
        self.medium.replace(&vault.bytes()).map_err(VaultError::Io)?;
        (self.vault, self.store_key) = (vault, store_key);
        Ok(())
    }

    /// Wraps the key of `subject`.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn wrap(&self, subject: Subject, key: &Key) -> Result<Vec<u8>, NoRandom> {
        self.key.wrap(&place(self.epoch, subject), key)
    }

    /// The key of `subject`.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn unwrap(&self, subject: Subject, wrapped: &[u8]) -> Result<Key, NotOpened> {
        self.key.unwrap(&place(self.epoch, subject), wrapped)
    }

    /// What an identifier is looked up by. It changes with the epoch.
    pub fn blind_identifier(&self, identifier: &str) -> [u8; 32] {
        self.key.blind("identifier", identifier)
    }
}

/// The key of an epoch that does not hold yet.
pub struct Next {
    epoch: Epoch,
    key: Key,
}

impl Next {
    /// Which.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Wraps the key of `subject`.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn wrap(&self, subject: Subject, key: &Key) -> Result<Vec<u8>, NoRandom> {
        self.key.wrap(&place(self.epoch, subject), key)
    }

    /// The key of `subject`.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn unwrap(&self, subject: Subject, wrapped: &[u8]) -> Result<Key, NotOpened> {
        self.key.unwrap(&place(self.epoch, subject), wrapped)
    }

    /// As [`Ring::blind_identifier`].
    pub fn blind_identifier(&self, identifier: &str) -> [u8; 32] {
        self.key.blind("identifier", identifier)
    }
}

fn place(epoch: Epoch, subject: Subject) -> Vec<u8> {
    [b"muster subject key".as_slice(), &epoch.0.to_be_bytes(), &subject.bytes()].concat()
}

/// `wrapped`, found anywhere, as the key of `subject` in `epoch`.
#[cfg(test)]
pub(in crate::store) fn try_key(key: &Key, epoch: Epoch, subject: Subject, wrapped: &[u8]) -> Option<Key> {
    key.unwrap(&place(epoch, subject), wrapped).ok()
}

#[cfg(test)]
pub(in crate::store) mod testing {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A vault in memory, which outlives the store that uses it.
    #[derive(Debug, Clone, Default)]
    pub(in crate::store) struct MemoryVault {
        pub(in crate::store) bytes: Arc<Mutex<Option<Vec<u8>>>>,
        /// How many replacements succeed before all fail.
        pub(in crate::store) fails_after: Arc<Mutex<Option<u32>>>,
    }

    impl VaultMedium for MemoryVault {
        fn load(&self) -> io::Result<Option<Vec<u8>>> {
            Ok(self.bytes.lock().unwrap().clone())
        }

        fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
            if let Some(left) = self.fails_after.lock().unwrap().as_mut() {
                *left = left.checked_sub(1).ok_or_else(|| io::Error::from_raw_os_error(28))?;
            }
            *self.bytes.lock().unwrap() = Some(bytes.to_vec());
            Ok(())
        }
    }

    pub(in crate::store) fn store_key() -> KeySource {
        KeySource::Given(Key::from_bytes([9; 32]))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{MemoryVault, store_key};
    use super::*;

    fn ring(vault: &MemoryVault) -> Ring {
        Ring::open(Box::new(vault.clone()), &store_key(), Making::Allowed).unwrap()
    }

    #[test]
    fn an_erasure_ends_either_way_and_leaves_one_key() {
        for holds in [1, 2] {
            let vault = MemoryVault::default();
            let mut first = ring(&vault);
            let person = Subject::person(5);
            let key = Key::generate().unwrap();
            let old = first.wrap(person, &key).unwrap();
            let next = first.prepare().unwrap();
            let new = next.wrap(person, &key).unwrap();
            drop(first);
            // As after a crash: the newest is taken for true until the database was asked.
            let mut again = ring(&vault);
            assert_eq!(again.epoch(), Epoch(2));
            again.settle(Epoch(holds)).unwrap();
            let (opens, not) = if holds == 1 { (&old, &new) } else { (&new, &old) };
            assert_eq!(again.unwrap(person, opens), Ok(key));
            assert_eq!(again.unwrap(person, not), Err(NotOpened));
            let left = Sealed::read(&vault.bytes.lock().unwrap().clone().unwrap()).unwrap();
            assert_eq!(left.newest(), Some(Epoch(holds)));
            assert!(matches!(again.settle(Epoch(3 - holds)), Err(RingError::NoEpoch(_))));
        }
    }

    #[test]
    fn another_store_key_opens_what_was_kept_and_the_old_one_nothing() {
        let vault = MemoryVault::default();
        let mut first = ring(&vault);
        let key = Key::generate().unwrap();
        let wrapped = first.wrap(SITE, &key).unwrap();
        let other = Key::generate().unwrap();
        first.change_store_key(other.clone()).unwrap();
        drop(first);
        let with = |source: KeySource| Ring::open(Box::new(vault.clone()), &source, Making::Refused);
        assert!(matches!(with(store_key()), Err(RingError::Vault(VaultError::WrongKey))));
        let again = with(KeySource::Given(other)).unwrap();
        assert_eq!(again.unwrap(SITE, &wrapped), Ok(key));
        assert_eq!(again.unwrap(Subject::person(0), &wrapped), Err(NotOpened));
    }

    #[test]
    fn nothing_is_made_for_a_store_that_is_there() {
        let empty = || Box::new(MemoryVault::default());
        assert!(Ring::open(empty(), &store_key(), Making::Refused).is_err());
        let directory = tempfile::tempdir().unwrap();
        let missing = KeySource::File(directory.path().join("key"));
        let vault = MemoryVault::default();
        drop(ring(&vault));
        let opened = Ring::open(Box::new(vault), &missing, Making::Allowed);
        assert!(matches!(opened, Err(RingError::Key(_))));
        assert!(!directory.path().join("key").exists());
    }
}
