//! A delivery by HTTP: the object as the body of a POST, and success where the answer is 200 to 299.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;

use super::DeliveryError;

/// Says who sends it.
const USER_AGENT: &str = concat!("muster/", env!("CARGO_PKG_VERSION"));

/// Sends `text` to `url`; `id` goes along as `Idempotency-Key`, and where there is a secret, the hexadecimal
/// HMAC-SHA256 of the body as `X-Muster-Signature: sha256=...`. No redirection is followed and no proxy used.
///
/// # Errors
/// [`DeliveryError`]
pub fn deliver(
    url: &str,
    secret: Option<&[u8]>,
    id: &str,
    text: &str,
    timeout: Duration,
) -> Result<(), DeliveryError> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(USER_AGENT)
        .build()
        .into();
    let mut request =
        agent.post(url).header("Content-Type", "application/json").header("Idempotency-Key", id);
    if let Some(secret) = secret {
        request =
            request.header("X-Muster-Signature", format!("sha256={}", signature(secret, text.as_bytes())));
    }
    match request.send(text.as_bytes()) {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(DeliveryError::Refused { status: answer.status().as_u16() }),
        Err(ureq::Error::Timeout(_)) => Err(DeliveryError::Timeout { seconds: timeout.as_secs() }),
        Err(error) => Err(DeliveryError::Connection { detail: without_address(&error.to_string(), url) }),
    }
}

/// The path of an address may be a secret.
fn without_address(text: &str, url: &str) -> String {
    text.replace(url, "the address")
}

fn signature(secret: &[u8], body: &[u8]) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;

    use super::*;

    /// A server that gives each connection to the next of `answers`.
    fn server(answers: Vec<fn(TcpStream)>) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/token", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            for answer in answers {
                answer(listener.accept().unwrap().0);
            }
        });
        (url, thread)
    }

    /// The head in small letters, and the body.
    fn read(stream: &TcpStream) -> (String, String) {
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
            head += &line;
            head.push('\n');
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    fn says(mut stream: TcpStream, status: &str) {
        read(&stream);
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: /other\r\n\r\n").unwrap();
    }

    fn send(url: &str) -> Result<(), DeliveryError> {
        deliver(url, Some(b"key"), "01ID", "{\"id\":\"01ID\"}", Duration::from_secs(60))
    }

    #[test]
    fn the_object_is_posted_with_its_id_and_signed() {
        let (url, thread) = server(vec![|mut stream| {
            let (head, body) = read(&stream);
            assert_eq!(body, "{\"id\":\"01ID\"}");
            assert!(head.starts_with("post /hook/token http/1.1"), "{head}");
            // HMAC-SHA256 of that body under `key`, by `openssl dgst -sha256 -hmac key`.
            let signature = "sha256=f6bb7fbba8a23f2c5ae78c16d0c1d47b053e5fb1f5c7b13130a4344633fd8e6f";
            for line in
                ["idempotency-key: 01id", "content-type: application/json", signature, "user-agent: muster/"]
            {
                assert!(head.contains(line), "{line} in {head}");
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }]);
        assert_eq!(send(&url), Ok(()));
        thread.join().unwrap();
    }

    #[test]
    fn whatever_is_no_yes_is_an_error_without_the_address() {
        let (url, thread) = server(vec![
            |stream| says(stream, "503 Service Unavailable"),
            |stream| says(stream, "404 Not Found"),
            // Where it is sent on to, nobody allowed.
            |stream| says(stream, "307 Temporary Redirect"),
            drop,
            |mut stream| stream.write_all(b"HTTP/1.1 20").unwrap(),
            |mut stream| stream.write_all(b"\xff\x00 nonsense\r\n\r\n").unwrap(),
        ]);
        for expected in [503, 404, 307] {
            assert_eq!(send(&url), Err(DeliveryError::Refused { status: expected }));
        }
        for _ in 0..3 {
            let error = send(&url).unwrap_err();
            assert!(matches!(error, DeliveryError::Connection { .. }), "{error}");
            assert!(!error.to_string().contains("token"), "{error}");
        }
        thread.join().unwrap();
        let error = send(&url).unwrap_err();
        assert!(matches!(error, DeliveryError::Connection { .. }), "{error}");
    }

    #[test]
    fn one_that_hangs_is_left_after_the_time_it_has() {
        let (url, thread) = server(vec![|stream| {
            // Held until the other side lets go.
            read(&stream);
            let _ = (&stream).read(&mut [0; 8]);
        }]);
        let sent = deliver(&url, None, "01ID", "{}", Duration::from_secs(1));
        assert_eq!(sent, Err(DeliveryError::Timeout { seconds: 1 }));
        thread.join().unwrap();
    }
}
