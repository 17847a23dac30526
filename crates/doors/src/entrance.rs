//! What is counted at the entrance, across all lanes: sockets that are no clients yet, and who was refused and why.

use runtime::{Addresses, Clock, Sampler, readable};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Why somebody was not let in. Each is a value of the label `reason` of `keywire_refused_total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// `Host` is no name of this server.
    Host,
    /// The page's origin is not allowed.
    Origin,
    /// The server drains.
    Draining,
    /// `connections_max`.
    Connections,
    /// `connections_per_address_max`.
    Address,
    /// `http_connections_max`.
    Http,
    /// No HTTP, or a header that is none.
    Malformed,
    /// `header_bytes_max` or `headers_max`.
    TooLarge,
    /// A request's head that took longer than `frame_timeout_ms`.
    Slow,
    /// The TLS handshake failed, or took longer than `frame_timeout_ms`.
    Tls,
    /// No right to `/admin`.
    Admin,
    /// A token that is none, or who comes cannot be found out: at the doors that answer it with a status.
    Token,
}

impl Refusal {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Refusal; 12] = [
        Refusal::Host,
        Refusal::Origin,
        Refusal::Draining,
        Refusal::Connections,
        Refusal::Address,
        Refusal::Http,
        Refusal::Malformed,
        Refusal::TooLarge,
        Refusal::Slow,
        Refusal::Tls,
        Refusal::Admin,
        Refusal::Token,
    ];

    /// The label's value.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Host => "host",
            Refusal::Origin => "origin",
            Refusal::Draining => "draining",
            Refusal::Connections => "connections_max",
            Refusal::Address => "connections_per_address_max",
            Refusal::Http => "http_connections_max",
            Refusal::Malformed => "malformed",
            Refusal::TooLarge => "headers",
            Refusal::Slow => "slow",
            Refusal::Tls => "tls",
            Refusal::Admin => "admin",
            Refusal::Token => "token",
        }
    }
}

/// The entrance.
#[derive(Debug)]
pub struct Entrance {
    /// By discriminant.
    refused: [AtomicU64; Refusal::ALL.len()],
    /// Sockets that are no clients.
    http: AtomicUsize,
    /// Connections of each address.
    pub addresses: Addresses,
    sampler: Sampler,
}

/// A socket that is no client: it speaks HTTP, or nothing yet. Ends when dropped.
#[derive(Debug)]
pub struct HttpPlace(Arc<Entrance>);

impl Drop for HttpPlace {
    fn drop(&mut self) {
        self.0.http.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entrance {
    /// Nobody is there yet.
    pub fn new(clock: Clock) -> Entrance {
        /// So many refusals a second are told in the log, the others counted.
        const LINES_PER_SECOND: u64 = 5;
        Entrance {
            refused: Default::default(),
            http: AtomicUsize::new(0),
            addresses: Addresses::default(),
            sampler: Sampler::new(clock, LINES_PER_SECOND),
        }
    }

    /// A place for one more socket that is no client, if then there are at most `most`.
    pub fn enter(self: &Arc<Entrance>, most: usize) -> Option<HttpPlace> {
        let place = self.http.fetch_add(1, Ordering::Relaxed) < most;
        let entered = HttpPlace(self.clone());
        place.then_some(entered)
    }

    /// Counts and tells a refusal; `detail` says what the log shall name beside the reason, and may be a client's own text of
    /// any length.
    pub fn refuse(&self, refusal: Refusal, address: Option<IpAddr>, detail: &str) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(untold) = self.sampler.pass() {
            let (address, detail) = (address.map(tracing::field::display), readable(detail));
            tracing::info!(reason = refusal.name(), address, detail, untold, "refused");
        }
    }

    /// Each reason with how often it was given.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.iter().map(|refusal| (refusal.name(), self.refused[*refusal as usize].load(Ordering::Relaxed)))
    }

    /// Sockets that are no clients now.
    pub fn http_connections(&self) -> usize {
        self.http.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason() {
        let entrance = Entrance::new(Clock::start());
        assert!(Refusal::ALL.iter().enumerate().all(|(at, refusal)| *refusal as usize == at));
        entrance.refuse(Refusal::Tls, None, "");
        entrance.refuse(Refusal::Tls, "1.2.3.4".parse().ok(), "");
        let counted: Vec<_> = entrance.refusals().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("tls", 2)]);
    }

    #[test]
    fn the_last_socket_that_fits_is_let_in() {
        let entrance = Arc::new(Entrance::new(Clock::start()));
        let two = [entrance.enter(2), entrance.enter(2)];
        assert!(two.iter().all(Option::is_some) && entrance.enter(2).is_none());
        assert_eq!(entrance.http_connections(), 2);
        drop(two);
        assert!(entrance.enter(1).is_some());
    }
}
