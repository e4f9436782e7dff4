//! Operators as rows.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::access::{Operator, OperatorId, Role};

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
        key: operator.key.clone(),
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
            key: row.key,
            added_at: added_at.ok_or_else(|| "a time is no date".to_owned())?,
        })
    };
    read().map_err(|why: String| format!("the row of operator {id} cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    #[test]
    fn the_layout_is_frozen_and_an_unknown_role_is_refused() {
        let ana = Operator {
            id: OperatorId(Ulid(5)),
            name: "Ana".parse().unwrap(),
            role: Role::Admin,
            uid: Some(300),
            key: Some("k".to_owned()),
            added_at: DateTime::from_timestamp_micros(1).unwrap(),
        };
        let mut row = operator_row(&ana).unwrap();
        let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0103416e610301ac0201016b02");
        assert_eq!(operator(ana.id, &row), Ok(ana.clone()));
        row[5] = 9;
        assert!(operator(ana.id, &row).unwrap_err().contains("no role 9"));
    }
}
