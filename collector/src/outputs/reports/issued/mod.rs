//! Issued reports: frozen, linked where they are restated, and verifiable to the last bit.
//!
//! # What is frozen, and why that is enough
//!
//! A report is a function of the ledger, of what the configuration says, of the tables that come with the program, and of
//! the clock. An issued one is made *as known at* the last quarter-hour edge before it was issued, and fixes each of these:
//!
//! | what a figure goes by | how it is had again |
//! |---|---|
//! | minutes and steps | the store keeps what stood at that edge ([`crate::store::history`]); a bundle of evidence holds them |
//! | change number, audit chain, corrections in force | the same view shows them as of that edge |
//! | newest readings: the horizon, and the resolution of registers whose unit or size only readings tell | `meters.json`: the store keeps the newest alone, and later ones would move both |
//! | which declared meters had ever spoken | `meters.json`: a sum over a meter that speaks later is another sum |
//! | the configuration | its canonical text, in the audit chain; the one in force at that edge, read as any other |
//! | series of emission factors | `series-N.csv`: the configuration has their path alone |
//! | tables of targets and factors | part of the program; the statement has their hashes |
//! | today, by which verdicts know whether their horizon has passed, and whether a period is over | `issued_at` |
//! | steps that readings to come may decide otherwise | a matter of now, and never in a report as known at an edge |
//! | order of sums in binary floating point | fixed: by days, hours and minutes ascending, by meters in the order of the configuration |
//!
//! What of this is in a file is in the *statement* with its SHA-256, and the statement is an entry of the audit chain,
//! whose hashes cover it. Where a key is configured the statement is signed. Digest and Merkle root of the ledger
//! ([`crate::store::merkle`]) in the statement fix the minutes of all meters in the period.
//!
//! So a report is verified by making it again, from the ledger or from a bundle of evidence, and comparing JSON with JSON,
//! number by number, digit by digit. Minutes are believed, not digests and sums that the store keeps of them. What nobody
//! can find: an audit chain that was made anew with everything it fixes, by whoever can write the file. Against that stand
//! the signature with a key that is pinned, and a head of the chain that was noted elsewhere.
//!
//! Another version of the program, or of its tables, may make another report of the same ledger. Where it does, that is
//! told as what cannot be verified here, not as a difference; everything else is checked all the same.

mod content;
mod differences;
mod error;
mod evidence;
mod freeze;
mod keep;
mod list;
mod prepare;
mod restate;
mod sign;
mod tables;
mod verify;

#[cfg(test)]
mod tests;

pub use content::{
    Cause, ChainState, Change, ConfigurationState, Issued, IssuedFile, LedgerState, Restatement, Seal,
    Statement, TableState,
};
pub use error::IssueError;
pub use evidence::{Evidence, export};
pub use keep::{Printed, add_printed, file, file_as_issued, folder, keep, mend, seal};
pub use list::{list, missing};
pub use prepare::{Asked, Prepared, prepare};
pub use sign::{KeyError, SigningKey, read_public};
pub use verify::{Finding, Given, Verified, again, against_evidence, against_ledger};

/// The frozen report.
const REPORT: &str = "report.json";
/// Its statement.
pub(crate) const STATEMENT: &str = "issue.json";
/// The configuration that it was made by.
const CONFIGURATION: &str = "configuration.toml";
/// The meters that were known, with their newest readings.
const METERS: &str = "meters.json";
