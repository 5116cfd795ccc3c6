//! The page in a real browser: it shows what it is given, at any width, and never takes a text for code.

use crate::browser::{self, Browser};
use crate::{fixture, hostile, now};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use wattledger_collector::desk::Desk;
use wattledger_collector::outputs::snapshot::Snapshot;
use wattledger_collector::outputs::web::{self, Health, Operators, ReportShelf, WebOptions, WebState};
use wattledger_collector::store::Layout;
use wattledger_link::session::Secret;
use wattledger_model::time::Timestamp;

/// A served page; it ends when this is dropped.
struct Page {
    address: SocketAddr,
    figures: watch::Sender<Arc<Snapshot>>,
    _health: watch::Sender<Arc<Health>>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(address: &str, snapshot: Snapshot) -> Page {
    serve_for(address, snapshot, None, None).await
}

async fn serve_for(
    address: &str,
    snapshot: Snapshot,
    desk: Option<Arc<Desk>>,
    operators: Option<Operators>,
) -> Page {
    let listener = web::bind(address.parse().expect("an address")).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let reports = (!snapshot.facilities.is_empty()).then(|| Arc::new(fixture::Shelf) as Arc<dyn ReportShelf>);
    let (figures, snapshot) = watch::channel(Arc::new(snapshot));
    let (health, healthy) = watch::channel(Arc::new(Health::default()));
    let (stop, stopping) = watch::channel(false);
    let series = Arc::new(fixture::History(now()));
    let outlooks = fixture::outlooks();
    let options = WebOptions::default();
    let state = WebState { snapshot, series, health: healthy, outlooks, reports, desk, operators, options };
    let task = tokio::spawn(async move { web::serve(listener, state, stopping).await.expect("served") });
    Page { address, figures, _health: health, stop, task }
}

impl Page {
    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

const NOTHING: &[String] = &[];

/// What makes the page wider than its window: elements that reach beyond it and are not scrolled by a parent.
async fn sideways(browser: &mut Browser) -> Vec<String> {
    let found = "(() => {
        const root = document.documentElement;
        if (root.scrollWidth <= root.clientWidth) return [];
        const beyond = [...document.body.querySelectorAll('*')].filter((node) => node.getBoundingClientRect().right > root.clientWidth + 1);
        return [`${root.scrollWidth} wide`, ...beyond.slice(0, 8).map((node) => `${node.localName}.${node.getAttribute('class')}: ${node.textContent.slice(0, 40)}`)];
    })()";
    serde_json::from_value(browser.value(found).await).expect("a list of texts")
}

