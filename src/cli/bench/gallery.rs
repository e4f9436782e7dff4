//! `muster bench gallery`: searching, enrolling and erasing among made-up people.

mod figures;
mod people;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::Args;

use crate::attendance::PersonId;
use crate::engine::search::Searcher;
use crate::face::embedding::dot;
use crate::face::{Embedding, Similarity};
use crate::identify::{Candidate, Candidates, Gallery};

use super::super::exit::{CliError, Exit};
use super::super::output::Output;
use figures::{Figures, Rows, Searches, Spread};
use people::{People, SPACE};

/// What `bench gallery --help` ends with.
pub const AFTER_HELP: &str = "\
Everybody is made up from the seed and has one template. Half of the probes are somebody enrolled on
another day, half are strangers. Each search is compared with a plain scan of the same rows in 32-bit
floats, and must find the same two people. While somebody is enrolled or erased between two searches,
the searches are timed as well.

Examples:
  muster bench gallery
  muster bench gallery --sizes 10000 --dim 128 --json";

/// Probes that are searched in turn.
const PROBES: usize = 64;
/// Probes that are searched together.
const BATCH: usize = 8;
/// A measurement ends after this long, and after so many repetitions at the latest; it has so many at least.
const TIME: Duration = Duration::from_secs(4);
const REPETITIONS: std::ops::Range<usize> = 20..5_000;
/// Templates that are made before they are put in, so that making them is not timed.
const AT_A_TIME: usize = 1_000;

/// `bench gallery`
#[derive(Debug, Clone, Args)]
pub struct GalleryArgs {
    /// How many people, one gallery after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000],
        value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub sizes: Vec<u32>,
    /// How many values an embedding has
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=8_192))]
    pub dim: u16,
    /// Seed of the people; the same gives the same people
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Measures each size and prints what it found.
///
/// # Errors
/// [`CliError`] where output is closed, or a search finds other people than a plain scan.
pub fn run(args: &GalleryArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    for size in &args.sizes {
        let figures = measure(*size as usize, usize::from(args.dim), args.seed)?;
        if out.json {
            out.object(&figures)?;
        }
        all.push(figures);
    }
    if !out.json {
        out.line(figures::table(&all))?;
    }
    Ok(Exit::Done)
}

fn measure(size: usize, dim: usize, seed: u64) -> Result<Figures, CliError> {
    let mut people = People::new(seed, dim);
    let searcher = Searcher::of_this_machine();
    let before = resident_bytes();
    let (mut gallery, build) = build(size, &mut people);
    let memory = resident_bytes().saturating_sub(before);
    let probes = people.probes(&gallery, PROBES);
    let (plain_ms, plainly) = plain(&gallery, &probes);

    let mut search_ms = Vec::new();
    let mut exact = Vec::new();
    let threads = [1, searcher.threads().get()];
    for count in [1, BATCH] {
        for threads in &threads[..if threads[1] == 1 { 1 } else { 2 }] {
            let searcher = Searcher::with_threads(NonZeroUsize::new(*threads).unwrap_or(NonZeroUsize::MIN));
            let mut wrong = false;
            let time = repeat(|at| {
                let probes: Vec<&Embedding> =
                    (0..count).map(|of| &probes[(at * count + of) % PROBES]).collect();
                let started = Instant::now();
                let found = searcher.search(black_box(&gallery), &probes);
                let taken = started.elapsed();
                for (of, found) in found.iter().enumerate() {
                    exact.push(found.exact as f64);
                    let wanted = plainly.get((at * count + of) % PROBES);
                    wrong |= wanted.is_some_and(|wanted| *wanted != found.candidates);
                }
                taken
            });
            if wrong {
                return Err(CliError::missing(
                    "a search found other people than a plain scan of the same rows: that is a fault of muster",
                ));
            }
            search_ms.push(Searches { probes: count, threads: *threads, time: Spread::of(&time, 1e3) });
        }
    }
    let (enrol, erase, meanwhile) = change(&mut gallery, &mut people, &searcher, &probes);
    Ok(Figures {
        kind: "gallery",
        size,
        dim,
        threads: searcher.threads().get(),
        build_s: build.as_secs_f64(),
        memory_mb: memory as f64 / 1e6,
        bytes_per_person: memory as f64 / size as f64,
        search_ms,
        plain_ms,
        second_pass_rows: Rows::of(&mut exact),
        enrol_us: Spread::of(&enrol, 1e6),
        erase_us: Spread::of(&erase, 1e6),
        search_meanwhile_ms: Spread::of(&meanwhile, 1e3),
    })
}

