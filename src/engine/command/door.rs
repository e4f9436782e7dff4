//! Another way in than a face: an identifier, and a PIN where the site asks for one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use chrono::{DateTime, Utc};

use crate::attendance::{PersonName, Pin, PresenceState};

/// What somebody typed where a PIN was asked for. Overwritten when it is dropped; `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TypedPin(pub Zeroizing<String>);

impl TypedPin {
    /// The PIN, where it is one.
    pub fn pin(&self) -> Option<Pin> {
        self.0.parse().ok()
    }
}

impl fmt::Debug for TypedPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedPin")
    }
}

impl Serialize for TypedPin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TypedPin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// What somebody typed or scanned to say who they are. `Debug` prints nothing of it: it may be a PIN in the
/// wrong place.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedIdentifier(pub String);

impl fmt::Debug for TypedIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedIdentifier")
    }
}

/// What is asked at the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DoorCommand {
    /// Somebody says who they are. First without a PIN; where [`DoorReply::PinWanted`] comes back, again with
    /// it. A PIN alone is nobody.
    CheckIn {
        /// What they typed or scanned.
        identifier: TypedIdentifier,
        /// What they typed then.
        pin: Option<TypedPin>,
    },
}

/// What is said at the door. Who is not known is told the same, after the same time, as who gave a wrong PIN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DoorReply {
    /// A PIN is to be asked for.
    PinWanted,
    /// They are known, and the record is on disk.
    Recorded {
        /// What they are called.
        name: PersonName,
        /// Whether they are here now.
        state: PresenceState,
        /// Since when that is so.
        since: DateTime<Utc>,
        /// Whether it was on record already: they came again within the debounce.
        again: bool,
    },
    /// They are known, and the store does not take the record yet. It is tried again.
    NotSaved {
        /// What they are called.
        name: PersonName,
    },
    /// They are not let in this way; the log says why.
    Refused,
    /// Nothing was looked at: too many tries were wrong.
    Wait {
        /// Seconds until the next try.
        seconds: u32,
    },
}

/// Why nothing is asked at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DoorError {
    /// Nobody comes in by an identifier here.
    #[error("identifiers are not taken here: set `identifier` under [attendance] or [group.NAME]")]
    Off,
}
