//! What makes points be written again although no hour changed: declarations, and what uncertainties owe to readings.

use super::super::cursor::{Late, holds, ranges};
use super::Rounds;
use crate::store::{MeterId, StoreError};
use std::sync::Arc;
use wattledger_model::time::{Interval, Minute};

impl Rounds {
    /// Finds what the configuration has that the cursor did not know.
    pub(super) fn notice_declarations(&mut self) {
        let declared: Vec<MeterId> = self.meters.keys().copied().collect();
        let mut new: Vec<MeterId> =
            declared.iter().copied().filter(|meter| !holds(&self.cursor.meters, *meter)).collect();
        new.extend(self.days.go_on_from(&mut self.cursor));
        if self.cursor.cursor > 0 && !new.is_empty() {
            // Whatever was late before is late still, from the start.
            let late = self.cursor.late.take().unwrap_or_default();
            new.extend(declared.iter().filter(|meter| holds(&late.meters, **meter)));
            new.sort_unstable();
            new.dedup();
            self.cursor.late = Some(Late { meters: ranges(new), cursor: 0, until: self.cursor.cursor });
        }
        self.cursor.meters = ranges(declared);
        let topology = Arc::clone(self.view.topology());
        let names = || topology.facilities.iter().map(|facility| facility.name.as_str());
        self.cursor.facilities.retain(|name, _| names().any(|known| known == name));
        for (name, definition) in names().zip(&self.definitions) {
            let published = self.cursor.facilities.entry(name.to_owned()).or_default();
            if published.definition == *definition {
                continue;
            }
            published.definition = *definition;
            if let (Some(first), Some(until)) = (published.first, published.until) {
                tracing::info!(
                    facility = name,
                    "the facility's definition changed; its points are written again"
                );
                published.dirty.add(Interval::new(Minute(first), Minute(until)));
                published.redefined = true;
            }
        }
    }

    /// Where the resolution of a facility's registers follows their readings, and is another one now, its uncertainties
    /// are others for all of time.
    pub(super) fn notice_resolutions(&mut self) -> Result<(), StoreError> {
        for at in 0..self.followers.len() {
            if self.followers[at].is_empty() {
                continue;
            }
            let resolutions = self.view.resolutions(&self.followers[at])?;
            let digest = crc32fast::hash(format!("{resolutions:?}").as_bytes());
            let edge = self.edge(at);
            let published = self.published(at);
            if std::mem::replace(&mut published.resolutions, digest) != digest
                && let (Some(first), Some(edge)) = (published.first, edge)
            {
                published.dirty.add(Interval::new(Minute(first), Minute(edge)));
            }
        }
        Ok(())
    }
}
