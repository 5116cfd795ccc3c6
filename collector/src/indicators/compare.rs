//! Why PUE changed between two periods, in parts that add up to the change exactly. Source: domain.md 2.1.
//!
//! With overheads `O_j` and IT energy `I`, `PUE = 1 + Σ O_j/I`. The change of one quotient between X and Y is split
//! evenly between its two sides:
//!
//! - overhead of j: `(O_j,Y − O_j,X) · ½(1/I_X + 1/I_Y)`,
//! - IT load: `½(O_X + O_Y) · (1/I_Y − 1/I_X)`, over the whole overhead,
//!
//! which adds up whatever the numbers are, and turns its sign when the periods are swapped. What no subsystem's
//! meters saw is an overhead like the others, called unattributed.
//!
//! Where the configuration changed, each period is also reckoned with the other's. There are two ways from A to B
//! then, over `A as B is configured` and over `B as A is configured`; each part is the mean of both ways, or that of the one
//! way that can be gone: see [`Ways`].
//!
//! The published figures are over the common support of the whole and of IT energy; subsystems are known over
//! less, perhaps. What the published figure differs from the one over the energies that are split is the part
//! of data quality.
//!
//! Every part is a sum of quotients with single energies below, so it is kept as whole numerators over a few
//! denominators: `n_k / (4·D_k)`. Parts are added numerator by numerator, in integers; nothing is rounded before it
//! is shown.

use std::collections::BTreeSet;
use wattledger_model::role::Role;

/// Energies of one period, over one support, µWh.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Energies {
    /// `E_DC`.
    pub total_uwh: i128,
    /// `E_IT`.
    pub it_uwh: i128,
    /// Overhead by the role of its meters, each role once.
    pub overhead_uwh: Vec<(Role, i128)>,
}

impl Energies {
    /// All overhead, µWh.
    pub fn overhead(&self) -> i128 {
        self.total_uwh - self.it_uwh
    }

    fn of(&self, role: Role) -> i128 {
        self.overhead_uwh.iter().filter(|(of, _)| *of == role).map(|(_, energy)| energy).sum()
    }

    /// Overhead that no subsystem's meters saw, µWh; below zero where they saw more than there was.
    pub fn unattributed(&self) -> i128 {
        self.overhead() - self.overhead_uwh.iter().map(|(_, energy)| energy).sum::<i128>()
    }
}

/// One of the two periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// `E_DC` of the published figure, µWh.
    pub published_total_uwh: i128,
    /// `E_IT` of the published figure, µWh.
    pub published_it_uwh: i128,
    /// Energies over the support of all meters that are told apart.
    pub own: Energies,
    /// The same time with the configuration of the other period; `None` where that is the same.
    pub as_other: Option<Energies>,
}

/// What a part of the change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The same overhead spread over more or less IT energy.
    ItLoad,
    /// More or less overhead of a subsystem.
    Overhead(Role),
    /// More or less overhead that no subsystem's meters saw.
    Unattributed,
    /// Another boundary, or other meters, coefficients or corrections of meters.
    Configuration,
    /// Published over another support than the one that is split.
    DataQuality,
}

impl Cause {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Cause::ItLoad => "it-load",
            Cause::Overhead(role) => role.word(),
            Cause::Unattributed => "unattributed",
            Cause::Configuration => "configuration",
            Cause::DataQuality => "data-quality",
        }
    }
}

/// Denominators of a comparison: published, own, and as the other is configured, of A and of B.
const DENOMINATORS: usize = 6;

/// An exact amount of PUE: `Σ numerators[k] / (4 · denominators[k])`, the denominators being those of its
/// [`Comparison`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact {
    numerators: [i128; DENOMINATORS],
}

impl Exact {
    /// `quarters / (4 · denominator k)`.
    fn one(k: usize, quarters: i128) -> Exact {
        let mut numerators = [0; DENOMINATORS];
        numerators[k] = quarters;
        Exact { numerators }
    }

    fn add(self, other: Exact) -> Exact {
        let mut numerators = self.numerators;
        for (sum, more) in numerators.iter_mut().zip(other.numerators) {
            *sum += more;
        }
        Exact { numerators }
    }

