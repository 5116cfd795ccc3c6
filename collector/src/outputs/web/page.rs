//! The page's own files, held in the binary.

use super::Shared;
use axum::Router;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal, $content_type:ident, $file:literal;)+) => {
        &[$(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("assets/", $file)),
        }),+]
    };
}

const ASSETS: &[Asset] = assets! {
    "/", HTML, "index.html";
    "/assets/tokens.css", CSS, "tokens.css";
    "/assets/layout.css", CSS, "layout.css";
    "/assets/parts.css", CSS, "parts.css";
    "/assets/icon.svg", SVG, "icon.svg";
    "/assets/theme.js", SCRIPT, "theme.js";
    "/assets/app.js", SCRIPT, "app.js";
    "/assets/live.js", SCRIPT, "live.js";
    "/assets/tree.js", SCRIPT, "tree.js";
    "/assets/format.js", SCRIPT, "format.js";
    "/assets/words.js", SCRIPT, "words.js";
    "/assets/alerts.js", SCRIPT, "alerts.js";
    "/assets/operators.js", SCRIPT, "operators.js";
    "/assets/overview.js", SCRIPT, "overview.js";
    "/assets/year.js", SCRIPT, "year.js";
    "/assets/facility.js", SCRIPT, "facility.js";
    "/assets/windows.js", SCRIPT, "windows.js";
    "/assets/history.js", SCRIPT, "history.js";
    "/assets/trend.js", SCRIPT, "trend.js";
    "/assets/agents.js", SCRIPT, "agents.js";
    "/assets/meters.js", SCRIPT, "meters.js";
    "/assets/reports.js", SCRIPT, "reports.js";
    "/assets/upkeep.js", SCRIPT, "upkeep.js";
    "/assets/empty.js", SCRIPT, "empty.js";
    "/assets/tip.js", SCRIPT, "tip.js";
};

/// One route a file.
pub(super) fn routes() -> Router<Arc<Shared>> {
    let icon = ASSETS.iter().find(|asset| asset.path == "/assets/icon.svg").map(|icon| {
        // Browsers ask for this name unasked; without it each visit would look like a fault.
        Router::new()
            .route("/favicon.ico", get(move |headers: HeaderMap| async move { answer(icon, &headers) }))
    });
    ASSETS.iter().fold(icon.unwrap_or_default(), |router, asset| {
        router.route(asset.path, get(move |headers: HeaderMap| async move { answer(asset, &headers) }))
    })
}

/// The file, or nothing if the browser has this very version. Nothing is used unasked, so that a new binary
/// never meets an old script.
fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let tag = format!("\"{:08x}-{:x}\"", crc32fast::hash(asset.bytes), asset.bytes.len());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits are valid in a header");
    let common: [(HeaderName, HeaderValue); 2] =
        [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asset: &Asset) -> &'static str {
        std::str::from_utf8(asset.bytes).expect("every asset is UTF-8 text")
    }

    #[test]
    fn no_script_can_make_html_or_code_from_text() {
        const FORBIDDEN: [&str; 8] = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "eval(",
            "new Function",
            "createContextualFragment",
        ];
        for asset in ASSETS {
            for word in FORBIDDEN {
                assert!(!text(asset).contains(word), "{} uses {word}", asset.path);
            }
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for asset in ASSETS {
            // The name of a namespace, and the address in an example of configuration.
            let text =
                text(asset).replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:8086", "");
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{} names another server",
                asset.path
            );
        }
    }

    #[test]
    fn every_file_that_is_named_is_served() {
        for asset in ASSETS {
            let quoted = text(asset).split(['"', '\'']);
            let named = quoted.filter(|word| word.starts_with("./") || word.starts_with("/assets/"));
            for name in named {
                let path = name.replace("./", "/assets/");
                assert!(ASSETS.iter().any(|other| other.path == path), "{} names {name}", asset.path);
            }
        }
    }

    #[test]
    fn the_markup_has_no_inline_script_or_style() {
        let page = text(&ASSETS[0]);
        assert!(
            !page.contains("style=") && !page.contains("<style"),
            "the security policy forbids inline styles"
        );
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src="), "inline script");
        }
        assert!(!page.contains(" on"), "inline event handlers are scripts too");
    }
}
