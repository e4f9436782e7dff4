//! Picture files as the engine takes them: bytes with a label, bounded.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::engine::command::PictureBytes;

/// Bytes of a picture file that are read at most; an uncompressed picture of 40 megapixels fits.
pub const SIZE_LIMIT_BYTES: u64 = 128 * 1024 * 1024;

/// The bytes of the file at `path`; of standard input, where that is `-`.
///
/// # Errors
/// What is wrong with it, with its name.
pub fn read(path: &Path) -> Result<PictureBytes, String> {
    if path == Path::new("-") {
        return read_from(&mut io::stdin().lock(), "standard input".to_owned());
    }
    let label = super::output::printable(&path.to_string_lossy()).into_owned();
    let mut file = fs::File::open(path).map_err(|error| format!("{label}: cannot be read: {error}"))?;
    if file.metadata().is_ok_and(|facts| facts.is_dir()) {
        return Err(format!("{label}: it is a folder; name the pictures in it"));
    }
    read_from(&mut file, label)
}

fn read_from(from: &mut dyn Read, label: String) -> Result<PictureBytes, String> {
    let mut bytes = Vec::new();
    from.take(SIZE_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{label}: cannot be read: {error}"))?;
    if bytes.len() as u64 > SIZE_LIMIT_BYTES {
        return Err(format!(
            "{label}: it has more than {SIZE_LIMIT_BYTES} bytes, which is the most that is read"
        ));
    }
    Ok(PictureBytes { label, bytes })
}
