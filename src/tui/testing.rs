//! A site with people and a log, a model over it, and an engine that answers from a script.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, unbounded};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ulid::Ulid;

use super::keymap::Keymap;
use super::message::{Effect, LogQuery, Message, Purpose};
use super::model::Model;
use super::theme::Theme;
use super::view::view;
use crate::access::Role;
use crate::attendance::stranger::StrangerTrack;
use crate::attendance::zone::SiteZone;
use crate::attendance::{FaceUse, Person, PersonId, Presence, PresenceState, StrangerId};
use crate::engine::access::Access;
use crate::engine::command::{ShootingId, Shot, ShotId};
use crate::engine::handle::{Board, Call, Snapshot};
use crate::engine::inbox::{InboxReply, InboxState, StrangerPicture, StrangerRow};
use crate::engine::state::{
    ChallengeView, GaugeView, InferenceStatus, Preview, Recorded, RosterRow, ShootingView, SourceIndex,
    SourceState, SourceStatus, TrackId, TrackVerdict, TrackView,
};
use crate::engine::{
    Command, CommandError, EngineEvent, EngineHandle, LiveState, LogEntry, NamedEntry, Reply, RosterState,
};
use crate::face::challenge::{ChallengeOutcome, ChallengePrompt};
use crate::face::{EmbeddingSpace, Liveness, Quality, QualityScore, Rect as FaceRect, Similarity};
use crate::identify::{
    Candidate, Candidates, DecisionDetails, Shortfall, Threshold, ThresholdBasis, VoteCount,
};
use crate::ledger::{
    Actor, ClockState, Entry, EntryId, EntryKind, EvidencePart, Head, Parts, RecordDetails, Sequence,
    TerminalId,
};

/// The run of shots that the engine begins.
pub const RUN: ShootingId = ShootingId(3);

/// Monday, 2 March 2026, five past eight.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_438_700, 0).unwrap()
}

/// The wall clock of these tests shows UTC.
pub const ZONE: SiteZone = SiteZone::UTC;

pub fn person(number: u128) -> PersonId {
    PersonId(Ulid(number))
}

pub fn row(number: u128, name: &str, minutes: Option<(PresenceState, i64)>, templates: u32) -> RosterRow {
    let presence = minutes.map(|(state, ago)| {
        let since = now() - TimeDelta::minutes(ago);
        Presence { state, since, last_record: since }
    });
    let identifier = (number % 2 == 1).then(|| format!("S-{number:04}").parse().unwrap());
    let group = if number <= 4 { "3b" } else { "staff" };
    RosterRow {
        person: person(number),
        name: name.parse().unwrap(),
        identifier,
        groups: vec![group.parse().unwrap()],
        face: FaceUse::On,
        templates,
        presence,
    }
}

pub fn roster() -> RosterState {
    use PresenceState::{Left, Present};
    let rows = vec![
        row(1, "Ana Müller", Some((Present, 7)), 2),
        row(2, "Bo Lindqvist", Some((Left, 22)), 1),
        row(3, "Chidi Okafor", None, 1),
        row(4, "Dana O'Neill", Some((Present, 64)), 1),
        row(5, "E\u{301}lodie Dubois-Delacroix de la Tour", Some((Present, 31)), 3),
        row(6, "Fátima Al-Sayed", None, 0),
        row(7, "Zoë 🌻", None, 1),
        row(8, "山田 太郎", Some((Present, 2)), 1),
    ];
    let templates = rows.iter().map(|row| row.templates).sum();
    let threshold = Some(Threshold(Similarity(0.42)));
    RosterState { rows, templates, threshold, ..RosterState::default() }
}

pub fn gauges(tenths: [u8; 4]) -> Vec<GaugeView> {
    let names = ["size", "light", "sharp", "ahead"];
    names.iter().zip(tenths).map(|(name, tenths)| GaugeView { name: (*name).to_owned(), tenths }).collect()
}

/// As [`live`] on several sources: the second is lost, and two people are before the third.
pub fn several_sources() -> LiveState {
    let mut live = live();
    live.source_mut().name = "front".to_owned();
    let reason = "rtsp://yard/1 could not go on: the server ended the stream".to_owned();
    let lost = SourceState::Lost { reason, retry_at: None };
    let yard = SourceStatus { name: "yard".to_owned(), state: lost, ..SourceStatus::default() };
    let (name, state) = ("gate".to_owned(), SourceState::Streaming);
    live.sources.extend([yard, SourceStatus { name, state, in_view: 2, ..SourceStatus::default() }]);
    live
}

