//! What the records of a day come to: who was here, since when, and who is in now.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Offset, TimeZone, Utc};
use serde::Serialize;

use super::record::{Method, Presence, PresenceState};
use super::roster::{Identifier, PersonId, PersonName};
use super::schedule::{Twice, instant};
use crate::ledger::Sequence;

/// A site's day: from the rollover time of a date, in the site's time zone, until that of the next
/// date. A site that works through midnight sets the rollover to an hour when nobody comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The date on which it begins.
    pub date: NaiveDate,
    /// The first instant that belongs to it.
    pub from: DateTime<Utc>,
    /// The first instant that does not.
    pub until: DateTime<Utc>,
}

impl Day {
    /// The day of `date`. Where the clock is set forward over the rollover, the day begins with the
    /// first minute after the gap; where it is set back over it, with the first of the two. None
    /// outside of the calendar.
    pub fn of<Z: TimeZone>(date: NaiveDate, zone: &Z, rollover: NaiveTime) -> Option<Self> {
        let from = beginning(date, zone, rollover)?;
        let until = beginning(date.succ_opt()?, zone, rollover)?;
        Some(Self { date, from, until })
    }

    /// The day that `at` belongs to. None outside of the calendar.
    pub fn containing<Z: TimeZone>(at: DateTime<Utc>, zone: &Z, rollover: NaiveTime) -> Option<Self> {
        let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        let date = at.naive_utc().checked_add_offset(offset)?.date();
        let near = [date.succ_opt(), Some(date), date.pred_opt()];
        near.into_iter()
            .flatten()
            .filter_map(|date| Self::of(date, zone, rollover))
            .find(|day| day.contains(at))
    }

    /// Whether `at` belongs to it.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }
}

fn beginning<Z: TimeZone>(date: NaiveDate, zone: &Z, rollover: NaiveTime) -> Option<DateTime<Utc>> {
    instant(date.and_time(rollover), zone, Twice::First)
}

/// A record that says whether somebody is here, after its corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRecord {
    /// Its place in the ledger, which decides what is later; times may go back.
    pub sequence: Sequence,
    /// Who.
    pub person: PersonId,
    /// Here, or left.
    pub state: PresenceState,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was added or put right later: its time decides what is later, and not its place.
    pub back_filled: bool,
    /// How they were known.
    pub method: Option<Method>,
    /// The name of the source that saw them.
    pub source: Option<String>,
    /// The entry that corrected it.
    pub corrected_by: Option<Sequence>,
    /// Whether it stands for a check-out that never was.
    pub is_forgotten: bool,
    /// Whether the clock that its time is from cannot have been right.
    pub is_time_unsure: bool,
}

impl PresenceRecord {
    /// A record that says no more than this.
    pub fn new(sequence: Sequence, person: PersonId, state: PresenceState, at: DateTime<Utc>) -> Self {
        Self {
            sequence,
            person,
            state,
            at,
            back_filled: false,
            method: None,
            source: None,
            corrected_by: None,
            is_forgotten: false,
            is_time_unsure: false,
        }
    }
}

/// A person's state at the end of the records of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DayState {
    /// The last record says present.
    Present,
    /// The last record says left.
    Left,
    /// There is no record.
    Absent,
}

impl From<PresenceState> for DayState {
    fn from(state: PresenceState) -> Self {
        match state {
            PresenceState::Present => Self::Present,
            PresenceState::Left => Self::Left,
        }
    }
}

impl std::fmt::Display for DayState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Present => "present",
            Self::Left => "left",
            Self::Absent => "absent",
        })
    }
}

/// Somebody whom a report can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// What the site calls them by.
    pub identifier: Option<Identifier>,
    /// Whether they are on the roster still; else they have a row only where they have a record.
    pub is_active: bool,
}

/// One person's line in the report of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Who.
    pub person: PersonId,
    /// What they are called; none where nobody knows any more.
    pub name: Option<PersonName>,
    /// What the site calls them by.
    pub identifier: Option<Identifier>,
    /// Their state after the last record of the day.
    pub state: DayState,
    /// When that state began; none where absent.
    pub since: Option<DateTime<Utc>>,
    /// The earliest record that says present.
    pub first_seen: Option<DateTime<Utc>>,
    /// The latest record of either kind: whoever is marked as left was here until then.
    pub last_seen: Option<DateTime<Utc>>,
    /// How many records there are.
    pub records: u32,
    /// How many of them were added later.
    pub back_filled: u32,
}

