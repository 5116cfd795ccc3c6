//! The tables that forms have: months, measuring points, targets.

use super::super::content::{Figure, MonthRow, Verdict};
use super::super::document::{Cell, Column, Lang, Table};
use super::answer::Source;
use super::form::Listing;
use super::gather::MeasuringPoint;
use super::layout::column;
use super::number::{Number, percent};
use super::words::{self, COMMA, SEMICOLON, Words};
use crate::indicators::Indicator;
use crate::outputs::reports::Amount;
use wattledger_model::instrument::{Accuracy, CurrentPath};
use wattledger_model::target::Target;

/// Decimals of energies and ratios in tables.
const KWH_DECIMALS: u8 = 0;
const PUE_DECIMALS: u8 = 3;

pub(super) fn listing(listing: Listing, source: &Source<'_>) -> Table {
    match listing {
        Listing::Months => months(source),
        Listing::MeasuringPoints => points(source),
        Listing::Targets => targets(source),
    }
}

/// A column of numbers, its unit in the heading.
pub(in crate::outputs::reports) fn numbers(
    words: Words,
    unit: Option<&str>,
    lang: Lang,
    width: u8,
) -> Column {
    Column { unit: unit.map(str::to_owned), right: true, ..column(words, lang, width) }
}

/// A number in its own unit.
pub(in crate::outputs::reports) fn number(number: Number, decimals: u8) -> Cell {
    let (value, shown) = number.shown(0, decimals);
    Cell::Number { value, shown }
}

/// A share of a whole.
pub(in crate::outputs::reports) fn share(value: f64) -> Cell {
    Cell::Share { value, shown: percent(value) }
}

fn months(source: &Source<'_>) -> Table {
    let (lang, report) = (source.lang, source.report);
    let row = |name: &str, hours: f64, [facility, it]: [Amount; 2], pue: &Figure| {
        let (tone, status) = words::status(pue.status);
        // Energies over no time at all are not known to be zero.
        let is_covered = pue.coverage > 0.0;
        let energy =
            |amount: Amount| if is_covered { number(amount.into(), KWH_DECIMALS) } else { Cell::Empty };
        vec![
            Cell::text(name),
            number(Number::Float(hours), 0),
            energy(facility),
            energy(it),
            pue.value.map_or(Cell::Empty, |value| number(Number::Float(value), PUE_DECIMALS)),
            share(pue.coverage),
            share(pue.interpolated),
            share(pue.estimated),
            Cell::Told { tone, shown: status.in_lang(lang).to_owned() },
        ]
    };
    let month =
        |month: &MonthRow| row(&month.month, month.hours, [month.facility_kwh, month.it_kwh], &month.pue);
    let mut rows: Vec<Vec<Cell>> = report.months.iter().map(month).collect();
    let energies = [report.energies.facility.common, report.energies.it.common];
    // A period no longer than a month is its own only row; of a longer one it is the sum of all.
    let all = if rows.is_empty() { report.period.text.as_str() } else { WHOLE.in_lang(lang) };
    rows.push(row(all, report.period.hours, energies, &report.pue));
    Table {
        name: "months",
        title: Words("By month", "逐月数据").in_lang(lang).to_owned(),
        columns: vec![
            column(Words("Month", "月份"), lang, 12),
            numbers(Words("Time", "时长"), Some("h"), lang, 8),
            numbers(Words("Facility energy", "数据中心总能耗"), Some("kWh"), lang, 16),
            numbers(Words("IT energy", "信息设备能耗"), Some("kWh"), lang, 16),
            numbers(Words("PUE", "PUE"), None, lang, 8),
            numbers(Words("Covered", "数据覆盖率"), None, lang, 10),
            numbers(Words("Interpolated", "插值"), None, lang, 11),
            numbers(Words("Estimated", "估算"), None, lang, 10),
            column(Words("Status", "状态"), lang, 13),
        ],
        rows,
        note: Some(words::RATIO_METHOD.in_lang(lang).to_owned()),
    }
}

const WHOLE: Words = Words("Whole period", "全期");

fn points(source: &Source<'_>) -> Table {
    let lang = source.lang;
    Table {
        name: "measuring-points",
        title: Words("Measuring points", "测量点").in_lang(lang).to_owned(),
        columns: vec![
            column(Words("Meter", "测量点名称"), lang, 18),
            column(Words("Measures", "计量内容"), lang, 16),
            column(Words("Kind", "类型"), lang, 9),
            column(Words("Unit", "单位"), lang, 7),
            numbers(Words("Interval", "采集间隔"), Some("s"), lang, 9),
            column(Words("Serial number", "出厂编号"), lang, 12),
            column(Words("Make", "厂家型号"), lang, 12),
            column(Words("Accuracy", "准确度"), lang, 10),
            column(Words("Current transformer", "电流互感器"), lang, 10),
            column(Words("Calibrated", "检定日期"), lang, 11),
        ],
        rows: source.beside.points.iter().map(|point| point_row(point, lang)).collect(),
        note: None,
    }
}

