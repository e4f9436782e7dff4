use super::*;
use crate::attendance::summary::heat_map::{Cell, HeatMap};

#[test]
fn without_a_schedule_a_day_counts_on_which_anybody_was_recorded() {
    let scene = Scene::new()
        .passage(1, "2026-03-02T08:00:00")
        .left(1, "2026-03-02T16:30:00")
        .passage(2, "2026-03-04T08:00:00")
        .passage(1, "2026-03-04T09:00:00");
    let report = scene.all("2026-03-02", "2026-03-05");
    assert_eq!(
        (report.letters(1), report.letters(2), report.letters(3)),
        ("P.P.".into(), "A.P.".into(), "A.A.".into())
    );
    let cy = report.total(1);
    assert_eq!((cy.days.counted, cy.days.present, cy.days.absent), (2, 2, 0));
    assert_eq!((cy.hours, cy.days.share(cy.days.present).percent()), (minutes(510), Some(100.0)));
    let bo = report.total(2);
    assert_eq!((bo.days.counted, bo.days.share(bo.days.present).percent()), (2, Some(50.0)));
    // By name, as are the lines of each day.
    let order: Vec<PersonId> = report.totals.iter().map(|totals| totals.person).collect();
    assert_eq!(order, [id(3), id(2), id(1)]);
    assert_eq!(report.days[0].rows.iter().map(|row| row.person).collect::<Vec<_>>(), order);
    let nobody = Counts::default();
    assert_eq!(nobody.share(0).percent(), None);
}

#[test]
fn with_a_schedule_a_day_counts_for_those_who_are_expected() {
    let scene = Scene::new()
        .in_group(1, "3b")
        .schedule(Some("3b"), &[0, 2])
        .passage(2, "2026-03-02T08:00:00")
        .passage(1, "2026-03-03T08:00:00");
    // Monday and Wednesday count for the group; whoever else comes is there besides.
    let report = scene.all("2026-03-02", "2026-03-04");
    assert_eq!((report.letters(1), report.letters(2)), ("A+A".into(), "+..".into()));
    assert_eq!((report.total(1).besides, report.total(2).besides), (1, 1));
    assert_eq!(report.total(2).days, Counts::default());
    // A session of today that has not begun yet expects nobody.
    let scene = Scene { now: utc("2026-03-04T07:59:59"), ..scene };
    assert_eq!(scene.all("2026-03-02", "2026-03-08").letters(1), "A+.");
    let scene = Scene { now: utc("2026-03-04T08:00:00"), ..scene };
    assert_eq!(scene.all("2026-03-02", "2026-03-08").letters(1), "A+A");
}

#[test]
fn nobody_is_absent_before_they_were_enrolled_or_after_they_left() {
    let mut scene = Scene::new();
    for day in 2..=6 {
        scene = scene.passage(1, &format!("2026-03-0{day}T08:00:00"));
    }
    scene.people[1].created_at = utc("2026-03-03T10:00:00");
    scene.people[1].removed_at = Some(utc("2026-03-05T10:00:00"));
    // On the roster since the third, and until the fifth: those days are no whole ones.
    assert_eq!(scene.all("2026-03-02", "2026-03-06").letters(2), " .A. ");
    // Where they were there, they count.
    let scene = scene.passage(2, "2026-03-03T11:00:00").passage(2, "2026-03-05T09:00:00");
    assert_eq!(scene.all("2026-03-02", "2026-03-06").letters(2), " PAP ");
    // Somebody whom no roster knows any more has their records.
    let scene = scene.passage(9, "2026-03-04T09:00:00");
    let report = scene.all("2026-03-02", "2026-03-06");
    assert_eq!(report.letters(9), "  P  ");
    assert_eq!(report.totals.last().unwrap().person, id(9), "without a name, last");
}

