//! Which readings made a meter's figure, which rules fired, and who corrected what.

mod content;
mod make;
mod runs;
mod text;

pub use content::MeterExplanation;
pub use make::meter;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Runs of plain steps together, and the readings that do not count.
    #[default]
    Summary,
    /// Every reading and every step.
    All,
}
