//! The line of authorized keys that lets an operator in.

use std::path::Path;

use super::{OperatorId, PublicKey};

/// The account that operators log in to: it owns nothing, and runs nothing but the gate.
pub const SSH_ACCOUNT: &str = "muster-ssh";

/// The path of the program that the line names, which needs no quoting: neither sshd nor a shell reads any of
/// its characters as anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPath(String);

impl PlainPath {
    /// `path`, where it is absolute and plain; none else.
    pub fn new(path: &Path) -> Option<Self> {
        let text = path.to_str().filter(|_| path.is_absolute())?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        text.chars().all(is_plain).then(|| Self(text.to_owned()))
    }
}

/// Lets whoever holds `key` run the gate as the operator `id`, and nothing else. It is made of an id and a key
/// alone, so that no name and no comment can ever be in it.
pub fn key_line(program: &PlainPath, id: OperatorId, key: &PublicKey) -> String {
    format!("command=\"{} gate {id}\",restrict,pty {key}", program.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ulid::Ulid;

    fn key() -> PublicKey {
        include_str!("public_key/keys/ed25519.pub").trim_end().parse().unwrap()
    }

    #[test]
    fn the_line_is_the_gate_the_restrictions_and_the_key() {
        let program = PlainPath::new(Path::new("/usr/bin/muster")).unwrap();
        let line = key_line(&program, OperatorId(Ulid(5)), &key());
        assert_eq!(
            line,
            format!("command=\"/usr/bin/muster gate 00000000000000000000000005\",restrict,pty {}", key())
        );
    }

    #[test]
    fn a_path_that_would_need_quoting_is_none() {
        for path in [
            "muster",
            "",
            "/usr/local bin/muster",
            "/a\"b",
            "/a\\b",
            "/a$b",
            "/a;b",
            "/a\nb",
            "/é",
            "/a%b",
            "/m (deleted)",
        ] {
            assert_eq!(PlainPath::new(Path::new(path)), None, "{path}");
        }
        assert!(PlainPath::new(Path::new("/opt/muster-0.1_2+x/bin/muster")).is_some());
    }

    proptest! {
        #[test]
        fn whatever_the_comment_was_the_line_has_one_command_and_two_words(
            comment in "[^\\x00-\\x1f\\x7f-\\x9f]{0,60}", id in any::<u128>(), path in "/[ -~]{0,30}",
        ) {
            let text = format!("{} {comment}", key());
            let Ok(read) = text.parse::<PublicKey>() else { return Ok(()) };
            let Some(program) = PlainPath::new(Path::new(&path)) else { return Ok(()) };
            let line = key_line(&program, OperatorId(Ulid(id)), &read);
            let end = format!("\",restrict,pty {}", key());
            let inside = line.strip_prefix("command=\"").and_then(|line| line.strip_suffix(end.as_str()));
            let inside = inside.map(|inside| inside.split(' ').collect::<Vec<_>>());
            let id = Ulid(id).to_string();
            prop_assert_eq!(inside, Some(vec![path.as_str(), "gate", id.as_str()]));
        }
    }
}
