//! pip and npm as child processes. They read the registry that the user's own configuration names;
//! what they bring is checked here against the pinned digest whatever they say of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::catalogue::{Archive, Package, Registry};
use super::{SetupError, go_on};

/// How often a running client is looked at: its end, its progress, and whether to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a client that was told to end is given before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How many lines of a client's output an error shows.
const TAIL_LINES: usize = 12;
/// How much of the end of a client's output is read for that.
const TAIL_BYTES: u64 = 8 << 10;
/// How many folders deep a client's files are looked for.
const MAX_DEPTH: usize = 8;

/// Where the registries' clients are looked for.
#[derive(Debug, Clone)]
pub struct Clients {
    search_path: OsString,
}

impl Default for Clients {
    /// On the PATH of this process.
    fn default() -> Self {
        Self { search_path: std::env::var_os("PATH").unwrap_or_default() }
    }
}

impl Clients {
    /// On `search_path`, folders joined by colons.
    pub fn on(search_path: impl Into<OsString>) -> Self {
        Self { search_path: search_path.into() }
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let runs = |path: &PathBuf| {
            std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        };
        // The client runs in another folder, where a relative path would mean something else.
        let in_folder = |folder: PathBuf| std::path::absolute(folder.join(program)).ok();
        std::env::split_paths(&self.search_path).filter_map(in_folder).find(runs)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C reaches this process alone, which then ends the whole group.
        command.env("PATH", &self.search_path).stdin(Stdio::null()).process_group(0);
        command
    }

