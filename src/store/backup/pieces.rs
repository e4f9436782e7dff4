//! The rows of a backup, cut into pieces that are sealed one by one, so that no more than one is in memory.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ledger::Sha256Digest;
use crate::store::crypt::{Key, NoRandom, OVERHEAD};

/// Plain bytes of a piece at most.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of a key or a value at most. The longest there is are the parts of an erasure, at about six bytes an
/// entry, and crops.
const ROW_BYTES: u32 = 64 * 1024 * 1024;
/// The number of the table, and two lengths.
const ROW_HEAD: usize = 9;

/// Why a piece, or what it holds, is not one.
#[derive(Debug, thiserror::Error)]
pub enum PieceFault {
    /// It ends before its last piece.
    #[error("it ends within piece {0}")]
    Short(u64),
    /// A piece does not open.
    #[error("piece {0} does not open in its place")]
    Sealed(u64),
    /// There are bytes after the last piece.
    #[error("there is more after its last piece")]
    Trailing,
    /// The pieces open, and a row in them is none.
    #[error("a row in piece {0} cannot be one")]
    Row(u64),
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No nonce can be drawn.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

fn place(number: u64, is_last: bool) -> Vec<u8> {
    [b"muster backup piece".as_slice(), &number.to_be_bytes(), &[u8::from(is_last)]].concat()
}

/// Hashes and counts what passes.
struct Counted<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Counted<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn sum(self) -> FileSum {
        FileSum { digest: Sha256Digest(self.hash.finalize().into()), bytes: self.bytes }
    }
}

impl<W: Write> Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.pass(bytes);
        Ok(())
    }
}

impl<R: Read> Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.pass(bytes);
        Ok(())
    }
}

/// The SHA-256 and the size of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSum {
    /// The SHA-256 of all of it.
    pub digest: Sha256Digest,
    /// Its size.
    pub bytes: u64,
}

/// Writes rows.
pub struct PieceWriter<W> {
    out: Counted<W>,
    key: Key,
    piece: Zeroizing<Vec<u8>>,
    number: u64,
}

impl<W: Write> PieceWriter<W> {
    /// Writes `header` to `out`; the pieces are sealed under `key`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(out: W, header: &[u8], key: Key) -> io::Result<Self> {
        let mut out = Counted::new(out);
        out.write(header)?;
        Ok(Self { out, key, piece: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)), number: 0 })
    }

    /// Adds a row of the table `table`.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn row(&mut self, table: u8, key: &[u8], value: &[u8]) -> Result<(), PieceFault> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).ok().filter(|length| *length <= ROW_BYTES);
        let too_long = PieceFault::Row(self.number);
        let (Some(of_key), Some(of_value)) = (length(key), length(value)) else { return Err(too_long) };
        self.add(&[table])?;
        self.add(&of_key.to_be_bytes())?;
        self.add(&of_value.to_be_bytes())?;
        self.add(key)?;
        self.add(value)
    }

    /// Adds bytes that need not be a row; for showing that they are refused.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), PieceFault> {
        self.add(bytes)
    }

    fn add(&mut self, mut bytes: &[u8]) -> Result<(), PieceFault> {
        while !bytes.is_empty() {
            // A full piece goes out only when more comes: the last one must say that it is the last.
            if self.piece.len() == PIECE_BYTES {
                self.send(false)?;
            }
            let count = bytes.len().min(PIECE_BYTES - self.piece.len());
            self.piece.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    fn send(&mut self, is_last: bool) -> Result<(), PieceFault> {
        let sealed = self.key.seal(&place(self.number, is_last), &self.piece)?;
        let length = u32::try_from(sealed.len()).map_err(|_| PieceFault::Row(self.number))?;
        self.out.write(&[u8::from(is_last)])?;
        self.out.write(&length.to_be_bytes())?;
        self.out.write(&sealed)?;
        self.number += 1;
        self.piece.clear();
        Ok(())
    }

    /// Writes the last piece; what was written in all.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn finish(mut self) -> Result<FileSum, PieceFault> {
        self.send(true)?;
        Ok(self.out.sum())
    }
}

