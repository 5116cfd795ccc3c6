//! The words of upsd's line protocol. Source: RFC 9271.

/// The words of a line: separated by white space, or between quotes, where a backslash takes the next
/// character as it is.
///
/// # Errors
/// What is wrong with the line.
pub fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("ends in a backslash")?),
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c if c.is_control() => return Err("has a control character"),
            c => word.get_or_insert_default().push(c),
        }
    }
    if is_quoted {
        return Err("has a quote without its other half");
    }
    words.extend(word);
    Ok(words)
}

/// A text as one word of a line; `None` for one that no line can have in it.
pub fn quoted(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What a UPS's `ups.status` may say, and what the meter of it is called: its value is 1 while the word is
/// there and 0 while it is not, so that a mean is the share of the time. Source: RFC 9271.
pub const STATES: [(&str, &str); 8] = [
    ("OL", "on-line"),
    ("OB", "on-battery"),
    ("LB", "low-battery"),
    ("RB", "replace-battery"),
    ("BYPASS", "bypass"),
    ("OVER", "overload"),
    ("OFF", "off"),
    ("ALARM", "alarm"),
];

/// Each state with whether it holds.
pub fn states(status: &str) -> impl Iterator<Item = (&'static str, bool)> {
    STATES.iter().map(move |(word, state)| (*state, status.split_whitespace().any(|said| said == *word)))
}

/// The unit of a variable, by the last part of its name; `None` for what is no measured value.
pub fn unit_of(variable: &str) -> Option<&'static str> {
    let (_, last) = variable.rsplit_once('.')?;
    let unit = match last {
        "realpower" => "W",
        "power" => "VA",
        "load" | "charge" | "humidity" | "efficiency" => "%",
        "voltage" => "V",
        "current" => "A",
        "frequency" => "Hz",
        "temperature" => "Cel",
        _ => return None,
    };
    Some(unit)
}

/// Whether a variable is meant by a pattern: its name, or the beginning of it followed by `*`.
pub fn is_meant(pattern: &str, variable: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => variable.starts_with(beginning),
        None => pattern == variable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_upsd_wrote_it() {
        let of = |line: &str| words(line).expect("a line");
        assert_eq!(of(r#"VAR rack1 ups.status "OL CHRG""#), ["VAR", "rack1", "ups.status", "OL CHRG"]);
        assert_eq!(of(r#"UPS rack1 "Rack \"one\" \\ two""#), ["UPS", "rack1", r#"Rack "one" \ two"#]);
        assert_eq!(of(r#"VAR a b """#), ["VAR", "a", "b", ""]);
        assert_eq!(of("  "), Vec::<String>::new());
        for line in [r#"VAR a b "open"#, "VAR a b\\", "VAR \"a\u{7}\" b"] {
            assert!(words(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_quoted_is_one_word() {
        for text in ["rack 1", r#"a"b\c"#, "", "ü"] {
            let line = format!("LIST VAR {}", quoted(text).expect("a word"));
            assert_eq!(words(&line).expect("a line"), ["LIST", "VAR", text]);
        }
        assert_eq!(quoted("a\nLOGOUT"), None);
    }

    #[test]
    fn a_status_is_its_states() {
        let held = |status: &str| -> Vec<&str> {
            states(status).filter(|(_, holds)| *holds).map(|(state, _)| state).collect()
        };
        assert_eq!(held("OB DISCHRG LB"), ["on-battery", "low-battery"]);
        assert_eq!(held("OL"), ["on-line"]);
        assert_eq!(held(""), Vec::<&str>::new());
        assert_eq!(held("OLOB"), Vec::<&str>::new(), "words, not letters");
    }

    #[test]
    fn nominal_values_and_limits_are_no_readings() {
        assert_eq!((unit_of("ups.realpower"), unit_of("ups.power")), (Some("W"), Some("VA")));
        assert_eq!(unit_of("output.L1-N.voltage"), Some("V"));
        for variable in ["output.voltage.nominal", "ups.load.high", "battery.runtime", "voltage", ""] {
            assert_eq!(unit_of(variable), None, "{variable}");
        }
        assert!(is_meant("output.*", "output.L1.current") && is_meant("ups.load", "ups.load"));
        assert!(!is_meant("ups.load", "ups.load.high") && !is_meant("output.*", "outputs"));
    }
}
