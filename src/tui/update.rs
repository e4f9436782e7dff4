//! What a message changes and what follows from it. No terminal, no channel, no clock.

mod approvals;
mod attendance;
mod kiosk;
mod looking;
mod mouse;
mod panes;
mod state;

pub use mouse::Mouse;
pub use panes::Undoable;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;
use tui_input::backend::crossterm::to_input_request;

use super::dialog::challenge::ChallengeDialog;
use super::dialog::enrol::{EnrolDialog, words};
use super::dialog::help::HelpDialog;
use super::dialog::inbox::InboxDialog;
use super::dialog::mark::MarkDialog;
use super::dialog::remove::RemoveDialog;
use super::dialog::why::WhyDialog;
use super::dialog::{Dialog, Step, edit, paste};
use super::keymap::{Action, Key};
use super::message::{DialogId, Effect, Message, Purpose, Ran};
use super::model::{Focus, Model};
use super::pane::Outcome;
use super::theme::Role;
use crate::attendance::PersonName;
use crate::engine::command::{SelfTest, SelfTestOf};
use crate::engine::state::{SourceIndex, SourceState};
use crate::engine::{Command, CommandError, EngineEvent, NamedEntry, Reply};
use crate::face::challenge::{ChallengeFailure, ChallengeOutcome};

