//! `muster serve` as a service manager runs it: what it says on the socket of `sd_notify(3)`, what its signals do,
//! the file of metrics, and the ledger afterwards. One test needs the nets.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Finished, Home, demo_picture, models_dir, root};

/// How long anything is waited for, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// The service under a service manager's eyes.
struct Service {
    child: Child,
    socket: UnixDatagram,
    config: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(home: &Home, config: &str) -> Self {
        Self::start_on(home, Path::new("none"), config)
    }

    fn start_on(home: &Home, models: &Path, config: &str) -> Self {
        let path = home.path().join("muster.toml");
        fs::write(&path, config).unwrap();
        let place = home.path().join("notify");
        let _ = fs::remove_file(&place);
        let socket = UnixDatagram::bind(&place).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = home.muster_on(models, ["--config"]);
        command.arg(&path).arg("serve").env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "1000000");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: child.spawn().unwrap(), socket, config: path }
    }

    /// The next message that says `word`, passing others over.
    fn told(&self, word: &str) -> String {
        let begun = Instant::now();
        let mut bytes = [0; 4096];
        while begun.elapsed() < PATIENCE {
            let Ok(length) = self.socket.recv(&mut bytes) else { break };
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if text.lines().any(|line| line.starts_with(word)) {
                return text;
            }
        }
        panic!("it never said {word}");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the configuration `text` again; what is told when it is done.
    fn reload(&self, text: &str) {
        fs::write(&self.config, text).unwrap();
        self.signal(Signal::HUP);
        let reloading = self.told("RELOADING=1");
        let clock = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(clock.is_some_and(|clock| clock.parse::<u64>().is_ok_and(|clock| clock > 0)), "{reloading}");
        self.told("READY=1");
    }

    /// Ends it by `signal`; how it ended.
    fn end(mut self, signal: Signal) -> Finished {
        let begun = Instant::now();
        self.signal(signal);
        self.told("STOPPING=1");
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        println!("from {signal:?} to its end: {:.3} s", begun.elapsed().as_secs_f32());
        Finished { code, stdout: String::new(), stderr }
    }
}

/// A folder with one picture in it.
fn stills(home: &Home) -> PathBuf {
    let folder = home.path().join("stills");
    fs::create_dir_all(&folder).unwrap();
    let mut picture = b"P6\n64 48\n255\n".to_vec();
    picture.extend((0..64 * 48 * 3).map(|n| (n % 251) as u8));
    fs::write(folder.join("a.ppm"), picture).unwrap();
    folder
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn muster(home: &Home, arguments: &[&str]) -> Finished {
    let config = home.path().join("muster.toml");
    let mut command = home.muster_on(Path::new("none"), arguments);
    Finished::of(command.arg("--config").arg(config).output().unwrap())
}

#[test]
fn a_service_tells_its_manager_reads_its_configuration_again_and_ends_in_good_order() {
    let home = Home::new();
    let metrics = home.path().join("muster.prom");
    let source =
        format!("[source]\ndefault = \"replay:{}\"\nname = \"front door\"\n", stills(&home).display());
    let text = |debounce: u32, data: &str| {
        format!(
            "{data}{source}[recognition]\ndebounce_seconds = {debounce}\n[service]\nmetrics_file = \"{}\"\n",
            metrics.display()
        )
    };
    let service = Service::start(&home, &text(60, ""));
    let ready = service.told("READY=1");
    assert!(ready.contains("STATUS=front door "), "{ready}");
    service.told("WATCHDOG=1");
    // The source is watched; that there are no nets is a state and no end.
    let written = until("a frame in the metrics", || {
        let text = fs::read_to_string(&metrics).ok()?;
        text.contains("muster_source_up{source=\"front door\"}").then_some(text)
    });
    assert!(written.contains("muster_nets_ready 0") && written.contains("muster_store_up 1"), "{written}");

    service.reload(&text(30, "[models]\npack = \"other\"\n"));
    service.reload("[recognition]\ndebounce_second = 1\n");
    service.reload(&text(30, ""));
    let ended = service.end(Signal::TERM).expect(0);
    let said = &ended.stderr;
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("muster: ")).collect();
    let [serves, changed, refused, back, order] = lines.as_slice() else { panic!("{said}") };
    assert!(serves.contains("serves front door on") && serves.contains("muster.toml"), "{serves}");
    assert!(changed.contains("in force now: recognition.debounce_seconds: 60 -> 30"), "{changed}");
    assert!(changed.contains("only after a restart, and unchanged until then: models.pack"), "{changed}");
    assert!(refused.contains("the one before stays in force") && refused.contains("line 2"), "{refused}");
    assert!(back.ends_with("nothing changed"), "{back}");
    assert_eq!(*order, "muster: ended in good order");
    assert!(!metrics.exists(), "what is not so any more is not left to be read");
    assert!(!home.path().join("state/muster").exists(), "the journal keeps what it says, and no file");

    // The ledger has the beginning, what changed while it ran, and the end.
    let log = muster(&home, &["log", "export"]).expect(0).json_lines();
    let kinds: Vec<&str> = log.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    // The last is of this export.
    let expected = ["started", "configuration_changed", "configuration_changed", "stopped", "exported"];
    assert_eq!(kinds, expected);
    let noted: Vec<String> = log
        .iter()
        .filter(|entry| entry["kind"] == "configuration_changed")
        .map(ToString::to_string)
        .collect();
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert!(
        !noted[1].contains("\"other\""),
        "what waits for a restart is not said to be in force: {}",
        noted[1]
    );
    muster(&home, &["log", "verify"]).expect(0);
}

