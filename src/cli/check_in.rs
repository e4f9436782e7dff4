//! `muster check-in`: in, or out, by an identifier instead of a face.

use clap::Args;
use serde::Serialize;

use crate::attendance::PresenceState;
use crate::attendance::badge::BadgeRules;
use crate::engine::command::door::{DoorCommand, DoorReply, TypedIdentifier, TypedPin};
use crate::engine::{Command, EngineHandle, Reply};

use super::exit::{CliError, Exit};
use super::output::Output;
use super::{people, roster, secret};

/// What `check-in --help` ends with.
pub const CHECK_IN_HELP: &str = "\
Only where `identifier` under [attendance] or [group.NAME] says so. Where a PIN is wanted it is asked
for and not shown; with --stdin it is the first line of standard input. Who is not known is told the
same as who gave a wrong PIN; `muster log tail` says which it was.

Exit status: 0 where it was recorded or was on record already, 1 where not.";

/// `check-in`
#[derive(Debug, Clone, Args)]
pub struct CheckInArgs {
    /// The identifier, typed or scanned
    pub identifier: String,
    /// Read the PIN from standard input, where one is wanted
    #[arg(long)]
    pub stdin: bool,
}

#[derive(Serialize)]
struct CheckedIn<'a> {
    kind: &'static str,
    outcome: &'static str,
    person: Option<&'a str>,
    state: Option<PresenceState>,
    since: Option<String>,
    seconds: Option<u32>,
}

/// Comes in, and asks for a PIN where one is wanted.
///
/// # Errors
/// [`CliError`]: no PIN where one is wanted, or what the engine refuses.
pub fn run(
    handle: &EngineHandle,
    args: &CheckInArgs,
    badge: &BadgeRules,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    let mut reply = ask(handle, args, badge, None)?;
    if reply == DoorReply::PinWanted {
        let pin = if args.stdin { secret::from_input()? } else { secret::asked_once("PIN: ")? };
        reply = ask(handle, args, badge, Some(TypedPin(pin)))?;
    }
    say(&reply, out)
}

/// Comes in where no PIN is wanted: what is typed here is seen.
///
/// # Errors
/// [`CliError`] as [`run`].
pub fn run_unseen(
    handle: &EngineHandle,
    args: &CheckInArgs,
    badge: &BadgeRules,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match ask(handle, args, badge, None)? {
        DoorReply::PinWanted => {
            Err(CliError::usage("a PIN is wanted, which is not typed where it is seen: use the kiosk view"))
        }
        reply => say(&reply, out),
    }
}

fn ask(
    handle: &EngineHandle,
    args: &CheckInArgs,
    badge: &BadgeRules,
    pin: Option<TypedPin>,
) -> Result<DoorReply, CliError> {
    let identifier = TypedIdentifier(badge.identifier(&args.identifier).to_owned());
    match handle.call(Command::Door(DoorCommand::CheckIn { identifier, pin }))? {
        Reply::Door(reply) => Ok(reply),
        other => Err(roster::unexpected(&other)),
    }
}

fn say(reply: &DoorReply, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let nothing = CheckedIn {
        kind: "check_in",
        outcome: "refused",
        person: None,
        state: None,
        since: None,
        seconds: None,
    };
    let (object, words, exit) = match reply {
        DoorReply::Recorded { name, state, since, again } => {
            let outcome = if *again { "on_record" } else { "recorded" };
            let words = match again {
                false => format!("{name}: {state}"),
                true => format!("{name}: {state}, on record already"),
            };
            let since = Some(since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
            let person = Some(name.as_str());
            (CheckedIn { outcome, person, state: Some(*state), since, ..nothing }, words, Exit::Done)
        }
        DoorReply::NotSaved { name } => {
            let object = CheckedIn { outcome: "not_saved", person: Some(name.as_str()), ..nothing };
            (object, format!("{name}: known, but the record could not be saved"), Exit::Missing)
        }
        DoorReply::Wait { seconds } => {
            let words = format!("too many wrong tries: wait {seconds} s");
            (CheckedIn { outcome: "wait", seconds: Some(*seconds), ..nothing }, words, Exit::Negative)
        }
        DoorReply::Refused | DoorReply::PinWanted => (nothing, "not accepted".to_owned(), Exit::Negative),
    };
    out.either(&object, words)?;
    Ok(exit)
}
