//! An authority of our own, and the certificates that it signs.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// An authority, and a directory for what it signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) dir: TempDir,
}

impl Authority {
    /// With its own certificate as `ca.pem`.
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("ca.pem"), issuer.pem()).expect("written");
        Authority { issuer, dir }
    }

    /// Where a file of that name is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key`, for a broker at that host or for a client of that name.
    pub(crate) fn sign(&self, name: &str, host: Option<&str>) {
        let key = KeyPair::generate().expect("a key");
        let mut params =
            CertificateParams::new(host.map(String::from).into_iter().collect::<Vec<_>>()).expect("valid");
        params.distinguished_name.push(DnType::CommonName, name);
        let usage = if host.is_some() {
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::ClientAuth
        };
        params.extended_key_usages.push(usage);
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("written");
    }
}
