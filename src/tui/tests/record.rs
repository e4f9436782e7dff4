//! The record: sessions, corrections, excuses, months, unsure times.

mod flows;

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use ulid::Ulid;

use super::keys::{Case, assert_closed, assert_help, assert_quits, case};
use crate::attendance::month::{DayMark, MonthDay, MonthGrid, MonthRow};
use crate::attendance::session::{SessionRules, StandingLine};
use crate::attendance::{PresenceState, Session, SessionId, Standing};
use crate::engine::command::attendance::{
    AttendanceCommand, AttendanceReply, Corrected, Correction, CorrectionOf, MonthOf, MonthQuery,
    SessionLine, SessionRoll,
};
use crate::engine::state::{OpenSession, PlannedSession};
use crate::engine::{Command, CommandError, LogEntry, Reply, RosterState};
use crate::ledger::{ClockState, EntryKind, Facts, Sequence};
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{Effect, LogQuery, Message, Purpose};
use crate::tui::testing::{Scene, entry, live, now, person, roster};

fn maths() -> Session {
    Session {
        id: SessionId(Ulid(77)),
        name: "maths".parse().unwrap(),
        group: Some("3b".parse().unwrap()),
        starts_at: now() - TimeDelta::minutes(20),
        ends_at: Some(now() + TimeDelta::minutes(70)),
        rules: SessionRules::default(),
        is_scheduled: false,
    }
}

/// Maths is open with two of four there, and the schedule has chemistry.
fn site() -> RosterState {
    let arrived = [(1, 21), (4, 13)].map(|(who, ago)| (person(who), now() - TimeDelta::minutes(ago)));
    let open = |session: Session, expected: u32, here: u32, arrived: BTreeMap<_, _>| OpenSession {
        session,
        expected,
        here,
        arrived,
    };
    let staff =
        Session { id: SessionId(Ulid(78)), name: "early shift".parse().unwrap(), group: None, ..maths() };
    let chemistry = PlannedSession {
        name: "chemistry".parse().unwrap(),
        group: None,
        opens_at: now() + TimeDelta::minutes(85),
        starts_at: now() + TimeDelta::minutes(115),
        ends_at: now() + TimeDelta::minutes(205),
    };
    RosterState {
        sessions: vec![open(maths(), 4, 2, arrived.into()), open(staff, 8, 4, BTreeMap::new())],
        planned: vec![chemistry],
        ..roster()
    }
}

fn roll() -> SessionRoll {
    let line = |number, name: &str, standing, ago: Option<i64>| {
        let arrived = ago.map(|ago| now() - TimeDelta::minutes(ago));
        let line = StandingLine { standing, arrived, left: None };
        SessionLine { person: person(number), name: name.parse().unwrap(), line }
    };
    let lines = vec![
        line(1, "Ana Müller", Standing::OnTime, Some(21)),
        line(2, "Bo Lindqvist", Standing::Excused, None),
        line(3, "Chidi Okafor", Standing::Absent, None),
        line(4, "Dana O'Neill", Standing::Late, Some(13)),
    ];
    SessionRoll { session: maths(), closed_at: None, lines }
}

fn replied(reply: AttendanceReply) -> Result<Reply, CommandError> {
    Ok(Reply::Attendance(reply))
}

/// The site with its sessions; everything it asked for is forgotten.
fn in_school(width: u16, height: u16) -> Scene {
    let mut scene = Scene::sized(width, height);
    scene.state(live(), site());
    scene.effects.clear();
    scene
}

pub(super) fn sessions(width: u16, height: u16) -> Scene {
    let mut scene = in_school(width, height).press("S");
    scene.answer(replied(AttendanceReply::Sessions(vec![roll()])));
    scene.effects.clear();
    scene
}

fn rolled() -> Scene {
    sessions(80, 24)
}

/// What was asked about attendance last.
fn asked(scene: &Scene) -> AttendanceCommand {
    match scene.sent() {
        Some((Command::Attendance(command), Purpose::Attendance(_))) => command,
        other => panic!("nothing was asked about attendance: {other:?}"),
    }
}

fn says(scene: &Scene, words: &str) {
    assert!(scene.text().contains(words), "{words}:\n{}", scene.text());
}

