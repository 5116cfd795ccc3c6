//! A digest of what a facility's points depend on beside the ledger: where it changes, they are written again.
//!
//! Everything is taken apart field by field, so that a field which is added later is either in it or left out in so
//! many words. What only tells people something is left out, and so is where in its file a thing is declared: a
//! comment above it moves that.

use super::points::nodes;
use crate::config::{Certificate, Facts, Sitting};
use crate::indicators::Term;
use crate::store::MeterId;
use crate::topology::outdoor::{Gauge, gauges};
use crate::topology::{Balance, Facility, KnownMeter, Topology, Zone};
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Write};

/// The digest of a facility, with its meters: uncertainties depend on how exact they are.
pub(super) fn definition(topology: &Topology, facility: &Facility) -> u32 {
    let mut digest = Digest(crc32fast::Hasher::new());
    digest.facility(facility);
    nodes(topology, facility).into_iter().for_each(|node| digest.node(&topology.balances[node]));
    gauges(topology, facility).iter().for_each(|gauge| digest.gauge(gauge));
    let meters = meters(topology, facility);
    meters.iter().filter_map(|meter| topology.meters.get(meter)).for_each(|known| digest.meter(known));
    digest.0.finalize()
}

/// The meters that any point of a facility looks at: where one of their hours changes, points are written again.
pub(super) fn meters(topology: &Topology, facility: &Facility) -> BTreeSet<MeterId> {
    let Facility {
        name: _,
        title: _,
        site: _,
        zone: _,
        targets: _,
        category: _,
        problem: _,
        total,
        it,
        it_levels,
        overhead,
        zones,
        water,
        potable_water,
        grid,
        export,
        on_site_renewable,
        generator,
        fuels,
        district_cooling,
        district_heat,
        heat_reuse,
        heat_removed,
        storage_charge,
        storage_discharge,
        it_load,
        racks_in_use,
        components,
        factor: _,
        factor_note: _,
        factor_origins: _,
        region: _,
        factor_gauge,
        supplier: _,
        residual: _,
        factors: _,
        // What they count as is in the total; what they measure, in the sums by role.
        entries: _,
        conversions: _,
        attributes: _,
        facts: _,
        certificates: _,
        // Those of the total and of IT energy.
        patience: _,
    } = facility;
    let plain = [
        total,
        it,
        water,
        potable_water,
        grid,
        export,
        on_site_renewable,
        generator,
        district_cooling,
        district_heat,
        heat_reuse,
        heat_removed,
        storage_charge,
        storage_discharge,
        it_load,
        racks_in_use,
    ];
    let nodes = nodes(topology, facility).into_iter().map(|node| topology.balances[node].residual());
    let nodes: Vec<Term> = nodes.flatten().collect();
    plain
        .into_iter()
        .flatten()
        .chain(it_levels.iter().flat_map(|level| &level.terms))
        .chain(overhead.iter().chain(components).flat_map(|(_, terms)| terms))
        .chain(zones.iter().flat_map(|zone| zone.total.iter().chain(&zone.it)))
        .chain(fuels.iter().flat_map(|fuel| &fuel.terms))
        .chain(&nodes)
        .map(|term| term.meter)
        .chain(factor_gauge.iter().map(|gauge| gauge.meter))
        .chain(gauges(topology, facility).into_iter().map(|gauge| gauge.meter))
        .collect()
}

