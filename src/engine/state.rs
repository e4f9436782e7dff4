//! What is so at the moment: plain data that every screen draws from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attendance::session::SessionName;
use crate::attendance::{FaceUse, GroupName, Identifier, PersonId, PersonName, Presence, Session};
use crate::capture::RgbPicture;
use crate::face::challenge::{ChallengeOutcome, ChallengePrompt};
use crate::face::quality::Guidance;
use crate::face::{Liveness, Rect, Similarity};
use crate::identify::threshold::GallerySize;
use crate::identify::{ImpostorModel, Threshold, ThresholdBasis, ThresholdInForce, ThresholdPolicy};
use crate::inference::Provider;
pub use crate::store::DiskState;

use super::command::ShootingId;
pub use crate::track::TrackId;

/// What the source does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// No source was asked for.
    #[default]
    None,
    /// It is being opened.
    Opening,
    /// Frames come.
    Streaming,
    /// An operator paused it.
    Paused,
    /// The recording is over.
    Ended,
    /// It failed; it is tried again.
    Lost {
        /// What happened and what to do.
        reason: String,
        /// When it is tried again; none where it is not.
        retry_at: Option<DateTime<Utc>>,
    },
}

/// Names a source among those that an engine watches, in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceIndex(pub u16);

impl SourceIndex {
    /// The one at `position`; there are never more than sixty-five thousand.
    pub fn at(position: usize) -> Self {
        Self(u16::try_from(position).unwrap_or(u16::MAX))
    }

    /// Where it stands.
    pub fn position(self) -> usize {
        usize::from(self.0)
    }
}

/// A source and its counters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SourceStatus {
    /// As `--source` says it.
    pub name: String,
    /// What it does.
    pub state: SourceState,
    /// Pixels in a row; 0 before the first frame.
    pub width: u32,
    /// Rows; 0 before the first frame.
    pub height: u32,
    /// Whether it ever gave a frame.
    pub has_streamed: bool,
    /// Frames that were looked at.
    pub frames: u64,
    /// Frames that a newer one replaced before they were looked at.
    pub dropped: u64,
    /// Pictures of a recording that could not be read and were left out.
    pub skipped: u64,
    /// Frames that were looked at in the last second or so, a second.
    pub frames_per_second: f32,
    /// Faces that are followed in it.
    pub in_view: u32,
    /// Why its pictures are of little use, where they are, and what to do.
    pub trouble: Option<String>,
}

/// Whether the nets run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InferenceStatus {
    /// They are being loaded.
    #[default]
    Loading,
    /// They run.
    Ready {
        /// What they run on.
        provider: Provider,
        /// Which pack.
        pack: String,
    },
    /// They do not.
    Unavailable {
        /// What is missing and what to do.
        reason: String,
    },
}

/// How the record of a passage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// It is on disk.
    Yes,
    /// It is on its way there.
    Soon,
    /// The store takes nothing at the moment; it waits.
    NotYet,
    /// The store took nothing, and there was no more room to wait: there is no record.
    No,
}

/// How a track stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackVerdict {
    /// Not enough was seen yet.
    Undecided,
    /// Somebody enrolled, and whether that is on disk yet.
    Identified {
        /// Who.
        person: PersonId,
        /// What they are called.
        name: PersonName,
        /// How alike.
        similarity: Similarity,
        /// Whether the record of this passage is on disk.
        recorded: Recorded,
    },
    /// Nobody the gallery knows.
    Unidentified,
    /// The face does not look live, and that is required here.
    Rejected,
}

/// How good a face is in one respect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaugeView {
    /// In a word: size, light, sharp, ahead.
    pub name: String,
    /// In tenths: 10 where it is as good as any, 5 where it is just good enough, 0 where it is of no use.
    pub tenths: u8,
}

/// A face in view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackView {
    /// Which track.
    pub id: TrackId,
    /// The box in 0..1 of the frame.
    pub bounds: Rect,
    /// How it stands.
    pub verdict: TrackVerdict,
    /// What the liveness net says of the track so far.
    pub liveness: Liveness,
    /// Whether that is what live faces have; none where it is not measured.
    pub looks_live: Option<bool>,
    /// How good the face was when it was last looked at, in a few respects.
    pub gauges: Vec<GaugeView>,
    /// What somebody who is not recognised can do about it.
    pub guidance: Option<Guidance>,
}

/// How far the shots are that the live picture takes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShootingView {
    /// Which run.
    pub id: ShootingId,
    /// Shots that were taken.
    pub taken: u32,
    /// Shots that are wanted.
    pub wanted: u32,
    /// What the person before the camera can do now.
    pub said: String,
    /// Whether the run is over: no further shot is taken.
    pub complete: bool,
}

/// The small part of the snapshot that is different with every frame.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LiveState {
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
    /// The one that is looked at: its picture is shown, its faces are in `tracks`, and people are enrolled
    /// before it.
    pub focus: SourceIndex,
    /// The nets.
    pub inference: InferenceStatus,
    /// Who is in view of the source that is looked at, in the order they came.
    pub tracks: Vec<TrackView>,
    /// The shots that are being taken for an enrolment.
    pub shooting: Option<ShootingView>,
    /// Milliseconds of the last frame's stages, by the stage's name.
    pub stage_times_ms: Vec<(String, f32)>,
    /// Why the last record could not be written; none while the store works.
    pub store_fault: Option<String>,
    /// Records that wait for the store.
    pub store_queue: u32,
    /// The state of its disk, where that is why.
    #[serde(default)]
    pub store_disk: Option<DiskState>,
    /// Records for which there was no room to wait, since the store last took one.
    #[serde(default)]
    pub not_recorded: u64,
    /// The challenge, from its beginning until it is closed.
    pub challenge: Option<ChallengeView>,
}

