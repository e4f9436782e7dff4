//! `muster operators`: who may do what.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::access::{Operator, Role};
use crate::attendance::PersonName;
use crate::engine::operators::{OperatorsCommand, OperatorsReply};
use crate::engine::{Command, EngineHandle, Reply};

use super::exit::{CliError, Exit};
use super::output::{Output, columns, printable};
use super::roster::unexpected;

/// What `operators --help` ends with.
pub const OPERATORS_HELP: &str = "\
  observer  status, presence, log and report: no faces, similarities, pictures, notes or exports
  operator  also enrols, marks, corrects, works the inbox, sees why and the live picture, exports reports
  admin     the rest: erases, exports a person or the roster, removes, changes threshold, models, operators,
            configuration and backups

The account that muster runs as and root are admins, unless an operator has that account; one of the two
always is. Every change is an entry of the ledger, by the operator's id.

Examples:
  muster operators add \"Front desk\" --role operator --user desk
  muster operators role \"Front desk\" observer
  muster --as \"Front desk\" roster list        what they would see";

/// `operators`
#[derive(Debug, Clone, Subcommand)]
pub enum OperatorsArgs {
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
        #[arg(long, value_name = "N", conflicts_with = "user")]
        uid: Option<u32>,
        /// The name of their account on this machine
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// A file with the public key that they come with over SSH
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
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

/// An operator as `--json` prints them.
#[derive(Serialize)]
struct OperatorObject<'a> {
    kind: &'static str,
    operator: &'a str,
    id: String,
    role: Role,
    uid: Option<u32>,
    has_key: bool,
    added_at: String,
}

fn object<'a>(kind: &'static str, operator: &'a Operator) -> OperatorObject<'a> {
    OperatorObject {
        kind,
        operator: operator.name.as_str(),
        id: operator.id.to_string(),
        role: operator.role,
        uid: operator.uid,
        has_key: operator.key.is_some(),
        added_at: operator.added_at.to_rfc3339(),
    }
}

/// Does what `args` says.
///
/// # Errors
/// [`CliError`]: nobody by that name, an account or a key that is not there, what the engine refuses.
pub fn run(handle: &EngineHandle, args: &OperatorsArgs, out: &mut Output<'_>) -> Result<Exit, CliError> {
    match args {
        OperatorsArgs::List => list(handle, out),
        OperatorsArgs::Add { name, role, uid, user, key } => {
            let uid = match user {
                Some(login) => Some(uid_of(login, Path::new("/etc/passwd"))?),
                None => *uid,
            };
            let key = key.as_deref().map(read_key).transpose()?;
            let command = OperatorsCommand::Add { name: name.clone(), role: *role, uid, key };
            let operator = changed(handle, command)?;
            let text = format!("{} (id {}) is {} now", operator.name, operator.id, operator.role);
            out.either(&object("added", &operator), text)?;
            Ok(Exit::Done)
        }
        OperatorsArgs::Role { who, role } => {
            let id = find(handle, who)?.id;
            let operator = changed(handle, OperatorsCommand::SetRole(id, *role))?;
            out.either(&object("role", &operator), format!("{} is {role} now", operator.name))?;
            Ok(Exit::Done)
        }
        OperatorsArgs::Remove { who } => {
            let id = find(handle, who)?.id;
            let operator = changed(handle, OperatorsCommand::Remove(id))?;
            out.either(&object("removed", &operator), format!("{} is no operator any more", operator.name))?;
            Ok(Exit::Done)
        }
    }
}

fn changed(handle: &EngineHandle, command: OperatorsCommand) -> Result<Operator, CliError> {
    match handle.call(Command::Operators(command))? {
        Reply::Operators(OperatorsReply::Changed(operator)) => Ok(operator),
        other => Err(unexpected(&other)),
    }
}

fn all(handle: &EngineHandle) -> Result<Vec<Operator>, CliError> {
    match handle.call(Command::Operators(OperatorsCommand::List))? {
        Reply::Operators(OperatorsReply::List(operators)) => Ok(operators),
        other => Err(unexpected(&other)),
    }
}

