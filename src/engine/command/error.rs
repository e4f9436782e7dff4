//! Why a command did nothing.

use serde::{Deserialize, Serialize};

use super::attendance::AttendanceError;
use super::door::DoorError;
use super::register::RegisterError;
use super::{Alike, RefusedPicture};
use crate::access::Role;
use crate::attendance::{Identifier, PersonId, PersonName};
use crate::engine::approvals::ApprovalError;
use crate::engine::consent::ConsentError;
use crate::engine::inbox::InboxError;
use crate::engine::operators::OperatorsError;
use crate::face::Rect;

/// Why a command did nothing. Every message says what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum CommandError {
    /// An active person has that name.
    #[error(
        "{name} is already enrolled: add a picture to that person with --add, or give the new one an identifier with --id"
    )]
    NameTaken {
        /// The name.
        name: PersonName,
        /// Who has it.
        people: Vec<PersonId>,
    },
    /// A command about attendance did nothing.
    #[error(transparent)]
    Attendance(AttendanceError),
    /// An active person has that identifier.
    #[error(
        "the identifier {identifier} belongs to {name}: choose another, or add a picture to that person with --add"
    )]
    IdentifierTaken {
        /// The identifier.
        identifier: Identifier,
        /// Whose it is.
        name: PersonName,
    },
    /// A picture cannot be read.
    #[error("{0}")]
    Picture(String),
    /// A picture has no face.
    #[error(
        "{label}: no face was found; use a picture that shows the face from the front, at least 40 pixels wide"
    )]
    NoFace {
        /// Which picture.
        label: String,
    },
    /// A picture has more than one face that could be meant.
    #[error("{label}: {} faces could be meant; choose one with --face N, from the left: {}", faces.len(), choices(faces))]
    AmbiguousFace {
        /// Which picture.
        label: String,
        /// The boxes in pixels, from the left.
        faces: Vec<Rect>,
    },
    /// `--face N` is more than there are.
    #[error("{label}: there is no face {wanted}; it has {found}")]
    NoSuchFace {
        /// Which picture.
        label: String,
        /// N.
        wanted: u32,
        /// How many there are.
        found: u32,
    },
    /// The points of the face coincide or the net gave no direction.
    #[error("{label}: the face could not be aligned; use another picture")]
    NotAlignable {
        /// Which picture.
        label: String,
    },
    /// A face is too poor to be of any use, whoever chose it.
    #[error("{label}: the face is too poor to enrol: {sentence}")]
    PoorFace {
        /// Which picture.
        label: String,
        /// What to do.
        sentence: String,
    },
    /// Of several pictures none can be used.
    #[error("{}", reasons(refused))]
    NoGoodPicture {
        /// Each of them.
        refused: Vec<RefusedPicture>,
    },
    /// Somebody enrolled looks like the person who is to be.
    #[error(
        "this looks like somebody who is enrolled already: {}; add the picture to that person with --add, or enrol another person with --anyway",
        named(people)
    )]
    LooksEnrolled {
        /// Who, the most alike first.
        people: Vec<Alike>,
    },
    /// The pictures do not show one person.
    #[error(
        "not all pictures show the same person: {} unlike the others (most alike {similarity:.2}, {threshold:.2} is needed); leave it out, or enrol all with --anyway",
        odd(labels)
    )]
    NotOnePerson {
        /// The pictures of somebody else.
        labels: Vec<String>,
        /// How alike the most alike of them is to one of the others.
        similarity: f32,
        /// The threshold in force.
        threshold: f32,
    },
    /// Nobody would be identified, or everybody.
    #[error("a threshold is a similarity above 0 and at most 1, as in 0.5")]
    NoThreshold,
    /// The day lies outside of the calendar.
    #[error("that day is outside of the calendar")]
    NoSuchDay,
    /// The run of shots is over, or another has begun.
    #[error("the shots are no longer there; begin again")]
    NoSuchShooting,
    /// There is no such person, or not any more.
    #[error("that person is not on the roster any more")]
    NoSuchPerson,
    /// Nothing came of a command about the inbox.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// Nothing came of a command about who belongs here.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Nothing is asked at the door.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// Who asked may not.
    #[error("this needs the role {needs}, and {}", having(*has))]
    NotAllowed {
        /// The least role that may.
        needs: Role,
        /// The role of who asked; none where they have none.
        has: Option<Role>,
    },
    /// Nothing came of a command about operators.
    #[error(transparent)]
    Operators(#[from] OperatorsError),
    /// Another admin has to confirm it, or had to.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// Nothing came of a command about consent, or of an enrolment without it.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The shot is gone: another was taken, or the source changed.
    #[error("the shot is no longer there; take another")]
    NoSuchShot,
    /// There is no live picture.
    #[error("there is no live picture to take: {reason}")]
    NoPicture {
        /// What the source says.
        reason: String,
    },
    /// The nets are not there.
    #[error("recognition is not available: {reason}")]
    NoInference {
        /// What is missing and what to do.
        reason: String,
    },
    /// The store could not write it; nothing was written.
    #[error("nothing was saved: {reason}")]
    Store {
        /// What it said.
        reason: String,
    },
    /// A backup cannot be written where it is wanted.
    #[error("{reason}")]
    Backup {
        /// Why, and what to do.
        reason: String,
    },
    /// It was done, and no entry says so.
    #[error("{done}, but the ledger could not note it: {reason}")]
    NotNoted {
        /// What was done.
        done: String,
        /// What the store said.
        reason: String,
    },
    /// As many commands wait as there is room for; this one was not taken.
    #[error("the engine is busy; try again")]
    Busy,
    /// The engine has ended.
    #[error("the engine has stopped")]
    Stopped,
    /// It is done by whoever runs the engine, and not over a connection.
    #[error("this is done where the engine runs, and not over a connection")]
    NotFromAfar,
    /// It does not fit into one message.
    #[error(
        "that is more than the connection to the engine takes at once: ask for less, or give fewer pictures"
    )]
    TooMuch,
    /// There is no connection to the engine at the moment; nothing was asked.
    #[error("the engine is not there at the moment: nothing was done; try again when it is back")]
    NotThere,
    /// The connection broke before the answer came.
    #[error(
        "the connection to the engine broke before the answer came: whether it was done stands in the log"
    )]
    LinkLost,
}

fn having(role: Option<Role>) -> String {
    match role {
        Some(role) => format!("you are {role}: ask an admin"),
        None => "you have none: an admin gives one with `muster operators add`".to_owned(),
    }
}

fn named(people: &[Alike]) -> String {
    let list: Vec<String> = people
        .iter()
        .map(|alike| format!("{} (id {}, similarity {:.2})", alike.name, alike.person, alike.similarity.0))
        .collect();
    list.join(", ")
}

fn reasons(refused: &[RefusedPicture]) -> String {
    let list: Vec<&str> = refused.iter().map(|picture| picture.reason.as_str()).collect();
    format!("no picture can be used: {}", list.join("; "))
}

fn odd(labels: &[String]) -> String {
    match labels {
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

fn choices(faces: &[Rect]) -> String {
    let list: Vec<String> = faces
        .iter()
        .enumerate()
        .map(|(i, r)| format!("{} at {:.0},{:.0} ({:.0}x{:.0})", i + 1, r.x, r.y, r.width, r.height))
        .collect();
    list.join("; ")
}
