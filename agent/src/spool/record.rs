//! One record of the spool: what the agent must remember of a batch without reading it, then its bytes.

use super::damage::Accounts;
use super::numbers;
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{Loss, LossCause};
use wattledger_model::name::Name;
use wattledger_model::reading::Reading;

/// The version that is written. In version 1 a batch was never thinned; in version 2 a header did not say what
/// its batch told of as lost, nor which stretches of intake it was made of.
const VERSION: u8 = 3;
/// The header of the versions before: eleven numbers of eight bytes. Version 1 said nothing in the last three.
const FORMER_BYTES: usize = 11 * 8;
/// No header takes more, apart from its lists.
pub(super) const HEADER_BYTES: usize = 1 + 30 * numbers::MOST_BYTES;

/// Readings of batches, and readings that they tell of as lost, by cause in the order of [`LossCause::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) readings: u64,
    pub(super) told: [u64; LossCause::ALL.len()],
}

impl Sums {
    pub(super) fn of(readings: usize, losses: &[Loss]) -> Sums {
        let told = LossCause::ALL
            .map(|cause| losses.iter().filter(|loss| loss.cause == cause).map(|loss| loss.readings).sum());
        Sums { readings: readings as u64, told }
    }

    pub(super) fn plus(self, more: Sums) -> Sums {
        let told = std::array::from_fn(|at| self.told[at].saturating_add(more.told[at]));
        Sums { readings: self.readings.saturating_add(more.readings), told }
    }

    /// Nothing is left of what is less than what is taken away.
    pub(super) fn minus(self, less: Sums) -> Sums {
        let told = std::array::from_fn(|at| self.told[at].saturating_sub(less.told[at]));
        Sums { readings: self.readings.saturating_sub(less.readings), told }
    }

    fn write(self, bytes: &mut Vec<u8>) {
        for number in std::iter::once(self.readings).chain(self.told) {
            numbers::write(bytes, number);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Sums> {
        let readings = numbers::read(bytes)?;
        let mut told = [0; LossCause::ALL.len()];
        for number in &mut told {
            *number = numbers::read(bytes)?;
        }
        Some(Sums { readings, told })
    }
}

/// Earliest and latest instant, ms since the epoch; `None` of nothing.
pub(super) type Span = Option<(i64, i64)>;

/// The span of readings, and of what is told of as lost.
pub(super) fn span_of(readings: &[(Name, Reading)], losses: &[Loss]) -> Span {
    let lost = losses.iter().flat_map(|loss| [loss.from.0, loss.to.0]);
    let instants = || readings.iter().map(|(_, reading)| reading.at.0).chain(lost.clone());
    instants().min().zip(instants().max())
}

/// Up to where the spool has let go, and what all batches up to there come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Edge {
    /// The sequence after the last that was let go.
    pub(super) sequence: u64,
    pub(super) sums: Sums,
}

/// Stands before each batch. The latest one holds the agent's running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// The intake number that the next reading gets.
    pub(super) next_number: u64,
    /// Readings taken in since the spool was made, this batch included.
    pub(super) taken_in: u64,
    /// Readings dropped or damaged since the spool was made.
    pub(super) lost: u64,
    /// Readings thinned away since the spool was made.
    pub(super) thinned: u64,
    /// Every batch below this sequence is dropped, whether its file is still there or not.
    pub(super) dropped_below: u64,
    /// What is in this batch.
    pub(super) here: Sums,
    /// What was in all batches ever made, those made of earlier batches and this one included.
    pub(super) all: Sums,
    /// Earliest and latest instant of this batch's readings.
    pub(super) span: Span,
    /// The same of its readings and of what it tells of as lost.
    pub(super) whole: Span,
    /// The same of the batch before it, which is all that is known of that one should it be damaged.
    pub(super) whole_before: Span,
    /// Whether this batch was made of earlier ones.
    pub(super) is_condensed: bool,
    /// How often this content was written again as it was.
    pub(super) rounds: u64,
    pub(super) edge: Edge,
}

/// A record that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'r> {
    pub(super) header: Header,
    /// What is known of damage, as of this record.
    pub(super) accounts: Accounts,
    /// Intake numbers that the batch was made of, where it was made of earlier ones: each range without a hole.
    pub(super) covers: RangeSet,
    pub(super) batch: &'r [u8],
}

