//! Genuine and impostor similarities: distributions, operating points, the curve.

use super::{NotSupported, Rate, TargetRate, quantile, supports};
use crate::face::Similarity;
use crate::identify::Threshold;

/// The similarities of genuine and impostor trials, each from the most alike on. What is not a number
/// is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoreSets {
    genuine: Vec<f32>,
    impostor: Vec<f32>,
}

/// TAR at the least threshold whose FMR is at most the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TarAtFmr {
    /// What was aimed at.
    pub target: TargetRate,
    /// The threshold.
    pub threshold: Threshold,
    /// Impostor pairs that match at it.
    pub fmr: Rate,
    /// Genuine pairs that match at it.
    pub tar: Rate,
}

/// Where FMR and FNMR meet, as nearly as the pairs let them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EqualError {
    /// The mean of both rates at the threshold where they are nearest to each other.
    pub rate: f64,
    /// That threshold.
    pub threshold: Threshold,
    /// Impostor pairs that match at it.
    pub fmr: Rate,
    /// Genuine pairs that do not.
    pub fnmr: Rate,
}

/// A point of the ROC curve; of the DET curve with FNMR = 1 - TAR.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The threshold.
    pub threshold: f32,
    /// The false match rate at it.
    pub fmr: f64,
    /// The true accept rate at it.
    pub tar: f64,
}

/// Where the similarities of one set lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distribution {
    /// How many.
    pub count: usize,
    /// The least alike.
    pub least: f64,
    /// A twentieth is below this.
    pub p5: f64,
    /// Half is below this.
    pub median: f64,
    /// A twentieth is above this.
    pub p95: f64,
    /// The most alike.
    pub most: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation (of the sample: divided by the count less one); 0 for one value.
    pub deviation: f64,
}

impl Distribution {
    fn of(descending: &[f32]) -> Option<Self> {
        let sorted: Vec<f64> = descending.iter().rev().map(|value| f64::from(*value)).collect();
        let at = |q| quantile(&sorted, q);
        let count = sorted.len();
        let mean = sorted.iter().sum::<f64>() / count as f64;
        let squares: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self {
            count,
            least: at(0.0)?,
            p5: at(0.05)?,
            median: at(0.5)?,
            p95: at(0.95)?,
            most: at(1.0)?,
            mean,
            deviation,
        })
    }
}

/// How many of `descending` are at or above `threshold`.
fn at_or_above(descending: &[f32], threshold: f32) -> usize {
    descending.partition_point(|value| *value >= threshold)
}

/// The least threshold at which at most `allowed` of `descending` match: just above the most alike one
/// that must not, so that those equally alike stay out with it.
pub(super) fn threshold_allowing(descending: &[f32], allowed: usize) -> f32 {
    descending.get(allowed).map_or(f32::MIN, |refused| refused.next_up())
}

pub(super) fn sorted_descending(values: impl IntoIterator<Item = f32>) -> Vec<f32> {
    let mut values: Vec<f32> = values.into_iter().filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values
}

impl ScoreSets {
    /// The sets of these similarities, in any order.
    pub fn new(genuine: impl IntoIterator<Item = f32>, impostor: impl IntoIterator<Item = f32>) -> Self {
        Self { genuine: sorted_descending(genuine), impostor: sorted_descending(impostor) }
    }

    /// The genuine ones, the most alike first.
    pub fn genuine(&self) -> &[f32] {
        &self.genuine
    }

    /// The impostor ones, the most alike first.
    pub fn impostor(&self) -> &[f32] {
        &self.impostor
    }

    /// Where the genuine and the impostor ones lie; none for a set that is empty.
    pub fn distributions(&self) -> (Option<Distribution>, Option<Distribution>) {
        (Distribution::of(&self.genuine), Distribution::of(&self.impostor))
    }

    /// Impostor pairs that match at `threshold`.
    pub fn fmr(&self, threshold: Threshold) -> Rate {
        Rate::new(at_or_above(&self.impostor, threshold.0.0), self.impostor.len())
    }

    /// Genuine pairs that match at `threshold`.
    pub fn tar(&self, threshold: Threshold) -> Rate {
        Rate::new(at_or_above(&self.genuine, threshold.0.0), self.genuine.len())
    }

    /// TAR at the least threshold whose FMR is at most `target`, whatever the number of pairs.
    pub fn operating_point(&self, target: TargetRate) -> TarAtFmr {
        let allowed = target.allowed(self.impostor.len());
        let threshold = Threshold(Similarity(threshold_allowing(&self.impostor, allowed)));
        TarAtFmr { target, threshold, fmr: self.fmr(threshold), tar: self.tar(threshold) }
    }

