//! What is used, as TOML that can be read back, each value with where it came from.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use super::{Effective, Origin, Setting, WatchedSource};
use crate::access::TwoPersonDeed;
use crate::capture::{ControlSettings, ControlValue};
use crate::config::kiosk::ProgramLine;
use crate::identify::Threshold;

impl Effective {
    /// As TOML that can be read back, each value with where it came from.
    pub fn to_toml(&self) -> String {
        let mut text = match &self.file {
            Some(file) => format!("# read: {} ({})\n", file.path.display(), file.origin),
            None => "# no configuration file was found\n".to_owned(),
        };
        text += &format!("# diagnostics: {}\n", self.state_dir.display());
        for (name, lines) in self.tables() {
            text += &format!("\n[{name}]\n{}\n", lines.join("\n"));
        }
        for hook in &self.hooks {
            text += &format!("\n[[hook]]\n{}\n", hook.to_toml());
        }
        text
    }

    /// Every key with what is used, as the ledger notes it where it changes. What would be a secret is not in
    /// it: of a PIN that one is set and a mark that another has not, of a stream's address all but its password; nor where the key lies.
    pub fn values(&self) -> Vec<(String, String)> {
        let mut values = Vec::new();
        for (table, lines) in self.tables() {
            for line in lines {
                let line = line.strip_prefix("# ").unwrap_or(&line);
                // Where a value came from may be different while it is the same.
                let line = line.rsplit_once("  # ").map_or(line, |(line, _)| line);
                let split = line.split_once(" = ").or_else(|| line.split_once(": "));
                let Some((key, value)) = split else { continue };
                let value = match (table.as_str(), key, &self.kiosk.pin.value) {
                    ("store", "key", _) => "(not noted)".to_owned(),
                    ("kiosk", "pin", Some(pin)) => format!("set, {}", pin.mark()),
                    _ => value.to_owned(),
                };
                values.push((format!("{table}.{key}"), value));
            }
        }
        values.extend(self.attendance.rule_values());
        values.extend(self.hooks.iter().map(|hook| (format!("hook.{}", hook.name.as_str()), hook.noted())));
        values
    }

    fn tables(&self) -> Vec<(String, Vec<String>)> {
        let sources = self.sources.iter().map(|source| (source_heading(source), source_lines(source)));
        let rest = self.other_tables().into_iter().map(|(name, lines)| (name.to_owned(), lines));
        rest.chain(sources).collect()
    }

    fn other_tables(&self) -> Vec<(&'static str, Vec<String>)> {
        vec![
            ("data", vec![line("dir", quoted_path(&self.data_dir.value), self.data_dir.origin)]),
            (
                "store",
                vec![
                    line("key", quoted(&self.store_key.value.place.to_string()), self.store_key.origin),
                    line(
                        "queue_entries",
                        self.ledger.queue_entries.value.get(),
                        self.ledger.queue_entries.origin,
                    ),
                ],
            ),
            (
                "models",
                vec![
                    line("dir", quoted_path(&self.models_dir.value), self.models_dir.origin),
                    line("pack", quoted(self.pack.value.as_str()), self.pack.origin),
                ],
            ),
            ("inference", vec![line("device", quoted(&self.device.value.to_string()), self.device.origin)]),
            ("recognition", self.recognition_lines()),
            (
                "liveness",
                vec![
                    line("mode", quoted(&self.liveness_mode.value.to_string()), self.liveness_mode.origin),
                    optional("threshold", &self.liveness_threshold, "the model card's", f32::to_string),
                ],
            ),
            (
                "enrolment",
                vec![
                    line("shots", self.shots.value.get(), self.shots.origin),
                    line("keep_crops", self.keep_crops.value, self.keep_crops.origin),
                ],
            ),
            ("quality", self.quality.named().map(|(key, limit)| line(key, limit.value, limit.origin)).into()),
            ("inbox", vec![line("keep_hours", self.inbox_hours.value.get(), self.inbox_hours.origin)]),
            (
                "access",
                vec![line("two_person", deeds(&self.access.two_person.value), self.access.two_person.origin)],
            ),
            (
                "consent",
                vec![
                    line("required", self.consent.required.value, self.consent.required.origin),
                    optional("text", &self.consent.text, "none", |path| quoted_path(path)),
                    optional("version", &self.consent.version, "none", |version| {
                        quoted(&version.to_string())
                    }),
                ],
            ),
            (
                "retention",
                self.retention.named().map(|(key, days)| line(key, days.value.get(), days.origin)).into(),
            ),
            ("attendance", self.attendance_lines()),
            (
                "screen",
                vec![
                    optional("keymap", &self.screen.keymap, "none: the built-in keys", |path| {
                        quoted_path(path)
                    }),
                    line("mouse", self.screen.mouse.value, self.screen.mouse.origin),
                    line("theme", quoted(&self.screen.theme.value), self.screen.theme.origin),
                    line(
                        "graphics",
                        quoted(&self.screen.graphics.value.to_string()),
                        self.screen.graphics.origin,
                    ),
                    line(
                        "picture",
                        quoted(&self.screen.picture.value.to_string()),
                        self.screen.picture.origin,
                    ),
                ],
            ),
            (
                "kiosk",
                vec![
                    match self.kiosk.pin.value {
                        // A PIN is short: who sees its hash finds it.
                        Some(_) => format!("# pin = a hash, which is not shown  # {}", self.kiosk.pin.origin),
                        None => "# pin = none: no kiosk view".to_owned(),
                    },
                    line("sound", quoted(&self.kiosk.sound.value.to_string()), self.kiosk.sound.origin),
                    optional("success_command", &self.kiosk.success_command, "none", ProgramLine::to_toml),
                    optional("refusal_command", &self.kiosk.refusal_command, "none", ProgramLine::to_toml),
                ],
            ),
            (
                "ledger",
                vec![
                    optional("head_file", &self.ledger.head_file, "none", |path| quoted_path(path)),
                    line(
                        "head_minutes",
                        self.ledger.head_minutes.value.get(),
                        self.ledger.head_minutes.origin,
                    ),
                ],
            ),
            (
                "service",
                vec![
                    optional("metrics_file", &self.service.metrics_file, "none", |path| quoted_path(path)),
                    line(
                        "metrics_seconds",
                        self.service.metrics_seconds.value.get(),
                        self.service.metrics_seconds.origin,
                    ),
                ],
            ),
            (
                "log",
                vec![
                    line("level", quoted(&self.log_level.value.to_string()), self.log_level.origin),
                    line("keep_days", self.log_keep_days.value.get(), self.log_keep_days.origin),
                ],
            ),
        ]
    }

