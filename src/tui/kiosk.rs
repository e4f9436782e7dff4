//! The kiosk view: what a person at the door sees, readable from two metres. It is left with a PIN.

pub mod arrivals;
mod draw;
pub mod entry;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::crossterm::event::KeyCode;
use zeroize::Zeroizing;

pub use arrivals::Sound;
use arrivals::{Arrivals, OnRecord};
pub use draw::{draw, picture_area};
use entry::{ANSWER_STAYS, Answer, Answered, Entry, answered};

use super::keymap::{Action, Mode};
use super::message::{Effect, Purpose};
use crate::attendance::badge::BadgeRules;
use crate::engine::handle::Snapshot;
use crate::engine::{CommandError, Reply};

/// The longest PIN.
pub const PIN_LIMIT: usize = 64;
/// A PIN that nobody goes on with is forgotten after this.
const PIN_STAYS: TimeDelta = TimeDelta::seconds(20);
/// Wrong PINs that are taken without a wait.
const FREE_TRIES: u32 = 3;
/// The wait after one more; it doubles with each.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(15);
/// The longest wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);

/// Says whether a PIN is the right one; takes a while on purpose.
pub type CheckPin = dyn Fn(&str) -> bool + Send + Sync;
/// Makes a sound, without waiting for it.
pub type Ring = dyn Fn(Sound) + Send + Sync;

/// What the kiosk view needs from outside.
#[derive(Clone, Default)]
pub struct KioskOptions {
    /// Whether the screen begins with it.
    pub begins: bool,
    /// The check of the PIN; none where there is no PIN, and then no kiosk view either.
    pub check_pin: Option<Arc<CheckPin>>,
    /// How sounds are made.
    pub ring: Option<Arc<Ring>>,
    /// What a badge reader adds to an identifier; none where nobody comes in by one.
    pub badge: Option<BadgeRules>,
}

impl fmt::Debug for KioskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KioskOptions(begins: {}, has a PIN: {})", self.begins, self.check_pin.is_some())
    }
}

/// The PIN as it is being typed. Overwritten when it is dropped; `Debug` prints nothing of it.
#[derive(Clone, Default)]
struct Pin(Zeroizing<String>);

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

/// The question for the PIN.
#[derive(Debug, Clone, Default)]
struct Asking {
    pin: Pin,
    /// Whether it is being checked.
    is_checked: bool,
    was_wrong: bool,
    touched: DateTime<Utc>,
}

/// The kiosk view.
#[derive(Debug, Clone, Default)]
pub struct Kiosk {
    arrivals: Arrivals,
    asking: Option<Asking>,
    wrong: u32,
    locked_until: Option<DateTime<Utc>>,
    badge: Option<BadgeRules>,
    entry: Option<Entry>,
    answer: Option<(Answer, DateTime<Utc>)>,
}

impl Kiosk {
    /// A view that takes identifiers where `badge` says what a reader adds to one.
    pub fn new(badge: Option<BadgeRules>) -> Self {
        Self { badge, ..Self::default() }
    }

    /// What the keys mean.
    pub fn mode(&self) -> Mode {
        match (&self.asking, &self.entry) {
            (Some(_), _) => Mode::KioskPin,
            (None, Some(_)) => Mode::KioskEntry,
            (None, None) => Mode::Kiosk,
        }
    }

    /// Whether the question for the PIN lies over the view.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Whether a character is one of an identifier or of its PIN, whatever else it may be bound to.
    pub fn takes_characters(&self) -> bool {
        self.badge.is_some() && self.asking.is_none()
    }

    /// Takes a new state over.
    pub fn observe(&mut self, snapshot: &Snapshot, now: DateTime<Utc>) -> Vec<Effect> {
        let roster = &snapshot.roster;
        let on_record = |person| {
            let row = roster.rows.iter().find(|row| row.person == person)?;
            let presence = row.presence?;
            let mut expected = roster.sessions.iter().filter(|open| open.expects(&row.groups));
            let session = expected.find_map(|open| Some(open.session.late_by(*open.arrived.get(&person)?)));
            Some(OnRecord { state: presence.state, since: presence.since, session })
        };
        let sounds = self.arrivals.observe(&snapshot.live.tracks, on_record, now);
        sounds.into_iter().map(Effect::Ring).collect()
    }

