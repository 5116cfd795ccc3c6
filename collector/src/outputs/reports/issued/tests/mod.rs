//! Issued reports, on a ledger made by hand.

mod described;
mod hostile;
mod issuing;
mod restated;
mod tampered;
mod verifying;
mod world;
