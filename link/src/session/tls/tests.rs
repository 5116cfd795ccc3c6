use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use tempfile::TempDir;

/// A certificate that vouches for itself until then, and its key.
fn made(dir: &TempDir, name: &str, until: (i32, u8, u8)) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let certificate = params(name, until).self_signed(&key).expect("a certificate");
    let (certificate_file, key_file) =
        (dir.path().join(format!("{name}.pem")), dir.path().join(format!("{name}.key")));
    fs::write(&certificate_file, certificate.pem()).expect("written");
    fs::write(&key_file, key.serialize_pem()).expect("written");
    (certificate_file, key_file)
}

fn params(name: &str, until: (i32, u8, u8)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    params
}

fn at(unix_s: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_s)
}

/// 2030-01-01.
const END_S: u64 = 1_893_456_000;
const YEAR_2027_S: u64 = 1_798_761_600;
const YEAR_2036_S: u64 = 2_082_758_400;
const YEAR_2040_S: u64 = 2_208_988_800;

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

/// A certificate of this name signed by an authority, as PEM, with its key.
fn signed(issuer: &CertifiedIssuer<'static, KeyPair>, name: &str, until: (i32, u8, u8)) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = params(name, until);
    let certificate = params.signed_by(&key, issuer).expect("signed");
    (certificate.pem(), key.serialize_pem())
}

fn authority(name: &str, until: (i32, u8, u8)) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(name, until);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

#[test]
fn an_old_authority_of_a_bundle_is_not_warned_of_while_the_one_in_use_is_good() {
    let dir = tempfile::tempdir().expect("a directory");
    let (old, renewed) = (authority("ours", (2027, 1, 1)), authority("ours", (2036, 1, 1)));
    let (other, last) = (authority("other", (2029, 1, 1)), authority("last", (2040, 1, 1)));
    let bundle = |name: &str, authorities: &[&CertifiedIssuer<'static, KeyPair>]| {
        let path = dir.path().join(name);
        let pem: String = authorities.iter().map(|authority| authority.pem()).collect();
        fs::write(&path, pem).expect("written");
        path
    };
    let identity = |issuer, until| {
        let (certificate_file, key_file) = (dir.path().join("agent.pem"), dir.path().join("agent.key"));
        let (certificate, key) = signed(issuer, "agent", until);
        fs::write(&certificate_file, certificate).expect("written");
        fs::write(&key_file, key).expect("written");
        Some(Identity { certificate_file, key_file })
    };
    let expiry = |ca: &PathBuf, identity: Option<Identity>| {
        let tls = Tls { ca_file: Some(ca.clone()), identity };
        tls.load().expect("all fits");
        tls.expiry().expect("readable").expect("there are some")
    };
    let all = bundle("all.pem", &[&old, &renewed, &other, &last]);
    assert_eq!(
        expiry(&all, None),
        Expiry { path: all.clone(), until: at(YEAR_2040_S) },
        "the last that is left"
    );
    let ours = identity(&renewed, (2039, 1, 1));
    assert_eq!(
        expiry(&all, ours),
        Expiry { path: all.clone(), until: at(YEAR_2036_S) },
        "the renewed one counts"
    );
    let ours = identity(&renewed, (2030, 1, 1));
    let certificate = dir.path().join("agent.pem");
    assert_eq!(expiry(&all, ours), Expiry { path: certificate, until: at(END_S) }, "ours ends first");
    let of_old = bundle("old.pem", &[&old, &other]);
    let ours = identity(&old, (2039, 1, 1));
    let expiry = expiry(&of_old, ours);
    assert!(expiry.warning(at(YEAR_2027_S - DAY_S)).is_some(), "the one in use ends: {expiry:?}");
}

#[test]
fn while_files_cannot_be_used_the_last_that_could_stay_in_use() {
    let dir = tempfile::tempdir().expect("a directory");
    let (certificate_file, key_file) = made(&dir, "agent", (2030, 1, 1));
    let (ca, _) = made(&dir, "ca", (2030, 1, 1));
    let tls =
        Tls { ca_file: Some(ca), identity: Some(Identity { certificate_file, key_file: key_file.clone() }) };
    let mut loaded = Loaded::default();
    let good = fs::read(&key_file).expect("a key");
    fs::write(&key_file, "half a k").expect("written");
    let error = tls.load().expect_err("no key");
    assert!(!loaded.is_news(&error) && loaded.take(Err(error)).is_err(), "nothing was ever good");
    fs::write(&key_file, &good).expect("written");
    let first = loaded.take(tls.load()).expect("good");
    fs::write(&key_file, "half a k").expect("written");
    let mut said = 0;
    for _ in 0..3 {
        let error = tls.load().expect_err("no key");
        said += usize::from(loaded.is_news(&error));
        assert!(Arc::ptr_eq(&first, &loaded.take(Err(error)).expect("the last good one")));
    }
    assert_eq!(said, 1);
    fs::write(&key_file, &good).expect("written");
    let second = loaded.take(tls.load()).expect("good again");
    assert!(!Arc::ptr_eq(&first, &second));
    fs::write(&key_file, "half a k").expect("written");
    assert!(loaded.is_news(&tls.load().expect_err("no key")), "another time it is news again");
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
