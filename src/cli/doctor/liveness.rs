//! Whether what follows from the liveness net fits the source, and was tried out here.

use crate::capture::SourceSpec;
use crate::face::LivenessMode;

use super::Check;

/// What the ledger says of self-tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfTest {
    /// The last one's figures.
    Noted(String),
    /// There is none.
    None,
    /// The ledger could not be read, and why.
    Unknown(String),
}

/// The checks for `mode` on `source`. Only `require` needs more than to be said: it keeps people out.
pub fn checks(mode: LivenessMode, source: &SourceSpec, test: &SelfTest) -> Vec<Check> {
    if mode != LivenessMode::Require {
        let words = match mode {
            LivenessMode::Off => "off: the net is not even loaded",
            _ => "warn: what looks like an attack is said, and decides nothing",
        };
        return vec![Check::ok("liveness", words).with_value(mode.to_string())];
    }
    let mut checks = vec![match test {
        SelfTest::Noted(figures) => Check::ok("liveness", format!("require; tested here: {figures}")),
        SelfTest::None => Check::warn(
            "liveness",
            "require, and the ledger notes no self-test: how many people it would refuse here, and how many \
             attacks pass, is not known",
            format!("run `muster pad-test --source {source}`"),
        ),
        SelfTest::Unknown(reason) => Check::warn(
            "liveness",
            format!("require; whether it was tested here is not known: {reason}"),
            "look again when the store is closed",
        ),
    }];
    if source.is_recording() {
        checks.push(Check::warn(
            "liveness",
            format!("require is meant for people before a camera, and the source is {source}"),
            "set [liveness] mode to warn for recordings",
        ));
    }
    checks.into_iter().map(|check| check.with_value(mode.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn require_wants_a_self_test_and_a_live_source() {
        let noted = SelfTest::Noted("BPCER 0 of 20, at most 16.8 %".to_owned());
        let unknown = SelfTest::Unknown("another process has it".to_owned());
        for (mode, source, test, warnings) in [
            (LivenessMode::Off, "images:*.jpg", &SelfTest::None, 0),
            (LivenessMode::Warn, "images:*.jpg", &SelfTest::None, 0),
            (LivenessMode::Require, "camera:0", &noted, 0),
            (LivenessMode::Require, "video:rtsp://door/1", &noted, 0),
            (LivenessMode::Require, "camera:0", &SelfTest::None, 1),
            (LivenessMode::Require, "camera:0", &unknown, 1),
            (LivenessMode::Require, "video:monday.mp4", &noted, 1),
            (LivenessMode::Require, "replay:data/demo", &SelfTest::None, 2),
            (LivenessMode::Require, "images:*.jpg", &noted, 1),
        ] {
            let checks = checks(mode, &source.parse().unwrap(), test);
            let warned = checks.iter().filter(|check| check.status == Status::Warn).count();
            assert_eq!(warned, warnings, "{mode} {source} {test:?}: {checks:?}");
            assert!(checks.iter().all(|check| check.value.as_deref() == Some(mode.to_string().as_str())));
        }
    }

    #[test]
    fn what_to_do_names_the_source() {
        let checks = checks(LivenessMode::Require, &"camera:2".parse().unwrap(), &SelfTest::None);
        assert_eq!(checks[0].hint.as_deref(), Some("run `muster pad-test --source camera:2`"));
    }
}
