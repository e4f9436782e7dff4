//! Files that are written beside their place and moved there whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::identify::evaluation::Similarities;

use super::super::exit::CliError;
use super::super::output::{harmless, printable};
use super::photographs::Collection;

/// A file that is not in its place yet. Readable for its owner alone; gone if it is dropped.
pub struct Pending {
    path: PathBuf,
    beside: PathBuf,
    file: Option<File>,
}

impl Pending {
    /// Begins the file that will be at `path`: before hours of work, so that a wrong name is found first.
    ///
    /// # Errors
    /// [`CliError`] of usage where there can be no such file.
    pub fn begin(path: &Path) -> Result<Self, CliError> {
        let refused = |error: io::Error| {
            CliError::usage(format!("{} cannot be written: {error}", printable(&path.to_string_lossy())))
        };
        if path.is_dir() {
            return Err(refused(io::Error::other("it is a folder")));
        }
        let mut name = path.file_name().ok_or_else(|| refused(io::Error::other("it is no file")))?.to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(name);
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(refused)?;
        Ok(Self { path: path.to_owned(), beside, file: Some(file) })
    }

    /// Writes it and moves it to its place.
    ///
    /// # Errors
    /// [`CliError`] of a missing part where that fails: the disk is full, say.
    pub fn finish(mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let mut writer = BufWriter::new(&file);
        let written = write(&mut writer).and_then(|()| writer.flush()).and_then(|()| file.sync_all());
        written.and_then(|()| fs::rename(&self.beside, &self.path)).map_err(|error| {
            let path = printable(&self.path.to_string_lossy()).into_owned();
            CliError::missing(format!("{path} cannot be written: {error}"))
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After the move there is nothing at this name.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Every pair with its similarity: kind, person and picture of either, similarity. Cells are made
/// harmless for a spreadsheet.
pub fn write_scores(
    out: &mut dyn Write,
    collection: &Collection,
    similarities: &Similarities,
) -> io::Result<()> {
    let people: Vec<usize> = collection.photographs.iter().map(|p| p.person).collect();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["kind", "person_a", "image_a", "person_b", "image_b", "similarity"])?;
    for (a, b) in similarities.pairs(&people) {
        let kind = if people[a] == people[b] { "genuine" } else { "impostor" };
        let similarity = similarities.get(a, b).to_string();
        let (a, b) = (&collection.photographs[a], &collection.photographs[b]);
        let cells = [&a, &b].map(|photograph| {
            let image = photograph.path.to_string_lossy();
            [harmless(&collection.people[photograph.person]).into_owned(), harmless(&image).into_owned()]
        });
        let [[person_a, image_a], [person_b, image_b]] = &cells;
        writer.write_record([kind, person_a, image_a, person_b, image_b, &similarity])?;
    }
    writer.flush()
}
