//! The sums behind a facility's figure: what each meter adds, how it is known, and what it costs in coverage.

mod content;
mod cover;
mod make;
mod sides;
mod text;

pub use content::FigureExplanation;
pub use make::figure;
