//! Every key of every mode, as data: what is looked up when a key comes, what the bar of hints and
//! the help show, and what the tests walk through.

mod action;
mod file;
mod key;

use std::collections::HashMap;
use std::path::PathBuf;

pub use action::Action;
pub use file::KeymapFile;
pub use key::Key;

use file::Placed;

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
    /// The help, while a search is written.
    HelpSearch,
    /// A filter, while it is written.
    Filter,
    /// The palette.
    Palette,
    /// The output of a subcommand.
    Output,
    /// The roll call.
    RollCall,
    /// The numbers.
    Stats,
    /// The sessions.
    Sessions,
    /// The sessions, while one is opened.
    SessionOpen,
    /// The sessions, while a question is asked.
    SessionAsk,
    /// The correction of an entry.
    Correct,
    /// The excuse.
    Excuse,
    /// A month at a glance.
    Month,
    /// What waits until another admin confirms it.
    Approvals,
    /// The question before a screen ends whose engine others use.
    Leave,
    /// The kiosk view.
    Kiosk,
    /// The kiosk view, while its PIN is typed.
    KioskPin,
    /// The kiosk view, while an identifier or its PIN is typed.
    KioskEntry,
}

impl Mode {
    /// All of them, in the order of the help.
    pub const ALL: [Mode; 29] = [
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
        Mode::HelpSearch,
        Mode::Filter,
        Mode::Palette,
        Mode::Output,
        Mode::RollCall,
        Mode::Stats,
        Mode::Sessions,
        Mode::SessionOpen,
        Mode::SessionAsk,
        Mode::Correct,
        Mode::Excuse,
        Mode::Month,
        Mode::Approvals,
        Mode::Leave,
        Mode::Kiosk,
        Mode::KioskPin,
        Mode::KioskEntry,
    ];

    /// What it is called in a keymap.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Panes => "panes",
            Mode::EnrolName => "enrol-name",
            Mode::EnrolShot => "enrol-shot",
            Mode::Mark => "mark",
            Mode::Remove => "remove",
            Mode::Challenge => "challenge",
            Mode::Why => "why",
            Mode::Inbox => "inbox",
            Mode::InboxName => "inbox-name",
            Mode::InboxWho => "inbox-who",
            Mode::InboxAsk => "inbox-ask",
            Mode::Help => "help",
            Mode::HelpSearch => "help-search",
            Mode::Filter => "filter",
            Mode::Palette => "palette",
            Mode::Output => "output",
            Mode::RollCall => "roll-call",
            Mode::Stats => "stats",
            Mode::Sessions => "sessions",
            Mode::SessionOpen => "session-open",
            Mode::SessionAsk => "session-ask",
            Mode::Correct => "correct",
            Mode::Excuse => "excuse",
            Mode::Month => "month",
            Mode::Approvals => "approvals",
            Mode::Leave => "leave",
            Mode::Kiosk => "kiosk",
            Mode::KioskPin => "kiosk-pin",
            Mode::KioskEntry => "kiosk-entry",
        }
    }

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
            Mode::HelpSearch => "This help: a search",
            Mode::Filter => "Filter of a pane",
            Mode::Palette => "Palette",
            Mode::Output => "What a subcommand printed",
            Mode::RollCall => "Roll call",
            Mode::Stats => "Numbers",
            Mode::Sessions => "Sessions",
            Mode::SessionOpen => "Sessions: open one",
            Mode::SessionAsk => "Sessions: close one",
            Mode::Correct => "Correction of an entry",
            Mode::Excuse => "Excuse",
            Mode::Month => "A month at a glance",
            Mode::Approvals => "What another admin confirms",
            Mode::Leave => "Quitting while others are attached",
            Mode::Kiosk => "Kiosk view",
            Mode::KioskPin => "Kiosk view: the PIN",
            Mode::KioskEntry => "Kiosk view: an identifier",
        }
    }

    /// Whether characters are text here, so that no bare character may be bound.
    pub fn takes_text(self) -> bool {
        matches!(
            self,
            Mode::EnrolName
                | Mode::Mark
                | Mode::InboxName
                | Mode::InboxWho
                | Mode::HelpSearch
                | Mode::SessionOpen
                | Mode::Correct
                | Mode::Excuse
                | Mode::Filter
                | Mode::Palette
                | Mode::KioskPin
                | Mode::KioskEntry
        )
    }

    /// Whether anybody may be at the keys: what holds everywhere does not hold here.
    pub fn is_guarded(self) -> bool {
        matches!(self, Mode::Kiosk | Mode::KioskPin | Mode::KioskEntry)
    }
}

