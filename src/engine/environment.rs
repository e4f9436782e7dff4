//! What the engine asks of the machine besides its ports: the time, random numbers, and where a
//! day begins. Passed in, so that a test or a recording can stand in for them.

use chrono::{DateTime, Local, NaiveTime, Utc};
use ulid::Ulid;

use crate::attendance::report::Day;
use crate::ledger::{ClockState, Salt};

/// The time.
pub trait Clock: Send + Sync {
    /// Now, to the microsecond.
    fn now(&self) -> DateTime<Utc>;

    /// What is known of the clock.
    fn state(&self) -> ClockState;
}

/// Random numbers.
pub trait Entropy: Send {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);

    /// A name that sorts by the time `at`.
    fn ulid(&mut self, at: DateTime<Utc>) -> Ulid {
        let mut random = [0u8; 16];
        self.fill(&mut random);
        let milliseconds = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        Ulid::from_parts(milliseconds, u128::from_be_bytes(random))
    }

    /// Salts for the parts of one entry.
    fn salts(&mut self) -> [Salt; 3] {
        let mut salts = [[0u8; 16]; 3];
        for salt in &mut salts {
            self.fill(salt);
        }
        salts
    }
}

/// Where a day begins and ends at the site.
pub trait Calendar: Send + Sync {
    /// The day that `at` belongs to; none outside of the calendar.
    fn day_of(&self, at: DateTime<Utc>) -> Option<Day>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        to_microseconds(Utc::now())
    }

    /// `systemd-timesyncd` leaves this file once the clock was set from the network; without it,
    /// nothing vouches for the clock.
    fn state(&self) -> ClockState {
        if std::path::Path::new("/run/systemd/timesync/synchronized").exists() {
            ClockState::Synchronised
        } else {
            ClockState::Unsynchronised
        }
    }
}

/// `at` without what is finer than a microsecond: the ledger keeps no more.
pub fn to_microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// The system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without getrandom(2), which every supported kernel has, there is no safe way on.
            panic!("the system gives no random numbers: {error}");
        }
    }
}

/// The machine's time zone.
#[derive(Debug, Clone, Copy)]
pub struct LocalCalendar {
    /// When a day begins on the machine's clock.
    pub rollover: NaiveTime,
}

impl Calendar for LocalCalendar {
    fn day_of(&self, at: DateTime<Utc>) -> Option<Day> {
        Day::containing(at, &Local, self.rollover)
    }
}
