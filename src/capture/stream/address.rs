//! The address of a network stream, which may hold a user's name and password: it is read whole by the
//! child that connects, and shown to nobody.

use std::fmt;
use std::str::FromStr;

/// What stands in place of what is not shown.
const HIDDEN: &str = "***";

/// The longest address that is read, in bytes: what common servers take.
const LONGEST: usize = 2048;

/// What is spoken with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RTSP (RFC 2326), pictures in RTP.
    Rtsp,
    /// RTSP inside TLS.
    Rtsps,
    /// HTTP: motion JPEG as parts of one answer, or a container that can be read as it comes.
    Http,
    /// HTTP inside TLS.
    Https,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 4] = [Self::Rtsp, Self::Rtsps, Self::Http, Self::Https];

    /// As it stands before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Whether what passes can be read by others on the way.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Rtsp | Self::Http)
    }
}

/// Where a stream is. `Display` and `Debug` hide the user, the password, the query, and a path that
/// looks as if a password were in it.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamAddress {
    scheme: Scheme,
    text: String,
}

/// A text that is no address of a stream. The message repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of the stream {0}: expected rtsp://, rtsps://, http:// or https:// and HOST[:PORT]/PATH, with \
     USER:PASSWORD@ before the host where the server asks for them (signs such as @ / ? # and blanks in them as \
     %40 %2F %3F %23 %20)"
)]
pub struct AddressError(&'static str);

/// The parts of an address after its scheme.
struct Parts<'a> {
    user_info: Option<&'a str>,
    /// With the port.
    host: &'a str,
    /// With its slash; empty where there is none.
    path: &'a str,
    /// With its question mark.
    query: &'a str,
}

fn parts(rest: &str) -> Parts<'_> {
    let (before, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
    let (user_info, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    Parts { user_info, host, path, query }
}

impl FromStr for StreamAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError("has no `://`"))?;
        let known = Scheme::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme));
        let scheme = known.ok_or(AddressError("begins with another scheme"))?;
        if text.len() > LONGEST {
            return Err(AddressError("is longer than 2048 bytes"));
        }
        // A line break would be a line of its own in what the child reads.
        if text.chars().any(|sign| sign.is_control() || sign.is_whitespace()) {
            return Err(AddressError("holds a blank or a control character"));
        }
        let parts = parts(rest);
        if parts.path.contains('@') && parts.user_info.is_none() {
            return Err(AddressError("has an @ after its first /"));
        }
        let (name, port) = match parts.host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (parts.host, None),
        };
        if name.is_empty() || name.contains('@') {
            return Err(AddressError("names no host"));
        }
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err(AddressError("has a port that is no number from 1 to 65535"));
        }
        Ok(Self { scheme, text: format!("{}://{rest}", scheme.name()) })
    }
}

impl StreamAddress {
    /// What is spoken with the server.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether a user or a password is in it, or something that may be one.
    pub fn has_secret(&self) -> bool {
        let parts = self.parts();
        parts.user_info.is_some() || !parts.query.is_empty() || path_tells(parts.path)
    }

    /// The whole of it, for the child that connects and nobody else.
    pub(super) fn whole(&self) -> &str {
        &self.text
    }

    /// `text` without anything of this address that is hidden, so that what the child complains about
    /// can be shown.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        let parts = self.parts();
        let mut secrets: Vec<String> = vec![self.text.clone()];
        if let Some(user_info) = parts.user_info {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            secrets.extend([user_info, password, user].map(str::to_owned));
            secrets.extend([decoded(password), decoded(user)]);
        }
        secrets.extend([parts.query, parts.query.trim_start_matches(['?', '#'])].map(str::to_owned));
        if path_tells(parts.path) {
            secrets.push(parts.path.to_owned());
        }
        // The long ones first, so that no part of one is left over. Of a single sign nothing is told.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let told = secrets.into_iter().filter(|secret| secret.chars().count() > 1);
        told.fold(text.to_owned(), |text, secret| text.replace(&secret, HIDDEN))
    }

    fn parts(&self) -> Parts<'_> {
        parts(self.text.split_once("://").map_or("", |(_, rest)| rest))
    }
}

/// Whether a path looks as if a user or a password were in it, as `/user=admin_password=x_channel=1`.
fn path_tells(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["user", "usr", "pass", "pwd", "token", "auth", "key"].iter().any(|word| path.contains(word))
        && path.contains(['=', ':', '@'])
}

/// `%41` as `A`; what is no such number stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let number = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match number.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        write!(f, "{}://", self.scheme.name())?;
        if parts.user_info.is_some() {
            write!(f, "{HIDDEN}@")?;
        }
        f.write_str(parts.host)?;
        if path_tells(parts.path) {
            write!(f, "/{HIDDEN}")?;
        } else {
            f.write_str(parts.path)?;
        }
        if parts.query.is_empty() { Ok(()) } else { write!(f, "?{HIDDEN}") }
    }
}

impl fmt::Debug for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_never_shown() {
        let table = [
            ("rtsp://door.lan/1", "rtsp://door.lan/1", false),
            ("RTSP://door.lan:8554", "rtsp://door.lan:8554", false),
            ("rtsp://admin:s%40cret@10.0.0.7:554/h264", "rtsp://***@10.0.0.7:554/h264", true),
            ("http://a:b@c@[fe80::1]:81/x", "http://***@[fe80::1]:81/x", true),
            ("https://cam/video.cgi?usr=a&pwd=secret", "https://cam/video.cgi?***", true),
            ("rtsp://c/user=admin_password=secret_channel=1.sdp", "rtsp://c/***", true),
            ("http://cam/a?x#secret", "http://cam/a?***", true),
            ("rtsps://cam/keyframes", "rtsps://cam/keyframes", false),
        ];
        for (text, shown, secret) in table {
            let address: StreamAddress = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.has_secret()), (shown, secret));
            assert!(format!("{address:?}").contains(shown));
            assert_eq!(address.whole()[4..], text[4..]);
        }
    }

    #[test]
    fn what_the_child_says_is_scrubbed() {
        let address: StreamAddress = "rtsp://admin:s%40cret@cam/x?token=abc".parse().unwrap();
        let said = "cannot open rtsp://admin:s%40cret@cam/x?token=abc (admin, s@cret, s%40cret, ?token=abc)";
        let scrubbed = address.scrubbed(said);
        assert_eq!(scrubbed, "cannot open *** (***, ***, ***, ***)");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, reason) in [
            ("rtsp:/u:secret@cam/x", "no `://`"),
            ("ftp://u:secret@cam/x", "another scheme"),
            ("rtsp://u:secret@/x", "names no host"),
            ("rtsp://u:secret@:554/x", "names no host"),
            ("rtsp://u:secret@cam:0/x", "port"),
            ("rtsp://cam:door/x", "port"),
            ("rtsp://u:se/cret@cam/x", "an @ after its first /"),
            ("rtsp://u:secret@cam/x\nfile 'y'", "blank or a control"),
            ("rtsp://u:secret@cam/a b", "blank or a control"),
        ] {
            let message = text.parse::<StreamAddress>().unwrap_err().to_string();
            assert!(message.contains(reason) && !message.contains("cret"), "{text}: {message}");
        }
        let long = format!("rtsp://cam/{}", "x".repeat(2048));
        assert!(long.parse::<StreamAddress>().unwrap_err().to_string().contains("2048"));
    }
}
