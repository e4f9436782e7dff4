//! The engine thread: the one owner of gallery, roster, tracks and presence. It never blocks on a
//! send; what finds no room waits in a counted backlog.

mod access;
mod applied;
mod approvals;
mod attending;
pub(super) mod beginning;
mod best_shots;
mod challenge;
mod commands;
mod commit_queue;
mod commits;
mod consent;
mod crops;
mod door;
mod enrolling;
mod enrolment;
mod erasing;
mod exporting;
mod hooks;
mod hosting;
mod inbox;
mod live;
mod looking_up;
pub(super) mod noting;
mod observe;
mod operators;
mod register;
mod retention;
mod session_views;
mod sessions;
mod sources;
mod storing;
#[cfg(test)]
mod tests;
mod threshold;
mod unsaved;
mod unsure;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use crossbeam_channel::{Receiver, Sender, never, select};

use crate::access::{Operator, OperatorId};
use crate::attendance::report::Day;
use crate::attendance::statement::{Statement, held, presence_records};
use crate::attendance::time::ClockWatch;
use crate::attendance::{AttendancePolicy, PersonId, Presence, PresenceState, Roster};
use crate::capture::Pace;
use crate::face::{EmbeddingSpace, TemplateId};
use crate::identify::Gallery;
use crate::identify::gallery::Undecided;
use crate::inference::AnalyserFacts;
use crate::ledger::{Actor, ClockState, Entry, EntryDraft, EntryId, EntryKind, Parts};
#[cfg(test)]
use crate::store::Change;
use crate::store::StoreError;
use crate::track::{Jury, TrackId};

use super::command::{Reply, ShotId};
use super::environment::{Calendar, Clock, Entropy, moment};
use super::event::EngineEvent;
use super::handle::{Board, Call};
use super::search::Searcher;
use super::settings::EngineSettings;
use super::state::{InferenceStatus, SourceIndex};
use super::worker::capture::SourceReport;
use super::worker::inference::{InferenceReport, Job, JobId};
use super::worker::pins::{PinJob, PinOutcome};
use super::worker::store::{StoreAnswer, StoreRequest, Ticket};

pub(crate) use access::ReplySender;
use beginning::Stored;
use commit_queue::CommitQueue;
use commits::Pending;
use live::Subscribers;
use sources::Watched;
pub(crate) use sources::{SourceEnds, SourceLine};

/// What a passage says of whoever was seen.
const PRESENT: PresenceState = PresenceState::Present;

/// How often the engine looks at the clock while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// The channels between the engine thread and the others.
pub(crate) struct Channels {
    pub(crate) calls: Receiver<(Actor, Call)>,
    pub(crate) inference: Receiver<InferenceReport>,
    pub(crate) source: Receiver<(SourceIndex, SourceReport)>,
    pub(crate) store: Receiver<(Ticket, Result<StoreAnswer, StoreError>)>,
    pub(crate) jobs: Sender<Job>,
    pub(crate) store_requests: Sender<(Ticket, StoreRequest)>,
    pub(crate) pin_jobs: Sender<PinJob>,
    pub(crate) pins: Receiver<(u64, PinOutcome)>,
}

/// What the engine is given to begin with.
pub(crate) struct Beginning {
    pub(crate) settings: EngineSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) calendar: Arc<dyn Calendar>,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) board: Arc<Board>,
    pub(crate) sources: Vec<SourceEnds>,
    pub(crate) pace: Pace,
    pub(crate) inference: InferenceStatus,
}

/// What the ledger held before the engine started.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The days before today, with corrections.
    pub(crate) earlier: Vec<Entry>,
    /// Today, with corrections.
    pub(crate) today: Vec<Entry>,
    /// The last entry of all.
    pub(crate) last: Option<Entry>,
    /// The days of `earlier`.
    pub(crate) days: Vec<Day>,
}

/// Templates wait here until the nets say which space they may be searched in.
enum GalleryState {
    Waiting(Undecided),
    Ready(Box<Gallery>),
}

