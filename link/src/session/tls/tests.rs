use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use tempfile::TempDir;

/// A certificate that vouches for itself until then, and its key.
fn made(dir: &TempDir, name: &str, until: (i32, u8, u8)) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let certificate = params.self_signed(&key).expect("a certificate");
    let (certificate_file, key_file) =
        (dir.path().join(format!("{name}.pem")), dir.path().join(format!("{name}.key")));
    fs::write(&certificate_file, certificate.pem()).expect("written");
    fs::write(&key_file, key.serialize_pem()).expect("written");
    (certificate_file, key_file)
}

fn at(unix_s: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_s)
}

/// 2030-01-01.
const END_S: u64 = 1_893_456_000;

#[test]
fn the_first_end_is_told_and_warned_of_in_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let (ca, _) = made(&dir, "ca", (2031, 1, 1));
    let (certificate_file, key_file) = made(&dir, "agent", (2030, 1, 1));
    let identity = Some(Identity { certificate_file: certificate_file.clone(), key_file });
    let tls = Tls { ca_file: Some(ca), identity };
    let expiry = tls.expiry().expect("readable").expect("there are some");
    assert_eq!(expiry, Expiry { path: certificate_file, until: at(END_S) });
    assert_eq!(expiry.warning(at(END_S - 31 * DAY_S)), None);
    let warning = expiry.warning(at(END_S - 7 * DAY_S - 1)).expect("it is time");
    assert!(warning.contains("agent.pem ends in 7 days"), "{warning}");
    let warning = expiry.warning(at(END_S + 2 * DAY_S)).expect("it is over");
    assert!(warning.contains("agent.pem ended 2 days ago"), "{warning}");
    assert!(Tls::default().expiry().expect("nothing to read").is_none());
    tls.load().expect("all fits");
}

#[test]
fn files_that_do_not_serve_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let (certificate_file, key_file) = made(&dir, "agent", (2030, 1, 1));
    let (_, other_key) = made(&dir, "other", (2030, 1, 1));
    let empty = dir.path().join("empty.pem");
    fs::write(&empty, "no certificate\n").expect("written");
    let with = |ca: Option<&PathBuf>, certificate: &PathBuf, key: &PathBuf| Tls {
        ca_file: ca.cloned(),
        identity: Some(Identity { certificate_file: certificate.clone(), key_file: key.clone() }),
    };
    let says = |tls: Tls, what: &str| {
        let error = tls.load().expect_err("it cannot be used").to_string();
        assert!(error.contains(what), "{error}");
    };
    says(with(Some(&dir.path().join("none.pem")), &certificate_file, &key_file), "none.pem");
    says(with(Some(&empty), &certificate_file, &key_file), "empty.pem: there is no certificate in it");
    says(with(Some(&certificate_file), &certificate_file, &empty), "empty.pem");
    says(with(Some(&certificate_file), &certificate_file, &other_key), "do not go together");
}

#[test]
fn the_keys_of_a_configuration_fit_together() {
    let read = |broker: &str, keys: &str| {
        let document = document::Document::parse("a.toml", keys);
        let mut tls = broker.parse::<crate::session::Broker>().expect("a broker").tls;
        let mut root = document.root();
        Tls::read(&mut root, &mut tls);
        drop(root);
        document.conclude(Some(tls)).map(|(tls, _)| tls).map_err(|problems| problems.to_string())
    };
    assert_eq!(read("mqtt://a", ""), Ok(None));
    assert_eq!(read("mqtts://a", ""), Ok(Some(Tls::default())));
    let identity = Identity { certificate_file: "c".into(), key_file: "k".into() };
    let all = read("mqtts://a", "ca_file = 'ca'\ncertificate_file = 'c'\nkey_file = 'k'");
    assert_eq!(all, Ok(Some(Tls { ca_file: Some("ca".into()), identity: Some(identity) })));
    for (broker, keys, what) in [
        ("mqtt://a", "ca_file = 'ca'", "mqtts://HOST"),
        ("mqtts://a", "certificate_file = 'c'", "`certificate_file` needs a `key_file`"),
        ("mqtts://a", "key_file = 'k'", "`key_file` needs a `certificate_file`"),
    ] {
        let error = read(broker, keys).expect_err(keys);
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn a_replaced_file_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (certificate_file, key_file) = made(&dir, "agent", (2030, 1, 1));
    let tls =
        Tls { ca_file: None, identity: Some(Identity { certificate_file, key_file: key_file.clone() }) };
    let before = tls.marks();
    assert_eq!(before, tls.marks());
    fs::remove_file(&key_file).expect("removed");
    assert_ne!(before, tls.marks());
}
