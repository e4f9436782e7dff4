//! What a person does on the screen from beginning to end, in a real pseudo-terminal.

use portable_pty::CommandBuilder;

use crate::support::{Home, demo_picture, models_dir};
use crate::terminal::{Line, Terminal};

/// Somebody is enrolled, and the source is one still.
fn site() -> (Home, String) {
    let home = Home::new();
    let picture = demo_picture("enrol/obama.jpg").display().to_string();
    home.run(["enroll", "Barack Obama", &picture]).expect(0);
    let source = format!("images:{}", demo_picture("show/obama2.jpg").display());
    (home, source)
}

#[test]
fn somebody_marks_takes_back_filters_zooms_and_exports_from_the_screen_alone() {
    let (home, source) = site();
    let mut screen = Terminal::start(&home, &["--source", &source], 30, 100);
    screen.until("the passage", |text| text.contains("identified") && text.contains("present"));
    screen.keys("m");
    screen.until_shown("Mark Barack Obama");
    screen.keys("left early\r");
    screen.until_shown("u takes it back");
    screen.until("the roster says so", |text| {
        text.contains("left 1") || text.contains("left 0") || text.contains("left 2")
    });
    screen.keys("u");
    screen.until_shown("the mark was taken back");
    screen.keys("\t/mark");
    screen.until_shown("Log /mark (2)");
    screen.keys("\rz");
    screen.until("the log alone", |text| text.contains("Log /mark (2)") && !text.contains("Roster"));
    screen.keys("z");
    screen.until_shown("Roster");
    screen.keys("\x1b");
    // An escape with another key right behind it would be that key with alt.
    screen.until("everything again", |text| text.contains("Roster") && !text.contains("Log /mark"));
    let out = home.path().join("my roster.csv").display().to_string();
    screen.keys(":roster exp\t -o '");
    screen.keys(&format!("{out}'\r"));
    screen.until("it has run", |text| text.contains(":roster export") && !text.contains("running"));
    assert!(std::fs::read_to_string(&out).unwrap().contains("Barack Obama"));
    // An escape with another key right behind it would be that key with alt.
    screen.keys("\x1b");
    screen.until("the panes", |text| !text.contains(":roster export"));
    screen.keys(":roster erase 'Barack Obama'\r");
    // Nobody is erased by a line that does not say it is meant.
    screen.until_shown("--yes");
    screen.keys("\x1b");
    screen.until("the panes", |text| !text.contains("--yes"));
    screen.keys(":log head\r");
    screen.until("it has run", |text| text.contains(":log head") && !text.contains("running"));
    screen.keys("\x1b");
    screen.until("the panes", |text| !text.contains(":log head"));
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
    screen.expect_given_back();
    let kept = std::fs::read_to_string(home.path().join("state/muster/screen.toml")).unwrap();
    // A line that may name somebody, or a folder of somebody's, is not kept.
    assert!(kept.contains("log head") && !kept.contains("roster") && !kept.contains("Barack"), "{kept}");
}

#[test]
fn it_is_stopped_and_goes_on_and_the_mouse_chooses() {
    let (home, source) = site();
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    let mut shell = Terminal::run(&home, command, 24, 80);
    let muster = env!("CARGO_BIN_EXE_muster");
    let (data, models) = (home.data_dir().display().to_string(), models_dir().display().to_string());
    shell.keys(&format!("'{muster}' --data-dir '{data}' --models-dir '{models}' --source '{source}'\r"));
    shell.until_shown("Roster");
    shell.keys("\x1a");
    shell.until_shown("Stopped");
    shell.keys("fg\r");
    let text = shell.until_shown("Roster");
    // A click into the log, as a terminal says it (SGR, 1006).
    let row = text.lines().position(|line| line.contains("Log")).unwrap() + 2;
    shell.keys(&format!("\x1b[<0;10;{row}M\x1b[<0;10;{row}m"));
    shell.keys("z");
    shell.until("the log alone", |text| text.contains("Log") && !text.contains("Roster"));
    shell.resize(40, 120);
    shell.keys("X?");
    shell.until_shown("Help: / searches");
    shell.keys("/undo");
    shell.until("what was found", |text| {
        text.contains("take the last mark") && !text.contains("open the inbox")
    });
    shell.keys("\r\x1b");
    shell.until_shown("open the inbox");
    shell.keys("\x1b");
    shell.until("the panes", |text| !text.contains("Help: /"));
    shell.keys("q");
    shell.until("the shell", |text| text.trim_end().ends_with(['#', '$']));
    shell.keys("\recho it is $((40 + 2))\r");
    shell.until_shown("it is 42");
    shell.keys("exit\r");
    assert_eq!(shell.exit_code(), 0);
    shell.expect_given_back();
}

