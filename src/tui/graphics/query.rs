//! Asking the terminal what it can draw. Four questions in one go; the last one (primary device attributes) is
//! answered by every terminal, and after its answer no other comes.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::{CellSize, Graphics, GraphicsChoice, Screen};

/// The kitty graphics query, the terminal's name and version, the size of a cell, and the device attributes.
const QUESTIONS: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[16t\x1b[c";
/// How long the last answer is waited for: a satellite line twice over.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// More than this is no answer.
const LONGEST: usize = 4_096;

/// What the terminal answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Whether it knows the kitty protocol.
    pub kitty: bool,
    /// Whether its attributes name sixels.
    pub sixel: bool,
    /// What it calls itself.
    pub name: String,
    /// How large a cell is.
    pub cell: Option<CellSize>,
    /// Whether the last answer came.
    pub is_complete: bool,
    /// What somebody typed meanwhile, as far as it is plain characters.
    pub typed: String,
}

impl Answers {
    /// Reads what came back so far.
    pub fn read(bytes: &[u8]) -> Self {
        let mut answers = Self::default();
        let text = String::from_utf8_lossy(bytes);
        for (index, piece) in text.split('\x1b').enumerate() {
            if index == 0 {
                answers.typed(piece);
            } else if let Some(rest) = piece.strip_prefix('\\') {
                // The end of a string of control.
                answers.typed(rest);
            } else if let Some(kitty) = piece.strip_prefix("_G") {
                answers.kitty |= kitty.contains(";OK");
            } else if let Some(name) = piece.strip_prefix("P>|") {
                answers.name = name.to_owned();
            } else if let Some((report, rest)) =
                piece.strip_prefix("[6;").and_then(|rest| rest.split_once('t'))
            {
                answers.typed(rest);
                let sides = report.split_once(';').map(|(h, w)| (h.parse().ok(), w.parse().ok()));
                if let Some((Some(height), Some(width))) = sides
                    && (4..=200).contains(&width)
                    && (4..=400).contains(&height)
                {
                    answers.cell = Some(CellSize { width, height });
                }
            } else if let Some(end) = piece.strip_prefix("[?").and_then(|rest| rest.find('c')) {
                answers.sixel |= piece[2..end + 2].split(';').any(|attribute| attribute == "4");
                answers.is_complete = true;
                answers.typed(&piece[end + 3..]);
            }
        }
        answers
    }

    fn typed(&mut self, text: &str) {
        self.typed.extend(text.chars().filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER));
    }

    /// The best that this terminal has. Placeholders, which keep a picture among the text it belongs to, are known
    /// to kitty and Ghostty; other terminals that answer the kitty query do not draw them. WezTerm, iTerm2 and mintty
    /// have iTerm2's protocol.
    pub fn best(&self, variable: impl Fn(&str) -> Option<String>) -> Graphics {
        let name = self.name.to_lowercase();
        let is = |wanted: &[&str]| wanted.iter().any(|wanted| name.starts_with(wanted));
        let says = |key: &str, wanted: &str| variable(key).is_some_and(|value| value == wanted);
        let in_tmux = is(&["tmux"]) || variable("TMUX").is_some_and(|value| !value.is_empty());
        if self.kitty && !in_tmux && is(&["kitty", "ghostty"]) {
            return Graphics::Kitty;
        }
        let is_iterm = says("LC_TERMINAL", "iTerm2") || says("TERM_PROGRAM", "iTerm.app");
        if !in_tmux && (is(&["iterm2", "wezterm", "mintty"]) || is_iterm) {
            return Graphics::Iterm2;
        }
        if self.sixel { Graphics::Sixel } else { Graphics::HalfBlocks }
    }
}

/// What is known of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// How it shows pictures.
    pub screen: Screen,
    /// Whether an answer may still come.
    pub is_late: bool,
    /// What somebody typed meanwhile.
    pub typed: String,
}

/// Asks the terminal that this process has in raw mode, before anybody reads its keys. Where nothing is to be asked,
/// nothing is written.
pub fn ask(choice: GraphicsChoice) -> Found {
    let measured = || {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        let width = size.ws_xpixel.checked_div(size.ws_col)?;
        let height = size.ws_ypixel.checked_div(size.ws_row)?;
        (width >= 4 && height >= 4).then_some(CellSize { width, height })
    };
    match choice {
        GraphicsChoice::Use(graphics) => {
            let screen = Screen { graphics, cell: measured().unwrap_or_default() };
            return Found { screen, ..Found::default() };
        }
        // A terminal that says so has no pictures, and some print what they do not know.
        GraphicsChoice::Auto if matches!(std::env::var("TERM").as_deref(), Ok("linux" | "dumb") | Err(_)) => {
            return Found::default();
        }
        GraphicsChoice::Auto => {}
    }
    let Ok(answers) = exchange() else { return Found::default() };
    let graphics = answers.best(|name| std::env::var(name).ok());
    let cell = answers.cell.or_else(measured).unwrap_or_default();
    Found { screen: Screen { graphics, cell }, is_late: !answers.is_complete, typed: answers.typed }
}

fn exchange() -> io::Result<Answers> {
    let stdin = io::stdin();
    let mut out = io::stdout().lock();
    out.write_all(QUESTIONS)?;
    out.flush()?;
    let until = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut piece = [0; 512];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = rustix::event::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        if left.is_zero() || poll(&mut waiting, Some(&timeout))? == 0 {
            return Ok(Answers::read(&bytes));
        }
        let count = rustix::io::read(&stdin, &mut piece)?;
        bytes.extend_from_slice(&piece[..count]);
        let answers = Answers::read(&bytes);
        if count == 0 || answers.is_complete || bytes.len() >= LONGEST {
            return Ok(answers);
        }
    }
}

