//! What goes over the link after the handshake. All of it is plain data.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::engine::event::{EngineEvent, LogEntry, NamedEntry};
use crate::engine::inbox::InboxState;
use crate::engine::state::{LiveState, Preview, PreviewRequest, RosterState, ThresholdState};
use crate::engine::{Command, CommandError, Reply};
use crate::face::PicturePolicy;
use crate::inference::MatchingFacts;
use crate::ledger::Sequence;

/// The longest message of a client that may enrol, in bytes: pictures of one enrolment, or a roster.
pub const LONGEST_OF_OPERATORS: u32 = 256 << 20;
/// The longest message of a client that may only look.
pub const LONGEST_OF_OBSERVERS: u32 = 64 << 10;
/// The longest message of an engine.
pub const LONGEST_OF_ENGINES: u32 = 1 << 30;
/// Entries in one piece of a page.
pub const PIECE: usize = 1_024;

/// Pairs an answer with what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// It asks.
    Ask(CallId, Asked),
    /// It can show pictures of at most this, or wants none.
    Preview(Option<PreviewRequest>),
}

/// What can be asked: what an engine's handle can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asked {
    /// A command.
    Command(Command),
    /// A page of the log after a sequence, oldest first.
    EntriesSince(Sequence, u64),
    /// A page of the log before a sequence, newest first.
    EntriesBefore(Sequence, u64),
    /// Entries with all their parts, after a sequence, oldest first.
    WholeEntriesSince(Sequence, u64),
    /// All that is known of the threshold; the facts are for an engine without nets.
    Threshold(MatchingFacts),
    /// All of the log from one time until another, oldest first.
    EntriesBetween(DateTime<Utc>, DateTime<Utc>),
    /// The same with their corrections, and with all that speaks of the span, by sequence.
    RecordsBetween(DateTime<Utc>, DateTime<Utc>),
    /// Those of them that speak of another time than their own, by sequence.
    HeldBetween(DateTime<Utc>, DateTime<Utc>),
}

/// What every client is told of the site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Site {
    /// What stands in the bar of a screen.
    pub title: String,
    /// The part of the engine's configuration that says how things are shown, as TOML: the site's zone and
    /// days, and its rules of attendance. For clients that may read no file.
    pub configuration: String,
    /// What the words about a threshold reckon with; not for observers.
    pub recognition: Option<Recognition>,
}

/// How templates are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recognition {
    /// That part of the engine's configuration, as TOML.
    pub configuration: String,
    /// What the embedding card says.
    pub facts: MatchingFacts,
}

impl Site {
    /// What `role` is told of it.
    pub fn for_role(&self, role: Option<Role>) -> Cow<'_, Self> {
        match (role, &self.recognition) {
            (Some(Role::Operator | Role::Admin), _) | (_, None) => Cow::Borrowed(self),
            (Some(Role::Observer) | None, Some(_)) => Cow::Owned(Self { recognition: None, ..self.clone() }),
        }
    }
}

/// What an engine says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "it is made and read where it stands, one at a time")]
pub enum ToClient<'a> {
    /// First: the site, and whether pictures are given.
    Site(Cow<'a, Site>, PicturePolicy),
    /// What the client may do.
    Role(Option<Role>),
    /// What is different with every frame.
    Live(Cow<'a, LiveState>),
    /// What is different with every record.
    Roster(Cow<'a, RosterState>),
    /// People whom the gallery does not know.
    Inbox(Cow<'a, InboxState>),
    /// The newest small picture.
    Preview(Option<Cow<'a, Preview>>),
    /// All of the state has been said.
    Ready,
    /// Something happened.
    Event(EngineEvent),
    /// An answer, or a piece of one.
    Answer(CallId, Answer),
    /// The engine closes the connection for good, and why.
    Bye(String),
}

/// What came of something that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "it is made and read where it stands, one at a time")]
pub enum Answer {
    /// The reply to a command.
    Reply(Result<Reply, CommandError>),
    /// Entries; more pieces follow where it says so.
    Page(Result<Vec<LogEntry>, CommandError>, Follows),
    /// Entries with all their parts; more pieces follow where it says so.
    Whole(Result<Vec<NamedEntry>, CommandError>, Follows),
    /// What is known of the threshold.
    Threshold(Result<ThresholdState, CommandError>),
}

/// Whether a piece is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Follows {
    /// Another piece of the same answer comes.
    More,
    /// The answer is whole.
    Nothing,
}

impl Answer {
    /// In pieces of at most [`PIECE`] entries, so that state and events go between them.
    pub fn pieces(self) -> Vec<Self> {
        match self {
            Self::Page(Ok(entries), _) if entries.len() > PIECE => cut(entries, Self::Page),
            Self::Whole(Ok(entries), _) if entries.len() > PIECE => cut(entries, Self::Whole),
            whole => vec![whole],
        }
    }
}

fn cut<T>(entries: Vec<T>, answer: fn(Result<Vec<T>, CommandError>, Follows) -> Answer) -> Vec<Answer> {
    let mut left = entries.len().div_ceil(PIECE);
    let mut entries = entries.into_iter();
    std::iter::from_fn(|| {
        left = left.checked_sub(1)?;
        let follows = if left > 0 { Follows::More } else { Follows::Nothing };
        Some(answer(Ok(entries.by_ref().take(PIECE).collect()), follows))
    })
    .collect()
}
