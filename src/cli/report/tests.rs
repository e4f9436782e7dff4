use std::io::Cursor;

use calamine::{Data, DataType, Reader, Xlsx};
use chrono::{FixedOffset, NaiveDate, NaiveTime};
use clap::Parser;
use crossbeam_channel::{bounded, never};

use super::super::fake::{Fake, Ran, Script, at, entry, id, person, ran, row};
use super::*;
use crate::attendance::session::{Session, SessionRules};
use crate::attendance::{PersonId, PresenceState, Standing};
use crate::cli::args::{Cli, Command as Subcommand};
use crate::config::DayRollover;
use crate::engine::LogEntry;
use crate::ledger::{ClockState, EntryKind, Facts, Sequence};

mod follow;
mod months;

fn calendar(now: DateTime<Utc>) -> Calendar<SiteZone> {
    let rollover = DayRollover(NaiveTime::from_hms_opt(4, 0, 0).unwrap());
    Calendar { now, zone: SiteZone::Fixed(FixedOffset::east_opt(3600).unwrap()), rollover }
}

fn hour(hours: i64) -> i64 {
    hours * 3600
}

fn marked(sequence: u64, seconds: i64, who: (u128, &str)) -> LogEntry {
    LogEntry { state: Some(PresenceState::Left), ..entry(sequence, seconds, EntryKind::Mark, Some(who)) }
}

fn people() -> Vec<Person> {
    let mut people = vec![person(1, "Ana", Some("7")), person(2, "Bo", None), person(3, "=Cy", None)];
    people[0].particulars.groups.insert("3b".parse().unwrap());
    people
}

/// Monday 2 March 2026 and the night after it, on a site an hour east of UTC.
fn entries() -> Vec<LogEntry> {
    vec![
        entry(1, hour(2), EntryKind::Passage, Some((2, "Bo"))),
        entry(2, hour(7), EntryKind::Passage, Some((1, "Ana"))),
        entry(3, hour(8), EntryKind::Unidentified, None),
        entry(4, hour(8), EntryKind::Passage, Some((2, "Bo"))),
        marked(5, hour(12), (2, "Bo")),
        entry(6, hour(13), EntryKind::Passage, Some((1, "Ana"))),
        entry(7, hour(27), EntryKind::Passage, Some((3, "=Cy"))),
    ]
}

const SESSION: SessionId = SessionId(ulid::Ulid(0x0155_5555_0000_0000_0000_0000_0000_0007));

/// A session from eight to nine on Monday, closed; Ana was late, and was written up as absent first.
fn session() -> Vec<LogEntry> {
    let session = Session {
        id: SESSION,
        name: "maths; 3b".parse().unwrap(),
        group: Some("3b".parse().unwrap()),
        starts_at: at(hour(7) - 600),
        ends_at: Some(at(hour(8))),
        rules: SessionRules::default(),
        is_scheduled: true,
    };
    let opened = LogEntry {
        facts: Some(Facts::Session(session)),
        ..entry(20, hour(6), EntryKind::SessionOpened, None)
    };
    let closed = LogEntry {
        facts: Some(Facts::SessionClosed(SESSION)),
        ..entry(21, hour(8), EntryKind::SessionClosed, None)
    };
    let mut standing = entry(22, hour(8), EntryKind::Standing, Some((1, "Ana")));
    standing.details.session = Some(SESSION);
    standing.details.standing = Some(Standing::Absent);
    let mut corrected = LogEntry { sequence: Sequence(23), kind: EntryKind::Corrected, ..standing.clone() };
    corrected.at = at(hour(10));
    corrected.details.corrects = Some(Sequence(22));
    corrected.details.standing = Some(Standing::Late);
    vec![opened, closed, standing, corrected]
}

fn script(entries: Vec<LogEntry>) -> Script {
    Script {
        roster: vec![row(1, "Ana", Some("7")), row(2, "Bo", None), row(3, "=Cy", None)],
        entries,
        respond: Box::new(|command| match command {
            Command::People => Ok(Reply::People(people())),
            _ => Ok(Reply::Done),
        }),
        ..Script::default()
    }
}

