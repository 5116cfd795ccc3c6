//! Which stretches without support an operator explained: by an entry with its reason. Source: domain.md 5.4.

use super::View;
use crate::audit::corrections;
use crate::indicators::Term;
use crate::store::{MeterId, StoreError};
use wattledger_model::correction::Correction;
use wattledger_model::time::{DAY_MINUTES, Interval, MINUTE_MS, Minute};

/// Stretches up to this need no explanation.
const LONG_MINUTES: i64 = DAY_MINUTES;

/// The whole minutes for which an operator said what passed at a meter.
type Entered = Vec<(MeterId, Interval)>;

impl View {
    /// What is left of stretches outside a facility's support where those of more than a day that an operator explained
    /// are taken off: nothing is missing there any more, since what passed was entered.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn unexplained(
        &self,
        facility: usize,
        gaps: Vec<Interval>,
    ) -> Result<Vec<Interval>, StoreError> {
        if !gaps.iter().any(|gap| gap.minutes() > LONG_MINUTES) {
            return Ok(gaps);
        }
        let of = &self.topology.facilities[facility];
        let terms: Vec<Term> = of.total.iter().chain(&of.it).copied().collect();
        let entered = self.entered(&terms)?;
        if entered.is_empty() {
            return Ok(gaps);
        }
        let mut open: Vec<Interval> = Vec::with_capacity(gaps.len());
        for gap in gaps {
            if gap.minutes() <= LONG_MINUTES {
                open.push(gap);
                continue;
            }
            // Where one gap ends another does not begin: only pieces of one are put together again.
            let first = open.len();
            for piece in pieces(gap, &entered) {
                if self.is_explained(&terms, piece, &entered)? {
                    continue;
                }
                match open[first..].last_mut() {
                    Some(last) if last.to == piece.from => last.to = piece.to,
                    _ => open.push(piece),
                }
            }
        }
        Ok(open)
    }

    fn entered(&self, terms: &[Term]) -> Result<Entered, StoreError> {
        let kept = corrections::load(&self.connection)?;
        let whole = kept.into_iter().filter_map(|kept| match kept.correction {
            Correction::Entry { from, to, .. } | Correction::Settle { from, to, .. }
                if kept.withdrawn.is_none() && terms.iter().any(|term| term.meter == kept.meter) =>
            {
                Some((kept.meter, Interval::new(from.minute_ceil(), to.minute())))
            }
            _ => None,
        });
        Ok(whole.filter(|(_, during)| !during.is_empty()).collect())
    }

    /// Whether of each meter something is known all through a stretch, and of one at least because it was entered.
    fn is_explained(
        &self,
        terms: &[Term],
        piece: Interval,
        entered: &[(MeterId, Interval)],
    ) -> Result<bool, StoreError> {
        let says = |meter: MeterId, during: Interval| {
            entered.iter().any(|(of, entry)| *of == meter && entry.intersect(during) == during)
        };
        let mut is_entered = false;
        for term in terms.iter().filter(|term| term.touches(piece)) {
            let during = term.during.intersect(piece);
            let [measured, interpolated, estimated] = self.booked(term.meter, during)?.map(|(_, ms)| ms);
            if measured + interpolated + estimated < during.minutes() * MINUTE_MS {
                return Ok(false);
            }
            is_entered |= estimated > 0 && says(term.meter, during);
        }
        Ok(is_entered)
    }
}

/// A stretch, cut where an entry begins or ends in it.
fn pieces(gap: Interval, entered: &[(MeterId, Interval)]) -> Vec<Interval> {
    let edges = entered.iter().flat_map(|(_, entry)| [entry.from, entry.to]);
    let mut edges: Vec<Minute> = edges.filter(|edge| gap.from < *edge && *edge < gap.to).collect();
    edges.extend([gap.from, gap.to]);
    edges.sort_unstable();
    edges.dedup();
    edges.windows(2).map(|pair| Interval::new(pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_cut_at_the_edges_of_entries_that_lie_in_it() {
        let minutes = |from, to| Interval::new(Minute(from), Minute(to));
        let entered = [(1, minutes(-5, 3)), (2, minutes(3, 7)), (1, minutes(10, 20))];
        assert_eq!(pieces(minutes(0, 10), &entered), [minutes(0, 3), minutes(3, 7), minutes(7, 10)]);
        assert_eq!(pieces(minutes(30, 40), &entered), [minutes(30, 40)]);
    }
}
