//! Facilities: indicators by window, targets, power and horizon.

use super::exposition::{Exposition, Family};
use crate::outputs::snapshot::{FacilityView, Figure, Snapshot, Verdict, WindowView};

const JOULES_PER_KWH: f64 = 3_600_000.0;
const GRAMS_PER_KG: f64 = 1_000.0;

/// Every verdict with its word.
const VERDICTS: [(Verdict, &str); 7] = [
    (Verdict::Compliant, "compliant"),
    (Verdict::ConditionalPass, "conditional_pass"),
    (Verdict::ConditionalFail, "conditional_fail"),
    (Verdict::NonCompliant, "non_compliant"),
    (Verdict::PassUnguarded, "pass_unguarded"),
    (Verdict::FailUnguarded, "fail_unguarded"),
    (Verdict::NotAssessable, "not_assessable"),
];

/// Which figure of a window.
type Of = fn(&WindowView) -> Option<&Figure>;
/// Which of its numbers.
type Number = fn(&Figure) -> Option<f64>;

const PUE: Of = |window| Some(&window.pue);
const WUE: Of = |window| window.wue.as_ref();
const CUE: Of = |window| window.cue.as_ref();
const CARBON: Of = |window| window.carbon_kg.as_ref();

const VALUE: Number = |figure| figure.value;
const COVERAGE: Number = |figure| Some(figure.coverage);
const EXPANDED: Number = |figure| figure.expanded;
const NUMERATOR: Number = |figure| figure.numerator;
const DENOMINATOR: Number = |figure| figure.denominator;

/// One family: its name, what it says, which number of which figure, and how many of its units the number's unit
/// has.
type Row = (&'static str, &'static str, Of, Number, f64);

const FIGURES: &[Row] = &[
    (
        "wattledger_pue_ratio",
        "Power usage effectiveness of the window (total over IT energy).",
        PUE,
        VALUE,
        1.0,
    ),
    (
        "wattledger_pue_coverage_ratio",
        "Share of the window that total and IT energy both cover.",
        PUE,
        COVERAGE,
        1.0,
    ),
    (
        "wattledger_pue_expanded_uncertainty_ratio",
        "Expanded uncertainty (k = 2) of the PUE, in units of the PUE.",
        PUE,
        EXPANDED,
        1.0,
    ),
    (
        "wattledger_pue_facility_energy_joules",
        "Numerator of the PUE: total energy over the time that is covered.",
        PUE,
        NUMERATOR,
        JOULES_PER_KWH,
    ),
    (
        "wattledger_pue_it_energy_joules",
        "Denominator of the PUE: IT energy over the time that is covered.",
        PUE,
        DENOMINATOR,
        JOULES_PER_KWH,
    ),
    (
        "wattledger_wue_liters_per_kilowatthour",
        "Water usage effectiveness of the window, L/kWh.",
        WUE,
        VALUE,
        1.0,
    ),
    (
        "wattledger_wue_coverage_ratio",
        "Share of the window that water and IT energy both cover.",
        WUE,
        COVERAGE,
        1.0,
    ),
    (
        "wattledger_wue_expanded_uncertainty_liters_per_kilowatthour",
        "Expanded uncertainty (k = 2) of the WUE, L/kWh.",
        WUE,
        EXPANDED,
        1.0,
    ),
    (
        "wattledger_wue_water_liters",
        "Numerator of the WUE: water over the time that is covered.",
        WUE,
        NUMERATOR,
        1.0,
    ),
    (
        "wattledger_wue_it_energy_joules",
        "Denominator of the WUE: IT energy over the time that is covered.",
        WUE,
        DENOMINATOR,
        JOULES_PER_KWH,
    ),
    (
        "wattledger_cue_grams_per_kilowatthour",
        "Carbon usage effectiveness of the window, location-based, g/kWh.",
        CUE,
        VALUE,
        GRAMS_PER_KG,
    ),
    (
        "wattledger_cue_coverage_ratio",
        "Share of the window that emissions and IT energy both cover.",
        CUE,
        COVERAGE,
        1.0,
    ),
    (
        "wattledger_cue_expanded_uncertainty_grams_per_kilowatthour",
        "Expanded uncertainty (k = 2) of the CUE, g/kWh.",
        CUE,
        EXPANDED,
        GRAMS_PER_KG,
    ),
    (
        "wattledger_cue_emissions_grams",
        "Numerator of the CUE: CO2 over the time that is covered.",
        CUE,
        NUMERATOR,
        GRAMS_PER_KG,
    ),
    (
        "wattledger_cue_it_energy_joules",
        "Denominator of the CUE: IT energy over the time that is covered.",
        CUE,
        DENOMINATOR,
        JOULES_PER_KWH,
    ),
    (
        "wattledger_carbon_grams",
        "CO2 of the facility's energy in the window, location-based.",
        CARBON,
        VALUE,
        GRAMS_PER_KG,
    ),
    ("wattledger_carbon_coverage_ratio", "Share of the window whose CO2 is known.", CARBON, COVERAGE, 1.0),
    (
        "wattledger_carbon_expanded_uncertainty_grams",
        "Expanded uncertainty (k = 2) of the CO2.",
        CARBON,
        EXPANDED,
        GRAMS_PER_KG,
    ),
];

