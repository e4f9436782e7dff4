//! A child process whose standard output is read and whose last words are kept.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use crate::capture::CaptureError;

/// How much of what a program complains about is kept: the end, where the reason is.
const KEPT_BYTES: usize = 2048;

/// A program that runs. Dropping it ends and reaps it.
pub(super) struct Program {
    child: Child,
    /// What it writes.
    pub(super) stdout: ChildStdout,
    complaints: Option<JoinHandle<Vec<u8>>>,
}

/// How a program ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Whether its exit status was 0.
    pub(super) success: bool,
    /// The end of what it complained about, in one line.
    complaint: String,
}

impl Ended {
    /// What it complained about, or `otherwise` where it said nothing.
    pub(super) fn reason(&self, otherwise: &str) -> String {
        if self.complaint.is_empty() { otherwise.to_owned() } else { self.complaint.clone() }
    }
}

impl Program {
    /// Starts `program` with nothing on its standard input.
    pub(super) fn start(program: &'static str, arguments: &[OsString]) -> Result<Self, CaptureError> {
        let failed =
            |detail: String| CaptureError::Failed { what: program.to_owned(), step: "be started", detail };
        let mut child = Command::new(program)
            .args(arguments)
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for this process to act on, not for its children.
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => CaptureError::ProgramMissing {
                    program,
                    hint: "video files are read by it; install it with `sudo apt install ffmpeg`".to_owned(),
                },
                _ => failed(error.to_string()),
            })?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            end(&mut child);
            return Err(failed("its output is not connected".to_owned()));
        };
        // Read at once and to the end: a program whose complaints fill the pipe would stand still.
        let reader =
            std::thread::Builder::new().name(format!("{program}-stderr")).spawn(|| last_words(stderr));
        match reader {
            Ok(reader) => Ok(Self { child, stdout, complaints: Some(reader) }),
            Err(error) => {
                end(&mut child);
                Err(failed(error.to_string()))
            }
        }
    }

    /// Waits for the end of a program that has closed its output.
    pub(super) fn finish(mut self) -> Ended {
        let success = self.child.wait().is_ok_and(|status| status.success());
        let words = self.complaints.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(3)..].join("; ");
        Ended { success, complaint: tail.chars().filter(|c| !c.is_control()).take(400).collect() }
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        end(&mut self.child);
        if let Some(reader) = self.complaints.take() {
            let _ = reader.join();
        }
    }
}

/// Ends a child and reaps it. Both fail only where it has ended and was reaped already.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn last_words(mut stderr: ChildStderr) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        match stderr.read(&mut buffer) {
            Ok(0) => return kept,
            Ok(count) => {
                kept.extend_from_slice(&buffer[..count]);
                kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_is_said_with_what_to_install() {
        let error = Program::start("muster-no-such-program", &[]).err().unwrap();
        let message = error.to_string();
        assert!(message.contains("muster-no-such-program was not found on PATH"), "{message}");
        assert!(message.contains("apt install ffmpeg"), "{message}");
    }

    #[test]
    fn much_complaining_neither_blocks_nor_fills_the_memory() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo complaint $i >&2; i=$((i+1)); done; exit 3";
        let mut program = Program::start("sh", &["-c".into(), script.into()]).unwrap();
        let mut nothing = Vec::new();
        program.stdout.read_to_end(&mut nothing).unwrap();
        let ended = program.finish();
        assert!(!ended.success);
        assert_eq!(ended.reason("-"), "complaint 19997; complaint 19998; complaint 19999");
    }
}
