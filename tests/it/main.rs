//! Whole-program tests, in one binary. Those that need nets fail without them and say how to get
//! them; those that need pictures which are not part of the project say that they are skipped.

mod accuracy;
mod nets;
mod support;
