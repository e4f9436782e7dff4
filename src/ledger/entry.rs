//! Heads, drafts and entries, and the bytes a head is hashed as.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{EntryId, EntryKind, PartKind, Parts, Salt, Sequence, Sha256Digest, TerminalId};

/// What is known of the clock that an entry's time was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ClockState {
    /// The system says that its clock is synchronised.
    Synchronised = 1,
    /// The system says that it is not, or does not say.
    Unsynchronised = 2,
    /// The time is that of a recording, not of this machine's clock.
    Recording = 3,
    /// The time cannot be right: the clock stands before this program was built, or before an
    /// entry that was written earlier.
    Unsure = 4,
}

impl ClockState {
    const ALL: [Self; 4] = [Self::Synchronised, Self::Unsynchronised, Self::Recording, Self::Unsure];
}

/// A start of the machine, by the kernel's own number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub [u8; 16]);

/// When an entry was written, apart from the clock on the wall: within one boot this only goes forward,
/// whatever the clock is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Which start of the machine.
    pub boot: BootId,
    /// Microseconds since that start, suspended time included (CLOCK_BOOTTIME).
    pub since_boot_us: u64,
    /// What the site's clocks showed besides UTC then, in seconds east.
    pub utc_offset_seconds: i32,
}

/// Who caused an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The engine itself.
    System,
    /// A person with an account on the machine.
    Local {
        /// Their numeric user id.
        uid: u32,
    },
    /// An operator from the store's list.
    Operator(Ulid),
    /// Whoever stood in front of the camera.
    Door,
}

/// The part of an entry that is hashed into the chain and kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The machine that wrote it.
    pub terminal: TerminalId,
    /// Its place in that machine's chain.
    pub sequence: Sequence,
    /// Its name across machines.
    pub id: EntryId,
    /// When it happened, to the microsecond.
    pub at: DateTime<Utc>,
    /// What is known of the clock.
    pub clock: ClockState,
    /// When it was written, apart from the clock; none in entries older than that was kept.
    pub moment: Option<Moment>,
    /// What happened.
    pub kind: EntryKind,
    /// Who caused it.
    pub actor: Actor,
    /// The SHA-256 of the key that the operator had; none for anybody else, and for one without a key.
    pub operator_key: Option<Sha256Digest>,
    /// The digests of record, evidence and note, in that order.
    pub parts: [Option<Sha256Digest>; 3],
}

impl Head {
    /// The digest of the part `kind`, if the entry was written with one.
    pub fn part(&self, kind: PartKind) -> Option<Sha256Digest> {
        self.parts[kind.index()]
    }

    /// The bytes that are hashed: a version byte, then every field in the order of the struct,
    /// numbers big-endian, times as microseconds since 1970, each variant by its number. Version 1 is
    /// a head without a moment, version 2 one with it. An operator with a key is an actor of another number
    /// than one without.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(192);
        bytes.push(if self.moment.is_some() { HEAD_VERSION } else { WITHOUT_MOMENT });
        bytes.extend(self.terminal.0.0.to_be_bytes());
        bytes.extend(self.sequence.0.to_be_bytes());
        bytes.extend(self.id.0.0.to_be_bytes());
        bytes.extend(self.at.timestamp_micros().to_be_bytes());
        bytes.push(self.clock as u8);
        if let Some(moment) = &self.moment {
            bytes.extend(moment.boot.0);
            bytes.extend(moment.since_boot_us.to_be_bytes());
            bytes.extend(moment.utc_offset_seconds.to_be_bytes());
        }
        bytes.push(self.kind as u8);
        match &self.actor {
            Actor::System => bytes.push(1),
            Actor::Local { uid } => {
                bytes.push(2);
                bytes.extend(uid.to_be_bytes());
            }
            Actor::Operator(id) => {
                bytes.push(if self.operator_key.is_some() { 5 } else { 3 });
                bytes.extend(id.0.to_be_bytes());
                bytes.extend(self.operator_key.iter().flat_map(|key| key.0));
            }
            Actor::Door => bytes.push(4),
        }
        for part in &self.parts {
            match part {
                None => bytes.push(0),
                Some(digest) => {
                    bytes.push(1);
                    bytes.extend(digest.0);
                }
            }
        }
        bytes
    }

    /// The head whose canonical bytes are `bytes`. What is read back has exactly these canonical
    /// bytes again, so that nothing a hash covers is lost on the way.
    ///
    /// # Errors
    /// [`HeadError`] where no head has these bytes.
    pub fn from_canonical_bytes(bytes: &[u8]) -> Result<Self, HeadError> {
        let mut reader = Reader(bytes);
        let [version] = reader.take()?;
        if version != HEAD_VERSION && version != WITHOUT_MOMENT {
            return Err(HeadError::Version { found: version });
        }
        let mut head = Self {
            terminal: TerminalId(Ulid::from_bytes(reader.take()?)),
            sequence: Sequence(u64::from_be_bytes(reader.take()?)),
            id: EntryId(Ulid::from_bytes(reader.take()?)),
            at: reader.time()?,
            clock: reader.number("clock state", &ClockState::ALL, |clock| clock as u8)?,
            moment: if version == HEAD_VERSION { Some(reader.moment()?) } else { None },
            kind: reader.number("kind", &EntryKind::ALL, |kind| kind as u8)?,
            actor: Actor::System,
            operator_key: None,
            parts: [None; 3],
        };
        (head.actor, head.operator_key) = reader.actor()?;
        head.parts = [reader.digest()?, reader.digest()?, reader.digest()?];
        match reader.0 {
            [] => Ok(head),
            rest => Err(HeadError::Trailing { bytes: rest.len() }),
        }
    }

    /// The hash of this head after the entry whose hash is `previous`. The first entry of a
    /// terminal follows [`genesis`](super::genesis).
    pub fn hash(&self, previous: &Sha256Digest) -> Sha256Digest {
        super::chain::chain_hash(previous, &self.canonical_bytes())
    }
}

