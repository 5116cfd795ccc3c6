//! How uncertain a figure is, from the meters that made it. Source: JCGM 100 (GUM); domain.md 6.1, 6.2.
//!
//! [`channel()`] says how uncertain one instrument is at its load; [`budget`] carries that to a sum or a quotient of
//! meters, through each meter's sensitivity, and keeps the table of what each adds; [`resolve`] says which
//! window is long enough for a figure that is too uncertain; [`shown`] writes `1.300 ± 0.013 (k = 2)`.

pub mod budget;
pub mod channel;
pub mod resolve;
pub mod shown;

pub use budget::{Budget, Line, Metered, Side, quotient, total};
pub use channel::{Channel, Unknown, channel};
pub use shown::with_uncertainty;

/// The coverage factor: expanded uncertainty is twice the standard one, about 95 %. Source: domain.md 6.2.
pub const COVERAGE_FACTOR: f64 = 2.0;
