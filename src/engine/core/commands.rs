//! What shells ask for.

use crate::access::{Operator, Role};
use crate::attendance::{Person, PersonId, PersonName, PresenceState};
use crate::capture::RgbPicture;
use crate::face::{Embedding, Liveness, Probe, TemplateId};
use crate::identify::{Candidates, Identification};
use crate::inference::{AnalysedFace, FrameAnalysis};
use crate::ledger::{Actor, EntryDraft, EntryKind, NotePart, Parts, RecordPart, Sequence};
use crate::store::{Change, KeptRecords, Transaction};

use super::super::command::register::RegisterReply;
use super::super::command::{
    ChallengeOrder, Command, CommandError, EnrolmentNotes, EnrolmentTarget, IdentifiedFace, PictureAnswer,
    PictureBytes, Reply, Request, SpaceReport, ThresholdOrder,
};
use super::super::export::PersonExport;
use super::super::handle::Call;
use super::super::operators::OperatorsCommand;
use super::super::state::{InferenceStatus, SourceState};
use super::super::worker::inference::{Job, JobFailure, JobId, JobOutcome, JobPicture};
use super::super::worker::store::StoreRequest;
use super::access::PageSender;
use super::approvals::Waiting;
use super::attending::{AttendancePlan, AttendanceWork};
use super::commits::Pending;
use super::crops::Recomputed;
use super::enrolling::LIVE;
use super::enrolment::{Asked, Enrolment};
use super::hooks::HookMove;
use super::inbox::{InboxPlan, InboxWork};
use super::register::RegisterWork;
use super::storing::Noted;
use super::{Core, GalleryState, ReplySender};

/// What a picture in inference is for.
pub(super) enum JobUse {
    Identify(ReplySender),
    /// The live picture, for an enrolment prompt.
    Shot(ReplySender),
    /// The picture at `index` of the enrolment `batch`.
    Enrol {
        batch: u64,
        index: usize,
    },
    /// The crop beside a template that is computed anew.
    Reembed(TemplateId),
}

/// A command that needs nothing more but the store.
pub(super) struct Prepared {
    pub(super) actor: Actor,
    pub(super) what: PreparedWhat,
}

impl Prepared {
    pub(super) fn new(actor: Actor, what: PreparedWhat) -> Self {
        Self { actor, what }
    }
}

