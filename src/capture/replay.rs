//! replay

pub mod random;
