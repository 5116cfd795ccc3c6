//! The search for lines that a database refuses, in few requests.
//!
//! Only an answer that takes a request whole says that all its lines are stored, and only the refusal of a
//! line that stood alone condemns it, or one that condemns all lines of a request. In between, what a database
//! says is a hint of what to send next: named lines are sent apart from the others; where none is named, a
//! request is halved. Of two halves of which the first was taken whole, the second holds the line, and is
//! halved without being sent again.

use super::answer::Faults;
use super::line::Batch;
use std::collections::{BTreeMap, HashMap};

/// Requests that are split for one batch; then what is left of a refused request is given up.
const SPLITS: usize = 1_000;

/// Where a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The batch itself, or a part of which nothing is known.
    Anywhere,
    /// The second half of a refused part; the number of lines that had been refused before the first.
    SecondHalf { refused_before: u64 },
    /// Lines that the database named.
    Named,
}

/// A search among the lines of one batch.
#[derive(Debug)]
pub(crate) struct Search {
    parts: Vec<(Batch, Origin)>,
    /// What the part that was given out last is.
    current: Origin,
    refused: u64,
    splits: usize,
    /// Whether named lines turned out to be the refused ones so far.
    names_are_right: bool,
}

/// Lines that are refused for good, with the reason.
pub(crate) type Condemned = Vec<(Batch, String)>;

impl Search {
    pub(crate) fn new(batch: Batch) -> Search {
        Search {
            parts: vec![(batch, Origin::Anywhere)],
            current: Origin::Anywhere,
            refused: 0,
            splits: SPLITS,
            names_are_right: true,
        }
    }

    /// What to send next; none of it is longer than `limit` bytes unless it is one line.
    pub(crate) fn next(&mut self, limit: usize) -> Option<Batch> {
        loop {
            let (batch, origin) = self.parts.pop()?;
            if batch.text.len() > limit
                && let Some((first, second)) = batch.halves()
            {
                self.parts.extend([(second, Origin::Anywhere), (first, Origin::Anywhere)]);
                continue;
            }
            let holds_one = origin == Origin::SecondHalf { refused_before: self.refused };
            if holds_one
                && self.splits > 0
                && let Some((first, second)) = batch.halves()
            {
                self.splits -= 1;
                self.push_halves(first, second);
                continue;
            }
            self.current = origin;
            return Some(batch);
        }
    }

    /// The part was taken whole.
    pub(crate) fn taken(&mut self) {
        if self.current == Origin::Named {
            self.names_are_right = false;
        }
    }

    /// The part was refused; gives what is thereby refused for good.
    pub(crate) fn refused(&mut self, part: Batch, why: String, faults: &Faults) -> Condemned {
        let named = match self.names_are_right {
            true => named(&part, faults),
            false => BTreeMap::new(),
        };
        if part.lines < 2 || named.len() == part.lines {
            return self.condemn(by_reason(part, &named, why));
        }
        // Another count than that of all lines may leave out other shards.
        if faults.dropped == Some(part.lines as u64) || self.splits == 0 {
            return self.condemn(vec![(part, why)]);
        }
        self.splits -= 1;
        if named.is_empty() {
            if let Some((first, second)) = part.halves() {
                self.push_halves(first, second);
            }
        } else {
            let (named, others) = part.divided(|at| named.contains_key(&at));
            self.parts.extend([(others, Origin::Anywhere), (named, Origin::Named)]);
        }
        Vec::new()
    }

    /// The part was too large to be looked at; gives it back where it cannot be made smaller.
    pub(crate) fn too_large(&mut self, part: Batch) -> Option<Batch> {
        let Some((first, second)) = part.halves() else {
            self.refused += 1;
            return Some(part);
        };
        self.parts.extend([(second, Origin::Anywhere), (first, Origin::Anywhere)]);
        None
    }

    fn push_halves(&mut self, first: Batch, second: Batch) {
        let after = Origin::SecondHalf { refused_before: self.refused };
        self.parts.extend([(second, after), (first, Origin::Anywhere)]);
    }

    fn condemn(&mut self, condemned: Condemned) -> Condemned {
        self.refused += condemned.iter().map(|(batch, _)| batch.lines as u64).sum::<u64>();
        condemned
    }
}

/// The places of the lines that are named, from 0, each with what is wrong with it.
fn named(part: &Batch, faults: &Faults) -> BTreeMap<usize, String> {
    let numbered = faults.numbered.iter().filter(|(number, _)| **number <= part.lines);
    let mut named: BTreeMap<usize, String> =
        numbered.map(|(number, why)| (number - 1, why.clone())).collect();
    if !faults.quoted.is_empty() {
        let quoted: HashMap<&[u8], &str> =
            faults.quoted.iter().map(|(line, why)| (line.as_bytes(), why.as_str())).collect();
        for (at, line) in part.each_line().enumerate() {
            if let Some(why) = quoted.get(line) {
                named.entry(at).or_insert_with(|| (*why).to_owned());
            }
        }
    }
    named
}

