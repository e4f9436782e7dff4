//! The command line: what can be typed, and one file a subcommand.

pub mod args;
pub mod exit;
pub mod output;
pub mod people;
pub mod report;
pub mod setup;
