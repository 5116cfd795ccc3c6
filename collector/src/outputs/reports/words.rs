//! The words of documents, in every language that they are laid out in.
//!
//! Tags, enums and shipped tables have their words here, each beside its other languages; headings and sentences stand
//! where they are laid out, both languages side by side. Terms in Chinese are those of GB 40879-2021,
//! GB/T 32910.3-2016 (PUE), GB 17167 (meters), JJF 1059.1 and GB/T 27430 (uncertainty and conformity), and of the
//! Chinese edition of the GHG Protocol's Scope 2 guidance (carbon). What has no words here is shown as it stands:
//! names, units, notation, and what an operator wrote.

mod amended;
mod factor;
mod indicator;
mod meter;
mod method;
mod named;
mod verdict;

#[cfg(test)]
mod tests;

pub(super) use amended::{claim, correction, forecast_method, refused, rest_by, state};
pub(super) use factor::factor_note;
pub(super) use indicator::indicator;
pub(super) use meter::{
    class, current, exactness, form, kind, not_known, provenance, role, step, unit, unknown,
};
pub(super) use method::{carbon_basis, carbon_method, cause, conversion, decision_rule, uncertainty};
pub(super) use named::named;
pub(super) use verdict::{horizon, problem, reason, requirement, target_kind, tone, verdict, window};

use super::document::{Lang, Tone};

/// The words of a language, of both.
pub(super) const fn say(lang: Lang, en: &'static str, zh: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// Words that are told.
pub(super) fn told(lang: Lang, en: String, zh: String) -> String {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// Statements in one line, one after the other.
pub(super) fn listed(lang: Lang, statements: &[String]) -> String {
    statements.join(say(lang, "; ", "；"))
}

/// A name with what it is.
pub(super) fn with(lang: Lang, name: &str, is: &str) -> String {
    format!("{name}{}{is}", say(lang, ": ", "："))
}

/// What is added to something.
pub(super) fn in_brackets(lang: Lang, what: &str, added: &str) -> String {
    match lang {
        Lang::En => format!("{what} ({added})"),
        Lang::Zh => format!("{what}（{added}）"),
    }
}

/// Whether something is so.
pub(super) const fn yes_or_no(lang: Lang, is: bool) -> &'static str {
    if is { say(lang, "yes", "是") } else { say(lang, "no", "否") }
}

/// The status of a figure, and how it is to be taken.
pub(super) fn status(lang: Lang, word: &'static str) -> (Tone, &'static str) {
    match word {
        "ok" => (Tone::Good, say(lang, "sufficiently covered", "数据充分")),
        "provisional" => (Tone::Caution, say(lang, "provisional", "暂定值")),
        "undefined" => (Tone::Caution, say(lang, "undefined: no IT energy", "无定义：信息设备能耗为零")),
        "implausible" => (Tone::Bad, say(lang, "implausible", "数值不合理")),
        "no-data" => (Tone::Caution, say(lang, "no data", "无数据")),
        other => (Tone::Neutral, other),
    }
}
