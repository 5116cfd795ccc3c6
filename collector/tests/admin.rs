//! The admin socket end to end: a real socket, the real client, and what a killed collector leaves behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wattledger_collector::admin::alerts::AlertsQuestion;
use wattledger_collector::admin::change::{Change, ChangeAnswer, ChangeRequest, Which};
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::admin::issue::{IssueAnswer, IssueRequest};
use wattledger_collector::admin::quarantine::{Item, Listing, Question};
use wattledger_collector::admin::{
    self, AdminActions, AdminError, AdminSocket, Answer, DigestAnswer, Document, RebuildAnswer, ReportFormat,
    ReportRequest, ServeError,
};
use wattledger_collector::audit::Who;
use wattledger_collector::desk::silence::{Ack, Silence};
use wattledger_collector::desk::{AckRequest, EndRequest, SilenceRequest};
use wattledger_collector::outputs::alerts::listing;
use wattledger_collector::outputs::reports::document::Lang;
use wattledger_collector::outputs::snapshot::{Snapshot, WorkView};
use wattledger_model::time::{Interval, Minute, Timestamp};

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers with what it was asked.
struct Echo;

impl AdminActions for Echo {
    fn snapshot(&self) -> Answer<Arc<Snapshot>> {
        let snapshot = Snapshot {
            version: "0.1.0".to_owned(),
            collector: "campus".to_owned(),
            generated_at: Timestamp(1_780_000_000_000),
            uptime_s: 60,
            facilities: Vec::new(),
            agents: Vec::new(),
            meters: Vec::new(),
            quarantine: Vec::new(),
            outputs: Vec::new(),
            alerts: Vec::new(),
            channels: Vec::new(),
            work: WorkView::default(),
        };
        Box::pin(async { Ok(Arc::new(snapshot)) })
    }

    fn digest(&self, interval: Option<Interval>) -> Answer<DigestAnswer> {
        let minutes = interval.map_or(0, |interval| interval.minutes().unsigned_abs());
        Box::pin(async move { Ok(DigestAnswer { digest: format!("{interval:?}"), minutes, steps: 0 }) })
    }

    fn rebuild(&self, _who: Who) -> Answer<RebuildAnswer> {
        Box::pin(async { Err(AdminError::Busy("a rebuild is running".to_owned())) })
    }

    fn report(&self, request: ReportRequest) -> Answer<Document> {
        Box::pin(async move {
            if request.facility == "nowhere" {
                return Err(AdminError::NotFound("no facility is named `nowhere`".to_owned()));
            }
            let content_type = "text/csv; charset=utf-8".to_owned();
            Ok(Document { content_type, bytes: format!("{request:?}").into_bytes() })
        })
    }

    fn issue(&self, request: IssueRequest, _who: Who) -> Answer<IssueAnswer> {
        Box::pin(async move { Err(AdminError::Invalid(format!("{request:?}"))) })
    }

    fn quarantine(&self, question: Question) -> Answer<Listing> {
        Box::pin(async move {
            let item = Item {
                id: 7,
                cause: question.cause.unwrap_or_default(),
                agent: "hall/a".to_owned(),
                meter: question.meter,
                origin: "meter hall/main".to_owned(),
                refused_at: "2026-06-01T12:00:00Z".to_owned(),
                detail: "ahead".to_owned(),
                reading: Some((
                    "2026-06-01T12:10:00Z".to_owned(),
                    "12.50".to_owned(),
                    Some("kWh".to_owned()),
                )),
                sample: "12.50".to_owned(),
            };
            Ok(Listing { count: question.limit as u64, held: vec![item] })
        })
    }

    fn change(&self, request: ChangeRequest, who: Who) -> Answer<ChangeAnswer> {
        Box::pin(async move {
            if request.reason.is_empty() {
                return Err(AdminError::Invalid("give a reason".to_owned()));
            }
            let passed_over = vec![(5, format!("{request:?} by {who}"))];
            Ok(ChangeAnswer { sequence: Some(3), passed_over, ..ChangeAnswer::default() })
        })
    }

    fn alerts(&self, question: AlertsQuestion) -> Answer<listing::Listing> {
        let at = Timestamp(i64::from(question.past_days));
        Box::pin(async move {
            Ok(listing::Listing { at, up: Vec::new(), past: Vec::new(), silences: Vec::new() })
        })
    }

