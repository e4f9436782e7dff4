//! Operators over a real sshd: three screens at once, what each role can and cannot do, and what becomes of
//! everybody when something breaks. It runs in namespaces of its own (`tests/it/ssh/world.sh`), which takes root,
//! util-linux and Debian's openssh-server; where they are missing it is skipped, and says so.

mod attacks;
mod world;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{models_dir, root};
use world::{Key, World};

fn has(program: &str) -> bool {
    std::env::split_paths("/usr/sbin:/usr/bin:/sbin:/bin").any(|dir| dir.join(program).is_file())
}

/// Why it cannot run here.
fn missing() -> Option<String> {
    if !rustix::process::getuid().is_root() {
        return Some("it needs root, for accounts of its own".to_owned());
    }
    for program in ["sshd", "ssh", "ssh-keygen", "unshare", "setpriv", "sftp", "scp"] {
        if !has(program) {
            return Some(format!("{program} is not there (openssh-server, openssh-client, util-linux)"));
        }
    }
    let tried = Command::new("unshare")
        .args(["-m", "-p", "-f", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"])
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) if status.success() => None,
        _ => Some("namespaces cannot be made here".to_owned()),
    }
}

/// Runs the test `name` of this program inside.
fn inside(name: &str) {
    if let Some(why) = missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let status = Command::new("unshare")
        .args(["-m", "-p", "-f", "--kill-child", "--mount-proc"])
        .arg(root().join("tests/it/ssh/world.sh"))
        .args([Path::new(env!("CARGO_BIN_EXE_muster")), &models_dir()])
        .args([root().join("data/demo"), root().join("packaging/sshd.conf")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .env("MUSTER_TEST_PORT", port.to_string())
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{name}: {status}");
}

#[test]
fn operators_work_at_once_and_see_each_other() {
    inside("ssh::inside_together");
}

#[test]
fn nobody_does_more_than_their_role() {
    inside("ssh::inside_attacks");
}

#[test]
fn what_breaks_ends_in_a_clear_state() {
    inside("ssh::inside_breaking");
}

#[test]
#[ignore = "runs inside the namespaces of the test that names it"]
fn inside_together() {
    let world = World::start();
    // A key that is nobody's does not come in.
    let refused = world.ask(Key::Stranger, "status");
    assert_eq!((refused.code, refused.stdout.as_str()), (255, ""), "{refused:?}");
    let mut admin = world.screen(Key::Admin, &[]);
    let operator = world.screen(Key::Operator, &[]);
    let observer = world.screen(Key::Observer, &[]);
    admin.until_shown("Roster");
    operator.until("the operator's role", |text| text.contains("Roster") && text.contains("operator"));
    observer.until("the observer's role", |text| text.contains("Roster") && text.contains("observer"));

    // One photograph, from the operator's own machine, and everybody sees who it is.
    let picture = std::fs::read("/mnt/pictures/enrol/obama.jpg").unwrap();
    let enrolled = world.ask_with(Key::Operator, "enroll 'Barack Obama' --id 44 -", &picture);
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    for (who, screen) in [("admin", &admin), ("operator", &operator), ("observer", &observer)] {
        screen.until(who, |text| text.contains("Barack Obama"));
    }
    // He is before the camera, too, and is recognised for all of them.
    for screen in [&admin, &operator, &observer] {
        screen.until("a record", |text| text.contains("1 present"));
    }
    // What an observer is shown has no picture in it and no similarity.
    assert!(!observer.text().contains("0.9"), "{}", observer.text());
    // The same answers as on the machine itself.
    for question in ["roster list", "report --format json", "log head", "session list"] {
        let (far, near) =
            (world.ask(Key::Admin, question), world.here(&question.split(' ').collect::<Vec<_>>()));
        assert_eq!((far.code, &far.stdout), (0, &near.stdout), "{question}: {far:?} {near:?}");
    }
    let listed = world.ask(Key::Admin, "operators list --json");
    assert_eq!(listed.stdout.matches("SHA256:").count(), 3, "{listed:?}");
    // The ledger says whose key it was.
    let log = world.ask(Key::Admin, "log list --json");
    let entry = log.stdout.lines().find(|line| line.contains("enrolled")).unwrap();
    assert!(entry.contains("SHA256:"), "{entry}");

    // Two who change the same person: the second is told, and both see how it is.
    assert_eq!(world.ask(Key::Admin, "roster rename 44 'B. Obama'").code, 0);
    let late = world.ask(Key::Operator, "roster rename 'Barack Obama' Barry");
    assert!(late.code == 1 && late.stderr.contains("Barack Obama"), "{late:?}");
    for screen in [&admin, &operator, &observer] {
        screen.until("the new name", |text| text.contains("B. Obama") && !text.contains("Barry"));
    }

    // Another role holds on the screen that is open; who is removed loses it, and their key with it.
    assert_eq!(world.ask(Key::Admin, "operators role Otto observer").code, 0);
    operator.until("the new role", |text| text.contains("observer"));
    assert_eq!(world.ask(Key::Operator, "mark 44 left").code, 2);
    assert_eq!(world.ask(Key::Admin, "operators remove Otto").code, 0);
    let mut operator = operator;
    assert_ne!(operator.exit_code(), 0);
    assert!(operator.text().contains("not any more"), "{}", operator.text());
    assert_eq!(world.ask(Key::Operator, "status").code, 255);

    // What takes two is done when the second confirms it, by a key of their own.
    let public = std::fs::read_to_string("/run/sshd/stranger.pub").unwrap();
    let added = world.here_with(&["operators", "add", "Bea", "--role", "admin", "--key", "-"], &public);
    assert_eq!(added.code, 0, "{added:?}");
    let mut bea = world.screen(Key::Stranger, &[]);
    bea.until_shown("Roster");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| world.ask(Key::Admin, "roster erase 44 --yes"));
        bea.until_shown("Ada asks you to confirm");
        let waiting = world.ask(Key::Stranger, "approvals list --json").stdout;
        let request: serde_json::Value = serde_json::from_str(waiting.lines().next().unwrap()).unwrap();
        let confirm = format!("approvals confirm {}", request["request"]);
        let own = world.ask(Key::Admin, &confirm);
        assert!(own.code == 1 && own.stderr.contains("yourself"), "{own:?}");
        assert!(!asking.is_finished() && observer.text().contains("B. Obama"));
        bea.keys("A");
        bea.until_shown("Another admin confirms");
        bea.keys("y");
        let erased = asking.join().unwrap();
        assert_eq!(erased.code, 0, "{erased:?}");
    });
    observer.until("that he is gone", |text| !text.contains("B. Obama"));

    // On the screen of a guest nothing stops the process, and quitting ends it alone.
    admin.keys("\u{1a}");
    admin.keys("q");
    assert_eq!(admin.exit_code(), 0);
    assert!(observer.text().contains("Roster"));
    assert_eq!(world.here(&["log", "verify"]).code, 0);
}

