//! `muster completions`: what a shell completes.

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::exit::{CliError, Exit};
use super::output::Output;

/// Prints the completions.
///
/// # Errors
/// [`CliError`] where the output cannot be written.
pub fn run(args: &CompletionsArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    // Into memory first: the generator panics where it cannot write.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "muster", &mut text);
    out.out.write_all(&text)?;
    out.out.flush()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn every_shell_completes_every_subcommand() {
        for shell in Shell::value_variants() {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            run(
                &CompletionsArgs { shell: *shell },
                &mut Output { out: &mut out, err: &mut err, json: false, progress: None },
            )
            .unwrap();
            let text = String::from_utf8(out).unwrap();
            for subcommand in Cli::command().get_subcommands() {
                assert!(text.contains(subcommand.get_name()), "{shell}: {}", subcommand.get_name());
            }
        }
    }
}
