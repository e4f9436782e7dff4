//! Optimised nets, kept on disk: ONNX Runtime rewrites a net at each start, and what it comes to is the same
//! as long as the net, the runtime and the processor are.
//!
//! A pair of files stands for one net: `KEY.onnx`, as the runtime wrote it, and `KEY.toml`, which says what it
//! was made from and has its size and SHA-256. Both are written under a name of their own, reach the disk and
//! are then renamed, the note last: whatever ends the process leaves a whole pair or none that is used. One
//! process at a time writes, under a lock of the folder; reading needs none, for bytes that are not their
//! note's are not used.
//!
//! A pair that is wrong in any way is no error: the net is loaded from its own file, and the pair is removed.
//! The digest finds damage, not intent. Whoever may write the folder decides what runs, so a folder or a file
//! that another user owns or may write is not used.

mod cpu;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::card::NetFile;
use super::super::runtime::Runtime;
use super::{GRAPH_OPTIONS, InferenceError};
use crate::ledger::Sha256Digest;

/// Raised whenever the form of a pair changes.
const FORMAT: u32 = 1;
/// No note is longer.
const MOST_NOTE_BYTES: u64 = 64 * 1024;
/// No net is longer: a note is not believed when it says more.
const MOST_GRAPH_BYTES: u64 = 1 << 30;
/// What the files are called while they are written.
const UNFINISHED: &str = "unfinished";

/// How a session is to be made of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Graph<'a> {
    /// A net's own file, optimised as the session is made.
    Own,
    /// A net's own file, and what it is optimised to is written there.
    WrittenTo(&'a Path),
    /// What was written so: nothing is left to optimise.
    Kept,
}

/// A folder of optimised nets. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(super) struct Graphs {
    folder: PathBuf,
    /// What runs the nets; none where the processor is not known, and then nothing is kept.
    machine: Option<Machine>,
    /// Whether it was said that the folder cannot be used: once is enough for all nets.
    has_told: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
struct Machine {
    runtime: String,
    cpu: String,
}

/// What stands in a pair's note.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    key: String,
    net: String,
    net_sha256: String,
    size_bytes: u64,
    sha256: String,
    options: String,
    runtime: String,
    cpu: String,
}

/// Where one net's pair lies.
struct Place {
    key: String,
    options: String,
    graph: PathBuf,
    note: PathBuf,
}

/// Why a pair cannot be used.
enum Trouble {
    /// The folder cannot, and so no pair.
    Folder(String),
    /// This pair cannot.
    Pair(PathBuf, String),
}

impl Graphs {
    /// Of `runtime` on this machine, in `folder`, which is made when it is first needed.
    pub(super) fn new(folder: PathBuf, runtime: &Runtime) -> Self {
        let machine = cpu::here().map(|cpu| Machine { runtime: identity(runtime), cpu });
        Self { folder, machine, has_told: Arc::default() }
    }

