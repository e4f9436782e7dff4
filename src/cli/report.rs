//! `muster report`: who was here on a day, or is here now.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::attendance::{PersonId, PresenceState};
use crate::config::DayRollover;
use crate::engine::state::RosterRow;
use crate::engine::{EngineHandle, LogEntry};
use crate::ledger::EntryKind;

use super::args::{ReportArgs, ReportFormat};
use super::exit::{CliError, Exit};
use super::output::{Output, columns, csv_text};
use super::people;

/// A day as `--date` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The day of attendance that holds now.
    Today,
    /// The one before.
    Yesterday,
    /// The one that begins on this date.
    On(NaiveDate),
}

impl FromStr for Day {
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

impl<Tz: TimeZone> Calendar<Tz> {
    /// The date on which the day of attendance that holds now began.
    pub fn today(&self) -> NaiveDate {
        let local = self.now.with_timezone(&self.zone).naive_local();
        let date = local.date();
        if local.time() < self.rollover.0 { date.pred_opt().unwrap_or(date) } else { date }
    }

    /// The date that `day` means.
    pub fn date(&self, day: Day) -> NaiveDate {
        match day {
            Day::Today => self.today(),
            Day::Yesterday => self.today().pred_opt().unwrap_or(NaiveDate::MIN),
            Day::On(date) => date,
        }
    }

    /// From when until when the day that begins on `date` lasts.
    pub fn bounds(&self, date: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        (self.begin(date), self.begin(next))
    }

    /// A time that the clocks jump over begins when they have jumped; of one that comes twice, the
    /// first counts.
    fn begin(&self, date: NaiveDate) -> DateTime<Utc> {
        let local = date.and_time(self.rollover.0);
        // No zone ever jumped further than a day.
        (0..=24 * 4)
            .find_map(|quarter| {
                let later = local.checked_add_signed(TimeDelta::minutes(15 * quarter))?;
                self.zone.from_local_datetime(&later).earliest()
            })
            .map_or_else(|| local.and_utc(), |begin| begin.with_timezone(&Utc))
    }

    fn local(&self, at: DateTime<Utc>, format: &str) -> String {
        // The naive local time needs no `Display` of the zone's offset.
        at.with_timezone(&self.zone).naive_local().format(format).to_string()
    }

    /// With the zone's offset, as RFC 3339 has it.
    fn rfc3339(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).fixed_offset().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

/// Where somebody stands at the end of a day, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DayState {
    /// Here.
    Present,
    /// Was here and left.
    Left,
    /// Not seen.
    Absent,
}

impl DayState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Left => "left",
            Self::Absent => "absent",
        }
    }
}

/// A line of a day's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: String,
    /// What the site calls them by.
    pub identifier: Option<String>,
    /// Where they stand.
    pub state: DayState,
    /// The first record of the day.
    pub first: Option<DateTime<Utc>>,
    /// The last.
    pub last: Option<DateTime<Utc>>,
    /// Since when the state holds.
    pub since: Option<DateTime<Utc>>,
    /// How many records there are.
    pub records: u32,
}

/// The day's rows, by name: everybody on the roster, and whoever has a record of that day and was
/// removed since. `entries` are the day's, oldest first; what is neither a passage nor a mark
/// says nothing about presence.
pub fn day_rows(roster: &[RosterRow], entries: &[LogEntry]) -> Vec<DayRow> {
    let mut rows: BTreeMap<PersonId, DayRow> = BTreeMap::new();
    for row in roster {
        let (name, identifier) = (row.name.to_string(), row.identifier.as_ref().map(ToString::to_string));
        rows.insert(row.person, empty_row(row.person, name, identifier));
    }
    for entry in entries.iter().filter(|e| matches!(e.kind, EntryKind::Passage | EntryKind::Mark)) {
        let Some(person) = entry.person else { continue };
        let row = rows.entry(person).or_insert_with(|| {
            let name = entry.name.as_ref().map_or_else(|| person.to_string(), ToString::to_string);
            empty_row(person, name, None)
        });
        let state = match entry.state {
            Some(PresenceState::Left) => DayState::Left,
            Some(PresenceState::Present) | None => DayState::Present,
        };
        if row.state != state {
            row.state = state;
            row.since = Some(entry.at);
        }
        row.first = Some(row.first.map_or(entry.at, |first| first.min(entry.at)));
        row.last = Some(row.last.map_or(entry.at, |last| last.max(entry.at)));
        row.records += 1;
    }
    let mut rows: Vec<DayRow> = rows.into_values().collect();
    rows.sort_by(|a, b| (a.name.as_str(), a.person).cmp(&(b.name.as_str(), b.person)));
    rows
}

