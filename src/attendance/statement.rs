//! What the ledger says of somebody's attendance once its corrections are taken in.
//!
//! An entry with a record makes a *statement*. A correction is a statement of its own that names the
//! entry it corrects; both stay in the ledger, and what holds is computed:
//!
//! - Of the corrections of an entry, the last one in the ledger holds; it says all that the entry says.
//! - A correction that strikes the entry leaves nothing of it.
//! - A correction may be corrected, or struck, in turn. Where the last one is struck, the one before it
//!   holds again, or the entry itself.
//! - A correction that names no entry adds what is missing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::record::{Method, PresenceState};
use super::report::PresenceRecord;
use super::roster::PersonId;
use super::session::{SessionId, Standing};
use crate::ledger::{ClockState, Entry, EntryKind, RecordDetails, Sequence};

/// What an entry says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The entry's place in the ledger.
    pub sequence: Sequence,
    /// The entry's time.
    pub at: DateTime<Utc>,
    /// What was known of the clock.
    pub clock: ClockState,
    /// What kind of entry it is.
    pub kind: EntryKind,
    /// About whom.
    pub person: PersonId,
    /// Whether they are here.
    pub state: Option<PresenceState>,
    /// What else.
    pub details: RecordDetails,
}

impl Statement {
    /// What `entry` says, where its record is still there.
    pub fn of(entry: &Entry) -> Option<Self> {
        let record = entry.parts.record.as_ref()?;
        Some(Self {
            sequence: entry.head.sequence,
            at: entry.head.at,
            clock: entry.head.clock,
            kind: entry.head.kind,
            person: record.person,
            state: record.state,
            details: record.details.clone(),
        })
    }

    /// The time it speaks of.
    pub fn holds_at(&self) -> DateTime<Utc> {
        self.details.holds_at.unwrap_or(self.at)
    }
}

/// What holds of one entry after its corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The entry that was corrected, or that stands as it is.
    pub first: Sequence,
    /// Its kind.
    pub kind: EntryKind,
    /// What is known of the clock that its time is from; a corrected time is an operator's.
    pub clock: ClockState,
    /// What holds.
    pub said: Statement,
}

impl Held {
    /// The entry that corrected it; none where it stands as it is.
    pub fn corrected_by(&self) -> Option<Sequence> {
        (self.said.sequence != self.first).then_some(self.said.sequence)
    }
}

/// What holds of `statements`, which must hold with every entry its corrections and what those correct; by
/// the first entry's place in the ledger. A correction of an entry that is not among them adds what it says,
/// as one that names none does: nothing that an operator wrote is lost with a part that was erased.
pub fn held(statements: impl IntoIterator<Item = Statement>) -> Vec<Held> {
    let by_sequence = by_sequence(statements);
    let corrections = corrections_of(&by_sequence);
    let is_first = |statement: &&Statement| {
        corrected(statement).is_none_or(|corrected| !by_sequence.contains_key(&corrected))
    };
    let firsts = by_sequence.values().filter(is_first);
    let hold = |first: &Statement| {
        let said = holding(first, &corrections)?;
        let clock = if said.details.holds_at.is_some() { said.clock } else { first.clock };
        Some(Held { first: first.sequence, kind: first.kind, clock, said: said.clone() })
    };
    firsts.filter_map(hold).collect()
}

/// What the entry `sequence` says by now, after its own corrections, so that a further one can say a part
/// and leave the rest as it is. Of an entry that was struck, what it said before. `statements` are as for
/// [`held`]; none where the entry is not among them.
pub fn said_now(sequence: Sequence, statements: impl IntoIterator<Item = Statement>) -> Option<Statement> {
    let by_sequence = by_sequence(statements);
    let statement = by_sequence.get(&sequence)?;
    let mut corrections = corrections_of(&by_sequence);
    if let Some(said) = holding(statement, &corrections) {
        return Some(said.clone());
    }
    if let Some(own) = corrections.get_mut(&sequence) {
        own.retain(|correction| !correction.details.struck);
    }
    holding(statement, &corrections).cloned()
}

