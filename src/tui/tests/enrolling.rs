//! The enrolment prompt: state, keys, state.

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::attendance::Person;
use crate::engine::command::{EnrolmentNotes, EnrolmentSource, EnrolmentTarget, SelfTest, SelfTestOf};
use crate::engine::consent::{ConsentCommand, ConsentError};
use crate::engine::state::SourceState;
use crate::engine::{Command, CommandError, Reply};
use crate::ledger::Sha256Digest;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{Effect, Message};
use crate::tui::testing::{RUN, Scene, live, now, person, roster, row, shot};

fn enrolling() -> Scene {
    Scene::new().press("e")
}

fn named() -> Scene {
    enrolling().press("Eve").press("tab").press("S-9").press("tab")
}

fn shown() -> Scene {
    begun().shooting(2, "done", true).then(|s| s.answer(Ok(Reply::Shots(vec![shot(None), shot(None)]))))
}

/// Shots are being taken.
fn begun() -> Scene {
    named().press("enter").then(|s| s.answer(Ok(Reply::Shooting(RUN))))
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::EnrolName,
        Action::Confirm,
        || enrolling().press("Eve"),
        |s| {
            assert_eq!(s.model.mode(), Mode::EnrolShot);
            assert_eq!(s.sent().unwrap().0, Command::BeginShooting);
        },
    ),
    case(Mode::EnrolName, Action::Confirm, enrolling, |s| {
        assert_eq!(s.model.mode(), Mode::EnrolName);
        assert!(s.text().contains("the name is empty"));
    }),
    case(Mode::EnrolName, Action::Next, enrolling, |s| assert!(s.text().contains("▸ identifier"))),
    case(
        Mode::EnrolName,
        Action::Previous,
        || enrolling().press("tab"),
        |s| assert!(s.text().contains("▸ name")),
    ),
    case(Mode::EnrolName, Action::Cancel, || enrolling().press("Eve"), assert_closed),
    case(Mode::EnrolName, Action::Help, enrolling, assert_help),
    case(Mode::EnrolName, Action::Quit, enrolling, assert_quits),
    case(Mode::EnrolShot, Action::Confirm, shown, |s| {
        let source = EnrolmentSource::Shots(vec![shot(None).id; 2]);
        let target =
            EnrolmentTarget::New { name: "Eve".parse().unwrap(), identifier: Some("S-9".parse().unwrap()) };
        assert_eq!(s.sent().unwrap().0, Command::Enrol { target, source, anyway: true });
    }),
    case(
        Mode::EnrolShot,
        Action::Confirm,
        || named().press("enter").then(|s| s.answer(Err(CommandError::NoFace { label: String::new() }))),
        |s| assert_eq!(s.sent().unwrap().0, Command::BeginShooting),
    ),
    case(
        Mode::EnrolShot,
        Action::Shoot,
        || shown().then(|s| s.effects.clear()),
        |s| {
            assert_eq!(s.sent().unwrap().0, Command::BeginShooting);
        },
    ),
    case(
        Mode::EnrolShot,
        Action::Shoot,
        || begun().then(|s| s.effects.clear()),
        |s| assert_eq!(commands(s), [Command::EndShooting(RUN), Command::TakeShot]),
    ),
    case(
        Mode::EnrolShot,
        Action::Confirm,
        || begun().shooting(1, "turn your head a little", false).then(|s| s.effects.clear()),
        |s| assert_eq!(commands(s), [Command::EndShooting(RUN)]),
    ),
    case(
        Mode::EnrolShot,
        Action::Cancel,
        || begun().then(|s| s.effects.clear()),
        |s| {
            assert_closed(s);
            assert_eq!(commands(s), [Command::EndShooting(RUN)]);
        },
    ),
    case(Mode::EnrolShot, Action::Agree, must_agree, |s| {
        let Command::Consent(ConsentCommand::With { digest, command }) = s.sent().unwrap().0 else {
            panic!("nothing was agreed to")
        };
        assert_eq!(digest, Sha256Digest([5; 32]));
        assert!(matches!(*command, Command::Enrol { .. }));
        assert!(s.text().contains("saving"), "{}", s.text());
    }),
    // Without the y nothing is sent again.
    case(Mode::EnrolShot, Action::Confirm, must_agree, |s| assert!(s.sent().is_none())),
    case(Mode::EnrolShot, Action::Back, must_agree, |s| {
        assert!(s.sent().is_none() && s.text().contains("enter enrols with"), "{}", s.text())
    }),
    // Where nobody asks, y does nothing.
    case(
        Mode::EnrolShot,
        Action::Agree,
        || shown().then(|s| s.effects.clear()),
        |s| assert!(s.sent().is_none()),
    ),
    case(Mode::EnrolShot, Action::Back, shown, |s| {
        assert!(s.text().contains("▸ name       Eve"), "{}", s.text())
    }),
    case(Mode::EnrolShot, Action::Cancel, shown, assert_closed),
    case(Mode::EnrolShot, Action::Help, shown, assert_help),
    case(Mode::EnrolShot, Action::Quit, shown, assert_quits),
];

