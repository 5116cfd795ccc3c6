//! The sums behind a facility's figure: what each meter adds, how it is known, and what it costs in coverage.

mod beside;
mod content;
mod cover;
mod lacks;
mod make;
mod rows;
mod sides;
#[cfg(test)]
mod tests;
mod text;
mod told;

pub use content::FigureExplanation;
#[cfg(test)]
pub(super) use content::{Coverage, MeterRow};
pub use make::figure;
pub(super) use make::{part, position};
pub(super) use sides::{of_it, of_total};
