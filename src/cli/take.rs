//! `muster take`: attendance without a screen.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use crossbeam_channel::{Receiver, RecvTimeoutError, never, select};
use serde::Serialize;

use crate::attendance::zone::SiteZone;
use crate::attendance::{PersonId, PresenceState};
use crate::capture::SourceSpec;
use crate::config::Effective;
use crate::engine::state::{InferenceStatus, SourceState, SourceStatus, TrackId};
use crate::engine::{Command, EngineEvent, EngineHandle, LogEntry};
use crate::ledger::{EntryKind, Sequence};
use crate::tui::pane::log::words;

use super::exit::{CliError, Exit};
use super::nets::{self, Running};
use super::output::{Output, printable};
use super::people;

/// Events that may wait for this client before it is told that some are missing.
const EVENT_ROOM: usize = 4096;
/// Entries that are asked for at once.
const PAGE: usize = 256;

/// How long no event is waited for before the snapshot is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Looks in a row without an event after which a source that has ended is believed, also where the
/// event that says so was lost.
const QUIET_LOOKS: u32 = 4;

/// An entry, as `--json` prints it.
#[derive(Serialize)]
struct EntryObject<'a> {
    kind: EntryKind,
    at: String,
    sequence: Sequence,
    person: Option<&'a str>,
    id: Option<String>,
    state: Option<PresenceState>,
    similarity: Option<f32>,
    /// For an unidentified passage, who they were most like.
    best: Option<&'a str>,
    note: Option<&'a str>,
}

/// A decision about a track, as `--json` prints it.
#[derive(Serialize)]
struct DecidedObject<'a> {
    kind: &'static str,
    at: String,
    track: TrackId,
    person: Option<String>,
    id: Option<String>,
    similarity: Option<f32>,
    label: Option<&'a str>,
}

/// What came of it all, as `--json` prints it.
#[derive(Serialize)]
struct SummaryObject<'a> {
    kind: &'static str,
    source: String,
    frames: u64,
    dropped: u64,
    /// Pictures that could not be read.
    skipped: u64,
    passages: u32,
    people: usize,
    unidentified: u32,
    decisions: u32,
    provider: String,
    pack: &'a str,
    ended: &'static str,
}

/// What makes the run end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// The recording is over.
    Source,
    /// A signal.
    Interrupted,
    /// The source, the nets or the engine failed for good.
    Failed(Exit, String),
}

/// What is watched, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// All of them, without what is secret.
    shown: String,
    /// Which of them end by themselves.
    recordings: Vec<bool>,
}

#[cfg(test)]
impl Kinds {
    /// One source, as it is written.
    fn one(source: &str) -> Self {
        let spec: SourceSpec = source.parse().unwrap();
        Self { shown: spec.to_string(), recordings: vec![spec.is_recording()] }
    }
}

/// What `effective` watches.
pub fn kinds(effective: &Effective) -> Kinds {
    let specs = || effective.sources.iter().map(|source| &source.spec.value);
    let shown: Vec<String> = specs().map(SourceSpec::to_string).collect();
    Kinds { shown: shown.join(", "), recordings: specs().map(SourceSpec::is_recording).collect() }
}

/// Follows the sources until they end or `interrupts` says so. `handle` belongs to an engine that was
/// started with them.
///
/// # Errors
/// [`CliError`]: a source that gives nothing (2 for a recording, 3 for a camera), nets that are
/// missing, an output that cannot be written.
pub fn run(
    handle: &EngineHandle,
    kinds: &Kinds,
    zone: SiteZone,
    interrupts: &Receiver<()>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let events = handle.subscribe(EVENT_ROOM);
    let running = nets::wait(handle)?;
    let mut log = Log { zone, last: Sequence(0), counts: Counts::default() };
    log.catch_up_from_start(handle, out)?;
    let ending = log.follow(handle, kinds, &events, interrupts, out)?;
    if ending == Ending::Interrupted {
        // What was acknowledged is on disk when this returns; that the engine is gone is as good.
        let _ = handle.call(Command::Shutdown);
    }
    for event in events.try_iter() {
        log.event(handle, &event, out)?;
    }
    log.summary(handle, kinds, &running, &ending, out)?;
    match ending {
        Ending::Source | Ending::Interrupted => Ok(Exit::Done),
        Ending::Failed(exit, message) => Err(CliError::Said { exit, message }),
    }
}

#[derive(Default)]
struct Counts {
    passages: u32,
    unidentified: u32,
    decisions: u32,
    people: BTreeSet<PersonId>,
}

struct Log {
    zone: SiteZone,
    /// The last entry that was printed or passed over; what comes again is not printed again.
    last: Sequence,
    counts: Counts,
}

