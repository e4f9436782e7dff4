//! Operators as rows.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::access::{Operator, OperatorId, PublicKey, Role};

use super::{decode, encode};

#[derive(Serialize, Deserialize)]
struct OperatorV1 {
    name: String,
    role: u8,
    uid: Option<u32>,
    key: Option<String>,
    added_at_us: i64,
}

const ROLES: [(Role, u8); 3] = [(Role::Observer, 1), (Role::Operator, 2), (Role::Admin, 3)];

/// The row of `operator`, whose id is the row's key.
pub(in crate::store) fn operator_row(operator: &Operator) -> Result<Vec<u8>, String> {
    let role = ROLES.iter().find(|(role, _)| *role == operator.role).map_or(0, |(_, number)| *number);
    encode(&OperatorV1 {
        name: operator.name.as_str().to_owned(),
        role,
        uid: operator.uid,
        key: operator.key.as_ref().map(ToString::to_string),
        added_at_us: operator.added_at.timestamp_micros(),
    })
}

/// The operator of a row.
pub(in crate::store) fn operator(id: OperatorId, row: &[u8]) -> Result<Operator, String> {
    let read = || {
        let row: OperatorV1 = decode(row)?;
        let role = ROLES.iter().find(|(_, number)| *number == row.role).map(|(role, _)| *role);
        let added_at = DateTime::from_timestamp_micros(row.added_at_us);
        Ok(Operator {
            id,
            name: row.name.parse().map_err(|error| format!("{error}"))?,
            role: role.ok_or_else(|| format!("there is no role {}", row.role))?,
            uid: row.uid,
            key: row.key.and_then(|line| key(id, &line)),
            added_at: added_at.ok_or_else(|| "a time is no date".to_owned())?,
        })
    };
    read().map_err(|why: String| format!("the row of operator {id} cannot be read: {why}"))
}

/// The key of a row; none where it would not be taken today, which no account or role depends on.
fn key(id: OperatorId, line: &str) -> Option<PublicKey> {
    match line.parse() {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::warn!(operator = %id, %error, "the key of an operator is not used: remove and add them again");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    const KEY: &str = include_str!("../../access/public_key/keys/ed25519.pub");

    #[test]
    fn the_layout_is_frozen_and_an_unknown_role_is_refused() {
        let ana = Operator {
            id: OperatorId(Ulid(5)),
            name: "Ana".parse().unwrap(),
            role: Role::Admin,
            uid: Some(300),
            key: Some(KEY.trim_end().parse().unwrap()),
            added_at: DateTime::from_timestamp_micros(1).unwrap(),
        };
        let mut row = operator_row(&ana).unwrap();
        let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let line: Vec<&str> = KEY.split(' ').take(2).collect();
        let line = line.join(" ");
        let line_hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, format!("0103416e610301ac0201{:02x}{line_hex}02", line.len()));
        assert_eq!(operator(ana.id, &row), Ok(ana.clone()));
        // A key as an earlier version took it, which is none today.
        let old = [&row[..9], &[1, 1, b'k'], &row[row.len() - 1..]].concat();
        assert_eq!(operator(ana.id, &old), Ok(Operator { key: None, ..ana.clone() }));
        row[5] = 9;
        assert!(operator(ana.id, &row).unwrap_err().contains("no role 9"));
    }
}
