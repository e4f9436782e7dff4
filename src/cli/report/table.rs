//! A report as columns to read.

use std::io::Write;

use chrono::{DateTime, Utc};

use crate::attendance::summary::{Counts, DayRow, DayTable, Marks, PersonTotals, SessionTable};
use crate::attendance::zone::SiteZone;

use super::super::exit::CliError;
use super::super::output::{columns, people_count};
use super::args::Rows;
use super::calendar::Calendar;
use super::names::{Names, figures, hours, percent};
use super::sink::Sink;
use super::span::Span;

/// Keeps lines until all of them are there, as columns are as wide as their widest cell.
pub(super) struct Table<'a> {
    pub(super) to: &'a mut dyn Write,
    pub(super) names: &'a Names<'a>,
    pub(super) calendar: &'a Calendar<SiteZone>,
    pub(super) span: &'a Span,
    pub(super) rows: Rows,
    lines: Vec<Vec<String>>,
    sessions: Vec<Vec<String>>,
    marks: Marks,
    /// People seen on the one day.
    seen: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        to: &'a mut dyn Write,
        names: &'a Names<'a>,
        calendar: &'a Calendar<SiteZone>,
        span: &'a Span,
        rows: Rows,
    ) -> Self {
        let (lines, sessions) = (Vec::new(), Vec::new());
        Self { to, names, calendar, span, rows, lines, sessions, marks: Marks::default(), seen: 0 }
    }

    fn clock(&self, at: Option<DateTime<Utc>>) -> String {
        at.map(|at| self.calendar.local(at, "%H:%M:%S")).unwrap_or_default()
    }

    fn moment(&self, at: DateTime<Utc>) -> String {
        self.calendar.local(at, "%Y-%m-%d %H:%M")
    }

    fn day_line(&self, table: &DayTable, row: &DayRow) -> Vec<String> {
        let mut cells = Vec::new();
        if !self.span.is_one_day {
            cells.push(table.day.date.format("%a %Y-%m-%d").to_string());
        }
        cells.extend(self.names.cells(row.person));
        if self.span.is_one_day {
            cells.push(row.state.to_string());
        }
        cells.extend([
            self.clock(row.first_seen),
            self.clock(row.last_seen),
            if row.records > 0 { hours(row.clock.hours) } else { String::new() },
            row.records.to_string(),
            row.standing.to_string(),
            row.marks.letters(),
        ]);
        cells
    }

    fn session_line(&self, table: &SessionTable) -> Vec<String> {
        let counts = table.counts();
        let mut cells = vec![
            table.session.name.to_string(),
            self.moment(table.session.starts_at),
            table.session.group.as_ref().map(ToString::to_string).unwrap_or_default(),
        ];
        cells.extend(figures(&counts).map(|figure| figure.to_string()));
        cells.push(percent(counts.share(counts.present)));
        cells.push(if table.closed_at.is_some() { "closed" } else { "open" }.to_owned());
        cells
    }

    fn standing_lines(&self, table: &SessionTable) -> Vec<Vec<String>> {
        let line = |line: &crate::attendance::summary::SessionLine| {
            let mut cells = vec![table.session.name.to_string(), self.moment(table.session.starts_at)];
            cells.extend(self.names.cells(line.person));
            cells.extend([
                line.line.standing.to_string(),
                self.clock(line.line.arrived),
                self.clock(line.line.left),
                if line.corrected_by.is_some() { "c" } else { "" }.to_owned(),
            ]);
            cells
        };
        table.lines.iter().map(line).collect()
    }

    fn person_line(first: Vec<String>, totals: &PersonTotals, has_sessions: bool) -> Vec<String> {
        let mut cells = first;
        cells.extend(figures(&totals.days).map(|figure| figure.to_string()));
        cells.push(percent(totals.days.share(totals.days.present)));
        cells.push(hours(totals.hours));
        if has_sessions {
            cells.push(format!("{}/{}", totals.sessions.present, totals.sessions.counted));
        }
        cells.push(Marks { is_forgotten: totals.forgotten > 0, ..totals.marks }.letters());
        cells
    }

    /// The lines of everybody, and of all of them together.
    fn people(&mut self, totals: &[PersonTotals]) -> Vec<&'static str> {
        let has_sessions = totals.iter().any(|totals| totals.sessions.counted > 0);
        for one in totals {
            self.lines.push(Self::person_line(self.names.cells(one.person), one, has_sessions));
            self.marks += Marks { is_forgotten: one.forgotten > 0, ..one.marks };
        }
        if let Some(all) = all_of(totals) {
            let total = vec!["total".to_owned(), String::new()];
            self.lines.push(Self::person_line(total, &all, has_sessions));
        }
        let mut header = vec!["name", "identifier", "days", "present", "late", "early", "absent", "excused"];
        header.extend(["share", "hours"]);
        header.extend(has_sessions.then_some("sessions"));
        header.push("marks");
        header
    }

    fn header(&self) -> Vec<&'static str> {
        let day = ["first seen", "last seen", "hours", "records", "day", "marks"];
        match self.rows {
            Rows::Days if self.span.is_one_day => {
                ["name", "identifier", "state"].into_iter().chain(day).collect()
            }
            Rows::Days => ["date", "name", "identifier"].into_iter().chain(day).collect(),
            Rows::Sessions => {
                vec!["session", "began", "name", "identifier", "standing", "arrived", "left", "marks"]
            }
            Rows::Records => {
                vec!["entry", "time", "name", "identifier", "state", "method", "source", "marks"]
            }
            Rows::People => Vec::new(),
        }
    }

    fn title(&self, totals: &[PersonTotals]) -> String {
        let words = self.span.words();
        if self.span.is_one_day && self.rows == Rows::Days {
            return format!("{words}: {} of {} seen", self.seen, people_count(totals.len()));
        }
        format!("{words}: {}", people_count(totals.len()))
    }

    fn legend(&self) -> String {
        let letters = self.marks.letters();
        let used = Marks::LEGEND.iter().filter(|(letter, _)| letters.contains(*letter));
        let lines: Vec<String> = used.map(|(letter, meaning)| format!("{letter}  {meaning}")).collect();
        if lines.is_empty() { String::new() } else { format!("\nmarks\n{}\n", lines.join("\n")) }
    }
}

