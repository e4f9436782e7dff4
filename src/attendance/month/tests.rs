use chrono::NaiveTime;
use ulid::Ulid;

use super::*;
use crate::attendance::record::{Method, PresenceState};
use crate::attendance::session::SessionId;
use crate::attendance::statement::{Statement, held};
use crate::ledger::{ClockState, EntryKind, RecordDetails, Sequence};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn days() -> Vec<Day> {
    let (first, next) = month_before(date("2026-03-31"), 0).unwrap();
    let dates = first.iter_days().take_while(|day| *day < next);
    dates.map(|date| Day::of(date, &Utc, NaiveTime::MIN).unwrap()).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn said(sequence: u64, kind: EntryKind, state: Option<PresenceState>, time: &str) -> Statement {
    Statement {
        sequence: Sequence(sequence),
        at: at(time),
        clock: ClockState::Synchronised,
        kind,
        person: PersonId(Ulid(1)),
        state,
        details: RecordDetails { method: Some(Method::Face), ..RecordDetails::default() },
    }
}

fn standing(sequence: u64, standing: Standing, time: &str) -> Statement {
    let mut said = said(sequence, EntryKind::Standing, None, time);
    said.details.session = Some(SessionId(Ulid(sequence.into())));
    said.details.standing = Some(standing);
    said
}

/// Every session began an hour before it was closed.
fn row(statements: Vec<Statement>, mode: ClockMode) -> MonthRow {
    let began = |said: &Statement| Some((said.details.session?, said.at - chrono::TimeDelta::hours(1)));
    let began = statements.iter().filter_map(began).collect();
    let people = [(PersonId(Ulid(1)), "Ana".parse().unwrap(), mode)];
    month_rows(&days(), &held(statements), &began, people, at("2026-03-20T12:00:00Z")).remove(0)
}

#[test]
fn a_day_reads_as_the_worst_of_its_sessions_and_as_its_records_without_one() {
    use PresenceState::{Left, Present};
    let mut excused = said(9, EntryKind::Excused, None, "2026-03-07T00:00:00Z");
    excused.details.holds_until = Some(at("2026-03-08T00:00:00Z"));
    let mut unsure = said(10, EntryKind::Passage, Some(Present), "2026-03-08T08:00:00Z");
    unsure.clock = ClockState::Unsure;
    let row = row(
        vec![
            said(1, EntryKind::Passage, Some(Present), "2026-03-02T08:00:00Z"),
            said(2, EntryKind::Passage, Some(Left), "2026-03-02T16:30:00Z"),
            said(3, EntryKind::Passage, Some(Present), "2026-03-03T08:00:00Z"),
            standing(4, Standing::Late, "2026-03-03T09:00:00Z"),
            standing(5, Standing::OnTime, "2026-03-03T11:00:00Z"),
            standing(6, Standing::Absent, "2026-03-04T11:00:00Z"),
            said(7, EntryKind::Passage, Some(Present), "2026-03-05T08:00:00Z"),
            said(8, EntryKind::Passage, Some(Present), "2026-03-20T08:00:00Z"),
            excused,
            unsure,
        ],
        ClockMode::Toggle,
    );
    let marks: String = row.days[..8].iter().map(|day| day.mark.letter()).collect();
    assert_eq!(marks, "·PLAN·XN");
    // A record of an unsure time counts, also as a forgotten check-out, and is marked.
    let unsure: Vec<usize> = (0..31).filter(|day| row.days[*day].is_time_unsure).collect();
    assert_eq!(unsure, [7]);
    assert_eq!((row.days[1].minutes, row.minutes()), (510, 510));
    // Who is here still today has not forgotten anything.
    assert_eq!((row.days[19].mark, row.count(DayMark::NoCheckOut)), (DayMark::Present, 2));
}

#[test]
fn a_session_belongs_to_the_day_on_which_it_begins() {
    let row = row(
        vec![
            standing(1, Standing::Absent, "2026-03-10T00:30:00Z"),
            // Closed in the next month, and one of the month before.
            standing(2, Standing::Late, "2026-04-01T00:30:00Z"),
            standing(3, Standing::Absent, "2026-03-01T00:30:00Z"),
        ],
        ClockMode::Toggle,
    );
    let marked: Vec<(usize, char)> = row
        .days
        .iter()
        .map(|day| day.mark.letter())
        .enumerate()
        .filter(|(_, letter)| *letter != '·')
        .collect();
    assert_eq!(marked, [(8, 'A'), (30, 'L')]);
}

#[test]
fn a_correction_moves_a_record_to_its_own_day() {
    let mut moved = said(2, EntryKind::Corrected, Some(PresenceState::Present), "2026-03-10T09:00:00Z");
    moved.details.corrects = Some(Sequence(1));
    moved.details.holds_at = Some(at("2026-03-06T08:00:00Z"));
    let first = said(1, EntryKind::Passage, Some(PresenceState::Present), "2026-03-09T08:00:00Z");
    let row = row(vec![first, moved], ClockMode::FirstLast);
    assert_eq!((row.days[5].mark, row.days[8].mark), (DayMark::Present, DayMark::Nothing));
}

#[test]
fn months_are_counted_back_and_weeks_begin_on_monday() {
    assert_eq!(month_before(date("2026-03-31"), 1), Some((date("2026-02-01"), date("2026-03-01"))));
    assert_eq!(month_before(date("2026-01-05"), 2), Some((date("2025-11-01"), date("2025-12-01"))));
    assert_eq!(month_before(date("2026-01-05"), u32::MAX), None);
    // March 2026 begins on a Sunday.
    let weeks = weeks(date("2026-03-01"), 31);
    assert_eq!(weeks.len(), 6);
    assert_eq!(
        (weeks[0][5], weeks[0][6], weeks[1][0], weeks[5][1], weeks[5][2]),
        (None, Some(0), Some(1), Some(30), None)
    );
}
