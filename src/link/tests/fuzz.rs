//! Hostile bytes: messages that were true once, changed, cut and joined, thrown at an engine that goes on.
//!
//! `MUSTER_FUZZ_INPUTS` and `MUSTER_FUZZ_SEED` make a longer or another run; `make soak` runs ten million.

use std::io::Read;

use super::*;

/// SplitMix64 (Steele, Lea and Flood 2014): the same inputs for the same seed, everywhere.
struct Rng(u64);

impl Rng {
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
}

/// A message that an honest client sends.
fn honest(rng: &mut Rng, person: PersonId) -> Vec<u8> {
    let sequence = Sequence(rng.next_u64() >> (rng.next_u32() % 64));
    let at =
        |rng: &mut Rng| chrono::DateTime::from_timestamp(i64::from(rng.next_u32()), 0).unwrap_or_default();
    let command = |command| Asked::Command(command);
    let asked = match rng.next_u32() % 14 {
        0 => command(Command::LedgerHead),
        1 => command(Command::People),
        2 => command(Command::Person(person)),
        3 => command(Command::Day { back: rng.next_u32() >> (rng.next_u32() % 32) }),
        4 => command(Command::Mark { person, state: PresenceState::Present, note: Some("x".repeat(9)) }),
        5 => command(Command::Rename { person, name: "Ana Maria".parse().unwrap() }),
        6 => command(Command::Operators(OperatorsCommand::List)),
        7 => command(Command::TakeShot),
        8 => command(Command::Register(RegisterCommand::Import {
            rows: vec![ImportRow::new("Ben".parse().unwrap(), Some("7".parse().unwrap()))],
            dry_run: true,
        })),
        9 => Asked::EntriesSince(sequence, rng.next_u64() % 100),
        10 => Asked::EntriesBefore(sequence, rng.next_u64() % 100),
        11 => Asked::WholeEntriesSince(sequence, rng.next_u64() % 100),
        12 => Asked::RecordsBetween(at(rng), at(rng)),
        _ => Asked::HeldBetween(at(rng), at(rng)),
    };
    let message = match rng.next_u32() % 16 {
        0 => ToEngine::Preview(Some(PreviewRequest {
            max_width: rng.next_u32(),
            max_height: rng.next_u32(),
            max_fps: f32::from_bits(rng.next_u32()),
        })),
        _ => ToEngine::Ask(CallId(rng.next_u64()), asked),
    };
    framed(&message).unwrap()[4..].to_vec()
}

/// Changes some bytes of `message`, takes some away, puts some in.
fn spoil(rng: &mut Rng, message: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=rng.next_u32() % 4 {
        let place = |rng: &mut Rng, length: usize| rng.next_u32() as usize % length.max(1);
        let at = place(rng, message.len());
        match rng.next_u32() % 6 {
            0 if !message.is_empty() => message[at] ^= 1 << (rng.next_u32() % 8),
            1 if !message.is_empty() => message[at] = rng.next_u32() as u8,
            2 => message.truncate(at),
            3 => message.insert(at, [0x00, 0x7f, 0x80, 0xff][rng.next_u32() as usize % 4]),
            4 => {
                message.truncate(at);
                message.extend_from_slice(&other[place(rng, other.len())..]);
            }
            _ => {
                // A number as long as they come.
                let end = at.min(message.len());
                message.splice(end..end, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
            }
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// Memory that this process has in use, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A connection that says what it likes and throws away what it hears.
struct Hostile {
    stream: UnixStream,
}

impl Hostile {
    fn new(site: &Site) -> Self {
        let mut stream = UnixStream::connect(site.socket()).unwrap();
        handshake::greet(&mut stream, &Hello::new(None)).unwrap();
        let mut hears = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0u8; 65_536];
            while hears.read(&mut bytes).is_ok_and(|count| count > 0) {}
        });
        Self { stream }
    }

    fn say(&mut self, message: &[u8]) -> std::io::Result<()> {
        let mut bytes = (message.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(message);
        self.stream.write_all(&bytes)
    }
}

#[test]
fn hostile_bytes_neither_end_the_engine_nor_make_it_grow() {
    throw(20_000);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_of_hostile_bytes() {
    throw(10_000_000);
}

/// Throws so many inputs, or as many as the environment says.
fn throw(inputs: u64) {
    let inputs = number("MUSTER_FUZZ_INPUTS", inputs);
    let seed = number("MUSTER_FUZZ_SEED", std::process::id().into());
    println!("{inputs} inputs from seed {seed}: MUSTER_FUZZ_SEED={seed}");
    let mut rng = Rng(seed);
    let site = Site::new();
    let here = site.engine.handle(Actor::System);
    import(&here, &["Ana"]);
    let person = here.snapshot().roster.rows[0].person;
    let mut hostile = Hostile::new(&site);
    let (mut understood, mut dropped) = (0u64, 0u64);
    let before = resident_kib();
    for input in 0..inputs {
        let mut message = honest(&mut rng, person);
        let other = honest(&mut rng, person);
        spoil(&mut rng, &mut message, &other);
        let _ = Hello::parse(&message);
        let _ = frame::decode::<ToClient<'_>>(&message);
        let read = frame::decode::<ToEngine>(&message);
        // Such as would write without end are for tests of the engine.
        let is_plain = match &read {
            Ok(ToEngine::Ask(_, Asked::Command(command))) => writes_nothing(command),
            Ok(_) => true,
            // A connection is lost with each of them, so some are enough.
            Err(_) => input % 256 == 0,
        };
        if !is_plain {
            continue;
        }
        if read.is_ok() {
            understood += 1;
        }
        if hostile.say(&message).is_err() {
            hostile = Hostile::new(&site);
            dropped += 1;
        }
    }
    drop(hostile);
    let after = resident_kib();
    println!(
        "{understood} understood, {dropped} connections dropped, {before} KiB before and {after} KiB after"
    );
    assert!(understood > 0 && dropped > 0, "nothing was tried");
    assert!(after < before + 128 * 1_024, "{before} KiB before, {after} KiB after");
    // The engine answers, and so does the door.
    assert!(site.admin().handle().call(Command::LedgerHead).is_ok());
    assert!(here.snapshot().roster.rows.iter().any(|row| row.person == person));
}

/// Whether a command leaves the ledger as it is, so that memory that grows is the link's.
fn writes_nothing(command: &Command) -> bool {
    matches!(
        command,
        Command::LedgerHead
            | Command::People
            | Command::Person(_)
            | Command::Day { .. }
            | Command::TakeShot
            | Command::Spaces
            | Command::Operators(OperatorsCommand::List)
            | Command::Register(RegisterCommand::Import { dry_run: true, .. } | RegisterCommand::Card(_))
    )
}

#[test]
fn a_greeting_that_is_none_is_answered_or_dropped() {
    let site = Site::new();
    for greeting in [&b"GET / HTTP/1.1\r\n"[..], b"\n", b"muster-link 1 0.1.0 -", &[0xff; 500], b""] {
        let mut stream = UnixStream::connect(site.socket()).unwrap();
        let _ = stream.write_all(greeting);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert!(!heard.starts_with(b"welcome"), "{greeting:?}");
    }
    assert!(site.admin().handle().call(Command::LedgerHead).is_ok());
}
