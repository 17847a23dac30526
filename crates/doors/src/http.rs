//! One HTTP listener's paths: who may pass, and to which door.

use crate::identity;
use crate::patience::Patient;
use crate::{command, metrics, origin, pages, query, sse, websocket};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL,
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::{Error, Limits};
use runtime::{Admission, Arrival, LaneHandle, Lanes};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use websocket::{Door, Guard};

/// The subprotocol of `/ws`.
const SUBPROTOCOL: &str = "keywire.v1.json";

/// What the doors are made with.
#[derive(Clone)]
pub struct Config {
    /// Before every path; empty, or `/something` without a slash at its end.
    pub prefix: String,
    /// Origins of pages that may use the doors beside the server's own; `*` for all.
    pub origins: Vec<String>,
    /// The node's limits.
    pub limits: Limits,
    /// Serve the demo's pages.
    pub demo: bool,
    /// Finds out who clients are.
    pub gate: Arc<auth::Gate>,
}

type Body = Either<BoxBody<Bytes, Infallible>, sse::EventStream>;

/// Serves an accepted socket on the lane's thread; `arrival` ends with it, or when a door has taken it over.
pub fn serve(lane: &LaneHandle, socket: std::net::TcpStream, arrival: Arrival, lanes: Lanes, config: Arc<Config>) {
    let Ok(socket) = TcpStream::from_std(socket) else { return };
    // As long as a WebSocket may leave pings without an answer.
    let socket = Patient::new(socket, Duration::from_millis(3 * config.limits.ping_interval_ms));
    let service = Service { lane: lane.clone(), lanes, config: config.clone() };
    tokio::task::spawn_local(async move {
        let service = hyper::service::service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.respond(request).await) }
        });
        /// What is read ahead or written behind for one HTTP connection: requests here are small.
        const BUFFER_BYTES_MAX: usize = 64 << 10;
        let served = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.limits.frame_timeout_ms))
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades()
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "HTTP connection ended");
        }
        drop(arrival);
    });
}

#[derive(Clone)]
struct Service {
    lane: LaneHandle,
    lanes: Lanes,
    config: Arc<Config>,
}

