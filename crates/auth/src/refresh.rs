//! Keys that change while the server runs: files that are replaced, and a key set that its owner rotates.
//!
//! What cannot be read or fetched changes nothing: the keys that were good stay, and the log says so.

use crate::config::{Config, Jwks};
use crate::fetch::{Client, shown};
use crate::files::Stamp;
use crate::keys::{KeySet, KeySource, read_keys};
use http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// How often files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A key set is small.
const JWKS_BYTES_MAX: usize = 1 << 20;
const JWKS_TIMEOUT: Duration = Duration::from_secs(5);

/// The keys of the settings, read again whenever one of their files changes.
pub(crate) fn watch_files(sources: &BTreeMap<String, KeySource>, keys: KeySet) -> watch::Receiver<Arc<KeySet>> {
    let (tell, told) = watch::channel(Arc::new(keys));
    if sources.values().any(|source| source.file().is_some()) {
        tokio::spawn(look_after(sources.clone(), tell));
    }
    told
}

async fn look_after(sources: BTreeMap<String, KeySource>, tell: watch::Sender<Arc<KeySet>>) {
    let mut seen = stamps(&sources);
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    while !tell.is_closed() {
        ticks.tick().await;
        let now = stamps(&sources);
        if now == seen {
            continue;
        }
        seen = now;
        match read_keys(&sources) {
            Ok(keys) => {
                tracing::info!(keys = keys.0.len(), "the keys for tokens were read again");
                let _ = tell.send(Arc::new(keys));
            }
            Err(wrong) => {
                for (name, what) in wrong {
                    tracing::warn!(
                        key = name,
                        error = what,
                        "a key for tokens cannot be read: the keys stay as they were"
                    );
                }
            }
        }
    }
}

/// What changes when a file does.
fn stamps(sources: &BTreeMap<String, KeySource>) -> Vec<Option<Stamp>> {
    sources.values().map(|source| Stamp::of(source.file()?)).collect()
}

/// The key set of a URL.
pub(crate) struct Fetched {
    /// None before it was fetched once.
    keys: watch::Receiver<Option<Arc<KeySet>>>,
    ask: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Fetched {
    /// Fetches from now on. `known`: keys of the same place, which hold until then.
    pub fn start(jwks: Jwks, config: &Config, known: Option<Arc<KeySet>>) -> Result<Fetched, String> {
        let client = Client::new(config.ca.as_deref())?;
        let (tell, keys) = watch::channel(known);
        let (ask, asked) = mpsc::unbounded_channel();
        tokio::spawn(fetch_again_and_again(jwks, client, tell, asked));
        Ok(Fetched { keys, ask })
    }

    /// The keys as they are known.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.keys.borrow().clone()
    }

    /// The keys as they are now, if they were not asked for a moment ago.
    pub async fn renewed(&self) -> Option<Arc<KeySet>> {
        let (tell, told) = oneshot::channel();
        if self.ask.send(tell).is_ok() {
            let _ = told.await;
        }
        self.current()
    }
}

async fn fetch_again_and_again(
    jwks: Jwks,
    client: Client,
    tell: watch::Sender<Option<Arc<KeySet>>>,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        let wait = match fetch(&jwks, &client).await {
            Ok(keys) => {
                tracing::debug!(keys = keys.0.len(), "the key set was fetched");
                let _ = tell.send(Some(Arc::new(keys)));
                jwks.interval
            }
            Err(error) => {
                tracing::warn!(url = %shown(&jwks.url), error, "the key set cannot be fetched: the keys stay as they were");
                jwks.interval.min(jwks.pause)
            }
        };
        for waiting in waiting.drain(..) {
            let _ = waiting.send(());
        }
        let (next, pause_over) = (Instant::now() + wait, Instant::now() + jwks.pause);
        while waiting.is_empty() {
            tokio::select! {
                () = sleep_until(next) => break,
                asks = asked.recv() => match asks {
                    None => return,
                    // Told at once that there is nothing new: made-up key ids cost the issuer nothing.
                    Some(asks) if Instant::now() < pause_over => {
                        let _ = asks.send(());
                    }
                    Some(asks) => waiting.push(asks),
                },
            }
        }
    }
}

async fn fetch(jwks: &Jwks, client: &Client) -> Result<KeySet, String> {
    let (status, body) = client.get(jwks.url.clone(), HeaderMap::new(), JWKS_BYTES_MAX, JWKS_TIMEOUT).await?;
    if !status.is_success() {
        return Err(format!("the answer's status is {status}"));
    }
    KeySet::from_jwks(&body)
}
