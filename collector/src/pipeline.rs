//! Joins the stages: link, engine, views and outputs; starts them in order and stops them in order.

use crate::actions::{Actions, History, Making, Shelf};
use crate::admin::{self, AdminSocket};
use crate::clock;
use crate::config::CollectorConfig;
use crate::desk::Desk;
use crate::engine::service::{self, EngineHandle, Telemetry};
use crate::engine::{Engine, EngineConfig, EngineError};
use crate::foreseen;
use crate::health::HealthBoard;
use crate::occupied;
use crate::outputs::alerts::listing;
use crate::outputs::alerts::{Alerting, Channels, check_channels};
use crate::outputs::influx::{self, InfluxStatus};
use crate::outputs::live::{self, Surroundings};
use crate::outputs::mqtt::{self, Publisher, SessionPublisher};
use crate::outputs::reports::issued;
use crate::outputs::reports::schedule::{Scheduling, Upcoming};
use crate::outputs::snapshot::{AlertView, OutputView, Snapshot, WorkView};
use crate::outputs::web::{self, Operators, Outlooks, WebOptions, WebState};
use crate::receive::{self, Agents, Receiver};
use crate::stop::stopped;
use crate::store::{Layout, StoreError};
use crate::topology::{self, Topology};
use crate::view::View;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wattledger_model::name::Name;
use wattledger_model::time::Timestamp;

/// Least time between two live snapshots.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);
/// Most time between two live snapshots: ages and lags move on although nothing comes.
const SNAPSHOT_AT_LEAST: Duration = Duration::from_secs(5);

