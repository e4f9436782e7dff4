//! How a run ends: the exit status, and the error that leads to it.

use std::fmt;
use std::io;

use crate::config::ConfigError;
use crate::engine::CommandError;

/// The exit status. Other tools rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; for `identify`, somebody was identified.
    Done,
    /// 1: a negative answer: nobody identified, not found, refused.
    Negative,
    /// 2: wrong usage or configuration, or no input that can be read.
    Usage,
    /// 3: something is missing or out of order: runtime, model, camera, store.
    Missing,
    /// 128 and the number: this signal ended the screen, as a shell expects it.
    Signal(i32),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(128),
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a subcommand did not do what was asked.
#[derive(Debug)]
pub enum CliError {
    /// It ends with this status and this message on standard error.
    Said {
        /// The status.
        exit: Exit,
        /// What happened and what to do.
        message: String,
    },
    /// Whoever read standard output has closed it: `muster report | head -1`. Nothing is wrong.
    OutputClosed,
}

impl CliError {
    /// A negative answer.
    pub fn negative(message: impl fmt::Display) -> Self {
        Self::Said { exit: Exit::Negative, message: message.to_string() }
    }

    /// Wrong usage, or no input that can be read.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Said { exit: Exit::Usage, message: message.to_string() }
    }

    /// Something is missing or out of order.
    pub fn missing(message: impl fmt::Display) -> Self {
        Self::Said { exit: Exit::Missing, message: message.to_string() }
    }

    /// The status.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Said { exit, .. } => *exit,
            Self::OutputClosed => Exit::Done,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { message, .. } => f.write_str(message),
            Self::OutputClosed => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

/// Of writing to standard output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::missing(format_args!("standard output cannot be written: {error}")),
        }
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        let exit = match &error {
            CommandError::Picture(_) | CommandError::Backup { .. } => Exit::Usage,
            CommandError::NameTaken { .. }
            | CommandError::IdentifierTaken { .. }
            | CommandError::NoFace { .. }
            | CommandError::AmbiguousFace { .. }
            | CommandError::NoSuchFace { .. }
            | CommandError::NotAlignable { .. }
            | CommandError::PoorFace { .. }
            | CommandError::NoGoodPicture { .. }
            | CommandError::LooksEnrolled { .. }
            | CommandError::NotOnePerson { .. }
            | CommandError::NoSuchShooting
            | CommandError::NoSuchPerson
            | CommandError::Inbox(_)
            | CommandError::Register(_)
            | CommandError::Door(_)
            | CommandError::Attendance(_)
            | CommandError::NotAllowed { .. }
            | CommandError::Operators(_)
            | CommandError::Approval(_)
            | CommandError::Consent(_)
            | CommandError::NoThreshold
            | CommandError::NoSuchDay
            | CommandError::NoSuchShot => Exit::Negative,
            CommandError::NoPicture { .. }
            | CommandError::NoInference { .. }
            | CommandError::Store { .. }
            | CommandError::NotNoted { .. }
            | CommandError::Busy
            | CommandError::NotThere
            | CommandError::NotFromAfar
            | CommandError::TooMuch
            | CommandError::LinkLost
            | CommandError::Stopped => Exit::Missing,
        };
        Self::Said { exit, message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    #[test]
    fn every_refusal_has_its_status() {
        let label = || "a.jpg".to_owned();
        let reason = label;
        let name = || "Ana".parse().unwrap();
        let table = [
            (CommandError::NameTaken { name: name(), people: vec![] }, 1),
            (CommandError::IdentifierTaken { identifier: "7".parse().unwrap(), name: name() }, 1),
            (CommandError::NoFace { label: label() }, 1),
            (CommandError::AmbiguousFace { label: label(), faces: vec![] }, 1),
            (CommandError::NoSuchFace { label: label(), wanted: 3, found: 2 }, 1),
            (CommandError::NotAlignable { label: label() }, 1),
            (CommandError::PoorFace { label: label(), sentence: reason() }, 1),
            (CommandError::NoGoodPicture { refused: vec![] }, 1),
            (CommandError::LooksEnrolled { people: vec![] }, 1),
            (CommandError::NotOnePerson { labels: vec![label()], similarity: 0.1, threshold: 0.4 }, 1),
            (CommandError::NoSuchShooting, 1),
            (CommandError::NoSuchPerson, 1),
            (CommandError::Inbox(crate::engine::inbox::InboxError::NoSuchItem), 1),
            (CommandError::NoSuchShot, 1),
            (CommandError::NotAllowed { needs: Role::Admin, has: Some(Role::Observer) }, 1),
            (CommandError::Operators(crate::engine::operators::OperatorsError::NoWayIn), 1),
            (CommandError::Approval(crate::engine::approvals::ApprovalError::Expired), 1),
            (CommandError::Consent(crate::engine::consent::ConsentError::NoText), 1),
            (CommandError::NoThreshold, 1),
            (CommandError::NoSuchDay, 1),
            (CommandError::Picture(label()), 2),
            (CommandError::Backup { reason: reason() }, 2),
            (CommandError::NotNoted { done: label(), reason: reason() }, 3),
            (CommandError::NoPicture { reason: reason() }, 3),
            (CommandError::NoInference { reason: reason() }, 3),
            (CommandError::Store { reason: reason() }, 3),
            (CommandError::Busy, 3),
            (CommandError::NotThere, 3),
            (CommandError::NotFromAfar, 3),
            (CommandError::TooMuch, 3),
            (CommandError::LinkLost, 3),
            (CommandError::Stopped, 3),
        ];
        for (error, code) in table {
            let message = error.to_string();
            let said = CliError::from(error);
            assert_eq!((said.exit().code(), said.to_string()), (code, message));
        }
        assert_eq!(CliError::from(ConfigError::NoHome).exit().code(), 2);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(CliError::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit().code(), 0);
        assert_eq!(CliError::from(io::Error::from(io::ErrorKind::StorageFull)).exit().code(), 3);
    }
}
