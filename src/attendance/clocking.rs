//! From check-ins and check-outs to the hours of a day.

use chrono::{DateTime, TimeDelta, Utc};

use super::record::PresenceState;
use super::report::PresenceRecord;
use super::rules::ClockMode;

/// A span in which somebody was here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When they came.
    pub from: DateTime<Utc>,
    /// When they left, or were last seen; none where they are here still.
    pub until: Option<DateTime<Utc>>,
    /// Whether nobody saw them leave.
    pub is_forgotten: bool,
}

/// What the records of somebody's day come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayClock {
    /// When they were here, in the order in which they came.
    pub spans: Vec<Span>,
    /// How long in all. A span without an end counts as far as they were last seen.
    pub hours: TimeDelta,
    /// Whether a check-out was forgotten.
    pub is_forgotten: bool,
}

/// What `records` of one person on one day, in the order in which they hold, come to. `is_over` says
/// whether that day has ended: who has not checked out by then forgot to.
///
/// - By the first and the last: one span from the first record that says present to the last record.
/// - Otherwise each record that says present opens a span, unless one is open, and the next that says left
///   closes it. A check-out without a check-in closes nothing.
/// - A span that is open at the end of the day is closed at the last record, and marked as forgotten; it
///   reaches into no later day.
/// - Where the clock was set back, a span lasts no less than nothing.
pub fn day_clock(records: &[PresenceRecord], mode: ClockMode, is_over: bool) -> DayClock {
    let last = records.iter().map(|record| record.at).max();
    let mut spans: Vec<Span> = Vec::new();
    if mode == ClockMode::FirstLast {
        let first = records.iter().filter(|r| r.state == PresenceState::Present).map(|r| r.at).min();
        let until = last.filter(|last| {
            is_over || records.last().is_some_and(|r| r.at == *last && r.state == PresenceState::Left)
        });
        spans.extend(first.map(|from| Span { from, until, is_forgotten: false }));
    } else {
        for record in records {
            let open = spans.last_mut().filter(|span| span.until.is_none());
            match (record.state, open) {
                (PresenceState::Present, None) => {
                    spans.push(Span { from: record.at, until: None, is_forgotten: false });
                }
                (PresenceState::Left, Some(span)) => {
                    span.until = Some(record.at.max(span.from));
                    span.is_forgotten = record.is_forgotten;
                }
                (PresenceState::Present, Some(_)) | (PresenceState::Left, None) => {}
            }
        }
        if let Some(span) = spans.last_mut().filter(|span| span.until.is_none() && is_over) {
            span.until = Some(last.unwrap_or(span.from).max(span.from));
            span.is_forgotten = true;
        }
    }
    let length = |span: &Span| span.until.or(last).map_or(TimeDelta::zero(), |until| until - span.from);
    let hours = spans.iter().map(|span| length(span).max(TimeDelta::zero())).sum();
    let is_forgotten = spans.iter().any(|span| span.is_forgotten);
    DayClock { spans, hours, is_forgotten }
}

/// When somebody whose records of a day that is over are `records` was last seen, where they forgot to
/// check out.
pub fn forgotten_check_out(records: &[PresenceRecord], mode: ClockMode) -> Option<DateTime<Utc>> {
    let clock = day_clock(records, mode, true);
    let last = clock.spans.last()?;
    let is_on_record = records.iter().any(|record| record.is_forgotten);
    (mode.checks_out() && last.is_forgotten && !is_on_record).then_some(last.until?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::PersonId;
    use crate::ledger::Sequence;
    use PresenceState::{Left, Present};
    use ulid::Ulid;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn records(of: &[(PresenceState, i64)]) -> Vec<PresenceRecord> {
        let record = |(n, (state, minute)): (usize, &(PresenceState, i64))| {
            PresenceRecord::new(Sequence(n as u64 + 1), PersonId(Ulid(1)), *state, at(*minute))
        };
        of.iter().enumerate().map(record).collect()
    }

    /// Spans in minutes, minutes in all, forgotten.
    fn gist(
        of: &[(PresenceState, i64)],
        mode: ClockMode,
        is_over: bool,
    ) -> (Vec<(i64, Option<i64>)>, i64, bool) {
        let clock = day_clock(&records(of), mode, is_over);
        let minute = |at: DateTime<Utc>| (at - DateTime::UNIX_EPOCH).num_minutes();
        let spans = clock.spans.iter().map(|span| (minute(span.from), span.until.map(minute))).collect();
        (spans, clock.hours.num_minutes(), clock.is_forgotten)
    }

    #[test]
    fn by_turns_each_pair_is_a_span() {
        let day = [(Present, 0), (Left, 60), (Present, 90), (Left, 100)];
        assert_eq!(gist(&day, ClockMode::Toggle, true), (vec![(0, Some(60)), (90, Some(100))], 70, false));
        // A check-out without a check-in, and a second check-in in a row.
        let odd = [(Left, 5), (Present, 10), (Present, 20), (Left, 30)];
        assert_eq!(gist(&odd, ClockMode::InOut, true), (vec![(10, Some(30))], 20, false));
    }

    #[test]
    fn a_forgotten_check_out_ends_where_somebody_was_last_seen() {
        let day = [(Present, 0), (Left, 60), (Present, 90), (Present, 120)];
        assert_eq!(gist(&day, ClockMode::InOut, true), (vec![(0, Some(60)), (90, Some(120))], 90, true));
        assert_eq!(gist(&day, ClockMode::InOut, false), (vec![(0, Some(60)), (90, None)], 90, false));
        let seen = forgotten_check_out(&records(&day), ClockMode::InOut);
        assert_eq!(seen, Some(at(120)));
        // Once it is on record it is not found again.
        let mut closed = records(&[(Present, 0), (Left, 0)]);
        closed[1].is_forgotten = true;
        assert_eq!(forgotten_check_out(&closed, ClockMode::Toggle), None);
        assert!(day_clock(&closed, ClockMode::Toggle, true).is_forgotten);
        assert_eq!(forgotten_check_out(&records(&[(Present, 0)]), ClockMode::FirstLast), None);
    }

    #[test]
    fn by_first_and_last_the_day_is_one_span() {
        let day = [(Present, 0), (Present, 60), (Present, 480)];
        assert_eq!(gist(&day, ClockMode::FirstLast, true), (vec![(0, Some(480))], 480, false));
        assert_eq!(gist(&day, ClockMode::FirstLast, false), (vec![(0, None)], 480, false));
        let marked = [(Present, 0), (Left, 100)];
        assert_eq!(gist(&marked, ClockMode::FirstLast, false), (vec![(0, Some(100))], 100, false));
        assert_eq!(gist(&[], ClockMode::FirstLast, true), (vec![], 0, false));
    }

    #[test]
    fn a_clock_that_was_set_back_takes_no_hours_away() {
        let day = [(Present, 100), (Left, 40)];
        assert_eq!(gist(&day, ClockMode::Toggle, true), (vec![(100, Some(100))], 0, false));
    }
}
