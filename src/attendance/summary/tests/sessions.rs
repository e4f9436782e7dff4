use super::*;

fn session(number: u128, name: &str, group: Option<&str>, starts_at: &str, ends_at: &str) -> Session {
    Session {
        id: SessionId(Ulid(number)),
        name: name.parse().unwrap(),
        group: group.map(|group| group.parse().unwrap()),
        starts_at: utc(starts_at),
        ends_at: Some(utc(ends_at)),
        rules: SessionRules::default(),
        is_scheduled: false,
    }
}

impl Scene {
    fn opened(mut self, at: &str, session: Session) -> Self {
        self.sessions.push(SessionEvent { at: utc(at), change: SessionChange::Opened(session) });
        self
    }

    /// Closed at `at`, with how everybody stood.
    fn closed(mut self, at: &str, number: u128, standings: &[(u128, Standing)]) -> Self {
        let session = SessionId(Ulid(number));
        self.sessions.push(SessionEvent { at: utc(at), change: SessionChange::Closed(session) });
        for (person, standing) in standings {
            self = self.say(EntryKind::Standing, *person, at, None).with(|said| {
                said.details.session = Some(session);
                said.details.standing = Some(*standing);
            });
        }
        self
    }
}

fn standings(table: &SessionTable) -> Vec<(u128, Standing)> {
    table.lines.iter().map(|line| (line.person.0.0, line.line.standing)).collect()
}

fn morning() -> Scene {
    let maths = session(7, "maths", Some("3b"), "2026-03-02T08:00:00", "2026-03-02T09:00:00");
    Scene::new()
        .in_group(1, "3b")
        .in_group(2, "3b")
        .opened("2026-03-02T07:45:00", maths)
        .passage(1, "2026-03-02T07:55:00")
        .passage(2, "2026-03-02T08:20:00")
        .passage(3, "2026-03-02T08:30:00")
}

#[test]
fn a_closed_session_says_what_was_written_and_a_day_follows_it() {
    use Standing::{Absent, Late, OnTime};
    let scene = morning().closed("2026-03-02T09:00:00", 7, &[(1, OnTime), (2, Late)]);
    let report = scene.all("2026-03-02", "2026-03-02");
    let table = &report.days[0].sessions[0];
    assert_eq!(standings(table), [(2, Late), (1, OnTime)]);
    assert_eq!(table.closed_at, Some(utc("2026-03-02T09:00:00")));
    assert_eq!(table.lines[0].line.arrived, Some(utc("2026-03-02T08:20:00")));
    assert_eq!((table.counts().counted, table.counts().late), (2, 1));
    // The third was not expected; without a schedule the day counts for them as well.
    assert_eq!(
        (report.letters(1), report.letters(2), report.letters(3)),
        ("P".into(), "L".into(), "P".into())
    );
    assert_eq!((report.total(2).sessions.late, report.total(2).days.late), (1, 1));
    assert_eq!(report.total(3).sessions, Counts::default());
    // What an operator made of it afterwards holds, and shows.
    let corrected = scene.say(EntryKind::Corrected, 2, "2026-03-09T10:00:00", None).with(|said| {
        said.details.corrects = Some(Sequence(5));
        said.details.session = Some(SessionId(Ulid(7)));
        said.details.standing = Some(Absent);
    });
    let report = corrected.all("2026-03-02", "2026-03-09");
    let line = &report.days[0].sessions[0].lines[0];
    assert_eq!((line.line.standing, line.corrected_by), (Absent, Some(Sequence(6))));
    assert_eq!(report.days.iter().map(|day| day.sessions.len()).sum::<usize>(), 1, "once, on its own day");
    assert_eq!(report.letters(2).chars().next(), Some('A'));
}

#[test]
fn an_open_session_is_as_it_stands_now() {
    use Standing::{Absent, Excused, Late, OnTime};
    let scene = Scene { now: utc("2026-03-02T08:10:00"), ..morning() };
    let report = scene.all("2026-03-02", "2026-03-02");
    assert_eq!(standings(&report.days[0].sessions[0]), [(2, Absent), (1, OnTime)]);
    let scene = Scene { now: utc("2026-03-02T08:40:00"), ..scene };
    let report = scene.all("2026-03-02", "2026-03-02");
    assert_eq!(standings(&report.days[0].sessions[0]), [(2, Late), (1, OnTime)]);
    assert_eq!(report.days[0].sessions[0].closed_at, None);
    let excused = scene.excuse(2, "2026-03-02T00:00:00", "2026-03-03T00:00:00");
    let report = excused.all("2026-03-02", "2026-03-02");
    assert_eq!(standings(&report.days[0].sessions[0])[0], (2, Excused));
    assert_eq!(report.letters(2), "X");
    // Before it begins there is nobody to be absent from it.
    let early = Scene { now: utc("2026-03-02T07:50:00"), ..excused };
    assert!(early.all("2026-03-02", "2026-03-02").days[0].sessions.is_empty());
}

