//! The roll call: who of those expected is here, and who is here besides.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::record::{Presence, PresenceState};
use super::roster::{PersonId, PersonName};

/// Who is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Everybody on the roster.
    Roster,
    /// These.
    Those(BTreeSet<PersonId>),
}

/// How somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Expected, and not seen today.
    Missing,
    /// Expected, seen today, and gone again.
    Left,
    /// Here and not expected.
    Unexpected,
    /// Expected and here.
    Present,
}

/// A line of the roll call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollCallLine {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// How they stand.
    pub standing: Standing,
    /// Since when they are here, or have left; none for the missing.
    pub since: Option<DateTime<Utc>>,
}

/// The lines for `people`, the missing first, by name among each standing. Somebody who is neither expected
/// nor here has none; nor has somebody unexpected who has left.
pub fn roll_call(
    people: impl IntoIterator<Item = (PersonId, PersonName, Option<Presence>)>,
    expected: &Expected,
) -> Vec<RollCallLine> {
    let line = |(person, name, presence): (PersonId, PersonName, Option<Presence>)| {
        let is_expected = match expected {
            Expected::Roster => true,
            Expected::Those(those) => those.contains(&person),
        };
        let standing = match (is_expected, presence.map(|presence| presence.state)) {
            (true, None) => Standing::Missing,
            (true, Some(PresenceState::Left)) => Standing::Left,
            (true, Some(PresenceState::Present)) => Standing::Present,
            (false, Some(PresenceState::Present)) => Standing::Unexpected,
            (false, _) => return None,
        };
        Some(RollCallLine { person, name, standing, since: presence.map(|presence| presence.since) })
    };
    let mut lines: Vec<RollCallLine> = people.into_iter().filter_map(line).collect();
    lines.sort_by(|a, b| (a.standing, &a.name, a.person).cmp(&(b.standing, &b.name, b.person)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    fn who(number: u128, state: Option<PresenceState>) -> (PersonId, PersonName, Option<Presence>) {
        let at = DateTime::UNIX_EPOCH;
        let presence = state.map(|state| Presence { state, since: at, last_record: at });
        (PersonId(Ulid(number)), format!("P{number}").parse().unwrap(), presence)
    }

    fn standings(lines: &[RollCallLine]) -> Vec<(u128, Standing)> {
        lines.iter().map(|line| (line.person.0.0, line.standing)).collect()
    }

    fn people() -> Vec<(PersonId, PersonName, Option<Presence>)> {
        use PresenceState::{Left, Present};
        vec![who(1, Some(Present)), who(2, None), who(3, Some(Left)), who(4, Some(Present)), who(5, None)]
    }

    #[test]
    fn against_the_roster_everybody_is_expected() {
        use Standing::{Left, Missing, Present};
        let lines = roll_call(people(), &Expected::Roster);
        assert_eq!(standings(&lines), [(2, Missing), (5, Missing), (3, Left), (1, Present), (4, Present)]);
        assert!(lines[0].since.is_none() && lines[2].since.is_some());
    }

    #[test]
    fn against_another_day_those_alone_are_expected() {
        use Standing::{Missing, Present, Unexpected};
        let those = [1, 2].map(|number| PersonId(Ulid(number))).into();
        let lines = roll_call(people(), &Expected::Those(those));
        // The third has left and was not expected: nobody looks for them.
        assert_eq!(standings(&lines), [(2, Missing), (4, Unexpected), (1, Present)]);
    }
}