/// Some keys of some modes, what they do, and how that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where they hold.
    pub modes: Vec<Mode>,
    /// The keys; the first is the one in the bar of hints. None where somebody wants none.
    pub keys: Vec<Key>,
    /// What they do.
    pub action: Action,
    /// For the help.
    pub description: String,
    /// For the bar of hints; none where the key is not shown there.
    pub hint: Option<String>,
}

/// Why a keymap cannot be used. Each names the file and its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// It is not TOML of a keymap.
    #[error("{place}: {detail}")]
    Syntax {
        /// File and line.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// A word that is none of those there are.
    #[error("{place}: there is no {what} `{word}`{hint}")]
    Unknown {
        /// File and line.
        place: String,
        /// mode, action or key
        what: &'static str,
        /// What was written.
        word: String,
        /// What may have been meant.
        hint: String,
    },
    /// An action that a mode does not have.
    #[error("{place}: `{action}` does nothing in the mode `{mode}`; `muster keys` shows what each mode has")]
    NotThere {
        /// File and line.
        place: String,
        /// Which action.
        action: Action,
        /// Where.
        mode: &'static str,
    },
    /// One key does two things.
    #[error(
        "{place}: the key {key} is bound twice in the mode `{mode}`: to `{first}` and to `{second}`; keep one, or bind the other \
         to another key or to none with keys = []"
    )]
    Clash {
        /// File and line of the later binding.
        place: String,
        /// Where.
        mode: &'static str,
        /// Which key.
        key: String,
        /// What it does.
        first: Action,
        /// What it is also to do.
        second: Action,
    },
    /// A bare character is bound where text is written.
    #[error(
        "{place}: the key {key} is bound in the mode `{mode}`, where it is text; bind it with ctrl or alt, or not at all"
    )]
    Text {
        /// File and line.
        place: String,
        /// Where.
        mode: &'static str,
        /// Which key.
        key: String,
    },
    /// Nothing would lead out.
    #[error(
        "{place}: no key is left for `{action}` in the mode `{mode}`, and nothing else would lead out of it"
    )]
    NoWayOut {
        /// File and line.
        place: String,
        /// What is missing.
        action: Action,
        /// Where.
        mode: &'static str,
    },
}

/// Bindings that do not clash.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
    actions: HashMap<(Mode, Key), Action>,
}

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// The keys; empty in a heading and in the line before one.
    pub keys: String,
    /// What they do, or the heading.
    pub words: String,
    /// The action's name in a keymap; empty in a heading.
    pub action: &'static str,
}

impl Keymap {
    /// The keys as they are without a keymap of one's own.
    ///
    /// # Errors
    /// None, which a test shows; a file that is part of the program says what is wrong with it like any other.
    pub fn built_in() -> Result<Self, KeymapError> {
        Self::new(
            &KeymapFile { path: PathBuf::from("the built-in keymap"), text: file::DEFAULT.to_owned() },
            None,
        )
    }

    /// The built-in keys with what `user` changes.
    ///
    /// # Errors
    /// [`KeymapError`] with the file and its line.
    pub fn with_user(user: &KeymapFile) -> Result<Self, KeymapError> {
        let built_in =
            KeymapFile { path: PathBuf::from("the built-in keymap"), text: file::DEFAULT.to_owned() };
        Self::new(&built_in, Some(user))
    }

