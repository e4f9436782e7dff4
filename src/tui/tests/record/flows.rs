//! What follows from answers and from what happens meanwhile.

use ratatui::style::Modifier;

use super::*;
use crate::engine::EngineEvent;
use crate::engine::command::attendance::AttendanceError;
use crate::tui::layout::Focus;
use crate::tui::testing::colour;

#[test]
fn the_roll_follows_what_happens_with_one_question_at_a_time() {
    let mut scene = in_school(80, 24).press("S");
    let questions = |scene: &Scene| {
        let is_question = |effect: &&Effect| {
            matches!(effect, Effect::Send(Command::Attendance(AttendanceCommand::Sessions), _))
        };
        scene.effects.iter().filter(is_question).count()
    };
    let passage =
        |n| Message::Engine(EngineEvent::Entry(entry(n, EntryKind::Passage, Some((3, "Chidi Okafor")))));
    scene.tell(passage(13));
    scene.tell(passage(14));
    assert_eq!(questions(&scene), 1, "the first answer has not come");
    scene.answer(replied(AttendanceReply::Sessions(vec![roll()])));
    assert_eq!(questions(&scene), 2, "what came meanwhile is asked for");
    let mut arrived = roll();
    arrived.lines[2].line.standing = Standing::LateAndLeftEarly;
    arrived.lines[2].line.arrived = Some(now() - TimeDelta::minutes(2));
    arrived.lines[2].line.left = Some(now());
    scene.answer(replied(AttendanceReply::Sessions(vec![arrived])));
    assert_eq!(questions(&scene), 2);
    // The selection stays with Chidi, who stands elsewhere now.
    says(&scene, "left 08:05");
    assert!(scene.text().lines().any(|line| line.contains("▸○ Chidi")), "{}", scene.text());
}

#[test]
fn a_session_is_opened_and_selected_and_a_wrong_field_is_said() {
    let mut scene = opening(80, 24).press("enter");
    says(&scene, "the name is empty");
    scene = scene.press("art tab tab 07:00 enter");
    says(&scene, "07:00 is over already today");
    scene = scene.press("backspace backspace backspace backspace backspace 8 enter");
    says(&scene, "`8` is no time of day: expected HH:MM");
    scene = scene.press("backspace enter");
    let refused = AttendanceError::IsOpen("art".parse().unwrap());
    scene.answer(Err(CommandError::Attendance(refused)));
    says(&scene, "a session called art is open already");
    scene = scene.press("enter");
    let art = Session { id: SessionId(Ulid(79)), name: "art".parse().unwrap(), ..maths() };
    scene.answer(replied(AttendanceReply::Opened(art.clone())));
    mode(&scene, Mode::Sessions);
    says(&scene, "art is open");
    let mut state = site();
    state.sessions.push(OpenSession { session: art, expected: 4, here: 0, arrived: BTreeMap::new() });
    scene.state(live(), state);
    says(&scene, "art (3b) 07:45-09:15: 0 of 4 here");
}

#[test]
fn a_closed_session_shows_what_was_written() {
    let mut scene = rolled().press("c y");
    let closed = SessionRoll { closed_at: Some(now()), ..roll() };
    scene.answer(replied(AttendanceReply::Closed(closed)));
    says(&scene, "maths: closed at 08:05");
    says(&scene, "- 1 absent");
    // The state without it comes before or after.
    let mut state = site();
    state.sessions.remove(0);
    scene.state(live(), state);
    says(&scene, "maths: closed at 08:05");
    assert!(scene.press("c").text().contains("only an open session can be closed"));
}

#[test]
fn a_session_that_somebody_else_closes_takes_its_question_along() {
    let mut scene = rolled().press("c");
    let mut state = site();
    state.sessions.remove(0);
    scene.state(live(), state);
    mode(&scene, Mode::Sessions);
    says(&scene, "that session is closed already");
}

#[test]
fn a_session_that_cannot_be_closed_says_why() {
    let mut scene = rolled().press("c y");
    let reason = "no space is left".to_owned();
    scene.answer(Err(CommandError::Attendance(AttendanceError::StoreBehind { reason })));
    mode(&scene, Mode::Sessions);
    says(&scene, "records wait that the store has not taken");
}

#[test]
fn an_excuse_from_a_session_goes_back_to_it() {
    let mut scene = rolled().press("E doctor enter");
    let AttendanceCommand::Excuse { person: who, session, reason, .. } = asked(&scene) else { panic!() };
    assert_eq!((who, session, reason.as_str()), (person(3), Some(maths().id), "doctor"));
    scene.answer(replied(AttendanceReply::Excused { days: 1 }));
    mode(&scene, Mode::Sessions);
    assert_eq!(scene.notice(), "Chidi Okafor is excused from maths");
}

#[test]
fn an_excuse_needs_a_reason_and_days_in_their_order() {
    let scene = excuse().press("enter");
    says(&scene, "say why");
    let erased = "backspace ".repeat(10);
    let scene = excuse().press("ill tab tab").press(erased.trim()).press("2026-03-01 enter");
    says(&scene, "it ends before it begins");
    let scene = excuse().press("ill tab").press(erased.trim()).press("1.3. enter");
    says(&scene, "`1.3.` is no date: expected YYYY-MM-DD");
    assert_eq!(scene.sent(), None);
}

