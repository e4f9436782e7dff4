//! Who is told what at the door, and when. Pure: what is seen and the time come in.
//!
//! - Each track is told once how it stands: welcome when the record of its passage is on disk, otherwise that
//!   it is not saved yet (said by the engine, or after [`UNSAVED_AFTER`]), not recorded, not recognised, or not
//!   accepted.
//! - Several people are told in turn. While others wait each has [`SHORT`], the last one [`LONG`]. A welcome
//!   goes before everything else and takes the place of anything else that is shown.
//! - Nobody waits for another to be recognised: who has been welcomed stands among the recent arrivals at
//!   once, whoever is shown.
//! - The same person in a further track within [`AGAIN`] is not told again.
//! - A refusal whose face has gone before its turn is not shown.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::{PersonId, PersonName, PresenceState};
use crate::engine::state::{Recorded, TrackId, TrackVerdict, TrackView};
use crate::face::quality::Guidance;

/// How long somebody is shown while others wait.
pub const SHORT: TimeDelta = TimeDelta::milliseconds(1_500);
/// How long the last one is shown.
pub const LONG: TimeDelta = TimeDelta::seconds(5);
/// After this long a record that is not on disk is said to be unsaved.
pub const UNSAVED_AFTER: TimeDelta = TimeDelta::seconds(2);
/// Within this the same person is not told again.
pub const AGAIN: TimeDelta = TimeDelta::seconds(10);
/// How long a face is in view before it is told what would help.
pub const GUIDED_AFTER: TimeDelta = TimeDelta::seconds(1);
/// Arrivals that are kept.
const RECENT: usize = 12;

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Who they are and since when they are here.
    Welcome(PersonName, DateTime<Utc>),
    /// Who they are, since when they are here, and how much too late that is for an open session that expects
    /// them; none where it is not.
    Attending(PersonName, DateTime<Utc>, Option<TimeDelta>),
    /// Who they are, and when they left.
    Goodbye(PersonName, DateTime<Utc>),
    /// Who they are, and that the store does not take it at the moment.
    NotSaved(PersonName),
    /// Who they are, and that there is no record of it.
    NotRecorded(PersonName),
    /// That the gallery does not know them.
    NotRecognised,
    /// That the face does not look live.
    NotAccepted,
}

impl Told {
    /// Whether they may go on in peace.
    pub fn is_welcome(&self) -> bool {
        matches!(self, Self::Welcome(..) | Self::Attending(..) | Self::Goodbye(..))
    }
}

/// What is on record of somebody who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnRecord {
    /// Whether they came or left.
    pub state: PresenceState,
    /// When.
    pub since: DateTime<Utc>,
    /// Of an open session that expects them, how much too late they came; none where they did not.
    pub session: Option<Option<TimeDelta>>,
}

/// What is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// Somebody was recorded.
    Success,
    /// Somebody was not.
    Refusal,
}

/// Somebody who came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// Since when they are here.
    pub since: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    track: TrackId,
    told: Told,
}

#[derive(Debug, Clone)]
struct Seen {
    since: DateTime<Utc>,
    /// Since when the track is identified and its record is not on disk.
    unsaved_since: Option<DateTime<Utc>>,
    told: Option<Told>,
}

/// The queue at the door.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    seen: BTreeMap<TrackId, Seen>,
    shown: Option<(Turn, DateTime<Utc>)>,
    waiting: VecDeque<Turn>,
    recent: VecDeque<Arrival>,
    welcomed: BTreeMap<PersonId, DateTime<Utc>>,
    guidance: Option<Guidance>,
}

impl Arrivals {
    /// Takes over who is in view; `on_record` says what is on record of somebody today. What is to be heard, in
    /// the order of what happened.
    pub fn observe(
        &mut self,
        tracks: &[TrackView],
        on_record: impl Fn(PersonId) -> Option<OnRecord>,
        now: DateTime<Utc>,
    ) -> Vec<Sound> {
        self.seen.retain(|id, _| tracks.iter().any(|track| track.id == *id));
        self.welcomed.retain(|_, at| now - *at < AGAIN);
        let mut sounds = Vec::new();
        for track in tracks {
            if let Some((told, person)) = self.news_of(track, &on_record, now) {
                sounds.extend(self.tell(track.id, told, person, now));
            }
        }
        self.waiting.retain(|turn| turn.told.is_welcome() || self.seen.contains_key(&turn.track));
        let unguided = |track: &&TrackView| {
            let seen = self.seen.get(&track.id);
            seen.is_some_and(|seen| now - seen.since >= GUIDED_AFTER)
        };
        let area = |track: &&TrackView| track.bounds.area();
        let largest = tracks.iter().filter(unguided).max_by(|a, b| area(a).total_cmp(&area(b)));
        self.guidance = largest.and_then(|track| track.guidance);
        self.tick(now);
        sounds
    }

