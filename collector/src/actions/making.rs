//! Makes the scheduled reports from the store as it is.

use crate::admin::ReportFormat;
use crate::admin::issue::IssueRequest;
use crate::audit::Who;
use crate::clock;
use crate::config::{About, CollectorConfig};
use crate::engine::service::EngineHandle;
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::issued::{self, Issued};
use crate::outputs::reports::schedule::{Due, Known, Made, MakeError, Maker};
use crate::outputs::reports::{self, Options, Printer};
use crate::store::{Layout, StoreError};
use crate::topology::Topology;
use crate::view::View;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use wattledger_model::name::Name;
use wattledger_model::time::{HOUR_MINUTES, Minute};

/// Makes reports for schedules.
pub struct Making {
    layout: Layout,
    topology: Arc<Topology>,
    config: Arc<CollectorConfig>,
    /// Kept between looks at how far the facilities are known.
    looking: Mutex<Option<View>>,
    /// Where reports are issued, and what waits for it; `None` where no engine runs.
    engine: Option<(EngineHandle, Handle)>,
}

fn failed(error: impl ToString) -> MakeError {
    MakeError(error.to_string())
}

impl Making {
    /// From a store.
    pub fn new(layout: Layout, topology: Arc<Topology>, config: Arc<CollectorConfig>) -> Making {
        Making { layout, topology, config, looking: Mutex::default(), engine: None }
    }

    /// With an engine to issue reports, and the runtime that waits for it.
    pub fn issuing(self, engine: EngineHandle, runtime: Handle) -> Making {
        Making { engine: Some((engine, runtime)), ..self }
    }

    /// The positions of the facilities that a report is about.
    fn facilities(&self, about: &About) -> Result<Vec<usize>, MakeError> {
        match about {
            About::Facility(name) => {
                let found = self.topology.facilities.iter().position(|facility| facility.name == *name);
                found.map(|at| vec![at]).ok_or_else(|| MakeError(format!("there is no facility `{name}`")))
            }
            About::Portfolio(name) => {
                let declared = self.config.portfolios.iter().find(|portfolio| portfolio.name == *name);
                let facilities = self.topology.facilities.iter().enumerate();
                // The portfolio of all needs no declaration.
                let belongs = |facility: &Name| declared.is_none_or(|one| one.facilities.contains(facility));
                Ok(facilities.filter(|(_, facility)| belongs(&facility.name)).map(|(at, _)| at).collect())
            }
        }
    }

    fn look(&self, view: &mut View, facilities: &[usize]) -> Result<Vec<Known>, StoreError> {
        view.begin()?;
        let known: Result<Vec<Known>, StoreError> = facilities
            .iter()
            .map(|&at| {
                Ok(Known {
                    zone: self.topology.facilities[at].zone,
                    horizon: view.horizon(at),
                    first: view.first_hour(at)?.map(|hour| Minute(hour * HOUR_MINUTES)),
                })
            })
            .collect();
        view.end()?;
        known
    }
}

