//! Totals and shares.

use chrono::TimeDelta;

use super::super::roster::PersonId;
use super::super::session::Standing;
use super::{DayStanding, Marks};

/// How many days or sessions counted, and how many of them came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many counted.
    pub counted: u32,
    /// There.
    pub present: u32,
    /// There, and late.
    pub late: u32,
    /// There, and gone early.
    pub left_early: u32,
    /// Not there and not excused.
    pub absent: u32,
    /// Excused.
    pub excused: u32,
}

/// A share out of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u32,
    whole: u32,
}

impl Share {
    /// In per cent; none where there is nothing of which it could be a share.
    pub fn percent(self) -> Option<f64> {
        (self.whole > 0).then(|| 100.0 * f64::from(self.part) / f64::from(self.whole))
    }
}

impl Counts {
    /// `part` out of all that counted.
    pub fn share(&self, part: u32) -> Share {
        Share { part, whole: self.counted }
    }

    /// Adds a day.
    pub fn add_day(&mut self, standing: DayStanding) {
        self.counted += u32::from(standing.counts());
        self.present += u32::from(standing.is_present());
        self.late += u32::from(matches!(standing, DayStanding::Late | DayStanding::LateAndLeftEarly));
        let left_early = matches!(standing, DayStanding::LeftEarly | DayStanding::LateAndLeftEarly);
        self.left_early += u32::from(left_early);
        self.absent += u32::from(standing == DayStanding::Absent);
        self.excused += u32::from(standing == DayStanding::Excused);
    }

    /// Adds a session.
    pub fn add_session(&mut self, standing: Standing) {
        self.counted += 1;
        self.present += u32::from(standing.is_present());
        self.late += u32::from(standing.is_late());
        self.left_early += u32::from(standing.left_early());
        self.absent += u32::from(standing == Standing::Absent);
        self.excused += u32::from(standing == Standing::Excused);
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.counted += other.counted;
        self.present += other.present;
        self.late += other.late;
        self.left_early += other.left_early;
        self.absent += other.absent;
        self.excused += other.excused;
    }
}

/// What a span of days comes to for one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonTotals {
    /// Who.
    pub person: PersonId,
    /// Of the days.
    pub days: Counts,
    /// Days on which they were here although those do not count for them.
    pub besides: u32,
    /// Of the sessions.
    pub sessions: Counts,
    /// How long they were here in all.
    pub hours: TimeDelta,
    /// Days with a forgotten check-out.
    pub forgotten: u32,
    /// What to know of the records.
    pub marks: Marks,
}

impl PersonTotals {
    /// Nothing yet.
    pub fn new(person: PersonId) -> Self {
        Self {
            person,
            days: Counts::default(),
            besides: 0,
            sessions: Counts::default(),
            hours: TimeDelta::zero(),
            forgotten: 0,
            marks: Marks::default(),
        }
    }
}
