//! The threshold in force as the gallery grows and shrinks, and entries asked for whole.

use crate::engine::command::{Command, CommandError, Reply, ThresholdOrder};
use crate::engine::{EngineHandle, start};
use crate::face::Similarity;
use crate::identify::threshold::{TailFit, TailSpread};
use crate::identify::{Threshold, ThresholdBasis, ThresholdPolicy};
use crate::inference::AnalyserFacts;
use crate::ledger::{Actor, EntryKind, Sequence};

use super::Store;
use super::stand_ins::*;

/// Nets whose impostors have a tail that asks for more than the card's threshold with few people.
fn measured() -> AnalyserFacts {
    let impostors = TailFit {
        start: 0.2,
        share: 0.02,
        scale: 0.05,
        mean: 0.0,
        highest: 0.4,
        pairs: 10_000,
        people: 50,
        spread: TailSpread { log_share: 0.05, log_scale: 0.02, covariance: 0.01 },
    };
    AnalyserFacts { impostors: Some(impostors), threshold: Threshold(Similarity(0.3)), ..facts() }
}

fn in_force(handle: &EngineHandle) -> (f32, ThresholdBasis) {
    let roster = handle.snapshot().roster;
    (roster.threshold.unwrap().0.0, roster.threshold_basis.unwrap())
}

#[test]
fn the_threshold_follows_the_gallery() {
    let store = SharedStore::new();
    let engine = start(parts_with(&store, measured())).unwrap();
    let handle = engine.handle(Actor::System);
    let ana = person(enrol(&handle, "Ana", &[1]).unwrap());
    let (alone, basis) = in_force(&handle);
    assert!(matches!(basis, ThresholdBasis::Derived { people: 1, templates: 1, .. }), "{basis:?}");
    enrol(&handle, "Bo", &[2]).unwrap();
    enrol(&handle, "Cy", &[3]).unwrap();
    let (three, basis) = in_force(&handle);
    assert!(three > alone, "{three} with three people, {alone} with one");
    assert!(matches!(basis, ThresholdBasis::Derived { people: 3, at_floor: false, extrapolated: true, .. }));
    handle.call(Command::Remove(ana)).unwrap();
    let (two, _) = in_force(&handle);
    assert!(alone < two && two < three, "{alone}, {two}, {three}");
    engine.stop();
}

#[test]
fn a_configured_threshold_holds_and_is_known_before_the_nets() {
    let store = SharedStore::new();
    let mut all = parts_with(&store, measured());
    let fixed = Some(Threshold(Similarity(0.62)));
    all.settings.threshold = ThresholdPolicy { fixed, ..ThresholdPolicy::default() };
    all.load_analyser = None;
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::System);
    // An answer comes after the roster is on the board.
    handle.entries_since(Sequence(0), 1).unwrap();
    assert_eq!(in_force(&handle), (0.62, ThresholdBasis::Configured));
    engine.stop();
}

#[test]
fn what_an_admin_set_goes_before_the_rest_until_it_is_taken_back_and_outlasts_the_engine() {
    let store = SharedStore::new();
    let fixed = Some(Threshold(Similarity(0.62)));
    let all = || {
        let mut all = parts_with(&store, measured());
        all.settings.threshold = ThresholdPolicy { fixed, ..ThresholdPolicy::default() };
        all
    };
    let engine = start(all()).unwrap();
    let handle = engine.handle(Actor::Local { uid: OWNER });
    enrol(&handle, "Ana", &[1]).unwrap();
    let set = |handle: &EngineHandle, value| {
        handle.call(Command::Threshold(ThresholdOrder::Set(Threshold(Similarity(value)))))
    };
    for wrong in [0.0, -0.1, 1.01, f32::NAN] {
        assert_eq!(set(&handle, wrong), Err(CommandError::NoThreshold), "{wrong}");
    }
    let Ok(Reply::Written(entry)) = set(&handle, 0.7) else { panic!() };
    assert_eq!((entry.kind, entry.actor), (EntryKind::ThresholdChanged, Actor::Local { uid: OWNER }));
    assert_eq!(in_force(&handle), (0.7, ThresholdBasis::Configured));
    engine.stop();

    let engine = start(all()).unwrap();
    let handle = engine.handle(Actor::Local { uid: OWNER });
    assert_eq!(handle.threshold_state(measured().matching()).unwrap().in_force.threshold.0.0, 0.7);
    handle.call(Command::Threshold(ThresholdOrder::Clear)).unwrap();
    assert_eq!(handle.threshold_state(measured().matching()).unwrap().in_force.threshold.0.0, 0.62);
    engine.stop();
    let engine = start(all()).unwrap();
    let handle = engine.handle(Actor::Local { uid: OWNER });
    assert_eq!(handle.threshold_state(measured().matching()).unwrap().in_force.threshold.0.0, 0.62);
    engine.stop();
    store.verify().unwrap();
}

/// What `muster threshold` asks: the store's templates are those of the card's net, which is not
/// loaded.
#[test]
fn what_is_known_of_the_threshold_needs_no_nets() {
    let store = SharedStore::new();
    let engine = start(parts_with(&store, measured())).unwrap();
    let handle = engine.handle(Actor::System);
    for (name, face) in [("Ana", 1), ("Bo", 2), ("Cy", 3)] {
        enrol(&handle, name, &[face]).unwrap();
    }
    let running = handle.threshold_state(measured().matching()).unwrap();
    engine.stop();

    let mut all = parts(&store);
    all.load_analyser = None;
    let engine = start(all).unwrap();
    let handle = engine.handle(Actor::System);
    let state = handle.threshold_state(measured().matching()).unwrap();
    assert_eq!(state.in_force, running.in_force);
    assert_eq!((state.size.people, state.size.templates, state.foreign_templates), (3, 3, 0));
    assert_eq!(state.model.unwrap().site.unwrap().pairs, 3);
    assert_eq!(state.alike.len(), 3);
    assert!(state.alike.iter().all(|pair| pair.similarity.0 < 0.2), "{:?}", state.alike);
    let other = crate::inference::MatchingFacts {
        space: crate::face::EmbeddingSpace([9; 32]),
        ..measured().matching()
    };
    let foreign = handle.threshold_state(other).unwrap();
    assert_eq!((foreign.size.templates, foreign.foreign_templates), (0, 3));
    engine.stop();
}

#[test]
fn an_entry_is_given_whole_with_the_names_of_now() {
    let store = SharedStore::new();
    let (engine, handle) = engine(&store);
    let Ok(Reply::Enrolled { person, .. }) = enrol(&handle, "Ana", &[1]) else { panic!() };
    handle.call(Command::Rename { person: person.id, name: "Ana Meier".parse().unwrap() }).unwrap();
    let whole = handle.whole_entry(Sequence(1)).unwrap().unwrap();
    assert_eq!(whole.entry.head.kind, EntryKind::Enrolled);
    assert_eq!(whole.entry.parts.record.as_ref().unwrap().person, person.id);
    assert_eq!(whole.name(person.id), "Ana Meier");
    assert_eq!(handle.whole_entries_since(Sequence(0), 10).unwrap().len(), 2);
    assert_eq!((handle.whole_entry(Sequence(0)), handle.whole_entry(Sequence(3))), (Ok(None), Ok(None)));
    engine.stop();
    assert_eq!(handle.whole_entry(Sequence(1)), Err(CommandError::Stopped));
}
