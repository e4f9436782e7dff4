//! What stands in for the machine, the nets and the camera, and how a test talks to the engine.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use crossbeam_channel::Receiver;

use crate::attendance::PersonId;
use crate::capture::{CaptureError, CaptureSource, Frame, FrameSequence, Pace, RgbPicture, SkippedPicture};
use crate::engine::command::{
    Command, CommandError, EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, PictureBytes,
    Reply,
};
use crate::engine::environment::{Calendar, Clock, Entropy};
use crate::engine::event::EngineEvent;
use crate::engine::{EngineHandle, EngineParts, EngineSettings, RunningEngine, SourceParts, opened, start};
use crate::face::{
    Detection, Embedding, EmbeddingSpace, FivePoints, Liveness, Metric, Point, Probe, Quality, Rect,
    Similarity,
};
use crate::identify::{Rejection, Threshold};
use crate::inference::{AnalyserFacts, FaceAnalyser, InferenceError, LivenessFacts, Provider, StageTimes};
use crate::ledger::{Actor, ChainHead, ClockState, Entry, EntryKind, Sequence, TerminalId};
use crate::store::memory::MemoryStore;
use crate::store::{Change, ChangePoint, Changes, Committed, DiskState, Store, StoreError, Transaction};

// -- what stands in for the machine ----------------------------------------------------------

/// The account that the engine runs as.
pub(super) const OWNER: u32 = 7;

pub(super) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        "2026-03-02T08:00:00Z".parse().unwrap()
    }
    fn state(&self) -> ClockState {
        ClockState::Synchronised
    }
}

pub(super) struct UtcCalendar;

impl Calendar for UtcCalendar {
    fn zone(&self) -> crate::attendance::zone::SiteZone {
        crate::attendance::zone::SiteZone::UTC
    }

    fn rollover(&self) -> NaiveTime {
        NaiveTime::MIN
    }
}

pub(super) struct Counting(u64);

impl Counting {
    /// So that an engine that is started again gives no name twice.
    pub(super) fn beginning_at(count: u64) -> Self {
        Self(count)
    }
}

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(0);
        let count = self.0.to_be_bytes();
        let end = bytes.len();
        bytes[end - 8..].copy_from_slice(&count);
    }
}

/// A store that outlives engines and can be told to fail.
#[derive(Clone)]
pub(super) struct SharedStore {
    inner: Arc<Mutex<MemoryStore>>,
    pub(super) fails: Arc<AtomicBool>,
    /// Whether erasures alone fail.
    pub(super) fails_erasures: Arc<AtomicBool>,
    /// Whether the log cannot be read.
    pub(super) is_unreadable: Arc<AtomicBool>,
    /// Templates are given to an engine that starts when the other end is dropped.
    pub(super) held_back: Arc<Mutex<Option<Receiver<()>>>>,
    /// What a backup is said to be; none is made.
    pub(super) backup: Arc<Mutex<Option<crate::store::BackupOnRecord>>>,
}

impl SharedStore {
    pub(super) fn new() -> Self {
        let store = MemoryStore::new(TerminalId(ulid::Ulid(1)));
        Self {
            inner: Arc::new(Mutex::new(store)),
            fails: Arc::default(),
            fails_erasures: Arc::default(),
            is_unreadable: Arc::default(),
            held_back: Arc::default(),
            backup: Arc::default(),
        }
    }

    /// Makes whatever comes wait until what this gives is dropped.
    pub(super) fn hold(&self) -> std::sync::MutexGuard<'_, MemoryStore> {
        self.inner.lock().unwrap()
    }

    fn can_read(&self) -> Result<(), StoreError> {
        let detail = "the disk is gone".to_owned();
        let is_unreadable = self.is_unreadable.load(Ordering::SeqCst);
        if is_unreadable { Err(StoreError::Failed { step: "read", detail }) } else { Ok(()) }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.inner.lock().unwrap().entries_since(Sequence(0), 1000).unwrap()
    }

    pub(super) fn kinds(&self) -> Vec<EntryKind> {
        self.entries().iter().map(|entry| entry.head.kind).collect()
    }

    pub(super) fn count(&self, kind: EntryKind) -> usize {
        self.kinds().iter().filter(|held| **held == kind).count()
    }
}