fn args(line: &str) -> ReportArgs {
    let words = shlex::split(line).unwrap();
    let words = ["muster", "report"].map(str::to_owned).into_iter().chain(words);
    match Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).command {
        Some(Subcommand::Report(args)) => args,
        other => panic!("{other:?}"),
    }
}

fn on(fake: &Fake, line: &str, json: bool, now: i64, colours: bool) -> Ran {
    let rules = AttendanceRules::default();
    let site = Site { calendar: calendar(at(now)), rules: &rules, colours, stopped: &never() };
    ran(json, |out| run(&fake.handle, &args(line), &site, out))
}

fn report_of(entries: Vec<LogEntry>, line: &str) -> Ran {
    on(&Fake::start(script(entries)), line, false, hour(39), false)
}

fn report(line: &str) -> Ran {
    report_of(entries(), line)
}

#[test]
fn a_day_is_named_by_a_word_or_a_date() {
    let day = |now: i64, arg: &str| calendar(at(now)).day(arg.parse().unwrap()).unwrap();
    // 02:59:59 UTC is 03:59:59 here.
    assert_eq!(day(hour(3) - 1, "today").date.to_string(), "2026-03-01");
    assert_eq!(day(hour(3), "today").date.to_string(), "2026-03-02");
    assert_eq!(day(hour(3), "yesterday").date.to_string(), "2026-03-01");
    let monday = day(0, "2026-03-02");
    assert_eq!((monday.from, monday.until), (at(hour(3)), at(hour(27))));
}

#[test]
fn a_day_that_is_none_is_refused() {
    for text in ["262142-12-31", "2026-02-30", "tomorrow", "2026-3-2"] {
        assert!(text.parse::<DayArg>().is_err(), "{text}");
    }
    for text in ["2026-13", "2026-1", "next", "2026-02-01"] {
        assert!(text.parse::<MonthArg>().is_err(), "{text}");
    }
    for arg in [DayArg::Today, DayArg::Yesterday, DayArg::On(NaiveDate::MAX)] {
        assert_eq!(calendar(DateTime::<Utc>::MAX_UTC).day(arg).unwrap_err().exit().code(), 2);
    }
}

#[test]
fn a_span_is_a_day_a_week_a_month_or_from_one_to_another() {
    let span = |line: &str| {
        let span = Span::of(&args(line), ReportFormat::Table, &calendar(at(hour(39)))).unwrap();
        (span.first.date.to_string(), span.last.date.to_string(), span.is_one_day)
    };
    let of = |first: &str, last: &str, is_one_day| (first.to_owned(), last.to_owned(), is_one_day);
    assert_eq!(span(""), of("2026-03-03", "2026-03-03", true));
    assert_eq!(span("--week"), of("2026-03-02", "2026-03-08", false));
    // A Sunday is the last day of its week.
    assert_eq!(span("--week 2026-03-01"), of("2026-02-23", "2026-03-01", false));
    assert_eq!(span("--month"), of("2026-03-01", "2026-03-31", false));
    assert_eq!(span("--month last"), of("2026-02-01", "2026-02-28", false));
    assert_eq!(span("--month 2024-02"), of("2024-02-01", "2024-02-29", false));
    assert_eq!(span("--since yesterday"), of("2026-03-02", "2026-03-03", false));
    assert_eq!(span("--since 2026-01-01 --until 2026-01-01"), of("2026-01-01", "2026-01-01", false));
    let map = Span::of(&args(""), ReportFormat::Heatmap, &calendar(at(0))).unwrap();
    assert_eq!(map.dates().len(), 31);
    for line in ["--since 2026-03-03 --until 2026-03-02", "--since 1990-01-01 --until 2026-01-01"] {
        let error = Span::of(&args(line), ReportFormat::Table, &calendar(at(0))).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
    }
}

#[test]
fn a_table_has_everybody_with_where_they_stand() {
    let fake = Fake::start(script(entries()));
    let Ran { code, out, .. } = on(&fake, "", false, hour(15), false);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "Monday 2026-03-02: 2 of 3 people seen\n\n\
         name  identifier  state    first seen  last seen  hours  records  day      marks\n\
         =Cy               absent                                 0        absent\n\
         Ana   7           present  08:00:00    14:00:00   6:00   2        present\n\
         Bo                left     09:00:00    13:00:00   4:00   2        present\n"
    );
}

