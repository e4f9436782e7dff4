//! Any bytes are a roster file or an error; nobody comes out of it who is not in it, and every row of it comes to
//! something on a roster.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::attendance::import::plan;
use muster::attendance::{PersonId, Roster};
use muster::cli::roster_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(rows) = roster_file::parse(bytes) {
        // A row of one character has a line of its own.
        assert!(rows.len() <= bytes.len());
        let now = Default::default();
        let planned = plan(&Roster::default(), &rows, now, || PersonId(Default::default()));
        assert_eq!(planned.rows.len(), rows.len());
        assert!(planned.people.len() <= rows.len());
    }
});