#[test]
fn a_session_belongs_to_the_day_on_which_it_begins() {
    use Standing::{LeftEarly, OnTime};
    let night = session(8, "night", None, "2026-03-02T22:00:00", "2026-03-03T06:00:00");
    let scene = Scene::new()
        .passage(1, "2026-03-02T21:50:00")
        .left(1, "2026-03-03T06:00:00")
        .opened("2026-03-02T21:30:00", night.clone())
        .closed("2026-03-03T06:00:00", 8, &[(1, OnTime)]);
    for (first, last) in [("2026-03-02", "2026-03-02"), ("2026-03-01", "2026-03-04")] {
        let report = scene.all(first, last);
        let tables: Vec<_> = report.days.iter().filter(|day| !day.sessions.is_empty()).collect();
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].day.date, date("2026-03-02"));
        assert_eq!(standings(&tables[0].sessions[0]), [(1, OnTime)]);
    }
    assert!(scene.all("2026-03-03", "2026-03-03").days[0].sessions.is_empty());
    // Opened when it had begun, on the next day; and one that was opened the evening before.
    let late = Scene { sessions: Vec::new(), statements: Vec::new(), ..scene };
    let late = late.opened("2026-03-03T00:05:00", night).closed("2026-03-03T06:00:00", 8, &[(1, LeftEarly)]);
    let next = session(9, "breakfast", None, "2026-03-03T07:00:00", "2026-03-03T08:00:00");
    let late = late.opened("2026-03-02T20:00:00", next).closed("2026-03-03T08:00:00", 9, &[(2, OnTime)]);
    let report = late.all("2026-03-02", "2026-03-02");
    assert_eq!(standings(&report.days[0].sessions[0]), [(1, LeftEarly)]);
    let report = late.all("2026-03-03", "2026-03-03");
    assert_eq!(standings(&report.days[0].sessions[0]), [(2, OnTime)]);
}

#[test]
fn a_session_is_of_its_day_however_long_before_or_after_its_beginning_it_was_opened() {
    // The 29th of March has 23 hours there.
    let scene = Scene { zone: "Europe/Berlin".parse().unwrap(), ..Scene::new() };
    let late = session(8, "late", None, "2026-03-28T22:55:00", "2026-03-29T06:00:00");
    let early = session(9, "early", None, "2026-03-29T22:05:00", "2026-03-30T06:00:00");
    let scene = scene
        .opened("2026-03-29T22:55:00", late)
        .opened("2026-03-28T22:05:00", early)
        .closed("2026-03-29T23:00:00", 8, &[(1, Standing::Late)])
        .closed("2026-03-30T06:00:00", 9, &[(1, Standing::OnTime)]);
    for (day, names) in [("2026-03-28", vec!["late"]), ("2026-03-29", vec![]), ("2026-03-30", vec!["early"])]
    {
        let report = scene.all(day, day);
        let found: Vec<&str> =
            report.days[0].sessions.iter().map(|table| table.session.name.as_str()).collect();
        assert_eq!(found, names, "{day}");
    }
}

#[test]
fn a_session_that_nobody_closes_holds_no_report_up() {
    let scene = morning();
    let report = scene.all("2026-03-01", "2026-03-31");
    assert_eq!(report.days.len(), 31);
    let dates: Vec<NaiveDate> = report.days.iter().map(|day| day.day.date).collect();
    assert!(dates.is_sorted());
    assert_eq!(standings(&report.days[1].sessions[0]), [(2, Standing::Late), (1, Standing::OnTime)]);
}

#[test]
fn a_day_with_several_sessions_is_the_worst_of_those_that_somebody_was_in() {
    use Standing::{Absent, Excused, Late, LateAndLeftEarly, LeftEarly, OnTime};
    for (standings, expected) in [
        (vec![OnTime, Late], DayStanding::Late),
        (vec![Absent, OnTime], DayStanding::Present),
        (vec![LeftEarly, Late], DayStanding::LateAndLeftEarly),
        (vec![LateAndLeftEarly], DayStanding::LateAndLeftEarly),
        (vec![OnTime, LeftEarly, Absent], DayStanding::LeftEarly),
        (vec![Absent, Excused], DayStanding::Excused),
        (vec![Absent, Absent], DayStanding::Absent),
    ] {
        assert_eq!(of_sessions(&standings), Some(expected), "{standings:?}");
    }
    assert_eq!(of_sessions(&[]), None);
    for standing in DayStanding::ALL {
        let mut counts = Counts::default();
        counts.add_day(standing);
        assert_eq!(counts.present + counts.absent + counts.excused, counts.counted, "{standing:?}");
    }
}

#[test]
fn where_sessions_are_named_no_other_counts() {
    use Standing::{Absent, OnTime};
    let other = session(9, "art", None, "2026-03-03T10:00:00", "2026-03-03T11:00:00");
    let scene = morning()
        .closed("2026-03-02T09:00:00", 7, &[(1, OnTime), (2, Absent)])
        .opened("2026-03-03T09:55:00", other)
        .closed("2026-03-03T11:00:00", 9, &[(1, Absent)]);
    for choice in [SessionChoice::Named("maths".parse().unwrap()), SessionChoice::One(SessionId(Ulid(7)))] {
        let selection = Selection { session: Some(choice), ..Selection::default() };
        let report = scene.report(&selection, "2026-03-02", "2026-03-03");
        assert_eq!((report.letters(1), report.letters(2)), ("P.".into(), "A.".into()));
        assert_eq!(report.total(1).sessions.counted, 1);
        // Who was there and not expected has no day of it.
        assert_eq!(report.letters(3), "+.");
    }
    let both = scene.all("2026-03-02", "2026-03-03");
    assert_eq!((both.total(1).sessions.counted, both.total(1).sessions.absent), (2, 1));
    let names: BTreeMap<String, usize> = both
        .days
        .iter()
        .flat_map(|day| &day.sessions)
        .map(|table| (table.session.name.to_string(), table.lines.len()))
        .collect();
    assert_eq!(names, BTreeMap::from([("art".to_owned(), 1), ("maths".to_owned(), 2)]));
}
