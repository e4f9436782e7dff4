//! An engine whose thread is stepped by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ulid::Ulid;

use super::super::super::noting::Noted;
use super::super::super::{Beginning, Channels, Core, SourceEnds, SourceLine};
use super::super::stand_ins::{Counting, OWNER, SharedStore, facts};
use super::story::{CorrectStep, DayReport, MonthOnScreen, SessionStanding, Step, Story};
use crate::attendance::clocking::day_clock;
use crate::attendance::month::MonthRow;
use crate::attendance::report::{Day, Listed, in_order_by_person, report};
use crate::attendance::rules::SourceRole;
use crate::attendance::schedule::{Twice, instant};
use crate::attendance::statement::{Statement, held, presence_records, standing_records};
use crate::attendance::zone::SiteZone;
use crate::attendance::{AttendanceRules, Person, PersonId, PresenceState, Session, Standing};
use crate::capture::Pace;
use crate::config::effective::AttendanceSettings;
use crate::config::{DayRollover, Typed};
use crate::engine::command::attendance::{
    AttendanceCommand, AttendanceReply, Corrected, Correction, CorrectionOf, MonthOf, MonthQuery,
};
use crate::engine::command::{Command, Request, RequestId};
use crate::engine::environment::{Calendar, Clock, SiteCalendar};
use crate::engine::handle::{Board, Call};
use crate::engine::host::past;
use crate::engine::settings::EngineSettings;
use crate::engine::state::{InferenceStatus, SourceIndex};
use crate::engine::worker::store::{StoreRequest, StoreWorker, Ticket};
use crate::face::Similarity;
use crate::identify::{Candidate, Candidates, Identification};
use crate::inference::AnalyserFacts;
use crate::ledger::{Actor, BootId, ClockState, EntryKind, Facts, Sequence};
use crate::store::{Change, ChangePoint, KeptRecords, Store, Transaction};
use crate::track::{TrackDecision, TrackId};

/// The machine's time, as the story has it.
#[derive(Debug, Clone, Copy)]
struct Machine {
    shown: DateTime<Utc>,
    boot: u8,
    since_boot_us: u64,
    synchronised: bool,
}

#[derive(Clone)]
struct StoryClock(Arc<Mutex<Machine>>);

impl Clock for StoryClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().shown
    }

    fn state(&self) -> ClockState {
        let synchronised = self.0.lock().unwrap().synchronised;
        if synchronised { ClockState::Synchronised } else { ClockState::Unsynchronised }
    }

    fn since_boot(&self) -> Option<(BootId, u64)> {
        let machine = self.0.lock().unwrap();
        Some((BootId([machine.boot; 16]), machine.since_boot_us))
    }
}

/// An engine without threads of its own.
struct Engine {
    core: Core,
    requests: Receiver<(Ticket, StoreRequest)>,
    worker: StoreWorker,
    /// Held so that the engine has a source.
    _source: (Receiver<crate::engine::worker::capture::SourceControl>, Receiver<()>),
}

pub(super) struct Rig {
    engine: Engine,
    store: SharedStore,
    clock: StoryClock,
    calendar: SiteCalendar,
    rules: Arc<AttendanceRules>,
    role: SourceRole,
    people: BTreeMap<String, PersonId>,
    labels: BTreeMap<String, Sequence>,
    tracks: u64,
}

impl Rig {
    pub(super) fn new(story: &Story) -> Result<Self, String> {
        let zone: SiteZone = story.zone.parse()?;
        let rollover: DayRollover = story.rollover.parse()?;
        let calendar = SiteCalendar { zone, rollover: rollover.0 };
        let typed = Typed::parse(&story.configuration, std::path::Path::new("configuration"));
        let typed = typed.map_err(|error| error.to_string())?;
        let rules = Arc::new(AttendanceSettings::resolve(&typed).rules);
        let first = story.step.iter().find_map(|step| step.at).ok_or("no step has a time")?;
        let shown =
            instant(first, &zone, Twice::First).ok_or("outside of the calendar")? - TimeDelta::seconds(1);
        let machine = Machine { shown, boot: 1, since_boot_us: 1_000_000_000, synchronised: true };
        let clock = StoryClock(Arc::new(Mutex::new(machine)));
        let mut store = SharedStore::new();
        let mut people = BTreeMap::new();
        let mut changes = Vec::new();
        for (number, (name, groups)) in story.people.iter().enumerate() {
            let id = PersonId(Ulid((number as u128 + 1) << 64));
            let mut person = Person::new(id, name.parse().map_err(|e| format!("{e}"))?, None, shown);
            for group in groups {
                person.particulars.groups.insert(group.parse().map_err(|e| format!("{e}"))?);
            }
            people.insert(name.clone(), id);
            changes.push(Change::PersonPut(person));
        }
        store.commit(Transaction { changes, entries: vec![] }).map_err(|error| error.to_string())?;
        let role = story.source_role.as_deref().map_or(Ok(SourceRole::default()), str::parse)?;
        let engine = engine(&store, &clock, calendar, &rules, role);
        let labels = BTreeMap::new();
        Ok(Self { engine, store, clock, calendar, rules, role, people, labels, tracks: 0 })
    }

