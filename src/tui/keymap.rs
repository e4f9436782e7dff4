//! Every key of every mode, as data: what is looked up when a key comes, what the bar of hints and
//! the help show, and what the tests walk through.

mod key;

use std::collections::HashMap;

use ratatui::crossterm::event::KeyCode;

pub use key::Key;

/// What the keys mean at the moment: the topmost dialog decides, or the panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The panes.
    Panes,
    /// The enrolment prompt while a name is written.
    EnrolName,
    /// The enrolment prompt while a shot is taken and looked at.
    EnrolShot,
    /// The manual mark.
    Mark,
    /// The question before an enrolment is ended.
    Remove,
    /// The challenge.
    Challenge,
    /// Why an entry says what it says.
    Why,
    /// The inbox: its list.
    Inbox,
    /// The inbox, while a name is written.
    InboxName,
    /// The inbox, while somebody of the roster is chosen.
    InboxWho,
    /// The inbox, while a question is asked.
    InboxAsk,
    /// The help.
    Help,
}

impl Mode {
    /// All of them, in the order of the help.
    pub const ALL: [Mode; 12] = [
        Mode::Panes,
        Mode::EnrolName,
        Mode::EnrolShot,
        Mode::Mark,
        Mode::Remove,
        Mode::Challenge,
        Mode::Why,
        Mode::Inbox,
        Mode::InboxName,
        Mode::InboxWho,
        Mode::InboxAsk,
        Mode::Help,
    ];

    /// The heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Mode::Panes => "Panes",
            Mode::EnrolName => "Enrolment: the name",
            Mode::EnrolShot => "Enrolment: the picture",
            Mode::Mark => "Manual mark",
            Mode::Remove => "Removal",
            Mode::Challenge => "Challenge",
            Mode::Why => "Why an entry says what it says",
            Mode::Inbox => "Inbox",
            Mode::InboxName => "Inbox: enrol as a new person",
            Mode::InboxWho => "Inbox: add to a person",
            Mode::InboxAsk => "Inbox: a question",
            Mode::Help => "This help",
        }
    }

    /// Whether characters are text here, so that no bare character may be bound.
    pub fn takes_text(self) -> bool {
        matches!(self, Mode::EnrolName | Mode::Mark | Mode::InboxName | Mode::InboxWho)
    }
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One pane's height up.
    PageUp,
    /// One pane's height down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// To the next pane or field.
    Next,
    /// To the previous pane or field.
    Previous,
    /// Opens the enrolment prompt.
    Enrol,
    /// Opens the enrolment prompt for a further picture of the selected person.
    AddPicture,
    /// Opens the manual mark for the selected person.
    Mark,
    /// Asks whether the selected person's enrolment shall end.
    Remove,
    /// Begins a challenge, or another one.
    Challenge,
    /// Says why the selected line of the log says what it says.
    Why,
    /// Opens the inbox.
    Inbox,
    /// Stops or continues the source.
    Pause,
    /// Draws everything again.
    Redraw,
    /// Takes a shot.
    Shoot,
    /// Goes back to the name.
    Back,
    /// Goes on: saves, or takes the first shot.
    Confirm,
    /// Closes the dialog; nothing is saved.
    Cancel,
    /// Opens the help.
    Help,
    /// Gives the terminal back and ends.
    Quit,
}

/// Some keys of some modes, what they do, and how that is said.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where they hold.
    pub modes: &'static [Mode],
    /// The keys; the first is the one in the bar of hints.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// For the help.
    pub description: &'static str,
    /// For the bar of hints; none where the key is not shown there.
    pub hint: Option<&'static str>,
}

const fn bind(
    modes: &'static [Mode],
    keys: &'static [Key],
    action: Action,
    hint: Option<&'static str>,
    description: &'static str,
) -> Binding {
    Binding { modes, keys, action, description, hint }
}

