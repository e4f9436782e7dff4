//! `camera:N` and `camera:/dev/...`: a camera of Video4Linux, through nokhwa.
//!
//! A thread of its own opens the device and waits for its pictures, because a driver can let a reader
//! wait for ever: what asks for a frame waits for that thread, with a limit, and gets it out of its wait
//! when that is over (`interrupt`), so that the device is given back. The buffers are decoded here and
//! not by nokhwa, whose decoder can unwind on a damaged one.

mod address;
mod controls;
mod decode;
mod device;
mod format;
mod holders;
mod identity;
mod interrupt;
mod mode;
mod node;
mod permission;
mod report;
mod stream;
mod system;
mod thread;
mod trouble;

pub use address::CameraAddress;
pub use controls::{CameraControl, ControlKind, ControlProblem, ControlSettings, ControlValue, plain_name};
pub use decode::FrameDecoder;
pub use format::CameraFormat;
pub use holders::Holder;
pub use identity::CameraMemory;
pub use mode::{CameraMode, Encoding, LEAST_FPS, Wanted};
pub use report::{CameraDoor, CameraReport, CameraState, doors, examine, survey};
pub use system::System;

use std::borrow::Cow;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::frame::Frame;
use super::newest::{Given, newest};
use super::source::Clock;
use super::{CaptureError, CaptureSource};
use device::Device;
use stream::{Outlet, stream};
use thread::DeviceThread;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Opening. Cheap cameras take two seconds to answer after they were plugged in.
    opening: Duration,
    /// A frame: several times what a long exposure in the dark takes.
    frame: Duration,
    /// That the thread gives the device back. Past that it is left to itself, and ended at a later opening.
    closing: Duration,
}

const PATIENCE: Patience = Patience {
    opening: Duration::from_secs(10),
    frame: Duration::from_secs(5),
    closing: Duration::from_secs(1),
};

/// How long a thread that streams is left to end by itself, which it does with its next frame.
const NEXT_FRAME: Duration = Duration::from_millis(100);

/// How a camera is opened.
#[derive(Debug, Clone)]
pub struct CameraOptions {
    /// What its pictures are for, which decides its mode.
    pub wanted: Wanted,
    /// What its own settings are set to at each opening.
    pub controls: ControlSettings,
    /// What is known from earlier openings. Hand in the same at each, so that a camera that was plugged
    /// in anew is found under whatever number it has then.
    pub memory: CameraMemory,
}

impl Default for CameraOptions {
    fn default() -> Self {
        Self {
            wanted: Wanted { distance_m: 2.0, least_inter_eye_px: 30.0 },
            controls: ControlSettings::default(),
            memory: CameraMemory::default(),
        }
    }
}

/// What gives raw frames: a camera, or a test.
trait RawFrames {
    /// Waits for the next buffer as the driver filled it.
    fn next_raw(&mut self) -> Result<Cow<'_, [u8]>, CaptureError>;
}

/// A camera that streams. Dropping it stops the stream and gives the device back.
pub struct CameraSource {
    name: String,
    mode: CameraMode,
    frames: Receiver<Given>,
    /// None once it was left over.
    thread: Option<DeviceThread>,
    memory: CameraMemory,
    patience: Patience,
}

impl CameraSource {
    /// Opens the camera that `address` means and starts its stream; `clock` times the frames. Takes eleven seconds
    /// at most.
    ///
    /// # Errors
    /// [`CaptureError::NotFound`] where there is no such camera, [`CaptureError::Failed`] where it is in
    /// use, not permitted, or offers nothing that is read. Each says what to do; a retry can help.
    pub fn open(
        address: &CameraAddress,
        clock: Clock,
        options: &CameraOptions,
    ) -> Result<Self, CaptureError> {
        let system = System::default();
        let memory = options.memory.clone();
        memory.end_left_over(PATIENCE.closing);
        let index = address::resolve(&system, address, &memory)?;
        let opener = (system.clone(), options.clone());
        let open = move || {
            let device = Device::open(&opener.0, index, &opener.1)?;
            let mode = device.mode();
            Ok((device, mode))
        };
        let name = format!("/dev/video{index}");
        check_given_back(&name, &memory)?;
        let source = Self::start(name, format!("camera-{index}"), clock, memory, PATIENCE, open)?;
        source.memory.remember(&system, index);
        Ok(source)
    }

    /// `open` runs on the thread, whose name is `thread`.
    fn start<D: RawFrames + 'static>(
        name: String,
        thread: String,
        clock: Clock,
        memory: CameraMemory,
        patience: Patience,
        open: impl FnOnce() -> Result<(D, CameraMode), CaptureError> + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let failed = |detail: String| CaptureError::Failed { what: name.clone(), step: "be opened", detail };
        let (opened_sender, opened) = bounded(1);
        let (newest, frames) = newest();
        let outlet = Outlet { newest, clock, name: name.clone() };
        let work = move |watch: &thread::Watch| stream(open, &opened_sender, &outlet, watch);
        let mut thread = DeviceThread::start(thread, work).map_err(|error| failed(error.to_string()))?;
        let (error, grace) = match opened.recv_timeout(patience.opening) {
            Ok(Ok(mode)) => {
                return Ok(Self { name, mode, frames, thread: Some(thread), memory, patience });
            }
            Ok(Err(error)) => (error, NEXT_FRAME),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = patience.opening.as_secs();
                let detail = format!("it did not answer within {seconds} s; unplug it and plug it in again");
                (failed(detail), Duration::ZERO)
            }
            Err(RecvTimeoutError::Disconnected) => {
                (failed("its driver's reader failed".to_owned()), NEXT_FRAME)
            }
        };
        if !thread.end(grace, patience.closing) {
            memory.leave_over(&name, thread);
        }
        Err(error)
    }

    /// The size, rate and encoding that the camera was asked for.
    pub fn mode(&self) -> CameraMode {
        self.mode
    }

    /// Ends the thread, which gives the device back, so that who opens the camera next finds it free.
    fn close(&mut self, grace: Duration) {
        if let Some(mut thread) = self.thread.take()
            && !thread.end(grace, self.patience.closing)
        {
            self.memory.leave_over(&self.name, thread);
        }
    }
}

/// That no thread of an earlier opening still has the device, which would be busy then by nobody else's doing.
fn check_given_back(name: &str, memory: &CameraMemory) -> Result<(), CaptureError> {
    if !memory.is_left_over(name) {
        return Ok(());
    }
    let detail =
        "its driver has not answered since it fell silent; unplug it and plug it in again".to_owned();
    Err(CaptureError::Failed { what: name.to_owned(), step: "be opened", detail })
}

impl CaptureSource for CameraSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let failed =
            |detail: String| CaptureError::Failed { what: self.name.clone(), step: "give a frame", detail };
        let error = match self.frames.recv_timeout(self.patience.frame) {
            Ok(Ok(frame)) => return Ok(Some(frame)),
            Ok(Err(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout) => failed(format!(
                "none came within {} s; is its cover or cable loose?",
                self.patience.frame.as_secs()
            )),
            Err(RecvTimeoutError::Disconnected) => failed("its reader has ended".to_owned()),
        };
        self.close(Duration::ZERO);
        Err(error)
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
        self.close(NEXT_FRAME);
    }
}

#[cfg(test)]
mod tests;
