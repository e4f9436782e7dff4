//! What `doctor` finds of the configured source: what comes of it, and whether its password is safe.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::capture::camera::CameraReport;
use crate::capture::{CameraAddress, CaptureError, CaptureSource, SourceSpec};
use crate::config::effective::WatchedSource;
use crate::config::{Effective, Origin};

use super::{Check, camera};

/// How long frames are counted over.
const COUNTED_OVER: Duration = Duration::from_secs(2);

/// The checks of every source that is watched.
pub fn all_checks(
    effective: &Effective,
    examine: impl Fn(&WatchedSource, &CameraAddress) -> Result<CameraReport, CaptureError>,
    open: impl Fn(&WatchedSource) -> Result<Box<dyn CaptureSource>, CaptureError>,
) -> Vec<Check> {
    let of = |source: &WatchedSource| {
        let found = checks(effective, source, |address| examine(source, address), || open(source));
        found.into_iter().map(|check| named(check, source)).collect::<Vec<_>>()
    };
    effective.sources.iter().flat_map(of).collect()
}

/// Says of which of several sources it is.
fn named(mut check: Check, source: &WatchedSource) -> Check {
    let (Some(table), name) = (&source.table, source.name()) else { return check };
    if !check.detail.starts_with(&name) {
        check.detail = format!("{name}: {}", check.detail);
    }
    check.detail = check.detail.replace("[source.controls]", &format!("[sources.{table}.controls]"));
    check.hint = check.hint.map(|hint| hint.replace("[source] default", &format!("[sources.{table}] from")));
    check
}

/// Opens a source and takes frames for two seconds at most; asks a camera before, with `examine`.
fn checks(
    effective: &Effective,
    source: &WatchedSource,
    examine: impl FnOnce(&CameraAddress) -> Result<CameraReport, CaptureError>,
    open: impl FnOnce() -> Result<Box<dyn CaptureSource>, CaptureError>,
) -> Vec<Check> {
    let spec = &source.spec.value;
    let name = source.name();
    if let SourceSpec::Camera(address) = spec {
        let is_chosen = !matches!(source.spec.origin, Origin::Default);
        let checks = camera::checks(&name, is_chosen, examine(address), || look(open), &view(source));
        return checks.into_iter().map(|check| check.with_value(spec.to_string())).collect();
    }
    let mut checks = vec![match look(open) {
        Ok(seen) => {
            Check::ok("source", format!("{name}: {seen}{}", view(source))).with_value(spec.to_string())
        }
        Err(error) => Check::fail("source", error.to_string(), advice(spec)).with_value(spec.to_string()),
    }];
    checks.extend(password(effective, source));
    checks
}

/// What came of a source in two seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// The size and how long the first frame took.
    pub(super) picture: String,
    /// Frames a second, of a live source.
    pub(super) fps: Option<f32>,
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.fps {
            Some(fps) => write!(f, "{}, {fps:.0} frames a second", self.picture),
            None => f.write_str(&self.picture),
        }
    }
}

fn look(open: impl FnOnce() -> Result<Box<dyn CaptureSource>, CaptureError>) -> Result<Look, CaptureError> {
    let begun = Instant::now();
    let mut source = open()?;
    let Some(first) = source.next_frame()? else {
        return Ok(Look { picture: "opens, and has no frame".to_owned(), fps: None });
    };
    let waited = begun.elapsed().as_secs_f32();
    let picture =
        format!("{}x{}, the first after {waited:.1} s", first.picture.width(), first.picture.height());
    if !source.is_live() {
        return Ok(Look { picture, fps: None });
    }
    let counting = Instant::now();
    let mut count = 0u32;
    while counting.elapsed() < COUNTED_OVER {
        source.next_frame()?;
        count += 1;
    }
    Ok(Look { picture, fps: Some(count as f32 / counting.elapsed().as_secs_f32()) })
}

/// How the pictures are seen, where they are not seen as they are.
fn view(source: &WatchedSource) -> String {
    let view = source.settings.view();
    let mut words = Vec::new();
    if view.turn.degrees() != 0 {
        words.push(format!("turned by {}", view.turn));
    }
    if view.mirrored {
        words.push("mirrored".to_owned());
    }
    if view.region != Default::default() {
        words.push(format!("region {}", view.region));
    }
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

fn advice(spec: &SourceSpec) -> &'static str {
    match spec {
        SourceSpec::Stream(_) => {
            "put the camera, the network or [source] default right; muster itself tries again by itself"
        }
        _ => "put [source] default right, or use --source",
    }
}

