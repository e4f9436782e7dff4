//! `muster authorized-keys`: what sshd is told of a key that somebody comes with.

use std::path::Path;

use clap::Args;

use super::exit::{CliError, Exit};
use super::output::{Output, printable};
use crate::access::{Operator, PlainPath, PublicKey, SSH_ACCOUNT, key_line};

/// What `authorized-keys --help` ends with.
pub const AUTHORIZED_KEYS_HELP: &str = "\
sshd runs this, as the account muster, when somebody comes with a key; sshd_config says:
  AuthorizedKeysCommand /usr/bin/muster authorized-keys %u %t %k
  AuthorizedKeysCommandUser muster
It prints one line for the key of an operator, and nothing for any other key or account. The line lets
them run `muster gate` as that operator, and nothing else.

Exit status: 0 also where nothing is printed; 3 where the operators cannot be asked for.";

/// `authorized-keys`
#[derive(Debug, Clone, Args)]
pub struct AuthorizedKeysArgs {
    /// The account that somebody wants to log in to: sshd's %u
    pub user: String,
    /// The kind of their key: sshd's %t
    #[arg(value_name = "TYPE")]
    pub kind: String,
    /// The key: sshd's %k
    pub base64: String,
    /// The one account that operators log in to
    #[arg(long, value_name = "USER", default_value = SSH_ACCOUNT)]
    pub account: String,
}

/// Prints the line of the operator whose key it is; the list is asked for only where the account is the one of
/// operators and the key could be anybody's.
///
/// # Errors
/// [`CliError`] where the list cannot be had, or the program's own path cannot stand in a line.
pub fn run(
    args: &AuthorizedKeysArgs,
    program: &Path,
    operators: impl FnOnce() -> Result<Vec<Operator>, CliError>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // Whoever logs in to another account is no operator there, whatever their key.
    if args.user != args.account {
        out.note(format_args!(
            "nobody logs in to `{}` as an operator: they log in to {}",
            printable(&args.user),
            printable(&args.account)
        ));
        return Ok(Exit::Done);
    }
    // A key that no operator can have is no error of sshd's.
    let Ok(key) = PublicKey::of_type_and_base64(&args.kind, &args.base64) else { return Ok(Exit::Done) };
    let program = plain(program)?;
    if let Some(operator) = operators()?.iter().find(|operator| operator.key.as_ref() == Some(&key)) {
        out.line(key_line(&program, operator.id, &key))?;
    }
    Ok(Exit::Done)
}

/// The lines of all operators with a key, for a file that root owns.
///
/// # Errors
/// [`CliError`] where the program's own path cannot stand in a line.
pub fn lines(operators: &[Operator], program: &Path) -> Result<Vec<String>, CliError> {
    let program = plain(program)?;
    let line = |operator: &Operator| Some(key_line(&program, operator.id, operator.key.as_ref()?));
    Ok(operators.iter().filter_map(line).collect())
}

fn plain(program: &Path) -> Result<PlainPath, CliError> {
    PlainPath::new(program).ok_or_else(|| {
        CliError::missing(format_args!(
            "the program lies in {}, a path that would need quoting for sshd: install it where the path has letters, \
             digits, and / . _ + - alone",
            printable(&program.display().to_string())
        ))
    })
}

/// Where this program lies, without links on the way.
///
/// # Errors
/// [`CliError`] where the system does not say.
pub fn this_program() -> Result<std::path::PathBuf, CliError> {
    std::env::current_exe()
        .and_then(std::fs::canonicalize)
        .map_err(|error| CliError::missing(format_args!("the path of this program is not known: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{OperatorId, Role};
    use crate::cli::fake::{Ran, ran};
    use chrono::DateTime;
    use ulid::Ulid;

    const OTTO: &str = include_str!("../access/public_key/keys/ed25519.pub");
    const OTHER: &str = include_str!("../access/public_key/keys/ecdsa_256.pub");
    const PROGRAM: &str = "/usr/bin/muster";

    fn operator(n: u128, name: &str, key: Option<&str>) -> Operator {
        Operator {
            id: OperatorId(Ulid(n)),
            name: name.parse().unwrap(),
            role: Role::Observer,
            uid: None,
            key: key.map(|line| line.trim_end().parse().unwrap()),
            added_at: DateTime::UNIX_EPOCH,
        }
    }

    fn all() -> Vec<Operator> {
        vec![operator(1, "Local", None), operator(2, "Otto \"x\",pty", Some(OTTO))]
    }

    fn args(user: &str, line: &str) -> AuthorizedKeysArgs {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (kind, base64) = (words.next().unwrap(), words.next().unwrap_or_default());
        AuthorizedKeysArgs { user: user.to_owned(), kind, base64, account: SSH_ACCOUNT.to_owned() }
    }

    fn said(args: &AuthorizedKeysArgs, program: &str) -> Ran {
        ran(false, |out| run(args, Path::new(program), || Ok(all()), out))
    }

    #[test]
    fn an_operators_key_gives_their_line_and_any_other_nothing() {
        let whole = said(&args(SSH_ACCOUNT, OTTO), PROGRAM);
        let words: Vec<&str> = OTTO.split(' ').collect();
        let expected =
            format!("command=\"/usr/bin/muster gate {}\",restrict,pty {} {}\n", Ulid(2), words[0], words[1]);
        assert_eq!((whole.code, whole.out.as_str()), (0, expected.as_str()));
        for (user, line) in [
            (SSH_ACCOUNT, OTHER),
            (SSH_ACCOUNT, "ssh-ed25519 AAAA"),
            (SSH_ACCOUNT, "ssh-dss AAAA"),
            (SSH_ACCOUNT, "ssh-ed25519"),
            ("root", OTTO),
            ("", OTTO),
        ] {
            let none = said(&args(user, line), PROGRAM);
            assert_eq!((none.code, none.out.as_str()), (0, ""), "{user} {line}");
        }
    }

    #[test]
    fn a_path_that_needs_quoting_is_an_error_and_no_line() {
        let refused = said(&args(SSH_ACCOUNT, OTTO), "/opt/my programs/muster");
        assert_eq!((refused.code, refused.out.as_str()), (3, ""));
        assert!(refused.err.contains("quoting"), "{}", refused.err);
        assert!(lines(&all(), Path::new("muster")).is_err());
    }

    #[test]
    fn the_file_has_a_line_for_each_key_and_nobodys_name() {
        let lines = lines(&all(), Path::new(PROGRAM)).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains(&Ulid(2).to_string()) && !lines[0].contains("Otto"), "{}", lines[0]);
    }
}
