//! The camera's thread: takes buffers, decodes them, and leaves the newest picture for whoever asks.

use crossbeam_channel::Sender;

use super::RawFrames;
use super::decode::FrameDecoder;
use super::mode::CameraMode;
use super::thread::Watch;
use crate::capture::CaptureError;
use crate::capture::frame::{Frame, FrameSequence};
use crate::capture::guard::guarded;
use crate::capture::newest::Newest;
use crate::capture::source::Clock;

/// How many damaged frames in a row are taken for a camera that does not work: a second or two.
pub(super) const MAX_DAMAGED_IN_A_ROW: u32 = 30;

/// Where the camera's thread leaves its frames.
pub(super) struct Outlet {
    pub(super) newest: Newest,
    pub(super) clock: Clock,
    pub(super) name: String,
}

impl Outlet {
    fn fail(&self, step: &'static str, detail: String) {
        self.newest.put(Err(CaptureError::Failed { what: self.name.clone(), step, detail }));
    }
}

/// All that the camera's thread does. The driver's binding panics where a device goes away at the wrong
/// moment, on being dropped too; so all of it runs inside the fence. Only what waits is open to
/// interruption, and not how the device is given back.
pub(super) fn stream<D: RawFrames>(
    open: impl FnOnce() -> Result<(D, CameraMode), CaptureError>,
    opened: &Sender<Result<CameraMode, CaptureError>>,
    outlet: &Outlet,
    watch: &Watch,
) {
    let outcome = guarded(|| match watch.gate.waiting(open) {
        Ok((mut device, mode)) => {
            // Nobody listens any more where opening took too long: then the device goes back at once.
            if opened.send(Ok(mode)).is_ok() {
                pump(&mut device, FrameDecoder::new(mode), outlet, watch);
            }
        }
        Err(error) => drop(opened.send(Err(error))),
    });
    if outcome.is_none() {
        outlet.fail("give a frame", "its driver's reader failed".to_owned());
    }
}

/// Takes frames until it is told to stop or the device fails. A damaged frame is left out; many in a row
/// are a failure.
pub(super) fn pump(device: &mut dyn RawFrames, mut decoder: FrameDecoder, outlet: &Outlet, watch: &Watch) {
    let mut sequence = FrameSequence(0);
    let (mut damaged, mut in_a_row) = (0u64, 0);
    while !watch.is_stopped() {
        let raw = match watch.gate.waiting(|| device.next_raw()) {
            Ok(raw) => raw,
            Err(error) => return outlet.newest.put(Err(error)),
        };
        let at = (outlet.clock)();
        match decoder.decode(&raw) {
            Some(picture) => {
                in_a_row = 0;
                outlet.newest.put(Ok(Frame { sequence, at, picture, label: None }));
            }
            None => {
                damaged += 1;
                in_a_row += 1;
                tracing::debug!(damaged, in_a_row, bytes = raw.len(), "a damaged frame is left out");
                if in_a_row >= MAX_DAMAGED_IN_A_ROW {
                    let detail =
                        format!("{in_a_row} damaged ones came in a row; try another cable or socket");
                    return outlet.fail("give a whole frame", detail);
                }
            }
        }
        sequence.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::VecDeque;

    use chrono::{DateTime, Utc};
    use crossbeam_channel::{Receiver, bounded};

    use super::super::mode::Encoding;
    use super::*;
    use crate::capture::RgbPicture;
    use crate::capture::newest::{Given, newest};

    struct Fake(VecDeque<Vec<u8>>);

    impl RawFrames for Fake {
        fn next_raw(&mut self) -> Result<Cow<'_, [u8]>, CaptureError> {
            let lost =
                || CaptureError::Failed { what: "fake".into(), step: "give a frame", detail: "gone".into() };
            self.0.pop_front().map(Cow::Owned).ok_or_else(lost)
        }
    }

    fn clock() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn outlet() -> (Outlet, Receiver<Given>) {
        let (newest, taken) = newest();
        (Outlet { newest, clock, name: "fake".into() }, taken)
    }

    fn grey(level: u8) -> Vec<u8> {
        [level, 128].repeat(4)
    }

    const MODE: CameraMode = CameraMode { width: 2, height: 2, fps: 30, encoding: Encoding::Yuyv };

    fn pumped(frames: impl Into<VecDeque<Vec<u8>>>, outlet: &Outlet) {
        pump(&mut Fake(frames.into()), FrameDecoder::new(MODE), outlet, &Watch::default());
    }

    #[test]
    fn the_newest_frame_wins_and_a_failure_is_never_lost() {
        let (outlet, taken) = outlet();
        for level in [40, 80] {
            let picture = RgbPicture::new(1, 1, vec![level; 3]).unwrap();
            outlet.newest.put(Ok(Frame { sequence: FrameSequence(0), at: clock(), picture, label: None }));
        }
        assert_eq!(taken.try_recv().unwrap().unwrap().picture.pixel(0, 0), [80; 3]);
        pumped([grey(50)], &outlet);
        let error = taken.try_recv().unwrap().err().unwrap();
        assert_eq!(error.to_string(), "fake could not give a frame: gone");
    }

    #[test]
    fn damaged_frames_are_left_out_until_they_are_too_many() {
        let (outlet, taken) = outlet();
        let short = vec![0; 3];
        let mut frames = vec![short.clone(); MAX_DAMAGED_IN_A_ROW as usize - 1];
        frames.push(grey(50));
        frames.extend(vec![short.clone(); MAX_DAMAGED_IN_A_ROW as usize - 1]);
        pumped(frames, &outlet);
        let error = taken.try_recv().unwrap().err().unwrap();
        assert!(error.to_string().contains("gone"), "{error}");

        pumped(vec![short; MAX_DAMAGED_IN_A_ROW as usize], &outlet);
        let error = taken.try_recv().unwrap().err().unwrap();
        assert!(error.to_string().contains("30 damaged ones came in a row"), "{error}");
    }

    #[test]
    fn a_stopped_source_takes_no_more() {
        let ((outlet, taken), watch) = (outlet(), Watch::default());
        watch.stop();
        pump(&mut Fake([grey(50)].into()), FrameDecoder::new(MODE), &outlet, &watch);
        assert!(taken.try_recv().is_err());
    }

    #[test]
    fn a_binding_that_panics_is_a_failure() {
        let ((outlet, taken), (opened, seen)) = (outlet(), bounded(1));
        let open =
            || -> Result<(Fake, CameraMode), CaptureError> { std::panic::resume_unwind(Box::new("x")) };
        stream(open, &opened, &outlet, &Watch::default());
        assert!(seen.try_recv().is_err());
        let error = taken.try_recv().unwrap().err().unwrap();
        assert_eq!(error.to_string(), "fake could not give a frame: its driver's reader failed");
    }
}
