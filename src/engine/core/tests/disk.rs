//! A store that takes nothing: what waits is bounded, what finds no room is told and put on record. On a
//! stand-in, and on a file system that is really full.

use std::path::Path;
use std::process::Command as Program;

use super::*;
use crate::attendance::PersonId;
use crate::store::RedbStore;
use crate::store::crypt::source::KeySource;

/// How the record of `person`, who is in view, stands.
fn standing(handle: &EngineHandle, wanted: PersonId) -> Option<Recorded> {
    handle.snapshot().live.tracks.iter().find_map(|track| match &track.verdict {
        TrackVerdict::Identified { person, recorded, .. } if *person == wanted => Some(*recorded),
        _ => None,
    })
}

/// The settings and the source of [`live`] put on `parts`.
pub(super) fn fed(
    mut parts: EngineParts,
    fed: Receiver<Vec<u8>>,
) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    parts.sources = vec![SourceParts {
        role: Default::default(),
        name: "fed".to_owned(),
        pace: Pace::RealTime,
        open: Box::new(move || Ok(Box::new(Fed(fed.clone(), 0)))),
    }];
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(10_000);
    (engine, handle, events)
}

#[test]
fn when_the_queue_is_full_the_person_is_told_and_the_ledger_says_how_many_were_lost() {
    let store = SharedStore::new();
    let (first, handle) = engine(&store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    first.stop();

    store.fails.store(true, Ordering::SeqCst);
    let mut parts = parts(&store);
    // The entry of the start takes the one place there is.
    parts.settings.queue_entries = 1;
    let (feed, frames) = bounded(1);
    let (engine, handle, events) = fed(parts, frames);
    feed_until(&feed, &[1], || standing(&handle, ana) == Some(Recorded::No));
    wait_for(&events, || handle.snapshot().live.not_recorded == 1);
    let live = handle.snapshot().live;
    assert_eq!((live.store_queue, live.store_disk), (1, Some(DiskState::Full)));

    store.fails.store(false, Ordering::SeqCst);
    wait_for(&events, || store.count(EntryKind::NotRecorded) == 1);
    wait_for(&events, || handle.snapshot().live.store_fault.is_none());
    assert_eq!(handle.snapshot().live.not_recorded, 0);
    assert_eq!(store.count(EntryKind::Passage), 0, "nobody is recorded behind their back");
    assert_eq!(standing(&handle, ana), Some(Recorded::No), "nor told otherwise while they stand there");
    drop(feed);
    engine.stop();
    assert_eq!(store.count(EntryKind::NotRecorded), 1);
    let entries = store.entries();
    let told = entries.iter().find(|entry| entry.head.kind == EntryKind::NotRecorded).unwrap();
    let note = &told.parts.note.as_ref().unwrap().text;
    assert!(
        note.starts_with("1 entry was not recorded from") && note.ends_with("the disk was full"),
        "{note}"
    );
    store.verify().unwrap();
}

/// A file system of its own; unmounted at the end.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// None, and a line that says so, where this user may not mount anything.
    fn new(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Program::new("mount");
        mount.args(["-t", "tmpfs", "-o", size, "muster-test"]).arg(directory.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(directory)),
            output => {
                println!("SKIPPED: a file system cannot be mounted here ({output:?})");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Program::new("umount").arg(self.path()).status();
    }
}

#[test]
fn on_a_really_full_disk_recognition_goes_on_and_is_saved_when_there_is_room() {
    let Some(disk) = Mounted::new("size=6m") else { return };
    let data = disk.path().join("data");
    let keys = tempfile::tempdir().unwrap();
    let open = || {
        let keys = KeySource::File(keys.path().join("key"));
        RedbStore::open(&data, crate::ledger::TerminalId(ulid::Ulid(1)), &keys).unwrap()
    };
    let shared = SharedStore::new();
    let (feed, frames) = bounded(1);
    let parts = EngineParts { store: opened(open()), ..parts(&shared) };
    let (engine, handle, events) = fed(parts, frames);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());

    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; 8 << 20]).unwrap_err();
    // What the store's file has room for already is still written.
    let mark = |note: String| {
        handle.call(Command::Mark { person: ana, state: PresenceState::Left, note: Some(note) })
    };
    let refused = (0..1_000).find_map(|n| mark(format!("{n} {}", "x".repeat(2_000))).err()).unwrap();
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    feed_until(&feed, &[1], || standing(&handle, ana) == Some(Recorded::NotYet));
    wait_for(&events, || handle.snapshot().live.store_disk == Some(DiskState::Full));
    assert!(handle.snapshot().live.store_queue >= 1);

    std::fs::remove_file(&filler).unwrap();
    wait_for(&events, || handle.snapshot().live.store_fault.is_none());
    feed_until(&feed, &[1], || standing(&handle, ana) == Some(Recorded::Yes));
    drop(feed);
    engine.stop();
    let store = open();
    let end = store.verify().unwrap();
    let entries = store.entries_since(Sequence(0), usize::MAX).unwrap();
    assert_eq!(end.sequence.0, entries.len() as u64);
    let passages = entries.iter().filter(|entry| entry.head.kind == EntryKind::Passage).count();
    assert_eq!(passages, 1);
}
