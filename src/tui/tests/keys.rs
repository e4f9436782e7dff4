//! State, keys, state. Every action of every mode has at least one line here, and each line is run
//! with every key that is bound to its action.

use chrono::TimeDelta;

use crate::attendance::PresenceState;
use crate::engine::command::ChallengeOrder;
use crate::engine::state::{SourceIndex, SourceState};
use crate::engine::{Command, CommandError, EngineEvent};
use crate::face::challenge::{ChallengeFailure, ChallengeOutcome, ChallengePrompt};
use crate::ledger::{EntryKind, Sequence};
use crate::tui::dialog::Dialog;
use crate::tui::keymap::{Action, Keymap, Mode};
use crate::tui::message::{Effect, LOG_PAGE, LogQuery, Message};
use crate::tui::model::Focus;
use crate::tui::testing::{
    Scene, entry, live, morning, now, person, roster, row, several_sources, whole_stranger,
};

pub(super) struct Case {
    mode: Mode,
    action: Action,
    before: fn() -> Scene,
    after: fn(&Scene),
}

pub(super) const fn case(mode: Mode, action: Action, before: fn() -> Scene, after: fn(&Scene)) -> Case {
    Case { mode, action, before, after }
}

fn challenged(outcome: Option<ChallengeOutcome>) -> Scene {
    Scene::challenged(80, 24, ChallengePrompt::LookAhead, outcome)
}

fn help_offset(scene: &Scene) -> usize {
    match scene.model.dialogs.last() {
        Some(Dialog::Help(help)) => help.offset(),
        _ => panic!("the help is not open"),
    }
}

/// The reasons of an entry, on a screen that has no room for all of them.
fn explained() -> Scene {
    Scene::sized(60, 16).press("tab j w").then(|s| s.explain(Some(whole_stranger())))
}

fn why_offset(scene: &Scene) -> usize {
    match scene.model.dialogs.last() {
        Some(Dialog::Why(why)) => why.offset(),
        _ => panic!("the explanation is not open"),
    }
}

pub(super) fn assert_closed(scene: &Scene) {
    assert!(scene.model.dialogs.is_empty());
}

pub(super) fn assert_quits(scene: &Scene) {
    assert_eq!(scene.effects.last(), Some(&Effect::Quit));
}

pub(super) fn assert_help(scene: &Scene) {
    assert_eq!(scene.model.mode(), Mode::Help);
}

fn marks(scene: &Scene, expected: PresenceState) {
    match scene.model.dialogs.last() {
        Some(Dialog::Mark(dialog)) => assert_eq!(dialog.state(), expected),
        other => panic!("the mark is not open: {other:?}"),
    }
}