struct Digest(crc32fast::Hasher);

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl Digest {
    fn add(&mut self, parts: &[&dyn Debug]) {
        for part in parts {
            writeln!(self, "{part:?}").expect("a digest takes any text");
        }
    }

    fn facility(&mut self, facility: &Facility) {
        let Facility {
            // Its points are kept under its name.
            name: _,
            title: _,
            site,
            zone,
            targets,
            category,
            problem,
            total,
            it,
            it_levels,
            overhead,
            zones,
            water,
            potable_water,
            grid,
            export,
            on_site_renewable,
            generator,
            fuels,
            district_cooling,
            district_heat,
            heat_reuse,
            heat_removed,
            storage_charge,
            storage_discharge,
            it_load,
            racks_in_use,
            components,
            factor,
            // Words for the weight, which is in it.
            factor_note: _,
            factor_origins,
            region,
            factor_gauge,
            supplier,
            residual,
            factors,
            entries,
            // Words for the entries.
            conversions: _,
            attributes,
            facts,
            certificates,
            // How long the horizon waits: that moves when points are written, not what they say.
            patience: _,
        } = facility;
        self.add(&[site, zone, targets, category, problem]);
        self.add(&[total, it, it_levels, overhead, water, potable_water, grid, export, on_site_renewable]);
        self.add(&[generator, fuels, district_cooling, district_heat, heat_reuse, heat_removed]);
        self.add(&[storage_charge, storage_discharge, it_load, racks_in_use, components]);
        self.add(&[factor, factor_origins, region, factor_gauge, supplier, residual, factors, entries]);
        self.add(&[attributes]);
        zones.iter().for_each(|zone| self.zone(zone));
        facts.iter().for_each(|facts| self.facts(facts));
        certificates.iter().for_each(|certificate| self.certificate(certificate));
    }

    fn node(&mut self, node: &Balance) {
        let Balance { site, parents, children } = node;
        self.add(&[site, parents, children]);
    }

    fn gauge(&mut self, gauge: &Gauge) {
        let Gauge { meter, during } = gauge;
        self.add(&[meter, during]);
    }

    fn zone(&mut self, zone: &Zone) {
        let Zone { name, title: _, total, it, category } = zone;
        self.add(&[name, total, it, category]);
    }

    fn facts(&mut self, facts: &Facts) {
        let Facts {
            from,
            racks,
            racks_in_use,
            standard_racks,
            compute_fp32_flops,
            it_rated_microwatts,
            place: _,
        } = facts;
        self.add(&[from, racks, racks_in_use, standard_racks, compute_fp32_flops, it_rated_microwatts]);
    }

    fn certificate(&mut self, certificate: &Certificate) {
        let Certificate { kind, energy, generated, market, retired, sold, reference, place: _ } = certificate;
        self.add(&[kind, energy, generated, market, retired, sold, reference]);
    }

    fn meter(&mut self, known: &KnownMeter) {
        let KnownMeter { id, declared, interpretation } = known;
        self.add(&[id, interpretation]);
        for sitting in &declared.instruments {
            let Sitting { instrument, reads, is_exchange, first, last, place: _ } = sitting;
            self.add(&[instrument, reads, is_exchange, first, last]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CollectorConfig;
    use crate::topology::Topology;
    use std::collections::BTreeMap;

    const PLANT: &str = r#"
[collector]
name = "campus"
data_dir = "/nowhere"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "s"
time_zone = "Europe/Berlin"
[[facility]]
name = "hall"
title = "Hall"
site = "s"
emission_factor = "0.4 kg/kWh"
racks = 100
#facility
[[zone]]
name = "z"
facility = "hall"
[[meter]]
name = "main"
site = "s"
kind = "register"
unit = "kWh"
#main
[[meter.claim]]
facility = "hall"
role = "utility"
[[meter]]
name = "it"
facility = "hall"
role = "ups-output"
kind = "register"
unit = "kWh"
[[meter]]
name = "other"
site = "s"
kind = "register"
unit = "kWh"
#other
[[meter]]
name = "busy"
site = "s"
kind = "gauge"
unit = "%"
#busy
"#;

    fn of(text: &str) -> u32 {
        let config = CollectorConfig::parse("c.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
        let numbers: BTreeMap<_, MeterId> =
            config.meters.iter().map(|meter| meter.key.clone()).zip(1..).collect();
        let topology = Topology::compile(&config, |key| numbers.get(key).copied());
        definition(&topology, &topology.facilities[0])
    }

    fn with(mark: &str, lines: &str) -> u32 {
        assert!(PLANT.contains(mark));
        of(&PLANT.replace(mark, lines))
    }

    #[test]
    fn whatever_a_figure_depends_on_is_in_the_digest() {
        let certificate = "[[facility.certificate]]\nkind = \"ppa\"\nenergy = \"5 MWh\"\nfrom = 2025-01-01\n\
                           to = 2026-01-01\nretired = 2026-01-15";
        let claim = |role: &str| format!("[[meter.claim]]\nfacility = \"hall\"\nrole = \"{role}\"");
        let changed = [
            ("supplier", with("#facility", "supplier_factor = \"0.1 kg/kWh\"")),
            ("residual", with("#facility", "residual_factor = \"0.6 kg/kWh\"")),
            ("factor", of(&PLANT.replace("0.4 kg", "0.41 kg"))),
            ("racks", of(&PLANT.replace("racks = 100", "racks = 101"))),
            ("zone", of(&PLANT.replace("name = \"z\"", "name = \"y\""))),
            ("certificate", with("#facility", certificate)),
            ("sold", with("#facility", &format!("{certificate}\nsold = \"1 MWh\""))),
            ("targets", with("#facility", "targets = [\"D125\"]")),
            ("export", with("#other", &claim("export"))),
            ("cooling", with("#other", &claim("cooling"))),
            ("it_load", with("#busy", &claim("it-load"))),
            ("instrument", with("#main", "class = \"0.5S\"")),
            ("fed", with("#other", "fed_by = [\"main\"]")),
            ("outdoor", with("#busy", &claim("outdoor"))),
        ];
        let mut seen = BTreeMap::from([(of(PLANT), "as it was")]);
        for (what, digest) in changed {
            assert_eq!(seen.insert(digest, what), None, "{what}");
        }
    }

    #[test]
    fn factors_of_a_series_are_in_the_digest_value_by_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("factors.csv");
        let with_value = |value: &str| {
            let rows = format!("time,kg/kWh\n2026-01-01T00:00:00Z,0.2\n2026-01-01T01:00:00Z,{value}\n");
            std::fs::write(&file, rows).expect("written");
            with("#facility", &format!("factor_series = \"{}\"", file.display()))
        };
        assert_ne!(with_value("0.3"), with_value("0.31"));
        assert_eq!(with_value("0.3"), with_value("0.3"));
        assert_ne!(with_value("0.3"), of(PLANT), "the series is read");
    }

    #[test]
    fn words_and_places_in_the_file_are_not() {
        for other in [
            PLANT.replace("title = \"Hall\"", "title = \"The hall\""),
            format!("# A comment.\n{PLANT}"),
            PLANT.replace("name = \"other\"", "name = \"others\""),
        ] {
            assert_eq!(of(&other), of(PLANT));
        }
    }
}
