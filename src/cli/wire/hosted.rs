//! What a shell works on: the engine that runs, or one in this process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::access::SSH_ACCOUNT;
use crate::config::{ConfigFile, Effective};
use crate::engine::health::Health;
use crate::engine::{
    AttachError, Attachment, DataDirLock, EngineHandle, EngineParts, RunningEngine, attach_or_host,
};
use crate::hook::worker::Deliveries;
use crate::ledger::Actor;
use crate::link::admission::Doors;
use crate::link::client::{Attached, ConnectError, Staying, attach};
use crate::link::place::{self, BoundSocket, RuntimeDirs};
use crate::link::protocol::{Recognition, Site};
use crate::link::server::LinkServer;

use super::super::exit::CliError;
use super::super::head_file::HeadKeeper;
use super::super::status::gather;
use super::super::status::metrics::MetricsWriter;
use super::super::{hooks, operators, threshold};
use super::{PATIENCE, attach_error, start_error, store_keys};

/// Where accounts are listed.
const ACCOUNTS: &str = "/etc/passwd";

/// What there is at a data directory.
pub(super) enum Reached {
    /// An engine that answers.
    Running(Box<Attached>),
    /// Nobody: this process may be the engine.
    Free(DataDirLock),
}

/// Attaches to the engine of `data_dir`, or gets the right to be it.
pub(super) fn engine(data_dir: &Path, staying: Staying) -> Result<Reached, CliError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let socket = match attach_or_host(data_dir, left) {
            Ok(Attachment::Host(lock)) => return Ok(Reached::Free(lock)),
            Ok(Attachment::Attach { socket, .. }) => socket,
            // Who may not read the directory asks at the door of the service.
            Err(AttachError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied && may_be_served(data_dir) =>
            {
                place::of_service(data_dir)
            }
            Err(error) => return Err(attach_error(error)),
        };
        match attach(&socket, None, staying) {
            Ok(attached) => return Ok(Reached::Running(Box::new(attached))),
            // It is ending, or only just begins.
            Err(ConnectError::NoEngine { .. } | ConnectError::Frame(_)) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(CliError::missing(error)),
        }
    }
}

/// The engine that runs on `data_dir`; nothing is started where none does.
///
/// # Errors
/// [`CliError`] of a missing part.
pub(in crate::cli) fn running(data_dir: &Path) -> Result<Hosted, CliError> {
    match engine(data_dir, Staying::Once)? {
        Reached::Running(attached) => Ok(Hosted::attached(*attached)),
        Reached::Free(_) => Err(CliError::missing(format_args!(
            "no engine runs on {}: start the service",
            data_dir.display()
        ))),
    }
}

/// Whether an engine may run on a data directory that this process cannot read.
pub(super) fn may_be_served(data_dir: &Path) -> bool {
    place::of_service(data_dir).exists()
}

/// An engine, here or in another process. One in this process is stopped in good order when it is dropped.
pub struct Hosted {
    handle: EngineHandle,
    /// Ended before the engine, so that they can deliver what was written last.
    deliveries: Option<Deliveries>,
    engine: Option<RunningEngine>,
    heads: Option<HeadKeeper>,
    metrics: Option<MetricsWriter>,
    /// Ended after the engine, which tells its clients that it stops.
    link: Option<LinkServer>,
    attached: Option<Attached>,
    /// Given up after the engine has stopped.
    lock: Option<DataDirLock>,
}

impl Hosted {
    /// The engine that runs.
    pub(super) fn attached(attached: Attached) -> Self {
        let handle = attached.handle().clone();
        Self {
            handle,
            deliveries: None,
            engine: None,
            heads: None,
            metrics: None,
            link: None,
            attached: Some(attached),
            lock: None,
        }
    }

    /// Starts one here, with the parts that `make` puts together under the lock.
    pub(super) fn start(
        lock: DataDirLock,
        make: impl FnOnce(&DataDirLock) -> Result<EngineParts, CliError>,
    ) -> Result<Self, CliError> {
        let engine = crate::engine::start(make(&lock)?).map_err(start_error)?;
        store_keys::forget();
        let handle = engine.handle(Actor::Local { uid: rustix::process::getuid().as_raw() });
        Ok(Self {
            handle,
            deliveries: None,
            engine: Some(engine),
            heads: None,
            metrics: None,
            link: None,
            attached: None,
            lock: Some(lock),
        })
    }

    /// With the hooks of the configuration, which deliver from now on.
    pub(super) fn with_hooks(mut self, effective: &Effective) -> Result<Self, CliError> {
        let hooks = hooks::hooks(effective)?;
        if !hooks.is_empty() {
            let engine = self.engine.as_ref().map(|engine| engine.handle(Actor::System));
            let handle = engine.unwrap_or_else(|| self.handle.clone());
            let started = Deliveries::start(hooks, &handle, &effective.state_dir);
            self.deliveries = Some(started.map_err(CliError::missing)?);
        }
        Ok(self)
    }

    /// Writes the end of the ledger where the configuration says, for as long as the engine is here.
    pub(super) fn keep_heads(mut self, effective: &Effective) -> Result<Self, CliError> {
        let settings = &effective.ledger;
        let minutes = settings.head_minutes.value.get();
        if let (Some(path), true) = (&settings.head_file.value, minutes > 0) {
            let every = Duration::from_secs(60 * u64::from(minutes));
            let keeper = HeadKeeper::start(self.handle.clone(), path.clone(), every);
            self.heads = Some(keeper.map_err(CliError::missing)?);
        }
        Ok(self)
    }

