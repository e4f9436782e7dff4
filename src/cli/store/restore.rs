//! `muster store restore`.

use serde::Serialize;

use crate::config::key_place::StoreKey;
use crate::config::{Effective, Environment};
use crate::store::Restored;

use super::super::exit::{CliError, Exit};
use super::super::output::{Output, people_count, printable};
use super::super::roster::Ask;
use super::super::wire::{self, Listed};
use super::{RestoreArgs, backup_words};

#[derive(Serialize)]
struct RestoredObject {
    kind: &'static str,
    file: String,
    made_at: String,
    sha256: String,
    backup_end: u64,
    replaced_end: Option<u64>,
    erased_again: u32,
    inbox_left_out: u32,
    end: u64,
    old_key_stays: Option<String>,
}

/// Verifies the backup, asks, and puts it in the place of the store.
///
/// # Errors
/// [`CliError`]: the backup cannot be restored, or nobody said yes; then nothing was changed.
pub fn run(
    effective: &Effective,
    environment: &Environment,
    args: &RestoreArgs,
    ask: Ask<'_>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let key = args.key.clone().map(|place| StoreKey::at(place, environment, std::path::Path::to_owned));
    let listed = match &args.erasures {
        Some(path) => Listed::In(path),
        None if args.without_erasures => Listed::Nowhere,
        None => Listed::Present,
    };
    let waiting = wire::prepare_restore(effective, &args.file, key.as_ref(), listed)?;
    if !args.yes {
        match ask(&question(waiting.restored())) {
            Some(true) => {}
            Some(false) => return Err(CliError::negative("nothing was restored")),
            None => {
                return Err(CliError::usage(
                    "the backup is sound; there is no terminal to ask on: say --yes to restore it without being asked",
                ));
            }
        }
    }
    let restored = waiting.go()?;
    let file = args.file.display().to_string();
    let text = text(&restored, &file);
    let object = RestoredObject {
        kind: "restored",
        file,
        made_at: restored.backup.at.to_rfc3339(),
        sha256: restored.backup.digest.to_string(),
        backup_end: restored.backup.end.sequence.0,
        replaced_end: restored.replaced.map(|end| end.sequence.0),
        erased_again: restored.erased_again,
        inbox_left_out: restored.strangers_left_out,
        end: restored.end.sequence.0,
        old_key_stays: restored.old_key_stays,
    };
    out.either(&object, text)?;
    Ok(Exit::Done)
}

fn question(restored: &Restored) -> String {
    let replaced = match restored.replaced {
        Some(end) => {
            format!("the store that is here, whose ledger ends at entry {}, is destroyed", end.sequence)
        }
        None => "there is no store here that can be read; what is left of one is destroyed".to_owned(),
    };
    let erased = match restored.erased_again {
        0 => String::new(),
        count => format!(", {} erased since will be erased again", people_count(count as usize)),
    };
    format!("The backup is sound ({}){erased}. Restore it? {replaced}.", backup_words(&restored.backup))
}

fn text(restored: &Restored, file: &str) -> String {
    let mut text = format!(
        "restored {}, {}; the ledger ends at entry {} now",
        printable(file),
        backup_words(&restored.backup),
        restored.end.sequence
    );
    if restored.erased_again > 0 {
        text += &format!(
            "\n{} erased since the backup was made: erased again, and {} items of the inbox left out",
            people_count(restored.erased_again as usize),
            restored.strangers_left_out
        );
    }
    if let Some(why) = &restored.old_key_stays {
        text += &format!(
            "\nthe key of the store that was here is NOT DESTROYED YET ({}); the next start tries again",
            printable(why)
        );
    }
    text
}
