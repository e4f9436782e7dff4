//! A health as Prometheus reads it: the text format, version 0.0.4. Nobody's name is in it.

use std::fmt::Write as _;

use crate::engine::health::Health;
use crate::engine::state::{InferenceStatus, SourceState, SourceStatus};
use crate::ledger::ClockState;

/// What kind of a number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// It may fall.
    Gauge,
    /// It grows until the engine is started again.
    Counter,
}

/// A sample: labels with their values, and the number.
type Sample<'a> = (Vec<(&'static str, &'a str)>, f64);

/// The text of `health`, for an engine of `version`.
pub fn text(health: &Health, version: &str) -> String {
    let mut text = String::new();
    let (provider, pack) = match &health.nets {
        Some(InferenceStatus::Ready { provider, pack }) => (provider.to_string(), pack.clone()),
        _ => (String::new(), String::new()),
    };
    let info = vec![("version", version), ("provider", &provider), ("pack", &pack)];
    let is_ready = matches!(health.nets, Some(InferenceStatus::Ready { .. }));
    family(&mut text, "info", "What runs.", Type::Gauge, [(info, 1.0)]);
    number(&mut text, "attention", "Things that need attention.", health.attention.len() as f64);
    number(&mut text, "nets_ready", "Whether the nets run.", flag(is_ready));
    sources(&mut text, &health.sources);
    if let Some(last) = health.last_decision {
        let at = last.at.timestamp() as f64;
        number(&mut text, "last_decision_timestamp_seconds", "When somebody was decided about last.", at);
    }
    store(&mut text, health);
    if let Some(disk) = health.disk {
        number(&mut text, "disk_free_bytes", "Room left on the store's disk.", disk.free_bytes as f64);
        number(&mut text, "disk_size_bytes", "Room of the store's disk.", disk.total_bytes as f64);
    }
    let is_synchronised = health.clock == ClockState::Synchronised;
    number(&mut text, "clock_synchronised", "Whether the clock is synchronised.", flag(is_synchronised));
    if let Some(end) = health.ledger {
        number(&mut text, "ledger_entries", "The number of the ledger's last entry.", end.sequence.0 as f64);
    }
    let at = health.at.timestamp() as f64;
    number(&mut text, "written_timestamp_seconds", "When this was so.", at);
    text
}

fn sources(text: &mut String, sources: &[SourceStatus]) {
    type Measure = fn(&SourceStatus) -> f64;
    let families: [(&str, &str, Type, Measure); 6] = [
        ("source_up", "Whether frames of use come from a source.", Type::Gauge, |source| {
            flag(source.state == SourceState::Streaming && source.trouble.is_none())
        }),
        ("source_paused", "Whether an operator paused it.", Type::Gauge, |source| {
            flag(source.state == SourceState::Paused)
        }),
        ("source_frames_total", "Frames that were looked at.", Type::Counter, |source| source.frames as f64),
        ("source_dropped_frames_total", "Frames that a newer one replaced.", Type::Counter, |source| {
            source.dropped as f64
        }),
        ("source_frames_per_second", "Frames looked at in the last second.", Type::Gauge, |source| {
            f64::from(source.frames_per_second)
        }),
        ("source_faces", "Faces that are followed in it.", Type::Gauge, |source| f64::from(source.in_view)),
    ];
    for (name, help, kind, measure) in families {
        let samples = sources.iter().map(|source| (vec![("source", source.name.as_str())], measure(source)));
        family(text, name, help, kind, samples);
    }
}

