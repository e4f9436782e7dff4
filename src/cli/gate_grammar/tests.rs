use proptest::prelude::*;

use super::*;

/// Every command, with the least role that it is offered to.
const OFFERED: &[(Role, &[&str])] = &[
    (
        Role::Observer,
        &[
            "status",
            "status --json",
            "report",
            "report --json",
            "--json report --date yesterday",
            "report --week --format csv",
            "report --since 2026-03-02 --until 2026-03-04 --rows days",
            "report --month 2026-03 --person 'Ana Müller' --format ics",
            "report --present",
            "report --follow --since-entry 3",
            "log tail -n 3",
            "log list --follow",
            "log head",
            "session list",
            "roster list --group 3b",
            "keys",
            "keys --json",
        ],
    ),
    (
        Role::Operator,
        &[
            "enroll 'Ana Müller'",
            "enroll 'Ana Müller' - --id 4711 --face largest --anyway --consent",
            "enroll 4711 --add",
            "mark 4711 left --note 'at the dentist; back at 10'",
            "correct 12 --strike --reason why",
            "correct --add Ana --state left --at 16:30 --reason \"it's so\"",
            "excuse Ana --session maths --reason ill",
            "times --accept",
            "session open maths --group 3b --until 09:30",
            "session close maths",
            "inbox list",
            "inbox show 4K2M",
            "inbox enrol 4K2M Eve --id 9 --back-fill --consent",
            "inbox add 4K2M 7",
            "inbox discard 4K2M --yes",
            "inbox back-fill Eve --entry 3",
            "why 12",
            "log verify",
            "log export",
            "roster show 7",
            "roster set 7 --group 4b --no-group 4a",
            "roster rename 7 Eve",
            "consent show 7",
            "consent record 7 --yes",
            "threshold",
            "threshold plan 0.5",
            "approvals withdraw 3",
        ],
    ),
    (
        Role::Admin,
        &[
            "operators list",
            "operators add Desk --role operator --uid 1007",
            "operators add Otto --role admin --key -",
            "operators role Otto observer",
            "operators remove Otto",
            "roster remove 7 --yes",
            "roster erase 7 --keep-records --yes",
            "roster import",
            "roster import - --dry-run",
            "roster export",
            "consent withdraw 7 --yes",
            "threshold set 0.5",
            "threshold clear",
            "approvals list",
            "approvals confirm 3",
            "approvals refuse 3 --json",
            "retention",
            "retention apply",
            "export-person 7",
        ],
    ),
];

fn asked(role: Role, line: &str) -> Result<Asked, GateRefusal> {
    parse(role, line.as_bytes())
}

fn refused(role: Role, line: &str) -> GateRefusal {
    match asked(role, line) {
        Err(refusal) => refusal,
        Ok(asked) => panic!("{role} {line}: {asked:?}"),
    }
}

