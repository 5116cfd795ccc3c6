//! The collector's configuration: read whole and checked whole before anything uses it, every problem
//! reported at once with its place.
//!
//! Everything here is plain data. Values are as the file gave them; defaults are filled in where the type
//! is not an `Option`.

mod access;
mod alert;
mod boundary;
mod carbon;
mod certificate;
mod channel;
mod claim;
mod counting;
mod declared;
mod facility;
mod facts;
mod instrument;
mod meter;
mod non_electric;
mod notes;
mod output;
pub(crate) mod portfolio;
mod rating;
mod register;
mod reports;
mod scheduled;
mod series;
mod span;
mod tree;
mod tried;
mod version;
mod virtuals;
mod zone;

#[cfg(test)]
mod tests;

pub use access::{BrokerAccess, HttpUrl, KeptSecret};
#[cfg(test)]
pub(crate) use alert::sample_message;
pub use alert::{
    AlertRule, Clock, Condition, Feeds, Indicator, Maintenance, Opening, Phases, Severity, Side, Thresholds,
    Words, WordsError, Written,
};
pub(crate) use alert::{even, is_upper_on_pue};
pub use carbon::{Carbon, Hourly, Market};
pub(crate) use certificate::is_in_market;
pub use certificate::{Certificate, CertificateKind};
pub use channel::{
    Alertmanager, Body, Channel, ChannelKind, HttpAccess, Mail, MailSecurity, MailUser, Recipe, Signing,
    Telling, TemplateText, Webhook,
};
pub use claim::Claim;
pub use facility::{Facility, Site};
pub use facts::Facts;
pub use instrument::{Reads, Sitting};
pub use meter::Meter;
pub use non_electric::{CoalConvention, Factors, Method};
pub use notes::Note;
pub use output::{InfluxApi, InfluxOutput, Sending};
pub use portfolio::Portfolio;
pub use register::{CentreKind, Register, RegisterYear};
pub use reports::Reports;
pub use scheduled::{About, Every, Mailing, ScheduledReport};
pub use series::{SeriesError, open_series};
pub(crate) use series::{read_series, series_text};
pub use tried::TriedError;
pub use version::Version;
pub use virtuals::{Part, Summand, Virtual};
pub use zone::Zone;

use crate::admin::ReportFormat;
use crate::outputs::reports::Printer;
use declared::Declared;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use wattledger_link::session::{SecretKeys, SecretSource};
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Document, Place, Problems, Table, Value};
use wattledger_model::name::Name;

/// Raw readings are kept this long where the file does not say.
const DEFAULT_RAW: Duration = Duration::from_secs(400 * 86_400);
/// Shorter than this, a weekend's outage of the link would be refused as too late.
const SHORTEST_RAW: Duration = Duration::from_secs(7 * 86_400);

/// What a collector is told.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectorConfig {
    /// The file it came from, as it was named.
    pub file: String,
    /// What the audit chain notes of it.
    pub version: Version,
    /// The collector's name; agents free readings on the word of this one alone.
    pub name: Name,
    /// Where journal, store and socket live.
    pub data_dir: PathBuf,
    /// The broker of the link.
    pub link: BrokerAccess,
    /// How long raw readings are kept, and so how late a reading may come. `[retention] raw`, default 400 days.
    pub retention_raw: Duration,
    /// The page; `None` where it is switched off.
    pub web: Option<Web>,
    /// The places with agents.
    pub sites: Vec<Site>,
    /// The boundaries that have a PUE.
    pub facilities: Vec<Facility>,
    /// Parts of facilities with a partial PUE of their own.
    pub zones: Vec<Zone>,
    /// Facilities that are reported together.
    pub portfolios: Vec<Portfolio>,
    /// The declared meters. Others are kept and listed as unassigned.
    pub meters: Vec<Meter>,
    /// Sums and differences of meters.
    pub virtuals: Vec<Virtual>,
    /// The databases to write to.
    pub influx: Vec<InfluxOutput>,
    /// The alert rules.
    pub alerts: Vec<AlertRule>,
    /// Times in which alerts are not raised for some of it.
    pub maintenance: Vec<Maintenance>,
    /// Where alerts are sent.
    pub channels: Vec<Channel>,
    /// How reports are printed and signed, and where further forms are.
    pub reports: Reports,
    /// The reports that are made by themselves.
    pub scheduled: Vec<ScheduledReport>,
    /// What is allowed and its author should know.
    pub warnings: Problems,
}

