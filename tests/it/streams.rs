//! Network streams, from a camera on loopback that does what it is told: what comes, how late, what is said
//! of each fault, and that nothing is left behind.

pub mod server;
mod soak;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use muster::capture::picture::{self, encode_jpeg};
use muster::capture::stream::{StreamOptions, StreamSource};
use muster::capture::view::{Turn, View};
use muster::capture::{CaptureSource, Frame, RgbPicture};

use crate::support::{Home, demo_picture, sorted};
use server::{Mode, Server};

/// Between two pictures of the camera.
const INTERVAL: Duration = Duration::from_millis(40);

/// `user:secret`, as HTTP and RTSP say it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

/// A JPEG whose left half says the high four bits of `number` and whose right half the low ones.
fn numbered(number: u8, width: u32, height: u32) -> Vec<u8> {
    let level = |x: u32| if x < width / 2 { (number >> 4) * 16 + 8 } else { (number & 15) * 16 + 8 };
    let row: Vec<u8> = (0..width).flat_map(|x| [level(x); 3]).collect();
    encode_jpeg(&RgbPicture::new(width, height, row.repeat(height as usize)).unwrap()).unwrap()
}

fn number_of(frame: &Frame) -> u8 {
    let picture = &frame.picture;
    let level = |x: u32| picture.pixel(x, picture.height() / 2)[1] / 16;
    level(picture.width() / 4) * 16 + level(picture.width() * 3 / 4)
}

pub fn jpegs(count: u8, width: u32, height: u32) -> Arc<Vec<Vec<u8>>> {
    Arc::new((0..count).map(|number| numbered(number, width, height)).collect())
}

