//! Where the demo meets agent and collector: the only file that starts them, so the only one to change
//! when their ways in do.

use super::DemoError;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wattledger_agent::config::AgentConfig;
use wattledger_agent::source::Source;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::outputs::snapshot::Snapshot;

/// How long a part gets to end in order. What it has promised to keep is on disk at any time.
const GOODBYE: Duration = Duration::from_secs(20);

/// A part that runs until it is told to stop.
#[derive(Debug)]
struct Part {
    name: String,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), String>>>,
}

impl Part {
    /// `run` gets a future that completes when the part has to stop.
    fn start<R, F>(name: String, run: R) -> Part
    where
        R: FnOnce(oneshot::Receiver<()>) -> F,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Part { name, stop: Some(stop), task: Some(tokio::spawn(run(stopped))) }
    }

    /// Set if the part has ended although nobody stopped it.
    fn ended(&self) -> Option<DemoError> {
        let over = self.task.as_ref().is_some_and(JoinHandle::is_finished);
        over.then(|| self.error("see the log above".to_owned()))
    }

    async fn stop(&mut self) -> Result<(), DemoError> {
        // A part that has ended no longer listens; its outcome says why.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        match self.task.take() {
            None => Ok(()),
            Some(mut task) => match tokio::time::timeout(GOODBYE, &mut task).await {
                Ok(Ok(outcome)) => outcome.map_err(|reason| self.error(reason)),
                Ok(Err(panicked)) => Err(self.error(panicked.to_string())),
                Err(_) => {
                    task.abort();
                    Err(self.error(format!("it did not stop within {} s", GOODBYE.as_secs())))
                }
            },
        }
    }

    fn error(&self, reason: String) -> DemoError {
        DemoError::Ended { part: self.name.clone(), reason }
    }
}

/// A running agent with one source of the demo's own.
#[derive(Debug)]
pub(crate) struct Agent {
    site: &'static str,
    part: Part,
}

impl Agent {
    /// Starts an agent from its configuration.
    ///
    /// # Errors
    /// [`DemoError::Configuration`] with every problem of the text.
    pub(crate) fn start(
        site: &'static str,
        file: &Path,
        text: &str,
        source: Box<dyn Source>,
    ) -> Result<Agent, DemoError> {
        let config = AgentConfig::parse(&file.to_string_lossy(), text)
            .map_err(|problems| DemoError::Configuration(problems.to_string()))?;
        let part = Part::start(format!("agent at {site}"), |stopped| async move {
            let shutdown = async { drop(stopped.await) };
            let outcome = wattledger_agent::pipeline::run_with_sources(config, vec![source], shutdown).await;
            outcome.map_err(|error| chain(&error))
        });
        Ok(Agent { site, part })
    }

    pub(crate) fn site(&self) -> &str {
        self.site
    }

    /// Set if the agent has ended although nobody stopped it.
    pub(crate) fn ended(&mut self) -> Option<DemoError> {
        self.part.ended()
    }

    /// Stops the agent; what is in its spool stays there.
    ///
    /// # Errors
    /// [`DemoError::Ended`] with the reason why it did not end well.
    pub(crate) async fn stop(&mut self) -> Result<(), DemoError> {
        self.part.stop().await
    }
}

/// The running collector.
#[derive(Debug)]
pub(crate) struct Collector {
    handle: wattledger_collector::Handle,
    page: SocketAddr,
    part: Part,
}

impl Collector {
    /// Starts the collector; on return its page is served and its session is being made.
    ///
    /// # Errors
    /// [`DemoError::Configuration`] with every problem of the text; [`DemoError::Ended`] when its store
    /// cannot be opened or the page's port was taken meanwhile.
    pub(crate) async fn start(file: &Path, text: &str, page: SocketAddr) -> Result<Collector, DemoError> {
        let config = CollectorConfig::parse(&file.to_string_lossy(), text)
            .map_err(|problems| DemoError::Configuration(problems.to_string()))?;
        let failed = |error| DemoError::Ended { part: "collector".to_owned(), reason: chain(&error) };
        let running = wattledger_collector::start(config).await.map_err(failed)?;
        let handle = running.handle();
        let part = Part::start("collector".to_owned(), |stopped| async move {
            let shutdown = async { drop(stopped.await) };
            running.until(shutdown).await.map_err(|error| chain(&error))
        });
        Ok(Collector { handle, page, part })
    }

    /// The latest snapshot.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.handle.snapshot()
    }

    /// Readings in the collector's store, those of earlier runs too.
    pub(crate) fn readings_committed(&self) -> u64 {
        self.handle.readings_committed()
    }

    /// Where the page answers.
    pub(crate) fn page(&self) -> SocketAddr {
        self.page
    }

    /// Set if the collector has ended although nobody stopped it.
    pub(crate) fn ended(&mut self) -> Option<DemoError> {
        self.part.ended()
    }

    /// Stops the collector; what it has acknowledged is on disk.
    ///
    /// # Errors
    /// [`DemoError::Ended`] with the reason why it did not end well.
    pub(crate) async fn stop(&mut self) -> Result<(), DemoError> {
        self.part.stop().await
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
