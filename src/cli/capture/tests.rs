use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use clap::Parser;
use crossbeam_channel::{bounded, never};

use super::*;
use crate::capture::images::ImagesSource;
use crate::capture::{FrameSequence, RgbPicture};
use crate::cli::args::{Cli, Command};
use crate::cli::fake::{Ran, ran};

/// Frames at 10 a second, grey by their number; fails after `frames` of them.
struct Fake {
    given: u64,
    frames: u64,
    fails: bool,
}

impl CaptureSource for Fake {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if self.given == self.frames {
            let failed = CaptureError::Failed { what: "fake".into(), step: "go on", detail: "gone".into() };
            return if self.fails { Err(failed) } else { Ok(None) };
        }
        let sequence = FrameSequence(self.given);
        self.given += 1;
        let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(100 * sequence.0 as i64);
        let picture = RgbPicture::new(32, 16, vec![sequence.0 as u8; 32 * 16 * 3]).unwrap();
        Ok(Some(Frame { sequence, at, picture, label: None }))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn nominal_fps(&self) -> f32 {
        10.0
    }
}

fn capture(folder: &Path, words: &[&str], source: Fake, stop: &Receiver<()>) -> Ran {
    let out = folder.to_str().unwrap();
    let cli = Cli::try_parse_from([&["muster", "capture", "--out", out], words].concat()).unwrap();
    let Some(Command::Capture(args)) = &cli.command else { panic!("not capture") };
    ran(cli.global.json, |output| run(args, "fake", || Ok(Box::new(source)), stop, output))
}

fn fake(frames: u64, fails: bool) -> Fake {
    Fake { given: 0, frames, fails }
}

#[test]
fn what_is_written_can_be_played() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new/door");
    let ran = capture(&folder, &["--every", "3", "--seconds", "2", "--json"], fake(100, false), &never());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("pictures of whoever is in view are stored"), "{}", ran.err);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&object["pictures"], &object["frames"], &object["width"]),
        (&7.into(), &20.into(), &32.into())
    );
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let pattern = format!("{}/*.jpg", folder.display());
    let mut played = ImagesSource::open(&pattern, DateTime::UNIX_EPOCH, 1.0).unwrap();
    let levels: Vec<u8> = std::iter::from_fn(|| played.next_frame().unwrap())
        .map(|frame| frame.picture.pixel(3, 3)[0].next_multiple_of(3))
        .collect();
    assert_eq!(levels, [0, 3, 6, 9, 12, 15, 18]);
}

#[test]
fn two_captures_do_not_mix_and_a_failure_keeps_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let failed = capture(dir.path(), &[], fake(4, true), &never());
    assert_eq!(failed.code, 3);
    assert!(
        failed.err.contains("fake could not go on: gone") && failed.out.starts_with("4 pictures of 4 frames")
    );
    let again = capture(dir.path(), &[], fake(4, false), &never());
    assert_eq!(again.code, 2);
    assert!(again.err.contains("holds pictures already"), "{}", again.err);
    let file = dir.path().join("frame-000000.jpg");
    assert_eq!(capture(&file, &[], fake(1, false), &never()).code, 2);
}

#[test]
fn told_to_stop_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, stop) = bounded(0);
    drop(sender);
    let ran = capture(dir.path(), &[], fake(u64::MAX, false), &stop);
    assert_eq!((ran.code, ran.out.starts_with("0 pictures")), (0, true), "{}", ran.out);
}