/// The order of the roster: Ana, Dana, Élodie and 山田 are present, Bo has left, Chidi and Zoë were
/// not seen, Fátima has no picture.
const CASES: &[Case] = &[
    case(Mode::Panes, Action::Down, Scene::new, |s| assert_eq!(s.selected_name(), "Dana O'Neill")),
    case(
        Mode::Panes,
        Action::Up,
        || Scene::new().press("j j"),
        |s| assert_eq!(s.selected_name(), "Dana O'Neill"),
    ),
    case(Mode::Panes, Action::Last, Scene::new, |s| assert_eq!(s.selected_name(), "Fátima Al-Sayed")),
    case(
        Mode::Panes,
        Action::First,
        || Scene::new().press("G"),
        |s| assert_eq!(s.selected_name(), "Ana Müller"),
    ),
    case(
        Mode::Panes,
        Action::PageDown,
        || Scene::sized(60, 16),
        |s| assert_eq!(s.selected_name(), "Bo Lindqvist"),
    ),
    case(
        Mode::Panes,
        Action::PageUp,
        || Scene::sized(60, 16).press("G"),
        |s| assert_eq!(s.selected_name(), "山田 太郎"),
    ),
    case(Mode::Panes, Action::Next, Scene::new, |s| assert_eq!(s.model.focus, Focus::Log)),
    case(
        Mode::Panes,
        Action::Previous,
        || Scene::new().press("tab"),
        |s| assert_eq!(s.model.focus, Focus::Roster),
    ),
    case(Mode::Panes, Action::Enrol, Scene::new, |s| assert_eq!(s.model.mode(), Mode::EnrolName)),
    case(Mode::Panes, Action::AddPicture, Scene::new, |s| {
        assert_eq!(s.model.mode(), Mode::EnrolShot);
        assert_eq!(s.sent().unwrap().0, Command::BeginShooting);
    }),
    case(Mode::Panes, Action::Mark, Scene::new, |s| marks(s, PresenceState::Left)),
    case(Mode::Panes, Action::Remove, Scene::new, |s| {
        assert_eq!(s.model.mode(), Mode::Remove);
        assert!(s.text().contains("End the enrolment of Ana Müller (S-0001)?"));
        assert!(s.text().contains("for good: 2 templates."));
    }),
    case(Mode::Panes, Action::Pause, Scene::new, |s| {
        assert_eq!(s.sent().unwrap().0, Command::SetPaused(true))
    }),
    case(
        Mode::Panes,
        Action::Pause,
        || Scene::new().then(|s| s.source(SourceState::Paused)),
        |s| assert_eq!(s.sent().unwrap().0, Command::SetPaused(false)),
    ),
    case(
        Mode::Panes,
        Action::OtherSource,
        || Scene::new().then(|s| s.state(several_sources(), roster())),
        |s| assert_eq!(s.sent().unwrap().0, Command::Look(SourceIndex(1))),
    ),
    case(Mode::Panes, Action::Redraw, Scene::new, |s| assert_eq!(s.effects.last(), Some(&Effect::Redraw))),
    case(Mode::Panes, Action::Help, Scene::new, assert_help),
    case(Mode::Panes, Action::Inbox, Scene::new, |s| assert_eq!(s.model.mode(), Mode::Inbox)),
    case(Mode::Panes, Action::Quit, Scene::new, assert_quits),
    case(Mode::Mark, Action::Next, || Scene::new().press("m"), |s| marks(s, PresenceState::Present)),
    case(Mode::Mark, Action::Previous, || Scene::new().press("m"), |s| marks(s, PresenceState::Present)),
    case(
        Mode::Mark,
        Action::Confirm,
        || Scene::new().press("m at space noon"),
        |s| {
            let note = Some("at noon".to_owned());
            let expected = Command::Mark { person: person(1), state: PresenceState::Left, note };
            assert_eq!(s.sent().unwrap().0, expected);
        },
    ),
    case(Mode::Mark, Action::Cancel, || Scene::new().press("m"), assert_closed),
    case(Mode::Mark, Action::Help, || Scene::new().press("m"), assert_help),
    case(Mode::Mark, Action::Quit, || Scene::new().press("m"), assert_quits),
    case(
        Mode::Remove,
        Action::Confirm,
        || Scene::new().press("d"),
        |s| {
            assert_eq!(s.sent().unwrap().0, Command::Remove(person(1)));
        },
    ),
    case(
        Mode::Remove,
        Action::Cancel,
        || Scene::new().press("d"),
        |s| {
            assert_closed(s);
            assert_eq!(s.sent(), None);
        },
    ),
    case(Mode::Remove, Action::Help, || Scene::new().press("d"), assert_help),
    case(Mode::Remove, Action::Quit, || Scene::new().press("d"), assert_quits),
    case(
        Mode::Panes,
        Action::Why,
        || Scene::new().press("tab j"),
        |s| {
            assert_eq!(s.model.mode(), Mode::Why);
            assert!(matches!(s.effects.last(), Some(Effect::Explain(_, Sequence(11)))), "{:?}", s.effects);
        },
    ),
    case(Mode::Why, Action::Down, explained, |s| assert_eq!(why_offset(s), 1)),
    case(Mode::Why, Action::Up, || explained().press("j j"), |s| assert_eq!(why_offset(s), 1)),
    case(Mode::Why, Action::PageDown, explained, |s| assert!(why_offset(s) > 1)),
    case(Mode::Why, Action::PageUp, || explained().press("j"), |s| assert_eq!(why_offset(s), 0)),
    case(Mode::Why, Action::Last, explained, |s| {
        assert!(s.text().contains("0.1.0 "), "{}", s.text());
    }),
    case(Mode::Why, Action::First, || explained().press("G"), |s| assert_eq!(why_offset(s), 0)),
    case(Mode::Why, Action::Cancel, explained, assert_closed),
    case(Mode::Why, Action::Help, explained, assert_help),
    case(Mode::Why, Action::Quit, explained, assert_quits),
    case(Mode::Panes, Action::Challenge, Scene::new, |s| {
        assert_eq!(s.model.mode(), Mode::Challenge);
        assert_eq!(s.sent().unwrap().0, Command::Challenge(ChallengeOrder::Begin));
    }),
    case(
        Mode::Challenge,
        Action::Challenge,
        || challenged(None).then(|s| s.effects.clear()),
        |s| assert_eq!(s.sent().unwrap().0, Command::Challenge(ChallengeOrder::Begin)),
    ),
    case(
        Mode::Challenge,
        Action::Cancel,
        || challenged(None),
        |s| {
            assert_closed(s);
            assert_eq!(s.sent().unwrap().0, Command::Challenge(ChallengeOrder::Close));
        },
    ),
    case(Mode::Challenge, Action::Help, || challenged(None), assert_help),
    case(Mode::Challenge, Action::Quit, || challenged(None), assert_quits),
    case(Mode::Help, Action::Down, || Scene::new().press("?"), |s| assert_eq!(help_offset(s), 1)),
    case(Mode::Help, Action::Up, || Scene::new().press("? j j"), |s| assert_eq!(help_offset(s), 1)),
    case(Mode::Help, Action::PageDown, || Scene::new().press("?"), |s| assert_eq!(help_offset(s), 18)),
    case(Mode::Help, Action::PageUp, || Scene::new().press("? pgdn"), |s| assert_eq!(help_offset(s), 0)),
    case(
        Mode::Help,
        Action::Last,
        || Scene::new().press("?"),
        |s| assert!(s.text().contains("clear what was typed"), "{}", s.text()),
    ),
    case(Mode::Help, Action::First, || Scene::new().press("? G"), |s| assert_eq!(help_offset(s), 0)),
    case(Mode::Help, Action::HalfDown, || Scene::new().press("?"), |s| assert_eq!(help_offset(s), 9)),
    case(Mode::Help, Action::HalfUp, || Scene::new().press("? pgdn"), |s| assert_eq!(help_offset(s), 9)),
    case(
        Mode::Help,
        Action::Filter,
        || Scene::new().press("?"),
        |s| assert_eq!(s.model.mode(), Mode::HelpSearch),
    ),
    case(
        Mode::HelpSearch,
        Action::Confirm,
        || Scene::new().press("? / mark"),
        |s| {
            assert_eq!(s.model.mode(), Mode::Help);
            assert!(s.text().contains("save the mark") && !s.text().contains("redraw"), "{}", s.text());
        },
    ),
    case(
        Mode::HelpSearch,
        Action::Cancel,
        || Scene::new().press("? / mark"),
        |s| {
            assert_eq!(s.model.mode(), Mode::Help);
            assert!(s.text().contains("enrol somebody"), "{}", s.text());
        },
    ),
    case(Mode::HelpSearch, Action::Quit, || Scene::new().press("? /"), assert_quits),
    case(Mode::Help, Action::Cancel, || Scene::new().press("?"), assert_closed),
    case(Mode::Help, Action::Quit, || Scene::new().press("?"), assert_quits),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    CASES
        .iter()
        .chain(super::inbox::CASES)
        .chain(super::enrolling::CASES)
        .chain(super::acting::CASES)
        .chain(super::kiosk::CASES)
        .chain(super::looking::CASES)
        .chain(super::record::CASES)
        .chain(super::approvals::CASES)
        .chain(super::attached::CASES)
}

