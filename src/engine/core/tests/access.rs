//! Who may do what, and what of it they are shown.

use crossbeam_channel::TryRecvError;
use ulid::Ulid;

use super::stand_ins::*;
use super::visit;
use crate::access::{Operator, OperatorId, Role};
use crate::attendance::{PersonId, PresenceState, StrangerId};
use crate::engine::approvals::{ApprovalId, ApprovalsCommand};
use crate::engine::command::attendance::AttendanceCommand;
use crate::engine::command::door::{DoorCommand, DoorError, TypedIdentifier};
use crate::engine::command::hooks::HookCommand;
use crate::engine::command::looking_up::PersonFacts;
use crate::engine::command::register::RegisterCommand;
use crate::engine::command::{
    Act, ChallengeOrder, Command, CommandError, EnrolmentSource, EnrolmentTarget, Reply, SelfTestOf,
    ShootingId, StoreCommand, ThresholdOrder,
};
use crate::engine::consent::{ConsentCommand, ConsentGiven};
use crate::engine::inbox::InboxCommand;
use crate::engine::operators::{OperatorsCommand, OperatorsError, OperatorsReply};
use crate::engine::retention::RetentionCommand;
use crate::engine::state::PreviewRequest;
use crate::engine::{EngineEvent, EngineHandle, RunningEngine, start};
use crate::ledger::{Actor, EntryKind, Facts, Sequence, Sha256Digest};
use crate::store::{KeptRecords, Store};

const NOBODY: PersonId = PersonId(Ulid(99));

/// Each command once, with its number and the least role that may give it. The numbers have no gap, so that
/// a command that is new must be here too.
fn numbered(command: &Command) -> (usize, Role) {
    use Role::{Admin, Observer, Operator};
    match command {
        Command::LedgerHead => (0, Observer),
        Command::Person(_) => (1, Observer),
        Command::Day { .. } => (2, Observer),
        Command::Consent(ConsentCommand::Text) => (3, Observer),
        Command::Enrol { .. } => (4, Operator),
        Command::TakeShot => (5, Operator),
        Command::BeginShooting => (6, Operator),
        Command::EndShooting(_) => (7, Operator),
        Command::SelfTest(_) => (8, Operator),
        Command::Identify(_) => (9, Operator),
        Command::Mark { .. } => (10, Operator),
        Command::People => (11, Observer),
        Command::Rename { .. } => (12, Operator),
        Command::Register(_) => (13, Operator),
        Command::NoteExport { .. } => (14, Operator),
        Command::VerifyLedger { .. } => (15, Operator),
        Command::Spaces => (16, Operator),
        Command::Inbox(_) => (17, Operator),
        Command::Challenge(_) => (18, Operator),
        Command::NotePadTest { .. } => (19, Operator),
        Command::NoteAct(_) => (20, Operator),
        Command::SetPaused(_) => (21, Operator),
        Command::Consent(ConsentCommand::Record(_)) => (22, Operator),
        Command::Consent(ConsentCommand::With { .. }) => (23, Operator),
        Command::Remove(_) => (24, Admin),
        Command::Erase { .. } => (25, Admin),
        Command::Export => (26, Admin),
        Command::ExportPerson(_) => (27, Admin),
        Command::Reembed { .. } => (28, Admin),
        Command::Operators(_) => (29, Admin),
        Command::Retention(_) => (30, Admin),
        Command::Consent(ConsentCommand::Withdraw { .. }) => (31, Admin),
        Command::Shutdown => (32, Admin),
        Command::Store(StoreCommand::Status) => (33, Observer),
        Command::Store(_) => (34, Admin),
        Command::Hooks(_) => (35, Admin),
        Command::Attendance(AttendanceCommand::Sessions | AttendanceCommand::Month(_)) => (36, Observer),
        Command::Attendance(_) => (37, Operator),
        Command::Door(_) => (38, Operator),
        Command::Look(_) => (39, Operator),
        Command::Approvals(ApprovalsCommand::Withdraw(_)) => (40, Operator),
        Command::Approvals(_) => (41, Admin),
        Command::Threshold(_) => (42, Admin),
    }
}

