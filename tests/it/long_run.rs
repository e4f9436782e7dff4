//! Two sources for hours: the program holds no more at the end than when it had warmed up.

use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Home, demo_picture, root};

/// How often the process is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What it may grow by between the second quarter of a long run and the last, in the medians: the entries of
/// the run and what the allocator keeps of the largest moment. A leak of one small picture a second is over it
/// within five minutes.
const LONG_GROWTH_KB: u64 = 16 * 1024;

/// The same of a short run, in which the nets are still seeing sizes that they have not seen: two seconds of
/// frames that are kept.
const SHORT_GROWTH_KB: u64 = 36 * 1024;

/// How long somebody known may take to come before both sources.
const PATIENCE: Duration = Duration::from_secs(300);

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    resident_kb: u64,
    threads: usize,
    descriptors: usize,
}

impl Held {
    fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
        Self { resident_kb: field("VmRSS:"), threads: field("Threads:") as usize, descriptors }
    }
}

fn median(held: &[Held]) -> u64 {
    let mut resident: Vec<u64> = held.iter().map(|held| held.resident_kb).collect();
    resident.sort_unstable();
    resident[resident.len() / 2]
}

/// Watches the demo's pictures as two cameras for `length`; prints what it held.
fn watch_for(length: Duration, most_growth_kb: u64) {
    let home = Home::new();
    for (name, file) in [("Barack Obama", "enrol/obama.jpg"), ("Joe Biden", "enrol/biden.jpg")] {
        home.run(["enroll", name, &demo_picture(file).display().to_string()]).expect(0);
    }
    let shown = root().join("data/demo/show").display().to_string();
    let config = home.path().join("two.toml");
    let text = format!(
        "[sources.front]\nfrom = \"replay:{shown}\"\nrole = \"in\"\n\
         [sources.yard]\nfrom = \"replay:{shown}\"\nmirror = true\nrole = \"out\"\n\
         [recognition]\ndebounce_seconds = 5\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = home.muster(["--config", &config.display().to_string(), "--plain"]);
    let said = home.path().join("said.txt");
    let stdout = std::fs::File::create(&said).unwrap();
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
    let running = Running(child);
    let is_recognised =
        |source: &str| std::fs::read_to_string(&said).unwrap().contains(&format!(", at {source}"));
    let begun = Instant::now();
    let mut held = Vec::new();
    // On a busy machine it takes a while until somebody was recognised before both.
    let is_over = || is_recognised("front") && is_recognised("yard") || begun.elapsed() > length + PATIENCE;
    while begun.elapsed() < length || !is_over() {
        std::thread::sleep(INTERVAL.min(length / 40));
        held.push(Held::of(running.0.id()));
    }
    let quarter = held.len() / 4;
    let (second, last) = (&held[quarter..2 * quarter], &held[3 * quarter..]);
    let (before, after) = (median(second), median(last));
    let mut said = String::new();
    for held in held.iter().step_by((held.len() / 12).max(1)) {
        write!(said, " {}", held.resident_kb / 1024).unwrap();
    }
    println!("{} s: MB resident over time:{said}", begun.elapsed().as_secs());
    println!("median of the second quarter {before} kB, of the last {after} kB");
    let [early, late] = [second[0], *last.last().unwrap()];
    println!(
        "threads {} and {}, descriptors {} and {}",
        early.threads, late.threads, early.descriptors, late.descriptors
    );
    assert!(after <= before + most_growth_kb, "it grew by {} kB", after - before);
    assert_eq!(late.threads, early.threads);
    assert!(
        late.descriptors <= early.descriptors,
        "{} descriptors more",
        late.descriptors - early.descriptors
    );
    drop(running);
    let log = home.run(["--config", &config.display().to_string(), "log", "export"]).expect(0).json_lines();
    let passages = |name: &str| {
        log.iter().filter(|entry| entry["kind"] == "passage" && entry.to_string().contains(name)).count()
    };
    let [front, yard] = [passages("front"), passages("yard")];
    println!("passages: {front} at the front, {yard} in the yard");
    assert!(front > 0 && yard > 0, "people are recognised before both");
    home.run(["--config", &config.display().to_string(), "log", "verify"]).expect(0);
}

#[test]
fn two_sources_hold_no_more_after_a_while() {
    watch_for(Duration::from_secs(24), SHORT_GROWTH_KB);
}

#[test]
#[ignore = "takes as long as MUSTER_SOAK_SECONDS says: make soak"]
fn soak_two_sources_for_long() {
    let seconds = std::env::var("MUSTER_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    watch_for(Duration::from_secs(seconds.unwrap_or(300)), LONG_GROWTH_KB);
}
