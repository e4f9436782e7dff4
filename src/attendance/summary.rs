//! What the records of a span of days come to: a line for each person on each day, for each person in each
//! session, and the totals.
//!
//! How it is counted:
//!
//! - **A day** runs from one rollover to the next. A record belongs to the day on which it holds, after its
//!   corrections.
//! - **Which days count** for somebody: where the site has a schedule, those with a session that expects
//!   them and has begun; without one, those on which anybody at all was recorded. A session that an operator
//!   opened counts for those who were expected, in either case. The day on which somebody was put on the
//!   roster or taken off it counts only where they were there; no day counts before, after, or that has not
//!   begun.
//! - **How somebody stood** on a day that counts: as in its sessions, where they were expected in any: there
//!   if they were there for one of them, late if they were late for one, gone early if they left one early,
//!   else excused if they were excused from one, else absent. On a day without a session of theirs: there if
//!   there is any record of them, else excused if an excuse reaches into the day, else absent.
//! - **Sessions** belong to the day on which they begin. A closed one says what was written when it was
//!   closed, or what corrected that; an open one how things stand now.
//! - **Hours** are what [`day_clock`](super::clocking::day_clock) makes of the day's records, by the way in
//!   which the person clocks.
//! - **Shares** are out of the days that counted, or out of the sessions.

mod counts;
mod day;
pub mod heat_map;
mod sessions;
mod tally;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::clocking::DayClock;
use super::record::Method;
use super::report::{Day, DayState, PresenceRecord};
use super::roster::{GroupName, Person, PersonId};
use super::session::{Session, SessionId, SessionName, Standing, StandingLine};
use super::statement::Statement;
use crate::ledger::Sequence;

pub use counts::{Counts, PersonTotals, Share};
pub use tally::Tally;

/// What the ledger says of one day.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// What entries say of anybody, with every entry its corrections and what those correct.
    pub statements: Vec<Statement>,
    /// The sessions that were opened and closed.
    pub sessions: Vec<SessionEvent>,
}

/// A session was opened or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEvent {
    /// When that was written.
    pub at: DateTime<Utc>,
    /// Which.
    pub change: SessionChange,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// It was opened.
    Opened(Session),
    /// It was closed.
    Closed(SessionId),
}

/// Which session is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChoice {
    /// This one.
    One(SessionId),
    /// All of this name.
    Named(SessionName),
}

impl SessionChoice {
    /// Whether `session` is meant.
    pub fn means(&self, session: &Session) -> bool {
        match self {
            Self::One(id) => session.id == *id,
            Self::Named(name) => session.name == *name,
        }
    }
}

/// Who and what is reported; everybody and everything where nothing is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// One person alone.
    pub person: Option<PersonId>,
    /// Those who are in this group now.
    pub group: Option<GroupName>,
    /// Some sessions alone: no other is looked at, and a day counts only where there is one of them.
    pub session: Option<SessionChoice>,
}

impl Selection {
    /// Whether a report is about `id`, who is `person` on the roster.
    pub fn selects(&self, id: PersonId, person: Option<&Person>) -> bool {
        self.person.is_none_or(|selected| selected == id)
            && self.group.as_ref().is_none_or(|group| person.is_some_and(|person| person.is_in(group)))
    }
}

/// How somebody's day counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DayStanding {
    /// There.
    Present,
    /// There, and late.
    Late,
    /// There, and gone early.
    LeftEarly,
    /// Both.
    LateAndLeftEarly,
    /// Not there.
    Absent,
    /// Not there, and excused.
    Excused,
    /// There on a day that does not count for them.
    Besides,
    /// Not there on a day that does not count for them.
    Uncounted,
}

impl DayStanding {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Present,
        Self::Late,
        Self::LeftEarly,
        Self::LateAndLeftEarly,
        Self::Absent,
        Self::Excused,
        Self::Besides,
        Self::Uncounted,
    ];

    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Late => "late",
            Self::LeftEarly => "left_early",
            Self::LateAndLeftEarly => "late_and_left_early",
            Self::Absent => "absent",
            Self::Excused => "excused",
            Self::Besides => "besides",
            Self::Uncounted => "uncounted",
        }
    }

    /// A letter that stands for it.
    pub fn glyph(self) -> char {
        match self {
            Self::Present => 'P',
            Self::Late => 'L',
            Self::LeftEarly => 'E',
            Self::LateAndLeftEarly => 'B',
            Self::Absent => 'A',
            Self::Excused => 'X',
            Self::Besides => '+',
            Self::Uncounted => '.',
        }
    }

    /// Whether the day counts for them.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Besides | Self::Uncounted)
    }

    /// Whether they were there on a day that counts.
    pub fn is_present(self) -> bool {
        matches!(self, Self::Present | Self::Late | Self::LeftEarly | Self::LateAndLeftEarly)
    }
}

impl std::fmt::Display for DayStanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Present => "present",
            Self::Late => "late",
            Self::LeftEarly => "left early",
            Self::LateAndLeftEarly => "late, left early",
            Self::Absent => "absent",
            Self::Excused => "excused",
            Self::Besides => "here besides",
            Self::Uncounted => "",
        })
    }
}

/// What to know of the records that a line rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Entries of the day that an operator corrected or struck.
    pub corrected: u32,
    /// Records that were added later, or whose time was put right.
    pub back_filled: u32,
    /// Records whose time is unsure.
    pub unsure: u32,
    /// Whether a check-out was forgotten.
    pub is_forgotten: bool,
}