#[test]
fn a_week_has_a_line_for_each_person_and_the_sum() {
    let mut all = entries();
    all.extend(session());
    let out = report_of(all.clone(), "--week").out;
    assert_eq!(
        out,
        "Monday 2026-03-02 to Sunday 2026-03-08: 3 people\n\n\
         name   identifier  days  present  late  early  absent  excused  share  hours  sessions  marks\n\
         =Cy                2     1        0     0      1       0        50.0%  0:00   0/0\n\
         Ana    7           2     1        1     0      1       0        50.0%  6:00   1/1\n\
         Bo                 2     1        0     0      1       0        50.0%  4:00   0/0\n\
         total              6     3        1     0      3       0        50.0%  10:00  1/1\n\n\
         session    began             group  expected  present  late  early  absent  excused  share   state\n\
         maths; 3b  2026-03-02 07:50  3b     1         1        1     0      0       0        100.0%  closed\n"
    );
    let one = report_of(all, "--week --person 7").out;
    assert!(
        one.contains("Mon 2026-03-02  Ana   7           08:00:00    14:00:00   6:00   2        late\n"),
        "{one}"
    );
    let sum = "1 of 2 days (50.0%), late on 1, gone early on 0, absent on 1, excused on 0; 6:00 hours\n";
    assert!(one.contains(sum), "{one}");
}

#[test]
fn lines_can_be_sessions_or_records() {
    let mut all = entries();
    all.extend(session());
    let out = report_of(all.clone(), "--week --session 'maths; 3b'").out;
    assert!(
        out.contains(
            "session    began             name  identifier  standing  arrived   left  marks\n\
             maths; 3b  2026-03-02 07:50  Ana   7           late      08:00:00        c\n"
        ),
        "{out}"
    );
    assert!(out.contains("marks\nc  corrected by an operator\n"), "{out}");
    let id = SESSION.to_string();
    assert_eq!(report_of(all.clone(), &format!("--week --session {id}")).out, out);
    let records = report_of(all, "--week --rows records --group 3b").out;
    assert!(records.contains("2      2026-03-02 08:00:00  Ana   7           present  face\n"), "{records}");
    assert!(!records.contains("Bo"), "{records}");
    let none = report("--week --session chess");
    assert_eq!((none.code, none.err.contains("no such session")), (1, true));
    let group = report("--group 9z");
    assert_eq!((group.code, group.err.contains("there are: 3b")), (1, true));
}

/// A record that an operator put right, one that was added later, and one of a clock that was wrong.
fn put_right() -> Vec<LogEntry> {
    let mut all = entries();
    let mut corrected = LogEntry { state: Some(PresenceState::Left), ..marked(8, hour(30), (1, "Ana")) };
    corrected.kind = EntryKind::Corrected;
    corrected.details.corrects = Some(Sequence(6));
    corrected.details.holds_at = Some(at(hour(14)));
    all.push(corrected);
    let mut added = entry(9, hour(6), EntryKind::BackFilled, Some((2, "Bo")));
    added.state = Some(PresenceState::Present);
    all.push(added);
    all[3].clock = ClockState::Unsure;
    all
}

#[test]
fn what_was_put_right_shows_in_every_format() {
    let table = report_of(put_right(), "--date 2026-03-02").out;
    assert!(
        table.contains("Ana   7           left    08:00:00    15:00:00   7:00   2        present  c+\n"),
        "{table}"
    );
    assert!(table.contains("present  +?\n") && table.contains("\n?  time unsure\n"), "{table}");
    let csv = report_of(put_right(), "--date 2026-03-02 --format csv").out;
    assert!(csv.contains(",7:00:00,2,face,1,1,0,0,"), "{csv}");
    let json = on(&Fake::start(script(put_right())), "--date 2026-03-02", true, hour(39), false).out;
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&rows[1]["corrected"], &rows[1]["back_filled"], &rows[2]["time_unsure"]),
        (&1.into(), &1.into(), &1.into())
    );
    let ics = report_of(put_right(), "--month --format ics --person Ana").out;
    assert!(
        ics.contains("DESCRIPTION:corrected by an operator\\nadded later\\, or its time put right\r\n"),
        "{ics}"
    );
    let map = report_of(put_right(), "--format heatmap").out;
    assert!(map.contains("c  corrected by an operator: Ana: 02\n"), "{map}");
}