fn by_sequence(statements: impl IntoIterator<Item = Statement>) -> BTreeMap<Sequence, Statement> {
    statements.into_iter().map(|statement| (statement.sequence, statement)).collect()
}

/// The corrections of each statement, by their place in the ledger.
fn corrections_of(by_sequence: &BTreeMap<Sequence, Statement>) -> BTreeMap<Sequence, Vec<&Statement>> {
    let mut corrections: BTreeMap<Sequence, Vec<&Statement>> = BTreeMap::new();
    for statement in by_sequence.values() {
        if let Some(corrected) = corrected(statement) {
            corrections.entry(corrected).or_default().push(statement);
        }
    }
    corrections
}

/// Whom a statement corrects: an earlier entry. One that names itself or a later one corrects nothing, so
/// that there is no circle.
fn corrected(statement: &Statement) -> Option<Sequence> {
    statement.details.corrects.filter(|corrected| *corrected < statement.sequence)
}

/// What holds of `statement`: itself, its last correction that holds, or nothing.
fn holding<'a>(
    statement: &'a Statement,
    corrections: &BTreeMap<Sequence, Vec<&'a Statement>>,
) -> Option<&'a Statement> {
    // A correction of a correction comes later in the ledger, so this ends.
    for correction in corrections.get(&statement.sequence).into_iter().flatten().rev() {
        match holding(correction, corrections) {
            Some(said) if said.details.struck => return None,
            Some(said) => return Some(said),
            // It was struck itself: the one before it holds again.
            None => {}
        }
    }
    // A strike that names nothing says nothing.
    let says_nothing = statement.details.struck && statement.details.corrects.is_none();
    (!says_nothing).then_some(statement)
}

/// Who was here and who had left, of what holds.
pub fn presence_records(held: &[Held]) -> Vec<PresenceRecord> {
    let record = |held: &Held| {
        let said = &held.said;
        let is_excuse = held.kind == EntryKind::Excused || said.details.standing.is_some();
        let state = said.state.filter(|_| !is_excuse && !said.details.struck)?;
        Some(PresenceRecord {
            sequence: held.first,
            person: said.person,
            state,
            at: said.holds_at(),
            back_filled: held.kind == EntryKind::BackFilled || said.details.holds_at.is_some(),
            method: said.details.method.or(method_of(held.kind)),
            source: said.details.source.clone(),
            corrected_by: held.corrected_by(),
            is_forgotten: held.kind == EntryKind::CheckOutForgotten && held.corrected_by().is_none(),
            is_time_unsure: held.clock == ClockState::Unsure,
        })
    };
    held.iter().filter_map(record).collect()
}

/// How somebody was known by an entry whose record does not say so, as its kind does.
pub fn method_of(kind: EntryKind) -> Option<Method> {
    match kind {
        EntryKind::Passage | EntryKind::BackFilled => Some(Method::Face),
        EntryKind::Mark => Some(Method::Operator),
        _ => None,
    }
}

/// How somebody stood at the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingRecord {
    /// The entry of the closing.
    pub sequence: Sequence,
    /// Which session.
    pub session: SessionId,
    /// Who.
    pub person: PersonId,
    /// How they stood.
    pub standing: Standing,
    /// The entry that corrected it.
    pub corrected_by: Option<Sequence>,
}

/// The standings of what holds.
pub fn standing_records(held: &[Held]) -> Vec<StandingRecord> {
    let record = |held: &Held| {
        let details = &held.said.details;
        Some(StandingRecord {
            sequence: held.first,
            session: details.session?,
            person: held.said.person,
            standing: details.standing?,
            corrected_by: held.corrected_by(),
        })
    };
    held.iter().filter_map(record).collect()
}