#[test]
fn passages_about_midnight_are_of_the_day_that_the_rollover_says() {
    let of = |hour| {
        let scene = Scene::new().clock(ClockMode::Toggle).rollover(hour);
        let scene = scene.passage(1, "2026-03-02T23:59:59").left(1, "2026-03-03T00:00:01");
        scene.all("2026-03-02", "2026-03-03")
    };
    let midnight = of(0);
    assert_eq!(midnight.letters(1), "PP");
    assert_eq!((midnight.row(0, 1).records, midnight.row(1, 1).records), (1, 1));
    // The one day has no check-out and the other no check-in.
    assert!(midnight.row(0, 1).marks.is_forgotten && !midnight.row(1, 1).marks.is_forgotten);
    assert_eq!(midnight.total(1).hours, TimeDelta::zero());
    let four = of(4);
    assert_eq!(four.letters(1), "P.");
    assert_eq!((four.row(0, 1).records, four.row(0, 1).marks.is_forgotten), (2, false));
    assert_eq!(four.total(1).hours, TimeDelta::seconds(2));
}

#[test]
fn nights_on_which_the_clock_changes_have_the_hours_that_passed() {
    let scene = Scene { zone: "Europe/Berlin".parse().unwrap(), ..Scene::new().rollover(12) };
    // From 22:00 to 06:00 on the site's clock.
    let scene = scene
        .clock(ClockMode::InOut)
        .passage(1, "2026-03-28T21:00:00")
        .left(1, "2026-03-29T04:00:00")
        .passage(1, "2026-10-24T20:00:00")
        .left(1, "2026-10-25T05:00:00");
    let spring = scene.all("2026-03-28", "2026-03-28");
    assert_eq!((spring.letters(1), spring.row(0, 1).clock.hours), ("P".into(), minutes(7 * 60)));
    let autumn = scene.all("2026-10-24", "2026-10-25");
    assert_eq!((autumn.letters(1), autumn.row(0, 1).clock.hours), ("P.".into(), minutes(9 * 60)));
}

#[test]
fn a_forgotten_check_out_is_marked_and_touches_no_later_day() {
    let scene = Scene::new()
        .clock(ClockMode::Toggle)
        .in_group(2, "office")
        .group_rules("office", GroupRules { clock: Some(ClockMode::FirstLast), ..GroupRules::default() })
        .passage(1, "2026-03-02T08:00:00")
        .left(1, "2026-03-02T12:00:00")
        .passage(1, "2026-03-02T13:00:00")
        .passage(2, "2026-03-02T08:00:00")
        .passage(2, "2026-03-02T17:00:00")
        .passage(1, "2026-03-03T08:00:00")
        .left(1, "2026-03-03T16:00:00");
    let report = scene.all("2026-03-02", "2026-03-03");
    let cy = report.row(0, 1);
    assert!(cy.marks.is_forgotten && cy.marks.letters() == "f");
    assert_eq!((cy.clock.hours, cy.clock.spans.len()), (minutes(240), 2));
    assert_eq!((report.row(1, 1).clock.hours, report.row(1, 1).marks.is_forgotten), (minutes(480), false));
    assert_eq!((report.total(1).hours, report.total(1).forgotten), (minutes(720), 1));
    // By the first and the last nobody checks out.
    assert_eq!((report.row(0, 2).clock.hours, report.row(0, 2).marks.is_forgotten), (minutes(540), false));
    // Once it is on record, and while the day goes on.
    let closed = Scene { now: utc("2026-03-02T14:00:00"), ..scene };
    assert!(!closed.all("2026-03-02", "2026-03-02").row(0, 1).marks.is_forgotten);
    let closed = Scene { now: utc("2026-03-04T00:00:00"), ..closed };
    let closed = closed.say(EntryKind::CheckOutForgotten, 1, "2026-03-03T00:00:01", Some(Left));
    let closed = closed.with(|said| said.details.holds_at = Some(utc("2026-03-02T13:00:00")));
    let report = closed.all("2026-03-02", "2026-03-03");
    assert!(report.row(0, 1).marks.is_forgotten && report.row(0, 1).clock.hours == minutes(240));
}