    fn attendance_lines(&self) -> Vec<String> {
        let a = &self.attendance;
        vec![
            line("day_rollover", quoted(&a.day_rollover.value.to_string()), a.day_rollover.origin),
            line("zone", quoted(&a.zone.value.to_string()), a.zone.origin),
            line("clock", quoted(&a.clock.value.to_string()), a.clock.origin),
            line("identifier", quoted(&a.identifier.value.to_string()), a.identifier.origin),
            line("badge_prefix", quoted(&a.badge_prefix.value.0), a.badge_prefix.origin),
            line("badge_suffix", quoted(&a.badge_suffix.value.0), a.badge_suffix.origin),
            line("early_minutes", a.early.value.get(), a.early.origin),
            line("grace_minutes", a.grace.value.get(), a.grace.origin),
            line("leaves_early_minutes", a.leaves_early.value.get(), a.leaves_early.origin),
        ]
    }

    fn recognition_lines(&self) -> Vec<String> {
        let r = &self.recognition;
        let similarity = |threshold: &Threshold| threshold.0.0.to_string();
        vec![
            optional("threshold", &r.threshold, "derived from target_fpir", similarity),
            line("target_fpir", r.target_fpir.value, r.target_fpir.origin),
            optional("threshold_floor", &r.threshold_floor, "the model card's threshold", similarity),
            line("margin", r.margin.value, r.margin.origin),
            line("votes", r.votes.value.get(), r.votes.origin),
            line("undecided_seconds", r.undecided_seconds.value, r.undecided_seconds.origin),
            line("debounce_seconds", r.debounce_seconds.value.get(), r.debounce_seconds.origin),
            line("passages_a_day", r.passages_a_day.value.get(), r.passages_a_day.origin),
            line("stranger_share", r.stranger_share.value, r.stranger_share.origin),
        ]
    }
}

/// As a table on one line.
fn controls(settings: &ControlSettings) -> String {
    let each = settings.0.iter().map(|(name, value)| {
        let value = match value {
            ControlValue::Word(word) => quoted(word),
            other => other.to_string(),
        };
        format!("{} = {value}", quoted(name))
    });
    let each = each.collect::<Vec<_>>().join(", ");
    if each.is_empty() { "{}".to_owned() } else { format!("{{ {each} }}") }
}

fn deeds(deeds: &BTreeSet<TwoPersonDeed>) -> String {
    let each = deeds.iter().map(|deed| quoted(&deed.to_string())).collect::<Vec<_>>().join(", ");
    format!("[{each}]")
}

fn line(key: &str, value: impl Display, origin: Origin) -> String {
    format!("{key} = {value}  # {origin}")
}

/// A key that may be left out: `otherwise` says what holds then.
fn optional<T>(
    key: &str,
    setting: &Setting<Option<T>>,
    otherwise: &str,
    show: impl Fn(&T) -> String,
) -> String {
    match &setting.value {
        Some(value) => line(key, show(value), setting.origin),
        None => format!("# {key}: {otherwise}  # default"),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The heading of a source's table.
fn source_heading(source: &WatchedSource) -> String {
    match &source.table {
        Some(name) => format!("sources.{}", quoted(&name.to_string())),
        None => "source".to_owned(),
    }
}

fn source_lines(source: &WatchedSource) -> Vec<String> {
    let s = &source.settings;
    vec![
        line(
            if source.table.is_some() { "from" } else { "default" },
            quoted(&source.spec.value.to_string()),
            source.spec.origin,
        ),
        optional("name", &s.name, "what default says", |name| quoted(&name.to_string())),
        line("region", quoted(&s.region.value.to_string()), s.region.origin),
        line("rotate", s.rotate.value, s.rotate.origin),
        line("mirror", s.mirror.value, s.mirror.origin),
        line("check_certificate", s.check_certificate.value, s.check_certificate.origin),
        line("role", quoted(&s.role.value.to_string()), s.role.origin),
        line("distance_m", s.distance_m.value, s.distance_m.origin),
        line("controls", controls(&s.controls.value), s.controls.origin),
    ]
}
