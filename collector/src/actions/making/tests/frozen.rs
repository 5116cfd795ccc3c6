//! Schedules that issue their reports, with an engine that runs.

use super::{MONTHLY, NOWHERE, TABLES, echoed, printed_by};
use crate::actions::{Making, Shelf};
use crate::admin::ReportFormat;
use crate::config::CollectorConfig;
use crate::engine::service::{self, EngineHandle, EngineSignals};
use crate::engine::{Arrival, Engine, EngineConfig};
use crate::health::HealthBoard;
use crate::journal::PayloadForm;
use crate::outputs::hall::at;
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::issued;
use crate::outputs::reports::schedule::{Due, Maker, Scheduling};
use crate::outputs::web::ReportShelf;
use crate::store::Layout;
use crate::topology::{self, Topology};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::Timestamp;

const HEAD: &str = "
[collector]
name = \"campus\"
data_dir = \"unused\"
[link]
broker = \"mqtt://127.0.0.1:1883\"
[[site]]
name = \"hall\"
time_zone = \"Europe/Berlin\"
";
const ID: &str = "hall-1_2024-10_1";

fn arrival(readings: &[(&str, &str, i64)]) -> Arrival {
    let readings: Vec<Value> = readings
        .iter()
        .map(|(meter, at, kwh)| json!({ "meter": meter, "at": at, "value": kwh, "unit": "kWh" }))
        .collect();
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "hand".parse().expect("name") };
    Arrival { agent, form: PayloadForm::Json, payload: json!({ "readings": readings }).to_string().into() }
}

/// A collector of long ago, of which everything is known to the end of October.
struct Collector {
    dir: TempDir,
    layout: Layout,
    config: Arc<CollectorConfig>,
    topology: Arc<Topology>,
    engine: EngineHandle,
    signals: EngineSignals,
}

impl Collector {
    fn start(tables: &str) -> Collector {
        let text = format!("{HEAD}{TABLES}{tables}");
        let config = CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(&dir.path().join("data"));
        let raw_kept_ms = i64::MAX / 4;
        let meters = topology::interpretations(&config);
        let of = EngineConfig { layout: layout.clone(), raw_kept_ms, meters };
        let begun = at("2024-09-30T12:00:00Z");
        let mut engine = Engine::open_at(of, Some(begun), Some(&config.version)).expect("opens");
        let now = at("2024-11-01T00:07:00Z");
        let all = arrival(&[
            ("main", "2024-09-30T22:00:00Z", 0),
            ("ups", "2024-09-30T22:00:00Z", 0),
            ("main", "2024-10-31T23:00:00Z", 1_300),
            ("ups", "2024-10-31T23:00:00Z", 1_000),
        ]);
        engine.take(&[all], now).expect("taken");
        engine.tell_time(now);
        engine.compact().expect("flushed");
        let topology = Arc::new(Topology::compile(&config, |key| engine.meters().id(key)));
        let started = service::start(engine, HealthBoard::default(), raw_kept_ms).expect("a thread");
        let (engine, signals) = started;
        Collector { dir, layout, config: Arc::new(config), topology, engine, signals }
    }

    fn making(&self) -> Making {
        Making::new(self.layout.clone(), Arc::clone(&self.topology), Arc::clone(&self.config))
    }

    fn issuing(&self) -> Arc<Making> {
        Arc::new(self.making().issuing(self.engine.clone(), Handle::current()))
    }

    fn due(&self, issued: Option<&str>) -> Due {
        let report = &self.config.scheduled[0];
        Due {
            report: report.name.clone(),
            about: report.about.clone(),
            period: "2024-10".to_owned(),
            form: None,
            issued: issued.map(str::to_owned),
        }
    }

    /// Ends it, when nobody has its engine any more.
    fn stop(self) {
        drop(self.engine);
        self.signals.thread.join().expect("it ends");
        drop(self.dir);
    }
}

