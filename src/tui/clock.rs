//! The clock on the wall: from what somebody writes to an instant.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::attendance::schedule::{Twice, instant};
use crate::attendance::zone::SiteZone;

/// The clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What time it is.
    pub now: DateTime<Utc>,
    /// The zone that it shows.
    pub zone: SiteZone,
    /// When a day begins on it.
    pub rollover: NaiveTime,
}

impl Clock {
    /// Today's date, a day being what lies between two rollovers.
    pub fn today(&self) -> NaiveDate {
        self.date_of(self.now)
    }

    /// The date of the day that `at` belongs to.
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        (self.zone.local(at) - self.rollover.signed_duration_since(NaiveTime::MIN)).date()
    }

    /// The first instant of the day of `date`; none outside of the calendar.
    pub fn beginning(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        instant(date.and_time(self.rollover), &self.zone, Twice::First)
    }

    /// The instant at which it shows `time` on the day of `date`; before the rollover is after midnight of
    /// the same day. None outside of the calendar.
    pub fn at(&self, date: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
        let date = if time < self.rollover { date.succ_opt()? } else { date };
        instant(date.and_time(time), &self.zone, Twice::First)
    }
}

/// A time of day as somebody writes it: HH:MM or HH:MM:SS.
pub fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    let formats = ["%H:%M", "%H:%M:%S"];
    formats.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

/// A date as somebody writes it: YYYY-MM-DD. Years that are no four digits are nobody's, and some of them lie at
/// the end of the calendar.
pub fn date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    if text.len() != "YYYY-MM-DD".len() {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;
    use crate::tui::testing::now;

    #[test]
    fn a_time_before_the_rollover_is_after_midnight_of_the_same_day() {
        let zone = SiteZone::Fixed(FixedOffset::west_opt(7200).unwrap());
        let clock = Clock { now: now(), zone, rollover: NaiveTime::from_hms_opt(4, 0, 0).unwrap() };
        let at = |text: &str| clock.at(clock.today(), time_of_day(text).unwrap()).unwrap();
        assert_eq!(at("08:00").to_rfc3339(), "2026-03-02T10:00:00+00:00");
        assert_eq!(at(" 03:59:59 ").to_rfc3339(), "2026-03-03T05:59:59+00:00");
        assert_eq!(clock.date_of(at("03:59:59")), clock.today());
        assert_eq!((time_of_day("8"), time_of_day("25:00"), date("2026-02-30")), (None, None, None));
        assert_eq!((date("-262143-01-01"), date("+262142-12-31"), date("2026-3-2")), (None, None, None));
    }
}
