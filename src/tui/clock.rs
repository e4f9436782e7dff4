//! The clock on the wall: from what somebody writes to an instant.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// The clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What time it is.
    pub now: DateTime<Utc>,
    /// A time as it shows it.
    pub local_time: fn(DateTime<Utc>) -> NaiveDateTime,
    /// When a day begins on it.
    pub rollover: NaiveTime,
}

impl Clock {
    /// The instant at which it shows `local`; where it shows it twice or never, one beside it.
    pub fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let mut at = local.and_utc();
        // The second turn is for a change of the offset between the guess and the answer.
        for _ in 0..2 {
            at -= (self.local_time)(at) - local;
        }
        at
    }

    /// Today's date, a day being what lies between two rollovers.
    pub fn today(&self) -> NaiveDate {
        self.date_of(self.now)
    }

    /// The date of the day that `at` belongs to.
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        ((self.local_time)(at) - self.rollover.signed_duration_since(NaiveTime::MIN)).date()
    }

    /// The first instant of the day of `date`.
    pub fn beginning(&self, date: NaiveDate) -> DateTime<Utc> {
        self.instant(date.and_time(self.rollover))
    }

    /// The instant at which it shows `time` on the day of `date`; before the rollover is after midnight of
    /// the same day. None outside of the calendar.
    pub fn at(&self, date: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
        let date = if time < self.rollover { date.succ_opt()? } else { date };
        Some(self.instant(date.and_time(time)))
    }
}

/// A time of day as somebody writes it: HH:MM or HH:MM:SS.
pub fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    let formats = ["%H:%M", "%H:%M:%S"];
    formats.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

/// A date as somebody writes it: YYYY-MM-DD.
pub fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::tui::testing::now;

    #[test]
    fn a_time_before_the_rollover_is_after_midnight_of_the_same_day() {
        let local_time = |at: DateTime<Utc>| at.naive_utc() - TimeDelta::hours(2);
        let clock = Clock { now: now(), local_time, rollover: NaiveTime::from_hms_opt(4, 0, 0).unwrap() };
        let at = |text: &str| clock.at(clock.today(), time_of_day(text).unwrap()).unwrap();
        assert_eq!(at("08:00").to_rfc3339(), "2026-03-02T10:00:00+00:00");
        assert_eq!(at(" 03:59:59 ").to_rfc3339(), "2026-03-03T05:59:59+00:00");
        assert_eq!(clock.date_of(at("03:59:59")), clock.today());
        assert_eq!((time_of_day("8"), time_of_day("25:00"), date("2026-02-30")), (None, None, None));
    }
}
