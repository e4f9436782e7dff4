use chrono::DateTime;
use ulid::Ulid;

use super::*;
use crate::attendance::{PersonId, PresenceState};
use crate::face::{EmbeddingSpace, HeadPose, QualityScore, Similarity};
use crate::identify::{Threshold, VoteCount};
use crate::ledger::{
    Actor, ChainHead, ClockState, Entry, EntryDraft, EntryId, NotePart, Parts, RecordPart, TerminalId, seal,
};

fn details() -> DecisionDetails {
    DecisionDetails {
        basis: ThresholdBasis::Derived {
            target_fpir: 0.001,
            templates: 12,
            people: 5,
            at_floor: true,
            extrapolated: true,
        },
        votes: VoteCount { best: 7, others: 1, nobody: 4 },
        margin: 0.05,
        shortfall: None,
        quality: Quality {
            inter_eye_distance_px: Some(61.4),
            pose: Some(HeadPose { yaw_degrees: -12.3, pitch_degrees: 4.0, roll_degrees: 0.2 }),
            luminance: Some(118.0),
            ..Quality::default()
        },
        quality_score: QualityScore(0.83),
        liveness_frames: 9,
        liveness_threshold: Some(0.5),
        model: "mobilefacenet-512".to_owned(),
        program: "0.1.0".to_owned(),
    }
}

fn evidence(similarities: &[f32], details: Option<DecisionDetails>) -> EvidencePart {
    let candidates = similarities
        .iter()
        .zip(1u128..)
        .map(|(similarity, n)| Candidate { person: PersonId(Ulid(n)), similarity: Similarity(*similarity) });
    EvidencePart {
        candidates: candidates.collect(),
        threshold: Threshold(Similarity(0.45)),
        frames: 12,
        detection_score: 0.97,
        liveness: Liveness::Score(0.91),
        space: EmbeddingSpace([1; 32]),
        pack: "default".to_owned(),
        details,
    }
}

/// The entry as a store would give it, Ana being 1 and Bo 2; who is 3 has no name any more.
fn entry(kind: EntryKind, record: Option<u128>, evidence: Option<EvidencePart>) -> NamedEntry {
    let record = record.map(|n| RecordPart::new(PersonId(Ulid(n)), Some(PresenceState::Present)));
    let draft = EntryDraft {
        id: EntryId(Ulid(9)),
        at: DateTime::UNIX_EPOCH,
        clock: ClockState::Synchronised,
        moment: None,
        kind,
        actor: Actor::Door,
        operator_key: None,
        parts: Parts { record, evidence, ..Parts::default() },
        salts: [[0; 16]; 3],
    };
    let terminal = TerminalId(Ulid(1));
    named(seal(&draft, terminal, &ChainHead::empty(terminal)).unwrap().entry)
}

fn named(entry: Entry) -> NamedEntry {
    NamedEntry::new(entry, |person| match person.0.0 {
        1 => Some("Ana Müller".parse().unwrap()),
        2 => Some("Bo".parse().unwrap()),
        _ => None,
    })
}

fn said(whole: &NamedEntry) -> String {
    why(whole).iter().map(|line| format!("{}: {}\n", line.about, line.text)).collect()
}

/// The line that says what was missing, of an entry that names nobody.
fn missing_line(kind: EntryKind, evidence: EvidencePart) -> String {
    let lines = why(&entry(kind, None, Some(evidence)));
    let missing: Vec<_> = lines.iter().filter(|line| line.weight == Weight::Missing).collect();
    assert_eq!(missing.len(), 1, "{lines:?}");
    missing[0].text.clone()
}

