//! What comes to the model and what it asks for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use zeroize::Zeroizing;

use super::dialog::inbox::InboxAsked;
use super::graphics::encode::Encoded;
use super::kept::Kept;
use super::kiosk::Sound;
use super::line::Detail;
use crate::attendance::{PersonId, PersonName, PresenceState};
use crate::engine::handle::Snapshot;
use crate::engine::state::{Preview, PreviewRequest};
use crate::engine::{Command, CommandError, EngineEvent, LogEntry, NamedEntry, Reply};
use crate::ledger::Sequence;

/// Something the model hears of.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are taken one by one, and most of the large ones are entries"
)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// What time it is.
    Tick(DateTime<Utc>),
    /// Something happened in the engine.
    Engine(EngineEvent),
    /// What is so now, and the newest small picture.
    State(Snapshot, Arc<Option<Preview>>),
    /// The answer to a command.
    Reply(Purpose, Box<Result<Reply, CommandError>>),
    /// Entries that were asked for, in any order.
    Log(LogQuery, Vec<LogEntry>),
    /// An entry that was asked for whole; none where it cannot be read.
    Explained(DialogId, Option<Box<NamedEntry>>),
    /// Why an entry says what it says is not for who asked.
    NotExplained(DialogId, CommandError),
    /// A line of the palette has run.
    Ran(DialogId, Ran),
    /// The picture as the terminal takes it.
    Encoded(Encoded),
    /// How much the line bears, and how many bytes a second it carries.
    Line(LineState),
    /// What a line of the palette has printed so far.
    Printed(DialogId, String),
    /// How far a line of the palette is: so many of so many.
    Progress(DialogId, usize, usize),
    /// Whether the PIN of the kiosk view was the right one.
    PinChecked(bool),
    /// Entries that were asked for will not come; they can be asked for again.
    LogRefused(LogQuery),
    /// The log could not be read for it.
    LogUnread(LogQuery, CommandError),
}

/// Names a dialog, so that the answer to one that was closed is not taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DialogId(pub u64);

/// How the line to the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineState {
    /// How much it bears.
    pub detail: Detail,
    /// What it carries; none where nobody counts.
    pub bytes_per_second: Option<u64>,
}

impl Default for LineState {
    fn default() -> Self {
        Self { detail: Detail::Full, bytes_per_second: None }
    }
}

/// What came of a line that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it printed.
    pub text: String,
    /// Whether it did what it was asked.
    pub succeeded: bool,
}

/// What runs that was started from the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Whose output it is.
    pub id: DialogId,
    /// When it began.
    pub began: DateTime<Utc>,
    /// So many of so many, where it says so.
    pub progress: Option<(usize, usize)>,
    /// Whether it was asked to end.
    pub is_ending: bool,
}

impl Running {
    /// How far it is, and the time left where enough is done to say it.
    pub fn words(&self, now: DateTime<Utc>) -> String {
        let Some((done, total)) = self.progress else {
            return if self.is_ending { "ending …".to_owned() } else { "running …".to_owned() };
        };
        let mut words = format!("{done} of {total}");
        let spent = (now - self.began).num_seconds();
        if self.is_ending {
            words += ", ending …";
        } else if done > 0 && done < total && spent >= 2 {
            let left = spent as f64 * (total - done) as f64 / done as f64;
            words += &match left as u64 {
                seconds @ 0..60 => format!(", {} s left", seconds.max(1)),
                seconds => format!(", {} min left", seconds.div_ceil(60)),
            };
        }
        words
    }
}

/// Why a command was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A shot for the enrolment prompt.
    Shot(DialogId),
    /// To enrol.
    Enrol(DialogId, PersonName),
    /// To try the shots of the enrolment prompt on the live picture.
    ShotTest(DialogId),
    /// To end a run of shots that nobody waits for; what comes back is not looked at.
    LetGo,
    /// To see whether somebody who was just enrolled is recognised.
    SelfTest(PersonName),
    /// To mark somebody.
    Mark(DialogId, PersonName, PresenceState),
    /// To take the last mark back.
    Undo(PersonName, PresenceState),
    /// To end an enrolment.
    Remove(DialogId, PersonName),
    /// For the inbox.
    Inbox(DialogId, InboxAsked),
    /// To begin or close a challenge.
    Challenge(DialogId),
    /// For the detail pane.
    Detail(PersonId),
    /// For a dialog about sessions, excuses, corrections or months.
    Attendance(DialogId),
    /// A day, for a dialog.
    Day(DialogId),
    /// To come in by an identifier.
    CheckIn,
    /// To pause the sources, or to go on.
    Pause(bool),
    /// To look at another source.
    Look(String),
    /// For what waits until another admin confirms it.
    Approvals,
    /// To decide about one of them; in a word, how.
    Approve(DialogId, &'static str),
}

/// Which entries of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogQuery {
    /// Before this one, newest first.
    Before(Sequence),
    /// After this one, oldest first.
    Since(Sequence),
    /// All from one time until another.
    Between(DateTime<Utc>, DateTime<Utc>),
}

/// Entries that are asked for at a time.
pub const LOG_PAGE: usize = 200;

/// Something the model asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command.
    Send(Command, Purpose),
    /// Fetch [`LOG_PAGE`] entries.
    LoadLog(LogQuery),
    /// Fetch an entry whole, for a dialog that explains it.
    Explain(DialogId, Sequence),
    /// Say what size of preview fits; none where no pane shows it.
    RequestPreview(Option<PreviewRequest>),
    /// Run a line of the palette.
    Run(DialogId, String),
    /// End the line of the palette that runs.
    StopRunning,
    /// Say whether this is the PIN of the kiosk view.
    CheckPin(Zeroizing<String>),
    /// Make a sound.
    Ring(Sound),
    /// Remember this for the next run.
    Keep(Kept),
    /// Stop the process until somebody lets it go on.
    Suspend,
    /// Write every cell again.
    Redraw,
    /// End, after a question where others use this engine.
    Quit,
    /// End.
    Leave,
}
