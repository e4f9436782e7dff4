//! The tables as rows of a backup, and back.
//!
//! The numbers of the tables are part of the file's layout. Every table of the store is named here but those
//! whose keys are computed under the epoch key: they are made anew from what they look up. A store with a
//! table that is not named is not backed up, rather than without it.

use std::io::{Read, Write};

use redb::{Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableError, TableHandle, Value};

use crate::store::backup::pieces::{PieceFault, PieceReader, PieceWriter, Row};
use crate::store::crypt::NotOpened;
use crate::store::crypt::ring::{Ring, Subject};

use super::tables::{
    BACKUPS, BY_HELD_TIME, BY_PERSON, BY_TIME, CORRECTIONS, CROPS, CURSORS, EPOCH, ERASED, FEED, HEADS,
    IDENTIFIERS, KEYS, META, OPERATORS, PARTS, PEOPLE, POINTS, SCHEMA, STRANGERS, TEMPLATES, TEMPLATES_OF,
    TERMINAL, VAULT,
};
use super::{Fault, write_transaction};

/// Bytes of rows that are written in one transaction.
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The number of the table of single values.
const OF_META: u8 = 1;
/// The number of the table of keys.
const OF_KEYS: u8 = 2;
/// Values that a new file has of its own.
const OWN_VALUES: [&str; 4] = [SCHEMA, TERMINAL, VAULT, EPOCH];

/// Calls `$each` with the number and the definition of every table whose rows are copied as they are.
macro_rules! for_each_table {
    ($each:ident) => {
        $each!(3, PEOPLE);
        $each!(4, TEMPLATES);
        $each!(5, TEMPLATES_OF);
        $each!(6, CROPS);
        $each!(7, STRANGERS);
        $each!(8, FEED);
        $each!(9, POINTS);
        $each!(10, HEADS);
        $each!(11, PARTS);
        $each!(12, BY_PERSON);
        $each!(13, BY_TIME);
        $each!(14, ERASED);
        $each!(15, BACKUPS);
        $each!(16, BY_HELD_TIME);
        $each!(17, CORRECTIONS);
        $each!(18, OPERATORS);
        $each!(19, CURSORS);
    };
}

/// What goes wrong in writing pieces.
impl From<PieceFault> for Fault {
    fn from(fault: PieceFault) -> Self {
        match fault {
            PieceFault::Io(error) => Self::Output(error),
            fault => Self::Medium(fault.to_string()),
        }
    }
}

/// Writes every row of a snapshot.
pub(super) fn dump(from: &ReadTransaction, to: &mut PieceWriter<impl Write>) -> Result<(), Fault> {
    let mut known: Vec<String> = [META.name(), KEYS.name(), IDENTIFIERS.name()].map(str::to_owned).to_vec();
    macro_rules! name {
        ($number:expr, $table:expr) => {
            known.push($table.name().to_owned());
        };
    }
    for_each_table!(name);
    for table in from.list_tables()? {
        if !known.iter().any(|name| name == table.name()) {
            let why = format!("the store has a table {:?}, which this muster does not back up", table.name());
            return Err(Fault::Unwritable(why));
        }
    }
    each(from, META, |name, value| {
        if OWN_VALUES.contains(&name) { Ok(()) } else { Ok(to.row(OF_META, name.as_bytes(), value)?) }
    })?;
    dump_table(from, OF_KEYS, KEYS, to)?;
    macro_rules! write {
        ($number:expr, $table:expr) => {
            dump_table(from, $number, $table, to)?;
        };
    }
    for_each_table!(write);
    Ok(())
}

fn dump_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    number: u8,
    table: TableDefinition<K, V>,
    to: &mut PieceWriter<impl Write>,
) -> Result<(), Fault> {
    each(from, table, |key, value| {
        Ok(to.row(number, K::as_bytes(&key).as_ref(), V::as_bytes(&value).as_ref())?)
    })
}

/// Hands every row of a table on; one that is not there has none.
pub(super) fn each<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    table: TableDefinition<K, V>,
    mut take: impl for<'a> FnMut(K::SelfType<'a>, V::SelfType<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let table = match from.open_table(table) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for row in table.iter()? {
        let (key, value) = row?;
        take(key.value(), value.value())?;
    }
    Ok(())
}

/// Why rows are not those of a store.
#[derive(Debug)]
pub(super) enum LoadFault {
    /// The file they are read from.
    Piece(PieceFault),
    /// What they say.
    Content(String),
    /// The database they are written into.
    Store(Fault),
}

impl<E: Into<Fault>> From<E> for LoadFault {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Writes every row that `rows` gives into `to`, which holds what a new store holds. Keys, which `from` wraps,
/// are wrapped by `ring`.
pub(super) fn load<R: Read>(
    rows: &mut PieceReader<R>,
    to: &Database,
    from: &Ring,
    ring: &Ring,
) -> Result<(), LoadFault> {
    load_table(rows, to, OF_META, META, |row| match std::str::from_utf8(&row.key) {
        Ok(name) if !OWN_VALUES.contains(&name) => Ok(row),
        _ => Err(LoadFault::Content("a value has no name of one".to_owned())),
    })?;
    load_table(rows, to, OF_KEYS, KEYS, |mut row| {
        let content = |what: &str| LoadFault::Content(what.to_owned());
        let (kind, id) = row.key.split_first().ok_or_else(|| content("a key is nobody's"))?;
        let id = <[u8; 16]>::try_from(id).map_err(|_| content("a key is nobody's"))?;
        // As redb lays a number out.
        let subject = Subject::from_numbers((*kind, u128::from_le_bytes(id)));
        let subject = subject.ok_or_else(|| content("a key is of no known kind"))?;
        let key = from.unwrap(subject, &row.value);
        let key = key.map_err(|NotOpened| content("a key does not open with that of its epoch"))?;
        *row.value = ring.wrap(subject, &key)?;
        Ok(row)
    })?;
    macro_rules! read {
        ($number:expr, $table:expr) => {
            load_table(rows, to, $number, $table, Ok)?;
        };
    }
    for_each_table!(read);
    match rows.table().map_err(LoadFault::Piece)? {
        None => Ok(()),
        Some(table) => Err(LoadFault::Content(format!("it has rows of a table {table} there"))),
    }
}

fn load_table<K: Key + 'static, V: Value + 'static, R: Read>(
    rows: &mut PieceReader<R>,
    to: &Database,
    number: u8,
    table: TableDefinition<K, V>,
    mut change: impl FnMut(Row) -> Result<Row, LoadFault>,
) -> Result<(), LoadFault> {
    let fits = |width: Option<usize>, bytes: &[u8]| width.is_none_or(|width| width == bytes.len());
    while rows.table().map_err(LoadFault::Piece)? == Some(number) {
        let transaction = write_transaction(to)?;
        let mut written = transaction.open_table(table)?;
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(row) = rows.next_of(number).map_err(LoadFault::Piece)?
        {
            let row = change(row)?;
            if !fits(K::fixed_width(), &row.key) || !fits(V::fixed_width(), &row.value) {
                let name = table.name();
                return Err(LoadFault::Content(format!("a row of its table {name:?} has another size")));
            }
            bytes += row.key.len() + row.value.len();
            written.insert(K::from_bytes(&row.key), V::from_bytes(&row.value))?;
        }
        drop(written);
        transaction.commit()?;
    }
    Ok(())
}