/// The report of `day`: a row for everybody listed as active, absent or not, and for everybody else
/// with a record in it, each folded in the ledger's order, whatever order `records` come in. By name,
/// then by id; those without a name last.
pub fn report(
    day: &Day,
    records: impl IntoIterator<Item = PresenceRecord>,
    listed: impl IntoIterator<Item = Listed>,
) -> Vec<ReportRow> {
    let mut by_person = by_person(day, records);
    let listed: BTreeMap<PersonId, Listed> =
        listed.into_iter().map(|listed| (listed.person, listed)).collect();
    for person in listed.values().filter(|listed| listed.is_active) {
        by_person.entry(person.person).or_default();
    }
    let mut rows: Vec<ReportRow> =
        by_person.iter().map(|(person, records)| row(*person, records, listed.get(person))).collect();
    rows.sort_by(|a, b| (a.name.is_none(), &a.name, a.person).cmp(&(b.name.is_none(), &b.name, b.person)));
    rows
}

/// The rows of those who are in now.
pub fn present(rows: Vec<ReportRow>) -> Vec<ReportRow> {
    rows.into_iter().filter(|row| row.state == DayState::Present).collect()
}

fn by_person(
    day: &Day,
    records: impl IntoIterator<Item = PresenceRecord>,
) -> BTreeMap<PersonId, Vec<PresenceRecord>> {
    in_order_by_person(records.into_iter().filter(|record| day.contains(record.at)))
}

/// `records` by person, each person's in the order in which they hold.
pub fn in_order_by_person(
    records: impl IntoIterator<Item = PresenceRecord>,
) -> BTreeMap<PersonId, Vec<PresenceRecord>> {
    let mut by_person: BTreeMap<PersonId, Vec<PresenceRecord>> = BTreeMap::new();
    for record in records {
        by_person.entry(record.person).or_default().push(record);
    }
    for records in by_person.values_mut() {
        *records = in_order(std::mem::take(records));
    }
    by_person
}

/// By their place in the ledger, as times may go back; what was added later before the first that has a
/// later time.
pub(super) fn in_order(records: Vec<PresenceRecord>) -> Vec<PresenceRecord> {
    let (mut added, mut ordered): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| record.back_filled);
    ordered.sort_by_key(|record| record.sequence);
    added.sort_by_key(|record| (record.at, record.sequence));
    for record in added {
        let place = ordered.iter().position(|other| other.at > record.at).unwrap_or(ordered.len());
        ordered.insert(place, record);
    }
    ordered
}

/// Who is here and who has left after the records of `day`.
pub fn presence(
    day: &Day,
    records: impl IntoIterator<Item = PresenceRecord>,
) -> BTreeMap<PersonId, Presence> {
    let by_person = by_person(day, records);
    by_person.iter().filter_map(|(id, records)| Some((*id, fold(records)?))).collect()
}

fn fold(records: &[PresenceRecord]) -> Option<Presence> {
    records.iter().fold(None, |before, record| Some(Presence::after(before, record.state, record.at)))
}

