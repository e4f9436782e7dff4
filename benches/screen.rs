//! The screen: from a key to the bytes for the terminal at 200x60, with 10,000 people on the roster and a history
//! of 1,000,000 entries held, beside the same with a hundred times fewer; and a picture of 640x360 for each way
//! in which a terminal takes one: `cargo bench --bench screen`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends there")]

use std::io::{self, Write};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use divan::{Bencher, black_box};
use muster::attendance::zone::SiteZone;
use muster::attendance::{FaceUse, PersonId, Presence, PresenceState};
use muster::engine::handle::Snapshot;
use muster::engine::state::{Preview, RosterRow, SourceState, SourceStatus};
use muster::engine::{LiveState, LogEntry, RosterState};
use muster::face::Similarity;
use muster::ledger::{Actor, EntryKind, Sequence};
use muster::tui::graphics::encode::{Job, encode};
use muster::tui::graphics::{CellSize, Graphics, Screen};
use muster::tui::keymap::{Key, Keymap};
use muster::tui::message::{LogQuery, Message};
use muster::tui::model::Model;
use muster::tui::pane::picture::Pixels;
use muster::tui::theme::{Palette, PictureStyle, Theme, ThemeFile};
use muster::tui::view::view;
use ratatui::Terminal;
use ratatui::TerminalOptions;
use ratatui::Viewport;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ulid::Ulid;

const WIDTH: u16 = 200;
const HEIGHT: u16 = 60;

fn main() {
    divan::main();
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_438_700, 0).unwrap()
}

fn person(number: usize) -> PersonId {
    PersonId(Ulid(number as u128 + 1))
}

fn roster(people: usize) -> RosterState {
    let row = |number: usize| {
        let since = now() - TimeDelta::minutes((number % 300) as i64);
        let state = [PresenceState::Present, PresenceState::Left][number % 2];
        RosterRow {
            person: person(number),
            name: format!("Person {number:05} Lindqvist").parse().unwrap(),
            identifier: Some(format!("S-{number:05}").parse().unwrap()),
            groups: Vec::new(),
            face: FaceUse::On,
            templates: 1,
            presence: (!number.is_multiple_of(3)).then_some(Presence { state, since, last_record: since }),
        }
    };
    RosterState { rows: (0..people).map(row).collect(), templates: people as u32, ..RosterState::default() }
}

fn entry(sequence: usize, people: usize) -> LogEntry {
    let number = sequence % people;
    LogEntry {
        sequence: Sequence(sequence as u64),
        at: now() - TimeDelta::seconds(2 * (1_000_000 - sequence as i64)),
        kind: EntryKind::Passage,
        actor: Actor::Door,
        operator_key: None,
        person: Some(person(number)),
        name: Some(format!("Person {number:05} Lindqvist").parse().unwrap()),
        state: Some(PresenceState::Present),
        similarity: Some(Similarity(0.71)),
        best: None,
        note: None,
        clock: muster::ledger::ClockState::Synchronised,
        details: muster::ledger::RecordDetails::default(),
        facts: None,
    }
}

/// A screen with everything held, the log scrolled back, and a picture.
fn model(people: usize, entries: usize) -> Model {
    let source = SourceStatus {
        name: "camera:0".to_owned(),
        state: SourceState::Streaming,
        width: 1280,
        height: 720,
        ..SourceStatus::default()
    };
    let snapshot = Snapshot {
        role: Some(muster::access::Role::Admin),
        live: Arc::new(LiveState { sources: vec![source], ..LiveState::default() }),
        roster: Arc::new(roster(people)),
        inbox: Arc::default(),
        link: Arc::default(),
    };
    let keymap = Arc::new(Keymap::built_in().unwrap());
    let mut model = Model::new("muster".to_owned(), keymap, SiteZone::UTC, now(), snapshot.clone());
    model.update(Message::Resize(WIDTH, HEIGHT));
    let query = LogQuery::Before(Sequence(u64::MAX));
    model.update(Message::Log(query, (entries - 100..=entries).map(|n| entry(n, people)).collect()));
    // Who scrolls back keeps what they scroll.
    for key in ["tab", "j"] {
        model.update(Message::Key(key.parse::<Key>().unwrap().event()));
    }
    model.update(Message::Log(query, (1..entries - 100).rev().map(|n| entry(n, people)).collect()));
    model.update(Message::State(snapshot, Arc::new(Some(picture(118, 66, 1)))));
    model
}

