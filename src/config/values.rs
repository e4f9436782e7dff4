//! Values a configuration can hold, each of which refuses what cannot be while it is read.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use chrono::NaiveTime;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use crate::capture::SourceSpec;
use crate::face::Similarity;
use crate::identify::Threshold;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranged<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Ranged<MIN, MAX> {
    /// `value`, where it lies in the range.
    pub const fn new(value: u32) -> Option<Self> {
        if value >= MIN && value <= MAX { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Ranged<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number<const MIN: u32, const MAX: u32>;
        impl<const MIN: u32, const MAX: u32> Visitor<'_> for Number<MIN, MAX> {
            type Value = Ranged<MIN, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                u32::try_from(value)
                    .ok()
                    .and_then(Ranged::new)
                    .ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                u32::try_from(value)
                    .ok()
                    .and_then(Ranged::new)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
            }
        }
        deserializer.deserialize_i64(Number)
    }
}

/// A threshold as a similarity: above 0, at most 1. At 0 half of all strangers would be somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarityThreshold(f32);

impl SimilarityThreshold {
    /// `value`, where it lies in the range and is a number.
    pub fn new(value: f64) -> Option<Self> {
        let narrow = value as f32;
        (narrow > 0.0 && value <= 1.0).then_some(Self(narrow))
    }

    /// For an identification.
    pub fn threshold(self) -> Threshold {
        Threshold(Similarity(self.0))
    }
}

impl<'de> Deserialize<'de> for SimilarityThreshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = SimilarityThreshold;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a similarity above 0 and at most 1")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                SimilarityThreshold::new(value)
                    .ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                SimilarityThreshold::new(value as f64)
                    .ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
            }
        }
        deserializer.deserialize_f64(Number)
    }
}

/// How much goes to the diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may fail.
    Warn,
    /// What happened.
    Info,
    /// What happened, with names.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, level)| level == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

impl FromStr for LogLevel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, level)| *level)
            .ok_or_else(|| format!("`{text}` is no level: expected error, warn, info, debug or trace"))
    }
}

/// The time of day at which a day of attendance begins, on the machine's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRollover(pub NaiveTime);

impl fmt::Display for DayRollover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M"))
    }
}

impl FromStr for DayRollover {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is no time of day: expected HH:MM from 00:00 to 23:59");
        if text.len() != 5 {
            return Err(error());
        }
        NaiveTime::parse_from_str(text, "%H:%M").map(Self).map_err(|_| error())
    }
}

/// A value that is written as a text and reads itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<T>(PhantomData<T>);
        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Reads<T> {
            type Value = Text<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Reads(PhantomData))
    }
}

/// A source as a configuration writes it.
pub type SourceText = Text<SourceSpec>;
