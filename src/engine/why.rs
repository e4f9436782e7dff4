//! Why an entry says what it says: an entry with its parts, in words. One function for every shell.

mod facts;

use serde::Serialize;

use crate::access::Fingerprint;
use crate::face::{Liveness, Quality};
use crate::identify::{Candidate, DecisionDetails, Shortfall, ThresholdBasis};
use crate::ledger::{Actor, EntryKind, EvidencePart, PartKind};

use super::event::NamedEntry;

/// What a line of an explanation is, so that a shell can show the ones that matter as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// What was decided.
    Decision,
    /// What was missing.
    Missing,
    /// What it rested on.
    Plain,
}

/// A line of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyLine {
    /// What it is about, in a word or two.
    pub about: &'static str,
    /// What there is to say. Names are as somebody wrote them: make them harmless before a terminal sees
    /// them.
    pub text: String,
    /// How much it matters.
    pub weight: Weight,
}

fn line(about: &'static str, text: impl Into<String>) -> WhyLine {
    WhyLine { about, text: text.into(), weight: Weight::Plain }
}

/// Why `whole` says what it says: what was decided, what was missing, and what it rested on, in this
/// order. An entry that rests on no face says so, one whose evidence was erased too.
pub fn why(whole: &NamedEntry) -> Vec<WhyLine> {
    let mut lines = vec![WhyLine { weight: Weight::Decision, ..line("decision", decision(whole)) }];
    if let Actor::Operator(id) = whole.entry.head.actor {
        let key = whole.entry.head.operator_key.map(|key| format!(" with the key {}", Fingerprint(key.0)));
        lines.push(line("by", format!("the operator {id}{}", key.unwrap_or_default())));
    }
    let parts = &whole.entry.parts;
    if let Some(note) = &parts.note {
        lines.push(line("note", note.text.clone()));
    }
    if let Some(facts) = &parts.facts {
        lines.extend(facts::lines(facts));
        return lines;
    }
    if let Some(erasure) = &parts.erasure {
        lines.push(line("parts", format!("{} parts of earlier entries went", erasure.count())));
        return lines;
    }
    let Some(evidence) = &parts.evidence else {
        lines.push(line("evidence", without_evidence(whole)));
        return lines;
    };
    if let Some(missing) = missing(whole, evidence) {
        lines.push(WhyLine { weight: Weight::Missing, ..line("missing", missing) });
    }
    lines.extend(candidates(whole, evidence));
    lines.push(line("threshold", threshold(evidence)));
    match &evidence.details {
        Some(details) => {
            lines.push(line("frames", votes(whole, evidence, details)));
            lines.push(line("quality", quality(&details.quality, details.quality_score.0)));
        }
        None => lines.push(line(
            "frames",
            format!(
                "{}; votes and quality were not kept when this entry was written",
                looked_at(evidence.frames)
            ),
        )),
    }
    lines.push(line("detection", format!("score {:.2} in the best frame", evidence.detection_score)));
    lines.push(line("liveness", liveness(evidence)));
    lines.push(line("model", model(evidence)));
    lines
}

fn subject(whole: &NamedEntry) -> String {
    let record = whole.entry.parts.record.as_ref();
    match (record, whole.entry.head.part(PartKind::Record)) {
        (Some(record), _) => whole.name(record.person),
        (None, Some(_)) => "somebody whose record was erased".to_owned(),
        (None, None) => "nobody in particular".to_owned(),
    }
}

fn decision(whole: &NamedEntry) -> String {
    let who = || subject(whole);
    match whole.entry.head.kind {
        EntryKind::Passage => format!("identified as {}", who()),
        EntryKind::Unidentified => "nobody was identified".to_owned(),
        EntryKind::Rejected => "rejected: the face does not look live; nobody's attendance".to_owned(),
        EntryKind::Mark => format!("an operator marked {}", who()),
        EntryKind::BackFilled => format!("an operator added this passage of {} later", who()),
        EntryKind::Enrolled => format!("{} was enrolled", who()),
        EntryKind::TemplateAdded => format!("a further template of {} was added", who()),
        EntryKind::Removed => format!("the enrolment of {} ended", who()),
        EntryKind::Renamed => format!("{} got this name", who()),
        EntryKind::Imported => format!("{} was put on the roster without a picture", who()),
        EntryKind::Exported => "the roster was exported".to_owned(),
        EntryKind::SourceLost => "the source stopped giving frames".to_owned(),
        EntryKind::SourceImpaired => "the source gave pictures that are of little use".to_owned(),
        EntryKind::SourceRestored => "the source gave frames again".to_owned(),
        EntryKind::Started => "muster started".to_owned(),
        EntryKind::Stopped => "muster stopped".to_owned(),
        EntryKind::StrangerDiscarded => "a stranger's item was taken out of the inbox".to_owned(),
        EntryKind::SpaceChanged => "the templates moved to another embedding space".to_owned(),
        EntryKind::Erased => "somebody was erased from everything".to_owned(),
        EntryKind::PadTested => "a self-test of presentation-attack detection ended".to_owned(),
        kind => match whole.entry.parts.record {
            Some(_) => format!("{}: {}", kind.words(), who()),
            None => kind.words().to_owned(),
        },
    }
}

