//! `[source]` as it is used: where frames come from, and how they are seen.

use std::path::Path;

use super::{Environment, Flags, Origin, QualitySettings, Setting, from_base};
use crate::attendance::SourceRole;
use crate::capture::view::{Region, SourceName, Turn, View};
use crate::capture::{
    CameraAddress, CameraMemory, CameraOptions, ControlSettings, OpenOptions, SourceSpec, Wanted,
};
use crate::config::ConfigError;
use crate::config::typed::{SourceTable, Typed};

/// Whoever walks up to a door is recognised two steps before it.
const DEFAULT_DISTANCE_M: f32 = 2.0;

/// What the command line says about the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFlags {
    /// `--source-name`
    pub name: Option<SourceName>,
    /// `--region`
    pub region: Option<Region>,
    /// `--rotate`
    pub rotate: Option<Turn>,
    /// `--mirror`
    pub mirror: Option<bool>,
    /// `--insecure`
    pub insecure: bool,
    /// `--only`: of several sources of the configuration, this one.
    pub only: Option<SourceName>,
}

/// A source that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedSource {
    /// Where frames come from.
    pub spec: Setting<SourceSpec>,
    /// How they are seen.
    pub settings: SourceSettings,
    /// Its own in `[sources.NAME]`; none for the one of `[source]` or `--source`.
    pub table: Option<SourceName>,
}

impl WatchedSource {
    /// What it is called.
    pub fn name(&self) -> String {
        self.settings.name_of(&self.spec.value)
    }
}

/// How the source is seen, and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSettings {
    /// What it is called; none for what `--source` says.
    pub name: Setting<Option<SourceName>>,
    /// What of the picture is looked at.
    pub region: Setting<Region>,
    /// By how much it is turned.
    pub rotate: Setting<Turn>,
    /// Whether left and right change places.
    pub mirror: Setting<bool>,
    /// Whether the certificate of `https://` must be one that this machine trusts.
    pub check_certificate: Setting<bool>,
    /// Which way people pass it.
    pub role: Setting<SourceRole>,
    /// How far from a camera people are recognised, in metres.
    pub distance_m: Setting<f32>,
    /// What a camera's own settings are set to.
    pub controls: Setting<ControlSettings>,
    /// Pixels between the eyes that a camera must give at that distance: as many as `[quality]` asks of a
    /// shot that is taken by itself.
    pub least_inter_eye_px: f32,
}

impl SourceSettings {
    /// What is said of a source in the file goes for the source of the file: another that `--source`
    /// names is seen as it is.
    fn resolve(
        flags: &Flags,
        typed: &SourceTable,
        source: &Setting<SourceSpec>,
        least_inter_eye_px: f32,
    ) -> Self {
        let none = SourceTable::default();
        let is_another =
            flags.source.is_some() && typed.default.as_ref().is_none_or(|typed| typed.0 != source.value);
        let typed = if is_another { &none } else { typed };
        let said = &flags.source_flags;
        Self {
            name: setting(
                said.name.clone().map(Some),
                "--source-name",
                typed.name.clone().map(|name| Some(name.0)),
                None,
            ),
            region: setting(said.region, "--region", typed.region.as_ref().map(|r| r.0), Region::default()),
            rotate: setting(said.rotate, "--rotate", typed.rotate, Turn::None),
            mirror: setting(said.mirror, "--mirror", typed.mirror, false),
            check_certificate: setting(
                said.insecure.then_some(false),
                "--insecure",
                typed.check_certificate,
                true,
            ),
            role: Setting::typed(typed.role.as_ref().map(|role| role.0), SourceRole::default()),
            distance_m: Setting::typed(typed.distance_m.map(|distance| distance.get()), DEFAULT_DISTANCE_M),
            controls: Setting::typed(typed.controls.clone(), ControlSettings::default()),
            least_inter_eye_px,
        }
    }

    /// How the pictures are seen.
    pub fn view(&self) -> View {
        View { turn: self.rotate.value, mirrored: self.mirror.value, region: self.region.value }
    }

    /// What the source `spec` is called.
    pub fn name_of(&self, spec: &SourceSpec) -> String {
        self.name.value.as_ref().map_or_else(|| spec.to_string(), SourceName::to_string)
    }

    /// Lays what is set over `options`.
    pub fn set(&self, options: &mut OpenOptions) {
        options.view = self.view();
        options.stream.check_certificate = self.check_certificate.value;
        let memory = options.camera.memory.clone();
        options.camera = CameraOptions { memory, ..self.camera_options() };
    }

    /// How a camera is opened, without a memory of earlier openings.
    pub fn camera_options(&self) -> CameraOptions {
        CameraOptions {
            wanted: Wanted { distance_m: self.distance_m.value, least_inter_eye_px: self.least_inter_eye_px },
            controls: self.controls.value.clone(),
            memory: CameraMemory::default(),
        }
    }
}

fn setting<T>(flag: Option<T>, name: &'static str, typed: Option<T>, default: T) -> Setting<T> {
    match flag {
        Some(value) => Setting::new(value, Origin::Flag(name)),
        None => Setting::typed(typed, default),
    }
}

/// What is watched: what `--source` says, else the sources of the configuration, one or several, those by
/// their names.
///
/// # Errors
/// [`ConfigError::NoSuchSource`] where `--only` names another.
pub(super) fn watched(
    flags: &Flags,
    typed: &Typed,
    base: &Path,
    environment: &Environment,
) -> Result<Vec<WatchedSource>, ConfigError> {
    let only = flags.source_flags.only.as_ref();
    let least_px = QualitySettings::resolve(&typed.quality).least_inter_eye_px.value;
    if flags.source.is_some() || (typed.sources.is_empty() && only.is_none()) {
        let spec = source(flags, &typed.source, base, environment);
        let settings = SourceSettings::resolve(flags, &typed.source, &spec, least_px);
        return Ok(vec![WatchedSource { spec, settings, table: None }]);
    }
    let mut found = Vec::new();
    for (name, table) in &typed.sources {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let spec = source(flags, table, base, environment);
        let mut settings = SourceSettings::resolve(flags, table, &spec, least_px);
        if settings.name.value.is_none() {
            settings.name = Setting::new(Some(name.clone()), Origin::File);
        }
        found.push(WatchedSource { spec, settings, table: Some(name.clone()) });
    }
    match only {
        Some(only) if found.is_empty() => Err(ConfigError::NoSuchSource {
            name: only.to_string(),
            known: typed.sources.keys().map(SourceName::to_string).collect(),
        }),
        _ => Ok(found),
    }
}

/// Where frames come from.
fn source(flags: &Flags, typed: &SourceTable, base: &Path, environment: &Environment) -> Setting<SourceSpec> {
    match &flags.source {
        Some(source) => Setting::new(source.clone(), Origin::Flag("--source")),
        None => Setting::typed(
            typed.default.as_ref().map(|source| from_base(source.0.clone(), base, environment)),
            SourceSpec::Camera(CameraAddress::Index(0)),
        ),
    }
}
