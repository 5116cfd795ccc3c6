//! Reports that are made by themselves, each month or each year.

use super::all;
use super::channel::{self, Channel, ChannelKind};
use super::declared::Declared;
use crate::admin::ReportFormat;
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::{FormError, forms};
use lettre::message::Mailbox;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use wattledger_model::document::{self, Document, Place, Placed, Severity, Table};
use wattledger_model::name::Name;

/// After the end of its period a report waits so long for late data where the file does not say.
const DEFAULT_AFTER: Duration = Duration::from_secs(2 * 86_400);
/// Beyond, a monthly report would come after the next one is due.
const LONGEST_AFTER: Duration = Duration::from_secs(28 * 86_400);
/// The portfolio of every facility, which needs no declaration.
const ALL: &str = "all";

/// A report that is made by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledReport {
    /// Its name: what was made is remembered under it, and files begin with it.
    pub name: Name,
    /// Whom it is about.
    pub about: About,
    /// How often it is made.
    pub every: Every,
    /// So long after the end of its period it is made.
    pub after: Duration,
    /// In which formats, at least one.
    pub formats: Vec<ReportFormat>,
    /// In which languages, at least one; formats without words are made once.
    pub langs: Vec<Lang>,
    /// The form it fills in; `None` for the report itself.
    pub form: Option<String>,
    /// Whether it is frozen and entered in the audit chain first, so that late data never change it.
    pub issue: bool,
    /// Who gets it by mail; `None` for nobody.
    pub mail: Option<Mailing>,
    /// Where it is declared.
    pub place: Place,
}

/// Whom a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// One facility.
    Facility(Name),
    /// A declared portfolio, or `all`.
    Portfolio(Name),
}

/// How often a report is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Over each calendar month of the facility's clocks.
    Month,
    /// Over each calendar year of the facility's clocks.
    Year,
}

/// Who gets a report by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailing {
    /// The mail channel whose server takes it.
    pub channel: Name,
    /// Who gets it, at least one.
    pub to: Vec<Mailbox>,
}

impl Every {
    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Every::Month => "month",
            Every::Year => "year",
        }
    }
}

const EVERY: [(&str, Every); 2] = [(Every::Month.word(), Every::Month), (Every::Year.word(), Every::Year)];

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            About::Facility(name) => write!(f, "facility {name}"),
            About::Portfolio(name) => write!(f, "portfolio {name}"),
        }
    }
}

/// What the rest of the file says that schedules refer to.
pub(super) struct Around<'a, 'd> {
    pub(super) facilities: &'a Declared<'d>,
    pub(super) portfolios: &'a [Name],
    pub(super) channels: &'a [Channel],
    /// Whether there is a folder of forms, which is looked at on the collector's machine alone.
    pub(super) has_own_forms: bool,
}

pub(super) fn read(
    tables: Vec<Table<'_>>,
    document: &Document<'_>,
    around: &Around<'_, '_>,
) -> Vec<ScheduledReport> {
    let mut names = Declared::new(document, "report");
    all(tables, |table| read_one(table, &mut names, around))
}

fn read_one(
    table: &mut Table<'_>,
    names: &mut Declared<'_>,
    around: &Around<'_, '_>,
) -> Option<ScheduledReport> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let about = read_about(table, around);
    let every = table.required("every", document::choice(EVERY));
    let after = table.optional("after", |value| match document::duration(value)? {
        after if after > LONGEST_AFTER => Err("is longer than 28 days".to_owned()),
        after => Ok(after),
    });
    let has_formats = table.has("formats");
    let formats = once(table, "formats", document::parsed::<ReportFormat>);
    let langs = once(table, "lang", document::parsed::<Lang>);
    if !has_formats {
        table.document().missing(table.place(), "`formats` is missing: in which is it made?");
    } else if formats.is_empty() {
        table.document().missing(table.place(), "`formats` names none");
    }
    let form = table.optional("form", document::string);
    let issue = table.optional("issue", document::boolean);
    let mail = read_mailing(table, around.channels);
    let asked = Asked {
        every: every.as_deref().copied(),
        formats: &formats,
        langs: &langs,
        form: form.as_ref(),
        issue: issue.as_ref(),
    };
    asked.check(table.document(), about.as_ref(), around.has_own_forms);
    let formats: Vec<ReportFormat> = formats.into_iter().map(|format| format.value).collect();
    let langs: Vec<Lang> = langs.into_iter().map(|lang| lang.value).collect();
    Some(ScheduledReport {
        name: name?.value,
        about: about?,
        every: every?.value,
        after: after.map_or(DEFAULT_AFTER, |after| after.value),
        formats: (!formats.is_empty()).then_some(formats)?,
        langs: if langs.is_empty() { vec![Lang::default()] } else { langs },
        form: form.map(|form| form.value),
        issue: issue.is_some_and(|issue| issue.value),
        mail: mail?,
        place: table.place(),
    })
}