fn without_evidence(whole: &NamedEntry) -> &'static str {
    if whole.entry.head.part(PartKind::Evidence).is_some() {
        "was erased: candidates, similarities and quality are gone for good"
    } else {
        "none: no face decided this"
    }
}

fn looked_at(frames: u32) -> String {
    match frames {
        1 => "1 frame was looked at".to_owned(),
        _ => format!("{frames} frames were looked at"),
    }
}

fn named(whole: &NamedEntry, candidate: &Candidate) -> String {
    format!("{} {:.2}", whole.name(candidate.person), candidate.similarity.0)
}

fn candidates(whole: &NamedEntry, evidence: &EvidencePart) -> Vec<WhyLine> {
    let found = |index: usize| evidence.candidates.get(index);
    let Some(best) = found(0) else {
        return vec![line("best", "nobody: the gallery was empty, or no frame could be compared")];
    };
    let mut lines = vec![line("best", named(whole, best))];
    lines.push(match found(1) {
        Some(second) => {
            let ahead = best.similarity.0 - second.similarity.0;
            let wanted = evidence.details.as_ref().map(|d| format!("; {:.2} was asked for", d.margin));
            line(
                "runner-up",
                format!("{}, {ahead:.2} behind{}", named(whole, second), wanted.unwrap_or_default()),
            )
        }
        None => line("runner-up", "nobody: one person was enrolled"),
    });
    lines
}

/// A difference of two similarities, with as many digits as it takes not to be called nothing.
fn short_by(difference: f32) -> String {
    let digits = if difference >= 0.01 { 2 } else { 4 };
    format!("{difference:.digits$}")
}

/// What an entry that names nobody was short of.
fn missing(whole: &NamedEntry, evidence: &EvidencePart) -> Option<String> {
    if !matches!(whole.entry.head.kind, EntryKind::Unidentified | EntryKind::Rejected) {
        return None;
    }
    let threshold = evidence.threshold.0.0;
    let best = evidence.candidates.first();
    let under = |best: &Candidate| {
        let short = short_by(threshold - best.similarity.0);
        format!("best candidate {}, {short} under the threshold", named(whole, best))
    };
    let Some(details) = &evidence.details else {
        // Written before the reason was kept: the numbers can still say one.
        return Some(match best {
            None => "there was nobody to compare with".to_owned(),
            Some(best) if best.similarity.0 < threshold => under(best),
            Some(best) => format!(
                "best candidate {} reached the threshold; what else was missing was not kept",
                named(whole, best)
            ),
        });
    };
    let votes = &details.votes;
    Some(match (details.shortfall?, best) {
        (Shortfall::Frames, _) => {
            let compared = votes.best + votes.others + votes.nobody;
            format!("too few frames could be compared: {compared} of {}", evidence.frames)
        }
        (Shortfall::Similarity, Some(best)) if best.similarity.0 < threshold => under(best),
        (Shortfall::Similarity, Some(best)) => {
            format!("best candidate {} was over the threshold in too few frames", named(whole, best))
        }
        (Shortfall::Similarity, None) => "there was nobody to compare with".to_owned(),
        (Shortfall::Margin, _) => match evidence.candidates.as_slice() {
            [best, second, ..] => format!(
                "{} is only {} ahead of {}, and {:.2} was asked for",
                named(whole, best),
                short_by(best.similarity.0 - second.similarity.0),
                named(whole, second),
                details.margin
            ),
            _ => format!("the best candidate was not {:.2} ahead of the next", details.margin),
        },
        (Shortfall::Agreement, best) => format!(
            "too few frames, or too poor ones, agreed on {}: {} for, {} for somebody else, {} for nobody",
            best.map_or_else(|| "anybody".to_owned(), |best| whole.name(best.person)),
            votes.best,
            votes.others,
            votes.nobody
        ),
        (Shortfall::Liveness, _) => match (evidence.liveness, details.liveness_threshold) {
            (Liveness::Score(score), Some(least)) => {
                format!(
                    "liveness {score:.2}, {} under the {least:.2} that was asked for",
                    short_by(least - score)
                )
            }
            (Liveness::NotMeasurable, _) => {
                "liveness is required and could not be measured: the face had no room around it in the picture"
                    .to_owned()
            }
            (Liveness::NotRun, _) => "liveness is required, and no liveness net runs".to_owned(),
            _ => "liveness: the face does not look live".to_owned(),
        },
    })
}