impl Store for SharedStore {
    fn terminal(&self) -> TerminalId {
        self.inner.lock().unwrap().terminal()
    }
    fn commit(&mut self, transaction: Transaction) -> Result<Committed, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Disk { step: "write", state: DiskState::Full });
        }
        self.inner.lock().unwrap().commit(transaction)
    }
    fn erase(&mut self, erasure: crate::store::Erasure) -> Result<crate::store::Erased, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Disk { step: "erase", state: DiskState::Full });
        }
        let mut inner = self.inner.lock().unwrap();
        if self.fails_erasures.load(Ordering::SeqCst) {
            return Err(StoreError::Disk { step: "erase", state: DiskState::Full });
        }
        inner.erase(erasure)
    }
    fn back_up(&self, order: &crate::store::BackupOrder) -> Result<crate::store::BackupOnRecord, StoreError> {
        let scripted = *self.backup.lock().unwrap();
        scripted.map_or_else(|| self.inner.lock().unwrap().back_up(order), Ok)
    }
    fn retain(&mut self, step: crate::store::RetentionStep) -> Result<crate::store::Retained, StoreError> {
        self.inner.lock().unwrap().retain(step)
    }
    fn templates_held(&self, person: PersonId) -> Result<Vec<crate::face::Template>, StoreError> {
        self.inner.lock().unwrap().templates_held(person)
    }
    fn changes_since(&self, point: ChangePoint) -> Result<Changes, StoreError> {
        self.inner.lock().unwrap().changes_since(point)
    }
    fn everything(&self, take: &mut dyn FnMut(Vec<Change>)) -> Result<(), StoreError> {
        let all = self.changes_since(ChangePoint(0))?.changes;
        let (templates, others) =
            all.into_iter().partition(|change| matches!(change, Change::TemplatePut(_)));
        take(others);
        let held_back = self.held_back.lock().unwrap().take();
        if let Some(held_back) = held_back {
            let _ = held_back.recv();
        }
        take(templates);
        Ok(())
    }
    fn crop(
        &self,
        template: crate::face::TemplateId,
    ) -> Result<Option<crate::face::EncodedCrop>, StoreError> {
        self.inner.lock().unwrap().crop(template)
    }
    fn entries_since(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.can_read()?;
        self.inner.lock().unwrap().entries_since(sequence, limit)
    }
    fn entries_before(&self, sequence: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.can_read()?;
        self.inner.lock().unwrap().entries_before(sequence, limit)
    }
    fn entries_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        self.can_read()?;
        self.inner.lock().unwrap().entries_between(from, until)
    }
    fn records_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        self.can_read()?;
        self.inner.lock().unwrap().records_between(from, until)
    }
    fn held_between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Entry>, StoreError> {
        self.can_read()?;
        self.inner.lock().unwrap().held_between(from, until)
    }

    fn cursor(&self, name: &str) -> Result<Option<Sequence>, StoreError> {
        self.inner.lock().unwrap().cursor(name)
    }

    fn sequences_of(&self, person: PersonId) -> Result<Vec<Sequence>, StoreError> {
        self.inner.lock().unwrap().sequences_of(person)
    }
    fn chain_head(&self) -> Result<ChainHead, StoreError> {
        self.inner.lock().unwrap().chain_head()
    }
    fn hash_of(&self, sequence: Sequence) -> Result<Option<crate::ledger::Sha256Digest>, StoreError> {
        self.inner.lock().unwrap().hash_of(sequence)
    }
    fn verify(&self) -> Result<ChainHead, StoreError> {
        self.inner.lock().unwrap().verify()
    }
}

// -- what stands in for nets and camera --------------------------------------------------------

pub(super) struct ReadingAnalyser(AnalyserFacts);

pub(super) fn facts() -> AnalyserFacts {
    AnalyserFacts {
        pack: "test".to_owned(),
        model: "test-net".to_owned(),
        provider: Provider::Cpu,
        space: EmbeddingSpace([1; 32]),
        dimension: 16,
        metric: Metric::Cosine,
        threshold: Threshold(Similarity(0.5)),
        impostors: None,
        liveness: Some(LivenessFacts { threshold: 0.5 }),
    }
}

impl ReadingAnalyser {
    pub(super) fn new(facts: AnalyserFacts) -> Self {
        Self(facts)
    }
}

