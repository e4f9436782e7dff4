//! Where a subcommand writes, and how: lines, JSON lines, aligned columns, CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// Standard output and standard error, or buffers in a test. Never `println!`, which panics where
/// a pipe was closed.
pub struct Output<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// What else there is to say.
    pub err: &'a mut dyn Write,
    /// One JSON object a line in place of text.
    pub json: bool,
    /// Where it is said how far long work is, in place of a bar on the terminal: so many of so many.
    pub progress: Option<&'a dyn Fn(usize, usize)>,
}

impl Output<'_> {
    /// A line of text on standard output.
    ///
    /// # Errors
    /// What the system says.
    pub fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// An object on a line of its own.
    ///
    /// # Errors
    /// What the system says.
    pub fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(object).map_err(io::Error::other)?;
        self.line(text)
    }

    /// An object with `--json`, else a line of text.
    ///
    /// # Errors
    /// What the system says.
    pub fn either(&mut self, object: &impl Serialize, text: impl std::fmt::Display) -> io::Result<()> {
        if self.json { self.object(object) } else { self.line(text) }
    }

    /// A line on standard error; that it cannot be written is no reason to stop.
    pub fn note(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.err, "muster: {text}");
    }
}

/// `text` with control characters made visible, so that a file's name cannot move the cursor.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// How many people, in words.
pub fn people_count(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// Columns aligned by the width that a terminal gives each character, without trailing blanks.
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    let header = header.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.pop();
    text
}

/// CSV text of `header` and `rows`, each cell made harmless for a spreadsheet.
pub fn csv_text(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A vector takes every byte, so that nothing here can fail.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.write_record(row.iter().map(|cell| harmless(cell).into_owned()));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// A line of CSV as RFC 4180 has it, with its end, each cell made harmless for a spreadsheet.
pub fn csv_line(cells: &[String]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // A vector takes every byte, so that nothing here can fail.
    let _ = writer.write_record(cells.iter().map(|cell| harmless(cell).into_owned()));
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// Whether a spreadsheet would take `text` for a formula: it begins with one of `= + - @`, or their
/// full-width forms, perhaps after blanks that some programs take away; or with a tab or a return.
fn is_formula(text: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c.is_control();
    let begins = ['=', '+', '-', '@', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_blank).starts_with(begins)
}

/// `cell` with an apostrophe before what a spreadsheet would take for a formula. A cell that
/// begins with an apostrophe before one of these gets a second, so that [`plain`] undoes it.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// What [`harmless`] was made from.
pub fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = [vec!["山田".to_owned(), "1".to_owned()], vec!["Zoë".to_owned(), String::new()]];
        assert_eq!(columns(&["name", "n"], &rows), "name  n\n山田  1\nZoë");
    }

    #[test]
    fn a_formula_is_made_harmless_and_read_back() {
        for cell in ["=1+1", "+49", "-x", "@a", "\tx", "'=1", "''=1", "'", "O'Neil", "'quoted'", "", "Ana"] {
            assert!(!is_formula(&harmless(cell)), "{cell}");
            assert_eq!(plain(&harmless(cell)), cell);
        }
        // After what a program may take away, and the forms that some read as the same.
        for cell in [" =1", "\u{A0}+1", "\r\n@a", "\u{3000}-1", "＝1", " ＋1", "－1", "＠a", "\u{0}=1", "\nx"]
        {
            assert_eq!(harmless(cell), format!("'{cell}"));
            assert_eq!(plain(&harmless(cell)), cell);
        }
        for cell in ["a=1", " a", "1-1", "Ana-Lena", "'a", "(=1)"] {
            assert_eq!(harmless(cell), cell);
        }
        assert_eq!(
            csv_text(&["name"], &[vec!["=HYPERLINK(\"x\")".into()]]),
            "name\n\"'=HYPERLINK(\"\"x\"\")\""
        );
    }

    #[test]
    fn a_line_of_csv_is_as_the_rfc_has_it() {
        let line =
            |cells: &[&str]| csv_line(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(
            line(&["a,b", "say \"x\"", "two\nlines", "=1"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",'=1\r\n"
        );
        // One empty cell is a line all the same.
        assert_eq!(line(&[""]), "\"\"\r\n");
    }

    #[test]
    fn a_control_character_in_a_path_is_not_printed() {
        assert_eq!(printable("a\x1b[2J"), "a\u{FFFD}[2J");
    }
}
