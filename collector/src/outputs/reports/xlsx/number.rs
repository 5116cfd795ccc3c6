//! The number format under which a workbook shows a number as the document does.

/// Excel takes number formats of so many letters at most.
const LONGEST: usize = 255;

/// How a number's cell is formatted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// By digits: whatever number is in the cell is shown likewise.
    Digits(String),
    /// As these words, since no count of digits gives them, such as `< 0.01`. The number is in the cell.
    Words(String),
}

/// The format that gives `shown` for `value`.
pub(super) fn of_number(value: f64, shown: &str) -> Pattern {
    by_digits(value, shown).map_or_else(|| words(shown), Pattern::Digits)
}

/// The format that gives `shown`, which ends in a percent sign, for a share of 1.
pub(super) fn of_share(value: f64, shown: &str) -> Pattern {
    let number = shown.trim_end().strip_suffix('%').map(str::trim_end);
    let format = number.and_then(|number| by_digits(value * 100.0, number));
    format.map_or_else(|| words(shown), |format| Pattern::Digits(format!("{format}\\ %")))
}

/// `0.00` and the like, where `shown` is no more than the value rounded to as many decimals.
fn by_digits(value: f64, shown: &str) -> Option<String> {
    let is_grouped = shown.trim().contains(is_space);
    let digits: String = shown.chars().filter(|letter| !is_space(*letter)).collect();
    let digits = digits.replace('\u{2212}', "-");
    let (signed, unsigned) = match digits.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('-').unwrap_or(&digits)),
    };
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || unsigned.ends_with('.') || !all_digits(whole) || !all_digits(decimals) {
        return None;
    }
    let places = decimals.len();
    let said: f64 = digits.parse().ok()?;
    // Half a unit of the last place, and a little for the double that stands for a decimal number.
    let slack = 0.5 * 10_f64.powi(-i32::try_from(places).ok()?) + value.abs() * f64::EPSILON * 4.0;
    if (said - value).abs() > slack {
        return None;
    }
    let point = if places > 0 { "." } else { "" };
    let format = format!("{}{point}{}", if is_grouped { "#,##0" } else { "0" }, "0".repeat(places));
    Some(if signed { format!("+{format};-{format};{format}") } else { format })
}

/// Spaces as they stand between thousands and before signs.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2007}')
}

fn words(shown: &str) -> Pattern {
    // Between quotes everything is a word but the quote itself, which a format cannot say there.
    let quoted = format!("\"{}\"", shown.replace('"', "\u{201d}"));
    let format = format!("{quoted};{quoted};{quoted}");
    if format.chars().count() <= LONGEST {
        Pattern::Words(format)
    } else {
        Pattern::Digits("General".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(format: &str) -> Pattern {
        Pattern::Digits(format.to_owned())
    }

    #[test]
    fn a_rounded_number_is_shown_with_as_many_decimals() {
        assert_eq!(of_number(1.035_742, "1.036"), digits("0.000"));
        assert_eq!(of_number(95_406.0, "95\u{2009}406.000"), digits("#,##0.000"));
        assert_eq!(of_number(-1_234.5, "\u{2212}1 234.5"), digits("#,##0.0"));
        assert_eq!(of_number(12.0, "12"), digits("0"));
        assert_eq!(of_number(0.31, "+0.3"), digits("+0.0;-0.0;0.0"));
        assert_eq!(of_number(9_007_199_254.740_993, "9 007 199 254.740 993"), digits("#,##0.000000"));
    }

    #[test]
    fn a_share_is_shown_in_percent() {
        assert_eq!(of_share(0.861_872, "86.19 %"), digits("0.00\\ %"));
        assert_eq!(of_share(1.0, "100 %"), digits("0\\ %"));
    }

    #[test]
    fn what_rounding_does_not_give_is_shown_in_its_own_words() {
        let words = |text: &str| Pattern::Words(format!("\"{text}\";\"{text}\";\"{text}\""));
        assert_eq!(of_share(0.999_999, "99.99 %"), words("99.99 %"), "not all is not 100.00 %");
        assert_eq!(of_share(0.000_001, "< 0.01 %"), words("< 0.01 %"));
        assert_eq!(of_number(1.036, "1.036 ± 0.012"), words("1.036 ± 0.012"));
        assert_eq!(of_number(1.2e-7, "1.2e-7"), words("1.2e-7"));
        assert_eq!(of_number(1.5, "1."), words("1."));
        assert_eq!(of_number(1.5, ""), words(""));
        assert_eq!(of_number(5.0, "say \"5\""), words("say \u{201d}5\u{201d}"));
        assert_eq!(of_number(5.0, &"x".repeat(100)), digits("General"), "longer than a format may be");
    }
}
