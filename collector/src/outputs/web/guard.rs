//! Who may ask, and what every answer forbids. The page has no password on loopback, so a foreign web page in the same
//! browser must not reach it: neither directly (Origin, Sec-Fetch-Site) nor by a name it points at us (Host).

use super::Shared;
use super::connection::Ends;
use super::events::Cause;
use super::operators;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A request that is not served, with its answer.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    cause: Cause,
    what: String,
}

/// Lets a request through or answers it.
pub(super) async fn admit(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let ends = request.extensions().get::<Ends>().copied();
    match judge(&request, ends.map(|ends| ends.local), &shared.options.names) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            shared.refusals.refused(refusal.cause, ends.map(|ends| ends.peer), &refusal.what);
            refusal.into_response()
        }
    }
}

fn judge(request: &Request, local: Option<SocketAddr>, names: &[String]) -> Result<(), Refusal> {
    let headers = request.headers();
    let host = asked_host(request)?;
    if !is_ours(&host, local, names) {
        return Err(refuse(StatusCode::FORBIDDEN, Cause::Host, host.as_str()));
    }
    check_origin(headers, &host, request.uri().path())?;
    if operators::is_change(request) {
        return Ok(());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, Cause::Method, request.method().as_str()));
    }
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if length || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, Cause::Body, "a GET has no body"));
    }
    Ok(())
}

/// The one name the request is for: `Host`, and the same in the request line if it has one.
fn asked_host(request: &Request) -> Result<Authority, Refusal> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let text = match (named.next(), named.next()) {
        (Some(only), None) => only.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => return Err(refuse(StatusCode::FORBIDDEN, Cause::Host, "two Host headers")),
        (None, _) => return Err(refuse(StatusCode::FORBIDDEN, Cause::Host, "no Host header")),
    };
    let host: Authority = text.parse().map_err(|_| refuse(StatusCode::FORBIDDEN, Cause::Host, text))?;
    match request.uri().authority() {
        Some(line) if *line != host => Err(refuse(StatusCode::FORBIDDEN, Cause::Host, line.as_str())),
        _ => Ok(host),
    }
}

/// Whether the name is the address the connection came to, a name of localhost, or configured. The port is not
/// compared: a tunnel changes it, and a foreign page gains nothing by it.
fn is_ours(host: &Authority, local: Option<SocketAddr>, names: &[String]) -> bool {
    if host.as_str().contains('@') {
        return false;
    }
    let name = host.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    if let Ok(address) = name.parse::<IpAddr>() {
        let address = address.to_canonical();
        return address.is_loopback() || local.is_some_and(|local| local.ip().to_canonical() == address);
    }
    let lower = name.to_ascii_lowercase();
    lower == "localhost"
        || lower.ends_with(".localhost")
        || names.iter().any(|known| known.trim_end_matches('.').eq_ignore_ascii_case(&lower))
}

/// A browser says where a request comes from; whoever says nothing is no browser or a plain visit.
fn check_origin(headers: &HeaderMap, host: &Authority, path: &str) -> Result<(), Refusal> {
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if !from.is_some_and(|from| from.eq_ignore_ascii_case(host.as_str())) {
            return Err(refuse(StatusCode::FORBIDDEN, Cause::Origin, origin));
        }
    }
    // A link on another site may lead to the page, but no other site may read or embed its data.
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let is_data = path.starts_with("/api/") || path.starts_with("/reports/") || path == "/metrics";
    if is_data && matches!(site, Some("cross-site" | "same-site")) {
        return Err(refuse(StatusCode::FORBIDDEN, Cause::Origin, site.unwrap_or_default()));
    }
    Ok(())
}

fn refuse(status: StatusCode, cause: Cause, what: &str) -> Refusal {
    Refusal { status, cause, what: what.to_owned() }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = match self.cause {
            Cause::Host => {
                "this name is not one the page answers to; ask by its address, or add the name to `names` in [web]"
            }
            Cause::Origin => "another web page may not read this one",
            Cause::Method => "this page can only be read; use GET",
            Cause::Body => "a request for this page has no body",
            Cause::Token => "that is not the operators' token",
            Cause::Streams | Cause::Connections => "too many at once; try again later",
        };
        let mut response = (self.status, Json(json!({ "error": text }))).into_response();
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// What every answer carries. Scripts, styles and data come from this server alone; nothing written in the page's text
/// can become code, since the browser refuses to make HTML from strings.
const HARDENING: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// Adds the headers above, but for a policy that is stricter already, and forbids keeping what says nothing about
/// being kept.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HARDENING {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn check(headers: &[(&str, &str)], names: &[&str], path: &str) -> Result<(), Cause> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a valid request");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let local = Some("10.1.2.3:8080".parse().expect("an address"));
        judge(&request, local, &names).map_err(|refusal| refusal.cause)
    }

    #[test]
    fn the_page_answers_to_its_address_to_localhost_and_to_configured_names() {
        for host in ["10.1.2.3:8080", "10.1.2.3", "127.0.0.1:9000", "localhost", "LOCALHOST:80", "[::1]:8080"]
        {
            assert_eq!(check(&[("host", host)], &[], "/"), Ok(()), "{host}");
        }
        assert_eq!(check(&[("host", "energy.example:443")], &["Energy.Example"], "/"), Ok(()));
        assert_eq!(check(&[("host", "energy.example.")], &["energy.example"], "/"), Ok(()));
    }

    #[test]
    fn a_foreign_name_is_refused_wherever_it_stands() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.1.2.4",
            "127.0.0.1.evil.example",
            "u@localhost",
            "",
        ] {
            assert_eq!(check(&[("host", host)], &["energy.example"], "/"), Err(Cause::Host), "{host}");
        }
        assert_eq!(check(&[], &[], "/"), Err(Cause::Host), "no Host");
        assert_eq!(check(&[("host", "localhost"), ("host", "evil.example")], &[], "/"), Err(Cause::Host));
        assert_eq!(check(&[("host", "localhost")], &[], "http://evil.example/"), Err(Cause::Host));
    }

    #[test]
    fn only_what_operators_change_may_be_posted_and_never_by_another_web_page() {
        let post = |path: &str, origin: &str| {
            let request = Request::builder().method(Method::POST).uri(path).header("host", "localhost");
            let request = request.header("origin", origin).body(Body::empty()).expect("a valid request");
            judge(&request, None, &[]).map_err(|refusal| refusal.cause)
        };
        assert_eq!(post("/api/alerts/silence", "http://localhost"), Ok(()));
        assert_eq!(post("/api/alerts/silence", "http://evil.example"), Err(Cause::Origin));
        for path in ["/", "/api/snapshot", "/api/alerts/silences", "/api/alerts", "/api/silences"] {
            assert_eq!(post(path, "http://localhost"), Err(Cause::Method), "{path}");
        }
    }

    #[test]
    fn another_web_page_may_link_here_but_not_read() {
        let own = [("host", "localhost:8080"), ("origin", "http://localhost:8080")];
        assert_eq!(check(&own, &[], "/api/live"), Ok(()));
        for origin in ["http://evil.example", "null", "http://localhost:9999", ""] {
            let headers = [("host", "localhost:8080"), ("origin", origin)];
            assert_eq!(check(&headers, &[], "/api/snapshot"), Err(Cause::Origin), "{origin}");
        }
        let cross = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
        assert_eq!(check(&cross, &[], "/api/snapshot"), Err(Cause::Origin));
        assert_eq!(check(&cross, &[], "/metrics"), Err(Cause::Origin));
        assert_eq!(check(&cross, &[], "/"), Ok(()));
    }
}
