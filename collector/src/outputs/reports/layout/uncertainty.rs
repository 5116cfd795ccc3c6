//! How uncertain the PUE is, and the table of the instruments behind it. Source: domain.md 6.

use super::super::content::Report;
use super::super::document::{Block, Cell, Lang, Section, Tone};
use super::super::uncertainty::{MeterRow, UnknownMeter};
use super::super::words::{self, say};
use super::cells::{
    column, exact, fact, facts, if_any, note, noted, number, numbers, paragraph, said, share, table,
};
use super::front;

/// U with its rules, what is not known, and the meter table.
pub(super) fn section(report: &Report, lang: Lang) -> Section {
    let of = &report.uncertainty;
    let not_known = || say(lang, "not known", "未知").to_owned();
    let mut blocks = vec![facts(vec![
        said(
            say(lang, "figure with its expanded uncertainty", "数值及其扩展不确定度"),
            of.stated.clone().unwrap_or_else(not_known),
        ),
        fact(say(lang, "expanded uncertainty U", "扩展不确定度 U"), if_any(of.expanded, |u| number(u, 6))),
        fact(say(lang, "coverage factor k", "包含因子 k"), exact(of.coverage_factor)),
        said(
            say(lang, "U is at most 5 % of the value", "U 不超过数值的 5 %"),
            of.resolved.map_or_else(not_known, |is| words::yes_or_no(lang, is).to_owned()),
        ),
    ])];
    blocks.extend(front::not_resolved(report, lang).map(|text| note(Tone::Caution, text)));
    blocks.extend(unknown(&of.unknown, lang));
    blocks.extend(instruments(&of.meters, lang));
    blocks.push(paragraph(say(
        lang,
        "Limits of classes are taken as rectangular: u = a/√3; a channel is the meter with its transformers, at its \
         actual load. Instruments of one make, and of all whose make is not known, are taken as correlated within one \
         sum, others as independent; numerator and denominator are taken as independent (JCGM 100).",
        "准确度等级的误差限 a 按均匀分布处理：u = a/√3；测量通道包括电能表及互感器，按实际负载取误差限。同一求和内，同一制造厂（及\
         制造厂不明）的计量器具视为完全相关，其余视为独立；分子与分母视为相互独立（JCGM 100，JJF 1059.1）。",
    )));
    super::section("uncertainty", say(lang, "Uncertainty", "测量不确定度"), blocks)
}

fn unknown(meters: &[UnknownMeter], lang: Lang) -> Option<Block> {
    let row =
        |of: &UnknownMeter| vec![Cell::text(of.meter.clone()), Cell::text(words::unknown(lang, of.why))];
    let columns = vec![
        column(say(lang, "Meter", "计量表"), 4),
        column(say(lang, "Why its uncertainty is not known", "不确定度未知的原因"), 12),
    ];
    let title = say(lang, "Not known", "不确定度未知的计量表");
    table("uncertainty-unknown", title, columns, meters.iter().map(row).collect())
}

fn instruments(meters: &[MeterRow], lang: Lang) -> Option<Block> {
    let columns = vec![
        column(say(lang, "Meter", "计量表"), 5),
        column(say(lang, "Make", "制造厂"), 4),
        column(say(lang, "Serial number", "出厂编号"), 4),
        column(say(lang, "Accuracy", "准确度等级"), 5),
        column(say(lang, "Current path", "电流接入"), 5),
        column(say(lang, "Calibrated", "校准日期"), 4),
        numbers(say(lang, "Load", "负载率"), "", 3),
        numbers(say(lang, "Standard uncertainty u", "标准不确定度 u"), "%", 4),
        numbers(say(lang, "Share of u²", "方差占比"), "", 3),
    ];
    let text = |of: &Option<String>| if_any(of.as_ref(), |of| Cell::text(of.clone()));
    let row = |of: &MeterRow| {
        vec![
            Cell::text(of.meter.clone()),
            text(&of.make),
            text(&of.serial),
            if_any(of.accuracy, |accuracy| Cell::text(words::exactness(lang, accuracy))),
            if_any(of.current, |current| Cell::text(words::current(lang, current))),
            text(&of.calibrated),
            if_any(of.load, share),
            if_any(of.u_percent, |u| number(u, 3)),
            if_any(of.share, share),
        ]
    };
    let title = say(lang, "Instruments", "计量器具");
    noted(
        table("instruments", title, columns, meters.iter().map(row).collect()),
        say(lang, "An empty field is not declared.", "空白表示未登记。"),
    )
}
