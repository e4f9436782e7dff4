use super::*;
use crate::cli::testing::{decided, head, named};
use crate::ledger::{Parts, RecordPart};

fn lines(ran: &Ran) -> Vec<serde_json::Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Follows until what there is was printed.
fn followed(fake: &Fake, line: &str) -> Ran {
    followed_at(fake, line, hour(9))
}

fn followed_at(fake: &Fake, line: &str, now: i64) -> Ran {
    let rules = AttendanceRules::default();
    let (stop, stopped) = bounded(1);
    stop.send(()).unwrap();
    let site = Site { calendar: calendar(at(now)), rules: &rules, colours: false, stopped: &stopped };
    ran(false, |out| run(&fake.handle, &args(line), &site, out))
}

fn fake() -> Fake {
    let opened = session().swap_remove(0).facts;
    let session = Parts { facts: opened, ..Parts::default() };
    let mut standing = RecordPart::new(id(1), None);
    standing.details.session = Some(SESSION);
    standing.details.standing = Some(Standing::Late);
    let whole = vec![
        named(head(1, EntryKind::SessionOpened), session),
        decided(2, EntryKind::Passage, &[0.7]),
        decided(3, EntryKind::Unidentified, &[0.3]),
        named(head(4, EntryKind::Mark), record(2, PresenceState::Left)),
        named(head(5, EntryKind::Standing), Parts { record: Some(standing), ..Parts::default() }),
        named(head(6, EntryKind::Enrolled), record(1, PresenceState::Present)),
    ];
    Fake::start(Script { whole, ..script(vec![entry(6, hour(8), EntryKind::Enrolled, None)]) })
}

fn record(who: u128, state: PresenceState) -> Parts {
    Parts { record: Some(RecordPart::new(id(who), Some(state))), ..Parts::default() }
}

#[test]
fn records_are_streamed_with_their_ids_and_nothing_else_is() {
    let ran = followed(&fake(), "--follow --since-entry 0");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = lines(&ran);
    assert_eq!(lines.iter().map(|line| line["entry"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4, 5]);
    let passage = &lines[0];
    assert_eq!(
        (&passage["kind"], &passage["person"], &passage["identifier"]),
        (&"passage".into(), &"Ana".into(), &"7".into())
    );
    assert_eq!((&passage["state"], &passage["method"]), (&"present".into(), &"face".into()));
    assert_eq!(passage["entry_id"], ulid::Ulid(2).to_string());
    assert_eq!(passage["at"], "2026-03-02T09:00:02+01:00");
    // Ana is expected in the session that is open; Bo is not.
    assert_eq!((&passage["session"], &lines[1]["session"]), (&"maths; 3b".into(), &serde_json::Value::Null));
    assert_eq!((&lines[1]["method"], &lines[1]["state"]), (&"operator".into(), &"left".into()));
    assert_eq!(
        (&lines[2]["standing"], &lines[2]["session_id"]),
        (&"late".into(), &SESSION.to_string().into())
    );
    assert!(!ran.out.contains("similarity"), "{}", ran.out);
}

#[test]
fn it_begins_where_it_was_told_to_and_is_about_whom_was_named() {
    let entries = |line: &str| {
        let ran = followed(&fake(), line);
        lines(&ran).iter().map(|line| line["entry"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // From now on, where nothing is said.
    assert_eq!(entries("--follow"), [0u64; 0]);
    assert_eq!(entries("--follow --since-entry 2"), [4, 5]);
    assert_eq!(entries("--follow --since-entry 0 --person Bo"), [4]);
    assert_eq!(entries("--follow --since-entry 0 --group 3b"), [2, 5]);
    assert_eq!(entries("--follow --since-entry 0 --session 'maths; 3b'"), [2, 5]);
}

#[test]
fn a_session_that_was_opened_days_before_is_known_where_it_goes_on() {
    // Followed again months later: what counts is the time of the last entry that came.
    let days = |sequence: u64, kind, days: i64, parts: Parts| {
        let mut head = head(sequence, kind);
        head.at = at(days * 86_400);
        named(head, parts)
    };
    let opened = LogEntry { at: at(-6 * 86_400), sequence: Sequence(1), ..session().swap_remove(0) };
    let parts = Parts { facts: opened.facts.clone(), ..Parts::default() };
    let whole = vec![
        days(1, EntryKind::SessionOpened, -6, parts),
        days(2, EntryKind::Mark, 0, record(2, PresenceState::Left)),
        days(3, EntryKind::Mark, 1, record(1, PresenceState::Present)),
    ];
    let later = entry(3, 86_400, EntryKind::Mark, Some((1, "Ana")));
    let fake = Fake::start(Script { whole, ..script(vec![opened, later]) });
    let followed = followed_at(&fake, "--follow --since-entry 2 --session 'maths; 3b'", hour(24 * 90));
    let lines = lines(&followed);
    assert_eq!(lines.len(), 1, "{}", followed.out);
    assert_eq!((&lines[0]["entry"], &lines[0]["session"]), (&3.into(), &"maths; 3b".into()));
}
