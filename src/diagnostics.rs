//! What the program writes about itself: a file a day in the state directory, and standard error
//! with `-v` where no screen is drawn; as a service standard error alone, for the journal. Names of people appear at debug level and below only; this
//! is a rule for whoever writes a message.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Effective, LogLevel};

/// Why diagnostics cannot be written; a run goes on without them.
#[derive(Debug, thiserror::Error)]
pub enum DiagnosticsError {
    /// The folder cannot be made or written.
    #[error("diagnostics cannot be written to {path}: {detail}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Something in this process took the diagnostics already.
    #[error("diagnostics are set up already")]
    Twice,
}

/// Where messages may go besides the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// A screen is drawn: nothing may be written to the terminal.
    Screen,
    /// Lines are printed: messages go to standard error with `-v`.
    Lines,
    /// A service manager keeps standard error: messages go there and to no file.
    Journal,
}

/// Writes out what is waiting when it is dropped: hold it until the end.
#[derive(Debug)]
#[must_use = "messages that wait are lost without it"]
pub struct Diagnostics {
    _writer: Option<WorkerGuard>,
}

/// What the level of the file becomes with `verbosity` times `-v`.
pub fn file_level(configured: LogLevel, verbosity: u8) -> LogLevel {
    const ASCENDING: [LogLevel; 5] =
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let at = ASCENDING.iter().position(|level| *level == configured).unwrap_or(2);
    ASCENDING[(at + usize::from(verbosity)).min(ASCENDING.len() - 1)]
}

/// What goes to standard error with `verbosity` times `-v`, where that is anything.
pub fn stderr_level(terminal: Terminal, verbosity: u8) -> Option<LogLevel> {
    match (terminal, verbosity) {
        (Terminal::Screen | Terminal::Journal, _) | (_, 0) => None,
        (_, 1) => Some(LogLevel::Info),
        (_, 2) => Some(LogLevel::Debug),
        _ => Some(LogLevel::Trace),
    }
}

/// This crate's messages from `level` on, and of the libraries only what went wrong: they say at
/// other levels what nobody asked for.
fn filter(level: LogLevel) -> EnvFilter {
    let libraries = level.min(LogLevel::Warn);
    EnvFilter::new(format!("{libraries},muster={level}"))
}

/// Sets up the diagnostics of this process.
///
/// # Errors
/// [`DiagnosticsError`]; messages to standard error are set up all the same.
pub fn init(
    effective: &Effective,
    terminal: Terminal,
    verbosity: u8,
) -> Result<Diagnostics, DiagnosticsError> {
    if terminal == Terminal::Journal {
        return init_journal(file_level(effective.log_level.value, verbosity));
    }
    let file = open(&effective.state_dir, effective.log_keep_days.value.get());
    let (writer, guard, failed) = match file {
        Ok((writer, guard)) => (Some(writer), Some(guard), None),
        Err(error) => (None, None, Some(error)),
    };
    let to_file = writer.map(|writer| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer)
            .with_filter(filter(file_level(effective.log_level.value, verbosity)))
    });
    let to_stderr = stderr_level(terminal, verbosity).map(|level| {
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::stderr).with_filter(filter(level))
    });
    tracing_subscriber::registry()
        .with(to_file)
        .with(to_stderr)
        .try_init()
        .map_err(|_| DiagnosticsError::Twice)?;
    failed.map_or(Ok(Diagnostics { _writer: guard }), Err)
}

/// Messages on standard error, without a time where the journal writes one beside each.
fn init_journal(level: LogLevel) -> Result<Diagnostics, DiagnosticsError> {
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::stderr);
    let registry = tracing_subscriber::registry();
    let done = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => registry.with(layer.without_time().with_filter(filter(level))).try_init(),
        None => registry.with(layer.with_filter(filter(level))).try_init(),
    };
    done.map_err(|_| DiagnosticsError::Twice).map(|()| Diagnostics { _writer: None })
}

/// A writer on a thread of its own, to a file a day, of which `keep` stay. The folder is for its
/// owner alone, and so are the files that are in it.
fn open(folder: &Path, keep: u32) -> Result<(NonBlocking, WorkerGuard), DiagnosticsError> {
    let failed = |detail: String| DiagnosticsError::Folder { path: folder.to_owned(), detail };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed(error.to_string()))?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("muster")
        .filename_suffix("log")
        .max_log_files(keep as usize)
        .build(folder)
        .map_err(|error| failed(error.to_string()))?;
    // Files made later, at midnight, get their mode from the process's mask, which `cli::main`
    // sets; this is for those that are there.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("muster.") && name.ends_with(".log") {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600));
        }
    }
    Ok(NonBlockingBuilder::default().thread_name("diagnostics").finish(appender))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn nothing_goes_to_the_terminal_under_a_screen() {
        for verbosity in 0..5 {
            assert_eq!(stderr_level(Terminal::Screen, verbosity), None);
            assert_eq!(stderr_level(Terminal::Journal, verbosity), None);
        }
        assert_eq!(stderr_level(Terminal::Lines, 0), None);
        assert_eq!(stderr_level(Terminal::Lines, 1), Some(LogLevel::Info));
        assert_eq!(stderr_level(Terminal::Lines, 9), Some(LogLevel::Trace));
    }

    #[test]
    fn each_v_makes_the_file_one_level_louder() {
        assert_eq!(file_level(LogLevel::Warn, 0), LogLevel::Warn);
        assert_eq!(file_level(LogLevel::Warn, 2), LogLevel::Debug);
        assert_eq!(file_level(LogLevel::Info, 9), LogLevel::Trace);
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/muster");
        let (mut writer, guard) = open(&state, 3).unwrap();
        writer.write_all(b"hello\n").unwrap();
        drop(writer);
        drop(guard);
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        let file = fs::read_dir(&state).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "hello\n");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = open(&folder.path().join("file/x"), 1).unwrap_err().to_string();
        assert!(error.contains("file/x"), "{error}");
    }
}
