//! Percentiles, and what the kernel says of this process.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Percentiles of a number of times, in milliseconds. By the nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(super) struct Percentiles {
    /// How many there were.
    pub(super) count: usize,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    /// All together.
    pub(super) total: f64,
}

impl Percentiles {
    /// Of `values`; none where there are none.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let place = (share * values.len() as f64).ceil() as usize;
            values.get(place.max(1) - 1).copied()
        };
        Some(Self {
            count: values.len(),
            p50: rank(0.5)?,
            p95: rank(0.95)?,
            p99: rank(0.99)?,
            total: values.iter().sum(),
        })
    }
}

/// Milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Processor time of this process so far, of all its threads and none of its children.
pub(super) fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The kernel counts up from zero, and nanoseconds are below a second.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The most memory that this process has had, in megabytes of 10^6 bytes; none where the kernel does not say.
pub(super) fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = Percentiles::of(values).unwrap();
        assert_eq!((found.count, found.p50, found.p95, found.p99), (100, 50.0, 95.0, 99.0));
        assert_eq!(found.total, 5050.0);
        let one = Percentiles::of(vec![7.0, f64::NAN]).unwrap();
        assert_eq!((one.count, one.p50, one.p99), (1, 7.0, 7.0));
        assert_eq!(Percentiles::of(Vec::new()), None);
    }

    #[test]
    fn the_kernel_says_what_this_process_has_had() {
        assert!(peak_memory_mb().unwrap() > 1.0);
        let before = process_cpu();
        let mut sum = 0u64;
        while process_cpu() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
