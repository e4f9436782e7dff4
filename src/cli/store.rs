//! `muster store`: backups, restoring, compaction, the store's key and its figures.

mod key;
mod restore;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::config::Effective;
use crate::config::key_place::{KEY_PLACES, KeyPlace};
use crate::engine::command::{StoreCommand, StoreReply};
use crate::engine::{Command, EngineHandle, Reply};
use crate::store::redb::FILE_NAME;
use crate::store::{BackupOnRecord, Compacted, StoreFigures, erasures};

use super::approvals;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::roster::{replace_file, unexpected};

pub use key::run as change_key;
pub use restore::run as restore;

/// What `store --help` ends with.
pub const STORE_HELP: &str = "\
Examples:
  muster store backup /media/usb/monday.backup
  muster store restore /media/usb/monday.backup
  muster store erasures -o /media/usb/erasures.jsonl     kept elsewhere, for a restore onto another machine
  muster store change-key --to passphrase

A backup opens with the store key alone: keep a copy of that key, and not beside the backups.";

const RESTORE_HELP: &str = "\
The whole file is verified before anything is changed: every piece, the chain of the ledger, every
row. Whoever was erased since the backup was made is erased again before the store is opened, as the
store that is replaced says, or FILE, which `muster store erasures` wrote, or the store of another
data directory. Where none of them can say, --without-erasures answers that there was nobody.

The store that is replaced is destroyed, so that nobody who was erased lives on in it, and what came
after the backup is lost with it: back it up first if in doubt.";

const CHANGE_KEY_HELP: &str = "\
PLACE is file:PATH, where a key is made if there is none; credential:NAME; passphrase, which is asked
for; passphrase-credential:NAME or passphrase-fd:N. The configuration is changed with it. Backups that
were made before open with the old key alone: keep it as long as you keep them, and no longer.";

/// `store`
#[derive(Debug, Clone, Subcommand)]
pub enum StoreArgs {
    /// Write everything into one sealed file, while muster runs
    Backup(BackupArgs),
    /// Put a backup in the place of the store; whoever was erased since stays erased
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Write who was erased, by ids that name nobody, for a restore elsewhere
    Erasures(ErasuresArgs),
    /// Give back the room that is free in the store's file
    Compact,
    /// Put the store under another key
    #[command(after_help = CHANGE_KEY_HELP)]
    ChangeKey(ChangeKeyArgs),
    /// Say how large the store is, what is in it, where its key is, and when it was last backed up
    Status,
}

/// `store backup`
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// The file; not in the data directory
    pub file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `store restore`
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The backup
    pub file: PathBuf,
    /// Who was erased: a list, or the data directory of another store under the same key
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "without_erasures")]
    pub erasures: Option<PathBuf>,
    /// Nobody was erased since, where no store is here that could say
    #[arg(long)]
    pub without_erasures: bool,
    /// The key that the backup was made under, where it is not the store's
    #[arg(long, value_name = "PLACE")]
    pub key: Option<KeyPlace>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `store erasures`