/// Lines together with those of the same reason.
fn by_reason(part: Batch, named: &BTreeMap<usize, String>, otherwise: String) -> Condemned {
    let mut reasons: Vec<&String> = named.values().collect();
    reasons.sort_unstable();
    reasons.dedup();
    if reasons.len() < 2 {
        let why = reasons.first().map_or(otherwise, |why| (*why).clone());
        return vec![(part, why)];
    }
    let of = |reason: &String| part.divided(|at| named.get(&at) == Some(reason)).0;
    reasons.into_iter().map(|reason| (of(reason), reason.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn batch(lines: usize) -> Batch {
        let text: String = (0..lines).map(|at| format!("m v={at} {at}\n")).collect();
        Batch { text: text.into_bytes(), lines }
    }

    fn numbers(batch: &Batch) -> Vec<usize> {
        let text = std::str::from_utf8(&batch.text).expect("text");
        assert_eq!(text.lines().count(), batch.lines);
        text.lines().map(|line| line.rsplit(' ').next().expect("a time").parse().expect("a number")).collect()
    }

    /// How much a database says of the lines that it refuses.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Says {
        /// Nothing; and it keeps none of the others.
        Nothing,
        /// How many, and keeps the others.
        HowMany,
        /// So many of them by number.
        Which(usize),
        /// A line by its text.
        Text,
        /// A wrong line.
        Wrong,
    }

    struct Outcome {
        /// Lines of requests that were taken whole.
        stored: BTreeSet<usize>,
        condemned: Vec<usize>,
        requests: usize,
        lines_sent: usize,
    }

    fn searched(lines: usize, bad: &BTreeSet<usize>, says: Says, limit: usize) -> Outcome {
        let mut search = Search::new(batch(lines));
        let mut seen = Outcome { stored: BTreeSet::new(), condemned: Vec::new(), requests: 0, lines_sent: 0 };
        while let Some(part) = search.next(limit) {
            let all = numbers(&part);
            seen.requests += 1;
            seen.lines_sent += all.len();
            let wrong: Vec<usize> = (0..all.len()).filter(|at| bad.contains(&all[*at])).collect();
            if wrong.is_empty() {
                seen.stored.extend(all);
                search.taken();
                continue;
            }
            let mut faults = Faults::default();
            match says {
                Says::Nothing => {}
                Says::HowMany => faults.dropped = Some(wrong.len() as u64),
                Says::Which(most) => {
                    faults.numbered = wrong.iter().take(most).map(|at| (at + 1, "bad".to_owned())).collect();
                }
                Says::Text => faults.quoted.push((format!("m v={0} {0}", all[wrong[0]]), "bad".to_owned())),
                Says::Wrong => drop(faults.numbered.insert(wrong[0] + 2, "bad".to_owned())),
            }
            for (condemned, why) in search.refused(part, "refused".to_owned(), &faults) {
                assert!(matches!(why.as_str(), "bad" | "refused"), "{why}");
                seen.condemned.extend(numbers(&condemned));
            }
        }
        seen.condemned.sort_unstable();
        seen
    }

    proptest! {
        /// Whatever a database says, each good line is in a request that was taken whole, and only bad lines
        /// are condemned.
        #[test]
        fn good_lines_are_stored_and_bad_ones_are_found(
            lines in 1_usize..200,
            bad in prop::collection::btree_set(0_usize..200, 0..20),
            says in prop::sample::select(vec![Says::Nothing, Says::HowMany, Says::Which(1), Says::Which(100), Says::Text, Says::Wrong]),
            limit in prop::sample::select(vec![1_usize, 100, 10_000]),
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|at| *at < lines).collect();
            let seen = searched(lines, &bad, says, limit);
            prop_assert_eq!(seen.condemned, bad.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(seen.stored, (0..lines).filter(|at| !bad.contains(at)).collect());
        }
    }

    #[test]
    fn one_bad_line_among_thousands_costs_little() {
        let bad = BTreeSet::from([4_321]);
        let of = |says| searched(8_192, &bad, says, usize::MAX);
        let blind = of(Says::Nothing);
        assert!(
            blind.requests <= 28 && blind.lines_sent < 3 * 8_192,
            "{} {}",
            blind.requests,
            blind.lines_sent
        );
        for says in [Says::Which(1), Says::Text] {
            let seen = of(says);
            assert_eq!(
                (seen.requests, seen.lines_sent),
                (3, 2 * 8_192),
                "{says:?}: whole, the line, the others"
            );
        }
        let last = searched(8_192, &BTreeSet::from([8_191]), Says::Nothing, usize::MAX);
        assert_eq!(last.requests, 15, "second halves are known to hold it");
    }

    #[test]
    fn a_measurement_that_is_refused_whole_costs_few_requests() {
        let all: BTreeSet<usize> = (0..5_000).collect();
        assert_eq!(searched(5_000, &all, Says::HowMany, usize::MAX).requests, 1);
        assert_eq!(searched(5_000, &all, Says::Which(usize::MAX), usize::MAX).requests, 1);
        let half: BTreeSet<usize> = (0..5_000).filter(|at| at % 2 == 0).collect();
        let named = searched(5_000, &half, Says::Which(usize::MAX), usize::MAX);
        assert_eq!((named.requests, named.condemned.len()), (3, 2_500));
        let silent = searched(5_000, &all, Says::Nothing, usize::MAX);
        assert!(silent.requests <= 2 * SPLITS + 20, "{} requests", silent.requests);
        assert_eq!(silent.condemned.len(), 5_000, "the rest is given up");
    }
}
