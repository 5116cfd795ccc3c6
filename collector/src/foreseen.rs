//! The outlooks of the year for the page, made beside everything else: each reads up to three years of days, and
//! changes with the date, with corrections, and with what comes late.

use crate::clock;
use crate::outputs::snapshot::{FacilityView, Snapshot};
use crate::outputs::web::{FacilityOutlook, Outlooks};
use crate::stop::stopped;
use crate::store::{Layout, StoreError};
use crate::targets::{self, TargetsError};
use crate::topology::Topology;
use crate::view::View;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use wattledger_model::calendar::{self, Tz};

/// How often it is looked whether a date has changed.
const LOOK: Duration = Duration::from_secs(10);
/// Outlooks are made anew at least so often: corrections change past days.
const ANEW: Duration = Duration::from_secs(3_600);
/// After outlooks that took long nothing is made for so many times as long, however fast dates go by.
const REST: u32 = 20;

/// Keeps the outlooks of all facilities until `stop`.
pub(crate) async fn keep(
    layout: Layout,
    topology: Arc<Topology>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    outlooks: watch::Sender<Arc<Outlooks>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut made_for: Option<Vec<Option<String>>> = None;
    let mut due = Instant::now();
    let mut not_before = due;
    loop {
        let dates: Vec<Option<String>> = snapshot.borrow().facilities.iter().map(date).collect();
        let changed = made_for.as_ref() != Some(&dates);
        let now = Instant::now();
        if !dates.is_empty() && now >= not_before && (changed || now >= due) {
            let (layout, topology) = (layout.clone(), Arc::clone(&topology));
            let made = tokio::task::spawn_blocking(move || all(&layout, topology));
            match made.await {
                Ok(Ok(found)) => {
                    outlooks.send_replace(Arc::new(found));
                    made_for = Some(dates);
                    due = Instant::now() + ANEW;
                }
                Ok(Err(error)) => tracing::warn!(%error, "the year's outlooks cannot be made; trying again"),
                Err(error) => {
                    tracing::error!(%error, "making the year's outlooks failed; there are no more until the next start");
                    return;
                }
            }
            let took = now.elapsed();
            tracing::debug!(took_ms = took.as_millis(), "outlooks of the year made");
            not_before = Instant::now() + took * REST;
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The local date up to which a facility is known.
fn date(facility: &FacilityView) -> Option<String> {
    let zone: Tz = facility.time_zone.parse().ok()?;
    Some(calendar::date_of(zone, facility.as_of?.minute()).to_string())
}

/// The outlook of each facility, on a view of its own that does not outlive it: three years of days are not kept.
fn all(layout: &Layout, topology: Arc<Topology>) -> Result<Outlooks, StoreError> {
    let names: Vec<String> = topology.facilities.iter().map(|facility| facility.name.to_string()).collect();
    let mut view = View::open(layout, topology)?;
    let mut facilities = Vec::new();
    for facility in names {
        let (outlook, why) = match targets::outlook(&mut view, &facility, None) {
            Ok(outlook) => (Some(outlook), None),
            Err(TargetsError::Store(error)) => return Err(error),
            Err(error) => (None, Some(error.to_string())),
        };
        facilities.push(FacilityOutlook { facility, outlook, why });
    }
    Ok(Outlooks { made_at: Some(clock::now().to_string()), facilities })
}