    fn times(self, factor: i128) -> Exact {
        Exact { numerators: self.numerators.map(|numerator| factor * numerator) }
    }
}

/// The change of PUE between two periods, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    denominators: [i128; DENOMINATORS],
    /// The parts, each cause once: IT load, subsystems in the order of roles, unattributed, configuration,
    /// data quality.
    parts: Vec<(Cause, Exact)>,
    total: Exact,
}

/// Why two periods cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// A PUE is undefined.
    #[error("period {0} has no IT energy {1}, so it has no PUE to compare")]
    NoItEnergy(char, &'static str),
    /// An amount is beyond what a facility can use.
    #[error("{0} µWh are more than can be compared")]
    TooMuch(i128),
}

/// Amounts up to this keep all sums, and what is shown of them, within their integers: 10 000 TWh.
const MOST_UWH: i128 = 10_000_000_000_000_000_000_000;

const PUBLISHED: [usize; 2] = [0, 1];
const OWN: [usize; 2] = [2, 3];
const AS_OTHER: [usize; 2] = [4, 5];

/// Which ways from A to B are taken where the configuration changed. A way can be gone only where the meters of one
/// configuration have readings in the period of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ways {
    /// The mean of both, which turns its sign when the periods are swapped.
    #[default]
    Both,
    /// Over A as B is configured alone: B as A is configured is not known.
    OverA,
    /// Over B as A is configured alone: A as B is configured is not known.
    OverB,
}

impl Ways {
    /// What each way counts, in halves.
    const fn halves(self) -> [i128; 2] {
        match self {
            Ways::Both => [1, 1],
            Ways::OverA => [2, 0],
            Ways::OverB => [0, 2],
        }
    }
}

/// Splits the change of PUE from period A to period B, by the mean of both ways.
///
/// # Errors
/// [`CompareError`] where one of the figures is undefined.
pub fn compare(a: &Period, b: &Period) -> Result<Comparison, CompareError> {
    compare_over(a, b, Ways::Both)
}

/// Splits the change of PUE from period A to period B, by the ways that can be gone.
///
/// # Errors
/// As [`compare`].
pub fn compare_over(a: &Period, b: &Period, over: Ways) -> Result<Comparison, CompareError> {
    let halves_of = over.halves();
    let denominators = check(a, b)?;
    let (a_as_b, b_as_a) = (a.as_other.as_ref().unwrap_or(&a.own), b.as_other.as_ref().unwrap_or(&b.own));
    // Two ways: A → A as B → B, and A → B as A → B.
    let ways = [
        Way { from: (a_as_b, AS_OTHER[0]), to: (&b.own, OWN[1]) },
        Way { from: (&a.own, OWN[0]), to: (b_as_a, AS_OTHER[1]) },
    ];
    let both = |part: &dyn Fn(&Way<'_>) -> Exact| {
        part(&ways[0]).times(halves_of[0]).add(part(&ways[1]).times(halves_of[1]))
    };
    let mut parts = vec![(Cause::ItLoad, both(&|way| way.it_load()))];
    for role in roles([&a.own, a_as_b, &b.own, b_as_a]) {
        parts.push((Cause::Overhead(role), both(&|way| way.overhead(|energies| energies.of(role)))));
    }
    parts.push((Cause::Unattributed, both(&|way| way.overhead(Energies::unattributed))));
    // Overhead by IT energy is PUE − 1; the ones cancel in every difference. Two quarters are half a way.
    let halves = |k: usize, energies: &Energies, sign: i128| Exact::one(k, sign * 2 * energies.overhead());
    let configuration = halves(AS_OTHER[0], a_as_b, halves_of[0])
        .add(halves(OWN[0], &a.own, -halves_of[0]))
        .add(halves(OWN[1], &b.own, halves_of[1]))
        .add(halves(AS_OTHER[1], b_as_a, -halves_of[1]));
    parts.push((Cause::Configuration, configuration));
    let published = |period: &Period| period.published_total_uwh - period.published_it_uwh;
    let total = Exact::one(PUBLISHED[1], 4 * published(b)).add(Exact::one(PUBLISHED[0], -4 * published(a)));
    let own = Exact::one(OWN[0], 4 * a.own.overhead()).add(Exact::one(OWN[1], -4 * b.own.overhead()));
    parts.push((Cause::DataQuality, total.add(own)));
    let comparison = Comparison { denominators, parts, total };
    debug_assert!(comparison.adds_up(), "the parts add up to the change");
    Ok(comparison)
}

