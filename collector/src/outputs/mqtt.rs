//! Figures for whoever prefers MQTT to a database: `wattledger/v1/facility/{facility}/indicators/{name}`, retained.
//!
//! Each message holds the live figures of one indicator over all windows. They are repeated as the horizon moves;
//! what is missed is not made up for, because the next message says it anew.

use crate::indicators::notation::notation;
use crate::indicators::{Indicator, Status};
use crate::store::StoreError;
use crate::view::View;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wattledger_link::session::{Publish, PublishError, PublishId, Qos, Session};
use wattledger_model::calendar::{self, Window};
use wattledger_model::name::Name;
use wattledger_model::time::Minute;
use wattledger_model::topic::Topic;

/// Between two publications at least: figures of one minute may change several times while data comes in.
const PAUSE: Duration = Duration::from_secs(5);

/// Comes true once the broker has taken the message; fails if the connection was lost before.
pub type Confirmation = oneshot::Receiver<()>;

/// Somewhere to publish to.
pub trait Publisher: Send + Sync {
    /// Sends a message.
    ///
    /// # Errors
    /// Why it cannot be sent now; the caller tries again or lets it be.
    fn publish(&self, message: Publish) -> Result<Confirmation, PublishError>;
}

/// A [`Publisher`] over the link's session. Whoever reads the session's events tells it what it hears.
pub struct SessionPublisher {
    session: Session,
    awaited: Mutex<HashMap<PublishId, oneshot::Sender<()>>>,
}

impl SessionPublisher {
    /// Publishes over a session.
    pub fn new(session: Session) -> SessionPublisher {
        SessionPublisher { session, awaited: Mutex::default() }
    }

    /// The broker has taken a publish; one that is not from here is ignored.
    pub fn published(&self, id: PublishId) {
        if let Some(sender) = self.awaited().remove(&id) {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        }
    }

    /// The connection is lost: what was not answered has to be published again.
    pub fn disconnected(&self) {
        self.awaited().clear();
    }

    fn awaited(&self) -> std::sync::MutexGuard<'_, HashMap<PublishId, oneshot::Sender<()>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher for SessionPublisher {
    fn publish(&self, message: Publish) -> Result<Confirmation, PublishError> {
        let (sender, confirmation) = oneshot::channel();
        let qos = message.qos;
        // Held over both, so that the answer cannot come before it is awaited.
        let mut awaited = self.awaited();
        awaited.retain(|_, sender| !sender.is_closed());
        let id = self.session.try_publish(message)?;
        match qos {
            Qos::AtLeastOnce => drop(awaited.insert(id, sender)),
            Qos::AtMostOnce => drop(sender.send(())),
        }
        Ok(confirmation)
    }
}

/// Publishes live figures until it is stopped.
pub async fn run(
    view: View,
    wake: watch::Receiver<u64>,
    publisher: Arc<dyn Publisher>,
    stop: watch::Receiver<bool>,
) {
    let mut stopped = stop;
    tokio::select! {
        () = publish_all(view, wake, publisher) => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn publish_all(mut view: View, mut wake: watch::Receiver<u64>, publisher: Arc<dyn Publisher>) {
    let mut sent: HashMap<usize, (Minute, u64)> = HashMap::new();
    loop {
        wake.borrow_and_update();
        let known = sent.clone();
        let made = spawn_blocking(move || {
            let made = messages(&mut view, &known);
            (view, made)
        });
        let Ok((back, made)) = made.await else {
            tracing::error!("making live figures failed; none are published until the next start");
            return;
        };
        view = back;
        let mut is_complete = true;
        match made {
            Ok(facilities) => {
                for of_facility in facilities {
                    if of_facility.messages.into_iter().all(|message| publisher.publish(message).is_ok()) {
                        sent.insert(of_facility.facility, of_facility.state);
                    } else {
                        is_complete = false;
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "live figures cannot be made; trying again");
                is_complete = false;
            }
        }
        sleep(PAUSE).await;
        if is_complete && wake.changed().await.is_err() {
            return;
        }
    }
}

struct OfFacility {
    facility: usize,
    state: (Minute, u64),
    messages: Vec<Publish>,
}

/// The messages of facilities whose horizon or ledger is not what it was when they were sent last.
fn messages(view: &mut View, sent: &HashMap<usize, (Minute, u64)>) -> Result<Vec<OfFacility>, StoreError> {
    let change = view.begin()?;
    let made = (0..view.topology().facilities.len())
        .filter_map(|facility| {
            let state = (view.horizon(facility)?, change);
            (sent.get(&facility) != Some(&state)).then_some((facility, state))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(facility, state)| {
            let messages = of_facility(view, facility, state.0)?;
            Ok(OfFacility { facility, state, messages })
        })
        .collect();
    view.end()?;
    made
}

fn of_facility(view: &mut View, at: usize, horizon: Minute) -> Result<Vec<Publish>, StoreError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let mut messages = Vec::new();
    for indicator in Indicator::ALL {
        let mut windows = Vec::new();
        for window in Window::ALL {
            let interval = calendar::interval(*window, facility.zone, horizon);
            let Some(figure) = view.figure(at, *indicator, interval)? else { continue };
            let known = figure.status != Status::NoData;
            let is_ratio = *indicator != Indicator::Carbon;
            windows.push(json!({
                "window": window.word(),
                "from": interval.from.to_string(),
                "to": interval.to.to_string(),
                "notation": notation(*indicator, facility.category, interval, facility.zone),
                "value": figure.value,
                "status": status(figure.status),
                "numerator": known.then_some(figure.numerator),
                "denominator": (known && is_ratio).then_some(figure.denominator),
                "coverage": figure.coverage,
                "interpolated": figure.interpolated,
                "estimated": figure.estimated,
            }));
        }
        if windows.is_empty() {
            continue;
        }
        let name: Name = indicator.word().parse().expect("an indicator's word is a name");
        let topic = Topic::Indicator { facility: facility.name.clone(), indicator: name };
        let payload: Value = json!({
            "version": 1,
            "facility": facility.name.as_str(),
            "indicator": indicator.word(),
            "unit": unit(*indicator),
            "category": facility.category,
            "as_of": horizon.to_string(),
            "windows": windows,
        });
        let payload = payload.to_string().into_bytes();
        messages.push(Publish { topic: topic.to_string(), payload, qos: Qos::AtMostOnce, retain: true });
    }
    Ok(messages)
}

const fn unit(indicator: Indicator) -> &'static str {
    match indicator {
        Indicator::Pue => "",
        Indicator::Wue => "L/kWh",
        Indicator::Cue => "kg/kWh",
        Indicator::Carbon => "kg",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Provisional => "provisional",
        Status::Undefined => "undefined",
        Status::Implausible => "implausible",
        Status::NoData => "no-data",
    }
}
