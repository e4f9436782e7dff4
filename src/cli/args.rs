//! What can be typed. Nothing here does anything.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::attendance::{GroupName, PersonName};
use crate::capture::SourceSpec;
use crate::config::{Flags, SourceFlags};
use crate::engine::command::FaceChoice;
use crate::inference::DeviceChoice;

use super::approvals::{APPROVALS_HELP, ApprovalsArgs};
use super::authorized_keys::{AUTHORIZED_KEYS_HELP, AuthorizedKeysArgs};
use super::bench::BenchCommand;
use super::cameras::{CAMERAS_HELP, CamerasArgs};
use super::capture::{CAPTURE_HELP, CaptureArgs};
use super::check_in::{CHECK_IN_HELP, CheckInArgs};
use super::compare::CompareArgs;
use super::consent::{CONSENT_HELP, ConsentArgs};
use super::correct::{CORRECT_HELP, CorrectArgs, ExcuseArgs, TimesArgs};
use super::enroll::{ENROLL_HELP, EnrollArgs};
use super::erase::{ERASE_HELP, EraseArgs};
use super::eval::EvalArgs;
use super::export_person::{EXPORT_PERSON_HELP, ExportPersonArgs};
use super::gate::{GATE_HELP, GateArgs};
use super::hooks::{HOOKS_HELP, HooksCommand};
use super::inbox::{INBOX_HELP, InboxArgs};
use super::keys::{KEYS_HELP, KeysArgs};
use super::kiosk_pin::{KIOSK_PIN_HELP, KioskPinArgs};
use super::log::{LOG_HELP, LogCommand};
use super::mark::{MARK_HELP, MarkArgs};
use super::models::ModelsCommand;
use super::operators::{OPERATORS_HELP, OperatorsArgs};
use super::pad_test::{self, PadTestArgs};
use super::report::{REPORT_HELP, ReportArgs};
use super::retention::{RETENTION_HELP, RetentionArgs};
use super::roster_particulars::{PIN_HELP, PinArgs, SET_HELP, SetArgs};
use super::serve::SERVE_HELP;
use super::service::{SERVICE_HELP, ServiceArgs};
use super::session::{SESSION_HELP, SessionCommand};
use super::setup::SetupArgs;
use super::source::{SourceParser, ViewArgs};
use super::status::{STATUS_HELP, StatusArgs};
use super::store::{STORE_HELP, StoreArgs};
use super::themes::{THEMES_HELP, ThemesArgs};
use super::threshold::{THRESHOLD_HELP, ThresholdArgs};
use super::why::WhyArgs;
use crate::tui::graphics::GraphicsChoice;

const AFTER_HELP: &str = "\
Examples:
  muster                                     the screen, on the source of the configuration
  muster --source replay:data/demo           the screen, on stills shown as a camera would
  muster enroll \"Ana Müller\" ana.jpg         one photograph enrols a person
  muster identify door.jpg                   who is in a picture
  muster take --source video:monday.mp4      attendance without a screen
  muster report --present                    who is in the building now

Exit status:
  0  done; for `identify`: somebody was identified
  1  a negative answer: nobody identified, not found, refused
  2  wrong usage, wrong configuration, or no input that can be read
  3  something is missing or out of order: runtime, model, camera, store

Environment: MUSTER_CONFIG, MUSTER_DATA_DIR and MUSTER_MODELS_DIR stand in for the flags of
those names.";

/// Face-recognition attendance for the keyboard.
///
/// Without a subcommand it opens the screen: the live picture, the roster, and a log with a line
/// for each person who comes into view.
#[derive(Debug, Parser)]
#[command(name = "muster", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// For the screen.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// What goes for every subcommand.
    #[command(flatten)]
    pub global: Global,
    /// What is to be done; the screen where nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every subcommand.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Where people, templates and the ledger are kept
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the nets and the runtime are
    #[arg(long, global = true, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
    /// Read this configuration and no other
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the nets run on: auto, cpu, cuda, tensorrt or tensorrt-fp16; :N after these is the GPU's number
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// The ONNX Runtime library; without it MUSTER_ORT_LIB, then the models folder
    #[arg(long, global = true, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Do it as this operator, with their role: name, or the beginning of an id; for an admin
    #[arg(long = "as", global = true, value_name = "OPERATOR")]
    pub acting_as: Option<String>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on standard error; twice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Global {
    /// What it says about the configuration, with the `--source` of a subcommand.
    pub fn flags(&self, source: Option<SourceSpec>) -> Flags {
        Flags {
            config: self.config.clone(),
            data_dir: self.data_dir.clone(),
            models_dir: self.models_dir.clone(),
            device: self.device,
            onnxruntime: self.onnxruntime.clone(),
            source,
            source_flags: SourceFlags::default(),
            verbosity: self.verbose,
            acting_as: self.acting_as.clone(),
        }
    }
}

