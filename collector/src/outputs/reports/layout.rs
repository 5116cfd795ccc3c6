//! Lays a report out as a document in one language: the verdict first, then what it rests on. Source: domain.md 6.4.
//!
//! One function a section; headings and sentences stand in both languages side by side, vocabularies come from
//! [`super::words`]. Sections keep their names and their order in every language. What is not known is an empty cell
//! or is said in words: it is never zero. No number is made here: all are the report's.

mod amended;
mod budget;
mod carbon;
mod cells;
mod claims;
mod energy;
mod front;
mod indicators;
mod origin;
mod quality;
mod restated;
mod uncertainty;
mod verdicts;

use super::charts;
use super::content::Report;
use super::document::{Block, Document, Lang, SHAPE, Section};
use super::words::say;

/// The report as a document.
pub fn document(report: &Report, lang: Lang) -> Document {
    let sections = [
        Some(front::summary(report, lang)),
        Some(verdicts::section(report, lang)),
        Some(energy::boundary(report, lang)),
        Some(energy::energies(report, lang)),
        energy::parts(report, lang),
        energy::monthly(report, lang),
        charts(report, lang),
        Some(uncertainty::section(report, lang)),
        Some(quality::section(report, lang)),
        Some(energy::non_electric(report, lang)),
        Some(carbon::section(report, lang)),
        report.budget.as_ref().map(|of| budget::section(of, lang)),
        indicators::section(report, lang),
        Some(amended::corrections(report, lang)),
        report.restatement.as_ref().map(|of| restated::restatement(of, lang)),
        Some(origin::meters(report, lang)),
        Some(origin::method(report, lang)),
        Some(origin::provenance(report, lang)),
    ];
    Document {
        document: SHAPE,
        lang,
        title: report.facility.title.clone(),
        subtitle: front::subtitle(report, lang),
        mark: None,
        banners: front::banners(report, lang),
        sections: sections.into_iter().flatten().collect(),
        foot: front::foot(report, lang),
        made_at: report.versions.generated_at,
    }
}

fn section(name: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section { name, title: title.to_owned(), blocks }
}

/// The drawings, where there is anything to draw.
fn charts(report: &Report, lang: Lang) -> Option<Section> {
    let drawn = [charts::monthly_pue, charts::energy_split, charts::heat_map, charts::load_against_pue];
    let blocks: Vec<Block> =
        drawn.into_iter().filter_map(|draw| draw(report, lang)).map(Block::Chart).collect();
    (!blocks.is_empty()).then(|| section("charts", say(lang, "Charts", "图表"), blocks))
}
