//! Looks at live frames: follows the faces, and runs the nets only where the follower says so.

use crossbeam_channel::Receiver;

use crate::capture::Frame;
use crate::face::{Detection, Rect};
use crate::identify::Rejection;
use crate::inference::{
    AnalysedFace, FaceAnalyser, FrameAnalysis, InferenceError, Probes, StageTimes, WantedFaces,
};
use crate::track::{Face, Follower, FrameTracks, LINK_IOU, Look, Presence, TrackId};

/// What the engine says after each frame that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    /// Tracks that are decided.
    pub(crate) decided: Vec<TrackId>,
    /// Which faces are wanted with all nets.
    pub(crate) wanted: Extent,
}

/// Which faces are wanted with all nets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Extent {
    /// None: nobody is decided about.
    Nobody,
    /// Those that the follower says.
    #[default]
    Undecided,
    /// All, whatever is decided.
    Everybody,
}

/// The faces of a frame, and which of them all nets are to look at.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    detections: Vec<Detection>,
    /// Of each of them.
    is_wanted: Vec<bool>,
    /// Those that are.
    wanted: Vec<Detection>,
    times: StageTimes,
}

impl Extent {
    /// Whether a face is wanted that the follower would look at so.
    fn wants(self, look: Look) -> bool {
        match self {
            Self::Nobody => false,
            Self::Undecided => look == Look::Closely,
            Self::Everybody => true,
        }
    }
}

/// What came of a frame.
#[derive(Debug)]
pub(crate) struct LookedAt {
    pub(crate) analysis: FrameAnalysis,
    /// The tracks of its faces.
    pub(crate) tracks: FrameTracks,
}

/// Why a frame was not looked at.
pub(crate) enum LookError {
    Inference(InferenceError),
    /// The engine has ended.
    Gone,
}

impl From<InferenceError> for LookError {
    fn from(error: InferenceError) -> Self {
        Self::Inference(error)
    }
}

/// Follows the faces of one source.
pub(crate) struct LiveLook {
    follower: Follower,
    attention: Receiver<Attention>,
    /// Whether the engine has a frame that it has not answered.
    is_awaited: bool,
    extent: Extent,
    presence: Presence,
    cells: Vec<u8>,
}

impl LiveLook {
    pub(crate) fn new(follower: Follower, attention: Receiver<Attention>) -> Self {
        let (presence, cells) = (Presence::default(), Vec::new());
        Self { follower, attention, is_awaited: false, extent: Extent::default(), presence, cells }
    }

    /// Finds the faces of a frame, and says which of them all nets are to look at. What was decided in the frame
    /// before is waited for, so that a recording comes to the same whatever the threads' pace.
    pub(crate) fn plan(
        &mut self,
        analyser: &mut dyn FaceAnalyser,
        frame: &Frame,
    ) -> Result<Planned, LookError> {
        let mut times = StageTimes::default();
        frame.picture.cells(&mut self.cells);
        let is_empty = self.extent != Extent::Everybody
            && self.follower.is_idle()
            && !self.presence.needs_look(frame.at, &self.cells);
        let mut detections = Vec::new();
        if !is_empty {
            detections = analyser.detect(&frame.picture, &mut times)?;
            self.presence.looked(frame.at, &self.cells, !detections.is_empty());
        }
        if std::mem::take(&mut self.is_awaited) {
            let attention = self.attention.recv().map_err(|_| LookError::Gone)?;
            self.follower.settle(&attention.decided);
            self.extent = attention.wanted;
        }
        self.find_missing(analyser, frame, &mut detections, &mut times)?;
        let boxes: Vec<Rect> = detections.iter().map(|detection| detection.bounds).collect();
        let looks = self.follower.plan(frame.at, &boxes);
        let is_wanted: Vec<bool> = looks.iter().map(|look| self.extent.wants(*look)).collect();
        let wanted = detections.iter().zip(&is_wanted).filter(|(_, is_wanted)| **is_wanted);
        let wanted = wanted.map(|(detection, _)| *detection).collect();
        Ok(Planned { detections, is_wanted, wanted, times })
    }

    /// Takes in what all nets said of the wanted faces.
    pub(crate) fn conclude(&mut self, frame: &Frame, planned: Planned, probes: Probes) -> LookedAt {
        let Planned { detections, is_wanted, times, .. } = planned;
        let mut probes = probes.into_iter();
        let faces: Vec<AnalysedFace> = detections
            .into_iter()
            .zip(is_wanted)
            .map(|(detection, is_wanted)| {
                // There is a probe for each that was wanted.
                let probe = is_wanted.then(|| probes.next()).flatten();
                AnalysedFace { detection, probe: probe.unwrap_or(Err(Rejection::NotLooked)) }
            })
            .collect();
        let seen: Vec<Face> = faces.iter().map(face).collect();
        let tracks = self.follower.observe(frame.at, &seen);
        self.is_awaited = true;
        LookedAt { analysis: FrameAnalysis { faces, times }, tracks }
    }

