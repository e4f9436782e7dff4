//! The kiosk view's settings: `[kiosk]`.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

use super::effective::Setting;
use super::typed::KioskTable;

/// The fewest characters of a PIN.
pub const PIN_LEAST: usize = 4;

/// A PIN, as its Argon2id hash in PHC form. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct KioskPin(String);

/// Why a PIN cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// It is too short or too long.
    #[error("a PIN has from {PIN_LEAST} to {most} characters, and this one has {count}")]
    Length {
        /// How many it has.
        count: usize,
        /// The most.
        most: usize,
    },
    /// It cannot be hashed.
    #[error("the PIN could not be hashed: {0}")]
    Hash(String),
}

impl KioskPin {
    /// The hash of `pin` with a new salt, at the costs that OWASP recommends for Argon2id (19 MiB, two passes,
    /// one lane), which are the crate's own.
    ///
    /// # Errors
    /// [`PinError`] for one that is too short or longer than `most`, or where no salt can be drawn.
    pub fn hash(pin: &str, most: usize) -> Result<Self, PinError> {
        let count = pin.chars().count();
        if !(PIN_LEAST..=most).contains(&count) {
            return Err(PinError::Length { count, most });
        }
        let hash = Argon2::default().hash_password(pin.as_bytes());
        hash.map(|hash| Self(hash.to_string())).map_err(|error| PinError::Hash(error.to_string()))
    }

    /// Whether `pin` is the one. Takes a good part of a tenth of a second, on purpose.
    pub fn is(&self, pin: &str) -> bool {
        let hash = PasswordHash::new(&self.0);
        hash.is_ok_and(|hash| Argon2::default().verify_password(pin.as_bytes(), &hash).is_ok())
    }

    /// The hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells it from another and says nothing of it: the beginning of a digest over the hash, whose salt
    /// is in it.
    pub fn mark(&self) -> String {
        Sha256::digest(self.0.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for KioskPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KioskPin")
    }
}

impl<'de> Deserialize<'de> for KioskPin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_argon2id = PasswordHash::new(&text)
            .is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some());
        if !is_argon2id {
            return Err(de::Error::custom(
                "expected the hash that `muster kiosk-pin` writes, not the PIN itself",
            ));
        }
        Ok(Self(text))
    }
}

/// What is heard at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KioskSound {
    /// The terminal's bell: once where somebody is recorded, twice where not.
    #[default]
    Bell,
    /// Nothing.
    Off,
}

impl fmt::Display for KioskSound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bell => "bell",
            Self::Off => "off",
        })
    }
}

/// A program and its arguments; not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLine(Vec<String>);

impl ProgramLine {
    /// The program.
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }

    /// As TOML has it.
    pub fn to_toml(&self) -> String {
        let words: Vec<String> =
            self.0.iter().map(|word| toml::Value::String(word.clone()).to_string()).collect();
        format!("[{}]", words.join(", "))
    }
}

impl<'de> Deserialize<'de> for ProgramLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        if words.first().is_none_or(String::is_empty) {
            return Err(de::Error::custom(
                "expected a program and its arguments, as [\"aplay\", \"ding.wav\"]",
            ));
        }
        Ok(Self(words))
    }
}

/// How the kiosk view behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct KioskSettings {
    /// What it is left with; no kiosk view without one.
    pub pin: Setting<Option<KioskPin>>,
    /// What is heard where no program is named.
    pub sound: Setting<KioskSound>,
    /// Run where somebody is recorded, in place of the bell.
    pub success_command: Setting<Option<ProgramLine>>,
    /// Run where somebody is not, in place of the bell.
    pub refusal_command: Setting<Option<ProgramLine>>,
}

impl KioskSettings {
    pub(super) fn resolve(typed: &KioskTable) -> Self {
        Self {
            pin: Setting::typed(typed.pin.clone().map(Some), None),
            sound: Setting::typed(typed.sound, KioskSound::default()),
            success_command: Setting::typed(typed.success_command.clone().map(Some), None),
            refusal_command: Setting::typed(typed.refusal_command.clone().map(Some), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_known_again_by_its_hash_alone() {
        let hash = KioskPin::hash("2468", 64).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is("2468") && !hash.is("2469") && !hash.is(""));
        assert_ne!(hash, KioskPin::hash("2468", 64).unwrap(), "each has its own salt");
        assert!(!format!("{hash:?}").contains("argon2id"));
    }

    #[test]
    fn a_short_pin_is_refused_with_its_length() {
        let error = KioskPin::hash("246", 64).unwrap_err().to_string();
        assert!(error.contains("from 4 to 64") && error.contains('3'), "{error}");
        assert!(KioskPin::hash(&"1".repeat(65), 64).is_err());
    }

    #[test]
    fn the_pin_itself_is_not_taken_for_its_hash() {
        #[derive(Debug, Deserialize)]
        struct Table {
            #[expect(dead_code, reason = "only whether it can be read matters")]
            pin: KioskPin,
        }
        for text in ["1234", "$argon2d$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA", "$argon2id$", ""] {
            let read = toml::from_str::<Table>(&format!("pin = \"{text}\""));
            assert!(read.unwrap_err().to_string().contains("muster kiosk-pin"), "{text}");
        }
    }
}