#[test]
fn a_second_service_on_the_same_store_is_refused_and_ctrl_c_ends_the_first() {
    let home = Home::new();
    // A hook's server that takes what comes and never answers keeps nobody from ending.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let config = |debounce: u32| {
        format!(
            "[source]\ndefault = \"replay:{}\"\n[recognition]\ndebounce_seconds = {debounce}\n\
             [[hook]]\nname = \"pay\"\nurl = \"http://{}/\"\nevents = [\"all\"]\n",
            stills(&home).display(),
            silent.local_addr().unwrap()
        )
    };
    let service = Service::start(&home, &config(0));
    service.told("READY=1");
    // A new hook begins with what comes after it was seen first; each of these is an entry.
    let mut debounce = 0;
    let _connection = until("a delivery", || {
        debounce += 1;
        service.reload(&config(debounce));
        silent.accept().ok()
    });
    let second = muster(&home, &["serve"]).expect(3);
    assert!(second.stderr.contains("in use by"), "{}", second.stderr);
    service.end(Signal::INT).expect(0);
    // A configuration that is wrong is no reason to try again.
    fs::write(home.path().join("muster.toml"), "[recognition]\nvotes = 0\n").unwrap();
    muster(&home, &["serve"]).expect(2);
}

#[test]
fn the_status_of_a_store_without_an_engine_is_told_and_makes_no_store() {
    let home = Home::new();
    fs::write(home.path().join("muster.toml"), "").unwrap();
    let nothing = muster(&home, &["status"]).expect(3);
    assert!(nothing.stderr.contains("there is no store in"), "{}", nothing.stderr);
    assert!(!home.data_dir().exists());
    let list = home.path().join("staff.csv");
    fs::write(&list, "name\nAna Adams\n").unwrap();
    muster(&home, &["roster", "import", list.to_str().unwrap()]).expect(0);
    let said = muster(&home, &["status", "--json"]).expect(3);
    let object = &said.json_lines()[0];
    assert_eq!((&object["is_running"], &object["store"]["people"]), (&false.into(), &1.into()));
    assert!(!said.stdout.contains("Ana"), "{}", said.stdout);
}

