//! Joins the faces of one source over frames, and says which of them the nets must look at.

use chrono::{DateTime, Utc};

use crate::face::embedding::dot;
use crate::face::{Embedding, QualityScore, Rect};

use super::{
    CHANGED_FACE, LINK_IOU, LONGEST_FRAME_GAP, LOOK_AGAIN, SAME_FACE, STEADY_IOU, TRUSTED_QUALITY, TrackId,
    TrackSettings, VERIFY_AFTER,
};

/// One face of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Where, in any unit that all frames share.
    pub bounds: Rect,
    /// What it is told apart by; none where the nets did not look or could not align it.
    pub embedding: Option<Embedding>,
    /// How far the embedding is to be believed.
    pub quality: QualityScore,
}

/// How closely a face is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Where it is, and nothing more.
    Place,
    /// All nets.
    Closely,
}

/// What a frame came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameTracks {
    /// The track of each face, in the order of the faces.
    pub of: Vec<TrackId>,
    /// Tracks that have ended, in the order in which they began.
    pub ended: Vec<TrackId>,
}

#[derive(Debug, Clone)]
struct Track {
    id: TrackId,
    bounds: Rect,
    last_seen: DateTime<Utc>,
    /// When a trusted embedding was last taken.
    verified: Option<DateTime<Utc>>,
    /// The last embedding, and the one of the best quality.
    last: Option<Embedding>,
    best: Option<(QualityScore, Embedding)>,
    settled: bool,
    /// Whether a frame has come since in which it was not seen.
    missed: bool,
}

/// The tracks of one source. Pure: time is the frames' own.
#[derive(Debug, Clone)]
pub struct Follower {
    settings: TrackSettings,
    tracks: Vec<Track>,
    next_id: u64,
    /// How many followers share the numbers.
    sharing: u64,
}

impl Follower {
    /// A follower that has seen nothing.
    pub fn new(settings: TrackSettings) -> Self {
        Self::numbered(settings, 0, 1)
    }

    /// The one at `position` of `count` followers, no two of which ever give the same number to a track.
    pub fn numbered(settings: TrackSettings, position: usize, count: usize) -> Self {
        Self { settings, tracks: Vec::new(), next_id: position as u64 + 1, sharing: count.max(1) as u64 }
    }

    /// Says which tracks are decided; all others are open.
    pub fn settle(&mut self, decided: &[TrackId]) {
        for track in &mut self.tracks {
            track.settled = decided.contains(&track.id);
        }
    }

    /// The faces that none of `boxes` covers and that may still be there: where to look again, with
    /// the box as it was.
    pub fn missing(&self, at: DateTime<Utc>, boxes: &[Rect]) -> Vec<(Rect, Rect)> {
        let is_missing = |track: &&Track| {
            !self.is_lost(track, at) && boxes.iter().all(|bounds| bounds.iou(&track.bounds) < LINK_IOU)
        };
        let missing = self.tracks.iter().filter(is_missing);
        missing.map(|track| (track.bounds.square(LOOK_AGAIN), track.bounds)).collect()
    }

    /// Whether nobody is followed.
    pub fn is_idle(&self) -> bool {
        self.tracks.is_empty()
    }

    /// How closely each of `boxes` must be looked at.
    pub fn plan(&self, at: DateTime<Utc>, boxes: &[Rect]) -> Vec<Look> {
        let look = |bounds: &Rect| match self.sole_track(bounds, boxes) {
            Some(track) if track.settled && self.is_fresh(track, at) => Look::Place,
            _ => Look::Closely,
        };
        boxes.iter().map(look).collect()
    }

    /// The track that `bounds` is sure to continue by its place alone.
    fn sole_track(&self, bounds: &Rect, boxes: &[Rect]) -> Option<&Track> {
        let mut near = self.tracks.iter().filter(|track| track.bounds.iou(bounds) > 0.0);
        let track = near.next().filter(|track| track.bounds.iou(bounds) >= STEADY_IOU)?;
        let is_alone =
            near.next().is_none() && boxes.iter().filter(|other| other.iou(&track.bounds) > 0.0).count() == 1;
        is_alone.then_some(track)
    }

    fn is_fresh(&self, track: &Track, at: DateTime<Utc>) -> bool {
        !self.is_lost(track, at) && track.verified.is_some_and(|then| at - then < VERIFY_AFTER)
    }

    /// A clock that was set back loses a track too: no time between two frames is negative.
    fn is_lost(&self, track: &Track, at: DateTime<Utc>) -> bool {
        let gap = at - track.last_seen;
        let long = gap > self.settings.lost_after && (track.missed || gap > LONGEST_FRAME_GAP);
        at < track.last_seen || long
    }

