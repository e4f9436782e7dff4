//! A month of days for people: how long somebody was here on each, and how they stood. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::clocking::day_clock;
use super::report::{Day, PresenceRecord, in_order_by_person};
use super::roster::{PersonId, PersonName};
use super::rules::ClockMode;
use super::session::{SessionId, Standing};
use super::statement::{Held, excuses, presence_records, standing_records};

/// How somebody's day reads at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayMark {
    /// There is no record, and nobody said anything.
    #[default]
    Nothing,
    /// They were here.
    Present,
    /// They were here, and did not check out.
    NoCheckOut,
    /// They left a session before its end.
    LeftEarly,
    /// They came late to a session.
    Late,
    /// They were excused, and not here.
    Excused,
    /// They were absent from a session.
    Absent,
}

impl DayMark {
    /// All of them that have a letter, in the order of a legend.
    pub const SAID: [Self; 6] =
        [Self::Present, Self::Late, Self::LeftEarly, Self::Absent, Self::Excused, Self::NoCheckOut];

    /// A letter for it, so that it is not said by colour alone.
    pub fn letter(self) -> char {
        match self {
            Self::Nothing => '·',
            Self::Present => 'P',
            Self::NoCheckOut => 'N',
            Self::LeftEarly => 'E',
            Self::Late => 'L',
            Self::Excused => 'X',
            Self::Absent => 'A',
        }
    }

    /// What it means.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "no record",
            Self::Present => "present",
            Self::NoCheckOut => "no check-out",
            Self::LeftEarly => "left early",
            Self::Late => "late",
            Self::Excused => "excused",
            Self::Absent => "absent",
        }
    }
}

impl From<Standing> for DayMark {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::OnTime => Self::Present,
            Standing::Late | Standing::LateAndLeftEarly => Self::Late,
            Standing::LeftEarly => Self::LeftEarly,
            Standing::Absent => Self::Absent,
            Standing::Excused => Self::Excused,
        }
    }
}

/// One day of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MonthDay {
    /// How long they were here.
    pub minutes: u32,
    /// How it reads.
    pub mark: DayMark,
    /// Whether it rests on a record whose time is unsure.
    pub is_time_unsure: bool,
}

/// A month of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthRow {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// By day, from the first.
    pub days: Vec<MonthDay>,
}

impl MonthRow {
    /// How long they were here in the month.
    pub fn minutes(&self) -> u32 {
        self.days.iter().fold(0, |all, day| all.saturating_add(day.minutes))
    }

    /// How many days read so.
    pub fn count(&self, mark: DayMark) -> usize {
        self.days.iter().filter(|day| day.mark == mark).count()
    }
}

/// A month of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthGrid {
    /// Its first day.
    pub first: NaiveDate,
    /// The day that holds now, which may lie in another month.
    pub today: NaiveDate,
    /// By name.
    pub rows: Vec<MonthRow>,
}

/// The first days of the month `back` months before that of `today`, and of the one after it. None outside
/// of the calendar.
pub fn month_before(today: NaiveDate, back: u32) -> Option<(NaiveDate, NaiveDate)> {
    let first = today.with_day(1)?.checked_sub_months(chrono::Months::new(back))?;
    Some((first, first.checked_add_months(chrono::Months::new(1))?))
}

/// The days of `people` in the month of `days`, from what holds of their records. `now` says which of the
/// days are over, and `began` when each session does.
///
/// - How long somebody was here is what [`day_clock`] makes of the day's records. One of an unsure time
///   counts as any other does, and the day is marked for it.
/// - A day reads as the worst of the closed sessions that begin on it, as in a
///   [report](super::summary); without one as present where there is a record, as excused where an excuse
///   covers it, and as nothing else.
pub fn month_rows(
    days: &[Day],
    held: &[Held],
    began: &BTreeMap<SessionId, DateTime<Utc>>,
    people: impl IntoIterator<Item = (PersonId, PersonName, ClockMode)>,
    now: DateTime<Utc>,
) -> Vec<MonthRow> {
    let records = in_order_by_person(presence_records(held));
    let standings = standing_records(held);
    let excuses = excuses(held);
    let row = |(person, name, mode): (PersonId, PersonName, ClockMode)| {
        let own = records.get(&person).map_or(&[][..], Vec::as_slice);
        let of_person = |day: &Day| {
            let on_day: Vec<PresenceRecord> =
                own.iter().filter(|record| day.contains(record.at)).cloned().collect();
            let clock = day_clock(&on_day, mode, day.until <= now);
            let begins_on = |session| began.get(&session).is_some_and(|at| day.contains(*at));
            let worst = standings
                .iter()
                .filter(|standing| standing.person == person && begins_on(standing.session))
                .map(|standing| DayMark::from(standing.standing))
                .max();
            let is_excused = || {
                excuses.iter().any(|excuse| {
                    excuse.person == person
                        && excuse.session.is_none()
                        && excuse.from < day.until
                        && day.from < excuse.until
                })
            };
            let mark = match worst {
                Some(mark) if mark > DayMark::Present => mark,
                _ if clock.is_forgotten => DayMark::NoCheckOut,
                Some(mark) => mark,
                None if !on_day.is_empty() => DayMark::Present,
                None if is_excused() => DayMark::Excused,
                None => DayMark::Nothing,
            };
            MonthDay {
                minutes: u32::try_from(clock.hours.num_minutes()).unwrap_or(0),
                mark,
                is_time_unsure: on_day.iter().any(|record| record.is_time_unsure),
            }
        };
        MonthRow { person, name, days: days.iter().map(of_person).collect() }
    };
    let mut rows: Vec<MonthRow> = people.into_iter().map(row).collect();
    rows.sort_by(|a, b| (&a.name, a.person).cmp(&(&b.name, b.person)));
    rows
}

/// The days of a month in weeks from Monday: none before the first and after the last.
pub fn weeks(first: NaiveDate, days: usize) -> Vec<[Option<usize>; 7]> {
    let skipped = first.weekday().num_days_from_monday() as usize;
    let count = (skipped + days).div_ceil(7);
    let day =
        |week: usize, weekday: usize| (week * 7 + weekday).checked_sub(skipped).filter(|index| *index < days);
    (0..count).map(|week| std::array::from_fn(|weekday| day(week, weekday))).collect()
}

#[cfg(test)]
mod tests;
