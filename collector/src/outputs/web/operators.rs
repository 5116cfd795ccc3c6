//! What operators may change from the page: silences and acknowledgements of alerts, with the token that the
//! configuration names, and nothing without one.
//!
//! The token comes as `Authorization: Bearer`, which no browser sends by itself, and what is said as JSON: no foreign
//! page can have either sent for it. The guard before asks for the host and the origin, as of every request.

use super::events::Cause;
use super::{Shared, api::problem, connection::Ends};
use crate::desk::silence::Matcher;
use crate::desk::{AckRequest, Desk, DeskError, EndRequest, SilenceRequest};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wattledger_link::session::Secret;

/// The requests that change something.
const CHANGES: [&str; 3] = ["/api/alerts/silence", "/api/alerts/silence/end", "/api/alerts/ack"];
/// Bytes of what is said, at most: ten matchers, a reason and a name.
const LARGEST: usize = 16 * 1024;
/// A token that is shorter can be guessed.
const SHORTEST_TOKEN: usize = 16;
/// Letters of an operator's name at most.
const LONGEST_NAME: usize = 60;
/// The answer to a wrong token takes so long, that guessing does not go fast.
const REFUSAL_TAKES: Duration = Duration::from_millis(300);

/// Whom the page lets change something: those who have the token. Only its hash is kept.
#[derive(Clone)]
pub struct Operators {
    hash: [u8; 32],
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operators(..)")
    }
}

impl Operators {
    /// Those who have this token.
    ///
    /// # Errors
    /// What is wrong with the token: it is too short.
    pub fn with_token(token: &Secret) -> Result<Operators, String> {
        match token.reveal().chars().count() {
            SHORTEST_TOKEN.. => Ok(Operators { hash: hash(token.reveal()) }),
            length => Err(format!(
                "the operators' token has {length} letters and can be guessed; give at least {SHORTEST_TOKEN}, such \
                 as those of `openssl rand -hex 16`"
            )),
        }
    }

