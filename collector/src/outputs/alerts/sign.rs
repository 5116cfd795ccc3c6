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
fn hmac(key: &[u8], parts: &[&[u8]]) -> impl AsRef<[u8]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes()
}

/// The value of [`SIGNATURE_HEADER`]: `t=UNIX,v1=HEX`, over `UNIX.BODY`.
pub(super) fn header(key: &str, body: &[u8], now: Timestamp) -> String {
    let at = now.0.div_euclid(1_000).to_string();
    let signed = hmac(key.as_bytes(), &[at.as_bytes(), b".", body]);
    let mut value = format!("t={at},v1=");
    for byte in signed.as_ref() {
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
