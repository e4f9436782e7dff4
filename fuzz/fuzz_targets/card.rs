//! Any text is a model card or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::inference::card::Card;

fuzz_target!(|text: &str| {
    let _ = Card::parse(text, std::path::Path::new("fuzz.toml"));
});