async fn issued_by(making: &Arc<Making>, due: &Due) -> Result<String, String> {
    let (making, due) = (Arc::clone(making), due.clone());
    spawn_blocking(move || making.issue(&due).map_err(|error| error.0)).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_issued_once_and_made_as_it_was_issued_whatever_comes_later() {
    let tables = format!("{}{MONTHLY}formats = [\"json\", \"pdf\"]\nissue = true\n", printed_by(super::ECHO));
    let collector = Collector::start(&tables);
    let making = collector.issuing();
    let stopped = collector.making().issue(&collector.due(None)).expect_err("nobody can").0;
    assert_eq!(stopped, "only a running collector issues reports");
    // Asked again by a run that was killed before it could note the answer.
    for _ in 0..2 {
        assert_eq!(issued_by(&making, &collector.due(None)).await.as_deref(), Ok(ID));
    }
    let late = arrival(&[("main", "2024-10-20T12:00:00Z", 1_000)]);
    let taken = collector.engine.act(move |engine, now| {
        engine.take(&[late], now).expect("taken");
        engine.flush().expect("flushed");
    });
    taken.await.expect("it runs");
    assert_eq!(issued_by(&making, &collector.due(None)).await.as_deref(), Ok(ID), "nor for late data");
    assert_eq!(issued::list(&collector.layout).expect("listed").len(), 1);

    let wanted = [(ReportFormat::Json, Lang::En), (ReportFormat::Pdf, Lang::En)];
    let made = making.make(&collector.due(Some(ID)), &wanted).expect("made");
    let frozen = issued::file(&collector.layout, ID, "report.json").expect("kept");
    let files = super::contents(&made);
    assert_eq!(files[0].1, frozen, "byte for byte");
    let inside = echoed(files[1].1);
    let names: Vec<&Value> = (0..2).map(|at| &inside["attachments"][at]["name"]).collect();
    assert_eq!(names, ["report.json", "issue.json"], "with its statement, by which it is verified");
    let now = making.make(&collector.due(None), &wanted[..1]).expect("made");
    let ledger = |bytes: &[u8]| -> Value {
        let report: Value = serde_json::from_slice(bytes).expect("JSON");
        report["versions"]["ledger_digest"].clone()
    };
    assert_ne!(ledger(super::contents(&now)[0].1), ledger(&frozen), "the ledger says something else by now");
    drop(making);
    collector.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_issues_puts_what_it_can_into_the_folder_and_tells_what_it_lacks() {
    let formats = "formats = [\"html\", \"json\", \"pdf\"]\nissue = true\n";
    let collector = Collector::start(&format!("{}{MONTHLY}{formats}", printed_by(NOWHERE)));
    let folder = collector.dir.path().join("made/for/auditors");
    let (upcoming, mut shown) = watch::channel(Arc::default());
    let (stop, stopping) = watch::channel(false);
    let clock = AtomicI64::new(at("2024-11-10T00:00:00Z").0);
    let scheduling = Scheduling {
        reports: collector.config.scheduled.clone(),
        channels: Vec::new(),
        folder: folder.clone(),
        maker: collector.issuing(),
        layout: collector.layout.clone(),
        // By twenty minutes with each look at it: past the time that a start waits.
        now: Arc::new(move || Timestamp(clock.fetch_add(20 * 60_000, Ordering::Relaxed))),
        page: None,
        upcoming,
        stop: stopping,
    };
    let shelf = Shelf::new(collector.layout.clone(), shown.clone());
    let running = tokio::spawn(scheduling.run());
    let round = tokio::time::timeout(Duration::from_secs(60), shown.changed());
    round.await.expect("a round within a minute").expect("it runs");

    let list = shelf.list().await.expect("listed");
    assert_eq!(list.schedules[0].next_period.as_deref(), Some("2024-11"));
    let made = list.reports.iter().find(|one| one.schedule.is_some()).expect("made");
    assert_eq!(made.issued.as_ref().map(|issued| issued.id.as_str()), Some(ID));
    let files: Vec<&str> = made.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["monthly_2024-10.en.html", "monthly_2024-10.json"]);
    for file in &made.files {
        let handed = shelf.open(made.id.clone(), file.name.clone()).await.expect("handed out");
        assert_eq!(handed.bytes, std::fs::read(folder.join(&file.name)).expect("in the folder"));
    }
    let problem = made.problem.as_deref().expect("one is not there");
    assert!(problem.starts_with("monthly_2024-10.en.pdf not there: the printer of PDF"), "{problem}");
    assert!(made.at.is_some() && made.again_at.is_some(), "{made:?}");
    assert!(shelf.open(made.id.clone(), "monthly_2024-10.en.pdf".to_owned()).await.is_err());

    stop.send_replace(true);
    running.await.expect("no panic");
    collector.stop();
}
