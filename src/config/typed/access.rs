//! `[access]` as it is typed.

use serde::Deserialize;

use crate::access::TwoPersonDeed;
use crate::config::values::Text;

/// The keys of `[access]`.
pub(super) const ACCESS_KEYS: &[&str] = &["two_person"];

/// Who may do what, beyond the roles.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessTable {
    /// What one admin asks for and another confirms.
    pub two_person: Option<Vec<Text<TwoPersonDeed>>>,
}
