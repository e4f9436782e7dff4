//! All measures in one number.

use super::limits::{Measure, QualityLimits};
use super::{Quality, QualityScore};

impl Quality {
    /// The measures in one number. Each counts 1 where it is as good as any, a half at its default
    /// limit, 0 at its hard floor, and in between by straight lines; the score is the least of them
    /// times their mean, so that a picture is about as good as its worst measure and the others
    /// decide between two that are equal in it. A measure that was not taken counts 1.
    ///
    /// It never falls when one measure gets better and the others stay.
    pub fn score(&self) -> QualityScore {
        let limits = QualityLimits::default();
        let parts = Measure::ALL.map(|measure| {
            measure.value(self).map_or(1.0, |value| part(value, measure.ends(), measure.limit(&limits)))
        });
        let least = parts.iter().copied().fold(1.0, f32::min);
        let mean = parts.iter().sum::<f32>() / parts.len() as f32;
        QualityScore(least * mean)
    }
}

/// 1 at `best` and beyond, a half at `limit`, 0 at `worst` and beyond; 0 for what is no number.
pub(super) fn part(value: f32, (best, worst): (f32, f32), limit: f32) -> f32 {
    let way = |from: f32, to: f32| ((value - from) / (to - from)).clamp(0.0, 1.0);
    let part = 0.5 * way(worst, limit) + 0.5 * way(limit, best);
    if part.is_finite() { part } else { 0.0 }
}