fn threshold(evidence: &EvidencePart) -> String {
    let value = evidence.threshold.0.0;
    match evidence.details.as_ref().map(|details| details.basis) {
        Some(basis) => format!("{value:.3}, {}", basis_words(&basis)),
        None => format!("{value:.3}; how it came about was not kept when this entry was written"),
    }
}

/// Where a threshold came from, after its value: "0.450, from the model card".
pub fn basis_words(basis: &ThresholdBasis) -> String {
    match *basis {
        ThresholdBasis::Configured => "fixed by the site".to_owned(),
        ThresholdBasis::Card => "from the model card".to_owned(),
        ThresholdBasis::Derived { target_fpir, templates, people, at_floor, extrapolated } => {
            let count = |n: u32, one: &str, many: &str| match n {
                1 => format!("1 {one}"),
                _ => format!("{n} {many}"),
            };
            let gallery = format!(
                "{} and {}",
                count(people, "person", "people"),
                count(templates, "template", "templates")
            );
            let target = f64::from(target_fpir) * 100.0;
            // Four digits of an f32 are exact; more would show how it is stored.
            let target = format!("{target:.4}");
            let target = target.trim_end_matches('0').trim_end_matches('.');
            let how = if at_floor {
                format!("the floor: an FPIR of {target} % with {gallery} would allow less")
            } else {
                format!("derived for an FPIR of {target} % with {gallery}")
            };
            if extrapolated { format!("{how} (extrapolated)") } else { how }
        }
    }
}

fn votes(whole: &NamedEntry, evidence: &EvidencePart, details: &DecisionDetails) -> String {
    let votes = &details.votes;
    let best = evidence.candidates.first().map(|best| whole.name(best.person));
    format!(
        "{}: {} for {}, {} for somebody else, {} for nobody",
        looked_at(evidence.frames),
        votes.best,
        best.unwrap_or_else(|| "anybody".to_owned()),
        votes.others,
        votes.nobody
    )
}

/// What of a frame's quality was measured, in the order in which a person would put it right.
fn quality(quality: &Quality, score: f32) -> String {
    let percent = |share: f32| format!("{:.0} %", share * 100.0);
    let measures = [
        quality.inter_eye_distance_px.map(|v| format!("eyes {v:.0} px apart")),
        quality.pose.map(|pose| {
            format!(
                "yaw {:+.0}°, pitch {:+.0}°, roll {:+.0}°",
                pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees
            )
        }),
        quality.sharpness.map(|v| format!("sharpness {v:.2}")),
        quality.luminance.map(|v| format!("brightness {v:.0} of 255")),
        quality.under_exposed_share.map(|v| format!("too dark {}", percent(v))),
        quality.over_exposed_share.map(|v| format!("too bright {}", percent(v))),
        quality.eye_opening.map(|v| format!("eyes open {v:.2}")),
        quality.inside_share.map(|v| format!("inside the picture {}", percent(v))),
    ];
    let measures: Vec<String> = measures.into_iter().flatten().collect();
    if measures.is_empty() {
        return "not measured".to_owned();
    }
    format!("{score:.2} in the best frame: {}", measures.join(", "))
}

fn liveness(evidence: &EvidencePart) -> String {
    let details = evidence.details.as_ref();
    let asked = match details.and_then(|details| details.liveness_threshold) {
        Some(least) => format!("; under {least:.2} counts as an attack"),
        None => String::new(),
    };
    match evidence.liveness {
        Liveness::Score(score) => {
            let over = details.map(|details| match details.liveness_frames {
                1 => " in 1 frame".to_owned(),
                frames => format!(" over {frames} frames"),
            });
            format!("{score:.2}{}{asked}", over.unwrap_or_default())
        }
        Liveness::NotMeasurable => "not measurable: no room around the face".to_owned(),
        Liveness::NotRun => "not run".to_owned(),
    }
}

fn model(evidence: &EvidencePart) -> String {
    match &evidence.details {
        Some(details) => {
            format!("{} of the pack {}, muster {}", details.model, evidence.pack, details.program)
        }
        None => {
            format!("the pack {}; net and version were not kept when this entry was written", evidence.pack)
        }
    }
}

#[cfg(test)]
mod tests;
