//! Changing one key of a configuration file and nothing else of it: comments, order, spacing and line
//! ends stay.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::key_place::KeyPlace;
use super::kiosk::KioskPin;
use super::typed::{PackName, Typed};

/// Why a key cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is wrong as it is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file writes its tables in a way that is not edited.
    #[error(
        "{path} cannot be changed without touching the rest of it: write `{key} = {value}` under [{table}] yourself"
    )]
    Shape {
        /// Which file.
        path: PathBuf,
        /// The table that was to be changed.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// Its new value, as TOML.
        value: String,
    },
}

/// `text` with `models.pack` set to `pack`; `path` is for messages. What comes out says exactly what
/// `text` said but for that key: it is read again to make sure.
///
/// # Errors
/// [`EditError`]; a file that cannot be edited so is left to its owner.
pub fn with_pack(text: &str, pack: &PackName, path: &Path) -> Result<String, EditError> {
    let change = Change { table: "models", key: "pack", value: format!("\"{pack}\"") };
    change.made(text, path, |typed| typed.models.pack = Some(super::values::Text(pack.clone())))
}

/// `text` with `kiosk.pin` set to `pin`, as [`with_pack`].
///
/// # Errors
/// [`EditError`]; a file that cannot be edited so is left to its owner.
pub fn with_kiosk_pin(text: &str, pin: &KioskPin, path: &Path) -> Result<String, EditError> {
    let change = Change { table: "kiosk", key: "pin", value: format!("\"{}\"", pin.as_str()) };
    change.made(text, path, |typed| typed.kiosk.pin = Some(pin.clone()))
}

/// `text` with `store.key` set to `place`, as [`with_pack`].
///
/// # Errors
/// [`EditError`]; a file that cannot be edited so is left to its owner.
pub fn with_store_key(text: &str, place: &KeyPlace, path: &Path) -> Result<String, EditError> {
    let change =
        Change { table: "store", key: "key", value: toml::Value::from(place.to_string()).to_string() };
    change.made(text, path, |typed| typed.store.key = Some(super::values::Text(place.clone())))
}

/// One key of one table, and its new value as TOML.
struct Change {
    table: &'static str,
    key: &'static str,
    value: String,
}

impl Change {
    fn made(self, text: &str, path: &Path, want: impl FnOnce(&mut Typed)) -> Result<String, EditError> {
        let mut wanted = Typed::parse(text, path)?;
        want(&mut wanted);
        let edited = edit(text, &self);
        match edited.map(|edited| (Typed::parse(&edited, path), edited)) {
            Some((Ok(typed), edited)) if typed == wanted => Ok(edited),
            _ => {
                let Self { table, key, value } = self;
                Err(EditError::Shape { path: path.to_owned(), table, key, value })
            }
        }
    }
}

fn edit(text: &str, change: &Change) -> Option<String> {
    let Change { table: name, key, value } = change;
    // Spans are counted after the byte order mark.
    let mark = text.len() - text.trim_start_matches('\u{FEFF}').len();
    let (head, body) = text.split_at(mark);
    let document = DeTable::parse(body).ok()?;
    let newline = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut new = body.to_owned();
    match document.get_ref().get_key_value(*name) {
        None => {
            // A new table goes to the end, where it takes no keys of others.
            if !new.is_empty() && !new.ends_with('\n') {
                new.push_str(newline);
            }
            if !new.is_empty() {
                new.push_str(newline);
            }
            new.push_str(&format!("[{name}]{newline}{key} = {value}{newline}"));
        }
        Some((found, old)) => {
            let DeValue::Table(table) = old.get_ref() else { return None };
            if let Some(old) = table.get(*key) {
                new.replace_range(old.span(), value);
            } else {
                insert(&mut new, found.span().end, &table_first_key(table), change, newline)?;
            }
        }
    }
    Some(format!("{head}{new}"))
}

/// Where the first key of a table that has any stands.
fn table_first_key(table: &DeTable<'_>) -> Option<usize> {
    table.iter().map(|(key, _)| key.span().start).min()
}