#[test]
fn what_was_corrected_counts_and_shows() {
    let scene = Scene::new()
        .passage(1, "2026-03-02T08:00:00")
        .passage(2, "2026-03-02T08:00:00")
        .passage(2, "2026-03-03T08:00:00")
        .correct(1, Left, "2026-03-02T12:00:00")
        .correct(4, Present, "2026-03-02T09:00:00");
    let report = scene.all("2026-03-02", "2026-03-03");
    // A correction of a correction.
    let row = report.row(0, 1);
    assert_eq!((row.first_seen, row.state), (Some(utc("2026-03-02T09:00:00")), DayState::Present));
    assert_eq!((row.marks.corrected, row.marks.back_filled, row.records), (1, 1, 1));
    assert_eq!(row.marks.letters(), "c+");
    assert_eq!(report.row(0, 2).marks, Marks::default());
    // Struck: there is nothing left, and that is to be seen.
    let struck = scene.strike(2);
    let row = struck.all("2026-03-02", "2026-03-02").row(0, 2).clone();
    assert_eq!((row.standing, row.records, row.marks.corrected), (DayStanding::Absent, 0, 1));
    // The strike struck.
    let back = struck.strike(6);
    let row = back.all("2026-03-02", "2026-03-02").row(0, 2).clone();
    assert_eq!((row.standing, row.records, row.marks.corrected), (DayStanding::Present, 1, 1));
    // Moved to another day: both say so.
    let moved = back.correct(3, Present, "2026-03-04T10:00:00");
    let report = moved.all("2026-03-02", "2026-03-04");
    assert_eq!((report.row(1, 2).records, report.row(1, 2).marks.corrected), (0, 1));
    assert_eq!((report.row(2, 2).records, report.row(2, 2).marks.corrected), (1, 1));
    // What is added later counts, and a time that is unsure shows.
    let added = moved.say(EntryKind::BackFilled, 3, "2026-03-04T07:00:00", Some(Present));
    let added = added.passage(3, "2026-03-04T08:00:00").with(|said| said.clock = ClockState::Unsure);
    let row = added.all("2026-03-04", "2026-03-04").row(0, 3).clone();
    assert_eq!((row.marks.letters().as_str(), row.records), ("+?", 2));
}

#[test]
fn an_excuse_holds_where_somebody_was_not_there() {
    let scene = Scene::new().excuse(2, "2026-02-27T00:00:00", "2026-03-04T00:00:00");
    let scene = scene.passage(1, "2026-03-02T08:00:00").passage(2, "2026-03-03T08:00:00");
    let scene = scene.passage(1, "2026-03-03T08:00:00").passage(1, "2026-03-04T08:00:00");
    // It began before the span; who comes all the same is there; a day without anybody is no excuse.
    let report = scene.all("2026-03-02", "2026-03-05");
    assert_eq!(report.letters(2), "XPA.");
    let days = report.total(2).days;
    assert_eq!((days.counted, days.present, days.excused, days.absent), (3, 1, 1, 1));
    // A struck excuse excuses nobody.
    assert_eq!(scene.strike(1).all("2026-03-02", "2026-03-02").letters(2), "A");
}

#[test]
fn a_report_of_some_is_about_them_alone_and_counts_the_same_days() {
    let scene = Scene::new()
        .in_group(1, "3b")
        .in_group(3, "3b")
        .passage(2, "2026-03-02T08:00:00")
        .passage(1, "2026-03-03T08:00:00");
    let group = Selection { group: Some("3b".parse().unwrap()), ..Selection::default() };
    let report = scene.report(&group, "2026-03-02", "2026-03-03");
    assert_eq!(
        (report.letters(1), report.letters(2), report.letters(3)),
        ("AP".into(), "  ".into(), "AA".into())
    );
    assert!(report.days[0].records.is_empty());
    let one = Selection { person: Some(id(1)), ..Selection::default() };
    let report = scene.report(&one, "2026-03-02", "2026-03-03");
    assert_eq!((report.totals.len(), report.letters(1)), (1, "AP".to_owned()));
}

