//! The inbox: state, keys, state.

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::attendance::Person;
use crate::engine::inbox::{AlikePerson, InboxCommand, InboxError, InboxReply};
use crate::engine::{Command, CommandError, Reply};
use crate::face::Similarity;
use crate::ledger::EntryKind;
use crate::tui::keymap::{Action, Mode};
use crate::tui::testing::{Scene, entry, inbox, now, person, stranger, stranger_picture};

fn open() -> Scene {
    Scene::new().press("i")
}

fn naming() -> Scene {
    open().press("enter Eve")
}

fn choosing() -> Scene {
    open().press("a")
}

fn discarding() -> Scene {
    open().press("d")
}

fn is_at(scene: &Scene, number: u128) {
    let asked = Command::Inbox(InboxCommand::Show(stranger(number)));
    assert_eq!(scene.sent().unwrap().0, asked, "the selected item's picture is asked for");
}

fn in_list(scene: &Scene) {
    assert_eq!(scene.model.mode(), Mode::Inbox);
}

pub(super) const CASES: &[Case] = &[
    case(Mode::Inbox, Action::Down, open, |s| is_at(s, 2)),
    case(Mode::Inbox, Action::Up, || open().press("j"), |s| is_at(s, 1)),
    case(Mode::Inbox, Action::PageDown, open, |s| {
        assert!(s.text().contains("▸    2x 07:25  Bo"), "{}", s.text())
    }),
    case(Mode::Inbox, Action::PageUp, || open().press("G"), |s| is_at(s, 1)),
    case(Mode::Inbox, Action::Last, open, |s| assert!(s.text().contains("no picture is kept"))),
    case(Mode::Inbox, Action::First, || open().press("G"), |s| is_at(s, 1)),
    case(Mode::Inbox, Action::Confirm, open, |s| assert_eq!(s.model.mode(), Mode::InboxName)),
    case(
        Mode::Inbox,
        Action::Confirm,
        || open().press("j"),
        |s| {
            in_list(s);
            assert!(s.text().contains("cannot be enrolled: the face is too small"), "{}", s.text());
        },
    ),
    case(
        Mode::Inbox,
        Action::Confirm,
        || open().press("G"),
        |s| {
            assert!(s.text().contains("Bo Lindqvist was seen 2 times"), "{}", s.text());
        },
    ),
    case(Mode::Inbox, Action::AddPicture, open, |s| assert_eq!(s.model.mode(), Mode::InboxWho)),
    case(Mode::Inbox, Action::Remove, open, |s| {
        assert_eq!(s.model.mode(), Mode::InboxAsk);
        assert!(s.text().contains("Discard this item?"));
    }),
    case(Mode::Inbox, Action::Cancel, open, assert_closed),
    case(Mode::Inbox, Action::Help, open, assert_help),
    case(Mode::Inbox, Action::Quit, open, assert_quits),
    case(Mode::InboxName, Action::Confirm, naming, |s| {
        let name = "Eve".parse().unwrap();
        let expected = InboxCommand::Enrol { stranger: stranger(1), name, identifier: None };
        assert_eq!(s.sent().unwrap().0, Command::Inbox(expected));
        assert!(s.text().contains("saving"));
    }),
    case(
        Mode::InboxName,
        Action::Confirm,
        || open().press("enter"),
        |s| {
            assert!(s.text().contains("the name is empty"), "{}", s.text());
        },
    ),
    case(Mode::InboxName, Action::Next, naming, |s| assert!(s.text().contains("▸ identifier"))),
    case(
        Mode::InboxName,
        Action::Previous,
        || naming().press("tab"),
        |s| assert!(s.text().contains("▸ name       Eve")),
    ),
    case(Mode::InboxName, Action::Cancel, naming, in_list),
    case(Mode::InboxName, Action::Help, naming, assert_help),
    case(Mode::InboxName, Action::Quit, naming, assert_quits),
    case(
        Mode::InboxWho,
        Action::Confirm,
        || choosing().press("chid"),
        |s| {
            let expected = InboxCommand::Add { stranger: stranger(1), person: person(3) };
            assert_eq!(s.sent().unwrap().0, Command::Inbox(expected));
        },
    ),
    case(
        Mode::InboxWho,
        Action::Confirm,
        || choosing().press("zzz"),
        |s| {
            assert_eq!(s.model.mode(), Mode::InboxWho);
            assert!(s.text().contains("nobody on the roster is called that"));
        },
    ),
    case(Mode::InboxWho, Action::Down, choosing, |s| assert!(s.text().contains("▸ Bo Lindqvist"))),
    case(
        Mode::InboxWho,
        Action::Up,
        || choosing().press("tab"),
        |s| assert!(s.text().contains("▸ Ana Müller"), "{}", s.text()),
    ),
    case(Mode::InboxWho, Action::Cancel, choosing, in_list),
    case(Mode::InboxWho, Action::Help, choosing, assert_help),
    case(Mode::InboxWho, Action::Quit, choosing, assert_quits),
    case(Mode::InboxAsk, Action::Confirm, discarding, |s| {
        assert_eq!(s.sent().unwrap().0, Command::Inbox(InboxCommand::Discard(stranger(1))));
    }),
    case(
        Mode::InboxAsk,
        Action::Confirm,
        || open().press("G enter"),
        |s| {
            let expected = InboxCommand::BackFill { person: person(2), sequences: vec![] };
            assert_eq!(s.sent().unwrap().0, Command::Inbox(expected));
        },
    ),
    case(Mode::InboxAsk, Action::Cancel, discarding, in_list),
    case(Mode::InboxAsk, Action::Help, discarding, assert_help),
    case(Mode::InboxAsk, Action::Quit, discarding, assert_quits),
];

