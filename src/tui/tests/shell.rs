//! The loop over a backend that keeps what is drawn and an engine that answers from a script.

use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent};

use crate::attendance::Person;
use crate::engine::command::{EnrolmentNotes, EnrolmentSource, EnrolmentTarget, SelfTest, SelfTestOf};
use crate::engine::state::ShootingView;
use crate::engine::{Command, EngineEvent, LiveState, Reply};
use crate::ledger::EntryKind;
use crate::tui::shell::Shell;
use crate::tui::testing::{FakeEngine, RUN, ZONE, entry, live, now, person, shot, text_of};
use crate::tui::theme::Theme;
use crate::tui::{Exit, Input, TuiError, TuiOptions};

/// Longer than anything here takes; what is waited for ends a wait at once.
const LONG: Duration = Duration::from_secs(30);

struct Stage {
    engine: FakeEngine,
    shell: Shell<TestBackend>,
    keys: Sender<Input>,
}

impl Stage {
    /// A shell with its subscription taken and the first page of the log read.
    fn new() -> Self {
        Self::with_preview(true)
    }

    fn with_preview(preview: bool) -> Self {
        let mut engine = FakeEngine::new();
        let (keys, inputs) = unbounded();
        let options = TuiOptions {
            title: "muster".to_owned(),
            now,
            zone: ZONE,
            no_color: true,
            preview,
            ..TuiOptions::default()
        };
        let backend = TestBackend::new(80, 24);
        let shell = Shell::new(backend, inputs, &engine.handle, &options, Theme::plain()).unwrap();
        engine.serve_one();
        engine.serve_one();
        let mut stage = Self { engine, shell, keys };
        stage.wait_for("identified");
        stage
    }

    fn press(&mut self, code: KeyCode) {
        self.keys.send(Input::Terminal(Event::Key(KeyEvent::from(code)))).unwrap();
        self.shell.wait(LONG).unwrap();
    }

    /// Lets the engine answer a command and the shell take the answer, which shows as `expected`.
    fn answer(&mut self, reply: Reply, expected: &str) {
        self.engine.answers.push_back(Ok(reply));
        self.engine.serve_one();
        self.wait_for(expected);
    }

    /// Runs the loop until the screen says `expected`. Each turn waits for something to come, so
    /// that only a screen that never says it uses the turns up.
    fn wait_for(&mut self, expected: &str) {
        for _ in 0..20 {
            self.shell.draw_if_due().unwrap();
            if self.text().contains(expected) {
                return;
            }
            self.shell.wait(LONG).unwrap();
        }
        panic!("the screen never said {expected:?}:\n{}", self.text());
    }

    fn text(&self) -> String {
        text_of(&self.shell.picture())
    }
}

#[test]
fn somebody_is_enrolled_from_the_first_key_to_the_roster() {
    let mut stage = Stage::new();
    assert!(stage.text().contains("山田 太郎"));
    stage.press(KeyCode::Char('e'));
    for c in "Eve".chars() {
        stage.press(KeyCode::Char(c));
    }
    stage.press(KeyCode::Enter);
    let view = ShootingView { id: RUN, taken: 0, wanted: 4, said: "too dark".to_owned(), complete: false };
    stage.engine.board.live.set(LiveState { shooting: Some(view), ..live() });
    stage.answer(Reply::Shooting(RUN), "Look into the camera");
    stage.engine.say(&EngineEvent::StateChanged);
    stage.wait_for("0 of 4 pictures");
    stage.press(KeyCode::Char(' '));
    stage.engine.answers.push_back(Ok(Reply::Shots(vec![])));
    stage.engine.serve_one();
    stage.answer(Reply::Shot(shot(Some((1, 0.2)))), "trying it on the live picture");
    let test = SelfTest { frames: 8, identified: 7, similarity: None, threshold: None };
    stage.answer(Reply::SelfTest(test), "✓ recognised in 7 of 8 frames");
    stage.press(KeyCode::Enter);
    let eve = Person {
        id: person(9),
        name: "Eve".parse().unwrap(),
        identifier: None,
        created_at: now(),
        removed_at: None,
        particulars: crate::attendance::Particulars::default(),
    };
    let notes = EnrolmentNotes::default();
    stage.answer(Reply::Enrolled { person: eve, templates_added: 1, notes }, "Eve is enrolled");
    let target = EnrolmentTarget::New { name: "Eve".parse().unwrap(), identifier: None };
    let source = EnrolmentSource::Shots(vec![shot(None).id]);
    let commands = [
        Command::BeginShooting,
        Command::EndShooting(RUN),
        Command::TakeShot,
        Command::SelfTest(SelfTestOf::Shots(vec![shot(None).id])),
        Command::Enrol { target, source, anyway: true },
    ];
    assert_eq!(stage.engine.commands, commands);
    assert_eq!(stage.shell.model().roster.selected(), Some(person(9)));
}

