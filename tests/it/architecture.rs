//! Who imports whom: reads the `crate::` paths of every source file and fails on an arrow that
//! points the wrong way (the rule stands in the crate's documentation).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module and the modules it may name.
const RULES: &[(&str, &[&str])] = &[
    ("face", &["attendance"]),
    ("identify", &["attendance", "face"]),
    ("track", &["attendance", "face", "identify"]),
    ("attendance", &["face", "identify", "ledger"]),
    ("ledger", &["attendance", "face", "identify"]),
    ("access", &["attendance"]),
    ("capture", &["face"]),
    ("inference", &["capture", "face", "identify", "ledger"]),
    ("store", &["access", "attendance", "face", "identify", "ledger"]),
    (
        "engine",
        &["access", "attendance", "capture", "face", "identify", "inference", "ledger", "store", "track"],
    ),
    ("link", &["access", "attendance", "capture", "engine", "face", "inference", "ledger"]),
    ("hook", &["attendance", "engine", "ledger"]),
    ("tui", &["access", "attendance", "engine", "face", "identify", "ledger", "track"]),
    ("config", &["access", "attendance", "capture", "face", "identify", "inference", "ledger", "track"]),
    ("diagnostics", &["config"]),
    ("demo", &["inference", "ledger"]),
    ("setup", &["demo", "inference", "ledger"]),
];

/// What the pure modules must not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
    "std::env",
    "Utc::now",
    "Local::now",
    "ort::",
    "redb::",
    "ratatui",
    "nokhwa",
    "crossbeam",
    "getrandom",
];
const PURE: &[&str] = &["face", "identify", "track", "attendance", "ledger", "access"];

/// Adapters that only `cli` may name, and the engine's own tests.
const ADAPTERS: &[&str] = &[
    "store::redb",
    "store::memory",
    "capture::camera",
    "capture::stream",
    "capture::video",
    "capture::replay",
    "capture::images",
    "inference::pipeline",
    "inference::runtime",
    "inference::detector",
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The file without comments and without its unit tests, which may use what they like.
fn production_code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

fn module_of(path: &Path, src: &Path) -> String {
    let relative = path.strip_prefix(src).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named as `crate::NAME` and, in groups, as `crate::{NAME...`.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = rest.strip_prefix('{').map_or(rest, |group| group.split('}').next().unwrap_or(""));
        let items = if rest.starts_with('{') { list.split(',').collect() } else { vec![list] };
        for item in items {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.insert(name);
        }
    }
    names.remove("");
    names
}

/// Whether `path` stands in `code`, and not as the end of a longer word: `ort::` in `report::` does not.
fn names_path(code: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(at, _)| !code[..at].chars().next_back().is_some_and(is_word))
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("test"))
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn arrows_point_the_right_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut faults = Vec::new();
    let mut checked = 0;
    for path in files.iter().filter(|path| !is_test_file(path)) {
        let module = module_of(path, &src);
        if ["cli", "lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some((_, allowed)) = RULES.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{}: the module `{module}` has no rule", path.display()));
            continue;
        };
        checked += 1;
        let code = production_code(&fs::read_to_string(path).unwrap());
        for name in named(&code) {
            if name != module && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: {module} must not name {name}", path.display()));
            }
        }
        for adapter in ADAPTERS.iter().filter(|adapter| !adapter.starts_with(&module)) {
            if code.contains(&format!("crate::{adapter}")) {
                faults.push(format!("{}: only cli may name {adapter}", path.display()));
            }
        }
        if PURE.contains(&module.as_str()) {
            for impure in IMPURE.iter().filter(|impure| names_path(&code, impure)) {
                faults.push(format!("{}: {module} is pure and must not name {impure}", path.display()));
            }
        }
    }
    assert!(checked > 30, "only {checked} files were looked at");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_reader_sees_what_is_named() {
    let code = "use crate::face::Rect;\nuse crate::{identify::X, store};\nlet a = crate::tui::run();";
    let names: Vec<String> = named(code).into_iter().collect();
    assert_eq!(names, ["face", "identify", "store", "tui"]);
}

#[test]
fn no_file_is_far_over_five_hundred_lines() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 600)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
