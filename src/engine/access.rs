//! Who may do what with an engine, and what of it they are shown.
//!
//! Everything that asks the engine for something has an [`Actor`] that it cannot change. The role of an actor
//! is looked up at every command, every event and every look at the board, so that a role that is changed
//! holds at once, also for those who are connected.

use std::collections::BTreeMap;

use super::approvals::ApprovalsCommand;
use super::command::attendance::{AttendanceCommand, AttendanceReply};
use super::command::looking_up::PersonFacts;
use super::command::{Command, CommandError, Reply, StoreCommand, StoreReply};
use super::consent::ConsentCommand;
use super::event::{EngineEvent, LogEntry};
use super::state::{LiveState, RosterState};
use crate::access::{Operator, OperatorId, Role};
use crate::attendance::{Particulars, Person};
use crate::ledger::{Actor, Facts};

/// The least role that may give `command`. There is no arm for the rest: a command that is new has its role
/// here, or the program does not build.
pub fn required(command: &Command) -> Role {
    match command {
        // Who was here is told by name, also of those who are on the roster no more.
        Command::LedgerHead | Command::People | Command::Person(_) | Command::Day { .. } => Role::Observer,
        Command::Enrol { .. }
        | Command::TakeShot
        | Command::BeginShooting
        | Command::EndShooting(_)
        | Command::SelfTest(_)
        | Command::Identify(_)
        | Command::Mark { .. }
        | Command::Rename { .. }
        | Command::Register(_)
        | Command::Door(_)
        | Command::NoteExport { .. }
        | Command::VerifyLedger { .. }
        | Command::Spaces
        | Command::Inbox(_)
        | Command::Challenge(_)
        | Command::NotePadTest { .. }
        | Command::NoteAct(_)
        | Command::Look(_)
        | Command::SetPaused(_) => Role::Operator,
        Command::Remove(_)
        | Command::Erase { .. }
        | Command::Export
        | Command::ExportPerson(_)
        | Command::Reembed { .. }
        | Command::Operators(_)
        | Command::Threshold(_)
        | Command::Retention(_)
        | Command::Hooks(_)
        | Command::Shutdown => Role::Admin,
        Command::Attendance(command) => match command {
            AttendanceCommand::Sessions | AttendanceCommand::Month(_) => Role::Observer,
            AttendanceCommand::OpenSession { .. }
            | AttendanceCommand::CloseSession(_)
            | AttendanceCommand::Excuse { .. }
            | AttendanceCommand::Correct(_)
            | AttendanceCommand::Times { .. } => Role::Operator,
        },
        Command::Store(command) => match command {
            StoreCommand::Status => Role::Observer,
            StoreCommand::BackUp { .. } | StoreCommand::Compact | StoreCommand::Erasures => Role::Admin,
        },
        Command::Approvals(command) => match command {
            // Somebody may have asked who is less than an admin: for the export of a report.
            ApprovalsCommand::Withdraw(_) => Role::Operator,
            ApprovalsCommand::List | ApprovalsCommand::Confirm(_) | ApprovalsCommand::Refuse(_) => {
                Role::Admin
            }
        },
        Command::Consent(command) => match command {
            ConsentCommand::Text => Role::Observer,
            ConsentCommand::Record(_) => Role::Operator,
            ConsentCommand::With { command, .. } => required(command).max(Role::Operator),
            ConsentCommand::Withdraw { .. } => Role::Admin,
        },
    }
}

/// Whether somebody at the door may give `command`: one who has no account and no role.
pub fn door_may(command: &Command) -> bool {
    // A face is no command; an identifier is.
    matches!(command, Command::Door(_))
}

/// The roles that hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    owner_uid: u32,
    operators: BTreeMap<OperatorId, (Role, Option<u32>)>,
    /// Of whoever looks, at the far end of a connection, where the engine said it.
    told: Option<Told>,
}

/// A role that the engine said, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told(Option<Role>);

impl Access {
    /// The account `owner_uid`, which the engine runs as, and root are admins, as long as no operator has
    /// that account.
    pub fn new(owner_uid: u32) -> Self {
        Self { owner_uid, ..Self::default() }
    }

    /// Everybody has `role`: of the one client at the far end of a connection nobody else is known.
    pub fn told(role: Option<Role>) -> Self {
        Self { told: Some(Told(role)), ..Self::default() }
    }

    /// The same with `operators`.
    pub fn with<'a>(self, operators: impl IntoIterator<Item = &'a Operator>) -> Self {
        let role = |operator: &Operator| (operator.id, (operator.role, operator.uid));
        Self { operators: operators.into_iter().map(role).collect(), ..self }
    }

    /// What `actor` may do; none where nothing.
    pub fn role_of(&self, actor: &Actor) -> Option<Role> {
        if let Some(Told(role)) = self.told {
            return role;
        }
        match actor {
            Actor::System => Some(Role::Admin),
            Actor::Operator(id) => self.operators.get(&OperatorId(*id)).map(|(role, _)| *role),
            Actor::Local { uid } => self.role_of_uid(*uid),
            Actor::Door => None,
        }
    }

    fn role_of_uid(&self, uid: u32) -> Option<Role> {
        let operator = self.operators.values().find(|(_, account)| *account == Some(uid));
        let is_owner = uid == 0 || uid == self.owner_uid;
        operator.map(|(role, _)| *role).or(is_owner.then_some(Role::Admin))
    }

    /// Whether root or the engine's own account is an admin: there must be a way in that no list can close.
    pub fn has_way_in(&self) -> bool {
        [0, self.owner_uid].into_iter().any(|uid| self.role_of_uid(uid) == Some(Role::Admin))
    }

    /// Whether `actor` has at least the role `needs`.
    ///
    /// # Errors
    /// [`CommandError::NotAllowed`]
    pub fn check(&self, actor: &Actor, needs: Role) -> Result<(), CommandError> {
        let has = self.role_of(actor);
        if has >= Some(needs) { Ok(()) } else { Err(CommandError::NotAllowed { needs, has }) }
    }

    /// Whether `actor` may give `command`.
    ///
    /// # Errors
    /// [`CommandError::NotAllowed`]
    pub fn check_command(&self, actor: &Actor, command: &Command) -> Result<(), CommandError> {
        if *actor == Actor::Door && door_may(command) {
            return Ok(());
        }
        self.check(actor, required(command))
    }
}

