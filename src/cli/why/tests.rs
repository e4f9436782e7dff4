use chrono::FixedOffset;

use super::*;
use crate::cli::fake::{Fake, Script, ran};
use crate::cli::testing::{decided, head, named};
use crate::ledger::{NotePart, Sequence};

fn engine(whole: Vec<NamedEntry>) -> Fake {
    Fake::start(Script { whole, ..Script::default() })
}

fn zone() -> FixedOffset {
    FixedOffset::east_opt(3600).unwrap()
}

fn said(fake: &Fake, entry: u64, json: bool) -> crate::cli::fake::Ran {
    ran(json, |out| run(&fake.handle, &WhyArgs { entry: Sequence(entry) }, &zone(), out))
}

#[test]
fn an_entry_is_explained_in_lines_and_as_an_object() {
    let fake = engine(vec![
        decided(1, EntryKind::Passage, &[0.71, 0.2]),
        decided(2, EntryKind::Unidentified, &[0.41]),
    ]);
    let text = said(&fake, 2, false);
    assert_eq!(text.code, 0);
    assert!(
        text.out.starts_with("entry 2, 2026-03-02 09:00:02\n  decision   nobody was identified\n"),
        "{}",
        text.out
    );
    assert!(
        text.out.contains("missing    best candidate Ana 0.41, 0.04 under the threshold"),
        "{}",
        text.out
    );
    let object: serde_json::Value = serde_json::from_str(&said(&fake, 1, true).out).unwrap();
    assert_eq!(object["at"], "2026-03-02T09:00:01+01:00");
    assert_eq!((&object["kind"], &object["person"]), (&"passage".into(), &"Ana".into()));
    let evidence = &object["evidence"];
    assert_eq!(evidence["best"]["person"], "Ana");
    assert!((evidence["runner_up"]["similarity"].as_f64().unwrap() - 0.2).abs() < 1e-6);
    assert_eq!(
        (&evidence["threshold_basis"], &evidence["votes"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[test]
fn erased_evidence_is_said() {
    let mut whole = decided(1, EntryKind::Passage, &[0.71]);
    whole.entry.parts.evidence = None;
    let fake = engine(vec![whole]);
    let object: serde_json::Value = serde_json::from_str(&said(&fake, 1, true).out).unwrap();
    assert_eq!((&object["evidence_erased"], &object["evidence"]), (&true.into(), &serde_json::Value::Null));
    assert!(said(&fake, 1, false).out.contains("was erased"));
}

#[test]
fn a_note_cannot_drive_the_terminal() {
    let mut whole = decided(1, EntryKind::Mark, &[]);
    whole.entry.parts.note = Some(NotePart { text: "dentist\u{1b}[2J".to_owned() });
    let text = said(&engine(vec![whole]), 1, false).out;
    assert!(text.contains("note") && text.contains("dentist\u{FFFD}[2J"), "{text}");
}

#[test]
fn an_entry_without_a_face_is_explained_too() {
    let fake = engine(vec![named(head(1, EntryKind::Started), Default::default())]);
    let text = said(&fake, 1, false).out;
    assert!(text.contains("decision  muster started") && text.contains("no face decided this"), "{text}");
}

#[test]
fn an_entry_that_is_not_there_is_a_negative_answer() {
    let fake = engine(vec![]);
    let refused = said(&fake, 7, false);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("there is no entry 7: the log is empty"), "{}", refused.err);
    let log = vec![crate::cli::fake::entry(5, 0, EntryKind::Started, None)];
    let fake = Fake::start(Script { entries: log, ..Script::default() });
    assert!(said(&fake, 7, false).err.contains("the log goes from 1 to 5"));
}
