//! A bundle of evidence: a directory with everything that an issued report is a function of, in open formats, so that
//! another machine can make it again.

mod export;
mod manifest;
mod minutes;
mod restore;

pub(super) use export::readme;
pub use export::{Evidence, export};
pub(super) use manifest::{Contents, content, contents, read_manifest};
pub(super) use restore::{Scratch, restore};

/// What the bundle has, with the SHA-256 of each.
const MANIFEST: &str = "manifest.json";
/// The audit chain up to the issue, one entry a line.
pub(super) const CHAIN: &str = "audit.jsonl";
/// What a meter's files end in: its minutes, its levels, its steps.
pub(super) const ENDINGS: [&str; 3] = ["minutes.csv.gz", "levels.csv.gz", "steps.csv"];
/// The folder of minutes and steps.
pub(super) const LEDGER: &str = "ledger";
/// The folder of tables.
pub(super) const TABLES: &str = "tables";
/// The folder of the report that is restated.
pub(super) const RESTATED: &str = "restated";
/// What the bundle is, for people.
pub(super) const README: &str = "README.txt";