#[test]
fn each_role_can_ask_for_its_own_and_for_what_is_below_it_alone() {
    for (least, lines) in OFFERED {
        for line in *lines {
            for role in Role::ALL {
                match asked(role, line) {
                    Ok(Asked::Command { command, .. }) => {
                        assert!(role >= *least, "{role}: {line}");
                        let is_status = matches!(command, GateCommand::Status);
                        assert_eq!(command.command().is_none(), is_status, "{line}");
                    }
                    Ok(other) => panic!("{line}: {other:?}"),
                    Err(GateRefusal::Grammar(said)) => {
                        assert!(role < *least, "{role}: {line}: {said}");
                    }
                    Err(other) => panic!("{line}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn nothing_asks_for_the_screen_and_json_is_heard_wherever_it_stands() {
    for line in ["", " ", "    "] {
        assert!(matches!(asked(Role::Observer, line), Ok(Asked::Screen)));
    }
    for (line, wanted) in [("report", false), ("report --json", true), ("--json log tail", true)] {
        let Ok(Asked::Command { json, .. }) = asked(Role::Observer, line) else { panic!("{line}") };
        assert_eq!(json, wanted, "{line}");
    }
}

#[test]
fn what_is_for_another_role_is_refused_like_what_does_not_exist() {
    // A hint names only what the role can ask for, by how alike it is to what was written.
    let said = |role, line: &str, word: &str| match refused(role, line) {
        GateRefusal::Grammar(said) => {
            let lines = said.lines().filter(|line| !line.contains("tip:") && !line.is_empty());
            lines.collect::<Vec<_>>().join("\n").replace(word, "WORD")
        }
        other => panic!("{line}: {other:?}"),
    };
    for role in [Role::Observer, Role::Operator] {
        assert_eq!(said(role, "operators list", "operators"), said(role, "xyzzyx list", "xyzzyx"));
        assert_eq!(said(role, "roster erase 7", "erase"), said(role, "roster xyzzyx 7", "xyzzyx"));
        let close = said(role, "operator", "operator");
        assert!(!close.contains("operators"), "a hint tells of what is not there: {close}");
        let Ok(Asked::Help(help)) = asked(role, "help") else { panic!() };
        assert!(help.contains("report") && !help.contains("export-person"), "{help}");
    }
    let Ok(Asked::Help(help)) = asked(Role::Admin, "help") else { panic!() };
    assert!(help.contains("export-person"), "{help}");
    let Ok(Asked::Help(help)) = asked(Role::Observer, "report --help") else { panic!() };
    assert!(help.contains("--since") && !help.contains("--output"), "{help}");
}

#[test]
fn no_option_reaches_the_machine() {
    for line in [
        "report --config /etc/passwd",
        "--config /etc/passwd report",
        "report --data-dir /tmp",
        "--data-dir=/tmp report",
        "-- data-dir",
        "report -- --data-dir",
        "report --models-dir /tmp",
        "report --onnxruntime /tmp/x.so",
        "report --device cuda",
        "--as Otto roster list",
        "roster list --as Otto",
        "-v report",
        "report -o /tmp/x",
        "report --output /tmp/x",
        "report --output=/tmp/x --force",
        "report --format xlsx",
        "log export -o /tmp/x",
        "log verify --head-file /etc/passwd",
        "inbox show 4K2M --output /tmp/x",
        "enroll Ana /etc/passwd",
        "enroll Ana - -",
        "enroll --folder /home",
        "enroll --roster /etc/passwd",
        "enroll Ana --source camera:0",
        "roster import /etc/passwd",
        "roster export -o /tmp/x",
        "roster pin 7",
        "operators add Otto --role admin --key /etc/passwd",
        "operators add Otto --role admin --user root",
        "operators authorized-keys",
        "authorized-keys muster-ssh ssh-ed25519 AAAA",
        "export-person 7 -o /tmp/x",
        "take --source camera:0",
        "identify /etc/passwd",
        "store backup /tmp/x",
        "store compact",
        "doctor",
        "config show",
        "models add x",
        "setup",
        "serve",
        "gate",
        "hooks deliver",
        "completions bash",
        "kiosk-pin",
        "demo",
        "report; id",
        "report && id",
        "report | sh",
        "report $(id)",
        "report `id`",
        "report > /tmp/x",
        "$(id)",
        "@/etc/passwd",
        "-",
        "--",
    ] {
        for role in Role::ALL {
            assert!(matches!(refused(role, line), GateRefusal::Grammar(_)), "{line}");
        }
    }
}

/// Nothing in the grammar takes a path, and nothing is taken from the environment.
#[test]
fn no_argument_is_a_path() {
    fn look(command: &clap::Command, seen: &mut usize) {
        let path = clap::builder::ValueParser::path_buf().type_id();
        let os = clap::builder::ValueParser::os_string().type_id();
        for arg in command.get_arguments() {
            *seen += 1;
            let kind = arg.get_value_parser().type_id();
            assert!(kind != path && kind != os, "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(|sub| look(sub, seen));
    }
    let mut seen = 0;
    look(&grammar(Role::Admin), &mut seen);
    assert!(seen > 50, "{seen}");
}

#[test]
fn other_programs_are_refused_in_one_line() {
    for line in [
        "scp -t /tmp",
        "scp -f /etc/passwd",
        "/usr/lib/openssh/sftp-server",
        "internal-sftp",
        "rsync --server -e.LsfxCIvu . /tmp",
        "git-upload-pack 'x.git'",
        "/bin/sh -c id",
        "bash",
        "muster report",
    ] {
        let refusal = refused(Role::Admin, line);
        assert_eq!(refusal, GateRefusal::OtherProgram, "{line}");
        assert!(!refusal.to_string().contains('\n'));
    }
}

#[test]
fn what_is_no_line_is_refused_before_it_is_read() {
    let long = format!("report --person {}", "x".repeat(MAX_COMMAND_BYTES));
    assert_eq!(refused(Role::Admin, &long), GateRefusal::TooLong { bytes: long.len() });
    let just = format!("report --person {}", "x".repeat(MAX_COMMAND_BYTES - 16));
    assert_eq!(just.len(), MAX_COMMAND_BYTES);
    assert!(asked(Role::Observer, &just).is_ok());
    assert_eq!(parse(Role::Admin, b"report \xff").unwrap_err(), GateRefusal::NotText);
    for line in
        ["report\nstatus", "report\0", "report\r", "report\t--json", "mark Ana left --note '\u{1b}[2J'"]
    {
        assert_eq!(refused(Role::Admin, line), GateRefusal::ControlCharacter, "{line:?}");
    }
    assert_eq!(refused(Role::Admin, "mark 'Ana left"), GateRefusal::OpenQuote);
}

#[test]
fn what_names_a_file_elsewhere_is_a_standard_stream_here() {
    let command = |line: &str| match asked(Role::Admin, line) {
        Ok(Asked::Command { command, .. }) => format!("{:?}", command.command().unwrap()),
        other => panic!("{line}: {other:?}"),
    };
    assert!(command("enroll Ana").contains("images: [\"-\"]"));
    assert!(command("roster import").contains("file: \"-\""));
    assert!(command("roster export").contains("output: None"));
    assert!(command("operators add Otto --role admin --key -").contains("key: Some(\"-\")"));
    assert!(command("export-person 7").contains("output: \"-\""));
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "report",
        "log",
        "tail",
        "roster",
        "erase",
        "--json",
        "--yes",
        "help",
        "--help",
        "-",
        "--",
        "operators",
        "add",
        "--role",
        "admin",
        "--key",
        "7",
        "'",
        "\"",
        "\\",
        "--month",
        "2026-03",
        "=",
        "$(id)",
        "-n",
        "é",
    ]);
    let words = prop::collection::vec(word, 0..8).prop_map(|words| words.join(" ").into_bytes());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..64), words]
}

proptest! {
    #[test]
    fn whatever_is_asked_has_an_answer(line in any_line()) {
        for role in Role::ALL {
            if let Err(refusal) = parse(role, &line) {
                prop_assert!(!refusal.to_string().is_empty());
            }
        }
    }
}