impl Header {
    /// The header and the batch as one record.
    pub(super) fn encode(&self, accounts: &Accounts, covers: &RangeSet, batch: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(HEADER_BYTES + batch.len());
        record.push(VERSION);
        for number in [
            self.next_number,
            self.taken_in,
            self.lost,
            self.thinned,
            self.dropped_below,
            u64::from(self.is_condensed),
            self.rounds,
            self.edge.sequence,
        ] {
            numbers::write(&mut record, number);
        }
        for sums in [self.here, self.all, self.edge.sums] {
            sums.write(&mut record);
        }
        for span in [self.span, self.whole, self.whole_before] {
            write_span(&mut record, span);
        }
        accounts.write(&mut record);
        let covers: Vec<(u64, u64)> = stretches(covers).collect();
        numbers::write(&mut record, covers.len() as u64);
        for (first, last) in covers {
            numbers::write(&mut record, first);
            numbers::write(&mut record, last.saturating_sub(first));
        }
        record.extend_from_slice(batch);
        record
    }

    fn read(bytes: &mut &[u8]) -> Option<Header> {
        let mut number = || numbers::read(bytes);
        let header = Header {
            next_number: number()?,
            taken_in: number()?,
            lost: number()?,
            thinned: number()?,
            dropped_below: number()?,
            is_condensed: number()? != 0,
            rounds: number()?,
            edge: Edge { sequence: number()?, sums: Sums::default() },
            ..Header::default()
        };
        let (here, all, sums) = (Sums::read(bytes)?, Sums::read(bytes)?, Sums::read(bytes)?);
        let edge = Edge { sums, ..header.edge };
        let (span, whole, whole_before) = (read_span(bytes)?, read_span(bytes)?, read_span(bytes)?);
        Some(Header { here, all, edge, span, whole, whole_before, ..header })
    }
}

impl Record<'_> {
    /// Reads what [`Header::encode`] wrote; `None` for a record of another format.
    pub(super) fn decode(record: &[u8]) -> Option<Record<'_>> {
        let (version, mut rest) = record.split_first()?;
        if (1..VERSION).contains(version) {
            return Record::of_former(*version, rest);
        }
        if *version != VERSION {
            return None;
        }
        let header = Header::read(&mut rest)?;
        let accounts = Accounts::read(&mut rest)?;
        let mut covers = RangeSet::default();
        for _ in 0..numbers::read(&mut rest)? {
            let (first, more) = (numbers::read(&mut rest)?, numbers::read(&mut rest)?);
            covers.insert_range(first, first.checked_add(more)?);
        }
        Some(Record { header, accounts, covers, batch: rest })
    }

    fn of_former(version: u8, rest: &[u8]) -> Option<Record<'_>> {
        let (fields, batch) = rest.split_at_checked(FORMER_BYTES)?;
        let at = |position: usize| {
            let bytes = fields.get(position * 8..position * 8 + 8)?;
            bytes.try_into().ok().map(u64::from_le_bytes)
        };
        let readings = at(5)?;
        let span = (readings > 0).then_some((at(6)?.cast_signed(), at(7)?.cast_signed()));
        let taken_in = at(1)?;
        let (thinned, appended, condensed) =
            if version == 1 { (0, taken_in, 0) } else { (at(8)?, at(9)?, at(10)?) };
        let header = Header {
            next_number: at(0)?,
            taken_in,
            lost: at(2)?,
            thinned,
            dropped_below: at(3)?,
            here: Sums { readings, ..Sums::default() },
            all: Sums { readings: appended, ..Sums::default() },
            span,
            whole: span,
            is_condensed: condensed != 0,
            ..Header::default()
        };
        Some(Record { header, accounts: Accounts::below(at(4)?), covers: RangeSet::default(), batch })
    }

    /// The intake numbers of which the batch has all that was left of them, each range without a hole.
    pub(super) fn stretches(&self) -> RangeSet {
        let Header { is_condensed, next_number, here, .. } = self.header;
        match next_number.checked_sub(here.readings) {
            _ if is_condensed => self.covers.clone(),
            Some(first) if here.readings > 0 => RangeSet::from_parts(0, [(first, next_number - 1)]),
            _ => RangeSet::default(),
        }
    }
}

