//! A panic that is caught is silent and leaves the screen alone; any other gives the terminal back
//! before it speaks. Shown by this test binary, which starts itself in a pseudo-terminal.

use std::io::Read;

use muster::capture::guard::guarded;
use muster::tui::terminal::Screen;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// Set where the test below is the child.
const CHILD: &str = "MUSTER_PANICS_CHILD";

const LEAVE: &str = "\x1b[?1049l";

#[test]
fn a_caught_panic_leaves_the_screen_alone() {
    if std::env::var_os(CHILD).is_some() {
        act();
        return;
    }
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["panics::a_caught_panic_leaves_the_screen_alone", "--exact", "--nocapture"]);
    command.env(CHILD, "1");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut shown = Vec::new();
    // The terminal ends with an error where its last program is gone.
    let _ = pair.master.try_clone_reader().unwrap().read_to_end(&mut shown);
    assert!(!child.wait().unwrap().success());

    let shown = String::from_utf8_lossy(&shown).into_owned();
    let at = |what: &str| shown.find(what).unwrap_or_else(|| panic!("no {what:?} in {shown:?}"));
    assert!(!shown.contains("the decoder slipped"), "{shown:?}");
    assert!(at("still here") < at(LEAVE), "{shown:?}");
    assert!(at(LEAVE) < at("the screen slipped"), "{shown:?}");
    assert_eq!(shown.matches(LEAVE).count(), 1, "{shown:?}");
}

fn act() {
    muster::cli::panics::install();
    let _screen = Screen::take(true).unwrap();
    assert_eq!(guarded(|| -> u8 { panic!("the decoder slipped") }), None);
    let elsewhere = std::thread::spawn(|| guarded(|| -> u8 { panic!("the decoder slipped") }));
    assert_eq!(elsewhere.join().unwrap(), None);
    println!("still here");
    panic!("the screen slipped");
}
