//! Who belongs here, who is here, and what is written down about it. Pure: the clock and random
//! numbers are passed in.

pub mod attempts;
pub mod badge;
pub mod clocking;
pub mod import;
pub mod inbox;
pub mod month;
pub mod pin;
pub mod policy;
pub mod record;
pub mod report;
pub mod roll_call;
pub mod roster;
pub mod rules;
pub mod schedule;
pub mod session;
pub mod statement;
pub mod stranger;
pub mod summary;
pub mod time;
pub mod zone;

pub use inbox::Inbox;
pub use pin::{Pin, PinError};
pub use policy::AttendancePolicy;
pub use record::{Method, Presence, PresenceState};
pub use roster::{
    Consent, Email, FaceUse, GroupName, Identifier, Particulars, Person, PersonId, PersonName, PinHash,
    Roster, Who,
};
pub use rules::{AttendanceRules, ClockMode, IdentifierUse, SourceRole};
pub use session::{Session, SessionId, Standing};
pub use stranger::{Stranger, StrangerId};