    fn new(built_in: &KeymapFile, user: Option<&KeymapFile>) -> Result<Self, KeymapError> {
        let mut lines = file::read(built_in)?;
        if let Some(user) = user {
            file::lay_over(&mut lines, file::read(user)?)?;
        }
        let mut actions = HashMap::new();
        // What the user wrote comes last, so that a clash is said of their line.
        let (own, others): (Vec<&Placed>, Vec<&Placed>) = lines.iter().partition(|line| line.is_own);
        for line in others.into_iter().chain(own) {
            take_line(line, &mut actions)?;
        }
        for line in lines.iter().filter(|line| line.binding.keys.is_empty()) {
            let ways: &[Action] = match line.binding.action {
                Action::Quit => &[Action::Quit],
                Action::Cancel => &[Action::Cancel],
                _ => continue,
            };
            for mode in &line.binding.modes {
                let leads_out =
                    actions.iter().any(|((held, _), action)| held == mode && ways.contains(action));
                if !leads_out {
                    let (place, action) = (line.place.clone(), line.binding.action);
                    return Err(KeymapError::NoWayOut { place, action, mode: mode.name() });
                }
            }
        }
        Ok(Self { bindings: lines.into_iter().map(|line| line.binding).collect(), actions })
    }

    /// What `key` does in `mode`.
    pub fn action(&self, mode: Mode, key: Key) -> Option<Action> {
        self.actions.get(&(mode, key)).copied()
    }

    /// Every binding, in order.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The bindings of `mode`, in order.
    pub fn of(&self, mode: Mode) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.modes.contains(&mode))
    }

    /// Key and word for the bar of hints of `mode`, in order.
    pub fn hints(&self, mode: Mode) -> impl Iterator<Item = (String, &str)> {
        self.of(mode).filter_map(|b| Some((b.keys.first()?.to_string(), b.hint.as_deref()?)))
    }

    /// The first key of `action` in `mode`, for sentences that name it.
    pub fn key_of(&self, mode: Mode, action: Action) -> Option<Key> {
        self.of(mode)
            .filter(|binding| binding.action == action)
            .find_map(|binding| binding.keys.first().copied())
    }

    /// The lines of the help: for each mode a heading (no keys), then keys and description. Only those that
    /// have every word of `filter` in keys, description, action or heading; a heading with nothing under it is left out.
    pub fn help(&self, filter: &str) -> Vec<HelpLine> {
        let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
        let mut lines = Vec::new();
        for mode in Mode::ALL {
            let fits = |line: &HelpLine| {
                let text = format!("{} {} {} {}", line.keys, line.words, line.action, mode.title());
                let text = text.to_lowercase();
                words.iter().all(|word| text.contains(word))
            };
            let of_mode: Vec<HelpLine> = self
                .of(mode)
                .filter(|binding| !binding.keys.is_empty())
                .map(|binding| {
                    let keys: Vec<String> = binding.keys.iter().map(Key::to_string).collect();
                    let words = binding.description.clone();
                    HelpLine { keys: keys.join("  "), words, action: binding.action.name() }
                })
                .filter(fits)
                .collect();
            if of_mode.is_empty() {
                continue;
            }
            let heading = |words: &str| HelpLine { keys: String::new(), words: words.to_owned(), action: "" };
            if !lines.is_empty() {
                lines.push(heading(""));
            }
            lines.push(heading(mode.title()));
            lines.extend(of_mode);
        }
        lines
    }
}

/// Takes the keys of a line, where they are free and no text.
fn take_line(line: &Placed, actions: &mut HashMap<(Mode, Key), Action>) -> Result<(), KeymapError> {
    let action = line.binding.action;
    for mode in line.binding.modes.iter().copied() {
        for key in line.binding.keys.iter().copied() {
            let (place, mode_name) = (line.place.clone(), mode.name());
            if mode.takes_text() && key.is_text() {
                return Err(KeymapError::Text { place, mode: mode_name, key: key.to_string() });
            }
            if let Some(first) = actions.insert((mode, key), action) {
                let (key, second) = (key.to_string(), action);
                return Err(KeymapError::Clash { place, mode: mode_name, key, first, second });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
