//! Words of emission factors of electricity.

use super::super::document::Lang;
use super::{in_brackets, listed, named, say, told};
use crate::topology::Origin;
use crate::topology::note::{Extent, Finer, Note, Noted, Said, Years};
use wattledger_model::factor::FactorTable;

/// What a factor is, and from where it came for how much of the period.
pub(in super::super) fn factor_note(lang: Lang, noted: &Noted) -> String {
    let mut parts = vec![note(lang, &noted.note)];
    parts.extend(noted.over.iter().map(|(origin, minutes)| match origin {
        Origin::Series => told(
            lang,
            format!("{minutes} min of the period have a factor of their own"),
            format!("本期有 {minutes} min 采用时段因子"),
        ),
        Origin::Year { year: Some(year), .. } => told(
            lang,
            format!("{minutes} min of the period that of {year}"),
            format!("本期有 {minutes} min 采用 {year} 年因子"),
        ),
        Origin::Year { year: None, .. } => told(
            lang,
            format!("{minutes} min of the period the constant one"),
            format!("本期有 {minutes} min 采用固定因子"),
        ),
    }));
    listed(lang, &parts)
}

fn note(lang: Lang, note: &Note) -> String {
    let years = years(lang, &note.years);
    let finer = match &note.finer {
        None => return years,
        Some(Finer::Unusable { why }) => {
            let refused = say(lang, "the series by interval cannot be used", "分时因子序列无法使用");
            return in_brackets(lang, &years, &super::with(lang, refused, why));
        }
        Some(Finer::Series { file, of }) => {
            let series = told(lang, format!("series {file}"), format!("分时因子序列 {file}"));
            of.as_ref().map_or(series.clone(), |of| in_brackets(lang, &series, &extent(lang, of)))
        }
        Some(Finer::Gauge { meter, unit, step_minutes, said }) => {
            let gauge = told(
                lang,
                format!("gauge {meter} in {unit}, every {step_minutes} min"),
                format!("分时因子计量点 {meter}（{unit}，每 {step_minutes} min）"),
            );
            said.as_ref().map_or(gauge.clone(), |said| in_brackets(lang, &gauge, &heard(lang, said)))
        }
    };
    let otherwise = told(lang, format!("elsewhere {years}"), format!("其余时段采用{years}"));
    listed(lang, &[finer, otherwise])
}

fn years(lang: Lang, years: &Years) -> String {
    match years {
        Years::Constant { kg_per_kwh, year, source } => {
            let year = year.map(|year| told(lang, format!("of {year}"), format!("{year} 年")));
            let source = source.as_ref().map(|source| named(lang, source).to_owned());
            let said: Vec<String> = year.into_iter().chain(source).collect();
            let factor = format!("{kg_per_kwh} kg/kWh");
            if said.is_empty() { factor } else { in_brackets(lang, &factor, &listed(lang, &said)) }
        }
        Years::Grid { region, table, version } => {
            let regions = &FactorTable::embedded().regions;
            let title = regions
                .iter()
                .find(|known| known.id == *region)
                .map_or(region.as_str(), |known| named(lang, &known.title));
            told(
                lang,
                format!("grid, {title} ({region}), table {table} {version}"),
                format!("电网排放因子：{title}（{region}），因子表 {table} {version}"),
            )
        }
    }
}

fn heard(lang: Lang, said: &Said) -> String {
    let of = said.of.as_ref().map(|of| extent(lang, of));
    let mut parts = vec![of.unwrap_or_else(|| say(lang, "nothing yet", "尚无数据").to_owned())];
    if said.unbelieved_minutes > 0 {
        let minutes = said.unbelieved_minutes;
        parts.push(told(
            lang,
            format!("{minutes} min left out, whose values no electricity gives off"),
            format!("剔除不合理数值 {minutes} min"),
        ));
    }
    listed(lang, &parts)
}

fn extent(lang: Lang, of: &Extent) -> String {
    let Extent { from, to, holes } = of;
    let mut parts = vec![told(lang, format!("{from} to {to}"), format!("{from} 至 {to}"))];
    parts.extend(holes.as_ref().map(|holes| {
        let (count, minutes, first) = (holes.count, holes.minutes, &holes.first);
        let holes = if count == 1 { "hole" } else { "holes" };
        told(
            lang,
            format!("without {minutes} min in {count} {holes}, from {first} on"),
            format!("其中 {count} 处共 {minutes} min 缺失，首处自 {first} 起"),
        )
    }));
    listed(lang, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_named_with_its_table_and_a_series_with_what_stands_in() {
        let years =
            Years::Grid { region: "cn-beijing".to_owned(), table: "cn".to_owned(), version: "1".to_owned() };
        let plain = Noted { note: Note { finer: None, years: years.clone() }, over: Vec::new() };
        assert_eq!(factor_note(Lang::Zh, &plain), "电网排放因子：北京（cn-beijing），因子表 cn 1");
        assert_eq!(factor_note(Lang::En, &plain), "grid, Beijing (cn-beijing), table cn 1");
        let of =
            Extent { from: "2026-01-01 00:00".to_owned(), to: "2026-02-01 00:00".to_owned(), holes: None };
        let finer = Some(Finer::Series { file: "f.csv".to_owned(), of: Some(of) });
        let year = Origin::Year {
            year: Some(2023),
            is_substitute: true,
            is_unconfirmed: false,
            instead_of_series: true,
        };
        let noted = Noted { note: Note { finer, years }, over: vec![(Origin::Series, 60), (year, 5)] };
        assert_eq!(
            factor_note(Lang::Zh, &noted),
            "分时因子序列 f.csv（2026-01-01 00:00 至 2026-02-01 00:00）；其余时段采用电网排放因子：北京（cn-beijing），\
             因子表 cn 1；本期有 60 min 采用时段因子；本期有 5 min 采用 2023 年因子"
        );
    }
}
