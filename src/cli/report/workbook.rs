//! A report as a workbook: sheets for people, days, records and sessions.
//!
//! Texts are written as texts: no name becomes a formula, a number or a link.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Workbook as Book, Worksheet, XlsxError};

use crate::attendance::PersonId;
use crate::attendance::report::PresenceRecord;
use crate::attendance::summary::{Counts, DayRow, DayTable, PersonTotals, SessionLine, SessionTable, Share};
use crate::attendance::zone::SiteZone;

use super::super::exit::CliError;
use super::calendar::Calendar;
use super::names::{Names, figures};
use super::sink::Sink;

/// A column: its name and its width in characters.
type Column = (&'static str, u16);

const SUMMARY: [Column; 22] = [
    ("Name", 24),
    ("Identifier", 12),
    ("Groups", 16),
    ("Days", 7),
    ("Present", 9),
    ("Late", 7),
    ("Left early", 11),
    ("Absent", 9),
    ("Excused", 9),
    ("Present %", 11),
    ("Here besides", 13),
    ("Hours", 10),
    ("Sessions", 10),
    ("S. present", 11),
    ("S. late", 9),
    ("S. left early", 13),
    ("S. absent", 11),
    ("S. excused", 11),
    ("S. present %", 13),
    ("Added later", 12),
    ("Corrected", 11),
    ("Forgotten", 11),
];
const DAYS: [Column; 15] = [
    ("Date", 12),
    ("Name", 24),
    ("Identifier", 12),
    ("Groups", 16),
    ("State", 9),
    ("Standing", 16),
    ("First seen", 11),
    ("Last seen", 11),
    ("Hours", 10),
    ("Records", 9),
    ("Methods", 16),
    ("Added later", 12),
    ("Corrected", 11),
    ("Forgotten", 11),
    ("Time unsure", 12),
];
const RECORDS: [Column; 12] = [
    ("Entry", 10),
    ("Date", 12),
    ("Time", 10),
    ("Name", 24),
    ("Identifier", 12),
    ("State", 9),
    ("Method", 16),
    ("Source", 16),
    ("Added later", 12),
    ("Corrected by", 13),
    ("Forgotten", 11),
    ("Time unsure", 12),
];
const SESSIONS: [Column; 12] = [
    ("Session", 24),
    ("Group", 16),
    ("Date", 12),
    ("Begins", 10),
    ("Ends", 10),
    ("Closed", 10),
    ("Name", 24),
    ("Identifier", 12),
    ("Standing", 16),
    ("Arrived", 10),
    ("Left", 10),
    ("Corrected by", 13),
];

/// A sheet that grows downwards.
struct Sheet {
    sheet: Worksheet,
    row: u32,
    column: u16,
    columns: u16,
}

/// The number formats of the book.
struct Formats {
    header: Format,
    date: Format,
    time: Format,
    length: Format,
    percent: Format,
}

impl Formats {
    fn new() -> Self {
        let of = |number: &str| Format::new().set_num_format(number);
        Self {
            header: Format::new().set_bold().set_align(FormatAlign::Left),
            date: of("yyyy-mm-dd"),
            time: of("hh:mm:ss"),
            length: of("[h]:mm:ss"),
            percent: of("0.0%"),
        }
    }
}

impl Sheet {
    fn new(name: &str, columns: &[Column], formats: &Formats) -> Result<Self, XlsxError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (at, (name, width)) in (0u16..).zip(columns) {
            sheet.set_column_width(at, f64::from(*width))?;
            sheet.write_string_with_format(0, at, *name, &formats.header)?;
        }
        let columns = u16::try_from(columns.len()).unwrap_or(u16::MAX);
        Ok(Self { sheet, row: 1, column: 0, columns })
    }

    fn next_row(&mut self) {
        self.row += 1;
        self.column = 0;
    }

    /// The column of the next cell.
    fn next(&mut self) -> u16 {
        self.column += 1;
        self.column - 1
    }

    fn text(&mut self, text: &str) -> Result<(), XlsxError> {
        let at = self.next();
        if !text.is_empty() {
            self.sheet.write_string(self.row, at, text)?;
        }
        Ok(())
    }

    fn count(&mut self, count: u32) -> Result<(), XlsxError> {
        let at = self.next();
        self.sheet.write_number(self.row, at, count).map(|_| ())
    }

    fn sequence(&mut self, sequence: Option<u64>) -> Result<(), XlsxError> {
        let at = self.next();
        if let Some(sequence) = sequence {
            // Exact up to 2^53, which no ledger reaches.
            self.sheet.write_number(self.row, at, sequence as f64)?;
        }
        Ok(())
    }

    fn moment(&mut self, at: Option<NaiveDateTime>, format: &Format) -> Result<(), XlsxError> {
        let column = self.next();
        let Some(at) = at else { return Ok(()) };
        let date = u16::try_from(at.year()).ok().and_then(|year| {
            // Months, days, hours and minutes have two digits.
            let date = ExcelDateTime::from_ymd(year, at.month() as u8, at.day() as u8).ok()?;
            date.and_hms(at.hour() as u16, at.minute() as u8, f64::from(at.second())).ok()
        });
        match date {
            Some(date) => self.sheet.write_datetime_with_format(self.row, column, &date, format)?,
            // A spreadsheet's calendar begins with 1900.
            None => self.sheet.write_string(self.row, column, at.to_string())?,
        };
        Ok(())
    }

    fn length(&mut self, length: TimeDelta, formats: &Formats) -> Result<(), XlsxError> {
        let at = self.next();
        let days = length.num_seconds() as f64 / 86_400.0;
        self.sheet.write_number_with_format(self.row, at, days, &formats.length).map(|_| ())
    }

    fn share(&mut self, share: Share, formats: &Formats) -> Result<(), XlsxError> {
        let at = self.next();
        if let Some(percent) = share.percent() {
            self.sheet.write_number_with_format(self.row, at, percent / 100.0, &formats.percent)?;
        }
        Ok(())
    }

    fn yes(&mut self, is: bool) -> Result<(), XlsxError> {
        self.text(if is { "yes" } else { "" })
    }

    fn finish(mut self) -> Result<Worksheet, XlsxError> {
        self.sheet.autofilter(0, 0, self.row.saturating_sub(1), self.columns.saturating_sub(1))?;
        Ok(self.sheet)
    }
}

