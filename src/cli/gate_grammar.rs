//! What can be asked through the gate: the command that somebody gives to `ssh`, read without any shell.
//!
//! The bytes are bounded and plain text, are split into words with nothing expanded, and are parsed by a grammar
//! of their own for each role, which has no option that names a path, a program, a configuration or another
//! operator. It says only what can be asked; whether it may be done is for the engine, which looks the role up
//! again.

mod commands;
mod words;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::access::Role;

pub use commands::{GateCommand, GateEnrol, GateLog, GateOperators, GateReport, GateRoster};
pub use words::words;

/// The longest command that is looked at.
pub const MAX_COMMAND_BYTES: usize = 4_096;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Nothing in particular: the screen.
    Screen,
    /// What can be asked for: the text to print on standard output.
    Help(String),
    /// This.
    Command {
        /// The command.
        command: GateCommand,
        /// Whether one JSON object a line is wanted.
        json: bool,
    },
}

/// Why nothing is done. Each message ends a line; what somebody wrote stands in none but the grammar's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// It is too long.
    #[error("the command has {bytes} bytes, and {MAX_COMMAND_BYTES} are the most that is read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is no text.
    #[error("the command is no UTF-8 text")]
    NotText,
    /// It has characters that do not belong into one line.
    #[error("the command has control characters (a line end, a tab, a NUL): expected one plain line")]
    ControlCharacter,
    /// A quote does not end.
    #[error("a quote in the command does not end: words with spaces stand between two quotes")]
    OpenQuote,
    /// Another program was to be run.
    #[error(
        "there are no files and no programs here (scp, sftp, rsync, git, a shell): `report`, `log` and `roster export` \
         write to standard output, `enroll NAME` reads a picture from standard input; `help` lists the rest"
    )]
    OtherProgram,
    /// It is none of what can be asked for with the role.
    #[error("{0}")]
    Grammar(String),
}

/// The options of every command, and the command.
#[derive(Debug, Parser)]
#[command(
    name = "muster",
    about = "What can be asked of muster here; without a command it is the screen.",
    no_binary_name = true,
    disable_version_flag = true,
    subcommand_required = true,
    max_term_width = 100
)]
struct Line {
    /// Print one JSON object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: GateCommand,
}

/// What `asked`, the command that somebody gave to their ssh, asks for, of those things that `role` can.
///
/// # Errors
/// [`GateRefusal`]; what does not exist and what is for another role are refused with the same words.
pub fn parse(role: Role, asked: &[u8]) -> Result<Asked, GateRefusal> {
    if asked.len() > MAX_COMMAND_BYTES {
        return Err(GateRefusal::TooLong { bytes: asked.len() });
    }
    let text = std::str::from_utf8(asked).map_err(|_| GateRefusal::NotText)?;
    let words = words(text)?;
    let Some(first) = words.first() else { return Ok(Asked::Screen) };
    if is_other_program(first) {
        return Err(GateRefusal::OtherProgram);
    }
    let line = grammar(role).try_get_matches_from(words).and_then(|matches| Line::from_arg_matches(&matches));
    match line {
        Ok(Line { json, command }) => Ok(Asked::Command { command, json }),
        Err(error) => {
            let text = error.render().to_string();
            match error.kind() {
                ErrorKind::DisplayHelp => Ok(Asked::Help(text)),
                _ => Err(GateRefusal::Grammar(text.trim_end().to_owned())),
            }
        }
    }
}

/// What clients of ssh ask for when they are to copy files, and what people try.
fn is_other_program(first: &str) -> bool {
    const OTHERS: [&str; 16] = [
        "scp",
        "sftp",
        "sftp-server",
        "internal-sftp",
        "rsync",
        "git",
        "git-upload-pack",
        "git-receive-pack",
        "git-upload-archive",
        "sh",
        "bash",
        "dash",
        "zsh",
        "env",
        "sudo",
        "muster",
    ];
    let name = first.rsplit('/').next().unwrap_or(first);
    OTHERS.contains(&name)
}

/// What is offered to `role`: the grammar itself, to be listed.
pub fn offered(role: Role) -> clap::Command {
    grammar(role)
}

/// The grammar of `role`: that of everything, without the commands that need another role.
fn grammar(role: Role) -> clap::Command {
    pruned(&Line::command(), &mut Vec::new(), role)
}

/// `full` without the subcommands that `role` is not enough for. What is left out is not there at all, so that
/// neither a refusal, a hint nor the help tells of it.
fn pruned<'a>(full: &'a clap::Command, path: &mut Vec<&'a str>, role: Role) -> clap::Command {
    let mut command = clap::Command::new(full.get_name().to_owned())
        .args(full.get_arguments().cloned())
        .groups(full.get_groups().cloned())
        .no_binary_name(path.is_empty())
        .disable_version_flag(true)
        .subcommand_required(full.is_subcommand_required_set())
        .arg_required_else_help(full.is_arg_required_else_help_set())
        .args_conflicts_with_subcommands(full.is_args_conflicts_with_subcommands_set())
        .max_term_width(100);
    if let Some(about) = full.get_about() {
        command = command.about(about.clone());
    }
    if let Some(aliases) = full.get_all_aliases().collect::<Vec<_>>().first() {
        command = command.visible_alias((*aliases).to_owned());
    }
    for sub in full.get_subcommands() {
        path.push(sub.get_name());
        if commands::needs(path) <= role {
            command = command.subcommand(pruned(sub, path, role));
        }
        path.pop();
    }
    command
}

#[cfg(test)]
mod tests;
