//! Pictures out of a pipe, each as a PPM (netpbm's binary portable pixmap, `P6`) with its own size.

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use crate::capture::frame::RgbPicture;
use crate::capture::pool::PicturePool;

/// The shortest header there is: `P6\n1 1\n255\n`. So much can be read without reading past it.
const SHORTEST_HEADER: usize = 11;
/// The longest that is taken for one; two numbers of four digits need 17.
const LONGEST_HEADER: usize = 24;
/// The longest side that is taken, in pixels; the child is told to send less.
const LONGEST_SIDE: u32 = 4096;

/// What came of reading.
#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// There is nothing more to read at the moment.
    Waiting,
    /// A picture is whole.
    Picture(RgbPicture),
    /// The pipe was closed.
    Ended,
    /// What came is no picture.
    Junk,
}

/// Puts pictures together from what the pipe holds, piece by piece.
#[derive(Default)]
pub(super) struct PictureReader {
    header: Vec<u8>,
    /// The picture that is being filled, and how far it is.
    partial: Option<(u32, u32, Arc<Vec<u8>>, usize)>,
    pool: PicturePool,
}

impl PictureReader {
    /// Reads until a picture is whole or `pipe` has nothing more; `pipe` does not block.
    pub(super) fn read(&mut self, pipe: &mut impl Read) -> Progress {
        loop {
            let step = match &mut self.partial {
                Some((width, height, data, filled)) => {
                    let Some(buffer) = Arc::get_mut(data) else { return Progress::Junk };
                    match read_some(pipe, &mut buffer[*filled..]) {
                        Ok(count) => {
                            *filled += count;
                            if *filled < buffer.len() {
                                continue;
                            }
                            self.pool.keep(data);
                            let whole = RgbPicture::new(*width, *height, Arc::clone(data));
                            self.partial = None;
                            return whole.map_or(Progress::Junk, Progress::Picture);
                        }
                        Err(step) => step,
                    }
                }
                None => {
                    let have = self.header.len();
                    self.header.resize(have.max(SHORTEST_HEADER - 1) + 1, 0);
                    let read = read_some(pipe, &mut self.header[have..]);
                    self.header.truncate(have + read.as_ref().map_or(0, |count| *count));
                    match read {
                        Ok(_) => match header(&self.header) {
                            Header::Whole(width, height) => {
                                self.header.clear();
                                let length = width as usize * height as usize * 3;
                                // Read into in place and never copied.
                                let data = self.pool.take(length);
                                self.partial = Some((width, height, data, 0));
                                continue;
                            }
                            Header::Short => continue,
                            Header::Wrong => return Progress::Junk,
                        },
                        Err(step) => step,
                    }
                }
            };
            return step;
        }
    }
}

fn read_some(pipe: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Progress> {
    loop {
        return match pipe.read(buffer) {
            Ok(0) => Err(Progress::Ended),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(Progress::Waiting),
            Err(_) => Err(Progress::Ended),
        };
    }
}

enum Header {
    Whole(u32, u32),
    Short,
    Wrong,
}

/// Reads `P6\nWIDTH HEIGHT\n255\n`, which is how ffmpeg writes it.
fn header(bytes: &[u8]) -> Header {
    let expected = b"P6\n";
    let common = bytes.len().min(expected.len());
    if bytes[..common] != expected[..common] || bytes.len() > LONGEST_HEADER {
        return Header::Wrong;
    }
    if bytes.iter().filter(|byte| **byte == b'\n').count() < 3 {
        return Header::Short;
    }
    let text = std::str::from_utf8(&bytes[expected.len()..]).ok();
    let size = text.and_then(|text| text.strip_suffix("\n255\n")).and_then(|text| text.split_once(' '));
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LONGEST_SIDE).contains(side));
    match size.map(|(width, height)| (side(width), side(height))) {
        Some((Some(width), Some(height))) => Header::Whole(width, height),
        _ => Header::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Gives at most `step` bytes at a time, and nothing every other time.
    struct Trickle<'a> {
        bytes: &'a [u8],
        step: usize,
        dry: bool,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.dry = !self.dry;
            if self.dry {
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = self.step.min(buffer.len()).min(self.bytes.len());
            buffer[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    fn ppm(width: u32, height: u32, level: u8) -> Vec<u8> {
        let data = vec![level; (width * height * 3) as usize];
        [format!("P6\n{width} {height}\n255\n").into_bytes(), data].concat()
    }

    #[test]
    fn pictures_of_any_size_are_put_together_from_pieces_of_any_size() {
        let bytes = [ppm(1, 1, 10), ppm(1280, 7, 20), ppm(3, 720, 30)].concat();
        for step in [1, 2, 3, 7, 11, 64, 100_000] {
            let mut pipe = Trickle { bytes: &bytes, step, dry: false };
            let mut reader = PictureReader::default();
            let mut sizes = Vec::new();
            loop {
                match reader.read(&mut pipe) {
                    Progress::Waiting => {}
                    Progress::Picture(p) => sizes.push((p.width(), p.height(), p.data()[p.data().len() - 1])),
                    Progress::Ended => break,
                    Progress::Junk => panic!("junk at step {step}"),
                }
            }
            assert_eq!(sizes, [(1, 1, 10), (1280, 7, 20), (3, 720, 30)]);
        }
    }

    #[test]
    fn what_is_no_picture_is_junk_and_a_cut_one_is_the_end() {
        for bad in [
            &b"P5\n1 1\n255\n000"[..],
            b"<html><body>x",
            b"P6\n0 1\n255\n",
            b"P6\n99999 1\n255\n",
            b"P6\n1 1\n65535\n",
            b"P6\n1111111111111111111111111111",
        ] {
            let mut reader = PictureReader::default();
            let mut bytes = bad;
            assert_eq!(reader.read(&mut bytes), Progress::Junk, "{bad:?}");
        }
        let mut reader = PictureReader::default();
        assert_eq!(reader.read(&mut &ppm(4, 4, 1)[..30]), Progress::Ended);
    }
}