fn row(id: PersonId, records: &[PresenceRecord], listed: Option<&Listed>) -> ReportRow {
    let presence = fold(records);
    let seen = records.iter().filter(|record| record.state == PresenceState::Present);
    ReportRow {
        person: id,
        name: listed.map(|listed| listed.name.clone()),
        identifier: listed.and_then(|listed| listed.identifier.clone()),
        state: presence.map_or(DayState::Absent, |presence| presence.state.into()),
        since: presence.map(|presence| presence.since),
        first_seen: seen.map(|record| record.at).min(),
        last_seen: records.iter().map(|record| record.at).max(),
        records: u32::try_from(records.len()).unwrap_or(u32::MAX),
        back_filled: u32::try_from(records.iter().filter(|record| record.back_filled).count())
            .unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{FixedOffset, MappedLocalTime, NaiveDateTime, TimeDelta};
    use ulid::Ulid;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(hour: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
    }

    fn record(sequence: u64, person: u128, state: PresenceState, at: &str) -> PresenceRecord {
        PresenceRecord::new(Sequence(sequence), PersonId(Ulid(person)), state, utc(at))
    }

    fn listed(id: u128, name: &str, is_active: bool) -> Listed {
        let identifier = Some(format!("N{id}").parse().unwrap());
        Listed { person: PersonId(Ulid(id)), name: name.parse().unwrap(), identifier, is_active }
    }

    use PresenceState::{Left, Present};

    #[test]
    fn a_day_begins_at_midnight_of_the_site() {
        let zone = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
        let day = Day::of(date("2026-03-01"), &zone, time(0)).unwrap();
        assert_eq!((day.from, day.until), (utc("2026-02-28T18:30:00Z"), utc("2026-03-01T18:30:00Z")));
        assert!(day.contains(day.from) && !day.contains(day.until));
        let last = day.until - TimeDelta::microseconds(1);
        assert_eq!(Day::containing(last, &zone, time(0)), Some(day));
        assert_eq!(Day::containing(day.from, &zone, time(0)), Some(day));
        assert_eq!(Day::containing(day.until, &zone, time(0)).unwrap().date, date("2026-03-02"));
    }

    #[test]
    fn what_lies_before_the_rollover_belongs_to_the_date_before() {
        let zone = FixedOffset::west_opt(3 * 3600).unwrap();
        let of = |text| Day::containing(utc(text), &zone, time(4)).unwrap().date;
        assert_eq!(of("2026-03-02T06:59:59Z"), date("2026-03-01"));
        assert_eq!(of("2026-03-02T07:00:00Z"), date("2026-03-02"));
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        assert_eq!(Day::of(NaiveDate::MAX, &zone, time(4)), None);
        assert_eq!(Day::containing(DateTime::<Utc>::MAX_UTC, &zone, time(4)), None);
        assert_eq!(Day::containing(DateTime::<Utc>::MIN_UTC, &zone, time(4)), None);
        assert!(Day::of(date("9999-12-31"), &zone, time(4)).is_some());
    }

    /// A zone whose clock goes from 00:00 to 01:00 on 10 March and from 01:00 back to 00:00 on 10
    /// October of 2026, as those do that change at midnight.
    #[derive(Debug, Clone, Copy)]
    struct MidnightChange;

    impl TimeZone for MidnightChange {
        type Offset = FixedOffset;

        fn from_offset(_: &FixedOffset) -> Self {
            Self
        }

        fn offset_from_local_date(&self, _: &NaiveDate) -> MappedLocalTime<FixedOffset> {
            MappedLocalTime::None
        }

        fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<FixedOffset> {
            let fits = |offset: &FixedOffset| self.offset_from_utc_datetime(&(*local - *offset)) == *offset;
            let (standard, summer) = (Utc.fix(), FixedOffset::east_opt(3600).unwrap());
            match (fits(&summer), fits(&standard)) {
                (true, true) => MappedLocalTime::Ambiguous(summer, standard),
                (true, false) => MappedLocalTime::Single(summer),
                (false, true) => MappedLocalTime::Single(standard),
                (false, false) => MappedLocalTime::None,
            }
        }

        fn offset_from_utc_date(&self, _: &NaiveDate) -> FixedOffset {
            Utc.fix()
        }

        fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
            let forward = date("2026-03-10").and_time(time(0));
            let back = date("2026-10-10").and_time(time(0));
            let hours = i32::from(*utc >= forward && *utc < back);
            FixedOffset::east_opt(hours * 3600).unwrap()
        }
    }

    #[test]
    fn days_meet_without_gap_or_overlap_where_the_clock_changes_at_midnight() {
        let of = |text| Day::of(date(text), &MidnightChange, time(0)).unwrap();
        let hours = |day: Day| (day.until - day.from).num_hours();
        assert_eq!(of("2026-03-09").until, of("2026-03-10").from);
        assert_eq!((hours(of("2026-03-09")), hours(of("2026-03-10"))), (24, 23));
        assert_eq!(of("2026-10-09").until, of("2026-10-10").from);
        assert_eq!((hours(of("2026-10-09")), hours(of("2026-10-10"))), (24, 25));
    }

    #[test]
    fn a_report_has_everybody_of_the_roster_and_everybody_recorded() {
        let day = Day::of(date("2026-03-02"), &Utc, time(0)).unwrap();
        let known =
            [listed(1, "Cy", true), listed(2, "Bo", true), listed(3, "Ana", false), listed(4, "Dan", false)];
        let records = [
            record(1, 1, Present, "2026-03-01T23:59:59.999999Z"),
            record(2, 1, Present, "2026-03-02T08:00:00Z"),
            record(3, 3, Present, "2026-03-02T08:30:00Z"),
            record(4, 1, Left, "2026-03-02T12:00:00Z"),
            record(5, 1, Present, "2026-03-02T13:00:00Z"),
            record(6, 1, Present, "2026-03-02T15:00:00Z"),
            record(7, 3, Left, "2026-03-02T16:00:00Z"),
            record(8, 9, Present, "2026-03-02T17:00:00Z"),
            record(9, 2, Present, "2026-03-03T00:00:00Z"),
        ];
        let rows = report(&day, records, known);
        let name = |row: &ReportRow| row.name.as_ref().map_or("-", |name| name.as_str()).to_owned();
        let short: Vec<_> = rows.iter().map(|row| (name(row), row.state, row.records)).collect();
        let expected = [
            ("Ana".to_owned(), DayState::Left, 2),
            ("Bo".to_owned(), DayState::Absent, 0),
            ("Cy".to_owned(), DayState::Present, 4),
            ("-".to_owned(), DayState::Present, 1),
        ];
        assert_eq!(short, expected);
        let cy = &rows[2];
        assert_eq!(cy.since, Some(utc("2026-03-02T13:00:00Z")));
        assert_eq!(cy.first_seen, Some(utc("2026-03-02T08:00:00Z")));
        assert_eq!(cy.last_seen, Some(utc("2026-03-02T15:00:00Z")));
        assert_eq!(cy.identifier.as_ref().unwrap().as_str(), "N1");
        assert_eq!((rows[1].since, rows[1].first_seen, rows[1].last_seen), (None, None, None));
        let names: Vec<String> = present(rows).iter().map(name).collect();
        assert_eq!(names, ["Cy", "-"]);
    }

    #[test]
    fn what_was_added_later_lies_where_its_time_says() {
        let day = Day::of(date("2026-03-02"), &Utc, time(0)).unwrap();
        let added = |sequence, at| PresenceRecord { back_filled: true, ..record(sequence, 1, Present, at) };
        let of = |records: Vec<PresenceRecord>| report(&day, records, []).remove(0);
        // Before a mark as left: the person has left all the same.
        let left = record(1, 1, Left, "2026-03-02T12:00:00Z");
        let row = of(vec![left.clone(), added(2, "2026-03-02T08:00:00Z")]);
        assert_eq!((row.state, row.since), (DayState::Left, Some(utc("2026-03-02T12:00:00Z"))));
        assert_eq!((row.first_seen, row.records, row.back_filled), (Some(utc("2026-03-02T08:00:00Z")), 2, 1));
        // Before a passage: present since then. After the mark: back again.
        let here = record(1, 1, Present, "2026-03-02T09:00:00Z");
        let row = of(vec![here, added(2, "2026-03-02T08:00:00Z")]);
        assert_eq!((row.state, row.since), (DayState::Present, Some(utc("2026-03-02T08:00:00Z"))));
        assert_eq!(of(vec![left.clone(), added(2, "2026-03-02T13:00:00Z")]).state, DayState::Present);
        let held = presence(&day, [left, added(2, "2026-03-02T08:00:00Z")]);
        assert_eq!(held[&PersonId(Ulid(1))].state, Left);
    }

    #[test]
    fn the_ledgers_order_decides_where_the_clock_was_set_back() {
        let day = Day::of(date("2026-03-02"), &Utc, time(0)).unwrap();
        let records = [
            // By time the first comes last.
            record(2, 1, Left, "2026-03-02T08:00:00Z"),
            record(1, 1, Present, "2026-03-02T09:00:00Z"),
        ];
        let rows = report(&day, records.clone(), []);
        assert_eq!((rows[0].state, rows[0].since), (DayState::Left, Some(utc("2026-03-02T08:00:00Z"))));
        // Whoever was only marked as left was never seen.
        let rows = report(&day, [records[0].clone()], []);
        assert_eq!((rows[0].first_seen, rows[0].state), (None, DayState::Left));
    }
}
