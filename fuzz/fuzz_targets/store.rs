//! Any bytes are something of the store or an error, and what a hash or a seal covers is read whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::store::decoding::{Reading, read};

fuzz_target!(|bytes: &[u8]| {
    assert_ne!(read(bytes), Reading::Other);
});
