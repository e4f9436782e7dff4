//! What the engine asks of the machine besides its ports: the time, random numbers, and where a
//! day begins. Passed in, so that a test or a recording can stand in for them.

use chrono::{DateTime, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use ulid::Ulid;

use crate::attendance::report::Day;
use crate::attendance::zone::SiteZone;
use crate::ledger::{BootId, ClockState, Moment, Salt};

/// The time.
pub trait Clock: Send + Sync {
    /// Now, to the microsecond.
    fn now(&self) -> DateTime<Utc>;

    /// What is known of the clock.
    fn state(&self) -> ClockState;

    /// What goes forward whatever the clock is set to: which start of the machine this is, and microseconds
    /// since it. None where the system does not say.
    fn since_boot(&self) -> Option<(BootId, u64)> {
        None
    }
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
    fn day_of(&self, at: DateTime<Utc>) -> Option<Day> {
        Day::containing(at, &self.zone(), self.rollover())
    }

    /// The site's time zone.
    fn zone(&self) -> SiteZone;

    /// When a day begins, on the site's clock.
    fn rollover(&self) -> NaiveTime;

    /// What the site's clock shows besides UTC at `at`, in seconds east.
    fn utc_offset_seconds(&self, at: DateTime<Utc>) -> i32 {
        self.zone().offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
    }

    /// What the site's clock shows at `at`.
    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone()).naive_local()
    }
}

/// The moment at which an entry is written.
pub fn moment(clock: &dyn Clock, calendar: &dyn Calendar) -> Option<Moment> {
    let (boot, since_boot_us) = clock.since_boot()?;
    let utc_offset_seconds = calendar.utc_offset_seconds(clock.now());
    Some(Moment { boot, since_boot_us, utc_offset_seconds })
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

    fn since_boot(&self) -> Option<(BootId, u64)> {
        static BOOT: std::sync::OnceLock<Option<BootId>> = std::sync::OnceLock::new();
        let boot = (*BOOT.get_or_init(boot_id))?;
        let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let microseconds = since.tv_sec.checked_mul(1_000_000)?.checked_add(since.tv_nsec / 1000)?;
        Some((boot, u64::try_from(microseconds).ok()?))
    }
}

/// The kernel's number for this start of the machine.
fn boot_id() -> Option<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(BootId(number.to_be_bytes()))
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

/// The site's time zone and its days.
#[derive(Debug, Clone, Copy)]
pub struct SiteCalendar {
    /// Where.
    pub zone: SiteZone,
    /// When a day begins on the site's clock.
    pub rollover: NaiveTime,
}

impl Calendar for SiteCalendar {
    fn zone(&self) -> SiteZone {
        self.zone
    }

    fn rollover(&self) -> NaiveTime {
        self.rollover
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_the_start_goes_forward_within_one_boot() {
        let (boot, first) = SystemClock.since_boot().expect("linux says which boot this is");
        let (again, second) = SystemClock.since_boot().expect("and goes on saying so");
        assert!(boot == again && boot != BootId([0; 16]) && first > 0 && second >= first);
    }
}