#[test]
#[ignore = "runs inside the namespaces of the test that names it"]
fn inside_attacks() {
    let world = World::start();
    attacks::through_the_command_line(&world);
    attacks::through_the_screen(&world);
    attacks::around_the_gate(&world);
    attacks::with_the_environment(&world);
    attacks::on_the_socket(&world);
    // Whatever was tried, nothing was done: nobody is on the roster, and the ledger is whole.
    assert_eq!(world.here(&["roster", "list", "--json"]).stdout, "");
    assert_eq!(world.here(&["log", "verify"]).code, 0);
    assert!(!Path::new("/run/world/owned").exists());
}

#[test]
#[ignore = "runs inside the namespaces of the test that names it"]
fn inside_raw_frames() {
    attacks::raw_frames();
}

#[test]
#[ignore = "runs inside the namespaces of the test that names it"]
fn inside_breaking() {
    let mut world = World::start();
    let picture = std::fs::read("/mnt/pictures/enrol/obama.jpg").unwrap();
    assert_eq!(world.ask_with(Key::Operator, "enroll Ana -", &picture).code, 0);
    let screen = world.screen(Key::Operator, &[]);
    screen.until_shown("Ana");
    let acknowledged = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut done = 0;
            for number in 0..200 {
                let state = if number % 2 == 0 { "left" } else { "present" };
                if world.ask(Key::Admin, &format!("mark Ana {state} --note n{number}")).code != 0 {
                    break;
                }
                done = number + 1;
            }
            done
        });
        // In the middle of it, without a word.
        world.until_marks(4);
        world.kill_engine();
        asking.join().unwrap()
    });
    assert!(acknowledged >= 3, "{acknowledged} marks");
    screen.until_shown("engine gone");
    let refused = world.ask(Key::Admin, "status");
    assert!(refused.code != 0 && !refused.stdout.contains("runs"), "{refused:?}");
    world.start_engine();
    screen.until("the engine's return", |text| !text.contains("engine gone") && text.contains("Ana"));
    // Everything that was acknowledged is there, and the chain is whole.
    let log = world.here(&["log", "tail", "-n", "1000", "--json"]).stdout;
    for number in 0..acknowledged {
        assert!(log.contains(&format!("\"n{number}\"")), "mark {number} of {acknowledged} is lost");
    }
    assert_eq!(world.here(&["log", "verify"]).code, 0);
    // A line that drops in the middle of something leaves nothing half done, and nobody behind.
    for _ in 0..3 {
        world.drop_the_line(Key::Operator, "enroll Ben -", &picture[..picture.len() / 2]);
    }
    let mut dropped = world.screen(Key::Admin, &[]);
    dropped.until_shown("Ana");
    dropped.signal("KILL");
    let _ = dropped.exit_code();
    assert!(!world.ask(Key::Admin, "roster list").stdout.contains("Ben"));
    world.until_guests(1);
    assert_eq!(world.here(&["log", "verify"]).code, 0);
    // A service that is told to end does, with whoever is attached.
    world.end_engine();
    screen.until_shown("engine gone");
}