#[derive(Debug, Clone, Args)]
pub struct ErasuresArgs {
    /// The file, which is replaced whole; standard output without it
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `store change-key`
#[derive(Debug, Clone, Args)]
pub struct ChangeKeyArgs {
    /// Where the new key is
    #[arg(long, value_name = "PLACE", help = format!("Where the new key is: {KEY_PLACES}"))]
    pub to: KeyPlace,
}

#[derive(Serialize)]
struct BackupObject {
    kind: &'static str,
    file: String,
    at: String,
    bytes: u64,
    sha256: String,
    end: u64,
    sequence: u64,
}

#[derive(Serialize)]
struct CompactedObject {
    kind: &'static str,
    before_bytes: u64,
    after_bytes: u64,
    sequence: u64,
}

#[derive(Serialize)]
struct ListedObject {
    kind: &'static str,
    count: usize,
    file: String,
}

#[derive(Serialize)]
struct StatusObject {
    kind: &'static str,
    file: String,
    file_bytes: u64,
    schema: u32,
    epoch: u64,
    key: String,
    under_passphrase: bool,
    entries: u64,
    people: u64,
    templates: u64,
    crops: u64,
    strangers: u64,
    erased_people: u64,
    last_backup: Option<LastBackup>,
}

#[derive(Serialize)]
struct LastBackup {
    at: String,
    age_seconds: i64,
    bytes: u64,
    sha256: String,
    end: u64,
}

/// Does what goes through a running engine.
///
/// # Errors
/// [`CliError`]: what the engine says, or a subcommand that needs the store for itself.
pub fn run(
    handle: &EngineHandle,
    args: &StoreArgs,
    effective: &Effective,
    now: chrono::DateTime<chrono::Utc>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match args {
        StoreArgs::Backup(args) => backup(handle, args, out),
        StoreArgs::Compact => compact(handle, out),
        StoreArgs::Status => status(handle, effective, now, out),
        StoreArgs::Erasures(args) => list_erasures(handle, args, out),
        StoreArgs::Restore(_) | StoreArgs::ChangeKey(_) => {
            Err(CliError::usage("this needs the store for itself: close muster, and run it in a shell"))
        }
    }
}

fn ask(handle: &EngineHandle, command: StoreCommand) -> Result<StoreReply, CliError> {
    match handle.call(Command::Store(command))? {
        Reply::Store(reply) => Ok(*reply),
        other => Err(unexpected(&other)),
    }
}

fn wrong(reply: &StoreReply) -> CliError {
    CliError::missing(format_args!("the engine gave an answer to something else: {reply:?}"))
}

fn backup(handle: &EngineHandle, args: &BackupArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    // The engine may have been started in another directory.
    let to = std::path::absolute(&args.file).map_err(CliError::usage)?;
    let reply = ask(handle, StoreCommand::BackUp { to: to.clone(), replaces: args.force })?;
    let StoreReply::BackedUp { backup, sequence } = reply else { return Err(wrong(&reply)) };
    let file = to.display().to_string();
    let text = format!(
        "{} holds the store up to entry {}: {}, SHA-256 {}; noted as entry {sequence}",
        printable(&file),
        backup.end.sequence,
        size(backup.bytes),
        backup.digest,
    );
    let object = BackupObject {
        kind: "backed_up",
        file,
        at: backup.at.to_rfc3339(),
        bytes: backup.bytes,
        sha256: backup.digest.to_string(),
        end: backup.end.sequence.0,
        sequence: sequence.0,
    };
    out.either(&object, text)?;
    Ok(Exit::Done)
}

fn compact(handle: &EngineHandle, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let reply = ask(handle, StoreCommand::Compact)?;
    let StoreReply::Compacted { compacted, sequence } = reply else { return Err(wrong(&reply)) };
    let Compacted { before_bytes, after_bytes } = compacted;
    let text = format!("{} before, {} now; noted as entry {sequence}", size(before_bytes), size(after_bytes));
    let object = CompactedObject { kind: "compacted", before_bytes, after_bytes, sequence: sequence.0 };
    out.either(&object, text)?;
    Ok(Exit::Done)
}

fn list_erasures(handle: &EngineHandle, args: &ErasuresArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let reply = ask(handle, StoreCommand::Erasures)?;
    let StoreReply::Erasures { terminal, erased } = reply else { return Err(wrong(&reply)) };
    let text = erasures::write(terminal, &erased);
    approvals::call(handle, Command::NoteExport { what: "the list of erasures, by id".to_owned() }, out)?;
    let Some(path) = &args.output else {
        out.line(text.trim_end())?;
        return Ok(Exit::Done);
    };
    replace_file(path, text.as_bytes())
        .map_err(|error| CliError::usage(format_args!("{} cannot be written: {error}", path.display())))?;
    let file = path.display().to_string();
    let words = format!("written to {}: {} by id", printable(&file), erased.len());
    out.either(&ListedObject { kind: "erasures", count: erased.len(), file }, words)?;
    Ok(Exit::Done)
}

fn status(
    handle: &EngineHandle,
    effective: &Effective,
    now: chrono::DateTime<chrono::Utc>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let reply = ask(handle, StoreCommand::Status)?;
    let StoreReply::Status(figures) = reply else { return Err(wrong(&reply)) };
    let file = effective.data_dir.value.join(FILE_NAME);
    let key = effective.store_key.value.place.to_string();
    let text = status_text(&figures, &file, &key, now);
    out.either(&status_object(&figures, &file, key, now), text)?;
    Ok(Exit::Done)
}

fn status_object(
    figures: &StoreFigures,
    file: &Path,
    key: String,
    now: chrono::DateTime<chrono::Utc>,
) -> StatusObject {
    StatusObject {
        kind: "store",
        file: file.display().to_string(),
        file_bytes: figures.file_bytes,
        schema: figures.schema,
        epoch: figures.epoch,
        key,
        under_passphrase: figures.is_under_passphrase,
        entries: figures.end.sequence.0,
        people: figures.people,
        templates: figures.templates,
        crops: figures.crops,
        strangers: figures.strangers,
        erased_people: figures.erased_people,
        last_backup: figures.last_backup.as_ref().map(|backup| LastBackup {
            at: backup.at.to_rfc3339(),
            age_seconds: (now - backup.at).num_seconds(),
            bytes: backup.bytes,
            sha256: backup.digest.to_string(),
            end: backup.end.sequence.0,
        }),
    }
}

fn status_text(figures: &StoreFigures, file: &Path, key: &str, now: chrono::DateTime<chrono::Utc>) -> String {
    let backup = match &figures.last_backup {
        None => "none on record: muster store backup FILE".to_owned(),
        Some(backup) => format!(
            "{}, {} ago, up to entry {}, SHA-256 {}",
            backup.at.to_rfc3339(),
            age((now - backup.at).num_seconds()),
            backup.end.sequence,
            backup.digest
        ),
    };
    format!(
        "file         {}\n\
         size         {}\n\
         schema       version {}\n\
         key          {}{}, epoch {}\n\
         ledger       {} entries\n\
         people       {}, {} erased\n\
         templates    {}\n\
         crops        {}\n\
         inbox        {} items\n\
         last backup  {backup}",
        printable(&file.display().to_string()),
        size(figures.file_bytes),
        figures.schema,
        printable(key),
        if figures.is_under_passphrase { ", made of a passphrase by Argon2id" } else { "" },
        figures.epoch,
        figures.end.sequence,
        figures.people,
        figures.erased_people,
        figures.templates,
        figures.crops,
        figures.strangers,
    )
}

/// A size in words.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        _ if bytes < KIB * KIB => format!("{:.1} KiB", bytes as f64 / KIB as f64),
        _ if bytes < KIB * KIB * KIB => format!("{:.1} MiB", bytes as f64 / (KIB * KIB) as f64),
        _ => format!("{:.2} GiB", bytes as f64 / (KIB * KIB * KIB) as f64),
    }
}

/// A span in words, coarsely; a clock that was set back makes it none.
fn age(seconds: i64) -> String {
    let plural =
        |count: i64, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    match seconds.max(0) {
        seconds @ 0..120 => plural(seconds, "second"),
        seconds @ 120..7_200 => plural(seconds / 60, "minute"),
        seconds @ 7_200..172_800 => plural(seconds / 3_600, "hour"),
        seconds => plural(seconds / 86_400, "day"),
    }
}

/// A backup in words, for a question or a certificate.
pub(super) fn backup_words(backup: &BackupOnRecord) -> String {
    format!("made {}, up to entry {}, SHA-256 {}", backup.at.to_rfc3339(), backup.end.sequence, backup.digest)
}

#[cfg(test)]
mod tests;