#[tokio::test]
async fn the_page_fits_phones_and_desks_in_light_and_dark() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let mut browser = Browser::start(program).await;
    for (width, scheme) in [(1280, "light"), (390, "light"), (390, "dark"), (320, "light"), (800, "dark")] {
        browser.open(&page.url(), width, scheme).await;
        browser.until("document.querySelectorAll('.chart svg').length === 3").await;
        let all_open =
            "document.querySelectorAll('.opener[aria-expanded=false]').forEach((opener) => opener.click())";
        browser.value(all_open).await;
        browser.until("document.querySelectorAll('tr.detail').length === 36").await;
        assert_eq!(browser.value("innerWidth").await, width, "the window is as wide as asked");
        assert_eq!(sideways(&mut browser).await, NOTHING, "{scheme} at {width} scrolls sideways");
        let text = browser.value("document.querySelector('#f-hall-1').innerText").await.to_string();
        assert!(text.contains("1.241") && text.contains("0.059 below"), "{text}");
        let provisional = "document.querySelector('#f-hall-2 .hero .chip').textContent";
        assert_eq!(browser.value(provisional).await, "provisional");
        let dark = browser.value("getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(dark == "rgb(13, 19, 18)", scheme == "dark", "{dark}");
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn a_text_from_outside_stays_a_text() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", hostile::snapshot(now())).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 390, "light").await;
    browser.until("document.querySelector('.facility') && document.querySelector('.meters-grid')").await;
    let written = format!(
        "document.querySelector('#main').textContent.split({}).length > 40",
        serde_json::json!(hostile::TEXT)
    );
    browser.until(&written).await;
    assert_ne!(browser.value("document.title").await, "owned");
    assert_eq!(browser.value("document.querySelectorAll('#main img, #main script').length").await, 0);
    assert_eq!(sideways(&mut browser).await, NOTHING);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn new_figures_appear_by_themselves_and_what_was_opened_stays_open() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 1280, "light").await;
    browser.until("document.querySelector('#f-hall-1 .opener')").await;
    browser.value("(() => { const opener = document.querySelectorAll('#f-hall-1 .opener')[6]; opener.focus(); opener.click(); })()").await;
    browser.until("document.querySelector('#f-hall-1 .detail')").await;
    let mut next = fixture::rich(Timestamp(now().0 + 60_000));
    next.facilities[0].windows[3].pue.value = Some(1.9876);
    page.figures.send_replace(Arc::new(next));
    browser.until("document.querySelector('#f-hall-1 .figure').textContent === '1.988'").await;
    assert_eq!(browser.value("document.activeElement.textContent").await, "12 months", "the focus stays");
    assert_eq!(browser.value("document.querySelectorAll('.detail').length").await, 1);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn the_chart_draws_no_line_where_nothing_is_known_and_reads_out_by_keyboard() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 1280, "light").await;
    browser.until("document.querySelector('#f-hall-2 .chart svg')").await;
    // The hours of the gap, in the chart's own measure: no piece of the trace may begin or run inside it.
    let inside = "(() => {
        const gap = document.querySelector('#f-hall-2 .gaps rect');
        const [from, to] = [Number(gap.getAttribute('x')), Number(gap.getAttribute('x')) + Number(gap.getAttribute('width'))];
        let x = 0;
        let crossed = 0;
        for (const path of document.querySelectorAll('#f-hall-2 .trace path')) {
            for (const [, command, first] of path.getAttribute('d').matchAll(/([MLHV])([\\d.-]+)/g)) {
                const next = command === 'V' ? x : Number(first);
                if (command !== 'M' && Math.min(x, next) < to - 0.2 && Math.max(x, next) > from + 0.2) crossed += 1;
                x = next;
            }
        }
        return crossed;
    })()";
    assert_eq!(browser.value(inside).await, 0);
    let press = "(() => {
        const chart = document.querySelector('#f-hall-2 .chart svg');
        chart.focus();
        chart.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home' }));
        return document.getElementById('spoken').textContent;
    })()";
    let spoken = browser.value(press).await.to_string();
    assert!(spoken.contains("PUE 1.") && spoken.contains("coverage 99.9"), "{spoken}");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_collector_tells_what_to_do() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::empty(now())).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 390, "light").await;
    browser.until("document.querySelectorAll('.empty').length === 6").await;
    let text = browser.value("document.querySelector('#main').innerText").await.to_string();
    for wanted in [
        "[[facility]]",
        "collector = \\\"campus\\\"",
        "[[output.influx]]",
        "[[report]]",
        "Nothing in quarantine",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
    assert_eq!(sideways(&mut browser).await, NOTHING);
}

#[tokio::test]
async fn a_page_that_lost_its_collector_says_so_and_finds_it_again() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let (address, url) = (page.address.to_string(), page.url());
    let mut browser = Browser::start(program).await;
    browser.open(&url, 1280, "light").await;
    browser.until("document.querySelector('#live').textContent.startsWith('live')").await;
    page.stop.send_replace(true);
    page.task.await.expect("the server ends");
    browser.until("document.querySelector('#live').textContent.startsWith('reconnecting')").await;
    let again = serve(&address, fixture::rich(Timestamp(now().0 + 90_000))).await;
    browser.until("document.querySelector('#live').textContent.startsWith('live')").await;
    assert_eq!(again.address.to_string(), address);
}

