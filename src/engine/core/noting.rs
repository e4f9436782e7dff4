//! What the ledger notes only where it changes: the configuration and the threshold in force; and what
//! operators do that changes no record.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::engine::command::{Act, CommandError, ThresholdOrder};
use crate::face::Similarity;
use crate::identify::{Threshold, ThresholdBasis, ThresholdPolicy};
use crate::ledger::{Actor, ChangedValue, Entry, EntryKind, Facts, Parts, Sequence};
use crate::store::{Change, Store, StoreError, Transaction};

use super::commands::{Prepared, PreparedWhat, ReplyPlan};
use super::{Core, ReplySender};

/// Where the newest entry of a kind is found again: cursors of the store.
const CONFIGURATION: &str = "noted.configuration";
const THRESHOLD: &str = "noted.threshold";
const SET_THRESHOLD: &str = "noted.set_threshold";
/// The key of the threshold in the facts.
const THRESHOLD_KEY: &str = "threshold in force";
/// The key of one that an admin set, or took back.
const SET_KEY: &str = "threshold set by an admin";

/// A threshold that differs by less is the same.
const LEAST_DIFFERENCE: f32 = 0.001;
/// While many are enrolled the threshold moves with each; no more often than this is it noted.
const LEAST_WAIT: Duration = Duration::from_secs(60);

/// What was noted last.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    configuration: Option<BTreeMap<String, String>>,
    threshold: Option<Threshold>,
    threshold_noted: Option<Instant>,
    /// What an admin set, where that was not taken back.
    set: Option<Threshold>,
}

impl Noted {
    /// What `store` says of it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let configuration = newest(store, CONFIGURATION, EntryKind::ConfigurationChanged)?;
        let threshold = newest(store, THRESHOLD, EntryKind::ThresholdChanged)?;
        let set = newest(store, SET_THRESHOLD, EntryKind::ThresholdChanged)?;
        let values = |values: Vec<ChangedValue>| {
            values.into_iter().filter_map(|value| Some((value.key, value.after?))).collect()
        };
        let number = |values: Vec<ChangedValue>| values.first()?.after.as_ref()?.parse().ok();
        Ok(Self {
            configuration: configuration.map(values),
            threshold: threshold.and_then(number).map(|value| Threshold(Similarity(value))),
            threshold_noted: None,
            set: set.as_deref().and_then(set_of).flatten(),
        })
    }
}

/// What an entry says of the threshold that an admin set; none where it says nothing of it.
fn set_of(values: &[ChangedValue]) -> Option<Option<Threshold>> {
    let value = values.iter().find(|value| value.key == SET_KEY)?;
    let number = value.after.as_ref().and_then(|text| text.parse().ok());
    Some(number.map(|value| Threshold(Similarity(value))))
}

/// The values of the entry that the cursor `name` points at; none where there is none of the kind there.
fn newest(store: &dyn Store, name: &str, kind: EntryKind) -> Result<Option<Vec<ChangedValue>>, StoreError> {
    let Some(Sequence(sequence)) = store.cursor(name)? else { return Ok(None) };
    let entry = store.entries_since(Sequence(sequence.saturating_sub(1)), 1)?.into_iter().next();
    let entry = entry.filter(|entry| entry.head.sequence.0 == sequence && entry.head.kind == kind);
    Ok(entry.and_then(|entry| match entry.parts.facts {
        Some(Facts::Changes(values)) => Some(values),
        _ => None,
    }))
}

/// Every value of `before` and of `now`: those that stayed too, so that the newest entry alone says all.
fn all_values(
    before: Option<&BTreeMap<String, String>>,
    now: &BTreeMap<String, String>,
) -> Vec<ChangedValue> {
    let nothing = BTreeMap::new();
    let before = before.unwrap_or(&nothing);
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    let value = |key: &String| ChangedValue {
        key: key.clone(),
        before: before.get(key).cloned(),
        after: now.get(key).cloned(),
    };
    now.keys().chain(gone).map(value).collect()
}

impl Act {
    /// What the ledger calls it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::KioskLeft => "left the kiosk view",
        }
    }
}

impl Core {
    /// Notes the configuration, where it is another than what was noted last.
    pub(super) fn note_configuration(&mut self) {
        let now: BTreeMap<String, String> = self.settings.configuration.iter().cloned().collect();
        if now.is_empty() || self.noted.configuration.as_ref() == Some(&now) {
            return;
        }
        let facts = Some(Facts::Changes(all_values(self.noted.configuration.as_ref(), &now)));
        self.noted.configuration = Some(now);
        let parts = Parts { facts, ..Parts::default() };
        self.write_entry(EntryKind::ConfigurationChanged, Actor::System, parts);
    }

