//! Any text is a configuration or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::config::Typed;

fuzz_target!(|text: &str| {
    let _ = Typed::parse(text, std::path::Path::new("fuzz.toml"));
});