pub fn live() -> LiveState {
    let track = |id: u64, bounds: FaceRect, verdict: TrackVerdict| TrackView {
        id: TrackId(id),
        bounds,
        verdict,
        looks_live: Some(true),
        gauges: gauges([8, 7, 5, 10]),
        guidance: None,
        liveness: Liveness::Score(0.97),
    };
    let ana = TrackVerdict::Identified {
        person: person(1),
        name: "Ana Müller".parse().unwrap(),
        similarity: Similarity(0.714),
        recorded: Recorded::Yes,
    };
    LiveState {
        shooting: None,
        focus: SourceIndex::default(),
        sources: vec![SourceStatus {
            name: "camera:0".to_owned(),
            state: SourceState::Streaming,
            width: 640,
            height: 480,
            has_streamed: true,
            frames: 912,
            dropped: 3,
            skipped: 0,
            frames_per_second: 14.83,
            in_view: 2,
            trouble: None,
        }],
        // Read from its name: the screen does not know the nets' side of the program.
        inference: InferenceStatus::Ready {
            provider: serde_json::from_str("\"cpu\"").unwrap(),
            pack: "default".to_owned(),
        },
        tracks: vec![
            track(1, FaceRect::new(0.15, 0.2, 0.25, 0.45), ana),
            track(2, FaceRect::new(0.6, 0.3, 0.2, 0.4), TrackVerdict::Unidentified),
        ],
        stage_times_ms: vec![("detect".to_owned(), 21.4), ("embed".to_owned(), 7.0)],
        store_fault: None,
        store_queue: 0,
        store_disk: None,
        not_recorded: 0,
        challenge: None,
    }
}

/// Three people who came and were not known: one good, one too small, one enrolled since.
pub fn inbox() -> InboxState {
    let item = |number: u128, tracks: u64| {
        let ago = |track: u64| now() - TimeDelta::minutes(10 * (track as i64 + number as i64));
        let track = |n| StrangerTrack { sequence: Sequence(n), at: ago(n), clock: ClockState::Synchronised };
        StrangerRow {
            id: stranger(number),
            person: None,
            track_count: tracks as u32,
            tracks: (0..tracks).rev().map(track).collect(),
            first_seen: ago(tracks - 1),
            last_seen: ago(0),
            score: Some(QualityScore(0.82)),
            finding: None,
        }
    };
    let finding = "the face is too small: 22 pixels between the eyes, at least 30 are needed".to_owned();
    let small = StrangerRow { score: Some(QualityScore(0.36)), finding: Some(finding), ..item(2, 1) };
    let known = Some((person(2), "Bo Lindqvist".parse().unwrap()));
    let known = StrangerRow { person: known, score: None, ..item(3, 2) };
    InboxState { rows: vec![item(1, 3), small, known], keep_hours: 8 }
}

pub fn stranger(number: u128) -> StrangerId {
    StrangerId(Ulid(number))
}

/// The picture of the item `number`: a ramp.
pub fn stranger_picture(number: u128) -> Reply {
    let shot = shot(None);
    let row = inbox().rows.into_iter().find(|row| row.id == stranger(number)).unwrap();
    let picture =
        StrangerPicture { row, file: vec![1].into(), rgb: shot.crop, side: shot.crop_side, alike: None };
    Reply::Inbox(InboxReply::Shown(Box::new(picture)))
}

/// A ramp from dark to light with some red in it.
pub fn preview(frame: u64) -> Preview {
    let (width, height) = (64u32, 48u32);
    let rgb =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [(x * 4) as u8, (y * 5) as u8, 90])).collect();
    Preview { width, height, rgb, frame }
}

pub fn entry(sequence: u64, kind: EntryKind, who: Option<(u128, &str)>) -> LogEntry {
    LogEntry {
        sequence: Sequence(sequence),
        at: now() - TimeDelta::seconds(600) + TimeDelta::seconds(sequence as i64),
        kind,
        actor: Actor::Door,
        operator_key: None,
        person: who.map(|(number, _)| person(number)),
        name: who.map(|(_, name)| name.parse().unwrap()),
        state: None,
        similarity: None,
        best: None,
        note: None,
        clock: ClockState::Synchronised,
        details: RecordDetails::default(),
        facts: None,
    }
}

