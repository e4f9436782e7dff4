//! `muster log`: the ledger as it is: verified, followed, exported.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use crossbeam_channel::{Receiver, select};
use serde::Serialize;

use crate::attendance::zone::SiteZone;
use crate::attendance::{Method, PresenceState};
use crate::engine::{Command, CommandError, EngineEvent, EngineHandle, LogEntry, Reply};
use crate::ledger::{Actor, ChainFault, ChainHead, EntryKind, Sequence};
use crate::tui::pane::log::words;

use super::approvals;
use super::exit::{CliError, Exit};
use super::head_file::{self, KeptHead, digest};
use super::output::{Output, printable};
use super::people;
use super::roster::unexpected;

/// What `log --help` ends with.
pub const LOG_HELP: &str = "\
Examples:
  muster log tail -n 20
  muster log verify
  muster log head > /media/usb/head      kept elsewhere, it shows later whether the ledger was cut short
  muster log verify --head \"$(cat /media/usb/head)\"
  muster log verify --head-file /media/usb/muster.heads
  muster log export -o log.jsonl";

/// Entries that are fetched at a time.
const PAGE: usize = 1_000;

/// `log`
#[derive(Debug, Clone, Subcommand)]
pub enum LogCommand {
    /// Walk the chain from its first entry, and name the first that does not fit
    Verify(VerifyArgs),
    /// Print the last entry's number and hash
    Head,
    /// Print the last entries, oldest first
    Tail(TailArgs),
    /// Write every entry as an object a line; the ledger notes that it was exported
    Export(ExportArgs),
}

/// `log verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// An end that was kept, as `log head` prints it: it must be an entry of this ledger
    #[arg(long, value_name = "NUMBER:HASH", value_parser = head)]
    pub head: Option<ChainHead>,
    /// A file of ends that were kept, as `[ledger] head_file` is written: each must be an entry of this ledger
    #[arg(long, value_name = "FILE")]
    pub head_file: Option<PathBuf>,
}

/// `log tail`
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: u32,
    /// Go on with those that are written from now on
    #[arg(short, long)]
    pub follow: bool,
}

/// `log export`
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The file, which must not be there; standard output without it
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// An end as `log head` prints it.
pub(super) fn head(text: &str) -> Result<ChainHead, String> {
    let read = || {
        let (number, hash) = text.trim().split_once(':')?;
        Some(ChainHead { sequence: Sequence(number.parse().ok()?), hash: digest(hash)? })
    };
    read().ok_or_else(|| {
        "expected the line that `muster log head` prints: a number, a colon, 64 digits".to_owned()
    })
}

/// An entry as `--json` and `export` print it.
#[derive(Serialize)]
struct EntryObject<'a> {
    entry: u64,
    at: String,
    kind: EntryKind,
    actor: &'a Actor,
    /// The fingerprint of the key that an operator came with.
    key: Option<String>,
    person: Option<&'a str>,
    id: Option<String>,
    state: Option<PresenceState>,
    method: Option<Method>,
    source: Option<&'a str>,
    similarity: Option<f32>,
    best: Option<&'a str>,
    note: Option<&'a str>,
}