    /// The session that `make` makes: of the kept bytes where they are whole, else of the net's `own` bytes,
    /// and then what comes of them is kept. `tell` is told what went wrong, which nothing ever fails by.
    ///
    /// # Errors
    /// Those of `make` for the net's own bytes.
    pub(super) fn load<S>(
        &self,
        file: &NetFile,
        own: &[u8],
        make: impl Fn(&[u8], Graph<'_>) -> Result<S, InferenceError>,
        tell: impl FnMut(String),
    ) -> Result<S, InferenceError> {
        self.load_made(file, GRAPH_OPTIONS, || Ok(Cow::Borrowed(own)), make, tell)
    }

    /// The same for a net whose bytes `own` makes, where they are needed: `options` says how, besides what decides
    /// what the runtime makes of them.
    ///
    /// # Errors
    /// Those of `own`, and those of `make` for its bytes.
    pub(super) fn load_made<'b, S, E: From<InferenceError>>(
        &self,
        file: &NetFile,
        options: &str,
        own: impl FnOnce() -> Result<Cow<'b, [u8]>, E>,
        make: impl Fn(&[u8], Graph<'_>) -> Result<S, InferenceError>,
        mut tell: impl FnMut(String),
    ) -> Result<S, E> {
        let Some(machine) = &self.machine else { return Ok(make(&own()?, Graph::Own)?) };
        let place = Place::of(&self.folder, file, machine, options);
        let mut is_damaged = false;
        match self.kept(&place) {
            Ok(None) => {}
            Ok(Some(bytes)) => match make(&bytes, Graph::Kept) {
                Ok(session) => return Ok(session),
                Err(error) => {
                    is_damaged = true;
                    tell(damaged(&place.graph, file, &error.to_string()));
                }
            },
            Err(Trouble::Pair(path, detail)) => {
                is_damaged = true;
                tell(damaged(&path, file, &detail));
            }
            Err(Trouble::Folder(detail)) => {
                self.tell_once(&detail, &mut tell);
                return Ok(make(&own()?, Graph::Own)?);
            }
        }
        let own = own()?;
        Ok(match self.locked() {
            Ok(Some(_lock)) => {
                if is_damaged {
                    place.remove();
                }
                self.anew(file, &own, machine, &place, make, &mut tell)?
            }
            // Another one writes: it, or the next start, keeps the net.
            Ok(None) => make(&own, Graph::Own)?,
            Err(error) => {
                self.tell_once(&error.to_string(), &mut tell);
                make(&own, Graph::Own)?
            }
        })
    }

    /// The bytes that are kept, once they are known to be those that were written.
    fn kept(&self, place: &Place) -> Result<Option<Vec<u8>>, Trouble> {
        match std::fs::metadata(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Trouble::Folder(error.to_string())),
            Ok(metadata) if !metadata.is_dir() => return Err(Trouble::Folder("it is no folder".to_owned())),
            Ok(metadata) => owned(&metadata).map_err(|error| Trouble::Folder(error.to_string()))?,
        }
        let wrong = |path: &Path, detail: String| Trouble::Pair(path.to_owned(), detail);
        let text = match read(&place.note, MOST_NOTE_BYTES) {
            // A pair without its note was never finished.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&place.note, error.to_string())),
            Ok(text) => text,
        };
        let note: Note = std::str::from_utf8(&text)
            .map_err(|error| error.to_string())
            .and_then(|text| toml::from_str(text).map_err(|error| error.message().to_owned()))
            .map_err(|detail| wrong(&place.note, detail))?;
        if note.key != place.key || note.size_bytes > MOST_GRAPH_BYTES {
            return Err(wrong(&place.note, "it is about something else".to_owned()));
        }
        let bytes =
            read(&place.graph, note.size_bytes).map_err(|error| wrong(&place.graph, error.to_string()))?;
        let found = (bytes.len() as u64, digest(&bytes).to_string());
        if found != (note.size_bytes, note.sha256.clone()) {
            let detail = format!(
                "{} bytes with SHA-256 {} were written, and it has {} with {}",
                note.size_bytes, note.sha256, found.0, found.1
            );
            return Err(wrong(&place.graph, detail));
        }
        Ok(Some(bytes))
    }

    /// The folder's lock, and the folder where it was not there; none while another one has it.
    fn locked(&self) -> io::Result<Option<File>> {
        let folder = make_folder(&self.folder)?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(folder)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Has the net optimised and kept, and loads what is kept: what cannot be loaded is not kept. The folder
    /// is locked.
    fn anew<S>(
        &self,
        file: &NetFile,
        own: &[u8],
        machine: &Machine,
        place: &Place,
        make: impl Fn(&[u8], Graph<'_>) -> Result<S, InferenceError>,
        tell: &mut impl FnMut(String),
    ) -> Result<S, InferenceError> {
        let unfinished = Unfinished::new(&self.folder);
        // The runtime writes into a file that is there, and so one that its owner alone may read.
        if let Err(error) = create(&unfinished.graph) {
            self.tell_once(&error.to_string(), tell);
            return make(own, Graph::Own);
        }
        let session = match make(own, Graph::WrittenTo(&unfinished.graph)) {
            Ok(session) => session,
            Err(error) => {
                let session = make(own, Graph::Own)?;
                self.tell_once(&error.to_string(), tell);
                return Ok(session);
            }
        };
        let again =
            read(&unfinished.graph, MOST_GRAPH_BYTES).map_err(|error| error.to_string()).and_then(|bytes| {
                match make(&bytes, Graph::Kept) {
                    Ok(again) => Ok((bytes, again)),
                    Err(error) => Err(error.to_string()),
                }
            });
        let kept = again.and_then(|(bytes, again)| {
            let note = Note::new(&bytes, file, machine, place);
            finish(&unfinished, &note, place, &self.folder).map_err(|error| error.to_string())?;
            Ok(again)
        });
        match kept {
            Ok(again) => {
                self.remove_older(&place.key, file);
                Ok(again)
            }
            Err(detail) => {
                place.remove();
                self.tell_once(&detail, tell);
                Ok(session)
            }
        }
    }

    /// Removes pairs of the same net that were made for another runtime or processor, of another content of
    /// its file, and those that nothing can be said of.
    fn remove_older(&self, key: &str, file: &NetFile) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            // What this program did not name is not its to remove.
            let is_ours = stem.len() == STEM && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_ours || key.starts_with(stem) {
                continue;
            }
            let place = Place::named(&self.folder, stem, String::new(), "");
            let note = read(&place.note, MOST_NOTE_BYTES).ok();
            let note = note.and_then(|text| String::from_utf8(text).ok());
            let note: Option<Note> = note.and_then(|text| toml::from_str(&text).ok());
            let is_of_another =
                note.is_some_and(|note| note.net != file.name && note.net_sha256 != file.sha256.to_string());
            if !is_of_another {
                place.remove();
            }
        }
    }

