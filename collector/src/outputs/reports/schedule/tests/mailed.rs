//! Reports by mail over real connections: attachments, refusals, and restarts in the middle.

use super::super::due::SETTLING_MS;
use super::super::maker::{Maker, Upcoming};
use super::super::record::{Letter, LetterState};
use super::super::run::Scheduling;
use super::{MONTHLY, Place, Press, QUICK, at};
use crate::post::mail_server::{MailServer, Manners};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wattledger_model::time::Timestamp;

/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Schedules that run in a task, by a clock that has gone on by what a start waits for once it was looked at.
pub(super) struct Running {
    clock: Arc<AtomicI64>,
    upcoming: watch::Receiver<Arc<Vec<Upcoming>>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(place: &Place) -> Running {
        let (upcoming, shown) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let clock = Arc::new(AtomicI64::new(at("2026-11-10T00:00:00Z").0));
        let (ticking, begun, is_start) = (Arc::clone(&clock), Instant::now(), AtomicBool::new(true));
        let maker: Arc<dyn Maker> = Arc::<Press>::clone(&place.press);
        let scheduling = Scheduling {
            reports: place.config.scheduled.clone(),
            channels: place.config.channels.clone(),
            folder: place.folder(),
            maker,
            layout: place.layout.clone(),
            now: Arc::new(move || {
                let settled_ms = if is_start.swap(false, Ordering::Relaxed) { 0 } else { SETTLING_MS };
                let elapsed_ms = i64::try_from(begun.elapsed().as_millis()).expect("a short time");
                Timestamp(ticking.load(Ordering::Relaxed) + settled_ms + elapsed_ms)
            }),
            page: Some("https://wattledger.example.org".to_owned()),
            upcoming,
            stop: stopped,
        };
        let task = tokio::spawn(scheduling.run_with(QUICK));
        Running { clock, upcoming: shown, stop, task }
    }

    /// Waits for the next round. What the rounds before it made and sent stands in the record then.
    pub(super) async fn round(&mut self) {
        let next = tokio::time::timeout(LIMIT, self.upcoming.changed());
        next.await.expect("another round").expect("it runs");
    }

    /// Until the letters of October fare so.
    pub(super) async fn until(&mut self, place: &Place, enough: impl Fn(&[Letter]) -> bool) -> Vec<Letter> {
        let waiting = async {
            loop {
                if let Some(letters) = place.entry("2026-10").map(|entry| entry.letters)
                    && enough(&letters)
                {
                    return letters;
                }
                self.round().await;
            }
        };
        match tokio::time::timeout(LIMIT, waiting).await {
            Ok(letters) => letters,
            Err(_) => panic!("after {LIMIT:?}: {:?}", place.entry("2026-10")),
        }
    }

    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        let stopped = tokio::time::timeout(LIMIT, self.task);
        stopped.await.expect("it stops").expect("without panic");
    }
}

pub(super) fn place(port: u16, to: &str) -> Place {
    Place::new(&format!(
        "[[channel.mail]]\nname = \"post\"\nhost = \"localhost\"\nport = {port}\ntls = \"none\"\n\
         from = \"Wattledger <w@example.org>\"\nto = [\"ops@example.org\"]\n{MONTHLY}to = [{to}]\n"
    ))
}

pub(super) fn all_are(letters: &[Letter], state: LetterState) -> bool {
    !letters.is_empty() && letters.iter().all(|letter| letter.state == state)
}