/// Puts the key into the table whose name ends at `name_end`, whichever way it is written.
fn insert(
    text: &mut String,
    name_end: usize,
    first_key: &Option<usize>,
    change: &Change,
    newline: &str,
) -> Option<()> {
    let Change { table, key, value } = change;
    let line_start = text[..name_end].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[name_end..].find('\n').map(|at| name_end + at);
    let line = &text[line_start..line_end.unwrap_or(text.len())];
    if line.trim_start().starts_with('[') {
        match line_end {
            Some(end) => text.insert_str(end + 1, &format!("{key} = {value}{newline}")),
            None => text.push_str(&format!("{newline}{key} = {value}{newline}")),
        }
    } else if text[name_end..].trim_start().starts_with('.') {
        text.insert_str(line_start, &format!("{table}.{key} = {value}{newline}"));
    } else if let Some(first) = first_key {
        text.insert_str(*first, &format!("{key} = {value}, "));
    } else {
        let brace = text[name_end..].find('{').map(|at| name_end + at)?;
        text.insert_str(brace + 1, &format!(" {key} = {value} "));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(text: &str) -> String {
        with_pack(text, &"yunet".parse().unwrap(), Path::new("m.toml")).unwrap()
    }

    /// Each line: what the file said, and what it says then.
    #[test]
    fn one_key_is_changed_and_everything_else_stays() {
        for (before, after) in [
            ("", "[models]\npack = \"yunet\"\n"),
            ("# mine\n", "# mine\n\n[models]\npack = \"yunet\"\n"),
            ("[log]\nkeep_days = 3", "[log]\nkeep_days = 3\n\n[models]\npack = \"yunet\"\n"),
            (
                "[models] # nets\n# pack = \"a\"\npack   =   'default' # the first\n[log]\n",
                "[models] # nets\n# pack = \"a\"\npack   =   \"yunet\" # the first\n[log]\n",
            ),
            ("[models]\ndir = \"/m\"\n", "[models]\npack = \"yunet\"\ndir = \"/m\"\n"),
            ("[ models ]\r\n\r\n[log]\r\n", "[ models ]\r\npack = \"yunet\"\r\n\r\n[log]\r\n"),
            ("[models]", "[models]\npack = \"yunet\"\n"),
            ("models.dir = \"/m\"\n[log]\n", "models.pack = \"yunet\"\nmodels.dir = \"/m\"\n[log]\n"),
            ("models = { dir = \"/m\" }\n", "models = { pack = \"yunet\", dir = \"/m\" }\n"),
            ("models = {}\n", "models = { pack = \"yunet\" }\n"),
            ("\u{FEFF}[models]\npack = \"x\"\n", "\u{FEFF}[models]\npack = \"yunet\"\n"),
        ] {
            assert_eq!(edited(before), after, "{before:?}");
        }
    }

    #[test]
    fn the_sample_is_edited_in_one_place() {
        let sample = include_str!("../../data/muster.toml");
        let changed = edited(sample);
        assert_eq!(changed, sample.replace("\npack = \"default\"\n", "\npack = \"yunet\"\n"));
        assert_ne!(changed, sample);
    }

    #[test]
    fn a_place_of_a_key_is_written_as_toml_whatever_is_in_it() {
        for place in ["passphrase", "file:/a \"b\"/store.key", "file:back\\slash"] {
            let wanted: KeyPlace = place.parse().unwrap();
            let text =
                with_store_key("[store]\nkey = \"file:x\" # old\n", &wanted, Path::new("m.toml")).unwrap();
            let typed = Typed::parse(&text, Path::new("m.toml")).unwrap();
            assert_eq!(typed.store.key.map(|key| key.0), Some(wanted), "{text}");
            assert!(text.ends_with(" # old\n"), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_wrong_is_not_touched() {
        let pack: PackName = "yunet".parse().unwrap();
        for wrong in ["[models]\npakc = 1\n", "models = 3\n", "[[["] {
            let error = with_pack(wrong, &pack, Path::new("m.toml")).unwrap_err();
            assert!(matches!(error, EditError::Config(_)), "{wrong}: {error}");
        }
    }

    proptest! {
        /// Whatever lines a file is made of: it says the same but for the pack, or it is not edited.
        #[test]
        fn the_rest_says_what_it_said(lines in prop::collection::vec(
            prop::sample::select(vec![
                "[models]", "pack = \"a\"", "dir = \"/x\"", "[log]", "keep_days = 3", "# [models]", "",
                "models.dir = \"y\"", "models = { dir = '''z''' }", "[data]", "  [models]  # pack", "level = \"info\"",
            ]), 0..8), crlf in any::<bool>()) {
            let text = lines.join(if crlf { "\r\n" } else { "\n" });
            let path = Path::new("m.toml");
            if let Ok(before) = Typed::parse(&text, path)
                && let Ok(after) = with_pack(&text, &"new".parse().unwrap(), path)
            {
                let mut after = Typed::parse(&after, path).unwrap();
                let pack = after.models.pack.take().map(|pack| pack.0.to_string());
                prop_assert_eq!(pack.as_deref(), Some("new"));
                let mut before = before;
                before.models.pack = None;
                prop_assert_eq!(after, before);
            }
        }
    }
}