/// Indicators by facility and window, and the energy that was booked.
pub(super) fn figures(snapshot: &Snapshot, text: &mut Exposition) {
    for (name, help, of, number, scale) in FIGURES {
        let mut family = text.gauge(name, help);
        by_window(snapshot, |facility, window| {
            let value = of(window).and_then(number).map(|value| value * scale);
            family.sample(&labels(facility, window), value);
        });
    }
    let help = "Energy of the window with everything that was booked: measured, interpolated and estimated.";
    let mut family = text.gauge("wattledger_energy_joules", help);
    by_window(snapshot, |facility, window| {
        let [name, site, window_label] = labels(facility, window);
        for (component, kwh) in [("total", window.energy.total_kwh), ("it", window.energy.it_kwh)] {
            let labels = [("component", component), name, site, window_label];
            family.sample(&labels, kwh.map(|kwh| kwh * JOULES_PER_KWH));
        }
    });
}

fn by_window<'s>(snapshot: &'s Snapshot, mut each: impl FnMut(&'s FacilityView, &'s WindowView)) {
    for facility in &snapshot.facilities {
        facility.windows.iter().for_each(|window| each(facility, window));
    }
}

fn labels<'s>(facility: &'s FacilityView, window: &'s WindowView) -> [(&'static str, &'s str); 3] {
    [("facility", &facility.name), ("site", &facility.site), ("window", &window.window)]
}

/// Targets: their limits, and the verdict of each window.
pub(super) fn targets(snapshot: &Snapshot, text: &mut Exposition) {
    let mut limits = text.gauge("wattledger_target_limit_ratio", "Limit of a target for the PUE.");
    for facility in &snapshot.facilities {
        for target in &facility.targets {
            let labels = [("facility", &*facility.name), ("site", &facility.site), ("target", &target.id)];
            limits.sample(&labels, target.limit);
        }
    }
    let help = "1 for the verdict that the window's PUE has on the target, 0 for the others.";
    let mut family = text.gauge("wattledger_target_verdict", help);
    by_window(snapshot, |facility, window| verdicts(&mut family, facility, window));
}

fn verdicts(family: &mut Family<'_>, facility: &FacilityView, window: &WindowView) {
    let [name, site, window_label] = labels(facility, window);
    for view in &window.pue.verdicts {
        for (verdict, word) in VERDICTS {
            let labels = [name, site, ("target", &view.target), ("verdict", word), window_label];
            family.flag(&labels, view.verdict == verdict);
        }
    }
}

/// Power, and how far the figures are behind.
pub(super) fn powers(snapshot: &Snapshot, text: &mut Exposition) {
    fn of(facility: &FacilityView) -> [(&'static str, &str); 2] {
        [("facility", &facility.name), ("site", &facility.site)]
    }
    let help = "Mean power over the latest covered quarter of an hour.";
    let mut powers = text.gauge("wattledger_facility_power_watts", help);
    for facility in &snapshot.facilities {
        let [name, site] = of(facility);
        for (component, watts) in [("total", facility.power.total_w), ("it", facility.power.it_w)] {
            powers.sample(&[("component", component), name, site], watts);
        }
    }
    let mut lags = text
        .gauge("wattledger_horizon_lag_seconds", "The collector's clock minus the end of the live windows.");
    for facility in &snapshot.facilities {
        lags.sample(&of(facility), facility.lag_s);
    }
    let mut ends = text.gauge("wattledger_horizon_timestamp_seconds", "The end of the live windows.");
    for facility in &snapshot.facilities {
        ends.sample(&of(facility), facility.as_of.map(|at| at.0 as f64 / 1_000.0));
    }
}