#[tokio::test]
async fn an_operator_silences_an_alert_from_its_card_and_is_asked_for_the_token_once() {
    let Some(program) = browser::installed() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Arc::new(Desk::new(Layout::new(folder.path()), now));
    let operators =
        Operators::with_token(&Secret::new("of-letters-that-nobody-guesses")).expect("long enough");
    let snapshot = fixture::rich(now());
    let page = serve_for("127.0.0.1:0", snapshot, Some(Arc::clone(&desk)), Some(operators)).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 390, "light").await;
    browser.until("document.querySelector('.alert .actions button')").await;
    browser.value("document.querySelector('.alert .actions button').click()").await;
    browser.until("document.querySelector('form.say [name=token]')").await;
    let fill = |token: &str| {
        format!(
            "(() => {{
                const {{ elements }} = document.querySelector('form.say');
                elements.words.value = 'chiller service';
                if (elements.name) elements.name.value = 'Ana';
                if (elements.token) elements.token.value = '{token}';
                document.querySelectorAll('form.say .pick')[1].click();
                document.querySelector('form.say').requestSubmit();
            }})()"
        )
    };
    browser.value(&fill("of-letters-that-somebody-guesses")).await;
    browser
        .until("document.querySelector('form.say .error')?.textContent.includes('not the operators')")
        .await;
    assert_eq!(sideways(&mut browser).await, NOTHING);
    assert!(desk.standing().expect("read").is_empty());
    assert!(browser.complaints.drain(..).all(|complaint| complaint.contains("401")), "of the refusal alone");

    browser.value(&fill("of-letters-that-nobody-guesses")).await;
    browser
        .until("document.querySelector('.silences')?.textContent.includes('Ana (page): chiller service')")
        .await;
    let standing = desk.standing().expect("read");
    let [silence] = &standing[..] else { panic!("one stands: {standing:?}") };
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(matchers, ["rule=pue-excursion", "subject=hall-2"]);
    assert_eq!(silence.until.0 - silence.from.0, 4 * 3_600_000, "the length that was picked");

    browser.value("document.querySelector('.silences .actions button').click()").await;
    browser
        .until("document.querySelector('form.say') && !document.querySelector('form.say [name=token]')")
        .await;
    browser.value("document.querySelector('form.say').requestSubmit()").await;
    browser.until("!document.querySelector('.silences')").await;
    assert!(desk.standing().expect("read").is_empty(), "ended without being asked again");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_without_operators_offers_no_change_and_shows_what_was_said() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let mut browser = Browser::start(program).await;
    browser.open(&page.url(), 1280, "light").await;
    browser
        .until("document.querySelectorAll('.alert').length === 2 && document.querySelector('.year-grid')")
        .await;
    assert_eq!(browser.value("document.querySelectorAll('.alert button').length").await, 0);
    let text = browser.value("document.querySelector('#alerts').innerText").await.to_string();
    for wanted in [
        "silenced",
        "Nobody is told until 21 Nov 2026, 22:59 (s3): cabling, says ana (uid 1000)",
        "ben (page) looks after it, 5\u{a0}min ago: on my way",
        "cooling adds 0.081",
        "Explains, and keeps quiet: hall-2 coverage",
        "wattledger explain figure hall-2 2026-11-21",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
    let year = browser.value("document.querySelector('#f-hall-2 .year').innerText").await.to_string();
    for wanted in ["The year 2026", "critical", "nine times in ten", "97\u{a0}%"] {
        assert!(year.contains(wanted), "{wanted} is missing in {year}");
    }
    let none = browser
        .value("document.querySelector('#f-rechenzentrum-west .year, [id^=f-rechenzentrum] .year').innerText")
        .await;
    assert!(none.to_string().contains("nothing is known yet"), "{none}");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[tokio::test]
async fn reports_are_listed_with_their_files_and_what_went_wrong() {
    let Some(program) = browser::installed() else { return };
    let page = serve("127.0.0.1:0", fixture::rich(now())).await;
    let mut browser = Browser::start(program).await;
    for (width, scheme) in [(1280, "light"), (390, "dark"), (320, "light")] {
        browser.open(&page.url(), width, scheme).await;
        browser.until("document.querySelectorAll('.reports-grid tbody tr').length === 12").await;
        browser.value("document.querySelector('#reports .more button').click()").await;
        browser.until("document.querySelectorAll('.reports-grid tbody tr').length === 14").await;
        assert_eq!(sideways(&mut browser).await, NOTHING, "{scheme} at {width} scrolls sideways");
        let text = browser.value("document.querySelector('#reports').innerText").await.to_string();
        for wanted in [
            "next 2026-11, made ",
            "waits for the first readings",
            "wattledger-print",
            "mailed to 2 readers, 1 letter given up",
            "restates hall-1_2025_1",
            "D130 compliant",
            "PDF, 中文",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
        let link = "document.querySelector('.reports-grid a[href$=\"hall-1-monthly_2026-10.zh.pdf\"]').getAttribute('href')";
        assert_eq!(
            browser.value(link).await,
            "/reports/hall-1-monthly_2026-10/hall-1-monthly_2026-10.zh.pdf"
        );
        let count = "document.querySelector('nav a[href=\"#reports\"] .count').textContent";
        assert_eq!(browser.value(count).await, "2", "what failed, and what was not delivered");
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}
