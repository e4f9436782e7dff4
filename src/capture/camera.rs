//! `camera:N`: the camera `/dev/videoN`, through nokhwa.
//!
//! A thread of its own opens the device and waits for its pictures, because a driver can let a reader
//! wait for ever: what asks for a frame waits for that thread, with a limit. The buffers are decoded
//! here and not by nokhwa, whose decoder can unwind on a damaged one.

mod decode;
mod device;
mod mode;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::frame::{Frame, FrameSequence, RgbPicture};
use super::guard::guarded;
use super::source::Clock;
use super::{CaptureError, CaptureSource};
use decode::FrameDecoder;
pub use mode::{CameraMode, Encoding};

/// How long opening may take. Cheap cameras take two seconds to answer after they were plugged in.
const OPENING_PATIENCE: Duration = Duration::from_secs(10);

/// How long a frame may take: several times what a long exposure in the dark takes.
const FRAME_PATIENCE: Duration = Duration::from_secs(5);

/// How long a dropped source waits for its thread to give the device back. Past that the thread is
/// left to itself; it ends with the next frame or with the device.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

/// How many damaged frames in a row are taken for a camera that does not work: a second or two.
const MAX_DAMAGED_IN_A_ROW: u32 = 30;

/// A picture on its way from the camera's thread.
struct Taken {
    sequence: FrameSequence,
    at: DateTime<Utc>,
    picture: RgbPicture,
}

/// A camera that streams. Dropping it stops the stream and gives the device back.
pub struct CameraSource {
    name: String,
    mode: CameraMode,
    frames: Receiver<Result<Taken, CaptureError>>,
    stop: Arc<AtomicBool>,
    /// Disconnects when the thread has ended.
    ended: Receiver<()>,
}

