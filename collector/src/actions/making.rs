//! Makes the scheduled reports from the store as it is.

use crate::admin::ReportFormat;
use crate::admin::issue::IssueRequest;
use crate::audit::Who;
use crate::clock;
use crate::config::{About, CollectorConfig};
use crate::engine::service::EngineHandle;
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::forms::Filled;
use crate::outputs::reports::issued::{self, Issued, STATEMENT};
use crate::outputs::reports::portfolio::Portfolio;
use crate::outputs::reports::schedule::{Due, Known, Made, MakeError, Maker, Unmade};
use crate::outputs::reports::{self, Attachment, Job, Options, Printer, Report};
use crate::store::{Layout, StoreError};
use crate::topology::Topology;
use crate::view::View;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use wattledger_model::calendar::Period;
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

    /// What is to be written, of the ledger as it is, or as it was when it was issued.
    fn paper(&self, due: &Due) -> Result<Paper, MakeError> {
        let options = Options { generated_at: clock::now(), configuration: &self.config };
        let open = || View::open(&self.layout, Arc::clone(&self.topology)).map_err(failed);
        let facility = match &due.about {
            About::Facility(name) => name.as_str(),
            About::Portfolio(name) => {
                let made = reports::portfolio::make(&mut open()?, name.as_str(), &due.period, options);
                return Ok(Paper::Portfolio(Box::new(made.map_err(failed)?)));
            }
        };
        if let Some(form) = &due.form {
            let filled = reports::forms::fill(&mut open()?, facility, &due.period, options, form);
            return Ok(Paper::Form(Box::new(filled.map_err(failed)?)));
        }
        let Some(id) = &due.issued else {
            let report = reports::make(&mut open()?, facility, &due.period, options).map_err(failed)?;
            return Ok(Paper::Report(Box::new(report), None));
        };
        let statement = Attachment {
            name: STATEMENT.to_owned(),
            mime: ReportFormat::Json.content_type(),
            about: id.clone(),
            bytes: issued::file(&self.layout, id, STATEMENT).map_err(failed)?,
        };
        let report = issued::again(&self.layout, id).map_err(failed)?;
        Ok(Paper::Report(Box::new(report), Some(statement)))
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

/// What is written in each format and language: all of it of one state of the ledger.
enum Paper {
    /// With the statement, where it was issued.
    Report(Box<Report>, Option<Attachment>),
    Form(Box<Filled>),
    Portfolio(Box<Portfolio>),
}

impl Paper {
    fn content(&self, format: ReportFormat, lang: Lang, printer: &Printer) -> Result<Vec<u8>, Unmade> {
        if format == ReportFormat::Pdf {
            let job = self.job(lang);
            // Whatever the printer says, it may print another time.
            return job
                .print(printer)
                .map_err(|error| Unmade { why: error.to_string(), job: Some(job.into_bytes()) });
        }
        let written = match self {
            Paper::Report(report, _) => reports::write(report, format, lang, printer),
            Paper::Form(filled) => reports::print(&filled.document(lang), format, &[], printer),
            Paper::Portfolio(portfolio) => reports::write_portfolio(portfolio, format, lang, printer),
        };
        written.map_err(|error| Unmade { why: error.to_string(), job: None })
    }

    /// What the printer is told.
    fn job(&self, lang: Lang) -> Job {
        match self {
            Paper::Report(report, statement) => {
                let attached: Vec<Attachment> =
                    [reports::as_data(report)].into_iter().chain(statement.clone()).collect();
                Job::new(&reports::document(report, lang), &attached)
            }
            Paper::Form(filled) => Job::new(&filled.document(lang), &[]),
            Paper::Portfolio(portfolio) => Job::new(&reports::portfolio::document(portfolio, lang), &[]),
        }
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
        let (paper, printer) = (self.paper(due)?, Printer::of(&self.config.reports));
        let made = |&(format, lang): &(ReportFormat, Lang)| Made {
            file_name: due.file_name(format, lang),
            content: paper.content(format, lang, &printer),
        };
        Ok(wanted.iter().map(made).collect())
    }

    fn print(&self, job: Vec<u8>) -> Result<Vec<u8>, MakeError> {
        Job::kept(job).print(&Printer::of(&self.config.reports)).map_err(failed)
    }

    /// Issues it once: what was issued of this facility and period, by whomever, is not issued again.
    fn issue(&self, due: &Due) -> Result<String, MakeError> {
        let About::Facility(facility) = &due.about else {
            return Err(MakeError(
                "a portfolio is not issued; issue the reports of its facilities".to_owned(),
            ));
        };
        let all = issued::list(&self.layout).map_err(failed)?;
        let zone = self.topology.facilities.iter().find(|one| one.name == *facility).map(|one| one.zone);
        let period = zone.and_then(|zone| Period::parse(&due.period, zone).ok());
        // However it was asked for.
        let is_same = |one: &Issued| {
            let times = period.as_ref().map(|of| (of.interval.from.start(), of.interval.to.start()));
            one.period == due.period || times == Some((one.from, one.to))
        };
        let own = |one: &&Issued| one.facility == facility.as_str() && is_same(one);
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
mod tests;
