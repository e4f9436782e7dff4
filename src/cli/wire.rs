//! The one place where adapters are put behind the engine's ports.

mod analyser;
mod early;
mod nets;
mod parts;
mod presenter;
mod probes;
mod store_keys;
mod whole;

pub use analyser::analyser;
pub use nets::{cpu_loader, load_pipeline, runtime};
pub use parts::{open_source, sources};
pub use presenter::presenter;
pub use probes::{
    holds_a_store, probe_key, probe_liveness, probe_models, probe_provider, probe_runtime, probe_store,
};
pub use whole::{Listed, Waiting, change_key, prepare_restore};

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Pace;
use crate::config::Effective;
use crate::config::values::GraphicsName;
use crate::engine::{
    AttachError, Attachment, DataDirLock, EngineHandle, EngineParts, EngineSettings, LoadAnalyser,
    RunningEngine, SourceParts, StartError, attach_or_host,
};
use crate::face::PicturePolicy;
use crate::hook::worker::Deliveries;
use crate::ledger::Actor;
use crate::store::StoreError;
use crate::tui::graphics::{Graphics, GraphicsChoice};
use crate::tui::kiosk::KioskOptions;
use crate::tui::{self, TuiError, TuiOptions};

use super::args::ScreenArgs;
use super::exit::{CliError, Exit};
use super::head_file::HeadKeeper;
use super::{hooks, keys, lines, operators, sounds, themes};

/// What a subcommand needs of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// People, templates and the ledger.
    Store,
    /// The store and the nets.
    Nets,
    /// The store, the nets and frames, at the pace that the source has: every frame of a recording,
    /// the newest of a camera. Of several sources the newest, whatever they are.
    Frames,
    /// The same of one source, and no decision becomes an entry: somebody sits before the camera to be
    /// enrolled.
    Shots,
}

/// An engine in this process; stopped in good order when it is dropped.
pub struct Hosted {
    handle: EngineHandle,
    /// Ended before the engine, so that they can deliver what was written last.
    deliveries: Option<Deliveries>,
    engine: Option<RunningEngine>,
    heads: Option<HeadKeeper>,
    /// Given up after the engine has stopped.
    _lock: DataDirLock,
}

impl Hosted {
    /// With the hooks of the configuration, which deliver from now on.
    fn with_hooks(mut self, effective: &Effective) -> Result<Self, CliError> {
        let hooks = hooks::hooks(effective)?;
        if !hooks.is_empty() {
            let engine = self.engine.as_ref().map(|engine| engine.handle(Actor::System));
            let handle = engine.unwrap_or_else(|| self.handle.clone());
            let started = Deliveries::start(hooks, &handle, &effective.state_dir);
            self.deliveries = Some(started.map_err(CliError::missing)?);
        }
        Ok(self)
    }

    /// What a shell holds of it.
    pub fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Writes the end of the ledger where the configuration says, for as long as the engine is here.
    fn keep_heads(mut self, effective: &Effective) -> Result<Self, CliError> {
        let settings = &effective.ledger;
        let minutes = settings.head_minutes.value.get();
        if let (Some(path), true) = (&settings.head_file.value, minutes > 0) {
            let every = Duration::from_secs(60 * u64::from(minutes));
            let keeper = HeadKeeper::start(self.handle.clone(), path.clone(), every);
            self.heads = Some(keeper.map_err(CliError::missing)?);
        }
        Ok(self)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // While there is an engine that it can ask.
        self.heads = None;
        drop(self.deliveries.take());
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
    }
}

