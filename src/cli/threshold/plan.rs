//! What another threshold would have changed of the past.

use chrono::{DateTime, TimeZone, Utc};
use serde::Serialize;

use crate::engine::state::ThresholdState;
use crate::engine::{EngineHandle, NamedEntry};
use crate::identify::threshold::RateEstimate;
use crate::identify::{Candidate, Shortfall, Threshold};
use crate::ledger::{EntryKind, EvidencePart, Sequence};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, printable};
use super::super::report::Calendar;
use super::super::why::{beside, rfc3339};
use super::overview::{how_often, rate_words};
use super::{PlanArgs, Site};

/// Entries that are read at a time.
const PAGE: usize = 500;

/// What a past decision would have become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Becomes {
    /// Somebody was identified, and nobody would have been.
    Unidentified,
    /// Nobody was identified, and somebody would have been.
    Identified,
}

/// What `threshold` would have made of a decision.
///
/// - A passage becomes unidentified where the person it names is less alike than the threshold.
/// - An unidentified track becomes identified where the best candidate was under the threshold of the
///   time, reaches the new one, is `margin` ahead of the runner-up, and it was not frames or
///   liveness that was missing.
///
/// The similarity that an entry keeps stands for the whole track; how its single frames would have voted
/// is not kept, so that one near the threshold may have gone the other way.
pub(super) fn becomes(
    kind: EntryKind,
    named: Option<&Candidate>,
    evidence: &EvidencePart,
    threshold: Threshold,
    margin: f32,
) -> Option<Becomes> {
    let best = evidence.candidates.first()?;
    match kind {
        EntryKind::Passage => {
            (named.unwrap_or(best).similarity < threshold.0).then_some(Becomes::Unidentified)
        }
        EntryKind::Unidentified => {
            let shortfall = evidence.details.as_ref().and_then(|details| details.shortfall);
            let other_reason = matches!(shortfall, Some(Shortfall::Frames | Shortfall::Liveness));
            let was_under = best.similarity < evidence.threshold.0;
            let is_ahead = evidence
                .candidates
                .get(1)
                .is_none_or(|second| best.similarity.0 - second.similarity.0 >= margin);
            let reaches = best.similarity >= threshold.0;
            (reaches && was_under && is_ahead && !other_reason).then_some(Becomes::Identified)
        }
        _ => None,
    }
}

/// A decision that would have been another, as `--json` prints it.
#[derive(Debug, Serialize)]
struct ChangeObject {
    entry: u64,
    at: String,
    becomes: Becomes,
    /// Who was identified, or would have been.
    person: String,
    similarity: f32,
    /// The threshold of the time.
    threshold: f32,
}

/// What was looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Totals {
    passages: u64,
    unidentified: u64,
    /// Passages that would have been unidentified.
    become_unidentified: u64,
    /// Unidentified tracks that would have been identified.
    become_identified: u64,
    /// Decisions whose evidence was erased.
    without_evidence: u64,
    /// Decisions with another embedding net, whose similarities are others.
    of_another_net: u64,
}

/// The last line, as `--json` prints it.
#[derive(Debug, Serialize)]
struct SummaryObject {
    summary: Totals,
    threshold: f32,
    in_force: f32,
    /// With the gallery as it is now.
    fpir: Option<RateEstimate>,
    apply: String,
}

/// Lists the decisions that would have been others.
pub(super) fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &PlanArgs,
    state: &ThresholdState,
    site: &Site,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let from = args.since.map(|day| calendar.day(day).map(|day| day.from)).transpose()?;
    let until = args.until.map(|day| calendar.day(day).map(|day| day.until)).transpose()?;
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(CliError::usage("--since is after --until: no day lies between them"));
    }
    let lies_between =
        |at: DateTime<Utc>| from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until);
    let (mut totals, mut last) = (Totals::default(), Sequence(0));
    loop {
        let page = handle.whole_entries_since(last, PAGE)?;
        let Some(newest) = page.last() else { break };
        last = newest.entry.head.sequence;
        for whole in page.iter().filter(|whole| lies_between(whole.entry.head.at)) {
            if let Some(change) = judge(whole, args.threshold, site, &mut totals, &calendar.zone) {
                write_change(&change, calendar, whole.entry.head.at, out)?;
            }
        }
    }
    summarise(totals, args.threshold, state, site, out)
}

