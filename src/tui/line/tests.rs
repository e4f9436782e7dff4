use super::*;

/// A line that drains so many bytes a second and takes so many before it makes a writer wait.
struct Line {
    bytes_per_second: f64,
    room: f64,
    held: f64,
}

impl Line {
    fn drain(&mut self, took: Duration) {
        self.held = (self.held - self.bytes_per_second * took.as_secs_f64()).max(0.0);
    }

    /// Writes; how long that waits.
    fn write(&mut self, bytes: f64) -> Duration {
        self.held += bytes;
        let over = (self.held - self.room).max(0.0);
        let waited = Duration::from_secs_f64(over / self.bytes_per_second);
        self.drain(waited);
        waited
    }

    /// How long a key's answer that is written now takes to arrive.
    fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.held / self.bytes_per_second)
    }
}

/// Bytes of a picture in half blocks of 100 by 30 cells, by detail: 25 bytes a cell where all change.
fn picture_bytes(detail: Detail) -> f64 {
    let side = f64::from(detail.shrinks_by());
    if detail.pictures_per_second().is_none() { 0.0 } else { 75_000.0 / (side * side) }
}

/// Runs a screen for `seconds`: what is shown each second, and the longest that a key waited in the last
/// third of it.
fn run(mut line: Line, seconds: u64) -> (Vec<Detail>, Duration) {
    let mut pacer = Pacer::default();
    let (mut now, mut next_picture) = (Duration::ZERO, Duration::ZERO);
    let mut shown = Vec::new();
    let mut slowest_key = Duration::ZERO;
    let step = Duration::from_millis(10);
    while now < Duration::from_secs(seconds) {
        pacer.tick(now);
        if let Some(rate) = pacer.detail().pictures_per_second()
            && now >= next_picture
        {
            let waited = line.write(picture_bytes(pacer.detail()));
            now += waited;
            pacer.flushed(waited, now);
            next_picture = now + Duration::from_secs_f32(1.0 / rate);
        }
        line.drain(step);
        now += step;
        while (shown.len() as u64) < now.as_secs() {
            shown.push(pacer.detail());
        }
        if now > Duration::from_secs(seconds * 2 / 3) {
            slowest_key = slowest_key.max(line.latency());
        }
    }
    (shown, slowest_key)
}

fn line(bytes_per_second: f64) -> Line {
    Line { bytes_per_second, room: 16_384.0, held: 0.0 }
}

/// Where a line ends up: what is shown most of the last third of ten minutes.
fn settled(bytes_per_second: f64) -> (Detail, Duration) {
    let (shown, slowest_key) = run(line(bytes_per_second), 600);
    let last = &shown[shown.len() * 2 / 3..];
    let count = |detail: &Detail| last.iter().filter(|shown| *shown == detail).count();
    (Detail::ALL.into_iter().max_by_key(count).unwrap(), slowest_key)
}

#[test]
fn a_fast_line_gets_everything_within_seconds_and_keeps_it() {
    let (shown, slowest_key) = run(line(50e6), 60);
    assert!(shown[4..].iter().all(|detail| *detail == Detail::Full), "{shown:?}");
    assert!(slowest_key < Duration::from_millis(5), "{slowest_key:?}");
}

/// 9,600 and 115,200 baud at ten bits a byte, and 1 and 10 Mbit/s.
#[test]
fn every_line_settles_at_what_it_bears() {
    let table =
        [(960.0, Detail::Boxes), (11_520.0, Detail::Boxes), (125e3, Detail::Small), (1.25e6, Detail::Full)];
    for (bytes_per_second, expected) in table {
        let (detail, slowest_key) = settled(bytes_per_second);
        println!("{bytes_per_second} bytes/s: {detail:?}, a key waits at most {slowest_key:?}");
        assert_eq!(detail, expected, "{bytes_per_second}");
        // One picture of the least size, or what the line holds by itself.
        let least = Duration::from_secs_f64((picture_bytes(Detail::Rare) + 16_384.0) / bytes_per_second);
        assert!(slowest_key <= least.max(Duration::from_secs(1)), "{bytes_per_second}: {slowest_key:?}");
    }
}

#[test]
fn a_line_that_recovers_is_used_again() {
    let mut pacer = Pacer::default();
    for second in 0..20 {
        pacer.flushed(Duration::from_secs(1), Duration::from_secs(second));
    }
    assert_eq!(pacer.detail(), Detail::Off);
    let mut now = Duration::from_secs(20);
    while pacer.detail() != Detail::Full {
        now = pacer.tick(now).unwrap_or(now);
        assert!(now < Duration::from_secs(20 * 60), "{now:?}");
    }
}

#[test]
fn a_rise_that_does_not_hold_is_tried_more_and_more_rarely() {
    let mut pacer = Pacer::default();
    let mut now = Duration::ZERO;
    let mut rises = Vec::new();
    while now < Duration::from_secs(1_800) {
        let before = pacer.detail();
        pacer.tick(now);
        if pacer.detail() > before {
            rises.push(now.as_secs());
            pacer.flushed(WAITED, now + Duration::from_secs(1));
        }
        now += Duration::from_secs(1);
    }
    let gaps: Vec<u64> = rises.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.is_sorted(), "{gaps:?}");
    assert!(rises.len() < 20, "{rises:?}");
}

#[test]
fn the_rate_is_over_the_last_seconds() {
    let mut rate = Rate::default();
    let at = |seconds: f64| Duration::from_secs_f64(seconds);
    assert_eq!(rate.at(0, at(0.0)), 0);
    assert_eq!(rate.at(1_000, at(1.0)), 1_000);
    assert_eq!(rate.at(4_000, at(2.0)), 2_000);
    assert_eq!(rate.at(4_000, at(30.0)), 0);
    assert_eq!([999, 12_345, 2_500_000].map(rate_words), ["<1 kB/s", "12 kB/s", "2.5 MB/s"]);
}