fn picture(width: u32, height: u32, frame: u64) -> Preview {
    let pixel = |at: u32| [(at % 251) as u8, (at / 7 % 241) as u8, ((at + frame as u32 * 5) % 239) as u8];
    Preview { width, height, rgb: (0..width * height).flat_map(pixel).collect(), frame }
}

fn theme() -> Theme {
    Theme::in_colour(&Palette::read(&ThemeFile::built_in("dark").unwrap()).unwrap())
}

/// Takes what is written and counts it.
#[derive(Default)]
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SIZES: [(usize, usize); 2] = [(100, 10_000), (10_000, 1_000_000)];

/// A key, and everything that follows from it until the bytes are written.
#[divan::bench(args = SIZES)]
fn key_to_bytes(bencher: Bencher, (people, entries): (usize, usize)) {
    let mut model = model(people, entries);
    let theme = theme();
    let viewport = Viewport::Fixed(Rect::new(0, 0, WIDTH, HEIGHT));
    let backend = CrosstermBackend::new(Sink::default());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    let keys = ["j", "tab", "j", "tab", "k", "tab"].map(|key| key.parse::<Key>().unwrap().event());
    let mut turn = 0;
    bencher.bench_local(|| {
        model.update(Message::Key(keys[turn % keys.len()]));
        turn += 1;
        terminal.draw(|frame| view(&model, &theme, frame.area(), frame.buffer_mut())).unwrap();
    });
}

/// A new picture in every cell of the preview.
#[divan::bench(args = SIZES)]
fn picture_to_bytes(bencher: Bencher, (people, entries): (usize, usize)) {
    let mut model = model(people, entries);
    let theme = theme();
    let viewport = Viewport::Fixed(Rect::new(0, 0, WIDTH, HEIGHT));
    let backend = CrosstermBackend::new(Sink::default());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    let mut frame = 1;
    bencher.bench_local(|| {
        frame += 1;
        model.update(Message::State(model.snapshot.clone(), Arc::new(Some(picture(118, 66, frame)))));
        terminal.draw(|frame| view(&model, &theme, frame.area(), frame.buffer_mut())).unwrap();
    });
}

/// Somebody is recorded: the roster is new, and is put in order once.
#[divan::bench(args = SIZES)]
fn record_to_buffer(bencher: Bencher, (people, entries): (usize, usize)) {
    let mut model = model(people, entries);
    let theme = theme();
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let rosters = [Arc::new(roster(people)), Arc::new(roster(people))];
    let mut turn = 0;
    let mut buffer = Buffer::empty(area);
    bencher.bench_local(|| {
        turn += 1;
        let snapshot = Snapshot { roster: Arc::clone(&rosters[turn % 2]), ..model.snapshot.clone() };
        model.update(Message::State(snapshot, Arc::clone(&model.preview)));
        buffer.reset();
        view(&model, &theme, area, &mut buffer);
    });
}

/// A picture of 640x360 for 64 by 18 cells.
#[divan::bench(args = ["kitty", "iterm2", "sixel"])]
fn encode_picture(bencher: Bencher, how: &str) {
    let graphics = match how {
        "kitty" => Graphics::Kitty,
        "iterm2" => Graphics::Iterm2,
        _ => Graphics::Sixel,
    };
    let job = Job {
        preview: Arc::new(Some(picture(640, 360, 1))),
        marks: Vec::new(),
        room: Size::new(64, 18),
        screen: Screen { graphics, cell: CellSize { width: 10, height: 20 } },
    };
    bencher.bench_local(|| black_box(encode(&job)));
}

/// The same picture in half blocks, by this crate's widget.
#[divan::bench]
fn half_blocks(bencher: Bencher) {
    let preview = picture(640, 360, 1);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 64, 18));
    bencher.bench_local(|| {
        let pixels = Pixels { width: preview.width, height: preview.height, rgb: &preview.rgb };
        pixels.draw(PictureStyle::TrueColour, buffer.area, &mut buffer)
    });
}
