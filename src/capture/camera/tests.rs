//! A source from its opening to its end, on devices that wait for ever.

use std::os::fd::OwnedFd;

use chrono::{DateTime, Utc};

use super::thread::tests::{comes_to_nothing, threads_called, wait_for};
use super::*;

fn clock() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

const MODE: CameraMode = CameraMode { width: 2, height: 2, fps: 30, encoding: Encoding::Yuyv };

/// Short where a test waits for it to be over, and long where it must not be: the machine may be busy.
const LONG: Duration = Duration::from_secs(20);
const NO_FRAME: Patience = Patience { opening: LONG, frame: Duration::from_millis(10), closing: LONG };
const NO_OPENING: Patience = Patience { opening: Duration::from_millis(20), ..NO_FRAME };

/// Gives one frame, and then waits as the binding does when nobody writes to a loopback device.
struct Silent {
    pipe: OwnedFd,
    _writer: OwnedFd,
    frames: u32,
}

impl Silent {
    fn new(frames: u32) -> Self {
        let (pipe, writer) = rustix::pipe::pipe().unwrap();
        Self { pipe, _writer: writer, frames }
    }
}

impl RawFrames for Silent {
    fn next_raw(&mut self) -> Result<Cow<'_, [u8]>, CaptureError> {
        if self.frames > 0 {
            self.frames -= 1;
            return Ok(Cow::Owned([50, 128].repeat(4)));
        }
        let detail = wait_for(&self.pipe).unwrap_err().to_string();
        Err(CaptureError::Failed { what: "fake".to_owned(), step: "give a frame", detail })
    }
}

fn open(thread: &str, frames: u32, patience: Patience) -> CameraSource {
    let open = move || Ok((Silent::new(frames), MODE));
    CameraSource::start("fake".into(), thread.into(), clock, CameraMemory::default(), patience, open).unwrap()
}

fn open_files_of_pipes() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("pipe")))
        .count()
}

#[test]
fn a_camera_that_falls_silent_again_and_again_leaves_nothing_behind() {
    // Other tests open pipes meanwhile, but not two hundred.
    let pipes = open_files_of_pipes();
    for _ in 0..100 {
        let mut source = open("cam-t-silent", 0, NO_FRAME);
        let error = source.next_frame().err().unwrap().to_string();
        assert!(error.starts_with("fake could not give a frame: none came within 0 s"), "{error}");
        // The device is back before the source is dropped, and the source says why it gives no more.
        assert!(comes_to_nothing(|| threads_called("cam-t-silent")));
        assert!(source.next_frame().is_err());
    }
    assert!(open_files_of_pipes() < pipes + 100);
}

#[test]
fn a_source_that_is_dropped_gives_the_device_back() {
    let mut source = open("cam-t-drop", 1, Patience { frame: LONG, ..NO_FRAME });
    assert!(source.next_frame().unwrap().is_some());
    drop(source);
    assert!(comes_to_nothing(|| threads_called("cam-t-drop")));
}

#[test]
fn a_camera_that_does_not_answer_when_it_is_opened_leaves_nothing_behind() {
    for _ in 0..10 {
        let open = || {
            let mut silent = Silent::new(0);
            silent.next_raw()?;
            Ok((silent, MODE))
        };
        let memory = CameraMemory::default();
        let source = CameraSource::start("fake".into(), "cam-t-late".into(), clock, memory, NO_OPENING, open);
        let error = source.err().unwrap().to_string();
        assert!(error.contains("did not answer within 0 s; unplug it"), "{error}");
    }
    assert!(comes_to_nothing(|| threads_called("cam-t-late")));
}

#[test]
fn a_thread_that_hears_no_signal_is_ended_at_a_later_opening() {
    let (pipe, writer) = rustix::pipe::pipe().unwrap();
    let memory = CameraMemory::default();
    let open = move || {
        // As a driver that waits for its device and cannot be interrupted.
        while wait_for(&pipe).is_err() {}
        Ok((Silent::new(0), MODE))
    };
    let impatient = Patience { closing: Duration::from_millis(120), ..NO_OPENING };
    let source =
        CameraSource::start("fake".into(), "cam-t-stuck".into(), clock, memory.clone(), impatient, open);
    assert!(source.is_err());
    memory.end_left_over(Duration::from_millis(60));
    let error = check_given_back("fake", &memory).unwrap_err().to_string();
    assert!(error.starts_with("fake could not be opened: its driver has not answered"), "{error}");
    assert!(check_given_back("other", &memory).is_ok());
    assert_eq!(threads_called("cam-t-stuck"), 1);
    rustix::io::write(&writer, b"x").unwrap();
    memory.end_left_over(LONG);
    assert!(check_given_back("fake", &memory).is_ok());
    assert!(comes_to_nothing(|| threads_called("cam-t-stuck")));
}

#[test]
fn a_camera_that_is_not_there_is_said_with_what_to_do() {
    let options = CameraOptions::default();
    let error = CameraSource::open(&CameraAddress::Index(4_000_000), clock, &options).err().unwrap();
    assert!(matches!(error, CaptureError::NotFound { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("/dev/video4000000 was not found: ") && message.contains("plug"),
        "{message}"
    );
}
