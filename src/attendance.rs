//! Who belongs here, who is here, and what is written down about it. Pure: the clock and random
//! numbers are passed in.

pub mod inbox;
pub mod policy;
pub mod record;
pub mod report;
pub mod roll_call;
pub mod roster;
pub mod stranger;

pub use inbox::Inbox;
pub use policy::AttendancePolicy;
pub use record::{Presence, PresenceState};
pub use roster::{Identifier, Person, PersonId, PersonName, Roster, Who};
pub use stranger::{Stranger, StrangerId};
