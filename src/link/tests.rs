//! A server and clients over real sockets, with an engine over a store in memory.

mod fuzz;

use std::borrow::Cow;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveTime;
use tempfile::TempDir;
use ulid::Ulid;

use super::admission::Doors;
use super::client::{Attached, ConnectError, Staying, attach};
use super::frame::{self, framed};
use super::handshake::{self, HandshakeError, Hello};
use super::place::{BoundSocket, RuntimeDirs};
use super::protocol::*;
use super::server::LinkServer;
use crate::access::{Operator, OperatorId, Role};
use crate::attendance::import::ImportRow;
use crate::attendance::zone::SiteZone;
use crate::attendance::{PersonId, PresenceState};
use crate::engine::approvals::{ApprovalError, ApprovalId, ApprovalsCommand};
use crate::engine::command::register::RegisterCommand;
use crate::engine::command::{Command, CommandError, PictureBytes, Reply, StoreCommand};
use crate::engine::environment::{SiteCalendar, SystemClock, SystemEntropy};
use crate::engine::handle::LinkStatus;
use crate::engine::operators::{OperatorsCommand, OperatorsReply};
use crate::engine::state::{Preview, PreviewRequest};
use crate::engine::{EngineEvent, EngineHandle, EngineParts, EngineSettings, RunningEngine, opened, start};
use crate::face::PicturePolicy;
use crate::ledger::{Actor, EntryKind, Sequence, TerminalId};
use crate::store::memory::MemoryStore;

/// Generously long for anything that happens at all.
const LONG: Duration = Duration::from_secs(60);

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// An engine that is served. Fields are dropped in their order: the server before the engine.
struct Site {
    server: Option<LinkServer>,
    engine: RunningEngine,
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let engine = start(EngineParts {
            store: opened(MemoryStore::new(TerminalId(Ulid(1)))),
            load_analyser: None,
            sources: Vec::new(),
            settings: EngineSettings { owner_uid: uid(), ..EngineSettings::default() },
            clock: Arc::new(SystemClock),
            calendar: Arc::new(SiteCalendar { zone: SiteZone::UTC, rollover: NaiveTime::MIN }),
            entropy: Box::new(SystemEntropy),
        })
        .unwrap();
        let mut site = Self { server: None, engine, dir: tempfile::tempdir().unwrap() };
        site.serve(None);
        site
    }

    /// Serves it again, from now on with `ssh_uid` as the account for SSH.
    fn serve(&mut self, ssh_uid: Option<u32>) {
        self.server = None;
        let socket = BoundSocket::bind(self.dir.path(), &RuntimeDirs::default()).unwrap();
        let doors = Doors { owner_uid: uid(), ssh_uid };
        let told = super::protocol::Site {
            title: "the gym".into(),
            configuration: "[attendance]\n".into(),
            recognition: None,
        };
        self.server = Some(LinkServer::start(socket, self.engine.handles(), doors, told).unwrap());
    }

    fn socket(&self) -> &Path {
        self.server.as_ref().unwrap().socket()
    }

    fn attach(&self, operator: Option<OperatorId>) -> Result<Attached, ConnectError> {
        attach(self.socket(), operator, Staying::Once)
    }

    fn admin(&self) -> Attached {
        self.attach(None).unwrap()
    }

    fn add_operator(&self, name: &str, role: Role) -> Operator {
        let name = name.parse().unwrap();
        let add = OperatorsCommand::Add { name, role, uid: None, key: None };
        let handle = self.engine.handle(Actor::System);
        match handle.call(Command::Operators(add)).unwrap() {
            Reply::Operators(OperatorsReply::Changed(operator)) => operator,
            other => panic!("{other:?}"),
        }
    }
}

