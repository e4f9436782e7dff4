//! A roster as a CSV file: read with every mistake named by its line, and written harmless. Works
//! on bytes and opens no file.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use crate::attendance::import::{Wanted, face_word};
use crate::attendance::{FaceUse, GroupName, Identifier, Person, PersonId};
use crate::engine::command::ImportRow;

use super::output::{csv_text, plain};

/// Bytes of a roster file that are read at most.
pub const SIZE_LIMIT_BYTES: usize = 8 * 1024 * 1024;
/// People that a roster file may have.
pub const ROW_LIMIT: usize = 100_000;
/// Mistakes that are listed; the others are counted.
const LISTED_MISTAKES: usize = 20;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// From 1, where the row begins.
    pub line: u64,
    /// What was found and what was expected.
    pub detail: String,
}

/// Why a roster file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterFileError {
    /// It is larger than any roster.
    #[error("it is larger than {limit} bytes, which is the most that is read")]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// It has no line at all.
    #[error("it is empty: the first line must name the columns, `name` and, if there is one, `identifier`")]
    Empty,
    /// No column is called `name`.
    #[error("line {line}: no column is called `name`; the columns are: {found}")]
    NoNameColumn {
        /// Where the header is.
        line: u64,
        /// What there is.
        found: String,
    },
    /// Two columns have one of the names that count.
    #[error("line {line}: two columns are called `{column}`")]
    ColumnTwice {
        /// Where the header is.
        line: u64,
        /// Which.
        column: &'static str,
    },
    /// Rows are wrong; nothing of the file is used.
    #[error("{}", listed(mistakes, *more))]
    Rows {
        /// The first of them.
        mistakes: Vec<Mistake>,
        /// How many more there are.
        more: usize,
    },
}

