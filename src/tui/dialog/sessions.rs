//! The sessions: which are open, how everybody expected stands in each now, and what the schedule has today.

mod draw;
mod opening;

use std::collections::BTreeMap;

use tui_input::Input;

use super::{Opening, Step};
use crate::attendance::{PersonId, PersonName, SessionId, Standing};
use crate::engine::command::attendance::{AttendanceCommand, AttendanceReply, SessionLine, SessionRoll};
use crate::engine::state::{OpenSession, PlannedSession};
use crate::engine::{Command, CommandError, Reply, RosterState};
use crate::tui::clock::Clock;
use crate::tui::keymap::{Action, Mode};
use crate::tui::message::{DialogId, Effect, Purpose};
use crate::tui::pane::{Window, moved};
use crate::tui::theme::Role;

use opening::OpeningForm;

/// A session of the list.
#[derive(Debug, Clone, PartialEq)]
enum Tab {
    Open(OpenSession),
    /// Closed since the dialog was opened.
    Closed(SessionRoll),
    Planned(PlannedSession),
}

impl Tab {
    fn id(&self) -> Option<SessionId> {
        match self {
            Tab::Open(open) => Some(open.session.id),
            Tab::Closed(roll) => Some(roll.session.id),
            Tab::Planned(_) => None,
        }
    }

    fn name(&self) -> &PersonName {
        match self {
            Tab::Open(open) => &open.session.name,
            Tab::Closed(roll) => &roll.session.name,
            Tab::Planned(planned) => &planned.name,
        }
    }
}

/// What the dialog is at.
#[derive(Debug, Clone)]
enum Stage {
    Roll,
    Opening(Box<OpeningForm>),
    AskClose(SessionId),
}

/// The sessions.
#[derive(Debug, Clone)]
pub struct SessionsDialog {
    /// Pairs replies with it.
    pub id: DialogId,
    clock: Clock,
    tabs: Vec<Tab>,
    tab: usize,
    /// How everybody stands in the open ones, as it was last said.
    rolls: BTreeMap<SessionId, SessionRoll>,
    closed: Vec<SessionRoll>,
    line: usize,
    person: Option<PersonId>,
    window: Window,
    stage: Stage,
    /// A change is on its way.
    saving: bool,
    /// Whether the rolls were asked for and have not come.
    asked: bool,
    /// Whether something happened since they were asked for.
    is_stale: bool,
    message: Option<(String, Role)>,
}

impl SessionsDialog {
    /// The sessions as they are now.
    pub fn new(id: DialogId, roster: &RosterState, clock: Clock) -> Self {
        let mut dialog = Self {
            id,
            clock,
            tabs: Vec::new(),
            tab: 0,
            rolls: BTreeMap::new(),
            closed: Vec::new(),
            line: 0,
            person: None,
            window: Window::default(),
            stage: Stage::Roll,
            saving: false,
            asked: false,
            is_stale: true,
            message: None,
        };
        dialog.refresh(roster);
        dialog
    }

    /// Takes a new state over; the selected session and person stay selected while they are there.
    pub fn refresh(&mut self, roster: &RosterState) {
        let before = self.tabs.get(self.tab).map(|tab| (tab.id(), tab.name().clone()));
        let open = roster.sessions.iter().cloned().map(Tab::Open);
        let is_open = |id: SessionId| roster.sessions.iter().any(|open| open.session.id == id);
        let closed = self.closed.iter().filter(|roll| !is_open(roll.session.id)).cloned().map(Tab::Closed);
        let planned = roster.planned.iter().cloned().map(Tab::Planned);
        self.tabs = open.chain(closed).chain(planned).collect();
        self.rolls.retain(|id, _| is_open(*id));
        let is_same = |tab: &Tab| before == Some((tab.id(), tab.name().clone()));
        // A planned one that was opened meanwhile is found by its name.
        let has_name = |tab: &Tab| before.as_ref().is_some_and(|(_, name)| tab.name() == name);
        let found = self.tabs.iter().position(is_same).or_else(|| self.tabs.iter().position(has_name));
        self.tab = found.unwrap_or(self.tab).min(self.tabs.len().saturating_sub(1));
        if let Stage::AskClose(id) = self.stage
            && !is_open(id)
            && !self.saving
        {
            self.stage = Stage::Roll;
            self.message = Some(("that session is closed already".to_owned(), Role::Warning));
        }
        if let Stage::Opening(form) = &mut self.stage {
            form.set_groups(roster);
        }
        self.is_stale = true;
        self.follow();
    }