fn import(handle: &EngineHandle, names: &[&str]) {
    let rows = names.iter().map(|name| ImportRow::new(name.parse().unwrap(), None)).collect();
    let command = RegisterCommand::Import { rows, dry_run: false };
    handle.call(Command::Register(command)).unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mark(handle: &EngineHandle, person: PersonId) -> Result<Reply, CommandError> {
    handle.call(Command::Mark { person, state: PresenceState::Present, note: None })
}

#[test]
fn a_client_sees_and_does_what_the_engine_itself_would() {
    let site = Site::new();
    let here = site.engine.handle(Actor::Local { uid: uid() });
    import(&here, &["Ana", "Ben"]);
    let attached = site.admin();
    let far = attached.handle();
    assert_eq!(attached.site().title, "the gym");
    // All of the state is there at once.
    let (near_state, far_state) = (here.snapshot(), far.snapshot());
    assert_eq!(far_state.roster, near_state.roster);
    assert_eq!((&far_state.live, far_state.role), (&near_state.live, Some(Role::Admin)));
    // What it does is done, in its name, and what it is answered speaks of what it sees.
    let events = far.subscribe(64);
    let ana = far_state.roster.rows[0].person;
    let Reply::Written(entry) = mark(far, ana).unwrap() else { panic!() };
    assert_eq!((entry.kind, &entry.actor), (EntryKind::Mark, &Actor::Local { uid: uid() }));
    assert!(far.snapshot().roster.rows[0].presence.is_some());
    let told = events.iter().find(|event| matches!(event, EngineEvent::Entry(_)));
    assert_eq!(told, Some(EngineEvent::Entry(entry.clone())));
    // Pages and errors are the same.
    let all = far.entries_since(Sequence(0), 10).unwrap();
    assert_eq!((all.len(), &all), (3, &here.entries_since(Sequence(0), 10).unwrap()));
    assert_eq!(far.entries_before(Sequence(u64::MAX), 1).unwrap(), std::slice::from_ref(&entry));
    assert_eq!(far.whole_entry(entry.sequence).unwrap(), here.whole_entry(entry.sequence).unwrap());
    let nobody = PersonId(Ulid(99));
    assert_eq!(mark(far, nobody).unwrap_err(), mark(&here, nobody).unwrap_err());
    // Ending the engine is not for a client.
    assert_eq!(far.call(Command::Shutdown).unwrap_err(), CommandError::NotFromAfar);
    assert_eq!(mark(&here, ana).map(|_| ()), Ok(()));
}

#[test]
fn a_long_page_comes_whole_and_the_state_comes_between_its_pieces() {
    let site = Site::new();
    let here = site.engine.handle(Actor::System);
    import(&here, &["Ana"]);
    let ana = here.snapshot().roster.rows[0].person;
    let count = PIECE + PIECE / 2;
    for _ in 0..count {
        mark(&here, ana).unwrap();
    }
    let attached = site.admin();
    let page = attached.handle().entries_since(Sequence(0), usize::MAX).unwrap();
    assert_eq!(page.len(), count + 1);
    assert_eq!(page, here.entries_since(Sequence(0), usize::MAX).unwrap());
    let pieces = Answer::Page(Ok(page), Follows::Nothing).pieces();
    assert_eq!(pieces.len(), 2);
}

#[test]
fn another_version_is_refused_in_words() {
    let site = Site::new();
    let mut stream = UnixStream::connect(site.socket()).unwrap();
    let hello = Hello { link: LINK_OF_TOMORROW, ..Hello::new(None) };
    let Err(HandshakeError::Refused(words)) = handshake::greet(&mut stream, &hello) else { panic!("let in") };
    assert!(words.contains("link 99") && words.contains("start the engine again"), "{words}");
}

const LINK_OF_TOMORROW: u32 = 99;

#[test]
fn the_account_for_ssh_is_an_operator_or_nobody() {
    let mut site = Site::new();
    let operator = site.add_operator("Front desk", Role::Operator);
    site.serve(Some(uid()));
    // Whatever else this account is, it is not that here: it is the one for SSH.
    let refused = site.attach(None).unwrap_err().to_string();
    assert!(refused.contains("muster gate"), "{refused}");
    let refused = site.attach(Some(OperatorId(Ulid(5)))).unwrap_err().to_string();
    assert!(refused.contains("no operator here"), "{refused}");
    let attached = site.attach(Some(operator.id)).unwrap();
    assert_eq!(attached.handle().role(), Some(Role::Operator));
    // What it does is the operator's.
    import(attached.handle(), &["Ana"]);
    let page = attached.handle().entries_before(Sequence(u64::MAX), 1).unwrap();
    assert_eq!(page[0].actor, Actor::Operator(operator.id.0));
    let refused = attached.handle().call(Command::Export).unwrap_err();
    assert!(matches!(refused, CommandError::NotAllowed { .. }), "{refused}");
    // Also an admin from afar has no business with paths of this machine.
    let admin = site.add_operator("Ada", Role::Admin);
    let attached = site.attach(Some(admin.id)).unwrap();
    let back_up = StoreCommand::BackUp { to: site.dir.path().join("x"), replaces: false };
    assert_eq!(attached.handle().call(Command::Store(back_up)), Err(CommandError::NotFromAfar));
}

#[test]
fn nobody_confirms_their_own_request_by_acting_for_another() {
    let site = Site::new();
    let olga = site.add_operator("Olga", Role::Admin);
    let attached = site.attach(Some(olga.id)).unwrap();
    let confirm = Command::Approvals(ApprovalsCommand::Confirm(ApprovalId(1)));
    let answer = attached.handle().call(confirm.clone());
    assert_eq!(answer, Err(CommandError::Approval(ApprovalError::Own)));
    // As themselves, they are told of the request, which there is none of here.
    let answer = site.admin().handle().call(confirm);
    assert!(matches!(answer, Err(CommandError::Approval(ApprovalError::NoSuchRequest { .. }))), "{answer:?}");
}

#[test]
fn another_role_holds_at_once_and_who_is_removed_is_sent_away() {
    let site = Site::new();
    let here = site.engine.handle(Actor::System);
    let desk = site.add_operator("Front desk", Role::Operator);
    let attached = site.attach(Some(desk.id)).unwrap();
    let far = attached.handle();
    import(far, &["Ana"]);
    let set = Command::Operators(OperatorsCommand::SetRole(desk.id, Role::Observer));
    here.call(set).unwrap();
    let refused = mark(far, far.snapshot().roster.rows[0].person).unwrap_err();
    assert!(matches!(refused, CommandError::NotAllowed { has: Some(Role::Observer), .. }), "{refused}");
    wait_until("the new role", || far.role() == Some(Role::Observer));
    assert!(far.snapshot().roster.threshold.is_none());
    let events = far.subscribe(16);
    here.call(Command::Operators(OperatorsCommand::Remove(desk.id))).unwrap();
    wait_until("the end", || events.try_iter().any(|event| event == EngineEvent::Stopped));
    wait_until("the farewell", || attached.farewell().is_some());
    assert!(attached.farewell().unwrap().contains("not any more"));
    assert_eq!(far.call(Command::LedgerHead), Err(CommandError::Stopped));
    assert!(site.attach(Some(desk.id)).is_err());
}

#[test]
fn a_screen_comes_back_with_the_engine_and_is_told_to_catch_up() {
    let mut site = Site::new();
    let attached = attach(site.socket(), None, Staying::ComesBack).unwrap();
    let far = attached.handle();
    let events = far.subscribe(64);
    site.server = None;
    wait_until("the loss", || matches!(&*far.snapshot().link, LinkStatus::Lost { .. }));
    assert_eq!(far.call(Command::LedgerHead), Err(CommandError::NotThere));
    // While it is away, somebody is put on the roster.
    import(&site.engine.handle(Actor::System), &["Ana"]);
    site.serve(None);
    wait_until("the return", || *far.snapshot().link == LinkStatus::Up);
    assert_eq!(far.snapshot().roster.rows.len(), 1);
    assert!(far.call(Command::LedgerHead).is_ok());
    assert!(events.try_iter().any(|event| matches!(event, EngineEvent::Lagged(_))));
}

#[test]
fn an_engine_that_ends_says_so_to_who_is_attached() {
    let site = Site::new();
    let attached = attach(site.socket(), None, Staying::ComesBack).unwrap();
    let Site { server, engine, dir: _dir } = site;
    // What is told at its pace does not hide the end.
    let here = engine.handle(Actor::System);
    for name in ["Ana", "Ben", "Cleo"] {
        import(&here, &[name]);
    }
    drop(here);
    // In this order, as a process does.
    engine.stop();
    drop(server);
    let far = attached.handle();
    wait_until("the loss", || matches!(&*far.snapshot().link, LinkStatus::Lost { .. }));
    let LinkStatus::Lost { reason, .. } = &*far.snapshot().link else { panic!() };
    assert_eq!(reason, "the engine was stopped");
}

#[test]
fn what_waits_for_an_answer_hears_that_the_connection_broke() {
    let mut site = Site::new();
    let attached = site.admin();
    let events = attached.handle().subscribe(16);
    // An engine that does not answer any more.
    site.server = None;
    let ended = events.iter().last();
    assert!(matches!(ended, None | Some(EngineEvent::Stopped)), "{ended:?}");
    let answer = attached.handle().call(Command::LedgerHead);
    assert!(matches!(answer, Err(CommandError::Stopped | CommandError::LinkLost)), "{answer:?}");
}

#[test]
fn pictures_come_to_who_asks_and_are_no_larger_than_they_can_be_shown() {
    let rgb = vec![7; 3 * 64 * 48];
    let picture = Preview { width: 64, height: 48, rgb, frame: 3 };
    assert!(matches!(picture.fitting(64, 48), Cow::Borrowed(_)));
    let small = picture.fitting(32, 32);
    assert_eq!((small.width, small.height, small.rgb.len()), (32, 24, 3 * 32 * 24));
    let one = PreviewRequest { max_width: 32, max_height: 64, max_fps: 5.0 };
    let two = PreviewRequest { max_width: 64, max_height: 16, max_fps: 2.0 };
    let both = PreviewRequest { max_width: 64, max_height: 64, max_fps: 5.0 };
    assert_eq!((one.covering(two), two.covering(one)), (both, both));
    let site = Site::new();
    let (first, second) = (site.admin(), site.admin());
    first.handle().request_preview(Some(one));
    second.handle().request_preview(Some(two));
    let asked = || *site.engine.board().preview_request.get();
    wait_until("both wishes", || asked() == Some(both));
    // Whoever goes wants nothing any more.
    drop(first);
    wait_until("the wish of who is left", || asked() == Some(two));
    drop(second);
    wait_until("no wish", || asked().is_none());
}

#[test]
fn who_does_not_read_is_dropped_and_the_others_go_on() {
    let site = Site::new();
    let here = site.engine.handle(Actor::System);
    let names: Vec<String> = (0..2_000).map(|number| format!("Person {number}")).collect();
    import(&here, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let person = here.snapshot().roster.rows[0].person;
    // Greets, and then reads nothing at all.
    let mut deaf = UnixStream::connect(site.socket()).unwrap();
    handshake::greet(&mut deaf, &Hello::new(None)).unwrap();
    let good = site.admin();
    let server = site.server.as_ref().unwrap();
    wait_until("two clients", || server.clients() == 2);
    wait_until("that it is dropped", || {
        // Each of them is another roster, which it does not take.
        mark(good.handle(), person).unwrap();
        server.clients() == 1
    });
    assert!(mark(good.handle(), person).is_ok());
}

#[test]
fn a_flood_of_questions_waits_in_the_socket_of_who_asks() {
    let site = Site::new();
    let mut stream = UnixStream::connect(site.socket()).unwrap();
    handshake::greet(&mut stream, &Hello::new(None)).unwrap();
    let question = framed(&ToEngine::Ask(CallId(1), Asked::Command(Command::LedgerHead))).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let flood = question.repeat(1_000);
    let mut written = 0;
    // Nothing is read, so in the end nothing can be written: the engine takes no more than it answers.
    let is_held_up = (0..20_000).any(|_| match stream.write(&flood) {
        Ok(count) => {
            written += count;
            false
        }
        Err(_) => true,
    });
    // What lies in the sockets of both, and no more.
    assert!(is_held_up && written < 1 << 20, "{written} bytes were taken without an answer being read");
    assert!(site.admin().handle().call(Command::LedgerHead).is_ok());
}

#[test]
fn who_may_only_look_says_little_at_once() {
    let mut site = Site::new();
    let (observer, operator) =
        (site.add_operator("Olga", Role::Observer).id, site.add_operator("Otto", Role::Operator).id);
    site.serve(Some(uid()));
    let is_taken = |id| {
        let attached = site.attach(Some(id)).unwrap();
        // Longer than an observer's message may be, and no command of theirs.
        let picture = PictureBytes { label: "x".into(), bytes: vec![0; LONGEST_OF_OBSERVERS as usize] };
        attached.handle().call(Command::Identify(picture)) != Err(CommandError::LinkLost)
    };
    assert!(is_taken(operator));
    assert!(!is_taken(observer));
}

#[test]
fn one_account_cannot_take_all_the_places() {
    let site = Site::new();
    let mut all = Vec::new();
    let refused = loop {
        match site.attach(None) {
            Ok(attached) => all.push(attached),
            Err(error) => break error.to_string(),
        }
        assert!(all.len() < 1_000);
    };
    assert!(refused.contains("attached") && all.len() >= 50, "{} and then {refused}", all.len());
    let desk = site.add_operator("Front desk", Role::Observer);
    assert!(site.attach(Some(desk.id)).is_ok());
    drop(all.pop());
    wait_until("a place", || site.attach(None).is_ok());
}

#[test]
fn every_message_is_read_as_it_was_written() {
    let site = super::protocol::Site { title: "x".into(), configuration: String::new(), recognition: None };
    let told = [
        ToClient::Site(Cow::Borrowed(&site), PicturePolicy::Never),
        ToClient::Role(None),
        ToClient::Live(Cow::Owned(Default::default())),
        ToClient::Roster(Cow::Owned(Default::default())),
        ToClient::Inbox(Cow::Owned(Default::default())),
        ToClient::Preview(None),
        ToClient::Ready,
        ToClient::Event(EngineEvent::Lagged(3)),
        ToClient::Answer(CallId(7), Answer::Reply(Err(CommandError::Busy))),
        ToClient::Bye("go".to_owned()),
    ];
    for message in told {
        let bytes = framed(&message).unwrap();
        assert_eq!(frame::decode::<ToClient<'_>>(&bytes[4..]).unwrap(), message);
    }
}