/// How long a one-shot subcommand waits for another process to finish with the data directory.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens the store and starts an engine with what `need` says.
///
/// # Errors
/// [`CliError`] of a missing part: the data directory is held by another process or cannot be
/// opened.
pub fn host(effective: &Effective, need: Need) -> Result<Hosted, CliError> {
    let is_watching = need == Need::Frames;
    let hosted = host_in(&effective.data_dir.value, |lock| {
        let load = (need != Need::Store).then(|| early::load_analyser(effective));
        let mut parts = parts::store_only(effective, lock)?;
        parts.load_analyser = load;
        if need == Need::Shots {
            parts.settings.takes_attendance = false;
            parts.sources = parts::once(&effective.sources[..1]);
        } else if is_watching {
            parts.sources = parts::once(&effective.sources);
        }
        Ok(parts)
    })?;
    let hosted = if is_watching { hosted.keep_heads(effective)?.with_hooks(effective)? } else { hosted };
    acting(hosted, effective)
}

/// The same with the role of the operator that `--as` names. Whoever runs this must be able to see the list
/// of operators, which takes an admin; what the role allows is for the engine to say.
fn acting(mut hosted: Hosted, effective: &Effective) -> Result<Hosted, CliError> {
    if let (Some(who), Some(engine)) = (&effective.acting_as, &hosted.engine) {
        let operator = operators::find(&hosted.handle, who)?;
        hosted.handle = engine.handle(Actor::Operator(operator.id.0));
    }
    Ok(hosted)
}

/// Becomes the engine of `data_dir`, with the parts that `make` puts together under the lock.
///
/// # Errors
/// [`CliError`] of a missing part.
pub(super) fn host_in(
    data_dir: &Path,
    make: impl FnOnce(&DataDirLock) -> Result<EngineParts, CliError>,
) -> Result<Hosted, CliError> {
    let Attachment::Host(lock) = attach_or_host(data_dir, PATIENCE).map_err(attach_error)?;
    let engine = crate::engine::start(make(&lock)?).map_err(start_error)?;
    store_keys::forget();
    let handle = engine.handle(Actor::Local { uid: rustix::process::getuid().as_raw() });
    Ok(Hosted { handle, deliveries: None, engine: Some(engine), heads: None, _lock: lock })
}

/// An engine that shows the sources of the configuration as cameras, for a screen.
pub(super) fn host_live(effective: &Effective) -> Result<Hosted, CliError> {
    let hosted = host_in(&effective.data_dir.value, |lock| {
        let load = early::load_analyser(effective);
        let mut parts = parts::store_only(effective, lock)?;
        parts.load_analyser = Some(load);
        parts.sources = parts::as_cameras(&effective.sources);
        Ok(parts)
    })?
    .keep_heads(effective)?
    .with_hooks(effective)?;
    acting(hosted, effective)
}

/// The demo's engine, in a store of its own: without a source to enrol, then with the stills as a
/// camera shows them.
pub(super) fn host_demo(
    effective: &Effective,
    data_dir: &Path,
    shown: Option<(Vec<PathBuf>, Pace)>,
) -> Result<Hosted, CliError> {
    host_in(data_dir, |lock| {
        let load = early::load_analyser(effective);
        let mut parts = parts::store_only(effective, lock)?;
        parts.load_analyser = Some(load);
        parts.settings = EngineSettings::default();
        parts.sources = shown.into_iter().map(|(paths, pace)| parts::stills(paths, pace)).collect();
        Ok(parts)
    })
}

/// An engine that is measured, on a store of its own.
pub(super) fn host_bench(
    effective: &Effective,
    data_dir: &Path,
    settings: EngineSettings,
    load: LoadAnalyser,
    sources: Vec<SourceParts>,
) -> Result<Hosted, CliError> {
    host_in(data_dir, |lock| {
        let mut parts = parts::store_only(effective, lock)?;
        parts.load_analyser = Some(load);
        parts.settings = settings;
        parts.sources = sources;
        Ok(parts)
    })
}

/// The engine of the configured source, as the screen has it.
///
/// # Errors
/// [`CliError`] as for [`host`].
pub fn host_screen(effective: &Effective) -> Result<Hosted, CliError> {
    host_live(effective)
}