#[test]
fn csv_is_harmless_and_has_the_ends_of_lines_of_the_rfc() {
    let csv = on(&Fake::start(script(entries())), "--format csv", false, hour(15), false).out;
    assert_eq!(
        csv.replace("\r\n", "|"),
        "date,name,identifier,groups,state,standing,first_seen,last_seen,hours,records,methods,back_filled,\
         corrected,forgotten,time_unsure,since|\
         2026-03-02,'=Cy,,,absent,absent,,,0:00:00,0,,0,0,0,0,|\
         2026-03-02,Ana,7,3b,present,present,2026-03-02T08:00:00+01:00,2026-03-02T14:00:00+01:00,6:00:00,2,face,\
         0,0,0,0,2026-03-02T08:00:00+01:00|\
         2026-03-02,Bo,,,left,present,2026-03-02T09:00:00+01:00,2026-03-02T13:00:00+01:00,4:00:00,2,\
         face; operator,0,0,0,0,2026-03-02T13:00:00+01:00|"
    );
    // Every line of every kind has as many cells as its header.
    let mut all = entries();
    all.extend(session());
    for rows in ["people", "days", "sessions", "records"] {
        let csv = report_of(all.clone(), &format!("--week --format csv --rows {rows}")).out;
        let mut reader = ::csv::ReaderBuilder::new().from_reader(csv.as_bytes());
        let lines = reader.records().map(Result::unwrap).count();
        assert!(lines > 0, "{rows}: {csv}");
    }
}

