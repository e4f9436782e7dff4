//! Whole-program tests, in one binary so that they link once.

mod architecture;
mod command_line;
mod privacy;
mod support;
mod terminal;
