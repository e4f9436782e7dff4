//! How long was spent inside ONNX Runtime, and beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Adds up the runs of all nets that one loader loaded. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    totals: Arc<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    runs: AtomicU64,
    wall_nanoseconds: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    beside_nanoseconds: AtomicU64,
}

/// What was spent inside the runtime so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inside {
    /// Runs of nets.
    pub runs: u64,
    /// By the clock on the wall.
    pub wall: Duration,
    /// Processor time of the threads that called. On a GPU this says little.
    pub cpu: Duration,
    /// All processor time, inside and out, of the threads that run nets beside the one that owns them.
    pub beside: Duration,
}

/// The processor time of this thread.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel counts up from zero, and nanoseconds are below a second.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Meter {
    /// Does `work`, a run of a net, and adds what it took.
    pub(super) fn time<R>(&self, work: impl FnOnce() -> R) -> R {
        let (start, cpu_start) = (Instant::now(), thread_cpu());
        let result = work();
        let (wall, cpu) = (start.elapsed(), thread_cpu().saturating_sub(cpu_start));
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.totals.runs.fetch_add(1, Ordering::Relaxed);
        self.totals.wall_nanoseconds.fetch_add(nanoseconds(wall), Ordering::Relaxed);
        self.totals.cpu_nanoseconds.fetch_add(nanoseconds(cpu), Ordering::Relaxed);
        result
    }

    /// Does `work`, on a thread beside the one that owns the nets, and adds its processor time.
    pub(in super::super) fn beside<R>(&self, work: impl FnOnce() -> R) -> R {
        let start = thread_cpu();
        let result = work();
        let took = thread_cpu().saturating_sub(start);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.totals.beside_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    /// The sum so far.
    pub fn inside(&self) -> Inside {
        Inside {
            runs: self.totals.runs.load(Ordering::Relaxed),
            wall: Duration::from_nanos(self.totals.wall_nanoseconds.load(Ordering::Relaxed)),
            cpu: Duration::from_nanos(self.totals.cpu_nanoseconds.load(Ordering::Relaxed)),
            beside: Duration::from_nanos(self.totals.beside_nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_add_to_one_sum_and_sleeping_costs_no_processor_time() {
        let meter = Meter::default();
        meter.clone().time(|| std::thread::sleep(Duration::from_millis(30)));
        meter.time(|| ());
        let inside = meter.inside();
        assert_eq!(inside.runs, 2);
        assert!(inside.wall >= Duration::from_millis(30));
        assert!(inside.cpu < inside.wall, "{inside:?}");
    }
}
