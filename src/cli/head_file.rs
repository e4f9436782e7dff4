//! The file of heads: the end of the ledger, written to a place of its own again and again, so that a ledger
//! that was cut short, or was begun anew, is noticed.
//!
//! A line is the time, the terminal, the number and the hash of the last entry, with spaces between.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::background::Background;
use crate::engine::{Command, EngineHandle, Reply};
use crate::ledger::{ChainHead, Sequence, Sha256Digest, TerminalId};

/// There is nothing secret in it, and another machine may be to fetch it.
const MODE: u32 = 0o644;
/// Bytes that are read at most: a line a minute for ten years.
const SIZE_LIMIT: u64 = 1 << 30;

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptHead {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Whose ledger.
    pub terminal: TerminalId,
    /// Its end then.
    pub end: ChainHead,
}

impl std::fmt::Display for KeptHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "{at} {} {} {}", self.terminal.0, self.end.sequence, self.end.hash)
    }
}

impl std::str::FromStr for KeptHead {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next().ok_or(());
        let (at, terminal, number, hash) = (next()?, next()?, next()?, next()?);
        let sequence = Sequence(number.parse().map_err(drop)?);
        let kept = Self {
            at: at.parse().map_err(drop)?,
            terminal: TerminalId(terminal.parse().map_err(drop)?),
            end: ChainHead { sequence, hash: digest(hash).ok_or(())? },
        };
        fields.next().is_none().then_some(kept).ok_or(())
    }
}

/// The digest with these 64 hexadecimal digits.
pub fn digest(text: &str) -> Option<Sha256Digest> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0u8; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(Sha256Digest(bytes))
}

/// The lines of the file at `path`, each with its number; what is empty is passed over.
///
/// # Errors
/// What the system says.
pub fn read(path: &Path) -> io::Result<Vec<(usize, Result<KeptHead, ()>)>> {
    let file = BufReader::new(File::open(path)?.take(SIZE_LIMIT));
    let mut lines = Vec::new();
    for (number, line) in file.lines().enumerate() {
        let line = line?;
        if !line.trim().is_empty() {
            lines.push((number + 1, line.parse()));
        }
    }
    Ok(lines)
}

fn append(path: &Path, head: &KeptHead) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    // At once, so that two writers do not mix their lines.
    file.write_all(format!("{head}\n").as_bytes())?;
    file.sync_all()
}

/// The end of the ledger as it is now; none where it has no entry, or the engine is gone.
pub fn current(handle: &EngineHandle) -> Option<KeptHead> {
    let Ok(Reply::Ledger(end)) = handle.call(Command::LedgerHead) else { return None };
    let terminal = handle.whole_entry(end.sequence).ok()??.entry.head.terminal;
    Some(KeptHead { at: Utc::now(), terminal, end })
}

/// Writes the end of the ledger to a file until it is dropped: at the beginning, at an interval, and at the
/// end.
pub struct HeadKeeper {
    _work: Background,
}

impl HeadKeeper {
    /// Begins.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(handle: EngineHandle, path: PathBuf, every: Duration) -> io::Result<Self> {
        let work = move |stopped: Receiver<()>| {
            loop {
                write(&handle, &path);
                if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return write(&handle, &path);
                }
            }
        };
        Ok(Self { _work: Background::start("heads", work)? })
    }
}

fn write(handle: &EngineHandle, path: &Path) {
    let Some(head) = current(handle) else { return };
    if let Err(error) = append(path, &head) {
        tracing::error!(%error, "the end of the ledger cannot be written to {}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn head(number: u64) -> KeptHead {
        KeptHead {
            at: DateTime::from_timestamp(1_772_434_800, 0).unwrap(),
            terminal: TerminalId(ulid::Ulid(7)),
            end: ChainHead { sequence: Sequence(number), hash: Sha256Digest([0xab; 32]) },
        }
    }

    #[test]
    fn lines_are_appended_and_read_as_they_were_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        append(&path, &head(1)).unwrap();
        append(&path, &head(12)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let first = format!("2026-03-02T07:00:00Z 00000000000000000000000007 1 {}", "ab".repeat(32));
        assert_eq!(text.lines().next(), Some(first.as_str()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o133, 0);
        std::fs::write(&path, format!("{text}\nnonsense\n{} more\n", head(3))).unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read, [(1, Ok(head(1))), (2, Ok(head(12))), (4, Err(())), (5, Err(()))]);
    }
}
