//! Random keys, sizes and events: nothing panics, and no selection is lost without a word.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::engine::state::SourceState;
use crate::engine::{CommandError, EngineEvent, Reply};
use crate::ledger::EntryKind;
use crate::tui::keymap::{Key, Keymap, Mode};
use crate::tui::message::{Effect, LogQuery, Message};
use crate::tui::testing::{RUN, Scene, colour, entry, live, now, preview, roster, shot};
use crate::tui::view::view;

/// What happens, drawn by lot.
#[derive(Debug, Clone)]
enum Step {
    BoundKey(usize),
    Character(char),
    Paste(String),
    Resize(u16, u16),
    Entry(u64),
    Lagged,
    RosterWithout(usize),
    Source(u8),
    Answer(bool),
    Page(u64),
    Tick(i64),
    Mouse(u8, u16, u16),
}

/// Every key of every mode, in the order of the keymap.
fn bound_keys() -> Vec<Key> {
    let keymap = Keymap::built_in().unwrap();
    keymap.bindings().iter().flat_map(|binding| binding.keys.clone()).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let keys = bound_keys().len();
    prop_oneof![
        8 => (0..keys).prop_map(Step::BoundKey),
        2 => any::<char>().prop_map(Step::Character),
        1 => any::<String>().prop_map(Step::Paste),
        1 => (0u16..200, 0u16..70).prop_map(|(w, h)| Step::Resize(w, h)),
        2 => (0u64..2_000).prop_map(Step::Entry),
        1 => Just(Step::Lagged),
        1 => (0usize..10).prop_map(Step::RosterWithout),
        1 => (0u8..5).prop_map(Step::Source),
        2 => any::<bool>().prop_map(Step::Answer),
        1 => (0u64..2_000).prop_map(Step::Page),
        1 => (0i64..30).prop_map(Step::Tick),
        2 => (0u8..5, 0u16..200, 0u16..70).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
    ]
}

fn take(scene: &mut Scene, step: Step) {
    match step {
        Step::BoundKey(at) => {
            let key = bound_keys()[at];
            scene.tell(Message::Key(key.event()));
        }
        Step::Character(c) => {
            let code = ratatui::crossterm::event::KeyCode::Char(c);
            scene.tell(Message::Key(code.into()));
        }
        Step::Paste(text) => scene.tell(Message::Paste(text)),
        Step::Resize(width, height) => scene.tell(Message::Resize(width, height)),
        Step::Entry(n) => {
            let entry = entry(n, EntryKind::Passage, Some((1, "Ana Müller")));
            scene.tell(Message::Engine(EngineEvent::Entry(entry)));
        }
        Step::Lagged => scene.tell(Message::Engine(EngineEvent::Lagged(5))),
        Step::RosterWithout(at) => {
            let mut changed = roster();
            if at < changed.rows.len() {
                changed.rows.remove(at);
            }
            scene.state(live(), changed);
        }
        Step::Source(which) => scene.source(match which {
            0 => SourceState::None,
            1 => SourceState::Opening,
            2 => SourceState::Paused,
            3 => SourceState::Ended,
            _ => SourceState::Lost { reason: "gone".to_owned(), retry_at: Some(now()) },
        }),
        Step::Answer(good) => {
            let Some((command, purpose)) = scene.sent() else { return };
            let reply = match (good, command) {
                (true, crate::engine::Command::BeginShooting) => Ok(Reply::Shooting(RUN)),
                (true, crate::engine::Command::EndShooting(_)) => {
                    Ok(Reply::Shots(vec![shot(Some((1, 0.5))); 2]))
                }
                (true, crate::engine::Command::TakeShot) => Ok(Reply::Shot(shot(Some((1, 0.5))))),
                (true, _) => Ok(Reply::Done),
                (false, _) => Err(CommandError::NoSuchPerson),
            };
            scene.tell(Message::Reply(purpose, Box::new(reply)));
        }
        Step::Page(n) => {
            let page = (n..n + 5).map(|n| entry(n, EntryKind::Started, None)).collect();
            scene.tell(Message::Log(LogQuery::Since(crate::ledger::Sequence(n)), page));
        }
        Step::Mouse(kind, column, row) => {
            use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
            let left = MouseButton::Left;
            let kind = match kind {
                0 => MouseEventKind::Down(left),
                1 => MouseEventKind::Drag(left),
                2 => MouseEventKind::Up(left),
                3 => MouseEventKind::ScrollUp,
                _ => MouseEventKind::ScrollDown,
            };
            scene.tell(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        }
        Step::Tick(seconds) => scene.tell(Message::Tick(now() + chrono::TimeDelta::seconds(seconds))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn nothing_panics_and_the_selection_is_not_lost_silently(steps in proptest::collection::vec(step(), 1..60)) {
        let mut scene = Scene::new();
        scene.tell(Message::State(scene.model.snapshot.clone(), Arc::new(Some(preview(2)))));
        for step in steps {
            let before = scene.model.roster.selected();
            let was_movement = matches!(
                step,
                Step::BoundKey(_) | Step::Character(_) | Step::Answer(_) | Step::Mouse(..)
            ) || (scene.model.mode() == Mode::Filter && matches!(step, Step::Paste(_)));
            take(&mut scene, step.clone());
            scene.effects.retain(|effect| !matches!(effect, Effect::LoadLog(_)));
            let after = scene.model.roster.selected();
            prop_assert!(
                was_movement || before == after || scene.notice().contains("not on the roster any more"),
                "{step:?} moved the selection from {before:?} to {after:?}"
            );
            let rows = &scene.model.snapshot.roster.rows;
            let is_there = after.is_some_and(|person| rows.iter().any(|row| row.person == person));
            prop_assert_eq!(is_there, scene.model.roster.shown() > 0);
            prop_assert!(!scene.model.roster.filter().is_empty() || scene.model.roster.shown() == rows.len());
            let size = scene.model.size;
            let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height));
            view(&scene.model, &colour(), buffer.area, &mut buffer);
            for cell in buffer.content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control));
            }
        }
    }
}
