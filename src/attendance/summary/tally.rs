//! Days in, one after the other; counted days and totals out.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};

use super::super::report::{Day, PresenceRecord};
use super::super::roster::{GroupName, Person, PersonId};
use super::super::rules::AttendanceRules;
use super::super::session::{FURTHEST_START, LONGEST_OPEN, Session, Standing};
use super::super::statement::{Statement, excuses, held, presence_records, standing_records};
use super::day::{Corrections, DayRecords};
use super::sessions::{ExcuseBook, Known, SessionBook};
use super::{
    DayRow, DayStanding, DayTable, ExpectedOn, PersonTotals, Reading, Selection, SessionTable, is_on_roster,
    is_on_roster_all_day, of_sessions,
};

/// Counts days that are given one after the other. What it keeps is bounded: totals, and the records of the
/// last two days, or of as many as a session was left open, a week at most.
#[derive(Debug)]
pub struct Tally<'a> {
    people: BTreeMap<PersonId, &'a Person>,
    /// Where everybody stands in a list by name.
    places: HashMap<PersonId, usize>,
    rules: &'a AttendanceRules,
    selection: &'a Selection,
    /// The first instant that is reported, and the first that is not any more.
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
    excuses: ExcuseBook,
    sessions: SessionBook,
    recent: VecDeque<(Day, DayRecords)>,
    pending: VecDeque<Pending>,
    totals: BTreeMap<PersonId, PersonTotals>,
}

/// A day that was read and waits until its sessions are closed.
#[derive(Debug)]
struct Pending {
    day: Day,
    planned: ExpectedOn,
}

impl<'a> Tally<'a> {
    /// Counts what `selection` selects of the span from the beginning of `first` to the end of `last`.
    /// `people` is everybody who ever was on the roster.
    pub fn new(
        people: &'a [Person],
        rules: &'a AttendanceRules,
        selection: &'a Selection,
        (first, last): (&Day, &Day),
        now: DateTime<Utc>,
    ) -> Self {
        let mut by_name: Vec<&Person> = people.iter().collect();
        by_name.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Self {
            people: people.iter().map(|person| (person.id, person)).collect(),
            places: by_name.iter().enumerate().map(|(place, person)| (person.id, place)).collect(),
            rules,
            selection,
            span: (first.from, last.until),
            now,
            excuses: ExcuseBook::default(),
            sessions: SessionBook::default(),
            recent: VecDeque::new(),
            pending: VecDeque::new(),
            totals: BTreeMap::new(),
        }
    }

    /// Takes in excuses that began before the span.
    pub fn excuse(&mut self, statements: impl IntoIterator<Item = Statement>) {
        self.excuses.take(excuses(&held(statements)));
    }

    /// The day of which the first is read for a report that begins with `first`: a session may be opened
    /// before it begins. None outside of the calendar.
    pub fn first_read<Z: TimeZone>(first: &Day, zone: &Z, rollover: NaiveTime) -> Option<Day> {
        Day::containing(first.from.checked_sub_signed(FURTHEST_START)?, zone, rollover)
    }

    /// Takes in `day` with what the ledger says of it; the days that can be reported now. Days come in their
    /// order, without gaps; those before the span are not reported, but what was opened on them counts.
    pub fn take<Z: TimeZone>(&mut self, day: Day, zone: &Z, reading: Reading) -> Vec<DayTable> {
        let written: HashMap<_, _> = reading.statements.iter().map(|s| (s.sequence, s.at)).collect();
        let corrections = Corrections::of(&reading.statements);
        let held = held(reading.statements);
        self.excuses.take(excuses(&held));
        let on_this_day = |at: Option<&DateTime<Utc>>| at.is_some_and(|at| day.contains(*at));
        let events = reading.sessions.into_iter().filter(|event| day.contains(event.at)).collect();
        let mut standings = standing_records(&held);
        // A later day brings a corrected standing along once more.
        standings.retain(|record| on_this_day(written.get(&record.sequence)));
        let (from, until) = self.span;
        let choice = &self.selection.session;
        self.sessions.take(events, standings, |session| {
            from <= session.starts_at
                && session.starts_at < until
                && choice.as_ref().is_none_or(|choice| choice.means(session))
        });
        let records = DayRecords::of(&day, presence_records(&held), &corrections);
        if from <= day.from && day.until <= until && day.from <= self.now {
            self.pending.push_back(Pending { day, planned: self.planned(&day, zone) });
        }
        self.recent.push_back((day, records));
        let ready = self.ready(&day);
        self.forget();
        ready
    }

