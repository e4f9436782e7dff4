//! What a configuration file says, key by key, and where it is wrong.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::inference::DeviceChoice;

use super::ConfigError;
use super::values::{DayRollover, LogLevel, Ranged, SimilarityThreshold, SourceText, Text};

/// Bytes of a configuration that are read at most.
pub const SIZE_LIMIT_BYTES: usize = 256 * 1024;

/// Seconds between two passages of one person: up to a day.
pub type DebounceSeconds = Ranged<0, 86_400>;
/// Frames that must agree before a track is decided.
pub type Votes = Ranged<1, 60>;
/// Daily log files that are kept.
pub type KeepDays = Ranged<1, 366>;

/// Every table with its keys, for the suggestion that goes with an unknown one.
const KEYS: &[(&str, &[&str])] = &[
    ("data", &["dir"]),
    ("models", &["dir", "pack"]),
    ("inference", &["device"]),
    ("source", &["default"]),
    ("recognition", &["threshold", "votes", "debounce_seconds"]),
    ("attendance", &["day_rollover"]),
    ("log", &["level", "keep_days"]),
];

/// A configuration as it was typed: a key that was left out is `None`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Typed {
    /// `[data]`
    pub data: DataTable,
    /// `[models]`
    pub models: ModelsTable,
    /// `[inference]`
    pub inference: InferenceTable,
    /// `[source]`
    pub source: SourceTable,
    /// `[recognition]`
    pub recognition: RecognitionTable,
    /// `[attendance]`
    pub attendance: AttendanceTable,
    /// `[log]`
    pub log: LogTable,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataTable {
    /// The data directory; relative to the configuration's own folder.
    pub dir: Option<PathBuf>,
}

/// Where the nets are.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsTable {
    /// The models folder; relative to the configuration's own folder.
    pub dir: Option<PathBuf>,
    /// The pack of nets.
    pub pack: Option<Text<PackName>>,
}

/// What the nets run on.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InferenceTable {
    /// As `--device` says it.
    pub device: Option<Text<DeviceChoice>>,
}

/// Where frames come from.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceTable {
    /// The source where no `--source` is given.
    pub default: Option<SourceText>,
}

/// When a face is somebody.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecognitionTable {
    /// At least as alike as this identifies; in place of the model card's.
    pub threshold: Option<SimilarityThreshold>,
    /// Frames that must agree before a track is decided.
    pub votes: Option<Votes>,
    /// Seconds out of view after which the same person's next track is a new record.
    pub debounce_seconds: Option<DebounceSeconds>,
}

/// What a day is.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttendanceTable {
    /// When a day begins.
    pub day_rollover: Option<Text<DayRollover>>,
}

/// What goes to the diagnostics.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogTable {
    /// How much.
    pub level: Option<Text<LogLevel>>,
    /// How many daily files stay.
    pub keep_days: Option<KeepDays>,
}

/// The name of a pack: a file name without its ending, so that it cannot leave the models folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackName(String);

impl PackName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PackName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for PackName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err(format!(
                "`{}` is no name of a pack: expected 1 to 64 letters, digits, `-` or `_`",
                text.escape_debug()
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Typed {
    /// Reads the text of a configuration; `path` is for messages. Reads no file.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the line and the key, for the first thing that is wrong.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let path = || path.to_owned();
        if text.len() > SIZE_LIMIT_BYTES {
            return Err(ConfigError::TooLarge { path: path(), bytes: text.len(), limit: SIZE_LIMIT_BYTES });
        }
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            path: path(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            detail: error.message().to_owned(),
        })?;
        if let Some((at, key, hint)) = unknown_key(document.get_ref()) {
            return Err(ConfigError::UnknownKey { path: path(), line: line_of(text, at), key, hint });
        }
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ConfigError::Value {
                path: path(),
                line: line_of(text, at),
                key: key_at(document.get_ref(), at),
                detail: error.message().to_owned(),
            }
        })
    }
}

/// The line, from 1, that holds byte `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The first key that means nothing: where it is, its full name, and what to do.
fn unknown_key(document: &DeTable<'_>) -> Option<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let tables: Vec<&str> = KEYS.iter().map(|(table, _)| *table).collect();
    for (name, value) in document.iter() {
        let table = name.get_ref();
        match (KEYS.iter().find(|(known, _)| known == table), value.get_ref()) {
            (None, _) => {
                found.push((name.span().start, table.to_string(), unknown_table_hint(table, &tables)))
            }
            (Some((_, keys)), DeValue::Table(inner)) => found.extend(
                inner.iter().filter(|(key, _)| !keys.contains(&key.get_ref().as_ref())).map(|(key, _)| {
                    (key.span().start, format!("{table}.{}", key.get_ref()), hint(key.get_ref(), keys))
                }),
            ),
            // A known table that is no table is a wrong value, which names the key by itself.
            (Some(_), _) => {}
        }
    }
    found.into_iter().min_by_key(|(at, _, _)| *at)
}

/// For a key outside every table: it may be a key that lost its table's heading.
fn unknown_table_hint(key: &str, tables: &[&str]) -> String {
    match KEYS.iter().find(|(_, keys)| keys.contains(&key)) {
        Some((table, _)) => format!("`{key}` belongs under [{table}]"),
        None => hint(key, tables),
    }
}