fn every_command() -> Vec<Command> {
    let digest = Sha256Digest([0; 32]);
    let target = || EnrolmentTarget::Existing(NOBODY);
    let enrol = || Command::Enrol { target: target(), source: EnrolmentSource::Shots(vec![]), anyway: true };
    vec![
        Command::LedgerHead,
        Command::Person(NOBODY),
        Command::Day { back: 0 },
        Command::Consent(ConsentCommand::Text),
        enrol(),
        Command::TakeShot,
        Command::BeginShooting,
        Command::EndShooting(ShootingId(1)),
        Command::SelfTest(SelfTestOf::Person(NOBODY)),
        Command::Identify(file(&[1])),
        Command::Mark { person: NOBODY, state: PresenceState::Left, note: None },
        Command::People,
        Command::Rename { person: NOBODY, name: "Bo".parse().unwrap() },
        Command::Register(RegisterCommand::Card(NOBODY)),
        Command::NoteExport { what: "x".to_owned() },
        Command::VerifyLedger { kept: vec![] },
        Command::Spaces,
        Command::Inbox(InboxCommand::Show(StrangerId(Ulid(1)))),
        Command::Challenge(ChallengeOrder::Begin),
        Command::NotePadTest { figures: "x".to_owned() },
        Command::NoteAct(Act::KioskLeft),
        Command::Look(crate::engine::state::SourceIndex::default()),
        Command::SetPaused(true),
        Command::Consent(ConsentCommand::Record(ConsentGiven { person: NOBODY, digest })),
        Command::Consent(ConsentCommand::With { digest, command: Box::new(enrol()) }),
        Command::Remove(NOBODY),
        Command::Erase { person: NOBODY, keeps: KeptRecords::None },
        Command::Export,
        Command::ExportPerson(NOBODY),
        Command::Reembed { dry_run: true },
        Command::Operators(OperatorsCommand::List),
        Command::Retention(RetentionCommand::Show),
        Command::Approvals(ApprovalsCommand::Withdraw(ApprovalId(1))),
        Command::Approvals(ApprovalsCommand::List),
        Command::Threshold(ThresholdOrder::Clear),
        Command::Consent(ConsentCommand::Withdraw { person: NOBODY, keeps: KeptRecords::None }),
        Command::Shutdown,
        Command::Store(StoreCommand::Status),
        Command::Store(StoreCommand::Erasures),
        Command::Hooks(HookCommand::Cursor { hook: "x".to_owned() }),
        Command::Attendance(AttendanceCommand::Sessions),
        Command::Attendance(AttendanceCommand::Times { accept: false }),
        Command::Door(DoorCommand::CheckIn { identifier: TypedIdentifier("x".to_owned()), pin: None }),
    ]
}

/// An operator of that role.
fn add(admin: &EngineHandle, name: &str, role: Role, uid: Option<u32>) -> Result<Operator, CommandError> {
    let command = OperatorsCommand::Add { name: name.parse().unwrap(), role, uid, key: None };
    match admin.call(Command::Operators(command))? {
        Reply::Operators(OperatorsReply::Changed(operator)) => Ok(operator),
        other => panic!("{other:?}"),
    }
}

fn handle_of(engine: &RunningEngine, operator: &Operator) -> EngineHandle {
    engine.handle(Actor::Operator(operator.id.0))
}

#[test]
fn every_command_is_for_its_role_and_those_above_it_alone() {
    let commands = every_command();
    let mut numbers: Vec<usize> = commands.iter().map(|command| numbered(command).0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..commands.len()).collect::<Vec<_>>(), "each command once");
    let store = SharedStore::new();
    let (engine, admin) = engine(&store);
    let operators = Role::ALL.map(|role| add(&admin, &role.to_string(), role, None).unwrap());
    let mut handles: Vec<(Option<Role>, EngineHandle)> =
        operators.iter().map(|operator| (Some(operator.role), handle_of(&engine, operator))).collect();
    handles.push((None, engine.handle(Actor::Operator(Ulid(77)))));
    handles.push((None, engine.handle(Actor::Local { uid: OWNER + 1 })));
    handles.push((None, engine.handle(Actor::Door)));
    handles.push((Some(Role::Admin), engine.handle(Actor::Local { uid: 0 })));
    handles.push((Some(Role::Admin), admin.clone()));
    let mut at_the_door = 0;
    for command in &commands {
        let (_, needs) = numbered(command);
        for (role, handle) in handles.iter().filter(|(role, _)| *role < Some(needs)) {
            let refused = handle.call(command.clone());
            // Who stands at the door has no role, and may say who they are.
            if matches!(command, Command::Door(_)) && refused == Err(DoorError::Off.into()) {
                at_the_door += 1;
                continue;
            }
            assert_eq!(refused, Err(CommandError::NotAllowed { needs, has: *role }), "{command:?}");
        }
    }
    assert_eq!(at_the_door, 1, "the door alone");
    let before = store.entries().len();
    assert_eq!(before, 3, "who was refused changed nothing: there are the three operators");
    // The last of them stops the engine.
    for command in &commands[..commands.len() - 1] {
        let (_, needs) = numbered(command);
        for (_, handle) in handles.iter().filter(|(role, _)| *role >= Some(needs)) {
            let reply = handle.call(command.clone());
            assert!(!matches!(reply, Err(CommandError::NotAllowed { .. })), "{command:?}: {reply:?}");
        }
    }
    engine.stop();
}