impl FaceAnalyser for ReadingAnalyser {
    fn facts(&self) -> &AnalyserFacts {
        &self.0
    }

    /// Every non-zero byte of the first row's red channel is a face, 20 pixels wide: the lower half
    /// says whose, the upper one how it is held, 0 without landmarks.
    fn detect(&mut self, picture: &RgbPicture, _: &mut StageTimes) -> Result<Vec<Detection>, InferenceError> {
        let faces = (0..picture.width()).filter(|x| picture.pixel(*x, 0)[0] > 0);
        let bounds = |x: u32| Rect::new(x as f32 * 40.0, 10.0, 20.0, 20.0);
        Ok(faces.map(|x| Detection { bounds: bounds(x), score: 0.9, points: None }).collect())
    }

    fn probe(
        &mut self,
        picture: &RgbPicture,
        detection: &Detection,
        _: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        let mut values = vec![0.01f32; 16];
        let byte = picture.pixel((detection.bounds.x / 40.0) as u32, 0)[0];
        values[usize::from(byte & 15)] = 1.0;
        Ok(Ok(Probe {
            bounds: detection.bounds,
            detection_score: 0.9,
            points: FivePoints::from_array([Point::default(); 5]),
            landmarks: super::challenge::landmarks_of(byte >> 4),
            quality: Quality::default(),
            embedding: Embedding::normalised(values).unwrap(),
            liveness: Liveness::Score(0.9),
        }))
    }
}

pub(super) const SIDE: u32 = 64;

pub(super) fn picture(people: &[u8]) -> RgbPicture {
    let mut data = vec![0u8; (SIDE * SIDE * 3) as usize];
    for (x, person) in people.iter().enumerate() {
        data[x * 3] = *person;
    }
    if people.iter().any(|person| *person > 0) {
        // Whoever comes into the picture changes more of it than a byte.
        data[SIDE as usize * 3..].fill(60);
    }
    RgbPicture::new(SIDE, SIDE, data).unwrap()
}

/// A picture file of `people`.
pub(super) fn file(people: &[u8]) -> PictureBytes {
    let mut bytes = format!("P6 {SIDE} {SIDE} 255\n").into_bytes();
    bytes.extend_from_slice(picture(people).data());
    PictureBytes { label: "file.ppm".to_owned(), bytes }
}

/// Frames 100 ms apart from eight o'clock.
pub(super) struct Script {
    frames: VecDeque<Vec<u8>>,
    next: u64,
    skipped: Vec<SkippedPicture>,
}

impl CaptureSource for Script {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let Some(people) = self.frames.pop_front() else { return Ok(None) };
        let at = StillClock.now() + TimeDelta::milliseconds(100 * self.next as i64);
        let frame = Frame { sequence: FrameSequence(self.next), at, picture: picture(&people), label: None };
        self.next += 1;
        Ok(Some(frame))
    }
    fn is_live(&self) -> bool {
        false
    }
    fn nominal_fps(&self) -> f32 {
        240.0
    }
    fn skipped(&self) -> &[SkippedPicture] {
        // As with files: the last is met on the way to the end.
        &self.skipped[..self.skipped.len().saturating_sub(usize::from(!self.frames.is_empty()))]
    }
}

/// Frames that the test hands over one by one, as a live camera.
pub(super) struct Fed(pub(super) Receiver<Vec<u8>>, pub(super) u64);

impl CaptureSource for Fed {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let Ok(people) = self.0.recv() else {
            let what = "the cable".to_owned();
            return Err(CaptureError::NotFound { what, hint: "plug it in".to_owned() });
        };
        self.1 += 1;
        let at = StillClock.now() + TimeDelta::milliseconds(100 * self.1 as i64);
        Ok(Some(Frame { sequence: FrameSequence(self.1), at, picture: picture(&people), label: None }))
    }
    fn is_live(&self) -> bool {
        true
    }
    fn nominal_fps(&self) -> f32 {
        30.0
    }
}

pub(super) fn parts(store: &SharedStore) -> EngineParts {
    EngineParts {
        store: opened(store.clone()),
        load_analyser: Some(Box::new(|| Ok(Box::new(ReadingAnalyser(facts())) as Box<dyn FaceAnalyser>))),
        sources: Vec::new(),
        settings: EngineSettings { owner_uid: OWNER, ..EngineSettings::default() },
        clock: Arc::new(StillClock),
        calendar: Arc::new(UtcCalendar),
        entropy: Box::new(Counting(0)),
    }
}

