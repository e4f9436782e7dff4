//! `muster hooks`: where records go, how far each hook has come, and what went wrong; and the hooks that a screen
//! or `take` works for.

use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::Effective;
use crate::config::hooks::{HookEvent, HookSettings, HookTarget};
use crate::engine::{CommandError, EngineHandle};
use crate::hook::trouble::{self, Trouble};
use crate::hook::worker::{Ended, Follower, cursor, deliver_to};
use crate::hook::{Hook, Target, Wanted};
use crate::ledger::{EntryKind, Sequence};

use super::doctor::Check;
use super::exit::{CliError, Exit};
use super::output::{Output, columns, printable};
use super::people;

/// What `hooks --help` ends with.
pub const HOOKS_HELP: &str = "\
Hooks are written into the configuration as [[hook]]; docs/hooks.md says what another system gets.
The screen and `take` deliver while they run, and `hooks deliver` what waits now.

Exit status of `deliver`: 0 where nothing waits any more, 3 where something does.";

/// `hooks`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum HooksCommand {
    /// List the hooks: how far each has come, what waits, and what last went wrong
    List,
    /// Deliver what waits, once
    Deliver,
}

/// Bytes of a secret that are read at most.
const SECRET_LIMIT: u64 = 4_096;
/// Entries of the ledger that are looked through for what waits.
const LOOKED_THROUGH: usize = 10_000;
const PAGE: usize = 256;

/// The hooks of the configuration, with their secrets.
///
/// # Errors
/// [`CliError`] of usage for a secret that cannot be read.
pub fn hooks(effective: &Effective) -> Result<Vec<Hook>, CliError> {
    effective.hooks.iter().map(hook).collect()
}

fn hook(settings: &HookSettings) -> Result<Hook, CliError> {
    let target = match &settings.target {
        HookTarget::Command(line) => {
            Target::Program { program: line.program().to_owned(), arguments: line.arguments().to_vec() }
        }
        HookTarget::Url { url, secret_file } => Target::Http {
            url: url.as_str().to_owned(),
            secret: secret_file.as_deref().map(read_secret).transpose()?,
        },
    };
    Ok(Hook {
        name: settings.name.as_str().to_owned(),
        target,
        wanted: wanted(&settings.events),
        names: settings.names,
        timeout: Duration::from_secs(u64::from(settings.timeout_seconds)),
        give_up_after: settings.give_up_hours.map(|hours| TimeDelta::hours(i64::from(hours))),
    })
}

fn wanted(events: &[HookEvent]) -> Wanted {
    let mut kinds = Vec::new();
    for event in events {
        match event {
            HookEvent::Records => kinds.extend(EntryKind::ATTENDANCE),
            HookEvent::Kind(kind) => kinds.push(*kind),
            HookEvent::All => {}
        }
    }
    Wanted { all: events.contains(&HookEvent::All), kinds }
}

/// A secret without the line end that editors put after it.
fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    use std::io::Read;
    let wrong = |what: &dyn std::fmt::Display| {
        CliError::usage(format_args!("the secret of a hook, {}: {what}", printable(&path.to_string_lossy())))
    };
    let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_LIMIT as usize + 1));
    let read =
        std::fs::File::open(path).and_then(|file| file.take(SECRET_LIMIT + 1).read_to_end(&mut secret));
    read.map_err(|error| wrong(&error))?;
    let length = secret.trim_ascii_end().len();
    secret.truncate(length);
    if secret.is_empty() || secret.len() as u64 > SECRET_LIMIT {
        return Err(wrong(&format_args!("expected from 1 to {SECRET_LIMIT} bytes")));
    }
    Ok(secret)
}

/// Does what `command` says.
///
/// # Errors
/// [`CliError`]: a secret that cannot be read, what the engine says, an output that cannot be written.
pub fn run(
    effective: &Effective,
    handle: &EngineHandle,
    command: HooksCommand,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    match command {
        HooksCommand::List => list(effective, Some(handle), out),
        HooksCommand::Deliver => deliver(effective, handle, out),
    }
}

#[derive(Serialize)]
struct HookObject<'a> {
    hook: &'a str,
    to: String,
    /// The last entry that it is done with; none where it has not begun, or is not known.
    cursor: Option<Sequence>,
    /// Entries that wait; none where that is not known.
    waiting: Option<usize>,
    trouble: Option<Trouble>,
}

/// Where a hook sends to, without what may be a secret.
fn place(settings: &HookSettings) -> String {
    match &settings.target {
        HookTarget::Command(line) => line.program().to_owned(),
        HookTarget::Url { url, .. } => url.place(),
    }
}

