//! A report as JSON lines: one object a line, `kind` first.

use std::io::Write;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::attendance::report::{DayState, PresenceRecord};
use crate::attendance::summary::{Counts, DayRow, DayTable, PersonTotals, SessionLine, SessionTable};
use crate::attendance::zone::SiteZone;
use crate::attendance::{Method, PersonId, PresenceState, Standing};

use super::super::exit::CliError;
use super::args::Rows;
use super::calendar::Calendar;
use super::names::Names;
use super::sink::Sink;

/// Writes objects as they come.
pub(super) struct Json<'a> {
    pub(super) to: &'a mut dyn Write,
    pub(super) names: &'a Names<'a>,
    pub(super) calendar: &'a Calendar<SiteZone>,
    /// Some alone; else all but records.
    pub(super) rows: Option<Rows>,
}

/// With whom every object begins that is about somebody.
#[derive(Serialize)]
struct Who<'a> {
    person: String,
    id: String,
    identifier: Option<&'a str>,
    groups: Vec<&'a str>,
}

#[derive(Serialize)]
struct DayObject<'a> {
    kind: &'static str,
    date: NaiveDate,
    #[serde(flatten)]
    who: Who<'a>,
    state: DayState,
    standing: &'static str,
    since: Option<String>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    seconds: i64,
    records: u32,
    methods: &'a [Method],
    back_filled: u32,
    corrected: u32,
    forgotten: bool,
    time_unsure: u32,
    spans: Vec<SpanObject>,
}

#[derive(Serialize)]
struct SpanObject {
    from: String,
    until: Option<String>,
    forgotten: bool,
}

#[derive(Serialize)]
struct SessionObject<'a> {
    kind: &'static str,
    session: &'a str,
    session_id: String,
    group: Option<&'a str>,
    starts_at: String,
    ends_at: Option<String>,
    closed_at: Option<String>,
    scheduled: bool,
    #[serde(flatten)]
    who: Who<'a>,
    standing: Standing,
    arrived: Option<String>,
    left: Option<String>,
    corrected_by: Option<u64>,
}

#[derive(Serialize)]
struct PersonObject<'a> {
    kind: &'static str,
    #[serde(flatten)]
    who: Who<'a>,
    days: CountsObject,
    besides: u32,
    sessions: CountsObject,
    seconds: i64,
    back_filled: u32,
    corrected: u32,
    forgotten: u32,
    time_unsure: u32,
}

#[derive(Serialize)]
struct CountsObject {
    counted: u32,
    present: u32,
    late: u32,
    left_early: u32,
    absent: u32,
    excused: u32,
    present_percent: Option<f64>,
}

impl CountsObject {
    fn of(counts: &Counts) -> Self {
        let Counts { counted, present, late, left_early, absent, excused } = *counts;
        let percent = counts.share(present).percent();
        let present_percent = percent.map(|percent| (10.0 * percent).round() / 10.0);
        Self { counted, present, late, left_early, absent, excused, present_percent }
    }
}

#[derive(Serialize)]
struct RecordObject<'a> {
    kind: &'static str,
    entry: u64,
    at: String,
    #[serde(flatten)]
    who: Who<'a>,
    state: PresenceState,
    method: Option<Method>,
    source: Option<&'a str>,
    back_filled: bool,
    corrected_by: Option<u64>,
    forgotten: bool,
    time_unsure: bool,
}

impl<'a> Json<'a> {
    fn object(&mut self, object: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(object).map_err(std::io::Error::other)?;
        Ok(writeln!(self.to, "{text}")?)
    }

    fn who(&self, person: PersonId) -> Who<'a> {
        let names = self.names;
        Who {
            person: names.name(person),
            id: person.to_string(),
            identifier: names.identifier(person),
            groups: names.groups(person),
        }
    }

    fn time(&self, at: Option<DateTime<Utc>>) -> Option<String> {
        at.map(|at| self.calendar.rfc3339(at))
    }

    fn day_object<'b>(&self, table: &DayTable, row: &'b DayRow) -> DayObject<'b>
    where
        'a: 'b,
    {
        let spans = row.clock.spans.iter().map(|span| SpanObject {
            from: self.calendar.rfc3339(span.from),
            until: self.time(span.until),
            forgotten: span.is_forgotten,
        });
        DayObject {
            kind: "day",
            date: table.day.date,
            who: self.who(row.person),
            state: row.state,
            standing: row.standing.word(),
            since: self.time(row.since),
            first_seen: self.time(row.first_seen),
            last_seen: self.time(row.last_seen),
            seconds: row.clock.hours.num_seconds(),
            records: row.records,
            methods: &row.methods,
            back_filled: row.marks.back_filled,
            corrected: row.marks.corrected,
            forgotten: row.marks.is_forgotten,
            time_unsure: row.marks.unsure,
            spans: spans.collect(),
        }
    }

    fn session_object<'b>(&self, table: &'b SessionTable, line: &SessionLine) -> SessionObject<'b>
    where
        'a: 'b,
    {
        let session = &table.session;
        SessionObject {
            kind: "session",
            session: session.name.as_str(),
            session_id: session.id.to_string(),
            group: session.group.as_ref().map(|group| group.as_str()),
            starts_at: self.calendar.rfc3339(session.starts_at),
            ends_at: self.time(session.ends_at),
            closed_at: self.time(table.closed_at),
            scheduled: session.is_scheduled,
            who: self.who(line.person),
            standing: line.line.standing,
            arrived: self.time(line.line.arrived),
            left: self.time(line.line.left),
            corrected_by: line.corrected_by.map(|by| by.0),
        }
    }

    fn record_object<'b>(&self, record: &'b PresenceRecord) -> RecordObject<'b>
    where
        'a: 'b,
    {
        RecordObject {
            kind: "record",
            entry: record.sequence.0,
            at: self.calendar.rfc3339(record.at),
            who: self.who(record.person),
            state: record.state,
            method: record.method,
            source: record.source.as_deref(),
            back_filled: record.back_filled,
            corrected_by: record.corrected_by.map(|by| by.0),
            forgotten: record.is_forgotten,
            time_unsure: record.is_time_unsure,
        }
    }
}

impl Sink for Json<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        let wants = |rows: Rows| self.rows.is_none_or(|wanted| wanted == rows);
        let (days, sessions) = (wants(Rows::Days), wants(Rows::Sessions));
        if days {
            table.rows.iter().try_for_each(|row| self.object(&self.day_object(table, row)))?;
        }
        if sessions {
            for session in &table.sessions {
                let mut lines = session.lines.iter();
                lines.try_for_each(|line| self.object(&self.session_object(session, line)))?;
            }
        }
        if self.rows == Some(Rows::Records) {
            table.records.iter().try_for_each(|record| self.object(&self.record_object(record)))?;
        }
        Ok(())
    }

    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError> {
        if self.rows.is_none_or(|rows| rows == Rows::People) {
            for totals in totals {
                let object = PersonObject {
                    kind: "person",
                    who: self.who(totals.person),
                    days: CountsObject::of(&totals.days),
                    besides: totals.besides,
                    sessions: CountsObject::of(&totals.sessions),
                    seconds: totals.hours.num_seconds(),
                    back_filled: totals.marks.back_filled,
                    corrected: totals.marks.corrected,
                    forgotten: totals.forgotten,
                    time_unsure: totals.marks.unsure,
                };
                self.object(&object)?;
            }
        }
        Ok(self.to.flush()?)
    }
}
