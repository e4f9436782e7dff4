//! People who were imported and have no picture yet, offered while a name is written.

use crate::attendance::{FaceUse, Identifier, PersonName};
use crate::engine::RosterState;

/// How many are offered.
const MOST: usize = 3;

/// Who may be meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    /// The name for which people were looked up.
    typed: String,
    people: Vec<(PersonName, Option<Identifier>)>,
    /// Whom the name was completed to.
    chosen: Option<usize>,
}

impl Offer {
    /// Looks up whom `typed` may mean: every word of it somewhere in the name or the identifier.
    pub(super) fn look_up(&mut self, typed: &str, roster: &RosterState) {
        let is_chosen = self.chosen.is_some_and(|at| self.people[at].0.as_str() == typed);
        if is_chosen || typed == self.typed {
            return;
        }
        (self.typed, self.chosen) = (typed.to_owned(), None);
        let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            self.people.clear();
            return;
        }
        let fits = |text: &str| {
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let waiting = roster.rows.iter().filter(|row| row.templates == 0 && row.face == FaceUse::On);
        let fitting = waiting.filter(|row| {
            fits(row.name.as_str()) || row.identifier.as_ref().is_some_and(|id| fits(id.as_str()))
        });
        self.people = fitting.take(MOST).map(|row| (row.name.clone(), row.identifier.clone())).collect();
    }

    /// The next of them, the first one after the last.
    pub(super) fn next(&mut self) -> Option<(PersonName, Option<Identifier>)> {
        let count = self.people.len();
        let at = self.chosen.map_or(0, |at| (at + 1) % count.max(1));
        let found = self.people.get(at).cloned()?;
        self.chosen = Some(at);
        Some(found)
    }

    /// A line each, for below the fields.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(at, (name, identifier)): (usize, &(PersonName, Option<Identifier>))| {
            let sign = if self.chosen == Some(at) { "▸" } else { "↓" };
            let identifier = identifier.as_ref().map(|id| format!("  {id}")).unwrap_or_default();
            format!("{sign} {name}{identifier}  no picture yet")
        };
        self.people.iter().enumerate().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::{roster, row};

    fn offered(typed: &str) -> Vec<String> {
        let mut everybody = roster();
        everybody.rows.extend([row(21, "Fatima Zahra", None, 0), row(23, "Ana Müller", None, 0)]);
        let mut offer = Offer::default();
        offer.look_up(typed, &everybody);
        offer.people.iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn those_without_a_picture_are_offered_by_name_and_identifier() {
        assert_eq!(offered("al-s"), ["Fátima Al-Sayed"]);
        assert_eq!(offered("za fa"), ["Fatima Zahra"]);
        assert_eq!(offered("s-0023"), ["Ana Müller"], "the one without a picture");
        assert_eq!(offered("bo"), [""; 0]);
        assert_eq!(offered(" "), [""; 0]);
    }

    #[test]
    fn a_completed_name_is_not_looked_up_again() {
        let mut everybody = roster();
        everybody.rows.extend([row(21, "Ann", None, 0), row(23, "Annabel", None, 0)]);
        let mut offer = Offer::default();
        offer.look_up("ann", &everybody);
        let names: Vec<String> = (0..3)
            .map(|_| {
                let (name, _) = offer.next().unwrap();
                offer.look_up(name.as_str(), &everybody);
                name.to_string()
            })
            .collect();
        assert_eq!(names, ["Ann", "Annabel", "Ann"]);
    }
}
