//! The threads around the engine's own: each owns one blocking library and speaks through bounded
//! channels.

pub mod capture;
pub mod inference;
pub(crate) mod look;
pub(crate) mod pins;
pub mod store;
