//! The report as CSV: one row a figure, RFC 4180 with a heading line.
//!
//! Rows are told apart by `figure`: `pue`, `wue`, `cue`, `carbon`, `carbon-market`, every other indicator by its word,
//! `component-ROLE`, and `pue-month`. An empty field is not known or does not apply; it is never zero. The columns are
//! described in `schema/report.csv.md`, and a test holds the rows against it. Columns are added at the end.

use super::amount::Amount;
use super::content::{Component, Figure, Report};
use wattledger_model::time::Timestamp;

const HEADING: &str = "facility,figure,notation,from_utc,to_utc,duration_h,value,value_unit,status,coverage_percent,\
                       interpolated_percent,estimated_percent,facility_energy_kwh,it_energy_kwh,amount_kwh,amount_l,\
                       amount_kg,verdicts,expanded_uncertainty";

#[derive(Default)]
struct Row<'r> {
    figure: String,
    notation: &'r str,
    span: Option<(Timestamp, Timestamp, f64)>,
    value: Option<f64>,
    unit: &'r str,
    status: &'r str,
    shares: [Option<f64>; 3],
    facility_kwh: Option<String>,
    it_kwh: Option<String>,
    amounts: [Option<String>; 3],
    verdicts: String,
    uncertainty: Option<f64>,
}

/// The report as CSV.
pub fn csv(report: &Report) -> String {
    let period = (report.period.from, report.period.to, report.period.hours);
    let mut rows = Vec::new();
    let energies = &report.energies;
    let verdicts: Vec<String> =
        report.verdicts.iter().map(|verdict| format!("{}={}", verdict.target, verdict.verdict)).collect();
    rows.push(Row {
        facility_kwh: covered(&report.pue, energies.facility.common),
        it_kwh: covered(&report.pue, energies.it.common),
        verdicts: verdicts.join(";"),
        uncertainty: report.uncertainty.expanded,
        ..of_figure(&report.pue, period)
    });
    let divided = |figure: &Figure| {
        [figure.numerator, figure.denominator].map(|part| part.map(|part| part.to_string()))
    };
    rows.extend(report.wue.iter().map(|figure| {
        let [litres, it_kwh] = divided(figure);
        Row { amounts: [None, litres, None], it_kwh, ..of_figure(figure, period) }
    }));
    rows.extend(report.cue.iter().map(|figure| {
        let [kg, it_kwh] = divided(figure);
        Row { amounts: [None, None, kg], it_kwh, ..of_figure(figure, period) }
    }));
    let carbon = report.carbon.iter().chain(&report.market).map(|carbon| &carbon.figure);
    rows.extend(carbon.chain(&report.indicators).map(|figure| {
        let kg = figure.value.filter(|_| figure.unit == "kg").map(|kg| kg.to_string());
        Row { amounts: [None, None, kg], ..of_figure(figure, period) }
    }));
    rows.extend(report.components.iter().map(|component| of_component(component, period)));
    rows.extend(report.months.iter().map(|month| Row {
        figure: "pue-month".to_owned(),
        facility_kwh: covered(&month.pue, month.facility_kwh),
        it_kwh: covered(&month.pue, month.it_kwh),
        ..of_figure(&month.pue, (month.from, month.to, month.hours))
    }));
    let mut text = format!("{HEADING}\n");
    for row in rows {
        text.push_str(&line(&report.facility.name, row));
    }
    text
}

/// What an energy came to over the time that is covered; of no time it is not known, and no zero.
fn covered(figure: &Figure, amount: Amount) -> Option<String> {
    (figure.coverage > 0.0).then(|| amount.to_string())
}

fn of_figure(figure: &Figure, span: (Timestamp, Timestamp, f64)) -> Row<'_> {
    Row {
        figure: figure.indicator.to_owned(),
        notation: &figure.notation,
        span: Some(span),
        value: figure.value,
        unit: figure.unit,
        status: figure.status,
        shares: [Some(figure.coverage), Some(figure.interpolated), Some(figure.estimated)],
        ..Row::default()
    }
}

fn of_component(component: &Component, span: (Timestamp, Timestamp, f64)) -> Row<'_> {
    let is_known = component.coverage > 0.0 || component.total.to_f64() != 0.0;
    let total = is_known.then(|| component.total.to_string());
    Row {
        figure: format!("component-{}", component.role),
        span: Some(span),
        shares: [Some(component.coverage), None, None],
        amounts: if component.unit == "kWh" { [total, None, None] } else { [None, total, None] },
        ..Row::default()
    }
}

fn line(facility: &str, row: Row<'_>) -> String {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let percent = |share: Option<f64>| share.map_or(String::new(), |share| format!("{:.4}", share * 100.0));
    let (from, to, hours) = match row.span {
        Some((from, to, hours)) => (from.to_string(), to.to_string(), hours.to_string()),
        None => Default::default(),
    };
    let [kwh, litres, kg] = row.amounts.map(Option::unwrap_or_default);
    let fields = [
        facility,
        &row.figure,
        row.notation,
        &from,
        &to,
        &hours,
        &number(row.value),
        row.unit,
        row.status,
        &percent(row.shares[0]),
        &percent(row.shares[1]),
        &percent(row.shares[2]),
        &row.facility_kwh.unwrap_or_default(),
        &row.it_kwh.unwrap_or_default(),
        &kwh,
        &litres,
        &kg,
        &row.verdicts,
        &number(row.uncertainty),
    ];
    let quoted: Vec<String> = fields.into_iter().map(quoted).collect();
    format!("{}\n", quoted.join(","))
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
