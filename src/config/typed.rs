//! What a configuration file says, key by key, and where it is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::capture::view::SourceName;
use crate::face::LivenessMode;
use crate::face::PicturePolicy;
use crate::inference::DeviceChoice;

use super::ConfigError;
use super::hooks::{HOOK_KEYS, HookTable};
use super::key_place::KeyPlace;
use super::kiosk::{KioskPin, KioskSound, ProgramLine};
use super::ledger::{LEDGER_KEYS, LedgerTable, QueueEntries};
use super::service::{SERVICE_KEYS, ServiceTable};
use super::values::{
    GraphicsName, LogLevel, MarginRange, Ranged, Real, SecondsRange, ShareRange, SimilarityThreshold,
    TargetRange, Text,
};

/// Bytes of a configuration that are read at most.
pub const SIZE_LIMIT_BYTES: usize = 256 * 1024;

/// Seconds between two passages of one person: up to a day.
pub type DebounceSeconds = Ranged<0, 86_400>;
/// Frames that must agree before a track is decided.
pub type Votes = Ranged<1, 60>;
/// Daily log files that are kept.
pub type KeepDays = Ranged<1, 366>;

/// How many passages there are on a day.
pub type PassagesADay = Ranged<1, 1_000_000>;
/// Shots of one enrolment.
pub type Shots = Ranged<1, 10>;
/// Hours that a stranger's item is kept; up to four weeks.
pub type InboxHours = Ranged<0, 672>;

/// Every table with its keys, for the suggestion that goes with an unknown one.
const KEYS: &[(&str, &[&str])] = &[
    ("data", &["dir"]),
    ("store", &["key", "queue_entries"]),
    ("models", &["dir", "pack"]),
    ("inference", &["device"]),
    ("source", SOURCE_KEYS),
    (
        "recognition",
        &[
            "threshold",
            "target_fpir",
            "threshold_floor",
            "margin",
            "votes",
            "undecided_seconds",
            "debounce_seconds",
            "passages_a_day",
            "stranger_share",
        ],
    ),
    ("liveness", &["mode", "threshold"]),
    ("enrolment", &["shots", "keep_crops"]),
    (
        "quality",
        &[
            "least_inter_eye_px",
            "most_yaw_degrees",
            "most_pitch_degrees",
            "most_roll_degrees",
            "least_sharpness",
            "least_luminance",
            "most_luminance",
            "most_under_exposed_share",
            "most_over_exposed_share",
            "least_eye_opening",
            "least_inside_share",
        ],
    ),
    ("inbox", &["keep_hours"]),
    ("access", ACCESS_KEYS),
    ("consent", CONSENT_KEYS),
    ("retention", RETENTION_KEYS),
    (
        "attendance",
        &[
            "day_rollover",
            "zone",
            "clock",
            "identifier",
            "badge_prefix",
            "badge_suffix",
            "early_minutes",
            "grace_minutes",
            "leaves_early_minutes",
        ],
    ),
    ("screen", &["keymap", "mouse", "theme", "graphics", "picture"]),
    ("kiosk", &["pin", "sound", "success_command", "refusal_command"]),
    ("ledger", LEDGER_KEYS),
    ("service", SERVICE_KEYS),
    ("log", &["level", "keep_days"]),
];

/// Every list of tables, written `[[name]]`, with its keys.
const LISTS: &[(&str, &[&str])] =
    &[("session", SESSION_KEYS), ("holiday", HOLIDAY_KEYS), ("hook", HOOK_KEYS)];
/// Every table of tables that the site names, written `[name.OWN]`, with their keys.
const MAPS: &[(&str, &[&str])] = &[("group", GROUP_KEYS), ("sources", SOURCE_KEYS)];

pub mod access;
pub mod attendance;
pub mod privacy;
mod quality;
mod source;

use access::{ACCESS_KEYS, AccessTable};
use attendance::{
    AttendanceTable, GROUP_KEYS, GroupTables, HOLIDAY_KEYS, HolidayTable, SESSION_KEYS, SessionTable,
};
use privacy::{CONSENT_KEYS, ConsentTable, RETENTION_KEYS, RetentionTable};
use source::SOURCE_KEYS;

pub use quality::QualityTable;
pub use source::SourceTable;

