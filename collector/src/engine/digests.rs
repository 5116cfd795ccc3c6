//! Digests of meters' days, made when the days are over, a few at a time beside intake. Whoever asks for a digest
//! before that makes it from the minutes; so this is for speed only, and may be left off at any point.

use crate::store::digest::{self, MeterDay};
use crate::store::{MeterId, StoreError};
use rusqlite::Connection;
use std::collections::BTreeSet;
use wattledger_model::time::Timestamp;

/// Digests made at a time beside intake: some 20 ms.
pub(super) const A_FEW: usize = 128;
/// Digests made at a time while nothing else is done.
pub(super) const MANY: usize = 8_192;

/// How far the rounds through the days without a digest have come.
#[derive(Debug, Default)]
pub(super) struct Digests {
    /// The last day of this round; a day that cannot be read must not hold the others up.
    made_to: Option<MeterDay>,
    /// Days that could not be read, said once.
    unreadable: BTreeSet<MeterDay>,
}

impl Digests {
    /// Makes up to `limit` digests of days that are over and have none, as of a change number. Whether more may
    /// wait; at the end of a round the next begins from the first day.
    pub(super) fn make(
        &mut self,
        connection: &Connection,
        now: Timestamp,
        change: u64,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let waiting = digest::waiting(connection, self.made_to, now.minute().day(), limit)?;
        let mut text = Vec::new();
        for meter_day in &waiting {
            match digest::keep(connection, *meter_day, change, &mut text) {
                Ok(()) => {
                    self.unreadable.remove(meter_day);
                }
                Err(error @ StoreError::Block { .. }) => self.say_once(*meter_day, &error),
                Err(error) => return Err(error),
            }
        }
        let is_more = waiting.len() == limit;
        self.made_to = waiting.last().copied().filter(|_| is_more);
        Ok(is_more)
    }

    fn say_once(&mut self, (day, meter): (i64, MeterId), error: &StoreError) {
        if self.unreadable.insert((day, meter)) {
            tracing::warn!(day, meter, %error, "no digest of the day can be made; `wattledger rebuild` mends it");
        }
    }
}