    /// What a track is to be told that it was not told yet, and who it is.
    fn news_of(
        &mut self,
        track: &TrackView,
        on_record: impl Fn(PersonId) -> Option<OnRecord>,
        now: DateTime<Utc>,
    ) -> Option<(Told, Option<PersonId>)> {
        let seen = self.seen.entry(track.id).or_insert(Seen { since: now, unsaved_since: None, told: None });
        let (told, person) = match &track.verdict {
            TrackVerdict::Undecided => return None,
            TrackVerdict::Unidentified => (Told::NotRecognised, None),
            TrackVerdict::Rejected => (Told::NotAccepted, None),
            TrackVerdict::Identified { person, name, recorded: Recorded::Yes, .. } => {
                (welcome(name.clone(), on_record(*person), now), Some(*person))
            }
            TrackVerdict::Identified { person, name, recorded: Recorded::NotYet, .. } => {
                (Told::NotSaved(name.clone()), Some(*person))
            }
            TrackVerdict::Identified { person, name, recorded: Recorded::No, .. } => {
                (Told::NotRecorded(name.clone()), Some(*person))
            }
            TrackVerdict::Identified { person, name, recorded: Recorded::Soon, .. } => {
                let begun = *seen.unsaved_since.get_or_insert(now);
                if now - begun < UNSAVED_AFTER {
                    return None;
                }
                (Told::NotSaved(name.clone()), Some(*person))
            }
        };
        // The time a person came may become known a little later than that they did; that is no news.
        let is_known = seen.told.as_ref().is_some_and(|before| {
            // Who was welcomed is not told goodbye by the same track: an operator marked them as left.
            let are_welcomes = before.is_welcome() && told.is_welcome();
            are_welcomes || std::mem::discriminant(before) == std::mem::discriminant(&told)
        });
        seen.told = Some(told.clone());
        (!is_known).then_some((told, person))
    }

    fn tell(
        &mut self,
        track: TrackId,
        told: Told,
        person: Option<PersonId>,
        now: DateTime<Utc>,
    ) -> Option<Sound> {
        if let (true, Some(person)) = (told.is_welcome(), person) {
            if self.welcomed.insert(person, now).is_some() {
                return None;
            }
            self.recent.retain(|arrival| arrival.person != person);
            if let Told::Welcome(name, since) | Told::Attending(name, since, _) = &told {
                self.recent.push_front(Arrival { person, name: name.clone(), since: *since });
                self.recent.truncate(RECENT);
            }
        }
        let sound = if told.is_welcome() { Sound::Success } else { Sound::Refusal };
        // Whatever this track was told before is out of date.
        self.waiting.retain(|turn| turn.track != track);
        let turn = Turn { track, told };
        if self.shown.as_ref().is_none_or(|(shown, _)| {
            shown.track == track || (turn.told.is_welcome() && !shown.told.is_welcome())
        }) {
            self.shown = Some((turn, now));
        } else if turn.told.is_welcome() {
            let welcomes = self.waiting.iter().take_while(|waiting| waiting.told.is_welcome()).count();
            self.waiting.insert(welcomes, turn);
        } else {
            self.waiting.push_back(turn);
        }
        Some(sound)
    }

    /// Whose turn it is at `now`; whether that is another.
    pub fn tick(&mut self, now: DateTime<Utc>) -> bool {
        let mut changed = false;
        while let Some((_, begun)) = &self.shown {
            let ends = *begun + if self.waiting.is_empty() { LONG } else { SHORT };
            if now < ends {
                break;
            }
            self.shown = self.waiting.pop_front().map(|turn| (turn, now));
            changed = true;
        }
        changed
    }

    /// When it is the next one's turn.
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let (_, begun) = self.shown.as_ref()?;
        Some(*begun + if self.waiting.is_empty() { LONG } else { SHORT })
    }

    /// What is shown.
    pub fn shown(&self) -> Option<&Told> {
        self.shown.as_ref().map(|(turn, _)| &turn.told)
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Who came last, the last one first.
    pub fn recent(&self) -> impl Iterator<Item = &Arrival> {
        self.recent.iter()
    }

    /// What would help the largest face that is not recognised.
    pub fn guidance(&self) -> Option<Guidance> {
        self.guidance
    }

    /// Whether a face is in view that is being looked at.
    pub fn is_looking(&self) -> bool {
        self.seen.values().any(|seen| seen.told.is_none())
    }
}

/// What somebody is told whose record is on disk.
fn welcome(name: PersonName, on_record: Option<OnRecord>, now: DateTime<Utc>) -> Told {
    match on_record {
        Some(OnRecord { state: PresenceState::Left, since, .. }) => Told::Goodbye(name, since),
        Some(OnRecord { since, session: Some(late), .. }) => Told::Attending(name, since, late),
        Some(OnRecord { since, .. }) => Told::Welcome(name, since),
        None => Told::Welcome(name, now),
    }
}

#[cfg(test)]
mod tests;
