//! What the store keeps of people is encrypted: names, templates, crops, items of the inbox and notes.
//!
//! Three layers of keys, each 32 random bytes:
//! - the **store key**, which lies outside of the data directory ([`source`]) or is made of a [`passphrase`], wraps
//! - the **epoch key**, which lies in the small file beside the database ([`vault`]) and wraps
//! - one **subject key** for every person and every item of the inbox, in a table of the database, which
//!   encrypts everything that is kept about them.
//!
//! An erasure takes the subject key away. But the database is copy-on-write, and an old page may hold its
//! wrapped form still; so there is a new epoch key, all other keys are wrapped by it, and the old one is
//! overwritten where it lies. What was encrypted for the erased person can then be opened with no key that
//! there is. A change of the store key comes with a new epoch key for the same reason.
//!
//! A backup ([`backup`](super::backup)) is sealed under a key of its own, which the store key wraps.
//!
//! Everything is sealed with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a random nonce of 24
//! bytes, which may be drawn without counting. What a row belongs to is authenticated with it, so that a row
//! under another key of its table, of another person or of another layout does not open.

pub mod passphrase;
pub mod ring;
pub mod source;
pub mod vault;

use std::fmt;

use chacha20poly1305::aead::{Aead, AeadInOut, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which stands before what it sealed.
const NONCE_BYTES: usize = 24;
/// Bytes that sealing adds: the nonce and Poly1305's tag.
pub const OVERHEAD: usize = NONCE_BYTES + 16;

/// A key. It is overwritten when it is dropped; `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What was sealed does not open: another key, another place, or changed bytes. Which of them cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed does not open")]
pub struct NotOpened;

/// The system gives no random numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub struct NoRandom(String);

fn random(bytes: &mut [u8]) -> Result<(), NoRandom> {
    getrandom::fill(bytes).map_err(|error| NoRandom(error.to_string()))
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn generate() -> Result<Self, NoRandom> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The key with these bytes.
    pub fn from_bytes(mut bytes: [u8; KEY_BYTES]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }

    /// The key that a slice of [`KEY_BYTES`] holds.
    fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Zeroizing::new([0; KEY_BYTES]));
        (bytes.len() == KEY_BYTES).then(|| key.0.copy_from_slice(bytes))?;
        Some(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }

    /// Seals `plain` for the place `place`: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandom> {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place });
        // It fails for lengths of 256 GiB alone (RFC 8439, 2.8).
        let sealed = sealed.map_err(|_| NoRandom("what is to be sealed is too long".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`Key::seal`] sealed for `place`. It is overwritten when it is dropped.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        let opened = self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: rest, aad: place });
        opened.map(Zeroizing::new).map_err(|_| NotOpened)
    }

    /// As [`Key::open`], into `plain`, whose room is used again; what was in it is gone, and it is left empty
    /// where this fails.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn open_into(
        &self,
        place: &[u8],
        sealed: &[u8],
        plain: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), NotOpened> {
        plain.clear();
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        plain.extend_from_slice(rest);
        let opened = self.cipher().decrypt_in_place(&XNonce::from(*nonce), place, &mut **plain);
        opened.map_err(|_| {
            plain.zeroize();
            NotOpened
        })
    }

    /// Seals `other`.
    ///
    /// # Errors
    /// [`NoRandom`]
    pub fn wrap(&self, place: &[u8], other: &Self) -> Result<Vec<u8>, NoRandom> {
        self.seal(place, &*other.0)
    }

    /// The key that [`Key::wrap`] sealed.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn unwrap(&self, place: &[u8], sealed: &[u8]) -> Result<Self, NotOpened> {
        Self::from_slice(&self.open(place, sealed)?).ok_or(NotOpened)
    }

    /// A digest of `text` that only this key's holder can compute: HMAC-SHA-256 (RFC 2104) over `purpose`, a
    /// zero byte and the text. Under it a text can be looked up and not read.
    pub fn blind(&self, purpose: &str, text: &str) -> [u8; 32] {
        // HMAC's own padding of a short key to the hash's block, which is its only length that needs no check.
        let mut block = Zeroizing::new([0; 64]);
        block[..KEY_BYTES].copy_from_slice(&*self.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        for piece in [purpose.as_bytes(), &[0], text.as_bytes()] {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::from_bytes([byte; KEY_BYTES])
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_alone() {
        let sealed = key(1).seal(b"people 5", b"Ana").unwrap();
        assert_eq!(sealed.len(), 3 + OVERHEAD);
        assert_eq!(key(1).open(b"people 5", &sealed).unwrap().as_slice(), b"Ana");
        assert_eq!(key(2).open(b"people 5", &sealed), Err(NotOpened));
        assert_eq!(key(1).open(b"people 6", &sealed), Err(NotOpened));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key(1).open(b"people 5", &changed), Err(NotOpened), "byte {at}");
            assert_eq!(key(1).open(b"people 5", &sealed[..at]), Err(NotOpened), "cut at {at}");
        }
        let mut plain = Zeroizing::new(vec![9; 100]);
        assert_eq!(key(1).open_into(b"people 5", &sealed, &mut plain), Ok(()));
        assert_eq!(plain.as_slice(), b"Ana");
        for (other, place) in [(2, b"people 5"), (1, b"people 6")] {
            assert_eq!(key(other).open_into(place, &sealed, &mut plain), Err(NotOpened));
            assert!(plain.is_empty());
        }
        let again = key(1).seal(b"people 5", b"Ana").unwrap();
        assert_ne!(sealed, again, "a nonce is used once");
    }

    #[test]
    fn keys_are_wrapped_and_shown_by_nobody() {
        let wrapped = key(1).wrap(b"x", &key(7)).unwrap();
        assert_eq!(key(1).unwrap(b"x", &wrapped), Ok(key(7)));
        assert_eq!(key(1).unwrap(b"y", &wrapped), Err(NotOpened));
        let short = key(1).seal(b"x", &[7; 31]).unwrap();
        assert_eq!(key(1).unwrap(b"x", &short), Err(NotOpened));
        assert_eq!(format!("{:?}", key(7)), "Key");
        assert_ne!(Key::generate().unwrap(), Key::generate().unwrap());
    }

    /// From Python: `hmac.new(b"\x01"*32, b"identifier\0A-7", "sha256").hexdigest()`.
    #[test]
    fn a_blinded_text_is_the_same_in_every_version() {
        let hex: String = key(1).blind("identifier", "A-7").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "b4e149c7dcd9280077be200bc865df11bdbb50bb5c63aeb712f469e1682d4c05");
    }
}
