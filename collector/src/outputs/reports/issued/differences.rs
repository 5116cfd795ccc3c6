//! Where two JSON values differ, path by path. Numbers are compared by their digits: 1.30 is not 1.3.

use super::content::Change;
use serde_json::Value;

/// What names an element of a list, so that a path says which one is meant.
const NAMES: [&str; 6] = ["target", "meter", "month", "role", "id", "indicator"];

/// Letters of a value that are shown.
const SHOWN: usize = 200;

/// Every difference, in the order of the paths.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    match (before, after) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let below = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            for (key, value) in one {
                compare(&below(key), Some(value), other.get(key), found);
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                compare(&below(key), None, Some(value), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for at in 0..one.len().max(other.len()) {
                let (before, after) = (one.get(at), other.get(at));
                compare(&format!("{path}[{}]", element(at, before.or(after))), before, after, found);
            }
        }
        _ if before == after => {}
        _ => {
            let what = if path.is_empty() { "everything".to_owned() } else { path.to_owned() };
            found.push(Change { what, before: before.map(shown), after: after.map(shown) });
        }
    }
}

fn element(at: usize, value: Option<&Value>) -> String {
    let name = value.and_then(|value| NAMES.iter().find_map(|key| value.get(key)?.as_str()));
    name.map_or_else(|| at.to_string(), |name| format!("{at} {name}"))
}

fn shown(value: &Value) -> String {
    let mut text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

/// Whether two texts of JSON are the same but for the white space between their tokens. Two that have the same value and
/// are not the same so may have a key twice, of which others read the one that this program does not.
pub(crate) fn is_same_but_for_space(one: &[u8], other: &[u8]) -> bool {
    tokens(one).eq(tokens(other))
}

fn tokens(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (mut in_string, mut is_escaped) = (false, false);
    text.iter().copied().filter(move |&byte| {
        let was_in_string = in_string;
        if is_escaped {
            is_escaped = false;
        } else if in_string && byte == b'\\' {
            is_escaped = true;
        } else if byte == b'"' {
            in_string = !in_string;
        }
        was_in_string || !byte.is_ascii_whitespace()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(before: &str, after: &str) -> Vec<String> {
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let line = |change: Change| format!("{}: {:?} -> {:?}", change.what, change.before, change.after);
        differences(&read(before), &read(after)).into_iter().map(line).collect()
    }

    #[test]
    fn every_place_that_differs_is_named_and_no_other() {
        let before = r#"{"pue": {"value": 1.30, "unit": ""}, "months": [{"month": "2026-01", "kwh": 5}], "gone": [1]}"#;
        let after = r#"{"pue": {"value": 1.3, "unit": ""}, "months": [{"month": "2026-01", "kwh": 6}, 7], "new": null}"#;
        assert_eq!(
            between(before, after),
            [
                r#"gone: Some("[1]") -> None"#,
                r#"months[0 2026-01].kwh: Some("5") -> Some("6")"#,
                r#"months[1]: None -> Some("7")"#,
                r#"pue.value: Some("1.30") -> Some("1.3")"#,
                r#"new: None -> Some("null")"#,
            ]
        );
        assert_eq!(between(before, before), Vec::<String>::new());
        assert_eq!(between("1", "[1]"), [r#"everything: Some("1") -> Some("[1]")"#]);
    }

    #[test]
    fn space_between_tokens_is_no_difference_and_everything_else_is() {
        let same = |one: &str, other: &str| is_same_but_for_space(one.as_bytes(), other.as_bytes());
        let one = r#"{"a": [1, "x \" y"], "b": null}"#;
        assert!(same(one, "{\r\n\t\"a\":[1,\"x \\\" y\"],\"b\":null}\r\n"));
        for other in [
            r#"{"a": [1, "x \"  y"], "b": null}"#,
            r#"{"a": [2], "a": [1, "x \" y"], "b": null}"#,
            r#"{"b": null, "a": [1, "x \" y"]}"#,
        ] {
            assert!(!same(one, other), "{other}");
        }
    }
}