#[test]
fn a_refusal_says_what_is_needed_and_what_there_is() {
    let says = |has| CommandError::NotAllowed { needs: Role::Admin, has }.to_string();
    assert_eq!(says(Some(Role::Observer)), "this needs the role admin, and you are observer: ask an admin");
    assert!(says(None).contains("operators add"), "{}", says(None));
}

#[test]
fn an_observer_sees_who_is_here_and_no_face_likeness_or_note() {
    let store = SharedStore::new();
    let (first, admin) = engine(&store);
    let ana = person(enrol(&admin, "Ana", &[1]).unwrap());
    let note = Some("at the dentist".to_owned());
    admin.call(Command::Mark { person: ana, state: PresenceState::Left, note }).unwrap();
    super::register::set_pin(&admin, ana, "2468").unwrap();
    let operator = add(&admin, "Olga", Role::Operator, None).unwrap();
    let observer = add(&admin, "Otto", Role::Observer, None).unwrap();
    first.stop();
    let (engine, _admin, events) = watching(&store, visit(&[1, 9], 5));
    let (operator, observer) = (handle_of(&engine, &operator), handle_of(&engine, &observer));
    let nobody = engine.handle(Actor::Local { uid: OWNER + 1 });
    super::until_ended(&events);

    let seen = observer.snapshot();
    assert_eq!((seen.role, seen.roster.rows.len(), seen.roster.threshold), (Some(Role::Observer), 1, None));
    assert!(seen.live.tracks.is_empty() && seen.inbox.rows.is_empty());
    assert_eq!(seen.live.source().name, "script");
    let whole = operator.snapshot();
    assert!(whole.roster.threshold.is_some() && whole.inbox.rows.len() == 1);
    let none = nobody.snapshot();
    assert!(none.roster.rows.is_empty() && none.live.source().name.is_empty() && none.role.is_none());

    let log = observer.entries_since(Sequence(0), 100).unwrap();
    assert_eq!(log.len(), store.entries().len());
    assert!(log.iter().all(|entry| entry.similarity.is_none() && entry.best.is_none()));
    assert!(log.iter().all(|entry| entry.note.is_none()));
    let passage = log.iter().find(|entry| entry.kind == EntryKind::Passage).unwrap();
    assert_eq!((passage.person, passage.name.is_some()), (Some(ana), true));
    let whole = operator.entries_since(Sequence(0), 100).unwrap();
    assert!(whole.iter().any(|entry| entry.similarity.is_some()));
    assert!(whole.iter().any(|entry| entry.note.is_some()));
    assert!(nobody.entries_since(Sequence(0), 100).unwrap().is_empty());

    let Ok(Reply::Person(details)) = observer.call(Command::Person(ana)) else { panic!() };
    assert!(details.face.is_none() && details.entries.iter().all(|entry| entry.similarity.is_none()));
    assert_eq!(details.facts, PersonFacts::default(), "mail, PIN and consent are not theirs to see");
    let Ok(Reply::Person(whole)) = operator.call(Command::Person(ana)) else { panic!() };
    assert!(whole.facts.has_pin);
    let needs = CommandError::NotAllowed { needs: Role::Operator, has: Some(Role::Observer) };
    assert_eq!(observer.whole_entry(Sequence(1)), Err(needs.clone()));
    assert_eq!(observer.threshold_state(facts().matching()), Err(needs));
    assert!(operator.whole_entry(Sequence(1)).unwrap().is_some());
    engine.stop();
}

#[test]
fn an_observer_is_given_no_picture_however_they_ask() {
    let store = SharedStore::new();
    let (feed, fed) = crossbeam_channel::bounded(1);
    let (engine, admin, _events) = super::live(&store, fed);
    let observer = handle_of(&engine, &add(&admin, "Otto", Role::Observer, None).unwrap());
    let request = PreviewRequest { max_width: 32, max_height: 32, max_fps: 30.0 };
    admin.request_preview(Some(request));
    // An observer cannot take the preview of others away either.
    observer.request_preview(None);
    super::feed_until(&feed, &[1], || admin.preview().is_some());
    assert!(observer.preview().is_none());
    drop(feed);
    engine.stop();
}

