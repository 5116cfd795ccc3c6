//! An address that takes POST requests as a channel.

use super::HttpAccess;
use crate::config::access::{HttpUrl, KeptSecret, http_url};
use crate::config::output::read_tls;
use std::path::PathBuf;
use wattledger_link::session::{SecretKeys, SecretSource, Tls};
use wattledger_model::document::{self, Placed, Table};

/// Bodies are JSON where nothing else is said.
const JSON: &str = "application/json";
/// Headers that are ours to say.
const OURS: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
    "x-wattledger-signature",
];

/// An address, and what is posted to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: HttpUrl,
    /// What it is shown.
    pub access: HttpAccess,
    /// Certificates, where the address is one of TLS.
    pub tls: Option<Tls>,
    /// What is posted.
    pub body: Body,
    /// Its type.
    pub content_type: String,
    /// Headers beside ours.
    pub headers: Vec<(String, String)>,
    /// The key that requests are signed with.
    pub key: Option<KeptSecret>,
    /// How they are signed, where there is a key.
    pub signing: Signing,
    /// What the JSON of an answer must be for the message to be taken, as an expression; `None`: any success of
    /// HTTP will do.
    pub accept: Option<String>,
}

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The message as JSON.
    Message,
    /// What a template makes of it.
    Template(Placed<TemplateText>),
}

/// Where the text of a template is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateText {
    /// One that comes along.
    Recipe(Recipe),
    /// In the configuration.
    Inline(String),
    /// In a file, which is read for each message.
    File(PathBuf),
}

/// A template for a well-known product. They are in `config/alerts`, with their sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Slack, and what takes the same bodies.
    Slack,
    /// Microsoft Teams, by a workflow.
    Teams,
    /// DingTalk.
    DingTalk,
    /// Feishu, and Lark.
    Feishu,
    /// WeCom.
    WeCom,
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// The header `X-Wattledger-Signature: t=UNIX,v1=HEX` with HMAC-SHA256 over `UNIX.BODY`.
    Header,
    /// DingTalk's `timestamp` and `sign` in the address.
    DingTalk,
    /// Feishu's `timestamp` and `sign` in the body.
    Feishu,
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Recipe; 5] =
        [Recipe::Slack, Recipe::Teams, Recipe::DingTalk, Recipe::Feishu, Recipe::WeCom];

    /// The word used in configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Recipe::Slack => "slack",
            Recipe::Teams => "teams",
            Recipe::DingTalk => "dingtalk",
            Recipe::Feishu => "feishu",
            Recipe::WeCom => "wecom",
        }
    }

    /// The template.
    pub const fn text(self) -> &'static str {
        match self {
            Recipe::Slack => include_str!("../../../../config/alerts/slack.json.j2"),
            Recipe::Teams => include_str!("../../../../config/alerts/teams.json.j2"),
            Recipe::DingTalk => include_str!("../../../../config/alerts/dingtalk.json.j2"),
            Recipe::Feishu => include_str!("../../../../config/alerts/feishu.json.j2"),
            Recipe::WeCom => include_str!("../../../../config/alerts/wecom.json.j2"),
        }
    }

    /// What its answers must be: these answer 200 and say in the body that they took nothing.
    pub const fn accept(self) -> Option<&'static str> {
        match self {
            Recipe::Slack | Recipe::Teams => None,
            Recipe::DingTalk | Recipe::WeCom => Some("errcode == 0"),
            Recipe::Feishu => Some("code == 0"),
        }
    }

    const fn signing(self) -> Signing {
        match self {
            Recipe::DingTalk => Signing::DingTalk,
            Recipe::Feishu => Signing::Feishu,
            _ => Signing::Header,
        }
    }
}

const SIGNINGS: [(&str, Signing); 3] =
    [("header", Signing::Header), ("dingtalk", Signing::DingTalk), ("feishu", Signing::Feishu)];

impl Webhook {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Webhook> {
        let url = table.required("url", http_url);
        let access = HttpAccess::read(table);
        let tls = read_tls(table, url.as_ref().map(|url| &url.value));
        let body = read_body(table);
        let recipe = match &body {
            Body::Template(Placed { value: TemplateText::Recipe(recipe), .. }) => Some(*recipe),
            _ => None,
        };
        let content_type = table.optional("content_type", header_value);
        let headers = read_headers(table);
        let key = SecretSource::of_table(table, SecretKeys::HMAC_KEY);
        let signing = table.optional("sign", document::choice(SIGNINGS));
        let accept = table.optional("accept", document::string);
        let document = table.document();
        if let Some(signing) = signing.as_ref().filter(|_| key.is_none()) {
            document.error(signing.place, "`sign` needs an `hmac_key_file` beside it");
        }
        if let (Some(content_type), Body::Message) = (&content_type, &body) {
            document
                .error(content_type.place, "`content_type` is for a template's text; the message is JSON");
        }
        let content_type = content_type.map_or(JSON.to_owned(), |content_type| content_type.value);
        let usual = recipe.map_or(Signing::Header, Recipe::signing);
        let signing_is = signing.as_ref().map_or(usual, |signing| signing.value);
        if let Some(signing) = signing.filter(|_| signing_is == Signing::Feishu && !is_json(&content_type)) {
            document
                .error(signing.place, "\"feishu\" signs in a body of JSON, and `content_type` is another");
        }
        Some(Webhook {
            url: url?.value,
            access,
            tls,
            body,
            content_type,
            headers,
            key,
            signing: signing_is,
            accept: accept
                .map(|accept| accept.value)
                .or_else(|| recipe.and_then(Recipe::accept).map(str::to_owned)),
        })
    }

    /// Whether the body must be JSON.
    pub fn is_json(&self) -> bool {
        is_json(&self.content_type)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON || essence.ends_with("+json")
}

fn read_body(table: &mut Table<'_>) -> Body {
    let recipes = Recipe::ALL.map(|recipe| (recipe.word(), recipe));
    let recipe = table.optional("recipe", document::choice(recipes));
    let inline = table.optional("template", document::string);
    let file = table.optional("template_file", document::string);
    let found = [
        recipe.map(|recipe| Placed { value: TemplateText::Recipe(recipe.value), place: recipe.place }),
        inline.map(|inline| Placed { value: TemplateText::Inline(inline.value), place: inline.place }),
        file.map(|file| Placed { value: TemplateText::File(file.value.into()), place: file.place }),
    ];
    let mut found = found.into_iter().flatten();
    let Some(first) = found.next() else { return Body::Message };
    for another in found {
        let why = "`recipe`, `template` and `template_file` are answers to one question; keep one";
        table.document().error(another.place, why);
    }
    Body::Template(first)
}

fn read_headers(table: &mut Table<'_>) -> Vec<(String, String)> {
    let Some(headers) = table.optional("headers", document::entries(header_value)) else { return Vec::new() };
    for (name, _) in &headers.value {
        let document = table.document();
        if !is_token(name) {
            document.error(headers.place, format!("`headers`: `{name}` is not the name of a header"));
        } else if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            document.error(headers.place, format!("`headers`: `{name}` has a meaning of its own here"));
        }
    }
    headers.value
}

/// Visible text, as a header may hold.
fn header_value(value: &document::Value<'_>) -> Result<String, String> {
    let text = document::string(value)?;
    let fits = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if fits { Ok(text) } else { Err("may hold printable ASCII only".to_owned()) }
}

/// `token` of RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_of_token)
}