    /// Whether there are days that are not reported yet: days after the span may close their sessions.
    pub fn waits(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The days that wait, with the sessions that are open as they stand now, and everybody's totals by
    /// name.
    pub fn finish(mut self) -> (Vec<DayTable>, Vec<PersonTotals>) {
        let mut last = Vec::new();
        while let Some(pending) = self.pending.pop_front() {
            last.push(self.table(&pending));
        }
        let mut totals: Vec<PersonTotals> = self.totals.values().copied().collect();
        totals.sort_by_key(|totals| self.place(totals.person));
        (last, totals)
    }

    /// Who is expected in the sessions of the schedule that have begun on `day`.
    fn planned<Z: TimeZone>(&self, day: &Day, zone: &Z) -> ExpectedOn {
        let mut expected = ExpectedOn::default();
        // A day reaches into the date after its own.
        for date in [Some(day.date), day.date.checked_add_days(Days::new(1))].into_iter().flatten() {
            for planned in self.rules.schedule.on(date, zone) {
                let choice = self.selection.session.as_ref();
                let is_meant = choice.is_none_or(|choice| match choice {
                    super::SessionChoice::Named(name) => planned.session.name == *name,
                    super::SessionChoice::One(_) => false,
                });
                if is_meant && day.contains(planned.starts_at) && planned.starts_at <= self.now {
                    expected.add(planned.session.group.as_ref());
                }
            }
        }
        expected
    }

    fn ready(&mut self, reached: &Day) -> Vec<DayTable> {
        let mut ready = Vec::new();
        while let Some(pending) = self.pending.front() {
            // A session may be opened after it began; a day of 23 hours may not reach as far.
            let is_followed = reached.until >= pending.day.until + FURTHEST_START;
            let is_stale = reached.from - pending.day.from >= LONGEST_OPEN;
            if !is_followed || self.sessions.is_any_open(&pending.day) && !is_stale {
                break;
            }
            if let Some(pending) = self.pending.pop_front() {
                ready.push(self.table(&pending));
            }
        }
        ready
    }

    /// Lets go of records that no session can need any more.
    fn forget(&mut self) {
        let last = self.recent.back().map(|(day, _)| day.from);
        let Some(needed) = self.pending.front().map(|pending| pending.day.from).or(last) else { return };
        // What came before the start may lie on the day before.
        while self.recent.len() > 2 && self.recent.get(1).is_some_and(|(day, _)| day.until <= needed) {
            self.recent.pop_front();
        }
    }

    fn table(&mut self, pending: &Pending) -> DayTable {
        let day = pending.day;
        let mut known = self.sessions.of_day(&day);
        known.retain(|known| known.closed_at.is_some() || known.session.starts_at <= self.now);
        let everybody: Vec<SessionTable> = known.iter().map(|known| self.session(known)).collect();
        let mut stood: HashMap<PersonId, Vec<Standing>> = HashMap::new();
        for line in everybody.iter().flat_map(|table| &table.lines) {
            stood.entry(line.person).or_default().push(line.line.standing);
        }
        let empty = DayRecords::default();
        let records =
            self.recent.iter().find(|(other, _)| *other == day).map_or(&empty, |(_, records)| records);
        let people = self.reported(&day, records, &stood);
        let rows: Vec<DayRow> =
            people.iter().map(|person| self.row(*person, pending, records, &stood)).collect();
        let records = people.iter().flat_map(|person| records.of_person(*person)).cloned().collect();
        for row in &rows {
            self.totals.entry(row.person).or_insert_with(|| PersonTotals::new(row.person)).add(row);
        }
        for line in everybody.iter().flat_map(|table| &table.lines) {
            let totals = self.totals.entry(line.person).or_insert_with(|| PersonTotals::new(line.person));
            totals.sessions.add_session(line.line.standing);
        }
        DayTable { day, rows, sessions: everybody, records }
    }

    /// Everybody who has a line on `day`, by name.
    fn reported(
        &self,
        day: &Day,
        records: &DayRecords,
        stood: &HashMap<PersonId, Vec<Standing>>,
    ) -> Vec<PersonId> {
        let mut people: BTreeSet<PersonId> =
            self.people.values().filter(|person| is_on_roster(person, day)).map(|person| person.id).collect();
        people.extend(records.people().chain(stood.keys().copied()));
        people.retain(|person| self.selects(*person));
        let mut people: Vec<PersonId> = people.into_iter().collect();
        people.sort_by_key(|person| self.place(*person));
        people
    }

    fn row(
        &self,
        id: PersonId,
        pending: &Pending,
        records: &DayRecords,
        stood: &HashMap<PersonId, Vec<Standing>>,
    ) -> DayRow {
        let day = &pending.day;
        let is_here = !records.of_person(id).is_empty();
        let person = self.people.get(&id).copied();
        let standings = stood.get(&id).map(Vec::as_slice).unwrap_or_default();
        let standing = of_sessions(standings).unwrap_or_else(|| {
            let counts = self.counts(person, pending, records, is_here);
            match (counts, is_here, self.excuses.reaches_into(id, day)) {
                (true, true, _) => DayStanding::Present,
                (true, false, true) => DayStanding::Excused,
                (true, false, false) => DayStanding::Absent,
                (false, true, _) => DayStanding::Besides,
                (false, false, _) => DayStanding::Uncounted,
            }
        });
        let nobody = BTreeSet::<GroupName>::new();
        let groups = person.map_or(&nobody, |person| &person.particulars.groups);
        records.row(id, standing, self.rules.clock_for(groups), day.until <= self.now)
    }

    /// Whether a day on which somebody was in no session counts for them.
    fn counts(
        &self,
        person: Option<&Person>,
        pending: &Pending,
        records: &DayRecords,
        is_here: bool,
    ) -> bool {
        let is_listed = is_here || person.is_some_and(|person| is_on_roster_all_day(person, &pending.day));
        let has_schedule = !self.rules.schedule.sessions.is_empty() || self.selection.session.is_some();
        let is_day = if has_schedule {
            person.is_some_and(|person| pending.planned.expects(person))
        } else {
            records.is_anybody()
        };
        is_listed && is_day
    }

    fn session(&self, known: &Known) -> SessionTable {
        let session = &known.session;
        let expected = self.people.values().copied().filter(|person| {
            person.is_active() && session.group.as_ref().is_none_or(|group| person.is_in(group))
        });
        let read = self.recent.back().map_or(self.now, |(day, _)| day.until);
        let records = |person| self.records_of(person, session);
        let mut lines = known.lines(expected, records, &self.excuses, self.now.min(read));
        lines.retain(|line| self.selects(line.person));
        lines.sort_by_key(|line| self.place(line.person));
        SessionTable { session: session.clone(), closed_at: known.closed_at, lines }
    }

    /// What of the days that were read counts for `session`.
    fn records_of(&self, person: PersonId, session: &Session) -> Vec<PresenceRecord> {
        let days = self.recent.iter().filter(|(day, _)| day.until > session.counts_from());
        days.flat_map(|(_, records)| records.of_person(person)).cloned().collect()
    }

    fn selects(&self, id: PersonId) -> bool {
        self.selection.selects(id, self.people.get(&id).copied())
    }

    /// Those without a name come last.
    fn place(&self, person: PersonId) -> (usize, PersonId) {
        (self.places.get(&person).copied().unwrap_or(usize::MAX), person)
    }
}

impl PersonTotals {
    fn add(&mut self, row: &DayRow) {
        self.days.add_day(row.standing);
        self.besides += u32::from(row.standing == DayStanding::Besides);
        self.hours += row.clock.hours;
        self.forgotten += u32::from(row.marks.is_forgotten);
        self.marks += row.marks;
    }
}