const PANES: &[Mode] = &[Mode::Panes];
const LISTS: &[Mode] = &[Mode::Panes, Mode::Why, Mode::Inbox, Mode::Help];
const NAME: &[Mode] = &[Mode::EnrolName];
const SHOT: &[Mode] = &[Mode::EnrolShot];
const MARK: &[Mode] = &[Mode::Mark];
const REMOVE: &[Mode] = &[Mode::Remove];
const CHALLENGE: &[Mode] = &[Mode::Challenge];
const WHY: &[Mode] = &[Mode::Why];
const INBOX: &[Mode] = &[Mode::Inbox];
const INBOX_NAME: &[Mode] = &[Mode::InboxName];
const INBOX_WHO: &[Mode] = &[Mode::InboxWho];
const INBOX_ASK: &[Mode] = &[Mode::InboxAsk];
const HELP: &[Mode] = &[Mode::Help];
const NO_HELP: &[Mode] = &[
    Mode::Panes,
    Mode::EnrolName,
    Mode::EnrolShot,
    Mode::Mark,
    Mode::Remove,
    Mode::Challenge,
    Mode::Why,
    Mode::Inbox,
    Mode::InboxName,
    Mode::InboxWho,
    Mode::InboxAsk,
];

/// The keymap. The order is that of the hints and of the help.
pub const BINDINGS: &[Binding] = &[
    bind(PANES, &[Key::char('e')], Action::Enrol, Some("enrol"), "enrol somebody from the live picture"),
    bind(
        PANES,
        &[Key::char('a')],
        Action::AddPicture,
        Some("add picture"),
        "add a picture to the selected person",
    ),
    bind(
        PANES,
        &[Key::char('m')],
        Action::Mark,
        Some("mark"),
        "mark the selected person as present or left, with a note",
    ),
    bind(
        PANES,
        &[Key::char('d'), Key::plain(KeyCode::Delete)],
        Action::Remove,
        Some("remove"),
        "end the selected person's enrolment; asks first",
    ),
    bind(
        PANES,
        &[Key::char('c')],
        Action::Challenge,
        Some("challenge"),
        "ask whoever is before the camera to blink or turn; nothing is written",
    ),
    bind(
        PANES,
        &[Key::char('w')],
        Action::Why,
        None,
        "say why the selected line of the log says what it says",
    ),
    bind(PANES, &[Key::char('i')], Action::Inbox, Some("inbox"), "open the inbox: who came and is not known"),
    bind(PANES, &[Key::char('p')], Action::Pause, Some("pause"), "pause the source, or go on"),
    bind(
        PANES,
        &[Key::plain(KeyCode::Tab), Key::char('l'), Key::plain(KeyCode::Right)],
        Action::Next,
        Some("next pane"),
        "go to the next pane",
    ),
    bind(
        PANES,
        &[Key::plain(KeyCode::BackTab), Key::char('h'), Key::plain(KeyCode::Left)],
        Action::Previous,
        None,
        "go to the previous pane",
    ),
    bind(
        INBOX,
        &[Key::plain(KeyCode::Enter)],
        Action::Confirm,
        Some("enrol"),
        "enrol as a new person; of one who is known by now, add the passages to the record",
    ),
    bind(
        INBOX,
        &[Key::char('a')],
        Action::AddPicture,
        Some("add to a person"),
        "add the picture to somebody on the roster",
    ),
    bind(
        INBOX,
        &[Key::char('d'), Key::plain(KeyCode::Delete)],
        Action::Remove,
        Some("discard"),
        "discard the item; asks first",
    ),
    bind(LISTS, &[Key::char('k'), Key::plain(KeyCode::Up)], Action::Up, None, "one line up"),
    bind(LISTS, &[Key::char('j'), Key::plain(KeyCode::Down)], Action::Down, Some("down"), "one line down"),
    bind(LISTS, &[Key::plain(KeyCode::PageUp), Key::ctrl('b')], Action::PageUp, None, "one page up"),
    bind(LISTS, &[Key::plain(KeyCode::PageDown), Key::ctrl('f')], Action::PageDown, None, "one page down"),
    bind(
        LISTS,
        &[Key::char('g'), Key::plain(KeyCode::Home)],
        Action::First,
        None,
        "to the first line; in the log, follow what happens",
    ),
    bind(LISTS, &[Key::char('G'), Key::plain(KeyCode::End)], Action::Last, None, "to the last line"),
    bind(PANES, &[Key::ctrl('l')], Action::Redraw, None, "draw the whole screen again"),
    bind(
        NAME,
        &[Key::plain(KeyCode::Enter)],
        Action::Confirm,
        Some("take a picture"),
        "go on and take a picture",
    ),
    bind(
        NAME,
        &[Key::plain(KeyCode::Tab), Key::plain(KeyCode::Down)],
        Action::Next,
        Some("other field"),
        "go to the other field",
    ),
    bind(
        NAME,
        &[Key::plain(KeyCode::BackTab), Key::plain(KeyCode::Up)],
        Action::Previous,
        None,
        "go back to the other field",
    ),
    bind(
        SHOT,
        &[Key::plain(KeyCode::Enter)],
        Action::Confirm,
        Some("enrol"),
        "enrol the person with this picture",
    ),
    bind(SHOT, &[Key::char(' '), Key::char('r')], Action::Shoot, Some("retake"), "take another picture"),
    bind(
        SHOT,
        &[Key::plain(KeyCode::Backspace)],
        Action::Back,
        Some("name"),
        "go back to the name and the identifier",
    ),
    bind(MARK, &[Key::plain(KeyCode::Enter)], Action::Confirm, Some("save"), "save the mark"),
    bind(
        MARK,
        &[Key::plain(KeyCode::Tab), Key::plain(KeyCode::Down)],
        Action::Next,
        Some("present / left"),
        "change between present and left",
    ),
    bind(
        MARK,
        &[Key::plain(KeyCode::BackTab), Key::plain(KeyCode::Up)],
        Action::Previous,
        None,
        "change between present and left",
    ),
    bind(REMOVE, &[Key::char('y')], Action::Confirm, Some("end the enrolment"), "end the enrolment"),
    bind(
        REMOVE,
        &[Key::plain(KeyCode::Esc), Key::char('n')],
        Action::Cancel,
        Some("keep"),
        "keep the person",
    ),
    bind(
        INBOX_NAME,
        &[Key::plain(KeyCode::Enter)],
        Action::Confirm,
        Some("enrol"),
        "enrol with the picture of the item",
    ),
    bind(
        INBOX_NAME,
        &[Key::plain(KeyCode::Tab), Key::plain(KeyCode::Down)],
        Action::Next,
        Some("other field"),
        "go to the other field",
    ),
    bind(
        INBOX_NAME,
        &[Key::plain(KeyCode::BackTab), Key::plain(KeyCode::Up)],
        Action::Previous,
        None,
        "go back to the other field",
    ),
    bind(
        INBOX_WHO,
        &[Key::plain(KeyCode::Enter)],
        Action::Confirm,
        Some("add"),
        "add the picture to the selected person",
    ),
    bind(
        INBOX_WHO,
        &[Key::plain(KeyCode::Down), Key::plain(KeyCode::Tab)],
        Action::Down,
        Some("next"),
        "to the next person that fits what is typed",
    ),
    bind(
        INBOX_WHO,
        &[Key::plain(KeyCode::Up), Key::plain(KeyCode::BackTab)],
        Action::Up,
        None,
        "to the previous person",
    ),
    bind(INBOX_ASK, &[Key::char('y')], Action::Confirm, Some("yes"), "do it"),
    bind(INBOX_ASK, &[Key::plain(KeyCode::Esc), Key::char('n')], Action::Cancel, Some("no"), "leave it"),
    bind(
        &[Mode::InboxName, Mode::InboxWho],
        &[Key::plain(KeyCode::Esc)],
        Action::Cancel,
        Some("back"),
        "go back to the list",
    ),
    bind(
        INBOX,
        &[Key::plain(KeyCode::Esc), Key::char('q'), Key::char('i')],
        Action::Cancel,
        Some("close"),
        "close the inbox",
    ),
    bind(
        &[Mode::EnrolName, Mode::EnrolShot, Mode::Mark],
        &[Key::plain(KeyCode::Esc)],
        Action::Cancel,
        Some("cancel"),
        "close without saving",
    ),
    bind(
        CHALLENGE,
        &[Key::char('c'), Key::char(' ')],
        Action::Challenge,
        Some("begin again"),
        "begin again, with other tasks",
    ),
    bind(CHALLENGE, &[Key::plain(KeyCode::Esc)], Action::Cancel, Some("close"), "close the challenge"),
    bind(
        WHY,
        &[Key::plain(KeyCode::Esc), Key::char('q'), Key::char('w')],
        Action::Cancel,
        Some("close"),
        "close the explanation",
    ),
    bind(
        HELP,
        &[Key::plain(KeyCode::Esc), Key::char('q'), Key::char('?'), Key::plain(KeyCode::F(1))],
        Action::Cancel,
        Some("close"),
        "close the help",
    ),
    bind(PANES, &[Key::char('?')], Action::Help, Some("help"), "show this help"),
    bind(NO_HELP, &[Key::plain(KeyCode::F(1))], Action::Help, None, "show this help, also in a prompt"),
    bind(PANES, &[Key::char('q')], Action::Quit, Some("quit"), "quit"),
    bind(&Mode::ALL, &[Key::ctrl('c')], Action::Quit, None, "quit, from anywhere"),
];

