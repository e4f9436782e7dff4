//! The panes' arrangement, filters, the palette, counts, the mouse and undo.

use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::attendance::PresenceState;
use crate::engine::Command;
use crate::engine::state::SourceState;
use crate::ledger::Sequence;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::palette::Subcommand;
use crate::tui::keymap::{Action, Key, Mode};
use crate::tui::layout::Focus;
use crate::tui::message::{Effect, Message, Purpose, Ran};
use crate::tui::model::Model;
use crate::tui::testing::Scene;

/// Presses the key that a keymap calls `name`.
fn press(scene: &mut Scene, name: &str) {
    scene.tell(Message::Key(name.parse::<Key>().unwrap().event()));
}

fn mode(scene: &Scene, expected: Mode) {
    assert_eq!(scene.model.mode(), expected);
}

fn columns(model: &Model) -> u16 {
    model.kept.arrangement.columns
}

fn rows(model: &Model) -> u16 {
    model.kept.arrangement.rows
}

fn palette(words: &str) -> Scene {
    let mut scene = Scene::new();
    let subcommand = |name: &str, takes_words| Subcommand {
        name: name.to_owned(),
        about: "does something with a file".to_owned(),
        takes_words,
    };
    scene.model.subcommands = vec![subcommand("roster list", false), subcommand("why", true)];
    scene.model.history = vec!["report".to_owned(), "roster list --json".to_owned()];
    scene.press(":").press(words)
}

/// A palette with this text; blanks are pressed as such.
fn written(words: &str) -> Scene {
    palette(&words.replace(' ', " space "))
}

fn output() -> Scene {
    written("roster list").press("enter").then(|s| {
        let text = (1..60).map(|n| format!("line {n}\n")).collect();
        let Some(Dialog::Output(dialog)) = s.model.dialogs.last() else { panic!("no output") };
        let id = dialog.id;
        s.tell(Message::Ran(id, Ran { text, succeeded: true }));
    })
}

fn shows(scene: &Scene, text: &str) {
    assert!(scene.text().contains(text), "{text}:\n{}", scene.text());
}

fn marked() -> Scene {
    Scene::new().press("m enter").then(|s| {
        let Some((_, purpose)) = s.sent() else { panic!("no mark was sent") };
        let reply = Box::new(Ok(crate::engine::Reply::Done));
        s.tell(Message::Reply(purpose, reply));
    })
}

fn suspends(scene: &Scene) {
    assert_eq!(scene.effects.last(), Some(&Effect::Suspend));
}

