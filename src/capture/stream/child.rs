//! The ffmpeg program as a child that connects to a stream and writes its pictures into a pipe.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process_group, set_parent_process_death_signal};

use super::StreamOptions;
use super::address::{Scheme, StreamAddress};
use crate::capture::CaptureError;
use crate::capture::picture::MAX_PIXELS;

/// The program that connects.
pub(super) const PROGRAM: &str = "ffmpeg";

/// How much the pipe of pictures holds, in bytes, where the system allows it: a third of a picture of
/// 1280 by 720, so that the child and the reader take turns three times a picture and not forty.
const PIPE_BYTES: usize = 1 << 20;

/// The child. Dropping it ends and reaps it, and what it may have started.
pub(super) struct Decoder {
    child: Child,
    /// Its pictures; does not block.
    pub(super) stdout: ChildStdout,
    /// What it says; does not block.
    pub(super) stderr: ChildStderr,
}

impl Decoder {
    /// Starts it. The address goes through its standard input, as a list of one entry that ffmpeg's
    /// `concat` reads: what stands on a command line or in an environment, others can read.
    ///
    /// The child ends when the thread that calls this does, however that ends: keep it on this thread.
    pub(super) fn start(address: &StreamAddress, options: &StreamOptions) -> Result<Self, CaptureError> {
        let failed =
            |detail: String| CaptureError::Failed { what: PROGRAM.to_owned(), step: "be started", detail };
        let parent = getpid();
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments(address.scheme(), options))
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            // What is configured is what is connected to, and nothing between.
            .env_remove("http_proxy")
            .env_remove("FFREPORT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for this process to act on, not for its children.
            .process_group(0);
        // SAFETY: between fork and exec only calls that are safe in a signal handler are allowed. These are
        // prctl and getppid, plain system calls that allocate nothing and take no lock.
        unsafe { command.pre_exec(move || end_with(parent)) };
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => CaptureError::ProgramMissing {
                program: PROGRAM,
                hint: "network streams are read by it; install it with `sudo apt install ffmpeg`".to_owned(),
            },
            _ => failed(error.to_string()),
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            end(&mut child);
            return Err(failed("its input and output are not connected".to_owned()));
        };
        let started = Self { child, stdout, stderr };
        // A pipe holds more than a list does, so that this never waits. A child that has ended already says
        // why on its standard error.
        let _ = stdin.write_all(list(address, options).as_bytes());
        drop(stdin);
        let _ = rustix::pipe::fcntl_setpipe_size(&started.stdout, PIPE_BYTES);
        for pipe in [started.stdout.as_fd(), started.stderr.as_fd()] {
            fcntl_getfl(pipe)
                .and_then(|flags| fcntl_setfl(pipe, flags | OFlags::NONBLOCK))
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(started)
    }

