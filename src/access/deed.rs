//! What the site may want two people for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Something that one admin asks for and another confirms, where the site wants it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TwoPersonDeed {
    /// Taking somebody out of everything, also because they withdraw their consent.
    Erase,
    /// What leaves the store: the roster, everything about a person, the log, a report as a file.
    Export,
    /// Another threshold.
    Threshold,
}

impl TwoPersonDeed {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Erase, Self::Export, Self::Threshold];
}

impl fmt::Display for TwoPersonDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Erase => "erase",
            Self::Export => "export",
            Self::Threshold => "threshold",
        })
    }
}

impl FromStr for TwoPersonDeed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|deed| deed.to_string() == text);
        found.ok_or_else(|| format!("`{}`: expected erase, export or threshold", text.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_as_it_is_written() {
        for deed in TwoPersonDeed::ALL {
            assert_eq!(deed.to_string().parse(), Ok(deed));
        }
        assert!("backup".parse::<TwoPersonDeed>().unwrap_err().contains("expected erase"));
    }
}
