//! `muster session`: roll calls that are opened, looked at and closed.

use chrono::{DateTime, TimeZone, Utc};
use clap::Subcommand;
use serde::Serialize;

use crate::attendance::session::SessionName;
use crate::attendance::{GroupName, Session, SessionId, Standing};
use crate::engine::command::attendance::{AttendanceCommand, AttendanceReply, SessionLine, SessionRoll};
use crate::engine::{Command, EngineHandle, Reply};

use super::exit::{CliError, Exit};
use super::local_time::LocalTime;
use super::output::{Output, columns, printable};
use super::people;
use super::report::{Calendar, DayArg};
use super::roster::unexpected;

/// Below `muster session --help`.
pub const SESSION_HELP: &str = "\
A session is a roll call: a class, a shift, a meeting. It expects a group, or everybody on the
roster. When it is closed, the ledger gets a line for each of them: on time, late, left early,
absent, excused. SESSION is its name, or the end of its id. Sessions of the weekly schedule
([[session]] in the configuration) open and close by themselves while muster watches a source.

Examples:
  muster session open \"3b maths\" --group 3b --until 09:30
  muster session list
  muster session close \"3b maths\"";

/// `session`
#[derive(Debug, Clone, Subcommand)]
pub enum SessionCommand {
    /// Open a session
    Open {
        /// What it is called
        name: SessionName,
        /// Who is expected; everybody on the roster without it
        #[arg(long, value_name = "GROUP")]
        group: Option<GroupName>,
        /// When it begins: HH:MM, or YYYY-MM-DDTHH:MM; now without it
        #[arg(long, value_name = "TIME")]
        from: Option<LocalTime>,
        /// When it is to end
        #[arg(long, value_name = "TIME")]
        until: Option<LocalTime>,
    },
    /// List the open sessions, and how everybody stands in them now
    List,
    /// Close a session: the ledger gets everybody's standing
    Close {
        /// Which: its name, or the end of its id
        session: String,
    },
}

/// A session as `--json` prints it.
#[derive(Serialize)]
struct SessionObject<'a> {
    session: &'a str,
    id: String,
    group: Option<&'a str>,
    starts_at: String,
    ends_at: Option<String>,
    closed_at: Option<String>,
    scheduled: bool,
    people: Vec<LineObject<'a>>,
}

/// How somebody stands in it.
#[derive(Serialize)]
struct LineObject<'a> {
    person: &'a str,
    id: String,
    standing: Standing,
    arrived: Option<String>,
    left: Option<String>,
}

/// Does what `command` says.
///
/// # Errors
/// [`CliError`]: no such session, a group without people, what the engine refuses.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    command: &SessionCommand,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    match command {
        SessionCommand::Open { name, group, from, until } => {
            let today = calendar.day(DayArg::Today)?;
            let at = |time: &Option<LocalTime>| time.map(|time| time.on(&today, calendar)).transpose();
            let (starts_at, ends_at) = (at(from)?, at(until)?);
            let command = AttendanceCommand::OpenSession {
                name: name.clone(),
                group: group.clone(),
                starts_at,
                ends_at,
            };
            match call(handle, command)? {
                AttendanceReply::Opened(session) => opened(&session, calendar, out)?,
                other => return Err(unexpected(&Reply::Attendance(other))),
            }
        }
        SessionCommand::List => {
            let open = open_sessions(handle)?;
            if open.is_empty() && !out.json {
                out.line("no session is open")?;
            }
            for (index, roll) in open.iter().enumerate() {
                if index > 0 && !out.json {
                    out.line("")?;
                }
                print(roll, calendar, out)?;
            }
        }
        SessionCommand::Close { session } => {
            let id = find(&open_sessions(handle)?, session)?;
            match call(handle, AttendanceCommand::CloseSession(id))? {
                AttendanceReply::Closed(roll) => print(&roll, calendar, out)?,
                other => return Err(unexpected(&Reply::Attendance(other))),
            }
        }
    }
    Ok(Exit::Done)
}

