//! What the child says on its standard error: the size of what it decodes, and why it ends.

use super::address::{Scheme, StreamAddress};

/// The longest line that is looked at, in bytes; what is beyond is left out.
const LONGEST_LINE: usize = 1024;
/// How many complaints are kept: the newest, where the reason is.
const KEPT: usize = 4;

/// What was said so far.
pub(super) struct Words {
    address: StreamAddress,
    line: Vec<u8>,
    complaints: Vec<String>,
    size: Option<(u32, u32)>,
    changed: Option<[(u32, u32); 2]>,
}

impl Words {
    pub(super) fn new(address: StreamAddress) -> Self {
        Self { address, line: Vec::new(), complaints: Vec::new(), size: None, changed: None }
    }

    /// Takes what was read, whole lines or not.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(),
                byte if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Forgets what was complained about: pictures come all the same.
    pub(super) fn all_is_well(&mut self) {
        self.complaints.clear();
    }

    /// The size before and after, in pixels, where the stream's pictures have another size now.
    pub(super) fn changed_size(&self) -> Option<[(u32, u32); 2]> {
        self.changed
    }

    /// Why the child ended, in a sentence that says what to do, without secrets; `otherwise` where it
    /// said nothing.
    pub(super) fn reason(&mut self, otherwise: &str) -> String {
        self.end_line();
        let said = self.complaints.join("; ");
        let known = KNOWN.iter().find(|(sign, _)| said.contains(sign)).map(|(_, reason)| *reason);
        match (known, self.address.scheme()) {
            (Some(NOT_A_STREAM), Scheme::Rtsp | Scheme::Rtsps) => NOT_RTSP.to_owned(),
            (Some(reason), _) => reason.to_owned(),
            (None, _) if said.is_empty() => otherwise.to_owned(),
            (None, _) => said.chars().take(300).collect(),
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if let Some(size) = graph_size(&line) {
            match self.size {
                Some(before) if before != size => self.changed = Some([before, size]),
                _ => self.size = Some(size),
            }
        }
        if let Some(complaint) = complaint(&line) {
            let complaint: String = complaint.chars().filter(|sign| !sign.is_control()).collect();
            let complaint = self.address.scrubbed(&complaint);
            if !self.complaints.contains(&complaint) {
                self.complaints.push(complaint);
            }
            if self.complaints.len() > KEPT {
                self.complaints.remove(0);
            }
        }
    }
}

const NOT_A_STREAM: &str = "what it sends is no live stream of a kind that is read: expected motion JPEG, MPEG-TS, FLV, \
                            Matroska, Ogg, ASF, H.264 or H.265; look at the path in the address";
const NOT_RTSP: &str =
    "it did not answer as an RTSP server does; look at the port and the path in the address";

/// What ffmpeg and the system say, and what it means; the first that fits is taken. The words are those
/// of ffmpeg 5.1 to 7.1 (libavformat's `avio`, `http.c`, `httpauth.c`, `rtsp.c`, `tls_gnutls.c`) and glibc's.
const KNOWN: &[(&str, &str)] = &[
    ("Unrecognized option", "this ffmpeg is too old; expected version 5.1 or later"),
    ("unknown keyword 'option'", "this ffmpeg is too old; expected version 5.1 or later"),
    ("Protocol not found", "this ffmpeg cannot speak with it; install the system's package ffmpeg"),
    ("refused", "the server refuses the connection; is it on, and is the port right?"),
    ("401", "the server wants another user and password; look at the address"),
    ("403", "the server forbids it to this user; look at the user in the address"),
    ("404", "the server has no such stream; look at the path in the address"),
    ("454", "the server has ended the session"),
    ("Server returned 5", "the server has a fault of its own (5xx); look at the camera"),
    ("resolve hostname", "the name of the host is not known; look at the address and at the network"),
    ("No route to host", "there is no way to the host; look at the cable and the network"),
    ("unreachable", "there is no way to the host; look at the cable and the network"),
    ("timed out", "the server does not answer; is it on, and is the network slow?"),
    ("reset by peer", "the server ended the connection"),
    (
        "certificate",
        "its certificate is not one that this machine trusts: install it, or set check_certificate = false",
    ),
    ("whitelist", NOT_A_STREAM),
    ("matches no streams", "there is no picture in it: expected a video, not sound alone"),
    ("Invalid data found", NOT_A_STREAM),
    ("prematurely", "the server ended the connection"),
    ("End of file", "the server ended the connection"),
    ("Broken pipe", "the server ended the connection"),
];

/// The size of `[graph 0 input from stream 0:0 @ 0x...] [verbose] w:640 h:480 pixfmt:...`, which ffmpeg
/// says whenever it begins to filter pictures of a size, before the first of them is written.
fn graph_size(line: &str) -> Option<(u32, u32)> {
    let rest = line.strip_prefix("[graph 0 input")?;
    let side = |sign: &str| {
        let text = rest.split(' ').find_map(|word| word.strip_prefix(sign))?;
        text.parse::<u32>().ok()
    };
    Some((side("w:")?, side("h:")?))
}

/// What a line complains about, without who says it; nothing of lines that only tell.
fn complaint(line: &str) -> Option<&str> {
    let complains = ["[error]", "[fatal]", "[panic]", "[warning]"].iter().any(|level| line.contains(level));
    // The one names the address and no reason, the other is about colours.
    if !complains || line.contains("Impossible to open") || line.contains("deprecated pixel format") {
        return None;
    }
    let said = line.rsplit_once("] ").map_or(line, |(_, said)| said).trim();
    let said = said.strip_prefix("pipe:0: ").unwrap_or(said);
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(address: &str, lines: &str) -> Words {
        let mut words = Words::new(address.parse().unwrap());
        for piece in lines.as_bytes().chunks(7) {
            words.hear(piece);
        }
        words
    }

    #[test]
    fn the_size_is_read_and_another_is_noticed() {
        let first =
            "[graph 0 input from stream 0:0 @ 0x55] [verbose] w:640 h:480 pixfmt:yuvj444p tb:1/25 fr:25/1\n";
        let mut heard = words("http://cam/x", first);
        assert_eq!(heard.changed_size(), None);
        heard.hear(first.as_bytes());
        assert_eq!(heard.changed_size(), None, "the colours may change");
        heard.hear(first.replace("w:640", "w:320").as_bytes());
        assert_eq!(heard.changed_size(), Some([(640, 480), (320, 480)]));
    }

    /// Lines as ffmpeg 5.1.9 wrote them.
    #[test]
    fn every_known_end_has_a_reason_and_something_to_do() {
        for (address, lines, expected) in [
            (
                "rtsp://127.0.0.1:9/x",
                "[tcp @ 0x55] [error] Connection to tcp://127.0.0.1:9?timeout=2000000 failed: Connection refused\n\
                 [concat @ 0x55] [error] Impossible to open 'rtsp://127.0.0.1:9/x'\n[error] pipe:0: Connection refused\n",
                "refuses the connection",
            ),
            (
                "http://u:secret@h/x",
                "[http @ 0x55] [warning] HTTP error 404 Not Found\n[concat @ 0x55] [error] Impossible to open \
                 'http://u:secret@h/x'\n[error] pipe:0: Server returned 404 Not Found\n",
                "no such stream",
            ),
            (
                "rtsp://u:secret@h/x",
                "[rtsp @ 0x55] [error] method DESCRIBE failed: 401 Unauthorized\n\
                 [error] pipe:0: Server returned 401 Unauthorized (authorization failed)\n",
                "another user and password",
            ),
            (
                "https://h/x",
                "[tls @ 0x55] [error] Peer certificate failed verification\n",
                "check_certificate",
            ),
            ("http://h/x", "[error] pipe:0: Connection timed out\n", "does not answer"),
            ("rtsp://h/x", "[error] pipe:0: Invalid data found when processing input", "as an RTSP server"),
            ("http://h/x", "[error] pipe:0: Invalid data found when processing input", "motion JPEG"),
            ("http://h/x", "[error] Something new with http://h/x\n", "Something new with ***"),
            ("http://h/x", "[info] all is well\n", "nothing was said"),
        ] {
            let reason = words(address, lines).reason("nothing was said");
            assert!(reason.contains(expected) && !reason.contains("secret"), "{lines}: {reason}");
        }
    }

    #[test]
    fn old_complaints_are_forgotten_and_much_is_not_kept() {
        let mut heard =
            words("http://h/x", &(0..1000).map(|n| format!("[error] wrong {n}\n")).collect::<String>());
        assert_eq!(heard.complaints.len(), KEPT);
        heard.all_is_well();
        heard.hear(&vec![b'x'; 100_000]);
        assert!(heard.line.len() <= LONGEST_LINE);
        assert_eq!(heard.reason("the end"), "the end");
    }
}
