//! How an axis names months.

/// Each January with its year, and the first that is named, unless a January follows: two years side by side would run
/// into each other. The others by their number alone. Of months that are not named nothing is left.
///
/// Months are written `2026-01`; of more than `most` only the first of each quarter is named.
pub(super) fn on_axis(months: &[String], most: usize) -> Vec<String> {
    let number = |month: &str| month.rsplit('-').next().unwrap_or_default().to_owned();
    let is_named =
        |month: &str| months.len() <= most || ["01", "04", "07", "10"].contains(&number(month).as_str());
    let named: Vec<&String> = months.iter().filter(|month| is_named(month)).collect();
    let with_year = match named[..] {
        [_, second, ..] if number(second) == "01" => None,
        [first, ..] => Some(first),
        [] => None,
    };
    let name = |month: &String| match number(month) {
        _ if !is_named(month) => String::new(),
        of_year if of_year == "01" || with_year == Some(month) => month.clone(),
        of_year => of_year,
    };
    months.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(from: i32, count: i32, most: usize) -> Vec<String> {
        let month = |at: i32| format!("{}-{:02}", 2025 + (from + at) / 12, (from + at) % 12 + 1);
        on_axis(&(0..count).map(month).collect::<Vec<_>>(), most)
    }

    #[test]
    fn no_two_years_stand_side_by_side() {
        assert_eq!(named(0, 4, 13), ["2025-01", "02", "03", "04"]);
        assert_eq!(named(9, 5, 13), ["2025-10", "11", "12", "2026-01", "02"]);
        assert_eq!(named(11, 3, 13), ["12", "2026-01", "02"]);
        assert_eq!(named(11, 1, 13), ["2025-12"]);
        assert_eq!(named(0, 0, 13), Vec::<String>::new());
    }

    #[test]
    fn of_many_months_quarters_are_named() {
        assert_eq!(named(1, 9, 8), ["", "", "2025-04", "", "", "07", "", "", "10"]);
        assert_eq!(named(7, 8, 5), ["", "", "10", "", "", "2026-01", "", ""]);
    }
}
