//! Recorded data of others, from the file or message through the agent's rules and the wire to the ledger:
//! each test promises what the page beside the recording says (`tests/recorded/*/ORIGIN.md`).

mod devices;
mod esif;
mod load;
mod path;
mod registers;
