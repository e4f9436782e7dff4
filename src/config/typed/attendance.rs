//! `[attendance]`, `[group.NAME]`, `[[session]]` and `[[holiday]]` as they are typed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, Weekday};
use serde::Deserialize;

use crate::attendance::GroupName;
use crate::attendance::rules::{ClockMode, IdentifierUse};
use crate::attendance::schedule::weekday_number;
use crate::attendance::session::SessionName;
use crate::attendance::zone::SiteZone;
use crate::config::values::{DayRollover, Ranged, Text};

/// Minutes: up to a day.
pub type Minutes = Ranged<0, 1_440>;

/// The keys of `[group.NAME]`.
pub(super) const GROUP_KEYS: &[&str] =
    &["clock", "identifier", "early_minutes", "grace_minutes", "leaves_early_minutes"];
/// The keys of `[[session]]`.
pub(super) const SESSION_KEYS: &[&str] = &[
    "name",
    "group",
    "days",
    "date",
    "from",
    "until",
    "early_minutes",
    "grace_minutes",
    "leaves_early_minutes",
];
/// The keys of `[[holiday]]`.
pub(super) const HOLIDAY_KEYS: &[&str] = &["date", "until", "group", "name"];

/// What a day is, and when somebody is late.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttendanceTable {
    /// When a day begins.
    pub day_rollover: Option<Text<DayRollover>>,
    /// The site's time zone.
    pub zone: Option<Text<SiteZone>>,
    /// How people clock in and out.
    pub clock: Option<Text<ClockMode>>,
    /// Whether they may come in by an identifier.
    pub identifier: Option<Text<IdentifierUse>>,
    /// What a badge reader types before the identifier.
    pub badge_prefix: Option<Text<BadgeAffix>>,
    /// What it types after it.
    pub badge_suffix: Option<Text<BadgeAffix>>,
    /// How long before the start coming counts for a session.
    pub early_minutes: Option<Minutes>,
    /// How long after the start nobody is late yet.
    pub grace_minutes: Option<Minutes>,
    /// How long before the end people may leave.
    pub leaves_early_minutes: Option<Minutes>,
}

/// What a badge reader types besides the identifier: at most 16 characters that a keyboard has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BadgeAffix(pub String);

impl FromStr for BadgeAffix {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.chars().count() > 16 || text.chars().any(char::is_control) || text.trim() != text {
            return Err(format!(
                "`{}` cannot be taken off: expected at most 16 characters, none of them a control character, \
                 and no space at either end",
                text.escape_debug()
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BadgeAffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What holds for one group.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupTable {
    /// How its people clock in and out.
    pub clock: Option<Text<ClockMode>>,
    /// Whether they may come in by an identifier.
    pub identifier: Option<Text<IdentifierUse>>,
    /// How long before the start coming counts for a session.
    pub early_minutes: Option<Minutes>,
    /// How long after the start nobody is late yet.
    pub grace_minutes: Option<Minutes>,
    /// How long before the end people may leave.
    pub leaves_early_minutes: Option<Minutes>,
}

/// The groups, by name.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct GroupTables(pub BTreeMap<GroupName, GroupTable>);

/// A session of the schedule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionTable {
    /// What it is called.
    pub name: Text<SessionName>,
    /// Who is expected.
    pub group: Option<Text<GroupName>>,
    /// Days of the week.
    pub days: Option<Vec<Text<DayOfWeek>>>,
    /// The one day.
    pub date: Option<Text<Date>>,
    /// When it begins.
    pub from: Text<DayRollover>,
    /// When it ends.
    pub until: Text<DayRollover>,
    /// How long before the start coming counts for it.
    pub early_minutes: Option<Minutes>,
    /// How long after the start nobody is late yet.
    pub grace_minutes: Option<Minutes>,
    /// How long before the end people may leave.
    pub leaves_early_minutes: Option<Minutes>,
}

/// Days without weekly sessions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolidayTable {
    /// The first.
    pub date: Text<Date>,
    /// The last; the same where it is left out.
    pub until: Option<Text<Date>>,
    /// Whose; everybody's where it is left out.
    pub group: Option<Text<GroupName>>,
    /// What it is called.
    pub name: Option<String>,
}

/// A day of the week, from Monday, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayOfWeek(pub u8);

impl FromStr for DayOfWeek {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let day = text.parse::<Weekday>().map(weekday_number).map(Self);
        day.map_err(|_| format!("`{}` is no day of the week: expected mon to sun", text.escape_debug()))
    }
}

/// A date: YYYY-MM-DD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

impl FromStr for Date {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let date = if text.len() == 10 { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None };
        date.map(Self).ok_or_else(|| format!("`{}` is no date: expected YYYY-MM-DD", text.escape_debug()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl super::Typed {
    /// The first thing in the lists that contradicts itself: which list, which of its tables, which key, and
    /// what is wrong.
    pub(super) fn contradiction(&self) -> Option<(&'static str, usize, &'static str, String)> {
        for (index, session) in self.session.iter().enumerate() {
            let (key, detail) = match (&session.days, &session.date) {
                (Some(_), Some(_)) => ("date", "a session has `days` or `date`, not both"),
                (None, None) => ("name", "a session needs `days`, such as [\"mon\"], or a `date`"),
                (Some(days), None) if days.is_empty() => ("days", "it names no day"),
                _ if session.from == session.until => ("until", "it ends when it begins"),
                _ => continue,
            };
            return Some(("session", index, key, detail.to_owned()));
        }
        let is_backwards =
            |holiday: &HolidayTable| holiday.until.as_ref().is_some_and(|until| until.0.0 < holiday.date.0.0);
        if let Some(index) = self.holiday.iter().position(is_backwards) {
            return Some(("holiday", index, "until", "it lies before `date`".to_owned()));
        }
        let (index, key, detail) = crate::config::hooks::contradiction(&self.hook)?;
        Some(("hook", index, key, detail))
    }
}