    /// [`operating_point`](Self::operating_point), where the pairs support it.
    ///
    /// # Errors
    /// [`NotSupported`] where the impostor pairs are too few for `target`, or there is no genuine one.
    pub fn tar_at_fmr(&self, target: TargetRate) -> Result<TarAtFmr, NotSupported> {
        supports(self.impostor.len() as u64, "impostor pairs", target)?;
        if self.genuine.is_empty() {
            return Err(NotSupported { trials: 0, of: "genuine pairs", needed: 1 });
        }
        Ok(self.operating_point(target))
    }

    /// The equal error rate; none where a set is empty. Where the sets do not overlap it is 0, at the
    /// middle between them.
    pub fn equal_error(&self) -> Option<EqualError> {
        let (most_impostor, least_genuine) = (*self.impostor.first()?, *self.genuine.last()?);
        if most_impostor < least_genuine {
            return Some(self.equal_error_at(f32::midpoint(most_impostor, least_genuine)));
        }
        // FMR falls and FNMR rises with the threshold; one of the similarities is where they cross.
        let fmr_above_fnmr = |threshold: f32| {
            let false_matches = at_or_above(&self.impostor, threshold) as f64 / self.impostor.len() as f64;
            let matches = at_or_above(&self.genuine, threshold) as f64 / self.genuine.len() as f64;
            false_matches > 1.0 - matches
        };
        let crossing = |descending: &[f32]| {
            let first = descending.partition_point(|value| !fmr_above_fnmr(*value));
            [first.checked_sub(1), Some(first)]
                .into_iter()
                .flatten()
                .filter_map(|i| descending.get(i).copied())
                .collect::<Vec<_>>()
        };
        let mut candidates: Vec<f32> = crossing(&self.genuine);
        candidates.extend(crossing(&self.impostor));
        // Just above a similarity is a threshold of its own: there that one no longer matches.
        candidates.extend(candidates.clone().into_iter().map(f32::next_up));
        candidates.sort_unstable_by(f32::total_cmp);
        let apart = |point: &EqualError| {
            let share = |rate: Rate| rate.share().unwrap_or(0.0);
            (share(point.fmr) - share(point.fnmr)).abs()
        };
        let points = candidates.into_iter().map(|threshold| self.equal_error_at(threshold));
        points.min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }

    fn equal_error_at(&self, threshold: f32) -> EqualError {
        let threshold = Threshold(Similarity(threshold));
        let (fmr, fnmr) = (self.fmr(threshold), self.tar(threshold).complement());
        let rate = f64::midpoint(fmr.share().unwrap_or(0.0), fnmr.share().unwrap_or(0.0));
        EqualError { rate, threshold, fmr, fnmr }
    }

    /// Points of the curve by falling threshold: at every number of false matches from none to all,
    /// thinned to about `most` in equal steps of the FMR's logarithm. Empty where a set is empty.
    pub fn curve(&self, most: usize) -> Vec<CurvePoint> {
        let (impostors, genuine) = (self.impostor.len(), self.genuine.len());
        if impostors == 0 || genuine == 0 {
            return Vec::new();
        }
        let steps = most.max(2) as f64 - 1.0;
        let mut allowed: Vec<usize> = (0..most.max(2))
            .map(|step| (impostors as f64).powf(step as f64 / steps).round() as usize)
            .collect();
        allowed.insert(0, 0);
        allowed.dedup();
        let point = |allowed: usize| {
            let threshold = threshold_allowing(&self.impostor, allowed);
            CurvePoint {
                threshold,
                fmr: at_or_above(&self.impostor, threshold) as f64 / impostors as f64,
                tar: at_or_above(&self.genuine, threshold) as f64 / genuine as f64,
            }
        };
        let mut points: Vec<CurvePoint> = allowed.into_iter().map(point).collect();
        points.dedup_by(|a, b| a.threshold.total_cmp(&b.threshold).is_eq());
        points
    }

    /// How far apart the sets lie: the difference of their means over the root of their mean variance
    /// (d', the sensitivity index of signal detection). Says something where no error is left to
    /// count. None where a set has fewer than two values.
    pub fn separation(&self) -> Option<f64> {
        let (Some(genuine), Some(impostor)) = self.distributions() else { return None };
        let variance = f64::midpoint(genuine.deviation.powi(2), impostor.deviation.powi(2));
        (variance > 0.0).then(|| (genuine.mean - impostor.mean) / variance.sqrt())
    }
}

/// How many of `values` lie in each of `bins` equal parts of `from..to`; what lies outside is counted
/// in the first or the last.
pub fn histogram(values: &[f32], from: f32, to: f32, bins: usize) -> Vec<u64> {
    let mut counts = vec![0; bins];
    for value in values {
        let place = (value - from) / (to - from) * bins as f32;
        // The cast saturates at both ends.
        let bin = (place.floor() as usize).min(bins.saturating_sub(1));
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
