//! What the site decides about attendance.

use std::collections::BTreeSet;

use super::{Setting, in_range};
use crate::attendance::AttendanceRules;
use crate::attendance::badge::BadgeRules;
use crate::attendance::rules::{ClockMode, GroupRules, IdentifierUse};
use crate::attendance::schedule::{Schedule, ScheduleException, ScheduledSession, When};
use crate::attendance::session::SessionRules;
use crate::attendance::zone::SiteZone;
use crate::config::typed::Typed;
use crate::config::typed::attendance::{BadgeAffix, GroupTable, HolidayTable, Minutes, SessionTable};
use crate::config::values::{DayRollover, Text};

/// Four in the morning: a late shift still belongs to the day it began on.
const DEFAULT_ROLLOVER: DayRollover = match chrono::NaiveTime::from_hms_opt(4, 0, 0) {
    Some(time) => DayRollover(time),
    None => panic!("04:00 is a time of day"),
};
const DEFAULT_EARLY: Minutes = in_range(Minutes::new(30));
const DEFAULT_GRACE: Minutes = in_range(Minutes::new(5));

/// What the site decides about attendance.
#[derive(Debug, Clone, PartialEq)]
pub struct AttendanceSettings {
    /// When a day begins.
    pub day_rollover: Setting<DayRollover>,
    /// The site's time zone.
    pub zone: Setting<SiteZone>,
    /// How people clock in and out.
    pub clock: Setting<ClockMode>,
    /// Whether they may come in by an identifier.
    pub identifier: Setting<IdentifierUse>,
    /// What a badge reader types before the identifier.
    pub badge_prefix: Setting<BadgeAffix>,
    /// What it types after it.
    pub badge_suffix: Setting<BadgeAffix>,
    /// How long before the start coming counts for a session.
    pub early: Setting<Minutes>,
    /// How long after the start nobody is late yet.
    pub grace: Setting<Minutes>,
    /// How long before the end people may leave.
    pub leaves_early: Setting<Minutes>,
    /// All of it but the days, as the engine takes it.
    pub rules: AttendanceRules,
}

impl AttendanceSettings {
    /// What `typed` says, and the defaults where it says nothing.
    pub fn resolve(typed: &Typed) -> Self {
        let table = &typed.attendance;
        let clock = Setting::typed(table.clock.as_ref().map(|clock| clock.0), ClockMode::default());
        let identifier = Setting::typed(table.identifier.as_ref().map(|i| i.0), IdentifierUse::default());
        let early = Setting::typed(table.early_minutes, DEFAULT_EARLY);
        let grace = Setting::typed(table.grace_minutes, DEFAULT_GRACE);
        let leaves_early = Setting::typed(table.leaves_early_minutes, DEFAULT_GRACE);
        let session = SessionRules {
            early_seconds: seconds(early.value),
            grace_seconds: seconds(grace.value),
            leaves_early_seconds: seconds(leaves_early.value),
        };
        let mut rules = AttendanceRules {
            clock: clock.value,
            identifier: identifier.value,
            session,
            groups: typed.group.0.iter().map(|(name, table)| (name.clone(), group(table))).collect(),
            schedule: Schedule::default(),
        };
        rules.schedule = Schedule {
            sessions: typed.session.iter().map(|table| scheduled(table, &rules)).collect(),
            exceptions: typed.holiday.iter().map(exception).collect(),
        };
        Self {
            day_rollover: Setting::typed(table.day_rollover.as_ref().map(|r| r.0), DEFAULT_ROLLOVER),
            zone: Setting::typed(table.zone.as_ref().map(|zone| zone.0), SiteZone::System),
            clock,
            identifier,
            badge_prefix: Setting::typed(affix(&table.badge_prefix), BadgeAffix::default()),
            badge_suffix: Setting::typed(affix(&table.badge_suffix), BadgeAffix::default()),
            early,
            grace,
            leaves_early,
            rules,
        }
    }
}

impl AttendanceSettings {
    /// What a badge reader adds to an identifier.
    pub fn badge(&self) -> BadgeRules {
        BadgeRules { prefix: self.badge_prefix.value.0.clone(), suffix: self.badge_suffix.value.0.clone() }
    }
}

