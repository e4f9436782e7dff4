//! What the board has of sessions and unsure times, and a month.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::stand_ins::*;
use crate::attendance::month::DayMark;
use crate::attendance::{Person, PersonId, PresenceState, SessionId};
use crate::capture::Pace;
use crate::engine::command::attendance::{
    AttendanceCommand, AttendanceReply, Corrected, Correction, CorrectionOf, MonthOf, MonthQuery,
};
use crate::engine::command::{Command, Reply};
use crate::engine::environment::Clock;
use crate::engine::state::OpenSession;
use crate::engine::{EngineHandle, SourceParts, start};
use crate::ledger::{Actor, BootId, ClockState, Sequence};
use crate::store::{Change, Store, Transaction};

/// A clock that a test sets, of a machine that started at its zero.
#[derive(Clone)]
struct SetClock(Arc<Mutex<(DateTime<Utc>, u64)>>);

impl SetClock {
    fn at(text: &str, since_boot_s: u64) -> Self {
        Self(Arc::new(Mutex::new((text.parse().unwrap(), since_boot_s))))
    }

    fn set(&self, text: &str, since_boot_s: u64) {
        *self.0.lock().unwrap() = (text.parse().unwrap(), since_boot_s);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().0
    }
    fn state(&self) -> ClockState {
        ClockState::Unsynchronised
    }
    fn since_boot(&self) -> Option<(BootId, u64)> {
        Some((BootId([7; 16]), self.0.lock().unwrap().1 * 1_000_000))
    }
}

