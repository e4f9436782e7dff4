use std::process::{Command, Stdio};

use super::*;

/// A clip that ffmpeg makes itself; none, said aloud, where ffmpeg is not installed.
fn clip(dir: &Path, name: &str, source: &str, extra: &[&str]) -> Option<PathBuf> {
    let path = dir.join(name);
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source])
        .args(extra)
        .arg(path.as_os_str())
        .stdin(Stdio::null())
        .status();
    match made {
        Ok(status) => assert!(status.success(), "ffmpeg could not make {name}"),
        Err(error) => {
            println!("SKIPPED: ffmpeg could not be started ({error}); install ffmpeg to run this test");
            return None;
        }
    }
    Some(path)
}

fn open(path: &Path, options: VideoOptions) -> VideoSource {
    VideoSource::open(path, DateTime::UNIX_EPOCH, options).unwrap()
}

fn near(found: [u8; 3], expected: [u8; 3]) -> bool {
    found.iter().zip(expected).all(|(f, e)| f.abs_diff(e) <= 12)
}

#[test]
fn every_frame_comes_with_its_colours_and_its_time() {
    let dir = tempfile::tempdir().unwrap();
    // A red frame, 20 of them in two seconds, under a name that looks like an option and a protocol.
    let source = "color=c=red:size=320x240:rate=10:duration=2";
    let Some(path) = clip(dir.path(), "-i x:y %d.mkv", source, &["-c:v", "mpeg4", "-q:v", "2"]) else {
        return;
    };
    let mut video = open(&path, VideoOptions::default());
    assert_eq!((video.nominal_fps(), video.is_live()), (10.0, false));
    let frames: Vec<Frame> = std::iter::from_fn(|| video.next_frame().unwrap()).collect();
    assert_eq!(frames.len(), 20);
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!((frame.picture.width(), frame.picture.height()), (320, 240));
        assert!(near(frame.picture.pixel(160, 120), [254, 0, 0]), "{:?}", frame.picture.pixel(160, 120));
        assert_eq!(frame.sequence, FrameSequence(n as u64));
        assert_eq!(frame.at.timestamp_millis(), n as i64 * 100);
    }
    assert!(video.next_frame().unwrap().is_none(), "the end stays the end");
}

#[test]
fn large_frames_are_scaled_down_and_the_rate_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let source = "testsrc=size=1600x800:rate=60:duration=1";
    let Some(path) = clip(dir.path(), "large.avi", source, &["-c:v", "mjpeg"]) else { return };
    let mut video = open(&path, VideoOptions { max_side: 400, ..VideoOptions::default() });
    let mut count = 0;
    while let Some(frame) = video.next_frame().unwrap() {
        assert_eq!((frame.picture.width(), frame.picture.height()), (400, 200));
        count += 1;
    }
    assert!((29..=31).contains(&count), "{count} frames of one second at 30 a second");
}

#[test]
fn a_looping_video_begins_again_on_a_clock_that_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let source = "testsrc=size=64x48:rate=5:duration=1";
    let Some(path) = clip(dir.path(), "loop.avi", source, &["-c:v", "mjpeg"]) else { return };
    let mut video = open(&path, VideoOptions { looping: true, ..VideoOptions::default() });
    let frames: Vec<Frame> = (0..12).map(|_| video.next_frame().unwrap().unwrap()).collect();
    assert_eq!(frames[5].picture, frames[0].picture);
    assert_ne!(frames[1].picture, frames[0].picture);
    assert_eq!(frames[11].at.timestamp_millis(), 2200);
}

#[test]
fn dropped_in_the_middle_it_leaves_no_child() {
    let dir = tempfile::tempdir().unwrap();
    let source = "testsrc=size=640x480:rate=25:duration=20";
    let Some(path) = clip(dir.path(), "long.avi", source, &["-c:v", "mjpeg"]) else { return };
    let mut video = open(&path, VideoOptions::default());
    assert!(video.next_frame().unwrap().is_some());
    let child = PathBuf::from(format!("/proc/{}", video.decoder.as_ref().unwrap().id()));
    assert!(child.exists());
    drop(video);
    // Reaped, not a zombie: a zombie keeps its entry.
    assert!(!child.exists());
}

#[test]
fn a_file_that_is_cut_short_or_no_video_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let source = "testsrc=size=320x240:rate=10:duration=2";
    let Some(path) = clip(dir.path(), "whole.mp4", source, &["-c:v", "mpeg4"]) else { return };
    let bytes = std::fs::read(&path).unwrap();
    let cut = dir.path().join("cut.mp4");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "this is no video").unwrap();
    // A playlist must not make ffmpeg open something else over the network.
    let list = dir.path().join("list.m3u8");
    std::fs::write(&list, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n").unwrap();
    let sound = dir.path().join("sound.wav");
    let silence = ["-f", "lavfi", "-i", "anullsrc=duration=0.1", "-map", "1:a"];
    let Some(_) = clip(dir.path(), "sound.wav", source, &silence) else { return };
    for file in [&cut, &text, &list, &sound] {
        let message = VideoSource::open(file, DateTime::UNIX_EPOCH, VideoOptions::default())
            .and_then(|mut video| video.next_frame())
            .unwrap_err()
            .to_string();
        assert!(message.contains("could not be read as a video: "), "{message}");
        assert!(message.contains(&file.display().to_string()), "{message}");
    }
}

#[test]
fn a_name_without_a_file_is_not_found() {
    for path in ["/no/such/file.mp4", "/"] {
        let error =
            VideoSource::open(Path::new(path), DateTime::UNIX_EPOCH, VideoOptions::default()).err().unwrap();
        assert!(matches!(error, CaptureError::NotFound { .. }), "{error}");
    }
}

#[test]
fn the_clip_of_the_evaluation_is_read_to_its_end() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces/video/short_hamilton_clip.mp4");
    if !path.exists() {
        println!("SKIPPED: {} is not there", path.display());
        return;
    }
    let mut video = open(&path, VideoOptions::default());
    let mut frames = 0;
    while let Some(frame) = video.next_frame().unwrap() {
        assert!(frame.picture.width() <= 1280);
        frames += 1;
    }
    let seconds = f64::from(frames) / f64::from(video.nominal_fps());
    println!("{frames} frames, {seconds:.1} s");
    assert!((9.0..9.4).contains(&seconds), "{seconds} s of a clip whose pictures take 9.2 s");
}
