//! Who may do what, beyond the roles.

use std::collections::BTreeSet;

use super::Setting;
use crate::access::TwoPersonDeed;
use crate::config::typed::access::AccessTable;

/// Who may do what, beyond the roles.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessSettings {
    /// What one admin asks for and another confirms.
    pub two_person: Setting<BTreeSet<TwoPersonDeed>>,
}

impl AccessSettings {
    pub(super) fn resolve(typed: &AccessTable) -> Self {
        let deeds = typed.two_person.as_ref().map(|deeds| deeds.iter().map(|deed| deed.0).collect());
        Self { two_person: Setting::typed(deeds, BTreeSet::new()) }
    }
}
