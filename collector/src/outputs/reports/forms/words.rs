//! The words of forms and of the portfolio that stand in no template, in both languages.

use super::super::document::{Lang, Tone};
use crate::config::{CentreKind, CoalConvention, Method};
use wattledger_model::facility::{Climate, Scale, Stage};
use wattledger_model::meter::Kind;
use wattledger_model::role::Role;
use wattledger_model::target::TargetKind;

/// The same in every language: English, then Chinese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::outputs::reports) struct Words(
    pub(in crate::outputs::reports) &'static str,
    pub(in crate::outputs::reports) &'static str,
);

impl Words {
    /// The words in one language.
    pub(in crate::outputs::reports) const fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.0,
            Lang::Zh => self.1,
        }
    }
}

/// What puts parts of a sentence apart.
pub(in crate::outputs::reports) const COMMA: Words = Words(", ", "，");
/// What puts sentences apart that belong together.
pub(in crate::outputs::reports) const SEMICOLON: Words = Words("; ", "；");

pub(super) const DRAFT: Words = Words("draft form, not for filing", "草表，不得用于申报");
pub(super) const PRELIMINARY: Words =
    Words("preliminary: the period is not over", "临时数据：统计期尚未结束");
pub(in crate::outputs::reports) const MISSING: Words = Words("missing", "缺失");
pub(super) const YES_NO: [Words; 2] = [Words("no", "否"), Words("yes", "是")];
pub(in crate::outputs::reports) const NONE: Words = Words("none", "无");

pub(super) fn role(role: Role) -> Words {
    match role {
        Role::Utility => Words("grid supply", "市电"),
        Role::Generator => Words("generator output", "自备发电机输出"),
        Role::OnSiteRenewable => Words("on-site renewable generation", "现场可再生能源发电"),
        Role::Export => Words("export", "外送电量"),
        Role::UpsOutput => Words("UPS output", "UPS 输出端"),
        Role::PduOutput => Words("PDU output", "PDU 输出端"),
        Role::ItInput => Words("input of the IT equipment", "信息设备输入端"),
        Role::Cooling => Words("cooling", "制冷系统"),
        Role::Lighting => Words("lighting", "照明"),
        Role::PowerPath => Words("losses of the power path", "供配电系统损耗"),
        Role::Other => Words("other overhead", "其他辅助用能"),
        Role::Water => Words("water", "取水总量"),
        Role::ItLoad => Words("utilisation of the IT equipment", "信息设备负载率"),
        Role::Outdoor => Words("outdoor weather", "室外气象"),
        Role::Fuel => Words("fuel", "燃料"),
        Role::GeneratorFuel => Words("fuel of generators", "发电机燃料"),
        Role::DistrictCooling => Words("delivered cooling", "外购冷量"),
        Role::DistrictHeat => Words("delivered heat", "外购热量"),
        Role::HeatReuse => Words("reused heat", "外供余热"),
        Role::HeatRemoved => Words("heat removed", "排热量"),
        Role::StorageCharge => Words("charging of storage", "储能充电"),
        Role::StorageDischarge => Words("discharging of storage", "储能放电"),
        Role::PotableWater => Words("drinking water", "生活饮用水"),
        Role::RacksInUse => Words("racks in use", "在用机架数"),
        Role::ZoneTotal => Words("total of a zone", "分区总能耗"),
        Role::UpsInput => Words("UPS input", "UPS 输入端"),
    }
}

pub(super) fn kind(kind: Kind) -> Words {
    match kind {
        Kind::Register => Words("register", "累计量"),
        Kind::Power => Words("power", "功率"),
        Kind::Flow => Words("flow", "流量"),
        Kind::Gauge => Words("gauge", "状态量"),
    }
}

pub(super) fn centre(kind: CentreKind) -> Words {
    match kind {
        CentreKind::Enterprise => Words("enterprise", "企业自用"),
        CentreKind::Colocation => Words("colocation", "主机托管"),
        CentreKind::CoHosting => Words("co-hosting", "联合托管"),
    }
}

