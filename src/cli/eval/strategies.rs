//! The ways of enrolling and searching that `--strategy` compares.

use clap::ValueEnum;
use serde::Serialize;

use crate::capture::replay::random::SplitMix;
use crate::face::Embedding;
use crate::identify::evaluation::strategy::Photographs;
use crate::identify::evaluation::{Draw, Fusion, Mirror, Similarities, Strategy, TargetRate, supports};

use super::figures::{FMR_TARGETS, RateObject, by_person, shuffle};
use super::photographs::Collection;

/// What `--strategy` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StrategyChoice {
    /// All of these.
    All,
    /// Several templates a person, the most alike counts.
    Best,
    /// Several templates a person, made into their mean.
    Mean,
    /// Mirror images.
    Mirror,
    /// Three probes that vote.
    Vote,
}

/// Similarities that are kept at once, over all draws: 4 bytes each.
const MOST_TRIALS: usize = 20_000_000;
/// Draws at most: with 20, the standard error of a mean over draws is under a quarter of their spread.
const MOST_DRAWS: usize = 20;

/// One strategy's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategyRow {
    /// What it does.
    pub strategy: String,
    /// Photographs a person is enrolled with.
    pub templates: usize,
    /// Probes that are searched together.
    pub probes: usize,
    /// How often templates and probes were drawn.
    pub draws: usize,
    /// Searches that could not be made: too few photographs of the person.
    pub left_out: u64,
    /// Searches whose person came first. Over all draws: the trials repeat pairs, so there is no
    /// interval.
    pub rank_one: Option<f64>,
    /// Searches.
    pub searches: u64,
    /// The equal error rate.
    pub equal_error: Option<f64>,
    /// TAR at each of the FMRs that the distinct trials support.
    pub tar_at_fmr: Vec<StrategyTar>,
    /// d': how far genuine and impostor similarities lie apart, in standard deviations.
    pub separation: Option<f64>,
}

/// TAR at an FMR.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategyTar {
    /// The FMR that was aimed at.
    pub fmr: f64,
    /// TAR; null where it is not supported.
    pub tar: Option<f64>,
    /// The threshold.
    pub threshold: Option<f32>,
    /// Why it is not given.
    pub reason: Option<String>,
}

/// Each strategy with its name. The one that is the baseline is always there.
fn chosen(choices: &[StrategyChoice]) -> Vec<(String, Strategy)> {
    let asked = |choice| choices.contains(&StrategyChoice::All) || choices.contains(&choice);
    let mut rows = vec![("one template".to_owned(), Strategy::ONE)];
    for templates in [2, 3] {
        for (choice, fusion, word) in
            [(StrategyChoice::Best, Fusion::Best, "best"), (StrategyChoice::Mean, Fusion::Mean, "mean")]
        {
            if asked(choice) {
                let strategy = Strategy { templates, fusion, ..Strategy::ONE };
                rows.push((format!("{templates} templates, {word}"), strategy));
            }
        }
    }
    if asked(StrategyChoice::Mirror) {
        for templates in [1, 3] {
            for (fusion, mirror, words) in [
                (Fusion::Best, Mirror::Templates, "best with mirror images"),
                (Fusion::Mean, Mirror::Templates, "mean with mirror images"),
                (Fusion::Mean, Mirror::Both, "mean, mirror images on both sides"),
            ] {
                let strategy = Strategy { templates, fusion, mirror, ..Strategy::ONE };
                let count =
                    if templates == 1 { "one template".to_owned() } else { format!("{templates} templates") };
                rows.push((format!("{count}, {words}"), strategy));
            }
        }
    }
    if asked(StrategyChoice::Vote) {
        for (templates, fusion, words) in [
            (1, Fusion::Best, "one template, 2 of 3 probes"),
            (2, Fusion::Mean, "2 templates, mean, 2 of 3 probes"),
        ] {
            rows.push((words.to_owned(), Strategy { templates, fusion, probes: 3, ..Strategy::ONE }));
        }
    }
    rows
}

/// Whether any of `choices` looks at mirror images.
pub fn mirrored(choices: &[StrategyChoice]) -> bool {
    choices.iter().any(|choice| matches!(choice, StrategyChoice::All | StrategyChoice::Mirror))
}

/// Compares `choices` on the same draws.
pub fn compare(
    choices: &[StrategyChoice],
    collection: &Collection,
    seed: u64,
    draws: usize,
) -> Vec<StrategyRow> {
    let people: Vec<usize> = collection.photographs.iter().map(|p| p.person).collect();
    let mut embeddings: Vec<Embedding> = collection.photographs.iter().map(|p| p.embedding.clone()).collect();
    let mut mirrors = Vec::with_capacity(people.len());
    for photograph in &collection.photographs {
        mirrors.push(photograph.mirror.as_ref().map(|mirror| {
            embeddings.push(mirror.clone());
            embeddings.len() - 1
        }));
    }
    let similarities = Similarities::of(&embeddings);
    let photographs = by_person(&people);
    let trials = people.len().saturating_mul(photographs.len()).max(1);
    let draws = draws.min(MOST_DRAWS).min(MOST_TRIALS / trials).max(1);
    let mut random = SplitMix::new(seed);
    let mut shuffled = || {
        let mut orders = photographs.clone();
        orders.iter_mut().for_each(|order| shuffle(order, &mut random));
        orders
    };
    let draws: Vec<Draw> = (0..draws).map(|_| Draw { templates: shuffled(), probes: shuffled() }).collect();
    // A photograph against a person: what repeats in other draws is no evidence of its own.
    let people_there = photographs.iter().filter(|own| !own.is_empty()).count();
    let distinct = (people.len() * people_there.saturating_sub(1)) as u64;
    let with = Photographs { similarities: &similarities, mirrors: &mirrors };
    let row = |(name, strategy): (String, Strategy)| row(name, strategy, &with, &draws, distinct);
    chosen(choices).into_iter().map(row).collect()
}

fn row(
    name: String,
    strategy: Strategy,
    with: &Photographs<'_>,
    draws: &[Draw],
    distinct: u64,
) -> StrategyRow {
    let outcome = with.run(draws, strategy);
    let distinct = distinct / strategy.probes as u64;
    let tar = |target: TargetRate| {
        let supported = supports(distinct, "distinct impostor trials", target);
        let supported = supported.map(|()| outcome.scores.operating_point(target));
        StrategyTar {
            fmr: target.value(),
            tar: supported.ok().and_then(|point| point.tar.share()),
            threshold: supported.ok().map(|point| point.threshold.0.0),
            reason: supported.err().map(|error| error.to_string()),
        }
    };
    let rank_one = RateObject::from(outcome.rank_one);
    StrategyRow {
        strategy: name,
        templates: strategy.templates,
        probes: strategy.probes,
        draws: draws.len(),
        left_out: outcome.left_out,
        rank_one: rank_one.share,
        searches: rank_one.trials,
        equal_error: outcome.scores.equal_error().map(|point| point.rate),
        tar_at_fmr: FMR_TARGETS.iter().filter_map(|rate| TargetRate::new(*rate)).map(tar).collect(),
        separation: outcome.scores.separation(),
    }
}
