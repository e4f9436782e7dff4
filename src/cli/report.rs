//! `muster report`: who was here on a day or over a span of days, or is here now; as a table, for a
//! spreadsheet, as a calendar, and as a stream.

mod args;
mod calendar;
mod csv;
mod follow;
mod heat;
mod here;
mod ics;
mod json;
mod names;
mod read;
mod sink;
mod span;
mod table;
mod workbook;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Utc};
use crossbeam_channel::Receiver;
use serde::Serialize;

use crate::attendance::session::SessionId;
use crate::attendance::summary::{DayTable, PersonTotals, Selection, SessionChoice};
use crate::attendance::zone::SiteZone;
use crate::attendance::{AttendanceRules, Person};
use crate::config::Effective;
use crate::engine::{Command, EngineHandle, Reply};

use super::approvals;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::people;
use super::roster::{replace_file, unexpected};
use heat::Heat;
use ics::Ics;
use names::Names;
use read::Question;
use sink::Sink;
use span::Span;
use table::Table;
use workbook::Workbook;

pub use args::{DayArg, MonthArg, REPORT_HELP, ReportArgs, ReportFormat, Rows};
pub use calendar::Calendar;

/// What a report needs of the place and the moment at which it is made.
pub struct Site<'a> {
    /// The clock, the zone and the rollover.
    pub calendar: Calendar<SiteZone>,
    /// How people clock, and the schedule.
    pub rules: &'a AttendanceRules,
    /// Whether what is printed goes to a terminal that has colours.
    pub colours: bool,
    /// Says when to stop.
    pub stopped: &'a Receiver<()>,
}

impl<'a> Site<'a> {
    /// As it is configured.
    pub fn of(
        effective: &'a Effective,
        now: DateTime<Utc>,
        colours: bool,
        stopped: &'a Receiver<()>,
    ) -> Self {
        Self { calendar: Calendar::of(effective, now), rules: &effective.attendance.rules, colours, stopped }
    }
}

/// Writes the report.
///
/// # Errors
/// [`CliError`] where the flags contradict each other, nobody is meant, or the output cannot be written.
pub fn run(
    handle: &EngineHandle,
    args: &ReportArgs,
    site: &Site<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let format = format(args, out.json)?;
    people::settle(handle);
    if args.present {
        return here::run(handle, format, &site.calendar, out);
    }
    let people = match handle.call(Command::People)? {
        Reply::People(people) => people,
        other => return Err(unexpected(&other)),
    };
    let selection = selection(handle, args, &people)?;
    if args.follow {
        return follow::run(handle, args.since_entry, &people, &selection, site, out);
    }
    let span = Span::of(args, format, &site.calendar)?;
    let order = Order { format, rows: args.rows, people: &people, selection: &selection, span: &span };
    let Some(path) = &args.output else {
        return write(handle, site, &order, out, None);
    };
    if path.exists() && !args.force {
        let path = path.display().to_string();
        return Err(CliError::usage(format_args!(
            "{} is there already: choose another name, or replace it with --force",
            printable(&path)
        )));
    }
    to_file(handle, site, &order, path, out)
}

/// What is written, and of what.
struct Order<'a> {
    format: ReportFormat,
    rows: Option<Rows>,
    people: &'a [Person],
    selection: &'a Selection,
    span: &'a Span,
}

impl Order<'_> {
    /// What a line is where one kind of line is written.
    fn row(&self) -> Rows {
        let of_a_span = match self.format {
            _ if self.selection.session.is_some() => Rows::Sessions,
            _ if self.span.is_one_day => Rows::Days,
            ReportFormat::Table if self.selection.person.is_none() => Rows::People,
            _ => Rows::Days,
        };
        self.rows.unwrap_or(of_a_span)
    }

    /// The same for JSON, which can have several; none for all but records.
    fn objects(&self) -> Option<Rows> {
        let is_plain_day = self.span.is_one_day && self.selection.session.is_none();
        self.rows.or(is_plain_day.then_some(Rows::Days))
    }
}

fn format(args: &ReportArgs, json: bool) -> Result<ReportFormat, CliError> {
    use ReportFormat::{Csv, Heatmap, Ics, Json, Table, Xlsx};
    let format = match (args.format, json) {
        (Some(Table | Csv | Heatmap), true) => {
            return Err(CliError::usage("--json and --format contradict each other: leave one of them out"));
        }
        (Some(format), _) => format,
        (None, true) => Json,
        (None, false) => Table,
    };
    let word = format.word();
    if args.present && matches!(format, Xlsx | Ics | Heatmap) {
        return Err(CliError::usage(format_args!("--present is no {word}: leave one of them out")));
    }
    if args.rows.is_some() && matches!(format, Xlsx | Ics | Heatmap) {
        return Err(CliError::usage(format_args!("--rows has no meaning for {word}: leave one of them out")));
    }
    if format == Xlsx && args.output.is_none() {
        return Err(CliError::usage("a workbook is a file: name it with -o FILE.xlsx"));
    }
    if format == Ics && args.person.is_none() {
        return Err(CliError::usage("a calendar is one person's: name them with --person WHO"));
    }
    Ok(format)
}

