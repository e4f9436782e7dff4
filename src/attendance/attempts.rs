//! How often somebody may be wrong at the door: waits that grow, for one identifier and for one door. Pure: the
//! time comes in.
//!
//! - A wrong try counts against the identifier that was given, whether anybody has it or not, and against the
//!   door. It is forgotten after [`FORGOTTEN_AFTER`].
//! - Being right forgets what counts against the identifier, and nothing that counts against the door: who has
//!   a PIN of their own must not be able to wipe the slate between guesses at another's.
//! - While there is a wait, nothing is checked, so that no try tells anything.
//! - A clock that was set back makes nobody wait longer than the wait itself.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// A wrong try that is older than this counts no more.
pub const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(30);
/// Identifiers that are kept at most; the one whose last wrong try is the oldest goes first.
const MOST_IDENTIFIERS: usize = 4_096;

/// How many wrong tries are free, and what each after that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    free: u32,
    first: TimeDelta,
    longest: TimeDelta,
}

/// Against one identifier: nobody mistypes their own PIN more often in a row.
const OF_IDENTIFIER: Limit =
    Limit { free: 3, first: TimeDelta::seconds(15), longest: TimeDelta::minutes(10) };
/// Against one door: many people pass it, so it bears more, and never locks for long.
const OF_DOOR: Limit = Limit { free: 10, first: TimeDelta::seconds(5), longest: TimeDelta::minutes(1) };

impl Limit {
    /// The wait after so many wrong tries.
    fn wait(&self, wrong: u32) -> TimeDelta {
        match wrong.checked_sub(self.free) {
            None => TimeDelta::zero(),
            Some(more) => (self.first * (1 << more.min(10))).min(self.longest),
        }
    }
}

#[derive(Clone, Copy)]
struct Tries {
    wrong: u32,
    last: DateTime<Utc>,
}

impl Tries {
    /// What is left of the wait at `now`; none where there is none.
    fn wait(&self, limit: Limit, now: DateTime<Utc>) -> Option<TimeDelta> {
        let whole = limit.wait(self.wrong);
        // Set back, the clock would say that the try is yet to come.
        let left = (self.last + whole - now).min(whole);
        (left > TimeDelta::zero()).then_some(left)
    }

    fn is_forgotten(&self, now: DateTime<Utc>) -> bool {
        now - self.last >= FORGOTTEN_AFTER
    }
}

/// The wrong tries that still count. `Debug` prints no identifier.
#[derive(Clone, Default)]
pub struct Attempts {
    identifiers: HashMap<String, Tries>,
    doors: HashMap<String, Tries>,
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attempts({} identifiers, {} doors)", self.identifiers.len(), self.doors.len())
    }
}

impl Attempts {
    /// How long `identifier` must wait at `door`; none where it may be tried now.
    pub fn wait(&self, identifier: &str, door: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
        let of = |tries: Option<&Tries>, limit| tries.and_then(|tries: &Tries| tries.wait(limit, now));
        let own = of(self.identifiers.get(identifier), OF_IDENTIFIER);
        own.max(of(self.doors.get(door), OF_DOOR))
    }

    /// Counts a wrong try.
    pub fn wrong(&mut self, identifier: &str, door: &str, at: DateTime<Utc>) {
        if !self.identifiers.contains_key(identifier) && self.identifiers.len() >= MOST_IDENTIFIERS {
            self.make_room(at);
        }
        count(&mut self.identifiers, identifier, at);
        count(&mut self.doors, door, at);
    }

    /// Counts a wrong try whose identifier nobody kept.
    pub fn wrong_at_door(&mut self, door: &str, at: DateTime<Utc>) {
        count(&mut self.doors, door, at);
    }

    /// Forgets what counts against an identifier whose PIN was right.
    pub fn right(&mut self, identifier: &str) {
        self.identifiers.remove(identifier);
    }

