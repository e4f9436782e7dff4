//! A report as CSV: RFC 4180, a line for each person, day, session or record.

use std::io::Write;

use crate::attendance::report::PresenceRecord;
use crate::attendance::summary::{Counts, DayRow, DayTable, PersonTotals, SessionLine, SessionTable};

use super::super::exit::CliError;
use super::super::output::csv_line;
use super::args::Rows;
use super::calendar::Calendar;
use super::names::{Names, figures, hours_whole, standing_word};
use super::sink::Sink;
use crate::attendance::zone::SiteZone;

const DAYS: [&str; 16] = [
    "date",
    "name",
    "identifier",
    "groups",
    "state",
    "standing",
    "first_seen",
    "last_seen",
    "hours",
    "records",
    "methods",
    "back_filled",
    "corrected",
    "forgotten",
    "time_unsure",
    "since",
];
const PEOPLE: [&str; 22] = [
    "name",
    "identifier",
    "groups",
    "days",
    "present",
    "late",
    "left_early",
    "absent",
    "excused",
    "present_percent",
    "besides",
    "hours",
    "sessions",
    "sessions_present",
    "sessions_late",
    "sessions_left_early",
    "sessions_absent",
    "sessions_excused",
    "sessions_present_percent",
    "back_filled",
    "corrected",
    "forgotten",
];
const SESSIONS: [&str; 12] = [
    "session",
    "id",
    "group",
    "starts_at",
    "ends_at",
    "closed_at",
    "name",
    "identifier",
    "standing",
    "arrived",
    "left",
    "corrected_by",
];
const RECORDS: [&str; 11] = [
    "entry",
    "time",
    "name",
    "identifier",
    "state",
    "method",
    "source",
    "back_filled",
    "corrected_by",
    "forgotten",
    "time_unsure",
];

/// Writes lines as they come.
pub(super) struct Csv<'a> {
    pub(super) to: &'a mut dyn Write,
    pub(super) names: &'a Names<'a>,
    pub(super) calendar: &'a Calendar<SiteZone>,
    pub(super) rows: Rows,
}

impl Csv<'_> {
    /// The names of the columns.
    pub(super) fn begin(&mut self) -> Result<(), CliError> {
        let header: &[&str] = match self.rows {
            Rows::People => &PEOPLE,
            Rows::Days => &DAYS,
            Rows::Sessions => &SESSIONS,
            Rows::Records => &RECORDS,
        };
        self.line(header.iter().map(|cell| (*cell).to_owned()).collect())
    }

    fn line(&mut self, cells: Vec<String>) -> Result<(), CliError> {
        Ok(self.to.write_all(csv_line(&cells).as_bytes())?)
    }

    fn time(&self, at: Option<chrono::DateTime<chrono::Utc>>) -> String {
        at.map(|at| self.calendar.rfc3339(at)).unwrap_or_default()
    }

    fn groups(&self, person: crate::attendance::PersonId) -> String {
        self.names.groups(person).join("; ")
    }

    fn day_cells(&self, table: &DayTable, row: &DayRow) -> Vec<String> {
        let mut cells = vec![table.day.date.to_string()];
        cells.extend(self.names.cells(row.person));
        let methods: Vec<String> = row.methods.iter().map(ToString::to_string).collect();
        cells.extend([
            self.groups(row.person),
            row.state.to_string(),
            row.standing.word().to_owned(),
            self.time(row.first_seen),
            self.time(row.last_seen),
            hours_whole(row.clock.hours),
            row.records.to_string(),
            methods.join("; "),
            row.marks.back_filled.to_string(),
            row.marks.corrected.to_string(),
            u32::from(row.marks.is_forgotten).to_string(),
            row.marks.unsure.to_string(),
            self.time(row.since),
        ]);
        cells
    }

    fn session_cells(&self, table: &SessionTable, line: &SessionLine) -> Vec<String> {
        let session = &table.session;
        let mut cells = vec![
            session.name.to_string(),
            session.id.to_string(),
            session.group.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.time(Some(session.starts_at)),
            self.time(session.ends_at),
            self.time(table.closed_at),
        ];
        cells.extend(self.names.cells(line.person));
        cells.extend([
            standing_word(line.line.standing).to_owned(),
            self.time(line.line.arrived),
            self.time(line.line.left),
            line.corrected_by.map(|by| by.to_string()).unwrap_or_default(),
        ]);
        cells
    }

    fn record_cells(&self, record: &PresenceRecord) -> Vec<String> {
        let mut cells = vec![record.sequence.to_string(), self.time(Some(record.at))];
        cells.extend(self.names.cells(record.person));
        cells.extend([
            record.state.to_string(),
            record.method.map(|method| method.to_string()).unwrap_or_default(),
            record.source.clone().unwrap_or_default(),
            u32::from(record.back_filled).to_string(),
            record.corrected_by.map(|by| by.to_string()).unwrap_or_default(),
            u32::from(record.is_forgotten).to_string(),
            u32::from(record.is_time_unsure).to_string(),
        ]);
        cells
    }

    fn people_cells(&self, totals: &PersonTotals) -> Vec<String> {
        let percent = |counts: &Counts| {
            let percent = counts.share(counts.present).percent();
            percent.map(|percent| format!("{percent:.1}")).unwrap_or_default()
        };
        let texts = |figures: [u32; 6]| figures.map(|figure| figure.to_string());
        let mut cells = self.names.cells(totals.person);
        cells.push(self.groups(totals.person));
        cells.extend(texts(figures(&totals.days)));
        cells.extend([percent(&totals.days), totals.besides.to_string(), hours_whole(totals.hours)]);
        cells.extend(texts(figures(&totals.sessions)));
        cells.push(percent(&totals.sessions));
        let marks = &totals.marks;
        cells.extend([marks.back_filled, marks.corrected, totals.forgotten].map(|count| count.to_string()));
        cells
    }
}

impl Sink for Csv<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        match self.rows {
            Rows::Days => table.rows.iter().try_for_each(|row| self.line(self.day_cells(table, row))),
            Rows::Sessions => {
                let lines = table.sessions.iter().flat_map(|s| s.lines.iter().map(move |line| (s, line)));
                lines.into_iter().try_for_each(|(s, line)| self.line(self.session_cells(s, line)))
            }
            Rows::Records => table.records.iter().try_for_each(|record| self.line(self.record_cells(record))),
            Rows::People => Ok(()),
        }
    }

    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError> {
        if self.rows == Rows::People {
            totals.iter().try_for_each(|totals| self.line(self.people_cells(totals)))?;
        }
        Ok(self.to.flush()?)
    }
}
