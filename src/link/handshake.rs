//! The first line in each direction. It is text and never changes its form, so that two versions that share
//! nothing else can tell each other so in words.

use std::io::{self, Read, Write};

use ulid::Ulid;

use crate::access::OperatorId;

/// The version of all that comes after the handshake. To be raised with every change of a type that goes over
/// the link.
pub const LINK_VERSION: u32 = 1;

/// The longest first line of a client, in bytes.
const LONGEST_HELLO: usize = 128;
/// The longest first line of an engine, in bytes.
const LONGEST_ANSWER: usize = 1_024;

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Its [`LINK_VERSION`].
    pub link: u32,
    /// The version of its program.
    pub program: String,
    /// The operator it acts for, where that is not whoever runs it.
    pub operator: Option<OperatorId>,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// What came first is no greeting.
    #[error("what came over the socket is not muster's: expected `muster-link VERSION PROGRAM OPERATOR`")]
    NotMuster,
    /// The other side speaks another version.
    #[error(
        "the engine is muster {engine} (link {engine_link}) and this is muster {client} (link {client_link}): \
         start the engine again, or use the program that it was started with"
    )]
    OtherVersion {
        /// The engine's program.
        engine: String,
        /// Its link.
        engine_link: u32,
        /// The client's program.
        client: String,
        /// Its link.
        client_link: u32,
    },
    /// The engine does not want this client.
    #[error("{0}")]
    Refused(String),
    /// The socket failed.
    #[error("the engine did not answer: {0}")]
    Io(#[from] io::Error),
}

impl Hello {
    /// This program's, on behalf of `operator`.
    pub fn new(operator: Option<OperatorId>) -> Self {
        Self { link: LINK_VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), operator }
    }

    /// As one line.
    fn line(&self) -> String {
        let operator = self.operator.map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!("muster-link {} {} {operator}\n", self.link, self.program)
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`HandshakeError::NotMuster`]
    pub fn parse(line: &[u8]) -> Result<Self, HandshakeError> {
        let line = std::str::from_utf8(line).map_err(|_| HandshakeError::NotMuster)?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["muster-link", link, program, operator] = words.as_slice() else {
            return Err(HandshakeError::NotMuster);
        };
        let is_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if program.is_empty() || program.len() > 64 || !program.chars().all(is_version) {
            return Err(HandshakeError::NotMuster);
        }
        let operator = match *operator {
            "-" => None,
            id => Some(OperatorId(Ulid::from_string(id).map_err(|_| HandshakeError::NotMuster)?)),
        };
        let link = link.parse().map_err(|_| HandshakeError::NotMuster)?;
        Ok(Self { link, program: (*program).to_owned(), operator })
    }

    /// Whether an engine of this program can speak with whoever said it.
    ///
    /// # Errors
    /// [`HandshakeError::OtherVersion`]
    pub fn check_version(&self) -> Result<(), HandshakeError> {
        let own = Self::new(None);
        if (self.link, &self.program) == (own.link, &own.program) {
            return Ok(());
        }
        Err(HandshakeError::OtherVersion {
            engine: own.program,
            engine_link: own.link,
            client: self.program.clone(),
            client_link: self.link,
        })
    }
}

/// A line without its end, byte by byte so that nothing behind it is taken.
fn read_line(from: &mut impl Read, longest: usize) -> Result<Vec<u8>, HandshakeError> {
    let mut line = Vec::new();
    let mut byte = [0u8];
    loop {
        from.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => return Ok(line),
            _ if line.len() >= longest => return Err(HandshakeError::NotMuster),
            byte => line.push(byte),
        }
    }
}

/// A client's side: says `hello` and hears whether it is welcome.
///
/// # Errors
/// [`HandshakeError`]
pub fn greet(stream: &mut (impl Read + Write), hello: &Hello) -> Result<(), HandshakeError> {
    // Who is nobody is refused before they have said anything: what was answered says more than that the
    // greeting was not taken.
    let said = stream.write_all(hello.line().as_bytes());
    let answer = match (read_line(stream, LONGEST_ANSWER), said) {
        (Ok(answer), _) => answer,
        (Err(_), Err(error)) => return Err(error.into()),
        (Err(error), Ok(())) => return Err(error),
    };
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.strip_prefix("refused: ") {
        Some(words) => Err(HandshakeError::Refused(words.chars().filter(|c| !c.is_control()).collect())),
        None if answer == "welcome" => Ok(()),
        None => Err(HandshakeError::NotMuster),
    }
}

/// An engine's side: what the client says.
///
/// # Errors
/// [`HandshakeError`]
pub fn hear(stream: &mut impl Read) -> Result<Hello, HandshakeError> {
    Hello::parse(&read_line(stream, LONGEST_HELLO)?)
}

/// Lets the client in.
///
/// # Errors
/// Where it is gone.
pub fn welcome(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(b"welcome\n")
}

/// Tells the client why not.
///
/// # Errors
/// Where it is gone.
pub fn refuse(stream: &mut impl Write, words: &str) -> io::Result<()> {
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = format!("refused: {words}");
    let mut most = LONGEST_ANSWER - 1;
    while !line.is_char_boundary(most.min(line.len())) {
        most -= 1;
    }
    line.truncate(most);
    line.push('\n');
    stream.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_greeting_is_read_as_it_was_said() {
        for operator in [None, Some(OperatorId(Ulid(0x0123_4567_89ab)))] {
            let hello = Hello::new(operator);
            let line = hello.line();
            assert_eq!(Hello::parse(line.trim_end().as_bytes()).unwrap(), hello);
            assert!(line.len() <= LONGEST_HELLO);
            hello.check_version().unwrap();
        }
    }

    #[test]
    fn another_version_is_refused_in_words_by_which_both_are_known() {
        for (link, program) in [(LINK_VERSION + 1, "9.9.9"), (LINK_VERSION, "0.0.1")] {
            let line = format!("muster-link {link} {program} -");
            let said = Hello::parse(line.as_bytes()).unwrap().check_version().unwrap_err().to_string();
            assert!(said.contains(program) && said.contains(env!("CARGO_PKG_VERSION")), "{said}");
            assert!(
                said.contains(&format!("link {link}")) && said.contains("start the engine again"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_no_greeting_is_refused() {
        for wrong in [
            "",
            "muster-link",
            "muster-link 1 0.1.0",
            "muster-link x 0.1.0 -",
            "muster-link 1  -",
            "muster-link 1 0.1.0 bob",
            "muster-link 1 0.1.0 - more",
            "GET / HTTP/1.1",
            "muster-link 1 0.1\u{7} -",
            "muster-link 1 0.1.0 01ARZ3NDEKTSV4RRFFQ69G5FA",
            "muster-link -1 0.1.0 -",
        ] {
            assert!(matches!(Hello::parse(wrong.as_bytes()), Err(HandshakeError::NotMuster)), "{wrong}");
        }
        let long = [b'x'; 4_096];
        assert!(matches!(hear(&mut long.as_slice()), Err(HandshakeError::NotMuster)));
    }

    #[test]
    fn a_refusal_is_one_line_of_limited_length() {
        let mut said = Vec::new();
        refuse(&mut said, &format!("no\nway \u{1b}[2J{}", "ü".repeat(2_000))).unwrap();
        assert!(said.len() <= LONGEST_ANSWER && said.ends_with(b"\n"));
        assert_eq!(said.iter().filter(|byte| byte.is_ascii_control()).count(), 1);
        assert!(String::from_utf8(said).unwrap().starts_with("refused: no way"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = hear(&mut bytes.as_slice());
        }
    }
}
