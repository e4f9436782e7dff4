//! Filling in what a card may leave to `muster models add`: the SHA-256 and the size of its files.
//! The text is edited, not written anew, so that comments stay.

use std::fmt::Write;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::ledger::Sha256Digest;

/// How many files the card in `text` names; what is no card is found out by its own checks.
pub fn file_count(text: &str) -> usize {
    DeTable::parse(text).map_or(0, |document| files(document.get_ref()).map_or(0, |files| files.len()))
}

/// `text` with the SHA-256 and the size of each file put in where they are left out or are zero. What
/// a card says otherwise is left as it is. The text as it was where it is no TOML or names other
/// files: the card's own checks say so.
pub fn completed(text: &str, facts: &[(Sha256Digest, u64)]) -> String {
    let Ok(document) = DeTable::parse(text) else { return text.to_owned() };
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (file, (sha256, size)) in files(document.get_ref()).unwrap_or_default().iter().zip(facts) {
        let mut missing = Vec::new();
        let unset_digest = |value: &DeValue<'_>| {
            value
                .as_str()
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit == b'0'))
        };
        let unset_size = |value: &DeValue<'_>| {
            value.as_integer().is_some_and(|number| number.as_str().trim_start_matches('+') == "0")
        };
        match file.get("sha256") {
            None => missing.push(format!("sha256 = \"{sha256}\"")),
            Some(value) if unset_digest(value.get_ref()) => {
                edits.push((value.span(), format!("\"{sha256}\"")))
            }
            Some(_) => {}
        }
        match file.get("size_bytes") {
            None => missing.push(format!("size_bytes = {size}")),
            Some(value) if unset_size(value.get_ref()) => edits.push((value.span(), size.to_string())),
            Some(_) => {}
        }
        if let Some(name) = file.get("name") {
            edits.extend(insertion(text, name.span().end, &missing));
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut edited = text.to_owned();
    for (range, new) in edits {
        edited.replace_range(range, &new);
    }
    edited
}

fn files<'a>(document: &'a DeTable<'_>) -> Option<Vec<&'a DeTable<'a>>> {
    let DeValue::Array(items) = document.get("files")?.get_ref() else { return None };
    items.iter().map(|item| item.get_ref().as_table()).collect()
}

/// `missing` keys after the value that ends at `end`: on lines of their own in a `[[files]]` table, in
/// the same line in an inline one.
fn insertion(text: &str, end: usize, missing: &[String]) -> Option<(Range<usize>, String)> {
    if missing.is_empty() {
        return None;
    }
    let line_start = text[..end].rfind('\n').map_or(0, |at| at + 1);
    let mut new = String::new();
    if text[line_start..end].trim_start().starts_with("name") {
        let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
        // A carriage return belongs to the line's end.
        let line_end = line_end - usize::from(text[..line_end].ends_with('\r'));
        let newline = if text[line_end..].starts_with('\r') { "\r\n" } else { "\n" };
        for key in missing {
            let _ = write!(new, "{newline}{key}");
        }
        return Some((line_end..line_end, new));
    }
    for key in missing {
        let _ = write!(new, ", {key}");
    }
    Some((end..end, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: [(Sha256Digest, u64); 2] = [(Sha256Digest([0xab; 32]), 12), (Sha256Digest([0xcd; 32]), 34)];

    fn values(text: &str) -> Vec<(String, i64)> {
        let table: toml::Table = completed(text, &FACTS).parse().unwrap();
        let files = table["files"].as_array().unwrap();
        files
            .iter()
            .map(|file| {
                (file["sha256"].as_str().unwrap()[..4].to_owned(), file["size_bytes"].as_integer().unwrap())
            })
            .collect()
    }

    #[test]
    fn what_is_left_out_or_zero_is_put_in() {
        let zeros = "0".repeat(64);
        for text in [
            "[[files]]\nname = \"a\"\n[[files]]\nname = \"b\" # the second\ninputs = []\n".to_owned(),
            "[[files]]\r\n  name = \"a\"\r\n[[files]]\r\nname = \"b\"".to_owned(),
            "files = [{ name = \"a\" }, { name = \"b\", inputs = [] }]".to_owned(),
            "files = [\n  { role = \"x\", name = \"a\" },\n  { name = \"b\", size_bytes = 0 },\n]".to_owned(),
            format!(
                "[[files]]\nsha256 = \"{zeros}\"\nname = \"a\"\nsize_bytes = 0\n[[files]]\nname = \"b\"\nsha256 = \"0\""
            ),
        ] {
            assert_eq!(values(&text), [("abab".to_owned(), 12), ("cdcd".to_owned(), 34)], "{text}");
        }
    }

    #[test]
    fn what_is_said_and_every_comment_stays() {
        let text = "# mine\n[[files]]\nname = \"a\" # net\nsha256 = \"12\" # theirs\n";
        let edited = completed(text, &FACTS);
        assert_eq!(
            edited,
            "# mine\n[[files]]\nname = \"a\" # net\nsize_bytes = 12\nsha256 = \"12\" # theirs\n"
        );
        for whole in ["", "[[[", "files = 3", "[[files]]\nsha256 = \"1\"\nsize_bytes = 1\n"] {
            assert_eq!(completed(whole, &FACTS), whole);
        }
    }
}
