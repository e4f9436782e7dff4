//! `muster compare`: whether two pictures show the same person (1:1 verification).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::config::typed::PackName;
use crate::face::embedding::dot;
use crate::face::{Embedding, Similarity};
use crate::identify::Threshold;
use crate::identify::evaluation::TargetRate;
use crate::inference::{AnalyserFacts, FaceAnalyser};

use super::exit::{CliError, Exit};
use super::looking::{Look, look};
use super::output::{Output, printable};

const AFTER_HELP: &str = "\
Prints one JSON object a pair, in the order of the pairs, with or without --json:
  {\"a\":..,\"b\":..,\"similarity\":..,\"threshold\":..,\"fmr\":..,\"same\":true|false|null,\"reason\":..}
`same` is null, and `reason` says why, where a picture shows no face or cannot be read. Of several
faces the largest is compared, and a line on standard error says so. `fmr` is null where the card of
the embedding net says nothing of different people's pairs; `threshold` is then the card's own.

The file of --pairs has two columns of picture paths, separated by a comma, relative to the folder
of that file; a first line `a,b` is passed over.

Examples:
  muster compare passport.jpg door.jpg
  muster compare --pairs pairs.csv --fmr 1e-4

Exit status: 0 where there was an answer for any pair, null included; 2 where of no pair both
pictures could be read, or the file of --pairs is wrong.";

/// The most that is read of a file of pairs: about two million pairs.
const MOST_PAIR_BYTES: u64 = 256 * 1024 * 1024;

/// Embeddings that are kept so that a picture of many pairs is looked at once: 200 MB of 512 values.
const MOST_KEPT: usize = 100_000;

/// `compare`
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CompareArgs {
    /// A picture
    #[arg(value_name = "A", required_unless_present = "pairs", requires = "b")]
    pub a: Option<PathBuf>,
    /// Another one
    #[arg(value_name = "B")]
    pub b: Option<PathBuf>,
    /// Compare the pairs of a CSV file
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["a", "b"])]
    pub pairs: Option<PathBuf>,
    /// The false match rate that the threshold is for
    #[arg(long, value_name = "RATE", default_value = "1e-3")]
    pub fmr: TargetRate,
    /// The nets to use, in place of those of the configuration
    #[arg(long, value_name = "PACK")]
    pub pack: Option<PackName>,
}

/// Two pictures as they were named, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    names: [String; 2],
    paths: [PathBuf; 2],
}

/// What is known of a picture, for as long as it is kept.
#[derive(Debug, Clone)]
enum Kept {
    Face(Embedding),
    NoFace(String),
    Unreadable(String),
}

/// A pair, as it is printed. The keys and their order are what other programs rely on.
#[derive(Debug, Serialize)]
struct PairObject<'a> {
    a: &'a str,
    b: &'a str,
    /// How alike; null where there is nothing to compare.
    similarity: Option<f32>,
    /// At least as alike as this is the same person.
    threshold: f32,
    /// The false match rate that the threshold is for; null where the net's card does not tell.
    fmr: Option<f64>,
    same: Option<bool>,
    /// Why `same` is null.
    reason: Option<String>,
}

/// The threshold for a false match rate of `wanted`, by the different people's pairs that the card of
/// the embedding net states, and that rate. A card without them has its own threshold alone, of which
/// no rate is known.
fn threshold_for(facts: &AnalyserFacts, wanted: TargetRate) -> (Threshold, Option<f64>) {
    match &facts.impostors {
        Some(tail) => (tail.threshold_at_fmr(wanted.value()).threshold, Some(wanted.value())),
        None => (facts.threshold, None),
    }
}

/// The pairs that `args` names. Nothing is loaded for it, so that a mistake in them is found first.
fn pairs(args: &CompareArgs) -> Result<Vec<Pair>, CliError> {
    match (&args.pairs, &args.a, &args.b) {
        (Some(file), _, _) => read_pairs(file),
        (None, Some(a), Some(b)) => {
            let names = [a, b].map(|path| path.to_string_lossy().into_owned());
            Ok(vec![Pair { names, paths: [a.clone(), b.clone()] }])
        }
        _ => Err(CliError::usage("expected two pictures, or --pairs with a file of pairs")),
    }
}