impl Service {
    async fn respond(self, request: Request<Incoming>) -> Response<Body> {
        let Some(path) = request.uri().path().strip_prefix(self.config.prefix.as_str()).map(str::to_owned) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        let cross_origin = origin::listed(request.headers(), &self.config.origins).map(str::to_owned);
        let mut response = match (path.as_str(), request.method()) {
            ("/ws" | "/raw" | "/sse" | "/command", _)
                if !origin::is_allowed(request.headers(), &self.config.origins) =>
            {
                text(StatusCode::FORBIDDEN, "this page's origin is not allowed: add it to the setting `origins`\n")
            }
            ("/ws" | "/raw" | "/sse" | "/readyz", _) if self.lanes.is_draining() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
            }
            ("/ws", &Method::GET) => self.upgrade(request, Ok(Door::Native)).await,
            ("/raw", &Method::GET) => {
                let door = query::feed(request.uri().query().unwrap_or(""), None).map(Door::Raw);
                self.upgrade(request, door).await
            }
            ("/sse", &Method::GET) => match self.admit() {
                Ok(_admission) => self.events(&request).await,
                Err(refusal) => refusal,
            },
            ("/command", &Method::POST) => self.command(request).await,
            ("/command", &Method::OPTIONS) => preflight(),
            ("/healthz", &Method::GET | &Method::HEAD) => text(StatusCode::OK, "ok\n"),
            ("/readyz", &Method::GET | &Method::HEAD) => self.ready().await,
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics().await,
            ("/ws" | "/raw" | "/sse" | "/healthz" | "/readyz" | "/metrics", _) => not_allowed("GET"),
            ("/command", _) => not_allowed("POST"),
            (path, &Method::GET | &Method::HEAD) => self.page(path, request.headers()),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if let Some(origin) = cross_origin.and_then(|o| HeaderValue::from_str(&o).ok()) {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
        }
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    /// A place for the client, or the refusal.
    #[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
    fn admit(&self) -> Result<Admission, Response<Body>> {
        let full = || text(StatusCode::SERVICE_UNAVAILABLE, "connections_max is reached, try later\n");
        self.lanes.admit(self.config.limits.connections_max).ok_or_else(full)
    }

    /// The handshake of RFC 6455, section 4.2; the connection's task starts when hyper lets go of the socket.
    async fn upgrade(&self, mut request: Request<Incoming>, door: Result<Door, Error>) -> Response<Body> {
        let accept = match handshake(request.headers()) {
            Ok(accept) => accept,
            Err(refusal) => return refusal,
        };
        let (door, protocol) = match door {
            Ok(Door::Native) => match subprotocol(request.headers()) {
                Ok(protocol) => (Door::Native, protocol),
                Err(refusal) => return refusal,
            },
            Ok(door) => (door, None),
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        let admission = match self.admit() {
            Ok(admission) => admission,
            Err(refusal) => return refusal,
        };
        // A script sees no status of a handshake that fails, so a bad token is told by a close code.
        let identity = identity::of(&self.config.gate, &self.lane, &request).await;
        let (lane, upgraded) = (self.lane.clone(), hyper::upgrade::on(&mut request));
        let gate = self.config.gate.clone();
        tokio::task::spawn_local(async move {
            let Ok(parts) = upgraded.await.map(|u| u.downcast::<TokioIo<Patient<TcpStream>>>()) else { return };
            let Ok(parts) = parts else { return };
            // Registered anew, the socket lets go of the finished HTTP task that its old registration still refers to.
            let (early, stream) = (parts.read_buf.to_vec(), parts.io.into_inner().into_inner());
            drop(parts.read_buf);
            if let Ok(stream) = stream.into_std().and_then(TcpStream::from_std) {
                websocket::serve(lane, stream, early, door, Guard { gate, identity });
                drop(admission);
            }
        });
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }

    async fn events(&self, request: &Request<Incoming>) -> Response<Body> {
        let query = request.uri().query().unwrap_or("");
        let identity = match identity::of(&self.config.gate, &self.lane, request).await {
            Ok(identity) => identity,
            Err(denial) => return refused(&denial, format!("{}\n", denial.error())),
        };
        match sse::open(self.lane.clone(), identity, query, request.headers()).await {
            Ok(events) => {
                let mut response = Response::new(Either::Right(events));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
                // Proxies that buffer would hold events back.
                response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
                response
            }
            Err(error) => text(sse::status(&error), format!("{error}\n")),
        }
    }

    async fn command(self, request: Request<Incoming>) -> Response<Body> {
        if !is_json(request.headers()) {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json\n");
        }
        let identity = match identity::of(&self.config.gate, &self.lane, &request).await {
            Ok(identity) => identity,
            Err(denial) => {
                let mut refusal = refused(&denial, error_json(denial.error()));
                refusal.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                return refusal;
            }
        };
        let limits = &self.config.limits;
        let body = Limited::new(request.into_body(), limits.message_bytes_max).collect();
        let body = match tokio::time::timeout(Duration::from_millis(limits.frame_timeout_ms), body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is over message_bytes_max\n");
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body ended early\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body took longer than frame_timeout_ms\n"),
        };
        let (status, json) = match command::run_body(self.lane, identity, &body).await {
            Ok(json) => (StatusCode::OK, json),
            Err(error) => (command::status(&error), error_json(error)),
        };
        typed(status, json, HeaderValue::from_static("application/json"))
    }

    async fn ready(&self) -> Response<Body> {
        match self.lanes.backend_report().await {
            Some(report) if report.is_reachable => text(StatusCode::OK, "ok\n"),
            _ => text(StatusCode::SERVICE_UNAVAILABLE, "the backend is out of reach\n"),
        }
    }

    async fn metrics(&self) -> Response<Body> {
        let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        typed(StatusCode::OK, metrics::gather(&self.lanes).await, media_type)
    }

    fn page(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        let Some(page) = pages::find(path, self.config.demo) else {
            // Without the slash, the relative links of the page would lead to another folder.
            let folder = format!("{path}/");
            return match pages::find(&folder, self.config.demo) {
                Some(_) => moved(&format!("{}{folder}", self.config.prefix)),
                None => text(StatusCode::NOT_FOUND, "not found\n"),
            };
        };
        let has_it = headers.get_all(IF_NONE_MATCH).iter().any(|tags| page.is_one_of(tags));
        let mut response = match has_it {
            true => Response::new(empty()),
            false => typed(StatusCode::OK, page.body, page.media_type),
        };
        if has_it {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response.headers_mut().insert(ETAG, page.tag);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, pages::CONTENT_SECURITY_POLICY);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Checks a client's opening handshake and gives `Sec-WebSocket-Accept`, or the refusal.
#[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
fn handshake(headers: &HeaderMap) -> Result<HeaderValue, Response<Body>> {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .any(|value| value.to_str().is_ok_and(|v| v.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))))
    };
    if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        let mut refusal = text(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket: connect with ws:// or wss://\n");
        refusal.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(refusal);
    }
    // "If this version does not match a version understood by the server, the server MUST abort the WebSocket handshake
    // […] and instead send an appropriate HTTP error code (such as 426 Upgrade Required) and a |Sec-WebSocket-Version|
    // header field"
    if !has(SEC_WEBSOCKET_VERSION, "13") {
        let mut refusal = text(StatusCode::UPGRADE_REQUIRED, "only version 13 of WebSocket is spoken here\n");
        refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(refusal);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    // "a base64-encoded value that, when decoded, is 16 bytes in length"
    let accept = key.filter(|key| key.len() == 24).map(wire::ws::accept_key);
    let accept = accept.and_then(|accept| HeaderValue::try_from(accept).ok());
    accept.ok_or_else(|| text(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing or no key\n"))
}

/// The subprotocol to answer with: ours if it is asked for, none if none is; asking only for others is refused.
#[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
fn subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, Response<Body>> {
    let mut asked = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        // A token is carried here, and is no protocol to be spoken.
        .filter(|protocol| !auth::has_bearer(protocol))
        .peekable();
    if asked.peek().is_none() {
        return Ok(None);
    }
    if asked.any(|protocol| protocol == SUBPROTOCOL) {
        return Ok(Some(HeaderValue::from_static(SUBPROTOCOL)));
    }
    Err(text(StatusCode::BAD_REQUEST, format!("the subprotocol here is {SUBPROTOCOL}\n")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or("");
    media_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json")
}

fn preflight() -> Response<Body> {
    let mut response = text(StatusCode::NO_CONTENT, "");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = HeaderValue::from_static("content-type, authorization");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    response
}

fn moved(target: &str) -> Response<Body> {
    let mut redirect = text(StatusCode::PERMANENT_REDIRECT, "");
    if let Ok(target) = HeaderValue::from_str(target) {
        redirect.headers_mut().insert(LOCATION, target);
    }
    redirect
}

fn not_allowed(method: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("the method here is {method}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}

/// The answer to a client that is not let in, where that is a status.
fn refused(denial: &auth::Denial, body: impl Into<Bytes>) -> Response<Body> {
    let mut refusal = text(sse::status(&denial.error()), body);
    if refusal.status() == StatusCode::UNAUTHORIZED {
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    refusal
}

fn error_json(error: Error) -> Vec<u8> {
    let mut json = Vec::new();
    let _ = wire::http::encode_response(&model::Response::Error { id: None, error }, &mut json);
    json
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    typed(status, body, HeaderValue::from_static("text/plain; charset=utf-8"))
}

fn typed(status: StatusCode, body: impl Into<Bytes>, media_type: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into()).boxed()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

fn empty() -> Body {
    Either::Left(Full::new(Bytes::new()).boxed())
}
