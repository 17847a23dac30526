//! The gate: one for the node, asked by every door for every client.

use crate::carried::Carried;
use crate::config::Config;
use crate::denial::Denial;
use crate::forward::Asker;
use crate::keys::{KeySet, read_keys};
use crate::refresh::{Fetched, watch_files};
use crate::rights::Said;
use crate::token::{Parts, parse};
use model::Time;
use session::Grant;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The monotonic clock.
    pub time: Time,
    /// Milliseconds since 1970.
    pub unix_ms: u64,
}

/// Finds out who a client is. Shared by all threads, for the node's whole life: what it is made with may change.
pub struct Gate(RwLock<Arc<Opened>>);

/// Settings that cannot be used, and why.
pub type Unusable = Vec<(String, String)>;

impl Gate {
    /// Makes a gate. What it does in the background it does on the runtime that this is called on.
    ///
    /// # Errors
    /// The settings that cannot be used, and why: `auth.keys`, `auth.jwks_url`, `auth.forward_url`.
    pub fn open(config: Config) -> Result<Gate, Unusable> {
        Ok(Gate(RwLock::new(Arc::new(Opened::new(config, 0, None)?))))
    }

    /// Believes whom this says, and nobody else, from now on; the number of what it gives from now on, which rises
    /// ([`Grant::generation`]). The keys that were fetched from a place that stays stay known, whether or not it can be
    /// reached now.
    ///
    /// # Errors
    /// As [`Gate::open`]; then all stays as it was.
    pub fn renew(&self, config: Config) -> Result<u32, Unusable> {
        let current = self.current();
        let generation = current.generation + 1;
        let renewed = Arc::new(Opened::new(config, generation, Some(&current))?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(generation)
    }

    /// Who comes with this request; none: nobody in particular.
    ///
    /// # Errors
    /// Why it is not let in. A client that brings a bad token is not let in as nobody.
    pub async fn arrive(&self, carried: Carried<'_>, now: Now) -> Result<Option<Grant>, Denial> {
        let gate = self.current();
        let grant = gate.arrive(carried, now).await?;
        Ok(grant.map(|grant| Grant { generation: gate.generation, ..grant }))
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub async fn token(&self, token: &str, now: Now) -> Result<Grant, Denial> {
        let gate = self.current();
        let grant = gate.token(token, now).await?;
        Ok(Grant { generation: gate.generation, ..grant })
    }

    /// Whether it comes with a token that is looked at: that takes the time of a signature's check.
    pub fn has_token(&self, carried: Carried<'_>) -> bool {
        let config = &self.current().config;
        config.takes_tokens() && carried.token(config.cookie.as_deref()).is_some()
    }

    /// As it is made now.
    pub(crate) fn current(&self) -> Arc<Opened> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A gate as it is made now.
pub(crate) struct Opened {
    pub(crate) config: Config,
    /// How often it was made anew.
    generation: u32,
    /// The keys of the settings.
    fixed: watch::Receiver<Arc<KeySet>>,
    fetched: Option<Fetched>,
    asker: Option<Asker>,
}

impl Opened {
    fn new(config: Config, generation: u32, before: Option<&Opened>) -> Result<Opened, Unusable> {
        let keys = read_keys(&config.keys).map_err(|wrong| {
            wrong.into_iter().map(|(name, what)| (format!("auth.keys.{name}"), what)).collect::<Vec<_>>()
        })?;
        let named = |name: &str| {
            let name = name.to_owned();
            move |what| vec![(name, what)]
        };
        let known = before.and_then(|before| before.known_to(&config));
        let fetched = config.jwks.clone().map(|jwks| Fetched::start(jwks, &config, known));
        let fetched = fetched.transpose().map_err(named("auth.jwks_url"))?;
        let asker = config.forward.clone().map(|forward| Asker::new(forward, &config));
        let asker = asker.transpose().map_err(named("auth.forward_url"))?;
        Ok(Opened { fixed: watch_files(&config.keys, keys), fetched, asker, config, generation })
    }

    /// The keys that were fetched, if by these settings they come from the same place, which is trusted for the same reason.
    fn known_to(&self, config: &Config) -> Option<Arc<KeySet>> {
        let place = |config: &Config| (config.jwks.as_ref().map(|jwks| jwks.url.clone()), config.ca.clone());
        self.fetched.as_ref().filter(|_| place(&self.config) == place(config))?.current()
    }

    async fn arrive(&self, carried: Carried<'_>, now: Now) -> Result<Option<Grant>, Denial> {
        if self.config.takes_tokens()
            && let Some(token) = carried.token(self.config.cookie.as_deref())
        {
            return self.token(&token, now).await.map(Some);
        }
        let Some(asker) = &self.asker else { return Ok(None) };
        let said = asker.ask(carried, now).await?;
        // Rules that are none are the application's mistake, not the client's.
        let denied = |denial: Denial| asker.no_answer(&format!("its rules are not understood: {denial}"));
        said.map(|said| said.grant(&self.config, now)).transpose().map_err(denied)
    }

    async fn token(&self, token: &str, now: Now) -> Result<Grant, Denial> {
        let parts = parse(token)?;
        self.check_signature(&parts).await?;
        parts.check_claims(&self.config, now.unix_ms / 1000)?;
        Said::by_token(&parts, &self.config)?.grant(&self.config, now)
    }

    pub(crate) async fn check_signature(&self, parts: &Parts<'_>) -> Result<(), Denial> {
        let fixed = self.fixed.borrow().clone();
        let id = parts.key_id();
        let Some(fetched) = self.fetched.as_ref().filter(|_| !(id.is_some() && fixed.has(id))) else {
            return parts.check_signature(&fixed);
        };
        let check = |keys: Option<&KeySet>| match keys {
            Some(keys) if id.is_some() && keys.has(id) => parts.check_signature(keys),
            Some(keys) if id.is_none() => parts.check_signature(keys).or_else(|_| parts.check_signature(&fixed)),
            Some(_) => parts.check_signature(&fixed),
            None => parts.check_signature(&fixed).map_err(|_| {
                Denial::Unavailable("the keys that tokens are checked with cannot be fetched now".to_owned())
            }),
        };
        let known = fetched.current();
        let is_named = id.is_some() && known.as_ref().is_some_and(|keys| keys.has(id));
        match check(known.as_deref()) {
            // Its key may be a new one: by its name, or because it has none and none of those that are known fits.
            Err(_) if !is_named => check(fetched.renewed().await.as_deref()),
            decided => decided,
        }
    }
}
