use crossbeam_channel::bounded;
use serde_json::Value;

use super::super::fake::{Fake, Ran, Script, at, entry, ran, row};
use super::*;
use crate::face::Similarity;

fn started(sequence: u64) -> LogEntry {
    entry(sequence, 0, EntryKind::Started, None)
}

fn passage(sequence: u64, n: u128, name: &str) -> LogEntry {
    entry(sequence, sequence as i64, EntryKind::Passage, Some((n, name)))
}

fn take(fake: &Fake, source: &str, interrupts: &Receiver<()>, json: bool) -> Ran {
    ran(json, |out| run(&fake.handle, &Kinds::one(source), SiteZone::UTC, interrupts, out))
}

fn objects(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a run of a recording says: an old entry of another run, one that was missed before this
/// client listened and that comes again as an event, and two more.
fn recording() -> Script {
    let decided = EngineEvent::Decided {
        track: TrackId(3),
        at: at(5),
        seen_since: at(4),
        person: Some(super::super::fake::id(1)),
        similarity: Some(Similarity(0.5)),
        label: Some("a.jpg".into()),
    };
    Script {
        roster: vec![row(1, "Ana", None), row(2, "Bo", None)],
        entries: vec![passage(1, 1, "Ana"), started(2), passage(3, 1, "Ana")],
        events: vec![
            EngineEvent::Entry(passage(3, 1, "Ana")),
            EngineEvent::Entry(passage(4, 2, "Bo")),
            decided,
            EngineEvent::Entry(entry(5, 6, EntryKind::Unidentified, None)),
            EngineEvent::SourceEnded,
        ],
        ..Script::default()
    }
}

#[test]
fn a_recording_gives_each_record_once_and_ends_with_a_summary() {
    let (_sender, interrupts) = bounded(1);
    let fake = Fake::start(recording());
    let Ran { code, out, .. } = take(&fake, "images:*.jpg", &interrupts, true);
    let objects = objects(&out);
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["passage", "passage", "decided", "unidentified", "summary"]);
    assert_eq!((&objects[0]["person"], &objects[0]["sequence"]), (&"Ana".into(), &3.into()));
    assert_eq!((&objects[2]["person"], &objects[2]["label"]), (&"Ana".into(), &"a.jpg".into()));
    let summary = &objects[4];
    for (key, value) in [("passages", 2), ("people", 2), ("unidentified", 1), ("decisions", 1)] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert_eq!((&summary["provider"], &summary["ended"]), (&"cpu".into(), &"source".into()));
    assert_eq!(code, 0);
}

#[test]
fn a_person_reads_a_line_for_each_record() {
    let (_sender, interrupts) = bounded(1);
    let fake = Fake::start(recording());
    let Ran { out, .. } = take(&fake, "images:*.jpg", &interrupts, false);
    assert_eq!(
        out,
        "2026-03-02 00:00:03  Ana  present  0.750\n\
         2026-03-02 00:00:04  Bo  present  0.750\n\
         2026-03-02 00:00:06  unidentified  0.750\n\
         records: 2 of 2 people; unidentified: 1; frames: 0, dropped: 0; on CPU\n"
    );
}

#[test]
fn pictures_that_could_not_be_read_are_counted_at_the_end() {
    let (_sender, interrupts) = bounded(1);
    for (json, wanted) in [(false, "dropped: 0, unreadable: 2; on CPU"), (true, "\"skipped\":2")] {
        let fake = Fake::start(recording());
        let mut live = (*fake.board.live.get()).clone();
        live.source_mut().skipped = 2;
        fake.board.live.set(live);
        let Ran { out, .. } = take(&fake, "images:*.jpg", &interrupts, json);
        assert!(out.contains(wanted), "{out}");
    }
}

#[test]
fn a_client_that_lagged_asks_for_what_it_missed() {
    let (_sender, interrupts) = bounded(1);
    let entries = vec![started(1), passage(2, 1, "Ana"), passage(3, 2, "Bo")];
    let events = vec![EngineEvent::Lagged(2), EngineEvent::SourceEnded];
    let fake = Fake::start(Script { entries, events, ..Script::default() });
    let Ran { out, .. } = take(&fake, "images:*.jpg", &interrupts, true);
    assert_eq!(objects(&out).len(), 3, "{out}");
}

#[test]
fn a_signal_shuts_the_engine_down_in_good_order() {
    let (sender, interrupts) = bounded(1);
    sender.send(()).unwrap();
    let fake = Fake::start(Script { entries: vec![started(1)], ..Script::default() });
    let Ran { code, out, .. } = take(&fake, "camera:0", &interrupts, true);
    assert_eq!(code, 0);
    assert_eq!(objects(&out)[0]["ended"], "interrupted");
    assert_eq!(fake.commands(), [Command::Shutdown]);
}

#[test]
fn a_source_that_gives_nothing_is_2_for_a_file_and_3_for_a_camera() {
    for (source, code) in [("images:none*.jpg", 2), ("video:none.mp4", 2), ("camera:9", 3)] {
        let (_sender, interrupts) = bounded(1);
        let fake = Fake::start(Script { entries: vec![started(1)], ..Script::default() });
        let mut live = (*fake.board.live.get()).clone();
        live.source_mut().state =
            SourceState::Lost { reason: "it is not there".into(), retry_at: Some(at(9)) };
        fake.board.live.set(live);
        let ran = take(&fake, source, &interrupts, true);
        assert_eq!((ran.code, ran.err.as_str()), (code, "muster: it is not there\n"), "{source}");
        assert_eq!(objects(&ran.out)[0]["ended"], "failed");
    }
}

#[test]
fn a_camera_that_was_there_once_is_waited_for_though_none_of_its_pictures_was_looked_at() {
    let (sender, interrupts) = bounded(1);
    let fake = Fake::start(Script { entries: vec![started(1)], ..Script::default() });
    let mut live = (*fake.board.live.get()).clone();
    live.source_mut().has_streamed = true;
    live.source_mut().state = SourceState::Lost { reason: "it was pulled out".into(), retry_at: Some(at(9)) };
    fake.board.live.set(live);
    sender.send(()).unwrap();
    let ran = take(&fake, "camera:9", &interrupts, true);
    assert_eq!((ran.code, &objects(&ran.out)[0]["ended"]), (0, &"interrupted".into()));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_sender, interrupts) = bounded(1);
    let fake = Fake::start(recording());
    let (mut closed, mut err) = (Closed, Vec::new());
    let mut out = Output { out: &mut closed, err: &mut err, json: true, progress: None };
    let source = Kinds::one("images:*.jpg");
    let error = run(&fake.handle, &source, SiteZone::UTC, &interrupts, &mut out).unwrap_err();
    assert!(matches!(error, CliError::OutputClosed));
    assert_eq!(error.exit().code(), 0);
}
