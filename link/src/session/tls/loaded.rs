//! What the files of certificates gave when they last could be used. While one certificate of a pair is
//! replaced and the other is not yet, a connection that must be made anew is made with the old ones.

use super::TlsError;
use rustls::ClientConfig;
use std::sync::Arc;

/// The last configuration that could be used, and what has been said since.
#[derive(Debug, Default)]
pub(in super::super) struct Loaded {
    last: Option<Arc<ClientConfig>>,
    told: Option<String>,
}

impl Loaded {
    /// Keeps what can be used.
    pub(in super::super) fn keep(&mut self, config: Arc<ClientConfig>) {
        self.last = Some(config);
        self.told = None;
    }

    /// What to connect with: what was found or, where that cannot be used, what last could.
    ///
    /// # Errors
    /// What was found, where nothing ever could.
    pub(in super::super) fn take(
        &mut self,
        found: Result<Arc<ClientConfig>, TlsError>,
    ) -> Result<Arc<ClientConfig>, TlsError> {
        match (found, &self.last) {
            (Ok(config), _) => {
                self.keep(Arc::clone(&config));
                Ok(config)
            }
            (Err(_), Some(last)) => Ok(Arc::clone(last)),
            (Err(error), None) => Err(error),
        }
    }

    /// Whether people are to be told that the old ones stay in use: once for each reason.
    pub(in super::super) fn is_news(&mut self, error: &TlsError) -> bool {
        let reason = Some(error.to_string());
        let is_news = self.last.is_some() && self.told != reason;
        if is_news {
            self.told = reason;
        }
        is_news
    }
}
