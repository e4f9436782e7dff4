//! What an entry says, in words: for the log, for lists about one person, and for lines of their own.

use chrono::{DateTime, TimeDelta, Utc};

use crate::attendance::zone::SiteZone;
use crate::attendance::{PersonName, PresenceState, Standing};
use crate::engine::LogEntry;
use crate::ledger::{Actor, ClockState, EntryKind, Facts};
use crate::tui::theme::Role;

/// What else is known besides an entry.
pub struct Context<'a> {
    /// That of the clock on the wall.
    pub zone: SiteZone,
    /// What the session is called that the entry is about, where that is known.
    pub session: Option<&'a PersonName>,
}

impl Context<'_> {
    /// Only the clock.
    pub fn of(zone: SiteZone) -> Self {
        Self { zone, session: None }
    }
}

/// An entry in words, for a list about one person: without its time and their name.
pub fn about(entry: &LogEntry, zone: SiteZone) -> String {
    let (sign, what, _) = kind_words(entry);
    let similarity = entry.similarity.map(|found| format!("  {:.2}", found.0)).unwrap_or_default();
    let said = said(entry, &Context::of(zone)).map(|said| format!(" {said}")).unwrap_or_default();
    let note = entry.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("{sign} {what}{similarity}{said}{note}")
}

/// An entry in words, for a line of its own without its time.
pub fn words(entry: &LogEntry, zone: SiteZone) -> String {
    let (who, _) = subject(entry, &Context::of(zone));
    let similarity = entry.similarity.map(|found| format!("{:.2}", found.0)).unwrap_or_default();
    let by = match &entry.actor {
        Actor::Door | Actor::System => String::new(),
        actor => format!("by {}", actor_words(actor)),
    };
    let unsure = if is_time_unsure(entry) { "time unsure" } else { "" };
    let pieces = [kind_words(entry).1.to_owned(), who, similarity, by, unsure.to_owned()];
    let said: Vec<String> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    said.join("  ")
}

