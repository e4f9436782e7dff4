//! Messages as bytes with their length before them.

use std::io::{self, Read, Write};

/// Why no message came.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side has closed, between two messages.
    #[error("the other side has closed the connection")]
    Closed,
    /// The message is longer than it may be.
    #[error("a message of {bytes} bytes came, and {most} is the most")]
    TooLong {
        /// What it says it has.
        bytes: u32,
        /// What it may have.
        most: u32,
    },
    /// The bytes are no message of this protocol.
    #[error("what came is no message of this version")]
    Malformed,
    /// The socket failed, or closed within a message.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Memory is taken in steps of this many bytes, as they come.
const STEP: usize = 64 * 1_024;

/// Reads one message of at most `most` bytes into `into`.
///
/// # Errors
/// [`FrameError`]
pub fn read(from: &mut impl Read, most: u32, into: &mut Vec<u8>) -> Result<(), FrameError> {
    into.clear();
    into.shrink_to(STEP);
    let mut length = [0u8; 4];
    let mut have = 0;
    while have < length.len() {
        match from.read(&mut length[have..]) {
            Ok(0) if have == 0 => return Err(FrameError::Closed),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let bytes = u32::from_le_bytes(length);
    if bytes > most {
        return Err(FrameError::TooLong { bytes, most });
    }
    let mut left = bytes as usize;
    while left > 0 {
        let step = left.min(STEP);
        let begin = into.len();
        into.resize(begin + step, 0);
        from.read_exact(&mut into[begin..])?;
        left -= step;
    }
    Ok(())
}

/// A message with its length before it; none where it is longer than a length can say.
pub fn framed(message: &impl serde::Serialize) -> Option<Vec<u8>> {
    let framed = postcard::to_extend(message, vec![0u8; 4]).ok()?;
    with_length(framed)
}

fn with_length(mut framed: Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::try_from(framed.len() - 4).ok()?;
    framed[..4].copy_from_slice(&length.to_le_bytes());
    Some(framed)
}

/// Writes what [`framed`] made.
///
/// # Errors
/// Where the other side is gone, or does not read in the time that the socket allows.
pub fn write(to: &mut impl Write, framed: &[u8]) -> io::Result<()> {
    to.write_all(framed)
}

/// A message from the bytes of a frame. All of them must belong to it.
///
/// # Errors
/// [`FrameError::Malformed`]
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(FrameError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_and_the_next_after_it() {
        let mut line = framed(&("one", 1u8)).unwrap();
        line.extend(framed(&("two", 2u8)).unwrap());
        let (mut from, mut bytes) = (line.as_slice(), Vec::new());
        for expected in [("one".to_owned(), 1u8), ("two".to_owned(), 2)] {
            read(&mut from, 64, &mut bytes).unwrap();
            assert_eq!(decode::<(String, u8)>(&bytes).unwrap(), expected);
        }
        assert!(matches!(read(&mut from, 64, &mut bytes), Err(FrameError::Closed)));
    }

    #[test]
    fn what_is_too_long_cut_short_or_more_than_a_message_is_refused() {
        let mut bytes = Vec::new();
        let long = 65u32.to_le_bytes();
        let refused = read(&mut long.as_slice(), 64, &mut bytes).unwrap_err();
        assert!(matches!(refused, FrameError::TooLong { bytes: 65, most: 64 }));
        // A length that promises much and brings nothing takes no memory for it.
        let promise = u32::MAX.to_le_bytes();
        assert!(matches!(read(&mut promise.as_slice(), u32::MAX, &mut bytes), Err(FrameError::Io(_))));
        assert!(bytes.capacity() <= 2 * STEP, "{}", bytes.capacity());
        let whole = framed(&"hello").unwrap();
        for end in 1..whole.len() {
            assert!(matches!(read(&mut &whole[..end], 64, &mut bytes), Err(FrameError::Io(_))), "{end}");
        }
        assert!(matches!(decode::<u8>(&[1, 2]), Err(FrameError::Malformed)));
    }
}