/// An entry to be appended: all of it but its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryDraft {
    /// Its name across machines.
    pub id: EntryId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What is known of the clock.
    pub clock: ClockState,
    /// When it was written, apart from the clock.
    pub moment: Option<Moment>,
    /// What happened.
    pub kind: EntryKind,
    /// Who caused it.
    pub actor: Actor,
    /// The SHA-256 of the key that the operator has, where it is one with a key.
    pub operator_key: Option<Sha256Digest>,
    /// Its parts.
    pub parts: Parts,
    /// A salt for each part, in the order of [`PartKind::ALL`].
    pub salts: [Salt; 3],
}

/// An entry as it is read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What is kept for ever.
    pub head: Head,
    /// The parts that are still there.
    pub parts: Parts,
}

/// The version byte of a head's canonical bytes.
const HEAD_VERSION: u8 = 2;
/// The version byte of those of a head without a [`Moment`].
const WITHOUT_MOMENT: u8 = 1;

/// `at` without what is finer than a microsecond, which is all that a ledger keeps of a time. A
/// leap second becomes the second after it. None where the time cannot be told in microseconds.
pub fn to_microsecond(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

/// Why bytes are no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A version this program does not know.
    #[error("it has version {found}, and this muster reads up to {HEAD_VERSION}")]
    Version {
        /// What it has.
        found: u8,
    },
    /// The bytes end inside a field.
    #[error("it ends early")]
    Short,
    /// There are bytes after the last field.
    #[error("it has {bytes} bytes too many")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A number that stands for nothing.
    #[error("it has the {field} {number}, which does not exist")]
    Unknown {
        /// Of which field.
        field: &'static str,
        /// The number.
        number: u8,
    },
    /// A time outside of the calendar.
    #[error("its time is {microseconds} microseconds from 1970, which is no date")]
    Time {
        /// The number.
        microseconds: i64,
    },
}

