//! `[consent]` and `[retention]` as they are typed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::config::values::{Ranged, Text};

/// Days that something is kept: 0 for ever, up to a hundred years.
pub type RetentionDays = Ranged<0, 36_525>;

/// The keys of `[consent]`.
pub(super) const CONSENT_KEYS: &[&str] = &["required", "text", "version"];
/// The keys of `[retention]`.
pub(super) const RETENTION_KEYS: &[&str] =
    &["records_days", "evidence_days", "notes_days", "crops_days", "left_people_days"];

/// What people are asked before they are enrolled.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsentTable {
    /// Whether nobody is enrolled without it.
    pub required: Option<bool>,
    /// The file with what they are asked; relative to the configuration's own folder.
    pub text: Option<PathBuf>,
    /// Which version of it that is.
    pub version: Option<Text<TextVersion>>,
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionTable {
    /// Who was recorded when.
    pub records_days: Option<RetentionDays>,
    /// What decisions rested on.
    pub evidence_days: Option<RetentionDays>,
    /// What somebody wrote.
    pub notes_days: Option<RetentionDays>,
    /// Pictures beside templates.
    pub crops_days: Option<RetentionDays>,
    /// People whose enrolment ended.
    pub left_people_days: Option<RetentionDays>,
}

/// What a version of a text is called: 1 to 40 printable characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextVersion(String);

impl FromStr for TextVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let length = text.chars().count();
        if !(1..=40).contains(&length) || text.chars().any(char::is_control) {
            let shown = text.escape_debug();
            return Err(format!("`{shown}` is no version: expected 1 to 40 characters, such as 2026-01"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TextVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
