use super::*;
use crate::capture::camera::{CameraMode, ControlKind, Encoding, Holder};
use crate::config::{Environment, Flags};

fn format(encoding: &str, width: u32, height: u32, fps: &[f64]) -> CameraFormat {
    CameraFormat { encoding: encoding.to_owned(), width, height, fps: fps.to_vec() }
}

fn report() -> CameraReport {
    CameraReport {
        source: "camera:0".to_owned(),
        stable_path: Some("/dev/v4l/by-id/usb-door-video-index0".to_owned()),
        name: "Door\x1b".to_owned(),
        driver: "uvcvideo".to_owned(),
        bus: "usb-1".to_owned(),
        state: CameraState::Free,
        holders: vec![],
        formats: vec![
            format("MJPG", 1280, 720, &[30.0, 29.97, 7.5]),
            format("YUYV", 640, 480, &[30.0]),
            format("H264", 640, 480, &[]),
        ],
        mode: Some(CameraMode { width: 1280, height: 720, fps: 30, encoding: Encoding::Mjpeg }),
        controls: vec![],
        problems: vec![],
    }
}

fn written(json: bool, write: impl FnOnce(&mut Output<'_>) -> Result<(), CliError>) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    write(&mut Output { out: &mut out, err: &mut err, json, progress: None }).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_camera_is_a_few_lines() {
    let text = written(false, |out| list(&[report()], &CameraOptions::default(), out).map(drop));
    assert_eq!(
        text,
        "camera:0  Door\u{FFFD}\n  \
           stable    camera:/dev/v4l/by-id/usb-door-video-index0\n  \
           driver    uvcvideo, usb-1\n  \
           state     free\n  \
           MJPG      1280x720   30, 29.97, 7.5\n  \
           YUYV      640x480    30\n  \
           H264      640x480    rates not told\n  \
           chosen    1280x720 MJPG at 30 frames a second, for faces up to 2 m away\n"
    );
}

#[test]
fn what_is_the_matter_is_said_with_the_camera() {
    let text = |report: &CameraReport| description(report, &CameraOptions::default());
    let mode = CameraMode { width: 640, height: 480, fps: 10, encoding: Encoding::Yuyv };
    let slow = text(&CameraReport { mode: Some(mode), ..report() });
    assert!(
        slow.contains("at 10 frames a second; 1100 columns would be needed for faces 2 m away; slow"),
        "{slow}"
    );
    assert!(
        text(&CameraReport { mode: None, ..report() }).contains("none: it offers no picture in YUYV or MJPG")
    );
    let holder = Holder { program: "cheese".to_owned(), pid: 9 };
    let held = text(&CameraReport { holders: vec![holder], ..report() });
    assert!(held.contains("free; cheese (pid 9) has it open"), "{held}");
    let denied = CameraReport {
        state: CameraState::Denied("permission denied; join its group `cam`".to_owned()),
        driver: String::new(),
        formats: vec![],
        mode: None,
        ..report()
    };
    let denied = text(&denied);
    assert!(denied.ends_with("  state     permission denied; join its group `cam`"), "{denied}");
}

#[test]
fn one_camera_is_shown_with_its_controls() {
    let mut exposure = CameraControl::new("auto_exposure", ControlKind::Menu);
    exposure.value = Some(3);
    exposure.words = vec![(1, "Manual Mode".to_owned()), (3, "Aperture Priority Mode".to_owned())];
    exposure.default = 3;
    let mut time = CameraControl::new("exposure_time_absolute", ControlKind::Number);
    (time.least, time.most, time.inactive) = (3, 2047, true);
    let one = CameraReport { controls: vec![exposure, time], ..report() };
    let text = written(false, |out| show(&one, &CameraOptions::default(), out));
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    assert!(lines[2].starts_with("control                 is "), "{text}");
    assert!(lines[1].contains("\"Manual Mode\" (1), \"Aperture Priority Mode\" (3)"), "{text}");
    assert!(
        lines[0].contains("3 to 2047") && lines[0].ends_with("governed by another control now"),
        "{text}"
    );
    let json = written(true, |out| show(&one, &CameraOptions::default(), out));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["controls"][0]["words"][1][1], "Aperture Priority Mode");
    assert_eq!(json["state"], "free");
}

#[test]
fn no_camera_ends_with_3_and_another_source_with_2() {
    let root = tempfile::tempdir().unwrap();
    let environment = Environment {
        variables: [("HOME".into(), root.path().into())].into(),
        system_root: root.path().to_owned(),
        ..Environment::default()
    };
    let effective = Effective::resolve(&Flags::default(), &environment).unwrap();
    let system = System::under(root.path());
    let end = |source: Option<&str>| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output { out: &mut out, err: &mut err, json: false, progress: None };
        let args = CamerasArgs { source: source.map(|source| source.parse().unwrap()) };
        run(&effective, &system, &args, &mut output).unwrap_err()
    };
    for (source, code, said) in [
        (None, 3, "there is no camera: plug one in"),
        (Some("camera:0"), 3, "/dev/video0 was not found"),
        (Some("camera:/dev/none"), 3, "/dev/none was not found"),
        (Some("video:a.mp4"), 2, "expected camera:N"),
    ] {
        let error = end(source);
        assert_eq!(error.exit().code(), code, "{source:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
