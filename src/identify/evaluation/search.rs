//! Searches among photographs of which one a person is enrolled: rank 1 where everybody is enrolled
//! (closed set), FNIR at FPIR where many are not (open set).

use super::pairs::{sorted_descending, threshold_allowing};
use super::{NotSupported, Rate, ScoreSets, TargetRate, quantile, supports};
use crate::face::embedding::dot;
use crate::face::{Embedding, Similarity};
use crate::identify::Threshold;

/// How alike every two of some photographs are. `Debug` of many is long; nothing in it is an
/// embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarities {
    side: usize,
    values: Vec<f32>,
}

impl Similarities {
    /// Compares every two of `embeddings`, which are of one space. Takes four bytes a value, the number
    /// of embeddings squared.
    pub fn of(embeddings: &[Embedding]) -> Self {
        let side = embeddings.len();
        let mut values = vec![0.0; side * side];
        for (i, a) in embeddings.iter().enumerate() {
            for (j, b) in embeddings.iter().enumerate().skip(i) {
                let similarity = dot(a.as_slice(), b.as_slice());
                values[i * side + j] = similarity;
                values[j * side + i] = similarity;
            }
        }
        Self { side, values }
    }

    /// How many photographs.
    pub fn side(&self) -> usize {
        self.side
    }

    /// How alike photographs `a` and `b` are; both are below [`side`](Self::side).
    pub fn get(&self, a: usize, b: usize) -> f32 {
        self.values[a * self.side + b]
    }

    /// All pairs of the photographs that `people` names the person of, as `(a, b)` with `a < b`.
    pub fn pairs<'a>(&self, people: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let count = people.len().min(self.side);
        (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
    }

    /// The genuine and impostor similarities, where photograph `i` shows person `people[i]`.
    pub fn score_sets(&self, people: &[usize]) -> ScoreSets {
        let of = |genuine: bool| {
            self.pairs(people)
                .filter(move |(a, b)| (people[*a] == people[*b]) == genuine)
                .map(|(a, b)| self.get(a, b))
        };
        ScoreSets::new(of(true), of(false))
    }
}

/// Who is enrolled with which photograph: `enrolled[person]`.
pub type Enrolment = [Option<usize>];

/// What a closed-set search with one photograph a person came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RankOne {
    /// Probes whose own person came first.
    pub right: Rate,
    /// The others: the probe and the enrolled photograph that was at least as alike.
    pub wrong: Vec<(usize, usize)>,
}

/// The most alike photograph of `enrolled` but that of `person`, and how alike.
fn most_alike_other(
    similarities: &Similarities,
    probe: usize,
    person: usize,
    enrolled: &Enrolment,
) -> Option<(usize, f32)> {
    let others = enrolled.iter().enumerate().filter(|(other, _)| *other != person);
    others
        .filter_map(|(_, photograph)| photograph.map(|p| (p, similarities.get(probe, p))))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Searches every photograph that is not enrolled itself and whose person is. A probe counts as right
/// only if its own person is more alike than everybody else: a tie is wrong.
pub fn rank_one(similarities: &Similarities, people: &[usize], enrolled: &Enrolment) -> RankOne {
    let mut outcome = RankOne::default();
    for (probe, person) in people.iter().enumerate() {
        let Some(own) = enrolled.get(*person).copied().flatten().filter(|own| *own != probe) else {
            continue;
        };
        outcome.right.trials += 1;
        let own = similarities.get(probe, own);
        match most_alike_other(similarities, probe, *person, enrolled) {
            Some((other, similarity)) if similarity >= own => outcome.wrong.push((probe, other)),
            _ => outcome.right.events += 1,
        }
    }
    outcome
}

/// The searches of one split of the people into enrolled and not enrolled.
#[derive(Debug, Clone, PartialEq, Default)]
struct SplitSearches {
    /// For each mated search how alike the person themselves is, or minus infinity where somebody else
    /// came first.
    mated: Vec<f32>,
    /// For each search of somebody not enrolled how alike the most alike candidate is.
    non_mated: Vec<f32>,
}

/// Searches over several splits of the people.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpenSet {
    splits: Vec<SplitSearches>,
    non_mated: Vec<f32>,
    enrolled: usize,
    impostor_pairs: u64,
}

