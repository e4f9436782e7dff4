//! The sources that an engine watches: what each of them does, and who is followed in its pictures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Sender, TrySendError};

use crate::attendance::SourceRole;
use crate::capture::Frame;
use crate::inference::FrameAnalysis;
use crate::ledger::{Actor, EntryKind, NotePart, Parts};
use crate::track::Jury;

use super::super::command::CommandError;
use super::super::event::EngineEvent;
use super::super::state::{SourceIndex, SourceState, SourceStatus};
use super::super::worker::capture::{SourceControl, SourceReport};
use super::super::worker::look::{Attention, Extent};
use super::Core;
use super::live::FrameRate;

/// The engine's hold on a capture thread; letting go stops it.
pub(crate) struct SourceLine {
    pub(crate) control: Sender<SourceControl>,
    pub(crate) _stop: Sender<()>,
    /// Dropped when somebody follows the events: a recording that must be whole begins then.
    pub(crate) gate: Option<Sender<()>>,
    pub(crate) dropped: Arc<AtomicU64>,
}

/// What the engine thread is given of a source.
pub(crate) struct SourceEnds {
    pub(crate) name: String,
    pub(crate) role: SourceRole,
    pub(crate) line: SourceLine,
    pub(crate) attention: Sender<Attention>,
}

/// A source that is watched.
pub(super) struct Watched {
    pub(super) status: SourceStatus,
    /// Which way people pass it.
    pub(super) role: SourceRole,
    /// Decides who is in its pictures.
    pub(super) jury: Jury,
    pub(super) last_frame: Option<(Frame, Option<FrameAnalysis>)>,
    pub(super) frame_rate: FrameRate,
    /// None once it was let go.
    line: Option<SourceLine>,
    attention: Sender<Attention>,
    /// Whether the ledger says that it is lost.
    is_lost: bool,
    /// Whether it has ended, and what was seen in it is still on its way to the disk.
    is_ending: bool,
}

impl Watched {
    pub(super) fn new(ends: SourceEnds, jury: Jury) -> Self {
        let SourceEnds { name, role, line, attention } = ends;
        Self {
            status: SourceStatus { name, ..SourceStatus::default() },
            role,
            jury,
            last_frame: None,
            frame_rate: FrameRate::default(),
            line: Some(line),
            attention,
            is_lost: false,
            is_ending: false,
        }
    }

    /// What it does at the moment, with its counters.
    pub(super) fn status_now(&mut self) -> SourceStatus {
        if let Some(line) = &self.line {
            self.status.dropped = line.dropped.load(Ordering::Relaxed);
        }
        self.status.frames_per_second = self.frame_rate.per_second();
        let in_view = if self.last_frame.is_some() { self.jury.snapshot().count() } else { 0 };
        self.status.in_view = u32::try_from(in_view).unwrap_or(u32::MAX);
        self.status.clone()
    }

    /// Answers for the frame that was looked at.
    pub(super) fn answer(&self, wanted: Extent) {
        let attention = Attention { decided: self.jury.decided(), wanted };
        // There is room for it, unless the inference thread has ended.
        let _ = self.attention.try_send(attention);
    }
}

impl Core {
    pub(super) fn watched(&self, source: SourceIndex) -> Option<&Watched> {
        self.sources.get(source.position())
    }

    pub(super) fn watched_mut(&mut self, source: SourceIndex) -> Option<&mut Watched> {
        self.sources.get_mut(source.position())
    }

    /// The source that is looked at: its picture is shown, and people are enrolled before it.
    pub(super) fn focused(&self) -> Option<&Watched> {
        self.watched(self.focus)
    }

    /// All of them.
    pub(super) fn source_indexes(&self) -> Vec<SourceIndex> {
        (0..self.sources.len()).map(SourceIndex::at).collect()
    }

    /// What the source does that is looked at.
    pub(super) fn source_state(&self) -> &SourceState {
        self.focused().map_or(&SourceState::None, |watched| &watched.status.state)
    }

    /// What it is called; nothing where there is none.
    pub(super) fn source_name(&self) -> &str {
        self.focused().map_or("", |watched| &watched.status.name)
    }

    /// Whether a source is watched that was not let go.
    pub(super) fn holds_a_source(&self) -> bool {
        self.sources.iter().any(|watched| watched.line.is_some())
    }

    /// Everybody who decides who is in a picture.
    pub(super) fn juries(&mut self) -> impl Iterator<Item = &mut Jury> {
        self.sources.iter_mut().map(|watched| &mut watched.jury)
    }

    /// Somebody follows the events: a recording that must be whole may begin.
    pub(super) fn open_gates(&mut self) {
        for line in self.sources.iter_mut().filter_map(|watched| watched.line.as_mut()) {
            line.gate = None;
        }
    }

