//! What is other than in the issued report that this one restates, and why. Source: domain.md 5.7, 6.4.

use super::super::document::{Cell, Lang, Section, Tone};
use super::super::issued::{Cause, Change, Restatement};
use super::super::words::{self, say, told};
use super::cells::{column, fact, facts, if_any, instant, note, noted, said, table};
use super::section;

/// The report that is restated, what changed, and what happened between the two.
pub(super) fn restatement(of: &Restatement, lang: Lang) -> Section {
    let mut blocks = vec![
        note(
            Tone::Caution,
            told(
                lang,
                format!("This report restates {}, which is not valid any more.", of.of),
                format!("本报告重述并取代 {}，原报告不再有效。", of.of),
            ),
        ),
        facts(vec![
            said(say(lang, "restates", "被重述的报告"), &of.of),
            fact(say(lang, "issued at, UTC", "原签发时刻（UTC）"), instant(of.issued_at)),
            said(say(lang, "reason", "重述原因"), &of.reason),
        ]),
    ];
    let columns = vec![
        column(say(lang, "What", "项目"), 8),
        column(say(lang, "Before", "重述前"), 6),
        column(say(lang, "After", "重述后"), 6),
    ];
    let text = |of: &Option<String>| if_any(of.as_ref(), |of| Cell::text(of.clone()));
    let row = |of: &Change| vec![Cell::text(of.what.clone()), text(&of.before), text(&of.after)];
    let more = match of.more {
        0 => say(lang, "Names are those of the data.", "项目名称为数据字段名。").to_owned(),
        more => told(
            lang,
            format!("Names are those of the data; {more} more changes are not listed."),
            format!("项目名称为数据字段名；另有 {more} 项变化未列出。"),
        ),
    };
    let title = say(lang, "What changed", "变化内容");
    blocks.extend(noted(table("changes", title, columns, of.changes.iter().map(row).collect()), more));
    let columns = vec![
        column(say(lang, "Kind", "类别"), 4),
        column(say(lang, "What happened", "事项"), 9),
        column(say(lang, "At (UTC)", "时间（UTC）"), 4),
        column(say(lang, "Who", "操作人"), 4),
        column(say(lang, "Reason", "原因"), 7),
    ];
    let row = |of: &Cause| {
        vec![
            Cell::text(words::cause(lang, &of.kind)),
            Cell::text(of.what.clone()),
            if_any(of.at, instant),
            text(&of.who),
            text(&of.reason),
        ]
    };
    let title = say(lang, "What happened between the two", "两次签发之间发生的事项");
    blocks.extend(table("causes", title, columns, of.causes.iter().map(row).collect()));
    section("restatements", say(lang, "Restatement", "重述"), blocks)
}
