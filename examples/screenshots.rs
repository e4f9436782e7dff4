//! Draws the pictures of the docs: the demo's engine with its real nets, the real screen on a
//! backend that keeps what is drawn, and the keys that a person would press.
//!
//! `make screenshots` runs it. It writes `docs/screens/*.svg`, or `DIR/*.svg` for `screenshots DIR`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use muster::attendance::PresenceState;
use muster::cli::{demo, lines};
use muster::config::{Effective, Environment, Flags};
use muster::engine::state::{Recorded, SourceState, TrackVerdict};
use muster::tui::kiosk::KioskOptions;
use muster::tui::model::Model;
use muster::tui::shell::Shell;
use muster::tui::svg::svg;
use muster::tui::theme::{Palette, Theme, ThemeFile};
use muster::tui::{Input, TuiOptions};
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::layout::Size;

/// A theme of the program in 24-bit colours.
fn in_colour(name: &str) -> Outcome<Theme> {
    let file = ThemeFile::built_in(name).ok_or("there is no such theme")?;
    Ok(Theme::in_colour(&Palette::read(&file)?))
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// For each thing that is waited for: several rounds of the demo.
const PATIENCE: Duration = Duration::from_secs(180);

/// The screen, the keys that it reads, and where its pictures go.
struct Studio {
    shell: Shell<TestBackend>,
    keys: Sender<Input>,
    folder: PathBuf,
}

impl Studio {
    /// One turn of the screen's own loop.
    fn turn(&mut self) -> Outcome<()> {
        self.shell.draw_if_due()?;
        self.shell.wait(Duration::from_secs(1))?;
        Ok(())
    }

    /// Waits until `is_so`.
    fn until(&mut self, what: &str, is_so: impl Fn(&Model) -> bool) -> Outcome<()> {
        let until = Instant::now() + PATIENCE;
        while !is_so(self.shell.model()) {
            if Instant::now() > until {
                return Err(format!("this never came: {what}; the screen is\n{}", self.text()).into());
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until the screen says `words`.
    fn until_said(&mut self, words: &str) -> Outcome<()> {
        let until = Instant::now() + PATIENCE;
        while !self.text().contains(words) {
            if Instant::now() > until {
                return Err(format!("the screen never said {words:?}:\n{}", self.text()).into());
            }
            self.turn()?;
        }
        Ok(())
    }

    fn text(&self) -> String {
        let picture = self.shell.picture();
        let rows = picture.content().chunks(usize::from(picture.area.width).max(1));
        let lines = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn press(&mut self, codes: impl IntoIterator<Item = KeyCode>) -> Outcome<()> {
        for code in codes {
            self.keys.send(Input::Terminal(Event::Key(KeyEvent::from(code))))?;
            self.shell.wait(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Makes the screen this large and waits for a picture of that size.
    fn resize(&mut self, width: u16, height: u16) -> Outcome<()> {
        self.keys.send(Input::Terminal(Event::Resize(width, height)))?;
        let size = Size::new(width, height);
        self.until("the new size", |model| model.size == size)?;
        let frame = self.frame();
        self.until("a picture of the new size", |model| frame_of(model) > frame)
    }

    fn frame(&self) -> u64 {
        frame_of(self.shell.model())
    }

    /// Writes the screen as it is.
    fn draw(&self, name: &str, title: &str) -> Outcome<()> {
        let path = self.folder.join(name).with_extension("svg");
        let picture = svg(&self.shell.picture(), title);
        std::fs::write(&path, &picture)?;
        println!("{} ({} KiB)", path.display(), picture.len().div_ceil(1024));
        Ok(())
    }
}

fn frame_of(model: &Model) -> u64 {
    (*model.preview).as_ref().map_or(0, |preview| preview.frame)
}

fn present(model: &Model) -> usize {
    let is_present = |state| state == PresenceState::Present;
    let rows = &model.snapshot.roster.rows;
    rows.iter().filter(|row| row.presence.is_some_and(|presence| is_present(presence.state))).count()
}

/// Faces in view whose passage is recorded, and faces of strangers.
fn in_view(model: &Model) -> (usize, usize) {
    let tracks = &model.snapshot.live.tracks;
    let count = |is: fn(&TrackVerdict) -> bool| tracks.iter().filter(|track| is(&track.verdict)).count();
    (
        count(|verdict| matches!(verdict, TrackVerdict::Identified { recorded: Recorded::Yes, .. })),
        count(|verdict| matches!(verdict, TrackVerdict::Unidentified)),
    )
}

/// Whether a stranger, and nobody else, is in view.
fn is_one_stranger(model: &Model) -> bool {
    model.snapshot.live.tracks.len() == 1 && in_view(model) == (0, 1)
}

/// The view of the person at the door: somebody welcome, and somebody whom nobody knows.
fn take_kiosk(studio: &mut Studio) -> Outcome<()> {
    studio.resize(100, 30)?;
    studio.press([KeyCode::Char('K')])?;
    studio.until_said("✓")?;
    studio.draw("kiosk", "muster: the kiosk view, for the person at the door")?;
    studio.until("a stranger alone", is_one_stranger)?;
    studio.until_said("? ")?;
    studio.draw("kiosk-refused", "muster: the kiosk view, and somebody who is not recognised")?;
    studio.press([KeyCode::Esc])?;
    studio.press("0000".chars().map(KeyCode::Char))?;
    studio.press([KeyCode::Enter])?;
    studio.until_said("Roster")?;
    studio.resize(120, 40)
}

/// A session, a correction and a month.
fn take_record(studio: &mut Studio) -> Outcome<()> {
    studio.press([KeyCode::Char('S'), KeyCode::Char('n')])?;
    studio.press("maths".chars().map(KeyCode::Char))?;
    studio.press([KeyCode::Enter])?;
    studio.until_said("on time")?;
    studio.draw("sessions", "muster: a session, and who of those expected is here")?;
    studio.press([KeyCode::Esc, KeyCode::Tab, KeyCode::Char('/')])?;
    studio.press("identified".chars().map(KeyCode::Char))?;
    studio.press([KeyCode::Enter, KeyCode::Char('C')])?;
    studio.until_said("Correct entry")?;
    studio.press("left with a visitor".chars().map(KeyCode::Char))?;
    studio.draw("correct", "muster: an entry is corrected, and stays")?;
    studio.press([KeyCode::Esc, KeyCode::Char('M')])?;
    studio.until_said("h in all")?;
    studio.draw("month", "muster: a month of one person at a glance")?;
    studio.press([KeyCode::Esc, KeyCode::Esc, KeyCode::BackTab])
}

fn take_pictures(studio: &mut Studio) -> Outcome<()> {
    studio.until("three people present, and one of them beside a stranger", |model| {
        let (known, strangers) = in_view(model);
        present(model) >= 3 && known >= 1 && strangers >= 1 && model.snapshot.live.store_queue == 0
    })?;
    studio.draw("main", "muster: live picture, roster and log")?;
    take_kiosk(studio)?;
    for (name, width, height) in [("main-80x24", 80, 24), ("main-60x16", 60, 16)] {
        studio.resize(width, height)?;
        studio.until("somebody who is recognised", |model| in_view(model).0 >= 1)?;
        studio.draw(name, &format!("muster at {width} by {height}"))?;
    }
    studio.resize(100, 30)?;
    studio.press([KeyCode::Char('r')])?;
    studio.draw("roll-call", "muster: the roll call")?;
    studio.press([KeyCode::Esc, KeyCode::Char('s')])?;
    studio.until_said("Arrivals on")?;
    studio.draw("stats", "muster: arrivals over the day, and the stages of a frame")?;
    studio.press([KeyCode::Esc])?;
    take_record(studio)?;
    studio.resize(80, 24)?;
    for theme in ["dark", "light", "high-contrast"] {
        studio.shell.set_theme(in_colour(theme)?);
        studio.draw(&format!("theme-{theme}"), &format!("muster in the theme {theme}"))?;
    }
    studio.shell.set_theme(in_colour("ansi16")?);
    studio.resize(100, 30)?;
    studio.press([KeyCode::Char(':')])?;
    studio.press("roster".chars().map(KeyCode::Char))?;
    studio.draw("palette", "muster: every action and every subcommand by its name")?;
    studio.press([KeyCode::Esc])?;
    studio.press([KeyCode::Char('?')])?;
    studio.draw("help", "muster: every key")?;
    studio.press([KeyCode::Esc])?;
    studio.press([KeyCode::Tab, KeyCode::Char('w')])?;
    studio.until_said("model ")?;
    studio.draw("why", "muster: why an entry of the log says what it says")?;
    studio.press([KeyCode::Esc, KeyCode::Char('i')])?;
    // Whom the selected one is most like, in brackets how much, comes with the picture.
    studio.until_said("(")?;
    studio.draw("inbox", "muster: people whom nobody knows")?;
    studio.press([KeyCode::Esc])?;
    studio.until("a stranger alone", is_one_stranger)?;
    studio.press([KeyCode::Char('e'), KeyCode::Char('E'), KeyCode::Enter])?;
    studio.until_said(" of 4 pictures")?;
    studio.draw("enrol-coach", "muster: pictures are taken by themselves")?;
    studio.press([KeyCode::Esc])?;
    // Alone in the picture, so that it is clear who is meant; held by a pause.
    loop {
        studio.until("a stranger alone", is_one_stranger)?;
        studio.press([KeyCode::Char('p')])?;
        studio.until("a pause", |model| model.snapshot.live.source().state == SourceState::Paused)?;
        if is_one_stranger(studio.shell.model()) {
            break;
        }
        studio.press([KeyCode::Char('p')])?;
        studio.until("no pause", |model| model.snapshot.live.source().state != SourceState::Paused)?;
    }
    studio.press([KeyCode::Char('e')])?;
    studio.press("Eileen Collins".chars().map(KeyCode::Char))?;
    studio.press([KeyCode::Tab])?;
    studio.press("4711".chars().map(KeyCode::Char))?;
    studio.draw("enrol-name", "muster: the name of somebody new")?;
    studio.press([KeyCode::Enter])?;
    studio.until_said("enter enrols with this picture")?;
    studio.draw("enrol-picture", "muster: the picture is looked at before it is kept")
}

fn main() -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::args_os().nth(1).map_or_else(|| root.join("docs/screens"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let store = tempfile::tempdir()?;
    let flags = Flags {
        data_dir: Some(store.path().to_owned()),
        models_dir: Some(root.join("models")),
        ..Flags::default()
    };
    // Nobody's configuration: the pictures show the defaults.
    let environment = Environment { system_root: store.path().to_owned(), ..Environment::default() };
    let effective = Effective::resolve(&flags, &environment)?;
    let hosted = demo::live(&effective, store.path()).map_err(|error| error.to_string())?;
    let (keys, inputs) = unbounded();
    let runner = lines::runner(&effective);
    let kiosk = KioskOptions { check_pin: Some(Arc::new(|pin| pin == "0000")), ..KioskOptions::default() };
    let options = TuiOptions { title: "muster".to_owned(), runner, kiosk, ..TuiOptions::default() };
    let theme = in_colour("ansi16")?;
    let backend = TestBackend::new(120, 40);
    let shell = Shell::new(backend, inputs, hosted.handle(), &options, theme)?;
    take_pictures(&mut Studio { shell, keys, folder })
}
