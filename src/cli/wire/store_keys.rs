//! The store key, from where it is configured.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::config::Effective;
use crate::config::key_place::{KeyPlace, StoreKey};
use crate::store::crypt::passphrase::Passphrase;
use crate::store::crypt::source::{KeySource, passphrase_in};
use crate::store::crypt::vault;

use super::super::exit::CliError;
use super::super::secret;

/// The passphrase of the configured place, between the first time it is needed and [`forget`]: a file descriptor
/// gives it once, and nobody wants to be asked twice.
static GIVEN: Mutex<Option<Passphrase>> = Mutex::new(None);

/// Characters of a passphrase at most.
const PASSPHRASE_LIMIT: usize = 1000;

/// What a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// For what is under it already.
    Known,
    /// For what is to be put under it.
    New,
}

/// Where the configured store key is.
pub(super) fn key_source(effective: &Effective) -> Result<KeySource, CliError> {
    let key = &effective.store_key.value;
    let is_passphrase = !matches!(key.place, KeyPlace::File(_) | KeyPlace::Credential(_));
    if !is_passphrase {
        return source_of(key, Asking::Known, "the store");
    }
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(passphrase) = &*given {
        return Ok(KeySource::Passphrase(passphrase.clone()));
    }
    let asking = if is_new(&effective.data_dir.value) { Asking::New } else { Asking::Known };
    let source = source_of(key, asking, "the store")?;
    if let KeySource::Passphrase(passphrase) = &source {
        *given = Some(passphrase.clone());
    }
    Ok(source)
}

/// Whether no key has wrapped anything in `data_dir` yet.
fn is_new(data_dir: &Path) -> bool {
    !data_dir.join(vault::FILE_NAME).exists()
}

/// Lets go of the passphrase: an engine that runs has the key that it makes.
pub(super) fn forget() {
    *GIVEN.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The key at `key`; a passphrase is read or asked for, for `what`.
///
/// # Errors
/// [`CliError`] where there is nobody to ask, or the passphrase cannot be taken.
pub fn source_of(key: &StoreKey, asking: Asking, what: &str) -> Result<KeySource, CliError> {
    let passphrase = match (&key.place, &key.path) {
        (KeyPlace::File(_), Some(path)) => return Ok(KeySource::File(path.clone())),
        (KeyPlace::Credential(_), Some(path)) => return Ok(KeySource::Credential(path.clone())),
        (KeyPlace::PassphraseFd(number), _) if !was_handed_over(*number) => {
            return Err(CliError::missing(format_args!(
                "the passphrase of {what} is not at the file descriptor {number}: nobody handed that over"
            )));
        }
        (_, Some(path)) => passphrase_in(path).map_err(CliError::missing)?,
        (_, None) => asked_for(asking, what)?,
    };
    if asking == Asking::New {
        passphrase.check_new().map_err(CliError::usage)?;
    }
    Ok(KeySource::Passphrase(passphrase))
}

/// Whether a file descriptor was open when this process began. What it opens itself is closed on exec, and what
/// was handed over cannot be: else a file of its own could be taken for the passphrase.
fn was_handed_over(number: u32) -> bool {
    /// `O_CLOEXEC` as the kernel shows it.
    const CLOSED_ON_EXEC: u32 = 0o2_000_000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & CLOSED_ON_EXEC == 0)
}

fn asked_for(asking: Asking, what: &str) -> Result<Passphrase, CliError> {
    if !secret::can_ask() {
        return Err(CliError::usage(format_args!(
            "there is no terminal to ask for the passphrase of {what} on: hand it over with [store] key = \
             \"passphrase-credential:NAME\" or \"passphrase-fd:N\""
        )));
    }
    let text = match asking {
        Asking::Known => secret::ask(&format!("Passphrase of {what}: "), "the passphrase", PASSPHRASE_LIMIT),
        Asking::New => {
            secret::ask_twice(&format!("New passphrase of {what}: "), "the passphrase", PASSPHRASE_LIMIT)
        }
    };
    Passphrase::new(text?).map_err(CliError::usage)
}
