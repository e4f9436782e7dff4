//! `muster setup`: fetches the runtime, the nets and the demo pictures.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::exit::{CliError, Exit};
use super::output::columns;
use crate::demo::{self, Demo};
use crate::inference::Pack;
use crate::inference::pack::DEFAULT_PACK;
use crate::setup::{
    Archive, Catalogue, Clients, Outcome, Package, Registry, Setup, SetupError, Source, Step, Variant,
    Wanted, wanted,
};

const AFTER_HELP: &str = "\
Packages are fetched with pip and npm, by name, version and SHA-256; what is in place already is
not fetched again, and with everything in place the network is not touched.

Without a network: `muster setup --list` on this machine says which archives are needed; fetch
them on another one, carry them over in a folder, and give that folder with --from.";

/// `setup`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct SetupArgs {
    /// Fetch the nets of this pack
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PACK)]
    pub pack: String,
    /// Take everything from this folder, which holds the archives or the files, and from no network
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Which runtime to fetch; without it, the kind that is there, or else the one for the CPU
    #[arg(long, value_name = "KIND")]
    pub runtime: Option<RuntimeChoice>,
    /// Leave the runtime alone: another is given by flag or environment
    #[arg(long, conflicts_with = "runtime")]
    pub no_runtime: bool,
    /// Fetch the pictures of `muster demo` too
    #[arg(long)]
    pub demo: bool,
    /// Say what is needed, and fetch nothing
    #[arg(long)]
    pub list: bool,
    /// List for a machine of another architecture: x86_64 or aarch64
    #[arg(long, value_name = "ARCH", requires = "list")]
    pub architecture: Option<String>,
}

/// The kinds of runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RuntimeChoice {
    /// For the processor, 23 MB
    Cpu,
    /// For NVIDIA's graphics processors too, 425 MB; needs CUDA 12 and cuDNN 9
    Cuda,
}

impl From<RuntimeChoice> for Variant {
    fn from(choice: RuntimeChoice) -> Self {
        match choice {
            RuntimeChoice::Cpu => Self::Cpu,
            RuntimeChoice::Cuda => Self::Cuda,
        }
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match &error {
            SetupError::Invalid { .. } => Self::usage(error),
            _ => Self::missing(error),
        }
    }
}

/// What is wanted, by the folder that it is wanted in.
struct Plan {
    catalogue: Catalogue,
    architecture: String,
    variant: Option<Variant>,
    folders: Vec<(PathBuf, Vec<Wanted>)>,
}

/// Fetches what is missing into `models_dir`, and with `--demo` into the demo's folder beside it.
///
/// # Errors
/// [`CliError`] where something cannot be fetched, or the pack is unknown.
pub fn run(args: &SetupArgs, models_dir: &Path, json: bool) -> Result<Exit, CliError> {
    if let Some(folder) = args.from.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(CliError::usage(format_args!(
            "--from {}: expected a folder that holds the archives or the files",
            folder.display()
        )));
    }
    let plan = plan(args, models_dir)?;
    let mut show = Show::new(json);
    if args.list {
        list(&plan, &mut show)?;
        return Ok(Exit::Done);
    }
    let signals = Signals::caught();
    let mut total = Outcome::default();
    for (root, wanted) in &plan.folders {
        let setup = Setup {
            root,
            wanted,
            catalogue: &plan.catalogue,
            architecture: &plan.architecture,
            from: args.from.as_deref(),
            clients: &Clients::default(),
            stop: &signals.stop,
        };
        let result = setup.run(&mut |step| show.step(step));
        show.end_bar();
        let outcome = result?;
        total.files += outcome.files;
        total.placed += outcome.placed;
    }
    if let Some(variant) = plan.variant {
        wanted::remove_other_runtimes(&plan.catalogue, variant, &plan.architecture, models_dir)?;
    }
    show.outcome(total);
    Ok(Exit::Done)
}

fn plan(args: &SetupArgs, models_dir: &Path) -> Result<Plan, CliError> {
    let catalogue = Catalogue::of(models_dir)?;
    let architecture = args.architecture.as_deref().unwrap_or(std::env::consts::ARCH).to_owned();
    let pack = Pack::read(models_dir, &args.pack).map_err(CliError::usage)?;
    let mut models = wanted::nets(pack.files(), models_dir);
    let variant = (!args.no_runtime).then(|| {
        let installed = || wanted::installed_variant(&catalogue, &architecture, models_dir);
        args.runtime.map(Variant::from).or_else(installed).unwrap_or(Variant::Cpu)
    });
    if let Some(variant) = variant {
        models.extend(wanted::runtime(&catalogue, variant, &architecture, models_dir)?);
    }
    let mut folders = vec![(models_dir.to_owned(), models)];
    if args.demo {
        let demo = Demo::embedded().map_err(CliError::usage)?;
        let folder = demo::folder_beside(models_dir);
        let pictures = wanted::pictures(&demo, &folder);
        folders.push((folder, pictures));
    }
    Ok(Plan { catalogue, architecture, variant, folders })
}

/// A flag that SIGINT, SIGTERM and SIGHUP set while this value lives. The second of them ends the
/// process as it is: its staging folder is removed by the next set-up.
pub(super) struct Signals {
    pub(super) stop: Arc<AtomicBool>,
    ids: Vec<signal_hook::SigId>,
}

