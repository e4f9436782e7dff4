//! `muster retention`: how long things are kept, and what is due.

use chrono::{DateTime, TimeZone, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::engine::retention::{RetentionCommand, RetentionKind, RetentionRow};
use crate::engine::{Command, EngineHandle, Reply};

use super::exit::{CliError, Exit};
use super::output::{Output, columns};
use super::people;
use super::roster::unexpected;

/// What `retention --help` ends with.
pub const RETENTION_HELP: &str = "\
The limits stand under [retention] in the configuration; 0 days is for ever. What is due is deleted at the
start of the screen or of `muster take` and once a day while they run, in steps, each with an entry that
names what went; nothing of today goes. Unlike an erasure it destroys no key: docs/privacy.md says what
that means.";

/// `retention`
#[derive(Debug, Clone, Default, Args)]
pub struct RetentionArgs {
    /// What is to be done; without it, what is held and due is shown.
    #[command(subcommand)]
    pub command: Option<RetentionAction>,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum RetentionAction {
    /// Delete what is due now
    Apply,
}

#[derive(Serialize)]
struct RowObject {
    kind: RetentionKind,
    days: u32,
    held: u64,
    oldest: Option<String>,
    due: u64,
    next_due: Option<String>,
    deleted: u64,
}

/// Shows, or deletes.
///
/// # Errors
/// [`CliError`]: what the engine refuses, or an output that cannot be written.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &RetentionArgs,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let command = match args.command {
        Some(RetentionAction::Apply) => RetentionCommand::Apply,
        None => RetentionCommand::Show,
    };
    let rows = match handle.call(Command::Retention(command))? {
        Reply::Retention(rows) => rows,
        other => return Err(unexpected(&other)),
    };
    if out.json {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        for row in rows {
            let RetentionRow { kind, days, held, due, deleted, .. } = row;
            let (oldest, next_due) = (time(row.oldest), time(row.next_due));
            out.object(&RowObject { kind, days, held, oldest, due, next_due, deleted })?;
        }
        return Ok(Exit::Done);
    }
    let day = |at: DateTime<Utc>| at.with_timezone(zone).naive_local().format("%Y-%m-%d").to_string();
    let limit = |row: &RetentionRow| match row.days {
        0 => "for ever".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let dated = |at: Option<DateTime<Utc>>| at.map(day).unwrap_or_default();
    let text = if command == RetentionCommand::Apply {
        let cells =
            |row: &RetentionRow| vec![row.kind.words().to_owned(), limit(row), row.deleted.to_string()];
        columns(&["kind", "kept", "deleted"], &rows.iter().map(cells).collect::<Vec<_>>())
    } else {
        let cells = |row: &RetentionRow| {
            vec![
                row.kind.words().to_owned(),
                limit(row),
                row.held.to_string(),
                dated(row.oldest),
                row.due.to_string(),
                dated(row.next_due),
            ]
        };
        let names = ["kind", "kept", "held", "oldest", "due now", "next due"];
        columns(&names, &rows.iter().map(cells).collect::<Vec<_>>())
    };
    out.line(text)?;
    Ok(Exit::Done)
}