    fn tell_once(&self, detail: &str, tell: &mut impl FnMut(String)) {
        if !self.has_told.swap(true, Ordering::Relaxed) {
            tell(format!(
                "optimised nets cannot be kept in {}: {detail}; the nets are optimised at each start instead; \
                 make it a folder that this user alone owns and may write, on a disk with room",
                self.folder.display()
            ));
        }
    }
}

fn damaged(path: &Path, file: &NetFile, detail: &str) -> String {
    format!(
        "{} cannot be used: {detail}; it is removed, {} is loaded from its own file, and nothing is to be done; \
         if it happens again, look at the disk",
        path.display(),
        file.name
    )
}

/// So many characters of a key name a pair.
const STEM: usize = 32;

impl Place {
    fn of(folder: &Path, file: &NetFile, machine: &Machine, options: &str) -> Self {
        let mut hasher = Sha256::new();
        let mut add = |part: &str| {
            // With its length, so that no two lists of parts are one text.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        };
        add("muster optimised net");
        add(&FORMAT.to_string());
        add(&file.sha256.to_string());
        add(options);
        add(&machine.runtime);
        add(&machine.cpu);
        let key = Sha256Digest(hasher.finalize().into()).to_string();
        Self::named(folder, &key[..STEM], key.clone(), options)
    }

    fn named(folder: &Path, stem: &str, key: String, options: &str) -> Self {
        let path = |extension: &str| folder.join(format!("{stem}.{extension}"));
        Self { key, options: options.to_owned(), graph: path("onnx"), note: path("toml") }
    }

    /// The note first: bytes without one are not used.
    fn remove(&self) {
        let _ = std::fs::remove_file(&self.note);
        let _ = std::fs::remove_file(&self.graph);
    }
}

impl Note {
    fn new(bytes: &[u8], file: &NetFile, machine: &Machine, place: &Place) -> Self {
        Self {
            key: place.key.clone(),
            net: file.name.clone(),
            net_sha256: file.sha256.to_string(),
            size_bytes: bytes.len() as u64,
            sha256: digest(bytes).to_string(),
            options: place.options.clone(),
            runtime: machine.runtime.clone(),
            cpu: machine.cpu.clone(),
        }
    }
}

/// The two files while they are written; what is left of them is removed at the end. The lock of the folder
/// lets one name do, and what a killed process left is written over.
struct Unfinished {
    graph: PathBuf,
    note: PathBuf,
}

impl Unfinished {
    fn new(folder: &Path) -> Self {
        let path = |extension: &str| folder.join(format!("{UNFINISHED}.{extension}"));
        Self { graph: path("onnx"), note: path("toml") }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.graph);
        let _ = std::fs::remove_file(&self.note);
    }
}

/// The folder at `path`, made for this user alone where it is not there.
pub(super) fn make_folder(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let folder = File::open(path)?;
    owned(&folder.metadata()?)?;
    Ok(folder)
}

/// A new file for its owner alone.
fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Brings both files to the disk, and gives them their names.
fn finish(unfinished: &Unfinished, note: &Note, place: &Place, folder: &Path) -> io::Result<()> {
    File::open(&unfinished.graph)?.sync_all()?;
    let text = toml::to_string(note).map_err(io::Error::other)?;
    let mut file = create(&unfinished.note)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished.graph, &place.graph)?;
    std::fs::rename(&unfinished.note, &place.note)?;
    File::open(folder)?.sync_all()
}

/// What is in the file at `path`, up to one byte more than `most`; nobody but this user may have written it.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    owned(&metadata)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or(0));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether this user owns what it is of, and no other may write it.
fn owned(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, "another user owns it or may write it"))
}

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

/// Which runtime it is: what it says of its build, and its file, which may be another build of the same.
fn identity(runtime: &Runtime) -> String {
    let library = runtime.library();
    let file = match (library.sha256, std::fs::metadata(&library.path)) {
        (Some(sha256), _) => format!("SHA-256 {sha256}"),
        (None, Ok(metadata)) => format!(
            "{}, {} bytes, of {}.{:09}",
            library.path.display(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec()
        ),
        (None, Err(_)) => library.path.display().to_string(),
    };
    format!("{}; {file}", runtime.build_info())
}
