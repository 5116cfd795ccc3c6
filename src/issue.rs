//! `wattledger report --issue`, `--restate`, `--issued` and `--evidence`: reports that are frozen.

use crate::{files, ledger, serve};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use wattledger_collector::admin::ReportFormat;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::admin::issue::{self, IssueAnswer, IssueRequest};
use wattledger_collector::audit::Who;
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::outputs::reports::document::Lang;
use wattledger_collector::outputs::reports::issued::{self, Issued};
use wattledger_collector::store::Layout;

/// What of `wattledger report` is about issued reports.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct IssueArgs {
    /// Issue it: freeze it for good, with a name, in the audit chain, and signed where a key is configured
    #[arg(long, conflicts_with_all = ["known_at", "output"])]
    issue: bool,
    /// Issue the report of this name anew, linked to it, with what changed and why
    #[arg(long, value_name = "ID", conflicts_with_all = ["issue", "facility", "period", "known_at", "output"])]
    restate: Option<String>,
    /// List the issued reports
    #[arg(long, conflicts_with_all = ["issue", "restate", "known_at", "output"])]
    issued: bool,
    /// Who issues it, as it is to stand in its statement [default: your user]
    #[arg(long)]
    who: Option<String>,
    /// Why it is issued; a restatement needs a reason
    #[arg(long)]
    reason: Option<String>,
    /// Write the evidence of the report that is issued, or of --id, to this new directory
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// The issued report whose evidence is written
    #[arg(long, value_name = "ID", requires = "evidence", conflicts_with_all = ["issue", "restate", "issued"])]
    id: Option<String>,
}

/// The report that is asked for beside that.
pub(crate) struct Of<'a> {
    /// The facility.
    pub(crate) facility: Option<&'a str>,
    /// The period.
    pub(crate) period: Option<&'a str>,
    /// How it is printed beside its frozen form.
    pub(crate) format: ReportFormat,
    /// In which language, where the format has one.
    pub(crate) lang: Lang,
}

impl IssueArgs {
    /// Whether the command is about an issued report at all.
    pub(crate) fn is_asked(&self) -> bool {
        self.issue || self.issued || self.restate.is_some() || self.evidence.is_some()
    }
}

/// Issues, restates, lists, or writes evidence.
pub(crate) fn run(config: &CollectorConfig, args: &IssueArgs, of: &Of<'_>) -> Result<()> {
    let layout = Layout::new(&config.data_dir);
    if args.issued {
        return list(&layout, of.facility);
    }
    let id = match &args.id {
        Some(id) => id.clone(),
        None if args.issue || args.restate.is_some() => issued(config, args, of)?,
        None => bail!("--evidence is that of an issued report: name it with --id, or issue one with --issue"),
    };
    match &args.evidence {
        Some(into) => write_evidence(&layout, &id, into),
        None => Ok(()),
    }
}

fn issued(config: &CollectorConfig, args: &IssueArgs, of: &Of<'_>) -> Result<String> {
    let request = IssueRequest {
        facility: of.facility.map(str::to_owned),
        period: of.period.map(str::to_owned),
        restates: args.restate.clone(),
        who: args.who.clone(),
        reason: args.reason.clone().unwrap_or_default(),
        formats: vec![of.format],
        lang: of.lang,
    };
    let client = AdminClient::of_data_dir(&config.data_dir);
    let answer = match serve::on_threads(async { Ok(client.issue(&request).await) })? {
        Ok(answer) => answer,
        Err(ClientError::NotRunning { .. }) => on_the_store(config, &request)?,
        Err(error) => return Err(error.into()),
    };
    say(&answer);
    Ok(answer.issued.id)
}

fn on_the_store(config: &CollectorConfig, request: &IssueRequest) -> Result<IssueAnswer> {
    let mut engine = ledger::open(config)?;
    let (layout, who, now) = (Layout::new(&config.data_dir), Who::this_process(), clock::now());
    engine.tell_time(now);
    engine.flush()?;
    let to_issue = issue::prepare(&layout, config, request, &who, now)?;
    let to_print = to_issue.to_print(&config.reports);
    let answer = issue::issue(&mut engine, &layout, to_issue, &who, now)?;
    Ok(to_print.print(&layout, answer))
}

fn say(answer: &IssueAnswer) {
    let Issued { id, headline, verdicts, signed, files, .. } = &answer.issued;
    println!("{id}");
    println!("  {headline}");
    for (target, verdict) in verdicts {
        println!("  {target}: {verdict}");
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    println!("  {}; {}", if *signed { "signed" } else { "not signed" }, names.join(", "));
    println!("  entry {} of the audit chain, {}", answer.sequence, answer.hash);
    if let Some(trouble) = &answer.trouble {
        eprintln!("it is issued, but not all was printed beside it: {trouble}");
    }
}

fn list(layout: &Layout, facility: Option<&str>) -> Result<()> {
    let all = issued::list(layout)?;
    for one in all.iter().filter(|one| facility.is_none_or(|facility| one.facility == facility)) {
        files::print(&line(one))?;
    }
    for (entry, id) in issued::missing(layout)? {
        files::print(&format!(
            "{id}\n  entry {entry} of the audit chain says that it was issued, and its files are not in {}\n",
            issued::folder(layout).display()
        ))?;
    }
    if all.is_empty() {
        eprintln!("no report was issued; `wattledger report --issue` does it");
    }
    Ok(())
}

fn line(one: &Issued) -> String {
    let mut text = format!("{}  {}  {}", one.id, one.issued_at, one.headline);
    for (target, verdict) in &one.verdicts {
        text.push_str(&format!("; {target} {verdict}"));
    }
    text.push_str(if one.signed { "; signed\n" } else { "; not signed\n" });
    for (what, other) in [("restates", &one.restates), ("restated by", &one.restated_by)] {
        if let Some(other) = other {
            text.push_str(&format!("  {what} {other}\n"));
        }
    }
    if let Some(trouble) = &one.trouble {
        text.push_str(&format!("  {trouble}\n"));
    }
    text
}

fn write_evidence(layout: &Layout, id: &str, into: &Path) -> Result<()> {
    let written = issued::export(layout, id, into)
        .with_context(|| format!("the evidence of {id} cannot be written to {}", into.display()))?;
    println!("evidence of {id}: {} files, {} bytes in {}", written.files, written.bytes, into.display());
    for table in &written.without {
        eprintln!(
            "without the table {table}: it was issued with it, and this version of the program has another"
        );
    }
    Ok(())
}
