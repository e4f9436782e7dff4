use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("keys/", $name, ".pub"))
    };
}

/// A key of each kind, with its fingerprint as ssh-keygen printed it. Those of security keys were put together
/// by hand from the points of others.
const GOOD: [(KeyType, &str, &str); 7] = [
    (KeyType::Ed25519, key!("ed25519"), "SHA256:NXbbs+YGPJeZAvVdKFaQVq5KMVIILVLKnySQvLNQ1uY"),
    (KeyType::EcdsaP256, key!("ecdsa_256"), "SHA256:3Cn3zr4bem3Zsv/m47tvU+bzpcuRRbylFdFFLwNiRdA"),
    (KeyType::EcdsaP384, key!("ecdsa_384"), "SHA256:WRj0YGVfYziOAlZ8DaNm+qRd1Q7y/iWuzyoL2ntxaBo"),
    (KeyType::EcdsaP521, key!("ecdsa_521"), "SHA256:kPazXcC8YoMuRyrfZ+IJvgHiuogxMpgOyr7Ukv0UlG0"),
    (KeyType::Rsa, key!("rsa_2048"), "SHA256:9BSQIHjOBm/NW6VM0dpzSW8tLmDHyvtaxYifwB/9rQc"),
    (KeyType::SkEd25519, key!("sk_ed25519"), "SHA256:biwuLsyXwqF7030aUH6pLBL1fz9CUp4vBcgD1g7gEko"),
    (KeyType::SkEcdsaP256, key!("sk_ecdsa"), "SHA256:zWwFyjySsurX6BALRy6H5a7Io4TbEi/ud7hvqgJGK8M"),
];

fn ed25519() -> (&'static str, &'static str) {
    let mut words = key!("ed25519").split(' ');
    (words.next().unwrap(), words.next().unwrap())
}

fn blob() -> Vec<u8> {
    STANDARD.decode(ed25519().1).unwrap()
}

fn line_of(kind: &str, blob: &[u8]) -> String {
    format!("{kind} {}", STANDARD.encode(blob))
}

#[test]
fn a_key_of_each_kind_is_taken_and_its_comment_is_not_kept() {
    for (kind, file, fingerprint) in GOOD {
        let key = PublicKey::of_file(file.as_bytes()).unwrap();
        assert_eq!((key.kind(), key.fingerprint().to_string().as_str()), (kind, fingerprint));
        let mut words = file.split(' ');
        let (name, base64) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!(key.to_string(), format!("{name} {base64}"));
        assert_eq!(PublicKey::of_type_and_base64(name, base64), Ok(key.clone()));
        assert_eq!(serde_json::from_str::<PublicKey>(&serde_json::to_string(&key).unwrap()).unwrap(), key);
        assert!(!format!("{key:?}").contains(base64));
    }
}

#[test]
fn fingerprints_are_those_of_ssh_keygen_where_it_is_installed() {
    for (_, file, fingerprint) in GOOD {
        let child = Command::new("ssh-keygen")
            .args(["-l", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("left out: there is no ssh-keygen here");
            return;
        };
        child.stdin.take().unwrap().write_all(file.as_bytes()).unwrap();
        let said = child.wait_with_output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said.split(' ').nth(1), Some(fingerprint), "{said}");
    }
}

#[test]
fn what_is_no_plain_key_is_refused_by_what_it_is() {
    use PublicKeyError::*;
    let (kind, base64) = ed25519();
    let line = format!("{kind} {base64}");
    let certificate = key!("certificate").to_owned();
    let table = [
        (String::new(), Empty),
        ("\n  \n# nothing\n".to_owned(), Empty),
        (format!("command=\"/bin/sh\" {line}"), Options),
        (format!("from=10.0.0.1 {line}"), Options),
        (format!("restrict,pty {line}"), Options),
        (format!("no-pty {line}"), Options),
        (format!("\"{line}"), Options),
        (certificate, Certificate),
        (format!("{line}\n{line}\n"), SeveralKeys),
        (format!("{line} {line}"), SeveralKeys),
        (format!("{line}\ncommand=\"sh\" {line}"), SeveralKeys),
        ("ssh-dss AAAAB3NzaC1kc3M= x".to_owned(), Dsa),
        ("ssh-ed448 AAAA x".to_owned(), UnknownType),
        ("2048 65537 1234 rsa1".to_owned(), UnknownType),
        (format!("SSH-ED25519 {base64}"), UnknownType),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n".to_owned(), PrivateKey),
        (format!("{line}\n-----BEGIN RSA PRIVATE KEY-----\n"), PrivateKey),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n".to_owned(), OtherForm),
        (format!("{line}\r\n"), ControlCharacter),
        (format!("{line} a\0b"), ControlCharacter),
        (format!("{kind}\t{base64}"), ControlCharacter),
        (format!("{line} \u{1b}[2J"), ControlCharacter),
        (format!("{line} {}", "x".repeat(MAX_LINE_BYTES)), TooLong),
        ("\n".repeat(MAX_FILE_BYTES + 1), TooLong),
        (kind.to_owned(), Base64),
        (format!("{kind} {}", &base64[1..]), Base64),
        (format!("{kind} {}=", base64), Base64),
        (format!("{kind} {}!", base64), Base64),
        (format!("{kind} {}", base64.replace('A', "_")), Base64),
        (format!("ssh-rsa {base64}"), OtherType),
        (key!("rsa_1024").to_owned(), ShortRsa),
    ];
    for (text, expected) in table {
        assert_eq!(PublicKey::of_file(text.as_bytes()), Err(expected), "{text:?}");
    }
    assert_eq!(PublicKey::of_file(&[0xff, 0xfe]), Err(ControlCharacter));
}

