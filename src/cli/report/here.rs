//! Who is in the building now, on one screen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::attendance::PersonId;
use crate::attendance::report::{Day, DayState, Listed, ReportRow, present, report};
use crate::attendance::statement::{held, presence_records};
use crate::attendance::zone::SiteZone;
use crate::engine::state::RosterRow;
use crate::engine::{EngineHandle, LogEntry};

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, csv_line};
use super::args::{DayArg, ReportFormat};
use super::calendar::Calendar;

/// Who is in the building now.
pub(super) fn run(
    handle: &EngineHandle,
    format: ReportFormat,
    calendar: &Calendar<SiteZone>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let day = calendar.day(DayArg::Today)?;
    let entries = handle.records_between(day.from, day.until)?;
    let everybody = day_rows(&day, &handle.snapshot().roster.rows, &entries);
    let total = everybody.len();
    let rows = present(everybody);
    match format {
        ReportFormat::Json => {
            for row in &rows {
                out.object(&object(row, &day, calendar))?;
            }
        }
        ReportFormat::Csv => {
            let mut text = csv_line(&["name", "identifier", "since"].map(str::to_owned));
            for row in &rows {
                let since = row.since.map(|at| calendar.rfc3339(at)).unwrap_or_default();
                text += &csv_line(&[name(row), identifier(row).unwrap_or_default().to_owned(), since]);
            }
            out.out.write_all(text.as_bytes())?;
        }
        _ => out.line(present_text(&rows, total, calendar))?,
    }
    Ok(Exit::Done)
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

/// Who is here, as `--json` prints it.
#[derive(Serialize)]
struct HereObject<'a> {
    kind: &'static str,
    date: String,
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

fn object<'a>(row: &'a ReportRow, day: &Day, calendar: &Calendar<SiteZone>) -> HereObject<'a> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| calendar.rfc3339(at));
    HereObject {
        kind: "present",
        date: day.date.to_string(),
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

/// Lines of a screen that people may take: 24 less the title, a blank and the prompt.
const SCREEN_ROWS: usize = 20;
/// Cells of a printed line.
const SCREEN_WIDTH: usize = 80;

/// Who is here, side by side where one under the other would not fit on a screen.
fn present_text(rows: &[ReportRow], total: usize, calendar: &Calendar<SiteZone>) -> String {
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
mod tests {
    use chrono::NaiveTime;

    use super::super::super::fake::{at, entry, row};
    use super::*;
    use crate::config::DayRollover;
    use crate::ledger::EntryKind;

    #[test]
    fn a_hundred_people_fit_on_one_screen() {
        let names: Vec<(u64, String)> = (1..=60).map(|n| (n, format!("Person {n:02}"))).collect();
        let entries: Vec<LogEntry> = names
            .iter()
            .map(|(n, name)| entry(*n, 8 * 3600, EntryKind::Passage, Some((u128::from(*n), name))))
            .collect();
        let rollover = DayRollover(NaiveTime::from_hms_opt(4, 0, 0).unwrap());
        let calendar = Calendar { now: at(9 * 3600), zone: SiteZone::UTC, rollover };
        let roster: Vec<_> = names.iter().map(|(n, name)| row(u128::from(*n), name, None)).collect();
        let rows = day_rows(&calendar.day(DayArg::Today).unwrap(), &roster, &entries);
        let text = present_text(&rows, 60, &calendar);
        assert!(text.lines().count() <= SCREEN_ROWS + 2, "{text}");
        assert!(text.lines().all(|line| line.width() <= SCREEN_WIDTH), "{text}");
        assert_eq!(text.matches("Person").count(), 60);
    }
}
