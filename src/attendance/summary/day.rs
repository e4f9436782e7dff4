//! A person's line of a day.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::super::clocking::day_clock;
use super::super::record::{Presence, PresenceState};
use super::super::report::{Day, DayState, PresenceRecord, in_order};
use super::super::roster::PersonId;
use super::super::rules::ClockMode;
use super::super::statement::Statement;
use super::{DayRow, DayStanding, Marks, methods_of};
use crate::ledger::Sequence;

/// What one day's records say of everybody.
#[derive(Debug, Clone, Default)]
pub(super) struct DayRecords {
    by_person: HashMap<PersonId, Vec<PresenceRecord>>,
    /// How many entries of the day an operator corrected or struck.
    corrected: HashMap<PersonId, u32>,
}

impl DayRecords {
    /// Those of `records` that hold on `day`, with the `corrections` that they come from.
    pub(super) fn of(day: &Day, records: Vec<PresenceRecord>, corrections: &Corrections) -> Self {
        let mut by_person: HashMap<PersonId, Vec<PresenceRecord>> = HashMap::new();
        let mut touched: HashSet<(PersonId, Sequence)> = HashSet::new();
        for record in records.into_iter().filter(|record| day.contains(record.at)) {
            if record.corrected_by.is_some() {
                touched.insert((record.person, record.sequence));
            }
            by_person.entry(record.person).or_default().push(record);
        }
        for records in by_person.values_mut() {
            *records = in_order(std::mem::take(records));
        }
        // What was struck, or holds on another day or for somebody else now, is missed on this day.
        let missed = corrections.corrected().filter(|(_, at, _)| day.contains(*at));
        touched.extend(missed.map(|(first, _, person)| (person, first)));
        let mut corrected: HashMap<PersonId, u32> = HashMap::new();
        for (person, _) in touched {
            *corrected.entry(person).or_default() += 1;
        }
        Self { by_person, corrected }
    }

    /// Those of `person`, in the order in which they hold.
    pub(super) fn of_person(&self, person: PersonId) -> &[PresenceRecord] {
        self.by_person.get(&person).map(Vec::as_slice).unwrap_or_default()
    }

    /// Everybody with a record, or with one that holds no more.
    pub(super) fn people(&self) -> impl Iterator<Item = PersonId> {
        self.by_person.keys().chain(self.corrected.keys()).copied()
    }

    /// Whether anybody was recorded.
    pub(super) fn is_anybody(&self) -> bool {
        !self.by_person.is_empty()
    }

    /// The line of `person`, whose day counts as `standing`.
    pub(super) fn row(
        &self,
        person: PersonId,
        standing: DayStanding,
        mode: ClockMode,
        is_over: bool,
    ) -> DayRow {
        let records = self.of_person(person);
        let held = records.iter().fold(None, |before, r| Some(Presence::after(before, r.state, r.at)));
        let clock = day_clock(records, mode, is_over);
        let mut marks = Marks::default();
        records.iter().for_each(|record| marks += Marks::of(record));
        marks.corrected = self.corrected.get(&person).copied().unwrap_or(0);
        marks.is_forgotten |= clock.is_forgotten;
        let seen = records.iter().filter(|record| record.state == PresenceState::Present);
        DayRow {
            person,
            standing,
            state: held.map_or(DayState::Absent, |held: Presence| held.state.into()),
            since: held.map(|held| held.since),
            first_seen: seen.map(|record| record.at).min(),
            last_seen: records.iter().map(|record| record.at).max(),
            clock,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            marks,
            methods: methods_of(records),
        }
    }
}

/// Which statements an operator corrected.
#[derive(Debug, Clone, Default)]
pub(super) struct Corrections {
    /// The time and the person of every statement that says whether somebody is here.
    said: HashMap<Sequence, (DateTime<Utc>, PersonId)>,
    /// Each correction with what it corrects.
    corrects: BTreeMap<Sequence, Sequence>,
}

impl Corrections {
    /// Those among `statements`.
    pub(super) fn of(statements: &[Statement]) -> Self {
        let said = statements.iter().filter(|statement| statement.state.is_some());
        let said = said.map(|s| (s.sequence, (s.holds_at(), s.person))).collect();
        let pair = |correction: &Statement| {
            let corrected = correction.details.corrects?;
            // One that names itself or a later one corrects nothing.
            (corrected < correction.sequence).then_some((correction.sequence, corrected))
        };
        Self { said, corrects: statements.iter().filter_map(pair).collect() }
    }

    /// The first statements that were corrected, with their time and person; one as often as it was.
    fn corrected(&self) -> impl Iterator<Item = (Sequence, DateTime<Utc>, PersonId)> {
        self.corrects.values().filter_map(|corrected| {
            let mut first = *corrected;
            // Each step goes to an earlier entry, so this ends.
            while let Some(before) = self.corrects.get(&first) {
                first = *before;
            }
            self.said.get(&first).map(|(at, person)| (first, *at, *person))
        })
    }
}
