//! The clock and the zone that a report is read in.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

use crate::attendance::report::Day;
use crate::attendance::zone::SiteZone;
use crate::config::{DayRollover, Effective};

use super::super::exit::CliError;
use super::args::DayArg;

/// The clock and the zone that a report is read in, and when its days begin.
#[derive(Debug, Clone, Copy)]
pub struct Calendar<Tz: TimeZone> {
    /// Now.
    pub now: DateTime<Utc>,
    /// Where.
    pub zone: Tz,
    /// When a day begins.
    pub rollover: DayRollover,
}

impl Calendar<SiteZone> {
    /// As it is configured.
    pub fn of(effective: &Effective, now: DateTime<Utc>) -> Self {
        let attendance = &effective.attendance;
        Self { now, zone: attendance.zone.value, rollover: attendance.day_rollover.value }
    }
}

impl<Tz: TimeZone> Calendar<Tz> {
    /// The day that `day` means.
    ///
    /// # Errors
    /// [`CliError`] for one outside of the calendar.
    pub fn day(&self, day: DayArg) -> Result<Day, CliError> {
        let rollover = self.rollover.0;
        let today = || Day::containing(self.now, &self.zone, rollover);
        let day = match day {
            DayArg::Today => today(),
            DayArg::Yesterday => {
                let date = today().and_then(|today| today.date.pred_opt());
                date.and_then(|date| Day::of(date, &self.zone, rollover))
            }
            DayArg::On(date) => Day::of(date, &self.zone, rollover),
        };
        day.ok_or_else(|| CliError::usage("that day is outside of the calendar"))
    }

    /// The day that `at` belongs to.
    ///
    /// # Errors
    /// [`CliError`] for one outside of the calendar.
    pub fn containing(&self, at: DateTime<Utc>) -> Result<Day, CliError> {
        let day = Day::containing(at, &self.zone, self.rollover.0);
        day.ok_or_else(|| CliError::usage("that day is outside of the calendar"))
    }

    /// What the site's clocks show.
    pub(super) fn naive(&self, at: DateTime<Utc>) -> NaiveDateTime {
        // The naive local time needs no `Display` of the zone's offset.
        at.with_timezone(&self.zone).naive_local()
    }

    pub(in crate::cli) fn local(&self, at: DateTime<Utc>, format: &str) -> String {
        self.naive(at).format(format).to_string()
    }

    /// With the zone's offset, as RFC 3339 has it.
    pub(in crate::cli) fn rfc3339(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).fixed_offset().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}
