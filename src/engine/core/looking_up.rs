//! Answers what a screen looks up. Nothing is written.

use chrono::{NaiveDate, TimeDelta};

use crate::attendance::month::{MonthGrid, month_before, month_rows};
use crate::attendance::report::Day;
use crate::attendance::session::{FURTHEST_START, LONGEST_OPEN};
use crate::attendance::statement::{Statement, held};
use crate::attendance::{Person, PersonId};
use crate::capture::picture;
use crate::engine::command::attendance::{AttendanceReply, MonthOf, MonthQuery};
use crate::engine::command::looking_up::{DayLog, FacePicture, PERSON_ENTRIES, PersonDetails, PersonFacts};
use crate::engine::command::{CommandError, Reply};
use crate::face::EncodedCrop;
use crate::ledger::{Entry, Facts};

use super::super::worker::store::StoreRequest;
use super::commits::Pending;
use super::{Core, ReplySender};

/// Days that can be gone back to.
const FURTHEST_DAYS: u32 = 3_650;

/// A month that was asked for.
pub(super) struct MonthWanted {
    of: MonthOf,
    first: NaiveDate,
    today: NaiveDate,
    days: Vec<Day>,
}

impl Core {
    pub(super) fn look_up_person(&mut self, person: PersonId, reply: ReplySender) {
        if let Err(error) = self.active(person) {
            let _ = reply.send(Err(error));
            return;
        }
        // The newest template's picture: the ids grow with time.
        let template = self.templates.iter().rev().find(|(_, owner)| **owner == person).map(|(id, _)| *id);
        self.ask(StoreRequest::About(person, template, PERSON_ENTRIES), Pending::About(person, reply));
    }

    pub(super) fn person_details(
        &self,
        person: PersonId,
        entries: &[Entry],
        crop: Option<&EncodedCrop>,
    ) -> Reply {
        let face = crop.and_then(|crop| {
            let pixels = picture::decode(crop.as_bytes(), "the kept picture").ok()?;
            Some(FacePicture { side: pixels.width(), rgb: pixels.data().to_vec() })
        });
        let entries = entries.iter().map(|entry| self.log_entry(entry)).collect();
        let facts = self.roster.get(person).map(PersonFacts::of).unwrap_or_default();
        Reply::Person(Box::new(PersonDetails { person, facts, entries, face }))
    }

    pub(super) fn look_up_day(&mut self, back: u32, reply: ReplySender) {
        let wanted = self.now() - TimeDelta::days(i64::from(back.min(FURTHEST_DAYS)));
        match self.calendar.day_of(wanted) {
            Some(day) => {
                self.ask(StoreRequest::EntriesBetween(day.from, day.until), Pending::Day(day, reply));
            }
            None => {
                let _ = reply.send(Err(CommandError::NoSuchDay));
            }
        }
    }

    pub(super) fn day_log(&self, day: &Day, entries: &[Entry]) -> Reply {
        let entries = entries.iter().map(|entry| self.log_entry(entry)).collect();
        Reply::Day(Box::new(DayLog { date: day.date, from: day.from, until: day.until, entries }))
    }

    pub(super) fn look_up_month(&mut self, query: MonthQuery, reply: ReplySender) {
        if let MonthOf::Person(person) = query.of
            && self.roster.get(person).is_none()
        {
            let _ = reply.send(Err(CommandError::NoSuchPerson));
            return;
        }
        let today = self.day_of(self.now());
        let month = today.and_then(|today| Some((today, month_before(today, query.back)?)));
        let Some((today, (first, next))) = month else {
            let _ = reply.send(Err(CommandError::NoSuchDay));
            return;
        };
        let (zone, rollover) = (self.calendar.zone(), self.calendar.rollover());
        let dates = first.iter_days().take_while(|date| *date < next);
        let days: Vec<Day> = dates.filter_map(|date| Day::of(date, &zone, rollover)).collect();
        let (Some(begin), Some(end)) = (days.first(), days.last()) else {
            let _ = reply.send(Err(CommandError::NoSuchDay));
            return;
        };
        // A session of the month may be opened before it, and closed after it. A month at either end of the
        // calendar has nothing beyond.
        let from = begin.from.checked_sub_signed(FURTHEST_START).unwrap_or(begin.from);
        let until = end.until.checked_add_signed(FURTHEST_START + LONGEST_OPEN).unwrap_or(end.until);
        let request = StoreRequest::RecordsBetween(from, until);
        self.ask(request, Pending::Month(MonthWanted { of: query.of, first, today, days }, reply));
    }

    pub(super) fn month(&self, wanted: &MonthWanted, entries: &[Entry]) -> Reply {
        let is_wanted = |person: &&Person| match &wanted.of {
            MonthOf::Person(id) => person.id == *id,
            MonthOf::Group(group) => person.is_active() && person.is_in(group),
            MonthOf::Everybody => person.is_active(),
        };
        let of_interest = |said: &Statement| match &wanted.of {
            MonthOf::Person(id) => said.person == *id,
            _ => true,
        };
        let held = held(entries.iter().filter_map(Statement::of).filter(of_interest));
        let session = |entry: &Entry| match &entry.parts.facts {
            Some(Facts::Session(session)) => Some((session.id, session.starts_at)),
            _ => None,
        };
        let began = entries.iter().filter_map(session).collect();
        let people = self.roster.iter().filter(is_wanted);
        let listed = people.map(|person| (person.id, person.name.clone(), self.clock_mode(person.id)));
        let rows = month_rows(&wanted.days, &held, &began, listed, self.now());
        let grid = MonthGrid { first: wanted.first, today: wanted.today, rows };
        Reply::Attendance(AttendanceReply::Month(grid))
    }
}
