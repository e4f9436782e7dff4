//! How often two templates of different people are alike: a fit of the impostor similarities, and
//! the two questions it answers, FMR at a threshold and threshold at an FMR.

use serde::{Deserialize, Serialize};

use super::normal::{upper_quantile, upper_tail};
use crate::face::Similarity;
use crate::identify::Threshold;

/// The 97.5 % point of the normal distribution: intervals are of 95 %.
const INTERVAL_Z: f64 = 1.959_964;

/// False matches that must have been seen before a rate counts as measured: with 30 errors, the
/// true rate is within 30 % of the measured one at 90 % confidence (the "rule of 30": Doddington
/// et al., The NIST speaker recognition evaluation, Speech Communication 31, 2000; ISO/IEC
/// 19795-1, annex B), where comparisons are independent. Pairs of few people are less than that, which is
/// why the interval is given too.
pub const ERRORS_TO_SUPPORT: f64 = 30.0;

/// The largest variance of `ln scale`. Above `1 / 1.96^2 = 0.26` the upper end of the interval of FMR
/// would rise with the threshold: that much uncertainty says nothing of a tail.
pub const MOST_SCALE_SPREAD: f64 = 0.25;

/// How uncertain the two numbers of a tail are: variances of their natural logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TailSpread {
    /// Variance of `ln share`.
    pub log_share: f64,
    /// Variance of `ln scale`.
    pub log_scale: f64,
    /// Covariance of the two.
    pub covariance: f64,
}

/// The impostor similarity distribution: above `start` an exponential tail, below it a normal
/// distribution that meets the tail there.
///
/// **The tail** is fitted by peaks over threshold (Davison and Smith, Models for exceedances over
/// high thresholds, JRSS B 52, 1990): of all pairs, the share `share` is above `start`, and how far
/// they are above it has the mean `scale`, so that for `T >= start`
///
/// ```text
/// FMR(T) = share * exp(-(T - start) / scale)
/// ```
///
/// This is the generalised Pareto tail with the shape 0. Measured on the 18110 impostor pairs of 23
/// people that the default card's numbers come from, the fitted shape is negative above every quantile
/// from 90 % to 99.8 % (-0.23 to -0.10): the similarities of different people are close to normal
/// (skewness -0.06, excess kurtosis 0.04), whose tail falls faster than an exponential one. A negative shape
/// says that beyond some similarity there is no impostor at all (0.58 with the fit at 98 %), which
/// no number of pairs can show and which a sibling would prove wrong; and its value swings between
/// quantiles. The exponential tail has one number, and with a negative true shape it errs to the safe
/// side: at 98 % it says 6.0e-4 at 0.35 and 1.5e-4 at 0.40, where 3.3e-4 and 5.5e-5 were counted.
/// The price is a higher threshold for large galleries than a bolder fit would ask for.
///
/// **Where it starts** is the 98 % quantile. Further down the bend of the whole distribution shows (a
/// likelihood ratio of 58 against the shape 0 above 90 %, 14 above 95 %, 5.6 above 97 %, 3.1 above 98 %,
/// taking pairs for independent) and makes the scale too large; further up the pairs are of a handful of
/// people (half of those above 99.8 % are of three pairs of them), and the ratio is 10 at 99 %, 3 at 99.5 %.
///
/// **Below it** FMR(T) is the normal distribution's upper tail about `mean`, as wide as makes it
/// `share` at `start`. It is there so that every similarity has an FMR; no threshold is derived
/// from it. On the same pairs it is within a tenth of what was counted everywhere.
///
/// **Intervals** are 95 %, from `spread` by the delta method on `ln FMR`; `spread` says how it is
/// estimated. They hold the uncertainty of the two numbers and not that of the tail's form, nor that a
/// site's people are more alike than the measured ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TailFit {
    /// The similarity above which the tail is fitted.
    pub start: f64,
    /// The share of pairs above `start`, above 0 and under 0.5.
    pub share: f64,
    /// The mean of what is above `start`, in similarity.
    pub scale: f64,
    /// The mean similarity of all pairs.
    pub mean: f64,
    /// The most alike pair.
    pub highest: f64,
    /// Pairs of templates of different people that it rests on.
    pub pairs: u64,
    /// People whose templates those are.
    pub people: u32,
    /// How uncertain it is.
    pub spread: TailSpread,
}

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateEstimate {
    /// The rate, 0 to 1.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Whether fewer than [`ERRORS_TO_SUPPORT`] of the pairs were that alike: the tail's form says
    /// it, and not the pairs.
    pub extrapolated: bool,
}

