//! `[source]` as it is typed.

use serde::Deserialize;

use crate::attendance::SourceRole;
use crate::capture::ControlSettings;
use crate::capture::view::{Region, SourceName, Turn};
use crate::config::values::{DistanceRange, Ranged, Real, SourceText, Text};

/// The keys of a source: of `[source]`, and of each of `[sources.NAME]`.
pub(super) const SOURCE_KEYS: &[&str] = &[
    "default",
    "from",
    "name",
    "region",
    "rotate",
    "mirror",
    "check_certificate",
    "role",
    "distance_m",
    "controls",
];

/// Where frames come from.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceTable {
    /// The source where no `--source` is given. Called `from` where there are several.
    #[serde(alias = "from")]
    pub default: Option<SourceText>,
    /// What it is called.
    pub name: Option<Text<SourceName>>,
    /// What of its picture is looked at.
    pub region: Option<Text<Region>>,
    /// Degrees by which the picture is turned, clockwise.
    #[serde(deserialize_with = "turn")]
    pub rotate: Option<Turn>,
    /// Whether left and right change places.
    pub mirror: Option<bool>,
    /// Whether the certificate of `https://` must be one that this machine trusts.
    pub check_certificate: Option<bool>,
    /// Which way people pass it.
    pub role: Option<Text<SourceRole>>,
    /// How far from it people are recognised, in metres.
    pub distance_m: Option<Real<DistanceRange>>,
    /// What the camera's own settings are set to.
    pub controls: Option<ControlSettings>,
}

/// Degrees as a whole number.
fn turn<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Turn>, D::Error> {
    let degrees = Ranged::<0, 270>::deserialize(deserializer)?;
    Turn::try_from(degrees.get()).map(Some).map_err(serde::de::Error::custom)
}