fn point_row(point: &MeasuringPoint, lang: Lang) -> Vec<Cell> {
    let if_any = |text: Option<String>| text.map_or(Cell::Empty, Cell::text);
    let roles: Vec<&str> = point.roles.iter().map(|role| words::role(*role).in_lang(lang)).collect();
    let name = if point.title == point.meter {
        point.meter.clone()
    } else {
        format!("{} ({})", point.title, point.meter)
    };
    let in_sums = point.sums.iter().map(|sum| match (sum.is_off, lang) {
        (false, Lang::En) => format!("in {}", sum.title),
        (true, Lang::En) => format!("taken off in {}", sum.title),
        (false, Lang::Zh) => format!("计入{}", sum.title),
        (true, Lang::Zh) => format!("从{}中扣除", sum.title),
    });
    let name = std::iter::once(name).chain(in_sums).collect::<Vec<_>>().join(SEMICOLON.in_lang(lang));
    let instrument = point.instrument.as_ref();
    let accuracy = instrument.and_then(|instrument| instrument.accuracy).map(|accuracy| match accuracy {
        Accuracy::Class(class) => class.word().to_owned(),
        Accuracy::LimitPercent(limit) => format!("±{limit} %"),
        Accuracy::ChannelPercent(expanded) => format!("{expanded} % (k = 2)"),
    });
    let current = instrument.and_then(|instrument| instrument.current).map(|current| match current {
        CurrentPath::Direct => Words("none, direct", "无，直接接入").in_lang(lang).to_owned(),
        CurrentPath::Transformer(class) => class.word().to_owned(),
    });
    vec![
        Cell::text(name),
        Cell::text(roles.join(COMMA.in_lang(lang))),
        Cell::text(words::kind(point.kind).in_lang(lang)),
        point.unit.map_or(Cell::Empty, Cell::text),
        number(Number::Float(point.nominal_interval_ms as f64 / 1_000.0), 0),
        if_any(instrument.and_then(|instrument| instrument.serial.clone())),
        if_any(instrument.and_then(|instrument| instrument.make.clone())),
        if_any(accuracy),
        if_any(current),
        if_any(instrument.and_then(|instrument| instrument.calibrated).map(|date| date.to_string())),
    ]
}

fn targets(source: &Source<'_>) -> Table {
    let lang = source.lang;
    let held = source.report.verdicts.iter().filter_map(|verdict| {
        let of = source.beside.targets.iter().find(|target| target.id == verdict.target)?;
        Some(target_row(of, verdict, lang))
    });
    Table {
        name: "targets",
        title: Words("Targets", "目标").in_lang(lang).to_owned(),
        columns: vec![
            column(Words("Target", "目标"), lang, 9),
            column(Words("Limit", "限值"), lang, 12),
            column(Words("Document", "文件"), lang, 38),
            column(Words("Meant for", "适用对象"), lang, 13),
            column(Words("In force", "有效期"), lang, 22),
            column(Words("Verdict", "判定"), lang, 18),
        ],
        rows: held.collect(),
        note: None,
    }
}

fn target_row(target: &Target, verdict: &Verdict, lang: Lang) -> Vec<Cell> {
    let (tone, said) = words::verdict(verdict.verdict);
    let from = target.from.map(|from| from.to_string()).unwrap_or_default();
    let until = match target.until {
        Some(until) => until.to_string(),
        None => Words("open", "长期有效").in_lang(lang).to_owned(),
    };
    let passed = if verdict.horizon_passed { Words(" (passed)", "（已过）").in_lang(lang) } else { "" };
    let in_force = if from.is_empty() { until } else { format!("{from} – {until}") };
    vec![
        Cell::text(&target.id),
        Cell::text(format!("{} {}", indicator(target), target.limit)),
        Cell::text(&target.document),
        Cell::text(words::target_kind(target.kind).in_lang(lang)),
        Cell::text(format!("{in_force}{passed}")),
        Cell::Told { tone, shown: said.in_lang(lang).to_owned() },
    ]
}

/// The name of what a target limits; its word where it is declared of a facility.
fn indicator(target: &Target) -> &str {
    target
        .indicator
        .parse::<Indicator>()
        .map_or(target.indicator.as_str(), |indicator| indicator.meaning().name)
}
