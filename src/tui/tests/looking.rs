//! Looking at people and days: the detail, the roll call, the numbers, the order of the roster, and the log of one
//! person or time.

use chrono::TimeDelta;

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::attendance::{Consent, PresenceState};
use crate::engine::command::looking_up::{DayLog, FacePicture, PersonDetails, PersonFacts};
use crate::engine::{Command, CommandError, LogEntry, Reply};
use crate::ledger::{EntryKind, Sequence};
use crate::tui::keymap::{Action, Mode};
use crate::tui::layout::Focus;
use crate::tui::message::{Effect, LogQuery, Message, Purpose};
use crate::tui::testing::{Scene, entry, now, person, roster};

/// A person's face and their last entries.
fn details(number: u128) -> PersonDetails {
    let mut entries: Vec<LogEntry> = (0..6)
        .map(|day| {
            let mut entry = entry(90 - day, EntryKind::Passage, Some((number, "Ana Müller")));
            entry.at = now() - TimeDelta::days(2 * day as i64) - TimeDelta::minutes(7);
            entry
        })
        .collect();
    entries[2].kind = EntryKind::Mark;
    entries[2].note = Some("came by bus\u{1b}[2J".to_owned());
    let rgb = (0..32 * 32).flat_map(|at: u32| [(at % 32 * 8) as u8, (at / 32 * 8) as u8, 90]).collect();
    let facts = PersonFacts {
        email: Some("ana@example.org".parse().unwrap()),
        has_pin: true,
        consent: Some(Consent {
            text: "v2".to_owned(),
            digest: crate::ledger::Sha256Digest([1; 32]),
            given_at: now() - TimeDelta::days(40),
            asked_by: crate::ledger::Actor::Local { uid: 1000 },
        }),
    };
    PersonDetails { person: person(number), facts, entries, face: Some(FacePicture { side: 32, rgb }) }
}

/// Answers whatever was asked about somebody.
fn answered(mut scene: Scene) -> Scene {
    let asked: Vec<_> = scene
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(Command::Person(person), purpose) => Some((*person, purpose.clone())),
            _ => None,
        })
        .collect();
    for (who, purpose) in asked {
        let found = PersonDetails { person: who, ..details(1) };
        scene.tell(Message::Reply(purpose, Box::new(Ok(Reply::Person(Box::new(found))))));
    }
    scene
}

pub(super) fn detailed(width: u16, height: u16) -> Scene {
    answered(Scene::sized(width, height).press("v"))
}

fn day(back: i64, people: &[u128]) -> DayLog {
    let at = now() - TimeDelta::days(back);
    let entries = people
        .iter()
        .enumerate()
        .map(|(index, number)| {
            let mut entry = entry(index as u64 + 1, EntryKind::Passage, Some((*number, "Somebody")));
            (entry.at, entry.state) =
                (at + TimeDelta::minutes(20 * index as i64), Some(PresenceState::Present));
            entry
        })
        .collect();
    DayLog { date: at.date_naive(), from: at, until: at + TimeDelta::days(1), entries }
}

fn roll_call() -> Scene {
    Scene::new().press("r")
}

pub(super) fn stats(width: u16, height: u16) -> Scene {
    let mut scene = Scene::sized(width, height).press("s");
    scene.answer(Ok(Reply::Day(Box::new(day(0, &[1, 2, 3, 1, 4, 5, 6, 7, 8])))));
    scene
}