impl Marks {
    /// Each mark with what it means, in the order in which they are written.
    pub const LEGEND: [(char, &'static str); 4] = [
        ('c', "corrected by an operator"),
        ('+', "added later, or its time put right"),
        ('f', "check-out forgotten: counted until last seen"),
        ('?', "time unsure"),
    ];

    /// What `record` has to be known of.
    pub fn of(record: &PresenceRecord) -> Self {
        Self {
            corrected: u32::from(record.corrected_by.is_some()),
            back_filled: u32::from(record.back_filled),
            unsure: u32::from(record.is_time_unsure),
            is_forgotten: record.is_forgotten,
        }
    }

    /// The marks that hold, as [`Marks::LEGEND`] has them.
    pub fn letters(&self) -> String {
        let holds = [self.corrected > 0, self.back_filled > 0, self.is_forgotten, self.unsure > 0];
        Self::LEGEND.iter().zip(holds).filter(|(_, holds)| *holds).map(|((letter, _), _)| letter).collect()
    }
}

impl std::ops::AddAssign for Marks {
    fn add_assign(&mut self, other: Self) {
        self.corrected += other.corrected;
        self.back_filled += other.back_filled;
        self.unsure += other.unsure;
        self.is_forgotten |= other.is_forgotten;
    }
}

/// One person's line of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Who.
    pub person: PersonId,
    /// How the day counts for them.
    pub standing: DayStanding,
    /// Their state after the last record.
    pub state: DayState,
    /// When that state began.
    pub since: Option<DateTime<Utc>>,
    /// The earliest record that says present.
    pub first_seen: Option<DateTime<Utc>>,
    /// The latest record of either kind.
    pub last_seen: Option<DateTime<Utc>>,
    /// When they were here, and how long.
    pub clock: DayClock,
    /// How many records there are.
    pub records: u32,
    /// What to know of them.
    pub marks: Marks,
    /// How they were known.
    pub methods: Vec<Method>,
}

impl DayRow {
    /// Whether there is nothing to say of the day.
    pub fn is_empty(&self) -> bool {
        self.standing == DayStanding::Uncounted && self.records == 0 && self.marks == Marks::default()
    }
}

/// One person's line of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// Who.
    pub person: PersonId,
    /// How they stood or stand, and the times it rests on.
    pub line: StandingLine,
    /// The entry that corrected how they stood.
    pub corrected_by: Option<Sequence>,
}

/// A session and how everybody stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTable {
    /// The session.
    pub session: Session,
    /// When it was closed; none where it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Everybody who was expected and is reported, by name.
    pub lines: Vec<SessionLine>,
}

impl SessionTable {
    /// How many stood how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.lines.iter().for_each(|line| counts.add_session(line.line.standing));
        counts
    }
}

/// One day, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayTable {
    /// Which.
    pub day: Day,
    /// Everybody who is reported and was on the roster or has a record, by name.
    pub rows: Vec<DayRow>,
    /// The sessions that began on it, by their beginning.
    pub sessions: Vec<SessionTable>,
    /// The records of those who are reported, after their corrections; by person, then in the order in which
    /// they hold.
    pub records: Vec<PresenceRecord>,
}

/// The methods of `records`, each once.
fn methods_of(records: &[PresenceRecord]) -> Vec<Method> {
    const ORDER: [Method; 5] =
        [Method::Face, Method::Identifier, Method::IdentifierAndPin, Method::Operator, Method::Computed];
    let used = |method: &Method| records.iter().any(|record| record.method == Some(*method));
    ORDER.into_iter().filter(used).collect()
}

/// How a day counts for somebody who stood like this in its sessions; none where they were in none.
fn of_sessions(standings: &[Standing]) -> Option<DayStanding> {
    let any = |is: fn(&Standing) -> bool| standings.iter().any(is);
    let is_late = any(|standing| standing.is_late());
    let left_early = any(|standing| standing.left_early());
    Some(match (any(|standing| standing.is_present()), is_late, left_early) {
        (true, true, true) => DayStanding::LateAndLeftEarly,
        (true, true, false) => DayStanding::Late,
        (true, false, true) => DayStanding::LeftEarly,
        (true, false, false) => DayStanding::Present,
        (false, ..) if standings.is_empty() => return None,
        (false, ..) if standings.contains(&Standing::Excused) => DayStanding::Excused,
        (false, ..) => DayStanding::Absent,
    })
}

/// The groups whose people are expected on a day, and whether everybody is.
#[derive(Debug, Clone, Default)]
struct ExpectedOn {
    everybody: bool,
    groups: BTreeSet<GroupName>,
}

impl ExpectedOn {
    fn add(&mut self, group: Option<&GroupName>) {
        match group {
            Some(group) => {
                self.groups.insert(group.clone());
            }
            None => self.everybody = true,
        }
    }

    fn expects(&self, person: &Person) -> bool {
        self.everybody || person.particulars.groups.iter().any(|group| self.groups.contains(group))
    }
}

/// Whether `person` was on the roster at any time of `day`.
fn is_on_roster(person: &Person, day: &Day) -> bool {
    person.created_at < day.until && person.removed_at.is_none_or(|removed| removed > day.from)
}

/// Whether they were for the whole of it.
fn is_on_roster_all_day(person: &Person, day: &Day) -> bool {
    person.created_at <= day.from && person.removed_at.is_none_or(|removed| removed >= day.until)
}

#[cfg(test)]
mod tests;
