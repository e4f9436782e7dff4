//! What `doctor` asks of the adapters.

use std::path::Path;

use crate::config::{Effective, Environment};
use crate::engine::{AttachError, DataDirLock};
use crate::face::LivenessMode;
use crate::inference::net::verified_bytes;
use crate::inference::pipeline::Pipeline;
use crate::inference::runtime::LibrarySearch;
use crate::inference::{DeviceChoice, FaceAnalyser, InferenceError, Pack};
use crate::ledger::{EntryKind, Sequence};
use crate::store::Store;

use super::super::doctor::Check;
use super::super::doctor::liveness::{self, SelfTest};
use super::parts::{open_store, pipeline_options};

/// Entries of the ledger that are read at once.
const ENTRIES_AT_A_TIME: usize = 512;
const SET_UP: &str = "run `muster setup`";

/// Whether the store opens and its ledger verifies. Makes none where there is none.
pub fn probe_store(effective: &Effective) -> Vec<Check> {
    let dir = effective.data_dir.value.as_path();
    if !holds_a_store(dir) {
        return vec![Check::ok(
            "store",
            format!("none yet in {}; the first enrolment makes it", dir.display()),
        )];
    }
    let lock = match DataDirLock::take(dir, std::time::Duration::ZERO) {
        Ok(lock) => lock,
        Err(AttachError::Held { holder, .. }) => {
            return vec![Check::ok(
                "store",
                format!("{holder} has it; `muster log verify` walks its ledger"),
            )];
        }
        Err(error) => return vec![Check::warn("store", error.to_string(), "look again when it is closed")],
    };
    let opened = open_store(effective, &lock).map_err(|error| error.to_string());
    let check = match opened.and_then(|store| store.verify().map_err(|error| error.to_string())) {
        Ok(end) => Check::ok("store", format!("opens; the ledger verifies, {} entries", end.sequence)),
        Err(error) => Check::fail("store", error, "restore the last good backup: muster store restore FILE"),
    };
    vec![check]
}

/// Where the store's key is, and that it lies apart from what it opens.
pub fn probe_key(effective: &Effective) -> Vec<Check> {
    let key = &effective.store_key.value;
    let place = key.place.to_string();
    let data_dir = &effective.data_dir.value;
    let check = match &key.path {
        Some(path) if path.starts_with(data_dir) => Check::warn(
            "store key",
            format!("{place} lies in the data directory: whoever takes one takes both"),
            "muster store change-key --to file:PATH, with a PATH elsewhere",
        ),
        Some(path) if holds_a_store(data_dir) && !path.exists() => Check::fail(
            "store key",
            format!("{place} is not there, and without it the store does not open"),
            "put it back, or name its place under [store] key",
        ),
        _ => Check::ok("store key", place.clone()),
    };
    vec![check.with_value(place)]
}

/// Whether a store was made in `dir`.
pub fn holds_a_store(dir: &Path) -> bool {
    dir.join(crate::store::redb::FILE_NAME).exists()
}

/// Whether what follows from the liveness net fits the source, and was tried out here.
pub fn probe_liveness(effective: &Effective) -> Vec<Check> {
    let mode = effective.liveness_mode.value;
    // Only `require` asks for a self-test; the ledger is not read for the others.
    let test = if mode == LivenessMode::Require { self_test(effective) } else { SelfTest::None };
    liveness::checks(mode, &effective.source().spec.value, &test)
}

/// The last self-test in the ledger.
fn self_test(effective: &Effective) -> SelfTest {
    let dir = effective.data_dir.value.as_path();
    if !holds_a_store(dir) {
        return SelfTest::None;
    }
    let lock = match DataDirLock::take(dir, std::time::Duration::ZERO) {
        Ok(lock) => lock,
        Err(error) => return SelfTest::Unknown(error.to_string()),
    };
    let store = match open_store(effective, &lock) {
        Ok(store) => store,
        Err(error) => return SelfTest::Unknown(error.to_string()),
    };
    let mut before = Sequence(u64::MAX);
    loop {
        let page = match store.entries_before(before, ENTRIES_AT_A_TIME) {
            Ok(page) => page,
            Err(error) => return SelfTest::Unknown(error.to_string()),
        };
        if let Some(entry) = page.iter().find(|entry| entry.head.kind == EntryKind::PadTested) {
            let figures = entry.parts.note.as_ref().map_or("its figures were erased", |note| &note.text);
            return SelfTest::Noted(format!("{}: {figures}", entry.head.at.format("%Y-%m-%d")));
        }
        match page.last() {
            Some(last) if page.len() == ENTRIES_AT_A_TIME => before = last.head.sequence,
            _ => return SelfTest::None,
        }
    }
}

/// The files of the pack: there, of the right size, with the right digest.
pub fn probe_models(effective: &Effective) -> Vec<Check> {
    let dir = &effective.models_dir.value;
    let pack = match Pack::read(dir, &effective.pack.value.to_string()) {
        Ok(pack) => pack,
        Err(error) => return vec![Check::fail("pack", error.to_string(), SET_UP)],
    };
    let mut checks =
        vec![Check::ok("pack", format!("{}: {}", pack.name, pack.description)).with_value(&pack.name)];
    checks.extend(pack.files().map(|file| match verified_bytes(&dir.join(&file.name), file) {
        Ok(_) => Check::ok("model", format!("{} is whole", dir.join(&file.name).display())),
        Err(error) => Check::fail("model", error.to_string(), SET_UP),
    }));
    checks
}

/// Where the runtime was found, and which version it is.
pub fn probe_runtime(effective: &Effective, _environment: &Environment) -> Vec<Check> {
    let search =
        LibrarySearch::from_process(effective.onnxruntime.clone(), effective.models_dir.value.clone());
    vec![match search.locate() {
        Ok(library) => {
            let version = library.version.map_or_else(String::new, |version| format!(" {version}"));
            let detail = format!(
                "ONNX Runtime{version} at {}, named by {}; telemetry is switched off",
                library.path.display(),
                library.origin
            );
            Check::ok("runtime", detail).with_value(library.path.display().to_string())
        }
        Err(error) => Check::fail("runtime", error.to_string(), SET_UP),
    }]
}

/// What the nets really run on for the device that was asked for.
pub fn probe_provider(effective: &Effective) -> Vec<Check> {
    let asked = effective.device.value;
    vec![match Pipeline::load(&pipeline_options(effective)) {
        Ok(pipeline) => {
            let provider = pipeline.facts().provider;
            let value = provider.to_string().to_lowercase();
            let detail = format!("{provider}, asked for {asked}");
            match (asked, pipeline.fallback_reason()) {
                (DeviceChoice::Auto, Some(reason)) => {
                    Check::ok("provider", format!("{detail}; CUDA is not used: {reason}")).with_value(value)
                }
                _ => Check::ok("provider", detail).with_value(value),
            }
        }
        Err(error @ InferenceError::Device { .. }) => {
            Check::fail("provider", error.to_string(), "use --device cpu or auto, or install what is missing")
        }
        Err(error) => Check::fail("provider", error.to_string(), SET_UP),
    }]
}