    fn local(&self, at: NaiveDateTime) -> Result<DateTime<Utc>, String> {
        instant(at, &self.calendar.zone, Twice::First)
            .ok_or_else(|| format!("{at} is outside of the calendar"))
    }

    fn person(&self, name: &str) -> Result<PersonId, String> {
        self.people.get(name).copied().ok_or_else(|| format!("nobody is called {name}"))
    }

    /// Lets `passed` go by, on the clock and in truth.
    fn pass(&mut self, passed: TimeDelta) {
        let mut machine = self.clock.0.lock().unwrap();
        machine.shown += passed;
        machine.since_boot_us += u64::try_from(passed.num_microseconds().unwrap_or(0)).unwrap_or(0);
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(at) = step.at {
            let passed = self.local(at)? - self.clock.now();
            if passed < TimeDelta::zero() {
                return Err(format!("{at} is in the past: set the clock instead"));
            }
            // The engine looks at the clock again and again meanwhile: at every hour is enough here.
            let hours = passed.num_hours();
            for _ in 0..hours {
                self.pass(TimeDelta::hours(1));
                self.tick();
            }
            self.pass(passed - TimeDelta::hours(hours));
        }
        if let Some(seconds) = step.passes {
            self.pass(TimeDelta::seconds(seconds));
        }
        if let Some(synchronised) = step.synchronised {
            self.clock.0.lock().unwrap().synchronised = synchronised;
        }
        if let Some(shown) = step.clock_set {
            let shown = self.local(shown)?;
            self.clock.0.lock().unwrap().shown = shown;
        }
        if let Some(shown) = step.boot {
            let shown = self.local(shown)?;
            let mut machine = self.clock.0.lock().unwrap();
            *machine =
                Machine { shown, boot: machine.boot + 1, since_boot_us: 5_000_000, synchronised: false };
        }
        if step.restart || step.boot.is_some() {
            self.engine = engine(&self.store, &self.clock, self.calendar, &self.rules, self.role);
        }
        self.tick();
        let before = self.last();
        let refusal = self.act(step).err();
        self.tick();
        match (&step.refused, refusal) {
            (None, Some(why)) => return Err(why),
            (Some(words), Some(why)) if why.contains(words.as_str()) => {}
            (Some(words), found) => {
                return Err(format!("expected a refusal with `{words}`, found {found:?}"));
            }
            (None, None) => {}
        }
        if let Some(label) = &step.label {
            let labelled = Sequence(before.next().0 + step.label_after);
            if self.last() < labelled {
                return Err("nothing was written that could be labelled".to_owned());
            }
            self.labels.insert(label.clone(), labelled);
        }
        Ok(())
    }

    fn last(&self) -> Sequence {
        self.store.chain_head().unwrap().sequence
    }