/// A configuration as it was typed: a key that was left out is `None`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Typed {
    /// `[data]`
    pub data: DataTable,
    /// `[store]`
    pub store: StoreTable,
    /// `[models]`
    pub models: ModelsTable,
    /// `[inference]`
    pub inference: InferenceTable,
    /// `[source]`
    pub source: SourceTable,
    /// `[sources.NAME]`: several at once.
    pub sources: BTreeMap<SourceName, SourceTable>,
    /// `[recognition]`
    pub recognition: RecognitionTable,
    /// `[liveness]`
    pub liveness: LivenessTable,
    /// `[enrolment]`
    pub enrolment: EnrolmentTable,
    /// `[quality]`
    pub quality: QualityTable,
    /// `[inbox]`
    pub inbox: InboxTable,
    /// `[access]`
    pub access: AccessTable,
    /// `[consent]`
    pub consent: ConsentTable,
    /// `[retention]`
    pub retention: RetentionTable,
    /// `[attendance]`
    pub attendance: AttendanceTable,
    /// `[group.NAME]`
    pub group: GroupTables,
    /// `[[session]]`
    pub session: Vec<SessionTable>,
    /// `[[holiday]]`
    pub holiday: Vec<HolidayTable>,
    /// `[[hook]]`
    pub hook: Vec<HookTable>,
    /// `[screen]`
    pub screen: ScreenTable,
    /// `[kiosk]`
    pub kiosk: KioskTable,
    /// `[ledger]`
    pub ledger: LedgerTable,
    /// `[service]`
    pub service: ServiceTable,
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

/// How the screen behaves.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScreenTable {
    /// A file that changes the keys; relative to the configuration's own folder.
    pub keymap: Option<PathBuf>,
    /// Whether the mouse is taken.
    pub mouse: Option<bool>,
    /// The theme's name, or its file.
    pub theme: Option<String>,
    /// How pictures are drawn.
    pub graphics: Option<GraphicsName>,
    /// Whether anybody is given pictures of people.
    pub picture: Option<PicturePolicy>,
}

/// How the kiosk view behaves.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KioskTable {
    /// What it is left with, as `muster kiosk-pin` writes it.
    pub pin: Option<KioskPin>,
    /// What is heard.
    pub sound: Option<KioskSound>,
    /// Run where somebody is recorded.
    pub success_command: Option<ProgramLine>,
    /// Run where somebody is not.
    pub refusal_command: Option<ProgramLine>,
}

/// How the store is sealed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreTable {
    /// Where the store's key is.
    pub key: Option<Text<KeyPlace>>,
    /// Entries that wait for it at most.
    pub queue_entries: Option<QueueEntries>,
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

/// When a face is somebody.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecognitionTable {
    /// At least as alike as this identifies, whatever the gallery holds.
    pub threshold: Option<SimilarityThreshold>,
    /// The chance to aim at that a stranger is taken for somebody.
    pub target_fpir: Option<Real<TargetRange>>,
    /// The least threshold that is derived from it; in place of the model card's.
    pub threshold_floor: Option<SimilarityThreshold>,
    /// How much more alike than the runner-up somebody must be.
    pub margin: Option<Real<MarginRange>>,
    /// Frames that must agree before a track is decided.
    pub votes: Option<Votes>,
    /// Seconds after which a track that is not decided is unidentified.
    pub undecided_seconds: Option<Real<SecondsRange>>,
    /// Seconds out of view after which the same person's next track is a new record.
    pub debounce_seconds: Option<DebounceSeconds>,
    /// How many passages there are on a day; `muster threshold` reckons with it.
    pub passages_a_day: Option<PassagesADay>,
    /// The share of them that are strangers.
    pub stranger_share: Option<Real<ShareRange>>,
}

/// Presentation attacks.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LivenessTable {
    /// What follows from the liveness net.
    pub mode: Option<Text<LivenessMode>>,
    /// Below this mean score a track counts as an attack; in place of the model card's.
    pub threshold: Option<Real<ShareRange>>,
}

/// How people are enrolled.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnrolmentTable {
    /// Shots that the camera takes by itself.
    pub shots: Option<Shots>,
    /// Whether the aligned crops are kept, so that another net can be used later.
    pub keep_crops: Option<bool>,
}

/// People whom the gallery does not know.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxTable {
    /// Hours that a stranger's item is kept; 0 for no inbox.
    pub keep_hours: Option<InboxHours>,
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
        let wrong = |at: usize, detail: String| ConfigError::Value {
            path: path(),
            line: line_of(text, at),
            key: key_at(document.get_ref(), at),
            detail,
        };
        let typed: Self = toml::from_str(text)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        if let Some((list, index, key, detail)) = typed.contradiction() {
            return Err(wrong(place_in_list(document.get_ref(), list, index, key), detail));
        }
        match typed.unclear_source() {
            None => Ok(typed),
            Some((table, name, detail)) => Err(ConfigError::Value {
                path: path(),
                line: line_of(text, place_of_table(document.get_ref(), table, name)),
                key: name.map_or_else(|| table.to_owned(), |name| format!("{table}.{name}")),
                detail: detail.to_owned(),
            }),
        }
    }
}

