//! `muster report`: who was here on a day, or is here now.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::attendance::PersonId;
use crate::attendance::report::{Day, DayState, Listed, ReportRow, present, report};
use crate::attendance::statement::{held, presence_records};
use crate::attendance::zone::SiteZone;
use crate::config::{DayRollover, Effective};
use crate::engine::state::RosterRow;
use crate::engine::{EngineHandle, LogEntry};

use super::args::{ReportArgs, ReportFormat};
use super::exit::{CliError, Exit};
use super::output::{Output, columns, csv_text};
use super::people;

/// A day as `--date` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayArg {
    /// The day of attendance that holds now.
    Today,
    /// The one before.
    Yesterday,
    /// The one that begins on this date.
    On(NaiveDate),
}

impl FromStr for DayArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "today" => Ok(Self::Today),
            "yesterday" => Ok(Self::Yesterday),
            _ if text.len() == 10 => {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::On).map_err(|_| ())
            }
            _ => Err(()),
        }
        .map_err(|()| "expected YYYY-MM-DD, today or yesterday".to_owned())
    }
}

/// The clock and the zone that a report is read in, and when its days begin.
#[derive(Debug, Clone, Copy)]
pub struct Calendar<Tz: TimeZone> {
    /// Now.
    pub now: DateTime<Utc>,
    /// Where.
    pub zone: Tz,
    /// When a day begins.
    pub rollover: DayRollover,
}

impl Calendar<SiteZone> {
    /// As it is configured.
    pub fn of(effective: &Effective, now: DateTime<Utc>) -> Self {
        let attendance = &effective.attendance;
        Self { now, zone: attendance.zone.value, rollover: attendance.day_rollover.value }
    }
}

impl<Tz: TimeZone> Calendar<Tz> {
    /// The day that `day` means.
    ///
    /// # Errors
    /// [`CliError`] for one outside of the calendar.
    pub fn day(&self, day: DayArg) -> Result<Day, CliError> {
        let rollover = self.rollover.0;
        let today = || Day::containing(self.now, &self.zone, rollover);
        let day = match day {
            DayArg::Today => today(),
            DayArg::Yesterday => {
                let date = today().and_then(|today| today.date.pred_opt());
                date.and_then(|date| Day::of(date, &self.zone, rollover))
            }
            DayArg::On(date) => Day::of(date, &self.zone, rollover),
        };
        day.ok_or_else(|| CliError::usage("that day is outside of the calendar"))
    }

    /// The day that `at` belongs to.
    ///
    /// # Errors
    /// [`CliError`] for one outside of the calendar.
    pub fn containing(&self, at: DateTime<Utc>) -> Result<Day, CliError> {
        let day = Day::containing(at, &self.zone, self.rollover.0);
        day.ok_or_else(|| CliError::usage("that day is outside of the calendar"))
    }

    pub(super) fn local(&self, at: DateTime<Utc>, format: &str) -> String {
        // The naive local time needs no `Display` of the zone's offset.
        at.with_timezone(&self.zone).naive_local().format(format).to_string()
    }

    /// With the zone's offset, as RFC 3339 has it.
    pub(super) fn rfc3339(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).fixed_offset().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

/// The day's rows: everybody on the roster, and whoever has a record of that day and was removed
/// since, by the name that `entries` have for them.
fn day_rows(day: &Day, roster: &[RosterRow], entries: &[LogEntry]) -> Vec<ReportRow> {
    let mut listed: BTreeMap<PersonId, Listed> = BTreeMap::new();
    for entry in entries {
        if let (Some(person), Some(name)) = (entry.person, &entry.name) {
            let removed = Listed { person, name: name.clone(), identifier: None, is_active: false };
            listed.insert(person, removed);
        }
    }
    for row in roster {
        let (name, identifier) = (row.name.clone(), row.identifier.clone());
        listed.insert(row.person, Listed { person: row.person, name, identifier, is_active: true });
    }
    let held = held(entries.iter().filter_map(LogEntry::statement));
    report(day, presence_records(&held), listed.into_values())
}

/// What a row is called on paper: whoever has no name any more, by id.
fn name(row: &ReportRow) -> String {
    row.name.as_ref().map_or_else(|| row.person.to_string(), ToString::to_string)
}

fn identifier(row: &ReportRow) -> Option<&str> {
    row.identifier.as_ref().map(|identifier| identifier.as_str())
}

/// A row as `--json` prints it.
#[derive(Serialize)]
struct RowObject<'a> {
    date: NaiveDate,
    person: String,
    id: String,
    identifier: Option<&'a str>,
    state: DayState,
    since: Option<String>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    records: u32,
    back_filled: u32,
}

