//! Times as they are typed: of the site's clock.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

use crate::attendance::report::Day;
use crate::attendance::schedule::{Twice, instant};

use super::exit::CliError;
use super::report::Calendar;

/// A time as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTime {
    /// On the day that is meant.
    OfDay(NaiveTime),
    /// On a date.
    On(NaiveDateTime),
}

impl FromStr for LocalTime {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let time = |text: &str| {
            let formats = ["%H:%M", "%H:%M:%S"];
            formats.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
        };
        let found = match text.split_once(['T', ' ']) {
            Some((date, of_day)) => NaiveDate::parse_from_str(date, "%Y-%m-%d")
                .ok()
                .filter(|_| date.len() == 10)
                .and_then(|date| Some(Self::On(date.and_time(time(of_day)?)))),
            None => time(text).map(Self::OfDay),
        };
        found.ok_or_else(|| "expected HH:MM, or YYYY-MM-DDTHH:MM".to_owned())
    }
}

impl LocalTime {
    /// The instant that is meant, where a time without a date is one of `day`: of its date, or of the next
    /// one where it lies before the hour at which a day begins.
    ///
    /// # Errors
    /// [`CliError`] for one outside of the calendar.
    pub fn on<Tz: TimeZone>(self, day: &Day, calendar: &Calendar<Tz>) -> Result<DateTime<Utc>, CliError> {
        let local = match self {
            Self::On(local) => Some(local),
            Self::OfDay(time) if time < calendar.rollover.0 => {
                day.date.succ_opt().map(|date| date.and_time(time))
            }
            Self::OfDay(time) => Some(day.date.and_time(time)),
        };
        let found = local.and_then(|local| instant(local, &calendar.zone, Twice::First));
        found.ok_or_else(|| CliError::usage("that time is outside of the calendar"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DayRollover;

    #[test]
    fn a_time_is_one_of_its_day_and_a_night_belongs_to_the_day_before() {
        let rollover = DayRollover(NaiveTime::from_hms_opt(4, 0, 0).unwrap());
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let calendar = Calendar { now, zone: chrono_tz::Europe::Berlin, rollover };
        let day = Day::containing(now, &calendar.zone, rollover.0).unwrap();
        let at = |text: &str| text.parse::<LocalTime>().unwrap().on(&day, &calendar).unwrap().to_rfc3339();
        assert_eq!(at("08:15"), "2026-03-02T07:15:00+00:00");
        assert_eq!(at("01:30"), "2026-03-03T00:30:00+00:00");
        assert_eq!(at("2026-03-01T23:59:59"), "2026-03-01T22:59:59+00:00");
        for text in ["", "8", "24:00", "2026-3-1T08:00", "noon"] {
            assert!(text.parse::<LocalTime>().unwrap_err().contains("HH:MM"), "{text}");
        }
    }
}
