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

/// The numbers that a [`Real`] may be.
pub trait RealRange {
    /// The least.
    const LEAST: f64;
    /// Whether the least itself is one of them.
    const LEAST_ALLOWED: bool;
    /// The largest; it is one of them.
    const MOST: f64;
    /// What they are, for messages: `a share above 0 and at most 1`.
    const EXPECTED: &'static str;
}

/// A number of a range that its type names; never NaN.
#[derive(Debug)]
pub struct Real<R>(f32, PhantomData<R>);

impl<R> Clone for Real<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Real<R> {}

impl<R> PartialEq for Real<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<R: RealRange> Real<R> {
    /// `value`, where it lies in the range and is a number, also once it is narrowed.
    pub fn new(value: f64) -> Option<Self> {
        let narrow = value as f32;
        let least = if R::LEAST_ALLOWED { value >= R::LEAST } else { f64::from(narrow) > R::LEAST };
        (least && value <= R::MOST).then_some(Self(narrow, PhantomData))
    }

    /// The number.
    pub fn get(self) -> f32 {
        self.0
    }
}

impl<'de, R: RealRange> Deserialize<'de> for Real<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number<R>(PhantomData<R>);
        impl<R: RealRange> Visitor<'_> for Number<R> {
            type Value = Real<R>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(R::EXPECTED)
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Real::new(value).ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Real::new(value as f64).ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
            }
        }
        deserializer.deserialize_f64(Number(PhantomData))
    }
}

/// Makes a type of range: its name, `above` or `from`, its bounds, and what it is called.
macro_rules! real_range {
    ($(#[$doc:meta])* $name:ident: above $least:literal to $most:literal, $expected:literal) => {
        real_range!(@ $(#[$doc])* $name, false, $least, $most, $expected);
    };
    ($(#[$doc:meta])* $name:ident: from $least:literal to $most:literal, $expected:literal) => {
        real_range!(@ $(#[$doc])* $name, true, $least, $most, $expected);
    };
    (@ $(#[$doc:meta])* $name:ident, $allowed:literal, $least:literal, $most:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}
        impl RealRange for $name {
            const LEAST: f64 = $least;
            const LEAST_ALLOWED: bool = $allowed;
            const MOST: f64 = $most;
            const EXPECTED: &'static str = $expected;
        }
    };
}

real_range!(
    /// A similarity that identifies. At 0 half of all strangers would be somebody.
    SimilarityRange: above 0.0 to 1.0, "a similarity above 0 and at most 1"
);
real_range!(
    /// A chance that somebody is willing to live with.
    TargetRange: above 0.0 to 0.1, "a share above 0 and at most 0.1"
);
real_range!(
    /// A difference of two similarities.
    MarginRange: from 0.0 to 1.0, "a difference from 0 to 1"
);
real_range!(
    /// A share of a whole.
    ShareRange: from 0.0 to 1.0, "a share from 0 to 1"
);
real_range!(
    /// Metres between a camera and people's faces.
    DistanceRange: from 0.3 to 10.0, "metres from 0.3 to 10"
);
real_range!(
    /// Seconds that a person may be kept in doubt.
    SecondsRange: from 0.5 to 60.0, "seconds from 0.5 to 60"
);

real_range!(
    /// Pixels between the eyes that may be asked for; a face of 500 fills the picture of most cameras.
    PixelsRange: from 0.0 to 500.0, "pixels from 0 to 500"
);
real_range!(
    /// A head turned by more shows no face.
    AngleRange: from 0.0 to 90.0, "degrees from 0 to 90"
);
real_range!(
    /// White noise has a sharpness of 4.5: its Laplacian has 20 times its variance.
    SharpnessRange: from 0.0 to 4.0, "a sharpness from 0 to 4"
);
real_range!(
    /// The lower half of 8-bit luma.
    DarkRange: from 0.0 to 127.0, "a luma from 0 to 127"
);
real_range!(
    /// The upper half of 8-bit luma.
    BrightRange: from 128.0 to 255.0, "a luma from 128 to 255"
);
real_range!(
    /// An eye is never higher than it is wide.
    EyeOpeningRange: from 0.0 to 1.0, "a height over width from 0 to 1"
);

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

/// A threshold as a similarity: above 0, at most 1.
pub type SimilarityThreshold = Real<SimilarityRange>;

impl SimilarityThreshold {
    /// For an identification.
    pub fn threshold(self) -> Threshold {
        Threshold(Similarity(self.0))
    }
}

/// A source as a configuration writes it.
pub type SourceText = Text<SourceSpec>;
/// How pictures are drawn on a terminal, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphicsName {
    /// As the terminal answers.
    #[default]
    Auto,
    /// The kitty protocol.
    Kitty,
    /// iTerm2's.
    Iterm2,
    /// Sixels.
    Sixel,
    /// Half blocks.
    HalfBlocks,
}

impl fmt::Display for GraphicsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Kitty => "kitty",
            Self::Iterm2 => "iterm2",
            Self::Sixel => "sixel",
            Self::HalfBlocks => "half-blocks",
        })
    }
}
