//! What moved a PUE from one period to another.

mod boundary;
mod content;
mod make;
mod text;

pub(crate) use boundary::Boundary;
pub use content::ChangeExplanation;
pub use make::change;
