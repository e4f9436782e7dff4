//! The list of operators, as an admin changes it.

use serde::{Deserialize, Serialize};

use crate::access::{Operator, OperatorId, PublicKey, Role};
use crate::attendance::PersonName;

/// What can be done about operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorsCommand {
    /// All of them.
    List,
    /// One more.
    Add {
        /// What they are called; nobody else of the list may be.
        name: PersonName,
        /// What they may do.
        role: Role,
        /// The account of this machine that they are.
        uid: Option<u32>,
        /// The public key that they come with over SSH; nobody else of the list may.
        key: Option<PublicKey>,
    },
    /// Another role. It holds at once, also for who is connected.
    SetRole(OperatorId, Role),
    /// One less. Who is connected is refused from then on.
    Remove(OperatorId),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorsReply {
    /// All of them, by name.
    List(Vec<Operator>),
    /// The operator as they are now, or as they were removed.
    Changed(Operator),
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum OperatorsError {
    /// Another has that name.
    #[error(
        "there is an operator called {name} already: give this one another name, or that one another role"
    )]
    NameTaken {
        /// Which.
        name: PersonName,
    },
    /// Another has that account.
    #[error("the account {uid} is that of the operator {name}: remove that one first")]
    AccountTaken {
        /// Which.
        uid: u32,
        /// Whose it is.
        name: PersonName,
    },
    /// Another has that key.
    #[error("that key is the one of the operator {name}: each has a key of their own")]
    KeyTaken {
        /// Whose it is.
        name: PersonName,
    },
    /// There is no such operator.
    #[error("there is no such operator; `muster operators list` shows all of them")]
    NoSuchOperator,
    /// Nobody could change anything any more.
    #[error(
        "after this neither root nor the account that the engine runs as would be an admin, and nobody could change it \
         back: leave one of them so"
    )]
    NoWayIn,
}
