//! The figures of an evaluation, as `--json` prints them and the text, the charts and the SVG show them.

mod shape;

pub use shape::*;

use crate::capture::replay::random::SplitMix;
use crate::identify::evaluation::bootstrap::tar_interval;
use crate::identify::evaluation::pairs::histogram;
use crate::identify::evaluation::search::rank_one;
use crate::identify::evaluation::{
    FnirAtFpir, NotSupported, OpenSet, Rate, ScoreSets, Similarities, TarAtFmr, TargetRate, quantile,
};
use crate::inference::AnalyserFacts;

use super::photographs::{Collection, Fault};

/// The false match rates that TAR is given at.
pub const FMR_TARGETS: [f64; 3] = [1e-2, 1e-3, 1e-4];
/// The false positive identification rates that FNIR is given at.
pub const FPIR_TARGETS: [f64; 2] = [1e-2, 1e-3];
/// People drawn again, for the interval over people: the usual number for percentiles of 2.5 %.
const RESAMPLES: usize = 1000;
/// Bars of the histogram: as many as columns that a chart on 80 columns has room for.
const BINS: usize = 70;
/// Points of the curve at most.
const CURVE_POINTS: usize = 200;
/// Pairs that are named on either side.
const NAMED_PAIRS: usize = 5;

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The folders.
    pub folders: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// How many splits.
    pub splits: usize,
    /// Folders without a picture.
    pub empty_folders: Vec<Fault>,
}

impl Evaluation {
    /// The figures of `collection`, of which every two photographs are `similarities` alike.
    pub fn of(
        asked: Asked,
        facts: &AnalyserFacts,
        collection: &Collection,
        similarities: &Similarities,
    ) -> Self {
        let people: Vec<usize> = collection.photographs.iter().map(|p| p.person).collect();
        let scores = similarities.score_sets(&people);
        let named = Named { collection, similarities };
        let mut random = SplitMix::new(asked.seed);
        let (genuine, impostor) = scores.distributions();
        let at_card = facts.threshold;
        Self {
            kind: "evaluation",
            folders: asked.folders,
            pack: facts.pack.clone(),
            provider: facts.provider.to_string().to_lowercase(),
            space: facts.space.to_string(),
            seed: asked.seed,
            splits: asked.splits,
            people: collection.people.len(),
            pictures: collection.tried + collection.unreadable.len(),
            failures_to_acquire: Rate::new(collection.failures.len(), collection.tried).into(),
            not_acquired: collection.failures.clone(),
            unreadable: collection.unreadable.clone(),
            empty_folders: asked.empty_folders,
            several_faces: collection.several.clone(),
            genuine: genuine.map(Into::into),
            impostor: impostor.map(Into::into),
            equal_error: scores.equal_error().map(|point| EqualErrorObject {
                rate: point.rate,
                threshold: point.threshold.0.0,
                fmr: point.fmr.into(),
                fnmr: point.fnmr.into(),
            }),
            tar_at_fmr: targets(&FMR_TARGETS)
                .map(|target| tar(&scores, similarities, &people, target, &mut random))
                .collect(),
            card: CardObject {
                threshold: at_card.0.0,
                fmr: scores.fmr(at_card).into(),
                fnmr: scores.tar(at_card).complement().into(),
            },
            rank_one: closed_set(&named, &people, asked.splits, &mut random),
            fnir_at_fpir: open_set(similarities, &people, asked.splits, &mut random),
            least_alike_genuine: named.extreme(&people, true),
            most_alike_impostor: named.extreme(&people, false),
            stages: stages(collection),
            histogram: bars(&scores),
            roc: scores
                .curve(CURVE_POINTS)
                .into_iter()
                .map(|p| CurveObject { threshold: p.threshold, fmr: p.fmr, tar: p.tar })
                .collect(),
            strategies: None,
            video: None,
        }
    }
}

fn targets(rates: &[f64]) -> impl Iterator<Item = TargetRate> {
    rates.iter().filter_map(|rate| TargetRate::new(*rate))
}

fn tar(
    scores: &ScoreSets,
    similarities: &Similarities,
    people: &[usize],
    target: TargetRate,
    random: &mut SplitMix,
) -> TarObject {
    let object = |found: Result<TarAtFmr, NotSupported>| {
        let reason = found.err().map(|error| error.to_string());
        let found = found.ok();
        let matches = found.map(|found| RateObject::from(found.tar));
        TarObject {
            fmr: target.value(),
            tar: matches.as_ref().and_then(|rate| rate.share),
            interval95: matches.as_ref().and_then(|rate| rate.interval95),
            interval95_over_people: None,
            threshold: found.map(|found| found.threshold.0.0),
            matches,
            false_matches: found.map(|found| found.fmr.into()),
            reason,
            reason_over_people: None,
        }
    };
    let mut object = object(scores.tar_at_fmr(target));
    if object.tar.is_some() {
        let next_below = |bound: usize| random.below(bound as u64) as usize;
        match tar_interval(similarities, people, target, RESAMPLES, next_below) {
            Ok(interval) => object.interval95_over_people = Some(interval),
            Err(error) => object.reason_over_people = Some(error.to_string()),
        }
    }
    object
}

/// The photographs of each person.
pub fn by_person(people: &[usize]) -> Vec<Vec<usize>> {
    let mut photographs = vec![Vec::new(); people.iter().max().map_or(0, |most| most + 1)];
    for (photograph, person) in people.iter().enumerate() {
        photographs[*person].push(photograph);
    }
    photographs
}

/// Puts `items` into a random order.
pub fn shuffle<T>(items: &mut [T], random: &mut SplitMix) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}

