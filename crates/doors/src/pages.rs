//! The pages that the binary carries: the demo, or a short one that says what this is.

use http::HeaderValue;

/// A file in the binary.
pub struct Page {
    /// Its bytes.
    pub body: &'static [u8],
    /// Its media type.
    pub media_type: HeaderValue,
}

const fn page(body: &'static [u8], media_type: &'static str) -> Page {
    Page { body, media_type: HeaderValue::from_static(media_type) }
}

/// What pages may do: their own scripts, styles and connections, nothing inline, nothing from elsewhere.
pub const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page at `path` (without the prefix), if there is one.
pub fn find(path: &str, demo: bool) -> Option<Page> {
    if !demo {
        return (path == "/").then(|| page(ABOUT.as_bytes(), "text/html; charset=utf-8"));
    }
    match path {
        "/" => Some(page(include_bytes!("../assets/index.html"), "text/html; charset=utf-8")),
        "/app.js" => Some(page(include_bytes!("../assets/app.js"), "text/javascript; charset=utf-8")),
        "/keywire.js" => Some(page(include_bytes!("../assets/keywire.js"), "text/javascript; charset=utf-8")),
        "/style.css" => Some(page(include_bytes!("../assets/style.css"), "text/css; charset=utf-8")),
        "/icon.svg" => Some(page(include_bytes!("../assets/icon.svg"), "image/svg+xml")),
        _ => None,
    }
}

const ABOUT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>keywire</title>
<h1>keywire</h1>
<p>This server makes Redis live over WebSocket. Connect to <code>ws</code> beside this page, or see
<code>raw</code>, <code>sse</code>, <code>command</code>, <code>metrics</code>.</p>
</html>
";