/// A morning: what every kind of line looks like.
pub fn morning() -> Vec<LogEntry> {
    let ana = Some((1, "Ana Müller"));
    let mut marked = entry(9, EntryKind::Mark, Some((2, "Bo Lindqvist")));
    marked.state = Some(PresenceState::Left);
    marked.actor = Actor::Local { uid: 1000 };
    marked.note = Some("dentist\u{1b}[2J, back at\n10".to_owned());
    let seen = |mut entry: LogEntry, similarity: f32| {
        entry.similarity = Some(Similarity(similarity));
        entry
    };
    let mut stranger = seen(entry(11, EntryKind::Unidentified, None), 0.21);
    stranger.best = Some("Dana O'Neill".parse().unwrap());
    let mut old = entry(1, EntryKind::Stopped, None);
    old.at = now() - TimeDelta::days(1);
    vec![
        old,
        LogEntry { actor: Actor::System, ..entry(2, EntryKind::Started, None) },
        LogEntry { actor: Actor::Local { uid: 1000 }, ..entry(3, EntryKind::Enrolled, ana) },
        seen(entry(4, EntryKind::Passage, Some((4, "Dana O'Neill"))), 0.655),
        seen(entry(5, EntryKind::Passage, Some((5, "E\u{301}lodie Dubois-Delacroix de la Tour"))), 0.801),
        LogEntry { actor: Actor::System, ..entry(6, EntryKind::SourceLost, None) },
        LogEntry { actor: Actor::System, ..entry(7, EntryKind::SourceRestored, None) },
        entry(8, EntryKind::Imported, Some((6, "Fátima Al-Sayed"))),
        marked,
        seen(entry(10, EntryKind::Passage, ana), 0.714),
        stranger,
        seen(entry(12, EntryKind::Passage, Some((8, "山田 太郎"))), 0.688),
    ]
}

/// The terminal's own colours.
pub fn colour() -> Theme {
    let file = crate::tui::theme::ThemeFile::built_in("ansi16").unwrap();
    Theme::in_colour(&crate::tui::theme::Palette::read(&file).unwrap())
}

pub fn shot(best: Option<(u128, f32)>) -> Shot {
    let side = 48u32;
    let crop = (0..side).flat_map(|y| (0..side).flat_map(move |x| [x as u8 * 5, y as u8 * 5, 120])).collect();
    let best = best.map(|(number, s)| Candidate { person: person(number), similarity: Similarity(s) });
    Shot {
        id: ShotId(7),
        bounds: FaceRect::new(0.3, 0.3, 0.2, 0.3),
        crop,
        crop_side: side,
        findings: Vec::new(),
        alike: Candidates { best, runner_up: None },
        threshold: Threshold(Similarity(0.42)),
    }
}

/// The stranger of the morning's log, whole: Dana was the closest.
pub fn whole_stranger() -> NamedEntry {
    let candidate =
        |number, similarity| Candidate { person: person(number), similarity: Similarity(similarity) };
    let details = DecisionDetails {
        basis: ThresholdBasis::Card,
        votes: VoteCount { best: 0, others: 0, nobody: 9 },
        margin: 0.05,
        shortfall: Some(Shortfall::Similarity),
        quality: Quality { luminance: Some(38.0), sharpness: Some(0.21), ..Quality::default() },
        quality_score: QualityScore(0.42),
        liveness_frames: 9,
        liveness_threshold: None,
        model: "mobilefacenet-512".to_owned(),
        program: "0.1.0".to_owned(),
    };
    let evidence = EvidencePart {
        candidates: vec![candidate(4, 0.21), candidate(2, 0.17)],
        threshold: Threshold(Similarity(0.42)),
        frames: 9,
        detection_score: 0.94,
        liveness: Liveness::Score(0.88),
        space: EmbeddingSpace([1; 32]),
        pack: "default".to_owned(),
        details: Some(details),
    };
    let head = Head {
        terminal: TerminalId(Ulid(1)),
        sequence: Sequence(11),
        id: EntryId(Ulid(11)),
        at: now(),
        clock: ClockState::Synchronised,
        moment: None,
        kind: EntryKind::Unidentified,
        actor: Actor::Door,
        operator_key: None,
        parts: [None; 3],
    };
    let parts = Parts { evidence: Some(evidence), ..Parts::default() };
    let name = |who: PersonId| match who.0.0 {
        4 => Some("Dana O'Neill".parse().unwrap()),
        _ => Some("Bo Lindqvist".parse().unwrap()),
    };
    NamedEntry::new(Entry { head, parts }, name)
}