fn check(a: &Period, b: &Period) -> Result<[i128; DENOMINATORS], CompareError> {
    let mut denominators = [0; DENOMINATORS];
    for (at, (name, period)) in [('A', a), ('B', b)].into_iter().enumerate() {
        let other = period.as_other.as_ref().unwrap_or(&period.own);
        let sides = [
            (PUBLISHED[at], period.published_it_uwh, "in its published figure"),
            (OWN[at], period.own.it_uwh, "where all meters are known"),
            (AS_OTHER[at], other.it_uwh, "as the other period is configured"),
        ];
        for (k, it_uwh, what) in sides {
            if it_uwh <= 0 {
                return Err(CompareError::NoItEnergy(name, what));
            }
            denominators[k] = it_uwh;
        }
        let of = |energies: &Energies| {
            let overheads: Vec<i128> = energies.overhead_uwh.iter().map(|(_, energy)| *energy).collect();
            [vec![energies.total_uwh, energies.it_uwh], overheads].concat()
        };
        let all =
            [vec![period.published_total_uwh, period.published_it_uwh], of(&period.own), of(other)].concat();
        if let Some(much) = all.into_iter().find(|amount| !(-MOST_UWH..=MOST_UWH).contains(amount)) {
            return Err(CompareError::TooMuch(much));
        }
    }
    Ok(denominators)
}

/// All overhead roles of the energies, each once.
fn roles(energies: [&Energies; 4]) -> BTreeSet<Role> {
    energies.iter().flat_map(|energies| energies.overhead_uwh.iter().map(|(role, _)| *role)).collect()
}

/// One step under one configuration, from energies to energies, with the place of their IT energies among the
/// denominators. It counts half, so its halves are quarters.
struct Way<'a> {
    from: (&'a Energies, usize),
    to: (&'a Energies, usize),
}

impl Way<'_> {
    fn overhead(&self, of: impl Fn(&Energies) -> i128) -> Exact {
        let change = of(self.to.0) - of(self.from.0);
        Exact::one(self.from.1, change).add(Exact::one(self.to.1, change))
    }

    fn it_load(&self) -> Exact {
        let overhead = self.from.0.overhead() + self.to.0.overhead();
        Exact::one(self.to.1, overhead).add(Exact::one(self.from.1, -overhead))
    }
}

impl Comparison {
    /// Each cause with what it adds to PUE, for people; see [`Comparison::rounded`] for numbers that add up
    /// as they are shown.
    pub fn parts(&self) -> impl Iterator<Item = (Cause, f64)> {
        self.parts.iter().map(|(cause, exact)| (*cause, self.value(*exact)))
    }

    /// `PUE_B − PUE_A`, of the published figures.
    pub fn total(&self) -> f64 {
        self.value(self.total)
    }

    /// Whether the parts are the change, numerator by numerator.
    pub fn adds_up(&self) -> bool {
        self.parts.iter().fold(Exact::default(), |sum, (_, part)| sum.add(*part)) == self.total
    }

    /// The change and its parts in whole units of `10^−decimals` of PUE, at most 12 decimals. Running sums are rounded and
    /// their differences shown, so that what is shown adds up too; a part is off by one unit at most.
    pub fn rounded(&self, decimals: u8) -> (i128, Vec<(Cause, i128)>) {
        let unit = 10_f64.powi(i32::from(decimals.min(12)));
        let (mut sum, mut shown) = (Exact::default(), 0);
        let mut parts = Vec::with_capacity(self.parts.len());
        for (cause, exact) in &self.parts {
            sum = sum.add(*exact);
            let until_here = (self.value(sum) * unit).round() as i128;
            parts.push((*cause, until_here - shown));
            shown = until_here;
        }
        (shown, parts)
    }

    fn value(&self, exact: Exact) -> f64 {
        let terms = exact.numerators.iter().zip(self.denominators);
        terms.map(|(numerator, denominator)| *numerator as f64 / denominator as f64).sum::<f64>() / 4.0
    }
}

#[cfg(test)]
mod tests;