/// A row as it was written.
pub struct Row {
    /// The number of its table.
    pub table: u8,
    /// Its key.
    pub key: Zeroizing<Vec<u8>>,
    /// Its value.
    pub value: Zeroizing<Vec<u8>>,
}

/// Reads rows. What it gives was authenticated; that nothing is missing is known when it has come to the end.
pub struct PieceReader<R> {
    from: Counted<R>,
    key: Key,
    piece: Zeroizing<Vec<u8>>,
    at: usize,
    number: u64,
    was_last: bool,
    next: Option<Row>,
}

impl<R: Read> PieceReader<R> {
    /// Reads the pieces that follow `header`, which was read from `from` already.
    pub fn new(from: R, header: &[u8], key: Key) -> Self {
        let mut from = Counted::new(from);
        from.pass(header);
        Self { from, key, piece: Zeroizing::default(), at: 0, number: 0, was_last: false, next: None }
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), PieceFault> {
        let number = self.number;
        self.from.read(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => PieceFault::Short(number),
            _ => error.into(),
        })
    }

    fn load(&mut self) -> Result<(), PieceFault> {
        let (mut is_last, mut length) = ([0], [0; 4]);
        self.exactly(&mut is_last)?;
        self.exactly(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if is_last[0] > 1 || !(OVERHEAD..=PIECE_BYTES + OVERHEAD).contains(&length) {
            return Err(PieceFault::Sealed(self.number));
        }
        let mut sealed = vec![0; length];
        self.exactly(&mut sealed)?;
        self.was_last = is_last[0] == 1;
        let opened = self.key.open(&place(self.number, self.was_last), &sealed);
        self.piece = opened.map_err(|_| PieceFault::Sealed(self.number))?;
        (self.at, self.number) = (0, self.number + 1);
        if self.was_last {
            let mut more = [0];
            match self.from.inner.read(&mut more)? {
                0 => {}
                _ => return Err(PieceFault::Trailing),
            }
        }
        Ok(())
    }

    /// Takes `count` bytes that may lie in several pieces; none where there is nothing more at all.
    fn take(&mut self, count: usize) -> Result<Option<Zeroizing<Vec<u8>>>, PieceFault> {
        // No more room than there are bytes: a length alone must not cost memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(count.min(PIECE_BYTES)));
        while bytes.len() < count {
            if self.at == self.piece.len() {
                match (self.was_last, bytes.is_empty()) {
                    (true, true) => return Ok(None),
                    (true, false) => return Err(PieceFault::Row(self.number)),
                    (false, _) => self.load()?,
                }
                continue;
            }
            let end = (self.at + count - bytes.len()).min(self.piece.len());
            bytes.extend_from_slice(&self.piece[self.at..end]);
            self.at = end;
        }
        Ok(Some(bytes))
    }

    fn read(&mut self) -> Result<Option<Row>, PieceFault> {
        let Some(head) = self.take(ROW_HEAD)? else { return Ok(None) };
        let number = |at: usize| head[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        let (table, of_key, of_value) = (head[0], number(1), number(5));
        if of_key > ROW_BYTES || of_value > ROW_BYTES {
            return Err(PieceFault::Row(self.number));
        }
        let (key, value) = (self.take_whole(of_key as usize)?, self.take_whole(of_value as usize)?);
        Ok(Some(Row { table, key, value }))
    }

    fn take_whole(&mut self, count: usize) -> Result<Zeroizing<Vec<u8>>, PieceFault> {
        if count == 0 {
            return Ok(Zeroizing::default());
        }
        self.take(count)?.ok_or(PieceFault::Row(self.number))
    }

    /// The next row, where it is one of `table`.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn next_of(&mut self, table: u8) -> Result<Option<Row>, PieceFault> {
        if self.table()? == Some(table) { Ok(self.next.take()) } else { Ok(None) }
    }

    /// The table of the next row; none at the end.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn table(&mut self) -> Result<Option<u8>, PieceFault> {
        if self.next.is_none() {
            self.next = self.read()?;
        }
        Ok(self.next.as_ref().map(|row| row.table))
    }

    /// Reads to the end, which shows that all is there; what was read in all.
    ///
    /// # Errors
    /// [`PieceFault`]
    pub fn finish(mut self) -> Result<FileSum, PieceFault> {
        self.next = None;
        while self.read()?.is_some() {}
        Ok(self.from.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::from_bytes([4; 32])
    }

    /// Rows that fill several pieces, of which one begins in one piece and ends in the third.
    fn rows() -> Vec<(u8, Vec<u8>, Vec<u8>)> {
        vec![
            (1, b"a".to_vec(), vec![]),
            (1, vec![], b"b".to_vec()),
            (2, b"long".to_vec(), (0..PIECE_BYTES * 2 + 17).map(|n| n as u8).collect()),
            (3, b"after".to_vec(), vec![7; PIECE_BYTES]),
        ]
    }

    fn written(rows: &[(u8, Vec<u8>, Vec<u8>)]) -> (Vec<u8>, FileSum) {
        let mut bytes = Vec::new();
        let mut writer = PieceWriter::begin(&mut bytes, b"head", key()).unwrap();
        for (table, key, value) in rows {
            writer.row(*table, key, value).unwrap();
        }
        let sum = writer.finish().unwrap();
        (bytes, sum)
    }

    type Row = (u8, Vec<u8>, Vec<u8>);

    fn read(bytes: &[u8]) -> Result<(Vec<Row>, FileSum), PieceFault> {
        let Some(rest) = bytes.strip_prefix(b"head") else { return Err(PieceFault::Short(0)) };
        let mut reader = PieceReader::new(rest, b"head", key());
        let mut rows = Vec::new();
        while let Some(table) = reader.table()? {
            let row = reader.next_of(table)?.unwrap();
            assert!(reader.next_of(200)?.is_none());
            rows.push((row.table, row.key.to_vec(), row.value.to_vec()));
        }
        Ok((rows, reader.finish()?))
    }

    #[test]
    fn rows_are_read_back_with_the_sum_of_the_file() {
        let (bytes, sum) = written(&rows());
        let (found, again) = read(&bytes).unwrap();
        assert!(found == rows());
        assert_eq!((again, sum.bytes), (sum, bytes.len() as u64));
        assert_eq!(sum.digest.0, <[u8; 32]>::from(Sha256::digest(&bytes)));
        let (bytes, sum) = written(&[]);
        assert_eq!(read(&bytes).unwrap(), (vec![], sum));
    }

    /// Where each piece of `bytes` begins, after the four bytes of the header.
    fn starts(bytes: &[u8]) -> Vec<usize> {
        let mut at = 4;
        let mut starts = Vec::new();
        while at < bytes.len() {
            starts.push(at);
            let length: [u8; 4] = bytes[at + 1..at + 5].try_into().unwrap();
            at += 5 + u32::from_be_bytes(length) as usize;
        }
        starts
    }

    #[test]
    fn what_is_cut_changed_repeated_or_out_of_place_is_noticed() {
        let (bytes, _) = written(&rows());
        let starts = starts(&bytes);
        assert_eq!(starts.len(), 4);
        for cut in [4, 5, 8, 9, starts[1] - 1, starts[1], starts[3], bytes.len() - 1] {
            assert!(matches!(read(&bytes[..cut]), Err(PieceFault::Short(_))), "cut at {cut}");
        }
        for at in starts.iter().flat_map(|start| [*start, start + 1, start + 5, start + 100]) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
        }
        let piece = |n: usize| &bytes[starts[n]..starts[n + 1]];
        let last = &bytes[starts[3]..];
        let head = &bytes[..4];
        for (what, changed) in [
            ("swapped", [head, piece(1), piece(0), piece(2), last].concat()),
            ("left out", [head, piece(0), piece(2), last].concat()),
            ("repeated", [head, piece(0), piece(0), piece(1), piece(2), last].concat()),
            ("without its end", [head, piece(0), piece(1), piece(2)].concat()),
            ("with more", [&bytes[..], &[0]].concat()),
        ] {
            assert!(read(&changed).is_err(), "{what}");
        }
        // The last one is marked as another, or another as the last.
        for n in [2, 3] {
            let mut changed = bytes.clone();
            changed[starts[n]] ^= 1;
            assert!(matches!(read(&changed), Err(PieceFault::Sealed(_))), "piece {n}");
        }
    }
}
