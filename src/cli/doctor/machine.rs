//! What `doctor` looks at on the machine itself: folders, programs, cameras, the terminal, the
//! clock. Each takes where to look, so that a test can say what is there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::capture::SourceSpec;
use crate::capture::camera::{self, CameraDoor, System};
use crate::config::effective::WatchedSource;
use crate::config::{Effective, Environment};
use crate::tui::graphics::Graphics;

use super::Check;

/// Which configuration was read.
pub fn configuration(effective: &Effective) -> Check {
    match &effective.file {
        Some(file) => Check::ok("configuration", format!("{} ({})", file.path.display(), file.origin))
            .with_value(file.path.display().to_string()),
        None => Check::ok("configuration", "no file; every value is its default"),
    }
}

/// Whether the data directory is there, is this user's, and is closed to others. What is in it is
/// another check.
pub fn data_directory(path: &Path, uid: u32) -> Check {
    let shown = path.display();
    let check = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::ok("data", format!("{shown} is not there yet; the first enrolment makes it"))
        }
        Err(error) => Check::fail("data", format!("{shown}: {error}"), "name another with --data-dir"),
        Ok(facts) if !facts.is_dir() => {
            Check::fail("data", format!("{shown} is no folder"), "name another with --data-dir")
        }
        // Who starts the service as root looks at what is the service's.
        Ok(facts) if facts.uid() != uid && uid == 0 => {
            Check::ok("data", format!("{shown}, of user {}, whose engine root goes through", facts.uid()))
        }
        Ok(facts) if facts.uid() != uid => Check::fail(
            "data",
            format!("{shown} belongs to user {}, and this is user {uid}", facts.uid()),
            "run muster as its owner, or name another with --data-dir",
        ),
        Ok(facts) if facts.permissions().mode() & 0o077 != 0 => Check::warn(
            "data",
            format!("{shown} is open to other users (mode {:o})", facts.permissions().mode() & 0o777),
            format!("chmod 700 '{shown}'"),
        ),
        Ok(_) => Check::ok("data", format!("{shown}, for its owner alone")),
    };
    check.with_value(path.display().to_string())
}

/// The file called `program` on the `PATH` of `environment` that may be run.
pub fn on_path(program: &str, environment: &Environment) -> Option<PathBuf> {
    let path = environment.variable("PATH")?;
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| {
        fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    })
}

/// Whether ffmpeg is there; needed for `video:` and for network streams, and for these not too old.
pub fn ffmpeg(effective: &Effective, environment: &Environment) -> Check {
    let Some(program) = on_path("ffmpeg", environment) else {
        let hint = "install the package ffmpeg (apt install ffmpeg)";
        let detail =
            "ffmpeg was not found on PATH; video: sources and network streams need it, others do not";
        let needs_it = |source: &WatchedSource| {
            matches!(source.spec.value, SourceSpec::Video(_) | SourceSpec::Stream(_))
        };
        return match effective.sources.iter().any(needs_it) {
            true => Check::fail("ffmpeg", detail, hint),
            false => Check::warn("ffmpeg", detail, hint),
        };
    };
    let asked = Command::new(&program).arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    match asked {
        Ok(answer) if answer.status.success() => {
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            // "ffmpeg version 5.1.6-0+deb12u1 Copyright (c) ..."
            let version = text.split_whitespace().nth(2).unwrap_or("of unknown version").to_owned();
            if is_old(&version) {
                let detail = format!("{version} is too old for network streams: expected 5.1 or later");
                let hint = "install a newer ffmpeg, such as Debian 12's";
                let is_stream = |source: &WatchedSource| matches!(source.spec.value, SourceSpec::Stream(_));
                return match effective.sources.iter().any(is_stream) {
                    true => Check::fail("ffmpeg", detail, hint),
                    false => Check::warn("ffmpeg", detail, hint),
                };
            }
            Check::ok("ffmpeg", format!("{version}, {}", program.display())).with_value(version)
        }
        _ => Check::fail(
            "ffmpeg",
            format!("{} does not run", program.display()),
            "install the package ffmpeg again",
        ),
    }
}

