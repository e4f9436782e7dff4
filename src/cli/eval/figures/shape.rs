//! What an evaluation is printed as: the keys of the object that `--json` ends with.

use serde::Serialize;

use crate::identify::evaluation::Rate;
use crate::identify::evaluation::pairs::Distribution;

use super::super::photographs::{Fault, SeveralFaces};
use super::super::strategies::StrategyRow;
use super::super::video::VideoFigures;

/// A count of events in trials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateObject {
    /// How often it happened.
    pub events: u64,
    /// How often it could have.
    pub trials: u64,
    /// The share; null without a trial.
    pub share: Option<f64>,
    /// The exact interval for independent trials; null without a trial.
    pub interval95: Option<(f64, f64)>,
}

impl From<Rate> for RateObject {
    fn from(rate: Rate) -> Self {
        Self { events: rate.events, trials: rate.trials, share: rate.share(), interval95: rate.interval_95() }
    }
}

/// Where the similarities of one kind of pair lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistributionObject {
    /// How many pairs.
    pub pairs: usize,
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
    /// The standard deviation.
    pub deviation: f64,
}

impl From<Distribution> for DistributionObject {
    fn from(d: Distribution) -> Self {
        let Distribution { count: pairs, least, p5, median, p95, most, mean, deviation } = d;
        Self { pairs, least, p5, median, p95, most, mean, deviation }
    }
}

/// TAR at an FMR, or why it is not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TarObject {
    /// The FMR that was aimed at.
    pub fmr: f64,
    /// The share of genuine pairs that match; null where it is not supported.
    pub tar: Option<f64>,
    /// Its exact interval for independent pairs.
    pub interval95: Option<(f64, f64)>,
    /// Its interval over people drawn with replacement.
    pub interval95_over_people: Option<(f64, f64)>,
    /// The threshold.
    pub threshold: Option<f32>,
    /// Genuine pairs that match.
    pub matches: Option<RateObject>,
    /// Impostor pairs that match.
    pub false_matches: Option<RateObject>,
    /// Why it is not given.
    pub reason: Option<String>,
    /// Why the interval over people is not given.
    pub reason_over_people: Option<String>,
}

/// FNIR at an FPIR, or why it is not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FnirObject {
    /// The FPIR that was aimed at.
    pub fpir: f64,
    /// N: people enrolled, the mean over the splits.
    pub gallery: f64,
    /// The share of mated searches that did not name the person; null where it is not supported.
    pub fnir: Option<f64>,
    /// Between these the FNIR of 95 % of the splits lies; no interval for a population.
    pub spread95_over_splits: Option<(f64, f64)>,
    /// The threshold.
    pub threshold: Option<f32>,
    /// Mated searches over all splits.
    pub mated_searches: Option<u64>,
    /// Non-mated searches over all splits.
    pub non_mated_searches: Option<u64>,
    /// Why it is not given.
    pub reason: Option<String>,
}

/// One photograph a person enrolled, everybody searched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankOneObject {
    /// With each person's first photograph enrolled: probes whose person came first.
    pub first_photograph: RateObject,
    /// With a photograph drawn for each person, drawn again for each of `draws`.
    pub draws: usize,
    /// The mean share over the draws.
    pub mean: Option<f64>,
    /// The share of the worst draw.
    pub least: Option<f64>,
    /// The probes that went wrong with the first photographs.
    pub wrong: Vec<PairObject>,
}

/// A pair, named.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairObject {
    /// The people of both.
    pub people: (String, String),
    /// The pictures of both.
    pub images: (String, String),
    /// How alike.
    pub similarity: f32,
}

/// The point where FMR and FNMR are nearest to each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EqualErrorObject {
    /// The mean of both.
    pub rate: f64,
    /// The threshold there.
    pub threshold: f32,
    /// Impostor pairs that match.
    pub fmr: RateObject,
    /// Genuine pairs that do not.
    pub fnmr: RateObject,
}

/// The card's threshold on these pairs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CardObject {
    /// The threshold as a similarity.
    pub threshold: f32,
    /// Impostor pairs that match.
    pub fmr: RateObject,
    /// Genuine pairs that do not.
    pub fnmr: RateObject,
}

/// How long one stage took a picture, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageObject {
    /// Its name.
    pub stage: String,
    /// Half of the pictures took less.
    pub median_ms: f64,
    /// A twentieth took more.
    pub p95_ms: f64,
}

/// Bars of both kinds of pair over the same bins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistogramObject {
    /// The least similarity of the first bin.
    pub from: f32,
    /// The most of the last.
    pub to: f32,
    /// Genuine pairs in each bin.
    pub genuine: Vec<u64>,
    /// Impostor pairs in each bin.
    pub impostor: Vec<u64>,
}

/// A point of the ROC curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveObject {
    /// The threshold.
    pub threshold: f32,
    /// The false match rate.
    pub fmr: f64,
    /// The true accept rate.
    pub tar: f64,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// `evaluation`.
    pub kind: &'static str,
    /// The folders that were named.
    pub folders: Vec<String>,
    /// The pack.
    pub pack: String,
    /// What the nets ran on.
    pub provider: String,
    /// The embedding space.
    pub space: String,
    /// Seed of the splits, draws and resamples.
    pub seed: u64,
    /// How often people were split and drawn.
    pub splits: usize,
    /// People with a picture.
    pub people: usize,
    /// Pictures that were listed.
    pub pictures: usize,
    /// Pictures in which no face was found or none could be aligned, of those that could be read.
    pub failures_to_acquire: RateObject,
    /// Which.
    pub not_acquired: Vec<Fault>,
    /// Files that could not be read; in no figure.
    pub unreadable: Vec<Fault>,
    /// Folders without a picture.
    pub empty_folders: Vec<Fault>,
    /// Pictures with several faces, of which the largest was taken.
    pub several_faces: Vec<SeveralFaces>,
    /// Where the genuine pairs lie.
    pub genuine: Option<DistributionObject>,
    /// Where the impostor pairs lie.
    pub impostor: Option<DistributionObject>,
    /// The equal error rate; null where there are no pairs of either kind.
    pub equal_error: Option<EqualErrorObject>,
    /// TAR at each FMR.
    pub tar_at_fmr: Vec<TarObject>,
    /// The card's threshold.
    pub card: CardObject,
    /// Closed set, one photograph a person.
    pub rank_one: RankOneObject,
    /// Open set, half the people not enrolled.
    pub fnir_at_fpir: Vec<FnirObject>,
    /// The genuine pairs that are least alike.
    pub least_alike_genuine: Vec<PairObject>,
    /// The impostor pairs that are most alike.
    pub most_alike_impostor: Vec<PairObject>,
    /// How long each stage took.
    pub stages: Vec<StageObject>,
    /// Bars.
    pub histogram: Option<HistogramObject>,
    /// The curve.
    pub roc: Vec<CurveObject>,
    /// The strategies that were compared; null where none was asked for.
    pub strategies: Option<Vec<StrategyRow>>,
    /// What a video gave; null where none was asked for.
    pub video: Option<VideoFigures>,
}
