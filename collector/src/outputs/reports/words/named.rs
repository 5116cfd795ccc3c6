//! Chinese for what the shipped tables say in English: scopes and documents of targets, sources of factors.
//!
//! What is not here, such as an operator's own words or the title of a document, is shown as it stands.

use super::super::document::Lang;

/// What a shipped table says, in a language.
pub(in super::super) fn named(lang: Lang, english: &str) -> &str {
    match lang {
        Lang::En => english,
        Lang::Zh => NAMED.iter().find(|(en, _)| *en == english).map_or(english, |(_, zh)| *zh),
    }
}

/// `(as it stands in a table, in Chinese)`.
const NAMED: &[(&str, &str)] = &[
    // Scopes of targets.
    ("any facility", "任何数据中心"),
    (
        "facility in a hub node or in a severe-cold or cold region",
        "位于国家枢纽节点或严寒、寒冷地区的数据中心",
    ),
    ("IDC after retrofit", "改造后的互联网数据中心"),
    ("new large cloud data centre", "新建大型云计算数据中心"),
    ("new data centre", "新建数据中心"),
    ("new large or hyperscale data centre", "新建大型、超大型数据中心"),
    ("large or hyperscale data centre, by design", "大型、超大型数据中心（设计值）"),
    ("existing large or hyperscale data centre after retrofit", "改造后的既有大型、超大型数据中心"),
    (
        "large or hyperscale data centre in operation, old or new",
        "在运行的大型、超大型数据中心（新建和既有）",
    ),
    ("new data centre, large and above", "新建大型及以上数据中心"),
    (
        "new data centre, large and above, in a severe-cold or cold region",
        "严寒和寒冷地区新建大型及以上数据中心",
    ),
    ("new edge data centre (at most 100 standard racks)", "新建边缘数据中心（不超过 100 个标准机架）"),
    ("national", "全国"),
    ("new large and hyperscale data centres, on average", "新建大型、超大型数据中心（平均值）"),
    (
        "new large and hyperscale data centres in national hub nodes, on average",
        "国家枢纽节点新建大型、超大型数据中心（平均值）",
    ),
    ("each new large or hyperscale data centre", "各新建大型、超大型数据中心"),
    ("any facility: above it a retrofit is due", "任何数据中心：超过即须进行节能降碳改造"),
    (
        "region, facilities a year old and more: below it no new large projects",
        "区域内投运满一年的数据中心：低于即不得新建大型项目",
    ),
    ("western region", "西部地区"),
    (
        "any facility: above it a key energy user, t of coal equivalent a year",
        "任何数据中心：年综合能耗（tce）超过即列为重点用能单位",
    ),
    (
        "any facility: above it a yearly entry in the register, standard racks of 2.5 kW",
        "任何数据中心：标准机架（2.5 kW）数超过即须每年填报",
    ),
    (
        "new data centre, large and above: green low-carbon grade in A",
        "新建大型及以上数据中心：绿色低碳等级（A）",
    ),
    ("grade 1", "1 级"),
    ("grade 2", "2 级"),
    ("any facility: grade 3, the limit value", "任何数据中心：3 级（限定值）"),
    ("new or extended large or hyperscale data centre", "新建及改扩建大型、超大型数据中心"),
    ("new or extended data centre in a national hub node", "国家枢纽节点新建及改扩建数据中心"),
    ("new data centre in a national hub node: share of green power", "国家枢纽节点新建数据中心：绿电占比"),
    ("candidate for the national selection of green data centres", "国家绿色数据中心推荐对象"),
    (
        "candidate for the national selection of green data centres: standard racks",
        "国家绿色数据中心推荐对象：标准机架数",
    ),
    (
        "candidate for the national selection of green data centres: grade 2 of GB 40879",
        "国家绿色数据中心推荐对象：GB 40879 能效 2 级",
    ),
    (
        "candidate for the national selection of green data centres: level 2 of GB/T 44989-2024 or better",
        "国家绿色数据中心推荐对象：GB/T 44989-2024 2 级及以上",
    ),
    (
        "any facility: from here on a yearly report to the national scheme or the European database, installed IT power in kW",
        "任何数据中心：信息设备额定功率（kW）达到即须每年向成员国或欧盟数据库报告",
    ),
    // Documents of targets.
    (
        "operator's own target, modelled on 发改高技〔2021〕1742号 for each new large or hyperscale data centre",
        "运营方自定目标，参照发改高技〔2021〕1742号对各新建大型、超大型数据中心的要求",
    ),
    (
        "operator's own target, modelled on 发改高技〔2021〕1742号 for national hub nodes and on 工信部通信〔2021〕76号 for severe-cold and cold regions",
        "运营方自定目标，参照发改高技〔2021〕1742号对国家枢纽节点的要求和工信部通信〔2021〕76号对严寒和寒冷地区的要求",
    ),
    ("工信部通信〔2021〕76号, 发改高技〔2021〕1742号", "工信部通信〔2021〕76号、发改高技〔2021〕1742号"),
    ("数据中心绿色低碳发展专项行动计划 (2024)", "数据中心绿色低碳发展专项行动计划（2024 年）"),
    (
        "数据中心绿色低碳发展专项行动计划 (2024), by a secondary source",
        "数据中心绿色低碳发展专项行动计划（2024 年），引自二手资料",
    ),
    ("national green data-centre selection of 2025", "2025 年度国家绿色数据中心推荐工作"),
    (
        "national green data-centre selection of 2025; GB 40879-2021",
        "2025 年度国家绿色数据中心推荐工作；GB 40879-2021",
    ),
    (
        "national green data-centre selection of 2025; GB/T 44989-2024",
        "2025 年度国家绿色数据中心推荐工作；GB/T 44989-2024",
    ),
    (
        "Directive (EU) 2023/1791 art. 12; Delegated Regulation (EU) 2024/1364",
        "欧盟指令 (EU) 2023/1791 第 12 条；授权条例 (EU) 2024/1364",
    ),
    // Sources of emission factors of electricity.
    ("announcement 12 of 2024", "2024 年第 12 号公告"),
    ("official notice, not consulted", "官方公告（未查阅原文）"),
    ("announcement 47 of 2025 (2025-12-31)", "2025 年第 47 号公告（2025-12-31）"),
    // Regions of the factor table.
    ("China, national average", "全国平均"),
    (
        "China, national average without market-traded non-fossil electricity",
        "全国平均（不含市场化交易的非化石能源电量）",
    ),
    ("China, fossil electricity", "全国化石能源电力"),
    ("North China grid", "华北区域"),
    ("Northeast China grid", "东北区域"),
    ("East China grid", "华东区域"),
    ("Central China grid", "华中区域"),
    ("Northwest China grid", "西北区域"),
    ("South China grid", "南方区域"),
    ("Southwest China grid", "西南区域"),
    ("Beijing", "北京"),
    ("Tianjin", "天津"),
    ("Hebei", "河北"),
    ("Shanxi", "山西"),
    ("Inner Mongolia", "内蒙古"),
    ("Liaoning", "辽宁"),
    ("Jilin", "吉林"),
    ("Heilongjiang", "黑龙江"),
    ("Shanghai", "上海"),
    ("Jiangsu", "江苏"),
    ("Zhejiang", "浙江"),
    ("Anhui", "安徽"),
    ("Fujian", "福建"),
    ("Jiangxi", "江西"),
    ("Shandong", "山东"),
    ("Henan", "河南"),
    ("Hubei", "湖北"),
    ("Hunan", "湖南"),
    ("Guangdong", "广东"),
    ("Guangxi", "广西"),
    ("Hainan", "海南"),
    ("Chongqing", "重庆"),
    ("Sichuan", "四川"),
    ("Guizhou", "贵州"),
    ("Yunnan", "云南"),
    ("Shaanxi", "陕西"),
    ("Gansu", "甘肃"),
    ("Qinghai", "青海"),
    ("Ningxia", "宁夏"),
    ("Xinjiang", "新疆"),
    // Sources of energy contents, weights and factors of fuels.
    ("The Green Grid WP49, global", "The Green Grid WP49，全球值"),
    ("The Green Grid WP49, global: other fuels", "The Green Grid WP49，全球值：其他燃料"),
    ("GB/T 2589-2020, calorific value (当量值)", "GB/T 2589-2020，当量值"),
    (
        "provincial schemes, generation-equivalent value (等价值); an example, name your scheme's own",
        "部分省份采用的等价值（示例，应注明所执行的规定）",
    ),
    ("EN 50600-4 factsheet", "EN 50600-4 资料"),
    ("usual density of diesel fuel", "柴油常用密度"),
    ("GB/T 2589-2020; some provincial rules have 1.2143", "GB/T 2589-2020；部分省份采用 1.2143"),
    (
        "no carbon; what its making emitted is not Scope 1 of its user",
        "不含碳；其生产过程的排放不属于使用方的范围一",
    ),
    ("usual density of ethanol", "乙醇常用密度"),
    (
        "biogenic carbon is reported beside the scopes, not in Scope 1",
        "生物源碳在各范围之外单独报告，不计入范围一",
    ),
    ("41.816 GJ/t, lower calorific value", "低位发热量 41.816 GJ/t"),
    ("usual density of heavy fuel oil", "重质燃料油常用密度"),
    ("43.070 GJ/t, lower calorific value", "低位发热量 43.070 GJ/t"),
    ("usual density of petrol", "汽油常用密度"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use wattledger_model::carrier::{CarrierTable, Cited};
    use wattledger_model::factor::FactorTable;
    use wattledger_model::target::TargetTable;

    /// Everything that the shipped tables say to people and that reaches a report.
    fn shipped() -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for target in TargetTable::embedded().iter().flat_map(|table| &table.targets) {
            all.extend([target.scope.clone(), target.document.clone()]);
        }
        let carriers = CarrierTable::embedded();
        let mut cited: Vec<&Cited> = vec![
            &carriers.electricity_weight,
            &carriers.electricity_calorific,
            &carriers.electricity_generation_equivalent,
            &carriers.district_weight,
        ];
        for fuel in &carriers.fuels {
            cited.extend([&fuel.content, &fuel.source_weight]);
            cited.extend(fuel.density.iter().chain(&fuel.coal).chain(&fuel.co2));
        }
        all.extend(cited.into_iter().map(|cited| cited.source.clone()));
        all.extend(FactorTable::embedded().regions.iter().map(|region| region.title.clone()));
        all.extend(FactorTable::embedded().sources.iter().map(|source| source.document.clone()));
        all
    }

    /// Whether there is an English word in it, and not symbols and numbers of documents alone.
    fn is_english(text: &str) -> bool {
        let words = text.split(|c: char| !c.is_ascii_alphabetic());
        words.filter(|word| word.len() > 2).any(|word| word.chars().all(|c| c.is_ascii_lowercase()))
    }

    #[test]
    fn all_that_shipped_tables_say_in_english_has_its_chinese() {
        for text in shipped() {
            let known = NAMED.iter().any(|(english, _)| *english == text);
            assert!(known || !is_english(&text), "`{text}` has no Chinese");
        }
    }

    #[test]
    fn every_region_has_its_chinese_name() {
        for region in &FactorTable::embedded().regions {
            assert_ne!(named(Lang::Zh, &region.title), region.title);
        }
    }

    #[test]
    fn nothing_is_said_twice_or_of_what_no_table_says() {
        let shipped = shipped();
        let mut seen = BTreeSet::new();
        for (english, chinese) in NAMED {
            assert!(shipped.contains(*english), "no table says `{english}`");
            assert!(seen.insert(english), "`{english}` twice");
            // `tce` is the unit.
            assert!(!is_english(&chinese.replace("tce", "")), "`{chinese}`");
            assert_eq!((named(Lang::Zh, english), named(Lang::En, english)), (*chinese, *english));
        }
        assert_eq!(named(Lang::Zh, "our own rule"), "our own rule");
    }
}
