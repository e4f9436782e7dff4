//! The site's time zone.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, FixedOffset, Local, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc,
};

/// The time zone that days, schedules and reports are in. The store keeps UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SiteZone {
    /// The machine's own.
    #[default]
    System,
    /// One of the IANA database, by its name.
    Named(chrono_tz::Tz),
    /// Always this far from UTC.
    Fixed(FixedOffset),
}

impl SiteZone {
    /// UTC itself.
    pub const UTC: Self = Self::Named(chrono_tz::UTC);

    /// The date and time that its clocks show at `at`.
    pub fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self).naive_local()
    }
}

impl FromStr for SiteZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "system" {
            return Ok(Self::System);
        }
        text.parse().map(Self::Named).map_err(|_| {
            let text = text.escape_debug();
            format!("`{text}` is no time zone: expected system, or a name such as Europe/Berlin")
        })
    }
}

impl fmt::Display for SiteZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.pad("system"),
            Self::Named(zone) => f.pad(zone.name()),
            Self::Fixed(offset) => offset.fmt(f),
        }
    }
}

impl TimeZone for SiteZone {
    type Offset = FixedOffset;

    fn from_offset(offset: &FixedOffset) -> Self {
        Self::Fixed(*offset)
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<FixedOffset> {
        self.offset_from_local_datetime(&local.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<FixedOffset> {
        match self {
            Self::System => Local.offset_from_local_datetime(local),
            Self::Named(zone) => zone.offset_from_local_datetime(local).map(|offset| offset.fix()),
            Self::Fixed(offset) => MappedLocalTime::Single(*offset),
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> FixedOffset {
        self.offset_from_utc_datetime(&utc.and_time(chrono::NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
        match self {
            Self::System => Local.offset_from_utc_datetime(utc),
            Self::Named(zone) => zone.offset_from_utc_datetime(utc).fix(),
            Self::Fixed(offset) => *offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_zone_follows_its_own_rules() {
        let zone: SiteZone = "Europe/Berlin".parse().unwrap();
        let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let utc = |text: &str| zone.from_local_datetime(&local(text)).map(|at| at.naive_utc());
        assert_eq!(utc("2026-07-01T08:00:00"), MappedLocalTime::Single(local("2026-07-01T06:00:00")));
        assert_eq!(utc("2026-01-01T08:00:00"), MappedLocalTime::Single(local("2026-01-01T07:00:00")));
        // The nights on which the clocks change: an hour that there is not, and one that there is twice.
        assert_eq!(utc("2026-03-29T02:30:00"), MappedLocalTime::None);
        let twice = MappedLocalTime::Ambiguous(local("2026-10-25T00:30:00"), local("2026-10-25T01:30:00"));
        assert_eq!(utc("2026-10-25T02:30:00"), twice);
        let there = zone.from_utc_datetime(&local("2026-10-25T01:30:00"));
        assert_eq!(there.naive_local(), local("2026-10-25T02:30:00"));
    }

    #[test]
    fn a_name_that_is_none_says_what_was_expected() {
        assert_eq!("system".parse::<SiteZone>(), Ok(SiteZone::System));
        assert!("Berlin".parse::<SiteZone>().unwrap_err().contains("Europe/Berlin"));
        assert_eq!(SiteZone::UTC.to_string(), "UTC");
    }
}
