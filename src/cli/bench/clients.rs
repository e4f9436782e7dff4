//! Terminals that look on while the pipeline is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::engine::EngineEvent;
use crate::engine::state::PreviewRequest;
use crate::link::client::{Attached, Staying, attach};

use super::super::exit::CliError;
use super::super::wire::Hosted;

/// Events that may wait at each of them.
const EVENT_ROOM: usize = 256;
/// What a terminal of 80 columns shows, with half blocks.
const PREVIEW: PreviewRequest = PreviewRequest { max_width: 40, max_height: 40, max_fps: 8.0 };

/// So many clients over the socket, each of which takes whatever it is told.
pub(super) struct Clients {
    attached: Vec<Attached>,
    told: Arc<AtomicU64>,
}

impl Clients {
    /// Attaches `count` of them to the engine of `hosted`.
    ///
    /// # Errors
    /// [`CliError`] where there is no socket, or no more of them are taken.
    pub(super) fn attach(hosted: &Hosted, count: u16) -> Result<Self, CliError> {
        let told = Arc::new(AtomicU64::new(0));
        let mut attached = Vec::new();
        for _ in 0..count {
            let socket = hosted.socket().ok_or_else(|| {
                CliError::missing("there is no socket to attach to: set XDG_RUNTIME_DIR to a short path")
            })?;
            let client = attach(socket, None, Staying::Once).map_err(CliError::missing)?;
            let (handle, told) = (client.handle().clone(), Arc::clone(&told));
            handle.request_preview(Some(PREVIEW));
            let events = handle.subscribe(EVENT_ROOM);
            let listening = thread::Builder::new().name("client".to_owned());
            listening
                .spawn(move || {
                    for event in events {
                        told.fetch_add(1, Ordering::Relaxed);
                        if event == EngineEvent::StateChanged {
                            // As a screen does that draws.
                            let _ = (handle.snapshot(), handle.preview());
                        }
                    }
                })
                .map_err(CliError::missing)?;
            attached.push(client);
        }
        Ok(Self { attached, told })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.attached.len()
    }

    /// How many events they were told so far, all together.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }
}
