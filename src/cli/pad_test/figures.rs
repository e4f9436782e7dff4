//! What a self-test comes to, in the terms of ISO/IEC 30107-3.
//!
//! - *APCER* of a kind: of the attack presentations that were measured, the share that look live.
//! - *BPCER*: of the genuine (bona fide) presentations that were measured, the share that look like an
//!   attack.
//! - *APNRR*, *BPNRR*: of all presentations of the kind, the share that could not be measured
//!   (non-response). They are in neither error rate.
//!
//! There is no APCER over all kinds together: the kind that passes most often is the one to fear.

use serde::Serialize;

use crate::identify::interval::{CONFIDENCE_95, clopper_pearson};

use super::super::output::columns;
use super::{Kind, Subject};

/// A share that was counted, with the two-sided 95 % interval of Clopper and Pearson.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How often.
    pub events: u32,
    /// Of how many.
    pub of: u32,
    /// The interval's lower end, 0 to 1.
    pub least: f64,
    /// The interval's upper end, 0 to 1.
    pub most: f64,
}

impl Share {
    /// `events` of `of`.
    pub fn new(events: u32, of: u32) -> Self {
        let (least, most) = clopper_pearson(u64::from(events), u64::from(of), CONFIDENCE_95);
        Self { events, of, least, most }
    }
}

impl std::fmt::Display for Share {
    /// What the count supports: `0 of 20, at most 16.8 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.least * 100.0, self.most * 100.0);
        write!(f, "{} of {}", self.events, self.of)?;
        match (self.events, self.of) {
            (_, 0) => write!(f, ", says nothing"),
            (0, _) => write!(f, ", at most {most:.1} %"),
            (events, of) if events == of => write!(f, ", at least {least:.1} %"),
            _ => write!(f, ", {least:.1} to {most:.1} %"),
        }
    }
}

/// Presentations of one kind by what was said of them.
#[derive(Debug, Clone, PartialEq, Default)]
struct Counts {
    live: u32,
    attack: u32,
    not_measured: u32,
}

/// The figures of one kind of attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackFigures {
    /// Which kind.
    pub presented: String,
    /// Attacks that look live, of those measured.
    pub apcer: Share,
    /// Attacks that could not be measured, of all.
    pub apnrr: Share,
}

/// The figures of genuine presentations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GenuineFigures {
    /// People who look like an attack, of those measured.
    pub bpcer: Share,
    /// People who could not be measured, of all.
    pub bpnrr: Share,
}

/// All counts of a self-test, kinds in the order in which they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures(Vec<(Kind, Counts)>);

impl Figures {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one presentation; `looks_live` is none where it could not be measured.
    pub fn add(&mut self, kind: &Kind, looks_live: Option<bool>) {
        let at = self.0.iter().position(|(known, _)| known == kind).unwrap_or_else(|| {
            self.0.push((kind.clone(), Counts::default()));
            self.0.len() - 1
        });
        let counts = &mut self.0[at].1;
        match looks_live {
            Some(true) => counts.live += 1,
            Some(false) => counts.attack += 1,
            None => counts.not_measured += 1,
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Presentations of every kind.
    pub fn total(&self) -> u32 {
        self.0.iter().map(|(_, counts)| counts.live + counts.attack + counts.not_measured).sum()
    }

    /// Of genuine presentations, where there were any.
    pub fn genuine(&self) -> Option<GenuineFigures> {
        let (_, counts) = self.0.iter().find(|(kind, _)| kind.is_genuine())?;
        let measured = counts.live + counts.attack;
        Some(GenuineFigures {
            bpcer: Share::new(counts.attack, measured),
            bpnrr: Share::new(counts.not_measured, measured + counts.not_measured),
        })
    }

    /// Of each kind of attack.
    pub fn attacks(&self) -> Vec<AttackFigures> {
        let figures = |(kind, counts): &(Kind, Counts)| {
            let measured = counts.live + counts.attack;
            AttackFigures {
                presented: kind.to_string(),
                apcer: Share::new(counts.live, measured),
                apnrr: Share::new(counts.not_measured, measured + counts.not_measured),
            }
        };
        self.0.iter().filter(|(kind, _)| !kind.is_genuine()).map(figures).collect()
    }

    /// The text of the ledger's entry.
    pub fn note(&self, subject: &Subject, frames: u32, recorded: bool) -> String {
        let how = if recorded { "recorded" } else { "live" };
        let mut parts = vec![format!(
            "pack {}, {} at {:.2}, {how} presentations of {frames} frames",
            subject.pack, subject.model, subject.threshold
        )];
        if let Some(genuine) = self.genuine() {
            parts.push(format!("BPCER {}; BPNRR {}", genuine.bpcer, genuine.bpnrr));
        }
        parts.extend(
            self.attacks().iter().map(|attack| {
                format!("{}: APCER {}; APNRR {}", attack.presented, attack.apcer, attack.apnrr)
            }),
        );
        parts.join("; ")
    }

    /// The figures to read, and what they do not say.
    pub fn table(&self, subject: &Subject) -> String {
        let mut rows = Vec::new();
        if let Some(genuine) = self.genuine() {
            rows.push(vec!["genuine".into(), format!("BPCER {}", genuine.bpcer), genuine.bpnrr.to_string()]);
        }
        let attacks = self.attacks();
        rows.extend(attacks.iter().map(|attack| {
            vec![attack.presented.clone(), format!("APCER {}", attack.apcer), attack.apnrr.to_string()]
        }));
        let mut text = columns(&["presented", "taken for the other", "not measured"], &rows);
        text.push_str(&format!(
            "\n\nThreshold {:.2}, {}, pack {}, on {}. Intervals: 95 %, Clopper and Pearson.",
            subject.threshold, subject.model, subject.pack, subject.provider
        ));
        let lacking: Vec<&str> = [
            (self.genuine().is_none(), "No genuine presentation was shown: BPCER is not known."),
            (attacks.is_empty(), "No attack was shown: APCER is not known."),
            (
                attacks.iter().any(|attack| attack.apnrr.events > 0),
                "An attack that cannot be measured is not rejected at the door: see APNRR as attacks that passed.",
            ),
        ]
        .into_iter()
        .filter_map(|(is_so, words)| is_so.then_some(words))
        .collect();
        for words in lacking {
            text.push('\n');
            text.push_str(words);
        }
        text
    }
}

impl Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Figures", 2)?;
        object.serialize_field("genuine", &self.genuine())?;
        object.serialize_field("attacks", &self.attacks())?;
        object.end()
    }
}