/// The ranges of a set, what lies below its floor among them.
pub(super) fn stretches(set: &RangeSet) -> impl Iterator<Item = (u64, u64)> + '_ {
    let below = set.floor().checked_sub(1).map(|last| (0, last));
    below.into_iter().chain(set.ranges())
}

fn write_span(bytes: &mut Vec<u8>, span: Span) {
    numbers::write(bytes, u64::from(span.is_some()));
    if let Some((from, to)) = span {
        numbers::write_signed(bytes, from);
        numbers::write_signed(bytes, to);
    }
}

fn read_span(bytes: &mut &[u8]) -> Option<Span> {
    if numbers::read(bytes)? == 0 {
        return Some(None);
    }
    Some(Some((numbers::read_signed(bytes)?, numbers::read_signed(bytes)?)))
}

impl Accounts {
    fn write(&self, bytes: &mut Vec<u8>) {
        numbers::write(bytes, self.all().len() as u64);
        for account in self.all() {
            numbers::write(bytes, account.first);
            numbers::write(bytes, account.last.saturating_sub(account.first));
            numbers::write(bytes, u64::from(account.is_told));
            account.sums.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Accounts> {
        let mut accounts = Accounts::default();
        for _ in 0..numbers::read(bytes)? {
            let (first, more) = (numbers::read(bytes)?, numbers::read(bytes)?);
            let is_told = numbers::read(bytes)? != 0;
            let sums = Sums::read(bytes)?;
            accounts.insert(super::damage::Account { first, last: first.checked_add(more)?, sums, is_told });
        }
        Some(accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage::Account;
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_foreign_one_is_refused() {
        let sums = Sums { readings: 300, told: [1, 0, u64::MAX] };
        let header = Header {
            taken_in: 7,
            span: Some((-5, 9)),
            whole_before: Some((i64::MIN, i64::MAX)),
            thinned: 3,
            is_condensed: true,
            rounds: 2,
            here: sums,
            edge: Edge { sequence: 4, sums },
            ..Header::default()
        };
        let mut accounts = Accounts::default();
        accounts.insert(Account { first: 3, last: 9, sums, is_told: true });
        let covers = RangeSet::from_parts(5, [(9, 20)]);
        let record = header.encode(&accounts, &covers, b"batch");
        let read = Record::decode(&record).expect("our own");
        assert_eq!((read.stretches(), read.batch), (covers.clone(), &b"batch"[..]));
        assert_eq!(read, Record { header, accounts, covers, batch: b"batch" });
        for cut in 0..record.len() - 5 {
            assert_eq!(Record::decode(&record[..cut]), None, "{cut}");
        }
        let mut foreign = record;
        foreign[0] = 9;
        assert_eq!(Record::decode(&foreign), None);
    }

    #[test]
    fn records_of_the_versions_before_are_read() {
        let fields: [u64; 11] = [10, 7, 1, 2, 3, 4, 50, 60, 8, 9, 1];
        let of = |version: u8| {
            let mut record = vec![version];
            fields.iter().for_each(|number| record.extend(number.to_le_bytes()));
            record.extend(b"batch");
            record
        };
        let (first, second) = (of(1), of(2));
        let (first, second) =
            (Record::decode(&first).expect("version 1"), Record::decode(&second).expect("version 2"));
        assert_eq!(
            (first.header.all.readings, first.header.thinned),
            (7, 0),
            "a loss there meant nothing here"
        );
        assert_eq!((second.header.all.readings, second.header.thinned), (9, 8));
        assert_eq!(first.stretches(), RangeSet::from_parts(0, [(6, 9)]));
        assert_eq!(second.stretches(), RangeSet::default(), "what it was made of is not known");
        for read in [&first, &second] {
            assert_eq!((read.header.span, read.header.lost, read.batch), (Some((50, 60)), 1, &b"batch"[..]));
            assert_eq!(read.accounts.missing_in(0, 4), [(3, 4)]);
        }
    }
}
