//! The file of metrics: how the engine is, written again and again for the node exporter's textfile collector.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, TryRecvError, bounded};

use super::{exposition, gather};
use crate::config::Effective;
use crate::engine::EngineHandle;

/// The collector is another user.
const MODE: u32 = 0o644;
/// How long the last writing is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Puts `text` in the place of `path` at once: a reader finds the old or the new, never half of either.
///
/// # Errors
/// What the system says.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    // The collector passes over what does not end in .prom.
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&beside)?;
        // Whatever the process's mask is.
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Writes the file until it is dropped, and then takes it away: what is not so any more is not to be read.
pub struct MetricsWriter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl MetricsWriter {
    /// As the configuration says; none where it names no file.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn of(handle: &EngineHandle, effective: &Effective) -> io::Result<Option<Self>> {
        let Some(path) = effective.service.metrics_file.value.clone() else { return Ok(None) };
        let every = Duration::from_secs(effective.service.metrics_seconds.value.get().into());
        let (handle, data_dir) = (handle.clone(), effective.data_dir.value.clone());
        let (stop, stopped) = bounded::<()>(0);
        let work = {
            let path = path.clone();
            move || {
                let mut was_written = true;
                loop {
                    let health = gather::health(&handle, &data_dir, true);
                    // Whoever ended it has taken the file away, and may not have waited.
                    if stopped.try_recv() == Err(TryRecvError::Disconnected) {
                        return;
                    }
                    let done = replace(&path, &exposition::text(&health, env!("CARGO_PKG_VERSION")));
                    if let (Err(error), true) = (&done, was_written) {
                        tracing::error!(%error, "the metrics cannot be written to {}", path.display());
                    }
                    was_written = done.is_ok();
                    if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(work)?;
        Ok(Some(Self { stop: Some(stop), thread: Some(thread), path }))
    }
}

impl Drop for MetricsWriter {
    fn drop(&mut self) {
        self.stop = None;
        let until = Instant::now() + PATIENCE;
        // A store that answers nothing keeps it waiting, and must not keep the service from ending.
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muster.prom");
        replace(&path, "a 1\nb 2\n").unwrap();
        replace(&path, "a 2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a 2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muster.prom");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, "a 1\n").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&folder.path().join("none/muster.prom"), "a 1\n").is_err());
    }
}