pub(super) fn stage(stage: Stage) -> Words {
    match stage {
        Stage::New => Words("new", "新建"),
        Stage::Extended => Words("extended", "扩建"),
        Stage::Existing => Words("existing", "既有"),
        Stage::Retrofitted => Words("retrofitted", "改造"),
    }
}

pub(super) fn climate(climate: Climate) -> Words {
    match climate {
        Climate::SevereCold => Words("severe cold", "严寒地区"),
        Climate::Cold => Words("cold", "寒冷地区"),
        Climate::HotSummerColdWinter => Words("hot summer, cold winter", "夏热冬冷地区"),
        Climate::HotSummerWarmWinter => Words("hot summer, warm winter", "夏热冬暖地区"),
        Climate::Mild => Words("mild", "温和地区"),
    }
}

pub(super) fn scale(scale: Scale) -> Words {
    match scale {
        Scale::Smaller => {
            Words("below large (fewer than 3 000 standard racks)", "中小型（不足3000个标准机架）")
        }
        Scale::Large => Words("large (3 000 to 9 999 standard racks)", "大型（3000至9999个标准机架）"),
        Scale::Hyperscale => {
            Words("hyperscale (10 000 standard racks and more)", "超大型（10000个及以上标准机架）")
        }
    }
}

pub(super) fn coal(convention: CoalConvention) -> Words {
    match convention {
        CoalConvention::Calorific => Words("electricity at its calorific value", "电力按当量值折算"),
        CoalConvention::GenerationEquivalent => {
            Words("electricity at its generation-equivalent value", "电力按等价值折算")
        }
    }
}

pub(super) fn non_electric(method: Method, converts: bool) -> Words {
    match (converts, method) {
        (false, _) => Words("none is metered: electricity alone is counted", "无计量的非电能源，仅计电能"),
        (true, Method::EnIso) => Words(
            "EN/ISO: fuel by its energy content, delivered cooling and heat by the factor of the supplying system",
            "EN/ISO方法：燃料按热值折算，外购冷量和热量按供应系统的折算系数计入",
        ),
        (true, Method::SourceWeighted) => Words(
            "source weighting of The Green Grid: energy content by the weight of its source",
            "The Green Grid来源加权法：能量按来源权重计入",
        ),
    }
}

pub(super) const RATIO_METHOD: Words = Words(
    "energies are summed over the time that both are covered, then divided; no ratio is averaged",
    "在两项能耗均有数据的时段内分别求和后相除，不对比值取平均",
);

/// The status of a figure, by its word.
pub(in crate::outputs::reports) fn status(word: &str) -> (Tone, Words) {
    match word {
        "ok" => (Tone::Good, Words("sufficiently covered", "数据充分")),
        "provisional" => (Tone::Caution, Words("provisional", "暂定值")),
        "undefined" => (Tone::Caution, Words("undefined: no IT energy", "无定义：信息设备能耗为零")),
        "implausible" => (Tone::Bad, Words("implausible", "数值不合理")),
        _ => (Tone::Caution, Words("no data", "无数据")),
    }
}

/// A verdict, by its word.
pub(in crate::outputs::reports) fn verdict(word: &str) -> (Tone, Words) {
    match word {
        "compliant" => (Tone::Good, Words("compliant", "符合")),
        "conditional_pass" => (Tone::Caution, Words("conditional pass", "有条件通过")),
        "conditional_fail" => (Tone::Caution, Words("conditional fail", "有条件不通过")),
        "non_compliant" => (Tone::Bad, Words("non-compliant", "不符合")),
        "pass_unguarded" => (Tone::Caution, Words("pass, without guard band", "通过（简单接受，无保护带）")),
        "fail_unguarded" => (Tone::Bad, Words("fail, without guard band", "不通过（简单接受，无保护带）")),
        _ => (Tone::Caution, Words("not assessable", "不予判定")),
    }
}

pub(super) fn target_kind(kind: TargetKind) -> Words {
    match kind {
        TargetKind::Facility => Words("each facility", "单个数据中心"),
        TargetKind::Average => Words("average of a group", "群体平均值"),
        TargetKind::Gate => Words("gate or duty", "准入条件或义务"),
    }
}
