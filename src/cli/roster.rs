//! `muster roster`: list and change who belongs here.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::attendance::{FaceUse, GroupName, PresenceState};
use crate::engine::state::RosterRow;
use crate::engine::{Command, EngineHandle, Reply};

use super::args::RosterCommand;
use super::exit::{CliError, Exit};
use super::output::{Output, columns, people_count, printable};
use super::roster_file::RosterFileError;
use super::{approvals, erase, people, roster_file, roster_import, roster_particulars};

/// Puts a question on the terminal; `None` where there is none to ask on.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> Option<bool>;

/// A person as `--json` prints them.
#[derive(Serialize)]
struct RowObject<'a> {
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
    groups: &'a [GroupName],
    face: FaceUse,
    templates: u32,
    state: Option<PresenceState>,
    since: Option<String>,
}

/// What was changed, as `--json` prints it.
#[derive(Serialize)]
struct ChangeObject<'a> {
    kind: &'static str,
    person: &'a str,
    id: String,
    identifier: Option<&'a str>,
}

/// Does what `command` says; `ask` is asked before anything is lost.
///
/// # Errors
/// [`CliError`]: nobody or several people by that name, a file that cannot be read or written, what
/// the engine refuses.
pub fn run(
    handle: &EngineHandle,
    command: &RosterCommand,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    match command {
        RosterCommand::List { group } => list(handle, group.as_ref(), out),
        RosterCommand::Show { who } => roster_particulars::show(handle, who, out),
        RosterCommand::Set(args) => roster_particulars::set(handle, args, out),
        RosterCommand::Pin(args) => roster_particulars::pin(handle, args, out),
        RosterCommand::Remove { who, yes } => remove(handle, who, *yes, ask, out),
        RosterCommand::Erase(args) => erase::run(handle, args, ask, out),
        RosterCommand::Rename { who, name } => {
            let roster = handle.snapshot().roster;
            let row = people::find(&roster, who)?;
            handle.call(Command::Rename { person: row.person, name: name.clone() })?;
            let renamed = RosterRow { name: name.clone(), ..row.clone() };
            let text = format!("{} is now called {name}", people::described(row));
            out.either(&change("renamed", &renamed), text)?;
            Ok(Exit::Done)
        }
        RosterCommand::Import { file, dry_run } => roster_import::run(handle, file, *dry_run, out),
        RosterCommand::Export { output } => export(handle, output.as_deref(), out),
    }
}

fn change<'a>(kind: &'static str, row: &'a RosterRow) -> ChangeObject<'a> {
    ChangeObject {
        kind,
        person: row.name.as_str(),
        id: row.person.to_string(),
        identifier: row.identifier.as_ref().map(|i| i.as_str()),
    }
}

fn list(handle: &EngineHandle, group: Option<&GroupName>, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let roster = handle.snapshot().roster;
    let is_listed = |row: &&RosterRow| group.is_none_or(|group| row.groups.contains(group));
    let listed: Vec<&RosterRow> = roster.rows.iter().filter(is_listed).collect();
    if out.json {
        for row in listed {
            out.object(&RowObject {
                person: row.name.as_str(),
                id: row.person.to_string(),
                identifier: row.identifier.as_ref().map(|i| i.as_str()),
                groups: &row.groups,
                face: row.face,
                templates: row.templates,
                state: row.presence.map(|presence| presence.state),
                since: row.presence.map(|presence| presence.since.to_rfc3339()),
            })?;
        }
        return Ok(Exit::Done);
    }
    if roster.rows.is_empty() {
        out.line("nobody is enrolled yet: muster enroll NAME IMAGE")?;
        return Ok(Exit::Done);
    }
    if let (Some(group), true) = (group, listed.is_empty()) {
        out.line(format_args!("nobody is in the group {group}"))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|row| {
            vec![
                row.name.to_string(),
                row.identifier.as_ref().map(ToString::to_string).unwrap_or_default(),
                row.groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join("; "),
                if row.face == FaceUse::Off { "off".to_owned() } else { row.templates.to_string() },
                row.presence.map(|presence| presence.state.to_string()).unwrap_or_default(),
                row.person.to_string(),
            ]
        })
        .collect();
    out.line(columns(&["name", "identifier", "groups", "templates", "today", "id"], &rows))?;
    Ok(Exit::Done)
}