fn running() -> Scene {
    written("roster list").press("enter")
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::EnrolName,
        Action::Complete,
        || Scene::new().press("e sayed"),
        |s| shows(s, "▸ Fátima Al-Sayed"),
    ),
    case(Mode::Output, Action::Stop, running, |s| {
        assert_eq!(s.effects.last(), Some(&Effect::StopRunning));
        shows(s, "ending …");
    }),
    case(Mode::Output, Action::Stop, output, |s| assert_eq!(s.notice(), "nothing runs any more")),
    case(Mode::Panes, Action::HalfDown, Scene::new, |s| assert_ne!(s.selected_name(), "Ana Müller")),
    case(
        Mode::Panes,
        Action::HalfUp,
        || Scene::new().press("j"),
        |s| assert_eq!(s.selected_name(), "Ana Müller"),
    ),
    case(
        Mode::Why,
        Action::HalfDown,
        || {
            Scene::sized(60, 16)
                .press("tab j w")
                .then(|s| s.explain(Some(crate::tui::testing::whole_stranger())))
        },
        |s| {
            shows(s, "Why entry");
        },
    ),
    case(Mode::Why, Action::HalfUp, || Scene::new().press("tab j w"), |s| mode(s, Mode::Why)),
    case(Mode::Inbox, Action::HalfDown, || Scene::new().press("i"), |s| mode(s, Mode::Inbox)),
    case(Mode::Inbox, Action::HalfUp, || Scene::new().press("i G"), |s| mode(s, Mode::Inbox)),
    case(Mode::Panes, Action::Filter, Scene::new, |s| mode(s, Mode::Filter)),
    case(Mode::Panes, Action::Palette, Scene::new, |s| mode(s, Mode::Palette)),
    case(
        Mode::Panes,
        Action::Cancel,
        || Scene::new().press("/ lindq enter"),
        |s| {
            assert_eq!(s.model.roster.filter(), "");
            shows(s, "Ana Müller");
        },
    ),
    case(Mode::Panes, Action::Open, Scene::new, |s| mode(s, Mode::Mark)),
    case(Mode::Panes, Action::Open, || Scene::new().press("tab j"), |s| mode(s, Mode::Why)),
    case(Mode::Panes, Action::Undo, Scene::new, |s| {
        assert!(s.notice().starts_with("there is nothing to take back"));
    }),
    case(Mode::Panes, Action::Undo, marked, |s| {
        let (command, purpose) = s.sent().unwrap();
        let Command::Mark { state, note, .. } = command else { panic!("{command:?}") };
        assert_eq!((state, note.is_some()), (PresenceState::Present, true));
        assert!(matches!(purpose, Purpose::Undo(..)));
    }),
    case(
        Mode::Panes,
        Action::Zoom,
        || Scene::new().press("tab"),
        |s| {
            assert_eq!(s.model.kept.arrangement.zoomed, Some(Focus::Log));
            assert!(!s.text().contains("Roster"), "{}", s.text());
        },
    ),
    case(Mode::Panes, Action::Zoom, || Scene::new().press("z"), |s| shows(s, "Log")),
    case(
        Mode::Panes,
        Action::Hide,
        || Scene::new().press("tab"),
        |s| {
            assert!(!s.text().contains(" Log "), "{}", s.text());
            assert_ne!(s.model.focus, Focus::Log);
        },
    ),
    case(Mode::Panes, Action::ShowAll, || Scene::new().press("tab x"), |s| shows(s, " Log ")),
    case(Mode::Panes, Action::Wider, || Scene::new().press("tab tab"), |s| assert!(columns(&s.model) > 50)),
    case(
        Mode::Panes,
        Action::Narrower,
        || Scene::new().press("tab tab"),
        |s| assert!(columns(&s.model) < 50),
    ),
    case(Mode::Panes, Action::Taller, Scene::new, |s| assert!(rows(&s.model) > 60)),
    case(Mode::Panes, Action::Shorter, Scene::new, |s| assert!((1..60).contains(&rows(&s.model)))),
    case(Mode::Panes, Action::Suspend, Scene::new, suspends),
    case(
        Mode::Filter,
        Action::Confirm,
        || Scene::new().press("/ lindq"),
        |s| {
            mode(s, Mode::Panes);
            shows(s, "Roster /lindq (1)");
            assert_eq!(s.selected_name(), "Bo Lindqvist");
        },
    ),
    case(
        Mode::Filter,
        Action::Cancel,
        || Scene::new().press("/ lindq"),
        |s| {
            mode(s, Mode::Panes);
            assert_eq!((s.model.roster.filter(), s.selected_name().as_str()), ("", "Bo Lindqvist"));
        },
    ),
    case(Mode::Filter, Action::Quit, || Scene::new().press("/"), assert_quits),
    case(Mode::Filter, Action::Suspend, || Scene::new().press("/"), suspends),
    case(Mode::Palette, Action::Confirm, || written("enrol"), |s| mode(s, Mode::EnrolName)),
    case(
        Mode::Palette,
        Action::Confirm,
        || written("roster list --json"),
        |s| {
            mode(s, Mode::Output);
            assert!(matches!(s.effects.last(), Some(Effect::Run(_, line)) if line == "roster list --json"));
            assert_eq!(s.model.history.last().unwrap(), "roster list --json");
        },
    ),
    case(Mode::Palette, Action::Confirm, || written("why"), |s| mode(s, Mode::Palette)),
    case(Mode::Palette, Action::Next, || written("rosli"), |s| shows(s, ": roster list")),
    case(
        Mode::Palette,
        Action::Down,
        || palette("").press("x").press("backspace"),
        |s| shows(s, "▸ add-picture"),
    ),
    case(Mode::Palette, Action::Up, || palette("").then(|s| press(s, "down")), |s| shows(s, "▸ enrol")),
    case(Mode::Palette, Action::Older, || palette(""), |s| shows(s, ": roster list --json")),
    case(
        Mode::Palette,
        Action::Newer,
        || {
            palette("").then(|s| {
                press(s, "ctrl-p");
                press(s, "ctrl-p");
            })
        },
        |s| shows(s, ": roster list --json"),
    ),
    case(Mode::Palette, Action::Cancel, || palette(""), assert_closed),
    case(Mode::Palette, Action::Quit, || palette(""), assert_quits),
    case(Mode::Palette, Action::Suspend, || palette(""), suspends),
    case(Mode::Output, Action::Down, output, |s| shows(s, "line 2")),
    case(Mode::Output, Action::Up, || output().press("j"), |s| shows(s, "line 1 ")),
    case(Mode::Output, Action::PageDown, output, |s| shows(s, "line 30")),
    case(Mode::Output, Action::PageUp, || output().press("pgdn"), |s| shows(s, "line 1 ")),
    case(Mode::Output, Action::HalfDown, output, |s| shows(s, "line 25")),
    case(Mode::Output, Action::HalfUp, || output().press("j"), |s| shows(s, "line 1 ")),
    case(Mode::Output, Action::Last, output, |s| shows(s, "line 59")),
    case(Mode::Output, Action::First, || output().press("G"), |s| shows(s, "line 1 ")),
    case(Mode::Output, Action::Cancel, output, assert_closed),
    case(Mode::Output, Action::Quit, output, assert_quits),
    case(Mode::Output, Action::Suspend, output, suspends),
    case(Mode::Output, Action::Help, output, assert_help),
    case(Mode::Palette, Action::Help, || palette(""), assert_help),
    case(Mode::Filter, Action::Help, || Scene::new().press("/"), assert_help),
    case(Mode::HelpSearch, Action::Suspend, || Scene::new().press("? /"), suspends),
    case(Mode::Help, Action::Suspend, || Scene::new().press("?"), suspends),
    case(Mode::EnrolName, Action::Suspend, || Scene::new().press("e"), suspends),
    case(Mode::EnrolShot, Action::Suspend, || Scene::new().press("a"), suspends),
    case(Mode::Mark, Action::Suspend, || Scene::new().press("m"), suspends),
    case(Mode::Remove, Action::Suspend, || Scene::new().press("d"), suspends),
    case(Mode::Challenge, Action::Suspend, || Scene::new().press("c"), suspends),
    case(Mode::Why, Action::Suspend, || Scene::new().press("tab w"), suspends),
    case(Mode::Inbox, Action::Suspend, || Scene::new().press("i"), suspends),
    case(Mode::InboxName, Action::Suspend, || Scene::new().press("i enter"), suspends),
    case(Mode::InboxWho, Action::Suspend, || Scene::new().press("i a"), suspends),
    case(Mode::InboxAsk, Action::Suspend, || Scene::new().press("i d"), suspends),
];