fn mode(scene: &Scene, mode: Mode) {
    assert_eq!(scene.model.mode(), mode);
}

fn suspends(scene: &Scene) {
    assert_eq!(scene.effects.last(), Some(&Effect::Suspend));
}

/// A log in which Ana's passage was corrected, Dana's struck, and a few things more are said.
fn corrected_log() -> Vec<LogEntry> {
    let present = |mut entry: LogEntry| {
        entry.state = Some(PresenceState::Present);
        entry
    };
    let correction = |sequence, corrects, name: (u128, &'static str), reason: &str| {
        let mut entry = entry(sequence, EntryKind::Corrected, Some(name));
        entry.actor = crate::ledger::Actor::Local { uid: 1000 };
        entry.details.corrects = Some(Sequence(corrects));
        entry.note = Some(reason.to_owned());
        entry
    };
    let mut left = correction(22, 20, (1, "Ana Müller"), "left with her mother");
    left.state = Some(PresenceState::Left);
    left.details.holds_at = Some(now() - TimeDelta::minutes(9));
    let mut struck = correction(23, 21, (4, "Dana O'Neill"), "her sister");
    struck.details.struck = true;
    let mut opened = entry(24, EntryKind::SessionOpened, None);
    opened.facts = Some(Facts::Session(maths()));
    let mut closed = entry(25, EntryKind::SessionClosed, None);
    closed.facts = Some(Facts::SessionClosed(maths().id));
    let mut late = entry(26, EntryKind::Standing, Some((4, "Dana O'Neill")));
    (late.details.standing, late.details.session) = (Some(Standing::Late), Some(maths().id));
    let mut clock = entry(27, EntryKind::ClockChanged, None);
    clock.facts = Some(Facts::ClockStep { expected: chrono::DateTime::UNIX_EPOCH, found: now() });
    let mut unsure = present(entry(28, EntryKind::Passage, Some((3, "Chidi Okafor"))));
    unsure.clock = ClockState::Unsure;
    let mut forgotten = entry(29, EntryKind::CheckOutForgotten, Some((2, "Bo Lindqvist")));
    forgotten.details.holds_at = Some(now() - TimeDelta::hours(16));
    forgotten.state = Some(PresenceState::Left);
    vec![
        present(entry(20, EntryKind::Passage, Some((1, "Ana Müller")))),
        present(entry(21, EntryKind::Passage, Some((4, "Dana O'Neill")))),
        left,
        struck,
        opened,
        closed,
        late,
        clock,
        unsure,
        forgotten,
    ]
}

/// The log has the keys, and the line of entry `sequence` is selected.
fn log_at(width: u16, height: u16, sequence: u64) -> Scene {
    let mut scene = in_school(width, height);
    scene.tell(Message::Log(LogQuery::Before(Sequence(u64::MAX)), corrected_log()));
    scene.effects.clear();
    let mut scene = scene.press("tab");
    while scene.model.log.selected().unwrap().sequence != Sequence(sequence) {
        scene = scene.press("j");
    }
    scene
}

pub(super) fn correcting(width: u16, height: u16) -> Scene {
    log_at(width, height, 20).press("C")
}

fn correct() -> Scene {
    correcting(80, 24)
}

pub(super) fn excusing(width: u16, height: u16) -> Scene {
    in_school(width, height).press("E")
}

fn excuse() -> Scene {
    excusing(80, 24)
}

fn opening(width: u16, height: u16) -> Scene {
    sessions(width, height).press("n")
}

fn first_of_march() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()
}

fn month_row(number: u128, name: &str) -> MonthRow {
    use DayMark::{Absent, Excused, Late, LeftEarly, NoCheckOut, Nothing, Present};
    let marks = [Nothing, Present, Late, Absent, Excused, NoCheckOut, LeftEarly, Nothing];
    let day = |index: usize| {
        let mark = if index < 20 { marks[(index + number as usize) % 8] } else { Nothing };
        let minutes = match mark {
            Nothing | Absent | Excused => 0,
            _ => 60 + 37 * (index as u32 % 12),
        };
        MonthDay { minutes, mark, is_time_unsure: false }
    };
    MonthRow { person: person(number), name: name.parse().unwrap(), days: (0..31).map(day).collect() }
}

