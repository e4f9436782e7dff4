//! Changing the configuration file, whole or not at all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::{Effective, Environment};

use super::exit::CliError;

/// The configuration file that is changed.
pub(super) struct Configuration {
    /// Links followed, so that a link stays one.
    pub(super) path: PathBuf,
    pub(super) text: String,
    exists: bool,
}

impl Configuration {
    /// The file in use, or an empty one in the user's place.
    pub(super) fn read(effective: &Effective, environment: &Environment) -> Result<Self, CliError> {
        let Some(file) = &effective.file else {
            let folder = environment.xdg("XDG_CONFIG_HOME", ".config").ok_or_else(|| {
                CliError::usage("there is no home directory for a configuration: name one with --config")
            })?;
            return Ok(Self { path: folder.join("muster/muster.toml"), text: String::new(), exists: false });
        };
        let failed = |error: std::io::Error| {
            CliError::usage(format_args!("the configuration {} cannot be read: {error}", file.path.display()))
        };
        let path = fs::canonicalize(&file.path).map_err(failed)?;
        let text = fs::read_to_string(&path).map_err(failed)?;
        Ok(Self { path, text, exists: true })
    }

    /// Writes `text` beside the file, with the file's own permissions.
    pub(super) fn stage(&self, text: &str) -> Result<StagedFile, CliError> {
        let failed = |error: std::io::Error| {
            CliError::usage(format_args!(
                "the configuration {} cannot be written: {error}",
                self.path.display()
            ))
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let staged = StagedFile { beside: folder.join(name), path: self.path.clone() };
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged.beside)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        if self.exists {
            let mode = fs::metadata(&self.path).map_err(failed)?.permissions().mode();
            file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(staged)
    }
}

/// A file that waits beside its place; removed when it is dropped.
pub(super) struct StagedFile {
    beside: PathBuf,
    path: PathBuf,
}

impl StagedFile {
    pub(super) fn commit(self) -> Result<(), CliError> {
        fs::rename(&self.beside, &self.path).map_err(|error| {
            CliError::missing(format_args!(
                "the configuration {} cannot be replaced: {error}; run the command again",
                self.path.display()
            ))
        })
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After `commit` it is not there any more.
        let _ = fs::remove_file(&self.beside);
    }
}
