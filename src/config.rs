//! The configuration: [`Typed`] is what a file says, [`Effective`] what is used after flags,
//! environment and defaults are laid over it. Each effective value knows where it came from.
//!
//! One file is read, the first that is found of: `--config`, `MUSTER_CONFIG`,
//! `$XDG_CONFIG_HOME/muster/muster.toml` (`~/.config` where that is not set) and
//! `/etc/muster/muster.toml`. One that is named and not there is an error; the others may be missing.
//! `data/muster.toml` in the repository is a commented sample of every key at its default.

pub mod edit;
pub mod effective;
pub mod environment;
pub mod hooks;
pub mod key_place;
pub mod kiosk;
pub mod ledger;
pub mod service;
mod shown;
pub mod typed;
pub mod values;

pub use effective::{ConfigFile, Effective, Flags, Origin, Setting, SourceFlags, SourceSettings};
pub use environment::Environment;
pub use typed::Typed;
pub use values::{DayRollover, LogLevel, Ranged, Real, RealRange, SimilarityThreshold};

use std::path::PathBuf;

/// Why the configuration cannot be used. Every message names the file, the line and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} (named by {named_by}) cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What pointed at it: a flag, a variable, or the place itself.
        named_by: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is far larger than any configuration.
    #[error("the configuration {path} has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The file is not TOML.
    #[error("{path}, line {line}: not valid TOML: {detail}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What was found and what was expected.
        detail: String,
    },
    /// A key that means nothing.
    #[error("{path}, line {line}: unknown key `{key}`; {hint}")]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// With its table: `recognition.treshold`.
        key: String,
        /// The key that was probably meant, or all there are.
        hint: String,
    },
    /// `--only` names a source that the configuration does not have.
    #[error(
        "no source of the configuration is called {name}: {}",
        if known.is_empty() { "it has no [sources.NAME]".to_owned() } else { format!("expected {}", known.join(", ")) }
    )]
    NoSuchSource {
        /// What was asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A value that cannot be.
    #[error("{path}, line {line}: `{key}`: {detail}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// With its table: `recognition.threshold`.
        key: String,
        /// What was found and what was expected.
        detail: String,
    },
    /// A variable of the environment has a value that cannot be.
    #[error("the environment variable {name}: {detail}")]
    Variable {
        /// Which.
        name: &'static str,
        /// What was found and what was expected.
        detail: String,
    },
    /// The text that people are asked about is not there.
    #[error("`consent.{key}`: {detail}")]
    Consent {
        /// Which key.
        key: &'static str,
        /// What was found and what was expected.
        detail: String,
    },
    /// There is no place for the data.
    #[error(
        "there is no home directory to keep data in: set HOME, or say where with --data-dir or MUSTER_DATA_DIR"
    )]
    NoHome,
}