    fn silence(&self, request: SilenceRequest, who: Who) -> Answer<Silence> {
        Box::pin(async move {
            let SilenceRequest { matchers, for_s, reason } = request;
            let until = Timestamp(i64::try_from(for_s).expect("small") * 1_000);
            let (id, by) = ("s1".to_owned(), who.to_string());
            Ok(Silence { id, matchers, from: Timestamp(0), until, by, reason, ended: None })
        })
    }

    fn end_silence(&self, request: EndRequest, _who: Who) -> Answer<Silence> {
        Box::pin(async move { Err(AdminError::NotFound(format!("no silence `{}` is in force", request.id))) })
    }

    fn acknowledge(&self, request: AckRequest, who: Who) -> Answer<Ack> {
        let AckRequest { alert, note } = request;
        Box::pin(async move { Ok(Ack { alarm: alert, at: Timestamp(5), by: who.to_string(), note }) })
    }
}

struct Running {
    client: AdminClient,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), ServeError>>,
}

fn start(data_dir: &Path) -> Running {
    let socket = AdminSocket::bind(&admin::socket_path(data_dir)).expect("the socket is made");
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(admin::serve(socket, Arc::new(Echo), stopping));
    Running { client: AdminClient::of_data_dir(data_dir), stop, task }
}

fn report_of(facility: &str) -> ReportRequest {
    let period = "2025-03-01/2025-04-01".to_owned();
    let known_at = Some("2025-05-01 12:00".to_owned());
    let (facility, form) = (facility.to_owned(), Some("monthly & plain".to_owned()));
    ReportRequest {
        facility,
        period,
        format: ReportFormat::Csv,
        known_at,
        lang: Lang::Zh,
        form,
        portfolio: None,
    }
}

#[tokio::test]
async fn every_action_goes_there_and_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(dir.path());
    let client = &running.client;
    assert_eq!(client.snapshot().await.expect("a snapshot").collector, "campus");
    let interval = Interval::new(Minute(29_000_000), Minute(29_000_060));
    let digest = client.digest(Some(interval)).await.expect("a digest");
    assert_eq!((digest.digest, digest.minutes), (format!("{:?}", Some(interval)), 60));
    assert_eq!(client.digest(None).await.expect("a digest").digest, "None");
    let hostile = report_of("a&format=text ü/%");
    let report = client.report(&hostile).await.expect("a report");
    assert_eq!(report.content_type, "text/csv; charset=utf-8");
    assert_eq!(String::from_utf8_lossy(&report.bytes), format!("{hostile:?}"));
}

#[tokio::test]
async fn a_refusal_arrives_as_what_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(dir.path());
    let client = &running.client;
    let missing = client.report(&report_of("nowhere")).await.expect_err("no such facility");
    assert!(matches!(&missing, ClientError::Refused(AdminError::NotFound(_))), "{missing:?}");
    assert_eq!(missing.to_string(), "no facility is named `nowhere`");
    let busy = client.rebuild().await.expect_err("busy");
    assert!(matches!(busy, ClientError::Refused(AdminError::Busy(_))), "{busy:?}");
    let backwards = Interval::new(Minute(10), Minute(10));
    let invalid = client.digest(Some(backwards)).await.expect_err("empty interval");
    assert!(matches!(invalid, ClientError::Refused(AdminError::Invalid(_))), "{invalid:?}");
}