/// Where the page listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Address and port; loopback where the file does not say.
    pub listen: SocketAddr,
    /// Names, beside its address and localhost, under which browsers may ask for the page.
    pub names: Vec<String>,
    /// Where people find the page, for messages that point to it.
    pub url: Option<HttpUrl>,
    /// What operators show to silence and acknowledge alerts there; `None` where the page changes nothing.
    pub operators: Option<KeptSecret>,
}

impl CollectorConfig {
    /// Reads and checks a configuration. Secrets are not read; see [`CollectorConfig::check_secrets`].
    ///
    /// # Errors
    /// Every problem of the text, warnings among them, if one is an error.
    pub fn parse(file: &str, text: &str) -> Result<CollectorConfig, Problems> {
        let document = Document::parse(file, text);
        let config = read(&document, file);
        let (mut config, warnings) = document.conclude(config)?;
        config.warnings = warnings;
        config.version = Version::of(text).unwrap_or_default();
        Ok(config)
    }

    /// The secrets, series of factors and means of printing that cannot be used, all at once. For the start, and for
    /// a check on the machine that the collector runs on.
    pub fn check_secrets(&self) -> Problems {
        let mut problems = Problems::of(&self.file);
        for facility in &self.facilities {
            if let Some(Hourly::Series(file)) = &facility.hourly
                && let Err(error) = open_series(&file.value, self.time_zone(facility))
            {
                problems.add(document::Severity::Error, file.place, error.to_string());
            }
        }
        for (place, missing) in self.reports.missing() {
            problems.add(document::Severity::Warning, place, missing);
        }
        for report in &self.scheduled {
            if let Some((severity, why)) = report.trouble_with_form(self.reports.forms_dir.as_deref()) {
                problems.add(severity, report.place, why);
            }
        }
        if let Some(report) = self.scheduled.iter().find(|report| report.formats.contains(&ReportFormat::Pdf))
            && self.reports.printer.is_none()
            && let Err(error) = Printer::of(&self.reports).program()
        {
            problems.add(document::Severity::Warning, report.place, error.to_string());
        }
        for secret in self.secrets() {
            if let Err(error) = secret.value.read() {
                problems.add(document::Severity::Error, secret.place, error.to_string());
            }
        }
        problems
    }

    /// The site of a name.
    pub fn site(&self, name: &Name) -> Option<&Site> {
        self.sites.iter().find(|site| site.name == *name)
    }

    /// The facility of a name.
    pub fn facility(&self, name: &Name) -> Option<&Facility> {
        self.facilities.iter().find(|facility| facility.name == *name)
    }

    /// The meters that a facility claims, at any time, or that name it as their own.
    pub fn meters_of<'c>(&'c self, facility: &'c Name) -> impl Iterator<Item = &'c Meter> {
        let claims = |meter: &Meter| meter.claims.iter().any(|claim| claim.is_of_facility(facility));
        self.meters.iter().filter(move |meter| meter.facility.as_ref() == Some(facility) || claims(meter))
    }

    /// The clocks of a facility's site.
    pub fn time_zone(&self, facility: &Facility) -> Tz {
        self.site(&facility.site).map_or(Tz::UTC, |site| site.time_zone)
    }

