//! What takes in a report as it is counted.

use crate::attendance::summary::{DayTable, PersonTotals};

use super::super::exit::CliError;

/// Takes in days as they are counted, then the totals.
pub(super) trait Sink {
    /// A day. Those that come have nothing but lines that say something.
    fn day(&mut self, table: &DayTable) -> Result<(), CliError>;

    /// Everybody's totals, by name; nothing comes after it.
    fn end(&mut self, totals: &[PersonTotals]) -> Result<(), CliError>;
}