    /// Something was written that may change how somebody stands.
    pub fn heard(&mut self) {
        self.is_stale = true;
    }

    /// How large the screen is, and what time it is.
    pub fn settle(&mut self, height: u16, clock: Clock) {
        self.clock = clock;
        self.window.height = usize::from(draw::list_height(height));
        self.follow();
    }

    /// Asks how everybody stands, where that may be different; one question at a time.
    pub fn wanted(&mut self) -> Option<Effect> {
        let has_open = self.tabs.iter().any(|tab| matches!(tab, Tab::Open(_)));
        if !self.is_stale || self.asked || !has_open {
            return None;
        }
        (self.is_stale, self.asked) = (false, true);
        Some(self.send(AttendanceCommand::Sessions))
    }

    fn send(&self, command: AttendanceCommand) -> Effect {
        Effect::Send(Command::Attendance(command), Purpose::Attendance(self.id))
    }

    /// The roll of the selected session, missing people first.
    fn lines(&self) -> Vec<&SessionLine> {
        let roll = match self.tabs.get(self.tab) {
            Some(Tab::Open(open)) => self.rolls.get(&open.session.id),
            Some(Tab::Closed(roll)) => Some(roll),
            _ => None,
        };
        let mut lines: Vec<&SessionLine> = roll.map(|roll| roll.lines.iter().collect()).unwrap_or_default();
        let order = |line: &&SessionLine| match (line.line.standing, line.line.left) {
            (Standing::Absent, _) => 0,
            (Standing::Excused, _) => 1,
            (_, Some(_)) => 2,
            (Standing::OnTime, None) => 4,
            (_, None) => 3,
        };
        // By name among each: they come so, and the sort keeps it.
        lines.sort_by_key(order);
        lines
    }

    fn follow(&mut self) {
        let people: Vec<PersonId> = self.lines().iter().map(|line| line.person).collect();
        let found = people.iter().position(|person| Some(*person) == self.person);
        self.line = found.unwrap_or(self.line).min(people.len().saturating_sub(1));
        self.person = people.get(self.line).copied().or(self.person);
        self.window.follow(self.line, people.len());
    }

    /// Who is selected.
    pub fn selected(&self) -> Option<PersonId> {
        self.lines().get(self.line).map(|line| line.person)
    }

    /// What the keys mean.
    pub fn mode(&self) -> Mode {
        match self.stage {
            Stage::Roll => Mode::Sessions,
            Stage::Opening(_) => Mode::SessionOpen,
            Stage::AskClose(_) => Mode::SessionAsk,
        }
    }

