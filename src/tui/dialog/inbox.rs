//! The inbox: who came and was not known, and what becomes of them.

mod draw;
mod prompt;

use tui_input::Input;

use super::Step;
use crate::attendance::{PersonId, PersonName, StrangerId};
use crate::engine::inbox::{InboxCommand, InboxReply, InboxState, StrangerPicture, StrangerRow};
use crate::engine::{Command, CommandError, Reply, RosterState};
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::{Window, moved};
use crate::tui::theme::Role;

use prompt::{Choosing, Naming};

/// What was asked of the engine for the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxAsked {
    /// The picture of an item.
    Picture(StrangerId),
    /// Anything that is written.
    Change,
}

/// What the dialog is at.
#[derive(Debug, Clone)]
enum Stage {
    List,
    Naming(Naming),
    Choosing(Choosing),
    AskDiscard,
    /// Whether the passages of somebody shall be added to the record, and how many there are.
    AskBackFill(PersonId, PersonName, usize),
}

/// Somebody of the roster, as far as one is found by typing.
#[derive(Debug, Clone)]
struct Known {
    person: PersonId,
    name: PersonName,
    identifier: String,
}

/// The inbox.
#[derive(Debug, Clone)]
pub struct InboxDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    rows: Vec<StrangerRow>,
    keep_hours: u32,
    people: Vec<Known>,
    index: usize,
    selected: Option<StrangerId>,
    window: Window,
    picture: Option<Box<StrangerPicture>>,
    /// Of which item the picture was asked for last.
    asked: Option<StrangerId>,
    stage: Stage,
    /// A change is on its way.
    saving: bool,
    message: Option<(String, Role)>,
}

impl InboxDialog {
    /// The inbox as it is now.
    pub fn new(id: DialogId, inbox: &InboxState, roster: &RosterState) -> Self {
        let mut dialog = Self {
            id,
            rows: Vec::new(),
            keep_hours: 0,
            people: Vec::new(),
            index: 0,
            selected: None,
            window: Window::default(),
            picture: None,
            asked: None,
            stage: Stage::List,
            saving: false,
            message: None,
        };
        dialog.refresh(inbox, roster);
        dialog
    }

    /// Takes a new state over; the selected item stays selected while it is there.
    pub fn refresh(&mut self, inbox: &InboxState, roster: &RosterState) {
        self.rows.clone_from(&inbox.rows);
        self.keep_hours = inbox.keep_hours;
        let known = |row: &crate::engine::state::RosterRow| Known {
            person: row.person,
            name: row.name.clone(),
            identifier: row.identifier.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        self.people = roster.rows.iter().map(known).collect();
        let found = self.rows.iter().position(|row| Some(row.id) == self.selected);
        let is_about_gone = found.is_none()
            && matches!(self.stage, Stage::Naming(_) | Stage::Choosing(_) | Stage::AskDiscard)
            && !self.saving;
        self.select(found.unwrap_or(self.index));
        if is_about_gone {
            self.stage = Stage::List;
            self.message = Some(("that item is gone from the inbox".to_owned(), Role::Warning));
        }
    }

    fn select(&mut self, index: usize) {
        self.index = index.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(self.index).map(|row| row.id);
        self.window.follow(self.index, self.rows.len());
        if self.picture.as_ref().is_some_and(|picture| Some(picture.row.id) != self.selected) {
            self.picture = None;
        }
    }

    /// How many rows the screen has.
    pub fn set_screen_height(&mut self, height: u16) {
        self.window.height = usize::from(draw::list_height(height));
        self.window.follow(self.index, self.rows.len());
    }

    /// Asks for the picture of the selected item, where it has one and was not asked for.
    pub fn wanted(&mut self) -> Option<Effect> {
        let row = self.rows.get(self.index).filter(|row| row.person.is_none())?;
        if self.asked == Some(row.id) {
            return None;
        }
        self.asked = Some(row.id);
        let purpose = Purpose::Inbox(self.id, InboxAsked::Picture(row.id));
        Some(Effect::Send(Command::Inbox(InboxCommand::Show(row.id)), purpose))
    }

    /// What the keys mean.
    pub fn mode(&self) -> Mode {
        match self.stage {
            Stage::List => Mode::Inbox,
            Stage::Naming(_) => Mode::InboxName,
            Stage::Choosing(_) => Mode::InboxWho,
            Stage::AskDiscard | Stage::AskBackFill(..) => Mode::InboxAsk,
        }
    }

    /// The field that text goes into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match &mut self.stage {
            _ if self.saving => None,
            Stage::Naming(naming) => Some(naming.field()),
            Stage::Choosing(choosing) => Some(choosing.field()),
            _ => None,
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        if self.saving {
            // What was sent is on its way; leaving is always possible.
            return if action == Action::Cancel { Step::Close } else { Step::Stay(Vec::new()) };
        }
        let stage = std::mem::replace(&mut self.stage, Stage::List);
        let effects = match stage {
            Stage::List => {
                if action == Action::Cancel {
                    return Step::Close;
                }
                self.act_in_list(action)
            }
            // Back to the list.
            _ if action == Action::Cancel => Vec::new(),
            Stage::Naming(mut naming) => {
                let done = naming.handle(action);
                self.stage = Stage::Naming(naming);
                match (done, self.selected) {
                    (Some((name, identifier)), Some(stranger)) => {
                        self.send(InboxCommand::Enrol { stranger, name, identifier })
                    }
                    _ => Vec::new(),
                }
            }
            Stage::Choosing(mut choosing) => {
                let chosen = choosing.handle(action, &self.people);
                self.stage = Stage::Choosing(choosing);
                match (chosen, self.selected) {
                    (Some(person), Some(stranger)) => self.send(InboxCommand::Add { stranger, person }),
                    _ => Vec::new(),
                }
            }
            Stage::AskDiscard => {
                self.stage = Stage::AskDiscard;
                match (action, self.selected) {
                    (Action::Confirm, Some(stranger)) => self.send(InboxCommand::Discard(stranger)),
                    _ => Vec::new(),
                }
            }
            Stage::AskBackFill(person, name, count) => {
                self.stage = Stage::AskBackFill(person, name, count);
                match action {
                    Action::Confirm => self.send(InboxCommand::BackFill { person, sequences: Vec::new() }),
                    _ => Vec::new(),
                }
            }
        };
        Step::Stay(effects)
    }

