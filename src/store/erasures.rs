//! The list of who was erased, as a file that a restore reads: one JSON object a line. It names nobody.

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::{PersonId, StrangerId};
use crate::ledger::TerminalId;

use super::{BackupError, ErasedId, KeptRecords};

/// Bytes of a list at most: some hundred thousand people.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// The first, so that no other file is taken for one.
    Erasures {
        version: u32,
        terminal: Ulid,
        count: usize,
    },
    Erased {
        person: Ulid,
        keeps_records: bool,
    },
    ErasedItem {
        item: Ulid,
    },
}

const VERSION: u32 = 1;

/// The text of the file.
pub fn write(terminal: TerminalId, erased: &[ErasedId]) -> String {
    let mut text = String::new();
    let first = Line::Erasures { version: VERSION, terminal: terminal.0, count: erased.len() };
    let each = erased.iter().map(|erased| match erased {
        ErasedId::Person { id, keeps } => {
            Line::Erased { person: id.0, keeps_records: *keeps == KeptRecords::Pseudonymous }
        }
        ErasedId::Stranger(id) => Line::ErasedItem { item: id.0 },
    });
    for line in std::iter::once(first).chain(each) {
        // Numbers, ids and truth values have a form in JSON, and a string takes all that is written.
        if let Ok(line) = serde_json::to_string(&line) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// What the text of a file says.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn parse(text: &str) -> Result<Vec<ErasedId>, String> {
    let mut lines = text.lines().enumerate();
    let read = |(at, line): (usize, &str)| {
        serde_json::from_str::<Line>(line).map_err(|error| format!("line {}: {error}", at + 1))
    };
    let count = match lines.next().map(read) {
        Some(Ok(Line::Erasures { version: VERSION, count, .. })) => count,
        Some(Ok(Line::Erasures { version, .. })) => {
            return Err(format!("it has version {version}, and {VERSION} is known"));
        }
        _ => return Err("it does not begin as what `muster store erasures` writes".to_owned()),
    };
    let mut erased = Vec::new();
    for line in lines {
        let at = line.0 + 1;
        erased.push(match read(line)? {
            Line::Erased { person, keeps_records } => {
                let keeps = if keeps_records { KeptRecords::Pseudonymous } else { KeptRecords::None };
                ErasedId::Person { id: PersonId(person), keeps }
            }
            Line::ErasedItem { item } => ErasedId::Stranger(StrangerId(item)),
            Line::Erasures { .. } => return Err(format!("line {at} begins another list")),
        });
    }
    if erased.len() != count {
        return Err(format!("it names {} and says that it names {count}: it was cut short", erased.len()));
    }
    Ok(erased)
}

/// Reads the file at `path`.
///
/// # Errors
/// [`BackupError::List`]
pub fn read(path: &Path) -> Result<Vec<ErasedId>, BackupError> {
    use std::io::Read;
    let fault = |detail: String| BackupError::List { path: path.to_owned(), detail };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let mut text = String::new();
    let length = file.take(LONGEST).read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    if length as u64 == LONGEST {
        return Err(fault("it is too long to be one".to_owned()));
    }
    parse(&text).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<ErasedId> {
        vec![
            ErasedId::Person { id: PersonId(Ulid(1)), keeps: KeptRecords::None },
            ErasedId::Person { id: PersonId(Ulid(2)), keeps: KeptRecords::Pseudonymous },
            ErasedId::Stranger(StrangerId(Ulid(3))),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let text = write(TerminalId(Ulid(9)), &some());
        assert_eq!(parse(&text), Ok(some()));
        assert_eq!(parse(&write(TerminalId(Ulid(9)), &[])), Ok(vec![]));
        assert!(text.lines().nth(1).unwrap().contains("\"keeps_records\":false"), "{text}");
    }

    #[test]
    fn what_is_no_list_or_was_cut_is_refused_with_its_line() {
        let text = write(TerminalId(Ulid(9)), &some());
        let cut: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
        assert!(parse(&cut).unwrap_err().contains("cut short"));
        for text in
            ["", "name,identifier\n", "{\"kind\":\"erased\",\"person\":\"0\",\"keeps_records\":true}\n"]
        {
            assert!(parse(text).unwrap_err().contains("does not begin"), "{text}");
        }
        let wrong = text.replace("\"keeps_records\":true", "\"keeps_records\":7");
        assert!(parse(&wrong).unwrap_err().contains("line 3"), "{wrong}");
        let newer = text.replace("\"version\":1", "\"version\":2");
        assert!(parse(&newer).unwrap_err().contains("version 2"));
    }
}
