//! What damage has taken: found by whichever read comes upon it, told of once, in a batch of its own.
//!
//! Headers count what all batches up to theirs come to, so two of them tell what was between. What is known of
//! each damaged stretch stands in every later record: damage beside it that is found later is told by itself.

use super::record::{Edge, Header, Span, Sums};
use super::told::Told;
use super::{Piece, Spool, SpoolError};
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{Loss, LossCause};
use wattledger_model::time::Timestamp;

/// Damaged stretches that are known one by one, at most. Beyond, the oldest two become one, and what lies between
/// them is not told of should it be damaged later.
const ACCOUNTS: usize = 256;

/// Batches in a row that cannot be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) first: u64,
    pub(super) last: u64,
    /// What was in them, as far as it could be known.
    pub(super) sums: Sums,
    /// Whether a batch tells of it; not where the collector has what is damaged here.
    pub(super) is_told: bool,
}

/// The damage that is known: ascending, disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Accounts(Vec<Account>);

impl Accounts {
    /// Everything below a sequence was told of, though it is not known what it was.
    pub(super) fn below(sequence: u64) -> Accounts {
        let account = |last| Account { first: 0, last, sums: Sums::default(), is_told: true };
        Accounts(sequence.checked_sub(1).map(account).into_iter().collect())
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.0
    }

    pub(super) fn insert(&mut self, account: Account) {
        let at = self.0.partition_point(|known| known.first < account.first);
        self.0.insert(at, account);
        if self.0.len() > ACCOUNTS {
            let oldest = self.0.remove(0);
            let next = &mut self.0[0];
            let is_told = oldest.is_told && next.is_told;
            *next = Account { first: oldest.first, sums: next.sums.plus(oldest.sums), is_told, ..*next };
        }
    }

    /// Forgets what lies below a sequence altogether.
    fn forget_below(&mut self, sequence: u64) {
        self.0.retain(|account| account.last >= sequence);
    }

    /// The parts of a stretch that nothing is known of.
    pub(super) fn missing_in(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let known = RangeSet::from_parts(0, self.0.iter().map(|account| (account.first, account.last)));
        known.missing_between(first, last)
    }

    /// What is known to have been in a stretch.
    fn sums_in(&self, first: u64, last: u64) -> Sums {
        let inside = self.0.iter().filter(|account| first <= account.first && account.last <= last);
        inside.fold(Sums::default(), |sums, account| sums.plus(account.sums))
    }

    fn untold(&self) -> impl Iterator<Item = &Account> {
        self.0.iter().filter(|account| !account.is_told)
    }

    fn note_told(&mut self, first: u64) {
        for account in self.0.iter_mut().filter(|account| account.first == first) {
            account.is_told = true;
        }
    }
}

impl Spool {
    /// Whether batches were found damaged that [`Spool::answer_for_damage`] has not answered for.
    pub fn has_untold_damage(&self) -> bool {
        let known = |(first, last): (u64, u64)| self.accounts.missing_in(first, last).is_empty();
        !self.log.lost().into_iter().filter_map(|range| self.held_part(range)).all(known)
            || self.accounts.untold().any(|account| !self.is_let_go(account))
    }

    /// Tells of readings that nobody has and whose records have become unreadable, each damaged stretch in a
    /// batch of its own and once. What the damaged batches told of as lost is told again. Gives what is told.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails; call it again later, it goes on where it stopped.
    pub fn answer_for_damage(&mut self) -> Result<Vec<Loss>, SpoolError> {
        self.account_for_damage()?;
        let mut told = Vec::new();
        let untold: Vec<Account> =
            self.accounts.untold().filter(|account| !self.is_let_go(account)).copied().collect();
        for account in untold {
            told.extend(self.tell(account)?);
        }
        Ok(told)
    }

    /// What of a damaged stretch is held.
    fn held_part(&self, (first, last): (u64, u64)) -> Option<(u64, u64)> {
        let first = first.max(self.oldest_sequence());
        (first <= last).then_some((first, last))
    }

    /// Whether nobody needs to be told: the collector has it, or something else stands for it.
    fn is_let_go(&self, account: &Account) -> bool {
        let Account { first, last, .. } = *account;
        last < self.oldest_sequence() || self.acknowledged.count_between(first, last) == last - first + 1
    }