#[test]
fn a_keymap_of_ones_own_is_used_and_a_wrong_one_is_refused_with_its_line() {
    let (home, source) = site();
    let folder = home.path().join("config/muster");
    std::fs::create_dir_all(&folder).unwrap();
    let keymap = folder.join("keymap.toml");
    std::fs::write(&keymap, "[[bind]]\nmodes = [\"panes\"]\nkeys = [\"Z\"]\naction = \"quit\"\n").unwrap();
    let mut screen = Terminal::start(&home, &["--source", &source], 24, 80);
    screen.until_shown("Z quit");
    screen.keys("Z");
    assert_eq!(screen.exit_code(), 0);
    std::fs::write(&keymap, "[[bind]]\nmodes = [\"panes\"]\nkeys = [\"e\"]\naction = \"quit\"\n").unwrap();
    let mut screen = Terminal::start(&home, &["--source", &source], 24, 200);
    assert_eq!(screen.exit_code(), 2);
    screen.until("the line", |text| text.contains("keymap.toml line 1") && text.contains("bound twice"));
    let keys = home.run(["keys"]).expect(2);
    assert!(keys.stderr.contains("keymap.toml line 1"), "{}", keys.stderr);
}

#[test]
fn without_a_screen_each_event_is_a_line() {
    let (home, source) = site();
    let mut plain = home.muster(["--plain", "--source", &source]);
    plain.stdout(std::process::Stdio::piped());
    let mut child = plain.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.contains("identified  Barack Obama")) {
        said.push(lines.next().expect("it goes on until somebody is identified").unwrap());
    }
    assert!(said.iter().all(|line| line.len() > 21 && !line.contains('\u{1b}')), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("live")), "{said:#?}");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_theme_that_cannot_be_used_is_refused_with_its_line() {
    let (home, source) = site();
    let themes = home.run(["themes"]).expect(0);
    assert!(
        themes.stdout.contains("* ansi16") && themes.stdout.contains("high-contrast"),
        "{}",
        themes.stdout
    );
    let theme = home.path().join("mine.toml");
    let text =
        home.run(["themes", "--show", "dark"]).expect(0).stdout.replacen("[roles.good]", "[roles.god]", 1);
    std::fs::write(&theme, text).unwrap();
    let path = theme.display().to_string();
    let mut screen = Terminal::start(&home, &["--source", &source, "--theme", &path], 24, 200);
    assert_eq!(screen.exit_code(), 2);
    screen.until("the line", |text| text.contains("mine.toml line") && text.contains("did you mean `good`"));
    let mut screen = Terminal::start(&home, &["--source", &source, "--theme", "light"], 24, 80);
    screen.until_shown("Roster");
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
}

#[test]
fn the_kiosk_view_is_left_with_its_pin_alone() {
    let (home, source) = site();
    home.run_with(["kiosk-pin", "--stdin"], "12\n").expect(2);
    home.run_with(["kiosk-pin", "--stdin"], "2468\n").expect(0);
    let mut screen = Terminal::start(&home, &["--kiosk", "--source", &source], 30, 100);
    let text = screen.until("the welcome", |text| text.contains("Barack Obama") && text.contains("recorded"));
    assert!(!text.contains("Roster"), "{text}");
    // Neither quits nor suspends.
    screen.keys("\x03");
    screen.until_shown("Kiosk PIN");
    screen.keys("\x1a:quit\r");
    screen.until_shown("2 more tries");
    screen.keys("1111\r");
    screen.until_shown("one more try");
    screen.keys("2468\r");
    screen.until_shown("Roster");
    screen.keys("K");
    screen.until_shown("Last here");
    screen.keys("q2468\r");
    screen.until_shown("Roster");
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
    screen.expect_given_back();
    let config = std::fs::read_to_string(home.path().join("config/muster/muster.toml")).unwrap();
    assert!(config.contains("$argon2id$") && !config.contains("2468"), "{config}");
}

