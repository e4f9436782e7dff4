//! The weekly schedule, and the days on which it does not hold.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};

use super::roster::GroupName;
use super::session::{SessionName, SessionRules};

/// When a scheduled session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Every week, on these days; by their number from Monday, 0.
    Weekly(BTreeSet<u8>),
    /// Once.
    On(NaiveDate),
}

/// A session that is opened and closed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledSession {
    /// What it is called.
    pub name: SessionName,
    /// Who is expected; none for everybody.
    pub group: Option<GroupName>,
    /// On which days.
    pub when: When,
    /// When it begins, on the site's clock.
    pub from: NaiveTime,
    /// When it ends; where that is not after the beginning, on the next date.
    pub until: NaiveTime,
    /// When somebody is late.
    pub rules: SessionRules,
}

/// Days on which no weekly session is: holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleException {
    /// The first.
    pub first: NaiveDate,
    /// The last.
    pub last: NaiveDate,
    /// The group it is for; none for everybody.
    pub group: Option<GroupName>,
    /// What it is called.
    pub name: Option<String>,
}

/// The weekly schedule with its exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// The sessions.
    pub sessions: Vec<ScheduledSession>,
    /// The exceptions.
    pub exceptions: Vec<ScheduleException>,
}

/// A scheduled session on a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned<'a> {
    /// Which.
    pub session: &'a ScheduledSession,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}

impl Schedule {
    /// The sessions that begin on `date` in `zone`, by their beginning. A weekly one whose group has a
    /// holiday is not among them; one that is on that date alone is.
    ///
    /// A time that the clock leaves out is the first after the gap. Of a time that there is twice, a
    /// session begins with the first and ends with the second.
    pub fn on<Z: TimeZone>(&self, date: NaiveDate, zone: &Z) -> Vec<Planned<'_>> {
        let mut planned: Vec<Planned<'_>> =
            self.sessions.iter().filter_map(|session| self.planned(session, date, zone)).collect();
        planned.sort_by_key(|planned| (planned.starts_at, planned.ends_at));
        planned
    }

    fn planned<'a, Z: TimeZone>(
        &self,
        session: &'a ScheduledSession,
        date: NaiveDate,
        zone: &Z,
    ) -> Option<Planned<'a>> {
        let is_on = match &session.when {
            When::On(on) => *on == date,
            When::Weekly(days) => {
                days.contains(&weekday_number(date.weekday())) && !self.is_excepted(session, date)
            }
        };
        if !is_on {
            return None;
        }
        let last = if session.until > session.from { date } else { date.succ_opt()? };
        let starts_at = instant(date.and_time(session.from), zone, Twice::First)?;
        let ends_at = instant(last.and_time(session.until), zone, Twice::Second)?;
        Some(Planned { session, starts_at, ends_at })
    }

    fn is_excepted(&self, session: &ScheduledSession, date: NaiveDate) -> bool {
        self.exceptions.iter().any(|exception| {
            let is_for = exception.group.is_none() || exception.group == session.group;
            is_for && exception.first <= date && date <= exception.last
        })
    }
}

/// The number of a day of the week, from Monday, 0.
pub fn weekday_number(day: Weekday) -> u8 {
    // There are seven of them.
    day.num_days_from_monday() as u8
}

/// Which of two instants that show one local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// The earlier.
    First,
    /// The later.
    Second,
}

/// How far past a local time that does not exist the next one that does is looked for: the greatest gap
/// there was in any zone is a whole date (Samoa, 2011).
const GREATEST_GAP: TimeDelta = TimeDelta::days(2);

/// The instant at which the clocks of `zone` show `local`, or the first time after it that they do show.
/// None outside of the calendar.
pub fn instant<Z: TimeZone>(local: NaiveDateTime, zone: &Z, twice: Twice) -> Option<DateTime<Utc>> {
    let mut shown = local;
    while shown - local <= GREATEST_GAP {
        let found = zone.from_local_datetime(&shown);
        let found = match twice {
            Twice::First => found.earliest(),
            Twice::Second => found.latest(),
        };
        if let Some(found) = found {
            return Some(found.with_timezone(&Utc));
        }
        shown = shown.checked_add_signed(TimeDelta::minutes(1))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn session(name: &str, group: Option<&str>, when: When, from: &str, until: &str) -> ScheduledSession {
        ScheduledSession {
            name: name.parse().unwrap(),
            group: group.map(|group| group.parse().unwrap()),
            when,
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            rules: SessionRules::default(),
        }
    }

    fn weekly(days: &[u8]) -> When {
        When::Weekly(days.iter().copied().collect())
    }

    fn gist(schedule: &Schedule, on: &str) -> Vec<(String, String, String)> {
        let zone = chrono_tz::Europe::Berlin;
        let text = |at: DateTime<Utc>| at.format("%dT%H:%M").to_string();
        let planned = schedule.on(date(on), &zone);
        planned.iter().map(|p| (p.session.name.to_string(), text(p.starts_at), text(p.ends_at))).collect()
    }

    #[test]
    fn sessions_are_on_their_days_and_not_on_holidays() {
        let schedule = Schedule {
            sessions: vec![
                session("late", Some("b"), weekly(&[0]), "10:00:00", "11:00:00"),
                session("early", Some("a"), weekly(&[0, 2]), "08:00:00", "09:30:00"),
                session("trip", Some("a"), When::On(date("2026-03-09")), "07:00:00", "18:00:00"),
            ],
            exceptions: vec![ScheduleException {
                first: date("2026-03-09"),
                last: date("2026-03-13"),
                group: Some("a".parse().unwrap()),
                name: None,
            }],
        };
        let names = |on| gist(&schedule, on).into_iter().map(|(name, _, _)| name).collect::<Vec<_>>();
        assert_eq!(names("2026-03-02"), ["early", "late"]);
        assert_eq!(names("2026-03-04"), ["early"]);
        assert_eq!(names("2026-03-03"), [""; 0]);
        // A holiday of one group: the other's lesson, and what is on that day alone.
        assert_eq!(names("2026-03-09"), ["trip", "late"]);
        assert_eq!(names("2026-03-11"), [""; 0]);
    }

    #[test]
    fn nights_on_which_the_clock_changes_are_right() {
        let night = session("night", None, weekly(&[5, 6]), "22:00:00", "06:00:00");
        let gap = session("gap", None, weekly(&[6]), "02:30:00", "02:45:00");
        let schedule = Schedule { sessions: vec![night, gap], exceptions: vec![] };
        // Saturday to Sunday: an hour less, and an hour more.
        let spring = gist(&schedule, "2026-03-28");
        assert_eq!(spring, [("night".into(), "28T21:00".into(), "29T04:00".into())]);
        let autumn = gist(&schedule, "2026-10-24");
        assert_eq!(autumn, [("night".into(), "24T20:00".into(), "25T05:00".into())]);
        // 02:30 does not exist on the one, and is there twice on the other.
        assert_eq!(gist(&schedule, "2026-03-29")[0], ("gap".into(), "29T01:00".into(), "29T01:00".into()));
        assert_eq!(gist(&schedule, "2026-10-25")[0], ("gap".into(), "25T00:30".into(), "25T01:45".into()));
    }
}
