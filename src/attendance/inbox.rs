//! The inbox: people whom the gallery does not know, one item a stranger.
//!
//! # When a track joins an item
//! A track that ended unidentified joins the item that is most alike exactly if they are at least
//! as alike as the embedding net's card asks of an identification; else it begins an item. How alike
//! they are is the largest similarity of the track's best sighting to an embedding of the item; only
//! embeddings of one space are compared, and an item whose stranger was enrolled since takes no more
//! tracks. Of two items equally alike the one with the smaller id is joined.
//!
//! Measured on 195 photographs of 23 people, each photograph a track of its own and nobody enrolled
//! (`cargo test --release --test it strangers -- --nocapture`; the most of ten orders). With the
//! default pack and its card's 0.45 they come to 24 items: no item has two people, one person has
//! two items. At 0.35 an item has two people, at 0.5 four people have two items. The MTCNN pack
//! comes to 25 items, none with two people, two people with two items.
//!
//! # How long an item is kept
//! Until the time to keep has passed since its *first* track, however often the stranger came since:
//! so no picture or embedding of somebody who did not enrol is older than that. Who comes again
//! later begins a new item.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::face::embedding::dot;
use crate::face::{Embedding, EmbeddingSpace, Similarity, Template};

use super::roster::PersonId;
use super::stranger::{
    Appearance, MAX_EMBEDDINGS, MAX_TRACKS, Standing, Stranger, StrangerId, StrangerTrack,
};

/// Items at most; one more takes the place of the oldest. More in one working day than an operator
/// can look through.
pub const MAX_ITEMS: usize = 200;

/// How much better a sighting must be to take the place of an item's picture: a little better is
/// within what the measures vary by from frame to frame.
pub const CLEARLY_BETTER: f32 = 1.1;

/// A track that ended unidentified, with its best sighting.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownTrack {
    /// As the ledger has it.
    pub track: StrangerTrack,
    /// The best sighting: one embedding, its crop and its quality.
    pub appearance: Appearance,
}

/// All items. Pure: times are passed in, and what is changed here is written by the caller.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    items: BTreeMap<StrangerId, Stranger>,
}

impl Inbox {
    /// Holds an item, in the place of one with the same id.
    pub fn put(&mut self, item: Stranger) {
        self.items.insert(item.id, item);
    }

    /// Lets an item go.
    pub fn remove(&mut self, id: StrangerId) {
        self.items.remove(&id);
    }

    /// An item.
    pub fn get(&self, id: StrangerId) -> Option<&Stranger> {
        self.items.get(&id)
    }

    /// All items, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Stranger> {
        self.items.values()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item that is most alike, where one can be compared.
    pub fn most_alike(&self, space: EmbeddingSpace, probe: &Embedding) -> Option<(StrangerId, Similarity)> {
        let mut best: Option<(StrangerId, Similarity)> = None;
        for item in self.items.values() {
            let Some(similarity) = alike(item, space, probe) else { continue };
            if best.is_none_or(|(_, held)| similarity > held) {
                best = Some((item.id, similarity));
            }
        }
        best
    }

    /// The item that `seen` belongs to, as it is with it: one that is there, or a new one by the
    /// name of `new`. Nothing is changed yet.
    pub fn placed(&self, seen: &UnknownTrack, join_at: Similarity, new: StrangerId) -> Stranger {
        let probe = seen.appearance.embeddings.first();
        let found = probe.and_then(|probe| self.most_alike(seen.appearance.space, probe));
        let joined = found.filter(|(_, similarity)| *similarity >= join_at);
        match joined.and_then(|(id, _)| self.get(id)) {
            Some(item) => with(item.clone(), seen),
            None => Stranger {
                id: new,
                standing: Standing::Unknown(seen.appearance.clone()),
                tracks: vec![seen.track],
                track_count: 1,
                first_seen: seen.track.at,
                last_seen: seen.track.at,
            },
        }
    }

