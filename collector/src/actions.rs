//! What commands and the page ask of the running collector, answered from the engine and from views.

mod making;
mod shelf;

pub use making::Making;
pub use shelf::Shelf;

use crate::admin::alerts::AlertsQuestion;
use crate::admin::change::{self, ChangeAnswer, ChangeRequest};
use crate::admin::issue::{self, IssueAnswer, IssueRequest};
use crate::admin::quarantine::{self, Listing, Question};
use crate::admin::{
    AdminActions, AdminError, Answer, DigestAnswer, Document, RebuildAnswer, ReportRequest, instant,
};
use crate::audit::{Who, configuration};
use crate::clock;
use crate::config::CollectorConfig;
use crate::desk::silence::{Ack, Silence};
use crate::desk::{AckRequest, Desk, DeskError, EndRequest, SilenceRequest};
use crate::engine::Engine;
use crate::engine::service::EngineHandle;
use crate::indicators::Indicator;
use crate::outputs::alerts::listing;
use crate::outputs::reports::{self, FormError, Options, Printer, ReportError, WriteError};
use crate::outputs::snapshot::Snapshot;
use crate::outputs::web::{self, SeriesError, SeriesPoint, SeriesRequest, SeriesSource};
use crate::store::digest::Digest;
use crate::store::history::HistoryError;
use crate::store::{self, Layout, StoreError};
use crate::topology::Topology;
use crate::view::View;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wattledger_model::calendar::{self, Window};
use wattledger_model::time::{Interval, Minute};

/// The admin API's actions.
pub struct Actions {
    /// The way to the engine.
    pub engine: EngineHandle,
    /// The live snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Where the store is.
    pub layout: Layout,
    /// Facilities and meters.
    pub topology: Arc<Topology>,
    /// The configuration they were made from.
    pub config: Arc<CollectorConfig>,
    /// Where alerts are silenced and acknowledged.
    pub desk: Arc<Desk>,
}

fn digest_answer(digest: Digest) -> DigestAnswer {
    DigestAnswer { digest: digest.hex, minutes: digest.minutes, steps: digest.steps }
}

impl AdminActions for Actions {
    fn snapshot(&self) -> Answer<Arc<Snapshot>> {
        let snapshot = self.snapshot.borrow().clone();
        Box::pin(async move { Ok(snapshot) })
    }

    fn digest(&self, interval: Option<Interval>) -> Answer<DigestAnswer> {
        let engine = self.engine.clone();
        Box::pin(async move { engine.digest(interval).await.map(digest_answer).map_err(AdminError::Failed) })
    }

    fn rebuild(&self, who: Who) -> Answer<RebuildAnswer> {
        let engine = self.engine.clone();
        Box::pin(async move {
            let began = Instant::now();
            let checked = engine.rebuild(who).await.map_err(AdminError::Failed)?;
            Ok(RebuildAnswer {
                readings: checked.readings,
                changed_minutes: checked.rebuilt.changed_hours * 60,
                digest_before: checked.before.hex,
                digest_after: checked.after.hex,
                seconds: began.elapsed().as_secs_f64(),
            })
        })
    }

    fn report(&self, request: ReportRequest) -> Answer<Document> {
        let (layout, topology) = (self.layout.clone(), Arc::clone(&self.topology));
        let config = Arc::clone(&self.config);
        let engine = self.engine.clone();
        Box::pin(async move {
            // What has arrived is in the ledger before the report is made.
            engine.digest(Some(Interval::new(Minute(0), Minute(0)))).await.map_err(AdminError::Failed)?;
            let made = tokio::task::spawn_blocking(move || report(&layout, &topology, &config, &request));
            made.await.map_err(|error| AdminError::Failed(error.to_string()))?
        })
    }

    fn issue(&self, request: IssueRequest, who: Who) -> Answer<IssueAnswer> {
        let (engine, layout) = (self.engine.clone(), self.layout.clone());
        let config = Arc::clone(&self.config);
        Box::pin(issue_report(engine, layout, config, request, who))
    }

    fn quarantine(&self, question: Question) -> Answer<Listing> {
        let engine = self.engine.clone();
        Box::pin(async move {
            let listed = engine.act(move |engine, _| quarantine::list(engine, &question)).await;
            listed.map_err(AdminError::Busy)?
        })
    }

    fn change(&self, request: ChangeRequest, who: Who) -> Answer<ChangeAnswer> {
        let (engine, config) = (self.engine.clone(), Arc::clone(&self.config));
        Box::pin(async move {
            let act = move |engine: &mut Engine, now| change::perform(engine, &config, &request, &who, now);
            engine.act(act).await.map_err(AdminError::Busy)?
        })
    }

    fn alerts(&self, question: AlertsQuestion) -> Answer<listing::Listing> {
        let past =
            (question.past_days > 0).then(|| Duration::from_secs(u64::from(question.past_days) * 86_400));
        self.at_desk(move |desk| desk.listing(past))
    }