    /// Writes metrics as the configuration says from now on, and no others.
    ///
    /// # Errors
    /// [`CliError`] where the system gives no thread.
    pub(in crate::cli) fn write_metrics(&mut self, effective: &Effective) -> Result<(), CliError> {
        self.metrics = None;
        let engine = self.engine.as_ref().map(|engine| engine.handle(Actor::System));
        let handle = engine.unwrap_or_else(|| self.handle.clone());
        self.metrics = MetricsWriter::of(&handle, effective).map_err(CliError::missing)?;
        Ok(())
    }

    /// With the metrics of the configuration.
    pub(super) fn with_metrics(mut self, effective: &Effective) -> Result<Self, CliError> {
        self.write_metrics(effective)?;
        Ok(self)
    }

    /// Lets other processes attach. A socket that cannot be made is no reason not to start: it is said in the
    /// diagnostics, and others are told who has the store.
    pub(in crate::cli) fn with_link(mut self, effective: &Effective) -> Result<Self, CliError> {
        let (Some(engine), Some(lock)) = (&self.engine, &mut self.lock) else { return Ok(self) };
        let doors = doors()?;
        let bound = BoundSocket::bind(lock.data_dir(), &runtime_dirs());
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => {
                tracing::warn!(%error, "other terminals cannot attach");
                return Ok(self);
            }
        };
        let server = LinkServer::start(bound, engine.handles(), doors, site(effective));
        let server = server.map_err(CliError::missing)?;
        lock.answers_at(server.socket()).map_err(attach_error)?;
        tracing::info!(socket = %server.socket().display(), "other terminals can attach");
        self.link = Some(server);
        Ok(self)
    }

    /// The same with the role of the operator that `--as` names. Whoever runs this must be able to see the list
    /// of operators, which takes an admin; what the role allows is for the engine to say.
    pub(super) fn acting(mut self, effective: &Effective) -> Result<Self, CliError> {
        let Some(who) = &effective.acting_as else { return Ok(self) };
        let operator = operators::find(&self.handle, who)?;
        if let Some(engine) = &self.engine {
            self.handle = engine.handle(Actor::Operator(operator.id.0));
        } else if let Some(attached) = &self.attached {
            let again = attach(attached.socket(), Some(operator.id), attached.staying());
            return Ok(Self::attached(again.map_err(CliError::missing)?));
        }
        Ok(self)
    }

    /// What a shell holds of it.
    pub fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// How the engine is.
    pub(in crate::cli) fn health(&self, effective: &Effective) -> Health {
        // One of this process was started for the question.
        gather::health(&self.handle, &effective.data_dir.value, self.engine.is_none())
    }

    /// The engine in this process.
    pub(in crate::cli) fn engine(&self) -> Option<&RunningEngine> {
        self.engine.as_ref()
    }

    /// Tells clients that come from now on what the configuration says now.
    pub(in crate::cli) fn tell_site(&self, effective: &Effective) {
        if let Some(link) = &self.link {
            link.set_site(site(effective));
        }
    }

    /// Where other processes attach, where they can.
    pub fn socket(&self) -> Option<&Path> {
        self.link.as_ref().map(LinkServer::socket)
    }

    /// Counts the terminals that are attached to the engine here; none where it is in another process.
    pub(super) fn others(&self) -> Option<impl Fn() -> usize + Send + Sync + 'static> {
        self.link.as_ref().map(LinkServer::counter)
    }

    /// Why there is no engine any more.
    pub(super) fn ended(&self) -> CliError {
        self.attached.as_ref().map_or_else(|| CliError::missing(STOPPED), farewell)
    }
}

/// What is said of an engine in this process that ended by itself.
const STOPPED: &str = "the engine has stopped; see the log file";

/// Why an engine in another process is not there any more.
pub(in crate::cli) fn farewell(attached: &Attached) -> CliError {
    match attached.farewell() {
        Some(words) => CliError::negative(words),
        None => CliError::missing("the engine has stopped"),
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // While there is an engine that it can ask.
        self.heads = None;
        self.metrics = None;
        drop(self.deliveries.take());
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
        self.link = None;
    }
}

/// Who may come in: operators, root, and the account that this runs as.
fn doors() -> Result<Doors, CliError> {
    let owner_uid = rustix::process::getuid().as_raw();
    // A machine without the account has nobody who comes that way.
    let ssh_uid = operators::uid_of(SSH_ACCOUNT, Path::new(ACCOUNTS)).ok();
    if ssh_uid == Some(0) {
        return Err(CliError::missing(format_args!(
            "{ACCOUNTS} gives the account {SSH_ACCOUNT} the number 0, and it must be nobody by itself: make it anew"
        )));
    }
    Ok(Doors { owner_uid, ssh_uid })
}

/// What the environment says of where sockets lie.
fn runtime_dirs() -> RuntimeDirs {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    RuntimeDirs { service: absolute("RUNTIME_DIRECTORY"), user: absolute("XDG_RUNTIME_DIR") }
}

/// What clients are told of the site.
fn site(effective: &Effective) -> Site {
    let part = |of: fn(&ConfigFile) -> &String| effective.file.as_ref().map(of).cloned().unwrap_or_default();
    // A pack that cannot be read is said where the nets are loaded.
    let facts = threshold::Site::of(effective).ok().map(|site| site.facts);
    Site {
        title: "muster".to_owned(),
        configuration: part(|file| &file.shown),
        recognition: facts.map(|facts| Recognition { configuration: part(|file| &file.recognition), facts }),
    }
}
