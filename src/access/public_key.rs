//! The public keys that operators come with over SSH.
//!
//! A key that is kept becomes part of a line that sshd obeys, so exactly one form is taken: a type that is
//! known, and a blob in strict base64 whose inside says the same type and is complete. What stands before or
//! after it in a file never comes further than this module.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest line that is looked at: sshd reads no longer one either.
pub const MAX_LINE_BYTES: usize = 8_192;
/// What is looked at of a file: a key with room for comments.
pub const MAX_FILE_BYTES: usize = 2 * MAX_LINE_BYTES;

/// RSA moduli below are too short to be worth anything.
const MIN_RSA_BITS: usize = 2_048;
/// What sshd takes at most.
const MAX_RSA_BITS: usize = 16_384;
/// The name of the application that a security key was made for: `ssh:` and a little more.
const MAX_APPLICATION_BYTES: usize = 255;

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `ssh-ed25519`
    Ed25519,
    /// `ecdsa-sha2-nistp256`
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`
    EcdsaP384,
    /// `ecdsa-sha2-nistp521`
    EcdsaP521,
    /// `ssh-rsa`
    Rsa,
    /// `sk-ssh-ed25519@openssh.com`: lies in a security key.
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`: lies in a security key.
    SkEcdsaP256,
}

impl KeyType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa,
        Self::SkEd25519,
        Self::SkEcdsaP256,
    ];

    /// What OpenSSH calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521",
            Self::Rsa => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why something is no key that an operator can come with. No message repeats any of it: it may be the wrong
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// There is nothing.
    #[error("there is no key: expected one line such as `ssh-ed25519 AAAA… name`, as a .pub file has it")]
    Empty,
    /// It is longer than any key.
    #[error("it is too long to be a public key: a line of at most {MAX_LINE_BYTES} bytes was expected")]
    TooLong,
    /// It is no text, or has characters that no line has.
    #[error(
        "it has control characters (a carriage return, a NUL, a tab): expected one plain line, as `ssh-keygen` writes it"
    )]
    ControlCharacter,
    /// It is the half that nobody else should see.
    #[error("this is a private key, which nobody should ever hand out: give the file that ends in .pub")]
    PrivateKey,
    /// It is the form of another program.
    #[error("this is a key in the form of another program: `ssh-keygen -i -f FILE` prints it in OpenSSH's")]
    OtherForm,
    /// There is more than one.
    #[error("there is more than one key: an operator has exactly one, and another key is another operator")]
    SeveralKeys,
    /// Something stands before the key.
    #[error(
        "something stands before the key: options (`command=`, `from=`) are not taken, what a key may do is said by the role"
    )]
    Options,
    /// It is signed by somebody.
    #[error("this is a certificate: give the plain public key, the .pub file without `-cert`")]
    Certificate,
    /// It is of a kind that is not safe any more.
    #[error("this is a DSA key, which sshd takes no more: make another with `ssh-keygen -t ed25519`")]
    Dsa,
    /// It is of no kind that is known.
    #[error(
        "it does not begin with a kind of key that is known: expected ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, \
         ssh-rsa, or one of a security key (sk-…@openssh.com)"
    )]
    UnknownType,
    /// What follows the kind is no base64.
    #[error("what follows the kind of the key is not whole: was a part of the line lost when it was copied?")]
    Base64,
    /// What is inside says another kind.
    #[error("the key says inside that it is of another kind than the line says")]
    OtherType,
    /// What is inside is no key of its kind.
    #[error("the key is damaged: what is inside is not complete, or there is too much of it")]
    Damaged,
    /// It is too short to be safe.
    #[error(
        "the RSA key is too short: at least {MIN_RSA_BITS} bits are needed, or better `ssh-keygen -t ed25519`"
    )]
    ShortRsa,
}

/// A public key, without the comment that came with it. `Debug` prints the kind alone.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    kind: KeyType,
    blob: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kind.name())
    }
}

/// `TYPE BASE64`, with one space and nothing else.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), STANDARD.encode(&self.blob))
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;
    fn try_from(line: String) -> Result<Self, PublicKeyError> {
        line.parse()
    }
}

/// One line without its end, with or without a comment.
impl FromStr for PublicKey {
    type Err = PublicKeyError;
    fn from_str(line: &str) -> Result<Self, PublicKeyError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(PublicKeyError::TooLong);
        }
        if line.chars().any(char::is_control) {
            return Err(PublicKeyError::ControlCharacter);
        }
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let first = words.next().ok_or(PublicKeyError::Empty)?;
        let kind = KeyType::named(first).ok_or_else(|| what_else(first, words.clone()))?;
        let body = words.next().ok_or(PublicKeyError::Base64)?;
        if words.any(|word| KeyType::named(word).is_some()) {
            return Err(PublicKeyError::SeveralKeys);
        }
        Self::of_words(kind, body)
    }
}

/// What a line is whose first word is no kind of key.
fn what_else<'a>(first: &str, mut rest: impl Iterator<Item = &'a str>) -> PublicKeyError {
    if first.ends_with("-cert-v01@openssh.com") {
        PublicKeyError::Certificate
    } else if first == "ssh-dss" {
        PublicKeyError::Dsa
    } else if first.contains(['=', '"', ',']) || rest.any(|word| KeyType::named(word).is_some()) {
        PublicKeyError::Options
    } else {
        PublicKeyError::UnknownType
    }
}

