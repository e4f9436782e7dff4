//! Whole-program tests, in one binary so that they link once. Those that need nets fail without
//! them and say how to get them; those that need pictures which are not part of the project say
//! that they are skipped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod accuracy;
mod architecture;
mod attached;
mod brought;
mod clip;
mod command_line;
mod comparing;
mod docs;
mod door;
mod enrolling;
mod erasure;
mod evaluation;
mod full_disk;
mod hooks;
mod ledger;
mod liveness;
mod long_run;
mod nets;
mod operators;
mod pad_test;
mod panics;
mod privacy;
mod program;
mod protection;
mod quality;
mod recapture;
mod screen_flows;
mod service;
mod ssh;
mod store;
mod strangers;
mod streams;
mod support;
mod terminal;
mod threshold;