    /// Lets all of them go; whether there was one.
    pub(super) fn let_sources_go(&mut self) -> bool {
        let had_source = self.holds_a_source();
        self.sources.iter_mut().for_each(|watched| watched.line = None);
        had_source
    }

    /// All of them: who asks for a pause wants nobody recognised.
    pub(super) fn set_paused(&mut self, paused: bool) {
        let control = if paused { SourceControl::Pause } else { SourceControl::Resume };
        for line in self.sources.iter().filter_map(|watched| watched.line.as_ref()) {
            // With no room the capture thread still has newer words to read than this one.
            if let Err(TrySendError::Full(_)) = line.control.try_send(control) {
                tracing::warn!("a source has not read its last words yet");
            }
        }
    }

    /// Looks at another source.
    pub(super) fn look_at(&mut self, source: SourceIndex) -> Result<(), CommandError> {
        let refused = |reason: &str| Err(CommandError::NoPicture { reason: reason.to_owned() });
        if self.watched(source).is_none() {
            return refused("there is no such source");
        }
        if source != self.focus && self.must_look_closely() {
            return refused("somebody is being enrolled or tested before this source; end that first");
        }
        self.focus = source;
        self.board.focus.set(source);
        self.board.preview.set(None);
        self.publish_live();
        Ok(())
    }

    pub(super) fn take_source(&mut self, source: SourceIndex, report: SourceReport) {
        let now = self.clock.now();
        let Some(watched) = self.watched_mut(source) else { return };
        match report {
            SourceReport::Opening => watched.status.state = SourceState::Opening,
            SourceReport::Streaming => {
                watched.status.state = SourceState::Streaming;
                watched.status.has_streamed = true;
                if std::mem::take(&mut watched.is_lost) {
                    self.note_source(source, EntryKind::SourceRestored, None);
                }
            }
            SourceReport::Paused => watched.status.state = SourceState::Paused,
            SourceReport::Skipped(pictures) => watched.status.skipped = pictures,
            SourceReport::Trouble(trouble) => {
                watched.status.trouble.clone_from(&trouble);
                let kind = trouble.as_ref().map_or(EntryKind::SourceRestored, |_| EntryKind::SourceImpaired);
                let words = trouble.unwrap_or_else(|| "its pictures are good again".to_owned());
                self.note_source(source, kind, Some(words));
            }
            SourceReport::Failed { reason, retry_after } => {
                let was_lost = std::mem::replace(&mut watched.is_lost, true);
                let retry_at = retry_after.map(|wait| now + wait);
                watched.status.state = SourceState::Lost { reason: reason.clone(), retry_at };
                watched.last_frame = None;
                if !was_lost {
                    self.note_source(source, EntryKind::SourceLost, Some(reason.clone()));
                }
                if source == self.focus {
                    self.end_self_test();
                }
                if retry_at.is_none() {
                    self.subscribers.send(&EngineEvent::SourceFailed(reason));
                }
            }
        }
        self.publish_live();
    }

    /// An entry about a source; where there are several, with its name.
    fn note_source(&mut self, source: SourceIndex, kind: EntryKind, reason: Option<String>) {
        let name = self.watched(source).map(|watched| watched.status.name.clone());
        let name = name.filter(|_| self.sources.len() > 1);
        let text = match (name, reason) {
            (Some(name), Some(reason)) => Some(format!("{name}: {reason}")),
            (name, reason) => name.or(reason),
        };
        let note = text.map(|text| NotePart { text });
        self.write_entry(kind, Actor::System, Parts { note, ..Parts::default() });
    }

    /// The recording is over; everything that was seen in it is decided now.
    pub(super) fn end_source(&mut self, source: SourceIndex) {
        // What the source said before its end came another way and may still wait.
        while let Ok((source, report)) = self.channels.source.try_recv() {
            self.take_source(source, report);
        }
        self.finish_tracks_of(source);
        if source == self.focus {
            self.end_self_test();
        }
        if let Some(watched) = self.watched_mut(source) {
            watched.is_ending = true;
        }
        self.end_sources_when_written();
    }

    /// Says that sources have ended, once everything seen in them is on disk.
    pub(super) fn end_sources_when_written(&mut self) {
        if !self.commits.is_done() {
            return;
        }
        let mut has_ended = false;
        for watched in self.sources.iter_mut().filter(|watched| watched.is_ending) {
            watched.is_ending = false;
            watched.status.state = SourceState::Ended;
            watched.last_frame = None;
            has_ended = true;
        }
        if has_ended {
            self.publish_live();
            if self.sources.iter().all(|watched| watched.status.state == SourceState::Ended) {
                self.subscribers.send(&EngineEvent::SourceEnded);
            }
        }
    }
}
