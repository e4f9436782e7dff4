//! Who is to be enrolled from where: a folder, or a roster with pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::attendance::{Identifier, PersonName};
use crate::capture::listing::{is_picture_name, natural_order, pictures_in};

use super::super::exit::CliError;
use super::super::output::printable;
use super::super::{roster, roster_file};

/// Somebody who is to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As the folder or the file has it.
    pub(super) called: String,
    /// Who that is, or why nobody can be called so.
    pub(super) who: Result<(PersonName, Option<Identifier>), String>,
    /// Their pictures, or why there is none.
    pub(super) pictures: Result<Vec<PathBuf>, String>,
}

/// Everybody of `DIR/NAME/*.jpg` and `DIR/NAME.jpg`, by name. Hidden files and files that are no
/// pictures are passed over.
///
/// # Errors
/// [`CliError`] where the folder cannot be read or nobody is in it.
pub(super) fn of_folder(dir: &Path) -> Result<Vec<Wanted>, CliError> {
    let shown = || printable(&dir.to_string_lossy()).into_owned();
    let failed = |error: std::io::Error| CliError::usage(format_args!("{} cannot be read: {error}", shown()));
    let mut people: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
        let Some(name) = name.map(|name| name.to_string_lossy().into_owned()) else { continue };
        if path.is_dir() && !name.starts_with('.') {
            // A folder without pictures is reported as such.
            people.entry(name).or_default().extend(pictures_in(&path).unwrap_or_default());
        } else if path.is_file() && is_picture_name(&path) {
            people.entry(name).or_default().push(path);
        }
    }
    if people.is_empty() {
        return Err(CliError::usage(format_args!(
            "nobody is in {}: expected NAME/*.jpg or NAME.jpg in it",
            shown()
        )));
    }
    let wanted = |(called, mut pictures): (String, Vec<PathBuf>)| {
        pictures.sort_by(|a, b| natural_order(a, b));
        let who = called.parse().map(|name| (name, None));
        let pictures =
            if pictures.is_empty() { Err("its folder has no picture".to_owned()) } else { Ok(pictures) };
        Wanted {
            called,
            who: who.map_err(|error: crate::attendance::roster::NameError| error.to_string()),
            pictures,
        }
    };
    Ok(people.into_iter().map(wanted).collect())
}

/// Everybody of a roster file with a column `pictures`.
///
/// # Errors
/// [`CliError`] where the file cannot be read, names no column of pictures, or has wrong lines.
pub(super) fn of_roster(file: &Path) -> Result<Vec<Wanted>, CliError> {
    let rows = roster::read_rows(file, "nobody was enrolled", roster_file::parse_pictured)?;
    let shown = printable(&file.to_string_lossy()).into_owned();
    if rows.iter().all(|row| row.pictures.is_empty()) {
        return Err(CliError::usage(format_args!(
            "{shown}: no row names a picture; expected a column `pictures`, or use `muster roster import`"
        )));
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let wanted = |row: roster_file::PicturedRow| Wanted {
        called: row.person.name.to_string(),
        who: Ok((row.person.name, row.person.identifier)),
        pictures: named_pictures(folder, &row.pictures),
    };
    Ok(rows.into_iter().map(wanted).collect())
}

/// The pictures that a row names, each a file or a folder of them.
fn named_pictures(folder: &Path, named: &[String]) -> Result<Vec<PathBuf>, String> {
    if named.is_empty() {
        return Err("the row names no picture".to_owned());
    }
    let mut found = Vec::new();
    for name in named {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(pictures_in(&path).map_err(|error| error.to_string())?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
