//! `muster doctor`: looks at everything that is needed, and says what to do about what is missing.

mod camera;
pub mod liveness;
pub mod machine;
pub mod source;

use serde::Serialize;

use super::exit::{CliError, Exit};
use super::output::{Output, printable};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, with something to know.
    Warn,
    /// Something that is needed is missing or out of order.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it came out.
    pub status: Status,
    /// The value for another program to read: `cpu`, a path, a version.
    pub value: Option<String>,
    /// What was found.
    pub detail: String,
    /// What to do, where there is something to do.
    pub hint: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, value: None, detail: detail.into(), hint: None }
    }

    /// Something to know.
    pub fn warn(check: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { check, status: Status::Warn, value: None, detail: detail.into(), hint }
    }

    /// Something to do.
    pub fn fail(check: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: Status::Fail, ..Self::warn(check, detail, hint) }
    }

    /// With a value for another program to read.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }
}

/// Runs `probes` one after another, writes each check as it comes, and ends with 3 where one
/// failed.
///
/// # Errors
/// [`CliError`] where the output cannot be written.
pub fn run<'p>(
    probes: impl IntoIterator<Item = Box<dyn FnOnce() -> Vec<Check> + 'p>>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let (mut failed, mut warned) = (0, 0);
    for probe in probes {
        for check in probe() {
            failed += u32::from(check.status == Status::Fail);
            warned += u32::from(check.status == Status::Warn);
            write(&check, out)?;
        }
    }
    if !out.json {
        out.line(match (failed, warned) {
            (0, 0) => "\nEverything is there.".to_owned(),
            (0, n) => format!("\nEverything that is needed is there; {n} to know about."),
            (n, _) => format!("\n{n} to put right."),
        })?;
    }
    Ok(if failed > 0 { Exit::Missing } else { Exit::Done })
}

/// Writes one check.
fn write(check: &Check, out: &mut Output<'_>) -> Result<(), CliError> {
    if out.json {
        return Ok(out.object(check)?);
    }
    let mark = match check.status {
        Status::Ok => "ok  ",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    };
    out.line(format_args!("{mark}  {:<14}  {}", check.check, printable(&check.detail)))?;
    if let Some(hint) = &check.hint {
        out.line(format_args!("{:22}-> {}", "", printable(hint)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_checks(checks: Vec<Check>, json: bool) -> (u8, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output { out: &mut out, err: &mut err, json, progress: None };
        let probe: Box<dyn FnOnce() -> Vec<Check>> = Box::new(move || checks);
        let exit = run([probe], &mut output).unwrap();
        (exit.code(), String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_failure_makes_the_status_3_and_a_warning_does_not() {
        let warn = Check::warn("clock", "not known", "run a time service");
        let fail = Check::fail("models", "no pack", "run muster setup");
        assert_eq!(run_checks(vec![Check::ok("ffmpeg", "7.1")], false).0, 0);
        assert_eq!(run_checks(vec![warn.clone()], false).0, 0);
        let (code, text) = run_checks(vec![warn, fail], false);
        assert_eq!(code, 3);
        assert!(text.contains("FAIL  models") && text.contains("-> run muster setup"), "{text}");
        assert!(text.ends_with("1 to put right.\n"), "{text}");
    }

    #[test]
    fn json_is_one_object_a_check() {
        let check = Check::ok("provider", "CUDA is not there").with_value("cpu");
        let (_, text) = run_checks(vec![check], true);
        assert_eq!(
            text,
            "{\"check\":\"provider\",\"status\":\"ok\",\"value\":\"cpu\",\"detail\":\"CUDA is not there\",\"hint\":null}\n"
        );
    }
}
