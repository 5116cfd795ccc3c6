//! What the running year's targets still permit, and how the year will end. Source: domain.md 7.2.

use super::super::budget::YearBudget;
use super::super::document::{Cell, Lang, Section};
use super::super::words::{self, say};
use super::cells::{column, count, fact, facts, if_any, noted, number, numbers, said, share, table};
use crate::targets::{Budget, Expected};

/// The year so far, the forecast with its interval, and the budget of each target.
pub(super) fn section(budget: &YearBudget, lang: Lang) -> Section {
    let mut blocks = vec![facts(vec![
        said(say(lang, "year", "年度"), budget.year.to_string()),
        said(
            say(lang, "first local date that does not count yet", "统计截至（当地日期，不含）"),
            &budget.as_of,
        ),
        fact(say(lang, "days left", "剩余天数"), count(budget.days_left.unsigned_abs())),
        fact(say(lang, "coverage of the year to date", "年初至今数据覆盖率"), share(budget.coverage)),
        fact(
            say(lang, "E_DC of the year to date, kWh", "年初至今总能耗 E_DC（kWh）"),
            number(budget.facility_kwh, 0),
        ),
        fact(
            say(lang, "E_IT of the year to date, kWh", "年初至今信息设备能耗 E_IT（kWh）"),
            number(budget.it_kwh, 0),
        ),
        fact(
            say(lang, "PUE of the year to date", "年初至今 PUE"),
            if_any(budget.value, |pue| number(pue, 4)),
        ),
        fact(
            say(
                lang,
                "best PUE over 30 days in a row of the last twelve months",
                "近 12 个月内连续 30 天的最优 PUE",
            ),
            if_any(budget.best_month, |pue| number(pue, 4)),
        ),
    ])];
    match &budget.forecast {
        Some(forecast) => blocks.push(facts(expected(forecast, lang))),
        None => blocks.push(super::cells::paragraph(say(
            lang,
            "There is no forecast: too little is known of the last 30 days.",
            "无年度预测：最近 30 天的数据不足。",
        ))),
    }
    let columns = vec![
        column(say(lang, "Target", "目标"), 4),
        column(say(lang, "Limit", "限值"), 4),
        numbers(say(lang, "PUE permitted for the rest", "剩余时段允许 PUE"), "", 4),
        numbers(say(lang, "Overhead left", "剩余辅助用能额度"), "kWh", 4),
        numbers(say(lang, "Lasts", "可持续"), "d", 3),
        numbers(say(lang, "Burn rate, year", "消耗率（年初至今）"), "", 3),
        numbers(say(lang, "30 days", "30 天"), "", 3),
        numbers(say(lang, "7 days", "7 天"), "", 3),
        numbers(say(lang, "1 day", "1 天"), "", 3),
        numbers(say(lang, "Chance of a breach", "超限概率"), "", 3),
        column(say(lang, "State", "状态"), 4),
    ];
    let note = say(
        lang,
        "A permitted PUE below 1 cannot be met any more. A burn rate above 1 spends more overhead than the limit permits \
         for the same IT energy.",
        "允许 PUE 小于 1 表示已无法达标。消耗率大于 1 表示辅助用能超过同等信息设备能耗下限值所允许的额度。",
    );
    let rows = budget.targets.iter().map(|target| row(target, lang)).collect();
    let title = say(lang, "What the targets still permit", "各目标的剩余额度");
    blocks.extend(noted(table("budget", title, columns, rows), note));
    super::section("budget", say(lang, "Budget and forecast of the year", "年度额度与预测"), blocks)
}

fn expected(forecast: &Expected, lang: Lang) -> Vec<super::super::document::Fact> {
    let interval = format!("{:.4} – {:.4}", forecast.low, forecast.high);
    vec![
        fact(say(lang, "PUE expected of the whole year", "全年预测 PUE"), number(forecast.value, 4)),
        said(say(lang, "interval, nineteen times in twenty", "预测区间（95 %）"), interval),
        said(
            say(lang, "how the rest was foreseen", "预测方法"),
            words::forecast_method(lang, forecast.method),
        ),
        fact(
            say(lang, "IT energy of the rest, kWh", "剩余时段信息设备能耗（kWh）"),
            number(forecast.remaining_it_kwh, 0),
        ),
        fact(say(lang, "PUE of the rest", "剩余时段 PUE"), number(forecast.remaining_pue, 4)),
        fact(say(lang, "if the last 30 days went on", "按最近 30 天外推"), number(forecast.naive, 4)),
    ]
}

fn row(of: &Budget, lang: Lang) -> Vec<Cell> {
    let (tone, state) = words::state(lang, of.state);
    let [year, month, week, day] = of.burn_rates.map(|rate| if_any(rate, |rate| number(rate, 3)));
    vec![
        Cell::text(of.target.clone()),
        Cell::text(words::requirement(lang, "pue", of.operator, of.limit)),
        if_any(of.permitted, |pue| number(pue, 4)),
        if_any(of.overhead_left_kwh, |kwh| number(kwh, 0)),
        if_any(of.lasts_days, |days| number(days, 1)),
        year,
        month,
        week,
        day,
        if_any(of.breach_probability, share),
        Cell::Told { tone, shown: state.to_owned() },
    ]
}
