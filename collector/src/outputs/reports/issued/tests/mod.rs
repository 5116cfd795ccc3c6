//! Issued reports, on a ledger made by hand.

mod described;
mod issuing;
mod tampered;
mod verifying;
mod world;