fn says(scene: &Scene, words: &str) {
    assert!(scene.text().contains(words), "{words}:\n{}", scene.text());
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::Panes,
        Action::Detail,
        || Scene::sized(80, 24),
        |s| {
            assert_eq!(s.model.focus, Focus::Detail);
            assert!(s.text().contains("Detail") && !s.text().contains("Roster"));
        },
    ),
    case(Mode::Panes, Action::Detail, || detailed(80, 24), |s| assert_eq!(s.model.focus, Focus::Roster)),
    case(Mode::Panes, Action::RollCall, Scene::new, |s| assert_eq!(s.model.mode(), Mode::RollCall)),
    case(Mode::Panes, Action::Stats, Scene::new, |s| {
        assert!(matches!(s.sent(), Some((Command::Day { back: 0 }, Purpose::Day(_)))));
    }),
    case(Mode::Panes, Action::Sort, Scene::new, |s| says(s, "Roster by time")),
    case(Mode::Panes, Action::Group, Scene::new, |s| says(s, "Roster by name")),
    case(Mode::Panes, Action::OnlyPerson, Scene::new, |s| {
        assert_eq!((s.model.focus, s.model.log.filter()), (Focus::Log, "Ana Müller"));
    }),
    case(Mode::RollCall, Action::Next, roll_call, |s| {
        assert!(matches!(s.sent(), Some((Command::Day { back: 1 }, Purpose::Day(_)))));
    }),
    case(Mode::RollCall, Action::Open, roll_call, |s| {
        assert_closed(s);
        assert_eq!(s.selected_name(), "Chidi Okafor");
    }),
    case(Mode::RollCall, Action::Cancel, roll_call, assert_closed),
    case(Mode::RollCall, Action::Down, roll_call, |s| says(s, "▸- Fátima")),
    case(Mode::RollCall, Action::Up, || roll_call().press("j"), |s| says(s, "▸- Chidi")),
    case(Mode::RollCall, Action::Last, roll_call, |s| says(s, "▸+ 山田")),
    case(Mode::RollCall, Action::First, || roll_call().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::RollCall, Action::PageDown, roll_call, |s| says(s, "▸+ 山田")),
    case(Mode::RollCall, Action::PageUp, || roll_call().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::RollCall, Action::HalfDown, roll_call, |s| says(s, "▸+ 山田")),
    case(Mode::RollCall, Action::HalfUp, || roll_call().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::RollCall, Action::Help, roll_call, assert_help),
    case(Mode::RollCall, Action::Quit, roll_call, assert_quits),
    case(Mode::RollCall, Action::Suspend, roll_call, |s| {
        assert_eq!(s.effects.last(), Some(&Effect::Suspend))
    }),
    case(
        Mode::Stats,
        Action::Older,
        || stats(80, 24),
        |s| {
            assert!(matches!(s.sent(), Some((Command::Day { back: 1 }, _))));
        },
    ),
    case(
        Mode::Stats,
        Action::Newer,
        || stats(80, 24).press("h h"),
        |s| assert!(matches!(s.sent(), Some((Command::Day { back: 1 }, _)))),
    ),
    case(Mode::Stats, Action::Cancel, || stats(80, 24), assert_closed),
    case(Mode::Stats, Action::Help, || stats(80, 24), assert_help),
    case(Mode::Stats, Action::Quit, || stats(80, 24), assert_quits),
    case(
        Mode::Stats,
        Action::Suspend,
        || stats(80, 24),
        |s| {
            assert_eq!(s.effects.last(), Some(&Effect::Suspend));
        },
    ),
];

#[test]
fn the_detail_follows_the_selection_and_asks_for_one_at_a_time() {
    let scene = Scene::sized(120, 40);
    let questions = |scene: &Scene| {
        let asked = scene.effects.iter().filter_map(|effect| match effect {
            Effect::Send(Command::Person(who), _) => Some(who.0.0),
            _ => None,
        });
        asked.collect::<Vec<_>>()
    };
    let mut scene = scene.press("j j j");
    // The first was asked for before anything was pressed, and its answer has not come.
    assert_eq!(questions(&scene), [0u128; 0]);
    let first = Purpose::Detail(person(1));
    scene.tell(Message::Reply(first, Box::new(Ok(Reply::Person(Box::new(details(1)))))));
    assert_eq!(questions(&scene).len(), 1, "then whoever is selected by now");
    assert!(!scene.text().contains("2026-02-28"), "nothing of somebody else is shown\n{}", scene.text());
    let scene = answered(scene);
    says(&scene, "2026-02-28 07:58");
    says(&scene, "6 entries");
}

#[test]
fn the_bar_of_days_has_what_holds_on_the_day_on_which_it_does() {
    let passage = |sequence: u64, days: i64| {
        let mut entry = entry(sequence, EntryKind::Passage, Some((1, "Ana Müller")));
        (entry.at, entry.state) = (now() - TimeDelta::days(days), Some(PresenceState::Present));
        entry
    };
    let corrected = |sequence: u64, of: Option<u64>, state: Option<PresenceState>| {
        let mut entry = LogEntry { kind: EntryKind::Corrected, state, ..passage(sequence, 0) };
        entry.details.corrects = of.map(Sequence);
        entry
    };
    let struck = {
        let mut strike = corrected(13, Some(10), None);
        strike.details.struck = true;
        strike
    };
    // One that was missing was four days ago; one was moved from three days ago to five.
    let mut added = corrected(14, None, Some(PresenceState::Present));
    added.details.holds_at = Some(now() - TimeDelta::days(4));
    let mut moved = corrected(15, Some(11), Some(PresenceState::Present));
    moved.details.holds_at = Some(now() - TimeDelta::days(5));
    let entries = vec![moved, added, struck, passage(12, 1), passage(11, 3), passage(10, 2)];
    let found = PersonDetails { entries, ..details(1) };
    let mut scene = Scene::sized(120, 40);
    scene.tell(Message::Reply(Purpose::Detail(person(1)), Box::new(Ok(Reply::Person(Box::new(found))))));
    says(&scene, "········██··█·");
}

