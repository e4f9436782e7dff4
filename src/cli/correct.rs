//! `muster correct`, `muster excuse` and `muster times`: the record put right, without being rewritten.

use chrono::{TimeDelta, TimeZone};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::attendance::report::Day;
use crate::attendance::statement::said_now;
use crate::attendance::{PresenceState, Standing};
use crate::engine::command::attendance::{
    AttendanceCommand, AttendanceReply, Corrected, Correction, CorrectionOf, NamedProposal,
};
use crate::engine::{Command, EngineHandle, LogEntry, Reply};
use crate::ledger::Sequence;

use super::exit::{CliError, Exit};
use super::local_time::LocalTime;
use super::output::{Output, columns};
use super::people;
use super::report::{Calendar, DayArg};
use super::roster::unexpected;
use super::session::{call, find_open};

/// Below `muster correct --help`.
pub const CORRECT_HELP: &str = "\
A correction is an entry of its own, with who made it and why. What it corrects stays in the ledger
and is shown as corrected; reports say what holds. A correction can be corrected or struck in turn.

Examples:
  muster correct 118 --at 08:02 --reason \"the clock was two minutes fast\"
  muster correct 131 --strike --reason \"her sister was taken for her\"
  muster correct 140 --standing excused --reason \"doctor's note\"
  muster correct --add 4711 --state left --at 16:30 --reason \"forgot to check out\"";

/// `correct`
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("of").required(true))]
pub struct CorrectArgs {
    /// The entry that is wrong, by its number in the log
    #[arg(value_name = "ENTRY", value_parser = clap::value_parser!(u64).range(1..), group = "of")]
    pub entry: Option<u64>,
    /// No entry is wrong, one is missing: about whom
    #[arg(long, value_name = "WHO", group = "of", conflicts_with_all = ["strike", "standing"])]
    pub add: Option<String>,
    /// The entry holds no more at all
    #[arg(long, conflicts_with_all = ["state", "at", "standing"])]
    pub strike: bool,
    /// Whether the person came or left
    #[arg(long, value_enum)]
    pub state: Option<StateArg>,
    /// When: HH:MM on the entry's day (today, with --add), or YYYY-MM-DDTHH:MM
    #[arg(long, value_name = "TIME")]
    pub at: Option<LocalTime>,
    /// How they stood in the session
    #[arg(long, value_enum, conflicts_with_all = ["state", "at"])]
    pub standing: Option<StandingArg>,
    /// Why; kept beside the correction
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Whether somebody came or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// They are here.
    Present,
    /// They have left.
    Left,
}

/// How somebody stood in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StandingArg {
    /// On time, and there until the end.
    OnTime,
    /// Late.
    Late,
    /// Left early.
    LeftEarly,
    /// Late, and left early.
    LateAndLeftEarly,
    /// Absent.
    Absent,
    /// Excused.
    Excused,
}

impl From<StandingArg> for Standing {
    fn from(standing: StandingArg) -> Self {
        match standing {
            StandingArg::OnTime => Self::OnTime,
            StandingArg::Late => Self::Late,
            StandingArg::LeftEarly => Self::LeftEarly,
            StandingArg::LateAndLeftEarly => Self::LateAndLeftEarly,
            StandingArg::Absent => Self::Absent,
            StandingArg::Excused => Self::Excused,
        }
    }
}

/// `excuse`
#[derive(Debug, Clone, Args)]
pub struct ExcuseArgs {
    /// Whom: identifier, exact name, or the beginning of an id
    pub who: String,
    /// From one open session: its name, or the end of its id
    #[arg(long, value_name = "SESSION", conflicts_with_all = ["from", "until"])]
    pub session: Option<String>,
    /// From all sessions from this day on: YYYY-MM-DD, today or yesterday; today without it
    #[arg(long, value_name = "DATE")]
    pub from: Option<DayArg>,
    /// The last of the days; the same day without it
    #[arg(long, value_name = "DATE")]
    pub until: Option<DayArg>,
    /// Why; kept beside the excuse
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `times`
#[derive(Debug, Clone, Args)]
pub struct TimesArgs {
    /// Write the corrections
    #[arg(long)]
    pub accept: bool,
}

/// A written entry as `--json` prints it.
#[derive(Serialize)]
struct WrittenObject {
    entry: u64,
    corrects: Option<u64>,
}

/// A record of an unsure time as `--json` prints it.
#[derive(Serialize)]
struct TimeObject<'a> {
    entry: u64,
    person: Option<&'a str>,
    id: String,
    written: String,
    proposed: String,
    accepted: bool,
}

/// Writes a correction.
///
/// # Errors
/// [`CliError`]: no such entry or person, what the engine refuses.
pub fn correct<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &CorrectArgs,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let (of, day) = match (&args.add, args.entry) {
        (Some(who), _) => {
            let person = people::find(&handle.snapshot().roster, who)?.person;
            (CorrectionOf::Missing(person), calendar.day(DayArg::Today)?)
        }
        (None, Some(entry)) => (CorrectionOf::Entry(Sequence(entry)), day_of(handle, entry, calendar)?),
        (None, None) => return Err(CliError::usage("name the entry that is wrong, or --add WHO")),
    };
    let what = if args.strike {
        Corrected::Struck
    } else if let Some(standing) = args.standing {
        Corrected::Standing(standing.into())
    } else {
        let state = args.state.map(|state| match state {
            StateArg::Present => PresenceState::Present,
            StateArg::Left => PresenceState::Left,
        });
        let at = args.at.map(|at| at.on(&day, calendar)).transpose()?;
        Corrected::Record { state, at }
    };
    let correction = Correction { of, what, reason: args.reason.clone() };
    let command = Command::Attendance(AttendanceCommand::Correct(correction));
    match handle.call(command)? {
        Reply::Written(entry) => written(&entry, out)?,
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::Done)
}