/// Writes the report.
///
/// # Errors
/// [`CliError`] where the flags contradict each other or the output cannot be written.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &ReportArgs,
    calendar: &Calendar<Tz>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let format = match (args.format, out.json) {
        (Some(ReportFormat::Table | ReportFormat::Csv), true) => {
            return Err(CliError::usage("--json and --format contradict each other: leave one of them out"));
        }
        (Some(format), _) => format,
        (None, true) => ReportFormat::Json,
        (None, false) => ReportFormat::Table,
    };
    people::settle(handle);
    let day = calendar.day(if args.present { DayArg::Today } else { args.date })?;
    let entries = handle.records_between(day.from, day.until);
    let everybody = day_rows(&day, &handle.snapshot().roster.rows, &entries);
    let total = everybody.len();
    let rows = if args.present { present(everybody) } else { everybody };
    match format {
        ReportFormat::Json => {
            for row in &rows {
                out.object(&object(row, day.date, calendar))?;
            }
        }
        ReportFormat::Csv => out.line(csv_text(
            &["name", "identifier", "state", "first_seen", "last_seen", "records", "back_filled"],
            &rows.iter().map(|row| csv_cells(row, calendar)).collect::<Vec<_>>(),
        ))?,
        ReportFormat::Table if args.present => out.line(present_text(&rows, total, calendar))?,
        ReportFormat::Table => out.line(day_text(&rows, day.date, calendar))?,
    }
    Ok(Exit::Done)
}

fn object<'a, Tz: TimeZone>(row: &'a ReportRow, date: NaiveDate, calendar: &Calendar<Tz>) -> RowObject<'a> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| calendar.rfc3339(at));
    RowObject {
        date,
        person: name(row),
        id: row.person.to_string(),
        identifier: identifier(row),
        state: row.state,
        since: time(row.since),
        first_seen: time(row.first_seen),
        last_seen: time(row.last_seen),
        records: row.records,
        back_filled: row.back_filled,
    }
}

fn cells(row: &ReportRow, time: impl Fn(DateTime<Utc>) -> String) -> Vec<String> {
    vec![
        name(row),
        identifier(row).unwrap_or_default().to_owned(),
        row.state.to_string(),
        row.first_seen.map(&time).unwrap_or_default(),
        row.last_seen.map(&time).unwrap_or_default(),
        row.records.to_string(),
    ]
}

fn csv_cells<Tz: TimeZone>(row: &ReportRow, calendar: &Calendar<Tz>) -> Vec<String> {
    let mut cells = cells(row, |at| calendar.rfc3339(at));
    cells.push(row.back_filled.to_string());
    cells
}

/// For the table: what was added later is said only where there is such a thing.
fn table_cells<Tz: TimeZone>(row: &ReportRow, calendar: &Calendar<Tz>) -> Vec<String> {
    let mut cells = cells(row, |at| calendar.local(at, "%H:%M:%S"));
    if let (1.., Some(records)) = (row.back_filled, cells.last_mut()) {
        *records = format!("{records} ({} added later)", row.back_filled);
    }
    cells
}

fn day_text<Tz: TimeZone>(rows: &[ReportRow], date: NaiveDate, calendar: &Calendar<Tz>) -> String {
    let seen = rows.iter().filter(|row| row.records > 0).count();
    let title = format!("{}: {seen} of {} people seen", date.format("%A %Y-%m-%d"), rows.len());
    if rows.is_empty() {
        return title;
    }
    let lines: Vec<_> = rows.iter().map(|row| table_cells(row, calendar)).collect();
    let header = ["name", "identifier", "state", "first seen", "last seen", "records"];
    format!("{title}\n\n{}", columns(&header, &lines))
}

/// Lines of a screen that people may take: 24 less the title, a blank and the prompt.
const SCREEN_ROWS: usize = 20;
/// Cells of a printed line.
const SCREEN_WIDTH: usize = 80;

/// Who is here, side by side where one under the other would not fit on a screen.
fn present_text<Tz: TimeZone>(rows: &[ReportRow], total: usize, calendar: &Calendar<Tz>) -> String {
    let now = calendar.local(calendar.now, "%A %Y-%m-%d %H:%M");
    let title = format!("In the building, {now}: {} of {total} people", rows.len());
    if rows.is_empty() {
        return title;
    }
    let shared: BTreeSet<String> =
        rows.windows(2).filter(|pair| pair[0].name == pair[1].name).map(|pair| name(&pair[0])).collect();
    let people: Vec<String> = rows
        .iter()
        .map(|row| {
            let since = row.since.map(|at| calendar.local(at, "%H:%M")).unwrap_or_default();
            let name = name(row);
            match identifier(row) {
                // Two people of one name are told apart; others need no number on the door.
                Some(identifier) if shared.contains(&name) => format!("{since}  {name} ({identifier})"),
                _ => format!("{since}  {name}"),
            }
        })
        .collect();
    let widest = people.iter().map(|cell| cell.width()).max().unwrap_or(0) + 3;
    let fitting = (SCREEN_WIDTH / widest).max(1);
    let across = people.len().div_ceil(SCREEN_ROWS).clamp(1, fitting);
    let down = people.len().div_ceil(across);
    let mut text = format!("{title}\n");
    for line in 0..down {
        text.push('\n');
        let mut cells = String::new();
        for person in people.iter().skip(line).step_by(down) {
            cells.push_str(person);
            cells.extend(std::iter::repeat_n(' ', widest - person.width()));
        }
        text.push_str(cells.trim_end());
    }
    text
}

#[cfg(test)]
mod tests;
