//! `muster operators`: who may do what.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::access::{MAX_FILE_BYTES, Operator, PublicKey, Role};
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

--key takes exactly one plain public key of OpenSSH: no options before it, no certificate, and no key that
another operator has. Its comment is not kept. A key stays with its operator: another key is another operator.

Examples:
  ssh-keygen -lf otto.pub                     the fingerprint, which `operators list` shows too
  muster operators add Otto --role admin --key otto.pub
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
        /// A file with the public key that they come with over SSH; - for standard input
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
    /// Print the lines of all keys, for a file of authorized keys that root owns, where sshd runs no command
    AuthorizedKeys,
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
    /// The fingerprint of the key.
    key: Option<String>,
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
        key: operator.fingerprint().map(|fingerprint| fingerprint.to_string()),
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
        OperatorsArgs::AuthorizedKeys => authorized_keys(handle, out),
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

fn authorized_keys(handle: &EngineHandle, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let lines = super::authorized_keys::lines(&all(handle)?, &super::authorized_keys::this_program()?)?;
    lines.iter().try_for_each(|line| out.line(line))?;
    Ok(Exit::Done)
}

fn changed(handle: &EngineHandle, command: OperatorsCommand) -> Result<Operator, CliError> {
    match handle.call(Command::Operators(command))? {
        Reply::Operators(OperatorsReply::Changed(operator)) => Ok(operator),
        other => Err(unexpected(&other)),
    }
}

/// All of them, by name.
///
/// # Errors
/// What the engine says.
pub fn all(handle: &EngineHandle) -> Result<Vec<Operator>, CliError> {
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
            operator.fingerprint().map(|fingerprint| fingerprint.to_string()).unwrap_or_default(),
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

/// The one public key in `file`, or on standard input where that is `-`.
fn read_key(file: &Path) -> Result<PublicKey, CliError> {
    let (name, read) = if file == Path::new("-") {
        ("standard input".to_owned(), head_of(&mut io::stdin().lock()))
    } else {
        let read = File::open(file).and_then(|mut file| head_of(&mut file));
        (printable(&file.display().to_string()).into_owned(), read)
    };
    let bytes = read.map_err(|error| CliError::usage(format_args!("{name} cannot be read: {error}")))?;
    PublicKey::of_file(&bytes).map_err(|error| CliError::usage(format_args!("{name}: {error}")))
}

/// As much as can be looked at, and a byte more where there is too much.
fn head_of(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    fn a_file_gives_its_key_alone_and_is_not_repeated_where_it_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let line = include_str!("../access/public_key/keys/ed25519.pub");
        fs::write(&file, format!("# mine\n\n{line}")).unwrap();
        let key = read_key(&file).unwrap().to_string();
        assert!(line.starts_with(&key) && !key.contains("somebody"), "{key}");
        for wrong in ["-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "", "ssh-ed25519\n", "rsa AAAA\n"] {
            fs::write(&file, wrong).unwrap();
            let refused = read_key(&file).unwrap_err();
            assert_eq!(refused.exit(), Exit::Usage);
            let said = refused.to_string();
            assert!(said.contains("key: ") && !said.contains("BEGIN") && !said.contains("AAAA\n"), "{said}");
        }
        let refused = read_key(&folder.path().join("none")).unwrap_err().to_string();
        assert!(refused.contains("none cannot be read"), "{refused}");
    }
}
