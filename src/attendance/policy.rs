//! When a decision about a track becomes a record.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::roster::PersonId;

/// Joins the tracks of one person within the debounce into one passage, of which the first is
/// recorded.
///
/// A decision at `at` is recorded exactly if the person has no earlier decision, or the last one
/// lies at least the debounce before `at`. Every decision, recorded or not, moves the last one
/// forward; one that lies before it (a clock that was set back) is recorded and becomes the last.
#[derive(Debug, Clone)]
pub struct AttendancePolicy {
    debounce: TimeDelta,
    last_decision: HashMap<PersonId, DateTime<Utc>>,
}

impl AttendancePolicy {
    /// A policy with no decision seen yet.
    pub fn new(debounce: TimeDelta) -> Self {
        Self { debounce, last_decision: HashMap::new() }
    }

    /// Another debounce, for decisions from now on.
    pub fn set_debounce(&mut self, debounce: TimeDelta) {
        self.debounce = debounce;
    }

    /// Notes that `person` was identified at `at`; whether that begins a new passage.
    pub fn begins_passage(&mut self, person: PersonId, at: DateTime<Utc>) -> bool {
        let previous = self.last_decision.insert(person, at);
        previous.is_none_or(|previous| at < previous || at - previous >= self.debounce)
    }

    /// Notes that `person` is still in view at `at`, which extends the passage they are in.
    pub fn still_in_view(&mut self, person: PersonId, at: DateTime<Utc>) {
        self.last_decision.insert(person, at);
    }

    /// Notes a passage of `person` at `at` that was added later, which may lie before others.
    pub fn extend(&mut self, person: PersonId, at: DateTime<Utc>) {
        let last = self.last_decision.entry(person).or_insert(at);
        *last = at.max(*last);
    }

    /// Forgets a person whose enrolment ended.
    pub fn forget(&mut self, person: PersonId) {
        self.last_decision.remove(&person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    #[test]
    fn one_record_a_passage() {
        let mut policy = AttendancePolicy::new(TimeDelta::seconds(60));
        let at = |s: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        let (ana, bo) = (PersonId(Ulid(1)), PersonId(Ulid(2)));
        assert!(policy.begins_passage(ana, at(0)));
        assert!(policy.begins_passage(bo, at(1)));
        assert!(!policy.begins_passage(ana, at(59)));
        // The passage was extended at 59, so 60 seconds count from there.
        assert!(!policy.begins_passage(ana, at(118)));
        assert!(policy.begins_passage(ana, at(178)));
        // One that is added later moves nothing backwards.
        policy.extend(ana, at(20));
        policy.extend(bo, at(100));
        assert!(!policy.begins_passage(ana, at(179)) && !policy.begins_passage(bo, at(159)));
        // A clock set back never swallows a record.
        assert!(policy.begins_passage(ana, at(10)));
    }
}
