//! People as rows.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::attendance::{Consent, FaceUse, Particulars, Person, PersonId, PinHash};
use crate::ledger::{Actor, Sha256Digest};

use super::{VERSION, decode_as, encode_as};

/// The version byte of a row with particulars.
const WITH_PARTICULARS: u8 = 2;

#[derive(Serialize, Deserialize)]
struct PersonV1 {
    name: String,
    identifier: Option<String>,
    created_at_us: i64,
    removed_at_us: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct PersonV2 {
    first: PersonV1,
    groups: Vec<String>,
    email: Option<String>,
    face_off: bool,
    pin: Option<String>,
    consent: Option<ConsentV2>,
}

#[derive(Serialize, Deserialize)]
struct ConsentV2 {
    text: String,
    digest: [u8; 32],
    given_at_us: i64,
    asked_by: ActorV2,
}

/// postcard numbers the variants from 0 in this order.
#[derive(Serialize, Deserialize)]
enum ActorV2 {
    System,
    Local(u32),
    Operator([u8; 16]),
    Door,
}

impl From<&Actor> for ActorV2 {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::System => Self::System,
            Actor::Local { uid } => Self::Local(*uid),
            Actor::Operator(id) => Self::Operator(id.to_bytes()),
            Actor::Door => Self::Door,
        }
    }
}

impl From<ActorV2> for Actor {
    fn from(actor: ActorV2) -> Self {
        match actor {
            ActorV2::System => Self::System,
            ActorV2::Local(uid) => Self::Local { uid },
            ActorV2::Operator(id) => Self::Operator(Ulid::from_bytes(id)),
            ActorV2::Door => Self::Door,
        }
    }
}

/// The row of `person`, whose id is the row's key.
pub(in crate::store) fn person_row(person: &Person) -> Result<Vec<u8>, String> {
    let first = PersonV1 {
        name: person.name.as_str().to_owned(),
        identifier: person.identifier.as_ref().map(|identifier| identifier.as_str().to_owned()),
        created_at_us: person.created_at.timestamp_micros(),
        removed_at_us: person.removed_at.map(|at| at.timestamp_micros()),
    };
    let more = &person.particulars;
    if *more == Particulars::default() {
        return encode_as(VERSION, &first);
    }
    let consent = |consent: &Consent| ConsentV2 {
        text: consent.text.clone(),
        digest: consent.digest.0,
        given_at_us: consent.given_at.timestamp_micros(),
        asked_by: ActorV2::from(&consent.asked_by),
    };
    let row = PersonV2 {
        first,
        groups: more.groups.iter().map(|group| group.as_str().to_owned()).collect(),
        email: more.email.as_ref().map(|email| email.as_str().to_owned()),
        face_off: more.face == FaceUse::Off,
        pin: more.pin.as_ref().map(|pin| pin.0.clone()),
        consent: more.consent.as_ref().map(consent),
    };
    encode_as(WITH_PARTICULARS, &row)
}

/// The person of a row.
pub(in crate::store) fn person(id: PersonId, row: &[u8]) -> Result<Person, String> {
    let read = match row.first() {
        Some(&WITH_PARTICULARS) => decode_as::<PersonV2>(WITH_PARTICULARS, row).and_then(|row| row.read(id)),
        _ => decode_as::<PersonV1>(VERSION, row).and_then(|row| row.read(id)),
    };
    read.map_err(|why| format!("the row of person {id} cannot be read: {why}"))
}

fn time(us: i64) -> Result<DateTime<chrono::Utc>, String> {
    DateTime::from_timestamp_micros(us).ok_or_else(|| "a time is no date".to_owned())
}

fn checked<T: std::str::FromStr<Err: std::fmt::Display>>(text: String) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

impl PersonV1 {
    fn read(self, id: PersonId) -> Result<Person, String> {
        let identifier = self.identifier.map(checked).transpose()?;
        let person = Person::new(id, checked(self.name)?, identifier, time(self.created_at_us)?);
        Ok(Person { removed_at: self.removed_at_us.map(time).transpose()?, ..person })
    }
}

impl PersonV2 {
    fn read(self, id: PersonId) -> Result<Person, String> {
        let consent = |consent: ConsentV2| {
            Ok::<_, String>(Consent {
                text: consent.text,
                digest: Sha256Digest(consent.digest),
                given_at: time(consent.given_at_us)?,
                asked_by: consent.asked_by.into(),
            })
        };
        let particulars = Particulars {
            groups: self.groups.into_iter().map(checked).collect::<Result<_, _>>()?,
            email: self.email.map(checked).transpose()?,
            face: if self.face_off { FaceUse::Off } else { FaceUse::On },
            pin: self.pin.map(PinHash),
            consent: self.consent.map(consent).transpose()?,
        };
        Ok(Person { particulars, ..self.first.read(id)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particulars_have_a_layout_of_their_own_that_is_frozen() {
        let at = |us| DateTime::from_timestamp_micros(us).unwrap();
        let particulars = Particulars {
            groups: ["3b", "choir"].map(|group| group.parse().unwrap()).into(),
            email: Some("a@b".parse().unwrap()),
            face: FaceUse::Off,
            pin: Some(PinHash("$h".to_owned())),
            consent: Some(Consent {
                text: "v1".to_owned(),
                digest: Sha256Digest([0xab; 32]),
                given_at: at(1),
                asked_by: Actor::Local { uid: 300 },
            }),
        };
        let id = PersonId(Ulid(5));
        let ana = Person { particulars, ..Person::new(id, "Ana".parse().unwrap(), None, at(1)) };
        let row = person_row(&ana).unwrap();
        let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let consent = format!("01027631{}0201ac02", "ab".repeat(32));
        assert_eq!(hex, format!("0203416e6100020002023362056{}01036140620101022468{consent}", "3686f6972"));
        assert_eq!(person(id, &row), Ok(ana));
        assert!(person(id, &row[..row.len() - 1]).is_err());
    }
}