/// Why a list of bindings cannot be a keymap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// One key does two things.
    #[error("the key {key} is bound twice in the mode {mode:?}: to {first:?} and to {second:?}; keep one")]
    Clash {
        /// Where.
        mode: Mode,
        /// Which key.
        key: String,
        /// What it does.
        first: Action,
        /// What it is also to do.
        second: Action,
    },
    /// A bare character is bound where text is written.
    #[error("the key {key} is bound in the mode {mode:?}, where it is text; bind it with ctrl or not at all")]
    Text {
        /// Where.
        mode: Mode,
        /// Which key.
        key: String,
    },
}

/// Bindings that do not clash.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: &'static [Binding],
    actions: HashMap<(Mode, Key), Action>,
}

impl Keymap {
    /// The keymap over `bindings`.
    ///
    /// # Errors
    /// [`KeymapError`] with the key, where one is bound twice in a mode or would swallow text.
    pub fn new(bindings: &'static [Binding]) -> Result<Self, KeymapError> {
        let mut actions = HashMap::new();
        for binding in bindings {
            for (mode, key) in binding.modes.iter().flat_map(|m| binding.keys.iter().map(|k| (*m, *k))) {
                if mode.takes_text() && key.is_text() {
                    return Err(KeymapError::Text { mode, key: key.to_string() });
                }
                if let Some(first) = actions.insert((mode, key), binding.action) {
                    let second = binding.action;
                    return Err(KeymapError::Clash { mode, key: key.to_string(), first, second });
                }
            }
        }
        Ok(Self { bindings, actions })
    }

    /// What `key` does in `mode`.
    pub fn action(&self, mode: Mode, key: Key) -> Option<Action> {
        self.actions.get(&(mode, key)).copied()
    }

    /// The bindings of `mode`, in order.
    pub fn of(&self, mode: Mode) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.modes.contains(&mode))
    }

    /// Key and word for the bar of hints of `mode`, in order.
    pub fn hints(&self, mode: Mode) -> impl Iterator<Item = (String, &'static str)> {
        self.of(mode).filter_map(|b| Some((b.keys.first()?.to_string(), b.hint?)))
    }

    /// The lines of the help: for each mode a heading (no keys), then keys and description.
    pub fn help(&self) -> Vec<(String, &'static str)> {
        let mut lines = Vec::new();
        for mode in Mode::ALL {
            if !lines.is_empty() {
                lines.push((String::new(), ""));
            }
            lines.push((String::new(), mode.title()));
            for binding in self.of(mode) {
                let keys: Vec<String> = binding.keys.iter().map(Key::to_string).collect();
                lines.push((keys.join("  "), binding.description));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests;