fn hint(key: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(key, known), known))
        .filter(|(alike, _)| *alike > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// The full name of the key whose value holds byte `at`.
fn key_at(document: &DeTable<'_>, at: usize) -> String {
    for (name, value) in document.iter() {
        if let DeValue::Table(inner) = value.get_ref() {
            for (key, value) in inner.iter() {
                if value.span().contains(&at) || key.span().contains(&at) {
                    return format!("{}.{}", name.get_ref(), key.get_ref());
                }
            }
        } else if value.span().contains(&at) {
            return name.get_ref().to_string();
        }
    }
    document
        .iter()
        .find(|(name, value)| value.span().contains(&at) || name.span().contains(&at))
        .map_or_else(|| "the file".to_owned(), |(name, _)| name.get_ref().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Typed::parse(text, Path::new("m.toml")).unwrap_err().to_string()
    }

    #[test]
    fn every_known_key_is_read() {
        for (table, keys) in KEYS {
            for key in *keys {
                // A value of a wrong type, so that a key which serde does not know would differ.
                let text = format!("[{table}]\n{key} = [[]]\n");
                let error = message(&text);
                assert!(error.starts_with(&format!("m.toml, line 2: `{table}.{key}`: ")), "{error}");
            }
        }
    }

    #[test]
    fn every_number_out_of_range_names_its_key_and_line() {
        let numbers = [
            (
                "recognition",
                "threshold",
                "above 0 and at most 1",
                vec!["0", "-0.1", "1.01", "nan", "inf", "2"],
            ),
            ("recognition", "votes", "from 1 to 60", vec!["0", "-1", "61", "9223372036854775807", "1.5"]),
            ("recognition", "debounce_seconds", "from 0 to 86400", vec!["-1", "86401", "nan", "4294967297"]),
            ("log", "keep_days", "from 1 to 366", vec!["0", "367", "-3"]),
        ];
        for (table, key, expected, values) in numbers {
            for value in values {
                let error = message(&format!("# a comment\n\n[{table}]\n{key} = {value}\n"));
                assert!(error.starts_with(&format!("m.toml, line 4: `{table}.{key}`: ")), "{error}");
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn texts_that_name_nothing_are_refused_with_what_is_expected() {
        for (table, key, value, expected) in [
            ("inference", "device", "gpu", "expected auto, cpu, cuda or cuda:N"),
            ("source", "default", "screen:0", "expected camera:N"),
            ("attendance", "day_rollover", "24:00", "expected HH:MM"),
            ("attendance", "day_rollover", "4:00", "expected HH:MM"),
            ("log", "level", "loud", "expected error, warn"),
            ("models", "pack", "../x", "expected 1 to 64 letters"),
        ] {
            let error = message(&format!("[{table}]\n{key} = \"{value}\"\n"));
            assert!(error.starts_with(&format!("m.toml, line 2: `{table}.{key}`: ")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_the_line_and_a_suggestion() {
        assert_eq!(
            message("[recognition]\ntreshold = 0.5\n"),
            "m.toml, line 2: unknown key `recognition.treshold`; did you mean `threshold`?"
        );
        assert_eq!(
            message("[recogniton]\nthreshold = 0.5\n"),
            "m.toml, line 1: unknown key `recogniton`; did you mean `recognition`?"
        );
        assert_eq!(
            message("votes = 3\n"),
            "m.toml, line 1: unknown key `votes`; `votes` belongs under [recognition]"
        );
        assert_eq!(
            message("[models]\nzzz = 1\n"),
            "m.toml, line 2: unknown key `models.zzz`; known here: dir, pack"
        );
        // The first one in the file, whatever the order of the tables.
        assert!(message("[source]\nxyz = 1\n[data]\nabc = 1\n").contains("source.xyz"));
    }

    #[test]
    fn a_table_that_is_none_and_broken_syntax_are_refused() {
        assert!(message("log = 3\n").starts_with("m.toml, line 1: `log`: "), "{}", message("log = 3\n"));
        assert!(message("[log]\nlevel = \"info\n").starts_with("m.toml, line 2: not valid TOML: "));
        assert!(message(&" ".repeat(SIZE_LIMIT_BYTES + 1)).contains("at most"));
    }

    #[test]
    fn a_byte_order_mark_is_no_key() {
        assert_eq!(Typed::parse("\u{FEFF}", Path::new("m.toml")).unwrap(), Typed::default());
    }

    /// Seeded: bytes of a valid file are changed, cut and doubled; whatever comes, no panic.
    #[test]
    fn mutations_of_the_sample_never_panic() {
        let seed = 0x6d75_7374_6572_u64;
        println!("seed {seed:#x}");
        let sample = include_str!("../../data/muster.toml").replace("# ", "");
        let mut state = seed;
        let mut next = |below: usize| {
            // Knuth's linear congruential generator (MMIX); the high bits are the good ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for _ in 0..2_000 {
            let mut bytes = sample.clone().into_bytes();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"[]=\"'\n.#-0"[next(10)]),
                    _ => bytes.extend_from_within(at..),
                }
                if bytes.is_empty() {
                    bytes.push(b'=');
                }
            }
            let _ = Typed::parse(&String::from_utf8_lossy(&bytes), Path::new("m.toml"));
        }
    }
}