    /// Looks again where a track's face was and none was found.
    fn find_missing(
        &self,
        analyser: &mut dyn FaceAnalyser,
        frame: &Frame,
        detections: &mut Vec<Detection>,
        times: &mut StageTimes,
    ) -> Result<(), InferenceError> {
        let boxes: Vec<Rect> = detections.iter().map(|detection| detection.bounds).collect();
        for (region, before) in self.follower.missing(frame.at, &boxes) {
            let found = analyser.look_again(&frame.picture, &region, times)?;
            let overlap = |detection: &Detection| detection.bounds.iou(&before);
            let best = found.into_iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
            let is_new =
                |found: &Detection| detections.iter().all(|known| known.bounds.iou(&found.bounds) < LINK_IOU);
            detections.extend(best.filter(|found| overlap(found) >= LINK_IOU && is_new(found)));
        }
        detections.sort_by(|a, b| a.bounds.x.total_cmp(&b.bounds.x));
        Ok(())
    }
}

/// What all nets say of the wanted faces of each frame, looked at together.
pub(crate) fn probe(
    analyser: &mut dyn FaceAnalyser,
    frames: &mut [(&Frame, &mut Planned)],
) -> Result<Vec<Probes>, InferenceError> {
    let wanted: Vec<WantedFaces<'_>> = frames
        .iter()
        .map(|(frame, planned)| WantedFaces { picture: &frame.picture, detections: &planned.wanted })
        .collect();
    let all = wanted.iter().map(|wanted| wanted.detections.len()).sum();
    if all == 0 {
        return Ok(vec![Vec::new(); frames.len()]);
    }
    let mut times = StageTimes::default();
    let probes = analyser.probe_all(&wanted, &mut times)?;
    for (_, planned) in frames {
        planned.times.add(&times.share(planned.wanted.len(), all));
    }
    Ok(probes)
}

fn face(face: &AnalysedFace) -> Face {
    let probe = face.probe.as_ref().ok();
    Face {
        bounds: face.detection.bounds,
        embedding: probe.map(|probe| probe.embedding.clone()),
        quality: probe.map(|probe| probe.quality.score()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use crossbeam_channel::bounded;

    use super::*;
    use crate::capture::{FrameSequence, RgbPicture};
    use crate::face::Probe;
    use crate::inference::AnalyserFacts;
    use crate::track::TrackSettings;

    /// Finds a face where the picture's middle is light, and counts how often it is asked.
    #[derive(Default)]
    struct Counting(usize);

    impl FaceAnalyser for Counting {
        fn facts(&self) -> &AnalyserFacts {
            unreachable!("nobody asks for them here")
        }

        fn detect(
            &mut self,
            picture: &RgbPicture,
            _: &mut StageTimes,
        ) -> Result<Vec<Detection>, InferenceError> {
            self.0 += 1;
            let bounds = Rect::new(20.0, 20.0, 40.0, 40.0);
            let is_there = picture.pixel(40, 40)[1] > 100;
            Ok(is_there.then_some(Detection { bounds, score: 0.9, points: None }).into_iter().collect())
        }

        fn probe(
            &mut self,
            _: &RgbPicture,
            _: &Detection,
            _: &mut StageTimes,
        ) -> Result<Result<Probe, Rejection>, InferenceError> {
            Ok(Err(Rejection::NotAlignable))
        }
    }

    /// The numbers of calls of the detector, of faces, and of those that all nets looked at, of frames 40 ms apart,
    /// each as light as `levels` says.
    fn looks(levels: &[u8], wanted: Extent) -> Vec<(usize, usize, usize)> {
        let (answers, attention) = bounded(2);
        let mut look = LiveLook::new(Follower::new(TrackSettings::default()), attention);
        let mut analyser = Counting::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let frames = levels.iter().zip(0u64..).map(|(level, number)| Frame {
            sequence: FrameSequence(number),
            at: start + TimeDelta::milliseconds(40) * number as i32,
            picture: RgbPicture::new(80, 80, vec![*level; 80 * 80 * 3]).unwrap(),
            label: None,
        });
        let each = frames.map(|frame| {
            let before = analyser.0;
            let Ok(mut planned) = look.plan(&mut analyser, &frame) else { panic!("not looked at") };
            let probes = probe(&mut analyser, &mut [(&frame, &mut planned)]).unwrap().remove(0);
            let looked = look.conclude(&frame, planned, probes);
            answers.send(Attention { decided: Vec::new(), wanted }).unwrap();
            let faces = looked.analysis.faces;
            let probed = faces.iter().filter(|face| face.probe != Err(Rejection::NotLooked)).count();
            (analyser.0 - before, faces.len(), probed)
        });
        each.collect()
    }

    #[test]
    fn the_detector_is_spared_while_an_empty_picture_stands_still_and_asked_when_somebody_comes() {
        assert_eq!(
            looks(&[50, 50, 52, 200, 200, 50], Extent::Undecided),
            [(1, 0, 0), (0, 0, 0), (0, 0, 0), (1, 1, 1), (1, 1, 1), (1, 0, 0)]
        );
        let still: usize = looks(&[50; 60], Extent::Undecided).iter().map(|(calls, ..)| calls).sum();
        assert_eq!(still, 3, "at the first frame, and every second");
    }

    #[test]
    fn while_faces_are_wanted_closely_the_detector_is_asked_for_every_frame() {
        // The first answer comes with the second frame.
        let calls: usize = looks(&[50; 10], Extent::Everybody).iter().map(|(calls, ..)| calls).sum();
        assert!(calls >= 9, "{calls}");
    }

    #[test]
    fn while_nobody_is_decided_about_faces_are_found_and_no_other_net_looks_at_them() {
        // Of the first frame nobody has said so yet.
        assert_eq!(looks(&[200; 4], Extent::Nobody), [(1, 1, 1), (1, 1, 0), (1, 1, 0), (1, 1, 0)]);
    }
}
