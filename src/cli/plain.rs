//! `muster --plain`: what the screen says, without a screen: one line an event, for screen readers, logs and pipes.

use std::time::Duration;

use chrono::Utc;
use crossbeam_channel::{Receiver, select};

use crate::attendance::zone::SiteZone;
use crate::engine::handle::Snapshot;
use crate::engine::state::{InferenceStatus, SourceState, SourceStatus};
use crate::engine::{CommandError, EngineEvent, EngineHandle, LogEntry};
use crate::ledger::Sequence;
use crate::tui::pane::{log, status};

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use super::people;

/// Events that may wait; what does not fit is fetched again.
const ROOM: usize = 1_024;
/// Entries that are fetched at a time.
const PAGE: usize = 200;
/// How often the state is looked at where no event says that it is different.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Follows the engine until `interrupts` has something, the reader of the output goes away, or the engine stops.
///
/// # Errors
/// [`CliError`] where the output cannot be written or the engine has stopped.
pub fn run(
    handle: &EngineHandle,
    interrupts: &Receiver<()>,
    zone: SiteZone,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let events = handle.subscribe(ROOM);
    people::settle(handle);
    let newest = handle.entries_before(Sequence(u64::MAX), 1)?.first().map(|entry| entry.sequence);
    let mut plain = Plain { zone, last: newest.unwrap_or_default(), said: Vec::new() };
    plain.state(&handle.snapshot(), out)?;
    loop {
        let event = select! {
            recv(events) -> event => event.unwrap_or(EngineEvent::Stopped),
            recv(interrupts) -> _ => return Ok(Exit::Done),
            default(LOOK_AGAIN) => EngineEvent::StateChanged,
        };
        match event {
            EngineEvent::Entry(entry) => plain.entry(&entry, out)?,
            EngineEvent::Lagged(_) => plain.catch_up(handle, out)?,
            EngineEvent::SourceFailed(reason) => plain.line(&format!("source failed: {reason}"), out)?,
            EngineEvent::Stopped => {
                return Err(CliError::missing("the engine has stopped; see the log file"));
            }
            EngineEvent::StateChanged
            | EngineEvent::RoleChanged
            | EngineEvent::ApprovalsChanged
            | EngineEvent::SourceEnded
            | EngineEvent::Decided { .. }
            | EngineEvent::ChallengeEnded { .. } => plain.state(&handle.snapshot(), out)?,
        }
    }
}

struct Plain {
    zone: SiteZone,
    /// The last entry that was printed.
    last: Sequence,
    /// What is so, as it was last said.
    said: Vec<String>,
}

impl Plain {
    fn entry(&mut self, entry: &LogEntry, out: &mut Output<'_>) -> Result<(), CliError> {
        if entry.sequence <= self.last {
            return Ok(());
        }
        self.last = entry.sequence;
        let at = self.zone.local(entry.at).format("%Y-%m-%d %H:%M:%S");
        Ok(out.line(format_args!("{at}  {}", printable(&log::words(entry, self.zone))))?)
    }

    fn catch_up(&mut self, handle: &EngineHandle, out: &mut Output<'_>) -> Result<(), CliError> {
        loop {
            let page = match handle.entries_since(self.last, PAGE) {
                // It is asked for again when the engine is back.
                Err(CommandError::NotThere | CommandError::LinkLost) => return Ok(()),
                page => page?,
            };
            page.iter().try_for_each(|entry| self.entry(entry, out))?;
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Says what is different of what is so.
    fn state(&mut self, snapshot: &Snapshot, out: &mut Output<'_>) -> Result<(), CliError> {
        let now = sentences(snapshot);
        let before = std::mem::replace(&mut self.said, now.clone());
        for sentence in now.iter().filter(|sentence| !before.contains(sentence)) {
            self.line(sentence, out)?;
        }
        Ok(())
    }

    fn line(&self, words: &str, out: &mut Output<'_>) -> Result<(), CliError> {
        let at = self.zone.local(Utc::now()).format("%Y-%m-%d %H:%M:%S");
        Ok(out.line(format_args!("{at}  {}", printable(words)))?)
    }
}

/// What a source does.
fn source_sentence(source: &SourceStatus) -> Option<String> {
    let name = &source.name;
    match (&source.state, &source.trouble) {
        (SourceState::None | SourceState::Opening, _) => None,
        (SourceState::Streaming, None) => Some(format!("source {name}: live")),
        // What it is, is said with what else is wrong.
        (SourceState::Streaming, Some(_)) => None,
        (SourceState::Paused, _) => Some(format!("source {name}: paused")),
        (SourceState::Ended, _) => Some(format!("source {name}: ended")),
        (SourceState::Lost { reason, .. }, _) => Some(format!("source {name}: lost: {reason}")),
    }
}

/// What is so and is said once: of the source, the nets, the store and the inbox.
fn sentences(snapshot: &Snapshot) -> Vec<String> {
    let live = &snapshot.live;
    let mut sentences = Vec::new();
    if live.sources.is_empty() {
        sentences.push("no source".to_owned());
    }
    sentences.extend(live.sources.iter().filter_map(source_sentence));
    if let InferenceStatus::Ready { provider, pack } = &live.inference {
        sentences.push(format!("nets {pack}: ready on {provider}"));
    }
    sentences.extend(status::alert(snapshot));
    match snapshot.inbox.rows.len() {
        0 => {}
        1 => sentences.push("inbox: 1 person whom nobody knows".to_owned()),
        count => sentences.push(format!("inbox: {count} people whom nobody knows")),
    }
    sentences
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::state::LiveState;

    fn snapshot(state: SourceState) -> Snapshot {
        let mut live = LiveState::default();
        live.source_mut().name = "camera:0".to_owned();
        live.source_mut().state = state;
        let role = Some(crate::access::Role::Admin);
        Snapshot {
            live: Arc::new(live),
            roster: Arc::default(),
            inbox: Arc::default(),
            role,
            link: Arc::default(),
        }
    }

    #[test]
    fn what_is_so_is_said_once_and_again_when_it_is_so_again() {
        let (mut bytes, mut err) = (Vec::new(), Vec::new());
        let mut out = Output { out: &mut bytes, err: &mut err, json: false, progress: None };
        let mut plain = Plain { zone: SiteZone::UTC, last: Sequence(0), said: Vec::new() };
        let lost = || SourceState::Lost { reason: "unplugged\u{1b}[2J".to_owned(), retry_at: None };
        for state in [
            SourceState::Opening,
            SourceState::Streaming,
            SourceState::Streaming,
            lost(),
            lost(),
            SourceState::Streaming,
        ] {
            plain.state(&snapshot(state), &mut out).unwrap();
        }
        let text = String::from_utf8(bytes).unwrap();
        let said: Vec<&str> = text.lines().map(|line| &line[21..]).collect();
        assert_eq!(
            said,
            ["source camera:0: live", "source camera:0: lost: unplugged\u{fffd}[2J", "source camera:0: live"]
        );
    }
}
