//! Whether a picture can show anybody, where the one before showed nobody: a look that costs next to nothing
//! and saves the detector.

use chrono::{DateTime, TimeDelta, Utc};

/// How far the mean luma of a cell may be from what it was, of 255. The noise of a dim room moves the mean of a
/// cell's points by one or two; a face that comes into it by ten and more.
const STILL_WITHIN: u8 = 4;
/// The detector looks at least so often, whatever the pictures say.
const LONGEST_BLIND: TimeDelta = TimeDelta::seconds(1);

/// Compares the pictures of one source with the last one in which the detector found nobody.
///
/// A picture needs a look, exactly if
/// - it is too small to have cells; or
/// - the detector has not looked yet, or found somebody when it last did; or
/// - it last looked `LONGEST_BLIND` ago or longer, or the clock runs backwards; or
/// - the mean luma of one cell is more than `STILL_WITHIN` from what it was in the picture that was
///   looked at. What changes slowly adds up, because pictures in between are not compared with.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    /// The cells of the picture that was looked at last, where nobody was in it.
    empty: Vec<u8>,
    looked_at: Option<DateTime<Utc>>,
}

impl Presence {
    /// Whether a picture with these cells, taken at `at`, needs a look.
    pub fn needs_look(&self, at: DateTime<Utc>, cells: &[u8]) -> bool {
        let Some(looked_at) = self.looked_at else { return true };
        let blind = at - looked_at;
        let comparable = !cells.is_empty() && cells.len() == self.empty.len();
        if blind >= LONGEST_BLIND || blind < TimeDelta::zero() || !comparable {
            return true;
        }
        self.empty.iter().zip(cells).any(|(before, now)| before.abs_diff(*now) > STILL_WITHIN)
    }

    /// The detector has looked at a picture with these cells, and found somebody or not.
    pub fn looked(&mut self, at: DateTime<Utc>, cells: &[u8], found_somebody: bool) {
        self.empty.clear();
        self.looked_at = None;
        if !found_somebody {
            self.empty.extend_from_slice(cells);
            self.looked_at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn empty_room() -> Presence {
        let mut presence = Presence::default();
        assert!(presence.needs_look(at(0), &[100; 9]));
        presence.looked(at(0), &[100; 9], false);
        presence
    }

    #[test]
    fn a_still_and_empty_room_needs_no_look_for_a_second() {
        let presence = empty_room();
        assert!(!presence.needs_look(at(66), &[104, 96, 100, 100, 100, 100, 100, 100, 100]));
        assert!(!presence.needs_look(at(999), &[100; 9]));
        assert!(presence.needs_look(at(1000), &[100; 9]));
        assert!(presence.needs_look(at(-1), &[100; 9]), "the clock was set back");
    }

    #[test]
    fn one_cell_that_changes_brings_a_look_and_so_does_another_size() {
        let presence = empty_room();
        assert!(presence.needs_look(at(66), &[100, 100, 100, 100, 105, 100, 100, 100, 100]));
        assert!(presence.needs_look(at(66), &[100, 100, 100, 100, 95, 100, 100, 100, 100]));
        assert!(presence.needs_look(at(66), &[100; 8]));
        let mut presence = Presence::default();
        presence.looked(at(0), &[], false);
        assert!(presence.needs_look(at(66), &[]), "there is nothing to compare");
    }

    #[test]
    fn what_changes_slowly_adds_up() {
        let presence = empty_room();
        let steps = (1..=20).map(|step| [100 + step; 9]);
        let first = steps.zip(1..).find(|(cells, step)| presence.needs_look(at(step * 40), cells));
        assert_eq!(first.map(|(cells, _)| cells[0]), Some(105));
    }

    #[test]
    fn while_somebody_is_there_every_picture_is_looked_at() {
        let mut presence = empty_room();
        presence.looked(at(66), &[50; 9], true);
        assert!(presence.needs_look(at(132), &[50; 9]));
        presence.looked(at(132), &[50; 9], false);
        assert!(!presence.needs_look(at(198), &[50; 9]));
    }
}