/// What `role` is shown of an entry. An observer sees what happened to whom and how it was known, and neither
/// similarities nor what somebody wrote, which can be anybody's illness.
pub fn entry_for(role: Role, entry: LogEntry) -> LogEntry {
    if role > Role::Observer {
        return entry;
    }
    // The engine's own words of no one: why a source was lost.
    let is_own = entry.actor == Actor::System && entry.person.is_none();
    LogEntry {
        similarity: None,
        best: None,
        operator_key: None,
        note: entry.note.filter(|_| is_own),
        facts: entry.facts.filter(|facts| {
            matches!(facts, Facts::Session(_) | Facts::SessionClosed(_) | Facts::ClockStep { .. })
        }),
        ..entry
    }
}

/// What `role` is told of an event; none for one that is not for them.
pub(super) fn event_for(role: Option<Role>, event: &EngineEvent) -> Option<EngineEvent> {
    match (role, event) {
        (_, EngineEvent::Stopped | EngineEvent::RoleChanged) => Some(event.clone()),
        (None, _) | (Some(Role::Observer), EngineEvent::ChallengeEnded { .. }) => None,
        (Some(Role::Observer | Role::Operator), EngineEvent::ApprovalsChanged) => None,
        (Some(Role::Observer), EngineEvent::Entry(entry)) => {
            Some(EngineEvent::Entry(entry_for(Role::Observer, entry.clone())))
        }
        (
            Some(Role::Observer),
            EngineEvent::Decided { track, at, seen_since, person, similarity: _, label: _ },
        ) => {
            let (track, at, seen_since, person) = (*track, *at, *seen_since, *person);
            Some(EngineEvent::Decided { track, at, seen_since, person, similarity: None, label: None })
        }
        (Some(_), event) => Some(event.clone()),
    }
}

/// What an observer is shown of what is different with every frame: the source, the nets and the store, and
/// nobody's face, box or likeness.
pub(super) fn live_for_observer(live: &LiveState) -> LiveState {
    LiveState {
        tracks: Vec::new(),
        shooting: None,
        challenge: None,
        sources: live.sources.clone(),
        focus: live.focus,
        inference: live.inference.clone(),
        stage_times_ms: live.stage_times_ms.clone(),
        store_fault: live.store_fault.clone(),
        store_queue: live.store_queue,
        store_disk: live.store_disk,
        not_recorded: live.not_recorded,
    }
}

/// What an observer is shown of the roster: who there is and who is here.
pub(super) fn roster_for_observer(roster: &RosterState) -> RosterState {
    RosterState {
        rows: roster.rows.clone(),
        templates: roster.templates,
        foreign_templates: roster.foreign_templates,
        threshold: None,
        threshold_basis: None,
        sessions: roster.sessions.clone(),
        planned: roster.planned.clone(),
        unsure_times: roster.unsure_times,
    }
}

/// What `role` is given of a reply. There is no arm for the rest, as in [`required`].
pub(super) fn reply_for(role: Role, reply: Reply) -> Result<Reply, CommandError> {
    if role > Role::Observer {
        return Ok(reply);
    }
    let entries = |entries: Vec<LogEntry>| entries.into_iter().map(|entry| entry_for(role, entry)).collect();
    match reply {
        Reply::Person(mut details) => {
            (details.face, details.facts) = (None, PersonFacts::default());
            details.entries = entries(std::mem::take(&mut details.entries));
            Ok(Reply::Person(details))
        }
        Reply::Day(mut day) => {
            day.entries = entries(std::mem::take(&mut day.entries));
            Ok(Reply::Day(day))
        }
        Reply::People(people) => {
            let shown = |mut person: Person| {
                let groups = std::mem::take(&mut person.particulars.groups);
                person.particulars = Particulars { groups, ..Particulars::default() };
                person
            };
            Ok(Reply::People(people.into_iter().map(shown).collect()))
        }
        Reply::Written(entry) => Ok(Reply::Written(entry_for(role, entry))),
        Reply::Store(reply) if matches!(*reply, StoreReply::Status(_)) => Ok(Reply::Store(reply)),
        Reply::Attendance(AttendanceReply::Sessions(_) | AttendanceReply::Month(_)) => Ok(reply),
        // Who asks at the door has no role of their own, and is told what became of it.
        Reply::Door(_) | Reply::Ledger(_) | Reply::ConsentText(_) | Reply::Done => Ok(reply),
        Reply::Enrolled { .. }
        | Reply::Shot(_)
        | Reply::Shooting(_)
        | Reply::Shots(_)
        | Reply::SelfTest(_)
        | Reply::Identified(_)
        | Reply::Register(_)
        | Reply::Hooks(_)
        | Reply::Roster { .. }
        | Reply::Erased(_)
        | Reply::PersonExport(_)
        | Reply::Operators(_)
        | Reply::Approvals(_)
        | Reply::Retention(_)
        | Reply::Spaces(_)
        | Reply::Reembedded(_)
        | Reply::Store(_)
        | Reply::Verified(_)
        | Reply::Attendance(_)
        | Reply::Inbox(_) => Err(CommandError::NotAllowed { needs: Role::Operator, has: Some(role) }),
    }
}