fn empty_row(person: PersonId, name: String, identifier: Option<String>) -> DayRow {
    DayRow {
        person,
        name,
        identifier,
        state: DayState::Absent,
        first: None,
        last: None,
        since: None,
        records: 0,
    }
}

/// A row as `--json` prints it.
#[derive(Serialize)]
struct RowObject<'a> {
    date: NaiveDate,
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    state: DayState,
    since: Option<String>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    records: u32,
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
    let date = if args.present { calendar.today() } else { calendar.date(args.date) };
    let (from, until) = calendar.bounds(date);
    let entries = handle.entries_between(from, until);
    let everybody = day_rows(&handle.snapshot().roster.rows, &entries);
    let total = everybody.len();
    let rows: Vec<DayRow> =
        everybody.into_iter().filter(|row| !args.present || row.state == DayState::Present).collect();
    match format {
        ReportFormat::Json => {
            for row in &rows {
                out.object(&object(row, date, calendar))?;
            }
        }
        ReportFormat::Csv => out.line(csv_text(
            &["name", "identifier", "state", "first_seen", "last_seen", "records"],
            &rows.iter().map(|row| cells(row, |at| calendar.rfc3339(at))).collect::<Vec<_>>(),
        ))?,
        ReportFormat::Table if args.present => out.line(present_text(&rows, total, calendar))?,
        ReportFormat::Table => out.line(day_text(&rows, date, calendar))?,
    }
    Ok(Exit::Done)
}

fn object<'a, Tz: TimeZone>(row: &'a DayRow, date: NaiveDate, calendar: &Calendar<Tz>) -> RowObject<'a> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| calendar.rfc3339(at));
    RowObject {
        date,
        person: &row.name,
        id: row.person.to_string(),
        identifier: row.identifier.as_deref(),
        state: row.state,
        since: time(row.since),
        first_seen: time(row.first),
        last_seen: time(row.last),
        records: row.records,
    }
}

fn cells(row: &DayRow, time: impl Fn(DateTime<Utc>) -> String) -> Vec<String> {
    vec![
        row.name.clone(),
        row.identifier.clone().unwrap_or_default(),
        row.state.as_str().to_owned(),
        row.first.map(&time).unwrap_or_default(),
        row.last.map(&time).unwrap_or_default(),
        row.records.to_string(),
    ]
}

fn day_text<Tz: TimeZone>(rows: &[DayRow], date: NaiveDate, calendar: &Calendar<Tz>) -> String {
    let seen = rows.iter().filter(|row| row.records > 0).count();
    let title = format!("{}: {seen} of {} people seen", date.format("%A %Y-%m-%d"), rows.len());
    if rows.is_empty() {
        return title;
    }
    let lines: Vec<_> = rows.iter().map(|row| cells(row, |at| calendar.local(at, "%H:%M:%S"))).collect();
    let header = ["name", "identifier", "state", "first seen", "last seen", "records"];
    format!("{title}\n\n{}", columns(&header, &lines))
}

/// Lines of a screen that people may take: 24 less the title, a blank and the prompt.
const SCREEN_ROWS: usize = 20;
/// Cells of a printed line.
const SCREEN_WIDTH: usize = 80;

/// Who is here, side by side where one under the other would not fit on a screen.
fn present_text<Tz: TimeZone>(rows: &[DayRow], total: usize, calendar: &Calendar<Tz>) -> String {
    let now = calendar.local(calendar.now, "%A %Y-%m-%d %H:%M");
    let title = format!("In the building, {now}: {} of {total} people", rows.len());
    if rows.is_empty() {
        return title;
    }
    let shared: BTreeSet<&str> = rows
        .windows(2)
        .filter(|pair| pair[0].name == pair[1].name)
        .map(|pair| pair[0].name.as_str())
        .collect();
    let people: Vec<String> = rows
        .iter()
        .map(|row| {
            let since = row.since.map(|at| calendar.local(at, "%H:%M")).unwrap_or_default();
            match &row.identifier {
                // Two people of one name are told apart; others need no number on the door.
                Some(identifier) if shared.contains(row.name.as_str()) => {
                    format!("{since}  {} ({identifier})", row.name)
                }
                _ => format!("{since}  {}", row.name),
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
