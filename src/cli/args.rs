//! What can be typed. Nothing here does anything.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::attendance::{GroupName, PersonName};
use crate::capture::SourceSpec;
use crate::config::{Flags, SourceFlags};
use crate::engine::command::FaceChoice;
use crate::inference::DeviceChoice;

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
use super::hooks::{HOOKS_HELP, HooksCommand};
use super::inbox::{INBOX_HELP, InboxArgs};
use super::keys::{KEYS_HELP, KeysArgs};
use super::kiosk_pin::{KIOSK_PIN_HELP, KioskPinArgs};
use super::log::{LOG_HELP, LogCommand};
use super::models::ModelsCommand;
use super::operators::{OPERATORS_HELP, OperatorsArgs};
use super::pad_test::{self, PadTestArgs};
use super::report::{REPORT_HELP, ReportArgs};
use super::retention::{RETENTION_HELP, RetentionArgs};
use super::roster_particulars::{PIN_HELP, PinArgs, SET_HELP, SetArgs};
use super::session::{SESSION_HELP, SessionCommand};
use super::setup::SetupArgs;
use super::source::{SourceParser, ViewArgs};
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
    /// What the nets run on: auto, cpu, cuda or cuda:N
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
    /// Take attendance without a screen
    #[command(after_help = TAKE_HELP)]
    Take(TakeArgs),
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
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_documented_form_is_understood() {
        for line in [
            "muster",
            "muster --source replay:x --no-preview",
            "muster setup",
            "muster doctor --json",
            "muster cameras camera:/dev/v4l/by-id/usb-1 --json",
            "muster config check",
            "muster config show --effective",
            "muster models list --json",
            "muster models verify yunet default",
            "muster models add yunet y.onnx",
            "muster models use yunet --yes --dry-run",
            "muster enroll Ana a.jpg b.jpg --id 7 --add --face largest",
            "muster enroll Ana a.jpg --face 2",
            "muster enroll Ana --source camera:0 --rotate 90",
            "muster identify a.jpg b.png",
            "muster compare a.jpg b.png",
            "muster compare --pairs pairs.csv --fmr 1e-4 --pack mtcnn",
            "muster eval people more",
            "muster eval d --strategy best,mirror --csv s.csv --svg f.svg --video v.mp4 --seed 7 --splits 20",
            "muster take --source images:*.jpg",
            "muster take --source rtsp://cam/1 --source-name door --region 0,0,0.5,1 --rotate 90 --mirror",
            "muster take --source https://cam/1 --insecure --mirror=false",
            "muster capture --out d --source camera:0 --seconds 5 --every 2 --rotate 180",
            "muster roster list",
            "muster roster list --group 4b --json",
            "muster roster show 7",
            "muster roster set 7 --group 4b --group choir --no-group 4a --email a@b.org --face off --id 8",
            "muster roster set 7 --no-email --name Anna",
            "muster roster pin 7 --stdin",
            "muster roster pin 7 --clear",
            "muster hooks list --json",
            "muster hooks deliver",
            "muster check-in 4711",
            "muster check-in 4711 --stdin --json",
            "muster roster remove 7 --yes",
            "muster roster rename 7 Bo",
            "muster roster import f.csv --dry-run",
            "muster roster export --output f.csv",
            "muster inbox list",
            "muster inbox show 4K2M -o f.png",
            "muster inbox enrol 4K2M Eve --id 9 --back-fill",
            "muster inbox add 4K2M 7 --back-fill",
            "muster inbox discard 4K2M --yes",
            "muster inbox back-fill Eve --entry 3 --entry 4",
            "muster session open maths --group 3b --from 08:00 --until 2026-03-02T09:30",
            "muster session list --json",
            "muster session close maths",
            "muster correct 12 --at 08:02 --reason why",
            "muster correct 12 --state left --reason why",
            "muster correct 12 --strike --reason why",
            "muster correct 12 --standing late-and-left-early --reason why",
            "muster correct --add Ana --state left --at 16:30 --reason why",
            "muster excuse Ana --session maths --reason ill",
            "muster excuse Ana --from 2026-03-02 --until 2026-03-06 --reason ill",
            "muster times --accept",
            "muster report",
            "muster report --date 2026-03-02 --format csv",
            "muster report --present --json",
            "muster report --week",
            "muster report --week 2026-03-04 --rows days",
            "muster report --month --format heatmap",
            "muster report --month 2026-03 --format xlsx -o m.xlsx --force",
            "muster report --month last --person Ana --format ics --output a.ics",
            "muster report --since 2026-03-02 --until yesterday --group 3b --rows sessions --json",
            "muster report --session maths --since yesterday",
            "muster report --follow --since-entry 12 --group 3b",
            "muster threshold",
            "muster threshold plan 0.5 --since 2026-03-02 --until yesterday --json",
            "muster store backup f.backup --force",
            "muster store restore f.backup --erasures e.jsonl --key passphrase --yes",
            "muster store restore f.backup --without-erasures",
            "muster store erasures -o e.jsonl",
            "muster store compact",
            "muster store change-key --to file:/etc/muster/new.key",
            "muster store status --json",
            "muster why 12",
            "muster pad-test --source camera:0 --frames 20",
            "muster pad-test --genuine g --attack print=p --attack screen=s --json",
            "muster pad-test --script s.toml",
            "muster operators list --json",
            "muster operators add Desk --role operator --uid 1007 --key desk.pub",
            "muster operators add Desk --role observer --user desk",
            "muster operators role Desk admin",
            "muster operators remove Desk",
            "muster --as Desk roster list",
            "muster consent record 7 --yes",
            "muster consent show 7",
            "muster consent show --text",
            "muster consent withdraw 7 --keep-records --yes",
            "muster enroll Ana a.jpg --consent --yes",
            "muster enroll --folder staff --consent",
            "muster inbox enrol 4K2M Eve --consent",
            "muster retention --json",
            "muster retention apply",
            "muster export-person 7 -o ana.zip",
            "muster demo --headless --keep",
            "muster completions zsh",
            "muster --data-dir d --models-dir m --config c --device cuda:1 --json -vv roster list",
            "muster roster list --data-dir d --models-dir m --config c --device cpu --json -v",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn wrong_usage_ends_with_2_and_says_what_was_expected() {
        for (line, expected) in [
            ("muster identfy a.jpg", "identify"),
            ("muster enroll Ana", "<IMAGE>"),
            ("muster identify", "<IMAGE>"),
            ("muster compare a.jpg", "<B>"),
            ("muster compare a.jpg b.jpg --pairs p.csv", "--pairs"),
            ("muster compare a.jpg b.jpg --fmr 1", "above 0 and below 1"),
            ("muster eval", "<DIR>"),
            ("muster eval d --splits 0", "1..=10000"),
            ("muster eval d --strategy most", "mirror"),
            ("muster take --source camera:0 --only a", "--only"),
            ("muster take --source screen:0", "expected camera:N"),
            ("muster --device gpu", "expected auto, cpu, cuda or cuda:N"),
            ("muster enroll Ana a.jpg --face 0", "expected main, largest, or a number from 1"),
            ("muster report --date tomorrow", "YYYY-MM-DD"),
            ("muster correct 12", "--reason"),
            ("muster correct --reason r", "<ENTRY|--add <WHO>>"),
            ("muster correct 12 --strike --at 08:00 --reason r", "--at"),
            ("muster correct 12 --at noon --reason r", "HH:MM"),
            ("muster excuse Ana", "--reason"),
            ("muster session open", "<NAME>"),
            ("muster report --date today --present", "--present"),
            ("muster report --week --month", "--month"),
            ("muster report --month 2026-3", "YYYY-MM"),
            ("muster report --until today", "--since"),
            ("muster report --force", "--output"),
            ("muster report --follow --week", "--week"),
            ("muster report --since-entry 3", "--follow"),
            ("muster report --rows weeks", "people"),
            ("muster threshold plan 1.5", "a similarity above 0 and at most 1"),
            ("muster threshold plan nan", "a similarity above 0 and at most 1"),
            ("muster threshold plan 50%", "a similarity above 0 and at most 1"),
            ("muster threshold 0.5", "unrecognized subcommand"),
            ("muster store backup", "<FILE>"),
            ("muster store restore f --erasures e --without-erasures", "--erasures"),
            ("muster store change-key --to secret", "expected file:PATH"),
            ("muster why", "<ENTRY>"),
            ("muster why 0", "from 1"),
            ("muster why last", "from 1"),
            ("muster pad-test", "--source"),
            ("muster pad-test --source camera:0 --script s", "--script"),
            ("muster pad-test --attack print", "KIND=DIR"),
            ("muster pad-test --attack genuine=g", "--genuine DIR"),
            ("muster pad-test --attack Print=g", "lower-case"),
            ("muster pad-test --genuine g --frames 0", "1..=300"),
            ("muster --jason", "--json"),
            ("muster roster", "Usage"),
            ("muster roster set 7", "--group"),
            ("muster roster set 7 --face maybe", "on, off"),
            ("muster roster set 7 --email nobody", "NAME@DOMAIN"),
            ("muster roster pin 7 --clear --stdin", "--stdin"),
            ("muster check-in", "<IDENTIFIER>"),
            ("muster hooks", "Usage"),
            ("muster hooks send", "unrecognized subcommand"),
            ("muster operators add Desk --role boss", "observer, operator or admin"),
            ("muster operators add Desk --role admin --uid 1 --user desk", "--user"),
            ("muster consent show", "<WHO>"),
            ("muster export-person 7", "--output"),
            ("muster models add yunet", "<FILE>"),
            ("muster models use ../x", "no name of a pack"),
            ("muster completions tcsh", "bash"),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_name_with_a_control_character_is_no_name() {
        assert!(Cli::try_parse_from(["muster", "enroll", "A\x1b[2J", "a.jpg"]).is_err());
    }
}