/// Keeps the sheets until all of them are there.
pub(super) struct Workbook<'a> {
    to: &'a mut dyn Write,
    names: &'a Names<'a>,
    calendar: &'a Calendar<SiteZone>,
    formats: Formats,
    sheets: Option<[Sheet; 4]>,
}

impl<'a> Workbook<'a> {
    pub(super) fn new(
        to: &'a mut dyn Write,
        names: &'a Names<'a>,
        calendar: &'a Calendar<SiteZone>,
    ) -> Result<Self, CliError> {
        let formats = Formats::new();
        let sheet = |name, columns: &[Column]| Sheet::new(name, columns, &formats).map_err(failed);
        let sheets = [
            sheet("Summary", &SUMMARY)?,
            sheet("Days", &DAYS)?,
            sheet("Records", &RECORDS)?,
            sheet("Sessions", &SESSIONS)?,
        ];
        Ok(Self { to, names, calendar, formats, sheets: Some(sheets) })
    }
}

/// What a line needs besides its sheet.
struct Writer<'a> {
    names: &'a Names<'a>,
    calendar: &'a Calendar<SiteZone>,
    formats: &'a Formats,
}

impl Writer<'_> {
    fn local(&self, at: Option<DateTime<Utc>>) -> Option<NaiveDateTime> {
        at.map(|at| self.calendar.naive(at))
    }

    fn who(&self, sheet: &mut Sheet, person: PersonId) -> Result<(), XlsxError> {
        sheet.text(&self.names.name(person))?;
        sheet.text(self.names.identifier(person).unwrap_or_default())
    }

    fn day(&self, sheet: &mut Sheet, table: &DayTable, row: &DayRow) -> Result<(), XlsxError> {
        let formats = self.formats;
        sheet.moment(Some(table.day.date.and_time(chrono::NaiveTime::MIN)), &formats.date)?;
        self.who(sheet, row.person)?;
        sheet.text(&self.names.groups(row.person).join("; "))?;
        sheet.text(&row.state.to_string())?;
        sheet.text(&row.standing.to_string())?;
        sheet.moment(self.local(row.first_seen), &formats.time)?;
        sheet.moment(self.local(row.last_seen), &formats.time)?;
        sheet.length(row.clock.hours, formats)?;
        sheet.count(row.records)?;
        let methods: Vec<String> = row.methods.iter().map(ToString::to_string).collect();
        sheet.text(&methods.join("; "))?;
        sheet.count(row.marks.back_filled)?;
        sheet.count(row.marks.corrected)?;
        sheet.yes(row.marks.is_forgotten)?;
        sheet.count(row.marks.unsure)?;
        sheet.next_row();
        Ok(())
    }

    fn record(&self, sheet: &mut Sheet, record: &PresenceRecord) -> Result<(), XlsxError> {
        let local = self.local(Some(record.at));
        sheet.sequence(Some(record.sequence.0))?;
        sheet.moment(local.map(|at| at.date().and_time(chrono::NaiveTime::MIN)), &self.formats.date)?;
        sheet.moment(local, &self.formats.time)?;
        self.who(sheet, record.person)?;
        sheet.text(&record.state.to_string())?;
        sheet.text(&record.method.map(|method| method.to_string()).unwrap_or_default())?;
        sheet.text(record.source.as_deref().unwrap_or_default())?;
        sheet.yes(record.back_filled)?;
        sheet.sequence(record.corrected_by.map(|by| by.0))?;
        sheet.yes(record.is_forgotten)?;
        sheet.yes(record.is_time_unsure)?;
        sheet.next_row();
        Ok(())
    }

    fn session(&self, sheet: &mut Sheet, table: &SessionTable, line: &SessionLine) -> Result<(), XlsxError> {
        let (session, time) = (&table.session, &self.formats.time);
        sheet.text(session.name.as_str())?;
        sheet.text(session.group.as_ref().map(|group| group.as_str()).unwrap_or_default())?;
        let starts = self.local(Some(session.starts_at));
        sheet.moment(starts.map(|at| at.date().and_time(chrono::NaiveTime::MIN)), &self.formats.date)?;
        sheet.moment(starts, time)?;
        sheet.moment(self.local(session.ends_at), time)?;
        sheet.moment(self.local(table.closed_at), time)?;
        self.who(sheet, line.person)?;
        sheet.text(&line.line.standing.to_string())?;
        sheet.moment(self.local(line.line.arrived), time)?;
        sheet.moment(self.local(line.line.left), time)?;
        sheet.sequence(line.corrected_by.map(|by| by.0))?;
        sheet.next_row();
        Ok(())
    }

    fn totals(&self, sheet: &mut Sheet, totals: &PersonTotals) -> Result<(), XlsxError> {
        let counts = |sheet: &mut Sheet, counts: &Counts| {
            figures(counts).into_iter().try_for_each(|figure| sheet.count(figure))
        };
        self.who(sheet, totals.person)?;
        sheet.text(&self.names.groups(totals.person).join("; "))?;
        counts(sheet, &totals.days)?;
        sheet.share(totals.days.share(totals.days.present), self.formats)?;
        sheet.count(totals.besides)?;
        sheet.length(totals.hours, self.formats)?;
        counts(sheet, &totals.sessions)?;
        sheet.share(totals.sessions.share(totals.sessions.present), self.formats)?;
        sheet.count(totals.marks.back_filled)?;
        sheet.count(totals.marks.corrected)?;
        sheet.count(totals.forgotten)?;
        sheet.next_row();
        Ok(())
    }
}

