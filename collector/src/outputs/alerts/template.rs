//! Bodies by template, and answers by expression: minijinja, where nothing undefined passes for empty.

use super::decide::Turn;
use super::group::Parcel;
use super::message::Message;
use super::words;
use crate::config::{TemplateText, Webhook};
use minijinja::value::merge_maps;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Larger than any template of a message.
const LARGEST_FILE: u64 = 1 << 20;

/// Why a template gives no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the template {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is none.
    #[error("the template {} has {bytes} bytes, too many for one", .path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It is no template, or asks for what there is not.
    #[error("the template does not work: {0}")]
    Template(minijinja::Error),
    /// What it makes is no JSON.
    #[error("the template makes no JSON: {source}; write {{{{ FIELD | tojson }}}} for every text")]
    Json {
        /// What serde says, with the place in what was made.
        source: serde_json::Error,
    },
}

/// What a template is given. A message of one alert has that alert's fields beside these.
#[derive(Serialize)]
struct Given<'a> {
    key: &'a str,
    state: Turn,
    repeated: u32,
    group: Option<&'a BTreeMap<String, String>>,
    alerts: &'a [Message],
    title: &'a str,
    text: &'a str,
    page: Option<&'a str>,
}

/// The text of a template, as it is now.
///
/// # Errors
/// [`TemplateError::Read`], [`TemplateError::Size`].
pub(super) fn text_of(text: &TemplateText) -> Result<Cow<'_, str>, TemplateError> {
    let path = match text {
        TemplateText::Recipe(recipe) => return Ok(Cow::Borrowed(recipe.text())),
        TemplateText::Inline(text) => return Ok(Cow::Borrowed(text)),
        TemplateText::File(path) => path,
    };
    let cannot = |source| TemplateError::Read { path: path.clone(), source };
    let bytes = std::fs::metadata(path).map_err(cannot)?.len();
    if bytes > LARGEST_FILE {
        return Err(TemplateError::Size { path: path.clone(), bytes });
    }
    std::fs::read_to_string(path).map(Cow::Owned).map_err(cannot)
}

/// The body that a webhook's template makes of a parcel.
///
/// # Errors
/// See [`TemplateError`].
pub(super) fn render(
    hook: &Webhook,
    text: &str,
    key: &str,
    parcel: &Parcel,
    page: Option<&str>,
) -> Result<String, TemplateError> {
    let environment = environment();
    let (title, words) = (words::title(parcel), words::text(parcel, page));
    let given = Value::from_serialize(Given {
        key,
        state: parcel.state(),
        repeated: parcel.repeated,
        group: parcel.group.as_ref(),
        alerts: &parcel.alerts,
        title: &title,
        text: &words,
        page,
    });
    let given = match (&parcel.group, parcel.alerts.as_slice()) {
        (None, [only]) => merge_maps([given, Value::from_serialize(only)]),
        _ => given,
    };
    let template = environment.template_from_named_str("template", text);
    let body = template.and_then(|template| template.render(given)).map_err(TemplateError::Template)?;
    if hook.is_json() {
        let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&body);
        checked.map_err(|source| TemplateError::Json { source })?;
    }
    Ok(body)
}

/// Whether an answer says that the message was taken; else what it says.
///
/// # Errors
/// Why the message counts as not taken.
pub(super) fn accepted(expression: &str, answer: &[u8]) -> Result<(), String> {
    let said = || String::from_utf8_lossy(answer).chars().take(200).collect::<String>();
    let Ok(read) = serde_json::from_slice::<serde_json::Value>(answer) else {
        return Err(format!("the answer is no JSON: `{}`", said()));
    };
    let environment = environment();
    let verdict = environment.compile_expression(expression).and_then(|it| it.eval(of_json(&read)));
    match verdict {
        Ok(verdict) if verdict.is_true() => Ok(()),
        Ok(_) => Err(format!("the answer is not `{expression}`: `{}`", said())),
        Err(error) => Err(format!("the answer cannot be judged by `{expression}` ({error}): `{}`", said())),
    }
}

/// Whether an expression is one.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_expression(expression: &str) -> Result<(), String> {
    environment().compile_expression(expression).map(drop).map_err(|error| error.to_string())
}

fn environment<'t>() -> Environment<'t> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("tojson", tojson);
    environment.add_filter("cut", |text: String, bytes: usize| cut(&text, bytes));
    environment
}

/// A value as JSON. What is undefined is no value: a misspelt field must not arrive as `null`.
fn tojson(value: Value) -> Result<String, minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    serde_json::to_string(&value)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// At most so many bytes of UTF-8, with an ellipsis where something was left out.
fn cut(text: &str, bytes: usize) -> String {
    const LEFT_OUT: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub(LEFT_OUT.len());
    format!("{}{LEFT_OUT}", &text[..text.floor_char_boundary(room)])
}

/// JSON's numbers are kept digit by digit in this program, which minijinja would take for tables.
fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(is) => Value::from(*is),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, number) => Value::from(number.unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(all) => all.iter().map(of_json).collect(),
        serde_json::Value::Object(all) => {
            all.iter().map(|(key, value)| (key.clone(), of_json(value))).collect()
        }
    }
}
