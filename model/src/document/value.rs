//! Readers: from one value of a file to what the program means by it, or to what is wrong with it.
//!
//! A reader is any `Fn(&Value) -> Result<T, String>`; its message says what is wrong without naming the
//! key or the place, which [`super::Table`] adds.

use super::{abridged, did_you_mean};
use crate::decimal::Decimal;
use crate::name::Name;
use crate::unit::Unit;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeValue};

/// One value of a file.
#[derive(Debug)]
pub struct Value<'d> {
    inner: &'d DeValue<'d>,
}

impl<'d> Value<'d> {
    pub(super) fn new(inner: &'d DeValue<'d>) -> Value<'d> {
        Value { inner }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&'d str> {
        match self.inner {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, or the date of TOML as text.
    pub(super) fn date_text(&self) -> Option<String> {
        match self.inner {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Datetime(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The value and its type, for messages.
    pub fn described(&self) -> String {
        match self.inner {
            DeValue::String(text) => format!("the text \"{}\"", abridged(text)),
            DeValue::Integer(number) => format!("the number {}", abridged(&number.to_string())),
            DeValue::Float(number) => format!("the number {}", abridged(number.as_str())),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(value) => format!("the date {value}"),
            DeValue::Array(_) => "a list".to_string(),
            DeValue::Table(_) => "a table".to_string(),
        }
    }

    fn instead_of(&self, needed: impl fmt::Display) -> String {
        format!("needs {needed}, not {}", self.described())
    }
}

/// A text that is not empty.
///
/// # Errors
/// What is wrong, as for every reader here.
pub fn string(value: &Value<'_>) -> Result<String, String> {
    match value.as_str() {
        Some("") => Err("is empty".to_string()),
        Some(text) => Ok(text.to_string()),
        None => Err(value.instead_of("a text in quotes")),
    }
}

/// A [`Name`].
///
/// # Errors
/// What is wrong.
pub fn name(value: &Value<'_>) -> Result<Name, String> {
    parsed(value)
}

/// A text that its type can parse. The type's error is the message.
///
/// # Errors
/// What is wrong.
pub fn parsed<T: FromStr>(value: &Value<'_>) -> Result<T, String>
where
    T::Err: fmt::Display,
{
    let text = value.as_str().ok_or_else(|| value.instead_of("a text in quotes"))?;
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// `true` or `false`.
///
/// # Errors
/// What is wrong.
pub fn boolean(value: &Value<'_>) -> Result<bool, String> {
    match value.inner {
        DeValue::Boolean(value) => Ok(*value),
        _ => Err(value.instead_of("true or false")),
    }
}

/// A whole number that fits the type asked for.
///
/// # Errors
/// What is wrong.
pub fn integer<T: TryFrom<i128>>(value: &Value<'_>) -> Result<T, String> {
    let DeValue::Integer(number) = value.inner else { return Err(value.instead_of("a whole number")) };
    i128::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{} is out of range", abridged(&number.to_string())))
}

/// A finite number, whole or not.
///
/// # Errors
/// What is wrong.
pub fn float(value: &Value<'_>) -> Result<f64, String> {
    let text = match value.inner {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return Err(value.instead_of("a number")),
    };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{} is not a finite number", abridged(text))),
    }
}

/// A decimal number, digit by digit: `"0.5"`, `0.5` or `1000`.
///
/// # Errors
/// What is wrong.
pub fn decimal(value: &Value<'_>) -> Result<Decimal, String> {
    let text = match value.inner {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        DeValue::String(text) => text,
        _ => return Err(value.instead_of("a number")),
    };
    text.parse().map_err(|error: crate::decimal::DecimalError| error.to_string())
}

/// Only what is above zero.
pub fn positive(
    read: impl Fn(&Value<'_>) -> Result<Decimal, String>,
) -> impl Fn(&Value<'_>) -> Result<Decimal, String> {
    move |value| match read(value)? {
        number if number.mantissa > 0 => Ok(number),
        number => Err(format!("must be above zero, not {number}")),
    }
}

/// One of a few words, each with what it stands for.
pub fn choice<T: Copy>(
    options: impl IntoIterator<Item = (&'static str, T)>,
) -> impl Fn(&Value<'_>) -> Result<T, String> {
    let options: Vec<(&'static str, T)> = options.into_iter().collect();
    move |value| {
        let words = || options.iter().map(|(word, _)| *word);
        let listed = || words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let text = value.as_str().ok_or_else(|| value.instead_of(format!("one of {}", listed())))?;
        let found = options.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let near = did_you_mean(text, words());
            let near = if near.is_empty() { format!("; use one of {}", listed()) } else { near };
            format!("`{}` is not known{near}", abridged(text))
        })
    }
}

/// A list of values of one kind. For a report at the place of each item, use [`super::Table::values`].
pub fn list<T>(
    read: impl Fn(&Value<'_>) -> Result<T, String>,
) -> impl Fn(&Value<'_>) -> Result<Vec<T>, String> {
    move |value| match value.inner {
        DeValue::Array(array) => array.iter().map(|item| read(&Value::new(item.get_ref()))).collect(),
        _ => Err(value.instead_of("a list such as [\"…\"]")),
    }
}

/// A table with keys of its author's own choice, such as `{ ON = 1, OFF = 0 }`.
pub fn entries<T>(
    read: impl Fn(&Value<'_>) -> Result<T, String>,
) -> impl Fn(&Value<'_>) -> Result<Vec<(String, T)>, String> {
    move |value| {
        let DeValue::Table(table) = value.inner else {
            return Err(value.instead_of("a table such as { ON = 1, OFF = 0 }"));
        };
        let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let key = key.get_ref().to_string();
            let value = read(&Value::new(value.get_ref()))
                .map_err(|error| format!("`{}`: {error}", abridged(&key)))?;
            Ok((key, value))
        };
        table.iter().map(entry).collect()
    }
}

const TIMES: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// A duration such as `"10s"`, `"15m"`, `"1h30m"` or `"400d"`. A day is 24 hours.
///
/// # Errors
/// What is wrong.
pub fn duration(value: &Value<'_>) -> Result<Duration, String> {
    const EXAMPLE: &str = "a duration such as \"10s\", \"15m\", \"1h\" or \"400d\"";
    let text = value.as_str().ok_or_else(|| value.instead_of(EXAMPLE))?;
    let wrong = || value.instead_of(EXAMPLE);
    let mut rest = text.trim();
    let mut total_ms = 0_u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(wrong)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (_, size) = TIMES.iter().find(|(word, _)| *word == &after[..end]).ok_or_else(wrong)?;
        let part = number.checked_mul(*size).ok_or_else(wrong)?;
        // 100 000 years: everything that is added to an instant later stays in range.
        total_ms = total_ms.checked_add(part).filter(|ms| *ms < 3_155_760_000_000_000).ok_or_else(wrong)?;
        rest = after[end..].trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// A duration above zero.
///
/// # Errors
/// What is wrong.
pub fn positive_duration(value: &Value<'_>) -> Result<Duration, String> {
    match duration(value)? {
        Duration::ZERO => Err("must be above zero".to_string()),
        length => Ok(length),
    }
}

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes: `"256 MiB"`, `"10 GB"` or a bare whole number.
///
/// # Errors
/// What is wrong.
pub fn bytes(value: &Value<'_>) -> Result<u64, String> {
    const EXAMPLE: &str = "a size such as \"256 MiB\"";
    if matches!(value.inner, DeValue::Integer(_)) {
        return integer(value);
    }
    let wrong = || value.instead_of(EXAMPLE);
    let (number, after) = value.as_str().and_then(|text| leading_number(text.trim())).ok_or_else(wrong)?;
    let (_, size) = SIZES.iter().find(|(word, _)| *word == after.trim()).ok_or_else(|| {
        let near = did_you_mean(after.trim(), SIZES.iter().skip(1).map(|(word, _)| *word));
        format!("{}{near}", wrong())
    })?;
    number.checked_mul(*size).filter(|bytes| *bytes <= i64::MAX as u64).ok_or_else(wrong)
}

/// The whole number a text begins with, and what follows it.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// A [`Unit`], in any of its spellings.
///
/// # Errors
/// What is wrong.
pub fn unit(value: &Value<'_>) -> Result<Unit, String> {
    let text = value.as_str().ok_or_else(|| value.instead_of("a unit such as \"kWh\""))?;
    text.parse().map_err(|error: String| format!("{error}{}", did_you_mean(text, Unit::spellings())))
}

/// A number with its unit, such as `2 MW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measure {
    /// The number as it was written.
    pub value: Decimal,
    /// Its unit.
    pub unit: Unit,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, self.unit)
    }
}

/// A number with its unit in one text: `"2 MW"`, `"0.5kWh"`.
///
/// # Errors
/// What is wrong.
pub fn measure(value: &Value<'_>) -> Result<Measure, String> {
    const EXAMPLE: &str = "a number with its unit such as \"2 MW\"";
    let text = value.as_str().ok_or_else(|| value.instead_of(EXAMPLE))?.trim();
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let number = text[..end].parse().map_err(|_| value.instead_of(EXAMPLE))?;
    let symbol = text[end..].trim();
    if symbol.is_empty() {
        return Err(value.instead_of(EXAMPLE));
    }
    let unit = symbol
        .parse()
        .map_err(|error: String| format!("{error}{}", did_you_mean(symbol, Unit::spellings())))?;
    Ok(Measure { value: number, unit })
}

/// A time zone of the IANA database, such as `"Europe/Berlin"`.
///
/// # Errors
/// What is wrong.
pub fn time_zone(value: &Value<'_>) -> Result<chrono_tz::Tz, String> {
    let text = value.as_str().ok_or_else(|| value.instead_of("a time zone such as \"Europe/Berlin\""))?;
    text.parse().map_err(|_| {
        let near = did_you_mean(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        format!("`{}` is not a time zone of the IANA database{near}", abridged(text))
    })
}
