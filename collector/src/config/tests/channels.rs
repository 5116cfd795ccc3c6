//! Channels of alerts, and what is wrong with them.

use super::*;

const WEBHOOK: &str = "[[channel.webhook]]\nname = \"ops\"\nurl = \"https://h/hook\"\n";
const MANAGER: &str = "[[channel.alertmanager]]\nname = \"ops\"\n";
const MAIL: &str =
    "[[channel.mail]]\nname = \"ops\"\nhost = \"mail.example.org\"\nfrom = \"w@example.org\"\n";

fn channel(text: &str) -> Channel {
    good(&format!("{LEAST}{text}")).channels.remove(0)
}

#[test]
fn a_channel_has_the_documented_defaults() {
    let hook = channel(WEBHOOK);
    let four_hours = Some(Duration::from_secs(4 * 3_600));
    assert_eq!((hook.telling.repeat_interval, hook.telling.send_resolved), (four_hours, true));
    assert_eq!(
        (hook.telling.group_wait, hook.telling.group_by),
        (Duration::ZERO, vec!["facility".to_owned()])
    );
    let ChannelKind::Webhook(hook) = hook.kind else { panic!("a webhook") };
    assert_eq!(
        (hook.body, hook.content_type.as_str(), hook.accept),
        (Body::Message, "application/json", None)
    );
    let bus = channel("[[channel.mqtt]]\nname = \"bus\"\n");
    assert_eq!(bus.telling.repeat_interval, None, "the broker retains what is up");
    let mail = channel(&format!("{MAIL}to = [\"Operations <ops@example.org>\", \"b@example.org\"]\n"));
    assert_eq!(mail.queues(), ["ops ops@example.org", "ops b@example.org"]);
    let ChannelKind::Mail(mail) = mail.kind else { panic!("mail") };
    assert_eq!((mail.port, mail.security), (587, MailSecurity::StartTls));
    let secure = channel(&format!("{MAIL}to = [\"b@example.org\"]\ntls = \"tls\"\n"));
    assert!(matches!(secure.kind, ChannelKind::Mail(mail) if mail.port == 465));
    let manager = channel(&format!("{MANAGER}urls = [\"http://a:9093\", \"https://b/am/\"]\n"));
    assert_eq!(manager.telling.repeat_interval, None);
    let ChannelKind::Alertmanager(manager) = manager.kind else { panic!("an Alertmanager") };
    let urls: Vec<&str> = manager.urls.iter().map(HttpUrl::as_str).collect();
    assert_eq!((urls, manager.tls), (vec!["http://a:9093", "https://b/am"], Some(Tls::default())));
}

#[test]
fn a_recipe_brings_what_its_product_needs() {
    for (recipe, signing, accept) in [
        ("slack", Signing::Header, None),
        ("dingtalk", Signing::DingTalk, Some("errcode == 0")),
        ("feishu", Signing::Feishu, Some("code == 0")),
        ("wecom", Signing::Header, Some("errcode == 0")),
    ] {
        let ChannelKind::Webhook(hook) = channel(&format!("{WEBHOOK}recipe = \"{recipe}\"\n")).kind else {
            panic!("a webhook")
        };
        assert_eq!((hook.signing, hook.accept.as_deref()), (signing, accept), "{recipe}");
    }
}

#[test]
fn what_cannot_be_meant_is_said_with_its_mend() {
    for (more, why) in [
        (format!("{WEBHOOK}recipe = \"slakc\"\n"), "did you mean `slack`"),
        (format!("{WEBHOOK}recipe = \"slack\"\ntemplate = \"x\"\n"), "answers to one question; keep one"),
        (format!("{WEBHOOK}sign = \"feishu\"\n"), "`sign` needs an `hmac_key_file` beside it"),
        (format!("{WEBHOOK}content_type = \"text/plain\"\n"), "`content_type` is for a template's text"),
        (format!("{WEBHOOK}headers = {{ Host = \"h\" }}\n"), "`Host` has a meaning of its own here"),
        (format!("{WEBHOOK}headers = {{ \"a b\" = \"h\" }}\n"), "`a b` is not the name of a header"),
        (format!("{WEBHOOK}repeat_interval = \"5s\"\n"), "is shorter than a minute"),
        (format!("{WEBHOOK}group_wait = \"2h\"\n"), "is longer than an hour"),
        (format!("{WEBHOOK}group_by = [\"a b\"]\n"), "`a b` is not the name of a label"),
        (
            format!("{WEBHOOK}token_env = \"T\"\nusername = \"u\"\n"),
            "`token_env` and `username` exclude each other",
        ),
        ("[[channel.mqtt]]\nname = \"bus\"\ngroup_wait = \"30s\"\n".to_owned(), "is for webhooks and mail"),
        (MANAGER.to_owned(), "`url` is missing"),
        (format!("{MANAGER}urls = []\n"), "names no Alertmanager"),
        (
            format!("{MANAGER}url = \"http://a\"\nurls = [\"http://b\"]\n"),
            "answers to one question; keep one",
        ),
        (format!("{MANAGER}url = \"http://a\"\ngroup_wait = \"30s\"\n"), "Alertmanager's own configuration"),
        (MAIL.to_owned(), "`to` is missing"),
        (format!("{MAIL}to = [\"nobody\"]\n"), "`nobody` is not an address"),
        (format!("{MAIL}to = [\"a@b.org\", \"A <a@b.org>\"]\n"), "names a@b.org twice"),
        (
            format!("{MAIL}to = [\"a@b.org\"]\ntls = \"none\"\n"),
            "warning: messages go to mail.example.org in the clear",
        ),
        (
            format!("{MAIL}to = [\"a@b.org\"]\ntls = \"none\"\nusername = \"u\"\npassword_env = \"P\"\n"),
            "use \"starttls\" or \"tls\"",
        ),
        (format!("{MAIL}to = [\"a@b.org\"]\nusername = \"u\"\n"), "needs a `password_file` beside it"),
    ] {
        let found = after_least(&more);
        assert!(found.iter().any(|said| said.contains(why)), "{more}: {found:?}");
        let expected = if more.contains("nobody") { 2 } else { 1 };
        assert!(found.len() <= expected, "{more}: {found:?}");
    }
    // On this machine nobody listens.
    let local = MAIL.replace("mail.example.org", "127.0.0.1");
    assert_eq!(after_least(&format!("{local}to = [\"a@b.org\"]\ntls = \"none\"\n")), [] as [String; 0]);
}
