//! Reports that are made by themselves, each month or year: written to a folder, and sent by mail.
//!
//! [`due`] decides from the calendar, from what is known of the facilities and from what was made; [`keep`] makes what
//! is due, all files of a report of one state of the ledger, and [`record`] remembers it with the files' names. Files
//! come first and the record after them: killed in between, the same files are written once more under the same
//! names, and nobody sees half of one. What could not be printed with the others is kept as what the printer is told,
//! and printed later ([`unprinted`]). Mail follows from the record alone, to each recipient by itself, under an id
//! that stays the same: killed between delivery and record, a letter goes out a second time, and no third.

mod due;
mod folder;
mod keep;
mod letter;
mod maker;
mod record;
mod run;
mod shelf;
mod slot;
mod unprinted;

#[cfg(test)]
mod tests;

pub use due::Known;
pub use folder::{FolderError, media_type};
pub use maker::{Due, Made, MakeError, Maker, Unmade, Upcoming};
pub use record::{Entry, KeptFile, Letter, LetterState, Missing, RecordError, State};
pub use run::Scheduling;
pub use shelf::{ShelfError, Shelved, file, shelved};