/// One facility or one portfolio.
fn read_about(table: &mut Table<'_>, around: &Around<'_, '_>) -> Option<About> {
    let (has_facility, has_portfolio) = (table.has("facility"), table.has("portfolio"));
    let facility = table.optional("facility", document::name);
    let portfolio = table.optional("portfolio", document::name);
    let document = table.document();
    if has_facility && has_portfolio {
        document.error(table.place(), "a report is about a `facility` or a `portfolio`, not about both");
        return None;
    }
    if !has_facility && !has_portfolio {
        document.missing(table.place(), "`facility` is missing, or `portfolio`: whom is it about?");
    }
    if let Some(facility) = facility {
        return around.facilities.refers(&facility).then_some(About::Facility(facility.value));
    }
    let portfolio = portfolio?;
    let known = around.portfolios.iter().map(Name::as_str).chain([ALL]);
    if known.clone().any(|known| known == portfolio.value.as_str()) {
        return Some(About::Portfolio(portfolio.value));
    }
    document.dangling(portfolio.place, "portfolio", portfolio.value.as_str(), known);
    None
}

/// The values of a list, of which each may stand once.
fn once<T: PartialEq + Copy>(
    table: &mut Table<'_>,
    key: &'static str,
    read: impl Fn(&document::Value<'_>) -> Result<T, String>,
) -> Vec<Placed<T>> {
    let mut found: Vec<Placed<T>> = Vec::new();
    for value in table.values(key, read) {
        if found.iter().any(|other| other.value == value.value) {
            table.document().error(value.place, format!("`{key}` names it twice"));
        } else {
            found.push(value);
        }
    }
    found
}

/// What one schedule asks for, of which not everything goes together.
struct Asked<'a> {
    every: Option<Every>,
    formats: &'a [Placed<ReportFormat>],
    langs: &'a [Placed<Lang>],
    form: Option<&'a Placed<String>>,
    issue: Option<&'a Placed<bool>>,
}

impl Asked<'_> {
    /// Refuses what could never be made, however often it is tried.
    fn check(&self, document: &Document<'_>, about: Option<&About>, has_own_forms: bool) {
        let is_portfolio = matches!(about, Some(About::Portfolio(_)));
        if let Some(form) = self.form {
            self.check_form(document, form, is_portfolio, has_own_forms);
        } else if is_portfolio {
            for format in self.formats {
                if matches!(format.value, ReportFormat::Text | ReportFormat::Csv) {
                    let word = format.value.word();
                    let why = format!(
                        "`formats`: a portfolio is not written as {word}: take it out; there are json, html, \
                         xlsx and pdf"
                    );
                    document.error(format.place, why);
                }
            }
        }
        if let Some(issue) = self.issue.filter(|issue| issue.value) {
            if is_portfolio {
                let why = "`issue`: a portfolio is not issued: leave it out, and issue the reports of its facilities, \
                           each by a schedule of its own";
                document.error(issue.place, why);
            }
            if self.form.is_some() {
                let why = "`issue`: a form is filled in from the ledger as it is, and not issued: leave it out, and \
                           issue the report by a schedule without `form`";
                document.error(issue.place, why);
            }
        }
        let has_words = self.formats.iter().any(|format| format.value.is_document());
        if let Some(lang) = self.langs.iter().find(|lang| lang.value != Lang::default())
            && !has_words
            && !self.formats.is_empty()
        {
            let why = "`lang`: text is in English, and csv and json are the same in every language: ask for html, xlsx \
                       or pdf, or leave it out";
            document.warning(lang.place, why);
        }
    }

    fn check_form(
        &self,
        document: &Document<'_>,
        form: &Placed<String>,
        is_portfolio: bool,
        has_own_forms: bool,
    ) {
        if is_portfolio {
            let why = "`form`: a form is filled in for one facility: name a `facility` in place of the `portfolio`, or \
                       leave the form out";
            document.error(form.place, why);
        }
        for format in self.formats.iter().filter(|format| !format.value.is_document()) {
            let word = format.value.word();
            let why = format!(
                "`formats`: a form is not written as {word}: take it out; there are html, xlsx and pdf"
            );
            document.error(format.place, why);
        }
        if let Some(every) = self.every
            && !has_own_forms
            && let Err(why) = fits(None, &form.value, every)
        {
            document.error(form.place, why.to_string());
        }
    }
}

