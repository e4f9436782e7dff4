//! What became of the entries that are held: which correction holds of each, and what their sessions are called.

use std::collections::BTreeMap;

use crate::attendance::SessionId;
use crate::attendance::session::SessionName;
use crate::attendance::statement::{Statement, held};
use crate::engine::LogEntry;
use crate::ledger::{Facts, Sequence};

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stands as it is, or says nothing that could be corrected.
    Stands,
    /// What this entry says holds in its place.
    Corrected(Sequence),
    /// It holds no more, by this entry.
    Struck(Sequence),
}

/// The corrections that were seen, whatever of the log is shown now. There are few.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    of: BTreeMap<Sequence, Vec<LogEntry>>,
    sessions: BTreeMap<SessionId, SessionName>,
}

impl Corrections {
    /// Takes in an entry.
    pub fn note(&mut self, entry: &LogEntry) {
        if let Some(Facts::Session(session)) = &entry.facts {
            self.sessions.insert(session.id, session.name.clone());
        }
        let Some(corrected) = entry.details.corrects.filter(|corrected| *corrected < entry.sequence) else {
            return;
        };
        let others = self.of.entry(corrected).or_default();
        if let Err(at) = others.binary_search_by_key(&entry.sequence, |other| other.sequence) {
            others.insert(at, entry.clone());
        }
    }

    /// What the session is called that an entry is about.
    pub fn session_of(&self, entry: &LogEntry) -> Option<&SessionName> {
        let closed = match &entry.facts {
            Some(Facts::SessionClosed(id)) => Some(*id),
            _ => None,
        };
        self.sessions.get(&entry.details.session.or(closed)?)
    }

    /// Every correction of an entry, and of those, and so on, by their place in the ledger.
    pub fn chain(&self, first: Sequence) -> Vec<&LogEntry> {
        let mut found: Vec<&LogEntry> = Vec::new();
        let mut open = vec![first];
        // A correction lies after what it corrects, so this ends.
        while let Some(sequence) = open.pop() {
            for entry in self.of.get(&sequence).into_iter().flatten() {
                open.push(entry.sequence);
                found.push(entry);
            }
        }
        found.sort_by_key(|entry| entry.sequence);
        found
    }

    /// What holds of `entry` by now, where it speaks of anybody and was not struck.
    pub fn holds(&self, entry: &LogEntry) -> Option<Statement> {
        let chain = self.chain(entry.sequence);
        let statements = std::iter::once(entry).chain(chain).filter_map(LogEntry::statement);
        let of_entry = held(statements).into_iter().find(|held| held.first == entry.sequence)?;
        Some(of_entry.said).filter(|said| !said.details.struck || said.sequence == entry.sequence)
    }

    /// What became of `entry`.
    pub fn fate(&self, entry: &LogEntry) -> Fate {
        if !self.of.contains_key(&entry.sequence) {
            return Fate::Stands;
        }
        match (self.holds(entry), self.chain(entry.sequence).last()) {
            (Some(said), _) if said.sequence == entry.sequence => Fate::Stands,
            (Some(said), _) => Fate::Corrected(said.sequence),
            (None, Some(last)) if entry.person.is_some() => Fate::Struck(last.sequence),
            (None, _) => Fate::Stands,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::PresenceState;
    use crate::ledger::EntryKind;
    use crate::tui::testing::entry;

    fn correction(sequence: u64, of: u64, struck: bool) -> LogEntry {
        let mut entry = entry(sequence, EntryKind::Corrected, Some((1, "Ana")));
        entry.details.corrects = Some(Sequence(of));
        entry.details.struck = struck;
        entry.state = (!struck).then_some(PresenceState::Left);
        entry
    }

    #[test]
    fn the_last_correction_holds_and_a_strike_of_a_strike_brings_back() {
        let mut passage = entry(118, EntryKind::Passage, Some((1, "Ana")));
        passage.state = Some(PresenceState::Present);
        let mut corrections = Corrections::default();
        let mut fates = vec![corrections.fate(&passage)];
        for next in [
            correction(131, 118, false),
            correction(140, 131, false),
            correction(141, 118, true),
            correction(150, 141, true),
        ] {
            corrections.note(&next);
            corrections.note(&next);
            fates.push(corrections.fate(&passage));
        }
        let (by, struck) = (|n| Fate::Corrected(Sequence(n)), |n| Fate::Struck(Sequence(n)));
        assert_eq!(fates, [Fate::Stands, by(131), by(140), struck(141), by(140)]);
        let chain: Vec<u64> = corrections.chain(Sequence(118)).iter().map(|entry| entry.sequence.0).collect();
        assert_eq!(chain, [131, 140, 141, 150]);
        assert_eq!(corrections.fate(&correction(131, 118, false)), by(140));
        // One that names itself or a later one corrects nothing.
        corrections.note(&correction(160, 160, true));
        assert_eq!(corrections.fate(&correction(160, 160, true)), Fate::Stands);
    }
}
