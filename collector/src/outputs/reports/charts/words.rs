//! The words in and under drawings, in each language. Chinese terms: GB 40879-2021, GB/T 32910.3.

use super::super::document::Lang;
use wattledger_model::role::Role;

/// The words of one language.
pub(super) struct Words {
    pub(super) pue_axis: &'static str,
    pub(super) month_axis: &'static str,
    pub(super) hour_axis: &'static str,
    pub(super) load_axis: &'static str,
    pub(super) not_covered: &'static str,
    pub(super) it: &'static str,
    pub(super) rest: &'static str,
    pub(super) subsystem: fn(Role) -> &'static str,
    pub(super) monthly_title: &'static str,
    pub(super) monthly_note: &'static str,
    /// Of the least and the greatest PUE.
    pub(super) monthly_alt: fn(&[String; 2]) -> String,
    pub(super) split_title: &'static str,
    pub(super) split_note: &'static str,
    /// Of the share of IT and all energy.
    pub(super) split_alt: fn(&[String; 2]) -> String,
    pub(super) heat_title: &'static str,
    pub(super) heat_note: &'static str,
    /// Of the covered hours and of all.
    pub(super) heat_alt: fn(&[String; 2]) -> String,
    pub(super) load_title: &'static str,
    /// Of the hours that are left out.
    pub(super) load_note: fn(usize) -> String,
    /// Of the hours and the greatest load.
    pub(super) load_alt: fn(&[String; 2]) -> String,
}

pub(super) fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &ENGLISH,
        Lang::Zh => &CHINESE,
    }
}

const ENGLISH: Words = Words {
    pue_axis: "PUE",
    month_axis: "month, local time",
    hour_axis: "hour, local time",
    load_axis: "IT power, hourly mean, kW",
    not_covered: "not covered",
    it: "IT equipment",
    rest: "not metered by itself",
    subsystem: |role| match role {
        Role::Cooling => "cooling",
        Role::PowerPath => "losses of the power path",
        Role::Lighting => "lighting",
        _ => "other metered overhead",
    },
    monthly_title: "PUE by month",
    monthly_note: "Each mark is the facility's energy over IT energy of one month. Grey: its expanded uncertainty U \
                   (k = 2). A hollow mark is provisional, since too little of the month is covered. Dashed: targets.",
    monthly_alt: |[least, greatest]| format!("The monthly PUE lies between {least} and {greatest}."),
    split_title: "Where the energy went",
    split_note: "All energy that is booked in the period, by share of E_DC.",
    split_alt: |[share, all]| format!("IT equipment used {share} of {all}."),
    heat_title: "PUE by hour",
    heat_note: "Each cell is the PUE of one hour over the time that both energies are covered; darker is higher, blank \
                is not covered. The first and the last shade hold all that lies beyond.",
    heat_alt: |[covered, all]| format!("The PUE of {covered} of {all} hours by date and hour of the day."),
    load_title: "PUE by IT load",
    load_note: |left_out| {
        let left =
            if left_out == 0 { String::new() } else { format!(" {left_out} hours lie outside the drawing.") };
        format!(
            "Each square holds the hours of one load and PUE: up to 1, 3, 10, 30 or more, from light to dark.{left}"
        )
    },
    load_alt: |[hours, most]| format!("The PUE of {hours} hours against IT power of up to {most} kW."),
};

const CHINESE: Words = Words {
    pue_axis: "PUE",
    month_axis: "月份（当地时间）",
    hour_axis: "时刻（当地时间）",
    load_axis: "IT 设备小时平均功率，kW",
    not_covered: "无有效数据",
    it: "信息设备",
    rest: "未单独计量",
    subsystem: |role| match role {
        Role::Cooling => "制冷系统",
        Role::PowerPath => "供配电系统损耗",
        Role::Lighting => "照明",
        _ => "其他辅助用能",
    },
    monthly_title: "逐月电能使用效率（PUE）",
    monthly_note: "每个标记为当月数据中心总能耗与信息设备能耗之比。灰色：扩展不确定度 U（k = 2）。空心标记为暂定值：\
                   当月数据覆盖率不足。虚线：目标值。",
    monthly_alt: |[least, greatest]| format!("逐月 PUE 介于 {least} 与 {greatest} 之间。"),
    split_title: "能源去向",
    split_note: "报告期内入账的全部能耗，占总能耗 E_DC 的比例。",
    split_alt: |[share, all]| format!("信息设备占总能耗 {all} 的 {share}。"),
    heat_title: "逐时电能使用效率（PUE）",
    heat_note: "每格为一小时内两项能耗均有数据时段的 PUE；颜色越深数值越高，空白为无有效数据。首末两级包含超出范围的数值。",
    heat_alt: |[covered, all]| format!("{all} 小时中 {covered} 小时的 PUE，按日期和时刻排列。"),
    load_title: "电能使用效率（PUE）与 IT 负载",
    load_note: |left_out| {
        let left = if left_out == 0 {
            String::new()
        } else {
            format!("另有 {left_out} 小时超出图示范围。")
        };
        format!("每格表示相同负载与 PUE 的小时数：不超过 1、3、10、30 或更多，由浅到深。{left}")
    },
    load_alt: |[hours, most]| format!("{hours} 小时的 PUE 与 IT 功率（最高 {most} kW）。"),
};