pub(super) fn engine(store: &SharedStore) -> (RunningEngine, EngineHandle) {
    let engine = start(parts(store)).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    (engine, handle)
}

/// An engine that works through `frames` and waits for nobody.
pub(super) fn watching(
    store: &SharedStore,
    frames: Vec<Vec<u8>>,
) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    watching_with_skipped(store, frames, 0)
}

/// The same, with other settings.
pub(super) fn watching_with(
    store: &SharedStore,
    frames: Vec<Vec<u8>>,
    change: impl FnOnce(&mut EngineSettings),
) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    watching_changed(store, frames, 0, change)
}

/// The same, of a source that leaves `skipped` pictures out.
pub(super) fn watching_with_skipped(
    store: &SharedStore,
    frames: Vec<Vec<u8>>,
    skipped: usize,
) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    watching_changed(store, frames, skipped, |_| {})
}

fn watching_changed(
    store: &SharedStore,
    frames: Vec<Vec<u8>>,
    skipped: usize,
    change: impl FnOnce(&mut EngineSettings),
) -> (RunningEngine, EngineHandle, Receiver<EngineEvent>) {
    let unreadable = SkippedPicture { path: "b.jpg".into(), reason: "b.jpg: no picture".to_owned() };
    let mut script = Some(Script { frames: frames.into(), next: 0, skipped: vec![unreadable; skipped] });
    let mut all = parts(store);
    change(&mut all.settings);
    all.sources = vec![SourceParts {
        role: Default::default(),
        name: "script".to_owned(),
        pace: Pace::Lossless,
        open: Box::new(move || {
            let what = "the script".to_owned();
            let script = script.take();
            let missing = || CaptureError::NotFound { what, hint: String::new() };
            script.map(|script| Box::new(script) as Box<dyn CaptureSource>).ok_or_else(missing)
        }),
    }];
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(10_000);
    (engine, handle, events)
}

pub(super) fn until_ended(events: &Receiver<EngineEvent>) -> Vec<EngineEvent> {
    let mut seen = Vec::new();
    for event in events {
        let is_end = matches!(event, EngineEvent::SourceEnded | EngineEvent::Stopped);
        seen.push(event);
        if is_end {
            break;
        }
    }
    seen
}

pub(super) fn enrol(handle: &EngineHandle, name: &str, people: &[u8]) -> Result<Reply, CommandError> {
    let target = EnrolmentTarget::New { name: name.parse().unwrap(), identifier: None };
    enrol_as(handle, target, vec![file(people)])
}

pub(super) fn enrol_as(
    handle: &EngineHandle,
    target: EnrolmentTarget,
    pictures: Vec<PictureBytes>,
) -> Result<Reply, CommandError> {
    let source =
        EnrolmentSource::Pictures(EnrolmentPictures { pictures, face: FaceChoice::Main, leave_out: false });
    handle.call(Command::Enrol { target, source, anyway: true })
}

pub(super) fn person(reply: Reply) -> PersonId {
    match reply {
        Reply::Enrolled { person, .. } => person.id,
        other => panic!("not enrolled: {other:?}"),
    }
}

pub(super) fn wait_for(events: &Receiver<EngineEvent>, mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        // What changed before the engine heard of the subscription is no event.
        let event = events.recv_timeout(std::time::Duration::from_millis(50));
        let has_stopped = event == Err(crossbeam_channel::RecvTimeoutError::Disconnected);
        assert!(!has_stopped, "the engine stopped before it was so");
    }
}

/// `count` frames of `people`, then a second of nobody.
pub(super) fn visit(people: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut frames = vec![people.to_vec(); count];
    frames.extend(vec![vec![]; 10]);
    frames
}

/// As [`parts`], with nets of whom `facts` is known.
pub(super) fn parts_with(store: &SharedStore, facts: AnalyserFacts) -> EngineParts {
    let load = move || Ok(Box::new(ReadingAnalyser(facts)) as Box<dyn FaceAnalyser>);
    EngineParts { load_analyser: Some(Box::new(load)), ..parts(store) }
}