    fn silence(&self, request: SilenceRequest, who: Who) -> Answer<Silence> {
        self.at_desk(move |desk| desk.silence(&request, who.as_str()))
    }

    fn end_silence(&self, request: EndRequest, who: Who) -> Answer<Silence> {
        self.at_desk(move |desk| desk.end_silence(&request, who.as_str()))
    }

    fn acknowledge(&self, request: AckRequest, who: Who) -> Answer<Ack> {
        self.at_desk(move |desk| desk.acknowledge(&request, who.as_str()))
    }
}

/// Does what reads and writes the disk off the runtime's threads.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AdminError::Failed(error.to_string()))?
}

/// Makes a report beside the engine, has the engine issue it, and prints it.
async fn issue_report(
    engine: EngineHandle,
    layout: Layout,
    config: Arc<CollectorConfig>,
    request: IssueRequest,
    who: Who,
) -> Result<IssueAnswer, AdminError> {
    // What has arrived is in the ledger before the report is made, and whatever comes later has a later time.
    let flushed = engine.act(|engine, now| {
        engine.tell_time(now);
        engine.flush().map(|_| now).map_err(|error| AdminError::Failed(error.to_string()))
    });
    let now = flushed.await.map_err(AdminError::Busy)??;
    let (for_whom, of, asked) = (who.clone(), layout.clone(), Arc::clone(&config));
    let to_issue = off_the_runtime(move || issue::prepare(&of, &asked, &request, &for_whom, now)).await?;
    let to_print = to_issue.to_print(&config.reports);
    let of = layout.clone();
    let act = move |engine: &mut Engine, now| issue::issue(engine, &of, to_issue, &who, now);
    let answer = engine.act(act).await.map_err(AdminError::Busy)??;
    off_the_runtime(move || Ok(to_print.print(&layout, answer))).await
}

impl Actions {
    /// Asks the desk off the runtime's threads: it reads and writes the disk.
    fn at_desk<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Desk) -> Result<T, DeskError> + Send + 'static,
    ) -> Answer<T> {
        let desk = Arc::clone(&self.desk);
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || ask(&desk)).await;
            Ok(asked.map_err(|error| AdminError::Failed(error.to_string()))??)
        })
    }
}

/// A report from the store as it is. It waits for the printer of PDF where that is asked for.
///
/// # Errors
/// [`AdminError`] by what the caller does next.
pub fn report(
    layout: &Layout,
    topology: &Arc<Topology>,
    config: &CollectorConfig,
    request: &ReportRequest,
) -> Result<Document, AdminError> {
    let printer = Printer::of(&config.reports);
    match &request.known_at {
        None => {
            let view = View::open(layout, Arc::clone(topology)).map_err(store_failed)?;
            report_of(view, config, request, &printer)
        }
        Some(known_at) => report_as_known(layout, config, known_at, request, &printer),
    }
}

fn store_failed(error: StoreError) -> AdminError {
    AdminError::Failed(error.to_string())
}

/// A report as it would have been made at an earlier time, by the configuration that was in force then.
fn report_as_known(
    layout: &Layout,
    config: &CollectorConfig,
    known_at: &str,
    request: &ReportRequest,
    printer: &Printer,
) -> Result<Document, AdminError> {
    let declared = config.facilities.iter().find(|facility| facility.name.as_str() == request.facility);
    let zone = declared.and_then(|facility| config.site(&facility.site)).map(|site| site.time_zone);
    let at = instant::parse(known_at, zone).map_err(AdminError::Invalid)?;
    if at > clock::now() {
        return Err(AdminError::Invalid(format!("{at} lies ahead; what will be known cannot be said")));
    }
    let connection = store::open_reader(layout).map_err(store_failed)?;
    let in_force = configuration::at(&connection, at).map_err(store_failed)?.ok_or_else(|| {
        AdminError::NotFound(format!("which configuration was in force at {at} was not noted; ask for later"))
    })?;
    let entry = in_force.sequence;
    let file = format!("the configuration in entry {entry} of the audit chain");
    let then = CollectorConfig::parse(&file, &in_force.version.text)
        .map_err(|problems| AdminError::Failed(problems.to_string()))?;
    let ids = store::meters(&connection).map_err(store_failed)?;
    let topology = Arc::new(Topology::compile(&then, |key| ids.get(key).copied()));
    let view = View::open_as_known(layout, topology, at).map_err(|error| match error {
        HistoryError::NotNoted { .. } => AdminError::NotFound(error.to_string()),
        HistoryError::Store(error) => store_failed(error),
    })?;
    report_of(view, &then, request, printer)
}

