//! Single files out of wheels (zip), sdists and npm packages (tar, gzipped). Nothing is written but
//! the files asked for, to paths of our own: no path from an archive is ever used as one.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use flate2::read::MultiGzDecoder;

use super::wanted::Source;
use super::{SetupError, Wanted, go_on, place};

/// An archive that unpacks to more than this is not read to its end.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// Saves each of `group` from the archive at `path` to the path beside it. The archive must have
/// been checked; the files are not, here.
///
/// # Errors
/// [`SetupError::Archive`] where it cannot be read, lacks a file, or has a link in its place.
pub(super) fn extract(path: &Path, group: &[(&Wanted, &Path)], stop: &AtomicBool) -> Result<(), SetupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".whl") || name.ends_with(".zip") {
        extract_zip(path, group, stop)
    } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        extract_tar(path, group, stop)
    } else {
        Err(broken(path, "expected a file named .whl, .zip, .tgz or .tar.gz"))
    }
}

fn broken(archive: &Path, detail: impl ToString) -> SetupError {
    SetupError::Archive { archive: archive.to_owned(), detail: detail.to_string() }
}

fn lacking(archive: &Path, inside: &str) -> SetupError {
    broken(archive, format!("has no file {inside}, which a model card or list says it has"))
}

fn inside(wanted: &Wanted) -> Option<&str> {
    match &wanted.source {
        Source::Package { path, .. } => Some(path),
        Source::Text(_) | Source::Brought => None,
    }
}

fn extract_zip(path: &Path, group: &[(&Wanted, &Path)], stop: &AtomicBool) -> Result<(), SetupError> {
    let file = File::open(path).map_err(SetupError::io("open", path))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| broken(path, error))?;
    for (wanted, to) in group {
        go_on(stop)?;
        let Some(name) = inside(wanted) else { continue };
        let mut entry = archive.by_name(name).map_err(|error| match error {
            zip::result::ZipError::FileNotFound => lacking(path, name),
            other => broken(path, other),
        })?;
        if !entry.is_file() || entry.is_symlink() {
            return Err(broken(path, format!("{name} is a link or a folder, expected a file")));
        }
        place::save(&mut entry, path, to, wanted.size_bytes)?;
    }
    Ok(())
}

fn extract_tar(path: &Path, group: &[(&Wanted, &Path)], stop: &AtomicBool) -> Result<(), SetupError> {
    let file = File::open(path).map_err(SetupError::io("open", path))?;
    let unpacked = MultiGzDecoder::new(BufReader::new(file)).take(MAX_UNPACKED_BYTES);
    let mut archive = tar::Archive::new(unpacked);
    // A file can be wanted at two places, but a stream of it is read once.
    let mut open: Vec<&(&Wanted, &Path)> = group.iter().collect();
    for entry in archive.entries().map_err(|error| broken(path, error))? {
        go_on(stop)?;
        if open.is_empty() {
            break;
        }
        let mut entry = entry.map_err(|error| broken(path, error))?;
        let name = entry.path_bytes().into_owned();
        let (mine, others) = open.into_iter().partition(|(wanted, _)| {
            inside(wanted).is_some_and(|inside| inside.as_bytes() == name.as_slice())
        });
        open = others;
        let mine: Vec<&(&Wanted, &Path)> = mine;
        let Some((first, rest)) = mine.split_first() else { continue };
        if !entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&name).into_owned();
            return Err(broken(path, format!("{name} is a link or a folder, expected a file")));
        }
        place::save(&mut entry, path, first.1, first.0.size_bytes)?;
        for (wanted, to) in rest {
            place::copy(first.1, to, wanted.size_bytes)?;
        }
    }
    match open.first() {
        Some((wanted, _)) => Err(lacking(path, inside(wanted).unwrap_or_default())),
        None => Ok(()),
    }
}
