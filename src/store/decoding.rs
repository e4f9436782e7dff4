//! Every way in which bytes of a file become something of the store: one entry for the fuzz target and for the
//! seeded test, which both show that whatever the bytes are, it is read or refused.

use ulid::Ulid;

use crate::access::OperatorId;
use crate::attendance::{PersonId, StrangerId};
use crate::face::TemplateId;
use crate::ledger::{Head, PartKind, Parts, StoredPart};

use super::backup::header::Header;
use super::backup::pieces::{PieceReader, PieceWriter};
use super::crypt::Key;
use super::crypt::vault::Sealed;
use super::{erasures, redb, rows};

/// What came of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// They are nothing of that kind.
    Refused,
    /// They were read, and what was read has these bytes again.
    Same,
    /// They were read, and what was read has other bytes: something that a hash or a seal covers was lost.
    Other,
}

fn compared(bytes: &[u8], again: Option<Vec<u8>>) -> Reading {
    match again {
        None => Reading::Refused,
        Some(again) if again == bytes => Reading::Same,
        Some(_) => Reading::Other,
    }
}

/// Where only that it was read or not can be said.
fn read_or_not(read: bool) -> Reading {
    if read { Reading::Same } else { Reading::Refused }
}

/// How many kinds of things there are.
pub const KINDS: u8 = 13;

/// Reads all but the first byte as what the first byte names. A panic is a fault, and so is
/// [`Reading::Other`].
pub fn read(bytes: &[u8]) -> Reading {
    let Some((kind, bytes)) = bytes.split_first() else { return Reading::Refused };
    let id = Ulid(5);
    match *kind {
        // A layout that is read may be of an older version, and is written in the present one.
        0 => read_or_not(rows::person(PersonId(id), bytes).is_ok()),
        1 => read_or_not(rows::template(TemplateId(id), bytes).is_ok()),
        2 => read_or_not(rows::stranger(StrangerId(id), bytes).is_ok()),
        3 => read_or_not(rows::operator(OperatorId(id), bytes).is_ok()),
        4 => compared(bytes, Head::from_canonical_bytes(bytes).ok().map(|head| head.canonical_bytes())),
        5 => read_or_not(part(PartKind::Record, bytes)),
        6 => read_or_not(part(PartKind::Evidence, bytes)),
        7 => read_or_not(part(PartKind::Note, bytes)),
        8 => vault(bytes),
        9 => header(bytes),
        10 => read_or_not(pieces(bytes)),
        11 => read_or_not(std::str::from_utf8(bytes).is_ok_and(|text| erasures::parse(text).is_ok())),
        12 => read_or_not(redb::read_frame(bytes)),
        _ => Reading::Refused,
    }
}

fn part(kind: PartKind, bytes: &[u8]) -> bool {
    Parts::default().put(&StoredPart { kind, salt: [0; 16], bytes: bytes.to_vec() }).is_ok()
}

fn vault(bytes: &[u8]) -> Reading {
    match Sealed::read(bytes) {
        Err(_) => Reading::Refused,
        // One of layout 1, or whose keys come out of order, is written anew; that must say the same.
        Ok(vault) => match Sealed::read(&vault.bytes()) {
            Ok(again) if again == vault => Reading::Same,
            _ => Reading::Other,
        },
    }
}

fn header(mut bytes: &[u8]) -> Reading {
    let whole = bytes;
    match Header::read(&mut bytes) {
        Err(_) => Reading::Refused,
        Ok(header) => compared(&whole[..whole.len() - bytes.len()], Some(header.bytes())),
    }
}

/// Pieces as a file holds them, and then rows as pieces hold them: bytes that are sealed in their place.
fn pieces(bytes: &[u8]) -> bool {
    let key = || Key::from_bytes([4; 32]);
    let mut rows = PieceReader::new(bytes, b"", key());
    let as_file = loop {
        match rows.table() {
            Ok(None) => break rows.finish().is_ok(),
            Ok(Some(table)) => drop(rows.next_of(table)),
            Err(_) => break false,
        }
    };
    let mut sealed = Vec::new();
    let written = PieceWriter::begin(&mut sealed, b"", key()).ok();
    let written = written.and_then(|mut pieces| pieces.raw(bytes).ok().and_then(|()| pieces.finish().ok()));
    let mut rows = PieceReader::new(sealed.as_slice(), b"", key());
    let mut as_rows = written.is_some();
    while as_rows {
        match rows.table() {
            Ok(None) => break,
            Ok(Some(table)) => drop(rows.next_of(table)),
            Err(_) => as_rows = false,
        }
    }
    as_file || as_rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds() -> Vec<(String, Vec<u8>)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/store");
        let mut seeds: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        seeds.sort();
        seeds
    }

    #[test]
    fn every_kind_has_a_seed_that_is_read() {
        let seeds = seeds();
        for (name, bytes) in &seeds {
            assert_eq!(read(bytes), Reading::Same, "{name}");
        }
        for kind in 0..KINDS {
            assert!(seeds.iter().any(|(_, bytes)| bytes.first() == Some(&kind)), "kind {kind} has none");
        }
    }

    /// Seeded: bytes of the seeds are changed, cut, doubled and put together; whatever comes is read or refused.
    #[test]
    fn mutations_are_read_or_refused() {
        let seed: u64 = std::env::var("MUSTER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5EED);
        let runs: u64 = std::env::var("MUSTER_FUZZ_RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(20_000);
        println!("MUSTER_SEED={seed} MUSTER_FUZZ_RUNS={runs}");
        let seeds = seeds();
        let mut state = seed;
        let mut next = |below: usize| {
            // Knuth's linear congruential generator (MMIX); the high bits are the good ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        let mut refused = 0;
        for _ in 0..runs {
            let mut bytes = seeds[next(seeds.len())].1.clone();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(6) {
                    0 => bytes[at] ^= 1 << next(8),
                    1 => bytes[at] = [0, 0xFF, 0x7F, 0x80][next(4)],
                    2 => bytes.truncate(at.max(1)),
                    3 => bytes.insert(at, next(256) as u8),
                    4 if bytes.len() < 10_000 => bytes.extend_from_within(at..),
                    _ => bytes[0] = next(usize::from(KINDS) + 1) as u8,
                }
            }
            let reading = read(&bytes);
            assert_ne!(reading, Reading::Other, "{bytes:02x?}");
            refused += u64::from(reading == Reading::Refused);
        }
        assert!(refused > runs / 4 && refused < runs, "{refused} of {runs} were refused");
    }
}