    fn secrets(&self) -> impl Iterator<Item = &KeptSecret> {
        let link = self.link.password.iter();
        let outputs = self.influx.iter().filter_map(InfluxOutput::secret);
        let channels = self.channels.iter().flat_map(Channel::secrets);
        let operators = self.web.iter().filter_map(|web| web.operators.as_ref());
        link.chain(outputs).chain(channels).chain(operators)
    }
}

fn read(document: &Document<'_>, file: &str) -> Option<CollectorConfig> {
    let mut root = document.root();
    let mut collector = root.table("collector");
    let name = collector.required("name", document::name);
    let data_dir = collector.required("data_dir", document::string);
    let link = access::read_broker(&mut root.table("link"));
    let retention_raw = read_retention(&mut root.table("retention"));
    let web = read_web(&mut root.table("web"));

    let mut site_names = Declared::new(document, "site");
    let sites = all(root.tables("site"), |table| facility::read_site(table, &mut site_names));
    let mut facility_names = Declared::new(document, "facility");
    let facilities = all(root.tables("facility"), |table| {
        facility::read_facility(table, &site_names, &sites, &mut facility_names)
    });
    let mut zone_names = Declared::new(document, "zone");
    let zones = all(root.tables("zone"), |table| zone::read(table, &facility_names, &mut zone_names));
    let mut portfolio_names = Declared::new(document, "portfolio");
    let portfolios =
        all(root.tables("portfolio"), |table| portfolio::read(table, &facility_names, &mut portfolio_names));
    let world = World {
        sites: &sites,
        site_names: &site_names,
        facilities: &facilities,
        facility_names: &facility_names,
        zones: &zones,
        zone_names: &zone_names,
    };
    let (meters, virtuals) = read_points(&mut root, &world);

    let influx = output::read_outputs(&mut root.table("output"), document);
    let mut channel_names = Declared::new(document, "channel");
    let channels = channel::read_channels(&mut root.table("channel"), &mut channel_names);
    let mut rule_names = Declared::new(document, "alert");
    let has_meter = |site: Option<&Name>, meter: &Name| {
        let mut keys = meters.iter().map(|meter| &meter.key).chain(virtuals.iter().map(|one| &one.key));
        keys.any(|key| key.meter == *meter && site.is_none_or(|site| key.site == *site))
    };
    let around = alert::Around {
        facilities: &facilities,
        facility_names: &facility_names,
        channels: &channel_names,
        has_meter: &has_meter,
    };
    let mut alerts = all(root.tables("alert"), |table| alert::read_rule(table, &mut rule_names, &around));
    let maintenance = alert::read_maintenance(
        root.tables("maintenance"),
        (&sites, &facilities),
        (&facility_names, &rule_names),
        &|site, meter| has_meter(Some(site), meter),
        &mut alerts,
    );
    let reports = reports::read(&mut root.table("reports"));
    let named: Vec<Name> = portfolios.iter().map(|portfolio| portfolio.name.clone()).collect();
    let has_own_forms = reports.forms_dir.is_some();
    let subjects = scheduled::Around {
        facilities: &facility_names,
        portfolios: &named,
        channels: &channels,
        has_own_forms,
    };
    let scheduled = scheduled::read(root.tables("report"), document, &subjects);

    Some(CollectorConfig {
        file: file.to_string(),
        version: Version::default(),
        name: name?.value,
        data_dir: data_dir?.value.into(),
        link: link?,
        retention_raw,
        web,
        sites,
        facilities,
        zones,
        portfolios,
        meters,
        virtuals,
        influx,
        alerts,
        maintenance,
        channels,
        reports,
        scheduled,
        warnings: Problems::default(),
    })
}

/// What meters refer to.
struct World<'w, 'd> {
    sites: &'w [Site],
    site_names: &'w Declared<'d>,
    facilities: &'w [Facility],
    facility_names: &'w Declared<'d>,
    zones: &'w [Zone],
    zone_names: &'w Declared<'d>,
}