fn remove(
    handle: &EngineHandle,
    who: &str,
    yes: bool,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let roster = handle.snapshot().roster;
    let row = people::find(&roster, who)?;
    let templates = match row.templates {
        1 => "1 template".to_owned(),
        n => format!("{n} templates"),
    };
    if !yes {
        let question = format!(
            "Remove {}? Their {templates} are deleted at once and cannot be brought back; their records stay.",
            people::described(row)
        );
        match ask(&question) {
            Some(true) => {}
            Some(false) => return Err(CliError::negative("nobody was removed")),
            None => {
                return Err(CliError::usage(
                    "there is no terminal to ask on: say --yes to remove without being asked",
                ));
            }
        }
    }
    handle.call(Command::Remove(row.person))?;
    let text = format!("{} was removed with {templates}", people::described(row));
    out.either(&change("removed", row), text)?;
    Ok(Exit::Done)
}

/// The rows that `parse` makes of a roster file; `not_done` says what did not happen where it is wrong.
///
/// # Errors
/// [`CliError`] of usage with the file and the lines that are wrong.
pub(super) fn read_rows<T>(
    file: &Path,
    not_done: &str,
    parse: fn(&[u8]) -> Result<Vec<T>, RosterFileError>,
) -> Result<Vec<T>, CliError> {
    let label = if file == Path::new("-") { "standard input".into() } else { file.display().to_string() };
    let label = printable(&label).into_owned();
    // One byte more than is allowed, so that the parser sees that there was too much.
    let limit = roster_file::SIZE_LIMIT_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|open| open.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| CliError::usage(format_args!("{label} cannot be read: {error}")))?;
    parse(&bytes).map_err(|error| {
        let text = error.to_string();
        let lines: Vec<String> = text.lines().map(|line| format!("{label}: {line}")).collect();
        CliError::usage(format_args!("{not_done}\n{}", lines.join("\n")))
    })
}

fn export(handle: &EngineHandle, output: Option<&Path>, out: &mut Output<'_>) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Exported {
        kind: &'static str,
        people: usize,
        file: String,
    }
    let Reply::Roster { people, .. } = approvals::call(handle, Command::Export, out)? else {
        return Err(CliError::missing("the engine gave no roster"));
    };
    let text = roster_file::write(&people);
    let Some(path) = output else {
        out.line(text)?;
        return Ok(Exit::Done);
    };
    replace_file(path, format!("{text}\n").as_bytes())
        .map_err(|error| CliError::usage(format_args!("{} cannot be written: {error}", path.display())))?;
    let file = path.display().to_string();
    let said = format!("written to {}: {}", printable(&file), people_count(people.len()));
    out.either(&Exported { kind: "exported", people: people.len(), file }, said)?;
    Ok(Exit::Done)
}

/// Writes `bytes` beside `path` and moves it there in one step; readable for its owner alone.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or_else(|| io::Error::other("it is no file"))?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside: PathBuf = path.with_file_name(name);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A reply that does not belong to its command: the two programs are of different versions.
pub fn unexpected(reply: &Reply) -> CliError {
    let kind = match reply {
        Reply::Person(_) => "person",
        Reply::Day(_) => "day",
        Reply::Enrolled { .. } => "enrolled",
        Reply::Shot(_) => "shot",
        Reply::Shooting(_) => "shooting",
        Reply::Shots(_) => "shots",
        Reply::SelfTest(_) => "self_test",
        Reply::Identified(_) => "identified",
        Reply::Approvals(_) => "approvals",
        Reply::Written(_) => "written",
        Reply::Register(_) => "register",
        Reply::Door(_) => "door",
        Reply::Hooks(_) => "hooks",
        Reply::Roster { .. } => "roster",
        Reply::Ledger(_) => "ledger",
        Reply::Verified(_) => "verified ledger",
        Reply::People(_) => "people",
        Reply::Erased(_) => "erased",
        Reply::Spaces(_) => "spaces",
        Reply::Reembedded(_) => "reembedded",
        Reply::Store(_) => "store",
        Reply::Inbox(_) => "inbox",
        Reply::Attendance(_) => "attendance",
        Reply::Operators(_) => "operators",
        Reply::ConsentText(_) => "consent",
        Reply::Retention(_) => "retention",
        Reply::PersonExport(_) => "person_export",
        Reply::Done => "done",
    };
    CliError::missing(format_args!("the engine gave an answer of another kind (`{kind}`)"))
}