/// Who and what is meant.
fn selection(handle: &EngineHandle, args: &ReportArgs, everybody: &[Person]) -> Result<Selection, CliError> {
    let roster = handle.snapshot().roster;
    let person = args.person.as_deref().map(|who| people::find(&roster, who).map(|row| row.person));
    let person = person.transpose()?;
    if let Some(group) = args.group.as_ref().filter(|group| !everybody.iter().any(|p| p.is_in(group))) {
        let groups = everybody.iter().flat_map(|person| &person.particulars.groups);
        let known: BTreeSet<&str> = groups.map(|group| group.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        return Err(CliError::negative(match known.as_slice() {
            [] => format!("nobody is in the group `{group}`, or in any other"),
            known => format!("nobody is in the group `{group}`; there are: {}", known.join(", ")),
        }));
    }
    let choice = |text: &String| match text.parse() {
        Ok(id) => Ok(SessionChoice::One(SessionId(id))),
        Err(_) => text.parse().map(SessionChoice::Named).map_err(CliError::usage),
    };
    let session = args.session.as_ref().map(choice).transpose()?;
    Ok(Selection { person, group: args.group.clone(), session })
}

/// Reads the span and writes it to `to`, or else as `out` says.
fn write(
    handle: &EngineHandle,
    site: &Site<'_>,
    order: &Order<'_>,
    out: &mut Output<'_>,
    to: Option<&mut Vec<u8>>,
) -> Result<Exit, CliError> {
    let names = Names::of(order.people);
    let calendar = &site.calendar;
    let colours = site.colours && to.is_none();
    let Output { out: printed, progress, .. } = out;
    let to: &mut dyn Write = match to {
        Some(bytes) => bytes,
        None => *printed,
    };
    let mut sink: Box<dyn Sink + '_> = match order.format {
        ReportFormat::Csv => {
            let mut csv = csv::Csv { to, names: &names, calendar, rows: order.row() };
            csv.begin()?;
            Box::new(csv)
        }
        ReportFormat::Json => Box::new(json::Json { to, names: &names, calendar, rows: order.objects() }),
        ReportFormat::Xlsx => Box::new(Workbook::new(to, &names, calendar)?),
        ReportFormat::Heatmap => Box::new(Heat::new(to, &names, order.span, order.selection.person, colours)),
        ReportFormat::Ics => match order.selection.person {
            Some(person) => Box::new(Ics::begin(to, &names, person, calendar.now)?),
            None => return Err(CliError::usage("a calendar is one person's: name them with --person WHO")),
        },
        ReportFormat::Table => Box::new(Table::new(to, &names, calendar, order.span, order.row())),
    };
    let (people, rules, selection, span) = (order.people, site.rules, order.selection, order.span);
    let question = Question { people, rules, selection, span };
    let mut has_sessions = false;
    let totals = read::read(handle, site, &question, *progress, |mut table| {
        has_sessions |= !table.sessions.is_empty();
        keep_what_says_something(&mut table, order);
        sink.day(&table)
    })?;
    sink.end(&keep_people(totals, order))?;
    drop(sink);
    if selection.session.is_some() && !has_sessions {
        out.note(format_args!("there was no such session: {}", span.words()));
        return Ok(Exit::Negative);
    }
    Ok(Exit::Done)
}

/// Takes out lines of days that mean nothing: of a span those of people who were not here on a day that does
/// not count for them, and where sessions were named, all days without one.
fn keep_what_says_something(table: &mut DayTable, order: &Order<'_>) {
    if order.selection.session.is_some() {
        table.rows.retain(|row| row.standing.counts());
    } else if !order.span.is_one_day && order.format != ReportFormat::Heatmap {
        table.rows.retain(|row| !row.is_empty());
    }
}

/// The same of the totals: where sessions were named, of those whom none expected.
fn keep_people(mut totals: Vec<PersonTotals>, order: &Order<'_>) -> Vec<PersonTotals> {
    if order.selection.session.is_some() {
        totals.retain(|totals| totals.days.counted > 0 || totals.sessions.counted > 0);
    }
    totals
}

fn to_file(
    handle: &EngineHandle,
    site: &Site<'_>,
    order: &Order<'_>,
    path: &Path,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Exported {
        kind: &'static str,
        format: &'static str,
        bytes: usize,
        file: String,
    }
    let format = order.format.word();
    let (first, last) = (order.span.first.date, order.span.last.date);
    // Noted first: what leaves the store is on record even where the file is not finished.
    let what = format!("a report from {first} to {last} ({format})");
    approvals::call(handle, Command::NoteExport { what }, out)?;
    let mut bytes = Vec::new();
    let exit = write(handle, site, order, out, Some(&mut bytes))?;
    let file = printable(&path.display().to_string()).into_owned();
    replace_file(path, &bytes)
        .map_err(|error| CliError::missing(format_args!("{file} cannot be written: {error}")))?;
    let said = format!("written to {file}: {}", order.span.words());
    out.either(&Exported { kind: "exported", format, bytes: bytes.len(), file }, said)?;
    Ok(exit)
}

#[cfg(test)]
mod tests;
