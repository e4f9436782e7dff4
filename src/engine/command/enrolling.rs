//! What there is to say about an enrolment.

use serde::{Deserialize, Serialize};

use super::{FaceChoice, PictureBytes, ShotId};
use crate::attendance::{PersonId, PersonName};
use crate::face::{Finding, Quality, Similarity};
use crate::identify::Threshold;

/// Names a run of shots that the camera takes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShootingId(pub u64);

/// Somebody who is enrolled and looks like the person who is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alike {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// How alike the most alike of all pictures are.
    pub similarity: Similarity,
}

/// What was enrolled from one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureNote {
    /// Which.
    pub label: String,
    /// How good the picture of the face is.
    pub quality: Quality,
    /// The limits that it breaks, the worst first.
    pub findings: Vec<Finding>,
}

/// A picture that was not enrolled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPicture {
    /// Which.
    pub label: String,
    /// Why, with the label.
    pub reason: String,
}

/// Picture files to enrol from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrolmentPictures {
    /// At least one.
    pub pictures: Vec<PictureBytes>,
    /// Which face of each.
    pub face: FaceChoice,
    /// Whether those that cannot be used are left out, as long as one is left; else one that cannot
    /// be used refuses them all.
    pub leave_out: bool,
}

/// What an operator should know of an enrolment that was done.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EnrolmentNotes {
    /// The pictures, in their order.
    pub pictures: Vec<PictureNote>,
    /// Pictures that were left out.
    pub refused: Vec<RefusedPicture>,
    /// Other people who are enrolled and look like this one: at the threshold or less than
    /// [`crate::engine::enrolment::ALIKE_MARGIN`] under it.
    pub alike: Vec<Alike>,
    /// The threshold that held.
    pub threshold: Option<Threshold>,
    /// How alike the pictures are to those the person had before; none for somebody's first.
    pub to_earlier: Option<Similarity>,
}

/// Who is looked for in a self-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTestOf {
    /// Somebody who is enrolled, against the whole gallery.
    Person(PersonId),
    /// Whoever is to be enrolled with these shots, before that is saved: their mean alone.
    Shots(Vec<ShotId>),
}

/// How somebody is recognised in the live picture.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SelfTest {
    /// Frames with one face that could be searched.
    pub frames: u32,
    /// In how many of them this person was identified, or would be.
    pub identified: u32,
    /// The median similarity to this person where they were the most alike.
    pub similarity: Option<Similarity>,
    /// The threshold in force.
    pub threshold: Option<Threshold>,
}