fn failed(error: XlsxError) -> CliError {
    let advice = match error {
        XlsxError::RowColumnLimitError => "; a sheet holds 1,048,575 lines: ask for fewer days, or for CSV",
        _ => "",
    };
    CliError::missing(format_args!("the workbook cannot be made: {error}{advice}"))
}

impl Sink for Workbook<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        let Some([_, days, records, sessions]) = &mut self.sheets else { return Ok(()) };
        let writer = Writer { names: self.names, calendar: self.calendar, formats: &self.formats };
        table.rows.iter().try_for_each(|row| writer.day(days, table, row)).map_err(failed)?;
        table.records.iter().try_for_each(|record| writer.record(records, record)).map_err(failed)?;
        for session in &table.sessions {
            let mut lines = session.lines.iter();
            lines.try_for_each(|line| writer.session(sessions, session, line)).map_err(failed)?;
        }
        Ok(())
    }

    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError> {
        let Some([mut summary, days, records, sessions]) = self.sheets.take() else { return Ok(()) };
        let writer = Writer { names: self.names, calendar: self.calendar, formats: &self.formats };
        totals.iter().try_for_each(|totals| writer.totals(&mut summary, totals)).map_err(failed)?;
        let mut book = Book::new();
        for sheet in [summary, days, records, sessions] {
            book.push_worksheet(sheet.finish().map_err(failed)?);
        }
        let bytes = book.save_to_buffer().map_err(failed)?;
        self.to.write_all(&bytes)?;
        Ok(self.to.flush()?)
    }
}
