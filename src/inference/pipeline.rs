//! The pipeline: detection, landmarks, alignment, liveness and embedding of one picture.
/// The nets of a pack, loaded.
#[derive(Debug)]
pub struct Pipeline;