/// The engine thread's state.
pub(crate) struct Core {
    settings: EngineSettings,
    clock: Arc<dyn Clock>,
    calendar: Arc<dyn Calendar>,
    entropy: Box<dyn Entropy>,
    board: Arc<Board>,
    channels: Channels,
    pace: Pace,

    roster: Roster,
    templates: BTreeMap<TemplateId, PersonId>,
    spaces: BTreeMap<TemplateId, EmbeddingSpace>,
    reembedding: Option<crops::Reembedding>,
    gallery: GalleryState,
    /// Whether the gallery is not complete yet.
    is_beginning: bool,
    searcher: Searcher,
    facts: Option<AnalyserFacts>,
    thresholds: threshold::Follower,
    inference: InferenceStatus,

    operators: BTreeMap<OperatorId, Operator>,
    requests: approvals::Requests,
    noted: noting::Noted,
    retention: retention::Keeper,
    day: Option<NaiveDate>,
    presence: HashMap<PersonId, Presence>,
    /// What was last said of everybody today, on disk or on its way there.
    turns: HashMap<PersonId, PresenceState>,
    sessions: sessions::Sessions,
    arrivals: session_views::Arrivals,
    unsure: unsure::UnsureTimes,
    watch: ClockWatch,
    /// Whether a source is watched: who hosts an engine for one question alone opens and ends nothing.
    is_watching: bool,
    /// When each track in view was first seen.
    first_seen: HashMap<TrackId, DateTime<Utc>>,
    policy: AttendancePolicy,
    desk: inbox::Desk,
    door: door::Door,

    sources: Vec<Watched>,
    /// The source that is looked at.
    focus: SourceIndex,

    challenge: challenge::LiveChallenge,
    shots: VecDeque<(ShotId, crops::Sample)>,
    live_enrolment: enrolling::LiveEnrolment,
    next_id: u64,
    jobs: HashMap<JobId, commands::JobUse>,
    job_backlog: VecDeque<Job>,
    enrolments: HashMap<u64, enrolment::Enrolling>,
    commits: CommitQueue,
    pending: HashMap<Ticket, Pending>,
    store_backlog: VecDeque<(Ticket, StoreRequest)>,
    subscribers: Subscribers,
    shutdown: Option<Option<ReplySender>>,
    next_tick: Instant,
}

impl Core {
    pub(crate) fn new(beginning: Beginning, channels: Channels) -> Self {
        let Beginning { settings, clock, calendar, entropy, board, sources, pace, inference } = beginning;
        let jury = || Jury::new(settings.tracks);
        let sources: Vec<Watched> = sources.into_iter().map(|ends| Watched::new(ends, jury())).collect();
        Self {
            policy: AttendancePolicy::new(settings.debounce),
            desk: inbox::Desk::default(),
            settings,
            door: door::Door::default(),
            clock,
            calendar,
            entropy,
            board,
            is_watching: !sources.is_empty(),
            channels,
            pace,
            roster: Roster::default(),
            templates: BTreeMap::new(),
            spaces: BTreeMap::new(),
            reembedding: None,
            gallery: GalleryState::Waiting(Undecided::default()),
            is_beginning: false,
            searcher: Searcher::of_this_machine(),
            facts: None,
            thresholds: threshold::Follower::default(),
            inference,
            operators: BTreeMap::new(),
            requests: approvals::Requests::default(),
            noted: noting::Noted::default(),
            retention: retention::Keeper::default(),
            day: None,
            presence: HashMap::new(),
            turns: HashMap::new(),
            sessions: sessions::Sessions::default(),
            arrivals: session_views::Arrivals::default(),
            unsure: unsure::UnsureTimes::new(true),
            watch: ClockWatch::default(),
            first_seen: HashMap::new(),
            sources,
            focus: SourceIndex::default(),
            challenge: challenge::LiveChallenge::default(),
            shots: VecDeque::new(),
            live_enrolment: enrolling::LiveEnrolment::default(),
            next_id: 1,
            jobs: HashMap::new(),
            job_backlog: VecDeque::new(),
            enrolments: HashMap::new(),
            commits: CommitQueue::default(),
            pending: HashMap::new(),
            store_backlog: VecDeque::new(),
            subscribers: Subscribers::default(),
            shutdown: None,
            next_tick: Instant::now() + TICK,
        }
    }