/// Lists the hooks; without a handle, what is known while another process has the store.
///
/// # Errors
/// [`CliError`]: what the engine says, an output that cannot be written.
pub fn list(
    effective: &Effective,
    handle: Option<&EngineHandle>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let mut rows = Vec::new();
    for settings in &effective.hooks {
        let name = settings.name.as_str();
        let place_in_ledger = handle.map(|handle| cursor(handle, name)).transpose()?.flatten();
        let waiting = match handle.zip(place_in_ledger) {
            Some((handle, cursor)) => waiting(handle, cursor, &wanted(&settings.events))?,
            None => None,
        };
        let object = HookObject {
            hook: name,
            to: place(settings),
            cursor: place_in_ledger,
            waiting,
            trouble: trouble::read(&effective.state_dir, name),
        };
        if out.json {
            out.object(&object)?;
            continue;
        }
        let known = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        rows.push(vec![
            object.hook.to_owned(),
            object.to.clone(),
            known(object.cursor.map(|cursor| cursor.to_string())),
            known(object.waiting.map(|waiting| match waiting {
                LOOKED_THROUGH.. => format!("{waiting} or more"),
                waiting => waiting.to_string(),
            })),
            object.trouble.as_ref().map_or_else(|| "nothing".to_owned(), trouble_words),
        ]);
    }
    if out.json {
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        out.line("no hook is configured: nothing leaves this machine ([[hook]] in the configuration)")?;
    } else {
        out.line(columns(&["hook", "to", "entry", "waiting", "went wrong"], &rows))?;
    }
    Ok(Exit::Done)
}

fn trouble_words(trouble: &Trouble) -> String {
    let at = trouble.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    format!("entry {} at {at}, try {}: {}", trouble.sequence, trouble.attempts, printable(&trouble.reason))
}

/// How many entries after `cursor` are wanted, of those that are looked through; none for who may not see them.
fn waiting(handle: &EngineHandle, cursor: Sequence, wanted: &Wanted) -> Result<Option<usize>, CliError> {
    let (mut position, mut waiting) = (cursor, 0);
    for _ in 0..LOOKED_THROUGH.div_ceil(PAGE) {
        let page = match handle.whole_entries_since(position, PAGE) {
            Ok(page) => page,
            Err(CommandError::NotAllowed { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        waiting += page.iter().filter(|entry| wanted.takes(&entry.entry)).count();
        match page.last() {
            Some(last) if page.len() == PAGE => position = last.entry.head.sequence,
            _ => break,
        }
    }
    Ok(Some(waiting.min(LOOKED_THROUGH)))
}

#[derive(Serialize)]
struct DeliveredObject<'a> {
    kind: &'static str,
    hook: &'a str,
    is_empty: bool,
    reason: Option<String>,
}

fn deliver(effective: &Effective, handle: &EngineHandle, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let mut all_empty = true;
    for hook in hooks(effective)? {
        let name = hook.name.clone();
        let sender = deliver_to(&hook);
        let mut follower =
            Follower::begin(hook, handle.clone(), sender, effective.state_dir.clone(), Utc::now)?;
        let reason = match follower.deliver_waiting(&|| false) {
            Ended::Empty => None,
            Ended::Waits(error) => Some(error.to_string()),
            Ended::Engine(error) => return Err(error.into()),
            Ended::Stopped => Some("it was stopped".to_owned()),
        };
        all_empty &= reason.is_none();
        let words = match &reason {
            None => format!("{name}: nothing waits"),
            Some(reason) => format!("{name}: {}", printable(reason)),
        };
        let object = DeliveredObject { kind: "delivered", hook: &name, is_empty: reason.is_none(), reason };
        out.either(&object, words)?;
    }
    Ok(if all_empty { Exit::Done } else { Exit::Missing })
}

/// What `doctor` says of the hooks; nothing where there are none.
pub fn checks(effective: &Effective) -> Vec<Check> {
    let check = |settings: &HookSettings| {
        let name = settings.name.as_str();
        if let Err(error) = hook(settings) {
            let hint = "put the file there, readable for this user, or name another with secret_file";
            return Check::fail("hook", format!("{name}: {error}"), hint);
        }
        if let Some(trouble) = trouble::read(&effective.state_dir, name) {
            let detail = format!("{name}: {}", trouble_words(&trouble));
            return Check::warn(
                "hook",
                detail,
                "it is tried again by itself; `muster hooks list` says how far it is",
            );
        }
        match &settings.target {
            HookTarget::Url { url, .. } if url.is_in_the_clear() => Check::warn(
                "hook",
                format!("{name}: records go to {} in the clear", url.place()),
                "write https:// where the server has it",
            ),
            _ => Check::ok("hook", format!("{name}: records go to {}", place(settings))),
        }
    };
    effective.hooks.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "s3cret\r\n").unwrap();
        assert_eq!(read_secret(&file).unwrap().as_slice(), b"s3cret");
        std::fs::write(&file, "\n").unwrap();
        let error = read_secret(&file).unwrap_err().to_string();
        assert!(error.contains("from 1 to 4096"), "{error}");
        assert!(read_secret(&folder.path().join("none")).is_err());
    }

    #[test]
    fn all_means_all_and_records_are_the_kinds_of_attendance() {
        assert!(wanted(&[HookEvent::All]).all);
        let some = wanted(&[HookEvent::Records, HookEvent::Kind(EntryKind::Erased)]);
        assert!(!some.all && some.kinds.len() == EntryKind::ATTENDANCE.len() + 1);
    }
}