/// For the screen alone.
#[derive(Debug, Clone, Default, Args)]
pub struct ScreenArgs {
    /// Where frames come from: camera:N, camera:/dev/..., video:FILE, replay:DIR, images:GLOB, rtsp://... or
    /// http://...; the sources of the configuration where it is left out
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser)]
    pub source: Option<SourceSpec>,
    /// How they are seen.
    #[command(flatten)]
    pub view: ViewArgs,
    /// Show boxes and names without the picture, for a slow line
    #[arg(long)]
    pub no_preview: bool,
    /// No screen: one line an event, for screen readers, logs and pipes
    #[arg(long, conflicts_with_all = ["no_preview", "theme", "no_color"])]
    pub plain: bool,
    /// Begin with the kiosk view, for a screen at the door
    #[arg(long, conflicts_with = "plain")]
    pub kiosk: bool,
    /// The theme: ansi16, dark, light, high-contrast, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// How the picture is drawn: auto, kitty, iterm2, sixel or half-blocks
    #[arg(long, value_name = "HOW")]
    pub graphics: Option<GraphicsChoice>,
    /// No colours, as where NO_COLOR is set
    #[arg(long)]
    pub no_color: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch the runtime and the nets
    Setup(SetupArgs),
    /// Look at everything muster needs, and say what to do about what is missing
    #[command(after_help = "Exits with 3 where something is missing, else with 0.")]
    Doctor,
    /// List the cameras, with what each offers and who uses it
    #[command(after_help = CAMERAS_HELP)]
    Cameras(CamerasArgs),
    /// List, check, bring and choose the nets
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Enrol a person from photographs
    #[command(after_help = ENROLL_HELP)]
    Enroll(EnrollArgs),
    /// Say who is in pictures; nothing is written down
    #[command(after_help = IDENTIFY_HELP)]
    Identify(IdentifyArgs),
    /// Say whether two pictures show the same person
    Compare(CompareArgs),
    /// Measure how well the nets tell the people of labelled photographs apart
    Eval(EvalArgs),
    /// Measure how fast this machine is at what muster does
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Take attendance without a screen
    #[command(after_help = TAKE_HELP)]
    Take(TakeArgs),
    /// Run the engine without a screen, as a service
    #[command(after_help = SERVE_HELP)]
    Serve,
    /// What runs muster as a service: its network, its manual
    #[command(subcommand, after_help = SERVICE_HELP)]
    Service(ServiceArgs),
    /// Say how the engine is: sources, nets, store, disk, clock, ledger
    #[command(after_help = STATUS_HELP)]
    Status(StatusArgs),
    /// Write a source's pictures into a folder, for tests and support
    #[command(after_help = CAPTURE_HELP)]
    Capture(CaptureArgs),
    /// List and change who belongs here
    #[command(subcommand, after_help = ROSTER_HELP)]
    Roster(RosterCommand),
    /// People whom nobody knows: enrol, add to a person, or discard them
    #[command(subcommand, after_help = INBOX_HELP)]
    Inbox(InboxArgs),
    /// Come in, or go, by an identifier, with a PIN where the site asks for one
    #[command(after_help = CHECK_IN_HELP)]
    CheckIn(CheckInArgs),
    /// Roll calls: open, look at, close
    #[command(subcommand, after_help = SESSION_HELP)]
    Session(SessionCommand),
    /// Say that somebody is here, or has left
    #[command(after_help = MARK_HELP)]
    Mark(MarkArgs),
    /// Correct what an entry says, or add what is missing
    #[command(after_help = CORRECT_HELP)]
    Correct(CorrectArgs),
    /// Excuse somebody from sessions
    Excuse(ExcuseArgs),
    /// Say what the times of records were that a clock wrote which was not set
    Times(TimesArgs),
    /// Who was here on a day, in a week or a month, or is here now
    #[command(after_help = REPORT_HELP)]
    Report(ReportArgs),
    /// Say which threshold is in force and what follows from it, in plain words
    #[command(after_help = THRESHOLD_HELP)]
    Threshold(ThresholdArgs),
    /// The ledger: verify, follow or export it
    #[command(subcommand, after_help = LOG_HELP)]
    Log(LogCommand),
    /// The store as a whole: back up, restore, compact, change its key
    #[command(subcommand, after_help = STORE_HELP)]
    Store(StoreArgs),
    /// Where records go besides this store, and how far they have come
    #[command(subcommand, after_help = HOOKS_HELP)]
    Hooks(HooksCommand),
    /// Say why an entry of the log says what it says
    Why(WhyArgs),
    /// Who works with muster, and what they may do
    #[command(subcommand, after_help = OPERATORS_HELP)]
    Operators(OperatorsArgs),
    /// What waits until another admin confirms it
    #[command(after_help = APPROVALS_HELP)]
    Approvals(ApprovalsArgs),
    /// Print the line with which sshd lets an operator in by their key
    #[command(after_help = AUTHORIZED_KEYS_HELP)]
    AuthorizedKeys(AuthorizedKeysArgs),
    /// What sshd runs for an operator: the screen, or what they asked for
    #[command(after_help = GATE_HELP)]
    Gate(GateArgs),
    /// Who agreed to be enrolled, and to what
    #[command(subcommand, after_help = CONSENT_HELP)]
    Consent(ConsentArgs),
    /// How long things are kept, what is held, and what is due
    #[command(after_help = RETENTION_HELP)]
    Retention(RetentionArgs),
    /// Write everything that is held about a person, for them
    #[command(after_help = EXPORT_PERSON_HELP)]
    ExportPerson(ExportPersonArgs),
    /// Try out how well presentation attacks are told from people here
    #[command(after_help = pad_test::AFTER_HELP)]
    PadTest(PadTestArgs),
    /// Show it all on prepared pictures, in a store of its own
    Demo(DemoArgs),
    /// Set the PIN that the kiosk view is left with
    #[command(after_help = KIOSK_PIN_HELP)]
    KioskPin(KioskPinArgs),
    /// List the themes of the screen, or print one
    #[command(after_help = THEMES_HELP)]
    Themes(ThemesArgs),
    /// Print the keys of the screen
    #[command(after_help = KEYS_HELP)]
    Keys(KeysArgs),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  muster completions bash > ~/.local/share/bash-completion/completions/muster"
    )]
    Completions(CompletionsArgs),
}

