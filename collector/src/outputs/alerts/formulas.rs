//! What conditions compare, over plain numbers. Source: domain.md 7.1.

use wattledger_model::time::Timestamp;

/// The age by which a source is judged, ms: raised above the limit, cleared below it.
///
/// It is that of the newest reading where that is beyond the limit, and where the newest *two* are within it. With one
/// fresh reading after a silence it is the limit itself, which neither raises nor clears: so it takes two to clear, and
/// nothing has to be remembered.
pub fn judged_age_ms(at: Timestamp, newest: Timestamp, second: Option<Timestamp>, limit_ms: i64) -> i64 {
    let age = at.0 - newest.0;
    let are_two_fresh = second.is_some_and(|second| at.0 - second.0 <= limit_ms);
    if age > limit_ms || are_two_fresh { age } else { limit_ms }
}

/// The largest deviation from the mean by the mean, percent: of a UPS's phases, or of feeds. `None` of less than two,
/// and where they come to nothing.
pub fn imbalance_percent(powers: &[f64]) -> Option<f64> {
    let mean = powers.iter().sum::<f64>() / powers.len() as f64;
    let most = powers.iter().map(|power| (power - mean).abs()).fold(0.0, f64::max);
    (powers.len() >= 2 && mean.is_finite() && mean > 0.0).then(|| most / mean * 100.0)
}

/// What all feeds carry, by what is left of them when one fails: above 1 redundancy is lost. Of two feeds (2N) what is
/// left is the capacity of one. `None` of less than two.
pub fn load_by_capacity(feeds: &[f64], capacity_of_one: f64) -> Option<f64> {
    let left = feeds.len().checked_sub(1).filter(|left| *left > 0)? as f64 * capacity_of_one;
    (left > 0.0).then(|| feeds.iter().sum::<f64>() / left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fresh_reading_is_no_source_that_is_back() {
        let age = |newest: i64, second: Option<i64>| {
            judged_age_ms(Timestamp(1_000), Timestamp(newest), second.map(Timestamp), 300)
        };
        assert_eq!(age(400, Some(100)), 600, "silent");
        assert_eq!(age(990, Some(100)), 300, "one reading after a silence");
        assert_eq!(age(990, None), 300, "the first of all");
        assert_eq!(age(990, Some(930)), 10, "back");
        assert_eq!(age(700, Some(640)), 300, "as old as it may be");
    }

    #[test]
    fn phases_without_load_have_no_imbalance() {
        assert_eq!(imbalance_percent(&[0.0, 0.0, 0.0]), None);
        assert_eq!(imbalance_percent(&[5.0]), None);
        assert_eq!(imbalance_percent(&[1.0, 3.0]), Some(50.0));
        assert_eq!(imbalance_percent(&[f64::NAN, 3.0]), None);
    }

    #[test]
    fn of_three_feeds_two_have_to_carry_all() {
        assert_eq!(load_by_capacity(&[300.0, 300.0, 300.0], 450.0), Some(1.0));
        assert_eq!(load_by_capacity(&[200.0], 400.0), None);
    }
}
