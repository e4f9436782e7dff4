//! How much of the live picture the line to the terminal bears.
//!
//! What is written and how long the terminal makes it wait is counted where it is written ([`Meter`]). The
//! [`Pacer`] turns that into a [`Detail`]: it begins low, rises with every second in which nothing waited, and
//! falls at once where something did. Where a rise is followed by a fall, the next try waits twice as long. Pure:
//! time comes in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::message::LineState;

/// How much is shown, from nothing to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Neither picture nor boxes.
    Off,
    /// Boxes and names on an empty ground.
    Boxes,
    /// One picture in two seconds, half as large.
    Rare,
    /// One picture a second, half as large.
    Small,
    /// Two pictures a second.
    Slow,
    /// Five.
    Steady,
    /// Fifteen: enough for a face to be followed by eye.
    Full,
}

impl Detail {
    /// All of them, from least to most.
    pub const ALL: [Self; 7] =
        [Self::Off, Self::Boxes, Self::Rare, Self::Small, Self::Slow, Self::Steady, Self::Full];

    /// Pictures a second; none where there is no picture.
    pub fn pictures_per_second(self) -> Option<f32> {
        match self {
            Self::Off | Self::Boxes => None,
            Self::Rare => Some(0.5),
            Self::Small => Some(1.0),
            Self::Slow => Some(2.0),
            Self::Steady => Some(5.0),
            Self::Full => Some(15.0),
        }
    }

    /// By how much each side of the picture is shortened.
    pub fn shrinks_by(self) -> u32 {
        if self <= Self::Small { 2 } else { 1 }
    }

    /// The least time between two drawings that no key asked for.
    pub fn between_drawings(self) -> Duration {
        match self {
            Self::Off => Duration::from_secs(2),
            Self::Boxes | Self::Rare => Duration::from_millis(500),
            Self::Small => Duration::from_millis(200),
            Self::Slow => Duration::from_millis(100),
            Self::Steady | Self::Full => Duration::from_millis(33),
        }
    }

    /// What is said of it beside the picture; nothing where all is shown.
    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "slow line: no picture",
            Self::Boxes => "slow line: boxes only",
            Self::Rare => "slow line: small, every 2 s",
            Self::Small => "slow line: small, 1/s",
            Self::Slow => "slow line: 2/s",
            Self::Steady => "5/s",
            Self::Full => "",
        }
    }

    fn step(self, up: bool) -> Self {
        let at = self as usize;
        let to = if up { (at + 1).min(Self::ALL.len() - 1) } else { at.saturating_sub(1) };
        Self::ALL[to]
    }
}

/// What a flush that waits longer than this says of the line: what was written does not get through as fast as
/// it is written. A flush to a terminal that keeps up takes far less than a millisecond.
const WAITED: Duration = Duration::from_millis(60);
/// A wait this long costs two steps.
const WAITED_LONG: Duration = Duration::from_millis(400);
/// How long nothing may wait before the next step up, at the start and after it went well.
const FIRST_HOLD: Duration = Duration::from_millis(500);
/// The longest hold.
const LONGEST_HOLD: Duration = Duration::from_secs(3_600);
/// A hold is at least so many times the wait that ended the last rise: trying costs no more of the time than that.
const WAIT_SHARE: u32 = 100;
/// A fall this soon after a rise means that the rise was too much.
const SOON: Duration = Duration::from_secs(10);

/// Chooses the [`Detail`].
#[derive(Debug, Clone)]
pub struct Pacer {
    detail: Detail,
    hold: Duration,
    /// Since when nothing waited at this detail.
    calm_since: Duration,
    rose_at: Option<Duration>,
}

impl Default for Pacer {
    fn default() -> Self {
        Self { detail: Detail::Boxes, hold: FIRST_HOLD, calm_since: Duration::ZERO, rose_at: None }
    }
}

impl Pacer {
    /// What is shown now.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Takes over how long a flush waited that ended at `now`, counted from the start.
    pub fn flushed(&mut self, waited: Duration, now: Duration) {
        if waited < WAITED {
            return;
        }
        let began = now.saturating_sub(waited);
        if self.rose_at.take().is_some_and(|rose| began.saturating_sub(rose) < SOON) {
            self.hold = (self.hold * 2).max(waited.saturating_mul(WAIT_SHARE)).min(LONGEST_HOLD);
        }
        self.hold = self.hold.max(FIRST_HOLD * 4);
        // The picture goes before the boxes do.
        let floor = if self.detail > Detail::Boxes { Detail::Boxes } else { Detail::Off };
        let steps = if waited >= WAITED_LONG { 2 } else { 1 };
        for _ in 0..steps {
            self.detail = self.detail.step(false).max(floor);
        }
        self.calm_since = now;
    }

