//! What a key can ask for.

use std::fmt;

/// Declares the actions with their names, so that no list of them can miss one.
macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a key asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Action] = &[$(Action::$variant),*];

            /// What it is called in a keymap and in the palette.
            pub fn name(self) -> &'static str {
                match self {
                    $(Action::$variant => $name,)*
                }
            }
        }
    };
}

actions! {
    /// One line up.
    Up = "up",
    /// One line down.
    Down = "down",
    /// One pane's height up.
    PageUp = "page-up",
    /// One pane's height down.
    PageDown = "page-down",
    /// Half of a pane's height up.
    HalfUp = "half-up",
    /// Half of a pane's height down.
    HalfDown = "half-down",
    /// To the first line.
    First = "first",
    /// To the last line.
    Last = "last",
    /// To the next pane or field.
    Next = "next",
    /// To the previous pane or field.
    Previous = "previous",
    /// Opens the enrolment prompt.
    Enrol = "enrol",
    /// Opens the enrolment prompt for a further picture of the selected person.
    AddPicture = "add-picture",
    /// Opens the manual mark for the selected person.
    Mark = "mark",
    /// Asks whether the selected person's enrolment shall end.
    Remove = "remove",
    /// Begins a challenge, or another one.
    Challenge = "challenge",
    /// Says why the selected line of the log says what it says.
    Why = "why",
    /// Opens the inbox.
    Inbox = "inbox",
    /// Shows the kiosk view.
    Kiosk = "kiosk",
    /// Asks for the PIN that the kiosk view is left with.
    Leave = "leave",
    /// Shows what is known of the selected person, alone.
    Detail = "detail",
    /// Opens the roll call.
    RollCall = "roll-call",
    /// Opens the numbers.
    Stats = "stats",
    /// Opens the sessions.
    Sessions = "sessions",
    /// Opens the prompt that opens a session.
    OpenSession = "open-session",
    /// Asks whether the session shall be closed.
    CloseSession = "close-session",
    /// Opens the correction of the selected line of the log.
    Correct = "correct",
    /// Opens the excuse of the selected person.
    Excuse = "excuse",
    /// Opens what waits until another admin confirms it.
    Approvals = "approvals",
    /// Says no to it.
    Refuse = "refuse",
    /// Opens a month at a glance.
    Month = "month",
    /// Puts the roster into another order.
    Sort = "sort",
    /// Groups the roster by where people are, or not.
    Group = "group",
    /// Shows the log of the selected person alone.
    OnlyPerson = "only-person",
    /// Looks at the next source.
    OtherSource = "other-source",
    /// Stops or continues the sources.
    Pause = "pause",
    /// Draws everything again.
    Redraw = "redraw",
    /// Takes a shot.
    Shoot = "shoot",
    /// Goes back to the name.
    Back = "back",
    /// Goes on: saves, or takes the first shot.
    Confirm = "confirm",
    /// Says that whoever is before the camera was asked and agrees.
    Agree = "agree",
    /// Completes what is written.
    Complete = "complete",
    /// Ends what runs.
    Stop = "stop",
    /// Closes the dialog; nothing is saved.
    Cancel = "cancel",
    /// Writes what is searched for.
    Filter = "filter",
    /// Opens what the selected line is about.
    Open = "open",
    /// Opens the palette.
    Palette = "palette",
    /// To an older line of the history.
    Older = "older",
    /// To a newer line of the history.
    Newer = "newer",
    /// Gives the pane the whole screen, or gives it back.
    Zoom = "zoom",
    /// Hides the pane.
    Hide = "hide",
    /// Shows every pane, where the size suggests.
    ShowAll = "show-all",
    /// Makes the pane wider.
    Wider = "wider",
    /// Makes the pane narrower.
    Narrower = "narrower",
    /// Makes the pane taller.
    Taller = "taller",
    /// Makes the pane shorter.
    Shorter = "shorter",
    /// Takes the last mark or pause back.
    Undo = "undo",
    /// Stops the process until somebody lets it go on.
    Suspend = "suspend",
    /// Opens the help.
    Help = "help",
    /// Gives the terminal back and ends.
    Quit = "quit",
}

impl Action {
    /// The action called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
