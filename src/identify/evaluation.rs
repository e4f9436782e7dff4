//! How well pictures of the same people are told from pictures of others: the figures of ISO/IEC
//! 19795-1 from similarities that were computed elsewhere.
//!
//! # What a pair is
//! A *pair* is two different photographs, each with the one face that was taken from it, in no order.
//! It is *genuine* where both show one person and *impostor* otherwise. A pair *matches* at a threshold
//! exactly if its similarity is at or above it. FMR is the share of impostor pairs that match, FNMR
//! the share of genuine pairs that do not, TAR is 1 - FNMR.
//!
//! # What the intervals assume
//! The interval of a [`Rate`] is exact for independent trials ([`super::interval`]). Pairs are not:
//! the 45 pairs of ten photographs of one person share that person's face, age and glasses. So these
//! intervals say how little the *number* of pairs supports, and the truth is wider still. Where there
//! are people enough, [`bootstrap`] draws people instead of pairs, and its interval is the one to
//! quote for a population.
//!
//! # What is not claimed
//! No figure at a rate that the trials cannot show. By the rule of three (ISO/IEC 19795-1, annex B)
//! a rate below `3 / N` cannot be established with `N` trials, not even by no error in all of them;
//! [`trials_needed`] is that rule, and a figure for a rate below it is [`NotSupported`].
//!
//! Failures to acquire (no face found, or none that could be aligned) are a figure of their own and
//! in none of the others.

pub mod bootstrap;
pub mod pairs;
pub mod search;
pub mod strategy;

pub use pairs::{CurvePoint, EqualError, ScoreSets, TarAtFmr};
pub use search::{FnirAtFpir, OpenSet, RankOne, Similarities};
pub use strategy::{Draw, Fusion, Mirror, Strategy, StrategyScores};

use std::fmt;
use std::str::FromStr;

use super::interval::{CONFIDENCE_95, clopper_pearson};

/// A count of events in trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// How often it happened.
    pub events: u64,
    /// How often it could have.
    pub trials: u64,
}

impl Rate {
    /// `events` of `trials`.
    pub fn new(events: usize, trials: usize) -> Self {
        Self { events: events as u64, trials: trials as u64 }
    }

    /// The share, 0 to 1; none without a trial.
    pub fn share(self) -> Option<f64> {
        (self.trials > 0).then(|| self.events as f64 / self.trials as f64)
    }

    /// The exact 95 % interval for independent trials; none without a trial.
    pub fn interval_95(self) -> Option<(f64, f64)> {
        (self.trials > 0).then(|| clopper_pearson(self.events, self.trials, CONFIDENCE_95))
    }

    /// The trials in which it did not happen.
    pub fn complement(self) -> Self {
        Self { events: self.trials.saturating_sub(self.events), trials: self.trials }
    }
}

/// A rate of errors that is aimed at: more than 0 and less than 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct TargetRate(f64);

/// A number that is no rate to aim at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no rate: expected a number above 0 and below 1, for example 0.001 or 1e-3")]
pub struct TargetRateError {
    /// What was written.
    pub text: String,
}

impl TargetRate {
    /// `rate`, where it is above 0 and below 1.
    pub fn new(rate: f64) -> Option<Self> {
        (rate > 0.0 && rate < 1.0).then_some(Self(rate))
    }

    /// The rate.
    pub fn value(self) -> f64 {
        self.0
    }

    /// How many of `trials` may go wrong at most.
    pub fn allowed(self, trials: usize) -> usize {
        // The small term undoes the rounding of, say, 0.001 * 3000.
        (self.0 * trials as f64 + 1e-9).floor() as usize
    }
}

impl FromStr for TargetRate {
    type Err = TargetRateError;

    fn from_str(text: &str) -> Result<Self, TargetRateError> {
        let error = || TargetRateError { text: text.to_owned() };
        text.trim().parse().ok().and_then(Self::new).ok_or_else(error)
    }
}

impl fmt::Display for TargetRate {
    /// As `1e-3` where it is a power of ten below a hundredth, else as a decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0.01 { write!(f, "{:e}", self.0) } else { write!(f, "{}", self.0) }
    }
}

/// A figure that the trials are too few for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not supported: {trials} {of}, {needed} are needed")]
pub struct NotSupported {
    /// How many there are.
    pub trials: u64,
    /// Of what.
    pub of: &'static str,
    /// How many there would have to be.
    pub needed: u64,
}

/// The fewest trials that can establish `rate`: the rule of three, `3 / rate`.
pub fn trials_needed(rate: TargetRate) -> u64 {
    (3.0 / rate.0 - 1e-6).ceil() as u64
}

/// Whether `trials` of something can establish `rate`.
///
/// # Errors
/// [`NotSupported`] with how many would be needed.
pub fn supports(trials: u64, of: &'static str, rate: TargetRate) -> Result<(), NotSupported> {
    let needed = trials_needed(rate);
    if trials >= needed { Ok(()) } else { Err(NotSupported { trials, of, needed }) }
}

/// The value below which a share `q` of `sorted` (ascending) lies, by linear interpolation between
/// the two nearest (the definition that R calls type 7); none where it is empty.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let part = place - low as f64;
    Some(sorted[low] + (sorted[high] - sorted[low]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_three() {
        for (rate, needed) in [(1e-2, 300), (1e-3, 3000), (1e-4, 30_000)] {
            assert_eq!(trials_needed(TargetRate::new(rate).unwrap()), needed);
        }
        let rate: TargetRate = "1e-4".parse().unwrap();
        let refused = supports(18_110, "impostor pairs", rate).unwrap_err();
        assert_eq!(refused.to_string(), "not supported: 18110 impostor pairs, 30000 are needed");
        assert!(supports(30_000, "impostor pairs", rate).is_ok());
    }

    #[test]
    fn a_rate_lies_between_nought_and_one() {
        for text in ["0", "1", "-0.1", "NaN", "inf", "", "x", "1e-400"] {
            let error = text.parse::<TargetRate>().unwrap_err().to_string();
            assert!(error.contains("above 0 and below 1"), "{error}");
        }
        assert_eq!("1e-3".parse::<TargetRate>().unwrap().allowed(3000), 3);
        assert_eq!("0.001".parse::<TargetRate>().unwrap().to_string(), "1e-3");
        assert_eq!("0.05".parse::<TargetRate>().unwrap().to_string(), "0.05");
    }

    #[test]
    fn quantiles_as_numpy_gives_them() {
        // numpy.quantile([1, 2, 4, 8], [0, .25, .5, .9, 1]) of NumPy 2, its default method.
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, q).unwrap() - expected).abs() < 1e-12, "{q}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn no_trial_has_no_share() {
        assert_eq!((Rate::new(0, 0).share(), Rate::new(0, 0).interval_95()), (None, None));
        assert_eq!(Rate::new(1, 4).complement(), Rate::new(3, 4));
    }
}