#[test]
fn a_count_repeats_a_movement_and_goes_to_a_line() {
    let names: Vec<String> = (0..4).map(|n| Scene::new().press(&"j ".repeat(n)).selected_name()).collect();
    assert_eq!(Scene::new().press("3 j").selected_name(), names[3]);
    assert_eq!(Scene::new().press("G 2 G").selected_name(), names[1]);
    assert_eq!(Scene::new().press("1 0 0 j").selected_name(), Scene::new().press("G").selected_name());
    let counting = Scene::new().press("1 2");
    assert_eq!(counting.model.count, Some(12));
    shows(&counting, "12");
    assert_eq!(counting.press("esc").model.count, None);
    // Where a name is written, a digit is one.
    shows(&Scene::new().press("e 7"), "7");
}

#[test]
fn the_log_is_filtered_by_what_it_shows() {
    let scene = Scene::new().press("tab / müller");
    assert!(scene.text().contains("Log /müller"), "{}", scene.text());
    let log: Vec<String> =
        scene.text().lines().filter(|line| line.contains("identified")).map(str::to_owned).collect();
    assert!(!log.is_empty() && log.iter().all(|line| line.contains("Ana Müller")), "{log:?}");
    let none = Scene::new().press("tab / xyzzy enter");
    assert_eq!(none.model.log.selected().map(|entry| entry.sequence), None::<Sequence>);
}

#[test]
fn whoever_is_selected_stays_so_while_a_filter_shows_them() {
    let scene = Scene::new().press("j j");
    let selected = scene.selected_name();
    let first: String = selected.chars().take(2).collect();
    let scene = scene.press("/").press(&first);
    assert_eq!(scene.selected_name(), selected);
    assert_eq!(scene.press("esc").selected_name(), selected);
}

fn mouse(scene: &mut Scene, kind: MouseEventKind, column: u16, row: u16) {
    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    scene.tell(Message::Mouse(event));
}

fn areas(scene: &Scene) -> crate::tui::layout::Areas {
    scene.model.areas(Rect::new(0, 0, 80, 24)).unwrap()
}

