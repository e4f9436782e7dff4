//! The one place where adapters are put behind the engine's ports.

mod analyser;
mod early;
mod hosted;
mod nets;
mod parts;
mod presenter;
mod probes;
mod store_keys;
mod whole;

pub use analyser::analyser;
pub use hosted::Hosted;
use hosted::{Reached, engine};
pub(super) use hosted::{farewell, running};
pub use nets::{cpu_loader, load_pipeline, runtime};
pub use parts::{open_source, settings_with, sources};
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
use crate::config::effective::Origin;
use crate::config::values::GraphicsName;
use crate::engine::state::SourceIndex;
use crate::engine::{
    AttachError, Command, DataDirLock, EngineParts, EngineSettings, LoadAnalyser, SourceParts, StartError,
};
use crate::face::PicturePolicy;
use crate::link::client::{Attached, Staying};
use crate::store::StoreError;
use crate::tui::graphics::{Graphics, GraphicsChoice};
use crate::tui::kiosk::KioskOptions;
use crate::tui::{self, Others, TuiError, TuiOptions};

use super::args::ScreenArgs;
use super::exit::{CliError, Exit};
use super::{keys, lines, sounds, themes};

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

/// How long a one-shot subcommand waits for another process to finish with the data directory.
const PATIENCE: Duration = Duration::from_secs(3);

/// An engine with what `need` says: the one that runs, or one in this process.
///
/// # Errors
/// [`CliError`] of a missing part: the data directory is held by another process or cannot be
/// opened.
pub fn host(effective: &Effective, need: Need) -> Result<Hosted, CliError> {
    let hosted = match engine(&effective.data_dir.value, Staying::Once)? {
        Reached::Running(attached) => match need {
            Need::Store | Need::Nets => Hosted::attached(*attached),
            Need::Shots => Hosted::attached(before_its_source(*attached, effective)?),
            Need::Frames => return Err(CliError::missing(WATCHES)),
        },
        Reached::Free(lock) => host_here(effective, need, lock)?,
    };
    hosted.acting(effective)
}

/// The same in this process and no other: for what needs other nets than an engine that runs has.
///
/// # Errors
/// [`CliError`] as for [`host`], also where an engine runs.
pub fn host_alone(effective: &Effective, need: Need) -> Result<Hosted, CliError> {
    let lock = DataDirLock::take(&effective.data_dir.value, PATIENCE).map_err(attach_error)?;
    host_here(effective, need, lock)?.acting(effective)
}

/// What is said where frames are to be worked through and an engine runs.
const WATCHES: &str = "an engine runs here and watches its own sources: `muster` attaches to it, `muster report --follow` prints \
                       what it records; to work on a recording, use another directory with --data-dir";

fn host_here(effective: &Effective, need: Need, lock: DataDirLock) -> Result<Hosted, CliError> {
    let is_watching = need == Need::Frames;
    let hosted = Hosted::start(lock, |lock| {
        let load = (need != Need::Store).then(|| early::load_analyser(effective));
        let mut parts = parts::store_only(effective, lock)?;
        parts.settings.approvals.has_others = is_watching;
        parts.load_analyser = load;
        if need == Need::Shots {
            parts.settings.takes_attendance = false;
            parts.sources = parts::once(&effective.sources[..1]);
        } else if is_watching {
            parts.sources = parts::once(&effective.sources);
        }
        Ok(parts)
    })?;
    if is_watching {
        hosted.keep_heads(effective)?.with_hooks(effective)?.with_link(effective)
    } else {
        Ok(hosted)
    }
}

/// The engine that runs, to be looked at; else one on the store that is there. Makes no store where there is none.
pub(super) fn host_to_look(effective: &Effective) -> Result<Hosted, CliError> {
    let data_dir = &effective.data_dir.value;
    if !holds_a_store(data_dir) && !hosted::may_be_served(data_dir) {
        let shown = data_dir.display();
        return Err(CliError::missing(format_args!("no engine runs, and there is no store in {shown}")));
    }
    host(effective, Need::Store)
}

/// The same engine, looking at the source that people are to be enrolled before.
fn before_its_source(attached: Attached, effective: &Effective) -> Result<Attached, CliError> {
    let wanted = effective.source().name();
    let live = attached.handle().snapshot().live;
    let Some(position) = live.sources.iter().position(|source| source.name == wanted) else {
        let names: Vec<&str> = live.sources.iter().map(|source| source.name.as_str()).collect();
        return Err(CliError::missing(format_args!(
            "an engine runs here and does not watch {wanted}: enrol before one of its own sources ({})",
            names.join(", ")
        )));
    };
    if live.focus.position() != position {
        attached.handle().call(Command::Look(SourceIndex::at(position)))?;
    }
    Ok(attached)
}

/// Becomes the engine of `data_dir`, with the parts that `make` puts together under the lock.
///
/// # Errors
/// [`CliError`] of a missing part.
pub(super) fn host_in(
    data_dir: &Path,
    make: impl FnOnce(&DataDirLock) -> Result<EngineParts, CliError>,
) -> Result<Hosted, CliError> {
    Hosted::start(DataDirLock::take(data_dir, PATIENCE).map_err(attach_error)?, make)
}

/// An engine that shows the sources of the configuration as cameras, for as long as this process runs: the
/// one that runs already, or one here that others can attach to.
pub(super) fn host_live(effective: &Effective) -> Result<Hosted, CliError> {
    match engine(&effective.data_dir.value, Staying::ComesBack)? {
        Reached::Free(lock) => host_cameras(effective, lock)?.acting(effective),
        Reached::Running(attached) if effective.source().spec.origin == Origin::Flag("--source") => {
            let holder = attached.site().title.clone();
            Err(CliError::usage(format_args!(
                "an engine runs here ({holder}) and watches its own sources: leave --source out to attach to it, or \
                 use another directory with --data-dir"
            )))
        }
        Reached::Running(attached) => Hosted::attached(*attached).acting(effective),
    }
}

/// The same as a service: here, and nowhere else.
pub(super) fn host_service(effective: &Effective) -> Result<Hosted, CliError> {
    let lock = DataDirLock::take(&effective.data_dir.value, PATIENCE).map_err(attach_error)?;
    host_cameras(effective, lock)
}

/// An engine here, on the sources of the configuration as cameras.
pub(super) fn host_cameras(effective: &Effective, lock: DataDirLock) -> Result<Hosted, CliError> {
    Hosted::start(lock, |lock| {
        let load = early::load_analyser(effective);
        let mut parts = parts::store_only(effective, lock)?;
        parts.load_analyser = Some(load);
        parts.sources = parts::as_cameras(&effective.sources);
        Ok(parts)
    })?
    .keep_heads(effective)?
    .with_hooks(effective)?
    .with_metrics(effective)?
    .with_link(effective)
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
        others: hosted.others().map(Others::counted_by).unwrap_or_default(),
        graphics: args.graphics.unwrap_or_else(|| graphics(effective.screen.graphics.value)),
        ..TuiOptions::default()
    };
    ended(tui::run(hosted.handle(), &options), || hosted.ended())
}

/// How the process ends after a screen; `stopped` is why there is no engine any more, where there is none.
pub(super) fn ended(
    screen: Result<tui::Exit, TuiError>,
    stopped: impl FnOnce() -> CliError,
) -> Result<Exit, CliError> {
    match screen {
        Ok(tui::Exit::Quit) => Ok(Exit::Done),
        Ok(tui::Exit::Signal(number)) => Ok(Exit::Signal(number)),
        Ok(tui::Exit::EngineStopped) => Err(stopped()),
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
