//! Signatures of statements: Ed25519, RFC 8032.
//!
//! Keys are what `openssl genpkey -algorithm ed25519` makes (PKCS#8, PEM) and `openssl pkey -pubout` gives out of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What comes before the 32 bytes of a public key in its DER. Source: RFC 8410.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no key that signs.
    #[error(
        "{} holds no Ed25519 key in PKCS#8 and PEM; make one with `openssl genpkey -algorithm ed25519`",
        file.display()
    )]
    NoPrivate {
        /// The file.
        file: PathBuf,
    },
    /// It is no public key.
    #[error(
        "{} holds no public Ed25519 key; give what `openssl pkey -in KEY -pubout` prints, or its 64 hexadecimal digits",
        file.display()
    )]
    NoPublic {
        /// The file.
        file: PathBuf,
    },
}

/// A key that signs. Nothing of it is ever printed but its public part.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

impl SigningKey {
    /// Reads a key from its file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(file: &Path) -> Result<SigningKey, KeyError> {
        let bytes = read(file)?;
        let none = || KeyError::NoPrivate { file: file.to_owned() };
        let der = std::str::from_utf8(&bytes).ok().and_then(|text| from_pem(text, "PRIVATE KEY"));
        // What openssl makes does not hold the public key, which is then made from the private one.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der.ok_or_else(none)?).map(SigningKey).map_err(|_| none())
    }

    /// The public key, hexadecimal.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// The signature of a message, hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }
}

/// A public key, hexadecimal, from a file.
///
/// # Errors
/// [`KeyError`].
pub fn read_public(file: &Path) -> Result<String, KeyError> {
    let bytes = read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let digits = text.trim().to_ascii_lowercase();
    if unhex::<32>(&digits).is_some() {
        return Ok(digits);
    }
    let der = from_pem(&text, "PUBLIC KEY").filter(|der| der.len() == SPKI.len() + 32);
    let key = der.as_deref().and_then(|der| der.strip_prefix(&SPKI)).map(hex);
    key.ok_or_else(|| KeyError::NoPublic { file: file.to_owned() })
}

/// Whether a signature of a message is that of the key; all three as they stand in a statement.
pub fn is_of(public: &str, message: &[u8], signature: &str) -> bool {
    let (Some(public), Some(signature)) = (unhex::<32>(public), unhex::<64>(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, public).verify(message, &signature).is_ok()
}

fn read(file: &Path) -> Result<Vec<u8>, KeyError> {
    std::fs::read(file).map_err(|source| KeyError::Unreadable { file: file.to_owned(), source })
}

fn from_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The first test key of RFC 8032, section 7.1, as openssl writes it, and its public part.
    pub(in super::super) const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    pub(in super::super) const PUBLIC: &str =
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("key.pem");
        std::fs::write(&file, text).expect("written");
        (dir, file)
    }

    #[test]
    fn what_is_signed_is_what_the_standard_says() {
        let (_dir, file) = written(PRIVATE);
        let key = SigningKey::read(&file).expect("a key");
        assert_eq!(key.public(), PUBLIC);
        // RFC 8032, 7.1, test 1: the empty message.
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                         d25bf5f0595bbe24655141438e7a100b";
        assert_eq!(key.sign(b""), signature);
        assert!(is_of(PUBLIC, b"", signature));
        assert!(!is_of(PUBLIC, b"x", signature));
        assert!(!is_of(PUBLIC, b"", &signature.replace("e556", "e557")));
        assert!(!is_of(PUBLIC, b"", ""));
    }

    #[test]
    fn public_keys_are_read_as_openssl_gives_them_and_as_digits() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                   -----END PUBLIC KEY-----\n";
        for text in [pem.to_owned(), format!("{PUBLIC}\n"), PUBLIC.to_uppercase()] {
            let (_dir, file) = written(&text);
            assert_eq!(read_public(&file).expect("a key"), PUBLIC);
        }
        let (_dir, file) = written("MCowBQYDK2VwAyEA");
        assert!(read_public(&file).expect_err("no key").to_string().contains("openssl pkey"));
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_mend_and_a_key_is_never_printed() {
        let (_dir, file) = written("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        assert!(SigningKey::read(&file).expect_err("no key").to_string().contains("openssl genpkey"));
        let (_dir, file) = written(PRIVATE);
        let shown = format!("{:?}", SigningKey::read(&file).expect("a key"));
        assert_eq!(shown, format!("SigningKey({PUBLIC})"));
    }
}