fn store(text: &mut String, health: &Health) {
    let is_up = health.store.is_some() && health.store_fault.is_none();
    number(text, "store_up", "Whether the store takes entries.", flag(is_up));
    number(text, "store_queue_entries", "Entries that wait for the store.", f64::from(health.queue));
    let lost = health.not_recorded as f64;
    number(text, "not_recorded", "Records that had no room to wait, since the store last took one.", lost);
    let Some(store) = &health.store else { return };
    number(text, "store_size_bytes", "Bytes of the store's file.", store.file_bytes as f64);
    number(text, "store_people", "People, also those whose enrolment has ended.", store.people as f64);
    number(text, "store_templates", "Templates.", store.templates as f64);
    number(text, "inbox_items", "Strangers in the inbox.", store.strangers as f64);
    if let Some(backup) = &store.last_backup {
        let at = backup.at.timestamp() as f64;
        number(text, "last_backup_timestamp_seconds", "When the store was last backed up.", at);
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn number(text: &mut String, name: &str, help: &str, value: f64) {
    family(text, name, help, Type::Gauge, [(Vec::new(), value)]);
}

/// All samples of one name, after what they are; nothing where there are none.
fn family<'a>(
    text: &mut String,
    name: &str,
    help: &str,
    kind: Type,
    samples: impl IntoIterator<Item = Sample<'a>>,
) {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return;
    }
    let kind = match kind {
        Type::Gauge => "gauge",
        Type::Counter => "counter",
    };
    // Writing into a string does not fail.
    let _ = write!(text, "# HELP muster_{name} {help}\n# TYPE muster_{name} {kind}\n");
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "muster_{name}{labels} {value}");
    }
}

/// As the value of a label stands between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::status::tests::health;

    /// Labels with their values, and the number.
    type Read = Vec<(BTreeMap<String, String>, f64)>;

    /// Reads the format as its description has it, and refuses what is not in it.
    fn parse(text: &str) -> BTreeMap<String, (String, Read)> {
        let mut families: BTreeMap<String, (String, Read)> = BTreeMap::new();
        let is_name = |name: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut helped = String::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.contains('\\'), "{line}");
                helped = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(name == helped && ["gauge", "counter"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(
                    families.insert(name.to_owned(), (kind.to_owned(), vec![])).is_none(),
                    "twice: {line}"
                );
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = match sample.split_once('{') {
                    Some((name, labels)) => (name, parse_labels(labels)),
                    None => (sample, BTreeMap::new()),
                };
                assert_eq!(name, helped, "samples stand together, after what they are");
                let family = families.get_mut(name).unwrap();
                assert!(family.1.iter().all(|(others, _)| *others != labels), "twice: {line}");
                family.1.push((labels, value.parse().unwrap()));
            }
        }
        families
    }

    /// `a="b",c="d"}`
    fn parse_labels(text: &str) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let mut rest = text;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("\\{c}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.insert(label.to_owned(), value);
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    assert_eq!(rest, "}");
                    return labels;
                }
            }
        }
    }

    #[test]
    fn it_is_read_back_with_names_of_sources_of_any_kind() {
        let mut health = health();
        let name = "the \"front\" \\ door\nleft, {=}";
        health.sources[0].name = name.to_owned();
        health.sources.push(SourceStatus { name: "yard".to_owned(), ..SourceStatus::default() });
        let families = parse(&text(&health, "0.1.0"));
        let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let up = &families["muster_source_up"].1;
        assert_eq!(*up, [(labels("source", name), 1.0), (labels("source", "yard"), 0.0)]);
        let of = |name: &str| families[name].1[0].1;
        assert_eq!(families["muster_info"].1[0].0["version"], "0.1.0");
        assert_eq!((of("muster_source_frames_total"), of("muster_store_people")), (900.0, 12.0));
        assert_eq!((of("muster_ledger_entries"), of("muster_attention")), (118.0, 0.0));
        assert_eq!(of("muster_last_decision_timestamp_seconds"), 1_772_434_807.0);
        // Large numbers are whole.
        assert_eq!(of("muster_disk_size_bytes"), (30u64 << 30) as f64);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut health = health();
        (health.store, health.ledger, health.disk, health.last_decision) = (None, None, None, None);
        health.sources.clear();
        let families = parse(&text(&health, "0.1.0"));
        assert_eq!(families["muster_store_up"].1[0].1, 0.0);
        for gone in ["store_people", "ledger_entries", "disk_free_bytes", "source_up"] {
            assert!(!families.contains_key(&format!("muster_{gone}")), "{gone}");
        }
    }
}