/// Why the collector cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A password or token.
    #[error("{0}")]
    Secret(String),
    /// The page.
    #[error(transparent)]
    Web(#[from] web::WebError),
    /// The admin socket.
    #[error(transparent)]
    Admin(#[from] admin::ServeError),
    /// The system gave no thread.
    #[error("the system gives no thread for the engine")]
    Thread(#[source] std::io::Error),
    /// A part ended although nobody stopped it.
    #[error("a part of the collector ended: {0}")]
    Ended(String),
}

/// Everything that runs until the stop.
type Tasks = JoinSet<Result<(), CollectorError>>;

/// A running collector.
pub struct Running {
    handle: Handle,
    stop: watch::Sender<bool>,
    tasks: Tasks,
    engine: Option<EngineHandle>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What can be asked of a running collector within its process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    snapshot: watch::Receiver<Arc<Snapshot>>,
    telemetry: watch::Receiver<Arc<Telemetry>>,
    page: Option<SocketAddr>,
}

impl Handle {
    /// The latest live snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// Readings in the store, those of earlier runs too.
    pub fn readings_committed(&self) -> u64 {
        self.telemetry.borrow().readings
    }

    /// Where the page answers; `None` where it is switched off.
    pub fn page(&self) -> Option<SocketAddr> {
        self.page
    }
}

/// The engine's part of a configuration.
pub fn engine_config(config: &CollectorConfig) -> EngineConfig {
    EngineConfig {
        layout: Layout::new(&config.data_dir),
        raw_kept_ms: i64::try_from(config.retention_raw.as_millis()).unwrap_or(i64::MAX),
        meters: topology::interpretations(config),
    }
}

/// Opens the engine of a configuration, which the audit chain notes as the one in force from now on.
///
/// # Errors
/// [`EngineError`] where another process has the store, or it cannot be read.
pub fn open_engine(config: &CollectorConfig, now: Timestamp) -> Result<Engine, EngineError> {
    let engine = Engine::open_at(engine_config(config), Some(now), Some(&config.version))?;
    // Whoever has the store to write ends an issue that a kill cut off; the ledger does not depend on it.
    if let Err(error) = issued::mend(&Layout::new(&config.data_dir)) {
        tracing::warn!(%error, "a report whose issue was interrupted stays as it is");
    }
    Ok(engine)
}

/// Starts a collector; on return its page is served and its session with the broker is being made.
///
/// # Errors
/// [`CollectorError`] where it cannot start; nothing is left running then.
pub async fn start(config: CollectorConfig) -> Result<Running, CollectorError> {
    let broker = config.link.with_password().map_err(|error| CollectorError::Secret(error.to_string()))?;
    for problems in [config.check_secrets(), check_channels(&config)] {
        if problems.has_errors() {
            return Err(CollectorError::Secret(problems.to_string()));
        }
        problems.all().iter().for_each(|problem| tracing::warn!("{problem}"));
    }
    let operators = operators(&config)?;
    let started = clock::now();
    let layout = Layout::new(&config.data_dir);
    let raw_kept_ms = engine_config(&config).raw_kept_ms;
    let engine = open_engine(&config, started)?;
    let store_id = engine.store_id();
    let topology = Arc::new(Topology::compile(&config, |key| engine.meters().id(key)));
    let socket = AdminSocket::bind(&layout.socket())?;
    let listener = match &config.web {
        Some(web) => Some(web::bind(web.listen).await?),
        None => None,
    };
    let page = listener.as_ref().and_then(|listener| listener.local_addr().ok());

    let health = HealthBoard::default();
    let (engine, signals) =
        service::start(engine, health.clone(), raw_kept_ms).map_err(CollectorError::Thread)?;
    let (stop, stopping) = watch::channel(false);
    let agents = Agents::default();
    let mut tasks = Tasks::new();

    let (session, events) = receive::connect(broker, &config.name, store_id);
    let publisher = Arc::new(SessionPublisher::new(session.clone()));
    let receiver = Receiver {
        collector: config.name.clone(),
        store_id,
        started,
        engine: engine.clone(),
        agents: Arc::clone(&agents),
        health: health.clone(),
        publisher: Arc::clone(&publisher),
    };
    let receiving = receiver.run(session, events, signals.durable, stopping.clone());
    tasks.spawn(async move {
        receiving.await;
        Ok(())
    });

    let (snapshots, snapshot) = watch::channel(Arc::new(empty_snapshot(&config, started)));
    let common = Common { layout: &layout, topology: &topology, wake: &signals.wake, stopping: &stopping };
    let influx = start_influx(&config, &common, store_id, &snapshot, &health, &mut tasks)?;
    let desk = Arc::new(Desk::new(layout.clone(), clock::now));
    let (alerts, channels) = start_alerts(&config, &common, &publisher, &snapshot, &desk, &mut tasks)?;
    let figures = View::open(&layout, Arc::clone(&topology))?;
    let publishing = mqtt::run(figures, signals.wake.clone(), publisher, stopping.clone());
    tasks.spawn(async move {
        publishing.await;
        Ok(())
    });
    let outputs = Outputs { influx, alerts, channels, desk: Arc::clone(&desk) };

    let live = Live {
        view: View::open(&layout, Arc::clone(&topology))?,
        collector: config.name.to_string(),
        started,
        telemetry: signals.telemetry.clone(),
        agents,
        outputs,
        health: health.clone(),
        layout: layout.clone(),
        snapshots,
    };
    tasks.spawn(live.run(signals.wake.clone(), stopping.clone()));

    let config = Arc::new(config);
    let upcoming = start_schedules(&config, &common, &engine, &mut tasks);
    let actions = Arc::new(Actions {
        engine: engine.clone(),
        snapshot: snapshot.clone(),
        layout: layout.clone(),
        topology: Arc::clone(&topology),
        config: Arc::clone(&config),
        desk: Arc::clone(&desk),
    });
    let serving = admin::serve(socket, actions, stopping.clone());
    tasks.spawn(async move { Ok(serving.await?) });
    if let (Some(listener), Some(web)) = (listener, &config.web) {
        let (foresee, outlooks) = watch::channel(Arc::new(Outlooks::default()));
        let foreseeing = foreseen::keep(
            layout.clone(),
            Arc::clone(&topology),
            snapshot.clone(),
            foresee,
            stopping.clone(),
        );
        tasks.spawn(async move {
            foreseeing.await;
            Ok(())
        });
        let state = WebState {
            snapshot: snapshot.clone(),
            reports: Some(Arc::new(Shelf::new(layout.clone(), upcoming))),
            series: Arc::new(History::new(layout, topology)),
            health: health.subscribe(),
            outlooks,
            desk: Some(desk),
            operators,
            options: WebOptions { names: web.names.clone(), ..WebOptions::default() },
        };
        let serving = web::serve(listener, state, stopping);
        tasks.spawn(async move { Ok(serving.await?) });
    }
    let handle = Handle { snapshot, telemetry: signals.telemetry, page };
    Ok(Running { handle, stop, tasks, engine: Some(engine), thread: Some(signals.thread) })
}

impl Running {
    /// What can be asked of it while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown` completes, then stops in order: link, outputs, page, engine.
    ///
    /// # Errors
    /// [`CollectorError`] where a part ended by itself.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), CollectorError> {
        let early = tokio::select! {
            () = shutdown => None,
            ended = self.tasks.join_next() => Some(outcome(ended)),
        };
        self.stop.send_replace(true);
        self.engine = None;
        let mut result = match early {
            None => Ok(()),
            Some(Ok(())) => Err(CollectorError::Ended("it stopped by itself; see the log".to_owned())),
            Some(Err(error)) => Err(error),
        };
        while let Some(ended) = self.tasks.join_next().await {
            result = result.and(outcome(Some(ended)));
        }
        // The last handle went with its task: the engine moves everything to the store and ends.
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                result = result
                    .and(Err(CollectorError::Ended("the engine's thread failed; see the log".to_owned())));
            }
        }
        result
    }
}

