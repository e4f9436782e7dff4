//! `runtime/manifest.toml` in the models folder: which library set-up put there.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{HINT, refused};
use crate::inference::InferenceError;
use crate::inference::card::parse_sha256;
use crate::ledger::Sha256Digest;

/// The folder in the models folder.
pub const FOLDER: &str = "runtime";
/// The file in that folder.
pub const FILE: &str = "manifest.toml";

/// The library that lies beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The runtime's version.
    pub version: String,
    /// The library's name in the folder.
    pub file: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

impl Manifest {
    /// The manifest in `folder`.
    ///
    /// # Errors
    /// [`InferenceError::Missing`] where there is none, [`InferenceError::Library`] where it makes no sense.
    pub fn read(folder: &Path) -> Result<Self, InferenceError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => InferenceError::Missing {
                path: path.clone(),
                hint: format!("there is no ONNX Runtime yet; {HINT}"),
            },
            _ => refused(&path, &error.to_string(), HINT),
        })?;
        let manifest: Self =
            toml::from_str(&text).map_err(|error| refused(&path, &error.to_string(), HINT))?;
        let plain = !manifest.file.is_empty() && !manifest.file.contains('/') && manifest.file != "..";
        if !plain || parse_sha256(&manifest.sha256).is_none() {
            return Err(refused(
                &path,
                "`file` must be a plain name and `sha256` 64 hexadecimal digits",
                HINT,
            ));
        }
        Ok(manifest)
    }

    /// Whether the file at `path` is the one that is meant.
    ///
    /// # Errors
    /// [`InferenceError::Library`] with what was expected and what was found.
    pub fn verify(&self, path: &Path) -> Result<(), InferenceError> {
        let wrong =
            |detail: &str| refused(path, detail, "it is damaged or was exchanged: run `muster setup` again");
        let mut file = std::fs::File::open(path).map_err(|error| wrong(&error.to_string()))?;
        let size = file.metadata().map_err(|error| wrong(&error.to_string()))?.len();
        if size != self.size_bytes {
            return Err(wrong(&format!("{FILE} expects {} bytes, the file has {size}", self.size_bytes)));
        }
        let found = digest(&mut file).map_err(|error| wrong(&error.to_string()))?;
        if parse_sha256(&self.sha256) != Some(found) {
            return Err(wrong(&format!("{FILE} expects SHA-256 {}, the file has {found}", self.sha256)));
        }
        Ok(())
    }
}

fn digest(file: &mut std::fs::File) -> std::io::Result<Sha256Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256Digest(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Manifest {
        Manifest {
            version: "1.26.0".into(),
            file: "libonnxruntime.so".into(),
            sha256: Sha256Digest(Sha256::digest(bytes).into()).to_string(),
            size_bytes: bytes.len() as u64,
        }
    }

    #[test]
    fn a_library_that_is_shorter_or_other_than_pinned_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        let manifest = of(b"the library");
        for (bytes, message) in
            [(&b"the lib"[..], "expects 11 bytes, the file has 7"), (b"the librarz", "expects SHA-256")]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = manifest.verify(&path).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("muster setup"), "{error}");
        }
        std::fs::write(&path, b"the library").unwrap();
        manifest.verify(&path).unwrap();
    }

    #[test]
    fn a_manifest_that_makes_no_sense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let good = toml::to_string(&of(b"x")).unwrap();
        for text in [
            "",
            "version = 3",
            &good.replace("libonnx", "../libonnx"),
            &good.replace("sha256 = \"", "sha256 = \"z"),
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = Manifest::read(folder.path()).unwrap_err();
            assert!(matches!(error, InferenceError::Library { .. }), "{text}: {error}");
        }
        std::fs::write(folder.path().join(FILE), &good).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), of(b"x"));
    }
}
