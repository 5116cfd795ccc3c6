//! Serves the page with made-up figures, for working on its looks:
//! `cargo run -p wattledger-collector --example page -- 127.0.0.1:8099 rich` (or `empty`).

mod fixture;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use wattledger_collector::desk::Desk;
use wattledger_collector::outputs::web::{self, Health, Operators, ReportShelf, WebOptions, WebState};
use wattledger_collector::store::Layout;
use wattledger_link::session::Secret;
use wattledger_model::time::Timestamp;

/// The operators' token of this page.
const TOKEN: &str = "made-up-operators-token";

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or_default())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:8099".to_owned()).parse()?;
    let is_empty = arguments.next().as_deref() == Some("empty");
    let made = if is_empty { fixture::empty } else { fixture::rich };
    let reports = (!is_empty).then(|| Arc::new(fixture::Shelf) as Arc<dyn ReportShelf>);
    let (figures, snapshot) = watch::channel(Arc::new(made(now())));
    let (_healthy, health) = watch::channel(Arc::new(Health::default()));
    let (_running, stop) = watch::channel(false);
    let series = Arc::new(fixture::History(now()));
    let folder = tempfile::tempdir()?;
    let desk = Some(Arc::new(Desk::new(Layout::new(folder.path()), now)));
    let operators = Some(Operators::with_token(&Secret::new(TOKEN))?);
    let outlooks = fixture::outlooks();
    let options = WebOptions::default();
    let state = WebState { snapshot, series, health, outlooks, reports, desk, operators, options };
    println!("http://{address}/");
    let serving = web::serve(web::bind(address).await?, state, stop);
    let ticking = async {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            figures.send_replace(Arc::new(made(now())));
        }
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = ticking => Ok(()),
    }
}
