//! Making the store's file, opening it, and not trusting it until it was checked.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase, ReadableTable};
use ulid::Ulid;

use crate::ledger::{ChainHead, TerminalId};
use crate::store::crypt::ring::Ring;
use crate::store::crypt::source::Making;
use crate::store::crypt::vault;
use crate::store::{DiskState, StoreError};

use super::raise::SEALED_SINCE;
use super::tables::{
    HEADS, META, SCHEMA, SCHEMA_VERSION, TERMINAL, Tables, head_row, kept_end, meta, vault_and_epoch,
};
use super::{FILE_NAME, Fault, Medium, guarded, keys_error, write_transaction};

/// The owner reads and writes, nobody else anything.
const FILE_MODE: u32 = 0o600;
/// The owner alone enters and lists.
const DIRECTORY_MODE: u32 = 0o700;

/// Pages that redb keeps in memory. Opening reads every page once and reading everything once more: of a large
/// store, memory that is given back and used again costs less than memory that is new for each page, and
/// what the system keeps of the file is read again as fast. Afterwards a store is read a row at a time.
const CACHE_BYTES: usize = 32 << 20;

/// A store's file in a data directory.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    path: PathBuf,
}

impl Medium for DataFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> Result<Database, Fault> {
        restrict(&self.path, FILE_MODE).map_err(|error| Fault::io("restrict access to", error))?;
        Ok(builder().open(&self.path)?)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.path.metadata()?.len())
    }
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    // redb checks no page on reading; a page that rotted would be trusted, or panic.
    builder.set_check_integrity_on_open(true);
    builder.set_cache_size(CACHE_BYTES);
    builder
}

impl DataFile {
    /// The file at `path`, which is there.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The store's file in `directory`, of this program's schema, and its keys. All are made where they are
    /// not there, the file with all that a new store holds, so that no half-made file ever has its name; a
    /// file of an older schema is raised.
    pub(super) fn find_or_make(
        directory: &Path,
        new: TerminalId,
        ring: impl FnOnce(Making) -> Result<Ring, StoreError>,
    ) -> Result<(Self, Ring), StoreError> {
        let file = Self { path: directory.join(FILE_NAME) };
        let find = || {
            make_directory(directory).map_err(|error| Fault::io("make the data directory of", error))?;
            if !file.path.try_exists().map_err(|error| Fault::io("look for", error))? {
                // A vault without a database is kept: a copy of the database may come back to it.
                let ring = ring(Making::Allowed)?;
                make_file(directory, &file.path, |half_made| fill_file(half_made, new, &ring))?;
                return Ok(ring);
            }
            // Without keys it is older than they are, or has lost them.
            let has_keys = directory.join(vault::FILE_NAME).exists();
            let is_older = !has_keys && guarded(|| schema_of(&file))? < SEALED_SINCE;
            Ok(ring(if is_older { Making::Allowed } else { Making::Refused })?)
        };
        match find() {
            Ok(ring) => Ok((file, ring)),
            Err(Fault::Said(error)) => Err(error),
            Err(fault) => Err(Fault::into_store_error(fault, "open the store", &directory.join(FILE_NAME))),
        }
    }

    /// Takes away what a creation that was cut short has left. To be called while the store is
    /// open, so that no other creation can still succeed.
    pub(super) fn clean(&self) {
        let Some(Ok(entries)) = self.path.parent().map(std::fs::read_dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(FILE_NAME) && name.ends_with(HALF_MADE) {
                // Left behind is only the room it takes; the next start tries again.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// The end of the name of a file that is being made.
const HALF_MADE: &str = ".new";

/// A new or empty directory is closed to others. One that holds something already may be shared on
/// purpose or be somebody's home: it is left as it is, with a warning, and the file's own mode
/// keeps the store closed.
fn make_directory(directory: &Path) -> io::Result<()> {
    let existed = directory.try_exists()?;
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    let mode = directory.metadata()?.permissions().mode() & 0o777;
    if mode == DIRECTORY_MODE {
        return Ok(());
    }
    if !existed || directory.read_dir()?.next().is_none() {
        return std::fs::set_permissions(directory, Permissions::from_mode(DIRECTORY_MODE));
    }
    if mode & 0o077 != 0 {
        tracing::warn!(
            directory = %directory.display(),
            "the data directory is open to others (mode {mode:03o}); chmod 700 closes it"
        );
    }
    Ok(())
}

/// Closes the file at `path` to everybody but its owner.
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    let found = path.metadata()?.permissions().mode() & 0o777;
    if found != mode {
        tracing::warn!(file = %path.display(), "the store had mode {found:03o}; it has {mode:03o} now");
        std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Makes the file under a name of its own, and gives it its name when it is whole and on disk.
/// Where another process was faster, its file stays and this one goes.
fn make_file(
    directory: &Path,
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let half_made = half_made(directory)?;
    let made = fill(&half_made).and_then(|()| {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        let here = rustix::fs::CWD;
        match rustix::fs::renameat_with(here, &half_made, here, path, flags) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                std::fs::remove_file(&half_made).map_err(|e| Fault::io("make", e))?
            }
            // A file system without this flag.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                std::fs::rename(&half_made, path).map_err(|error| Fault::io("make", error))?;
            }
            Err(error) => return Err(Fault::io("make", error.into())),
        }
        File::open(directory).and_then(|d| d.sync_all()).map_err(|error| Fault::io("make", error))
    });
    if made.is_err() {
        let _ = std::fs::remove_file(&half_made);
    }
    made
}

/// A name that no other process uses.
pub(super) fn half_made(directory: &Path) -> Result<PathBuf, Fault> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Fault::Medium(error.to_string()))?;
    Ok(directory.join(format!("{FILE_NAME}.{:016x}{HALF_MADE}", u64::from_be_bytes(bytes))))
}