#[test]
fn json_has_an_object_for_each_day_session_and_person() {
    let mut all = entries();
    all.extend(session());
    let fake = Fake::start(script(all));
    let lines = |line: &str| -> Vec<serde_json::Value> {
        let json = on(&fake, line, true, hour(39), false).out;
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let rows = lines("--date 2026-03-02");
    assert!(rows.iter().all(|row| row["kind"] == "day") && rows.len() == 3);
    assert_eq!((&rows[1]["person"], &rows[1]["id"]), (&"Ana".into(), &id(1).to_string().into()));
    assert_eq!(
        (&rows[1]["since"], &rows[1]["standing"]),
        (&"2026-03-02T08:00:00+01:00".into(), &"late".into())
    );
    assert_eq!((&rows[1]["seconds"], &rows[2]["state"]), (&21_600.into(), &"left".into()));
    let week = lines("--week");
    let of = |kind: &str| week.iter().filter(|row| row["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of("day").len(), of("session").len(), of("person").len()), (6, 1, 3));
    assert_eq!(
        (&of("session")[0]["standing"], &of("session")[0]["corrected_by"]),
        (&"late".into(), &23.into())
    );
    assert_eq!(of("person")[1]["days"]["present_percent"], 50.0);
    assert!(lines("--week --rows records").iter().all(|row| row["kind"] == "record"));
    assert_eq!(on(&fake, "--format csv", true, 0, false).code, 2);
}

/// A number, also one that is shown as a date or a length.
fn number(cell: &Data) -> Option<f64> {
    cell.get_datetime().map(|at| at.as_f64()).or_else(|| cell.as_f64())
}

#[test]
fn a_workbook_has_dates_as_dates_and_names_as_texts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("week.xlsx");
    let mut all = put_right();
    all.extend(session());
    let fake = Fake::start(script(all));
    let line = format!("--week --format xlsx -o {}", file.display());
    let written = on(&fake, &line, false, hour(39), false);
    assert_eq!((written.code, written.out.contains("week.xlsx")), (0, true), "{}", written.err);
    let noted = |command: &Command| matches!(command, Command::NoteExport { what } if what.contains("xlsx"));
    assert!(fake.commands().iter().any(noted));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(std::fs::read(&file).unwrap())).unwrap();
    assert_eq!(book.sheet_names(), ["Summary", "Days", "Records", "Sessions"]);
    for name in book.sheet_names() {
        assert!(book.worksheet_formula(&name).unwrap().is_empty(), "{name} has a formula");
        let range = book.worksheet_range(&name).unwrap();
        assert!(range.height() > 1, "{name} has no line");
        let header = range.rows().next().unwrap();
        assert!(header.iter().all(|cell| cell.is_string()), "{header:?}");
    }
    let days = book.worksheet_range("Days").unwrap();
    let cell = |row, column| days.get_value((row, column)).unwrap().clone();
    // The second of March 2026, as spreadsheets count days.
    assert_eq!((cell(1, 0).is_datetime(), number(&cell(1, 0))), (true, Some(46_083.0)));
    assert_eq!(cell(1, 1), Data::String("=Cy".to_owned()));
    assert_eq!(cell(2, 1), Data::String("Ana".to_owned()));
    // The identifier 7 is a text too: a number would lose its zeros.
    assert_eq!(cell(2, 2), Data::String("7".to_owned()));
    let eight = 46_083.0 + 8.0 / 24.0;
    assert!(cell(2, 6).is_datetime() && (number(&cell(2, 6)).unwrap() - eight).abs() < 1e-6);
    assert!((number(&cell(2, 8)).unwrap() - 7.0 / 24.0).abs() < 1e-9, "{:?}", cell(2, 8));
    let summary = book.worksheet_range("Summary").unwrap();
    assert_eq!(number(summary.get_value((2, 9)).unwrap()), Some(0.5));
    let sessions = book.worksheet_range("Sessions").unwrap();
    assert_eq!(sessions.get_value((1, 0)), Some(&Data::String("maths; 3b".to_owned())));
    assert_eq!(number(sessions.get_value((1, 11)).unwrap()), Some(23.0));
    let records = book.worksheet_range("Records").unwrap();
    assert_eq!(records.height(), 7);
}

#[test]
fn a_calendar_has_sessions_and_presence_and_says_nothing_twice() {
    let mut all = entries();
    all.extend(session());
    let ics = report_of(all, "--date 2026-03-02 --format ics --person Ana").out;
    let expected = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        format!("PRODID:-//muster//muster {}//EN", env!("CARGO_PKG_VERSION")),
        "CALSCALE:GREGORIAN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        "X-WR-CALNAME:Attendance: Ana".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:session-{SESSION}-{}@muster", id(1)),
        "DTSTAMP:20260303T150000Z".to_owned(),
        "DTSTART:20260302T065000Z".to_owned(),
        "DTEND:20260302T080000Z".to_owned(),
        "SUMMARY:maths\\; 3b".to_owned(),
        "DESCRIPTION:late\\ncorrected by an operator".to_owned(),
        "TRANSP:TRANSPARENT".to_owned(),
        "END:VEVENT".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:presence-2-{}@muster", id(1)),
        "DTSTAMP:20260303T150000Z".to_owned(),
        "DTSTART:20260302T070000Z".to_owned(),
        "DTEND:20260302T130000Z".to_owned(),
        "SUMMARY:Present".to_owned(),
        "TRANSP:TRANSPARENT".to_owned(),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    assert_eq!(ics.replace("\r\n ", ""), expected.map(|line| line + "\r\n").concat());
    assert!(ics.split("\r\n").all(|line| line.len() <= 75));
}