#[test]
fn what_is_inside_is_complete_and_nothing_more() {
    let whole = blob();
    let (kind, _) = ed25519();
    for length in 0..whole.len() {
        let refused = line_of(kind, &whole[..length]).parse::<PublicKey>().unwrap_err();
        let expected = [PublicKeyError::Damaged, PublicKeyError::Base64];
        assert!(expected.contains(&refused), "{length}: {refused:?}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(line_of(kind, &longer).parse::<PublicKey>(), Err(PublicKeyError::Damaged));
    let mut huge = whole.clone();
    huge[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(line_of(kind, &huge).parse::<PublicKey>(), Err(PublicKeyError::Damaged));
}

#[test]
fn numbers_of_an_rsa_key_have_one_form() {
    let field = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let key = |exponent: &[u8], modulus: &[u8]| {
        let blob = [field(b"ssh-rsa"), field(exponent), field(modulus)].concat();
        line_of("ssh-rsa", &blob).parse::<PublicKey>()
    };
    let modulus = [&[0][..], &[0xff; 256]].concat();
    assert!(key(&[3], &modulus).is_ok());
    for exponent in [&[][..], &[0], &[0, 3], &[1], &[4], &[0x81]] {
        assert_eq!(key(exponent, &modulus), Err(PublicKeyError::Damaged), "{exponent:?}");
    }
    assert_eq!(key(&[3], &[0xff; 256]), Err(PublicKeyError::Damaged), "negative");
    assert_eq!(key(&[3], &[&[0, 0][..], &[0xff; 256]].concat()), Err(PublicKeyError::Damaged));
    assert_eq!(key(&[3], &[0x7f; 256]), Err(PublicKeyError::ShortRsa), "2047 bits");
    assert_eq!(key(&[3], &[0x7f; 2_049]), Err(PublicKeyError::Damaged), "too many bits");
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let line = key!("ed25519").trim_end().as_bytes().to_vec();
    let changed = (0..line.len(), any::<u8>(), any::<bool>()).prop_map(move |(at, byte, insert)| {
        let mut line = line.clone();
        if insert {
            line.insert(at, byte);
        } else {
            line[at] = byte;
        }
        line
    });
    let whole = blob();
    let inside = (0..whole.len(), any::<u8>()).prop_map(move |(at, byte)| {
        let mut blob = whole.clone();
        blob[at] = byte;
        line_of("ssh-ed25519", &blob).into_bytes()
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), changed, inside]
}

proptest! {
    #[test]
    fn whatever_is_taken_is_one_plain_line(bytes in hostile()) {
        if let Ok(key) = PublicKey::of_file(&bytes) {
            let line = key.to_string();
            prop_assert_eq!(line.matches(' ').count(), 1);
            let plain = |c: char| c.is_ascii_alphanumeric() || "+/= -@.".contains(c);
            prop_assert!(line.chars().all(plain), "{}", line);
            prop_assert_eq!(line.parse::<PublicKey>(), Ok(key));
        }
    }

    #[test]
    fn comments_are_never_kept(comment in "[^\\x00-\\x1f\\x7f-\\x9f]{0,80}") {
        let (kind, base64) = ed25519();
        if let Ok(key) = format!("{kind} {base64} {comment}").parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), format!("{kind} {base64}"));
        }
    }
}