    /// The field that text goes into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match &mut self.stage {
            Stage::Opening(form) if !self.saving => Some(form.field()),
            _ => None,
        }
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action) -> Step {
        if self.saving {
            // What was sent is on its way; leaving is always possible.
            return if action == Action::Cancel { Step::Close } else { Step::Stay(Vec::new()) };
        }
        match std::mem::replace(&mut self.stage, Stage::Roll) {
            Stage::Roll => self.act_on_roll(action),
            _ if action == Action::Cancel => Step::Stay(Vec::new()),
            Stage::Opening(mut form) => {
                let command = form.handle(action, &self.clock);
                self.stage = Stage::Opening(form);
                self.saving = command.is_some();
                Step::Stay(command.map(|command| self.send(command)).into_iter().collect())
            }
            Stage::AskClose(id) => {
                self.stage = Stage::AskClose(id);
                if action != Action::Confirm {
                    return Step::Stay(Vec::new());
                }
                self.saving = true;
                Step::Stay(vec![self.send(AttendanceCommand::CloseSession(id))])
            }
        }
    }

    fn act_on_roll(&mut self, action: Action) -> Step {
        self.message = None;
        if let Some(line) = moved(action, self.line, self.lines().len(), self.window.height) {
            self.line = line;
            self.person = self.selected();
            self.follow();
            return Step::Stay(Vec::new());
        }
        let count = self.tabs.len().max(1);
        let session = match self.tabs.get(self.tab) {
            Some(Tab::Open(open)) => Some((open.session.id, open.session.name.clone())),
            _ => None,
        };
        match action {
            Action::Cancel => return Step::Close,
            Action::Next => self.tab = (self.tab + 1) % count,
            Action::Previous => self.tab = (self.tab + count - 1) % count,
            Action::OpenSession => self.stage = Stage::Opening(Box::default()),
            Action::CloseSession => match session {
                Some((id, _)) => self.stage = Stage::AskClose(id),
                None => self.say("only an open session can be closed"),
            },
            Action::Mark | Action::Excuse | Action::Open => {
                let Some(person) = self.selected() else {
                    self.say("nobody is selected");
                    return Step::Stay(Vec::new());
                };
                return match action {
                    Action::Open => Step::CloseAndSelect(person),
                    Action::Mark => Step::Open(Opening::Mark(person)),
                    _ => Step::Open(Opening::Excuse(person, session)),
                };
            }
            _ => {}
        }
        self.follow();
        Step::Stay(Vec::new())
    }

    fn say(&mut self, words: &str) {
        self.message = Some((words.to_owned(), Role::Warning));
    }

    /// Takes the groups over that can be named in the prompt, once it is open.
    pub fn set_groups(&mut self, roster: &RosterState) {
        if let Stage::Opening(form) = &mut self.stage
            && !form.knows_groups()
        {
            form.set_groups(roster);
        }
    }

    /// The answer to what was asked.
    pub fn came(&mut self, reply: Result<Reply, CommandError>) {
        match reply {
            Ok(Reply::Attendance(AttendanceReply::Sessions(rolls))) => {
                self.asked = false;
                self.rolls = rolls.into_iter().map(|roll| (roll.session.id, roll)).collect();
            }
            Ok(Reply::Attendance(AttendanceReply::Opened(session))) => {
                (self.saving, self.stage, self.is_stale) = (false, Stage::Roll, true);
                self.message = Some((format!("{} is open", session.name), Role::Good));
                let found = self.tabs.iter().position(|tab| tab.id() == Some(session.id));
                self.tab = found.unwrap_or_else(|| {
                    // The state that has it follows.
                    let (arrived, expected, here) = (BTreeMap::new(), 0, 0);
                    self.tabs.insert(0, Tab::Open(OpenSession { session, expected, here, arrived }));
                    0
                });
            }
            Ok(Reply::Attendance(AttendanceReply::Closed(roll))) => {
                (self.saving, self.stage) = (false, Stage::Roll);
                self.message =
                    Some((format!("{} is closed; this is written", roll.session.name), Role::Good));
                let id = roll.session.id;
                self.rolls.remove(&id);
                self.closed.push(roll.clone());
                match self.tabs.iter().position(|tab| tab.id() == Some(id)) {
                    Some(at) => (self.tabs[at], self.tab) = (Tab::Closed(roll), at),
                    None => {
                        self.tabs.push(Tab::Closed(roll));
                        self.tab = self.tabs.len() - 1;
                    }
                }
            }
            Ok(_) => self.saving = false,
            Err(error) => {
                // What was asked for is asked again with the next change.
                self.asked = false;
                let was_saving = std::mem::take(&mut self.saving);
                if let Stage::AskClose(_) = self.stage {
                    self.stage = Stage::Roll;
                }
                if let (Stage::Opening(form), true) = (&mut self.stage, was_saving) {
                    form.error = Some(error.to_string());
                } else {
                    self.message = Some((error.to_string(), Role::Fault));
                }
            }
        }
        self.follow();
    }
}
