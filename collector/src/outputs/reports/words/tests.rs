use super::super::content::NotKnown;
use super::super::document::{Lang, Tone};
use super::super::figures::{BY_INTERVAL, BY_YEAR};
use super::super::market::{REST_BY_LOCATION, REST_BY_RESIDUAL, REST_BY_SUPPLIER};
use super::super::uncertainty::{Current, Exactness};
use super::*;
use crate::indicators::Indicator;
use crate::indicators::carbon::RestBy;
use crate::indicators::claim::Refusal;
use crate::indicators::uncertainty::Unknown;
use crate::indicators::verdict::{Reason, Verdict};
use crate::targets::State;
use crate::topology::Problem;
use wattledger_model::calendar::Window;
use wattledger_model::instrument::{Accuracy, CurrentPath, CurrentTransformerClass, MeterClass};
use wattledger_model::meter::{Form, Kind};
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::role::Role;

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Both languages have words, each its own.
fn both(words: impl Fn(Lang) -> String) {
    let (en, zh) = (words(Lang::En), words(Lang::Zh));
    assert!(en.chars().any(|c| c.is_ascii_alphabetic()) && !en.chars().any(is_chinese), "{en}");
    assert!(zh.chars().any(is_chinese), "{en}: {zh}");
}

#[test]
fn every_vocabulary_has_its_words_in_both_languages() {
    Role::ALL.iter().for_each(|of| both(|lang| role(lang, of.word()).to_owned()));
    Kind::ALL.iter().for_each(|of| both(|lang| kind(lang, of.word()).to_owned()));
    Form::ALL.iter().for_each(|of| both(|lang| form(lang, of.word()).to_owned()));
    StepClass::ALL.iter().for_each(|of| both(|lang| step(lang, of.word()).to_owned()));
    Indicator::ALL.iter().for_each(|of| both(|lang| indicator(lang, of.word()).to_owned()));
    Verdict::ALL.iter().for_each(|of| both(|lang| verdict(lang, of.word()).to_owned()));
    Window::ALL.iter().for_each(|of| both(|lang| window(lang, of.label()).to_owned()));
    for word in ["facility", "average", "gate"] {
        both(|lang| target_kind(lang, word).to_owned());
    }
    for word in ["ok", "provisional", "undefined", "implausible", "no-data"] {
        both(|lang| status(lang, word).1.to_owned());
    }
    for word in ["long", "entry"] {
        both(|lang| step(lang, word).to_owned());
    }
    Provenance::ALL.iter().for_each(|of| both(|lang| provenance(lang, of.word()).to_owned()));
    for word in ["exclude", "entry", "settle", "exchange"] {
        both(|lang| correction(lang, word).to_owned());
    }
    for word in ["goo", "gec", "ppa", "on-site"] {
        both(|lang| claim(lang, word).to_owned());
    }
    for of in [RestBy::Supplier, RestBy::Residual, RestBy::Location] {
        both(|lang| rest_by(lang, of.word()).to_owned());
    }
    for word in ["weather", "season", "mirrored", "recent"] {
        both(|lang| forecast_method(lang, word).to_owned());
    }
    for of in [State::OnCourse, State::Warning, State::Critical, State::Lost, State::Unknown] {
        both(|lang| state(lang, of).1.to_owned());
    }
    for method in [BY_YEAR, BY_INTERVAL, REST_BY_SUPPLIER, REST_BY_RESIDUAL, REST_BY_LOCATION] {
        both(|lang| carbon_method(lang, method).to_owned());
    }
    both(|lang| carbon_basis(lang, "location-based").to_owned());
    both(|lang| carbon_basis(lang, "market-based").to_owned());
    (1..=3).for_each(|of| both(|lang| class(lang, of)));
    [true, false].into_iter().for_each(|is| both(|lang| decision_rule(lang, is).to_owned()));
}

#[test]
fn every_reason_has_its_words_in_both_languages() {
    let reasons = [
        Reason::NotForOneFacility,
        Reason::About { indicator: "tce".to_owned() },
        Reason::Category0,
        Reason::NoCategory,
        Reason::NotOver,
        Reason::NothingCovered,
        Reason::NoItEnergy,
        Reason::BelowOne,
        Reason::Implausible,
        Reason::Coverage { is: 0.861_9, needed: 0.99 },
        Reason::LongGaps { count: 3 },
        Reason::UncertaintyUnknown,
        Reason::SimpleAcceptance,
        Reason::HorizonPassed,
    ];
    reasons.iter().for_each(|of| both(|lang| reason(lang, of)));
    let coverage = Reason::Coverage { is: 0.861_9, needed: 0.99 };
    assert_eq!(reason(Lang::Zh, &coverage), "数据覆盖率 86.19 %，低于判定所需的 99 %");
    for of in [Problem::NothingMetered, Problem::NoTotal, Problem::NoItEnergy] {
        both(|lang| problem(lang, of));
    }
    for of in [NotKnown::Both, NotKnown::FacilityEnergy, NotKnown::ItEnergy, NotKnown::Split] {
        both(|lang| not_known(lang, of).to_owned());
    }
    let unknown_channels = [
        Unknown::NoInstrument,
        Unknown::NoAccuracy,
        Unknown::NoCurrentPath,
        Unknown::NoRatedLoad,
        Unknown::LoadTooLow { what: "meter", load: 0.5, lowest: 5.0 },
        Unknown::LoadTooHigh { load: 130.0, highest: 120.0 },
        Unknown::NoLimit(-1.0),
    ];
    let refusals = [
        Refusal::NotRetired,
        Refusal::Sold,
        Refusal::Twice,
        Refusal::Impossible,
        Refusal::NoAmount,
        Refusal::OtherMarket,
        Refusal::OtherPeriod,
        Refusal::NotUsed,
        Refusal::Unused,
    ];
    refusals.into_iter().for_each(|of| both(|lang| refused(lang, of).to_owned()));
    unknown_channels.into_iter().for_each(|of| both(|lang| unknown(lang, of)));
}

#[test]
fn instruments_are_named_by_their_classes() {
    let of = |accuracy| exactness(Lang::Zh, Exactness(accuracy));
    assert_eq!(of(Accuracy::Class(MeterClass::S05)), "0.5S 级");
    assert_eq!(of(Accuracy::LimitPercent(0.3)), "最大允许误差 ±0.3 %");
    assert_eq!(of(Accuracy::ChannelPercent(0.8)), "整个测量通道 U = 0.8 %（k = 2）");
    let through = CurrentPath::Transformer(CurrentTransformerClass::Half);
    assert_eq!(current(Lang::Zh, Current(through)), "电流互感器 0.5 级");
    assert_eq!(current(Lang::En, Current(CurrentPath::Direct)), "direct");
}

#[test]
fn a_verdict_is_never_told_by_its_tone_alone_and_a_pass_without_guard_band_says_so() {
    for of in Verdict::ALL {
        let expected = match of.meets() {
            Some(true) if of != Verdict::ConditionalPass => Tone::Good,
            Some(false) if of != Verdict::ConditionalFail => Tone::Bad,
            _ => Tone::Caution,
        };
        assert_eq!(tone(of.word()), expected, "{of:?}");
    }
    assert!(verdict(Lang::Zh, "pass_unguarded").contains("无保护带"));
    assert!(verdict(Lang::En, "pass_unguarded").contains("without guard band"));
    assert_eq!(requirement(Lang::Zh, "energy-ratio", "<=", 1.5), "电能比 ≤ 1.5");
}
