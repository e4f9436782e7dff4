//! Any text is a model card or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::inference::card::{Card, complete::completed};
use muster::ledger::Sha256Digest;

fuzz_target!(|text: &str| {
    let _ = Card::parse(&completed(text, &[(Sha256Digest([1; 32]), 9)]), std::path::Path::new("fuzz.toml"));
    let _ = Card::parse(text, std::path::Path::new("fuzz.toml"));
});