    /// Takes in what the store held before the engine started.
    #[cfg(test)]
    pub(crate) fn restore(&mut self, changes: Vec<Change>, past: &Past) {
        changes.into_iter().for_each(|change| self.apply(change));
        self.take_past(past);
    }

    /// Takes in what the ledger held. To be called when people and templates are there.
    fn take_past(&mut self, past: &Past) {
        self.refresh_access();
        self.watch.begin(past.last.as_ref());
        for entry in past.earlier.iter().chain(&past.today) {
            // The last entry alone may be of a clock that was behind what an earlier one knew.
            self.watch.wrote(entry.head.at, entry.head.clock);
            self.sessions.note(entry);
        }
        let today = &past.today;
        self.restore_presence(today);
        self.restore_door(today);
        for day in &past.days {
            if self.is_watching {
                self.take_ended_day(day, &past.earlier);
            }
        }
        self.turns = self.presence.iter().map(|(person, held)| (*person, held.state)).collect();
        for entry in today {
            let record = entry.parts.record.as_ref();
            if let (EntryKind::Passage | EntryKind::BackFilled, Some(record)) = (entry.head.kind, record) {
                self.policy.still_in_view(record.person, entry.head.at);
            }
        }
    }

    /// Who is here after the records of the day that holds: today, or the last one there are records of
    /// where a recording is worked through.
    fn restore_presence(&mut self, entries: &[Entry]) {
        let records = presence_records(&held(entries.iter().filter_map(Statement::of)));
        let at = match self.pace {
            Pace::RealTime => Some(self.clock.now()),
            Pace::Lossless => records.iter().map(|record| record.at).max(),
        };
        let Some(day) = at.and_then(|at| self.calendar.day_of(at)) else { return };
        self.day = Some(day.date);
        self.presence = self.active_presence(&day, records);
    }

    /// Takes in what the store held, and runs until it is told to shut down or every handle is gone.
    pub(crate) fn run(mut self, stored: &Receiver<Stored>) {
        if !self.take_stored(stored) {
            return;
        }
        self.begin();
        while !self.is_finished() {
            self.turn();
        }
        self.subscribers.send(&EngineEvent::Stopped);
        if let Some(Some(reply)) = self.shutdown.take() {
            let _ = reply.send(Ok(Reply::Done));
        }
    }

    /// What is done before anything is asked.
    fn begin(&mut self) {
        self.watch_clock();
        if self.is_watching {
            self.write_entry(EntryKind::Started, Actor::System, Parts::default());
            self.note_configuration();
            self.retain_daily();
        }
        self.follow_schedule();
        if !self.sessions.open.is_empty() {
            // Who has come to them so far.
            self.ask_for_presence(self.now());
        }
        self.sweep_inbox();
        self.publish_roster();
        self.publish_live();
    }

