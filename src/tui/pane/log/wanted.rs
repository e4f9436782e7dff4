//! What a filter of the log asks for: words, and times.

use chrono::{DateTime, Days, NaiveTime, Utc};

use crate::tui::clock::{self, Clock};

/// What a filter asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// In small letters.
    pub words: Vec<String>,
    /// From one time until another.
    pub range: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Wanted {
    /// Reads `text`: `on:DAY`, `since:WHEN` and `until:WHEN`, where DAY is a date, `today` or `yesterday`, and WHEN is
    /// one of those or a time of today; everything else, and what cannot be read so, is a word.
    pub fn read(text: &str, clock: &Clock) -> Self {
        let mut wanted = Self::default();
        let (mut from, mut until) = (None, None);
        for word in text.split_whitespace() {
            let read = word.split_once(':').and_then(|(key, value)| Some((key, when(value, clock)?)));
            match read {
                Some(("on", (begin, Some(end)))) => (from, until) = (Some(begin), Some(end)),
                Some(("since", (begin, _))) => from = Some(begin),
                Some(("until", (begin, end))) => until = Some(end.unwrap_or(begin)),
                _ => wanted.words.push(word.to_lowercase()),
            }
        }
        if from.is_some() || until.is_some() {
            let from = from.unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
            // What happens from now on fits too, unless an end is given.
            wanted.range = Some((from, until.unwrap_or(DateTime::<Utc>::MAX_UTC)));
        }
        wanted
    }
}

/// An instant, and of a day its end as well.
fn when(text: &str, clock: &Clock) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let today = clock.today();
    let date = match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        _ => clock::date(text),
    };
    match date {
        Some(date) => {
            let next = date.checked_add_days(Days::new(1))?;
            Some((clock.beginning(date)?, Some(clock.beginning(next)?)))
        }
        None => {
            let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
            Some((clock.at(today, time)?, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::zone::SiteZone;
    use crate::tui::testing::now;
    use chrono::FixedOffset;

    fn clock() -> Clock {
        // Two hours before UTC; it is 06:05.
        let zone = SiteZone::Fixed(FixedOffset::west_opt(7200).unwrap());
        Clock { now: now(), zone, rollover: NaiveTime::from_hms_opt(4, 0, 0).unwrap() }
    }

    fn range(text: &str) -> Option<(String, String)> {
        let format = |at: DateTime<Utc>| at.format("%m-%d %H:%M").to_string();
        Wanted::read(text, &clock()).range.map(|(from, until)| (format(from), format(until)))
    }

    #[test]
    fn days_and_times_are_those_of_the_wall() {
        let of = |from: &str, until: &str| Some((from.to_owned(), until.to_owned()));
        assert_eq!(range("on:today"), of("03-02 06:00", "03-03 06:00"));
        assert_eq!(range("on:yesterday"), of("03-01 06:00", "03-02 06:00"));
        assert_eq!(range("on:2026-02-27"), of("02-27 06:00", "02-28 06:00"));
        assert_eq!(range("since:05:30 until:06:00"), of("03-02 07:30", "03-02 08:00"));
        assert_eq!(range("since:03:00 until:today"), of("03-03 05:00", "03-03 06:00"));
        assert_eq!(range("since:2026-02-27 until:2026-02-28"), of("02-27 06:00", "03-01 06:00"));
        assert_eq!(range("ana"), None);
    }

    #[test]
    fn what_cannot_be_read_is_a_word() {
        let wanted = Wanted::read("Ana on:2026-13-40 on:0 since: x:y until:9", &clock());
        assert_eq!(wanted.range, None);
        assert_eq!(wanted.words, ["ana", "on:2026-13-40", "on:0", "since:", "x:y", "until:9"]);
    }
}
