//! The record part: whom an entry is about, and what it says of their attendance.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::Sequence;
use crate::attendance::session::{SessionId, Standing};
use crate::attendance::{Method, PersonId, PresenceState};

/// Whom an entry is about. Stored apart, erased alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPart {
    /// Who.
    pub person: PersonId,
    /// Whether they are here now; none for entries that do not say.
    pub state: Option<PresenceState>,
    /// What else it says; nothing in entries older than that was kept.
    pub details: RecordDetails,
}

impl RecordPart {
    /// A record that says no more than this.
    pub fn new(person: PersonId, state: Option<PresenceState>) -> Self {
        Self { person, state, details: RecordDetails::default() }
    }
}

/// What a record says besides who and whether. A correction holds in place of all that the corrected
/// record says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordDetails {
    /// How the person was known.
    pub method: Option<Method>,
    /// The earlier entry that this one corrects.
    pub corrects: Option<Sequence>,
    /// Whether the corrected entry holds no more at all.
    pub struck: bool,
    /// The time it speaks of, where that is not the entry's own.
    pub holds_at: Option<DateTime<Utc>>,
    /// The first instant it speaks of no more, where it speaks of a span.
    pub holds_until: Option<DateTime<Utc>>,
    /// The session it is about.
    pub session: Option<SessionId>,
    /// How the person stood at its end.
    pub standing: Option<Standing>,
    /// The name of the source that saw them.
    pub source: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RecordV1 {
    person: [u8; 16],
    /// 1 present, 2 left.
    state: Option<u8>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RecordV2 {
    first: RecordV1,
    method: Option<u8>,
    corrects: Option<u64>,
    struck: bool,
    holds_at_us: Option<i64>,
    holds_until_us: Option<i64>,
    session: Option<[u8; 16]>,
    standing: Option<u8>,
    source: Option<String>,
}

const METHODS: [(Method, u8); 5] = [
    (Method::Face, 1),
    (Method::Identifier, 2),
    (Method::IdentifierAndPin, 3),
    (Method::Operator, 4),
    (Method::Computed, 5),
];

const STANDINGS: [(Standing, u8); 6] = [
    (Standing::OnTime, 1),
    (Standing::Late, 2),
    (Standing::LeftEarly, 3),
    (Standing::LateAndLeftEarly, 4),
    (Standing::Absent, 5),
    (Standing::Excused, 6),
];

fn number_of<T: Copy + PartialEq>(table: &[(T, u8)], wanted: T) -> Option<u8> {
    table.iter().find(|(value, _)| *value == wanted).map(|(_, number)| *number)
}

fn value_of<T: Copy>(table: &[(T, u8)], wanted: u8, what: &str) -> Result<T, String> {
    let found = table.iter().find(|(_, number)| *number == wanted).map(|(value, _)| *value);
    found.ok_or_else(|| format!("there is no {what} {wanted}"))
}

/// Whether `number` stands for a way of being known.
pub(super) fn is_method(number: u8) -> bool {
    METHODS.iter().any(|(_, known)| *known == number)
}

/// Whether `number` stands for how somebody stood.
pub(super) fn is_standing(number: u8) -> bool {
    STANDINGS.iter().any(|(_, known)| *known == number)
}

/// A stored time.
pub(super) fn time(us: i64) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp_micros(us).ok_or_else(|| format!("{us} microseconds from 1970 is no date"))
}

impl From<&RecordPart> for RecordV1 {
    fn from(part: &RecordPart) -> Self {
        let state = part.state.map(|state| match state {
            PresenceState::Present => 1,
            PresenceState::Left => 2,
        });
        Self { person: part.person.0.to_bytes(), state }
    }
}

impl RecordV1 {
    pub(super) fn read(self) -> Result<RecordPart, String> {
        let state = match self.state {
            None => None,
            Some(1) => Some(PresenceState::Present),
            Some(2) => Some(PresenceState::Left),
            Some(other) => return Err(format!("there is no presence state {other}")),
        };
        Ok(RecordPart::new(PersonId(Ulid::from_bytes(self.person)), state))
    }
}