/// The content of the part of a message that is a file of this name.
fn attached(text: &str, name: &str) -> Vec<u8> {
    let part = text.split("\r\n--").find(|part| part.contains(&format!("filename=\"{name}\"")));
    let (head, body) = part.and_then(|part| part.split_once("\r\n\r\n")).expect("the file is attached");
    assert!(head.contains("base64"), "whatever is on the way, no byte of it is changed: {head}");
    STANDARD.decode(body.replace("\r\n", "")).expect("base64")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_comes_with_its_files_to_everybody_once() {
    let mut server = MailServer::start(Manners::default());
    let place = place(server.port, "\"Ana <ana@example.org>\", \"b@example.org\"");
    let mut running = Running::start(&place);
    let (first, second) = (server.next().await, server.next().await);
    assert_eq!((first.to.as_str(), second.to.as_str()), ("ana@example.org", "b@example.org"));
    assert_eq!(first.header("Subject").as_deref(), Some("Report monthly for 2026-10: facility hall-1"));
    let id = first.header("Message-ID").expect("an id");
    assert!(id.starts_with("<monthly.2026-10.") && id.ends_with("@example.org>"), "{id}");
    assert_eq!(first.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert!(
        first.header("To").is_some_and(|to| to.contains("ana@example.org") && to.contains("b@example.org"))
    );
    assert!(first.header("Content-Type").is_some_and(|kind| kind.starts_with("multipart/mixed")));
    for name in ["monthly_2026-10.txt", "monthly_2026-10.json"] {
        let on_disk = std::fs::read(place.folder().join(name)).expect("in the folder");
        assert_eq!(attached(&first.text, name), on_disk, "{name}");
    }
    assert!(first.text.contains("application/json") && first.text.contains("wattledger.example.org/reports"));
    running.until(&place, |letters| all_are(letters, LetterState::Sent)).await;
    running.upcoming.wait_for(|upcoming| !upcoming.is_empty()).await.expect("it runs");
    let next = running.upcoming.borrow()[0].next.clone();
    assert_eq!(next.map(|(period, _)| period).as_deref(), Some("2026-11"));
    running.stop().await;
    // Another start sends nothing anew.
    let mut running = Running::start(&place);
    for _ in 0..20 {
        running.round().await;
    }
    running.stop().await;
    assert!(server.is_empty());
    assert_eq!(place.press.asked(), ["2026-10 text json"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_is_refused_or_late_costs_no_other_anything() {
    let refusals = BTreeMap::from([
        ("gone@example.org", VecDeque::from(["550 5.1.1 no such user"; 3])),
        ("busy@example.org", VecDeque::from(["451 4.7.1 greylisted, come back"; 2])),
    ]);
    let mut server = MailServer::start(Manners { refusals: Mutex::new(refusals), ..Manners::default() });
    let place = place(server.port, "\"gone@example.org\", \"busy@example.org\", \"ana@example.org\"");
    let mut running = Running::start(&place);
    let mut came = [server.next().await.to, server.next().await.to];
    came.sort();
    assert_eq!(came, ["ana@example.org", "busy@example.org"]);
    let letters = running
        .until(&place, |letters| letters.iter().all(|letter| letter.state != LetterState::Waiting))
        .await;
    let fared: Vec<_> = letters.iter().map(|letter| (letter.state, letter.attempts)).collect();
    assert_eq!(fared, [(LetterState::GivenUp, 0), (LetterState::Sent, 2), (LetterState::Sent, 0)]);
    assert!(letters[0].problem.as_ref().is_some_and(|problem| problem.contains("no such user")));
    running.stop().await;
    assert!(server.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_in_the_middle_of_a_delivery_it_is_sent_again_under_its_id() {
    // The server takes the first letter and goes away before it says so.
    let mut server = MailServer::start(Manners { vanishes: Mutex::new(1), ..Manners::default() });
    let place = place(server.port, "\"ana@example.org\", \"b@example.org\"");
    let running = Running::start(&place);
    let first = server.next().await;
    running.stop().await;
    let mut running = Running::start(&place);
    running.until(&place, |letters| all_are(letters, LetterState::Sent)).await;
    running.stop().await;
    let mut came = vec![first];
    while !server.is_empty() {
        came.push(server.next().await);
    }
    let ids: Vec<_> = came.iter().map(|letter| letter.header("Message-ID")).collect();
    assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]), "{ids:?}");
    let to = |who: &str| came.iter().filter(|letter| letter.to == who).count();
    // Who knows what the stop cut off; nobody is left out for it.
    assert!(to("ana@example.org") >= 2 && to("b@example.org") >= 1, "{came:?}");
    assert_eq!(place.press.asked(), ["2026-10 text json"], "what was made is not made again for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_server_holds_up_no_report_and_a_letter_is_given_up_after_a_week() {
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let place = place(port, "\"ana@example.org\"");
    let mut running = Running::start(&place);
    let letters = running.until(&place, |letters| letters.iter().any(|letter| letter.attempts > 1)).await;
    assert_eq!(letters[0].state, LetterState::Waiting);
    assert!(
        letters[0].problem.as_ref().is_some_and(|problem| problem.contains("cannot connect")),
        "{letters:?}"
    );
    assert_eq!(place.files().len(), 2);
    running.clock.fetch_add(8 * 86_400_000, Ordering::Relaxed);
    running.until(&place, |letters| all_are(letters, LetterState::GivenUp)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_changed_in_the_folder_is_not_sent() {
    let mut server = MailServer::start(Manners::default());
    let place = place(server.port, "\"ana@example.org\"");
    // Made, and stopped before anything was sent.
    place.round("2026-11-10T00:00:00Z");
    let path = place.folder().join("monthly_2026-10.txt");
    let made = std::fs::read(&path).expect("made");
    std::fs::write(&path, b"another figure").expect("changed");
    let mut running = Running::start(&place);
    let letters = running.until(&place, |letters| letters.iter().any(|letter| letter.attempts > 0)).await;
    assert!(
        letters[0].problem.as_ref().is_some_and(|problem| problem.contains("was changed")),
        "{letters:?}"
    );
    assert!(server.is_empty());
    std::fs::write(&path, made).expect("mended");
    assert_eq!(server.next().await.to, "ana@example.org");
    running.stop().await;
}
