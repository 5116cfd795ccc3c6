//! An agent that runs from its configuration file, takes up what changes in it, and tells the service manager
//! how it is.
//!
//! A change is taken up by an orderly stop and a start in the same process. Nothing is lost by that: what was taken
//! in is in the spool, and a broker keeps for its session what comes in between. While the spool cannot be written a
//! change waits, and what cannot be written all the same is carried over.

use crate::config::AgentConfig;
use crate::pipeline::{self, AgentError};
use sd_notify::NotifyState;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs an agent until `shutdown` completes. When its file changes, or on SIGHUP, the file is checked whole: if it
/// can be used the agent goes on with it, otherwise it says what is wrong and goes on as it was.
///
/// # Errors
/// [`AgentError`] if it cannot start with the configuration it was given.
pub async fn run_file(
    path: &Path,
    config: AgentConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let mut file = Watched::new(path);
    let mut shutdown = std::pin::pin!(shutdown);
    tell(&[NotifyState::Ready]);
    let mut config = config;
    let mut former: Option<AgentConfig> = None;
    let mut held_back = Vec::new();
    loop {
        let until = async {
            tokio::select! {
                () = &mut shutdown => tell(&[NotifyState::Stopping]),
                () = keep_watchdog_quiet() => {}
            }
        };
        let changed = file.next_usable(&config);
        let run = pipeline::run_until_changed(config.clone(), Vec::new(), &mut held_back, until, changed);
        let outcome = run.await;
        if let (Err(error), Some(former)) = (&outcome, former.take()) {
            error!(%error, "the new configuration cannot be started; going on with the former one");
            config = former;
            continue;
        }
        match outcome {
            Ok(Some(next)) => former = Some(std::mem::replace(&mut config, next)),
            Ok(None) => return Ok(()),
            Err(error) => {
                let readings: usize = held_back.iter().map(|batch| batch.readings.len()).sum();
                if readings > 0 {
                    error!(readings, "readings that could not be written are lost");
                }
                return Err(error);
            }
        }
        for warning in config.warnings.all() {
            warn!("{warning}");
        }
        info!(file = %path.display(), "going on with the changed configuration");
    }
}

/// What the file was when it was last looked at.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    mark: Option<(SystemTime, u64)>,
    /// The text that was last read, whether it could be used or not.
    text: Option<String>,
    hangups: Option<Signal>,
}

impl Watched {
    fn new(path: &Path) -> Watched {
        let hangups = signal(SignalKind::hangup())
            .inspect_err(|error| warn!(%error, "cannot listen for SIGHUP; the file is watched all the same"))
            .ok();
        let text = std::fs::read_to_string(path).ok();
        Watched { path: path.to_owned(), mark: mark(path), text, hangups }
    }

    /// Waits until the file holds another configuration that can be used in place of this one.
    async fn next_usable(&mut self, running: &AgentConfig) -> AgentConfig {
        loop {
            let asked = tokio::select! {
                () = hangup(&mut self.hangups) => true,
                () = sleep(LOOK_EVERY) => false,
            };
            let found = mark(&self.path);
            if found == self.mark && !asked {
                continue;
            }
            self.mark = found;
            if let Some(config) = self.look(running, asked) {
                return config;
            }
        }
    }

    /// The configuration in the file, if it is another and can be used; says why not, once for each content.
    fn look(&mut self, running: &AgentConfig, asked: bool) -> Option<AgentConfig> {
        let file = self.path.display().to_string();
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) => {
                warn!(file, %error, "the configuration cannot be read; the running one stays in force");
                return None;
            }
        };
        if self.text.as_deref() == Some(&text) && !asked {
            return None;
        }
        let config = AgentConfig::parse(&file, &text);
        self.text = Some(text);
        match config {
            Err(problems) => {
                for problem in problems.all() {
                    error!("{problem}");
                }
                error!(file, "the changed configuration cannot be used; the running one stays in force");
                None
            }
            Ok(config) if config.agent != running.agent || config.data_dir != running.data_dir => {
                error!(
                    file,
                    "another agent.name, agent.site or agent.data_dir is another agent: restart it for that; \
                     the running configuration stays in force"
                );
                None
            }
            Ok(config) => Some(config),
        }
    }
}

fn mark(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

async fn hangup(hangups: &mut Option<Signal>) {
    match hangups {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}

/// Tells the service manager that we live, as often as it wants; never completes. It runs on the thread of the
/// agent, so that silence means that the agent hangs.
async fn keep_watchdog_quiet() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return pending().await };
    let mut often = interval((limit / 3).max(Duration::from_millis(100)));
    often.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        often.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

/// Without a service manager there is nobody to tell.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "cannot tell the service manager how the agent is");
    }
}