impl From<&RecordPart> for RecordV2 {
    fn from(part: &RecordPart) -> Self {
        let details = &part.details;
        Self {
            first: RecordV1::from(part),
            method: details.method.and_then(|method| number_of(&METHODS, method)),
            corrects: details.corrects.map(|sequence| sequence.0),
            struck: details.struck,
            holds_at_us: details.holds_at.map(|at| at.timestamp_micros()),
            holds_until_us: details.holds_until.map(|at| at.timestamp_micros()),
            session: details.session.map(|session| session.0.to_bytes()),
            standing: details.standing.and_then(|standing| number_of(&STANDINGS, standing)),
            source: details.source.clone(),
        }
    }
}

impl RecordV2 {
    pub(super) fn read(self) -> Result<RecordPart, String> {
        let details = RecordDetails {
            method: self.method.map(|number| value_of(&METHODS, number, "method")).transpose()?,
            corrects: self.corrects.map(Sequence),
            struck: self.struck,
            holds_at: self.holds_at_us.map(time).transpose()?,
            holds_until: self.holds_until_us.map(time).transpose()?,
            session: self.session.map(|bytes| SessionId(Ulid::from_bytes(bytes))),
            standing: self.standing.map(|number| value_of(&STANDINGS, number, "standing")).transpose()?,
            source: self.source,
        };
        Ok(RecordPart { details, ..self.first.read()? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PartKind, Parts};
    use super::*;

    fn record() -> RecordPart {
        let at = |us| DateTime::from_timestamp_micros(us).unwrap();
        let details = RecordDetails {
            method: Some(Method::IdentifierAndPin),
            corrects: Some(Sequence(300)),
            struck: true,
            holds_at: Some(at(1)),
            holds_until: Some(at(-2)),
            session: Some(SessionId(Ulid(0x0304))),
            standing: Some(Standing::Late),
            source: Some("yard".to_owned()),
        };
        RecordPart { person: PersonId(Ulid(0x0102)), state: Some(PresenceState::Left), details }
    }

    fn stored(record: RecordPart) -> super::super::StoredPart {
        let parts = Parts { record: Some(record), ..Parts::default() };
        parts.store(&[[0; 16]; 3]).unwrap().remove(0)
    }

    /// Frozen: what a ledger holds today must be read by every later version.
    const STORED: &str = concat!(
        "02",
        "00000000000000000000000000000102",
        "0102",
        "0103",
        "01ac02",
        "01",
        "0102",
        "0103",
        "0100000000000000000000000000000304",
        "0102",
        "010479617264",
    );

    #[test]
    fn the_stored_bytes_are_frozen() {
        let stored = stored(record());
        let hex: String = stored.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((stored.kind, hex.as_str()), (PartKind::Record, STORED));
        let mut read = Parts::default();
        read.put(&stored).unwrap();
        assert_eq!(read.record, Some(record()));
    }

    #[test]
    fn every_method_and_standing_is_read_back_and_others_are_refused() {
        for (method, standing) in METHODS.iter().cycle().zip(&STANDINGS) {
            let details = RecordDetails {
                method: Some(method.0),
                standing: Some(standing.0),
                ..RecordDetails::default()
            };
            let record = RecordPart { details, ..RecordPart::new(PersonId(Ulid(1)), None) };
            let mut read = Parts::default();
            read.put(&stored(record.clone())).unwrap();
            assert_eq!(read.record, Some(record));
        }
        let mut wrong = stored(record());
        let at = wrong.bytes.iter().rposition(|byte| *byte == 2).unwrap();
        wrong.bytes[at] = 9;
        assert!(Parts::default().put(&wrong).unwrap_err().to_string().contains("no standing 9"));
    }
}