    fn act(&mut self, step: &Step) -> Result<(), String> {
        if let Some(name) = &step.passage {
            let person = self.person(name)?;
            self.pass_by(person, step.in_view_for.unwrap_or(0));
        }
        if let Some((name, state)) = &step.mark {
            let (person, state) = (self.person(name)?, state_of(state)?);
            self.call(Command::Mark { person, state, note: None })?;
        }
        if let Some(opening) = &step.open {
            let time = |at: Option<NaiveDateTime>| at.map(|at| self.local(at)).transpose();
            let command = AttendanceCommand::OpenSession {
                name: opening.name.parse().map_err(|error| format!("{error}"))?,
                group: opening.group.as_ref().map(|group| group.parse().unwrap()),
                starts_at: time(opening.from)?,
                ends_at: time(opening.until)?,
            };
            self.call(Command::Attendance(command))?;
        }
        if let Some(name) = &step.close {
            let session = self.session(name, None)?;
            self.call(Command::Attendance(AttendanceCommand::CloseSession(session.id)))?;
        }
        if let Some(correct) = &step.correct {
            let correction = self.correction(correct)?;
            self.call(Command::Attendance(AttendanceCommand::Correct(correction)))?;
        }
        if let Some((name, days)) = &step.excuse {
            let person = self.person(name)?;
            let today = self.calendar.day_of(self.clock.now()).ok_or("no day")?;
            let until = today.until + TimeDelta::days(i64::from(*days) - 1);
            let excuse = AttendanceCommand::Excuse {
                person,
                session: None,
                from: today.from,
                until,
                reason: "ill".to_owned(),
            };
            self.call(Command::Attendance(excuse))?;
        }
        if let Some(name) = &step.erase {
            let person = self.person(name)?;
            self.call(Command::Erase { person, keeps: KeptRecords::None })?;
        }
        if let Some(expected) = step.accept_times {
            let reply = self.call(Command::Attendance(AttendanceCommand::Times { accept: true }))?;
            let crate::engine::Reply::Attendance(AttendanceReply::Times { proposals, .. }) = reply else {
                return Err("another reply".to_owned());
            };
            if proposals.len() != expected {
                return Err(format!("{} times were proposed", proposals.len()));
            }
        }
        Ok(())
    }

    fn correction(&self, correct: &CorrectStep) -> Result<Correction, String> {
        let of = match (&correct.entry, &correct.add) {
            (Some(label), None) => {
                let entry = self.labels.get(label).ok_or_else(|| format!("nothing is labelled {label}"))?;
                CorrectionOf::Entry(*entry)
            }
            (None, Some(name)) => CorrectionOf::Missing(self.person(name)?),
            _ => return Err("a correction is of an entry or adds somebody".to_owned()),
        };
        let what = match (&correct.standing, correct.strike) {
            (Some(standing), _) => Corrected::Standing(standing_of(standing)?),
            (None, true) => Corrected::Struck,
            (None, false) => Corrected::Record {
                state: correct.state.as_deref().map(state_of).transpose()?,
                at: correct.at.map(|at| self.local(at)).transpose()?,
            },
        };
        Ok(Correction { of, what, reason: correct.reason.clone() })
    }

    /// The session called `name` that was opened last, of those that begin on `date` where there is one.
    fn session(&self, name: &str, date: Option<NaiveDate>) -> Result<Session, String> {
        let entries = self.store.entries();
        let is_meant = |session: &Session| {
            let begins = self.calendar.local(session.starts_at).date();
            session.name.as_str() == name && date.is_none_or(|date| date == begins)
        };
        let found = entries.iter().rev().find_map(|entry| match &entry.parts.facts {
            Some(Facts::Session(session)) if is_meant(session) => Some(session.clone()),
            _ => None,
        });
        found.ok_or_else(|| format!("no session {name} was opened"))
    }

    /// Somebody is recognised now, on a track that has been in view for so many seconds.
    fn pass_by(&mut self, person: PersonId, seconds: i64) {
        let at = self.clock.now();
        self.tracks += 1;
        let track = TrackId(self.tracks);
        self.engine.core.first_seen.insert(track, at - TimeDelta::seconds(seconds));
        let candidate = Candidate { person, similarity: Similarity(0.9) };
        let decision = TrackDecision {
            track,
            at,
            identification: Identification::Identified(candidate),
            candidates: Candidates { best: Some(candidate), runner_up: None },
            frames: 3,
            votes: Default::default(),
            shortfall: None,
            detection_score: 0.9,
            quality: Default::default(),
            quality_score: Default::default(),
            liveness: Default::default(),
        };
        self.engine.core.take_decision(SourceIndex::default(), decision, None);
        self.settle();
    }

    fn call(&mut self, command: Command) -> Result<crate::engine::Reply, String> {
        let (sender, reply) = bounded(1);
        let actor = Actor::Local { uid: OWNER };
        let request = Request { request_id: RequestId(1), actor: actor.clone(), command };
        self.engine.core.take_call(actor, Call::Command(request, sender));
        self.settle();
        let reply = reply.try_recv().map_err(|_| "there was no reply".to_owned())?;
        reply.map_err(|error| error.to_string())
    }

    fn tick(&mut self) {
        self.engine.core.tick();
        self.settle();
    }

