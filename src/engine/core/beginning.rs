//! What the store held is taken in, while frames of a camera are shown already.

use crossbeam_channel::{Receiver, Select, Sender};

use crate::capture::Pace;
use crate::store::Change;

use super::super::state::InferenceStatus;
use super::noting::Noted;
use super::{Core, GalleryState, Past};

/// What the engine thread is told of the store before anything else.
pub(crate) enum Stored {
    /// Some of everything that is there, in order.
    Part(Vec<Change>),
    /// That was all of it. The channel is closed when it was taken in.
    All(Box<Ledger>, Sender<()>),
}

/// What the ledger says to an engine that begins.
pub(crate) struct Ledger {
    pub(crate) past: Past,
    /// What it noted last of what it notes only where it changes.
    pub(crate) noted: Noted,
}

impl Core {
    /// Takes in what the store held; whether all of it came. Until then nobody is decided about, nothing that
    /// is asked is answered and nothing is written. The frames of a camera are followed and shown meanwhile;
    /// where every frame counts, all of them wait.
    pub(super) fn take_stored(&mut self, stored: &Receiver<Stored>) -> bool {
        self.is_beginning = true;
        loop {
            let mut select = Select::new();
            let of_store = select.recv(stored);
            if self.pace == Pace::RealTime {
                select.recv(&self.channels.inference);
            }
            let operation = select.select();
            if operation.index() != of_store {
                match operation.recv(&self.channels.inference) {
                    Ok(report) => self.take_inference(report),
                    Err(_) => {
                        self.channels.inference = crossbeam_channel::never();
                        self.lose_inference("the inference thread has ended");
                    }
                }
                continue;
            }
            match operation.recv(stored) {
                Ok(Stored::Part(changes)) => changes.into_iter().for_each(|change| self.apply(change)),
                Ok(Stored::All(ledger, taken)) => {
                    self.noted = ledger.noted;
                    self.take_past(&ledger.past);
                    self.end_beginning();
                    drop(taken);
                    return true;
                }
                // The store could not be read; whoever starts the engine says why.
                Err(_) => return false,
            }
        }
    }

    fn end_beginning(&mut self) {
        self.is_beginning = false;
        if let (InferenceStatus::Loading, Some(facts)) = (&self.inference, &self.facts) {
            self.inference = InferenceStatus::Ready { provider: facts.provider, pack: facts.pack.clone() };
        }
        let (templates, foreign) = match &self.gallery {
            GalleryState::Ready(gallery) => (gallery.len(), gallery.foreign_templates()),
            GalleryState::Waiting(waiting) => (waiting.len(), 0),
        };
        tracing::info!(templates, foreign, "the gallery is complete");
    }
}