#[test]
fn each_key_does_what_its_line_says() {
    let keymap = Keymap::built_in().unwrap();
    for case in cases() {
        let bindings = keymap.of(case.mode).filter(|binding| binding.action == case.action);
        let keys: Vec<_> = bindings.flat_map(|binding| &binding.keys).collect();
        assert!(!keys.is_empty(), "{:?} is not bound in {:?}", case.action, case.mode);
        for key in keys {
            let mut scene = (case.before)();
            assert_eq!(scene.model.mode(), case.mode, "before {:?}", case.action);
            println!("{:?} {:?} with {key}", case.mode, case.action);
            scene.tell(Message::Key(key.event()));
            (case.after)(&scene);
        }
    }
}

#[test]
fn every_action_of_every_mode_has_a_line() {
    for binding in Keymap::built_in().unwrap().bindings() {
        for mode in &binding.modes {
            let has = cases().any(|case| case.mode == *mode && case.action == binding.action);
            assert!(has, "{:?} in {mode:?} has no test", binding.action);
        }
    }
}

#[test]
fn pasted_text_goes_into_the_field_and_nowhere_else() {
    let paste = |s: &mut Scene| s.tell(Message::Paste("Eve\nq\u{1b}[31m d".to_owned()));
    let scene = Scene::new().press("e").then(paste);
    assert!(scene.text().contains("Eve q[31m d"), "{}", scene.text());
    let scene = Scene::new().then(paste);
    assert!(scene.effects.is_empty() && scene.model.dialogs.is_empty());
}