/// Takes fields from the front of a head's bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], HeadError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(HeadError::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    fn number<T: Copy>(
        &mut self,
        field: &'static str,
        all: &[T],
        number_of: impl Fn(T) -> u8,
    ) -> Result<T, HeadError> {
        let [number] = self.take()?;
        let found = all.iter().find(|value| number_of(**value) == number);
        found.copied().ok_or(HeadError::Unknown { field, number })
    }

    fn time(&mut self) -> Result<DateTime<Utc>, HeadError> {
        let microseconds = i64::from_be_bytes(self.take()?);
        DateTime::from_timestamp_micros(microseconds).ok_or(HeadError::Time { microseconds })
    }

    fn moment(&mut self) -> Result<Moment, HeadError> {
        Ok(Moment {
            boot: BootId(self.take()?),
            since_boot_us: u64::from_be_bytes(self.take()?),
            utc_offset_seconds: i32::from_be_bytes(self.take()?),
        })
    }

    fn actor(&mut self) -> Result<(Actor, Option<Sha256Digest>), HeadError> {
        Ok(match self.take()? {
            [1] => (Actor::System, None),
            [2] => (Actor::Local { uid: u32::from_be_bytes(self.take()?) }, None),
            [3] => (Actor::Operator(Ulid::from_bytes(self.take()?)), None),
            [4] => (Actor::Door, None),
            [5] => {
                let id = Ulid::from_bytes(self.take()?);
                (Actor::Operator(id), Some(Sha256Digest(self.take()?)))
            }
            [number] => return Err(HeadError::Unknown { field: "actor", number }),
        })
    }

    fn digest(&mut self) -> Result<Option<Sha256Digest>, HeadError> {
        match self.take()? {
            [0] => Ok(None),
            [1] => Ok(Some(Sha256Digest(self.take()?))),
            [number] => Err(HeadError::Unknown { field: "digest marker", number }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn head() -> Head {
        Head {
            terminal: TerminalId(Ulid(0x0a)),
            sequence: Sequence(258),
            id: EntryId(Ulid(0x0b)),
            at: DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_700_000_000_123_456),
            clock: ClockState::Unsynchronised,
            moment: None,
            kind: EntryKind::Passage,
            actor: Actor::Local { uid: 1000 },
            operator_key: None,
            parts: [Some(Sha256Digest([0x11; 32])), None, Some(Sha256Digest([0x22; 32]))],
        }
    }

    /// Frozen: every hash of every ledger rests on this layout.
    const GOLDEN: &str = concat!(
        "01",
        "0000000000000000000000000000000a",
        "0000000000000102",
        "0000000000000000000000000000000b",
        "00060a2418202240",
        "02",
        "08",
        "02000003e8",
        "011111111111111111111111111111111111111111111111111111111111111111",
        "00",
        "012222222222222222222222222222222222222222222222222222222222222222",
    );

    #[test]
    fn canonical_bytes_and_hash_are_frozen() {
        let bytes: String = head().canonical_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(bytes, GOLDEN);
        // Both from another SHA-256 (Python's hashlib) over the bytes the documentation names.
        assert_eq!(
            head().hash(&Sha256Digest([0x33; 32])).to_string(),
            "df4a0b3567f5b8afa7038b66e4fad9b88e59ec781a79f4db97bee10f67ec3667"
        );
        assert_eq!(
            super::super::genesis(TerminalId(Ulid(0x0a))).to_string(),
            "9f8f2fdf3e8db92906780c38cd7b40ebb54a52b27663c723db4d028a80e875da"
        );
    }

    #[test]
    fn a_moment_lies_between_the_clock_and_the_kind() {
        let moment = Moment { boot: BootId([0x44; 16]), since_boot_us: 258, utc_offset_seconds: -3600 };
        let bytes = Head { moment: Some(moment), ..head() }.canonical_bytes();
        let plain = head().canonical_bytes();
        let inserted = [&[0x44; 16][..], &[0, 0, 0, 0, 0, 0, 1, 2], &[0xff, 0xff, 0xf1, 0xf0]].concat();
        assert_eq!(bytes, [&[2][..], &plain[1..50], &inserted, &plain[50..]].concat());
    }

    #[test]
    fn the_key_of_an_operator_follows_their_id_and_nobody_elses_is_hashed() {
        let operator = Head { actor: Actor::Operator(Ulid(0x0c)), ..head() };
        let key = Some(Sha256Digest([0x55; 32]));
        let plain = operator.canonical_bytes();
        let keyed = Head { operator_key: key, ..operator }.canonical_bytes();
        assert_eq!(plain[51], 3);
        assert_eq!(keyed, [&plain[..51], &[5], &plain[52..68], &[0x55; 32], &plain[68..]].concat());
        let local = Head { operator_key: key, ..head() };
        assert_eq!(local.canonical_bytes(), head().canonical_bytes());
    }

    #[test]
    fn every_number_is_frozen() {
        let numbers: Vec<u8> = EntryKind::ALL.iter().map(|kind| *kind as u8).collect();
        assert_eq!(numbers, (1..=43).collect::<Vec<u8>>());
        let named = [
            (EntryKind::Started, 1),
            (EntryKind::Removed, 5),
            (EntryKind::Passage, 8),
            (EntryKind::Mark, 10),
            (EntryKind::SourceRestored, 13),
            (EntryKind::Rejected, 14),
            (EntryKind::BackFilled, 15),
            (EntryKind::StrangerDiscarded, 16),
            (EntryKind::SpaceChanged, 17),
            (EntryKind::PadTested, 18),
            (EntryKind::Erased, 19),
            (EntryKind::SessionOpened, 20),
            (EntryKind::CheckOutForgotten, 25),
            (EntryKind::BackedUp, 30),
            (EntryKind::ConsentWithdrawn, 35),
            (EntryKind::OperatorActed, 40),
            (EntryKind::NotRecorded, 42),
            (EntryKind::SourceImpaired, 43),
        ];
        for (kind, number) in named {
            assert_eq!(kind as u8, number);
        }
        assert_eq!(ClockState::ALL.map(|clock| clock as u8), [1, 2, 3, 4]);
    }

    #[test]
    fn bytes_that_are_no_head_are_refused() {
        let bytes = head().canonical_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Head::from_canonical_bytes(&bytes[..length]), Err(HeadError::Short));
        }
        let longer = [bytes.as_slice(), &[0, 0]].concat();
        assert_eq!(Head::from_canonical_bytes(&longer), Err(HeadError::Trailing { bytes: 2 }));
        let with = |at: usize, byte: u8| {
            let mut changed = bytes.clone();
            changed[at] = byte;
            Head::from_canonical_bytes(&changed).unwrap_err()
        };
        assert_eq!(with(0, 3), HeadError::Version { found: 3 });
        assert!(matches!(with(41, 0x7f), HeadError::Time { .. }));
        assert_eq!(with(49, 0), HeadError::Unknown { field: "clock state", number: 0 });
        assert_eq!(with(50, 44), HeadError::Unknown { field: "kind", number: 44 });
        assert_eq!(with(51, 6), HeadError::Unknown { field: "actor", number: 6 });
        assert_eq!(with(56, 2), HeadError::Unknown { field: "digest marker", number: 2 });
    }

    fn any_head() -> impl Strategy<Value = Head> {
        let actor = prop_oneof![
            Just(Actor::System),
            any::<u32>().prop_map(|uid| Actor::Local { uid }),
            any::<u128>().prop_map(|id| Actor::Operator(Ulid(id))),
            Just(Actor::Door),
        ];
        let digest = prop::option::of(any::<[u8; 32]>().prop_map(Sha256Digest));
        let actor = (actor, digest.clone()).prop_map(|(actor, key)| {
            let key = key.filter(|_| matches!(actor, Actor::Operator(_)));
            (actor, key)
        });
        // The years 1 to 9999 and a little beyond.
        let time = -70_000_000_000_000_000i64..300_000_000_000_000_000;
        let moment = prop::option::of((any::<[u8; 16]>(), any::<u64>(), any::<i32>()));
        let moment = moment.prop_map(|moment| {
            moment.map(|(boot, since_boot_us, utc_offset_seconds)| Moment {
                boot: BootId(boot),
                since_boot_us,
                utc_offset_seconds,
            })
        });
        let kinds = 0..EntryKind::ALL.len();
        let numbers = (any::<u128>(), any::<u64>(), any::<u128>(), time, 0usize..4, kinds, moment);
        (numbers, actor, [digest.clone(), digest.clone(), digest]).prop_map(|(n, actor, parts)| Head {
            terminal: TerminalId(Ulid(n.0)),
            sequence: Sequence(n.1),
            id: EntryId(Ulid(n.2)),
            at: DateTime::from_timestamp_micros(n.3).unwrap(),
            clock: ClockState::ALL[n.4],
            moment: n.6,
            kind: EntryKind::ALL[n.5],
            actor: actor.0,
            operator_key: actor.1,
            parts,
        })
    }

    proptest! {
        #[test]
        fn a_head_is_read_back_from_its_bytes(head in any_head()) {
            prop_assert_eq!(Head::from_canonical_bytes(&head.canonical_bytes()), Ok(head));
        }

        /// No two byte strings are one head: what is read has exactly the bytes it was read from.
        #[test]
        fn whatever_can_be_read_is_canonical(
            head in any_head(), at in 0usize..160, byte in any::<u8>(),
        ) {
            let mut bytes = head.canonical_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = Head::from_canonical_bytes(&bytes) {
                prop_assert_eq!(read.canonical_bytes(), bytes);
            }
        }
    }

    #[test]
    fn times_lose_what_is_finer_than_a_microsecond_also_before_1970() {
        let at = |nanoseconds| DateTime::from_timestamp_nanos(nanoseconds);
        assert_eq!(to_microsecond(at(1_999)), Some(at(1_000)));
        assert_eq!(to_microsecond(at(-1)), Some(at(-1_000)));
        let leap = DateTime::from_timestamp(59, 1_500_000_700).unwrap();
        assert_eq!(to_microsecond(leap), DateTime::from_timestamp(60, 500_000_000));
    }
}