#[test]
fn how_somebody_was_known_is_listed_once_each() {
    let scene = Scene::new().passage(1, "2026-03-02T08:00:00").left(1, "2026-03-02T09:00:00");
    let scene = scene.passage(1, "2026-03-02T10:00:00").with(|said| {
        said.details.method = Some(Method::IdentifierAndPin);
        said.details.source = Some("door".to_owned());
    });
    let report = scene.all("2026-03-02", "2026-03-02");
    assert_eq!(report.row(0, 1).methods, [Method::Face, Method::IdentifierAndPin, Method::Operator]);
    let sources: Vec<_> = report.days[0].records.iter().map(|record| record.source.as_deref()).collect();
    assert_eq!(sources, [None, None, Some("door")]);
}

#[test]
fn a_map_of_a_month_has_a_letter_for_each_day_and_weeks_from_monday() {
    let scene = Scene::new()
        .passage(1, "2026-03-03T08:00:00")
        .left(1, "2026-03-03T15:59:00")
        .passage(1, "2026-03-05T06:00:00")
        .left(1, "2026-03-05T23:00:00");
    let dates: Vec<NaiveDate> = date("2026-03-01").iter_days().take(9).collect();
    let mut map = HeatMap::new(dates);
    scene.all("2026-03-01", "2026-03-09").days.iter().for_each(|day| map.add(day));
    let letters = |person| -> String {
        map.dates().iter().map(|date| map.cell(id(person), *date).map_or(' ', Cell::glyph)).collect()
    };
    assert_eq!((letters(1), letters(2)), ("..7.9....".into(), "..A.A....".into()));
    assert_eq!(map.cell(id(1), date("2026-03-03")).map(Cell::level), Some(3));
    assert_eq!(map.people().collect::<Vec<_>>(), [id(3), id(2), id(1)]);
    let weeks = map.weeks();
    // The first of March is a Sunday.
    assert_eq!(weeks.len(), 3);
    assert_eq!((weeks[0][6], weeks[0][0]), (Some(date("2026-03-01")), None));
    assert_eq!((weeks[1][0], weeks[2][1]), (Some(date("2026-03-02")), None));
    assert_eq!(map.cell(id(7), date("2026-03-03")), None);
}

#[test]
fn many_people_with_many_records_are_counted() {
    let mut scene = Scene::new();
    let person =
        |n: u128| Person::new(id(n), format!("P{n:04}").parse().unwrap(), None, utc("2026-01-01T00:00:00"));
    scene.people = (0..2_000).map(person).collect();
    for round in 0..4u32 {
        for n in 0..2_000u32 {
            let at = utc("2026-03-02T06:00:00") + TimeDelta::seconds(i64::from(round * 9_000 + n));
            let sequence = scene.next();
            scene.statements.push(Statement {
                sequence,
                at,
                clock: ClockState::Synchronised,
                // Every tenth is added later, which is sorted in.
                kind: if n % 10 == 0 { EntryKind::BackFilled } else { EntryKind::Passage },
                person: id(u128::from(n)),
                state: Some(if round % 2 == 0 { Present } else { Left }),
                details: RecordDetails::default(),
            });
        }
    }
    let day = scene.day(date("2026-03-02"));
    let reading = Reading { statements: scene.statements.clone(), sessions: Vec::new() };
    let selection = Selection::default();
    let mut tally = Tally::new(&scene.people, &scene.rules, &selection, (&day, &day), scene.now);
    assert_eq!(tally.take(day, &Utc, reading), []);
    let (days, totals) = tally.finish();
    assert_eq!((days[0].rows.len(), days[0].records.len(), totals.len()), (2_000, 8_000, 2_000));
    assert!(totals.iter().all(|totals| totals.days.present == 1 && totals.hours == minutes(450)));
}