#[tokio::test]
async fn only_the_owner_can_open_the_socket_and_it_is_gone_after_the_stop() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(dir.path());
    let path = admin::socket_path(dir.path());
    let mode = std::fs::metadata(&path).expect("it exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.client.digest(None).await.expect("it answers");
    running.stop.send_replace(true);
    timeout(PATIENCE, running.task).await.expect("serve returns").expect("no panic").expect("no error");
    assert!(!path.exists());
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("readable").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn no_collector_is_its_own_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let client = AdminClient::of_data_dir(dir.path());
    assert!(matches!(client.snapshot().await, Err(ClientError::NotRunning { .. })), "no file");
    // Dropping a listener leaves its file, as a kill does.
    drop(UnixListener::bind(admin::socket_path(dir.path())).expect("bound"));
    let error = client.snapshot().await.expect_err("a dead socket");
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
    assert!(error.to_string().starts_with("no collector is running"), "{error}");
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = admin::socket_path(dir.path());
    drop(UnixListener::bind(&path).expect("bound"));
    assert!(path.exists(), "the dead file is there");
    let running = start(dir.path());
    running.client.digest(None).await.expect("the new one answers");
    let second = AdminSocket::bind(&path).expect_err("taken");
    assert!(matches!(second, ServeError::AlreadyRunning { .. }), "{second:?}");
    running.client.digest(None).await.expect("the first is unharmed");
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = admin::socket_path(dir.path());
    std::fs::write(&path, "mine").expect("written");
    let error = AdminSocket::bind(&path).expect_err("not a socket");
    assert!(matches!(error, ServeError::NotASocket { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), "mine");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_said_as_such() {
    let error = AdminSocket::bind(&Path::new("/tmp").join("x".repeat(120))).expect_err("too long");
    assert!(matches!(error, ServeError::PathTooLong { .. }), "{error:?}");
    assert!(error.to_string().contains("shorter data_dir"), "{error}");
}

#[tokio::test]
async fn a_change_goes_there_with_who_asks_and_its_answer_comes_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(dir.path());
    let entry = Change::Entry {
        meter: "hall/main".to_owned(),
        from: "2026-03-02 10:00".to_owned(),
        to: "2026-03-02 11:00".to_owned(),
        amount: "12.5 kWh".to_owned(),
    };
    let admit = Change::Admit(Which { ids: (0..10_000).collect(), ..Which::default() });
    for change in [entry, admit, Change::Withdraw { number: u64::MAX }] {
        let request = ChangeRequest { reason: "the meter was off".to_owned(), change };
        let answer = running.client.change(&request).await.expect("an answer");
        assert_eq!(answer.sequence, Some(3));
        let (_, said) = &answer.passed_over[0];
        assert_eq!(*said, format!("{request:?} by {}", Who::this_process()));
    }
    let without = ChangeRequest { reason: String::new(), change: Change::Withdraw { number: 1 } };
    let refused = running.client.change(&without).await.expect_err("no reason");
    assert!(matches!(&refused, ClientError::Refused(AdminError::Invalid(_))), "{refused:?}");
    let question =
        Question { cause: Some("too-late".to_owned()), meter: Some("hall/main".to_owned()), limit: 3 };
    let listing = running.client.quarantine(&question).await.expect("a listing");
    assert_eq!((listing.count, listing.held[0].cause.as_str()), (3, "too-late"));
    assert_eq!(listing.held[0].meter.as_deref(), Some("hall/main"));
}

#[tokio::test]
async fn what_is_said_of_alerts_goes_there_with_who_says_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(dir.path());
    let client = &running.client;
    let listing = client.alerts(AlertsQuestion { past_days: 7 }).await.expect("a listing");
    assert_eq!(listing.at, Timestamp(7), "the question came whole");
    let matchers =
        vec!["rule=pue*".parse().expect("valid"), "subject=hall-1 meter x".parse().expect("valid")];
    let request = SilenceRequest { matchers, for_s: 14_400, reason: "service \u{fc}\n".to_owned() };
    let silence = client.silence(&request).await.expect("silenced");
    assert_eq!((&silence.matchers, &silence.reason), (&request.matchers, &request.reason));
    assert_eq!((silence.by, silence.until), (Who::this_process().to_string(), Timestamp(14_400_000)));
    let ended = client.end_silence(&EndRequest { id: "s9".to_owned() }).await.expect_err("none");
    assert!(matches!(&ended, ClientError::Refused(AdminError::NotFound(_))), "{ended:?}");
    let request = AckRequest { alert: "pue-1".to_owned(), note: "mine".to_owned() };
    let ack = client.acknowledge(&request).await.expect("acknowledged");
    assert_eq!((ack.alarm.as_str(), ack.by), ("pue-1", Who::this_process().to_string()));
    let huge = AckRequest { alert: "x".repeat(20_000), note: "y".to_owned() };
    let refused = client.acknowledge(&huge).await.expect_err("too large");
    assert!(matches!(&refused, ClientError::Refused(AdminError::Invalid(_))), "{refused:?}");
}