    /// Lets the store answer until nothing is asked any more.
    fn settle(&mut self) {
        settle(&mut self.engine);
    }

    // -- what is expected -------------------------------------------------------------------

    pub(super) fn expect(&mut self, story: &Story) -> Result<(), String> {
        self.store.verify().map_err(|error| error.to_string())?;
        for day in &story.day {
            self.expect_day(day)?;
        }
        for standing in &story.standing {
            self.expect_standing(standing)?;
        }
        for month in &story.month {
            self.expect_month(month)?;
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for kind in self.store.kinds() {
            *counts.entry(kind.words().to_owned()).or_default() += 1;
        }
        for (kind, expected) in &story.entries {
            let found = counts.get(kind).copied().unwrap_or(0);
            if found != *expected {
                return Err(format!("expected {expected} entries `{kind}`, found {found}: {counts:?}"));
            }
        }
        Ok(())
    }

    fn name(&self, person: PersonId) -> &str {
        self.people.iter().find(|(_, id)| **id == person).map_or("?", |(name, _)| name)
    }

    fn expect_day(&self, expected: &DayReport) -> Result<(), String> {
        let (zone, rollover) = (self.calendar.zone, self.calendar.rollover);
        let day = Day::of(expected.date, &zone, rollover).ok_or("no day")?;
        let entries = self.store.records_between(day.from, day.until).map_err(|error| error.to_string())?;
        let held = held(entries.iter().filter_map(Statement::of));
        let records = presence_records(&held);
        let listed = self.store.changes_since(ChangePoint(0)).unwrap().changes.into_iter();
        let listed: Vec<Person> = listed
            .filter_map(|change| match change {
                Change::PersonPut(person) => Some(person),
                _ => None,
            })
            .collect();
        let rows = report(
            &day,
            records.clone(),
            listed.iter().map(|person| Listed {
                person: person.id,
                name: person.name.clone(),
                identifier: None,
                is_active: true,
            }),
        );
        let own = in_order_by_person(records.into_iter().filter(|record| day.contains(record.at)));
        let is_over = day.until <= self.clock.now();
        let time = |at: DateTime<Utc>| self.calendar.local(at).format("%H:%M:%S").to_string();
        let line = |row: &crate::attendance::report::ReportRow| {
            let mut line = format!("{} {}", self.name(row.person), row.state);
            let records = own.get(&row.person).map_or(&[][..], Vec::as_slice);
            let groups = listed.iter().find(|person| person.id == row.person);
            let mode =
                groups.map_or(self.rules.clock, |person| self.rules.clock_for(&person.particulars.groups));
            let clock = day_clock(records, mode, is_over);
            for span in &clock.spans {
                let until = span.until.map(time).unwrap_or_default();
                line += &format!(" {}-{until}", time(span.from));
                line += if span.is_forgotten { " forgotten" } else { "" };
            }
            if !clock.spans.is_empty() {
                let minutes = clock.hours.num_minutes();
                line += &format!(" = {}:{:02}", minutes / 60, minutes % 60);
            }
            let corrected = records.iter().filter(|record| record.corrected_by.is_some()).count();
            line += &if corrected > 0 { format!(" ({corrected} corrected)") } else { String::new() };
            let unsure = records.iter().filter(|record| record.is_time_unsure).count();
            line += &if unsure > 0 { format!(" ({unsure} unsure)") } else { String::new() };
            line
        };
        let found: Vec<String> = rows.iter().map(line).collect();
        compare(&format!("the report of {}", expected.date), &expected.rows, &found)
    }

    fn expect_month(&mut self, expected: &MonthOnScreen) -> Result<(), String> {
        let query = MonthQuery { back: expected.back, of: MonthOf::Everybody };
        let reply = self.call(Command::Attendance(AttendanceCommand::Month(query)))?;
        let crate::engine::Reply::Attendance(AttendanceReply::Month(grid)) = reply else {
            return Err("another reply".to_owned());
        };
        let letters = |row: &MonthRow| row.days.iter().map(|day| day.mark.letter()).collect::<String>();
        let found: Vec<String> =
            grid.rows.iter().map(|row| format!("{} {}", self.name(row.person), letters(row))).collect();
        compare(&format!("the month of {}", grid.first), &expected.rows, &found)
    }

    fn expect_standing(&self, expected: &SessionStanding) -> Result<(), String> {
        let session = self.session(&expected.session, expected.date)?;
        let entries = self.store.entries();
        let held = held(entries.iter().filter_map(Statement::of));
        let mut found: Vec<String> = standing_records(&held)
            .iter()
            .filter(|record| record.session == session.id)
            .map(|record| {
                let corrected = if record.corrected_by.is_some() { " (corrected)" } else { "" };
                format!("{} {}{corrected}", self.name(record.person), record.standing)
            })
            .collect();
        found.sort();
        compare(&format!("the session {}", expected.session), &expected.rows, &found)
    }
}

fn compare(what: &str, expected: &[String], found: &[String]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "{what}\n  expected: {}\n  found:    {}",
        expected.join("\n            "),
        found.join("\n            ")
    ))
}