impl Signals {
    pub(super) fn caught() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut ids = Vec::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // A signal that cannot be caught ends the process, as it would have.
            let exit = i32::from(Exit::Missing.code());
            ids.extend(signal_hook::flag::register_conditional_shutdown(signal, exit, Arc::clone(&stop)));
            ids.extend(signal_hook::flag::register(signal, Arc::clone(&stop)));
        }
        Self { stop, ids }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Bars on a terminal, else a line a step, or an object a line.
struct Show {
    json: bool,
    bars: bool,
    bar: Option<ProgressBar>,
}

impl Show {
    fn new(json: bool) -> Self {
        Self { json, bars: !json && std::io::stderr().is_terminal(), bar: None }
    }

    /// A set-up does not end because nobody reads what it says.
    fn say(&self, text: &str, object: &serde_json::Value) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json { writeln!(out, "{object}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Waiting { folder } => {
                let text =
                    format!("another set-up is at work in {}, waiting for it to end", folder.display());
                self.say(&text, &serde_json::json!({"kind": "waiting", "folder": folder}));
            }
            Step::Fetching { package, archive } => self.fetching(package, archive),
            Step::Received { bytes } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(bytes);
                }
            }
            Step::Fetched { package } => {
                self.end_bar();
                let text = format!("fetched {} {}, SHA-256 as pinned", package.name, package.version);
                let object = serde_json::json!({"kind": "fetched", "package": package.name, "version": package.version});
                self.say(&text, &object);
            }
            Step::Staged { .. } => {}
            Step::Placed { destination } => {
                let object = serde_json::json!({"kind": "placed", "path": destination});
                self.say(&format!("placed {}", destination.display()), &object);
            }
        }
    }

    fn fetching(&mut self, package: &Package, archive: &Archive) {
        let named = format!("{} {}", package.name, package.version);
        if self.bars {
            let bar = ProgressBar::new(archive.size_bytes);
            let template = "{msg}  {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(named);
            self.bar = Some(bar);
            return;
        }
        let text = format!("fetching {named} from {}, {}", package.registry, megabytes(archive.size_bytes));
        let object = serde_json::json!({
            "kind": "fetching", "package": package.name, "version": package.version,
            "archive": archive.file, "size_bytes": archive.size_bytes,
        });
        self.say(&text, &object);
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn outcome(&self, outcome: Outcome) {
        let text = match outcome.placed {
            0 => format!("everything is in place ({} files checked)", outcome.files),
            placed => format!("{placed} files placed; everything is in place ({} files)", outcome.files),
        };
        let object = serde_json::json!({"kind": "summary", "files": outcome.files, "placed": outcome.placed});
        self.say(&text, &object);
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Says which archives hold what is wanted, whether it is in place or not.
fn list(plan: &Plan, show: &mut Show) -> Result<(), SetupError> {
    let mut needed: BTreeMap<&str, Vec<&Wanted>> = BTreeMap::new();
    for wanted in plan.folders.iter().flat_map(|(_, wanted)| wanted) {
        if let Source::Package { package, .. } = &wanted.source {
            needed.entry(package).or_default().push(wanted);
        } else if wanted.source == Source::Brought {
            let text = format!(
                "bring {}: {} bytes, SHA-256 {}",
                wanted.destination.display(),
                wanted.size_bytes,
                wanted.sha256
            );
            let object = serde_json::json!({
                "kind": "brought", "path": wanted.destination, "size_bytes": wanted.size_bytes,
                "sha256": wanted.sha256.to_string(),
            });
            show.say(&text, &object);
        }
    }
    let mut rows = Vec::new();
    let mut commands = String::new();
    for (id, wanted) in needed {
        let package = plan.catalogue.package(id)?;
        let archive = package.archive(&plan.architecture)?;
        rows.push(vec![
            archive.file.clone(),
            archive.size_bytes.to_string(),
            archive.sha256.to_string(),
            wanted.len().to_string(),
            package.licence.clone(),
        ]);
        let command = by_hand(package, archive);
        commands += &format!("\n  {command}");
        if show.json {
            let files: Vec<&Path> = wanted.iter().map(|wanted| wanted.destination.as_path()).collect();
            let object = serde_json::json!({
                "kind": "package", "registry": package.registry.to_string(), "package": package.name,
                "version": package.version, "licence": package.licence, "provenance": package.provenance,
                "archive": archive.file, "size_bytes": archive.size_bytes, "sha256": archive.sha256.to_string(),
                "command": command, "files": files,
            });
            show.say("", &object);
        }
    }
    if !show.json {
        let table = columns(&["archive", "bytes", "SHA-256", "files", "licence"], &rows);
        show.say(&format!("{table}\n\nTo fetch them by hand:{commands}"), &serde_json::Value::Null);
    }
    Ok(())
}

/// The command that fetches `archive` into the current folder on any machine.
fn by_hand(package: &Package, archive: &Archive) -> String {
    let Package { name, version, .. } = package;
    match (package.registry, &archive.wheel) {
        (Registry::Npm, _) => format!("npm pack --ignore-scripts {name}@{version}"),
        (Registry::Pypi, None) => format!("pip download --no-deps --no-binary {name} {name}=={version}"),
        (Registry::Pypi, Some(wheel)) => format!(
            "pip download --no-deps --only-binary=:all: --python-version {} --platform {} {name}=={version}",
            wheel.python, wheel.platform
        ),
    }
}
