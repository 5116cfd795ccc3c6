//! Hour by hour through a period: the PUE and the IT load, for drawings. No verdict rests on them.

use crate::indicators::Account;
use crate::indicators::figure::UWH_PER_KWH;
use crate::store::StoreError;
use crate::view::View;
use serde::Serialize;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute, Timestamp};

/// The longest period that is told without its hours: a week, also where clocks go back in it.
const WEEK_MINUTES: i64 = 7 * DAY_MINUTES + 3 * HOUR_MINUTES;

/// The hours of a period.
///
/// They are those of the ledger, which begin at full hours UTC, so that in a time zone whose offset is not of whole
/// hours each begins so many minutes past a full local hour. The first and the last hold what lies in the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hours {
    /// The first instant of the first hour; each further one begins an hour later.
    #[serde(serialize_with = "super::content::instant")]
    pub from: Timestamp,
    /// `E_DC / E_IT` over the common support of each hour, to four decimals; `None` where nothing is covered or
    /// no IT energy passed.
    pub pue: Vec<Option<f64>>,
    /// Mean IT power over the same time, kW to three decimals; `None` where nothing is covered.
    pub it_kw: Vec<Option<f64>>,
}

impl Hours {
    /// The instants at which the hours begin, with PUE and IT load.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Minute, Option<f64>, Option<f64>)> + '_ {
        let first = self.from.minute().0;
        let both = self.pue.iter().zip(&self.it_kw);
        (0..).zip(both).map(move |(at, (pue, load))| (Minute(first + at * HOUR_MINUTES), *pue, *load))
    }
}

/// The hours of a period that is longer than a week; none where one side of the PUE is not metered.
pub(super) fn hours(view: &mut View, at: usize, interval: Interval) -> Result<Option<Hours>, StoreError> {
    if interval.minutes() <= WEEK_MINUTES || view.topology().facilities[at].problem.is_some() {
        return Ok(None);
    }
    let all = view.energies_by_hour(at, interval)?;
    Ok(Some(Hours {
        from: Minute(interval.from.hour() * HOUR_MINUTES).start(),
        pue: all.iter().map(pue).collect(),
        it_kw: all.iter().map(load).collect(),
    }))
}

fn pue(account: &Account) -> Option<f64> {
    let covered = account.minutes > 0 && account.denominator != 0;
    covered.then(|| to_places(account.numerator as f64 / account.denominator as f64, 1e4))
}

fn load(account: &Account) -> Option<f64> {
    let kwh = account.denominator as f64 / UWH_PER_KWH;
    (account.minutes > 0).then(|| to_places(kwh * HOUR_MINUTES as f64 / account.minutes as f64, 1e3))
}

fn to_places(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}
