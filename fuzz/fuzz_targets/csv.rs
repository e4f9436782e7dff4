//! Any bytes are a roster file or an error; nobody comes out of it who is not in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::cli::roster_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(rows) = roster_file::parse(bytes) {
        // A row of one character has a line of its own.
        assert!(rows.len() <= bytes.len());
    }
});