fn outcome(
    ended: Option<Result<Result<(), CollectorError>, tokio::task::JoinError>>,
) -> Result<(), CollectorError> {
    match ended {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(error),
        Some(Err(failed)) => Err(CollectorError::Ended(failed.to_string())),
    }
}

/// Who may change something from the page.
fn operators(config: &CollectorConfig) -> Result<Option<Operators>, CollectorError> {
    let Some(token) = config.web.as_ref().and_then(|web| web.operators.as_ref()) else { return Ok(None) };
    let token = token.value.read().map_err(|error| CollectorError::Secret(error.to_string()))?;
    Operators::with_token(&token).map(Some).map_err(CollectorError::Secret)
}

/// What every output needs.
struct Common<'a> {
    layout: &'a Layout,
    topology: &'a Arc<Topology>,
    wake: &'a watch::Receiver<u64>,
    stopping: &'a watch::Receiver<bool>,
}

type InfluxStates = Vec<(Name, watch::Receiver<InfluxStatus>)>;

/// Starts each InfluxDB output. One that cannot go on is reported and harms nothing else.
fn start_influx(
    config: &CollectorConfig,
    common: &Common<'_>,
    store_id: u64,
    snapshot: &watch::Receiver<Arc<Snapshot>>,
    health: &HealthBoard,
    tasks: &mut Tasks,
) -> Result<InfluxStates, CollectorError> {
    let mut states = Vec::new();
    for output in &config.influx {
        let view = View::open(common.layout, Arc::clone(common.topology))?;
        let (status, state) = watch::channel(InfluxStatus::default());
        let running = influx::run(
            output.clone(),
            view,
            common.layout.clone(),
            store_id,
            common.wake.clone(),
            Some(snapshot.clone()),
            common.stopping.clone(),
            status,
        );
        let (name, health) = (output.name.clone(), health.clone());
        let mut stopping = common.stopping.clone();
        tasks.spawn(async move {
            if let Err(error) = running.await {
                health.report(&format!("output {name}"), &error.to_string());
            }
            stopped(&mut stopping).await;
            Ok(())
        });
        states.push((output.name.clone(), state));
    }
    Ok(states)
}

/// Starts the alert rules, where there are any.
fn start_alerts(
    config: &CollectorConfig,
    common: &Common<'_>,
    publisher: &Arc<SessionPublisher>,
    snapshot: &watch::Receiver<Arc<Snapshot>>,
    desk: &Desk,
    tasks: &mut Tasks,
) -> Result<(watch::Receiver<Vec<AlertView>>, Channels), CollectorError> {
    let (active, alerts) = watch::channel(Vec::new());
    let fares = Channels::new(&config.channels);
    // Without rules too: an alert that a rule raised before it was taken out must be cleared.
    let publisher: Arc<dyn Publisher> = Arc::<SessionPublisher>::clone(publisher);
    let alerting = Alerting {
        rules: config.alerts.clone(),
        channels: config.channels.clone(),
        view: View::open(common.layout, Arc::clone(common.topology))?,
        layout: common.layout.clone(),
        wake: common.wake.clone(),
        snapshot: snapshot.clone(),
        now: clock::now,
        publisher: Some(publisher),
        active,
        fares: fares.clone(),
        said: desk.said(),
        page: page_address(config),
        stop: common.stopping.clone(),
    };
    tasks.spawn(async move {
        alerting.run().await;
        Ok(())
    });
    Ok((alerts, fares))
}

