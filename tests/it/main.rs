//! Whole-program tests, in one binary so that they link once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod accuracy;
mod architecture;
mod command_line;
mod nets;
mod panics;
mod privacy;
mod program;
mod support;
mod terminal;