impl Maker for Making {
    fn known(&self, about: &About) -> Result<Vec<Known>, MakeError> {
        let facilities = self.facilities(about)?;
        let mut kept = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = Some(View::open(&self.layout, Arc::clone(&self.topology)).map_err(failed)?);
        }
        match kept.as_mut() {
            Some(view) => self.look(view, &facilities).map_err(failed),
            None => Ok(Vec::new()),
        }
    }

    fn make(&self, due: &Due, wanted: &[(ReportFormat, Lang)]) -> Result<Vec<Made>, MakeError> {
        let printer = Printer::of(&self.config.reports);
        let options = Options { generated_at: clock::now(), configuration: &self.config };
        let open = || View::open(&self.layout, Arc::clone(&self.topology)).map_err(failed);
        let made = |format, lang, bytes| Made { bytes, file_name: due.file_name(format, lang) };
        let facility = match &due.about {
            About::Facility(name) => name.as_str(),
            About::Portfolio(name) => {
                let portfolio = reports::portfolio::make(&mut open()?, name.as_str(), &due.period, options);
                let portfolio = portfolio.map_err(failed)?;
                let write = |&(format, lang): &(ReportFormat, Lang)| {
                    let bytes = reports::write_portfolio(&portfolio, format, lang, &printer);
                    Ok(made(format, lang, bytes.map_err(failed)?))
                };
                return wanted.iter().map(write).collect();
            }
        };
        if let Some(form) = &due.form {
            let fill = |&(format, lang): &(ReportFormat, Lang)| {
                let filled =
                    reports::forms::document(&mut open()?, facility, &due.period, options, form, lang);
                let bytes = reports::print(&filled.map_err(failed)?, format, &[], &printer);
                Ok(made(format, lang, bytes.map_err(failed)?))
            };
            return wanted.iter().map(fill).collect();
        }
        let report = match &due.issued {
            Some(id) => issued::again(&self.layout, id).map_err(failed)?,
            None => reports::make(&mut open()?, facility, &due.period, options).map_err(failed)?,
        };
        let write = |&(format, lang): &(ReportFormat, Lang)| {
            let bytes = reports::write(&report, format, lang, &printer);
            Ok(made(format, lang, bytes.map_err(failed)?))
        };
        wanted.iter().map(write).collect()
    }

    /// Issues it once: what was issued of this facility and period, by whomever, is not issued again.
    fn issue(&self, due: &Due) -> Result<String, MakeError> {
        let About::Facility(facility) = &due.about else {
            return Err(MakeError(
                "a portfolio is not issued; issue the reports of its facilities".to_owned(),
            ));
        };
        let all = issued::list(&self.layout).map_err(failed)?;
        let own = |one: &&Issued| one.facility == facility.as_str() && one.period == due.period;
        if let Some(one) = all.iter().filter(own).find(|one| one.restated_by.is_none()) {
            return Ok(one.id.clone());
        }
        let Some((engine, runtime)) = &self.engine else {
            return Err(MakeError("only a running collector issues reports".to_owned()));
        };
        let request = IssueRequest {
            facility: Some(facility.to_string()),
            period: Some(due.period.clone()),
            reason: format!("by the schedule `{}`", due.report),
            ..IssueRequest::default()
        };
        let (layout, config) = (self.layout.clone(), Arc::clone(&self.config));
        let asked = super::issue_report(engine.clone(), layout, config, request, Who::collector());
        Ok(runtime.block_on(asked).map_err(failed)?.issued.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::hall::{Hall, at};

    const TABLES: &str = "
[[facility]]
name = \"hall-1\"
site = \"hall\"
[[meter]]
name = \"main\"
facility = \"hall-1\"
role = \"utility\"
kind = \"register\"
unit = \"kWh\"
[[meter]]
name = \"ups\"
facility = \"hall-1\"
role = \"ups-output\"
kind = \"register\"
unit = \"kWh\"
[[report]]
name = \"monthly\"
facility = \"hall-1\"
every = \"month\"
formats = [\"text\", \"json\", \"csv\"]
";

    #[test]
    fn a_month_of_the_ledger_is_known_to_its_end_and_made_in_every_format() {
        let mut hall = Hall::new(TABLES);
        let (from, to) = (at("2026-09-30T22:00:00Z"), at("2026-10-31T23:00:00Z"));
        hall.take(&[
            ("main", from, 0.0, "kWh", None),
            ("ups", from, 0.0, "kWh", None),
            ("main", to, 1_300.0, "kWh", None),
            ("ups", to, 1_000.0, "kWh", None),
        ]);
        let topology = Arc::clone(hall.view().topology());
        let making = Making::new(hall.layout.clone(), topology, Arc::new(hall.config.clone()));
        let report = &hall.config.scheduled[0];
        let known = making.known(&report.about).expect("known");
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].horizon, known[0].first), (Some(to.minute()), Some(from.minute())));

        let due = Due {
            report: report.name.clone(),
            about: report.about.clone(),
            period: "2026-10".to_owned(),
            form: None,
            issued: None,
        };
        let wanted: Vec<_> = report.formats.iter().map(|format| (*format, Lang::En)).collect();
        let made = making.make(&due, &wanted).expect("made");
        let names: Vec<&str> = made.iter().map(|made| made.file_name.as_str()).collect();
        assert_eq!(names, ["monthly_2026-10.txt", "monthly_2026-10.json", "monthly_2026-10.csv"]);
        let text = String::from_utf8_lossy(&made[0].bytes).into_owned();
        assert!(text.contains("hall-1") && text.contains("1.3"), "{text}");
        let json: serde_json::Value = serde_json::from_slice(&made[1].bytes).expect("JSON");
        assert_eq!(json["facility"]["name"], "hall-1");

        let gone = About::Facility("hall-2".parse().expect("a name"));
        let why = making.known(&gone).expect_err("it is not declared").to_string();
        assert_eq!(why, "there is no facility `hall-2`");
    }
}