#[test]
fn the_selection_is_a_person_and_follows_them_when_they_arrive() {
    let mut scene = Scene::new().press("G k");
    assert_eq!(scene.selected_name(), "Zoë 🌻");
    let mut arrived = roster();
    arrived.rows[6] = row(7, "Zoë 🌻", Some((PresenceState::Present, 0)), 1);
    scene.state(live(), arrived);
    assert_eq!(scene.selected_name(), "Zoë 🌻");
}

#[test]
fn when_the_selected_person_goes_it_is_said_and_a_neighbour_is_selected() {
    let mut scene = Scene::new().press("j");
    let mut without = roster();
    without.rows.remove(3);
    scene.state(live(), without);
    assert_eq!(scene.notice(), "Dana O'Neill is not on the roster any more");
    assert!(scene.selected_name().starts_with("E\u{301}lodie"));
}

#[test]
fn keys_about_a_person_mean_the_one_of_the_log_line_there() {
    let scene = Scene::new().press("tab j j m");
    assert!(scene.text().contains("Mark Ana Müller"), "{}", scene.text());
    let scene = Scene::new().press("tab j m");
    assert_eq!(scene.notice(), "this line is about nobody on the roster: select another");
    assert_eq!(Scene::empty(80, 24).press("d").notice(), "nobody is selected: press e to enrol somebody");
}

#[test]
fn the_log_follows_until_somebody_scrolls_back() {
    let new = |n| Message::Engine(EngineEvent::Entry(entry(n, EntryKind::Started, None)));
    let mut scene = Scene::new().press("tab").then(|s| s.tell(new(13)));
    assert_eq!(scene.model.log.selected().unwrap().sequence, Sequence(13));
    scene = scene.press("j").then(|s| s.tell(new(14)));
    assert_eq!(scene.model.log.selected().unwrap().sequence, Sequence(12));
    scene = scene.press("g").then(|s| s.tell(new(15)));
    assert_eq!(scene.model.log.selected().unwrap().sequence, Sequence(15));
}