pub(super) fn call(handle: &EngineHandle, command: AttendanceCommand) -> Result<AttendanceReply, CliError> {
    match handle.call(Command::Attendance(command))? {
        Reply::Attendance(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

fn open_sessions(handle: &EngineHandle) -> Result<Vec<SessionRoll>, CliError> {
    match call(handle, AttendanceCommand::Sessions)? {
        AttendanceReply::Sessions(open) => Ok(open),
        other => Err(unexpected(&Reply::Attendance(other))),
    }
}

/// The open session that `text` names.
pub(super) fn find_open(handle: &EngineHandle, text: &str) -> Result<SessionId, CliError> {
    find(&open_sessions(handle)?, text)
}

fn find(open: &[SessionRoll], text: &str) -> Result<SessionId, CliError> {
    let by_name = |roll: &&SessionRoll| roll.session.name.as_str() == text;
    let ending = text.to_ascii_uppercase();
    let by_id = |roll: &&SessionRoll| ending.len() >= 4 && roll.session.id.to_string().ends_with(&ending);
    let found = open.iter().find(by_name).or_else(|| open.iter().find(by_id));
    found.map(|roll| roll.session.id).ok_or_else(|| {
        let names: Vec<&str> = open.iter().map(|roll| roll.session.name.as_str()).collect();
        let open = if names.is_empty() { "none is".to_owned() } else { names.join(", ") };
        CliError::negative(format_args!("no session `{}` is open; open: {open}", printable(text)))
    })
}

fn opened<Tz: TimeZone>(
    session: &Session,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let roll = SessionRoll { session: session.clone(), closed_at: None, lines: Vec::new() };
    let whom = session.group.as_ref().map_or("everybody".to_owned(), ToString::to_string);
    let from = calendar.local(session.starts_at, "%Y-%m-%d %H:%M");
    let until = session.ends_at.map(|at| calendar.local(at, " until %H:%M")).unwrap_or_default();
    Ok(out
        .either(&object(&roll, calendar), format_args!("open: {} for {whom}, {from}{until}", session.name))?)
}

fn print<Tz: TimeZone>(
    roll: &SessionRoll,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    if out.json {
        return Ok(out.object(&object(roll, calendar))?);
    }
    let session = &roll.session;
    let from = calendar.local(session.starts_at, "%Y-%m-%d %H:%M");
    let until = match (roll.closed_at, session.ends_at) {
        (Some(at), _) => calendar.local(at, ", closed %H:%M"),
        (None, Some(at)) => calendar.local(at, " until %H:%M"),
        (None, None) => ", open".to_owned(),
    };
    let group = session.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
    out.line(format_args!("{}{group}: {from}{until}: {}", session.name, counts(&roll.lines)))?;
    let time = |at: Option<DateTime<Utc>>| at.map(|at| calendar.local(at, "%H:%M:%S")).unwrap_or_default();
    let cells = |line: &SessionLine| {
        vec![
            line.name.to_string(),
            line.line.standing.to_string(),
            time(line.line.arrived),
            time(line.line.left),
        ]
    };
    let rows: Vec<Vec<String>> = roll.lines.iter().map(cells).collect();
    Ok(out.line(columns(&["name", "standing", "came", "left"], &rows))?)
}

/// How many stand how: "18 on time, 2 late, 1 absent".
pub fn counts(lines: &[SessionLine]) -> String {
    let count = |standing: Standing| lines.iter().filter(|line| line.line.standing == standing).count();
    let said: Vec<String> = Standing::ALL
        .into_iter()
        .map(|standing| (count(standing), standing))
        .filter(|(count, _)| *count > 0)
        .map(|(count, standing)| format!("{count} {standing}"))
        .collect();
    if said.is_empty() { "nobody is expected".to_owned() } else { said.join(", ") }
}

fn object<'a, Tz: TimeZone>(roll: &'a SessionRoll, calendar: &Calendar<Tz>) -> SessionObject<'a> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| calendar.rfc3339(at));
    let line = |line: &'a SessionLine| LineObject {
        person: line.name.as_str(),
        id: line.person.to_string(),
        standing: line.line.standing,
        arrived: time(line.line.arrived),
        left: time(line.line.left),
    };
    SessionObject {
        session: roll.session.name.as_str(),
        id: roll.session.id.to_string(),
        group: roll.session.group.as_ref().map(|group| group.as_str()),
        starts_at: calendar.rfc3339(roll.session.starts_at),
        ends_at: time(roll.session.ends_at),
        closed_at: time(roll.closed_at),
        scheduled: roll.session.is_scheduled,
        people: roll.lines.iter().map(line).collect(),
    }
}
