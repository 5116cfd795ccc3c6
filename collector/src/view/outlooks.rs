//! The outlooks of facilities by date, which are made from years of days and asked for again within the day.

use super::View;
use crate::targets::Outlook;
use chrono::NaiveDate;
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::calendar;

pub(super) type Outlooks = HashMap<(usize, NaiveDate), Arc<Outlook>>;

/// Days that are kept, of all facilities.
const MOST: usize = 1_000;

impl View {
    /// What [`View::remember_outlook`] was told, while it holds.
    pub(crate) fn outlook_of(&self, facility: usize, date: NaiveDate) -> Option<Arc<Outlook>> {
        self.outlooks.get(&(facility, date)).cloned()
    }

    /// Keeps a facility's outlook on a date.
    pub(crate) fn remember_outlook(&mut self, facility: usize, date: NaiveDate, outlook: &Arc<Outlook>) {
        if self.outlooks.len() >= MOST {
            self.outlooks.clear();
        }
        self.outlooks.insert((facility, date), Arc::clone(outlook));
    }

    /// Forgets the outlooks that rest on an hour that has changed, and all of later dates.
    pub(super) fn forget_outlooks(&mut self, first_hour: i64) {
        let facilities = &self.topology.facilities;
        // The hour in which a date begins may hold some of the date before.
        self.outlooks.retain(|(facility, date), _| {
            calendar::day_start(facilities[*facility].zone, *date).hour() < first_hour
        });
    }
}
