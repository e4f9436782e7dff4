//! What waits until another admin confirms it.

use chrono::TimeDelta;

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::access::{Role, TwoPersonDeed};
use crate::engine::approvals::{ApprovalError, ApprovalId, ApprovalView, ApprovalsCommand};
use crate::engine::{Command, EngineEvent, Reply};
use crate::ledger::Actor;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{Effect, Message, Purpose};
use crate::tui::testing::{Scene, now, person};

fn request(number: u64, is_own: bool) -> ApprovalView {
    ApprovalView {
        id: ApprovalId(number),
        deed: TwoPersonDeed::Erase,
        asked_by: Actor::Local { uid: 1007 },
        asker: (!is_own).then(|| "Olga".parse().unwrap()),
        what: "erase from everything".to_owned(),
        person: Some(person(1)),
        name: Some("Ana Müller".parse().unwrap()),
        asked_at: now() - TimeDelta::minutes(1),
        expires_at: now() + TimeDelta::minutes(14),
        is_own,
    }
}

fn list(scene: &mut Scene, requests: Vec<ApprovalView>) {
    scene.tell(Message::Reply(Purpose::Approvals, Box::new(Ok(Reply::Approvals(requests)))));
}

fn asked(width: u16, height: u16) -> Scene {
    let mut scene = Scene::sized(width, height);
    list(&mut scene, vec![request(3, false), request(4, true)]);
    scene
}

fn opened() -> Scene {
    asked(80, 24).press("A")
}

fn says(scene: &Scene, words: &str) {
    assert!(scene.text().contains(words), "{words}:\n{}", scene.text());
}

fn sent(scene: &Scene) -> Option<ApprovalsCommand> {
    match scene.sent()?.0 {
        Command::Approvals(command) => Some(command),
        _ => None,
    }
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::Panes,
        Action::Approvals,
        || asked(80, 24),
        |s| {
            assert_eq!(s.model.mode(), Mode::Approvals);
            says(s, "erase from everything: Ana Müller");
        },
    ),
    case(Mode::Approvals, Action::Confirm, opened, |s| {
        assert_eq!(sent(s), Some(ApprovalsCommand::Confirm(ApprovalId(3))));
    }),
    case(Mode::Approvals, Action::Refuse, opened, |s| {
        assert_eq!(sent(s), Some(ApprovalsCommand::Refuse(ApprovalId(3))));
    }),
    case(Mode::Approvals, Action::Down, opened, |s| says(s, "You ask")),
    case(Mode::Approvals, Action::Up, || opened().press("j"), |s| says(s, "asks, until")),
    case(Mode::Approvals, Action::Cancel, opened, assert_closed),
    case(Mode::Approvals, Action::Help, opened, assert_help),
    case(Mode::Approvals, Action::Quit, opened, assert_quits),
    case(Mode::Approvals, Action::Suspend, opened, |s| {
        assert_eq!(s.effects.last(), Some(&Effect::Suspend));
    }),
];

screens! {
    approval_asked: asked;
    approval_shown: |width, height| asked(width, height).press("A");
}

#[test]
fn a_change_asks_for_the_list_where_it_is_for_whoever_looks() {
    let told = |role| {
        let mut scene = Scene::new();
        scene.model.snapshot.role = Some(role);
        scene.tell(Message::Engine(EngineEvent::ApprovalsChanged));
        sent(&scene)
    };
    assert_eq!(told(Role::Admin), Some(ApprovalsCommand::List));
    assert_eq!((told(Role::Operator), told(Role::Observer)), (None, None));
}

#[test]
fn a_question_is_said_above_the_panes_and_never_opens_by_itself() {
    let scene = asked(80, 24);
    assert_eq!(scene.model.mode(), Mode::Panes);
    says(&scene, "asks you to confirm: erase from everything");
    let mut own = Scene::new();
    list(&mut own, vec![request(4, true)]);
    assert!(!own.text().contains("asks you"), "{}", own.text());
    let mut scene = asked(80, 24);
    scene.model.snapshot.role = Some(Role::Operator);
    assert_eq!(scene.model.alert(), None);
}

#[test]
fn ones_own_is_taken_back_and_not_confirmed() {
    let scene = opened().press("j y");
    assert_eq!(sent(&scene), None);
    says(&scene, "you asked for this yourself");
    let scene = opened().press("j n");
    assert_eq!(sent(&scene), Some(ApprovalsCommand::Withdraw(ApprovalId(4))));
}

#[test]
fn another_request_never_comes_under_the_keys() {
    let mut scene = opened();
    list(&mut scene, vec![request(5, false), request(4, true)]);
    says(&scene, "does not wait any more");
    let scene = scene.press("y");
    assert_eq!(sent(&scene), None, "what was read is gone");
    let scene = scene.press("j y");
    assert_eq!(sent(&scene), Some(ApprovalsCommand::Confirm(ApprovalId(5))));
}

#[test]
fn how_it_went_is_said_where_it_was_asked() {
    let mut scene = opened().press("y");
    scene.answer(Ok(Reply::Done));
    list(&mut scene, vec![]);
    says(&scene, "the request is confirmed");
    let mut scene = opened().press("y");
    scene.answer(Err(ApprovalError::AskerMayNot.into()));
    says(&scene, "may not any more");
    let mut scene = opened().press("y esc");
    scene.answer(Ok(Reply::Done));
    assert_eq!(scene.notice(), "the request is confirmed");
    assert_eq!(Scene::new().press("A").notice(), "nothing waits for another admin");
}
