use chrono::{FixedOffset, NaiveTime};

use crate::attendance::PresenceState;
use crate::ledger::EntryKind;

use super::super::fake::{Fake, Ran, Script, at, entry, id, ran, row};
use super::*;

fn calendar(now: DateTime<Utc>) -> Calendar<FixedOffset> {
    let rollover = DayRollover(NaiveTime::from_hms_opt(4, 0, 0).unwrap());
    Calendar { now, zone: FixedOffset::east_opt(3600).unwrap(), rollover }
}

fn hour(hours: i64) -> i64 {
    hours * 3600
}

fn left(sequence: u64, seconds: i64, who: (u128, &str)) -> LogEntry {
    LogEntry { state: Some(PresenceState::Left), ..entry(sequence, seconds, EntryKind::Mark, Some(who)) }
}

fn script() -> Script {
    Script {
        roster: vec![row(1, "Ana", Some("7")), row(2, "Bo", None), row(3, "=Cy", None)],
        entries: vec![
            entry(1, hour(2), EntryKind::Passage, Some((2, "Bo"))),
            entry(2, hour(7), EntryKind::Passage, Some((1, "Ana"))),
            entry(3, hour(8), EntryKind::Unidentified, None),
            entry(4, hour(8), EntryKind::Passage, Some((2, "Bo"))),
            left(5, hour(12), (2, "Bo")),
            entry(6, hour(13), EntryKind::Passage, Some((1, "Ana"))),
            entry(7, hour(27), EntryKind::Passage, Some((3, "=Cy"))),
        ],
        ..Script::default()
    }
}

fn report(args: ReportArgs, json: bool, now: i64) -> Ran {
    let fake = Fake::start(script());
    ran(json, |out| run(&fake.handle, &args, &calendar(at(now)), out))
}

fn args(format: Option<ReportFormat>) -> ReportArgs {
    ReportArgs { date: DayArg::Today, present: false, format }
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
    for arg in [DayArg::Today, DayArg::Yesterday, DayArg::On(NaiveDate::MAX)] {
        assert_eq!(calendar(DateTime::<Utc>::MAX_UTC).day(arg).unwrap_err().exit().code(), 2);
    }
}

#[test]
fn a_table_has_everybody_with_where_they_stand() {
    let Ran { code, out, .. } = report(args(None), false, hour(15));
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "Monday 2026-03-02: 2 of 3 people seen\n\n\
         name  identifier  state    first seen  last seen  records\n\
         =Cy               absent                          0\n\
         Ana   7           present  08:00:00    14:00:00   2\n\
         Bo                left     09:00:00    13:00:00   2\n"
    );
}

#[test]
fn csv_is_harmless_and_json_says_the_same() {
    let csv = report(args(Some(ReportFormat::Csv)), false, hour(15)).out;
    assert!(csv.contains("'=Cy,,absent,,,0,0\n"), "{csv}");
    assert!(csv.contains("Ana,7,present,2026-03-02T08:00:00+01:00,2026-03-02T14:00:00+01:00,2,0\n"), "{csv}");
    let json = report(args(None), true, hour(15)).out;
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1]["person"], "Ana");
    assert_eq!(rows[1]["id"], id(1).to_string());
    assert_eq!(rows[1]["since"], "2026-03-02T08:00:00+01:00");
    assert_eq!(rows[2]["state"], "left");
    assert_eq!(rows[1]["back_filled"], 0);
    assert_eq!(report(args(Some(ReportFormat::Csv)), true, 0).code, 2);
}

#[test]
fn what_was_added_later_is_marked() {
    let calendar = calendar(at(hour(9)));
    let day = calendar.day(DayArg::Today).unwrap();
    let mut entries = vec![
        entry(1, hour(9), EntryKind::Passage, Some((1, "Ana"))),
        entry(2, hour(8), EntryKind::BackFilled, Some((1, "Ana"))),
    ];
    entries[1].state = entries[0].state;
    let rows = day_rows(&day, &[row(1, "Ana", None)], &entries);
    assert_eq!(table_cells(&rows[0], &calendar)[5], "2 (1 added later)");
    assert_eq!(csv_cells(&rows[0], &calendar)[5..], ["2", "1"]);
    assert_eq!(object(&rows[0], day.date, &calendar).first_seen.unwrap(), "2026-03-02T09:00:00+01:00");
}

#[test]
fn present_is_who_is_in_the_building_now() {
    let present = ReportArgs { present: true, ..args(None) };
    let Ran { out, .. } = report(present, false, hour(15));
    assert_eq!(out, "In the building, Monday 2026-03-02 16:00: 1 of 3 people\n\n08:00  Ana\n");
}

#[test]
fn whoever_was_removed_still_has_their_records() {
    let calendar = calendar(at(hour(9)));
    let day = calendar.day(DayArg::Today).unwrap();
    let rows = day_rows(&day, &[], &[entry(1, hour(8), EntryKind::Passage, Some((9, "Gone")))]);
    assert_eq!((name(&rows[0]).as_str(), rows[0].records), ("Gone", 1));
}

#[test]
fn a_hundred_people_fit_on_one_screen() {
    let rows: Vec<_> = (0..60).map(|n| row(n + 1, &format!("Person {n:02}"), None)).collect();
    let entries: Vec<_> = (0..60)
        .map(|n| {
            entry(n + 1, hour(8), EntryKind::Passage, Some((u128::from(n) + 1, &*format!("Person {n:02}"))))
        })
        .collect();
    let calendar = calendar(at(hour(9)));
    let rows = day_rows(&calendar.day(DayArg::Today).unwrap(), &rows, &entries);
    let text = present_text(&rows, 60, &calendar);
    assert!(text.lines().count() <= SCREEN_ROWS + 2, "{text}");
    assert!(text.lines().all(|line| line.width() <= SCREEN_WIDTH), "{text}");
    assert_eq!(text.matches("Person").count(), 60);
}