const IDENTIFY_HELP: &str = "\
A picture that cannot be read is named on standard error, or is a JSON object with \"error\", and
the others still run.

Exit status: 0 where somebody was identified in any picture, 1 where nobody was, 2 where not one
picture could be read.";

/// `identify`
#[derive(Debug, Clone, Args)]
pub struct IdentifyArgs {
    /// Pictures: JPEG, PNG, BMP, PNM or WebP
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
}

const TAKE_HELP: &str = "\
Prints a line for each record, or with --json an object for each record and each decision, and
ends with a summary. Every frame of a recording is looked at, however long it takes; a camera is
followed in real time until SIGINT or SIGTERM ends it in good order.

Examples:
  muster take --source camera:0
  muster take --source images:'door/*.jpg' --json
  muster take --only yard                     of the sources in the configuration, [sources.yard]";

/// `take`
#[derive(Debug, Clone, Args)]
pub struct TakeArgs {
    /// Where frames come from: camera:N, camera:/dev/..., video:FILE, replay:DIR, images:GLOB, rtsp://... or
    /// http://...; the sources of the configuration where it is left out
    #[arg(long, value_name = "SOURCE", value_parser = SourceParser)]
    pub source: Option<SourceSpec>,
    /// How they are seen.
    #[command(flatten)]
    pub view: ViewArgs,
}

const ROSTER_HELP: &str = "\
WHO is an identifier, an exact name, or the beginning of an id (four characters or more). Where
it could be more than one person, they are listed.";

/// `roster`
#[derive(Debug, Clone, Subcommand)]
pub enum RosterCommand {
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
    #[command(after_help = SET_HELP)]
    Set(SetArgs),
    /// Set somebody's PIN, which goes with their identifier at the door
    #[command(after_help = PIN_HELP)]
    Pin(PinArgs),
    /// End somebody's enrolment: their templates go at once, their records stay
    Remove {
        /// Whom: identifier, exact name, or the beginning of an id
        who: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take somebody out of everything: nothing brings them back
    #[command(after_help = ERASE_HELP)]
    Erase(EraseArgs),
    /// Change somebody's name
    Rename {
        /// Whom: identifier, exact name, or the beginning of an id
        who: String,
        /// The new name
        name: PersonName,
    },
    /// Put people on the roster from a CSV file, without photographs
    #[command(after_help = IMPORT_HELP)]
    Import {
        /// The file; - for standard input
        file: PathBuf,
        /// Say what would change, row by row, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the roster as a CSV file that `import` reads
    Export {
        /// The file, which is replaced whole; standard output without it
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

const IMPORT_HELP: &str = "\
The first line names the columns: `name`, and any of `identifier`, `group` (several, or several
groups in a cell with ; or | between them), `email`, `face` (on or off) and `id`; others are passed
over. UTF-8, with or without a byte order mark; commas or semicolons. Who is on the roster already
is changed: they are found by `id`, else by the identifier, else by the exact name. A column that is
not there changes nothing; an empty cell takes groups and e-mail away, and leaves the identifier. A
file with a mistake in any row changes nothing.

Exit status: 0 where every row was or could be taken, 1 where one was refused.";

/// `demo`
#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// No screen: every frame, a line for each event, and a summary
    #[arg(long)]
    pub headless: bool,
    /// Keep the demo's store
    #[arg(long)]
    pub keep: bool,
}

/// `completions`
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `config`
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the configuration can be used, and what is wrong with it if not
    Check,
    /// Show the configuration
    Show {
        /// Show what is used, and where each value comes from
        #[arg(long)]
        effective: bool,
    },
}

/// `main`, `largest` or a number from 1.
pub(super) fn face_choice(text: &str) -> Result<FaceChoice, String> {
    match text {
        "main" => Ok(FaceChoice::Main),
        "largest" => Ok(FaceChoice::Largest),
        _ => match text.parse() {
            Ok(n) if n >= 1 => Ok(FaceChoice::Nth(n)),
            _ => Err("expected main, largest, or a number from 1, counted from the left".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests;
