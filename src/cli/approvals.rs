//! `muster approvals`: what waits until another admin confirms it.

use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::access::TwoPersonDeed;
use crate::engine::approvals::{ApprovalId, ApprovalView, ApprovalsCommand};
use crate::engine::{Command, CommandError, EngineHandle, Reply};
use crate::ledger::Actor;

use super::exit::{CliError, Exit};
use super::output::{Output, columns, printable};
use super::roster::unexpected;

/// What `approvals --help` ends with.
pub const APPROVALS_HELP: &str = "\
Where [access] two_person in the configuration asks for it, an erasure, an export or another threshold
waits until another admin confirms it, for 15 minutes at most; whoever asked waits for it too. Nobody
confirms what they asked for themselves, by whatever account or key. The ledger names both.

Examples:
  muster approvals
  muster approvals confirm 3
  muster approvals refuse 3";

/// `approvals`
#[derive(Debug, Clone, Default, Args)]
pub struct ApprovalsArgs {
    /// What is to be done; without it, what waits is listed.
    #[command(subcommand)]
    pub command: Option<ApprovalsAction>,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ApprovalsAction {
    /// List what waits
    List,
    /// It is to be done: as whoever asked, at once
    Confirm {
        /// Which, as the list numbers them
        id: u64,
    },
    /// It is not to be done
    Refuse {
        /// Which
        id: u64,
    },
    /// Take back what you asked for yourself
    Withdraw {
        /// Which
        id: u64,
    },
}

/// A request as `--json` prints it.
#[derive(Serialize)]
struct RequestObject<'a> {
    kind: &'static str,
    request: u64,
    deed: TwoPersonDeed,
    what: &'a str,
    person: Option<&'a str>,
    id: Option<String>,
    asked_by: &'a Actor,
    asker: Option<&'a str>,
    asked_at: String,
    expires_at: String,
    is_own: bool,
}

#[derive(Serialize)]
struct DoneObject {
    kind: &'static str,
    request: u64,
}

/// Does what `args` says.
///
/// # Errors
/// [`CliError`]: no such request, one's own, what the engine refuses.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &ApprovalsArgs,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError>
where
    Tz::Offset: std::fmt::Display,
{
    let (command, kind, id) = match args.command {
        None | Some(ApprovalsAction::List) => return list(handle, zone, out),
        Some(ApprovalsAction::Confirm { id }) => (ApprovalsCommand::Confirm(ApprovalId(id)), "confirmed", id),
        Some(ApprovalsAction::Refuse { id }) => (ApprovalsCommand::Refuse(ApprovalId(id)), "refused", id),
        Some(ApprovalsAction::Withdraw { id }) => {
            (ApprovalsCommand::Withdraw(ApprovalId(id)), "withdrawn", id)
        }
    };
    match handle.call(Command::Approvals(command))? {
        Reply::Done => {}
        other => return Err(unexpected(&other)),
    }
    out.either(&DoneObject { kind, request: id }, format_args!("request {id} is {kind}"))?;
    Ok(Exit::Done)
}

fn waiting(handle: &EngineHandle) -> Result<Vec<ApprovalView>, CommandError> {
    match handle.call(Command::Approvals(ApprovalsCommand::List))? {
        Reply::Approvals(requests) => Ok(requests),
        _ => Ok(Vec::new()),
    }
}

fn list<Tz: TimeZone>(handle: &EngineHandle, zone: &Tz, out: &mut Output<'_>) -> Result<Exit, CliError>
where
    Tz::Offset: std::fmt::Display,
{
    let requests = waiting(handle)?;
    if out.json {
        requests.iter().try_for_each(|request| out.object(&object(request)))?;
        return Ok(Exit::Done);
    }
    if requests.is_empty() {
        out.line("nothing waits for another admin")?;
        return Ok(Exit::Done);
    }
    let time = |at: DateTime<Utc>| at.with_timezone(zone).format("%H:%M:%S").to_string();
    let row = |request: &ApprovalView| {
        vec![
            request.id.to_string(),
            if request.is_own { "you".to_owned() } else { request.asker_words() },
            printable(&request.words()).into_owned(),
            time(request.asked_at),
            time(request.expires_at),
        ]
    };
    let rows: Vec<Vec<String>> = requests.iter().map(row).collect();
    out.line(columns(&["request", "asked by", "what", "asked", "until"], &rows))?;
    Ok(Exit::Done)
}

fn object(request: &ApprovalView) -> RequestObject<'_> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    RequestObject {
        kind: "approval",
        request: request.id.0,
        deed: request.deed,
        what: &request.what,
        person: request.name.as_ref().map(|name| name.as_str()),
        id: request.person.map(|person| person.to_string()),
        asked_by: &request.asked_by,
        asker: request.asker.as_ref().map(|name| name.as_str()),
        asked_at: time(request.asked_at),
        expires_at: time(request.expires_at),
        is_own: request.is_own,
    }
}

