//! Shots that a source takes by itself, with what the person can do on standard error, and the
//! self-test afterwards.

use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::engine::command::{SelfTest, SelfTestOf, ShootingId, ShotId};
use crate::engine::state::SourceState;
use crate::engine::{Command, EngineHandle, Reply};

use super::super::exit::CliError;
use super::super::output::Output;
use super::super::roster;

/// How often the state is looked at where no event says that it is different.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until the shots are taken, or the source has ended with at least one.
///
/// # Errors
/// [`CliError`]: a source that cannot be opened, that ends before a shot could be taken, an interruption.
pub(super) fn shots(
    handle: &EngineHandle,
    interrupts: &Receiver<()>,
    out: &mut Output<'_>,
) -> Result<Vec<ShotId>, CliError> {
    let id = match handle.call(Command::BeginShooting)? {
        Reply::Shooting(id) => id,
        other => return Err(roster::unexpected(&other)),
    };
    let mut said = String::new();
    let reason = loop {
        let live = handle.snapshot().live;
        if let Some(view) = live.shooting.as_ref().filter(|view| view.id == id) {
            let now = format!("{} of {} shots: {}", view.taken, view.wanted, view.said);
            if now != said {
                out.note(&now);
                said = now;
            }
            if view.complete {
                break String::new();
            }
        }
        match &live.source().state {
            SourceState::Ended => break "the recording is over".to_owned(),
            SourceState::Lost { reason, .. } => break reason.clone(),
            _ => {}
        }
        if interrupts.recv_timeout(LOOK_EVERY).is_ok() {
            end(handle, id)?;
            return Err(CliError::negative("interrupted; nobody was enrolled"));
        }
    };
    let taken = end(handle, id)?;
    if taken.is_empty() {
        return Err(CliError::negative(format_args!("no shot could be taken: {reason} ({said})")));
    }
    Ok(taken)
}

fn end(handle: &EngineHandle, id: ShootingId) -> Result<Vec<ShotId>, CliError> {
    match handle.call(Command::EndShooting(id))? {
        Reply::Shots(shots) => Ok(shots.iter().map(|shot| shot.id).collect()),
        other => Err(roster::unexpected(&other)),
    }
}

/// Whether the next frames would be recognised by `shots`, before they are saved; none where there are
/// no frames any more.
pub(super) fn self_test(handle: &EngineHandle, shots: &[ShotId]) -> Option<SelfTest> {
    match handle.call(Command::SelfTest(SelfTestOf::Shots(shots.to_vec()))) {
        Ok(Reply::SelfTest(test)) => Some(test),
        _ => None,
    }
}

/// How it went.
pub(super) fn words(test: &SelfTest) -> String {
    let similarity = test.similarity.map(|found| format!(", similarity {:.2}", found.0)).unwrap_or_default();
    match (test.frames, test.identified) {
        (0, _) => "  self-test: no face came before the camera".to_owned(),
        (frames, identified) if 2 * identified > frames => {
            format!("  self-test: recognised in {identified} of {frames} frames{similarity}")
        }
        (frames, identified) => format!(
            "  self-test: recognised in only {identified} of {frames} frames{similarity}; add a picture from where \
             people come in, with --add"
        ),
    }
}
