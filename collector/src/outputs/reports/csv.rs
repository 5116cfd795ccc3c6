//! The report as CSV: one row a figure, RFC 4180 with a heading line.
//!
//! Rows are told apart by `figure`: `pue`, `wue`, `cue`, `carbon`, `carbon-market`, `pue-month`, and
//! `component-ROLE`. An empty field is not known or does not apply; it is never zero.

use super::content::{Component, Figure, Report};
use wattledger_model::time::Timestamp;

const HEADING: &str = "facility,figure,notation,from_utc,to_utc,duration_h,value,value_unit,status,coverage_percent,\
                       interpolated_percent,estimated_percent,facility_energy_kwh,it_energy_kwh,amount_kwh,amount_l,\
                       amount_kg,verdicts";

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
}

/// The report as CSV.
pub fn csv(report: &Report) -> String {
    let period = (report.period.from, report.period.to, report.period.hours);
    let mut rows = Vec::new();
    let energies = &report.energies;
    let verdicts: Vec<String> =
        report.verdicts.iter().map(|verdict| format!("{}={}", verdict.target, verdict.verdict)).collect();
    rows.push(Row {
        facility_kwh: Some(energies.facility.common.to_string()),
        it_kwh: Some(energies.it.common.to_string()),
        verdicts: verdicts.join(";"),
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
    for carbon in report.carbon.iter().chain(&report.market) {
        let kg = carbon.figure.value.map(|kg| kg.to_string());
        rows.push(Row { amounts: [None, None, kg], ..of_figure(&carbon.figure, period) });
    }
    rows.extend(report.components.iter().map(|component| of_component(component, period)));
    rows.extend(report.months.iter().map(|month| Row {
        figure: "pue-month".to_owned(),
        facility_kwh: Some(month.facility_kwh.to_string()),
        it_kwh: Some(month.it_kwh.to_string()),
        ..of_figure(&month.pue, (month.from, month.to, month.hours))
    }));
    let mut text = format!("{HEADING}\n");
    for row in rows {
        text.push_str(&line(&report.facility.name, row));
    }
    text
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
    let total = Some(component.total.to_string());
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