fn listed(mistakes: &[Mistake], more: usize) -> String {
    let mut lines: Vec<String> =
        mistakes.iter().map(|mistake| format!("line {}: {}", mistake.line, mistake.detail)).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// Where the columns that count are.
struct Columns {
    id: Option<usize>,
    name: usize,
    identifier: Option<usize>,
    groups: Vec<usize>,
    email: Option<usize>,
    face: Option<usize>,
    pictures: Option<usize>,
}

/// Between the groups of one cell; a backslash before one, or before another backslash, makes it a letter.
const GROUP_SEPARATORS: [char; 2] = [';', '|'];

fn is_special(c: char) -> bool {
    GROUP_SEPARATORS.contains(&c) || c == '\\'
}

/// The names in a cell of groups.
fn group_names(cell: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut letters = cell.chars().peekable();
    while let Some(c) = letters.next() {
        let escaped = if c == '\\' { letters.next_if(|next| is_special(*next)) } else { None };
        match (escaped, names.last_mut()) {
            (None, _) if GROUP_SEPARATORS.contains(&c) => names.push(String::new()),
            (letter, Some(name)) => name.push(letter.unwrap_or(c)),
            (_, None) => {}
        }
    }
    names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A cell that [`group_names`] reads back.
fn group_cell(person: &Person) -> String {
    let escaped = |name: &GroupName| {
        let mut text = String::new();
        for c in name.as_str().chars() {
            if is_special(c) {
                text.push('\\');
            }
            text.push(c);
        }
        text
    };
    let names: Vec<String> = person.particulars.groups.iter().map(escaped).collect();
    names.join("; ")
}
/// Between the pictures of one cell.
const PICTURE_SEPARATOR: char = '|';

/// A row with the pictures that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicturedRow {
    /// Who.
    pub person: ImportRow,
    /// The cells of the column `pictures` (or `picture`), cut at `|`; none where there is no such column.
    pub pictures: Vec<String>,
}

/// The people of a roster file: UTF-8 with or without a byte order mark, commas or semicolons
/// (whichever the first line has more of), quotes as in RFC 4180. The first line names the
/// columns; case does not matter there. Empty lines are passed over.
///
/// # Errors
/// [`RosterFileError`] with the lines that are wrong; two rows with one identifier are.
pub fn parse(bytes: &[u8]) -> Result<Vec<ImportRow>, RosterFileError> {
    Ok(parse_pictured(bytes)?.into_iter().map(|row| row.person).collect())
}

/// The same with the pictures that the rows name.
///
/// # Errors
/// As [`parse`].
pub fn parse_pictured(bytes: &[u8]) -> Result<Vec<PicturedRow>, RosterFileError> {
    if bytes.len() > SIZE_LIMIT_BYTES {
        return Err(RosterFileError::TooLarge { limit: SIZE_LIMIT_BYTES });
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(bytes))
        .from_reader(bytes);
    let mut records = reader.byte_records();
    // Reading from memory cannot fail, and rows of any length are taken: there is no error left.
    let header = records.next().and_then(Result::ok).ok_or(RosterFileError::Empty)?;
    let mut lines = Lines::of(bytes);
    let columns = find_columns(&header, lines.of_record(&header))?;
    let mut rows = Rows::default();
    for record in records.filter_map(Result::ok) {
        let line = lines.of_record(&record);
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        if rows.people.len() == ROW_LIMIT {
            rows.mistake(line, format!("a roster file may have {ROW_LIMIT} people"));
            break;
        }
        match row(&record, line, header.len(), &columns) {
            Ok(row) => rows.add(line, row),
            Err(detail) => rows.mistake(line, detail),
        }
    }
    rows.finish()
}

/// What was read so far.
#[derive(Default)]
struct Rows {
    people: Vec<PicturedRow>,
    lines_of: HashMap<Identifier, u64>,
    mistakes: Vec<Mistake>,
    more: usize,
}

impl Rows {
    fn add(&mut self, line: u64, row: PicturedRow) {
        if let Some(identifier) = &row.person.identifier {
            if let Some(earlier) = self.lines_of.get(identifier) {
                let detail = format!("the identifier {identifier} is on line {earlier} already");
                return self.mistake(line, detail);
            }
            self.lines_of.insert(identifier.clone(), line);
        }
        self.people.push(row);
    }

    fn mistake(&mut self, line: u64, detail: String) {
        if self.mistakes.len() < LISTED_MISTAKES {
            self.mistakes.push(Mistake { line, detail });
        } else {
            self.more += 1;
        }
    }

    fn finish(self) -> Result<Vec<PicturedRow>, RosterFileError> {
        if self.mistakes.is_empty() {
            Ok(self.people)
        } else {
            Err(RosterFileError::Rows { mistakes: self.mistakes, more: self.more })
        }
    }
}

/// The semicolon where the first line has more of them than commas: spreadsheets of half the
/// world write it.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty());
    let count = |wanted: u8| first.map_or(0, |line| line.iter().filter(|byte| **byte == wanted).count());
    if count(b';') > count(b',') { b';' } else { b',' }
}

/// Counts lines: the reader's own count is of where it began to look for the row, before empty lines and the
/// second half of a line end.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// The line, from 1, on which `record` begins; to be asked for in their order.
    fn of_record(&mut self, record: &csv::ByteRecord) -> u64 {
        let begun = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
        let mut end = begun.max(self.at);
        while self.bytes.get(end).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            end += 1;
        }
        let passed = &self.bytes[self.at.min(end)..end.min(self.bytes.len())];
        let follows_return = |at: usize| at > 0 && passed[at - 1] == b'\r';
        let ends = passed.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => !follows_return(*at),
            b'\r' => true,
            _ => false,
        });
        self.line += ends.count() as u64;
        self.at = end;
        self.line
    }
}

fn find_columns(header: &csv::ByteRecord, line: u64) -> Result<Columns, RosterFileError> {
    let names: Vec<String> =
        header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
    let all = |called: &[&str]| -> Vec<usize> {
        names
            .iter()
            .enumerate()
            .filter(|(_, name)| called.contains(&name.as_str()))
            .map(|(at, _)| at)
            .collect()
    };
    // The first word is what it is called where there are two.
    let one = |called: &[&'static str]| match all(called).as_slice() {
        [] => Ok(None),
        [at] => Ok(Some(*at)),
        _ => Err(RosterFileError::ColumnTwice { line, column: called[0] }),
    };
    let name = one(&["name"])?.ok_or_else(|| RosterFileError::NoNameColumn {
        line,
        found: names.iter().take(20).map(|n| n.escape_debug().to_string()).collect::<Vec<_>>().join(", "),
    })?;
    Ok(Columns {
        id: one(&["id"])?,
        name,
        identifier: one(&["identifier"])?,
        groups: all(&["group", "groups"]),
        email: one(&["email", "e-mail", "mail"])?,
        face: one(&["face"])?,
        pictures: one(&["pictures", "picture"])?,
    })
}