pub(super) enum PreparedWhat {
    Inbox(InboxWork),
    Attendance(AttendanceWork),
    Enrol(Enrolment),
    Reembed(Recomputed),
    Mark {
        person: PersonId,
        state: PresenceState,
        note: Option<String>,
    },
    Remove(PersonId),
    /// Begun apart from the others, by [`Core::start_erasure`].
    Erase {
        person: PersonId,
        keeps: KeptRecords,
    },
    /// Begun apart from the others, by [`Core::start_compaction`].
    Compact,
    /// Something was done with the store as a whole.
    Noted(Box<Noted>),
    Rename {
        person: PersonId,
        name: PersonName,
    },
    Register(RegisterWork),
    Hook(HookMove),
    Export,
    Threshold(ThresholdOrder),
    Note(EntryKind, String),
    Operators(OperatorsCommand),
    /// Somebody agreed to the text in force.
    Consent(PersonId),
    /// Somebody withdraws; they are erased next.
    Withdraw(PersonId),
    /// Everything held about somebody was gathered.
    PersonExported(Box<PersonExport>),
    /// Another admin confirmed what somebody asked for.
    Approved(Box<Waiting>),
    /// An entry is to be found again under this name.
    Place(&'static str, Sequence),
}

pub(super) fn refuse(reply: &ReplySender, error: CommandError) {
    let _ = reply.send(Err(error));
}

/// What is replied once a command is on disk.
pub(super) enum ReplyPlan {
    Inbox(InboxPlan),
    Attendance(AttendancePlan),
    Enrolled { person: Box<Person>, templates_added: u32, notes: Box<EnrolmentNotes> },
    Register(RegisterReply),
    Hook,
    Exported(Vec<Person>),
    Reembedded(SpaceReport),
    Noted(Box<Noted>),
    Operator(Operator),
    PersonExported(Box<PersonExport>),
    Approved(Box<Waiting>),
    Written,
}

impl Core {
    /// Does what `actor` asks, as far as they may. Each call is checked here, and nowhere before.
    pub(super) fn take_call(&mut self, actor: Actor, call: Call) {
        let access = self.access();
        let role = access.role_of(&actor);
        let page = |reply| Pending::Page(PageSender::new(reply, role));
        match call {
            Call::Command(request, reply) => match access.check_command(&actor, &request.command) {
                Ok(()) => {
                    // Somebody at the door has no role, and is given no more than who has the least.
                    let reply = ReplySender::new(reply, role.unwrap_or(Role::Observer));
                    match self.needs_two(&actor, &request.command) {
                        Some(deed) => self.await_approval(deed, Request { actor, ..request }, reply),
                        None => self.take_command(Request { actor, ..request }, reply),
                    }
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Subscribe(sender) if role.is_some() => {
                self.subscribers.add(actor, sender);
                self.tell_of_requests();
                self.open_gates();
            }
            Call::Subscribe(_) => {}
            Call::Host(call) => self.take_host_call(&actor, call),
            Call::EntriesSince(sequence, limit, reply) => {
                self.ask(StoreRequest::EntriesSince(sequence, limit), page(reply));
            }
            Call::EntriesBefore(sequence, limit, reply) => {
                self.ask(StoreRequest::EntriesBefore(sequence, limit), page(reply));
            }
            Call::WholeEntriesSince(sequence, limit, reply) => match access.check(&actor, Role::Operator) {
                Ok(()) => self.ask(StoreRequest::EntriesSince(sequence, limit), Pending::Whole(reply)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Threshold(facts, reply) => {
                let allowed = access.check(&actor, Role::Operator);
                let _ = reply.send(allowed.map(|()| self.threshold_state(&facts)));
            }
            Call::RecordsBetween(from, until, reply) => {
                self.ask(StoreRequest::RecordsBetween(from, until), page(reply));
            }
            Call::HeldBetween(from, until, reply) => {
                self.ask(StoreRequest::HeldBetween(from, until), page(reply));
            }
            Call::EntriesBetween(from, until, reply) => {
                self.ask(StoreRequest::EntriesBetween(from, until), page(reply));
            }
        }
    }

    pub(super) fn take_command(&mut self, request: Request, reply: ReplySender) {
        let Request { actor, command, .. } = request;
        let what = match command {
            Command::Enrol { target, source, anyway } => {
                return self.take_enrolment(actor, Asked { target, source, anyway, consented: false }, reply);
            }
            Command::BeginShooting => {
                let _ = reply.send(self.begin_shooting());
                return;
            }
            Command::EndShooting(id) => {
                let _ = reply.send(self.end_shooting(id));
                return;
            }
            Command::SelfTest(of) => {
                self.note_act(actor, "began a self-test");
                return self.begin_self_test(of, reply);
            }
            Command::Identify(picture) => return self.submit(picture, JobUse::Identify(reply)),
            Command::TakeShot => return self.take_shot(reply),
            Command::Spaces => {
                let _ = reply.send(Ok(Reply::Spaces(self.space_counts())));
                return;
            }
            Command::Reembed { dry_run } => return self.begin_reembedding(actor, dry_run, reply),
            Command::SetPaused(paused) => {
                self.set_paused(paused);
                self.note_act(actor, if paused { "paused the source" } else { "let the source go on" });
                let _ = reply.send(Ok(Reply::Done));
                return;
            }
            Command::Look(source) => {
                let _ = reply.send(self.look_at(source).map(|()| Reply::Done));
                return;
            }
            Command::NoteAct(act) => {
                self.note_act(actor, act.words());
                let _ = reply.send(Ok(Reply::Done));
                return;
            }
            Command::Inbox(command) => return self.take_inbox_command(actor, command, false, reply),
            Command::Attendance(command) => return self.take_attendance_command(actor, command, reply),
            Command::Operators(command) => return self.take_operators_command(actor, command, reply),
            Command::Consent(command) => return self.take_consent_command(actor, command, reply),
            Command::Approvals(command) => return self.take_approvals_command(actor, command, reply),
            Command::Retention(command) => return self.take_retention_command(actor, command, reply),
            Command::ExportPerson(person) => return self.begin_person_export(actor, person, reply),
            Command::Challenge(order) => {
                let ordered = self.order_challenge(order);
                if (&ordered, order) == (&Ok(()), ChallengeOrder::Begin) {
                    self.note_act(actor, "began a challenge");
                }
                let _ = reply.send(ordered.map(|()| Reply::Done));
                return;
            }
            Command::NoteExport { what } => PreparedWhat::Note(EntryKind::Exported, what),
            Command::Person(person) => return self.look_up_person(person, reply),
            Command::Day { back } => return self.look_up_day(back, reply),
            Command::Store(command) => return self.take_store_command(actor, command, reply),
            Command::LedgerHead => return self.ask(StoreRequest::Head, Pending::Ledger(reply)),
            Command::VerifyLedger { kept } => {
                return self.ask(StoreRequest::Verify(kept), Pending::Ledger(reply));
            }
            Command::NotePadTest { figures } => PreparedWhat::Note(EntryKind::PadTested, figures),
            Command::Shutdown => return self.begin_shutdown(Some(reply)),
            Command::Mark { person, state, note } => PreparedWhat::Mark { person, state, note },
            Command::Remove(person) => PreparedWhat::Remove(person),
            Command::Erase { person, keeps } => PreparedWhat::Erase { person, keeps },
            Command::People => {
                let _ = reply.send(Ok(self.everybody()));
                return;
            }
            Command::Rename { person, name } => PreparedWhat::Rename { person, name },
            Command::Register(command) => return self.take_register_command(actor, command, reply),
            Command::Door(command) => return self.take_door_command(command, reply),
            Command::Hooks(command) => return self.take_hook_command(actor, command, reply),
            Command::Export => PreparedWhat::Export,
            Command::Threshold(order) => PreparedWhat::Threshold(order),
        };
        self.commits.commands.push_back((Prepared { actor, what }, reply));
    }

    // -- pictures ---------------------------------------------------------------------------

    pub(super) fn submit(&mut self, picture: PictureBytes, job_use: JobUse) {
        let id = JobId(self.next_id());
        if let InferenceStatus::Unavailable { reason } = &self.inference {
            let failure = JobFailure::Inference(reason.clone());
            let outcome = JobOutcome { id, label: picture.label, result: Err(failure) };
            self.jobs.insert(id, job_use);
            return self.take_job(outcome);
        }
        self.jobs.insert(id, job_use);
        let PictureBytes { label, bytes } = picture;
        self.job_backlog.push_back(Job { id, label, picture: JobPicture::Encoded(bytes) });
    }

    pub(super) fn take_job(&mut self, outcome: JobOutcome) {
        let JobOutcome { id, label, result } = outcome;
        let Some(job_use) = self.jobs.remove(&id) else { return };
        let result = result.map_err(|failure| match failure {
            JobFailure::Picture(message) => CommandError::Picture(message),
            JobFailure::Inference(reason) => CommandError::NoInference { reason },
        });
        match job_use {
            JobUse::Identify(reply) => {
                let answer = result.map(|(picture, analysis)| self.answer(&picture, &analysis));
                let _ = reply.send(answer.map(Reply::Identified));
            }
            JobUse::Shot(reply) => {
                let shot = result.and_then(|(picture, analysis)| self.shot_of(&picture, &analysis));
                let _ = reply.send(shot.map(Reply::Shot));
            }
            JobUse::Reembed(template) => self.take_recomputed(template, result),
            JobUse::Enrol { batch, index } => self.take_enrolment_picture(batch, index, &label, result),
        }
    }

    fn answer(&self, picture: &RgbPicture, analysis: &FrameAnalysis) -> PictureAnswer {
        let mut faces: Vec<IdentifiedFace> =
            analysis.faces.iter().map(|face| self.identified_face(face)).collect();
        faces.sort_by(|a, b| a.bounds.x.total_cmp(&b.bounds.x));
        PictureAnswer {
            width: picture.width(),
            height: picture.height(),
            faces,
            timings_ms: analysis.times.named_ms(),
        }
    }

    fn identified_face(&self, face: &AnalysedFace) -> IdentifiedFace {
        let (identification, candidates) = match &face.probe {
            Err(rejection) => (Identification::Rejected(*rejection), Candidates::default()),
            Ok(probe) => {
                let candidates = self.search(probe);
                let decided =
                    self.threshold().map(|threshold| Identification::decide(&candidates, threshold));
                (decided.unwrap_or(Identification::Unidentified { best: candidates.best }), candidates)
            }
        };
        let probe = face.probe.as_ref().ok();
        IdentifiedFace {
            bounds: face.detection.bounds,
            detection_score: face.detection.score,
            points: probe.map(|probe| probe.points).or(face.detection.points),
            identification,
            candidates,
            liveness: probe.map_or(Liveness::NotRun, |probe| probe.liveness),
            quality: probe.map(|probe| probe.quality),
            findings: probe.map_or_else(Vec::new, |probe| probe.quality.findings(&self.settings.quality)),
        }
    }

    pub(super) fn search(&self, probe: &Probe) -> Candidates {
        self.search_all(&[&probe.embedding]).pop().unwrap_or_default()
    }

    /// What a search for each of `probes` finds, in their order; nobody before the nets say which space is
    /// searched.
    pub(super) fn search_all(&self, probes: &[&Embedding]) -> Vec<Candidates> {
        match &self.gallery {
            GalleryState::Ready(gallery) => self.searcher.search_all(gallery, probes),
            GalleryState::Waiting(_) => vec![Candidates::default(); probes.len()],
        }
    }

    // -- shots ------------------------------------------------------------------------------

    /// Has the live picture looked at again: of a face whose track is decided only the place is
    /// known.
    fn take_shot(&mut self, reply: ReplySender) {
        match self.live_picture() {
            Err(error) => {
                let _ = reply.send(Err(error));
            }
            Ok(picture) => {
                let id = JobId(self.next_id());
                self.jobs.insert(id, JobUse::Shot(reply));
                let label = LIVE.to_owned();
                self.job_backlog.push_back(Job { id, label, picture: JobPicture::Pixels(picture) });
            }
        }
    }

    fn live_picture(&self) -> Result<RgbPicture, CommandError> {
        let no_picture = |reason: &str| CommandError::NoPicture { reason: reason.to_owned() };
        if let InferenceStatus::Unavailable { reason } = &self.inference {
            return Err(CommandError::NoInference { reason: reason.clone() });
        }
        match self.focused().and_then(|watched| watched.last_frame.as_ref()) {
            Some((frame, Some(_))) => Ok(frame.picture.clone()),
            Some((_, None)) => Err(no_picture("the nets are still loading")),
            None => Err(match self.source_state() {
                SourceState::None => no_picture("no source was chosen (--source)"),
                SourceState::Lost { reason, .. } => no_picture(reason),
                SourceState::Ended => no_picture("the recording is over"),
                _ => no_picture("no frame has come yet; try again in a moment"),
            }),
        }
    }

    // -- what is written --------------------------------------------------------------------

    /// The transaction of a command, checked against the roster as it is on disk.
    pub(super) fn build(&mut self, prepared: Prepared) -> Result<(Transaction, ReplyPlan), CommandError> {
        let Prepared { actor, what } = prepared;
        match what {
            PreparedWhat::Inbox(work) => self.build_inbox(actor, work),
            PreparedWhat::Attendance(work) => self.build_attendance(actor, work),
            PreparedWhat::Enrol(enrolment) => self.build_enrolment(actor, enrolment),
            PreparedWhat::Reembed(recomputed) => self.build_reembedding(actor, recomputed),
            PreparedWhat::Mark { person, state, note } => {
                self.active(person)?;
                let note = note.filter(|text| !text.trim().is_empty()).map(|text| NotePart { text });
                let record = Some(RecordPart::new(person, Some(state)));
                let entry = self.draft(EntryKind::Mark, actor, Parts { record, note, ..Parts::default() });
                Ok((Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::Written))
            }
            PreparedWhat::Remove(person) => {
                let mut removed = self.active(person)?.clone();
                removed.removed_at = Some(self.clock.now());
                let mut changes = vec![Change::PersonPut(removed)];
                let own = self.templates.iter().filter(|(_, owner)| **owner == person);
                changes.extend(own.map(|(id, _)| Change::TemplateRemoved(*id)));
                self.forget_strangers_of(person, &mut changes);
                let entry = self.draft_about(EntryKind::Removed, actor, person);
                Ok((Transaction { changes, entries: vec![entry] }, ReplyPlan::Written))
            }
            // Whoever begins commits begins this one another way.
            PreparedWhat::Erase { .. } | PreparedWhat::Compact => Err(CommandError::NoSuchPerson),
            PreparedWhat::Noted(noted) => Ok(self.build_noted(actor, noted)),
            PreparedWhat::Rename { person, name } => {
                let mut renamed = self.active(person)?.clone();
                renamed.name = name;
                let entry = self.draft_about(EntryKind::Renamed, actor, person);
                let changes = vec![Change::PersonPut(renamed)];
                Ok((Transaction { changes, entries: vec![entry] }, ReplyPlan::Written))
            }
            PreparedWhat::Register(work) => self.build_register(&actor, work),
            PreparedWhat::Hook(moved) => Ok(self.build_hook_move(moved)),
            PreparedWhat::Note(kind, text) => {
                let parts = Parts { note: Some(NotePart { text }), ..Parts::default() };
                let entry = self.draft(kind, actor, parts);
                Ok((Transaction { changes: vec![], entries: vec![entry] }, ReplyPlan::Written))
            }
            PreparedWhat::Operators(command) => self.build_operators(actor, command),
            PreparedWhat::Consent(person) => self.build_consent(actor, person),
            PreparedWhat::Withdraw(person) => self.build_withdrawal(actor, person),
            PreparedWhat::PersonExported(export) => self.build_person_export(actor, export),
            PreparedWhat::Threshold(order) => self.build_threshold(actor, order),
            PreparedWhat::Approved(waiting) => Ok(self.build_approved(actor, waiting)),
            PreparedWhat::Place(name, sequence) => Ok(Self::build_place(name, sequence)),
            PreparedWhat::Export => {
                let mut people: Vec<Person> = self.roster.active().map(Person::shown).collect();
                people.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
                let entry = self.draft(EntryKind::Exported, actor, Parts::default());
                let transaction = Transaction { changes: vec![], entries: vec![entry] };
                Ok((transaction, ReplyPlan::Exported(people)))
            }
        }
    }

    pub(super) fn draft_about(&mut self, kind: EntryKind, actor: Actor, person: PersonId) -> EntryDraft {
        let record = Some(RecordPart::new(person, None));
        self.draft(kind, actor, Parts { record, ..Parts::default() })
    }

    pub(super) fn active(&self, person: PersonId) -> Result<&Person, CommandError> {
        self.roster.get(person).filter(|person| person.is_active()).ok_or(CommandError::NoSuchPerson)
    }

    /// Who `target` is, checked against the roster. A new person who was imported under that name
    /// or identifier and has no picture yet is that person.
    pub(super) fn resolve(&self, target: EnrolmentTarget) -> Result<EnrolmentTarget, CommandError> {
        let has_picture = |id: PersonId| self.has_templates(id);
        match target {
            EnrolmentTarget::Existing(id) => {
                self.active(id)?;
                self.takes_face(id)?;
                Ok(EnrolmentTarget::Existing(id))
            }
            EnrolmentTarget::New { name, identifier: Some(identifier) } => {
                match self.roster.by_identifier(&identifier) {
                    None => Ok(EnrolmentTarget::New { name, identifier: Some(identifier) }),
                    Some(holder) if holder.name == name && !has_picture(holder.id) => {
                        self.takes_face(holder.id)?;
                        Ok(EnrolmentTarget::Existing(holder.id))
                    }
                    Some(holder) => {
                        Err(CommandError::IdentifierTaken { identifier, name: holder.name.clone() })
                    }
                }
            }
            EnrolmentTarget::New { name, identifier: None } => {
                match self.roster.by_name(name.as_str()).as_slice() {
                    [] => Ok(EnrolmentTarget::New { name, identifier: None }),
                    [one] if !has_picture(one.id) => {
                        self.takes_face(one.id)?;
                        Ok(EnrolmentTarget::Existing(one.id))
                    }
                    several => {
                        let people = several.iter().map(|person| person.id).collect();
                        Err(CommandError::NameTaken { name, people })
                    }
                }
            }
        }
    }
}
