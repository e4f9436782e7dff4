//! What a disk that takes no writes says of itself.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

/// Why a disk takes no writes, where that is the disk's state and not a fault of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// No room is left, or none of what this user may use.
    Full,
    /// The file system is mounted so that nobody writes.
    ReadOnly,
}

impl DiskState {
    /// The state that `error` tells of; none where it tells of something else.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Self::Full),
            ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            _ => None,
        }
    }

    /// In three words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Full => "disk is full",
            Self::ReadOnly => "disk is read-only",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Full => "make room on it",
            Self::ReadOnly => "mount it for writing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_numbers_are_told_apart() {
        let of = |number| DiskState::of(&io::Error::from_raw_os_error(number));
        // ENOSPC, EDQUOT, EROFS, EIO
        let states = [28, 122, 30, 5].map(of);
        assert_eq!(states, [Some(DiskState::Full), Some(DiskState::Full), Some(DiskState::ReadOnly), None]);
    }
}
