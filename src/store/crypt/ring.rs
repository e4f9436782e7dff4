//! The keys of an open store: from the store key to the key of one person.

use std::io;

use super::passphrase::Derivation;
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
    medium: Box<dyn VaultMedium>,
    vault: Sealed,
    held: Held,
    /// The keys of other epochs, of which one may turn out to hold.
    others: Vec<Held>,
}

/// The key of an epoch, and the store key that it lies under.
#[derive(Clone)]
struct Held {
    epoch: Epoch,
    key: Key,
    store_key: Key,
    derivation: Derivation,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ring(epoch {})", self.held.epoch.0)
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
    /// The keys in `medium`, which is filled where it is empty and `making` allows it. The newest epoch that the
    /// store key opens holds until [`Ring::settle`] says otherwise.
    ///
    /// # Errors
    /// [`RingError`]; [`VaultError::Missing`] for an empty medium that must not be filled.
    pub fn open(
        mut medium: Box<dyn VaultMedium>,
        source: &KeySource,
        making: Making,
    ) -> Result<Self, RingError> {
        let Some(bytes) = medium.load().map_err(VaultError::Io)? else {
            if making == Making::Refused {
                return Err(VaultError::Missing.into());
            }
            let (store_key, derivation) = source.new_key(making)?;
            let mut vault = Sealed::create().map_err(VaultError::NoRandom)?;
            let (epoch, key) = (Epoch(1), Key::generate().map_err(VaultError::NoRandom)?);
            vault.put(&store_key, derivation, epoch, &key).map_err(VaultError::NoRandom)?;
            medium.replace(&vault.bytes()).map_err(VaultError::Io)?;
            let held = Held { epoch, key, store_key, derivation };
            return Ok(Self { medium, vault, held, others: Vec::new() });
        };
        let vault = Sealed::read(&bytes)?;
        let epochs: Vec<(Epoch, Derivation)> = vault.epochs().collect();
        let (mut opened, mut fault) = (Vec::new(), VaultError::WrongKey);
        for (epoch, derivation) in epochs {
            // A vault that is there opens with its own key alone, and one made now would be of no use.
            let Some(store_key) = source.key_for(&derivation)? else {
                fault =
                    if source.is_passphrase() { VaultError::NoPassphrase } else { VaultError::Passphrase };
                continue;
            };
            match vault.key(&store_key, epoch) {
                Ok(Some(key)) => opened.push(Held { epoch, key, store_key, derivation }),
                Ok(None) => {}
                Err(error) => fault = error,
            }
        }
        if opened.is_empty() {
            return Err(fault.into());
        }
        let held = opened.remove(0);
        Ok(Self { medium, vault, held, others: opened })
    }

    /// Its name, which the database holds too.
    pub fn id(&self) -> VaultId {
        self.vault.id
    }

    /// The epoch that holds.
    pub fn epoch(&self) -> Epoch {
        self.held.epoch
    }

    /// Takes `epoch`, which the database names, for the one that holds, and destroys the keys of all others:
    /// it ends an erasure or a change of the store key, whichever way it went.
    ///
    /// # Errors
    /// [`RingError::NoEpoch`], [`VaultError::WrongKey`] where its key lies under another store key, or what the
    /// medium says; then the other keys may still be there.
    pub fn settle(&mut self, epoch: Epoch) -> Result<(), RingError> {
        if epoch != self.held.epoch {
            let at = self.others.iter().position(|other| other.epoch == epoch);
            let Some(at) = at else {
                let is_there = self.vault.epochs().any(|(kept, _)| kept == epoch);
                return Err(if is_there { VaultError::WrongKey.into() } else { RingError::NoEpoch(epoch) });
            };
            let held = self.others.swap_remove(at);
            self.others.push(std::mem::replace(&mut self.held, held));
        }
        let mut kept = self.vault.clone();
        if kept.keep_only(epoch) {
            self.medium.replace(&kept.bytes()).map_err(VaultError::Io)?;
            self.vault = kept;
        }
        self.others.clear();
        Ok(())
    }

    /// Makes the key of a next epoch and keeps it beside the one that holds, which goes on holding until
    /// [`Ring::settle`] says otherwise.
    ///
    /// # Errors
    /// What the medium says.
    pub fn prepare(&mut self) -> Result<Next, RingError> {
        self.prepare_under(self.held.store_key.clone(), self.held.derivation)
    }

    /// As [`Ring::prepare`], with the next epoch's key under another store key. Until the next epoch holds, the
    /// present store key opens the vault; from then on the other one does.
    ///
    /// # Errors
    /// What the medium says.
    pub fn prepare_under(&mut self, store_key: Key, derivation: Derivation) -> Result<Next, RingError> {
        let epoch = Epoch(self.held.epoch.0 + 1);
        let key = Key::generate().map_err(VaultError::NoRandom)?;
        let mut with_both = self.vault.clone();
        with_both.put(&store_key, derivation, epoch, &key).map_err(VaultError::NoRandom)?;
        self.medium.replace(&with_both.bytes()).map_err(VaultError::Io)?;
        self.vault = with_both;
        self.others.retain(|other| other.epoch != epoch);
        self.others.push(Held { epoch, key: key.clone(), store_key, derivation });
        Ok(Next { epoch, key, vault: self.vault.id })
    }