/// That somebody is excused: from one session, or from all that begin in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excuse {
    /// The entry.
    pub sequence: Sequence,
    /// Who.
    pub person: PersonId,
    /// The one session, where it is for one.
    pub session: Option<SessionId>,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl Excuse {
    /// Whether it excuses from a session that begins at `starts_at`.
    pub fn covers(&self, session: SessionId, starts_at: DateTime<Utc>) -> bool {
        match self.session {
            Some(excused) => excused == session,
            None => self.from <= starts_at && starts_at < self.until,
        }
    }
}

/// The excuses of what holds.
pub fn excuses(held: &[Held]) -> Vec<Excuse> {
    let excuse = |held: &Held| {
        let said = &held.said;
        (held.kind == EntryKind::Excused && !said.details.struck).then(|| Excuse {
            sequence: held.first,
            person: said.person,
            session: said.details.session,
            from: said.holds_at(),
            until: said.details.holds_until.unwrap_or(said.holds_at()),
        })
    };
    held.iter().filter_map(excuse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use ulid::Ulid;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn statement(sequence: u64, kind: EntryKind, state: PresenceState) -> Statement {
        Statement {
            sequence: Sequence(sequence),
            at: at(sequence as i64),
            clock: ClockState::Synchronised,
            kind,
            person: PersonId(Ulid(1)),
            state: Some(state),
            details: RecordDetails::default(),
        }
    }

    fn passage(sequence: u64) -> Statement {
        statement(sequence, EntryKind::Passage, PresenceState::Present)
    }

    fn correction(sequence: u64, corrects: u64, state: PresenceState, minute: i64) -> Statement {
        let details = RecordDetails {
            corrects: Some(Sequence(corrects)),
            holds_at: Some(at(minute)),
            method: Some(Method::Operator),
            ..RecordDetails::default()
        };
        Statement { details, ..statement(sequence, EntryKind::Corrected, state) }
    }

    fn strike(sequence: u64, corrects: u64) -> Statement {
        let details =
            RecordDetails { corrects: Some(Sequence(corrects)), struck: true, ..RecordDetails::default() };
        let struck = statement(sequence, EntryKind::Corrected, PresenceState::Present);
        Statement { state: None, details, ..struck }
    }

    /// First entry, entry that says what holds, state, minute.
    fn gist(statements: Vec<Statement>) -> Vec<(u64, u64, PresenceState, i64)> {
        let held = held(statements);
        let records = presence_records(&held);
        let said = |record: &PresenceRecord| record.corrected_by.unwrap_or(record.sequence).0;
        let minute = |record: &PresenceRecord| (record.at - DateTime::UNIX_EPOCH).num_minutes();
        records.iter().map(|r| (r.sequence.0, said(r), r.state, minute(r))).collect()
    }

    use PresenceState::{Left, Present};

    #[test]
    fn the_last_correction_holds_and_the_entry_stays_first() {
        let both = vec![passage(1), correction(2, 1, Left, 30), correction(3, 1, Present, 40)];
        assert_eq!(gist(both), [(1, 3, Present, 40)]);
        // A correction of a correction.
        let chained = vec![passage(1), correction(2, 1, Left, 30), correction(3, 2, Present, 50)];
        assert_eq!(gist(chained), [(1, 3, Present, 50)]);
    }

    #[test]
    fn what_is_struck_is_gone_and_comes_back_where_the_strike_is_struck() {
        assert_eq!(gist(vec![passage(1), strike(2, 1)]), []);
        assert_eq!(gist(vec![passage(1), strike(2, 1), strike(3, 2)]), [(1, 1, Present, 1)]);
        // A struck correction gives way to the one before it.
        let before = vec![passage(1), correction(2, 1, Left, 30), correction(3, 1, Left, 40), strike(4, 3)];
        assert_eq!(gist(before), [(1, 2, Left, 30)]);
    }

    #[test]
    fn an_entry_says_what_its_own_corrections_say_and_a_struck_one_what_it_said_before() {
        let said = |sequence: u64, statements: Vec<Statement>| {
            let said = said_now(Sequence(sequence), statements)?;
            Some((said.sequence.0, said.details.struck))
        };
        let twice = || vec![passage(1), correction(2, 1, Left, 30), correction(3, 2, Left, 40)];
        assert_eq!(said(1, twice()), Some((3, false)));
        assert_eq!((said(2, twice()), said(3, twice())), (Some((3, false)), Some((3, false))));
        let struck = || [twice(), vec![strike(4, 1)]].concat();
        assert_eq!((said(1, struck()), said(4, struck())), (Some((3, false)), Some((4, true))));
        assert_eq!(
            said(1, [struck(), vec![strike(5, 4), correction(6, 1, Left, 9)]].concat()),
            Some((6, false))
        );
        assert_eq!((said(1, vec![passage(1)]), said(7, twice())), (Some((1, false)), None));
    }

    #[test]
    fn a_correction_without_an_entry_adds_and_one_that_names_a_later_entry_corrects_nothing() {
        let mut added = correction(5, 1, Present, 8);
        assert_eq!(gist(vec![added.clone()]), [(5, 5, Present, 8)]);
        added.details.corrects = None;
        assert_eq!(gist(vec![added]), [(5, 5, Present, 8)]);
        let ahead = vec![correction(1, 2, Left, 1), passage(2)];
        assert_eq!(gist(ahead), [(1, 1, Left, 1), (2, 2, Present, 2)]);
        let itself = vec![correction(1, 1, Left, 1)];
        assert_eq!(gist(itself), [(1, 1, Left, 1)]);
    }

    #[test]
    fn a_corrected_time_is_sure_and_a_forgotten_check_out_is_so_until_it_is_corrected() {
        let unsure = Statement { clock: ClockState::Unsure, ..passage(1) };
        let records = presence_records(&held([unsure.clone()]));
        assert!(records[0].is_time_unsure);
        let records = presence_records(&held([unsure, correction(2, 1, Present, 700)]));
        assert!(!records[0].is_time_unsure && records[0].back_filled);
        let forgotten = statement(3, EntryKind::CheckOutForgotten, Left);
        assert!(presence_records(&held([forgotten.clone()]))[0].is_forgotten);
        let corrected = presence_records(&held([forgotten, correction(4, 3, Left, 900)]));
        assert!(!corrected[0].is_forgotten);
    }

    #[test]
    fn standings_and_excuses_are_no_presence() {
        let session = SessionId(Ulid(9));
        let mut absent = statement(1, EntryKind::Standing, Present);
        absent.state = None;
        absent.details.session = Some(session);
        absent.details.standing = Some(Standing::Absent);
        let mut excused = correction(2, 1, Present, 3);
        excused.state = None;
        excused.details.session = Some(session);
        excused.details.standing = Some(Standing::Excused);
        let mut excuse = statement(3, EntryKind::Excused, Present);
        excuse.state = None;
        excuse.details.holds_until = Some(at(100));
        let held = held([absent, excused, excuse]);
        assert_eq!(presence_records(&held), []);
        let standings = standing_records(&held);
        assert_eq!(standings.len(), 1);
        assert_eq!(
            (standings[0].standing, standings[0].corrected_by),
            (Standing::Excused, Some(Sequence(2)))
        );
        let excuses = excuses(&held);
        assert!(excuses[0].covers(session, at(3)) && excuses[0].covers(session, at(99)));
        assert!(!excuses[0].covers(session, at(100)) && !excuses[0].covers(session, at(2)));
    }

    proptest! {
        /// Whatever corrects whatever, it ends, and nothing holds twice.
        #[test]
        fn every_tangle_comes_to_something(targets in proptest::collection::vec((0u64..12, any::<bool>()), 1..12)) {
            let statements: Vec<Statement> = targets.iter().enumerate().map(|(at, (target, struck))| {
                let sequence = at as u64 + 1;
                if *struck { strike(sequence, *target) } else { correction(sequence, *target, Left, 1) }
            }).collect();
            let held = held(statements);
            let mut said: Vec<Sequence> = held.iter().map(|held| held.said.sequence).collect();
            said.sort();
            said.dedup();
            prop_assert_eq!(said.len(), held.len());
        }
    }
}