#[test]
fn missed_entries_are_fetched_and_older_ones_only_where_they_are_needed() {
    let new = |n| Message::Engine(EngineEvent::Entry(entry(n, EntryKind::Started, None)));
    let scene = Scene::new().then(|s| s.tell(new(20)));
    assert_eq!(scene.effects, [Effect::LoadLog(LogQuery::Since(Sequence(12)))]);
    let scene = Scene::new().then(|s| s.tell(Message::Engine(EngineEvent::Lagged(3))));
    assert_eq!(scene.effects[0], Effect::LoadLog(LogQuery::Since(Sequence(12))));
    // One that could not be asked for is asked for with the next entry.
    let refused = Message::LogRefused(LogQuery::Since(Sequence(12)));
    let scene = Scene::new().then(|s| [refused, new(13)].into_iter().for_each(|message| s.tell(message)));
    assert_eq!(scene.effects, [Effect::LoadLog(LogQuery::Since(Sequence(12)))]);
    // A store that could not be read is said, and what was there stays.
    let unread = || Message::LogUnread(LogQuery::Since(Sequence(12)), CommandError::Stopped);
    let before = Scene::new().model.log.selected().cloned();
    let mut scene = Scene::new().then(|s| s.tell(unread()));
    assert!(scene.text().contains(&CommandError::Stopped.to_string()), "{}", scene.text());
    assert_eq!(scene.model.log.selected().cloned(), before);
    scene.tell(new(13));
    assert_eq!(scene.effects.last(), Some(&Effect::LoadLog(LogQuery::Since(Sequence(12)))));
    // The morning is all there is.
    assert!(Scene::new().press("tab G").effects.is_empty());
    let page = (1_000..1_000 + LOG_PAGE as u64).map(|n| entry(n, EntryKind::Started, None)).collect();
    let query = LogQuery::Before(Sequence(u64::MAX));
    let mut scene = Scene::empty(80, 24).then(|s| s.tell(Message::Log(query, page))).press("tab j");
    assert!(scene.effects.is_empty());
    scene = scene.press("G j");
    assert_eq!(scene.effects, [Effect::LoadLog(LogQuery::Before(Sequence(1_000)))]);
    scene.tell(Message::Log(LogQuery::Before(Sequence(1_000)), morning()));
    assert_eq!(scene.press("G").model.log.selected().unwrap().sequence, Sequence(1));
}

#[test]
fn a_notice_goes_with_the_next_key_or_after_a_while() {
    let said = || Scene::empty(80, 24).press("p");
    assert_eq!(said().notice(), "there is no running source to pause");
    assert_eq!(said().press("j").notice(), "");
    let tick = |seconds| Message::Tick(now() + TimeDelta::seconds(seconds));
    assert_ne!(said().then(|s| s.tell(tick(7))).notice(), "");
    assert_eq!(said().then(|s| s.tell(tick(8))).notice(), "");
}

#[test]
fn nothing_is_drawn_again_while_nothing_changes() {
    let mut scene = Scene::new().then(|s| s.source(SourceState::Paused));
    scene.model.take_dirty();
    assert_eq!(scene.model.next_tick(), None);
    scene.tell(Message::Tick(now() + TimeDelta::hours(1)));
    let (snapshot, preview) = (scene.model.snapshot.clone(), scene.model.preview.clone());
    scene.tell(Message::State(snapshot, preview));
    assert!(!scene.model.is_dirty());
}

#[test]
fn a_lost_source_counts_down_once_a_second() {
    let retry_at = now() + TimeDelta::seconds(5);
    let lost = SourceState::Lost {
        reason: "camera 0 is not there: plug it in".to_owned(),
        retry_at: Some(retry_at),
    };
    let mut scene = Scene::new().then(|s| s.source(lost));
    assert!(scene.text().contains("trying again in 5 s"));
    assert_eq!(scene.model.next_tick(), Some(now() + TimeDelta::seconds(1)));
    scene.model.take_dirty();
    scene.tell(Message::Tick(now() + TimeDelta::milliseconds(10)));
    assert!(!scene.model.is_dirty());
    scene.tell(Message::Tick(now() + TimeDelta::milliseconds(1_000)));
    assert!(scene.model.is_dirty() && scene.text().contains("trying again in 4 s"));
    scene.tell(Message::Tick(now() + TimeDelta::seconds(9)));
    assert_eq!(scene.model.next_tick(), None);
}