#[test]
fn a_person_who_cannot_be_looked_up_is_not_asked_for_again_and_again() {
    let mut scene = Scene::sized(120, 40);
    let count = scene.effects.len();
    scene.tell(Message::Reply(Purpose::Detail(person(1)), Box::new(Err(CommandError::NoSuchPerson))));
    scene.tell(Message::Resize(121, 40));
    assert_eq!(scene.effects.len(), count);
}

#[test]
fn a_new_entry_about_the_person_is_fetched() {
    let mut scene = Scene::sized(120, 40);
    scene.tell(Message::Reply(Purpose::Detail(person(1)), Box::new(Ok(Reply::Person(Box::new(details(1)))))));
    scene.effects.clear();
    let later = entry(500, EntryKind::Passage, Some((1, "Ana Müller")));
    scene.tell(Message::Engine(crate::engine::EngineEvent::Entry(later)));
    assert!(scene.effects.iter().any(|effect| matches!(effect, Effect::Send(Command::Person(_), _))));
}

#[test]
fn the_roll_call_goes_back_to_the_last_day_with_records() {
    let mut scene = roll_call();
    says(&scene, "- 3 missing   ○ 1 left   + 4 present");
    scene = scene.press("tab");
    scene.answer(Ok(Reply::Day(Box::new(day(1, &[])))));
    assert!(matches!(scene.sent(), Some((Command::Day { back: 2 }, _))));
    scene.answer(Ok(Reply::Day(Box::new(day(2, &[1, 3])))));
    says(&scene, "Roll call against Saturday, 2026-02-28");
    says(&scene, "- 1 missing   ○ 0 left   + 1 present   * 3 not there before");
    // Who arrives meanwhile is present.
    let mut arrived = roster();
    arrived.rows[2] = crate::tui::testing::row(3, "Chidi Okafor", Some((PresenceState::Present, 0)), 1);
    scene.state(crate::tui::testing::live(), arrived);
    says(&scene, "- 0 missing");
}

#[test]
fn the_roster_is_ordered_as_asked_and_the_selection_stays() {
    let order = |scene: &Scene| -> Vec<String> {
        let text = scene.text();
        let names = ["Ana", "Bo ", "Chidi", "Dana", "lodie", "Fátima", "Zoë", "山田"];
        let mut found: Vec<(usize, &str)> =
            names.iter().filter_map(|name| Some((text.rfind(name)?, *name))).collect();
        found.sort();
        found.into_iter().map(|(_, name)| name.trim().to_owned()).collect()
    };
    let tall = || Scene::sized(80, 24).press("z");
    assert_eq!(order(&tall())[..4], ["Ana", "Dana", "lodie", "山田"]);
    let by_time = tall().press("o");
    assert_eq!(order(&by_time)[..4], ["山田", "Ana", "lodie", "Dana"]);
    assert_eq!(by_time.selected_name(), "Ana Müller");
    let flat = tall().press("b");
    assert_eq!(order(&flat)[..4], ["Ana", "Bo", "Chidi", "Dana"]);
    let by_identifier = tall().press("o o b");
    assert_eq!(order(&by_identifier)[..4], ["Ana", "Chidi", "lodie", "Zoë"]);
}

#[test]
fn the_log_of_a_day_is_fetched_and_the_whole_log_comes_back() {
    let mut scene = Scene::new().press("tab /").press("on:yesterday");
    let Some(Effect::LoadLog(query @ LogQuery::Between(from, until))) = scene.effects.last().cloned() else {
        panic!("{:?}", scene.effects.last());
    };
    assert_eq!(until - from, TimeDelta::days(1));
    let mut old = entry(3, EntryKind::Mark, Some((2, "Bo Lindqvist")));
    old.at = from + TimeDelta::hours(9);
    scene.tell(Message::Log(query, vec![old]));
    says(&scene, "Log /on:yesterday (1)");
    // What happens meanwhile is not of yesterday, and is not lost either.
    let new = entry(900, EntryKind::Enrolled, Some((3, "Chidi Okafor")));
    scene.tell(Message::Engine(crate::engine::EngineEvent::Entry(new)));
    says(&scene, "Log /on:yesterday (1)");
    let scene = scene.press("esc");
    says(&scene, "Chidi Okafor");
    assert_eq!(scene.model.log.filter(), "");
    assert_eq!(scene.effects.last(), Some(&Effect::LoadLog(LogQuery::Since(Sequence(900)))));
}

screens! {
    detail: detailed;
    detail_nobody: |w, h| Scene::empty(w, h).press("v");
    roll_call_roster: |w, h| Scene::sized(w, h).press("r");
    roll_call_day: |w, h| {
        let mut scene = Scene::sized(w, h).press("r tab");
        scene.answer(Ok(Reply::Day(Box::new(day(1, &[1, 3, 2])))));
        scene
    };
    stats_day: stats;
}