impl PublicKey {
    /// The one key of a file: lines that are empty or begin with `#` are passed over.
    ///
    /// # Errors
    /// [`PublicKeyError`], which says what it is instead.
    pub fn of_file(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let is_private = bytes.windows(11).any(|window| window == b"PRIVATE KEY");
        if is_private {
            return Err(PublicKeyError::PrivateKey);
        }
        if bytes.len() > MAX_FILE_BYTES {
            return Err(PublicKeyError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| PublicKeyError::ControlCharacter)?;
        if text.starts_with("---- BEGIN SSH2") || text.starts_with("-----BEGIN") {
            return Err(PublicKeyError::OtherForm);
        }
        let is_line = |line: &&str| !line.trim_matches(' ').is_empty() && !line.starts_with('#');
        let mut lines = text.split('\n').filter(is_line);
        let key = lines.next().ok_or(PublicKeyError::Empty)?.parse();
        // What the first line is says more than that there is a second.
        match (key, lines.next()) {
            (Ok(_), Some(_)) => Err(PublicKeyError::SeveralKeys),
            (key, _) => key,
        }
    }

    /// The key of its two words, as sshd gives them.
    ///
    /// # Errors
    /// [`PublicKeyError`]
    pub fn of_type_and_base64(kind: &str, base64: &str) -> Result<Self, PublicKeyError> {
        if base64.len() > MAX_LINE_BYTES {
            return Err(PublicKeyError::TooLong);
        }
        let kind = KeyType::named(kind).ok_or_else(|| what_else(kind, std::iter::empty()))?;
        Self::of_words(kind, base64)
    }

    fn of_words(kind: KeyType, base64: &str) -> Result<Self, PublicKeyError> {
        // Strict: no other characters, whole padding, and no bits left over, so that one key has one form.
        let blob = STANDARD.decode(base64).map_err(|_| PublicKeyError::Base64)?;
        check_blob(kind, &blob)?;
        Ok(Self { kind, blob })
    }

    /// What kind it is.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// What it is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.blob).into())
    }
}

/// The SHA-256 of a public key, which names it where the key itself is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 32]);

/// As `ssh-keygen -lf` prints it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("SHA256:{}", STANDARD_NO_PAD.encode(self.0)))
    }
}

/// Takes fields from the front of a key's bytes: each a length in four bytes, and so many bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<&'a [u8], PublicKeyError> {
        let (length, rest) = self.0.split_first_chunk().ok_or(PublicKeyError::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PublicKeyError::Damaged)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(PublicKeyError::Damaged)?;
        self.0 = rest;
        Ok(field)
    }

    fn expect(&mut self, is: impl Fn(&[u8]) -> bool) -> Result<&'a [u8], PublicKeyError> {
        self.next().and_then(|field| if is(field) { Ok(field) } else { Err(PublicKeyError::Damaged) })
    }

    /// A curve's name and a point of it, uncompressed, with numbers of `bytes`.
    fn point(&mut self, curve: &str, bytes: usize) -> Result<(), PublicKeyError> {
        self.expect(|name| name == curve.as_bytes())?;
        self.expect(|point| point.first() == Some(&4) && point.len() == 1 + 2 * bytes).map(drop)
    }

    /// A positive number without zeros before it; its bits.
    fn number(&mut self) -> Result<(&'a [u8], usize), PublicKeyError> {
        let field = self.next()?;
        let digits = match field {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
            [1..=0x7f, ..] => field,
            _ => return Err(PublicKeyError::Damaged),
        };
        let leading = digits.first().map_or(0, |first| first.leading_zeros() as usize);
        Ok((digits, 8 * digits.len() - leading))
    }

    fn application(&mut self) -> Result<(), PublicKeyError> {
        let fits = |name: &[u8]| {
            !name.is_empty() && name.len() <= MAX_APPLICATION_BYTES && name.iter().all(u8::is_ascii_graphic)
        };
        self.expect(fits).map(drop)
    }
}

/// Whether `blob` is a whole key of `kind` and nothing else.
fn check_blob(kind: KeyType, blob: &[u8]) -> Result<(), PublicKeyError> {
    let mut fields = Fields(blob);
    if fields.next()? != kind.name().as_bytes() {
        return Err(PublicKeyError::OtherType);
    }
    let is_edwards = |point: &[u8]| point.len() == 32;
    match kind {
        KeyType::Ed25519 => drop(fields.expect(is_edwards)?),
        KeyType::EcdsaP256 => fields.point("nistp256", 32)?,
        KeyType::EcdsaP384 => fields.point("nistp384", 48)?,
        KeyType::EcdsaP521 => fields.point("nistp521", 66)?,
        KeyType::Rsa => {
            let (exponent, _) = fields.number()?;
            let (modulus, bits) = fields.number()?;
            let is_odd = |digits: &[u8]| digits.last().is_some_and(|last| last % 2 == 1);
            if !is_odd(exponent) || exponent == [1] || !is_odd(modulus) || bits > MAX_RSA_BITS {
                return Err(PublicKeyError::Damaged);
            }
            if bits < MIN_RSA_BITS {
                return Err(PublicKeyError::ShortRsa);
            }
        }
        KeyType::SkEd25519 => {
            fields.expect(is_edwards)?;
            fields.application()?;
        }
        KeyType::SkEcdsaP256 => {
            fields.point("nistp256", 32)?;
            fields.application()?;
        }
    }
    if fields.0.is_empty() { Ok(()) } else { Err(PublicKeyError::Damaged) }
}

#[cfg(test)]
mod tests;
