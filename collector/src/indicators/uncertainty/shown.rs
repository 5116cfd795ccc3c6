//! How a value is written with its uncertainty. Source: JCGM 100 7.2; domain.md 6.2.

/// `1.300 ± 0.013 (k = 2)`: U in two significant digits, rounded up so that it never looks smaller than it is, and the
/// value to the same decimals. Where U is 0 the value is written in full.
pub fn with_uncertainty(value: f64, expanded: f64) -> String {
    if !(value.is_finite() && expanded.is_finite() && expanded > 0.0) {
        return format!("{value} ± {expanded} (k = 2)");
    }
    let mut power = expanded.log10().floor() as i32 - 1;
    let mut digits = up(expanded, power);
    // 0.0995 rounds up to 100 units of 0.001: three digits.
    if digits >= 100.0 {
        power += 1;
        digits = up(expanded, power);
    }
    let decimals = usize::try_from(-power).unwrap_or(0);
    let unit = 10_f64.powi(power);
    let (value, expanded) = if power > 0 {
        ((value / unit).round() * unit, digits * unit)
    } else {
        (value, digits / 10_f64.powi(-power))
    };
    format!("{value:.decimals$} ± {expanded:.decimals$} (k = 2)")
}

/// Units of 10^power, rounded up; what is a whole number but for the last bits of a float stays one.
fn up(value: f64, power: i32) -> f64 {
    let units = value / 10_f64.powi(power);
    if (units - units.round()).abs() < 1e-9 * units { units.round() } else { units.ceil() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_as_many_as_the_uncertainty_bears() {
        for (value, expanded, text) in [
            (1.3, 0.012_559_193_2, "1.300 ± 0.013 (k = 2)"),
            (1.3, 0.002_898_275, "1.3000 ± 0.0029 (k = 2)"),
            (1.3, 0.013, "1.300 ± 0.013 (k = 2)"),
            (1.3, 0.0995, "1.30 ± 0.10 (k = 2)"),
            (1.3, 0.1, "1.30 ± 0.10 (k = 2)"),
            (12.0, 3.2, "12.0 ± 3.2 (k = 2)"),
            (5_554_321.0, 12_345.0, "5554000 ± 13000 (k = 2)"),
            (250.0, 14.5, "250 ± 15 (k = 2)"),
            (1.25, 0.0, "1.25 ± 0 (k = 2)"),
        ] {
            assert_eq!(with_uncertainty(value, expanded), text);
        }
    }
}