    /// Takes up what is damaged and not known yet. Looking at the neighbours may find more of it.
    fn account_for_damage(&mut self) -> Result<(), SpoolError> {
        self.accounts.forget_below(self.log.first_index());
        'again: loop {
            let found = self.log.lost();
            let held: Vec<(u64, u64)> = found.iter().filter_map(|range| self.held_part(*range)).collect();
            for (first, last) in held {
                let missing = self.accounts.missing_in(first, last);
                if missing.is_empty() {
                    continue;
                }
                let (sums, _) = self.lost_between(first, last)?;
                if self.log.lost() != found {
                    continue 'again;
                }
                // Between what was known before there is no telling what was where.
                let mut sums = Some(sums.minus(self.accounts.sums_in(first, last)));
                for (first, last) in missing {
                    let sums = sums.take().unwrap_or_default();
                    self.accounts.insert(Account { first, last, sums, is_told: false });
                }
            }
            return Ok(());
        }
    }

    /// Makes what is told of a damaged stretch durable.
    fn tell(&mut self, account: Account) -> Result<Vec<Loss>, SpoolError> {
        let Account { first, last, sums, .. } = account;
        let (_, span) = self.lost_between(first, last)?;
        let (from, to) = span.unwrap_or_default();
        let (from, to) = (Timestamp(from), Timestamp(to));
        let loss = |readings, cause| Loss { from, to, readings, meter: None, cause };
        let mut told = Told::default();
        told.add(LossCause::ALL.into_iter().zip(sums.told).map(|(cause, readings)| loss(readings, cause)));
        told.add([loss(sums.readings, LossCause::Damaged)]);
        let losses: Vec<Loss> = told.losses().into_iter().filter(|loss| loss.readings > 0).collect();
        let before = self.accounts.clone();
        self.accounts.note_told(first);
        if losses.is_empty() {
            return Ok(losses);
        }
        // What may have been sent by itself is not told of where it has arrived.
        let (again, replaces) = match self.sent.count_between(first, last) {
            0 => (Vec::new(), vec![(first, last)]),
            _ if first == last => (vec![first], Vec::new()),
            _ => Default::default(),
        };
        // What the damaged batches told is counted already.
        let totals =
            Header { lost: self.totals.lost + sums.readings, is_condensed: true, rounds: 0, ..self.totals };
        let piece = Piece { losses: losses.clone(), replaces, again, ..Piece::default() };
        match self.append_made(piece, totals) {
            Ok(()) => Ok(losses),
            Err(error) => {
                self.accounts = before;
                Err(error)
            }
        }
    }

    /// What unreadable batches held, by the totals on both sides of them, and when that was, or nearly. Nothing
    /// where a side is missing: the last batches as the spool is opened, or the first of it beside damage.
    fn lost_between(&self, first: u64, last: u64) -> Result<(Sums, Span), SpoolError> {
        let before = match first.checked_sub(1) {
            Some(before) => self.header(before)?,
            None => Some(Header::default()),
        };
        let edge = Some(self.totals.edge).filter(|edge| edge.sequence == first).map(|edge| edge.sums);
        let until = edge.or(before.map(|header| header.all));
        let is_tail = last + 1 == self.next_sequence();
        let after = if is_tail { Some(self.totals) } else { self.header(last + 1)? };
        let own = |header: &Header| if is_tail { Sums::default() } else { header.here };
        let since = after.map(|header| header.all.minus(own(&header)));
        let sums = until.zip(since).map(|(until, since)| since.minus(until)).unwrap_or_default();
        let beside = after.and_then(|header| header.whole_before).filter(|_| first == last && !is_tail);
        let near = [
            before.and_then(|header| header.whole).map(|(_, to)| (to, to)),
            after.and_then(|header| header.whole_before),
            after.and_then(|header| header.whole).map(|(from, to)| (from, if is_tail { to } else { from })),
        ];
        let near = near.into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        Ok((sums, beside.or(near)))
    }

    /// Deletes files whose every batch is below a sequence, and remembers what all batches before the first that
    /// stays come to.
    pub(super) fn remove_before(&mut self, sequence: u64) -> Result<(), SpoolError> {
        let first = self.log.first_after(sequence);
        let is_news = self.totals.edge.sequence < first && first < self.next_sequence();
        if is_news && self.totals.dropped_below <= first {
            let before = match first.checked_sub(1) {
                Some(last) => self.header(last)?.map(|header| header.all),
                None => None,
            };
            let sums = match before {
                Some(sums) => Some(sums),
                None => self.header(first)?.map(|header| header.all.minus(header.here)),
            };
            if let Some(sums) = sums {
                self.totals.edge = Edge { sequence: first, sums };
            }
        }
        Ok(self.log.remove_before(sequence)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(first: u64, last: u64, readings: u64) -> Account {
        Account { first, last, sums: Sums { readings, ..Sums::default() }, is_told: true }
    }

    #[test]
    fn what_is_known_of_damage_stays_small() {
        let mut accounts = Accounts::below(3);
        for at in 0..2 * ACCOUNTS as u64 {
            accounts.insert(account(10 + 2 * at, 10 + 2 * at, 1));
        }
        assert_eq!(accounts.all().len(), ACCOUNTS);
        let all = accounts.sums_in(0, u64::MAX);
        assert_eq!(all.readings, 2 * ACCOUNTS as u64, "nothing is forgotten");
        assert_eq!(accounts.missing_in(0, 2), []);
        let last = 8 + 4 * ACCOUNTS as u64;
        assert_eq!(accounts.missing_in(last - 2, last + 1), [(last - 1, last - 1), (last + 1, last + 1)]);
    }
}