fn attend(handle: &EngineHandle, command: AttendanceCommand) -> AttendanceReply {
    match handle.call(Command::Attendance(command)) {
        Ok(Reply::Attendance(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn open(handle: &EngineHandle, group: Option<&str>) -> SessionId {
    let (name, group) = ("maths".parse().unwrap(), group.map(|group| group.parse().unwrap()));
    let command = AttendanceCommand::OpenSession { name, group, starts_at: None, ends_at: None };
    match attend(handle, command) {
        AttendanceReply::Opened(session) => session.id,
        other => panic!("{other:?}"),
    }
}

fn mark(handle: &EngineHandle, person: PersonId, state: PresenceState) -> Sequence {
    match handle.call(Command::Mark { person, state, note: None }) {
        Ok(Reply::Written(entry)) => entry.sequence,
        other => panic!("{other:?}"),
    }
}

/// The sessions once the engine has done what it began with.
fn sessions(handle: &EngineHandle) -> Vec<OpenSession> {
    handle.entries_since(Sequence(u64::MAX), 1).unwrap();
    handle.snapshot().roster.sessions.clone()
}

fn counts(handle: &EngineHandle) -> (u32, u32, usize) {
    let sessions = sessions(handle);
    assert_eq!(sessions.len(), 1);
    (sessions[0].expected, sessions[0].here, sessions[0].arrived.len())
}

/// Ana and Bo, of whom Ana is in the group 3b.
fn two_people(store: &SharedStore) -> (PersonId, PersonId) {
    let (engine, handle) = engine(store);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let bo = person(enrol(&handle, "Bo", &[2]).unwrap());
    engine.stop();
    let at = "2026-03-01T08:00:00Z".parse().unwrap();
    let mut listed = Person::new(ana, "Ana".parse().unwrap(), None, at);
    listed.particulars.groups.insert("3b".parse().unwrap());
    let changes = vec![Change::PersonPut(listed)];
    store.clone().commit(Transaction { changes, entries: vec![] }).unwrap();
    (ana, bo)
}

#[test]
fn the_board_says_who_of_those_expected_came_and_is_there() {
    use PresenceState::{Left, Present};
    let store = SharedStore::new();
    let (ana, bo) = two_people(&store);
    let (first, handle) = engine(&store);
    assert_eq!(sessions(&handle), []);
    assert_eq!(handle.snapshot().roster.rows[0].groups, ["3b".parse().unwrap()]);
    // Bo came before it was opened.
    mark(&handle, bo, Present);
    let id = open(&handle, None);
    assert_eq!(counts(&handle), (2, 1, 1));
    let came = mark(&handle, ana, Present);
    assert_eq!(counts(&handle), (2, 2, 2));
    // A strike is read with everything else.
    let what = Correction { of: CorrectionOf::Entry(came), what: Corrected::Struck, reason: "no".to_owned() };
    handle.call(Command::Attendance(AttendanceCommand::Correct(what))).unwrap();
    assert_eq!(counts(&handle), (2, 1, 1));
    // At the very beginning, so that it counts as never come.
    mark(&handle, bo, Left);
    assert_eq!(counts(&handle), (2, 0, 0));
    mark(&handle, ana, Present);
    first.stop();
    // What came before a restart is read again.
    let (second, handle) = engine(&store);
    assert_eq!(counts(&handle), (2, 1, 1));
    attend(&handle, AttendanceCommand::CloseSession(id));
    assert_eq!(sessions(&handle), []);
    second.stop();
}

#[test]
fn only_those_of_the_group_are_expected() {
    let store = SharedStore::new();
    let (ana, bo) = two_people(&store);
    let (engine, handle) = engine(&store);
    open(&handle, Some("3b"));
    mark(&handle, bo, PresenceState::Present);
    assert_eq!(counts(&handle), (1, 0, 0));
    mark(&handle, ana, PresenceState::Present);
    assert_eq!(counts(&handle), (1, 1, 1));
    engine.stop();
}

#[test]
fn a_month_is_that_of_whoever_is_asked_for() {
    let store = SharedStore::new();
    let (ana, bo) = two_people(&store);
    let (engine, handle) = engine(&store);
    mark(&handle, ana, PresenceState::Present);
    let month = |back, of| match attend(&handle, AttendanceCommand::Month(MonthQuery { back, of })) {
        AttendanceReply::Month(grid) => grid,
        other => panic!("{other:?}"),
    };
    let people = |of| month(0, of).rows.iter().map(|row| row.person).collect::<Vec<_>>();
    assert_eq!(people(MonthOf::Everybody), [ana, bo]);
    assert_eq!(people(MonthOf::Group("3b".parse().unwrap())), [ana]);
    let grid = month(0, MonthOf::Person(ana));
    assert_eq!((grid.rows[0].days.len(), grid.rows[0].days[1].mark), (31, DayMark::Present));
    assert_eq!((grid.first, grid.today), ("2026-03-01".parse().unwrap(), "2026-03-02".parse().unwrap()));
    assert_eq!(month(1, MonthOf::Person(ana)).rows[0].days.len(), 28);
    let nobody = MonthQuery { back: u32::MAX, of: MonthOf::Everybody };
    assert!(handle.call(Command::Attendance(AttendanceCommand::Month(nobody))).is_err());
    // The first month of the calendar has nothing before it.
    let first = chrono::NaiveDate::MIN;
    let back = (2026 - chrono::Datelike::year(&first)) as u32 * 12 + 2;
    assert_eq!(month(back, MonthOf::Everybody).first, first);
    engine.stop();
}

#[test]
fn unsure_times_that_can_be_put_right_are_counted_and_gone_when_they_are() {
    let store = SharedStore::new();
    let (ana, _) = two_people(&store);
    let clock = SetClock::at("1970-01-01T00:10:00Z", 600);
    let mut parts = parts(&store);
    parts.clock = Arc::new(clock.clone());
    parts.sources = vec![SourceParts {
        role: Default::default(),
        name: "script".to_owned(),
        pace: Pace::RealTime,
        open: Box::new(|| {
            let hint = String::new();
            Err(crate::capture::CaptureError::NotFound { what: "the camera".to_owned(), hint })
        }),
    }];
    let engine = start(parts).unwrap();
    let handle = engine.handle(Actor::Local { uid: 7 });
    let events = handle.subscribe(10_000);
    let unsure = || handle.snapshot().roster.unsure_times;
    mark(&handle, ana, PresenceState::Present);
    assert_eq!(unsure(), 0, "nobody knows the time yet");
    clock.set("2026-03-02T09:00:00Z", 3_600);
    wait_for(&events, || unsure() == 1);
    let times = attend(&handle, AttendanceCommand::Times { accept: true });
    let AttendanceReply::Times { proposals, accepted: true } = times else { panic!("{times:?}") };
    let expected: DateTime<Utc> = "2026-03-02T08:10:00Z".parse().unwrap();
    assert!((proposals[0].proposed - expected).abs() < TimeDelta::seconds(1));
    wait_for(&events, || unsure() == 0);
    engine.stop();
}