#[test]
fn a_click_chooses_a_line_and_a_double_click_opens_it() {
    let mut scene = Scene::new();
    let (roster, log) = (areas(&scene).roster, areas(&scene).log);
    let down = MouseEventKind::Down(MouseButton::Left);
    mouse(&mut scene, down, roster.x + 3, roster.y + 2);
    assert_eq!(scene.selected_name(), Scene::new().press("j").selected_name());
    mouse(&mut scene, down, log.x + 3, log.y + 2);
    assert_eq!(scene.model.focus, Focus::Log);
    mouse(&mut scene, down, log.x + 3, log.y + 2);
    mode(&scene, Mode::Why);
    // Below a dialog nothing is chosen.
    mouse(&mut scene, down, roster.x + 3, roster.y + 2);
    assert_eq!(scene.model.focus, Focus::Log);
}

#[test]
fn the_wheel_scrolls_what_is_under_it_and_leaves_the_keys_where_they_are() {
    let mut scene = Scene::new();
    let log = areas(&scene).log;
    mouse(&mut scene, MouseEventKind::ScrollDown, log.x + 3, log.y + 2);
    assert_eq!(scene.model.focus, Focus::Roster);
    let newest = Scene::new().press("tab").model.log.selected().unwrap().sequence;
    assert_eq!(scene.model.log.selected().unwrap().sequence, Sequence(newest.0 - 3));
}

#[test]
fn a_border_is_dragged_and_that_is_remembered() {
    let mut scene = Scene::new();
    let column = areas(&scene).column.unwrap();
    mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), column.at, column.whole.y + 2);
    mouse(&mut scene, MouseEventKind::Drag(MouseButton::Left), 24, column.whole.y + 2);
    mouse(&mut scene, MouseEventKind::Up(MouseButton::Left), 24, column.whole.y + 2);
    assert!(areas(&scene).column.unwrap().at.abs_diff(24) <= 1, "{:?}", areas(&scene).column);
    assert!(
        matches!(scene.effects.last(), Some(Effect::Keep(kept)) if kept.arrangement.columns == columns(&scene.model))
    );
    // A drag that began elsewhere moves nothing.
    let before = scene.model.kept.clone();
    mouse(&mut scene, MouseEventKind::Drag(MouseButton::Left), 60, 5);
    assert_eq!(scene.model.kept, before);
}

#[test]
fn a_pause_is_taken_back() {
    let scene = Scene::new().press("p").then(|s| {
        let (_, purpose) = s.sent().unwrap();
        s.tell(Message::Reply(purpose, Box::new(Ok(crate::engine::Reply::Done))));
        s.source(SourceState::Paused);
    });
    assert_eq!(scene.press("u").sent().unwrap().0, Command::SetPaused(false));
}

#[test]
fn how_far_long_work_is_is_said_in_its_dialog_and_in_the_bar() {
    let mut scene = running();
    let Some(Dialog::Output(dialog)) = scene.model.dialogs.last() else { panic!("no output") };
    let id = dialog.id;
    shows(&scene, "running …");
    scene.tell(Message::Printed(id, "Ana: enrolled\nBo: refused\n".to_owned()));
    scene.tell(Message::Progress(id, 2, 10));
    shows(&scene, "2 of 10");
    shows(&scene, "Bo: refused");
    let began = scene.model.now;
    scene.tell(Message::Tick(began + chrono::TimeDelta::seconds(30)));
    shows(&scene, "2 of 10, 2 min left");
    // What is shown elsewhere is not this one's.
    let mut scene = scene.press("esc");
    shows(&scene, "⧗ 2 of 10, 2 min left");
    scene.tell(Message::Progress(crate::tui::message::DialogId(999), 9, 10));
    shows(&scene, "⧗ 2 of 10");
    scene.tell(Message::Ran(id, Ran { text: "2 people enrolled\n".to_owned(), succeeded: true }));
    assert!(!scene.text().contains('⧗') && scene.notice() == "2 people enrolled", "{}", scene.text());
}

#[test]
fn a_second_line_does_not_take_the_place_of_the_one_that_runs() {
    let scene = running().press("esc").press(": roster space list enter");
    let Some(Dialog::Output(dialog)) = scene.model.dialogs.last() else { panic!("no output") };
    let second = dialog.id;
    assert_ne!(scene.model.running.as_ref().map(|running| running.id), Some(second));
    shows(&scene, "waiting …");
}