/// The cells of a row as texts.
struct Cells<'a>(&'a csv::ByteRecord);

impl<'a> Cells<'a> {
    fn text(&self, at: usize) -> Result<&'a str, String> {
        std::str::from_utf8(&self.0[at])
            .map(|cell| plain(cell.trim()))
            .map_err(|_| "it is not UTF-8; save the file as `CSV UTF-8`".to_owned())
    }

    /// What a cell says, where there is such a column; none where it is empty.
    fn value<T: FromStr<Err: std::fmt::Display>>(&self, at: Option<usize>) -> Result<Option<T>, String> {
        match at.map(|at| self.text(at)).transpose()? {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|error: T::Err| error.to_string()),
        }
    }

    fn groups(&self, columns: &[usize]) -> Result<Option<BTreeSet<GroupName>>, String> {
        let mut groups = BTreeSet::new();
        for at in columns {
            for name in group_names(self.text(*at)?) {
                groups.insert(name.parse().map_err(|error| format!("{error}"))?);
            }
        }
        Ok((!columns.is_empty()).then_some(groups))
    }

    fn face(&self, at: Option<usize>) -> Result<Option<FaceUse>, String> {
        let Some(text) = at.map(|at| self.text(at)).transpose()? else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "" => Ok(None),
            "on" => Ok(Some(FaceUse::On)),
            "off" => Ok(Some(FaceUse::Off)),
            other => Err(format!("`{}` is no use of a face: expected on or off", other.escape_debug())),
        }
    }
}

fn row(
    record: &csv::ByteRecord,
    line: u64,
    expected: usize,
    columns: &Columns,
) -> Result<PicturedRow, String> {
    if record.len() != expected {
        return Err(format!(
            "it has {} cells, and the first line has {expected}; a cell with a comma, a semicolon or a line break must be in quotes",
            record.len()
        ));
    }
    let cells = Cells(record);
    let name = cells.text(columns.name)?.parse().map_err(|error| format!("{error}"))?;
    let person = ImportRow {
        line,
        // A column of that name may be another program's; one of ours is known by its form.
        id: columns.id.map(|at| cells.text(at)).transpose()?.and_then(|id| id.parse().ok()).map(PersonId),
        name,
        identifier: cells.value::<Identifier>(columns.identifier)?,
        groups: cells.groups(&columns.groups)?,
        email: match (columns.email, cells.value(columns.email)?) {
            (None, _) => Wanted::Keep,
            (Some(_), None) => Wanted::Clear,
            (Some(_), Some(email)) => Wanted::Put(email),
        },
        face: cells.face(columns.face)?,
    };
    let pictures = columns.pictures.map(|at| cells.text(at)).transpose()?.unwrap_or_default();
    let pictures = pictures.split(PICTURE_SEPARATOR).map(str::trim).filter(|path| !path.is_empty());
    Ok(PicturedRow { person, pictures: pictures.map(str::to_owned).collect() })
}

/// A roster file of `people`, which [`parse`] reads back.
pub fn write(people: &[Person]) -> String {
    let rows: Vec<Vec<String>> = people
        .iter()
        .map(|person| {
            vec![
                person.name.to_string(),
                person.identifier.as_ref().map(ToString::to_string).unwrap_or_default(),
                group_cell(person),
                person.particulars.email.as_ref().map(ToString::to_string).unwrap_or_default(),
                face_word(person.particulars.face).to_owned(),
                person.id.to_string(),
                person.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            ]
        })
        .collect();
    csv_text(&["name", "identifier", "groups", "email", "face", "id", "enrolled_at"], &rows)
}

#[cfg(test)]
mod tests;
