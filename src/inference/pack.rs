//! Packs: one card for each task (`models/packs/NAME.toml`).
/// A pack.
#[derive(Debug)]
pub struct Pack;
