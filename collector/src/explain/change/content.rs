//! What an explanation of a change holds. The fields and their names are the published JSON.

use super::super::Span;
use crate::outputs::reports::Amount;
use serde::Serialize;

/// What moved a PUE from period A to period B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeExplanation {
    /// The shape: `wattledger/explain-change/v1`.
    pub explanation: &'static str,
    /// The facility's name.
    pub facility: String,
    /// Its name for people.
    pub title: String,
    /// The earlier one, or the one that was named first.
    pub a: Told,
    /// The other.
    pub b: Told,
    /// `PUE_B − PUE_A`, unrounded.
    pub change: f64,
    /// The same rounded; the rounded parts add up to it.
    pub change_rounded: String,
    /// The parts; unrounded they add up to the change exactly.
    pub parts: Vec<Part>,
    /// Claims that differ between the periods.
    pub boundary_changes: Vec<String>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

/// One of the two periods.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Over which time.
    pub period: Span,
    /// The full name of its PUE.
    pub notation: String,
    /// The PUE, unrounded; as published.
    pub pue: Option<f64>,
    /// The same rounded.
    pub pue_rounded: String,
    /// Share of the period in the common support of that.
    pub coverage: f64,
    /// Energies of the published PUE.
    pub published: Energies,
    /// Energies over the time in which everything that is told apart is known.
    pub compared: Energies,
    /// That time by the boundary of the other period; `None` where it is the same, or cannot be told.
    pub as_other: Option<Energies>,
}

/// Energies, kWh.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Energies {
    /// Minutes that they are over.
    pub minutes: i64,
    /// `E_DC`.
    pub facility_kwh: Amount,
    /// `E_IT`.
    pub it_kwh: Amount,
    /// Overhead by the role of its meters.
    pub overhead: Vec<Overhead>,
    /// Overhead that no subsystem's meters saw; `None` of a published figure, which does not tell overheads apart.
    pub unattributed_kwh: Option<Amount>,
}

/// Overhead of a subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Overhead {
    /// The role.
    pub role: &'static str,
    /// Its energy.
    pub kwh: Amount,
}

/// A part of the change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// `it-load`, a role, `unattributed`, `configuration` or `data-quality`.
    pub cause: &'static str,
    /// What it adds to PUE, unrounded.
    pub adds: f64,
    /// The same rounded so that the parts add up as they are shown.
    pub rounded: String,
    /// What is behind it, in words.
    pub because: String,
}
