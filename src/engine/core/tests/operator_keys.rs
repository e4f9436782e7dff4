//! The keys that operators come with, and where the ledger says which it was.

use super::stand_ins::*;
use super::{Actor, EntryKind, Store, enrol, person};
use crate::access::{Operator, PublicKey, Role};
use crate::attendance::PresenceState;
use crate::engine::command::{Command, CommandError, Reply};
use crate::engine::operators::{OperatorsCommand, OperatorsError, OperatorsReply};
use crate::engine::why::why;
use crate::engine::{EngineHandle, start};
use crate::ledger::{Facts, Sequence};

fn key(line: &str) -> PublicKey {
    line.trim_end().parse().unwrap()
}

fn ed25519() -> PublicKey {
    key(include_str!("../../../access/public_key/keys/ed25519.pub"))
}

fn add(admin: &EngineHandle, name: &str, key: Option<PublicKey>) -> Result<Operator, CommandError> {
    let name = name.parse().unwrap();
    let command = OperatorsCommand::Add { name, role: Role::Operator, uid: None, key };
    match admin.call(Command::Operators(command))? {
        Reply::Operators(OperatorsReply::Changed(operator)) => Ok(operator),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_one_operators_alone_and_free_again_when_they_are_gone() {
    let store = SharedStore::new();
    let (engine, admin) = super::engine(&store);
    let otto = add(&admin, "Otto", Some(ed25519())).unwrap();
    let again = add(&admin, "Olga", Some(ed25519())).unwrap_err();
    assert_eq!(again, OperatorsError::KeyTaken { name: "Otto".parse().unwrap() }.into());
    add(&admin, "Olga", Some(key(include_str!("../../../access/public_key/keys/ecdsa_256.pub")))).unwrap();
    // Who has no key takes none from anybody else without one.
    add(&admin, "Ben", None).unwrap();
    add(&admin, "Bea", None).unwrap();
    admin.call(Command::Operators(OperatorsCommand::Remove(otto.id))).unwrap();
    add(&admin, "Other", Some(ed25519())).unwrap();
    engine.stop();
}

#[test]
fn the_fingerprint_is_in_each_entry_of_theirs_also_when_they_are_gone() {
    let store = SharedStore::new();
    let (engine, admin) = super::engine(&store);
    let ana = person(enrol(&admin, "Ana", &[1]).unwrap());
    let (otto, bea) = (add(&admin, "Otto", Some(ed25519())).unwrap(), add(&admin, "Bea", None).unwrap());
    let marked = |operator: &Operator| {
        let handle = engine.handle(Actor::Operator(operator.id.0));
        let mark = Command::Mark { person: ana, state: PresenceState::Left, note: None };
        match handle.call(mark).unwrap() {
            Reply::Written(entry) => entry.sequence,
            other => panic!("{other:?}"),
        }
    };
    let (of_otto, of_bea) = (marked(&otto), marked(&bea));
    admin.call(Command::Operators(OperatorsCommand::Remove(otto.id))).unwrap();
    engine.stop();
    let fingerprint = ed25519().fingerprint();

    // Whoever reads it later has the ledger alone.
    let engine = start(parts(&store)).unwrap();
    let admin = engine.handle(Actor::Local { uid: OWNER });
    let log = admin.entries_since(Sequence(0), 100).unwrap();
    let key_of = |sequence| log.iter().find(|entry| entry.sequence == sequence).unwrap().operator_key;
    assert_eq!((key_of(of_otto), key_of(of_bea)), (Some(fingerprint), None));
    let by_others = log.iter().filter(|entry| !matches!(entry.actor, Actor::Operator(_)));
    assert!(by_others.clone().count() >= 4 && by_others.clone().all(|entry| entry.operator_key.is_none()));
    let whole = admin.whole_entry(of_otto).unwrap().unwrap();
    assert!(why(&whole).iter().any(|line| line.text.contains(&fingerprint.to_string())));
    // And both ends of it are in the list's own entries.
    let values = store.entries().into_iter().filter_map(|entry| match entry.parts.facts {
        Some(Facts::Changes(values)) if entry.head.kind == EntryKind::OperatorChanged => Some(values),
        _ => None,
    });
    let of_keys = values.flatten().filter(|value| value.key == format!("operator.{}.key", otto.id));
    let of_keys: Vec<_> = of_keys.map(|value| (value.before, value.after)).collect();
    let text = || Some(fingerprint.to_string());
    assert_eq!(of_keys, [(None, text()), (text(), None)]);
    engine.stop();
    store.verify().unwrap();
}