fn read_pairs(file: &Path) -> Result<Vec<Pair>, CliError> {
    let name = printable(&file.to_string_lossy()).into_owned();
    let unreadable = |error: std::io::Error| CliError::usage(format!("{name} cannot be read: {error}"));
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(MOST_PAIR_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_PAIR_BYTES {
        let limit = MOST_PAIR_BYTES / (1024 * 1024);
        return Err(CliError::usage(format!(
            "{name} has more than {limit} MiB, the most that is read of pairs"
        )));
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let folder = file.parent().unwrap_or(Path::new(""));
    parse_pairs(text, folder).map_err(|detail| CliError::usage(format!("{name}: {detail}")))
}

/// The pairs in the text of a file that lies in `folder`.
fn parse_pairs(text: &[u8], folder: &Path) -> Result<Vec<Pair>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut pairs = Vec::new();
    for (index, row) in reader.byte_records().enumerate() {
        let row = row.map_err(|error| error.to_string())?;
        let line = row.position().map_or(0, csv::Position::line);
        let (Some(a), Some(b), 2) = (row.get(0), row.get(1), row.len()) else {
            return Err(format!(
                "line {line} has {} columns: expected two, each the path of a picture",
                row.len()
            ));
        };
        if index == 0 && (a, b) == (b"a", b"b") {
            continue;
        }
        if a.is_empty() || b.is_empty() {
            return Err(format!("line {line} has an empty column: expected two paths of pictures"));
        }
        let name = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        let path = |cell: &[u8]| folder.join(OsStr::from_bytes(cell));
        pairs.push(Pair { names: [name(a), name(b)], paths: [path(a), path(b)] });
    }
    if pairs.is_empty() {
        return Err("there is no pair in it: expected lines of two paths, separated by a comma".to_owned());
    }
    Ok(pairs)
}

/// Looks at pictures and keeps what was seen.
struct Looker<'a, 'out> {
    analyser: &'a mut dyn FaceAnalyser,
    kept: HashMap<PathBuf, Kept>,
    out: &'a mut Output<'out>,
}

impl Looker<'_, '_> {
    fn embedding(&mut self, path: &Path) -> Result<Kept, CliError> {
        if let Some(kept) = self.kept.get(path) {
            return Ok(kept.clone());
        }
        let kept = match look(self.analyser, path)?.look {
            Look::Face { probe, faces } => {
                if faces > 1 {
                    let name = path.to_string_lossy();
                    self.out
                        .note(format_args!("{}: {faces} faces, the largest is compared", printable(&name)));
                }
                Kept::Face(probe.embedding)
            }
            Look::NoFace { reason } => Kept::NoFace(reason),
            Look::Unreadable { reason } => Kept::Unreadable(reason),
        };
        if self.kept.len() >= MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(path.to_owned(), kept.clone());
        Ok(kept)
    }
}

/// Compares every pair and prints an object for each.
///
/// # Errors
/// [`CliError`] where the pairs cannot be read or the nets are missing or fail.
pub fn run(
    args: &CompareArgs,
    load: impl FnOnce() -> Result<Box<dyn FaceAnalyser>, CliError>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let pairs = pairs(args)?;
    let mut analyser = load()?;
    let (threshold, fmr) = threshold_for(analyser.facts(), args.fmr);
    if fmr.is_none() {
        out.note(
            "the card of the embedding net says nothing of different people's pairs: its own threshold is taken, \
             whatever false match rate was asked for",
        );
    }
    let mut looker = Looker { analyser: analyser.as_mut(), kept: HashMap::new(), out };
    let mut read = false;
    for Pair { names: [name_a, name_b], paths: [path_a, path_b] } in &pairs {
        let both = (looker.embedding(path_a)?, looker.embedding(path_b)?);
        read |= !matches!(both, (Kept::Unreadable(_), _) | (_, Kept::Unreadable(_)));
        let (similarity, reason) = match both {
            (Kept::Face(a), Kept::Face(b)) => (Some(Similarity(dot(a.as_slice(), b.as_slice()))), None),
            (Kept::NoFace(a) | Kept::Unreadable(a), Kept::NoFace(b) | Kept::Unreadable(b)) if a != b => {
                (None, Some(format!("{a}; {b}")))
            }
            (Kept::NoFace(reason) | Kept::Unreadable(reason), _)
            | (_, Kept::NoFace(reason) | Kept::Unreadable(reason)) => (None, Some(reason)),
        };
        looker.out.object(&PairObject {
            a: name_a,
            b: name_b,
            similarity: similarity.map(|similarity| similarity.0),
            threshold: threshold.0.0,
            fmr,
            same: similarity.map(|similarity| similarity >= threshold.0),
            reason,
        })?;
    }
    Ok(if read { Exit::Done } else { Exit::Usage })
}

#[cfg(test)]
mod tests;