fn grid(rows: Vec<MonthRow>) -> Result<Reply, CommandError> {
    let today = now().date_naive();
    replied(AttendanceReply::Month(MonthGrid { first: first_of_march(), today, rows }))
}

pub(super) fn month(width: u16, height: u16) -> Scene {
    let mut scene = in_school(width, height).press("M");
    scene.answer(grid(vec![month_row(1, "Ana Müller")]));
    scene.effects.clear();
    scene
}

/// More people than there are lines.
pub(super) fn month_of_all(width: u16, height: u16) -> Scene {
    let mut scene = month(width, height).press("tab tab");
    let rows: Vec<MonthRow> = (1..60).map(|n| month_row(n, &format!("Person {n:02}"))).collect();
    scene.answer(grid(Vec::new()));
    scene.answer(grid(rows));
    scene.effects.clear();
    scene
}

#[test]
fn a_day_that_rests_on_an_unsure_time_says_so() {
    let with_unsure = |number: u128, name: &str| {
        let mut row = month_row(number, name);
        row.days[4].is_time_unsure = true;
        row
    };
    let mut scene = month(80, 30);
    assert!(!scene.text().contains('?'), "{}", scene.text());
    scene = scene.press("h");
    scene.answer(grid(vec![with_unsure(1, "Ana Müller")]));
    // All of what the letters mean still fits.
    says(&scene, "? unsure P present");
    says(&scene, "N no check-out");
    // Her Thursday, the fifth, and no other day.
    assert_eq!(scene.text().matches('?').count(), 2, "{}", scene.text());
    let mut all = month(100, 30).press("tab tab");
    all.answer(grid(Vec::new()));
    all.answer(grid(vec![with_unsure(1, "Ana Müller"), month_row(2, "Bo Ek")]));
    says(&all, "? unsure");
    let sums: Vec<bool> = all
        .text()
        .lines()
        .filter(|line| line.contains("Ana Müller") || line.contains("Bo Ek"))
        .map(|line| line.contains('?'))
        .collect();
    assert!(sums.ends_with(&[true, false]), "{sums:?}\n{}", all.text());
}

fn everybody() -> Scene {
    month_of_all(80, 24)
}

