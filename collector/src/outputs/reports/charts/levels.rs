//! Shades for numbers: evenly wide levels with round edges, light to dark.

/// Shades from light to dark; each is darker than the one before in grey too.
const SHADES: [&str; 8] =
    ["#e8f1e4", "#cfe5d8", "#add6cf", "#84bfc4", "#5b9fb6", "#3c7ca5", "#2a5588", "#16305c"];

/// Levels of equal width, the first and the last open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    /// Upper edges of all but the last.
    edges: Vec<f64>,
    decimals: usize,
}

impl Levels {
    /// Levels for what lies between the 2nd and the 98th percent of some values; `None` where there is none.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Levels> {
        let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (at_share(&sorted, 0.02)?, at_share(&sorted, 0.98)?);
        let step = round_step((high - low) / SHADES.len() as f64);
        let first = (low / step).floor() as i64 + 1;
        let edges = (first..).take(SHADES.len() - 1).map(|edge| edge as f64 * step);
        let is_whole = |places: &usize| {
            let shown = step * 10_f64.powi(*places as i32);
            (shown - shown.round()).abs() < 1e-6 * shown
        };
        let decimals = (0..6).find(is_whole).unwrap_or(6);
        Some(Levels { edges: edges.take_while(|edge| *edge < high).collect(), decimals })
    }

    /// The level of a value, counted from 0.
    pub(super) fn level(&self, value: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= value)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.edges.len() + 1
    }

    /// The shade of a level: of few levels, such as lie far apart.
    pub(super) fn shade(&self, level: usize) -> &'static str {
        let last = self.count().max(2) - 1;
        SHADES[level.min(last) * (SHADES.len() - 1) / last]
    }

    /// The upper edges, as they are written.
    pub(super) fn edges(&self) -> impl Iterator<Item = String> + '_ {
        self.edges.iter().map(|edge| format!("{edge:.*}", self.decimals))
    }
}

/// The value below which so large a share of the sorted values lies.
pub(super) fn at_share(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

/// The next larger of 1, 2, 2.5 and 5 times a power of ten; of nothing 0.01.
pub(super) fn round_step(width: f64) -> f64 {
    if width <= 1e-9 || !width.is_finite() {
        return 0.01;
    }
    let power = 10_f64.powi(width.log10().floor() as i32);
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= width * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_round_and_every_value_has_a_level() {
        let values = (0..1_000).map(|i| 1.2 + f64::from(i) * 0.0002);
        let levels = Levels::of(values).expect("values");
        let edges: Vec<String> = levels.edges().collect();
        assert_eq!(edges, ["1.225", "1.250", "1.275", "1.300", "1.325", "1.350", "1.375"]);
        assert_eq!(
            (levels.level(1.0), levels.level(1.23), levels.level(1.31), levels.level(9.0)),
            (0, 1, 4, 7)
        );
        assert_eq!((levels.shade(0), levels.shade(7)), (SHADES[0], SHADES[7]));
    }

    #[test]
    fn values_that_are_all_the_same_have_one_level_and_none_have_none() {
        let levels = Levels::of([1.25; 9].into_iter()).expect("values");
        assert_eq!((levels.count(), levels.level(1.25), levels.shade(0)), (1, 0, SHADES[0]));
        assert_eq!(Levels::of(std::iter::empty()), None);
        assert_eq!(Levels::of([f64::NAN].into_iter()), None);
    }

    #[test]
    fn each_shade_is_darker_than_the_one_before() {
        let light = |shade: &str| -> f64 {
            let part = |at: usize| f64::from(u8::from_str_radix(&shade[at..at + 2], 16).expect("two digits"));
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        assert!(SHADES.windows(2).all(|pair| light(pair[0]) - light(pair[1]) > 10.0));
    }
}
