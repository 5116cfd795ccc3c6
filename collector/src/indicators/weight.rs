//! What weights an amount by when it passed: an emission factor that changes from time to time.

use std::sync::Arc;
use wattledger_model::time::{Interval, Minute};

/// A piecewise constant weight, in kg per base unit. Nothing is known before its first step.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// `(since, weight)`, ascending.
    steps: Arc<[(Minute, f64)]>,
}

impl Weight {
    /// The same at all times.
    pub fn constant(weight: f64) -> Weight {
        Weight { steps: Arc::new([(Minute(i64::MIN), weight)]) }
    }

    /// A weight that holds from each minute to the next. Steps are sorted; of two at one minute the last counts.
    pub fn steps(mut steps: Vec<(Minute, f64)>) -> Weight {
        steps.sort_by_key(|(since, _)| *since);
        steps.reverse();
        steps.dedup_by_key(|(since, _)| *since);
        steps.reverse();
        Weight { steps: steps.into() }
    }

    /// This weight where others say nothing: `(since, weight)` ascending, `None` where they do not say.
    pub fn under(&self, others: &[(Minute, Option<f64>)]) -> Weight {
        let said = |minute: Minute| {
            let after = others.partition_point(|(since, _)| *since <= minute);
            others.get(after.checked_sub(1)?)?.1
        };
        let edges = self.steps.iter().map(|(since, _)| *since).chain(others.iter().map(|(since, _)| *since));
        Weight::steps(edges.map(|edge| (edge, said(edge).unwrap_or_else(|| self.at(edge)))).collect())
    }

    /// This weight, but for its steps in an interval, its end among them, which are those of another.
    pub(crate) fn spliced(&self, other: &Weight, edges: Interval) -> Weight {
        Weight { steps: spliced(&self.steps, &other.steps, edges).into() }
    }

    fn after(&self, minute: Minute) -> usize {
        self.steps.partition_point(|(since, _)| *since <= minute)
    }

    /// Its first step: before it nothing is known.
    pub fn begins(&self) -> Minute {
        self.steps.first().map_or(Minute(i64::MAX), |(since, _)| *since)
    }

    /// The weight at a minute; 0 before the first step.
    pub fn at(&self, minute: Minute) -> f64 {
        self.after(minute).checked_sub(1).map_or(0.0, |at| self.steps[at].1)
    }

    /// The weight over an interval, if it is the same all through.
    pub fn over(&self, interval: Interval) -> Option<f64> {
        let next = self.steps.get(self.after(interval.from));
        next.is_none_or(|(since, _)| *since >= interval.to).then(|| self.at(interval.from))
    }

    /// An interval cut where the weight changes.
    pub fn pieces(&self, interval: Interval) -> Vec<(Interval, f64)> {
        let mut pieces = Vec::new();
        let mut from = interval.from;
        while from < interval.to {
            let to =
                self.steps.get(self.after(from)).map_or(interval.to, |(since, _)| (*since).min(interval.to));
            pieces.push((Interval::new(from, to), self.at(from)));
            from = to;
        }
        pieces
    }
}

/// Steps, ascending, but for those in an interval, its end among them, which are those of others.
pub(crate) fn spliced<T: Copy>(
    steps: &[(Minute, T)],
    others: &[(Minute, T)],
    edges: Interval,
) -> Vec<(Minute, T)> {
    let inside = |steps: &[(Minute, T)]| {
        let from = steps.partition_point(|(since, _)| *since < edges.from);
        from..steps.partition_point(|(since, _)| *since <= edges.to)
    };
    let (old, new) = (inside(steps), inside(others));
    [&steps[..old.start], &others[new], &steps[old.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Interval {
        Interval::new(Minute(from), Minute(to))
    }

    #[test]
    fn an_interval_is_cut_where_the_weight_changes() {
        let weight = Weight::steps(vec![(Minute(60), 0.4), (Minute(0), 0.2), (Minute(60), 0.5)]);
        assert_eq!(weight.over(span(0, 60)), Some(0.2));
        assert_eq!(weight.over(span(0, 61)), None);
        assert_eq!(weight.pieces(span(30, 90)), [(span(30, 60), 0.2), (span(60, 90), 0.5)]);
        assert_eq!((weight.begins(), Weight::constant(1.0).begins()), (Minute(0), Minute(i64::MIN)));
        assert_eq!((weight.at(Minute(-1)), weight.at(Minute(1_000))), (0.0, 0.5));
        let hourly = weight.under(&[(Minute(10), Some(0.9)), (Minute(70), None)]);
        let all = [(span(0, 10), 0.2), (span(10, 60), 0.9), (span(60, 70), 0.9), (span(70, 80), 0.5)];
        assert_eq!(hourly.pieces(span(0, 80)), all);
        assert_eq!(Weight::constant(0.3).over(span(i64::MIN, i64::MAX)), Some(0.3));
    }
}