fn state_of(text: &str) -> Result<PresenceState, String> {
    match text {
        "present" => Ok(PresenceState::Present),
        "left" => Ok(PresenceState::Left),
        _ => Err(format!("{text} is no state")),
    }
}

fn standing_of(text: &str) -> Result<Standing, String> {
    use Standing::{Absent, Excused, Late, LateAndLeftEarly, LeftEarly, OnTime};
    let all = [OnTime, Late, LeftEarly, LateAndLeftEarly, Absent, Excused];
    all.into_iter().find(|one| one.to_string() == text).ok_or_else(|| format!("{text} is no standing"))
}

fn settle(engine: &mut Engine) {
    loop {
        engine.core.flush();
        let mut asked = false;
        while let Ok((ticket, request)) = engine.requests.try_recv() {
            let answer = engine.worker.answer(request);
            engine.core.take_answer(ticket, answer);
            asked = true;
        }
        if !asked {
            return;
        }
    }
}

/// The engine's thread as it begins on `store`, stopped between two turns.
fn engine(
    store: &SharedStore,
    clock: &StoryClock,
    calendar: SiteCalendar,
    rules: &Arc<AttendanceRules>,
    source_role: SourceRole,
) -> Engine {
    let (control, controlled) = bounded(2);
    let (stop, stopped) = bounded(1);
    let line = SourceLine { control, _stop: stop, gate: None, dropped: Arc::default() };
    let (requests_to_store, requests) = unbounded();
    let channels = Channels {
        calls: crossbeam_channel::never(),
        inference: crossbeam_channel::never(),
        source: crossbeam_channel::never(),
        store: crossbeam_channel::never(),
        jobs: unheard(),
        store_requests: requests_to_store,
        pin_jobs: unheard(),
        pins: crossbeam_channel::never(),
    };
    let facts: AnalyserFacts = facts();
    let beginning = Beginning {
        settings: EngineSettings { rules: Arc::clone(rules), owner_uid: OWNER, ..EngineSettings::default() },
        clock: Arc::new(clock.clone()),
        calendar: Arc::new(calendar),
        entropy: Box::new(Counting::beginning_at(
            clock.since_boot().map_or(0, |(boot, us)| us.wrapping_add(u64::from(boot.0[0]) << 56)),
        )),
        board: Arc::new(Board::default()),
        sources: vec![SourceEnds { name: "door".to_owned(), role: source_role, line, attention: unheard() }],
        pace: Pace::RealTime,
        inference: InferenceStatus::Ready { provider: facts.provider, pack: facts.pack },
    };
    let (answers, _) = unbounded();
    let worker =
        StoreWorker { store: Box::new(store.clone()), requests: crossbeam_channel::never(), answers };
    let mut core = Core::new(beginning, channels);
    let now = clock.now();
    let today = calendar.day_of(now).map_or(now, |day| day.from);
    let before = past(store, &calendar, now, today).unwrap();
    core.noted = Noted::read(store).unwrap();
    core.restore(store.changes_since(ChangePoint(0)).unwrap().changes, &before);
    core.begin();
    let mut engine = Engine { core, requests, worker, _source: (controlled, stopped) };
    settle(&mut engine);
    engine
}

/// A channel that nobody reads and that is never full.
fn unheard<T: Send + 'static>() -> Sender<T> {
    let (sender, receiver) = unbounded();
    // For as long as the test runs.
    std::mem::forget(receiver);
    sender
}

/// Kinds that scenarios name are checked here, so that a typing error does not count nothing.
#[test]
fn kinds_have_words_of_their_own() {
    let words: std::collections::BTreeSet<&str> = EntryKind::ALL.iter().map(|kind| kind.words()).collect();
    assert_eq!(words.len(), EntryKind::ALL.len());
}