impl Log {
    /// Prints what was recorded since the engine started, before this client listened.
    fn catch_up_from_start(&mut self, handle: &EngineHandle, out: &mut Output<'_>) -> Result<(), CliError> {
        people::settle(handle);
        let mut missed: Vec<LogEntry> = Vec::new();
        loop {
            let before = missed.last().map_or(Sequence(u64::MAX), |entry| entry.sequence);
            let page = handle.entries_before(before, PAGE)?;
            let full = page.len() == PAGE;
            for entry in page {
                if entry.kind == EntryKind::Started {
                    self.last = entry.sequence;
                    return missed.iter().rev().try_for_each(|entry| self.entry(entry, out));
                }
                missed.push(entry);
            }
            if !full {
                return missed.iter().rev().try_for_each(|entry| self.entry(entry, out));
            }
        }
    }

    fn follow(
        &mut self,
        handle: &EngineHandle,
        kinds: &Kinds,
        events: &Receiver<EngineEvent>,
        interrupts: &Receiver<()>,
        out: &mut Output<'_>,
    ) -> Result<Ending, CliError> {
        // Nothing but its end says that the hand of signals is gone; then none can come.
        let nothing = never();
        let mut interrupts = interrupts;
        let mut quiet = 0;
        loop {
            if let Some(ending) = ending_of(handle, kinds) {
                return Ok(ending);
            }
            let event = select! {
                recv(events) -> event => event.map_err(|_| RecvTimeoutError::Disconnected),
                recv(interrupts) -> signal => match signal {
                    Ok(()) => return Ok(Ending::Interrupted),
                    Err(_) => {
                        interrupts = &nothing;
                        continue;
                    }
                },
                // What overflowed may have been the change that ends the run: look again.
                default(LOOK_AGAIN) => Err(RecvTimeoutError::Timeout),
            };
            match event {
                Ok(EngineEvent::SourceEnded) => return Ok(Ending::Source),
                Ok(EngineEvent::Stopped) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Ending::Failed(Exit::Missing, "the engine has stopped".to_owned()));
                }
                Ok(event) => {
                    quiet = 0;
                    self.event(handle, &event, out)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    quiet += 1;
                    if quiet >= QUIET_LOOKS && is_over(handle) {
                        return Ok(Ending::Source);
                    }
                }
            }
        }
    }

    fn event(
        &mut self,
        handle: &EngineHandle,
        event: &EngineEvent,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        match event {
            EngineEvent::Entry(entry) => self.entry(entry, out),
            EngineEvent::Decided { track, at, person, similarity, label, .. } => {
                self.counts.decisions += 1;
                if !out.json {
                    return Ok(());
                }
                let name = person.map(|person| name_of(handle, person));
                Ok(out.object(&DecidedObject {
                    kind: "decided",
                    at: utc(*at),
                    track: *track,
                    person: name,
                    id: person.map(|person| person.to_string()),
                    similarity: similarity.map(|similarity| similarity.0),
                    label: label.as_deref(),
                })?)
            }
            EngineEvent::Lagged(_) => loop {
                let page = handle.entries_since(self.last, PAGE)?;
                page.iter().try_for_each(|entry| self.entry(entry, out))?;
                if page.len() < PAGE {
                    return Ok(());
                }
            },
            EngineEvent::StateChanged
            | EngineEvent::RoleChanged
            | EngineEvent::ApprovalsChanged
            | EngineEvent::ChallengeEnded { .. }
            | EngineEvent::SourceFailed(_)
            | EngineEvent::SourceEnded
            | EngineEvent::Stopped => Ok(()),
        }
    }

    fn entry(&mut self, entry: &LogEntry, out: &mut Output<'_>) -> Result<(), CliError> {
        if entry.sequence <= self.last {
            return Ok(());
        }
        self.last = entry.sequence;
        match entry.kind {
            EntryKind::Passage => {
                self.counts.passages += 1;
                self.counts.people.extend(entry.person);
            }
            EntryKind::Unidentified => self.counts.unidentified += 1,
            // These frame the run; they are not of it.
            EntryKind::Started
            | EntryKind::Stopped
            | EntryKind::ConfigurationChanged
            | EntryKind::ThresholdChanged
            | EntryKind::RetentionApplied => return Ok(()),
            _ => {}
        }
        let object = EntryObject {
            kind: entry.kind,
            at: utc(entry.at),
            sequence: entry.sequence,
            person: entry.name.as_ref().map(|name| name.as_str()),
            id: entry.person.map(|person| person.to_string()),
            state: entry.state,
            similarity: entry.similarity.map(|similarity| similarity.0),
            best: entry.best.as_ref().filter(|_| entry.person.is_none()).map(|name| name.as_str()),
            note: entry.note.as_deref(),
        };
        out.either(&object, self.sentence(entry))?;
        Ok(())
    }

    fn sentence(&self, entry: &LogEntry) -> String {
        let at = entry.at.with_timezone(&self.zone).naive_local().format("%Y-%m-%d %H:%M:%S");
        let name = entry.name.as_ref().map_or("somebody", |name| name.as_str());
        let alike = entry.similarity.map(|s| format!("  {:.3}", s.0)).unwrap_or_default();
        let state = entry.state.map(|state| format!("  {state}")).unwrap_or_default();
        let note = entry.note.as_deref().map(|note| format!("  ({})", printable(note))).unwrap_or_default();
        match entry.kind {
            EntryKind::Passage => {
                let source = entry.details.source.as_deref();
                let source = source.map(|source| format!("  at {}", printable(source))).unwrap_or_default();
                format!("{at}  {name}{state}{source}{alike}{note}")
            }
            EntryKind::Unidentified => {
                let best = entry.best.as_ref().map(|best| format!(", most like {best}")).unwrap_or_default();
                format!("{at}  unidentified{best}{alike}{note}")
            }
            EntryKind::Rejected => format!("{at}  rejected: the face does not look live{note}"),
            EntryKind::BackFilled => format!("{at}  {name}{state}  added later{note}"),
            EntryKind::StrangerDiscarded => format!("{at}  a stranger was taken out of the inbox{note}"),
            EntryKind::SpaceChanged => format!("{at}  the templates moved to another net{note}"),
            EntryKind::Erased => format!("{at}  somebody was erased{note}"),
            EntryKind::PadTested => format!("{at}  presentation attacks were tested{note}"),
            EntryKind::SourceLost => format!("{at}  the source was lost{note}"),
            EntryKind::SourceImpaired => format!("{at}  the source is of little use{note}"),
            EntryKind::SourceRestored => format!("{at}  the source is back{note}"),
            EntryKind::Mark => format!("{at}  {name}{state}  marked{note}"),
            EntryKind::Enrolled | EntryKind::Imported => format!("{at}  {name} is on the roster{note}"),
            EntryKind::TemplateAdded => format!("{at}  {name} has one template more{note}"),
            EntryKind::Removed => format!("{at}  {name} was removed{note}"),
            EntryKind::Renamed => format!("{at}  {name} has a new name{note}"),
            EntryKind::Exported => format!("{at}  the roster was exported{note}"),
            EntryKind::Started | EntryKind::Stopped => format!("{at}  {:?}", entry.kind),
            _ => format!("{at}  {}", printable(&words(entry, self.zone))),
        }
    }

    fn summary(
        &self,
        handle: &EngineHandle,
        kinds: &Kinds,
        running: &Running,
        ending: &Ending,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        let live = handle.snapshot().live;
        let sum = |count: fn(&SourceStatus) -> u64| live.sources.iter().map(count).sum();
        let ended = match ending {
            Ending::Source => "source",
            Ending::Interrupted => "interrupted",
            Ending::Failed(..) => "failed",
        };
        let object = SummaryObject {
            kind: "summary",
            source: kinds.shown.clone(),
            frames: sum(|source| source.frames),
            dropped: sum(|source| source.dropped),
            skipped: sum(|source| source.skipped),
            passages: self.counts.passages,
            people: self.counts.people.len(),
            unidentified: self.counts.unidentified,
            decisions: self.counts.decisions,
            provider: running.provider_name(),
            pack: &running.pack,
            ended,
        };
        let skipped = match object.skipped {
            0 => String::new(),
            pictures => format!(", unreadable: {pictures}"),
        };
        let text = format!(
            "records: {} of {}; unidentified: {}; frames: {}, dropped: {}{skipped}; on {}",
            object.passages,
            super::output::people_count(object.people),
            object.unidentified,
            object.frames,
            object.dropped,
            running.provider
        );
        Ok(out.either(&object, text)?)
    }
}

