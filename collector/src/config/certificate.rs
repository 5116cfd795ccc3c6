//! Certificates and contracts for renewable electricity. Source: domain.md 2.4, 3, 4.1.

use super::rating;
use super::span::Written;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Document, Measure, Place, Table, Value};
use wattledger_model::meter::Kind;
use wattledger_model::time::Interval;
use wattledger_model::unit::Quantity;

use chrono::NaiveDate;

/// What a claim to renewable electricity rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertificateKind {
    /// Guarantees of origin.
    GuaranteeOfOrigin,
    /// Chinese green electricity certificates, of 1 MWh each.
    GreenElectricity,
    /// A power purchase agreement, with its guarantees.
    PowerPurchase,
    /// Generation on the site, with its guarantees.
    OnSite,
}

impl CertificateKind {
    const WORDS: [(&'static str, CertificateKind); 4] = [
        ("goo", CertificateKind::GuaranteeOfOrigin),
        ("gec", CertificateKind::GreenElectricity),
        ("ppa", CertificateKind::PowerPurchase),
        ("on-site", CertificateKind::OnSite),
    ];

    /// The word used in configuration and reports.
    pub fn word(self) -> &'static str {
        CertificateKind::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// Renewable electricity of a generation period, and what became of the right to claim it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it is.
    pub kind: CertificateKind,
    /// µWh in all; `None` of on-site generation whose meters tell.
    pub energy: Option<i128>,
    /// When it was generated.
    pub generated: Interval,
    /// The grid or market it was generated in.
    pub market: Option<String>,
    /// When it was retired for this facility; before that it counts nowhere.
    pub retired: Option<NaiveDate>,
    /// µWh whose right was sold: counts in no renewable share, whatever flowed.
    pub sold: i128,
    /// Its number in its register, or that of the contract.
    pub reference: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// Whether a region of the factor table lies in a market: it is that market, or a part of it as `cn-beijing` is of
/// `cn`. A claim needs the same market. Source: domain.md 4.1.
pub(crate) fn is_in_market(region: &str, market: &str) -> bool {
    region == market || region.strip_prefix(market).is_some_and(|part| part.starts_with('-'))
}

const UWH_PER_MWH: i128 = 1_000_000_000_000;

pub(super) fn read(tables: Vec<Table<'_>>, zone: Tz, grid: Option<&str>) -> Vec<Certificate> {
    tables.into_iter().filter_map(|mut table| read_one(&mut table, zone, grid)).collect()
}

fn read_one(table: &mut Table<'_>, zone: Tz, grid: Option<&str>) -> Option<Certificate> {
    let document = table.document();
    let kind = table.required("kind", document::choice(CertificateKind::WORDS));
    let on_site = kind.as_deref() == Some(&CertificateKind::OnSite);
    let energy = if on_site { table.optional("energy", energy) } else { table.required("energy", energy) };
    let generated = Written::read(table);
    if !(table.has("from") && table.has("to")) {
        document.missing(table.place(), "`from` and `to` of the generation are missing");
    }
    let market = table.optional("market", document::string);
    if let (Some(market), Some(grid)) = (&market, grid)
        && !is_in_market(grid, &market.value)
    {
        let message = format!(
            "the market `{}` is not the facility's grid `{grid}`: a claim needs the same market",
            market.value
        );
        document.warning(market.place, message);
    }
    let retired = table.optional("retired", document::date);
    if !table.has("retired") {
        document
            .warning(table.place(), "not `retired`: it counts neither in REF nor in the market-based figure");
    }
    let sold = table.optional("sold", energy_or_zero);
    if let (Some(sold), Some(energy)) = (&sold, &energy)
        && sold.value > energy.value
    {
        document.error(sold.place, "more is `sold` than there is `energy`");
    }
    if let (Some(CertificateKind::GreenElectricity), Some(energy)) = (kind.as_deref(), &energy)
        && energy.value % UWH_PER_MWH != 0
    {
        document.error(
            energy.place,
            "a green electricity certificate is of 1 MWh: the energy is a whole number of MWh",
        );
    }
    let reference = table.optional("reference", document::string);
    let generated = generated.interval(document, zone);
    if !on_site && energy.is_none() {
        return None;
    }
    Some(Certificate {
        kind: kind?.value,
        energy: energy.map(|energy| energy.value),
        generated: generated?,
        market: market.map(|market| market.value),
        retired: retired.map(|date| date.value),
        sold: sold.map_or(0, |sold| sold.value),
        reference: reference.map(|reference| reference.value),
        place: table.place(),
    })
}

/// Energy above zero, in µWh.
fn energy(value: &Value<'_>) -> Result<i128, String> {
    match energy_or_zero(value)? {
        0 => Err("must be above zero".to_owned()),
        energy => Ok(energy),
    }
}

fn energy_or_zero(value: &Value<'_>) -> Result<i128, String> {
    let measure: Measure = document::measure(value)?;
    let wrong = || format!("is an energy such as \"400 MWh\", not {measure}");
    if measure.unit.quantity() != Quantity::Energy || measure.unit.kind() != Kind::Register {
        return Err(wrong());
    }
    rating::base_per_hour(measure).filter(|energy| *energy >= 0).ok_or_else(wrong)
}

/// Reports certificates that are counted twice, in one facility or in two.
pub(super) fn check_references<'c>(document: &Document<'_>, all: impl Iterator<Item = &'c Certificate>) {
    let mut seen: BTreeMap<(CertificateKind, &str), Place> = BTreeMap::new();
    for certificate in all {
        let Some(reference) = certificate.reference.as_deref() else { continue };
        if let Some(first) = seen.insert((certificate.kind, reference), certificate.place) {
            let message = format!(
                "certificate `{reference}` stands in line {} already; each is counted once, by its owner",
                first.line
            );
            document.error(certificate.place, message);
        }
    }
}
