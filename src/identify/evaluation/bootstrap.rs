//! An interval that takes people, not pairs, as what was drawn from a population.
//!
//! Pairs of one person resemble each other, so an interval that counts pairs is too narrow. Here whole
//! people are drawn with replacement, as many as there are, and the figure is computed on their pairs
//! (a person drawn twice counts twice, and is nobody's impostor against himself or herself): the
//! subset bootstrap of Bolle, Ratha and Pankanti, Error analysis of pattern recognition systems: the
//! subsets bootstrap, CVIU 93 (2004), with impostor pairs between the people drawn.

use super::search::Similarities;
use super::{NotSupported, TargetRate, quantile};

/// The fewest people that a bootstrap is quoted for. Below it the 95 % interval of percentiles rests
/// on too few different people: of 20 drawn from 20, about 13 are different.
pub const LEAST_PEOPLE: usize = 20;

/// What every resample is computed from.
struct Resampled {
    /// For each person the similarities of their genuine pairs.
    genuine: Vec<Vec<f32>>,
    /// Impostor pairs as similarity and the two people, the most alike first; as many as can matter.
    impostor: Vec<(f32, usize, usize)>,
    /// Photographs a person.
    photographs: Vec<u64>,
    target: TargetRate,
}

impl Resampled {
    fn new(similarities: &Similarities, people: &[usize], target: TargetRate) -> Self {
        let persons = people.iter().max().map_or(0, |most| most + 1);
        let mut genuine = vec![Vec::new(); persons];
        let mut photographs = vec![0; persons];
        for person in people {
            photographs[*person] += 1;
        }
        for (a, b) in similarities.pairs(people).filter(|(a, b)| people[*a] == people[*b]) {
            genuine[people[a]].push(similarities.get(a, b));
        }
        let impostors = || similarities.pairs(people).filter(|(a, b)| people[*a] != people[*b]);
        let least = least_that_matters(impostors().map(|(a, b)| similarities.get(a, b)).collect(), target);
        let mut impostor: Vec<_> = impostors()
            .map(|(a, b)| (similarities.get(a, b), people[a], people[b]))
            .filter(|(similarity, _, _)| *similarity >= least)
            .collect();
        impostor.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        Self { genuine, impostor, photographs, target }
    }

    /// TAR at the target FMR where person `p` was drawn `counts[p]` times; none without a genuine pair.
    fn tar(&self, counts: &[u64]) -> Option<f64> {
        let weighted: Vec<u64> =
            self.photographs.iter().zip(counts).map(|(photographs, count)| photographs * count).collect();
        let all: u64 = weighted.iter().sum();
        let own: u64 = weighted.iter().map(|weight| weight * weight).sum();
        let impostors = (all * all - own) / 2;
        let allowed = self.target.allowed(usize::try_from(impostors).unwrap_or(usize::MAX)) as u64;
        let mut matching = 0;
        let refused = self.impostor.iter().find(|(_, a, b)| {
            matching += counts[*a] * counts[*b];
            matching > allowed
        });
        let threshold = refused.map_or(f32::MIN, |(similarity, _, _)| similarity.next_up());
        let (mut pairs, mut matches) = (0, 0);
        for (similarities, count) in self.genuine.iter().zip(counts) {
            pairs += count * similarities.len() as u64;
            matches += count * similarities.iter().filter(|s| **s >= threshold).count() as u64;
        }
        (pairs > 0).then(|| matches as f64 / pairs as f64)
    }
}

/// Below this similarity no threshold of a resample lies, but for one drawn with a probability that
/// rounds to nothing: eight times as many pairs as may match are at or above it, and 10,000 at least.
fn least_that_matters(mut similarities: Vec<f32>, target: TargetRate) -> f32 {
    let kept = target.allowed(similarities.len()).saturating_mul(8).max(10_000);
    if kept >= similarities.len() {
        return f32::MIN;
    }
    *similarities.select_nth_unstable_by(kept, |a, b| b.total_cmp(a)).1
}

/// Why there is no interval over people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoInterval {
    /// Too few people.
    #[error(transparent)]
    People(NotSupported),
    /// Every resample would be the same, and its interval would claim a certainty that nobody has.
    #[error("not supported: no genuine pair fails, so that every draw of people gives the same")]
    NoError,
}

/// The 95 % interval (percentiles) of TAR at the FMR `target` over people drawn with replacement.
/// Photograph `i` shows person `people[i]`; people are numbered from 0. `next_below(n)` gives a random
/// number below `n`, and `resamples` of them are drawn for each person.
///
/// # Errors
/// [`NoInterval`] where there are fewer than [`LEAST_PEOPLE`] with a genuine pair, or no genuine pair
/// fails at all.
pub fn tar_interval(
    similarities: &Similarities,
    people: &[usize],
    target: TargetRate,
    resamples: usize,
    mut next_below: impl FnMut(usize) -> usize,
) -> Result<(f64, f64), NoInterval> {
    let from = Resampled::new(similarities, people, target);
    let persons = from.genuine.len();
    let with_pairs = from.genuine.iter().filter(|pairs| !pairs.is_empty()).count();
    if with_pairs < LEAST_PEOPLE {
        let (of, needed) = ("people with a genuine pair", LEAST_PEOPLE as u64);
        return Err(NoInterval::People(NotSupported { trials: with_pairs as u64, of, needed }));
    }
    if from.tar(&vec![1; persons]).is_none_or(|tar| tar >= 1.0) {
        return Err(NoInterval::NoError);
    }
    let mut found: Vec<f64> = (0..resamples)
        .filter_map(|_| {
            let mut counts = vec![0; persons];
            for _ in 0..persons {
                if let Some(count) = counts.get_mut(next_below(persons)) {
                    *count += 1;
                }
            }
            from.tar(&counts)
        })
        .collect();
    found.sort_unstable_by(f64::total_cmp);
    let interval = quantile(&found, 0.025).zip(quantile(&found, 0.975));
    interval.ok_or(NoInterval::NoError)
}

#[cfg(test)]
mod tests;
