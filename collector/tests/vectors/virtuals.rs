//! Chapter E: virtual meters.

use super::bench::key;
use super::case::*;
use super::site::{Metered, Site};
use serde_json::Value;
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Minute, Timestamp};

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "E14" => e14(case),
        "E15" => e15(case),
        _ => return false,
    }
    true
}

/// A virtual meter of a facility that is the sum of others, as a configuration writes it.
fn virtual_meter(summands: &[String]) -> String {
    let summands: Vec<String> = summands.iter().map(|summand| format!("\"{summand}\"")).collect();
    let sum = summands.join(", ");
    format!("[[virtual]]\nname = \"net\"\nfacility = \"f\"\nrole = \"utility\"\nsum = [{sum}]\n")
}

/// By itself, and as what enters the facility that it is a meter of.
fn e14(case: &Case) {
    let inputs = case.input("inputs_kwh").as_object().expect("inputs");
    let (mut meters, mut summands) = (Vec::new(), Vec::new());
    for (name, energy) in inputs {
        let meter = name.replace('_', "-");
        let coefficient = &case.input("coefficients")[name];
        summands.push(format!("{coefficient} * {meter}"));
        meters.push(Metered::alone(&meter, "kWh", energy.as_f64().expect("a number")));
    }
    let site = Site::metering(&virtual_meter(&summands), &meters);
    let alone = &site.topology.virtuals[&key("net")];
    case.agrees("energy_kwh", site.sum(alone) as f64 / UWH_PER_KWH);
    case.agrees("energy_kwh", site.sum(&site.facility().grid) as f64 / UWH_PER_KWH);
}

fn e15(case: &Case) {
    let spans = |value: &Value| -> Vec<[i64; 2]> {
        let pair = |span: &Value| [0, 1].map(|at| span[at].as_i64().expect("seconds"));
        value.as_array().expect("spans").iter().map(pair).collect()
    };
    let covered = case.input("covered_s").as_object().expect("meters");
    let meters: Vec<Metered> = covered.keys().map(|name| Metered::power(name)).collect();
    let start = Site::start().start().0;
    // A reading a minute, but none within what is not covered.
    let readings = |covered: &Value| -> Vec<Reading> {
        let times = spans(covered).into_iter().flat_map(|[from, to]| (from..=to).step_by(60));
        let at = |s: i64| reading(Timestamp(start + s * 1_000), Decimal::new(10, 0), "kW");
        times.map(at).collect()
    };
    let given: Vec<(&str, Vec<Reading>)> =
        covered.iter().map(|(name, covered)| (name.as_str(), readings(covered))).collect();
    let net = virtual_meter(&["incomer".to_owned(), "-office".to_owned()]);
    let site = Site::reading(&net, &meters, &given, 1);
    let period = [0, 1].map(|at| case.input("period_s")[at].as_i64().expect("seconds"));
    assert_eq!(period, [0, site.window.minutes() * 60]);
    let (minutes, gaps) = site.support(&site.topology.virtuals[&key("net")]);
    case.agrees("coverage", minutes as f64 / site.window.minutes() as f64);
    let seconds = |at: Minute| (at.0 - site.window.from.0) * 60;
    let inner = gaps.iter().flat_map(|gap| [seconds(gap.from), seconds(gap.to)]);
    let left: Vec<i64> = [period[0]].into_iter().chain(inner).chain([period[1]]).collect();
    assert_eq!(left, spans(case.expected("covered_s")).concat());
}
