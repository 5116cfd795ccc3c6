//! TLS to the broker: whom we trust, who we are, and until when.
//!
//! The files are read anew at each connect, and looked at while a connection stands, so that certificates can be
//! replaced while everything runs.

mod loaded;

pub(super) use loaded::Loaded;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use wattledger_model::document::{self, Table};
use x509_cert::Certificate;
use x509_cert::der::{Decode, SliceReader};
use x509_cert::name::Name;

/// From when on the end of a certificate is warned of.
const WARN_BEFORE: Duration = Duration::from_secs(30 * 86_400);
const DAY_S: u64 = 86_400;

/// How a broker is reached over TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates (PEM) of the authorities that may vouch for the broker; `None` for those that this machine
    /// trusts.
    pub ca_file: Option<PathBuf>,
    /// Who we are to a broker that asks for a certificate.
    pub identity: Option<Identity>,
}

/// A client certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate (PEM), followed by those between it and the authority, if there are any.
    pub certificate_file: PathBuf,
    /// Its private key (PEM).
    pub key_file: PathBuf,
}

/// Why TLS cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, or not PEM.
    #[error("cannot use {}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key are not a pair, or of a kind that is not supported.
    #[error("{} and {} do not go together: {source}", .certificate.display(), .key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// No `ca_file`, and the machine trusts nobody.
    #[error("this machine has no certificate authorities; install ca-certificates or give a `ca_file`")]
    NoAuthorities,
    /// The provider offers none of the protocol's versions.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// Until when the certificates of a configuration are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The file of the certificate in use that ends first.
    pub path: PathBuf,
    /// Its end.
    pub until: SystemTime,
}

impl Expiry {
    /// What to tell people, if it is time to: the certificate has ended, or ends within thirty days.
    pub fn warning(&self, now: SystemTime) -> Option<String> {
        let path = self.path.display();
        match self.until.duration_since(now) {
            Err(past) => {
                let days = past.duration().as_secs() / DAY_S;
                Some(format!("the certificate {path} ended {days} days ago; put a new one in its place"))
            }
            Ok(left) if left <= WARN_BEFORE => {
                let days = left.as_secs() / DAY_S;
                Some(format!("the certificate {path} ends in {days} days; put a new one in its place"))
            }
            Ok(_) => None,
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.until.duration_since(SystemTime::now()) {
            Ok(left) => write!(f, "{path} is valid for {} more days", left.as_secs() / DAY_S),
            Err(past) => write!(f, "{path} ended {} days ago", past.duration().as_secs() / DAY_S),
        }
    }
}

impl Tls {
    /// Reads `ca_file`, `certificate_file` and `key_file` beside a broker, if the broker is reached by TLS.
    /// What does not fit is reported to the table's document.
    pub fn read(table: &mut Table<'_>, tls: &mut Option<Tls>) {
        let ca_file = table.optional("ca_file", document::string);
        let certificate_file = table.optional("certificate_file", document::string);
        let key_file = table.optional("key_file", document::string);
        let document = table.document();
        let Some(tls) = tls else {
            let first = [&ca_file, &certificate_file, &key_file].into_iter().flatten().next();
            if let Some(file) = first {
                document.error(file.place, "certificates are for TLS; write the broker as mqtts://HOST");
            }
            return;
        };
        if let Some(file) = ca_file {
            tls.ca_file = Some(file.value.into());
        }
        match (certificate_file, key_file) {
            (Some(certificate), Some(key)) => {
                let (certificate_file, key_file) = (certificate.value.into(), key.value.into());
                tls.identity = Some(Identity { certificate_file, key_file });
            }
            (Some(alone), None) => {
                document.error(alone.place, "`certificate_file` needs a `key_file` beside it")
            }
            (None, Some(alone)) => {
                document.error(alone.place, "`key_file` needs a `certificate_file` beside it")
            }
            (None, None) => {}
        }
    }

