//! What webhooks are sent: by template, with headers, signed; and which answers count.

use super::deliveries::{Running, excursion, until_waiting, watched};
use super::receiver::{Receiver, Reply};
use super::{RULE, hall};
use crate::outputs::alerts::check_channels;

const KEY: &str = "SEC-it-is-a-secret";

fn hook(url: &str, more: &str) -> String {
    format!("{RULE}[[channel.webhook]]\nname = \"ops\"\nurl = \"{url}\"\n{more}")
}

/// A folder with a file of the key.
fn key_file() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("key");
    std::fs::write(&path, format!("{KEY}\n")).expect("written");
    let line = format!("hmac_key_file = {path:?}\n");
    (dir, line)
}

#[tokio::test]
async fn a_template_headers_and_a_type_of_its_own_are_sent() {
    let mut receiver = Receiver::start([]).await;
    let more = "template = \"{{ state }}: {{ reason }} <{{ page }}>\"\ncontent_type = \"text/plain; charset=utf-8\"\n\
                headers = { X-Team = \"cooling\" }\nusername = \"ana\"\npassword_env = \"PATH\"\n";
    let mut hall = watched(&hook(&receiver.url, more)).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let got = receiver.next().await;
    assert_eq!(
        got.text,
        "raised: PUE over 1 minute is above 1.35 for 3 minutes: 1.400 <https://wattledger.example.org>"
    );
    let header = |name: &str| got.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(header("x-team"), Some("cooling"));
    assert!(got.authorization.is_some_and(|shown| shown.starts_with("Basic ")));
    assert!(receiver.next().await.text.starts_with("cleared: "));
    running.stop().await;
}

#[tokio::test]
async fn a_request_is_signed_over_its_time_and_its_body() {
    let (_dir, key) = key_file();
    let mut receiver = Receiver::start([]).await;
    let mut hall = watched(&hook(&receiver.url, &key)).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let got = receiver.next().await;
    let signature = got.headers["x-wattledger-signature"].to_str().expect("ASCII").to_owned();
    let now = super::deliveries::now();
    assert_eq!(signature, crate::outputs::alerts::sign::header(KEY, got.text.as_bytes(), now));
    assert!(signature.starts_with(&format!("t={},v1=", now.0 / 1_000)), "{signature}");
    running.stop().await;
}

#[tokio::test]
async fn dingtalk_is_signed_in_the_address_and_believed_by_its_errcode() {
    let (_dir, key) = key_file();
    let refusals = [
        Reply::Words(r#"{"errcode":310000,"errmsg":"sign not match"}"#),
        Reply::Words("<html>a proxy</html>"),
        Reply::Status(204),
        Reply::Words(r#"{"errcode":0,"errmsg":"ok"}"#),
    ];
    let mut receiver = Receiver::start(refusals).await;
    let url = format!("{}?access_token=T0K3N", receiver.url);
    let mut hall = watched(&hook(&url, &format!("recipe = \"dingtalk\"\n{key}"))).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let first = receiver.next().await;
    let url = reqwest::Url::parse(&format!("http://h{}", first.uri)).expect("an address");
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let stamp = crate::outputs::alerts::sign::dingtalk(KEY, super::deliveries::now());
    assert_eq!(query["access_token"], "T0K3N");
    assert_eq!((&query["timestamp"], &query["sign"]), (&stamp.timestamp, &stamp.sign));
    running.until_fared("ops", |ops| ops.failed > 0 && ops.delivered == 0).await;
    let told = running.fares.views().remove(0).last_error.expect("an error");
    assert!(told.contains("did not take it") && !told.contains("T0K3N"), "{told}");
    for _ in 0..3 {
        assert_eq!(receiver.next().await.key, first.key, "what was not taken is sent again");
    }
    let next = receiver.next().await;
    assert_ne!(next.key, first.key);
    assert!(next.body["markdown"]["title"].as_str().is_some_and(|title| title.starts_with("[cleared]")));
    running.stop().await;
}

#[tokio::test]
async fn feishu_is_signed_in_the_body() {
    let (_dir, key) = key_file();
    let ok = r#"{"code":0,"data":{},"msg":"success"}"#;
    let mut receiver = Receiver::start([Reply::Words(ok), Reply::Words(ok)]).await;
    let mut hall = watched(&hook(&receiver.url, &format!("recipe = \"feishu\"\n{key}"))).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let got = receiver.next().await;
    let stamp = crate::outputs::alerts::sign::feishu(KEY, super::deliveries::now());
    assert_eq!(got.body["timestamp"], stamp.timestamp.as_str());
    assert_eq!(got.body["sign"], stamp.sign.as_str());
    assert_eq!(got.body["msg_type"], "interactive");
    assert_eq!(receiver.next().await.body["card"]["header"]["template"], "green");
    until_waiting(&hall, 0).await;
    running.stop().await;
}

#[tokio::test]
async fn alerts_of_a_group_come_in_one_request() {
    let mut receiver = Receiver::start([]).await;
    // The first waits for the others by the collector's clock, which stands still here: what was noticed when it
    // showed more is not waited for.
    let mut hall = watched(&hook(&receiver.url, "group_wait = \"1s\"\n")).await;
    excursion(&mut hall);
    super::watch(&hall, super::deliveries::now()).round(super::deliveries::now(), None).expect("judged");
    let connection = crate::outputs::remembered::open(&hall.layout).expect("the outputs' file");
    connection
        .execute("INSERT INTO noticed SELECT 'ops', id, 'raised', 0 FROM alarm", [])
        .expect("noticed long ago");
    let running = Running::start(&hall);
    let got = receiver.next().await;
    let events: Vec<&str> = got.body["alerts"]
        .as_array()
        .expect("alerts")
        .iter()
        .filter_map(|one| one["event"].as_str())
        .collect();
    assert_eq!(events, ["raised", "cleared"]);
    assert_eq!(
        (&got.body["group"]["facility"], got.body["key"].as_str()),
        (&"hall-1".into(), Some(got.key.as_str()))
    );
    until_waiting(&hall, 0).await;
    running.stop().await;
    assert!(receiver.is_empty());
}

#[test]
fn a_template_is_tried_before_it_is_needed() {
    let wrong = |more: &str| check_channels(&hall(&hook("http://h", more)).config).to_string();
    assert_eq!(wrong("template = \"{\\\"text\\\": {{ reason | tojson }}}\"\n"), "");
    assert_eq!(wrong("template = \"{{ reason }}\"\ncontent_type = \"text/plain\"\n"), "");
    for (more, why) in [
        ("template = \"{{ reason }}\"\n", "makes no JSON"),
        ("template = \"{{ raeson | tojson }}\"\n", "undefined"),
        ("template = \"{% if %}\"\n", "does not work"),
        ("template = \"{{ reason | tojson }}\"\ngroup_wait = \"30s\"\n", "undefined"),
        (
            "template_file = \"/nowhere/t.j2\"\n",
            "warning: channel `ops`: cannot read the template /nowhere/t.j2",
        ),
        ("accept = \"errcode ==\"\n", "`accept` is no expression"),
    ] {
        let said = wrong(more);
        assert!(said.contains(why), "{more}: {said}");
    }
}
