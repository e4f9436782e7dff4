//! A month at a glance: people down, days across.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::super::roster::PersonId;
use super::super::schedule::weekday_number;
use super::{DayRow, DayStanding, DayTable, Marks};

/// Hours that are told apart by a digit: this many or more are one.
const MOST_HOURS: i64 = 9;
/// Hours from which a day is drawn one level darker, and one more, and one more.
const LEVELS_HOURS: [i64; 3] = [2, 4, 6];

/// One person's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// How it counts.
    pub standing: DayStanding,
    /// How long they were here.
    pub hours: TimeDelta,
    /// What to know of its records.
    pub marks: Marks,
}

impl Cell {
    fn of(row: &DayRow) -> Self {
        Self { standing: row.standing, hours: row.clock.hours, marks: row.marks }
    }

    /// One character that says how the day went, also without colours: whole hours where there is nothing
    /// else to say of somebody who was there, else the letter of [`DayStanding::glyph`].
    pub fn glyph(&self) -> char {
        match self.standing {
            DayStanding::Present => {
                // At most one digit.
                let hours = self.hours.num_hours().clamp(0, MOST_HOURS);
                u8::try_from(hours).map_or('9', |hours| char::from(b'0' + hours))
            }
            other => other.glyph(),
        }
    }

    /// How dark it is drawn, from 0 to 3, by the hours.
    pub fn level(&self) -> usize {
        LEVELS_HOURS.iter().filter(|from| self.hours >= TimeDelta::hours(**from)).count()
    }
}

/// What the characters of [`Cell::glyph`] mean, in the order in which they are explained.
pub const LEGEND: [(char, &str); 8] = [
    ('9', "here, whole hours (9: nine or more)"),
    ('L', "late"),
    ('E', "left early"),
    ('B', "both"),
    ('A', "absent"),
    ('X', "excused"),
    ('+', "here besides"),
    ('.', "does not count"),
];

/// The days of a span for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeatMap {
    dates: Vec<NaiveDate>,
    rows: Vec<(PersonId, BTreeMap<NaiveDate, Cell>)>,
    places: BTreeMap<PersonId, usize>,
}

impl HeatMap {
    /// Of these dates, with nobody yet.
    pub fn new(dates: Vec<NaiveDate>) -> Self {
        Self { dates, ..Self::default() }
    }

    /// Takes in a day.
    pub fn add(&mut self, table: &DayTable) {
        for row in &table.rows {
            let next = self.rows.len();
            let place = *self.places.entry(row.person).or_insert(next);
            if place == next {
                self.rows.push((row.person, BTreeMap::new()));
            }
            self.rows[place].1.insert(table.day.date, Cell::of(row));
        }
    }

    /// The dates across.
    pub fn dates(&self) -> &[NaiveDate] {
        &self.dates
    }

    /// Everybody, in the order in which they came.
    pub fn people(&self) -> impl Iterator<Item = PersonId> {
        self.rows.iter().map(|(person, _)| *person)
    }

    /// A person's day; none where nothing was read of it.
    pub fn cell(&self, person: PersonId, date: NaiveDate) -> Option<&Cell> {
        self.rows[*self.places.get(&person)?].1.get(&date)
    }

    /// The dates as weeks from Monday to Sunday, with gaps before the first and after the last.
    pub fn weeks(&self) -> Vec<[Option<NaiveDate>; 7]> {
        let mut weeks: Vec<[Option<NaiveDate>; 7]> = Vec::new();
        for date in &self.dates {
            let day = usize::from(weekday_number(date.weekday()));
            if day == 0 || weeks.is_empty() {
                weeks.push([None; 7]);
            }
            if let Some(week) = weeks.last_mut() {
                week[day] = Some(*date);
            }
        }
        weeks
    }
}