pub(super) const CASES: &[Case] = &[
    case(
        Mode::Panes,
        Action::Sessions,
        || in_school(80, 24),
        |s| {
            mode(s, Mode::Sessions);
            assert_eq!(asked(s), AttendanceCommand::Sessions);
        },
    ),
    case(
        Mode::Panes,
        Action::Correct,
        || log_at(80, 24, 21),
        |s| {
            mode(s, Mode::Correct);
            says(s, "Correct entry 21, Dana O'Neill");
        },
    ),
    case(Mode::Panes, Action::Excuse, || in_school(80, 24), |s| says(s, "Excuse Ana Müller")),
    case(
        Mode::Panes,
        Action::Month,
        || in_school(80, 24),
        |s| {
            mode(s, Mode::Month);
            let of = MonthOf::Person(person(1));
            assert_eq!(asked(s), AttendanceCommand::Month(MonthQuery { back: 0, of }));
        },
    ),
    case(Mode::Stats, Action::Month, || Scene::new().press("s"), |s| mode(s, Mode::Month)),
    case(Mode::Sessions, Action::OpenSession, rolled, |s| mode(s, Mode::SessionOpen)),
    case(Mode::Sessions, Action::CloseSession, rolled, |s| {
        mode(s, Mode::SessionAsk);
        assert_eq!(s.sent(), None);
        says(s, "1 absent, 1 excused, 1 late, 1 on time");
    }),
    case(Mode::Sessions, Action::Mark, rolled, |s| says(s, "Mark Chidi Okafor")),
    case(Mode::Sessions, Action::Excuse, rolled, |s| says(s, "Excuse Chidi Okafor from maths")),
    case(Mode::Sessions, Action::Next, rolled, |s| says(s, "early shift 07:45-09:15: 4 of 8 here")),
    case(Mode::Sessions, Action::Previous, rolled, |s| says(s, "chemistry: not open yet")),
    case(Mode::Sessions, Action::Open, rolled, |s| {
        assert_closed(s);
        assert_eq!(s.selected_name(), "Chidi Okafor");
    }),
    case(Mode::Sessions, Action::Cancel, rolled, assert_closed),
    case(Mode::Sessions, Action::Down, rolled, |s| says(s, "▸x Bo")),
    case(Mode::Sessions, Action::Up, || rolled().press("j"), |s| says(s, "▸- Chidi")),
    case(Mode::Sessions, Action::Last, rolled, |s| says(s, "▸● Ana")),
    case(Mode::Sessions, Action::First, || rolled().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::Sessions, Action::PageDown, rolled, |s| says(s, "▸● Ana")),
    case(Mode::Sessions, Action::PageUp, || rolled().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::Sessions, Action::HalfDown, rolled, |s| says(s, "▸● Ana")),
    case(Mode::Sessions, Action::HalfUp, || rolled().press("G"), |s| says(s, "▸- Chidi")),
    case(Mode::Sessions, Action::Help, rolled, assert_help),
    case(Mode::Sessions, Action::Quit, rolled, assert_quits),
    case(Mode::Sessions, Action::Suspend, rolled, suspends),
    case(Mode::SessionOpen, Action::Next, || opening(80, 24).press("art"), |s| says(s, "▸ group")),
    case(Mode::SessionOpen, Action::Previous, || opening(80, 24).press("art"), |s| says(s, "▸ until")),
    case(
        Mode::SessionOpen,
        Action::Complete,
        || opening(80, 24).press("art tab ST"),
        |s| {
            says(s, "▸ group staff");
        },
    ),
    case(
        Mode::SessionOpen,
        Action::Confirm,
        || opening(80, 24).press("art tab 3b tab 10:30"),
        |s| {
            let expected = AttendanceCommand::OpenSession {
                name: "art".parse().unwrap(),
                group: Some("3b".parse().unwrap()),
                starts_at: None,
                ends_at: Some(now() + TimeDelta::minutes(145)),
            };
            assert_eq!(asked(s), expected);
        },
    ),
    case(Mode::SessionOpen, Action::Cancel, || opening(80, 24), |s| mode(s, Mode::Sessions)),
    case(Mode::SessionOpen, Action::Help, || opening(80, 24), assert_help),
    case(Mode::SessionOpen, Action::Quit, || opening(80, 24), assert_quits),
    case(Mode::SessionOpen, Action::Suspend, || opening(80, 24), suspends),
    case(
        Mode::SessionAsk,
        Action::Confirm,
        || rolled().press("c"),
        |s| {
            assert_eq!(asked(s), AttendanceCommand::CloseSession(maths().id));
        },
    ),
    case(
        Mode::SessionAsk,
        Action::Cancel,
        || rolled().press("c"),
        |s| {
            mode(s, Mode::Sessions);
            assert_eq!(s.sent(), None);
        },
    ),
    case(Mode::SessionAsk, Action::Help, || rolled().press("c"), assert_help),
    case(Mode::SessionAsk, Action::Quit, || rolled().press("c"), assert_quits),
    case(Mode::SessionAsk, Action::Suspend, || rolled().press("c"), suspends),
    case(Mode::Correct, Action::Down, correct, |s| says(s, "● strike")),
    case(Mode::Correct, Action::Up, correct, |s| says(s, "● present")),
    case(Mode::Correct, Action::Next, correct, |s| says(s, "▸ time   07:56:00")),
    case(Mode::Correct, Action::Previous, || correct().press("tab"), |s| says(s, "▸ reason")),
    case(
        Mode::Correct,
        Action::Confirm,
        || correct().press("went space out"),
        |s| {
            let at = Some(now() - TimeDelta::minutes(9));
            let what = Corrected::Record { state: Some(PresenceState::Left), at };
            let of = CorrectionOf::Entry(Sequence(20));
            let expected = Correction { of, what, reason: "went out".to_owned() };
            assert_eq!(asked(s), AttendanceCommand::Correct(expected));
        },
    ),
    case(Mode::Correct, Action::Cancel, correct, assert_closed),
    case(Mode::Correct, Action::Help, correct, assert_help),
    case(Mode::Correct, Action::Quit, correct, assert_quits),
    case(Mode::Correct, Action::Suspend, correct, suspends),
    case(Mode::Excuse, Action::Next, excuse, |s| says(s, "▸ from   2026-03-02")),
    case(Mode::Excuse, Action::Previous, excuse, |s| says(s, "▸ until  2026-03-02")),
    case(
        Mode::Excuse,
        Action::Confirm,
        || excuse().press("ill"),
        |s| {
            let from = now() - TimeDelta::minutes(485);
            let (person, until, reason) = (person(1), from + TimeDelta::days(1), "ill".to_owned());
            assert_eq!(asked(s), AttendanceCommand::Excuse { person, session: None, from, until, reason });
        },
    ),
    case(Mode::Excuse, Action::Cancel, excuse, assert_closed),
    case(Mode::Excuse, Action::Help, excuse, assert_help),
    case(Mode::Excuse, Action::Quit, excuse, assert_quits),
    case(Mode::Excuse, Action::Suspend, excuse, suspends),
    case(
        Mode::Month,
        Action::Older,
        || month(80, 24),
        |s| {
            let of = MonthOf::Person(person(1));
            assert_eq!(asked(s), AttendanceCommand::Month(MonthQuery { back: 1, of }));
        },
    ),
    case(
        Mode::Month,
        Action::Newer,
        || month(80, 24).press("h h"),
        |s| {
            let of = MonthOf::Person(person(1));
            assert_eq!(asked(s), AttendanceCommand::Month(MonthQuery { back: 1, of }));
        },
    ),
    case(
        Mode::Month,
        Action::Next,
        || month(80, 24),
        |s| {
            let of = MonthOf::Group("3b".parse().unwrap());
            assert_eq!(asked(s), AttendanceCommand::Month(MonthQuery { back: 0, of }));
        },
    ),
    case(Mode::Month, Action::Stats, || month(80, 24), |s| mode(s, Mode::Stats)),
    case(Mode::Month, Action::Cancel, || month(80, 24), assert_closed),
    case(Mode::Month, Action::Down, everybody, |s| assert!(!s.text().contains("Person 01"))),
    case(Mode::Month, Action::Up, || everybody().press("j"), |s| says(s, "Person 01")),
    case(Mode::Month, Action::PageDown, everybody, |s| says(s, "Person 31")),
    case(Mode::Month, Action::PageUp, || everybody().press("pgdn"), |s| says(s, "Person 01")),
    case(Mode::Month, Action::HalfDown, everybody, |s| says(s, "Person 22")),
    case(Mode::Month, Action::HalfUp, || everybody().press("j"), |s| says(s, "Person 01")),
    case(Mode::Month, Action::Last, everybody, |s| says(s, "Person 59")),
    case(Mode::Month, Action::First, || everybody().press("G"), |s| says(s, "Person 01")),
    case(Mode::Month, Action::Help, || month(80, 24), assert_help),
    case(Mode::Month, Action::Quit, || month(80, 24), assert_quits),
    case(Mode::Month, Action::Suspend, || month(80, 24), suspends),
];

