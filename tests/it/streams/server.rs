//! A network camera on loopback that does what it is told: MJPEG over HTTP, or MPEG-4 over RTSP, with every
//! fault that a network camera has.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the server does with who connects, and with who is connected already.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// Sends these pictures one after another, again from the first after the last.
    Serve(Arc<Vec<Vec<u8>>>),
    /// Sends each of them once and then nothing.
    ServeOnce(Arc<Vec<Vec<u8>>>),
    /// Accepts, reads, and says nothing; who is connected gets nothing more.
    Silent,
    /// Ends every connection as soon as it stands.
    Drop,
    /// Does not listen.
    Refuse,
    /// Answers with this status.
    Status(u16),
    /// Answers as if all were well, and sends what is no picture.
    Junk,
}

struct Shared {
    mode: Mode,
    /// Counts the changes of `mode`.
    epoch: u64,
    /// The header that is wanted, as `Basic dTpw`.
    authorization: Option<String>,
    /// Pictures sent since the last change of mode.
    sent: u64,
    /// When the first of them was.
    first_sent: Option<Instant>,
    stopped: bool,
}

/// The server; dropping it ends it.
pub struct Server {
    port: u16,
    shared: Arc<(Mutex<Shared>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of loopback. `rtsp` or HTTP.
    pub fn start(rtsp: bool, interval: Duration, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Shared { mode, epoch: 0, authorization: None, sent: 0, first_sent: None, stopped: false };
        let shared = Arc::new((Mutex::new(shared), Condvar::new()));
        let state = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(listener, port, rtsp, interval, &state));
        Self { port, shared, thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is sent with the authorization that must come.
    pub fn want(&self, authorization: &str) {
        self.lock().authorization = Some(authorization.to_owned());
    }

    /// From now on it does this.
    pub fn set(&self, mode: Mode) {
        let mut shared = self.lock();
        shared.mode = mode;
        shared.epoch += 1;
        shared.sent = 0;
        shared.first_sent = None;
        drop(shared);
        self.shared.1.notify_all();
    }

    /// Waits until `count` pictures were sent since the last change; when the first was.
    pub fn wait_sent(&self, count: u64) -> Instant {
        let mut shared = self.lock();
        while shared.sent < count {
            let (next, timeout) = self.shared.1.wait_timeout(shared, Duration::from_secs(60)).unwrap();
            assert!(!timeout.timed_out(), "nobody came for pictures within a minute");
            shared = next;
        }
        shared.first_sent.unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.0.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lock().stopped = true;
        self.shared.1.notify_all();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

type State = Arc<(Mutex<Shared>, Condvar)>;

fn accept(listener: TcpListener, port: u16, rtsp: bool, interval: Duration, state: &State) {
    let mut listener = Some(listener);
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let (stopped, refuses) = {
            let shared = state.0.lock().unwrap();
            (shared.stopped, shared.mode == Mode::Refuse)
        };
        if stopped {
            break;
        }
        match (&listener, refuses) {
            (Some(_), true) => listener = None,
            (None, false) => listener = TcpListener::bind(("127.0.0.1", port)).ok(),
            _ => {}
        }
        let accepted = listener.as_ref().map(|listener| {
            listener.set_nonblocking(true).unwrap();
            listener.accept()
        });
        if let Some(Ok((stream, _))) = accepted {
            let state = Arc::clone(state);
            connections.push(std::thread::spawn(move || {
                stream.set_nonblocking(false).unwrap();
                stream.set_nodelay(true).unwrap();
                // Who hangs up in the middle of something ends this, and nothing else.
                let _ = connection(&stream, rtsp, interval, &state);
                let _ = stream.shutdown(Shutdown::Both);
            }));
        } else {
            std::thread::sleep(Duration::from_millis(5));
        }
        connections.retain(|connection| !connection.is_finished());
    }
    for connection in connections {
        let _ = connection.join();
    }
}

/// One client, to its end.
fn connection(mut stream: &TcpStream, rtsp: bool, interval: Duration, state: &State) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    loop {
        let (mode, epoch) = {
            let shared = state.0.lock().unwrap();
            (shared.mode.clone(), shared.epoch)
        };
        match mode {
            Mode::Drop | Mode::Refuse => return Ok(()),
            // What was asked meanwhile stays unanswered.
            Mode::Silent => return hangs_up(state, epoch, stream).map(drop),
            _ => {}
        }
        let Some(request) = request(stream, state)? else { return Ok(()) };
        let (mode, wanted) = {
            let shared = state.0.lock().unwrap();
            (shared.mode.clone(), shared.authorization.clone())
        };
        if mode == Mode::Silent {
            continue;
        }
        let has = request.lines().find_map(|line| line.strip_prefix("Authorization: ").map(str::trim));
        let is_allowed = wanted.as_deref().is_none_or(|wanted| has == Some(wanted));
        let is_open = rtsp && request.starts_with("OPTIONS");
        let status = match mode {
            Mode::Status(status) if !is_open => status,
            _ if !is_allowed && !is_open => 401,
            _ => 200,
        };
        if rtsp {
            let plays = rtsp_answer(stream, &request, status)?;
            if plays && status == 200 {
                return play(stream, true, interval, state);
            }
        } else if status == 200 {
            let kind = "multipart/x-mixed-replace; boundary=next";
            write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")?;
            return play(stream, false, interval, state);
        } else {
            let wants = "WWW-Authenticate: Basic realm=\"camera\"\r\n";
            let wants = if status == 401 { wants } else { "" };
            write!(stream, "HTTP/1.0 {status} No\r\n{wants}Content-Length: 0\r\nConnection: close\r\n\r\n")?;
            return Ok(());
        }
    }
}

/// The next request; none where the client has hung up or the server's mode changed.
fn request(mut stream: &TcpStream, state: &State) -> std::io::Result<Option<String>> {
    let epoch = state.0.lock().unwrap().epoch;
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => text.push(byte[0]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let shared = state.0.lock().unwrap();
                if shared.stopped || shared.epoch != epoch {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Answers an RTSP request; whether it was PLAY.
fn rtsp_answer(mut stream: &TcpStream, request: &str, status: u16) -> std::io::Result<bool> {
    let method = request.split(' ').next().unwrap_or_default();
    let sequence = request.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("0").trim();
    let (mut headers, mut body) = (String::new(), "");
    match (status, method) {
        (401, _) => headers += "WWW-Authenticate: Basic realm=\"camera\"\r\n",
        (200, "OPTIONS") => headers += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
        (200, "DESCRIBE") => {
            body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                    m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=fmtp:96 profile-level-id=1\r\n\
                    a=control:track0\r\n";
            headers += &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", body.len());
        }
        (200, "SETUP") => headers += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
        (200, _) => headers += "Session: 1\r\n",
        _ => {}
    }
    write!(stream, "RTSP/1.0 {status} x\r\nCSeq: {sequence}\r\n{headers}\r\n{body}")?;
    Ok(method == "PLAY")
}

/// Sends pictures, or nothing, as the mode says, until the mode or the client ends it.
fn play(mut stream: &TcpStream, rtsp: bool, interval: Duration, state: &State) -> std::io::Result<()> {
    let junk: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (mut number, mut clock, mut index, mut before) = (0u16, 0u32, 0, None);
    let mut due = Instant::now();
    loop {
        let (mode, epoch) = {
            let shared = state.0.lock().unwrap();
            (shared.mode.clone(), shared.epoch)
        };
        if before.replace(epoch) != Some(epoch) {
            index = 0;
            due = Instant::now();
        }
        let picture = match &mode {
            Mode::Serve(pictures) => Some(&pictures[index % pictures.len()]),
            Mode::ServeOnce(pictures) => pictures.get(index),
            Mode::Junk => Some(&junk),
            Mode::Silent => None,
            Mode::Drop | Mode::Refuse | Mode::Status(_) => return Ok(()),
        };
        let Some(picture) = picture else {
            if hangs_up(state, epoch, stream)? {
                return Ok(());
            }
            continue;
        };
        if rtsp {
            for packet in rtp(picture, &mut number, clock) {
                stream.write_all(&packet)?;
            }
            clock = clock.wrapping_add((interval.as_micros() * 9 / 100) as u32);
        } else {
            let part =
                format!("--next\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
            stream.write_all(part.as_bytes())?;
            stream.write_all(picture)?;
            stream.write_all(b"\r\n")?;
        }
        index += 1;
        let mut shared = state.0.lock().unwrap();
        if shared.epoch == epoch {
            shared.sent += 1;
            shared.first_sent.get_or_insert_with(Instant::now);
        }
        state.1.notify_all();
        due += interval;
        while shared.epoch == epoch && !shared.stopped && Instant::now() < due {
            let left = due.saturating_duration_since(Instant::now());
            shared = state.1.wait_timeout(shared, left).unwrap().0;
        }
        if shared.stopped {
            return Ok(());
        }
    }
}

/// Says nothing until the mode is another; whether the client hung up, or the server ends, first.
fn hangs_up(state: &State, epoch: u64, mut stream: &TcpStream) -> std::io::Result<bool> {
    let mut heard = [0; 512];
    loop {
        match stream.read(&mut heard) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        let shared = state.0.lock().unwrap();
        if shared.stopped || shared.epoch != epoch {
            return Ok(shared.stopped);
        }
    }
}

/// One picture as RTP packets inside the RTSP connection (RFC 2326, section 10.12; RFC 3016 for the payload).
fn rtp(picture: &[u8], number: &mut u16, clock: u32) -> Vec<Vec<u8>> {
    let count = picture.chunks(1400).count();
    let packet = |(index, piece): (usize, &[u8])| {
        let marker = if index + 1 == count { 0x80 } else { 0 };
        let mut packet = vec![b'$', 0];
        packet.extend(((piece.len() + 12) as u16).to_be_bytes());
        packet.extend([0x80, marker | 96]);
        packet.extend(number.to_be_bytes());
        packet.extend(clock.to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(piece);
        *number = number.wrapping_add(1);
        packet
    };
    picture.chunks(1400).enumerate().map(packet).collect()
}
