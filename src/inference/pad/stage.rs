//! The liveness net beside the others. Of one face it and the embedding net look at different crops, and neither
//! needs to know what the other says: where there is a core for it, it runs on a thread of its own while the face
//! is embedded. What it says is the same.

use std::collections::VecDeque;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::super::InferenceError;
use super::super::net::meter::Meter;
use super::PadNet;
use crate::capture::RgbPicture;
use crate::face::{Liveness, Rect};

/// Faces that were asked about and not answered yet, at most.
const ROOM: usize = 8;

/// What is asked about faces and answered in their order.
pub struct PadStage {
    place: Place,
    /// Answers that were there before they were asked for.
    found: VecDeque<Result<Liveness, InferenceError>>,
}

enum Place {
    /// On the thread that asks, when it asks.
    Here(Box<PadNet>),
    Beside(Beside),
}

/// The net on its thread.
struct Beside {
    faces: Option<Sender<(RgbPicture, Rect)>>,
    answers: Receiver<Result<Liveness, InferenceError>>,
    /// Faces that are not answered.
    waiting: usize,
    threshold: f32,
    thread: Option<JoinHandle<()>>,
}

impl PadStage {
    /// The net where it is asked.
    pub fn here(net: PadNet) -> Self {
        Self { place: Place::Here(Box::new(net)), found: VecDeque::new() }
    }

    /// The same on a thread of its own, whose processor time is added to `meter`.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the system gives no thread.
    pub fn moved_beside(self, meter: &Meter) -> Result<Self, InferenceError> {
        let Place::Here(mut net) = self.place else { return Ok(self) };
        let (faces, to_look_at) = bounded::<(RgbPicture, Rect)>(ROOM);
        let (answer, answers) = bounded(ROOM);
        let (threshold, meter) = (net.threshold(), meter.clone());
        let run = move || {
            for (picture, bounds) in to_look_at {
                let found = meter.beside(|| net.measure(&picture, &bounds));
                // The source uses its memory again, as soon as nobody holds it.
                drop(picture);
                if answer.send(found).is_err() {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name("muster-liveness".to_owned()).spawn(run);
        let thread = spawned.map_err(|error| trouble(error.to_string()))?;
        let beside = Beside { faces: Some(faces), answers, waiting: 0, threshold, thread: Some(thread) };
        Ok(Self { place: Place::Beside(beside), found: VecDeque::new() })
    }

    /// Whether it has a thread of its own.
    pub fn is_beside(&self) -> bool {
        matches!(self.place, Place::Beside(_))
    }

    /// The net, where it is here.
    pub fn net(&mut self) -> Option<&mut PadNet> {
        match &mut self.place {
            Place::Here(net) => Some(net),
            Place::Beside(_) => None,
        }
    }

    /// See [`PadNet::threshold`].
    pub fn threshold(&self) -> f32 {
        match &self.place {
            Place::Here(net) => net.threshold(),
            Place::Beside(beside) => beside.threshold,
        }
    }

    /// Asks about the face in `bounds`, as [`PadNet::measure`] has them.
    pub fn ask(&mut self, picture: &RgbPicture, bounds: &Rect) {
        match &mut self.place {
            Place::Here(net) => self.found.push_back(net.measure(picture, bounds)),
            Place::Beside(beside) => {
                if beside.waiting == ROOM {
                    self.found.push_back(beside.answer());
                }
                beside.ask(picture.clone(), *bounds);
            }
        }
    }

    /// What was asked first and not answered yet.
    ///
    /// # Errors
    /// [`InferenceError::Runtime`] where the net fails, or nothing was asked.
    pub fn answer(&mut self) -> Result<Liveness, InferenceError> {
        match (self.found.pop_front(), &mut self.place) {
            (Some(found), _) => found,
            (None, Place::Beside(beside)) => beside.answer(),
            (None, Place::Here(_)) => Err(trouble("nothing was asked".to_owned())),
        }
    }

    /// Waits for what was asked last, and lets go of it.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn unask(&mut self) -> Result<(), InferenceError> {
        while let Place::Beside(beside) = &mut self.place
            && beside.waiting > 0
        {
            self.found.push_back(beside.answer());
        }
        self.found.pop_back().map_or(Ok(()), |found| found.map(drop))
    }

    /// Lets go of everything that was asked and not answered.
    pub fn forget(&mut self) {
        self.found.clear();
        if let Place::Beside(beside) = &mut self.place {
            while beside.waiting > 0 {
                let _ = beside.answer();
            }
        }
    }
}

fn trouble(detail: String) -> InferenceError {
    InferenceError::Runtime { step: "run the liveness net beside the others".to_owned(), detail }
}

impl Beside {
    fn ask(&mut self, picture: RgbPicture, bounds: Rect) {
        self.waiting += 1;
        // Where its thread has ended, the answer says so.
        let _ = self.faces.as_ref().map(|faces| faces.send((picture, bounds)));
    }

    fn answer(&mut self) -> Result<Liveness, InferenceError> {
        self.waiting = self.waiting.saturating_sub(1);
        // It ends by a panic alone.
        self.answers.recv().unwrap_or_else(|_| Err(trouble("its thread has ended".to_owned())))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.faces = None;
        // A process that ends takes the runtime down: not under a thread that is in it.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
