//! The layout of a scenario file.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::Deserialize;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    /// What happens, for the reader.
    #[allow(dead_code)]
    pub(super) story: String,
    /// The site's time zone.
    #[serde(default = "utc")]
    pub(super) zone: String,
    /// When a day begins.
    #[serde(default = "midnight")]
    pub(super) rollover: String,
    /// A configuration's `[attendance]`, `[group]`, `[[session]]` and `[[holiday]]`.
    #[serde(default)]
    pub(super) configuration: String,
    /// Which way people pass the source.
    #[serde(default)]
    pub(super) source_role: Option<String>,
    /// Everybody on the roster, with their groups.
    pub(super) people: BTreeMap<String, Vec<String>>,
    /// What happens, in order.
    pub(super) step: Vec<Step>,
    /// The report of a day.
    #[serde(default)]
    pub(super) day: Vec<DayReport>,
    /// How people stood in a session, after every correction.
    #[serde(default)]
    pub(super) standing: Vec<SessionStanding>,
    /// The month as a screen has it.
    #[serde(default)]
    pub(super) month: Vec<MonthOnScreen>,
    /// Kinds of entry and how many of each there are.
    #[serde(default)]
    pub(super) entries: BTreeMap<String, usize>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn midnight() -> String {
    "00:00".to_owned()
}

/// One thing that happens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Step {
    /// When, on the site's clock. The clock goes there; without it nothing passes.
    pub(super) at: Option<NaiveDateTime>,
    /// Seconds that pass instead.
    pub(super) passes: Option<i64>,
    /// Somebody is recognised.
    pub(super) passage: Option<String>,
    /// The track that recognises them was first seen so many seconds before.
    pub(super) in_view_for: Option<i64>,
    /// Somebody is marked: present or left.
    pub(super) mark: Option<(String, String)>,
    /// A session is opened.
    pub(super) open: Option<Opening>,
    /// A session is closed.
    pub(super) close: Option<String>,
    /// An entry is corrected: the label of its step, and what holds.
    pub(super) correct: Option<CorrectStep>,
    /// Somebody is excused for this and the days after it.
    pub(super) excuse: Option<(String, u32)>,
    /// Somebody is taken out of everything.
    pub(super) erase: Option<String>,
    /// The clock is set to this, while time goes on as it did.
    pub(super) clock_set: Option<NaiveDateTime>,
    /// The clock says of itself that it is synchronised, or not.
    pub(super) synchronised: Option<bool>,
    /// The machine starts anew, with this on its clock.
    pub(super) boot: Option<NaiveDateTime>,
    /// The engine stops and starts.
    pub(super) restart: bool,
    /// The times of unsure records are corrected; how many there are.
    pub(super) accept_times: Option<usize>,
    /// What the entry that is written is called later on.
    pub(super) label: Option<String>,
    /// The label is that of the entry so many after it.
    pub(super) label_after: u64,
    /// The step is refused with these words.
    pub(super) refused: Option<String>,
}

/// How a session is opened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    pub(super) name: String,
    pub(super) group: Option<String>,
    pub(super) from: Option<NaiveDateTime>,
    pub(super) until: Option<NaiveDateTime>,
}

/// What is corrected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrectStep {
    /// The label of the step that wrote the entry; none where one is missing.
    pub(super) entry: Option<String>,
    /// Whom the missing one is about.
    pub(super) add: Option<String>,
    #[serde(default)]
    pub(super) strike: bool,
    pub(super) state: Option<String>,
    pub(super) at: Option<NaiveDateTime>,
    pub(super) standing: Option<String>,
    #[serde(default = "because")]
    pub(super) reason: String,
}

fn because() -> String {
    "because".to_owned()
}

/// A day's report as it is expected: a line a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayReport {
    pub(super) date: chrono::NaiveDate,
    pub(super) rows: Vec<String>,
}

/// A month as it is expected: a line a person, with the letter of each day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MonthOnScreen {
    /// How many months before that of the last step.
    pub(super) back: u32,
    pub(super) rows: Vec<String>,
}

/// The standings of a session as they are expected: a line a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionStanding {
    pub(super) session: String,
    /// The date on which it begins; the one that was opened last without it.
    pub(super) date: Option<chrono::NaiveDate>,
    pub(super) rows: Vec<String>,
}
