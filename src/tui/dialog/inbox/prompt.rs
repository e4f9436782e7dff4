//! The prompts of the inbox: a name for somebody new, and a person found by typing.

use tui_input::Input;

use super::Known;
use crate::attendance::{Identifier, PersonId, PersonName};
use crate::tui::dialog::enrol::said;
use crate::tui::keymap::Action;

/// A name and an identifier.
#[derive(Debug, Clone, Default)]
pub(super) struct Naming {
    pub(super) name: Input,
    pub(super) identifier: Input,
    pub(super) in_identifier: bool,
    pub(super) error: Option<String>,
}

impl Naming {
    pub(super) fn field(&mut self) -> &mut Input {
        if self.in_identifier { &mut self.identifier } else { &mut self.name }
    }

    pub(super) fn ask_for_identifier(&mut self) {
        self.in_identifier = true;
    }

    /// Does what a key asks for; name and identifier where they are confirmed and can be used.
    pub(super) fn handle(&mut self, action: Action) -> Option<(PersonName, Option<Identifier>)> {
        match action {
            Action::Next | Action::Previous => self.in_identifier = !self.in_identifier,
            Action::Confirm => match self.read() {
                Ok(target) => {
                    self.error = None;
                    return Some(target);
                }
                Err((in_identifier, error)) => {
                    (self.in_identifier, self.error) = (in_identifier, Some(error));
                }
            },
            _ => {}
        }
        None
    }

    /// What is written, or which field is wrong and why.
    fn read(&self) -> Result<(PersonName, Option<Identifier>), (bool, String)> {
        let name = self.name.value().parse().map_err(|error| (false, said(error)))?;
        let identifier = match self.identifier.value().trim() {
            "" => None,
            text => Some(text.parse().map_err(|error| (true, said(error)))?),
        };
        Ok((name, identifier))
    }
}

/// Somebody of the roster, by a part of their name or identifier.
#[derive(Debug, Clone, Default)]
pub(super) struct Choosing {
    pub(super) typed: Input,
    index: usize,
}

impl Choosing {
    pub(super) fn field(&mut self) -> &mut Input {
        &mut self.typed
    }

    /// Those who fit what is typed, in the roster's order.
    pub(super) fn found<'a>(&self, people: &'a [Known]) -> Vec<&'a Known> {
        let typed = self.typed.value().trim().to_lowercase();
        let fits = |known: &&Known| {
            known.name.as_str().to_lowercase().contains(&typed)
                || known.identifier.to_lowercase().contains(&typed)
        };
        people.iter().filter(fits).collect()
    }

    /// Which of `count` is selected: what was typed since may have left fewer.
    pub(super) fn selected(&self, count: usize) -> usize {
        self.index.min(count.saturating_sub(1))
    }

    /// Does what a key asks for; the person where one is confirmed.
    pub(super) fn handle(&mut self, action: Action, people: &[Known]) -> Option<PersonId> {
        let found = self.found(people);
        let selected = self.selected(found.len());
        match action {
            Action::Up => self.index = selected.saturating_sub(1),
            Action::Down => self.index = self.selected(found.len()).saturating_add(1).min(found.len()),
            Action::Confirm => return found.get(selected).map(|known| known.person),
            _ => {}
        }
        self.index = self.selected(found.len());
        None
    }
}
