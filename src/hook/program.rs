//! A delivery to a program: the object on its standard input, and success where it ends with 0.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

use super::DeliveryError;

/// How often a program that runs is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Where programs are looked for: the environment of muster is not theirs.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `text` and a line end as a file in memory, to be read from its beginning. A pipe would hold only so much, and
/// whoever fills it waits for a program that does not read.
fn input(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("muster-hook", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.rewind()?;
    Ok(file)
}

/// Runs `program` with `text` and a line end on its standard input, which ends there. A program that takes
/// longer than `timeout`, or than `is_over` allows, is killed with everything it started.
///
/// # Errors
/// [`DeliveryError`]
pub fn deliver(
    program: &str,
    arguments: &[String],
    text: &str,
    timeout: Duration,
    is_over: &dyn Fn() -> bool,
) -> Result<(), DeliveryError> {
    let cannot_start =
        |error: io::Error| DeliveryError::Start { program: program.to_owned(), detail: error.to_string() };
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(input(text).map_err(cannot_start)?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = started.map_err(cannot_start)?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let (program, status) = (program.to_owned(), status.to_string());
                return Err(DeliveryError::Status { program, status });
            }
            Ok(None) if begun.elapsed() >= timeout => {
                end(&mut child);
                return Err(DeliveryError::Timeout { seconds: timeout.as_secs() });
            }
            Ok(None) if is_over() => {
                end(&mut child);
                return Err(DeliveryError::Stopped);
            }
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => {
                end(&mut child);
                let program = program.to_owned();
                return Err(DeliveryError::Status { program, status: error.to_string() });
            }
        }
    }
}

/// Kills the program with all of its group, and waits for it.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Result<(), DeliveryError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        deliver("sh", &arguments, "{\"id\":\"1\"}", timeout, &|| false)
    }

    #[test]
    fn a_program_gets_the_object_and_nothing_of_our_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let script = format!("cat > {0}; env >> {0}", file.display());
        shell(&script, Duration::from_secs(60)).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("{\"id\":\"1\"}\n"), "{text}");
        assert!(!text.contains("HOME=") && !text.contains("CARGO") && text.contains("PATH="), "{text}");
    }

    #[test]
    fn one_that_does_not_read_what_is_longer_than_a_pipe_holds_nobody_up() {
        let text = "x".repeat(1 << 20);
        let deliver = |program: &str, argument: &str, seconds| {
            let arguments =
                if argument.is_empty() { vec![] } else { vec!["-c".to_owned(), argument.to_owned()] };
            deliver(program, &arguments, &text, Duration::from_secs(seconds), &|| false)
        };
        assert_eq!(deliver("sh", "sleep 600", 1), Err(DeliveryError::Timeout { seconds: 1 }));
        assert_eq!(deliver("true", "", 60), Ok(()));
        assert_eq!(deliver("sh", "test $(wc -c) = 1048577", 60), Ok(()), "and one that reads has all of it");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let long = Duration::from_secs(60);
        let error = shell("exit 3", long).unwrap_err().to_string();
        assert!(error.contains("sh ended with exit status: 3"), "{error}");
        // One that does not read what it is given is not wrong.
        assert_eq!(shell("exec <&-; exit 0", long), Ok(()));
        let missing = deliver("muster-no-such-program", &[], "{}", long, &|| false).unwrap_err();
        assert!(matches!(missing, DeliveryError::Start { .. }), "{missing}");
    }

    #[test]
    fn one_that_hangs_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        assert_eq!(shell(&script, Duration::from_secs(1)), Err(DeliveryError::Timeout { seconds: 1 }));
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        // Killed, it is gone or waits for its new parent to take notice.
        let is_running = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        while is_running() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let arguments = ["600".to_owned()];
        let stopped = deliver("sleep", &arguments, "{}", Duration::from_secs(600), &|| true);
        assert_eq!(stopped, Err(DeliveryError::Stopped));
    }
}
