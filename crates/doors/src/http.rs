//! One HTTP listener's paths: who may pass, and to which door.

use crate::address::{Network, is_proxy, of_client};
use crate::admin::Admin;
use crate::entrance::{HttpPlace, Refusal};
use crate::identity::{self, Client, Identity};
use crate::listener::Doors;
use crate::patience::Patient;
use crate::stream::{Accepted, Stream};
use crate::{admin, command, host, metrics, origin, pages, query, sse, websocket};
use auth::Denial;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, ORIGIN, REFERRER_POLICY,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::{Error, Limits};
use runtime::{Admission, Arrival, LaneHandle, Place, Share};
use rustls::ServerConfig;
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use websocket::{Door, Guard, Terms};

/// The subprotocol of `/ws`.
const SUBPROTOCOL: &str = "keywire.v1.json";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What the doors are made with. May be another for requests that come later.
#[derive(Clone)]
pub struct Config {
    /// Before every path; empty, or `/something` without a slash at its end.
    pub prefix: String,
    /// Origins of pages that may use the doors beside the server's own; `*` for all.
    pub origins: Vec<String>,
    /// Names of this server, beside `localhost` and addresses; `*` for any.
    pub hosts: Vec<String>,
    /// Who may say for whom they speak, by `X-Forwarded-For`.
    pub trusted_proxies: Vec<Network>,
    /// For listeners that speak TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// The node's limits.
    pub limits: Limits,
    /// Agree to `permessage-deflate`.
    pub deflate: bool,
    /// Serve the demo's pages.
    pub demo: bool,
    /// Finds out who clients are.
    pub gate: Arc<auth::Gate>,
    /// Who may look inside.
    pub admin: Admin,
}

type Body = Either<BoxBody<Bytes, Infallible>, sse::EventStream>;

/// An accepted socket and what is counted with it.
pub struct Socket {
    /// The socket.
    pub socket: Accepted,
    /// TLS is to be spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who connected; none: by a Unix socket.
    pub peer: Option<IpAddr>,
    /// Its place among those of its address.
    pub place: Place,
    /// Its place among those that are no clients.
    pub http: HttpPlace,
    /// Its place among those of the lane.
    pub arrival: Arrival,
}

/// Serves an accepted socket on the lane's thread until it ends or a door has taken it over.
pub fn serve(lane: &LaneHandle, socket: Socket, doors: Doors) {
    let Socket { socket, tls, peer, place, http, arrival } = socket;
    let Ok(stream) = Stream::new(socket, tls) else { return };
    let held = Rc::new(RefCell::new(Held { place: Some(place), http: Some(http) }));
    let service = Service { lane: lane.clone(), doors, peer, held };
    tokio::task::spawn_local(async move {
        service.serve(stream).await;
        drop(arrival);
    });
}

/// What a connection holds until a door takes it over.
struct Held {
    place: Option<Place>,
    http: Option<HttpPlace>,
}

#[derive(Clone)]
struct Service {
    lane: LaneHandle,
    doors: Doors,
    peer: Option<IpAddr>,
    held: Rc<RefCell<Held>>,
}

/// One request's surroundings.
struct Context {
    service: Service,
    config: Arc<Config>,
    /// Who asks.
    address: Option<IpAddr>,
}

impl Service {
    async fn serve(self, stream: Stream) {
        let (config, doors, peer) = (self.doors.config(), self.doors.clone(), self.peer);
        let limits = &config.limits;
        let patience = Duration::from_millis(limits.frame_timeout_ms);
        match tokio::time::timeout(patience, stream.shake_hands()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return doors.entrance.refuse(Refusal::Tls, peer, &error.to_string()),
            Err(_) => {
                return doors.entrance.refuse(Refusal::Tls, peer, "the handshake took longer than frame_timeout_ms");
            }
        }
        // As long as a WebSocket may leave pings without an answer.
        let stream = Patient::new(stream, Duration::from_millis(3 * limits.ping_interval_ms));
        let service = hyper::service::service_fn(move |request| {
            let service = self.clone();
            async move { Ok::<_, Infallible>(service.respond(request).await) }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_headers(limits.headers_max)
            // What is read ahead or written behind for one HTTP connection: requests here are small.
            .max_buf_size(limits.header_bytes_max)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "HTTP connection ended");
            let refusal = match () {
                () if error.is_timeout() => Some(Refusal::Slow),
                () if error.is_parse_too_large() => Some(Refusal::TooLarge),
                () if error.is_parse() => Some(Refusal::Malformed),
                () => None,
            };
            refusal.into_iter().for_each(|refusal| doors.entrance.refuse(refusal, peer, &error.to_string()));
        }
    }

    async fn respond(self, mut request: Request<Incoming>) -> Response<Body> {
        // Many may come behind one another on one connection, and be answered without a pause.
        self.lane.take_turn(Share::Small).await;
        let config = self.doors.config();
        origin::drop_credentials(request.headers_mut(), &config.origins);
        let address = of_client(self.peer, request.headers(), &config.trusted_proxies);
        Context { service: self, config, address }.respond(request).await
    }
}

