//! What certificates and contracts claim of the grid electricity. Source: domain.md 4.1.

use super::super::document::{Block, Cell, Lang};
use super::super::market::Claims;
use super::super::words::{self, say};
use super::cells::{amount, column, fact, facts, numbers, said, table};

/// What is claimed, what was claimed in vain, and by which factor the rest counts.
pub(super) fn blocks(claims: &Claims, lang: Lang) -> Vec<Block> {
    let mut blocks = vec![facts(vec![
        fact(say(lang, "electricity from the grid, kWh", "外购电量（kWh）"), amount(claims.electricity)),
        fact(say(lang, "that nothing claims, kWh", "未被凭证或合同覆盖的电量（kWh）"), amount(claims.rest)),
        said(say(lang, "which counts by", "其排放因子"), words::rest_by(lang, claims.rest_by)),
    ])];
    let columns = || {
        vec![
            column(say(lang, "Lot", "凭证／合同"), 6),
            column(say(lang, "Kind", "类别"), 6),
            numbers(say(lang, "Amount", "电量"), "kWh", 4),
        ]
    };
    let counted = claims.counted.iter().map(|claim| {
        vec![Cell::text(claim.lot.clone()), Cell::text(words::claim(lang, claim.kind)), amount(claim.amount)]
    });
    blocks.extend(table(
        "claims",
        say(lang, "Claims that count", "计入的凭证与合同"),
        columns(),
        counted.collect(),
    ));
    let refused = claims.refused.iter().map(|claim| {
        vec![
            Cell::text(claim.lot.clone()),
            Cell::text(words::refused(lang, claim.reason)),
            amount(claim.amount),
        ]
    });
    let mut columns = columns();
    columns[1] = column(say(lang, "Why it does not count", "不予计入的原因"), 9);
    let title = say(lang, "Claims that do not count", "未计入的凭证与合同");
    blocks.extend(table("claims-refused", title, columns, refused.collect()));
    blocks
}
