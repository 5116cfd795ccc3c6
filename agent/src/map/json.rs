//! JSON as devices write it: strict first, and once more with bare `NaN` and `Infinity` taken as texts,
//! so that one field that is no number does not cost the others of its message.

use serde_json::Value;

/// Parses a payload.
pub(super) fn parse(payload: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(payload).or_else(|error| match with_non_finite_quoted(payload) {
        Some(mended) => serde_json::from_str(&mended).map_err(|_| error),
        None => Err(error),
    })
}

/// Whether a text is how a program prints a float that is not finite.
pub(super) fn is_non_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    ["nan", "inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word))
}

/// The payload with every bare word of [`is_non_finite`] in quotes; `None` if there is none.
fn with_non_finite_quoted(payload: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(payload).ok()?;
    let mut mended = String::with_capacity(text.len() + 16);
    let mut found = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '"' => string_length(rest),
            '+' | '-' | 'a'..='z' | 'A'..='Z' => {
                rest[1..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1)
            }
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(taken);
        if is_non_finite(token) {
            found = true;
            mended.extend(["\"", token, "\""]);
        } else {
            mended.push_str(token);
        }
        rest = after;
    }
    found.then_some(mended)
}

/// Bytes of the JSON string that `text` begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_bare_words_are_quoted() {
        let mended = with_non_finite_quoted(br#"{"NaN":NaN,"a":-Infinity,"b":"x\"nan","c":[nan,1e5]}"#);
        assert_eq!(mended.as_deref(), Some(r#"{"NaN":"NaN","a":"-Infinity","b":"x\"nan","c":["nan",1e5]}"#));
        assert_eq!(with_non_finite_quoted(br#"{"a":nano}"#), None);
        assert_eq!(with_non_finite_quoted(b"\xff nan"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&payload);
        }

        #[test]
        fn any_text_is_parsed_or_refused(payload in r#"[{}\[\]",:naNi0-9eE+.\\é-]{0,40}"#) {
            let _ = parse(payload.as_bytes());
        }
    }
}
