//! Common support: the minutes that may be counted on both sides. Source: domain.md 5.4 (P02).
//!
//! A minute is the unit of support. Long register steps are in it whole or not at all, so those of all
//! meters of both sides are joined into blocks where they overlap; a block counts in a window only if it
//! lies wholly inside and every meter is known throughout.

use wattledger_model::time::{Interval, Timestamp};

/// The minutes of one meter's consecutive long steps, a block each.
///
/// A step that ends inside a minute takes that minute too, unless the next long step starts in it: then
/// the minute is the next one's, so that steps which follow each other stay apart.
pub fn spans(steps: &[(Timestamp, Timestamp)]) -> Vec<Interval> {
    let mut spans: Vec<Interval> =
        steps.iter().map(|(from, to)| Interval::new(from.minute(), to.minute_ceil())).collect();
    for i in 1..spans.len() {
        let next = spans[i].from;
        spans[i - 1].to = spans[i - 1].to.min(next);
    }
    spans.retain(|span| !span.is_empty());
    spans
}

/// Joins overlapping blocks of several meters; blocks that only touch stay apart.
pub fn join(mut spans: Vec<Interval>) -> Vec<Interval> {
    spans.sort();
    let mut joined: Vec<Interval> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from < last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Minute;

    fn span(from: i64, to: i64) -> Interval {
        Interval::new(Minute(from), Minute(to))
    }

    fn step(from_s: i64, to_s: i64) -> (Timestamp, Timestamp) {
        (Timestamp(from_s * 1_000), Timestamp(to_s * 1_000))
    }

    #[test]
    fn steps_that_follow_each_other_stay_apart() {
        assert_eq!(spans(&[step(5, 3_605), step(3_605, 7_205)]), [span(0, 60), span(60, 121)]);
        assert_eq!(spans(&[step(0, 3_600), step(7_230, 9_000)]), [span(0, 60), span(120, 150)]);
    }

    #[test]
    fn overlapping_blocks_join_and_touching_ones_do_not() {
        let joined = join(vec![span(60, 90), span(0, 30), span(20, 60), span(100, 101)]);
        assert_eq!(joined, [span(0, 60), span(60, 90), span(100, 101)]);
    }
}