#[test]
fn events_of_the_engine_reach_the_screen() {
    let mut stage = Stage::new();
    let line = entry(13, EntryKind::Removed, Some((3, "Chidi Okafor")));
    stage.engine.say(&EngineEvent::Entry(line));
    stage.wait_for("removed         Chidi Okafor");
    stage.engine.board.roster.set(crate::engine::RosterState::default());
    stage.engine.say(&EngineEvent::StateChanged);
    stage.wait_for("nobody is enrolled yet");
}

#[test]
fn the_preview_is_asked_for_and_given_up() {
    let mut stage = Stage::new();
    let request = stage.engine.board.preview_request.get().unwrap();
    assert_eq!((request.max_width, request.max_height), (38, 22));
    stage.keys.send(Input::Terminal(Event::Key(KeyCode::Char('q').into()))).unwrap();
    assert_eq!(stage.shell.run().unwrap(), Exit::Quit);
    assert_eq!(*stage.engine.board.preview_request.get(), None);
}

#[test]
fn without_a_preview_none_is_asked_for_and_the_boxes_come_all_the_same() {
    let mut stage = Stage::with_preview(false);
    assert_eq!(*stage.engine.board.preview_request.get(), None);
    stage.wait_for("✓ Ana Müller 0.71");
    let resize = Event::Resize(120, 40);
    stage.keys.send(Input::Terminal(resize)).unwrap();
    stage.shell.wait(LONG).unwrap();
    assert_eq!(*stage.engine.board.preview_request.get(), None);
}

#[test]
fn signals_a_stopped_engine_and_a_lost_terminal_end_the_screen() {
    let mut stage = Stage::new();
    stage.keys.send(Input::Signal(15)).unwrap();
    assert_eq!(stage.shell.run().unwrap(), Exit::Signal(15));
    let mut stage = Stage::new();
    stage.engine.say(&EngineEvent::Stopped);
    assert_eq!(stage.shell.run().unwrap(), Exit::EngineStopped);
    let mut stage = Stage::new();
    stage.keys.send(Input::HungUp).unwrap();
    assert!(matches!(stage.shell.run(), Err(TuiError::Gone)));
    // An engine that is dropped without a word has stopped too.
    let Stage { engine, mut shell, keys } = Stage::new();
    drop(engine);
    assert_eq!(shell.run().unwrap(), Exit::EngineStopped);
    drop(keys);
}

#[test]
fn an_unanswered_command_does_not_hold_the_keys_up() {
    let mut stage = Stage::new();
    stage.press(KeyCode::Char('p'));
    stage.press(KeyCode::Char('?'));
    assert!(stage.text().contains("Help"), "{}", stage.text());
}

#[test]
fn a_terminal_that_is_gone_is_told_from_one_that_fails() {
    let gone = |error: std::io::Error| TuiError::draw(error).is_terminal_gone();
    assert!(gone(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
    assert!(gone(std::io::Error::from_raw_os_error(5)));
    assert!(!gone(std::io::Error::from(std::io::ErrorKind::InvalidData)));
}
