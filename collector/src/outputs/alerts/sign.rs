//! Signatures, by which a receiver knows that a request is ours and of now.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt::Write as _;
use wattledger_model::time::Timestamp;

/// Header with the signature of a request.
pub(super) const SIGNATURE_HEADER: &str = "x-wattledger-signature";

/// When a request was signed, and the signature, as a product wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) timestamp: String,
    pub(super) sign: String,
}

/// HMAC-SHA256 (RFC 2104) of parts that follow each other.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The value of [`SIGNATURE_HEADER`]: `t=UNIX,v1=HEX`, over `UNIX.BODY`.
pub(super) fn header(key: &str, body: &[u8], now: Timestamp) -> String {
    let at = now.0.div_euclid(1_000).to_string();
    let signed = hmac(key.as_bytes(), &[at.as_bytes(), b".", body]);
    let mut value = format!("t={at},v1=");
    for byte in signed {
        write!(value, "{byte:02x}").expect("a text takes all");
    }
    value
}

/// DingTalk: milliseconds; the secret signs `MILLISECONDS\nSECRET`. Source: open.dingtalk.com, custom robots,
/// security settings.
pub(super) fn dingtalk(secret: &str, now: Timestamp) -> Stamp {
    let timestamp = now.0.to_string();
    let signed = hmac(secret.as_bytes(), &[timestamp.as_bytes(), b"\n", secret.as_bytes()]);
    Stamp { timestamp, sign: STANDARD.encode(signed) }
}

/// Feishu: seconds; `SECONDS\nSECRET` signs nothing. Source: open.feishu.cn, custom bots, signature verification.
pub(super) fn feishu(secret: &str, now: Timestamp) -> Stamp {
    let timestamp = now.0.div_euclid(1_000).to_string();
    let signed = hmac(format!("{timestamp}\n{secret}").as_bytes(), &[]);
    Stamp { timestamp, sign: STANDARD.encode(signed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_780_000_000_123);

    fn hex(bytes: [u8; 32]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let second = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(second), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let sixth = hmac(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
        assert_eq!(hex(sixth), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    /// The expected values were made with Python's hmac.
    #[test]
    fn each_product_gets_the_signature_that_it_would_make() {
        assert_eq!(
            header("Jefe", br#"{"version":1}"#, NOW),
            "t=1780000000,v1=be0d84fce0228609e17643ec00d44870d837b16194d94686bdd8b970c07a9df4"
        );
        assert_eq!(
            header("key", "电能".as_bytes(), NOW),
            "t=1780000000,v1=34a23a6898577cb619aff2872c2d66f003e0c368b4bbd0a7c64f3004aa6b60c2"
        );
        let stamp = dingtalk("SECdemo", NOW);
        assert_eq!(stamp.timestamp, "1780000000123");
        assert_eq!(stamp.sign, "Qupk0K9OCVY5ifXiRWw1qUHgegMpHnciqCFRCas6mTI=");
        let stamp = feishu("demo", NOW);
        assert_eq!(stamp.timestamp, "1780000000");
        assert_eq!(stamp.sign, "svnYDH+4mMPoP7a7ktD5rzh2qvSKdOwcQNdu2KiE7BQ=");
    }
}
