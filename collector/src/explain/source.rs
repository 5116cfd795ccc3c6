//! What explanations are made from: a store, opened to read, and the configuration.

use super::error::ExplainError;
use crate::admin::instant;
use crate::config::CollectorConfig;
use crate::engine::{Meters, reread};
use crate::store::{self, Layout, MeterId};
use crate::topology::{self, Topology};
use crate::view::View;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::Arc;
use wattledger_model::calendar::{Period, Tz};
use wattledger_model::time::{Interval, Timestamp};

/// A store and a configuration. Other processes may write to the store meanwhile.
pub struct Source<'c> {
    pub(super) config: &'c CollectorConfig,
    pub(super) layout: Layout,
    pub(super) connection: Connection,
    pub(super) meters: Meters,
    /// Meters whose minutes were made by another configuration than this one.
    pub(super) read_otherwise: BTreeSet<MeterId>,
    pub(super) topology: Arc<Topology>,
}

impl<'c> Source<'c> {
    /// Opens the store of a configuration.
    ///
    /// # Errors
    /// [`ExplainError::Store`] where there is none.
    pub fn open(layout: &Layout, config: &'c CollectorConfig) -> Result<Source<'c>, ExplainError> {
        let connection = store::open_reader(layout)?;
        let (meters, read_otherwise) = reread::meters(&connection, &topology::interpretations(config))?;
        let topology = Arc::new(Topology::compile(config, |key| meters.id(key)));
        Ok(Source { config, layout: layout.clone(), connection, meters, read_otherwise, topology })
    }

    /// A view of the same store and facilities.
    ///
    /// # Errors
    /// [`ExplainError::Store`] where the store cannot be read.
    pub fn view(&self) -> Result<View, ExplainError> {
        Ok(View::open(&self.layout, Arc::clone(&self.topology))?)
    }
}

/// Which time is asked about.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// As for reports: `2026`, `2026-Q4`, `2026-10`, `2026-10-03`, or FROM..TO.
    pub period: Option<String>,
    /// Begin, where no period is given: an RFC 3339 instant, or local date and time.
    pub from: Option<String>,
    /// End, the first instant left out.
    pub to: Option<String>,
}

impl Asked {
    /// The time and its text, by the calendar and the clocks of a zone.
    pub(super) fn interval(&self, zone: Tz) -> Result<(String, Interval), ExplainError> {
        let (from, to) = match (&self.period, &self.from, &self.to) {
            (Some(period), None, None) => {
                let period = Period::parse(period, zone)?;
                return Ok((period.text, period.interval));
            }
            (None, Some(from), Some(to)) => (from, to),
            _ => {
                let words = "say which time: a period such as 2026-10, or both --from and --to";
                return Err(ExplainError::Time(words.to_owned()));
            }
        };
        let edge = |text: &str| -> Result<Timestamp, ExplainError> {
            let at = instant::parse(text, Some(zone)).map_err(ExplainError::Time)?;
            if at.minute().start() != at { Err(ExplainError::not_a_full_minute(at)) } else { Ok(at) }
        };
        let interval = Interval::new(edge(from)?.minute(), edge(to)?.minute());
        let text = format!("{from} to {to}");
        if interval.is_empty() {
            return Err(ExplainError::Time(format!(
                "`{text}` ends before it begins; --to must be after --from"
            )));
        }
        Ok((text, interval))
    }
}