    /// The vault as it is kept, with the key of the epoch that holds alone.
    pub fn vault_bytes(&self) -> Vec<u8> {
        let mut vault = self.vault.clone();
        vault.keep_only(self.held.epoch);
        vault.bytes()
    }

    /// How the store key came about.
    pub fn derivation(&self) -> Derivation {
        self.held.derivation
    }

    /// Wraps the key of a backup by the store key.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn wrap_backup_key(&self, header: &[u8], key: &Key) -> Result<Vec<u8>, NoRandom> {
        self.held.store_key.wrap(&backup_place(header), key)
    }

    /// The key that [`Ring::wrap_backup_key`] wrapped with this header.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn unwrap_backup_key(&self, header: &[u8], wrapped: &[u8]) -> Result<Key, NotOpened> {
        self.held.store_key.unwrap(&backup_place(header), wrapped)
    }

    /// Wraps the key of `subject`.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn wrap(&self, subject: Subject, key: &Key) -> Result<Vec<u8>, NoRandom> {
        self.held.key.wrap(&place(self.held.epoch, subject), key)
    }

    /// The key of `subject`.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn unwrap(&self, subject: Subject, wrapped: &[u8]) -> Result<Key, NotOpened> {
        self.held.key.unwrap(&place(self.held.epoch, subject), wrapped)
    }

    /// What an identifier is looked up by. It changes with the epoch.
    pub fn blind_identifier(&self, identifier: &str) -> [u8; 32] {
        self.held.key.blind("identifier", identifier)
    }
}

fn backup_place(header: &[u8]) -> Vec<u8> {
    [b"muster backup key".as_slice(), header].concat()
}

/// A vault that no file holds: for a store that is put together, and for the one in a backup.
#[derive(Debug, Default)]
pub struct VolatileVault(Option<Vec<u8>>);

impl VolatileVault {
    /// One with these bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(Some(bytes))
    }
}

impl VaultMedium for VolatileVault {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.clone())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 = Some(bytes.to_vec());
        Ok(())
    }
}

/// The key of an epoch that does not hold yet.
pub struct Next {
    epoch: Epoch,
    key: Key,
    vault: VaultId,
}

impl Next {
    /// Which.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The vault that holds it.
    pub fn vault(&self) -> VaultId {
        self.vault
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
            assert_eq!(left.epochs().next().unwrap().0, Epoch(holds));
            assert!(matches!(again.settle(Epoch(3 - holds)), Err(RingError::NoEpoch(_))));
        }
    }

    #[test]
    fn the_store_key_changes_with_the_epoch_or_not_at_all() {
        for holds in [1, 2] {
            let vault = MemoryVault::default();
            let mut first = ring(&vault);
            let key = Key::generate().unwrap();
            let wrapped = first.wrap(SITE, &key).unwrap();
            let other = KeySource::Given(Key::generate().unwrap());
            let (under, derivation) = other.new_key(Making::Refused).unwrap();
            let next = first.prepare_under(under, derivation).unwrap();
            let rewrapped = next.wrap(SITE, &key).unwrap();
            drop(first);
            // As after a crash: what the database names decides which store key is needed.
            let with = |source: &KeySource| {
                let mut ring = Ring::open(Box::new(vault.clone()), source, Making::Refused)?;
                ring.settle(Epoch(holds)).map(|()| ring)
            };
            let (opens, not, row) =
                if holds == 1 { (store_key(), other, wrapped) } else { (other, store_key(), rewrapped) };
            assert!(matches!(with(&not), Err(RingError::Vault(VaultError::WrongKey))));
            assert_eq!(with(&opens).unwrap().unwrap(SITE, &row), Ok(key));
            assert!(
                matches!(with(&not), Err(RingError::Vault(VaultError::WrongKey))),
                "the other key is gone"
            );
        }
    }

    #[test]
    fn a_passphrase_opens_what_it_was_put_under_and_says_where_another_kind_of_key_is_needed() {
        use super::super::passphrase::Passphrase;
        let passphrase = |text: &str| {
            KeySource::Passphrase(Passphrase::new(zeroize::Zeroizing::new(text.to_owned())).unwrap())
        };
        let vault = MemoryVault::default();
        let open = |source: &KeySource, making| Ring::open(Box::new(vault.clone()), source, making);
        let short = open(&passphrase("short"), Making::Allowed);
        assert!(matches!(short, Err(RingError::Key(_))), "{short:?}");
        let first = open(&passphrase("correct horse battery"), Making::Allowed).unwrap();
        let wrapped = first.wrap(SITE, &Key::from_bytes([3; 32])).unwrap();
        let again = open(&passphrase("correct horse battery"), Making::Refused).unwrap();
        assert_eq!(again.unwrap(SITE, &wrapped), Ok(Key::from_bytes([3; 32])));
        let fault = |source| match open(&source, Making::Refused) {
            Err(RingError::Vault(fault)) => fault,
            other => panic!("{other:?}"),
        };
        assert!(matches!(fault(passphrase("correct horse batterx")), VaultError::WrongKey));
        assert!(matches!(fault(store_key()), VaultError::Passphrase));
        *vault.bytes.lock().unwrap() = None;
        drop(ring(&vault));
        let fault = match open(&passphrase("correct horse battery"), Making::Refused) {
            Err(RingError::Vault(fault)) => fault,
            other => panic!("{other:?}"),
        };
        assert!(matches!(fault, VaultError::NoPassphrase));
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
