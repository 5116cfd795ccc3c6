//! The page for people without Grafana, served from the binary: it works offline. It changes nothing, but for silences
//! and acknowledgements of alerts where the configuration says who may.
//!
//! Promises: everything else is for reading only (GET); whoever reaches the socket under a name that is not ours is refused, so a foreign
//! web page cannot read the figures through a visitor's browser; every connection, stream, header and body has
//! a limit; and [`serve`] ends soon after `stop`, also with streams open.

mod api;
mod connection;
mod events;
mod guard;
mod live;
mod metrics;
mod operators;
mod page;
mod reports;

use super::snapshot::Snapshot;
use crate::desk::Desk;
use crate::targets::Outlook;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use events::Cause;
pub use operators::Operators;
pub use reports::{
    FileView, IssuedView, MailView, ReportFile, ReportList, ReportShelf, ReportView, ScheduleView, ShelfError,
};

/// What the page is made from.
#[derive(Clone)]
pub struct WebState {
    /// The figures; a new value is sent to every open page.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// The history behind the charts.
    pub series: Arc<dyn SeriesSource>,
    /// What `/healthz` answers.
    pub health: watch::Receiver<Arc<Health>>,
    /// What is foreseen for the year.
    pub outlooks: watch::Receiver<Arc<Outlooks>>,
    /// The reports that were made; `None` where none are kept.
    pub reports: Option<Arc<dyn ReportShelf>>,
    /// Where alerts are silenced and acknowledged; `None` where none are judged.
    pub desk: Option<Arc<Desk>>,
    /// Who may do that; `None` for nobody.
    pub operators: Option<Operators>,
    /// Names and limits.
    pub options: WebOptions,
}

/// What is foreseen for the year, by facility. Nothing before it was first made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outlooks {
    /// When it was made, RFC 3339.
    pub made_at: Option<String>,
    /// One a facility, in the order of the configuration.
    pub facilities: Vec<FacilityOutlook>,
}

/// What is foreseen for one facility.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FacilityOutlook {
    /// The facility.
    pub facility: String,
    /// The outlook; `None` where nothing can be said.
    pub outlook: Option<Outlook>,
    /// Why nothing can be said.
    pub why: Option<String>,
}

/// Names the page answers to, and its limits.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Host names under which the page may be asked for, besides its own address and the names of localhost.
    /// Needed behind a proxy or when the page listens on more than loopback.
    pub names: Vec<String>,
    /// Live streams open at once; one more is answered with 429.
    pub streams: usize,
    /// Connections open at once; one more is closed at once.
    pub connections: usize,
    /// Bytes of a request's line and headers; more is answered with 431.
    pub header_bytes: usize,
    /// Time for a request's headers to arrive; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// Time between two signs of life on a live stream.
    pub heartbeat: Duration,
    /// Least time between two snapshots on one stream; a large snapshot waits longer.
    pub pace: Duration,
    /// Age of the latest snapshot beyond which `/healthz` fails.
    pub stale_after: Duration,
    /// Time for open requests to end after `stop`.
    pub drain: Duration,
}

impl Default for WebOptions {
    fn default() -> WebOptions {
        WebOptions {
            names: Vec::new(),
            streams: 64,
            connections: 256,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            pace: Duration::from_secs(1),
            stale_after: Duration::from_secs(120),
            drain: Duration::from_secs(3),
        }
    }
}

/// What is wrong with the collector now; nothing means it does its job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is wrong, gravest first.
    pub problems: Vec<HealthProblem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthProblem {
    /// The part that suffers, such as `journal` or `output grafana`.
    pub part: String,
    /// What is wrong and what mends it.
    pub detail: String,
}

/// An indicator with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// Total energy over IT energy.
    Pue,
    /// Water over IT energy, L/kWh.
    Wue,
    /// CO₂ over IT energy, kg/kWh.
    Cue,
    /// CO₂, kg.
    CarbonKg,
}