    /// Takes a new time over; whether something that is drawn is different.
    pub fn tick(&mut self, now: DateTime<Utc>) -> bool {
        let mut changed = self.arrivals.tick(now);
        if self.asking.as_ref().is_some_and(|asking| now - asking.touched >= PIN_STAYS) {
            self.asking = None;
            changed = true;
        }
        if self.entry.as_ref().is_some_and(|entry| entry.is_forgotten(now)) {
            self.entry = None;
            changed = true;
        }
        if self.answer.as_ref().is_some_and(|(_, until)| now >= *until) {
            self.answer = None;
            changed = true;
        }
        if self.locked_until.is_some_and(|until| now >= until) {
            self.locked_until = None;
            changed = true;
        }
        changed
    }

    /// When it changes by itself.
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let forgotten = self.asking.as_ref().map(|asking| asking.touched + PIN_STAYS);
        let cleared = self.entry.as_ref().and_then(Entry::forgotten_at);
        let told = self.answer.as_ref().map(|(_, until)| *until);
        let own = forgotten.into_iter().chain(cleared).chain(told).chain(self.locked_until);
        self.arrivals.next_tick().into_iter().chain(own).min()
    }

    /// Does what a key asks for.
    pub fn handle(&mut self, action: Action, now: DateTime<Utc>) -> Vec<Effect> {
        match (action, &mut self.asking) {
            (Action::Leave, None) => {
                self.asking = Some(Asking { touched: now, ..Asking::default() });
            }
            (Action::Cancel, Some(_)) => self.asking = None,
            (Action::Cancel, None) => self.entry = None,
            (Action::Confirm, None) => return self.confirm_entry(now),
            (Action::Confirm, Some(asking)) if self.locked_until.is_none() && !asking.is_checked => {
                asking.touched = now;
                if !asking.pin.0.is_empty() {
                    asking.is_checked = true;
                    return vec![Effect::CheckPin(std::mem::take(&mut asking.pin.0))];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// Takes a character of the PIN, or takes one back.
    pub fn typed(&mut self, code: KeyCode, now: DateTime<Utc>) {
        if self.asking.is_none() {
            return self.type_entry(code, now);
        }
        let Some(asking) = self.asking.as_mut().filter(|asking| !asking.is_checked) else { return };
        asking.touched = now;
        match code {
            KeyCode::Char(c) if !c.is_control() && asking.pin.0.chars().count() < PIN_LIMIT => {
                asking.was_wrong = false;
                // Grown in one step, so that no copy of half a PIN is left behind.
                asking.pin.0.reserve(4 * PIN_LIMIT);
                asking.pin.0.push(c);
            }
            KeyCode::Backspace => {
                asking.pin.0.pop();
            }
            _ => {}
        }
    }

    fn type_entry(&mut self, code: KeyCode, now: DateTime<Utc>) {
        let is_begun = self.entry.is_some();
        if self.badge.is_none() || !(is_begun || matches!(code, KeyCode::Char(_))) {
            return;
        }
        // Who types does not wait until the one before has read the answer.
        self.answer = None;
        let entry = self.entry.get_or_insert_with(|| Entry::begun(now));
        if !entry.typed(code, now) {
            self.entry = None;
        }
    }

    fn confirm_entry(&mut self, now: DateTime<Utc>) -> Vec<Effect> {
        let (Some(entry), Some(badge)) = (&mut self.entry, &self.badge) else { return Vec::new() };
        let command = entry.confirmed(badge, now);
        command.map(|command| Effect::Send(command, Purpose::CheckIn)).into_iter().collect()
    }

    /// The engine has answered what was typed.
    pub fn checked_in(&mut self, reply: Result<Reply, CommandError>, now: DateTime<Utc>) -> Vec<Effect> {
        match answered(&mut self.entry, reply, now) {
            Answered::Goes | Answered::Nothing => Vec::new(),
            Answered::Told(answer) => {
                let is_welcome = matches!(answer, Answer::Welcome(..));
                self.answer = Some((answer, now + ANSWER_STAYS));
                vec![Effect::Ring(if is_welcome { Sound::Success } else { Sound::Refusal })]
            }
        }
    }

    /// A PIN was checked; whether the view is left.
    pub fn checked(&mut self, is_right: bool, now: DateTime<Utc>) -> bool {
        if is_right {
            return true;
        }
        self.wrong += 1;
        if self.wrong >= FREE_TRIES {
            let doublings = (self.wrong - FREE_TRIES).min(10);
            self.locked_until = Some(now + (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT));
        }
        if let Some(asking) = &mut self.asking {
            *asking = Asking { was_wrong: true, touched: now, ..Asking::default() };
        }
        false
    }

    /// A view whose recent arrivals are known while the question for the PIN is open.
    fn question(&self, now: DateTime<Utc>) -> Option<Question> {
        let asking = self.asking.as_ref()?;
        Some(Question {
            typed: asking.pin.0.chars().count(),
            is_checked: asking.is_checked,
            was_wrong: asking.was_wrong,
            tries_left: FREE_TRIES.saturating_sub(self.wrong),
            seconds_locked: self.locked_until.map(|until| super::pane::preview::seconds_until(until, now)),
        })
    }
}

/// The question for the PIN as it is drawn.
struct Question {
    typed: usize,
    is_checked: bool,
    was_wrong: bool,
    tries_left: u32,
    seconds_locked: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::now;

    fn type_pin(kiosk: &mut Kiosk, pin: &str) -> Vec<Effect> {
        kiosk.handle(Action::Leave, now());
        pin.chars().for_each(|c| kiosk.typed(KeyCode::Char(c), now()));
        kiosk.handle(Action::Confirm, now())
    }

    #[test]
    fn a_pin_is_asked_for_and_checked_once() {
        let mut kiosk = Kiosk::default();
        assert_eq!(type_pin(&mut kiosk, "1234"), [Effect::CheckPin("1234".to_owned().into())]);
        assert_eq!(kiosk.handle(Action::Confirm, now()), []);
        assert!(kiosk.checked(true, now()));
    }

    #[test]
    fn wrong_pins_make_wait_longer_and_longer() {
        let mut kiosk = Kiosk::default();
        let mut at = now();
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert!(!kiosk.checked(false, at));
            waits.push(kiosk.locked_until.map_or(0, |until| (until - at).num_seconds()));
            at = kiosk.locked_until.unwrap_or(at);
            kiosk.tick(at);
        }
        assert_eq!(waits, [0, 0, 15, 30, 60, 120, 240, 480, 600, 600, 600, 600]);
    }

    #[test]
    fn while_it_waits_no_pin_is_taken() {
        let mut kiosk = Kiosk::default();
        for _ in 0..3 {
            kiosk.handle(Action::Leave, now());
            kiosk.checked(false, now());
        }
        assert_eq!(type_pin(&mut kiosk, "1234"), []);
    }

    #[test]
    fn a_pin_that_is_left_alone_is_forgotten() {
        let mut kiosk = Kiosk::default();
        kiosk.handle(Action::Leave, now());
        kiosk.typed(KeyCode::Char('1'), now());
        assert!(kiosk.tick(now() + PIN_STAYS));
        assert_eq!(kiosk.mode(), Mode::Kiosk);
    }

    #[test]
    fn debug_prints_no_pin() {
        let mut kiosk = Kiosk::default();
        kiosk.handle(Action::Leave, now());
        "8642".chars().for_each(|c| kiosk.typed(KeyCode::Char(c), now()));
        assert!(!format!("{kiosk:?}").contains("8642"));
    }
}
