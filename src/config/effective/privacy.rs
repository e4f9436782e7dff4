//! What people are asked before they are enrolled, and how long things are kept.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Setting, in_range};
use crate::config::ConfigError;
use crate::config::typed::privacy::{ConsentTable, RetentionDays, RetentionTable, TextVersion};

/// Bytes of a text that people are asked about at most.
pub const CONSENT_TEXT_LIMIT: u64 = 64 * 1024;

/// What people are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentSettings {
    /// Whether nobody is enrolled without it.
    pub required: Setting<bool>,
    /// The file with what they are asked.
    pub text: Setting<Option<PathBuf>>,
    /// Which version of it that is.
    pub version: Setting<Option<TextVersion>>,
    /// What it says; none where there is no file.
    pub body: Option<String>,
}

impl ConsentSettings {
    /// Reads the file too, so that one that is missing is said at the start.
    pub(super) fn resolve(
        typed: &ConsentTable,
        path_of: impl Fn(&Path) -> PathBuf,
    ) -> Result<Self, ConfigError> {
        let required = Setting::typed(typed.required, false);
        let text = Setting::typed(typed.text.as_deref().map(|path| Some(path_of(path))), None);
        let version = Setting::typed(typed.version.clone().map(|version| Some(version.0)), None);
        let wrong = |key: &'static str, detail: String| ConfigError::Consent { key, detail };
        let body = match &text.value {
            Some(path) => {
                let said = |why: String| wrong("text", format!("{} {why}", path.display()));
                Some(read_text(path).map_err(said)?)
            }
            None if required.value => {
                let detail = "consent is required, so this must name the file with what people are asked";
                return Err(wrong("text", detail.to_owned()));
            }
            None => None,
        };
        if body.is_some() && version.value.is_none() {
            let detail = "there is a text, so this must say which version of it that is, such as \"2026-01\"";
            return Err(wrong("version", detail.to_owned()));
        }
        Ok(Self { required, text, version, body })
    }

    /// What is recorded of the text: its file's name and version.
    pub fn name(&self) -> Option<String> {
        let file = self.text.value.as_ref()?.file_name()?.to_string_lossy().into_owned();
        Some(format!("{file}, version {}", self.version.value.as_ref()?))
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    // One byte more than is allowed, so that it shows that there was too much.
    let read = File::open(path).and_then(|file| file.take(CONSENT_TEXT_LIMIT + 1).read_to_string(&mut text));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > CONSENT_TEXT_LIMIT {
        return Err(format!(
            "has more than {CONSENT_TEXT_LIMIT} bytes; expected a text that people can read"
        ));
    }
    if text.trim().is_empty() {
        return Err("is empty; expected what people are asked".to_owned());
    }
    Ok(text)
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionSettings {
    /// Who was recorded when.
    pub records: Setting<RetentionDays>,
    /// What decisions rested on.
    pub evidence: Setting<RetentionDays>,
    /// What somebody wrote.
    pub notes: Setting<RetentionDays>,
    /// Pictures beside templates.
    pub crops: Setting<RetentionDays>,
    /// People whose enrolment ended.
    pub left_people: Setting<RetentionDays>,
}

const FOR_EVER: RetentionDays = in_range(RetentionDays::new(0));

impl RetentionSettings {
    pub(super) fn resolve(typed: &RetentionTable) -> Self {
        Self {
            records: Setting::typed(typed.records_days, FOR_EVER),
            evidence: Setting::typed(typed.evidence_days, FOR_EVER),
            notes: Setting::typed(typed.notes_days, FOR_EVER),
            crops: Setting::typed(typed.crops_days, FOR_EVER),
            left_people: Setting::typed(typed.left_people_days, FOR_EVER),
        }
    }

    /// The keys with their values.
    pub fn named(&self) -> [(&'static str, &Setting<RetentionDays>); 5] {
        [
            ("records_days", &self.records),
            ("evidence_days", &self.evidence),
            ("notes_days", &self.notes),
            ("crops_days", &self.crops),
            ("left_people_days", &self.left_people),
        ]
    }
}