#[test]
fn events_are_as_little_as_the_role_and_a_changed_role_holds_at_once() {
    let store = SharedStore::new();
    let (engine, admin) = engine(&store);
    let otto = add(&admin, "Otto", Role::Observer, None).unwrap();
    let observer = handle_of(&engine, &otto);
    let (told, nothing) = (observer.subscribe(100), engine.handle(Actor::Door).subscribe(100));
    let ana = person(enrol(&admin, "Ana", &[1]).unwrap());
    let mark = |note: &str| {
        let note = Some(note.to_owned());
        admin.call(Command::Mark { person: ana, state: PresenceState::Left, note }).unwrap();
        let notes = told.try_iter().filter_map(|event| match event {
            EngineEvent::Entry(entry) if entry.kind == EntryKind::Mark => Some(entry.note),
            _ => None,
        });
        notes.collect::<Vec<_>>()
    };
    assert_eq!(mark("a secret"), [None]);
    let set = |role| admin.call(Command::Operators(OperatorsCommand::SetRole(otto.id, role))).unwrap();
    assert!(matches!(observer.call(Command::Spaces), Err(CommandError::NotAllowed { .. })));
    set(Role::Operator);
    assert_eq!(observer.role(), Some(Role::Operator));
    observer.call(Command::Spaces).unwrap();
    assert_eq!(mark("for operators"), [Some("for operators".to_owned())]);
    set(Role::Observer);
    assert!(matches!(observer.call(Command::Spaces), Err(CommandError::NotAllowed { .. })));
    assert_eq!(mark("a secret again"), [None]);
    admin.call(Command::Operators(OperatorsCommand::Remove(otto.id))).unwrap();
    assert!(mark("for nobody").is_empty() && observer.snapshot().roster.rows.is_empty());
    assert_eq!(nothing.try_recv(), Err(TryRecvError::Disconnected));
    engine.stop();
}

#[test]
fn an_operators_entry_names_their_id_and_no_name_and_one_way_in_stays() {
    let store = SharedStore::new();
    let (engine, admin) = engine(&store);
    let otto = add(&admin, "Otto Name", Role::Operator, Some(1007)).unwrap();
    let entry = store.entries().pop().unwrap();
    let said = serde_json::to_string(&entry).unwrap();
    assert_eq!(entry.head.kind, EntryKind::OperatorChanged);
    assert!(said.contains(&otto.id.to_string()) && !said.contains("Otto"), "{said}");
    let Some(Facts::Changes(values)) = entry.parts.facts else { panic!() };
    let after: Vec<&str> = values.iter().filter_map(|value| value.after.as_deref()).collect();
    assert_eq!(after, ["operator", "1007"]);
    let local = engine.handle(Actor::Local { uid: 1007 });
    assert_eq!(local.role(), Some(Role::Operator));
    let taken = add(&admin, "Other", Role::Operator, Some(1007)).unwrap_err();
    assert!(matches!(taken, CommandError::Operators(OperatorsError::AccountTaken { uid: 1007, .. })));
    let taken = add(&admin, "Otto Name", Role::Admin, None).unwrap_err();
    assert!(matches!(taken, CommandError::Operators(OperatorsError::NameTaken { .. })));
    // Root stays, so the engine's own account may be less; then root may not be.
    let own = add(&admin, "Owner", Role::Observer, Some(OWNER)).unwrap();
    assert_eq!(admin.role(), Some(Role::Observer));
    let root = engine.handle(Actor::Local { uid: 0 });
    let locked = add(&root, "Root", Role::Operator, Some(0)).unwrap_err();
    assert_eq!(locked, OperatorsError::NoWayIn.into());
    root.call(Command::Operators(OperatorsCommand::Remove(own.id))).unwrap();
    assert_eq!(admin.role(), Some(Role::Admin));
    let unknown = OperatorsCommand::Remove(OperatorId(Ulid(5)));
    let unknown = admin.call(Command::Operators(unknown)).unwrap_err();
    assert_eq!(unknown, OperatorsError::NoSuchOperator.into());
    engine.stop();
    let again = start(parts(&store)).unwrap();
    assert_eq!(again.handle(Actor::Operator(otto.id.0)).role(), Some(Role::Operator));
    again.stop();
    store.verify().unwrap();
}