#[test]
fn a_passage_says_all_it_rested_on() {
    let whole = entry(EntryKind::Passage, Some(1), Some(evidence(&[0.713, 0.222], Some(details()))));
    insta::assert_snapshot!(said(&whole), @r"
    decision: identified as Ana Müller
    best: Ana Müller 0.71
    runner-up: Bo 0.22, 0.49 behind; 0.05 was asked for
    threshold: 0.450, the floor: an FPIR of 0.1 % with 5 people and 12 templates would allow less (extrapolated)
    frames: 12 frames were looked at: 7 for Ana Müller, 1 for somebody else, 4 for nobody
    quality: 0.83 in the best frame: eyes 61 px apart, yaw -12°, pitch +4°, roll +0°, brightness 118 of 255
    detection: score 0.97 in the best frame
    liveness: 0.91 over 9 frames; under 0.50 counts as an attack
    model: mobilefacenet-512 of the pack default, muster 0.1.0
    ");
}

#[test]
fn each_shortfall_says_its_numbers() {
    let short = |shortfall| Some(DecisionDetails { shortfall: Some(shortfall), ..details() });
    let unidentified = |similarities: &[f32], shortfall| {
        missing_line(EntryKind::Unidentified, evidence(similarities, short(shortfall)))
    };
    assert_eq!(
        unidentified(&[0.41, 0.2], Shortfall::Similarity),
        "best candidate Ana Müller 0.41, 0.04 under the threshold"
    );
    assert_eq!(
        unidentified(&[0.4496, 0.2], Shortfall::Similarity),
        "best candidate Ana Müller 0.45, 0.0004 under the threshold"
    );
    assert_eq!(
        unidentified(&[0.6, 0.58], Shortfall::Margin),
        "Ana Müller 0.60 is only 0.02 ahead of Bo 0.58, and 0.05 was asked for"
    );
    assert_eq!(
        unidentified(&[0.6], Shortfall::Agreement),
        "too few frames, or too poor ones, agreed on Ana Müller: 7 for, 1 for somebody else, 4 for nobody"
    );
    assert_eq!(unidentified(&[], Shortfall::Frames), "too few frames could be compared: 12 of 12");
    assert_eq!(unidentified(&[], Shortfall::Similarity), "there was nobody to compare with");
    let mut attack = evidence(&[0.7], short(Shortfall::Liveness));
    attack.liveness = Liveness::Score(0.12);
    assert_eq!(
        missing_line(EntryKind::Rejected, attack),
        "liveness 0.12, 0.38 under the 0.50 that was asked for"
    );
    for (liveness, words) in
        [(Liveness::NotMeasurable, "could not be measured"), (Liveness::NotRun, "no liveness net runs")]
    {
        let mut without = evidence(&[0.7], short(Shortfall::Liveness));
        without.liveness = liveness;
        let line = missing_line(EntryKind::Unidentified, without);
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn an_older_entry_says_what_was_not_kept() {
    let text = said(&entry(EntryKind::Unidentified, None, Some(evidence(&[0.41, 0.2], None))));
    assert!(text.contains("missing: best candidate Ana Müller 0.41, 0.04 under the threshold\n"), "{text}");
    assert!(text.contains("threshold: 0.450; how it came about was not kept"), "{text}");
    assert!(text.contains("votes and quality were not kept"), "{text}");
    assert!(text.contains("net and version were not kept"), "{text}");
    let reached = missing_line(EntryKind::Unidentified, evidence(&[0.6, 0.2], None));
    assert!(reached.contains("reached the threshold"), "{reached}");
}

#[test]
fn erased_evidence_and_none_are_told_apart() {
    let mut whole = entry(EntryKind::Passage, Some(1), Some(evidence(&[0.7], None)));
    whole.entry.parts.evidence = None;
    assert!(said(&whole).contains("evidence: was erased"), "{}", said(&whole));
    whole.entry.parts.record = None;
    assert!(said(&whole).contains("identified as somebody whose record was erased"));
    let mark = entry(EntryKind::Mark, Some(2), None);
    assert!(said(&mark).contains("an operator marked Bo\nevidence: none: no face decided this"));
}

#[test]
fn who_has_no_name_any_more_is_an_id_and_a_note_is_said() {
    let mut whole = entry(EntryKind::Mark, Some(3), None);
    whole.entry.parts.note = Some(NotePart { text: "dentist".to_owned() });
    let text = said(&whole);
    assert!(text.contains(&PersonId(Ulid(3)).to_string()) && text.contains("note: dentist"), "{text}");
}

#[test]
fn every_kind_has_a_decision_in_words() {
    for kind in EntryKind::ALL {
        let lines = why(&entry(kind, Some(1), None));
        assert!(lines[0].text.len() > 5 && lines[0].weight == Weight::Decision, "{kind:?}: {lines:?}");
    }
}

#[test]
fn every_basis_is_said() {
    assert_eq!(basis_words(&ThresholdBasis::Configured), "fixed by the site");
    assert_eq!(basis_words(&ThresholdBasis::Card), "from the model card");
    let derived = ThresholdBasis::Derived {
        target_fpir: 0.0005,
        templates: 1,
        people: 1,
        at_floor: false,
        extrapolated: false,
    };
    assert_eq!(basis_words(&derived), "derived for an FPIR of 0.05 % with 1 person and 1 template");
}