    fn act_in_list(&mut self, action: Action) -> Vec<Effect> {
        self.message = None;
        if let Some(index) = moved(action, self.index, self.rows.len(), self.window.height) {
            self.select(index);
            return Vec::new();
        }
        let Some(row) = self.rows.get(self.index) else { return Vec::new() };
        match (action, &row.person, &row.finding) {
            (Action::Confirm | Action::AddPicture, Some((person, name)), _) => {
                self.stage = Stage::AskBackFill(*person, name.clone(), row.tracks.len());
            }
            (Action::Confirm | Action::AddPicture, None, Some(finding)) => {
                self.message = Some((format!("cannot be enrolled: {finding}"), Role::Warning));
            }
            (Action::Confirm, None, None) => self.stage = Stage::Naming(Naming::default()),
            (Action::AddPicture, None, None) => self.stage = Stage::Choosing(Choosing::default()),
            (Action::Remove, ..) => self.stage = Stage::AskDiscard,
            _ => {}
        }
        Vec::new()
    }

    fn send(&mut self, command: InboxCommand) -> Vec<Effect> {
        self.saving = true;
        self.message = None;
        vec![Effect::Send(Command::Inbox(command), Purpose::Inbox(self.id, InboxAsked::Change))]
    }

    /// The answer to what was asked.
    pub fn answered(&mut self, asked: InboxAsked, reply: Result<Reply, CommandError>) {
        if let InboxAsked::Picture(id) = asked {
            // Without a picture there is nothing to draw, and the list says why.
            if let (Ok(Reply::Inbox(InboxReply::Shown(shown))), true) = (reply, Some(id) == self.selected) {
                self.picture = Some(shown);
            }
            return;
        }
        self.saving = false;
        let done = |words: String| Some((words, Role::Good));
        match reply {
            Ok(Reply::Inbox(InboxReply::Enrolled { person, waiting })) => {
                self.message = done(format!("{} is enrolled", person.name));
                self.stage = if waiting.is_empty() {
                    Stage::List
                } else {
                    Stage::AskBackFill(person.id, person.name, waiting.len())
                };
            }
            Ok(Reply::Inbox(InboxReply::Discarded(_))) => {
                self.stage = Stage::List;
                self.message = done("the item is discarded".to_owned());
            }
            Ok(Reply::Inbox(InboxReply::BackFilled { entries, joined })) => {
                self.stage = Stage::List;
                let added = if entries.len() == 1 {
                    "1 passage is added to the record".to_owned()
                } else {
                    format!("{} passages are added to the record", entries.len())
                };
                self.message = done(match joined {
                    0 => added,
                    n => format!("{added}; {n} more belong to one on record"),
                });
            }
            Ok(_) => self.stage = Stage::List,
            Err(error) => self.refused(&error),
        }
    }

    fn refused(&mut self, error: &CommandError) {
        let words = super::enrol::words(error);
        match (&mut self.stage, error) {
            (
                Stage::Naming(naming),
                CommandError::NameTaken { .. } | CommandError::IdentifierTaken { .. },
            ) => {
                naming.ask_for_identifier();
            }
            (Stage::Naming(_) | Stage::Choosing(_), CommandError::Store { .. } | CommandError::Busy) => {}
            _ => self.stage = Stage::List,
        }
        self.message = Some((words, Role::Fault));
    }
}
