//! `muster service`: what a system that runs muster as a service needs besides the program.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Subcommand};
use serde::Serialize;

use crate::capture::SourceSpec;
use crate::config::hooks::HookTarget;
use crate::config::{Effective, Environment};

use super::args::Cli;
use super::doctor::Check;
use super::exit::{CliError, Exit};
use super::output::{Output, printable};

/// What `service --help` ends with.
pub const SERVICE_HELP: &str = "\
The service has no network of its own unless its configuration needs one: a source that is a network
stream, or a hook that is a server. `service network` writes what gives it one, or takes it away
again. It needs root.";

/// `service`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ServiceArgs {
    /// Give the service a network where its configuration needs one, and none where not
    Network {
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the manual pages into a folder
    Manual {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Where systemd looks for units of packages and of the machine's administrator.
const UNITS: [&str; 3] = [
    "usr/lib/systemd/system/muster.service",
    "lib/systemd/system/muster.service",
    "etc/systemd/system/muster.service",
];
const DROP_IN: &str = "etc/systemd/system/muster.service.d/network.conf";
/// What the drop-in begins with; one that does not is somebody else's.
const MARK: &str = "# Written by `muster service network`";
/// What makes systemd take notice.
const THEN: &str = "systemctl daemon-reload && systemctl restart muster";

/// What of the configuration needs a network.
fn reasons(effective: &Effective) -> Vec<String> {
    let is_stream = |spec: &SourceSpec| matches!(spec, SourceSpec::Stream(_));
    let sources = effective.sources.iter().filter(|source| is_stream(&source.spec.value));
    let sources = sources.map(|source| format!("the source {}", source.name()));
    let hooks = effective.hooks.iter().filter(|hook| matches!(hook.target, HookTarget::Url { .. }));
    let hooks = hooks.map(|hook| format!("the hook {}", hook.name.as_str()));
    sources.chain(hooks).map(|reason| printable(&reason).into_owned()).collect()
}

/// The drop-in that gives the service a network, for `reasons`.
fn drop_in(reasons: &[String]) -> String {
    format!(
        "{MARK} for {}.\n[Service]\nPrivateNetwork=no\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\nIPAddressDeny=\n",
        reasons.join(", ")
    )
}

/// What is in the place of the drop-in.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours(String),
    Another,
}

fn found(environment: &Environment) -> io::Result<Found> {
    match fs::read_to_string(environment.system(DROP_IN)) {
        Ok(text) if text.starts_with(MARK) => Ok(Found::Ours(text)),
        Ok(_) => Ok(Found::Another),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

/// What was done, as `--json` prints it.
#[derive(Serialize)]
struct NetworkObject<'a> {
    kind: &'static str,
    file: String,
    /// What needs a network.
    reasons: &'a [String],
    done: &'static str,
    dry_run: bool,
}

/// Does what is asked.
///
/// # Errors
/// [`CliError`] where a file cannot be written.
pub fn run(
    args: &ServiceArgs,
    effective: &Effective,
    environment: &Environment,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match args {
        ServiceArgs::Network { dry_run } => network(effective, environment, *dry_run, out),
        ServiceArgs::Manual { folder } => manual(folder, out),
    }
}

fn network(
    effective: &Effective,
    environment: &Environment,
    dry_run: bool,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let path = environment.system(DROP_IN);
    let shown = path.display();
    let failed = |error: io::Error| {
        CliError::missing(format_args!("{shown} cannot be changed: {error}; this needs root (sudo)"))
    };
    let reasons = reasons(effective);
    let wanted = (!reasons.is_empty()).then(|| drop_in(&reasons));
    let (done, text) = match (found(environment).map_err(failed)?, &wanted) {
        (Found::Another, _) => {
            return Err(CliError::usage(format_args!(
                "{shown} was not written by muster, and is left as it is: see `systemctl cat muster`"
            )));
        }
        (Found::Nothing, None) => ("nothing", "nothing needs a network, and the service has none".to_owned()),
        (Found::Ours(there), Some(wanted)) if there == *wanted => {
            ("nothing", format!("the service has a network already, for {}", reasons.join(", ")))
        }
        (_, Some(wanted)) => {
            if !dry_run {
                write(&path, wanted).map_err(failed)?;
            }
            ("written", format!("{shown}: a network for {}; now: {THEN}", reasons.join(", ")))
        }
        (Found::Ours(_), None) => {
            if !dry_run {
                fs::remove_file(&path).map_err(failed)?;
            }
            ("removed", format!("{shown} is taken away: nothing needs a network; now: {THEN}"))
        }
    };
    let text = if dry_run { format!("(dry run) {text}") } else { text };
    let file = path.display().to_string();
    out.either(&NetworkObject { kind: "network", file, reasons: &reasons, done, dry_run }, text)?;
    Ok(Exit::Done)
}

/// Whole or not at all, and for every reader whatever the process's mask is: nothing secret is in it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    super::status::metrics::replace(path, text)
}

/// Whether the service has the network that the system's configuration needs; nothing where no service is
/// installed, or another configuration was read.
pub fn checks(effective: &Effective, environment: &Environment) -> Vec<Check> {
    let is_installed = UNITS.iter().any(|unit| environment.system(unit).exists());
    let systems = environment.system("etc/muster/muster.toml");
    if !is_installed || effective.file.as_ref().is_none_or(|file| file.path != systems) {
        return Vec::new();
    }
    let reasons = reasons(effective);
    let because = reasons.join(", ");
    vec![match (found(environment), reasons.is_empty()) {
        (Err(error), _) => {
            Check::warn("service", format!("its network is not known: {error}"), "run muster doctor as root")
        }
        (Ok(Found::Another), _) => {
            Check::ok("service", format!("{DROP_IN} is not muster's; see `systemctl cat muster`"))
        }
        (Ok(Found::Nothing), true) => Check::ok("service", "has no network, and needs none"),
        (Ok(Found::Ours(_)), false) => Check::ok("service", format!("has a network, for {because}")),
        (Ok(Found::Nothing), false) => Check::fail(
            "service",
            format!("{because} cannot be reached: the service has no network"),
            format!("sudo muster service network, then {THEN}"),
        ),
        (Ok(Found::Ours(_)), true) => Check::warn(
            "service",
            "has a network that nothing in the configuration needs",
            format!("sudo muster service network, then {THEN}"),
        ),
    }]
}

/// One page a subcommand, from what `--help` says.
fn manual(folder: &Path, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let failed = |error| CliError::missing(format_args!("{} cannot be written: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    out.line(format_args!("the manual is in {}", printable(&folder.to_string_lossy())))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Status;
    use crate::cli::fake::{Ran, ran};
    use crate::config::Flags;

    const STREAM: &str = "[source]\ndefault = \"rtsp://u:secret@cam/1\"\nname = \"yard\"\n";
    const HOOK: &str = "[[hook]]\nname = \"pay\"\nurl = \"https://pay.example/a?token=secret\"\n";

    struct Machine {
        root: tempfile::TempDir,
    }

    impl Machine {
        fn new(config: &str) -> Self {
            let machine = Self { root: tempfile::tempdir().unwrap() };
            machine.write("etc/muster/muster.toml", config);
            machine.write(UNITS[0], "");
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn environment(&self) -> Environment {
            Environment {
                variables: [("HOME".into(), self.root.path().join("home").into())].into(),
                system_root: self.root.path().to_owned(),
                ..Environment::default()
            }
        }

        fn effective(&self) -> Effective {
            Effective::resolve(&Flags::default(), &self.environment()).unwrap()
        }

        fn network(&self, dry_run: bool) -> Ran {
            let args = ServiceArgs::Network { dry_run };
            ran(false, |out| run(&args, &self.effective(), &self.environment(), out))
        }

        fn drop_in(&self) -> Option<String> {
            fs::read_to_string(self.root.path().join(DROP_IN)).ok()
        }

        fn check(&self) -> Check {
            checks(&self.effective(), &self.environment()).pop().unwrap()
        }
    }

    #[test]
    fn a_network_is_given_where_something_needs_it_and_taken_away_again() {
        let machine = Machine::new(&format!("{STREAM}{HOOK}"));
        assert_eq!(machine.check().status, Status::Fail);
        let planned = machine.network(true);
        assert!(planned.code == 0 && planned.out.contains("dry run") && machine.drop_in().is_none());
        let done = machine.network(false);
        assert!(
            done.out.contains("the source yard, the hook pay") && done.out.contains(THEN),
            "{}",
            done.out
        );
        let text = machine.drop_in().unwrap();
        assert!(text.contains("PrivateNetwork=no") && !text.contains("secret"), "{text}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = machine.root.path().join(DROP_IN);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o644, 0o755));
        assert_eq!(machine.check().status, Status::Ok);
        assert!(machine.network(false).out.contains("already"));

        machine.write("etc/muster/muster.toml", "[source]\ndefault = \"camera:0\"\n");
        let needless = machine.check();
        assert!(needless.status == Status::Warn && needless.detail.contains("nothing"), "{needless:?}");
        assert!(machine.network(false).out.contains("taken away") && machine.drop_in().is_none());
        assert!(machine.network(false).out.contains("needs a network, and the service has none"));
        assert_eq!(machine.check().status, Status::Ok);
    }

    #[test]
    fn what_somebody_else_wrote_there_stays() {
        let machine = Machine::new(STREAM);
        machine.write(DROP_IN, "[Service]\nPrivateNetwork=no\n");
        let refused = machine.network(false);
        assert!(refused.code == 2 && refused.err.contains("not written by muster"), "{}", refused.err);
        assert_eq!(machine.drop_in().unwrap(), "[Service]\nPrivateNetwork=no\n");
        assert_eq!(machine.check().status, Status::Ok);
    }

    #[test]
    fn where_no_service_is_installed_there_is_nothing_to_check() {
        let machine = Machine::new(STREAM);
        fs::remove_file(machine.root.path().join(UNITS[0])).unwrap();
        assert_eq!(checks(&machine.effective(), &machine.environment()), []);
    }

    #[test]
    fn the_manual_has_a_page_for_every_subcommand() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man");
        assert_eq!(ran(false, |out| manual(&pages, out)).code, 0);
        for page in ["muster.1", "muster-serve.1", "muster-service-network.1", "muster-roster-list.1"] {
            let text = fs::read_to_string(pages.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
            assert!(text.contains(".TH") && text.contains(".SH NAME"), "{page}");
        }
    }
}
