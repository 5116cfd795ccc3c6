//! `wattledger alerts silence` and `ack`: by the running collector, which acts on it at once, or in its file.
//!
//! Without a collector the file is written directly: work on a plant often begins with the collector stopped, and what
//! is silenced then must not be told when it starts. Nobody else writes the file at that time, and a collector that
//! starts meanwhile reads it with its next message. Only the file's own user may: what root would make, the
//! collector could not open.

use super::list;
use super::{Configured, span};
use crate::{files, serve};
use anyhow::{Result, bail};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::audit::Who;
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::desk::silence::{Ack, Matcher, Silence};
use wattledger_collector::desk::{AckRequest, Desk, DeskError, EndRequest, SilenceRequest};
use wattledger_collector::store::Layout;

/// What `wattledger alerts silence` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wattledger alerts silence facility=hall-1 --for 4h --reason \"chiller service\" --config collector.toml\n  \
    wattledger alerts silence rule=pue* severity=warning --for 1d --reason \"known\" --config collector.toml\n  \
    wattledger alerts silence --list --config collector.toml\n  \
    wattledger alerts silence --end s7 --config collector.toml\n\n\
    Alerts are still judged, recorded and shown; nobody is told of them until the silence is over. Labels: rule,\n\
    condition, facility, subject, severity, and the rule's own.")]
pub(super) struct SilenceArgs {
    /// Which alerts: all of these must hold, each LABEL=VALUE or LABEL=BEGINNING*
    #[arg(value_name = "MATCHER", required_unless_present_any = ["list", "end"], conflicts_with_all = ["list", "end"])]
    matchers: Vec<Matcher>,
    /// For how long from now: 30m, 4h, 2d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, required_unless_present_any = ["list", "end"], conflicts_with_all = ["list", "end"])]
    lasts: Option<Duration>,
    /// Why: it is shown to everybody beside who said it
    #[arg(long, required_unless_present_any = ["list", "end"], conflicts_with_all = ["list", "end"])]
    reason: Option<String>,
    /// Show the silences, those of the last month that are over among them
    #[arg(long, conflicts_with = "end")]
    list: bool,
    /// End this one now
    #[arg(long, value_name = "ID")]
    end: Option<String>,
    #[command(flatten)]
    configured: Configured,
}

/// What `wattledger alerts ack` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct AckArgs {
    /// The alert, as `alerts list` shows it
    #[arg(value_name = "ID")]
    alert: String,
    /// What is done about it: it is shown to everybody beside who said it
    #[arg(long)]
    note: String,
    #[command(flatten)]
    configured: Configured,
}

/// Silences, lists or ends.
pub(super) fn run(args: SilenceArgs) -> Result<()> {
    let Configured { config, json } = args.configured;
    let config = files::collector(&config)?;
    if args.list {
        return show(&config, json);
    }
    let silence = match (args.end, args.lasts, args.reason) {
        (Some(id), ..) => {
            let request = EndRequest { id };
            let client = AdminClient::of_data_dir(&config.data_dir);
            let asked = serve::on_threads(async { Ok(client.end_silence(&request).await) })?;
            or_in_file(asked, &config, |desk, by| desk.end_silence(&request, by))?
        }
        (None, Some(lasts), Some(reason)) => {
            let request = SilenceRequest { matchers: args.matchers, for_s: lasts.as_secs(), reason };
            let client = AdminClient::of_data_dir(&config.data_dir);
            let asked = serve::on_threads(async { Ok(client.silence(&request).await) })?;
            or_in_file(asked, &config, |desk, by| desk.silence(&request, by))?
        }
        // The command line does not let this pass.
        _ => bail!("say which alerts, for how long and why; or --list, or --end ID"),
    };
    say(&silence, json)
}

fn say(silence: &Silence, json: bool) -> Result<()> {
    if json {
        return files::print(&format!("{}\n", serde_json::to_string_pretty(silence)?));
    }
    files::print(&match silence.ended {
        Some(ended) => format!("{} ended at {ended}\n", silence.id),
        None => {
            let lasts = span(silence.until.0 - silence.from.0);
            format!("{} in force for {lasts}, until {}\n", silence.id, silence.until)
        }
    })
}

fn show(config: &CollectorConfig, json: bool) -> Result<()> {
    let (listing, _) = list::read(config, 0)?;
    if json {
        return files::print(&format!("{}\n", serde_json::to_string_pretty(&listing.silences)?));
    }
    let lines: String =
        listing.silences.iter().map(|silence| list::silence_line(silence, listing.at)).collect();
    files::print(if lines.is_empty() { "there are no silences\n" } else { &lines })
}

/// Acknowledges.
pub(super) fn acknowledge(args: AckArgs) -> Result<()> {
    let Configured { config, json } = args.configured;
    let config = files::collector(&config)?;
    let request = AckRequest { alert: args.alert, note: args.note };
    let client = AdminClient::of_data_dir(&config.data_dir);
    let asked = serve::on_threads(async { Ok(client.acknowledge(&request).await) })?;
    let ack: Ack = or_in_file(asked, &config, |desk, by| desk.acknowledge(&request, by))?;
    if json {
        return files::print(&format!("{}\n", serde_json::to_string_pretty(&ack)?));
    }
    files::print(&format!("{} acknowledged at {} by {}\n", ack.alarm, ack.at, ack.by))
}

/// The collector's answer, or what is done in its file where it does not run.
fn or_in_file<T>(
    asked: Result<T, ClientError>,
    config: &CollectorConfig,
    job: impl FnOnce(&Desk, &str) -> Result<T, DeskError>,
) -> Result<T> {
    match asked {
        Ok(done) => return Ok(done),
        Err(ClientError::NotRunning { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let layout = Layout::new(&config.data_dir);
    if !layout.outputs().exists() {
        bail!(
            "no collector has run in {} yet; start it once, or check `data_dir`",
            config.data_dir.display()
        );
    }
    let owner = std::fs::metadata(layout.outputs())?.uid();
    let own = std::fs::metadata("/proc/self")?.uid();
    if owner != own {
        bail!(
            "no collector is running, and {} belongs to another user (uid {owner}); run the command as that user",
            layout.outputs().display()
        );
    }
    let done = job(&Desk::new(layout, clock::now), Who::this_process().as_str())?;
    eprintln!("The collector does not run; it is kept in its file for the next start.");
    Ok(done)
}

/// `30m`, `4h`, `2d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it like 30m, 4h or 2d");
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    count.checked_mul(factor).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_minutes_hours_or_days() {
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1_800)));
        assert_eq!(duration("4h"), Ok(Duration::from_secs(14_400)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for text in ["", "4", "h", "-4h", "4 h", "4w", "30s", "99999999999999999999h", "9999999999999999999d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