/// A threshold with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdEstimate {
    /// The least similarity at which the rate is not above the one asked for.
    pub threshold: Threshold,
    /// The interval's lower end.
    pub low: Threshold,
    /// The interval's upper end.
    pub high: Threshold,
    /// As in [`RateEstimate`].
    pub extrapolated: bool,
}

impl TailFit {
    /// Whether its numbers make a distribution: shares in range, everything finite and above 0, the
    /// variances those of something.
    pub fn is_sound(&self) -> bool {
        let TailSpread { log_share, log_scale, covariance } = self.spread;
        let variances = log_share >= 0.0
            && log_scale >= 0.0
            && covariance.is_finite()
            && covariance * covariance <= log_share * log_scale * (1.0 + 1e-6)
            && log_share.is_finite()
            && log_scale <= MOST_SCALE_SPREAD;
        let similarities = self.mean > -1.0
            && self.mean < self.start
            && self.start < 1.0
            && self.highest >= self.start
            && self.highest <= 1.0 + 1e-6;
        let numbers = self.share > 0.0 && self.share < 0.5 && self.scale > 0.0 && self.scale < 1.0;
        variances && similarities && numbers && self.pairs > 0 && self.people > 1
    }

    /// The least FMR that the pairs measure: at a smaller one, fewer than [`ERRORS_TO_SUPPORT`] of
    /// them were that alike.
    pub fn supported_fmr(&self) -> f64 {
        (ERRORS_TO_SUPPORT / self.pairs as f64).min(1.0)
    }

    /// FMR(T): the chance that two templates of different people are at least as alike as
    /// `threshold`, which is that of one comparison.
    pub fn fmr_at(&self, threshold: Threshold) -> RateEstimate {
        let similarity = f64::from(threshold.0.0);
        let log = self.log_fmr(similarity);
        let half = INTERVAL_Z * self.log_deviation(similarity, log);
        RateEstimate {
            value: log.exp(),
            low: (log - half).exp(),
            high: (log + half).exp().min(1.0),
            extrapolated: log.exp() < self.supported_fmr(),
        }
    }

    /// The threshold at which FMR is `fmr`: the inverse of [`fmr_at`](Self::fmr_at). An `fmr` of 1 or
    /// more is reached by any similarity, one of 0 or less by none; the answer stays in -1 to 1.
    pub fn threshold_at_fmr(&self, fmr: f64) -> ThresholdEstimate {
        let log = fmr.max(0.0).ln();
        let at = |curve: &dyn Fn(f64) -> f64| Threshold(Similarity(falling_below(curve, log) as f32));
        let with = |sign: f64| {
            move |s: f64| {
                let value = self.log_fmr(s);
                value + sign * INTERVAL_Z * self.log_deviation(s, value)
            }
        };
        ThresholdEstimate {
            threshold: at(&|s| self.log_fmr(s)),
            low: at(&with(-1.0)),
            high: at(&with(1.0)),
            extrapolated: fmr < self.supported_fmr(),
        }
    }

    /// `ln FMR`. NaN asks for nothing that could be alike: it is that of 1.
    fn log_fmr(&self, similarity: f64) -> f64 {
        let similarity = if similarity.is_nan() { 1.0 } else { similarity };
        if similarity >= self.start {
            return self.share.ln() - (similarity - self.start) / self.scale;
        }
        let deviation = (self.start - self.mean) / upper_quantile(self.share);
        upper_tail((similarity - self.mean) / deviation).max(self.share).ln()
    }

    /// The standard deviation of `ln FMR` at a similarity where it is `log`: by the delta method in
    /// the tail; below it the one at its start, shrinking to 0 where FMR is 1.
    fn log_deviation(&self, similarity: f64, log: f64) -> f64 {
        let TailSpread { log_share, log_scale, covariance } = self.spread;
        if similarity < self.start {
            return log_share.sqrt() * (log / self.share.ln()).clamp(0.0, 1.0);
        }
        // d ln FMR / d ln scale = (T - start) / scale.
        let slope = (similarity - self.start) / self.scale;
        (log_share + 2.0 * slope * covariance + slope * slope * log_scale).max(0.0).sqrt()
    }
}

/// The least similarity in -1 to 1 at which the falling `curve` is not above `level`; 1 where it
/// always is.
fn falling_below(curve: &dyn Fn(f64) -> f64, level: f64) -> f64 {
    let (mut low, mut high) = (-1.0f64, 1.0f64);
    if curve(low) <= level {
        return low;
    }
    // Fifty halvings of 2 leave 2e-15, far below an f32's step.
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if curve(middle) > level { low = middle } else { high = middle }
    }
    high
}