#[test]
fn a_correction_needs_a_reason_and_says_who_corrects_whom() {
    let mut scene = correct().press("enter");
    says(&scene, "say why");
    scene = scene.press("tab backspace x enter");
    says(&scene, "`07:56:0x` is no time of day");
    scene = scene.press("backspace 0 tab oops enter");
    scene.answer(Err(CommandError::NoSuchPerson));
    mode(&scene, Mode::Correct);
    scene = scene.press("enter");
    scene.answer(Ok(Reply::Written(entry(30, EntryKind::Corrected, None))));
    assert_closed(&scene);
    assert_eq!(scene.notice(), "entry 20 is corrected by entry 30");
}

#[test]
fn what_can_be_corrected_is_offered_and_nothing_else() {
    // A standing, by all that it can be.
    let scene = log_at(120, 40, 26).press("C");
    says(&scene, "● late ");
    let mut scene = scene.press("ill");
    for _ in 0..4 {
        scene.tell(Message::Key("down".parse::<crate::tui::keymap::Key>().unwrap().event()));
    }
    let scene = scene.press("enter");
    let AttendanceCommand::Correct(correction) = asked(&scene) else { panic!() };
    assert_eq!(correction.what, Corrected::Standing(Standing::Excused));
    // A strike can only be struck.
    let scene = log_at(80, 24, 23).press("C oops enter");
    let AttendanceCommand::Correct(correction) = asked(&scene) else { panic!() };
    assert_eq!(correction.what, Corrected::Struck);
    let scene = log_at(80, 24, 27).press("C");
    assert!(scene.model.dialogs.is_empty() && scene.notice().contains("nothing of anybody's attendance"));
    let scene = in_school(80, 24).press("C");
    assert!(scene.notice().contains("select a line of the log"), "{}", scene.notice());
}

#[test]
fn the_log_shows_what_became_of_its_lines() {
    let scene = log_at(120, 40, 28).press("z");
    for words in [
        "Ana Müller (corrected by 22)",
        "Dana O'Neill (struck by 23)",
        "entry 20 is left 07:56: left with her mother",
        "entry 21 holds no more: her sister",
        "session opened  maths (3b) 07:45-09:15",
        "session closed  maths",
        "late            Dana O'Neill, maths",
        "clock set       forward by 56 years",
        "no check-out    Bo Lindqvist, last seen 16:05",
        "07:55:28? ",
    ] {
        says(&scene, words);
    }
    let buffer = scene.draw(&colour());
    let text = scene.text();
    let row = text.lines().position(|line| line.contains("struck by 23")).unwrap() as u16;
    assert!(buffer[(30, row)].modifier.contains(Modifier::CROSSED_OUT));
    let row = text.lines().position(|line| line.contains("corrected by 22")).unwrap() as u16;
    assert!(!buffer[(30, row)].modifier.contains(Modifier::CROSSED_OUT));
    // A correction that comes later changes the line that is there.
    let mut back = entry(31, EntryKind::Corrected, Some((4, "Dana O'Neill")));
    (back.details.corrects, back.details.struck) = (Some(Sequence(23)), true);
    let scene = scene.then(|s| s.tell(Message::Engine(EngineEvent::Entry(back))));
    assert!(!scene.text().contains("struck by 23"), "{}", scene.text());
}

#[test]
fn the_bar_says_how_many_of_the_fullest_session_are_there_and_that_times_are_unsure() {
    says(&in_school(120, 40), "maths 2/4");
    let mut scene = in_school(120, 40);
    scene.state(live(), RosterState { unsure_times: 7, ..site() });
    says(&scene, "7 records of an unsure time: :times");
    let mut scene = in_school(60, 16);
    scene.state(live(), RosterState { unsure_times: 7, ..site() });
    says(&scene, "7 unsure: :times");
}

#[test]
fn only_the_last_month_that_was_asked_for_is_shown() {
    let mut scene = in_school(80, 24).press("M h");
    scene.answer(grid(vec![month_row(1, "Ana Müller")]));
    says(&scene, "reading the month");
    scene.answer(Err(CommandError::NoSuchDay));
    assert!(!scene.text().contains("reading the month"), "{}", scene.text());
}

#[test]
fn who_comes_to_a_session_is_told_so_at_the_door_and_who_leaves_goodbye() {
    let mut scene = in_school(100, 30);
    scene.model.has_pin = true;
    let scene = scene.press("K");
    says(&scene, "✓ recorded at 07:58");
    let mut gone = site();
    gone.rows[0].presence.as_mut().unwrap().state = PresenceState::Left;
    let mut scene = in_school(100, 30);
    scene.model.has_pin = true;
    scene.state(live(), gone);
    says(&scene.press("K"), "○ you left at 07:58");
}

#[test]
fn the_log_keeps_the_keys_after_a_correction() {
    assert_eq!(log_at(80, 24, 20).press("C esc").model.focus, Focus::Log);
}
