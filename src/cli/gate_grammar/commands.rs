//! The commands of the gate: those of the command line, without what names a path or a program. Their options are
//! written out and not shared with the command line's: one that is new there is nothing here until somebody says so.

use clap::builder::{EnumValueParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::access::Role;
use crate::attendance::{GroupName, Identifier, PersonName};
use crate::cli::approvals::ApprovalsArgs;
use crate::cli::args::{Command, RosterCommand, face_choice};
use crate::cli::consent::ConsentArgs;
use crate::cli::correct::{CorrectArgs, ExcuseArgs, TimesArgs};
use crate::cli::enroll::EnrollArgs;
use crate::cli::erase::EraseArgs;
use crate::cli::export_person::ExportPersonArgs;
use crate::cli::inbox::InboxArgs;
use crate::cli::keys::KeysArgs;
use crate::cli::log::{self, ExportArgs, LogCommand, TailArgs, VerifyArgs};
use crate::cli::mark::MarkArgs;
use crate::cli::operators::OperatorsArgs;
use crate::cli::report::{DayArg, MonthArg, ReportArgs, ReportFormat, Rows};
use crate::cli::retention::RetentionArgs;
use crate::cli::roster_particulars::SetArgs;
use crate::cli::session::SessionCommand;
use crate::cli::source::ViewArgs;
use crate::cli::threshold::ThresholdArgs;
use crate::cli::why::WhyArgs;
use crate::engine::command::FaceChoice;
use crate::ledger::ChainHead;

/// The least role that the command at `path` is offered to: what an admin can ask for where nothing is said.
pub(super) fn needs(path: &[&str]) -> Role {
    match path {
        ["status" | "report" | "keys" | "log" | "session" | "roster"]
        | ["log", "tail" | "head"]
        | ["session", "list"]
        | ["roster", "list"] => Role::Observer,
        // Whoever asked for something takes it back.
        ["approvals"] | ["approvals", "withdraw"] => Role::Operator,
        ["enroll" | "mark" | "correct" | "excuse" | "times" | "inbox" | "why" | "consent" | "threshold"]
        | ["log", "verify" | "export"]
        | ["session", "open" | "close"]
        | ["roster", "show" | "set" | "rename"]
        | ["inbox", "list" | "show" | "enrol" | "add" | "discard" | "back-fill"]
        | ["consent", "show" | "record"]
        | ["threshold", "plan"] => Role::Operator,
        _ => Role::Admin,
    }
}

/// What can be asked through the gate, by whoever may.
#[derive(Debug, Clone, Subcommand)]
pub enum GateCommand {
    /// How muster does
    Status,
    /// Who was here on a day, in a week or a month, or is here now
    Report(GateReport),
    /// The ledger: its last entries, and whether it is whole
    #[command(subcommand)]
    Log(GateLog),
    /// Roll calls
    #[command(subcommand)]
    Session(SessionCommand),
    /// Who belongs here
    #[command(subcommand)]
    Roster(GateRoster),
    /// The keys of the screen
    Keys(KeysArgs),
    /// Enrol a person from one photograph on standard input
    Enroll(GateEnrol),
    /// Say that somebody is here, or has left
    Mark(MarkArgs),
    /// Correct what an entry says, or add what is missing
    Correct(CorrectArgs),
    /// Excuse somebody from sessions
    Excuse(ExcuseArgs),
    /// Say what the times of records were that a clock wrote which was not set
    Times(TimesArgs),
    /// People whom nobody knows
    #[command(subcommand)]
    Inbox(GateInbox),
    /// Say why an entry of the log says what it says
    Why(WhyArgs),
    /// Who agreed to be enrolled, and to what
    #[command(subcommand)]
    Consent(ConsentArgs),
    /// Say which threshold is in force and what follows from it
    Threshold(ThresholdArgs),
    /// Who works with muster, and what they may do
    #[command(subcommand)]
    Operators(GateOperators),
    /// What waits until another admin confirms it
    Approvals(ApprovalsArgs),
    /// How long things are kept, what is held, and what is due
    Retention(RetentionArgs),
    /// Everything that is held about a person, for them: a .zip file on standard output
    ExportPerson(GateExportPerson),
}

/// `report` without a file.
#[derive(Debug, Clone, Args)]
pub struct GateReport {
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
    /// What a line is
    #[arg(long, value_enum, value_name = "WHAT")]
    pub rows: Option<Rows>,
    /// How it is written: table, csv, json, ics or heatmap
    #[arg(long, value_parser = EnumValueParser::<ReportFormat>::new().try_map(as_text))]
    pub format: Option<ReportFormat>,
    /// Who is in the building now
    #[arg(long, conflicts_with_all = ["span", "until", "person", "group", "session", "rows", "follow"])]
    pub present: bool,
    /// Print each new record as a JSON line, until interrupted
    #[arg(long, conflicts_with_all = ["span", "until", "rows", "format"])]
    pub follow: bool,
    /// Begin after this entry of the ledger, in place of now
    #[arg(long, value_name = "N", requires = "follow")]
    pub since_entry: Option<u64>,
}

fn as_text(format: ReportFormat) -> Result<ReportFormat, String> {
    match format {
        ReportFormat::Xlsx => {
            Err("a workbook is no text: expected table, csv, json, ics or heatmap".to_owned())
        }
        format => Ok(format),
    }
}

impl GateReport {
    fn args(&self) -> ReportArgs {
        let this = self.clone();
        ReportArgs {
            date: this.date,
            week: this.week,
            month: this.month,
            since: this.since,
            until: this.until,
            person: this.person,
            group: this.group,
            session: this.session,
            rows: this.rows,
            format: this.format,
            present: this.present,
            follow: this.follow,
            since_entry: this.since_entry,
            output: None,
            force: false,
        }
    }
}

/// `log` without files.
#[derive(Debug, Clone, Subcommand)]
pub enum GateLog {
    /// Print the last entries, oldest first
    #[command(visible_alias = "list")]
    Tail(TailArgs),
    /// Print the last entry's number and hash
    Head,
    /// Walk the chain from its first entry, and name the first that does not fit
    Verify {
        /// An end that was kept, as `log head` prints it: it must be an entry of this ledger
        #[arg(long, value_name = "NUMBER:HASH", value_parser = log::head)]
        head: Option<ChainHead>,
    },
    /// Write every entry as an object a line to standard output; the ledger notes that it was exported
    Export,
}

/// `roster` without files: lists come on standard input, and go to standard output.
#[derive(Debug, Clone, Subcommand)]
pub enum GateRoster {
    /// List everybody
    List {
        /// Only who is in this group
        #[arg(long, value_name = "GROUP")]
        group: Option<GroupName>,
    },
    /// Say everything that is kept of somebody, besides pictures and records
    Show {
        /// Whom: identifier, exact name, or the beginning of an id
        who: String,
    },
    /// Change what is kept of somebody
    Set(SetArgs),
    /// Change somebody's name
    Rename {
        /// Whom: identifier, exact name, or the beginning of an id
        who: String,
        /// The new name
        name: PersonName,
    },
    /// End somebody's enrolment: their templates go at once, their records stay
    Remove {
        /// Whom: identifier, exact name, or the beginning of an id
        who: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take somebody out of everything: nothing brings them back
    Erase(EraseArgs),
    /// Put people on the roster from a CSV file on standard input, without photographs
    Import {
        /// Standard input, which it is without it too
        #[arg(value_parser = ["-"])]
        file: Option<String>,
        /// Say what would change, row by row, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the roster as a CSV file to standard output
    Export,
}

/// `enroll` with one picture on standard input.
#[derive(Debug, Clone, Args)]
pub struct GateEnrol {
    /// What the person is called; with --add, who they are: identifier, exact name, or id prefix
    pub name: PersonName,
    /// Standard input, which it is without it too
    #[arg(value_name = "IMAGE", value_parser = ["-"])]
    pub image: Option<String>,
    /// What the site calls them by, unique: a staff or pupil number
    #[arg(long, value_name = "ID")]
    pub id: Option<Identifier>,
    /// Add a template to somebody who is on the roster
    #[arg(long)]
    pub add: bool,
    /// Which face: main (the largest, if it is clearly so), largest, or the Nth from the left
    #[arg(long, value_name = "main|largest|N", default_value = "main", value_parser = face_choice)]
    pub face: FaceChoice,
    /// Also who looks like somebody enrolled
    #[arg(long)]
    pub anyway: bool,
    /// Record that they agree to be enrolled: their consent is on file
    #[arg(long)]
    pub consent: bool,
}

/// `inbox` without files.
#[derive(Debug, Clone, Subcommand)]
pub enum GateInbox {
    /// List the items: how often, when first, when last, and how good the picture is
    List,
    /// Show an item
    Show {
        /// Which
        item: String,
    },
    /// Enrol the stranger as a new person, with the item's picture
    Enrol {
        /// Which
        item: String,
        /// What the person is called
        name: PersonName,
        /// What the site calls them by, unique: a staff or pupil number
        #[arg(long, value_name = "ID")]
        id: Option<Identifier>,
        /// Add their passages as a stranger to the record as well
        #[arg(long)]
        back_fill: bool,
        /// Record that they agree to be enrolled: their consent is on file
        #[arg(long)]
        consent: bool,
    },
    /// Add the item's picture to somebody who is on the roster
    Add {
        /// Which
        item: String,
        /// Whose picture it is
        who: String,
        /// Add their passages as a stranger to the record as well
        #[arg(long)]
        back_fill: bool,
        /// Record that they agree to be enrolled: their consent is on file
        #[arg(long)]
        consent: bool,
    },
    /// Take an item out; nothing of it is kept
    Discard {
        /// Which
        item: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add passages to the record of somebody who was a stranger at the time
    #[command(name = "back-fill")]
    BackFill {
        /// Whose
        who: String,
        /// The entry of a passage, and no other than those named; all that wait without it
        #[arg(long = "entry", value_name = "N")]
        entries: Vec<u64>,
    },
}

/// `operators` without files.
#[derive(Debug, Clone, Subcommand)]
pub enum GateOperators {
    /// List everybody who works with muster
    List,
    /// Add somebody
    Add {
        /// What they are called
        name: PersonName,
        /// What they may do: observer, operator or admin
        #[arg(long)]
        role: Role,
        /// The number of their account on this machine
        #[arg(long, value_name = "N")]
        uid: Option<u32>,
        /// Read the public key that they come with from standard input
        #[arg(long, value_parser = ["-"])]
        key: Option<String>,
    },
    /// Give somebody another role, which holds at once
    Role {
        /// Whom: the exact name, or the beginning of an id
        who: String,
        /// observer, operator or admin
        role: Role,
    },
    /// Take somebody off the list
    Remove {
        /// Whom: the exact name, or the beginning of an id
        who: String,
    },
}

/// `export-person` to standard output.
#[derive(Debug, Clone, Args)]
pub struct GateExportPerson {
    /// Who: identifier, exact name, or the beginning of an id; also somebody whose enrolment has ended
    pub who: String,
}

impl GateCommand {
    /// The command of the command line that it is, with `-` where that has a file; none for the status, which
    /// needs no configuration.
    pub fn command(&self) -> Option<Command> {
        Some(match self {
            Self::Status => return None,
            Self::Report(report) => Command::Report(report.args()),
            Self::Log(log) => Command::Log(log.command()),
            Self::Session(command) => Command::Session(command.clone()),
            Self::Roster(command) => Command::Roster(command.command()),
            Self::Keys(args) => Command::Keys(args.clone()),
            Self::Enroll(enrol) => Command::Enroll(enrol.args()),
            Self::Mark(args) => Command::Mark(args.clone()),
            Self::Correct(args) => Command::Correct(args.clone()),
            Self::Excuse(args) => Command::Excuse(args.clone()),
            Self::Times(args) => Command::Times(args.clone()),
            Self::Inbox(inbox) => Command::Inbox(inbox.args()),
            Self::Why(args) => Command::Why(args.clone()),
            Self::Consent(args) => Command::Consent(args.clone()),
            Self::Threshold(args) => Command::Threshold(args.clone()),
            Self::Operators(operators) => Command::Operators(operators.args()),
            Self::Approvals(args) => Command::Approvals(args.clone()),
            Self::Retention(args) => Command::Retention(args.clone()),
            Self::ExportPerson(GateExportPerson { who }) => {
                Command::ExportPerson(ExportPersonArgs { who: who.clone(), output: "-".into() })
            }
        })
    }
}

impl GateLog {
    fn command(&self) -> LogCommand {
        match self {
            Self::Tail(args) => LogCommand::Tail(args.clone()),
            Self::Head => LogCommand::Head,
            Self::Verify { head } => LogCommand::Verify(VerifyArgs { head: *head, head_file: None }),
            Self::Export => LogCommand::Export(ExportArgs { output: None }),
        }
    }
}

impl GateRoster {
    fn command(&self) -> RosterCommand {
        match self.clone() {
            Self::List { group } => RosterCommand::List { group },
            Self::Show { who } => RosterCommand::Show { who },
            Self::Set(args) => RosterCommand::Set(args),
            Self::Rename { who, name } => RosterCommand::Rename { who, name },
            Self::Remove { who, yes } => RosterCommand::Remove { who, yes },
            Self::Erase(args) => RosterCommand::Erase(args),
            Self::Import { file: _, dry_run } => RosterCommand::Import { file: "-".into(), dry_run },
            Self::Export => RosterCommand::Export { output: None },
        }
    }
}

impl GateEnrol {
    fn args(&self) -> EnrollArgs {
        EnrollArgs {
            name: Some(self.name.clone()),
            images: vec!["-".into()],
            source: None,
            view: ViewArgs::default(),
            folder: None,
            roster: None,
            id: self.id.clone(),
            add: self.add,
            face: self.face,
            anyway: self.anyway,
            consent: self.consent,
            // There is nobody to ask: standard input is the picture.
            yes: self.consent,
        }
    }
}

impl GateInbox {
    fn args(&self) -> InboxArgs {
        match self.clone() {
            Self::List => InboxArgs::List,
            Self::Show { item } => InboxArgs::Show { item, output: None },
            Self::Enrol { item, name, id, back_fill, consent } => {
                InboxArgs::Enrol { item, name, id, back_fill, consent }
            }
            Self::Add { item, who, back_fill, consent } => InboxArgs::Add { item, who, back_fill, consent },
            Self::Discard { item, yes } => InboxArgs::Discard { item, yes },
            Self::BackFill { who, entries } => InboxArgs::BackFill { who, entries },
        }
    }
}

impl GateOperators {
    fn args(&self) -> OperatorsArgs {
        match self.clone() {
            Self::List => OperatorsArgs::List,
            Self::Add { name, role, uid, key } => {
                OperatorsArgs::Add { name, role, uid, user: None, key: key.map(Into::into) }
            }
            Self::Role { who, role } => OperatorsArgs::Role { who, role },
            Self::Remove { who } => OperatorsArgs::Remove { who },
        }
    }
}