screens! {
    sessions_roll: sessions;
    sessions_none: |w, h| Scene::empty(w, h).press("S");
    sessions_planned: |w, h| sessions(w, h).press("tab tab");
    sessions_open: |w, h| opening(w, h).press("art tab s");
    sessions_ask: |w, h| sessions(w, h).press("c");
    sessions_closed: |w, h| {
        let mut scene = sessions(w, h).press("c y");
        scene.answer(replied(AttendanceReply::Closed(SessionRoll { closed_at: Some(now()), ..roll() })));
        scene
    };
    correct_record: |w, h| correcting(w, h).press("went");
    correct_standing: |w, h| log_at(w, h, 26).press("C");
    log_corrected: |w, h| log_at(w, h, 21);
    excuse_days: |w, h| excusing(w, h).press("ill");
    month_person: month;
    month_everybody: month_of_all;
    kiosk_late: |w, h| {
        let mut state = site();
        state.sessions[0].arrived.insert(person(1), now() - TimeDelta::minutes(13));
        let mut scene = in_school(w, h);
        scene.model.has_pin = true;
        scene.state(live(), state);
        scene.press("K")
    };
    kiosk_goodbye: |w, h| {
        let mut gone = site();
        gone.rows[0].presence.as_mut().unwrap().state = PresenceState::Left;
        let mut scene = in_school(w, h);
        scene.model.has_pin = true;
        scene.state(live(), gone);
        scene.press("K")
    };
}
