//! Other settings while the engine runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::attendance::AttendanceRules;
use crate::attendance::rules::IdentifierUse;
use crate::engine::command::Command;
use crate::engine::consent::ConsentCommand;
use crate::engine::{CommandError, EngineSettings, Reply};
use crate::face::Similarity;
use crate::identify::{Threshold, ThresholdBasis, ThresholdPolicy};
use crate::ledger::{EntryKind, Facts};
use crate::store::Store;

use super::stand_ins::*;

fn values(debounce: &str) -> Vec<(String, String)> {
    vec![("a.debounce".to_owned(), debounce.to_owned()), ("a.other".to_owned(), "1".to_owned())]
}

#[test]
fn settings_that_are_given_while_it_runs_hold_and_are_noted() {
    let store = SharedStore::new();
    let (engine, handle, events) =
        watching_with(&store, visit(&[1], 2), |settings| settings.configuration = values("60"));
    super::until_ended(&events);
    assert!(matches!(handle.snapshot().roster.threshold_basis, Some(ThresholdBasis::Card)));
    let mut new = EngineSettings {
        threshold: ThresholdPolicy {
            fixed: Some(Threshold(Similarity(0.625))),
            ..ThresholdPolicy::default()
        },
        debounce: TimeDelta::seconds(5),
        rules: Arc::new(AttendanceRules {
            identifier: IdentifierUse::Identifier,
            ..AttendanceRules::default()
        }),
        configuration: values("5"),
        // What cannot change is not taken.
        owner_uid: OWNER + 1,
        ..EngineSettings::default()
    };
    new.consent.required = true;
    engine.host().reconfigure(new.clone()).unwrap();
    let roster = handle.snapshot().roster;
    assert_eq!(roster.threshold, Some(Threshold(Similarity(0.625))));
    assert!(matches!(roster.threshold_basis, Some(ThresholdBasis::Configured)));
    let Reply::ConsentText(consent) = handle.call(Command::Consent(ConsentCommand::Text)).unwrap() else {
        panic!()
    };
    assert!(consent.required);
    let refused = enrol(&handle, "Ana", &[1]);
    assert!(matches!(refused, Err(CommandError::Consent(_))), "{refused:?}");
    // The same again is nothing new.
    engine.host().reconfigure(new).unwrap();
    engine.stop();
    let noted: Vec<Facts> = store
        .entries()
        .into_iter()
        .filter(|entry| entry.head.kind == EntryKind::ConfigurationChanged)
        .filter_map(|entry| entry.parts.facts)
        .collect();
    let [_, Facts::Changes(changes)] = noted.as_slice() else { panic!("{noted:?}") };
    let changed: Vec<_> = changes.iter().filter(|value| value.before != value.after).collect();
    assert_eq!((changed.len(), changed[0].after.as_deref()), (1, Some("5")));
    store.verify().unwrap();
}

#[test]
fn an_engine_answers_its_host_until_it_has_ended() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let host = engine.host();
    assert!(host.answers_within(Duration::from_secs(60)));
    // A store that hangs is no engine that hangs.
    let held = store.hold();
    let pending = handle.send(Command::LedgerHead);
    assert!(host.answers_within(Duration::from_secs(60)));
    drop(held);
    pending.wait().unwrap();
    engine.stop();
    assert!(!host.answers_within(Duration::from_secs(60)));
}