    /// Goes up where nothing has waited for long enough; when that can be next.
    pub fn tick(&mut self, now: Duration) -> Option<Duration> {
        if self.detail == Detail::Full {
            return None;
        }
        if now.saturating_sub(self.calm_since) >= self.hold {
            // What was held and went well is forgotten step by step.
            if self.rose_at.is_some_and(|rose| now.saturating_sub(rose) >= self.hold.max(SOON * 6)) {
                self.hold = (self.hold / 2).max(FIRST_HOLD);
            }
            self.detail = self.detail.step(true);
            self.rose_at = Some(now);
            self.calm_since = now;
        }
        (self.detail != Detail::Full).then(|| self.calm_since + self.hold)
    }
}

/// Counts what is written to the terminal and how long that takes.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    longest_wait_micros: AtomicU64,
}

impl Meter {
    /// A flush of so many bytes took so long.
    pub fn flushed(&self, bytes: usize, took: Duration) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest_wait_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// All bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The longest wait since this was last asked.
    pub fn take_longest_wait(&self) -> Duration {
        Duration::from_micros(self.longest_wait_micros.swap(0, Ordering::Relaxed))
    }
}

/// Bytes a second over the last few seconds. Pure: time comes in.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    marks: std::collections::VecDeque<(Duration, u64)>,
}

/// How long bytes are counted over.
const RATE_WINDOW: Duration = Duration::from_secs(3);

impl Rate {
    /// Bytes a second, where `bytes` were written by `now`.
    pub fn at(&mut self, bytes: u64, now: Duration) -> u64 {
        while self.marks.front().is_some_and(|(at, _)| now.saturating_sub(*at) > RATE_WINDOW) {
            self.marks.pop_front();
        }
        self.marks.push_back((now, bytes));
        let Some((since, first)) = self.marks.front().copied() else { return 0 };
        let seconds = now.saturating_sub(since).as_secs_f64();
        if seconds < 0.2 { 0 } else { ((bytes - first) as f64 / seconds) as u64 }
    }
}

/// Watches a line through its [`Meter`]; nothing where there is none.
#[derive(Debug, Default)]
pub struct LineWatch(Option<Watched>);

#[derive(Debug)]
struct Watched {
    meter: Arc<Meter>,
    began: Instant,
    pacer: Pacer,
    rate: Rate,
    said: LineState,
    /// When the rate was last said.
    said_at: Duration,
    /// When the pacer goes up next.
    next: Option<Duration>,
}

/// The rate is said this often at most.
const SAID_EVERY: Duration = Duration::from_secs(1);

impl LineWatch {
    /// Watches what `meter` counts.
    pub fn new(meter: Arc<Meter>) -> Self {
        let pacer = Pacer::default();
        let said = LineState { detail: pacer.detail(), bytes_per_second: Some(0) };
        let (rate, next) = (Rate::default(), Some(Duration::ZERO));
        Self(Some(Watched { meter, began: Instant::now(), pacer, rate, said, said_at: Duration::ZERO, next }))
    }

    /// Something was drawn.
    pub fn drew(&mut self) {
        let Some(watched) = &mut self.0 else { return };
        let waited = watched.meter.take_longest_wait();
        watched.pacer.flushed(waited, watched.began.elapsed());
    }

    /// How the line is, where that is different from what was said before.
    pub fn look(&mut self) -> Option<LineState> {
        let watched = self.0.as_mut()?;
        let now = watched.began.elapsed();
        watched.next = watched.pacer.tick(now);
        let detail = watched.pacer.detail();
        let is_first = watched.said_at == Duration::ZERO;
        if detail == watched.said.detail && now.saturating_sub(watched.said_at) < SAID_EVERY && !is_first {
            return None;
        }
        // In whole kilobytes: what its own line costs changes nothing then, and an idle screen stays as it is.
        let rate = watched.rate.at(watched.meter.bytes(), now) / 1_000 * 1_000;
        let line = LineState { detail, bytes_per_second: Some(rate) };
        watched.said_at = now;
        (std::mem::replace(&mut watched.said, line) != line || is_first).then_some(line)
    }

    /// How long until it is to be looked at again; for ever where nothing changes by itself.
    pub fn until_next(&self) -> Duration {
        let Some(watched) = &self.0 else { return Duration::MAX };
        let now = watched.began.elapsed();
        let rises = watched.next.map_or(Duration::MAX, |at| at.saturating_sub(now));
        // Until it says that nothing is carried.
        let falls = if watched.said.bytes_per_second == Some(0) { Duration::MAX } else { SAID_EVERY };
        rises.min(falls).max(Duration::from_millis(20))
    }
}

/// A number of bytes a second in words.
pub fn rate_words(bytes_per_second: u64) -> String {
    match bytes_per_second {
        0..1_000 => "<1 kB/s".to_owned(),
        1_000..1_000_000 => format!("{} kB/s", bytes_per_second / 1_000),
        _ => format!("{:.1} MB/s", bytes_per_second as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests;
