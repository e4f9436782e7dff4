//! What is used, and where each value came from.

mod access;
mod attendance;
mod privacy;
mod quality;
mod recognition;
mod screen;
mod show;
mod source;

pub use access::AccessSettings;
pub use attendance::AttendanceSettings;
pub use privacy::{ConsentSettings, RetentionSettings};
pub use quality::QualitySettings;
pub use recognition::Recognition;
pub use screen::ScreenSettings;
pub use source::{SourceFlags, SourceSettings, WatchedSource};

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::capture::SourceSpec;
use crate::face::LivenessMode;
use crate::inference::DeviceChoice;

use super::ConfigError;
use super::environment::Environment;
use super::hooks::HookSettings;
use super::key_place::{StoreKey, store_key};
use super::kiosk::KioskSettings;
use super::ledger::LedgerSettings;
use super::service::ServiceSettings;
use super::shown::{recognition_part, shown_part};
use super::typed::{InboxHours, KeepDays, PackName, SIZE_LIMIT_BYTES, Shots, Typed};
use super::values::LogLevel;

/// Where a value came from, in the order in which one beats the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Environment(&'static str),
    /// The configuration file.
    File,
    /// Nothing was said, and this was found.
    Found(&'static str),
    /// Nothing was said.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File => f.write_str("file"),
            Self::Found(what) => write!(f, "default, {what}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What is used.
    pub value: T,
    /// Why.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// What the file says, or `default`.
    pub(super) fn typed(typed: Option<T>, default: T) -> Self {
        typed.map_or(Self::new(default, Origin::Default), |value| Self::new(value, Origin::File))
    }
}

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--models-dir`
    pub models_dir: Option<PathBuf>,
    /// `--device`
    pub device: Option<DeviceChoice>,
    /// `--onnxruntime`
    pub onnxruntime: Option<PathBuf>,
    /// `--source`
    pub source: Option<SourceSpec>,
    /// What goes with it.
    pub source_flags: SourceFlags,
    /// How many `-v`: each makes the diagnostics one level louder.
    pub verbosity: u8,
    /// `--as`
    pub acting_as: Option<String>,
}

/// A configuration file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigFile {
    /// Which.
    pub path: PathBuf,
    /// What pointed at it.
    pub origin: Origin,
    /// What it says.
    pub typed: Typed,
    /// The part of it that every client may know, as TOML.
    pub shown: String,
    /// The part that says how templates are compared, as TOML.
    pub recognition: String,
}

/// What is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The file that was read, where there was one.
    pub file: Option<ConfigFile>,
    /// Where people, templates and the ledger are.
    pub data_dir: Setting<PathBuf>,
    /// Where the key is that the store is sealed with.
    pub store_key: Setting<StoreKey>,
    /// Where the nets and the runtime are.
    pub models_dir: Setting<PathBuf>,
    /// Which nets are used together.
    pub pack: Setting<PackName>,
    /// What they are asked to run on.
    pub device: Setting<DeviceChoice>,
    /// The ONNX Runtime library that the command line names.
    pub onnxruntime: Option<PathBuf>,
    /// What is watched: at least one source.
    pub sources: Vec<WatchedSource>,
    /// When a face is somebody.
    pub recognition: Recognition,
    /// What follows from the liveness net.
    pub liveness_mode: Setting<LivenessMode>,
    /// In place of the liveness card's threshold.
    pub liveness_threshold: Setting<Option<f32>>,
    /// Shots that the camera takes by itself for an enrolment.
    pub shots: Setting<Shots>,
    /// Whether aligned crops are kept.
    pub keep_crops: Setting<bool>,
    /// What a shot must reach to be taken by itself.
    pub quality: QualitySettings,
    /// Hours that a stranger's item is kept; 0 for no inbox.
    pub inbox_hours: Setting<InboxHours>,
    /// What waits for the store, and where the end of the ledger is written to.
    pub ledger: LedgerSettings,
    /// What a running engine says of itself to a monitor.
    pub service: ServiceSettings,
    /// Who may do what, beyond the roles.
    pub access: AccessSettings,
    /// What people are asked before they are enrolled.
    pub consent: ConsentSettings,
    /// How long things are kept.
    pub retention: RetentionSettings,
    /// What the site decides about attendance.
    pub attendance: AttendanceSettings,
    /// Where records go, besides the store.
    pub hooks: Vec<HookSettings>,
    /// How the screen behaves.
    pub screen: ScreenSettings,
    /// How the kiosk view behaves.
    pub kiosk: KioskSettings,
    /// How much goes to the diagnostics.
    pub log_level: Setting<LogLevel>,
    /// How many daily files stay.
    pub log_keep_days: Setting<KeepDays>,
    /// The operator whose role is taken; none for that of whoever runs this.
    pub acting_as: Option<String>,
    /// Where the diagnostics go: `$XDG_STATE_HOME/muster`, or `log` in the data directory where
    /// there is no home.
    pub state_dir: PathBuf,
}

/// The pack that a first set-up fetches.
const DEFAULT_PACK: &str = "default";
/// Somebody who sits for their picture turns a little in a few seconds: more shots differ less.
const DEFAULT_SHOTS: Shots = in_range(Shots::new(4));
/// A working day.
const DEFAULT_INBOX_HOURS: InboxHours = in_range(InboxHours::new(8));
/// A week of log files.
const DEFAULT_KEEP_DAYS: KeepDays = in_range(KeepDays::new(7));

/// For constants alone, where the compiler evaluates it.
pub(super) const fn in_range<const MIN: u32, const MAX: u32>(
    value: Option<super::Ranged<MIN, MAX>>,
) -> super::Ranged<MIN, MAX> {
    match value {
        Some(value) => value,
        None => panic!("the default lies in its range"),
    }
}

impl Effective {
    /// Reads the configuration file, where there is one, and lays flags and environment over it.
    ///
    /// # Errors
    /// [`ConfigError`] for a file that is named and not there, one that says something wrong, or
    /// where there is no place for the data.
    pub fn resolve(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        Self::of_file(find_file(flags, environment)?, flags, environment)
    }

    /// The part of an engine's configuration that it told this client, and nothing of this process: no file is
    /// read and no variable counts.
    ///
    /// # Errors
    /// [`ConfigError`] where it is not what this version of muster writes.
    pub fn of_site(configuration: &str) -> Result<Self, ConfigError> {
        let path = PathBuf::from("what the engine says of its configuration");
        let typed = Typed::parse(configuration, &path)?;
        let shown = configuration.to_owned();
        let origin = Origin::Found("the engine's");
        let file = ConfigFile { path, origin, typed, shown, recognition: String::new() };
        let nothing =
            Environment { current_dir: "/".into(), system_root: "/".into(), ..Environment::default() };
        // The service's, which is never opened here.
        let flags = Flags { data_dir: Some(nothing.system("var/lib/muster")), ..Flags::default() };
        Self::of_file(Some(file), &flags, &nothing)
    }

    fn of_file(
        file: Option<ConfigFile>,
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let typed = file.as_ref().map(|file| file.typed.clone()).unwrap_or_default();
        let base = file.as_ref().and_then(|file| file.path.parent()).unwrap_or(Path::new("/")).to_owned();
        let data_dir = data_dir(flags, environment, &typed, &base)?;
        let state_dir = environment
            .xdg("XDG_STATE_HOME", ".local/state")
            .map_or_else(|| data_dir.value.join("log"), |state| state.join("muster"));
        let key = typed.store.key.clone().map(|key| key.0);
        let attendance = AttendanceSettings::resolve(&typed);
        let quality = QualitySettings::resolve(&typed.quality);
        let sources = source::watched(flags, &typed, &base, environment)?;
        Ok(Self {
            store_key: store_key(key, &data_dir.value, environment, |path| {
                file_path(path, &base, environment)
            }),
            models_dir: models_dir(flags, environment, &typed, &base),
            pack: match typed.models.pack {
                Some(pack) => Setting::new(pack.0, Origin::File),
                None => Setting::new(default_pack(), Origin::Default),
            },
            device: match flags.device {
                Some(device) => Setting::new(device, Origin::Flag("--device")),
                None => Setting::typed(typed.inference.device.map(|d| d.0), DeviceChoice::Auto),
            },
            onnxruntime: flags.onnxruntime.clone(),
            sources,
            recognition: Recognition::resolve(&typed.recognition),
            liveness_mode: Setting::typed(typed.liveness.mode.map(|m| m.0), LivenessMode::default()),
            liveness_threshold: Setting::typed(typed.liveness.threshold.map(|t| Some(t.get())), None),
            shots: Setting::typed(typed.enrolment.shots, DEFAULT_SHOTS),
            keep_crops: Setting::typed(typed.enrolment.keep_crops, false),
            quality,
            inbox_hours: Setting::typed(typed.inbox.keep_hours, DEFAULT_INBOX_HOURS),
            access: AccessSettings::resolve(&typed.access),
            consent: ConsentSettings::resolve(&typed.consent, |path| file_path(path, &base, environment))?,
            retention: RetentionSettings::resolve(&typed.retention),
            attendance,
            ledger: LedgerSettings::resolve(&typed.ledger, &typed.store, |path| {
                file_path(path, &base, environment)
            }),
            service: ServiceSettings::resolve(&typed.service, |path| file_path(path, &base, environment)),
            hooks: typed
                .hook
                .iter()
                .filter_map(|hook| HookSettings::resolve(hook, |path| file_path(path, &base, environment)))
                .collect(),
            screen: ScreenSettings::resolve(&typed.screen, environment, |path| {
                file_path(path, &base, environment)
            }),
            kiosk: KioskSettings::resolve(&typed.kiosk),
            log_level: Setting::typed(typed.log.level.map(|level| level.0), LogLevel::Info),
            log_keep_days: Setting::typed(typed.log.keep_days, DEFAULT_KEEP_DAYS),
            acting_as: flags.acting_as.clone(),
            state_dir,
            data_dir,
            file,
        })
    }
}

impl Effective {
    /// The source, or the first of several: for what works with one.
    pub fn source(&self) -> &WatchedSource {
        // `watched` gives one at least: the flag's, that of `[source]`, or those of `[sources]`.
        self.sources.first().unwrap_or_else(|| unreachable!("there is a source"))
    }
}

fn default_pack() -> PackName {
    // `DEFAULT_PACK` is a name of letters alone; a test reads it.
    DEFAULT_PACK.parse().unwrap_or_else(|_| unreachable!("the default pack has a valid name"))
}

/// The first file of the documented order that is there, read.
fn find_file(flags: &Flags, environment: &Environment) -> Result<Option<ConfigFile>, ConfigError> {
    if let Some(path) = &flags.config {
        return read_file(environment.absolute(path), Origin::Flag("--config")).map(Some);
    }
    if let Some(path) = environment.variable("MUSTER_CONFIG") {
        let path = environment.absolute(Path::new(path));
        return read_file(path, Origin::Environment("MUSTER_CONFIG")).map(Some);
    }
    let user = environment.xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("muster/muster.toml"));
    let system = environment.system("etc/muster/muster.toml");
    let places = user.map(|path| (path, "the user's")).into_iter().chain([(system, "the system's")]);
    for (path, whose) in places {
        // A file that is there and may not be read is an error: skipping it would change what is
        // used without a word.
        if path.symlink_metadata().is_ok() {
            return read_file(path, Origin::Found(whose)).map(Some);
        }
    }
    Ok(None)
}

fn read_file(path: PathBuf, origin: Origin) -> Result<ConfigFile, ConfigError> {
    let read = || -> std::io::Result<String> {
        let mut text = String::new();
        // One byte more than is allowed, so that the parser sees that there was too much.
        std::fs::File::open(&path)?.take(SIZE_LIMIT_BYTES as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| ConfigError::Read {
        path: path.clone(),
        named_by: origin.to_string(),
        source,
    })?;
    let typed = Typed::parse(&text, &path)?;
    let (shown, recognition) = (shown_part(&text), recognition_part(&text));
    Ok(ConfigFile { path, origin, typed, shown, recognition })
}

/// A path of the file, from the file's own folder; `~/` is the home.
fn file_path(path: &Path, base: &Path, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~"), environment.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => environment.absolute(base).join(path),
    }
}

fn from_base(source: SourceSpec, base: &Path, environment: &Environment) -> SourceSpec {
    match source {
        SourceSpec::Replay(dir) => SourceSpec::Replay(file_path(&dir, base, environment)),
        // A stream's address is no path.
        SourceSpec::Video(file) if !file.to_string_lossy().contains("://") => {
            SourceSpec::Video(file_path(&file, base, environment))
        }
        SourceSpec::Images(pattern) => SourceSpec::Images(
            file_path(Path::new(&pattern), base, environment).to_string_lossy().into_owned(),
        ),
        other => other,
    }
}

fn data_dir(
    flags: &Flags,
    environment: &Environment,
    typed: &Typed,
    base: &Path,
) -> Result<Setting<PathBuf>, ConfigError> {
    if let Some(path) = &flags.data_dir {
        return Ok(Setting::new(environment.absolute(path), Origin::Flag("--data-dir")));
    }
    if let Some(path) = environment.variable("MUSTER_DATA_DIR") {
        let path = environment.absolute(Path::new(path));
        return Ok(Setting::new(path, Origin::Environment("MUSTER_DATA_DIR")));
    }
    if let Some(path) = &typed.data.dir {
        return Ok(Setting::new(file_path(path, base, environment), Origin::File));
    }
    let system = environment.system("var/lib/muster");
    if environment.owns_folder(&system) {
        return Ok(Setting::new(system, Origin::Found("the system's, which this user owns")));
    }
    let user = environment.xdg("XDG_DATA_HOME", ".local/share").ok_or(ConfigError::NoHome)?;
    Ok(Setting::new(user.join("muster"), Origin::Default))
}

fn models_dir(flags: &Flags, environment: &Environment, typed: &Typed, base: &Path) -> Setting<PathBuf> {
    if let Some(path) = &flags.models_dir {
        return Setting::new(environment.absolute(path), Origin::Flag("--models-dir"));
    }
    if let Some(path) = environment.variable("MUSTER_MODELS_DIR") {
        return Setting::new(environment.absolute(Path::new(path)), Origin::Environment("MUSTER_MODELS_DIR"));
    }
    if let Some(path) = &typed.models.dir {
        return Setting::new(file_path(path, base, environment), Origin::File);
    }
    // A checkout is where the process was started, or where the program was built: its file is
    // then target/PROFILE/muster.
    let built_in = environment.executable.as_deref().and_then(|file| file.ancestors().nth(3));
    for checkout in [Some(environment.current_dir.as_path()), built_in].into_iter().flatten() {
        let models = checkout.join("models");
        if models.join("cards").is_dir() && environment.trusts_folder(&models) {
            return Setting::new(models, Origin::Found("of this checkout"));
        }
    }
    Setting::new(environment.system("var/lib/muster/models"), Origin::Default)
}

#[cfg(test)]
mod tests;
