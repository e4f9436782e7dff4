//! `muster inbox`: people whom the gallery does not know, and what becomes of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use clap::Subcommand;
use serde::Serialize;

use crate::access::Role;
use crate::attendance::stranger::StrangerTrack;
use crate::attendance::{Identifier, PersonId, PersonName};
use crate::engine::consent::ConsentCommand;
use crate::engine::handle::Snapshot;
use crate::engine::inbox::{InboxCommand, InboxReply, InboxState, StrangerRow};
use crate::engine::{Command, CommandError, EngineHandle, LogEntry, Reply};
use crate::ledger::Sequence;

use super::exit::{CliError, Exit};
use super::output::{Output, columns, printable};
use super::roster::{Ask, replace_file, unexpected};
use super::{consent, nets, people};

/// Below `muster inbox --help`.
pub const INBOX_HELP: &str = "\
ITEM is an item's id, or the end of it (four characters or more). WHO is an identifier, an exact
name, or the beginning of a person's id.

Examples:
  muster inbox list
  muster inbox show 4K2M --output face.png
  muster inbox enrol 4K2M \"Eve Adams\" --back-fill
  muster inbox back-fill \"Eve Adams\" --entry 118 --entry 131";

/// `inbox`
#[derive(Debug, Clone, Subcommand)]
pub enum InboxArgs {
    /// List the items: how often, when first, when last, and how good the picture is
    List,
    /// Show an item, and write its picture to a file
    Show {
        /// Which
        item: String,
        /// Write the picture to this file, as PNG; it is replaced whole
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Enrol the stranger as a new person, with the item's picture
    Enrol {
        /// Which
        item: String,
        /// What the person is called
        name: PersonName,
        /// What the site calls them by, unique: a staff or pupil number
        #[arg(long, value_name = "ID")]
        id: Option<Identifier>,
        /// Add their passages as a stranger to the record as well
        #[arg(long)]
        back_fill: bool,
        /// Record that they agree to be enrolled: their consent is on file
        #[arg(long)]
        consent: bool,
    },
    /// Add the item's picture to somebody who is on the roster
    Add {
        /// Which
        item: String,
        /// Whose picture it is
        who: String,
        /// Add their passages as a stranger to the record as well
        #[arg(long)]
        back_fill: bool,
        /// Record that they agree to be enrolled: their consent is on file
        #[arg(long)]
        consent: bool,
    },
    /// Take an item out; nothing of it is kept
    Discard {
        /// Which
        item: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add passages to the record of somebody who was a stranger at the time
    #[command(name = "back-fill")]
    BackFill {
        /// Whose
        who: String,
        /// The entry of a passage, and no other than those named; all that wait without it
        #[arg(long = "entry", value_name = "N")]
        entries: Vec<u64>,
    },
}

/// A passage that waits to be back-filled, as `--json` prints it.
#[derive(Serialize)]
struct TrackObject {
    sequence: u64,
    at: String,
}

/// An item as `--json` prints it.
#[derive(Serialize)]
struct ItemObject<'a> {
    kind: &'static str,
    item: String,
    /// Who it turned out to be.
    person: Option<&'a str>,
    person_id: Option<String>,
    tracks: u32,
    first_seen: String,
    last_seen: String,
    quality: Option<f32>,
    can_be_enrolled: bool,
    finding: Option<&'a str>,
    entries: Vec<TrackObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Does what `args` says; `ask` is asked before an item is lost.
///
/// # Errors
/// [`CliError`]: no such item or person, several of them, what the engine refuses, a file that cannot
/// be written.
pub fn run<Tz: TimeZone>(
    handle: &EngineHandle,
    args: &InboxArgs,
    zone: &Tz,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    people::settle(handle);
    match args {
        InboxArgs::List => list(handle, zone, out),
        InboxArgs::Show { item, output } => show(handle, item, output.as_deref(), zone, out),
        InboxArgs::Enrol { item, name, id, back_fill, consent } => {
            let stranger = find(handle, item)?.id;
            nets::wait(handle)?;
            let command = InboxCommand::Enrol { stranger, name: name.clone(), identifier: id.clone() };
            enrol(handle, command, *consent, *back_fill, zone, out)
        }
        InboxArgs::Add { item, who, back_fill, consent } => {
            let stranger = find(handle, item)?.id;
            let person = people::find(&handle.snapshot().roster, who)?.person;
            nets::wait(handle)?;
            enrol(handle, InboxCommand::Add { stranger, person }, *consent, *back_fill, zone, out)
        }
        InboxArgs::Discard { item, yes } => discard(handle, item, *yes, ask, out),
        InboxArgs::BackFill { who, entries } => {
            let roster = handle.snapshot().roster;
            let row = people::find(&roster, who)?;
            let sequences = entries.iter().copied().map(Sequence).collect();
            back_fill(handle, row.person, &row.name, sequences, zone, out)
        }
    }
}

/// Whether `args` needs the nets: what is enrolled must be of the net that is in use.
pub fn needs_nets(args: &InboxArgs) -> bool {
    matches!(args, InboxArgs::Enrol { .. } | InboxArgs::Add { .. })
}

/// The item that `text` names.
fn find(handle: &EngineHandle, text: &str) -> Result<StrangerRow, CliError> {
    let wanted = text.to_ascii_uppercase();
    let inbox = seen(handle)?;
    let is_meant = |row: &&StrangerRow| {
        let id = row.id.to_string();
        id == wanted || (wanted.len() >= 4 && id.ends_with(&wanted))
    };
    let found: Vec<&StrangerRow> = inbox.rows.iter().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(CliError::negative(format_args!(
            "no item of the inbox has the id `{}`; `muster inbox list` shows them all",
            printable(text)
        ))),
        several => Err(CliError::negative(format_args!(
            "`{}` could be any of {} items; write more of the id",
            printable(text),
            several.len()
        ))),
    }
}

fn rfc3339<Tz: TimeZone>(at: DateTime<Utc>, zone: &Tz) -> String {
    at.with_timezone(zone).fixed_offset().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn local<Tz: TimeZone>(at: DateTime<Utc>, zone: &Tz) -> String {
    // The naive local time needs no `Display` of the zone's offset.
    at.with_timezone(zone).naive_local().format("%Y-%m-%d %H:%M:%S").to_string()
}

fn object<'a, Tz: TimeZone>(kind: &'static str, row: &'a StrangerRow, zone: &Tz) -> ItemObject<'a> {
    ItemObject {
        kind,
        item: row.id.to_string(),
        person: row.person.as_ref().map(|(_, name)| name.as_str()),
        person_id: row.person.as_ref().map(|(id, _)| id.to_string()),
        tracks: row.track_count,
        first_seen: rfc3339(row.first_seen, zone),
        last_seen: rfc3339(row.last_seen, zone),
        quality: row.score.map(|score| score.0),
        can_be_enrolled: row.person.is_none() && row.finding.is_none(),
        finding: row.finding.as_deref(),
        entries: waiting(&row.tracks, zone),
        file: None,
    }
}

fn waiting<Tz: TimeZone>(tracks: &[StrangerTrack], zone: &Tz) -> Vec<TrackObject> {
    let object =
        |track: &StrangerTrack| TrackObject { sequence: track.sequence.0, at: rfc3339(track.at, zone) };
    tracks.iter().map(object).collect()
}

/// What an item is good for, in a few words.
fn remark(row: &StrangerRow) -> String {
    match (&row.person, &row.finding) {
        (Some((_, name)), _) => format!("{name} by now: passages wait to be back-filled"),
        (None, Some(finding)) => format!("cannot be enrolled: {finding}"),
        (None, None) => String::new(),
    }
}

/// The inbox of who may see it; an observer is shown none.
fn seen(handle: &EngineHandle) -> Result<Arc<InboxState>, CliError> {
    let Snapshot { inbox, role, .. } = handle.snapshot();
    let needs = Role::Operator;
    if role.is_some_and(|role| role >= needs) {
        return Ok(inbox);
    }
    Err(CommandError::NotAllowed { needs, has: role }.into())
}

fn list<Tz: TimeZone>(handle: &EngineHandle, zone: &Tz, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let inbox = seen(handle)?;
    if out.json {
        for row in &inbox.rows {
            out.object(&object("item", row, zone))?;
        }
        return Ok(Exit::Done);
    }
    if inbox.rows.is_empty() {
        out.line(match inbox.keep_hours {
            0 => "there is no inbox: [inbox] keep_hours is 0".to_owned(),
            hours => format!("the inbox is empty; who is not known is kept here for {hours} hours"),
        })?;
        return Ok(Exit::Done);
    }
    let quality = |row: &StrangerRow| row.score.map(|score| format!("{:.2}", score.0)).unwrap_or_default();
    let cells = |row: &StrangerRow| {
        let (first, last) = (local(row.first_seen, zone), local(row.last_seen, zone));
        vec![row.id.to_string(), row.track_count.to_string(), first, last, quality(row), remark(row)]
    };
    let rows: Vec<Vec<String>> = inbox.rows.iter().map(cells).collect();
    out.line(columns(&["item", "seen", "first", "last", "quality", ""], &rows))?;
    Ok(Exit::Done)
}

fn show<Tz: TimeZone>(
    handle: &EngineHandle,
    item: &str,
    output: Option<&Path>,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let row = find(handle, item)?;
    let mut file = None;
    if let Some(path) = output {
        let InboxReply::Shown(shown) = ask_engine(handle, InboxCommand::Show(row.id))? else {
            return Err(CliError::missing("the engine gave no picture"));
        };
        if shown.file.is_empty() {
            return Err(CliError::negative(
                "the configuration gives nobody pictures: [screen] picture is \"never\"",
            ));
        }
        replace_file(path, shown.file.as_bytes()).map_err(|error| {
            CliError::usage(format_args!(
                "{} cannot be written: {error}",
                printable(&path.display().to_string())
            ))
        })?;
        file = Some(path.display().to_string());
    }
    if out.json {
        out.object(&ItemObject { file, ..object("item", &row, zone) })?;
        return Ok(Exit::Done);
    }
    out.line(format_args!("item {}", row.id))?;
    if !remark(&row).is_empty() {
        out.line(remark(&row))?;
    }
    if let Some(score) = row.score {
        out.line(format_args!("quality {:.2}", score.0))?;
    }
    out.line(format_args!("seen {} times:", row.track_count))?;
    for track in &row.tracks {
        out.line(format_args!("  entry {:<8} {}", track.sequence, local(track.at, zone)))?;
    }
    if let Some(file) = file {
        out.line(format_args!("the picture is in {}", printable(&file)))?;
    }
    Ok(Exit::Done)
}

fn enrol<Tz: TimeZone>(
    handle: &EngineHandle,
    command: InboxCommand,
    consented: bool,
    then_back_fill: bool,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Enrolled<'a> {
        kind: &'static str,
        person: &'a str,
        id: String,
        identifier: Option<&'a str>,
        waiting: Vec<TrackObject>,
    }
    let is_new = matches!(command, InboxCommand::Enrol { .. });
    let command = Command::Inbox(command);
    let command = match consented {
        // Whoever it is stands before nobody now.
        true => {
            let digest = consent::asked(handle, "they", true, &mut |_| None, out)?.digest;
            Command::Consent(ConsentCommand::With { digest, command: Box::new(command) })
        }
        false => command,
    };
    let InboxReply::Enrolled { person, waiting: tracks } = answered(handle.call(command)?)? else {
        return Err(CliError::missing("the engine did not say who was enrolled"));
    };
    let object = Enrolled {
        kind: if is_new { "enrolled" } else { "added" },
        person: person.name.as_str(),
        id: person.id.to_string(),
        identifier: person.identifier.as_ref().map(|identifier| identifier.as_str()),
        waiting: waiting(&tracks, zone),
    };
    let verb = if is_new { "is enrolled with" } else { "has one more template:" };
    out.either(&object, format_args!("{} (id {}) {verb} the item's picture", person.name, person.id))?;
    if then_back_fill && !tracks.is_empty() {
        return back_fill(handle, person.id, &person.name, vec![], zone, out);
    }
    if !out.json && !tracks.is_empty() {
        out.line("seen as a stranger before:")?;
        for track in &tracks {
            out.line(format_args!("  entry {:<8} {}", track.sequence, local(track.at, zone)))?;
        }
        out.line(format_args!("`muster inbox back-fill {}` adds this to the record", person.id))?;
    }
    Ok(Exit::Done)
}

fn discard(
    handle: &EngineHandle,
    item: &str,
    yes: bool,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct Discarded {
        kind: &'static str,
        item: String,
        sequence: Sequence,
    }
    let row = find(handle, item)?;
    if !yes {
        match ask(&format!("Discard item {}, seen {} times? Nothing of it is kept.", row.id, row.track_count))
        {
            Some(true) => {}
            Some(false) => return Err(CliError::negative("nothing was discarded")),
            None => {
                return Err(CliError::usage(
                    "there is no terminal to ask on: say --yes to discard without being asked",
                ));
            }
        }
    }
    let InboxReply::Discarded(entry) = ask_engine(handle, InboxCommand::Discard(row.id))? else {
        return Err(CliError::missing("the engine did not say that it was discarded"));
    };
    let object = Discarded { kind: "discarded", item: row.id.to_string(), sequence: entry.sequence };
    out.either(&object, format_args!("item {} is discarded", row.id))?;
    Ok(Exit::Done)
}

fn back_fill<Tz: TimeZone>(
    handle: &EngineHandle,
    person: PersonId,
    name: &PersonName,
    sequences: Vec<Sequence>,
    zone: &Tz,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    #[derive(Serialize)]
    struct BackFilled<'a> {
        kind: &'static str,
        person: &'a str,
        id: String,
        entries: Vec<TrackObject>,
        joined: u32,
    }
    let command = InboxCommand::BackFill { person, sequences };
    let InboxReply::BackFilled { entries, joined } = ask_engine(handle, command)? else {
        return Err(CliError::missing("the engine did not say what was added"));
    };
    let track = |entry: &LogEntry| TrackObject { sequence: entry.sequence.0, at: rfc3339(entry.at, zone) };
    let object = BackFilled {
        kind: "back_filled",
        person: name.as_str(),
        id: person.to_string(),
        entries: entries.iter().map(track).collect(),
        joined,
    };
    if out.json {
        out.object(&object)?;
        return Ok(Exit::Done);
    }
    let passages =
        if entries.len() == 1 { "1 passage".to_owned() } else { format!("{} passages", entries.len()) };
    let near = match joined {
        0 => String::new(),
        n => format!("; {n} more belong to a passage that is on record"),
    };
    out.line(format_args!("{passages} of {name} added to the record{near}"))?;
    for entry in &entries {
        out.line(format_args!("  {}", local(entry.at, zone)))?;
    }
    Ok(Exit::Done)
}

fn ask_engine(handle: &EngineHandle, command: InboxCommand) -> Result<InboxReply, CliError> {
    answered(handle.call(Command::Inbox(command))?)
}

fn answered(reply: Reply) -> Result<InboxReply, CliError> {
    match reply {
        Reply::Inbox(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

#[cfg(test)]
mod tests;