/// A model, and what it asked for.
pub struct Scene {
    pub model: Model,
    pub effects: Vec<Effect>,
}

impl Scene {
    /// The site at `width` by `height`, with a picture and the morning's log.
    pub fn sized(width: u16, height: u16) -> Self {
        let mut scene = Self::empty(width, height);
        scene.state(live(), roster());
        scene.inbox(inbox());
        scene.tell(Message::State(scene.model.snapshot.clone(), Arc::new(Some(preview(1)))));
        scene.tell(Message::Log(LogQuery::Before(Sequence(u64::MAX)), morning()));
        scene.effects.clear();
        scene
    }

    /// A challenge that asks for `prompt`, or has ended.
    pub fn challenged(
        width: u16,
        height: u16,
        prompt: ChallengePrompt,
        outcome: Option<ChallengeOutcome>,
    ) -> Self {
        let mut scene = Self::sized(width, height).press("c");
        scene.answer(Ok(Reply::Done));
        let view = ChallengeView {
            prompt,
            progress: if outcome.is_some() { 1.0 } else { 0.5 },
            seconds_left: 9.3,
            outcome,
            person: Some("Ana Müller".parse().unwrap()),
        };
        let live = LiveState { challenge: Some(view), ..live() };
        scene.state(live, roster());
        scene
    }

    /// The shots that are taken by themselves, so far.
    pub fn shooting(mut self, taken: u32, said: &str, complete: bool) -> Self {
        let said = said.to_owned();
        let view = ShootingView { id: RUN, taken, wanted: 4, said, complete };
        self.state(LiveState { shooting: Some(view), ..live() }, roster());
        self
    }

    /// Nobody, nothing.
    pub fn empty(width: u16, height: u16) -> Self {
        let keymap = Arc::new(Keymap::built_in().unwrap());
        let role = Some(Role::Admin);
        let snapshot = Snapshot {
            live: Arc::default(),
            roster: Arc::default(),
            inbox: Arc::default(),
            role,
            link: Arc::default(),
        };
        let model = Model::new("muster".to_owned(), keymap, ZONE, now(), snapshot);
        let mut scene = Self { model, effects: Vec::new() };
        scene.tell(Message::Resize(width, height));
        scene.effects.clear();
        scene
    }

    pub fn new() -> Self {
        Self::sized(80, 24)
    }

    pub fn tell(&mut self, message: Message) {
        let effects = self.model.update(message);
        self.effects.extend(effects);
    }

    pub fn state(&mut self, live: LiveState, roster: RosterState) {
        let inbox = Arc::clone(&self.model.snapshot.inbox);
        let role = self.model.snapshot.role;
        let snapshot =
            Snapshot { live: Arc::new(live), roster: Arc::new(roster), inbox, role, link: Arc::default() };
        self.tell(Message::State(snapshot, Arc::clone(&self.model.preview)));
    }

    pub fn inbox(&mut self, inbox: InboxState) {
        let snapshot = Snapshot { inbox: Arc::new(inbox), ..self.model.snapshot.clone() };
        self.tell(Message::State(snapshot, Arc::clone(&self.model.preview)));
    }

    pub fn source(&mut self, state: SourceState) {
        let mut live = (*self.model.snapshot.live).clone();
        live.source_mut().state = state;
        self.state(live, (*self.model.snapshot.roster).clone());
    }

    /// Answers the last command.
    pub fn answer(&mut self, reply: Result<Reply, CommandError>) {
        let purpose = self.sent().expect("a command was sent").1;
        self.tell(Message::Reply(purpose, Box::new(reply)));
    }

    /// Gives the dialog that explains an entry what it asked for.
    pub fn explain(&mut self, whole: Option<NamedEntry>) {
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Explain(id, _) => Some(*id),
            _ => None,
        });
        self.tell(Message::Explained(asked.expect("an entry was asked for"), whole.map(Box::new)));
    }

    /// The last command that was sent.
    pub fn sent(&self) -> Option<(Command, Purpose)> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send(command, purpose) => Some((command.clone(), purpose.clone())),
            _ => None,
        })
    }

    /// Presses keys: names of keys by themselves, everything else character by character.
    pub fn press(mut self, keys: &str) -> Self {
        for event in keys.split(' ').flat_map(key_events) {
            self.tell(Message::Key(event));
        }
        self
    }

    pub fn then(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn draw(&self, theme: &Theme) -> Buffer {
        let size = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height));
        view(&self.model, theme, buffer.area, &mut buffer);
        buffer
    }

    /// The screen without its styles.
    pub fn text(&self) -> String {
        text_of(&self.draw(&Theme::plain()))
    }

    pub fn selected_name(&self) -> String {
        self.model.selected_row().map_or_else(|| "nobody".to_owned(), |row| row.name.to_string())
    }

    pub fn notice(&self) -> &str {
        self.model.notice.as_ref().map_or("", |notice| &notice.text)
    }
}