impl<'a> EntryObject<'a> {
    fn of(entry: &'a LogEntry) -> Self {
        Self {
            entry: entry.sequence.0,
            at: entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            kind: entry.kind,
            actor: &entry.actor,
            key: entry.operator_key.map(|key| key.to_string()),
            person: entry.name.as_ref().map(|name| name.as_str()),
            id: entry.person.map(|person| person.to_string()),
            state: entry.state,
            method: entry.details.method,
            source: entry.details.source.as_deref(),
            similarity: entry.similarity.map(|similarity| similarity.0),
            best: entry.best.as_ref().map(|name| name.as_str()),
            note: entry.note.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct HeadObject {
    kind: &'static str,
    entries: u64,
    hash: String,
}

/// Does what `command` says; `interrupts` ends what follows the ledger.
///
/// # Errors
/// [`CliError`]: a ledger that does not verify (1), a file that cannot be written, what the engine refuses.
pub fn run(
    handle: &EngineHandle,
    command: &LogCommand,
    interrupts: &Receiver<()>,
    zone: SiteZone,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        LogCommand::Verify(args) => verify(handle, args, out),
        LogCommand::Head => {
            let end = end(handle)?;
            let text = format!("{}:{}", end.sequence, end.hash);
            out.either(&head_object("head", &end), text)?;
            Ok(Exit::Done)
        }
        LogCommand::Tail(args) => tail(handle, args, interrupts, zone, out),
        LogCommand::Export(args) => export(handle, args.output.as_deref(), out),
    }
}

fn head_object(kind: &'static str, end: &ChainHead) -> HeadObject {
    HeadObject { kind, entries: end.sequence.0, hash: end.hash.to_string() }
}

fn end(handle: &EngineHandle) -> Result<ChainHead, CliError> {
    match handle.call(Command::LedgerHead)? {
        Reply::Ledger(end) => Ok(end),
        other => Err(unexpected(&other)),
    }
}

#[derive(Serialize)]
struct VerifiedObject {
    #[serde(flatten)]
    head: HeadObject,
    entries_a_second: u64,
    /// Ends kept elsewhere that were looked at and fit.
    heads: usize,
}

fn verify(handle: &EngineHandle, args: &VerifyArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let lines = args.head_file.as_deref().map(|path| kept_lines(handle, path)).transpose()?;
    let lines = lines.unwrap_or_default();
    let kept: Vec<ChainHead> = args.head.into_iter().chain(lines.iter().map(|(_, line)| line.end)).collect();
    let heads = kept.len();
    let verified = match handle.call(Command::VerifyLedger { kept: kept.clone() }) {
        Ok(Reply::Verified(verified)) => verified,
        Ok(other) => return Err(unexpected(&other)),
        Err(CommandError::Store { reason }) => return Err(CliError::negative(reason)),
        Err(error) => return Err(error.into()),
    };
    let end = verified.end;
    if let Some((place, unfit)) = verified.unfit.and_then(|place| Some((place, kept.get(place)?))) {
        let fault = if unfit.sequence > end.sequence {
            ChainFault::End { kept: unfit.sequence, found: end.sequence }
        } else {
            ChainFault::Hash { sequence: unfit.sequence }
        };
        let line = place.checked_sub(usize::from(args.head.is_some())).and_then(|place| lines.get(place));
        let whose = line.map_or_else(String::new, |(number, line)| {
            let at = line.at.to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("line {number} of {}, written {at}: ", shown(args.head_file.as_deref()))
        });
        return Err(CliError::negative(format_args!("{whose}the ledger does not verify: {fault}")));
    }
    let rate = verified.entries_a_second();
    let mut text = match end.sequence.0 {
        0 => "the ledger has no entry yet".to_owned(),
        1 => format!("the ledger verifies: 1 entry, its hash is {}", end.hash),
        count => format!(
            "the ledger verifies: {count} entries, the last one's hash is {} ({rate} entries a second)",
            end.hash
        ),
    };
    if args.head_file.is_some() {
        text +=
            &format!("; each of the {} ends of {} is in it", lines.len(), shown(args.head_file.as_deref()));
    }
    let head = head_object("verified", &end);
    out.either(&VerifiedObject { head, entries_a_second: rate, heads }, text)?;
    Ok(Exit::Done)
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| printable(&path.display().to_string()).into_owned())
}

/// The lines of a file of ends, which must all be readable and of this ledger's terminal.
fn kept_lines(handle: &EngineHandle, path: &Path) -> Result<Vec<(usize, KeptHead)>, CliError> {
    let name = shown(Some(path));
    let read = head_file::read(path);
    let read = read.map_err(|error| CliError::missing(format_args!("{name} cannot be read: {error}")))?;
    let terminal = head_file::current(handle).map(|now| now.terminal);
    let line = |(number, line): (usize, Result<KeptHead, ()>)| {
        let line = line.map_err(|()| {
            CliError::negative(format_args!(
                "line {number} of {name} is no end of a ledger: expected a time, a terminal, a number and 64 digits"
            ))
        })?;
        if terminal.is_some_and(|terminal| terminal != line.terminal) {
            return Err(CliError::negative(format_args!(
                "line {number} of {name} is of the terminal {}, not of this one",
                line.terminal.0
            )));
        }
        Ok((number, line))
    };
    read.into_iter().map(line).collect()
}

fn print(entry: &LogEntry, zone: SiteZone, out: &mut Output<'_>) -> Result<(), CliError> {
    let at = zone.local(entry.at).format("%Y-%m-%d %H:%M:%S");
    let key = entry.operator_key.map(|key| format!("  ({key})")).unwrap_or_default();
    let text = format!("{:>8}  {at}  {}{key}", entry.sequence, printable(&words(entry, zone)));
    Ok(out.either(&EntryObject::of(entry), text)?)
}

fn tail(
    handle: &EngineHandle,
    args: &TailArgs,
    interrupts: &Receiver<()>,
    zone: SiteZone,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Before the entries are read, so that none falls between.
    let events = handle.subscribe(PAGE);
    people::settle(handle);
    let lines = args.lines as usize;
    // The newest one also where none is printed: what follows begins after it.
    let newest = handle.entries_before(Sequence(u64::MAX), lines.max(1))?;
    let mut last = newest.first().map_or(Sequence(0), |entry| entry.sequence);
    for entry in newest.iter().take(lines).rev() {
        print(entry, zone, out)?;
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    loop {
        let event = select! {
            recv(events) -> event => event.unwrap_or(EngineEvent::Stopped),
            recv(interrupts) -> _ => return Ok(Exit::Done),
        };
        let entries = match event {
            EngineEvent::Entry(entry) => vec![entry],
            EngineEvent::Lagged(_) => handle.entries_since(last, usize::MAX)?,
            EngineEvent::Stopped => {
                return Err(CliError::missing("the engine has stopped; see the log file"));
            }
            _ => continue,
        };
        for entry in entries.iter().filter(|entry| entry.sequence > last).collect::<Vec<_>>() {
            print(entry, zone, out)?;
            last = entry.sequence;
        }
    }
}

fn export(handle: &EngineHandle, output: Option<&Path>, out: &mut Output<'_>) -> Result<Exit, CliError> {
    people::settle(handle);
    let shown = output.map(|path| printable(&path.display().to_string()).into_owned());
    let failed = |error: std::io::Error| {
        let shown = shown.as_deref().unwrap_or("standard output");
        CliError::missing(format_args!("{shown} cannot be written: {error}"))
    };
    let mut file = match output {
        None => None,
        Some(path) => {
            use std::os::unix::fs::OpenOptionsExt;
            let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Some(std::io::BufWriter::new(file.map_err(failed)?))
        }
    };
    // Noted first: what leaves the store is on record even where the file is not finished.
    approvals::call(handle, Command::NoteExport { what: "the log".to_owned() }, out)?;
    let (mut last, mut count) = (Sequence(0), 0u64);
    loop {
        let page = handle.entries_since(last, PAGE)?;
        for entry in &page {
            let object = EntryObject::of(entry);
            match &mut file {
                None => out.object(&object)?,
                Some(file) => {
                    let text = serde_json::to_string(&object).map_err(|error| failed(error.into()))?;
                    writeln!(file, "{text}").map_err(failed)?;
                }
            }
            last = entry.sequence;
            count += 1;
        }
        if page.len() < PAGE {
            break;
        }
    }
    if let (Some(mut file), Some(shown)) = (file, &shown) {
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(failed)?;
        out.note(format_args!("{count} entries are in {shown}"));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, Script, entry, ran};
    use crate::ledger::{EntryKind, Sha256Digest};

    #[test]
    fn following_without_lines_prints_only_what_is_new() {
        let entries = (1..=3).map(|n| entry(n, 0, EntryKind::Started, None)).collect();
        let new = entry(4, 0, EntryKind::Stopped, None);
        let events = vec![EngineEvent::Lagged(2), EngineEvent::Entry(new), EngineEvent::Stopped];
        let fake = Fake::start(Script { entries, events, ..Script::default() });
        let args = TailArgs { lines: 0, follow: true };
        let followed =
            ran(false, |out| tail(&fake.handle, &args, &crossbeam_channel::never(), SiteZone::UTC, out));
        assert_eq!(followed.out.lines().count(), 1, "{}", followed.out);
        assert!(followed.out.trim_start().starts_with("4 "), "{}", followed.out);
    }

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let end = ChainHead { sequence: Sequence(12), hash: Sha256Digest([0xab; 32]) };
        assert_eq!(head(&format!("{}:{}\n", end.sequence, end.hash)), Ok(end));
        for text in
            ["", "12", "12:ab", "x:", &format!("12:{}", "g".repeat(64)), &format!("12:{}", "é".repeat(32))]
        {
            assert!(head(text).unwrap_err().contains("log head"), "{text}");
        }
    }
}
