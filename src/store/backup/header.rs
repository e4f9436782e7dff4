//! What a backup begins with.

use std::io::{self, Read};

use chrono::{DateTime, Utc};
use ulid::Ulid;

use crate::ledger::{ChainHead, Sequence, Sha256Digest, TerminalId};
use crate::store::crypt::{KEY_BYTES, OVERHEAD, vault};

const MAGIC: &[u8; 16] = b"muster backup 1\n";
const WRAPPED_BYTES: usize = KEY_BYTES + OVERHEAD;

/// Whose a backup is, how far it goes, and what opens it.
///
/// Layout, numbers big-endian: `muster backup 1\n`, the schema's version (4 bytes), the terminal (16), the end of
/// the ledger as sequence (8) and hash (32), the number of entries (8), microseconds since 1970 (8), the length
/// of the file of keys (2) and that file, and the wrapped key of the pieces (72).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The version of the layout of the rows.
    pub schema: u32,
    /// Whose it is.
    pub terminal: TerminalId,
    /// Where its ledger ends.
    pub end: ChainHead,
    /// How many entries there are.
    pub entries: u64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The file of wrapped keys, as it lay beside the store.
    pub vault: Vec<u8>,
    /// The key of the pieces, wrapped by the store key.
    pub wrapped_key: Vec<u8>,
}

/// Why a file does not begin as a backup.
#[derive(Debug, thiserror::Error)]
pub enum HeaderFault {
    /// Something else stands there.
    #[error("it does not begin with `muster backup 1`")]
    Magic,
    /// It ends in the header.
    #[error("it ends within its first bytes")]
    Short,
    /// A value that cannot be.
    #[error("its {0} cannot be")]
    Value(&'static str),
    /// It is not what its wrapped key was sealed with.
    #[error("its header was changed")]
    Sealed,
    /// The file system said no.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for HeaderFault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Short } else { Self::Io(error) }
    }
}

impl Header {
    /// What stands before the wrapped key, and is authenticated with it.
    pub fn place(&self) -> Vec<u8> {
        let vault_bytes = u16::try_from(self.vault.len()).unwrap_or(u16::MAX);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.schema.to_be_bytes());
        bytes.extend(self.terminal.0.to_bytes());
        bytes.extend(self.end.sequence.0.to_be_bytes());
        bytes.extend(self.end.hash.0);
        bytes.extend(self.entries.to_be_bytes());
        bytes.extend(self.made_at.timestamp_micros().to_be_bytes());
        bytes.extend(vault_bytes.to_be_bytes());
        bytes.extend(&self.vault);
        bytes
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        [self.place(), self.wrapped_key.clone()].concat()
    }

    /// Reads one from the front of a file.
    ///
    /// # Errors
    /// [`HeaderFault`]
    pub fn read(from: &mut impl Read) -> Result<Self, HeaderFault> {
        let magic: [u8; 16] = take(from)?;
        if magic != *MAGIC {
            return Err(HeaderFault::Magic);
        }
        let schema = u32::from_be_bytes(take(from)?);
        let terminal = TerminalId(Ulid::from_bytes(take(from)?));
        let sequence = Sequence(u64::from_be_bytes(take(from)?));
        let end = ChainHead { sequence, hash: Sha256Digest(take(from)?) };
        let entries = u64::from_be_bytes(take(from)?);
        let made_at = DateTime::from_timestamp_micros(i64::from_be_bytes(take(from)?));
        let made_at = made_at.ok_or(HeaderFault::Value("time"))?;
        let vault_bytes = u16::from_be_bytes(take(from)?);
        if u64::from(vault_bytes) > vault::LONGEST {
            return Err(HeaderFault::Value("file of keys"));
        }
        let mut vault = vec![0; usize::from(vault_bytes)];
        from.read_exact(&mut vault)?;
        let mut wrapped_key = vec![0; WRAPPED_BYTES];
        from.read_exact(&mut wrapped_key)?;
        Ok(Self { schema, terminal, end, entries, made_at, vault, wrapped_key })
    }
}

fn take<const N: usize>(from: &mut impl Read) -> Result<[u8; N], io::Error> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            schema: 4,
            terminal: TerminalId(Ulid(7)),
            end: ChainHead { sequence: Sequence(3), hash: Sha256Digest([1; 32]) },
            entries: 3,
            made_at: DateTime::from_timestamp_micros(5).unwrap(),
            vault: b"keys".to_vec(),
            wrapped_key: vec![2; WRAPPED_BYTES],
        }
    }

    #[test]
    fn what_is_written_is_read_and_the_layout_is_frozen() {
        let bytes = header().bytes();
        assert_eq!(Header::read(&mut bytes.as_slice()).unwrap(), header());
        assert_eq!(bytes.len(), 16 + 4 + 16 + 40 + 8 + 8 + 2 + 4 + 72);
        assert!(bytes.starts_with(b"muster backup 1\n\0\0\0\x04"));
        for cut in 16..bytes.len() {
            assert!(matches!(Header::read(&mut &bytes[..cut]), Err(HeaderFault::Short)), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_backup_is_refused() {
        let with = |at: usize, value: &[u8]| {
            let mut bytes = header().bytes();
            bytes[at..at + value.len()].copy_from_slice(value);
            Header::read(&mut bytes.as_slice())
        };
        assert!(matches!(with(0, b"x"), Err(HeaderFault::Magic)));
        assert!(matches!(with(84, &i64::MAX.to_be_bytes()), Err(HeaderFault::Value("time"))));
        assert!(matches!(with(92, &[255, 255]), Err(HeaderFault::Value(_))));
    }
}
