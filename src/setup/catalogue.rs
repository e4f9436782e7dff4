//! `models/packages.toml`: the packages that files are taken from, and the runtimes.

use std::path::Path;

use serde::Deserialize;

use super::SetupError;
use crate::inference::card::hexadecimal;
use crate::ledger::Sha256Digest;

/// The committed list, as it was when muster was built.
const EMBEDDED: &str = include_str!("../../models/packages.toml");

/// Where a package is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// The Python Package Index, read with pip.
    Pypi,
    /// The npm registry, read with npm.
    Npm,
}

impl std::fmt::Display for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pypi => "PyPI",
            Self::Npm => "npm",
        })
    }
}

/// Which wheel of several pip must choose. An archive without one is an sdist.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// The Python it was built for, as `3.11`; not the one that is installed.
    pub python: String,
    /// The platform tag, as `manylinux_2_28_x86_64`.
    pub platform: String,
}

/// One file that a registry gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// For which machines: `x86_64`, `aarch64`, or `any`.
    pub architecture: String,
    /// Its name, which is also the name looked for in a folder.
    pub file: String,
    /// Its digest.
    #[serde(deserialize_with = "hexadecimal")]
    pub sha256: Sha256Digest,
    /// Its size.
    pub size_bytes: u64,
    /// Which wheel it is.
    #[serde(default)]
    pub wheel: Option<Wheel>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// What model cards call it.
    pub id: String,
    /// Where it is published.
    pub registry: Registry,
    /// Under which name.
    pub name: String,
    /// Exactly this version.
    pub version: String,
    /// Under which licence.
    pub licence: String,
    /// What is known of its origin, and what is not.
    pub provenance: String,
    /// Its files.
    #[serde(rename = "archive")]
    pub archives: Vec<Archive>,
}

impl Package {
    /// The archive for `architecture`.
    ///
    /// # Errors
    /// [`SetupError::NoArchive`] with the architectures there are.
    pub fn archive(&self, architecture: &str) -> Result<&Archive, SetupError> {
        let fits = |archive: &&Archive| [architecture, "any"].contains(&archive.architecture.as_str());
        self.archives.iter().find(fits).ok_or_else(|| {
            let available: Vec<&str> = self.archives.iter().map(|a| a.architecture.as_str()).collect();
            SetupError::NoArchive {
                package: format!("{} {}", self.name, self.version),
                architecture: architecture.to_owned(),
                available: available.join(" and "),
            }
        })
    }
}

/// What a runtime can compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The processor.
    Cpu,
    /// The processor and NVIDIA's graphics processors.
    Cuda,
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

/// A file of a runtime.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeFile {
    /// Its path inside the package's archive.
    pub path: String,
    /// Its name in the runtime's folder.
    pub name: String,
    /// Its digest.
    #[serde(deserialize_with = "hexadecimal")]
    pub sha256: Sha256Digest,
    /// Its size.
    pub size_bytes: u64,
}

/// A build of ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// What it can compute on.
    pub variant: Variant,
    /// For which machines.
    pub architecture: String,
    /// The id of the package that has it.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its files; the first is the library that is loaded.
    #[serde(rename = "file")]
    pub files: Vec<RuntimeFile>,
}

/// The list of packages and runtimes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The packages.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
    /// The runtimes.
    #[serde(rename = "runtime", default)]
    pub runtimes: Vec<Runtime>,
}

impl Catalogue {
    /// `packages.toml` of the models folder if it has one, else the list that muster was built with.
    ///
    /// # Errors
    /// [`SetupError::Invalid`] with the place; [`SetupError::Io`] if the file cannot be read.
    pub fn of(models_dir: &Path) -> Result<Self, SetupError> {
        let path = models_dir.join("packages.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::embedded(),
            Err(error) => Err(SetupError::io("read", &path)(error)),
        }
    }

    /// The list that muster was built with.
    ///
    /// # Errors
    /// [`SetupError::Invalid`], which a test rules out.
    pub fn embedded() -> Result<Self, SetupError> {
        Self::parse(EMBEDDED, Path::new("packages.toml"))
    }