fn fill_file(path: &Path, terminal: TerminalId, ring: &Ring) -> Result<(), Fault> {
    let database = new_database(path)?;
    initialise(&database, terminal, ring)?;
    Ok(database.close()?)
}

/// An empty database at `path`, where there must be no file.
pub(super) fn new_database(path: &Path) -> Result<Database, Fault> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path);
    let file = file.map_err(|error| Fault::io("make", error))?;
    // The mode above passed through the umask.
    file.set_permissions(Permissions::from_mode(FILE_MODE)).map_err(|error| Fault::io("make", error))?;
    Ok(Builder::new().create_with_backend(redb::backends::FileBackend::new(file)?)?)
}

/// Writes what a new store holds.
pub(super) fn initialise(database: &Database, terminal: TerminalId, ring: &Ring) -> Result<(), Fault> {
    let transaction = write_transaction(database)?;
    Tables::open(&transaction, ring)?.initialise(terminal)?;
    Ok(transaction.commit()?)
}

/// Opens a store, checks that its schema is known, its chain ends where it was kept to end and its keys
/// are those of `ring`, and ends an erasure that was cut short.
///
/// # Errors
/// [`Fault::Older`] for an older schema, besides the others.
pub(super) fn open_checked(medium: &dyn Medium, ring: &mut Ring) -> Result<(Database, TerminalId), Fault> {
    guarded(|| {
        let database = medium.open()?;
        let (terminal, found) = check(&database, medium.path())?;
        if found < SEALED_SINCE {
            return Err(Fault::Older(found));
        }
        let (vault, epoch) = vault_and_epoch(&database.begin_read()?.open_table(META)?)?;
        if vault != ring.id() {
            let (path, detail) = (medium.path().to_owned(), "they are another store's".to_owned());
            return Err(Fault::Said(StoreError::Keys { path, detail }));
        }
        ring.settle(epoch).map_err(|error| Fault::Said(keys_error(error, medium.path())))?;
        // With the keys settled: what was sealed is read with those that the file names.
        if found < SCHEMA_VERSION {
            return Err(Fault::Older(found));
        }
        Ok((database, terminal))
    })
}

/// The schema's version, which this program reads.
fn schema_of(file: &DataFile) -> Result<u32, Fault> {
    let database = file.open()?;
    schema(&database.begin_read()?.open_table(META)?, &file.path)
}

fn schema(values: &impl ReadableTable<&'static str, &'static [u8]>, path: &Path) -> Result<u32, Fault> {
    let found = u32::from_be_bytes(meta(values, SCHEMA)?);
    if found > SCHEMA_VERSION {
        let newer = StoreError::Newer { path: path.to_owned(), found, supported: SCHEMA_VERSION };
        return Err(Fault::Said(newer));
    }
    if found == 0 {
        return Err(Fault::Damaged("its schema has version 0, which never was".to_owned()));
    }
    Ok(found)
}

/// Whose it is, and its schema's version.
pub(super) fn check(database: &Database, path: &Path) -> Result<(TerminalId, u32), Fault> {
    let transaction = database.begin_read()?;
    let values = transaction.open_table(META)?;
    let found = schema(&values, path)?;
    let terminal = TerminalId(Ulid::from_bytes(meta(&values, TERMINAL)?));
    let kept = kept_end(&values)?;
    let heads = transaction.open_table(HEADS)?;
    let last = match heads.last()? {
        None => ChainHead::empty(terminal),
        Some((sequence, row)) => {
            let (hash, _) = head_row(sequence.value(), row.value())?;
            ChainHead { sequence: crate::ledger::Sequence(sequence.value()), hash }
        }
    };
    if last != kept {
        let (last, kept) = (last.sequence, kept.sequence);
        return Err(Fault::Damaged(format!("its last entry is {last}, but {kept} was kept as the end")));
    }
    Ok((terminal, found))
}

impl Fault {
    /// What the file system said while doing `step` to the store. No file where one was is said as
    /// such by the system's own words.
    pub(super) fn io(step: &'static str, error: io::Error) -> Self {
        if error.kind() == ErrorKind::InvalidData {
            return Self::Damaged(error.to_string());
        }
        if let Some(state) = DiskState::of(&error) {
            return Self::Disk(state);
        }
        Self::Medium(format!("{step} the file: {error}"))
    }
}
