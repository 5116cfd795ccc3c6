//! What is wrong with the collector now: each part reports its trouble and takes it back.

use crate::outputs::web::{Health, HealthProblem};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Where parts report; cheap to clone.
#[derive(Debug, Clone)]
pub struct HealthBoard {
    problems: Arc<Mutex<BTreeMap<String, String>>>,
    published: Arc<watch::Sender<Arc<Health>>>,
}

impl Default for HealthBoard {
    fn default() -> HealthBoard {
        HealthBoard { problems: Arc::default(), published: Arc::new(watch::Sender::new(Arc::default())) }
    }
}

impl HealthBoard {
    /// Reports trouble of a part; logged when it is new.
    pub fn report(&self, part: &str, detail: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.get(part).is_none_or(|known| known != detail) {
            tracing::error!(part, detail, "trouble");
            problems.insert(part.to_owned(), detail.to_owned());
            self.publish(&problems);
        }
    }

    /// The part works again.
    pub fn clear(&self, part: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.remove(part).is_some() {
            tracing::info!(part, "works again");
            self.publish(&problems);
        }
    }

    /// What is wrong now, and every change of it.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Health>> {
        self.published.subscribe()
    }

    fn publish(&self, problems: &BTreeMap<String, String>) {
        let problems = problems
            .iter()
            .map(|(part, detail)| HealthProblem { part: part.clone(), detail: detail.clone() })
            .collect();
        self.published.send_replace(Arc::new(Health { problems }));
    }
}