    fn turn(&mut self) {
        let now = Instant::now();
        let until_tick = self.next_tick.saturating_duration_since(now);
        let wait = self.commits.until_retry(now).map_or(until_tick, |retry| retry.min(until_tick));
        select! {
            recv(self.channels.calls) -> call => match call {
                Ok((actor, call)) => self.take_call(actor, call),
                // Every handle is gone: nobody can ask for anything any more.
                Err(_) => self.begin_shutdown(None),
            },
            recv(self.channels.inference) -> report => match report {
                Ok(report) => self.take_inference(report),
                Err(_) => {
                    self.channels.inference = never();
                    self.lose_inference("the inference thread has ended");
                }
            },
            recv(self.channels.source) -> report => match report {
                Ok((source, report)) => self.take_source(source, report),
                Err(_) => self.channels.source = never(),
            },
            recv(self.channels.store) -> answer => match answer {
                Ok((ticket, answer)) => self.take_answer(ticket, answer),
                Err(_) => {
                    self.channels.store = never();
                    self.commits.fault = Some("the store thread has ended; restart muster".to_owned());
                }
            },
            recv(self.channels.pins) -> answer => match answer {
                Ok((id, outcome)) => self.take_pin(id, outcome),
                Err(_) => self.channels.pins = never(),
            },
            default(wait) => {}
        }
        if Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + TICK;
            self.tick();
        }
        self.flush();
    }

    /// Sends on what found no room before.
    fn flush(&mut self) {
        self.advance_closings();
        self.start_commits();
        while let Some(request) = self.store_backlog.pop_front() {
            if let Err(error) = self.channels.store_requests.try_send(request) {
                self.store_backlog.push_front(error.into_inner());
                break;
            }
        }
        while let Some(job) = self.job_backlog.pop_front() {
            if let Err(error) = self.channels.jobs.try_send(job) {
                self.job_backlog.push_front(error.into_inner());
                break;
            }
        }
    }

    fn tick(&mut self) {
        let today = self.day_of(self.now());
        if let (Pace::RealTime, Some(today)) = (self.pace, today)
            && self.day.is_some_and(|day| day != today)
        {
            self.roll_over(today);
            self.publish_roster();
        }
        self.watch_clock();
        self.follow_schedule();
        self.look_for_unsure_times();
        self.sweep_inbox();
        self.note_threshold();
        self.retain_daily();
        self.expire_challenge();
        self.expire_requests();
        // All of them are asked: each forgets what is too old.
        let quiet: Vec<bool> =
            self.sources.iter_mut().map(|watched| watched.frame_rate.has_gone_quiet()).collect();
        if quiet.contains(&true) {
            self.publish_live();
        }
    }

    /// The time that decisions are written with: the machine's, or the frames' own where a
    /// recording is worked through.
    fn now(&self) -> DateTime<Utc> {
        let last_frame = self.focused().and_then(|watched| watched.last_frame.as_ref());
        match (self.pace, last_frame) {
            // There is one source then.
            (Pace::Lossless, Some((frame, _))) => frame.at,
            _ => self.clock.now(),
        }
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn draft(&mut self, kind: EntryKind, actor: Actor, parts: Parts) -> EntryDraft {
        let at = self.clock.now();
        let clock = self.clock_state(at);
        self.draft_at(kind, actor, parts, at, clock)
    }

    fn draft_at(
        &mut self,
        kind: EntryKind,
        actor: Actor,
        parts: Parts,
        at: DateTime<Utc>,
        clock: ClockState,
    ) -> EntryDraft {
        let at = super::environment::to_microseconds(at);
        let id = EntryId(self.entropy.ulid(at));
        let moment = moment(&*self.clock, &*self.calendar);
        let operator_key = self.key_of(&actor);
        EntryDraft { id, at, clock, moment, kind, actor, operator_key, parts, salts: self.entropy.salts() }
    }

    /// Queues an entry that no shell waits for; it is tried until the store takes it.
    fn write_entry(&mut self, kind: EntryKind, actor: Actor, parts: Parts) {
        let draft = self.draft(kind, actor, parts);
        self.queue_entry(draft, None);
    }

    /// Lets go of the source, writes what is left and ends when it is on disk.
    fn begin_shutdown(&mut self, reply: Option<ReplySender>) {
        if self.shutdown.is_some() {
            if let Some(reply) = reply {
                let _ = reply.send(Ok(Reply::Done));
            }
            return;
        }
        self.shutdown = Some(reply);
        self.end_self_test();
        self.end_all_requests();
        self.channels.calls = never();
        self.channels.source = never();
        let had_source = self.let_sources_go();
        self.finish_tracks();
        self.note_threshold_now();
        if had_source {
            self.write_entry(EntryKind::Stopped, Actor::System, Parts::default());
        }
        self.commits.last_try = true;
    }

    fn is_finished(&self) -> bool {
        self.shutdown.is_some() && self.pending.is_empty() && self.commits.is_done()
    }
}
