//! The pages that the binary carries: the applications of `examples`, as they were built there, or a short page that says
//! what this is.

use http::HeaderValue;
use std::collections::HashMap;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64;

/// A file in the binary.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its bytes.
    pub body: &'static [u8],
    /// Its media type.
    pub media_type: HeaderValue,
    /// Its `ETag`: a hash of its bytes.
    pub tag: HeaderValue,
}

impl Page {
    fn new(body: &'static [u8], media_type: &'static str) -> Page {
        let tag = HeaderValue::try_from(format!("\"{:016x}\"", xxh3_64(body))).expect("hexadecimal digits are visible");
        Page { body, media_type: HeaderValue::from_static(media_type), tag }
    }

    /// Whether an `If-None-Match` names this page as it is. "A recipient MUST use the weak comparison function when
    /// comparing entity tags for If-None-Match": proxies that compress make tags weak.
    pub fn is_one_of(&self, tags: &HeaderValue) -> bool {
        let is_ours = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.tag.as_bytes();
        tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| is_ours(tag.trim())))
    }
}

/// What pages may do: their own scripts, styles and connections, nothing inline, nothing from elsewhere.
pub const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page at `path` (without the prefix), if there is one.
pub fn find(path: &str, demo: bool) -> Option<Page> {
    static ABOUT_PAGE: LazyLock<Page> = LazyLock::new(|| Page::new(ABOUT.as_bytes(), HTML));
    static PAGES: LazyLock<HashMap<&str, Page>> = LazyLock::new(|| {
        FILES
            .iter()
            .map(|(path, body)| (path.strip_suffix("index.html").unwrap_or(path), Page::new(body, media_type(path))))
            .collect()
    });
    match demo {
        true => PAGES.get(path).cloned(),
        false => (path == "/").then(|| ABOUT_PAGE.clone()),
    }
}

/// The files of `examples/dist`, by path.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

const HTML: &str = "text/html; charset=utf-8";

/// By the end of the name; what is not known is shown as text, which does no harm.
fn media_type(path: &str) -> &'static str {
    // The applications' sources are there to be read.
    if path.starts_with("/source/") {
        return "text/plain; charset=utf-8";
    }
    match path.rsplit('.').next() {
        Some("html") => HTML,
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

const ABOUT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>keywire</title>
<h1>keywire</h1>
<p>This server makes Redis live over WebSocket. Connect to <code>ws</code> beside this page, or see
<code>raw</code>, <code>sse</code>, <code>command</code>, <code>metrics</code>.</p>
</html>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_is_there_with_its_type_and_only_in_the_demo() {
        for path in ["/", "/chat/", "/monitoring/", "/quotes/", "/game/"] {
            assert_eq!(find(path, true).unwrap().media_type, HTML, "{path}");
        }
        assert!(
            find("/chat", true).is_none() && find("/chat/index.html", true).is_none() && find("/../x", true).is_none()
        );
        assert_eq!(find("/source/chat/live.ts", true).unwrap().media_type, "text/plain; charset=utf-8");
        assert!(find("/", false).is_some() && find("/chat/", false).is_none());
    }

    #[test]
    fn nothing_is_inline() {
        for (path, body) in FILES.iter().filter(|(path, _)| path.ends_with(".html")) {
            let html = std::str::from_utf8(body).unwrap();
            for script in html.split("<script").skip(1) {
                assert!(script.split('>').next().unwrap().contains("src="), "{path}: {script}");
            }
            assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onload="), "{path}");
        }
    }

    #[test]
    fn tags_are_compared_as_browsers_send_them() {
        let page = Page::new(b"a", HTML);
        let tag = page.tag.to_str().unwrap().to_owned();
        let is = |tags: String| page.is_one_of(&HeaderValue::try_from(tags).unwrap());
        assert!(is(tag.clone()) && is(format!("\"x\", W/{tag}")) && is("*".into()));
        assert!(!is("\"x\"".into()) && !is(tag.trim_matches('"').into()) && Page::new(b"b", HTML).tag != page.tag);
    }
}
