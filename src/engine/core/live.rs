//! What every client sees: the board and the stream of events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::attendance::PersonId;
use crate::engine::access::{Access, event_for, roster_for_observer};
use crate::engine::listener::Listener;
use crate::face::Rect;
use crate::face::quality::{Gauge, Guidance};
use crate::ledger::Actor;
use crate::track::{TrackSnapshot, Verdict};

use super::super::event::EngineEvent;
use super::super::state::{GaugeView, LiveState, RosterRow, RosterState, TrackVerdict, TrackView};
use super::sources::Watched;
use super::{Core, GalleryState};

/// How long frames are counted over.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Frames looked at, a second.
#[derive(Debug, Default)]
pub(super) struct FrameRate {
    times: std::collections::VecDeque<Instant>,
}

impl FrameRate {
    pub(super) fn count(&mut self) {
        let now = Instant::now();
        self.times.push_back(now);
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.times.front().is_some_and(|first| now - *first > RATE_WINDOW) {
            self.times.pop_front();
        }
    }

    /// Whether frames were counted that are all too old now: the rate shown is out of date.
    pub(super) fn has_gone_quiet(&mut self) -> bool {
        let had = !self.times.is_empty();
        self.forget(Instant::now());
        had && self.times.is_empty()
    }

    pub(super) fn per_second(&self) -> f32 {
        match (self.times.front(), self.times.back()) {
            (Some(first), Some(last)) if last > first => {
                (self.times.len() - 1) as f32 / (*last - *first).as_secs_f32()
            }
            _ => 0.0,
        }
    }
}

/// So many clients are never looked at for being gone.
const MOST_UNCHECKED: usize = 32;

/// The clients of the stream, each with its own room.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    all: Vec<Subscriber>,
    /// As many as there may be before it is looked who is still there.
    most: usize,
    /// What each of them may be told, by the roles that hold now.
    pub(super) access: Arc<Access>,
}

#[derive(Debug)]
struct Subscriber {
    actor: Actor,
    listener: Listener,
}

impl Subscribers {
    pub(super) fn add(&mut self, actor: Actor, sender: Sender<EngineEvent>) {
        // Whoever is gone is found when something is said: where nothing happens, it is said for that.
        if self.all.len() >= self.most {
            self.send(&EngineEvent::RoleChanged);
            self.most = MOST_UNCHECKED.max(2 * self.all.len());
        }
        self.all.push(Subscriber { actor, listener: Listener::new(sender) });
    }

    /// Offers `event` to everybody, as far as they may know it; who has no room misses it, and is told how
    /// many when there is.
    pub(super) fn send(&mut self, event: &EngineEvent) {
        let access = &self.access;
        self.all.retain_mut(|subscriber| match event_for(access.role_of(&subscriber.actor), event) {
            Some(event) => subscriber.listener.offer(&event),
            None => true,
        });
    }
}

impl Core {
    /// Puts the small snapshot on the board.
    pub(super) fn publish_live(&mut self) {
        let sources = self.sources.iter_mut().map(Watched::status_now).collect();
        let tracks = self.track_views();
        let stage_times_ms = match self.focused().and_then(|watched| watched.last_frame.as_ref()) {
            Some((_, Some(analysis))) => analysis.times.named_ms(),
            _ => Vec::new(),
        };
        self.board.live.set(LiveState {
            sources,
            focus: self.focus,
            inference: self.inference.clone(),
            tracks,
            shooting: self.shooting_view(),
            stage_times_ms,
            store_fault: self.commits.fault.clone(),
            store_queue: self.commits.waiting(),
            store_disk: self.commits.disk,
            not_recorded: self.commits.refused.count(),
            challenge: self.challenge.view(),
        });
        self.subscribers.send(&EngineEvent::StateChanged);
    }

    fn track_views(&self) -> Vec<TrackView> {
        let Some(watched) = self.focused() else { return Vec::new() };
        let Some((frame, _)) = &watched.last_frame else { return Vec::new() };
        let (width, height) = (frame.picture.width() as f32, frame.picture.height() as f32);
        let view = |track: TrackSnapshot| TrackView {
            id: track.id,
            bounds: relative(track.bounds, width, height),
            verdict: self.track_verdict(&track.verdict),
            liveness: track.liveness,
            looks_live: track.looks_live,
            gauges: self.gauges(&track),
            guidance: self.guidance(&track),
        };
        watched.jury.snapshot().map(view).collect()
    }