    /// Reads and checks a list; `path` is for messages.
    ///
    /// # Errors
    /// [`SetupError::Invalid`] with the place and what was expected.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SetupError> {
        let invalid = |detail| SetupError::Invalid { path: path.to_owned(), detail };
        let catalogue: Self = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        catalogue.check().map_err(invalid)?;
        Ok(catalogue)
    }

    /// The package `id`.
    ///
    /// # Errors
    /// [`SetupError::Invalid`] with the packages there are.
    pub fn package(&self, id: &str) -> Result<&Package, SetupError> {
        self.packages.iter().find(|package| package.id == id).ok_or_else(|| SetupError::Invalid {
            path: "packages.toml".into(),
            detail: format!("there is no package \"{id}\", but a file is said to come from it"),
        })
    }

    /// The runtime for `variant` and `architecture`.
    ///
    /// # Errors
    /// [`SetupError::NoArchive`] with the architectures there are.
    pub fn runtime(&self, variant: Variant, architecture: &str) -> Result<&Runtime, SetupError> {
        let of_variant = || self.runtimes.iter().filter(move |runtime| runtime.variant == variant);
        of_variant().find(|runtime| runtime.architecture == architecture).ok_or_else(|| {
            let available: Vec<&str> = of_variant().map(|r| r.architecture.as_str()).collect();
            SetupError::NoArchive {
                package: format!("the runtime for {variant}"),
                architecture: architecture.to_owned(),
                available: available.join(" and "),
            }
        })
    }

    fn check(&self) -> Result<(), String> {
        for package in &self.packages {
            let same_id = self.packages.iter().filter(|other| other.id == package.id).count();
            if same_id > 1 {
                return Err(format!("two packages have the id \"{}\"", package.id));
            }
            for (key, value) in [("id", &package.id), ("name", &package.name), ("version", &package.version)]
            {
                if !is_plain(value) {
                    return Err(format!("{key} \"{value}\": expected letters, digits and @ / . _ + - only"));
                }
            }
            if package.id.contains('/') || package.archives.is_empty() {
                return Err(format!("package \"{}\": expected an id without / and an archive", package.id));
            }
            if let Some(archive) = package.archives.iter().find(|archive| !is_file_name(&archive.file)) {
                return Err(format!("file \"{}\": expected the name of a file, not a path", archive.file));
            }
        }
        for runtime in &self.runtimes {
            let package = self.packages.iter().find(|package| package.id == runtime.package);
            if package.is_none() || runtime.files.is_empty() || !is_plain(&runtime.version) {
                return Err(format!(
                    "runtime {} for {}: expected a package of this list, a version, and at least one file",
                    runtime.variant, runtime.architecture
                ));
            }
            if let Some(file) = runtime.files.iter().find(|file| !is_file_name(&file.name)) {
                return Err(format!("name \"{}\": expected the name of a file, not a path", file.name));
            }
        }
        Ok(())
    }
}

/// Whether `text` can be handed to a client as (part of) one argument and mean only itself.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "@/._+-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed)
}

/// Whether `text` names a file in a folder, and not a path out of it.
pub(crate) fn is_file_name(text: &str) -> bool {
    Path::new(text).file_name().is_some_and(|name| name == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_is_valid_and_has_a_runtime_for_both_architectures() {
        let catalogue = Catalogue::embedded().unwrap();
        for architecture in ["x86_64", "aarch64"] {
            let runtime = catalogue.runtime(Variant::Cpu, architecture).unwrap();
            let archive = catalogue.package(&runtime.package).unwrap().archive(architecture).unwrap();
            assert!(archive.file.contains(architecture), "{}", archive.file);
            assert_eq!(runtime.files[0].name, "libonnxruntime.so");
        }
        assert!(catalogue.runtime(Variant::Cuda, "x86_64").unwrap().files.len() > 1);
        let message = catalogue.runtime(Variant::Cuda, "aarch64").unwrap_err().to_string();
        assert!(
            message.contains("cuda has no archive for aarch64: muster fetches it for x86_64"),
            "{message}"
        );
    }

    #[test]
    fn names_that_a_client_could_take_for_something_else_are_refused() {
        let list = |id: &str, name: &str, file: &str| {
            format!(
                "[[package]]\nid='{id}'\nregistry='npm'\nname='{name}'\nversion='1'\nlicence='MIT'\nprovenance=''\n\
                 [[package.archive]]\narchitecture='any'\nfile='{file}'\nsha256='{}'\nsize_bytes=1\n",
                "0".repeat(64)
            )
        };
        let parse = |text: &str| Catalogue::parse(text, Path::new("p.toml"));
        parse(&list("a", "@scope/a", "a.tgz")).unwrap();
        for (id, name, file) in [
            ("a", "--registry", "a.tgz"),
            ("a", "a b", "a.tgz"),
            ("a", "a\tb", "a.tgz"),
            ("../a", "a", "a.tgz"),
            ("a", "a", "../a.tgz"),
            ("a", "a", ".."),
            ("a", "a", ""),
        ] {
            let message = parse(&list(id, name, file)).unwrap_err().to_string();
            assert!(message.starts_with("p.toml is not valid") && message.contains("expected"), "{message}");
        }
        let unknown = list("a", "a", "a.tgz") + "colour = 1\n";
        assert!(parse(&unknown).unwrap_err().to_string().contains("colour"));
    }
}
