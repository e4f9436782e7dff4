//! Ways of enrolling and searching, compared on the same photographs: one template a person or
//! several, mirror images, votes over several probes.
//!
//! # The protocol
//! Leave one out. In each [`Draw`] every photograph is searched once (for votes: once in a group). A
//! person's templates are the first `k` photographs of a random order that are not probes of this
//! search. A trial is a search compared with one person: genuine with the person who is searched for,
//! impostor with everybody else. All strategies see the same draws. A search whose person has too few
//! photographs left is left out, for every strategy alike if they need the same number.
//!
//! # What was measured
//! `muster eval --strategy all`, default pack, 195 photographs of 23 people made worse, since on the
//! photographs as they are nothing fails: scaled down until half the faces of the largest set are under 25, then
//! 18 pixels wide, and back up; brightness times 0.5 to 1.1, noise of 6 of 255, JPEG at 40, then 30. TAR at
//! FMR 1e-3 over 20 draws:
//!
//! | strategy | faces of 25 px | of 18 px |
//! | --- | --- | --- |
//! | one template | 98.0 % | 85.9 % |
//! | 2 templates, best / mean | 98.8 / 99.7 % | 90.2 / 93.6 % |
//! | 3 templates, best / mean | 99.1 / 99.8 % | 93.6 / 96.2 % |
//! | one with its mirror image, best / mean | 98.3 / 97.8 % | 88.3 / 87.5 % |
//!
//! The mean is better than the best at every number of templates, and its threshold for an FMR is
//! nearly that of one template (0.320 for three, 0.313 for one, 0.341 for the best of three, on the
//! photographs as they are). A mirror image adds nothing that is seen beside the spread of the draws, for
//! twice the work at enrolment.

use super::search::Similarities;
use super::{Rate, ScoreSets};

/// What several templates of a person are made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fusion {
    /// The similarity is that to the most alike template.
    Best,
    /// The templates are replaced by their mean, of length 1.
    Mean,
}

/// Where the mirror image of a photograph is used too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirror {
    /// Nowhere.
    None,
    /// As a further template of each that is enrolled.
    Templates,
    /// As that, and a probe is replaced by the mean of itself and its mirror image, of length 1.
    Both,
}

/// One way of enrolling and searching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strategy {
    /// Photographs that a person is enrolled with.
    pub templates: usize,
    /// What they are made into.
    pub fusion: Fusion,
    /// What mirror images are used for.
    pub mirror: Mirror,
    /// Photographs that are searched together. They vote: the similarity of the search to a person is
    /// the median of theirs, which is at or above a threshold exactly if most of them are (for an odd
    /// number).
    pub probes: usize,
}

impl Strategy {
    /// One photograph enrolled, one searched.
    pub const ONE: Self = Self { templates: 1, fusion: Fusion::Best, mirror: Mirror::None, probes: 1 };
}

/// A random order of every person's photographs, twice: `orders[person]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draw {
    /// In which order photographs are taken as templates.
    pub templates: Vec<Vec<usize>>,
    /// In which order they are searched.
    pub probes: Vec<Vec<usize>>,
}

/// What a strategy came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StrategyScores {
    /// The similarities of all trials.
    pub scores: ScoreSets,
    /// Searches whose own person came first, a tie not counted.
    pub rank_one: Rate,
    /// Searches that could not be made: too few photographs of the person.
    pub left_out: u64,
}

/// The photographs that searches are made with.
pub struct Photographs<'a> {
    /// How alike photographs and mirror images are.
    pub similarities: &'a Similarities,
    /// The mirror image of each photograph, where it has one, as a number in `similarities`.
    pub mirrors: &'a [Option<usize>],
}

impl Photographs<'_> {
    /// `photographs` with their mirror images where `mirrored`.
    fn with_mirrors(&self, photographs: &[usize], mirrored: bool) -> Vec<usize> {
        let mut rows = photographs.to_vec();
        if mirrored {
            rows.extend(photographs.iter().filter_map(|p| self.mirrors.get(*p).copied().flatten()));
        }
        rows
    }

    /// The length of the sum of `rows`, as unit vectors.
    fn length(&self, rows: &[usize]) -> f32 {
        let sum: f32 = rows.iter().flat_map(|a| rows.iter().map(|b| self.similarities.get(*a, *b))).sum();
        sum.max(f32::MIN_POSITIVE).sqrt()
    }

    /// How alike the mean of `probe` is to the mean of `templates`.
    fn of_means(&self, probe: &[usize], templates: &[usize]) -> f32 {
        let sum: f32 =
            probe.iter().flat_map(|p| templates.iter().map(|t| self.similarities.get(*p, *t))).sum();
        sum / (self.length(probe) * self.length(templates))
    }

    /// How alike one probe is to a person who is enrolled with `templates`.
    fn similarity(&self, probe: usize, templates: &[usize], strategy: Strategy) -> f32 {
        let probe = self.with_mirrors(&[probe], strategy.mirror == Mirror::Both);
        let templates = self.with_mirrors(templates, strategy.mirror != Mirror::None);
        match strategy.fusion {
            Fusion::Mean => self.of_means(&probe, &templates),
            Fusion::Best => {
                let each = templates.iter().map(|template| self.of_means(&probe, &[*template]));
                each.fold(f32::NEG_INFINITY, f32::max)
            }
        }
    }

    /// How alike a group of probes is: the median.
    fn voted(&self, probes: &[usize], templates: &[usize], strategy: Strategy) -> f32 {
        let mut each: Vec<f32> = probes.iter().map(|p| self.similarity(*p, templates, strategy)).collect();
        each.sort_unstable_by(f32::total_cmp);
        // The lower middle of an even number: more than half are at or above it.
        each.get(each.len().saturating_sub(1) / 2).copied().unwrap_or(f32::NAN)
    }

    /// Makes every search of `draws` by `strategy`.
    pub fn run(&self, draws: &[Draw], strategy: Strategy) -> StrategyScores {
        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        let mut outcome = StrategyScores::default();
        for draw in draws {
            for (person, order) in draw.probes.iter().enumerate() {
                for probes in order.chunks(strategy.probes.max(1)) {
                    let templates = |of: usize| {
                        let free =
                            draw.templates.get(of).into_iter().flatten().filter(|p| !probes.contains(p));
                        let taken: Vec<usize> = free.copied().take(strategy.templates).collect();
                        (taken.len() == strategy.templates).then_some(taken)
                    };
                    let own = templates(person).filter(|_| probes.len() == strategy.probes);
                    let Some(own) = own else {
                        outcome.left_out += 1;
                        continue;
                    };
                    let own = self.voted(probes, &own, strategy);
                    let others = (0..draw.templates.len()).filter(|other| *other != person);
                    let before = impostor.len();
                    impostor.extend(others.filter_map(templates).map(|t| self.voted(probes, &t, strategy)));
                    genuine.push(own);
                    outcome.rank_one.trials += 1;
                    outcome.rank_one.events += u64::from(impostor[before..].iter().all(|other| *other < own));
                }
            }
        }
        outcome.scores = ScoreSets::new(genuine, impostor);
        outcome
    }
}

#[cfg(test)]
mod tests;