fn list(handle: &EngineHandle, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let operators = all(handle)?;
    if out.json {
        operators.iter().try_for_each(|operator| out.object(&object("operator", operator)))?;
        return Ok(Exit::Done);
    }
    if operators.is_empty() {
        out.line(
            "there are no operators: this account and root are admins, and nobody else may do anything",
        )?;
        return Ok(Exit::Done);
    }
    let row = |operator: &Operator| {
        vec![
            operator.name.to_string(),
            operator.role.to_string(),
            operator.uid.map(|uid| uid.to_string()).unwrap_or_default(),
            if operator.key.is_some() { "yes" } else { "" }.to_owned(),
            operator.id.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = operators.iter().map(row).collect();
    out.line(columns(&["name", "role", "account", "key", "id"], &rows))?;
    Ok(Exit::Done)
}

/// The operator that `who` names: by the exact name, or the beginning of an id.
///
/// # Errors
/// A negative answer where it is nobody or more than one.
pub fn find(handle: &EngineHandle, who: &str) -> Result<Operator, CliError> {
    let operators = all(handle)?;
    let by_name = operators.iter().filter(|operator| operator.name.as_str() == who.trim());
    let prefix = who.trim().to_ascii_uppercase();
    let has_prefix = |operator: &&Operator| prefix.len() >= 4 && operator.id.to_string().starts_with(&prefix);
    let mut found: Vec<&Operator> = by_name.collect();
    if found.is_empty() {
        found = operators.iter().filter(has_prefix).collect();
    }
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(CliError::negative(format_args!(
            "no operator is called `{}` or has that id; `muster operators list` shows all of them",
            printable(who)
        ))),
        several => Err(CliError::negative(format_args!(
            "`{}` could be any of {} operators: write more of the id",
            printable(who),
            several.len()
        ))),
    }
}

/// The number of the account `login`, as the file of accounts says it.
pub(super) fn uid_of(login: &str, accounts: &Path) -> Result<u32, CliError> {
    let text = fs::read_to_string(accounts)
        .map_err(|error| CliError::missing(format_args!("{} cannot be read: {error}", accounts.display())))?;
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(login)).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    text.lines().find_map(of_line).ok_or_else(|| {
        CliError::negative(format_args!(
            "{} has no account `{}`: say its number with --uid, as `id -u` prints it",
            accounts.display(),
            printable(login)
        ))
    })
}

/// The public key in `file`, in OpenSSH's one line.
fn read_key(file: &Path) -> Result<String, CliError> {
    let text = fs::read_to_string(file)
        .map_err(|error| CliError::usage(format_args!("{} cannot be read: {error}", file.display())))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let is_key = |line: &&str| {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let known = ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|start| kind.starts_with(start));
        known && words.next().is_some_and(|body| body.starts_with("AAAA")) && line.len() < 8_192
    };
    line.filter(is_key).map(str::to_owned).ok_or_else(|| {
        CliError::usage(format_args!(
            "{} is no public key: expected one line such as `ssh-ed25519 AAAA… name`, as a .pub file has it",
            file.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = folder.path().join("passwd");
        fs::write(&accounts, "root:x:0:0::/root:/bin/sh\ndesk:x:1007:100::/home/desk:/bin/sh\n").unwrap();
        assert_eq!(uid_of("desk", &accounts).unwrap(), 1007);
        for wrong in ["des", "1007", ""] {
            assert!(uid_of(wrong, &accounts).unwrap_err().to_string().contains("--uid"));
        }
    }

    #[test]
    fn a_private_key_is_no_public_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "# mine\nssh-ed25519 AAAAC3Nz me@here\n").unwrap();
        assert_eq!(read_key(&file).unwrap(), "ssh-ed25519 AAAAC3Nz me@here");
        for wrong in ["-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "", "ssh-ed25519\n", "rsa AAAA\n"] {
            fs::write(&file, wrong).unwrap();
            let refused = read_key(&file).unwrap_err().to_string();
            assert!(refused.contains("no public key") && !refused.contains("BEGIN"), "{refused}");
        }
    }
}
