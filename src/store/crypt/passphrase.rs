//! A store key that is made of a passphrase, by Argon2id (RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::{KEY_BYTES, Key, NoRandom, random};

/// The fewest characters of a passphrase that a store is put under.
pub const LEAST: usize = 12;

/// What somebody typed. It is overwritten when it is dropped; `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// Why a passphrase cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// There is none.
    #[error("the passphrase is empty: expected one line of text")]
    Empty,
    /// It is too easily guessed.
    #[error(
        "a passphrase has at least {LEAST} characters, and this one has {count}: several words are better than one"
    )]
    Short {
        /// How many it has.
        count: usize,
    },
}

impl Passphrase {
    /// One that a store may be under already.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`]
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        if text.is_empty() { Err(PassphraseError::Empty) } else { Ok(Self(text)) }
    }

    /// Checks that a store may be put under it.
    ///
    /// # Errors
    /// [`PassphraseError::Short`]
    pub fn check_new(&self) -> Result<(), PassphraseError> {
        let count = self.0.chars().count();
        if count < LEAST { Err(PassphraseError::Short { count }) } else { Ok(()) }
    }

    /// The key that it makes with this salt, at these costs. Takes a good part of a second, on purpose.
    ///
    /// # Errors
    /// [`NotDerived`] where there is not enough memory.
    pub fn key(&self, salt: &PassphraseSalt, costs: Costs) -> Result<Key, NotDerived> {
        let Costs { memory_kib, passes, lanes } = costs;
        let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES));
        let params = params.map_err(|error| NotDerived(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let made = argon.hash_password_into(self.0.as_bytes(), salt, &mut *key);
        made.map_err(|error| NotDerived(error.to_string()))?;
        Ok(Key::from_bytes(*key))
    }
}

/// No key could be made of a passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no key could be made of the passphrase: {0}")]
pub struct NotDerived(String);

/// What a passphrase is salted with.
pub type PassphraseSalt = [u8; 16];

/// What guessing a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// How often it is passed over.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Bytes of [`Costs::bytes`].
pub const COSTS_BYTES: usize = 12;

impl Costs {
    /// What RFC 9106, section 4, recommends where memory is scarce: 64 MiB, three passes, four lanes.
    pub const USUAL: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// No file makes this program spend more: a gibibyte, 64 passes, 16 lanes.
    const MOST: Self = Self { memory_kib: 1024 * 1024, passes: 64, lanes: 16 };

    /// The three, big-endian.
    pub fn bytes(self) -> [u8; COSTS_BYTES] {
        let mut bytes = [0; COSTS_BYTES];
        for (at, number) in [self.memory_kib, self.passes, self.lanes].into_iter().enumerate() {
            bytes[4 * at..4 * at + 4].copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// What [`Costs::bytes`] gave; none for costs that Argon2id does not have or that are beyond reason.
    pub fn from_bytes(bytes: [u8; COSTS_BYTES]) -> Option<Self> {
        let number = |at: usize| bytes[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        let costs = Self { memory_kib: number(0), passes: number(4), lanes: number(8) };
        let most = Self::MOST;
        let fits = costs.memory_kib <= most.memory_kib
            && (1..=most.passes).contains(&costs.passes)
            && (1..=most.lanes).contains(&costs.lanes)
            && costs.memory_kib >= 8 * costs.lanes;
        fits.then_some(costs)
    }
}

/// How a store key came about. It is authenticated with what the key wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derivation {
    /// Random; it goes into the key where that is made of a passphrase.
    pub salt: PassphraseSalt,
    /// None where the key is random itself.
    pub costs: Option<Costs>,
}

impl Derivation {
    /// One for a new key.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn new(costs: Option<Costs>) -> Result<Self, NoRandom> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        Ok(Self { salt, costs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Costs = Costs { memory_kib: 64, passes: 3, lanes: 4 };

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    #[test]
    fn the_key_depends_on_passphrase_salt_and_costs() {
        let key = |text: &str, salt: u8, costs| passphrase(text).key(&[salt; 16], costs).unwrap();
        let one = key("correct horse battery", 1, SMALL);
        assert_eq!(one, key("correct horse battery", 1, SMALL));
        assert_ne!(one, key("correct horse batterx", 1, SMALL));
        assert_ne!(one, key("correct horse battery", 2, SMALL));
        assert_ne!(one, key("correct horse battery", 1, Costs { passes: 4, ..SMALL }));
    }

    #[test]
    fn one_that_is_too_short_is_refused_for_a_new_store_and_shown_by_nobody() {
        assert_eq!(Passphrase::new(Zeroizing::new(String::new())), Err(PassphraseError::Empty));
        assert_eq!(passphrase("elevenchars").check_new(), Err(PassphraseError::Short { count: 11 }));
        assert_eq!(passphrase("twelve chars").check_new(), Ok(()));
        assert_eq!(format!("{:?}", passphrase("twelve chars")), "Passphrase");
    }

    #[test]
    fn costs_that_cannot_be_are_none() {
        assert_eq!(Costs::from_bytes(Costs::USUAL.bytes()), Some(Costs::USUAL));
        for costs in [
            Costs { memory_kib: u32::MAX, ..SMALL },
            Costs { memory_kib: 31, ..SMALL },
            Costs { passes: 0, ..SMALL },
            Costs { passes: 65, ..SMALL },
            Costs { lanes: 0, ..SMALL },
            Costs { lanes: 17, ..SMALL },
        ] {
            assert_eq!(Costs::from_bytes(costs.bytes()), None, "{costs:?}");
        }
    }
}