/// How long nothing is said of a reply that does not come.
const QUIET: Duration = Duration::from_millis(300);
/// How often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Gives a command that another admin may have to confirm, and waits for its reply, however long that takes;
/// says on standard error what it waits for.
///
/// # Errors
/// What the engine says.
pub fn call(handle: &EngineHandle, command: Command, out: &mut Output<'_>) -> Result<Reply, CommandError> {
    let pending = handle.send(command);
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        if let Some(reply) = pending.try_take() {
            return reply;
        }
        if !is_said && begun.elapsed() >= QUIET {
            is_said = true;
            if let Some(words) = what_it_waits_for(waiting(handle)) {
                out.note(words);
            }
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// None where it is only slow.
fn what_it_waits_for(requests: Result<Vec<ApprovalView>, CommandError>) -> Option<String> {
    match requests {
        Ok(requests) => {
            let own = requests.into_iter().rfind(|request| request.is_own)?;
            Some(format!(
                "request {id} waits for another admin, who says `muster approvals confirm {id}` or looks at their screen; \
                 `muster approvals withdraw {id}` takes it back",
                id = own.id
            ))
        }
        Err(CommandError::NotAllowed { .. }) => Some("this may wait for an admin to confirm it".to_owned()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::cli::fake::{Fake, Script, at, id, ran};
    use crate::engine::approvals::ApprovalError;

    fn view(number: u64, is_own: bool) -> ApprovalView {
        ApprovalView {
            id: ApprovalId(number),
            deed: TwoPersonDeed::Erase,
            asked_by: Actor::Local { uid: 1000 },
            asker: None,
            what: "erase from everything".to_owned(),
            person: Some(id(1)),
            name: Some("Ana".parse().unwrap()),
            asked_at: at(8 * 3600),
            expires_at: at(8 * 3600 + 900),
            is_own,
        }
    }

    fn said(json: bool, command: Option<ApprovalsAction>) -> crate::cli::fake::Ran {
        let fake = Fake::start(Script {
            respond: Box::new(|command| match command {
                Command::Approvals(ApprovalsCommand::List) => {
                    Ok(Reply::Approvals(vec![view(3, false), view(4, true)]))
                }
                Command::Approvals(ApprovalsCommand::Confirm(ApprovalId(3))) => Ok(Reply::Done),
                _ => Err(ApprovalError::Own.into()),
            }),
            ..Script::default()
        });
        ran(json, |out| run(&fake.handle, &ApprovalsArgs { command }, &Utc, out))
    }

    #[test]
    fn what_waits_is_listed_with_who_asked_and_until_when() {
        let list = said(false, None);
        assert_eq!(list.code, 0);
        let lines: Vec<&str> = list.out.lines().collect();
        assert!(lines[1].starts_with("3 ") && lines[1].contains("user 1000"), "{}", list.out);
        assert!(lines[1].contains("Ana") && lines[1].ends_with("08:15:00"), "{}", list.out);
        assert!(lines[2].contains("you"), "{}", list.out);
        let objects = said(true, Some(ApprovalsAction::List));
        let first: serde_json::Value = serde_json::from_str(objects.out.lines().next().unwrap()).unwrap();
        assert_eq!((&first["request"], &first["deed"]), (&3.into(), &"erase".into()));
    }

    #[test]
    fn confirming_says_so_and_a_refusal_of_the_engine_is_a_negative_answer() {
        let done = said(false, Some(ApprovalsAction::Confirm { id: 3 }));
        assert_eq!((done.code, done.out.as_str()), (0, "request 3 is confirmed\n"));
        let own = said(false, Some(ApprovalsAction::Confirm { id: 4 }));
        assert_eq!((own.code, own.out.as_str()), (1, ""));
        assert!(own.err.contains("another admin"), "{}", own.err);
    }

    #[test]
    fn whoever_waits_is_told_for_what_and_a_slow_engine_is_nothing_to_tell() {
        let own = what_it_waits_for(Ok(vec![view(3, false), view(4, true)])).unwrap();
        assert!(own.contains("confirm 4") && own.contains("withdraw 4"), "{own}");
        assert_eq!(what_it_waits_for(Ok(vec![view(3, false)])), None);
        let needs = CommandError::NotAllowed { needs: Role::Admin, has: Some(Role::Operator) };
        assert!(what_it_waits_for(Err(needs)).unwrap().contains("admin"));
        assert_eq!(what_it_waits_for(Err(CommandError::Stopped)), None);
    }
}
