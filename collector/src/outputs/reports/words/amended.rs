//! Words of claims, corrections and budgets.

use super::super::document::{Lang, Tone};
use super::say;
use crate::indicators::claim::Refusal;
use crate::targets::State;

/// How the rest of a year was foreseen, by the tag. Source: domain.md 7.2.
pub(in super::super) fn forecast_method(lang: Lang, method: &'static str) -> &'static str {
    match method {
        "weather" => say(
            lang,
            "how the overhead answers to outdoor temperature, and last year's temperatures",
            "辅助用能对室外气温的响应，结合上年气温",
        ),
        "season" => say(
            lang,
            "last year's season, and how this year differed from it so far",
            "上年季节分布，并按今年已有偏差修正",
        ),
        "mirrored" => say(lang, "the other side of this year's summer", "以今年夏季另一侧的对称时段推定"),
        "recent" => say(lang, "the last 30 days", "最近 30 天"),
        other => other,
    }
}

/// How a year's budget stands.
pub(in super::super) const fn state(lang: Lang, state: State) -> (Tone, &'static str) {
    match state {
        State::OnCourse => (Tone::Good, say(lang, "on course", "预计达标")),
        State::Warning => (Tone::Caution, say(lang, "warning", "预计超限")),
        State::Critical => (Tone::Bad, say(lang, "critical", "严重")),
        State::Lost => (Tone::Bad, say(lang, "lost", "已无法达标")),
        State::Unknown => (Tone::Neutral, say(lang, "unknown", "数据不足")),
    }
}

/// A kind of correction by its tag.
pub(in super::super) fn correction(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "exclude" => say(lang, "readings excluded", "剔除读数"),
        "entry" => say(lang, "amount entered", "补录缺失量"),
        "settle" => say(lang, "step settled", "核定异常区间"),
        "exchange" => say(lang, "instrument exchanged", "更换计量器具"),
        other => other,
    }
}

/// What a claim rests on, by its tag.
pub(in super::super) fn claim(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "goo" => say(lang, "guarantee of origin", "来源担保证书"),
        "gec" => say(lang, "green electricity certificate", "绿色电力证书（绿证）"),
        "ppa" => say(lang, "power purchase agreement", "购电协议"),
        "on-site" => say(lang, "own generation on site", "现场自发自用"),
        other => other,
    }
}

/// By which factor counts what nothing claims, by its tag.
pub(in super::super) fn rest_by(lang: Lang, word: &'static str) -> &'static str {
    match word {
        "supplier" => say(lang, "the supplier's factor", "供电商排放因子"),
        "residual-mix" => say(lang, "the residual mix", "剩余电力组合因子"),
        "location" => say(
            lang,
            "the location-based factor: neither a supplier's factor nor a residual mix is declared",
            "基于位置法的因子：未声明供电商因子或剩余电力组合因子",
        ),
        other => other,
    }
}

/// Why a claim does not count.
pub(in super::super) const fn refused(lang: Lang, why: Refusal) -> &'static str {
    let zh = match why {
        Refusal::NotRetired => "凭证未注销",
        Refusal::Sold => "凭证权益已转售",
        Refusal::Twice => "同一批次重复声明",
        Refusal::Impossible => "数量为负，或转售量超过持有量",
        Refusal::NoAmount => "凭证和计量表均未给出数量",
        Refusal::OtherMarket => "凭证属于其他市场",
        Refusal::OtherPeriod => "电量产生于其他期间",
        Refusal::NotUsed => "自发电量未全部自用，或已被其他声明占用",
        Refusal::Unused => "无剩余用电量可供声明",
    };
    say(lang, why.words(), zh)
}