fn graphics(name: GraphicsName) -> GraphicsChoice {
    match name {
        GraphicsName::Auto => GraphicsChoice::Auto,
        GraphicsName::Kitty => GraphicsChoice::Use(Graphics::Kitty),
        GraphicsName::Iterm2 => GraphicsChoice::Use(Graphics::Iterm2),
        GraphicsName::Sixel => GraphicsChoice::Use(Graphics::Sixel),
        GraphicsName::HalfBlocks => GraphicsChoice::Use(Graphics::HalfBlocks),
    }
}

/// The kiosk view, where there is a PIN for it.
fn kiosk(effective: &Effective, begins: bool) -> Result<KioskOptions, CliError> {
    let Some(pin) = effective.kiosk.pin.value.clone() else {
        if begins {
            return Err(CliError::usage(
                "the kiosk view is left with a PIN, and there is none yet: set one with `muster kiosk-pin`",
            ));
        }
        return Ok(KioskOptions::default());
    };
    let badge = effective.attendance.rules.takes_identifiers().then(|| effective.attendance.badge());
    let ring = sounds::ring(&effective.kiosk).map_err(CliError::missing)?;
    Ok(KioskOptions {
        begins,
        check_pin: Some(Arc::new(move |typed| pin.is(typed))),
        ring: Some(ring),
        badge,
    })
}

/// Draws the screen until it is left.
///
/// # Errors
/// [`CliError`] as for [`host`], or where there is no terminal.
pub fn screen(effective: &Effective, args: &ScreenArgs) -> Result<Exit, CliError> {
    require_terminal()?;
    let hosted = host_live(effective)?;
    show(&hosted, effective, "muster", args)
}

/// A screen needs a terminal at both ends; `muster take` does not.
pub(super) fn require_terminal() -> Result<(), CliError> {
    if io::stdout().is_terminal() && io::stdin().is_terminal() {
        return Ok(());
    }
    Err(CliError::usage("the screen needs a terminal; without one, use `muster take --source SOURCE`"))
}

/// Draws the screen of an engine until it is left, and passes on how it ended.
pub(super) fn show(
    hosted: &Hosted,
    effective: &Effective,
    title: &str,
    args: &ScreenArgs,
) -> Result<Exit, CliError> {
    let theme = args.theme.as_deref().unwrap_or(&effective.screen.theme.value);
    let options = TuiOptions {
        title: title.to_owned(),
        preview: !args.no_preview && hosted.handle().pictures() == PicturePolicy::Allowed,
        theme: Some(themes::theme_file(theme)?),
        no_color: args.no_color,
        keymap: keys::keymap_file(effective)?,
        runner: lines::runner(effective),
        kept: Some(effective.state_dir.join("screen.toml")),
        mouse: effective.screen.mouse.value,
        zone: effective.attendance.zone.value,
        rollover: effective.attendance.day_rollover.value.0,
        kiosk: kiosk(effective, args.kiosk)?,
        graphics: args.graphics.unwrap_or_else(|| graphics(effective.screen.graphics.value)),
        ..TuiOptions::default()
    };
    match tui::run(hosted.handle(), &options) {
        Ok(tui::Exit::Quit) => Ok(Exit::Done),
        Ok(tui::Exit::Signal(number)) => Ok(Exit::Signal(number)),
        Ok(tui::Exit::EngineStopped) => Err(CliError::missing("the engine has stopped; see the log file")),
        Err(error) if TuiError::is_terminal_gone(&error) => Ok(Exit::Signal(signal_hook::consts::SIGHUP)),
        Err(TuiError::Keymap(error)) => Err(CliError::usage(error)),
        Err(TuiError::Theme(error)) => Err(CliError::usage(error)),
        Err(error) => Err(CliError::missing(error)),
    }
}

fn attach_error(error: AttachError) -> CliError {
    CliError::missing(error)
}

fn start_error(error: StartError) -> CliError {
    CliError::missing(error)
}

fn store_error(error: StoreError) -> CliError {
    CliError::missing(error)
}
