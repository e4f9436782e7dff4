//! A session: a roll call of a group, and how each of those expected stood at its end.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::record::PresenceState;
use super::report::PresenceRecord;
use super::roster::{GroupName, PersonName};

/// A session begins no further than this from when an operator opens it. Whoever reads the ledger for the
/// sessions that begin in a span of time reads this much more on either side of it.
pub const FURTHEST_START: TimeDelta = TimeDelta::hours(24);

/// A session that nobody closed is reported after this long as it stood then.
pub const LONGEST_OPEN: TimeDelta = TimeDelta::days(7);

/// Names a session for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Ulid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a session is called; checked as a person's name is.
pub type SessionName = PersonName;

/// When somebody counts as late, or as gone too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionRules {
    /// How long before the start somebody may have come and still belong to the session.
    pub early_seconds: u32,
    /// How long after the start somebody is not late yet.
    pub grace_seconds: u32,
    /// How long before the end somebody may leave.
    pub leaves_early_seconds: u32,
}

impl Default for SessionRules {
    /// Half an hour before; five minutes of grace on either side.
    fn default() -> Self {
        Self { early_seconds: 1800, grace_seconds: 300, leaves_early_seconds: 300 }
    }
}

/// A session: a class, a shift, a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names it for ever.
    pub id: SessionId,
    /// What it is called.
    pub name: SessionName,
    /// Who is expected; none for everybody on the roster.
    pub group: Option<GroupName>,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it is to end; none where nobody knows yet.
    pub ends_at: Option<DateTime<Utc>>,
    /// When somebody is late.
    pub rules: SessionRules,
    /// Whether the schedule opened it.
    pub is_scheduled: bool,
}

/// How somebody stood at the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There when it began, within the grace period, and until its end.
    OnTime,
    /// Came after the grace period.
    Late,
    /// Left before the end.
    LeftEarly,
    /// Both.
    LateAndLeftEarly,
    /// Was not there.
    Absent,
    /// Was excused, and not there for all of it.
    Excused,
}

impl Standing {
    /// All of them, as they are listed.
    pub const ALL: [Self; 6] =
        [Self::OnTime, Self::Late, Self::LeftEarly, Self::LateAndLeftEarly, Self::Absent, Self::Excused];

    /// Whether they were there at all.
    pub fn is_present(self) -> bool {
        matches!(self, Self::OnTime | Self::Late | Self::LeftEarly | Self::LateAndLeftEarly)
    }

    /// Whether they came too late.
    pub fn is_late(self) -> bool {
        matches!(self, Self::Late | Self::LateAndLeftEarly)
    }

    /// Whether they left too early.
    pub fn left_early(self) -> bool {
        matches!(self, Self::LeftEarly | Self::LateAndLeftEarly)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnTime => "on time",
            Self::Late => "late",
            Self::LeftEarly => "left early",
            Self::LateAndLeftEarly => "late, left early",
            Self::Absent => "absent",
            Self::Excused => "excused",
        })
    }
}

/// How somebody stands in a session, with the times it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingLine {
    /// How.
    pub standing: Standing,
    /// When they came; none where they did not.
    pub arrived: Option<DateTime<Utc>>,
    /// When they left; none where they stayed to the end or never came.
    pub left: Option<DateTime<Utc>>,
}

impl Session {
    /// The first instant from which coming counts for it.
    pub fn counts_from(&self) -> DateTime<Utc> {
        self.starts_at - TimeDelta::seconds(i64::from(self.rules.early_seconds))
    }

    /// How much later than the start somebody came who arrived at `arrived`; none for who was not late.
    pub fn late_by(&self, arrived: DateTime<Utc>) -> Option<TimeDelta> {
        let grace = TimeDelta::seconds(i64::from(self.rules.grace_seconds));
        (arrived > self.starts_at + grace).then(|| arrived - self.starts_at)
    }

    /// How somebody stands whose records are `records`, in the order in which they hold, when the session
    /// is closed at `closed_at` (or now).
    ///
    /// - Records before [`Session::counts_from`] and after the closing are not looked at.
    /// - They arrived with the first record that says present after which they did not leave again before
    ///   the start. Without one they are absent.
    /// - Late: they arrived more than the grace period after the start.
    /// - Left early: the last record says that they left, more than what is allowed before the end; where
    ///   no end was set, before the closing.
    /// - Excused: whoever is excused and not on time.
    pub fn standing(
        &self,
        records: &[PresenceRecord],
        is_excused: bool,
        closed_at: DateTime<Utc>,
    ) -> StandingLine {
        let counted =
            records.iter().filter(|record| record.at >= self.counts_from() && record.at <= closed_at);
        let (mut arrived, mut left) = (None, None);
        for record in counted {
            match record.state {
                PresenceState::Present => {
                    arrived = arrived.or(Some(record.at));
                    left = None;
                }
                PresenceState::Left if arrived.is_some() => {
                    if record.at <= self.starts_at {
                        arrived = None;
                    } else {
                        left = left.or(Some(record.at));
                    }
                }
                PresenceState::Left => {}
            }
        }
        let allowed = TimeDelta::seconds(i64::from(self.rules.leaves_early_seconds));
        let end = self.ends_at.unwrap_or(closed_at).min(closed_at);
        let is_late = arrived.is_some_and(|at| self.late_by(at).is_some());
        let is_early = left.is_some_and(|at| at < end - allowed);
        let standing = match (arrived, is_late, is_early) {
            (None, _, _) => Standing::Absent,
            (Some(_), false, false) => Standing::OnTime,
            (Some(_), true, false) => Standing::Late,
            (Some(_), false, true) => Standing::LeftEarly,
            (Some(_), true, true) => Standing::LateAndLeftEarly,
        };
        let standing = if is_excused && standing != Standing::OnTime { Standing::Excused } else { standing };
        StandingLine { standing, arrived, left }
    }
}