    /// Takes one frame in, in the order of time.
    pub fn observe(&mut self, at: DateTime<Utc>, faces: &[Face]) -> FrameTracks {
        let (lost, kept): (Vec<Track>, Vec<Track>) =
            std::mem::take(&mut self.tracks).into_iter().partition(|track| self.is_lost(track, at));
        self.tracks = kept;
        let mut ended: Vec<TrackId> = lost.iter().map(|track| track.id).collect();
        let links = self.links(faces);
        ended.extend(self.end_replaced(faces, &links));
        self.tracks.iter_mut().for_each(|track| track.missed = true);
        let of = faces.iter().zip(&links).map(|(face, link)| self.take(at, face, *link)).collect();
        FrameTracks { of, ended }
    }

    /// Ends every track, as when the source has ended.
    pub fn finish(&mut self) -> Vec<TrackId> {
        self.tracks.drain(..).map(|track| track.id).collect()
    }

    /// Ends the tracks in whose place a face is seen well that is another's.
    fn end_replaced(&mut self, faces: &[Face], links: &[Option<TrackId>]) -> Vec<TrackId> {
        let strangers: Vec<&Face> = faces
            .iter()
            .zip(links)
            .filter(|(face, link)| link.is_none() && face.is_trusted())
            .map(|(face, _)| face)
            .collect();
        let is_replaced = |track: &Track| {
            !links.contains(&Some(track.id))
                && strangers.iter().any(|face| face.bounds.iou(&track.bounds) >= LINK_IOU)
        };
        let replaced = self.tracks.iter().filter(|track| is_replaced(track)).map(|track| track.id).collect();
        self.tracks.retain(|track| !is_replaced(track));
        replaced
    }

    /// Puts `face` to its track, or begins one.
    fn take(&mut self, at: DateTime<Utc>, face: &Face, link: Option<TrackId>) -> TrackId {
        let position = link.and_then(|id| self.tracks.iter().position(|track| track.id == id));
        let position = position.unwrap_or_else(|| self.begin(at, face.bounds));
        let track = &mut self.tracks[position];
        track.bounds = face.bounds;
        track.last_seen = at;
        track.missed = false;
        if let Some(embedding) = &face.embedding {
            track.last = Some(embedding.clone());
            if face.is_trusted() {
                track.verified = Some(at);
            }
            if track.best.as_ref().is_none_or(|(quality, _)| face.quality > *quality) {
                track.best = Some((face.quality, embedding.clone()));
            }
        }
        track.id
    }

    fn begin(&mut self, at: DateTime<Utc>, bounds: Rect) -> usize {
        let id = TrackId(self.next_id);
        self.next_id += self.sharing;
        self.tracks.push(Track {
            id,
            bounds,
            last_seen: at,
            verified: None,
            last: None,
            best: None,
            settled: false,
            missed: false,
        });
        self.tracks.len() - 1
    }

    /// The track that each face continues, the surest pair first.
    fn links(&self, faces: &[Face]) -> Vec<Option<TrackId>> {
        let mut allowed = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            for (f, face) in faces.iter().enumerate() {
                allowed.extend(track.link_score(face).map(|score| (score, t, f)));
            }
        }
        allowed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut links = vec![None; faces.len()];
        for (_, t, f) in allowed {
            let id = self.tracks[t].id;
            if links[f].is_none() && !links.contains(&Some(id)) {
                links[f] = Some(id);
            }
        }
        links
    }
}

impl Face {
    fn is_trusted(&self) -> bool {
        self.embedding.is_some() && self.quality.0 >= TRUSTED_QUALITY
    }
}

impl Track {
    /// How alike `embedding` is to the track's face; none where the track has none yet.
    fn similarity(&self, embedding: &Embedding) -> Option<f32> {
        let held = self.last.iter().chain(self.best.iter().map(|(_, best)| best));
        held.map(|held| dot(held.as_slice(), embedding.as_slice())).max_by(f32::total_cmp)
    }

    /// How surely `face` continues this track; none where it cannot.
    fn link_score(&self, face: &Face) -> Option<f32> {
        let overlap = self.bounds.iou(&face.bounds);
        let same_place = overlap >= LINK_IOU;
        match face.embedding.as_ref().and_then(|embedding| self.similarity(embedding)) {
            None => same_place.then_some(overlap),
            Some(similarity) => {
                let is_same = face.is_trusted() && similarity >= SAME_FACE;
                let turned = !face.is_trusted() && !self.missed && overlap >= STEADY_IOU;
                let may_be = same_place && (similarity >= CHANGED_FACE || turned);
                (is_same || may_be).then_some(overlap + similarity)
            }
        }
    }
}