/// The sum of what everybody came to; none of one person alone.
fn all_of(totals: &[PersonTotals]) -> Option<PersonTotals> {
    let first = totals.first().filter(|_| totals.len() > 1)?;
    let mut all = PersonTotals::new(first.person);
    for one in totals {
        all.days += one.days;
        all.sessions += one.sessions;
        all.besides += one.besides;
        all.hours += one.hours;
        all.forgotten += one.forgotten;
        all.marks += one.marks;
    }
    Some(all)
}

impl Sink for Table<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        self.seen = table.rows.iter().filter(|row| row.records > 0).count();
        match self.rows {
            Rows::Days => {
                let lines: Vec<_> = table.rows.iter().map(|row| self.day_line(table, row)).collect();
                self.lines.extend(lines);
                table.rows.iter().for_each(|row| self.marks += row.marks);
            }
            Rows::Sessions => {
                for session in &table.sessions {
                    let lines = self.standing_lines(session);
                    self.lines.extend(lines);
                    let is_corrected = session.lines.iter().any(|line| line.corrected_by.is_some());
                    self.marks.corrected += u32::from(is_corrected);
                }
            }
            Rows::Records => {
                for record in &table.records {
                    let mut cells = vec![record.sequence.to_string()];
                    cells.push(self.calendar.local(record.at, "%Y-%m-%d %H:%M:%S"));
                    cells.extend(self.names.cells(record.person));
                    cells.push(record.state.to_string());
                    cells.push(record.method.map(|method| method.to_string()).unwrap_or_default());
                    cells.push(record.source.clone().unwrap_or_default());
                    cells.push(Marks::of(record).letters());
                    self.lines.push(cells);
                    self.marks += Marks::of(record);
                }
            }
            Rows::People => {}
        }
        if self.rows != Rows::Records {
            let lines: Vec<_> = table.sessions.iter().map(|session| self.session_line(session)).collect();
            self.sessions.extend(lines);
        }
        Ok(())
    }

    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError> {
        let mut header = self.header();
        if self.rows == Rows::People {
            header = self.people(totals);
        }
        writeln!(self.to, "{}", self.title(totals))?;
        if !self.lines.is_empty() {
            writeln!(self.to, "\n{}", columns(&header, &self.lines))?;
        }
        if !self.sessions.is_empty() {
            let header = [
                "session", "began", "group", "expected", "present", "late", "early", "absent", "excused",
                "share", "state",
            ];
            writeln!(self.to, "\n{}", columns(&header, &self.sessions))?;
        }
        if let ([one], Rows::Days, false) = (totals, self.rows, self.span.is_one_day) {
            writeln!(self.to, "\n{}", in_words(&one.days, one))?;
        }
        write!(self.to, "{}", self.legend())?;
        Ok(self.to.flush()?)
    }
}

/// One person's totals in a line.
fn in_words(days: &Counts, totals: &PersonTotals) -> String {
    format!(
        "{} of {} days ({}), late on {}, gone early on {}, absent on {}, excused on {}; {} hours",
        days.present,
        days.counted,
        days.share(days.present).percent().map_or("-".to_owned(), |percent| format!("{percent:.1}%")),
        days.late,
        days.left_early,
        days.absent,
        days.excused,
        hours(totals.hours)
    )
}
