//! `[service]`: what a running engine says of itself to a monitor.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::effective::{Setting, in_range};
use super::values::{Ranged, Text};

/// Seconds between two times that the metrics are written.
pub type MetricsSeconds = Ranged<5, 3600>;

/// The keys of `[service]`.
pub(super) const SERVICE_KEYS: &[&str] = &["metrics_file", "metrics_seconds"];

/// A file of metrics: the collector reads those alone whose names end in `.prom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsFile(pub PathBuf);

impl std::str::FromStr for MetricsFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        if path.extension().is_some_and(|extension| extension == "prom") {
            return Ok(Self(path));
        }
        Err(format!(
            "`{}` is no file that the textfile collector reads: expected a name that ends in .prom",
            text.escape_debug()
        ))
    }
}

/// `[service]` as it was typed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceTable {
    /// The file of metrics; relative to the configuration's own folder.
    pub metrics_file: Option<Text<MetricsFile>>,
    /// How often it is written.
    pub metrics_seconds: Option<MetricsSeconds>,
}

/// What is used of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSettings {
    /// The file of metrics; none for none.
    pub metrics_file: Setting<Option<PathBuf>>,
    /// How often it is written, in seconds.
    pub metrics_seconds: Setting<MetricsSeconds>,
}

/// Twice between two of Prometheus's usual visits.
const DEFAULT_METRICS_SECONDS: MetricsSeconds = in_range(MetricsSeconds::new(30));

impl ServiceSettings {
    /// From what was typed; `file_path` says what a path of the file means.
    pub(super) fn resolve(typed: &ServiceTable, file_path: impl Fn(&Path) -> PathBuf) -> Self {
        let file = typed.metrics_file.as_ref().map(|file| Some(file_path(&file.0.0)));
        Self {
            metrics_file: Setting::typed(file, None),
            metrics_seconds: Setting::typed(typed.metrics_seconds, DEFAULT_METRICS_SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Typed;

    fn typed(text: &str) -> Result<ServiceTable, String> {
        let typed = Typed::parse(text, Path::new("muster.toml"));
        typed.map(|typed| typed.service).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_nonsense_is_refused_with_its_key_and_line() {
        let settings =
            |text| ServiceSettings::resolve(&typed(text).unwrap(), |path| Path::new("/etc").join(path));
        assert_eq!(settings("").metrics_file.value, None);
        assert_eq!(settings("").metrics_seconds.value.get(), 30);
        let given = settings("[service]\nmetrics_file = \"a.prom\"\nmetrics_seconds = 5\n");
        assert_eq!(given.metrics_file.value.as_deref(), Some(Path::new("/etc/a.prom")));
        for (line, key) in [
            ("metrics_seconds = 4", "service.metrics_seconds"),
            ("metrics_seconds = 3601", "service.metrics_seconds"),
            ("metrics_file = \"a.txt\"", "service.metrics_file"),
            ("metrics_file = \"\"", "service.metrics_file"),
        ] {
            let refused = typed(&format!("[service]\n{line}\n")).unwrap_err();
            assert!(refused.contains("line 2") && refused.contains(key), "{line}: {refused}");
        }
    }
}
