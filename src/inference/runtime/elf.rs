//! Whether a file is a whole shared library for this processor, by its ELF headers (System V ABI,
//! chapter 4). The dynamic loader maps what the headers speak of without asking whether the file is
//! long enough, and touching what is missing kills the process with SIGBUS.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{HINT, refused};
use crate::inference::InferenceError;

const HEADER_BYTES: usize = 64;
const SHARED_OBJECT: u16 = 3;
const SECTION_WITHOUT_BYTES: u32 = 8;
/// Far more headers than any library has: bounds the reading of a damaged file.
const MOST_HEADERS: u64 = 4096;

/// What this program was built for: the `e_machine` of libraries that it can load.
const THIS_MACHINE: Option<(u16, &str)> = if cfg!(target_arch = "x86_64") {
    Some((62, "x86_64"))
} else if cfg!(target_arch = "aarch64") {
    Some((183, "aarch64"))
} else {
    None
};

/// Refuses what is no whole shared library for this processor.
pub(super) fn check(path: &Path) -> Result<(), InferenceError> {
    let examined = File::open(path).map_err(|error| error.to_string()).and_then(|file| {
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        examine(&file, length)
    });
    examined.map_err(|detail| refused(path, &detail, HINT))
}

fn examine(file: &File, length: u64) -> Result<(), String> {
    let header: [u8; HEADER_BYTES] = bytes(file, 0, length)?;
    if header[..4] != *b"\x7fELF" {
        return Err("it is no shared library (no ELF header)".to_owned());
    }
    if header[4] != 2 || header[5] != 1 {
        return Err("it is no 64-bit little-endian library".to_owned());
    }
    if u16_at(&header, 16) != SHARED_OBJECT {
        return Err("it is a program or object file, not a shared library".to_owned());
    }
    if let Some((machine, name)) = THIS_MACHINE
        && u16_at(&header, 18) != machine
    {
        return Err(format!("it is for another processor than {name}"));
    }
    let program = Table { at: u64_at(&header, 32), size: u16_at(&header, 54), count: u16_at(&header, 56) };
    for entry in program.entries::<56>(file, length, "program headers")? {
        inside(u64_at(&entry, 8), u64_at(&entry, 32), length)?;
    }
    let section = Table { at: u64_at(&header, 40), size: u16_at(&header, 58), count: u16_at(&header, 60) };
    for entry in section.entries::<64>(file, length, "section headers")? {
        if u32_at(&entry, 4) != SECTION_WITHOUT_BYTES {
            inside(u64_at(&entry, 24), u64_at(&entry, 32), length)?;
        }
    }
    Ok(())
}

/// A table of headers: where it begins, the size of an entry, and how many there are.
struct Table {
    at: u64,
    size: u16,
    count: u16,
}

impl Table {
    fn entries<const N: usize>(&self, file: &File, length: u64, what: &str) -> Result<Vec<[u8; N]>, String> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        if usize::from(self.size) < N || u64::from(self.count) > MOST_HEADERS {
            return Err(format!("its {what} make no sense"));
        }
        (0..u64::from(self.count))
            .map(|index| bytes(file, self.at.saturating_add(index * u64::from(self.size)), length))
            .collect()
    }
}

fn bytes<const N: usize>(file: &File, at: u64, length: u64) -> Result<[u8; N], String> {
    inside(at, N as u64, length)?;
    let mut buffer = [0; N];
    file.read_exact_at(&mut buffer, at).map_err(|error| error.to_string())?;
    Ok(buffer)
}

fn inside(at: u64, size: u64, length: u64) -> Result<(), String> {
    match at.checked_add(size) {
        Some(end) if end <= length => Ok(()),
        Some(end) => Err(format!("it was cut short: it should have at least {end} bytes and has {length}")),
        None => Err("its headers make no sense".to_owned()),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library of 400 bytes: one segment of all of it, and one section table at its end.
    fn library() -> Vec<u8> {
        let mut bytes = vec![0u8; 400];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16..18].copy_from_slice(&SHARED_OBJECT.to_le_bytes());
        bytes[18..20].copy_from_slice(&THIS_MACHINE.unwrap().0.to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[40..48].copy_from_slice(&336u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
        bytes[58..60].copy_from_slice(&64u16.to_le_bytes());
        bytes[60..62].copy_from_slice(&1u16.to_le_bytes());
        bytes[64 + 32..64 + 40].copy_from_slice(&300u64.to_le_bytes());
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        check(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_library_passes_and_one_cut_anywhere_does_not() {
        let whole = library();
        checked(&whole).unwrap();
        for length in 0..whole.len() {
            assert!(checked(&whole[..length]).unwrap_err().contains("cut short"), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_segment_or_section_past_the_end_is_refused() {
        let mut segment = library();
        segment[64 + 32..64 + 40].copy_from_slice(&401u64.to_le_bytes());
        assert!(checked(&segment).unwrap_err().contains("at least 401 bytes"));
        let mut section = library();
        section[336 + 4] = 1;
        section[336 + 32..336 + 40].copy_from_slice(&500u64.to_le_bytes());
        assert!(checked(&section).unwrap_err().contains("at least 500 bytes"));
        section[336 + 4] = SECTION_WITHOUT_BYTES as u8;
        checked(&section).unwrap();
        let mut wraps = library();
        wraps[64 + 8..64 + 16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(checked(&wraps).unwrap_err().contains("make no sense"));
    }

    #[test]
    fn other_files_are_refused_for_what_they_are() {
        for (at, value, message) in [
            (0, b'x', "no shared library"),
            (4, 1, "64-bit"),
            (16, 2, "program or object file"),
            (18, 99, "another processor"),
            (54, 8, "make no sense"),
        ] {
            let mut bytes = library();
            bytes[at] = value;
            let error = checked(&bytes).unwrap_err();
            assert!(error.contains(message) && error.contains("muster setup"), "{error}");
        }
    }
}