    /// Notes the threshold in force, where it is another than what was noted last and a while has passed.
    pub(super) fn note_threshold(&mut self) {
        if self.noted.threshold_noted.is_none_or(|at| at.elapsed() >= LEAST_WAIT) {
            self.note_threshold_now();
        }
    }

    /// The same without a wait: for the end, where nothing comes any more that could be noted with it.
    pub(super) fn note_threshold_now(&mut self) {
        let (Some(threshold), true) = (self.threshold(), self.facts.is_some()) else { return };
        let differs = match self.noted.threshold {
            Some(noted) => (noted.0.0 - threshold.0.0).abs() >= LEAST_DIFFERENCE,
            // The card and the configuration say all of theirs.
            None => matches!(self.threshold_basis(), ThresholdBasis::Derived { .. }),
        };
        if !differs {
            return;
        }
        let before = self.noted.threshold.map(|noted| noted.0.0.to_string());
        let after = Some(threshold.0.0.to_string());
        let facts = Some(Facts::Changes(vec![ChangedValue { key: THRESHOLD_KEY.to_owned(), before, after }]));
        (self.noted.threshold, self.noted.threshold_noted) = (Some(threshold), Some(Instant::now()));
        self.write_entry(EntryKind::ThresholdChanged, Actor::System, Parts { facts, ..Parts::default() });
    }

    /// An entry is on disk: where it is one that is to be found again, its place is kept.
    pub(super) fn keep_place_of(&mut self, entry: &Entry) {
        let set = match &entry.parts.facts {
            Some(Facts::Changes(values)) if entry.head.kind == EntryKind::ThresholdChanged => set_of(values),
            _ => None,
        };
        if let Some(set) = set {
            self.noted.set = set;
            self.thresholds.reconsider();
        }
        let name = match entry.head.kind {
            EntryKind::ConfigurationChanged => CONFIGURATION,
            EntryKind::ThresholdChanged if set.is_some() => SET_THRESHOLD,
            EntryKind::ThresholdChanged => THRESHOLD,
            _ => return,
        };
        let prepared = Prepared::new(Actor::System, PreparedWhat::Place(name, entry.head.sequence));
        self.commits.commands.push_back((prepared, ReplySender::nobody()));
    }

    /// What the site asks of its threshold: what an admin set goes before what is configured.
    pub(super) fn threshold_policy(&self) -> ThresholdPolicy {
        let configured = self.settings.threshold;
        ThresholdPolicy { fixed: self.noted.set.or(configured.fixed), ..configured }
    }

    pub(super) fn build_threshold(
        &mut self,
        actor: Actor,
        order: ThresholdOrder,
    ) -> Result<(Transaction, ReplyPlan), CommandError> {
        let after = match order {
            ThresholdOrder::Set(threshold) if threshold.0.0 > 0.0 && threshold.0.0 <= 1.0 => Some(threshold),
            ThresholdOrder::Set(_) => return Err(CommandError::NoThreshold),
            ThresholdOrder::Clear => None,
        };
        let text = |threshold: Option<Threshold>| threshold.map(|threshold| threshold.0.0.to_string());
        let (before, after) = (text(self.noted.set), text(after));
        let facts = Some(Facts::Changes(vec![ChangedValue { key: SET_KEY.to_owned(), before, after }]));
        let entry = self.draft(EntryKind::ThresholdChanged, actor, Parts { facts, ..Parts::default() });
        Ok((Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::Written))
    }

    pub(super) fn build_place(name: &str, sequence: Sequence) -> (Transaction, ReplyPlan) {
        let changes = vec![Change::CursorPut { name: name.to_owned(), sequence }];
        (Transaction { changes, entries: vec![] }, ReplyPlan::Written)
    }

    /// Notes something that changes no record.
    pub(super) fn note_act(&mut self, actor: Actor, words: &str) {
        let value = ChangedValue { key: "act".to_owned(), before: None, after: Some(words.to_owned()) };
        let facts = Some(Facts::Changes(vec![value]));
        self.write_entry(EntryKind::OperatorActed, actor, Parts { facts, ..Parts::default() });
    }
}