/// Who could read the password of a stream's address.
fn password(effective: &Effective, source: &WatchedSource) -> Vec<Check> {
    let SourceSpec::Stream(address) = &source.spec.value else { return Vec::new() };
    if !address.has_secret() {
        return Vec::new();
    }
    let mut checks = Vec::new();
    if let (Origin::File, Some(file)) = (source.spec.origin, &effective.file) {
        let is_open = fs::metadata(&file.path).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0);
        if is_open {
            let shown = file.path.display();
            checks.push(Check::warn(
                "source",
                format!("{shown} holds the source's password, and other users may read it"),
                format!("chmod 600 '{shown}'"),
            ));
        }
    }
    if address.scheme().is_open() {
        checks.push(Check::warn(
            "source",
            format!("the pictures of {address} pass unencrypted, and its password may"),
            "use rtsps:// or https:// where the camera has them, else a network of its own for it",
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::capture::{Frame, FrameSequence, RgbPicture};
    use crate::cli::doctor::Status;
    use crate::config::{Environment, Flags, SourceFlags};

    struct Fake;

    impl CaptureSource for Fake {
        fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
            let picture = RgbPicture::new(64, 48, vec![0; 64 * 48 * 3]).unwrap();
            let (sequence, at) = (FrameSequence(0), DateTime::UNIX_EPOCH);
            Ok(Some(Frame { sequence, at, picture, label: None }))
        }

        fn is_live(&self) -> bool {
            false
        }

        fn nominal_fps(&self) -> f32 {
            1.0
        }
    }

    fn effective(home: &std::path::Path, source: Option<&str>) -> Effective {
        let environment = Environment {
            variables: [("HOME".into(), home.into())].into(),
            system_root: home.to_owned(),
            ..Environment::default()
        };
        let source_flags =
            SourceFlags { rotate: source.map(|_| 90.try_into().unwrap()), ..SourceFlags::default() };
        let flags =
            Flags { source: source.map(|text| text.parse().unwrap()), source_flags, ..Flags::default() };
        Effective::resolve(&flags, &environment).unwrap()
    }

    fn no_camera(_: &CameraAddress) -> Result<CameraReport, CaptureError> {
        Err(CaptureError::NotFound { what: "/dev/video0".into(), hint: "plug one in".into() })
    }

    #[test]
    fn the_camera_that_nobody_chose_need_not_be_there() {
        let home = tempfile::tempdir().unwrap();
        let none =
            all_checks(&effective(home.path(), None), |_, address| no_camera(address), |_| unreachable!());
        assert_eq!(none, []);
        let chosen = all_checks(
            &effective(home.path(), Some("camera:0")),
            |_, address| no_camera(address),
            |_| unreachable!(),
        );
        assert_eq!((chosen.len(), chosen[0].status), (1, Status::Fail));
        assert_eq!(chosen[0].value.as_deref(), Some("camera:0"));
    }

    #[test]
    fn a_source_that_works_is_said_with_its_size_and_one_that_does_not_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let effective = effective(home.path(), Some("replay:x"));
        let good = checks(&effective, effective.source(), no_camera, || Ok(Box::new(Fake)));
        assert_eq!((good.len(), good[0].status), (1, Status::Ok));
        assert!(good[0].detail.starts_with("replay:x: 64x48") && good[0].detail.ends_with("(turned by 90)"));
        let gone = CaptureError::NotFound { what: "x".into(), hint: "expected a folder".into() };
        let bad = checks(&effective, effective.source(), no_camera, || Err(gone));
        assert_eq!(bad[0].status, Status::Fail);
        assert!(bad[0].hint.as_deref().unwrap().contains("[source] default"));
    }

    #[test]
    fn each_of_several_sources_is_named() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/muster");
        fs::create_dir_all(&folder).unwrap();
        let text = "[sources.front]\nfrom = \"replay:x\"\n[sources.yard]\nfrom = \"replay:y\"\n";
        fs::write(folder.join("muster.toml"), text).unwrap();
        let open = |source: &WatchedSource| match source.name().as_str() {
            "front" => Ok(Box::new(Fake) as Box<dyn CaptureSource>),
            _ => Err(CaptureError::NotFound { what: "y".into(), hint: "expected a folder".into() }),
        };
        let found = all_checks(&effective(home.path(), None), |_, address| no_camera(address), open);
        assert!(found[0].detail.starts_with("front: 64x48"), "{found:?}");
        assert_eq!(found[1].detail, "yard: y was not found: expected a folder");
        assert!(found[1].hint.as_deref().unwrap().contains("[sources.yard] from"), "{found:?}");
    }

    #[test]
    fn a_password_that_others_can_read_is_said_and_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/muster");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("muster.toml");
        fs::write(&file, "[source]\ndefault = \"rtsp://u:secret@cam/1\"\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let found = all_checks(
            &effective(home.path(), None),
            |_, address| no_camera(address),
            |_| Ok(Box::new(Fake)),
        );
        assert_eq!(
            found.iter().map(|check| check.status).collect::<Vec<_>>(),
            [Status::Ok, Status::Warn, Status::Warn]
        );
        assert!(found[1].hint.as_deref().unwrap().starts_with("chmod 600"));
        assert!(!format!("{found:?}").contains("secret"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let found = all_checks(
            &effective(home.path(), None),
            |_, address| no_camera(address),
            |_| Ok(Box::new(Fake)),
        );
        assert_eq!(found.len(), 2);
    }
}