impl Typed {
    /// The table of a source from which it does not follow where frames come from: its name, where it is one
    /// of several, and what is wrong.
    fn unclear_source(&self) -> Option<(&'static str, Option<&SourceName>, &'static str)> {
        let (name, _) = self.sources.first_key_value()?;
        if self.source != SourceTable::default() {
            let detail = "this is one source and [sources.NAME] are several: keep one of the two";
            return Some(("source", None, detail));
        }
        let nameless = self.sources.iter().find(|(_, table)| table.default.is_none());
        let most = usize::from(u8::MAX);
        // What a source is called is in records, and on what wrong PINs are counted.
        let called = |(key, table): (&SourceName, &SourceTable)| {
            table.name.as_ref().map_or_else(|| key.to_string(), |name| name.0.to_string())
        };
        let mut names = BTreeSet::new();
        if let Some((again, _)) = self.sources.iter().find(|of| !names.insert(called(*of))) {
            return Some((
                "sources",
                Some(again),
                "another source is called the same: give it a name of its own",
            ));
        }
        match nameless {
            Some((name, _)) => Some(("sources", Some(name), "expected `from`, such as from = \"camera:0\"")),
            None if self.sources.len() > most => Some(("sources", Some(name), "more than 255 sources")),
            None => None,
        }
    }
}

/// Where a table begins, or one of those in it.
fn place_of_table(document: &DeTable<'_>, table: &str, name: Option<&SourceName>) -> usize {
    let Some((key, value)) = document.iter().find(|(key, _)| key.get_ref() == table) else { return 0 };
    let inner = name.and_then(|name| match value.get_ref() {
        DeValue::Table(inner) => inner.iter().find(|(key, _)| key.get_ref().trim() == name.to_string()),
        _ => None,
    });
    inner.map_or(key.span().start, |(key, _)| key.span().start)
}

/// The line, from 1, that holds byte `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The first key that means nothing: where it is, its full name, and what to do.
fn unknown_key(document: &DeTable<'_>) -> Option<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let all = || KEYS.iter().chain(LISTS).chain(MAPS);
    let tables: Vec<&str> = all().map(|(table, _)| *table).collect();
    for (name, value) in document.iter() {
        let table = name.get_ref();
        let Some((_, keys)) = all().find(|(known, _)| known == table) else {
            let hint = unknown_table_hint(table, &tables);
            found.push((name.span().start, table.to_string(), hint));
            continue;
        };
        match value.get_ref() {
            DeValue::Table(inner) if MAPS.iter().any(|(map, _)| map == table) => {
                for (own, value) in inner.iter() {
                    if let DeValue::Table(inner) = value.get_ref() {
                        unknown_in(inner, &format!("{table}.{}", own.get_ref()), keys, &mut found);
                    }
                }
            }
            DeValue::Table(inner) => unknown_in(inner, table, keys, &mut found),
            DeValue::Array(items) => {
                for item in items.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        unknown_in(inner, table, keys, &mut found);
                    }
                }
            }
            // A known table that is no table is a wrong value, which names the key by itself.
            _ => {}
        }
    }
    found.into_iter().min_by_key(|(at, _, _)| *at)
}

fn unknown_in(table: &DeTable<'_>, name: &str, keys: &[&str], found: &mut Vec<(usize, String, String)>) {
    let unknown = table.iter().filter(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
    found.extend(
        unknown.map(|(key, _)| {
            (key.span().start, format!("{name}.{}", key.get_ref()), hint(key.get_ref(), keys))
        }),
    );
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
    key_in(document, at).unwrap_or_else(|| "the file".to_owned())
}

/// The same within a table; none where it is not in it.
fn key_in(table: &DeTable<'_>, at: usize) -> Option<String> {
    let inner = |name: &str, value: &DeValue<'_>| match value {
        DeValue::Table(inner) => key_in(inner, at).map(|key| format!("{name}.{key}")),
        DeValue::Array(items) => {
            let tables = items.iter().filter_map(|item| match item.get_ref() {
                DeValue::Table(inner) => Some(inner),
                _ => None,
            });
            tables.filter_map(|inner| key_in(inner, at)).next().map(|key| format!("{name}.{key}"))
        }
        _ => None,
    };
    if let Some(found) = table.iter().find_map(|(name, value)| inner(name.get_ref(), value.get_ref())) {
        return Some(found);
    }
    let holds = |(name, value): &(&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let _: &toml::Spanned<toml::de::DeString<'_>> = name;
        name.span().contains(&at) || value.span().contains(&at)
    };
    table.iter().find(holds).map(|(name, _)| name.get_ref().to_string())
}

/// Where `key` stands in the table `index` of the list `list`; else where that table, or the list, stands.
fn place_in_list(document: &DeTable<'_>, list: &str, index: usize, key: &str) -> usize {
    let Some((name, value)) = document.iter().find(|(name, _)| name.get_ref() == list) else { return 0 };
    let DeValue::Array(items) = value.get_ref() else { return name.span().start };
    let Some(item) = items.get(index) else { return name.span().start };
    let DeValue::Table(table) = item.get_ref() else { return item.span().start };
    let found = table.iter().find(|(name, _)| name.get_ref() == key);
    found.or_else(|| table.iter().next()).map_or(item.span().start, |(name, _)| name.span().start)
}

#[cfg(test)]
mod tests;
