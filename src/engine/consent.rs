//! Consent: the text that people are asked about, and what is asked of the engine about it.

use std::cell::Cell;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::command::Command;
use crate::attendance::PersonId;
use crate::ledger::Sha256Digest;
use crate::store::KeptRecords;

/// What the site asks of people before their face is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsentPolicy {
    /// Whether nobody is enrolled without it.
    pub required: bool,
    /// What they are asked; none where the site has no text.
    pub text: Option<ConsentText>,
}

/// A text that people can agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentText {
    /// Its name and version, as they are recorded.
    pub name: String,
    /// The SHA-256 of its bytes.
    pub digest: Sha256Digest,
    /// What it says.
    pub body: String,
}

/// What can be done about consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConsentCommand {
    /// The text in force, and whether it is required.
    Text,
    /// Somebody on the roster agreed to the text in force; who gives the command asked them.
    Record(ConsentGiven),
    /// Enrols, from whatever source, somebody who agreed.
    With {
        /// The text that they were asked about.
        digest: Sha256Digest,
        /// [`Command::Enrol`], or an enrolment from the inbox.
        #[serde(deserialize_with = "outermost")]
        command: Box<Command>,
    },
    /// Somebody withdraws: they are erased, and the reply is the certificate.
    Withdraw {
        /// Who.
        person: PersonId,
        /// What stays of their attendance.
        keeps: KeptRecords,
    },
}

thread_local! {
    /// Whether a command is being read that goes with consent.
    static IS_WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Reads a command that goes with consent, which holds none that does: bytes from somewhere else must not
/// nest as deep as they like.
fn outermost<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Command>, D::Error> {
    if IS_WITHIN.replace(true) {
        return Err(D::Error::custom(ConsentError::NoEnrolment));
    }
    let read = Box::<Command>::deserialize(from);
    IS_WITHIN.set(false);
    read
}

/// Who agreed to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentGiven {
    /// Who.
    pub person: PersonId,
    /// The text that they were asked about.
    pub digest: Sha256Digest,
}

/// The text in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentState {
    /// Whether nobody is enrolled without it.
    pub required: bool,
    /// What people are asked; none where the site has no text.
    pub text: Option<ConsentText>,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ConsentError {
    /// The site requires it, and none is recorded.
    #[error(
        "the site requires consent before somebody is enrolled, and none to `{text}` is recorded: ask, and say --consent, \
         or record it with `muster consent record`; nobody was enrolled"
    )]
    Missing {
        /// The text's name and version.
        text: String,
        /// The SHA-256 of it, to say which text somebody agreed to.
        digest: Sha256Digest,
    },
    /// There is nothing to agree to.
    #[error("there is no text to consent to: name one under [consent] text in the configuration")]
    NoText,
    /// The text is another by now.
    #[error("the text is not the one that was shown: it was changed meanwhile; read it again and ask again")]
    OtherText,
    /// The command inside is none that enrols.
    #[error("consent goes with an enrolment, and with no other command")]
    NoEnrolment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_consent_holds_none_with_consent() {
        let with = |command| {
            Command::Consent(ConsentCommand::With {
                digest: Sha256Digest([7; 32]),
                command: Box::new(command),
            })
        };
        let one = with(Command::LedgerHead);
        let bytes = postcard::to_stdvec(&one).unwrap();
        assert_eq!(postcard::from_bytes::<Command>(&bytes).unwrap(), one);
        let two = postcard::to_stdvec(&with(one.clone())).unwrap();
        assert!(postcard::from_bytes::<Command>(&two).is_err());
        // As deep as a message may be long: without the guard, this overflows the stack.
        let head = bytes[..bytes.len() - postcard::to_stdvec(&Command::LedgerHead).unwrap().len()].to_vec();
        assert!(postcard::from_bytes::<Command>(&head.repeat(100_000)).is_err());
        assert_eq!(postcard::from_bytes::<Command>(&bytes).unwrap(), one, "and nothing is left of it");
    }
}