impl Context {
    async fn respond(self, request: Request<Incoming>) -> Response<Body> {
        let config = self.config.clone();
        let Some(path) = request.uri().path().strip_prefix(config.prefix.as_str()).map(str::to_owned) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        let share = origin::Share::of(request.headers(), &config.origins);
        let mut response = match self.check_host(&path, &request) {
            Ok(()) => self.dispatch(path, request).await,
            Err(refusal) => refusal,
        };
        share.tell(response.headers_mut());
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let policy = if share.is_cross_origin() { "cross-origin" } else { "same-origin" };
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(policy));
        response
    }

    /// Whoever asks for health may call the server as they like: there is nothing to be had.
    #[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
    fn check_host(&self, path: &str, request: &Request<Incoming>) -> Result<(), Response<Body>> {
        if matches!(path, "/healthz" | "/readyz") {
            return Ok(());
        }
        let wrong = host::check(request.version(), request.uri(), request.headers(), &self.config.hosts);
        let Err(wrong) = wrong else { return Ok(()) };
        let named = request.headers().get(http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
        self.refused(Refusal::Host, named);
        Err(match wrong {
            host::Wrong::Malformed => text(StatusCode::BAD_REQUEST, "one Host is wanted\n"),
            host::Wrong::Foreign => text(
                StatusCode::MISDIRECTED_REQUEST,
                "this server does not know itself by that name: if it is right, add it to the setting `hosts`\n",
            ),
        })
    }

    fn refused(&self, refusal: Refusal, detail: &str) {
        self.service.doors.entrance.refuse(refusal, self.address, detail);
    }

    async fn dispatch(self, path: String, request: Request<Incoming>) -> Response<Body> {
        match (path.as_str(), request.method()) {
            ("/ws" | "/raw" | "/sse" | "/command", _)
                if !origin::is_allowed(request.headers(), &self.config.origins) =>
            {
                let origin = request.headers().get(ORIGIN).and_then(|o| o.to_str().ok()).unwrap_or("");
                self.refused(Refusal::Origin, origin);
                text(StatusCode::FORBIDDEN, "this page's origin is not allowed: add it to the setting `origins`\n")
            }
            ("/readyz", _) if self.service.doors.lanes.is_leaving() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
            }
            ("/ws" | "/raw" | "/sse" | "/command", _) if self.service.doors.lanes.is_draining() => {
                self.refused(Refusal::Draining, "");
                closing(text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"))
            }
            ("/ws", &Method::GET) => self.upgrade(request, Ok(Door::Native)).await,
            ("/raw", &Method::GET) => {
                let door = query::feed(request.uri().query().unwrap_or(""), None).map(Door::Raw);
                self.upgrade(request, door).await
            }
            ("/sse", &Method::GET) => self.events(&request).await,
            ("/sse", &Method::OPTIONS) => preflight("GET"),
            ("/command", &Method::POST) => self.command(request).await,
            ("/command", &Method::OPTIONS) => preflight("POST"),
            ("/healthz", &Method::GET | &Method::HEAD) => text(StatusCode::OK, "ok\n"),
            ("/readyz", &Method::GET | &Method::HEAD) => self.ready().await,
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics().await,
            (path, _) if path.starts_with("/admin/") => self.admin(&path["/admin/".len()..], &request).await,
            ("/ws" | "/raw" | "/sse" | "/healthz" | "/readyz" | "/metrics", _) => not_allowed("GET"),
            ("/command", _) => not_allowed("POST"),
            (path, &Method::GET | &Method::HEAD) => self.page(path, request.headers()),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    /// A place for the client among all, and among those of its address; or the refusal. From then on the socket is counted as
    /// that client's: whatever is answered, it ends with the client.
    #[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
    fn admit(&self) -> Result<(Admission, Place), Response<Body>> {
        let (limits, doors) = (&self.config.limits, &self.service.doors);
        let Some(admission) = doors.lanes.admit(limits.connections_max) else {
            self.refused(Refusal::Connections, "");
            return Err(closing(text(StatusCode::SERVICE_UNAVAILABLE, "connections_max is reached, try later\n")));
        };
        let mut held = self.service.held.borrow_mut();
        held.http = None;
        // The connection's own place is its client's, unless a proxy's connection may carry several after one another.
        let own = if is_proxy(self.service.peer, &self.config.trusted_proxies) { None } else { held.place.take() };
        let place = own.or_else(|| doors.entrance.addresses.take(self.address, limits.connections_per_address_max));
        match place {
            Some(place) => Ok((admission, place)),
            None => {
                self.refused(Refusal::Address, "");
                Err(closing(text(StatusCode::TOO_MANY_REQUESTS, "connections_per_address_max is reached\n")))
            }
        }
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
        let extensions = match self.extensions(request.headers()) {
            Ok(extensions) => extensions,
            Err(refusal) => return refusal,
        };
        let terms = Terms { door, deflates: extensions.is_some() };
        let (admission, place) = match self.admit() {
            Ok(admitted) => admitted,
            Err(refusal) => return refusal,
        };
        // A script sees no status of a handshake that fails, so a bad token is told by a close code.
        let identity = self.identify(&request).await;
        let (lane, upgraded) = (self.service.lane.clone(), hyper::upgrade::on(&mut request));
        let gate = self.config.gate.clone();
        tokio::task::spawn_local(async move {
            let Ok(parts) = upgraded.await.map(|u| u.downcast::<TokioIo<Patient<Stream>>>()) else { return };
            let Ok(parts) = parts else { return };
            // Registered anew, the socket lets go of the finished HTTP task that its old registration still refers to.
            let (mut early, stream) = (parts.read_buf.to_vec(), parts.io.into_inner().into_inner());
            drop(parts.read_buf);
            if let Ok(stream) = stream.registered_anew() {
                stream.take_decrypted(&mut early);
                websocket::serve(lane, stream, place, early, terms, Guard { gate, identity });
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
        if let Some(extensions) = extensions {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(extensions));
        }
        response
    }

    /// The extensions to answer with; none are where none are spoken.
    #[expect(clippy::result_large_err, reason = "the refusal is the response itself, made once per connection")]
    fn extensions(&self, headers: &HeaderMap) -> Result<Option<&'static str>, Response<Body>> {
        if !self.config.deflate {
            return Ok(None);
        }
        let offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().map(HeaderValue::as_bytes);
        wire::ws::negotiate_deflate(offers)
            .map_err(|_| text(StatusCode::BAD_REQUEST, "Sec-WebSocket-Extensions is no list of extensions\n"))
    }

    async fn identify(&self, request: &Request<Incoming>) -> Result<Identity, Denial> {
        identity::of(&self.config.gate, &self.service.lane, request, self.address).await
    }

    /// Server-sent events, or the refusal. The connection ends behind either: see [`Context::admit`].
    async fn events(&self, request: &Request<Incoming>) -> Response<Body> {
        match self.admit() {
            Ok((_admission, place)) => closing(self.admitted_events(request, place).await),
            Err(refusal) => refusal,
        }
    }

    async fn admitted_events(&self, request: &Request<Incoming>, place: Place) -> Response<Body> {
        let query = request.uri().query().unwrap_or("");
        let identity = match self.identify(request).await {
            Ok(identity) => identity,
            Err(denial) => return self.not_let_in(&denial, format!("{}\n", denial.error())),
        };
        let client = Client { identity, address: place.address() };
        match sse::open(self.service.lane.clone(), client, place, query, request.headers()).await {
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
        let identity = match self.identify(&request).await {
            Ok(identity) => identity,
            Err(denial) => return self.not_let_in_json(&denial),
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
        // The body may have taken its time: somebody may have been revoked meanwhile.
        let identity = match identity::check(&self.service.lane, identity) {
            Ok(identity) => identity,
            Err(denial) => return self.not_let_in_json(&denial),
        };
        let client = Client { identity, address: self.address };
        let (status, json) = match command::run_body(self.service.lane, client, &body).await {
            Ok(json) => (StatusCode::OK, json),
            Err(error) => (command::status(&error), error_json(error)),
        };
        typed(status, json, HeaderValue::from_static("application/json"))
    }

    /// The answer to a client that is not let in, where that is a status.
    fn not_let_in(&self, denial: &Denial, body: impl Into<Bytes>) -> Response<Body> {
        self.refused(Refusal::Token, &denial.to_string());
        let mut refusal = text(sse::status(&denial.error()), body);
        if refusal.status() == StatusCode::UNAUTHORIZED {
            refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        refusal
    }

    fn not_let_in_json(&self, denial: &Denial) -> Response<Body> {
        let mut refusal = self.not_let_in(denial, error_json(denial.error()));
        refusal.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        refusal
    }

    async fn ready(&self) -> Response<Body> {
        match self.service.doors.lanes.backend_report().await {
            Some(report) if report.is_reachable => text(StatusCode::OK, "ok\n"),
            _ => text(StatusCode::SERVICE_UNAVAILABLE, "the backend is out of reach\n"),
        }
    }

    async fn metrics(&self) -> Response<Body> {
        let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        typed(StatusCode::OK, metrics::gather(&self.service.doors).await, media_type)
    }

    async fn admin(&self, path: &str, request: &Request<Incoming>) -> Response<Body> {
        let (config, peer) = (&self.config, self.service.peer);
        if let Err(status) = config.admin.check(request.headers(), peer, &config.trusted_proxies) {
            if status == StatusCode::NOT_FOUND {
                return text(status, "not found\n");
            }
            self.refused(Refusal::Admin, path);
            let mut refusal = text(status, "see the settings admin.access and admin.secret_file\n");
            if status == StatusCode::UNAUTHORIZED {
                refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            return refusal;
        }
        let query = request.uri().query().unwrap_or("");
        let (status, answer) = admin::respond(&self.service.doors, request.method(), path, query).await;
        let mut response = typed(status, answer.to_string(), HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
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
        response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        response.headers_mut().insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
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

/// What a browser asks before it lets a page of another origin ask; who may is told by [`origin::Share`].
fn preflight(method: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::NO_CONTENT, "");
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(method));
    let allowed = HeaderValue::from_static("content-type, authorization, last-event-id, cache-control");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// The connection ends behind this response.
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
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
