//! A delivery to a program: the object on its standard input, and success where it ends with 0.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::DeliveryError;

/// How often a program that runs is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Where programs are looked for: the environment of muster is not theirs.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs `program` with `text` and a line end on its standard input, which is closed then. A program that takes
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
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = started
        .map_err(|error| DeliveryError::Start { program: program.to_owned(), detail: error.to_string() })?;
    if let Some(mut stdin) = child.stdin.take() {
        // Less than a pipe holds, so that it never waits; one that does not read it may do so.
        let _ = stdin.write_all(text.as_bytes()).and_then(|()| stdin.write_all(b"\n"));
    }
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
