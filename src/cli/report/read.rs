//! From the engine's log, day by day, to counted days.

use crossbeam_channel::Receiver;

use crate::attendance::report::Day;
use crate::attendance::summary::{
    DayTable, PersonTotals, Reading, Selection, SessionChange, SessionEvent, Tally,
};
use crate::attendance::{AttendanceRules, Person};
use crate::engine::{EngineHandle, LogEntry};
use crate::ledger::Facts;

use super::super::exit::CliError;
use super::Site;
use super::span::Span;

/// How long before the span an excuse may begin that reaches into it.
const LOOK_BACK: chrono::TimeDelta = chrono::TimeDelta::days(366);

/// What `entries` say.
pub(super) fn reading(entries: &[LogEntry]) -> Reading {
    let session = |entry: &LogEntry| {
        let change = match entry.facts.as_ref()? {
            Facts::Session(session) => SessionChange::Opened(session.clone()),
            Facts::SessionClosed(id) => SessionChange::Closed(*id),
            _ => return None,
        };
        Some(SessionEvent { at: entry.at, change })
    };
    Reading {
        statements: entries.iter().filter_map(LogEntry::statement).collect(),
        sessions: entries.iter().filter_map(session).collect(),
    }
}

/// What is reported: who, of which days, and by which rules.
pub(super) struct Question<'a> {
    pub(super) people: &'a [Person],
    pub(super) rules: &'a AttendanceRules,
    pub(super) selection: &'a Selection,
    pub(super) span: &'a Span,
}

/// Reads the span a day at a time, so that no more than that is held of the log; gives each day to `each`
/// once it is counted, and everybody's totals at the end.
pub(super) fn read(
    handle: &EngineHandle,
    site: &Site<'_>,
    question: &Question<'_>,
    progress: Option<&dyn Fn(usize, usize)>,
    mut each: impl FnMut(DayTable) -> Result<(), CliError>,
) -> Result<Vec<PersonTotals>, CliError> {
    let Question { people, rules, selection, span } = *question;
    let calendar = &site.calendar;
    let mut tally = Tally::new(people, rules, selection, (&span.first, &span.last), calendar.now);
    let look_back = span.first.from.checked_sub_signed(LOOK_BACK).unwrap_or(span.first.from);
    tally.excuse(handle.held_between(look_back, span.first.from)?.iter().filter_map(LogEntry::statement));
    let total = span.dates().len();
    let before = Tally::first_read(&span.first, &calendar.zone, calendar.rollover.0);
    let before = before.map_or(span.first.date, |day| day.date);
    for (done, date) in before.iter_days().enumerate() {
        let day = Day::of(date, &calendar.zone, calendar.rollover.0);
        let day = day.ok_or_else(|| CliError::usage("that day is outside of the calendar"))?;
        let is_after = date > span.last.date;
        if day.from > calendar.now || is_after && !tally.waits() {
            break;
        }
        stop_where_asked(site.stopped)?;
        let entries = handle.records_between(day.from, day.until)?;
        for table in tally.take(day, &calendar.zone, reading(&entries)) {
            each(table)?;
        }
        if let Some(progress) = progress.filter(|_| total > 1) {
            progress(done.min(total), total);
        }
    }
    let (last, totals) = tally.finish();
    last.into_iter().try_for_each(each)?;
    Ok(totals)
}

fn stop_where_asked(stopped: &Receiver<()>) -> Result<(), CliError> {
    match stopped.try_recv() {
        Ok(()) => Err(CliError::negative("stopped before the report was whole")),
        Err(_) => Ok(()),
    }
}