    /// What a connection needs, from the files as they are now.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| refused(path, error))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TlsError::NoAuthorities);
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(roots);
        let Some(Identity { certificate_file, key_file }) = &self.identity else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let chain = certificates(certificate_file)?;
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| refused(key_file, error))?;
        let config = builder.with_client_auth_cert(chain, key).map_err(|source| TlsError::Pair {
            certificate: certificate_file.clone(),
            key: key_file.clone(),
            source,
        })?;
        Ok(Arc::new(config))
    }

    /// Which certificate that is in use ends first, and when. Of our own chain that is any; of the authorities
    /// of `ca_file` it is the one that signed our chain, and beside it the last that is left: a bundle may hold
    /// old ones as long as it holds one that is valid.
    ///
    /// # Errors
    /// [`TlsError::File`] where one cannot be read.
    pub fn expiry(&self) -> Result<Option<Expiry>, TlsError> {
        let own = match &self.identity {
            Some(Identity { certificate_file, .. }) => read_all(certificate_file)?,
            None => Vec::new(),
        };
        let authorities = self.ca_file.as_ref().map_or(Ok(Vec::new()), |path| read_all(path))?;
        let signed_by = |name: &Name| {
            let known = authorities.iter().filter(|authority| authority.tbs_certificate().subject() == name);
            known.map(end_of).max()
        };
        let of_authorities = [
            authorities.iter().map(end_of).max(),
            own.last().and_then(|last| signed_by(last.tbs_certificate().issuer())),
        ];
        let own_file = self.identity.as_ref().map(|identity| &identity.certificate_file);
        let own = own_file.zip(own.iter().map(end_of).min());
        let of_authorities = of_authorities.into_iter().flatten().min();
        let ends = own.into_iter().chain(self.ca_file.as_ref().zip(of_authorities));
        let first = ends.min_by_key(|(_, until)| *until);
        Ok(first.map(|(path, until)| Expiry { path: path.clone(), until }))
    }

    /// One line for a person: until when the certificates are valid, or why they cannot be used.
    pub fn standing(&self) -> String {
        match self.load().and_then(|_| self.expiry()) {
            Ok(Some(expiry)) => expiry.to_string(),
            Ok(None) => "TLS with the authorities that this machine trusts".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Changes when a file does.
    pub(super) fn marks(&self) -> Vec<Option<(SystemTime, u64)>> {
        let identity =
            self.identity.iter().flat_map(|identity| [&identity.certificate_file, &identity.key_file]);
        let mark = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        self.ca_file.iter().chain(identity).map(mark).collect()
    }
}

/// What to do about a failed handshake, by the words of rustls.
pub(super) fn mend(reason: &str) -> Option<&'static str> {
    let mends = [
        (["UnknownIssuer", "BadSignature"], "give the authority of the broker's certificate as `ca_file`"),
        (["NotValidForName", "not valid for name"], "write the broker by a name that its certificate has"),
        (
            ["CertificateRequired", "HandshakeFailure"],
            "the broker asks for a `certificate_file` and its `key_file`",
        ),
        (["UnknownCA", "DecryptError"], "the broker does not trust the authority of our `certificate_file`"),
    ];
    mends.into_iter().find(|(words, _)| words.iter().any(|word| reason.contains(word))).map(|(_, mend)| mend)
}

fn refused(path: &Path, reason: impl fmt::Display) -> TlsError {
    TlsError::File { path: path.to_owned(), reason: reason.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| refused(path, error))?.collect();
    match all.map_err(|error| refused(path, error))? {
        none if none.is_empty() => Err(refused(path, "there is no certificate in it; it must be PEM")),
        some => Ok(some),
    }
}

/// The certificates of a file, as far as their names and ends are needed.
fn read_all(path: &Path) -> Result<Vec<Certificate>, TlsError> {
    let decoded = |der: &CertificateDer<'_>| Certificate::decode(&mut SliceReader::new(der)?);
    certificates(path)?.iter().map(|der| decoded(der).map_err(|error| refused(path, error))).collect()
}

/// `notAfter` (RFC 5280, 4.1.2.5).
fn end_of(certificate: &Certificate) -> SystemTime {
    SystemTime::UNIX_EPOCH + certificate.tbs_certificate().validity().not_after.to_unix_duration()
}

#[cfg(test)]
mod tests;
