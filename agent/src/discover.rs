//! `agent discover`: listens to a broker and proposes rules for what it hears, as TOML to paste. Every rule that it
//! proposes was tried on every message that was heard. Where it only suspects, it asks, in a comment.

mod assemble;
mod fields;
mod heard;
mod names;
mod payload;
mod plain;
mod profiles;
mod proposal;
mod sparkplug;
mod words;
mod zone;

use crate::clock;
use crate::command::{length, load, on_one_thread};
use crate::config::BrokerConfig;
use crate::listen::Ear;
use anyhow::{Context, Result, bail};
use assemble::Source;
use chrono_tz::Tz;
use heard::Heard;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use wattledger_link::session::{Broker, Identity, Publish, Qos, SecretSource, SessionEvent};
use wattledger_model::document::{Place, Placed};

/// For the end of the command's help.
pub(crate) const HELP: &str = "What is proposed has been tried on all that was heard; what is not sure is a question in a \
    comment. agent/discover.md tells by which words units and kinds are guessed.\n\n\
    Exit codes: 0 something was heard, 1 not connected or nothing heard, 2 called wrongly.";

/// What `agent discover` is called with.
#[derive(Debug, clap::Args)]
pub struct DiscoverArgs {
    /// An agent's configuration: its sensors' brokers are listened to
    #[arg(required_unless_present = "broker", conflicts_with = "broker")]
    config: Option<PathBuf>,
    /// The broker, such as mqtt://10.0.0.7:1883, or mqtts:// for TLS
    #[arg(long, value_name = "URL")]
    broker: Option<Broker>,
    /// How long to listen, such as 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length)]
    listen: Duration,
    /// The topics to listen to, as in MQTT; may be given more than once
    #[arg(long, value_name = "FILTER", default_value = "#")]
    topic: Vec<String>,
    /// The zone of devices' local times, such as Europe/Berlin; otherwise this machine's, as a question
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,
    /// Ask each Sparkplug node that is heard, once, to tell its metrics anew (publishes spBv1.0/GROUP/NCMD/NODE)
    #[arg(long)]
    rebirth: bool,
    /// The user at the broker
    #[arg(long, requires = "broker")]
    username: Option<String>,
    /// A file with nothing but the user's password
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// The environment variable that holds the user's password
    #[arg(long, value_name = "NAME", requires = "username", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// Who vouches for a broker over TLS, if not whom this machine trusts
    #[arg(long, value_name = "FILE", requires = "broker")]
    ca_file: Option<PathBuf>,
    /// Who we are, for a broker over TLS that asks
    #[arg(long, value_name = "FILE", requires_all = ["broker", "key_file"])]
    certificate_file: Option<PathBuf>,
    /// The key of the certificate
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    key_file: Option<PathBuf>,
}

/// Listens, and prints what it proposes; whether anything was heard.
pub(crate) fn run(args: &DiscoverArgs) -> Result<bool> {
    let sources = sources(args)?;
    let seconds = args.listen.as_secs_f64();
    let mut heard_any = false;
    for (position, (source, broker)) in sources.iter().enumerate() {
        eprintln!("listening to {} on {} for {seconds} s", broker.broker, args.topic.join(" "));
        let heard = on_one_thread(listen(args, broker))??;
        if position > 0 {
            println!();
        }
        heard_any |= !heard.is_empty();
        if heard.is_empty() {
            eprint!("{}", heard.nothing(&args.topic, args.listen));
            continue;
        }
        let zone = zone::of(args.time_zone);
        print!("{}", assemble::text(&heard, source, &args.topic, args.listen, &zone));
    }
    Ok(heard_any)
}

fn sources(args: &DiscoverArgs) -> Result<Vec<(Source, BrokerConfig)>> {
    if let Some(broker) = &args.broker {
        let mut broker = broker.clone();
        broker.username = args.username.clone();
        match &mut broker.tls {
            Some(tls) => {
                tls.ca_file = args.ca_file.clone();
                let pair = args.certificate_file.clone().zip(args.key_file.clone());
                tls.identity =
                    pair.map(|(certificate_file, key_file)| Identity { certificate_file, key_file });
            }
            None if args.ca_file.is_some() || args.certificate_file.is_some() => {
                bail!("certificates are for TLS; write the broker as mqtts://HOST")
            }
            None => {}
        }
        let file = args.password_file.clone().map(SecretSource::File);
        let password = file.or_else(|| args.password_env.clone().map(SecretSource::Environment));
        let password = password.map(|value| Placed { value, place: Place::START });
        let config = BrokerConfig { broker, password };
        return Ok(vec![(Source::of_broker("sensors", &config), config)]);
    }
    let path = args.config.as_deref().context("name a configuration or a broker")?;
    let config = load(path)?;
    let mut sources: Vec<(Source, BrokerConfig)> = Vec::new();
    for mqtt in &config.mqtt {
        if !sources.iter().any(|(_, known)| known.is_same(&mqtt.broker)) {
            let name = format!("{}-found", mqtt.name);
            sources.push((Source::of_broker(&name, &mqtt.broker), mqtt.broker.clone()));
        }
    }
    if sources.is_empty() {
        sources.push((Source::of_broker("sensors", &config.link), config.link));
    }
    Ok(sources)
}

/// Hears all there is, for as long as was asked for.
async fn listen(args: &DiscoverArgs, config: &BrokerConfig) -> Result<Heard> {
    let broker = config.resolve()?;
    let until = Instant::now() + args.listen;
    let mut ear = Ear::open(broker.clone(), "discover", args.topic.iter().cloned());
    let mut heard = Heard::default();
    let mut is_connected = false;
    while let Some(event) = ear.next(until).await {
        match event {
            SessionEvent::Connected { .. } => is_connected = true,
            SessionEvent::Message(delivery) => {
                let now = clock::now();
                if args.rebirth
                    && let Some(request) = heard.node_to_ask(&delivery.topic, now)
                {
                    let (topic, payload) = (request.topic, request.payload);
                    let asked = Publish { topic, payload, qos: Qos::AtMostOnce, retain: false };
                    if let Err(error) = ear.session().try_publish(asked) {
                        eprintln!("a rebirth could not be asked for: {error}");
                    }
                }
                heard.take(delivery.topic, &delivery.payload, delivery.retain, now);
            }
            SessionEvent::Disconnected { reason } if !is_connected => {
                ear.close().await;
                bail!("{broker}: cannot connect: {reason}");
            }
            SessionEvent::Disconnected { reason } => eprintln!("the connection broke: {reason}"),
            SessionEvent::SubscriptionRefused { filter } => {
                eprintln!("the broker refuses {filter}: name what this user may read with --topic");
                heard.not_granted.push(filter);
            }
            SessionEvent::Oversize { topic, bytes } => heard.oversize(topic, bytes),
            SessionEvent::Published(_) => {}
        }
    }
    ear.close().await;
    if !is_connected {
        bail!("{broker}: no answer within {:?}", args.listen);
    }
    Ok(heard)
}

#[cfg(test)]
mod tests;