/// A question for an indicator's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRequest {
    /// The facility's name.
    pub facility: String,
    /// The indicator.
    pub indicator: Indicator,
    /// The window of each point, such as `1h`.
    pub window: String,
    /// How far back from the facility's horizon; 1 to [`SeriesRequest::HOURS_LIMIT`].
    pub hours: u32,
}

impl SeriesRequest {
    /// The longest history one request may ask for: 400 days.
    pub const HOURS_LIMIT: u32 = 400 * 24;
}

/// One point of a history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// End of the point's window, ms since the epoch.
    pub t: i64,
    /// The value; `None` where nothing is covered.
    pub value: Option<f64>,
    /// Share of the window that is covered, 0 to 1.
    pub coverage: f64,
}

/// Where the history comes from.
pub trait SeriesSource: Send + Sync {
    /// The points of a history, oldest first, one for each window, without holes: a window without evidence has no value.
    fn series(&self, request: SeriesRequest) -> BoxFuture<'static, Result<Vec<SeriesPoint>, SeriesError>>;
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// No such facility.
    #[error("no facility is named `{0}`")]
    UnknownFacility(String),
    /// The indicator has no history by that window.
    #[error("there is no history of {0}")]
    Unsupported(String),
    /// The store cannot be read now.
    #[error("the history cannot be read now: {0}")]
    Unavailable(String),
}

/// Why the page is not served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address is taken or not ours.
    #[error("cannot serve the page on {address}: {source}; change `listen` in [web]")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The listener has no address.
    #[error("the page's listener is broken")]
    Listener(#[source] io::Error),
}

/// Takes the page's address; the error names it and says where to change it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address).await.map_err(|source| WebError::Bind { address, source })
}

/// Serves the page until `stop` is true or its sender is gone; then open streams end, open requests get
/// [`WebOptions::drain`], and the call returns.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    stop: watch::Receiver<bool>,
) -> Result<(), WebError> {
    let address = listener.local_addr().map_err(WebError::Listener)?;
    let options = state.options.clone();
    let shared = Arc::new(Shared {
        feed: live::Feed::new(state.snapshot, &options),
        series: state.series,
        health: state.health,
        outlooks: state.outlooks,
        reports: state.reports,
        desk: state.desk,
        operators: state.operators,
        refusals: events::Refusals::default(),
        stop: stop.clone(),
        options,
    });
    events::serving(address);
    let freshness = tokio::spawn(live::note_changes(shared.clone()));
    connection::accept_until_stopped(listener, router(shared.clone()), shared, stop).await;
    freshness.abort();
    events::stopped(address);
    Ok(())
}

/// What all requests share.
struct Shared {
    feed: live::Feed,
    series: Arc<dyn SeriesSource>,
    health: watch::Receiver<Arc<Health>>,
    outlooks: watch::Receiver<Arc<Outlooks>>,
    reports: Option<Arc<dyn ReportShelf>>,
    desk: Option<Arc<Desk>>,
    operators: Option<Operators>,
    refusals: events::Refusals,
    stop: watch::Receiver<bool>,
    options: WebOptions,
}

fn router(shared: Arc<Shared>) -> Router {
    page::routes()
        .route("/api/snapshot", get(api::snapshot))
        .route("/api/live", get(live::stream))
        .route("/api/facilities/{facility}/series", get(api::series))
        .route("/api/outlooks", get(api::outlooks))
        .route("/api/reports", get(reports::list))
        .route("/reports", get(reports::page))
        .route("/reports/{id}/{file}", get(reports::file))
        .merge(operators::routes(&shared))
        .route("/healthz", get(api::healthz))
        .route("/metrics", get(metrics::metrics))
        .fallback(api::not_found)
        .with_state(shared.clone())
        .layer(from_fn_with_state(shared, guard::admit))
        .layer(from_fn(guard::harden))
}

/// Waits until `stop` is true or nobody can set it any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}
