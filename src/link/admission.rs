//! Who may come in, and as whom.

use std::fmt;

use crate::access::OperatorId;
use crate::engine::access::Access;
use crate::ledger::Actor;

/// What the engine goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors {
    /// The account that the engine runs as.
    pub owner_uid: u32,
    /// The account that operators come through over SSH, where there is one. Its processes act for an operator
    /// whom sshd has recognised by their key, and are never anybody by themselves.
    pub ssh_uid: Option<u32>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The account for SSH came without an operator.
    NoOperator,
    /// The operator is not on the list, or not any more.
    NotOnList,
    /// An account acts for somebody else without being root or the engine's own.
    NotYours,
    /// The account is nobody here.
    Nobody {
        /// Its number.
        uid: u32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOperator => f.write_str(
                "the account for SSH comes with an operator's id alone: `muster gate` is run by sshd, with the id \
                 that `muster authorized-keys` gives it",
            ),
            Self::NotOnList => f.write_str(
                "you are no operator here, or not any more: an admin adds you with `muster operators add`",
            ),
            Self::NotYours => {
                f.write_str("only root and the account that the engine runs as may act for another operator")
            }
            Self::Nobody { uid } => write!(
                f,
                "the account {uid} is no operator here: an admin adds it with `muster operators add NAME --uid {uid} \
                 --role ROLE`"
            ),
        }
    }
}

impl Doors {
    /// Whose words come from a process of `uid` that says it acts for `operator`.
    ///
    /// - the account for SSH: the operator it names, who must be on the list; never anybody without one
    /// - root and the engine's own account: themselves, or any operator on the list
    /// - an account that an operator has: themselves
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn admit(&self, uid: u32, operator: Option<OperatorId>, access: &Access) -> Result<Actor, Refusal> {
        let on_list = |id: OperatorId| {
            let actor = Actor::Operator(id.0);
            access.role_of(&actor).map(|_| actor).ok_or(Refusal::NotOnList)
        };
        if Some(uid) == self.ssh_uid {
            return operator.ok_or(Refusal::NoOperator).and_then(on_list);
        }
        let is_owner = uid == 0 || uid == self.owner_uid;
        match operator {
            Some(id) if is_owner => on_list(id),
            Some(_) => Err(Refusal::NotYours),
            None => {
                let actor = Actor::Local { uid };
                access.role_of(&actor).map(|_| actor).ok_or(Refusal::Nobody { uid })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Operator, Role};
    use ulid::Ulid;

    const OWNER: u32 = 990;
    const SSH: u32 = 991;
    const DESK: u32 = 1_007;

    fn access() -> Access {
        let operator = |id, uid, role| Operator {
            id: OperatorId(Ulid(id)),
            name: format!("Operator {id}").parse().unwrap(),
            role,
            uid,
            key: None,
            added_at: chrono::DateTime::UNIX_EPOCH,
        };
        let all = [operator(1, None, Role::Operator), operator(2, Some(DESK), Role::Observer)];
        Access::new(OWNER).with(&all)
    }

    #[test]
    fn who_comes_in_as_whom() {
        let doors = Doors { owner_uid: OWNER, ssh_uid: Some(SSH) };
        let id = |id| Some(OperatorId(Ulid(id)));
        let operator = |id| Ok(Actor::Operator(Ulid(id)));
        let local = |uid| Ok(Actor::Local { uid });
        let table = [
            (SSH, id(1), operator(1)),
            (SSH, id(2), operator(2)),
            (SSH, id(9), Err(Refusal::NotOnList)),
            (SSH, None, Err(Refusal::NoOperator)),
            (OWNER, None, local(OWNER)),
            (0, None, local(0)),
            (OWNER, id(1), operator(1)),
            (0, id(9), Err(Refusal::NotOnList)),
            (DESK, None, local(DESK)),
            (DESK, id(1), Err(Refusal::NotYours)),
            (DESK, id(2), Err(Refusal::NotYours)),
            (1_234, None, Err(Refusal::Nobody { uid: 1_234 })),
            (1_234, id(1), Err(Refusal::NotYours)),
        ];
        for (uid, claimed, expected) in table {
            assert_eq!(doors.admit(uid, claimed, &access()), expected, "{uid} {claimed:?}");
        }
    }

    #[test]
    fn the_account_for_ssh_is_nobody_by_itself_whatever_else_it_is() {
        let id = Some(OperatorId(Ulid(1)));
        for uid in [0, OWNER, DESK] {
            let doors = Doors { owner_uid: OWNER, ssh_uid: Some(uid) };
            assert_eq!(doors.admit(uid, None, &access()), Err(Refusal::NoOperator), "{uid}");
            assert_eq!(doors.admit(uid, id, &access()), Ok(Actor::Operator(Ulid(1))), "{uid}");
        }
    }
}
