//! The page as people and browsers meet it: over real connections and in a real browser.

mod browser;
mod exposition;
#[path = "../../examples/page/fixture.rs"]
mod fixture;
mod hostile;
mod in_browser;
mod metrics;
mod over_http;

use wattledger_model::time::Timestamp;

/// The instant at which every snapshot of these tests is made.
fn now() -> Timestamp {
    Timestamp::from_rfc3339("2026-11-21T13:59:17Z").expect("a valid time")
}