impl CameraSource {
    /// Opens `/dev/video{index}` and starts its stream; `clock` times the frames. Takes ten seconds at
    /// most.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`] where there is no such camera, [`CaptureError::Failed`] where it is in
    /// use, not permitted, or offers nothing that is read. Each says what to do; a retry can help.
    pub fn open(index: u32, clock: Clock) -> Result<Self, CaptureError> {
        let name = device::path_of(index);
        device::check_present(index)?;
        let (opened_sender, opened) = bounded(1);
        let (frame_sender, frames) = bounded(1);
        let (ended_sender, ended) = bounded::<()>(0);
        let stop = Arc::new(AtomicBool::new(false));
        let outlet = Outlet {
            sender: frame_sender,
            oldest: frames.clone(),
            stop: stop.clone(),
            clock,
            name: name.clone(),
        };
        let work = move || {
            let _until_the_end = ended_sender;
            stream(index, &opened_sender, &outlet);
        };
        let failed = |step, detail: String| CaptureError::Failed { what: name.clone(), step, detail };
        std::thread::Builder::new()
            .name(format!("camera-{index}"))
            .spawn(work)
            .map_err(|error| failed("be opened", error.to_string()))?;
        let mode = match opened.recv_timeout(OPENING_PATIENCE) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(failed(
                "be opened",
                format!(
                    "it did not answer within {} s; unplug it and plug it in again",
                    OPENING_PATIENCE.as_secs()
                ),
            )),
            Err(RecvTimeoutError::Disconnected) => {
                Err(failed("be opened", "its driver's reader failed".into()))
            }
        };
        match mode {
            Ok(mode) => Ok(Self { name, mode, frames, stop, ended }),
            Err(error) => {
                // A thread that waits in the driver gives the device back as soon as it is through.
                stop.store(true, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// The size, rate and encoding that the camera was asked for.
    pub fn mode(&self) -> CameraMode {
        self.mode
    }
}

impl CaptureSource for CameraSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let failed =
            |detail: String| CaptureError::Failed { what: self.name.clone(), step: "give a frame", detail };
        match self.frames.recv_timeout(FRAME_PATIENCE) {
            Ok(Ok(Taken { sequence, at, picture })) => Ok(Some(Frame { sequence, at, picture, label: None })),
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => Err(failed(format!(
                "none came within {} s; is its cover or cable loose?",
                FRAME_PATIENCE.as_secs()
            ))),
            Err(RecvTimeoutError::Disconnected) => Err(failed("its reader has ended".to_owned())),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn nominal_fps(&self) -> f32 {
        self.mode.fps as f32
    }
}

impl Drop for CameraSource {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Nothing is ever sent: this ends when the thread does, so that who opens the camera next finds
        // it free.
        let _ = self.ended.recv_timeout(CLOSING_PATIENCE);
    }
}

/// Where the camera's thread leaves its frames: one place, newest wins.
struct Outlet {
    sender: Sender<Result<Taken, CaptureError>>,
    oldest: Receiver<Result<Taken, CaptureError>>,
    stop: Arc<AtomicBool>,
    clock: Clock,
    name: String,
}

impl Outlet {
    fn put(&self, mut item: Result<Taken, CaptureError>) {
        // This thread alone sends, so after taking one out there is room.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(item) {
            drop(self.oldest.try_recv());
            item = back;
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What gives raw frames: a camera, or a test.
trait RawFrames {
    /// Waits for the next buffer as the driver filled it.
    fn next_raw(&mut self) -> Result<std::borrow::Cow<'_, [u8]>, CaptureError>;
}

/// The camera's thread. The driver's binding panics where a device goes away at the wrong moment, on
/// being dropped too; so all of it runs inside the fence.
fn stream(index: u32, opened: &Sender<Result<CameraMode, CaptureError>>, outlet: &Outlet) {
    let outcome = guarded(|| match device::Device::open(index) {
        Ok(mut device) => {
            let mode = device.mode();
            // Nobody listens any more where opening took too long: then the device goes back at once.
            if opened.send(Ok(mode)).is_ok() {
                pump(&mut device, FrameDecoder::new(mode), outlet);
            }
        }
        Err(error) => drop(opened.send(Err(error))),
    });
    if outcome.is_none() {
        let (what, detail) = (outlet.name.clone(), "its driver's reader failed".to_owned());
        outlet.put(Err(CaptureError::Failed { what, step: "give a frame", detail }));
    }
}

/// Takes frames until it is told to stop or the device fails. A damaged frame is left out; many in a row
/// are a failure.
fn pump(device: &mut dyn RawFrames, mut decoder: FrameDecoder, outlet: &Outlet) {
    let mut sequence = FrameSequence(0);
    let (mut damaged, mut in_a_row) = (0u64, 0);
    while !outlet.stopped() {
        let raw = match device.next_raw() {
            Ok(raw) => raw,
            Err(error) => return outlet.put(Err(error)),
        };
        let at = (outlet.clock)();
        match decoder.decode(&raw) {
            Some(picture) => {
                in_a_row = 0;
                outlet.put(Ok(Taken { sequence, at, picture }));
            }
            None => {
                damaged += 1;
                in_a_row += 1;
                tracing::debug!(damaged, in_a_row, bytes = raw.len(), "a damaged frame is left out");
                if in_a_row >= MAX_DAMAGED_IN_A_ROW {
                    let detail =
                        format!("{in_a_row} damaged ones came in a row; try another cable or socket");
                    let what = outlet.name.clone();
                    return outlet.put(Err(CaptureError::Failed {
                        what,
                        step: "give a whole frame",
                        detail,
                    }));
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

    use super::*;

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

    fn outlet() -> Outlet {
        let (sender, oldest) = bounded(1);
        Outlet { sender, oldest, stop: Arc::default(), clock, name: "fake".into() }
    }

    fn grey(level: u8) -> Vec<u8> {
        [level, 128].repeat(4)
    }

    const MODE: CameraMode = CameraMode { width: 2, height: 2, fps: 30, encoding: Encoding::Yuyv };

    #[test]
    fn the_newest_frame_wins_and_a_failure_is_never_lost() {
        let outlet = outlet();
        for level in [40, 80] {
            let picture = RgbPicture::new(1, 1, vec![level; 3]).unwrap();
            outlet.put(Ok(Taken { sequence: FrameSequence(0), at: clock(), picture }));
        }
        assert_eq!(outlet.oldest.try_recv().unwrap().unwrap().picture.pixel(0, 0), [80; 3]);
        pump(&mut Fake([grey(50)].into()), FrameDecoder::new(MODE), &outlet);
        let error = outlet.oldest.try_recv().unwrap().err().unwrap();
        assert_eq!(error.to_string(), "fake could not give a frame: gone");
    }

    #[test]
    fn damaged_frames_are_left_out_until_they_are_too_many() {
        let outlet = outlet();
        let short = vec![0; 3];
        let mut frames = vec![short.clone(); MAX_DAMAGED_IN_A_ROW as usize - 1];
        frames.push(grey(50));
        frames.extend(vec![short.clone(); MAX_DAMAGED_IN_A_ROW as usize - 1]);
        pump(&mut Fake(frames.into()), FrameDecoder::new(MODE), &outlet);
        let error = outlet.oldest.try_recv().unwrap().err().unwrap();
        assert!(error.to_string().contains("gone"), "{error}");

        pump(&mut Fake(vec![short; MAX_DAMAGED_IN_A_ROW as usize].into()), FrameDecoder::new(MODE), &outlet);
        let error = outlet.oldest.try_recv().unwrap().err().unwrap();
        assert!(error.to_string().contains("30 damaged ones came in a row"), "{error}");
    }

    #[test]
    fn a_stopped_source_takes_no_more() {
        let outlet = outlet();
        outlet.stop.store(true, Ordering::Relaxed);
        pump(&mut Fake([grey(50)].into()), FrameDecoder::new(MODE), &outlet);
        assert!(outlet.oldest.try_recv().is_err());
    }

    #[test]
    fn a_camera_that_is_not_there_is_said_with_what_to_do() {
        let error = CameraSource::open(4_000_000, clock).err().unwrap();
        assert!(matches!(error, CaptureError::NotFound { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("/dev/video4000000 was not found: ") && message.contains("plug"),
            "{message}"
        );
    }
}
