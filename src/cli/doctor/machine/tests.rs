use std::os::unix::fs::symlink;

use super::super::Status;
use super::*;
use crate::config::Flags;

fn machine() -> (tempfile::TempDir, Environment) {
    let root = tempfile::tempdir().unwrap();
    let mut environment = Environment {
        current_dir: root.path().to_owned(),
        system_root: root.path().to_owned(),
        uid: rustix::process::getuid().as_raw(),
        ..Environment::default()
    };
    environment.variables.insert("HOME".into(), root.path().into());
    environment.variables.insert("PATH".into(), root.path().join("bin").into());
    (root, environment)
}

fn effective(environment: &Environment, source: Option<&str>) -> Effective {
    let source = source.map(|source| source.parse().unwrap());
    Effective::resolve(&Flags { source, ..Flags::default() }, environment).unwrap()
}

#[test]
fn a_data_directory_that_is_open_or_somebody_elses_is_said() {
    let (root, environment) = machine();
    let path = root.path().join("data");
    let status = |uid| data_directory(&path, uid).status;
    assert_eq!(status(environment.uid), Status::Ok);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let open = data_directory(&path, environment.uid);
    assert_eq!(open.status, Status::Warn);
    assert!(open.hint.unwrap().contains("chmod 700"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(status(environment.uid), Status::Ok);
    assert_eq!(status(environment.uid.max(1) + 1), Status::Fail);
    // Root goes through the engine of whoever it belongs to; where root runs the tests, it is given away first.
    let _ = std::os::unix::fs::chown(&path, Some(environment.uid.max(1)), None);
    assert_eq!(status(0), Status::Ok);
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(status(environment.uid), Status::Fail);
}

#[test]
fn ffmpeg_is_needed_only_for_a_video() {
    let (root, environment) = machine();
    assert_eq!(ffmpeg(&effective(&environment, None), &environment).status, Status::Warn);
    let video = effective(&environment, Some("video:x.mp4"));
    assert_eq!(ffmpeg(&video, &environment).status, Status::Fail);
    fs::create_dir(root.path().join("bin")).unwrap();
    let program = root.path().join("bin/ffmpeg");
    fs::write(&program, "#!/bin/sh\necho ffmpeg version 7.1-x Copyright\n").unwrap();
    // A file that may not be run is no program.
    assert_eq!(ffmpeg(&video, &environment).status, Status::Fail);
    // `true` says no version; a link to it runs without the race of a file that was just written.
    fs::remove_file(&program).unwrap();
    symlink("/bin/true", &program).unwrap();
    let check = ffmpeg(&video, &environment);
    assert_eq!((check.status, check.value.as_deref()), (Status::Ok, Some("of unknown version")));
    assert!(is_old("4.4.2-0ubuntu0.22.04.1") && is_old("5.0.1"));
    assert!(!is_old("5.1.9-0+deb12u1") && !is_old("7.1") && !is_old("8") && !is_old("N-1-gabc"));
    let stream = effective(&environment, Some("rtsp://cam/1"));
    assert_eq!(ffmpeg(&stream, &environment).status, Status::Ok);
    fs::remove_file(&program).unwrap();
    assert_eq!(ffmpeg(&stream, &environment).status, Status::Fail);
    symlink("/bin/false", &program).unwrap();
    assert_eq!(ffmpeg(&video, &environment).status, Status::Fail);
}

#[test]
fn cameras_are_listed_with_whether_they_may_be_opened() {
    let (root, environment) = machine();
    let none = cameras(&environment);
    assert_eq!((none.len(), none[0].status), (1, Status::Warn));
    // Devices are told apart from files; a link to a real one stands in for a camera.
    fs::create_dir_all(root.path().join("dev")).unwrap();
    fs::create_dir_all(root.path().join("sys/class/video4linux/video2")).unwrap();
    fs::write(root.path().join("sys/class/video4linux/video2/name"), "Door\n").unwrap();
    symlink("/dev/null", root.path().join("dev/video2")).unwrap();
    fs::write(root.path().join("dev/video3"), "").unwrap();
    let found = cameras(&environment);
    assert_eq!(found.iter().map(|check| check.status).collect::<Vec<_>>(), [Status::Ok, Status::Warn]);
    assert_eq!(found[0].detail, "camera:2 Door");
    assert_eq!(found[0].value.as_deref(), Some("camera:2"));
    assert_eq!(found[1].detail, "/dev/video3 is no device");
    let mut denied = camera::doors(&camera_system(&environment)).remove(0);
    denied.denied = Some("join its group".to_owned());
    let check = door_check(&denied);
    assert_eq!((check.status, check.hint.as_deref()), (Status::Warn, Some("join its group")));
}

#[test]
fn the_screen_needs_sixty_by_sixteen() {
    let (_root, mut environment) = machine();
    environment.variables.insert("TERM".into(), "xterm-256color".into());
    assert_eq!(terminal(None, None, &environment).status, Status::Ok);
    assert_eq!(terminal(Some((60, 16)), None, &environment).status, Status::Ok);
    assert!(terminal(Some((60, 16)), None, &environment).detail.contains("256 colours"));
    assert_eq!(terminal(Some((59, 16)), None, &environment).status, Status::Warn);
    assert_eq!(terminal(Some((60, 15)), None, &environment).status, Status::Warn);
    environment.variables.insert("TERM".into(), "dumb".into());
    assert_eq!(terminal(Some((80, 24)), None, &environment).status, Status::Warn);
}

#[test]
fn a_clock_is_synchronised_where_the_system_says_so() {
    let (root, environment) = machine();
    assert_eq!(clock_is_synchronised(&environment), None);
    let folder = root.path().join("run/systemd/timesync");
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(clock_is_synchronised(&environment), Some(false));
    fs::write(folder.join("synchronized"), "").unwrap();
    assert_eq!(clock_is_synchronised(&environment), Some(true));
    assert_eq!(clock(&environment).status, Status::Ok);
}