#[test]
fn without_a_pin_there_is_no_kiosk_view() {
    let (home, source) = site();
    let mut screen = Terminal::start(&home, &["--kiosk", "--source", &source], 24, 80);
    screen.until_shown("muster kiosk-pin");
    assert_eq!(screen.exit_code(), 2);
}

#[test]
fn a_slow_line_is_noticed_and_a_key_is_answered_all_the_same() {
    let (home, source) = site();
    // 30 kB a second.
    let line = Line { bytes_at_once: 600, pause: std::time::Duration::from_millis(20), ..Line::default() };
    let mut screen = Terminal::start_on(&home, &["--source", &source], 40, 140, line);
    screen.until_shown("Roster");
    screen.until_shown("slow line");
    screen.keys("?");
    screen.until_shown("Help: / searches");
    screen.keys("\x1b");
    screen.until("the panes", |text| !text.contains("Help: /"));
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
    screen.expect_given_back();
}

#[test]
fn pictures_come_as_the_terminal_says_it_takes_them() {
    let (home, source) = site();
    let kitty = b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.39.1)\x1b\\\x1b[6;20;10t\x1b[?62;c";
    let iterm = b"\x1bP>|WezTerm 20240203\x1b\\\x1b[6;20;10t\x1b[?65;4c";
    let sixel = b"\x1bP>|XTerm(390)\x1b\\\x1b[6;20;10t\x1b[?64;4c";
    let table: [(&'static [u8], &[u8]); 4] = [
        (kitty, "\u{10EEEE}".as_bytes()),
        (iterm, b"\x1b]1337;File=inline=1;"),
        (sixel, b"\x1bP"),
        (b"\x1b[?62;22c", "\u{2580}".as_bytes()),
    ];
    for (answer, expected) in table {
        let line = Line { answer, ..Line::default() };
        let mut screen = Terminal::start_on(&home, &["--source", &source], 30, 100, line);
        screen.until_shown("Roster");
        screen.until_written(expected);
        // Under a dialog there are half blocks, and the dialog is whole.
        screen.keys("?");
        screen.until_shown("Help: / searches");
        screen.keys("\x1b");
        screen.until("the panes", |text| !text.contains("Help: /"));
        screen.keys("q");
        assert_eq!(screen.exit_code(), 0);
        screen.expect_given_back();
    }
}

#[test]
fn where_pictures_are_forbidden_nobody_is_given_one() {
    let (home, source) = site();
    std::fs::create_dir_all(home.path().join("config/muster")).unwrap();
    std::fs::write(home.path().join("config/muster/muster.toml"), "[screen]\npicture = \"never\"\n").unwrap();
    let mut screen = Terminal::start(&home, &["--source", &source], 30, 100);
    screen.until("the passage, and its box", |text| text.contains("identified") && text.contains('\u{250C}'));
    assert!(!screen.text().contains('\u{2580}'), "{}", screen.text());
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
}

#[test]
fn many_are_enrolled_from_the_screen_and_it_can_be_stopped() {
    let home = Home::new();
    let folder = home.path().join("staff");
    std::fs::create_dir(&folder).unwrap();
    for name in ["Ana", "Bo", "Chidi", "Dana", "Eve", "Fay"] {
        std::fs::copy(demo_picture("enrol/obama.jpg"), folder.join(format!("{name}.jpg"))).unwrap();
    }
    let source = format!("images:{}", demo_picture("show/biden.jpg").display());
    let mut screen = Terminal::start(&home, &["--source", &source], 30, 100);
    screen.until_shown("gallery 0 people");
    screen.keys(&format!(":enroll --anyway --folder '{}'\r", folder.display()));
    screen.until("the first of them", |text| text.contains("is enrolled with one template"));
    screen.keys("x");
    // Whoever was enrolled before stays so; nobody is half there.
    let text = screen.until("the end of it", |text| text.contains(" templates") && !text.contains(" of 6"));
    screen.keys("\x1b");
    screen.until("the panes", |text| !text.contains(":enroll"));
    screen.keys("q");
    assert_eq!(screen.exit_code(), 0);
    let listed = home.run(["roster", "list", "--json"]).expect(0).json_lines();
    assert!((1..=6).contains(&listed.len()), "{listed:?}\n{text}");
    assert!(listed.iter().all(|person| person["templates"] == 1), "{listed:?}");
}
