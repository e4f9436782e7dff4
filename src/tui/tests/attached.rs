//! An engine in another process, and others at one in this.

use std::sync::Arc;

use super::keys::{Case, assert_closed, assert_quits, case};
use crate::engine::handle::LinkStatus;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{Effect, Message};
use crate::tui::testing::{Scene, now};

fn asked(others: usize) -> Scene {
    leaving(80, 24, others)
}

fn leaving(width: u16, height: u16, others: usize) -> Scene {
    let mut scene = Scene::sized(width, height);
    assert!(scene.model.asks_to_leave(others));
    scene
}

/// What the screen is told when the engine goes away or comes back.
fn stands(scene: &mut Scene, link: LinkStatus) {
    let mut snapshot = scene.model.snapshot.clone();
    snapshot.link = Arc::new(link);
    scene.tell(Message::State(snapshot, Arc::clone(&scene.model.preview)));
}

fn lost(width: u16, height: u16) -> Scene {
    let mut scene = Scene::sized(width, height);
    let reason = "the engine was stopped".to_owned();
    stands(&mut scene, LinkStatus::Lost { since: now(), reason });
    scene
}

pub(super) const CASES: &[Case] = &[
    case(Mode::Leave, Action::Confirm, || asked(2), |s| assert_eq!(s.effects.last(), Some(&Effect::Leave))),
    case(Mode::Leave, Action::Cancel, || asked(2), assert_closed),
    case(Mode::Leave, Action::Quit, || asked(2), assert_quits),
    case(
        Mode::Leave,
        Action::Suspend,
        || asked(2),
        |s| {
            assert_eq!(s.effects.last(), Some(&Effect::Suspend));
        },
    ),
];

screens! {
    engine_gone: lost;
    leaving_others: |width, height| leaving(width, height, 3);
}

#[test]
fn a_lost_engine_is_said_and_its_return_too() {
    let mut scene = lost(100, 30);
    assert!(scene.text().contains("engine gone") && scene.text().contains("the engine was stopped"));
    stands(&mut scene, LinkStatus::Up);
    assert!(!scene.text().contains("engine gone") && scene.text().contains("live"), "{}", scene.text());
}

#[test]
fn only_who_takes_the_engine_from_others_is_asked_and_only_once() {
    let mut scene = Scene::new();
    assert!(!scene.model.asks_to_leave(0));
    assert!(scene.model.asks_to_leave(1));
    assert!(scene.text().contains("Another terminal is attached"), "{}", scene.text());
    // Who wants to quit again has answered.
    assert!(!scene.model.asks_to_leave(1));
}
