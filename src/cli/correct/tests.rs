use chrono::{DateTime, NaiveTime, Utc};
use clap::Parser;

use super::*;
use crate::cli::args::{Cli, Command as Subcommand};
use crate::cli::fake::{Fake, Ran, Script, at, entry, ran, row};
use crate::config::DayRollover;
use crate::ledger::EntryKind;

fn parsed(line: &str) -> Result<Option<Subcommand>, String> {
    let words = shlex::split(line).unwrap();
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.to_string())
}

fn calendar() -> Calendar<Utc> {
    Calendar { now: at(12 * 3600), zone: Utc, rollover: DayRollover(NaiveTime::MIN) }
}

fn fake(entries: Vec<LogEntry>) -> Fake {
    let respond = |command: &Command| match command {
        Command::Attendance(AttendanceCommand::Correct(_)) => {
            Ok(Reply::Written(entry(9, 0, EntryKind::Corrected, Some((1, "Ana")))))
        }
        _ => Ok(Reply::Attendance(AttendanceReply::Excused { days: 1 })),
    };
    Fake::start(Script {
        roster: vec![row(1, "Ana", Some("7"))],
        entries,
        respond: Box::new(respond),
        ..Script::default()
    })
}

fn on(fake: &Fake, line: &str) -> Ran {
    match parsed(line) {
        Ok(Some(Subcommand::Correct(args))) => {
            ran(false, |out| correct(&fake.handle, &args, &calendar(), out))
        }
        Ok(Some(Subcommand::Excuse(args))) => ran(false, |out| excuse(&fake.handle, &args, &calendar(), out)),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn without_an_entry_both_ways_are_named() {
    let refused = parsed("muster correct --reason why --at 08:00").unwrap_err();
    assert!(refused.matches("<ENTRY|--add <WHO>>").count() >= 2, "{refused}");
    let both = parsed("muster correct 12 --add 7 --reason why").unwrap_err();
    assert!(both.contains("cannot be used with"), "{both}");
    assert!(parsed("muster correct --add 7 --strike --reason why").unwrap_err().contains("--strike"));
}

#[test]
fn the_days_of_an_excuse_are_those_of_a_report_and_come_in_their_order() {
    let span = |line: &str| {
        let fake = fake(Vec::new());
        let ran = on(&fake, &format!("muster excuse Ana --reason ill {line}"));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        fake.commands().into_iter().find_map(|command| match command {
            Command::Attendance(AttendanceCommand::Excuse { from, until, .. }) => Some((from, until)),
            _ => None,
        })
    };
    let day = |day: i64| at(day * 86_400);
    assert_eq!(span(""), Some((day(0), day(1))));
    assert_eq!(span("--until 2026-03-04"), Some((day(0), day(3))));
    assert_eq!(span("--from yesterday --until today"), Some((day(-1), day(1))));
    for (line, words) in [
        ("--until 2026-03-01", "--until 2026-03-01 is before today, 2026-03-02"),
        ("--from 2026-03-06 --until 2026-03-05", "--until 2026-03-05 is before --from 2026-03-06"),
    ] {
        let fake = fake(Vec::new());
        let refused = on(&fake, &format!("muster excuse Ana --reason ill {line}"));
        assert_eq!((refused.code, fake.commands().len()), (2, 0), "{line}");
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    let short = parsed("muster excuse Ana --reason ill --from 2026-3-2").unwrap_err();
    assert!(short.contains("YYYY-MM-DD"), "{short}");
}

#[test]
fn a_time_without_a_date_is_one_of_the_day_on_which_the_entry_holds_by_now() {
    let mut moved = entry(3, 3600, EntryKind::Corrected, Some((1, "Ana")));
    moved.state = Some(PresenceState::Present);
    moved.details.corrects = Some(Sequence(2));
    moved.details.holds_at = Some(at(-86_400));
    let fake = fake(vec![entry(2, 0, EntryKind::Passage, Some((1, "Ana"))), moved]);
    assert_eq!(on(&fake, "muster correct 2 --at 08:00 --reason why").code, 0);
    let commands = fake.commands();
    let Some(Command::Attendance(AttendanceCommand::Correct(correction))) = commands.last() else {
        panic!("{commands:?}");
    };
    let eight: DateTime<Utc> = at(8 * 3600 - 86_400);
    assert_eq!(correction.what, Corrected::Record { state: None, at: Some(eight) });
}
