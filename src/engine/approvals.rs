//! What one admin asks for and another confirms.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::TwoPersonDeed;
use crate::attendance::{PersonId, PersonName};
use crate::ledger::Actor;

/// Requests that wait at most.
pub const MOST_REQUESTS: usize = 32;
/// Requests of one person that wait at most.
pub const MOST_OF_ONE: usize = 8;

/// What the site wants two people for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// For what.
    pub deeds: BTreeSet<TwoPersonDeed>,
    /// How long a request waits.
    pub waits: Duration,
    /// Whether somebody else can come to this engine at all: nobody can to one that a subcommand has for itself.
    pub has_others: bool,
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        Self { deeds: BTreeSet::new(), waits: Duration::from_secs(15 * 60), has_others: true }
    }
}

/// Names a request for as long as the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(pub u64);

impl std::fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be done about requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalsCommand {
    /// All that wait.
    List,
    /// It is to be done. Never by whoever asked.
    Confirm(ApprovalId),
    /// It is not to be done.
    Refuse(ApprovalId),
    /// Whoever asked does not want it any more.
    Withdraw(ApprovalId),
}

/// A request that waits, as somebody sees it who may confirm it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// Names it.
    pub id: ApprovalId,
    /// Why two are wanted.
    pub deed: TwoPersonDeed,
    /// Who asked.
    pub asked_by: Actor,
    /// What they are called, where they are an operator.
    pub asker: Option<PersonName>,
    /// What is to be done, without a name.
    pub what: String,
    /// To whom, where it is about somebody.
    pub person: Option<PersonId>,
    /// What they are called.
    pub name: Option<PersonName>,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
    /// Whether whoever looks asked it.
    pub is_own: bool,
}

impl ApprovalView {
    /// Who asked, in words.
    pub fn asker_words(&self) -> String {
        match (&self.asker, &self.asked_by) {
            (Some(name), _) => name.to_string(),
            (None, Actor::Local { uid }) => format!("user {uid}"),
            (None, Actor::Operator(id)) => format!("operator {id}"),
            (None, Actor::System | Actor::Door) => "muster".to_owned(),
        }
    }

    /// What is to be done, and to whom.
    pub fn words(&self) -> String {
        match (&self.name, self.person) {
            (Some(name), Some(person)) => format!("{}: {name} (id {person})", self.what),
            (None, Some(person)) => format!("{}: id {person}", self.what),
            (_, None) => self.what.clone(),
        }
    }
}

/// Why a request did not come to anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ApprovalError {
    /// Nobody else can confirm it.
    #[error(
        "another admin must confirm this ([access] two_person), and nobody else can come to an engine that one command \
         has for itself: do it while `muster` or `muster serve` runs, so that another can confirm"
    )]
    NobodyElse,
    /// As many wait as there is room for.
    #[error("too many requests wait for another admin: see `muster approvals`, and withdraw or refuse some")]
    TooMany,
    /// It does not wait (any more).
    #[error(
        "no request {id} waits: it was confirmed, refused, withdrawn or is too old; `muster approvals` lists those that do"
    )]
    NoSuchRequest {
        /// Which.
        id: ApprovalId,
    },
    /// Whoever asked cannot confirm, by whatever account or key.
    #[error("you asked for this yourself: another admin must confirm it; `withdraw` takes it back")]
    Own,
    /// Somebody else asked.
    #[error("somebody else asked for this: you can confirm or refuse it, not withdraw it")]
    NotYours,
    /// Whoever asked has not the role any more.
    #[error("whoever asked for this may not any more: nothing is done")]
    AskerMayNot,
    /// Another admin said no.
    #[error("another admin refused it: nothing was done")]
    Refused,
    /// Whoever asked took it back.
    #[error("it was withdrawn: nothing was done")]
    Withdrawn,
    /// Nobody confirmed it in time.
    #[error("no other admin confirmed it in time: nothing was done; ask again when one is there")]
    Expired,
    /// The engine stopped first.
    #[error("muster stopped before another admin confirmed it: nothing was done; ask again")]
    Stopped,
}
