//! What can be known to be wrong with channels before there is an alert: templates are tried on messages made up.

use super::decide::Turn;
use super::group::Parcel;
use super::message::Message;
use super::template::{self, TemplateError};
use crate::config::{Body, Channel, ChannelKind, CollectorConfig, Webhook};
use std::collections::BTreeMap;
use wattledger_model::document::{Problems, Severity};

/// Everything that is wrong with the templates of channels, and with what their answers must be. Files are read; one
/// that is not there is a warning, since it may come, and belongs to the machine that the collector runs on.
pub fn check_channels(config: &CollectorConfig) -> Problems {
    let mut problems = Problems::of(&config.file);
    for channel in &config.channels {
        let ChannelKind::Webhook(hook) = &channel.kind else { continue };
        let wrong = |what: String| format!("channel `{}`: {what}", channel.name);
        if let Some(Err(error)) = hook.accept.as_deref().map(template::check_expression) {
            problems.add(
                Severity::Error,
                channel.place,
                wrong(format!("`accept` is no expression: {error}")),
            );
        }
        if let Body::Template(text) = &hook.body
            && let Err(error) = tried(channel, hook, config)
        {
            let severity = match error {
                TemplateError::Read { .. } => Severity::Warning,
                _ => Severity::Error,
            };
            problems.add(severity, text.place, wrong(error.to_string()));
        }
    }
    problems
}

fn tried(channel: &Channel, hook: &Webhook, config: &CollectorConfig) -> Result<(), TemplateError> {
    let Body::Template(text) = &hook.body else { return Ok(()) };
    let text = template::text_of(&text.value)?;
    let url = config.web.as_ref().and_then(|web| web.url.as_ref()).map(|url| url.as_str());
    for page in [None, Some(url.unwrap_or("https://wattledger.example.org"))] {
        for parcel in samples(channel) {
            template::render(hook, &text, "sample-key", &parcel, page)?;
        }
    }
    Ok(())
}

/// Messages as the channel would get them, with letters that need care in them.
pub(super) fn samples(channel: &Channel) -> Vec<Parcel> {
    let labels = BTreeMap::from([("team".to_owned(), "cooling".to_owned())]);
    let raised = Message {
        version: 1,
        id: "hall-1-pue-20260610t0815z".to_owned(),
        key: "hall-1-pue-20260610t0815z-raised".to_owned(),
        event: Turn::Raised,
        state: Turn::Raised,
        rule: "hall-1-pue".to_owned(),
        facility: "hall-1".to_owned(),
        severity: "warning".to_owned(),
        indicator: "pue".to_owned(),
        value: 1.412,
        limit: 1.35,
        window: "1h".to_owned(),
        coverage: 0.99,
        since: "2026-06-10T08:00:00Z".to_owned(),
        as_of: "2026-06-10T08:15:00Z".to_owned(),
        reason: "PUE over 1 hour is above 1.35 for 15 minutes: 1.412".to_owned(),
        condition: "indicator".to_owned(),
        subject: "hall-1".to_owned(),
        what: "PUE over 1 hour".to_owned(),
        unit: "1".to_owned(),
        labels,
        annotations: BTreeMap::from([(
            "summary".to_owned(),
            "\"冷机\" <chiller-1> & its pump\nhave\tstopped \\ {{ 停机 }}".to_owned(),
        )]),
        cause: "the hall takes 1412 kW, its IT equipment 1000 kW".to_owned(),
        changed: vec!["cooling adds 0.062".to_owned()],
        suppresses: vec!["hall-1-coverage hall-1".to_owned()],
        look_at: "wattledger explain figure hall-1 2026-06-10 --config FILE".to_owned(),
        raised_at: "2026-06-10T08:15:00Z".to_owned(),
    };
    let bare = Message {
        key: "hall-1-pue-20260610t0815z-cleared".to_owned(),
        event: Turn::Cleared,
        state: Turn::Cleared,
        annotations: BTreeMap::new(),
        labels: BTreeMap::new(),
        cause: String::new(),
        changed: Vec::new(),
        suppresses: Vec::new(),
        look_at: String::new(),
        ..raised.clone()
    };
    let parcel = |alerts: Vec<Message>, group, repeated| Parcel { alerts, group, repeated };
    if channel.telling.group_wait.is_zero() {
        return vec![
            parcel(vec![raised.clone()], None, 0),
            parcel(vec![bare], None, 0),
            parcel(vec![raised], None, 3),
        ];
    }
    let group: BTreeMap<String, String> =
        channel.telling.group_by.iter().map(|label| (label.clone(), String::new())).collect();
    vec![
        parcel(vec![raised.clone()], Some(group.clone()), 0),
        parcel(vec![raised.clone(), bare], Some(group.clone()), 0),
        parcel(vec![raised], Some(group), 3),
    ]
}