/// The day on which the entry that is to be corrected holds by now.
fn day_of<Tz: TimeZone>(handle: &EngineHandle, entry: u64, calendar: &Calendar<Tz>) -> Result<Day, CliError> {
    let found = handle.entries_since(Sequence(entry.saturating_sub(1)), 1)?.into_iter().next();
    let found = found.filter(|found| found.sequence == Sequence(entry));
    let said = match found {
        Some(found) => {
            let chain = handle.records_between(found.at, found.at + TimeDelta::microseconds(1))?;
            said_now(found.sequence, chain.iter().filter_map(LogEntry::statement))
        }
        None => None,
    };
    match said {
        Some(said) => calendar.containing(said.holds_at()),
        // The engine says what is wrong with it.
        None => calendar.day(DayArg::Today),
    }
}

fn written(entry: &LogEntry, out: &mut Output<'_>) -> Result<(), CliError> {
    let corrects = entry.details.corrects.map(|corrects| corrects.0);
    let name = entry.name.as_ref().map_or("somebody", |name| name.as_str());
    let text = match corrects {
        Some(corrected) => format!("entry {} corrects entry {corrected}, about {name}", entry.sequence),
        None => format!("entry {} adds a record about {name}", entry.sequence),
    };
    Ok(out.either(&WrittenObject { entry: entry.sequence.0, corrects }, text)?)
}

/// Writes an excuse.
///
/// # Errors
/// [`CliError`]: no such person or session, what the engine refuses.
pub fn excuse<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &ExcuseArgs,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let row = people::find(&handle.snapshot().roster, &args.who)?.clone();
    let session = args.session.as_ref().map(|text| find_open(handle, text)).transpose()?;
    let (first_day, last_day) = excused_days(args, calendar)?;
    let (first, last) = (first_day.date, last_day.date);
    let (from, until) = (first_day.from, last_day.until);
    let reason = args.reason.clone();
    let command = AttendanceCommand::Excuse { person: row.person, session, from, until, reason };
    match call(handle, command)? {
        AttendanceReply::Excused { days } => {
            let name = &row.name;
            let text = match (&args.session, days) {
                (Some(session), _) => format!("{name} is excused from {session}"),
                (None, 1) => format!("{name} is excused on {first}"),
                (None, _) => format!("{name} is excused from {first} until {last}, {days} days"),
            };
            let object = serde_json::json!({ "id": row.person.to_string(), "from": first, "until": last, "days": days });
            out.either(&object, text)?;
        }
        other => return Err(unexpected(&Reply::Attendance(other))),
    }
    Ok(Exit::Done)
}

/// The first and the last day of an excuse.
fn excused_days<Tz: TimeZone>(args: &ExcuseArgs, calendar: &Calendar<Tz>) -> Result<(Day, Day), CliError> {
    let first = calendar.day(args.from.unwrap_or(DayArg::Today))?;
    let last = args.until.map_or(Ok(first), |until| calendar.day(until))?;
    if last.date >= first.date {
        return Ok((first, last));
    }
    let (last, first) = (last.date, first.date);
    Err(CliError::usage(match args.from {
        Some(_) => format!("--until {last} is before --from {first}: the first day comes first"),
        None => format!("--until {last} is before today, {first}: name the first day with --from"),
    }))
}

/// Says what the times of records were that a clock wrote which could not be right.
///
/// # Errors
/// [`CliError`]: what the engine refuses.
pub fn times<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &TimesArgs,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let (proposals, accepted) = match call(handle, AttendanceCommand::Times { accept: args.accept })? {
        AttendanceReply::Times { proposals, accepted } => (proposals, accepted),
        other => return Err(unexpected(&Reply::Attendance(other))),
    };
    if out.json {
        for proposal in &proposals {
            out.object(&TimeObject {
                entry: proposal.sequence.0,
                person: proposal.name.as_ref().map(|name| name.as_str()),
                id: proposal.person.to_string(),
                written: calendar.rfc3339(proposal.written),
                proposed: calendar.rfc3339(proposal.proposed),
                accepted,
            })?;
        }
        return Ok(Exit::Done);
    }
    if proposals.is_empty() {
        out.line("every record's time is sure, or nothing is known yet of what it was")?;
        return Ok(Exit::Done);
    }
    let full = |at| calendar.local(at, "%Y-%m-%d %H:%M:%S");
    let cells = |proposal: &NamedProposal| {
        let name = proposal.name.as_ref().map_or_else(|| proposal.person.to_string(), ToString::to_string);
        vec![proposal.sequence.to_string(), name, full(proposal.written), full(proposal.proposed)]
    };
    let rows: Vec<Vec<String>> = proposals.iter().map(cells).collect();
    out.line(columns(&["entry", "name", "the clock showed", "it was"], &rows))?;
    out.line(if accepted {
        "corrected: an entry for each; the old ones stay"
    } else {
        "nothing is written: `muster times --accept` writes a correction for each"
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