#[test]
fn the_preview_is_asked_for_at_the_size_of_its_pane() {
    let scene = Scene::empty(80, 24).then(|s| s.tell(Message::Resize(120, 40)));
    let [Effect::RequestPreview(Some(request))] = scene.effects.as_slice() else {
        panic!("{:?}", scene.effects)
    };
    assert_eq!((request.max_width, request.max_height), (58, 42));
    let scene = Scene::new().then(|s| s.tell(Message::Resize(20, 5)));
    assert_eq!(scene.effects, [Effect::RequestPreview(None)]);
}

#[test]
fn why_needs_a_line_of_the_log_and_says_what_cannot_be_read() {
    let scene = Scene::new().press("w");
    assert!(scene.model.dialogs.is_empty() && scene.notice().contains("select a line of the log"));
    let nothing = Scene::empty(80, 24).press("tab w");
    assert!(nothing.model.dialogs.is_empty() && nothing.notice().contains("select a line of the log"));
    let refused = Scene::new().press("tab w").then(|s| s.explain(None));
    assert!(refused.text().contains("the entry cannot be read"), "{}", refused.text());
    // What was asked for by a dialog that is closed changes no other.
    let late = Scene::new().press("tab w esc j w").then(|s| {
        let first = s.effects.iter().find_map(|effect| match effect {
            Effect::Explain(id, _) => Some(*id),
            _ => None,
        });
        s.tell(Message::Explained(first.unwrap(), Some(Box::new(whole_stranger()))));
    });
    assert!(late.text().contains("is being read"), "{}", late.text());
}

#[test]
fn what_a_role_may_not_do_is_said_where_it_was_asked_for_and_the_role_stands_above() {
    let refusal = || {
        let needs = crate::access::Role::Operator;
        CommandError::NotAllowed { needs, has: Some(crate::access::Role::Observer) }
    };
    let scene = Scene::new().press("tab w").then(|s| {
        let asked = s.effects.iter().find_map(|effect| match effect {
            Effect::Explain(id, _) => Some(*id),
            _ => None,
        });
        s.tell(Message::NotExplained(asked.unwrap(), refusal()));
    });
    assert!(scene.text().contains("needs the role operator"), "{}", scene.text());
    let scene = Scene::new().press("m").then(|s| {
        s.tell(Message::Key(ratatui::crossterm::event::KeyCode::Enter.into()));
        s.answer(Err(refusal()));
    });
    assert!(scene.text().contains("needs the role operator"), "{}", scene.text());
    let mut scene = Scene::new();
    assert!(!scene.text().contains("observer"));
    scene.model.snapshot.role = Some(crate::access::Role::Observer);
    assert!(scene.text().contains("observer"), "{}", scene.text());
    let help = scene.press("?");
    assert!(help.text().contains("you are observer"), "{}", help.text());
}

#[test]
fn a_challenge_that_cannot_begin_says_why_in_its_dialog() {
    let reason = "the source is paused".to_owned();
    let scene = Scene::sized(120, 40).press("c").then(|s| s.answer(Err(CommandError::NoPicture { reason })));
    assert_eq!(scene.model.mode(), Mode::Challenge);
    assert!(scene.text().contains("the source is paused"), "{}", scene.text());
}

#[test]
fn an_outcome_of_before_is_not_shown_while_the_next_challenge_is_asked_for() {
    let scene = challenged(Some(ChallengeOutcome::Passed));
    assert!(scene.text().contains("Both tasks were done by Ana Müller"));
    let scene = scene.press("c");
    assert!(scene.text().contains("Look straight into the camera"), "{}", scene.text());
}

#[test]
fn how_a_challenge_of_another_screen_ended_is_said_below() {
    let ended = |outcome| {
        let event = EngineEvent::ChallengeEnded { outcome, person: None };
        Scene::new().then(|s| s.tell(Message::Engine(event))).notice().to_owned()
    };
    assert_eq!(ended(ChallengeOutcome::Passed), "the challenge was passed");
    let lost = ended(ChallengeOutcome::Failed(ChallengeFailure::FaceLost));
    assert_eq!(lost, "the challenge was not passed: the face went out of sight");
    assert_eq!(ended(ChallengeOutcome::Failed(ChallengeFailure::Cancelled)), "");
}