/// FNIR at the least threshold whose FPIR is at most the target: FNIR(N, R = 1, T) of ISO/IEC 19795-1,
/// the share of mated searches whose person is not first or not at the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FnirAtFpir {
    /// What was aimed at.
    pub target: TargetRate,
    /// N: people enrolled, the mean over the splits.
    pub gallery: f64,
    /// The threshold, one for all splits.
    pub threshold: Threshold,
    /// Non-mated searches that named somebody.
    pub fpir: Rate,
    /// Mated searches that did not name the person.
    pub fnir: Rate,
    /// Between these the FNIR of 95 % of the splits lies. How the choice of people and photographs
    /// moves it; no interval for a population.
    pub spread: (f64, f64),
}

impl OpenSet {
    /// Searches every photograph that is not enrolled, in each of `splits` (who is enrolled with which
    /// photograph; who is not there is a stranger).
    pub fn search(similarities: &Similarities, people: &[usize], splits: &[Vec<Option<usize>>]) -> Self {
        let mut found = Self::default();
        for enrolled in splits {
            let mut searches = SplitSearches::default();
            for (probe, person) in people.iter().enumerate() {
                let other = most_alike_other(similarities, probe, *person, enrolled);
                let other = other.map_or(f32::NEG_INFINITY, |(_, similarity)| similarity);
                match enrolled.get(*person).copied().flatten() {
                    Some(own) if own == probe => {}
                    Some(own) => {
                        let own = similarities.get(probe, own);
                        searches.mated.push(if own > other { own } else { f32::NEG_INFINITY });
                    }
                    None => searches.non_mated.push(other),
                }
            }
            found.enrolled += enrolled.iter().flatten().count();
            found.splits.push(searches);
        }
        found.non_mated =
            sorted_descending(found.splits.iter().flat_map(|split| split.non_mated.iter().copied()));
        let pairs = similarities.pairs(people);
        found.impostor_pairs = pairs.filter(|(a, b)| people[*a] != people[*b]).count() as u64;
        found
    }

    /// N: people enrolled, the mean over the splits.
    pub fn gallery(&self) -> f64 {
        self.enrolled as f64 / self.splits.len().max(1) as f64
    }

    /// How many searches against [`gallery`](Self::gallery) people the impostor pairs give without
    /// one of them being used twice. The searches of many splits repeat them, so they are not evidence
    /// of their own.
    pub fn distinct_searches(&self) -> u64 {
        let gallery = self.gallery();
        if gallery > 0.0 { (self.impostor_pairs as f64 / gallery) as u64 } else { 0 }
    }

    /// FNIR at FPIR `target`.
    ///
    /// # Errors
    /// [`NotSupported`] where the distinct searches are too few for it, or there is no mated one.
    pub fn fnir_at_fpir(&self, target: TargetRate) -> Result<FnirAtFpir, NotSupported> {
        supports(self.distinct_searches(), "non-mated searches that share no pair", target)?;
        let mated = self.splits.iter().map(|split| split.mated.len()).sum::<usize>();
        if mated == 0 {
            return Err(NotSupported { trials: 0, of: "mated searches", needed: 1 });
        }
        let allowed = target.allowed(self.non_mated.len());
        let threshold = threshold_allowing(&self.non_mated, allowed);
        let missed = |split: &SplitSearches| split.mated.iter().filter(|own| **own < threshold).count();
        let named = self.non_mated.iter().filter(|best| **best >= threshold).count();
        let mut shares: Vec<f64> = self
            .splits
            .iter()
            .filter_map(|split| Rate::new(missed(split), split.mated.len()).share())
            .collect();
        shares.sort_unstable_by(f64::total_cmp);
        let spread = (quantile(&shares, 0.025).unwrap_or(0.0), quantile(&shares, 0.975).unwrap_or(1.0));
        Ok(FnirAtFpir {
            target,
            gallery: self.gallery(),
            threshold: Threshold(Similarity(threshold)),
            fpir: Rate::new(named, self.non_mated.len()),
            fnir: Rate::new(self.splits.iter().map(missed).sum(), mated),
            spread,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