/// Why a form is never filled in by a schedule.
#[derive(Debug, thiserror::Error)]
enum NoFit {
    #[error("`form`: {0}")]
    Form(#[from] FormError),
    #[error("`form`: {form} is for {wants}, and no month is that: say `every = \"year\"`")]
    Month { form: String, wants: &'static str },
}

impl NoFit {
    /// Whether that lies in the schedule, and not in the folder of forms.
    fn is_the_schedules(&self) -> bool {
        matches!(self, NoFit::Month { .. } | NoFit::Form(FormError::Unknown { .. }))
    }
}

/// Whether there is such a form, and for such periods.
fn fits(folder: Option<&Path>, id: &str, every: Every) -> Result<(), NoFit> {
    let form = forms::find_in(folder, id)?;
    match form.needs_more_than_a_month().filter(|_| every == Every::Month) {
        Some(wants) => Err(NoFit::Month { form: form.id.clone(), wants }),
        None => Ok(()),
    }
}

impl ScheduledReport {
    /// What is wrong with its form on this machine, where the folder of forms is, and whether that lies in the schedule: a
    /// template can still be mended while the collector runs.
    pub(super) fn trouble_with_form(&self, folder: Option<&Path>) -> Option<(Severity, String)> {
        let why = fits(folder, self.form.as_deref()?, self.every).err()?;
        let severity = if why.is_the_schedules() { Severity::Error } else { Severity::Warning };
        Some((severity, why.to_string()))
    }
}

/// Who gets it, and by which channel. `None` has been reported; `Some(None)` is nobody.
fn read_mailing(table: &mut Table<'_>, channels: &[Channel]) -> Option<Option<Mailing>> {
    let has_recipients = table.has("to");
    let to = table.values("to", channel::mailbox);
    let named = table.optional("channel", document::name);
    if !has_recipients && !table.has("channel") {
        return Some(None);
    }
    let document = table.document();
    if has_recipients && to.is_empty() {
        document.missing(table.place(), "`to` names nobody");
        return None;
    }
    for (at, one) in to.iter().enumerate() {
        if to[..at].iter().any(|other| other.value.email == one.value.email) {
            document.error(one.place, format!("`to` names {} twice", one.value.email));
            return None;
        }
    }
    let (channel, usual) = mail_channel(table, named, channels)?;
    let to: Vec<Mailbox> = to.into_iter().map(|to| to.value).collect();
    Some(Some(Mailing { channel, to: if to.is_empty() { usual } else { to } }))
}

/// The mail channel of this name, or the only one there is; with whom it usually writes to.
fn mail_channel(
    table: &Table<'_>,
    named: Option<Placed<Name>>,
    channels: &[Channel],
) -> Option<(Name, Vec<Mailbox>)> {
    let mails: Vec<(&Name, &Vec<Mailbox>)> = channels
        .iter()
        .filter_map(|channel| match &channel.kind {
            ChannelKind::Mail(mail) => Some((&channel.name, &mail.to)),
            _ => None,
        })
        .collect();
    let document = table.document();
    let found = match (&named, mails.as_slice()) {
        (Some(named), _) => {
            let found = mails.iter().find(|(name, _)| **name == named.value);
            if found.is_none() {
                let exist = mails.iter().map(|(name, _)| name.as_str());
                document.dangling(named.place, "channel.mail", named.value.as_str(), exist);
            }
            found
        }
        (None, [only]) => Some(only),
        (None, []) => {
            let why = "`to` needs a [[channel.mail]]: which server takes the messages?";
            document.missing(table.place(), why);
            None
        }
        (None, _) => {
            let why = "there are several [[channel.mail]]: name one as `channel`";
            document.missing(table.place(), why);
            None
        }
    };
    found.map(|(name, to)| ((*name).clone(), (*to).clone()))
}