    /// Items whose time is up at `now`. A clock that was set back lets nothing go.
    pub fn expired(&self, now: DateTime<Utc>, keep: TimeDelta) -> Vec<StrangerId> {
        let is_over = |item: &&Stranger| now - item.first_seen >= keep;
        self.items.values().filter(is_over).map(|item| item.id).collect()
    }

    /// The items that must go so that one more fits: those first seen the longest ago.
    pub fn without_room(&self, joining: StrangerId) -> Vec<StrangerId> {
        let more = usize::from(!self.items.contains_key(&joining));
        let excess = (self.items.len() + more).saturating_sub(MAX_ITEMS);
        let mut oldest: Vec<(DateTime<Utc>, StrangerId)> =
            self.items.values().map(|item| (item.first_seen, item.id)).collect();
        oldest.sort_unstable();
        oldest.into_iter().map(|(_, id)| id).filter(|id| *id != joining).take(excess).collect()
    }

    /// The items of somebody who is enrolled with `template`, as far as can be told: those at least
    /// `threshold` alike to it.
    pub fn like(&self, template: &Template, threshold: Similarity) -> Vec<StrangerId> {
        let is_like = |item: &&Stranger| {
            alike(item, template.space, &template.embedding).is_some_and(|found| found >= threshold)
        };
        self.items.values().filter(is_like).map(|item| item.id).collect()
    }

    /// The items whose tracks can be back-filled as passages of `person`.
    pub fn of_person(&self, person: PersonId) -> impl Iterator<Item = &Stranger> {
        self.items.values().filter(move |item| item.person() == Some(person))
    }
}

/// How alike `probe` is to an item; none where they cannot be compared.
fn alike(item: &Stranger, space: EmbeddingSpace, probe: &Embedding) -> Option<Similarity> {
    let appearance = item.appearance().filter(|appearance| appearance.space == space)?;
    let comparable =
        appearance.embeddings.iter().filter(|embedding| embedding.dimension() == probe.dimension());
    let similarities = comparable.map(|embedding| dot(embedding.as_slice(), probe.as_slice()));
    similarities.filter(|value| !value.is_nan()).reduce(f32::max).map(Similarity)
}

/// The item with a further track. Of more tracks or embeddings than are kept the oldest go, but for
/// the embedding of the picture.
fn with(mut item: Stranger, seen: &UnknownTrack) -> Stranger {
    item.track_count = item.track_count.saturating_add(1);
    item.first_seen = item.first_seen.min(seen.track.at);
    item.last_seen = item.last_seen.max(seen.track.at);
    item.tracks.push(seen.track);
    if item.tracks.len() > MAX_TRACKS {
        item.tracks.remove(0);
    }
    if let Standing::Unknown(held) = &mut item.standing {
        let is_better = seen.appearance.score.0 >= held.score.0 * CLEARLY_BETTER;
        if is_better {
            let older = std::mem::take(&mut held.embeddings);
            *held = seen.appearance.clone();
            held.embeddings.extend(older);
        } else {
            held.embeddings.extend(seen.appearance.embeddings.iter().cloned());
        }
        while held.embeddings.len() > MAX_EMBEDDINGS {
            held.embeddings.remove(1);
        }
    }
    item
}

/// Tracks in the order of time, as the passages that they are: each with the tracks that join it.
///
/// A track joins a passage exactly if it lies less than `debounce` from the track before, as with
/// live ones ([`super::AttendancePolicy`]), or from a passage that is on record (`recorded`); it is
/// then no passage of its own.
pub fn passages(
    tracks: &[StrangerTrack],
    recorded: &[DateTime<Utc>],
    debounce: TimeDelta,
) -> Vec<StrangerTrack> {
    let mut tracks = tracks.to_vec();
    tracks.sort_by_key(|track| (track.at, track.sequence));
    let mut before: Option<DateTime<Utc>> = None;
    let mut passages = Vec::new();
    for track in tracks {
        let near = |at: &DateTime<Utc>| (track.at - *at).abs() < debounce;
        if !before.as_ref().is_some_and(near) && !recorded.iter().any(near) {
            passages.push(track);
        }
        before = Some(track.at);
    }
    passages
}

#[cfg(test)]
mod tests;