/// A photograph of each of `photographs`, drawn; none for a person without one.
fn drawn(photographs: &[Vec<usize>], random: &mut SplitMix) -> Vec<Option<usize>> {
    let draw = |own: &Vec<usize>| own.get(random.below(own.len() as u64) as usize).copied();
    photographs.iter().map(draw).collect()
}

fn closed_set(named: &Named<'_>, people: &[usize], draws: usize, random: &mut SplitMix) -> RankOneObject {
    let photographs = by_person(people);
    let first: Vec<Option<usize>> = photographs.iter().map(|own| own.first().copied()).collect();
    let outcome = rank_one(named.similarities, people, &first);
    let shares: Vec<f64> = (0..draws)
        .filter_map(|_| {
            let enrolled = drawn(&photographs, random);
            rank_one(named.similarities, people, &enrolled).right.share()
        })
        .collect();
    RankOneObject {
        first_photograph: outcome.right.into(),
        draws,
        mean: (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64),
        least: shares.iter().copied().min_by(f64::total_cmp),
        wrong: outcome.wrong.iter().map(|(probe, other)| named.pair(*probe, *other)).collect(),
    }
}

fn open_set(
    similarities: &Similarities,
    people: &[usize],
    splits: usize,
    random: &mut SplitMix,
) -> Vec<FnirObject> {
    let photographs = by_person(people);
    let with_photographs: Vec<usize> =
        (0..photographs.len()).filter(|p| !photographs[*p].is_empty()).collect();
    let half = with_photographs.len() / 2;
    let splits: Vec<Vec<Option<usize>>> = (0..splits)
        .map(|_| {
            let mut order = with_photographs.clone();
            shuffle(&mut order, random);
            let mut enrolled = drawn(&photographs, random);
            order.iter().skip(half).for_each(|stranger| enrolled[*stranger] = None);
            enrolled
        })
        .collect();
    let searches = OpenSet::search(similarities, people, &splits);
    let object = |target: TargetRate| {
        let found: Result<FnirAtFpir, NotSupported> = searches.fnir_at_fpir(target);
        let reason = found.err().map(|error| error.to_string());
        let found = found.ok();
        FnirObject {
            fpir: target.value(),
            gallery: searches.gallery(),
            fnir: found.and_then(|found| found.fnir.share()),
            spread95_over_splits: found.map(|found| found.spread),
            threshold: found.map(|found| found.threshold.0.0),
            mated_searches: found.map(|found| found.fnir.trials),
            non_mated_searches: found.map(|found| found.fpir.trials),
            reason,
        }
    };
    targets(&FPIR_TARGETS).map(object).collect()
}

fn stages(collection: &Collection) -> Vec<StageObject> {
    let mut by_stage: Vec<(String, Vec<f64>)> = Vec::new();
    for times in &collection.times {
        let read = ("read".to_owned(), times.read.as_secs_f32() * 1e3);
        for (index, (stage, ms)) in std::iter::once(read).chain(times.stages.named_ms()).enumerate() {
            if by_stage.len() <= index {
                by_stage.push((stage, Vec::new()));
            }
            by_stage[index].1.push(f64::from(ms));
        }
    }
    let object = |(stage, mut ms): (String, Vec<f64>)| {
        ms.sort_unstable_by(f64::total_cmp);
        let at = |q| quantile(&ms, q).unwrap_or(0.0);
        StageObject { stage, median_ms: at(0.5), p95_ms: at(0.95) }
    };
    by_stage.into_iter().map(object).collect()
}

/// Both histograms over bins between round similarities.
fn bars(scores: &ScoreSets) -> Option<HistogramObject> {
    let ends = |values: &[f32]| values.last().copied().zip(values.first().copied());
    let found: Vec<(f32, f32)> = [scores.genuine(), scores.impostor()].into_iter().filter_map(ends).collect();
    let least = found.iter().map(|(least, _)| *least).min_by(f32::total_cmp)?;
    let most = found.iter().map(|(_, most)| *most).max_by(f32::total_cmp)?;
    let from = (least * 10.0).floor() / 10.0;
    let to = ((most * 10.0).ceil() / 10.0).max(from + 0.1);
    let of = |values| histogram(values, from, to, BINS);
    Some(HistogramObject { from, to, genuine: of(scores.genuine()), impostor: of(scores.impostor()) })
}

/// Names photographs.
struct Named<'a> {
    collection: &'a Collection,
    similarities: &'a Similarities,
}

impl Named<'_> {
    fn pair(&self, a: usize, b: usize) -> PairObject {
        let (x, y) = (&self.collection.photographs[a], &self.collection.photographs[b]);
        let image = |path: &std::path::Path| path.to_string_lossy().into_owned();
        PairObject {
            people: (self.collection.people[x.person].clone(), self.collection.people[y.person].clone()),
            images: (image(&x.path), image(&y.path)),
            similarity: self.similarities.get(a, b),
        }
    }

    /// The genuine pairs that are least alike, or the impostor pairs that are most alike.
    fn extreme(&self, people: &[usize], genuine: bool) -> Vec<PairObject> {
        let mut kept: Vec<(usize, usize)> = Vec::new();
        let rank = |(a, b): (usize, usize)| {
            let similarity = self.similarities.get(a, b);
            if genuine { similarity } else { -similarity }
        };
        for pair in self.similarities.pairs(people).filter(|(a, b)| (people[*a] == people[*b]) == genuine) {
            let place = kept.partition_point(|other| rank(*other) <= rank(pair));
            if place < NAMED_PAIRS {
                kept.insert(place, pair);
                kept.truncate(NAMED_PAIRS);
            }
        }
        kept.into_iter().map(|(a, b)| self.pair(a, b)).collect()
    }
}