fn judge<Tz: TimeZone>(
    whole: &NamedEntry,
    threshold: Threshold,
    site: &Site,
    totals: &mut Totals,
    zone: &Tz,
) -> Option<ChangeObject> {
    let (head, parts) = (&whole.entry.head, &whole.entry.parts);
    match head.kind {
        EntryKind::Passage => totals.passages += 1,
        EntryKind::Unidentified => totals.unidentified += 1,
        _ => return None,
    }
    let Some(evidence) = &parts.evidence else {
        totals.without_evidence += 1;
        return None;
    };
    if evidence.space != site.facts.space {
        totals.of_another_net += 1;
        return None;
    }
    let person = parts.record.as_ref().map(|record| record.person);
    let named = evidence.candidates.iter().find(|candidate| Some(candidate.person) == person);
    let becomes = becomes(head.kind, named, evidence, threshold, site.margin)?;
    match becomes {
        Becomes::Unidentified => totals.become_unidentified += 1,
        Becomes::Identified => totals.become_identified += 1,
    }
    let candidate = named.or(evidence.candidates.first())?;
    Some(ChangeObject {
        entry: head.sequence.0,
        at: rfc3339(head.at, zone),
        becomes,
        person: whole.name(candidate.person),
        similarity: candidate.similarity.0,
        threshold: evidence.threshold.0.0,
    })
}

fn write_change<Tz: TimeZone>(
    change: &ChangeObject,
    calendar: &Calendar<Tz>,
    at: DateTime<Utc>,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let words = match change.becomes {
        Becomes::Unidentified => "identified, would be unidentified",
        Becomes::Identified => "unidentified, would be identified",
    };
    let at = at.with_timezone(&calendar.zone).naive_local().format("%Y-%m-%d %H:%M:%S");
    let text = format!(
        "{:>7}  {at}  {words}  {:.3} (threshold {:.3})  {}",
        change.entry,
        change.similarity,
        change.threshold,
        printable(&change.person)
    );
    Ok(out.either(change, text)?)
}

fn summarise(
    totals: Totals,
    threshold: Threshold,
    state: &ThresholdState,
    site: &Site,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let fpir = state.model.as_ref().map(|model| model.fpir_at(threshold, state.size.templates));
    let apply = format!("threshold = {} under [recognition] in the configuration", threshold.0.0);
    if out.json {
        out.object(&SummaryObject {
            summary: totals,
            threshold: threshold.0.0,
            in_force: state.in_force.threshold.0.0,
            fpir,
            apply,
        })?;
        return Ok(Exit::Done);
    }
    let changed = totals.become_unidentified + totals.become_identified;
    let at_x = format!("at {:.3}", threshold.0.0);
    let mut rows = vec![
        ("passages", of(totals.become_unidentified, totals.passages, "unidentified")),
        ("unidentified", of(totals.become_identified, totals.unidentified, "identified")),
    ];
    if totals.without_evidence > 0 {
        rows.push(("not judged", format!("{}: their evidence was erased", totals.without_evidence)));
    }
    if totals.of_another_net > 0 {
        rows.push(("not judged", format!("{}: decided with another embedding net", totals.of_another_net)));
    }
    rows.push(("in force", format!("{:.3}", state.in_force.threshold.0.0)));
    if let Some(fpir) = &fpir {
        let often = how_often(fpir, site.strangers_a_day());
        rows.push((&at_x, format!("a stranger is taken for somebody in {}, {often}", rate_words(fpir))));
    }
    rows.push(("to apply", apply));
    rows.push(("", "nothing was changed; near the threshold, single frames may vote otherwise".to_owned()));
    // A blank line between what is listed and what it comes to.
    out.line(format_args!("{}{}", if changed > 0 { "\n" } else { "" }, beside(&rows)))?;
    Ok(Exit::Done)
}

fn of(changed: u64, all: u64, into: &str) -> String {
    format!("{changed} of {all} would be {into}")
}
