//! A payload in one short line of a comment, with nothing in it that may be a secret.

use serde_json::Value;

/// Characters of a payload that are shown.
const SHOWN: usize = 90;
/// Parts of keys whose values are not shown: passwords, keys, and the names of networks.
const SECRET: [&str; 11] =
    ["pass", "pwd", "secret", "token", "key", "psk", "credential", "auth", "ssid", "pin", "cookie"];

/// The payload on a topic, shortened; nothing of it where the topic itself says that it is a secret.
pub(super) fn shown_on(topic: &str, payload: &[u8]) -> String {
    if is_secret(topic) { "not shown: it may be a secret".to_owned() } else { shown(payload) }
}

/// The payload, shortened.
pub(super) fn shown(payload: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(payload) else {
        return format!("{} bytes that are no text", payload.len());
    };
    let text = match serde_json::from_str::<Value>(text) {
        Ok(mut document) if document.is_object() || document.is_array() => {
            hide(&mut document);
            document.to_string()
        }
        _ if is_secret(text) => return "not shown: it may hold a secret".to_owned(),
        _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let plain: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    match plain.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None if plain.is_empty() => "too large to be looked at".to_owned(),
        None => plain,
    }
}

fn is_secret(text: &str) -> bool {
    let small = text.to_ascii_lowercase();
    SECRET.iter().any(|word| small.contains(word))
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter_mut() {
                if is_secret(key) { *inner = Value::String("…".to_owned()) } else { hide(inner) }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_at_any_depth_and_long_payloads_cut() {
        let told = shown(br#"{"a":1,"wifi":{"ssid":"home","Password":"hunter2"},"l":[{"api_key":"x9"}]}"#);
        assert_eq!(told, r#"{"a":1,"l":[{"api_key":"…"}],"wifi":{"Password":"…","ssid":"…"}}"#);
        assert!(!shown(b"user=me password=hunter2").contains("hunter2"));
        assert!(!shown_on("wifi/Password", b"hunter2").contains("hunter2"));
        assert_eq!(shown("x".repeat(200).as_bytes()).chars().count(), SHOWN + 1);
        assert_eq!(shown(b"a\x07b\n c"), "a?b c");
        assert_eq!(shown(&[0xff, 0]), "2 bytes that are no text");
    }
}