impl AttendanceSettings {
    /// What holds for single groups and the schedule, by keys, in words: for what is noted where it changes.
    pub(super) fn rule_values(&self) -> Vec<(String, String)> {
        let groups =
            self.rules.groups.iter().map(|(name, rules)| (format!("group.{name}"), group_words(rules)));
        let sessions = self.rules.schedule.sessions.iter().zip(1u32..);
        let sessions = sessions.map(|(session, n)| (format!("session.{n}"), session_words(session)));
        let holidays = self.rules.schedule.exceptions.iter().zip(1u32..);
        let holidays = holidays.map(|(holiday, n)| (format!("holiday.{n}"), holiday_words(holiday)));
        groups.chain(sessions).chain(holidays).collect()
    }
}

fn group_words(rules: &GroupRules) -> String {
    let minutes = |seconds: Option<u32>| seconds.map(|seconds| (seconds / 60).to_string());
    let said = [
        ("clock", rules.clock.map(|clock| clock.to_string())),
        ("identifier", rules.identifier.map(|identifier| identifier.to_string())),
        ("early_minutes", minutes(rules.early_seconds)),
        ("grace_minutes", minutes(rules.grace_seconds)),
        ("leaves_early_minutes", minutes(rules.leaves_early_seconds)),
    ];
    let said = said.into_iter().filter_map(|(key, value)| Some(format!("{key} {}", value?)));
    said.collect::<Vec<_>>().join(", ")
}

fn session_words(session: &ScheduledSession) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let when = match &session.when {
        When::Weekly(days) => {
            let days = days.iter().filter_map(|day| DAYS.get(usize::from(*day)).copied());
            days.collect::<Vec<_>>().join(" ")
        }
        When::On(date) => date.to_string(),
    };
    let group = session.group.as_ref().map(|group| format!(" for {group}")).unwrap_or_default();
    let [early, grace, leaves] =
        [session.rules.early_seconds, session.rules.grace_seconds, session.rules.leaves_early_seconds]
            .map(|seconds| seconds / 60);
    let (from, until) = (session.from.format("%H:%M"), session.until.format("%H:%M"));
    format!("{}{group}, {when}, {from} to {until}, minutes {early} {grace} {leaves}", session.name)
}

fn holiday_words(holiday: &ScheduleException) -> String {
    let group = holiday.group.as_ref().map(|group| format!(" for {group}")).unwrap_or_default();
    let name = holiday.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    format!("{} to {}{group}{name}", holiday.first, holiday.last)
}

fn affix(typed: &Option<Text<BadgeAffix>>) -> Option<BadgeAffix> {
    typed.as_ref().map(|affix| affix.0.clone())
}

fn seconds(minutes: Minutes) -> u32 {
    60 * minutes.get()
}

fn group(table: &GroupTable) -> GroupRules {
    GroupRules {
        clock: table.clock.as_ref().map(|clock| clock.0),
        identifier: table.identifier.as_ref().map(|identifier| identifier.0),
        early_seconds: table.early_minutes.map(seconds),
        grace_seconds: table.grace_minutes.map(seconds),
        leaves_early_seconds: table.leaves_early_minutes.map(seconds),
    }
}

/// A session of the schedule: what it does not say itself holds as for its group, or everywhere.
fn scheduled(table: &SessionTable, rules: &AttendanceRules) -> ScheduledSession {
    let group = table.group.as_ref().map(|group| group.0.clone());
    let of_group = rules.session_rules(group.as_ref());
    let days = table.days.iter().flatten().map(|day| day.0.0).collect::<BTreeSet<u8>>();
    ScheduledSession {
        name: table.name.0.clone(),
        when: match &table.date {
            Some(date) => When::On(date.0.0),
            None => When::Weekly(days),
        },
        from: table.from.0.0,
        until: table.until.0.0,
        rules: SessionRules {
            early_seconds: table.early_minutes.map_or(of_group.early_seconds, seconds),
            grace_seconds: table.grace_minutes.map_or(of_group.grace_seconds, seconds),
            leaves_early_seconds: table.leaves_early_minutes.map_or(of_group.leaves_early_seconds, seconds),
        },
        group,
    }
}

fn exception(table: &HolidayTable) -> ScheduleException {
    ScheduleException {
        first: table.date.0.0,
        last: table.until.as_ref().map_or(table.date.0.0, |until| until.0.0),
        group: table.group.as_ref().map(|group| group.0.clone()),
        name: table.name.clone(),
    }
}
