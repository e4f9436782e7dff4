//! A roster as a CSV file: read with every mistake named by its line, and written harmless. Works
//! on bytes and opens no file.

use std::collections::HashMap;

use crate::attendance::{Identifier, Person, PersonName};
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
    name: usize,
    identifier: Option<usize>,
    pictures: Option<usize>,
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
    let columns = find_columns(&header)?;
    let mut rows = Rows::default();
    for record in records.filter_map(Result::ok) {
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        let line = line_of(&record);
        if rows.people.len() == ROW_LIMIT {
            rows.mistake(line, format!("a roster file may have {ROW_LIMIT} people"));
            break;
        }
        match row(&record, header.len(), &columns) {
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

fn line_of(record: &csv::ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

fn find_columns(header: &csv::ByteRecord) -> Result<Columns, RosterFileError> {
    let line = line_of(header);
    let names: Vec<String> =
        header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
    let find = |column: &'static str| {
        let mut at = names.iter().enumerate().filter(|(_, name)| *name == column).map(|(at, _)| at);
        match (at.next(), at.next()) {
            (Some(_), Some(_)) => Err(RosterFileError::ColumnTwice { line, column }),
            (first, _) => Ok(first),
        }
    };
    let identifier = find("identifier")?;
    let name = find("name")?.ok_or_else(|| RosterFileError::NoNameColumn {
        line,
        found: names.iter().take(20).map(|n| n.escape_debug().to_string()).collect::<Vec<_>>().join(", "),
    })?;
    let pictures = match (find("pictures")?, find("picture")?) {
        (Some(_), Some(_)) => return Err(RosterFileError::ColumnTwice { line, column: "pictures" }),
        (found, other) => found.or(other),
    };
    Ok(Columns { name, identifier, pictures })
}

fn row(record: &csv::ByteRecord, expected: usize, columns: &Columns) -> Result<PicturedRow, String> {
    if record.len() != expected {
        return Err(format!(
            "it has {} cells, and the first line has {expected}; a cell with a comma, a semicolon or a line break must be in quotes",
            record.len()
        ));
    }
    let text = |at: usize| {
        std::str::from_utf8(&record[at])
            .map(|cell| plain(cell.trim()))
            .map_err(|_| "it is not UTF-8; save the file as `CSV UTF-8`".to_owned())
    };
    let name: PersonName =
        text(columns.name)?.parse().map_err(|e: crate::attendance::roster::NameError| e.to_string())?;
    let identifier = match columns.identifier.map(text).transpose()? {
        None | Some("") => None,
        Some(identifier) => {
            Some(identifier.parse().map_err(|e: crate::attendance::roster::NameError| e.to_string())?)
        }
    };
    let pictures = columns.pictures.map(text).transpose()?.unwrap_or_default();
    let pictures = pictures.split(PICTURE_SEPARATOR).map(str::trim).filter(|path| !path.is_empty());
    Ok(PicturedRow {
        person: ImportRow { name, identifier },
        pictures: pictures.map(str::to_owned).collect(),
    })
}

/// A roster file of `people`, which [`parse`] reads back.
pub fn write(people: &[Person]) -> String {
    let rows: Vec<Vec<String>> = people
        .iter()
        .map(|person| {
            vec![
                person.name.to_string(),
                person.identifier.as_ref().map(ToString::to_string).unwrap_or_default(),
                person.id.to_string(),
                person.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            ]
        })
        .collect();
    csv_text(&["name", "identifier", "id", "enrolled_at"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::PersonId;
    use chrono::DateTime;
    use ulid::Ulid;

    fn import_row(name: &str, identifier: Option<&str>) -> ImportRow {
        ImportRow { name: name.parse().unwrap(), identifier: identifier.map(|i| i.parse().unwrap()) }
    }

    fn message(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let expected = vec![import_row("Müller, Ana", Some("7")), import_row("Bo", None)];
        for text in [
            "name,identifier\n\"Müller, Ana\",7\nBo,\n",
            "\u{FEFF}Name;Identifier\r\nMüller, Ana;7\r\nBo;\r\n",
            "\n\nidentifier , class, NAME\n7,4b,\" Müller, Ana \"\n\n,,\n,4c,Bo",
            "name;identifier\n\"Müller, Ana\";'7\n'Bo;\n".replace('\'', "").as_str(),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert_eq!(parse(b"name\nAna\n").unwrap(), [import_row("Ana", None)]);
        assert_eq!(parse(b"name\n").unwrap(), []);
    }

    #[test]
    fn pictures_are_named_in_a_column_of_their_own() {
        for header in ["name,Pictures", "name,picture"] {
            let text = format!("{header}\nAna,a.jpg| b c.png |\nBo,\n");
            let rows = parse_pictured(text.as_bytes()).unwrap();
            assert_eq!((rows[0].pictures.join("+").as_str(), rows[1].pictures.len()), ("a.jpg+b c.png", 0));
        }
        assert!(message("name,picture,pictures\nAna,a,b\n").contains("two columns are called `pictures`"));
    }

    #[test]
    fn every_mistake_is_named_by_its_line() {
        let text = "name,identifier\nAna,7\n,8\nBo,7\n\"A\tb\",9\nC,D,E\n";
        let lines: Vec<String> = message(text).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "line 3: the name is empty");
        assert_eq!(lines[1], "line 4: the identifier 7 is on line 2 already");
        assert!(lines[2].starts_with("line 5: the name has a control character"));
        assert!(lines[3].starts_with("line 6: it has 3 cells, and the first line has 2"));
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_file_that_is_no_roster_is_refused() {
        assert!(matches!(parse(b""), Err(RosterFileError::Empty)));
        assert!(message("nom,id\nAna,7\n").contains("the columns are: nom, id"));
        assert!(message("name,name\nAna,7\n").contains("two columns are called `name`"));
        assert!(matches!(parse(b"name\nAna\xFF\n"), Err(RosterFileError::Rows { mistakes, .. })
            if mistakes[0].line == 2 && mistakes[0].detail.contains("UTF-8")));
        // A quote that is never closed swallows the rest, which cannot be a name.
        assert!(message("name\n\"Ana\nBo\nCarl\n").starts_with("line 2: the name has a control character"));
        assert!(matches!(parse(&vec![b'x'; SIZE_LIMIT_BYTES + 1]), Err(RosterFileError::TooLarge { .. })));
    }

    #[test]
    fn a_thousand_mistakes_are_counted() {
        let text = format!("name\n{}", "\"\t\t\"x\u{1}\n".repeat(1000));
        assert!(message(&text).ends_with("and 980 more"), "{}", message(&text));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let names = ["Ana", "=HYPERLINK(1)", "O'Neil, \"Bo\"", "'=x", "-Dash", "山田;太郎"];
        let people: Vec<Person> = names
            .iter()
            .enumerate()
            .map(|(i, name)| Person {
                id: PersonId(Ulid(i as u128)),
                name: name.parse().unwrap(),
                identifier: (i % 2 == 0).then(|| format!("+{i}").parse().unwrap()),
                created_at: DateTime::UNIX_EPOCH,
                removed_at: None,
                particulars: crate::attendance::Particulars::default(),
            })
            .collect();
        let text = write(&people);
        let expected: Vec<ImportRow> = people
            .iter()
            .map(|p| ImportRow { name: p.name.clone(), identifier: p.identifier.clone() })
            .collect();
        assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
    }

    /// Seeded: bytes of a roster are changed, cut and doubled; whatever comes, no panic, and what is
    /// read is bounded by what there is.
    #[test]
    fn mutations_never_panic() {
        let seed = 0x0c5f_u64;
        println!("seed {seed:#x}");
        let sample = "\u{FEFF}name;identifier\r\n\"Müller; Ana\";7\r\nBo;'=8\r\n\"C \"\"x\"\"\";\r\n";
        let mut state = seed;
        let mut next = |below: usize| {
            // Knuth's linear congruential generator (MMIX); the high bits are the good ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for _ in 0..5_000 {
            let mut bytes = sample.as_bytes().to_vec();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"\",;'\r\n\0=\xFFn"[next(10)]),
                    _ => bytes.extend_from_within(at..),
                }
                if bytes.is_empty() {
                    bytes.push(b'"');
                }
            }
            if let Ok(rows) = parse(&bytes) {
                assert!(rows.len() <= bytes.len());
            }
        }
    }
}