    fn gauges(&self, track: &TrackSnapshot) -> Vec<GaugeView> {
        let Some(quality) = &track.quality else { return Vec::new() };
        let view = |gauge: Gauge| GaugeView {
            name: gauge.name.to_owned(),
            // In 0..=10: the share lies in 0..=1.
            tenths: (gauge.share * 10.0).round() as u8,
        };
        quality.gauges(&self.settings.quality).into_iter().map(view).collect()
    }

    /// What would help a face that is not recognised.
    fn guidance(&self, track: &TrackSnapshot) -> Option<Guidance> {
        match track.verdict {
            Verdict::Undecided | Verdict::Unidentified => {
                Guidance::of(track.quality.as_ref()?, &self.settings.quality)
            }
            Verdict::Identified(_) | Verdict::Rejected => None,
        }
    }

    fn track_verdict(&self, verdict: &Verdict) -> TrackVerdict {
        match verdict {
            Verdict::Undecided => TrackVerdict::Undecided,
            Verdict::Unidentified => TrackVerdict::Unidentified,
            Verdict::Rejected => TrackVerdict::Rejected,
            Verdict::Identified(candidate) => match self.roster.get(candidate.person) {
                Some(person) => TrackVerdict::Identified {
                    person: person.id,
                    name: person.name.clone(),
                    similarity: candidate.similarity,
                    recorded: self.recorded(person.id),
                },
                None => TrackVerdict::Undecided,
            },
        }
    }

    /// Puts the roster on the board.
    pub(super) fn publish_roster(&mut self) {
        self.follow_gallery();
        self.publish_inbox();
        let mut templates: HashMap<PersonId, u32> = HashMap::new();
        for owner in self.templates.values() {
            *templates.entry(*owner).or_default() += 1;
        }
        let row = |person: &crate::attendance::Person| RosterRow {
            person: person.id,
            name: person.name.clone(),
            identifier: person.identifier.clone(),
            groups: person.particulars.groups.iter().cloned().collect(),
            face: person.particulars.face,
            templates: templates.get(&person.id).copied().unwrap_or(0),
            presence: self.presence.get(&person.id).copied(),
        };
        let mut rows: Vec<RosterRow> = self.roster.active().map(row).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name).then(a.person.cmp(&b.person)));
        let (searched, foreign) = match &self.gallery {
            GalleryState::Ready(gallery) => (gallery.len(), gallery.foreign_templates()),
            GalleryState::Waiting(waiting) => (waiting.len(), 0),
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let roster = RosterState {
            rows,
            templates: count(searched),
            foreign_templates: count(foreign),
            threshold: self.threshold(),
            threshold_basis: self.threshold().map(|_| self.threshold_basis()),
            sessions: self.open_sessions(),
            planned: self.planned_sessions(),
            unsure_times: self.unsure.found,
        };
        self.board.roster_for_observers.set(roster_for_observer(&roster));
        self.board.roster.set(roster);
        self.subscribers.send(&EngineEvent::StateChanged);
    }
}

/// `bounds` in 0..1 of a picture of `width` by `height` pixels.
pub(super) fn relative(bounds: Rect, width: f32, height: f32) -> Rect {
    bounds.scaled(1.0 / width, 1.0 / height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_is_forgotten_although_nothing_happens() {
        let mut subscribers = Subscribers::default();
        let stays = crossbeam_channel::bounded(128);
        subscribers.add(Actor::System, stays.0);
        for _ in 0..1_000 {
            let (sender, receiver) = crossbeam_channel::bounded(8);
            subscribers.add(Actor::System, sender);
            drop(receiver);
        }
        assert!(subscribers.all.len() <= MOST_UNCHECKED + 1, "{}", subscribers.all.len());
        subscribers.send(&EngineEvent::Stopped);
        assert!(stays.1.try_iter().any(|event| event == EngineEvent::Stopped));
    }
}
