//! Sessions, excuses, corrections and times: what a shell can ask of them, and what comes back.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::month::MonthGrid;
use crate::attendance::session::{SessionName, StandingLine};
use crate::attendance::{GroupName, PersonId, PersonName, PresenceState, Session, SessionId, Standing};
use crate::ledger::Sequence;

/// What a shell asks about attendance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendanceCommand {
    /// Opens a session.
    OpenSession {
        /// What it is called.
        name: SessionName,
        /// Who is expected; none for everybody on the roster.
        group: Option<GroupName>,
        /// When it began or begins; none for now.
        starts_at: Option<DateTime<Utc>>,
        /// When it is to end; none where nobody knows.
        ends_at: Option<DateTime<Utc>>,
    },
    /// Closes a session: writes how everybody expected stood.
    CloseSession(SessionId),
    /// The sessions that are open, and how everybody stands in them now.
    Sessions,
    /// Excuses somebody from one session, or from all that begin in a span of time.
    Excuse {
        /// Whom.
        person: PersonId,
        /// From which; none for the span.
        session: Option<SessionId>,
        /// From when on.
        from: DateTime<Utc>,
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Corrects what an entry says, or adds what is missing.
    Correct(Correction),
    /// How long people were here on the days of a month, and how they stood.
    Month(MonthQuery),
    /// What the times of records were that were written by a clock that could not be right.
    Times {
        /// Write the corrections too.
        accept: bool,
    },
}

/// A month of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthQuery {
    /// How many months before the one that holds now.
    pub back: u32,
    /// Of whom.
    pub of: MonthOf,
}

/// Whose month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonthOf {
    /// One person's.
    Person(PersonId),
    /// That of everybody in a group.
    Group(GroupName),
    /// That of everybody on the roster.
    Everybody,
}

/// A correction. It is an entry of its own; what it corrects stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What of.
    pub of: CorrectionOf,
    /// What holds instead.
    pub what: Corrected,
    /// Why, in the operator's words; never empty.
    pub reason: String,
}

/// What a correction is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CorrectionOf {
    /// This entry.
    Entry(Sequence),
    /// Nothing: a record about this person is missing.
    Missing(PersonId),
}

/// What holds instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Corrected {
    /// The entry holds no more.
    Struck,
    /// This; what is none stays as it was.
    Record {
        /// Whether the person came or left.
        state: Option<PresenceState>,
        /// When.
        at: Option<DateTime<Utc>>,
    },
    /// They stood so in the session.
    Standing(Standing),
}

/// How somebody stands in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// How.
    pub line: StandingLine,
}

/// A session and how everybody expected stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRoll {
    /// Which.
    pub session: Session,
    /// When it was closed; none while it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// By name.
    pub lines: Vec<SessionLine>,
}

/// A record of an unsure time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedProposal {
    /// The entry.
    pub sequence: Sequence,
    /// About whom.
    pub person: PersonId,
    /// What they are called; none for somebody erased.
    pub name: Option<PersonName>,
    /// What the clock showed.
    pub written: DateTime<Utc>,
    /// What it was, as far as is known now.
    pub proposed: DateTime<Utc>,
}

/// What came of a command about attendance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendanceReply {
    /// The session is open.
    Opened(Session),
    /// The session is closed.
    Closed(SessionRoll),
    /// The open sessions.
    Sessions(Vec<SessionRoll>),
    /// A month.
    Month(MonthGrid),
    /// Somebody is excused, by an entry for each of so many days.
    Excused {
        /// How many.
        days: u32,
    },
    /// The records of an unsure time, and whether the corrections were written.
    Times {
        /// By sequence.
        proposals: Vec<NamedProposal>,
        /// Whether they hold now.
        accepted: bool,
    },
}

/// Why a command about attendance did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AttendanceError {
    /// There is no such session, or it is closed.
    #[error("no session with that id is open; `muster session list` lists those that are")]
    NoSuchSession,
    /// A session of that name is open.
    #[error("a session called {0} is open already: close it, or give this one another name")]
    IsOpen(SessionName),
    /// It would end before it begins.
    #[error("the session would end before it begins")]
    EndsFirst,
    /// It would begin further from now than a session is looked for.
    #[error(
        "the session would begin at {}, more than 24 hours from now: a session is opened from 24 hours before its \
         beginning to 24 hours after it; the schedule ([[session]] in the configuration) has those that are ahead",
        given.format("%Y-%m-%d %H:%M")
    )]
    StartsFarAway {
        /// The beginning that was asked for, on the site's clock.
        given: NaiveDateTime,
    },
    /// Nobody is in the group.
    #[error(
        "nobody on the roster is in the group {0}: put people into it with `muster roster set WHO --group`"
    )]
    EmptyGroup(GroupName),
    /// An excuse or a correction without a reason.
    #[error("say why, with --reason: the ledger keeps it beside what is written")]
    NoReason,
    /// There is no such entry.
    #[error("the ledger has no entry {0}")]
    NoSuchEntry(Sequence),
    /// The entry says nothing that could be corrected so.
    #[error("entry {entry} cannot be corrected so: {why}")]
    NotCorrectable {
        /// Which.
        entry: Sequence,
        /// Why not.
        why: String,
    },
    /// What is missing has no time or state.
    #[error("say what is missing: --state present or left, and --at a time")]
    NothingSaid,
    /// The span of an excuse is empty or too long.
    #[error("an excuse goes from one time to a later one, over 366 days at most")]
    WrongSpan,
    /// Records wait for the store.
    #[error("records wait that the store has not taken ({reason}): the session stays open until it has")]
    StoreBehind {
        /// What the store said.
        reason: String,
    },
}