/// A gallery of `size` people, and how long putting them in took.
fn build(size: usize, people: &mut People) -> (Gallery, Duration) {
    let mut gallery = Gallery::new(SPACE, people.dim());
    let mut taken = Duration::ZERO;
    let mut left = size;
    while left > 0 {
        let count = left.min(AT_A_TIME);
        let batch: Vec<_> = (0..count).map(|_| people.template()).collect();
        let started = Instant::now();
        batch.iter().for_each(|template| gallery.put(template));
        taken += started.elapsed();
        left -= count;
    }
    (gallery, taken)
}

/// How long a plain scan of the same rows takes in 32-bit floats, and whom it finds for the first probes.
fn plain(gallery: &Gallery, probes: &[Embedding]) -> (Spread, Vec<Candidates>) {
    let dim = gallery.dimension();
    let mut values = Vec::with_capacity(gallery.people_count() * dim);
    let mut people: Vec<PersonId> = Vec::with_capacity(gallery.people_count());
    for (person, _, row) in gallery.templates() {
        values.extend_from_slice(&row);
        people.push(person);
    }
    let mut found = Vec::new();
    let time = repeat(|at| {
        let probe = probes[at % PROBES].as_slice();
        let started = Instant::now();
        let mut candidates = Candidates::default();
        for (person, row) in people.iter().zip(black_box(&values).chunks_exact(dim)) {
            candidates.offer(Candidate { person: *person, similarity: Similarity(dot(row, probe)) });
        }
        let taken = started.elapsed();
        if at < PROBES {
            found.push(candidates);
        }
        taken
    });
    (Spread::of(&time, 1e3), found)
}

/// Enrols one person and erases one in turn, with a search after each; how long each took.
fn change(
    gallery: &mut Gallery,
    people: &mut People,
    searcher: &Searcher,
    probes: &[Embedding],
) -> (Vec<Duration>, Vec<Duration>, Vec<Duration>) {
    let (mut enrol, mut erase, mut meanwhile) = (Vec::new(), Vec::new(), Vec::new());
    let mut enrolled: Vec<_> = gallery.templates().take(1).map(|(_, id, _)| id).collect();
    repeat(|at| {
        let template = people.template();
        let begun = Instant::now();
        let started = Instant::now();
        gallery.put(&template);
        enrol.push(started.elapsed());
        enrolled.push(template.id);
        let started = Instant::now();
        black_box(searcher.search_all(gallery, &[&probes[at % PROBES]]));
        meanwhile.push(started.elapsed());
        let id = enrolled.swap_remove(at % enrolled.len());
        let started = Instant::now();
        gallery.remove_template(id);
        erase.push(started.elapsed());
        let started = Instant::now();
        black_box(searcher.search_all(gallery, &[&probes[(at + 1) % PROBES]]));
        meanwhile.push(started.elapsed());
        begun.elapsed()
    });
    (enrol, erase, meanwhile)
}

/// Times `once` again and again; what it is given counts up.
fn repeat(mut once: impl FnMut(usize) -> Duration) -> Vec<Duration> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < REPETITIONS.start || (begun.elapsed() < TIME && times.len() < REPETITIONS.end) {
        times.push(once(times.len()));
    }
    times
}

/// What of this process lies in memory; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_gallery_gives_all_figures_as_one_object_or_a_table() {
        let figures = Figures { build_s: 0.5, ..measure(70, 20, 3).unwrap() };
        let object = serde_json::to_value(&figures).unwrap();
        assert_eq!(object["kind"], "gallery");
        assert_eq!((&object["size"], &object["dim"]), (&70.into(), &20.into()));
        for key in ["build_s", "memory_mb", "bytes_per_person"] {
            assert!(object[key].is_number(), "{key}: {object}");
        }
        for key in ["plain_ms", "enrol_us", "erase_us", "search_meanwhile_ms"] {
            assert!(object[key]["p50"].is_number() && object[key]["p99"].is_number(), "{key}: {object}");
        }
        assert!(object["enrol_us"]["most"].as_f64() >= object["enrol_us"]["p99"].as_f64());
        assert!(object["search_ms"][0]["p50"].is_number() && object["search_ms"][0]["probes"] == 1);
        assert!(object["second_pass_rows"]["most"].as_f64().unwrap() >= 2.0);
        let table = figures::table(&[figures]);
        assert!(table.lines().count() >= 2 && table.contains("70"), "{table}");
    }

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let made = |seed| {
            let mut people = People::new(seed, 8);
            (0..3).map(|_| people.template()).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }
}
