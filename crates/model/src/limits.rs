//! Every limit, with its default and what happens at it. The settings file has the same names.

/// The limits of a node. Bytes unless a name says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// A client's message (all fragments together): over it, close 1009.
    pub message_bytes_max: usize,
    /// A query's value or a command's reply as JSON: over it, `TOOBIG`. Less than half of `outbox_bytes_max`.
    pub value_bytes_max: usize,
    /// What is queued for one client: over it, queries conflate, channels drop their oldest (told by `missed`),
    /// streams wait at their position; a reply that finds no room beside others not read yet is `TOOMANY`; where none
    /// of it helps, close 4101.
    pub outbox_bytes_max: usize,
    /// What the kernel may hold for one client's socket beside its outbox (`SO_SNDBUF`): over it, the outbox fills.
    pub socket_bytes_max: usize,
    /// What is queued for all clients of the node together: over it, the largest outbox goes, 4101.
    pub outbox_total_bytes_max: usize,
    /// What is queued from one lane for another: treated as a client's outbox is.
    pub link_bytes_max: usize,
    /// Feeds of one connection: over it, `TOOMANY`.
    pub feeds_max: usize,
    /// Requests of one connection that wait for the backend: over it, reading from that client pauses. It does so sooner,
    /// at 64, for commands that may answer much (all that do not write), and where replies are large.
    pub requests_in_flight_max: usize,
    /// Requests a second of one connection in the long run; 0: no limit. Over it (with the burst), `TOOMANY`.
    pub requests_per_second_max: u32,
    /// Requests that may come at once before `requests_per_second_max` counts.
    pub requests_burst_max: u32,
    /// Requests a second of one user in all its connections to this node together, whichever doors they come through: those
    /// of `/ws` and `/raw`, every `POST /command`, each command of a pipeline. Without a user, of one address (IPv6: of one
    /// /64), not counting this machine's own. 0: no limit. Over it (with the burst), `TOOMANY`. Each node counts for itself.
    pub user_requests_per_second_max: u32,
    /// Requests of a user that may come at once before `user_requests_per_second_max` counts.
    pub user_requests_burst_max: u32,
    /// Distinct live queries, channels, patterns and streams of a node: over it, `TOOMANY`.
    pub topics_max: usize,
    /// Connections of a node: over it, HTTP 503.
    pub connections_max: usize,
    /// Connections of one address (IPv6: of one /64), not counting this machine's own; 0: no limit. Over it, HTTP 429.
    /// Behind a proxy all clients have its address, unless `trusted_proxies` names it.
    pub connections_per_address_max: usize,
    /// Sockets of a node that are no clients: TLS and HTTP handshakes, and HTTP between two requests. Over it, the newest
    /// is closed.
    pub http_connections_max: usize,
    /// A request's line and headers together: over it, HTTP 431.
    pub header_bytes_max: usize,
    /// Headers of a request: over it, HTTP 431.
    pub headers_max: usize,
    /// Messages a second of one channel or pattern in the long run, with as many at once; 0: no limit. Over it they are
    /// dropped for all who hear it, told by `missed`.
    pub messages_per_second_max: u32,
    /// Commands of one `commands` or of one pipeline: over it, `TOOMANY`.
    pub batch_max: usize,
    /// Half a message, half a handshake (of TLS, or a request's head), or a close frame without its answer for longer: close 1008 or the TCP connection.
    pub frame_timeout_ms: u64,
    /// Without a token where one is needed: close 4001.
    pub auth_timeout_ms: u64,
    /// How often the server pings; two without an answer: close 1008. An HTTP response of which nothing is read for three
    /// such intervals: the TCP connection.
    pub ping_interval_ms: u64,
    /// The window that clients draw their first reconnect delay from, least and most; they double it per failure.
    pub reconnect_ms: [u64; 2],
    /// The pace of a live query that asks for none.
    pub live_every_default_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes_max: 1 << 20,
            value_bytes_max: 480 << 10,
            outbox_bytes_max: 1 << 20,
            socket_bytes_max: 256 << 10,
            outbox_total_bytes_max: 1 << 30,
            link_bytes_max: 16 << 20,
            feeds_max: 1000,
            requests_in_flight_max: 1024,
            requests_per_second_max: 0,
            requests_burst_max: 100,
            user_requests_per_second_max: 0,
            user_requests_burst_max: 200,
            topics_max: 1_000_000,
            connections_max: 1_000_000,
            connections_per_address_max: 10_000,
            http_connections_max: 20_000,
            header_bytes_max: 64 << 10,
            headers_max: 100,
            messages_per_second_max: 0,
            batch_max: 1000,
            frame_timeout_ms: 10_000,
            auth_timeout_ms: 10_000,
            ping_interval_ms: 25_000,
            reconnect_ms: [100, 2000],
            live_every_default_ms: 16,
        }
    }
}
