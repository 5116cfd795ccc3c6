//! A set of sequence numbers: everything below a floor, and disjoint ranges above it.
//!
//! Both ends keep committed sequences like this. It stays small because sequences arrive nearly in
//! order; a hole costs one range, however long it lasts.

use std::collections::BTreeMap;

/// A set of numbers below `u64::MAX`: all below the floor, and the ranges above. The floor itself is never
/// in the set, no two ranges touch, and none touches the floor. So equal sets compare equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeSet {
    floor: u64,
    /// First to last, inclusive.
    above: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// The set of every number below `floor`.
    pub fn below(floor: u64) -> RangeSet {
        RangeSet { floor, above: BTreeMap::new() }
    }

    /// The set of every number below `floor` and of the inclusive ranges, in any order, overlapping or not.
    /// A range whose last is before its first is empty.
    pub fn from_parts(floor: u64, ranges: impl IntoIterator<Item = (u64, u64)>) -> RangeSet {
        let mut set = RangeSet::below(floor);
        for (first, last) in ranges {
            set.insert_range(first, last);
        }
        set
    }

    /// The lowest number that is not in the set. It always exists, because `u64::MAX` never gets in.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The ranges above the floor: disjoint, not touching, ascending, inclusive.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.above.iter().map(|(&first, &last)| (first, last))
    }

    /// The numbers that are missing between the floor and the highest range: ascending, inclusive.
    pub fn holes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut from = self.floor;
        self.above.iter().map(move |(&first, &last)| {
            let hole = (from, first - 1);
            from = last + 1;
            hole
        })
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        number < self.floor
            || self.above.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// Adds one number; `false` if it was there already, or is `u64::MAX`.
    pub fn insert(&mut self, number: u64) -> bool {
        if number == u64::MAX || self.contains(number) {
            return false;
        }
        self.insert_range(number, number);
        true
    }

    /// Adds every number from `first` to `last`, both included; nothing if `last` is before `first`.
    pub fn insert_range(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first.max(self.floor), last.min(u64::MAX - 1));
        if last < first {
            return;
        }
        // Swallow what overlaps or touches, from the back.
        while let Some((&from, &to)) = self.above.range(..=last + 1).next_back() {
            if to + 1 < first {
                break;
            }
            self.above.remove(&from);
            first = first.min(from);
            last = last.max(to);
        }
        if first == self.floor {
            self.floor = last + 1;
        } else {
            self.above.insert(first, last);
        }
    }

    /// Adds every number below `floor`; does nothing where the floor is higher already.
    pub fn raise_floor(&mut self, floor: u64) {
        if floor > self.floor {
            self.insert_range(self.floor, floor - 1);
        }
    }

    /// Whether any number from `first` to `last`, both included, is in the set.
    pub fn touches(&self, first: u64, last: u64) -> bool {
        first <= last
            && (first < self.floor
                || self.above.range(..=last).next_back().is_some_and(|(_, &to)| first <= to))
    }

    /// The numbers from `first` to `last`, both included, that are not in the set: ascending, inclusive.
    pub fn missing_between(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut from = first.max(self.floor);
        let mut missing = Vec::new();
        let start = self.above.range(..=from).next_back().map_or(from, |(&first, _)| first);
        for (&first, &to) in self.above.range(start..) {
            if last < first {
                break;
            }
            if from < first {
                missing.push((from, first - 1));
            }
            from = from.max(to + 1);
        }
        if from <= last {
            missing.push((from, last));
        }
        missing
    }

    /// How many of the numbers from `first` to `last`, both included, are in the set.
    pub fn count_between(&self, first: u64, last: u64) -> u64 {
        let below = self.floor.checked_sub(1).map(|to| (0, to));
        // The last number of all is in no set.
        let last = last.min(u64::MAX - 1);
        let overlap = |(from, to): (u64, u64)| (to.min(last) + 1).saturating_sub(from.max(first));
        below.into_iter().chain(self.ranges()).map(overlap).sum()
    }

    /// Leaves what is in the other set too.
    pub fn keep_only(&mut self, other: &RangeSet) {
        let mut both = RangeSet::below(self.floor.min(other.floor));
        let parts = |set: &RangeSet| {
            let below = set.floor.checked_sub(1).map(|to| (0, to));
            below.into_iter().chain(set.ranges()).collect::<Vec<_>>()
        };
        let (ours, theirs) = (parts(self), parts(other));
        let (mut a, mut b) = (ours.iter().peekable(), theirs.iter().peekable());
        while let (Some(&&(from, to)), Some(&&(first, last))) = (a.peek(), b.peek()) {
            both.insert_range(from.max(first), to.min(last));
            if to < last {
                a.next()
            } else {
                b.next()
            };
        }
        *self = both;
    }

    /// Adds everything that is in the other set.
    pub fn merge(&mut self, other: &RangeSet) {
        self.raise_floor(other.floor);
        for (first, last) in other.ranges() {
            self.insert_range(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges(set: &RangeSet) -> Vec<(u64, u64)> {
        set.ranges().collect()
    }

    #[test]
    fn a_hole_keeps_the_floor_down_until_it_is_filled() {
        let mut set = RangeSet::below(3);
        assert!(set.insert(5) && set.insert(4) && set.insert(8));
        assert!(!set.insert(2) && !set.insert(5));
        assert_eq!((set.floor(), ranges(&set)), (3, vec![(4, 5), (8, 8)]));
        assert_eq!(set.holes().collect::<Vec<_>>(), [(3, 3), (6, 7)]);
        set.insert(3);
        assert_eq!((set.floor(), ranges(&set)), (6, vec![(8, 8)]));
        set.raise_floor(8);
        assert_eq!((set.floor(), ranges(&set)), (9, vec![]));
    }

    #[test]
    fn the_ends_of_the_numbers_do_no_harm() {
        let most = u64::MAX;
        let mut set = RangeSet::from_parts(0, [(most, most), (5, 2), (most - 1, most)]);
        assert_eq!((set.floor(), ranges(&set)), (0, vec![(most - 1, most - 1)]));
        assert!(!set.contains(most) && !set.insert(most));
        assert_eq!(set.holes().collect::<Vec<_>>(), [(0, most - 2)]);
        set.insert_range(0, most);
        assert_eq!((set.floor(), ranges(&set)), (most, vec![]));
        set.insert_range(most, most);
        set.raise_floor(most);
        assert_eq!(set, RangeSet::below(most));
        assert_eq!((set.count_between(most - 2, most), set.touches(most - 1, most)), (2, true));
    }

    proptest! {
        #[test]
        fn holds_what_a_plain_set_holds(
            floor in 0_u64..20,
            added in prop::collection::vec((0_u64..80, 0_u64..6), 0..40),
            raised in 0_u64..60,
        ) {
            let mut set = RangeSet::below(floor);
            let mut plain: BTreeSet<u64> = (0..floor).collect();
            for (first, more) in added {
                if more == 0 {
                    prop_assert_eq!(set.insert(first), plain.insert(first));
                } else {
                    set.insert_range(first, first + more - 1);
                    plain.extend(first..first + more);
                }
            }
            set.raise_floor(raised);
            plain.extend(0..raised);
            for number in 0..100 {
                prop_assert_eq!(set.contains(number), plain.contains(&number), "{}", number);
            }
            prop_assert!(!set.contains(set.floor()));
            let mut end = set.floor();
            for (first, last) in set.ranges() {
                prop_assert!(end < first && first <= last, "ranges touch: {:?}", set);
                end = last + 1;
            }
            let again = RangeSet::from_parts(set.floor(), ranges(&set).into_iter().rev());
            prop_assert_eq!(&again, &set);
            let mut common = set.clone();
            let other = RangeSet::from_parts(5, [(9, 30), (41, 44)]);
            common.keep_only(&other);
            for number in 0..100 {
                prop_assert_eq!(common.contains(number), set.contains(number) && other.contains(number));
            }
            for (from, to) in [(0, 0), (3, 17), (20, 60), (60, 20), (7, 99)] {
                let inside = (from..=to).filter(|number| plain.contains(number)).count() as u64;
                prop_assert_eq!(set.count_between(from, to), inside);
                prop_assert_eq!(set.touches(from, to), inside > 0);
                let outside: Vec<u64> = (from..=to).filter(|number| !plain.contains(number)).collect();
                let missing = set.missing_between(from, to);
                prop_assert!(missing.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", missing);
                let missing: Vec<u64> = missing.into_iter().flat_map(|(first, last)| first..=last).collect();
                prop_assert_eq!(missing, outside);
            }
            let mut merged = RangeSet::below(floor);
            merged.merge(&set);
            prop_assert_eq!(merged, set);
        }
    }
}