fn report_of(
    mut view: View,
    config: &CollectorConfig,
    request: &ReportRequest,
    printer: &Printer,
) -> Result<Document, AdminError> {
    let options = Options { generated_at: clock::now(), configuration: config };
    let (facility, period, format) = (&request.facility, &request.period, request.format);
    let written = match (&request.form, &request.portfolio) {
        (Some(_), Some(_)) => {
            let why = "a form is filled in for one facility; leave out the form or the portfolio";
            return Err(AdminError::Invalid(why.to_owned()));
        }
        (Some(form), None) => {
            let filled = reports::forms::document(&mut view, facility, period, options, form, request.lang);
            let document = filled.map_err(no_report)?;
            drop(view);
            reports::print(&document, format, &[], printer)
        }
        (None, Some(portfolio)) => {
            let made = reports::portfolio::make(&mut view, portfolio, period, options).map_err(no_report)?;
            drop(view);
            reports::write_portfolio(&made, format, request.lang, printer)
        }
        (None, None) => {
            let report = reports::make(&mut view, facility, period, options).map_err(no_report)?;
            // Printing may take a while, and needs the store no more.
            drop(view);
            reports::write(&report, format, request.lang, printer)
        }
    };
    let bytes = written.map_err(not_written)?;
    Ok(Document { content_type: format.content_type().to_owned(), bytes })
}

fn not_written(error: WriteError) -> AdminError {
    let text = error.to_string();
    match error {
        WriteError::NoLanguage(_)
        | WriteError::NoDocument(_)
        | WriteError::NoData(_)
        | WriteError::Xlsx(_) => AdminError::Invalid(text),
        WriteError::Pdf(_) => AdminError::Failed(text),
    }
}

/// Why there is no report, by what the caller does next.
fn no_report(error: ReportError) -> AdminError {
    let text = error.to_string();
    match error {
        ReportError::UnknownFacility { .. }
        | ReportError::UnknownPortfolio { .. }
        | ReportError::NothingRead(_)
        | ReportError::Form(FormError::Unknown { .. }) => AdminError::NotFound(text),
        ReportError::Period(_) | ReportError::Ahead { .. } | ReportError::Form(FormError::Period { .. }) => {
            AdminError::Invalid(text)
        }
        ReportError::Form(_) | ReportError::Store(_) => AdminError::Failed(text),
    }
}

/// The history behind the page's charts.
pub struct History {
    layout: Layout,
    topology: Arc<Topology>,
    /// Kept between questions, for its caches.
    view: Arc<Mutex<Option<View>>>,
}

impl History {
    /// The history in a store.
    pub fn new(layout: Layout, topology: Arc<Topology>) -> History {
        History { layout, topology, view: Arc::default() }
    }
}

impl SeriesSource for History {
    fn series(&self, request: SeriesRequest) -> BoxFuture<'static, Result<Vec<SeriesPoint>, SeriesError>> {
        let (layout, topology, view) =
            (self.layout.clone(), Arc::clone(&self.topology), Arc::clone(&self.view));
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                let mut kept = view.lock().unwrap_or_else(PoisonError::into_inner);
                let unavailable = |error: StoreError| SeriesError::Unavailable(error.to_string());
                if kept.is_none() {
                    *kept = Some(View::open(&layout, topology).map_err(unavailable)?);
                }
                let Some(view) = kept.as_mut() else { return Ok(Vec::new()) };
                view.begin().map_err(unavailable)?;
                let points = points(view, &request);
                view.end().map_err(unavailable)?;
                points
            });
            found.await.map_err(|error| SeriesError::Unavailable(error.to_string()))?
        })
    }
}

/// Points at whole windows back from the horizon.
fn points(view: &mut View, request: &SeriesRequest) -> Result<Vec<SeriesPoint>, SeriesError> {
    let facility = view
        .facility(&request.facility)
        .ok_or_else(|| SeriesError::UnknownFacility(request.facility.clone()))?;
    let window: Window = request.window.parse().map_err(SeriesError::Unsupported)?;
    let Some(step) = window.elapsed_minutes() else {
        return Err(SeriesError::Unsupported(format!("the window {window}: ask for one of fixed length")));
    };
    let indicator = match request.indicator {
        web::Indicator::Pue => Indicator::Pue,
        web::Indicator::Wue => Indicator::Wue,
        web::Indicator::Cue => Indicator::Cue,
        web::Indicator::CarbonKg => Indicator::Carbon,
    };
    let Some(horizon) = view.horizon(facility) else { return Ok(Vec::new()) };
    let zone = view.topology().facilities[facility].zone;
    let last = horizon.0.div_euclid(step) * step;
    let first = last - i64::from(request.hours) * 60;
    let mut points = Vec::new();
    let mut end = first + step;
    while end <= last {
        let interval = calendar::interval(window, zone, Minute(end));
        let figure = view
            .figure(facility, indicator, interval)
            .map_err(|error| SeriesError::Unavailable(error.to_string()))?
            .ok_or_else(|| SeriesError::Unsupported(format!("{indicator} of {}", request.facility)))?;
        points.push(SeriesPoint { t: Minute(end).start().0, value: figure.value, coverage: figure.coverage });
        end += step;
    }
    Ok(points)
}
