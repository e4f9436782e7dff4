//! `muster why`: why an entry of the log says what it says.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use clap::Args;
use serde::Serialize;

use crate::engine::why::{WhyLine, why};
use crate::engine::{EngineHandle, NamedEntry};
use crate::face::{Liveness, Quality};
use crate::identify::{Candidate, Shortfall, ThresholdBasis, VoteCount};
use crate::ledger::{EntryKind, PartKind, Sequence};
use crate::tui::text;

use super::exit::{CliError, Exit};
use super::output::Output;

/// `why`
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// The entry's number, as the log and `take --json` show it
    #[arg(value_name = "ENTRY", value_parser = sequence)]
    pub entry: Sequence,
}

fn sequence(text: &str) -> Result<Sequence, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Sequence).ok_or_else(|| "expected the number of an entry, from 1".to_owned())
}

/// A candidate as `--json` prints it.
#[derive(Serialize)]
struct CandidateObject {
    person: String,
    id: String,
    similarity: f32,
}

/// What a decision rested on, as `--json` prints it.
#[derive(Serialize)]
struct EvidenceObject<'a> {
    best: Option<CandidateObject>,
    runner_up: Option<CandidateObject>,
    threshold: f32,
    /// Null from here to the end where the entry is older than that was kept.
    threshold_basis: Option<ThresholdBasis>,
    shortfall: Option<Shortfall>,
    votes: Option<VoteCount>,
    margin: Option<f32>,
    quality: Option<&'a Quality>,
    quality_score: Option<f32>,
    liveness_frames: Option<u32>,
    liveness_threshold: Option<f32>,
    model: Option<&'a str>,
    program: Option<&'a str>,
    frames: u32,
    detection_score: f32,
    liveness: Liveness,
    pack: &'a str,
}

/// An entry as `--json` explains it.
#[derive(Serialize)]
struct WhyObject<'a> {
    entry: u64,
    at: String,
    kind: EntryKind,
    /// Whom it is about.
    person: Option<String>,
    /// Whether it had evidence that was erased.
    evidence_erased: bool,
    evidence: Option<EvidenceObject<'a>>,
    lines: BTreeMap<&'static str, String>,
}

/// Says why the entry says what it says.
///
/// # Errors
/// A negative answer where there is no such entry, or [`CliError`] of the output.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &WhyArgs,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let Some(whole) = handle.whole_entry(args.entry)? else {
        let last = handle.entries_before(Sequence(u64::MAX), 1)?.first().map(|entry| entry.sequence);
        return Err(CliError::negative(match last {
            Some(last) => format!("there is no entry {}; the log goes from 1 to {last}", args.entry),
            None => format!("there is no entry {}: the log is empty", args.entry),
        }));
    };
    let lines = why(&whole);
    if out.json {
        out.object(&object(&whole, &lines, zone))?;
        return Ok(Exit::Done);
    }
    let at = whole.entry.head.at.with_timezone(zone).naive_local().format("%Y-%m-%d %H:%M:%S").to_string();
    out.line(format_args!("entry {}, {at}", args.entry))?;
    let rows: Vec<(&str, String)> = lines.iter().map(|line| (line.about, line.text.clone())).collect();
    out.line(beside(&rows))?;
    Ok(Exit::Done)
}

/// Columns that a line of [`beside`] takes at most.
const WIDTH: usize = 100;

/// Each text beside what it is about, wrapped and harmless.
pub(super) fn beside(rows: &[(&str, String)]) -> String {
    let about = rows.iter().map(|(about, _)| text::width(about)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (words, text) in rows {
        for (index, line) in text::wrapped(text, WIDTH - about - 4).into_iter().enumerate() {
            let words = if index == 0 { words } else { "" };
            lines.push(format!("  {}  {line}", text::padded(words, about)));
        }
    }
    lines.join("\n")
}

/// With the zone's offset, as RFC 3339 has it.
pub(super) fn rfc3339<Tz: TimeZone>(at: DateTime<Utc>, zone: &Tz) -> String {
    at.with_timezone(zone).fixed_offset().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn object<'a, Tz: TimeZone>(whole: &'a NamedEntry, lines: &[WhyLine], zone: &Tz) -> WhyObject<'a> {
    let (head, parts) = (&whole.entry.head, &whole.entry.parts);
    let candidate = |candidate: &Candidate| CandidateObject {
        person: whole.name(candidate.person),
        id: candidate.person.to_string(),
        similarity: candidate.similarity.0,
    };
    let evidence = parts.evidence.as_ref().map(|evidence| {
        let details = evidence.details.as_ref();
        EvidenceObject {
            best: evidence.candidates.first().map(candidate),
            runner_up: evidence.candidates.get(1).map(candidate),
            threshold: evidence.threshold.0.0,
            threshold_basis: details.map(|d| d.basis),
            shortfall: details.and_then(|d| d.shortfall),
            votes: details.map(|d| d.votes),
            margin: details.map(|d| d.margin),
            quality: details.map(|d| &d.quality),
            quality_score: details.map(|d| d.quality_score.0),
            liveness_frames: details.map(|d| d.liveness_frames),
            liveness_threshold: details.and_then(|d| d.liveness_threshold),
            model: details.map(|d| d.model.as_str()),
            program: details.map(|d| d.program.as_str()),
            frames: evidence.frames,
            detection_score: evidence.detection_score,
            liveness: evidence.liveness,
            pack: &evidence.pack,
        }
    });
    WhyObject {
        entry: head.sequence.0,
        at: rfc3339(head.at, zone),
        kind: head.kind,
        person: parts.record.as_ref().map(|record| whole.name(record.person)),
        evidence_erased: evidence.is_none() && head.part(PartKind::Evidence).is_some(),
        evidence,
        lines: lines.iter().map(|line| (line.about, line.text.clone())).collect(),
    }
}

#[cfg(test)]
mod tests;
