//! The recipes that come along: what they make is what each product's documentation asks for.

use crate::config::{Body, Channel, ChannelKind, Recipe, TemplateText};
use crate::outputs::alerts::check::{self, check_channels};
use crate::outputs::alerts::group::Parcel;
use crate::outputs::alerts::template::{accepted, render, text_of};
use serde_json::Value;

fn channel(recipe: Recipe, more: &str) -> Channel {
    let text = format!(
        "[[channel.webhook]]\nname = \"ops\"\nurl = \"http://h\"\nrecipe = \"{}\"\n{more}",
        recipe.word()
    );
    let hall = super::hall(&text);
    assert_eq!(check_channels(&hall.config).to_string(), "");
    hall.config.channels[0].clone()
}

fn made(recipe: Recipe, channel: &Channel, parcel: &Parcel) -> Value {
    let ChannelKind::Webhook(hook) = &channel.kind else { panic!("a webhook") };
    let Body::Template(text) = &hook.body else { panic!("a template") };
    assert_eq!(text.value, TemplateText::Recipe(recipe));
    let text = text_of(&text.value).expect("it is there");
    let body = render(hook, &text, "k", parcel, Some("https://wattledger.example.org")).expect("rendered");
    serde_json::from_str(&body).expect("JSON")
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// Title and text of a body, where each product has them.
fn said(recipe: Recipe, body: &Value) -> (String, String) {
    let (title, words) = match recipe {
        Recipe::Slack => ("/text", "/text"),
        Recipe::Teams => ("/attachments/0/content/body/0/text", "/attachments/0/content/body/1/text"),
        Recipe::DingTalk => ("/markdown/title", "/markdown/text"),
        Recipe::Feishu => ("/card/header/title/content", "/card/elements/0/text/content"),
        Recipe::WeCom => ("/markdown/content", "/markdown/content"),
    };
    (text(body, title).to_owned(), text(body, words).to_owned())
}

#[test]
fn every_recipe_makes_what_its_product_requires_of_one_alert_and_of_many() {
    for recipe in Recipe::ALL {
        for more in ["", "group_wait = \"30s\"\n"] {
            let channel = channel(recipe, more);
            for parcel in check::samples(&channel) {
                let body = made(recipe, &channel, &parcel);
                let state = parcel.state().word();
                match recipe {
                    Recipe::Slack => assert!(text(&body, "/text").len() <= 40_000),
                    Recipe::Teams => {
                        assert_eq!(text(&body, "/type"), "message");
                        let card = &body["attachments"][0];
                        assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
                        assert_eq!(
                            (&card["content"]["type"], &card["content"]["version"]),
                            (&"AdaptiveCard".into(), &"1.4".into())
                        );
                        assert_eq!(card["content"]["body"][0]["type"], "TextBlock");
                        assert_eq!(card["content"]["actions"][0]["url"], "https://wattledger.example.org");
                    }
                    Recipe::DingTalk => assert_eq!(body["msgtype"], "markdown"),
                    Recipe::Feishu => {
                        assert_eq!(body["msg_type"], "interactive");
                        let color = if state == "raised" { "red" } else { "green" };
                        assert_eq!(body["card"]["header"]["template"], color);
                        assert_eq!(body["card"]["elements"][0]["tag"], "div");
                        assert_eq!(body["card"]["elements"][0]["text"]["tag"], "plain_text");
                    }
                    Recipe::WeCom => {
                        assert_eq!(body["msgtype"], "markdown");
                        assert!(text(&body, "/markdown/content").len() <= 4_096);
                    }
                }
                let (title, words) = said(recipe, &body);
                assert!(title.contains(parcel.alerts[0].state.word()), "{title}");
                assert!(words.contains("PUE over 1 hour is above 1.35 for 15 minutes: 1.412"), "{words}");
                if parcel.repeated > 0 && parcel.group.is_none() {
                    assert!(title.contains("[still raised]"), "{title}");
                }
            }
        }
    }
}

#[test]
fn quotes_lines_and_chinese_arrive_as_they_were_written() {
    let wild = "\"冷机\" <chiller-1> & its pump\nhave\tstopped \\ {{ 停机 }}";
    for recipe in Recipe::ALL {
        let channel = channel(recipe, "");
        let parcel = check::samples(&channel).remove(0);
        assert_eq!(parcel.alerts[0].annotations["summary"], wild);
        let (_, words) = said(recipe, &made(recipe, &channel, &parcel));
        let wanted = match recipe {
            Recipe::Slack => wild.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            // There a line ends with an empty one.
            Recipe::Teams | Recipe::DingTalk => wild.replace('\n', "\n\n"),
            Recipe::Feishu | Recipe::WeCom => wild.to_owned(),
        };
        assert!(words.contains(&wanted), "{}: {words}", recipe.word());
    }
}

#[test]
fn a_long_text_is_cut_where_a_letter_ends() {
    let channel = channel(Recipe::WeCom, "");
    let mut parcel = check::samples(&channel).remove(0);
    parcel.alerts[0].cause = "电".repeat(3_000);
    let body = made(Recipe::WeCom, &channel, &parcel);
    let content = text(&body, "/markdown/content");
    assert!(content.len() <= 4_000 && content.len() > 3_990 && content.ends_with("电…"), "{}", content.len());
}

#[test]
fn an_answer_is_believed_by_what_it_says() {
    assert_eq!(accepted("errcode == 0", br#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
    assert_eq!(accepted("status in [\"ok\", \"queued\"]", br#"{"status":"queued"}"#), Ok(()));
    for (expression, answer, why) in [
        (
            "errcode == 0",
            r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
            "keywords not in content",
        ),
        ("code == 0", r#"{"StatusCode":0}"#, "cannot be judged"),
        ("code == 0", "ok", "is no JSON"),
        ("code == 0", r#"{"code":"0"}"#, "is not `code == 0`"),
        ("code == 0", "", "is no JSON"),
    ] {
        let said = accepted(expression, answer.as_bytes()).expect_err(answer);
        assert!(said.contains(why), "{said}");
    }
}