/// Whether a version such as `4.4.2-0ubuntu0.22.04.1` is below 5.1; not where it cannot be read, as that of
/// a build from the sources' tree.
fn is_old(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let number = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
    matches!(number, (Some(major), minor) if (major, minor.unwrap_or(0)) < (5, 1))
}

/// Where this machine says what cameras there are.
pub fn camera_system(environment: &Environment) -> System {
    System::under(&environment.system(""))
}

/// Cameras that the kernel knows, and whether this user may open them. What comes of the configured one is
/// another check.
pub fn cameras(environment: &Environment) -> Vec<Check> {
    let system = camera_system(environment);
    let checks: Vec<Check> =
        camera::doors(&system).iter().map(|door| door_check(door).with_value(door.source())).collect();
    if checks.is_empty() {
        let hint = "plug one in, or use --source with rtsp:, video:, replay: or images:";
        return vec![Check::warn("camera", "there is no /dev/video*", hint)];
    }
    checks
}

fn door_check(door: &CameraDoor) -> Check {
    let label = format!("{} {}", door.source(), door.name);
    let label = label.trim_end();
    match &door.denied {
        None if door.is_device => Check::ok("camera", label),
        None => Check::warn("camera", format!("/dev/video{} is no device", door.index), "remove it"),
        Some(how) => Check::warn("camera", format!("{label} may not be opened"), how),
    }
}

/// What the screen would be drawn on; `size` in columns and rows, where there is a terminal.
pub fn terminal(size: Option<(u16, u16)>, graphics: Option<Graphics>, environment: &Environment) -> Check {
    let variable =
        |name| environment.variable(name).map(|v| v.to_string_lossy().into_owned()).unwrap_or_default();
    let (term, colour) = (variable("TERM"), variable("COLORTERM"));
    let Some((columns, rows)) = size else {
        return Check::ok(
            "terminal",
            "standard output is no terminal; the screen needs one, subcommands do not",
        );
    };
    let colours = match colour.as_str() {
        "truecolor" | "24bit" => "16 million",
        _ if term.contains("256color") => "256",
        _ => "16",
    };
    let pictures = graphics.map_or_else(String::new, |graphics| format!(", pictures by {graphics}"));
    let detail = format!("{columns}x{rows}, {colours} colours{pictures}, TERM={term}");
    if columns < 60 || rows < 16 {
        Check::warn("terminal", detail, "the screen needs 60 columns and 16 rows: make the window larger")
    } else if term.is_empty() || term == "dumb" {
        Check::warn("terminal", detail, "set TERM to what the terminal is, such as xterm-256color")
    } else {
        Check::ok("terminal", detail)
    }
}

/// The size of the terminal on standard output, in columns and rows.
pub fn terminal_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some((size.ws_col, size.ws_row))
}

/// Whether the system says that its clock is synchronised: systemd-timesyncd leaves a file when it
/// is. `None` where nobody says.
pub fn clock_is_synchronised(environment: &Environment) -> Option<bool> {
    let folder = environment.system("run/systemd/timesync");
    if folder.join("synchronized").exists() {
        return Some(true);
    }
    folder.is_dir().then_some(false)
}

/// The clock, which every record's time is read from.
pub fn clock(environment: &Environment) -> Check {
    match clock_is_synchronised(environment) {
        Some(true) => Check::ok("clock", "synchronised").with_value("synchronised"),
        Some(false) => Check::warn(
            "clock",
            "not synchronised: the times of records may be wrong, and say so",
            "look at timedatectl; a time server must be reachable",
        )
        .with_value("unsynchronised"),
        None => Check::warn(
            "clock",
            "not known to be synchronised; records say so",
            "run systemd-timesyncd (apt install systemd-timesyncd), or make sure that another time service runs",
        )
        .with_value("unknown"),
    }
}

#[cfg(test)]
mod tests;
