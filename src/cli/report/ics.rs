//! A report as iCalendar (RFC 5545): one person's sessions and the spans in which they were here.

use std::io::Write;

use chrono::{DateTime, Utc};

use crate::attendance::report::PresenceRecord;
use crate::attendance::summary::{DayRow, DayTable, Marks, PersonTotals, SessionLine, SessionTable};
use crate::attendance::{PersonId, PresenceState};

use super::super::exit::CliError;
use super::names::Names;
use super::sink::Sink;

/// Octets of a line, without its end.
const LINE_OCTETS: usize = 75;

/// Writes events as they come.
pub(super) struct Ics<'a> {
    to: &'a mut dyn Write,
    now: DateTime<Utc>,
}

impl<'a> Ics<'a> {
    /// Writes what stands before the events of `person`.
    pub(super) fn begin(
        to: &'a mut dyn Write,
        names: &Names<'_>,
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<Self, CliError> {
        let mut ics = Self { to, now };
        ics.line("BEGIN:VCALENDAR")?;
        ics.line("VERSION:2.0")?;
        ics.line(concat!("PRODID:-//muster//muster ", env!("CARGO_PKG_VERSION"), "//EN"))?;
        ics.line("CALSCALE:GREGORIAN")?;
        ics.line("METHOD:PUBLISH")?;
        ics.line(&format!("X-WR-CALNAME:{}", escaped(&format!("Attendance: {}", names.name(person)))))?;
        Ok(ics)
    }

    fn line(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.to.write_all(folded(text).as_bytes())?)
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        self.line("BEGIN:VEVENT")?;
        self.line(&format!("UID:{}", event.uid))?;
        self.line(&format!("DTSTAMP:{}", time(self.now)))?;
        self.line(&format!("DTSTART:{}", time(event.from)))?;
        // One without an end ends when it begins.
        if event.until > event.from {
            self.line(&format!("DTEND:{}", time(event.until)))?;
        }
        self.line(&format!("SUMMARY:{}", escaped(&event.summary)))?;
        if !event.notes.is_empty() {
            self.line(&format!("DESCRIPTION:{}", escaped(&event.notes.join("\n"))))?;
        }
        self.line("TRANSP:TRANSPARENT")?;
        self.line("END:VEVENT")
    }

    fn presence(&mut self, row: &DayRow, records: &[PresenceRecord]) -> Result<(), CliError> {
        for span in &row.clock.spans {
            let opens = |r: &&PresenceRecord| {
                r.person == row.person && r.state == PresenceState::Present && r.at == span.from
            };
            // Each span begins with a record.
            let Some(first) = records.iter().find(opens) else { continue };
            let mut marks = row.marks;
            marks.is_forgotten = span.is_forgotten;
            let mut notes = notes(&marks);
            if span.until.is_none() {
                notes.push("here still when this was written".to_owned());
            }
            self.event(&Event {
                uid: format!("presence-{}-{}@muster", first.sequence, row.person),
                from: span.from,
                until: span.until.or(row.last_seen).unwrap_or(span.from),
                summary: "Present".to_owned(),
                notes,
            })?;
        }
        Ok(())
    }

    fn session(&mut self, table: &SessionTable, line: &SessionLine) -> Result<(), CliError> {
        if !line.line.standing.is_present() {
            return Ok(());
        }
        let session = &table.session;
        let mut notes = vec![line.line.standing.to_string()];
        notes.extend(line.corrected_by.map(|_| "corrected by an operator".to_owned()));
        self.event(&Event {
            uid: format!("session-{}-{}@muster", session.id, line.person),
            from: session.starts_at,
            until: session.ends_at.or(table.closed_at).unwrap_or(self.now),
            summary: session.name.to_string(),
            notes,
        })
    }
}

struct Event {
    uid: String,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    summary: String,
    notes: Vec<String>,
}

fn notes(marks: &Marks) -> Vec<String> {
    let letters = marks.letters();
    let holds = Marks::LEGEND.iter().filter(|(letter, _)| letters.contains(*letter));
    holds.map(|(_, meaning)| (*meaning).to_owned()).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// `text` as the value of a TEXT property.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            // No other control character may stand in a text.
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// `line` with its end, folded so that no line has more than [`LINE_OCTETS`] octets and no character is cut.
fn folded(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 2);
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE_OCTETS {
            text.push_str("\r\n ");
            octets = 1;
        }
        text.push(c);
        octets += c.len_utf8();
    }
    text + "\r\n"
}

impl Sink for Ics<'_> {
    fn day(&mut self, table: &DayTable) -> Result<(), CliError> {
        for session in &table.sessions {
            session.lines.iter().try_for_each(|line| self.session(session, line))?;
        }
        table.rows.iter().try_for_each(|row| self.presence(row, &table.records))
    }

    fn end(&mut self, _: &[PersonTotals]) -> Result<(), CliError> {
        self.line("END:VCALENDAR")?;
        Ok(self.to.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        for line in ["SUMMARY:".to_owned() + &"é".repeat(100), "x".repeat(75), "x".repeat(76), String::new()]
        {
            let folded = folded(&line);
            assert!(folded.ends_with("\r\n"), "{folded:?}");
            assert!(folded.split("\r\n").all(|part| part.len() <= LINE_OCTETS), "{folded:?}");
            assert_eq!(folded.replace("\r\n ", "").trim_end_matches("\r\n"), line);
        }
        assert_eq!(folded(&"x".repeat(75)).matches("\r\n").count(), 1);
    }

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(escaped("a,b;c\\d\ne:\u{7}f"), "a\\,b\\;c\\\\d\\ne:f");
    }
}
