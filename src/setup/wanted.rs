//! What must lie where, before it is asked where it comes from.

use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::SetupError;
use super::catalogue::{Catalogue, Variant, is_file_name};
use crate::demo::Demo;
use crate::inference::card::NetFile;
use crate::ledger::Sha256Digest;

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Out of a package's archive.
    Package {
        /// The id of the package.
        package: String,
        /// Its path inside the archive.
        path: String,
    },
    /// Written by muster itself.
    Text(String),
    /// The user brings it.
    Brought,
}

/// A file that must be in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it comes from.
    pub source: Source,
    /// Where it must lie.
    pub destination: PathBuf,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its size.
    pub size_bytes: u64,
}

impl Wanted {
    /// The names that the file may have alone in a folder: the one it gets, and the one it has in
    /// its archive.
    pub fn bare_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        names.extend(self.destination.file_name().map(|name| name.to_string_lossy().into_owned()));
        if let Source::Package { path, .. } = &self.source {
            names.extend(
                path.rsplit('/')
                    .next()
                    .filter(|&name| Some(name) != names.first().map(String::as_str))
                    .map(str::to_owned),
            );
        }
        names
    }

    /// Refuses a destination that is not below `root`, or that leaves it again.
    pub(super) fn check_below(&self, root: &Path) -> Result<(), SetupError> {
        let below = self.destination.strip_prefix(root).is_ok_and(|path| {
            path.file_name().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
        });
        if below {
            return Ok(());
        }
        Err(SetupError::Invalid {
            path: self.destination.clone(),
            detail: format!("expected the name of a file below {}", root.display()),
        })
    }
}

/// The files of a pack's nets. They lie in the models folder, under the names their cards give.
pub fn nets<'a>(files: impl IntoIterator<Item = &'a NetFile>, models_dir: &Path) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for file in files {
        let source = match &file.origin {
            Some(origin) => Source::Package { package: origin.package.clone(), path: origin.path.clone() },
            None => Source::Brought,
        };
        let net = Wanted {
            source,
            destination: models_dir.join(&file.name),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
        };
        // Two cards may share a net.
        if !wanted.contains(&net) {
            wanted.push(net);
        }
    }
    wanted
}

/// The folder that the runtime lies in.
pub fn runtime_folder(models_dir: &Path) -> PathBuf {
    models_dir.join("runtime")
}

/// The files of a runtime, and last a manifest that names the library with its digest, so that a
/// library is never loaded before it is whole.
///
/// # Errors
/// [`SetupError::NoArchive`] if there is none for `architecture`.
pub fn runtime(
    catalogue: &Catalogue,
    variant: Variant,
    architecture: &str,
    models_dir: &Path,
) -> Result<Vec<Wanted>, SetupError> {
    let runtime = catalogue.runtime(variant, architecture)?;
    let folder = runtime_folder(models_dir);
    let mut wanted: Vec<Wanted> = runtime
        .files
        .iter()
        .map(|file| Wanted {
            source: Source::Package { package: runtime.package.clone(), path: file.path.clone() },
            destination: folder.join(&file.name),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
        })
        .collect();
    if let Some(library) = runtime.files.first() {
        let manifest = format!(
            "# Written by `muster setup`: the library that may be loaded.\nversion = \"{}\"\nfile = \"{}\"\n\
             sha256 = \"{}\"\nsize_bytes = {}\n",
            runtime.version, library.name, library.sha256, library.size_bytes
        );
        wanted.push(Wanted {
            destination: folder.join("manifest.toml"),
            sha256: Sha256Digest(Sha256::digest(manifest.as_bytes()).into()),
            size_bytes: manifest.len() as u64,
            source: Source::Text(manifest),
        });
    }
    Ok(wanted)
}

/// Which variant's library the manifest in the models folder names; a set-up that is not told which
/// runtime to fetch keeps to it.
pub fn installed_variant(catalogue: &Catalogue, architecture: &str, models_dir: &Path) -> Option<Variant> {
    let manifest = std::fs::read_to_string(runtime_folder(models_dir).join("manifest.toml")).ok()?;
    let named = |variant: &Variant| {
        let library =
            catalogue.runtime(*variant, architecture).ok().and_then(|runtime| runtime.files.first());
        library.is_some_and(|file| manifest.contains(&file.sha256.to_string()))
    };
    [Variant::Cpu, Variant::Cuda].into_iter().find(named)
}

/// The pictures of the demo, below `folder`.
pub fn pictures(demo: &Demo, folder: &Path) -> Vec<Wanted> {
    demo.pictures
        .iter()
        .map(|picture| Wanted {
            source: Source::Package { package: picture.package.clone(), path: picture.path.clone() },
            destination: folder.join(&picture.file),
            sha256: picture.sha256,
            size_bytes: picture.size_bytes,
        })
        .collect()
}

/// Removes what another variant's runtime left beside the one that is wanted now.
///
/// # Errors
/// [`SetupError::Io`] for a file that cannot be removed.
pub fn remove_other_runtimes(
    catalogue: &Catalogue,
    variant: Variant,
    architecture: &str,
    models_dir: &Path,
) -> Result<Vec<PathBuf>, SetupError> {
    let kept = catalogue.runtime(variant, architecture)?;
    let folder = runtime_folder(models_dir);
    let mut removed = Vec::new();
    let others = catalogue.runtimes.iter().filter(|runtime| runtime.variant != variant);
    for file in others.flat_map(|runtime| &runtime.files) {
        let path = folder.join(&file.name);
        if kept.files.iter().all(|other| other.name != file.name)
            && is_file_name(&file.name)
            && path.is_file()
        {
            std::fs::remove_file(&path).map_err(SetupError::io("remove", &path))?;
            removed.push(path);
        }
    }
    Ok(removed)
}
