//! Issued reports, on a ledger made by hand.

mod issuing;
mod tampered;
mod verifying;
mod world;