#[test]
fn a_map_of_the_month_reads_without_colours_and_fits() {
    let plain = report("--format heatmap").out;
    assert_eq!(
        plain.lines().take(7).collect::<Vec<_>>().join("\n"),
        "Sunday 2026-03-01 to Tuesday 2026-03-31\n\n\
         \u{20}                                  1 1 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2 2 2 3 3\n\
         \u{20}                1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1\n\
         =Cy              A A 0\n\
         Ana              A 6 A\n\
         Bo               0 4 A"
    );
    assert!(plain.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80), "{plain}");
    assert!(plain.contains("A absent") && !plain.contains('\x1b'), "{plain}");
    let fake = Fake::start(script(entries()));
    let coloured = on(&fake, "--format heatmap", false, hour(39), true).out;
    assert!(coloured.contains("\x1b[97;41mA\x1b[0m"), "{coloured}");
    let one = report("--format heatmap --person Ana").out;
    assert!(
        one.starts_with("Sunday 2026-03-01 to Tuesday 2026-03-31: Ana, 1 of 3 days (33.3%), 6:00 hours\n"),
        "{one}"
    );
    assert!(one.contains("\n2026-03-02  P 6:00   A\n"), "{one}");
}

#[test]
fn a_file_is_for_its_owner_is_noted_and_is_not_replaced_unasked() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.csv");
    let fake = Fake::start(script(entries()));
    let line = format!("--date 2026-03-02 --format csv -o {}", file.display());
    assert_eq!(on(&fake, &line, false, hour(39), false).code, 0);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, on(&fake, "--date 2026-03-02 --format csv", false, hour(39), false).out);
    let notes = |fake: &Fake| {
        fake.commands().iter().filter(|command| matches!(command, Command::NoteExport { .. })).count()
    };
    assert_eq!(notes(&fake), 1);
    let refused = on(&fake, &line, false, hour(39), false);
    assert_eq!((refused.code, refused.err.contains("--force"), notes(&fake)), (2, true, 1));
    let json = on(&fake, &format!("--force -o {}", file.display()), true, hour(39), false);
    assert!(json.out.starts_with("{\"kind\":\"exported\",\"format\":\"json\""), "{}", json.out);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("{\"kind\":\"day\""));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_read() {
    for (line, expected) in [
        ("--format xlsx", "-o FILE"),
        ("--format ics", "--person"),
        ("--format heatmap --rows days", "--rows"),
        ("--present --format heatmap", "--present"),
    ] {
        let refused = report(line);
        assert_eq!(refused.code, 2, "{line}");
        assert!(refused.err.contains(expected), "{line}: {}", refused.err);
    }
    assert_eq!(report("--person Eve").code, 1);
}

#[test]
fn present_is_who_is_in_the_building_now() {
    let fake = Fake::start(script(entries()));
    let Ran { out, .. } = on(&fake, "--present", false, hour(15), false);
    assert_eq!(out, "In the building, Monday 2026-03-02 16:00: 1 of 3 people\n\n08:00  Ana\n");
    let csv = on(&fake, "--present --format csv", false, hour(15), false).out;
    assert_eq!(csv, "name,identifier,since\r\nAna,7,2026-03-02T08:00:00+01:00\r\n");
}

#[test]
fn whoever_was_removed_still_has_their_records() {
    let mut all = entries();
    all.push(entry(8, hour(28), EntryKind::Passage, Some((9, "Gone"))));
    let out = report_of(all, "").out;
    // The roster knows no name of theirs any more.
    assert!(out.contains(&PersonId(id(9).0).to_string()), "{out}");
}

#[test]
fn a_long_report_says_how_far_it_is_and_can_be_stopped() {
    let fake = Fake::start(script(entries()));
    let rules = AttendanceRules::default();
    let (stop, stopped) = bounded(1);
    let site = Site { calendar: calendar(at(hour(39))), rules: &rules, colours: false, stopped: &stopped };
    let seen = std::cell::RefCell::new(Vec::new());
    let progress = |done, total| seen.borrow_mut().push((done, total));
    let Ran { code, .. } = ran(false, |out| {
        out.progress = None;
        let mut with = Output { out: out.out, err: out.err, json: false, progress: Some(&progress) };
        run(&fake.handle, &args("--month"), &site, &mut with)
    });
    assert_eq!((code, seen.borrow().last().copied()), (0, Some((3, 31))));
    stop.send(()).unwrap();
    let stopped = ran(false, |out| run(&fake.handle, &args("--month"), &site, out));
    assert_eq!((stopped.code, stopped.err.contains("stopped")), (1, true));
}
