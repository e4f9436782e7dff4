//! `muster store change-key`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::key_place::{KeyPlace, StoreKey};
use crate::config::{Effective, Environment, edit};

use super::super::configuration::Configuration;
use super::super::exit::{CliError, Exit};
use super::super::output::{Output, printable};
use super::super::wire;
use super::ChangeKeyArgs;

#[derive(Serialize)]
struct ChangedObject {
    kind: &'static str,
    from: String,
    to: String,
    sequence: u64,
    config: String,
}

/// Puts the store under another key, and the configuration with it.
///
/// # Errors
/// [`CliError`]: the configuration cannot be changed, or the store's key cannot be; then neither was.
pub fn run(
    effective: &Effective,
    environment: &Environment,
    args: &ChangeKeyArgs,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // What the configuration names must hold wherever it is read from.
    let place = match &args.to {
        KeyPlace::File(path) => KeyPlace::File(absolute(path)?),
        other => other.clone(),
    };
    let to = StoreKey::at(place, environment, Path::to_owned);
    let data_dir = &effective.data_dir.value;
    if to.path.as_ref().is_some_and(|path| path.starts_with(data_dir)) {
        return Err(CliError::usage(format_args!(
            "{} lies in the data directory, and a key beside what it opens protects nothing: name another place",
            to.place
        )));
    }
    let from = effective.store_key.value.place.to_string();
    // First, so that a file that cannot be changed is known before the store is.
    let configuration = Configuration::read(effective, environment)?;
    let text = edit::with_store_key(&configuration.text, &to.place, &configuration.path);
    let staged = configuration.stage(&text.map_err(CliError::usage)?)?;
    let sequence = wire::change_key(effective, &to)?;
    let config = configuration.path.display().to_string();
    staged.commit().map_err(|error| {
        CliError::missing(format_args!(
            "the store is under {} now, and {error:?}; write `key = \"{}\"` under [store] in {config}",
            to.place, to.place
        ))
    })?;
    let words = format!(
        "the store is under {} now, noted as entry {sequence}; [store] key in {} says so\n\
         {from} opens nothing of it any more, but backups that were made before: keep it as long as you keep them",
        printable(&to.place.to_string()),
        printable(&config),
    );
    let object =
        ChangedObject { kind: "key_changed", from, to: to.place.to_string(), sequence: sequence.0, config };
    out.either(&object, words)?;
    Ok(Exit::Done)
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(CliError::usage)
}