    fn make_room(&mut self, now: DateTime<Utc>) {
        self.identifiers.retain(|_, tries| !tries.is_forgotten(now));
        if self.identifiers.len() >= MOST_IDENTIFIERS {
            let oldest = self.identifiers.iter().min_by_key(|(_, tries)| tries.last);
            if let Some(oldest) = oldest.map(|(identifier, _)| identifier.clone()) {
                self.identifiers.remove(&oldest);
            }
        }
    }
}

fn count(counted: &mut HashMap<String, Tries>, what: &str, at: DateTime<Utc>) {
    let before = counted.get(what).filter(|tries| !tries.is_forgotten(at)).map_or(0, |tries| tries.wrong);
    counted.insert(what.to_owned(), Tries { wrong: before.saturating_add(1), last: at });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn seconds(wait: Option<TimeDelta>) -> i64 {
        wait.map_or(0, |wait| wait.num_seconds())
    }

    /// The waits after each of `count` wrong tries, each as soon as it may be.
    fn waits(count: usize, identifier: impl Fn(usize) -> String) -> Vec<i64> {
        let mut attempts = Attempts::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for index in 0..count {
            let identifier = identifier(index);
            attempts.wrong(&identifier, "door", now);
            let wait = attempts.wait(&identifier, "door", now).unwrap_or_default();
            waits.push(wait.num_seconds());
            now += wait;
        }
        waits
    }

    #[test]
    fn one_identifier_waits_longer_and_longer() {
        assert_eq!(waits(9, |_| "7".to_owned()), [0, 0, 15, 30, 60, 120, 240, 480, 600]);
    }

    #[test]
    fn a_door_waits_however_many_identifiers_are_tried() {
        let waits = waits(16, |index| index.to_string());
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn being_right_forgets_the_identifier_and_not_the_door() {
        let mut attempts = Attempts::default();
        (0..12).for_each(|_| attempts.wrong("7", "door", at(0)));
        assert_eq!(seconds(attempts.wait("7", "elsewhere", at(0))), 600);
        attempts.right("7");
        assert_eq!(seconds(attempts.wait("7", "elsewhere", at(0))), 0);
        assert_eq!(seconds(attempts.wait("8", "door", at(0))), 20);
        // Nobody else has to wait at another door.
        assert_eq!(seconds(attempts.wait("8", "elsewhere", at(0))), 0);
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_clock_set_back_makes_nobody_wait_longer() {
        let mut attempts = Attempts::default();
        (0..5).for_each(|_| attempts.wrong("7", "door", at(10_000)));
        assert_eq!(seconds(attempts.wait("7", "door", at(0))), 60);
        let later = at(10_000) + FORGOTTEN_AFTER;
        attempts.wrong("7", "door", later);
        assert_eq!(attempts.wait("7", "door", later), None);
    }

    #[test]
    fn memory_is_bounded_and_debug_says_nothing_of_anybody() {
        let mut attempts = Attempts::default();
        for n in 0..(MOST_IDENTIFIERS as i64 + 50) {
            attempts.wrong(&format!("secret-{n}"), "door", at(n));
        }
        assert!(attempts.identifiers.len() <= MOST_IDENTIFIERS);
        assert!(!attempts.identifiers.contains_key("secret-0"));
        assert!(!format!("{attempts:?}").contains("secret"));
    }

    proptest! {
        /// Whatever is tried when, no wait is longer than the longest, and it ends.
        #[test]
        fn every_wait_ends(tries in proptest::collection::vec((0u8..4, 0i64..4_000), 0..60), now in 0i64..8_000) {
            let mut attempts = Attempts::default();
            for (identifier, second) in tries {
                attempts.wrong(&identifier.to_string(), "door", at(second));
            }
            if let Some(wait) = attempts.wait("1", "door", at(now)) {
                prop_assert!(wait <= OF_IDENTIFIER.longest);
                prop_assert_eq!(attempts.wait("1", "door", at(now) + FORGOTTEN_AFTER + TimeDelta::seconds(4_000)), None);
            }
        }
    }
}