/// Starts the schedules of reports. Gives what each makes next.
fn start_schedules(
    config: &Arc<CollectorConfig>,
    common: &Common<'_>,
    engine: &EngineHandle,
    tasks: &mut Tasks,
) -> watch::Receiver<Arc<Vec<Upcoming>>> {
    let (upcoming, shown) = watch::channel(Arc::default());
    let (layout, topology) = (common.layout.clone(), Arc::clone(common.topology));
    let scheduling = Scheduling {
        reports: config.scheduled.clone(),
        channels: config.channels.clone(),
        folder: config.reports.folder.clone().unwrap_or_else(|| layout.reports()),
        maker: Arc::new(
            Making::new(layout.clone(), topology, Arc::clone(config))
                .issuing(engine.clone(), tokio::runtime::Handle::current()),
        ),
        layout,
        now: Arc::new(clock::now),
        page: page_address(config),
        upcoming,
        stop: common.stopping.clone(),
    };
    tasks.spawn(async move {
        scheduling.run().await;
        Ok(())
    });
    shown
}

/// Where people find the page.
fn page_address(config: &CollectorConfig) -> Option<String> {
    config.web.as_ref().and_then(|web| web.url.as_ref()).map(|url| url.as_str().to_owned())
}

/// What the outputs tell of themselves.
struct Outputs {
    influx: InfluxStates,
    alerts: watch::Receiver<Vec<AlertView>>,
    channels: Channels,
    desk: Arc<Desk>,
}

impl Outputs {
    /// What is up, the gravest first, with what was said of it.
    fn alerts(&self) -> Vec<AlertView> {
        let mut alerts = self.desk.marked(self.alerts.borrow().clone());
        listing::sort(&mut alerts);
        alerts
    }

    fn views(&self) -> Vec<OutputView> {
        let view = |(name, state): &(Name, watch::Receiver<InfluxStatus>)| {
            let status = state.borrow();
            OutputView {
                name: name.to_string(),
                kind: "influx".to_owned(),
                state: status.state,
                cursor: status.cursor,
                head: status.head,
                points: status.points,
                refused_points: status.refused_points,
                last_error: status.last_error.clone(),
            }
        };
        self.influx.iter().map(view).collect()
    }
}

/// Makes the live snapshots.
struct Live {
    view: View,
    collector: String,
    started: Timestamp,
    telemetry: watch::Receiver<Arc<Telemetry>>,
    agents: Agents,
    outputs: Outputs,
    health: HealthBoard,
    layout: Layout,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Live {
    async fn run(
        mut self,
        mut wake: watch::Receiver<u64>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), CollectorError> {
        let mut said = self.outputs.desk.said();
        loop {
            said.borrow_and_update();
            let made = tokio::task::spawn_blocking(move || {
                self.make();
                self
            });
            self = made.await.map_err(|error| CollectorError::Ended(error.to_string()))?;
            tokio::select! {
                () = stopped(&mut stop) => return Ok(()),
                () = tokio::time::sleep(SNAPSHOT_EVERY) => {}
            }
            tokio::select! {
                () = stopped(&mut stop) => return Ok(()),
                woken = wake.changed() => if woken.is_err() { return Ok(()) },
                // Who said something at the page looks whether it was heard.
                Ok(()) = said.changed() => {}
                () = tokio::time::sleep(SNAPSHOT_AT_LEAST) => {}
            }
        }
    }

    fn make(&mut self) {
        match self.snapshot() {
            Ok(snapshot) => {
                self.health.clear("view");
                self.snapshots.send_replace(Arc::new(snapshot));
            }
            Err(error) => self.health.report("view", &error.to_string()),
        }
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        let telemetry = self.telemetry.borrow().clone();
        let agents = self.agents.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let problems = self.health.subscribe().borrow().problems.len();
        let (store_bytes, memory_bytes) = (occupied::store_bytes(&self.layout), occupied::memory_bytes());
        self.view.begin()?;
        let snapshot = live::snapshot(
            &mut self.view,
            Surroundings {
                collector: &self.collector,
                started: self.started,
                now: clock::now(),
                telemetry: &telemetry,
                agents: &agents,
                outputs: self.outputs.views(),
                alerts: self.outputs.alerts(),
                channels: self.outputs.channels.views(),
                problems,
                store_bytes,
                memory_bytes,
            },
        );
        self.view.end()?;
        snapshot
    }
}

fn empty_snapshot(config: &CollectorConfig, started: Timestamp) -> Snapshot {
    Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        collector: config.name.to_string(),
        generated_at: started,
        uptime_s: 0,
        facilities: Vec::new(),
        agents: Vec::new(),
        meters: Vec::new(),
        quarantine: Vec::new(),
        outputs: Vec::new(),
        alerts: Vec::new(),
        channels: Vec::new(),
        work: WorkView::default(),
    }
}
