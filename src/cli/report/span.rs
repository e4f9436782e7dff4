//! From what was typed to the days of a report.

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::attendance::report::Day;
use crate::attendance::zone::SiteZone;

use super::super::exit::CliError;
use super::args::{DayArg, MonthArg, ReportArgs, ReportFormat};
use super::calendar::Calendar;

/// The days of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Day,
    pub(super) last: Day,
    /// Whether one day was asked for, and not a span that has one.
    pub(super) is_one_day: bool,
}

/// More days than this are a slip.
const MOST_DAYS: i64 = 3_660;

impl Span {
    /// The days that `args` name; a month for what draws a month, else today, where they name none.
    pub(super) fn of(
        args: &ReportArgs,
        format: ReportFormat,
        calendar: &Calendar<SiteZone>,
    ) -> Result<Self, CliError> {
        let today = calendar.day(DayArg::Today)?;
        let draws_a_month = matches!(format, ReportFormat::Heatmap | ReportFormat::Ics);
        let is_bare = args.date.is_none() && args.week.is_none() && args.since.is_none();
        if let Some(date) = args.week {
            let date = calendar.day(date)?.date;
            let monday = date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())));
            let sunday = monday.and_then(|monday| monday.checked_add_days(Days::new(6)));
            return Self::between(monday, sunday, calendar);
        }
        let month = args.month.or((is_bare && draws_a_month).then_some(MonthArg::This));
        if let Some(month) = month {
            let first = match month {
                MonthArg::This => today.date.with_day(1),
                MonthArg::Last => {
                    today.date.with_day(1).and_then(|first| first.checked_sub_months(Months::new(1)))
                }
                MonthArg::Of(first) => Some(first),
            };
            let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
            return Self::between(first, next.and_then(|next| next.pred_opt()), calendar);
        }
        if let Some(since) = args.since {
            let last = calendar.day(args.until.unwrap_or(DayArg::Today))?.date;
            return Self::between(Some(calendar.day(since)?.date), Some(last), calendar);
        }
        let day = calendar.day(args.date.unwrap_or(DayArg::Today))?;
        Ok(Self { first: day, last: day, is_one_day: true })
    }

    fn between(
        first: Option<NaiveDate>,
        last: Option<NaiveDate>,
        calendar: &Calendar<SiteZone>,
    ) -> Result<Self, CliError> {
        let (Some(first), Some(last)) = (first, last) else {
            return Err(CliError::usage("that day is outside of the calendar"));
        };
        if last < first {
            return Err(CliError::usage(format_args!(
                "--until {last} is before --since {first}: the first day comes first"
            )));
        }
        if (last - first).num_days() >= MOST_DAYS {
            return Err(CliError::usage(format_args!(
                "from {first} to {last} is more than ten years: ask for a part of it"
            )));
        }
        let [first, last] = [first, last].map(|date| calendar.day(DayArg::On(date)));
        Ok(Self { first: first?, last: last?, is_one_day: false })
    }

    /// Its dates.
    pub(super) fn dates(&self) -> Vec<NaiveDate> {
        self.first.date.iter_days().take_while(|date| *date <= self.last.date).collect()
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        let day = |day: &Day| day.date.format("%A %Y-%m-%d").to_string();
        if self.is_one_day {
            day(&self.first)
        } else {
            format!("{} to {}", day(&self.first), day(&self.last))
        }
    }
}
