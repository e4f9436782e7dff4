//! Measures how alike different people are to a pack's embedding net, and prints the `[matching.impostors]`
//! table of its card.
//!
//! ```text
//! cargo run --release --example calibrate -- PACK DIR...
//! ```
//!
//! Each DIR holds a folder a person with their pictures; the largest face of each is taken, and all pairs of
//! different people, across the DIRs too, are compared. Standard error has what the choice of the tail's
//! form and start rests on: the fits above several quantiles, and the fit beside what was counted.

use std::error::Error;
use std::path::{Path, PathBuf};

use muster::capture::picture;
use muster::face::embedding::dot;
use muster::face::{Embedding, Similarity};
use muster::identify::Threshold;
use muster::identify::threshold::{ImpostorPair, TailFit};
use muster::inference::{FaceAnalyser, Pipeline, PipelineOptions};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let pack = arguments.next().ok_or("usage: calibrate PACK DIR...")?;
    let folders: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let models_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut pipeline =
        Pipeline::load(&PipelineOptions { liveness: false, ..PipelineOptions::plain(models_dir, &pack) })?;
    let faces = faces(&mut pipeline, &folders)?;
    let mut pairs = Vec::new();
    for (index, (a, one)) in faces.iter().enumerate() {
        for (b, other) in &faces[..index] {
            if a != b {
                pairs.push(ImpostorPair { a: *a, b: *b, similarity: dot(one.as_slice(), other.as_slice()) });
            }
        }
    }
    explain(&pairs);
    let fit = TailFit::of_pairs(&pairs).ok_or("these pictures are too few for a tail")?;
    eprintln!("similarity  counted  fitted, with its 95 % interval");
    for similarity in [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6] {
        let counted = pairs.iter().filter(|pair| f64::from(pair.similarity) >= similarity).count();
        let fmr = fit.fmr_at(Threshold(Similarity(similarity as f32)));
        let counted = counted as f64 / pairs.len() as f64;
        eprintln!("{similarity:<10}  {counted:.1e}  {:.1e}  {:.1e} to {:.1e}", fmr.value, fmr.low, fmr.high);
    }
    print_table(&fit, faces.len());
    Ok(())
}

/// The largest face of every picture, with its person's number.
fn faces(pipeline: &mut Pipeline, folders: &[PathBuf]) -> Outcome<Vec<(usize, Embedding)>> {
    let mut faces = Vec::new();
    let mut person = 0;
    for folder in folders {
        for own in sorted(folder)?.iter().filter(|path| path.is_dir()) {
            for path in sorted(own)? {
                let analysis = pipeline.analyse(&picture::read(&path)?)?;
                let largest = analysis
                    .faces
                    .iter()
                    .max_by(|a, b| a.detection.bounds.area().total_cmp(&b.detection.bounds.area()));
                match largest.map(|face| &face.probe) {
                    Some(Ok(probe)) => faces.push((person, probe.embedding.clone())),
                    _ => eprintln!("{}: no face", path.display()),
                }
            }
            person += 1;
        }
    }
    Ok(faces)
}

fn sorted(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The exponential and the generalised Pareto tail above several quantiles.
fn explain(pairs: &[ImpostorPair]) {
    let mut sorted: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.similarity)).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let moment = |power: i32| sorted.iter().map(|s| (s - mean).powi(power)).sum::<f64>() / count;
    let deviation = moment(2).sqrt();
    let (skewness, kurtosis) = (moment(3) / deviation.powi(3), moment(4) / deviation.powi(4) - 3.0);
    eprintln!(
        "mean {mean:.4}, deviation {deviation:.4}, skewness {skewness:.2}, excess kurtosis {kurtosis:.2}"
    );
    eprintln!("quantile  start  pairs above  scale  shape  likelihood ratio of shape 0");
    for quantile in [0.90, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998] {
        let rank = (sorted.len() as f64 * quantile) as usize;
        let Some(start) = sorted.get(rank) else { continue };
        let excesses: Vec<f64> = sorted[rank + 1..].iter().map(|s| s - start).collect();
        if excesses.len() < 10 {
            continue;
        }
        let scale = excesses.iter().sum::<f64>() / excesses.len() as f64;
        let exponential = -(excesses.len() as f64) * (scale.ln() + 1.0);
        let (shape, pareto) = generalised_pareto(&excesses);
        let ratio = 2.0 * (pareto - exponential);
        eprintln!("{quantile:<8}  {start:.3}  {:<11}  {scale:.4}  {shape:+.3}  {ratio:.1}", excesses.len());
    }
}

/// The shape of the generalised Pareto tail of most likelihood, and its log-likelihood: a search over the
/// one parameter `shape / scale`, to which the best shape belongs in closed form (Grimshaw, Technometrics
/// 35, 1993).
fn generalised_pareto(excesses: &[f64]) -> (f64, f64) {
    let count = excesses.len() as f64;
    let highest = excesses.iter().fold(0.0f64, |a, b| a.max(*b));
    let profile = |theta: f64| {
        let shape = excesses.iter().map(|y| (theta * y).ln_1p()).sum::<f64>() / count;
        (shape, -count * ((shape / theta).ln() + shape + 1.0))
    };
    let steps = 20_000;
    // From just inside of the support's end to shapes far heavier than any seen.
    let theta = |step: i32| (-0.999 + 3.0 * f64::from(step) / f64::from(steps)) / highest;
    (0..=steps)
        .map(theta)
        .filter(|theta| theta.abs() > 1e-9)
        .map(profile)
        .filter(|(shape, _)| *shape > -0.5)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0.0, f64::NEG_INFINITY))
}

fn print_table(fit: &TailFit, pictures: usize) {
    println!("[matching.impostors]");
    println!("measured = \"\"\"");
    println!("All pairs of different people among {pictures} pictures.\"\"\"");
    println!("pairs = {}", fit.pairs);
    println!("people = {}", fit.people);
    println!("mean = {:.4}", fit.mean);
    println!("highest = {:.4}", fit.highest);
    println!("tail_start = {:.4}", fit.start);
    println!("tail_share = {:.4}", fit.share);
    println!("tail_scale = {:.5}", fit.scale);
    println!("# Variances of the logarithms of share and scale, and their covariance.");
    let spread = fit.spread;
    println!("spread = [{:.4}, {:.4}, {:.4}]", spread.log_share, spread.log_scale, spread.covariance);
}
