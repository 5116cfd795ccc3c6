//! What people changed in the figures: the corrections in force. Source: domain.md 5.7, 6.4.

use super::super::content::Report;
use super::super::corrected::CorrectionRow;
use super::super::document::{Cell, Lang, Section};
use super::super::words::{self, say};
use super::cells::{amount, column, count, if_any, instant, noted, numbers, paragraph, table};
use super::section;

/// The corrections that touch the period.
pub(super) fn corrections(report: &Report, lang: Lang) -> Section {
    let columns = vec![
        numbers(say(lang, "No.", "编号"), "", 2),
        column(say(lang, "Meter", "计量表"), 4),
        column(say(lang, "Kind", "类别"), 4),
        column(say(lang, "From (UTC)", "起（UTC）"), 4),
        column(say(lang, "To (UTC)", "止（UTC）"), 4),
        numbers(say(lang, "Amount", "数量"), "", 4),
        column(say(lang, "Unit", "单位"), 2),
        column(say(lang, "Registers, old and new", "旧表止码／新表起码"), 4),
        column(say(lang, "Reason", "原因"), 7),
        column(say(lang, "Who", "操作人"), 3),
        column(say(lang, "At (UTC)", "时间（UTC）"), 4),
    ];
    let rows = report.corrections.iter().map(|of| row(of, lang)).collect();
    let note = say(
        lang,
        "Each number is that of the entry in the audit chain; reasons are in the words of who did it.",
        "编号为审计链中的条目号；原因为操作人原话。",
    );
    let none = say(lang, "No correction touches the period.", "报告期内无人工修正。");
    let block = noted(table("corrections", "", columns, rows), note).unwrap_or_else(|| paragraph(none));
    section("corrections", say(lang, "Corrections", "人工修正"), vec![block])
}

fn row(of: &CorrectionRow, lang: Lang) -> Vec<Cell> {
    vec![
        count(of.id),
        Cell::text(of.meter.clone()),
        Cell::text(words::correction(lang, of.kind)),
        instant(of.from),
        if_any(of.to, instant),
        if_any(of.amount, amount),
        if_any(of.amount, |_| Cell::text(of.unit)),
        if_any(of.registers.as_ref(), |[last, first]| Cell::text(format!("{last} / {first}"))),
        Cell::text(of.reason.clone()),
        Cell::text(of.who.clone()),
        instant(of.at),
    ]
}
