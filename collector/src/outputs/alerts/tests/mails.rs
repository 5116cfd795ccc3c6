//! Mail over real connections: TLS, users, refusals, and how a reader sees what belongs together.

use super::RULE;
use super::deliveries::{Running, excursion, until_waiting, watched};
use crate::outputs::authority::Authority;
use crate::outputs::hall::Hall;
use crate::post::mail_server::{MailServer, Manners, tls};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// The hall with its rule sent to a mail channel.
async fn told_by_mail(port: u16, more: &str) -> Hall {
    let channel = format!(
        "[[channel.mail]]\nname = \"ops\"\nhost = \"localhost\"\nport = {port}\n\
         from = \"Wattledger Halle Süd <wattledger@example.org>\"\n{more}"
    );
    let mut hall = watched(&format!("{RULE}{channel}")).await;
    excursion(&mut hall);
    hall
}

fn authority() -> Authority {
    let authority = Authority::new();
    authority.sign("mail", Some("localhost"));
    authority
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_over_starttls_to_a_known_user_and_its_end_belongs_to_it() {
    let authority = authority();
    let config = tls(&authority.path("mail.pem"), &authority.path("mail.key"));
    let user = Some(("wattledger", "h u n t e r"));
    let mut server = MailServer::start(Manners { tls: Some(config), user, ..Manners::default() });
    std::fs::write(authority.path("password"), "h u n t e r\n").expect("written");
    let more = format!(
        "to = [\"ops@example.org\"]\nusername = \"wattledger\"\npassword_file = {:?}\nca_file = {:?}\n",
        authority.path("password"),
        authority.path("ca.pem")
    );
    let hall = told_by_mail(server.port, &more).await;
    let running = Running::start(&hall);
    let (raised, cleared) = (server.next().await, server.next().await);
    assert!(raised.over_tls && raised.user && cleared.over_tls);
    let id = raised.header("Message-ID").expect("an id");
    assert!(id.starts_with("<hall-1-pue-") && id.ends_with("-raised.ops@example.org>"), "{id}");
    assert_eq!(cleared.header("In-Reply-To"), Some(id.clone()));
    assert_eq!(cleared.header("References"), Some(id.clone()));
    assert_ne!(cleared.header("Message-ID"), Some(id));
    let subject = raised.header("Subject").expect("a subject");
    assert!(subject.starts_with("[raised] warning: hall-1: PUE over 1 minute is above 1.35"), "{subject}");
    assert!(cleared.header("Subject").is_some_and(|subject| subject.starts_with("[cleared] ")));
    let from = raised.header("From").expect("a sender");
    assert!(from.is_ascii() && from.contains("=?utf-8?"), "{from}");
    assert_eq!(raised.header("Content-Type").as_deref(), Some("text/plain; charset=utf-8"));
    assert!(
        raised.text.contains("Value: 1.400, limit 1.35") && raised.text.contains("example.org"),
        "{}",
        raised.text
    );
    until_waiting(&hall, 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_offers_no_tls_or_cannot_prove_itself_gets_nothing() {
    let mut bare = MailServer::start(Manners::default());
    let hall = told_by_mail(bare.port, "to = [\"ops@example.org\"]\n").await;
    let running = Running::start(&hall);
    running.until_fared("ops", |ops| ops.failed > 1).await;
    let why = running.fares.views().remove(0).last_error.expect("an error");
    assert!(why.contains("STARTTLS"), "{why}");
    running.stop().await;
    assert!(bare.is_empty());

    let (ours, strange) = (authority(), authority());
    let config = tls(&strange.path("mail.pem"), &strange.path("mail.key"));
    bare = MailServer::start(Manners { tls: Some(config), at_once: true, ..Manners::default() });
    let ca = ours.path("trusted.pem");
    std::fs::copy(ours.path("ca.pem"), &ca).expect("copied");
    let more = format!("tls = \"tls\"\nto = [\"ops@example.org\"]\nca_file = {ca:?}\n");
    let hall = told_by_mail(bare.port, &more).await;
    let running = Running::start(&hall);
    running.until_fared("ops", |ops| ops.failed > 1).await;
    assert!(bare.is_empty());
    // The file is read again for each attempt.
    std::fs::copy(strange.path("ca.pem"), &ca).expect("copied");
    assert!(bare.next().await.over_tls);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_recipient_that_is_refused_or_late_costs_no_other_anything() {
    let refusals = BTreeMap::from([
        ("gone@example.org", VecDeque::from(["550 5.1.1 no such user"; 10])),
        ("busy@example.org", VecDeque::from(["451 4.7.1 greylisted, come back"; 3])),
    ]);
    let mut server = MailServer::start(Manners { refusals: Mutex::new(refusals), ..Manners::default() });
    let to = "to = [\"gone@example.org\", \"busy@example.org\", \"Ana <ana@example.org>\"]\ntls = \"none\"\n";
    let hall = told_by_mail(server.port, to).await;
    let running = Running::start(&hall);
    let mut came: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..4 {
        let letter = server.next().await;
        let list = letter.header("To").expect("recipients");
        assert!(list.contains("gone@example.org") && list.contains("ana@example.org"), "{list}");
        let subject = letter.header("Subject").expect("a subject");
        came.entry(letter.to).or_default().push(subject[..8].to_owned());
    }
    let both = vec!["[raised]".to_owned(), "[cleared".to_owned()];
    let wanted = [("ana@example.org", both.clone()), ("busy@example.org", both)];
    assert_eq!(came, wanted.map(|(to, subjects)| (to.to_owned(), subjects)).into());
    until_waiting(&hall, 0).await;
    running.until_fared("ops", |ops| ops.delivered == 4 && ops.given_up == 2 && ops.failed == 5).await;
    running.stop().await;
    assert!(server.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_receipt_is_lost_comes_again_under_the_same_id() {
    let mut server = MailServer::start(Manners { vanishes: Mutex::new(1), ..Manners::default() });
    let hall = told_by_mail(server.port, "tls = \"none\"\nto = [\"ops@example.org\"]\n").await;
    let running = Running::start(&hall);
    let (first, again, end) = (server.next().await, server.next().await, server.next().await);
    assert_eq!(first.header("Message-ID"), again.header("Message-ID"));
    assert_eq!(end.header("In-Reply-To"), first.header("Message-ID"));
    until_waiting(&hall, 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_refused_is_no_reason_to_give_a_message_up() {
    let user = Some(("wattledger", "right"));
    let mut server = MailServer::start(Manners { user, ..Manners::default() });
    let dir = tempfile::tempdir().expect("a directory");
    let password = dir.path().join("password");
    std::fs::write(&password, "wrong").expect("written");
    let more = format!(
        "tls = \"none\"\nto = [\"ops@example.org\"]\nusername = \"wattledger\"\npassword_file = {password:?}\n"
    );
    let hall = told_by_mail(server.port, &more).await;
    let running = Running::start(&hall);
    running.until_fared("ops", |ops| ops.failed > 1 && ops.given_up == 0).await;
    std::fs::write(&password, "right").expect("written");
    assert!(server.next().await.user);
    running.stop().await;
}
