//! Frames of several sources that wait for the nets at the same time.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use crossbeam_channel::{Sender, bounded};

use super::stand_ins::facts;
use crate::capture::{Frame, FrameSequence, RgbPicture};
use crate::engine::access::Access;
use crate::engine::handle::Board;
use crate::engine::state::SourceIndex;
use crate::engine::worker::capture::FrameMessage;
use crate::engine::worker::inference::{Feed, InferenceReport, InferenceWorker, LoadAnalyser};
use crate::engine::worker::look::LiveLook;
use crate::face::{Detection, Probe, Rect};
use crate::identify::Rejection;
use crate::inference::{AnalyserFacts, FaceAnalyser, InferenceError, Probes, StageTimes, WantedFaces};
use crate::track::{Follower, TrackSettings};

/// Finds as many faces as a picture's first value says, and notes how many of each picture come together.
struct Together {
    facts: AnalyserFacts,
    takes_several: bool,
    calls: Sender<Vec<usize>>,
}

impl FaceAnalyser for Together {
    fn facts(&self) -> &AnalyserFacts {
        &self.facts
    }

    fn detect(&mut self, of: &RgbPicture, _: &mut StageTimes) -> Result<Vec<Detection>, InferenceError> {
        let face = |place: u8| {
            let bounds = Rect::new(f32::from(place) * 50.0, 10.0, 40.0, 40.0);
            Detection { bounds, score: 0.9, points: None }
        };
        Ok((0..of.data()[0]).map(face).collect())
    }

    fn probe(
        &mut self,
        _: &RgbPicture,
        _: &Detection,
        _: &mut StageTimes,
    ) -> Result<Result<Probe, Rejection>, InferenceError> {
        Ok(Err(Rejection::NotAlignable))
    }

    fn takes_several(&self) -> bool {
        self.takes_several
    }

    fn probe_all(
        &mut self,
        wanted: &[WantedFaces<'_>],
        times: &mut StageTimes,
    ) -> Result<Vec<Probes>, InferenceError> {
        let of_each = |wanted: &WantedFaces<'_>| wanted.detections.len();
        self.calls.send(wanted.iter().map(of_each).collect()).unwrap();
        times.embed = Duration::from_millis(40);
        Ok(wanted.iter().map(|of| vec![Err(Rejection::NotAlignable); of_each(of)]).collect())
    }
}

fn frame(faces: u8) -> FrameMessage {
    let mut pixels = vec![0; 300 * 60 * 3];
    pixels[0] = faces;
    let picture = RgbPicture::new(300, 60, pixels).unwrap();
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    FrameMessage::Frame(Frame { sequence: FrameSequence(1), at, picture, label: None })
}

/// A source, how many faces of it were reported, and how long embedding them took.
type Seen = (u16, usize, Duration);

/// What the nets are asked at once where each of three sources has a frame, with so many faces, before they are
/// loaded; and of each source, how many faces were reported and how long its share took.
fn asked(takes_several: bool, faces: [u8; 3]) -> (Vec<Vec<usize>>, Vec<Seen>) {
    let (calls, noted) = bounded(16);
    let (reports, reported) = bounded(16);
    let (jobs, job_receiver) = bounded(1);
    let mut feeds = Vec::new();
    let mut attentions = Vec::new();
    for (position, faces) in faces.into_iter().enumerate() {
        let (send, frames) = bounded(1);
        send.send(frame(faces)).unwrap();
        let (attention, answers) = bounded(2);
        attentions.push(attention);
        let follower = Follower::numbered(TrackSettings::default(), position, 3);
        feeds.push(Feed {
            source: SourceIndex::at(position),
            frames,
            look: LiveLook::new(follower, answers),
        });
    }
    let facts = facts();
    let load: LoadAnalyser = Box::new(move || Ok(Box::new(Together { facts, takes_several, calls })));
    let board = Arc::new(Board::new(Access::new(0)));
    let worker = InferenceWorker { load: Some(load), feeds, jobs: job_receiver, reports, board };
    let running = std::thread::spawn(move || worker.run());
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let InferenceReport::Observed { source, looked, .. } = reported.recv().unwrap() {
            let analysis = looked.unwrap().analysis;
            seen.push((source.0, analysis.faces.len(), analysis.times.embed));
        }
    }
    drop(jobs);
    running.join().unwrap();
    (noted.try_iter().collect(), seen)
}

#[test]
fn faces_of_all_sources_go_through_the_nets_together_where_that_is_faster() {
    let ms = Duration::from_millis;
    let (calls, seen) = asked(true, [1, 0, 3]);
    assert_eq!(calls, [[1, 0, 3]]);
    assert_eq!(seen, [(0, 1, ms(10)), (1, 0, ms(0)), (2, 3, ms(30))]);
}

#[test]
fn where_it_is_not_no_frame_waits_for_the_faces_of_another() {
    let ms = Duration::from_millis;
    let (calls, seen) = asked(false, [1, 0, 3]);
    assert_eq!(calls, [[1], [3]]);
    assert_eq!(seen, [(0, 1, ms(40)), (1, 0, ms(0)), (2, 3, ms(40))]);
}