    /// Hands on what it has said until now; whether it may say more.
    pub(super) fn hear(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        let mut buffer = [0; 2048];
        loop {
            match self.stderr.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => take(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    /// Ends it and hands on its last words.
    pub(super) fn finish(mut self, take: impl FnMut(&[u8])) {
        end(&mut self.child);
        self.hear(take);
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Runs in the child before it becomes ffmpeg: it is killed when the thread that made it is gone.
fn end_with(parent: Pid) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before that was said.
    if getppid() == Some(parent) { Ok(()) } else { Err(ErrorKind::NotConnected.into()) }
}

/// Ends a child with its group and reaps it. Does nothing to one that was reaped already.
fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        // It leads a group of its own, and is not reaped: the number is still its own.
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The protocols that a scheme needs, and `pipe`, through which the list and the pictures go. A list or an
/// answer that points anywhere else is refused by ffmpeg.
fn protocols(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Rtsp => "pipe,tcp",
        Scheme::Rtsps => "pipe,tcp,tls",
        Scheme::Http => "pipe,tcp,http",
        Scheme::Https => "pipe,tcp,tls,https",
    }
}

/// What a scheme's answer may be: containers that are read as they come. None is a list that could name
/// other addresses.
fn formats(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Rtsp | Scheme::Rtsps => "concat,rtsp",
        Scheme::Http | Scheme::Https => {
            "concat,mpjpeg,mjpeg,mpegts,mpeg,flv,live_flv,matroska,ogg,asf,h264,hevc,m4v"
        }
    }
}

/// The list of one entry. The address has no line break, and its quotes are escaped as `concat` wants them.
fn list(address: &StreamAddress, options: &StreamOptions) -> String {
    let microseconds = options.next_picture.as_micros();
    let mut text = String::from("ffconcat version 1.0\n");
    text += &format!("file '{}'\n", address.whole().replace('\'', r"'\''"));
    // Of the connection and of every read; `timeout` is RTSP's, and TCP's of connecting.
    text += &format!("option timeout {microseconds}\noption rw_timeout {microseconds}\n");
    // Enough to know a stream by; pictures that were read for it are shown as well.
    text += "option analyzeduration 1000000\noption probesize 1000000\noption fpsprobesize 0\n";
    match address.scheme() {
        Scheme::Rtsp | Scheme::Rtsps => {
            // Inside the RTSP connection: nothing is lost on the way, and no other port is opened.
            text += "option rtsp_transport tcp\noption allowed_media_types video\n";
        }
        Scheme::Http => {}
        Scheme::Https => {
            text += &format!("option tls_verify {}\n", u8::from(options.check_certificate));
        }
    }
    text
}

fn arguments(scheme: Scheme, options: &StreamOptions) -> Vec<OsString> {
    let side = options.max_side.clamp(16, 4096);
    // Pixels that are not square are made so, as a player does; then what is too large is scaled down.
    let filter = format!(
        "scale=w='max(1,trunc(iw*sar))':h=ih,scale=w='min({side},iw)':h='min({side},ih)':\
         force_original_aspect_ratio=decrease:flags=bilinear,setsar=1"
    );
    let pixels = MAX_PIXELS.to_string();
    let before = ["-nostdin", "-nostats", "-hide_banner", "-loglevel", "level+verbose"];
    let reading = ["-protocol_whitelist", protocols(scheme), "-format_whitelist", formats(scheme)];
    // Without threads that each hold a picture back: the newest is wanted, not the most.
    let decoding = ["-flags", "low_delay", "-max_pixels", &pixels];
    let input = ["-f", "concat", "-safe", "0", "-i", "pipe:0", "-map", "0:v:0", "-an", "-sn", "-dn"];
    // Each picture once, when it comes: none made up where the stream paused.
    let output = ["-vf", &filter, "-fps_mode", "passthrough", "-c:v", "ppm", "-f", "image2pipe", "pipe:1"];
    [&before[..], &reading, &decoding, &input, &output].concat().into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_in_the_list_and_not_among_the_arguments() {
        let options = StreamOptions::default();
        let address: StreamAddress = "rtsp://it's:secret@cam/x".parse().unwrap();
        let list = list(&address, &options);
        assert!(list.contains(r"file 'rtsp://it'\''s:secret@cam/x'"), "{list}");
        assert!(list.contains("rtsp_transport tcp") && list.contains("option timeout 5000000\n"), "{list}");
        for scheme in Scheme::ALL {
            let arguments = arguments(scheme, &options);
            let shown = format!("{arguments:?}");
            assert!(!shown.contains("secret") && !shown.contains("cam"), "{shown}");
        }
    }

    #[test]
    fn a_scheme_gets_the_protocols_that_it_needs_and_no_others() {
        let expected = ["pipe,tcp", "pipe,tcp,tls", "pipe,tcp,http", "pipe,tcp,tls,https"];
        assert_eq!(Scheme::ALL.map(protocols), expected);
        let mut options = StreamOptions::default();
        let address = "https://cam/x".parse().unwrap();
        assert!(list(&address, &options).contains("tls_verify 1"));
        options.check_certificate = false;
        assert!(list(&address, &options).contains("tls_verify 0"));
    }
}
