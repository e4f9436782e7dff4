//! What somebody proves themselves with beside their identifier: a few digits, kept as a hash alone.

use std::fmt;
use std::str::FromStr;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::roster::{Identifier, PinHash};

/// The fewest digits of a PIN.
pub const PIN_LEAST: usize = 4;
/// The most.
pub const PIN_MOST: usize = 12;

/// A PIN as somebody typed it: [`PIN_LEAST`] to [`PIN_MOST`] digits. Overwritten when it is dropped; `Debug`
/// prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

/// Why a PIN cannot be taken. None of them shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PinError {
    /// It has too few or too many digits, or something that is no digit.
    #[error("a PIN is {PIN_LEAST} to {PIN_MOST} digits and nothing else")]
    NotDigits,
    /// One digit again and again.
    #[error("all digits of the PIN are the same, which is what is tried first: choose another")]
    OneDigit,
    /// Digits in their order.
    #[error("the digits of the PIN follow each other, which is what is tried first: choose another")]
    InOrder,
    /// A few digits again and again.
    #[error("the PIN is the same few digits again and again, which is soon tried: choose another")]
    Repeated,
    /// It is in their identifier, which everybody can read.
    #[error("the PIN is part of the person's identifier, which others can read: choose another")]
    InIdentifier,
    /// It cannot be hashed.
    #[error("the PIN could not be hashed")]
    Hash,
}

impl FromStr for Pin {
    type Err = PinError;
    fn from_str(text: &str) -> Result<Self, PinError> {
        let is_pin =
            (PIN_LEAST..=PIN_MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_pin { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(PinError::NotDigits) }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Pin {
    /// Whether it is too easy to guess for somebody with `identifier`.
    ///
    /// # Errors
    /// [`PinError`] with what is wrong with it.
    pub fn check(&self, identifier: Option<&Identifier>) -> Result<(), PinError> {
        let digits = self.0.as_bytes();
        let all = |fits: fn(u8, u8) -> bool| digits.windows(2).all(|pair| fits(pair[0], pair[1]));
        if all(|a, b| a == b) {
            return Err(PinError::OneDigit);
        }
        // 9 is followed by 0, as on a row of keys.
        let follows = |a: u8, b: u8| (a - b'0' + 1) % 10 == b - b'0';
        if all(follows) || all(|a, b| (b - b'0' + 1) % 10 == a - b'0') {
            return Err(PinError::InOrder);
        }
        let repeats = |period: usize| {
            digits.len().is_multiple_of(period) && digits.chunks(period).all(|part| part == &digits[..period])
        };
        if (1..=digits.len() / 2).any(repeats) {
            return Err(PinError::Repeated);
        }
        if identifier.is_some_and(|identifier| identifier.as_str().contains(self.0.as_str())) {
            return Err(PinError::InIdentifier);
        }
        Ok(())
    }

    /// Its hash under `salt`, at the costs that OWASP recommends for Argon2id (19 MiB, two passes, one lane),
    /// which are the crate's own.
    ///
    /// # Errors
    /// [`PinError::Hash`]
    pub fn hash(&self, salt: &[u8; 16]) -> Result<PinHash, PinError> {
        let hash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), salt);
        hash.map(|hash: PasswordHash| PinHash(hash.to_string())).map_err(|_| PinError::Hash)
    }

    /// Whether it is the one with `hash`. Takes a good part of a tenth of a second, on purpose: not for a thread
    /// that must not wait.
    pub fn is(&self, hash: &PinHash) -> bool {
        let hash = PasswordHash::new(&hash.0);
        hash.is_ok_and(|hash| Argon2::default().verify_password(self.0.as_bytes(), &hash).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        text.parse().unwrap()
    }

    #[test]
    fn digits_and_nothing_else_are_a_pin() {
        for text in ["123", "1234567890123", "12a4", "", "12 34", "١٢٣٤", "-123"] {
            assert_eq!(text.parse::<Pin>(), Err(PinError::NotDigits), "{text}");
        }
        assert!("2468".parse::<Pin>().is_ok() && "246801357911".parse::<Pin>().is_ok());
    }

    #[test]
    fn what_is_tried_first_is_refused_with_a_reason() {
        let identifier = "S-73920".parse::<Identifier>().unwrap();
        for (text, expected) in [
            ("0000", PinError::OneDigit),
            ("1234", PinError::InOrder),
            ("7890", PinError::InOrder),
            ("4321", PinError::InOrder),
            ("1212", PinError::Repeated),
            ("739739", PinError::Repeated),
            ("7392", PinError::InIdentifier),
            ("73920", PinError::InIdentifier),
        ] {
            assert_eq!(pin(text).check(Some(&identifier)), Err(expected), "{text}");
        }
        assert_eq!(pin("2468").check(Some(&identifier)), Ok(()));
        assert_eq!(pin("7392").check(None), Ok(()));
    }

    #[test]
    fn a_pin_is_known_again_by_its_hash_alone_and_shown_nowhere() {
        let hash = pin("2468").hash(&[7; 16]).unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(pin("2468").is(&hash) && !pin("2469").is(&hash));
        assert!(!pin("2468").is(&PinHash("2468".to_owned())));
        assert_ne!(hash, pin("2468").hash(&[8; 16]).unwrap());
        assert!(!format!("{:?}", pin("2468")).contains("2468"));
        for error in ["12345678901234", "24x8"] {
            assert!(!error.parse::<Pin>().unwrap_err().to_string().contains(error));
        }
    }
}