/// No source.
static NO_SOURCE: SourceStatus = SourceStatus {
    name: String::new(),
    state: SourceState::None,
    width: 0,
    height: 0,
    has_streamed: false,
    frames: 0,
    dropped: 0,
    skipped: 0,
    frames_per_second: 0.0,
    in_view: 0,
    trouble: None,
};

impl LiveState {
    /// The source that is looked at.
    pub fn source(&self) -> &SourceStatus {
        self.sources.get(self.focus.position()).unwrap_or(&NO_SOURCE)
    }

    /// The first source, which a test changes.
    #[cfg(test)]
    pub(crate) fn source_mut(&mut self) -> &mut SourceStatus {
        if self.sources.is_empty() {
            self.sources.push(SourceStatus::default());
        }
        &mut self.sources[0]
    }
}

/// A challenge as a screen shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChallengeView {
    /// What the person is to do now.
    pub prompt: ChallengePrompt,
    /// What is done of it, 0 to 1.
    pub progress: f32,
    /// Seconds left, on the frames' clock.
    pub seconds_left: f32,
    /// How it ended, where it has.
    pub outcome: Option<ChallengeOutcome>,
    /// Whose face the gallery says it is, where one settled and is known.
    pub person: Option<PersonName>,
}

/// A line of the roster pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterRow {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// What the site calls them by.
    pub identifier: Option<Identifier>,
    /// The groups that they are in, by name.
    pub groups: Vec<GroupName>,
    /// Whether their face may be used.
    pub face: FaceUse,
    /// How many templates are searched; 0 for somebody who was imported and has no picture yet.
    pub templates: u32,
    /// Where they are today; none for somebody not seen.
    pub presence: Option<Presence>,
}

/// The part of the snapshot that is different only when somebody is enrolled, removed or recorded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RosterState {
    /// Active people, by name.
    pub rows: Vec<RosterRow>,
    /// How many templates are searched.
    pub templates: u32,
    /// Templates of other embedding spaces, which are not searched.
    pub foreign_templates: u32,
    /// The threshold in force.
    pub threshold: Option<Threshold>,
    /// Where it came from.
    pub threshold_basis: Option<ThresholdBasis>,
    /// The sessions that are open, by their beginning.
    pub sessions: Vec<OpenSession>,
    /// The sessions that the schedule has today and that were not opened yet, by their beginning.
    pub planned: Vec<PlannedSession>,
    /// Records of an unsure time whose true one is known by now.
    pub unsure_times: u32,
}

/// An open session, and who of those expected is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// Which.
    pub session: Session,
    /// How many people are expected.
    pub expected: u32,
    /// How many of them are there now.
    pub here: u32,
    /// When those who came did, whether they are there still or not.
    pub arrived: BTreeMap<PersonId, DateTime<Utc>>,
}

impl OpenSession {
    /// Whether somebody in `groups` is expected.
    pub fn expects(&self, groups: &[GroupName]) -> bool {
        self.session.group.as_ref().is_none_or(|group| groups.contains(group))
    }

    /// How many of those expected are not there.
    pub fn missing(&self) -> u32 {
        self.expected.saturating_sub(self.here)
    }
}

/// A session of the schedule that was not opened yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSession {
    /// What it is called.
    pub name: SessionName,
    /// Who is expected; none for everybody.
    pub group: Option<GroupName>,
    /// When it is opened.
    pub opens_at: DateTime<Utc>,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}

/// Two people of the gallery who are alike: perhaps one person enrolled twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlikePeople {
    /// Who.
    pub people: [PersonName; 2],
    /// How alike their templates are that were compared.
    pub similarity: Similarity,
}

/// All that is known of the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdState {
    /// The threshold, and where it comes from.
    pub in_force: ThresholdInForce,
    /// What the site asks of it.
    pub policy: ThresholdPolicy,
    /// The embedding card's own.
    pub card: Threshold,
    /// How much is searched.
    pub size: GallerySize,
    /// Templates of other embedding spaces, which are not searched.
    pub foreign_templates: u32,
    /// How alike different people are; none where the card does not say.
    pub model: Option<ImpostorModel>,
    /// The most alike people of the gallery, of the pairs that were compared.
    pub alike: Vec<AlikePeople>,
}

/// A small picture for a screen; `Debug` prints no pixels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green and blue of every pixel, rows from the top.
    pub rgb: Vec<u8>,
    /// Which frame it shows.
    pub frame: u64,
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({}x{}, frame {})", self.width, self.height, self.frame)
    }
}

impl Preview {
    /// The picture made smaller where it does not fit into `max_width` by `max_height` pixels.
    pub fn fitting(&self, max_width: u32, max_height: u32) -> Cow<'_, Self> {
        if self.width <= max_width && self.height <= max_height {
            return Cow::Borrowed(self);
        }
        let Some(picture) = RgbPicture::new(self.width, self.height, self.rgb.clone()) else {
            return Cow::Borrowed(self);
        };
        let small = picture.resized_to_fit(max_width, max_height);
        Cow::Owned(Self {
            width: small.width(),
            height: small.height(),
            rgb: small.data().to_vec(),
            frame: self.frame,
        })
    }
}

/// What a screen can show of the live picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PreviewRequest {
    /// Pixels in a row at most; 0 for no picture.
    pub max_width: u32,
    /// Rows at most; 0 for no picture.
    pub max_height: u32,
    /// Pictures a second at most.
    pub max_fps: f32,
}

impl PreviewRequest {
    /// What is enough for two screens.
    pub fn covering(self, other: Self) -> Self {
        Self {
            max_width: self.max_width.max(other.max_width),
            max_height: self.max_height.max(other.max_height),
            max_fps: self.max_fps.max(other.max_fps),
        }
    }
}