impl Model {
    /// Takes a message; what it asks for.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = match message {
            Message::Tick(now) => {
                self.tick(now);
                return Vec::new();
            }
            Message::Key(event) => self.key(event),
            Message::Mouse(_) if self.kiosk.is_some() => return Vec::new(),
            Message::Mouse(event) => self.mouse(event),
            Message::Paste(pasted) => {
                let field = self.dialogs.last_mut().and_then(Dialog::field);
                if let (Some(field), None) = (field, &self.kiosk) {
                    paste(field, &pasted);
                }
                self.field_edited()
            }
            Message::Resize(width, height) => {
                self.size = Size::new(width, height);
                Vec::new()
            }
            Message::Engine(event) => self.engine_event(event),
            Message::State(snapshot, preview) => {
                if !self.take_state(snapshot, preview) {
                    return Vec::new();
                }
                let mut effects = self.live_changed();
                effects.extend(self.kiosk_observes());
                effects
            }
            Message::Reply(purpose, reply) => self.reply(purpose, *reply),
            Message::Log(query, page) => self.log.take_page(query, page),
            Message::Explained(id, whole) => {
                self.explained(id, whole.as_deref());
                Vec::new()
            }
            Message::NotExplained(id, error) => {
                self.refused(id, &error);
                Vec::new()
            }
            Message::Encoded(encoded) => {
                self.encoded = Some(encoded);
                Vec::new()
            }
            Message::Line(line) => {
                if line == self.line {
                    return Vec::new();
                }
                self.line = line;
                Vec::new()
            }
            Message::Printed(id, text) => {
                self.printed(id, &text);
                Vec::new()
            }
            Message::Progress(id, done, total) => {
                self.progressed(id, done, total);
                Vec::new()
            }
            Message::PinChecked(is_right) => self.pin_checked(is_right),
            Message::Ran(id, ran) => {
                self.ran(id, ran);
                Vec::new()
            }
            Message::LogRefused(query) => {
                self.log.refused(query);
                Vec::new()
            }
            Message::LogUnread(query, error) => {
                self.log.refused(query);
                self.say(Role::Fault, words(&error));
                Vec::new()
            }
        };
        self.dirty = true;
        effects.extend(self.settle());
        effects
    }

    fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        if event.kind == KeyEventKind::Release {
            return Vec::new();
        }
        self.notice = None;
        let is_plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if let (Some(kiosk), KeyCode::Char(_), true) = (&mut self.kiosk, event.code, is_plain)
            && kiosk.takes_characters()
        {
            kiosk.typed(event.code, self.now);
            return Vec::new();
        }
        let key = Key::from(event);
        if let Some(action) = self.keymap.action(self.mode(), key) {
            return self.act_counted(action);
        }
        if let Some(kiosk) = &mut self.kiosk {
            kiosk.typed(event.code, self.now);
            return Vec::new();
        }
        if let (false, KeyCode::Char(c)) = (self.mode().takes_text(), event.code)
            && let Some(digit) = c.to_digit(10)
            && self.count_digit(digit)
        {
            return Vec::new();
        }
        self.count = None;
        let field = self.dialogs.last_mut().and_then(Dialog::field);
        if let (Some(field), Some(request)) = (field, to_input_request(&Event::Key(event))) {
            edit(field, request);
        }
        self.field_edited()
    }

    /// What follows from what was written in a field, at once.
    fn field_edited(&mut self) -> Vec<Effect> {
        match self.dialogs.last_mut() {
            Some(Dialog::Palette(palette)) => palette.edited(),
            Some(Dialog::Filter(prompt)) => {
                let (pane, text) = (prompt.pane, prompt.text().to_owned());
                return self.filter_by(pane, &text);
            }
            _ => {}
        }
        Vec::new()
    }

    /// A line of the palette has run: its output is shown, or said where that was closed.
    fn ran(&mut self, id: DialogId, ran: Ran) {
        if self.running.as_ref().is_some_and(|running| running.id == id) {
            self.running = None;
        }
        for dialog in &mut self.dialogs {
            if let Dialog::Output(output) = dialog
                && output.id == id
            {
                return output.came(ran);
            }
        }
        let role = if ran.succeeded { Role::Good } else { Role::Warning };
        let first = ran.text.lines().next().unwrap_or("done").to_owned();
        self.say(role, super::text::harmless(&first).into_owned());
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Some(kiosk) = &mut self.kiosk {
            return kiosk.handle(action, self.now);
        }
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Stop => return self.stop_running(),
            Action::Suspend => return vec![Effect::Suspend],
            Action::Help => {
                self.dialogs.push(Dialog::Help(HelpDialog::default()));
                return Vec::new();
            }
            _ => {}
        }
        let Some(dialog) = self.dialogs.last_mut() else { return self.act_in_panes(action) };
        match dialog.handle(action) {
            Step::Stay(effects) => effects,
            Step::Open(opening) => self.open_over(opening),
            Step::Close => match self.dialogs.pop() {
                Some(Dialog::Filter(prompt)) if prompt.is_given_up => self.filter_by(prompt.pane, ""),
                _ => Vec::new(),
            },
            Step::CloseWith(effects) => {
                self.dialogs.pop();
                effects
            }
            Step::CloseAndAct(action) => {
                self.dialogs.pop();
                self.act(action)
            }
            Step::CloseAndSelect(person) => {
                self.dialogs.pop();
                self.select_person(person)
            }
            Step::CloseAndRun(line) => {
                self.dialogs.pop();
                self.run_line(line)
            }
        }
    }

    fn act_in_panes(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Filter => {
                self.open_filter();
                Vec::new()
            }
            Action::Cancel => self.filter_by(self.focus, ""),
            Action::Palette => {
                self.open_palette();
                Vec::new()
            }
            Action::Undo => self.undo(),
            Action::Open if self.focus == Focus::Log => self.open_why(),
            Action::Open => self.open_about_selected(Action::Mark),
            Action::Enrol => {
                let id = self.next_dialog();
                let dialog = EnrolDialog::new(id, &self.snapshot.live);
                self.dialogs.push(Dialog::Enrol(Box::new(dialog)));
                Vec::new()
            }
            Action::Inbox => {
                let id = self.next_dialog();
                let dialog = InboxDialog::new(id, &self.snapshot.inbox, &self.snapshot.roster);
                self.dialogs.push(Dialog::Inbox(Box::new(dialog)));
                Vec::new()
            }
            Action::AddPicture | Action::Mark | Action::Remove => self.open_about_selected(action),
            Action::Why => self.open_why(),
            Action::Challenge => {
                let (dialog, effects) = ChallengeDialog::begin(self.next_dialog());
                self.dialogs.push(Dialog::Challenge(dialog));
                effects
            }
            Action::Pause => self.pause(),
            Action::OtherSource => self.look_at_next_source(),
            Action::Kiosk => self.enter_kiosk(),
            Action::Detail => self.toggle_detail(),
            Action::RollCall => self.open_roll_call(),
            Action::Stats => self.open_stats(),
            Action::Sort | Action::Group => self.order_roster(action),
            Action::OnlyPerson => self.only_person(),
            Action::Redraw => vec![Effect::Redraw],
            _ => {
                if let Some(effects) = self.act_on_record(action) {
                    return effects;
                }
                if let Some(effects) = self.arrange(action) {
                    return effects;
                }
                let outcome = match self.focus {
                    Focus::Preview => Outcome::Ignored,
                    Focus::Roster => self.roster.handle(action, &self.snapshot.roster),
                    Focus::Log => self.log.handle(action),
                    Focus::Detail => self.detail.handle(action),
                };
                match outcome {
                    Outcome::Consumed(effects) => effects,
                    Outcome::Ignored => Vec::new(),
                }
            }
        }
    }

    fn open_about_selected(&mut self, action: Action) -> Vec<Effect> {
        let Some(row) = self.selected_row().cloned() else {
            let words = match self.focus {
                Focus::Roster | Focus::Preview | Focus::Detail => {
                    "nobody is selected: press e to enrol somebody"
                }
                Focus::Log => "this line is about nobody on the roster: select another",
            };
            self.say(Role::Warning, words);
            return Vec::new();
        };
        let id = self.next_dialog();
        let (dialog, effects) = match action {
            Action::AddPicture => {
                let (dialog, effects) =
                    EnrolDialog::for_person(id, &self.snapshot.live, row.person, row.name);
                (Dialog::Enrol(Box::new(dialog)), effects)
            }
            Action::Mark => {
                let state = row.presence.map(|presence| presence.state);
                (Dialog::Mark(MarkDialog::new(id, row.person, row.name, state)), Vec::new())
            }
            _ => (Dialog::Remove(RemoveDialog::new(id, &row)), Vec::new()),
        };
        self.dialogs.push(dialog);
        effects
    }

    fn open_why(&mut self) -> Vec<Effect> {
        let selected = match self.focus {
            Focus::Roster | Focus::Preview | Focus::Detail => None,
            Focus::Log => self.log.selected().map(|entry| (entry.sequence, entry.at)),
        };
        let Some((sequence, at)) = selected else {
            self.say(Role::Warning, "select a line of the log first: tab goes there");
            return Vec::new();
        };
        let id = self.next_dialog();
        self.dialogs.push(Dialog::Why(WhyDialog::new(id, sequence, self.zone.local(at))));
        vec![Effect::Explain(id, sequence)]
    }

    fn explained(&mut self, id: DialogId, whole: Option<&NamedEntry>) {
        for dialog in &mut self.dialogs {
            if let Dialog::Why(dialog) = dialog
                && dialog.id == id
            {
                dialog.came(whole);
            }
        }
    }

    fn pause(&mut self) -> Vec<Effect> {
        let paused = match self.snapshot.live.source().state {
            SourceState::Streaming => true,
            SourceState::Paused => false,
            _ => {
                self.say(Role::Warning, "there is no running source to pause");
                return Vec::new();
            }
        };
        vec![Effect::Send(Command::SetPaused(paused), Purpose::Pause(paused))]
    }

    fn look_at_next_source(&mut self) -> Vec<Effect> {
        let live = &self.snapshot.live;
        let next = SourceIndex::at((live.focus.position() + 1) % live.sources.len().max(1));
        match live.sources.get(next.position()) {
            Some(source) if next != live.focus => {
                vec![Effect::Send(Command::Look(next), Purpose::Look(source.name.clone()))]
            }
            _ => {
                self.say(Role::Warning, "there is no other source");
                Vec::new()
            }
        }
    }

    fn engine_event(&mut self, event: EngineEvent) -> Vec<Effect> {
        match event {
            EngineEvent::Entry(entry) => {
                self.detail.heard(&entry);
                self.sessions_heard(&entry);
                self.log.add(entry)
            }
            EngineEvent::Lagged(_) => self.catch_up(),
            EngineEvent::ApprovalsChanged => self.ask_for_approvals(),
            // An entry follows where a decision is recorded; the state comes as a message of its own.
            EngineEvent::ChallengeEnded { outcome, .. } => {
                self.challenge_ended(outcome);
                Vec::new()
            }
            EngineEvent::Decided { .. }
            | EngineEvent::StateChanged
            | EngineEvent::RoleChanged
            | EngineEvent::SourceFailed(_)
            | EngineEvent::SourceEnded => Vec::new(),
            EngineEvent::Stopped => vec![Effect::Quit],
        }
    }

    fn reply(&mut self, purpose: Purpose, reply: Result<Reply, CommandError>) -> Vec<Effect> {
        match purpose {
            Purpose::Shot(id) => {
                let mut effects = self.shot_came(id, reply);
                // The run may be further already than its reply came.
                effects.extend(self.live_changed());
                return effects;
            }
            Purpose::Enrol(id, name) => match reply {
                Ok(reply) => {
                    self.close(id);
                    return self.enrolled(&reply, name);
                }
                Err(error) => self.refused(id, &error),
            },
            Purpose::LetGo => {}
            Purpose::CheckIn => return self.checked_in(reply),
            // Where it cannot be tried, nothing is said of it.
            Purpose::ShotTest(id) if reply.is_ok() => return self.shot_came(id, reply),
            Purpose::ShotTest(_) => {}
            Purpose::SelfTest(name) => {
                // Where there is no picture any more, there is nothing to say about it.
                if let Ok(Reply::SelfTest(test)) = reply {
                    let (role, text) = tested(&name, &test);
                    self.say(role, text);
                }
            }
            Purpose::Mark(id, name, state) => match reply {
                Ok(_) => {
                    let before = match self.dialogs.iter().find(|dialog| dialog.id() == Some(id)) {
                        Some(Dialog::Mark(dialog)) => Some((dialog.person(), dialog.state_before())),
                        _ => None,
                    };
                    self.undoable =
                        before.map(|(person, before)| Undoable::Mark(person, name.clone(), before));
                    self.close(id);
                    self.say(Role::Good, format!("{name} is marked as {state}: u takes it back"));
                }
                Err(error) => self.refused(id, &error),
            },
            Purpose::Remove(id, name) => match reply {
                Ok(_) => {
                    self.close(id);
                    self.say(Role::Good, format!("the enrolment of {name} has ended"));
                }
                Err(error) => self.refused(id, &error),
            },
            Purpose::Inbox(id, asked) => match self.dialogs.iter_mut().find(|dialog| dialog.id() == Some(id))
            {
                Some(Dialog::Inbox(dialog)) => dialog.answered(asked, reply),
                _ => {
                    if let Err(error) = reply {
                        self.say(Role::Fault, words(&error));
                    }
                }
            },
            Purpose::Challenge(id) => match (reply, self.challenge(id)) {
                (Ok(_), Some(dialog)) => dialog.begun(),
                (Ok(_), None) => {}
                (Err(error), _) => self.refused(id, &error),
            },
            Purpose::Undo(name, state) => match reply {
                Ok(_) => self.say(Role::Good, format!("the mark was taken back: {name} is {state} again")),
                Err(error) => self.say(Role::Fault, words(&error)),
            },
            Purpose::Detail(person) => self.person_came(person, reply),
            Purpose::Approvals => self.approvals_came(reply),
            Purpose::Approve(id, words) => self.approved(id, words, reply),
            Purpose::Attendance(id) => self.attendance_came(id, reply),
            Purpose::Day(id) => return self.day_came(id, reply),
            Purpose::Look(name) => match reply {
                Ok(_) => self.say(Role::Good, format!("looking at {name}")),
                Err(error) => self.say(Role::Fault, error.to_string()),
            },
            Purpose::Pause(paused) => match reply {
                Ok(_) => self.undoable = Some(Undoable::Pause(paused)),
                Err(error) => self.say(Role::Fault, error.to_string()),
            },
        }
        Vec::new()
    }

    /// Selects whoever was enrolled, says so, and looks for them in the live picture.
    fn enrolled(&mut self, reply: &Reply, name: PersonName) -> Vec<Effect> {
        self.say(Role::Good, format!("{name} is enrolled"));
        let Reply::Enrolled { person, .. } = reply else { return Vec::new() };
        self.focus = Focus::Roster;
        self.roster.select_person(person.id, &self.snapshot.roster);
        if self.snapshot.live.source().state != SourceState::Streaming {
            return Vec::new();
        }
        vec![Effect::Send(Command::SelfTest(SelfTestOf::Person(person.id)), Purpose::SelfTest(name))]
    }

    fn shot_came(&mut self, id: DialogId, reply: Result<Reply, CommandError>) -> Vec<Effect> {
        let dialog = self.dialogs.iter_mut().find_map(|dialog| match dialog {
            Dialog::Enrol(dialog) if dialog.id == id => Some(dialog),
            _ => None,
        });
        match (dialog, reply) {
            (Some(dialog), Ok(Reply::Shooting(run))) => return dialog.shooting_began(run),
            // The prompt was closed before its run began.
            (None, Ok(Reply::Shooting(run))) => {
                return vec![Effect::Send(Command::EndShooting(run), Purpose::LetGo)];
            }
            (Some(dialog), Ok(Reply::Shot(shot))) => return dialog.shots_came(vec![shot]),
            (Some(dialog), Ok(Reply::Shots(shots))) => return dialog.shots_came(shots),
            (Some(dialog), Ok(Reply::SelfTest(test))) => dialog.tested(test),
            (Some(dialog), Ok(_)) => dialog.no_shots(&CommandError::NoSuchShot),
            (Some(dialog), Err(error)) => dialog.no_shots(&error),
            (None, _) => {}
        }
        Vec::new()
    }

    fn challenge(&mut self, id: DialogId) -> Option<&mut ChallengeDialog> {
        self.dialogs.iter_mut().find_map(|dialog| match dialog {
            Dialog::Challenge(dialog) if dialog.id == id => Some(dialog),
            _ => None,
        })
    }

    /// Says how a challenge ended that no dialog shows here.
    fn challenge_ended(&mut self, outcome: ChallengeOutcome) {
        if self.dialogs.iter().any(|dialog| matches!(dialog, Dialog::Challenge(_))) {
            return;
        }
        match outcome {
            ChallengeOutcome::Passed => self.say(Role::Good, "the challenge was passed"),
            ChallengeOutcome::Failed(ChallengeFailure::Cancelled) => {}
            ChallengeOutcome::Failed(failure) => {
                self.say(Role::Warning, format!("the challenge was not passed: {failure}"));
            }
        }
    }

    /// Closes the dialog `id`, wherever it lies in the stack.
    fn close(&mut self, id: DialogId) {
        self.dialogs.retain(|dialog| dialog.id() != Some(id));
    }

    /// Says in the dialog `id` why nothing was done, or below where it was closed.
    fn refused(&mut self, id: DialogId, error: &CommandError) {
        match self.dialogs.iter_mut().find(|dialog| dialog.id() == Some(id)) {
            Some(Dialog::Enrol(dialog)) => dialog.refused(error),
            Some(Dialog::Mark(dialog)) => dialog.refused(error),
            Some(Dialog::Remove(dialog)) => dialog.refused(error),
            Some(Dialog::Challenge(dialog)) => dialog.refused(error),
            Some(Dialog::Why(dialog)) => dialog.refused(words(error)),
            Some(_) | None => self.say(Role::Fault, words(error)),
        }
    }
}

/// How the self-test after an enrolment went.
fn tested(name: &PersonName, test: &SelfTest) -> (Role, String) {
    let similarity = test.similarity.map(|found| format!(", {:.2}", found.0)).unwrap_or_default();
    match (test.frames, test.identified) {
        (0, _) => (Role::Warning, format!("{name} is enrolled; no face came before the camera to test it")),
        (frames, identified) if 2 * identified > frames => (
            Role::Good,
            format!("{name} is enrolled and recognised in {identified} of {frames} frames{similarity}"),
        ),
        (frames, identified) => (
            Role::Warning,
            format!(
                "{name} is enrolled, but recognised in only {identified} of {frames} frames{similarity}: press a to add                  a picture from where people come in"
            ),
        ),
    }
}