/// The engine said that whoever is shown must agree first.
fn must_agree() -> Scene {
    let missing = ConsentError::Missing {
        text: "consent.md, version 2026-01".to_owned(),
        digest: Sha256Digest([5; 32]),
    };
    let scene = shown().press("enter").then(|s| s.answer(Err(missing.into())));
    assert!(scene.text().contains("consent.md, version 2026-01"), "{}", scene.text());
    scene.then(|s| s.effects.clear())
}

#[test]
fn enrolling_ends_with_the_person_selected_and_a_word() {
    let eve = Person {
        id: person(9),
        name: "Eve".parse().unwrap(),
        identifier: None,
        created_at: now(),
        removed_at: None,
        particulars: crate::attendance::Particulars::default(),
    };
    let scene = shown().press("enter").then(|s| {
        let mut with_eve = roster();
        with_eve.rows.push(row(9, "Eve", None, 1));
        s.state(live(), with_eve);
        s.answer(Ok(Reply::Enrolled { person: eve, templates_added: 2, notes: EnrolmentNotes::default() }));
    });
    assert!(scene.model.dialogs.is_empty());
    assert_eq!(scene.notice(), "Eve is enrolled");
    assert_eq!(scene.selected_name(), "Eve");
    assert_eq!(scene.sent().unwrap().0, Command::SelfTest(SelfTestOf::Person(person(9))));
    let test = |frames, identified| {
        let similarity = Some(crate::face::Similarity(0.66));
        Reply::SelfTest(SelfTest { frames, identified, similarity, threshold: None })
    };
    let scene = scene.then(|s| s.answer(Ok(test(8, 7))));
    assert_eq!(scene.notice(), "Eve is enrolled and recognised in 7 of 8 frames, 0.66");
    let scene = scene.then(|s| s.answer(Ok(test(8, 2))));
    assert!(scene.notice().contains("recognised in only 2 of 8 frames"), "{}", scene.notice());
}

/// The commands that were sent, oldest first.
fn commands(scene: &Scene) -> Vec<Command> {
    let sent = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Send(command, _) => Some(command.clone()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_source_that_stands_still_gives_one_shot() {
    let scene = Scene::new().then(|s| s.source(SourceState::Paused)).press("e Eve enter");
    assert_eq!(scene.sent().unwrap().0, Command::TakeShot);
    let scene = scene.then(|s| s.answer(Ok(Reply::Shot(shot(None))))).press("enter");
    let Command::Enrol { source, .. } = scene.sent().unwrap().0 else { panic!("not enrolled") };
    assert_eq!(source, EnrolmentSource::Shots(vec![shot(None).id]));
}

#[test]
fn a_run_of_shots_ends_when_it_is_complete_or_nobody_waits_for_it() {
    let coached = begun().shooting(1, "turn a little to your left", false);
    let text = coached.text();
    assert!(text.contains("turn a little to your left") && text.contains("1 of 4 pictures"), "{text}");
    assert!(matches!(coached.sent().unwrap().0, Command::BeginShooting), "it goes on");
    let done = coached.shooting(4, "done", true);
    assert_eq!(done.sent().unwrap().0, Command::EndShooting(RUN));
    // Closed before the engine answered, it is ended all the same.
    let mut closed = named().press("enter");
    let (_, purpose) = closed.sent().unwrap();
    closed = closed.press("esc");
    closed.tell(Message::Reply(purpose, Box::new(Ok(Reply::Shooting(RUN)))));
    assert_eq!(closed.sent().unwrap().0, Command::EndShooting(RUN));
}

#[test]
fn a_name_that_is_taken_asks_for_an_identifier_and_keeps_what_was_written() {
    let taken = CommandError::NameTaken { name: "Eve".parse().unwrap(), people: vec![person(1)] };
    let scene = shown().press("enter").then(|s| s.answer(Err(taken)));
    assert_eq!(scene.model.mode(), Mode::EnrolName);
    let text = scene.text();
    assert!(text.contains("▸ identifier S-9") && text.contains("Eve is already enrolled"), "{text}");
    assert!(
        !text.contains("--id") && !text.contains("--add"),
        "an option of the command line means nothing here:\n{text}"
    );
}

#[test]
fn a_face_like_somebody_enrolled_is_warned_about_and_only_then() {
    let with = |best| begun().press("space").then(|s| s.answer(Ok(Reply::Shot(shot(best))))).text();
    assert!(with(Some((1, 0.71))).contains("! looks like Ana Müller (0.71)"));
    let unlike = with(Some((1, 0.41)));
    assert!(unlike.contains("✓ like nobody who is enrolled") && unlike.contains("closest: Ana Müller"));
}

#[test]
fn an_answer_for_a_prompt_that_was_closed_opens_nothing() {
    let mut scene = named().press("enter");
    let (_, purpose) = scene.sent().unwrap();
    scene = scene.press("esc e Bo");
    scene.tell(Message::Reply(purpose, Box::new(Ok(Reply::Shot(shot(None))))));
    assert_eq!(scene.model.mode(), Mode::EnrolName);
}

#[test]
fn a_failure_after_the_prompt_was_closed_is_still_said() {
    let failed = CommandError::Store { reason: "the disk is full".to_owned() };
    let scene = shown().press("enter esc").then(|s| s.answer(Err(failed)));
    assert_eq!(scene.notice(), "nothing was saved: the disk is full");
}
