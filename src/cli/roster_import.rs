//! `muster roster import`: a list of people, put on the roster or held against it.

use std::path::Path;

use serde::Serialize;

use crate::attendance::import::{PlannedRow, RowOutcome, plan};
use crate::attendance::{PersonId, Roster};
use crate::engine::command::ImportRow;
use crate::engine::command::register::{RegisterCommand, RegisterReply};
use crate::engine::environment::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::engine::{Command, EngineHandle, Reply};
use crate::ledger::ChangedValue;

use super::exit::{CliError, Exit};
use super::output::{Output, people_count, printable};
use super::roster_particulars::change_words;
use super::{roster, roster_file};

fn read(file: &Path) -> Result<Vec<ImportRow>, CliError> {
    roster::read_rows(file, "nothing was imported", roster_file::parse)
}

/// Takes the file, or says what it would change.
///
/// # Errors
/// [`CliError`]: a file that cannot be read or has a mistake, what the engine refuses, or an output that cannot
/// be written.
pub fn run(
    handle: &EngineHandle,
    file: &Path,
    dry_run: bool,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let rows = read(file)?;
    let reply = handle.call(Command::Register(RegisterCommand::Import { rows, dry_run }))?;
    let Reply::Register(RegisterReply::Imported(rows)) = reply else {
        return Err(roster::unexpected(&reply));
    };
    say(file, &rows, dry_run, out)
}

/// Says what the file would change where there is no store yet.
///
/// # Errors
/// [`CliError`] as [`run`].
pub fn dry_run_on_nothing(file: &Path, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let now = SystemClock.now();
    let mut entropy = SystemEntropy;
    let planned = plan(&Roster::default(), &read(file)?, now, || PersonId(entropy.ulid(now)));
    say(file, &planned.rows, true, out)
}

#[derive(Serialize)]
struct RowObject<'a> {
    kind: &'static str,
    line: u64,
    person: &'a str,
    /// None for somebody who is not there yet.
    id: Option<String>,
    outcome: &'static str,
    changes: &'a [ChangedValue],
    reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Summary {
    kind: &'static str,
    dry_run: bool,
    added: usize,
    changed: usize,
    unchanged: usize,
    refused: usize,
}

fn say(file: &Path, rows: &[PlannedRow], dry_run: bool, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let mut summary = Summary { kind: "imported", dry_run, ..Summary::default() };
    for row in rows {
        let (count, outcome) = match &row.outcome {
            RowOutcome::Added => (&mut summary.added, "added"),
            RowOutcome::Changed(_) => (&mut summary.changed, "changed"),
            RowOutcome::Unchanged => (&mut summary.unchanged, "unchanged"),
            RowOutcome::Refused(_) => (&mut summary.refused, "refused"),
        };
        *count += 1;
        if out.json {
            out.object(&row_object(row, outcome))?;
        } else if dry_run || outcome == "refused" {
            out.line(row_words(row, outcome))?;
        }
    }
    let is_refused = summary.refused > 0;
    let words = summary_words(file, &summary);
    out.either(&summary, words)?;
    Ok(if is_refused { Exit::Negative } else { Exit::Done })
}

fn row_object<'a>(row: &'a PlannedRow, outcome: &'static str) -> RowObject<'a> {
    let (changes, reason): (&[ChangedValue], _) = match &row.outcome {
        RowOutcome::Changed(changes) => (changes, None),
        RowOutcome::Refused(reason) => (&[], Some(reason.as_str())),
        RowOutcome::Added | RowOutcome::Unchanged => (&[], None),
    };
    // The id of somebody new is another one in every dry run.
    let id = row.person.filter(|_| outcome != "added").map(|person| person.to_string());
    RowObject { kind: "row", line: row.line, person: row.name.as_str(), id, outcome, changes, reason }
}

fn row_words(row: &PlannedRow, outcome: &str) -> String {
    let head = format!("line {}: {}: {outcome}", row.line, row.name);
    match &row.outcome {
        RowOutcome::Changed(changes) => {
            let list: Vec<String> = changes.iter().map(change_words).collect();
            format!("{head}: {}", list.join(", "))
        }
        RowOutcome::Refused(reason) => format!("{head}: {}", printable(reason)),
        RowOutcome::Added | RowOutcome::Unchanged => head,
    }
}

fn summary_words(file: &Path, summary: &Summary) -> String {
    let label = file.display().to_string();
    let label = printable(&label);
    let Summary { dry_run, added, changed, unchanged, refused, .. } = summary;
    let counts = format!("added: {added}, changed: {changed}, unchanged: {unchanged}");
    match (*refused, dry_run) {
        (0, true) => format!(
            "{label} has {} and no mistake; nothing was imported; it would be {counts}",
            people_count(added + changed + unchanged)
        ),
        (0, false) => format!("imported from {label}: {counts}"),
        (refused, _) => format!("nothing was imported from {label}: refused: {refused}, {counts}"),
    }
}