    /// Whether `program` with `args` ends well; for asking what is installed.
    fn answers(&self, program: &Path, args: &[&str]) -> bool {
        let mut command = self.command(program);
        command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// pip, as `python3 -m pip` or by its own name, and whether setuptools can read an sdist in it.
    fn pip(&self) -> Option<(Command, bool)> {
        let python = self.find("python3").filter(|python| self.answers(python, &["-m", "pip", "--version"]));
        if let Some(python) = python {
            let mut command = self.command(&python);
            command.args(["-m", "pip"]);
            let builds = "import setuptools.build_meta\ntry: import setuptools.command.bdist_wheel\n\
                          except ImportError: import wheel";
            return Some((command, self.answers(&python, &["-c", builds])));
        }
        let pip = self.find("pip3").or_else(|| self.find("pip"))?;
        Some((self.command(&pip), false))
    }
}

/// Fetches `archive` of `package` into `folder`, which is empty and only this call's, and says where
/// it is. `received` hears how many bytes have arrived.
///
/// # Errors
/// [`SetupError::ClientMissing`], [`SetupError::ClientFailed`], or [`SetupError::Interrupted`] after
/// the client and all it started have ended.
pub(super) fn fetch(
    clients: &Clients,
    package: &Package,
    archive: &Archive,
    folder: &Path,
    stop: &AtomicBool,
    received: &mut dyn FnMut(u64),
) -> Result<PathBuf, SetupError> {
    let (scratch, target) = (folder.join("scratch"), folder.join("archive"));
    for new in [&scratch, &target] {
        std::fs::create_dir(new).map_err(SetupError::io("create the folder", new))?;
    }
    let mut command = match package.registry {
        Registry::Pypi => pip_download(clients, package, archive, folder, &target)?,
        Registry::Npm => npm_pack(clients, package, &scratch, &target)?,
    };
    // What a client unpacks on its way lies in scratch too, and goes with the staging folder.
    command.env("TMPDIR", &scratch).current_dir(&scratch);
    let log = folder.join("client.log");
    let output = File::create(&log).map_err(SetupError::io("create", &log))?;
    let errors = output.try_clone().map_err(SetupError::io("create", &log))?;
    command.stdout(output).stderr(errors);
    let status = run(command, stop, &mut || {
        received(largest_file(folder, MAX_DEPTH).min(archive.size_bytes));
    })?;
    let path = target.join(&archive.file);
    if status.status.success() && path.is_file() {
        received(archive.size_bytes);
        return Ok(path);
    }
    let outcome = if status.status.success() {
        format!("ended well, but did not bring {}", archive.file)
    } else {
        format!("ended with {}", status.status)
    };
    Err(SetupError::ClientFailed {
        package: format!("{} {} from {}", package.name, package.version, package.registry),
        command: status.command,
        outcome,
        tail: tail(&log),
    })
}

fn pip_download(
    clients: &Clients,
    package: &Package,
    archive: &Archive,
    folder: &Path,
    target: &Path,
) -> Result<Command, SetupError> {
    let (mut command, builds) = clients.pip().ok_or_else(|| missing("pip", "python3-pip", package))?;
    let requirements = folder.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", package.name, package.version, archive.sha256);
    std::fs::write(&requirements, line).map_err(SetupError::io("write", &requirements))?;
    // With --require-hashes pip checks the archive before it opens it, so that the setup.py of an
    // sdist, which pip runs for the metadata, is the one that was pinned.
    command.args(["download", "--no-deps", "--require-hashes", "--progress-bar=off"]);
    command.arg("--requirement").arg(&requirements).arg("--dest").arg(target);
    match &archive.wheel {
        Some(wheel) => {
            command.args(["--only-binary=:all:", "--implementation=cp", "--python-version", &wheel.python]);
            command.args(["--platform", &wheel.platform]);
        }
        None => {
            command.args(["--no-binary", &package.name]);
            // Otherwise pip fetches setuptools, any version of it and unpinned, to run the setup.py in.
            if builds {
                command.arg("--no-build-isolation");
            }
        }
    }
    command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_NO_INPUT", "1").env("NO_COLOR", "1");
    command.env("PIP_REQUIRE_VIRTUALENV", "0");
    Ok(command)
}

fn npm_pack(
    clients: &Clients,
    package: &Package,
    scratch: &Path,
    target: &Path,
) -> Result<Command, SetupError> {
    let npm = clients.find("npm").ok_or_else(|| missing("npm", "npm", package))?;
    let mut command = clients.command(&npm);
    command.args([
        "pack",
        "--ignore-scripts",
        "--no-update-notifier",
        "--loglevel=error",
        "--pack-destination",
    ]);
    command.arg(target);
    command.arg("--cache").arg(scratch.join("npm-cache"));
    command.arg(format!("{}@{}", package.name, package.version)).env("NO_COLOR", "1");
    Ok(command)
}

fn missing(client: &'static str, debian_package: &'static str, package: &Package) -> SetupError {
    let package = format!("{} {}", package.name, package.version);
    SetupError::ClientMissing { client, package, debian_package }
}

struct Ended {
    status: ExitStatus,
    command: String,
}

/// Runs a client to its end, or ends it when asked to stop.
fn run(mut command: Command, stop: &AtomicBool, look: &mut dyn FnMut()) -> Result<Ended, SetupError> {
    let typed = as_typed(&command);
    let program = PathBuf::from(command.get_program());
    let mut running = Running(command.spawn().map_err(SetupError::io("start", &program))?);
    loop {
        if let Some(status) = running.0.try_wait().map_err(SetupError::io("wait for", &program))? {
            return Ok(Ended { status, command: typed });
        }
        go_on(stop)?;
        look();
        std::thread::sleep(LOOK);
    }
}

/// A client that does not outlive this value.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended meanwhile: then there is nothing to end.
            let _ = kill_process_group(group, signal);
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal(Signal::TERM);
        for _ in 0..GRACE.as_millis() / LOOK.as_millis() {
            if self.has_ended() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        // What the client started may have ignored the first signal.
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }
}

fn as_typed(command: &Command) -> String {
    let quote = |word: &OsStr| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_alphanumeric() || "@/._+-:=".contains(c);
        if word.chars().all(plain) { word.into_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(quote);
    words.collect::<Vec<_>>().join(" ")
}

/// The last lines of a client's output, without control characters.
fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    let shown = |line: &&str| format!("  | {}", line.replace(|c: char| c.is_control(), " "));
    if last.is_empty() {
        "  | (it said nothing)".into()
    } else {
        last.iter().map(shown).collect::<Vec<_>>().join("\n")
    }
}

/// The size of the largest file below `folder`: the archive, as far as it has arrived.
fn largest_file(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    // Files come and go while the client works: what cannot be looked at is left out.
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() && depth > 0 => largest_file(&entry.path(), depth - 1),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.filter_map(Result::ok).map(size).max().unwrap_or(0)
}