fn eve() -> Person {
    Person {
        id: person(9),
        name: "Eve".parse().unwrap(),
        identifier: None,
        created_at: now(),
        removed_at: None,
        particulars: crate::attendance::Particulars::default(),
    }
}

fn answer(reply: InboxReply) -> impl FnOnce(&mut Scene) {
    move |scene| scene.answer(Ok(Reply::Inbox(reply)))
}

#[test]
fn after_an_enrolment_the_passages_are_offered_and_added() {
    let waiting = inbox().rows[0].tracks.clone();
    let enrolled = naming().press("enter").then(answer(InboxReply::Enrolled { person: eve(), waiting }));
    assert!(enrolled.text().contains("Eve was seen 3 times"), "{}", enrolled.text());
    let added = enrolled.press("y");
    let expected = InboxCommand::BackFill { person: person(9), sequences: vec![] };
    assert_eq!(added.sent().unwrap().0, Command::Inbox(expected));
    let entries = vec![entry(20, EntryKind::BackFilled, Some((9, "Eve")))];
    let done = added.then(answer(InboxReply::BackFilled { entries, joined: 2 }));
    assert!(done.text().contains("1 passage is added to the record; 2 more belong"), "{}", done.text());
    // Without any there is no question.
    let none = InboxReply::Enrolled { person: eve(), waiting: vec![] };
    let done = naming().press("enter").then(answer(none));
    in_list(&done);
    assert!(done.text().contains("Eve is enrolled"));
}

#[test]
fn a_name_that_is_taken_asks_for_an_identifier() {
    let taken = CommandError::NameTaken { name: "Eve".parse().unwrap(), people: vec![person(1)] };
    let scene = naming().press("enter").then(|s| s.answer(Err(taken)));
    assert!(scene.text().contains("▸ identifier") && scene.text().contains("Eve is already enrolled"));
    let again = scene.press("S-9 enter");
    let Command::Inbox(InboxCommand::Enrol { identifier, .. }) = again.sent().unwrap().0 else { panic!() };
    assert_eq!(identifier.unwrap().as_str(), "S-9");
}

#[test]
fn a_refusal_is_said_in_the_list() {
    let gone = CommandError::Inbox(InboxError::NoSuchItem);
    let scene = discarding().press("y").then(|s| s.answer(Err(gone)));
    in_list(&scene);
    assert!(scene.text().contains("no such item"), "{}", scene.text());
    let closed = naming().press("enter esc").then(|s| {
        s.answer(Err(CommandError::Store { reason: "the disk is full".to_owned() }));
    });
    assert_eq!(closed.notice(), "nothing was saved: the disk is full");
}

#[test]
fn the_picture_is_that_of_the_selected_item_and_no_other() {
    let drawn = |scene: &Scene| scene.text().contains('▀') || scene.text().contains('#');
    let with = open().then(|s| s.answer(Ok(stranger_picture(1))));
    assert!(with.text() != open().text());
    // An answer that comes after the selection went on draws nothing.
    let late = open().then(|s| {
        let purpose = s.sent().unwrap().1;
        s.tell(crate::tui::message::Message::Key(ratatui::crossterm::event::KeyCode::Down.into()));
        s.tell(crate::tui::message::Message::Reply(purpose, Box::new(Ok(stranger_picture(1)))));
    });
    assert_eq!(late.text(), open().press("j").text());
    assert!(!drawn(&open()) || drawn(&with));
}

#[test]
fn who_looks_like_somebody_enrolled_is_warned_about() {
    let with = |similarity: f32, reaches_threshold| {
        let Reply::Inbox(InboxReply::Shown(mut shown)) = stranger_picture(1) else { panic!() };
        let name = "Ana Müller".parse().unwrap();
        shown.alike = Some(AlikePerson { name, similarity: Similarity(similarity), reaches_threshold });
        open().then(answer(InboxReply::Shown(shown))).text()
    };
    let (known, other) = (with(0.71, true), with(0.2, false));
    assert!(known.contains("! looks like Ana Müller") && known.contains("(0.71): press a"), "{known}");
    assert!(other.contains("closest: Ana Müller (0.20)"), "{other}");
}

#[test]
fn an_item_that_goes_while_it_is_named_ends_the_prompt_and_the_selection_is_a_stranger() {
    let mut without = inbox();
    without.rows.remove(0);
    let scene = naming().then(|s| s.inbox(without.clone()));
    in_list(&scene);
    assert!(scene.text().contains("that item is gone from the inbox"));
    // A new item above the selected one moves nobody.
    let mut scene = Scene::new().then(|s| s.inbox(without)).press("i");
    is_at(&scene, 2);
    scene.inbox(inbox());
    is_at(&scene.press("enter"), 2);
}
