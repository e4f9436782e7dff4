//! What `muster report` takes.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::attendance::GroupName;

/// What `report --help` ends with.
pub const REPORT_HELP: &str = "\
Examples:
  muster report                                     today
  muster report --date yesterday --format csv > monday.csv
  muster report --week                              this week, a line for each person
  muster report --month 2026-03 --format xlsx -o march.xlsx
  muster report --month --format heatmap            this month at a glance
  muster report --since 2026-03-02 --until 2026-03-13 --group 3b --rows days
  muster report --week --session \"3b maths\"         every session of that name
  muster report --month --person 4711 --format ics -o ana.ics
  muster report --follow --since-entry 1200         new records as JSON lines, until ctrl-c
  muster report --present | lp                      who is in the building now, on paper

WHO is an identifier, an exact name, or the beginning of an id. What every column means and how days
are counted stands in docs/reports.md.";

/// A day as `--date` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayArg {
    /// The day of attendance that holds now.
    Today,
    /// The one before.
    Yesterday,
    /// The one that begins on this date.
    On(NaiveDate),
}

impl FromStr for DayArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "today" => Ok(Self::Today),
            "yesterday" => Ok(Self::Yesterday),
            _ if text.len() == 10 => {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::On).map_err(|_| ())
            }
            _ => Err(()),
        }
        .map_err(|()| "expected YYYY-MM-DD, today or yesterday".to_owned())
    }
}

/// A month as `--month` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthArg {
    /// The one of today.
    This,
    /// The one before.
    Last,
    /// The one that begins on this date.
    Of(NaiveDate),
}

impl FromStr for MonthArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "this" => Ok(Self::This),
            "last" => Ok(Self::Last),
            _ if text.len() == 7 => {
                NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map(Self::Of).map_err(|_| ())
            }
            _ => Err(()),
        }
        .map_err(|()| "expected YYYY-MM, this or last".to_owned())
    }
}

/// `report`
#[derive(Debug, Clone, Default, Args)]
pub struct ReportArgs {
    /// The day: YYYY-MM-DD, today or yesterday; today where nothing is named
    #[arg(long, value_name = "DATE", group = "span")]
    pub date: Option<DayArg>,
    /// The week from Monday to Sunday with this date in it; this week without a date
    #[arg(long, value_name = "DATE", num_args = 0..=1, default_missing_value = "today", group = "span")]
    pub week: Option<DayArg>,
    /// The month: YYYY-MM, this or last; this month without one
    #[arg(long, value_name = "YYYY-MM", num_args = 0..=1, default_missing_value = "this", group = "span")]
    pub month: Option<MonthArg>,
    /// The first day of a span
    #[arg(long, value_name = "DATE", group = "span")]
    pub since: Option<DayArg>,
    /// The last day of a span; today where only --since is named
    #[arg(long, value_name = "DATE", requires = "since")]
    pub until: Option<DayArg>,
    /// One person alone
    #[arg(long, value_name = "WHO")]
    pub person: Option<String>,
    /// The people of a group, as they are in it now
    #[arg(long, value_name = "NAME")]
    pub group: Option<GroupName>,
    /// All sessions of that name in the span, or the one with that id
    #[arg(long, value_name = "NAME|ID")]
    pub session: Option<String>,
    /// What a line is; for a span people in a table, days in CSV, all but records in JSON
    #[arg(long, value_enum, value_name = "WHAT")]
    pub rows: Option<Rows>,
    /// How it is written; --json is the same as json
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Write it to a file, readable for you alone; the ledger notes that a report left
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Who is in the building now, on one screen
    #[arg(long, conflicts_with_all = ["span", "until", "person", "group", "session", "rows", "output", "follow"])]
    pub present: bool,
    /// Print each new record as a JSON line, until interrupted
    #[arg(long, conflicts_with_all = ["span", "until", "rows", "format", "output"])]
    pub follow: bool,
    /// Begin after this entry of the ledger, in place of now
    #[arg(long, value_name = "N", requires = "follow")]
    pub since_entry: Option<u64>,
}

/// What a line of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rows {
    /// A person over all of the span.
    People,
    /// A person on a day.
    Days,
    /// A person in a session.
    Sessions,
    /// A record, after its corrections.
    Records,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Columns to read.
    Table,
    /// For a spreadsheet; cells that one could take for a formula begin with an apostrophe.
    Csv,
    /// One object a line.
    Json,
    /// A workbook with sheets for people, days, records and sessions; with -o.
    Xlsx,
    /// A calendar of one person's sessions and presence; with --person.
    Ics,
    /// People down, days across; with --person weeks down.
    Heatmap,
}

impl ReportFormat {
    /// What it is called.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
            Self::Ics => "ics",
            Self::Heatmap => "heatmap",
        }
    }
}
