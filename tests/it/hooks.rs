//! Records go to another system while muster is killed again and again: each arrives, in order, under one id.
//! Needs no nets.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Finished, Home};

/// Knuth's linear congruential generator (MMIX); the high bits are the good ones.
struct Lot(u64);

impl Lot {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Another system: it keeps what it gets, and answers badly by lot until it is told to be good.
struct Other {
    url: String,
    is_good: Arc<AtomicBool>,
    got: Arc<Mutex<Vec<Value>>>,
}

impl Other {
    fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let (is_good, got) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (good, taken) = (Arc::clone(&is_good), Arc::clone(&got));
        std::thread::spawn(move || {
            let mut lot = Lot(seed);
            for stream in listener.incoming().flatten() {
                let how = if good.load(Ordering::SeqCst) { 9 } else { lot.below(10) };
                answer(&stream, how, &taken);
            }
        });
        Self { url, is_good, got }
    }
}

/// One in ten is not taken, two are taken and not said to be, some are slow to be taken.
fn answer(mut stream: &TcpStream, how: u64, got: &Mutex<Vec<Value>>) {
    let Some(body) = body(stream) else { return };
    if how == 0 {
        let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    got.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    match how {
        1 => return,
        2 => drop(stream.write_all(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")),
        3..=5 => std::thread::sleep(Duration::from_millis(how * 8)),
        _ => {}
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

/// The body; none where the other side was killed meanwhile.
fn body(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

struct Site {
    home: Home,
}

impl Site {
    fn new(hook: &str) -> Self {
        let home = Home::new();
        let path = home.path().join("config/muster/muster.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!(
            "[attendance]\nidentifier = \"identifier\"\n[recognition]\ndebounce_seconds = 0\n[[hook]]\nname = \"pay\"\n{hook}\n"
        );
        std::fs::write(path, text).unwrap();
        let site = Self { home };
        let csv = site.home.path().join("staff.csv");
        std::fs::write(&csv, "name,identifier\nAna,S-1\nBo,S-2\n").unwrap();
        site.run(&["roster", "import", csv.to_str().unwrap()]).expect(0);
        // From here on: what was before is no business of the hook's.
        site.run(&["hooks", "deliver"]).expect(0);
        site
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(self.home.muster_on(Path::new("none"), arguments).output().unwrap())
    }

    fn check_in(&self, identifier: &str) {
        self.run(&["check-in", identifier]).expect(0);
    }

    /// Delivers, and kills the process `wait` after so many more records came; whether it was killed while it
    /// ran.
    fn deliver_and_kill(&self, other: &Other, more: usize, wait: Duration) -> bool {
        let came = || other.got.lock().unwrap().len();
        let wanted = came() + more;
        let mut command = self.home.muster_on(Path::new("none"), ["hooks", "deliver"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while came() < wanted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(wait);
        let was_running = child.try_wait().unwrap().is_none();
        // SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        was_running
    }

    /// The sequences of all passages, from the ledger.
    fn passages(&self) -> Vec<u64> {
        let out = self.home.path().join("log.jsonl");
        let _ = std::fs::remove_file(&out);
        self.run(&["log", "export", "-o", out.to_str().unwrap()]).expect(0);
        let text = std::fs::read_to_string(&out).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries
            .filter(|entry| entry["kind"] == "passage")
            .map(|entry| entry["entry"].as_u64().unwrap())
            .collect()
    }
}

fn killed_again_and_again(seed: u64, rounds: u64) {
    println!("seed {seed:#x}");
    let other = Other::start(seed);
    let site = Site::new(&format!("url = \"{}\"", other.url));
    let mut lot = Lot(seed ^ 0x5eed);
    let mut kills = 0;
    for round in 0..rounds {
        for _ in 0..=lot.below(3) {
            site.check_in(if round % 2 == 0 { "S-1" } else { "S-2" });
        }
        // Also before the first comes, and so long after the last that it may have ended.
        let (more, wait) = (lot.below(3) as usize, Duration::from_millis(lot.below(60)));
        kills += u64::from(site.deliver_and_kill(&other, more, wait));
    }
    other.is_good.store(true, Ordering::SeqCst);
    site.run(&["hooks", "deliver"]).expect(0);
    let expected = site.passages();
    site.run(&["log", "verify"]).expect(0);
    let got = other.got.lock().unwrap();
    let mut by_id: BTreeMap<String, (u64, Value)> = BTreeMap::new();
    let mut first_came: Vec<u64> = Vec::new();
    for object in got.iter() {
        let id = object["id"].as_str().unwrap().to_owned();
        let sequence = object["sequence"].as_u64().unwrap();
        let mut same = object.clone();
        let attempt = same.as_object_mut().unwrap().remove("attempt").unwrap().as_u64().unwrap();
        match by_id.get(&id) {
            None => {
                first_came.push(sequence);
                by_id.insert(id, (sequence, same));
            }
            // What comes again says so, and says the same.
            Some((_, before)) => assert!(attempt > 1 && *before == same, "{object}"),
        }
    }
    println!(
        "records {}, arrived {}, under {} ids, kills while it ran {kills} of {rounds}",
        expected.len(),
        got.len(),
        by_id.len()
    );
    // None missing, none under two ids, in the order of the ledger.
    assert_eq!(first_came, expected);
    assert!(kills > 0, "nothing was killed");
}

#[test]
fn killed_while_it_delivers_every_record_arrives_under_one_id() {
    killed_again_and_again(0x0b5e_55ed, 12);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_of_killed_deliveries() {
    let seconds: u64 = std::env::var("MUSTER_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    let begun = std::time::Instant::now();
    let mut seed = 1;
    while begun.elapsed() < Duration::from_secs(seconds) {
        killed_again_and_again(seed, 40);
        seed += 1;
    }
}

#[test]
fn a_program_gets_records_and_what_goes_wrong_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (file, gate) = (folder.path().join("got"), folder.path().join("gate"));
    let script = format!("test -e {} && cat >> {}", gate.display(), file.display());
    let site = Site::new(&format!("command = [\"sh\", \"-c\", \"{script}\"]\nnames = true"));
    site.check_in("S-1");
    let failed = site.run(&["hooks", "deliver"]).expect(3);
    assert!(failed.stdout.contains("pay: the program sh ended with exit status: 1"), "{}", failed.stdout);
    let listed = site.run(&["hooks", "list", "--json"]).expect(0).json_lines().remove(0);
    assert_eq!((&listed["waiting"], &listed["trouble"]["attempts"]), (&1.into(), &2.into()), "{listed}");
    assert!(site.run(&["hooks", "list"]).stdout.contains("exit status: 1"));
    let doctor = site.run(&["doctor"]).stdout;
    assert!(doctor.contains("pay: entry"), "{doctor}");
    std::fs::write(&gate, "").unwrap();
    site.run(&["hooks", "deliver"]).expect(0);
    let got: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        (&got["name"], &got["identifier"], &got["method"]),
        (&"Ana".into(), &"S-1".into(), &"identifier".into())
    );
    let listed = site.run(&["hooks", "list", "--json"]).expect(0).json_lines().remove(0);
    assert_eq!((&listed["waiting"], &listed["trouble"]), (&0.into(), &Value::Null), "{listed}");
}