#[test]
fn who_was_seen_is_in_the_ledger_when_the_service_has_ended() {
    let home = Home::new();
    home.run(["enroll", "Barack Obama", &demo_picture("enrol/obama.jpg").display().to_string()]).expect(0);
    let metrics = home.path().join("muster.prom");
    let config = format!(
        "[source]\ndefault = \"replay:{}\"\n[service]\nmetrics_file = \"{}\"\nmetrics_seconds = 5\n",
        demo_picture("show").display(),
        metrics.display()
    );
    let service = Service::start_on(&home, &models_dir(), &config);
    service.told("READY=1");
    until("a decision", || {
        let text = fs::read_to_string(&metrics).ok()?;
        let is_there =
            text.contains("muster_last_decision_timestamp_seconds ") && text.contains("muster_nets_ready 1");
        is_there.then_some(())
    });
    let said = fs::read_to_string(&metrics).unwrap();
    assert!(!said.contains("Obama"), "{said}");
    service.end(Signal::TERM).expect(0);
    let log = muster(&home, &["log", "export"]).expect(0).json_lines();
    let count = |kind: &str| log.iter().filter(|entry| entry["kind"] == kind).count();
    println!("{} passages, {} unidentified", count("passage"), count("unidentified"));
    assert!(count("passage") + count("unidentified") > 0);
    assert_eq!(count("stopped"), 1);
    muster(&home, &["log", "verify"]).expect(0);
}

/// Whether systemd's own checker is there; a line that says so where it is not.
fn has_systemd_analyze() -> bool {
    let is_there = std::process::Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_ok_and(|answer| answer.status.success());
    if !is_there {
        println!("SKIPPED: systemd-analyze is not there (apt install systemd)");
    }
    is_there
}

fn analyze(arguments: &[&str], unit: &Path) -> Finished {
    let mut command = std::process::Command::new("systemd-analyze");
    Finished::of(command.args(arguments).arg(unit).output().unwrap())
}

#[test]
fn the_unit_is_understood_by_systemd_and_keeps_the_service_in_its_place() {
    if !has_systemd_analyze() {
        return;
    }
    let unit = root().join("packaging/muster.service");
    let rated = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager"], &unit).expect(0);
    println!("{}", rated.stdout.lines().last().unwrap_or_default());
    // Its program and manual are not installed here.
    let folder = tempfile::tempdir().unwrap();
    let installed = folder.path().join("muster.service");
    let text = fs::read_to_string(&unit).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("Documentation="));
    let text = lines.collect::<Vec<_>>().join("\n").replace("/usr/bin/muster", env!("CARGO_BIN_EXE_muster"));
    fs::write(&installed, text).unwrap();
    let verified = analyze(&["verify"], &installed).expect(0);
    // Keys of later versions of systemd are passed over by earlier ones, and no others.
    let later = ["RestartSteps", "RestartMaxDelaySec", "ImportCredential"];
    let other: Vec<&str> = verified
        .stderr
        .lines()
        .filter(|line| line.contains("muster.service"))
        .filter(|line| !later.iter().any(|key| line.contains(&format!("'{key}'"))))
        .collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn the_lines_for_sshd_are_understood_and_forward_nothing() {
    let sshd = Path::new("/usr/sbin/sshd");
    if !sshd.exists() {
        println!("SKIPPED: sshd is not there (apt install openssh-server)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .is_ok_and(|status| status.success());
    assert!(made, "ssh-keygen comes with sshd");
    let config = folder.path().join("sshd_config");
    let lines = root().join("packaging/sshd.conf");
    fs::write(&config, format!("HostKey {}\nInclude {}\n", key.display(), lines.display())).unwrap();
    let whose = |user: &str| format!("user={user},host=desk,addr=192.0.2.7");
    let shown = |user: &str| {
        let mut command = std::process::Command::new(sshd);
        command.arg("-T").arg("-f").arg(&config).arg("-C").arg(whose(user));
        let answer = Finished::of(command.output().unwrap());
        // In a container its folder in /run may be missing, which is no fault of the lines.
        (!answer.stderr.contains("privilege separation")).then(|| answer.expect(0).stdout)
    };
    let Some(ours) = shown("muster-ssh") else {
        println!("SKIPPED: sshd is not set up here (mkdir /run/sshd)");
        return;
    };
    for line in [
        "authorizedkeyscommand /usr/bin/muster authorized-keys %u %t %k",
        "authorizedkeyscommanduser muster",
        "authenticationmethods publickey",
        "passwordauthentication no",
        "disableforwarding yes",
        "permittunnel no",
        "permituserenvironment no",
        "permituserrc no",
        "x11forwarding no",
        "permittty yes",
    ] {
        assert!(ours.lines().any(|shown| shown == line), "{line} in\n{ours}");
    }
    let others = shown("ana").unwrap();
    assert!(!others.contains("authorizedkeyscommand /usr"), "nobody else is touched");
}