/// Real and virtual meters, with every check of how they belong together.
fn read_points(root: &mut Table<'_>, world: &World<'_, '_>) -> (Vec<Meter>, Vec<Virtual>) {
    let document = root.document();
    let (meter_tables, virtual_tables) = (root.tables("meter"), root.tables("virtual"));
    let declared = meter_tables.len() + virtual_tables.len();
    let meters = meter::read_meters(meter_tables, world);
    let mut virtuals = virtuals::read(virtual_tables, world);
    // What could not be read must not be missed by the others.
    if meters.len() + virtuals.len() < declared {
        return (meters, virtuals);
    }
    virtuals::expand(document, &meters, &mut virtuals);
    let is_sound = tree::check(document, &meters, &virtuals);
    meter::check_power_meters(document, &meters, &virtuals);
    for meter in &meters {
        counting::check_shares(document, &meter.key.meter, &meter.claims);
    }
    for one in &virtuals {
        counting::check_shares(document, &one.key.meter, &one.claims);
    }
    counting::check_sums(document, &meters, &virtuals, is_sound);
    let claims = boundary::claims(&meters, &virtuals);
    world.zones.iter().for_each(|zone| boundary::check_zone(document, zone, &claims));
    for facility in world.facilities {
        boundary::check_facility(document, facility, &claims);
        boundary::check_factor_meter(document, facility, &meters);
    }
    certificate::check_references(
        document,
        world.facilities.iter().flat_map(|facility| &facility.certificates),
    );
    (meters, virtuals)
}

/// What could be read of the tables; the rest has been reported.
fn all<T>(tables: Vec<Table<'_>>, mut read: impl FnMut(&mut Table<'_>) -> Option<T>) -> Vec<T> {
    tables.into_iter().filter_map(|mut table| read(&mut table)).collect()
}

fn read_retention(table: &mut Table<'_>) -> Duration {
    let Some(raw) = table.optional("raw", document::positive_duration) else { return DEFAULT_RAW };
    if raw.value < SHORTEST_RAW {
        table
            .document()
            .error(raw.place, "`raw` must be at least \"7d\": readings older than that are refused");
    }
    raw.value
}

fn read_web(table: &mut Table<'_>) -> Option<Web> {
    let enabled = table.optional("enabled", document::boolean).is_none_or(|enabled| enabled.value);
    let listen = table.optional("listen", socket_address);
    let names = table.values("names", document::string);
    let url = table.optional("url", access::http_url);
    let operators = SecretSource::of_table(table, SecretKeys::OPERATORS_TOKEN);
    if let Some(listen) = listen.filter(|listen| enabled && !listen.value.ip().is_loopback()) {
        let message = format!("the page has no password, and at {} other machines can read it", listen.value);
        table.document().warning(listen.place, message);
        if let Some(operators) = &operators {
            let message =
                "the operators' token crosses the network as it is; put a proxy with TLS before the page";
            table.document().warning(operators.place, message);
        }
    }
    let listen = listen.map_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), |listen| listen.value);
    let names = names.into_iter().map(|name| name.value).collect();
    enabled.then_some(Web { listen, names, url: url.map(|url| url.value), operators })
}

fn socket_address(value: &Value<'_>) -> Result<SocketAddr, String> {
    let text = document::string(value)?;
    text.parse().map_err(|_| format!("`{text}` is not an address with a port, such as \"127.0.0.1:8080\""))
}

/// `title`, or the name where there is none.
fn title(table: &mut Table<'_>, name: Option<&Name>) -> String {
    let title = table.optional("title", document::string).map(|title| title.value);
    title.or_else(|| name.map(Name::to_string)).unwrap_or_default()
}

/// A duration in whole milliseconds, and where it stands.
fn milliseconds(table: &mut Table<'_>, key: &'static str) -> Option<(i64, Place)> {
    let length = table.optional(key, document::positive_duration)?;
    // The reader's own limit lies far below i64.
    i64::try_from(length.as_millis()).ok().map(|ms| (ms, length.place))
}