/// Whether the snapshot says that nothing more can come.
fn ending_of(handle: &EngineHandle, kinds: &Kinds) -> Option<Ending> {
    let live = handle.snapshot().live;
    if let InferenceStatus::Unavailable { reason } = &live.inference {
        return Some(Ending::Failed(Exit::Missing, reason.clone()));
    }
    let lost = |source: &SourceStatus| match &source.state {
        SourceState::Lost { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let lost_recording =
        live.sources.iter().zip(&kinds.recordings).filter(|(_, is_recording)| **is_recording);
    if let Some(reason) = lost_recording.filter_map(|(source, _)| lost(source)).next() {
        return Some(Ending::Failed(Exit::Usage, reason));
    }
    // A camera that was there once is waited for; where none ever was, nothing is.
    let reasons: Vec<String> =
        live.sources.iter().filter(|source| !source.has_streamed).filter_map(lost).collect();
    let is_nothing = !reasons.is_empty() && reasons.len() == live.sources.len();
    is_nothing.then(|| Ending::Failed(Exit::Missing, reasons.join("; ")))
}

/// Whether the source has ended and every record is on disk.
fn is_over(handle: &EngineHandle) -> bool {
    let live = handle.snapshot().live;
    live.sources.iter().all(|source| source.state == SourceState::Ended) && live.store_queue == 0
}

fn name_of(handle: &EngineHandle, person: PersonId) -> String {
    let roster = handle.snapshot().roster;
    let row = roster.rows.iter().find(|row| row.person == person);
    row.map_or_else(|| person.to_string(), |row| row.name.to_string())
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