/// Whether every one of `words`, in small letters, is in what is shown of `entry` besides times.
pub fn fits(entry: &LogEntry, words: &[String]) -> bool {
    let name = entry.name.as_ref().or(entry.best.as_ref()).map_or("", |name| name.as_str());
    let note = entry.note.as_deref().unwrap_or_default();
    let kind = kind_words(entry).1;
    let about = match &entry.facts {
        Some(Facts::Session(session)) => session.name.as_str(),
        _ => match entry.kind {
            EntryKind::Unidentified if entry.best.is_none() => "nobody is enrolled",
            EntryKind::Unidentified => "closest:",
            EntryKind::Exported => "the roster",
            _ => "",
        },
    };
    let general = entry.kind.words();
    let text = format!("{kind} {general} {about} {name} {note} {}", actor_words(&entry.actor)).to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Whether the clock that the entry's time is from cannot have been right.
pub fn is_time_unsure(entry: &LogEntry) -> bool {
    entry.clock == ClockState::Unsure
}

/// A sign and words for what an entry says.
pub fn kind_words(entry: &LogEntry) -> (&'static str, &'static str, Role) {
    let details = &entry.details;
    if let (Some(standing), EntryKind::Standing) = (details.standing, entry.kind) {
        return standing_words(standing);
    }
    match (entry.kind, entry.state) {
        (EntryKind::Passage, Some(PresenceState::Left)) => ("○", "checked out", Role::Good),
        (EntryKind::Passage, _) => ("●", "identified", Role::Good),
        (EntryKind::Unidentified, _) => ("?", "unidentified", Role::Warning),
        (EntryKind::Rejected, _) => ("!", "not live", Role::Fault),
        (EntryKind::BackFilled, _) => ("●", "added later", Role::Good),
        (EntryKind::StrangerDiscarded, _) => ("-", "discarded", Role::Text),
        (EntryKind::SpaceChanged, _) => ("~", "other net", Role::Text),
        (EntryKind::Erased, _) => ("-", "erased", Role::Text),
        (EntryKind::PadTested, _) => ("·", "liveness test", Role::Text),
        (EntryKind::Mark, Some(PresenceState::Left)) => ("○", "marked left", Role::Text),
        (EntryKind::Mark, _) => ("●", "marked present", Role::Good),
        (EntryKind::Enrolled, _) => ("+", "enrolled", Role::Good),
        (EntryKind::TemplateAdded, _) => ("+", "picture added", Role::Text),
        (EntryKind::Removed, _) => ("-", "removed", Role::Text),
        (EntryKind::Renamed, _) => ("~", "renamed", Role::Text),
        (EntryKind::Imported, _) => ("+", "imported", Role::Text),
        (EntryKind::Exported, _) => ("»", "exported", Role::Text),
        (EntryKind::SourceLost, _) => ("!", "source lost", Role::Fault),
        (EntryKind::SourceImpaired, _) => ("!", "source impaired", Role::Warning),
        (EntryKind::SourceRestored, _) => ("✓", "source is back", Role::Text),
        (EntryKind::Started, _) => ("·", "started", Role::Dim),
        (EntryKind::Stopped, _) => ("·", "stopped", Role::Dim),
        (EntryKind::SessionOpened, _) => ("«", "session opened", Role::Accent),
        (EntryKind::SessionClosed, _) => ("»", "session closed", Role::Accent),
        (EntryKind::Excused, _) => ("x", "excused", Role::Text),
        (EntryKind::Corrected, _) if details.struck => ("~", "struck", Role::Warning),
        (EntryKind::Corrected, _) if details.corrects.is_none() => ("~", "missing, added", Role::Warning),
        (EntryKind::Corrected | EntryKind::CheckOutForgotten, _) => ("~", entry.kind.words(), Role::Warning),
        (EntryKind::ClockChanged, _) => ("!", "clock set", Role::Warning),
        (EntryKind::NotRecorded | EntryKind::DeliveryFailed, _) => ("!", entry.kind.words(), Role::Fault),
        (kind, _) => ("·", kind.words(), Role::Text),
    }
}

/// A sign and words for how somebody stood.
pub fn standing_words(standing: Standing) -> (&'static str, &'static str, Role) {
    match standing {
        Standing::OnTime => ("●", "on time", Role::Good),
        Standing::Late => ("◐", "late", Role::Warning),
        Standing::LeftEarly => ("◑", "left early", Role::Warning),
        Standing::LateAndLeftEarly => ("◐", "late+left early", Role::Warning),
        Standing::Absent => ("-", "absent", Role::Warning),
        Standing::Excused => ("x", "excused", Role::Dim),
    }
}

/// Whom an entry is about, and what else it says.
pub fn subject(entry: &LogEntry, context: &Context<'_>) -> (String, Role) {
    let (who, role) = match (&entry.name, &entry.best, entry.kind) {
        (Some(name), _, _) => (name.to_string(), Role::Text),
        (None, Some(best), EntryKind::Unidentified) => (format!("closest: {best}"), Role::Dim),
        (None, _, EntryKind::Unidentified) => ("nobody is enrolled".to_owned(), Role::Dim),
        (None, _, EntryKind::Exported) => ("the roster".to_owned(), Role::Text),
        (None, _, EntryKind::SessionClosed) => {
            (context.session.map(ToString::to_string).unwrap_or_default(), Role::Text)
        }
        (None, _, _) if entry.person.is_some() => ("(no longer known)".to_owned(), Role::Dim),
        (None, _, _) => (String::new(), Role::Text),
    };
    let pieces = [Some(who), said(entry, context)];
    let said: Vec<String> = pieces.into_iter().flatten().filter(|piece| !piece.is_empty()).collect();
    let said = said.join(", ");
    match &entry.note {
        Some(note) if said.is_empty() => (note.clone(), role),
        Some(note) => (format!("{said}: {note}"), role),
        None => (said, role),
    }
}

/// What an entry says besides whom it is about, where that has times or numbers in it.
fn said(entry: &LogEntry, context: &Context<'_>) -> Option<String> {
    let details = &entry.details;
    let minute = |at: DateTime<Utc>| context.zone.local(at).format("%H:%M").to_string();
    match entry.kind {
        EntryKind::SessionOpened => {
            let Some(Facts::Session(session)) = &entry.facts else { return None };
            let group = session.group.as_ref().map(|group| format!(" ({group})")).unwrap_or_default();
            let until = session.ends_at.map(|at| format!("-{}", minute(at))).unwrap_or_default();
            Some(format!("{}{group} {}{until}", session.name, minute(session.starts_at)))
        }
        // Where there are several ways in.
        EntryKind::Passage => details.source.as_ref().map(|source| format!("at {source}")),
        EntryKind::Standing => context.session.map(ToString::to_string),
        EntryKind::CheckOutForgotten => details.holds_at.map(|at| format!("last seen {}", minute(at))),
        EntryKind::ClockChanged => {
            let Some(Facts::ClockStep { expected, found }) = &entry.facts else { return None };
            let way = if found >= expected { "forward" } else { "back" };
            Some(format!("{way} by {}", span_words(*found - *expected)))
        }
        EntryKind::Excused => excused_words(entry, context),
        EntryKind::Corrected => {
            let first = details.corrects.map(|corrected| format!("entry {corrected}")).unwrap_or_default();
            let holds = match (details.struck, details.standing, entry.state) {
                (true, ..) => "holds no more".to_owned(),
                (_, Some(standing), _) => format!("is {}", standing_words(standing).1),
                (_, None, Some(state)) => {
                    let at = context.zone.local(details.holds_at.unwrap_or(entry.at));
                    // The day is said where the correction speaks of another.
                    let format = if at.date() == context.zone.local(entry.at).date() {
                        "%H:%M"
                    } else {
                        "%Y-%m-%d %H:%M"
                    };
                    format!("is {state} {}", at.format(format))
                }
                _ => String::new(),
            };
            Some(format!("{first} {holds}").trim().to_owned())
        }
        _ => None,
    }
}

fn excused_words(entry: &LogEntry, context: &Context<'_>) -> Option<String> {
    let details = &entry.details;
    if details.session.is_some() {
        return Some(
            context.session.map_or_else(|| "from one session".to_owned(), |name| format!("from {name}")),
        );
    }
    let day = |at: DateTime<Utc>| context.zone.local(at).format("%Y-%m-%d").to_string();
    details.holds_at.map(|at| format!("on {}", day(at)))
}

/// A span in the largest unit that says enough of it.
pub fn span_words(span: TimeDelta) -> String {
    let span = span.abs();
    let (count, unit) = match span.num_seconds() {
        seconds @ ..120 => (seconds, "s"),
        seconds @ 120..7_200 => (seconds / 60, "min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "h"),
        seconds @ 172_800..63_072_000 => (seconds / 86_400, "days"),
        seconds => (seconds / 31_556_952, "years"),
    };
    format!("{count} {unit}")
}

/// Who caused an entry.
pub fn actor_words(actor: &Actor) -> String {
    match actor {
        Actor::System => "system".to_owned(),
        Actor::Local { uid } => format!("user {uid}"),
        Actor::Operator(_) => "operator".to_owned(),
        Actor::Door => "door".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Sequence;
    use crate::tui::testing::{ZONE, entry, now};

    fn ana(kind: EntryKind) -> LogEntry {
        entry(140, kind, Some((1, "Ana")))
    }

    #[test]
    fn spans_are_said_in_one_unit() {
        let said = |seconds| span_words(TimeDelta::seconds(seconds));
        assert_eq!(said(-90), "90 s");
        assert_eq!(said(3_600), "60 min");
        assert_eq!(said(7_200), "2 h");
        assert_eq!(said(-86_400 * 3), "3 days");
        assert_eq!(said(1_772_438_700), "56 years");
    }

    #[test]
    fn what_corrects_says_what_and_to_what() {
        let mut corrected = ana(EntryKind::Corrected);
        corrected.details.corrects = Some(Sequence(118));
        corrected.details.holds_at = Some(now());
        corrected.state = Some(PresenceState::Left);
        corrected.note = Some("left with me".to_owned());
        assert_eq!(words(&corrected, ZONE), "corrected  Ana, entry 118 is left 08:05: left with me");
        corrected.details.holds_at = Some(now() - TimeDelta::days(1));
        assert!(words(&corrected, ZONE).contains("is left 2026-03-01 08:05"));
        corrected.details.standing = Some(Standing::Excused);
        assert_eq!(about(&corrected, ZONE), "~ corrected entry 118 is excused: left with me");
        (corrected.details.struck, corrected.details.standing) = (true, None);
        assert_eq!(words(&corrected, ZONE), "struck  Ana, entry 118 holds no more: left with me");
        corrected.details = crate::ledger::RecordDetails { holds_at: Some(now()), ..Default::default() };
        assert_eq!(words(&corrected, ZONE), "missing, added  Ana, is left 08:05: left with me");
    }

    #[test]
    fn standings_forgotten_check_outs_and_clocks_are_said_in_words() {
        let mut late = ana(EntryKind::Standing);
        late.details.standing = Some(Standing::Late);
        assert_eq!(words(&late, ZONE), "late  Ana");
        let mut forgotten = ana(EntryKind::CheckOutForgotten);
        forgotten.details.holds_at = Some(now());
        assert_eq!(words(&forgotten, ZONE), "no check-out  Ana, last seen 08:05");
        let mut clock = entry(9, EntryKind::ClockChanged, None);
        clock.facts = Some(Facts::ClockStep { expected: DateTime::UNIX_EPOCH, found: now() });
        assert_eq!(words(&clock, ZONE), "clock set  forward by 56 years");
        clock.facts = Some(Facts::ClockStep { expected: now(), found: now() - TimeDelta::hours(1) });
        assert_eq!(words(&clock, ZONE), "clock set  back by 60 min");
        let mut yard = ana(EntryKind::Passage);
        yard.details.source = Some("yard".to_owned());
        assert_eq!(words(&yard, ZONE), "identified  Ana, at yard");
        let mut unsure = ana(EntryKind::Passage);
        unsure.clock = ClockState::Unsure;
        assert_eq!(words(&unsure, ZONE), "identified  Ana  time unsure");
    }
}