    /// Whether the request bears the token. How long that takes says nothing of the token.
    fn admit(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = only.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        // Hashes of one length, each byte looked at.
        let differing =
            self.hash.iter().zip(hash(token.trim())).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        scheme.eq_ignore_ascii_case("bearer") && differing == 0
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Whether a request may have a body and change something, if the operator's gate lets it.
pub(super) fn is_change(request: &Request) -> bool {
    request.method() == axum::http::Method::POST && CHANGES.contains(&request.uri().path())
}

pub(super) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let [silencing, ending, acknowledging] = CHANGES;
    Router::new()
        .route(silencing, post(silence))
        .route(ending, post(end))
        .route(acknowledging, post(acknowledge))
        .layer(DefaultBodyLimit::max(LARGEST))
        .route_layer(from_fn_with_state(Arc::clone(shared), gate))
        .route("/api/silences", get(silences))
}

/// Lets operators through, before their words are read.
async fn gate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(operators) = &shared.operators else {
        return problem(
            StatusCode::FORBIDDEN,
            "nobody may change anything from this page; `operators_token_file` in [web] says who may, and \
             `wattledger alerts` does the same from the command line",
        );
    };
    if operators.admit(request.headers()) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Ends>().map(|ends| ends.peer);
    shared.refusals.refused(Cause::Token, peer, request.uri().path());
    tokio::time::sleep(REFUSAL_TAKES).await;
    let mut answer = problem(StatusCode::UNAUTHORIZED, "that is not the operators' token");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// `GET /api/silences`: the silences in force, and whether the page may offer to change anything.
async fn silences(State(shared): State<Arc<Shared>>) -> Response {
    let may_change = shared.operators.is_some() && shared.desk.is_some();
    let standing = match &shared.desk {
        None => Ok(Vec::new()),
        Some(desk) => at_desk(desk, |desk| desk.standing()).await,
    };
    match standing {
        Ok(silences) => Json(json!({ "may_change": may_change, "silences": silences })).into_response(),
        Err(refusal) => refusal,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Silencing {
    matchers: Vec<Matcher>,
    for_s: u64,
    reason: String,
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    id: String,
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledging {
    alert: String,
    note: String,
    by: String,
}

type Said<T> = Result<Json<T>, JsonRejection>;

async fn silence(State(shared): State<Arc<Shared>>, said: Said<Silencing>) -> Response {
    changed(&shared, said, |said| {
        let by = name(&said.by)?;
        let request = SilenceRequest { matchers: said.matchers, for_s: said.for_s, reason: said.reason };
        Ok(move |desk: &Desk| desk.silence(&request, &by))
    })
    .await
}

async fn end(State(shared): State<Arc<Shared>>, said: Said<Ending>) -> Response {
    changed(&shared, said, |said| {
        let (by, request) = (name(&said.by)?, EndRequest { id: said.id });
        Ok(move |desk: &Desk| desk.end_silence(&request, &by))
    })
    .await
}

async fn acknowledge(State(shared): State<Arc<Shared>>, said: Said<Acknowledging>) -> Response {
    changed(&shared, said, |said| {
        let (by, request) = (name(&said.by)?, AckRequest { alert: said.alert, note: said.note });
        Ok(move |desk: &Desk| desk.acknowledge(&request, &by))
    })
    .await
}

/// Does what was said, and answers with what came of it.
async fn changed<S, T, J>(
    shared: &Shared,
    said: Said<S>,
    understand: impl FnOnce(S) -> Result<J, String>,
) -> Response
where
    T: serde::Serialize + Send + 'static,
    J: FnOnce(&Desk) -> Result<T, DeskError> + Send + 'static,
{
    let said = match said {
        Ok(Json(said)) => said,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let Some(desk) = &shared.desk else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "this collector judges no alerts");
    };
    let job = match understand(said) {
        Ok(job) => job,
        Err(wrong) => return problem(StatusCode::BAD_REQUEST, &wrong),
    };
    match at_desk(desk, job).await {
        Ok(done) => Json(done).into_response(),
        Err(refusal) => refusal,
    }
}

/// Who says it, as it is kept: the name that they give themselves, and by which way.
fn name(text: &str) -> Result<String, String> {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() {
        1..=LONGEST_NAME => Ok(format!("{text} (page)")),
        length => Err(format!(
            "your name has {length} letters; give 1 to {LONGEST_NAME}, so that others know whom to ask"
        )),
    }
}

/// Asks the desk off the runtime's threads: it reads and writes the disk.
async fn at_desk<T: Send + 'static>(
    desk: &Arc<Desk>,
    job: impl FnOnce(&Desk) -> Result<T, DeskError> + Send + 'static,
) -> Result<T, Response> {
    let desk = Arc::clone(desk);
    let done = tokio::task::spawn_blocking(move || job(&desk)).await;
    let failed = |text: String| problem(StatusCode::INTERNAL_SERVER_ERROR, &text);
    done.map_err(|error| failed(error.to_string()))?.map_err(|error| {
        let status = if error.is_not_found() {
            StatusCode::NOT_FOUND
        } else if error.is_failure() {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        };
        problem(status, &error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn admits(headers: &[&str]) -> bool {
        let operators = Operators::with_token(&Secret::new(TOKEN)).expect("long enough");
        let mut given = HeaderMap::new();
        for value in headers {
            given.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header"));
        }
        operators.admit(&given)
    }

    #[test]
    fn only_the_whole_token_said_once_is_let_through() {
        assert!(admits(&["Bearer 0123456789abcdef"]));
        assert!(admits(&["bearer  0123456789abcdef "]), "schemes have no case");
        for wrong in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Bearer 0123456789abcde"],
            &["Bearer 0123456789abcdef0"],
            &["Basic 0123456789abcdef"],
            &["0123456789abcdef"],
            &["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"],
        ] {
            assert!(!admits(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused_and_none_is_ever_printed() {
        let error = Operators::with_token(&Secret::new("hunter2")).expect_err("too short");
        assert!(error.contains("7 letters") && !error.contains("hunter2"), "{error}");
        let operators = Operators::with_token(&Secret::new(TOKEN)).expect("long enough");
        assert_eq!(format!("{operators:?}"), "Operators(..)");
    }

    #[test]
    fn who_says_it_is_a_name_and_nothing_that_a_terminal_obeys() {
        assert_eq!(name(" Ana \u{1b}[31m ").as_deref(), Ok("Ana  [31m (page)"));
        assert!(name("  ").expect_err("nobody").contains("0 letters"));
        assert!(name(&"x".repeat(61)).expect_err("too long").contains("61 letters"));
    }
}