/// Keeps an answer that came too late from being taken for keys: what is between the escape that begins a string
/// of control and the one that ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LateAnswer {
    /// Keys swallowed since a string began.
    swallowed: Option<u16>,
}

/// The longest answer in characters.
const LONGEST_ANSWER: u16 = 200;

impl LateAnswer {
    /// Whether a key is part of an answer: `c` with alt held where `alt`.
    pub fn swallows(&mut self, c: char, alt: bool) -> bool {
        match (self.swallowed, alt, c) {
            (None, true, '_' | 'P') => self.swallowed = Some(0),
            (None, ..) => return false,
            (Some(_), true, '\\') => self.swallowed = None,
            (Some(count), ..) if count >= LONGEST_ANSWER => {
                self.swallowed = None;
                return false;
            }
            (Some(count), ..) => self.swallowed = Some(count + 1),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn terminals_say_what_they_have() {
        let table: [(&[u8], Graphics, Option<u16>); 8] = [
            (
                b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.39.1)\x1b\\\x1b[6;22;11t\x1b[?62;c",
                Graphics::Kitty,
                Some(11),
            ),
            (
                b"\x1b_Gi=31;OK\x1b\\\x1bP>|ghostty 1.1.0\x1b\\\x1b[6;34;16t\x1b[?62;22c",
                Graphics::Kitty,
                Some(16),
            ),
            (
                b"\x1b_Gi=31;OK\x1b\\\x1bP>|WezTerm 20240203\x1b\\\x1b[6;20;10t\x1b[?65;4;6;18;22c",
                Graphics::Iterm2,
                Some(10),
            ),
            (
                b"\x1bP>|XTerm(390)\x1b\\\x1b[6;18;9t\x1b[?64;1;2;4;6;9;15;18;21;22;28c",
                Graphics::Sixel,
                Some(9),
            ),
            (b"\x1b_Gi=31;OK\x1b\\\x1bP>|Konsole 24.02\x1b\\\x1b[?62;1;4c", Graphics::Sixel, None),
            (b"\x1bP>|VTE(7600)\x1b\\\x1b[?65;1;9c", Graphics::HalfBlocks, None),
            (b"\x1b[?1;2c", Graphics::HalfBlocks, None),
            (b"", Graphics::HalfBlocks, None),
        ];
        for (bytes, expected, width) in table {
            let answers = Answers::read(bytes);
            let text = String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(answers.best(nothing), expected, "{text:?}");
            assert_eq!(answers.cell.map(|cell| cell.width), width, "{text:?}");
            assert_eq!(answers.is_complete, !bytes.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn in_tmux_its_own_sixels_alone_count() {
        let answers = Answers::read(b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.39.1)\x1b\\\x1b[?62;c");
        let tmux = |name: &str| (name == "TMUX").then(|| "/tmp/tmux,1,0".to_owned());
        assert_eq!(answers.best(tmux), Graphics::HalfBlocks);
        assert_eq!(Answers::read(b"\x1bP>|tmux 3.4\x1b\\\x1b[?1;2;4c").best(tmux), Graphics::Sixel);
    }

    #[test]
    fn an_iterm_behind_ssh_is_known_by_what_ssh_passes_on() {
        let iterm = |name: &str| (name == "LC_TERMINAL").then(|| "iTerm2".to_owned());
        assert_eq!(Answers::read(b"\x1b[?62;4c").best(iterm), Graphics::Iterm2);
    }

    #[test]
    fn answers_in_pieces_and_rubbish_are_read() {
        let whole = b"\x1b[6;20;10t\x1b[?62;4c";
        for cut in 0..whole.len() {
            assert!(!Answers::read(&whole[..cut]).is_complete, "{cut}");
        }
        for rubbish in [&b"qqq\x1b[A\x1bOP"[..], b"\x1b[6;0;0t\x1b[6;x;yt", b"\xff\xfe\x1b"] {
            let answers = Answers::read(rubbish);
            assert_eq!((answers.is_complete, answers.cell), (false, None));
        }
    }

    #[test]
    fn what_is_typed_meanwhile_is_not_lost() {
        let answers = Answers::read(b"e\x1b_Gi=31;OK\x1b\\A\x1bP>|kitty\x1b\\n\x1b[6;20;10ta\x1b[?62c!");
        assert_eq!((answers.typed.as_str(), answers.is_complete), ("eAna!", true));
    }

    #[test]
    fn a_late_answer_presses_no_key() {
        let mut late = LateAnswer::default();
        let keys = [('q', false), ('_', true), ('G', false), ('i', false), ('\\', true), ('q', false)];
        let taken: Vec<bool> = keys.map(|(c, alt)| late.swallows(c, alt)).to_vec();
        assert_eq!(taken, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_key_that_looks_like_an_answer_swallows_no_more_than_one() {
        let mut late = LateAnswer::default();
        assert!(late.swallows('P', true));
        let swallowed = (0..1_000).take_while(|_| late.swallows('j', false)).count();
        assert_eq!(swallowed, usize::from(LONGEST_ANSWER));
        assert!(!late.swallows('j', false));
    }
}
