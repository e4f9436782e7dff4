//! The thread that hashes PINs and checks them: each takes a good part of a tenth of a second, on purpose, and
//! the engine must not wait for it.

use crossbeam_channel::{Receiver, Sender};

use crate::attendance::{Pin, PinError, PinHash};

/// What is to be done with a PIN.
#[derive(Debug)]
pub(crate) enum PinWork {
    Hash([u8; 16]),
    Check(PinHash),
}

/// A PIN, and what is to be done with it.
#[derive(Debug)]
pub(crate) struct PinJob {
    pub(crate) id: u64,
    pub(crate) pin: Pin,
    pub(crate) work: PinWork,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum PinOutcome {
    Hashed(Result<PinHash, PinError>),
    Checked(bool),
}

/// Everything the thread owns.
pub(crate) struct PinWorker {
    pub(crate) jobs: Receiver<PinJob>,
    pub(crate) answers: Sender<(u64, PinOutcome)>,
}

impl PinWorker {
    /// Runs until the engine lets go.
    pub(crate) fn run(self) {
        for PinJob { id, pin, work } in self.jobs {
            let outcome = match work {
                PinWork::Hash(salt) => PinOutcome::Hashed(pin.hash(&salt)),
                PinWork::Check(hash) => PinOutcome::Checked(pin.is(&hash)),
            };
            if self.answers.send((id, outcome)).is_err() {
                return;
            }
        }
    }
}
