use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use ulid::Ulid;

use super::super::record::PresenceState;
use super::super::rules::{AttendanceRules, ClockMode, GroupRules};
use super::super::schedule::{Schedule, ScheduledSession, When};
use super::super::session::SessionRules;
use super::super::zone::SiteZone;
use super::*;
use crate::ledger::{ClockState, EntryKind, RecordDetails};
use PresenceState::{Left, Present};

mod days;
mod sessions;

/// A ledger, the people, the rules and the clock; a report out of them.
struct Scene {
    people: Vec<Person>,
    rules: AttendanceRules,
    statements: Vec<Statement>,
    sessions: Vec<SessionEvent>,
    zone: SiteZone,
    rollover: NaiveTime,
    now: DateTime<Utc>,
}

fn utc(text: &str) -> DateTime<Utc> {
    format!("{text}Z").parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn id(person: u128) -> PersonId {
    PersonId(Ulid(person))
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

impl Scene {
    /// Three people since long ago, no schedule, the day from midnight to midnight in UTC, long after.
    fn new() -> Self {
        let person = |(n, name): (u128, &str)| {
            Person::new(id(n), name.parse().unwrap(), None, utc("2026-01-01T00:00:00"))
        };
        Self {
            people: [(1, "Cy"), (2, "Bo"), (3, "Ana")].map(person).into(),
            rules: AttendanceRules::default(),
            statements: Vec::new(),
            sessions: Vec::new(),
            zone: SiteZone::UTC,
            rollover: NaiveTime::MIN,
            now: utc("2026-12-31T00:00:00"),
        }
    }

    fn rollover(self, hour: u32) -> Self {
        Self { rollover: NaiveTime::from_hms_opt(hour, 0, 0).unwrap(), ..self }
    }

    fn clock(mut self, clock: ClockMode) -> Self {
        self.rules.clock = clock;
        self
    }

    fn in_group(mut self, person: u128, group: &str) -> Self {
        let found = self.people.iter_mut().find(|p| p.id == id(person)).unwrap();
        found.particulars.groups.insert(group.parse().unwrap());
        self
    }

    fn group_rules(mut self, group: &str, rules: GroupRules) -> Self {
        self.rules.groups.insert(group.parse().unwrap(), rules);
        self
    }

    /// A session of the schedule on every day of the week from 08:00 to 09:00, but on `exception`.
    fn schedule(mut self, group: Option<&str>, days: &[u8]) -> Self {
        let session = ScheduledSession {
            name: "lesson".parse().unwrap(),
            group: group.map(|group| group.parse().unwrap()),
            when: When::Weekly(days.iter().copied().collect()),
            from: NaiveTime::from_hms_opt(8, 0, 0).unwrap(),
            until: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
            rules: SessionRules::default(),
        };
        let exceptions = Vec::new();
        self.rules.schedule = Schedule { sessions: vec![session], exceptions };
        self
    }

    fn next(&self) -> Sequence {
        Sequence(self.statements.len() as u64 + 1)
    }

    fn say(mut self, kind: EntryKind, person: u128, at: &str, state: Option<PresenceState>) -> Self {
        let sequence = self.next();
        let (clock, details) = (ClockState::Synchronised, RecordDetails::default());
        self.statements.push(Statement {
            sequence,
            at: utc(at),
            clock,
            kind,
            person: id(person),
            state,
            details,
        });
        self
    }

    fn passage(self, person: u128, at: &str) -> Self {
        self.say(EntryKind::Passage, person, at, Some(Present))
    }

    fn left(self, person: u128, at: &str) -> Self {
        self.say(EntryKind::Mark, person, at, Some(Left))
    }

    /// What the last statement says besides.
    fn with(mut self, change: impl FnOnce(&mut Statement)) -> Self {
        change(self.statements.last_mut().unwrap());
        self
    }

    fn correct(self, corrects: u64, state: PresenceState, holds_at: &str) -> Self {
        let person = self.statements[corrects as usize - 1].person.0.0;
        self.say(EntryKind::Corrected, person, "2026-05-01T12:00:00", Some(state)).with(|said| {
            said.details.corrects = Some(Sequence(corrects));
            said.details.holds_at = Some(utc(holds_at));
        })
    }

    fn strike(self, corrects: u64) -> Self {
        let person = self.statements[corrects as usize - 1].person.0.0;
        self.say(EntryKind::Corrected, person, "2026-05-01T12:00:00", None).with(|said| {
            said.details.corrects = Some(Sequence(corrects));
            said.details.struck = true;
        })
    }

    fn excuse(self, person: u128, from: &str, until: &str) -> Self {
        self.say(EntryKind::Excused, person, "2026-02-20T12:00:00", None).with(|said| {
            said.details.holds_at = Some(utc(from));
            said.details.holds_until = Some(utc(until));
        })
    }

    /// What a store gives for a span of time: what was written in it, what speaks of it, and with each all
    /// that it corrects and that corrects it.
    fn reading(&self, day: &Day) -> Reading {
        let is_in = |s: &&Statement| day.contains(s.at) || day.contains(s.holds_at());
        let mut wanted: BTreeSet<Sequence> =
            self.statements.iter().filter(is_in).map(|s| s.sequence).collect();
        loop {
            let before = wanted.len();
            for statement in &self.statements {
                let Some(corrected) = statement.details.corrects else { continue };
                if wanted.contains(&corrected) || wanted.contains(&statement.sequence) {
                    wanted.extend([corrected, statement.sequence]);
                }
            }
            if wanted.len() == before {
                break;
            }
        }
        let statements = self.statements.iter().filter(|s| wanted.contains(&s.sequence)).cloned().collect();
        let sessions = self.sessions.iter().filter(|event| day.contains(event.at)).cloned().collect();
        Reading { statements, sessions }
    }

    fn day(&self, date: NaiveDate) -> Day {
        Day::of(date, &self.zone, self.rollover).unwrap()
    }

    fn report(&self, selection: &Selection, first: &str, last: &str) -> Report {
        let (first, last) = (self.day(date(first)), self.day(date(last)));
        let mut tally = Tally::new(&self.people, &self.rules, selection, (&first, &last), self.now);
        let is_before = |s: &&Statement| s.kind == EntryKind::Excused && s.holds_at() < first.from;
        let before: BTreeSet<Sequence> =
            self.statements.iter().filter(is_before).map(|s| s.sequence).collect();
        let is_told = |s: &&Statement| {
            before.contains(&s.sequence)
                || s.details.corrects.is_some_and(|corrects| before.contains(&corrects))
        };
        tally.excuse(self.statements.iter().filter(is_told).cloned());
        let mut days = Vec::new();
        for date in Tally::first_read(&first, &self.zone, self.rollover).unwrap().date.iter_days() {
            let day = self.day(date);
            if day.from > self.now || day.from >= last.until && !tally.waits() {
                break;
            }
            days.extend(tally.take(day, &self.zone, self.reading(&day)));
        }
        let (rest, totals) = tally.finish();
        days.extend(rest);
        Report { days, totals }
    }

    fn all(&self, first: &str, last: &str) -> Report {
        self.report(&Selection::default(), first, last)
    }
}

struct Report {
    days: Vec<DayTable>,
    totals: Vec<PersonTotals>,
}

impl Report {
    fn row(&self, day: usize, person: u128) -> &DayRow {
        self.days[day].rows.iter().find(|row| row.person == id(person)).unwrap()
    }

    fn total(&self, person: u128) -> &PersonTotals {
        self.totals.iter().find(|totals| totals.person == id(person)).unwrap()
    }

    /// A letter for each day of somebody; a blank where they have no line.
    fn letters(&self, person: u128) -> String {
        let glyph = |table: &DayTable| {
            let row = table.rows.iter().find(|row| row.person == id(person));
            row.map_or(' ', |row| row.standing.glyph())
        };
        self.days.iter().map(glyph).collect()
    }
}