fn key_events(word: &str) -> Vec<KeyEvent> {
    let named = |code| vec![KeyEvent::new(code, KeyModifiers::NONE)];
    match word {
        "enter" => named(KeyCode::Enter),
        "esc" => named(KeyCode::Esc),
        "tab" => named(KeyCode::Tab),
        "space" => named(KeyCode::Char(' ')),
        "end" => named(KeyCode::End),
        "home" => named(KeyCode::Home),
        "pgdn" => named(KeyCode::PageDown),
        "backspace" => named(KeyCode::Backspace),
        "F1" => named(KeyCode::F(1)),
        _ => word.chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)).collect(),
    }
}

/// The symbols of a buffer, row by row, without the cells that a wide character hides.
pub fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        let mut line = String::new();
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += super::text::width(symbol).max(1) as u16;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// An engine whose answers are written down beforehand.
pub struct FakeEngine {
    pub handle: EngineHandle,
    pub board: Arc<Board>,
    calls: Receiver<(Actor, Call)>,
    events: Vec<Sender<EngineEvent>>,
    pub log: Vec<LogEntry>,
    pub whole: Vec<NamedEntry>,
    pub answers: VecDeque<Result<Reply, CommandError>>,
    pub commands: Vec<Command>,
}

impl FakeEngine {
    pub fn new() -> Self {
        let (sender, calls) = unbounded();
        let board = Arc::new(Board::new(Access::new(1000)));
        board.live.set(live());
        board.roster.set(roster());
        board.preview.set(Some(preview(1)));
        let handle = EngineHandle::new(sender, Arc::clone(&board), Actor::Local { uid: 1000 });
        let (events, answers, commands) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { handle, board, calls, events, log: morning(), whole: Vec::new(), answers, commands }
    }

    /// Waits for one call and answers it.
    pub fn serve_one(&mut self) {
        match self.calls.recv().unwrap().1 {
            Call::Command(request, reply) => {
                let answer = self.answers.pop_front().unwrap_or(Ok(Reply::Done));
                if let Ok(Reply::Enrolled { person, .. }) = &answer {
                    self.enrol(person);
                }
                self.commands.push(request.command);
                reply.send(answer).unwrap();
            }
            Call::Subscribe(events) => self.events.push(events),
            Call::EntriesSince(after, limit, page) => {
                let entries = self.log.iter().filter(|entry| entry.sequence > after);
                page.send(Ok(entries.take(limit).cloned().collect())).unwrap();
            }
            Call::EntriesBefore(before, limit, page) => {
                let entries = self.log.iter().rev().filter(|entry| entry.sequence < before);
                page.send(Ok(entries.take(limit).cloned().collect())).unwrap();
            }
            Call::WholeEntriesSince(after, limit, page) => {
                let entries = self.whole.iter().filter(|entry| entry.entry.head.sequence > after);
                page.send(Ok(entries.take(limit).cloned().collect())).unwrap();
            }
            Call::Threshold(..) | Call::Host(_) => {}
            Call::RecordsBetween(_, _, page)
            | Call::HeldBetween(_, _, page)
            | Call::EntriesBetween(_, _, page) => page.send(Ok(Vec::new())).unwrap(),
        }
    }

    fn enrol(&mut self, person: &Person) {
        let mut roster = (*self.board.roster.get()).clone();
        roster.rows.push(RosterRow {
            person: person.id,
            name: person.name.clone(),
            identifier: person.identifier.clone(),
            groups: Vec::new(),
            face: FaceUse::On,
            templates: 1,
            presence: None,
        });
        self.board.roster.set(roster);
    }

    pub fn say(&self, event: &EngineEvent) {
        for events in &self.events {
            events.send(event.clone()).unwrap();
        }
    }
}
