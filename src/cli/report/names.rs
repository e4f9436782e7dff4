//! What people, times and figures are called in a report.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::attendance::summary::{Counts, Share};
use crate::attendance::{Person, PersonId, Standing};

/// Everybody whom the roster knows, also those who left it.
pub(super) struct Names<'a>(BTreeMap<PersonId, &'a Person>);

impl<'a> Names<'a> {
    pub(super) fn of(people: &'a [Person]) -> Self {
        Self(people.iter().map(|person| (person.id, person)).collect())
    }

    /// Whoever has no name any more is called by their id.
    pub(super) fn name(&self, person: PersonId) -> String {
        self.0.get(&person).map_or_else(|| person.to_string(), |person| person.name.to_string())
    }

    pub(super) fn identifier(&self, person: PersonId) -> Option<&'a str> {
        self.0.get(&person)?.identifier.as_ref().map(|identifier| identifier.as_str())
    }

    pub(super) fn groups(&self, person: PersonId) -> Vec<&'a str> {
        let groups = self.0.get(&person).map(|person| &person.particulars.groups);
        groups.into_iter().flatten().map(|group| group.as_str()).collect()
    }

    /// Name and identifier, with which a line begins.
    pub(super) fn cells(&self, person: PersonId) -> Vec<String> {
        vec![self.name(person), self.identifier(person).unwrap_or_default().to_owned()]
    }
}

/// `7:30`
pub(super) fn hours(length: TimeDelta) -> String {
    format!("{}:{:02}", length.num_hours(), length.num_minutes() % 60)
}

/// `7:30:05`, which spreadsheets take for a length of time.
pub(super) fn hours_whole(length: TimeDelta) -> String {
    format!("{}:{:02}", hours(length), length.num_seconds() % 60)
}

/// `83.3%`; nothing where nothing counted.
pub(super) fn percent(share: Share) -> String {
    share.percent().map(|percent| format!("{percent:.1}%")).unwrap_or_default()
}

/// The six figures of `counts`.
pub(super) fn figures(counts: &Counts) -> [u32; 6] {
    [counts.counted, counts.present, counts.late, counts.left_early, counts.absent, counts.excused]
}

/// One word for programs, the same in CSV as in JSON.
pub(super) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::OnTime => "on_time",
        Standing::Late => "late",
        Standing::LeftEarly => "left_early",
        Standing::LateAndLeftEarly => "late_and_left_early",
        Standing::Absent => "absent",
        Standing::Excused => "excused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_is_the_same_word_everywhere() {
        use Standing::{Absent, Excused, Late, LateAndLeftEarly, LeftEarly, OnTime};
        for standing in [OnTime, Late, LeftEarly, LateAndLeftEarly, Absent, Excused] {
            let json = serde_json::to_string(&standing).unwrap();
            assert_eq!(json, format!("\"{}\"", standing_word(standing)));
        }
    }

    #[test]
    fn lengths_are_hours_and_minutes() {
        assert_eq!(hours(TimeDelta::seconds(7 * 3600 + 30 * 60 + 59)), "7:30");
        assert_eq!(hours_whole(TimeDelta::seconds(130 * 3600 + 5)), "130:00:05");
    }
}
