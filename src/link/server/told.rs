//! State as bytes, made once for all clients who are told the same.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Role;
use crate::engine::handle::Snapshot;
use crate::engine::inbox::InboxState;
use crate::engine::state::{LiveState, RosterState};
use crate::link::frame::framed;
use crate::link::protocol::ToClient;

/// The newest value that was made into bytes. The value is held, so that its address names it.
#[derive(Debug)]
struct Kept<T>(Mutex<Option<Made<T>>>);

type Made<T> = (Arc<T>, Arc<[u8]>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    fn of(&self, value: &Arc<T>, make: impl FnOnce(&T) -> Vec<u8>) -> Arc<[u8]> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((held, bytes)) = &*kept
            && Arc::ptr_eq(held, value)
        {
            return Arc::clone(bytes);
        }
        let bytes: Arc<[u8]> = make(value).into();
        *kept = Some((Arc::clone(value), Arc::clone(&bytes)));
        bytes
    }
}

/// The bytes of the newest states.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    live: Kept<LiveState>,
    roster: Kept<RosterState>,
    /// Observers are shown less.
    roster_for_observers: Kept<RosterState>,
    inbox: Kept<InboxState>,
}

/// A message as bytes; nothing where it is longer than 4 GiB, which a client will ask for again.
fn bytes(message: &ToClient<'_>) -> Vec<u8> {
    framed(message).unwrap_or_default()
}

impl Encoded {
    pub(super) fn live(&self, snapshot: &Snapshot) -> Arc<[u8]> {
        let make = |live: &LiveState| bytes(&ToClient::Live(Cow::Borrowed(live)));
        match snapshot.role {
            // Made anew for each of them, so there is nothing to find it by.
            None | Some(Role::Observer) => make(&snapshot.live).into(),
            Some(_) => self.live.of(&snapshot.live, make),
        }
    }

    pub(super) fn roster(&self, snapshot: &Snapshot) -> Arc<[u8]> {
        let kept = match snapshot.role {
            None | Some(Role::Observer) => &self.roster_for_observers,
            Some(_) => &self.roster,
        };
        kept.of(&snapshot.roster, |roster| bytes(&ToClient::Roster(Cow::Borrowed(roster))))
    }

    pub(super) fn inbox(&self, snapshot: &Snapshot) -> Arc<[u8]> {
        let make = |inbox: &InboxState| bytes(&ToClient::Inbox(Cow::Borrowed(inbox)));
        match snapshot.role {
            None | Some(Role::Observer) => make(&snapshot.inbox).into(),
            Some(_) => self.inbox.of(&snapshot.inbox, make),
        }
    }
}