/// The same pictures as an MPEG-4 elementary stream, each with the headers before it.
pub fn mpeg4(jpegs: &[Vec<u8>]) -> Arc<Vec<Vec<u8>>> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "mjpeg", "-framerate", "25", "-i", "pipe:0"])
        .args(["-c:v", "mpeg4", "-q:v", "4", "-g", "5", "-bf", "0", "-f", "m4v", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed (Debian package ffmpeg)");
    let (mut stdin, pictures) = (ffmpeg.stdin.take().unwrap(), jpegs.concat());
    let writer = std::thread::spawn(move || stdin.write_all(&pictures).unwrap());
    let made = ffmpeg.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(made.status.success(), "ffmpeg could not make the pictures");
    let bytes = made.stdout;
    let codes: Vec<usize> = (0..bytes.len() - 3).filter(|at| bytes[*at..*at + 3] == [0, 0, 1]).collect();
    // A picture ends where, after its VOP (B6), the next start code stands.
    let mut starts = vec![0];
    starts.extend(codes.windows(2).filter(|pair| bytes[pair[0] + 3] == 0xB6).map(|pair| pair[1]));
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    Arc::new(starts.iter().zip(ends).map(|(from, to)| bytes[*from..to].to_vec()).collect())
}

fn address(server: &Server, rtsp: bool, user: &str) -> String {
    format!("{}://{user}127.0.0.1:{}/door", if rtsp { "rtsp" } else { "http" }, server.port())
}

fn open(address: &str) -> StreamSource {
    open_within(address, Duration::from_secs(30))
}

fn open_within(address: &str, first_picture: Duration) -> StreamSource {
    let options =
        StreamOptions { first_picture, next_picture: Duration::from_secs(1), ..StreamOptions::default() };
    StreamSource::open(address.parse().unwrap(), Utc::now, options).unwrap()
}

fn next(source: &mut StreamSource) -> Frame {
    source.next_frame().unwrap().expect("a stream has no end")
}

/// The error that ends a stream.
fn failure(source: &mut StreamSource) -> String {
    loop {
        if let Err(error) = source.next_frame() {
            return error.to_string();
        }
    }
}

#[test]
fn pictures_come_with_their_size_their_colours_and_the_time_they_came() {
    let server = Server::start(false, INTERVAL, Mode::Serve(jpegs(200, 320, 240)));
    let before = Utc::now();
    let mut source = open(&address(&server, false, ""));
    let frames: Vec<Frame> = (0..5).map(|_| next(&mut source)).collect();
    for pair in frames.windows(2) {
        assert!(number_of(&pair[1]) > number_of(&pair[0]));
        assert!(pair[1].sequence > pair[0].sequence && pair[1].at >= pair[0].at && pair[0].at >= before);
    }
    assert_eq!((frames[0].picture.width(), frames[0].picture.height()), (320, 240));
    assert!(source.is_live());

    let large = Server::start(false, INTERVAL, Mode::Serve(jpegs(10, 2560, 1440)));
    let frame = next(&mut open(&address(&large, false, "")));
    assert_eq!((frame.picture.width(), frame.picture.height()), (1280, 720));

    let rtsp = Server::start(true, INTERVAL, Mode::Serve(mpeg4(&jpegs(200, 320, 240))));
    let mut source = open(&address(&rtsp, true, ""));
    let (frame, later) = (next(&mut source), next(&mut source));
    assert_eq!((frame.picture.width(), frame.picture.height()), (320, 240));
    assert!(number_of(&later) > number_of(&frame));
}

/// Colours as cameras write them: BT.601, in JPEG's full range and in MPEG's narrower one.
#[test]
fn colours_are_right() {
    let patches = [[250, 5, 5], [5, 250, 5], [5, 5, 250], [128, 128, 128], [250, 250, 250], [10, 10, 10]];
    let data: Vec<u8> = (0..64).flat_map(|_| (0..384usize).flat_map(|x| patches[x / 64])).collect();
    let picture = encode_jpeg(&RgbPicture::new(384, 64, data).unwrap()).unwrap();
    for rtsp in [false, true] {
        let pictures = vec![picture.clone(); 50];
        let pictures = if rtsp { mpeg4(&pictures) } else { Arc::new(pictures) };
        let server = Server::start(rtsp, INTERVAL, Mode::Serve(pictures));
        let frame = next(&mut open(&address(&server, rtsp, "")));
        for (index, expected) in patches.iter().enumerate() {
            let found = frame.picture.pixel(index as u32 * 64 + 32, 32);
            let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
            println!("rtsp {rtsp}: {expected:?} came as {found:?}");
            assert!(off <= Some(10), "rtsp {rtsp}: {expected:?} came as {found:?}");
        }
    }
}

#[test]
fn the_newest_picture_wins_however_slowly_they_are_taken() {
    const COUNT: u8 = 240;
    let server = Server::start(false, Duration::from_millis(10), Mode::ServeOnce(jpegs(COUNT, 640, 480)));
    let mut source = open(&address(&server, false, ""));
    let first = number_of(&next(&mut source));
    // The reader looks away until the camera has sent all it has.
    server.wait_sent(u64::from(COUNT));
    let mut taken = vec![first];
    while taken.last() != Some(&(COUNT - 1)) {
        taken.push(number_of(&next(&mut source)));
    }
    println!("of {COUNT} pictures a reader that looked away took {}: {taken:?}", taken.len());
    assert!(taken.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(taken.len() < usize::from(COUNT) / 4, "it lagged behind: {taken:?}");
}

#[test]
fn pictures_come_soon_after_they_were_sent() {
    for rtsp in [false, true] {
        let pictures = jpegs(250, 640, 480);
        let pictures = if rtsp { mpeg4(&pictures) } else { pictures };
        let server = Server::start(rtsp, INTERVAL, Mode::Serve(pictures));
        let begun = Instant::now();
        let mut source = open(&address(&server, rtsp, ""));
        next(&mut source);
        let first = begun.elapsed();
        // What was read to know the stream by comes in a rush.
        (0..30).for_each(|_| drop(next(&mut source)));
        let sent = server.wait_sent(1);
        let mut delays: Vec<Duration> = (0..50)
            .map(|_| {
                let frame = next(&mut source);
                let came = Instant::now();
                // The camera sends picture n at n intervals after the first, and a little.
                came.saturating_duration_since(sent + INTERVAL * u32::from(number_of(&frame)))
            })
            .collect();
        delays.sort();
        println!(
            "{}: the first after {first:?}, then {:?} after it was sent (median; at most {:?})",
            if rtsp { "rtsp" } else { "http" },
            delays[25],
            delays[49]
        );
        assert!(delays[25] < Duration::from_secs(5), "a stream that lags by seconds is not live");
    }
}

#[test]
fn a_password_is_used_and_in_no_list_of_processes() {
    for rtsp in [false, true] {
        let pictures = if rtsp { mpeg4(&jpegs(200, 320, 240)) } else { jpegs(200, 320, 240) };
        let server = Server::start(rtsp, INTERVAL, Mode::Serve(pictures));
        server.want(BASIC);
        let mut source = open(&address(&server, rtsp, "user:secret@"));
        next(&mut source);
        let mut children = 0;
        for process in processes() {
            let read = |name: &str| std::fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&read("cmdline")).into_owned();
            if arguments.starts_with("ffmpeg") && arguments.contains("concat") {
                children += 1;
                let environment = String::from_utf8_lossy(&read("environ")).into_owned();
                let told = arguments.contains("secret") || environment.contains("user:secret");
                assert!(!told, "{arguments} {environment}");
            }
        }
        assert!(children > 0, "no child was seen");
        drop(source);
        let wrong = failure(&mut open(&address(&server, rtsp, "user:wrong@")));
        assert!(wrong.contains("another user and password") && !wrong.contains("wrong@"), "{wrong}");
        assert!(wrong.contains("://***@127.0.0.1"), "{wrong}");
    }
}

fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn every_fault_is_said_with_its_reason() {
    let small = jpegs(200, 320, 240);
    for (rtsp, fault, expected) in [
        (false, Mode::Refuse, "ended"),
        (false, Mode::Drop, "ended"),
        (false, Mode::Silent, "no picture came within 1 s"),
        (false, Mode::Serve(jpegs(200, 240, 320)), "have 240x320 pixels now and had 320x240"),
        (true, Mode::Drop, "ended"),
        (true, Mode::Silent, "no picture came within 1 s"),
        (true, Mode::Serve(mpeg4(&jpegs(200, 480, 480))), "have 480x480 pixels now and had 320x240"),
    ] {
        let pictures = if rtsp { mpeg4(&jpegs(200, 320, 240)) } else { Arc::clone(&small) };
        let server = Server::start(rtsp, INTERVAL, Mode::Serve(pictures));
        let mut source = open(&address(&server, rtsp, ""));
        next(&mut source);
        server.set(fault.clone());
        let said = failure(&mut source);
        println!("rtsp {rtsp}: {said}");
        assert!(said.contains("could not go on") && said.contains(expected), "rtsp {rtsp}: {said}");
    }
}

#[test]
fn a_server_that_never_gives_a_picture_is_said_with_what_to_do() {
    for (rtsp, mode, expected) in [
        (false, Mode::Refuse, "refuses the connection"),
        (true, Mode::Refuse, "refuses the connection"),
        (false, Mode::Status(404), "no such stream"),
        (true, Mode::Status(404), "no such stream"),
        (false, Mode::Status(503), "a fault of its own"),
        (false, Mode::Silent, "does not answer"),
        (true, Mode::Silent, "RTSP server"),
        (false, Mode::Junk, "no picture came within 5 s"),
        (false, Mode::Drop, "ended the connection"),
    ] {
        let server = Server::start(rtsp, INTERVAL, mode.clone());
        let said = failure(&mut open_within(&address(&server, rtsp, ""), Duration::from_secs(5)));
        println!("rtsp {rtsp}: {said}");
        assert!(said.contains(expected), "rtsp {rtsp}: {said}");
    }
}

/// What hangs on its side is seen upright, and the box on the screen lies where the face is.
#[test]
fn a_camera_on_its_side_knows_people_all_the_same() {
    let home = Home::new();
    let portrait = demo_picture("enrol/obama.jpg");
    home.run(["enroll", "Barack Obama", portrait.to_str().unwrap()]).expect(0);
    // The camera hangs a quarter turn to the left, behind a mirror: what it sends is the upright picture
    // turned by 270 degrees after it was mirrored.
    let upright = picture::read(&demo_picture("show/obama2.jpg")).unwrap().resized_to_fit(640, 640);
    let mirror = View { mirrored: true, ..View::default() };
    let turned = View { turn: Turn::ThreeQuarters, ..View::default() };
    let sent = turned.of(&mirror.of(&upright));
    let server = Server::start(false, INTERVAL, Mode::Serve(Arc::new(vec![encode_jpeg(&sent).unwrap()])));
    let source = address(&server, false, "user:secret@");
    let out = home.path().join("door");
    let words = ["--source", &source, "--rotate", "90", "--mirror", "--source-name", "front door"];
    let captured = home.run(
        [&["capture", "--out", out.to_str().unwrap(), "--seconds", "1", "--every", "5"][..], &words].concat(),
    );
    let captured = captured.expect(0);
    assert!(captured.stdout.contains("front door"), "{}", captured.stdout);
    assert!(!captured.stderr.contains("secret"), "{}", captured.stderr);
    let file = sorted(&out).remove(0);
    let seen = picture::read(&file).unwrap();
    assert_eq!((seen.width(), seen.height()), (upright.width(), upright.height()));
    let off = seen.data().iter().zip(upright.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
    assert!(off / (seen.data().len() as f64) < 8.0, "the pictures differ by {off}");
    // What was captured is played, and the person on it is known.
    let played = home.run(["take", "--source", &format!("images:{}", file.display())]).expect(0);
    assert!(played.stdout.contains("Barack Obama"), "{}", played.stdout);
    let replayed = home.run(["take", "--source", &format!("replay:{}", out.display())]).expect(0);
    assert!(replayed.stdout.contains("frames"), "{}", replayed.stdout);
}

#[test]
fn doctor_says_what_comes_of_the_source_and_never_its_password() {
    let home = Home::new();
    let server = Server::start(false, INTERVAL, Mode::Serve(jpegs(50, 320, 240)));
    let config = home.path().join("muster.toml");
    let text = format!(
        "[source]\ndefault = \"{}\"\nname = \"front door\"\nrotate = 90\n",
        address(&server, false, "user:secret@")
    );
    std::fs::write(&config, text).unwrap();
    let doctor = |home: &Home| {
        let finished = home.run(["doctor", "--json", "--config", config.to_str().unwrap()]);
        assert!(!finished.stdout.contains("secret") && !finished.stderr.contains("secret"));
        let checks = finished.json_lines();
        checks.into_iter().filter(|check| check["check"] == "source").collect::<Vec<_>>()
    };
    let good = doctor(&home);
    println!("{good:#?}");
    assert_eq!(good[0]["status"], "ok");
    let detail = good[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("front door: 240x320") && detail.contains("turned by 90"), "{detail}");
    server.set(Mode::Status(404));
    let bad = doctor(&home);
    assert_eq!(bad[0]["status"], "fail");
    assert!(bad[0]["detail"].as_str().unwrap().contains("no such stream"), "{bad:?}");
    let shown = home.run(["config", "show", "--effective", "--config", config.to_str().unwrap()]).expect(0);
    assert!(shown.stdout.contains("http://***@127.0.0.1") && !shown.stdout.contains("secret"));
}

#[test]
fn whoever_waits_can_be_told_to_stop() {
    let server = Server::start(false, INTERVAL, Mode::Silent);
    let options = StreamOptions { next_picture: Duration::from_secs(600), ..StreamOptions::default() };
    let text = address(&server, false, "");
    let mut source = StreamSource::open(text.parse().unwrap(), Utc::now, options).unwrap();
    let (stop, interrupt) = crossbeam_channel::bounded(0);
    source.interrupt_with(interrupt);
    let waiting = std::thread::spawn(move || source.next_frame().unwrap_err().to_string());
    drop(stop);
    assert!(waiting.join().unwrap().contains("told to stop"));
}
